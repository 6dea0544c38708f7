/* SPDX-License-Identifier: Apache-2.0
 *
 * The enforcement dialect (S4): a named policy for an organisation, team or
 * environment, with rules that filter content, redact personal data, give access to
 * models and demand compliance frameworks. A content filter with patterns and topics
 * is two canonical rules, joined again on writing. Types and members that this
 * version does not enforce are refused by their documented name. Pure.
 */
#include "codec_private.h"

#include <stdio.h>

enum { CONTENT_FILTER, PII_REDACTION, MODEL_ACCESS, COMPLIANCE, LATER };
static const char *const types[] = {"content_filter",
                                    "pii_redaction",
                                    "model_access",
                                    "compliance",
                                    "rate_limit",
                                    "cost_budget",
                                    "approval_required",
                                    "provider_failover",
                                    NULL};
static const char *const stages[] = {"request", "response", "both", NULL};

/* The five documented actions; redact is what the type table calls modify. */
enum { BLOCK, MODIFY, REDACT, ALLOW, THROTTLE };
static const char *const actions[] = {"block",    "modify",   "redact", "allow",
                                      "throttle", "escalate", NULL};
enum { MODE_MASK, MODE_BLOCK, MODE_REDACT };
static const char *const modes[] = {"mask", "block", "redact", NULL};

/* "14 data types" (S4-12, S4-46): what a redaction rule without a list means. */
static const struct str fourteen[] = {
    STR_INIT("ssn"),           STR_INIT("ssn_no_dash"),     STR_INIT("credit_card"),
    STR_INIT("email"),         STR_INIT("phone_us"),        STR_INIT("phone"),
    STR_INIT("ip_address"),    STR_INIT("date_of_birth"),   STR_INIT("passport"),
    STR_INIT("iban"),          STR_INIT("drivers_license"), STR_INIT("bank_account"),
    STR_INIT("tax_id"),        STR_INIT("api_key"),
};

static const struct {
    const char *name, *plain; /* plain: in small letters, without blanks and dashes */
    enum route_attribute attribute;
} frameworks[] = {
    {"soc2", "soc2", ROUTE_SOC2},
    {"gdpr", "gdpr", ROUTE_GDPR},
    {"hipaa", "hipaa", ROUTE_HIPAA},
    {"pci", "pci", ROUTE_PCI},
    {"pci", "pcidss", ROUTE_PCI},
    {"iso27001", "iso27001", ROUTE_ISO27001},
};
#define FRAMEWORKS (sizeof(frameworks) / sizeof(frameworks[0]))

struct rule_list {
    struct policy_rule *items;
    size_t count;
    unsigned seen[LATER]; /* how many of each type there were: for the keys */
};

static enum err parse(struct codec_reader *r, yyjson_val *body, struct policy *ret);
static enum err read_rules(struct codec_reader *r, yyjson_val *array, struct policy *ret);
static enum err read_rule(struct codec_reader *r, yyjson_val *v, struct str pointer,
                          struct rule_list *list);
static enum err read_filter(struct codec_reader *r, yyjson_val *v, struct str pointer,
                            struct rule_list *list);
static enum err set_action(struct codec_reader *r, struct str pointer, int action,
                           struct policy_rule *rule);
static enum err add_filter(struct codec_reader *r, const struct policy_rule *base,
                           const struct policy_list *patterns, const struct policy_list *topics,
                           struct rule_list *list);
static enum err read_redaction(struct codec_reader *r, yyjson_val *v, struct str pointer,
                               struct rule_list *list);
static enum err read_access(struct codec_reader *r, yyjson_val *v, struct str pointer,
                            struct rule_list *list);
static enum err read_compliance(struct codec_reader *r, yyjson_val *v, struct str pointer,
                                struct rule_list *list);
static enum err read_frameworks(struct codec_reader *r, const struct policy_list *names,
                                struct str pointer, struct policy_rule *rule);
static enum err set_key(struct codec_reader *r, struct rule_list *list, int type,
                        struct str given, struct policy_rule *rule);
static void set_effect(struct policy_rule *rule, enum policy_effect effect, const char *word);
static void write_members(struct buf *out, const struct policy *p);
static size_t write_rule(struct buf *out, const struct policy_rule *rules, size_t count,
                         unsigned *seen);
static size_t write_filter(struct buf *out, const struct policy_rule *rules, size_t count);
static bool is_joined(const struct policy_rule *patterns, const struct policy_rule *topics);
static void write_redaction(struct buf *out, const struct policy_rule *rule);
static void write_compliance(struct buf *out, const struct policy_rule *rule);
static void write_stage(struct buf *out, const struct policy_rule *rule);

const struct codec_shape codec_enforcement_shape = {.parse = parse,
                                                    .write_members = write_members,
                                                    .id_prefix = "pol_",
                                                    .name_member = "policy_name"};

static enum err parse(struct codec_reader *r, yyjson_val *body, struct policy *ret)
{
    bool is_active = true, is_null = false;
    int64_t priority = 100;
    yyjson_val *rules = NULL;
    const struct codec_member members[] = {
        {.name = "policy_name", .kind = CODEC_STR, .ret = &ret->name, .is_required = true,
         .min = 1},
        {.name = "description", .kind = CODEC_STR, .ret = &ret->description,
         .ret_is_set = &ret->has_description, .ret_is_null = &is_null,
         .max = CODEC_TEXT_BYTES_MAX},
        {.name = "environment", .kind = CODEC_STR, .ret = &ret->environment, .min = 1,
         .ret_is_null = &is_null},
        {.name = "team", .kind = CODEC_STR, .ret = &ret->team, .min = 1,
         .ret_is_null = &is_null},
        {.name = "role", .kind = CODEC_STR, .ret = &ret->role, .min = 1,
         .ret_is_null = &is_null},
        {.name = "rules", .kind = CODEC_VAL, .ret = &rules, .is_required = true},
        {.name = "priority", .kind = CODEC_INT, .ret = &priority, .min = 0, .max = 1000000},
        {.name = "active", .kind = CODEC_BOOL, .ret = &is_active},
        {.name = "locked", .kind = CODEC_BOOL, .ret = &ret->is_locked},
        {.name = "overrides", .kind = CODEC_LIST, .ret = &ret->overrides},
    };
    TRY(codec_object_read(r, body, STR(""), members, sizeof(members) / sizeof(members[0])));
    ret->origin = POLICY_ENFORCEMENT;
    ret->level = ret->environment.len != 0 ? POLICY_ENVIRONMENT /* of the team, if both */
                 : ret->team.len != 0      ? POLICY_TEAM
                                           : POLICY_ORG;
    ret->status = is_active ? POLICY_ACTIVE : POLICY_INACTIVE;
    ret->priority = (int)priority;
    return read_rules(r, rules, ret);
}

static enum err read_rules(struct codec_reader *r, yyjson_val *array, struct policy *ret)
{
    struct str pointer = STR("/rules");
    size_t count = yyjson_arr_size(array);
    if (!yyjson_is_arr(array) || count > CODEC_RULES_MAX / 2) {
        issue_set(r->issue, pointer.ptr, "must be an array of at most %d rules",
                  CODEC_RULES_MAX / 2);
        return ERR_INVALID;
    }
    struct rule_list list = {.items = ARENA_ARRAY(r->arena, count * 2, struct policy_rule)};
    if (list.items == NULL) {
        return ERR_MEMORY;
    }
    yyjson_arr_iter it = yyjson_arr_iter_with(array);
    for (size_t i = 0; i < count; i++) {
        TRY(read_rule(r, yyjson_arr_iter_next(&it), codec_pointer_at(r, pointer, i), &list));
    }
    ret->rules = list.items;
    ret->rules_count = list.count;
    return codec_keys_check(r, list.items, list.count, pointer);
}

static enum err read_rule(struct codec_reader *r, yyjson_val *v, struct str pointer,
                          struct rule_list *list)
{
    int type = 0;
    const struct codec_member word = {.name = "type", .kind = CODEC_WORD, .ret = &type,
                                      .is_required = true, .words = types};
    TRY(codec_member_read(r, v, pointer, &word));
    switch (type) {
    case CONTENT_FILTER:
        return read_filter(r, v, pointer, list);
    case PII_REDACTION:
        return read_redaction(r, v, pointer, list);
    case MODEL_ACCESS:
        return read_access(r, v, pointer, list);
    case COMPLIANCE:
        return read_compliance(r, v, pointer, list);
    default:
        return codec_not_enforced(r, codec_pointer(r, pointer, STR("type")), "the rule type",
                                  types[type]);
    }
}

static enum err read_filter(struct codec_reader *r, yyjson_val *v, struct str pointer,
                            struct rule_list *list)
{
    struct policy_rule rule = {.is_enabled = true, .stage = POLICY_BOTH};
    struct policy_list patterns = {0}, topics = {0};
    struct str type, key = STR_NONE;
    int action = BLOCK, stage = 2;
    const struct codec_member members[] = {
        {.name = "type", .kind = CODEC_STR, .ret = &type},
        {.name = "patterns", .kind = CODEC_LIST, .ret = &patterns, .max = CODEC_TERM_BYTES_MAX},
        {.name = "topics", .kind = CODEC_LIST, .ret = &topics},
        {.name = "action", .kind = CODEC_WORD, .ret = &action, .words = actions},
        {.name = "stage", .kind = CODEC_WORD, .ret = &stage, .words = stages},
        {.name = "id", .kind = CODEC_STR, .ret = &key, .min = 1},
    };
    TRY(codec_object_read(r, v, pointer, members, sizeof(members) / sizeof(members[0])));
    TRY(set_action(r, codec_pointer(r, pointer, STR("action")), action, &rule));
    if (patterns.count + topics.count == 0) {
        issue_set(r->issue, pointer.ptr, "must name at least one pattern or topic");
        return ERR_INVALID;
    }
    TRY(codec_check_topics(r, &topics, codec_pointer(r, pointer, STR("topics"))));
    if (topics.count != 0 && rule.effect == POLICY_MODIFY) {
        issue_set(r->issue, codec_pointer(r, pointer, STR("action")).ptr,
                  "a topic is a property of the whole text, so nothing of it can be redacted; use "
                  "'block' or 'allow'");
        return ERR_INVALID;
    }
    rule.stage = stage == 0 ? POLICY_REQUEST : stage == 1 ? POLICY_RESPONSE : POLICY_BOTH;
    TRY(set_key(r, list, CONTENT_FILTER, key, &rule));
    return add_filter(r, &rule, &patterns, &topics, list);
}

static enum err set_action(struct codec_reader *r, struct str pointer, int action,
                           struct policy_rule *rule)
{
    if (action >= THROTTLE) {
        return codec_not_enforced(r, pointer, "the action", actions[action]);
    }
    set_effect(rule,
               action == BLOCK   ? POLICY_BLOCK
               : action == ALLOW ? POLICY_INFO
                                 : POLICY_MODIFY,
               actions[action]);
    return ERR_OK;
}

static enum err add_filter(struct codec_reader *r, const struct policy_rule *base,
                           const struct policy_list *patterns, const struct policy_list *topics,
                           struct rule_list *list)
{
    struct content_rule content = {
        .method = base->effect == POLICY_MODIFY ? SCAN_REDACT : SCAN_KEEP};
    struct policy_rule rule = *base;
    if (patterns->count != 0) {
        rule.type = POLICY_TERMS;
        content.patterns = codec_content_list(patterns);
        TRY(codec_content_set(r, &rule, &content));
        list->items[list->count++] = rule;
    }
    if (topics->count != 0) {
        rule = *base;
        rule.type = POLICY_TOPICS;
        content.patterns = (struct content_list){0};
        content.topics = codec_content_list(topics);
        if (patterns->count != 0) {
            rule.key = arena_printf(r->arena, "%.*s.topics", STR_ARG(base->key));
            if (rule.key.ptr == NULL) {
                return ERR_MEMORY;
            }
        }
        TRY(codec_content_set(r, &rule, &content));
        list->items[list->count++] = rule;
    }
    return ERR_OK;
}

static enum err read_redaction(struct codec_reader *r, yyjson_val *v, struct str pointer,
                               struct rule_list *list)
{
    struct policy_rule rule = {.is_enabled = true, .type = POLICY_PII};
    struct content_rule content = {.method = SCAN_KEEP};
    struct policy_list given = {fourteen, sizeof(fourteen) / sizeof(fourteen[0]), true};
    struct str type, key = STR_NONE;
    int mode = MODE_MASK, stage = 2;
    const struct codec_member members[] = {
        {.name = "type", .kind = CODEC_STR, .ret = &type},
        {.name = "types", .kind = CODEC_LIST, .ret = &given},
        {.name = "mode", .kind = CODEC_WORD, .ret = &mode, .words = modes},
        {.name = "stage", .kind = CODEC_WORD, .ret = &stage, .words = stages},
        {.name = "id", .kind = CODEC_STR, .ret = &key, .min = 1},
    };
    TRY(codec_object_read(r, v, pointer, members, sizeof(members) / sizeof(members[0])));
    struct str at = codec_pointer(r, pointer, STR("types"));
    TRY(codec_check_not_empty(r, &given, at));
    TRY(codec_check_types(r, &given, at));
    set_effect(&rule, mode == MODE_BLOCK ? POLICY_BLOCK : POLICY_MODIFY, modes[mode]);
    rule.stage = stage == 0 ? POLICY_REQUEST : stage == 1 ? POLICY_RESPONSE : POLICY_BOTH;
    content.method = mode == MODE_MASK     ? SCAN_MASK
                     : mode == MODE_REDACT ? SCAN_REDACT
                                           : SCAN_KEEP;
    content.types = codec_content_list(&given);
    TRY(set_key(r, list, PII_REDACTION, key, &rule));
    TRY(codec_content_set(r, &rule, &content));
    list->items[list->count++] = rule;
    return ERR_OK;
}

/* Without an action these models are the only ones (S4-36). */
static enum err read_access(struct codec_reader *r, yyjson_val *v, struct str pointer,
                            struct rule_list *list)
{
    static const char *const accesses[] = {"allow", "block", NULL};
    struct policy_rule rule = {
        .is_enabled = true, .type = POLICY_MODEL_LIST, .stage = POLICY_SELECT};
    struct policy_list models = {0};
    struct str type, key = STR_NONE;
    yyjson_val *cost = NULL;
    int access = 0;
    const struct codec_member members[] = {
        {.name = "type", .kind = CODEC_STR, .ret = &type},
        {.name = "models", .kind = CODEC_LIST, .ret = &models, .is_required = true},
        {.name = "action", .kind = CODEC_WORD, .ret = &access, .words = accesses},
        {.name = "max_cost_per_day", .kind = CODEC_VAL, .ret = &cost},
        {.name = "id", .kind = CODEC_STR, .ret = &key, .min = 1},
    };
    TRY(codec_object_read(r, v, pointer, members, sizeof(members) / sizeof(members[0])));
    if (cost != NULL) {
        return codec_not_enforced(r, codec_pointer(r, pointer, STR("max_cost_per_day")),
                                  "the option", "max_cost_per_day");
    }
    struct str at = codec_pointer(r, pointer, STR("models"));
    TRY(codec_check_not_empty(r, &models, at));
    TRY(codec_check_models(r, &models, at));
    set_effect(&rule, POLICY_BLOCK, "block");
    *(access == 0 ? &rule.allow : &rule.block) = models;
    TRY(set_key(r, list, MODEL_ACCESS, key, &rule));
    list->items[list->count++] = rule;
    return ERR_OK;
}

static enum err read_compliance(struct codec_reader *r, yyjson_val *v, struct str pointer,
                                struct rule_list *list)
{
    static const char *const words[] = {"enforce", "log", NULL};
    struct policy_rule rule = {
        .is_enabled = true, .type = POLICY_PROVIDER_REQUIREMENT, .stage = POLICY_SELECT};
    struct policy_list names = {0};
    struct str type, key = STR_NONE;
    int mode = 0;
    const struct codec_member members[] = {
        {.name = "type", .kind = CODEC_STR, .ret = &type},
        {.name = "frameworks", .kind = CODEC_LIST, .ret = &names, .is_required = true},
        {.name = "mode", .kind = CODEC_WORD, .ret = &mode, .words = words},
        {.name = "id", .kind = CODEC_STR, .ret = &key, .min = 1},
    };
    TRY(codec_object_read(r, v, pointer, members, sizeof(members) / sizeof(members[0])));
    struct str at = codec_pointer(r, pointer, STR("frameworks"));
    TRY(codec_check_not_empty(r, &names, at));
    TRY(read_frameworks(r, &names, at, &rule));
    set_effect(&rule, mode == 0 ? POLICY_BLOCK : POLICY_INFO, words[mode]);
    TRY(set_key(r, list, COMPLIANCE, key, &rule));
    list->items[list->count++] = rule;
    return ERR_OK;
}

/* "SOC 2", "soc2" and "SOC-2" are one. */
static enum err read_frameworks(struct codec_reader *r, const struct policy_list *names,
                                struct str pointer, struct policy_rule *rule)
{
    for (size_t i = 0; i < names->count; i++) {
        char plain[16];
        size_t len = 0, k = 0;
        for (size_t n = 0; n < names->items[i].len && len < sizeof(plain); n++) {
            char c = names->items[i].ptr[n];
            if (c != ' ' && c != '-' && c != '_') {
                plain[len++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
            }
        }
        while (k < FRAMEWORKS &&
               !str_eq((struct str){plain, len}, str_from(frameworks[k].plain))) {
            k++;
        }
        if (k == FRAMEWORKS) {
            issue_set(r->issue, codec_pointer_at(r, pointer, i).ptr,
                      "must be one of: soc2, gdpr, hipaa, pci, iso27001");
            return ERR_INVALID;
        }
        rule->require |= 1u << frameworks[k].attribute;
    }
    return ERR_OK;
}

/* content_filter, content_filter_2 ... unless the rule brings an id of its own. */
static enum err set_key(struct codec_reader *r, struct rule_list *list, int type,
                        struct str given, struct policy_rule *rule)
{
    unsigned number = ++list->seen[type];
    rule->key = given.len != 0 ? given
                : number == 1  ? str_from(types[type])
                               : arena_printf(r->arena, "%s_%u", types[type], number);
    return rule->key.ptr != NULL ? ERR_OK : ERR_MEMORY;
}

/* S4-16..S4-18: a block alerts, the rest is logged. */
static void set_effect(struct policy_rule *rule, enum policy_effect effect, const char *word)
{
    rule->effect = effect;
    rule->severity = effect == POLICY_BLOCK ? POLICY_ALERT : POLICY_LOG;
    rule->source_word = str_from(word);
}

static void write_members(struct buf *out, const struct policy *p)
{
    unsigned seen[LATER] = {0};
    codec_str_write(out, "policy_name", p->name);
    if (p->has_description) {
        codec_str_write(out, "description", p->description);
    }
    codec_str_write(out, "environment", p->environment);
    codec_str_write(out, "team", p->team);
    codec_str_write(out, "role", p->role);
    buf_add(out, STR(",\"rules\":["));
    for (size_t i = 0; i < p->rules_count;) {
        buf_add(out, i == 0 ? STR("") : STR(","));
        i += write_rule(out, &p->rules[i], p->rules_count - i, seen);
    }
    buf_add_byte(out, ']');
    if (p->priority != 100) {
        buf_printf(out, ",\"priority\":%d", p->priority);
    }
    buf_printf(out, ",\"active\":%s", p->status == POLICY_ACTIVE ? "true" : "false");
    if (p->is_locked) {
        buf_add(out, STR(",\"locked\":true"));
    }
    codec_list_write(out, ",\"overrides\":", &p->overrides);
}

/* How many canonical rules were written as one of this dialect. */
static size_t write_rule(struct buf *out, const struct policy_rule *rules, size_t count,
                         unsigned *seen)
{
    int type = rules->type == POLICY_TERMS || rules->type == POLICY_TOPICS ? CONTENT_FILTER
               : rules->type == POLICY_PII                                 ? PII_REDACTION
               : rules->type == POLICY_MODEL_LIST                          ? MODEL_ACCESS
               : rules->type == POLICY_PROVIDER_REQUIREMENT                ? COMPLIANCE
                                                                           : LATER;
    char key[40] = "";
    size_t used = 1;
    buf_add(out, STR("{\"type\":"));
    json_write_str(out, str_from(type == LATER ? policy_rule_type_name(rules->type)
                                               : types[type]));
    if (type == CONTENT_FILTER) {
        used = write_filter(out, rules, count);
    } else if (type == PII_REDACTION) {
        write_redaction(out, rules);
    } else if (type == MODEL_ACCESS) {
        codec_list_write(out, ",\"models\":", rules->allow.is_set ? &rules->allow : &rules->block);
        codec_str_write(out, "action", rules->allow.is_set ? STR_NONE : STR("block"));
    } else if (type == COMPLIANCE) {
        write_compliance(out, rules);
    }
    if (type != LATER && ++seen[type] > 1) {
        snprintf(key, sizeof(key), "%s_%u", types[type], seen[type]);
    }
    if (!str_eq(rules->key, str_from(key[0] != 0 || type == LATER ? key : types[type]))) {
        codec_str_write(out, "id", rules->key);
    }
    buf_add_byte(out, '}');
    return used;
}

static size_t write_filter(struct buf *out, const struct policy_rule *rules, size_t count)
{
    static const struct content_rule none = {.method = SCAN_KEEP};
    const struct content_rule *content = rules->content != NULL ? rules->content : &none;
    const char *action = actions[rules->effect == POLICY_BLOCK    ? BLOCK
                                 : rules->effect == POLICY_MODIFY ? MODIFY
                                                                  : ALLOW];
    size_t used = 1;
    if (rules->type == POLICY_TERMS) {
        codec_content_list_write(out, ",\"patterns\":", &content->patterns);
        if (count > 1 && is_joined(&rules[0], &rules[1])) {
            codec_content_list_write(out, ",\"topics\":", &rules[1].content->topics);
            used = 2;
        }
    } else {
        codec_content_list_write(out, ",\"topics\":", &content->topics);
    }
    if (str_eq(rules->source_word, str_from(actions[REDACT]))) {
        action = actions[REDACT];
    }
    codec_str_write(out, "action", str_from(action));
    write_stage(out, rules);
    return used;
}

static bool is_joined(const struct policy_rule *patterns, const struct policy_rule *topics)
{
    return topics->type == POLICY_TOPICS && topics->content != NULL &&
           str_starts(topics->key, patterns->key) &&
           str_eq(str_sub(topics->key, patterns->key.len, topics->key.len), STR(".topics")) &&
           topics->effect == patterns->effect && topics->stage == patterns->stage;
}

static void write_redaction(struct buf *out, const struct policy_rule *rule)
{
    if (rule->content != NULL) {
        codec_content_list_write(out, ",\"types\":", &rule->content->types);
        codec_str_write(out, "mode",
                        str_from(modes[rule->effect == POLICY_BLOCK             ? MODE_BLOCK
                                       : rule->content->method == SCAN_REDACT ? MODE_REDACT
                                                                              : MODE_MASK]));
    }
    write_stage(out, rule);
}

static void write_compliance(struct buf *out, const struct policy_rule *rule)
{
    buf_add(out, STR(",\"frameworks\":"));
    char lead = '[';
    for (size_t i = 0; i < FRAMEWORKS; i++) {
        bool is_alias = strcmp(frameworks[i].name, frameworks[i].plain) != 0;
        if (!is_alias && (rule->require >> frameworks[i].attribute & 1) != 0) {
            buf_printf(out, "%c\"%s\"", lead, frameworks[i].name);
            lead = ',';
        }
    }
    buf_add(out, lead == '[' ? STR("[]") : STR("]"));
    codec_str_write(out, "mode", rule->effect == POLICY_BLOCK ? STR("enforce") : STR("log"));
}

static void write_stage(struct buf *out, const struct policy_rule *rule)
{
    if (rule->stage != POLICY_BOTH) {
        codec_str_write(out, "stage", str_from(policy_stage_name(rule->stage)));
    }
}
