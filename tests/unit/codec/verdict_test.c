/* SPDX-License-Identifier: Apache-2.0
 *
 * A verdict in the documented words: the violations of a blocked body, the header
 * that cannot be split, and the evaluation.
 */
#include "support.h"

static const char *header(struct fixture *f, const struct str *messages, size_t count)
{
    struct policy_violation all[32];
    const struct policy_violation *list[32];
    for (size_t i = 0; i < count; i++) {
        all[i] = (struct policy_violation){.message = messages[i]};
        list[i] = &all[i];
    }
    codec_write_violations_header(&f->out, list, count);
    return support_text(f);
}

static void test_S0_59_header_is_joined_and_encoded(void **state)
{
    struct fixture *f = *state;
    const struct str two[] = {STR("Provider 'groq' does not have BAA available"), STR("b")};
    assert_string_equal(header(f, two, 1), "Provider 'groq' does not have BAA available");
    assert_string_equal(header(f, two, 2), "Provider 'groq' does not have BAA available; b");
    assert_string_equal(header(f, two, 0), "");
    const struct str evil[] = {STR("a\r\nSet-Cookie: x=1\0\x7f\t100% \xc3\xa9")};
    assert_string_equal(header(f, evil, 1), "a%0D%0ASet-Cookie: x=1%00%7F%09100%25 %C3%A9");
}

static void test_S0_59_header_is_capped(void **state)
{
    struct fixture *f = *state;
    static char text[4096];
    for (size_t len = 900; len < 1100; len++) {
        memset(text, 'a', len);
        size_t written = strlen(header(f, &(struct str){text, len}, 1));
        assert_true(written <= 1024);
        memset(text, 0xff, len);
        const char *encoded = header(f, &(struct str){text, len}, 1);
        assert_true(strlen(encoded) <= 1024);
        assert_non_null(strstr(encoded, "%FF..."));
    }
    struct str many[32];
    memset(text, 'b', sizeof(text));
    for (size_t i = 0; i < 32; i++) {
        many[i] = (struct str){text, 60};
    }
    const char *joined = header(f, many, 32);
    assert_true(strlen(joined) <= 1024);
    assert_string_equal(joined + strlen(joined) - 3, "...");
    /* Behind something else in the same buffer the cap is the value's own. */
    buf_add(&f->out, STR("x: "));
    struct policy_violation one = {.message = {text, sizeof(text)}};
    const struct policy_violation *list[1] = {&one};
    codec_write_violations_header(&f->out, list, 1);
    assert_true(strlen(support_text(f)) <= 1024 + 3);
}

static void test_S0_54_S0_52_body_members(void **state)
{
    struct fixture *f = *state;
    struct policy_violation list[2] = {{.message = STR("one \"quoted\"")}, {.message = STR("two")}};
    struct policy_rule rule = {.source_word = STR("hard_block")};
    struct policy_verdict v = {
        .effect = POLICY_BLOCK, .violations = list, .violations_count = 2, .decider_rule = &rule};
    codec_write_violations(&f->out, &v);
    assert_string_equal(support_text(f), ",\"violations\":[\"one \\\"quoted\\\"\",\"two\"]");
    rule.source_word = STR("soft_block");
    codec_write_violations(&f->out, &v);
    assert_string_equal(support_text(f), ",\"enforcement\":\"soft_block\",\"violations\":[\"one "
                                         "\\\"quoted\\\"\",\"two\"]");
    codec_write_violations(&f->out, &(struct policy_verdict){.effect = POLICY_BLOCK});
    assert_string_equal(support_text(f), ",\"violations\":[]");
}

static yyjson_val *evaluate(struct fixture *f, const char *governance, const char *model)
{
    struct issue issue;
    static struct policy p;
    assert_int_equal(
        codec_governance_parse(&f->arena, support_json(f, governance), f->catalog, &p, &issue),
        ERR_OK);
    p.id = STR("abc123");
    p.is_default = true;
    p.version = 3;
    struct policy_org_rows rows = {.id = STR("org_acme"), .policies = &p, .policies_count = 1};
    struct policy_org *org;
    assert_int_equal(policy_org_new(&rows,
                                    &(struct policy_build){.catalog = f->catalog, .now_s = 1000},
                                    &org, &issue),
                     ERR_OK);
    struct route_resolution models;
    struct policy_verdict verdict;
    assert_int_equal(route_resolve(f->catalog, str_from(model), &models), ERR_OK);
    struct policy_facts facts = {.org = org, .models = &models};
    assert_int_equal(policy_decide(&f->arena, &facts, &verdict), ERR_OK);
    struct route_choice choice = {.candidate = 0};
    choice.model = route_catalog_model(f->catalog, models.models[0]);
    choice.provider = route_catalog_provider(f->catalog, choice.model->provider);
    struct codec_evaluation e = {.catalog = f->catalog,
                                 .facts = &facts,
                                 .verdict = &verdict,
                                 .choice = verdict.allowed != 0 ? &choice : NULL,
                                 .request_id = STR("req_1"),
                                 .epoch = 9};
    codec_write_evaluation(&f->out, &e);
    yyjson_val *root = support_written(f);
    policy_org_unref(org);
    return root;
}

static bool is(yyjson_val *root, const char *name, const char *value)
{
    return str_eq(json_str(json_get(root, str_from(name))), str_from(value));
}

static void test_evaluation_says_what_the_path_would(void **state)
{
    struct fixture *f = *state;
    yyjson_val *r =
        evaluate(f, "{\"name\":\"P\",\"rules\":{\"minimumTrustTier\":\"most_trusted\"}}",
                 "deepseek/deepseek-v3.2");
    assert_true(is(r, "decision", "block") && is(r, "request_id", "req_1"));
    assert_true(is(r, "policy", "P") && is(r, "policy_id", "pol_abc123"));
    assert_true(is(r, "rule", "provider_requirement") && is(r, "rule_key", "requirements"));
    assert_true(is(r, "reason", "Provider 'deepseek' is China-based and blocked by policy"));
    yyjson_val *violations = json_get(r, STR("violations"));
    assert_int_equal(yyjson_arr_size(violations), 2); /* S0-58 */
    yyjson_val *first = yyjson_arr_get_first(violations);
    assert_true(is(first, "provider", "deepseek") && is(first, "effect", "block"));
    assert_true(is(first, "severity", "security_event"));
    assert_int_equal(yyjson_arr_size(json_get(r, STR("allowed_providers"))), 0);
    assert_null(json_get(r, STR("provider")));
    int64_t epoch = 0;
    assert_true(json_int(json_get(r, STR("epoch")), &epoch));
    assert_int_equal(epoch, 9);

    r = evaluate(f, "{\"name\":\"P\",\"rules\":{\"requireBaa\":true,\"enforcement\":\"warn\"}}",
                 "groq/llama-3.3-70b-versatile");
    assert_true(is(r, "decision", "warn") && is(r, "provider", "groq"));
    assert_int_equal(yyjson_arr_size(json_get(r, STR("violations"))), 1);

    r = evaluate(f, "{\"name\":\"P\",\"rules\":{}}", "gpt-4o");
    assert_true(is(r, "decision", "allow") && is(r, "provider", "openai"));
    assert_true(is(json_get(r, STR("model")), "requested", "gpt-4o"));
    assert_true(is(json_get(r, STR("model")), "resolved", "openai/gpt-4o"));
    assert_int_equal(yyjson_arr_size(json_get(r, STR("violations"))), 0);
}

/* Content rules: the strictest decides, every violation says where. */
static void test_evaluation_of_texts(void **state)
{
    struct fixture *f = *state;
    struct policy policy = {.id = STR("p1"), .name = STR("PII"), .version = 2};
    struct policy_rule rules[2] = {{.key = STR("mail"), .type = POLICY_PII},
                                   {.key = STR("words"), .type = POLICY_TERMS}};
    struct content_hit hits[2] = {{.stage = CONTENT_REQUEST,
                                   .what = STR("email"),
                                   .pointer = STR("/prompt"),
                                   .start = 4,
                                   .end = 9,
                                   .count = 2,
                                   .score = 935},
                                  {.stage = CONTENT_RESPONSE, .what = STR("x"), .count = 1}};
    struct codec_found found[2] = {{{.policy = &policy,
                                     .rule = &rules[0],
                                     .effect = POLICY_MODIFY,
                                     .provider = -1,
                                     .message = STR("PII detected: email")},
                                    &hits[0]},
                                   {{.policy = &policy,
                                     .rule = &rules[1],
                                     .effect = POLICY_BLOCK,
                                     .provider = -1,
                                     .message = STR("Pattern matched: x")},
                                    &hits[1]}};
    struct route_resolution models;
    assert_int_equal(route_resolve(f->catalog, STR("gpt-4o"), &models), ERR_OK);
    struct policy_facts facts = {.models = &models};
    struct policy_verdict verdict = {.effect = POLICY_INFO, .allowed = 1};
    struct codec_evaluation e = {.catalog = f->catalog,
                                 .facts = &facts,
                                 .verdict = &verdict,
                                 .request_id = STR("req_1"),
                                 .has_content = true,
                                 .found = found,
                                 .found_count = 2,
                                 .modifications = 2,
                                 .edited_prompt = STR("mail [REDACTED]"),
                                 .edited_response = STR("\"quoted\"")};
    codec_write_evaluation(&f->out, &e);
    yyjson_val *r = support_written(f);
    assert_true(is(r, "decision", "block") && is(r, "stage", "response"));
    assert_true(is(r, "policy", "PII") && is(r, "rule", "terms") && is(r, "rule_key", "words"));
    assert_true(is(r, "reason", "Pattern matched: x"));
    assert_int_equal(yyjson_get_int(json_get(r, STR("modifications"))), 2);
    yyjson_val *first = yyjson_arr_get_first(json_get(r, STR("violations")));
    assert_true(is(first, "stage", "request") && is(first, "what", "email"));
    assert_true(is(first, "pointer", "/prompt") && is(first, "effect", "modify"));
    assert_int_equal(yyjson_get_int(json_get(first, STR("start"))), 4);
    assert_int_equal(yyjson_get_int(json_get(first, STR("end"))), 9);
    assert_true(yyjson_get_real(json_get(first, STR("score"))) == 0.935);
    assert_null(json_get(json_get(r, STR("edited")), STR("request")));
    assert_true(is(json_get(r, STR("edited")), "prompt", "mail [REDACTED]"));
    assert_true(is(json_get(r, STR("edited")), "response", "\"quoted\""));

    e.found_count = 1; /* a replacement alone */
    e.edited_prompt = STR_NONE;
    e.edited_response = STR_NONE;
    e.edited_request = STR("{\"model\":\"gpt-4o\"}");
    codec_write_evaluation(&f->out, &e);
    r = support_written(f);
    assert_true(is(r, "decision", "modify") && is(r, "stage", "request"));
    assert_true(is(json_get(json_get(r, STR("edited")), STR("request")), "model", "gpt-4o"));

    verdict.allowed = 0; /* what no candidate is left for is not read */
    verdict.effect = POLICY_BLOCK;
    codec_write_evaluation(&f->out, &e);
    r = support_written(f);
    assert_true(is(r, "decision", "block") && is(r, "stage", "select"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_S0_59_header_is_joined_and_encoded),
        cmocka_unit_test(test_S0_59_header_is_capped),
        cmocka_unit_test(test_S0_54_S0_52_body_members),
        cmocka_unit_test(test_evaluation_says_what_the_path_would),
        cmocka_unit_test(test_evaluation_of_texts),
    };
    return cmocka_run_group_tests(tests, support_set_up, support_tear_down);
}
