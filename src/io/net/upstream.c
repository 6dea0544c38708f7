/* SPDX-License-Identifier: Apache-2.0
 *
 * upstream: the machine of one connection to a provider.
 *
 *   upstream_open -> RESOLVE -> CONNECT -> HANDSHAKE -> ACTIVE -> POOLED -> ACTIVE ...
 *                       |         |  \______(plain)______^  |        |
 *                       +---------+-- FAILED (told next turn)--------+--> CLOSING
 * Where it waits, and which deadline of the call watches (total_ms always does):
 *   RESOLVE, CONNECT, HANDSHAKE   for the name, the peer, its certificate  connect_ms
 *   ACTIVE, before the answer     for the first byte                      first_byte_ms
 *   ACTIVE, in the answer         for the next byte (not while paused)    idle_ms
 *   POOLED                        for the next call                       upstream_idle_ms
 *   FAILED                        for the next turn of the loop, no longer
 *
 * A pooled connection that dies before the first byte of an answer is replaced by a
 * fresh one, once per call: it was closed before it saw the request. Any byte nobody
 * asked for closes it. Invariant: request != NULL <=> RESOLVE..ACTIVE or FAILED, and
 * then request->upstream is this one. It never decides where to connect: the address
 * was checked, and the checked address is the one connected to.
 */
#include "net_private.h"

#include <netinet/in.h>
#include <stdlib.h>

static struct net_upstream *upstream_new(struct net_request *r, struct net_pool *pool);
static void open_fresh(struct net_request *r, struct net_pool *pool);
static void resolve(struct net_upstream *u);
static void connect_to(struct net_upstream *u, const struct net_addr *addr);
static void on_connected(uv_connect_t *request, int status);
static void connect_next(struct net_upstream *u);
static void fail_later(struct net_upstream *u, enum flow_end_how how, const char *reason);
static struct net_request *detach(struct net_upstream *u);
static void on_due(struct net_timer *t);
static void on_closed(uv_handle_t *handle);

static const uint8_t successors[] = {
    [UPSTREAM_RESOLVE] = 1 << UPSTREAM_CONNECT | 1 << UPSTREAM_FAILED | 1 << UPSTREAM_CLOSING,
    [UPSTREAM_CONNECT] = 1 << UPSTREAM_HANDSHAKE | 1 << UPSTREAM_ACTIVE | 1 << UPSTREAM_FAILED |
                         1 << UPSTREAM_CLOSING,
    [UPSTREAM_HANDSHAKE] = 1 << UPSTREAM_ACTIVE | 1 << UPSTREAM_CLOSING,
    [UPSTREAM_ACTIVE] = 1 << UPSTREAM_POOLED | 1 << UPSTREAM_FAILED | 1 << UPSTREAM_CLOSING,
    [UPSTREAM_POOLED] = 1 << UPSTREAM_ACTIVE | 1 << UPSTREAM_CLOSING,
    [UPSTREAM_FAILED] = 1 << UPSTREAM_CLOSING,
    [UPSTREAM_CLOSING] = 0,
};

/* The only writer of u->state. */
void upstream_move(struct net_upstream *u, enum upstream_state to)
{
    ASSERT((successors[u->state] & 1 << to) != 0);
    u->state = (uint8_t)to;
}

/* ---- opening ------------------------------------------------------------------------- */

void upstream_open(struct net_request *r)
{
    struct net *n = r->net;
    const struct flow_call *call = &r->x->call;
    struct net_pool *pool = pool_get(n, call->endpoint);
    ASSERT(r->upstream == NULL);
    r->has_retried = false;
    r->addr_next = 0;
    r->total_due_ms = call->total_ms == 0 ? NET_NEVER : net_ms(n) + call->total_ms;
    struct net_upstream *u = pool == NULL ? NULL : pool_take(pool);
    if (u == NULL) {
        open_fresh(r, pool);
        return;
    }
    pool_unuse(n, pool); /* the connection has its own use */
    stat_add(&n->stats.upstreams_reused, 1);
    u->is_reused = true;
    u->request = r;
    r->upstream = u;
    upstream_activate(u);
}

/* Takes over one use of `pool` (NULL: no memory was there for it). */
static void open_fresh(struct net_request *r, struct net_pool *pool)
{
    struct net *n = r->net;
    struct net_upstream *u = upstream_new(r, pool);
    if (u == NULL) {
        /* Not even memory to say so later: the client's connection goes. */
        if (pool != NULL) {
            pool_unuse(n, pool);
        }
        if (r->client != NULL) {
            r->client->is_broken = true;
        }
        return;
    }
    upstream_wait(u, r->x->call.connect_ms);
    if (pool == NULL) {
        fail_later(u, FLOW_END_REFUSED, "out of memory");
    } else if (n->is_cut) {
        fail_later(u, FLOW_END_REFUSED, "shutting down");
    } else if (atomic_load_explicit(&n->stats.upstreams, memory_order_relaxed) >
               n->options.upstreams_max) {
        fail_later(u, FLOW_END_REFUSED, "too many connections to providers");
    } else {
        resolve(u);
    }
}

static struct net_upstream *upstream_new(struct net_request *r, struct net_pool *pool)
{
    struct net *n = r->net;
    struct net_upstream *u = calloc(1, sizeof(*u));
    if (u == NULL) {
        return NULL;
    }
    u->net = n;
    u->trust = n->trust;
    u->pool = pool;
    u->poll.is_upstream = true;
    u->request = r;
    r->upstream = u;
    list_init(&u->pool_node);
    list_init(&u->name_node);
    list_init(&u->flush_node);
    wheel_timer_init(&u->timer, on_due);
    buf_init(&u->cipher, 1024 * 1024);
    buf_init(&u->cipher_next, 1024 * 1024);
    wire_parser_init(&u->parser, WIRE_RESPONSE, &n->options.answer_limits);
    u->state = UPSTREAM_RESOLVE;
    u->total_due_ms = r->total_due_ms;
    u->tcp.data = u;
    u->connect.data = u;
    u->write.data = u;
    list_add(&n->upstreams, &u->node);
    stat_add(&n->stats.upstreams, 1);
    return u;
}

static void resolve(struct net_upstream *u)
{
    struct net *n = u->net;
    const struct net_addr *addrs;
    size_t count;
    const char *reason;
    if (!net_url_is_permitted(n->options.exceptions, &u->pool->url, &reason)) {
        fail_later(u, FLOW_END_REFUSED, reason);
        return;
    }
    enum err e = dns_resolve(u, u->pool->url.host, &addrs, &count);
    if (e == ERR_OK) {
        upstream_on_names(u, addrs, count);
    } else if (e != ERR_AGAIN) {
        fail_later(u, FLOW_END_REFUSED, "the provider's name could not be resolved");
    }
}

/* Every address of the name must be permitted, not only the one taken: a name that
 * mixes public and private addresses is an attempt at rebinding (169). */
void upstream_on_names(struct net_upstream *u, const struct net_addr *addrs, size_t count)
{
    struct net *n = u->net;
    const char *reason;
    if (count == 0) {
        fail_later(u, FLOW_END_REFUSED, "the provider's name could not be resolved");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!net_address_is_permitted(n->options.exceptions, &u->pool->url, addrs[i].bytes,
                                      addrs[i].len, &reason)) {
            fail_later(u, FLOW_END_REFUSED, reason);
            return;
        }
    }
    if (u->request->addr_next >= count) {
        fail_later(u, FLOW_END_REFUSED, "the provider refused the connection");
        return;
    }
    connect_to(u, &addrs[u->request->addr_next]);
}

static void connect_to(struct net_upstream *u, const struct net_addr *addr)
{
    struct net *n = u->net;
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(u->pool->url.port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(u->pool->url.port)};
    const struct sockaddr *to;
    if (addr->len == 4) {
        memcpy(&v4.sin_addr, addr->bytes, 4);
        to = (const struct sockaddr *)&v4;
    } else {
        memcpy(&v6.sin6_addr, addr->bytes, 16);
        to = (const struct sockaddr *)&v6;
    }
    if (uv_tcp_init(n->loop, &u->tcp) != 0) {
        fail_later(u, FLOW_END_REFUSED, "out of sockets");
        return;
    }
    u->has_handle = true;
    u->tcp.data = u;
    upstream_move(u, UPSTREAM_CONNECT);
    if (uv_tcp_connect(&u->connect, &u->tcp, to, on_connected) != 0) {
        u->tries_next = true;
        fail_later(u, FLOW_END_REFUSED, "the provider could not be reached");
        return;
    }
    uv_tcp_nodelay(&u->tcp, 1);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct net_upstream *u = request->data;
    struct net *n = u->net;
    if (u->state != UPSTREAM_CONNECT) {
        return; /* closed or failed meanwhile */
    }
    if (status != 0) {
        connect_next(u);
        return;
    }
    stat_add(&n->stats.upstreams_opened, 1);
    if (!poll_start(n, &u->poll, &u->tcp)) {
        upstream_end(u, FLOW_END_REFUSED, "out of sockets");
        return;
    }
    if (!u->pool->url.is_tls) {
        upstream_activate(u);
        return;
    }
    upstream_move(u, UPSTREAM_HANDSHAKE);
    if (!upstream_handshake_start(u)) {
        upstream_end(u, FLOW_END_TLS, "no TLS session could be made for the provider");
    }
}

/* The next address of the name, within the same deadline. */
static void connect_next(struct net_upstream *u)
{
    struct net_pool *pool = u->pool;
    uint64_t due = u->phase_due_ms;
    struct net_request *r = detach(u);
    r->addr_next++;
    pool->users++;
    upstream_close(u);
    open_fresh(r, pool);
    if (r->upstream != NULL) {
        r->upstream->phase_due_ms = due;
        upstream_arm(r->upstream);
    }
}

/* The connection is good: send the call. */
void upstream_activate(struct net_upstream *u)
{
    struct net_request *r = u->request;
    upstream_move(u, UPSTREAM_ACTIVE);
    u->has_answer = false;
    u->plain_sent = 0;
    u->total_due_ms = r->total_due_ms;
    upstream_wait(u, r->x->call.first_byte_ms);
    list_remove(&u->flush_node);
    list_add(&u->net->flush_upstreams, &u->flush_node);
}

/* ---- the end of a call --------------------------------------------------------------- */

static struct net_request *detach(struct net_upstream *u)
{
    struct net_request *r = u->request;
    u->request = NULL;
    if (r != NULL) {
        r->upstream = NULL;
    }
    return r;
}

/* From inside upstream_open: the exchange hears of it on the next turn. */
static void fail_later(struct net_upstream *u, enum flow_end_how how, const char *reason)
{
    if (u->state != UPSTREAM_RESOLVE && u->state != UPSTREAM_CONNECT) {
        return;
    }
    upstream_move(u, UPSTREAM_FAILED);
    u->fail_how = how;
    u->fail_reason = reason;
    net_defer(u->net, &u->timer);
}

void upstream_end(struct net_upstream *u, enum flow_end_how how, const char *reason)
{
    struct net *n = u->net;
    struct net_pool *pool = u->pool;
    bool is_retry = u->is_reused && !u->has_answer && how == FLOW_END_TRUNCATED && !n->is_cut;
    struct net_request *r = detach(u);
    if (r != NULL && is_retry && !r->has_retried) {
        r->has_retried = true;
        stat_add(&n->stats.upstreams_retried, 1);
        pool->users++;
        upstream_close(u);
        open_fresh(r, pool);
        return;
    }
    upstream_close(u);
    if (r != NULL) {
        stat_add(&n->stats.upstreams_failed, 1);
        request_on_upstream_end(r, how, reason);
    }
}

/* The answer's framing ended: keep the connection when that is certain, then tell. */
void upstream_complete(struct net_upstream *u, bool has_surplus)
{
    struct net *n = u->net;
    bool is_fit = !has_surplus && u->poll.reads_waiting == 0 &&
                  wire_parser_is_reusable(&u->parser) && !u->is_writing && u->poll.is_reading &&
                  !n->is_draining && u->trust == n->trust &&
                  (u->tls == NULL || tls_session_state(u->tls) == TLS_OPEN);
    struct net_request *r = detach(u);
    if (is_fit && pool_keep(u)) {
        upstream_move(u, UPSTREAM_POOLED);
        u->phase_due_ms = net_ms(n) + n->options.upstream_idle_ms;
        u->total_due_ms = NET_NEVER;
        upstream_arm(u);
    } else {
        stat_add(&n->stats.upstreams_discarded, 1);
        upstream_close(u);
    }
    request_on_upstream_end(r, FLOW_END_COMPLETE, "");
}

void upstream_drop(struct net_request *r)
{
    struct net_upstream *u = r->upstream;
    if (u != NULL) {
        (void)detach(u);
        upstream_close(u);
    }
}

void upstream_close(struct net_upstream *u)
{
    struct net *n = u->net;
    if (u->state == UPSTREAM_CLOSING) {
        return;
    }
    struct net_request *r = detach(u);
    ASSERT(r == NULL || n->is_closing);
    if (u->state == UPSTREAM_POOLED) {
        pool_forget(u);
    }
    upstream_move(u, UPSTREAM_CLOSING);
    wheel_remove(&u->timer);
    list_remove(&u->name_node);
    list_remove(&u->flush_node);
    if (u->pool != NULL) {
        pool_unuse(n, u->pool);
        u->pool = NULL;
    }
    stat_sub(&n->stats.upstreams, 1);
    if (u->has_handle) {
        poll_stop(n, &u->poll);
        uv_close((uv_handle_t *)&u->tcp, on_closed);
    } else {
        /* No handle yet, but callers up the stack still look at it: free it from the
         * loop as well. */
        uv_tcp_init(n->loop, &u->tcp);
        u->tcp.data = u;
        uv_close((uv_handle_t *)&u->tcp, on_closed);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct net_upstream *u = handle->data;
    list_remove(&u->node);
    tls_session_free(u->tls);
    wire_parser_fini(&u->parser);
    buf_fini(&u->cipher);
    buf_fini(&u->cipher_next);
    free(u);
}

/* ---- deadlines ----------------------------------------------------------------------- */

void upstream_wait(struct net_upstream *u, uint32_t ms)
{
    u->phase_due_ms = ms == 0 ? NET_NEVER : net_ms(u->net) + ms;
    upstream_arm(u);
}

void upstream_arm(struct net_upstream *u)
{
    uint64_t due = u->phase_due_ms < u->total_due_ms ? u->phase_due_ms : u->total_due_ms;
    wheel_set(&u->net->wheel, &u->timer, due);
}

static void on_due(struct net_timer *t)
{
    struct net_upstream *u = NET_OF(t, struct net_upstream, timer);
    uint64_t now = net_ms(u->net);
    if (u->state == UPSTREAM_FAILED && u->tries_next) {
        connect_next(u);
    } else if (u->state == UPSTREAM_FAILED) {
        upstream_end(u, u->fail_how, u->fail_reason);
    } else if (u->state == UPSTREAM_POOLED) {
        if (u->phase_due_ms <= now) {
            upstream_close(u);
        } else {
            upstream_arm(u);
        }
    } else if (u->total_due_ms <= now) {
        upstream_end(u, FLOW_END_TIMEOUT, "the answer took longer than permitted in all");
    } else if (u->phase_due_ms <= now) {
        const char *reason = u->state != UPSTREAM_ACTIVE
                                 ? "the provider did not accept the connection in time"
                             : u->has_answer ? "the provider stopped sending"
                                             : "the provider did not begin its answer in time";
        upstream_end(u, FLOW_END_TIMEOUT, reason);
    } else {
        upstream_arm(u);
    }
}
