/* SPDX-License-Identifier: Apache-2.0
 *
 * Scanning a text in steps: its folded view (which is the text itself when it is ASCII),
 * then the other views that were asked for and in which it looks different. A window
 * moves over each view; behind it lies what is decided, and enough of it stays for what
 * looks back. scan_text is all steps at once. A job's memory is its own.
 */
#include "stages.h"
#include <stdlib.h>

#define STEP_BYTES_MIN 64U
#define LOOKS_PER_READ 64U /* bytes only looked at for one that is read */
#define STEP_WORK_MAX 200000U
#define STEP_MOVES_MAX 32768U /* of findings that are being sorted */
#define SORT_AT_ONCE 2048U
#define KEPT_BYTES 256U /* of what is decided: a token, words of context */
#define DROP_BYTES_MIN 4096U
#define SCRATCH_BYTES_MAX (256U << 20)
#define LAYERS_STEP 65536U /* bytes walked in a step that were there before */
#define LAYERS_KEPT_BYTES (256U << 10)
#define LAYERS_LOOK 1U /* encodings: only to see whether there is one behind markup */
#define LAYERS_USUAL 2U

static enum err begin(struct scan_job *job, struct scan_scratch *scratch, bool is_whole);
static bool look(struct scan_job *job, size_t bytes_max);
static enum err step(struct scan_job *job, struct scan_scratch *scratch, size_t bytes_max,
                     size_t work_max);
static enum err see(struct scan_job *job, size_t bytes_max, struct view *ret, bool *ret_is_final);
static void search(struct scan_job *job, struct scan_scratch *scratch, const struct view *view,
                   bool is_final, size_t work_max);
static bool walks_layers(struct scan_job *job, const struct view *view, bool is_final);
static bool has_marked_likes(const struct scan_job *job);
static void begin_layers(struct scan_job *job, unsigned layers);
static bool next_view(struct scan_job *job);
static bool next_layers(struct scan_job *job);
static void begin_view(struct scan_job *job, unsigned view);
static enum err finish(struct scan_job *job);
static void note_order(struct scan_job *job, size_t known);

enum err scan_scratch_new(struct scan_scratch **ret_scratch)
{
    struct scan_scratch *s = calloc(1, sizeof(*s));
    *ret_scratch = s;
    if (s == NULL) {
        return ERR_MEMORY;
    }
    window_init(&s->window, SCRATCH_BYTES_MAX);
    buf_init(&s->text2, SCRATCH_BYTES_MAX);
    s->stages = calloc(1, sizeof(*s->stages));
    if (s->stages == NULL) {
        free(s);
        *ret_scratch = NULL;
        return ERR_MEMORY;
    }
    stages_init(s->stages);
    return ERR_OK;
}

void scan_scratch_free(struct scan_scratch *scratch)
{
    if (scratch == NULL) {
        return;
    }
    hs_free_scratch(scratch->hs);
    window_fini(&scratch->window);
    buf_fini(&scratch->text2);
    stages_fini(scratch->stages);
    free(scratch->stages);
    free(scratch);
}

enum err scan_scratch_fit(struct scan_scratch *scratch, const struct scan_set *set)
{
    if (set == NULL || set->database == NULL) {
        return ERR_OK;
    }
    return hs_alloc_scratch(set->database, &scratch->hs) == HS_SUCCESS ? ERR_OK : ERR_MEMORY;
}

enum err scan_text(const struct scan_set *set, struct scan_scratch *scratch, struct str text,
                   unsigned views, struct scan_findings *findings)
{
    struct scan_job job;
    scan_job_begin(&job, set, text, views, findings);
    enum err err = begin(&job, scratch, true);
    while (err == ERR_OK && !job.is_done) {
        err = step(&job, scratch, SIZE_MAX, SIZE_MAX);
    }
    return err;
}

void scan_job_begin(struct scan_job *job, const struct scan_set *set, struct str text,
                    unsigned views, struct scan_findings *findings)
{
    memset(job, 0, sizeof(*job));
    job->set = set;
    job->text = text;
    job->views = views;
    job->findings = findings;
}

void scan_job_fini(struct scan_job *job)
{
    if (job != NULL) {
        sorting_free(job->sorting);
        job->sorting = NULL;
    }
    if (job != NULL && job->is_owner) {
        stages_fini(job->stages);
        free(job->stages);
        free(job->progress);
        job->stages = NULL;
        job->progress = NULL;
    }
}

enum err scan_job_step(struct scan_job *job, struct scan_scratch *scratch, size_t bytes_max)
{
    if (!job->is_begun) {
        if (look(job, bytes_max)) {
            return ERR_AGAIN;
        }
        TRY(begin(job, scratch, false));
    }
    if (!job->is_done) {
        TRY(step(job, scratch, bytes_max, STEP_WORK_MAX));
    }
    return job->is_done ? ERR_OK : ERR_AGAIN;
}

/* Is it all ASCII? A long text takes a while even for that. True: so far, and there is more. */
static bool look(struct scan_job *job, size_t bytes_max)
{
    struct str rest = str_sub(job->text, job->looked_at, job->text.len);
    size_t bytes = bytes_max < STEP_BYTES_MIN ? STEP_BYTES_MIN : bytes_max;
    if (bytes >= rest.len / LOOKS_PER_READ || !is_ascii(str_sub(rest, 0, LOOKS_PER_READ * bytes))) {
        return false;
    }
    job->looked_at += LOOKS_PER_READ * bytes;
    return true;
}

static enum err begin(struct scan_job *job, struct scan_scratch *scratch, bool is_whole)
{
    job->is_begun = true;
    job->is_owner = !is_whole;
    job->is_disordered = job->findings->count > 0; /* who knows */
    if (job->text.len > UINT32_MAX / 2) {
        return ERR_LIMIT;
    }
    job->is_folded = (job->views & SCAN_VIEW_FOLD) != 0 &&
                     !is_ascii(str_sub(job->text, job->looked_at, job->text.len));
    job->views &= ~(unsigned)SCAN_VIEW_FOLD;
    if (job->is_folded || job->views != 0) {
        job->stages = is_whole ? scratch->stages : calloc(1, sizeof(*job->stages));
        if (job->stages == NULL) {
            return ERR_MEMORY;
        }
        if (!is_whole) {
            stages_init(job->stages);
        }
        stages_set(job->stages, 0, job->is_folded);
    }
    if (job->set->regexes_count > 0) {
        job->progress = is_whole ? &scratch->progress : calloc(1, sizeof(*job->progress));
        if (job->progress == NULL) {
            return ERR_MEMORY;
        }
        progress_begin(job->progress, job->set);
        progress_allow(job->progress, job->text.len);
    }
    job->is_done = job->text.len == 0;
    return ERR_OK;
}

static enum err step(struct scan_job *job, struct scan_scratch *scratch, size_t bytes_max,
                     size_t work_max)
{
    struct view view;
    bool is_final;
    size_t known = job->findings->count;
    if (job->sorting != NULL) {
        return finish(job);
    }
    TRY(see(job, bytes_max, &view, &is_final));
    search(job, scratch, &view, is_final, work_max);
    if (job->findings->is_truncated && job->findings->items_max > 0) {
        return ERR_LIMIT;
    }
    if (job->is_owner) {
        note_order(job, known);
    }
    bool is_read = is_final && job->seen > 0 && job->decided == view.text.len;
    return is_read && !next_view(job) ? finish(job) : ERR_OK;
}

/* What one step found is put in order at once: then there are few runs in the end. */
static void note_order(struct scan_job *job, size_t known)
{
    struct scan_findings *f = job->findings;
    if (f->count > known) {
        struct scan_finding last = f->items[f->count - 1];
        bool is_disordered = findings_order(f, known, job->has_last ? &job->last : NULL);
        job->is_disordered = job->is_disordered || is_disordered;
        job->last = last;
        job->has_last = true;
    }
}

/* Few findings, or somebody else's array: at once. */
static enum err finish(struct scan_job *job)
{
    struct scan_findings *f = job->findings;
    bool is_much = job->is_disordered && f->items_max > 0 && f->count > SORT_AT_ONCE;
    if (job->is_owner && is_much) {
        if (job->sorting == NULL) {
            TRY(sorting_new(f, &job->sorting));
        }
        enum err err = sorting_step(job->sorting, f, STEP_MOVES_MAX);
        job->is_done = err == ERR_OK;
        return err == ERR_AGAIN ? ERR_OK : err;
    }
    if (!job->is_owner) {
        findings_sort(f);
    } else if (job->is_disordered) {
        findings_sort_disordered(f);
    }
    job->is_done = true;
    return ERR_OK;
}

/* The view as far as it is to be seen in this step: more of it, unless the last step left
 * something that it could have decided. */
static enum err see(struct scan_job *job, size_t bytes_max, struct view *ret, bool *ret_is_final)
{
    size_t left = job->text.len - job->seen;
    size_t more = bytes_max < STEP_BYTES_MIN ? STEP_BYTES_MIN : bytes_max;
    bool is_more = !job->is_stopped;
    job->seen += !is_more ? 0 : more < left ? more : left;
    *ret_is_final = job->seen == job->text.len;
    if (job->stages == NULL || job->stages->count == 0) {
        *ret = (struct view){.text = {job->text.ptr, job->seen}};
        return ERR_OK;
    }
    struct window *w = &job->stages->windows[job->stages->count - 1];
    if (is_more && job->decided > KEPT_BYTES + DROP_BYTES_MIN) {
        window_drop(w, job->decided - KEPT_BYTES);
        if (job->progress != NULL) {
            progress_shift(job->progress, job->decided - KEPT_BYTES);
        }
        job->asked -= job->decided - KEPT_BYTES;
        job->walked -= job->decided - KEPT_BYTES;
        job->decided = KEPT_BYTES;
    }
    if (is_more) {
        TRY(stages_feed(job->stages, job->text, &job->taken, job->seen));
    }
    *ret = window_view(w);
    return ERR_OK;
}

static void search(struct scan_job *job, struct scan_scratch *scratch, const struct view *view,
                   bool is_final, size_t work_max)
{
    const struct scan_set *set = job->set;
    struct cursor c;
    size_t from = job->decided;
    size_t to = view->text.len;
    if (job->view == SCAN_VIEW_LAYERS && !walks_layers(job, view, is_final)) {
        return;
    }
    if ((job->view == 0 || job->view == SCAN_VIEW_MARKUP) && job->views != 0) {
        unsigned *worth = job->view == 0 ? &job->worth : &job->bared;
        *worth |= stages_worth(view->text, job->asked, set->engine->is_wide);
        job->asked = view->text.len;
    }
    if (!is_final) { /* what decides about a literal lies that far behind it */
        to = to < set->literal_open ? 0 : to - set->literal_open;
    }
    size_t wanted = to;
    bool is_stopped = work_max < SIZE_MAX && job->is_layered && to > from + LAYERS_STEP;
    to = is_stopped ? from + LAYERS_STEP : to;
    if (to <= from && set->literals_count > 0) {
        job->is_stopped = false;
        job->decided = is_final ? view->text.len : job->decided;
        job->walked = job->decided;
        return;
    }
    cursor_init(&c, set, view, is_final, job->findings);
    c.work_max = work_max;
    c.progress = job->progress;
    size_t walked = job->walked > from ? job->walked : from;
    to = walked < to ? detectors_run(&c, walked, to) : walked;
    is_stopped = is_stopped || c.in.steps > work_max;
    if (set->database != NULL) {
        c.spots = set->regexes_count > 0 ? &scratch->spots : NULL;
        c.terms_from = walked;
        if (scratch->hs == NULL || literals_scan(&c, scratch->hs, from, to) != ERR_OK) {
            c.spots = NULL; /* a scratch that was not fitted */
            (void)terms_run(&c, walked, to);
        }
    }
    job->walked = to;
    if (set->regexes_count > 0) {
        /* An allowance of their own: else they would come no further where the walk is dear. */
        c.work_max = work_max < SIZE_MAX - c.in.steps ? c.in.steps + work_max : SIZE_MAX;
        to = regexes_run(&c, from, to);
        is_stopped = is_stopped || c.in.steps > c.work_max;
    }
    job->is_stopped = to < wanted && is_stopped;
    job->decided = to;
}

/* As long as all the layers show what one of the other views shows, they are only read: nothing
 * is let go, and when they show more, they are walked from the beginning. Of the encodings no
 * more are undone than there are: when the last one changes something, all begins again with
 * more of them. */
static bool walks_layers(struct scan_job *job, const struct view *view, bool is_final)
{
    bool is_deeper = stages_go_deeper(job->stages);
    bool is_end = is_final && job->layers == LAYERS_LOOK;
    if (is_deeper && job->layers < LAYERS_MAX) {
        begin_layers(job, job->layers == LAYERS_LOOK ? LAYERS_USUAL : LAYERS_MAX);
        return false;
    }
    if (is_end && !is_deeper && has_marked_likes(job)) {
        begin_layers(job, 0);
        return false;
    }
    job->findings->is_too_deep = job->findings->is_too_deep || is_deeper;
    if (job->layers == LAYERS_LOOK) {
        job->decided = job->walked = view->text.len;
        return false;
    }
    job->is_layered = job->is_layered || stages_are_layered(job->stages) ||
                      view->text.len > LAYERS_KEPT_BYTES;
    job->decided = !job->is_layered && is_final ? view->text.len : job->decided;
    return job->is_layered;
}

/* Look-alikes and markup: what one view without encodings shows. */
static bool has_marked_likes(const struct scan_job *job)
{
    unsigned both = SCAN_VIEW_SKELETON | SCAN_VIEW_MARKUP;
    return (job->changed & both) == both;
}

static void begin_layers(struct scan_job *job, unsigned layers)
{
    begin_view(job, SCAN_VIEW_LAYERS);
    job->layers = layers;
    stages_set_layers(job->stages, layers, job->is_folded);
}

/* Of the views that were asked for the next in which the text looks different. */
static bool next_view(struct scan_job *job)
{
    static const enum scan_views others[] = {SCAN_VIEW_SKELETON, SCAN_VIEW_MARKUP,
                                             SCAN_VIEW_DECODED};
    bool has_changed = job->view != 0 && stages_have_changed(job->stages);
    job->changed |= has_changed ? job->view : 0;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (others[i] > job->view && (job->views & job->worth & others[i]) != 0) {
            begin_view(job, others[i]);
            stages_set(job->stages, job->view, job->is_folded);
            return true;
        }
    }
    bool is_last = job->view == SCAN_VIEW_LAYERS || (job->views & SCAN_VIEW_LAYERS) == 0;
    return !is_last && next_layers(job);
}

/* What was seen of the other views says whether there can be more than they show. */
static bool next_layers(struct scan_job *job)
{
    bool has_encodings = (job->changed & SCAN_VIEW_DECODED) != 0;
    bool may_have = (job->changed & SCAN_VIEW_MARKUP) != 0 && (job->bared & SCAN_VIEW_DECODED) != 0;
    if (!has_encodings && !may_have && !has_marked_likes(job)) {
        return false;
    }
    begin_layers(job, has_encodings ? LAYERS_USUAL : may_have ? LAYERS_LOOK : 0);
    return true;
}

static void begin_view(struct scan_job *job, unsigned view)
{
    job->view = view;
    job->seen = job->taken = job->decided = job->walked = job->asked = 0;
    job->is_stopped = job->is_layered = false;
    if (job->progress != NULL) {
        uint64_t steps = job->progress->steps;
        bool is_one_more = view == SCAN_VIEW_LAYERS;
        progress_begin(job->progress, job->set);
        progress_allow(job->progress, job->text.len + (is_one_more ? job->text.len / 4 : 0));
        job->progress->steps = steps;
    }
}
