/* SPDX-License-Identifier: Apache-2.0
 *
 * The config dialect's blocked body, byte for byte as documented (S2-54), its form for
 * an Anthropic client, and the member an answer carries (S2-51, S2-52, S2-69).
 */
#include "shape_support.h"

static const struct policy_violation *one_of(struct fixture *f, const char *body,
                                             const char *message)
{
    struct policy *p = ARENA_NEW(&f->arena, struct policy);
    struct policy_violation *v = ARENA_NEW(&f->arena, struct policy_violation);
    assert_int_equal(shape_parse(f, &codec_config_shape, body), ERR_OK);
    *p = f->policy;
    *v = (struct policy_violation){.policy = p,
                                   .rule = &p->rules[0],
                                   .effect = p->rules[0].effect,
                                   .provider = -1,
                                   .message = str_from(message)};
    return v;
}

static const char google_only[] =
    "{\"name\":\"Google Only\",\"policy_type\":\"routing\",\"config\":{\"model_allow_list\":["
    "\"gemini-2.5-pro\"],\"on_violation\":\"hard_block\"}}";

static void test_S2_54_S2_55_blocked_body(void **state)
{
    struct fixture *f = *state;
    const struct policy_violation *list[] = {
        one_of(f, google_only, "Model gpt-4o-mini is not in allow list")};
    codec_write_policy_blocked(&f->out, LLM_OPENAI, list, 1, STR("req_1"));
    assert_string_equal(
        support_text(f),
        "{\"error\":\"Request blocked by policy\",\"code\":\"POLICY_BLOCKED\",\"message\":"
        "\"Request blocked by policy: Model gpt-4o-mini is not in allow list\","
        "\"policy_evaluation\":{\"result\":\"hard_block\",\"violations\":[{\"policy_name\":"
        "\"Google Only\",\"rule\":\"model_allow_list\",\"message\":\"Model gpt-4o-mini is not in "
        "allow list\"}]}}");
}

/* C-4: an Anthropic SDK reads type and error; the rest is the document's. */
static void test_C_4_blocked_body_for_anthropic(void **state)
{
    struct fixture *f = *state;
    const struct policy_violation *list[] = {one_of(f, google_only, "No \"quotes\"\n")};
    codec_write_policy_blocked(&f->out, LLM_ANTHROPIC, list, 1, STR("req_1"));
    assert_string_equal(
        support_text(f),
        "{\"type\":\"error\",\"error\":{\"type\":\"permission_error\",\"message\":\"Request "
        "blocked by policy: No \\\"quotes\\\"\\n\",\"code\":\"POLICY_BLOCKED\"},\"request_id\":"
        "\"req_1\",\"code\":\"POLICY_BLOCKED\",\"message\":\"Request blocked by policy: No "
        "\\\"quotes\\\"\\n\",\"policy_evaluation\":{\"result\":\"hard_block\",\"violations\":[{"
        "\"policy_name\":\"Google Only\",\"rule\":\"model_allow_list\",\"message\":\"No "
        "\\\"quotes\\\"\\n\"}]}}");
}

static void test_S2_50_S2_51_S2_52_S2_69_member(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum policy_effect effect;
        const char *result;
    } cases[] = {{POLICY_INFO, "info"},
                 {POLICY_WARN, "warn"},
                 {POLICY_MODIFY, "soft_block"},
                 {POLICY_BLOCK, "hard_block"}};
    const struct policy_violation *list[] = {
        one_of(f,
               "{\"name\":\"P\",\"policy_type\":\"content\",\"config\":{\"pii_detection\":{"
               "\"types\":[\"email\"],\"action\":\"redact\"}}}",
               "PII detected: email"),
        one_of(f, google_only, "b")};
    for (size_t i = 0; i < 4; i++) {
        char wanted[300];
        codec_write_policy_evaluation(&f->out, cases[i].effect, list, 2, STR_NONE);
        snprintf(wanted, sizeof(wanted),
                 "{\"result\":\"%s\",\"violations\":[{\"policy_name\":\"P\",\"rule\":"
                 "\"pii_detection\",\"message\":\"PII detected: email\"},{\"policy_name\":"
                 "\"Google Only\",\"rule\":\"model_allow_list\",\"message\":\"b\"}]}",
                 cases[i].result);
        assert_string_equal(support_text(f), wanted);
    }
    codec_write_policy_evaluation(&f->out, POLICY_INFO, NULL, 0, STR_NONE);
    assert_string_equal(support_text(f), "{\"result\":\"allow\",\"violations\":[]}");
}

/* A rule of the key itself has no policy; a message longer than is sensible is left out. */
static void test_what_is_missing_leaves_a_whole_body(void **state)
{
    struct fixture *f = *state;
    static char text[20000];
    memset(text, 'x', sizeof(text));
    struct policy_violation none = {.message = {text, sizeof(text)}};
    const struct policy_violation *list[] = {&none};
    codec_write_policy_blocked(&f->out, LLM_OPENAI, list, 1, STR_NONE);
    yyjson_val *root = support_written(f);
    assert_true(str_eq(json_str(json_get(root, STR("message"))),
                       STR("Request blocked by policy")));
    codec_write_policy_blocked(&f->out, LLM_ANTHROPIC, NULL, 0, STR_NONE);
    (void)support_written(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_S2_54_S2_55_blocked_body),
        cmocka_unit_test(test_C_4_blocked_body_for_anthropic),
        cmocka_unit_test(test_S2_50_S2_51_S2_52_S2_69_member),
        cmocka_unit_test(test_what_is_missing_leaves_a_whole_body),
    };
    return cmocka_run_group_tests(tests, support_set_up, support_tear_down);
}
