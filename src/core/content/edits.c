/* SPDX-License-Identifier: Apache-2.0
 *
 * What was found, as edits of the body: each text that changes is written whole, as a JSON
 * string. Arguments that are JSON stay JSON: their strings, names and numbers are edited
 * where they stand, and a number becomes a string. In an answer the tokens of the request
 * become their values again, after everything was scanned. The exchange's arena.
 */
#include "run.h"

#define EDITED_BYTES_MAX ((size_t)256 << 20)
#define EMPTY_WORD STR("[REDACTED]") /* for a text of which nothing is left */

struct edit_out {
    struct content_check *check;
    struct llm_edit *items;
    size_t count;
    struct buf value, json, whole; /* heap; wiped */
    unsigned keys_count;           /* names edited in one document: no two become equal */
};

static enum err edit_reading(struct edit_out *o, const struct reading *r);
static enum err edit_json(struct edit_out *o, const struct reading *r, bool *ret_is_edited);
static bool needs_restoring(const struct edit_out *o, const struct reading *r);
static void apply(struct str text, const struct edit_list *edits, struct buf *out);
static enum err write_name(struct edit_out *o, const struct unit *u, struct buf *out);
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
    for (size_t i = 0; err == ERR_OK && i < q->count; i++) {
        err = edit_reading(&o, &q->items[i]);
    }
    struct buf *bufs[] = {&o.value, &o.json, &o.whole};
    for (size_t i = 0; i < 3; i++) {
        buf_wipe(bufs[i]);
    }
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
    } else if (r->units[0].edits.count > 0) {
        is_edited = true;
        if (r->text->is_key) {
            TRY(write_name(o, &r->units[0], &o->value));
        } else {
            apply(r->text->value, &r->units[0].edits, &o->value);
            TRY(o->value.err);
            if (is_blank(buf_str(&o->value)) && !r->text->is_number) {
                buf_clear(&o->value); /* no provider takes an empty text */
                buf_add(&o->value, EMPTY_WORD);
            }
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

    *ret_is_edited = false;
    for (size_t i = 0; i < r->units_count; i++) {
        count += r->units[i].edits.count > 0 ? 1 : 0;
    }
    if (count == 0) {
        return ERR_OK;
    }
    struct llm_edit *edits = ARENA_ARRAY(a, count, struct llm_edit);
    if (edits == NULL) {
        return ERR_MEMORY;
    }
    count = 0;
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
        edits[count].span = u->text->span;
        edits[count].with = arena_str(a, buf_str(&o->whole));
        if (edits[count++].with.ptr == NULL) {
            return ERR_MEMORY;
        }
    }
    *ret_is_edited = true;
    return llm_edits_apply(&o->value, r->text->value, edits, count);
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

/* A body with two equal names is refused when it is read again: they are numbered. */
static enum err write_name(struct edit_out *o, const struct unit *u, struct buf *out)
{
    apply(u->text->value, &u->edits, out);
    if (o->keys_count++ > 0) {
        buf_printf(out, "_%u", o->keys_count);
    }
    return out->err;
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
