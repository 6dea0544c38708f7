/* SPDX-License-Identifier: Apache-2.0
 *
 * worker, inside: what the group and its loops share, and by what rule.
 *
 *   control thread --publish--> inbox (one slot, atomic) --> lease --> exchanges
 *   any thread     --mail-----> mailbox (mutex, list)    --> worker
 *   worker         --release--> published.holders (atomic) --> control thread frees
 *
 * Everything in struct worker below "worker thread only" is touched by its thread
 * alone once the group has started.
 */
#ifndef PORTCULLIS_WORKER_PRIVATE_H
#define PORTCULLIS_WORKER_PRIVATE_H

#include "portcullis/worker.h"

#define LISTENERS_MAX 64
#define DICE_BYTES 4096
#define LOG_BYTES_MAX (1u << 20)
#define BRIEF_BYTES_MAX (64u << 20) /* of an arena that keeps 64 KiB */
#define LOG_BYTES 32768 /* enough to be handed over before the next tick */

/* A snapshot as handed out. holders: workers that have it in the inbox or leased. */
struct published {
    struct published *next;
    struct policy_snapshot *snapshot;
    uint64_t number; /* from 1, of all that this group published */
    _Atomic unsigned holders;
};
/* One worker's hold on a snapshot; pins: exchanges that began under it. */
struct lease {
    struct lease *next;
    struct published *published;
    unsigned pins;
    bool is_scratch_small; /* content rules of this snapshot cannot be run here */
};

enum mail_kind { MAIL_LISTEN, MAIL_SET_TLS, MAIL_UNLISTEN, MAIL_DRAIN, MAIL_DISTRUST, MAIL_ANSWER };
struct mail {
    struct mail *next;
    enum mail_kind kind;
    unsigned listener, tag;
    int fd;
    struct tls_server *tls; /* a reference */
    uint32_t deadline_ms;
    struct net_ticket ticket;
    struct flow_served served; /* views into `text` */
    char text[];
};

struct worker {
    struct worker_group *group;
    unsigned index;
    uv_thread_t thread;
    uv_loop_t loop;
    uv_async_t wake;
    struct net *net;
    struct flow_env env;
    struct buf log;     /* worker thread only */
    struct arena brief; /* the same; see flow_env */
    struct buf_spares spares; /* the same */
    /* shared with other threads */
    _Atomic(struct published *) inbox;
    uv_mutex_t mail_lock;
    struct mail *mail_first, **mail_last; /* under mail_lock */
    bool is_closed;                       /* under mail_lock: wake is gone */
    _Atomic bool is_stopped;
    _Atomic uint64_t epoch;
    _Atomic uint64_t answers_dropped;
    /* worker thread only */
    struct lease *current, *retired, *spare;
    unsigned listeners[LISTENERS_MAX]; /* group's number -> net's, plus 1; 0 = none */
    unsigned dice_left;
    uint8_t dice[DICE_BYTES];
};

struct ca_entry {
    struct ca_entry *next;
    struct tls_client *client; /* NULL: could not be read */
    size_t file_len;
    char file[];
};

struct worker_group {
    struct worker_options options;
    unsigned count;
    struct worker *workers;
    struct flow_stats *stats[WORKER_MAX];
    bool has_started;
    _Atomic bool is_draining;
    /* control thread only */
    struct published *all, *latest;
    uint64_t published_count;
    bool is_listener_used[LISTENERS_MAX];
    /* read by workers */
    _Atomic int64_t fresh_ms;
    _Atomic bool is_degraded;
    uv_mutex_t ca_lock;
    struct tls_client *ca_default; /* under ca_lock */
    struct ca_entry *ca_files;     /* under ca_lock */
};

/* lease.c */
void lease_take_inbox(struct worker *w);
void *lease_begin(void *worker, struct flow_start *start);
void lease_end(void *worker, void *lease);
const struct policy_snapshot *lease_snapshot(void *worker, void *lease);
/* The worker's scratch for requests under this snapshot; NULL = it is too small. */
struct scan_scratch *lease_scratch(const struct worker *w, const struct policy_snapshot *s);
void leases_release(struct worker *w); /* the loop has ended */
void published_free_all(struct worker_group *g);

/* mailbox.c */
MUST_USE enum err mail_new(size_t text_bytes, enum mail_kind kind, struct mail **ret);
/* Takes the mail over; drops it when the worker is closed. Any thread. */
void mail_send(struct worker *w, struct mail *m);
void mail_free(struct mail *m);
void mailbox_run(struct worker *w); /* worker thread */
void mailbox_close(struct worker *w);

/* group.c */
/* Tells every loop: what an older CA set verified makes no other call. */
void group_distrust(struct worker_group *g);

/* loop.c */
MUST_USE enum err worker_init(struct worker_group *g, unsigned index);
void worker_main(void *worker);
void worker_end(struct worker *w); /* after the loop ended or before it began */
void worker_log_flush(void *worker);

/* ca.c */
struct tls_client *ca_find(void *worker, struct str ca_file);
void ca_forget(struct worker_group *g);

#endif
