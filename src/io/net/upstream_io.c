/* SPDX-License-Identifier: Apache-2.0
 *
 * upstream_io: bytes to and from a provider. Head and body leave in one writev
 * straight from the exchange, at the end of the turn (phase.c); an answer goes from
 * where it was read through the parser into the exchange, and what that produced is
 * given to the client once per read.
 *
 * Reading stops while the client has more unsent bytes than the high watermark.
 * With TLS the request is encrypted in slices, the next when the last is out. An
 * answer is complete only when its framing says so; with a read-until-close body
 * over TLS only after close_notify. Loop thread; memory of the upstream.
 */
#include "net_private.h"

#define SLICE_BYTES (64 * 1024)

static void send_plain(struct net_upstream *u);
static void send_tls(struct net_upstream *u);
static bool send_cipher(struct net_upstream *u);
static void send_next(struct net_upstream *u);
static void on_written(uv_write_t *request, int status);
static void on_tls_bytes(struct net_upstream *u, struct str in);
static void on_answer_bytes(struct net_upstream *u, struct str in);
static void join(struct str *body, struct str piece);
static void on_eof(struct net_upstream *u, bool is_clean);
static void check_pause(struct net_upstream *u);
static void broken_later(struct net_upstream *u);

/* ---- out ------------------------------------------------------------------------- */

void upstream_flush(struct net_upstream *u)
{
    if (u->state != UPSTREAM_ACTIVE) {
        return;
    }
    if (u->tls == NULL) {
        send_plain(u);
    } else {
        send_tls(u);
    }
}

static void send_plain(struct net_upstream *u)
{
    const struct flow_call *call = &u->request->x->call;
    uv_buf_t parts[2] = {
        {.base = (char *)(uintptr_t)call->head.ptr, .len = call->head.len},
        {.base = (char *)(uintptr_t)call->body.ptr, .len = call->body.len},
    };
    unsigned count = call->body.len > 0 ? 2 : 1;
    ssize_t wrote = socket_write(u->poll.fd, call->head, call->body);
    if (wrote < 0) {
        return; /* reading tells, after what the provider may have answered */
    }
    size_t left = (size_t)wrote;
    unsigned first = 0;
    while (first < count && left >= parts[first].len) {
        left -= parts[first].len;
        first++;
    }
    if (first == count) {
        return;
    }
    parts[first].base += left;
    parts[first].len -= left;
    /* The bytes stay in the exchange: whoever ends it closes this handle first. */
    u->is_writing = uv_write(&u->write, (uv_stream_t *)&u->tcp, parts + first, count - first,
                             on_written) == 0;
    if (!u->is_writing) {
        broken_later(u);
    }
}

/* Encrypts and sends slices until the socket is full or all is sent. */
static void send_tls(struct net_upstream *u)
{
    const struct flow_call *call = &u->request->x->call;
    struct net *n = u->net;
    size_t all = call->head.len + call->body.len;
    while (u->plain_sent < all && !u->is_writing) {
        struct str head = str_sub(call->head, u->plain_sent, call->head.len);
        size_t at = u->plain_sent < call->head.len ? 0 : u->plain_sent - call->head.len;
        struct str body = str_sub(call->body, at, at + SLICE_BYTES);
        buf_clear(&n->join); /* one record for a small request, not two */
        buf_add(&n->join, str_sub(head, 0, SLICE_BYTES));
        if (head.len <= SLICE_BYTES) {
            buf_add(&n->join, body);
        }
        buf_clear(&u->cipher);
        if (n->join.err != ERR_OK ||
            tls_session_write(u->tls, buf_str(&n->join), &u->cipher) != ERR_OK) {
            broken_later(u);
            return;
        }
        u->plain_sent += n->join.len;
        if (!send_cipher(u)) {
            broken_later(u);
            return;
        }
    }
    if (!u->is_writing && u->cipher.capacity > 16 * 1024) {
        buf_fini(&u->cipher);
        buf_init(&u->cipher, 1024 * 1024);
    }
}

/* False: the loop refused the write. */
static bool send_cipher(struct net_upstream *u)
{
    if (u->cipher.len == 0) {
        return true;
    }
    uv_buf_t out = {.base = u->cipher.ptr, .len = u->cipher.len};
    ssize_t wrote = socket_write(u->poll.fd, buf_str(&u->cipher), STR_NONE);
    if (wrote < 0) {
        u->plain_sent = SIZE_MAX; /* enough: reading tells what became of it */
        return true;
    }
    out.base += wrote;
    out.len -= (size_t)wrote;
    if (out.len > 0) {
        u->is_writing =
            uv_write(&u->write, (uv_stream_t *)&u->tcp, &out, 1, on_written) == 0;
        return u->is_writing;
    }
    return true;
}

/* What the engine wants to say besides the request: handshake, alerts. */
static void send_next(struct net_upstream *u)
{
    struct buf swap = u->cipher;
    u->cipher = u->cipher_next;
    u->cipher_next = swap;
    buf_clear(&u->cipher_next);
    if (!send_cipher(u)) {
        broken_later(u);
    }
}

static void on_written(uv_write_t *request, int status)
{
    struct net_upstream *u = request->data;
    u->is_writing = false;
    if (u->state == UPSTREAM_CLOSING || u->request == NULL) {
        return;
    }
    if (status != 0) {
        /* An answer may have come before the reset: reading finds out. */
        return;
    }
    if (!u->has_answer && u->state == UPSTREAM_ACTIVE) {
        upstream_wait(u, u->request->x->call.first_byte_ms);
    }
    if (u->cipher_next.len > 0) {
        send_next(u);
    }
    if (u->tls != NULL && u->state == UPSTREAM_ACTIVE) {
        send_tls(u);
    }
}

/* Writing failed inside a call of ours: let the deadline code tell it next turn. */
static void broken_later(struct net_upstream *u)
{
    u->fail_how = FLOW_END_TRUNCATED;
    u->fail_reason = "the provider closed the connection";
    if (u->state == UPSTREAM_ACTIVE) {
        upstream_move(u, UPSTREAM_FAILED);
    }
    net_defer(u->net, &u->timer);
}

/* ---- TLS handshake ------------------------------------------------------------------ */

bool upstream_handshake_start(struct net_upstream *u)
{
    struct net *n = u->net;
    struct net_pool *p = u->pool;
    size_t used;
    u->trust = n->trust;
    struct tls_client *client = n->hooks.tls_client(n->hooks.context, p->ca_file);
    if (client == NULL) {
        return false;
    }
    enum err e = tls_session_new_client(client, p->url.host, n->resume, p->key, &u->tls);
    tls_client_unref(client);
    if (e != ERR_OK) {
        return false;
    }
    buf_clear(&n->plain);
    buf_clear(&u->cipher);
    return tls_session_feed(u->tls, STR_NONE, &used, &u->cipher, &n->plain) == ERR_OK &&
           send_cipher(u);
}

/* ---- in ----------------------------------------------------------------------------------- */

void upstream_on_read(struct net_upstream *u, ssize_t got, const char *bytes)
{
    if (u->state == UPSTREAM_CLOSING || u->state == UPSTREAM_FAILED) {
        return;
    }
    if (u->state == UPSTREAM_POOLED && (u->tls == NULL || got < 0)) {
        if (got > 0) {
            stat_add(&u->net->stats.upstreams_discarded, 1);
        }
        upstream_close(u);
    } else if (got == UV_EOF) {
        on_eof(u, u->tls == NULL || tls_session_state(u->tls) == TLS_CLOSED);
    } else if (got < 0) {
        upstream_end(u, u->state == UPSTREAM_HANDSHAKE ? FLOW_END_TLS : FLOW_END_TRUNCATED,
                     u->state == UPSTREAM_HANDSHAKE
                         ? "the provider closed the connection during the TLS handshake"
                         : "the provider reset the connection");
    } else if (u->tls != NULL) {
        on_tls_bytes(u, (struct str){bytes, (size_t)got});
    } else {
        on_answer_bytes(u, (struct str){bytes, (size_t)got});
    }
}

static void on_tls_bytes(struct net_upstream *u, struct str in)
{
    struct net *n = u->net;
    bool is_more = true;
    while (is_more && u->state != UPSTREAM_CLOSING && u->state != UPSTREAM_FAILED) {
        size_t used = 0;
        size_t before = in.len;
        buf_clear(&n->plain);
        buf_clear(&n->cipher);
        enum err e = tls_session_feed(u->tls, in, &used, &n->cipher, &n->plain);
        in = str_sub(in, used, in.len);
        buf_add(&u->cipher_next, buf_str(&n->cipher));
        if (u->cipher_next.len > 0 && !u->is_writing) {
            send_next(u);
        }
        enum tls_state state = tls_session_state(u->tls);
        if (e != ERR_OK || state == TLS_FAILED) {
            const char *reason = tls_session_reason(u->tls);
            upstream_end(u, FLOW_END_TLS, reason[0] == '\0' ? "the TLS session failed" : reason);
            return;
        }
        is_more = (in.len > 0 || !tls_session_is_drained(u->tls)) &&
                  (n->plain.len > 0 || in.len < before);
        if (u->state == UPSTREAM_HANDSHAKE && state == TLS_OPEN) {
            upstream_activate(u);
        }
        if (n->plain.len > 0 && u->state == UPSTREAM_POOLED) {
            stat_add(&n->stats.upstreams_discarded, 1);
            upstream_close(u);
        } else if (n->plain.len > 0 && u->state == UPSTREAM_ACTIVE) {
            on_answer_bytes(u, buf_str(&n->plain));
        }
        if (state == TLS_CLOSED && u->state != UPSTREAM_CLOSING &&
            u->state != UPSTREAM_FAILED) {
            on_eof(u, true);
            return;
        }
    }
}

/* Parses one read to its end. What it holds of the body is moved together and given on at
 * once, whatever pieces the provider made of it. Whoever gets it may let go of the call: then
 * this connection is closing and nothing more is read from it. */
static void on_answer_bytes(struct net_upstream *u, struct str in)
{
    struct net_request *r = u->request;
    struct wire_event ev;
    struct str body = STR_NONE;
    if (r == NULL) {
        stat_add(&u->net->stats.upstreams_discarded, 1);
        upstream_close(u);
        return;
    }
    if (!list_is_empty(&u->flush_node)) {
        stat_add(&u->net->stats.upstreams_discarded, 1);
        upstream_end(u, FLOW_END_TRUNCATED, "the provider answered before it was asked");
        return;
    }
    u->has_answer = true;
    upstream_wait(u, r->x->call.idle_ms);
    enum err e = wire_parser_next(&u->parser, &in, &ev);
    for (; e == ERR_OK && (ev.type == WIRE_HEAD || ev.type == WIRE_BODY);
         e = wire_parser_next(&u->parser, &in, &ev)) {
        if (ev.type == WIRE_BODY) {
            join(&body, ev.body);
            continue;
        }
        request_on_upstream_head(r, u->parser.head); /* it comes before all of the body */
        if (u->request != r) {
            return;
        }
    }
    if (body.len > 0) {
        request_on_upstream_body(r, body);
    }
    if (u->request != r) {
        return;
    }
    if (e != ERR_OK) {
        const char *reason = u->parser.refusal_reason;
        upstream_end(u, FLOW_END_PROTOCOL,
                     reason == NULL ? "the provider's answer is not acceptable" : reason);
    } else if (ev.type == WIRE_END) {
        upstream_complete(u, in.len > 0);
    } else {
        if (r->x->out.len > 0) {
            request_perform(r);
        }
        if (u->request == r) {
            check_pause(u);
        }
    }
}

/* Behind what is there already, over bytes that are used up: reads are our own memory. */
static void join(struct str *body, struct str piece)
{
    if (body->len == 0) {
        *body = piece;
        return;
    }
    ASSERT(piece.ptr >= body->ptr + body->len);
    memmove((char *)(uintptr_t)body->ptr + body->len, piece.ptr, piece.len);
    body->len += piece.len;
}

static void on_eof(struct net_upstream *u, bool is_clean)
{
    bool is_complete = false;
    if (u->state == UPSTREAM_POOLED) {
        upstream_close(u);
    } else if (u->state == UPSTREAM_HANDSHAKE) {
        upstream_end(u, FLOW_END_TLS,
                     "the provider closed the connection during the TLS handshake");
    } else if (u->has_answer && is_clean &&
               wire_parser_finish(&u->parser, &is_complete) == ERR_OK && is_complete) {
        poll_stop(u->net, &u->poll); /* never reused */
        upstream_complete(u, false);
    } else {
        upstream_end(u, FLOW_END_TRUNCATED,
                     u->has_answer ? "the provider closed the connection inside its answer"
                                   : "the provider closed the connection without an answer");
    }
}

/* ---- back-pressure -------------------------------------------------------------------------- */

static void check_pause(struct net_upstream *u)
{
    struct net *n = u->net;
    struct net_client *c = u->request->client;
    if (c == NULL || u->is_paused || client_unsent(c) <= n->options.unsent_high_bytes) {
        return;
    }
    u->is_paused = true;
    stat_add(&n->stats.pauses, 1);
    poll_stop(n, &u->poll);
    u->phase_due_ms = NET_NEVER; /* the client's stall deadline watches now */
    upstream_arm(u);
}

void upstream_resume(struct net_upstream *u)
{
    if (!u->is_paused || u->request == NULL || u->state != UPSTREAM_ACTIVE) {
        return;
    }
    u->is_paused = false;
    upstream_wait(u, u->request->x->call.idle_ms);
    if (!poll_start(u->net, &u->poll, &u->tcp)) {
        broken_later(u);
    }
}
