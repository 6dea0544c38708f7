/* SPDX-License-Identifier: Apache-2.0
 *
 * The content policies of the config dialect (S2-33..S2-42): sections for personal
 * data, blocked terms, required terms and blocked topics, each with an action of its
 * own, under one overall verb. What the two mean together is one fixed table
 * (combine, product 1.1). Answers are looked at, prompts only on request (C-14). Pure.
 */
#include "codec_private.h"

enum { ACTION_WARN, ACTION_REDACT, ACTION_BLOCK };
static const char *const actions[] = {"warn", "redact", "block", NULL};
static const char *const actions_whole[] = {"warn", "block", NULL};

/* What is absent, or is a property of the whole text, has no place to redact. */
static const struct section {
    const char *name, *list;
    enum policy_rule_type type;
    bool is_redactable, has_format;
} sections[] = {
    {"pii_detection", "types", POLICY_PII, true, true},
    {"blocked_terms", "terms", POLICY_TERMS, true, false},
    {"required_terms", "terms", POLICY_REQUIRED_TERMS, false, false},
    {"blocked_topics", "topics", POLICY_TOPICS, false, false},
};
#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

struct content_config {
    yyjson_val *sections[SECTIONS];
    bool evaluates_output, evaluates_input;
    bool has_verb;
    int verb;
};

static enum err read_section(struct codec_reader *r, const struct content_config *c,
                             const struct section *s, yyjson_val *v, struct policy_rule *ret);
static enum err check_list(struct codec_reader *r, const struct section *s,
                           const struct policy_list *list, struct str pointer);
static enum policy_effect combine(const struct content_config *c, const struct section *s,
                                  int action);
static enum err set_words(struct codec_reader *r, const struct content_config *c, int action,
                          struct policy_rule *rule);
static void write_section(struct buf *out, const struct policy_rule *rule);
static const struct section *section_of(const struct policy_rule *rule);
static struct str verb_of(const struct policy_rule *rule);
static struct str action_of(const struct policy_rule *rule);

enum err codec_config_content_read(struct codec_reader *r, yyjson_val *config, struct policy *ret)
{
    struct content_config c = {.evaluates_output = true};
    struct codec_member members[SECTIONS + 3];
    size_t count = 0;
    for (size_t i = 0; i < SECTIONS; i++) {
        members[i] = (struct codec_member){
            .name = sections[i].name, .kind = CODEC_VAL, .ret = &c.sections[i]};
    }
    members[SECTIONS] = (struct codec_member){
        .name = "evaluate_output", .kind = CODEC_BOOL, .ret = &c.evaluates_output};
    members[SECTIONS + 1] = (struct codec_member){
        .name = "evaluate_input", .kind = CODEC_BOOL, .ret = &c.evaluates_input};
    members[SECTIONS + 2] = (struct codec_member){.name = "on_violation",
                                                  .kind = CODEC_WORD,
                                                  .ret = &c.verb,
                                                  .ret_is_set = &c.has_verb,
                                                  .words = codec_config_verbs};
    TRY(codec_object_read(r, config, STR("/config"), members, SECTIONS + 3));
    if (!c.evaluates_output && !c.evaluates_input) {
        issue_set(r->issue, "/config/evaluate_output",
                  "neither output nor input would be evaluated: this policy would do nothing");
        return ERR_INVALID;
    }
    struct policy_rule *rules = ARENA_ARRAY(r->arena, SECTIONS, struct policy_rule);
    if (rules == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < SECTIONS; i++) {
        if (c.sections[i] != NULL) {
            TRY(read_section(r, &c, &sections[i], c.sections[i], &rules[count]));
            count += rules[count].key.len != 0 ? 1 : 0;
        }
    }
    if (count == 0) {
        issue_set(r->issue, "/config",
                  "must hold at least one of pii_detection, blocked_terms, required_terms, "
                  "blocked_topics");
        return ERR_INVALID;
    }
    ret->rules = rules;
    ret->rules_count = count;
    return ERR_OK;
}

/* A section that is switched off is kept with its list; without one it says nothing and
 * leaves no rule. */
static enum err read_section(struct codec_reader *r, const struct content_config *c,
                             const struct section *s, yyjson_val *v, struct policy_rule *ret)
{
    struct str at = codec_pointer(r, STR("/config"), str_from(s->name));
    struct content_rule content = {.method = SCAN_KEEP};
    struct policy_list list = {0};
    bool is_enabled = true, has_action = false;
    int action = 0;
    const struct codec_member members[] = {
        {.name = "enabled", .kind = CODEC_BOOL, .ret = &is_enabled},
        {.name = s->list, .kind = CODEC_LIST, .ret = &list, .max = CODEC_TERM_BYTES_MAX},
        {.name = "action", .kind = CODEC_WORD, .ret = &action, .ret_is_set = &has_action,
         .words = s->is_redactable ? actions : actions_whole},
        {.name = "redaction_format", .kind = CODEC_STR, .ret = &content.format, .min = 1,
         .max = CONTENT_FORMAT_BYTES_MAX},
    };
    TRY(codec_object_read(r, v, at, members, s->has_format ? 4 : 3));
    action = !s->is_redactable && action == 1 ? ACTION_BLOCK : action;
    if (!is_enabled && list.count == 0) {
        *ret = (struct policy_rule){.key = STR_NONE};
        return ERR_OK;
    }
    if (!has_action) {
        issue_set(r->issue, codec_pointer(r, at, STR("action")).ptr,
                  "the member 'action' is required");
        return ERR_INVALID;
    }
    TRY(check_list(r, s, &list, codec_pointer(r, at, str_from(s->list))));
    *ret = (struct policy_rule){
        .key = str_from(s->name),
        .type = s->type,
        .stage = !c->evaluates_input    ? POLICY_RESPONSE
                 : c->evaluates_output ? POLICY_BOTH
                                       : POLICY_REQUEST,
        .is_enabled = is_enabled,
    };
    codec_config_effect_set(ret, combine(c, s, action));
    TRY(set_words(r, c, action, ret));
    content.method = ret->effect == POLICY_MODIFY ? SCAN_REDACT : SCAN_KEEP;
    *(s->type == POLICY_PII      ? &content.types
      : s->type == POLICY_TOPICS ? &content.topics
                                 : &content.patterns) = codec_content_list(&list);
    return codec_content_set(r, ret, &content);
}

static enum err check_list(struct codec_reader *r, const struct section *s,
                           const struct policy_list *list, struct str pointer)
{
    TRY(codec_check_not_empty(r, list, pointer));
    if (s->type == POLICY_PII) {
        return codec_check_types(r, list, pointer);
    }
    return s->type == POLICY_TOPICS ? codec_check_topics(r, list, pointer) : ERR_OK;
}

/* THE table of the two verbs. */
static enum policy_effect combine(const struct content_config *c, const struct section *s,
                                  int action)
{
    if (c->has_verb && c->verb == CODEC_INFO) {
        return POLICY_INFO; /* whatever the action */
    }
    if (c->has_verb && c->verb == CODEC_WARN) {
        return POLICY_WARN;
    }
    if (c->has_verb && c->verb == CODEC_HARD_BLOCK) {
        return POLICY_BLOCK;
    }
    if (action == ACTION_WARN) {
        return POLICY_WARN;
    }
    if (c->has_verb) { /* soft_block: modified and let through; what cannot be, is warned of */
        return s->is_redactable ? POLICY_MODIFY : POLICY_WARN;
    }
    return action == ACTION_REDACT ? POLICY_MODIFY : POLICY_BLOCK;
}

/* Both verbs are kept, "redact/soft_block", so that the policy is shown as written. */
static enum err set_words(struct codec_reader *r, const struct content_config *c, int action,
                          struct policy_rule *rule)
{
    rule->source_word = c->has_verb
                            ? arena_printf(r->arena, "%s/%s", actions[action],
                                           codec_config_verbs[c->verb])
                            : str_from(actions[action]);
    return rule->source_word.ptr != NULL ? ERR_OK : ERR_MEMORY;
}

void codec_config_content_write(struct buf *out, const struct policy *p)
{
    static const struct policy_rule none = {.stage = POLICY_RESPONSE};
    const struct policy_rule *first = p->rules_count != 0 ? &p->rules[0] : &none;
    buf_printf(out, "\"evaluate_output\":%s", first->stage != POLICY_REQUEST ? "true" : "false");
    if (first->stage != POLICY_RESPONSE) {
        buf_add(out, STR(",\"evaluate_input\":true"));
    }
    for (size_t i = 0; i < p->rules_count; i++) {
        write_section(out, &p->rules[i]);
    }
    codec_str_write(out, "on_violation", verb_of(first));
}

static void write_section(struct buf *out, const struct policy_rule *rule)
{
    static const struct content_rule none = {.method = SCAN_KEEP};
    const struct content_rule *content = rule->content != NULL ? rule->content : &none;
    const struct section *s = section_of(rule);
    if (s == NULL) {
        codec_str_write(out, policy_rule_type_name(rule->type), STR("")); /* does not fit */
        return;
    }
    buf_printf(out, ",\"%s\":{\"enabled\":%s,\"%s\":", s->name,
               rule->is_enabled ? "true" : "false", s->list);
    struct content_list list = s->type == POLICY_PII      ? content->types
                               : s->type == POLICY_TOPICS ? content->topics
                                                          : content->patterns;
    list.is_set = true;
    codec_content_list_write(out, "", &list);
    codec_str_write(out, "action", action_of(rule));
    codec_str_write(out, "redaction_format", content->format);
    buf_add_byte(out, '}');
}

static const struct section *section_of(const struct policy_rule *rule)
{
    for (size_t i = 0; i < SECTIONS; i++) {
        if (rule->type == sections[i].type) {
            return &sections[i];
        }
    }
    return NULL;
}

static struct str verb_of(const struct policy_rule *rule)
{
    struct str verb = rule->source_word;
    (void)str_cut(&verb, '/');
    for (size_t i = 0; codec_config_verbs[i] != NULL; i++) {
        if (str_eq(verb, str_from(codec_config_verbs[i]))) {
            return str_from(codec_config_verbs[i]);
        }
    }
    return rule->effect == POLICY_INFO ? str_from(codec_config_verbs[CODEC_INFO]) : STR_NONE;
}

static struct str action_of(const struct policy_rule *rule)
{
    struct str rest = rule->source_word;
    struct str word = str_cut(&rest, '/');
    for (size_t i = 0; actions[i] != NULL; i++) {
        if (str_eq(word, str_from(actions[i]))) {
            return str_from(actions[i]);
        }
    }
    return str_from(rule->effect == POLICY_BLOCK    ? actions[ACTION_BLOCK]
                    : rule->effect == POLICY_MODIFY ? actions[ACTION_REDACT]
                                                    : actions[ACTION_WARN]);
}
