/* SPDX-License-Identifier: Apache-2.0
 *
 * Member names that stay apart when some of them are edited (names.c): the set of those
 * that went out of one document, and which number the next one needs. On the heap until
 * names_fini. One thread.
 */
#ifndef PORTCULLIS_CONTENT_NAMES_H
#define PORTCULLIS_CONTENT_NAMES_H

#include "portcullis/base.h"

struct name_slot {
    uint64_t hash;
    uint32_t last; /* number given last to this name; 0 = the slot is free */
    bool is_edited;
};
struct names {
    struct name_slot *slots;
    size_t count, capacity;
    uint64_t seed;
};

void names_init(struct names *n, struct str secret);
void names_fini(struct names *n); /* a zeroed one is allowed */
/* Room for so many at once, or for as many as there may be: growing later moves all. */
MUST_USE enum err names_reserve(struct names *n, size_t count);
/* The hash of a name of this object, which grows by its pieces. */
uint64_t names_begin(const struct names *n, uint64_t object);
uint64_t names_add(uint64_t hash, struct str part);
/* A name as it goes out, the next one of its object. *ret_number: what must be put behind
 * it ("_2"), 0 = nothing. ERR_LIMIT: too many names; refuse. */
MUST_USE enum err names_take(struct names *n, uint64_t hash, bool is_edited,
                             unsigned *ret_number);

#endif
