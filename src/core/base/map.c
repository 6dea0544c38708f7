/* SPDX-License-Identifier: Apache-2.0
 *
 * A map from byte strings to pointers, open addressing with linear probing, at
 * most three quarters full. It lives in an arena: growing leaves the old table
 * behind until the arena goes, which costs no more than the new table again.
 * There is no removal. The hash is public, so do not put many keys of one
 * stranger into one map. Lookups write nothing: a finished map may be shared.
 */
#include "portcullis/base.h"

struct map_slot {
    struct str key; /* borrowed */
    void *value;
    uint64_t hash; /* odd; 0 = empty */
};

static enum err take_slots(struct map *m, struct arena *a, size_t count);
static struct map_slot *find_slot(const struct map *m, struct str key, uint64_t hash);
static uint64_t hash_of(struct str key);

enum err map_init(struct map *m, struct arena *a, size_t expected)
{
    *m = (struct map){0};
    if (expected == 0) {
        return ERR_OK;
    }
    if (expected > SIZE_MAX / 4) {
        return ERR_LIMIT;
    }
    size_t count = 8;
    while (count / 4 * 3 < expected) {
        count *= 2;
    }
    return take_slots(m, a, count);
}

static enum err take_slots(struct map *m, struct arena *a, size_t count)
{
    struct map_slot *slots = ARENA_ARRAY(a, count, struct map_slot);
    if (slots == NULL) {
        return ERR_LIMIT;
    }
    m->slots = slots;
    m->slots_count = count;
    return ERR_OK;
}

enum err map_put(struct map *m, struct arena *a, struct str key, void *value)
{
    uint64_t hash = hash_of(key);
    if (m->slots_count > 0 && find_slot(m, key, hash)->hash != 0) {
        return ERR_CONFLICT;
    }
    if (m->count + 1 > m->slots_count / 4 * 3) {
        struct map old = *m;
        TRY(take_slots(m, a, old.slots_count == 0 ? 8 : old.slots_count * 2));
        for (size_t i = 0; i < old.slots_count; i++) {
            if (old.slots[i].hash != 0) {
                *find_slot(m, old.slots[i].key, old.slots[i].hash) = old.slots[i];
            }
        }
    }
    *find_slot(m, key, hash) = (struct map_slot){.key = key, .value = value, .hash = hash};
    m->count++;
    return ERR_OK;
}

void *map_get(const struct map *m, struct str key)
{
    if (m->count == 0) {
        return NULL;
    }
    return find_slot(m, key, hash_of(key))->value;
}

/* The slot of `key`, or the empty slot where it belongs. The map is never full. */
static struct map_slot *find_slot(const struct map *m, struct str key, uint64_t hash)
{
    size_t mask = m->slots_count - 1;
    size_t at = (size_t)(hash >> 1) & mask;
    while (m->slots[at].hash != 0) {
        if (m->slots[at].hash == hash && str_eq(m->slots[at].key, key)) {
            break;
        }
        at = (at + 1) & mask;
    }
    return &m->slots[at];
}

static uint64_t hash_of(struct str key)
{
    return hash_bytes(key, 0) | 1;
}
