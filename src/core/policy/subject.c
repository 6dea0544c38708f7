/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts and principal -> the question put to the index: which S0 slot applies
 * (S0-38 to S0-43), and per dimension the postings of the request's values.
 *
 * What the caller sends can only narrow: an environment header counts for a key that is
 * bound to none and may send it; a slot selection never switches
 * off an always-on policy. Any worker; no memory.
 */
#include "decide.h"

static bool pick_named_slot(struct decision *d, int64_t slot);
static bool deny_slot(struct decision *d);
static void begin_dim(struct decision *d, enum index_dim dim);
static enum err add_value(struct decision *d, const struct index_posting *p);
static enum err ask_principal(struct decision *d, enum index_dim dim);
static enum err ask_environment(struct decision *d);
static enum err ask_tags(struct decision *d, enum index_dim dim);
static enum err ask_metadata(struct decision *d, unsigned which);

bool decide_slot(struct decision *d)
{
    const struct policy_facts *f = d->facts;
    const struct policy_org *o = d->org;
    const struct policy_key_row *key = d->who != NULL ? &d->who->row : NULL;
    int pinned = key != NULL ? key->pinned_slot : 0;
    struct org_slot home = pinned != 0 ? o->slots[pinned] : o->fallback;

    if (pinned != 0 && home.policy == NULL) {
        d->verdict->is_slot_unknown = true; /* the pinned policy is gone: fail closed */
        return false;
    }
    if (!f->has_slot || o->slot_selection == POLICY_SLOT_STRICTER_ONLY) {
        if (home.policy != NULL) {
            d->selected[d->selected_count++] = home;
            d->verdict->selected = home.policy;
        }
        if (!f->has_slot) {
            return true;
        }
    }
    if (key != NULL && key->slots != 0 &&
        (f->slot < 1 || f->slot >= SLOTS_COUNT || (key->slots >> f->slot & 1) == 0)) {
        return deny_slot(d);
    }
    if (o->slot_selection == POLICY_SLOT_PINNED &&
        (home.policy == NULL || home.policy->slot != f->slot)) {
        return deny_slot(d);
    }
    return pick_named_slot(d, f->slot);
}

static bool pick_named_slot(struct decision *d, int64_t slot)
{
    if (slot < 1 || slot >= SLOTS_COUNT || d->org->slots[slot].policy == NULL) {
        d->verdict->is_slot_unknown = true;
        d->verdict->selected = NULL;
        return false;
    }
    d->selected[d->selected_count++] = d->org->slots[slot];
    d->verdict->selected = d->org->slots[slot].policy;
    return true;
}

static bool deny_slot(struct decision *d)
{
    d->verdict->is_slot_denied = true;
    d->verdict->selected = NULL;
    return false;
}

enum err decide_subject(struct decision *d)
{
    const struct policy_index *x = &d->org->index;
    struct subject *s = &d->subject;

    s->entries_count = 0;
    TRY(ask_principal(d, DIM_TEAM));
    TRY(ask_environment(d));
    for (unsigned dim = DIM_PROJECT; dim <= DIM_ROLE; dim++) {
        TRY(ask_principal(d, (enum index_dim)dim));
    }
    begin_dim(d, DIM_ENDPOINT);
    if ((unsigned)d->facts->endpoint < LLM_ENDPOINTS_COUNT) {
        TRY(add_value(d, x->endpoints[d->facts->endpoint]));
    }
    begin_dim(d, DIM_SELECTION);
    for (size_t i = 0; i < d->selected_count; i++) {
        TRY(add_value(d, d->selected[i].posting));
    }
    TRY(ask_tags(d, DIM_TAG_POLICY));
    TRY(ask_tags(d, DIM_TAG_RULE));
    TRY(ask_metadata(d, 0));
    TRY(ask_metadata(d, 1));
    s->dim_from[DIM_COUNT] = s->entries_count;
    return ERR_OK;
}

static void begin_dim(struct decision *d, enum index_dim dim)
{
    d->subject.dim_from[dim] = d->subject.entries_count;
}

static enum err add_value(struct decision *d, const struct index_posting *p)
{
    struct subject *s = &d->subject;

    if (p == NULL) {
        return ERR_OK; /* no rule asks for this value */
    }
    if (s->entries_count == SUBJECT_ENTRIES_MAX) {
        return ERR_LIMIT;
    }
    s->entries[s->entries_count++] = p;
    return ERR_OK;
}

static enum err ask_principal(struct decision *d, enum index_dim dim)
{
    begin_dim(d, dim);
    if (d->who != NULL) {
        TRY(add_value(d, d->who->fixed[dim]));
    }
    return ERR_OK;
}

/* The key's own, or what the header names where the key has none. Without a key
 * (validation) the header stands alone. */
static enum err ask_environment(struct decision *d)
{
    const struct policy_facts *f = d->facts;

    if (d->who != NULL &&
        (d->who->row.environment.len > 0 || !policy_may_enter(d->who, f->environment))) {
        return ask_principal(d, DIM_ENVIRONMENT);
    }
    begin_dim(d, DIM_ENVIRONMENT);
    return add_value(d, map_get(&d->org->index.dims[DIM_ENVIRONMENT].values, f->environment));
}

bool policy_may_enter(const struct policy_principal *p, struct str environment)
{
    const struct policy_key_row *key = &p->row;
    return environment.len == 0 || str_eq(environment, key->environment) ||
           (key->may_narrow && key->environment.len == 0);
}

static enum err ask_tags(struct decision *d, enum index_dim dim)
{
    char buf[INDEX_PAIR_BYTES_MAX];
    const struct policy_facts *f = d->facts;
    const struct index_dim_rows *rows = &d->org->index.dims[dim];

    begin_dim(d, dim);
    for (size_t i = 0; rows->is_used && i < f->tags_count; i++) {
        struct str key = index_pair_key(&f->tags[i], buf);
        if (key.ptr != NULL) {
            TRY(add_value(d, map_get(&rows->values, key)));
        }
    }
    return ERR_OK;
}

static enum err ask_metadata(struct decision *d, unsigned which)
{
    enum index_dim dim = (enum index_dim)(DIM_META_POLICY + which);

    begin_dim(d, dim);
    for (size_t i = 0; d->who != NULL && i < d->who->metadata_count[which]; i++) {
        TRY(add_value(d, d->who->metadata[which][i]));
    }
    return ERR_OK;
}
