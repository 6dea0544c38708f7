/* SPDX-License-Identifier: Apache-2.0
 *
 * worker: one event loop per core. Each worker has its sockets (net), its lease of
 * the current policy snapshot, its lane of the spool and its mailbox; the control
 * thread talks to them through this door.
 *
 * A worker shares nothing mutable with another one. A snapshot is published into a
 * one-slot inbox per worker and read there without lock or atomic: an exchange pins
 * the lease it began under with a plain integer. When the last worker let go of an
 * old snapshot the control thread frees it. It decides nothing about requests.
 *
 * GLOSSARY  group: all workers of the process. control thread: the one thread that
 * calls the functions below (those marked "any thread" may be called by all).
 * epoch: number of a snapshot. lease: a worker's hold on a snapshot. ticket: names a
 * management request until it is answered.
 *
 * EXAMPLE
 *     worker_options_default(&options);
 *     options.append = ...; options.serve = ...; options.env.pepper = ...;
 *     TRY(worker_group_new(&options, &group, &issue));
 *     TRY(worker_group_listen(group, &listen, &id, &port, &issue));
 *     TRY(worker_group_publish(group, snapshot, now_ms, false));
 *     TRY(worker_group_start(group, &issue));
 *     ... every policy change: worker_group_publish; every second: worker_group_reclaim
 *     SIGTERM: worker_group_drain(group, 30000); while (!worker_group_is_stopped(group)) wait
 *     worker_group_free(group);
 */
#ifndef PORTCULLIS_WORKER_H
#define PORTCULLIS_WORKER_H

#include "portcullis/base.h"
#include "portcullis/flow.h"
#include "portcullis/net.h"
#include "portcullis/policy.h"

#define WORKER_MAX 64

struct worker_group;

/* Names one management request; plain data, may be copied and kept. */
struct worker_ticket {
    uint32_t worker;
    struct net_ticket net;
};
/* What worker_options.serve gets: views that end with the call. */
struct worker_request {
    struct worker_ticket ticket;
    const struct wire_head *head;
    struct str body;
    const struct policy_principal *principal; /* NULL: not authenticated */
    struct str request_id;
    const struct policy_snapshot *snapshot;
    struct scan_scratch *scratch; /* of this thread; NULL: not ready for content rules */
    struct str pepper;            /* secret */
    unsigned listener_tag; /* as in worker_listen.tag */
    bool is_tls;
    const char *peer;      /* text of the client's address */
};
/* Any thread. Copies `answer`. Dropped silently when the client is gone or the
 * group stopped. Never blocks. */
void worker_answer(struct worker_group *g, struct worker_ticket ticket,
                   const struct flow_served *answer);

struct worker_options {
    unsigned workers;     /* 0 = one per core the process may use */
    struct net_options net; /* clients_max 0 = from the descriptor limit */
    unsigned fds_reserved;  /* kept for database, spool, health, 64 */
    struct flow_env env;    /* env.worker, .stats and .scratch are filled in per worker */
    const char *ca_file;    /* default CA set; NULL or "" = the system store */
    /* Appends on the worker's lane (spool_append behind it, or a test). Worker thread. */
    enum err (*append)(void *context, unsigned worker, struct str record, uint64_t *ret_seq);
    /* spool_lane_synced behind it. Worker thread. May be NULL unless env.is_strict_record. */
    uint64_t (*synced)(void *context, unsigned worker);
    void *record_context;
    /* Everything not on the proxied path: management API, health, metrics, console.
     * On the worker's thread: must not block and must copy what it keeps. The answer
     * comes through worker_answer, from this thread at once or from any thread later;
     * one answer per ticket is used. */
    void (*serve)(void *context, const struct worker_request *request);
    void *serve_context;
    /* Takes whole lines of the requests' log: must not block. Worker threads; NULL = there is
     * no such log. env.log is filled in per worker. */
    void (*log)(void *context, struct str lines);
    void *log_context;
    /* Signals "worker_group_reclaim or is_stopped may have news"; may be NULL. Worker
     * threads call it; it must only signal (uv_async_send). */
    void (*on_news)(void *context);
    void *news_context;
};
void worker_options_default(struct worker_options *ret);

/* Opens the default CA set (ERR_NOT_FOUND when it has no certificate). Starts nothing.
 * Copies options; the strings in env, exceptions and contexts stay borrowed. */
MUST_USE enum err worker_group_new(const struct worker_options *options,
                                   struct worker_group **ret, struct issue *ret_issue);
unsigned worker_group_count(const struct worker_group *g);

/* One socket per worker on the same address (SO_REUSEPORT). Before or after start.
 * To move to another address without loss: listen on the new, then unlisten the old. */
struct worker_listen {
    struct str host;   /* address literal */
    uint16_t port;     /* 0 = pick one */
    int backlog;       /* 0 = 511 */
    unsigned tag;      /* passed on in worker_request.listener_tag */
    struct tls_server *tls; /* NULL = plain; referenced by the group */
};
MUST_USE enum err worker_group_listen(struct worker_group *g, const struct worker_listen *listen,
                                      unsigned *ret_listener, uint16_t *ret_port,
                                      struct issue *ret_issue);
/* New connections get this certificate. */
void worker_group_set_tls(struct worker_group *g, unsigned listener, struct tls_server *tls);
void worker_group_unlisten(struct worker_group *g, unsigned listener);
/* Forget CA sets read so far (SIGHUP): the next upstream connection reads them anew.
 * The default set is opened at once; ERR_NOT_FOUND leaves the old one in use. */
MUST_USE enum err worker_group_reload_ca(struct worker_group *g, struct issue *ret_issue);

/* Starts the threads. A snapshot must have been published (an empty one will do). */
MUST_USE enum err worker_group_start(struct worker_group *g, struct issue *ret_issue);

/* ---- snapshots -------------------------------------------------------------------- */

/* Hands over `s` (owned by the group from now on, freed with policy_snapshot_free).
 * fresh_ms: unix ms at which it was known to be current. ERR_MEMORY changes nothing
 * and leaves `s` with the caller. */
MUST_USE enum err worker_group_publish(struct worker_group *g, struct policy_snapshot *s,
                                       int64_t fresh_ms, bool is_degraded);
/* The current snapshot is still the latest as of fresh_ms. Any thread. */
void worker_group_freshen(struct worker_group *g, int64_t fresh_ms, bool is_degraded);
/* Every new request in every worker is decided under this epoch or a later one
 * (Prefer: wait; the node row). Any thread. */
uint64_t worker_group_epoch_min(const struct worker_group *g);
/* The snapshot last published, for reads by the control thread; valid until it is
 * replaced and reclaimed, so not to be kept across calls of publish. */
const struct policy_snapshot *worker_group_snapshot(const struct worker_group *g);
/* Frees snapshots no worker holds; returns how many are still held besides the
 * current one. Publish calls it too. */
size_t worker_group_reclaim(struct worker_group *g);

/* For spool_start's on_synced: wakes the workers whose exchanges wait. Any thread. */
void worker_group_on_synced(void *group);

/* ---- the end ------------------------------------------------------------------------ */

/* Stop accepting, finish what runs, cut the rest after deadline_ms, stop the loops.
 * Returns at once. A second call only shortens the deadline. Any thread. */
void worker_group_drain(struct worker_group *g, uint32_t deadline_ms);
bool worker_group_is_draining(const struct worker_group *g); /* any thread */
bool worker_group_is_stopped(const struct worker_group *g);  /* every loop has ended; any thread */
/* Drains with deadline 0 when still running, joins, frees all snapshots. NULL ok. */
void worker_group_free(struct worker_group *g);

/* ---- figures -------------------------------------------------------------------------- */

/* Sums over workers; lag is the worst. Any thread. */
struct worker_stats {
    unsigned workers;
    uint64_t epoch_min;
    uint64_t clients, requests_active, requests_waiting, upstreams, upstreams_idle;
    uint64_t clients_accepted, clients_refused, clients_gone, requests_begun, requests_timed_out;
    uint64_t upstreams_opened, upstreams_reused, upstreams_retried, upstreams_failed;
    uint64_t upstreams_discarded, pauses, dns_lookups, dns_failures, dns_stale;
    uint64_t records_failed, answers_dropped, turns;
    uint64_t loop_lag_max_us;
};
void worker_group_stats(const struct worker_group *g, struct worker_stats *ret);
const struct net_lag *worker_group_lag(const struct worker_group *g, unsigned worker);
/* Counters of flow, one per worker, for flow_stats_write; count = worker_group_count. */
struct flow_stats *const *worker_group_flow_stats(const struct worker_group *g);

#endif
