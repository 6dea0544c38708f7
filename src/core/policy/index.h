/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of this room: the bitmap index over all running rules of one
 * organisation. Bit n = rule n: first the rules about texts (their numbers in the
 * organisation's content are these bits), then the others, both ordered by scope; behind
 * the rules, from a word of their own, one bit ("marker") per policy that overrides others.
 *
 * A dimension is one thing a rule can ask of a request. Per dimension there is
 * the row `none` (rules that ask nothing) and, per value somebody asks for, a
 * posting: a whole row when many rules ask for it, a short list of bits when
 * few do. That keeps 10,000 rules for 10,000 different users small. Each row knows
 * its live blocks (those with a bit in them); rules of one scope lie together, so
 * that most blocks are dead for most requests and are never read.
 *
 * What a principal asks never changes while the organisation lives, so its rows are put
 * together once, when it is built: a request starts from those blocks and asks the other
 * dimensions only. Read-only once built; memory is the organisation's arena.
 */
#ifndef PORTCULLIS_POLICY_INDEX_H
#define PORTCULLIS_POLICY_INDEX_H

#include "portcullis/policy.h"

#define INDEX_BITS_MAX 65536
#define INDEX_WORDS_MAX (INDEX_BITS_MAX / 64)
#define INDEX_LANES 8 /* a block: 8 words, 512 bits, one cache line; rows are whole blocks */
#define INDEX_LIVE_WORDS (INDEX_WORDS_MAX / INDEX_LANES / 64)
#define INDEX_SPARSE_MAX 16 /* up to so many bits a posting stays a list */
#define INDEX_PAIR_BYTES_MAX 600

enum index_dim {
    DIM_TEAM, DIM_PROJECT, DIM_USER, DIM_KEY, DIM_ROLE, /* of the principal: their words, */
    DIM_META_POLICY, DIM_META_RULE, /* its metadata: policy.match and rule.when must both hold */
    DIM_ENVIRONMENT,                /* of the principal, or of the request where it has none */
    DIM_ENDPOINT, DIM_SELECTION,    /* of the request, */
    DIM_TAG_POLICY, DIM_TAG_RULE,   /* its tags, as metadata; several values each */
    DIM_COUNT
};

struct index_live { /* bit per block */
    uint64_t blocks[INDEX_LIVE_WORDS];
};
struct index_posting {
    const uint64_t *row;  /* NULL: see bits. Includes the bits of `none` */
    const uint32_t *bits; /* ascending */
    uint32_t count;
    struct index_live live; /* of the row, or of the list alone */
};
struct index_dim_rows { /* of a dimension that some rule asks */
    const uint64_t *none;
    struct index_live live;
    struct map values; /* -> struct index_posting */
};
/* Where a decision starts: the blocks that can still apply, and what is to be asked. */
struct index_base {
    struct index_live live;
    const uint64_t *const *blocks; /* of the live ones, ascending */
    unsigned open;                 /* bits of enum index_dim; only dimensions in use */
};
/* What one provider or model violates, or the rules whose conditions it fulfils. */
struct index_row {
    const uint64_t *words;
    struct index_live live;
};
struct index_rule {
    const struct policy *policy;
    const struct policy_rule *rule; /* NULL: marker or padding */
    uint64_t allow, block;          /* provider_list as masks */
    const uint32_t *overriders;     /* markers that may replace this rule */
    size_t overriders_count;
};
struct policy_index {
    size_t rules_count;
    size_t content_count; /* of these about texts: bits 0 .. content_count - 1 */
    size_t rule_words, words; /* words >= rule_words; both multiples of INDEX_LANES */
    bool has_overrides;
    const uint64_t *overridable; /* bit per rule with overriders; NULL without overrides */
    struct index_rule *rules; /* words * 64 entries */
    struct index_base everything; /* nothing has been asked yet */
    struct index_dim_rows dims[DIM_COUNT];
    const struct index_posting *endpoints[LLM_ENDPOINTS_COUNT];
    /* violated = (provider & model_when) | (model & provider_when) */
    struct index_row provider[ROUTE_PROVIDERS_MAX];
    const struct index_row *model; /* by model index */
    bool has_conditions;    /* else the *_when rows are NULL = all ones */
    const uint64_t *provider_when[ROUTE_PROVIDERS_MAX];
    const uint64_t **model_when;
    size_t bytes;
};

struct index_input {
    struct policy *policies; /* copied, running ones only */
    size_t policies_count;
    const struct route_catalog *catalog;
    const struct route_posture *postures; /* by provider */
};
/* Sorts the policies into reporting order first. ERR_LIMIT: too many rules. */
MUST_USE enum err index_build(struct arena *a, const struct index_input *in,
                              struct policy_index *ret);

/* Key of a (name, value) pair in a map; STR_NONE when it is too long to be one. */
struct str index_pair_key(const struct policy_pair *pair, char buf[INDEX_PAIR_BYTES_MAX]);
/* Zeroed, aligned to 64 bytes. */
uint64_t *index_row_new(struct arena *a, size_t words);
static inline bool index_bit(const uint64_t *row, size_t bit)
{
    return (row[bit / 64] >> (bit % 64) & 1) != 0;
}
static inline void index_bit_set(uint64_t *row, size_t bit)
{
    row[bit / 64] |= UINT64_C(1) << (bit % 64);
}

/* ---- asking ----------------------------------------------------------------- */

/* One request or principal as the index sees it: the postings of its values. */
struct subject {
    const struct index_posting **entries;
    size_t entries_count, entries_max;
    size_t from[DIM_COUNT], to[DIM_COUNT]; /* entries of an open dimension */
};
/* ERR_LIMIT. NULL, a value that no rule asks for, adds nothing. */
MUST_USE enum err subject_add(struct subject *s, const struct index_posting *p);
/* What applies: words are defined only in live blocks. */
#define INDEX_ALIGNMENT 64
struct index_applied {
    _Alignas(INDEX_ALIGNMENT) uint64_t words[INDEX_WORDS_MAX];
    struct index_live live;
    size_t rules_count; /* markers not counted */
};
void index_match(const struct policy_index *x, const struct index_base *base,
                 const struct subject *s, struct index_applied *ret);
bool index_applies(const struct index_applied *applied, size_t bit);

struct index_candidate {
    const struct index_row *provider, *model;
    const uint64_t *provider_when, *model_when;
};
struct index_candidate index_candidate_of(const struct policy_index *x, unsigned provider,
                                          unsigned model);
/* Blocks in which an applied rule could say no to this candidate. */
struct index_live index_candidate_live(const struct index_applied *applied,
                                       const struct index_candidate *c);
/* Does any? Looks at those blocks. */
bool index_is_violated(const struct policy_index *x, const struct index_applied *applied,
                       const struct index_candidate *c, const struct index_live *live);
/* Word `w` (of a live block) of what is violated. */
static inline uint64_t index_violated_word(const struct policy_index *x,
                                           const struct index_applied *applied,
                                           const struct index_candidate *c, size_t w)
{
    if (!x->has_conditions) {
        return applied->words[w] & (c->provider->words[w] | c->model->words[w]);
    }
    return applied->words[w] & ((c->provider->words[w] & c->model_when[w]) |
                                (c->model->words[w] & c->provider_when[w]));
}
static inline bool index_live_has(const struct index_live *live, size_t block)
{
    return (live->blocks[block / 64] >> (block % 64) & 1) != 0;
}
struct index_live index_live_of(const uint64_t *row, size_t words);

#endif
