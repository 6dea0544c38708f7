/* SPDX-License-Identifier: Apache-2.0
 *
 * The enforcement dialect against the document (S4): scopes, the four types that are
 * enforced, the names of those that are not, and the audit's word for each rule.
 */
#include "shape_support.h"

#define SHAPE (&codec_enforcement_shape)
#define POLICY(rules) "{\"policy_name\":\"n\",\"rules\":[" rules "]}"

/* The document's own, without max_cost_per_day. */
static void test_S4_35_S4_36_S4_37_dev_team_restrictions(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(
        shape_written(f, SHAPE,
                      "{\"policy_name\":\"dev_team_restrictions\",\"environment\":\"development\","
                      "\"rules\":[{\"type\":\"model_access\",\"models\":[\"gpt-4o-mini\","
                      "\"claude-3-haiku\"]},{\"type\":\"content_filter\",\"patterns\":["
                      "\"password\",\"api_key\"],\"action\":\"block\"}]}"),
        "{\"id\":\"pol_a1\",\"policy_name\":\"dev_team_restrictions\",\"environment\":"
        "\"development\",\"rules\":[{\"type\":\"model_access\",\"models\":[\"gpt-4o-mini\","
        "\"claude-3-haiku\"]},{\"type\":\"content_filter\",\"patterns\":[\"password\","
        "\"api_key\"],\"action\":\"block\"}],\"active\":true,\"status\":\"active\",\"version\":1}");
    assert_int_equal(f->policy.origin, POLICY_ENFORCEMENT);
    assert_int_equal(f->policy.level, POLICY_ENVIRONMENT);
    const struct policy_rule *access = &f->policy.rules[0], *filter = &f->policy.rules[1];
    assert_int_equal(access->type, POLICY_MODEL_LIST);
    assert_int_equal(access->allow.count, 2);
    assert_int_equal(access->effect, POLICY_BLOCK);
    assert_int_equal(filter->type, POLICY_TERMS);
    assert_int_equal(filter->effect, POLICY_BLOCK);
    assert_int_equal(filter->severity, POLICY_ALERT); /* S4-17 */
    assert_int_equal(filter->stage, POLICY_BOTH);
    assert_true(list_is(&filter->content->patterns, "password,api_key"));
    assert_true(str_eq(filter->key, STR("content_filter")));
    /* S4-38, S4-39: what the audit calls them. */
    assert_string_equal(codec_rule_word(&f->policy, access), "model_access");
    assert_string_equal(codec_rule_word(&f->policy, filter), "content_filter");
}

static void test_S4_40_scopes(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *members;
        enum policy_level level;
    } cases[] = {
        {"", POLICY_ORG},
        {"\"team\":\"research\",", POLICY_TEAM},
        {"\"environment\":\"production\",", POLICY_ENVIRONMENT},
        {"\"environment\":\"production\",\"team\":\"research\",", POLICY_ENVIRONMENT},
        {"\"role\":\"member\",", POLICY_ORG},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[300];
        snprintf(body, sizeof(body),
                 "{\"policy_name\":\"n\",%s\"locked\":true,\"overrides\":[\"pol_1\"],\"priority\":"
                 "3,\"active\":false,\"description\":\"d\",\"rules\":[]}",
                 cases[i].members);
        const char *text = shape_written(f, SHAPE, body);
        assert_int_equal(f->policy.level, cases[i].level);
        assert_true(f->policy.is_locked);
        assert_int_equal(f->policy.overrides.count, 1);
        assert_int_equal(f->policy.priority, 3);
        assert_int_equal(f->policy.status, POLICY_INACTIVE);
        assert_null(strstr(text, "x_unrendered"));
        assert_non_null(strstr(text, "\"priority\":3,\"active\":false,\"locked\":true,"
                                     "\"overrides\":[\"pol_1\"]"));
    }
}

static void test_S4_11_keywords_patterns_topics(void **state)
{
    struct fixture *f = *state;
    const char *text =
        shape_written(f, SHAPE,
                      POLICY("{\"type\":\"content_filter\",\"patterns\":[\"secret project\","
                             "\"/acct-[0-9]{6}/\"],\"topics\":[\"weapons\",\"gambling\"],"
                             "\"action\":\"block\",\"stage\":\"request\"}"));
    assert_int_equal(f->policy.rules_count, 2);
    const struct policy_rule *terms = &f->policy.rules[0], *topics = &f->policy.rules[1];
    assert_int_equal(terms->type, POLICY_TERMS);
    assert_int_equal(topics->type, POLICY_TOPICS);
    assert_true(list_is(&terms->content->patterns, "secret project,/acct-[0-9]{6}/"));
    assert_int_equal(terms->content->topics.count, 0);
    assert_true(list_is(&topics->content->topics, "weapons,gambling"));
    assert_int_equal(topics->content->patterns.count, 0);
    assert_true(str_eq(topics->key, STR("content_filter.topics")));
    assert_int_equal(terms->stage, POLICY_REQUEST);
    assert_int_equal(topics->stage, POLICY_REQUEST);
    assert_string_equal(codec_rule_word(&f->policy, topics), "content_filter");
    /* One rule again. */
    assert_non_null(strstr(text, "\"rules\":[{\"type\":\"content_filter\",\"patterns\":["
                                 "\"secret project\",\"/acct-[0-9]{6}/\"],\"topics\":[\"weapons\","
                                 "\"gambling\"],\"action\":\"block\",\"stage\":\"request\"}]"));
    text = shape_written(f, SHAPE,
                         POLICY("{\"type\":\"content_filter\",\"topics\":[\"weapons\"]}"));
    assert_int_equal(f->policy.rules_count, 1);
    assert_true(str_eq(f->policy.rules[0].key, STR("content_filter")));
    assert_non_null(strstr(text, "\"topics\":[\"weapons\"],\"action\":\"block\"}]"));
}

/* S4-16, S4-17, S4-18 */
static void test_S4_16_S4_17_S4_18_actions(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *word;
        enum policy_effect effect;
        enum policy_severity severity;
        enum scan_action_kind method;
    } cases[] = {{"allow", POLICY_INFO, POLICY_LOG, SCAN_KEEP},
                 {"block", POLICY_BLOCK, POLICY_ALERT, SCAN_KEEP},
                 {"modify", POLICY_MODIFY, POLICY_LOG, SCAN_REDACT},
                 {"redact", POLICY_MODIFY, POLICY_LOG, SCAN_REDACT}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[200], shown[60];
        snprintf(body, sizeof(body),
                 POLICY("{\"type\":\"content_filter\",\"patterns\":[\"x\"],\"action\":\"%s\"}"),
                 cases[i].word);
        const char *text = shape_written(f, SHAPE, body);
        const struct policy_rule *rule = &f->policy.rules[0];
        assert_int_equal(rule->effect, cases[i].effect);
        assert_int_equal(rule->severity, cases[i].severity);
        assert_int_equal(rule->content->method, cases[i].method);
        snprintf(shown, sizeof(shown), "\"action\":\"%s\"}", cases[i].word);
        assert_non_null(strstr(text, shown));
        assert_null(strstr(text, "x_unrendered"));
    }
}

static void test_S4_12_S4_46_pii_redaction(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *mode;
        enum policy_effect effect;
        enum scan_action_kind method;
    } cases[] = {{"mask", POLICY_MODIFY, SCAN_MASK},
                 {"redact", POLICY_MODIFY, SCAN_REDACT},
                 {"block", POLICY_BLOCK, SCAN_KEEP}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[200], shown[60];
        snprintf(body, sizeof(body),
                 POLICY("{\"type\":\"pii_redaction\",\"types\":[\"email\",\"iban\"],\"mode\":"
                        "\"%s\"}"),
                 cases[i].mode);
        const char *text = shape_written(f, SHAPE, body);
        const struct policy_rule *rule = &f->policy.rules[0];
        assert_int_equal(rule->effect, cases[i].effect);
        assert_int_equal(rule->content->method, cases[i].method);
        assert_int_equal(rule->stage, POLICY_BOTH);
        assert_string_equal(codec_rule_word(&f->policy, rule), "pii_redaction");
        snprintf(shown, sizeof(shown), "\"types\":[\"email\",\"iban\"],\"mode\":\"%s\"}",
                 cases[i].mode);
        assert_non_null(strstr(text, shown));
    }
    assert_null(strstr(shape_written(f, SHAPE, POLICY("{\"type\":\"pii_redaction\"}")),
                       "x_unrendered"));
    assert_true(list_is(&f->policy.rules[0].content->types,
                        "ssn,ssn_no_dash,credit_card,email,phone_us,phone,ip_address,"
                        "date_of_birth,passport,iban,drivers_license,bank_account,tax_id,"
                        "api_key"));
    assert_int_equal(f->policy.rules[0].content->method, SCAN_MASK);
}

static void test_S4_8_model_access(void **state)
{
    struct fixture *f = *state;
    const char *text = shape_written(f, SHAPE,
                                     POLICY("{\"type\":\"model_access\",\"models\":[\"gpt-4o\"],"
                                            "\"action\":\"block\"}"));
    assert_false(f->policy.rules[0].allow.is_set);
    assert_int_equal(f->policy.rules[0].block.count, 1);
    assert_non_null(strstr(text, "\"models\":[\"gpt-4o\"],\"action\":\"block\"}"));
    text = shape_written(f, SHAPE,
                         POLICY("{\"type\":\"model_access\",\"models\":[\"gpt-4o\"],"
                                "\"action\":\"allow\"}"));
    assert_true(f->policy.rules[0].allow.is_set);
    assert_non_null(strstr(text, "\"models\":[\"gpt-4o\"]}"));
}

static void test_S4_15_compliance(void **state)
{
    struct fixture *f = *state;
    const char *text = shape_written(f, SHAPE,
                                     POLICY("{\"type\":\"compliance\",\"frameworks\":[\"SOC 2\","
                                            "\"GDPR\",\"hipaa\",\"PCI-DSS\"]}"));
    assert_int_equal(f->policy.rules[0].type, POLICY_PROVIDER_REQUIREMENT);
    assert_int_equal(f->policy.rules[0].effect, POLICY_BLOCK);
    assert_int_equal(f->policy.rules[0].require, 1u << ROUTE_SOC2 | 1u << ROUTE_GDPR |
                                                     1u << ROUTE_HIPAA | 1u << ROUTE_PCI);
    assert_non_null(strstr(text, "{\"type\":\"compliance\",\"frameworks\":[\"soc2\",\"gdpr\","
                                 "\"hipaa\",\"pci\"],\"mode\":\"enforce\"}"));
    text = shape_written(f, SHAPE,
                         POLICY("{\"type\":\"compliance\",\"frameworks\":[\"iso27001\"],\"mode\":"
                                "\"log\"}"));
    assert_int_equal(f->policy.rules[0].effect, POLICY_INFO);
    assert_null(strstr(text, "x_unrendered"));
}

/* S4-9, S4-10, S4-13, S4-14, S4-19, S4-20, S4-36, S4-45 */
static void test_S4_9_S4_10_S4_13_S4_14_S4_45_not_enforced_by_name(void **state)
{
    struct fixture *f = *state;
    static const struct refusal list[] = {
        {POLICY("{\"type\":\"model_access\",\"models\":[\"gpt-4o-mini\",\"claude-3-haiku\"],"
                "\"max_cost_per_day\":100.00}"),
         "/rules/0/max_cost_per_day", "'max_cost_per_day' is not enforced"},
        {POLICY("{\"type\":\"rate_limit\",\"requests\":60,\"window\":60}"), "/rules/0/type",
         "'rate_limit' is not enforced"},
        {POLICY("{\"type\":\"cost_budget\",\"max_cost_per_day\":1}"), "/rules/0/type",
         "cost_budget"},
        {POLICY("{\"type\":\"approval_required\",\"models\":[\"o1-pro\"]}"), "/rules/0/type",
         "approval_required"},
        {POLICY("{\"type\":\"provider_failover\"}"), "/rules/0/type", "provider_failover"},
        {POLICY("{\"type\":\"content_filter\",\"patterns\":[\"x\"],\"action\":\"escalate\"}"),
         "/rules/0/action", "'escalate' is not enforced"},
        {POLICY("{\"type\":\"content_filter\",\"patterns\":[\"x\"],\"action\":\"throttle\"}"),
         "/rules/0/action", "throttle"},
    };
    REFUSES(f, SHAPE, ERR_UNSUPPORTED, list);
}

static void test_C_18_what_is_wrong_is_refused_where_it_is(void **state)
{
    struct fixture *f = *state;
    static const struct refusal list[] = {
        {"{\"policy_name\":\"n\"}", "/rules", "required"},
        {"{\"policy_name\":\"\",\"rules\":[]}", "/policy_name", "string"},
        {"{\"policy_name\":\"n\",\"enviroment\":\"x\",\"rules\":[]}", "/enviroment",
         "did you mean 'environment'"},
        {"{\"policy_name\":\"n\",\"config\":{},\"rules\":[]}", "/config", "unknown member"},
        {POLICY("{\"type\":\"content_filters\"}"), "/rules/0/type", "content_filter"},
        {POLICY("{\"type\":\"content_filter\"}"), "/rules/0", "at least one"},
        {POLICY("{\"type\":\"content_filter\",\"patterns\":[],\"topics\":[]}"), "/rules/0",
         "at least one"},
        {POLICY("{\"type\":\"content_filter\",\"patterns\":[\"x\",\"\"]}"),
         "/rules/0/patterns/1", "string"},
        {POLICY("{\"type\":\"content_filter\",\"patterns\":[\"x\"],\"actions\":\"block\"}"),
         "/rules/0/actions", "did you mean 'action'"},
        {POLICY("{\"type\":\"content_filter\",\"topics\":[\"wepons\"]}"), "/rules/0/topics/0",
         "did you mean 'weapons'"},
        {POLICY("{\"type\":\"content_filter\",\"topics\":[\"weapons\"],\"action\":\"modify\"}"),
         "/rules/0/action", "redacted"},
        {POLICY("{\"type\":\"pii_redaction\",\"types\":[]}"), "/rules/0/types", "nothing"},
        {POLICY("{\"type\":\"pii_redaction\",\"types\":[\"emial\"]}"), "/rules/0/types/0",
         "email"},
        {POLICY("{\"type\":\"pii_redaction\",\"mode\":\"modify\"}"), "/rules/0/mode", "mask"},
        {POLICY("{\"type\":\"model_access\"}"), "/rules/0/models", "required"},
        {POLICY("{\"type\":\"model_access\",\"models\":[]}"), "/rules/0/models", "nothing"},
        {POLICY("{\"type\":\"model_access\",\"models\":[\"gpt-99\"]}"), "/rules/0/models/0",
         "gpt-99"},
        {POLICY("{\"type\":\"compliance\",\"frameworks\":[\"sox\"]}"), "/rules/0/frameworks/0",
         "hipaa"},
        {POLICY("{\"type\":\"compliance\",\"frameworks\":[]}"), "/rules/0/frameworks", "nothing"},
        {POLICY("{\"type\":\"compliance\",\"frameworks\":[\"averyveryverylongname\"]}"),
         "/rules/0/frameworks/0", "hipaa"},
        {POLICY("{\"type\":\"pii_redaction\",\"id\":\"pii_redaction_2\"},{\"type\":"
                "\"pii_redaction\"}"),
         "/rules/1", "same key"},
    };
    REFUSES(f, SHAPE, ERR_INVALID, list);
}

static void test_keys_are_numbered_and_kept(void **state)
{
    struct fixture *f = *state;
    const char *text = shape_written(
        f, SHAPE,
        POLICY("{\"type\":\"content_filter\",\"patterns\":[\"a\"]},"
               "{\"type\":\"content_filter\",\"patterns\":[\"b\"],\"topics\":[\"weapons\"]},"
               "{\"type\":\"content_filter\",\"patterns\":[\"c\"],\"id\":\"mine\"},"
               "{\"type\":\"content_filter\",\"topics\":[\"hate\"]}"));
    static const char *const keys[] = {"content_filter", "content_filter_2",
                                       "content_filter_2.topics", "mine", "content_filter_4"};
    assert_int_equal(f->policy.rules_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_true(str_eq(f->policy.rules[i].key, str_from(keys[i])));
    }
    assert_null(strstr(text, "x_unrendered"));
    yyjson_val *rules = json_get(support_json(f, text), STR("rules"));
    assert_int_equal(yyjson_arr_size(rules), 4);
    assert_null(json_get(yyjson_arr_get(rules, 1), STR("id")));
    assert_true(str_eq(json_str(json_get(yyjson_arr_get(rules, 2), STR("id"))), STR("mine")));
    struct policy p;
    assert_int_equal(shape_patch(f, SHAPE, "{\"rules\":[{\"type\":\"pii_redaction\"}]}", &p),
                     ERR_OK);
    assert_int_equal(p.rules_count, 1);
    assert_int_equal(shape_patch(f, SHAPE, "{\"environment\":\"production\"}", &p), ERR_OK);
    assert_int_equal(p.level, POLICY_ENVIRONMENT);
    assert_int_equal(p.rules_count, 5);
}

static void test_S4_39_words_of_the_other_dialects(void **state)
{
    struct fixture *f = *state;
    (void)f;
    static const struct {
        enum policy_origin origin;
        enum policy_rule_type type;
        const char *word;
    } cases[] = {
        {POLICY_RULES, POLICY_PII, "pii_detection"},
        {POLICY_RULES, POLICY_INJECTION, "injection_detection"},
        {POLICY_RULES, POLICY_MODEL_LIST, "model_restriction"},
        {POLICY_RULES, POLICY_TERMS, "terms"},
        {POLICY_CONFIG, POLICY_TERMS, "blocked_terms"},
        {POLICY_CONFIG, POLICY_REQUIRED_TERMS, "required_terms"},
        {POLICY_CONFIG, POLICY_PROVIDER_LIST, "provider_block_list"},
        {POLICY_ENFORCEMENT, POLICY_PROVIDER_REQUIREMENT, "compliance"},
        {POLICY_ENFORCEMENT, POLICY_PROVIDER_LIST, "provider_list"},
        {POLICY_NATIVE, POLICY_TERMS, "terms"},
        {POLICY_GOVERNANCE, POLICY_PROVIDER_REQUIREMENT, "provider_requirement"},
        {POLICY_COMPLIANCE, POLICY_PROVIDER_REQUIREMENT, "provider_requirement"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy p = {.origin = cases[i].origin};
        struct policy_rule rule = {.type = cases[i].type};
        assert_string_equal(codec_rule_word(&p, &rule), cases[i].word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_S4_35_S4_36_S4_37_dev_team_restrictions),
        cmocka_unit_test(test_S4_40_scopes),
        cmocka_unit_test(test_S4_11_keywords_patterns_topics),
        cmocka_unit_test(test_S4_16_S4_17_S4_18_actions),
        cmocka_unit_test(test_S4_12_S4_46_pii_redaction),
        cmocka_unit_test(test_S4_8_model_access),
        cmocka_unit_test(test_S4_15_compliance),
        cmocka_unit_test(test_S4_9_S4_10_S4_13_S4_14_S4_45_not_enforced_by_name),
        cmocka_unit_test(test_C_18_what_is_wrong_is_refused_where_it_is),
        cmocka_unit_test(test_keys_are_numbered_and_kept),
        cmocka_unit_test(test_S4_39_words_of_the_other_dialects),
    };
    return cmocka_run_group_tests(tests, support_set_up, support_tear_down);
}
