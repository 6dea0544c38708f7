/* SPDX-License-Identifier: Apache-2.0
 *
 * Order and overlap of findings. Sorted by start, then longest, entities before terms, best
 * score, best tier, earliest row; equal ones once; at once or in steps. Resolution for readers
 * keeps of overlapping ones the longest; rewriting joins them instead (actions.c). In place,
 * but for the merging in steps, which needs as much again while it lasts.
 */
#include "scan_private.h"
#include <stdlib.h>

enum sorting_phase { FIND_FIRST, FIND_SECOND, MERGE, TAKE_OUT };
/* Runs that are in order, merged two by two from `from` to `to` until there is one; then
 * what is there twice is taken out. */
struct scan_sorting {
    enum sorting_phase phase;
    struct scan_finding *from, *to;
    size_t count, at;        /* of all; written in this pass */
    size_t a, a_end, b, b_end; /* the two runs under way */
    size_t kept, seen;       /* of taking out */
};

static int compare(const void *a, const void *b);
static bool find_run(const struct scan_sorting *s, size_t from, size_t *end, size_t *left);
static bool merge_runs(struct scan_sorting *s, size_t *left);
static bool take_out(struct scan_sorting *s, size_t *left);
static bool is_known(const struct scan_finding *kept, size_t count, const struct scan_finding *f);
static bool is_same_span(const struct scan_finding *a, const struct scan_finding *b);
static bool is_better(const struct scan_finding *a, const struct scan_finding *b);

static int compare(const void *a, const void *b)
{
    const struct scan_finding *x = a;
    const struct scan_finding *y = b;
    if (x->start != y->start) {
        return x->start < y->start ? -1 : 1;
    }
    if (x->end != y->end) {
        return x->end > y->end ? -1 : 1;
    }
    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1;
    }
    if (x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    if (x->tier != y->tier) {
        return x->tier < y->tier ? -1 : 1;
    }
    return x->id < y->id ? -1 : x->id > y->id;
}

int scan_finding_compare(const void *a, const void *b)
{
    return compare(a, b);
}

void scan_findings_init(struct scan_findings *findings, size_t items_max)
{
    memset(findings, 0, sizeof(*findings));
    findings->items_max = items_max;
}

void scan_findings_fini(struct scan_findings *findings)
{
    if (findings != NULL && findings->items_max > 0) {
        free(findings->items);
        memset(findings, 0, sizeof(*findings));
    }
}

void findings_add(struct scan_findings *f, struct scan_finding finding)
{
    if (f->count == f->capacity && f->capacity < f->items_max) {
        struct scan_finding *items =
            list_grow(f->items, &f->capacity, f->count + 1, f->items_max, sizeof(*items));
        f->items = items != NULL ? items : f->items;
    }
    if (f->count == f->capacity) {
        f->is_truncated = true;
        return;
    }
    f->items[f->count++] = finding;
}

/* They come in a few runs that are nearly in order: of each view, of the terms. */
void findings_sort(struct scan_findings *f)
{
    size_t i = 1;
    while (i < f->count && compare(&f->items[i - 1], &f->items[i]) < 0 &&
           !is_known(f->items, i, &f->items[i])) {
        i++;
    }
    if (i < f->count) {
        findings_sort_disordered(f);
    }
}

void findings_sort_disordered(struct scan_findings *f)
{
    size_t kept = f->count > 0 ? 1 : 0;
    qsort(f->items, f->count, sizeof(f->items[0]), compare);
    for (size_t i = 1; i < f->count; i++) {
        if (!is_known(f->items, kept, &f->items[i])) {
            f->items[kept++] = f->items[i];
        }
    }
    f->count = kept;
}

/* Two views may score one finding differently, and another one's score lie between them. */
static bool is_known(const struct scan_finding *kept, size_t count, const struct scan_finding *f)
{
    for (size_t i = count; i-- > 0;) {
        const struct scan_finding *k = &kept[i];
        if (!is_same_span(k, f)) {
            return false;
        }
        if (k->id == f->id) {
            return true;
        }
        if (k->score == f->score && k->kind == SCAN_TERM) {
            return false; /* all terms score the same, so equal ones are neighbours */
        }
    }
    return false;
}

static bool is_same_span(const struct scan_finding *a, const struct scan_finding *b)
{
    return a->start == b->start && a->end == b->end && a->kind == b->kind;
}

bool findings_order(struct scan_findings *f, size_t from, const struct scan_finding *before)
{
    /* What another view found at the place of the last one may be the same. */
    bool is_disordered = before != NULL && f->count > from && is_same_span(before, &f->items[from]);
    for (size_t i = from; i < f->count; i++) {
        const struct scan_finding *last = i > from ? &f->items[i - 1] : before;
        is_disordered = is_disordered || (last != NULL && compare(last, &f->items[i]) >= 0);
    }
    if (is_disordered) {
        qsort(f->items + from, f->count - from, sizeof(f->items[0]), compare);
    }
    return is_disordered;
}

enum err sorting_new(const struct scan_findings *f, struct scan_sorting **ret)
{
    struct scan_sorting *s = calloc(1, sizeof(*s));
    struct scan_finding *to = s != NULL ? malloc(f->count * sizeof(*to)) : NULL;
    if (to == NULL) {
        free(s);
        return ERR_MEMORY;
    }
    *s = (struct scan_sorting){.from = f->items, .to = to, .count = f->count};
    *ret = s;
    return ERR_OK;
}

void sorting_free(struct scan_sorting *s)
{
    if (s != NULL) {
        free(s->to);
        free(s);
    }
}

enum err sorting_step(struct scan_sorting *s, struct scan_findings *f, size_t moves_max)
{
    size_t left = moves_max;
    bool is_done = false;
    while (!is_done && left > 0) {
        switch (s->phase) {
        case FIND_FIRST:
            if (find_run(s, s->a, &s->a_end, &left)) {
                bool is_one = s->a == 0 && s->a_end == s->count;
                s->b = s->b_end = s->a_end;
                s->phase = is_one ? TAKE_OUT : FIND_SECOND;
            }
            break;
        case FIND_SECOND:
            s->phase = find_run(s, s->b, &s->b_end, &left) ? MERGE : s->phase;
            break;
        case MERGE:
            if (merge_runs(s, &left)) {
                s->a = s->a_end = s->at;
                s->phase = FIND_FIRST;
            }
            break;
        case TAKE_OUT:
            is_done = take_out(s, &left);
            break;
        }
    }
    f->items = s->from; /* `to` is ours; both are as long */
    f->capacity = s->count;
    f->count = is_done ? s->kept : f->count;
    return is_done ? ERR_OK : ERR_AGAIN;
}

/* Goes on looking for the end of the run that begins at `from`. */
static bool find_run(const struct scan_sorting *s, size_t from, size_t *end, size_t *left)
{
    size_t at = *end > from ? *end : from < s->count ? from + 1 : from;
    while (at < s->count && *left > 0 && compare(&s->from[at - 1], &s->from[at]) <= 0) {
        at++;
        --*left;
    }
    *end = at;
    return at == s->count || *left > 0;
}

/* True: the next two runs. The end of a pass is the beginning of another one. */
static bool merge_runs(struct scan_sorting *s, size_t *left)
{
    for (; *left > 0 && (s->a < s->a_end || s->b < s->b_end); --*left) {
        bool is_a = s->b == s->b_end ||
                    (s->a < s->a_end && compare(&s->from[s->a], &s->from[s->b]) <= 0);
        s->to[s->at++] = is_a ? s->from[s->a++] : s->from[s->b++];
    }
    if (s->a < s->a_end || s->b < s->b_end) {
        return false;
    }
    if (s->at == s->count) {
        struct scan_finding *merged = s->to;
        s->to = s->from;
        s->from = merged;
        s->at = 0;
    }
    return true;
}

static bool take_out(struct scan_sorting *s, size_t *left)
{
    for (; *left > 0 && s->seen < s->count; --*left) {
        if (!is_known(s->from, s->kept, &s->from[s->seen])) {
            s->from[s->kept++] = s->from[s->seen];
        }
        s->seen++;
    }
    return s->seen == s->count;
}

/* Longest, then better score, tier, row. */
static bool is_better(const struct scan_finding *a, const struct scan_finding *b)
{
    size_t a_len = a->end - a->start;
    size_t b_len = b->end - b->start;
    if (a_len != b_len) {
        return a_len > b_len;
    }
    if (a->score != b->score) {
        return a->score > b->score;
    }
    return a->tier != b->tier ? a->tier < b->tier : a->id < b->id;
}

void scan_findings_resolve(struct scan_findings *findings, const struct scan_types *types,
                           unsigned score_min)
{
    size_t kept = 0;
    findings_sort(findings);
    for (size_t i = 0; i < findings->count; i++) {
        struct scan_finding f = findings->items[i];
        if (f.kind == SCAN_ENTITY &&
            (f.score < score_min || (types != NULL && !scan_types_has(types, f.id)))) {
            continue;
        }
        bool is_beaten = false;
        while (kept > 0 && findings->items[kept - 1].end > f.start && !is_beaten &&
               (f.kind == SCAN_ENTITY) == (findings->items[kept - 1].kind == SCAN_ENTITY)) {
            if (is_better(&f, &findings->items[kept - 1])) {
                kept--;
            } else {
                is_beaten = true;
            }
        }
        if (!is_beaten) {
            findings->items[kept++] = f;
        }
    }
    findings->count = kept;
}
