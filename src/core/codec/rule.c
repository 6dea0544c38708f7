/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules and matches of the canonical form. A rule type that this build does not
 * enforce is refused here, by name, so that nothing stored is ever shown active
 * without running. Pure; views into the parsed document or the reader's arena.
 */
#include "codec_private.h"

#define PAIRS_MAX 64

static enum err read_rule(struct codec_reader *r, yyjson_val *v, struct str pointer,
                          struct policy_rule *rule);
static enum err read_params(struct codec_reader *r, yyjson_val *v, struct str pointer,
                            struct policy_rule *rule);
static enum err read_requirement(struct codec_reader *r, yyjson_val *v, struct str pointer,
                                 struct policy_rule *rule);
static enum err read_pairs(struct codec_reader *r, yyjson_val *v, struct str pointer,
                           const struct policy_pair **ret, size_t *ret_count);
static void write_params(struct buf *out, const struct policy_rule *rule);
static void write_pairs(struct buf *out, const char *lead, const struct policy_pair *pairs,
                        size_t count);

enum err codec_rules_read(struct codec_reader *r, yyjson_val *array, struct str pointer,
                          struct policy *p)
{
    struct policy_rule *rules;
    size_t count;
    TRY(codec_rules_begin(r, array, pointer, &rules, &count));
    yyjson_arr_iter it = yyjson_arr_iter_with(array);
    for (size_t i = 0; i < count; i++) {
        TRY(read_rule(r, yyjson_arr_iter_next(&it), codec_pointer_at(r, pointer, i), &rules[i]));
    }
    TRY(codec_keys_check(r, rules, count, pointer));
    p->rules = rules;
    p->rules_count = count;
    return ERR_OK;
}

enum err codec_rules_begin(struct codec_reader *r, yyjson_val *array, struct str pointer,
                           struct policy_rule **ret, size_t *ret_count)
{
    size_t count = yyjson_arr_size(array);
    if (!yyjson_is_arr(array) || count > CODEC_RULES_MAX) {
        issue_set(r->issue, pointer.ptr, "must be an array of at most %d rules", CODEC_RULES_MAX);
        return ERR_INVALID;
    }
    *ret = ARENA_ARRAY(r->arena, count, struct policy_rule);
    *ret_count = count;
    return *ret != NULL ? ERR_OK : ERR_MEMORY;
}

enum err codec_keys_check(struct codec_reader *r, const struct policy_rule *rules, size_t count,
                          struct str pointer)
{
    struct map keys;
    TRY(map_init(&keys, r->arena, count));
    static char present;
    for (size_t i = 0; i < count; i++) {
        enum err e = map_put(&keys, r->arena, rules[i].key, &present);
        if (e == ERR_CONFLICT) {
            issue_set(r->issue, codec_pointer_at(r, pointer, i).ptr,
                      "two rules of one policy must not have the same key");
            return ERR_INVALID;
        }
        TRY(e);
    }
    return ERR_OK;
}

static enum err read_rule(struct codec_reader *r, yyjson_val *v, struct str pointer,
                          struct policy_rule *rule)
{
    const char *types[POLICY_RULE_TYPES_COUNT + 1] = {NULL};
    const char *effects[POLICY_BLOCK + 2] = {NULL};
    const char *severities[POLICY_SECURITY_EVENT + 2] = {NULL};
    const char *stages[POLICY_BOTH + 2] = {NULL};
    for (int i = 0; i < POLICY_RULE_TYPES_COUNT; i++) {
        types[i] = policy_rule_type_name((enum policy_rule_type)i);
    }
    for (int i = 0; i <= POLICY_BLOCK; i++) {
        effects[i] = policy_effect_name((enum policy_effect)i);
    }
    for (int i = 0; i <= POLICY_SECURITY_EVENT; i++) {
        severities[i] = policy_severity_name((enum policy_severity)i);
    }
    for (int i = 0; i <= POLICY_BOTH; i++) {
        stages[i] = policy_stage_name((enum policy_stage)i);
    }
    int type = 0, effect = POLICY_BLOCK, severity = POLICY_VIOLATION, stage = POLICY_SELECT;
    yyjson_val *params = NULL, *when = NULL;
    rule->is_enabled = true;
    const struct codec_member members[] = {
        {.name = "key", .kind = CODEC_STR, .ret = &rule->key, .is_required = true, .min = 1},
        {.name = "type", .kind = CODEC_WORD, .ret = &type, .is_required = true, .words = types},
        {.name = "effect", .kind = CODEC_WORD, .ret = &effect, .is_required = true,
         .words = effects},
        {.name = "severity", .kind = CODEC_WORD, .ret = &severity, .words = severities},
        {.name = "stage", .kind = CODEC_WORD, .ret = &stage, .is_required = true, .words = stages},
        {.name = "enabled", .kind = CODEC_BOOL, .ret = &rule->is_enabled},
        {.name = "when", .kind = CODEC_VAL, .ret = &when},
        {.name = "source_word", .kind = CODEC_STR, .ret = &rule->source_word},
        {.name = "params", .kind = CODEC_VAL, .ret = &params, .is_required = true},
    };
    TRY(codec_object_read(r, v, pointer, members, sizeof(members) / sizeof(members[0])));
    rule->type = (enum policy_rule_type)type;
    rule->effect = (enum policy_effect)effect;
    rule->severity = (enum policy_severity)severity;
    rule->stage = (enum policy_stage)stage;
    rule->params = params;
    if (!policy_rule_type_runs(rule->type)) {
        issue_set(r->issue, codec_pointer(r, pointer, STR("type")).ptr,
                  "rules of type '%s' are not enforced by this version, so they cannot be stored",
                  types[type]);
        return ERR_UNSUPPORTED;
    }
    if (when != NULL) {
        TRY(codec_match_read(r, when, codec_pointer(r, pointer, STR("when")), &rule->when));
    }
    return read_params(r, params, codec_pointer(r, pointer, STR("params")), rule);
}

static enum err read_params(struct codec_reader *r, yyjson_val *v, struct str pointer,
                            struct policy_rule *rule)
{
    enum content_kind kind;
    if (policy_rule_type_kind(rule->type, &kind)) {
        return codec_content_read(r, v, pointer, rule);
    }
    if (rule->type == POLICY_PROVIDER_REQUIREMENT) {
        return read_requirement(r, v, pointer, rule);
    }
    bool is_model = rule->type == POLICY_MODEL_LIST;
    const struct codec_member members[] = {
        {.name = "allow", .kind = CODEC_LIST, .ret = &rule->allow},
        {.name = "block", .kind = CODEC_LIST, .ret = &rule->block},
        {.name = "substitute", .kind = CODEC_STR, .ret = &rule->substitute, .min = 1},
    };
    TRY(codec_object_read(r, v, pointer, members, is_model ? 3 : 2));
    struct str allow = codec_pointer(r, pointer, STR("allow"));
    struct str block = codec_pointer(r, pointer, STR("block"));
    if (is_model) {
        TRY(codec_check_models(r, &rule->allow, allow));
        return codec_check_models(r, &rule->block, block);
    }
    TRY(codec_check_providers(r, &rule->allow, allow));
    return codec_check_providers(r, &rule->block, block);
}

static enum err read_requirement(struct codec_reader *r, yyjson_val *v, struct str pointer,
                                 struct policy_rule *rule)
{
    static const char *const tiers[] = {"sketchy", "trusted", "most_trusted", NULL};
    int tier = 0;
    bool has_tier = false;
    struct policy_list require = {0};
    const struct codec_member members[] = {
        {.name = "min_trust_tier", .kind = CODEC_WORD, .ret = &tier, .words = tiers,
         .ret_is_set = &has_tier},
        {.name = "block_countries", .kind = CODEC_LIST, .ret = &rule->block_countries},
        {.name = "allow_countries", .kind = CODEC_LIST, .ret = &rule->allow_countries},
        {.name = "require", .kind = CODEC_LIST, .ret = &require},
    };
    TRY(codec_object_read(r, v, pointer, members, 4));
    if (has_tier) {
        TRY(route_tier_parse(str_from(tiers[tier]), &rule->min_tier));
    }
    const struct policy_list *countries[] = {&rule->block_countries, &rule->allow_countries};
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < countries[i]->count; k++) {
            struct str c = countries[i]->items[k];
            if (c.len != 2 || c.ptr[0] < 'A' || c.ptr[0] > 'Z' || c.ptr[1] < 'A' ||
                c.ptr[1] > 'Z') {
                issue_set(r->issue, pointer.ptr,
                          "countries are two capital letters (ISO 3166-1 alpha-2)");
                return ERR_INVALID;
            }
        }
    }
    for (size_t i = 0; i < require.count; i++) {
        enum route_attribute a;
        if (route_attribute_parse(require.items[i], &a) != ERR_OK) {
            const char *names[ROUTE_ATTRIBUTES_COUNT + 1] = {NULL};
            for (int k = 0; k < ROUTE_ATTRIBUTES_COUNT; k++) {
                names[k] = route_attribute_name((enum route_attribute)k);
            }
            const char *near = issue_did_you_mean(require.items[i], names);
            struct str at = codec_pointer(r, pointer, STR("require"));
            issue_set(r->issue, codec_pointer_at(r, at, i).ptr,
                      "unknown provider attribute%s%s%s", near != NULL ? "; did you mean '" : "",
                      near != NULL ? near : "", near != NULL ? "'?" : "");
            return ERR_INVALID;
        }
        rule->require |= 1u << a;
    }
    return ERR_OK;
}

enum err codec_match_read(struct codec_reader *r, yyjson_val *object, struct str pointer,
                          struct policy_match *ret)
{
    yyjson_val *tags = NULL, *metadata = NULL;
    const struct codec_member members[] = {
        {.name = "providers", .kind = CODEC_LIST, .ret = &ret->providers},
        {.name = "models", .kind = CODEC_LIST, .ret = &ret->models},
        {.name = "endpoints", .kind = CODEC_LIST, .ret = &ret->endpoints},
        {.name = "roles", .kind = CODEC_LIST, .ret = &ret->roles},
        {.name = "tags", .kind = CODEC_VAL, .ret = &tags},
        {.name = "metadata", .kind = CODEC_VAL, .ret = &metadata},
    };
    TRY(codec_object_read(r, object, pointer, members, 6));
    TRY(codec_check_providers(r, &ret->providers, codec_pointer(r, pointer, STR("providers"))));
    TRY(codec_check_models(r, &ret->models, codec_pointer(r, pointer, STR("models"))));
    TRY(read_pairs(r, tags, codec_pointer(r, pointer, STR("tags")), &ret->tags, &ret->tags_count));
    return read_pairs(r, metadata, codec_pointer(r, pointer, STR("metadata")), &ret->metadata,
                      &ret->metadata_count);
}

static enum err read_pairs(struct codec_reader *r, yyjson_val *v, struct str pointer,
                           const struct policy_pair **ret, size_t *ret_count)
{
    if (v == NULL) {
        return ERR_OK;
    }
    size_t count = yyjson_obj_size(v);
    struct policy_pair *pairs = ARENA_ARRAY(r->arena, count, struct policy_pair);
    if (pairs == NULL) {
        return ERR_MEMORY;
    }
    if (!yyjson_is_obj(v) || count > PAIRS_MAX) {
        issue_set(r->issue, pointer.ptr, "must be an object of at most %d strings", PAIRS_MAX);
        return ERR_INVALID;
    }
    size_t i = 0;
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&it)) != NULL; i++) {
        yyjson_val *value = yyjson_obj_iter_get_val(key);
        if (!yyjson_is_str(value) || json_str(value).len > CODEC_NAME_BYTES_MAX ||
            json_str(key).len == 0 || json_str(key).len > CODEC_NAME_BYTES_MAX) {
            issue_set(r->issue, codec_pointer(r, pointer, json_str(key)).ptr,
                      "names and values must be strings of at most %d bytes",
                      CODEC_NAME_BYTES_MAX);
            return ERR_INVALID;
        }
        pairs[i] = (struct policy_pair){json_str(key), json_str(value)};
    }
    *ret = pairs;
    *ret_count = count;
    return ERR_OK;
}

void codec_rule_write(struct buf *out, const struct policy_rule *rule)
{
    buf_add(out, STR("{\"key\":"));
    json_write_str(out, rule->key);
    codec_str_write(out, "type", str_from(policy_rule_type_name(rule->type)));
    codec_str_write(out, "effect", str_from(policy_effect_name(rule->effect)));
    codec_str_write(out, "severity", str_from(policy_severity_name(rule->severity)));
    codec_str_write(out, "stage", str_from(policy_stage_name(rule->stage)));
    if (!rule->is_enabled) {
        buf_add(out, STR(",\"enabled\":false"));
    }
    (void)codec_match_write(out, ",\"when\":", &rule->when);
    codec_str_write(out, "source_word", rule->source_word);
    buf_add(out, STR(",\"params\":{"));
    write_params(out, rule);
    buf_add(out, STR("}}"));
}

static void write_params(struct buf *out, const struct policy_rule *rule)
{
    size_t from = out->len;
    if (rule->min_tier != ROUTE_TIER_UNRATED) {
        codec_str_write(out, "min_trust_tier", str_from(route_tier_name(rule->min_tier)));
    }
    codec_list_write(out, ",\"block_countries\":", &rule->block_countries);
    codec_list_write(out, ",\"allow_countries\":", &rule->allow_countries);
    if (rule->require != 0) {
        buf_add(out, STR(",\"require\":"));
        char lead = '[';
        for (int a = 0; a < ROUTE_ATTRIBUTES_COUNT; a++) {
            if ((rule->require >> a & 1) != 0) {
                buf_printf(out, "%c\"%s\"", lead, route_attribute_name((enum route_attribute)a));
                lead = ',';
            }
        }
        buf_add_byte(out, ']');
    }
    codec_list_write(out, ",\"allow\":", &rule->allow);
    codec_list_write(out, ",\"block\":", &rule->block);
    codec_str_write(out, "substitute", rule->substitute);
    if (rule->content != NULL) {
        codec_content_write(out, rule->content);
    }
    if (out->err == ERR_OK && out->len > from) {
        /* Every member brought its comma; the first needs none. */
        memmove(out->ptr + from, out->ptr + from + 1, out->len - from - 1);
        out->len--;
    }
}

bool codec_match_write(struct buf *out, const char *lead, const struct policy_match *m)
{
    bool is_any = m->providers.is_set || m->models.is_set || m->endpoints.is_set ||
                  m->roles.is_set || m->tags_count != 0 || m->metadata_count != 0;
    if (!is_any) {
        return false;
    }
    buf_add(out, str_from(lead));
    size_t from = out->len;
    codec_list_write(out, ",\"providers\":", &m->providers);
    codec_list_write(out, ",\"models\":", &m->models);
    codec_list_write(out, ",\"endpoints\":", &m->endpoints);
    codec_list_write(out, ",\"roles\":", &m->roles);
    write_pairs(out, ",\"tags\":", m->tags, m->tags_count);
    write_pairs(out, ",\"metadata\":", m->metadata, m->metadata_count);
    if (out->err == ERR_OK) {
        out->ptr[from] = '{';
    }
    buf_add_byte(out, '}');
    return true;
}

static void write_pairs(struct buf *out, const char *lead, const struct policy_pair *pairs,
                        size_t count)
{
    if (count == 0) {
        return;
    }
    buf_add(out, str_from(lead));
    for (size_t i = 0; i < count; i++) {
        buf_add_byte(out, i == 0 ? '{' : ',');
        json_write_str(out, pairs[i].name);
        buf_add_byte(out, ':');
        json_write_str(out, pairs[i].value);
    }
    buf_add_byte(out, '}');
}

void codec_list_write(struct buf *out, const char *lead, const struct policy_list *list)
{
    if (!list->is_set) {
        return;
    }
    buf_add(out, str_from(lead));
    buf_add_byte(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i != 0) {
            buf_add_byte(out, ',');
        }
        json_write_str(out, list->items[i]);
    }
    buf_add_byte(out, ']');
}

void codec_str_write(struct buf *out, const char *name, struct str text)
{
    if (text.ptr != NULL) {
        buf_printf(out, ",\"%s\":", name);
        json_write_str(out, text);
    }
}

void codec_time_write(struct buf *out, const char *name, int64_t unix_ms)
{
    if (unix_ms >= 1000) { /* shown in seconds; 0 = never */
        char text[32];
        codec_str_write(out, name, time_rfc3339(unix_ms / 1000, text));
    }
}
