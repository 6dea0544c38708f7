/* SPDX-License-Identifier: Apache-2.0
 *
 * The check of one exchange: which rules apply at which stage, and what came of them.
 * Making one costs a few words of bits and a list of the rules that are not terms, however
 * many rules the organisation has. Memory: the exchange's arena; streams have heap.
 */
#include "run.h"

#define TOKENS_BYTES_MAX (1U << 20)

static enum err begin_stage(struct content_check *k, enum content_stage which,
                            const uint64_t *applies);
static enum err list_kind(struct stage *s, enum content_kind kind);

enum err content_check_new(struct arena *a, const struct content *c, const uint64_t *applies,
                           const struct content_env *env, struct content_check **ret)
{
    *ret = NULL;
    if (c == NULL || applies == NULL || !bits_meet(applies, applies, c->words)) {
        return ERR_OK;
    }
    struct content_check *k = arena_alloc_raw(a, sizeof(*k));
    if (k == NULL) {
        return ERR_MEMORY;
    }
    k->arena = a;
    k->content = c;
    k->env = *env;
    k->keys.hash_key = env->hash_key;
    k->keys.names_count = 0;
    scan_tokens_init(&k->tokens, TOKENS_BYTES_MAX);
    k->keys.tokens = &k->tokens;
    k->queue = NULL;
    k->recognition = NULL;
    k->channels = NULL;
    TRY(begin_stage(k, CONTENT_REQUEST, applies));
    TRY(begin_stage(k, CONTENT_RESPONSE, applies));
    const struct stage *answer = stage_of(k, CONTENT_RESPONSE);
    k->is_buffered = bits_meet(answer->bits, c->rows[ROW_BUFFERED], c->words);
    *ret = k;
    return ERR_OK;
}

static enum err begin_stage(struct content_check *k, enum content_stage which,
                            const uint64_t *applies)
{
    const struct content *c = k->content;
    const uint64_t *row = c->rows[which == CONTENT_REQUEST ? ROW_REQUEST : ROW_RESPONSE];
    struct stage *s = stage_of(k, which);
    uint64_t *bits = arena_alloc_raw(k->arena, c->words * sizeof(*bits));
    uint64_t any = 0;

    /* Field by field: the plan's table of detectors is not used, and clearing it is not free. */
    s->check = k;
    s->stage = which;
    s->bits = bits;
    s->is_scanned = false;
    s->effect = CONTENT_INFO;
    s->hits = NULL;
    s->hits_count = 0;
    s->hits_dropped = 0;
    s->edits_count = 0;
    s->entities_count = 0;
    s->seen = NULL;
    memset(s->has_opaque, 0, sizeof(s->has_opaque));
    s->was_added = false;
    s->plan.actions = c->actions;
    s->plan.actions_count = c->actions_count;
    s->plan.of_term = NULL;
    s->plan.of_finding = judge_index;
    s->plan.name_of_term = judge_name;
    s->plan.context = s;
    s->plan.score_min = 0;
    if (bits == NULL) {
        return ERR_MEMORY;
    }
    for (size_t w = 0; w < c->words; w++) {
        bits[w] = applies[w] & row[w];
        any |= bits[w];
    }
    s->is_wanted = any != 0;
    for (unsigned kind = 0; kind < CONTENT_KINDS; kind++) {
        TRY(list_kind(s, (enum content_kind)kind));
    }
    s->is_scanned = c->found != NULL && s->of_kind_count[CONTENT_PII] +
                                                s->of_kind_count[CONTENT_TERMS] +
                                                s->of_kind_count[CONTENT_REQUIRED_TERMS] >
                                            0;
    s->is_recognised = c->recognised_from < c->terms_count &&
                       bits_meet(bits, c->rows[ROW_RECOGNISED], c->words);
    if (s->of_kind_count[CONTENT_REQUIRED_TERMS] > 0) {
        s->seen = ARENA_ARRAY(k->arena, c->terms_count / 64 + 1, uint64_t);
        return s->seen != NULL ? ERR_OK : ERR_MEMORY;
    }
    return ERR_OK;
}

/* There may be thousands of rules of terms, and a finding names its rule: that there are
 * some is enough. */
static enum err list_kind(struct stage *s, enum content_kind kind)
{
    const struct content *c = s->check->content;
    const uint64_t *row = c->rows[ROW_KINDS + kind];
    size_t count = 0;

    s->of_kind[kind] = NULL;
    s->of_kind_count[kind] = 0;
    if (!c->has_kind[kind] || !bits_meet(s->bits, row, c->words)) {
        return ERR_OK;
    }
    if (kind == CONTENT_TERMS) {
        s->of_kind_count[kind] = 1;
        return ERR_OK;
    }
    for (size_t w = 0; w < c->words; w++) {
        uint64_t bits = s->bits[w] & row[w];
        count += bits != 0 ? (size_t)__builtin_popcountll(bits) : 0;
    }
    s->of_kind_count[kind] = count;
    uint32_t *list = arena_alloc_raw(s->check->arena, count * sizeof(*list));
    if (list == NULL) {
        return ERR_MEMORY;
    }
    s->of_kind[kind] = list;
    for (size_t w = 0; w < c->words; w++) {
        for (uint64_t bits = s->bits[w] & row[w]; bits != 0; bits &= bits - 1) {
            *list++ = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(bits));
        }
    }
    return ERR_OK;
}

void content_check_fini(struct content_check *k)
{
    if (k != NULL) {
        channels_free(k);
        queue_free(k);
        scan_tokens_fini(&k->tokens);
    }
}

bool content_is_wanted(const struct content_check *k, enum content_stage stage)
{
    return k != NULL && stage_of(k, stage)->is_wanted;
}

bool content_is_buffered(const struct content_check *k)
{
    return k != NULL && k->is_buffered;
}

size_t content_hits(const struct content_check *k, enum content_stage stage,
                    const struct content_hit **ret, size_t *ret_dropped)
{
    *ret = NULL;
    *ret_dropped = 0;
    if (k == NULL) {
        return 0;
    }
    *ret = stage_of(k, stage)->hits;
    *ret_dropped = stage_of(k, stage)->hits_dropped;
    return stage_of(k, stage)->hits_count;
}

enum content_effect content_effect(const struct content_check *k, enum content_stage stage)
{
    return k != NULL ? stage_of(k, stage)->effect : CONTENT_INFO;
}

uint64_t content_edits_count(const struct content_check *k, enum content_stage stage)
{
    return k != NULL ? stage_of(k, stage)->edits_count : 0;
}

size_t content_entities(const struct content_check *k, enum content_stage stage,
                        const char *const **ret_types, const uint64_t **ret_counts)
{
    *ret_types = NULL;
    *ret_counts = NULL;
    if (k == NULL) {
        return 0;
    }
    *ret_types = stage_of(k, stage)->entities;
    *ret_counts = stage_of(k, stage)->entities_counts;
    return stage_of(k, stage)->entities_count;
}
