/* SPDX-License-Identifier: Apache-2.0
 *
 * Who asks: roles as bits, and the caller taken from the principal of the API key
 * (never from a header). Pure.
 */
#include "manage_private.h"

static const struct {
    enum manage_role role;
    const char *name;
} roles[] = {{MANAGE_MEMBER, "member"},
             {MANAGE_AUDITOR, "auditor"},
             {MANAGE_ADMIN, "admin"},
             {MANAGE_OWNER, "owner"}};

const char *manage_role_name(enum manage_role r)
{
    for (size_t i = 0; i < 4; i++) {
        if (roles[i].role == r) {
            return roles[i].name;
        }
    }
    return "none";
}

/* 0 for anything unknown: no right at all. */
static unsigned role_parse(struct str name)
{
    for (size_t i = 0; i < 4; i++) {
        if (str_eq(name, str_from(roles[i].name))) {
            return roles[i].role;
        }
    }
    return 0;
}

struct manage_caller manage_caller_of(const struct policy_principal *p)
{
    const struct policy_key_row *key = policy_principal_key(p);
    return (struct manage_caller){.org = policy_org_id(policy_principal_org(p)),
                                  .user = key->user,
                                  .email = key->user_email,
                                  .key_id = key->id,
                                  .environment = key->environment,
                                  .role = role_parse(key->role),
                                  .may_manage = key->may_manage};
}

/* An admin may not touch an owner nor make one. */
bool manage_role_outranks(const struct manage_caller *c, struct str target)
{
    if (c->is_operator || c->role == MANAGE_OWNER) {
        return true;
    }
    return c->role == MANAGE_ADMIN && role_parse(target) != MANAGE_OWNER;
}

enum err manage_policy_check(const struct policy *p, const struct policy_build *with,
                             struct manage_refusal *ret_refusal)
{
    struct policy alone = *p;
    if (p->status != POLICY_ACTIVE) {
        return ERR_OK; /* a draft may be unfinished */
    }
    alone.id = alone.id.len != 0 ? alone.id : STR("CHECK");
    alone.org_id = alone.org_id.len != 0 ? alone.org_id : STR("org_check");
    struct policy_org_rows rows = {
        .id = alone.org_id, .name = STR("check"), .policies = &alone, .policies_count = 1};
    struct policy_org *org = NULL;
    struct issue issue = {.offset = UINT64_MAX};
    enum err e = policy_org_new(&rows, with, &org, &issue);
    policy_org_unref(org);
    if (e == ERR_IO) {
        manage_refuse(ret_refusal, 503, "busy", "", "%s", issue.message);
    } else if (e != ERR_OK && e != ERR_MEMORY && e != ERR_AGAIN) {
        struct str at = str_from(issue.pointer); /* the caller sent one policy, not a list */
        at = str_starts(at, STR("/policies/0/")) ? str_sub(at, 11, at.len) : at;
        manage_refuse(ret_refusal, 400, "policy_cannot_run", at.ptr, "%s", issue.message);
    }
    return e;
}
