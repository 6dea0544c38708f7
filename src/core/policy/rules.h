/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of this room: what one rule says about one provider or model, as
 * reasons, and the sentences for them. Used by the index builder, by decisions
 * and by policy_providers_of alike, so there is one evaluation of a rule.
 * Pure; texts go to the caller's arena.
 */
#ifndef PORTCULLIS_POLICY_RULES_H
#define PORTCULLIS_POLICY_RULES_H

#include "portcullis/policy.h"

/* In reporting order (S0-58, S0-64): what names the thing itself first, then
 * China, then what is missing, the trust tier last. */
enum reason {
    REASON_KEY_MODEL,
    REASON_MODEL_BLOCKED,
    REASON_MODEL_NOT_ALLOWED,
    REASON_BLOCKLIST,
    REASON_ALLOWLIST,
    REASON_COUNTRY_BLOCKED,
    REASON_COUNTRY_NOT_ALLOWED,
    REASON_COUNTRY_UNKNOWN,
    REASON_BAA,
    REASON_HIPAA,
    REASON_ZDR,
    REASON_SOC2,
    REASON_SOC2_ANY,
    REASON_ISO27001,
    REASON_SOC2_OR_ISO27001,
    REASON_GDPR,
    REASON_PCI,
    REASON_NO_TRAINING,
    REASON_NO_LOGGING,
    REASON_EU_REGION,
    REASON_TIER,
    REASON_COUNT
};

bool rule_is_about_providers(const struct policy_rule *r);
/* Providers named by a list (slugs or aliases), as a mask. Unknown names are in
 * no catalogue, so they can never be reached and add nothing. */
uint64_t rule_provider_mask(const struct route_catalog *c, const struct policy_list *list);
/* Providers for which policy.match and rule.when hold. */
uint64_t rule_providers_when(const struct route_catalog *c, const struct policy_match *match,
                             const struct policy_match *when);
/* Bits of enum reason: why `provider` violates the rule; 0 = it does not. allow
 * and block are the masks of the rule's own lists. */
uint32_t rule_provider_reasons(const struct policy_rule *r, uint64_t allow, uint64_t block,
                               unsigned provider, const struct route_posture *posture);
/* The same for a model; walks the entries, so for reporting only. */
uint32_t rule_model_reasons(const struct policy_rule *r, const struct route_catalog *c,
                            unsigned model);

struct reason_about {
    const struct policy *policy;    /* NULL for a key's own list */
    const struct policy_rule *rule;
    const struct route_provider *provider; /* NULL for model reasons */
    const struct route_posture *posture;
    struct str model;               /* as the caller wrote it */
};
/* Short reason (static) and sentence (arena). ERR_MEMORY/ERR_LIMIT. */
MUST_USE enum err reason_texts(struct arena *a, enum reason reason,
                               const struct reason_about *about, struct str *ret_reason,
                               struct str *ret_message);

#endif
