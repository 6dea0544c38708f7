/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts -> the question put to the index: which S0 slot applies (S0-38 to S0-43), and per
 * dimension that the principal leaves open the postings of the request's values.
 *
 * What the caller sends can only narrow: an environment header counts for a key that is
 * bound to none and may send it; a slot selection never switches
 * off an always-on policy. Any worker; no memory.
 */
#include "decide.h"

static bool pick_named_slot(struct decision *d, int64_t slot);
static bool deny_slot(struct decision *d);
static enum err ask(struct decision *d, enum index_dim dim);
static enum err ask_environment(struct decision *d);
static enum err ask_tags(struct decision *d, enum index_dim dim);

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
    struct subject *s = &d->subject;

    s->entries = d->entries;
    s->entries_count = 0;
    s->entries_max = SUBJECT_ENTRIES_MAX;
    for (unsigned open = d->base->open; open != 0; open &= open - 1) {
        unsigned dim = (unsigned)__builtin_ctz(open);
        s->from[dim] = s->entries_count;
        TRY(ask(d, (enum index_dim)dim));
        s->to[dim] = s->entries_count;
    }
    return ERR_OK;
}

static enum err ask(struct decision *d, enum index_dim dim)
{
    if (dim == DIM_ENVIRONMENT) {
        return ask_environment(d);
    }
    if (dim == DIM_ENDPOINT) {
        bool is_known = (unsigned)d->facts->endpoint < LLM_ENDPOINTS_COUNT;
        return subject_add(&d->subject,
                           is_known ? d->org->index.endpoints[d->facts->endpoint] : NULL);
    }
    if (dim == DIM_SELECTION) {
        for (size_t i = 0; i < d->selected_count; i++) {
            TRY(subject_add(&d->subject, d->selected[i].posting));
        }
        return ERR_OK;
    }
    return ask_tags(d, dim);
}

/* What the header names: open only where the key has none and may narrow. Without a key
 * (validation) the header stands alone. */
static enum err ask_environment(struct decision *d)
{
    const struct map *values = &d->org->index.dims[DIM_ENVIRONMENT].values;
    return subject_add(&d->subject, map_get(values, d->facts->environment));
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
    const struct map *values = &d->org->index.dims[dim].values;

    for (size_t i = 0; i < f->tags_count; i++) {
        struct str key = index_pair_key(&f->tags[i], buf);
        if (key.ptr != NULL) {
            TRY(subject_add(&d->subject, map_get(values, key)));
        }
    }
    return ERR_OK;
}
