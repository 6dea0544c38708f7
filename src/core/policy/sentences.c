/* SPDX-License-Identifier: Apache-2.0
 *
 * Reason -> the short reason of a validation (S0-61) and the sentence of a
 * refusal (S0-54 to S0-58, S2-54). One table; the wording is part of the
 * documented interface, so a change here is a change of the product.
 *
 * Names of providers and models appear, nothing of a prompt or a key ever.
 */
#include "rules.h"

static struct str provider_sentence(struct arena *a, enum reason reason,
                                    const struct reason_about *about);
static struct str list_sentence(struct arena *a, enum reason reason,
                                const struct reason_about *about);
static struct str country_sentence(struct arena *a, enum reason reason,
                                   const struct reason_about *about);

/* `sentence` stands behind "Provider 'x' "; NULL: composed below. */
static const struct {
    const char *reason, *sentence;
} texts[REASON_COUNT] = {
    [REASON_KEY_MODEL] = {"Model not allowed for this key", NULL},
    [REASON_MODEL_BLOCKED] = {"Model in block list", NULL},
    [REASON_MODEL_NOT_ALLOWED] = {"Model not in allow list", NULL},
    [REASON_BLOCKLIST] = {"In provider blocklist", NULL},
    [REASON_ALLOWLIST] = {"Not in provider allowlist", NULL},
    [REASON_COUNTRY_BLOCKED] = {"Blocked country", NULL},
    [REASON_COUNTRY_NOT_ALLOWED] = {"Country not allowed", NULL},
    [REASON_COUNTRY_UNKNOWN] = {"Headquarters unknown",
                                "has no known headquarters and is blocked by policy"},
    [REASON_BAA] = {"BAA not available", "does not have BAA available"},
    [REASON_HIPAA] = {"Not HIPAA compliant", "is not HIPAA compliant"},
    [REASON_ZDR] = {"Zero data retention not supported", "does not support zero data retention"},
    [REASON_SOC2] = {"No SOC 2 Type II certification",
                     "does not have SOC 2 Type II certification"},
    [REASON_SOC2_ANY] = {"No SOC 2 certification", "does not have SOC 2 certification"},
    [REASON_ISO27001] = {"No ISO 27001 certification", "does not have ISO 27001 certification"},
    [REASON_SOC2_OR_ISO27001] = {"No SOC 2 or ISO 27001 certification",
                                 "does not have SOC 2 or ISO 27001 certification"},
    [REASON_GDPR] = {"Not GDPR compliant", "is not GDPR compliant"},
    [REASON_PCI] = {"Not PCI DSS compliant", "is not PCI DSS compliant"},
    [REASON_NO_TRAINING] = {"Training on prompts not ruled out",
                            "does not rule out training on prompts"},
    [REASON_NO_LOGGING] = {"Prompt logging not ruled out", "does not rule out prompt logging"},
    [REASON_EU_REGION] = {"No EU region", "does not have an EU region"},
    [REASON_TIER] = {"Below minimum trust tier", NULL},
};

enum err reason_texts(struct arena *a, enum reason reason, const struct reason_about *about,
                      struct str *ret_reason, struct str *ret_message)
{
    ASSERT(reason < REASON_COUNT);
    *ret_reason = str_from(texts[reason].reason);
    switch (reason) {
    case REASON_KEY_MODEL:
        *ret_message = arena_printf(a, "Model %.*s is not allowed for this key",
                                    STR_ARG(about->model));
        break;
    case REASON_MODEL_BLOCKED:
        *ret_message = arena_printf(a, "Model %.*s is in block list", STR_ARG(about->model));
        break;
    case REASON_MODEL_NOT_ALLOWED:
        *ret_message = arena_printf(a, "Model %.*s is not in allow list", STR_ARG(about->model));
        break;
    case REASON_COUNTRY_BLOCKED:
        *ret_reason = str_eq(str_from(about->posture->country), STR("CN"))
                          ? STR("China-based provider")
                          : arena_printf(a, "Based in %s", about->posture->country);
        *ret_message = country_sentence(a, reason, about);
        break;
    case REASON_COUNTRY_NOT_ALLOWED:
        *ret_message = country_sentence(a, reason, about);
        break;
    case REASON_BLOCKLIST:
    case REASON_ALLOWLIST:
        *ret_message = list_sentence(a, reason, about);
        break;
    case REASON_COUNTRY_UNKNOWN:
    case REASON_BAA:
    case REASON_HIPAA:
    case REASON_ZDR:
    case REASON_SOC2:
    case REASON_SOC2_ANY:
    case REASON_ISO27001:
    case REASON_SOC2_OR_ISO27001:
    case REASON_GDPR:
    case REASON_PCI:
    case REASON_NO_TRAINING:
    case REASON_NO_LOGGING:
    case REASON_EU_REGION:
    case REASON_TIER:
    case REASON_COUNT:
        *ret_message = provider_sentence(a, reason, about);
        break;
    }
    return ret_message->ptr != NULL && ret_reason->ptr != NULL ? ERR_OK : ERR_MEMORY;
}

static struct str provider_sentence(struct arena *a, enum reason reason,
                                    const struct reason_about *about)
{
    if (reason == REASON_TIER) {
        return arena_printf(a, "Provider '%.*s' does not meet minimum trust tier '%s'",
                            STR_ARG(about->provider->slug),
                            route_tier_name(about->rule->min_tier));
    }
    return arena_printf(a, "Provider '%.*s' %s", STR_ARG(about->provider->slug),
                        texts[reason].sentence);
}

/* The two dialects that know provider lists word them differently (S0-58, S2-56). */
static struct str list_sentence(struct arena *a, enum reason reason,
                                const struct reason_about *about)
{
    bool is_block = reason == REASON_BLOCKLIST;
    if (about->policy->origin == POLICY_CONFIG) {
        return arena_printf(a, "Provider %.*s is %s", STR_ARG(about->provider->slug),
                            is_block ? "in block list" : "not in allow list");
    }
    return arena_printf(a, "Provider '%.*s' is %s", STR_ARG(about->provider->slug),
                        is_block ? "in the provider blocklist" : "not in the provider allowlist");
}

static struct str country_sentence(struct arena *a, enum reason reason,
                                   const struct reason_about *about)
{
    const char *country = about->posture->country;
    if (reason == REASON_COUNTRY_NOT_ALLOWED) {
        return arena_printf(a, "Provider '%.*s' is based in %s, which is not an allowed country",
                            STR_ARG(about->provider->slug), country);
    }
    if (str_eq(str_from(country), STR("CN"))) {
        return arena_printf(a, "Provider '%.*s' is China-based and blocked by policy",
                            STR_ARG(about->provider->slug));
    }
    return arena_printf(a, "Provider '%.*s' is based in %s and blocked by policy",
                        STR_ARG(about->provider->slug), country);
}
