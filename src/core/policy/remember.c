/* SPDX-License-Identifier: Apache-2.0
 *
 * The last decision of a call, for whoever asks the same again. A decision looks at the
 * snapshot and at struct policy_facts alone, never at the time, at texts or at counts; so
 * of one snapshot the same facts have the same verdict. All facts are compared, none is
 * taken for unimportant.
 *
 * Remembered is only what is plain: no rule said no or warned, none about texts applies,
 * nothing but the key and a slot selects. Such a verdict points at nothing but the snapshot.
 * A rule type that looks at more than the facts must not be remembered. Memory: the caller's.
 */
#include "decide.h"

/* A fact that is new here is to be compared, or to be none, in what is remembered. */
_Static_assert(offsetof(struct policy_facts, tags_count) + sizeof(size_t) ==
                       sizeof(struct policy_facts) &&
                   sizeof(struct policy_facts) == 80,
               "the facts of a decision");

static bool is_known(const struct policy_memory *m, uint64_t snapshot,
                     const struct policy_facts *facts);
static bool are_same_models(const struct route_resolution *a, const struct route_resolution *b);
static bool is_plain(const struct policy_facts *facts, const struct policy_verdict *v);

enum err policy_decide_call_again(struct arena *a, const struct policy_facts *facts,
                                  struct route_resolution *models, uint64_t snapshot,
                                  struct policy_memory *memory, struct policy_verdict *ret)
{
    ASSERT(facts->models == models);
    decide_narrow(facts, models);
    if (is_known(memory, snapshot, facts)) {
        *ret = memory->verdict;
        return ERR_OK;
    }
    memory->snapshot = 0;
    const struct route_resolution asked = *models;
    TRY(policy_decide_call(a, facts, models, ret));
    if (snapshot == 0 || !is_plain(facts, ret)) {
        return ERR_OK;
    }
    *memory = (struct policy_memory){
        .snapshot = snapshot,
        .org = facts->org,
        .who = facts->who,
        .endpoint = facts->endpoint,
        .has_slot = facts->has_slot,
        .slot = facts->slot,
        .verdict = *ret,
        .models = asked,
    };
    memory->models.requested = STR_NONE; /* the caller's; only what is said of a rule names it */
    return ERR_OK;
}

/* Pointers of a snapshot that is gone may be those of another one: its number comes first. */
static bool is_known(const struct policy_memory *m, uint64_t snapshot,
                     const struct policy_facts *facts)
{
    return m->snapshot != 0 && m->snapshot == snapshot && m->who == facts->who &&
           m->org == facts->org && m->endpoint == facts->endpoint &&
           m->has_slot == facts->has_slot && m->slot == facts->slot &&
           facts->environment.len == 0 && facts->tags_count == 0 &&
           are_same_models(&m->models, facts->models);
}

static bool are_same_models(const struct route_resolution *a, const struct route_resolution *b)
{
    return a->count == b->count && a->is_pinned == b->is_pinned &&
           a->pinned_provider == b->pinned_provider && a->providers == b->providers &&
           memcmp(a->models, b->models, a->count * sizeof(a->models[0])) == 0;
}

static bool is_plain(const struct policy_facts *facts, const struct policy_verdict *v)
{
    return facts->environment.len == 0 && facts->tags_count == 0 && v->allowed != 0 &&
           v->warned == 0 && v->violations == NULL && v->violations_dropped == 0 &&
           v->content_rules == NULL && v->substitute.len == 0 && v->substituted_from.len == 0;
}
