/* SPDX-License-Identifier: Apache-2.0
 *
 * The config dialect against the document (S2): routing lists, content sections, THE
 * table of the two verbs, what is refused, and every template.
 */
#include "shape_support.h"

#define SHAPE (&codec_config_shape)
#define ROUTING(config) "{\"name\":\"n\",\"policy_type\":\"routing\",\"config\":{" config "}}"
#define CONTENT(config) "{\"name\":\"n\",\"policy_type\":\"content\",\"config\":{" config "}}"

static void test_S2_32_google_only(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(
        shape_written(f, SHAPE,
                      "{\"name\":\"Google Only\",\"policy_type\":\"routing\",\"config\":{"
                      "\"provider_allow_list\":[\"google\"],\"on_violation\":\"hard_block\"}}"),
        "{\"id\":\"pol_a1\",\"name\":\"Google Only\",\"policy_type\":\"routing\",\"config\":{"
        "\"provider_allow_list\":[\"google\"],\"on_violation\":\"hard_block\"},\"priority\":100,"
        "\"enabled\":true,\"status\":\"active\",\"version\":1}");
    assert_int_equal(f->policy.origin, POLICY_CONFIG);
    assert_int_equal(f->policy.level, POLICY_ORG);
    assert_int_equal(f->policy.rules[0].severity, POLICY_SECURITY_EVENT);
}

/* S2-23..S2-26, S2-31: each list under its own name, all under one verb. */
static void test_S2_23_S2_24_S2_25_S2_26_S2_31_lists(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *verb;
        enum policy_effect effect;
    } verbs[] = {{"hard_block", POLICY_BLOCK},
                 {"soft_block", POLICY_MODIFY},
                 {"warn", POLICY_WARN},
                 {"info", POLICY_INFO}};
    static const struct {
        const char *name;
        enum policy_rule_type type;
        bool is_allow;
    } lists[] = {{"model_allow_list", POLICY_MODEL_LIST, true},
                 {"model_block_list", POLICY_MODEL_LIST, false},
                 {"provider_allow_list", POLICY_PROVIDER_LIST, true},
                 {"provider_block_list", POLICY_PROVIDER_LIST, false}};
    for (size_t i = 0; i < 4; i++) {
        char body[400];
        snprintf(body, sizeof(body),
                 ROUTING("\"model_allow_list\":[\"gpt-4o\"],\"model_block_list\":[\"gpt-4o-mini\"],"
                         "\"provider_allow_list\":[\"openai\"],\"provider_block_list\":["
                         "\"anthropic\"],\"on_violation\":\"%s\""),
                 verbs[i].verb);
        const char *text = shape_written(f, SHAPE, body);
        assert_null(strstr(text, "x_unrendered"));
        assert_int_equal(f->policy.rules_count, 4);
        for (size_t k = 0; k < 4; k++) {
            const struct policy_rule *rule = &f->policy.rules[k];
            assert_true(str_eq(rule->key, str_from(lists[k].name)));
            assert_string_equal(codec_rule_word(&f->policy, rule), lists[k].name); /* S2-56 */
            assert_int_equal(rule->type, lists[k].type);
            assert_int_equal(rule->effect, verbs[i].effect);
            assert_true(rule->allow.is_set == lists[k].is_allow);
            assert_true(rule->block.is_set != lists[k].is_allow);
            assert_non_null(strstr(text, lists[k].name));
            /* S2-52: what overrides the model is the first that is allowed. */
            bool is_overriding = verbs[i].effect == POLICY_MODIFY && k < 2;
            assert_true(str_eq(rule->substitute, is_overriding ? STR("gpt-4o") : STR("")));
        }
        char shown[60];
        snprintf(shown, sizeof(shown), "\"on_violation\":\"%s\"}", verbs[i].verb);
        assert_non_null(strstr(text, shown));
    }
    /* Nothing said: fail closed. */
    assert_int_equal(shape_parse(f, SHAPE, ROUTING("\"model_block_list\":[\"gpt-4o\"]")), ERR_OK);
    assert_int_equal(f->policy.rules[0].effect, POLICY_BLOCK);
}

static void test_S2_27_S2_28_S2_29_S2_30_not_enforced_by_name(void **state)
{
    struct fixture *f = *state;
    static const struct refusal list[] = {
        {ROUTING("\"cost_ceiling_usd\":0.01"), "/config/cost_ceiling_usd", "'cost_ceiling_usd' is"},
        {ROUTING("\"model_allow_list\":[\"gpt-4o\"],\"prefer_cheaper_models\":true"),
         "/config/prefer_cheaper_models", "'prefer_cheaper_models' is not enforced"},
        {ROUTING("\"latency_target_ms\":100"), "/config/latency_target_ms", "latency_target_ms"},
        {ROUTING("\"prefer_faster_models\":false"), "/config/prefer_faster_models",
         "prefer_faster_models"},
        {ROUTING("\"provider_allow_list\":[\"google\"],\"on_violation\":\"soft_block\""),
         "/config/on_violation", "model_allow_list"},
        {ROUTING("\"model_allow_list\":[\"google/*\"],\"on_violation\":\"soft_block\""),
         "/config/on_violation", "'soft_block' is not enforced"},
    };
    REFUSES(f, SHAPE, ERR_UNSUPPORTED, list);
}

static void test_S2_42_pii_protection(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(
        shape_written(f, SHAPE,
                      "{\"name\":\"PII Protection\",\"policy_type\":\"content\",\"config\":{"
                      "\"evaluate_output\":true,\"pii_detection\":{\"enabled\":true,\"types\":["
                      "\"ssn\",\"credit_card\",\"email\",\"phone_us\"],\"action\":\"redact\","
                      "\"redaction_format\":\"[REDACTED]\"},\"on_violation\":\"soft_block\"}}"),
        "{\"id\":\"pol_a1\",\"name\":\"PII Protection\",\"policy_type\":\"content\",\"config\":{"
        "\"evaluate_output\":true,\"pii_detection\":{\"enabled\":true,\"types\":[\"ssn\","
        "\"credit_card\",\"email\",\"phone_us\"],\"action\":\"redact\",\"redaction_format\":"
        "\"[REDACTED]\"},\"on_violation\":\"soft_block\"},\"priority\":100,\"enabled\":true,"
        "\"status\":\"active\",\"version\":1}");
    const struct policy_rule *rule = &f->policy.rules[0];
    assert_true(str_eq(rule->key, STR("pii_detection")));
    assert_int_equal(rule->stage, POLICY_RESPONSE); /* C-14, S2-33 */
    assert_int_equal(rule->content->method, SCAN_REDACT);
    assert_true(str_eq(rule->content->format, STR("[REDACTED]")));
    assert_true(list_is(&rule->content->types, "ssn,credit_card,email,phone_us"));
    assert_true(str_eq(rule->source_word, STR("redact/soft_block")));
}

/* S2-43..S2-49: the documented words, and ssn is the dashed form alone (C-13). */
static void test_S2_43_to_S2_49_types(void **state)
{
    struct fixture *f = *state;
    static const char *const words[] = {"ssn",      "ssn_no_dash", "credit_card",  "email",
                                        "phone_us", "ip_address",  "date_of_birth"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        char body[200];
        snprintf(body, sizeof(body),
                 CONTENT("\"pii_detection\":{\"types\":[\"%s\"],\"action\":\"block\"}"), words[i]);
        assert_int_equal(shape_parse(f, SHAPE, body), ERR_OK);
        assert_true(list_is(&f->policy.rules[0].content->types, words[i]));
    }
}

/* S2-36, S2-40, S2-41, S2-50..S2-53: section, action, on_violation -> effect. */
static void test_S2_50_S2_51_S2_52_S2_53_the_two_verbs(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *section, *list;
        bool is_redactable;
    } sections[] = {{"pii_detection", "\"types\":[\"email\"]", true},
                    {"blocked_terms", "\"terms\":[\"acme\"]", true},
                    {"required_terms", "\"terms\":[\"disclaimer\"]", false},
                    {"blocked_topics", "\"topics\":[\"weapons\"]", false}};
    static const char *const verbs[] = {NULL, "info", "warn", "soft_block", "hard_block"};
    static const char *const actions[] = {"warn", "redact", "block"};
#define I POLICY_INFO
#define W POLICY_WARN
#define M POLICY_MODIFY
#define B POLICY_BLOCK
    static const enum policy_effect can[3][5] = {
        {W, I, W, W, B}, {M, I, W, M, B}, {B, I, W, M, B}};
    /* Nothing there to modify: the request proceeds with a warning. */
    static const enum policy_effect cannot[3][5] = {
        {W, I, W, W, B}, {0, 0, 0, 0, 0}, {B, I, W, W, B}};
    for (size_t s = 0; s < 4; s++) {
        for (size_t a = 0; a < 3; a++) {
            for (size_t v = 0; v < 5; v++) {
                char body[300];
                snprintf(body, sizeof(body), CONTENT("\"%s\":{%s,\"action\":\"%s\"}%s%s%s"),
                         sections[s].section, sections[s].list, actions[a],
                         v == 0 ? "" : ",\"on_violation\":\"", v == 0 ? "" : verbs[v],
                         v == 0 ? "" : "\"");
                if (a == 1 && !sections[s].is_redactable) {
                    assert_int_equal(shape_parse(f, SHAPE, body), ERR_INVALID);
                    continue;
                }
                const char *text = shape_written(f, SHAPE, body);
                const struct policy_rule *rule = &f->policy.rules[0];
                enum policy_effect wanted = sections[s].is_redactable ? can[a][v] : cannot[a][v];
                assert_int_equal(rule->effect, wanted);
                assert_int_equal(rule->content->method,
                                 wanted == POLICY_MODIFY ? SCAN_REDACT : SCAN_KEEP);
                assert_string_equal(codec_rule_word(&f->policy, rule), sections[s].section);
                /* Both verbs come back as they were said. */
                char shown[60];
                snprintf(shown, sizeof(shown), "\"action\":\"%s\"}%s%s", actions[a],
                         v == 0 ? "}" : ",\"on_violation\":\"", v == 0 ? "" : verbs[v]);
                assert_non_null(strstr(text, shown));
                assert_null(strstr(text, "x_unrendered"));
            }
        }
    }
}

static void test_S2_33_evaluate_output_and_input(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *flags, *shown;
        enum policy_stage stage;
    } cases[] = {
        {"", "{\"evaluate_output\":true,\"blocked_terms\"", POLICY_RESPONSE},
        {"\"evaluate_output\":true,", "{\"evaluate_output\":true,\"blocked_terms\"",
         POLICY_RESPONSE},
        {"\"evaluate_input\":true,",
         "{\"evaluate_output\":true,\"evaluate_input\":true,\"blocked_terms\"", POLICY_BOTH},
        {"\"evaluate_output\":false,\"evaluate_input\":true,",
         "{\"evaluate_output\":false,\"evaluate_input\":true,\"blocked_terms\"", POLICY_REQUEST},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[200];
        snprintf(body, sizeof(body),
                 CONTENT("%s\"blocked_terms\":{\"terms\":[\"x\"],\"action\":\"warn\"}"),
                 cases[i].flags);
        assert_non_null(strstr(shape_written(f, SHAPE, body), cases[i].shown));
        assert_int_equal(f->policy.rules[0].stage, cases[i].stage);
    }
}

/* S2-34, S2-38: a section that is off is kept, and does not run. */
static void test_S2_34_S2_38_disabled_sections(void **state)
{
    struct fixture *f = *state;
    const char *text = shape_written(
        f, SHAPE,
        CONTENT("\"pii_detection\":{\"enabled\":false,\"types\":[\"email\"],\"action\":\"block\"},"
                "\"blocked_terms\":{\"enabled\":true,\"terms\":[\"acme\",\"/a+b/\"],\"action\":"
                "\"block\"},\"required_terms\":{\"enabled\":false}"));
    assert_int_equal(f->policy.rules_count, 2);
    assert_false(f->policy.rules[0].is_enabled);
    assert_true(f->policy.rules[1].is_enabled);
    assert_true(list_is(&f->policy.rules[1].content->patterns, "acme,/a+b/"));
    assert_non_null(strstr(text, "\"pii_detection\":{\"enabled\":false,\"types\":[\"email\"]"));
    assert_null(strstr(text, "required_terms"));
    assert_null(strstr(text, "x_unrendered"));
}

static void test_S2_57_S2_61_S2_62_project_priority_enabled(void **state)
{
    struct fixture *f = *state;
    const char *text = shape_written(
        f, SHAPE,
        "{\"name\":\"n\",\"policy_type\":\"routing\",\"config\":{\"provider_block_list\":["
        "\"openai\"]},\"priority\":5,\"enabled\":false,\"project\":\"chat\"}");
    assert_int_equal(f->policy.level, POLICY_PROJECT);
    assert_true(str_eq(f->policy.project, STR("chat")));
    assert_int_equal(f->policy.priority, 5);
    assert_int_equal(f->policy.status, POLICY_INACTIVE);
    assert_non_null(strstr(text, "\"priority\":5,\"enabled\":false,\"project\":\"chat\","));
    struct policy p;
    assert_int_equal(shape_patch(f, SHAPE, "{\"project\":null,\"enabled\":true}", &p), ERR_OK);
    assert_int_equal(p.level, POLICY_ORG);
    assert_int_equal(p.status, POLICY_ACTIVE);
    assert_int_equal(p.rules_count, 1);
}

/* RFC 7396: a section's members merge, its list is replaced. */
static void test_S2_60_patch(void **state)
{
    struct fixture *f = *state;
    struct policy p;
    assert_int_equal(shape_parse(f, SHAPE,
                                 CONTENT("\"pii_detection\":{\"types\":[\"email\",\"ssn\"],"
                                         "\"action\":\"redact\"},\"on_violation\":\"soft_block\"")),
                     ERR_OK);
    assert_int_equal(
        shape_patch(f, SHAPE,
                    "{\"config\":{\"pii_detection\":{\"types\":[\"iban\"]},\"on_violation\":null,"
                    "\"blocked_terms\":{\"terms\":[\"x\"],\"action\":\"block\"}}}",
                    &p),
        ERR_OK);
    assert_int_equal(p.rules_count, 2);
    assert_true(list_is(&p.rules[0].content->types, "iban"));
    assert_int_equal(p.rules[0].effect, POLICY_MODIFY);
    assert_int_equal(p.rules[1].effect, POLICY_BLOCK);
    assert_int_equal(shape_patch(f, SHAPE, "{\"config\":{\"pii_detection\":null}}", &p),
                     ERR_INVALID);
    assert_int_equal(shape_patch(f, SHAPE, "{\"config\":{\"pii_detection\":{\"typs\":[]}}}", &p),
                     ERR_INVALID);
    assert_string_equal(f->issue.pointer, "/config/pii_detection/typs");
}

static void test_C_18_what_is_wrong_is_refused_where_it_is(void **state)
{
    struct fixture *f = *state;
    static const struct refusal list[] = {
        {"{\"name\":\"n\",\"policy_type\":\"routing\"}", "/config", "required"},
        {"{\"name\":\"n\",\"config\":{}}", "/policy_type", "required"},
        {"{\"name\":\"n\",\"policy_type\":\"other\",\"config\":{}}", "/policy_type", "content"},
        {"{\"name\":\"n\",\"policy_type\":\"routing\",\"config\":{},\"rules\":[]}", "/rules",
         "unknown member"},
        {"{\"name\":\"n\",\"policy_type\":\"routing\",\"config\":{\"model_allow_list\":["
         "\"gpt-4o\"]},\"template\":\"nope\"}",
         "/template", "no template"},
        {ROUTING(""), "/config", "at least one"},
        {ROUTING("\"model_allow_list\":[]"), "/config/model_allow_list", "nothing"},
        {ROUTING("\"model_allow_list\":[\"gpt-99\"]"), "/config/model_allow_list/0", "gpt-99"},
        {ROUTING("\"provider_allow_list\":[\"gogle\"]"), "/config/provider_allow_list/0",
         "did you mean 'google'"},
        {ROUTING("\"provider_alow_list\":[\"google\"]"), "/config/provider_alow_list",
         "did you mean 'provider_allow_list'"},
        {ROUTING("\"on_violation\":\"block\""), "/config/on_violation", "hard_block"},
        {ROUTING("\"pii_detection\":{}"), "/config/pii_detection", "unknown member"},
        {CONTENT(""), "/config", "at least one"},
        {CONTENT("\"on_violation\":\"soft_block\""), "/config", "at least one"},
        {CONTENT("\"model_allow_list\":[\"gpt-4o\"]"), "/config/model_allow_list",
         "unknown member"},
        {CONTENT("\"evaluate_output\":false,\"pii_detection\":{\"types\":[\"email\"],\"action\":"
                 "\"warn\"}"),
         "/config/evaluate_output", "nothing"},
        {CONTENT("\"pii_detection\":{\"types\":[\"email\"]}"), "/config/pii_detection/action",
         "required"},
        {CONTENT("\"pii_detection\":{\"action\":\"warn\"}"), "/config/pii_detection/types",
         "nothing"},
        {CONTENT("\"pii_detection\":{\"types\":[\"email\"],\"action\":\"mask\"}"),
         "/config/pii_detection/action", "redact"},
        {CONTENT("\"pii_detection\":{\"types\":[\"e-mael\"],\"action\":\"warn\"}"),
         "/config/pii_detection/types/0", "not a known data type"},
        {CONTENT("\"pii_detection\":{\"types\":[\"email\"],\"action\":\"redact\","
                 "\"redaction_format\":\"\"}"),
         "/config/pii_detection/redaction_format", "string of 1"},
        {CONTENT("\"blocked_terms\":{\"terms\":[\"\"],\"action\":\"warn\"}"),
         "/config/blocked_terms/terms/0", "string of 1"},
        {CONTENT("\"blocked_terms\":{\"terms\":[\"x\"],\"action\":\"warn\",\"redaction_format\":"
                 "\"x\"}"),
         "/config/blocked_terms/redaction_format", "unknown member"},
        {CONTENT("\"required_terms\":{\"terms\":[\"x\"],\"action\":\"redact\"}"),
         "/config/required_terms/action", "warn, block"},
        {CONTENT("\"blocked_topics\":{\"topics\":[\"wepons\"],\"action\":\"block\"}"),
         "/config/blocked_topics/topics/0", "did you mean 'weapons'"},
    };
    REFUSES(f, SHAPE, ERR_INVALID, list);
}

/* ---- templates ---------------------------------------------------------------------- */

static enum err from_template(struct fixture *f, const char *body)
{
    struct codec_reader r = {&f->arena, f->catalog, &f->issue, NULL};
    enum err e = codec_config_from_template(&r, support_json(f, body), &f->policy);
    f->policy.id = STR("a1");
    return e;
}

static void test_S2_7_S2_8_S2_9_the_documented_templates(void **state)
{
    struct fixture *f = *state;
    codec_config_template_write(&f->out, codec_config_template_find(STR("budget-mode")));
    assert_string_equal(
        support_text(f),
        "{\"slug\":\"budget-mode\",\"name\":\"Budget Mode\",\"description\":\"Aggressive cost "
        "optimization - prefer cheapest models\",\"category\":\"cost\",\"policy_type\":"
        "\"routing\",\"config\":{\"prefer_cheaper_models\":true,\"cost_ceiling_usd\":0.01}}");
    codec_config_template_write(&f->out, codec_config_template_find(STR("pii-protection")));
    assert_string_equal(
        support_text(f),
        "{\"slug\":\"pii-protection\",\"name\":\"PII Protection\",\"description\":\"Detect and "
        "redact PII from outputs\",\"category\":\"compliance\",\"policy_type\":\"content\","
        "\"config\":{\"pii_detection\":{\"enabled\":true,\"types\":[\"ssn\",\"credit_card\","
        "\"email\"],\"action\":\"redact\"}}}");
    assert_null(codec_config_template_find(STR("budget")));
}

/* S2-11..S2-22: slug, name, category; what can run becomes a policy, what cannot says so. */
static void test_S2_11_to_S2_22_every_template(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *slug, *name, *category, *type;
        const char *missing; /* NULL: can be created */
    } wanted[] = {
        {"budget-mode", "Budget Mode", "cost", "routing", "cost_ceiling_usd"},
        {"performance-mode", "Performance Mode", "performance", "routing", "latency_target_ms"},
        {"quality-mode", "Quality Mode", "performance", "routing", NULL},
        {"no-openai", "No OpenAI", "compliance", "routing", NULL},
        {"no-anthropic", "No Anthropic", "compliance", "routing", NULL},
        {"google-only", "Google Only", "compliance", "routing", NULL},
        {"pii-protection", "PII Protection", "compliance", "content", NULL},
        {"healthcare-compliance", "Healthcare Compliance", "compliance", "content", NULL},
        {"child-safe", "Child-Safe Content", "compliance", "content", NULL},
        {"professional-communication", "Professional Communication", "compliance", "content",
         NULL},
        {"custom-terms-filter", "Custom Terms Filter", "compliance", "content", NULL},
    };
    size_t count;
    const struct codec_config_template *list = codec_config_templates(&count);
    assert_int_equal(count, sizeof(wanted) / sizeof(wanted[0]));
    for (size_t i = 0; i < count; i++) {
        char body[100];
        assert_string_equal(list[i].slug, wanted[i].slug);
        assert_string_equal(list[i].name, wanted[i].name);
        assert_string_equal(list[i].category, wanted[i].category);
        assert_string_equal(list[i].policy_type, wanted[i].type);
        snprintf(body, sizeof(body), "{\"slug\":\"%s\"}", wanted[i].slug);
        enum err e = from_template(f, body);
        if (wanted[i].missing != NULL) {
            assert_int_equal(e, ERR_UNSUPPORTED);
            assert_non_null(strstr(f->issue.message, wanted[i].missing));
            continue;
        }
        if (e != ERR_OK) {
            fail_msg("%s: %s %s", wanted[i].slug, f->issue.pointer, f->issue.message);
        }
        assert_true(str_eq(f->policy.name, str_from(wanted[i].name)));
        assert_true(str_eq(f->policy.template_slug, str_from(wanted[i].slug)));
        assert_true(codec_shape_fits(SHAPE, &f->policy));
        assert_int_equal(f->policy.status, POLICY_ACTIVE);
    }
}

static void test_S2_59_what_is_said_over_a_template(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        from_template(f, "{\"template\":\"custom-terms-filter\",\"name\":\"Mine\",\"project\":"
                         "\"p\",\"priority\":1,\"config\":{\"blocked_terms\":{\"terms\":["
                         "\"acme\"]},\"required_terms\":{\"enabled\":true}}}"),
        ERR_OK);
    assert_true(str_eq(f->policy.name, STR("Mine")));
    assert_int_equal(f->policy.level, POLICY_PROJECT);
    assert_true(list_is(&f->policy.rules[0].content->patterns, "acme"));
    assert_true(f->policy.rules[1].is_enabled);
    static const struct {
        const char *body, *pointer;
    } wrong[] = {
        {"{}", "/template"},
        {"{\"slug\":\"nope\"}", "/slug"},
        {"{\"slug\":7}", "/slug"},
        {"{\"slug\":\"no-openai\",\"nam\":\"x\"}", "/nam"},
        {"{\"slug\":\"no-openai\",\"config\":{\"on_violation\":\"x\"}}", "/config/on_violation"},
        {"[]", ""},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(from_template(f, wrong[i].body), ERR_INVALID);
        assert_string_equal(f->issue.pointer, wrong[i].pointer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_S2_32_google_only),
        cmocka_unit_test(test_S2_23_S2_24_S2_25_S2_26_S2_31_lists),
        cmocka_unit_test(test_S2_27_S2_28_S2_29_S2_30_not_enforced_by_name),
        cmocka_unit_test(test_S2_42_pii_protection),
        cmocka_unit_test(test_S2_43_to_S2_49_types),
        cmocka_unit_test(test_S2_50_S2_51_S2_52_S2_53_the_two_verbs),
        cmocka_unit_test(test_S2_33_evaluate_output_and_input),
        cmocka_unit_test(test_S2_34_S2_38_disabled_sections),
        cmocka_unit_test(test_S2_57_S2_61_S2_62_project_priority_enabled),
        cmocka_unit_test(test_S2_60_patch),
        cmocka_unit_test(test_C_18_what_is_wrong_is_refused_where_it_is),
        cmocka_unit_test(test_S2_7_S2_8_S2_9_the_documented_templates),
        cmocka_unit_test(test_S2_11_to_S2_22_every_template),
        cmocka_unit_test(test_S2_59_what_is_said_over_a_template),
    };
    return cmocka_run_group_tests(tests, support_set_up, support_tear_down);
}
