/* SPDX-License-Identifier: Apache-2.0
 *
 * Member names stay apart: two that were different and became equal when something in them
 * was replaced are numbered in the order in which they come, the first keeps its name. So
 * JSON stays JSON for a reader that takes no name twice, and a stream, which knows only
 * what has come so far, gives the same as the whole. Names that were equal from the
 * beginning are left alone.
 *
 * Only hashes are kept, of the names as they go out; the hash is seeded by the tenant's
 * secret, so that nobody can look for names that meet. Heap, bounded.
 */
#include <stdio.h>
#include <stdlib.h>

#include "names.h"

#define NAMES_MAX 65536U /* a power of two */
#define CAPACITY_FIRST 16U
#define FNV_PRIME UINT64_C(0x100000001b3)

static struct name_slot *find(const struct names *n, uint64_t hash);
static enum err put(struct names *n, uint64_t hash, bool is_edited);
static enum err grow(struct names *n, size_t capacity);

void names_init(struct names *n, struct str secret)
{
    *n = (struct names){.seed = hash_bytes(secret, 0x6e616d6573)};
}

void names_fini(struct names *n)
{
    free(n->slots);
    n->slots = NULL;
    n->count = n->capacity = 0;
}

uint64_t names_begin(const struct names *n, uint64_t object)
{
    return (n->seed ^ object) * FNV_PRIME + object;
}

uint64_t names_add(uint64_t hash, struct str part)
{
    for (size_t i = 0; i < part.len; i++) {
        hash = (hash ^ (unsigned char)part.ptr[i]) * FNV_PRIME;
    }
    return hash;
}

enum err names_take(struct names *n, uint64_t hash, bool is_edited, unsigned *ret_number)
{
    struct name_slot *slot = find(n, hash);
    char text[16];

    *ret_number = 0;
    if (slot == NULL) {
        return put(n, hash, is_edited);
    }
    if (!is_edited && !slot->is_edited) {
        return ERR_OK;
    }
    for (;;) {
        unsigned number = (unsigned)++slot->last;
        int len = snprintf(text, sizeof(text), "_%u", number);
        uint64_t other = names_add(hash, (struct str){text, (size_t)len});
        if (find(n, other) == NULL) {
            *ret_number = number;
            return put(n, other, true);
        }
    }
}

static struct name_slot *find(const struct names *n, uint64_t hash)
{
    for (size_t i = hash & (n->capacity - 1); n->capacity != 0; i = (i + 1) & (n->capacity - 1)) {
        if (n->slots[i].last == 0) {
            return NULL;
        }
        if (n->slots[i].hash == hash) {
            return &n->slots[i];
        }
    }
    return NULL;
}

static enum err put(struct names *n, uint64_t hash, bool is_edited)
{
    if (n->count == NAMES_MAX) {
        return ERR_LIMIT;
    }
    if (2 * n->count >= n->capacity) {
        TRY(grow(n, n->capacity == 0 ? CAPACITY_FIRST : 2 * n->capacity));
    }
    size_t i = hash & (n->capacity - 1);
    while (n->slots[i].last != 0) {
        i = (i + 1) & (n->capacity - 1);
    }
    n->slots[i] = (struct name_slot){.hash = hash, .last = 1, .is_edited = is_edited};
    n->count++;
    return ERR_OK;
}

enum err names_reserve(struct names *n, size_t count)
{
    size_t capacity = CAPACITY_FIRST;
    while (capacity < 2 * NAMES_MAX && capacity <= 2 * count) {
        capacity *= 2;
    }
    return capacity > n->capacity ? grow(n, capacity) : ERR_OK;
}

static enum err grow(struct names *n, size_t capacity)
{
    struct names old = *n;
    struct name_slot *slots = calloc(capacity, sizeof(*slots));
    if (slots == NULL) {
        return ERR_MEMORY;
    }
    n->slots = slots;
    n->capacity = capacity;
    for (size_t k = 0; k < old.capacity; k++) {
        size_t i = old.slots[k].hash & (capacity - 1);
        while (old.slots[k].last != 0 && slots[i].last != 0) {
            i = (i + 1) & (capacity - 1);
        }
        if (old.slots[k].last != 0) {
            slots[i] = old.slots[k];
        }
    }
    free(old.slots);
    return ERR_OK;
}
