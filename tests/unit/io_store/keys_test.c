/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys against a real PostgreSQL: what contradicts itself is refused by the API and by the
 * database, rows from before that rule can still be mended and revoked, and what a key
 * takes from its user and its project is what a gateway loads.
 */
#include "harness.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *param_of(struct reply r)
{
    struct str s = json_str(json_get(json_get(r.json, STR("error")), STR("param")));
    return s.ptr != NULL ? arena_str(&arena, s).ptr : "";
}

static void expect_refused(struct reply r, const char *param)
{
    if (r.status != 400 || strcmp(error_code(r), "invalid_value") != 0 ||
        strcmp(param_of(r), param) != 0) {
        fail_msg("%u %.*s, not about %s", r.status, STR_ARG(r.body), param);
    }
}

static const char *make_key(const char *org, const char *members)
{
    const char *body = arena_printf(&arena, "{\"name\":\"k\"%s}", members).ptr;
    struct reply r = ask(org, "POST /v1/keys", body);
    if (r.status != 201) {
        fail_msg("%s: %u %.*s", body, r.status, STR_ARG(r.body));
    }
    return text_of(r, "id");
}

static struct reply patch_key(const char *org, const char *id, const char *body)
{
    return ask(org, line_of("PATCH", "/v1/keys/", id, ""), body);
}

static void a_key_that_ends_before_it_begins_is_refused(void **state)
{
    (void)state;
    static const char *const periods[] = {
        "\"not_before\":\"2030-01-02T00:00:00Z\",\"expires_at\":\"2030-01-01T00:00:00Z\"",
        "\"not_before\":\"2030-01-01T00:00:00Z\",\"expires_at\":\"2030-01-01T00:00:00Z\"",
        "\"not_before\":\"2030-01-01T00:00:00Z\",\"expires_at\":\"2030-01-01T01:00:00+01:00\"",
    };
    make_org("org_period");
    for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
        const char *body = arena_printf(&arena, "{\"name\":\"k\",%s}", periods[i]).ptr;
        expect_refused(ask("org_period", "POST /v1/keys", body), "/expires_at");
    }
    assert_string_equal(sql("SELECT count(*) FROM portcullis.api_keys WHERE org_id = 'org_period'"),
                        "0");
    /* One of the two at a time, against the one that is stored. */
    const char *id = make_key("org_period", ",\"not_before\":\"2030-01-01T00:00:00Z\"");
    expect_refused(patch_key("org_period", id, "{\"expires_at\":\"2030-01-01T00:00:00Z\"}"),
                   "/expires_at");
    assert_int_equal(
        patch_key("org_period", id, "{\"expires_at\":\"2030-01-02T00:00:00Z\"}").status, 200);
    expect_refused(patch_key("org_period", id, "{\"not_before\":\"2030-01-03T00:00:00Z\"}"),
                   "/not_before");
    struct reply r = ask("org_period", line_of("GET", "/v1/keys/", id, ""), NULL);
    assert_string_equal(text_of(r, "not_before"), "2030-01-01T00:00:00Z");
    assert_string_equal(text_of(r, "expires_at"), "2030-01-02T00:00:00Z");
    /* Both together, and either end left open. */
    assert_int_equal(patch_key("org_period", id,
                               "{\"not_before\":\"2031-01-01T00:00:00Z\",\"expires_at\":"
                               "\"2031-01-02T00:00:00Z\"}")
                         .status,
                     200);
    assert_int_equal(patch_key("org_period", id,
                               "{\"not_before\":\"2032-01-01T00:00:00Z\",\"expires_at\":null}")
                         .status,
                     200);
}

static void a_key_pinned_to_a_slot_it_may_not_select_is_refused(void **state)
{
    (void)state;
    make_org("org_pin");
    expect_refused(
        ask("org_pin", "POST /v1/keys", "{\"name\":\"k\",\"slots\":[1,2],\"pinned_slot\":3}"),
        "/pinned_slot");
    expect_refused(
        ask("org_pin", "POST /v1/keys", "{\"name\":\"k\",\"slots\":[1,12],\"pinned_slot\":2}"),
        "/pinned_slot");
    assert_string_equal(sql("SELECT count(*) FROM portcullis.api_keys WHERE org_id = 'org_pin'"),
                        "0");
    const char *id = make_key("org_pin", ",\"slots\":[1,2],\"pinned_slot\":2");
    expect_refused(patch_key("org_pin", id, "{\"pinned_slot\":3}"), "/pinned_slot");
    expect_refused(patch_key("org_pin", id, "{\"slots\":[1]}"), "/slots");
    expect_refused(patch_key("org_pin", id, "{\"slots\":[1],\"pinned_slot\":4}"), "/pinned_slot");
    assert_string_equal(sql("SELECT slots || ' ' || pinned_slot FROM portcullis.api_keys "
                            "WHERE org_id = 'org_pin'"),
                        "[1,2] 2");
    assert_int_equal(patch_key("org_pin", id, "{\"slots\":[3],\"pinned_slot\":3}").status, 200);
    assert_int_equal(patch_key("org_pin", id, "{\"slots\":null,\"pinned_slot\":7}").status, 200);
    assert_int_equal(patch_key("org_pin", id, "{\"slots\":[1],\"pinned_slot\":null}").status, 200);
}

static const char *refused_by(const char *statement)
{
    PGresult *r = PQexec(super, statement);
    const char *name = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
    const char *copy = arena_str(&arena, str_from(name != NULL ? name : "nothing")).ptr;
    PQclear(r);
    return copy;
}

static void the_database_refuses_what_contradicts_itself(void **state)
{
    (void)state;
    make_org("org_check");
    (void)make_key("org_check", "");
#define SET "UPDATE portcullis.api_keys SET "
#define OF " WHERE org_id = 'org_check'"
    assert_string_equal(refused_by(SET "not_before = now(), expires_at = now()" OF),
                        "api_keys_period");
    assert_string_equal(refused_by(SET "slots = '[1, 2]', pinned_slot = 3" OF), "api_keys_pinned");
    assert_string_equal(refused_by(SET "slots = '[1, 2]', pinned_slot = 2" OF), "nothing");
    assert_string_equal(refused_by(SET "not_before = now(), expires_at = now() + '1s'" OF),
                        "nothing");
}

/* Rows of a database that is older than the rule: they stay, can be revoked and mended, and
 * no other change of them is taken. */
static void older_contradictions_can_be_mended_and_revoked(void **state)
{
    (void)state;
    struct store_migrate_report report;
    struct issue issue = {0};
    make_org("org_old");
    const char *period = make_key("org_old", ""), *pinned = make_key("org_old", "");
    const char *gone = make_key("org_old", "");
    assert_int_equal(store_migrate_down(store, 8, false, &report, &issue), ERR_OK);
    sql("UPDATE portcullis.api_keys SET not_before = '2030-01-02Z', expires_at = '2030-01-01Z',"
        " slots = '[1]', pinned_slot = 2 WHERE org_id = 'org_old'");
    migrate();
    struct store_loaded *l = load(0);
    assert_int_equal(org_in(l, "org_old")->err, ERR_OK);
    assert_int_equal(org_in(l, "org_old")->rows.keys_count, 3);
    store_loaded_free(l);

    assert_int_equal(ask("org_old", line_of("DELETE", "/v1/keys/", gone, ""), NULL).status, 204);
    struct reply r = ask("org_old", line_of("POST", "/v1/keys/", period, "/rotate"), "{}");
    assert_int_equal(r.status, 400);
    assert_string_equal(error_code(r), "invalid_value");
    assert_int_equal(json_get(r.json, STR("key")) == NULL, true);
    assert_int_equal(patch_key("org_old", pinned, "{\"name\":\"other\"}").status, 400);
    assert_int_equal(
        patch_key("org_old", period, "{\"expires_at\":null,\"pinned_slot\":1}").status, 200);
    assert_int_equal(
        ask("org_old", line_of("POST", "/v1/keys/", period, "/rotate"), "{}").status, 200);
}

/* ---- what a gateway loads ----------------------------------------------------------- */

static const struct policy_key_row *key_in(const struct store_loaded *l, const char *org,
                                           const char *id)
{
    const struct policy_org_rows *rows = &org_in(l, org)->rows;
    for (size_t i = 0; i < rows->keys_count; i++) {
        if (str_eq(rows->keys[i].id, str_from(id))) {
            return &rows->keys[i];
        }
    }
    fail_msg("no key %s", id);
    return NULL;
}

/* In the order of what they may: an auditor reads what a member does not. */
static void a_key_may_never_more_than_its_user(void **state)
{
    (void)state;
    static const char *const roles[] = {"member", "auditor", "admin", "owner"};
    const char *ids[4][4];
    make_org("org_bound");
    for (size_t u = 0; u < 4; u++) {
        const char *body = arena_printf(&arena, "{\"email\":\"%s@acme.com\",\"role\":\"%s\"}",
                                        roles[u], roles[u])
                               .ptr;
        const char *user = text_of(ask("org_bound", "POST /v1/users", body), "id");
        for (size_t k = 0; k < 4; k++) {
            ids[u][k] = make_key("org_bound",
                                 arena_printf(&arena, ",\"user_id\":\"%s\",\"role\":\"%s\"", user,
                                              roles[k])
                                     .ptr);
        }
    }
    const char *alone = make_key("org_bound", ",\"role\":\"auditor\"");
    const char *none = make_key("org_bound", "");
    struct store_loaded *l = load(0);
    for (size_t u = 0; u < 4; u++) {
        for (size_t k = 0; k < 4; k++) {
            struct str role = key_in(l, "org_bound", ids[u][k])->role;
            if (!str_eq(role, str_from(roles[u < k ? u : k]))) {
                fail_msg("a key %s of a user %s: %.*s", roles[k], roles[u], STR_ARG(role));
            }
        }
    }
    assert_true(str_eq(key_in(l, "org_bound", alone)->role, STR("auditor")));
    assert_true(str_eq(key_in(l, "org_bound", none)->role, STR("member")));
    store_loaded_free(l);
}

static void expect_pairs(const struct policy_key_row *k, const char *wanted)
{
    struct buf b;
    buf_init(&b, 1024);
    for (size_t i = 0; i < k->metadata_count; i++) {
        buf_printf(&b, "%.*s=%.*s ", STR_ARG(k->metadata[i].name), STR_ARG(k->metadata[i].value));
    }
    if (!str_eq(buf_str(&b), str_from(wanted))) {
        fail_msg("'%.*s', not '%s'", STR_ARG(buf_str(&b)), wanted);
    }
    buf_fini(&b);
}

/* What a project says holds for its keys: a policy that matches metadata or is a team's
 * reaches them too. The key's own comes first. */
static void a_key_has_what_its_project_says(void **state)
{
    (void)state;
    make_org("org_proj");
    ask("org_proj", "POST /v1/teams", "{\"name\":\"blue\"}");
    ask("org_proj", "POST /v1/teams", "{\"name\":\"red\"}");
    assert_int_equal(ask("org_proj", "POST /v1/projects",
                         "{\"name\":\"p\",\"team\":\"blue\",\"metadata\":"
                         "{\"data\":\"phi\",\"cost\":\"7\"}}")
                         .status,
                     201);
    const char *user = text_of(ask("org_proj", "POST /v1/users",
                                   "{\"email\":\"a@b.c\",\"team\":\"red\"}"),
                               "id");
    const char *plain = make_key("org_proj", ",\"project\":\"p\"");
    const char *own = make_key("org_proj", ",\"project\":\"p\",\"team\":\"red\",\"metadata\":"
                                           "{\"cost\":\"9\",\"owner\":\"x\"}");
    const char *through = make_key(
        "org_proj", arena_printf(&arena, ",\"project\":\"p\",\"user_id\":\"%s\"", user).ptr);
    const char *outside = make_key("org_proj", ",\"metadata\":{\"cost\":\"1\"}");
    struct store_loaded *l = load(0);
    expect_pairs(key_in(l, "org_proj", plain), "data=phi cost=7 ");
    expect_pairs(key_in(l, "org_proj", own), "cost=9 owner=x data=phi ");
    expect_pairs(key_in(l, "org_proj", through), "data=phi cost=7 ");
    expect_pairs(key_in(l, "org_proj", outside), "cost=1 ");
    assert_true(str_eq(key_in(l, "org_proj", plain)->team, STR("blue")));
    assert_true(str_eq(key_in(l, "org_proj", own)->team, STR("red")));
    assert_true(str_eq(key_in(l, "org_proj", through)->team, STR("red")));
    assert_int_equal(key_in(l, "org_proj", outside)->team.len, 0);
    store_loaded_free(l);
}

/* Never good before the moment that was said, nor after it. */
static void a_time_is_rounded_to_the_stricter_second(void **state)
{
    (void)state;
    make_org("org_round");
    const char *id = make_key("org_round", ",\"not_before\":\"2030-01-01T00:00:00.4Z\","
                                           "\"expires_at\":\"2030-01-02T00:00:00.9Z\"");
    struct store_loaded *l = load(0);
    assert_int_equal(key_in(l, "org_round", id)->not_before_s, 1893456001);
    assert_int_equal(key_in(l, "org_round", id)->expires_at_s, 1893542400);
    store_loaded_free(l);
}

/* 0 stands for "never" in what is loaded: the first second of 1970, a popular way of saying
 * "long ago", must not become it. */
static void an_end_in_1970_is_an_end(void **state)
{
    (void)state;
    make_org("org_1970");
    const char *id = make_key("org_1970", ",\"expires_at\":\"1970-01-01T00:00:00.5Z\"");
    assert_int_equal(ask("org_1970", "POST /v1/attestations",
                         "{\"provider\":\"groq\",\"attribute\":\"baa\",\"value\":true,"
                         "\"valid_from\":\"1969-01-01T00:00:00Z\","
                         "\"valid_until\":\"1970-01-01T00:00:00Z\"}")
                         .status,
                     201);
    struct store_loaded *l = load(0);
    assert_int_equal(key_in(l, "org_1970", id)->expires_at_s, -1);
    assert_int_equal(org_in(l, "org_1970")->rows.attestations_count, 1);
    assert_int_equal(org_in(l, "org_1970")->rows.attestations[0].valid_until_s, -1);
    store_loaded_free(l);
    struct reply r = ask("org_1970", "GET /v1/providers", NULL);
    yyjson_val *list = json_get(r.json, STR("data"));
    for (size_t i = 0; i < yyjson_arr_size(list); i++) {
        yyjson_val *p = yyjson_arr_get(list, i);
        if (str_eq(json_str(json_get(p, STR("slug"))), STR("groq"))) {
            assert_false(json_bool(json_get(p, STR("baa")), false));
            return;
        }
    }
    fail_msg("no groq");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_key_that_ends_before_it_begins_is_refused, reset),
        cmocka_unit_test_setup(a_key_pinned_to_a_slot_it_may_not_select_is_refused, reset),
        cmocka_unit_test_setup(the_database_refuses_what_contradicts_itself, reset),
        cmocka_unit_test_setup(older_contradictions_can_be_mended_and_revoked, reset),
        cmocka_unit_test_setup(a_key_may_never_more_than_its_user, reset),
        cmocka_unit_test_setup(a_key_has_what_its_project_says, reset),
        cmocka_unit_test_setup(a_time_is_rounded_to_the_stricter_second, reset),
        cmocka_unit_test_setup(an_end_in_1970_is_an_end, reset),
    };
    if (!harness_open()) {
        return 77;
    }
    migrate();
    int failed = cmocka_run_group_tests_name("keys", tests, NULL, NULL);
    harness_close();
    return failed;
}
