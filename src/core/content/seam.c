/* SPDX-License-Identifier: Apache-2.0
 *
 * Seams: what is split over the parts of a message, or over messages of one role, is seen
 * joined as well. The ends of the texts are put together without anything between them,
 * as a model reads them; what then crosses a seam, and is not merely the end of something
 * that was found in one text alone, is a finding: replaced in the first text, cut out of
 * the others. Long conversations are read in windows that overlap by more than a finding
 * is long.
 */
#include "run.h"

#define END_BYTES 256U /* of a long text, at either end */
#define WINDOW_BYTES (16U << 10)
#define SEGMENTS_MAX 512U
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
};

static bool is_of(const struct queue *q, size_t i, enum content_stage stage, unsigned role);
static size_t next_of(const struct queue *q, size_t i, enum content_stage stage, unsigned role);
static enum err build(struct content_check *k, struct window *w);
static enum err add_text(struct queue *q, struct window *w, size_t reading, bool is_first);
static void add_segment(struct queue *q, struct window *w, size_t reading, struct str value,
                        const size_t span[2]);
static size_t char_edge(struct str s, size_t at);
static void find_next(struct window *w);
static enum err read_window(struct content_check *k, struct window *w);
static enum err is_crossing(struct content_check *k, const struct window *w, size_t at,
                            bool *ret);
static size_t segment_at(const struct window *w, size_t at);
static enum err is_own(struct content_check *k, const struct window *w,
                       const struct scan_finding *f, bool *ret);
static bool is_same_kind(const struct scan_finding *a, const struct scan_finding *b);
static enum err note(struct content_check *k, const struct window *w, size_t at);
static enum err edit(struct content_check *k, const struct window *w,
                     const struct scan_edit *edit);

enum err seam_run(struct content_check *k, size_t *left)
{
    struct queue *q = k->queue;
    enum err err = ERR_OK;

    if (q->count < 2 || !stage_of(k, q->items[0].stage)->is_scanned) {
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

static bool is_of(const struct queue *q, size_t i, enum content_stage stage, unsigned role)
{
    const struct reading *r = &q->items[i];
    return r->stage == stage && (unsigned)r->text->role == role && is_speech(r->text);
}

static size_t next_of(const struct queue *q, size_t i, enum content_stage stage, unsigned role)
{
    while (i < q->count && !is_of(q, i, stage, role)) {
        i++;
    }
    return i;
}

/* Fewer than two texts: no window. */
static enum err build(struct content_check *k, struct window *w)
{
    struct queue *q = k->queue;
    enum content_stage stage = q->items[0].stage;
    size_t first = next_of(q, q->seam.from, stage, q->seam.role);
    size_t second = next_of(q, first + 1, stage, q->seam.role);

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
        i = next_of(q, i + 1, stage, q->seam.role);
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
    struct stage *s = stage_of(k, q->items[0].stage);
    struct scan_findings *found = &q->found;
    struct scan_edits edits;
    size_t crossing = 0;

    found->count = 0;
    found->is_truncated = found->is_exhausted = false;
    TRY(scan_text(content_set(k->content), k->env.scratch, w->text, SCAN_VIEW_FOLD, found));
    if (found->is_truncated || found->is_exhausted) {
        return ERR_LIMIT;
    }
    for (size_t i = 0; i < found->count; i++) {
        bool is_kept;
        TRY(is_crossing(k, w, i, &is_kept));
        if (is_kept) {
            TRY(note(k, w, i));
            crossing++;
        } else if (judge_index(s, found->items, found->count, i) != SCAN_PLAN_COVER) {
            found->items[i].score = 0; /* to be dropped, when nothing asks about it any more */
        }
    }
    if (crossing == 0) {
        return ERR_OK;
    }
    size_t kept = 0;
    for (size_t i = 0; i < found->count; i++) {
        if (found->items[i].score > 0) {
            found->items[kept++] = found->items[i];
        }
    }
    found->count = kept;
    TRY(scan_edits_of(&s->plan, &k->keys, w->text, found, k->arena, &edits));
    for (size_t i = 0; i < edits.count; i++) {
        TRY(edit(k, w, &edits.items[i]));
    }
    s->edits_count += edits.count;
    return ERR_OK;
}

static enum err is_crossing(struct content_check *k, const struct window *w, size_t at,
                            bool *ret)
{
    const struct scan_findings *found = &k->queue->found;
    const struct scan_finding *f = &found->items[at];
    const struct stage *s = stage_of(k, k->queue->items[0].stage);
    size_t first = segment_at(w, f->start);
    size_t last = segment_at(w, f->end - 1);

    *ret = false;
    if (w->segments[first].reading == w->segments[last].reading ||
        w->segments[first].reading >= w->next) {
        return ERR_OK;
    }
    size_t covered = 0;
    for (size_t i = first; i <= last; i++) {
        covered += w->segments[i].len;
    }
    const struct segment *end = &w->segments[last];
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
    bool is_known;
    TRY(is_own(k, w, f, &is_known));
    *ret = !is_known;
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

/* "mail bob@a.example" + "Please": the address was found where it stands, and the word
 * behind the seam is none of it. */
static enum err is_own(struct content_check *k, const struct window *w,
                       const struct scan_finding *f, bool *ret)
{
    struct scan_findings own;
    enum err err = ERR_OK;

    *ret = false;
    scan_findings_init(&own, SCAN_FINDINGS_MAX);
    for (size_t i = segment_at(w, f->start); err == ERR_OK && i < w->count; i++) {
        const struct segment *g = &w->segments[i];
        if (g->at >= f->end) {
            break;
        }
        own.count = 0;
        err = scan_text(content_set(k->content), k->env.scratch,
                        str_sub(w->text, g->at, g->at + g->len), SCAN_VIEW_FOLD, &own);
        for (size_t n = 0; err == ERR_OK && n < own.count; n++) {
            const struct scan_finding *o = &own.items[n];
            *ret = *ret || (o->start + g->at < f->end && o->end + g->at > f->start &&
                            is_same_kind(o, f));
        }
    }
    scan_findings_fini(&own);
    return err;
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
    for (size_t i = 0; i < found->count && covers.count < COVERS_MAX; i++) {
        const struct scan_finding *o = &found->items[i];
        bool is_except = o->kind == SCAN_TERM && k->content->terms[o->id].use == TERM_EXCEPT;
        bool is_earlier = o->kind == SCAN_ENTITY && i < at;
        if ((is_except || is_earlier) && o->start <= f.start && o->end >= f.end) {
            struct scan_finding *to = &covers.items[covers.count++];
            *to = *o;
            to->start = items[0].start;
            to->end = items[0].end;
        }
    }
    return note_findings(stage_of(k, k->queue->items[0].stage),
                         &(struct place){text->pointer, text->role}, &one, &covers);
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
        TRY(edit_add(k->arena, &k->queue->items[g->reading].units[0].edits, &part));
        is_first = false;
    }
    return ERR_OK;
}
