/* SPDX-License-Identifier: Apache-2.0
 *
 * The plain things of the management API as field lists: one mechanism parses,
 * stores, renders and documents them all. A member's name is its column's name.
 * Pure tables.
 */
#include "portcullis/manage.h"

static const char *const roles[] = {"owner", "admin", "member", "auditor", NULL};
static const char *const dialects[] = {"openai", "anthropic", NULL};
static const char *const selections[] = {"any", "pinned", "stricter_only", NULL};
static const char *const error_formats[] = {"auto", "openai", "governance", "policy", NULL};
static const char *const prefixes[] = {"pc_live", "pc_test", "sk_case", "tv_live",
                                       "tv_test", "pk_live", "pk_test", NULL};
/* Attributes an attestation can state: those the catalogue states, not derived ones. */
static const char *const attributes[] = {"soc2", "soc2_any", "iso27001", "gdpr",
                                         "hipaa", "baa", "zdr", "pci",
                                         "no_training", "no_logging", "eu_region", NULL};

/* lint: table */
static const struct manage_field org_fields[] = {
    {.member = "name", .type = MANAGE_TEXT},
    {.member = "plan", .type = MANAGE_TEXT, .flags = MANAGE_READ_ONLY},
    {.member = "slot_selection", .type = MANAGE_WORD, .words = selections},
    {.member = "error_format", .type = MANAGE_WORD, .words = error_formats},
    {.member = "policies_max", .type = MANAGE_INT,
     .flags = MANAGE_NULLABLE | MANAGE_OPERATOR | MANAGE_VISIBLE, .max = 1000000},
    {.member = "is_suspended", .type = MANAGE_BOOL, .flags = MANAGE_READ_ONLY},
};
static const struct manage_field team_fields[] = {
    {.member = "name", .type = MANAGE_NAME, .flags = MANAGE_REQUIRED | MANAGE_FIXED},
    {.member = "description", .type = MANAGE_LONG_TEXT, .flags = MANAGE_NULLABLE},
};
static const struct manage_field environment_fields[] = {
    {.member = "name", .type = MANAGE_NAME, .flags = MANAGE_REQUIRED | MANAGE_FIXED},
    {.member = "description", .type = MANAGE_LONG_TEXT, .flags = MANAGE_NULLABLE},
    {.member = "is_production", .type = MANAGE_BOOL},
};
static const struct manage_field project_fields[] = {
    {.member = "name", .type = MANAGE_NAME, .flags = MANAGE_REQUIRED | MANAGE_FIXED},
    {.member = "description", .type = MANAGE_LONG_TEXT, .flags = MANAGE_NULLABLE},
    {.member = "team", .type = MANAGE_NAME, .flags = MANAGE_NULLABLE, .refers = "teams"},
    {.member = "metadata", .type = MANAGE_STRINGS, .flags = MANAGE_NULLABLE},
};
static const struct manage_field user_fields[] = {
    {.member = "email", .type = MANAGE_EMAIL, .flags = MANAGE_REQUIRED},
    {.member = "name", .type = MANAGE_TEXT, .flags = MANAGE_NULLABLE},
    {.member = "role", .type = MANAGE_WORD, .words = roles},
    {.member = "team", .type = MANAGE_NAME, .flags = MANAGE_NULLABLE, .refers = "teams"},
    {.member = "is_suspended", .type = MANAGE_BOOL},
};
static const struct manage_field key_fields[] = {
    {.member = "name", .type = MANAGE_TEXT, .flags = MANAGE_REQUIRED},
    {.member = "prefix", .type = MANAGE_WORD, .flags = MANAGE_FIXED, .words = prefixes},
    {.member = "last4", .type = MANAGE_TEXT, .flags = MANAGE_READ_ONLY},
    {.member = "role", .type = MANAGE_WORD, .flags = MANAGE_NULLABLE, .words = roles},
    {.member = "scopes", .type = MANAGE_TEXT_LIST},
    {.member = "team", .type = MANAGE_NAME, .flags = MANAGE_NULLABLE, .refers = "teams"},
    {.member = "environment", .type = MANAGE_NAME, .flags = MANAGE_NULLABLE,
     .refers = "environments"},
    {.member = "project", .type = MANAGE_NAME, .flags = MANAGE_NULLABLE, .refers = "projects"},
    {.member = "user_id", .type = MANAGE_TEXT, .flags = MANAGE_NULLABLE, .refers = "users"},
    {.member = "slots", .type = MANAGE_SLOT_LIST, .flags = MANAGE_NULLABLE},
    {.member = "pinned_slot", .type = MANAGE_INT, .flags = MANAGE_NULLABLE, .min = 1, .max = 12},
    {.member = "may_narrow", .type = MANAGE_BOOL},
    {.member = "error_format", .type = MANAGE_WORD, .flags = MANAGE_NULLABLE,
     .words = error_formats},
    {.member = "models", .type = MANAGE_TEXT_LIST, .flags = MANAGE_NULLABLE},
    {.member = "metadata", .type = MANAGE_STRINGS, .flags = MANAGE_NULLABLE},
    {.member = "not_before", .type = MANAGE_TIME, .flags = MANAGE_NULLABLE},
    {.member = "expires_at", .type = MANAGE_TIME, .flags = MANAGE_NULLABLE},
    {.member = "previous_until", .type = MANAGE_TIME, .flags = MANAGE_READ_ONLY},
    {.member = "revoked_at", .type = MANAGE_TIME, .flags = MANAGE_READ_ONLY},
    {.member = "created_by", .type = MANAGE_TEXT, .flags = MANAGE_READ_ONLY},
};
static const struct manage_field endpoint_fields[] = {
    {.member = "name", .type = MANAGE_TEXT, .flags = MANAGE_NULLABLE},
    {.member = "provider", .type = MANAGE_PROVIDER, .flags = MANAGE_REQUIRED | MANAGE_FIXED},
    {.member = "base_url", .type = MANAGE_URL, .flags = MANAGE_REQUIRED},
    {.member = "dialect", .type = MANAGE_WORD, .words = dialects},
    {.member = "credential", .type = MANAGE_SECRET, .flags = MANAGE_NULLABLE},
    {.member = "ca_file", .type = MANAGE_TEXT, .flags = MANAGE_NULLABLE | MANAGE_OPERATOR,
     .max = 1000},
    {.member = "priority", .type = MANAGE_INT, .min = 0, .max = 1000000},
    {.member = "is_enabled", .type = MANAGE_BOOL},
    {.member = "has_credential", .type = MANAGE_BOOL, .flags = MANAGE_READ_ONLY},
};
static const struct manage_field attestation_fields[] = {
    {.member = "provider", .type = MANAGE_PROVIDER, .flags = MANAGE_REQUIRED | MANAGE_FIXED},
    {.member = "attribute", .type = MANAGE_WORD, .flags = MANAGE_REQUIRED | MANAGE_FIXED,
     .words = attributes},
    {.member = "value", .type = MANAGE_BOOL, .flags = MANAGE_REQUIRED},
    {.member = "valid_from", .type = MANAGE_TIME},
    {.member = "valid_until", .type = MANAGE_TIME, .flags = MANAGE_NULLABLE},
    {.member = "who", .type = MANAGE_TEXT, .flags = MANAGE_READ_ONLY},
    {.member = "evidence_url", .type = MANAGE_TEXT, .flags = MANAGE_NULLABLE, .max = 2000},
    {.member = "note", .type = MANAGE_LONG_TEXT, .flags = MANAGE_NULLABLE},
};
static const struct manage_field node_fields[] = {
    {.member = "epoch", .type = MANAGE_INT, .flags = MANAGE_READ_ONLY},
    {.member = "seen_at", .type = MANAGE_TIME, .flags = MANAGE_READ_ONLY},
    {.member = "is_live", .type = MANAGE_BOOL, .flags = MANAGE_READ_ONLY},
    {.member = "is_current", .type = MANAGE_BOOL, .flags = MANAGE_READ_ONLY},
};
static const struct manage_field event_fields[] = {
    {.member = "request_id", .type = MANAGE_TEXT, .flags = MANAGE_READ_ONLY},
    {.member = "user", .type = MANAGE_TEXT, .flags = MANAGE_READ_ONLY},
    {.member = "key_id", .type = MANAGE_TEXT, .flags = MANAGE_READ_ONLY},
    {.member = "environment", .type = MANAGE_TEXT, .flags = MANAGE_READ_ONLY},
    {.member = "project", .type = MANAGE_TEXT, .flags = MANAGE_READ_ONLY},
    {.member = "policy", .type = MANAGE_TEXT, .flags = MANAGE_READ_ONLY},
    {.member = "policy_id", .type = MANAGE_TEXT, .flags = MANAGE_READ_ONLY},
    {.member = "policy_version", .type = MANAGE_INT, .flags = MANAGE_READ_ONLY},
    {.member = "rule", .type = MANAGE_TEXT, .flags = MANAGE_READ_ONLY},
    {.member = "rule_key", .type = MANAGE_TEXT, .flags = MANAGE_READ_ONLY},
    {.member = "reason", .type = MANAGE_TEXT, .flags = MANAGE_READ_ONLY},
    {.member = "provider", .type = MANAGE_TEXT, .flags = MANAGE_READ_ONLY},
    {.member = "model_requested", .type = MANAGE_TEXT, .flags = MANAGE_READ_ONLY},
    {.member = "status", .type = MANAGE_INT, .flags = MANAGE_READ_ONLY},
    {.member = "epoch", .type = MANAGE_INT, .flags = MANAGE_READ_ONLY},
    {.member = "violations", .type = MANAGE_STRINGS, .flags = MANAGE_READ_ONLY},
};

#define ROW(name, table, noun, prefix, fields)                                                     \
    {name, table, noun, prefix, "id", fields, sizeof(fields) / sizeof((fields)[0])}
#define NEWEST_FIRST(name, table, noun, prefix, fields)                                            \
    {name, table, noun, prefix, "-id", fields, sizeof(fields) / sizeof((fields)[0])}

/* lint: table */
static const struct manage_collection collections[] = {
    ROW("orgs", "orgs", "organization", "org_", org_fields),
    ROW("teams", "teams", "team", "team_", team_fields),
    ROW("environments", "environments", "environment", "env_", environment_fields),
    ROW("projects", "projects", "project", "proj_", project_fields),
    ROW("users", "users", "user", "user_", user_fields),
    ROW("keys", "api_keys", "key", "", key_fields),
    ROW("provider-endpoints", "provider_endpoints", "provider endpoint", "pe_", endpoint_fields),
    ROW("attestations", "attestations", "attestation", "att_", attestation_fields),
    ROW("nodes", "node_views", "node", "", node_fields),
    NEWEST_FIRST("security-events", "security_events", "security event", "", event_fields),
};

const struct manage_collection *manage_collection_find(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof(collections) / sizeof(collections[0]); i++) {
        if (strcmp(collections[i].name, name) == 0) {
            return &collections[i];
        }
    }
    return NULL;
}
