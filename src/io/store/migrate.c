/* SPDX-License-Identifier: Apache-2.0
 *
 * Migrations: numbered SQL texts embedded in the binary, each applied in one
 * transaction together with its row in schema_migrations, all under one advisory lock,
 * so that any number of nodes may start with `migrate up` at once. A row is dirty only
 * while a migration that cannot run in a transaction is under way; there is none yet,
 * so a dirty row means somebody's hands.
 */
#include "store_private.h"

#include <stdio.h>

#define LOCK "7306087244"
#define MIGRATE_MS 600000

struct applied {
    uint32_t version;
    bool is_dirty;
    char checksum[65];
};
struct session {
    struct store *s;
    int64_t deadline_ms;
    struct applied applied[64];
    size_t applied_count;
};

/* Up to `to`, 0 = all; or down to it, 0 = none is left. */
struct direction {
    bool is_up, is_dry;
    uint32_t to;
};

static enum err migrate(struct store *s, const struct direction *d,
                        struct store_migrate_report *ret, struct issue *ret_issue);
static enum err begin(struct session *m, struct store *s, bool is_read_only,
                      struct issue *ret_issue);
static enum err read_applied(struct session *m);
static enum err report(const struct session *m, struct store_migrate_report *ret,
                       struct issue *ret_issue);
static enum err apply(struct session *m, const struct store_migration *step, bool is_up,
                      struct issue *ret_issue);
static void end(struct session *m);
static const struct applied *find(const struct session *m, uint32_t version);
static void checksum_of(const struct store_migration *step, char ret_hex[65]);
static enum err failed(const struct store *s, enum err e, struct issue *ret_issue);

enum err store_migrate_status(struct store *s, struct store_migrate_report *ret,
                              struct issue *ret_issue)
{
    struct session m;
    TRY(begin(&m, s, true, ret_issue));
    struct issue ignored;
    (void)report(&m, ret, &ignored); /* the report itself shows what is wrong */
    end(&m);
    return ERR_OK;
}

enum err store_migrate_up(struct store *s, uint32_t to, bool dry_run,
                          struct store_migrate_report *ret, struct issue *ret_issue)
{
    const struct direction up = {.is_up = true, .to = to, .is_dry = dry_run};
    return migrate(s, &up, ret, ret_issue);
}

enum err store_migrate_down(struct store *s, uint32_t to, bool dry_run,
                            struct store_migrate_report *ret, struct issue *ret_issue)
{
    const struct direction down = {.is_up = false, .to = to, .is_dry = dry_run};
    return migrate(s, &down, ret, ret_issue);
}

static enum err migrate(struct store *s, const struct direction *d,
                        struct store_migrate_report *ret, struct issue *ret_issue)
{
    struct session m;
    size_t count;
    const struct store_migration *list = store_migrations(&count);
    TRY(begin(&m, s, d->is_dry, ret_issue));
    enum err e = report(&m, ret, ret_issue);
    uint32_t applied = 0;
    for (size_t i = 0; e == ERR_OK && i < count; i++) {
        const struct store_migration *step = &list[d->is_up ? i : count - 1 - i];
        bool is_applied = find(&m, step->version) != NULL;
        bool is_within = d->is_up ? d->to == 0 || step->version <= d->to : step->version > d->to;
        if (!is_within || is_applied == d->is_up) {
            continue;
        }
        applied++;
        if (!d->is_dry) {
            e = apply(&m, step, d->is_up, ret_issue);
        }
    }
    if (e == ERR_OK && !d->is_dry) {
        e = read_applied(&m);
    }
    if (e == ERR_OK) {
        e = report(&m, ret, ret_issue);
    }
    ret->applied = applied;
    end(&m);
    return e;
}

static enum err begin(struct session *m, struct store *s, bool is_read_only,
                      struct issue *ret_issue)
{
    memset(m, 0, sizeof(*m));
    m->s = s;
    m->deadline_ms = store_mono_ms() + MIGRATE_MS;
    enum err e = store_conn_open(s, STORE_OWNER);
    if (e == ERR_OK) {
        e = store_simple_run(s, STORE_OWNER,
                             "SET statement_timeout = 0; SET lock_timeout = 0;"
                             "SET client_min_messages = warning; SELECT pg_advisory_lock(" LOCK ")",
                             m->deadline_ms);
    }
    if (e == ERR_OK && !is_read_only) {
        e = store_simple_run(s, STORE_OWNER,
                             "CREATE SCHEMA IF NOT EXISTS portcullis;"
                             "CREATE TABLE IF NOT EXISTS portcullis.schema_migrations ("
                             " version bigint PRIMARY KEY, dirty boolean NOT NULL,"
                             " checksum text NOT NULL, name text NOT NULL,"
                             " applied_at timestamptz NOT NULL DEFAULT now())",
                             m->deadline_ms);
    }
    if (e == ERR_OK) {
        e = read_applied(m);
    }
    return e == ERR_OK ? ERR_OK : failed(s, e, ret_issue);
}

static enum err read_applied(struct session *m)
{
    struct store_query is_there = {
        "SELECT to_regclass('portcullis.schema_migrations') IS NOT NULL", {STORE_P_NULL}, 0};
    struct store_query q = {"SELECT version, dirty, checksum FROM portcullis.schema_migrations "
                            "ORDER BY version LIMIT 64",
                            {STORE_P_NULL},
                            0};
    PGresult *r = NULL;
    m->applied_count = 0;
    TRY(store_query_run(m->s, STORE_OWNER, &is_there, m->deadline_ms, &r));
    bool has_table = store_col_bool(r, 0, 0);
    PQclear(r);
    if (!has_table) {
        return ERR_OK;
    }
    TRY(store_query_run(m->s, STORE_OWNER, &q, m->deadline_ms, &r));
    for (int i = 0; i < PQntuples(r) && i < 64; i++) {
        struct applied *a = &m->applied[m->applied_count++];
        a->version = (uint32_t)store_col_int(r, i, 0, 0);
        a->is_dirty = store_col_bool(r, i, 1);
        snprintf(a->checksum, sizeof(a->checksum), "%s", PQgetvalue(r, i, 2));
    }
    PQclear(r);
    return ERR_OK;
}

static enum err report(const struct session *m, struct store_migrate_report *ret,
                       struct issue *ret_issue)
{
    size_t count;
    const struct store_migration *list = store_migrations(&count);
    enum err e = ERR_OK;
    memset(ret, 0, sizeof(*ret));
    for (size_t i = 0; i < m->applied_count; i++) {
        ret->version = m->applied[i].version;
        if (m->applied[i].is_dirty) {
            ret->is_dirty = true;
            issue_set(ret_issue, "", "migration %u was cut off: repair the schema by hand, then "
                                     "set dirty = false in portcullis.schema_migrations",
                      (unsigned)m->applied[i].version);
            e = ERR_CONFLICT;
        }
    }
    for (size_t i = 0; i < count && i < 64; i++) {
        char checksum[65];
        const struct applied *a = find(m, list[i].version);
        struct store_migrate_step *step = &ret->steps[ret->steps_count++];
        checksum_of(&list[i], checksum);
        *step = (struct store_migrate_step){list[i].version, list[i].name, a != NULL,
                                            a != NULL && strcmp(a->checksum, checksum) != 0};
        if (step->is_changed && e == ERR_OK) {
            issue_set(ret_issue, "", "migration %u (%s) is applied with another text than this "
                                     "program has: use the program that applied it, or a newer one",
                      (unsigned)step->version, step->name);
            e = ERR_CONFLICT;
        }
    }
    return e;
}

static enum err apply(struct session *m, const struct store_migration *step, bool is_up,
                      struct issue *ret_issue)
{
    char version[16], checksum[65];
    checksum_of(step, checksum);
    snprintf(version, sizeof(version), "%u", (unsigned)step->version);
    struct store_query note =
        is_up ? (struct store_query){"INSERT INTO portcullis.schema_migrations "
                                     "(version, dirty, checksum, name) "
                                     "VALUES ($1::bigint, false, $2, $3)",
                                     {STORE_P(str_from(version)), STORE_P(str_from(checksum)),
                                      STORE_P(str_from(step->name))},
                                     3}
              : (struct store_query){"DELETE FROM portcullis.schema_migrations "
                                     "WHERE version = $1::bigint",
                                     {STORE_P(str_from(version))},
                                     1};
    PGresult *r = NULL;
    enum err e = store_simple_run(m->s, STORE_OWNER, "BEGIN", m->deadline_ms);
    if (e == ERR_OK) {
        e = store_simple_run(m->s, STORE_OWNER, is_up ? step->up : step->down, m->deadline_ms);
    }
    if (e == ERR_OK) {
        e = store_query_run(m->s, STORE_OWNER, &note, m->deadline_ms, &r);
        PQclear(r);
    }
    if (e == ERR_OK) {
        e = store_simple_run(m->s, STORE_OWNER, "COMMIT", m->deadline_ms);
    }
    if (e != ERR_OK) {
        issue_set(ret_issue, "", "migration %u (%s) %s failed and was rolled back: %s",
                  (unsigned)step->version, step->name, is_up ? "up" : "down", m->s->error);
        if (m->s->conns[STORE_OWNER].pg != NULL) {
            (void)!store_simple_run(m->s, STORE_OWNER, "ROLLBACK", m->deadline_ms);
        }
    }
    return e;
}

/* The lock goes with the connection; so does whatever a migration set. */
static void end(struct session *m)
{
    store_conn_close(m->s, STORE_OWNER);
}

static const struct applied *find(const struct session *m, uint32_t version)
{
    for (size_t i = 0; i < m->applied_count; i++) {
        if (m->applied[i].version == version) {
            return &m->applied[i];
        }
    }
    return NULL;
}

static void checksum_of(const struct store_migration *step, char ret_hex[65])
{
    struct sha256 hash = sha256_of(str_from(step->up));
    hex_of(hash.bytes, sizeof(hash.bytes), ret_hex);
    ret_hex[64] = '\0';
}

static enum err failed(const struct store *s, enum err e, struct issue *ret_issue)
{
    issue_set(ret_issue, "", "%s", s->error);
    store_conn_close((struct store *)(uintptr_t)s, STORE_OWNER);
    return e;
}
