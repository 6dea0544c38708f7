/* SPDX-License-Identifier: Apache-2.0
 *
 * Views of one store: a body is read in the shape it has, a policy is shown and changed
 * in the shape it was written in or in the one asked for, and S1's answers have S1's
 * envelope. No database: results are made by hand.
 */
#include "portcullis/manage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static struct manage_command command;
static struct manage_refusal refusal;
static struct manage_answer answer;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)64 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static enum err parse(enum wire_method method, const char *path, const char *body)
{
    struct manage_caller who = {.org = STR("org_a"), .role = MANAGE_OWNER, .may_manage = true};
    struct str rest = str_from(path);
    struct manage_request r = {.method = method,
                               .caller = &who,
                               .body = str_from(body),
                               .content_type = STR("application/json")};
    r.path = str_cut(&rest, '?');
    r.query = rest;
    return manage_parse(&arena, &r, NULL, &command, &refusal);
}

static void must(enum wire_method method, const char *path, const char *body)
{
    if (parse(method, path, body) != ERR_OK) {
        fail_msg("%s: %s %s", path, refusal.param, refusal.message);
    }
}

static const char *rendered(const struct manage_result *result)
{
    manage_render(&arena, &command, ERR_OK, result, NULL, &answer);
    return arena_str(&arena, answer.body).ptr;
}

static const char *header(const char *name)
{
    for (size_t i = 0; i < answer.headers_count; i++) {
        if (str_eq(answer.headers[i].name, str_from(name))) {
            return arena_str(&arena, answer.headers[i].value).ptr;
        }
    }
    return "";
}

/* The policy a create makes, as the store would hand it back. */
static struct policy made(const char *path, const char *body)
{
    must(WIRE_POST, path, body);
    assert_true(command.has_policy);
    assert_int_equal(command.kind, MANAGE_POLICY_CREATE);
    struct policy p = command.policy;
    p.id = STR("01AB");
    p.org_id = STR("org_a");
    return p;
}

#define S1                                                                                         \
    "{\"name\":\"one\",\"rules\":[{\"type\":\"model_restriction\",\"allowedModels\":["             \
    "\"gpt-4o\"],\"action\":\"block\"}]}"
#define S2                                                                                         \
    "{\"name\":\"two\",\"policy_type\":\"routing\",\"config\":{\"provider_allow_list\":["          \
    "\"google\"]}}"
#define S4                                                                                         \
    "{\"policy_name\":\"four\",\"rules\":[{\"type\":\"model_access\",\"models\":["                 \
    "\"gpt-4o\"]}]}"
#define NATIVE "{\"name\":\"own\",\"scope\":{\"level\":\"org\"},\"rules\":[]}"

static void test_S2_71_S4_44_the_shape_is_found_in_the_body(void **state)
{
    (void)state;
    static const struct {
        const char *path, *body;
        enum policy_origin origin;
        const char *begin, *location;
    } cases[] = {
        {"/api/v1/policies", S1, POLICY_RULES, "{\"data\":{\"id\":\"policy_01AB\",\"name\"",
         "/api/v1/policies/policy_01AB"},
        {"/v1/policies", S2, POLICY_CONFIG,
         "{\"id\":\"pol_01AB\",\"name\":\"two\",\"policy_type\"",
         "/v1/policies/pol_01AB"},
        {"/v1/policies", S4, POLICY_ENFORCEMENT, "{\"id\":\"pol_01AB\",\"policy_name\":\"four\"",
         "/v1/policies/pol_01AB"},
        {"/v1/policies", NATIVE, POLICY_NATIVE, "{\"id\":\"pol_01AB\",\"org_id\":\"org_a\"",
         "/v1/policies/pol_01AB"},
        {"/v1/policies/from-template", "{\"slug\":\"google-only\"}", POLICY_CONFIG,
         "{\"id\":\"pol_01AB\",\"name\":\"Google Only\"", "/v1/policies/pol_01AB"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy p = made(cases[i].path, cases[i].body);
        assert_int_equal(p.origin, cases[i].origin);
        struct manage_result result = {.policies = &p, .policies_count = 1};
        const char *text = rendered(&result);
        assert_int_equal(answer.status, 201);
        if (strncmp(text, cases[i].begin, strlen(cases[i].begin)) != 0) {
            fail_msg("%s", text);
        }
        assert_string_equal(header("location"), cases[i].location);
        assert_string_equal(header("etag"), "\"1\"");
    }
    /* The rule list has a route of its own. */
    assert_int_equal(parse(WIRE_POST, "/v1/policies", S1), ERR_INVALID);
    assert_int_equal(parse(WIRE_POST, "/api/v1/policies", S4), ERR_INVALID);
    assert_int_equal(parse(WIRE_POST, "/api/v1/policies", NATIVE), ERR_INVALID);
}

static void test_C_3_each_in_its_own_shape_or_the_one_asked_for(void **state)
{
    (void)state;
    struct policy list[] = {made("/api/v1/policies", S1), made("/v1/policies", S2),
                            made("/v1/policies", S4), made("/v1/policies", NATIVE)};
    struct manage_result result = {.policies = list, .policies_count = 4};
    must(WIRE_GET, "/v1/policies", NULL);
    const char *text = rendered(&result);
    assert_non_null(strstr(text, "\"origin\":\"rules\""));
    assert_non_null(strstr(text, "\"config\":{\"provider_allow_list\""));
    assert_non_null(strstr(text, "\"policy_name\":\"four\""));
    assert_null(strstr(text, "x_unrendered"));
    must(WIRE_GET, "/v1/policies?view=native", NULL);
    text = rendered(&result);
    assert_non_null(strstr(text, "\"origin\":\"config\""));
    assert_null(strstr(text, "policy_name"));
    must(WIRE_GET, "/v1/policies?view=enforcement", NULL);
    text = rendered(&result);
    assert_non_null(strstr(text, "\"policy_name\":\"two\",\"status\":\"active\",\"version\":1,"
                                 "\"dialect\":\"config\",\"x_unrendered\":true}"));
    /* An empty list of rules for everybody can be said in this shape. */
    assert_non_null(strstr(text, "\"policy_name\":\"own\",\"rules\":[],\"active\":true"));
    must(WIRE_GET, "/api/v1/policies", NULL);
    text = rendered(&result);
    assert_non_null(strstr(text, "\"name\":\"four\",\"status\":\"active\",\"version\":1,"
                                 "\"dialect\":\"enforcement\",\"x_unrendered\":true}"));
    assert_int_equal(parse(WIRE_GET, "/v1/policies?view=nope", NULL), ERR_INVALID);
    assert_string_equal(refusal.param, "view");
    assert_int_equal(parse(WIRE_GET, "/governance?view=native", NULL), ERR_INVALID);
    assert_int_equal(parse(WIRE_GET, "/v1/policies/x?limit=1", NULL), ERR_INVALID);
}

/* C-17: every prefix names the same policy on every route. */
static void test_C_17_every_prefix_on_every_route(void **state)
{
    (void)state;
    static const char *const routes[] = {"/governance", "/v1/policies", "/api/v1/policies"};
    static const char *const prefixes[] = {"gpol_", "policy_", "pol_", ""};
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 4; k++) {
            char path[100];
            snprintf(path, sizeof(path), "%s/%s01AB", routes[i], prefixes[k]);
            must(WIRE_GET, path, NULL);
            assert_true(str_eq(command.id, STR("01AB")));
        }
    }
}

static enum err change(const char *path, const char *body, const struct policy *stored,
                       struct policy *ret)
{
    must(WIRE_PATCH, path, body);
    return manage_policy_patch(&arena, &command, stored, &(struct policy_build){.now_s = 0}, ret,
                               &refusal);
}

static void test_a_change_is_read_in_the_shape_shown(void **state)
{
    (void)state;
    struct policy two = made("/v1/policies", S2), four = made("/v1/policies", S4), p;
    two.status = four.status = POLICY_DRAFT; /* not compiled here: there is no catalogue */
    assert_int_equal(change("/v1/policies/x", "{\"config\":{\"on_violation\":\"warn\"}}", &two, &p),
                     ERR_OK);
    assert_int_equal(p.rules[0].effect, POLICY_WARN);
    assert_int_equal(change("/v1/policies/x", "{\"rules\":[]}", &two, &p), ERR_INVALID);
    assert_string_equal(refusal.param, "/rules");
    assert_int_equal(change("/v1/policies/x?view=native", "{\"rules\":[]}", &two, &p), ERR_OK);
    assert_int_equal(p.rules_count, 0);
    assert_int_equal(change("/v1/policies/x",
                            "{\"rules\":[{\"type\":\"compliance\",\"frameworks\":[\"soc2\"]}]}",
                            &four, &p),
                     ERR_OK);
    assert_int_equal(p.rules[0].type, POLICY_PROVIDER_REQUIREMENT);
    assert_int_equal(change("/v1/policies/x", "{\"rules\":[{\"type\":\"rate_limit\"}]}", &four, &p),
                     ERR_UNSUPPORTED);
    assert_int_equal(refusal.status, 422);
    assert_string_equal(refusal.code, "not_enforced");
    assert_int_equal(change("/api/v1/policies/x", "{\"name\":\"n\"}", &four, &p), ERR_CONFLICT);
    assert_int_equal(refusal.status, 409);
    /* What its own shape cannot say any more is shown, and changed, in canonical form. */
    four.is_shadow = true;
    assert_int_equal(change("/v1/policies/x", "{\"mode\":\"enforce\"}", &four, &p), ERR_OK);
    assert_false(p.is_shadow);
}

static void test_S1_9_S1_13_lists_have_pages(void **state)
{
    (void)state;
    struct policy list[5];
    struct manage_result result = {.policies = list, .policies_count = 5};
    char name[2] = "a";
    for (size_t i = 0; i < 5; i++) {
        list[i] = made("/api/v1/policies", S1);
        list[i].name = arena_str(&arena, str_from(name));
        name[0]++;
    }
    must(WIRE_GET, "/api/v1/policies?status=active", NULL);
    assert_true(str_eq(command.filter.status, STR("active")));
    assert_non_null(strstr(rendered(&result), "],\"meta\":{\"page\":1,\"pageSize\":100,\"total\":5,"
                                              "\"totalPages\":1}}"));
    must(WIRE_GET, "/api/v1/policies?page=2&pageSize=2", NULL);
    const char *text = rendered(&result);
    assert_non_null(strstr(text, "\"name\":\"c\""));
    assert_non_null(strstr(text, "\"name\":\"d\""));
    assert_null(strstr(text, "\"name\":\"b\""));
    assert_null(strstr(text, "\"name\":\"e\""));
    assert_non_null(strstr(text, "{\"page\":2,\"pageSize\":2,\"total\":5,\"totalPages\":3}"));
    must(WIRE_GET, "/api/v1/policies?page=9", NULL);
    assert_non_null(strstr(rendered(&result), "{\"data\":[],\"meta\":{\"page\":9,"));
    static const char *const wrong[] = {"status=live", "page=0", "pageSize=1001", "page=x",
                                        "view=native"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char path[100];
        snprintf(path, sizeof(path), "/api/v1/policies?%s", wrong[i]);
        assert_int_equal(parse(WIRE_GET, path, NULL), ERR_INVALID);
        assert_int_equal(refusal.status, 400);
    }
    for (int s = 0; s <= POLICY_ARCHIVED; s++) {
        char path[100];
        snprintf(path, sizeof(path), "/api/v1/policies?status=%s",
                 policy_status_name((enum policy_status)s));
        must(WIRE_GET, path, NULL);
    }
}

static void test_S1_13_errors(void **state)
{
    (void)state;
    struct manage_result result = {0};
    assert_int_equal(parse(WIRE_POST, "/api/v1/policies",
                           "{\"name\":\"n\",\"rules\":[{\"type\":\"token_limit\",\"maxTokens\":"
                           "2000,\"action\":\"block\"}]}"),
                     ERR_UNSUPPORTED);
    result.refusal = refusal;
    manage_render(&arena, &command, ERR_UNSUPPORTED, &result, NULL, &answer);
    assert_int_equal(answer.status, 422);
    const char *text = arena_str(&arena, answer.body).ptr;
    assert_non_null(strstr(text, "\"code\":\"not_enforced\""));
    assert_non_null(strstr(text, "\"statusCode\":422,\"details\":[{\"pointer\":\"/rules/0/type\","
                                 "\"message\":\"the rule type 'token_limit' is not enforced"));
    assert_int_equal(parse(WIRE_POST, "/v1/policies", "{\"config\":1}"), ERR_INVALID);
    result.refusal = refusal;
    manage_render(&arena, &command, ERR_INVALID, &result, NULL, &answer);
    assert_null(strstr(arena_str(&arena, answer.body).ptr, "statusCode"));
}

static struct manage_version version_of(unsigned number, const struct policy *p, bool is_active)
{
    struct buf body;
    buf_init(&body, 100000);
    codec_canonical_write(&body, p);
    struct manage_version v = {.version = number,
                               .parent = number - 1,
                               .is_active = is_active,
                               .author = STR("a@b.c"),
                               .created_at = STR("2025-01-10T14:30:00Z"),
                               .activated_at = STR("2025-01-10T14:30:01Z"),
                               .body = arena_str(&arena, buf_str(&body))};
    buf_fini(&body);
    return v;
}

/* S1-24..S1-27: rules and changes, activation date, rollback capability. */
static void test_S1_24_S1_25_S1_26_S1_27_versions(void **state)
{
    (void)state;
    struct policy one = made("/api/v1/policies", S1);
    struct policy two = made("/api/v1/policies",
                             "{\"name\":\"one\",\"rules\":[{\"type\":\"model_restriction\","
                             "\"allowedModels\":[\"gpt-4o-mini\"],\"action\":\"block\"},{\"type\":"
                             "\"model_restriction\",\"allowedModels\":[\"gpt-4o\"],\"action\":"
                             "\"warn\",\"id\":\"w\"}]}");
    struct policy three = made("/api/v1/policies", "{\"name\":\"3\",\"rules\":[]}");
    struct policy four = three;
    four.is_locked = true; /* which this dialect cannot say */
    struct manage_version list[] = {version_of(4, &four, true), version_of(3, &three, false),
                                    version_of(2, &two, false), version_of(1, &one, false)};
    list[1].rolled_back_from = 1;
    struct manage_result result = {.versions = list, .versions_count = 4};
    must(WIRE_GET, "/api/v1/policies/x/versions", NULL);
    const char *text = rendered(&result);
    static const char *const wanted[] = {
        "{\"data\":[{\"version\":4,\"active\":true,\"name\":\"3\",\"author\":\"a@b.c\","
        "\"createdAt\":\"2025-01-10T14:30:00Z\",\"activatedAt\":\"2025-01-10T14:30:01Z\","
        "\"canRollback\":false,\"x_unrendered\":true}",
        "{\"version\":3,\"active\":false,\"name\":\"3\",\"rules\":[],\"changes\":{\"added\":[],"
        "\"removed\":[\"r1\",\"w\"],\"changed\":[],\"members\":[\"name\"]},",
        "\"rolledBackFrom\":1,\"canRollback\":true}",
        "\"changes\":{\"added\":[\"w\"],\"removed\":[],\"changed\":[\"r1\"],\"members\":[]}",
        "\"changes\":{\"added\":[\"r1\"],\"removed\":[],\"changed\":[],\"members\":[]}",
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (strstr(text, wanted[i]) == NULL) {
            fail_msg("%s\nnot in\n%s", wanted[i], text);
        }
    }
    /* One alone: there is nothing to compare it with. */
    result.versions = &list[2];
    result.versions_count = 1;
    must(WIRE_GET, "/api/v1/policies/x/versions/2", NULL);
    text = rendered(&result);
    assert_non_null(strstr(text, "{\"data\":{\"version\":2,"));
    assert_null(strstr(text, "changes"));
    /* A body of a later build is not guessed at. */
    list[2].body = STR("{\"id\":\"pol_1\",\"new\":1}");
    assert_non_null(strstr(rendered(&result), "\"canRollback\":true,\"x_unrendered\":true}}"));
}

static void test_S2_10_templates(void **state)
{
    (void)state;
    struct manage_result result = {0};
    must(WIRE_GET, "/v1/policies/templates", NULL);
    const char *text = rendered(&result);
    assert_non_null(strstr(text, "{\"templates\":[{\"slug\":\"budget-mode\""));
    assert_non_null(strstr(text, "\"slug\":\"custom-terms-filter\""));
    must(WIRE_GET, "/v1/policies/templates/no-openai", NULL);
    assert_non_null(strstr(rendered(&result), "{\"slug\":\"no-openai\",\"name\":\"No OpenAI\""));
    assert_int_equal(answer.status, 200);
    must(WIRE_GET, "/v1/policies/templates/hipaa-production", NULL);
    (void)rendered(&result);
    assert_int_equal(answer.status, 404);
    must(WIRE_GET, "/governance/templates/hipaa-production", NULL);
    assert_non_null(strstr(rendered(&result), "\"slug\":\"hipaa-production\""));
}

/* Every body that the interface's own description shows is taken. */
static void test_more_examples_are_accepted(void **state)
{
    (void)state;
    size_t count, seen = 0;
    const struct manage_route *list = manage_routes(&count);
    for (size_t i = 0; i < count; i++) {
        for (const struct manage_example *e = list[i].more_examples; e != NULL && e->name != NULL;
             e++) {
            must(list[i].method, list[i].pattern, e->body);
            seen++;
        }
    }
    assert_int_equal(seen, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_S2_71_S4_44_the_shape_is_found_in_the_body),
        cmocka_unit_test(test_C_3_each_in_its_own_shape_or_the_one_asked_for),
        cmocka_unit_test(test_C_17_every_prefix_on_every_route),
        cmocka_unit_test(test_a_change_is_read_in_the_shape_shown),
        cmocka_unit_test(test_S1_9_S1_13_lists_have_pages),
        cmocka_unit_test(test_S1_13_errors),
        cmocka_unit_test(test_S1_24_S1_25_S1_26_S1_27_versions),
        cmocka_unit_test(test_S2_10_templates),
        cmocka_unit_test(test_more_examples_are_accepted),
    };
    return cmocka_run_group_tests_name("view", tests, set_up, tear_down);
}
