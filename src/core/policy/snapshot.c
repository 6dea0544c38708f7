/* SPDX-License-Identifier: Apache-2.0
 *
 * The snapshot: all organisations of one epoch, and the table that leads from an
 * API key to its principal. Organisations are shared between snapshots, so
 * publishing a change of one costs the others a pointer and a table entry.
 *
 * The key table is open addressing over the 12-byte ids, 16 bytes a slot: four
 * slots share a cache line and most look-ups touch one. Built and freed on the
 * control thread, read by all workers without lock.
 */
#include <stdlib.h>

#include "org.h"

#define SNAPSHOT_BYTES_MAX ((size_t)4 * 1024 * 1024 * 1024)
#define KEY_ID_LEN 12
#define KEY_HASH_SEED UINT64_C(0x9e3779b97f4a7c15)

struct key_slot {
    char id[KEY_ID_LEN];
    uint32_t number; /* of the principal, from 1; 0 = free */
};
struct policy_snapshot {
    struct arena arena;
    uint64_t epoch;
    int64_t made_at_s;
    const struct route_catalog *catalog;
    struct policy_org **orgs;
    size_t orgs_count;
    struct map by_id;
    struct key_slot *slots; /* power of two, at most half full */
    size_t slots_count;
    const struct policy_principal **principals;
};

static enum err build(struct policy_snapshot *s, struct policy_org *const *orgs, size_t count);
static enum err build_keys(struct policy_snapshot *s);
static struct key_slot *find_slot(const struct policy_snapshot *s, struct str id);
static bool is_secret(const struct policy_key_row *k, const uint8_t hmac[32], int64_t now_s);

enum err policy_snapshot_new(struct policy_org *const *orgs, size_t count,
                             const struct route_catalog *catalog, uint64_t epoch, int64_t now_s,
                             struct policy_snapshot **ret)
{
    struct policy_snapshot *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return ERR_MEMORY;
    }
    arena_init(&s->arena, SNAPSHOT_BYTES_MAX);
    s->epoch = epoch;
    s->made_at_s = now_s;
    s->catalog = catalog;
    enum err err = build(s, orgs, count);
    if (err != ERR_OK) {
        policy_snapshot_free(s);
        return err;
    }
    *ret = s;
    return ERR_OK;
}

void policy_snapshot_free(struct policy_snapshot *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->orgs_count; i++) {
        policy_org_unref(s->orgs[i]);
    }
    arena_fini(&s->arena);
    free(s);
}

uint64_t policy_snapshot_epoch(const struct policy_snapshot *s)
{
    return s->epoch;
}

int64_t policy_snapshot_made_at(const struct policy_snapshot *s)
{
    return s->made_at_s;
}

const struct route_catalog *policy_snapshot_catalog(const struct policy_snapshot *s)
{
    return s->catalog;
}

const struct policy_org *policy_snapshot_org(const struct policy_snapshot *s, struct str org_id)
{
    return map_get(&s->by_id, org_id);
}

size_t policy_snapshot_orgs_count(const struct policy_snapshot *s)
{
    return s->orgs_count;
}

const struct policy_org *policy_snapshot_org_at(const struct policy_snapshot *s, size_t i)
{
    ASSERT(i < s->orgs_count);
    return s->orgs[i];
}

/* An unknown key costs the same HMAC as a known one, so the answer's time does
 * not say which ids exist; state is looked at only after the secret proved good. */
enum err policy_authenticate(const struct policy_snapshot *s, struct str key_text,
                             struct str pepper, int64_t now_s, const struct policy_principal **ret)
{
    struct policy_key_text key;

    TRY(policy_key_parse(key_text, &key));
    const struct key_slot *slot = find_slot(s, key.id);
    struct sha256 hmac = hmac_sha256(pepper, key.secret);
    if (slot == NULL || slot->number == 0) {
        return ERR_NOT_FOUND;
    }
    const struct policy_principal *p = s->principals[slot->number - 1];
    if (!is_secret(&p->row, hmac.bytes, now_s)) {
        return ERR_NOT_FOUND;
    }
    TRY(policy_principal_state(p, now_s));
    *ret = p;
    return ERR_OK;
}

enum err policy_principal_state(const struct policy_principal *p, int64_t now_s)
{
    bool is_denied = p->row.is_revoked || p->org->is_suspended ||
                     (p->row.not_before_s != 0 && now_s < p->row.not_before_s) ||
                     (p->row.expires_at_s != 0 && now_s >= p->row.expires_at_s);
    return is_denied ? ERR_DENIED : ERR_OK;
}

const struct policy_key_row *policy_principal_key(const struct policy_principal *p)
{
    return &p->row;
}

enum policy_error_format policy_principal_error_format(const struct policy_principal *p)
{
    return p->row.error_format != POLICY_ERROR_UNSET    ? p->row.error_format
           : p->org->error_format != POLICY_ERROR_UNSET ? p->org->error_format
                                                        : POLICY_ERROR_AUTO;
}

const struct policy_org *policy_principal_org(const struct policy_principal *p)
{
    return p->org;
}

static enum err build(struct policy_snapshot *s, struct policy_org *const *orgs, size_t count)
{
    s->orgs = ARENA_ARRAY(&s->arena, count, struct policy_org *);
    if (s->orgs == NULL) {
        return ERR_MEMORY;
    }
    TRY(map_init(&s->by_id, &s->arena, count));
    for (size_t i = 0; i < count; i++) {
        /* Model numbers of another catalogue would index our rows wrongly. */
        ASSERT(orgs[i]->catalog == s->catalog);
        TRY(map_put(&s->by_id, &s->arena, orgs[i]->id, orgs[i]));
        s->orgs[s->orgs_count++] = policy_org_ref(orgs[i]);
    }
    return build_keys(s);
}

static enum err build_keys(struct policy_snapshot *s)
{
    size_t keys = 0;
    uint32_t number = 0;

    for (size_t i = 0; i < s->orgs_count; i++) {
        keys += s->orgs[i]->principals_count;
    }
    if (keys > UINT32_MAX / 4) {
        return ERR_LIMIT;
    }
    s->slots_count = 8;
    while (s->slots_count < keys * 2) {
        s->slots_count *= 2;
    }
    char *slots = arena_alloc(&s->arena, s->slots_count * sizeof(struct key_slot) + 64);
    s->principals = ARENA_ARRAY(&s->arena, keys, const struct policy_principal *);
    if (slots == NULL || s->principals == NULL) {
        return ERR_MEMORY;
    }
    s->slots = (struct key_slot *)(void *)(slots + (64 - (uintptr_t)slots % 64) % 64);
    for (size_t i = 0; i < s->orgs_count; i++) {
        for (size_t k = 0; k < s->orgs[i]->principals_count; k++) {
            const struct policy_principal *p = &s->orgs[i]->principals[k];
            struct key_slot *slot = find_slot(s, p->row.id);
            if (slot == NULL || slot->number != 0) {
                return ERR_CONFLICT;
            }
            memcpy(slot->id, p->row.id.ptr, KEY_ID_LEN);
            s->principals[number] = p;
            slot->number = ++number;
        }
    }
    return ERR_OK;
}

/* The slot of the id, or the free one where it would go; NULL never happens
 * while half of the table is free. */
static struct key_slot *find_slot(const struct policy_snapshot *s, struct str id)
{
    size_t at = (size_t)hash_bytes(id, KEY_HASH_SEED);

    ASSERT(id.len == KEY_ID_LEN);
    for (size_t i = 0; i < s->slots_count; i++) {
        struct key_slot *slot = &s->slots[(at + i) & (s->slots_count - 1)];
        if (slot->number == 0 || memcmp(slot->id, id.ptr, KEY_ID_LEN) == 0) {
            return slot;
        }
    }
    return NULL;
}

static bool is_secret(const struct policy_key_row *k, const uint8_t hmac[32], int64_t now_s)
{
    bool is_current = bytes_eq_ct(k->secret_hmac, hmac, 32);
    bool is_previous = bytes_eq_ct(k->previous_hmac, hmac, 32);
    return is_current || (is_previous && k->has_previous && now_s < k->previous_until_s);
}
