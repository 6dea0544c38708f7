/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/evaluate: the whole decision for a request, nothing sent, no counter
 * touched (C-22). It resolves, decides and chooses with the very functions of the
 * path, under the snapshot the calling request sees. Worker thread.
 */
#include "http_private.h"

#include <time.h>

static bool endpoint_of(struct str name, enum llm_endpoint *ret);
static void decide(const struct worker_request *request, const struct manage_command *command,
                   struct arena *a, struct buf *out, struct manage_refusal *refusal);

void http_evaluate(const struct worker_request *request, const struct manage_command *command,
                   struct arena *a, struct manage_answer *ret)
{
    struct manage_refusal refusal = {0};
    struct buf out;
    buf_init(&out, HTTP_REPLY_BYTES_MAX);
    decide(request, command, a, &out, &refusal);
    if (refusal.status != 0) {
        buf_clear(&out);
        manage_write_error(&out, &refusal);
    }
    *ret = (struct manage_answer){.status = refusal.status != 0 ? refusal.status : 200,
                                  .content_type = STR("application/json"),
                                  .body = arena_str(a, buf_str(&out))};
    buf_fini(&out);
}

static void decide(const struct worker_request *request, const struct manage_command *command,
                   struct arena *a, struct buf *out, struct manage_refusal *refusal)
{
    const struct route_catalog *catalog = policy_snapshot_catalog(request->snapshot);
    const struct policy_org *org = policy_principal_org(request->principal);
    struct route_resolution models;
    struct policy_verdict verdict;
    struct route_choice choice;
    enum llm_endpoint endpoint = LLM_CHAT;
    if (!endpoint_of(command->evaluate.endpoint, &endpoint)) {
        manage_refuse(refusal, 400, "invalid_request", "/endpoint", "unknown endpoint");
        return;
    }
    if (route_resolve(catalog, command->evaluate.model, &models) != ERR_OK) {
        manage_refuse(refusal, 404, "model_not_found", "/model", "The model is not known");
        return;
    }
    struct policy_facts facts = {.org = org,
                                 .who = request->principal,
                                 .endpoint = endpoint,
                                 .models = &models,
                                 .has_slot = command->evaluate.has_slot,
                                 .slot = command->evaluate.slot,
                                 .environment = command->evaluate.environment,
                                 .tags = command->evaluate.tags,
                                 .tags_count = command->evaluate.tags_count,
                                 .now_s = (int64_t)time(NULL)};
    if (policy_decide(a, &facts, &verdict) != ERR_OK) {
        manage_refuse(refusal, 503, "policy_unavailable", "",
                      "The policies could not be evaluated");
        return;
    }
    if (verdict.is_slot_unknown) {
        manage_refuse(refusal, 400, "governance_policy_not_found", "/governance_policy",
                      "No active policy is assigned to this slot");
        return;
    }
    size_t count;
    const struct route_endpoint *endpoints = policy_org_endpoints(org, &count);
    bool has_choice = route_choose(catalog, &models, verdict.allowed, endpoint,
                                   &(struct route_reach){endpoints, count}, &choice) == ERR_OK;
    struct codec_evaluation e = {.catalog = catalog,
                                 .facts = &facts,
                                 .verdict = &verdict,
                                 .choice = has_choice ? &choice : NULL,
                                 .epoch = policy_snapshot_epoch(request->snapshot)};
    codec_write_evaluation(out, &e);
}

static bool endpoint_of(struct str name, enum llm_endpoint *ret)
{
    if (name.len == 0) {
        return true; /* chat */
    }
    for (int e = 0; e < LLM_ENDPOINTS_COUNT; e++) {
        if (str_eq(name, str_from(llm_endpoint_name((enum llm_endpoint)e)))) {
            *ret = (enum llm_endpoint)e;
            return true;
        }
    }
    return false;
}
