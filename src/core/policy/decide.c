/* SPDX-License-Identifier: Apache-2.0
 *
 * THE decision: slot -> subject -> rules that apply -> candidates -> verdict. The
 * path, /v1/evaluate, validation and every fallback candidate come through here.
 *
 * A few row ANDs whatever the number of rules; nothing else is touched when no
 * rule says no. Reads the snapshot only; memory from the caller's arena; any
 * worker. It never fails on the content of a policy.
 */
#include "decide.h"

static void conclude(struct decision *d);
static void name_substitute(struct policy_verdict *v);

enum err policy_decide(struct arena *a, const struct policy_facts *facts,
                       struct policy_verdict *ret)
{
    /* Aligned by hand: under the address sanitizer gcc's stack frames are not. */
    char space[sizeof(struct index_applied) + INDEX_ALIGNMENT - 1];
    uintptr_t at = ((uintptr_t)space + INDEX_ALIGNMENT - 1) & ~(uintptr_t)(INDEX_ALIGNMENT - 1);
    struct index_applied *applied = (struct index_applied *)at;
    struct decision d;

    /* Field by field: an initialiser would clear kilobytes of it per request. */
    d.arena = a;
    d.facts = facts;
    d.org = facts->org;
    d.who = facts->who;
    d.selected_count = 0;
    d.base = d.who != NULL ? &d.who->base : &d.org->nobody;
    d.applied = applied;
    d.blocked = 0;
    d.final = 0;
    d.warned = 0;
    d.told = 0;
    d.capacity = 0;
    d.verdict = ret;
    *ret = (struct policy_verdict){.effect = POLICY_BLOCK};
    if (!decide_slot(&d)) {
        return ERR_OK;
    }
    TRY(decide_subject(&d));
    index_match(&d.org->index, d.base, &d.subject, applied);
    ret->rules_applied = applied->rules_count;
    TRY(decide_candidates(&d));
    if (d.org->content != NULL) {
        TRY(decide_content(&d));
    }
    conclude(&d);
    return ERR_OK;
}

/* Nothing left means refused, an empty candidate list included: fail closed. */
static void conclude(struct decision *d)
{
    struct policy_verdict *v = d->verdict;
    size_t count = d->facts->models != NULL ? d->facts->models->count : 0;
    uint32_t all = count >= 32 ? UINT32_MAX : (UINT32_C(1) << count) - 1;

    v->allowed = all & ~d->blocked;
    v->warned = d->warned & v->allowed;
    if (v->allowed != 0) {
        v->effect = v->warned != 0 ? POLICY_WARN : POLICY_INFO;
    }
    if (v->violations_count > 0) {
        decide_report(d);
    }
    if (v->allowed == 0 && (all & ~d->final) != 0) {
        name_substitute(v);
    }
}

bool decide_forbids(enum policy_effect effect)
{
    return effect == POLICY_BLOCK || effect == POLICY_MODIFY;
}

/* The first rule in reporting order that knows one. */
static void name_substitute(struct policy_verdict *v)
{
    for (size_t i = 0; i < v->violations_count && v->substitute.len == 0; i++) {
        if (v->violations[i].effect == POLICY_MODIFY) {
            v->substitute = v->violations[i].rule->substitute;
        }
    }
}

size_t policy_warnings_of(const struct policy_verdict *v, const struct route_resolution *r,
                          size_t candidate, const struct policy_violation **ret, size_t max)
{
    size_t count = 0;

    if (candidate >= r->count || candidate >= 32) {
        return 0;
    }
    for (size_t i = 0; i < v->violations_count && count < max; i++) {
        bool is_warning = v->violations[i].effect == POLICY_WARN &&
                          (v->violations[i].candidates >> candidate & 1) != 0;
        if (is_warning || i < v->overrides_count) {
            ret[count++] = &v->violations[i];
        }
    }
    return count;
}
