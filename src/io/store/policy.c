/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands on policies. Every write makes a new immutable version and activates it;
 * what the version says about status, slot and default is copied into the columns of
 * `policies`, which are authoritative: so the default can move from one policy to
 * another in one statement (S0-7), and two nodes cannot give one slot away twice.
 */
#include "store_private.h"

#include <stdio.h>

#define FROM_POLICIES                                                                              \
    " FROM portcullis.policies p JOIN portcullis.policy_versions v ON v.org_id = p.org_id "        \
    "AND v.policy_id = p.id AND v.version = p.active_version WHERE p.org_id = $1 "

static enum err check_cursor(struct store_job *j);
static enum err fetch(struct store_job *j, bool for_update, struct policy *ret, bool *ret_found);
static struct policy_build build_of(const struct store *s);
static enum err check(struct store_job *j, const struct policy *p);
static enum err check_terms(struct store_job *j, const struct policy *p);
static bool has_terms(const struct policy *p);
static enum err one(struct store_job *j, const struct policy *p);
static enum err check_count(struct store_job *j);
static enum err clear_default(struct store_job *j, const struct policy *p);
static enum err insert_version(struct store_job *j, struct policy *p, uint32_t rolled_back_from);
static enum err run(struct store_job *j, const struct store_query *q);
static enum err attestations(struct store_job *j);
static enum err environment(struct store_job *j);

/* By slot, those without one last; behind the cursor, and one more than is shown. */
enum err store_policy_list(struct store_job *j)
{
    const struct manage_filter *f = &j->c->filter;
    bool has_pages = j->c->route != NULL && j->c->route->view == MANAGE_RULES;
    int limit = has_pages ? 0 : (int)f->limit;
    struct store_query q = {
        "SELECT " STORE_POLICY_COLUMNS FROM_POLICIES
        "AND CASE $2 WHEN '' THEN p.status <> 'archived' WHEN 'all' THEN true "
        "ELSE p.status = $2 END AND ($3::text IS NULL OR "
        "(p.slot IS NULL, coalesce(p.slot, 0), p.created_at, p.id) > "
        "(SELECT c.slot IS NULL, coalesce(c.slot, 0), c.created_at, c.id "
        "FROM portcullis.policies c WHERE c.org_id = $1 AND c.id = $3)) "
        "ORDER BY p.slot IS NULL, coalesce(p.slot, 0), p.created_at, p.id LIMIT $4::integer",
        {STORE_P(j->c->caller.org), STORE_P(f->status.ptr != NULL ? f->status : STR("")),
         STORE_P(has_pages ? STR_NONE : f->cursor),
         STORE_P(limit > 0 ? store_text_u64(j->a, (uint64_t)limit + 1) : STR_NONE)},
        4};
    PGresult *r = NULL;
    TRY(store_job_query(j, &q, &r));
    int n = PQntuples(r), found = n;
    n = limit > 0 && n > limit ? limit : n;
    struct policy *rows = ARENA_ARRAY(j->a, (size_t)n, struct policy);
    enum err e = rows != NULL ? ERR_OK : ERR_MEMORY;
    struct issue issue = {0};
    for (int i = 0; e == ERR_OK && i < n; i++) {
        e = store_policy_read(j->a, r, i, 0, &rows[i], &issue);
    }
    PQclear(r);
    j->r->policies = rows;
    j->r->policies_count = (size_t)n;
    if (e == ERR_OK && found > n) {
        j->r->next_cursor = rows[n - 1].id;
    }
    return e == ERR_OK && n == 0 && f->cursor.len != 0 ? check_cursor(j) : e;
}

/* Nothing behind the cursor: at the end, or behind a policy that there never was, which
 * must not look like the end. */
static enum err check_cursor(struct store_job *j)
{
    struct store_query q = {"SELECT id FROM portcullis.policies WHERE org_id = $1 AND id = $2",
                            {STORE_P(j->c->caller.org), STORE_P(j->c->filter.cursor)},
                            2};
    PGresult *r = NULL;
    TRY(store_job_query(j, &q, &r));
    if (PQntuples(r) == 0) {
        manage_refuse(&j->r->refusal, 400, "invalid_request", "cursor",
                      "cursor must be the next_cursor of such a list");
    }
    PQclear(r);
    return ERR_OK;
}

enum err store_policy_get(struct store_job *j)
{
    struct policy p;
    bool is_found;
    TRY(fetch(j, false, &p, &is_found));
    if (is_found) {
        return one(j, &p);
    }
    if (j->c->view != MANAGE_COMPLIANCE) {
        store_job_not_found(j, "policy");
        return ERR_OK;
    }
    /* Nothing set yet: all requirements off. */
    p = (struct policy){.name = STR("Provider compliance"), .origin = POLICY_COMPLIANCE,
                        .status = POLICY_INACTIVE};
    return one(j, &p);
}

/* By id, or the one of the organisation in the compliance view. */
static enum err fetch(struct store_job *j, bool for_update, struct policy *ret, bool *ret_found)
{
    static const char *const by_id[2] = {
        "SELECT " STORE_POLICY_COLUMNS FROM_POLICIES "AND p.id = $2 AND p.status <> 'archived'",
        "SELECT " STORE_POLICY_COLUMNS FROM_POLICIES
        "AND p.id = $2 AND p.status <> 'archived' FOR UPDATE OF p"};
    static const char *const by_origin[2] = {
        "SELECT " STORE_POLICY_COLUMNS FROM_POLICIES
        "AND p.origin = 'compliance' AND p.status <> 'archived' AND $2 = ''",
        "SELECT " STORE_POLICY_COLUMNS FROM_POLICIES
        "AND p.origin = 'compliance' AND p.status <> 'archived' AND $2 = '' FOR UPDATE OF p"};
    bool is_single = j->c->view == MANAGE_COMPLIANCE;
    struct store_query q = {(is_single ? by_origin : by_id)[for_update],
                            {STORE_P(j->c->caller.org), STORE_P(is_single ? STR("") : j->c->id)},
                            2};
    PGresult *r = NULL;
    struct issue issue = {0};
    TRY(store_job_query(j, &q, &r));
    *ret_found = PQntuples(r) == 1;
    enum err e = *ret_found ? store_policy_read(j->a, r, 0, 0, ret, &issue) : ERR_OK;
    PQclear(r);
    return e;
}

static enum err one(struct store_job *j, const struct policy *p)
{
    struct policy *copy = ARENA_NEW(j->a, struct policy);
    if (copy == NULL) {
        return ERR_MEMORY;
    }
    *copy = *p;
    j->r->policies = copy;
    j->r->policies_count = 1;
    return ERR_OK;
}

/* What a gateway would compile it with. */
static struct policy_build build_of(const struct store *s)
{
    return (struct policy_build){.catalog = s->options.catalog,
                                 .engine = s->options.engine,
                                 .services = s->options.services,
                                 .compiler = s->options.compiler};
}

static enum err check(struct store_job *j, const struct policy *p)
{
    const struct policy_build with = build_of(j->s);
    enum err e = manage_policy_check(p, &with, &j->r->refusal);
    j->is_compiling = e == ERR_AGAIN;
    return e;
}

/* Terms are compiled for an organisation as a whole, so a list may be one too many only
 * together with the others: found out here, not when it is law. What else may be wrong
 * with the others is not this policy's fault. */
static enum err check_terms(struct store_job *j, const struct policy *p)
{
    struct store_query q = {"SELECT " STORE_POLICY_COLUMNS FROM_POLICIES "AND p.status = 'active'",
                            {STORE_P(p->org_id)},
                            1};
    const struct policy_build with = build_of(j->s);
    struct policy_org_rows rows = {.id = p->org_id, .name = STR("check")};
    struct policy_org *org = NULL;
    struct issue issue = {.offset = UINT64_MAX};
    PGresult *r = NULL;
    if (with.compiler == NULL || p->status != POLICY_ACTIVE || p->is_shadow || !has_terms(p)) {
        return ERR_OK;
    }
    TRY(store_job_query(j, &q, &r));
    size_t n = (size_t)PQntuples(r);
    struct policy *list = ARENA_ARRAY(j->a, n, struct policy);
    enum err e = list != NULL ? ERR_OK : ERR_MEMORY;
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        bool is_readable = store_policy_read(j->a, r, (int)i, 0, &list[rows.policies_count],
                                             &issue) == ERR_OK;
        rows.policies_count += is_readable ? 1 : 0;
    }
    PQclear(r);
    rows.policies = list;
    if (e == ERR_OK) {
        e = policy_org_new(&rows, &with, &org, &issue);
        policy_org_unref(org);
    }
    if (e == ERR_LIMIT || e == ERR_IO) {
        manage_refuse(&j->r->refusal, e == ERR_LIMIT ? 400 : 503,
                      e == ERR_LIMIT ? "policy_cannot_run" : "busy", "/rules", "%s", issue.message);
        return ERR_OK;
    }
    j->is_compiling = e == ERR_AGAIN;
    return e == ERR_AGAIN || e == ERR_MEMORY ? e : ERR_OK;
}

static bool has_terms(const struct policy *p)
{
    for (size_t i = 0; i < p->rules_count; i++) {
        const struct content_rule *c = p->rules[i].content;
        if (c != NULL && (c->patterns.count != 0 || c->except.count != 0)) {
            return true;
        }
    }
    return false;
}

enum err store_policy_create(struct store_job *j)
{
    struct policy p = j->c->policy;
    enum err e = check(j, &p);
    if (e != ERR_OK) {
        return j->r->refusal.status != 0 ? ERR_OK : e;
    }
    if (j->c->view == MANAGE_COMPLIANCE) {
        struct policy stored;
        bool is_found;
        TRY(fetch(j, true, &stored, &is_found));
        if (is_found) {
            return store_policy_patch(j);
        }
        const char *failed = manage_condition_failed(j->c, 0);
        if (failed != NULL) {
            manage_refuse(&j->r->refusal, 412, "version_mismatch", failed,
                          "no such policy is stored yet; leave %s out to store the first",
                          failed);
            return ERR_OK;
        }
    }
    TRY(store_id_make(j->a, "", &p.id));
    p.org_id = j->c->caller.org;
    p.version = 1;
    p.created_at_ms = p.updated_at_ms = j->r->now_s * 1000;
    p.created_by = j->c->caller.email.len != 0 ? j->c->caller.email : j->c->caller.key_id;
    TRY(clear_default(j, &p));
    struct store_query q = {
        "INSERT INTO portcullis.policies (org_id, id, name, origin, status, slot, is_default,"
        " priority, active_version, created_by) "
        "VALUES ($1, $2, $3, $4, $5, $6::integer, $7::boolean, $8::integer, 1, $9)",
        {STORE_P(p.org_id), STORE_P(p.id), STORE_P(p.name),
         STORE_P(str_from(policy_origin_name(p.origin))),
         STORE_P(str_from(policy_status_name(p.status))),
         p.slot != 0 ? STORE_P(store_text_u64(j->a, (uint64_t)p.slot)) : STORE_P_NULL,
         STORE_P(p.is_default ? STR("true") : STR("false")),
         STORE_P(arena_printf(j->a, "%d", p.priority)), STORE_P(p.created_by)},
        9};
    TRY(run(j, &q));
    TRY(check_count(j));
    if (j->r->refusal.status != 0) {
        return ERR_OK;
    }
    TRY(insert_version(j, &p, 0));
    TRY(check_terms(j, &p));
    return one(j, &p);
}

/* S2-64 to S2-68, as a number that the operator sets. The new policy is among those that
 * are counted and its insertion holds the organisation's row, so two cannot both be the
 * last that fits. */
static enum err check_count(struct store_job *j)
{
    struct store_query q = {
        "SELECT o.policies_max FROM portcullis.orgs o WHERE o.org_id = $1 AND o.policies_max < "
        "(SELECT count(*) FROM portcullis.policies p WHERE p.org_id = $1"
        " AND p.status <> 'archived')",
        {STORE_P(j->c->caller.org)},
        1};
    PGresult *r = NULL;
    TRY(store_job_query(j, &q, &r));
    if (PQntuples(r) != 0) {
        manage_refuse(&j->r->refusal, 403, "plan_limit_exceeded", "",
                      "this organisation may keep %lld policies and has them; delete one first",
                      (long long)store_col_int(r, 0, 0, 0));
    }
    PQclear(r);
    return ERR_OK;
}

static enum err clear_default(struct store_job *j, const struct policy *p)
{
    struct store_query q = {"UPDATE portcullis.policies SET is_default = false, updated_at = now() "
                            "WHERE org_id = $1 AND is_default AND id <> $2",
                            {STORE_P(p->org_id), STORE_P(p->id)},
                            2};
    return p->is_default ? run(j, &q) : ERR_OK;
}

static enum err insert_version(struct store_job *j, struct policy *p, uint32_t rolled_back_from)
{
    struct buf body;
    buf_init(&body, json_limits_default.bytes_max);
    codec_canonical_write(&body, p);
    struct sha256 hash = sha256_of(buf_str(&body));
    char number[24], parent[24], from[24];
    snprintf(number, sizeof(number), "%u", (unsigned)p->version);
    snprintf(parent, sizeof(parent), "%u", (unsigned)p->version - 1);
    snprintf(from, sizeof(from), "%u", (unsigned)rolled_back_from);
    struct store_query q = {
        "INSERT INTO portcullis.policy_versions (org_id, policy_id, version, body, sha256, author,"
        " note, parent, rolled_back_from, activated_at) "
        "VALUES ($1, $2, $3::integer, $4, $5, $6, $7, nullif($8::integer, 0),"
        " nullif($9::integer, 0), CASE WHEN $10 = 'active' THEN now() END)",
        {STORE_P(p->org_id), STORE_P(p->id), STORE_P(str_from(number)), STORE_P(buf_str(&body)),
         {{(const char *)hash.bytes, sizeof(hash.bytes)}, true},
         STORE_P(j->c->caller.email.len != 0 ? j->c->caller.email : j->c->caller.key_id),
         STORE_P(j->c->note), STORE_P(str_from(parent)), STORE_P(str_from(from)),
         STORE_P(str_from(policy_status_name(p->status)))},
        10};
    enum err e = body.err == ERR_OK ? run(j, &q) : body.err;
    buf_fini(&body);
    return e;
}

static enum err run(struct store_job *j, const struct store_query *q)
{
    PGresult *r = NULL;
    enum err e = store_job_query(j, q, &r);
    PQclear(r);
    return e;
}

/* Writes `p` as the next version of the stored policy and points at it. */
static enum err write_next(struct store_job *j, const struct policy *stored, struct policy *p,
                           uint32_t rolled_back_from)
{
    p->id = stored->id;
    p->org_id = stored->org_id;
    p->origin = stored->origin;
    p->version = stored->version + 1;
    p->created_at_ms = stored->created_at_ms;
    p->created_by = stored->created_by;
    p->updated_at_ms = j->r->now_s * 1000;
    TRY(clear_default(j, p));
    struct store_query old = {
        "UPDATE portcullis.policy_versions SET deactivated_at = now() WHERE org_id = $1 "
        "AND policy_id = $2 AND version = $3::integer AND activated_at IS NOT NULL",
        {STORE_P(p->org_id), STORE_P(p->id), STORE_P(store_text_u64(j->a, stored->version))},
        3};
    TRY(run(j, &old));
    TRY(insert_version(j, p, rolled_back_from));
    struct store_query q = {
        "UPDATE portcullis.policies SET name = $3, status = $4, slot = $5::integer,"
        " is_default = $6::boolean, priority = $7::integer, active_version = $8::integer,"
        " updated_at = now() WHERE org_id = $1 AND id = $2",
        {STORE_P(p->org_id), STORE_P(p->id), STORE_P(p->name),
         STORE_P(str_from(policy_status_name(p->status))),
         p->slot != 0 ? STORE_P(store_text_u64(j->a, (uint64_t)p->slot)) : STORE_P_NULL,
         STORE_P(p->is_default ? STR("true") : STR("false")),
         STORE_P(arena_printf(j->a, "%d", p->priority)),
         STORE_P(store_text_u64(j->a, p->version))},
        8};
    TRY(run(j, &q));
    TRY(check_terms(j, p));
    return one(j, p);
}

/* Locks the policy and checks If-Match and If-None-Match (412, C-5). */
static enum err fetch_for_change(struct store_job *j, struct policy *ret, bool *ret_go)
{
    bool is_found;
    *ret_go = false;
    TRY(fetch(j, true, ret, &is_found));
    if (!is_found) {
        store_job_not_found(j, "policy");
        return ERR_OK;
    }
    const char *failed = manage_condition_failed(j->c, ret->version);
    if (failed != NULL) {
        manage_refuse(&j->r->refusal, 412, "version_mismatch", failed,
                      "the policy is at version %u now; read it again and repeat the change",
                      (unsigned)ret->version);
        return ERR_OK;
    }
    *ret_go = true;
    return ERR_OK;
}

enum err store_policy_patch(struct store_job *j)
{
    struct policy stored, p;
    bool go;
    TRY(fetch_for_change(j, &stored, &go));
    if (!go) {
        return ERR_OK;
    }
    if (j->c->kind == MANAGE_POLICY_CREATE) {
        p = j->c->policy; /* PUT of the compliance policy replaces it */
    } else {
        const struct policy_build with = build_of(j->s);
        enum err e = manage_policy_patch(j->a, j->c, &stored, &with, &p, &j->r->refusal);
        j->is_compiling = e == ERR_AGAIN;
        if (e != ERR_OK) {
            return j->r->refusal.status != 0 ? ERR_OK : e;
        }
    }
    if (stored.is_default && !p.is_default) {
        manage_refuse(&j->r->refusal, 409, "default_required", "/isDefault",
                      "an organisation keeps a default policy: make another one the default "
                      "instead");
        return ERR_OK;
    }
    return write_next(j, &stored, &p, 0);
}

enum err store_policy_archive(struct store_job *j)
{
    struct policy stored;
    bool go;
    TRY(fetch_for_change(j, &stored, &go));
    if (!go) {
        return ERR_OK;
    }
    if (stored.is_default) { /* S0-49, word for word */
        manage_refuse(&j->r->refusal, 409, "CANNOT_DELETE_DEFAULT", "",
                      "You cannot delete the default policy. Set another policy as default first.");
        return ERR_OK;
    }
    struct store_query versions = {
        "UPDATE portcullis.policy_versions SET deactivated_at = now() WHERE org_id = $1 "
        "AND policy_id = $2 AND version = $3::integer AND activated_at IS NOT NULL",
        {STORE_P(j->c->caller.org), STORE_P(stored.id),
         STORE_P(store_text_u64(j->a, stored.version))},
        3};
    TRY(run(j, &versions));
    struct store_query q = {
        "UPDATE portcullis.policies SET status = 'archived', updated_at = now() "
        "WHERE org_id = $1 AND id = $2",
        {STORE_P(j->c->caller.org), STORE_P(stored.id)},
        2};
    return run(j, &q);
}

/* ---- versions --------------------------------------------------------------------- */

#define UTC(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"

static enum err versions_read(struct store_job *j, const PGresult *r)
{
    int n = PQntuples(r);
    struct manage_version *list = ARENA_ARRAY(j->a, (size_t)n, struct manage_version);
    if (list == NULL) {
        return ERR_MEMORY;
    }
    for (int i = 0; i < n; i++) {
        struct manage_version *v = &list[i];
        v->version = (uint32_t)store_col_int(r, i, 0, 0);
        v->parent = (uint32_t)store_col_int(r, i, 1, 0);
        v->rolled_back_from = (uint32_t)store_col_int(r, i, 2, 0);
        v->is_active = store_col_bool(r, i, 3);
        struct str *const texts[] = {&v->sha256, &v->author, &v->note, &v->created_at,
                                     &v->activated_at, &v->deactivated_at, &v->body};
        for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
            *texts[k] = store_col(j->a, r, i, 4 + (int)k);
        }
    }
    j->r->versions = list;
    j->r->versions_count = (size_t)n;
    return ERR_OK;
}

enum err store_version_rollback(struct store_job *j)
{
    struct policy stored, old;
    struct issue issue = {0};
    bool go;
    TRY(fetch_for_change(j, &stored, &go));
    if (!go) {
        return ERR_OK;
    }
    struct store_query q = {"SELECT v.body, v.sha256, p.status, p.slot, p.is_default, v.version, "
                            "0, 0, p.created_by FROM portcullis.policies p "
                            "JOIN portcullis.policy_versions v ON v.org_id = p.org_id "
                            "AND v.policy_id = p.id WHERE p.org_id = $1 AND p.id = $2 "
                            "AND v.version = $3::integer",
                            {STORE_P(j->c->caller.org), STORE_P(stored.id),
                             STORE_P(store_text_u64(j->a, j->c->version))},
                            3};
    PGresult *r = NULL;
    TRY(store_job_query(j, &q, &r));
    bool is_found = PQntuples(r) == 1;
    enum err e = is_found ? store_policy_read(j->a, r, 0, 0, &old, &issue) : ERR_OK;
    PQclear(r);
    TRY(e);
    if (!is_found) {
        store_job_not_found(j, "version of this policy");
        return ERR_OK;
    }
    /* The content comes back; where the policy stands now (slot, default, status) stays,
     * except that a draft or switched-off policy is activated by it. */
    old.status = POLICY_ACTIVE;
    e = check(j, &old);
    if (e != ERR_OK) {
        return j->r->refusal.status != 0 ? ERR_OK : e;
    }
    return write_next(j, &stored, &old, j->c->version);
}

enum err store_version_list(struct store_job *j)
{
    struct store_query q = {
        "SELECT v.version, v.parent, v.rolled_back_from,"
        " v.version = p.active_version AND p.status = 'active', encode(v.sha256, 'hex'), v.author,"
        " v.note, " UTC("v.created_at") ", " UTC("v.activated_at") ", " UTC("v.deactivated_at")
        ", CASE WHEN $4::boolean THEN v.body END "
        "FROM portcullis.policies p JOIN portcullis.policy_versions v "
        "ON v.org_id = p.org_id AND v.policy_id = p.id "
        "WHERE p.org_id = $1 AND p.id = $2 AND ($3::integer = 0 OR v.version = $3::integer) "
        "ORDER BY v.version DESC",
        {STORE_P(j->c->caller.org), STORE_P(j->c->id),
         STORE_P(store_text_u64(j->a,
                                j->c->kind == MANAGE_VERSION_GET ? j->c->version : 0)),
         STORE_P(j->c->kind == MANAGE_VERSION_GET || j->c->view == MANAGE_RULES ? STR("true")
                                                                                : STR("false"))},
        4};
    PGresult *r = NULL;
    TRY(store_job_query(j, &q, &r));
    enum err e = versions_read(j, r);
    if (e == ERR_OK && PQntuples(r) == 0) {
        store_job_not_found(j, j->c->kind == MANAGE_VERSION_GET ? "version" : "policy");
    }
    PQclear(r);
    return e;
}

/* ---- which providers would it allow? ------------------------------------------------- */

enum err store_policy_ask(struct store_job *j)
{
    TRY(attestations(j));
    TRY(environment(j));
    if (j->c->kind == MANAGE_POLICY_ASK && !j->c->has_policy) {
        return store_policy_get(j);
    }
    return ERR_OK;
}

/* A key of no environment may be used in any, so in production too. */
static enum err environment(struct store_job *j)
{
    struct store_query q = {"SELECT $2 IN ('', 'production') OR EXISTS (SELECT FROM "
                            "portcullis.environments WHERE org_id = $1 AND name = $2 "
                            "AND is_production)",
                            {STORE_P(j->c->caller.org),
                             STORE_P(j->c->caller.environment.len != 0 ? j->c->caller.environment
                                                                       : STR(""))},
                            2};
    PGresult *r = NULL;
    TRY(store_job_query(j, &q, &r));
    j->r->is_production = store_col_bool(r, 0, 0);
    PQclear(r);
    return ERR_OK;
}

static enum err attestations(struct store_job *j)
{
    struct store_query q = {
        "SELECT provider, attribute, value, floor(extract(epoch FROM valid_from))::bigint,"
        " floor(extract(epoch FROM valid_until))::bigint FROM portcullis.attestations "
        "WHERE org_id = $1 ORDER BY created_at, id",
        {STORE_P(j->c->caller.org)},
        1};
    PGresult *r = NULL;
    struct route_attestation *list = NULL;
    TRY(store_job_query(j, &q, &r));
    struct store_rows rows = {r, 0, PQntuples(r), 0};
    enum err e = store_attestations_read(j->a, &rows, j->s->options.catalog, &list,
                                         &j->r->attestations_count);
    PQclear(r);
    j->r->attestations = list;
    return e;
}
