/* SPDX-License-Identifier: Apache-2.0
 *
 * The documented word for a rule, in the dialect of the policy that holds it: what an
 * audit record (S4-39) and a refusal (S2-54) call it. Pure.
 */
#include "codec_private.h"

static const char *rules_word(const struct policy_rule *rule);
static const char *config_word(const struct policy_rule *rule);
static const char *enforcement_word(const struct policy_rule *rule);

const char *codec_rule_word(const struct policy *p, const struct policy_rule *rule)
{
    const char *word = NULL;
    switch (p->origin) {
    case POLICY_RULES:
        word = rules_word(rule);
        break;
    case POLICY_CONFIG:
        word = config_word(rule);
        break;
    case POLICY_ENFORCEMENT:
        word = enforcement_word(rule);
        break;
    case POLICY_GOVERNANCE:
    case POLICY_COMPLIANCE:
    case POLICY_NATIVE:
        break;
    }
    return word != NULL ? word : policy_rule_type_name(rule->type);
}

static const char *rules_word(const struct policy_rule *rule)
{
    return rule->type == POLICY_PII          ? "pii_detection"
           : rule->type == POLICY_INJECTION  ? "injection_detection"
           : rule->type == POLICY_MODEL_LIST ? "model_restriction"
                                             : NULL;
}

/* S2-56: the list that failed. */
static const char *config_word(const struct policy_rule *rule)
{
    bool is_allow = rule->allow.is_set;
    return rule->type == POLICY_MODEL_LIST      ? is_allow ? "model_allow_list" : "model_block_list"
           : rule->type == POLICY_PROVIDER_LIST ? is_allow ? "provider_allow_list"
                                                           : "provider_block_list"
           : rule->type == POLICY_PII           ? "pii_detection"
           : rule->type == POLICY_TERMS         ? "blocked_terms"
           : rule->type == POLICY_TOPICS        ? "blocked_topics"
                                                : NULL;
}

static const char *enforcement_word(const struct policy_rule *rule)
{
    return rule->type == POLICY_TERMS || rule->type == POLICY_TOPICS ? "content_filter"
           : rule->type == POLICY_PII                                ? "pii_redaction"
           : rule->type == POLICY_MODEL_LIST                         ? "model_access"
           : rule->type == POLICY_PROVIDER_REQUIREMENT               ? "compliance"
                                                                     : NULL;
}
