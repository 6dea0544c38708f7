/* SPDX-License-Identifier: Apache-2.0
 *
 * What was found, as edits of the body: each text that changes is written whole, as a JSON
 * string. Arguments that are JSON stay JSON: their strings, names and numbers are edited
 * where they stand, and a number becomes a string. In an answer the tokens of the request
 * become their values again, after everything was scanned. Made in steps, as content_run
 * reads: a text of a megabyte with a hundred thousand findings is long to write as well.
 *
 *   BEGIN -> APPLY -> RESTORE -> ESCAPE -> KEEP -> BEGIN of the next text
 *   BEGIN -> UNIT -> APPLY -> COPY -> ESCAPE -> UNIT ... -> COPY -> RESTORE -> ESCAPE -> KEEP
 *   (of a JSON: what stands between its strings is copied as it is)
 */
#include "names.h"
#include "run.h"

#define EDITED_BYTES_MAX ((size_t)256 << 20)
#define EMPTY_WORD STR("[REDACTED]") /* for a text of which nothing is left */
#define PIECE_BYTES (64U << 10)      /* is written without a look at the time */
#define WRITES_PER_READ 4U           /* bytes written for one that is read */
#define WIPES_PER_READ 8U
#define EDIT_COST 32U /* bytes that an edit counts as */
#define RESTORE_BYTES 1024U
#define BRACKET_COST 64U /* a token may begin there, so it is looked for */

enum making_step {
    MAKE_BEGIN,
    MAKE_UNIT,
    MAKE_APPLY,
    MAKE_COPY,
    MAKE_RESTORE,
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
    size_t copied;            /* bytes of a JSON that are in `value`, edited or not */
    const struct buf *from;   /* what is escaped */
    struct str kept;
    struct buf value, part, whole; /* heap; wiped */
    size_t wiped;                  /* bytes of the first one that is left */
    struct names names;            /* of the body itself, where one of them is edited */
    struct names part_names;       /* of a JSON, likewise */
    struct scan_restorer restorer;
};

static enum err prepare(struct content_check *k);
static void making_free(struct queue *q);
static enum err wipe_some(struct making *m, size_t *left);
static enum err make_some(struct content_check *k, struct making *m, size_t *left);
static enum err begin(struct content_check *k, struct making *m);
static enum err begin_json(const struct content_check *k, struct making *m);
static enum err take_unit(struct content_check *k, struct making *m, size_t *left);
static enum err apply(struct content_check *k, struct making *m, size_t *left);
static enum err end_apply(struct making *m, const struct content_check *k);
static enum err end_name(struct making *m, const struct content_check *k);
static enum err number_part(struct making *m, const struct unit *u, struct str name,
                            unsigned *ret_number);
static enum err copy(struct content_check *k, struct making *m, size_t *left);
static void finish(const struct content_check *k, struct making *m);
static enum err restore(struct content_check *k, struct making *m, size_t *left);
static enum err escape(struct content_check *k, struct making *m, size_t *left);
static enum err end_part(const struct unit *u, struct making *m);
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
    struct buf *bufs[] = {&m->value, &m->part, &m->whole};
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
    buf_init(&m->part, EDITED_BYTES_MAX);
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
        buf_wipe(&m->part);
        buf_wipe(&m->whole);
        names_fini(&m->names);
        names_fini(&m->part_names);
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
        return take_unit(k, m, left);
    case MAKE_APPLY:
        return apply(k, m, left);
    case MAKE_COPY:
        return copy(k, m, left);
    case MAKE_RESTORE:
        return restore(k, m, left);
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
    if (r->is_json && r->is_edited) {
        TRY(begin_json(k, m));
    } else if (r->is_edited || (r->text->is_key && k->queue->has_edited_name)) {
        m->step = MAKE_APPLY;
    } else if (needs_restoring(k, r)) {
        buf_add(&m->value, r->text->value);
        finish(k, m);
    } else {
        next_reading(m);
    }
    return m->value.err;
}

static enum err begin_json(const struct content_check *k, struct making *m)
{
    const struct reading *r = &k->queue->items[m->reading];
    names_fini(&m->part_names);
    names_init(&m->part_names, k->env.hash_key);
    m->copied = 0;
    m->step = MAKE_UNIT;
    return r->has_edited_name ? names_reserve(&m->part_names, r->units_count) : ERR_OK;
}

/* The next one that changes; where names are edited, also those that make way for one. */
static enum err take_unit(struct content_check *k, struct making *m, size_t *left)
{
    const struct reading *r = &k->queue->items[m->reading];
    buf_clear(&m->part);
    m->edit = m->at = 0;
    for (; m->unit < r->units_count && *left > 0; m->unit++) {
        const struct unit *u = &r->units[m->unit];
        unsigned number = 0;
        spend(left, 1);
        if (u->edits.count > 0) {
            m->step = MAKE_APPLY;
            return ERR_OK;
        }
        if (u->text->is_key && r->has_edited_name) {
            spend(left, EDIT_COST);
            TRY(number_part(m, u, u->text->value, &number));
        }
        if (number != 0) {
            buf_add(&m->part, u->text->value);
            buf_printf(&m->part, "_%u", number);
            m->step = MAKE_COPY;
            return m->part.err;
        }
    }
    m->step = m->unit == r->units_count ? MAKE_COPY : MAKE_UNIT;
    return ERR_OK;
}

/* Of a JSON; the names of one object stay apart. */
static enum err number_part(struct making *m, const struct unit *u, struct str name,
                            unsigned *ret_number)
{
    uint64_t hash = names_add(names_begin(&m->part_names, u->text->scope), name);
    return names_take(&m->part_names, hash, u->edits.count > 0, ret_number);
}

static enum err apply(struct content_check *k, struct making *m, size_t *left)
{
    const struct reading *r = &k->queue->items[m->reading];
    const struct unit *u = &r->units[m->unit];
    const struct edit_list *edits = &u->edits;
    struct buf *out = r->is_json ? &m->part : &m->value;
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
    return r->is_json ? end_part(u, m) : end_apply(m, k);
}

static enum err end_part(const struct unit *u, struct making *m)
{
    unsigned number = 0;
    if (u->text->is_key) {
        TRY(number_part(m, u, buf_str(&m->part), &number));
    }
    if (number != 0) {
        buf_printf(&m->part, "_%u", number);
    }
    m->step = MAKE_COPY;
    return m->part.err;
}

static enum err end_apply(struct making *m, const struct content_check *k)
{
    const struct reading *r = &k->queue->items[m->reading];
    finish(k, m);
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

/* Of a JSON what stands in front of the unit, or behind all of them. */
static enum err copy(struct content_check *k, struct making *m, size_t *left)
{
    const struct reading *r = &k->queue->items[m->reading];
    bool is_last = m->unit == r->units_count;
    size_t to = is_last ? r->text->value.len : r->units[m->unit].text->span.from;
    struct str piece = str_sub(str_sub(r->text->value, m->copied, to), 0, PIECE_BYTES);
    buf_add(&m->value, piece);
    spend(left, EDIT_COST + piece.len / WRITES_PER_READ);
    m->copied += piece.len;
    if (m->copied < to) {
        return m->value.err;
    }
    if (is_last) {
        finish(k, m);
        return m->value.err;
    }
    m->at = 0;
    m->from = &m->part;
    m->step = MAKE_ESCAPE;
    return m->value.err;
}

static bool needs_restoring(const struct content_check *k, const struct reading *r)
{
    return r->stage == CONTENT_RESPONSE && k->tokens.count > 0 &&
           str_find(r->text->value, '[') >= 0;
}

/* The text is in `value`, but for the tokens of the request. */
static void finish(const struct content_check *k, struct making *m)
{
    const struct reading *r = &k->queue->items[m->reading];
    m->unit = r->units_count; /* what is escaped now is all of it */
    m->at = 0;
    m->from = &m->value;
    m->step = MAKE_ESCAPE;
    if (r->stage == CONTENT_RESPONSE && k->tokens.count > 0) {
        buf_clear(&m->part);
        scan_restorer_init(&m->restorer, &k->tokens, r->text->is_json);
        m->step = MAKE_RESTORE;
    }
}

static enum err restore(struct content_check *k, struct making *m, size_t *left)
{
    const struct reading *r = &k->queue->items[m->reading];
    struct str piece = str_sub(buf_str(&m->value), m->at, m->at + RESTORE_BYTES);
    size_t before = m->part.len;
    TRY(scan_restorer_feed(&m->restorer, piece, &m->part));
    for (size_t i = 0; i < piece.len; i++) {
        spend(left, piece.ptr[i] == '[' ? BRACKET_COST : 0);
    }
    spend(left, (piece.len + m->part.len - before) / WRITES_PER_READ + 1);
    m->at += piece.len;
    if (m->at < m->value.len) {
        return ERR_OK;
    }
    TRY(scan_restorer_close(&m->restorer, &m->part));
    m->at = 0;
    m->from = &m->part;
    m->step = MAKE_ESCAPE;
    if (str_eq(buf_str(&m->part), r->text->value)) {
        next_reading(m); /* a bracket, but none of ours */
    }
    return ERR_OK;
}

/* As a JSON string: a part goes behind what was copied in front of it. */
static enum err escape(struct content_check *k, struct making *m, size_t *left)
{
    const struct reading *r = &k->queue->items[m->reading];
    bool is_part = m->unit < r->units_count;
    struct buf *out = is_part ? &m->value : &m->whole;
    struct str text = buf_str(m->from);
    size_t end = piece_end(text, m->at);
    if (m->at == 0) {
        buf_clear(&m->whole);
        buf_add_byte(out, '"');
    }
    json_write_chars(out, str_sub(text, m->at, end));
    spend(left, (end - m->at) / WRITES_PER_READ);
    m->at = end;
    if (end < text.len) {
        return out->err;
    }
    buf_add_byte(out, '"');
    TRY(out->err);
    if (is_part) {
        m->copied = r->units[m->unit++].text->span.to;
        m->step = MAKE_UNIT;
        return ERR_OK;
    }
    char *to = arena_alloc_raw(k->arena, m->whole.len + 1);
    if (to == NULL) {
        return ERR_MEMORY;
    }
    to[m->whole.len] = '\0';
    m->kept = (struct str){to, 0};
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
    memcpy((char *)(uintptr_t)m->kept.ptr + m->kept.len, piece.ptr, piece.len);
    m->kept.len += piece.len;
    spend(left, piece.len / WRITES_PER_READ);
    if (piece.len < rest.len) {
        return ERR_OK;
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
