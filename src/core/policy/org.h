/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of this room: one organisation's part of a snapshot, and the steps that
 * make it: check the rows, copy them, build the index, resolve the principals.
 *
 * Everything lies in the organisation's arena and is read-only afterwards; only
 * the reference count changes, on the control thread.
 */
#ifndef PORTCULLIS_POLICY_ORG_H
#define PORTCULLIS_POLICY_ORG_H

#include "index.h"

#define SLOTS_COUNT 13 /* slots 1-12; 0 is unused */

struct policy_principal {
    struct policy_key_row row;
    const struct policy_org *org;
    struct index_base base; /* the rules that can apply to it */
    const uint64_t *models; /* bit per model the key may use; NULL = all */
};
struct org_slot {
    const struct policy *policy; /* NULL: no policy in this slot */
    const struct index_posting *posting;
};
struct org_secret { /* to be wiped */
    void *ptr;
    size_t len;
};
struct policy_org {
    struct arena arena;
    size_t refs_count;
    struct str id, name;
    uint64_t seq;
    bool is_suspended;
    enum policy_slot_selection slot_selection;
    enum policy_error_format error_format;
    const struct route_catalog *catalog;
    struct policy *policies; /* running ones, in reporting order */
    size_t policies_count;
    struct route_posture postures[ROUTE_PROVIDERS_MAX];
    int64_t expires_at_s;
    struct policy_index index;
    struct content *content; /* NULL = no rule is about texts */
    struct org_slot slots[SLOTS_COUNT];
    struct org_slot fallback; /* the default policy */
    struct policy_principal *principals;
    size_t principals_count;
    struct index_base nobody; /* for a decision without a principal */
    struct route_endpoint *endpoints;
    size_t endpoints_count;
    struct org_secret *secrets;
    size_t secrets_count;
};

/* Would this set of rows run as it says? ERR_INVALID, ERR_CONFLICT or
 * ERR_UNSUPPORTED with the issue naming policy, rule and reason. */
MUST_USE enum err org_check(const struct policy_org_rows *rows,
                            const struct route_catalog *catalog, struct issue *ret_issue);
/* "policy 'NAME' (pol_ID), rule 'KEY': what"; rule may be NULL. */
void org_issue_set(struct issue *issue, const char *pointer, const struct policy *p,
                   const struct policy_rule *rule, const char *what);
/* narrow.c: the base of every principal and of nobody. */
MUST_USE enum err org_narrow(struct policy_org *o);
/* content.c: compiles the rules about texts, which the index has put first, and drops
 * rule.content. */
MUST_USE enum err org_content_build(struct policy_org *o, const struct policy_org_rows *rows,
                                    const struct policy_build *with, struct issue *ret_issue);
/* Does this policy take part in decisions? Drafts and shadows do not. */
bool policy_is_running(const struct policy *p);
/* Deep copies into the organisation's arena. rule.params is dropped (NULL): a
 * decision reads the typed view only; rule.content is still the row's. */
MUST_USE enum err org_copy(struct policy_org *o, const struct policy_org_rows *rows);

#endif
