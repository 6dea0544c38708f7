/* SPDX-License-Identifier: Apache-2.0
 *
 * Order and overlap of findings. Sorted by start, then longest, best tier, entities
 * before terms, earliest row; equal ones once. Resolution for readers keeps of
 * overlapping ones the longest; rewriting joins them instead (actions.c). In place.
 */
#include "scan_private.h"
#include <stdlib.h>

#define FIRST 64U

static int compare(const void *a, const void *b);
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
        size_t capacity = f->capacity < FIRST ? FIRST : 2 * f->capacity;
        capacity = capacity < f->items_max ? capacity : f->items_max;
        struct scan_finding *items = realloc(f->items, capacity * sizeof(*items));
        if (items != NULL) {
            f->items = items;
            f->capacity = capacity;
        }
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
    while (i < f->count && compare(&f->items[i - 1], &f->items[i]) < 0) {
        i++;
    }
    if (i >= f->count) {
        return;
    }
    qsort(f->items, f->count, sizeof(f->items[0]), compare);
    size_t kept = 1;
    for (i = 1; i < f->count; i++) {
        const struct scan_finding *last = &f->items[kept - 1];
        const struct scan_finding *next = &f->items[i];
        bool is_same = last->start == next->start && last->end == next->end &&
                       last->kind == next->kind && last->id == next->id;
        if (!is_same) {
            f->items[kept++] = *next;
        }
    }
    f->count = kept;
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
