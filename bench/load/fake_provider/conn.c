/* SPDX-License-Identifier: Apache-2.0
 *
 * Listeners and connections of the fake provider.
 *
 *     READING --request complete--> SENDING --plan done--> READING (keep-alive)
 *                                      |                      \-> closed
 *                                      +-- cut: FIN or RST in the middle
 *
 * One request at a time per connection; bytes that arrive meanwhile wait. Memory:
 * the connection is freed in its last uv_close callback. A test tool: no limits
 * on the number of connections and no read timeout.
 */
#include "fake.h"

#include <stdlib.h>
#include <sys/socket.h>

#define READ_BYTES 65536

struct conn {
    uv_tcp_t tcp;
    uv_timer_t timer;
    struct listener *listener;
    struct tls_session *tls; /* NULL = plain */
    uint64_t number;
    struct wire_parser parser;
    struct buf plain;  /* decrypted, not yet parsed */
    struct buf body;
    struct plan plan;
    size_t sent;       /* bytes of the plan handed to the socket */
    size_t ends_at;
    bool is_sending;
    bool is_closing;
    int handles_open;
    int writes_open;
};

struct write {
    uv_write_t req;
    struct buf bytes;
    struct conn *conn;
};

static void listener_on_connection(uv_stream_t *stream, int status);
static void conn_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret);
static void conn_on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes);
static bool conn_decrypt(struct conn *c, struct str in);
static void conn_advance(struct conn *c);
static void conn_handle(struct conn *c);
static void conn_plan(struct conn *c);
static bool conn_plan_cached(struct conn *c, struct str body);
static void conn_on_timer(uv_timer_t *timer);
static void conn_send_some(struct conn *c);
static void conn_send_done(struct conn *c);
static void conn_write(struct conn *c, struct str bytes);
static void conn_write_net(struct conn *c, struct buf *net);
static void conn_on_written(uv_write_t *req, int status);
static void conn_end(struct conn *c, enum fake_cut how);
static void conn_on_shutdown(uv_shutdown_t *req, int status);
static void conn_close(struct conn *c);
static void conn_on_closed(uv_handle_t *handle);

static char read_bytes[READ_BYTES]; /* one loop, one read at a time */

int listener_open(struct listener *l, struct server *server, struct tls_server *tls, int port)
{
    struct sockaddr_in at;
    struct sockaddr_in bound;
    int len = sizeof(bound);
    l->server = server;
    l->tls = tls;
    int r = uv_tcp_init(server->loop, &l->tcp);
    r = r != 0 ? r : uv_ip4_addr("127.0.0.1", port, &at);
    r = r != 0 ? r : uv_tcp_bind(&l->tcp, (const struct sockaddr *)&at, 0);
    r = r != 0 ? r : uv_listen((uv_stream_t *)&l->tcp, 1024, listener_on_connection);
    r = r != 0 ? r : uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&bound, &len);
    l->port = r != 0 ? 0 : ntohs(bound.sin_port);
    return r;
}

static void listener_on_connection(uv_stream_t *stream, int status)
{
    struct listener *l = (struct listener *)stream;
    if (status != 0) {
        return;
    }
    struct conn *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return;
    }
    c->listener = l;
    c->number = ++l->server->seen.connections;
    uv_tcp_init(l->server->loop, &c->tcp);
    uv_timer_init(l->server->loop, &c->timer);
    c->timer.data = c;
    c->handles_open = 2;
    wire_parser_init(&c->parser, WIRE_REQUEST, &wire_limits_default);
    buf_init(&c->plain, BODY_BYTES_MAX);
    buf_init(&c->body, BODY_BYTES_MAX);
    plan_init(&c->plan);
    if (uv_accept(stream, (uv_stream_t *)&c->tcp) != 0 ||
        (l->tls != NULL && tls_session_new_server(l->tls, &c->tls) != ERR_OK)) {
        conn_close(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    uv_read_start((uv_stream_t *)&c->tcp, conn_on_alloc, conn_on_read);
}

static void conn_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)handle;
    (void)suggested;
    *ret = uv_buf_init(read_bytes, sizeof(read_bytes));
}

static void conn_on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    struct conn *c = (struct conn *)stream;
    if (size == 0) {
        return;
    }
    if (size < 0) {
        conn_close(c);
        return;
    }
    struct str in = {bytes->base, (size_t)size};
    if (c->tls == NULL) {
        buf_add(&c->plain, in);
    } else if (!conn_decrypt(c, in)) {
        conn_close(c);
        return;
    }
    conn_advance(c);
}

static bool conn_decrypt(struct conn *c, struct str in)
{
    struct buf net;
    enum err err = ERR_OK;
    buf_init(&net, BODY_BYTES_MAX);
    do {
        size_t consumed = 0;
        err = tls_session_feed(c->tls, in, &consumed, &net, &c->plain);
        in = str_sub(in, consumed, in.len);
    } while (err == ERR_OK && (in.len > 0 || !tls_session_is_drained(c->tls)));
    conn_write_net(c, &net);
    return err == ERR_OK && tls_session_state(c->tls) != TLS_CLOSED;
}

/* Parses until a request is complete, then answers; further bytes wait. */
static void conn_advance(struct conn *c)
{
    bool has_more = true;
    while (has_more && !c->is_sending && !c->is_closing) {
        struct str in = buf_str(&c->plain);
        struct wire_event ev;
        enum err err = wire_parser_next(&c->parser, &in, &ev);
        if (err != ERR_OK) {
            conn_write(c, STR("HTTP/1.1 400 Fake\r\ncontent-length: 0\r\n"
                              "connection: close\r\n\r\n"));
            conn_end(c, CUT_FIN);
            return;
        }
        if (ev.type == WIRE_BODY) {
            buf_add(&c->body, ev.body);
        }
        if (ev.type == WIRE_HEAD && c->parser.head->expects_continue) {
            conn_write(c, STR("HTTP/1.1 100 Continue\r\n\r\n"));
        }
        buf_consume(&c->plain, c->plain.len - in.len);
        has_more = ev.type != WIRE_NEED_MORE;
        if (ev.type == WIRE_END) {
            conn_handle(c);
        }
    }
}

static void conn_handle(struct conn *c)
{
    struct server *server = c->listener->server;
    c->is_sending = true;
    c->sent = 0;
    c->ends_at = 0;
    buf_clear(&c->plan.bytes);
    buf_clear(&c->plan.ends);
    if (!server->is_bench || !conn_plan_cached(c, buf_str(&c->body))) {
        conn_plan(c);
    }
    buf_clear(&c->body);
    if (c->plan.is_silent) {
        return;
    }
    if (c->plan.delay_ms > 0) {
        uv_timer_start(&c->timer, conn_on_timer, c->plan.delay_ms, 0);
        return;
    }
    conn_send_some(c);
}

static void conn_plan(struct conn *c)
{
    struct server *server = c->listener->server;
    const struct wire_head *head = c->parser.head;
    struct str body = buf_str(&c->body);
    struct arena arena;
    struct reply reply;
    struct view view = {.number = server->seen.requests + 1};
    arena_init(&arena, (size_t)256 * 1024 * 1024);
    reply_init(&reply);
    if (control_is_path(head->path)) {
        control_answer(&arena, &server->seen, head, body, &reply);
        plan_make(&c->plan, &reply, &(struct marks){0}, head->is_keep_alive);
    } else {
        if (server->is_bench) {
            server->seen.requests++;
        } else {
            control_record(&server->seen, head, body, c->number, c->tls != NULL);
        }
        control_marks(&arena, &server->seen, &view.marks);
        marks_read(&arena, wire_header_get(head, "x-fake"), &view.marks);
        view_read(&arena, head, body, &view);
        answer(&arena, head, &view, &reply);
        plan_make(&c->plan, &reply, &view.marks, head->is_keep_alive);
        if (c->plan.drip_ms == 0 && reply.is_stream) {
            c->plan.drip_ms = server->drip_ms;
        }
        if (c->plan.delay_ms == 0) {
            c->plan.delay_ms = server->delay_ms;
        }
    }
    reply_fini(&reply);
    arena_fini(&arena);
}

/* For benchmarks: the first answer of each kind is kept and sent again, without
 * reading the JSON. Only requests without marks, and POST. */
static bool conn_plan_cached(struct conn *c, struct str body)
{
    struct server *server = c->listener->server;
    const struct wire_head *head = c->parser.head;
    if (head->method != WIRE_POST || !head->is_keep_alive || control_is_path(head->path) ||
        str_find_str(body, STR("[[fake:")) >= 0) {
        return false;
    }
    bool is_stream = str_find_str(body, STR("\"stream\":true")) >= 0 ||
                     str_find_str(body, STR("\"stream\": true")) >= 0;
    struct plan *kept = &server->cached[endpoint_of(head->path)][is_stream];
    if (kept->bytes.len == 0) {
        conn_plan(c);
        *kept = c->plan;
        plan_init(&c->plan);
    } else {
        server->seen.requests++;
    }
    buf_add(&c->plan.bytes, buf_str(&kept->bytes));
    buf_add(&c->plan.ends, buf_str(&kept->ends));
    c->plan.delay_ms = kept->delay_ms;
    c->plan.drip_ms = kept->drip_ms;
    c->plan.cut = CUT_NONE;
    c->plan.cut_at = UINT64_MAX;
    c->plan.is_silent = false;
    c->plan.is_closing = false;
    return true;
}

static void conn_on_timer(uv_timer_t *timer)
{
    struct conn *c = timer->data;
    conn_send_some(c);
    if (!c->is_sending) {
        conn_advance(c);
    }
}

/* One piece when dripping or splitting, else all that is left. */
static void conn_send_some(struct conn *c)
{
    struct plan *p = &c->plan;
    bool is_stepwise = p->drip_ms > 0;
    size_t to = p->bytes.len;
    if (is_stepwise && c->ends_at < p->ends.len / sizeof(size_t)) {
        memcpy(&to, p->ends.ptr + c->ends_at * sizeof(to), sizeof(to));
        c->ends_at++;
    }
    bool is_cut = p->cut != CUT_NONE && to >= p->cut_at;
    to = is_cut ? (size_t)p->cut_at : to;
    conn_write(c, str_sub(buf_str(&p->bytes), c->sent, to));
    c->sent = to;
    if (is_cut) {
        conn_end(c, p->cut);
    } else if (c->sent < p->bytes.len) {
        uv_timer_start(&c->timer, conn_on_timer, p->drip_ms, 0);
    } else {
        conn_send_done(c);
    }
}

static void conn_send_done(struct conn *c)
{
    c->is_sending = false;
    if (c->plan.is_closing) {
        if (c->tls != NULL) {
            struct buf net;
            buf_init(&net, READ_BYTES);
            tls_session_close(c->tls, &net);
            conn_write_net(c, &net);
        }
        conn_end(c, CUT_FIN);
    }
}

static void conn_write(struct conn *c, struct str bytes)
{
    struct buf net;
    if (bytes.len == 0 || c->is_closing) {
        return;
    }
    buf_init(&net, 2 * BODY_BYTES_MAX);
    if (c->tls == NULL) {
        buf_add(&net, bytes);
    } else if (tls_session_write(c->tls, bytes, &net) != ERR_OK) {
        buf_fini(&net);
        conn_close(c);
        return;
    }
    conn_write_net(c, &net);
}

/* Takes over the buffer. Most answers fit the socket at once. */
static void conn_write_net(struct conn *c, struct buf *net)
{
    uv_buf_t bytes = uv_buf_init(net->ptr, (unsigned)net->len);
    int sent = net->len == 0 || c->writes_open > 0
                   ? 0 : uv_try_write((uv_stream_t *)&c->tcp, &bytes, 1);
    if (sent > 0) {
        buf_consume(net, (size_t)sent);
    }
    struct write *w = net->len == 0 ? NULL : calloc(1, sizeof(*w));
    if (w == NULL) {
        buf_fini(net);
        return;
    }
    w->bytes = *net;
    w->conn = c;
    bytes = uv_buf_init(w->bytes.ptr, (unsigned)w->bytes.len);
    c->writes_open++;
    if (uv_write(&w->req, (uv_stream_t *)&c->tcp, &bytes, 1, conn_on_written) != 0) {
        conn_on_written(&w->req, UV_ECANCELED);
    }
}

static void conn_on_written(uv_write_t *req, int status)
{
    struct write *w = (struct write *)req;
    (void)status; /* a gone peer shows on the read side */
    w->conn->writes_open--;
    buf_fini(&w->bytes);
    free(w);
}

static void conn_end(struct conn *c, enum fake_cut how)
{
    if (c->is_closing) {
        return;
    }
    if (how == CUT_RESET) {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        uv_os_fd_t fd;
        if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0) {
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        }
        conn_close(c);
        return;
    }
    c->is_sending = true; /* for good: no further request is read */
    uv_shutdown_t *req = calloc(1, sizeof(*req));
    if (req == NULL || uv_shutdown(req, (uv_stream_t *)&c->tcp, conn_on_shutdown) != 0) {
        free(req);
        conn_close(c);
    }
}

/* The peer's own end closes the connection for good (conn_on_read). */
static void conn_on_shutdown(uv_shutdown_t *req, int status)
{
    (void)status;
    free(req);
}

static void conn_close(struct conn *c)
{
    if (c->is_closing) {
        return;
    }
    c->is_closing = true;
    c->tcp.data = c;
    uv_close((uv_handle_t *)&c->tcp, conn_on_closed);
    uv_close((uv_handle_t *)&c->timer, conn_on_closed);
}

static void conn_on_closed(uv_handle_t *handle)
{
    struct conn *c = handle->data;
    if (--c->handles_open > 0) {
        return;
    }
    tls_session_free(c->tls);
    wire_parser_fini(&c->parser);
    buf_fini(&c->plain);
    buf_fini(&c->body);
    plan_fini(&c->plan);
    free(c);
}
