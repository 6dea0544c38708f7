/* SPDX-License-Identifier: Apache-2.0
 *
 * What the gateways enforce, read in one consistent view of the database. Five
 * statements for any number of organisations, ordered by organisation, so a start with
 * ten thousand of them is not ten thousand round trips.
 *
 * An organisation whose rows cannot be trusted (a body that does not parse or does not
 * match its hash, a credential that does not open) is reported as unusable; the caller
 * keeps its last good part, or denies all (F12). Others are not touched by it.
 */
#include "store_private.h"

#include <stdlib.h>

enum part { PART_ORGS, PART_KEYS, PART_POLICIES, PART_ATTESTATIONS, PART_ENDPOINTS, PARTS_COUNT };

/* $1: changed after this epoch. First column: org_id. Ordered bytewise by it. */
static const char *const statements[PARTS_COUNT] = {
    [PART_ORGS] = "SELECT org_id, name, policy_seq, is_suspended, slot_selection,"
                  " error_format "
                  "FROM portcullis.orgs WHERE policy_seq > $1::bigint "
                  "ORDER BY org_id COLLATE \"C\"",
    /* A key's role is bounded by its user's, in the order of what they may: demoting the user
     * demotes the key. What it does not say itself, its user says, then its project. */
    [PART_KEYS] =
        "SELECT k.org_id, k.id, k.secret_hmac, k.previous_hmac,"
        " ceil(extract(epoch FROM k.previous_until))::bigint,"
        " ceil(extract(epoch FROM k.not_before))::bigint,"
        " floor(extract(epoch FROM k.expires_at))::bigint,"
        " k.revoked_at IS NOT NULL OR coalesce(u.is_suspended, false),"
        " k.name, coalesce(k.team, u.team, p.team), k.environment, k.project, k.user_id,"
        " (ARRAY['member', 'auditor', 'admin', 'owner'])[least("
        "   array_position(ARRAY['member', 'auditor', 'admin', 'owner'],"
        "                  coalesce(k.role, u.role, 'member')),"
        "   array_position(ARRAY['member', 'auditor', 'admin', 'owner'], u.role))],"
        " u.email, k.scopes, k.slots, k.pinned_slot, k.may_narrow, k.models, k.metadata,"
        " k.error_format, p.metadata "
        "FROM portcullis.api_keys k LEFT JOIN portcullis.users u "
        "ON u.org_id = k.org_id AND u.id = k.user_id "
        "LEFT JOIN portcullis.projects p ON p.org_id = k.org_id AND p.name = k.project "
        "WHERE k.org_id IN (SELECT org_id FROM portcullis.orgs WHERE policy_seq > $1::bigint) "
        "ORDER BY k.org_id COLLATE \"C\", k.id",
    [PART_POLICIES] =
        "SELECT p.org_id, " STORE_POLICY_COLUMNS " FROM portcullis.policies p "
        "JOIN portcullis.policy_versions v ON v.org_id = p.org_id AND v.policy_id = p.id "
        "AND v.version = p.active_version "
        "WHERE p.status = 'active' AND p.org_id IN "
        "(SELECT org_id FROM portcullis.orgs WHERE policy_seq > $1::bigint) "
        "ORDER BY p.org_id COLLATE \"C\", p.priority, p.id",
    [PART_ATTESTATIONS] =
        "SELECT org_id, provider, attribute, value, floor(extract(epoch FROM valid_from))::bigint,"
        " floor(extract(epoch FROM valid_until))::bigint FROM portcullis.attestations "
        "WHERE org_id IN (SELECT org_id FROM portcullis.orgs WHERE policy_seq > $1::bigint) "
        "ORDER BY org_id COLLATE \"C\", created_at, id",
    [PART_ENDPOINTS] =
        "SELECT org_id, id, provider, base_url, dialect, credential, credential_version, ca_file,"
        " priority FROM portcullis.provider_endpoints WHERE is_enabled AND org_id IN "
        "(SELECT org_id FROM portcullis.orgs WHERE policy_seq > $1::bigint) "
        "ORDER BY org_id COLLATE \"C\", priority, id",
};

struct reading {
    struct store *s;
    struct store_loaded *l;
    PGresult *results[PARTS_COUNT];
    int at[PARTS_COUNT]; /* next row not yet given to an organisation */
};

static enum err read_all(struct reading *g, uint64_t since, int64_t deadline_ms);
static enum err build(struct reading *g);
static void build_org(struct reading *g, int row, struct store_org *o);
static int rows_of(struct reading *g, enum part part, struct str org, int *ret_from);
static enum err org_keys(struct reading *g, struct store_org *o);
static enum err key_read(struct arena *a, const PGresult *r, int row, struct policy_key_row *k);
static enum err key_metadata(struct arena *a, struct str own, struct str project,
                             struct policy_key_row *k);
static int64_t end_s(const PGresult *r, int row, int col);
static enum err org_policies(struct reading *g, struct store_org *o);
static enum err org_attestations(struct reading *g, struct store_org *o);
static enum err org_endpoints(struct reading *g, struct store_org *o);

enum err store_load(struct store *s, uint64_t since, struct store_loaded **ret)
{
    *ret = NULL;
    if (s->options.catalog == NULL) {
        return ERR_UNSUPPORTED;
    }
    struct store_loaded *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        return ERR_MEMORY;
    }
    arena_init(&l->arena, (size_t)4 << 30);
    struct reading g = {.s = s, .l = l};
    enum err e = read_all(&g, since, store_mono_ms() + s->options.load_ms);
    if (e == ERR_OK) {
        e = build(&g);
    }
    for (int i = 0; i < PARTS_COUNT; i++) {
        PQclear(g.results[i]);
    }
    if (e != ERR_OK) {
        store_loaded_free(l);
        return e;
    }
    *ret = l;
    return ERR_OK;
}

static enum err read_all(struct reading *g, uint64_t since, int64_t deadline_ms)
{
    struct store *s = g->s;
    char number[24];
    struct buf b;
    buf_init(&b, sizeof(number));
    buf_add_u64(&b, since);
    memcpy(number, b.ptr, b.len);
    struct str since_text = {number, b.len};
    buf_fini(&b);
    TRY(store_simple_run(s, STORE_LOADER, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                         deadline_ms));
    struct store_query epoch = {
        "SELECT value, floor(extract(epoch FROM clock_timestamp()))::bigint FROM portcullis.epoch",
        {STORE_P_NULL},
        0};
    PGresult *r = NULL;
    enum err e = store_query_run(s, STORE_LOADER, &epoch, deadline_ms, &r);
    if (e == ERR_OK && PQntuples(r) != 1) {
        e = ERR_CORRUPT;
    }
    if (e == ERR_OK) {
        g->l->epoch = (uint64_t)store_col_int(r, 0, 0, 0);
        g->l->now_s = store_col_int(r, 0, 1, 0);
    }
    PQclear(r);
    for (int i = 0; e == ERR_OK && i < PARTS_COUNT; i++) {
        struct store_query q = {statements[i], {STORE_P(since_text)}, 1};
        e = store_query_run(s, STORE_LOADER, &q, deadline_ms, &g->results[i]);
        if (e == ERR_OK && i == PART_ORGS && PQntuples(g->results[i]) == 0) {
            break; /* nothing changed: the other parts would be empty */
        }
    }
    if (s->conns[STORE_LOADER].pg != NULL) {
        enum err end = store_simple_run(s, STORE_LOADER, "ROLLBACK", deadline_ms);
        e = e == ERR_OK ? end : e;
    }
    return e;
}

static enum err build(struct reading *g)
{
    const PGresult *orgs = g->results[PART_ORGS];
    int n = PQntuples(orgs);
    g->l->orgs = ARENA_ARRAY(&g->l->arena, (size_t)n, struct store_org);
    if (g->l->orgs == NULL) {
        return ERR_MEMORY;
    }
    g->l->orgs_count = (size_t)n;
    for (int i = 0; i < n; i++) {
        build_org(g, i, &g->l->orgs[i]);
    }
    return g->l->arena.is_exhausted ? ERR_MEMORY : ERR_OK;
}

static void build_org(struct reading *g, int row, struct store_org *o)
{
    static enum err (*const parts[])(struct reading *, struct store_org *) = {
        org_keys, org_policies, org_attestations, org_endpoints};
    const PGresult *r = g->results[PART_ORGS];
    struct arena *a = &g->l->arena;
    o->rows.id = store_col(a, r, row, 0);
    o->rows.name = store_col(a, r, row, 1);
    o->rows.seq = (uint64_t)store_col_int(r, row, 2, 0);
    o->rows.is_suspended = store_col_bool(r, row, 3);
    struct str selection = store_col(a, r, row, 4);
    o->rows.slot_selection = str_eq(selection, STR("pinned"))          ? POLICY_SLOT_PINNED
                             : str_eq(selection, STR("stricter_only")) ? POLICY_SLOT_STRICTER_ONLY
                                                                       : POLICY_SLOT_ANY;
    o->rows.error_format = policy_error_format_of(store_col(a, r, row, 5));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        /* Every part runs, so that the cursors stand at the next organisation. */
        enum err e = parts[i](g, o);
        if (e != ERR_OK && o->err == ERR_OK) {
            o->err = e;
            if (o->issue.message[0] == '\0') {
                issue_set(&o->issue, "", "rows of organisation %.*s are damaged (%s)",
                          STR_ARG(o->rows.id), err_name(e));
            }
        }
    }
}

/* Rows of `org` in a part: both are ordered bytewise, so one pass serves all. */
static int rows_of(struct reading *g, enum part part, struct str org, int *ret_from)
{
    const PGresult *r = g->results[part];
    int n = PQntuples(r), from = g->at[part];
    while (from < n && str_cmp(str_from(PQgetvalue(r, from, 0)), org) < 0) {
        from++;
    }
    int to = from;
    while (to < n && str_eq(str_from(PQgetvalue(r, to, 0)), org)) {
        to++;
    }
    g->at[part] = to;
    *ret_from = from;
    return to - from;
}

static enum err org_keys(struct reading *g, struct store_org *o)
{
    int from, n = rows_of(g, PART_KEYS, o->rows.id, &from);
    struct policy_key_row *keys = ARENA_ARRAY(&g->l->arena, (size_t)n, struct policy_key_row);
    if (keys == NULL) {
        return ERR_MEMORY;
    }
    for (int i = 0; i < n; i++) {
        enum err e = key_read(&g->l->arena, g->results[PART_KEYS], from + i, &keys[i]);
        if (e != ERR_OK) {
            issue_set(&o->issue, "", "key %.*s has a damaged row", STR_ARG(keys[i].id));
            return e;
        }
    }
    o->rows.keys = keys;
    o->rows.keys_count = (size_t)n;
    return ERR_OK;
}

static enum err key_read(struct arena *a, const PGresult *r, int row, struct policy_key_row *k)
{
    struct str secret, previous;
    struct policy_list scopes;
    k->id = store_col(a, r, row, 1);
    TRY(store_col_bytes(a, r, row, 2, &secret));
    TRY(store_col_bytes(a, r, row, 3, &previous));
    if (secret.len != sizeof(k->secret_hmac) || (previous.len != 0 && previous.len != 32)) {
        return ERR_CORRUPT;
    }
    memcpy(k->secret_hmac, secret.ptr, sizeof(k->secret_hmac));
    k->has_previous = previous.len != 0;
    if (k->has_previous) {
        memcpy(k->previous_hmac, previous.ptr, sizeof(k->previous_hmac));
        k->previous_until_s = store_col_int(r, row, 4, 1);
    }
    k->not_before_s = store_col_int(r, row, 5, 0);
    k->expires_at_s = end_s(r, row, 6);
    k->is_revoked = store_col_bool(r, row, 7);
    struct str *const texts[] = {&k->name, &k->team, &k->environment, &k->project,
                                 &k->user, &k->role, &k->user_email};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        *texts[i] = store_col(a, r, row, 8 + (int)i);
    }
    TRY(store_list_parse(a, store_col(a, r, row, 15), &scopes));
    for (size_t i = 0; i < scopes.count; i++) {
        k->may_call |= str_eq(scopes.items[i], STR("call"));
        k->may_manage |= str_eq(scopes.items[i], STR("manage"));
    }
    TRY(store_slots_parse(a, store_col(a, r, row, 16), &k->slots));
    k->pinned_slot = (int)store_col_int(r, row, 17, 0);
    k->may_narrow = store_col_bool(r, row, 18);
    TRY(store_list_parse(a, store_col(a, r, row, 19), &k->models));
    k->error_format = policy_error_format_of(store_col(a, r, row, 21));
    return key_metadata(a, store_col(a, r, row, 20), store_col(a, r, row, 22), k);
}

/* The key's own pairs, then those of its project whose names it does not give itself. */
static enum err key_metadata(struct arena *a, struct str own, struct str project,
                             struct policy_key_row *k)
{
    const struct policy_pair *first, *more;
    size_t first_count, more_count;
    TRY(store_pairs_parse(a, own, &first, &first_count));
    TRY(store_pairs_parse(a, project, &more, &more_count));
    struct policy_pair *list = ARENA_ARRAY(a, first_count + more_count, struct policy_pair);
    if (list == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < first_count + more_count; i++) {
        const struct policy_pair *p = i < first_count ? &first[i] : &more[i - first_count];
        bool is_given = false;
        for (size_t j = 0; i >= first_count && j < first_count && !is_given; j++) {
            is_given = str_eq(first[j].name, p->name);
        }
        if (!is_given) {
            list[k->metadata_count++] = *p;
        }
    }
    k->metadata = list;
    return ERR_OK;
}

/* An end in seconds, where 0 stands for none: the very second 0 was an end long ago. */
static int64_t end_s(const PGresult *r, int row, int col)
{
    int64_t s = store_col_int(r, row, col, 0);
    return s == 0 && !PQgetisnull(r, row, col) ? -1 : s;
}

static enum err org_policies(struct reading *g, struct store_org *o)
{
    int from, n = rows_of(g, PART_POLICIES, o->rows.id, &from);
    struct policy *list = ARENA_ARRAY(&g->l->arena, (size_t)n, struct policy);
    if (list == NULL) {
        return ERR_MEMORY;
    }
    for (int i = 0; i < n; i++) {
        TRY(store_policy_read(&g->l->arena, g->results[PART_POLICIES], from + i, 1, &list[i],
                              &o->issue));
    }
    o->rows.policies = list;
    o->rows.policies_count = (size_t)n;
    return ERR_OK;
}

enum err store_policy_read(struct arena *a, const PGresult *r, int row, int first_col,
                           struct policy *ret, struct issue *ret_issue)
{
    struct str hash, body = store_col(a, r, row, first_col);
    TRY(store_col_bytes(a, r, row, first_col + 1, &hash));
    struct sha256 actual = sha256_of(body);
    if (body.ptr == NULL || hash.len != 32 || memcmp(hash.ptr, actual.bytes, 32) != 0) {
        issue_set(ret_issue, "", "the body of a stored policy does not match its hash");
        return ERR_CORRUPT;
    }
    /* Without the catalogue: a provider that left it must not disable the organisation;
     * an entry nobody answers to matches nothing. */
    if (codec_canonical_parse(a, body, NULL, ret, ret_issue) != ERR_OK) {
        return ERR_CORRUPT;
    }
    struct str status = store_col(a, r, row, first_col + 2);
    for (int i = POLICY_DRAFT; i <= POLICY_ARCHIVED; i++) {
        if (str_eq(status, str_from(policy_status_name((enum policy_status)i)))) {
            ret->status = (enum policy_status)i;
        }
    }
    ret->slot = (int)store_col_int(r, row, first_col + 3, 0);
    ret->is_default = store_col_bool(r, row, first_col + 4);
    ret->version = (uint32_t)store_col_int(r, row, first_col + 5, 1);
    ret->created_at_ms = store_col_int(r, row, first_col + 6, 0);
    ret->updated_at_ms = store_col_int(r, row, first_col + 7, 0);
    ret->created_by = store_col(a, r, row, first_col + 8);
    return ERR_OK;
}

static enum err org_attestations(struct reading *g, struct store_org *o)
{
    int from, n = rows_of(g, PART_ATTESTATIONS, o->rows.id, &from);
    struct route_attestation *list = NULL;
    struct store_rows rows = {g->results[PART_ATTESTATIONS], from, from + n, 1};
    TRY(store_attestations_read(&g->l->arena, &rows, g->s->options.catalog, &list,
                                &o->rows.attestations_count));
    o->rows.attestations = list;
    return ERR_OK;
}

enum err store_attestations_read(struct arena *a, const struct store_rows *rows,
                                 const struct route_catalog *catalog,
                                 struct route_attestation **ret, size_t *ret_count)
{
    const PGresult *r = rows->result;
    int first_col = rows->first_col;
    size_t count = 0;
    struct route_attestation *list =
        ARENA_ARRAY(a, (size_t)(rows->to - rows->from), struct route_attestation);
    if (list == NULL) {
        return ERR_MEMORY;
    }
    for (int i = rows->from; i < rows->to; i++) {
        struct route_attestation *t = &list[count];
        const struct route_provider *p =
            route_catalog_find_provider(catalog, str_from(PQgetvalue(r, i, first_col)));
        if (p == NULL) {
            continue; /* left the catalogue: no request can reach it */
        }
        t->provider = p->index;
        if (route_attribute_parse(str_from(PQgetvalue(r, i, first_col + 1)), &t->attribute) !=
            ERR_OK) {
            return ERR_CORRUPT;
        }
        t->value = store_col_bool(r, i, first_col + 2);
        t->valid_from_s = store_col_int(r, i, first_col + 3, 0);
        t->valid_until_s = end_s(r, i, first_col + 4);
        if (t->valid_until_s == 0 || t->valid_until_s > t->valid_from_s) {
            count++; /* else it is over within its first second: it never holds */
        }
    }
    *ret = list;
    *ret_count = count;
    return ERR_OK;
}

static enum err org_endpoints(struct reading *g, struct store_org *o)
{
    int from, n = rows_of(g, PART_ENDPOINTS, o->rows.id, &from);
    const PGresult *r = g->results[PART_ENDPOINTS];
    struct route_endpoint *list = ARENA_ARRAY(&g->l->arena, (size_t)n, struct route_endpoint);
    size_t count = 0;
    if (list == NULL) {
        return ERR_MEMORY;
    }
    for (int i = from; i < from + n; i++) {
        if (route_catalog_find_provider(g->s->options.catalog,
                                        str_from(PQgetvalue(r, i, 2))) == NULL) {
            continue;
        }
        enum err e = store_endpoint_read(g->s, &g->l->arena, r, i, &list[count]);
        if (e != ERR_OK) {
            issue_set(&o->issue, "", "endpoint %.*s has a damaged row or its credential does not "
                                     "open with this master key", STR_ARG(list[count].id));
            return e;
        }
        count++;
    }
    o->rows.endpoints = list;
    o->rows.endpoints_count = count;
    return ERR_OK;
}
