/* SPDX-License-Identifier: Apache-2.0
 *
 * The decision of a call, where a rule may name another model to use instead of one it
 * forbids (S2-52). The other one is decided like any other; if it may not be called
 * either, the first verdict stands. Reads the snapshot only; any worker.
 */
#include "decide.h"

static enum err join(struct arena *a, const struct policy_verdict *first,
                     struct policy_verdict *second);

enum err policy_decide_call(struct arena *a, const struct policy_facts *facts,
                            struct route_resolution *models, struct policy_verdict *ret)
{
    ASSERT(facts->models == models);
    decide_narrow(facts, models);
    TRY(policy_decide(a, facts, ret));
    if (ret->substitute.len == 0) {
        return ERR_OK;
    }
    const struct route_resolution asked = *models;
    struct policy_verdict second;
    if (route_resolve(facts->org->catalog, ret->substitute, models) != ERR_OK) {
        *models = asked; /* it left the catalogue */
        return ERR_OK;
    }
    decide_narrow(facts, models);
    enum err e = policy_decide(a, facts, &second);
    if (e == ERR_OK && second.allowed != 0) {
        e = join(a, ret, &second);
        second.substituted_from = asked.requested;
    }
    if (e != ERR_OK || second.allowed == 0) {
        *models = asked;
        return e;
    }
    *ret = second;
    return ERR_OK;
}

void decide_narrow(const struct policy_facts *facts, struct route_resolution *models)
{
    const struct route_reach reach = {facts->org->endpoints, facts->org->endpoints_count};
    route_narrow(facts->org->catalog, facts->endpoint, &reach, models);
}

/* What stood in the way is told before what is said of the substitute. Its candidates were
 * of another resolution. */
static enum err join(struct arena *a, const struct policy_verdict *first,
                     struct policy_verdict *second)
{
    size_t max = first->violations_count + second->violations_count, count = 0;
    struct policy_violation *list = ARENA_ARRAY(a, max, struct policy_violation);
    if (list == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < first->violations_count; i++) {
        if (first->violations[i].effect == POLICY_MODIFY && count < POLICY_VIOLATIONS_MAX) {
            list[count] = first->violations[i];
            list[count++].candidates = 0;
        }
    }
    second->overrides_count = count;
    for (size_t i = 0; i < second->violations_count; i++) {
        if (count == POLICY_VIOLATIONS_MAX) {
            second->violations_dropped++;
            continue;
        }
        list[count++] = second->violations[i];
    }
    second->violations = list;
    second->violations_count = count;
    return ERR_OK;
}
