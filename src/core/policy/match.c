/* SPDX-License-Identifier: Apache-2.0
 *
 * The hot loops: AND of a dozen rows, then per candidate one AND with what it
 * violates. Everything a decision costs at 10,000 rules is in this file, so the
 * loops work on 512 bits at once and are compiled for several CPUs.
 *
 * Reads the index only; no memory, any thread.
 */
#include "index.h"

/* Function multi-versioning needs an ifunc resolver, which runs before a
 * sanitizer is ready. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__) &&                        \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HOT __attribute__((target_clones("arch=icelake-server", "arch=haswell", "default")))
#else
#define HOT
#endif
#define LANES __attribute__((vector_size(64)))

static void and_rows(const uint64_t *const *rows, size_t rows_count, size_t words, uint64_t *out);
static bool any_violated(const uint64_t *applied, const uint64_t *provider, const uint64_t *model,
                         size_t words);
static bool any_violated_when(const uint64_t *applied, const struct index_candidate *c,
                              size_t words);
static size_t count_bits(const uint64_t *row, size_t words);
static void add_sparse(const struct policy_index *x, const struct subject *s, uint64_t *applied);
static bool is_admitted(const struct policy_index *x, const struct subject *s, uint32_t bit);
static bool posting_has(const struct index_posting *p, uint32_t bit);

void index_match(const struct policy_index *x, const struct subject *s,
                 uint64_t ret_applied[INDEX_WORDS_MAX])
{
    and_rows(s->rows, s->rows_count, x->words, ret_applied);
    if (s->has_sparse) {
        add_sparse(x, s, ret_applied);
    }
}

size_t index_count(const struct policy_index *x, const uint64_t *applied)
{
    return count_bits(applied, x->rule_words);
}

struct index_candidate index_candidate_of(const struct policy_index *x, unsigned provider,
                                          unsigned model)
{
    return (struct index_candidate){
        .provider = x->provider[provider],
        .model = x->model[model],
        .provider_when = x->has_conditions ? x->provider_when[provider] : NULL,
        .model_when = x->has_conditions ? x->model_when[model] : NULL,
    };
}

bool index_is_violated(const struct policy_index *x, const uint64_t *applied,
                       const struct index_candidate *c)
{
    if (x->has_conditions) {
        return any_violated_when(applied, c, x->rule_words);
    }
    return any_violated(applied, c->provider, c->model, x->rule_words);
}

HOT static void and_rows(const uint64_t *const *rows, size_t rows_count, size_t words,
                         uint64_t *out)
{
    for (size_t w = 0; w < words; w += INDEX_LANES) {
        uint64_t acc LANES, row LANES;
        memcpy(&acc, rows[0] + w, sizeof(acc));
        for (size_t r = 1; r < rows_count; r++) {
            memcpy(&row, rows[r] + w, sizeof(row));
            acc &= row;
        }
        memcpy(out + w, &acc, sizeof(acc));
    }
}

HOT static bool any_violated(const uint64_t *applied, const uint64_t *provider,
                             const uint64_t *model, size_t words)
{
    uint64_t any LANES = {0};
    for (size_t w = 0; w < words; w += INDEX_LANES) {
        uint64_t a LANES, p LANES, m LANES;
        memcpy(&a, applied + w, sizeof(a));
        memcpy(&p, provider + w, sizeof(p));
        memcpy(&m, model + w, sizeof(m));
        any |= a & (p | m);
    }
    return (any[0] | any[1] | any[2] | any[3] | any[4] | any[5] | any[6] | any[7]) != 0;
}

HOT static bool any_violated_when(const uint64_t *applied, const struct index_candidate *c,
                                  size_t words)
{
    uint64_t any LANES = {0};
    for (size_t w = 0; w < words; w += INDEX_LANES) {
        uint64_t a LANES, p LANES, m LANES, pw LANES, mw LANES;
        memcpy(&a, applied + w, sizeof(a));
        memcpy(&p, c->provider + w, sizeof(p));
        memcpy(&m, c->model + w, sizeof(m));
        memcpy(&pw, c->provider_when + w, sizeof(pw));
        memcpy(&mw, c->model_when + w, sizeof(mw));
        any |= a & ((p & mw) | (m & pw));
    }
    return (any[0] | any[1] | any[2] | any[3] | any[4] | any[5] | any[6] | any[7]) != 0;
}

HOT static size_t count_bits(const uint64_t *row, size_t words)
{
    size_t count = 0;
    for (size_t w = 0; w < words; w++) {
        count += (size_t)__builtin_popcountll(row[w]);
    }
    return count;
}

/* Rules that ask for a value few rules ask for are in no row; each of them is
 * looked at on its own, in every dimension. */
static void add_sparse(const struct policy_index *x, const struct subject *s, uint64_t *applied)
{
    for (size_t i = 0; i < s->entries_count; i++) {
        const struct index_posting *p = s->entries[i];
        for (uint32_t k = 0; p->row == NULL && k < p->count; k++) {
            uint32_t bit = p->bits[k];
            if (!index_bit(applied, bit) && is_admitted(x, s, bit)) {
                index_bit_set(applied, bit);
            }
        }
    }
}

static bool is_admitted(const struct policy_index *x, const struct subject *s, uint32_t bit)
{
    for (unsigned d = 0; d < DIM_COUNT; d++) {
        if (!x->dims[d].is_used || index_bit(x->dims[d].none, bit)) {
            continue;
        }
        bool is_held = false;
        for (size_t i = s->dim_from[d]; !is_held && i < s->dim_from[d + 1]; i++) {
            is_held = posting_has(s->entries[i], bit);
        }
        if (!is_held) {
            return false;
        }
    }
    return true;
}

static bool posting_has(const struct index_posting *p, uint32_t bit)
{
    if (p->row != NULL) {
        return index_bit(p->row, bit);
    }
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->bits[i] == bit) {
            return true;
        }
    }
    return false;
}
