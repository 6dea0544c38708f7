/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections to PostgreSQL and statements with a deadline.
 *
 *   CLOSED --open (at most connect_ms a host)--> READY --send--> BUSY --result--> READY
 *     ^                                            |               |
 *     +------- backoff, jittered, <= 10 s <--------+-- any error --+-- deadline
 *
 * A passed deadline drops the connection instead of cancelling: PQcancel opens a second
 * connection to a server that does not answer and may block for minutes; the server's
 * own statement_timeout ends the statement. Blocking with a deadline is enough here
 * because no event loop runs on this thread.
 */
#include "store_private.h"

#include "portcullis/tls.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

/* What of a COPY the system takes at once: with less, sending waits for the server's reads. */
#define SEND_BUFFER_BYTES (1024 * 1024)
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 10000
#define OID_BYTEA 17
#define OID_TEXT 25

static void ignore_notice(void *context, const PGresult *r);
static bool is_alive(PGconn *pg);
static enum err conn_prepare(struct store *s, enum store_role role);
static void conn_failed(struct store_conn *c);
static enum err put_copy(struct store *s, enum store_role role, struct store_source *source,
                         int64_t deadline_ms);
static enum err next_result(struct store *s, enum store_role role, int64_t deadline_ms,
                            PGresult **ret_result);
static enum err send_query(PGconn *pg, const struct store_query *q);
static enum err flush(struct store *s, enum store_role role, int64_t deadline_ms);
static enum err collect(struct store *s, enum store_role role, int64_t deadline_ms,
                        PGresult **ret_result);
static enum err judge(struct store *s, enum store_role role, const PGresult *r);
static enum err drop(struct store *s, enum store_role role, enum err e, const char *what);

int64_t store_mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void store_error_set(struct store *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->error, sizeof(s->error), format, args);
    va_end(args);
}

enum err store_conn_open(struct store *s, enum store_role role)
{
    struct store_conn *c = &s->conns[role];
    if (c->pg != NULL && is_alive(c->pg)) {
        return ERR_OK;
    }
    store_conn_close(s, role);
    if (store_mono_ms() < c->retry_at_ms) {
        store_error_set(s, "the database is away; next attempt is due soon");
        return ERR_IO;
    }
    char connect_s[16];
    snprintf(connect_s, sizeof(connect_s), "%u", (s->options.connect_ms + 999) / 1000);
    /* F5: measured, a black hole is noticed in 3.4 s with these. The DSN comes last and wins. */
    const char *const names[] = {"application_name", "client_encoding", "connect_timeout",
                                 "tcp_user_timeout", "keepalives_idle", "keepalives_interval",
                                 "keepalives_count", "target_session_attrs", "dbname", NULL};
    const char *const values[] = {"portcullis", "UTF8", connect_s, "3000", "5",
                                  "2", "2", "read-write", s->dsn, NULL};
    c->pg = PQconnectdbParams(names, values, 1);
    if (c->pg == NULL) {
        return ERR_MEMORY;
    }
    if (PQstatus(c->pg) != CONNECTION_OK || PQsetnonblocking(c->pg, 1) != 0) {
        /* libpq names host, port, user and reason here, never a password. */
        const char *why = PQerrorMessage(c->pg);
        store_error_set(s, "connecting to the database failed: %.*s", (int)strcspn(why, "\n"), why);
        conn_failed(c);
        return ERR_IO;
    }
    PQsetNoticeReceiver(c->pg, ignore_notice, NULL);
    if (role == STORE_AUDIT) {
        int bytes = SEND_BUFFER_BYTES; /* the system may allow less */
        (void)setsockopt(PQsocket(c->pg), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    }
    enum err e = conn_prepare(s, role);
    if (e != ERR_OK) {
        conn_failed(c);
        return e;
    }
    c->failures = 0;
    c->retry_at_ms = 0;
    return ERR_OK;
}

/* libpq would print them to stderr; they may quote data. */
static void ignore_notice(void *context, const PGresult *r)
{
    (void)context;
    (void)r;
}

/* An idle connection that became readable was closed by the server (a restart): notice
 * it here, where a new one costs nothing, and not in the middle of a transaction. */
static bool is_alive(PGconn *pg)
{
    if (PQstatus(pg) != CONNECTION_OK) {
        return false;
    }
    while (store_conn_wait(pg, false, -1, 0) != 0) {
        if (PQconsumeInput(pg) != 1 || PQstatus(pg) != CONNECTION_OK) {
            return false;
        }
    }
    return PQtransactionStatus(pg) == PQTRANS_IDLE;
}

/* Takes the role on and bounds everything on the server's side too. */
static enum err conn_prepare(struct store *s, enum store_role role)
{
    static const char *const take[STORE_ROLES_COUNT] = {
        [STORE_LOADER] = "SET ROLE portcullis_loader",
        [STORE_GATEWAY] = "SET ROLE portcullis_gateway",
        [STORE_AUDIT] = "SET ROLE portcullis_audit",
        [STORE_LISTENER] = "SET ROLE portcullis_loader",
        [STORE_OWNER] = NULL,
    };
    int64_t deadline = store_mono_ms() + s->options.connect_ms;
    char timeout[24];
    unsigned statement_ms = role == STORE_GATEWAY ? s->options.query_ms : s->options.load_ms;
    /* A little before ours, so that a lock costs a statement and not the connection. */
    snprintf(timeout, sizeof(timeout), "%u", statement_ms - statement_ms / 8);
    struct store_query limits = {
        "SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $1, false),"
        " set_config('idle_in_transaction_session_timeout', $1, false),"
        " set_config('search_path', 'pg_catalog', false), set_config('TimeZone', 'UTC', false),"
        " set_config('bytea_output', 'hex', false)",
        {STORE_P(str_from(timeout))},
        1};
    PGresult *r = NULL;
    enum err e = store_query_run(s, role, &limits, deadline, &r);
    PQclear(r);
    TRY(e);
    if (take[role] != NULL) {
        e = store_simple_run(s, role, take[role], deadline);
        if (e != ERR_OK) {
            store_error_set(s, "%s failed (SQLSTATE %s): is the database migrated, and the login "
                               "role a member?", take[role], s->sqlstate);
        }
    }
    return e;
}

static void conn_failed(struct store_conn *c)
{
    uint8_t dice[2] = {0};
    (void)!tls_random(dice, sizeof(dice));
    unsigned shift = c->failures < 7 ? c->failures : 7;
    int64_t wait = (int64_t)BACKOFF_MIN_MS << shift;
    wait = wait > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : wait;
    /* Full jitter: many gateways must not come back in step. */
    wait = wait / 2 + wait / 2 * (dice[0] | dice[1] << 8) / 65536;
    c->failures++;
    c->retry_at_ms = store_mono_ms() + wait;
    PQfinish(c->pg);
    c->pg = NULL;
}

void store_conn_close(struct store *s, enum store_role role)
{
    PQfinish(s->conns[role].pg);
    s->conns[role].pg = NULL;
}

enum err store_query_run(struct store *s, enum store_role role, const struct store_query *q,
                         int64_t deadline_ms, PGresult **ret_result)
{
    *ret_result = NULL;
    if (s->conns[role].pg == NULL) {
        TRY(store_conn_open(s, role));
    }
    s->sqlstate[0] = s->constraint[0] = s->raised[0] = '\0';
    if (send_query(s->conns[role].pg, q) != ERR_OK) {
        return drop(s, role, ERR_IO, "sending");
    }
    TRY(flush(s, role, deadline_ms));
    return collect(s, role, deadline_ms, ret_result);
}

enum err store_simple_run(struct store *s, enum store_role role, const char *sql,
                          int64_t deadline_ms)
{
    return store_copy_run(s, role, sql, NULL, 0, deadline_ms);
}

enum err store_copy_run(struct store *s, enum store_role role, const char *sql,
                        struct store_source *const *sources, size_t count, int64_t deadline_ms)
{
    if (s->conns[role].pg == NULL) {
        TRY(store_conn_open(s, role));
    }
    s->sqlstate[0] = s->constraint[0] = s->raised[0] = '\0';
    if (PQsendQuery(s->conns[role].pg, sql) != 1) {
        return drop(s, role, ERR_IO, "sending");
    }
    TRY(flush(s, role, deadline_ms));
    enum err e = ERR_OK;
    size_t at = 0;
    PGresult *r;
    TRY(next_result(s, role, deadline_ms, &r));
    while (r != NULL) {
        bool is_copying = PQresultStatus(r) == PGRES_COPY_IN;
        e = e != ERR_OK ? e : judge(s, role, r);
        PQclear(r);
        if (is_copying) {
            enum err put = at < count ? put_copy(s, role, sources[at], deadline_ms)
                                      : drop(s, role, ERR_INTERNAL, "copying");
            at++;
            e = e != ERR_OK ? e : put;
        }
        if (s->conns[role].pg == NULL) {
            return e;
        }
        TRY(next_result(s, role, deadline_ms, &r));
    }
    if (PQstatus(s->conns[role].pg) != CONNECTION_OK) {
        return drop(s, role, ERR_IO, "reading");
    }
    /* A COPY that did not happen has put nothing. */
    return e != ERR_OK || at == count ? e : drop(s, role, ERR_IO, "copying");
}

/* Rows are sent while they are made: what is made at once stays in the processor's cache. A
 * source that fails ends the COPY, and what stands behind it, with none. */
static enum err put_copy(struct store *s, enum store_role role, struct store_source *source,
                         int64_t deadline_ms)
{
    PGconn *pg = s->conns[role].pg;
    struct buf part;
    buf_init(&part, STORE_PART_BYTES_MAX);
    enum err made = source->next(source, &part);
    enum err e = ERR_OK;
    while (e == ERR_OK && made == ERR_OK && part.len > 0) {
        int sent = PQputCopyData(pg, part.ptr, (int)part.len);
        e = sent < 0 ? drop(s, role, ERR_IO, "copying") : flush(s, role, deadline_ms);
        if (e == ERR_OK && sent == 1) {
            buf_clear(&part);
            made = source->next(source, &part);
        }
    }
    buf_fini(&part);
    int ended = 0;
    while (e == ERR_OK && ended == 0) {
        ended = PQputCopyEnd(pg, made == ERR_OK ? NULL : "a row could not be made");
        e = ended < 0 ? drop(s, role, ERR_IO, "copying") : flush(s, role, deadline_ms);
    }
    return e != ERR_OK ? e : made;
}

/* Text goes in binary form, with its length: a NUL inside is refused by the server
 * instead of cutting the value short. */
static enum err send_query(PGconn *pg, const struct store_query *q)
{
    Oid types[STORE_PARAMS_MAX];
    const char *values[STORE_PARAMS_MAX];
    int lengths[STORE_PARAMS_MAX], formats[STORE_PARAMS_MAX];
    ASSERT(q->params_count <= STORE_PARAMS_MAX);
    for (int i = 0; i < q->params_count; i++) {
        const struct store_param *p = &q->params[i];
        if (p->text.len > INT32_MAX / 4) {
            return ERR_LIMIT;
        }
        types[i] = p->is_bytes ? OID_BYTEA : OID_TEXT;
        values[i] = p->text.ptr;
        lengths[i] = (int)p->text.len;
        formats[i] = 1;
    }
    return PQsendQueryParams(pg, q->sql, q->params_count, types, values, lengths, formats, 0) == 1
               ? ERR_OK
               : ERR_IO;
}

int store_conn_wait(PGconn *pg, bool for_write, int wake_fd, int64_t deadline_ms)
{
    struct pollfd fds[2] = {
        {PQsocket(pg), (short)(for_write ? POLLIN | POLLOUT : POLLIN), 0},
        {wake_fd, POLLIN, 0},
    };
    for (;;) {
        int64_t left = deadline_ms - store_mono_ms();
        int n = poll(fds, wake_fd >= 0 ? 2 : 1, left < 0 ? 0 : (int)left);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        return n <= 0 ? 0
                      : (fds[0].revents != 0 ? 1 : 0) | (fds[1].revents != 0 ? 2 : 0) |
                            ((fds[0].revents & ~POLLOUT) != 0 ? 4 : 0);
    }
}

static enum err flush(struct store *s, enum store_role role, int64_t deadline_ms)
{
    PGconn *pg = s->conns[role].pg;
    for (;;) {
        int left = PQflush(pg);
        if (left == 0) {
            return ERR_OK;
        }
        if (left < 0) {
            return drop(s, role, ERR_IO, "sending");
        }
        int ready = store_conn_wait(pg, true, -1, deadline_ms);
        if (ready == 0) {
            return drop(s, role, ERR_TIMEOUT, "sending");
        }
        if ((ready & 4) != 0 && PQconsumeInput(pg) != 1) {
            return drop(s, role, ERR_IO, "reading");
        }
    }
}

/* NULL: there are no more. */
static enum err next_result(struct store *s, enum store_role role, int64_t deadline_ms,
                            PGresult **ret_result)
{
    PGconn *pg = s->conns[role].pg;
    while (PQisBusy(pg)) {
        if (store_conn_wait(pg, false, -1, deadline_ms) == 0) {
            return drop(s, role, ERR_TIMEOUT, "waiting");
        }
        if (PQconsumeInput(pg) != 1) {
            return drop(s, role, ERR_IO, "reading");
        }
    }
    *ret_result = PQgetResult(pg);
    return ERR_OK;
}

/* Reads to the end of the command; keeps the last result or the first refusal. */
static enum err collect(struct store *s, enum store_role role, int64_t deadline_ms,
                        PGresult **ret_result)
{
    PGconn *pg = s->conns[role].pg;
    enum err e = ERR_OK;
    PGresult *last = NULL;
    for (;;) {
        PGresult *r;
        enum err come = next_result(s, role, deadline_ms, &r);
        if (come != ERR_OK) {
            PQclear(last);
            return come;
        }
        if (r == NULL) {
            break;
        }
        if (e == ERR_OK) {
            e = judge(s, role, r);
        }
        PQclear(last);
        last = r;
    }
    if (PQstatus(pg) != CONNECTION_OK) {
        PQclear(last);
        return drop(s, role, ERR_IO, "reading");
    }
    if (e != ERR_OK) {
        PQclear(last);
        last = NULL;
    }
    *ret_result = last;
    return e;
}

/* The server's message may quote row data, so only SQLSTATE and constraint are kept. */
static enum err judge(struct store *s, enum store_role role, const PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN) {
        return ERR_OK;
    }
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
    const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    snprintf(s->sqlstate, sizeof(s->sqlstate), "%s", state != NULL ? state : "");
    snprintf(s->constraint, sizeof(s->constraint), "%s", constraint != NULL ? constraint : "");
    if (strncmp(s->sqlstate, "PC", 2) == 0) {
        snprintf(s->raised, sizeof(s->raised), "%s", message != NULL ? message : "");
    }
    bool is_schema_missing = strncmp(s->sqlstate, "42P01", 5) == 0 ||
                             strncmp(s->sqlstate, "3F000", 5) == 0;
    store_error_set(s, "the database refused a statement: SQLSTATE %s %s%s", s->sqlstate,
                    s->constraint,
                    is_schema_missing ? "(no such table: run 'portcullis migrate up')" : "");
    /* Only the owner's statements are ours word for word, so their message may be shown. */
    if (role == STORE_OWNER && message != NULL) {
        store_error_set(s, "SQLSTATE %s: %s", s->sqlstate, message);
    }
    static const struct {
        const char *prefix;
        enum err err;
    } table[] = {
        {"PC403", ERR_DENIED},  {"PC4", ERR_CONFLICT},   {"23505", ERR_CONFLICT},
        {"23503", ERR_CONFLICT}, {"23514", ERR_INVALID}, {"23502", ERR_INVALID},
        {"22", ERR_INVALID},    {"42501", ERR_DENIED},   {"40", ERR_AGAIN},
        {"54000", ERR_LIMIT},   {"57014", ERR_TIMEOUT},  {"55P03", ERR_TIMEOUT},
        {"25P03", ERR_TIMEOUT},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strncmp(s->sqlstate, table[i].prefix, strlen(table[i].prefix)) == 0) {
            return table[i].err;
        }
    }
    return ERR_IO;
}

static enum err drop(struct store *s, enum store_role role, enum err e, const char *what)
{
    store_error_set(s, "the connection to the database failed while %s%s", what,
                    e == ERR_TIMEOUT ? ": deadline passed" : "");
    conn_failed(&s->conns[role]);
    return e;
}

enum err store_value_get(struct store *s, enum store_role role, const struct store_query *q,
                         int64_t deadline_ms, struct arena *a, struct str *ret)
{
    PGresult *r = NULL;
    *ret = STR_NONE;
    TRY(store_query_run(s, role, q, deadline_ms, &r));
    enum err e = PQntuples(r) == 0 ? ERR_NOT_FOUND : ERR_OK;
    if (e == ERR_OK) {
        *ret = store_col(a, r, 0, 0);
    }
    PQclear(r);
    return e;
}
