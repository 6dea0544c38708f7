/* SPDX-License-Identifier: Apache-2.0
 *
 * The store itself: options, secrets, nodes and organisations. Nothing here connects
 * before the first use, so that a gateway can start while the database is away.
 */
#include "store_private.h"

#include <stdio.h>
#include <stdlib.h>

void store_secrets_derive(const uint8_t master[32], struct store_secrets *ret)
{
    struct str key = {(const char *)master, 32};
    struct sha256 pepper = hmac_sha256(key, STR("portcullis/1/pepper"));
    struct sha256 sealing = hmac_sha256(key, STR("portcullis/1/sealing"));
    memcpy(ret->pepper, pepper.bytes, sizeof(ret->pepper));
    memcpy(ret->sealing, sealing.bytes, sizeof(ret->sealing));
    bytes_wipe(&pepper, sizeof(pepper));
    bytes_wipe(&sealing, sizeof(sealing));
}

enum err store_open(const struct store_options *options, struct store **ret,
                    struct issue *ret_issue)
{
    *ret = NULL;
    TRY(store_dsn_check(options->dsn, ret_issue));
    struct store *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return ERR_MEMORY;
    }
    s->dsn = strdup(options->dsn);
    if (s->dsn == NULL) {
        free(s);
        return ERR_MEMORY;
    }
    s->options = *options;
    s->options.dsn = s->dsn;
    s->options.query_ms = options->query_ms != 0 ? options->query_ms : 2000;
    s->options.load_ms = options->load_ms != 0 ? options->load_ms : 30000;
    s->options.connect_ms = options->connect_ms != 0 ? options->connect_ms : 3000;
    *ret = s;
    return ERR_OK;
}

enum err store_dsn_check(const char *dsn, struct issue *ret_issue)
{
    char *message = NULL;
    PQconninfoOption *parsed = dsn != NULL ? PQconninfoParse(dsn, &message) : NULL;
    bool is_good = parsed != NULL;
    PQconninfoFree(parsed);
    PQfreemem(message); /* it may quote the DSN, and with it a password */
    if (!is_good) {
        issue_set(ret_issue, "", "the database address is not a libpq connection string or URL, "
                                 "such as postgresql://user@host:5432/portcullis");
        return ERR_INVALID;
    }
    return ERR_OK;
}

void store_close(struct store *s)
{
    if (s == NULL) {
        return;
    }
    for (int i = 0; i < STORE_ROLES_COUNT; i++) {
        store_conn_close(s, (enum store_role)i);
    }
    bytes_wipe(s->dsn, strlen(s->dsn));
    free(s->dsn);
    bytes_wipe(&s->options.secrets, sizeof(s->options.secrets));
    free(s);
}

const char *store_error(const struct store *s)
{
    return s->error;
}

/* ---- nodes ------------------------------------------------------------------------ */

enum err store_node_report(struct store *s, struct str node, uint64_t epoch, struct str behind)
{
    char number[24];
    snprintf(number, sizeof(number), "%llu", (unsigned long long)epoch);
    struct store_query q = {
        "INSERT INTO portcullis.nodes (id, epoch, behind) VALUES ($1, $2::bigint,"
        " COALESCE(string_to_array($3, chr(10)), '{}')) "
        "ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, behind = excluded.behind,"
        " seen_at = now()",
        {STORE_P(node), STORE_P(str_from(number)), STORE_P(behind)},
        3};
    PGresult *r = NULL;
    TRY(store_query_run(s, STORE_LOADER, &q, store_mono_ms() + s->options.query_ms, &r));
    PQclear(r);
    return ERR_OK;
}

enum err store_node_leave(struct store *s, struct str node)
{
    /* Rows of nodes that died without leaving go with it after a day. */
    struct store_query q = {"DELETE FROM portcullis.nodes "
                            "WHERE id = $1 OR seen_at < now() - interval '1 day'",
                            {STORE_P(node)},
                            1};
    PGresult *r = NULL;
    TRY(store_query_run(s, STORE_LOADER, &q, store_mono_ms() + s->options.query_ms, &r));
    PQclear(r);
    return ERR_OK;
}

enum err store_nodes_min_epoch(struct store *s, struct str org, struct arena *a,
                               uint64_t *ret_epoch, struct str *ret_node)
{
    struct store_query q = {"SELECT CASE WHEN $1 = ANY (behind) THEN 0 ELSE epoch END AS least, id "
                            "FROM portcullis.nodes WHERE seen_at > now() - interval '15 seconds' "
                            "ORDER BY least, id LIMIT 1",
                            {STORE_P(org)},
                            1};
    PGresult *r = NULL;
    TRY(store_query_run(s, STORE_LOADER, &q, store_mono_ms() + s->options.query_ms, &r));
    enum err e = ERR_NOT_FOUND;
    if (PQntuples(r) == 1) {
        *ret_epoch = (uint64_t)store_col_int(r, 0, 0, 0);
        *ret_node = store_col(a, r, 0, 1);
        e = ret_node->ptr != NULL ? ERR_OK : ERR_MEMORY;
    }
    PQclear(r);
    return e;
}

/* ---- organisations: the operator's own commands ------------------------------------- */

enum err store_org_create(struct store *s, struct arena *a, struct str id, struct str name,
                          struct str *ret_id)
{
    if (!s->options.is_operator) {
        return ERR_DENIED;
    }
    if (id.len == 0) {
        TRY(store_id_make(a, "org_", &id));
    }
    /* One statement sets app.org and inserts, so that no setting outlives it. */
    struct store_query q = {
        "WITH tenant AS MATERIALIZED (SELECT set_config('app.org', $1, true) AS id) "
        "INSERT INTO portcullis.orgs (org_id, name) SELECT id, $2 FROM tenant RETURNING org_id",
        {STORE_P(id), STORE_P(name)},
        2};
    return store_value_get(s, STORE_OWNER, &q, store_mono_ms() + s->options.query_ms, a, ret_id);
}

enum err store_org_list(struct store *s, struct arena *a, struct store_org_summary **ret,
                        size_t *ret_count)
{
    struct store_query q = {
        "SELECT org_id, name, to_char(created_at AT TIME ZONE 'UTC', "
        "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
        " policy_seq, is_suspended FROM portcullis.orgs ORDER BY org_id COLLATE \"C\"",
        {STORE_P_NULL},
        0};
    PGresult *r = NULL;
    TRY(store_query_run(s, STORE_LOADER, &q, store_mono_ms() + s->options.query_ms, &r));
    int n = PQntuples(r);
    struct store_org_summary *list = ARENA_ARRAY(a, (size_t)n, struct store_org_summary);
    for (int i = 0; list != NULL && i < n; i++) {
        list[i] = (struct store_org_summary){
            .id = store_col(a, r, i, 0),
            .name = store_col(a, r, i, 1),
            .created_at = store_col(a, r, i, 2),
            .seq = (uint64_t)store_col_int(r, i, 3, 0),
            .is_suspended = store_col_bool(r, i, 4),
        };
    }
    PQclear(r);
    *ret = list;
    *ret_count = (size_t)n;
    return list != NULL && !a->is_exhausted ? ERR_OK : ERR_MEMORY;
}

enum err store_audit_prepare(struct store *s)
{
    struct store_query q = {"SELECT portcullis.audit_partitions_ensure(7)", {STORE_P_NULL}, 0};
    PGresult *r = NULL;
    TRY(store_query_run(s, STORE_AUDIT, &q, store_mono_ms() + s->options.load_ms, &r));
    PQclear(r);
    return ERR_OK;
}
