/* SPDX-License-Identifier: Apache-2.0
 *
 * http: what is served beside the path: health, metrics, the API's own
 * description, and the management API. Health and metrics are answered on the
 * worker's thread from figures; a management request is copied into a job, done on
 * the control thread (which alone speaks to the database), and answered from
 * there. It decides nothing: manage says what a request means, store does it.
 *
 * GLOSSARY  job: one management request on its way to the control thread.
 * health: figures the control thread keeps for readiness and metrics.
 *
 * Threads: http_serve on workers; http_jobs_run on the control thread; http_health
 * is written by the control thread and read by workers (relaxed atomics).
 */
#ifndef PORTCULLIS_HTTP_H
#define PORTCULLIS_HTTP_H

#include <stdatomic.h>

#include "portcullis/base.h"
#include "portcullis/compile.h"
#include "portcullis/spool.h"
#include "portcullis/store.h"
#include "portcullis/worker.h"

/* Kept by the control thread; see /readyz and /metrics. */
struct http_health {
    _Atomic bool is_loaded;          /* a snapshot was built from the database or the disk */
    _Atomic bool is_database_up;
    _Atomic bool is_degraded;        /* the snapshot came from disk and was not confirmed */
    _Atomic int64_t fresh_ms;        /* unix ms of the last proof that the snapshot is current */
    _Atomic uint64_t notify_received, notify_resync, publishes, publish_failures;
    _Atomic uint64_t compile_us;     /* of the last publish: load, compile, hand over */
    _Atomic uint64_t pending_seq; /* lowest change that is still being compiled; 0 = none */
    _Atomic uint64_t orgs_behind; /* whose newest rows could not be taken over */
    _Atomic uint64_t audit_written, audit_quarantined;
    _Atomic uint64_t log_dropped; /* bytes of request lines */
    _Atomic int64_t certificate_not_after_s; /* of the TLS listener; 0 = there is none */
};

struct http_options {
    struct http_health *health;
    struct worker_group *group;
    struct spool *spool;
    struct store *store;       /* used on the control thread only */
    /* Of the store's compiler; NULL = it has none, or one that does not say ERR_AGAIN. */
    struct compile_client *client;
    const struct net_exceptions *exceptions; /* which base URLs may be saved; may be NULL */
    const struct scan_engine *engine;        /* tries one policy alone; NULL = cannot */
    const struct content_compiler *compiler; /* may be NULL */
    const struct recognise_services *services; /* may be NULL */
    struct str pepper;         /* secret, borrowed */
    struct str node;           /* what this gateway is called in GET /v1/nodes, borrowed */
    int64_t max_stale_ms;      /* readiness fails beyond it; 0 = never */
    bool has_admin_listener;   /* then management is served only on its tag */
    unsigned admin_tag;
    /* Wakes the control thread: a job is waiting. Any thread. */
    void (*wake)(void *context);
    void *wake_context;
};

struct http;

MUST_USE enum err http_new(const struct http_options *options, struct http **ret);
void http_free(struct http *h); /* NULL ok; after the workers stopped */
/* worker_serve_fn: answers or queues. */
void http_serve(void *h, const struct worker_request *request);
/* Control thread: does the waiting jobs and looks again at those that wait for an
 * epoch. Returns milliseconds until it wants to be called again at the latest. */
unsigned http_jobs_run(struct http *h);

#endif
