/* SPDX-License-Identifier: Apache-2.0
 *
 * The store against a real PostgreSQL: migrations, commands as the management API gives
 * them, what gateways load, isolation of tenants, notices, faults. Each test makes its
 * own organisations, so the order does not matter, except that migrations come first.
 */
#include "portcullis/store.h"

#include "server.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct server server;
static struct store *store;
static struct route_catalog *catalog;
static struct buf providers, models;
static struct arena arena;
static PGconn *super;
static struct store_secrets secrets;

/* ---- helpers --------------------------------------------------------------------- */

static void read_file(const char *name, struct buf *out)
{
    char path[512];
    const char *root = getenv("PORTCULLIS_SOURCE_ROOT");
    snprintf(path, sizeof(path), "%s/src/core/route/catalog/%s", root != NULL ? root : ".", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    buf_init(out, (size_t)32 << 20);
    char *at;
    size_t n;
    while ((at = buf_reserve(out, 65536)) != NULL && (n = fread(at, 1, 65536, f)) > 0) {
        buf_commit(out, n);
    }
    fclose(f);
}

/* As superuser; the first value of the answer, "" without one. */
static const char *sql(const char *text)
{
    PGresult *r = PQexec(super, text);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", text, PQerrorMessage(super));
    }
    const char *value = PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "";
    const char *copy = arena_str(&arena, str_from(value)).ptr;
    PQclear(r);
    return copy;
}

static struct manage_caller caller_of(const char *org, unsigned role)
{
    return (struct manage_caller){.org = str_from(org), .user = STR_NONE,
                                  .email = STR("who@acme.com"), .key_id = STR("KEYKEYKEYKEY"),
                                  .role = role, .may_manage = true};
}

struct reply {
    unsigned status;
    struct str body;
    yyjson_val *json;
    struct str etag, epoch;
};

static struct reply ask_as(struct manage_caller caller, const char *line, const char *body,
                           const char *if_match)
{
    struct manage_request r = {.caller = &caller, .body = str_from(body),
                               .content_type = STR("application/json"),
                               .if_match = str_from(if_match)};
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    struct str rest = str_from(line);
    struct str method = str_cut(&rest, ' ');
    for (int i = 0; i < 6; i++) {
        r.method = str_eq(method, str_from(methods[i])) ? (enum wire_method)i : r.method;
    }
    r.path = str_cut(&rest, '?');
    r.query = rest;
    struct manage_command c;
    struct manage_refusal refusal;
    struct manage_result result = {0};
    struct manage_answer answer;
    enum err e = manage_parse(&arena, &r, catalog, &c, &refusal);
    if (e == ERR_OK && c.needs_store) {
        e = store_execute(store, &arena, &c, &result);
        if (e != ERR_OK) {
            print_message("%s: %s (%s)\n", line, err_name(e), store_error(store));
        }
    }
    if (refusal.status != 0) {
        result.refusal = refusal;
    }
    manage_render(&arena, &c, e, &result, catalog, &answer);
    struct reply reply = {.status = answer.status, .body = answer.body};
    struct json_doc doc;
    struct issue issue;
    if (answer.body.len != 0) {
        assert_int_equal(json_parse(&arena, answer.body, &json_limits_default, &doc, &issue),
                         ERR_OK);
        reply.json = doc.root;
    }
    for (size_t i = 0; i < answer.headers_count; i++) {
        if (str_eq_nocase(answer.headers[i].name, STR("ETag"))) {
            reply.etag = answer.headers[i].value;
        }
        if (str_eq_nocase(answer.headers[i].name, STR("Portcullis-Epoch"))) {
            reply.epoch = answer.headers[i].value;
        }
    }
    return reply;
}

static struct reply ask(const char *org, const char *line, const char *body)
{
    struct reply r = ask_as(caller_of(org, MANAGE_OWNER), line, body, NULL);
    return r;
}

static const char *text_of(struct reply r, const char *member)
{
    struct str s = json_str(json_get(r.json, str_from(member)));
    return s.ptr != NULL ? arena_str(&arena, s).ptr : "";
}

static const char *error_code(struct reply r)
{
    struct str s = json_str(json_get(json_get(r.json, STR("error")), STR("code")));
    return s.ptr != NULL ? arena_str(&arena, s).ptr : "";
}

static const char *line_of(const char *method, const char *prefix, const char *id,
                           const char *rest)
{
    return arena_printf(&arena, "%s %s%s%s", method, prefix, id, rest).ptr;
}

static void make_org(const char *id)
{
    struct str ret;
    enum err e = store_org_create(store, &arena, str_from(id), STR("Acme"), &ret);
    if (e != ERR_OK) {
        fail_msg("%s", store_error(store));
    }
    assert_true(str_eq(ret, str_from(id)));
}

static const struct store_org *org_in(const struct store_loaded *l, const char *id)
{
    for (size_t i = 0; i < l->orgs_count; i++) {
        if (str_eq(l->orgs[i].rows.id, str_from(id))) {
            return &l->orgs[i];
        }
    }
    return NULL;
}

static struct store_loaded *load(uint64_t since)
{
    struct store_loaded *l = NULL;
    enum err e = store_load(store, since, &l);
    if (e != ERR_OK) {
        fail_msg("load: %s: %s", err_name(e), store_error(store));
    }
    return l;
}

/* ---- migrations ------------------------------------------------------------------- */

static void migrations_go_up_and_down_and_up(void **state)
{
    (void)state;
    struct store_migrate_report report;
    struct issue issue = {0};
    size_t count;
    (void)store_migrations(&count);
    assert_int_equal(store_migrate_status(store, &report, &issue), ERR_OK);
    assert_int_equal(report.version, 0);
    assert_int_equal(store_migrate_up(store, 0, true, &report, &issue), ERR_OK);
    assert_int_equal(report.applied, count);
    assert_int_equal(report.version, 0); /* a dry run changes nothing */
    if (store_migrate_up(store, 0, false, &report, &issue) != ERR_OK) {
        fail_msg("%s", issue.message);
    }
    assert_int_equal(report.version, count);
    assert_int_equal(store_migrate_up(store, 0, false, &report, &issue), ERR_OK);
    assert_int_equal(report.applied, 0);
    if (store_migrate_down(store, 0, false, &report, &issue) != ERR_OK) {
        fail_msg("%s", issue.message);
    }
    assert_int_equal(report.version, 0);
    assert_string_equal(sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'portcullis'"), "1");
    assert_int_equal(store_migrate_up(store, 0, false, &report, &issue), ERR_OK);
}

static void migrations_refuse_a_changed_text(void **state)
{
    (void)state;
    struct store_migrate_report report;
    struct issue issue = {0};
    sql("UPDATE portcullis.schema_migrations SET checksum = 'x' || checksum WHERE version = 1");
    assert_int_equal(store_migrate_up(store, 0, false, &report, &issue), ERR_CONFLICT);
    assert_true(report.steps[0].is_changed);
    sql("UPDATE portcullis.schema_migrations SET checksum = substr(checksum, 2), dirty = true "
        "WHERE version = 1");
    assert_int_equal(store_migrate_up(store, 0, false, &report, &issue), ERR_CONFLICT);
    assert_true(report.is_dirty);
    sql("UPDATE portcullis.schema_migrations SET dirty = false");
    assert_int_equal(store_migrate_up(store, 0, false, &report, &issue), ERR_OK);
}

/* ---- governance (S0) ---------------------------------------------------------------- */

#define HIPAA                                                                                      \
    "{\"name\":\"Production - HIPAA Compliant\",\"description\":\"Only HIPAA\",\"tagSlot\":1,"     \
    "\"isDefault\":true,\"rules\":{\"minimumTrustTier\":\"most_trusted\","                         \
    "\"blockChinaProviders\":true,\"requireHipaa\":true,\"requireBaa\":true,"                      \
    "\"enforcement\":\"hard_block\"}}"
#define DEVELOPMENT                                                                                \
    "{\"name\":\"Development\",\"tagSlot\":2,\"rules\":{\"minimumTrustTier\":\"trusted\","         \
    "\"enforcement\":\"warn\"}}"

static void governance_policies_live(void **state)
{
    (void)state;
    make_org("org_gov");
    struct reply r = ask("org_gov", "POST /governance", HIPAA);
    assert_int_equal(r.status, 201); /* S0-25 */
    assert_true(strncmp(text_of(r, "id"), "gpol_", 5) == 0);
    assert_string_equal(text_of(r, "orgId"), "org_gov");
    assert_string_equal(text_of(r, "createdAt"), text_of(r, "updatedAt"));
    assert_false(json_bool(json_get(json_get(r.json, STR("rules")), STR("requireZdr")), true));
    const char *hipaa = text_of(r, "id");

    struct reply dev = ask("org_gov", "POST /governance", DEVELOPMENT);
    assert_int_equal(dev.status, 201);
    const char *development = text_of(dev, "id");
    assert_int_equal(ask("org_gov", "POST /governance", DEVELOPMENT).status, 409); /* S0-6 */
    assert_string_equal(error_code(ask("org_gov", "POST /governance", DEVELOPMENT)), "slot_taken");
    assert_int_equal(
        yyjson_arr_size(json_get(ask("org_gov", "GET /governance", NULL).json, STR("policies"))), 2);

    /* S0-47: deep merge; a new version; If-Match guards it. */
    r = ask_as(caller_of("org_gov", MANAGE_ADMIN), line_of("PATCH", "/governance/", hipaa, ""),
               "{\"rules\":{\"requireSoc2\":true}}", "\"1\"");
    assert_int_equal(r.status, 200);
    assert_true(json_bool(json_get(json_get(r.json, STR("rules")), STR("requireSoc2")), false));
    assert_true(json_bool(json_get(json_get(r.json, STR("rules")), STR("requireBaa")), false));
    r = ask_as(caller_of("org_gov", MANAGE_ADMIN), line_of("PATCH", "/governance/", hipaa, ""),
               "{\"name\":\"late\"}", "\"1\"");
    assert_int_equal(r.status, 412);

    /* S0-49, word for word; S0-7: the default moves in one step. */
    r = ask("org_gov", line_of("DELETE", "/governance/", hipaa, ""), NULL);
    assert_int_equal(r.status, 409);
    assert_string_equal(error_code(r), "CANNOT_DELETE_DEFAULT");
    assert_non_null(strstr(r.body.ptr, "You cannot delete the default policy. "
                                       "Set another policy as default first."));
    assert_int_equal(ask("org_gov", line_of("PATCH", "/governance/", hipaa, ""),
                         "{\"isDefault\":false}").status, 409);
    r = ask("org_gov", line_of("PATCH", "/governance/", development, ""), "{\"isDefault\":true}");
    assert_int_equal(r.status, 200);
    r = ask("org_gov", line_of("GET", "/governance/", hipaa, ""), NULL);
    assert_false(json_bool(json_get(r.json, STR("isDefault")), true));
    assert_int_equal(ask("org_gov", line_of("DELETE", "/governance/", hipaa, ""), NULL).status, 204);
    assert_int_equal(ask("org_gov", line_of("GET", "/governance/", hipaa, ""), NULL).status, 404);
    /* The slot of a deleted policy is free again. */
    assert_int_equal(ask("org_gov", "POST /governance",
                         "{\"name\":\"again\",\"tagSlot\":1,\"rules\":{}}").status, 201);
}

static void versions_are_kept_and_come_back(void **state)
{
    (void)state;
    make_org("org_ver");
    struct reply r = ask("org_ver", "POST /governance", HIPAA);
    const char *id = text_of(r, "id");
    ask("org_ver", line_of("PATCH", "/governance/", id, ""), "{\"rules\":{\"requireZdr\":true}}");
    r = ask("org_ver", line_of("POST", "/v1/policies/", id, "/rollback"), "{\"version\":1}");
    assert_int_equal(r.status, 200);
    assert_true(str_eq(r.etag, STR("\"3\"")));
    r = ask("org_ver", line_of("GET", "/governance/", id, ""), NULL);
    assert_false(json_bool(json_get(json_get(r.json, STR("rules")), STR("requireZdr")), true));
    assert_true(json_bool(json_get(r.json, STR("isDefault")), false));
    r = ask("org_ver", line_of("GET", "/v1/policies/", id, "/versions"), NULL);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 3);
    assert_int_equal(ask("org_ver", line_of("GET", "/v1/policies/", id, "/versions/2"), NULL).status,
                     200);
    assert_int_equal(ask("org_ver", line_of("POST", "/v1/policies/", id, "/rollback"),
                         "{\"version\":9}").status, 404);
    /* Immutable even for a statement of the owner. */
    PGresult *q = PQexec(super, "UPDATE portcullis.policy_versions SET note = 'x'");
    assert_string_equal(PQresultErrorField(q, PG_DIAG_SQLSTATE), "PC409");
    PQclear(q);
}

static void compliance_and_validate_answer(void **state)
{
    (void)state;
    make_org("org_cmp");
    struct reply r = ask("org_cmp", "GET /v1/compliance/policy", NULL);
    assert_int_equal(r.status, 200);
    r = ask("org_cmp", "PUT /v1/compliance/policy",
            "{\"enabled\":true,\"requireSoc2OrIso27001\":true,\"requireNoTraining\":true}");
    assert_int_equal(r.status, 200);
    r = ask("org_cmp", "PUT /v1/compliance/policy", "{\"enabled\":true,\"requireGdpr\":true}");
    assert_int_equal(r.status, 200);
    assert_int_equal(ask("org_cmp", "GET /v1/compliance/preview", NULL).status, 200);
    r = ask("org_cmp", "POST /governance/validate",
            "{\"rules\":{\"minimumTrustTier\":\"most_trusted\",\"requireHipaa\":true,"
            "\"requireBaa\":true}}");
    assert_int_equal(r.status, 200); /* S0-61 */
    assert_true(json_bool(json_get(r.json, STR("valid")), false));
    struct str first = json_str(yyjson_arr_get(json_get(r.json, STR("allowedProviders")), 0));
    assert_true(str_eq(first, STR("anthropic")));
    assert_int_equal(ask("org_cmp", "GET /v1/providers", NULL).status, 200);
}

/* ---- keys ------------------------------------------------------------------------------- */

static enum err authenticate(const char *key, struct policy_key_row *ret)
{
    struct store_loaded *l = load(0);
    struct policy_org *orgs[64];
    size_t count = 0;
    struct issue issue = {0};
    for (size_t i = 0; i < l->orgs_count && count < 64; i++) {
        if (l->orgs[i].err == ERR_OK) {
            enum err made = policy_org_new(&l->orgs[i].rows, catalog, l->now_s, &orgs[count],
                                           &issue);
            if (made != ERR_OK) {
                fail_msg("%.*s: %s", STR_ARG(l->orgs[i].rows.id), issue.message);
            }
            count++;
        }
    }
    struct policy_snapshot *s = NULL;
    assert_int_equal(policy_snapshot_new(orgs, count, catalog, l->epoch, l->now_s, &s), ERR_OK);
    const struct policy_principal *who = NULL;
    enum err e = policy_authenticate(
        s, str_from(key), (struct str){(const char *)secrets.pepper, sizeof(secrets.pepper)},
        l->now_s, &who);
    if (e == ERR_OK && ret != NULL) {
        const struct policy_key_row *k = policy_principal_key(who);
        *ret = *k;
        ret->role = arena_str(&arena, k->role);
        ret->environment = arena_str(&arena, k->environment);
        ret->user_email = arena_str(&arena, k->user_email);
    }
    policy_snapshot_free(s);
    for (size_t i = 0; i < count; i++) {
        policy_org_unref(orgs[i]);
    }
    store_loaded_free(l);
    return e;
}

static void keys_are_made_rotated_revoked(void **state)
{
    (void)state;
    make_org("org_key");
    assert_int_equal(ask("org_key", "POST /v1/environments", "{\"name\":\"development\"}").status,
                     201);
    struct reply user = ask("org_key", "POST /v1/users",
                            "{\"email\":\"dev@acme.com\",\"role\":\"member\"}");
    assert_int_equal(user.status, 201);
    const char *body = arena_printf(&arena,
                                    "{\"name\":\"ci\",\"environment\":\"development\","
                                    "\"user_id\":\"%s\",\"role\":\"admin\","
                                    "\"scopes\":[\"call\",\"manage\"],\"slots\":[1,2]}",
                                    text_of(user, "id")).ptr;
    struct reply r = ask("org_key", "POST /v1/keys", body);
    assert_int_equal(r.status, 201);
    const char *key = text_of(r, "key"), *id = text_of(r, "id");
    struct policy_key_row row;
    assert_int_equal(authenticate(key, &row), ERR_OK);
    assert_true(str_eq(row.role, STR("member"))); /* never above its user */
    assert_true(str_eq(row.environment, STR("development")));
    assert_true(str_eq(row.user_email, STR("dev@acme.com")));
    assert_int_equal(row.slots, (1u << 1) | (1u << 2));
    assert_true(row.may_call && row.may_manage);
    /* Shown once, and nowhere in the database. */
    r = ask("org_key", line_of("GET", "/v1/keys/", id, ""), NULL);
    assert_int_equal(r.status, 200);
    assert_null(json_get(r.json, STR("key")));
    assert_null(json_get(r.json, STR("secret_hmac")));

    struct reply turned = ask("org_key", line_of("POST", "/v1/keys/", id, "/rotate"),
                              "{\"grace_s\":600}");
    assert_int_equal(turned.status, 200);
    assert_string_equal(text_of(turned, "id"), id);
    assert_int_equal(authenticate(key, NULL), ERR_OK); /* grace */
    assert_int_equal(authenticate(text_of(turned, "key"), NULL), ERR_OK);
    turned = ask("org_key", line_of("POST", "/v1/keys/", id, "/rotate"), "{\"grace_s\":0}");
    assert_int_equal(turned.status, 200);
    assert_int_equal(authenticate(key, NULL), ERR_NOT_FOUND);
    assert_int_equal(ask("org_key", line_of("DELETE", "/v1/keys/", id, ""), NULL).status, 204);
    assert_int_equal(authenticate(text_of(turned, "key"), NULL), ERR_DENIED);
}

/* Catalogue K 208: nobody climbs, the last owner stays. */
static void roles_cannot_be_climbed(void **state)
{
    (void)state;
    make_org("org_role");
    struct manage_caller admin = caller_of("org_role", MANAGE_ADMIN);
    struct reply owner = ask("org_role", "POST /v1/users",
                             "{\"email\":\"o@acme.com\",\"role\":\"owner\"}");
    struct reply member = ask("org_role", "POST /v1/users",
                              "{\"email\":\"m@acme.com\",\"role\":\"member\"}");
    assert_int_equal(ask_as(admin, "POST /v1/users",
                            "{\"email\":\"x@acme.com\",\"role\":\"owner\"}", NULL).status, 403);
    assert_int_equal(ask_as(admin, line_of("PATCH", "/v1/users/", text_of(member, "id"), ""),
                            "{\"role\":\"owner\"}", NULL).status, 403);
    assert_int_equal(ask_as(admin, line_of("DELETE", "/v1/users/", text_of(owner, "id"), ""), NULL,
                            NULL).status, 403);
    assert_int_equal(ask_as(admin, "POST /v1/keys", "{\"name\":\"k\",\"role\":\"owner\"}",
                            NULL).status, 403);
    const char *through_user =
        arena_printf(&arena, "{\"name\":\"k\",\"user_id\":\"%s\"}", text_of(owner, "id")).ptr;
    assert_int_equal(ask_as(admin, "POST /v1/keys", through_user, NULL).status, 403);
    struct reply key = ask("org_role", "POST /v1/keys", through_user);
    assert_int_equal(key.status, 201);
    assert_int_equal(ask_as(admin, line_of("POST", "/v1/keys/", text_of(key, "id"), "/rotate"), "{}",
                            NULL).status, 403);
    assert_int_equal(ask("org_role", line_of("PATCH", "/v1/users/", text_of(owner, "id"), ""),
                         "{\"role\":\"admin\"}").status, 409);
    assert_string_equal(sql("SELECT count(*) FROM portcullis.api_keys WHERE org_id = 'org_role'"),
                        "1"); /* the refused ones left nothing */
    struct reply twice = ask("org_role", "POST /v1/users", "{\"email\":\"M@acme.com\"}");
    assert_int_equal(twice.status, 409);
    assert_string_equal(error_code(twice), "email_taken");
}

/* ---- endpoints and credentials ---------------------------------------------------------------- */

static void credentials_are_sealed_and_bound(void **state)
{
    (void)state;
    make_org("org_ep");
    make_org("org_thief");
    struct reply r = ask("org_ep", "POST /v1/provider-endpoints",
                         "{\"provider\":\"openai\",\"base_url\":\"https://api.openai.com/v1\","
                         "\"credential\":\"sk-very-secret\"}");
    assert_int_equal(r.status, 201);
    const char *id = text_of(r, "id");
    assert_null(strstr(r.body.ptr, "very-secret"));
    assert_true(json_bool(json_get(r.json, STR("has_credential")), false));
    assert_string_equal(sql("SELECT position('very-secret'::bytea IN credential) "
                            "FROM portcullis.provider_endpoints WHERE org_id = 'org_ep'"), "0");
    struct store_loaded *l = load(0);
    const struct store_org *o = org_in(l, "org_ep");
    assert_int_equal(o->rows.endpoints_count, 1);
    assert_true(str_eq(o->rows.endpoints[0].credential, STR("sk-very-secret")));
    store_loaded_free(l);

    /* A row copied to another organisation does not open: that one is unusable, others are. */
    sql("INSERT INTO portcullis.provider_endpoints (org_id, id, provider, base_url, credential, "
        "credential_version) SELECT 'org_thief', id, provider, base_url, credential, "
        "credential_version FROM portcullis.provider_endpoints WHERE org_id = 'org_ep'");
    l = load(0);
    assert_int_not_equal(org_in(l, "org_thief")->err, ERR_OK);
    assert_int_equal(org_in(l, "org_ep")->err, ERR_OK);
    store_loaded_free(l);
    sql("DELETE FROM portcullis.provider_endpoints WHERE org_id = 'org_thief'");

    /* Another path keeps the key; another host takes it away. */
    r = ask("org_ep", line_of("PATCH", "/v1/provider-endpoints/", id, ""),
            "{\"base_url\":\"https://api.openai.com/v2\"}");
    assert_int_equal(r.status, 200);
    assert_true(json_bool(json_get(r.json, STR("has_credential")), false));
    r = ask("org_ep", line_of("PATCH", "/v1/provider-endpoints/", id, ""),
            "{\"base_url\":\"https://evil.example.com/v1\"}");
    assert_int_equal(r.status, 200);
    assert_false(json_bool(json_get(r.json, STR("has_credential")), true));
    assert_int_equal(ask("org_ep", line_of("DELETE", "/v1/provider-endpoints/", id, ""),
                         NULL).status, 204);
}

/* ---- tenants ---------------------------------------------------------------------------------------- */

static void tenants_do_not_see_each_other(void **state)
{
    (void)state;
    make_org("org_one");
    make_org("org_two");
    struct reply r = ask("org_one", "POST /governance", HIPAA);
    const char *id = text_of(r, "id");
    r = ask("org_one", "POST /v1/teams", "{\"name\":\"platform\"}");
    const char *team = text_of(r, "id");
    /* 404 and not 403: nothing is told (K 205). */
    assert_int_equal(ask("org_two", line_of("GET", "/governance/", id, ""), NULL).status, 404);
    assert_int_equal(ask("org_two", line_of("PATCH", "/governance/", id, ""), "{\"name\":\"x\"}")
                         .status, 404);
    assert_int_equal(ask("org_two", line_of("DELETE", "/governance/", id, ""), NULL).status, 404);
    assert_int_equal(ask("org_two", line_of("GET", "/v1/teams/", team, ""), NULL).status, 404);
    assert_int_equal(ask("org_two", line_of("DELETE", "/v1/teams/", team, ""), NULL).status, 404);
    assert_int_equal(ask("org_two", "GET /v1/orgs/org_one", NULL).status, 404);
    r = ask("org_two", "GET /v1/teams", NULL);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 0);
    assert_int_equal(ask("org_two", "GET /v1/teams?org_id=org_one", NULL).status, 400);
    assert_int_equal(ask("org_two", "POST /v1/users",
                         "{\"email\":\"a@b.c\",\"team\":\"platform\"}").status, 409);
    assert_int_equal(ask("org_none", "GET /v1/teams", NULL).status, 404);
}

static const char *as_role(const char *role, const char *org, const char *statement)
{
    PGconn *c = PQconnectdb(server.owner_dsn);
    char line[512];
    snprintf(line, sizeof(line), "SET ROLE %s", role);
    PQclear(PQexec(c, line));
    PQclear(PQexec(c, "BEGIN"));
    if (org != NULL) {
        snprintf(line, sizeof(line), "SET LOCAL app.org = '%s'", org);
        PQclear(PQexec(c, line));
    }
    PGresult *r = PQexec(c, statement);
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *result = state != NULL        ? state
                         : PQntuples(r) > 0   ? PQgetvalue(r, 0, 0)
                                              : PQcmdTuples(r);
    const char *copy = arena_str(&arena, str_from(result)).ptr;
    PQclear(r);
    PQfinish(c);
    return copy;
}

/* K 209-211: even a statement without a WHERE stays inside its organisation. */
static void rows_are_walled_by_the_database(void **state)
{
    (void)state;
    static const char *const tables[] = {"orgs", "teams", "environments", "projects", "users",
                                         "api_keys", "policies", "policy_versions",
                                         "provider_endpoints", "attestations", "audit_decisions",
                                         "audit_outcomes", "security_events"};
    make_org("org_wall");
    ask("org_wall", "POST /v1/teams", "{\"name\":\"a\"}");
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        const char *q = arena_printf(&arena, "SELECT count(*) FROM portcullis.%s "
                                             "WHERE org_id <> 'org_wall'", tables[i]).ptr;
        assert_string_equal(as_role("portcullis_gateway", "org_wall", q), "0");
        q = arena_printf(&arena, "SELECT count(*) FROM portcullis.%s", tables[i]).ptr;
        assert_string_equal(as_role("portcullis_gateway", NULL, q), "0");
    }
    assert_string_equal(as_role("portcullis_gateway", "org_wall",
                                "INSERT INTO portcullis.teams (org_id, id, name) "
                                "VALUES ('org_one', 'team_x', 'x')"), "42501");
    assert_string_equal(as_role("portcullis_gateway", "org_wall",
                                "UPDATE portcullis.teams SET name = 'b'"), "1");
    assert_string_equal(as_role("portcullis_gateway", "org_wall",
                                "UPDATE portcullis.orgs SET is_suspended = true"), "42501");
    assert_string_equal(as_role("portcullis_gateway", "org_wall",
                                "DELETE FROM portcullis.policy_versions"), "42501");
    assert_string_equal(as_role("portcullis_gateway", "org_wall",
                                "DELETE FROM portcullis.audit_decisions"), "42501");
    assert_string_equal(as_role("portcullis_loader", NULL,
                                "UPDATE portcullis.orgs SET name = 'x'"), "42501");
    assert_string_equal(as_role("portcullis_loader", NULL, "SELECT request_id FROM "
                                "portcullis.audit_decisions"), "42501");
    assert_string_equal(as_role("portcullis_audit", NULL,
                                "SELECT count(*) FROM portcullis.orgs"), "42501");
    assert_string_equal(sql("SELECT count(*) FROM pg_class c JOIN pg_namespace n "
                            "ON n.oid = c.relnamespace WHERE n.nspname = 'portcullis' "
                            "AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
                            "AND NOT (c.relrowsecurity AND c.relforcerowsecurity) AND EXISTS "
                            "(SELECT FROM pg_attribute a WHERE a.attrelid = c.oid "
                            "AND a.attname = 'org_id')"), "0");
}

/* ---- loading, epochs, notices ---------------------------------------------------------------------------- */

static void changes_are_numbered_and_loaded(void **state)
{
    (void)state;
    make_org("org_seq");
    struct store_loaded *l = load(0);
    uint64_t before = l->epoch;
    assert_non_null(org_in(l, "org_seq"));
    store_loaded_free(l);
    l = load(before);
    assert_int_equal(l->orgs_count, 0);
    store_loaded_free(l);
    struct reply r = ask("org_seq", "POST /governance", HIPAA);
    l = load(before);
    assert_int_equal(l->orgs_count, 1); /* only the changed one */
    assert_true(str_eq(l->orgs[0].rows.id, STR("org_seq")));
    assert_int_equal(l->orgs[0].rows.policies_count, 1);
    assert_true(l->orgs[0].rows.policies[0].is_default);
    assert_true(str_eq(r.epoch, arena_printf(&arena, "%llu",
                                             (unsigned long long)l->orgs[0].rows.seq)));
    assert_int_equal(l->epoch, before + 1); /* one number for the whole transaction */
    store_loaded_free(l);
    /* A refused command takes no number. */
    assert_int_equal(ask("org_seq", "POST /governance", HIPAA).status, 409);
    l = load(before + 1);
    assert_int_equal(l->epoch, before + 1);
    store_loaded_free(l);
}

static void notices_are_heard_and_gaps_too(void **state)
{
    (void)state;
    make_org("org_ear");
    enum err e = store_listen_wait(store, 2000, -1);
    assert_int_equal(e, ERR_OK); /* a fresh connection: notices may have been missed */
    while (store_listen_wait(store, 50, -1) == ERR_OK) {
    }
    ask("org_ear", "POST /v1/teams", "{\"name\":\"x\"}");
    assert_int_equal(store_listen_wait(store, 5000, -1), ERR_OK);
    while (store_listen_wait(store, 50, -1) == ERR_OK) {
    }
    /* F6: the session is killed and a change falls into the gap. */
    sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query = "
        "'LISTEN portcullis' OR query = 'SELECT 1'");
    ask("org_ear", "POST /v1/teams", "{\"name\":\"y\"}");
    bool has_heard = false;
    for (int i = 0; i < 100 && !has_heard; i++) {
        has_heard = store_listen_wait(store, 200, -1) == ERR_OK;
    }
    assert_true(has_heard);
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
    while ((e = store_listen_wait(store, 5000, pipe_fds[0])) == ERR_OK) {
    }
    assert_int_equal(e, ERR_AGAIN);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void nodes_report_what_they_enforce(void **state)
{
    (void)state;
    uint64_t epoch = 0;
    struct str node;
    assert_int_equal(store_nodes_min_epoch(store, &arena, &epoch, &node), ERR_NOT_FOUND);
    assert_int_equal(store_node_report(store, STR("gw-1"), 7), ERR_OK);
    assert_int_equal(store_node_report(store, STR("gw-2"), 5), ERR_OK);
    assert_int_equal(store_nodes_min_epoch(store, &arena, &epoch, &node), ERR_OK);
    assert_int_equal(epoch, 5);
    assert_true(str_eq(node, STR("gw-2")));
    assert_int_equal(store_node_leave(store, STR("gw-2")), ERR_OK);
    assert_int_equal(store_nodes_min_epoch(store, &arena, &epoch, &node), ERR_OK);
    assert_int_equal(epoch, 7);
    assert_int_equal(store_node_leave(store, STR("gw-1")), ERR_OK);
    make_org("org_node");
    assert_int_equal(ask("org_node", "GET /v1/nodes", NULL).status, 200);
}

/* F12: what was damaged on disk disables its own organisation and no other. */
static void damaged_rows_are_not_enforced(void **state)
{
    (void)state;
    make_org("org_bad");
    make_org("org_good");
    ask("org_bad", "POST /governance", HIPAA);
    ask("org_good", "POST /governance", HIPAA);
    sql("ALTER TABLE portcullis.policy_versions DISABLE TRIGGER version_guard");
    sql("UPDATE portcullis.policy_versions SET body = replace(body, '\"block\"', '\"allow\"'), "
        "sha256 = sha256(convert_to(replace(body, '\"block\"', '\"allow\"'), 'UTF8')) "
        "WHERE org_id = 'org_bad'");
    sql("ALTER TABLE portcullis.policy_versions ENABLE TRIGGER version_guard");
    struct store_loaded *l = load(0);
    assert_int_equal(org_in(l, "org_bad")->err, ERR_CORRUPT);
    assert_true(org_in(l, "org_bad")->issue.message[0] != '\0');
    assert_int_equal(org_in(l, "org_good")->err, ERR_OK);
    store_loaded_free(l);
    /* The hash alone catches a body changed behind its back. */
    PGresult *r = PQexec(super, "UPDATE portcullis.policy_versions SET body = body || ' ' "
                                "WHERE org_id = 'org_good'");
    assert_int_not_equal(PQresultStatus(r), PGRES_COMMAND_OK);
    PQclear(r);
}

static void audit_is_listed_by_filter(void **state)
{
    (void)state;
    make_org("org_aud");
    assert_int_equal(store_audit_prepare(store), ERR_OK);
    sql("INSERT INTO portcullis.audit_decisions (org_id, day, request_id, unix_ms, decision, policy,"
        " rule, reason, user_name, environment, violations) SELECT 'org_aud', '2025-01-10',"
        " 'req_' || lpad(i::text, 26, '0'), 1736519400000 + i, CASE WHEN i % 2 = 0 THEN 'block' "
        "ELSE 'allow' END, 'dev_team_restrictions', 'content_filter', 'Pattern matched: api_key',"
        " 'dev@acme.com', 'development', CASE WHEN i % 2 = 0 THEN "
        "'[{\"severity\":\"security_event\",\"message\":\"m\"}]' ELSE '[]' END "
        "FROM generate_series(1, 10) i");
    struct reply r = ask("org_aud", "GET /v1/audit?limit=4", NULL);
    assert_int_equal(r.status, 200);
    yyjson_val *first = yyjson_arr_get_first(json_get(r.json, STR("data")));
    assert_true(str_eq(json_str(json_get(first, STR("request_id"))),
                       STR("req_00000000000000000000000010")));
    assert_true(str_eq(json_str(json_get(first, STR("user"))), STR("dev@acme.com"))); /* S4-38 */
    assert_true(str_eq(json_str(json_get(first, STR("reason"))), STR("Pattern matched: api_key")));
    const char *next = text_of(r, "next_cursor");
    r = ask("org_aud", arena_printf(&arena, "GET /v1/audit?limit=100&cursor=%s", next).ptr, NULL);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 6);
    r = ask("org_aud", "GET /v1/audit?decision=block&user=dev%40acme.com&environment=development"
                       "&since=2025-01-10T00:00:00Z&until=2025-01-11T00:00:00Z", NULL);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 5);
    r = ask("org_aud", "GET /v1/audit?since=2025-01-11T00:00:00Z", NULL);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 0);
    r = ask("org_aud", "GET /v1/security-events", NULL); /* S3-6 */
    assert_int_equal(r.status, 200);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 5);
}

/* ---- faults --------------------------------------------------------------------------------------------- */

/* F4: a lock is waited for no longer than the deadline, and nothing is changed. */
static void a_locked_table_is_a_timeout(void **state)
{
    (void)state;
    make_org("org_lock");
    sql("BEGIN; LOCK TABLE portcullis.teams IN ACCESS EXCLUSIVE MODE");
    struct reply r = ask("org_lock", "POST /v1/teams", "{\"name\":\"x\"}");
    sql("ROLLBACK");
    assert_int_equal(r.status, 503);
    r = ask("org_lock", "GET /v1/teams", NULL);
    for (int i = 0; i < 100 && r.status == 503; i++) { /* the backoff of the dropped connection */
        usleep(20000);
        r = ask("org_lock", "GET /v1/teams", NULL);
    }
    assert_int_equal(r.status, 200);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 0);
}

/* F3: a frozen server answers nothing; every call still ends. */
static void a_frozen_server_is_a_timeout(void **state)
{
    (void)state;
    make_org("org_ice");
    ask("org_ice", "GET /v1/teams", NULL);
    server_signal(&server, SIGSTOP);
    struct reply r = ask("org_ice", "GET /v1/teams", NULL);
    struct store_loaded *l = NULL;
    enum err e = store_load(store, 0, &l);
    enum err heard = ERR_OK;
    for (int i = 0; i < 20 && heard == ERR_OK; i++) {
        heard = store_listen_wait(store, 1500, -1);
    }
    server_signal(&server, SIGCONT);
    assert_int_equal(r.status, 503);
    assert_int_not_equal(e, ERR_OK);
    assert_true(heard == ERR_TIMEOUT || heard == ERR_IO);
    for (int i = 0; i < 200 && r.status != 200; i++) {
        usleep(50000);
        r = ask("org_ice", "GET /v1/teams", NULL);
    }
    assert_int_equal(r.status, 200);
}

static void a_nul_is_refused_not_cut(void **state)
{
    (void)state;
    make_org("org_nul");
    struct reply r = ask("org_nul", "POST /governance", "{\"name\":\"a\\u0000b\",\"rules\":{}}");
    assert_int_equal(r.status, 400);
    r = ask("org_nul", "POST /v1/teams", "{\"name\":\"a'; DROP TABLE portcullis.teams; --\"}");
    assert_int_equal(r.status, 400);
    r = ask("org_nul", "GET /v1/audit?user=x'%20OR%201=1--", NULL);
    assert_int_equal(r.status, 200);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 0);
}

static int reset(void **state)
{
    (void)state;
    arena_reset(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(migrations_go_up_and_down_and_up, reset),
        cmocka_unit_test_setup(migrations_refuse_a_changed_text, reset),
        cmocka_unit_test_setup(governance_policies_live, reset),
        cmocka_unit_test_setup(versions_are_kept_and_come_back, reset),
        cmocka_unit_test_setup(compliance_and_validate_answer, reset),
        cmocka_unit_test_setup(keys_are_made_rotated_revoked, reset),
        cmocka_unit_test_setup(roles_cannot_be_climbed, reset),
        cmocka_unit_test_setup(credentials_are_sealed_and_bound, reset),
        cmocka_unit_test_setup(tenants_do_not_see_each_other, reset),
        cmocka_unit_test_setup(rows_are_walled_by_the_database, reset),
        cmocka_unit_test_setup(changes_are_numbered_and_loaded, reset),
        cmocka_unit_test_setup(notices_are_heard_and_gaps_too, reset),
        cmocka_unit_test_setup(nodes_report_what_they_enforce, reset),
        cmocka_unit_test_setup(damaged_rows_are_not_enforced, reset),
        cmocka_unit_test_setup(audit_is_listed_by_filter, reset),
        cmocka_unit_test_setup(a_nul_is_refused_not_cut, reset),
        cmocka_unit_test_setup(a_locked_table_is_a_timeout, reset),
        cmocka_unit_test_setup(a_frozen_server_is_a_timeout, reset),
    };
    static const uint8_t master[32] = {1, 2, 3};
    struct issue issue = {0};
    if (!server_start(&server)) {
        printf("skipped: no PostgreSQL server binaries in /usr/lib/postgresql\n");
        return 77;
    }
    arena_init(&arena, (size_t)256 << 20);
    read_file("providers.json", &providers);
    read_file("models.json", &models);
    if (route_catalog_new(buf_str(&providers), buf_str(&models), &catalog, &issue) != ERR_OK) {
        fprintf(stderr, "catalogue: %s %s\n", issue.pointer, issue.message);
        return 1;
    }
    store_secrets_derive(master, &secrets);
    struct store_options options = {.dsn = server.owner_dsn, .secrets = secrets,
                                    .catalog = catalog, .is_operator = true, .query_ms = 1000,
                                    .load_ms = 3000, .connect_ms = 2000};
    if (store_open(&options, &store, &issue) != ERR_OK) {
        return 1;
    }
    super = PQconnectdb(server.super_dsn);
    int failed = cmocka_run_group_tests_name("store", tests, NULL, NULL);
    PQfinish(super);
    store_close(store);
    route_catalog_free(catalog);
    buf_fini(&providers);
    buf_fini(&models);
    arena_fini(&arena);
    server_stop(&server);
    return failed;
}
