/* SPDX-License-Identifier: Apache-2.0
 *
 * One item of a collection: a JSON body against the field list, and a row back to
 * JSON. Values travel as text (ready to be a statement's parameter), so one
 * mechanism serves every collection. Pure.
 */
#include "manage_private.h"

#define SECRET_BYTES_MAX 4096

static enum err read_field(struct codec_reader *r, yyjson_val *v, struct str pointer,
                           const struct manage_field *f, struct manage_value *ret);
static enum err read_text(struct codec_reader *r, yyjson_val *v, struct str pointer,
                          const struct manage_field *f, struct manage_value *ret);
static enum err check_text(struct codec_reader *r, struct str s, struct str pointer,
                           const struct manage_field *f, struct manage_value *ret);
static enum err read_word(struct codec_reader *r, struct str s, struct str pointer,
                          const struct manage_field *f);
static enum err read_list(struct codec_reader *r, yyjson_val *v, struct str pointer,
                          const struct manage_field *f, struct manage_value *ret);
static bool is_name(struct str s);
static bool is_email(struct str s);
static enum err bad(struct codec_reader *r, struct str pointer, const char *what);
static enum err json_text(struct codec_reader *r, yyjson_val *v, struct manage_value *ret);
static void write_value(struct buf *out, const struct manage_field *f, struct str text);

enum err manage_item_read(struct codec_reader *r, yyjson_val *body, bool is_create,
                          struct manage_command *ret)
{
    const struct manage_collection *c = ret->collection;
    struct codec_member members[MANAGE_FIELDS_MAX] = {{0}};
    const struct manage_field *fields[MANAGE_FIELDS_MAX];
    yyjson_val *values[MANAGE_FIELDS_MAX] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < c->fields_count; i++) {
        const struct manage_field *f = &c->fields[i];
        bool is_taken = (f->flags & MANAGE_READ_ONLY) == 0 &&
                        (is_create || (f->flags & MANAGE_FIXED) == 0) &&
                        (ret->caller.is_operator || (f->flags & MANAGE_OPERATOR) == 0);
        if (is_taken) {
            fields[count] = f;
            members[count] = (struct codec_member){
                .name = f->member,
                .kind = CODEC_VAL,
                .ret = &values[count],
                .is_required = is_create && (f->flags & MANAGE_REQUIRED) != 0};
            count++;
        }
    }
    TRY(codec_object_read(r, body, STR(""), members, count));
    for (size_t i = 0; i < count; i++) {
        if (values[i] != NULL) {
            TRY(read_field(r, values[i], codec_pointer(r, STR(""), str_from(fields[i]->member)),
                           fields[i], &ret->values[fields[i] - c->fields]));
        }
    }
    return ERR_OK;
}

static enum err read_field(struct codec_reader *r, yyjson_val *v, struct str pointer,
                           const struct manage_field *f, struct manage_value *ret)
{
    int64_t number;
    ret->is_set = true;
    if (yyjson_is_null(v)) {
        return (f->flags & MANAGE_NULLABLE) != 0 ? ERR_OK : bad(r, pointer, "must not be null");
    }
    switch (f->type) {
    case MANAGE_INT:
        if (!json_int(v, &number) || number < f->min || number > f->max) {
            issue_set(r->issue, pointer.ptr, "must be a whole number from %lld to %lld",
                      (long long)f->min, (long long)f->max);
            return ERR_INVALID;
        }
        ret->text = arena_printf(r->arena, "%lld", (long long)number);
        return ERR_OK;
    case MANAGE_BOOL:
        if (!yyjson_is_bool(v)) {
            return bad(r, pointer, "must be true or false");
        }
        ret->text = yyjson_get_bool(v) ? STR("true") : STR("false");
        return ERR_OK;
    case MANAGE_TEXT_LIST:
    case MANAGE_SLOT_LIST:
    case MANAGE_STRINGS:
        return read_list(r, v, pointer, f, ret);
    case MANAGE_TEXT:
    case MANAGE_LONG_TEXT:
    case MANAGE_NAME:
    case MANAGE_EMAIL:
    case MANAGE_WORD:
    case MANAGE_TIME:
    case MANAGE_PROVIDER:
    case MANAGE_URL:
    case MANAGE_SECRET:
        return read_text(r, v, pointer, f, ret);
    }
    return ERR_INTERNAL;
}

static enum err read_text(struct codec_reader *r, yyjson_val *v, struct str pointer,
                          const struct manage_field *f, struct manage_value *ret)
{
    struct str s = json_str(v);
    size_t max = f->max != 0 ? (size_t)f->max : 200;
    if (f->type == MANAGE_LONG_TEXT || f->type == MANAGE_SECRET || f->type == MANAGE_URL) {
        max = SECRET_BYTES_MAX;
    }
    if (!yyjson_is_str(v) || s.len == 0 || s.len > max) {
        issue_set(r->issue, pointer.ptr, "must be a string of 1 to %zu bytes", max);
        return ERR_INVALID;
    }
    for (size_t i = 0; f->type == MANAGE_SECRET && i < s.len; i++) {
        if (s.ptr[i] <= 0x20 || s.ptr[i] >= 0x7f) { /* it becomes a header's value */
            return bad(r, pointer, "must be visible ASCII characters without blanks");
        }
    }
    for (size_t i = 0; i < s.len && f->type != MANAGE_LONG_TEXT; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f) {
            return bad(r, pointer, "must not contain control characters");
        }
    }
    ret->text = s;
    return check_text(r, s, pointer, f, ret);
}

static enum err check_text(struct codec_reader *r, struct str s, struct str pointer,
                           const struct manage_field *f, struct manage_value *ret)
{
    int64_t time_ms;
    struct wire_url url;
    struct issue issue;
    if (f->type == MANAGE_WORD) {
        return read_word(r, s, pointer, f);
    }
    if (f->type == MANAGE_NAME && !is_name(s)) {
        return bad(r, pointer, "must be up to 64 of a-z, 0-9, '_', '.', '-', beginning with a "
                               "letter or digit");
    }
    if (f->type == MANAGE_EMAIL && !is_email(s)) {
        return bad(r, pointer, "must be an e-mail address");
    }
    /* The database begins with the year 1. */
    if (f->type == MANAGE_TIME &&
        (time_parse_rfc3339(s, &time_ms) != ERR_OK || str_starts(s, STR("0000")))) {
        return bad(r, pointer, "must be a time such as 2025-01-10T14:30:00Z");
    }
    /* Plain http and private hosts are the operator's to permit, at connect. */
    if (f->type == MANAGE_URL && wire_url_parse(r->arena, s, true, &url, &issue) != ERR_OK) {
        return bad(r, pointer, issue.message);
    }
    if (f->type == MANAGE_PROVIDER && r->catalog != NULL) {
        struct policy_list one = {&s, 1, true};
        TRY(codec_check_providers(r, &one, pointer));
        ret->text = route_catalog_find_provider(r->catalog, s)->slug;
    }
    return ERR_OK;
}

static enum err read_word(struct codec_reader *r, struct str s, struct str pointer,
                          const struct manage_field *f)
{
    for (size_t i = 0; f->words[i] != NULL; i++) {
        if (str_eq(s, str_from(f->words[i]))) {
            return ERR_OK;
        }
    }
    const char *near = issue_did_you_mean(s, f->words);
    issue_set(r->issue, pointer.ptr, "is not one of the allowed words%s%s%s",
              near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
              near != NULL ? "'?" : "");
    return ERR_INVALID;
}

static enum err read_list(struct codec_reader *r, yyjson_val *v, struct str pointer,
                          const struct manage_field *f, struct manage_value *ret)
{
    bool is_object = f->type == MANAGE_STRINGS;
    if (is_object ? !yyjson_is_obj(v) : !yyjson_is_arr(v)) {
        return bad(r, pointer, is_object ? "must be an object of strings" : "must be an array");
    }
    size_t index, max;
    yyjson_val *item, *key;
    if (is_object) {
        if (yyjson_obj_size(v) > 64) {
            return bad(r, pointer, "must have at most 64 members");
        }
        yyjson_obj_foreach(v, index, max, key, item)
        {
            if (!yyjson_is_str(item) || yyjson_get_len(key) == 0) {
                return bad(r, codec_pointer(r, pointer, json_str(key)),
                           yyjson_is_str(item) ? "must have a name" : "must be a string");
            }
        }
        return json_text(r, v, ret);
    }
    if (yyjson_arr_size(v) > 1000) {
        return bad(r, pointer, "must have at most 1000 items");
    }
    if (yyjson_arr_size(v) == 0 && (f->flags & MANAGE_NULLABLE) != 0) {
        return bad(r, pointer, "must not be empty; null restricts nothing");
    }
    yyjson_arr_foreach(v, index, max, item)
    {
        int64_t slot;
        bool is_good = f->type == MANAGE_SLOT_LIST
                           ? json_int(item, &slot) && slot >= 1 && slot <= 12
                           : yyjson_is_str(item) && yyjson_get_len(item) > 0 &&
                                 yyjson_get_len(item) <= 256;
        if (!is_good) {
            return bad(r, codec_pointer_at(r, pointer, index),
                       f->type == MANAGE_SLOT_LIST ? "must be a slot number from 1 to 12"
                                                   : "must be a string of 1 to 256 bytes");
        }
        bool is_scope = strcmp(f->member, "scopes") == 0;
        if (is_scope && !str_eq(json_str(item), STR("call")) &&
            !str_eq(json_str(item), STR("manage"))) {
            return bad(r, codec_pointer_at(r, pointer, index), "must be 'call' or 'manage'");
        }
    }
    return json_text(r, v, ret);
}

static enum err json_text(struct codec_reader *r, yyjson_val *v, struct manage_value *ret)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    json_write_val(&b, v);
    ret->text = b.err == ERR_OK ? arena_str(r->arena, buf_str(&b)) : STR_NONE;
    buf_fini(&b);
    return ret->text.ptr != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err bad(struct codec_reader *r, struct str pointer, const char *what)
{
    issue_set(r->issue, pointer.ptr, "%s", what);
    return ERR_INVALID;
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_alnum && (i == 0 || (c != '_' && c != '.' && c != '-'))) {
            return false;
        }
    }
    return s.len >= 1 && s.len <= 64;
}

static bool is_email(struct str s)
{
    ptrdiff_t at = str_find(s, '@');
    if (at <= 0 || str_find(s, ' ') >= 0) {
        return false;
    }
    struct str domain = str_sub(s, (size_t)at + 1, s.len);
    return str_find(domain, '@') < 0 && str_find(domain, '.') > 0 && !str_ends(domain, STR("."));
}

void manage_item_write(struct buf *out, const struct manage_collection *c,
                       const struct manage_row *row, struct str key_text)
{
    buf_add(out, STR("{\"id\":"));
    json_write_str(out, row->id);
    if (key_text.len != 0) {
        buf_add(out, STR(",\"key\":"));
        json_write_str(out, key_text);
    }
    for (size_t i = 0; i < c->fields_count; i++) {
        const struct manage_field *f = &c->fields[i];
        if (f->type == MANAGE_SECRET ||
            (f->flags & (MANAGE_OPERATOR | MANAGE_VISIBLE)) == MANAGE_OPERATOR) {
            continue;
        }
        buf_printf(out, ",\"%s\":", f->member);
        write_value(out, f, row->values[i]);
    }
    if (row->created_at.len != 0) {
        buf_add(out, STR(",\"created_at\":"));
        json_write_str(out, row->created_at);
    }
    buf_add_byte(out, '}');
}

static void write_value(struct buf *out, const struct manage_field *f, struct str text)
{
    if (text.ptr == NULL) {
        buf_add(out, STR("null"));
        return;
    }
    switch (f->type) {
    case MANAGE_BOOL:
        buf_add(out, text.len != 0 && (text.ptr[0] == 't' || text.ptr[0] == '1') ? STR("true")
                                                                               : STR("false"));
        return;
    case MANAGE_INT:
    case MANAGE_TEXT_LIST:
    case MANAGE_SLOT_LIST:
    case MANAGE_STRINGS:
        buf_add(out, text); /* JSON text made here and checked on its way in */
        return;
    case MANAGE_TEXT:
    case MANAGE_LONG_TEXT:
    case MANAGE_NAME:
    case MANAGE_EMAIL:
    case MANAGE_WORD:
    case MANAGE_TIME:
    case MANAGE_PROVIDER:
    case MANAGE_URL:
    case MANAGE_SECRET:
        json_write_str(out, text);
        return;
    }
}

const char *manage_field_json_type(enum manage_field_type t)
{
    switch (t) {
    case MANAGE_INT:
        return "integer";
    case MANAGE_BOOL:
        return "boolean";
    case MANAGE_TEXT_LIST:
    case MANAGE_SLOT_LIST:
        return "array";
    case MANAGE_STRINGS:
        return "object";
    case MANAGE_TEXT:
    case MANAGE_LONG_TEXT:
    case MANAGE_NAME:
    case MANAGE_EMAIL:
    case MANAGE_WORD:
    case MANAGE_TIME:
    case MANAGE_PROVIDER:
    case MANAGE_URL:
    case MANAGE_SECRET:
        break;
    }
    return "string";
}
