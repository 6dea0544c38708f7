/* SPDX-License-Identifier: Apache-2.0
 *
 * Every candidate against the rules that apply. The test for "anything violated"
 * is a few wide ANDs; only then are rules looked at one by one, overrides
 * honoured and sentences made, without short circuit (S0-54 shows two at once).
 *
 * Memory from the caller's arena, bounded by POLICY_VIOLATIONS_MAX. Any worker.
 */
#include "decide.h"
#include "rules.h"

struct candidate {
    size_t number; /* in the resolution */
    const struct route_model *model;
    struct index_candidate rows;
    struct index_live live; /* where a rule could be violated */
};

static enum err check_key_models(struct decision *d, const struct candidate *c);
static enum err walk_violated(struct decision *d, const struct candidate *c);
static enum err walk_word(struct decision *d, const struct candidate *c, size_t w, uint64_t word);
static bool is_settled(const struct decision *d, uint32_t bit);
static bool is_overridden(const struct decision *d, const struct candidate *c,
                          const struct index_rule *r);
static enum err note_rule(struct decision *d, const struct candidate *c,
                          const struct index_rule *r);
static enum err note(struct decision *d, const struct candidate *c, enum reason reason,
                     const struct reason_about *about);
static struct policy_violation *same_violation(struct decision *d, enum reason reason,
                                               const struct reason_about *about);
static enum err grow(struct decision *d);
static bool makes_room(struct decision *d, const struct reason_about *about);
static bool name_decider(struct policy_verdict *v, enum policy_effect effect);
static bool comes_before(const struct decision *d, size_t a, size_t b);

enum err decide_candidates(struct decision *d)
{
    const struct policy_index *x = &d->org->index;
    const struct route_resolution *r = d->facts->models;

    for (size_t i = 0; r != NULL && i < r->count; i++) {
        const struct route_model *m = route_catalog_model(d->org->catalog, r->models[i]);
        struct candidate c = {
            .number = i,
            .model = m,
            .rows = index_candidate_of(x, m->provider, m->index),
        };
        if (d->who != NULL && d->who->models != NULL && !index_bit(d->who->models, m->index)) {
            TRY(check_key_models(d, &c));
        }
        c.live = index_candidate_live(d->applied, &c.rows);
        if (index_is_violated(x, d->applied, &c.rows, &c.live)) {
            TRY(walk_violated(d, &c));
        }
    }
    return ERR_OK;
}

static enum err check_key_models(struct decision *d, const struct candidate *c)
{
    struct reason_about about = {.model = d->facts->models->requested};
    d->blocked |= UINT32_C(1) << c->number;
    d->final |= UINT32_C(1) << c->number;
    return note(d, c, REASON_KEY_MODEL, &about);
}

static enum err walk_violated(struct decision *d, const struct candidate *c)
{
    const struct policy_index *x = &d->org->index;

    for (size_t k = 0; k < INDEX_LIVE_WORDS; k++) {
        for (uint64_t b = c->live.blocks[k]; b != 0; b &= b - 1) {
            size_t from = (k * 64 + (size_t)__builtin_ctzll(b)) * INDEX_LANES;
            for (size_t w = from; w < from + INDEX_LANES; w++) {
                uint64_t word = index_violated_word(x, d->applied, &c->rows, w);
                if (word != 0) {
                    TRY(walk_word(d, c, w, word));
                }
            }
        }
    }
    return ERR_OK;
}

static enum err walk_word(struct decision *d, const struct candidate *c, size_t w, uint64_t word)
{
    const uint32_t bit = UINT32_C(1) << c->number;

    for (; word != 0; word &= word - 1) {
        const struct index_rule *r =
            &d->org->index.rules[w * 64 + (size_t)__builtin_ctzll(word)];
        if (r->overriders_count > 0 && is_overridden(d, c, r)) {
            continue;
        }
        if (decide_forbids(r->rule->effect)) {
            d->blocked |= bit;
            d->final |= r->rule->effect == POLICY_BLOCK ? bit : 0;
        } else if (r->rule->effect == POLICY_WARN) {
            d->warned |= bit;
        }
        if (d->verdict->violations_count == POLICY_VIOLATIONS_MAX && is_settled(d, bit)) {
            /* The verdict on this candidate stands, is told, and the list is full:
             * the rest is only counted, so that the work stays bounded. */
            d->verdict->violations_dropped += (size_t)__builtin_popcountll(word);
            break;
        }
        TRY(note_rule(d, c, r));
    }
    return ERR_OK;
}

/* Is the candidate blocked, with a blocking rule on the list that says so? */
static bool is_settled(const struct decision *d, uint32_t bit)
{
    return (d->blocked & d->told & bit) != 0;
}

/* A lower policy that applies to this very candidate and names the rule. */
static bool is_overridden(const struct decision *d, const struct candidate *c,
                          const struct index_rule *r)
{
    for (size_t i = 0; i < r->overriders_count; i++) {
        uint32_t marker = r->overriders[i];
        if (!index_applies(d->applied, marker)) {
            continue;
        }
        if (!d->org->index.has_conditions || (index_bit(c->rows.provider_when, marker) &&
                                              index_bit(c->rows.model_when, marker))) {
            return true;
        }
    }
    return false;
}

static enum err note_rule(struct decision *d, const struct candidate *c,
                          const struct index_rule *r)
{
    struct reason_about about = {
        .policy = r->policy,
        .rule = r->rule,
        .model = d->facts->models->requested,
    };
    uint32_t reasons;

    if (rule_is_about_providers(r->rule)) {
        about.provider = route_catalog_provider(d->org->catalog, c->model->provider);
        about.posture = &d->org->postures[c->model->provider];
        reasons = rule_provider_reasons(r->rule, r->allow, r->block, c->model->provider,
                                        about.posture);
    } else {
        reasons = rule_model_reasons(r->rule, d->org->catalog, c->model->index);
    }
    for (; reasons != 0; reasons &= reasons - 1) {
        TRY(note(d, c, (enum reason)__builtin_ctz(reasons), &about));
    }
    return ERR_OK;
}

/* Two candidates of one provider, or two providers of one forbidden model, are
 * one violation with two bits. */
static enum err note(struct decision *d, const struct candidate *c, enum reason reason,
                     const struct reason_about *about)
{
    struct policy_verdict *v = d->verdict;
    struct policy_violation *same = same_violation(d, reason, about);

    if (same != NULL) {
        same->candidates |= UINT32_C(1) << c->number;
        d->told |= decide_forbids(same->effect) ? UINT32_C(1) << c->number : 0;
        return ERR_OK;
    }
    if (v->violations_count == POLICY_VIOLATIONS_MAX) {
        v->violations_dropped++;
        if (!makes_room(d, about)) {
            return ERR_OK;
        }
    }
    if (v->violations_count == d->capacity) {
        TRY(grow(d));
    }
    struct policy_violation *fresh = &v->violations[v->violations_count];
    *fresh = (struct policy_violation){
        .policy = about->policy,
        .rule = about->rule,
        .effect = about->rule != NULL ? about->rule->effect : POLICY_BLOCK,
        .provider = about->provider != NULL ? (int)about->provider->index : -1,
        .candidates = UINT32_C(1) << c->number,
    };
    TRY(reason_texts(d->arena, reason, about, &fresh->reason, &fresh->message));
    d->ranks[v->violations_count++] = (uint8_t)reason;
    d->told |= decide_forbids(fresh->effect) ? UINT32_C(1) << c->number : 0;
    return ERR_OK;
}

/* Most refusals have one or two sentences; the arena's zeroes are not free. */
static enum err grow(struct decision *d)
{
    size_t capacity = d->capacity == 0 ? 4 : d->capacity * 4;
    struct policy_violation *list = ARENA_ARRAY(d->arena, capacity, struct policy_violation);

    if (list == NULL) {
        return ERR_MEMORY;
    }
    if (d->capacity > 0) {
        memcpy(list, d->verdict->violations, d->capacity * sizeof(*list));
    }
    d->verdict->violations = list;
    d->capacity = capacity;
    return ERR_OK;
}

static struct policy_violation *same_violation(struct decision *d, enum reason reason,
                                               const struct reason_about *about)
{
    int provider = about->provider != NULL ? (int)about->provider->index : -1;
    for (size_t i = 0; i < d->verdict->violations_count; i++) {
        struct policy_violation *v = &d->verdict->violations[i];
        if (v->rule == about->rule && v->provider == provider &&
            d->ranks[i] == (uint8_t)reason) {
            return v;
        }
    }
    return NULL;
}

/* The list is full: a rule that blocks is worth more than one that does not, or
 * the refusal could not say who decided. Drops the last weaker one. */
static bool makes_room(struct decision *d, const struct reason_about *about)
{
    struct policy_verdict *v = d->verdict;
    enum policy_effect effect = about->rule != NULL ? about->rule->effect : POLICY_BLOCK;

    for (size_t i = v->violations_count; decide_forbids(effect) && i-- > 0;) {
        if (!decide_forbids(v->violations[i].effect)) {
            v->violations_count--;
            v->violations[i] = v->violations[v->violations_count];
            d->ranks[i] = d->ranks[v->violations_count];
            return true;
        }
    }
    return false;
}

void decide_report(struct decision *d)
{
    struct policy_verdict *v = d->verdict;

    for (size_t i = 1; i < v->violations_count; i++) {
        for (size_t k = i; k > 0 && comes_before(d, k, k - 1); k--) {
            struct policy_violation swap = v->violations[k];
            uint8_t rank = d->ranks[k];
            v->violations[k] = v->violations[k - 1];
            d->ranks[k] = d->ranks[k - 1];
            v->violations[k - 1] = swap;
            d->ranks[k - 1] = rank;
        }
    }
    if (!name_decider(v, v->effect) && v->effect == POLICY_BLOCK) {
        (void)name_decider(v, POLICY_MODIFY);
    }
}

static bool name_decider(struct policy_verdict *v, enum policy_effect effect)
{
    for (size_t i = 0; i < v->violations_count && effect != POLICY_INFO; i++) {
        if (v->violations[i].effect == effect) {
            v->decider = v->violations[i].policy;
            v->decider_rule = v->violations[i].rule;
            return true;
        }
    }
    return false;
}

/* The key's own list, then by policy (they lie in priority order), within one
 * candidate after candidate, within that in the order of the reasons (S0-58). */
static bool comes_before(const struct decision *d, size_t a, size_t b)
{
    const struct policy_violation *x = &d->verdict->violations[a];
    const struct policy_violation *y = &d->verdict->violations[b];

    if (x->policy != y->policy) {
        return x->policy == NULL || (y->policy != NULL && x->policy < y->policy);
    }
    if (x->provider != y->provider) {
        if (x->provider < 0 || y->provider < 0) {
            return x->provider < 0;
        }
        return __builtin_ctz(x->candidates) < __builtin_ctz(y->candidates);
    }
    return d->ranks[a] < d->ranks[b];
}
