/* SPDX-License-Identifier: Apache-2.0
 *
 * The rule list dialect (S1): a policy is a list of rules, each one canonical rule.
 * Personal data is masked, blocked or warned of in prompts and answers, injection
 * looked for in prompts, models restricted. What the document names and this version
 * does not enforce is refused by that name. Pure.
 */
#include "codec_private.h"

#include <stdio.h>

enum { BLOCK, MASK, WARN, REQUIRE_APPROVAL };
static const char *const actions[] = {"block", "mask", "warn", "require_approval", NULL};

enum { PII_DETECTION, INJECTION_DETECTION, MODEL_RESTRICTION, FACT_CHECK, TOKEN_LIMIT };
static const char *const types[] = {"pii_detection", "injection_detection", "model_restriction",
                                    "fact_check",    "token_limit",         NULL};

static enum err parse(struct codec_reader *r, yyjson_val *body, struct policy *ret);
static enum err read_rules(struct codec_reader *r, yyjson_val *array, struct policy *ret);
static enum err read_rule(struct codec_reader *r, yyjson_val *v, struct str pointer,
                          struct policy_rule *rule);
static enum err read_members(struct codec_reader *r, yyjson_val *v, struct str pointer, int type,
                             struct policy_rule *rule);
static enum err set_action(struct codec_reader *r, struct str pointer, int type, int action,
                           struct policy_rule *rule);
static enum err add_plain_ssn(struct codec_reader *r, struct policy_list *list);
static void write_members(struct buf *out, const struct policy *p);
static void write_rule(struct buf *out, const struct policy_rule *rule, size_t index);
static void write_entities(struct buf *out, const struct policy_rule *rule);
static const char *action_of(const struct policy_rule *rule);

const struct codec_shape codec_rules_shape = {.parse = parse,
                                              .write_members = write_members,
                                              .id_prefix = "policy_",
                                              .name_member = "name",
                                              .is_camel_case = true};

static enum err parse(struct codec_reader *r, yyjson_val *body, struct policy *ret)
{
    bool is_active = true, is_null = false;
    yyjson_val *rules = NULL;
    const struct codec_member members[] = {
        {.name = "name", .kind = CODEC_STR, .ret = &ret->name, .is_required = true, .min = 1},
        {.name = "description", .kind = CODEC_STR, .ret = &ret->description,
         .ret_is_set = &ret->has_description, .ret_is_null = &is_null,
         .max = CODEC_TEXT_BYTES_MAX},
        {.name = "rules", .kind = CODEC_VAL, .ret = &rules, .is_required = true},
        {.name = "active", .kind = CODEC_BOOL, .ret = &is_active},
    };
    TRY(codec_object_read(r, body, STR(""), members, sizeof(members) / sizeof(members[0])));
    ret->origin = POLICY_RULES;
    ret->level = POLICY_ORG;
    ret->status = is_active ? POLICY_ACTIVE : POLICY_INACTIVE;
    ret->priority = 100;
    return read_rules(r, rules, ret);
}

static enum err read_rules(struct codec_reader *r, yyjson_val *array, struct policy *ret)
{
    struct str pointer = STR("/rules");
    struct policy_rule *rules;
    size_t count;
    TRY(codec_rules_begin(r, array, pointer, &rules, &count));
    yyjson_arr_iter it = yyjson_arr_iter_with(array);
    for (size_t i = 0; i < count; i++) {
        TRY(read_rule(r, yyjson_arr_iter_next(&it), codec_pointer_at(r, pointer, i), &rules[i]));
        if (rules[i].key.len == 0) {
            rules[i].key = arena_printf(r->arena, "r%zu", i + 1);
        }
        if (rules[i].key.ptr == NULL) {
            return ERR_MEMORY;
        }
    }
    ret->rules = rules;
    ret->rules_count = count;
    return codec_keys_check(r, rules, count, pointer);
}

static enum err read_rule(struct codec_reader *r, yyjson_val *v, struct str pointer,
                          struct policy_rule *rule)
{
    int type = 0;
    const struct codec_member word = {.name = "type", .kind = CODEC_WORD, .ret = &type,
                                      .is_required = true, .words = types};
    /* Only the type at first: it says which members there may be. */
    TRY(codec_member_read(r, v, pointer, &word));
    if (type == FACT_CHECK || type == TOKEN_LIMIT) {
        return codec_not_enforced(r, codec_pointer(r, pointer, STR("type")), "the rule type",
                                  types[type]);
    }
    rule->is_enabled = true;
    return read_members(r, v, pointer, type, rule);
}

static enum err read_members(struct codec_reader *r, yyjson_val *v, struct str pointer, int type,
                             struct policy_rule *rule)
{
    struct content_rule content = {.method = SCAN_KEEP};
    struct policy_list list = {0};
    yyjson_val *threshold = NULL;
    int own = 0, action = 0;
    const struct codec_member own_members[] = {
        [PII_DETECTION] = {.name = "entities", .kind = CODEC_LIST, .ret = &list,
                           .is_required = true},
        [INJECTION_DETECTION] = {.name = "threshold", .kind = CODEC_VAL, .ret = &threshold},
        [MODEL_RESTRICTION] = {.name = "allowedModels", .kind = CODEC_LIST, .ret = &list,
                               .is_required = true},
    };
    const struct codec_member members[] = {
        {.name = "type", .kind = CODEC_WORD, .ret = &own, .words = types},
        {.name = "action", .kind = CODEC_WORD, .ret = &action, .is_required = true,
         .words = actions},
        own_members[type],
        {.name = "id", .kind = CODEC_STR, .ret = &rule->key, .min = 1},
    };
    TRY(codec_object_read(r, v, pointer, members, sizeof(members) / sizeof(members[0])));
    struct str at = codec_pointer(r, pointer, str_from(own_members[type].name));
    TRY(set_action(r, codec_pointer(r, pointer, STR("action")), type, action, rule));
    if (type == INJECTION_DETECTION) {
        rule->type = POLICY_INJECTION;
        rule->stage = POLICY_REQUEST;
        if (threshold != NULL) {
            TRY(codec_share_read(r, threshold, at, &content.threshold));
        }
        return codec_content_set(r, rule, &content);
    }
    TRY(codec_check_not_empty(r, &list, at));
    if (type == MODEL_RESTRICTION) {
        rule->type = POLICY_MODEL_LIST;
        rule->stage = POLICY_SELECT;
        rule->allow = list;
        return codec_check_models(r, &list, at);
    }
    TRY(codec_check_types(r, &list, at));
    TRY(add_plain_ssn(r, &list));
    rule->type = POLICY_PII;
    rule->stage = POLICY_BOTH; /* C-14 */
    content.types = codec_content_list(&list);
    content.method = rule->effect == POLICY_MODIFY ? SCAN_MASK : SCAN_KEEP;
    return codec_content_set(r, rule, &content);
}

static enum err set_action(struct codec_reader *r, struct str pointer, int type, int action,
                           struct policy_rule *rule)
{
    if (action == REQUIRE_APPROVAL) {
        return codec_not_enforced(r, pointer, "the action", actions[action]);
    }
    if (action == MASK && type != PII_DETECTION) { /* S1-20 */
        issue_set(r->issue, pointer.ptr, "'mask' is an action of rules of type 'pii_detection' "
                                         "only");
        return ERR_INVALID;
    }
    rule->effect = action == BLOCK ? POLICY_BLOCK : action == MASK ? POLICY_MODIFY : POLICY_WARN;
    rule->severity = action == BLOCK  ? POLICY_SECURITY_EVENT /* C-20 */
                     : action == MASK ? POLICY_LOG
                                      : POLICY_VIOLATION;
    rule->source_word = str_from(actions[action]);
    return ERR_OK;
}

/* C-13: this dialect's ssn is both forms; the canonical one is the dashed form. */
static enum err add_plain_ssn(struct codec_reader *r, struct policy_list *list)
{
    struct str *items = ARENA_ARRAY(r->arena, list->count + 1, struct str);
    size_t count = 0;
    bool has_plain = false;
    if (items == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < list->count; i++) {
        has_plain = has_plain || str_eq_nocase(list->items[i], STR("ssn_no_dash"));
    }
    for (size_t i = 0; i < list->count; i++) {
        items[count++] = list->items[i];
        if (str_eq_nocase(list->items[i], STR("ssn")) && !has_plain) {
            items[count++] = STR("ssn_no_dash");
            has_plain = true;
        }
    }
    *list = (struct policy_list){items, count, true};
    return ERR_OK;
}

static void write_members(struct buf *out, const struct policy *p)
{
    codec_str_write(out, "name", p->name);
    if (p->has_description) {
        codec_str_write(out, "description", p->description);
    }
    buf_add(out, STR(",\"rules\":["));
    for (size_t i = 0; i < p->rules_count; i++) {
        buf_add(out, i == 0 ? STR("") : STR(","));
        write_rule(out, &p->rules[i], i);
    }
    buf_printf(out, "],\"active\":%s", p->status == POLICY_ACTIVE ? "true" : "false");
}

/* Members in the order of the document's examples. */
static void write_rule(struct buf *out, const struct policy_rule *rule, size_t index)
{
    static const struct content_rule none = {0};
    const struct content_rule *content = rule->content != NULL ? rule->content : &none;
    char key[24];
    snprintf(key, sizeof(key), "r%zu", index + 1);
    buf_printf(out, "{\"type\":\"%s\"",
               rule->type == POLICY_PII          ? types[PII_DETECTION]
               : rule->type == POLICY_INJECTION  ? types[INJECTION_DETECTION]
               : rule->type == POLICY_MODEL_LIST ? types[MODEL_RESTRICTION]
                                                 : policy_rule_type_name(rule->type));
    if (rule->type == POLICY_MODEL_LIST) {
        codec_list_write(out, ",\"allowedModels\":", &rule->allow);
    }
    codec_str_write(out, "action", str_from(action_of(rule)));
    if (rule->type == POLICY_PII) {
        write_entities(out, rule);
    }
    if (rule->type == POLICY_INJECTION) {
        codec_share_write(out, "threshold", content->threshold);
    }
    if (!str_eq(rule->key, str_from(key))) {
        codec_str_write(out, "id", rule->key);
    }
    buf_add_byte(out, '}');
}

/* The second half of this dialect's ssn is not named again. */
static void write_entities(struct buf *out, const struct policy_rule *rule)
{
    if (rule->content == NULL) {
        return;
    }
    const struct content_list *list = &rule->content->types;
    buf_add(out, STR(",\"entities\":["));
    bool is_first = true;
    for (size_t i = 0; i < list->count; i++) {
        bool is_implied = i != 0 && str_eq(list->items[i], STR("ssn_no_dash")) &&
                          str_eq_nocase(list->items[i - 1], STR("ssn"));
        if (!is_implied) {
            buf_add(out, is_first ? STR("") : STR(","));
            json_write_str(out, list->items[i]);
            is_first = false;
        }
    }
    buf_add_byte(out, ']');
}

static const char *action_of(const struct policy_rule *rule)
{
    return rule->effect == POLICY_BLOCK    ? actions[BLOCK]
           : rule->effect == POLICY_MODIFY ? actions[MASK]
                                           : actions[WARN];
}
