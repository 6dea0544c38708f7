/* SPDX-License-Identifier: Apache-2.0
 *
 * What the shapes of S1, S2 and S4 share. Whether a policy fits a shape is not
 * reasoned about but tried: it is written, read back and compared in canonical form,
 * so a shape can never show, or change, what it would lose (C-3). Pure.
 */
#include "codec_private.h"

static enum err write_patchable(const struct codec_shape *s, const struct policy *p,
                                struct buf *out);
static void keep_store_members(const struct policy *stored, struct policy *p);
static bool is_same(struct arena *a, const struct policy *p, const struct policy *again);
static void write_plain(struct arena *a, struct buf *out, const struct policy *p);

enum err codec_shape_parse(const struct codec_shape *s, struct codec_reader *r, yyjson_val *body,
                           struct policy *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->version = 1;
    return s->parse(r, body, ret);
}

enum err codec_shape_patch(const struct codec_shape *s, struct codec_reader *r,
                           const struct policy *stored, yyjson_val *patch, struct policy *ret)
{
    if (!codec_shape_fits(s, stored)) {
        issue_set(r->issue, "",
                  "this policy holds what this shape cannot express, so changing it here would "
                  "lose rules; change it as /v1/policies/{id}?view=native");
        return ERR_CONFLICT;
    }
    yyjson_val *merged = NULL;
    struct buf text;
    buf_init(&text, CODEC_PATCH_BYTES_MAX);
    enum err e = write_patchable(s, stored, &text);
    if (e == ERR_OK) {
        e = codec_merge(r, &text, patch, &merged);
    }
    buf_fini(&text);
    TRY(e);
    TRY(codec_shape_parse(s, r, merged, ret));
    keep_store_members(stored, ret);
    return ERR_OK;
}

static enum err write_patchable(const struct codec_shape *s, const struct policy *p,
                                struct buf *out)
{
    s->write_members(out, p);
    if (out->err == ERR_OK && out->len != 0) {
        out->ptr[0] = '{'; /* instead of the first comma */
    }
    buf_add_byte(out, '}');
    return out->err;
}

static void keep_store_members(const struct policy *stored, struct policy *p)
{
    p->id = stored->id;
    p->org_id = stored->org_id;
    p->origin = stored->origin;
    p->version = stored->version;
    p->created_by = stored->created_by;
    p->created_at_ms = stored->created_at_ms;
    p->updated_at_ms = stored->updated_at_ms;
    if (p->status != POLICY_ACTIVE && stored->status != POLICY_ACTIVE) {
        p->status = stored->status; /* the shapes say active or not: a draft stays a draft */
    }
}

bool codec_shape_fits(const struct codec_shape *s, const struct policy *p)
{
    struct arena a;
    struct buf text;
    struct json_doc doc;
    struct policy again;
    struct issue issue;
    struct codec_reader r = {&a, NULL, &issue, NULL};
    arena_init(&a, 4 * (size_t)CODEC_PATCH_BYTES_MAX);
    buf_init(&text, CODEC_PATCH_BYTES_MAX);
    bool is_fitting =
        write_patchable(s, p, &text) == ERR_OK &&
        json_parse(&a, buf_str(&text), &json_limits_default, &doc, &issue) == ERR_OK &&
        codec_shape_parse(s, &r, doc.root, &again) == ERR_OK;
    if (is_fitting) {
        keep_store_members(p, &again);
        is_fitting = is_same(&a, p, &again);
    }
    buf_fini(&text);
    arena_fini(&a);
    return is_fitting;
}

static bool is_same(struct arena *a, const struct policy *p, const struct policy *again)
{
    struct buf one, two;
    buf_init(&one, CODEC_PATCH_BYTES_MAX);
    buf_init(&two, CODEC_PATCH_BYTES_MAX);
    write_plain(a, &one, p);
    write_plain(a, &two, again);
    bool is_equal =
        one.err == ERR_OK && two.err == ERR_OK && str_eq(buf_str(&one), buf_str(&two));
    buf_fini(&one);
    buf_fini(&two);
    return is_equal;
}

/* The canonical form without the verbs of a dialect, which only repeat the effects. */
static void write_plain(struct arena *a, struct buf *out, const struct policy *p)
{
    struct policy plain = *p;
    struct policy_rule *rules = ARENA_ARRAY(a, p->rules_count, struct policy_rule);
    if (rules == NULL) {
        out->err = ERR_MEMORY;
        return;
    }
    for (size_t i = 0; i < p->rules_count; i++) {
        rules[i] = p->rules[i];
        rules[i].source_word = STR_NONE;
    }
    plain.rules = rules;
    codec_canonical_write(out, &plain);
}

void codec_shape_write(const struct codec_shape *s, struct buf *out, const struct policy *p)
{
    bool is_fitting = codec_shape_fits(s, p);
    buf_printf(out, "{\"id\":\"%s%.*s\"", s->id_prefix, STR_ARG(p->id));
    if (is_fitting) {
        s->write_members(out, p);
    } else {
        codec_str_write(out, s->name_member, p->name);
    }
    codec_str_write(out, "status", str_from(policy_status_name(p->status)));
    buf_printf(out, ",\"version\":%u", (unsigned)p->version);
    codec_time_write(out, s->is_camel_case ? "createdAt" : "created_at", p->created_at_ms);
    codec_time_write(out, s->is_camel_case ? "updatedAt" : "updated_at", p->updated_at_ms);
    if (!is_fitting) {
        codec_str_write(out, "dialect", str_from(policy_origin_name(p->origin)));
        buf_add(out, STR(",\"x_unrendered\":true"));
    }
    buf_add_byte(out, '}');
}

/* ---- content rules ------------------------------------------------------------- */

enum err codec_content_set(struct codec_reader *r, struct policy_rule *rule,
                           const struct content_rule *from)
{
    static const enum content_effect effects[POLICY_BLOCK + 1] = {
        [POLICY_INFO] = CONTENT_INFO,
        [POLICY_WARN] = CONTENT_WARN,
        [POLICY_MODIFY] = CONTENT_MODIFY,
        [POLICY_BLOCK] = CONTENT_BLOCK,
    };
    static const unsigned stages[POLICY_BOTH + 1] = {
        [POLICY_REQUEST] = CONTENT_REQUEST,
        [POLICY_RESPONSE] = CONTENT_RESPONSE,
        [POLICY_BOTH] = CONTENT_REQUEST | CONTENT_RESPONSE,
    };
    struct content_rule *content = ARENA_NEW(r->arena, struct content_rule);
    if (content == NULL) {
        return ERR_MEMORY;
    }
    *content = *from;
    content->effect = effects[rule->effect];
    content->stages = stages[rule->stage];
    ASSERT(policy_rule_type_kind(rule->type, &content->kind));
    rule->content = content;
    return ERR_OK;
}

struct content_list codec_content_list(const struct policy_list *list)
{
    return (struct content_list){list->items, list->count, list->is_set};
}

void codec_content_list_write(struct buf *out, const char *lead, const struct content_list *list)
{
    const struct policy_list same = {list->items, list->count, list->is_set};
    codec_list_write(out, lead, &same);
}

enum err codec_check_types(struct codec_reader *r, const struct policy_list *list,
                           struct str pointer)
{
    for (size_t i = 0; i < list->count; i++) {
        struct scan_types types = {{0}};
        struct issue issue;
        size_t service, type;
        bool is_known = scan_types_add(&types, list->items[i], &issue) == ERR_OK ||
                        recognise_find(r->services, list->items[i], &service, &type) ||
                        (r->catalog == NULL && recognise_type_is_name(list->items[i]));
        if (!is_known) {
            issue_set(r->issue, codec_pointer_at(r, pointer, i).ptr, "%s", issue.message);
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

enum err codec_check_topics(struct codec_reader *r, const struct policy_list *list,
                            struct str pointer)
{
    const char *names[SCAN_TOPICS_MAX + 1] = {NULL};
    for (size_t i = 0; i < SCAN_TOPICS_MAX && scan_topic_name(i) != NULL; i++) {
        names[i] = scan_topic_name(i);
    }
    for (size_t i = 0; i < list->count; i++) {
        size_t k = 0;
        while (names[k] != NULL && !str_eq(list->items[i], str_from(names[k]))) {
            k++;
        }
        if (names[k] == NULL) {
            const char *near = issue_did_you_mean(list->items[i], names);
            issue_set(r->issue, codec_pointer_at(r, pointer, i).ptr, "unknown topic%s%s%s",
                      near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                      near != NULL ? "'?" : "");
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

/* A list that a rule is made of; elsewhere an empty list may mean "no restriction". */
enum err codec_check_not_empty(struct codec_reader *r, const struct policy_list *list,
                               struct str pointer)
{
    if (list->count == 0) {
        issue_set(r->issue, pointer.ptr, "must not be empty: this rule would do nothing");
        return ERR_INVALID;
    }
    return ERR_OK;
}

enum err codec_not_enforced(struct codec_reader *r, struct str pointer, const char *what,
                            const char *name)
{
    issue_set(r->issue, pointer.ptr,
              "%s '%s' is not enforced by this version, so it cannot be stored; the rest can, "
              "without it",
              what, name);
    return ERR_UNSUPPORTED;
}

enum err codec_share_read(struct codec_reader *r, yyjson_val *v, struct str pointer,
                          unsigned *ret)
{
    double share = yyjson_is_num(v) ? yyjson_get_num(v) : -1;
    if (!(share >= 0.001 && share <= 1)) {
        issue_set(r->issue, pointer.ptr, "must be a number from 0.001 to 1");
        return ERR_INVALID;
    }
    *ret = (unsigned)(share * 1000 + 0.5);
    return ERR_OK;
}

void codec_share_write(struct buf *out, const char *name, unsigned thousandths)
{
    if (thousandths != 0) {
        unsigned digits = 3, value = thousandths % 1000;
        while (digits > 1 && value % 10 == 0) {
            value /= 10;
            digits--;
        }
        buf_printf(out, ",\"%s\":%u.%0*u", name, thousandths / 1000, (int)digits, value);
    }
}
