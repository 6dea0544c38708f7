/* SPDX-License-Identifier: Apache-2.0
 *
 * client_write: bytes to the client. A little is copied and goes out in one system call
 * at the end of the turn (phase.c); much goes out at once, straight from the exchange's
 * buffer, and only what the socket does not take is copied.
 *
 * Back-pressure: client_unsent is what the upstream side compares with the
 * watermarks. A client that takes nothing for write_stall_ms is dropped. With TLS
 * the bytes are encrypted here. Owned by the client; loop thread.
 */
#include "net_private.h"

/* So much is sent at once: a copy of more is dearer than a system call. */
#define FLUSH_BYTES ((size_t)16 * 1024)

static void queue(struct net_client *c, struct str bytes, struct str rest);
static size_t try_write(struct net_client *c, struct str bytes, struct str rest);
static void write_queued(struct net_client *c);
static void resume_provider(struct net_client *c);
static void on_written(uv_write_t *request, int status);

void client_send(struct net_client *c, struct str bytes, struct str rest)
{
    struct net *n = c->net;
    if (bytes.len + rest.len == 0 || c->is_broken || c->state == CLIENT_CLOSING) {
        return;
    }
    if (c->tls == NULL) {
        client_send_raw(c, bytes, rest);
        return;
    }
    buf_clear(&n->cipher);
    if (rest.len > 0 && bytes.len + rest.len <= NET_READ_BYTES) {
        buf_clear(&n->join); /* one record for a small answer, not two */
        buf_add(&n->join, bytes);
        buf_add(&n->join, rest);
        bytes = n->join.err == ERR_OK ? buf_str(&n->join) : bytes;
        rest = n->join.err == ERR_OK ? STR_NONE : rest;
    }
    if (tls_session_write(c->tls, bytes, &n->cipher) != ERR_OK ||
        (rest.len > 0 && tls_session_write(c->tls, rest, &n->cipher) != ERR_OK) ||
        n->cipher.err != ERR_OK) {
        c->is_broken = true;
        return;
    }
    client_send_raw(c, buf_str(&n->cipher), STR_NONE);
    if (n->cipher.capacity > 1024 * 1024) {
        buf_fini(&n->cipher);
    }
}

/* What an exchange has to say is mostly all that its client is sent in this turn: then the
 * memory changes hands, not the bytes. */
void client_send_out(struct net_client *c, struct buf *out, struct str rest)
{
    bool is_moved = c->tls == NULL && c->queued.ptr == NULL && !c->is_writing && !c->is_broken &&
                    c->state != CLIENT_CLOSING && out->err == ERR_OK &&
                    out->len + rest.len < FLUSH_BYTES;
    if (is_moved) {
        buf_move(&c->queued, out);
        queue(c, STR_NONE, rest);
    } else {
        client_send(c, buf_str(out), rest);
    }
    buf_clear(out);
    buf_give_spare(c->net->hooks.env->spares, out);
}

void client_send_raw(struct net_client *c, struct str bytes, struct str rest)
{
    if (bytes.len + rest.len == 0 || c->is_broken || c->state == CLIENT_CLOSING) {
        return;
    }
    if (!c->is_writing && c->queued.len + bytes.len + rest.len >= FLUSH_BYTES) {
        client_flush(c);
        size_t done = c->is_writing ? 0 : try_write(c, bytes, rest);
        rest = str_sub(rest, done > bytes.len ? done - bytes.len : 0, rest.len);
        bytes = str_sub(bytes, done, bytes.len);
        if (bytes.len + rest.len == 0) {
            return;
        }
    }
    buf_take_spare(c->net->hooks.env->spares, &c->queued);
    queue(c, bytes, rest);
}

/* Behind what is queued; it goes out with the turn. */
static void queue(struct net_client *c, struct str bytes, struct str rest)
{
    buf_add_parts(&c->queued, (const struct str[]){bytes, rest}, 2);
    if (c->queued.err != ERR_OK) {
        c->is_broken = true;
    }
    if (!c->is_writing) {
        list_remove(&c->flush_node);
        list_add(&c->net->flush_clients, &c->flush_node);
    }
}

void client_flush(struct net_client *c)
{
    list_remove(&c->flush_node);
    if (c->is_writing || c->queued.len == 0) {
        return; /* on_written goes on */
    }
    buf_consume(&c->queued, try_write(c, buf_str(&c->queued), STR_NONE));
    if (c->queued.len == 0) {
        buf_give_spare(c->net->hooks.env->spares, &c->queued);
    } else if (!c->is_broken) {
        c->stall_due_ms = net_ms(c->net) + c->net->options.write_stall_ms;
        write_queued(c);
    }
    resume_provider(c);
}

/* How much the socket took. */
static size_t try_write(struct net_client *c, struct str bytes, struct str rest)
{
    ssize_t wrote = c->is_broken ? 0 : socket_write(c->poll.fd, bytes, rest);
    c->is_broken = c->is_broken || wrote < 0;
    return wrote < 0 ? 0 : (size_t)wrote;
}

static void write_queued(struct net_client *c)
{
    struct buf swap = c->sending;
    c->sending = c->queued;
    c->queued = swap;
    buf_clear(&c->queued);
    uv_buf_t out = {.base = c->sending.ptr, .len = c->sending.len};
    c->is_writing = uv_write(&c->write, (uv_stream_t *)&c->tcp, &out, 1, on_written) == 0;
    c->is_broken = c->is_broken || !c->is_writing;
    c->stall_left_bytes = uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp);
}

static void on_written(uv_write_t *request, int status)
{
    struct net_client *c = request->data;
    c->is_writing = false;
    if (c->state == CLIENT_CLOSING) {
        return;
    }
    buf_clear(&c->sending);
    if (status != 0) {
        c->is_broken = true;
    } else if (c->queued.len > 0) {
        c->stall_due_ms = net_ms(c->net) + c->net->options.write_stall_ms;
        write_queued(c);
    } else {
        c->stall_due_ms = NET_NEVER;
    }
    resume_provider(c);
    client_advance(c);
}

static void resume_provider(struct net_client *c)
{
    if (c->request != NULL && c->request->upstream != NULL &&
        client_unsent(c) <= c->net->options.unsent_low_bytes) {
        upstream_resume(c->request->upstream);
    }
}

size_t client_unsent(const struct net_client *c)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp) + c->queued.len;
}

/* No byte taken since the deadline was set? Sets the next one otherwise. */
bool client_is_stalled(struct net_client *c, uint64_t now_ms)
{
    if (c->stall_due_ms > now_ms) {
        return false;
    }
    size_t left = uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp);
    if (left >= c->stall_left_bytes) {
        return true;
    }
    c->stall_left_bytes = left;
    c->stall_due_ms = now_ms + c->net->options.write_stall_ms;
    return false;
}
