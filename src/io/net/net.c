/* SPDX-License-Identifier: Apache-2.0
 *
 * net: the object of one loop: its tick, its clock, draining and closing.
 *
 * The tick (100 ms) drives every deadline, looks after half-closed clients and
 * parked records, and measures how late the loop is. Everything here runs on the
 * loop's thread. It owns the listeners' and its own handles; connections own
 * theirs.
 */
#include "net_private.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static enum err net_start(struct net *n);
static void on_tick(uv_timer_t *timer);
static void on_idle(uv_idle_t *idle);
static void measure_lag(struct net *n);
static void check_watched(struct net *n);
static void cut(struct net *n);
static void check_drained(struct net *n);
static void flush_pools(struct net *n);

void net_options_default(struct net_options *ret)
{
    *ret = (struct net_options){
        .handshake_ms = 10000,
        .header_ms = 10000,
        .idle_ms = 75000,
        .body_ms = 300000,
        .body_grace_ms = 10000,
        .body_bytes_per_s = 500,
        .write_stall_ms = 30000,
        .linger_ms = 2000,
        .requests_max = 100000,
        .clients_max = 20000,
        .unsent_high_bytes = 256 * 1024,
        .unsent_low_bytes = 64 * 1024,
        .request_limits = wire_limits_default,
        .upstreams_max = 10000,
        .upstream_idle_max = 1024,
        .upstream_key_max = 512,
        .upstream_idle_ms = 55000,
        .answer_limits = wire_limits_default,
        .dns_ms = 2000,
        .dns_ttl_ms = 30000,
        .dns_stale_ms = 60000,
    };
    /* An answer is relayed, not kept: its length is bounded by flow and by deadlines. */
    ret->answer_limits.body_bytes_max = UINT64_C(1) << 40;
}

enum err net_new(uv_loop_t *loop, const struct net_options *options, const struct net_hooks *hooks,
                 struct net **ret)
{
    struct net *n = calloc(1, sizeof(*n));
    if (n == NULL) {
        return ERR_MEMORY;
    }
    n->loop = loop;
    n->options = *options;
    n->hooks = *hooks;
    list_init(&n->clients);
    list_init(&n->watched);
    list_init(&n->upstreams);
    list_init(&n->flush_clients);
    list_init(&n->flush_upstreams);
    list_init(&n->active);
    list_init(&n->parked);
    list_init(&n->turns);
    list_init(&n->works);
    list_init(&n->free_requests);
    n->drain_due_ms = NET_NEVER;
    n->cut_due_ms = NET_NEVER;
    buf_init(&n->plain, 2 * NET_READ_BYTES);
    buf_init(&n->join, 2 * NET_READ_BYTES);
    /* One feed or one write of a whole answer, with the records' overhead. */
    buf_init(&n->cipher, 2 * hooks->env->answer_bytes_max + 1024 * 1024);
    enum err e = poll_open(n);
    if (e != ERR_OK) {
        free(n);
        return e;
    }
    e = tls_resume_new(512, &n->resume);
    if (e == ERR_OK) {
        e = net_start(n);
    }
    if (e != ERR_OK) {
        tls_resume_free(n->resume);
        poll_close(n);
        free(n);
        return e;
    }
    *ret = n;
    return ERR_OK;
}

static enum err net_start(struct net *n)
{
    uv_update_time(n->loop);
    wheel_init(&n->wheel, net_ms(n));
    if (uv_timer_init(n->loop, &n->tick) != 0 || uv_idle_init(n->loop, &n->idle) != 0) {
        return ERR_IO;
    }
    n->tick.data = n;
    n->idle.data = n;
    measure_lag(n);
    return uv_timer_start(&n->tick, on_tick, NET_TICK_MS, NET_TICK_MS) == 0 ? ERR_OK : ERR_IO;
}

bool net_is_anybody_waiting(struct net *n)
{
    return atomic_fetch_add_explicit(&n->stats.requests_waiting, 0, memory_order_acq_rel) != 0;
}

const struct net_stats *net_stats(const struct net *n)
{
    return &n->stats;
}

void net_hold_clock(struct net *n)
{
    n->is_clock_held = false;
    n->held_now = net_now(n);
    n->is_clock_held = true;
}

void net_release_clock(struct net *n)
{
    n->is_clock_held = false;
}

struct flow_now net_now(const struct net *n)
{
    struct flow_now now;
    if (n->is_clock_held) {
        return n->held_now;
    }
    now.mono_us = uv_hrtime() / 1000;
    now.unix_ms = (n->unix_offset_us + (int64_t)now.mono_us) / 1000;
    return now;
}

void net_defer(struct net *n, struct net_timer *t)
{
    list_remove(&t->node);
    t->placed_ms = 0;
    list_add(&n->wheel.ready, &t->node);
    net_wake(n);
}

void net_wake(struct net *n)
{
    if (!n->is_idle_running && !n->is_closing) {
        n->is_idle_running = uv_idle_start(&n->idle, on_idle) == 0;
    }
}

static void on_idle(uv_idle_t *idle)
{
    struct net *n = idle->data;
    net_note_work(n);
    wheel_run_ready(&n->wheel);
    requests_turn(n);
    if (list_is_empty(&n->wheel.ready) && list_is_empty(&n->turns)) {
        n->is_idle_running = false;
        uv_idle_stop(idle);
    }
}

/* ---- the tick ------------------------------------------------------------------ */

static void on_tick(uv_timer_t *timer)
{
    struct net *n = timer->data;
    net_note_work(n);
    measure_lag(n);
    wheel_run(&n->wheel, net_ms(n));
    for (unsigned i = 0; i < NET_LISTENERS_MAX; i++) {
        struct net_listener *l = &n->listeners[i];
        if (l->is_used && l->is_stalled && !l->is_closing) {
            client_accept(l, (uv_stream_t *)&l->tcp);
        }
    }
    check_watched(n);
    requests_check_parked(n);
    if (n->hooks.tick != NULL) {
        n->hooks.tick(n->hooks.context);
    }
    if (n->is_draining && net_ms(n) >= n->drain_due_ms) {
        cut(n);
    }
    check_drained(n);
}

static void measure_lag(struct net *n)
{
    struct timespec ts;
    uint64_t hr = uv_hrtime();
    clock_gettime(CLOCK_REALTIME, &ts);
    n->unix_offset_us =
        (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 - (int64_t)(hr / 1000);
    if (n->tick_hr_ns != 0) {
        uint64_t took_us = (hr - n->tick_hr_ns) / 1000;
        uint64_t lag = took_us > NET_TICK_MS * 1000 ? took_us - NET_TICK_MS * 1000 : 0;
        lag_observe(n, lag, 1);
    }
    n->tick_hr_ns = hr;
}

/* Clients that sent FIN: has one of them gone altogether? */
static void check_watched(struct net *n)
{
    struct net_list all;
    list_take(&all, &n->watched);
    while (!list_is_empty(&all)) {
        struct net_client *c = NET_OF(all.next, struct net_client, watch_node);
        list_remove(&c->watch_node);
        list_add(&n->watched, &c->watch_node);
        client_check_watched(c);
        client_advance(c);
    }
}

/* ---- the end --------------------------------------------------------------------- */

void net_drain(struct net *n, uint32_t deadline_ms)
{
    uint64_t due = net_ms(n) + deadline_ms;
    if (due < n->drain_due_ms) {
        n->drain_due_ms = due;
    }
    if (n->is_draining) {
        return;
    }
    n->is_draining = true;
    for (unsigned i = 0; i < NET_LISTENERS_MAX; i++) {
        net_unlisten(n, i);
    }
    struct net_list *next;
    for (struct net_list *l = n->clients.next; l != &n->clients; l = next) {
        next = l->next;
        client_drain(NET_OF(l, struct net_client, node));
    }
    flush_pools(n);
}

void net_distrust(struct net *n)
{
    n->trust++;
    flush_pools(n);
}

/* The deadline passed: end every exchange in its stream; a second later close
 * whoever has not taken the end. */
static void cut(struct net *n)
{
    struct net_list *next;
    if (!n->is_cut) {
        n->is_cut = true;
        n->cut_due_ms = net_ms(n) + 1000;
        struct net_list all;
        list_take(&all, &n->active);
        while (!list_is_empty(&all)) {
            struct net_request *r = NET_OF(all.next, struct net_request, node);
            list_remove(&r->node);
            list_add(&n->active, &r->node);
            request_cut(r);
        }
        return;
    }
    if (net_ms(n) < n->cut_due_ms) {
        return;
    }
    for (struct net_list *l = n->clients.next; l != &n->clients; l = next) {
        next = l->next;
        client_close(NET_OF(l, struct net_client, node));
    }
}

static void check_drained(struct net *n)
{
    if (!n->is_draining || n->is_drained_told || n->is_closing || !list_is_empty(&n->clients) ||
        !list_is_empty(&n->active) || !list_is_empty(&n->parked)) {
        return;
    }
    n->is_drained_told = true;
    if (n->hooks.on_drained != NULL) {
        n->hooks.on_drained(n->hooks.context);
    }
}

static void flush_pools(struct net *n)
{
    struct net_list *next;
    for (struct net_list *l = n->upstreams.next; l != &n->upstreams; l = next) {
        next = l->next;
        struct net_upstream *u = NET_OF(l, struct net_upstream, node);
        if (u->state == UPSTREAM_POOLED) {
            upstream_close(u);
        }
    }
}

void net_close(struct net *n)
{
    struct net_list *next;
    if (n->is_closing) {
        return;
    }
    n->is_closing = true;
    n->is_cut = true;
    for (unsigned i = 0; i < NET_LISTENERS_MAX; i++) {
        net_unlisten(n, i);
    }
    for (struct net_list *l = n->clients.next; l != &n->clients; l = next) {
        next = l->next;
        client_close(NET_OF(l, struct net_client, node));
    }
    requests_abandon(n);
    for (struct net_list *l = n->upstreams.next; l != &n->upstreams; l = next) {
        next = l->next;
        upstream_close(NET_OF(l, struct net_upstream, node));
    }
    dns_cancel(n);
    uv_close((uv_handle_t *)&n->tick, NULL);
    uv_close((uv_handle_t *)&n->idle, NULL);
}

void net_free(struct net *n)
{
    if (n == NULL) {
        return;
    }
    ASSERT(n->is_closing && list_is_empty(&n->clients) && list_is_empty(&n->upstreams));
    requests_free(n);
    while (n->leftovers_count > 0) {
        flow_leftover_free(n->leftovers[--n->leftovers_count]);
    }
    dns_free(n);
    tls_resume_free(n->resume);
    poll_close(n);
    buf_fini(&n->plain);
    buf_fini(&n->cipher);
    buf_fini(&n->join);
    free(n);
}
