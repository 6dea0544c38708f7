/* SPDX-License-Identifier: Apache-2.0
 *
 * What is looked at before a place is tried: the ways in which the enabled rows can begin,
 * four bytes each, put together into 64 groups so that as little prose as possible looks
 * like one of a group. It only saves time: what it lets through is tried.
 */
#include "scan_private.h"

#define WAYS_MAX 48U   /* of one row; one with more begins with any of their bytes */
#define STEPS_MAX 2000U /* of looking for them */

struct way {
    const struct byte_set *sets[GROUPS_PREFIX];
};

/* Of one row. */
struct ways {
    const struct pattern *pattern;
    struct way items[WAYS_MAX];
    size_t count;
    unsigned steps;
    bool is_full;
};

/* While the groups are made: what each may begin with, and how much of prose that is. */
struct grouping {
    struct byte_set sets[GROUPS][GROUPS_PREFIX];
    double shares[GROUPS][GROUPS_PREFIX];
};

static const struct byte_set any_byte = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};

static void add_row(struct scan_set *set, struct grouping *g, size_t index);
static void find_ways(struct ways *w, struct way so_far, size_t pc, unsigned offset);
static void add_way(struct scan_set *set, struct grouping *g, const struct way *way, bool is_long);
static double share_of(const struct byte_set *s, const struct byte_set *but);
static double byte_share(unsigned char c);

void groups_prepare(struct scan_set *set)
{
    struct grouping grouping;
    memset(&grouping, 0, sizeof(grouping));
    for (size_t i = 0; i < set->engine->rows_count; i++) {
        if ((set->enabled[i / 64] >> (i % 64) & 1) == 0) {
            continue;
        }
        if ((set->engine->detectors[i]->flags & D_AT) != 0) {
            set->has_at = true;
        } else if (set->engine->rows[i].run >= LONGEST_RUN) {
            set->has_longest = true;
        } else {
            add_row(set, &grouping, i);
        }
    }
}

static void add_row(struct scan_set *set, struct grouping *g, size_t index)
{
    const struct row *row = &set->engine->rows[index];
    struct ways w = {.pattern = &row->pattern};
    struct way none = {{&any_byte, &any_byte, &any_byte, &any_byte}};
    find_ways(&w, none, 0, 0);
    if (w.is_full) {
        w.count = 1;
        for (unsigned k = 0; k < GROUPS_PREFIX; k++) {
            w.items[0].sets[k] = &row->pattern.prefix[k];
        }
    }
    for (size_t i = 0; i < w.count; i++) {
        add_way(set, g, &w.items[i], row->run >= LONG_RUN);
    }
}

/* Depth-first, as the matcher would go; what may end early is followed by anything. */
static void find_ways(struct ways *w, struct way so_far, size_t pc, unsigned offset)
{
    w->is_full = w->is_full || ++w->steps > STEPS_MAX;
    if (w->is_full) {
        return;
    }
    const struct pattern_inst *inst = &w->pattern->insts[pc];
    if (offset == GROUPS_PREFIX || inst->op == OP_MATCH) {
        w->is_full = w->count == WAYS_MAX;
        if (!w->is_full) {
            w->items[w->count++] = so_far;
        }
        return;
    }
    switch ((enum pattern_op)inst->op) {
    case OP_JUMP:
        find_ways(w, so_far, inst->to, offset);
        return;
    case OP_SPLIT:
        find_ways(w, so_far, inst->to, offset);
        find_ways(w, so_far, inst->other, offset);
        return;
    case OP_WORD_EDGE:
    case OP_KEEP:
        find_ways(w, so_far, pc + 1, offset);
        return;
    case OP_SET:
    case OP_RUN:
    case OP_MATCH:
        break;
    }
    unsigned min = inst->op == OP_RUN ? inst->min : 1;
    unsigned max = inst->op == OP_RUN ? inst->max : 1;
    for (unsigned n = 0; n <= max && offset + n <= GROUPS_PREFIX; n++) {
        bool is_end = offset + n == GROUPS_PREFIX;
        if (n >= min || is_end) {
            find_ways(w, so_far, pc + 1, offset + n);
        }
        if (!is_end) {
            so_far.sets[offset + n] = &w->pattern->sets[inst->set];
        }
    }
}

/* Into the group where it costs least. Ways of long words are among themselves: only where
 * there is a long word they are asked for. */
static void add_way(struct scan_set *set, struct grouping *g, const struct way *way, bool is_long)
{
    unsigned best = 0;
    double best_cost = 1e30;
    for (unsigned i = is_long ? GROUPS_SHORT : 0; i < (is_long ? GROUPS : GROUPS_SHORT); i++) {
        double before = 1;
        double after = 1;
        for (unsigned k = 0; k < GROUPS_PREFIX; k++) {
            before *= g->shares[i][k];
            after *= g->shares[i][k] + share_of(way->sets[k], &g->sets[i][k]);
        }
        if (after - before < best_cost) {
            best = i;
            best_cost = after - before;
        }
    }
    for (unsigned k = 0; k < GROUPS_PREFIX; k++) {
        g->shares[best][k] += share_of(way->sets[k], &g->sets[best][k]);
        for (unsigned i = 0; i < 4; i++) {
            g->sets[best][k].bits[i] |= way->sets[k]->bits[i];
        }
        for (unsigned c = 0; c < 256; c++) {
            uint64_t has = byte_set_has(way->sets[k], (unsigned char)c);
            set->groups[k][c] |= has << best;
        }
    }
}

/* Of the bytes in `s` and not in `but`. */
static double share_of(const struct byte_set *s, const struct byte_set *but)
{
    double sum = 0;
    for (unsigned i = 0; i < 4; i++) {
        for (uint64_t rest = s->bits[i] & ~but->bits[i]; rest != 0; rest &= rest - 1) {
            sum += byte_share((unsigned char)(64 * i + (unsigned)__builtin_ctzll(rest)));
        }
    }
    return sum;
}

/* About how many of a thousand bytes of prose are this one. */
static double byte_share(unsigned char c)
{
    static const uint8_t letters[26] = {82, 15, 28, 43, 127, 22, 20, 61, 70, 2,  8, 40, 24,
                                        67, 75, 19, 1,  60,  63, 91, 28, 10, 24, 2, 20, 1};
    if (c >= 'a' && c <= 'z') {
        return letters[c - 'a'];
    }
    return c == ' ' ? 180 : c == '.' || c == ',' ? 12 : c >= '0' && c <= '9' ? 4 : 2;
}
