/* SPDX-License-Identifier: Apache-2.0
 *
 * The two records of an exchange: the decision before anything follows from it,
 * the outcome when all is over. Both are built from what the steps left behind;
 * nothing here looks at prompt or answer text, and of what content rules found only
 * the place is recorded, in words that the caller did not choose.
 */
#include "flow_private.h"

#define POINTER_BYTES_MAX 256

static const char *decision_word(const struct flow_exchange *x);
static void fill_decider(struct flow_exchange *x, struct audit_decision *d);
static void fill_violations(struct flow_exchange *x, struct audit_decision *d);
static struct audit_violation violation_of(const struct flow_exchange *x,
                                           const struct policy_violation *v);
static struct str rule_word(const struct policy_violation *v);
static void fill_place(struct flow_exchange *x, const struct content_hit *hit,
                       struct audit_violation *v);
static struct str clean_pointer(struct flow_exchange *x, struct str pointer);
static void fill_response(struct flow_exchange *x, struct audit_outcome *o);
static int64_t cost_of(const struct flow_exchange *x, const struct llm_usage *usage);

void flow_record_decision(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    const struct policy_key_row *key = policy_principal_key(x->principal);
    const struct policy_org *org = policy_principal_org(x->principal);
    p->decision = decision_word(x);
    struct audit_decision d = {
        .request_id = {p->request_id, sizeof(p->request_id)},
        .unix_ms = p->now.unix_ms,
        .node = p->env->node,
        .worker = p->env->worker,
        .org = policy_org_id(org),
        .org_seq = policy_org_seq(org),
        .team = key->team,
        .environment = p->environment.len != 0 ? p->environment : key->environment,
        .project = key->project,
        .user = key->user_email,
        .user_id = key->user,
        .key_id = key->id,
        .method = str_from(wire_method_name(p->head->method)),
        .path = p->path,
        .endpoint =
            p->kind == FLOW_KIND_MODELS ? STR("models") : str_from(llm_endpoint_name(p->endpoint)),
        .decision = str_from(p->decision),
        .epoch = policy_snapshot_epoch(p->start.snapshot),
        .is_degraded = p->start.is_degraded,
        .is_stream = p->is_parsed && p->request.is_stream,
        .status = p->is_refused ? p->refusal.error.status : 0,
        .eval_us = p->eval_us,
        .request_bytes = p->body.len,
        .model_requested = p->is_parsed ? str_sub(p->request.model, 0, 256) : STR_NONE,
        .client_request_id = p->client_request_id,
        .trace_id = p->trace_id,
    };
    int64_t stale_ms = p->start.now.unix_ms - p->start.fresh_ms;
    d.staleness_ms = stale_ms > 0 ? (uint64_t)stale_ms : 0;
    if (p->env->hashes_body) {
        d.body_sha256 = p->is_parsed ? p->body_sha256 : sha256_of(buf_str(&p->body));
        d.has_body_sha256 = true;
    }
    if (p->choice.model != NULL) {
        d.model = p->choice.model->id;
        d.provider = p->choice.provider->slug;
    }
    d.substituted_from = str_sub(p->verdict.substituted_from, 0, 256);
    fill_decider(x, &d);
    fill_violations(x, &d);
    buf_clear(&x->record);
    audit_decision_write(&x->record, &d);
}

static const char *decision_word(const struct flow_exchange *x)
{
    const struct flow_private *p = x->p;
    const struct policy_violation *decider = flow_decider(x);
    if (p->is_refused) {
        return p->refusal.decision;
    }
    return decider != NULL ? policy_effect_name(decider->effect) : "allow";
}

/* S4-38, S4-39: policy is the name, rule the rule's type, reason one sentence. */
static void fill_decider(struct flow_exchange *x, struct audit_decision *d)
{
    struct flow_private *p = x->p;
    const struct policy_violation *v = flow_decider(x);
    if (p->is_refused && !p->refusal.is_policy) {
        v = NULL;
        d->reason = p->refusal.error.message;
    }
    if (v != NULL) {
        d->reason = v->message;
    }
    if (v != NULL && v->rule != NULL) {
        d->rule = rule_word(v);
        d->rule_key = v->rule->key;
    }
    if (v != NULL && v->policy != NULL) {
        d->policy = v->policy->name;
        d->policy_id = v->policy->id;
        d->policy_version = v->policy->version;
    }
    if (p->is_decided) {
        d->rules_applied = (uint32_t)p->verdict.rules_applied;
        d->slot = p->facts.has_slot ? (int32_t)p->facts.slot : 0;
        d->selected_policy_id = p->verdict.selected != NULL ? p->verdict.selected->id : STR_NONE;
    }
}

/* Both stages before the call, in reporting order. */
static void fill_violations(struct flow_exchange *x, struct audit_decision *d)
{
    struct flow_private *p = x->p;
    size_t select = p->is_decided ? p->verdict.violations_count : 0, s = 0, used = 0;
    size_t count = select + p->found.count;
    d->modifications = flow_edits_count(x, CONTENT_REQUEST) +
                       (p->verdict.substituted_from.len != 0 ? 1 : 0);
    d->violations_dropped = p->found.dropped;
    if (count == 0) {
        return;
    }
    struct audit_violation *list = ARENA_ARRAY(&p->arena, count, struct audit_violation);
    if (list == NULL) {
        d->violations_dropped += count;
        return;
    }
    for (size_t i = 0; i <= p->found.count; i++) {
        const struct codec_found *found = i < p->found.count ? &p->found.items[i] : NULL;
        while (s < select && (found == NULL || p->verdict.violations[s].policy == NULL ||
                              p->verdict.violations[s].policy <= found->violation.policy)) {
            list[used++] = violation_of(x, &p->verdict.violations[s++]);
        }
        if (found != NULL) {
            list[used] = violation_of(x, &found->violation);
            fill_place(x, found->hit, &list[used++]);
        }
    }
    d->violations = list;
    d->violations_count = used < AUDIT_VIOLATIONS_MAX ? used : AUDIT_VIOLATIONS_MAX;
    d->violations_dropped += used - d->violations_count;
}

static struct audit_violation violation_of(const struct flow_exchange *x,
                                           const struct policy_violation *v)
{
    struct audit_violation ret = {.effect = str_from(policy_effect_name(v->effect)),
                                  .message = v->message};
    if (v->policy != NULL) {
        ret.policy = v->policy->name;
        ret.policy_id = v->policy->id;
        ret.policy_version = v->policy->version;
    }
    if (v->rule != NULL) {
        ret.rule = rule_word(v);
        ret.rule_key = v->rule->key;
        ret.severity = str_from(policy_severity_name(v->rule->severity));
    }
    if (v->provider >= 0) {
        const struct route_catalog *catalog = policy_snapshot_catalog(x->p->start.snapshot);
        ret.provider = route_catalog_provider(catalog, (unsigned)v->provider)->slug;
    }
    return ret;
}

/* S4-39: the type as the policy's own dialect calls it. */
static struct str rule_word(const struct policy_violation *v)
{
    return str_from(v->policy != NULL ? codec_rule_word(v->policy, v->rule)
                                      : policy_rule_type_name(v->rule->type));
}

static void fill_place(struct flow_exchange *x, const struct content_hit *hit,
                       struct audit_violation *v)
{
    v->stage = hit->stage == CONTENT_REQUEST ? STR("request") : STR("response");
    v->what = hit->what;
    v->pointer = clean_pointer(x, hit->pointer);
    v->start = hit->start;
    v->end = hit->end;
    v->count = hit->count;
}

/* Member names are the caller's and may hold what must not be recorded: only numbers and
 * the words of the interfaces are kept, anything else is a star. */
static struct str clean_pointer(struct flow_exchange *x, struct str pointer)
{
    static const char *const words[] = {
        "messages", "content",   "text",       "input",     "prompt",      "system",
        "name",     "role",      "user",       "metadata",  "tools",       "tool_calls",
        "function", "arguments", "parameters", "choices",   "message",     "instructions",
        "output",   "reasoning", "refusal",    "delta",     "properties",  "description",
        "required", "enum",      "items",      "suffix",    "prediction",  "response_format",
        "schema",   "type",      "thinking",   "functions", "json_schema", "input_schema",
        "source",   "image_url", "summary",    "completion"};
    struct buf out;
    buf_init(&out, POINTER_BYTES_MAX);
    while (pointer.len > 0) {
        pointer = str_sub(pointer, 1, pointer.len);
        ptrdiff_t slash = str_find(pointer, '/');
        struct str segment = str_sub(pointer, 0, slash < 0 ? pointer.len : (size_t)slash);
        uint64_t index;
        bool is_known = segment.len <= 6 && str_to_u64(segment, &index) == ERR_OK;
        for (size_t i = 0; !is_known && i < sizeof(words) / sizeof(words[0]); i++) {
            is_known = str_eq(segment, str_from(words[i]));
        }
        buf_add_byte(&out, '/');
        buf_add(&out, is_known ? segment : STR("*"));
        pointer = str_sub(pointer, segment.len, pointer.len);
    }
    struct str ret = out.len != 0 ? arena_str(&x->p->arena, buf_str(&out)) : STR_NONE;
    buf_fini(&out);
    return ret;
}

void flow_record_outcome(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct audit_outcome o = {
        .request_id = {p->request_id, sizeof(p->request_id)},
        .unix_ms = p->now.unix_ms,
        .node = p->env->node,
        .worker = p->env->worker,
        .org = policy_org_id(policy_principal_org(x->principal)),
        .outcome = str_from(p->outcome),
        .status = p->status_sent,
        .upstream_status = p->upstream_status,
        .upstream_request_id = p->upstream_request_id,
        .attempts = p->called_us != 0 ? 1 : 0,
        .cost_pico_usd = -1,
        .duration_ms = (uint32_t)((p->now.mono_us - p->start.now.mono_us) / 1000),
        .response_bytes = p->response_bytes,
    };
    if (p->called_us != 0) {
        o.provider = p->choice.provider->slug;
        o.model = p->choice.model->id;
        o.upstream_ms = (uint32_t)((p->now.mono_us - p->called_us) / 1000);
    }
    if (p->first_byte_us != 0) {
        o.first_byte_ms = (uint32_t)((p->first_byte_us - p->called_us) / 1000);
    }
    if (p->relay != NULL) {
        const struct llm_usage *usage = llm_relay_usage(p->relay);
        o.has_usage = usage->is_known;
        o.is_usage_estimated = usage->is_estimated;
        o.input_tokens = usage->input_tokens;
        o.output_tokens = usage->output_tokens;
        o.cached_tokens = usage->cached_tokens;
        o.finish_reason = llm_relay_finish_reason(p->relay);
        o.cost_pico_usd = usage->is_known ? cost_of(x, usage) : -1;
    }
    fill_response(x, &o);
    if (x->out.err != ERR_OK) {
        p->is_keep_alive = false; /* half an answer: nothing may follow it */
    }
    buf_clear(&x->record);
    audit_outcome_write(&x->record, &o);
    if (x->record.err != ERR_OK) {
        /* For an outcome without a list there is always room. */
        o.violations_dropped += o.violations_count;
        o.violations_count = 0;
        buf_clear(&x->record);
        audit_outcome_write(&x->record, &o);
    }
    flow_stats_count(x, p->decision);
    flow_stats_end(x, &o);
    x->want |= FLOW_WANT_RECORD;
    flow_finish(x);
}

/* What content rules did to the answer; nothing where there was none to read. */
static void fill_response(struct flow_exchange *x, struct audit_outcome *o)
{
    struct flow_private *p = x->p;
    struct flow_found found;
    if (p->check == NULL || p->upstream_status != 200 ||
        !content_is_wanted(p->check, CONTENT_RESPONSE)) {
        return;
    }
    static const char *const words[] = {
        [CONTENT_INFO] = "allow",
        [CONTENT_WARN] = "warn",
        [CONTENT_MODIFY] = "modify",
        [CONTENT_BLOCK] = "block",
    };
    o->response_decision = str_from(words[content_effect(p->check, CONTENT_RESPONSE)]);
    o->modifications = flow_edits_count(x, CONTENT_RESPONSE);
    enum err e = flow_check_found(&p->arena, policy_principal_org(x->principal), p->check,
                                  CONTENT_RESPONSE, &found);
    struct audit_violation *list =
        e == ERR_OK ? ARENA_ARRAY(&p->arena, found.count, struct audit_violation) : NULL;
    if (list == NULL) {
        const struct content_hit *hits;
        size_t dropped;
        o->violations_dropped = content_hits(p->check, CONTENT_RESPONSE, &hits, &dropped);
        return; /* without memory the number must do */
    }
    for (size_t i = 0; i < found.count; i++) {
        list[i] = violation_of(x, &found.items[i].violation);
        fill_place(x, found.items[i].hit, &list[i]);
    }
    o->violations = list;
    o->violations_count = found.count;
    o->violations_dropped = found.dropped;
}

/* product.md 2.6: (in - cached) * input + cached * cache_read + write * cache_write
 * + out * output. An unknown price makes the cost unknown, never 0. */
static int64_t cost_of(const struct flow_exchange *x, const struct llm_usage *usage)
{
    const struct route_model *m = x->p->choice.model;
    int64_t read = m->cache_read_price >= 0 ? m->cache_read_price : m->input_price;
    int64_t write = m->cache_write_price >= 0 ? m->cache_write_price : m->input_price;
    uint64_t limit = UINT64_C(1) << 32; /* tokens; more is a lie of the provider */
    uint64_t special = usage->cached_tokens + usage->cache_write_tokens;
    if (m->input_price < 0 || m->output_price < 0 || usage->input_tokens > limit ||
        usage->output_tokens > limit || special > usage->input_tokens) {
        return -1;
    }
    return (int64_t)(usage->input_tokens - special) * m->input_price +
           (int64_t)usage->cached_tokens * read + (int64_t)usage->cache_write_tokens * write +
           (int64_t)usage->output_tokens * m->output_price;
}
