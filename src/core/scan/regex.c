/* SPDX-License-Identifier: Apache-2.0
 *
 * A tenant's regular expressions, run over a text. Each has a place of its own up to which
 * it is decided; behind a match it goes on at the match's end. Most places are passed over
 * by what an expression can begin with; in a window, libhs has looked for the literals
 * that an expression must hold, and where there is none nothing is tried at all. What
 * matching costs is counted; beyond a bound the text is given up, which its owner is told.
 */
#include "cost.h"

#include <stdlib.h>

#define STEPS_FREE 4000000U
#define STEPS_PER_BYTE 4000U
#define FACTOR_BYTES_MIN 4U
#define FACTORS_EACH_MAX 16U

struct regex_run {
    struct cursor *c;
    const struct regex_masks *masks;
    size_t from, to, open;
    uint64_t blocked[REGEX_WORDS]; /* wait for more text, or for the next step */
    size_t tries;
};

static bool is_worth_factoring(const struct pattern *p);
static bool begins_with_run(const struct pattern *p);
static void note_masks(struct regex_masks *m, size_t index, const struct regex *r);
static int compare_factors(const void *a, const void *b);
static void run_joint(struct regex_run *run);
static void try_rows(struct regex_run *run, size_t at, unsigned word, uint64_t rows);
static void run_alone(struct regex_run *run, size_t index);
static void try_place(struct regex_run *run, size_t index, size_t at);

enum err regexes_prepare(struct scan_set *set)
{
    if (set->regexes_count == 0) {
        return ERR_OK;
    }
    size_t factors = 0;
    set->masks = ARENA_NEW(&set->arena, struct regex_masks);
    if (set->masks == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < set->regexes_count; i++) {
        const struct regex *r = &set->regexes[i];
        factors += r->is_factored ? r->pattern.factors.count : 0;
        note_masks(set->masks, i, r);
    }
    set->factors = ARENA_ARRAY(&set->arena, factors, struct factor);
    if (set->factors == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < set->regexes_count; i++) {
        const struct pattern_factors *f = &set->regexes[i].pattern.factors;
        for (size_t k = 0; set->regexes[i].is_factored && k < f->count; k++) {
            set->factors[set->factors_count++] = (struct factor){f->items[k], (uint32_t)i};
        }
    }
    qsort(set->factors, set->factors_count, sizeof(set->factors[0]), compare_factors);
    return ERR_OK;
}

void regex_describe(struct regex *r)
{
    r->is_factored = is_worth_factoring(&r->pattern);
    r->is_lead_run = begins_with_run(&r->pattern);
}

static int compare_factors(const void *a, const void *b)
{
    const struct factor *x = a;
    const struct factor *y = b;
    int order = str_cmp(x->text, y->text);
    return order != 0 ? order : (x->regex > y->regex) - (x->regex < y->regex);
}

static bool is_worth_factoring(const struct pattern *p)
{
    bool is_long = p->factors.count > 0 && p->factors.count <= FACTORS_EACH_MAX;
    for (size_t i = 0; i < p->factors.count; i++) {
        is_long = is_long && p->factors.items[i].len >= FACTOR_BYTES_MIN;
    }
    return is_long;
}

static bool begins_with_run(const struct pattern *p)
{
    const struct pattern_inst *first = &p->insts[0];
    return first->op == OP_RUN && first->max == UINT16_MAX && first->min > 0 &&
           first->is_possessive;
}

static void note_masks(struct regex_masks *m, size_t index, const struct regex *r)
{
    uint64_t bit = UINT64_C(1) << (index % 64);
    m->loose[index / 64] |= r->is_factored ? 0 : bit;
    for (unsigned k = 0; k < GROUPS_PREFIX; k++) {
        for (unsigned c = 0; c < 256; c++) {
            if (byte_set_has(&r->pattern.prefix[k], (unsigned char)c)) {
                m->prefix[k][c][index / 64] |= bit;
                m->groups[k][c] |= bit;
                m->loose_groups[k][c] |= r->is_factored ? 0 : bit;
            }
        }
    }
}

void progress_begin(struct scan_progress *p, const struct scan_set *set)
{
    p->count = set->regexes_count;
    p->steps = 0;
    memset(p->next, 0, p->count * sizeof(p->next[0]));
    progress_allow(p, 0);
}

void progress_allow(struct scan_progress *p, uint64_t bytes)
{
    p->steps_max = STEPS_FREE + STEPS_PER_BYTE * bytes;
}

void progress_shift(struct scan_progress *p, size_t bytes)
{
    for (size_t i = 0; i < p->count; i++) {
        p->next[i] = p->next[i] > bytes ? p->next[i] - (uint32_t)bytes : 0;
    }
}

size_t regexes_run(struct cursor *c, size_t from, size_t to)
{
    struct regex_run run = {.c = c, .masks = c->set->masks, .from = from, .to = to, .open = to};
    run_joint(&run);
    for (size_t i = 0; c->spots != NULL && i < c->set->regexes_count; i++) {
        if (c->set->regexes[i].is_factored) {
            run_alone(&run, i);
        }
    }
    uint32_t *next = c->progress->next;
    for (size_t i = 0; run.open < run.to && i < c->set->regexes_count; i++) {
        bool is_blocked = (run.blocked[i / 64] >> (i % 64) & 1) != 0;
        next[i] = !is_blocked && next[i] < run.to ? (uint32_t)run.to : next[i];
    }
    return run.open;
}

/* All that were not looked for by a factor. */
static void run_joint(struct regex_run *run)
{
    const struct cursor *c = run->c;
    const struct regex_masks *m = run->masks;
    bool is_loose = c->spots != NULL;
    const uint64_t(*groups)[256] = is_loose ? m->loose_groups : m->groups;
    unsigned words = (unsigned)((c->set->regexes_count + 63) / 64);
    for (size_t at = run->from; at < run->to; at++) {
        const unsigned char *t = (const unsigned char *)c->in.text + at;
        size_t left = c->in.len - at;
        uint64_t group = groups[0][t[0]];
        for (unsigned k = 1; k < GROUPS_PREFIX && k < left; k++) {
            group &= groups[k][t[k]];
        }
        for (unsigned w = 0; group != 0 && w < words; w++) {
            uint64_t rows = group & ~run->blocked[w] & (is_loose ? m->loose[w] : ~UINT64_C(0));
            for (unsigned k = 0; k < GROUPS_PREFIX && k < left; k++) {
                rows &= m->prefix[k][t[k]][w];
            }
            try_rows(run, at, w, rows);
        }
        if (c->in.steps > c->work_max) {
            run->to = at + 1;
            run->open = run->open < run->to ? run->open : run->to;
            return;
        }
    }
}

static void try_rows(struct regex_run *run, size_t at, unsigned word, uint64_t rows)
{
    for (; rows != 0; rows &= rows - 1) {
        size_t index = word * 64 + (size_t)__builtin_ctzll(rows);
        if (run->c->progress->next[index] <= at) {
            try_place(run, index, at);
        }
    }
}

/* One whose factor is here, where it can begin for that. */
static void run_alone(struct regex_run *run, size_t index)
{
    const struct cursor *c = run->c;
    const struct scan_progress *p = c->progress;
    const struct pattern *pattern = &c->set->regexes[index].pattern;
    size_t at = run->from > c->spots->low[index] ? run->from : c->spots->low[index];
    size_t high = c->spots->high[index];
    uint64_t bit = UINT64_C(1) << (index % 64);
    for (; at <= high && at < run->to && (run->blocked[index / 64] & bit) == 0; at++) {
        if (p->next[index] > at || !regex_may_begin(pattern, &c->in, at)) {
            continue;
        }
        if (c->in.steps > c->work_max && run->tries > 0) {
            run->blocked[index / 64] |= bit; /* goes on here in the next step */
            run->c->progress->next[index] = (uint32_t)at;
            run->open = run->open < at ? run->open : at;
            return;
        }
        try_place(run, index, at);
    }
}

bool regex_may_begin(const struct pattern *p, const struct match_input *in, size_t at)
{
    for (unsigned k = 0; k < GROUPS_PREFIX && at + k < in->len; k++) {
        if (!byte_set_has(&p->prefix[k], (unsigned char)in->text[at + k])) {
            return false;
        }
    }
    return true;
}

static void try_place(struct regex_run *run, size_t index, size_t at)
{
    struct cursor *c = run->c;
    struct scan_progress *p = c->progress;
    const struct regex *r = &c->set->regexes[index];
    if (p->steps > p->steps_max) {
        c->out->is_exhausted = true;
        return;
    }
    size_t start;
    size_t end;
    size_t steps = c->in.steps++;
    run->tries++;
    c->in.is_cut = false;
    enum match_result result =
        pattern_match(&r->pattern, &c->in, at, SCAN_TERM_BYTES_MAX, &start, &end);
    p->steps += c->in.steps - steps;
    if (result == MATCH_YES) {
        bool is_wanted =
            r->context_count == 0 || context_has(c, start, r->context, r->context_count);
        size_t known = c->out->count;
        if (is_wanted) {
            result = cursor_add(
                c, (struct scan_finding){
                       .start = start, .end = end, .id = r->id, .score = 1000, .kind = SCAN_TERM});
        }
        c->out->count = result == MATCH_MORE ? known : c->out->count;
        p->next[index] = (uint32_t)(end > at ? end : at + 1);
    } else if (result == MATCH_NO && r->is_lead_run && !c->in.is_cut) {
        p->next[index] = (uint32_t)regex_behind_lead(r, &c->in, at);
    }
    if (result == MATCH_MORE) {
        run->blocked[index / 64] |= UINT64_C(1) << (index % 64);
        p->next[index] = (uint32_t)at;
        run->open = run->open < at ? run->open : at;
    }
}

/* It begins with a run that gives nothing back, and failed behind the run. From within the
 * run it would come to the same end, and fail there again. */
size_t regex_behind_lead(const struct regex *r, const struct match_input *in, size_t at)
{
    const struct pattern_inst *lead = &r->pattern.insts[0];
    const struct byte_set *set = &r->pattern.sets[lead->set];
    size_t end = at;
    while (end < in->len && byte_set_has(set, (unsigned char)in->text[end])) {
        end++;
    }
    return end - at > lead->min ? end - lead->min + 1 : at + 1;
}
