/* SPDX-License-Identifier: Apache-2.0
 *
 * The words of the canonical policy, one table per enum: codec, audit, console
 * and messages all take them from here. Also which rule types this build runs.
 *
 * Static strings; no memory, any thread. It parses nothing (codec does).
 */
#include "portcullis/policy.h"

static const char *const effects[] = {
    [POLICY_INFO] = "info",         [POLICY_WARN] = "warn",
    [POLICY_MODIFY] = "modify",     [POLICY_REROUTE] = "reroute",
    [POLICY_THROTTLE] = "throttle", [POLICY_ESCALATE] = "escalate",
    [POLICY_BLOCK] = "block",
};
static const char *const rule_types[POLICY_RULE_TYPES_COUNT] = {
    [POLICY_PROVIDER_REQUIREMENT] = "provider_requirement",
    [POLICY_PROVIDER_LIST] = "provider_list",
    [POLICY_MODEL_LIST] = "model_list",
    [POLICY_TOKEN_LIMIT] = "token_limit",
    [POLICY_RATE_LIMIT] = "rate_limit",
    [POLICY_BUDGET] = "budget",
    [POLICY_COST_CEILING] = "cost_ceiling",
    [POLICY_PII] = "pii",
    [POLICY_TERMS] = "terms",
    [POLICY_REQUIRED_TERMS] = "required_terms",
    [POLICY_TOPICS] = "topics",
    [POLICY_INJECTION] = "injection",
    [POLICY_FACT_CHECK] = "fact_check",
    [POLICY_APPROVAL] = "approval",
    [POLICY_PREFERENCE] = "preference",
    [POLICY_FAILOVER] = "failover",
};
static const char *const severities[] = {
    [POLICY_LOG] = "log",
    [POLICY_VIOLATION] = "violation",
    [POLICY_ALERT] = "alert",
    [POLICY_SECURITY_EVENT] = "security_event",
};
static const char *const stages[] = {
    [POLICY_SELECT] = "select",
    [POLICY_REQUEST] = "request",
    [POLICY_RESPONSE] = "response",
    [POLICY_BOTH] = "both",
};
static const char *const levels[] = {
    [POLICY_ORG] = "org",         [POLICY_TEAM] = "team", [POLICY_ENVIRONMENT] = "environment",
    [POLICY_PROJECT] = "project", [POLICY_USER] = "user", [POLICY_KEY] = "key",
};
static const char *const origins[] = {
    [POLICY_GOVERNANCE] = "governance",   [POLICY_RULES] = "rules",
    [POLICY_CONFIG] = "config",           [POLICY_COMPLIANCE] = "compliance",
    [POLICY_ENFORCEMENT] = "enforcement", [POLICY_NATIVE] = "native",
};
static const char *const statuses[] = {
    [POLICY_DRAFT] = "draft",
    [POLICY_ACTIVE] = "active",
    [POLICY_INACTIVE] = "inactive",
    [POLICY_ARCHIVED] = "archived",
};

static const char *const error_formats[] = {
    [POLICY_ERROR_AUTO] = "auto",
    [POLICY_ERROR_OPENAI] = "openai",
    [POLICY_ERROR_GOVERNANCE] = "governance",
    [POLICY_ERROR_POLICY] = "policy",
};

#define NAME_IN(table, value)                                                                      \
    ((size_t)(value) < sizeof(table) / sizeof((table)[0]) ? (table)[(value)] : "unknown")

const char *policy_effect_name(enum policy_effect e)
{
    return NAME_IN(effects, e);
}

const char *policy_rule_type_name(enum policy_rule_type t)
{
    return NAME_IN(rule_types, t);
}

const char *policy_severity_name(enum policy_severity s)
{
    return NAME_IN(severities, s);
}

const char *policy_stage_name(enum policy_stage s)
{
    return NAME_IN(stages, s);
}

const char *policy_level_name(enum policy_level l)
{
    return NAME_IN(levels, l);
}

const char *policy_origin_name(enum policy_origin o)
{
    return NAME_IN(origins, o);
}

const char *policy_status_name(enum policy_status s)
{
    return NAME_IN(statuses, s);
}

enum policy_error_format policy_error_format_of(struct str name)
{
    for (int i = POLICY_ERROR_AUTO; i <= POLICY_ERROR_POLICY; i++) {
        if (str_eq(name, str_from(error_formats[i]))) {
            return (enum policy_error_format)i;
        }
    }
    return POLICY_ERROR_UNSET;
}

bool policy_rule_type_runs(enum policy_rule_type t)
{
    return t == POLICY_PROVIDER_REQUIREMENT || t == POLICY_PROVIDER_LIST ||
           t == POLICY_MODEL_LIST || policy_rule_type_is_content(t);
}

bool policy_rule_type_is_content(enum policy_rule_type t)
{
    enum content_kind kind;
    return policy_rule_type_kind(t, &kind);
}

/* No default: a type that is new does not compile until it has a line here. */
bool policy_rule_type_kind(enum policy_rule_type type, enum content_kind *ret)
{
    switch (type) {
    case POLICY_PII:
        *ret = CONTENT_PII;
        return true;
    case POLICY_TERMS:
        *ret = CONTENT_TERMS;
        return true;
    case POLICY_REQUIRED_TERMS:
        *ret = CONTENT_REQUIRED_TERMS;
        return true;
    case POLICY_TOPICS:
        *ret = CONTENT_TOPICS;
        return true;
    case POLICY_INJECTION:
        *ret = CONTENT_INJECTION;
        return true;
    case POLICY_PROVIDER_REQUIREMENT:
    case POLICY_PROVIDER_LIST:
    case POLICY_MODEL_LIST:
    case POLICY_TOKEN_LIMIT:
    case POLICY_RATE_LIMIT:
    case POLICY_BUDGET:
    case POLICY_COST_CEILING:
    case POLICY_FACT_CHECK:
    case POLICY_APPROVAL:
    case POLICY_PREFERENCE:
    case POLICY_FAILOVER:
    case POLICY_RULE_TYPES_COUNT:
        break;
    }
    return false;
}
