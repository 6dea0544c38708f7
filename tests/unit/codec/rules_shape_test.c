/* SPDX-License-Identifier: Apache-2.0
 *
 * The rule list dialect against the document's bodies (S1): what each rule becomes, what
 * is written back, and what is refused with its place and its name.
 */
#include "shape_support.h"

#define SHAPE (&codec_rules_shape)
#define POLICY(rules) "{\"name\":\"n\",\"rules\":[" rules "]}"
#define PII(more) "{\"type\":\"pii_detection\",\"action\":\"mask\"" more "}"

/* The document's own, without the rule that this version does not enforce. */
static const char created[] =
    "{\"name\":\"Production Safety Policy\",\"description\":\"Enforce fact-checking on all "
    "production calls\",\"rules\":[{\"type\":\"pii_detection\",\"action\":\"mask\",\"entities\":["
    "\"email\",\"phone\",\"ssn\"]},{\"type\":\"injection_detection\",\"action\":\"block\"}],"
    "\"active\":true}";

static void test_S1_6_S1_7_create_example(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(shape_parse(f, SHAPE, created), ERR_OK);
    f->policy.created_at_ms = f->policy.updated_at_ms = 1736519400000;
    codec_shape_write(SHAPE, &f->out, &f->policy);
    assert_string_equal(
        support_text(f),
        "{\"id\":\"policy_a1\",\"name\":\"Production Safety Policy\",\"description\":\"Enforce "
        "fact-checking on all production calls\",\"rules\":[{\"type\":\"pii_detection\","
        "\"action\":\"mask\",\"entities\":[\"email\",\"phone\",\"ssn\"]},{\"type\":"
        "\"injection_detection\",\"action\":\"block\"}],\"active\":true,\"status\":\"active\","
        "\"version\":1,\"createdAt\":\"2025-01-10T14:30:00Z\","
        "\"updatedAt\":\"2025-01-10T14:30:00Z\"}");
    assert_int_equal(f->policy.origin, POLICY_RULES);
    assert_int_equal(f->policy.level, POLICY_ORG);
    assert_int_equal(f->policy.priority, 100);
    assert_false(f->policy.is_slot_selected);
}

static void test_S1_15_pii_detection(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *action;
        enum policy_effect effect;
        enum content_effect content;
        enum scan_action_kind method;
        enum policy_severity severity;
    } cases[] = {{"mask", POLICY_MODIFY, CONTENT_MODIFY, SCAN_MASK, POLICY_LOG},
                 {"block", POLICY_BLOCK, CONTENT_BLOCK, SCAN_KEEP, POLICY_SECURITY_EVENT},
                 {"warn", POLICY_WARN, CONTENT_WARN, SCAN_KEEP, POLICY_VIOLATION}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[300];
        snprintf(body, sizeof(body),
                 POLICY("{\"type\":\"pii_detection\",\"action\":\"%s\",\"entities\":[\"email\","
                        "\"phone\",\"ssn\",\"credit_card\",\"passport\"]}"),
                 cases[i].action);
        assert_int_equal(shape_parse(f, SHAPE, body), ERR_OK);
        const struct policy_rule *rule = &f->policy.rules[0];
        assert_int_equal(rule->type, POLICY_PII);
        assert_int_equal(rule->effect, cases[i].effect);
        assert_int_equal(rule->severity, cases[i].severity);
        assert_int_equal(rule->stage, POLICY_BOTH); /* C-14 */
        assert_true(str_eq(rule->source_word, str_from(cases[i].action)));
        assert_true(str_eq(rule->key, STR("r1")));
        assert_int_equal(rule->content->kind, CONTENT_PII);
        assert_int_equal(rule->content->effect, cases[i].content);
        assert_int_equal(rule->content->stages, CONTENT_REQUEST | CONTENT_RESPONSE);
        assert_int_equal(rule->content->method, cases[i].method);
        assert_true(list_is(&rule->content->types,
                            "email,phone,ssn,ssn_no_dash,credit_card,passport"));
    }
}

/* C-13: ssn is both forms here, and is shown as it was said. */
static void test_C_13_ssn_is_both_forms(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *given, *kept, *shown;
    } cases[] = {
        {"\"ssn\"", "ssn,ssn_no_dash", "[\"ssn\"]"},
        {"\"SSN\",\"email\"", "SSN,ssn_no_dash,email", "[\"SSN\",\"email\"]"},
        {"\"ssn\",\"ssn_no_dash\"", "ssn,ssn_no_dash", "[\"ssn\"]"},
        {"\"ssn_no_dash\",\"ssn\"", "ssn_no_dash,ssn", "[\"ssn_no_dash\",\"ssn\"]"},
        {"\"ssn\",\"email\",\"ssn_no_dash\"", "ssn,email,ssn_no_dash",
         "[\"ssn\",\"email\",\"ssn_no_dash\"]"},
        {"\"ssn_no_dash\"", "ssn_no_dash", "[\"ssn_no_dash\"]"},
        {"\"ssn\",\"ssn\"", "ssn,ssn_no_dash,ssn", "[\"ssn\",\"ssn\"]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[300];
        snprintf(body, sizeof(body), POLICY(PII(",\"entities\":[%s]")), cases[i].given);
        yyjson_val *shown = support_json(f, shape_written(f, SHAPE, body));
        assert_true(list_is(&f->policy.rules[0].content->types, cases[i].kept));
        struct buf entities;
        buf_init(&entities, 1000);
        json_write_val(&entities, json_get(yyjson_arr_get_first(json_get(shown, STR("rules"))),
                                           STR("entities")));
        assert_true(str_eq(buf_str(&entities), str_from(cases[i].shown)));
        buf_fini(&entities);
        assert_null(json_get(shown, STR("x_unrendered")));
    }
}

/* Every type the scanner knows can be named. */
static void test_S1_15_every_known_entity(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < scan_detectors_count(); i++) {
        const struct scan_detector_info info = scan_detector_info(i);
        char body[300];
        snprintf(body, sizeof(body), POLICY(PII(",\"entities\":[\"%s\",\"%s\"]")), info.name,
                 info.type);
        assert_int_equal(shape_parse(f, SHAPE, body), ERR_OK);
    }
}

static void test_S1_16_injection_detection(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *action, *more;
        enum policy_effect effect;
        unsigned threshold;
    } cases[] = {{"block", "", POLICY_BLOCK, 0},
                 {"warn", "", POLICY_WARN, 0},
                 {"block", ",\"threshold\":0.8", POLICY_BLOCK, 800},
                 {"block", ",\"threshold\":1", POLICY_BLOCK, 1000},
                 {"warn", ",\"threshold\":0.055", POLICY_WARN, 55}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[300], shown[300];
        snprintf(body, sizeof(body),
                 POLICY("{\"type\":\"injection_detection\",\"action\":\"%s\"%s}"),
                 cases[i].action, cases[i].more);
        const char *text = shape_written(f, SHAPE, body);
        const struct policy_rule *rule = &f->policy.rules[0];
        assert_int_equal(rule->type, POLICY_INJECTION);
        assert_int_equal(rule->effect, cases[i].effect);
        assert_int_equal(rule->stage, POLICY_REQUEST);
        assert_int_equal(rule->content->stages, CONTENT_REQUEST);
        assert_int_equal(rule->content->threshold, cases[i].threshold);
        snprintf(shown, sizeof(shown), "{\"type\":\"injection_detection\",\"action\":\"%s\"",
                 cases[i].action);
        assert_non_null(strstr(text, shown));
        assert_null(strstr(text, "x_unrendered"));
        assert_true(strstr(text, "threshold") == NULL || cases[i].threshold != 0);
    }
    assert_non_null(strstr(shape_written(f, SHAPE,
                                         POLICY("{\"type\":\"injection_detection\",\"action\":"
                                                "\"block\",\"threshold\":0.25}")),
                           "\"threshold\":0.25}"));
    assert_non_null(strstr(shape_written(f, SHAPE,
                                         POLICY("{\"type\":\"injection_detection\",\"action\":"
                                                "\"block\",\"threshold\":1}")),
                           "\"threshold\":1.0}"));
}

static void test_S1_18_model_restriction(void **state)
{
    struct fixture *f = *state;
    const char *text = shape_written(f, SHAPE,
                                     POLICY("{\"type\":\"model_restriction\",\"allowedModels\":["
                                            "\"gpt-4o\",\"gpt-4-turbo\"],\"action\":\"block\"}"));
    const struct policy_rule *rule = &f->policy.rules[0];
    assert_int_equal(rule->type, POLICY_MODEL_LIST);
    assert_int_equal(rule->effect, POLICY_BLOCK);
    assert_int_equal(rule->stage, POLICY_SELECT);
    assert_int_equal(rule->allow.count, 2);
    assert_null(rule->content);
    assert_non_null(strstr(text, "\"rules\":[{\"type\":\"model_restriction\",\"allowedModels\":["
                                 "\"gpt-4o\",\"gpt-4-turbo\"],\"action\":\"block\"}]"));
}

/* S1-14, S1-17, S1-22, S1-23: named, never stored as if they ran. */
static void test_S1_14_S1_17_S1_22_S1_23_not_enforced_by_name(void **state)
{
    struct fixture *f = *state;
    static const struct refusal list[] = {
        {POLICY("{\"type\":\"fact_check\",\"threshold\":0.8,\"action\":\"block\"}"),
         "/rules/0/type", "'fact_check' is not enforced"},
        {POLICY(PII(",\"entities\":[\"email\"]") ",{\"type\":\"token_limit\",\"maxTokens\":2000,"
                                                 "\"action\":\"block\"}"),
         "/rules/1/type", "'token_limit' is not enforced"},
        {POLICY("{\"type\":\"pii_detection\",\"entities\":[\"email\"],\"action\":"
                "\"require_approval\"}"),
         "/rules/0/action", "'require_approval' is not enforced"},
        {POLICY("{\"type\":\"injection_detection\",\"action\":\"require_approval\"}"),
         "/rules/0/action", "'require_approval' is not enforced"},
        {POLICY("{\"type\":\"model_restriction\",\"allowedModels\":[\"gpt-4o\"],\"action\":"
                "\"require_approval\"}"),
         "/rules/0/action", "'require_approval' is not enforced"},
    };
    REFUSES(f, SHAPE, ERR_UNSUPPORTED, list);
}

static void test_C_18_what_is_wrong_is_refused_where_it_is(void **state)
{
    struct fixture *f = *state;
    static const struct refusal list[] = {
        {"[]", "", "object"},
        {"{\"name\":\"n\"}", "/rules", "required"},
        {"{\"rules\":[]}", "/name", "required"},
        {"{\"name\":\"n\",\"rules\":{}}", "/rules", "array"},
        {"{\"name\":\"n\",\"rules\":[],\"activ\":true}", "/activ", "did you mean 'active'"},
        {"{\"name\":\"n\",\"rules\":[],\"active\":1}", "/active", "true or false"},
        {POLICY("7"), "/rules/0", "object"},
        {POLICY("{}"), "/rules/0/type", "required"},
        {POLICY("{\"type\":\"pii\"}"), "/rules/0/type", "pii_detection"},
        {POLICY(PII("")), "/rules/0/entities", "required"},
        {POLICY(PII(",\"entities\":[]")), "/rules/0/entities", "nothing"},
        {POLICY(PII(",\"entities\":[\"emial\"]")), "/rules/0/entities/0", "did you mean \"email\""},
        {POLICY(PII(",\"entities\":[\"email\"],\"entites\":[]")), "/rules/0/entites",
         "did you mean 'entities'"},
        {POLICY(PII(",\"entities\":[\"email\"],\"threshold\":1")), "/rules/0/threshold",
         "unknown member"},
        {POLICY("{\"type\":\"pii_detection\",\"entities\":[\"email\"]}"), "/rules/0/action",
         "required"},
        {POLICY("{\"type\":\"pii_detection\",\"entities\":[\"email\"],\"action\":\"redact\"}"),
         "/rules/0/action", "mask"},
        /* S1-20: personal data only */
        {POLICY("{\"type\":\"injection_detection\",\"action\":\"mask\"}"), "/rules/0/action",
         "pii_detection"},
        {POLICY("{\"type\":\"model_restriction\",\"allowedModels\":[\"gpt-4o\"],\"action\":"
                "\"mask\"}"),
         "/rules/0/action", "pii_detection"},
        {POLICY("{\"type\":\"injection_detection\",\"action\":\"block\",\"threshold\":0}"),
         "/rules/0/threshold", "number"},
        {POLICY("{\"type\":\"injection_detection\",\"action\":\"block\",\"threshold\":1.01}"),
         "/rules/0/threshold", "number"},
        {POLICY("{\"type\":\"injection_detection\",\"action\":\"block\",\"threshold\":\"0.5\"}"),
         "/rules/0/threshold", "number"},
        {POLICY("{\"type\":\"injection_detection\",\"action\":\"block\",\"entities\":[]}"),
         "/rules/0/entities", "unknown member"},
        {POLICY("{\"type\":\"model_restriction\",\"allowedModels\":[],\"action\":\"block\"}"),
         "/rules/0/allowedModels", "nothing"},
        {POLICY("{\"type\":\"model_restriction\",\"allowedModels\":[\"gpt-99\"],\"action\":"
                "\"block\"}"),
         "/rules/0/allowedModels/0", "gpt-99"},
        {POLICY(PII(",\"entities\":[\"email\"],\"id\":\"r2\"") "," PII(
             ",\"entities\":[\"email\"]")),
         "/rules/1", "same key"},
    };
    REFUSES(f, SHAPE, ERR_INVALID, list);
}

static void test_S1_10_rules_are_replaced(void **state)
{
    struct fixture *f = *state;
    struct policy p;
    assert_int_equal(shape_parse(f, SHAPE, created), ERR_OK);
    f->policy.version = 7;
    f->policy.created_by = STR("u");
    assert_int_equal(shape_patch(f, SHAPE,
                                 "{\"rules\":[{\"type\":\"injection_detection\",\"action\":"
                                 "\"warn\"}],\"active\":false}",
                                 &p),
                     ERR_OK);
    assert_int_equal(p.rules_count, 1);
    assert_int_equal(p.rules[0].effect, POLICY_WARN);
    assert_int_equal(p.status, POLICY_INACTIVE);
    assert_true(str_eq(p.name, STR("Production Safety Policy")));
    assert_true(p.has_description);
    assert_int_equal(p.version, 7);
    assert_true(str_eq(p.created_by, STR("u")) && str_eq(p.id, STR("a1")));
    assert_int_equal(shape_patch(f, SHAPE, "{\"description\":null}", &p), ERR_OK);
    assert_false(p.has_description);
    assert_int_equal(p.rules_count, 2);
    f->policy.status = POLICY_DRAFT;
    assert_int_equal(shape_patch(f, SHAPE, "{\"name\":\"m\"}", &p), ERR_OK);
    assert_int_equal(p.status, POLICY_DRAFT);
    assert_int_equal(shape_patch(f, SHAPE, "{\"active\":true}", &p), ERR_OK);
    assert_int_equal(p.status, POLICY_ACTIVE);
    assert_int_equal(shape_patch(f, SHAPE, "{\"rulez\":[]}", &p), ERR_INVALID);
    assert_string_equal(f->issue.pointer, "/rulez");
    assert_int_equal(shape_patch(f, SHAPE, "[]", &p), ERR_INVALID);
    assert_int_equal(shape_patch(f, SHAPE, "{\"rules\":null}", &p), ERR_INVALID);
}

/* C-3: what these words cannot say is shown as such and changed elsewhere. */
static void test_C_3_what_does_not_fit(void **state)
{
    struct fixture *f = *state;
#define NATIVE(members, rule)                                                                      \
    "{\"name\":\"n\",\"scope\":{\"level\":\"org\"}" members ",\"rules\":[{\"key\":\"k\","          \
    "\"type\":\"model_list\",\"effect\":\"block\",\"severity\":\"security_event\","                \
    "\"stage\":\"select\"" rule "}]}"
    static const struct {
        const char *body;
        bool is_fitting;
    } cases[] = {
        {NATIVE("", ",\"params\":{\"allow\":[\"gpt-4o\"]}"), true},
        {NATIVE("", ",\"params\":{\"block\":[\"gpt-4o\"]}"), false},
        {NATIVE("", ",\"params\":{\"allow\":[\"gpt-4o\"],\"block\":[\"gpt-4o-mini\"]}"), false},
        {NATIVE("", ",\"enabled\":false,\"params\":{\"allow\":[\"gpt-4o\"]}"), false},
        {NATIVE("", ",\"when\":{\"roles\":[\"x\"]},\"params\":{\"allow\":[\"gpt-4o\"]}"), false},
        {NATIVE(",\"priority\":5", ",\"params\":{\"allow\":[\"gpt-4o\"]}"), false},
        {NATIVE(",\"locked\":true", ",\"params\":{\"allow\":[\"gpt-4o\"]}"), false},
        {NATIVE(",\"mode\":\"shadow\"", ",\"params\":{\"allow\":[\"gpt-4o\"]}"), false},
        {NATIVE(",\"match\":{\"roles\":[\"x\"]}", ",\"params\":{\"allow\":[\"gpt-4o\"]}"), false},
        {NATIVE(",\"overrides\":[\"x\"]", ",\"params\":{\"allow\":[\"gpt-4o\"]}"), false},
        {NATIVE(",\"selection\":\"slot\",\"slot\":2", ",\"params\":{\"allow\":[\"gpt-4o\"]}"),
         false},
        {"{\"name\":\"n\",\"scope\":{\"level\":\"team\",\"team\":\"t\"},\"rules\":[]}", false},
        {"{\"name\":\"n\",\"scope\":{\"level\":\"org\"},\"rules\":[]}", true},
        {"{\"name\":\"n\",\"scope\":{\"level\":\"org\"},\"rules\":[{\"key\":\"r1\",\"type\":"
         "\"provider_list\",\"effect\":\"block\",\"stage\":\"select\",\"params\":{\"allow\":["
         "\"openai\"]}}]}",
         false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy p;
        assert_int_equal(
            support_native(f, support_json(f, cases[i].body), f->catalog, &f->policy), ERR_OK);
        f->policy.id = STR("a1");
        if (codec_shape_fits(SHAPE, &f->policy) != cases[i].is_fitting) {
            fail_msg("%s", cases[i].body);
        }
        codec_shape_write(SHAPE, &f->out, &f->policy);
        const char *text = support_text(f);
        (void)support_json(f, text);
        assert_true((strstr(text, "\"dialect\":\"native\",\"x_unrendered\":true}") == NULL) ==
                    cases[i].is_fitting);
        assert_true((strstr(text, "\"rules\"") != NULL) == cases[i].is_fitting);
        assert_int_equal(shape_patch(f, SHAPE, "{\"name\":\"m\"}", &p),
                         cases[i].is_fitting ? ERR_OK : ERR_CONFLICT);
        assert_true(cases[i].is_fitting || strstr(f->issue.message, "view=native") != NULL);
        assert_true(!cases[i].is_fitting || p.origin == POLICY_NATIVE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_S1_6_S1_7_create_example),
        cmocka_unit_test(test_S1_15_pii_detection),
        cmocka_unit_test(test_C_13_ssn_is_both_forms),
        cmocka_unit_test(test_S1_15_every_known_entity),
        cmocka_unit_test(test_S1_16_injection_detection),
        cmocka_unit_test(test_S1_18_model_restriction),
        cmocka_unit_test(test_S1_14_S1_17_S1_22_S1_23_not_enforced_by_name),
        cmocka_unit_test(test_C_18_what_is_wrong_is_refused_where_it_is),
        cmocka_unit_test(test_S1_10_rules_are_replaced),
        cmocka_unit_test(test_C_3_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, support_set_up, support_tear_down);
}
