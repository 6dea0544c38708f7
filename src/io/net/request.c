/* SPDX-License-Identifier: Apache-2.0
 *
 * request: the host of one exchange, and the only caller of flow. Feeds it events
 * with the time and performs its wants: records, the call upstream, bytes to the
 * client, turns of the loop, management answers, the end.
 *
 * A request outlives its client when its record still waits for the disk; its
 * memory (exchange, parser) goes to a free list, so a request in steady state costs
 * no malloc. Wants are performed in a bounded loop in request_perform and nowhere
 * else; whoever called sees r->is_done afterwards. It holds no handle.
 */
#include "net_private.h"

#include <stdlib.h>
#include <sys/socket.h>

#define FREE_MAX 256     /* kept for reuse */
#define WANTS_MAX 64     /* rounds of one event; more is our mistake */

static void begin(struct net_request *r);
static bool perform_once(struct net_request *r);
static void perform_output(struct net_request *r, unsigned want);
static enum err record(struct net_request *r, bool is_last);
static void want_turn(struct net_request *r);
static void serve(struct net_request *r);
static void finish(struct net_request *r);
static void unpark(struct net_request *r);
static void recorded(struct net_request *r, enum err e);
static bool slot_take(struct net_request *r);
static void slot_give(struct net_request *r);

/* ---- life ---------------------------------------------------------------------- */

struct net_request *request_get(struct net_client *c)
{
    struct net *n = c->net;
    struct net_request *r;
    if (!list_is_empty(&n->free_requests)) {
        r = NET_OF(n->free_requests.prev, struct net_request, node);
        list_remove(&r->node);
        n->free_count--;
    } else {
        r = calloc(1, sizeof(*r));
        if (r == NULL || flow_exchange_new(&r->x) != ERR_OK) {
            free(r);
            return NULL;
        }
        list_init(&r->node);
        list_init(&r->turn_node);
        r->net = n;
        wire_parser_init(&r->parser, WIRE_REQUEST, &n->options.request_limits);
        buf_init(&r->surplus, NET_SURPLUS_MAX);
        if (!slot_take(r)) {
            flow_exchange_free(r->x);
            free(r);
            return NULL;
        }
    }
    r->client = c;
    request_reset(r);
    return r;
}

void request_reset(struct net_request *r)
{
    ASSERT(!r->has_begun && r->upstream == NULL && !r->is_parked);
    if (!r->is_end_seen || r->is_bad || r->parser.is_closed) {
        wire_parser_fini(&r->parser);
        wire_parser_init(&r->parser, WIRE_REQUEST, &r->net->options.request_limits);
    }
    r->generation++;
    r->addr_next = 0;
    r->is_done = false;
    r->is_end_seen = true; /* nothing seen: the parser is clean */
    r->is_gone_told = false;
    r->is_serving = false;
    r->is_keep_alive = false;
    r->has_retried = false;
    r->has_sent = false;
    r->has_body = false;
    r->is_bad = false;
}

void request_put(struct net_request *r)
{
    struct net *n = r->net;
    ASSERT(!r->has_begun);
    r->client = NULL;
    request_reset(r);
    if (r->surplus.capacity > 0) {
        buf_fini(&r->surplus);
        buf_init(&r->surplus, NET_SURPLUS_MAX);
    }
    list_remove(&r->node);
    list_add(&n->free_requests, &r->node);
    n->free_count++;
    if (n->free_count > FREE_MAX) {
        struct net_request *oldest = NET_OF(n->free_requests.next, struct net_request, node);
        list_remove(&oldest->node);
        n->free_count--;
        slot_give(oldest);
        wire_parser_fini(&oldest->parser);
        flow_exchange_free(oldest->x);
        free(oldest);
    }
}

void requests_free(struct net *n)
{
    ASSERT(list_is_empty(&n->active) && list_is_empty(&n->parked));
    while (!list_is_empty(&n->free_requests)) {
        struct net_request *r = NET_OF(n->free_requests.next, struct net_request, node);
        list_remove(&r->node);
        wire_parser_fini(&r->parser);
        flow_exchange_free(r->x);
        free(r);
    }
    free(n->slots);
}

/* Slots name requests to other threads. A free one holds NULL; few, so a scan from
 * the last one given is enough when a request is made (not when it is reused). */
static bool slot_take(struct net_request *r)
{
    struct net *n = r->net;
    for (uint32_t i = 0; i < n->slots_count; i++) {
        uint32_t at = (n->slots_free + i) % n->slots_count;
        if (n->slots[at] == NULL) {
            n->slots[at] = r;
            r->slot = at;
            n->slots_free = at + 1;
            return true;
        }
    }
    uint32_t count = n->slots_count == 0 ? 64 : n->slots_count * 2;
    struct net_request **bigger = realloc(n->slots, count * sizeof(struct net_request *));
    if (bigger == NULL) {
        return false;
    }
    memset(bigger + n->slots_count, 0,
           (count - n->slots_count) * sizeof(struct net_request *));
    r->slot = n->slots_count;
    n->slots_free = r->slot + 1;
    n->slots = bigger;
    n->slots_count = count;
    n->slots[r->slot] = r;
    return true;
}

static void slot_give(struct net_request *r)
{
    r->net->slots[r->slot] = NULL;
    r->net->slots_free = r->slot;
}

/* ---- events of the client ---------------------------------------------------------- */

static void begin(struct net_request *r)
{
    struct net *n = r->net;
    struct net_client *c = r->client;
    struct flow_start s = {
        .is_draining = n->is_draining || c->requests_count >= n->options.requests_max,
        .is_tls = c->tls != NULL,
        .now = net_now(n),
    };
    r->pin = n->hooks.begin(n->hooks.context, &s);
    flow_begin(r->x, n->hooks.env, &s);
    r->has_begun = true;
    list_remove(&r->node);
    list_add(&n->active, &r->node);
    stat_add(&n->stats.requests_active, 1);
    stat_add(&n->stats.requests_begun, 1);
}

void request_on_head(struct net_request *r)
{
    r->is_end_seen = false;
    begin(r);
    flow_on_head(r->x, r->parser.head, net_now(r->net));
    request_perform(r);
}

void request_on_body(struct net_request *r, struct str slice)
{
    r->has_body = true;
    flow_on_body(r->x, slice);
    if (r->x->want != 0) {
        request_perform(r);
    }
}

void request_on_end(struct net_request *r)
{
    flow_on_request_end(r->x, net_now(r->net));
    request_perform(r);
}

void request_on_bad(struct net_request *r, unsigned status, const char *reason)
{
    r->is_bad = true;
    r->is_end_seen = false;
    if (!r->has_begun) {
        begin(r);
    }
    flow_on_bad_request(r->x, status, reason, net_now(r->net));
    request_perform(r);
}

void request_on_client_gone(struct net_request *r)
{
    r->client = NULL;
    if (!r->has_begun) {
        r->is_bad = true;
        request_put(r);
        return;
    }
    stat_add(&r->net->stats.clients_gone, 1);
    request_perform(r); /* tells the exchange */
}

void request_on_serve_timeout(struct net_request *r)
{
    struct flow_served late = {
        .status = 504,
        .content_type = STR("application/json"),
        .body = STR("{\"error\":{\"message\":\"The answer took too long.\","
                    "\"type\":\"server_error\",\"code\":\"timeout\"}}"),
    };
    r->is_serving = false;
    flow_on_served(r->x, &late, net_now(r->net));
    request_perform(r);
}

bool net_served(struct net *n, struct net_ticket ticket, const struct flow_served *answer)
{
    struct net_request *r = ticket.slot < n->slots_count ? n->slots[ticket.slot] : NULL;
    if (r == NULL || r->generation != ticket.generation || !r->is_serving || r->is_done) {
        return false;
    }
    r->is_serving = false;
    flow_on_served(r->x, answer, net_now(n));
    request_perform(r);
    return true;
}

/* ---- events of the provider ------------------------------------------------------------ */

void request_on_upstream_head(struct net_request *r, const struct wire_head *head)
{
    buf_take_spare(r->net->hooks.env->spares, &r->x->out);
    flow_on_upstream_head(r->x, head, net_now(r->net));
    if (r->x->want != 0) {
        request_perform(r);
    }
}

/* Output is not written here but when the whole read was fed: one write per read. */
void request_on_upstream_body(struct net_request *r, struct str slice)
{
    buf_take_spare(r->net->hooks.env->spares, &r->x->out);
    flow_on_upstream_body(r->x, slice, net_now(r->net));
    if (r->x->want != 0) {
        request_perform(r);
    }
}

void request_on_upstream_end(struct net_request *r, enum flow_end_how how, const char *reason)
{
    ASSERT(r->upstream == NULL);
    buf_take_spare(r->net->hooks.env->spares, &r->x->out);
    flow_on_upstream_end(r->x, how, reason, net_now(r->net));
    request_perform(r);
}

void request_cut(struct net_request *r)
{
    if (r->is_done || !r->has_begun) {
        return;
    }
    if (r->upstream != NULL) {
        upstream_drop(r);
        request_on_upstream_end(r, FLOW_END_TRUNCATED, "shutting down");
    } else if (r->client != NULL) {
        client_close(r->client);
    }
}

/* ---- wants ---------------------------------------------------------------------------- */

void request_perform(struct net_request *r)
{
    if (r->is_performing) {
        return; /* the loop below sees what was added */
    }
    r->is_performing = true;
    unsigned rounds = 0;
    while (perform_once(r)) {
        rounds++;
        ASSERT(rounds < WANTS_MAX);
    }
    r->is_performing = false;
    if (r->client != NULL) {
        client_advance(r->client);
    } else if (r->is_done) {
        request_put(r);
    }
}

/* One round; false: nothing left to do before the next event. */
static bool perform_once(struct net_request *r)
{
    struct flow_exchange *x = r->x;
    const struct net_client *c = r->client;
    if (r->is_done || r->is_working) {
        return false;
    }
    if ((c == NULL || c->is_broken) && !r->is_gone_told) {
        r->is_gone_told = true;
        flow_on_client_gone(x, net_now(r->net));
    }
    unsigned want = x->want;
    x->want = 0;
    if (want == 0 && x->out.len == 0) {
        return false;
    }
    enum err recorded_as = ERR_AGAIN;
    if ((want & FLOW_WANT_RECORD) != 0) {
        recorded_as = record(r, (want & FLOW_WANT_DONE) != 0);
    }
    if ((want & FLOW_WANT_DROP_CALL) != 0) {
        upstream_drop(r);
    }
    if ((want & FLOW_WANT_CALL) != 0 && (recorded_as == ERR_OK || recorded_as == ERR_AGAIN)) {
        upstream_open(r);
    }
    perform_output(r, want);
    if ((want & FLOW_WANT_DONE) != 0) {
        finish(r);
        return false;
    }
    if ((want & FLOW_WANT_SERVE) != 0) {
        serve(r);
    }
    if ((want & FLOW_WANT_TURN) != 0) {
        want_turn(r);
    }
    if (recorded_as != ERR_AGAIN) {
        flow_on_recorded(x, recorded_as, net_now(r->net));
    }
    return true;
}

static void perform_output(struct net_request *r, unsigned want)
{
    struct flow_exchange *x = r->x;
    struct net_client *c = r->client;
    if (c != NULL && (want & FLOW_WANT_BODY) != 0 && r->parser.head->expects_continue &&
        !r->has_body && !r->is_end_seen) {
        client_send(c, STR("HTTP/1.1 100 Continue\r\n\r\n"), STR_NONE);
    }
    if (x->out.len > 0) {
        if (c != NULL) {
            client_send_out(c, &x->out, x->out.err == ERR_OK ? x->out_rest : STR_NONE);
            r->has_sent = true;
        }
        buf_clear(&x->out);
        x->out_rest = STR_NONE;
    }
    if (c != NULL && (want & FLOW_WANT_CLOSE) != 0) {
        c->is_closing_asked = true;
    }
}

/* What to tell the exchange now; ERR_AGAIN: nothing (parked until the sync, or over). */
static enum err record(struct net_request *r, bool is_last)
{
    struct net *n = r->net;
    uint64_t seq = 0;
    enum err e = n->hooks.append(n->hooks.context, buf_str(&r->x->record), &seq);
    buf_clear(&r->x->record);
    if (e != ERR_OK) {
        stat_add(&n->stats.records_failed, 1);
    }
    if (is_last) {
        return ERR_AGAIN;
    }
    if (e != ERR_OK) {
        return e == ERR_AGAIN ? ERR_IO : e;
    }
    if (!n->hooks.env->is_strict_record || n->hooks.synced(n->hooks.context) >= seq) {
        return ERR_OK;
    }
    r->park_seq = seq;
    r->park_due_ms = net_ms(n) + NET_PARK_MS;
    if (!r->is_parked) {
        r->is_parked = true;
        stat_add(&n->stats.requests_waiting, 1);
    }
    list_remove(&r->node);
    list_add(&n->parked, &r->node);
    /* The sync may have come before the gauge said that somebody waits: this and the
     * syncer's look at the gauge are read-modify-writes of one variable, so one of the
     * two sees the other. */
    (void)atomic_fetch_add_explicit(&n->stats.requests_waiting, 0, memory_order_acq_rel);
    if (n->hooks.synced(n->hooks.context) >= seq) {
        unpark(r);
        return ERR_OK;
    }
    return ERR_AGAIN;
}

static void serve(struct net_request *r)
{
    struct net *n = r->net;
    struct net_client *c = r->client;
    if (c == NULL) {
        return; /* gone is told in the next round */
    }
    struct net_serve s = {
        .ticket = {.slot = r->slot, .generation = r->generation},
        .head = &r->x->served_head,
        .body = r->x->served_body,
        .principal = r->x->principal,
        .request_id = r->x->request_id,
        .listener_tag = c->tag,
        .is_tls = c->tls != NULL,
    };
    struct sockaddr_storage addr;
    int len = sizeof(addr);
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&addr, &len) == 0) {
        if (addr.ss_family == AF_INET) {
            uv_ip4_name((struct sockaddr_in *)&addr, s.peer, sizeof(s.peer));
        } else {
            uv_ip6_name((struct sockaddr_in6 *)&addr, s.peer, sizeof(s.peer));
        }
    }
    r->is_serving = true;
    r->total_due_ms = net_ms(n) + NET_SERVE_MS;
    s.snapshot = n->hooks.snapshot(n->hooks.context, r->pin);
    n->hooks.serve(n->hooks.context, &s);
}

static void finish(struct net_request *r)
{
    struct net *n = r->net;
    upstream_drop(r);
    unpark(r);
    list_remove(&r->turn_node);
    r->is_keep_alive = flow_is_keep_alive(r->x);
    flow_end(r->x);
    work_free(n, flow_take_leftover(r->x));
    n->hooks.end(n->hooks.context, r->pin);
    r->pin = NULL;
    r->has_begun = false;
    r->is_serving = false;
    r->is_done = true;
    list_remove(&r->node);
    stat_sub(&n->stats.requests_active, 1);
}

/* One request and one slice for each turn of the loop, whoever waits: however many large
 * prompts there are, everybody else waits for one slice at most. */
void requests_turn(struct net *n)
{
    if (list_is_empty(&n->turns)) {
        return;
    }
    struct net_request *r = NET_OF(n->turns.next, struct net_request, turn_node);
    list_remove(&r->turn_node);
    request_on_turn(r);
}

void request_on_turn(struct net_request *r)
{
    if (r->client != NULL) { /* else that is told first */
        stat_add(&r->net->stats.turns, 1);
        flow_on_turn(r->x, net_now(r->net));
    }
    request_perform(r);
}

static void want_turn(struct net_request *r)
{
    list_remove(&r->turn_node);
    if (flow_has_work(r->x)) {
        work_add(r);
        return;
    }
    list_add(&r->net->turns, &r->turn_node);
    net_wake(r->net);
}

/* ---- waiting for the disk ------------------------------------------------------------- */

static void unpark(struct net_request *r)
{
    if (r->is_parked) {
        r->is_parked = false;
        stat_sub(&r->net->stats.requests_waiting, 1);
        list_remove(&r->node);
        list_add(&r->net->active, &r->node);
    }
}

static void recorded(struct net_request *r, enum err e)
{
    unpark(r);
    flow_on_recorded(r->x, e, net_now(r->net));
    request_perform(r);
}

void net_on_synced(struct net *n)
{
    uint64_t synced = n->hooks.synced == NULL ? 0 : n->hooks.synced(n->hooks.context);
    while (!list_is_empty(&n->parked)) { /* first in, first out: sequences rise */
        struct net_request *r = NET_OF(n->parked.next, struct net_request, node);
        if (r->park_seq > synced) {
            return;
        }
        recorded(r, ERR_OK);
    }
}

void requests_check_parked(struct net *n)
{
    if (list_is_empty(&n->parked)) {
        return;
    }
    net_on_synced(n); /* a wake-up may have been lost with its thread */
    while (!list_is_empty(&n->parked)) {
        struct net_request *r = NET_OF(n->parked.next, struct net_request, node);
        if (r->park_due_ms > net_ms(n)) {
            return;
        }
        stat_add(&n->stats.records_failed, 1);
        recorded(r, ERR_TIMEOUT);
    }
}

void requests_abandon(struct net *n)
{
    while (!list_is_empty(&n->parked)) {
        recorded(NET_OF(n->parked.next, struct net_request, node), ERR_IO);
    }
    /* Whoever did not come to an end by itself ends here, its pin is given back. */
    while (!list_is_empty(&n->active)) {
        struct net_request *r = NET_OF(n->active.next, struct net_request, node);
        if (r->is_working) {
            list_remove(&r->node); /* comes back when the work has returned */
            continue;
        }
        finish(r);
        request_put(r);
    }
}
