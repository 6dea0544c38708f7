/* SPDX-License-Identifier: Apache-2.0
 *
 * The two records of an exchange: the decision before anything follows from it,
 * the outcome when all is over. Both are built from what the steps left behind;
 * nothing here looks at prompt or answer text.
 */
#include "flow_private.h"

static const char *decision_word(const struct flow_exchange *x);
static void fill_decider(struct flow_exchange *x, struct audit_decision *d);
static void fill_violations(struct flow_exchange *x, struct audit_decision *d);
static int64_t cost_of(const struct flow_exchange *x, const struct llm_usage *usage);

void flow_record_decision(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    const struct policy_key_row *key = policy_principal_key(x->principal);
    const struct policy_org *org = policy_principal_org(x->principal);
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
        .endpoint = p->kind == FLOW_KIND_MODELS ? STR("models")
                                                : str_from(llm_endpoint_name(p->endpoint)),
        .decision = str_from(decision_word(x)),
        .epoch = policy_snapshot_epoch(p->start.snapshot),
        .is_degraded = p->start.is_degraded,
        .is_stream = p->is_parsed && p->request.is_stream,
        .status = p->is_refused ? p->refusal.error.status : 0,
        .eval_us = p->eval_us,
        .request_bytes = p->body.len,
        .model_requested = p->is_parsed ? str_sub(p->request.model, 0, 256) : STR_NONE,
    };
    int64_t stale_ms = p->start.now.unix_ms - p->start.fresh_ms;
    d.staleness_ms = stale_ms > 0 ? (uint64_t)stale_ms : 0;
    if (p->env->hashes_body) {
        d.body_sha256 = sha256_of(buf_str(&p->body));
        d.has_body_sha256 = true;
    }
    if (p->choice.model != NULL) {
        d.model = p->choice.model->id;
        d.provider = p->choice.provider->slug;
    }
    fill_decider(x, &d);
    fill_violations(x, &d);
    buf_clear(&x->record);
    audit_decision_write(&x->record, &d);
    p->decision = decision_word(x);
}

static const char *decision_word(const struct flow_exchange *x)
{
    const struct flow_private *p = x->p;
    if (p->is_refused) {
        return p->refusal.decision;
    }
    return p->warnings_count != 0 ? "warn" : "allow";
}

/* S4-38, S4-39: policy is the name, rule the rule's type, reason one sentence. */
static void fill_decider(struct flow_exchange *x, struct audit_decision *d)
{
    struct flow_private *p = x->p;
    const struct policy_violation *v = NULL;
    if (p->is_refused) {
        d->reason = p->refusal.error.message;
        if (p->refusal.is_policy && p->verdict.violations_count != 0) {
            v = &p->verdict.violations[0];
            d->reason = v->message;
        }
    } else if (p->warnings_count != 0) {
        v = p->warnings[0];
        d->reason = v->message;
    }
    if (v != NULL && v->rule != NULL) {
        d->rule = str_from(policy_rule_type_name(v->rule->type));
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

static void fill_violations(struct flow_exchange *x, struct audit_decision *d)
{
    struct flow_private *p = x->p;
    if (!p->is_decided || p->verdict.violations_count == 0) {
        return;
    }
    const struct route_catalog *catalog = policy_snapshot_catalog(p->start.snapshot);
    size_t count = p->verdict.violations_count;
    struct audit_violation *list = ARENA_ARRAY(&p->arena, count, struct audit_violation);
    if (list == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct policy_violation *v = &p->verdict.violations[i];
        list[i].effect = str_from(policy_effect_name(v->effect));
        list[i].message = v->message;
        if (v->policy != NULL) {
            list[i].policy = v->policy->name;
            list[i].policy_id = v->policy->id;
            list[i].policy_version = v->policy->version;
        }
        if (v->rule != NULL) {
            list[i].rule = str_from(policy_rule_type_name(v->rule->type));
            list[i].rule_key = v->rule->key;
            list[i].severity = str_from(policy_severity_name(v->rule->severity));
        }
        if (v->provider >= 0) {
            list[i].provider = route_catalog_provider(catalog, (unsigned)v->provider)->slug;
        }
    }
    d->violations = list;
    d->violations_count = count;
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
    if (x->out.err != ERR_OK) {
        p->is_keep_alive = false; /* half an answer: nothing may follow it */
    }
    buf_clear(&x->record);
    audit_outcome_write(&x->record, &o);
    flow_stats_count(x, p->decision);
    flow_stats_end(x, &o);
    x->want |= FLOW_WANT_RECORD;
    flow_finish(x);
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
