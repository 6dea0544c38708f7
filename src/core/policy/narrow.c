/* SPDX-License-Identifier: Apache-2.0
 *
 * Principal -> its base: the index asked once, when the organisation is built, everything
 * that a key settles (team, project, user, key, role, metadata, its environment). What is
 * left are a few blocks, from which every request of this key starts.
 *
 * Keys of one team or none share most of their blocks, so each block lies in memory once
 * and bases hold pointers: 8 bytes for each 512 rules of which one can apply to the key.
 * Control thread; the result is in the organisation's arena.
 */
#include "org.h"

#define SCRATCH_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define BLOCK_BYTES (INDEX_LANES * sizeof(uint64_t))

struct narrower {
    struct policy_org *org;
    struct arena scratch;
    struct map blocks; /* the bytes of a block -> where they lie */
    struct subject subject;
    struct index_applied *applied;
};

static enum err narrow_all(struct narrower *n);
static enum err narrow(struct narrower *n, const struct policy_key_row *row,
                       struct index_base *ret);
static enum err ask_row(struct narrower *n, const struct policy_key_row *row);
static enum err ask_metadata(struct narrower *n, const struct policy_key_row *row,
                             enum index_dim dim);
static enum err keep(struct narrower *n, struct index_base *ret);
static const uint64_t *shared_block(struct narrower *n, const uint64_t *words);

enum err org_narrow(struct policy_org *o)
{
    struct narrower n = {.org = o};
    size_t before = o->arena.used_bytes;

    arena_init(&n.scratch, SCRATCH_BYTES_MAX);
    enum err err = narrow_all(&n);
    arena_fini(&n.scratch);
    o->index.bytes += o->arena.used_bytes - before;
    return err;
}

static enum err narrow_all(struct narrower *n)
{
    static const struct policy_key_row nobody = {.may_narrow = true};
    struct policy_org *o = n->org;
    size_t values = DIM_COUNT;

    for (size_t i = 0; i < o->principals_count; i++) {
        size_t wanted = DIM_COUNT + 2 * o->principals[i].row.metadata_count;
        values = wanted > values ? wanted : values;
    }
    n->subject.entries_max = values;
    n->subject.entries = ARENA_ARRAY(&n->scratch, values, const struct index_posting *);
    char *space = arena_alloc_raw(&n->scratch, sizeof(*n->applied) + INDEX_ALIGNMENT);
    if (n->subject.entries == NULL || space == NULL) {
        return ERR_MEMORY;
    }
    n->applied = (struct index_applied *)(void *)(space + (INDEX_ALIGNMENT -
                                                           (uintptr_t)space % INDEX_ALIGNMENT));
    TRY(map_init(&n->blocks, &n->scratch, 64));
    for (size_t i = 0; i < o->principals_count; i++) {
        TRY(narrow(n, &o->principals[i].row, &o->principals[i].base));
    }
    return narrow(n, &nobody, &o->nobody);
}

/* An environment that a request may name is left open. */
static enum err narrow(struct narrower *n, const struct policy_key_row *row,
                       struct index_base *ret)
{
    const struct policy_index *x = &n->org->index;
    const bool is_open = row->may_narrow && row->environment.len == 0;
    const unsigned settled = (1U << (is_open ? DIM_ENVIRONMENT : DIM_ENVIRONMENT + 1)) - 1;
    struct index_base base = x->everything;

    base.open &= settled;
    TRY(ask_row(n, row));
    index_match(x, &base, &n->subject, n->applied);
    ret->open = x->everything.open & ~settled;
    return keep(n, ret);
}

static enum err ask_row(struct narrower *n, const struct policy_key_row *row)
{
    const struct str words[] = {
        [DIM_TEAM] = row->team, [DIM_PROJECT] = row->project,
        [DIM_USER] = row->user, [DIM_KEY] = row->id,
        [DIM_ROLE] = row->role, [DIM_ENVIRONMENT] = row->environment,
    };
    struct subject *s = &n->subject;

    s->entries_count = 0;
    for (unsigned d = 0; d <= DIM_ENVIRONMENT; d++) {
        s->from[d] = s->entries_count;
        if (d == DIM_META_POLICY || d == DIM_META_RULE) {
            TRY(ask_metadata(n, row, (enum index_dim)d));
        } else if (words[d].len > 0) {
            TRY(subject_add(s, map_get(&n->org->index.dims[d].values, words[d])));
        }
        s->to[d] = s->entries_count;
    }
    return ERR_OK;
}

static enum err ask_metadata(struct narrower *n, const struct policy_key_row *row,
                             enum index_dim dim)
{
    char buf[INDEX_PAIR_BYTES_MAX];

    for (size_t i = 0; i < row->metadata_count; i++) {
        struct str key = index_pair_key(&row->metadata[i], buf);
        if (key.ptr != NULL) {
            TRY(subject_add(&n->subject, map_get(&n->org->index.dims[dim].values, key)));
        }
    }
    return ERR_OK;
}

static enum err keep(struct narrower *n, struct index_base *ret)
{
    const struct index_live *live = &n->applied->live;
    size_t count = 0;

    for (size_t k = 0; k < INDEX_LIVE_WORDS; k++) {
        count += (size_t)__builtin_popcountll(live->blocks[k]);
    }
    const uint64_t **list = ARENA_ARRAY(&n->org->arena, count, const uint64_t *);
    if (list == NULL) {
        return ERR_MEMORY;
    }
    ret->live = *live;
    ret->blocks = list;
    for (size_t block = 0; count > 0; block++) {
        if (index_live_has(live, block)) {
            *list = shared_block(n, n->applied->words + block * INDEX_LANES);
            if (*list++ == NULL) {
                return ERR_MEMORY;
            }
            count--;
        }
    }
    return ERR_OK;
}

static const uint64_t *shared_block(struct narrower *n, const uint64_t *words)
{
    const struct str bytes = {(const char *)words, BLOCK_BYTES};
    uint64_t *block = map_get(&n->blocks, bytes);

    if (block != NULL) {
        return block;
    }
    block = index_row_new(&n->org->arena, INDEX_LANES);
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, words, BLOCK_BYTES);
    const struct str kept = {(const char *)block, BLOCK_BYTES};
    return map_put(&n->blocks, &n->scratch, kept, block) == ERR_OK ? block : NULL;
}
