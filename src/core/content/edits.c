/* SPDX-License-Identifier: Apache-2.0
 *
 * What was found, as edits of the body: each text that changes is written whole, as a JSON
 * string. Arguments that are JSON stay JSON: their strings, names and numbers are edited
 * where they stand, and a number becomes a string. In an answer the tokens of the request
 * become their values again, after everything was scanned. Made in steps, as content_run
 * reads: a text of a megabyte with a hundred thousand findings is long to write as well.
 *
 *   BEGIN -> APPLY -> FINISH -> ESCAPE -> KEEP -> BEGIN of the next text
 *   BEGIN -> UNIT -> APPLY -> ESCAPE -> KEEP -> UNIT ... -> NUMBER -> JOIN -> FINISH -> ESCAPE
 *   -> KEEP (of a JSON; NUMBER where names were edited)
 */
#include "names.h"
#include "run.h"

#define EDITED_BYTES_MAX ((size_t)256 << 20)
#define EMPTY_WORD STR("[REDACTED]") /* for a text of which nothing is left */
#define PIECE_BYTES (64U << 10)      /* is written without a look at the time */
#define WRITES_PER_READ 4U           /* bytes written for one that is read */
#define WIPES_PER_READ 8U
#define EDIT_COST 32U    /* bytes that an edit counts as */

enum making_step {
    MAKE_BEGIN,
    MAKE_UNIT,
    MAKE_APPLY,
    MAKE_NUMBER,
    MAKE_JOIN,
    MAKE_FINISH,
    MAKE_ESCAPE,
    MAKE_KEEP
};
struct making {
    struct llm_edit *items;
    size_t count, of; /* edits; readings they are of */
    enum making_step step;
    size_t reading;           /* under way */
    size_t unit, edit;        /* of the text; of the unit */
    size_t at;                /* bytes of the unit's text, or of what is written */
    struct names_edits parts; /* of a JSON: an edit of each unit that changes */
    bool has_part_names;      /* some of them are of names */
    const struct buf *from;   /* what is escaped */
    struct str kept;
    struct buf value, json, whole; /* heap; wiped */
    size_t wiped;                  /* bytes of the first one that is left */
    struct names names;            /* of the body itself, where one of them is edited */
};

static enum err prepare(struct content_check *k);
static void making_free(struct queue *q);
static enum err wipe_some(struct making *m, size_t *left);
static enum err make_some(struct content_check *k, struct making *m, size_t *left);
static enum err begin(struct content_check *k, struct making *m);
static enum err begin_json(struct content_check *k, struct making *m);
static enum err take_unit(struct content_check *k, struct making *m);
static enum err apply(struct content_check *k, struct making *m, size_t *left);
static enum err end_apply(struct making *m, const struct content_check *k);
static enum err end_name(struct making *m, const struct content_check *k);
static enum err number_parts(struct content_check *k, struct making *m, size_t *left);
static enum err join_parts(struct content_check *k, struct making *m, size_t *left);
static enum err finish(struct content_check *k, struct making *m);
static enum err escape(struct content_check *k, struct making *m, size_t *left);
static size_t piece_end(struct str text, size_t from);
static enum err keep(struct content_check *k, struct making *m, size_t *left);
static bool needs_restoring(const struct content_check *k, const struct reading *r);
static void next_reading(struct making *m);

enum err content_edits(struct content_check *k, const struct llm_edit **ret, size_t *ret_count)
{
    struct queue *q = k->queue;
    size_t all = SIZE_MAX;

    *ret = NULL;
    *ret_count = 0;
    if (q == NULL || q->count == 0) {
        return q != NULL ? q->err : ERR_OK;
    }
    TRY(q->err);
    ASSERT(q->at == q->count && (k->recognition == NULL || k->recognition->is_done));
    enum err err = edits_run(k, &all); /* of what is blocked nothing was made so far */
    if (err == ERR_OK) {
        *ret = q->making->items;
        *ret_count = q->making->count;
    }
    edits_free(q);
    q->count = q->at = q->unit = 0;
    q->has_edited_name = false;
    q->seam = (struct seam){0};
    k->recognition = NULL;
    q->err = err;
    return err;
}

enum err edits_run(struct content_check *k, size_t *left)
{
    TRY(prepare(k));
    struct making *m = k->queue->making;
    while (m->reading < k->queue->count) {
        if (*left == 0) {
            return ERR_AGAIN;
        }
        TRY(make_some(k, m, left));
    }
    return wipe_some(m, left);
}

/* Long buffers take a while to wipe as well. */
static enum err wipe_some(struct making *m, size_t *left)
{
    struct buf *bufs[] = {&m->value, &m->json, &m->whole};
    for (size_t i = 0; i < 3; i++) {
        struct buf *b = bufs[i];
        for (; m->wiped < b->capacity; m->wiped += PIECE_BYTES) {
            size_t rest = b->capacity - m->wiped;
            if (*left == 0) {
                return ERR_AGAIN;
            }
            bytes_wipe(b->ptr + m->wiped, rest < PIECE_BYTES ? rest : PIECE_BYTES);
            spend(left, (rest < PIECE_BYTES ? rest : PIECE_BYTES) / WIPES_PER_READ);
        }
        m->wiped = b->capacity > 0 ? 0 : m->wiped; /* goes on with the next one */
        buf_fini(b);
    }
    return ERR_OK;
}

static enum err prepare(struct content_check *k)
{
    struct queue *q = k->queue;
    if (q->making != NULL && q->making->of != q->count) {
        making_free(q); /* more was added: a name may have to be numbered now */
    }
    if (q->making != NULL) {
        return ERR_OK;
    }
    struct making *m = ARENA_NEW(k->arena, struct making);
    if (m == NULL) {
        return ERR_MEMORY;
    }
    m->items = ARENA_ARRAY(k->arena, q->count, struct llm_edit);
    if (m->items == NULL) {
        return ERR_MEMORY;
    }
    m->of = q->count;
    buf_init(&m->value, EDITED_BYTES_MAX);
    buf_init(&m->json, EDITED_BYTES_MAX);
    buf_init(&m->whole, EDITED_BYTES_MAX);
    names_init(&m->names, k->env.hash_key);
    q->making = m;
    return ERR_OK;
}

void edits_free(struct queue *q)
{
    edit_lists_free(q);
    making_free(q);
}

static void making_free(struct queue *q)
{
    struct making *m = q->making;
    if (m != NULL) {
        buf_wipe(&m->value);
        buf_wipe(&m->json);
        buf_wipe(&m->whole);
        names_fini(&m->names);
        q->making = NULL;
    }
}

static enum err make_some(struct content_check *k, struct making *m, size_t *left)
{
    switch (m->step) {
    case MAKE_BEGIN:
        spend(left, 1);
        return begin(k, m);
    case MAKE_UNIT:
        spend(left, 1);
        return take_unit(k, m);
    case MAKE_APPLY:
        return apply(k, m, left);
    case MAKE_NUMBER:
        return number_parts(k, m, left);
    case MAKE_JOIN:
        return join_parts(k, m, left);
    case MAKE_FINISH:
        return finish(k, m);
    case MAKE_ESCAPE:
        return escape(k, m, left);
    case MAKE_KEEP:
        return keep(k, m, left);
    }
    return ERR_INTERNAL;
}

static enum err begin(struct content_check *k, struct making *m)
{
    const struct reading *r = &k->queue->items[m->reading];
    m->unit = m->edit = m->at = 0;
    buf_clear(&m->value);
    if (r->is_json) {
        TRY(begin_json(k, m));
    } else if (r->units[0].edits.count > 0 || (r->text->is_key && k->queue->has_edited_name)) {
        m->step = MAKE_APPLY;
    }
    if (m->step != MAKE_BEGIN) {
        return ERR_OK;
    }
    if (!needs_restoring(k, r)) {
        next_reading(m);
        return ERR_OK;
    }
    m->step = MAKE_FINISH;
    buf_add(&m->value, r->text->value);
    return m->value.err;
}

/* Begins with its units when one of them changes. */
static enum err begin_json(struct content_check *k, struct making *m)
{
    const struct reading *r = &k->queue->items[m->reading];
    size_t count = 0;
    m->has_part_names = false;
    for (size_t i = 0; i < r->units_count; i++) {
        bool is_edited = r->units[i].edits.count > 0;
        count += is_edited ? 1 : 0;
        m->has_part_names = m->has_part_names || (is_edited && r->units[i].text->is_key);
    }
    if (count == 0) {
        return ERR_OK;
    }
    m->parts = (struct names_edits){.items = ARENA_ARRAY(k->arena, count, struct llm_edit),
                                    .plain = ARENA_ARRAY(k->arena, count, struct str),
                                    .capacity = count};
    m->step = MAKE_UNIT;
    return m->parts.plain != NULL && m->parts.items != NULL ? ERR_OK : ERR_MEMORY;
}

/* The next one that changes; behind the last of them the JSON is put together. */
static enum err take_unit(struct content_check *k, struct making *m)
{
    const struct reading *r = &k->queue->items[m->reading];
    while (m->unit < r->units_count && r->units[m->unit].edits.count == 0) {
        m->unit++;
    }
    if (m->unit == r->units_count) {
        m->step = m->has_part_names ? MAKE_NUMBER : MAKE_JOIN;
        return ERR_OK;
    }
    buf_clear(&m->json);
    m->edit = m->at = 0;
    m->step = MAKE_APPLY;
    return ERR_OK;
}

static enum err apply(struct content_check *k, struct making *m, size_t *left)
{
    const struct reading *r = &k->queue->items[m->reading];
    const struct unit *u = &r->units[m->unit];
    const struct edit_list *edits = &u->edits;
    struct buf *out = r->is_json ? &m->json : &m->value;
    size_t before = out->len;
    while (m->edit < edits->count && out->len - before < PIECE_BYTES) {
        const struct scan_edit *edit = &edits->items[m->edit++];
        buf_add(out, str_sub(u->text->value, m->at, edit->start));
        buf_add(out, edit->text);
        m->at = edit->end;
        spend(left, EDIT_COST);
        if (*left == 0) {
            break;
        }
    }
    spend(left, (out->len - before) / WRITES_PER_READ);
    if (m->edit < edits->count) {
        return out->err;
    }
    buf_add(out, str_sub(u->text->value, m->at, u->text->value.len));
    TRY(out->err);
    return end_apply(m, k);
}

static enum err end_apply(struct making *m, const struct content_check *k)
{
    const struct reading *r = &k->queue->items[m->reading];
    m->at = 0;
    if (r->is_json) {
        m->from = &m->json;
        m->step = MAKE_ESCAPE;
        return ERR_OK;
    }
    m->step = MAKE_FINISH;
    if (r->text->is_key) {
        return end_name(m, k);
    }
    if (str_trim(buf_str(&m->value), " \t\r\n").len == 0 && !r->text->is_number) {
        buf_clear(&m->value); /* no provider takes an empty text */
        buf_add(&m->value, EMPTY_WORD);
    }
    return m->value.err;
}

/* A name of the body; its object is known by the pointer. One that no rule found anything
 * in may have to make way for another. */
static enum err end_name(struct making *m, const struct content_check *k)
{
    const struct reading *r = &k->queue->items[m->reading];
    bool is_found = r->units[0].edits.count > 0;
    struct str parent = r->text->pointer;
    unsigned number = 0;

    while (parent.len > 0 && parent.ptr[--parent.len] != '/') {
    }
    uint64_t hash = names_begin(&m->names, hash_bytes(parent, 0));
    TRY(names_take(&m->names, names_add(hash, buf_str(&m->value)), is_found, &number));
    if (number != 0) {
        buf_printf(&m->value, "_%u", number);
    } else if (!is_found && !needs_restoring(k, r)) {
        next_reading(m);
    }
    return m->value.err;
}

static enum err number_parts(struct content_check *k, struct making *m, size_t *left)
{
    struct str json = k->queue->items[m->reading].text->value;
    struct names names;
    names_init(&names, k->env.hash_key);
    enum err err = names_number(k->arena, &names, json, &m->parts);
    names_fini(&names);
    spend(left, json.len);
    m->step = MAKE_JOIN;
    return err;
}

static enum err join_parts(struct content_check *k, struct making *m, size_t *left)
{
    struct str json = k->queue->items[m->reading].text->value;
    spend(left, json.len);
    m->step = MAKE_FINISH;
    return llm_edits_apply(&m->value, json, m->parts.items, m->parts.count);
}

static bool needs_restoring(const struct content_check *k, const struct reading *r)
{
    return r->stage == CONTENT_RESPONSE && k->tokens.count > 0 &&
           str_find(r->text->value, '[') >= 0;
}

static enum err finish(struct content_check *k, struct making *m)
{
    const struct reading *r = &k->queue->items[m->reading];
    m->unit = r->units_count; /* what is escaped now is all of it */
    m->at = 0;
    m->from = &m->value;
    m->step = MAKE_ESCAPE;
    if (r->stage != CONTENT_RESPONSE || k->tokens.count == 0) {
        return ERR_OK;
    }
    buf_clear(&m->json);
    TRY(scan_tokens_restore(&k->tokens, buf_str(&m->value), r->text->is_json, &m->json));
    m->from = &m->json;
    if (str_eq(buf_str(&m->json), r->text->value)) {
        next_reading(m); /* a bracket, but none of ours */
    }
    return ERR_OK;
}

static enum err escape(struct content_check *k, struct making *m, size_t *left)
{
    struct str text = buf_str(m->from);
    size_t end = piece_end(text, m->at);
    if (m->at == 0) {
        buf_clear(&m->whole);
        buf_add_byte(&m->whole, '"');
    }
    json_write_chars(&m->whole, str_sub(text, m->at, end));
    spend(left, (end - m->at) / WRITES_PER_READ);
    m->at = end;
    if (end < text.len) {
        return m->whole.err;
    }
    buf_add_byte(&m->whole, '"');
    TRY(m->whole.err);
    char *copy = arena_alloc_raw(k->arena, m->whole.len + 1);
    if (copy == NULL) {
        return ERR_MEMORY;
    }
    copy[m->whole.len] = '\0';
    m->kept = (struct str){copy, 0};
    m->step = MAKE_KEEP;
    return ERR_OK;
}

/* Not inside of a code point; where there is none, anywhere. */
static size_t piece_end(struct str text, size_t from)
{
    if (text.len - from <= PIECE_BYTES) {
        return text.len;
    }
    size_t end = from + PIECE_BYTES;
    for (size_t back = 0; back < 4; back++) {
        if (((unsigned char)text.ptr[end - back] & 0xc0) != 0x80) {
            return end - back;
        }
    }
    return end;
}

static enum err keep(struct content_check *k, struct making *m, size_t *left)
{
    const struct reading *r = &k->queue->items[m->reading];
    struct str rest = str_sub(buf_str(&m->whole), m->kept.len, m->whole.len);
    struct str piece = str_sub(rest, 0, PIECE_BYTES);
    bool is_part = m->unit < r->units_count;
    memcpy((char *)(uintptr_t)m->kept.ptr + m->kept.len, piece.ptr, piece.len);
    m->kept.len += piece.len;
    spend(left, piece.len / WRITES_PER_READ);
    if (piece.len < rest.len) {
        return ERR_OK;
    }
    if (is_part) {
        const struct unit *u = &r->units[m->unit++];
        m->parts.plain[m->parts.count] =
            u->text->is_key ? arena_str(k->arena, buf_str(&m->json)) : STR_NONE;
        m->parts.items[m->parts.count++] = (struct llm_edit){u->text->span, m->kept};
        m->step = MAKE_UNIT;
        return k->arena->is_exhausted ? ERR_MEMORY : ERR_OK;
    }
    m->items[m->count++] = (struct llm_edit){r->text->span, m->kept};
    next_reading(m);
    return ERR_OK;
}

static void next_reading(struct making *m)
{
    m->reading++;
    m->step = MAKE_BEGIN;
}
