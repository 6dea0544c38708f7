/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of store: connections with roles, statements with deadlines, and how the
 * server's refusals become errors. One thread at a time.
 */
#ifndef PORTCULLIS_STORE_PRIVATE_H
#define PORTCULLIS_STORE_PRIVATE_H

#include "portcullis/store.h"

#include <libpq-fe.h>

enum store_role {
    STORE_LOADER,   /* portcullis_loader: reads all organisations */
    STORE_GATEWAY,  /* portcullis_gateway: one organisation per transaction */
    STORE_AUDIT,    /* portcullis_audit: adds records */
    STORE_LISTENER, /* portcullis_loader, never inside a transaction (F8) */
    STORE_OWNER,    /* as logged in: migrations, organisations */
    STORE_ROLES_COUNT
};

struct store_conn {
    PGconn *pg;              /* NULL = not connected */
    int64_t retry_at_ms;     /* monotonic; before it a connect fails at once */
    unsigned failures;       /* in a row: backoff */
};

struct store {
    struct store_options options;
    char *dsn;
    struct store_conn conns[STORE_ROLES_COUNT];
    int64_t heartbeat_at_ms; /* of the listener */
    char error[256];         /* for a log */
    char sqlstate[6];        /* of the last refusal by the server */
    char constraint[64];
    char raised[160];        /* our own sentence (SQLSTATE PC...), safe to show */
};

struct store_param {
    struct str text; /* ptr NULL = null */
    bool is_bytes;   /* bytea, else text; casts stand in the statement */
};
#define STORE_PARAMS_MAX 32
/* A statement is a constant; `sql` is never made from input. */
struct store_query {
    const char *sql;
    struct store_param params[STORE_PARAMS_MAX];
    int params_count;
};
#define STORE_P(s) ((struct store_param){(s), false})
#define STORE_P_NULL ((struct store_param){STR_NONE, false})

/* conn.c */
int64_t store_mono_ms(void);
MUST_USE enum err store_conn_open(struct store *s, enum store_role role);
void store_conn_close(struct store *s, enum store_role role);
/* Opens when needed, sends, waits until the deadline (monotonic ms). *ret_result is
 * the caller's to PQclear, NULL on failure. A passed deadline drops the connection. */
MUST_USE enum err store_query_run(struct store *s, enum store_role role,
                                  const struct store_query *q, int64_t deadline_ms,
                                  PGresult **ret_result);
/* As above for a statement without parameters and result; may be several statements
 * (migrations), then it must come from this program. */
MUST_USE enum err store_simple_run(struct store *s, enum store_role role, const char *sql,
                                   int64_t deadline_ms);
/* Where the rows of a COPY come from, a part at a time. `next` appends about
 * STORE_PART_BYTES of them; nothing = these were all. */
#define STORE_PART_BYTES ((size_t)64 * 1024)
#define STORE_PART_BYTES_MAX (64u << 20)
struct store_source {
    enum err (*next)(struct store_source *source, struct buf *part);
};
/* Statements of which `count` are COPY ... FROM STDIN, in one go; the first COPY takes the
 * first source. ERR_CONFLICT: a key exists already. Whatever fails, nothing behind it is
 * done; a transaction begun there is the caller's to end. */
MUST_USE enum err store_copy_run(struct store *s, enum store_role role, const char *sql,
                                 struct store_source *const *sources, size_t count,
                                 int64_t deadline_ms);
/* One row, first column as text copied; STR_NONE for null; ERR_NOT_FOUND for no row. */
MUST_USE enum err store_value_get(struct store *s, enum store_role role,
                                  const struct store_query *q, int64_t deadline_ms,
                                  struct arena *a, struct str *ret);
/* Waits for readability of the connection or of wake_fd. Bits: 1 connection, 2 wake, 4 the
 * connection to be read (with for_write it may be there to be written only). */
int store_conn_wait(PGconn *pg, bool for_write, int wake_fd, int64_t deadline_ms);
void store_error_set(struct store *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* rows.c: columns of a result -> arena */
struct str store_col(struct arena *a, const PGresult *r, int row, int col); /* null = none */
int64_t store_col_int(const PGresult *r, int row, int col, int64_t fallback);
bool store_col_bool(const PGresult *r, int row, int col);
/* bytea in hex output. ERR_CORRUPT. */
MUST_USE enum err store_col_bytes(struct arena *a, const PGresult *r, int row, int col,
                                  struct str *ret);
MUST_USE enum err store_list_parse(struct arena *a, struct str json, struct policy_list *ret);
MUST_USE enum err store_pairs_parse(struct arena *a, struct str json,
                                    const struct policy_pair **ret, size_t *ret_count);
/* JSON array of 1-12 -> bits. */
MUST_USE enum err store_slots_parse(struct arena *a, struct str json, uint16_t *ret_slots);
struct str store_text_u64(struct arena *a, uint64_t v);
/* A fresh id: `prefix`, then a ULID from the system's clock and dice. */
MUST_USE enum err store_id_make(struct arena *a, const char *prefix, struct str *ret);

/* endpoint.c: what a credential is bound to, and its seal */
struct store_binding {
    struct str org, id, provider, base_url;
    uint32_t version;
};
MUST_USE enum err store_credential_seal(const struct store *s, struct arena *a,
                                        const struct store_binding *b, struct str plain,
                                        struct str *ret_sealed);
/* Columns as in load.c: org_id, id, provider, base_url, dialect, credential, version,
 * ca_file, priority. */
MUST_USE enum err store_endpoint_read(const struct store *s, struct arena *a, const PGresult *r,
                                      int row, struct route_endpoint *ret);
/* Do two base URLs name the same host and port? False when either is no URL. */
bool store_url_is_same_host(struct arena *a, struct str one, struct str other);

/* ---- commands: what command.c hands to the files of each kind ---- */
struct store_job {
    struct store *s;
    struct arena *a;
    const struct manage_command *c;
    struct manage_result *r;
    int64_t deadline_ms;
    bool is_compiling; /* ERR_AGAIN means: of the compiler, not of the database */
};
MUST_USE enum err store_job_query(struct store_job *j, const struct store_query *q,
                                  PGresult **ret_result);
void store_job_not_found(struct store_job *j, const char *noun);
/* One function per kind of command; see the table in command.c. */
MUST_USE enum err store_policy_list(struct store_job *j);
MUST_USE enum err store_policy_get(struct store_job *j);
MUST_USE enum err store_policy_create(struct store_job *j);
MUST_USE enum err store_policy_patch(struct store_job *j);
MUST_USE enum err store_policy_archive(struct store_job *j);
MUST_USE enum err store_policy_ask(struct store_job *j);
MUST_USE enum err store_version_list(struct store_job *j); /* and one of them */
MUST_USE enum err store_version_rollback(struct store_job *j);
MUST_USE enum err store_item_list(struct store_job *j);
MUST_USE enum err store_item_create(struct store_job *j);
MUST_USE enum err store_item_patch(struct store_job *j);
MUST_USE enum err store_item_delete(struct store_job *j);
MUST_USE enum err store_key_create(struct store_job *j);
MUST_USE enum err store_key_patch(struct store_job *j);
MUST_USE enum err store_key_rotate(struct store_job *j);
MUST_USE enum err store_key_revoke(struct store_job *j);
MUST_USE enum err store_audit_list(struct store_job *j);
/* Adds a column to INSERT or UPDATE besides the fields of the collection. */
struct store_extra {
    const char *column; /* constant */
    const char *cast;   /* "::integer" or "" */
    struct store_param value;
};
MUST_USE enum err store_item_insert(struct store_job *j, struct str id,
                                    const struct store_extra *extra, int extra_count);
MUST_USE enum err store_item_update(struct store_job *j, const struct store_extra *extra,
                                    int extra_count);
MUST_USE enum err store_item_get(struct store_job *j);
MUST_USE enum err store_audit_list_job(struct store_job *j);
/* audit_rows.c: records as a file of COPY's binary format. ERR_CORRUPT: the record is none,
 * nothing was added. What fails for want of memory is in the buffer's err. */
void audit_rows_begin(struct buf *rows);
MUST_USE enum err audit_rows_add(struct arena *a, struct str record, struct buf *rows);
void audit_rows_end(struct buf *rows);
/* load_parts.c, shared with commands (POLICY_ASK). */
struct store_rows { /* rows [from, to) whose columns begin at first_col */
    const PGresult *result;
    int from, to, first_col;
};
MUST_USE enum err store_attestations_read(struct arena *a, const struct store_rows *rows,
                                          const struct route_catalog *catalog,
                                          struct route_attestation **ret, size_t *ret_count);
/* A policy from its row: columns body, sha256, status, slot, is_default, version,
 * created_ms, updated_ms, created_by from first_col on. */
#define STORE_POLICY_COLUMNS                                                                       \
    "v.body, v.sha256, p.status, p.slot, p.is_default, v.version, "                               \
    "floor(extract(epoch FROM p.created_at) * 1000)::bigint, "                                     \
    "floor(extract(epoch FROM p.updated_at) * 1000)::bigint, p.created_by"
MUST_USE enum err store_policy_read(struct arena *a, const PGresult *r, int row, int first_col,
                                    struct policy *ret, struct issue *ret_issue);

#endif
