/* SPDX-License-Identifier: Apache-2.0
 *
 * client: the machine of one connection somebody opened to us.
 *
 *   accept -> HANDSHAKE -> IDLE -> HEAD -> BODY -> WAIT -> FLUSH -+-> IDLE | HEAD
 *               (TLS only)   ^       \______\_______________^     |
 *                            |         (refused early)            +-> LINGER -> CLOSING
 *                            +------------------------------------+
 * Where it waits, and which deadline watches:
 *   HANDSHAKE  for the TLS handshake                       handshake_ms
 *   IDLE       for the first byte of a request             idle_ms
 *   HEAD       for the end of the head                     header_ms
 *   BODY       for the body                                body_ms and a minimum rate
 *   WAIT       for the exchange (provider, disk, management): their deadlines
 *   FLUSH      for the client to take the answer           write_stall_ms (any state)
 *   LINGER     for the client's FIN, throwing bytes away   linger_ms
 * Any state may go to CLOSING when the peer breaks the connection.
 *
 * Requests are answered one at a time and in order: bytes behind the current one
 * wait in request->surplus, up to a bound; beyond it the connection ends with this
 * answer. A FIN does not end an exchange (half-close), a reset does. Invariant: state IDLE <=> no
 * request, except while advancing; CLOSING <=> uv_close was called.
 */
#include "net_private.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIPELINE_MAX 128 /* requests handled in one turn */
#define PROBE_TICKS 10   /* between two provisional answers */
#define PROBES_MAX 4

static struct net_client *client_new(struct net_listener *l);
static void client_start(struct net_client *c, struct net_listener *l);
static void on_tls_bytes(struct net_client *c, struct str in);
static void on_plain_bytes(struct net_client *c, struct str in);
static void keep_surplus(struct net_client *c, struct str in);
static void on_eof(struct net_client *c);
static void watch(struct net_client *c);
static void feed(struct net_client *c, struct str *in);
static bool begin_request(struct net_client *c);
static void step_request(struct net_client *c);
static void step_flush(struct net_client *c);
static void start_linger(struct net_client *c);
static void abort_client(struct net_client *c);
static void arm(struct net_client *c);
static void on_due(struct net_timer *t);
static void on_closed(uv_handle_t *handle);

/* Bits of the states that may follow. */
static const uint8_t successors[] = {
    [CLIENT_HANDSHAKE] = 1 << CLIENT_IDLE | 1 << CLIENT_CLOSING,
    [CLIENT_IDLE] = 1 << CLIENT_HEAD | 1 << CLIENT_LINGER | 1 << CLIENT_CLOSING,
    [CLIENT_HEAD] =
        1 << CLIENT_BODY | 1 << CLIENT_WAIT | 1 << CLIENT_FLUSH | 1 << CLIENT_CLOSING,
    [CLIENT_BODY] = 1 << CLIENT_WAIT | 1 << CLIENT_FLUSH | 1 << CLIENT_CLOSING,
    [CLIENT_WAIT] = 1 << CLIENT_FLUSH | 1 << CLIENT_CLOSING,
    [CLIENT_FLUSH] =
        1 << CLIENT_IDLE | 1 << CLIENT_HEAD | 1 << CLIENT_LINGER | 1 << CLIENT_CLOSING,
    [CLIENT_LINGER] = 1 << CLIENT_CLOSING,
    [CLIENT_CLOSING] = 0,
};

/* The only writer of c->state. */
static void client_move(struct net_client *c, enum client_state to)
{
    ASSERT((successors[c->state] & 1 << to) != 0);
    ASSERT(to != CLIENT_IDLE || c->request == NULL);
    c->state = (uint8_t)to;
    uint64_t now = net_ms(c->net);
    const struct net_options *o = &c->net->options;
    c->phase_due_ms = to == CLIENT_IDLE     ? now + o->idle_ms
                      : to == CLIENT_HEAD   ? now + o->header_ms
                      : to == CLIENT_BODY   ? now + o->body_grace_ms
                      : to == CLIENT_LINGER ? now + o->linger_ms
                                            : NET_NEVER;
}

/* ---- birth ------------------------------------------------------------------------ */

void client_accept(struct net_listener *l, uv_stream_t *server)
{
    struct net_client *c = client_new(l);
    if (c == NULL) {
        l->is_stalled = true; /* libuv waits until it is accepted: the tick tries again */
        return;
    }
    l->is_stalled = false;
    if (uv_accept(server, (uv_stream_t *)&c->tcp) != 0) {
        client_close(c);
        return;
    }
    client_start(c, l);
}

void client_adopt(struct net_listener *l, int fd)
{
    struct net_client *c = client_new(l);
    if (c == NULL) {
        close(fd);
        return;
    }
    if (uv_tcp_open(&c->tcp, fd) != 0) {
        close(fd);
        client_close(c);
        return;
    }
    client_start(c, l);
}

static struct net_client *client_new(struct net_listener *l)
{
    struct net *n = l->net;
    struct net_client *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return NULL;
    }
    if (uv_tcp_init(n->loop, &c->tcp) != 0) {
        free(c);
        return NULL;
    }
    c->net = n;
    c->tcp.data = c;
    c->write.data = c;
    c->tag = (uint16_t)l->tag;
    c->state = CLIENT_HANDSHAKE;
    list_init(&c->watch_node);
    list_init(&c->flush_node);
    wheel_timer_init(&c->timer, on_due);
    c->phase_due_ms = NET_NEVER;
    c->stall_due_ms = NET_NEVER;
    size_t out_max = 2 * n->hooks.env->answer_bytes_max + 4 * n->options.unsent_high_bytes;
    buf_init(&c->sending, out_max);
    buf_init(&c->queued, out_max);
    list_add(&n->clients, &c->node);
    stat_add(&n->stats.clients, 1);
    return c;
}

/* Too many: say so if the socket takes it at once, and close. */
static void refuse(struct net_client *c)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                                 "Content-Length: 0\r\nConnection: close\r\n\r\n";
    uv_buf_t out = {.base = (char *)(uintptr_t)answer, .len = sizeof(answer) - 1};
    (void)uv_try_write((uv_stream_t *)&c->tcp, &out, 1);
    stat_add(&c->net->stats.clients_refused, 1);
    client_close(c);
}

static void client_start(struct net_client *c, struct net_listener *l)
{
    struct net *n = c->net;
    if (atomic_load_explicit(&n->stats.clients, memory_order_relaxed) > n->options.clients_max) {
        refuse(c);
        return;
    }
    stat_add(&n->stats.clients_accepted, 1);
    uv_tcp_nodelay(&c->tcp, 1);
    if (l->tls != NULL && tls_session_new_server(l->tls, &c->tls) != ERR_OK) {
        client_close(c);
        return;
    }
    if (c->tls == NULL) {
        client_move(c, CLIENT_IDLE);
    } else {
        c->phase_due_ms = net_ms(n) + n->options.handshake_ms;
    }
    if (n->is_draining) {
        c->phase_due_ms = net_ms(n) + 1000; /* was in the queue: its request is on the way */
    }
    if (!poll_start(n, &c->poll, &c->tcp)) {
        client_close(c);
        return;
    }
    arm(c);
}

/* ---- bytes in ---------------------------------------------------------------------- */

void client_on_read(struct net_client *c, ssize_t got, const char *bytes)
{
    if (c->state == CLIENT_CLOSING) {
        return;
    }
    c->is_advancing = true; /* the machine moves when all bytes are handed over */
    if (got == UV_EOF) {
        on_eof(c);
    } else if (got < 0) {
        c->is_broken = true;
    } else if (c->tls != NULL) {
        on_tls_bytes(c, (struct str){bytes, (size_t)got});
    } else {
        on_plain_bytes(c, (struct str){bytes, (size_t)got});
    }
    c->is_advancing = false;
    client_advance(c);
}

static void on_tls_bytes(struct net_client *c, struct str in)
{
    struct net *n = c->net;
    bool is_more = true;
    while (is_more && c->state != CLIENT_CLOSING && !c->is_broken) {
        size_t used = 0;
        buf_clear(&n->cipher);
        buf_clear(&n->plain);
        enum err e = tls_session_feed(c->tls, in, &used, &n->cipher, &n->plain);
        in = str_sub(in, used, in.len);
        client_send_raw(c, buf_str(&n->cipher), STR_NONE);
        enum tls_state state = tls_session_state(c->tls);
        if (e != ERR_OK || state == TLS_FAILED) {
            client_flush(c); /* the alert says why */
            c->is_broken = true;
            return;
        }
        if (c->state == CLIENT_HANDSHAKE && state == TLS_OPEN) {
            client_move(c, CLIENT_IDLE);
        }
        is_more = (in.len > 0 || !tls_session_is_drained(c->tls)) &&
                  (used > 0 || n->plain.len > 0);
        if (n->plain.len > 0 && c->state != CLIENT_HANDSHAKE) {
            on_plain_bytes(c, buf_str(&n->plain));
        }
        if (state == TLS_CLOSED) {
            on_eof(c);
            return;
        }
    }
}

static void on_plain_bytes(struct net_client *c, struct str in)
{
    if (c->state == CLIENT_LINGER) {
        c->body_bytes += in.len;
        c->is_broken = c->is_broken || c->body_bytes > NET_LINGER_BYTES;
        return;
    }
    if (c->state == CLIENT_IDLE && !begin_request(c)) {
        return;
    }
    if (c->request != NULL && c->request->surplus.len == 0) {
        feed(c, &in);
    }
    if (in.len > 0 && c->request != NULL) {
        keep_surplus(c, in);
    }
}

/* Pipelined bytes wait for their turn. Reading goes on in any case, because only so a
 * client that goes is noticed: who sends too much is answered once more and closed. */
static void keep_surplus(struct net_client *c, struct str in)
{
    struct net_request *r = c->request;
    if (!c->is_discarding && r->surplus.len + in.len <= NET_SURPLUS_MAX) {
        buf_add(&r->surplus, in);
        c->is_broken = c->is_broken || r->surplus.err != ERR_OK;
        return;
    }
    if (!c->is_discarding) {
        c->is_discarding = true;
        c->is_closing_asked = true;
        c->body_bytes = 0;
        buf_clear(&r->surplus);
    }
    c->body_bytes += in.len;
    c->is_broken = c->is_broken || c->body_bytes > NET_LINGER_BYTES;
}

/* FIN of the client, or its close_notify. */
static void on_eof(struct net_client *c)
{
    if (c->has_eof) {
        return;
    }
    c->has_eof = true;
    if (c->state == CLIENT_WAIT) {
        watch(c); /* otherwise advance sees has_eof */
    }
}

/* After FIN nothing is read from this socket: the tick asks the kernel instead. */
static void watch(struct net_client *c)
{
    list_remove(&c->watch_node);
    list_add(&c->net->watched, &c->watch_node);
    client_check_watched(c);
}

/* Half-closed or gone? The bytes on the wire are the same. A provisional answer, which
 * every HTTP/1.1 client must skip, draws a reset from one that is gone; once a second, a
 * few times (some clients count them), then the deadlines of the call must do. Once the
 * answer has begun, FIN means gone: nobody closes one half in the middle of it. */
void client_check_watched(struct net_client *c)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);
    const struct net_request *r = c->request;
    bool is_dead = getsockopt(c->poll.fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
                   info.tcpi_state == TCP_CLOSE;
    unsigned tick = c->watch_ticks;
    c->watch_ticks += tick < UINT8_MAX ? 1 : 0;
    if (!is_dead && c->state == CLIENT_WAIT && r != NULL) {
        is_dead = r->has_sent && tick == 0;
        if (!r->has_sent && !r->parser.head->is_http10 && tick % PROBE_TICKS == 0 &&
            tick / PROBE_TICKS < PROBES_MAX) {
            client_send(c, STR("HTTP/1.1 100 Continue\r\n\r\n"), STR_NONE);
        }
    }
    c->is_broken = c->is_broken || is_dead;
}

/* ---- the machine ------------------------------------------------------------------------ */

static bool begin_request(struct net_client *c)
{
    c->request = request_get(c);
    if (c->request == NULL) {
        c->is_broken = true;
        return false;
    }
    client_move(c, CLIENT_HEAD);
    return true;
}

/* Hands bytes to the parser and its events to the exchange, to the end of this
 * request at most; what is left belongs to the next one. */
static void feed(struct net_client *c, struct str *in)
{
    struct net_request *r = c->request;
    struct wire_event ev;
    while ((c->state == CLIENT_HEAD || c->state == CLIENT_BODY) && !c->is_broken) {
        enum err e = wire_parser_next(&r->parser, in, &ev);
        if (r->is_done && (e != ERR_OK || ev.type != WIRE_END)) {
            r->is_bad = true; /* refused at its head: the body is not read */
            return;
        }
        if (e != ERR_OK) {
            in->len = 0;
            request_on_bad(r, r->parser.refusal_status, r->parser.refusal_reason);
            return;
        }
        switch (ev.type) {
        case WIRE_NEED_MORE:
            return;
        case WIRE_HEAD:
            c->requests_count++;
            c->body_bytes = 0;
            c->body_start_ms = net_ms(c->net);
            client_move(c, CLIENT_BODY);
            request_on_head(r);
            break;
        case WIRE_BODY:
            c->body_bytes += ev.body.len;
            request_on_body(r, ev.body);
            break;
        case WIRE_END:
            r->is_end_seen = true;
            client_move(c, CLIENT_WAIT);
            if (c->has_eof) {
                watch(c);
            }
            if (!r->is_done) {
                request_on_end(r);
            }
            return;
        }
    }
}

void client_advance(struct net_client *c)
{
    if (c->is_advancing || c->state == CLIENT_CLOSING) {
        return;
    }
    c->is_advancing = true;
    bool is_more = true;
    for (unsigned i = 0; is_more && i < 4 * PIPELINE_MAX; i++) {
        enum client_state before = (enum client_state)c->state;
        size_t surplus = c->request == NULL ? 0 : c->request->surplus.len;
        if (c->is_broken) {
            abort_client(c);
        } else if (before == CLIENT_HEAD || before == CLIENT_BODY || before == CLIENT_WAIT) {
            step_request(c);
        } else if (before == CLIENT_FLUSH) {
            step_flush(c);
        } else if (c->has_eof) { /* HANDSHAKE, IDLE, LINGER */
            c->is_broken = true;
            continue;
        }
        size_t left = c->request == NULL ? 0 : c->request->surplus.len;
        is_more = c->state != CLIENT_CLOSING &&
                  (before != c->state || surplus != left || c->is_broken);
    }
    c->is_advancing = false;
    if (c->state == CLIENT_CLOSING) {
        return;
    }
    arm(c);
    if (is_more) {
        net_defer(c->net, &c->timer); /* enough for one turn: others wait too */
    }
}

static void step_request(struct net_client *c)
{
    struct net_request *r = c->request;
    if (!r->is_done && c->state != CLIENT_WAIT && r->surplus.len > 0) {
        struct str in = buf_str(&r->surplus);
        size_t all = in.len;
        feed(c, &in);
        buf_consume(&r->surplus, all - in.len);
    }
    if (r->is_done) {
        client_move(c, CLIENT_FLUSH);
    } else if (c->has_eof && c->state != CLIENT_WAIT && r->surplus.len == 0) {
        c->is_broken = true; /* cut inside a request: nothing of it goes on */
    }
}

static void step_flush(struct net_client *c)
{
    struct net_request *r = c->request;
    if (client_unsent(c) > 0 || c->is_writing) {
        return;
    }
    bool is_next = r->is_keep_alive && r->is_end_seen && !c->is_closing_asked &&
                   c->requests_count < c->net->options.requests_max &&
                   (!c->has_eof || r->surplus.len > 0);
    list_remove(&c->watch_node);
    c->watch_ticks = 0;
    if (!is_next || (c->net->is_draining && r->surplus.len == 0)) {
        start_linger(c);
        return;
    }
    buf_fini(&c->sending); /* an idle connection keeps no buffer */
    buf_fini(&c->queued);
    if (r->surplus.len > 0) {
        request_reset(r);
        client_move(c, CLIENT_HEAD);
    } else {
        c->request = NULL;
        request_put(r);
        client_move(c, CLIENT_IDLE);
    }
}

/* Our half is closed first; the rest of what the client sends is thrown away, so
 * that no reset destroys the answer on its way (48). */
static void start_linger(struct net_client *c)
{
    struct net *n = c->net;
    if (c->tls != NULL) {
        buf_clear(&n->cipher);
        tls_session_close(c->tls, &n->cipher);
        client_send_raw(c, buf_str(&n->cipher), STR_NONE);
        client_flush(c);
    }
    if (c->request != NULL) {
        struct net_request *r = c->request;
        c->request = NULL;
        request_put(r);
    }
    if (shutdown(c->poll.fd, SHUT_WR) != 0) {
        c->is_broken = true;
    }
    client_move(c, CLIENT_LINGER);
    c->body_bytes = 0;
}

/* The connection is of no more use: tell the exchange, close the handle. */
static void abort_client(struct net_client *c)
{
    struct net_request *r = c->request;
    client_move(c, CLIENT_CLOSING);
    list_remove(&c->watch_node);
    list_remove(&c->flush_node);
    list_remove(&c->node);
    wheel_remove(&c->timer);
    c->request = NULL;
    poll_stop(c->net, &c->poll);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
    stat_sub(&c->net->stats.clients, 1);
    if (r != NULL) {
        request_on_client_gone(r);
    }
}

void client_close(struct net_client *c)
{
    if (c->state == CLIENT_CLOSING) {
        return;
    }
    c->is_broken = true;
    if (!c->is_advancing) {
        abort_client(c);
    }
}

void client_drain(struct net_client *c)
{
    if (c->state == CLIENT_IDLE && c->requests_count > 0) {
        start_linger(c);
    } else if (c->state == CLIENT_IDLE || c->state == CLIENT_HANDSHAKE) {
        c->phase_due_ms = net_ms(c->net) + 1000; /* a new one: its request may be on the way */
    }
    client_advance(c);
}

static void on_closed(uv_handle_t *handle)
{
    struct net_client *c = handle->data;
    tls_session_free(c->tls);
    buf_fini(&c->sending);
    buf_fini(&c->queued);
    free(c);
}

/* ---- deadlines -------------------------------------------------------------------------- */

static void arm(struct net_client *c)
{
    uint64_t due = c->phase_due_ms < c->stall_due_ms ? c->phase_due_ms : c->stall_due_ms;
    if (c->state == CLIENT_WAIT && c->request != NULL && c->request->is_serving) {
        uint64_t serve_due = c->request->total_due_ms;
        due = serve_due < due ? serve_due : due;
    }
    wheel_set(&c->net->wheel, &c->timer, due);
}

/* Is the body slower than it may be? Moves the deadline on when it is not. */
static bool is_body_late(struct net_client *c, uint64_t now)
{
    const struct net_options *o = &c->net->options;
    uint64_t took_ms = now - c->body_start_ms;
    if (took_ms >= o->body_ms ||
        c->body_bytes < (took_ms - o->body_grace_ms) * o->body_bytes_per_s / 1000) {
        return true;
    }
    uint64_t next = now + 1000;
    c->phase_due_ms = next < c->body_start_ms + o->body_ms ? next : c->body_start_ms + o->body_ms;
    return false;
}

static void on_due(struct net_timer *t)
{
    struct net_client *c = NET_OF(t, struct net_client, timer);
    struct net_request *r = c->request;
    uint64_t now = net_ms(c->net);
    c->is_advancing = true;
    if (client_is_stalled(c, now)) {
        stat_add(&c->net->stats.requests_timed_out, 1);
        c->is_broken = true;
    } else if (c->state == CLIENT_WAIT && r != NULL && r->is_serving && r->total_due_ms <= now) {
        request_on_serve_timeout(r);
    } else if (c->phase_due_ms <= now) {
        if (c->state == CLIENT_HEAD || (c->state == CLIENT_BODY && is_body_late(c, now))) {
            stat_add(&c->net->stats.requests_timed_out, 1);
            c->phase_due_ms = NET_NEVER;
            request_on_bad(r, 408, c->state == CLIENT_HEAD ? "the request head took too long"
                                                           : "the request body came too slowly");
        } else if (c->state == CLIENT_IDLE) {
            start_linger(c);
        } else if (c->state != CLIENT_BODY) {
            c->is_broken = true; /* HANDSHAKE, LINGER */
        }
    }
    c->is_advancing = false;
    client_advance(c);
}
