/* SPDX-License-Identifier: Apache-2.0
 *
 * THE route table of the management API. Matching, the role matrix, the OpenAPI
 * document and llms.txt are all made from it, so none can forget a route. The
 * examples are the documents' own bodies. Pure table.
 */
#include "manage_private.h"

#define READ (MANAGE_MEMBER | MANAGE_AUDITOR | MANAGE_ADMIN | MANAGE_OWNER)
#define AUDIT (MANAGE_AUDITOR | MANAGE_ADMIN | MANAGE_OWNER)
#define WRITE (MANAGE_ADMIN | MANAGE_OWNER)
#define OWNER MANAGE_OWNER

/* method, pattern, operation, kind, view, collection, roles, status, request, response, summary */
#define R(m, p, o, k, v, c, r, s, q, a, t)                                                         \
    .method = WIRE_##m, .pattern = p, .operation = o, .kind = MANAGE_##k, .view = MANAGE_##v,      \
    .collection = c, .roles = r, .status = s, .request = q, .response = a, .summary = t

#define COLLECTION(path, noun, one, table, read, write)                                            \
    {R(GET, path, "list_" noun, ITEM_LIST, NATIVE, table, read, 200, NULL, one "List",             \
       "List them")},                                                                              \
        {R(POST, path, "create_" one, ITEM_CREATE, NATIVE, table, write, 201, one "Create", one,   \
           "Create one")},                                                                         \
        {R(GET, path "/{id}", "get_" one, ITEM_GET, NATIVE, table, read, 200, NULL, one,           \
           "Read one")},                                                                           \
        {R(PATCH, path "/{id}", "update_" one, ITEM_PATCH, NATIVE, table, write, 200, one "Patch", \
           one, "Change members; null removes an optional one")},                                  \
    {R(DELETE, path "/{id}", "delete_" one, ITEM_DELETE, NATIVE, table, write, 204, NULL, NULL,    \
       "Delete one")}

#define CREATE_EXAMPLE                                                                             \
    "{\"name\":\"Production - HIPAA Compliant\",\"description\":\"Only HIPAA-certified providers " \
    "with BAA\",\"tagSlot\":1,\"isDefault\":true,\"rules\":{\"minimumTrustTier\":"                 \
    "\"most_trusted\",\"blockChinaProviders\":true,\"requireHipaa\":true,\"requireBaa\":true,"     \
    "\"enforcement\":\"hard_block\"}}"
#define VALIDATE_EXAMPLE                                                                           \
    "{\"rules\":{\"minimumTrustTier\":\"most_trusted\",\"requireHipaa\":true,\"requireBaa\":true}}"
#define COMPLIANCE_EXAMPLE                                                                         \
    "{\"enabled\":true,\"requireSoc2OrIso27001\":true,\"requireGdpr\":true,"                       \
    "\"requireNoTraining\":true,\"requireNoLogging\":true}"
#define NATIVE_EXAMPLE                                                                             \
    "{\"name\":\"dev models\",\"scope\":{\"level\":\"environment\",\"environment\":"               \
    "\"development\"},\"rules\":[{\"key\":\"models\",\"type\":\"model_list\",\"effect\":"          \
    "\"block\",\"stage\":\"select\",\"params\":{\"allow\":[\"gpt-4o-mini\",\"claude-3-haiku\"]}}]}"

/* The documents' own, but for the members that this version does not enforce. */
#define RULES_EXAMPLE                                                                              \
    "{\"name\":\"Production Safety Policy\",\"description\":\"Enforce fact-checking on all "       \
    "production calls\",\"rules\":[{\"type\":\"pii_detection\",\"action\":\"mask\","               \
    "\"entities\":[\"email\",\"phone\",\"ssn\"]},{\"type\":\"injection_detection\","               \
    "\"action\":\"block\"}],\"active\":true}"
#define RULES_PATCH_EXAMPLE                                                                        \
    "{\"rules\":[{\"type\":\"model_restriction\",\"allowedModels\":[\"gpt-4o\",\"gpt-4-turbo\"],"  \
    "\"action\":\"block\"}],\"active\":true}"
static const struct manage_example policy_examples[] = {
    {"config_routing", "{\"name\":\"Google Only\",\"policy_type\":\"routing\",\"config\":{"
                       "\"provider_allow_list\":[\"google\"],\"on_violation\":\"hard_block\"}}"},
    {"config_content",
     "{\"name\":\"PII Protection\",\"policy_type\":\"content\",\"config\":{"
     "\"evaluate_output\":true,\"pii_detection\":{\"enabled\":true,"
     "\"types\":[\"ssn\",\"credit_card\",\"email\","
     "\"phone_us\"],\"action\":\"redact\",\"redaction_format\":\"[REDACTED]\"},"
     "\"on_violation\":\"soft_block\"}}"},
    {"enforcement", "{\"policy_name\":\"dev_team_restrictions\",\"environment\":\"development\","
                    "\"rules\":[{\"type\":\"model_access\",\"models\":[\"gpt-4o-mini\","
                    "\"claude-3-haiku\"]},{\"type\":\"content_filter\",\"patterns\":["
                    "\"password\",\"api_key\"],\"action\":\"block\"}]}"},
    {NULL, NULL},
};

/* lint: table */
static const struct manage_route routes[] = {
    {R(GET, "/openapi.json", "openapi", DOCUMENT, NATIVE, NULL, 0, 200, NULL, NULL,
       "This interface as OpenAPI 3.1")},
    {R(GET, "/llms.txt", "llms", DOCUMENT, NATIVE, NULL, 0, 200, NULL, NULL,
       "Index of the documentation for language models"),
     .items = "S2-70"},
    /* governance (S0) */
    {R(GET, "/governance", "list_governance_policies", POLICY_LIST, GOVERNANCE, NULL, READ, 200,
       NULL, "GovernancePolicyList", "List governance policies"),
     .items = "S0-45 S0-46"},
    {R(POST, "/governance", "create_governance_policy", POLICY_CREATE, GOVERNANCE, NULL, WRITE, 201,
       "GovernancePolicyCreate", "GovernancePolicy", "Create a governance policy"),
     .example = CREATE_EXAMPLE, .items = "S0-23 S0-24 S0-25"},
    {R(POST, "/governance/validate", "validate_governance_rules", POLICY_ASK, GOVERNANCE, NULL,
       READ, 200, "GovernanceValidate", "GovernanceValidation",
       "Which providers would these rules allow?"),
     .example = VALIDATE_EXAMPLE, .items = "S0-60 S0-61"},
    {R(GET, "/governance/templates", "list_governance_templates", TEMPLATE_LIST, GOVERNANCE, NULL,
       READ, 200, NULL, "GovernanceTemplateList", "The governance templates"),
     .items = "S0-28 S0-37"},
    {R(GET, "/governance/templates/{id}", "get_governance_template", TEMPLATE_GET, GOVERNANCE, NULL,
       READ, 200, NULL, "GovernanceTemplate", "One governance template")},
    {R(GET, "/governance/{id}", "get_governance_policy", POLICY_GET, GOVERNANCE, NULL, READ, 200,
       NULL, "GovernancePolicy", "Read a governance policy"),
     .items = "S0-50"},
    {R(PATCH, "/governance/{id}", "update_governance_policy", POLICY_PATCH, GOVERNANCE, NULL, WRITE,
       200, "GovernancePolicyPatch", "GovernancePolicy",
       "Change a governance policy; rules are merged deeply"),
     .example = "{\"rules\":{\"requireSoc2\":true}}", .items = "S0-47"},
    {R(DELETE, "/governance/{id}", "delete_governance_policy", POLICY_ARCHIVE, GOVERNANCE, NULL,
       WRITE, 204, NULL, NULL, "Delete a governance policy; the default one cannot be deleted"),
     .items = "S0-48 S0-49"},
    /* provider compliance (S3) */
    {R(GET, "/v1/compliance/policy", "get_compliance_policy", POLICY_GET, COMPLIANCE, NULL, READ,
       200, NULL, "CompliancePolicy", "The provider compliance policy"),
     .items = "S3-15 S3-27"},
    {R(PUT, "/v1/compliance/policy", "set_compliance_policy", POLICY_CREATE, COMPLIANCE, NULL,
       WRITE, 200, "CompliancePolicy", "CompliancePolicy",
       "Set the provider compliance policy"),
     .example = COMPLIANCE_EXAMPLE, .items = "S3-7 S3-20"},
    {R(GET, "/v1/compliance/preview", "preview_compliance", POLICY_ASK, COMPLIANCE, NULL, READ, 200,
       NULL, "CompliancePreview", "Which providers does the policy in force allow?"),
     .items = "S3-5 S3-16"},
    {R(POST, "/v1/compliance/preview", "preview_compliance_draft", POLICY_ASK, COMPLIANCE, NULL,
       READ, 200, "CompliancePolicy", "CompliancePreview",
       "Which providers would these toggles allow?"),
     .example = COMPLIANCE_EXAMPLE, .items = "S3-5"},
    {R(GET, "/v1/security-events", "list_security_events", ITEM_LIST, NATIVE, "security-events",
       AUDIT, 200, NULL, "SecurityEventList", "Blocks recorded as security events"),
     .items = "S3-6"},
    /* the rule list dialect (S1) */
    {R(GET, "/api/v1/policies", "list_rule_policies", POLICY_LIST, RULES, NULL, READ, 200, NULL,
       "RulePolicyList", "List policies as rule lists"),
     .items = "S1-9 S1-13"},
    {R(POST, "/api/v1/policies", "create_rule_policy", POLICY_CREATE, RULES, NULL, WRITE, 201,
       "RulePolicyCreate", "RulePolicyData", "Create a policy as a rule list"),
     .example = RULES_EXAMPLE,
     .items = "S1-6 S1-7 S1-15 S1-16 S1-18 S1-19 S1-20 S1-21"},
    {R(GET, "/api/v1/policies/{id}", "get_rule_policy", POLICY_GET, RULES, NULL, READ, 200, NULL,
       "RulePolicyData", "Read a policy as a rule list"),
     .items = "S1-8"},
    {R(PATCH, "/api/v1/policies/{id}", "update_rule_policy", POLICY_PATCH, RULES, NULL, WRITE, 200,
       "RulePolicyPatch", "RulePolicyData", "Change a policy; `rules` replaces the list"),
     .example = RULES_PATCH_EXAMPLE, .items = "S1-10"},
    {R(DELETE, "/api/v1/policies/{id}", "archive_rule_policy", POLICY_ARCHIVE, RULES, NULL, WRITE,
       204, NULL, NULL, "Archive a policy; its versions stay readable"),
     .items = "S1-30"},
    {R(POST, "/api/v1/policies/{id}/evaluate", "evaluate_rule_policy", POLICY_TRY, RULES, NULL,
       READ, 200, "RulePolicyTexts", "RulePolicyVerdict",
       "What would this policy alone do to a prompt, a response and a model?"),
     .example = "{\"prompt\":\"What is 2+2?\",\"response\":\"2+2 equals 4\"}",
     .items = "S1-4 S1-11 S1-12"},
    {R(GET, "/api/v1/policies/{id}/versions", "list_rule_versions", VERSION_LIST, RULES, NULL, READ,
       200, NULL, "RuleVersionList", "The versions of a policy: rules, changes, activation"),
     .items = "S1-24 S1-25 S1-26 S1-27"},
    {R(GET, "/api/v1/policies/{id}/versions/{version}", "get_rule_version", VERSION_GET, RULES,
       NULL, READ, 200, NULL, "RuleVersionData", "One version with its rules")},
    {R(POST, "/api/v1/policies/{id}/versions/{version}/activate", "activate_rule_version",
       VERSION_ROLLBACK, RULES, NULL, WRITE, 200, NULL, "RulePolicyData",
       "Make a new version with the content of this one"),
     .items = "S1-28 S1-29"},
    {R(POST, "/api/v1/policies/{id}/rollback", "rollback_rule_policy", VERSION_ROLLBACK, RULES,
       NULL, WRITE, 200, "Rollback", "RulePolicyData",
       "Make a new version with the content of an old one"),
     .example = "{\"version\":1}", .items = "S1-27 S1-29"},
    /* the config dialect's templates (S2) */
    {R(GET, "/v1/policies/templates", "list_policy_templates", TEMPLATE_LIST, TEMPLATE, NULL, READ,
       200, NULL, "PolicyTemplateList", "The templates of routing and content policies"),
     .items = "S2-7 S2-8 S2-9 S2-11 S2-21"},
    {R(GET, "/v1/policies/templates/{id}", "get_policy_template", TEMPLATE_GET, TEMPLATE, NULL,
       READ, 200, NULL, "PolicyTemplate", "One template"),
     .items = "S2-10"},
    {R(POST, "/v1/policies/from-template", "create_policy_from_template", POLICY_CREATE, TEMPLATE,
       NULL, WRITE, 201, "PolicyFromTemplate", "Policy",
       "Create a policy from a template; what else is given is said over it"),
     .example = "{\"slug\":\"pii-protection\"}", .items = "S2-59 S2-71"},
    /* policies in the shape they were written in: canonical, config (S2), enforcement (S4) */
    {R(GET, "/v1/policies", "list_policies", POLICY_LIST, OWN, NULL, READ, 200, NULL, "PolicyList",
       "List policies, each in the shape it was written in"),
     .items = "S2-71 S4-44"},
    {R(POST, "/v1/policies", "create_policy", POLICY_CREATE, OWN, NULL, WRITE, 201, "PolicyCreate",
       "Policy", "Create a policy: canonical, or with `config` (S2) or `policy_name` (S4)"),
     .example = NATIVE_EXAMPLE, .more_examples = policy_examples,
     .items = "S2-32 S2-42 S4-35 S4-36 S4-37 S4-44"},
    {R(GET, "/v1/policies/{id}", "get_policy", POLICY_GET, OWN, NULL, READ, 200, NULL, "Policy",
       "Read a policy in the shape it was written in, or the one that `view` names"),
     .items = "S2-71"},
    {R(PATCH, "/v1/policies/{id}", "update_policy", POLICY_PATCH, OWN, NULL, WRITE, 200,
       "PolicyPatch", "Policy",
       "Change members (RFC 7396) in the shape in which the policy is shown; `rules` is replaced"),
     .items = "S2-60 S2-61 S2-62"},
    {R(DELETE, "/v1/policies/{id}", "archive_policy", POLICY_ARCHIVE, OWN, NULL, WRITE, 204,
       NULL, NULL, "Archive a policy; its versions stay readable")},
    {R(GET, "/v1/policies/{id}/versions", "list_versions", VERSION_LIST, NATIVE, NULL, READ, 200,
       NULL, "VersionList", "The versions of a policy")},
    {R(GET, "/v1/policies/{id}/versions/{version}", "get_version", VERSION_GET, NATIVE, NULL, READ,
       200, NULL, "Version", "One version with its content")},
    {R(POST, "/v1/policies/{id}/versions/{version}/activate", "activate_version", VERSION_ROLLBACK,
       OWN, NULL, WRITE, 200, NULL, "Policy",
       "Make a new version with the content of this one")},
    {R(POST, "/v1/policies/{id}/rollback", "rollback_policy", VERSION_ROLLBACK, OWN, NULL, WRITE,
       200, "Rollback", "Policy", "Make a new version with the content of an old one"),
     .example = "{\"version\":1}"},
    {R(POST, "/v1/evaluate", "evaluate", EVALUATE, NATIVE, NULL, READ, 200, "Evaluate",
       "Evaluation", "The whole decision for a request; nothing is sent"),
     .example = "{\"model\":\"deepseek/deepseek-v3.2\",\"governance_policy\":1}"},
    /* organisation */
    {R(GET, "/v1/orgs", "list_orgs", ITEM_LIST, NATIVE, "orgs", READ, 200, NULL,
       "OrganizationList", "The organisation of this key")},
    {R(GET, "/v1/orgs/{id}", "get_org", ITEM_GET, NATIVE, "orgs", READ, 200, NULL, "Organization",
       "Read the organisation's settings")},
    {R(PATCH, "/v1/orgs/{id}", "update_org", ITEM_PATCH, NATIVE, "orgs", OWNER, 200,
       "OrganizationPatch", "Organization", "Change the organisation's settings")},
    COLLECTION("/v1/teams", "teams", "Team", "teams", READ, WRITE),
    COLLECTION("/v1/environments", "environments", "Environment", "environments", READ, WRITE),
    COLLECTION("/v1/projects", "projects", "Project", "projects", READ, WRITE),
    COLLECTION("/v1/users", "users", "User", "users", AUDIT, WRITE),
    COLLECTION("/v1/provider-endpoints", "provider_endpoints", "ProviderEndpoint",
               "provider-endpoints", AUDIT, WRITE),
    COLLECTION("/v1/attestations", "attestations", "Attestation", "attestations", READ, WRITE),
    {R(GET, "/v1/keys", "list_keys", ITEM_LIST, NATIVE, "keys", AUDIT, 200, NULL, "KeyList",
       "List API keys; secrets are never shown")},
    {R(POST, "/v1/keys", "create_key", KEY_CREATE, NATIVE, "keys", WRITE, 201, "KeyCreate",
       "KeyShown", "Create an API key; the answer shows it once"),
     .example = "{\"name\":\"ci\",\"environment\":\"development\",\"scopes\":[\"call\"]}"},
    {R(GET, "/v1/keys/{id}", "get_key", ITEM_GET, NATIVE, "keys", AUDIT, 200, NULL, "Key",
       "Read an API key's settings")},
    {R(PATCH, "/v1/keys/{id}", "update_key", ITEM_PATCH, NATIVE, "keys", WRITE, 200,
       "KeyPatch", "Key", "Change an API key's settings")},
    {R(POST, "/v1/keys/{id}/rotate", "rotate_key", KEY_ROTATE, NATIVE, "keys", WRITE, 200,
       "KeyRotate", "KeyShown", "New secret; the old one stays good for grace_s seconds"),
     .example = "{\"grace_s\":3600}"},
    {R(DELETE, "/v1/keys/{id}", "revoke_key", KEY_REVOKE, NATIVE, "keys", WRITE, 204, NULL,
       NULL, "Revoke an API key at once")},
    {R(GET, "/v1/providers", "list_providers", PROVIDER_LIST, NATIVE, NULL, READ, 200, NULL,
       "ProviderList", "The catalogue with this organisation's posture"),
     .items = "S3-19"},
    {R(GET, "/v1/audit", "list_audit", AUDIT_LIST, NATIVE, NULL, AUDIT, 200, NULL, "AuditList",
       "Decisions, newest first"),
     .items = "S4-38 S4-41 S4-44"},
    {R(GET, "/v1/nodes", "list_nodes", ITEM_LIST, NATIVE, "nodes", AUDIT, 200, NULL,
       "NodeList", "Gateways and the epoch each enforces")},
};

const struct manage_route *manage_routes(size_t *ret_count)
{
    *ret_count = sizeof(routes) / sizeof(routes[0]);
    return routes;
}

static bool match(const char *pattern, struct str path, struct manage_captures *ret);

/* ERR_OK: *ret. ERR_UNSUPPORTED: the path exists, not with this method. */
enum err manage_route_find(enum wire_method method, struct str path,
                           const struct manage_route **ret, struct manage_captures *ret_captures)
{
    enum err e = ERR_NOT_FOUND;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        struct manage_captures captures = {{STR_NONE, STR_NONE}, 0};
        if (!match(routes[i].pattern, path, &captures)) {
            continue;
        }
        if (routes[i].method == method) {
            *ret = &routes[i];
            *ret_captures = captures;
            return ERR_OK;
        }
        e = ERR_UNSUPPORTED;
    }
    return e;
}

bool manage_path_is_known(struct str path)
{
    const struct manage_route *route;
    struct manage_captures captures;
    return manage_route_find(WIRE_OPTIONS, path, &route, &captures) != ERR_NOT_FOUND;
}

static bool match(const char *pattern, struct str path, struct manage_captures *ret)
{
    struct str rest = str_from(pattern);
    while (rest.len != 0 && path.len != 0) {
        if (rest.ptr[0] == '{') {
            ptrdiff_t close = str_find(rest, '}');
            struct str after = path;
            struct str segment = str_cut(&after, '/');
            if (segment.len == 0 || ret->count == 2) {
                return false;
            }
            ret->values[ret->count++] = segment;
            path = str_sub(path, segment.len, path.len);
            rest = str_sub(rest, (size_t)close + 1, rest.len);
        } else if (rest.ptr[0] == path.ptr[0]) {
            path = str_sub(path, 1, path.len);
            rest = str_sub(rest, 1, rest.len);
        } else {
            return false;
        }
    }
    return rest.len == 0 && path.len == 0;
}
