/* SPDX-License-Identifier: Apache-2.0
 *
 * The strict object reader: one walk over a JSON object against a table of
 * members. A typo in a security policy must never be ignored, so an unknown
 * member, a wrong type, a value out of range, and a name the catalogue does not
 * know are each refused with a pointer, what is wrong, and what would be right.
 * Pure; everything it makes lives in the reader's arena.
 */
#include "codec_private.h"

#include <stdlib.h>

static const struct codec_member *find(const struct codec_member *members, size_t count,
                                       struct str name);
static enum err unknown(struct codec_reader *r, struct str pointer, struct str name,
                        const struct codec_member *members, size_t count);
static enum err read_str(struct codec_reader *r, yyjson_val *v, struct str pointer,
                         const struct codec_member *m);
static enum err read_int(struct codec_reader *r, yyjson_val *v, struct str pointer,
                         const struct codec_member *m);
static enum err read_word(struct codec_reader *r, yyjson_val *v, struct str pointer,
                          const struct codec_member *m);
static enum err read_list(struct codec_reader *r, yyjson_val *v, struct str pointer,
                          const struct codec_member *m);

enum err codec_object_read(struct codec_reader *r, yyjson_val *object, struct str pointer,
                           const struct codec_member *members, size_t count)
{
    if (!yyjson_is_obj(object)) {
        issue_set(r->issue, pointer.ptr, "must be an object");
        return ERR_INVALID;
    }
    uint64_t seen = 0;
    ASSERT(count <= 64);
    yyjson_obj_iter it = yyjson_obj_iter_with(object);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&it)) != NULL;) {
        struct str name = json_str(key);
        const struct codec_member *m = find(members, count, name);
        if (m == NULL) {
            return unknown(r, pointer, name, members, count);
        }
        seen |= (uint64_t)1 << (m - members);
        TRY(codec_value_read(r, yyjson_obj_iter_get_val(key), codec_pointer(r, pointer, name), m));
    }
    for (size_t i = 0; i < count; i++) {
        if (members[i].is_required && (seen >> i & 1) == 0) {
            issue_set(r->issue, codec_pointer(r, pointer, str_from(members[i].name)).ptr,
                      "the member '%s' is required", members[i].name);
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

enum err codec_member_read(struct codec_reader *r, yyjson_val *object, struct str pointer,
                           const struct codec_member *m)
{
    yyjson_val *v = json_get(object, str_from(m->name));
    struct str at = codec_pointer(r, pointer, str_from(m->name));
    if (!yyjson_is_obj(object)) {
        issue_set(r->issue, pointer.ptr, "must be an object");
        return ERR_INVALID;
    }
    if (v == NULL && m->is_required) {
        issue_set(r->issue, at.ptr, "the member '%s' is required", m->name);
        return ERR_INVALID;
    }
    return v != NULL ? codec_value_read(r, v, at, m) : ERR_OK;
}

static const struct codec_member *find(const struct codec_member *members, size_t count,
                                       struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(name, str_from(members[i].name))) {
            return &members[i];
        }
    }
    return NULL;
}

static enum err unknown(struct codec_reader *r, struct str pointer, struct str name,
                        const struct codec_member *members, size_t count)
{
    const char *names[65];
    for (size_t i = 0; i < count; i++) {
        names[i] = members[i].name;
    }
    names[count] = NULL;
    const char *near = issue_did_you_mean(name, names);
    struct str at = codec_pointer(r, pointer, name);
    if (near != NULL) {
        issue_set(r->issue, at.ptr, "unknown member; did you mean '%s'?", near);
    } else {
        issue_set(r->issue, at.ptr, "unknown member");
    }
    return ERR_INVALID;
}

enum err codec_value_read(struct codec_reader *r, yyjson_val *v, struct str pointer,
                          const struct codec_member *m)
{
    if (yyjson_is_null(v) && m->ret_is_null != NULL) {
        *m->ret_is_null = true;
        return ERR_OK;
    }
    if (m->ret_is_set != NULL) {
        *m->ret_is_set = true;
    }
    switch (m->kind) {
    case CODEC_STR:
        return read_str(r, v, pointer, m);
    case CODEC_BOOL:
        if (!yyjson_is_bool(v)) {
            issue_set(r->issue, pointer.ptr, "must be true or false");
            return ERR_INVALID;
        }
        *(bool *)m->ret = yyjson_get_bool(v);
        return ERR_OK;
    case CODEC_INT:
        return read_int(r, v, pointer, m);
    case CODEC_WORD:
        return read_word(r, v, pointer, m);
    case CODEC_LIST:
        return read_list(r, v, pointer, m);
    case CODEC_VAL:
        *(yyjson_val **)m->ret = v;
        return ERR_OK;
    }
    return ERR_INTERNAL;
}

static enum err read_str(struct codec_reader *r, yyjson_val *v, struct str pointer,
                         const struct codec_member *m)
{
    size_t max = m->max != 0 ? (size_t)m->max : CODEC_NAME_BYTES_MAX;
    struct str s = json_str(v);
    if (!yyjson_is_str(v) || s.len < (size_t)m->min || s.len > max) {
        issue_set(r->issue, pointer.ptr, "must be a string of %lld to %zu bytes",
                  (long long)m->min, max);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f) {
            issue_set(r->issue, pointer.ptr, "must not contain control characters");
            return ERR_INVALID;
        }
    }
    *(struct str *)m->ret = s;
    return ERR_OK;
}

static enum err read_int(struct codec_reader *r, yyjson_val *v, struct str pointer,
                         const struct codec_member *m)
{
    int64_t value;
    if (!json_int(v, &value) || value < m->min || value > m->max) {
        issue_set(r->issue, pointer.ptr, "must be a whole number from %lld to %lld",
                  (long long)m->min, (long long)m->max);
        return ERR_INVALID;
    }
    *(int64_t *)m->ret = value;
    return ERR_OK;
}

static enum err read_word(struct codec_reader *r, yyjson_val *v, struct str pointer,
                          const struct codec_member *m)
{
    struct str s = json_str(v);
    char all[200] = "";
    size_t used = 0;
    for (int i = 0; m->words[i] != NULL; i++) {
        if (str_eq(s, str_from(m->words[i]))) {
            *(int *)m->ret = i;
            return ERR_OK;
        }
        size_t len = strlen(m->words[i]);
        if (used + len + 3 < sizeof(all)) {
            memcpy(all + used, i == 0 ? "" : ", ", i == 0 ? 0 : 2);
            used += i == 0 ? 0 : 2;
            memcpy(all + used, m->words[i], len + 1);
            used += len;
        }
    }
    issue_set(r->issue, pointer.ptr, "must be one of: %s", all);
    return ERR_INVALID;
}

static enum err read_list(struct codec_reader *r, yyjson_val *v, struct str pointer,
                          const struct codec_member *m)
{
    struct policy_list *ret = m->ret;
    size_t count = yyjson_arr_size(v);
    if (!yyjson_is_arr(v) || count > CODEC_LIST_MAX) {
        issue_set(r->issue, pointer.ptr, "must be an array of at most %d strings", CODEC_LIST_MAX);
        return ERR_INVALID;
    }
    struct str *items = ARENA_ARRAY(r->arena, count, struct str);
    if (items == NULL) {
        return ERR_MEMORY;
    }
    struct codec_member item = {.kind = CODEC_STR, .min = 1, .max = m->max != 0 ? m->max : 256};
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    for (size_t i = 0; i < count; i++) {
        item.ret = &items[i];
        TRY(read_str(r, yyjson_arr_iter_next(&it), codec_pointer_at(r, pointer, i), &item));
    }
    *ret = (struct policy_list){.items = items, .count = count, .is_set = true};
    return ERR_OK;
}

struct str codec_pointer(struct codec_reader *r, struct str pointer, struct str name)
{
    char escaped[256];
    size_t used = 0;
    for (size_t i = 0; i < name.len && used + 3 < sizeof(escaped); i++) {
        if (name.ptr[i] == '~' || name.ptr[i] == '/') {
            escaped[used++] = '~';
            escaped[used++] = name.ptr[i] == '~' ? '0' : '1';
        } else {
            escaped[used++] = name.ptr[i];
        }
    }
    struct str s = arena_printf(r->arena, "%.*s/%.*s", STR_ARG(pointer), (int)used, escaped);
    return s.ptr != NULL ? s : STR("");
}

struct str codec_pointer_at(struct codec_reader *r, struct str pointer, size_t index)
{
    struct str s = arena_printf(r->arena, "%.*s/%zu", STR_ARG(pointer), index);
    return s.ptr != NULL ? s : STR("");
}

enum err codec_check_providers(struct codec_reader *r, const struct policy_list *list,
                               struct str pointer)
{
    if (r->catalog == NULL) {
        return ERR_OK;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (route_catalog_find_provider(r->catalog, list->items[i]) != NULL) {
            continue;
        }
        const char *names[ROUTE_PROVIDERS_MAX + 1];
        size_t count = route_catalog_providers_count(r->catalog);
        for (unsigned k = 0; k < count; k++) {
            names[k] = arena_str(r->arena, route_catalog_provider(r->catalog, k)->slug).ptr;
        }
        names[count] = NULL;
        const char *near = issue_did_you_mean(list->items[i], names);
        issue_set(r->issue, codec_pointer_at(r, pointer, i).ptr,
                  "the provider '%.*s' is not in the catalogue%s%s%s",
                  (int)(list->items[i].len < 64 ? list->items[i].len : 64), list->items[i].ptr,
                  near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                  near != NULL ? "'?" : "");
        return ERR_INVALID;
    }
    return ERR_OK;
}

enum err codec_check_models(struct codec_reader *r, const struct policy_list *list,
                            struct str pointer)
{
    if (r->catalog == NULL) {
        return ERR_OK;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (!route_entry_is_known(r->catalog, list->items[i])) {
            issue_set(r->issue, codec_pointer_at(r, pointer, i).ptr,
                      "no model of the catalogue answers to '%.*s'",
                      (int)(list->items[i].len < 64 ? list->items[i].len : 64),
                      list->items[i].ptr);
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

/* RFC 7396. The library's merge works on mutable documents with its own memory, so
 * the result is written out and parsed strictly again. */
enum err codec_merge(struct codec_reader *r, const struct buf *stored, yyjson_val *patch,
                     yyjson_val **ret)
{
    struct json_doc doc;
    if (!yyjson_is_obj(patch)) {
        issue_set(r->issue, "", "must be an object");
        return ERR_INVALID;
    }
    struct str copy = stored->err == ERR_OK ? arena_str(r->arena, buf_str(stored)) : STR_NONE;
    if (copy.ptr == NULL) {
        return ERR_MEMORY;
    }
    TRY(json_parse(r->arena, copy, &json_limits_default, &doc, r->issue));
    yyjson_mut_doc *work = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *value = work != NULL ? yyjson_merge_patch(work, doc.root, patch) : NULL;
    size_t len = 0;
    char *json = value != NULL ? yyjson_mut_val_write(value, 0, &len) : NULL;
    struct str merged = json != NULL ? arena_str(r->arena, (struct str){json, len}) : STR_NONE;
    free(json);
    yyjson_mut_doc_free(work);
    if (merged.ptr == NULL) {
        return ERR_MEMORY;
    }
    TRY(json_parse(r->arena, merged, &json_limits_default, &doc, r->issue));
    *ret = doc.root;
    return ERR_OK;
}
