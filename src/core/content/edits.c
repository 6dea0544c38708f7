/* SPDX-License-Identifier: Apache-2.0
 *
 * What was found, as edits of the body: each text that changes is written whole, as a JSON
 * string. Arguments that are JSON stay JSON: their strings, names and numbers are edited
 * where they stand, and a number becomes a string. In an answer the tokens of the request
 * become their values again, after everything was scanned. The exchange's arena.
 */
#include "names.h"
#include "run.h"

#define EDITED_BYTES_MAX ((size_t)256 << 20)
#define EMPTY_WORD STR("[REDACTED]") /* for a text of which nothing is left */

struct edit_out {
    struct content_check *check;
    struct llm_edit *items;
    size_t count;
    struct buf value, json, whole; /* heap; wiped */
    struct names names;            /* of the body itself, where one of them is edited */
    bool has_names;
};

static enum err edit_reading(struct edit_out *o, const struct reading *r);
static enum err edit_json(struct edit_out *o, const struct reading *r, bool *ret_is_edited);
static bool needs_restoring(const struct edit_out *o, const struct reading *r);
static void apply(struct str text, const struct edit_list *edits, struct buf *out);
static bool has_edited_name(const struct queue *q);
static enum err write_name(struct edit_out *o, const struct reading *r, bool *ret_is_edited);
static enum err number_names(struct edit_out *o, struct str json, struct names_edits *edits);
static enum err finish(struct edit_out *o, const struct reading *r);
static bool is_blank(struct str s);

enum err content_edits(struct content_check *k, const struct llm_edit **ret, size_t *ret_count)
{
    struct queue *q = k->queue;
    struct edit_out o = {.check = k};
    enum err err = ERR_OK;

    *ret = NULL;
    *ret_count = 0;
    if (q == NULL || q->count == 0) {
        return q != NULL ? q->err : ERR_OK;
    }
    TRY(q->err);
    ASSERT(q->at == q->count && (k->recognition == NULL || k->recognition->is_done));
    o.items = ARENA_ARRAY(k->arena, q->count, struct llm_edit);
    if (o.items == NULL) {
        return ERR_MEMORY;
    }
    buf_init(&o.value, EDITED_BYTES_MAX);
    buf_init(&o.json, EDITED_BYTES_MAX);
    buf_init(&o.whole, EDITED_BYTES_MAX);
    names_init(&o.names, k->env.hash_key);
    o.has_names = has_edited_name(q);
    for (size_t i = 0; err == ERR_OK && i < q->count; i++) {
        err = edit_reading(&o, &q->items[i]);
    }
    struct buf *bufs[] = {&o.value, &o.json, &o.whole};
    for (size_t i = 0; i < 3; i++) {
        buf_wipe(bufs[i]);
    }
    names_fini(&o.names);
    *ret = o.items;
    *ret_count = err == ERR_OK ? o.count : 0;
    q->count = q->at = q->unit = 0;
    q->seam = (struct seam){0};
    k->recognition = NULL;
    q->err = err;
    return err;
}

static enum err edit_reading(struct edit_out *o, const struct reading *r)
{
    bool is_edited = false;
    buf_clear(&o->value);
    if (r->is_json) {
        TRY(edit_json(o, r, &is_edited));
    } else if (r->text->is_key) {
        TRY(write_name(o, r, &is_edited));
    } else if (r->units[0].edits.count > 0) {
        is_edited = true;
        apply(r->text->value, &r->units[0].edits, &o->value);
        TRY(o->value.err);
        if (is_blank(buf_str(&o->value)) && !r->text->is_number) {
            buf_clear(&o->value); /* no provider takes an empty text */
            buf_add(&o->value, EMPTY_WORD);
        }
    }
    if (!is_edited && !needs_restoring(o, r)) {
        return o->value.err;
    }
    if (!is_edited) {
        buf_add(&o->value, r->text->value);
    }
    TRY(o->value.err);
    return finish(o, r);
}

static enum err edit_json(struct edit_out *o, const struct reading *r, bool *ret_is_edited)
{
    struct arena *a = o->check->arena;
    size_t count = 0;
    bool has_name = false;

    *ret_is_edited = false;
    for (size_t i = 0; i < r->units_count; i++) {
        count += r->units[i].edits.count > 0 ? 1 : 0;
        has_name = has_name || (r->units[i].text->is_key && r->units[i].edits.count > 0);
    }
    if (count == 0) {
        return ERR_OK;
    }
    struct names_edits edits = {.items = ARENA_ARRAY(a, count, struct llm_edit),
                                .capacity = count};
    struct str *plain = ARENA_ARRAY(a, count, struct str);
    if (edits.items == NULL || plain == NULL) {
        return ERR_MEMORY;
    }
    edits.plain = plain;
    for (size_t i = 0; i < r->units_count; i++) {
        const struct unit *u = &r->units[i];
        if (u->edits.count == 0) {
            continue;
        }
        buf_clear(&o->json);
        buf_clear(&o->whole);
        apply(u->text->value, &u->edits, &o->json);
        TRY(o->json.err);
        json_write_str(&o->whole, buf_str(&o->json));
        TRY(o->whole.err);
        plain[edits.count] = u->text->is_key ? arena_str(a, buf_str(&o->json)) : STR_NONE;
        edits.items[edits.count] =
            (struct llm_edit){u->text->span, arena_str(a, buf_str(&o->whole))};
        if (edits.items[edits.count++].with.ptr == NULL || a->is_exhausted) {
            return ERR_MEMORY;
        }
    }
    if (has_name) {
        TRY(number_names(o, r->text->value, &edits));
    }
    *ret_is_edited = true;
    return llm_edits_apply(&o->value, r->text->value, edits.items, edits.count);
}

static enum err number_names(struct edit_out *o, struct str json, struct names_edits *edits)
{
    struct names names;
    names_init(&names, o->check->env.hash_key);
    enum err err = names_number(o->check->arena, &names, json, edits);
    names_fini(&names);
    return err;
}

static void apply(struct str text, const struct edit_list *edits, struct buf *out)
{
    size_t at = 0;
    for (size_t i = 0; i < edits->count; i++) {
        buf_add(out, str_sub(text, at, edits->items[i].start));
        buf_add(out, edits->items[i].text);
        at = edits->items[i].end;
    }
    buf_add(out, str_sub(text, at, text.len));
}

static bool has_edited_name(const struct queue *q)
{
    for (size_t i = 0; i < q->count; i++) {
        const struct reading *r = &q->items[i];
        if (r->text->is_key && !r->is_json && r->units[0].edits.count > 0) {
            return true;
        }
    }
    return false;
}

/* A name of the body; its object is known by the pointer. One that no rule found anything
 * in may have to make way for another. */
static enum err write_name(struct edit_out *o, const struct reading *r, bool *ret_is_edited)
{
    bool is_found = r->units[0].edits.count > 0;
    struct str parent = r->text->pointer;
    unsigned number = 0;

    while (parent.len > 0 && parent.ptr[--parent.len] != '/') {
    }
    apply(r->text->value, &r->units[0].edits, &o->value);
    TRY(o->value.err);
    if (o->has_names) {
        uint64_t hash = names_begin(&o->names, hash_bytes(parent, 0));
        TRY(names_take(&o->names, names_add(hash, buf_str(&o->value)), is_found, &number));
    }
    if (number != 0) {
        buf_printf(&o->value, "_%u", number);
    }
    *ret_is_edited = is_found || number != 0;
    if (!*ret_is_edited) {
        buf_clear(&o->value);
    }
    return o->value.err;
}

static bool needs_restoring(const struct edit_out *o, const struct reading *r)
{
    return r->stage == CONTENT_RESPONSE && o->check->tokens.count > 0 &&
           str_find(r->text->value, '[') >= 0;
}

static enum err finish(struct edit_out *o, const struct reading *r)
{
    struct buf *text = &o->value;
    if (r->stage == CONTENT_RESPONSE && o->check->tokens.count > 0) {
        buf_clear(&o->json);
        TRY(scan_tokens_restore(&o->check->tokens, buf_str(&o->value), r->text->is_json,
                                &o->json));
        text = &o->json;
        if (str_eq(buf_str(text), r->text->value)) {
            return ERR_OK; /* a bracket, but none of ours */
        }
    }
    buf_clear(&o->whole);
    json_write_str(&o->whole, buf_str(text));
    TRY(o->whole.err);
    struct llm_edit *edit = &o->items[o->count];
    edit->span = r->text->span;
    edit->with = arena_str(o->check->arena, buf_str(&o->whole));
    if (edit->with.ptr == NULL) {
        return ERR_MEMORY;
    }
    o->count++;
    return ERR_OK;
}

static bool is_blank(struct str s)
{
    return str_trim(s, " \t\r\n").len == 0;
}
