/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps resolve, admit and choose: the model string becomes candidates, the one
 * decision function judges them, and among what it leaves one target is taken.
 * GET /v1/models asks the same decision function about every model, so the list
 * shows what would be allowed and nothing else.
 */
#include "flow_private.h"

static void refuse_slot(struct flow_exchange *x, const struct policy_verdict *verdict);
static bool resolve(struct flow_exchange *x);
static void set_facts(struct flow_exchange *x, enum llm_endpoint endpoint,
                      const struct route_resolution *models);
static void choose(struct flow_exchange *x);
static bool is_model_usable(struct flow_exchange *x, struct arena *scratch,
                            const struct route_model *model);
static void write_model(struct buf *b, const struct route_model *m, const struct route_catalog *c,
                        bool is_anthropic);
static void list_models(struct flow_exchange *x, struct arena *scratch);
static void show_model(struct flow_exchange *x, struct arena *scratch);
static bool wants_anthropic_list(const struct flow_exchange *x);

void flow_step_admit(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    if (!resolve(x)) {
        return;
    }
    set_facts(x, p->endpoint, &p->models);
    if (policy_decide_call_again(&p->arena, &p->facts, &p->models, p->start.snapshot_number,
                                 &p->decided, &p->verdict) != ERR_OK) {
        flow_refuse(x, 503, "server_error", "policy_unavailable",
                    "The policies could not be evaluated, so the request was not sent");
        return;
    }
    p->is_decided = true;
    refuse_slot(x, &p->verdict);
    if (p->is_refused) {
        return;
    }
    if (p->verdict.allowed == 0) {
        flow_refuse_verdict(x);
        return;
    }
    choose(x);
}

/* S0-43: a slot that selects nothing is refused, never taken for the default. */
static void refuse_slot(struct flow_exchange *x, const struct policy_verdict *verdict)
{
    struct flow_private *p = x->p;
    if (!verdict->is_slot_unknown && !verdict->is_slot_denied) {
        return;
    }
    if (verdict->is_slot_unknown) {
        flow_refuse(x, 400, "invalid_request_error", "governance_policy_not_found",
                    "No active policy is assigned to slot %lld", (long long)p->facts.slot);
    } else {
        flow_refuse(x, 403, "permission_error", "governance_policy_not_allowed",
                    "This key may not select policy slot %lld", (long long)p->facts.slot);
    }
    p->refusal.error.param = STR("/governance_policy");
}

static bool resolve(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    const struct route_catalog *catalog = policy_snapshot_catalog(p->start.snapshot);
    if (route_resolve(catalog, p->request.model, &p->models) == ERR_OK) {
        return true;
    }
    flow_refuse(x, 404, "invalid_request_error", "model_not_found",
                "The model is not known; see GET /v1/models for the models this key may use");
    p->refusal.error.param = STR("/model");
    return false;
}

static void set_facts(struct flow_exchange *x, enum llm_endpoint endpoint,
                      const struct route_resolution *models)
{
    struct flow_private *p = x->p;
    p->facts = (struct policy_facts){
        .org = policy_principal_org(x->principal),
        .who = x->principal,
        .endpoint = endpoint,
        .models = models,
        .has_slot = p->has_header_slot || (p->is_parsed && p->request.has_slot),
        .slot = p->has_header_slot ? p->header_slot : p->request.slot,
        .environment = p->environment,
        .tags = p->tags,
        .tags_count = p->tags_count,
    };
}

static void choose(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    size_t count;
    const struct route_endpoint *endpoints =
        policy_org_endpoints(policy_principal_org(x->principal), &count);
    const struct route_catalog *catalog = policy_snapshot_catalog(p->start.snapshot);
    enum err e = route_choose(catalog, &p->models, p->verdict.allowed, p->endpoint,
                              &(struct route_reach){endpoints, count}, &p->choice);
    if (e != ERR_OK) {
        flow_refuse(x, 404, "invalid_request_error", "provider_not_configured",
                    "No provider that your policies allow for this model is set up in your "
                    "organisation");
        p->refusal.error.param = STR("/model");
        return;
    }
    p->warnings_count = policy_warnings_of(&p->verdict, &p->models, p->choice.candidate,
                                           p->warnings, FLOW_WARNINGS_MAX);
}

void flow_step_models(struct flow_exchange *x)
{
    struct arena scratch;
    arena_init(&scratch, 4u << 20);
    if (x->p->model_path.len != 0) {
        show_model(x, &scratch);
    } else {
        list_models(x, &scratch);
    }
    arena_fini(&scratch);
    if (x->p->answer.err != ERR_OK) {
        flow_refuse(x, 503, "server_error", "out_of_memory", "The list could not be made");
    }
}

static bool wants_anthropic_list(const struct flow_exchange *x)
{
    return wire_header_get(x->p->head, "anthropic-version").ptr != NULL;
}

static bool is_model_usable(struct flow_exchange *x, struct arena *scratch,
                            const struct route_model *model)
{
    struct flow_private *p = x->p;
    struct route_resolution one = {.requested = model->id,
                                   .is_pinned = true,
                                   .pinned_provider = model->provider,
                                   .count = 1,
                                   .models = {model->index},
                                   .providers = (uint64_t)1 << model->provider};
    enum llm_endpoint endpoint =
        str_eq(model->kind, STR("embedding")) ? LLM_EMBEDDINGS : LLM_CHAT;
    struct policy_verdict verdict;
    arena_reset(scratch);
    set_facts(x, endpoint, &one);
    if (policy_decide(scratch, &p->facts, &verdict) != ERR_OK) {
        return false;
    }
    refuse_slot(x, &verdict);
    if (verdict.allowed == 0) {
        return false;
    }
    size_t count;
    struct route_choice choice;
    const struct route_endpoint *endpoints =
        policy_org_endpoints(policy_principal_org(x->principal), &count);
    return route_choose(policy_snapshot_catalog(p->start.snapshot), &one, verdict.allowed,
                        endpoint, &(struct route_reach){endpoints, count}, &choice) == ERR_OK;
}

static void write_model(struct buf *b, const struct route_model *m, const struct route_catalog *c,
                        bool is_anthropic)
{
    buf_add(b, is_anthropic ? STR("{\"type\":\"model\",\"id\":") : STR("{\"id\":"));
    json_write_str(b, m->id);
    if (is_anthropic) {
        buf_add(b, STR(",\"display_name\":"));
        json_write_str(b, m->name);
        buf_add(b, STR(",\"created_at\":\"1970-01-01T00:00:00Z\"}"));
        return;
    }
    buf_add(b, STR(",\"object\":\"model\",\"created\":0,\"owned_by\":"));
    json_write_str(b, route_catalog_provider(c, m->provider)->slug);
    buf_add_byte(b, '}');
}

static void list_models(struct flow_exchange *x, struct arena *scratch)
{
    struct flow_private *p = x->p;
    const struct route_catalog *c = policy_snapshot_catalog(p->start.snapshot);
    bool is_anthropic = wants_anthropic_list(x);
    struct buf *b = &p->answer;
    struct str first = STR_NONE, last = STR_NONE;
    buf_add(b, is_anthropic ? STR("{\"data\":[") : STR("{\"object\":\"list\",\"data\":["));
    for (unsigned i = 0; i < route_catalog_models_count(c); i++) {
        const struct route_model *m = route_catalog_model(c, i);
        if (!is_model_usable(x, scratch, m)) {
            continue;
        }
        if (first.len != 0) {
            buf_add_byte(b, ',');
        }
        write_model(b, m, c, is_anthropic);
        first = first.len == 0 ? m->id : first;
        last = m->id;
    }
    buf_add_byte(b, ']');
    if (is_anthropic) {
        buf_add(b, STR(",\"has_more\":false,\"first_id\":"));
        json_write_str(b, first);
        buf_add(b, STR(",\"last_id\":"));
        json_write_str(b, last);
    }
    buf_add_byte(b, '}');
    p->local_body = buf_str(b);
}

static void show_model(struct flow_exchange *x, struct arena *scratch)
{
    struct flow_private *p = x->p;
    const struct route_catalog *c = policy_snapshot_catalog(p->start.snapshot);
    if (route_resolve(c, p->model_path, &p->models) == ERR_OK) {
        for (size_t i = 0; i < p->models.count; i++) {
            const struct route_model *m = route_catalog_model(c, p->models.models[i]);
            if (is_model_usable(x, scratch, m)) {
                write_model(&p->answer, m, c, wants_anthropic_list(x));
                p->local_body = buf_str(&p->answer);
                return;
            }
        }
    }
    flow_refuse(x, 404, "invalid_request_error", "model_not_found",
                "The model is not known, or your policies do not allow it");
}
