/* SPDX-License-Identifier: Apache-2.0
 *
 * An organisation's part of a snapshot: made in one go from rows, immutable
 * afterwards, shared by every snapshot until something of the organisation
 * changes. Postures are worked out once, at now_s; policy_org_expires_at says
 * when that stops being true.
 *
 * Control thread. The last unref wipes credentials and key hashes.
 */
#include <stdlib.h>

#include "org.h"
#include "rules.h"

#define ORG_BYTES_MAX ((size_t)1024 * 1024 * 1024)

static enum err build(struct policy_org *o, const struct policy_org_rows *rows,
                      const struct policy_build *with, struct issue *ret_issue);
static void find_slots(struct policy_org *o);
static enum err resolve_models(struct policy_org *o, struct policy_principal *p);

enum err policy_org_new(const struct policy_org_rows *rows, const struct policy_build *with,
                        struct policy_org **ret, struct issue *ret_issue)
{
    TRY(org_check(rows, with->catalog, ret_issue));
    struct policy_org *o = calloc(1, sizeof(*o));
    if (o == NULL) {
        issue_set(ret_issue, "", "out of memory");
        return ERR_MEMORY;
    }
    arena_init(&o->arena, ORG_BYTES_MAX);
    o->refs_count = 1;
    o->catalog = with->catalog;
    enum err err = build(o, rows, with, ret_issue);
    if (err != ERR_OK) {
        policy_org_unref(o);
        return err;
    }
    *ret = o;
    return ERR_OK;
}

struct policy_org *policy_org_ref(struct policy_org *o)
{
    o->refs_count++;
    return o;
}

void policy_org_unref(struct policy_org *o)
{
    if (o == NULL || --o->refs_count > 0) {
        return;
    }
    for (size_t i = 0; i < o->secrets_count; i++) {
        bytes_wipe(o->secrets[i].ptr, o->secrets[i].len);
    }
    content_unref(o->content);
    arena_fini(&o->arena);
    free(o);
}

struct str policy_org_id(const struct policy_org *o)
{
    return o->id;
}

uint64_t policy_org_seq(const struct policy_org *o)
{
    return o->seq;
}

size_t policy_org_rules_count(const struct policy_org *o)
{
    return o->index.rules_count;
}

size_t policy_org_bytes(const struct policy_org *o)
{
    return sizeof(*o) + o->arena.taken_bytes + content_bytes(o->content);
}

size_t policy_org_index_bytes(const struct policy_org *o)
{
    return o->index.bytes;
}

int64_t policy_org_expires_at(const struct policy_org *o)
{
    return o->expires_at_s;
}

const struct route_endpoint *policy_org_endpoints(const struct policy_org *o, size_t *ret_count)
{
    *ret_count = o->endpoints_count;
    return o->endpoints;
}

static enum err build(struct policy_org *o, const struct policy_org_rows *rows,
                      const struct policy_build *with, struct issue *ret_issue)
{
    int64_t now_s = with->now_s;
    enum err err = org_copy(o, rows);
    if (err != ERR_OK) {
        issue_set(ret_issue, "", "the organisation does not fit into %zu bytes", ORG_BYTES_MAX);
        return err;
    }
    for (unsigned p = 0; p < route_catalog_providers_count(o->catalog); p++) {
        route_posture_of(route_catalog_provider(o->catalog, p), rows->attestations,
                         rows->attestations_count, now_s, &o->postures[p]);
    }
    o->expires_at_s =
        route_posture_next_change(rows->attestations, rows->attestations_count, now_s);
    const struct index_input input = {
        .policies = o->policies,
        .policies_count = o->policies_count,
        .catalog = o->catalog,
        .postures = o->postures,
    };
    err = index_build(&o->arena, &input, &o->index);
    if (err != ERR_OK) {
        issue_set(ret_issue, "/policies", "more than %d rules, or out of memory", INDEX_BITS_MAX);
        return err;
    }
    TRY(org_content_build(o, rows, with, ret_issue));
    find_slots(o);
    err = org_narrow(o);
    for (size_t i = 0; err == ERR_OK && i < o->principals_count; i++) {
        err = resolve_models(o, &o->principals[i]);
    }
    if (err != ERR_OK) {
        issue_set(ret_issue, "/keys", "out of memory");
    }
    return err;
}

static void find_slots(struct policy_org *o)
{
    for (size_t i = 0; i < o->policies_count; i++) {
        const struct policy *p = &o->policies[i];
        struct org_slot slot = {
            .policy = p,
            .posting = map_get(&o->index.dims[DIM_SELECTION].values, p->id),
        };
        if (p->is_slot_selected && p->slot != 0) {
            o->slots[p->slot] = slot;
        }
        if (p->is_slot_selected && p->is_default) {
            o->fallback = slot;
        }
    }
}

static enum err resolve_models(struct policy_org *o, struct policy_principal *p)
{
    size_t count = route_catalog_models_count(o->catalog);

    if (p->row.models.count == 0) {
        return ERR_OK;
    }
    uint64_t *set = ARENA_ARRAY(&o->arena, count / 64 + 1, uint64_t);
    if (set == NULL) {
        return ERR_MEMORY;
    }
    unsigned *found = calloc(count + 1, sizeof(*found));
    if (found == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < p->row.models.count; i++) {
        size_t named = route_entry_models(o->catalog, p->row.models.items[i], found, count + 1);
        for (size_t k = 0; k < named; k++) {
            index_bit_set(set, found[k]);
        }
    }
    free(found);
    p->models = set;
    return ERR_OK;
}
