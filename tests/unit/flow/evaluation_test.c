/* SPDX-License-Identifier: Apache-2.0
 *
 * The member policy_evaluation (S2-51, S2-69, C-2): in a JSON answer, in the chunk that
 * says why a stream ended, the same for every cut of the provider's bytes, and nowhere
 * when no config policy has something to say: but for what a stream says itself, which no
 * header can tell of, and for who asks for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rules.h"

#define MEMBER                                                                                     \
    "\"policy_evaluation\":{\"result\":\"warn\",\"violations\":[{\"policy_name\":\"Config "        \
    "words\",\"rule\":\"blocked_terms\",\"message\":\"Pattern matched: bluebird\"}]}"

static struct path p;
static const char *const governance[] = {TALK_OPEN, NULL};

static int set_up(void **state)
{
    (void)state;
    struct policy config = warn;
    config.id = STR("config");
    config.name = STR("Config words");
    config.origin = POLICY_CONFIG;
    const struct policy all[] = {config};
    path_set_up_with(&p, governance, all, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    path_tear_down(&p);
    return 0;
}

/* HTTP/1.0: the body as it is, without chunks. */
static void ask(const char *target, const char *body)
{
    char text[4096];
    snprintf(text, sizeof(text),
             "POST %s HTTP/1.0\r\nHost: gw\r\nAuthorization: Bearer %s\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             target, p.key, strlen(body), body);
    path_request(&p, text, 0);
    assert_int_equal(p.calls, 1);
}

static void answer(const char *type, const char *body, size_t step)
{
    static char text[16384];
    snprintf(text, sizeof(text),
             "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", type,
             strlen(body), body);
    path_answer(&p, text, step);
    assert_true(p.is_done);
    assert_true(str_eq(p.outcome.outcome, STR("completed")));
}

static struct str client_body(void)
{
    struct str all = buf_str(&p.client);
    ptrdiff_t head = str_find_str(all, STR("\r\n\r\n"));
    assert_true(head >= 0);
    return str_sub(all, (size_t)head + 4, all.len);
}

static size_t count_of(struct str text, const char *what)
{
    size_t count = 0;
    for (ptrdiff_t at; (at = str_find_str(text, str_from(what))) >= 0; count++) {
        text = str_sub(text, (size_t)at + 1, text.len);
    }
    return count;
}

static const struct talk {
    const char *target, *said, *quiet; /* with the word, without it */
    const char *type, *answer;
    const char *place; /* the member stands between these */
    const char *behind;
} talks[] = {
    {"/v1/chat/completions",
     "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"bluebird\"}]}",
     TALK_CHAT("gpt-4o", ""), "application/json", TALK_CHAT_ANSWER, "\"total_tokens\":7},", "}"},
    {"/v1/chat/completions",
     "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":"
     "\"bluebird\"}]}",
     TALK_CHAT("gpt-4o", TALK_STREAM), "text/event-stream",
     TALK_CHAT_DELTA TALK_CHAT_STOP TALK_DONE, "\"finish_reason\":\"stop\"}],",
     "}\n\ndata: [DONE]"},
    {"/v1/messages",
     "{\"model\":\"" TALK_CLAUDE "\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\","
     "\"content\":\"bluebird\"}]}",
     TALK_MESSAGES(TALK_CLAUDE, ""), "application/json", TALK_MESSAGES_ANSWER,
     "\"output_tokens\":2},", "}"},
    {"/v1/messages",
     "{\"model\":\"" TALK_CLAUDE "\",\"max_tokens\":9,\"stream\":true,\"messages\":[{\"role\":"
     "\"user\",\"content\":\"bluebird\"}]}",
     TALK_MESSAGES(TALK_CLAUDE, TALK_STREAM), "text/event-stream", TALK_MESSAGES_EVENTS,
     "\"output_tokens\":2},", "}\n\nevent: message_stop"},
};

static void test_S2_51_S2_69_the_member_is_in_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++) {
        char wanted[512];
        ask(talks[i].target, talks[i].said);
        answer(talks[i].type, talks[i].answer, 0);
        snprintf(wanted, sizeof(wanted), "%s" MEMBER "%s", talks[i].place, talks[i].behind);
        if (str_find_str(client_body(), str_from(wanted)) < 0) {
            fail_msg("%s\nnot in\n%.*s", wanted, STR_ARG(client_body()));
        }
        assert_int_equal(count_of(client_body(), "policy_evaluation"), 1);
        assert_true(path_client_has(&p, "x-governance-decision: warn\r\n"));
        assert_int_equal(p.outcome.response_bytes, client_body().len);
    }
}

static void test_nothing_to_say_changes_no_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++) {
        ask(talks[i].target, talks[i].quiet);
        answer(talks[i].type, talks[i].answer, 0);
        assert_int_equal(count_of(client_body(), "policy_evaluation"), 0);
        assert_true(i == 3 || str_eq(client_body(), str_from(talks[i].answer)));
    }
}

static void test_every_cut_gives_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++) {
        static char whole[16384];
        ask(talks[i].target, talks[i].said);
        answer(talks[i].type, talks[i].answer, 0);
        size_t len = client_body().len;
        memcpy(whole, client_body().ptr, len);
        for (size_t step = 1; step < 300; step += step < 40 ? 1 : 13) {
            ask(talks[i].target, talks[i].said);
            answer(talks[i].type, talks[i].answer, step);
            if (!str_eq(client_body(), (struct str){whole, len})) {
                fail_msg("step %zu: %.*s", step, STR_ARG(client_body()));
            }
        }
    }
}

/* A warning that is found in the answer itself. The head of a JSON answer tells of it, the
 * head of a stream has gone: then it is in the last chunk, whatever words the policy is in. */
static const struct content_rule warns_of_answers = {.kind = CONTENT_TERMS,
                                                     .effect = CONTENT_WARN,
                                                     .stages = CONTENT_RESPONSE,
                                                     .patterns = LIST(projects)};

static int set_up_late(void **state)
{
    (void)state;
    static struct policy_rule rule;
    rule = warn_rules[0];
    rule.stage = POLICY_RESPONSE;
    rule.content = &warns_of_answers;
    struct policy policy = warn;
    policy.rules = &rule;
    path_set_up_with(&p, governance, &policy, 1);
    return 0;
}

#define LATE                                                                                       \
    "\"policy_evaluation\":{\"result\":\"warn\",\"violations\":[{\"policy_name\":"                 \
    "\"Projects\",\"rule\":\"terms\",\"message\":\"Pattern matched: redwood\"}]}}\n\n"
#define SAYS(text, index)                                                                          \
    TALK_CHUNK "[{\"index\":" index ",\"delta\":{\"content\":\"" text                             \
               "\"},\"finish_reason\":null}]}\n\n"
#define STOPS(index) TALK_CHUNK "[{\"index\":" index ",\"delta\":{},\"finish_reason\":\"stop\"}]"

static void test_a_warning_of_a_stream_is_in_its_last_chunk(void **state)
{
    (void)state;
    static const char said[] = SAYS("the red", "0") SAYS("wood", "0") STOPS("0") "}\n\n" TALK_DONE;
    for (size_t step = 0; step < sizeof(said); step += step < 40 ? 1 : 13) {
        ask(talks[1].target, talks[1].quiet);
        answer("text/event-stream", said, step);
        if (str_find_str(client_body(), STR(STOPS("0") "," LATE TALK_DONE)) < 0) {
            fail_msg("step %zu: %.*s", step, STR_ARG(client_body()));
        }
        assert_int_equal(count_of(client_body(), "policy_evaluation"), 1);
        assert_true(str_eq(p.outcome.response_decision, STR("warn")));
    }
    ask(talks[3].target, talks[3].quiet);
    answer("text/event-stream",
           TALK_EVENT("message_start",
                      ",\"message\":" TALK_MESSAGE "\"content\":[],\"stop_reason\":null,"
                      "\"stop_sequence\":null,\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}")
           TALK_EVENT("content_block_start",
                      ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
           TALK_EVENT("content_block_delta",
                      ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"redwood\"}")
           TALK_EVENT("content_block_stop", ",\"index\":0")
           TALK_EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\","
                      "\"stop_sequence\":null},\"usage\":{\"output_tokens\":2}")
           TALK_EVENT("message_stop", ""), 0);
    assert_true(str_find_str(client_body(), STR("\"output_tokens\":2}," LATE
                                                "event: message_stop")) >= 0);
}

/* Each choice ends by itself; the last one to end tells of all. */
static void test_a_warning_of_another_choice(void **state)
{
    (void)state;
    ask(talks[1].target, talks[1].quiet);
    answer("text/event-stream",
           SAYS("fine", "0") STOPS("0") "}\n\n" SAYS("redwood", "1") STOPS("1") "}\n\n" TALK_DONE,
           0);
    assert_int_equal(count_of(client_body(), "policy_evaluation"), 1);
    assert_true(str_find_str(client_body(), STR(STOPS("1") "," LATE)) >= 0);
}

static void test_a_warning_of_a_whole_answer_is_in_its_head(void **state)
{
    (void)state;
    static const char said[] =
        "{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"gpt-4o\","
        "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"redwood\"},"
        "\"finish_reason\":\"stop\",\"logprobs\":null}]}";
    ask(talks[0].target, talks[0].quiet);
    answer("application/json", said, 0);
    assert_true(str_eq(client_body(), STR(said)));
    assert_true(path_client_has(&p, "x-governance-decision: warn\r\n"));
    assert_true(path_client_has(&p, "x-governance-violations: Pattern matched: redwood\r\n"));
}

/* C-2: the caller asks, and hears that there was nothing as well. */
static void test_C_2_who_asks_is_told_always(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char text[4096];
        snprintf(text, sizeof(text),
                 "POST %s HTTP/1.0\r\nHost: gw\r\nAuthorization: Bearer %s\r\n"
                 "X-Error-Format: policy\r\nContent-Type: application/json\r\n"
                 "Content-Length: %zu\r\n\r\n%s",
                 talks[i].target, p.key, strlen(talks[i].quiet), talks[i].quiet);
        path_request(&p, text, 0);
        answer(talks[i].type, talks[i].answer, 0);
        assert_int_equal(count_of(client_body(), ",\"policy_evaluation\":{\"result\":\"allow\","
                                                 "\"violations\":[]}}"), 1);
    }
}

/* What a model says about reasons is not a reason: inside a string quotes are escaped. */
static void test_a_text_that_looks_like_the_end(void **state)
{
    (void)state;
    ask(talks[1].target, talks[1].said);
    answer("text/event-stream",
           TALK_CHUNK "[{\"index\":0,\"delta\":{\"content\":"
                      "\"\\\"finish_reason\\\":\\\"stop\\\"\"},"
                      "\"finish_reason\":null}]}\n\n" TALK_CHAT_STOP TALK_DONE,
           0);
    assert_int_equal(count_of(client_body(), "policy_evaluation"), 1);
    assert_true(str_find_str(client_body(), STR("\"finish_reason\":null}]}\n\n")) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_S2_51_S2_69_the_member_is_in_its_place, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_to_say_changes_no_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_cut_gives_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_text_that_looks_like_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_warning_of_a_stream_is_in_its_last_chunk,
                                        set_up_late, tear_down),
        cmocka_unit_test_setup_teardown(test_a_warning_of_another_choice, set_up_late, tear_down),
        cmocka_unit_test_setup_teardown(test_a_warning_of_a_whole_answer_is_in_its_head,
                                        set_up_late, tear_down),
        cmocka_unit_test_setup_teardown(test_C_2_who_asks_is_told_always, set_up_late, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
