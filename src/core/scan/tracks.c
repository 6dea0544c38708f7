/* SPDX-License-Identifier: Apache-2.0
 *
 * Tracks: see tracks.h. A view that does not differ shares the walk over the folded text,
 * which is shown only as far as all such views have read it: a place decided there is
 * decided in each of them. From its first difference a view is walked apart; when what the
 * walk may still look at is a plain copy again, it shares once more. Memory: a sieve's.
 */
#include "tracks.h"

#include <stdlib.h>

#define TEXT_BYTES_MAX (UINT32_MAX / 2)
#define WINDOW_BYTES_MAX (256U << 20)
#define LOOK_BACK 128U /* bytes of a view that a walk may look at behind it */
#define DROP_BYTES_MIN 1024U
#define LAYERS_SIGNS (SCAN_VIEW_SKELETON | SCAN_VIEW_MARKUP | SCAN_VIEW_DECODED)

static unsigned worth_now(const struct scan_tracks *t, const struct view *folded);
static bool look(struct other_view *o, const struct view *folded, bool is_final, bool is_plain);
static unsigned like_before(const struct other_view *o, unsigned at);
static bool has_same_state(const struct other_view *o, unsigned at, unsigned before);
static bool ends_in_escape(struct str text);
static size_t shared_by(const struct other_view *o);
static enum err wake(struct scan_tracks *t, struct other_view *o);
static void free_track(struct track *k);
static void walk_on(const struct scan_tracks *t, struct walk *w, const struct view *view,
                    bool is_final, struct scan_findings *found);
static size_t decided_of(const struct scan_tracks *t, const struct walk *w);
static struct view view_of(const struct track *k);
static uint64_t folded_place(const struct scan_tracks *t, size_t at);
static uint64_t place_of(const struct scan_tracks *t, const struct other_view *o, size_t at);
static bool may_sleep(const struct scan_tracks *t, const struct other_view *o);
static bool has_read_all(const struct scan_stages *s);
static bool has_same_progress(const struct scan_tracks *t, const struct other_view *o);
static void keep_walked(struct other_view *o);
static size_t later(size_t a, size_t b);
static void shift(struct walk *w, size_t bytes);

enum err tracks_new(const struct scan_set *set, unsigned views, struct scan_tracks **ret)
{
    static const enum scan_views others[TRACKS_MAX] = {SCAN_VIEW_SKELETON, SCAN_VIEW_MARKUP,
                                                       SCAN_VIEW_DECODED, SCAN_VIEW_LAYERS};
    struct scan_tracks *t = calloc(1, sizeof(*t));
    *ret = t;
    if (t == NULL) {
        return ERR_MEMORY;
    }
    t->set = set;
    window_init(&t->folded, WINDOW_BYTES_MAX);
    for (unsigned i = 0; i < TRACKS_MAX; i++) {
        if ((views & others[i]) != 0) {
            enum stage_kind kinds[STAGES_MAX];
            struct other_view *o = &t->others[t->count++];
            o->view = others[i];
            o->signs = others[i] == SCAN_VIEW_LAYERS ? LAYERS_SIGNS : others[i];
            o->quiet_count = stages_of(others[i], LAYERS_MAX, kinds);
            for (unsigned n = 0; n < o->quiet_count; n++) {
                o->quiet[n].kind = kinds[n];
            }
        }
    }
    if (set->regexes_count > 0) {
        t->walk.progress = calloc(1, sizeof(*t->walk.progress));
        if (t->walk.progress == NULL) {
            tracks_free(t);
            *ret = NULL;
            return ERR_MEMORY;
        }
        progress_begin(t->walk.progress, set);
    }
    return ERR_OK;
}

void tracks_free(struct scan_tracks *t)
{
    if (t == NULL) {
        return;
    }
    for (unsigned i = 0; i < t->count; i++) {
        free_track(t->others[i].track);
    }
    buf_wipe(&t->folded.text);
    window_fini(&t->folded);
    free(t->walk.progress);
    free(t);
}

static void free_track(struct track *k)
{
    if (k != NULL) {
        for (unsigned i = 0; i < STAGES_MAX; i++) {
            buf_wipe(&k->stages.windows[i].text);
        }
        stages_fini(&k->stages);
        free(k->walk.progress);
        free(k);
    }
}

/* ---- reading --------------------------------------------------------------------------- */

enum err tracks_feed(struct scan_tracks *t, struct str text, bool is_final)
{
    if (text.len > TEXT_BYTES_MAX - t->folded_to) {
        return ERR_LIMIT;
    }
    t->folded_to += fold_text(text, (size_t)t->folded_to, is_final, &t->folded);
    TRY(window_err(&t->folded));
    const struct view folded = window_view(&t->folded);
    unsigned worth = worth_now(t, &folded);
    t->shown = folded.text.len;
    for (unsigned i = 0; i < t->count; i++) {
        struct other_view *o = &t->others[i];
        if (o->track == NULL && look(o, &folded, is_final, (worth & o->signs) == 0)) {
            TRY(wake(t, o));
        }
        if (o->track != NULL) {
            TRY(stages_read(&o->track->stages, &folded, &o->read[0], is_final));
            t->is_too_deep = t->is_too_deep || (o->view == SCAN_VIEW_LAYERS &&
                                                stages_go_deeper(&o->track->stages));
        } else {
            t->shown = shared_by(o) < t->shown ? shared_by(o) : t->shown;
        }
    }
    return ERR_OK;
}

/* Quiet stages read on, each as far as the one before it did. Does one differ? */
static bool look(struct other_view *o, const struct view *folded, bool is_final, bool is_plain)
{
    struct view in = *folded;
    bool is_same[STAGES_MAX];
    for (unsigned i = 0; i < o->quiet_count; i++) {
        is_same[i] = has_same_state(o, i, like_before(o, i));
    }
    for (unsigned i = 0; i < o->quiet_count; i++) {
        struct stage *st = &o->quiet[i];
        bool is_end = is_final && in.text.len == folded->text.len;
        if (is_same[i] && is_plain && !is_final && !ends_in_escape(in.text)) {
            size_t changed_to = st->changed_to;
            *st = o->quiet[like_before(o, i)]; /* it has come to the same place in the same way */
            st->changed_to = changed_to;
            o->read[i] = o->read[like_before(o, i)];
            continue;
        }
        o->read[i] = stage_look(st, &in, o->read[i], is_end, is_plain);
        if (st->differs) {
            return true;
        }
        in.text.len = o->read[i];
    }
    return false;
}

/* The last one before it that undoes encodings as it does; itself when there is none. */
static unsigned like_before(const struct other_view *o, unsigned at)
{
    for (unsigned i = at; i-- > 0 && o->quiet[at].kind == STAGE_DECODE;) {
        if (o->quiet[i].kind == STAGE_DECODE) {
            return i;
        }
    }
    return at;
}

static bool has_same_state(const struct other_view *o, unsigned at, unsigned before)
{
    const struct stage *a = &o->quiet[before];
    const struct stage *b = &o->quiet[at];
    return before != at && o->read[before] == o->read[at] && a->passed == b->passed &&
           a->looked == b->looked && a->is_inside_run == b->is_inside_run &&
           a->was_decoded == b->was_decoded;
}

/* Where the first stage knew what follows, the second one has to wait. */
static bool ends_in_escape(struct str text)
{
    return text.len > 0 && text.ptr[text.len - 1] == '\\';
}

/* What all stages of a view that does not differ have read. */
static size_t shared_by(const struct other_view *o)
{
    return o->read[o->quiet_count - 1];
}

/* Signs in what some view that does not differ has not read. */
static unsigned worth_now(const struct scan_tracks *t, const struct view *folded)
{
    size_t from = folded->text.len;
    for (unsigned i = 0; i < t->count; i++) {
        const struct other_view *o = &t->others[i];
        from = o->track == NULL && shared_by(o) < from ? shared_by(o) : from;
    }
    return from < folded->text.len
               ? stages_signs(folded->text, from, t->set->engine->is_wide)
               : 0;
}

/* It begins with what the folded window shows up to the difference, and where that has been
 * walked: no further than this view has been read. */
static enum err wake(struct scan_tracks *t, struct other_view *o)
{
    struct track *k = calloc(1, sizeof(*k));
    if (k == NULL) {
        return ERR_MEMORY;
    }
    const struct view folded = window_view(&t->folded);
    size_t decided = decided_of(t, &t->walk);
    size_t from = decided > LOOK_BACK ? decided - LOOK_BACK : 0;
    o->track = k;
    stages_init(&k->stages);
    stages_set(&k->stages, o->view, false);
    for (unsigned i = k->stages.count; i-- > 0;) {
        k->stages.stages[i] = o->quiet[i];
        window_copy(&k->stages.windows[i], &folded, from, o->read[i]);
        from = o->read[i];
    }
    k->walk = t->walk;
    k->walk.by_detectors = later(t->walk.by_detectors, o->walked.by_detectors);
    k->walk.by_terms = later(t->walk.by_terms, o->walked.by_terms);
    k->walk.by_regexes = later(t->walk.by_regexes, o->walked.by_regexes);
    if (t->walk.progress != NULL) {
        k->walk.progress = malloc(sizeof(*k->walk.progress));
        if (k->walk.progress == NULL) {
            return ERR_MEMORY;
        }
        *k->walk.progress = *t->walk.progress;
    }
    shift(&k->walk, decided > LOOK_BACK ? decided - LOOK_BACK : 0);
    for (unsigned i = 0; i < k->stages.count; i++) {
        TRY(window_err(&k->stages.windows[i]));
    }
    return ERR_OK;
}

/* ---- walking --------------------------------------------------------------------------- */

void tracks_walk(struct scan_tracks *t, bool is_final, struct scan_findings *found)
{
    struct view view = window_view(&t->folded);
    view.text.len = t->shown;
    walk_on(t, &t->walk, &view, is_final, found);
    for (unsigned i = 0; i < t->count; i++) {
        struct track *k = t->others[i].track;
        if (k != NULL) {
            view = view_of(k);
            walk_on(t, &k->walk, &view, is_final, found);
        }
    }
}

static void walk_on(const struct scan_tracks *t, struct walk *w, const struct view *view,
                    bool is_final, struct scan_findings *found)
{
    struct cursor c;
    size_t end = view->text.len;
    if (end == w->seen && !is_final) {
        return; /* nothing new */
    }
    w->seen = end;
    cursor_init(&c, t->set, view, is_final, found);
    w->by_detectors = detectors_run(&c, w->by_detectors, end);
    w->by_terms = terms_run(&c, w->by_terms, end);
    if (w->progress != NULL) {
        progress_allow(w->progress, t->folded_to);
        c.progress = w->progress;
        w->by_regexes = regexes_run(&c, w->by_regexes, end);
    }
}

static size_t decided_of(const struct scan_tracks *t, const struct walk *w)
{
    size_t least = w->by_terms < w->by_detectors ? w->by_terms : w->by_detectors;
    return t->set->regexes_count > 0 && w->by_regexes < least ? w->by_regexes : least;
}

uint64_t tracks_decided(const struct scan_tracks *t)
{
    uint64_t least = folded_place(t, decided_of(t, &t->walk));
    for (unsigned i = 0; i < t->count; i++) {
        const struct other_view *o = &t->others[i];
        if (o->track != NULL) {
            uint64_t place = place_of(t, o, decided_of(t, &o->track->walk));
            least = place < least ? place : least;
        }
    }
    return least;
}

static struct view view_of(const struct track *k)
{
    return window_view(&k->stages.windows[k->stages.count - 1]);
}

/* Where in the text a byte of the folded window comes from; of its end: what comes next. */
static uint64_t folded_place(const struct scan_tracks *t, size_t at)
{
    const struct view folded = window_view(&t->folded);
    return at < folded.text.len ? view_start(&folded, at) : t->folded_to;
}

/* The same of a track. Behind its end stands what a stage of it has not read. */
static uint64_t place_of(const struct scan_tracks *t, const struct other_view *o, size_t at)
{
    const struct view view = view_of(o->track);
    if (at < view.text.len) {
        return view_start(&view, at);
    }
    for (unsigned i = o->track->stages.count - 1; i-- > 0;) {
        const struct view unread = window_view(&o->track->stages.windows[i]);
        if (unread.text.len > 0) {
            return view_start(&unread, 0);
        }
    }
    return folded_place(t, o->read[0]);
}

/* ---- resting --------------------------------------------------------------------------- */

void tracks_rest(struct scan_tracks *t)
{
    size_t decided = decided_of(t, &t->walk);
    size_t needed = decided > LOOK_BACK ? decided - LOOK_BACK : 0;
    for (unsigned i = 0; i < t->count; i++) {
        struct other_view *o = &t->others[i];
        if (o->track != NULL && may_sleep(t, o)) {
            for (unsigned n = 0; n < o->quiet_count; n++) {
                o->quiet[n] = o->track->stages.stages[n];
                o->read[n] = o->read[0];
            }
            keep_walked(o);
            free_track(o->track);
            o->track = NULL;
        }
        if (o->track != NULL) {
            struct track *k = o->track;
            size_t known = decided_of(t, &k->walk);
            if (known > LOOK_BACK + DROP_BYTES_MIN) {
                window_drop(&k->stages.windows[k->stages.count - 1], known - LOOK_BACK);
                shift(&k->walk, known - LOOK_BACK);
            }
        }
        size_t read = o->track != NULL ? o->read[0] : shared_by(o);
        needed = read < needed ? read : needed;
    }
    if (needed < DROP_BYTES_MIN) {
        return;
    }
    window_drop(&t->folded, needed);
    shift(&t->walk, needed);
    t->shown -= needed;
    for (unsigned i = 0; i < t->count; i++) {
        for (unsigned n = 0; n < STAGES_MAX; n++) {
            size_t *read = &t->others[i].read[n];
            *read -= needed < *read ? needed : *read;
        }
        shift(&t->others[i].walked, needed);
    }
}

/* Is all that its walk may still look at what the folded window shows, and does the walk of
 * that go on where its own does, or before it? */
static bool may_sleep(const struct scan_tracks *t, const struct other_view *o)
{
    const struct track *k = o->track;
    const struct scan_stages *s = &k->stages;
    const struct view view = view_of(k);
    size_t decided = decided_of(t, &k->walk);
    size_t from = decided > LOOK_BACK ? decided - LOOK_BACK : 0;
    uint64_t changed_to = 0;
    for (unsigned i = 0; i < s->count; i++) {
        bool is_later = s->stages[i].changed_to > changed_to;
        changed_to = is_later ? s->stages[i].changed_to : changed_to;
    }
    uint64_t begin = from < view.text.len ? view_start(&view, from) : place_of(t, o, from);
    return o->read[0] >= t->shown && begin >= changed_to && has_read_all(s) &&
           place_of(t, o, k->walk.by_detectors) >= folded_place(t, t->walk.by_detectors) &&
           place_of(t, o, k->walk.by_terms) >= folded_place(t, t->walk.by_terms) &&
           has_same_progress(t, o);
}

/* Is all in the last window? */
static bool has_read_all(const struct scan_stages *s)
{
    for (unsigned i = 0; i + 1 < s->count; i++) {
        if (s->windows[i].text.len > 0) {
            return false;
        }
    }
    return true;
}

/* Behind a match an expression goes on at its end, so where each stands says what was. */
static bool has_same_progress(const struct scan_tracks *t, const struct other_view *o)
{
    const struct walk *a = &o->track->walk;
    const struct walk *b = &t->walk;
    if (b->progress == NULL) {
        return true;
    }
    bool is_same = o->read[0] == t->shown;
    for (size_t i = 0; i < b->progress->count && is_same; i++) {
        size_t here = a->progress->next[i] > a->by_regexes ? a->progress->next[i] : a->by_regexes;
        size_t there = b->progress->next[i] > b->by_regexes ? b->progress->next[i] : b->by_regexes;
        is_same = place_of(t, o, here) == folded_place(t, there);
    }
    return is_same;
}

/* The folded text may be undecided where the track was not, and there the two differ: the
 * next track must not go back to it. Both windows end alike. */
static void keep_walked(struct other_view *o)
{
    const struct walk *w = &o->track->walk;
    size_t end = view_of(o->track).text.len;
    o->walked = (struct walk){.by_detectors = o->read[0] - (end - w->by_detectors),
                              .by_terms = o->read[0] - (end - w->by_terms),
                              .by_regexes = o->read[0] - (end - w->by_regexes)};
}

static size_t later(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void shift(struct walk *w, size_t bytes)
{
    w->seen -= bytes < w->seen ? bytes : w->seen;
    w->by_detectors -= bytes < w->by_detectors ? bytes : w->by_detectors;
    w->by_terms -= bytes < w->by_terms ? bytes : w->by_terms;
    w->by_regexes -= bytes < w->by_regexes ? bytes : w->by_regexes;
    if (w->progress != NULL) {
        progress_shift(w->progress, bytes);
    }
}
