/* SPDX-License-Identifier: Apache-2.0
 *
 * Seams: what is split over the parts of a message, or over messages of one role, is seen
 * joined as well. The ends of the texts are put together without anything between them,
 * as a model reads them; what then crosses a seam, and is not merely the end of something
 * that was found in one text alone, is a finding: replaced in the first text, cut out of
 * the others. Long conversations are read in windows that overlap by more than a finding
 * is long. Requests only: the choices of an answer are not one text, and a stream would
 * not see them joined.
 */
#include "run.h"

#define END_BYTES 256U /* of a long text, at either end */
#define WINDOW_BYTES (16U << 10)
#define SEGMENTS_MAX 512U
#define COVERS_BACK 256U /* findings looked back at for what covers one */
#define GAP STR("\n\n") /* stands for the middle of a long text; nothing crosses it */

struct segment {
    size_t reading;
    size_t from; /* in the text */
    size_t at;   /* in the window */
    size_t len;
};
struct window {
    struct segment *segments;
    size_t count;
    struct str text;
    size_t next; /* reading that the next window begins with; findings before it count */
    bool is_last;
    struct scan_finding *own; /* of each segment alone, in the window's places */
    size_t own_count, own_capacity;
    bool is_own_known;
};

static size_t next_of(const struct queue *q, size_t i);
static enum err build(struct content_check *k, struct window *w);
static enum err add_text(struct queue *q, struct window *w, size_t reading, bool is_first);
static void add_segment(struct queue *q, struct window *w, size_t reading, struct str value,
                        const size_t span[2]);
static size_t char_edge(struct str s, size_t at);
static void find_next(struct window *w);
static enum err read_window(struct content_check *k, struct window *w);
static enum err take_crossing(struct content_check *k, struct window *w, size_t *ret_count);
static enum err is_crossing(struct content_check *k, struct window *w, size_t at, bool *ret);
static size_t segment_at(const struct window *w, size_t at);
static enum err find_own(struct content_check *k, struct window *w);
static enum err keep_own(struct arena *a, struct window *w, const struct scan_findings *alone,
                         size_t at);
static bool is_own(const struct window *w, const struct scan_finding *f);
static bool is_same_kind(const struct scan_finding *a, const struct scan_finding *b);
static enum err note(struct content_check *k, const struct window *w, size_t at);
static enum err edit(struct content_check *k, const struct window *w,
                     const struct scan_edit *edit);

enum err seam_run(struct content_check *k, size_t *left)
{
    struct queue *q = k->queue;
    enum err err = ERR_OK;

    if (q->count < 2 || q->items[0].stage != CONTENT_REQUEST ||
        !stage_of(k, CONTENT_REQUEST)->is_scanned) {
        return ERR_OK;
    }
    while (err == ERR_OK && q->seam.role < LLM_ROLE_OTHER) {
        struct window w = {.count = 0};
        if (*left == 0) {
            return ERR_AGAIN;
        }
        TRY(build(k, &w));
        *left -= w.text.len < *left ? w.text.len : *left;
        if (w.text.len > 0) {
            err = read_window(k, &w);
            bytes_wipe(q->led.ptr, q->led.len);
        }
        q->seam.from = w.is_last ? 0 : w.next;
        q->seam.role += w.is_last ? 1 : 0;
    }
    return err;
}

/* The next text of the role that is speech. */
static size_t next_of(const struct queue *q, size_t i)
{
    while (i < q->count && ((unsigned)q->items[i].text->role != q->seam.role ||
                            !is_speech(q->items[i].text))) {
        i++;
    }
    return i;
}

/* Fewer than two texts: no window. */
static enum err build(struct content_check *k, struct window *w)
{
    struct queue *q = k->queue;
    size_t first = next_of(q, q->seam.from);
    size_t second = next_of(q, first + 1);

    w->is_last = true;
    if (second >= q->count) {
        return ERR_OK;
    }
    w->segments = ARENA_ARRAY(k->arena, SEGMENTS_MAX, struct segment);
    if (w->segments == NULL) {
        return ERR_MEMORY;
    }
    buf_clear(&q->led);
    size_t i = first;
    while (i < q->count && w->count + 2 <= SEGMENTS_MAX && q->led.len < WINDOW_BYTES) {
        TRY(add_text(q, w, i, i == first));
        i = next_of(q, i + 1);
    }
    w->text = buf_str(&q->led);
    w->is_last = i >= q->count;
    w->next = q->count;
    if (!w->is_last) {
        find_next(w);
    }
    return ERR_OK;
}

static enum err add_text(struct queue *q, struct window *w, size_t reading, bool is_first)
{
    struct str value = q->items[reading].text->value;
    size_t head = 0, tail = 0;
    if (value.len > 2 * END_BYTES) {
        head = char_edge(value, END_BYTES);
        tail = char_edge(value, value.len - END_BYTES);
    }
    if (head > 0 && !is_first) {
        add_segment(q, w, reading, value, (const size_t[]){0, head});
        buf_add(&q->led, GAP);
    }
    add_segment(q, w, reading, value, (const size_t[]){tail, value.len});
    return q->led.err;
}

static void add_segment(struct queue *q, struct window *w, size_t reading, struct str value,
                        const size_t span[2])
{
    w->segments[w->count++] = (struct segment){.reading = reading,
                                               .from = span[0],
                                               .at = q->led.len,
                                               .len = span[1] - span[0]};
    buf_add(&q->led, str_sub(value, span[0], span[1]));
}

/* Not inside of a code point. */
static size_t char_edge(struct str s, size_t at)
{
    while (at < s.len && ((unsigned char)s.ptr[at] & 0xc0) == 0x80) {
        at++;
    }
    return at;
}

/* Far enough back that what begins before it has ended in this window. */
static void find_next(struct window *w)
{
    size_t i = w->count;
    size_t bytes = 0;
    while (i > 1 && bytes < END_BYTES) {
        bytes += w->segments[--i].len;
    }
    while (i > 0 && w->segments[i].reading == w->segments[i - 1].reading) {
        i--;
    }
    /* Windows of many tiny texts still go on. */
    w->next = w->segments[i].reading > w->segments[0].reading
                  ? w->segments[i].reading
                  : w->segments[w->count - 1].reading;
}

static enum err read_window(struct content_check *k, struct window *w)
{
    struct queue *q = k->queue;
    struct stage *s = stage_of(k, CONTENT_REQUEST);
    struct scan_findings *found = &q->found;
    struct scan_edits edits = {.count = 0};
    size_t crossing = 0;

    found->count = 0;
    found->is_truncated = found->is_exhausted = false;
    TRY(scan_text(content_set(k->content), k->env.scratch, w->text, SCAN_VIEW_FOLD, found));
    if (found->is_truncated || found->is_exhausted) {
        return ERR_LIMIT;
    }
    TRY(take_crossing(k, w, &crossing));
    if (crossing == 0) {
        return ERR_OK;
    }
    TRY(scan_edits_of(&s->plan, &k->keys, w->text, found, k->arena, &edits));
    for (size_t i = 0; i < edits.count; i++) {
        TRY(edit(k, w, &edits.items[i]));
    }
    s->edits_count += edits.count;
    return ERR_OK;
}

/* Tells what crosses; the rest is taken out, but for the exceptions. */
static enum err take_crossing(struct content_check *k, struct window *w, size_t *ret_count)
{
    struct scan_findings *found = &k->queue->found;
    const struct stage *s = stage_of(k, CONTENT_REQUEST);
    size_t kept = 0;

    for (size_t i = 0; i < found->count; i++) {
        bool is_kept;
        TRY(is_crossing(k, w, i, &is_kept));
        if (is_kept) {
            TRY(note(k, w, i));
            ++*ret_count;
        } else if (judge_index(s, found->items, found->count, i) != SCAN_PLAN_COVER) {
            found->items[i].score = 0; /* others may still be looked for behind it */
        }
    }
    for (size_t i = 0; i < found->count; i++) {
        if (found->items[i].score > 0) {
            found->items[kept++] = found->items[i];
        }
    }
    found->count = kept;
    return ERR_OK;
}

static enum err is_crossing(struct content_check *k, struct window *w, size_t at, bool *ret)
{
    const struct scan_findings *found = &k->queue->found;
    const struct scan_finding *f = &found->items[at];
    const struct stage *s = stage_of(k, CONTENT_REQUEST);
    size_t first = segment_at(w, f->start);
    size_t last = segment_at(w, f->end - 1);
    const struct segment *end = &w->segments[last];
    size_t covered = 0;

    *ret = false;
    if (w->segments[first].reading == end->reading || w->segments[first].reading >= w->next) {
        return ERR_OK;
    }
    for (size_t i = first; i <= last; i++) {
        covered += w->segments[i].len;
    }
    if (covered != end->at + end->len - w->segments[first].at) {
        return ERR_OK; /* over the middle of a long text */
    }
    if (f->kind == SCAN_TERM && k->content->terms[f->id].use == TERM_REQUIRED) {
        *ret = true;
        return ERR_OK;
    }
    if (judge_index(s, found->items, found->count, at) >= s->plan.actions_count) {
        return ERR_OK;
    }
    TRY(find_own(k, w));
    *ret = !is_own(w, f);
    return ERR_OK;
}

/* The last one that begins at or before the place. */
static size_t segment_at(const struct window *w, size_t at)
{
    size_t low = 0, high = w->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (w->segments[middle].at <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Each segment alone, when that is asked for the first time. */
static enum err find_own(struct content_check *k, struct window *w)
{
    struct scan_findings alone;
    enum err err = ERR_OK;
    if (w->is_own_known) {
        return ERR_OK;
    }
    scan_findings_init(&alone, SCAN_FINDINGS_MAX);
    for (size_t i = 0; err == ERR_OK && i < w->count; i++) {
        const struct segment *g = &w->segments[i];
        alone.count = 0;
        err = scan_text(content_set(k->content), k->env.scratch,
                        str_sub(w->text, g->at, g->at + g->len), SCAN_VIEW_FOLD, &alone);
        err = err == ERR_OK ? keep_own(k->arena, w, &alone, g->at) : err;
    }
    scan_findings_fini(&alone);
    w->is_own_known = true;
    return err;
}

static enum err keep_own(struct arena *a, struct window *w, const struct scan_findings *alone,
                         size_t at)
{
    if (alone->count == 0) {
        return ERR_OK;
    }
    struct scan_finding *grown =
        arena_grow(a, w->own, &w->own_capacity, w->own_count + alone->count, sizeof(*grown));
    if (grown == NULL) {
        return ERR_MEMORY;
    }
    w->own = grown;
    for (size_t i = 0; i < alone->count; i++) {
        struct scan_finding *f = &w->own[w->own_count++];
        *f = alone->items[i];
        f->start += at;
        f->end += at;
    }
    return ERR_OK;
}

/* "mail bob@a.example" + "Please": the address was found where it stands, and the word
 * behind the seam is none of it. They lie in the order of their places. */
static bool is_own(const struct window *w, const struct scan_finding *f)
{
    size_t low = 0, high = w->own_count;
    size_t from = f->start > 3 * END_BYTES ? f->start - 3 * END_BYTES : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->own[middle].start < from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < w->own_count && w->own[low].start < f->end; low++) {
        if (w->own[low].end > f->start && is_same_kind(&w->own[low], f)) {
            return true;
        }
    }
    return false;
}

static bool is_same_kind(const struct scan_finding *a, const struct scan_finding *b)
{
    if (a->kind != b->kind || a->kind == SCAN_TERM) {
        return a->kind == b->kind && a->id == b->id;
    }
    return strcmp(scan_detector_info(a->id).type, scan_detector_info(b->id).type) == 0;
}

/* With the place in its first text; what covers it was told, or speaks against it. */
static enum err note(struct content_check *k, const struct window *w, size_t at)
{
    const struct scan_findings *found = &k->queue->found;
    struct scan_finding f = found->items[at];
    const struct segment *g = &w->segments[segment_at(w, f.start)];
    const struct llm_text *text = k->queue->items[g->reading].text;
    struct scan_finding items[COVERS_MAX + 1];
    struct scan_findings one = {.items = items, .count = 1, .capacity = COVERS_MAX + 1};
    struct covers covers = {.count = 0};

    items[0] = f;
    items[0].start = f.start - g->at + g->from;
    items[0].end = items[0].start + (f.end - f.start);
    size_t i = at > COVERS_BACK ? at - COVERS_BACK : 0;
    for (; i < found->count && covers.count < COVERS_MAX; i++) {
        const struct scan_finding *o = &found->items[i];
        if (o->start > f.start) {
            break;
        }
        bool is_except = o->kind == SCAN_TERM && k->content->terms[o->id].use == TERM_EXCEPT;
        bool is_earlier = o->kind == SCAN_ENTITY && i < at;
        if ((is_except || is_earlier) && o->end >= f.end) {
            struct scan_finding *to = &covers.items[covers.count++];
            *to = *o;
            to->start = items[0].start;
            to->end = items[0].end;
        }
    }
    const struct place where = {.pointer = text->pointer, .role = text->role};
    return note_findings(stage_of(k, CONTENT_REQUEST), &where, &one, &covers);
}

static enum err edit(struct content_check *k, const struct window *w,
                     const struct scan_edit *edit)
{
    bool is_first = true;
    for (size_t i = segment_at(w, edit->start); i < w->count; i++) {
        const struct segment *g = &w->segments[i];
        if (g->at >= edit->end) {
            break;
        }
        size_t from = edit->start > g->at ? edit->start - g->at : 0;
        size_t to = edit->end - g->at < g->len ? edit->end - g->at : g->len;
        if (from >= to) {
            continue;
        }
        struct scan_edit part = {.start = g->from + from,
                                 .end = g->from + to,
                                 .text = is_first ? edit->text : STR("")};
        struct reading *r = &k->queue->items[g->reading];
        TRY(edit_add(k, &r->units[0].edits, &part));
        r->is_edited = true;
        is_first = false;
    }
    return ERR_OK;
}
