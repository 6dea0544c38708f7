/* SPDX-License-Identifier: Apache-2.0
 *
 * Which providers would one policy allow? The preview of S3-5 and the validation
 * of S0-60. It runs the same rule evaluation as a decision, over all providers
 * instead of one request; conditions of a rule other than on providers are taken
 * as fulfilled, because a preview must not promise more than a request gets.
 *
 * Rules that warn are listed as reasons but block nobody. Texts in the arena.
 */
#include "rules.h"

static enum err answer_of(struct arena *a, const struct route_catalog *catalog,
                          const struct policy *policy, unsigned provider,
                          const struct route_posture *posture, struct policy_provider_answer *ret);
static uint32_t reasons_of(const struct route_catalog *catalog, const struct policy *policy,
                           unsigned provider, const struct route_posture *posture,
                           const struct policy_rule *ret_rules[REASON_COUNT]);

enum err policy_providers_of(struct arena *a, const struct route_catalog *catalog,
                             const struct route_evidence *evidence, const struct policy *policy,
                             struct policy_provider_answer **ret)
{
    size_t count = route_catalog_providers_count(catalog);
    struct policy_provider_answer *answers =
        ARENA_ARRAY(a, count, struct policy_provider_answer);

    if (answers == NULL) {
        return ERR_MEMORY;
    }
    for (unsigned p = 0; p < count; p++) {
        struct route_posture posture;
        route_posture_of(route_catalog_provider(catalog, p), evidence->attestations,
                         evidence->count, evidence->now_s, &posture);
        TRY(answer_of(a, catalog, policy, p, &posture, &answers[p]));
    }
    *ret = answers;
    return ERR_OK;
}

static enum err answer_of(struct arena *a, const struct route_catalog *catalog,
                          const struct policy *policy, unsigned provider,
                          const struct route_posture *posture, struct policy_provider_answer *ret)
{
    const struct policy_rule *rules[REASON_COUNT] = {NULL};
    uint32_t found = reasons_of(catalog, policy, provider, posture, rules);
    size_t count = (size_t)__builtin_popcount(found);
    struct str *reasons = ARENA_ARRAY(a, count, struct str);
    struct str *messages = ARENA_ARRAY(a, count, struct str);

    if (reasons == NULL || messages == NULL) {
        return ERR_MEMORY;
    }
    *ret = (struct policy_provider_answer){.is_allowed = true, .reasons = reasons,
                                           .messages = messages};
    for (unsigned r = 0; r < REASON_COUNT; r++) {
        if ((found >> r & 1) == 0) {
            continue;
        }
        struct reason_about about = {
            .policy = policy,
            .rule = rules[r],
            .provider = route_catalog_provider(catalog, provider),
            .posture = posture,
        };
        size_t i = ret->reasons_count++;
        TRY(reason_texts(a, (enum reason)r, &about, &reasons[i], &messages[i]));
        bool is_block = rules[r]->effect == POLICY_BLOCK || rules[r]->effect == POLICY_MODIFY;
        if (ret->reason.ptr == NULL || (is_block && ret->is_allowed)) {
            ret->reason = reasons[i];
        }
        ret->is_allowed = ret->is_allowed && !is_block;
    }
    return ERR_OK;
}

/* Per reason the rule that gives it, a blocking one before one that warns, and of
 * two trust tiers the higher. */
static uint32_t reasons_of(const struct route_catalog *catalog, const struct policy *policy,
                           unsigned provider, const struct route_posture *posture,
                           const struct policy_rule *ret_rules[REASON_COUNT])
{
    uint32_t found = 0;

    for (size_t i = 0; i < policy->rules_count; i++) {
        const struct policy_rule *rule = &policy->rules[i];
        if (!rule->is_enabled || !rule_is_about_providers(rule) ||
            (rule_providers_when(catalog, &policy->match, &rule->when) >> provider & 1) == 0) {
            continue;
        }
        uint32_t reasons = rule_provider_reasons(rule, rule_provider_mask(catalog, &rule->allow),
                                                 rule_provider_mask(catalog, &rule->block),
                                                 provider, posture);
        for (unsigned r = 0; r < REASON_COUNT; r++) {
            if ((reasons >> r & 1) == 0) {
                continue;
            }
            const struct policy_rule *old = ret_rules[r];
            if (old == NULL || rule->effect > old->effect ||
                (rule->effect == old->effect && rule->min_tier > old->min_tier)) {
                ret_rules[r] = rule;
            }
        }
        found |= reasons;
    }
    return found;
}
