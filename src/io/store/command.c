/* SPDX-License-Identifier: Apache-2.0
 *
 * Management commands as transactions. Each runs as portcullis_gateway with app.org set
 * for the transaction only, so a statement that forgets its WHERE still sees nothing of
 * another organisation: row-level security is the second wall, org_id in every
 * statement the first.
 *
 * A refusal rolls back and is not an error. A command that lost a race (serialisation,
 * deadlock) runs again once; one that the full queue of notices refused runs again
 * without its notice and is found by the gateways' poll (F8).
 */
#include "store_private.h"

#include <stdio.h>

static enum err run_once(struct store_job *j, bool is_quiet);
static enum err begin(struct store_job *j, bool is_quiet);
static enum err perform(struct store_job *j);
static enum err finish(struct store_job *j, enum err e);
static enum err job_refused(struct store_job *j, enum err e);

enum err store_execute(struct store *s, struct arena *a, const struct manage_command *command,
                       struct manage_result *ret)
{
    struct store_job j = {.s = s, .a = a, .c = command, .r = ret};
    bool is_quiet = false;
    enum err e = ERR_INTERNAL;
    j.deadline_ms = store_mono_ms() + s->options.query_ms;
    for (int attempt = 0; attempt < 2; attempt++) {
        memset(ret, 0, sizeof(*ret));
        e = run_once(&j, is_quiet);
        if (e == ERR_LIMIT && strcmp(s->sqlstate, "54000") == 0) {
            is_quiet = true;
        } else if (e != ERR_AGAIN || j.is_compiling) {
            break;
        }
    }
    return e == ERR_AGAIN && !j.is_compiling ? ERR_TIMEOUT : e;
}

static enum err run_once(struct store_job *j, bool is_quiet)
{
    TRY(store_conn_open(j->s, STORE_GATEWAY));
    TRY(store_simple_run(j->s, STORE_GATEWAY, "BEGIN", j->deadline_ms));
    enum err e = begin(j, is_quiet);
    if (e == ERR_OK && j->r->refusal.status == 0) {
        e = perform(j);
    }
    return finish(j, e);
}

static enum err begin(struct store_job *j, bool is_quiet)
{
    struct store_query q = {"SELECT set_config('app.org', $1, true), "
                            "set_config('app.quiet', $2, true), "
                            "floor(extract(epoch FROM now()))::bigint",
                            {STORE_P(j->c->caller.org), STORE_P(is_quiet ? STR("on") : STR("off"))},
                            2};
    PGresult *r = NULL;
    TRY(store_job_query(j, &q, &r));
    j->r->now_s = store_col_int(r, 0, 2, 0);
    PQclear(r);
    return ERR_OK;
}

static enum err perform(struct store_job *j)
{
    static enum err (*const jobs[])(struct store_job *) = {
        [MANAGE_POLICY_LIST] = store_policy_list,
        [MANAGE_POLICY_GET] = store_policy_get,
        [MANAGE_POLICY_CREATE] = store_policy_create,
        [MANAGE_POLICY_PATCH] = store_policy_patch,
        [MANAGE_POLICY_ARCHIVE] = store_policy_archive,
        [MANAGE_POLICY_ASK] = store_policy_ask,
        [MANAGE_POLICY_TRY] = store_policy_get,
        [MANAGE_VERSION_LIST] = store_version_list,
        [MANAGE_VERSION_GET] = store_version_list,
        [MANAGE_VERSION_ROLLBACK] = store_version_rollback,
        [MANAGE_ITEM_LIST] = store_item_list,
        [MANAGE_ITEM_GET] = store_item_get,
        [MANAGE_ITEM_CREATE] = store_item_create,
        [MANAGE_ITEM_PATCH] = store_item_patch,
        [MANAGE_ITEM_DELETE] = store_item_delete,
        [MANAGE_KEY_CREATE] = store_key_create,
        [MANAGE_KEY_ROTATE] = store_key_rotate,
        [MANAGE_KEY_REVOKE] = store_key_revoke,
        [MANAGE_PROVIDER_LIST] = store_policy_ask,
        [MANAGE_AUDIT_LIST] = store_audit_list,
    };
    size_t kind = (size_t)j->c->kind;
    if (kind >= sizeof(jobs) / sizeof(jobs[0]) || jobs[kind] == NULL) {
        return ERR_UNSUPPORTED; /* needs no store */
    }
    return jobs[kind](j);
}

static enum err finish(struct store_job *j, enum err e)
{
    struct manage_refusal *refusal = &j->r->refusal;
    if (e == ERR_OK && refusal->status == 0) {
        struct store_query q = {"SELECT policy_seq FROM portcullis.orgs WHERE org_id = $1",
                                {STORE_P(j->c->caller.org)},
                                1};
        PGresult *r = NULL;
        e = store_job_query(j, &q, &r);
        if (e == ERR_OK && PQntuples(r) == 1) {
            j->r->epoch = (uint64_t)store_col_int(r, 0, 0, 0);
        } else if (e == ERR_OK) {
            store_job_not_found(j, "organisation");
        }
        PQclear(r);
    }
    if (e == ERR_OK && refusal->status == 0) {
        e = store_simple_run(j->s, STORE_GATEWAY, "COMMIT", j->deadline_ms);
        return e == ERR_OK ? ERR_OK : job_refused(j, e);
    }
    e = e == ERR_OK ? e : job_refused(j, e);
    char state[sizeof(j->s->sqlstate)];
    memcpy(state, j->s->sqlstate, sizeof(state));
    if (j->s->conns[STORE_GATEWAY].pg != NULL &&
        store_simple_run(j->s, STORE_GATEWAY, "ROLLBACK", j->deadline_ms + 500) != ERR_OK) {
        store_conn_close(j->s, STORE_GATEWAY);
    }
    memcpy(j->s->sqlstate, state, sizeof(state));
    return e;
}

enum err store_job_query(struct store_job *j, const struct store_query *q, PGresult **ret_result)
{
    return store_query_run(j->s, STORE_GATEWAY, q, j->deadline_ms, ret_result);
}

void store_job_not_found(struct store_job *j, const char *noun)
{
    /* The same for what another organisation has: nothing is told (catalogue K). */
    manage_refuse(&j->r->refusal, 404, "not_found", "", "no such %s in this organisation", noun);
}

/* What a constraint that refused says to the client. `or_param`: the other member of a
 * pair that contradict each other; named where the request gives it and not the first. */
/* lint: table */
static const struct known {
    const char *constraint;
    unsigned status;
    const char *code, *param, *or_param, *message;
} known[] = {
    {"policies_slot_taken", 409, "slot_taken", "/tagSlot", NULL,
     "another policy of the organisation has this slot"},
    {"policies_one_default", 409, "default_taken", "/isDefault", NULL,
     "another policy became the default at the same time; try again"},
    {"policies_one_compliance", 409, "compliance_policy_exists", "", NULL,
     "the organisation has a compliance policy already"},
    {"users_email_taken", 409, "email_taken", "/email", NULL, "a user with this email exists"},
    {"_name_taken", 409, "name_taken", "/name", NULL, "the name is taken"},
    {"_team_unknown", 409, "reference", "/team", NULL,
     "no such team, or the team is still in use"},
    {"_environment_unknown", 409, "reference", "/environment", NULL,
     "no such environment, or the environment is still in use"},
    {"_project_unknown", 409, "reference", "/project", NULL,
     "no such project, or the project is still in use"},
    {"_user_unknown", 409, "reference", "/user_id", NULL,
     "no such user, or the user still has keys"},
    {"attestations_period", 400, "invalid_value", "/valid_until", "/valid_from",
     "valid_until must be after valid_from"},
    {"api_keys_period", 400, "invalid_value", "/expires_at", "/not_before",
     "expires_at must be after not_before"},
    {"api_keys_pinned", 400, "invalid_value", "/pinned_slot", "/slots",
     "pinned_slot must be one of slots, where the key has a list of them"},
    {"orgs_pkey", 409, "org_exists", "", NULL, "the organisation exists"},
};

/* Does the request give this member ("/name") of its collection? */
static bool is_given(const struct manage_command *c, const char *param)
{
    for (size_t i = 0; c->collection != NULL && i < c->collection->fields_count; i++) {
        if (strcmp(c->collection->fields[i].member, param + 1) == 0) {
            return c->values[i].is_set;
        }
    }
    return false;
}

static const char *param_of(const struct manage_command *c, const struct known *k)
{
    return k->or_param != NULL && is_given(c, k->or_param) && !is_given(c, k->param) ? k->or_param
                                                                                  : k->param;
}

/* Turns the server's refusal `e` into a refusal for the client; others pass through. */
static enum err job_refused(struct store_job *j, enum err e)
{
    struct manage_refusal *r = &j->r->refusal;
    struct str constraint = str_from(j->s->constraint);
    if (e != ERR_CONFLICT && e != ERR_INVALID && e != ERR_DENIED) {
        return e;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (constraint.len != 0 && str_ends(constraint, str_from(known[i].constraint))) {
            manage_refuse(r, known[i].status, known[i].code, param_of(j->c, &known[i]), "%s",
                          known[i].message);
            return ERR_OK;
        }
    }
    if (e == ERR_DENIED) {
        return ERR_INTERNAL; /* a statement of ours asked for more than its role may */
    }
    if (j->s->raised[0] != '\0') {
        manage_refuse(r, 409, "conflict", "", "%s", j->s->raised);
    } else if (e == ERR_INVALID) {
        manage_refuse(r, 400, "invalid_value", "", "a value cannot be stored (SQLSTATE %s)",
                      j->s->sqlstate);
    } else {
        manage_refuse(r, 409, "conflict", "", "the request conflicts with what is stored");
    }
    return ERR_OK;
}
