/* SPDX-License-Identifier: Apache-2.0
 *
 * The sieve: redaction of a stream that equals redaction of the whole text, however the
 * text is cut. Each feed walks on from the first undecided place; what lies before it,
 * and in no region that may still grow, is given out. Places are decided in order, and
 * a finding never begins before its place: so when all places before x are decided, all
 * findings that begin before x are known, and nothing given out is regretted.
 */
#include "actions.h"

#include <stdlib.h>

#define PIECE_BYTES 1024U /* so that findings of one step fit the array below */
#define STEP_FINDINGS_MAX 768U
#define HELD_BYTES_MIN (4U << 10)
#define HELD_BYTES_MAX (16U << 20)
/* An expression stands at a byte of what a code point folds to: at UNIT times the place in
 * held, plus so many bytes. */
#define UNIT 128U

struct step {
    struct view view;
    size_t context_len;
    size_t known; /* bytes of held that the view covers */
    struct scan_finding items[STEP_FINDINGS_MAX];
    struct scan_findings all;
};

static enum err feed_piece(struct scan_sieve *s, struct scan_scratch *scratch, bool is_final,
                           struct buf *out, struct scan_findings *found);
static enum err see(struct scan_sieve *s, struct scan_scratch *scratch, bool is_final,
                    struct step *step);
static size_t walk(struct scan_sieve *s, struct step *step, bool is_final);
static size_t held_index(const struct step *step, size_t at);
static size_t view_index(const struct step *step, size_t held);
static void mute(const struct scan_sieve *s, struct scan_findings *all);
static size_t give(struct scan_sieve *s, const struct step *step, size_t decided, struct buf *out);
static enum err settle(struct scan_sieve *s, struct step *step, size_t given,
                       struct scan_findings *found);
static bool is_cover(const struct scan_sieve *s, const struct step *step, size_t i);
static void report(struct scan_sieve *s, const struct step *step, size_t i,
                   struct scan_findings *found);
static void remember(struct scan_sieve *s, const struct step *step, size_t given);

void scan_sieve_init(struct scan_sieve *sieve, const struct scan_set *set,
                     const struct scan_plan *plan, struct scan_keys *keys, size_t bytes_max)
{
    memset(sieve, 0, sizeof(*sieve));
    sieve->set = set;
    sieve->plan = plan;
    sieve->keys = keys;
    size_t least = bytes_max < HELD_BYTES_MIN ? HELD_BYTES_MIN : bytes_max;
    buf_init(&sieve->held, least > HELD_BYTES_MAX ? HELD_BYTES_MAX : least);
}

void scan_sieve_fini(struct scan_sieve *sieve)
{
    if (sieve != NULL) {
        buf_wipe(&sieve->held);
        free(sieve->progress);
        sieve->progress = NULL;
    }
}

size_t scan_sieve_held_bytes(const struct scan_sieve *sieve)
{
    return sieve->held.len;
}

enum err scan_sieve_feed(struct scan_sieve *sieve, struct scan_scratch *scratch, struct str chunk,
                         struct buf *out, struct scan_findings *found)
{
    ASSERT(!sieve->is_closed);
    while (chunk.len > 0 && !sieve->is_blocked) {
        struct str piece = str_sub(chunk, 0, PIECE_BYTES);
        chunk = str_sub(chunk, piece.len, chunk.len);
        buf_add(&sieve->held, piece);
        enum err err = sieve->held.err;
        err = err == ERR_OK ? feed_piece(sieve, scratch, false, out, found) : err;
        if (err != ERR_OK) {
            sieve->is_blocked = true;
            return err;
        }
    }
    return ERR_OK;
}

enum err scan_sieve_close(struct scan_sieve *sieve, struct scan_scratch *scratch, struct buf *out,
                          struct scan_findings *found)
{
    sieve->is_closed = true;
    if (sieve->is_blocked || sieve->held.len == 0) {
        return ERR_OK;
    }
    enum err err = feed_piece(sieve, scratch, true, out, found);
    sieve->is_blocked = sieve->is_blocked || err != ERR_OK;
    return err;
}

static enum err feed_piece(struct scan_sieve *s, struct scan_scratch *scratch, bool is_final,
                           struct buf *out, struct scan_findings *found)
{
    struct step step;
    step.all = (struct scan_findings){.items = step.items, .capacity = STEP_FINDINGS_MAX};
    if (s->set->regexes_count > 0 && s->progress == NULL) {
        s->progress = calloc(1, sizeof(*s->progress));
        if (s->progress == NULL) {
            return ERR_MEMORY;
        }
        progress_begin(s->progress, s->set);
    }
    TRY(see(s, scratch, is_final, &step));
    memcpy(step.items, s->pending, s->pending_count * sizeof(step.items[0]));
    for (size_t i = 0; i < s->pending_count; i++) {
        step.items[i].start += step.context_len;
        step.items[i].end += step.context_len;
    }
    step.all.count = s->pending_count;
    size_t stop = walk(s, &step, is_final);
    if (step.all.is_truncated || step.all.is_exhausted) {
        s->is_truncated = true;
        return ERR_LIMIT; /* something may have been missed: nothing more goes out */
    }
    size_t decided = held_index(&step, stop);
    for (size_t i = 0; i < step.all.count; i++) {
        step.items[i].start -= step.context_len;
        step.items[i].end -= step.context_len;
    }
    mute(s, &step.all);
    findings_sort(&step.all);
    size_t given = give(s, &step, decided, out);
    remember(s, &step, given);
    TRY(settle(s, &step, given, found));
    s->decided = decided - given;
    s->by_detectors -= given;
    s->by_terms -= given;
    s->base += given;
    if (s->progress != NULL) {
        progress_shift(s->progress, given * UNIT);
    }
    buf_consume(&s->held, given);
    return out->err;
}

/* Returns the first place of the view that is not decided. */
static size_t walk(struct scan_sieve *s, struct step *step, bool is_final)
{
    struct cursor c;
    cursor_init(&c, s->set, &step->view, is_final, &step->all);
    size_t from = view_index(step, s->decided);
    size_t end = step->view.text.len;
    size_t stop = detectors_run(&c, view_index(step, s->by_detectors), end);
    size_t terms = terms_run(&c, view_index(step, s->by_terms), end);
    s->by_detectors = held_index(step, stop);
    s->by_terms = held_index(step, terms);
    stop = terms < stop ? terms : stop;
    if (s->set->regexes_count == 0) {
        return stop;
    }
    struct scan_progress *p = s->progress;
    for (size_t i = 0; i < p->count; i++) {
        size_t at = view_index(step, p->next[i] / UNIT) + p->next[i] % UNIT;
        p->next[i] = p->next[i] <= s->decided * UNIT ? 0 : (uint32_t)at;
    }
    progress_allow(p, s->base + s->held.len);
    c.progress = p;
    size_t regexes = regexes_run(&c, from, end);
    stop = regexes < stop ? regexes : stop;
    for (size_t i = 0; i < p->count; i++) {
        if (p->next[i] > stop) {
            size_t held = held_index(step, p->next[i]);
            p->next[i] = (uint32_t)(held * UNIT + (p->next[i] - view_index(step, held)));
        } else {
            p->next[i] = 0;
        }
    }
    return stop;
}

/* The byte of held that a byte of the view comes from. */
static size_t held_index(const struct step *step, size_t at)
{
    return at == step->view.text.len ? step->known
                                     : view_start(&step->view, at) - step->context_len;
}

/* The view: what is remembered of the past, then what is held. */
static enum err see(struct scan_sieve *s, struct scan_scratch *scratch, bool is_final,
                    struct step *step)
{
    struct str held = buf_str(&s->held);
    step->context_len = s->context_len;
    step->known = held.len;
    struct window *w = &scratch->window;
    window_clear(w);
    struct str context = {s->context, s->context_len};
    if (is_ascii(held)) {
        buf_add(&w->text, context);
        buf_add(&w->text, held);
        step->view = (struct view){.text = buf_str(&w->text)};
        return w->text.err;
    }
    window_add(w, context, 0, 0);
    step->known = fold_text(held, s->context_len, is_final, w);
    TRY(window_err(w));
    step->view = window_view(w);
    return ERR_OK;
}

/* The first byte of the view that comes from held[held] or later. */
static size_t view_index(const struct step *step, size_t held)
{
    size_t low = step->context_len;
    size_t high = step->view.text.len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (view_start(&step->view, middle) < held + step->context_len) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Takes out what begins in text that was only fed to be looked back at. */
static void mute(const struct scan_sieve *s, struct scan_findings *all)
{
    size_t kept = 0;
    if (s->base >= s->muted) {
        return;
    }
    for (size_t i = 0; i < all->count; i++) {
        if (s->base + all->items[i].start >= s->muted) {
            all->items[kept++] = all->items[i];
        }
    }
    all->count = kept;
}

/* Writes what is certain; returns how many bytes of held that was. */
static size_t give(struct scan_sieve *s, const struct step *step, size_t decided, struct buf *out)
{
    struct str held = buf_str(&s->held);
    size_t given = 0;
    size_t at = 0;
    struct region r;
    while (region_next(s->plan, step->all.items, step->all.count, &at, &r)) {
        if (r.start >= decided) {
            break;
        }
        buf_add(out, str_sub(held, given, r.start));
        given = r.start;
        if (r.has_block) {
            s->is_blocked = true;
            return given;
        }
        if (r.end > decided) {
            return given; /* it may grow */
        }
        region_write(s->plan, s->keys, &r, str_sub(held, r.start, r.end), out);
        given = r.end;
    }
    buf_add(out, str_sub(held, given, decided));
    return decided;
}

/* Findings that begin in what was given out are reported; the rest waits. So do covers
 * that reach further: what they cover may be decided later. */
static enum err settle(struct scan_sieve *s, struct step *step, size_t given,
                       struct scan_findings *found)
{
    s->pending_count = 0;
    for (size_t i = 0; i < step->all.count; i++) {
        struct scan_finding f = step->all.items[i];
        bool is_given = f.start < given || s->is_blocked;
        if (is_given) {
            report(s, step, i, found);
            if (s->is_blocked || f.end <= given || !is_cover(s, step, i)) {
                continue;
            }
            f.score = 0; /* reported */
        }
        if (s->pending_count == SCAN_SIEVE_FINDINGS_MAX) {
            s->is_truncated = true;
            return ERR_LIMIT;
        }
        f.start = is_given ? 0 : f.start - given;
        f.end -= given;
        s->pending[s->pending_count++] = f;
    }
    return ERR_OK;
}

static bool is_cover(const struct scan_sieve *s, const struct step *step, size_t i)
{
    return plan_index(s->plan, step->items, step->all.count, i) == SCAN_PLAN_COVER;
}

static void report(struct scan_sieve *s, const struct step *step, size_t i,
                   struct scan_findings *found)
{
    struct scan_finding f = step->items[i];
    uint8_t index = plan_index(s->plan, step->items, step->all.count, i);
    bool is_told = f.score == 0; /* a cover that was kept */
    if (is_told || (index >= s->plan->actions_count && index != SCAN_PLAN_COVER)) {
        return;
    }
    if (index == SCAN_PLAN_COVER) {
        ; /* nothing that was looked for */
    } else if (f.kind == SCAN_TERM) {
        s->terms_count++;
    } else {
        s->counts[detector_at(f.id)->class]++;
    }
    if (found == NULL) {
        return;
    }
    if (found->count == found->capacity) {
        found->is_truncated = true;
        return;
    }
    f.start += (size_t)s->base;
    f.end += (size_t)s->base;
    found->items[found->count++] = f;
}

/* Keeps the end of the view of what was given out, for words and context to the left. */
static void remember(struct scan_sieve *s, const struct step *step, size_t given)
{
    size_t end = view_index(step, given);
    size_t from = end > SCAN_SIEVE_CONTEXT ? end - SCAN_SIEVE_CONTEXT : 0;
    /* Not half a code point; but a run of stray bytes stays, for the whole text has it too. */
    for (unsigned i = 0; from > 0 && i < 3 && from < end; i++) {
        from += ((unsigned char)step->view.text.ptr[from] & 0xc0) == 0x80 ? 1 : 0;
    }
    memmove(s->context, step->view.text.ptr + from, end - from);
    s->context_len = end - from;
}
