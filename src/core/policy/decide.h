/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of this room: the state of one decision while it is made, shared by
 * its steps. Lives on the stack of policy_decide; texts in the caller's arena.
 */
#ifndef PORTCULLIS_POLICY_DECIDE_H
#define PORTCULLIS_POLICY_DECIDE_H

#include "org.h"

#define SUBJECT_ENTRIES_MAX 96

struct decision {
    struct arena *arena;
    const struct policy_facts *facts;
    const struct policy_org *org;
    const struct policy_principal *who; /* may be NULL */
    struct org_slot selected[2];        /* stricter_only: the default and the caller's */
    size_t selected_count;
    const struct index_base *base;      /* what can apply to this principal */
    struct subject subject;
    const struct index_posting *entries[SUBJECT_ENTRIES_MAX]; /* of the subject */
    struct index_applied *applied;
    uint32_t blocked, warned;           /* candidates */
    uint32_t final;                     /* of those blocked: by more than a rule that modifies */
    uint32_t told;                      /* candidates with a blocking violation listed */
    size_t capacity;                    /* of verdict->violations; 4, 16, 64 */
    uint8_t ranks[POLICY_VIOLATIONS_MAX]; /* enum reason of each, for sorting */
    struct policy_verdict *verdict;
};

/* Which S0 policy is selected; false: the verdict says unknown or denied. */
bool decide_slot(struct decision *d);
/* Does a violation of such a rule take the candidate away? One that modifies does as well:
 * what is used instead is another candidate, judged by itself (S2-52). */
bool decide_forbids(enum policy_effect effect);
/* Facts and principal -> what the index is asked. ERR_LIMIT: too many values. */
MUST_USE enum err decide_subject(struct decision *d);
/* Which rules about texts apply, before the candidate is known. ERR_MEMORY. */
MUST_USE enum err decide_content(struct decision *d);
/* Every candidate against what applies: blocked, warned, violations. */
MUST_USE enum err decide_candidates(struct decision *d);
/* Leaves the candidates that an endpoint of the organisation can serve; all where none can. */
void decide_narrow(const struct policy_facts *facts, struct route_resolution *models);
/* Puts the violations into reporting order and names the decider. */
void decide_report(struct decision *d);

#endif
