/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/audit: the records of one organisation, newest first, with their outcomes.
 * Request ids are ULIDs, so they order by time and make the cursor. Violations are
 * stored as JSON text and handed on as read.
 */
#include "store_private.h"

enum column {
    C_REQUEST_ID,
    C_UNIX_MS,
    C_NODE,
    C_TEAM,
    C_ENVIRONMENT,
    C_PROJECT,
    C_USER,
    C_USER_ID,
    C_KEY_ID,
    C_METHOD,
    C_PATH,
    C_ENDPOINT,
    C_DECISION,
    C_POLICY,
    C_POLICY_ID,
    C_RULE,
    C_RULE_KEY,
    C_REASON,
    C_MODEL_REQUESTED,
    C_MODEL,
    C_PROVIDER,
    C_SELECTED,
    C_WORKER,
    C_POLICY_VERSION,
    C_SLOT,
    C_EPOCH,
    C_ORG_SEQ,
    C_STALENESS,
    C_DEGRADED,
    C_STREAM,
    C_STATUS,
    C_RULES_APPLIED,
    C_EVAL_US,
    C_REQUEST_BYTES,
    C_SHA256,
    C_VIOLATIONS,
    C_DROPPED,
    C_MODIFICATIONS,
    C_SUBSTITUTED,
    C_CLIENT_REQUEST_ID,
    C_TRACE_ID,
    C_OUTCOME
};

/* What was decided about the answer, where it was not just let through. A query of its own, so
 * that the server may gather the few there are instead of joining all. */
#define ANSWER                                                                                     \
    "SELECT FROM portcullis.audit_outcomes a WHERE a.org_id = d.org_id"                            \
    " AND a.request_id = d.request_id AND a.response_decision <> 'allow' AND "

static const char statement[] =
    "SELECT d.request_id, d.unix_ms, d.node, d.team, d.environment, d.project, d.user_name,"
    " d.user_id, d.key_id, d.method, d.path, d.endpoint, d.decision, d.policy, d.policy_id, d.rule,"
    " d.rule_key, d.reason, d.model_requested, d.model, d.provider, d.selected_policy_id, d.worker,"
    " d.policy_version, d.slot, d.epoch, d.org_seq, d.staleness_ms, d.is_degraded, d.is_stream,"
    " d.status, d.rules_applied, d.eval_us, d.request_bytes, d.body_sha256, d.violations,"
    " d.violations_dropped, d.modifications, d.substituted_from, d.client_request_id,"
    " d.trace_id,"
    " o.outcome, o.unix_ms, o.status, o.upstream_status, o.provider, o.model,"
    " o.upstream_request_id, o.finish_reason, o.attempts, o.input_tokens, o.output_tokens,"
    " o.cached_tokens, o.has_usage, o.is_usage_estimated, o.cost_pico_usd, o.duration_ms,"
    " o.upstream_ms, o.first_byte_ms, o.response_bytes, o.response_decision, o.violations,"
    " o.violations_dropped, o.modifications "
    "FROM portcullis.audit_decisions d LEFT JOIN portcullis.audit_outcomes o "
    "ON o.org_id = d.org_id AND o.request_id = d.request_id AND o.day BETWEEN d.day AND d.day + 1 "
    "WHERE d.org_id = $1 AND ($2::text IS NULL OR d.request_id < $2)"
    " AND ($3::text IS NULL OR (d.unix_ms >= $3::bigint AND d.day >="
    "      (to_timestamp($3::bigint / 1000) AT TIME ZONE 'UTC')::date))"
    " AND ($4::text IS NULL OR (d.unix_ms < $4::bigint AND d.day <="
    "      (to_timestamp($4::bigint / 1000) AT TIME ZONE 'UTC')::date))"
    " AND ($5::text IS NULL OR d.decision = $5 OR EXISTS (" ANSWER "a.response_decision = $5))"
    " AND ($6::text IS NULL OR d.policy = $6 OR d.policy_id = $13 OR EXISTS (" ANSWER
    "      (a.policy = $6 OR a.policy_id = $13)))"
    " AND ($7::text IS NULL OR d.user_name = $7 OR d.user_id = $7)"
    " AND ($8::text IS NULL OR d.environment = $8) AND ($9::text IS NULL OR d.request_id = $9)"
    " AND ($10::text IS NULL OR d.client_request_id = $10)"
    " AND ($11::text IS NULL OR d.trace_id = $11) "
    "ORDER BY d.request_id DESC LIMIT $12::integer";

static enum err read_all(struct store_job *j, const PGresult *r, int limit);
static void read_decision(struct arena *a, const PGresult *r, int row, struct audit_decision *d);
static enum err read_outcome(struct arena *a, const PGresult *r, int row, struct manage_audit *m);
static enum err read_violations(struct arena *a, struct str json,
                                const struct audit_violation **ret, size_t *ret_count);
static uint64_t read_u64(yyjson_val *v, struct str member);

enum err store_audit_list(struct store_job *j)
{
    const struct manage_filter *f = &j->c->filter;
    int limit = (int)(f->limit != 0 ? f->limit : 100);
    struct store_query q = {
        statement,
        {STORE_P(j->c->caller.org), STORE_P(f->cursor),
         f->has_since ? STORE_P(arena_printf(j->a, "%lld", (long long)f->since_ms)) : STORE_P_NULL,
         f->has_until ? STORE_P(arena_printf(j->a, "%lld", (long long)f->until_ms)) : STORE_P_NULL,
         STORE_P(f->decision), STORE_P(f->policy), STORE_P(f->user), STORE_P(f->environment),
         STORE_P(f->request_id), STORE_P(f->client_request_id), STORE_P(f->trace_id),
         STORE_P(store_text_u64(j->a, (uint64_t)limit + 1)), STORE_P(manage_policy_id(f->policy))},
        13};
    PGresult *r = NULL;
    TRY(store_job_query(j, &q, &r));
    enum err e = read_all(j, r, limit);
    PQclear(r);
    return e;
}

static enum err read_all(struct store_job *j, const PGresult *r, int limit)
{
    int n = PQntuples(r), shown = n > limit ? limit : n;
    struct manage_audit *list = ARENA_ARRAY(j->a, (size_t)shown, struct manage_audit);
    if (list == NULL) {
        return ERR_MEMORY;
    }
    for (int i = 0; i < shown; i++) {
        list[i].decision.org = j->c->caller.org;
        read_decision(j->a, r, i, &list[i].decision);
        TRY(read_violations(j->a, store_col(j->a, r, i, C_VIOLATIONS),
                            &list[i].decision.violations, &list[i].decision.violations_count));
        list[i].has_outcome = !PQgetisnull(r, i, C_OUTCOME);
        if (list[i].has_outcome) {
            TRY(read_outcome(j->a, r, i, &list[i]));
        }
    }
    j->r->audit = list;
    j->r->audit_count = (size_t)shown;
    if (n > limit) {
        j->r->next_cursor = list[shown - 1].decision.request_id;
    }
    return j->a->is_exhausted ? ERR_MEMORY : ERR_OK;
}

static void read_decision(struct arena *a, const PGresult *r, int row, struct audit_decision *d)
{
    const struct {
        enum column column;
        struct str *ret;
    } texts[] = {
        {C_REQUEST_ID, &d->request_id},
        {C_NODE, &d->node},
        {C_TEAM, &d->team},
        {C_ENVIRONMENT, &d->environment},
        {C_PROJECT, &d->project},
        {C_USER, &d->user},
        {C_USER_ID, &d->user_id},
        {C_KEY_ID, &d->key_id},
        {C_METHOD, &d->method},
        {C_PATH, &d->path},
        {C_ENDPOINT, &d->endpoint},
        {C_DECISION, &d->decision},
        {C_POLICY, &d->policy},
        {C_POLICY_ID, &d->policy_id},
        {C_RULE, &d->rule},
        {C_RULE_KEY, &d->rule_key},
        {C_REASON, &d->reason},
        {C_MODEL_REQUESTED, &d->model_requested},
        {C_MODEL, &d->model},
        {C_PROVIDER, &d->provider},
        {C_SELECTED, &d->selected_policy_id},
        {C_SUBSTITUTED, &d->substituted_from},
        {C_CLIENT_REQUEST_ID, &d->client_request_id},
        {C_TRACE_ID, &d->trace_id},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        *texts[i].ret = store_col(a, r, row, (int)texts[i].column);
    }
    d->unix_ms = store_col_int(r, row, C_UNIX_MS, 0);
    d->worker = (uint32_t)store_col_int(r, row, C_WORKER, 0);
    d->policy_version = (uint32_t)store_col_int(r, row, C_POLICY_VERSION, 0);
    d->slot = (int32_t)store_col_int(r, row, C_SLOT, 0);
    d->epoch = (uint64_t)store_col_int(r, row, C_EPOCH, 0);
    d->org_seq = (uint64_t)store_col_int(r, row, C_ORG_SEQ, 0);
    d->staleness_ms = (uint64_t)store_col_int(r, row, C_STALENESS, 0);
    d->is_degraded = store_col_bool(r, row, C_DEGRADED);
    d->is_stream = store_col_bool(r, row, C_STREAM);
    d->status = (uint32_t)store_col_int(r, row, C_STATUS, 0);
    d->rules_applied = (uint32_t)store_col_int(r, row, C_RULES_APPLIED, 0);
    d->eval_us = (uint32_t)store_col_int(r, row, C_EVAL_US, 0);
    d->request_bytes = (uint64_t)store_col_int(r, row, C_REQUEST_BYTES, 0);
    d->violations_dropped = (uint64_t)store_col_int(r, row, C_DROPPED, 0);
    d->modifications = (uint64_t)store_col_int(r, row, C_MODIFICATIONS, 0);
    struct str hash;
    if (store_col_bytes(a, r, row, C_SHA256, &hash) == ERR_OK && hash.len == 32) {
        memcpy(d->body_sha256.bytes, hash.ptr, 32);
        d->has_body_sha256 = true;
    }
}

static enum err read_outcome(struct arena *a, const PGresult *r, int row, struct manage_audit *m)
{
    struct audit_outcome *o = &m->outcome;
    int c = C_OUTCOME;
    o->request_id = m->decision.request_id;
    o->node = m->decision.node;
    o->org = m->decision.org;
    o->outcome = store_col(a, r, row, c++);
    o->unix_ms = store_col_int(r, row, c++, 0);
    o->status = (uint32_t)store_col_int(r, row, c++, 0);
    o->upstream_status = (uint32_t)store_col_int(r, row, c++, 0);
    o->provider = store_col(a, r, row, c++);
    o->model = store_col(a, r, row, c++);
    o->upstream_request_id = store_col(a, r, row, c++);
    o->finish_reason = store_col(a, r, row, c++);
    o->attempts = (uint32_t)store_col_int(r, row, c++, 0);
    o->input_tokens = (uint64_t)store_col_int(r, row, c++, 0);
    o->output_tokens = (uint64_t)store_col_int(r, row, c++, 0);
    o->cached_tokens = (uint64_t)store_col_int(r, row, c++, 0);
    o->has_usage = store_col_bool(r, row, c++);
    o->is_usage_estimated = store_col_bool(r, row, c++);
    o->cost_pico_usd = store_col_int(r, row, c++, -1);
    o->duration_ms = (uint32_t)store_col_int(r, row, c++, 0);
    o->upstream_ms = (uint32_t)store_col_int(r, row, c++, 0);
    o->first_byte_ms = (uint32_t)store_col_int(r, row, c++, 0);
    o->response_bytes = (uint64_t)store_col_int(r, row, c++, 0);
    o->response_decision = store_col(a, r, row, c++);
    TRY(read_violations(a, store_col(a, r, row, c++), &o->violations, &o->violations_count));
    o->violations_dropped = (uint64_t)store_col_int(r, row, c++, 0);
    o->modifications = (uint64_t)store_col_int(r, row, c, 0);
    return ERR_OK;
}

/* A damaged list is shown as none rather than hiding the record. */
static enum err read_violations(struct arena *a, struct str json,
                                const struct audit_violation **ret, size_t *ret_count)
{
    struct json_doc doc;
    struct issue issue;
    if (json.ptr == NULL || json_parse(a, json, &json_limits_default, &doc, &issue) != ERR_OK ||
        !yyjson_is_arr(doc.root)) {
        return ERR_OK;
    }
    size_t count = yyjson_arr_size(doc.root), i, n;
    struct audit_violation *list = ARENA_ARRAY(a, count, struct audit_violation);
    if (list == NULL) {
        return ERR_MEMORY;
    }
    yyjson_val *v;
    yyjson_arr_foreach(doc.root, i, n, v)
    {
        list[i] = (struct audit_violation){
            .policy_id = json_str(json_get(v, STR("policy_id"))),
            .policy = json_str(json_get(v, STR("policy"))),
            .rule_key = json_str(json_get(v, STR("rule_key"))),
            .rule = json_str(json_get(v, STR("rule"))),
            .effect = json_str(json_get(v, STR("effect"))),
            .severity = json_str(json_get(v, STR("severity"))),
            .provider = json_str(json_get(v, STR("provider"))),
            .message = json_str(json_get(v, STR("message"))),
            .policy_version = (uint32_t)read_u64(v, STR("policy_version")),
            .stage = json_str(json_get(v, STR("stage"))),
            .what = json_str(json_get(v, STR("what"))),
            .pointer = json_str(json_get(v, STR("pointer"))),
            .start = read_u64(v, STR("start")),
            .end = read_u64(v, STR("end")),
            .count = read_u64(v, STR("count")),
        };
    }
    *ret = list;
    *ret_count = count;
    return ERR_OK;
}

static uint64_t read_u64(yyjson_val *v, struct str member)
{
    int64_t value = 0;
    return json_int(json_get(v, member), &value) && value > 0 ? (uint64_t)value : 0;
}
