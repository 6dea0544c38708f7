/* SPDX-License-Identifier: Apache-2.0
 *
 * API keys: made here, shown once, kept as HMAC-SHA-256(pepper, secret). The pepper is
 * not in the database, so a copy of the database opens nothing. Rotation keeps the old
 * secret good for a grace period, so clients can change over.
 */
#include "store_private.h"

#include "portcullis/tls.h"

struct fresh_key {
    struct str text, id, secret, last4;
    struct sha256 hmac;
};

static enum err make(struct store_job *j, struct str prefix, struct str id,
                     struct fresh_key *ret);
static enum err check_rank(struct store_job *j, struct str key_id, bool *ret_go);
static struct str value_of(const struct store_job *j, const char *member);

enum err store_key_create(struct store_job *j)
{
    struct fresh_key k;
    bool go;
    struct str prefix = value_of(j, "prefix");
    TRY(make(j, prefix.len != 0 ? prefix : STR("pc_live"), STR_NONE, &k));
    struct str author = j->c->caller.email.len != 0 ? j->c->caller.email : j->c->caller.key_id;
    struct store_extra extra[] = {
        {"secret_hmac", "", {{(const char *)k.hmac.bytes, sizeof(k.hmac.bytes)}, true}},
        {"last4", "", STORE_P(k.last4)},
        {"created_by", "", STORE_P(author)},
    };
    TRY(store_item_insert(j, k.id, extra, 3));
    /* Looked at after the insert: the key's role may come from its user. */
    TRY(check_rank(j, k.id, &go));
    if (go) {
        j->r->key_text = k.text;
    }
    return ERR_OK;
}

static enum err make(struct store_job *j, struct str prefix, struct str id, struct fresh_key *ret)
{
    uint8_t dice[64];
    struct buf text;
    struct policy_key_text parts;
    TRY(tls_random(dice, sizeof(dice)));
    buf_init(&text, 128);
    if (id.len != 0) {
        policy_key_format_as(&text, prefix, id, dice);
    } else {
        policy_key_format(&text, prefix, dice);
    }
    bytes_wipe(dice, sizeof(dice));
    ret->text = arena_str(j->a, buf_str(&text));
    if (text.ptr != NULL) {
        bytes_wipe(text.ptr, text.len);
    }
    buf_fini(&text);
    if (ret->text.ptr == NULL) {
        return ERR_MEMORY;
    }
    TRY(policy_key_parse(ret->text, &parts));
    ret->id = parts.id;
    ret->secret = parts.secret;
    ret->last4 = str_sub(parts.secret, parts.secret.len - 4, parts.secret.len);
    struct str pepper = {(const char *)j->s->options.secrets.pepper,
                         sizeof(j->s->options.secrets.pepper)};
    ret->hmac = hmac_sha256(pepper, parts.secret);
    return ERR_OK;
}

/* The role a key acts with must not be above the caller's: else an admin could take an
 * owner's part by making or rotating an owner's key. */
static enum err check_rank(struct store_job *j, struct str key_id, bool *ret_go)
{
    struct store_query q = {
        "SELECT r.role FROM portcullis.api_keys k LEFT JOIN portcullis.users u "
        "ON u.org_id = k.org_id AND u.id = k.user_id "
        "CROSS JOIN LATERAL (VALUES (k.role), (CASE WHEN k.role IS NULL THEN u.role END)) r(role) "
        "WHERE k.org_id = $1 AND k.id = $2 AND r.role IS NOT NULL "
        "UNION ALL SELECT 'member' FROM portcullis.api_keys WHERE org_id = $1 AND id = $2",
        {STORE_P(j->c->caller.org), STORE_P(key_id)},
        2};
    struct str role;
    *ret_go = false;
    enum err e = store_value_get(j->s, STORE_GATEWAY, &q, j->deadline_ms, j->a, &role);
    if (e == ERR_NOT_FOUND) {
        store_job_not_found(j, "key");
        return ERR_OK;
    }
    TRY(e);
    *ret_go = manage_role_outranks(&j->c->caller, role);
    if (!*ret_go) {
        manage_refuse(&j->r->refusal, 403, "role_too_high", "/role",
                      "your role may not make, change or revoke a key of role '%.*s'",
                      STR_ARG(role));
    }
    return ERR_OK;
}

static struct str value_of(const struct store_job *j, const char *member)
{
    const struct manage_collection *c = j->c->collection;
    for (size_t i = 0; i < c->fields_count; i++) {
        if (strcmp(c->fields[i].member, member) == 0) {
            return j->c->values[i].is_set ? j->c->values[i].text : STR_NONE;
        }
    }
    return STR_NONE;
}

/* Before and after: neither may an admin change an owner's key nor make one by patching
 * its role or user. The refusal after the update rolls it back. */
enum err store_key_patch(struct store_job *j)
{
    bool go;
    TRY(check_rank(j, j->c->id, &go));
    if (!go) {
        return ERR_OK;
    }
    TRY(store_item_update(j, NULL, 0));
    return j->r->refusal.status != 0 ? ERR_OK : check_rank(j, j->c->id, &go);
}

/* The id stays, so that scopes, policies and records go on meaning the same key; only
 * the secret is new. */
enum err store_key_rotate(struct store_job *j)
{
    struct store_query q = {"SELECT prefix FROM portcullis.api_keys WHERE org_id = $1 AND id = $2 "
                            "AND revoked_at IS NULL FOR UPDATE",
                            {STORE_P(j->c->caller.org), STORE_P(j->c->id)},
                            2};
    struct str prefix;
    struct fresh_key k;
    bool go;
    enum err e = store_value_get(j->s, STORE_GATEWAY, &q, j->deadline_ms, j->a, &prefix);
    if (e == ERR_NOT_FOUND) {
        store_job_not_found(j, "key");
        return ERR_OK;
    }
    TRY(e);
    TRY(check_rank(j, j->c->id, &go));
    if (!go) {
        return ERR_OK;
    }
    TRY(make(j, prefix, j->c->id, &k));
    struct store_query old = {"UPDATE portcullis.api_keys SET"
                              " previous_hmac = CASE WHEN $3::integer > 0 THEN secret_hmac END,"
                              " previous_until = CASE WHEN $3::integer > 0 THEN now() + "
                              "make_interval(secs => $3::integer)"
                              " END WHERE org_id = $1 AND id = $2",
                              {STORE_P(j->c->caller.org), STORE_P(j->c->id),
                               STORE_P(store_text_u64(j->a, j->c->grace_s))},
                              3};
    PGresult *r = NULL;
    e = store_job_query(j, &old, &r);
    PQclear(r);
    TRY(e);
    struct store_extra extra[] = {
        {"secret_hmac", "", {{(const char *)k.hmac.bytes, sizeof(k.hmac.bytes)}, true}},
        {"last4", "", STORE_P(k.last4)},
    };
    TRY(store_item_update(j, extra, 2));
    j->r->key_text = k.text;
    return ERR_OK;
}

enum err store_key_revoke(struct store_job *j)
{
    bool go;
    TRY(check_rank(j, j->c->id, &go));
    if (!go) {
        return ERR_OK;
    }
    struct store_query q = {
        "UPDATE portcullis.api_keys SET revoked_at = coalesce(revoked_at, now()),"
        " previous_hmac = NULL, previous_until = NULL, updated_at = now() "
        "WHERE org_id = $1 AND id = $2",
        {STORE_P(j->c->caller.org), STORE_P(j->c->id)},
        2};
    PGresult *r = NULL;
    enum err e = store_job_query(j, &q, &r);
    PQclear(r);
    return e;
}
