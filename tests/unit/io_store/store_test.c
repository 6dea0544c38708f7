/* SPDX-License-Identifier: Apache-2.0
 *
 * The store against a real PostgreSQL: migrations, and the commands of the
 * management API: policies, versions, keys, people, credentials.
 * Each test makes its own organisations, so their order does not matter, except that
 * migrations come first.
 */
#include "harness.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
        yyjson_arr_size(json_get(ask("org_gov", "GET /governance", NULL).json, STR("policies"))),
        2);

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
    assert_int_equal(
        ask("org_gov", line_of("PATCH", "/governance/", hipaa, ""), "{\"isDefault\":false}").status,
        409);
    r = ask("org_gov", line_of("PATCH", "/governance/", development, ""), "{\"isDefault\":true}");
    assert_int_equal(r.status, 200);
    r = ask("org_gov", line_of("GET", "/governance/", hipaa, ""), NULL);
    assert_false(json_bool(json_get(r.json, STR("isDefault")), true));
    assert_int_equal(ask("org_gov", line_of("DELETE", "/governance/", hipaa, ""), NULL).status,
                     204);
    assert_int_equal(ask("org_gov", line_of("GET", "/governance/", hipaa, ""), NULL).status, 404);
    /* The slot of a deleted policy is free again. */
    assert_int_equal(
        ask("org_gov", "POST /governance", "{\"name\":\"again\",\"tagSlot\":1,\"rules\":{}}")
            .status,
        201);
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
    assert_int_equal(
        ask("org_ver", line_of("GET", "/v1/policies/", id, "/versions/2"), NULL).status, 200);
    assert_int_equal(
        ask("org_ver", line_of("POST", "/v1/policies/", id, "/rollback"), "{\"version\":9}").status,
        404);
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

/* S0-36: the warning about `warn` goes by what the environment says of itself; a key of no
 * environment may be used in production. */
static void a_warning_goes_by_the_environment(void **state)
{
    (void)state;
    static const struct {
        const char *environment;
        bool is_warned;
    } table[] = {{"", true},      {"production", true}, {"live", true},
                 {"test", false}, {"nowhere", false},   {"other", false}};
    make_org("org_live");
    make_org("org_live2");
    ask("org_live", "POST /v1/environments", "{\"name\":\"live\",\"is_production\":true}");
    ask("org_live", "POST /v1/environments", "{\"name\":\"test\"}");
    ask("org_live2", "POST /v1/environments", "{\"name\":\"other\",\"is_production\":true}");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct manage_caller who = caller_of("org_live", MANAGE_MEMBER);
        who.environment = str_from(table[i].environment);
        struct reply r = ask_as(who, "POST /governance/validate",
                                "{\"rules\":{\"requireBaa\":true,\"enforcement\":\"warn\"}}", NULL);
        assert_int_equal(r.status, 200);
        bool is_warned = strstr(r.body.ptr, "only in development") != NULL;
        if (is_warned != table[i].is_warned) {
            fail_msg("%s: %.*s", table[i].environment, STR_ARG(r.body));
        }
    }
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
            enum err made = policy_org_new(
                &l->orgs[i].rows, &(struct policy_build){.catalog = catalog, .now_s = l->now_s},
                &orgs[count], &issue);
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
    struct reply user =
        ask("org_key", "POST /v1/users", "{\"email\":\"dev@acme.com\",\"role\":\"member\"}");
    assert_int_equal(user.status, 201);
    const char *body = arena_printf(&arena,
                                    "{\"name\":\"ci\",\"environment\":\"development\","
                                    "\"user_id\":\"%s\",\"role\":\"admin\","
                                    "\"scopes\":[\"call\",\"manage\"],\"slots\":[1,2]}",
                                    text_of(user, "id"))
                           .ptr;
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

    struct reply turned =
        ask("org_key", line_of("POST", "/v1/keys/", id, "/rotate"), "{\"grace_s\":600}");
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
    struct reply owner =
        ask("org_role", "POST /v1/users", "{\"email\":\"o@acme.com\",\"role\":\"owner\"}");
    struct reply member =
        ask("org_role", "POST /v1/users", "{\"email\":\"m@acme.com\",\"role\":\"member\"}");
    assert_int_equal(
        ask_as(admin, "POST /v1/users", "{\"email\":\"x@acme.com\",\"role\":\"owner\"}", NULL)
            .status,
        403);
    assert_int_equal(ask_as(admin, line_of("PATCH", "/v1/users/", text_of(member, "id"), ""),
                            "{\"role\":\"owner\"}", NULL)
                         .status,
                     403);
    assert_int_equal(
        ask_as(admin, line_of("DELETE", "/v1/users/", text_of(owner, "id"), ""), NULL, NULL).status,
        403);
    assert_int_equal(
        ask_as(admin, "POST /v1/keys", "{\"name\":\"k\",\"role\":\"owner\"}", NULL).status, 403);
    const char *through_user =
        arena_printf(&arena, "{\"name\":\"k\",\"user_id\":\"%s\"}", text_of(owner, "id")).ptr;
    assert_int_equal(ask_as(admin, "POST /v1/keys", through_user, NULL).status, 403);
    struct reply key = ask("org_role", "POST /v1/keys", through_user);
    assert_int_equal(key.status, 201);
    assert_int_equal(
        ask_as(admin, line_of("POST", "/v1/keys/", text_of(key, "id"), "/rotate"), "{}", NULL)
            .status,
        403);
    assert_int_equal(ask("org_role", line_of("PATCH", "/v1/users/", text_of(owner, "id"), ""),
                         "{\"role\":\"admin\"}")
                         .status,
                     409);
    assert_string_equal(sql("SELECT count(*) FROM portcullis.api_keys WHERE org_id = 'org_role'"),
                        "1"); /* the refused ones left nothing */
    struct reply twice = ask("org_role", "POST /v1/users", "{\"email\":\"M@acme.com\"}");
    assert_int_equal(twice.status, 409);
    assert_string_equal(error_code(twice), "email_taken");
}

/* ---- endpoints and credentials ----------------------------------------------------------------
 */

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
                            "FROM portcullis.provider_endpoints WHERE org_id = 'org_ep'"),
                        "0");
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
    assert_int_equal(
        ask("org_ep", line_of("DELETE", "/v1/provider-endpoints/", id, ""), NULL).status, 204);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(migrations_go_up_and_down_and_up, reset),
        cmocka_unit_test_setup(migrations_refuse_a_changed_text, reset),
        cmocka_unit_test_setup(governance_policies_live, reset),
        cmocka_unit_test_setup(versions_are_kept_and_come_back, reset),
        cmocka_unit_test_setup(compliance_and_validate_answer, reset),
        cmocka_unit_test_setup(a_warning_goes_by_the_environment, reset),
        cmocka_unit_test_setup(keys_are_made_rotated_revoked, reset),
        cmocka_unit_test_setup(roles_cannot_be_climbed, reset),
        cmocka_unit_test_setup(credentials_are_sealed_and_bound, reset),
    };
    if (!harness_open()) {
        return 77;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    harness_close();
    return failed;
}
