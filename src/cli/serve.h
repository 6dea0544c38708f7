/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of `portcullis serve` share: one process's state, owned by the
 * control thread. serve.c is the order of things, snapshot.c keeps the policies
 * current, last_good.c their copy on disk, ops_log.c speaks to the log and to systemd.
 */
#ifndef PORTCULLIS_CLI_SERVE_H
#define PORTCULLIS_CLI_SERVE_H

#include <pthread.h>

#include "config.h"
#include "portcullis/compile.h"
#include "portcullis/http.h"
#include "portcullis/net.h"
#include "portcullis/spool.h"
#include "portcullis/store.h"
#include "portcullis/worker.h"

struct serve {
    struct config config;
    struct store_secrets secrets;
    struct buf catalog_texts[2];
    struct route_catalog *catalog;
    struct scan_engine *engine;
    struct compile *compile;
    struct compile_client client, store_client; /* of snapshots; of management commands */
    struct content_compiler compiler, store_compiler;
    struct serve_pending *pending; /* pending.c */
    struct spool *spool;
    struct store *store;       /* control thread */
    struct store *audit_store; /* shipper thread */
    struct net_exceptions *exceptions;
    struct worker_group *group;
    struct http *http;
    struct http_health health;
    struct request_log *request_log; /* NULL: off */
    int lock_fd; /* of the state folder; the kernel lets go at exit */
    char node[256];
    char spool_dir[600], snapshot_path[600];
    unsigned workers;
    bool is_strict;
    uint16_t port, tls_port, admin_port; /* of the listeners; 0 = there is none */
    unsigned tls_listener;
    bool has_tls_listener;
    int64_t started_ms;
    uint64_t recovered; /* records an earlier process left in the spool */
    bool has_closed_orphans;
    int64_t prepared_ms; /* when the audit tables' partitions were last looked after */
    /* snapshot.c */
    struct policy_org **orgs; /* the last good part of each, ordered by id */
    struct str *sealed;       /* beside it: its rows as store_org_seal makes them, ours */
    size_t orgs_count, orgs_capacity, sealed_capacity;
    bool is_behind; /* the database is, or may be, ahead of what is enforced */
    bool is_from_disk;
    uint64_t epoch, reported_epoch;
    struct buf behind;    /* behind.c: ids, each with a line feed behind it */
    bool is_report_due;   /* it changed */
    int64_t rebuild_at_s; /* an attestation begins or ends then */
    /* last_good.c */
    bool is_save_due;
    int64_t save_at_ms, time_saved_ms; /* not before; fresh_ms last written */
    char saved_name[STORE_SNAPSHOT_NAME_BYTES]; /* of the file that was written last */
};

/* snapshot.c */
/* Compiles rows; what the organisation's present part has compiled already is shared. */
MUST_USE enum err serve_org_compile(struct serve *s, const struct policy_org_rows *rows,
                                    int64_t now_s, struct policy_org **ret,
                                    struct issue *ret_issue);
/* Takes over org and sealed (heap; STR_NONE = not to be had) in any case. */
MUST_USE enum err serve_org_keep(struct serve *s, struct policy_org *org, struct str sealed);
void serve_orgs_clear(struct serve *s);
/* From the database, else from disk, else empty: publishes one of them. */
void serve_first_snapshot(struct serve *s);
void serve_refresh(struct serve *s, bool is_poll);
/* What was waiting for a compilation and is ready now. */
void serve_compiled(struct serve *s);
void serve_note_database(struct serve *s, enum err listen_result);
bool serve_is_rebuild_due(const struct serve *s, int64_t now_ms);
void serve_free(struct serve *s);
/* For spool_start: records into the database. Shipper thread. */
bool serve_ship(void *context, const struct spool_batch *batch);
/* worker_serve_fn */
void serve_request(void *context, const struct worker_request *request);

/* behind.c: organisations whose newest rows are not what is enforced. */
void serve_behind_set(struct serve *s, struct str org, bool is_behind);
void serve_behind_clear(struct serve *s);

/* pending.c: organisations whose terms are being compiled. */
/* Takes over `sealed`. s->client.key is what is waited for. */
void serve_pending_put(struct serve *s, const struct policy_org_rows *rows, struct str sealed);
void serve_pending_drop(struct serve *s, struct str org);
/* True: parts were replaced; publish. */
bool serve_pending_retry(struct serve *s);
void serve_pending_clear(struct serve *s);

/* last_good.c: the copy of what is enforced, on disk. */
/* Fills s->orgs from the file. ERR_NOT_FOUND; ERR_CORRUPT: refused, s->orgs is empty. */
MUST_USE enum err serve_last_good_load(struct serve *s, uint64_t *ret_epoch,
                                       int64_t *ret_fresh_ms);
/* Writes what changed, at most every few seconds; is_last = now. */
void serve_last_good_save(struct serve *s, bool is_last);
/* Compiles the organisation anew, as of now_s, from what is kept of its rows. */
MUST_USE enum err serve_org_rebuild(struct serve *s, struct str sealed, int64_t now_s,
                                    struct policy_org **ret);

/* request_log.c: lines of requests, written to stdout by a thread of its own. */
MUST_USE enum err request_log_start(_Atomic uint64_t *dropped, pthread_mutex_t *output,
                                    struct request_log **ret);
void request_log_add(void *log, struct str lines); /* any thread; never waits for a reader */
void request_log_stop(struct request_log *l);      /* writes what is left; NULL ok */
/* To stdout, under serve_output; how many bytes nobody took in time. */
size_t request_log_write(struct str lines);

/* ops_log.c: one JSON object per line on stdout; `members` is JSON without braces. */
void serve_log(const struct serve *s, const char *level, const char *event, const char *members,
               ...) __attribute__((format(printf, 4, 5)));
/* The same with a member "reason" in which anything may stand; `members` is whole JSON. */
void serve_log_why(const struct serve *s, const char *level, const char *event,
                   const char *members, const char *why);
/* sd_notify without libsystemd: one datagram to $NOTIFY_SOCKET; nothing without it. */
void serve_notify(const char *state);
extern pthread_mutex_t serve_output; /* whoever writes to stdout while the gateway runs */
int64_t serve_unix_ms(void);

#endif
