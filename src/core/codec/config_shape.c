/* SPDX-License-Identifier: Apache-2.0
 *
 * The config dialect (S2): a routing policy is up to four lists of models and
 * providers under one verb, a content policy is read in config_content.c. Each list
 * is a rule of its own under its documented name, so that a violation can say which
 * list failed (S2-56). What would need prices or latencies is refused by name. Pure.
 */
#include "codec_private.h"

static enum err parse(struct codec_reader *r, yyjson_val *body, struct policy *ret);
static enum err read_routing(struct codec_reader *r, yyjson_val *config, struct policy *ret);
static enum err check_enforced(struct codec_reader *r, yyjson_val *config);
static enum err make_rules(struct codec_reader *r, const struct policy_list *given, int verb,
                           struct policy *ret);
static struct str substitute_of(const struct policy_list *models);
static void write_members(struct buf *out, const struct policy *p);
static void write_routing(struct buf *out, const struct policy *p);

const struct codec_shape codec_config_shape = {
    .parse = parse, .write_members = write_members, .id_prefix = "pol_", .name_member = "name"};

const char *const codec_config_verbs[] = {"info", "warn", "soft_block", "hard_block", NULL};

enum { MODEL_ALLOW, MODEL_BLOCK, PROVIDER_ALLOW, PROVIDER_BLOCK, LISTS };
static const char *const lists[LISTS + 1] = {"model_allow_list", "model_block_list",
                                             "provider_allow_list", "provider_block_list", NULL};

static enum err parse(struct codec_reader *r, yyjson_val *body, struct policy *ret)
{
    static const char *const types[] = {"routing", "content", NULL};
    bool is_enabled = true, is_null = false;
    int type = 0;
    int64_t priority = 100;
    yyjson_val *config = NULL;
    const struct codec_member members[] = {
        {.name = "name", .kind = CODEC_STR, .ret = &ret->name, .is_required = true, .min = 1},
        {.name = "description", .kind = CODEC_STR, .ret = &ret->description,
         .ret_is_set = &ret->has_description, .ret_is_null = &is_null,
         .max = CODEC_TEXT_BYTES_MAX},
        {.name = "policy_type", .kind = CODEC_WORD, .ret = &type, .is_required = true,
         .words = types},
        {.name = "config", .kind = CODEC_VAL, .ret = &config, .is_required = true},
        {.name = "priority", .kind = CODEC_INT, .ret = &priority, .min = 0, .max = 1000000},
        {.name = "enabled", .kind = CODEC_BOOL, .ret = &is_enabled},
        {.name = "project", .kind = CODEC_STR, .ret = &ret->project, .min = 1,
         .ret_is_null = &is_null},
        {.name = "template", .kind = CODEC_STR, .ret = &ret->template_slug, .min = 1,
         .ret_is_null = &is_null},
    };
    TRY(codec_object_read(r, body, STR(""), members, sizeof(members) / sizeof(members[0])));
    ret->origin = POLICY_CONFIG;
    ret->level = ret->project.len != 0 ? POLICY_PROJECT : POLICY_ORG; /* S2-57 */
    ret->status = is_enabled ? POLICY_ACTIVE : POLICY_INACTIVE;
    ret->priority = (int)priority;
    ret->policy_type = str_from(types[type]);
    if (ret->template_slug.len != 0 && codec_config_template_find(ret->template_slug) == NULL) {
        issue_set(r->issue, "/template", "there is no template of this name");
        return ERR_INVALID;
    }
    return type == 0 ? read_routing(r, config, ret) : codec_config_content_read(r, config, ret);
}

static enum err read_routing(struct codec_reader *r, yyjson_val *config, struct policy *ret)
{
    struct policy_list given[LISTS] = {{0}};
    int verb = CODEC_HARD_BLOCK;
    yyjson_val *later = NULL;
    struct codec_member members[LISTS + 5] = {
        [LISTS] = {.name = "on_violation", .kind = CODEC_WORD, .ret = &verb,
                   .words = codec_config_verbs},
        {.name = "cost_ceiling_usd", .kind = CODEC_VAL, .ret = &later},
        {.name = "prefer_cheaper_models", .kind = CODEC_VAL, .ret = &later},
        {.name = "latency_target_ms", .kind = CODEC_VAL, .ret = &later},
        {.name = "prefer_faster_models", .kind = CODEC_VAL, .ret = &later},
    };
    for (size_t i = 0; i < LISTS; i++) {
        members[i] =
            (struct codec_member){.name = lists[i], .kind = CODEC_LIST, .ret = &given[i]};
    }
    TRY(codec_object_read(r, config, STR("/config"), members, LISTS + 5));
    TRY(check_enforced(r, config));
    if (verb == CODEC_SOFT_BLOCK && substitute_of(&given[MODEL_ALLOW]).len == 0) {
        return codec_not_enforced(r, STR("/config/on_violation"),
                                  "without a model in model_allow_list that can be used instead, "
                                  "the action",
                                  "soft_block");
    }
    for (size_t i = 0; i < LISTS; i++) {
        struct str at = codec_pointer(r, STR("/config"), str_from(lists[i]));
        if (!given[i].is_set) {
            continue;
        }
        TRY(codec_check_not_empty(r, &given[i], at));
        if (i == MODEL_ALLOW || i == MODEL_BLOCK) {
            TRY(codec_check_models(r, &given[i], at));
        } else {
            TRY(codec_check_providers(r, &given[i], at));
        }
    }
    return make_rules(r, given, verb, ret);
}

static enum err check_enforced(struct codec_reader *r, yyjson_val *config)
{
    static const char *const later[] = {"cost_ceiling_usd", "prefer_cheaper_models",
                                        "latency_target_ms", "prefer_faster_models"};
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        if (json_get(config, str_from(later[i])) != NULL) {
            return codec_not_enforced(r, codec_pointer(r, STR("/config"), str_from(later[i])),
                                      "the option", later[i]);
        }
    }
    return ERR_OK;
}

static enum err make_rules(struct codec_reader *r, const struct policy_list *given, int verb,
                           struct policy *ret)
{
    struct policy_rule *rules = ARENA_ARRAY(r->arena, LISTS, struct policy_rule);
    size_t count = 0;
    if (rules == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < LISTS; i++) {
        if (!given[i].is_set) {
            continue;
        }
        rules[count] = (struct policy_rule){
            .key = str_from(lists[i]),
            .type = i == MODEL_ALLOW || i == MODEL_BLOCK ? POLICY_MODEL_LIST
                                                         : POLICY_PROVIDER_LIST,
            .stage = POLICY_SELECT,
            .is_enabled = true,
            .source_word = str_from(codec_config_verbs[verb]),
        };
        codec_config_effect_set(&rules[count], verb == CODEC_HARD_BLOCK   ? POLICY_BLOCK
                                               : verb == CODEC_SOFT_BLOCK ? POLICY_MODIFY
                                               : verb == CODEC_WARN       ? POLICY_WARN
                                                                          : POLICY_INFO);
        if (verb == CODEC_SOFT_BLOCK && rules[count].type == POLICY_MODEL_LIST) {
            rules[count].substitute = substitute_of(&given[MODEL_ALLOW]);
        }
        if (i == MODEL_ALLOW || i == PROVIDER_ALLOW) {
            rules[count].allow = given[i];
        } else {
            rules[count].block = given[i];
        }
        count++;
    }
    if (count == 0) {
        issue_set(r->issue, "/config", "must hold at least one list of models or providers");
        return ERR_INVALID;
    }
    ret->rules = rules;
    ret->rules_count = count;
    return ERR_OK;
}

/* S2-52: the model that overrides the one asked for is the first that is allowed by name. */
static struct str substitute_of(const struct policy_list *models)
{
    for (size_t i = 0; i < models->count; i++) {
        if (!str_ends(models->items[i], STR("*"))) {
            return models->items[i];
        }
    }
    return STR_NONE;
}

void codec_config_effect_set(struct policy_rule *rule, enum policy_effect effect)
{
    rule->effect = effect;
    rule->severity = effect == POLICY_BLOCK  ? POLICY_SECURITY_EVENT /* C-20 */
                     : effect == POLICY_INFO ? POLICY_LOG
                                             : POLICY_VIOLATION;
}

static void write_members(struct buf *out, const struct policy *p)
{
    codec_str_write(out, "name", p->name);
    if (p->has_description) {
        codec_str_write(out, "description", p->description);
    }
    codec_str_write(out, "policy_type", p->policy_type);
    buf_add(out, STR(",\"config\":{"));
    if (str_eq(p->policy_type, STR("routing"))) {
        write_routing(out, p);
    } else {
        codec_config_content_write(out, p);
    }
    buf_printf(out, "},\"priority\":%d,\"enabled\":%s", p->priority,
               p->status == POLICY_ACTIVE ? "true" : "false");
    codec_str_write(out, "project", p->project);
    codec_str_write(out, "template", p->template_slug);
}

static void write_routing(struct buf *out, const struct policy *p)
{
    const char *verb = codec_config_verbs[CODEC_HARD_BLOCK];
    for (size_t i = 0; i < p->rules_count; i++) {
        const struct policy_rule *rule = &p->rules[i];
        struct policy_list list = rule->allow.is_set ? rule->allow : rule->block;
        list.is_set = true;
        json_write_str(out, rule->key);
        codec_list_write(out, ":", &list);
        buf_add_byte(out, ',');
        verb = rule->effect == POLICY_BLOCK    ? codec_config_verbs[CODEC_HARD_BLOCK]
               : rule->effect == POLICY_MODIFY ? codec_config_verbs[CODEC_SOFT_BLOCK]
               : rule->effect == POLICY_WARN   ? codec_config_verbs[CODEC_WARN]
                                               : codec_config_verbs[CODEC_INFO];
    }
    codec_str_write(out, "on_violation", str_from(verb));
    if (out->err == ERR_OK) { /* every list brought a comma */
        size_t len = strlen(",\"on_violation\":\"\"") + strlen(verb);
        memmove(out->ptr + out->len - len, out->ptr + out->len - len + 1, len - 1);
        out->len--;
    }
}
