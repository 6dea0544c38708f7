/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of this room: the work bench of the index builder, shared by its two
 * files (dimensions and overrides; violation rows). Everything temporary lives
 * in `scratch` and is gone when index_build returns. Control thread.
 */
#ifndef PORTCULLIS_POLICY_INDEX_BUILD_H
#define PORTCULLIS_POLICY_INDEX_BUILD_H

#include "index.h"

struct gathered { /* one value of a dimension and who asks for it */
    struct str key;
    uint32_t *bits;
    uint32_t count;
    size_t capacity;
    struct gathered *next;
};
struct gather {
    struct map values;
    struct gathered *first;
    struct gathered *last; /* the value found last, and the very bytes that asked: */
    const char *last_key;  /* the rules of one policy ask with the same pointer */
    uint64_t *none;
    bool is_used;
};
struct index_builder {
    struct arena *arena, scratch;
    const struct index_input *in;
    struct policy_index *x;
    struct gather dims[DIM_COUNT];
    uint64_t *all;
};

/* Fills provider, model and *_when rows. */
MUST_USE enum err index_rows_build(struct index_builder *b);

#endif
