/* SPDX-License-Identifier: Apache-2.0
 *
 * The hot loops: AND of a dozen rows, then per candidate one AND with what it
 * violates. Everything a decision costs at 10,000 rules is in this file, so the
 * loops work on 512 bits at once, are compiled for several CPUs, and read only
 * blocks that no row has ruled out.
 *
 * Reads the index only; no memory but the stack, any thread.
 */
#include "index.h"

/* Function multi-versioning needs an ifunc resolver, which runs before a
 * sanitizer is ready. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__) &&                        \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HOT __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define HOT
#endif
#define LANES __attribute__((vector_size(64)))

/* The rows of one question. A dimension of which the request has several values,
 * or a value with a short list, gets its row put together in `scratch`. */
struct question {
    const uint64_t *rows[DIM_COUNT];
    size_t rows_count;
    _Alignas(64) uint64_t scratch[DIM_COUNT][INDEX_WORDS_MAX];
};

static void find_live(const struct policy_index *x, const struct index_base *base,
                      const struct subject *s, struct index_live *ret);
static const uint64_t *row_of(const struct policy_index *x, const struct subject *s, unsigned dim,
                              const struct index_live *live, uint64_t *scratch);
static void add_posting(const struct index_posting *p, const struct index_live *live,
                        uint64_t *row);
static void and_rows(const struct question *q, const struct index_base *base, size_t rule_words,
                     struct index_applied *applied);
static bool any_violated(const struct index_applied *applied, const struct index_candidate *c,
                         const struct index_live *live);
static bool any_violated_when(const struct index_applied *applied,
                              const struct index_candidate *c, const struct index_live *live);

void index_match(const struct policy_index *x, const struct index_base *base,
                 const struct subject *s, struct index_applied *ret)
{
    struct question q;

    q.rows_count = 0;
    find_live(x, base, s, &ret->live);
    for (unsigned open = base->open; open != 0; open &= open - 1) {
        unsigned d = (unsigned)__builtin_ctz(open);
        q.rows[q.rows_count] = row_of(x, s, d, &ret->live, q.scratch[q.rows_count]);
        q.rows_count++;
    }
    and_rows(&q, base, x->rule_words, ret);
}

enum err subject_add(struct subject *s, const struct index_posting *p)
{
    if (p == NULL) {
        return ERR_OK;
    }
    if (s->entries_count == s->entries_max) {
        return ERR_LIMIT;
    }
    s->entries[s->entries_count++] = p;
    return ERR_OK;
}

bool index_applies(const struct index_applied *applied, size_t bit)
{
    return index_live_has(&applied->live, bit / 64 / INDEX_LANES) &&
           index_bit(applied->words, bit);
}

struct index_live index_live_of(const uint64_t *row, size_t words)
{
    struct index_live live = {{0}};
    for (size_t w = 0; w < words; w++) {
        size_t block = w / INDEX_LANES;
        live.blocks[block / 64] |= (uint64_t)(row[w] != 0) << (block % 64);
    }
    return live;
}

struct index_candidate index_candidate_of(const struct policy_index *x, unsigned provider,
                                          unsigned model)
{
    return (struct index_candidate){
        .provider = &x->provider[provider],
        .model = &x->model[model],
        .provider_when = x->has_conditions ? x->provider_when[provider] : NULL,
        .model_when = x->has_conditions ? x->model_when[model] : NULL,
    };
}

struct index_live index_candidate_live(const struct index_applied *applied,
                                       const struct index_candidate *c)
{
    struct index_live live;
    for (size_t k = 0; k < INDEX_LIVE_WORDS; k++) {
        live.blocks[k] = applied->live.blocks[k] &
                         (c->provider->live.blocks[k] | c->model->live.blocks[k]);
    }
    return live;
}

bool index_is_violated(const struct policy_index *x, const struct index_applied *applied,
                       const struct index_candidate *c, const struct index_live *live)
{
    return x->has_conditions ? any_violated_when(applied, c, live)
                             : any_violated(applied, c, live);
}

/* Blocks in which every dimension has something left. */
static void find_live(const struct policy_index *x, const struct index_base *base,
                      const struct subject *s, struct index_live *ret)
{
    *ret = base->live;
    for (unsigned open = base->open; open != 0; open &= open - 1) {
        unsigned d = (unsigned)__builtin_ctz(open);
        struct index_live dim = x->dims[d].live;
        for (size_t i = s->from[d]; i < s->to[d]; i++) {
            for (size_t k = 0; k < INDEX_LIVE_WORDS; k++) {
                dim.blocks[k] |= s->entries[i]->live.blocks[k];
            }
        }
        for (size_t k = 0; k < INDEX_LIVE_WORDS; k++) {
            ret->blocks[k] &= dim.blocks[k];
        }
    }
}

static const uint64_t *row_of(const struct policy_index *x, const struct subject *s, unsigned dim,
                              const struct index_live *live, uint64_t *scratch)
{
    size_t from = s->from[dim], to = s->to[dim];

    if (from == to) {
        return x->dims[dim].none;
    }
    if (to - from == 1 && s->entries[from]->row != NULL) {
        return s->entries[from]->row;
    }
    for (size_t k = 0; k < INDEX_LIVE_WORDS; k++) {
        for (uint64_t b = live->blocks[k]; b != 0; b &= b - 1) {
            size_t w = (k * 64 + (size_t)__builtin_ctzll(b)) * INDEX_LANES;
            for (size_t i = w; i < w + INDEX_LANES; i++) {
                scratch[i] = x->dims[dim].none[i];
            }
        }
    }
    for (size_t i = from; i < to; i++) {
        add_posting(s->entries[i], live, scratch);
    }
    return scratch;
}

static void add_posting(const struct index_posting *p, const struct index_live *live,
                        uint64_t *row)
{
    if (p->row == NULL) {
        for (uint32_t i = 0; i < p->count; i++) {
            if (index_live_has(live, p->bits[i] / 64 / INDEX_LANES)) {
                index_bit_set(row, p->bits[i]);
            }
        }
        return;
    }
    for (size_t k = 0; k < INDEX_LIVE_WORDS; k++) {
        for (uint64_t b = live->blocks[k]; b != 0; b &= b - 1) {
            size_t w = (k * 64 + (size_t)__builtin_ctzll(b)) * INDEX_LANES;
            for (size_t i = w; i < w + INDEX_LANES; i++) {
                row[i] |= p->row[i];
            }
        }
    }
}

HOT static void and_rows(const struct question *q, const struct index_base *base,
                         size_t rule_words, struct index_applied *applied)
{
    const uint64_t *const *from = base->blocks;
    size_t count = 0;

    for (size_t k = 0; k < INDEX_LIVE_WORDS; k++) {
        const uint64_t live = applied->live.blocks[k];
        uint64_t left = 0;
        for (uint64_t b = base->live.blocks[k]; b != 0; b &= b - 1, from++) {
            if ((live & b & -b) == 0) {
                continue;
            }
            size_t w = (k * 64 + (size_t)__builtin_ctzll(b)) * INDEX_LANES;
            uint64_t acc LANES, row LANES;
            memcpy(&acc, *from, sizeof(acc));
            for (size_t r = 0; r < q->rows_count; r++) {
                memcpy(&row, q->rows[r] + w, sizeof(row));
                acc &= row;
            }
            memcpy(applied->words + w, &acc, sizeof(acc));
            size_t bits = 0;
            for (size_t i = w; i < w + INDEX_LANES; i++) {
                bits += (size_t)__builtin_popcountll(applied->words[i]);
            }
            left |= bits != 0 ? b & -b : 0;
            count += w < rule_words ? bits : 0;
        }
        applied->live.blocks[k] = left;
    }
    applied->rules_count = count;
}

HOT static bool any_violated(const struct index_applied *applied, const struct index_candidate *c,
                             const struct index_live *live)
{
    uint64_t any LANES = {0};
    for (size_t k = 0; k < INDEX_LIVE_WORDS; k++) {
        for (uint64_t b = live->blocks[k]; b != 0; b &= b - 1) {
            size_t w = (k * 64 + (size_t)__builtin_ctzll(b)) * INDEX_LANES;
            uint64_t a LANES, p LANES, m LANES;
            memcpy(&a, applied->words + w, sizeof(a));
            memcpy(&p, c->provider->words + w, sizeof(p));
            memcpy(&m, c->model->words + w, sizeof(m));
            any |= a & (p | m);
        }
    }
    return (any[0] | any[1] | any[2] | any[3] | any[4] | any[5] | any[6] | any[7]) != 0;
}

/* Markers lie in blocks of their own and violate nothing: their rows are 0. */
HOT static bool any_violated_when(const struct index_applied *applied,
                                  const struct index_candidate *c, const struct index_live *live)
{
    uint64_t any LANES = {0};
    for (size_t k = 0; k < INDEX_LIVE_WORDS; k++) {
        for (uint64_t b = live->blocks[k]; b != 0; b &= b - 1) {
            size_t w = (k * 64 + (size_t)__builtin_ctzll(b)) * INDEX_LANES;
            uint64_t a LANES, p LANES, m LANES, pw LANES, mw LANES;
            memcpy(&a, applied->words + w, sizeof(a));
            memcpy(&p, c->provider->words + w, sizeof(p));
            memcpy(&m, c->model->words + w, sizeof(m));
            memcpy(&pw, c->provider_when + w, sizeof(pw));
            memcpy(&mw, c->model_when + w, sizeof(mw));
            any |= a & ((p & mw) | (m & pw));
        }
    }
    return (any[0] | any[1] | any[2] | any[3] | any[4] | any[5] | any[6] | any[7]) != 0;
}
