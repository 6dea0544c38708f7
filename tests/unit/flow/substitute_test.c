/* SPDX-License-Identifier: Apache-2.0
 *
 * Another model is called than was asked for (S2-52, product.md 2.5): the client is told
 * by header and policy_evaluation, an answer that is translated names what was called,
 * and the record holds both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rules.h"

static struct path p;
static const char *const governance[] = {TALK_OPEN, NULL};
static const struct str mini[] = {STR_INIT("gpt-4o-mini"), STR_INIT(TALK_CLAUDE)};

static void open_with(const char *substitute)
{
    static struct policy_rule rule;
    static struct policy soft;
    rule = (struct policy_rule){.key = STR_INIT("models"),
                                .type = POLICY_MODEL_LIST,
                                .effect = POLICY_MODIFY,
                                .stage = POLICY_SELECT,
                                .is_enabled = true,
                                .allow = LIST(mini),
                                .substitute = str_from(substitute)};
    soft = (struct policy){.id = STR_INIT("soft"),
                           .name = STR_INIT("Small"),
                           .origin = POLICY_CONFIG,
                           .status = POLICY_ACTIVE,
                           .version = 1,
                           .rules = &rule,
                           .rules_count = 1};
    path_set_up_with(&p, governance, &soft, 1);
}

static int close_path(void **state)
{
    (void)state;
    path_tear_down(&p);
    return 0;
}

static void answer(const char *type, const char *body)
{
    static char text[8192];
    assert_int_equal(p.calls, 1);
    snprintf(text, sizeof(text),
             "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", type,
             strlen(body), body);
    path_answer(&p, text, 0);
    assert_true(p.is_done);
    assert_true(str_eq(p.outcome.outcome, STR("completed")));
}

static void expect(const char *part)
{
    if (!path_client_has(&p, part)) {
        fail_msg("%s\nnot in\n%.*s", part, STR_ARG(buf_str(&p.client)));
    }
}

#define MEMBER(model)                                                                              \
    "\"policy_evaluation\":{\"result\":\"soft_block\",\"violations\":[{\"policy_name\":"           \
    "\"Small\",\"rule\":\"model_allow_list\",\"message\":\"Model gpt-4o is not in allow "          \
    "list\"}],\"modifications\":[{\"kind\":\"model_override\",\"path\":\"/model\","                \
    "\"replacement\":\"" model "\"}]}}"

static void expect_record(const char *model)
{
    assert_true(str_eq(p.decision.decision, STR("modify")));
    assert_true(str_eq(p.decision.model_requested, STR("gpt-4o")));
    assert_true(str_eq(p.decision.substituted_from, STR("gpt-4o")));
    assert_true(str_eq(p.decision.model, str_from(model)));
    assert_int_equal(p.decision.modifications, 1);
}

static void test_S2_52_it_is_told_and_recorded(void **state)
{
    (void)state;
    open_with("gpt-4o-mini");
    path_post(&p, "/v1/chat/completions", TALK_CHAT("gpt-4o", ""));
    assert_true(path_provider_has(&p, "\"model\":\"gpt-4o-mini\""));
    answer("application/json", TALK_CHAT_ANSWER);
    expect("x-gateway-model: openai/gpt-4o-mini\r\n");
    expect("," MEMBER("openai/gpt-4o-mini"));
    expect_record("openai/gpt-4o-mini");
    path_post(&p, "/v1/chat/completions", TALK_CHAT("gpt-4o", TALK_STREAM));
    answer("text/event-stream", TALK_CHAT_EVENTS);
    expect("\"finish_reason\":\"stop\"}]," MEMBER("openai/gpt-4o-mini"));
    expect_record("openai/gpt-4o-mini");
}

static void test_what_was_asked_for_says_nothing(void **state)
{
    (void)state;
    open_with("gpt-4o-mini");
    path_post(&p, "/v1/chat/completions", TALK_CHAT("gpt-4o-mini", ""));
    answer("application/json", TALK_CHAT_ANSWER);
    assert_false(path_client_has(&p, "x-gateway-model"));
    assert_false(path_client_has(&p, "policy_evaluation"));
    assert_int_equal(p.decision.substituted_from.len, 0);
    assert_int_equal(p.decision.modifications, 0);
}

/* The answer is written here: it does not claim to be of the model that was not called. */
static void test_a_translated_answer_names_what_was_called(void **state)
{
    (void)state;
    open_with(TALK_CLAUDE);
    path_post(&p, "/v1/chat/completions", TALK_CHAT("gpt-4o", ",\"max_tokens\":9"));
    answer("application/json", TALK_MESSAGES_ANSWER);
    expect("\"model\":\"anthropic/" TALK_CLAUDE "\"");
    expect_record("anthropic/" TALK_CLAUDE);
    path_post(&p, "/v1/chat/completions", TALK_CHAT(TALK_CLAUDE, ",\"max_tokens\":9"));
    answer("application/json", TALK_MESSAGES_ANSWER);
    expect("\"model\":\"" TALK_CLAUDE "\""); /* the client's own word */
}

#define TEST(name) cmocka_unit_test_teardown(name, close_path)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_S2_52_it_is_told_and_recorded),
        TEST(test_what_was_asked_for_says_nothing),
        TEST(test_a_translated_answer_names_what_was_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
