/* SPDX-License-Identifier: Apache-2.0
 *
 * The governance dialect (S0): one selected policy per request, trust tiers,
 * provider requirements and lists. Parses create, patch and validate bodies into
 * the canonical form and renders back. A stored governance policy is exactly two
 * canonical rules: `requirements` and, when a list is given, `providers`. Pure.
 */
#include "codec_private.h"

struct rules_body { /* PolicyRules, S0-12..S0-21 */
    int tier, enforcement;
    bool has_tier, is_tier_null;
    bool china, zdr, baa, hipaa, soc2;
    struct policy_list allow, block;
    bool is_allow_null, is_block_null;
};

static const char *const tiers[] = {"sketchy", "trusted", "most_trusted", NULL};
static const char *const enforcements[] = {"hard_block", "soft_block", "warn", NULL};
enum { HARD_BLOCK, SOFT_BLOCK, WARN };

static enum err read_body(struct codec_reader *r, yyjson_val *body, struct policy *ret);
static enum err read_rules(struct codec_reader *r, yyjson_val *v, struct policy *ret);
static enum err make_rules(struct codec_reader *r, const struct rules_body *b, struct policy *ret);
static void write_rules(struct buf *out, const struct policy *p);
static bool is_renderable(const struct policy *p);
static bool is_own_rule(const struct policy_rule *rule, enum policy_rule_type type,
                        const char *key);
static bool has_match(const struct policy_match *m);
static const struct policy_rule *rule_of(const struct policy *p, enum policy_rule_type type);
static void write_patchable(struct buf *out, const struct policy *p);

enum err codec_governance_parse(struct arena *a, yyjson_val *body,
                                const struct route_catalog *catalog, struct policy *ret,
                                struct issue *ret_issue)
{
    struct codec_reader r = {a, catalog, ret_issue, NULL};
    return read_body(&r, body, ret);
}

static enum err read_body(struct codec_reader *r, yyjson_val *body, struct policy *ret)
{
    memset(ret, 0, sizeof(*ret));
    bool is_active = true, is_null = false;
    int64_t slot = 0;
    yyjson_val *rules = NULL;
    const struct codec_member members[] = {
        {.name = "name", .kind = CODEC_STR, .ret = &ret->name, .is_required = true, .min = 1},
        {.name = "description",
         .kind = CODEC_STR,
         .ret = &ret->description,
         .ret_is_set = &ret->has_description,
         .ret_is_null = &is_null,
         .max = CODEC_TEXT_BYTES_MAX},
        {.name = "tagSlot",
         .kind = CODEC_INT,
         .ret = &slot,
         .min = 1,
         .max = 12,
         .ret_is_null = &is_null},
        {.name = "isDefault", .kind = CODEC_BOOL, .ret = &ret->is_default},
        {.name = "isActive", .kind = CODEC_BOOL, .ret = &is_active},
        {.name = "rules", .kind = CODEC_VAL, .ret = &rules, .is_required = true},
    };
    TRY(codec_object_read(r, body, STR(""), members, sizeof(members) / sizeof(members[0])));
    ret->origin = POLICY_GOVERNANCE;
    ret->level = POLICY_ORG;
    ret->status = is_active ? POLICY_ACTIVE : POLICY_INACTIVE;
    ret->priority = 100;
    ret->is_slot_selected = true;
    ret->slot = (int)slot;
    ret->policy_type = STR("compliance");
    ret->version = 1;
    if (ret->is_default && !is_active) {
        issue_set(r->issue, "/isActive", "the default policy must be active");
        return ERR_INVALID;
    }
    return read_rules(r, rules, ret);
}

static enum err read_rules(struct codec_reader *r, yyjson_val *v, struct policy *ret)
{
    struct rules_body b = {.china = true}; /* C-6: true when omitted */
    const struct codec_member members[] = {
        {.name = "minimumTrustTier",
         .kind = CODEC_WORD,
         .ret = &b.tier,
         .words = tiers,
         .ret_is_set = &b.has_tier,
         .ret_is_null = &b.is_tier_null},
        {.name = "blockChinaProviders", .kind = CODEC_BOOL, .ret = &b.china},
        {.name = "requireZdr", .kind = CODEC_BOOL, .ret = &b.zdr},
        {.name = "requireBaa", .kind = CODEC_BOOL, .ret = &b.baa},
        {.name = "requireHipaa", .kind = CODEC_BOOL, .ret = &b.hipaa},
        {.name = "requireSoc2", .kind = CODEC_BOOL, .ret = &b.soc2},
        {.name = "providerAllowlist",
         .kind = CODEC_LIST,
         .ret = &b.allow,
         .ret_is_null = &b.is_allow_null},
        {.name = "providerBlocklist",
         .kind = CODEC_LIST,
         .ret = &b.block,
         .ret_is_null = &b.is_block_null},
        {.name = "enforcement", .kind = CODEC_WORD, .ret = &b.enforcement, .words = enforcements},
    };
    TRY(codec_object_read(r, v, STR("/rules"), members, sizeof(members) / sizeof(members[0])));
    TRY(codec_check_providers(r, &b.allow, STR("/rules/providerAllowlist")));
    TRY(codec_check_providers(r, &b.block, STR("/rules/providerBlocklist")));
    return make_rules(r, &b, ret);
}

static enum err make_rules(struct codec_reader *r, const struct rules_body *b, struct policy *ret)
{
    struct policy_rule *rules = ARENA_ARRAY(r->arena, 2, struct policy_rule);
    struct str *china = ARENA_NEW(r->arena, struct str);
    if (rules == NULL || china == NULL) {
        return ERR_MEMORY;
    }
    *china = STR("CN");
    rules[0] = (struct policy_rule){
        .key = STR("requirements"),
        .type = POLICY_PROVIDER_REQUIREMENT,
        .effect = b->enforcement == WARN ? POLICY_WARN : POLICY_BLOCK,
        /* S0-52: a soft block fails the request as well, but alerts nobody (C-1). */
        .severity = b->enforcement == HARD_BLOCK ? POLICY_SECURITY_EVENT : POLICY_VIOLATION,
        .stage = POLICY_SELECT,
        .is_enabled = true,
        .source_word = str_from(enforcements[b->enforcement]),
        .require = (b->zdr ? 1u << ROUTE_ZDR : 0) | (b->baa ? 1u << ROUTE_BAA : 0) |
                   (b->hipaa ? 1u << ROUTE_HIPAA : 0) | (b->soc2 ? 1u << ROUTE_SOC2 : 0),
    };
    if (b->has_tier) {
        TRY(route_tier_parse(str_from(tiers[b->tier]), &rules[0].min_tier));
    }
    if (b->china) {
        rules[0].block_countries = (struct policy_list){china, 1, true};
    }
    rules[1] = rules[0];
    rules[1].key = STR("providers");
    rules[1].type = POLICY_PROVIDER_LIST;
    rules[1].min_tier = ROUTE_TIER_UNRATED;
    rules[1].require = 0;
    rules[1].block_countries = (struct policy_list){0};
    rules[1].allow = b->allow;
    rules[1].block = b->block;
    ret->rules = rules;
    ret->rules_count = b->allow.is_set || b->block.is_set ? 2 : 1;
    return ERR_OK;
}

enum err codec_governance_parse_rules(struct arena *a, yyjson_val *body,
                                      const struct route_catalog *catalog, struct policy *ret,
                                      struct issue *ret_issue)
{
    /* A provider that is not in the catalogue is a warning here (S0-65), not an error. */
    struct codec_reader r = {a, NULL, ret_issue, NULL};
    (void)catalog;
    yyjson_val *rules = NULL;
    const struct codec_member members[] = {
        {.name = "rules", .kind = CODEC_VAL, .ret = &rules, .is_required = true}};
    memset(ret, 0, sizeof(*ret));
    TRY(codec_object_read(&r, body, STR(""), members, 1));
    ret->name = STR("validate");
    ret->origin = POLICY_GOVERNANCE;
    ret->status = POLICY_ACTIVE;
    return read_rules(&r, rules, ret);
}

/* RFC 7396 over the documented shape; `id`, `orgId` and times are not members of
 * a patch. The merged document is then parsed like a new one. */
enum err codec_governance_patch(struct arena *a, const struct policy *stored, yyjson_val *patch,
                                const struct route_catalog *catalog, struct policy *ret,
                                struct issue *ret_issue)
{
    struct codec_reader r = {a, catalog, ret_issue, NULL};
    if (!is_renderable(stored)) {
        issue_set(ret_issue, "",
                  "this policy holds what this dialect cannot express, so changing it here would "
                  "lose rules; change it as /v1/policies/{id}");
        return ERR_CONFLICT;
    }
    yyjson_val *merged;
    struct buf text;
    buf_init(&text, CODEC_PATCH_BYTES_MAX);
    write_patchable(&text, stored);
    enum err e = codec_merge(&r, &text, patch, &merged);
    buf_fini(&text);
    TRY(e);
    struct policy shown;
    TRY(read_body(&r, merged, &shown));
    /* What this dialect does not show (priority, lock, shadow mode ...) stays. */
    *ret = *stored;
    ret->name = shown.name;
    ret->description = shown.description;
    ret->has_description = shown.has_description;
    ret->slot = shown.slot;
    ret->is_default = shown.is_default;
    ret->rules = shown.rules;
    ret->rules_count = shown.rules_count;
    if (shown.status != (stored->status == POLICY_ACTIVE ? POLICY_ACTIVE : POLICY_INACTIVE)) {
        ret->status = shown.status; /* a draft that is not touched stays a draft */
    }
    return ERR_OK;
}

static void write_patchable(struct buf *out, const struct policy *p)
{
    buf_add(out, STR("{\"name\":"));
    json_write_str(out, p->name);
    if (p->has_description) {
        codec_str_write(out, "description", p->description);
    }
    if (p->slot != 0) {
        buf_printf(out, ",\"tagSlot\":%d", p->slot);
    }
    buf_printf(out,
               ",\"isDefault\":%s,\"isActive\":%s,\"rules\":", p->is_default ? "true" : "false",
               p->status == POLICY_ACTIVE ? "true" : "false");
    write_rules(out, p);
    buf_add_byte(out, '}');
}

/* S0-25, S0-45: always the full bare object. */
void codec_governance_write(struct buf *out, const struct policy *p)
{
    buf_printf(out, "{\"id\":\"gpol_%.*s\"", STR_ARG(p->id));
    codec_str_write(out, "orgId", p->org_id);
    codec_str_write(out, "name", p->name);
    if (p->has_description) {
        codec_str_write(out, "description", p->description);
    }
    if (p->slot != 0) {
        buf_printf(out, ",\"tagSlot\":%d", p->slot);
    } else {
        buf_add(out, STR(",\"tagSlot\":null"));
    }
    buf_printf(out,
               ",\"isDefault\":%s,\"isActive\":%s,\"rules\":", p->is_default ? "true" : "false",
               p->status == POLICY_ACTIVE ? "true" : "false");
    write_rules(out, p);
    codec_time_write(out, "createdAt", p->created_at_ms);
    codec_time_write(out, "updatedAt", p->updated_at_ms);
    if (!is_renderable(p)) {
        codec_str_write(out, "dialect", str_from(policy_origin_name(p->origin)));
        buf_add(out, STR(",\"x_unrendered\":true"));
    }
    buf_add_byte(out, '}');
}

static const struct policy_rule *rule_of(const struct policy *p, enum policy_rule_type type)
{
    for (size_t i = 0; i < p->rules_count; i++) {
        if (p->rules[i].type == type) {
            return &p->rules[i];
        }
    }
    return NULL;
}

/* Would what make_rules makes of the rendered object be these very rules? (C-3) */
static bool is_renderable(const struct policy *p)
{
    bool is_shape = p->origin == POLICY_GOVERNANCE && p->level == POLICY_ORG &&
                    p->is_slot_selected && !has_match(&p->match) &&
                    (p->rules_count == 1 || p->rules_count == 2);
    if (!is_shape || !is_own_rule(&p->rules[0], POLICY_PROVIDER_REQUIREMENT, "requirements")) {
        return false;
    }
    const struct policy_rule *a = &p->rules[0], *b = &p->rules[p->rules_count - 1];
    const struct policy_list *countries = &a->block_countries;
    uint32_t known = 1u << ROUTE_ZDR | 1u << ROUTE_BAA | 1u << ROUTE_HIPAA | 1u << ROUTE_SOC2;
    bool is_china = countries->count == 1 && str_eq(countries->items[0], STR("CN"));
    return !a->allow_countries.is_set && (!countries->is_set || is_china) &&
           (a->require & ~known) == 0 &&
           (a == b || (is_own_rule(b, POLICY_PROVIDER_LIST, "providers") &&
                       (b->allow.is_set || b->block.is_set) &&
                       str_eq(a->source_word, b->source_word)));
}

static bool is_own_rule(const struct policy_rule *rule, enum policy_rule_type type,
                        const char *key)
{
    int word = HARD_BLOCK;
    while (enforcements[word] != NULL && !str_eq(rule->source_word, str_from(enforcements[word]))) {
        word++;
    }
    return enforcements[word] != NULL && rule->type == type && str_eq(rule->key, str_from(key)) &&
           rule->effect == (word == WARN ? POLICY_WARN : POLICY_BLOCK) &&
           rule->severity == (word == HARD_BLOCK ? POLICY_SECURITY_EVENT : POLICY_VIOLATION) &&
           rule->stage == POLICY_SELECT && rule->is_enabled && !has_match(&rule->when);
}

static bool has_match(const struct policy_match *m)
{
    return m->providers.is_set || m->models.is_set || m->endpoints.is_set || m->roles.is_set ||
           m->tags_count != 0 || m->metadata_count != 0;
}

/* S0-22: always the five booleans and the enforcement; absent optionals left out. */
static void write_rules(struct buf *out, const struct policy *p)
{
    static const struct policy_rule none = {.source_word = {"hard_block", 10}};
    const struct policy_rule *rule = rule_of(p, POLICY_PROVIDER_REQUIREMENT);
    const struct policy_rule *lists = rule_of(p, POLICY_PROVIDER_LIST);
    rule = rule != NULL ? rule : &none;
    lists = lists != NULL ? lists : &none;
    bool has_china = false;
    for (size_t i = 0; i < rule->block_countries.count; i++) {
        has_china = has_china || str_eq(rule->block_countries.items[i], STR("CN"));
    }
    buf_add_byte(out, '{');
    if (rule->min_tier != ROUTE_TIER_UNRATED) {
        buf_printf(out, "\"minimumTrustTier\":\"%s\",", route_tier_name(rule->min_tier));
    }
    const struct {
        const char *name;
        bool value;
    } flags[] = {{"blockChinaProviders", has_china},
                 {"requireZdr", (rule->require >> ROUTE_ZDR & 1) != 0},
                 {"requireBaa", (rule->require >> ROUTE_BAA & 1) != 0},
                 {"requireHipaa", (rule->require >> ROUTE_HIPAA & 1) != 0},
                 {"requireSoc2", (rule->require >> ROUTE_SOC2 & 1) != 0}};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        buf_printf(out, "\"%s\":%s,", flags[i].name, flags[i].value ? "true" : "false");
    }
    struct str word = rule->source_word;
    if (rule == &none && lists != &none) {
        word = lists->source_word;
    }
    buf_add(out, STR("\"enforcement\":"));
    json_write_str(out, p->origin == POLICY_GOVERNANCE ? word : STR("hard_block"));
    codec_list_write(out, ",\"providerAllowlist\":", &lists->allow);
    codec_list_write(out, ",\"providerBlocklist\":", &lists->block);
    buf_add_byte(out, '}');
}
