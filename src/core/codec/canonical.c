/* SPDX-License-Identifier: Apache-2.0
 *
 * The canonical policy as JSON: the form stored in the database and spoken by the
 * native routes. Writing is byte-stable (fixed member order, absent optionals
 * left out), so a content hash of a version means something. Pure.
 */
#include "codec_private.h"

#define IDENTITY_BYTES_MAX 64

/* Members only the store may set; a client's body must not carry them. */
struct store_members {
    struct str id, org_id, created_by;
    int64_t version;
    struct str created_at, updated_at;
};

static enum err read_policy(struct codec_reader *r, yyjson_val *body, bool is_stored,
                            struct policy *ret);
static enum err take_store_members(struct codec_reader *r, const struct store_members *s,
                                   struct policy *ret);
static bool is_identity(struct str id);
static enum err read_scope(struct codec_reader *r, yyjson_val *v, struct policy *ret);
static enum err check_slot(struct codec_reader *r, const struct policy *p);
static void write_scope(struct buf *out, const struct policy *p);

enum err codec_canonical_parse(struct arena *a, struct str body,
                               const struct route_catalog *catalog, struct policy *ret,
                               struct issue *ret_issue)
{
    struct codec_reader r = {a, catalog, ret_issue, NULL};
    struct json_doc doc;
    TRY(json_parse(a, body, &json_limits_default, &doc, ret_issue));
    return read_policy(&r, doc.root, true, ret);
}

enum err codec_native_parse(struct codec_reader *r, yyjson_val *body, struct policy *ret)
{
    return read_policy(r, body, false, ret);
}

/* Members merge, rules are replaced as a whole (C-5). What the store set stays. */
enum err codec_native_patch(struct codec_reader *r, const struct policy *stored,
                            yyjson_val *patch, struct policy *ret)
{
    static const char *const fixed[] = {"id", "org_id", "version", "origin", "created_at",
                                        "updated_at", "created_by"};
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        if (json_get(patch, str_from(fixed[i])) != NULL) {
            issue_set(r->issue, codec_pointer(r, STR(""), str_from(fixed[i])).ptr,
                      "this member cannot be changed");
            return ERR_INVALID;
        }
    }
    struct buf text;
    yyjson_val *merged;
    buf_init(&text, CODEC_PATCH_BYTES_MAX);
    codec_canonical_write(&text, stored);
    enum err e = codec_merge(r, &text, patch, &merged);
    buf_fini(&text);
    TRY(e);
    return read_policy(r, merged, true, ret);
}

static enum err read_policy(struct codec_reader *r, yyjson_val *body, bool is_stored,
                            struct policy *ret)
{
    memset(ret, 0, sizeof(*ret));
    struct store_members s = {.version = 1};
    static const char *const modes[] = {"enforce", "shadow", NULL};
    static const char *const selections[] = {"always", "slot", NULL};
    static const char *const types[] = {"routing", "content", "compliance", "mixed", NULL};
    const char *origins[POLICY_NATIVE + 2] = {NULL}, *statuses[POLICY_ARCHIVED + 2] = {NULL};
    for (int i = 0; i <= POLICY_NATIVE; i++) {
        origins[i] = policy_origin_name((enum policy_origin)i);
    }
    for (int i = 0; i <= POLICY_ARCHIVED; i++) {
        statuses[i] = policy_status_name((enum policy_status)i);
    }
    int origin = POLICY_NATIVE, status = POLICY_ACTIVE, mode = 0, selection = 0, type = -1;
    int64_t priority = 100, slot = 0;
    bool is_slot_null = false, is_null = false;
    yyjson_val *scope = NULL, *match = NULL, *rules = NULL;
    const struct codec_member members[] = {
        {.name = "name", .kind = CODEC_STR, .ret = &ret->name, .is_required = true, .min = 1},
        {.name = "description", .kind = CODEC_STR, .ret = &ret->description,
         .ret_is_set = &ret->has_description, .ret_is_null = &is_null,
         .max = CODEC_TEXT_BYTES_MAX},
        {.name = "origin", .kind = CODEC_WORD, .ret = &origin, .words = origins},
        {.name = "scope", .kind = CODEC_VAL, .ret = &scope, .is_required = true},
        {.name = "match", .kind = CODEC_VAL, .ret = &match},
        {.name = "status", .kind = CODEC_WORD, .ret = &status, .words = statuses},
        {.name = "mode", .kind = CODEC_WORD, .ret = &mode, .words = modes},
        {.name = "priority", .kind = CODEC_INT, .ret = &priority, .min = 0, .max = 1000000},
        {.name = "selection", .kind = CODEC_WORD, .ret = &selection, .words = selections},
        {.name = "slot", .kind = CODEC_INT, .ret = &slot, .min = 1, .max = 12,
         .ret_is_null = &is_slot_null},
        {.name = "is_default", .kind = CODEC_BOOL, .ret = &ret->is_default},
        {.name = "locked", .kind = CODEC_BOOL, .ret = &ret->is_locked},
        {.name = "overrides", .kind = CODEC_LIST, .ret = &ret->overrides},
        {.name = "policy_type", .kind = CODEC_WORD, .ret = &type, .words = types},
        {.name = "template", .kind = CODEC_STR, .ret = &ret->template_slug,
         .ret_is_null = &is_null},
        {.name = "rules", .kind = CODEC_VAL, .ret = &rules, .is_required = true},
        {.name = "id", .kind = CODEC_STR, .ret = &s.id, .is_required = is_stored, .min = 3},
        {.name = "org_id", .kind = CODEC_STR, .ret = &s.org_id, .is_required = is_stored},
        {.name = "version", .kind = CODEC_INT, .ret = &s.version, .min = 1, .max = UINT32_MAX},
        {.name = "created_at", .kind = CODEC_STR, .ret = &s.created_at},
        {.name = "updated_at", .kind = CODEC_STR, .ret = &s.updated_at},
        {.name = "created_by", .kind = CODEC_STR, .ret = &s.created_by},
    };
    size_t count = sizeof(members) / sizeof(members[0]);
    TRY(codec_object_read(r, body, STR(""), members, is_stored ? count : count - 6));
    ret->origin = (enum policy_origin)origin;
    ret->status = (enum policy_status)status;
    ret->is_shadow = mode == 1;
    ret->is_slot_selected = selection == 1;
    ret->priority = (int)priority;
    ret->slot = (int)slot;
    ret->policy_type = type >= 0 ? str_from(types[type]) : STR_NONE;
    TRY(take_store_members(r, &s, ret));
    TRY(read_scope(r, scope, ret));
    if (match != NULL) {
        TRY(codec_match_read(r, match, STR("/match"), &ret->match));
    }
    TRY(codec_rules_read(r, rules, STR("/rules"), ret));
    return check_slot(r, ret);
}

static enum err take_store_members(struct codec_reader *r, const struct store_members *s,
                                   struct policy *ret)
{
    struct str id = s->id;
    ptrdiff_t bar = str_find(id, '_');
    ret->id = bar >= 0 ? str_sub(id, (size_t)bar + 1, id.len) : id;
    if (id.ptr != NULL && !is_identity(ret->id)) {
        issue_set(r->issue, "/id",
                  "must be a prefix, '_' and letters or digits, such as pol_01JH89YEJ0");
        return ERR_INVALID;
    }
    ret->org_id = s->org_id;
    ret->created_by = s->created_by;
    ret->version = (uint32_t)s->version;
    const struct {
        struct str text;
        int64_t *ret;
        const char *pointer;
    } times[] = {{s->created_at, &ret->created_at_ms, "/created_at"},
                 {s->updated_at, &ret->updated_at_ms, "/updated_at"}};
    for (size_t i = 0; i < 2; i++) {
        if (times[i].text.ptr == NULL) {
            continue;
        }
        if (time_parse_rfc3339(times[i].text, times[i].ret) != ERR_OK || *times[i].ret < 0) {
            issue_set(r->issue, times[i].pointer, "must be a time such as 2025-01-10T14:30:00Z");
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

/* It is part of paths and written without escapes. */
static bool is_identity(struct str id)
{
    bool is_good = id.len != 0 && id.len <= IDENTITY_BYTES_MAX;
    for (size_t i = 0; i < id.len && is_good; i++) {
        char c = id.ptr[i];
        is_good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                  c == '-' || c == '_';
    }
    return is_good;
}

static enum err read_scope(struct codec_reader *r, yyjson_val *v, struct policy *ret)
{
    const char *levels[POLICY_KEY + 2] = {NULL};
    for (int i = 0; i <= POLICY_KEY; i++) {
        levels[i] = policy_level_name((enum policy_level)i);
    }
    int level = 0;
    const struct codec_member members[] = {
        {.name = "level", .kind = CODEC_WORD, .ret = &level, .is_required = true,
         .words = levels},
        {.name = "team", .kind = CODEC_STR, .ret = &ret->team, .min = 1},
        {.name = "environment", .kind = CODEC_STR, .ret = &ret->environment, .min = 1},
        {.name = "project", .kind = CODEC_STR, .ret = &ret->project, .min = 1},
        {.name = "user", .kind = CODEC_STR, .ret = &ret->user, .min = 1},
        {.name = "key", .kind = CODEC_STR, .ret = &ret->key, .min = 1},
        {.name = "role", .kind = CODEC_STR, .ret = &ret->role, .min = 1},
    };
    TRY(codec_object_read(r, v, STR("/scope"), members, 7));
    ret->level = (enum policy_level)level;
    const struct str *named[] = {NULL,          &ret->team, &ret->environment,
                                 &ret->project, &ret->user, &ret->key};
    if (level != POLICY_ORG && named[level]->len == 0) {
        issue_set(r->issue, "/scope", "a scope of level '%s' must name its %s", levels[level],
                  levels[level]);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err check_slot(struct codec_reader *r, const struct policy *p)
{
    if (!p->is_slot_selected && (p->slot != 0 || p->is_default)) {
        issue_set(r->issue, p->slot != 0 ? "/slot" : "/is_default",
                  "only a policy with \"selection\": \"slot\" can have a slot or be the default");
        return ERR_INVALID;
    }
    if (p->is_default && p->status != POLICY_ACTIVE) {
        issue_set(r->issue, "/status", "the default policy must be active");
        return ERR_INVALID;
    }
    return ERR_OK;
}

void codec_canonical_write(struct buf *out, const struct policy *p)
{
    buf_printf(out, "{\"id\":\"pol_%.*s\"", STR_ARG(p->id));
    codec_str_write(out, "org_id", p->org_id);
    codec_str_write(out, "name", p->name);
    if (p->has_description) {
        codec_str_write(out, "description", p->description);
    }
    codec_str_write(out, "origin", str_from(policy_origin_name(p->origin)));
    write_scope(out, p);
    (void)codec_match_write(out, ",\"match\":", &p->match);
    codec_str_write(out, "status", str_from(policy_status_name(p->status)));
    codec_str_write(out, "mode", p->is_shadow ? STR("shadow") : STR("enforce"));
    buf_printf(out, ",\"priority\":%d", p->priority);
    codec_str_write(out, "selection", p->is_slot_selected ? STR("slot") : STR("always"));
    if (p->slot != 0) {
        buf_printf(out, ",\"slot\":%d", p->slot);
    }
    if (p->is_default) {
        buf_add(out, STR(",\"is_default\":true"));
    }
    if (p->is_locked) {
        buf_add(out, STR(",\"locked\":true"));
    }
    codec_list_write(out, ",\"overrides\":", &p->overrides);
    codec_str_write(out, "policy_type", p->policy_type);
    codec_str_write(out, "template", p->template_slug);
    buf_add(out, STR(",\"rules\":["));
    for (size_t i = 0; i < p->rules_count; i++) {
        if (i != 0) {
            buf_add_byte(out, ',');
        }
        codec_rule_write(out, &p->rules[i]);
    }
    buf_printf(out, "],\"version\":%u", (unsigned)p->version);
    codec_time_write(out, "created_at", p->created_at_ms);
    codec_time_write(out, "updated_at", p->updated_at_ms);
    codec_str_write(out, "created_by", p->created_by);
    buf_add_byte(out, '}');
}

static void write_scope(struct buf *out, const struct policy *p)
{
    buf_printf(out, ",\"scope\":{\"level\":\"%s\"", policy_level_name(p->level));
    codec_str_write(out, "team", p->team);
    codec_str_write(out, "environment", p->environment);
    codec_str_write(out, "project", p->project);
    codec_str_write(out, "user", p->user);
    codec_str_write(out, "key", p->key);
    codec_str_write(out, "role", p->role);
    buf_add_byte(out, '}');
}
