/* SPDX-License-Identifier: Apache-2.0
 *
 * One rule against one provider or one model. Every requirement fails closed: a
 * fact that is not known to be satisfied is a reason (S3-4); an empty list is no
 * restriction (S0-19); a name in both lists is blocked (S0-20).
 *
 * Sentences are in sentences.c. Pure, no memory, any thread.
 */
#include "rules.h"

static uint32_t requirement_reasons(const struct policy_rule *r, const struct route_posture *p);
static uint32_t country_reasons(const struct policy_rule *r, const struct route_posture *p);
static bool list_has(const struct policy_list *list, struct str word);

static const enum reason attribute_reasons[ROUTE_ATTRIBUTES_COUNT] = {
    [ROUTE_SOC2] = REASON_SOC2,
    [ROUTE_SOC2_ANY] = REASON_SOC2_ANY,
    [ROUTE_ISO27001] = REASON_ISO27001,
    [ROUTE_SOC2_OR_ISO27001] = REASON_SOC2_OR_ISO27001,
    [ROUTE_GDPR] = REASON_GDPR,
    [ROUTE_HIPAA] = REASON_HIPAA,
    [ROUTE_BAA] = REASON_BAA,
    [ROUTE_ZDR] = REASON_ZDR,
    [ROUTE_PCI] = REASON_PCI,
    [ROUTE_NO_TRAINING] = REASON_NO_TRAINING,
    [ROUTE_NO_LOGGING] = REASON_NO_LOGGING,
    [ROUTE_EU_REGION] = REASON_EU_REGION,
};

bool rule_is_about_providers(const struct policy_rule *r)
{
    return r->type == POLICY_PROVIDER_REQUIREMENT || r->type == POLICY_PROVIDER_LIST;
}

uint64_t rule_provider_mask(const struct route_catalog *c, const struct policy_list *list)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct route_provider *p = route_catalog_find_provider(c, list->items[i]);
        if (p != NULL) {
            mask |= UINT64_C(1) << p->index;
        }
    }
    return mask;
}

uint64_t rule_providers_when(const struct route_catalog *c, const struct policy_match *match,
                             const struct policy_match *when)
{
    uint64_t mask = UINT64_MAX;
    if (match->providers.count > 0) {
        mask &= rule_provider_mask(c, &match->providers);
    }
    if (when != NULL && when->providers.count > 0) {
        mask &= rule_provider_mask(c, &when->providers);
    }
    return mask;
}

uint32_t rule_provider_reasons(const struct policy_rule *r, uint64_t allow, uint64_t block,
                               unsigned provider, const struct route_posture *posture)
{
    uint32_t reasons = 0;
    if (r->type == POLICY_PROVIDER_REQUIREMENT) {
        return requirement_reasons(r, posture);
    }
    if (r->type == POLICY_PROVIDER_LIST) {
        if ((block >> provider & 1) != 0) {
            reasons |= UINT32_C(1) << REASON_BLOCKLIST;
        }
        if (r->allow.count > 0 && (allow >> provider & 1) == 0) {
            reasons |= UINT32_C(1) << REASON_ALLOWLIST;
        }
    }
    return reasons;
}

uint32_t rule_model_reasons(const struct policy_rule *r, const struct route_catalog *c,
                            unsigned model)
{
    uint32_t reasons = 0;
    bool is_allowed = r->allow.count == 0;

    for (size_t i = 0; i < r->block.count; i++) {
        if (route_model_matches(c, model, r->block.items[i])) {
            reasons |= UINT32_C(1) << REASON_MODEL_BLOCKED;
        }
    }
    for (size_t i = 0; !is_allowed && i < r->allow.count; i++) {
        is_allowed = route_model_matches(c, model, r->allow.items[i]);
    }
    return is_allowed ? reasons : reasons | UINT32_C(1) << REASON_MODEL_NOT_ALLOWED;
}

static uint32_t requirement_reasons(const struct policy_rule *r, const struct route_posture *p)
{
    uint32_t reasons = country_reasons(r, p);

    for (unsigned a = 0; a < ROUTE_ATTRIBUTES_COUNT; a++) {
        if ((r->require >> a & 1) != 0 && p->facts[a] != ROUTE_YES) {
            reasons |= UINT32_C(1) << attribute_reasons[a];
        }
    }
    if (r->min_tier != ROUTE_TIER_UNRATED && p->tier < r->min_tier) {
        reasons |= UINT32_C(1) << REASON_TIER;
    }
    return reasons;
}

/* "Not from CN" is a requirement like any other: who does not say where it sits
 * does not meet it. */
static uint32_t country_reasons(const struct policy_rule *r, const struct route_posture *p)
{
    struct str country = str_from(p->country);

    if (r->block_countries.count == 0 && r->allow_countries.count == 0) {
        return 0;
    }
    if (country.len == 0) {
        return UINT32_C(1) << REASON_COUNTRY_UNKNOWN;
    }
    if (list_has(&r->block_countries, country)) {
        return UINT32_C(1) << REASON_COUNTRY_BLOCKED;
    }
    if (r->allow_countries.count > 0 && !list_has(&r->allow_countries, country)) {
        return UINT32_C(1) << REASON_COUNTRY_NOT_ALLOWED;
    }
    return 0;
}

static bool list_has(const struct policy_list *list, struct str word)
{
    for (size_t i = 0; i < list->count; i++) {
        if (str_eq(list->items[i], word)) {
            return true;
        }
    }
    return false;
}
