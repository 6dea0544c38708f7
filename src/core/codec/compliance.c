/* SPDX-License-Identifier: Apache-2.0
 *
 * The provider compliance dialect (S3): one policy per organisation, always on,
 * locked, fail-closed. The settings document is a set of toggles; the preview
 * says which providers it would allow and which not, and why. Pure.
 */
#include "codec_private.h"

static const struct {
    const char *name;
    enum route_attribute attribute;
} toggles[] = {
    {"requireSoc2", ROUTE_SOC2},
    {"requireIso27001", ROUTE_ISO27001},
    {"requireSoc2OrIso27001", ROUTE_SOC2_OR_ISO27001},
    {"requireGdpr", ROUTE_GDPR},
    {"requireNoTraining", ROUTE_NO_TRAINING},
    {"requireNoLogging", ROUTE_NO_LOGGING},
};
#define TOGGLES (sizeof(toggles) / sizeof(toggles[0]))

static bool has(const struct policy *p, enum route_attribute a);

enum err codec_compliance_parse(struct arena *a, yyjson_val *body,
                                const struct route_catalog *catalog, struct policy *ret,
                                struct issue *ret_issue)
{
    struct codec_reader r = {a, catalog, ret_issue, NULL};
    bool is_enabled = true, accepts_type1 = false;
    bool values[TOGGLES] = {false};
    struct codec_member members[TOGGLES + 2];
    for (size_t i = 0; i < TOGGLES; i++) {
        members[i] = (struct codec_member){
            .name = toggles[i].name, .kind = CODEC_BOOL, .ret = &values[i]};
    }
    members[TOGGLES] =
        (struct codec_member){.name = "enabled", .kind = CODEC_BOOL, .ret = &is_enabled};
    members[TOGGLES + 1] =
        (struct codec_member){.name = "acceptType1", .kind = CODEC_BOOL, .ret = &accepts_type1};
    TRY(codec_object_read(&r, body, STR(""), members, TOGGLES + 2));
    struct policy_rule *rule = ARENA_NEW(a, struct policy_rule);
    if (rule == NULL) {
        return ERR_MEMORY;
    }
    *rule = (struct policy_rule){.key = STR("requirements"),
                                 .type = POLICY_PROVIDER_REQUIREMENT,
                                 .effect = POLICY_BLOCK,
                                 .severity = POLICY_SECURITY_EVENT,
                                 .stage = POLICY_SELECT,
                                 .is_enabled = true,
                                 .source_word = STR("block")};
    for (size_t i = 0; i < TOGGLES; i++) {
        enum route_attribute wanted = toggles[i].attribute;
        if (wanted == ROUTE_SOC2 && accepts_type1) {
            wanted = ROUTE_SOC2_ANY; /* C-10 */
        }
        rule->require |= values[i] ? 1u << wanted : 0;
    }
    *ret = (struct policy){.name = STR("Provider compliance"),
                           .origin = POLICY_COMPLIANCE,
                           .level = POLICY_ORG,
                           .status = is_enabled ? POLICY_ACTIVE : POLICY_INACTIVE,
                           .priority = 0,
                           .is_locked = true,
                           .rules = rule,
                           .rules_count = 1,
                           .version = 1,
                           .policy_type = STR("compliance")};
    return ERR_OK;
}

static bool has(const struct policy *p, enum route_attribute a)
{
    return p->rules_count != 0 && (p->rules[0].require >> a & 1) != 0;
}

void codec_compliance_write(struct buf *out, const struct policy *p)
{
    buf_printf(out, "{\"enabled\":%s", p->status == POLICY_ACTIVE ? "true" : "false");
    for (size_t i = 0; i < TOGGLES; i++) {
        bool value = has(p, toggles[i].attribute) ||
                     (toggles[i].attribute == ROUTE_SOC2 && has(p, ROUTE_SOC2_ANY));
        buf_printf(out, ",\"%s\":%s", toggles[i].name, value ? "true" : "false");
    }
    buf_printf(out, ",\"acceptType1\":%s,\"version\":%u", has(p, ROUTE_SOC2_ANY) ? "true" : "false",
               (unsigned)p->version);
    codec_time_write(out, "updatedAt", p->updated_at_ms);
    buf_add_byte(out, '}');
}

void codec_compliance_write_preview(struct buf *out, const struct route_catalog *catalog,
                                    const struct policy *p,
                                    const struct policy_provider_answer *answers)
{
    buf_printf(out, "{\"enabled\":%s,\"allowedProviders\":[",
               p->status == POLICY_ACTIVE ? "true" : "false");
    codec_write_allowed(out, catalog, answers);
    buf_add(out, STR("],\"blockedProviders\":["));
    codec_write_blocked(out, catalog, answers);
    buf_add(out, STR("]}"));
}

void codec_write_allowed(struct buf *out, const struct route_catalog *catalog,
                         const struct policy_provider_answer *answers)
{
    bool is_first = true;
    for (unsigned i = 0; i < route_catalog_providers_count(catalog); i++) {
        if (answers[i].is_allowed) {
            buf_add(out, is_first ? STR("") : STR(","));
            json_write_str(out, route_catalog_provider(catalog, i)->slug);
            is_first = false;
        }
    }
}

/* [{"slug","reason","reasons":[...]}], catalogue order (S0-61, S0-62, S0-64). */
void codec_write_blocked(struct buf *out, const struct route_catalog *catalog,
                         const struct policy_provider_answer *answers)
{
    size_t count = route_catalog_providers_count(catalog);
    bool is_first = true;
    for (unsigned i = 0; i < count; i++) {
        if (answers[i].is_allowed) {
            continue;
        }
        buf_add(out, is_first ? STR("{\"slug\":") : STR(",{\"slug\":"));
        json_write_str(out, route_catalog_provider(catalog, i)->slug);
        buf_add(out, STR(",\"reason\":"));
        json_write_str(out, answers[i].reason);
        buf_add(out, STR(",\"reasons\":["));
        for (size_t k = 0; k < answers[i].reasons_count; k++) {
            buf_add(out, k == 0 ? STR("") : STR(","));
            json_write_str(out, answers[i].reasons[k]);
        }
        buf_add(out, STR("]}"));
        is_first = false;
    }
}
