/* SPDX-License-Identifier: Apache-2.0
 *
 * store: PostgreSQL, the only SQL of the program. Applies migrations, loads what the
 * gateways enforce, hears of changes, performs management commands.
 *
 * Calls block, with a deadline, so they belong on the control thread or in a command
 * of the shell, never on an event loop. A struct store is used by one thread at a
 * time; several may be open. Statements are constants: whatever came from outside is
 * a parameter (PQsendQueryParams), never text. Three database roles, each on its own
 * connection: portcullis_loader reads all organisations and changes none of them;
 * portcullis_gateway sees the one organisation that app.org names for the length of a
 * transaction (row-level security, forced); portcullis_audit only adds records.
 *
 * GLOSSARY  epoch: number of the last change in the whole database. An organisation's
 * policy_seq is the epoch of its last change. master key: 32 bytes outside the
 * database, from which pepper (API keys) and sealing key (credentials) are derived.
 *
 * EXAMPLE
 *     store_secrets_derive(master, &secrets);
 *     TRY(store_open(&options, &store, &issue));
 *     TRY(store_load(store, 0, &loaded));        -> policy_org_new for each loaded->orgs[i]
 *     for (;;) {
 *         if (store_listen_wait(store, 1000) != ERR_AGAIN || 5 s have passed) {
 *             TRY(store_load(store, epoch_known, &loaded)); publish; store_loaded_free
 *         }
 *     }
 */
#ifndef PORTCULLIS_STORE_H
#define PORTCULLIS_STORE_H

#include "portcullis/base.h"
#include "portcullis/manage.h"
#include "portcullis/policy.h"
#include "portcullis/route.h"

struct store;

struct store_secrets { /* secret: wipe after use */
    uint8_t pepper[32];
    uint8_t sealing[32];
};
/* HMAC-SHA-256(master, label) for each. */
void store_secrets_derive(const uint8_t master[32], struct store_secrets *ret);

struct store_options {
    const char *dsn; /* libpq connection string or URL; several hosts allowed */
    struct store_secrets secrets;
    const struct route_catalog *catalog; /* checks policies; NULL = migrations only */
    const struct scan_engine *engine;    /* the same: active rules about texts are compiled */
    const struct content_compiler *compiler; /* may be NULL */
    const struct recognise_services *services; /* may be NULL */
    unsigned query_ms;   /* deadline of a management statement, 2000 */
    unsigned load_ms;    /* deadline of a whole load, 30000 */
    unsigned connect_ms; /* 3000 */
    bool is_operator;    /* the command line: may create organisations and migrate */
};
/* Connects nothing yet: the first use does, so a gateway starts without database.
 * Copies options; catalog, engine, compiler and services stay borrowed. ERR_INVALID for a DSN libpq
 * refuses. */
MUST_USE enum err store_open(const struct store_options *options, struct store **ret,
                             struct issue *ret_issue);
/* Could libpq understand it? ERR_INVALID; the issue does not quote it. */
MUST_USE enum err store_dsn_check(const char *dsn, struct issue *ret_issue);
void store_close(struct store *s); /* wipes the secrets; NULL is allowed */
/* Why the last call failed, for a log: never holds row data, keys or the DSN. */
const char *store_error(const struct store *s);

/* ---- migrations ------------------------------------------------------------------- */

struct store_migration {
    uint32_t version;
    const char *name;
    const char *up, *down; /* SQL texts, embedded at build time */
};
const struct store_migration *store_migrations(size_t *ret_count);

struct store_migrate_step {
    uint32_t version;
    const char *name;
    bool is_applied;
    bool is_changed; /* applied, but its text has another checksum now */
};
struct store_migrate_report {
    uint32_t version; /* of the database, 0 = empty */
    bool is_dirty;    /* a migration was cut off: by hand from here */
    uint32_t applied; /* steps made by this call */
    struct store_migrate_step steps[64];
    size_t steps_count;
};
/* Up to `to` (0 = newest) or down to `to`; each step in one transaction, all under an
 * advisory lock, so that many may call it at once. dry_run changes nothing. ERR_CONFLICT:
 * dirty, or an applied migration was changed (see the issue). */
MUST_USE enum err store_migrate_up(struct store *s, uint32_t to, bool dry_run,
                                   struct store_migrate_report *ret, struct issue *ret_issue);
MUST_USE enum err store_migrate_down(struct store *s, uint32_t to, bool dry_run,
                                     struct store_migrate_report *ret, struct issue *ret_issue);
MUST_USE enum err store_migrate_status(struct store *s, struct store_migrate_report *ret,
                                       struct issue *ret_issue);

/* ---- what gateways enforce ------------------------------------------------------------ */

struct store_org {
    struct policy_org_rows rows; /* lives in loaded->arena */
    enum err err;                /* not ERR_OK: the rows are unusable (F12), see issue; */
    struct issue issue;          /* rows.id and rows.seq are still right */
};
struct store_loaded {
    struct arena arena; /* holds credentials: store_loaded_free wipes them */
    uint64_t epoch;
    int64_t now_s;      /* the database's clock */
    struct store_org *orgs; /* changed after `since`, all of them with since 0 */
    size_t orgs_count;
};
/* One consistent view of the database. A stored policy that does not parse makes its
 * organisation unusable, never others. since 0 = everything. The epoch may be lower
 * than `since` after a failover to an older copy (F10): then load with 0. */
MUST_USE enum err store_load(struct store *s, uint64_t since, struct store_loaded **ret);
void store_loaded_free(struct store_loaded *l);

/* Waits for a change at most timeout_ms. ERR_OK: something changed or may have (a
 * connection was made anew, so notices may be lost: load now). ERR_AGAIN: quiet, and
 * the connection answered its heartbeat. ERR_IO/ERR_TIMEOUT: no database; sleeps the
 * backoff (jittered, at most timeout_ms) so the caller may just call again. The file
 * descriptor lets the caller wake it: readable = return ERR_AGAIN at once; -1 = none. */
MUST_USE enum err store_listen_wait(struct store *s, unsigned timeout_ms, int wake_fd);

/* ---- nodes -------------------------------------------------------------------------------- */

/* "This node enforces `epoch`, but not the newest rows of these organisations" (ids, each with
 * a line feed behind it): call on every publish and every few seconds. */
MUST_USE enum err store_node_report(struct store *s, struct str node, uint64_t epoch,
                                    struct str behind);
MUST_USE enum err store_node_leave(struct store *s, struct str node);
/* The lowest epoch of nodes heard of within 15 s, and the node that has it; 0 for one that is
 * behind for this organisation. ERR_NOT_FOUND: no node is alive. For Prefer: wait. */
MUST_USE enum err store_nodes_min_epoch(struct store *s, struct str org, struct arena *a,
                                        uint64_t *ret_epoch, struct str *ret_node);

/* ---- commands ------------------------------------------------------------------------------- */

/* One transaction as portcullis_gateway with app.org = command->caller.org. A refusal
 * (404, 409, 412, 400 ...) is ERR_OK with ret->refusal set, and nothing changed.
 * ERR_IO/ERR_TIMEOUT: unknown whether it happened when the connection broke in COMMIT. */
MUST_USE enum err store_execute(struct store *s, struct arena *a,
                                const struct manage_command *command,
                                struct manage_result *ret);
/* Operator only: organisations themselves. `id` none = make one. ERR_CONFLICT = exists. */
MUST_USE enum err store_org_create(struct store *s, struct arena *a, struct str id,
                                   struct str name, struct str *ret_id);
struct store_org_summary {
    struct str id, name, created_at;
    uint64_t seq;
    bool is_suspended;
};
MUST_USE enum err store_org_list(struct store *s, struct arena *a,
                                 struct store_org_summary **ret, size_t *ret_count);

/* ---- audit (audit_*.c) ------------------------------------------------------------------------
 */

/* Makes today's and the next days' partitions. Role portcullis_audit. */
MUST_USE enum err store_audit_prepare(struct store *s);
/* Stores spool records (audit_record_read) idempotently. A record the database refuses
 * goes to the quarantine and counts as stored; ERR_IO and ERR_TIMEOUT: call again with
 * the same records. Role portcullis_audit. */
MUST_USE enum err store_audit_ship(struct store *s, const struct str *records, size_t count,
                                   uint64_t *ret_written, uint64_t *ret_quarantined);
/* Outcome "unknown" for every decision of `node` before before_ms that has none: its
 * process died in between. Call after its recovered records are shipped. */
MUST_USE enum err store_audit_close_orphans(struct store *s, struct str node, int64_t before_ms);

/* ---- the copy on disk (rows_file.c, snapshot_file.c): bytes only, pure but for dice ---- */

/* One organisation's rows as bytes, credentials in clear: wipe. ERR_LIMIT: `out`. */
MUST_USE enum err store_org_rows_write(struct buf *out, const struct policy_org_rows *rows,
                                       const struct route_catalog *catalog);
/* Back: views into `bytes` and the arena. Providers that left the catalogue are dropped.
 * ERR_CORRUPT or the codec's error; never half of it. */
MUST_USE enum err store_org_rows_read(struct arena *a, struct str bytes,
                                      const struct route_catalog *catalog,
                                      struct policy_org_rows *ret, struct issue *ret_issue);
/* The same sealed with secrets->sealing; unsealing appends to `plain` (wipe it). */
MUST_USE enum err store_org_seal(const struct store_secrets *secrets,
                                 const struct policy_org_rows *rows,
                                 const struct route_catalog *catalog, struct buf *out);
MUST_USE enum err store_org_unseal(const struct store_secrets *secrets, struct str sealed,
                                   struct buf *plain);
struct store_snapshot {
    uint64_t epoch;
    int64_t fresh_ms;       /* unix; it was known to be current then */
    const struct str *orgs; /* sealed, as store_org_seal gives them */
    size_t orgs_count;
};
/* The whole file, and back (views into `bytes`, the list in the arena). ERR_CORRUPT:
 * cut, changed, put together from several, or of another master key. */
MUST_USE enum err store_snapshot_write(const struct store_secrets *secrets,
                                       const struct store_snapshot *s, struct buf *out);
MUST_USE enum err store_snapshot_read(const struct store_secrets *secrets, struct arena *a,
                                      struct str bytes, struct store_snapshot *ret);
/* A second, small file: the snapshot file whose last STORE_SNAPSHOT_NAME_BYTES are
 * `name` was still current at fresh_ms. ERR_STALE: it speaks of another file. */
#define STORE_SNAPSHOT_NAME_BYTES 32
MUST_USE enum err store_snapshot_time_write(const struct store_secrets *secrets, struct str name,
                                            int64_t fresh_ms, struct buf *out);
MUST_USE enum err store_snapshot_time_read(const struct store_secrets *secrets, struct str name,
                                           struct str bytes, int64_t *ret_fresh_ms);

#endif
