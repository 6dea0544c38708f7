/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams under content rules where something is out of the ordinary: several choices,
 * strings that end with their first event, halves of surrogate pairs, probabilities,
 * sequence numbers, what nobody can read, and every way a stream may break off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "answer_rules.h"
#include "answers.h"

static struct path p;

static void answer(const char *events, enum flow_end_how how)
{
    path_answer(&p, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", 0);
    if (!p.is_done) {
        path_answer(&p, events, 0);
    }
    if (!p.is_done) {
        path_answer_end(&p, how);
    }
    assert_true(p.is_done);
    assert_int_equal(p.outcomes, 1);
}

/* The events the client gets, as one text. */
static struct str body(struct heard *h)
{
    talk_hear(&p, TALK_CHAT_PLAIN, false, h);
    return h->body;
}

static void expect_body(const char *wanted)
{
    struct heard h;
    struct str got = body(&h);
    if (!str_eq(got, str_from(wanted))) {
        print_error("wanted %s\ngot    %.*s\n", wanted, STR_ARG(got));
        fail();
    }
    heard_free(&h);
}

static void expect_outcome(const char *outcome)
{
    assert_true(str_eq(p.outcome.outcome, str_from(outcome)));
}

#define CHUNK(choices) "data: {\"id\":\"c\",\"model\":\"gpt-4o\",\"choices\":[" choices "]}\n\n"
#define SAY(n, text) "{\"index\":" n ",\"delta\":{\"content\":\"" text "\"}}"
#define STOP(n) "{\"index\":" n ",\"delta\":{},\"finish_reason\":\"stop\"}"
#define DONE "data: [DONE]\n\n"

static void test_choices_are_apart(void **state)
{
    (void)state;
    answer_rules_set_up(&p, MASK);
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    answer(CHUNK(SAY("0", "I am jane")) CHUNK(SAY("1", "no 123-45"))
               CHUNK(SAY("0", ".doe@acme") "," SAY("1", "-67"))
                   CHUNK(SAY("1", "89") "," SAY("0", ".com")) CHUNK(STOP("1")) CHUNK(SAY("0", "!"))
                       CHUNK(STOP("0")) DONE,
           FLOW_END_COMPLETE);
    expect_body(CHUNK(SAY("0", "I am ")) CHUNK(SAY("1", "no ")) CHUNK(SAY("1", "***-**-6789"))
                    CHUNK(STOP("1")) CHUNK(SAY("0", "j***@acme.com!")) CHUNK(STOP("0")) DONE);
    expect_outcome("completed");
    assert_true(str_eq(p.outcome.response_decision, STR("modify")));
    assert_int_equal(p.outcome.modifications, 2);
    assert_int_equal(p.outcome.violations_count, 2);
    assert_true(str_eq(p.outcome.violations[0].stage, STR("response")));
    path_tear_down(&p);
}

/* Some providers end a choice in the chunk that says its last word. */
static void test_a_last_word_with_its_end(void **state)
{
    (void)state;
    answer_rules_set_up(&p, MASK);
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    answer(CHUNK("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"to jane\"}}") CHUNK(
               "{\"index\":0,\"delta\":{\"content\":\".doe@acme.com\"},\"finish_reason\":\"stop\"}")
               DONE,
           FLOW_END_COMPLETE);
    expect_body(CHUNK("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"to \"}}") CHUNK(
        "{\"index\":0,\"delta\":{\"content\":\"j***@acme.com\"},\"finish_reason\":\"stop\"}") DONE);
    path_tear_down(&p);
}

/* An event that is left with nothing but its role, usage or call is sent all the same. */
static void test_what_else_is_said_is_not_held(void **state)
{
    (void)state;
    answer_rules_set_up(&p, MASK);
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    answer(CHUNK("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"jane\"}}")
               CHUNK("{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\","
                     "\"function\":{\"name\":"
                     "\"f\",\"arguments\":\"{\\\"a\"}}]}}") CHUNK(STOP("0")) DONE,
           FLOW_END_COMPLETE);
    expect_body(
        CHUNK("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}") CHUNK(
            "{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"function\":{"
            "\"name\":\"f\","
            "\"arguments\":\"{\\\"\"}}]}}") CHUNK(SAY("0", "jane"))
            CHUNK(
                "{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
                "\"a\"}}]}}") CHUNK(STOP("0")) DONE);
    path_tear_down(&p);
}

static void test_probabilities_are_taken_out(void **state)
{
    (void)state;
    answer_rules_set_up(&p, MASK);
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    answer(CHUNK("{\"index\":0,\"delta\":{\"content\":\"jane.doe@acme.com, "
                 "\"},\"logprobs\":{\"content\":"
                 "[{\"token\":\"jane\",\"top_logprobs\":[]}]}}") CHUNK(STOP("0")) DONE,
           FLOW_END_COMPLETE);
    expect_body(CHUNK("{\"index\":0,\"delta\":{\"content\":\"j***@acme.com, \"},\"logprobs\":null}")
                    CHUNK(STOP("0")) DONE);
    path_tear_down(&p);
}

/* A provider cuts a smile in two; both halves are of one character, and of one stream. */
static void test_halves_of_a_pair(void **state)
{
    (void)state;
    answer_rules_set_up(&p, MASK);
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    answer(CHUNK(SAY("0", "a \\ud83d")) CHUNK(SAY("0", "\\ude00 b")) CHUNK(STOP("0")) DONE,
           FLOW_END_COMPLETE);
    struct heard h;
    talk_hear(&p, TALK_CHAT_PLAIN, false, &h);
    assert_true(str_eq(buf_str(&h.text), STR("a \xf0\x9f\x98\x80 b")));
    heard_free(&h);
    path_tear_down(&p);
}

/* The events as they came, and at the end of the last chunk the warning. */
static void expect_warned(const char *events, const char *message)
{
    static char warned[2048];
    snprintf(warned, sizeof(warned),
             "%.*s,\"policy_evaluation\":{\"result\":\"warn\",\"violations\":[{\"policy_name\":"
             "\"Answers\",\"rule\":\"pii\",\"message\":\"%s\"}]}}\n\n" DONE,
             (int)(strlen(events) - strlen("}\n\n" DONE)), events, message);
    expect_body(warned);
}

/* Where a rule only warns, and where none looks at answers, the bytes are the provider's;
 * the warning is told at the end of the last chunk. */
static void test_untouched_bytes(void **state)
{
    (void)state;
    static const char events[] = ": note\n\n" CHUNK(
        SAY("0", "I \\u0061m jane.doe@acme.com")) "data: {\"choices\" : "
                                                  "[]}\r\n\r\n" CHUNK("{\"index\":0,\"delta\":{"
                                                                      "\"content\":\"b\"},"
                                                                      "\"logprobs\":{"
                                                                      "\"content\":[]}}")
                                                      CHUNK(STOP("0")) DONE;
    answer_rules_set_up(&p, WARN);
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    answer(events, FLOW_END_COMPLETE);
    expect_warned(events, "PII detected: email");
    assert_true(str_eq(p.outcome.response_decision, STR("warn")));
    assert_int_equal(p.outcome.violations_count, 1);
    assert_int_equal(p.outcome.violations[0].count, 1);
    path_tear_down(&p);
    answer_rules_set_up(&p, PSEUDONYM); /* of requests, and there is nothing in this one */
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    answer(events, FLOW_END_COMPLETE);
    expect_body(events);
    assert_null(p.outcome.response_decision.ptr);
    path_tear_down(&p);
}

#define EV(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define PLACE ",\"item_id\":\"i\",\"output_index\":0,\"content_index\":0"
#define DELTA(n, text)                                                                             \
    EV("response.output_text.delta", ",\"sequence_number\":" n PLACE ",\"delta\":\"" text "\"")
#define TEXT_DONE(n, text)                                                                         \
    EV("response.output_text.done", ",\"sequence_number\":" n PLACE ",\"text\":\"" text "\"")
#define RESPONSE_DONE(n, text)                                                                     \
    EV("response.completed", ",\"sequence_number\":" n ",\"response\":{\"object\":\"response\","   \
                             "\"output\":[{\"type\":\"message\",\"content\":[{\"type\":"           \
                             "\"output_text\",\"text\":\"" text "\"}]}]}")

/* No number twice, none left out. */
static void test_sequence_numbers(void **state)
{
    (void)state;
    answer_rules_set_up(&p, MASK);
    talk_ask(&p, TALK_RESPONSES_PLAIN, true, "hi");
    answer(DELTA("7", "a ") DELTA("8", "jane") DELTA("9", ".doe@acme.com") DELTA("10", " b")
               TEXT_DONE("11", "a jane.doe@acme.com b")
                   RESPONSE_DONE("12", "a jane.doe@acme.com b"),
           FLOW_END_COMPLETE);
    expect_body(DELTA("7", "a ") DELTA("8", "j***@acme.com ") DELTA("9", "b")
                    TEXT_DONE("10", "a j***@acme.com b") RESPONSE_DONE("11", "a j***@acme.com b"));
    path_tear_down(&p);
}

#define BLOCK_START(text)                                                                          \
    EV("content_block_start",                                                                      \
       ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"" text "\"}")
#define BLOCK_DELTA(text)                                                                          \
    EV("content_block_delta",                                                                      \
       ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" text "\"}")
#define BLOCK_STOP EV("content_block_stop", ",\"index\":0")
#define MESSAGE_START                                                                              \
    EV("message_start", ",\"message\":" TALK_MESSAGE                                               \
                        "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{"   \
                        "\"input_tokens\":5,\"output_tokens\":1}}")
#define MESSAGE_STOP                                                                               \
    EV("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},"        \
                        "\"usage\":{\"output_tokens\":2}")                                         \
    EV("message_stop", "")

/* A block may begin with text: what is split between its start and its pieces is found. */
static void test_a_block_that_begins_with_text(void **state)
{
    (void)state;
    answer_rules_set_up(&p, MASK);
    talk_ask(&p, TALK_MESSAGES_PLAIN, true, "hi");
    answer(MESSAGE_START BLOCK_START("I am jane") BLOCK_DELTA(".doe@acme.com")
               BLOCK_STOP MESSAGE_STOP,
           FLOW_END_COMPLETE);
    expect_body(MESSAGE_START BLOCK_START("I am ") BLOCK_DELTA("j***@acme.com")
                    BLOCK_STOP MESSAGE_STOP);
    assert_int_equal(p.outcome.output_tokens, 2);
    talk_ask(&p, TALK_MESSAGES_PLAIN, true, "hi");
    answer(MESSAGE_START BLOCK_START("I am jane.doe@acme.com") BLOCK_STOP MESSAGE_STOP,
           FLOW_END_COMPLETE);
    expect_body(MESSAGE_START BLOCK_START("I am ") BLOCK_DELTA("j***@acme.com")
                    BLOCK_STOP MESSAGE_STOP);
    path_tear_down(&p);
}

/* A chat stream that becomes blocks: text is complete when a call begins, and calls when
 * the next one does. */
#define CALL(n, rest) "{\"index\":" n "," rest "}"
#define ARGUMENTS(text) "\"function\":{\"arguments\":\"" text "\"}"
#define CALLS(more, calls) CHUNK("{\"index\":0,\"delta\":{" more "\"tool_calls\":[" calls "]}}")

static void test_translated_blocks_keep_their_order(void **state)
{
    (void)state;
    answer_rules_set_up(&p, MASK);
    talk_ask(&p, TALK_MESSAGES_OF_CHAT, true, "hi");
    answer(CHUNK(SAY("0", "I ask jane")) CALLS(
               "\"content\":\".doe@acme.com\",",
               CALL("0", "\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}"))
               CALLS("", CALL("0", ARGUMENTS("{\\\"a\\\":41"))) CALLS(
                   "", CALL("0", ARGUMENTS("1}")) "," CALL(
                           "1", "\"id\":\"c2\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}"))
                   CHUNK(STOP("0")) DONE,
           FLOW_END_COMPLETE);
    expect_outcome("completed");
    struct heard h;
    struct str got = body(&h);
    static const char *const order[] = {
        "\"text_delta\",\"text\":\"I ask \"",
        "\"text_delta\",\"text\":\"j***@acme.com\"",
        "\"content_block_stop\",\"index\":0",
        "\"content_block_start\",\"index\":1",
        "\"partial_json\":\"{\\\"a\\\":\"",
        "\"partial_json\":\"411}\"",
        "\"content_block_stop\",\"index\":1",
        "\"content_block_start\",\"index\":2",
        "\"partial_json\":\"{}\"",
        "\"content_block_stop\",\"index\":2",
    };
    for (size_t i = 0; i < COUNT(order); i++) {
        ptrdiff_t at = str_find_str(got, str_from(order[i]));
        if (at < 0) {
            print_error("%s is not in %.*s\n", order[i], STR_ARG(h.body));
            fail();
        }
        got = str_sub(got, (size_t)at + 1, got.len);
    }
    heard_free(&h);
    path_tear_down(&p);
}

/* ---- breaking off ----------------------------------------------------------------------- */

#define HELD CHUNK(SAY("0", "to jane")) CHUNK(SAY("0", ".doe@acme.com"))
#define GONE CHUNK(SAY("0", "to ")) CHUNK(SAY("0", "j***@acme.com"))

static void expect_broken(const char *more, enum flow_end_how how, const char *code)
{
    char events[4096];
    struct heard h;
    snprintf(events, sizeof(events), HELD "%s", more);
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    answer(events, how);
    talk_hear(&p, TALK_CHAT_PLAIN, false, &h);
    assert_true(str_eq(buf_str(&h.text), STR("to j***@acme.com")));
    assert_true(h.has_error);
    assert_true(str_eq(h.error_code, str_from(code)));
    assert_false(h.is_finished);
    heard_free(&h);
}

/* What was held is looked through as the end of its text, and goes out before the error. */
static void test_held_text_goes_before_an_error(void **state)
{
    (void)state;
    answer_rules_set_up(&p, MASK);
    expect_broken("", FLOW_END_TRUNCATED, "upstream_truncated");
    expect_outcome("truncated");
    expect_broken("", FLOW_END_TIMEOUT, "upstream_timeout");
    expect_outcome("timeout");
    expect_broken("", FLOW_END_COMPLETE, "upstream_truncated"); /* no [DONE] */
    expect_outcome("truncated");
    expect_broken("data: nonsense\n\n", FLOW_END_COMPLETE, "upstream_invalid_event");
    assert_int_equal(p.drops, 1);
    expect_broken("data: {\"error\":{\"message\":\"no\",\"code\":\"busy\"}}\n\n", FLOW_END_COMPLETE,
                  "busy");
    expect_outcome("upstream_error");
    path_tear_down(&p);
}

/* The end of the text may be what blocks. */
static void test_a_flush_may_block(void **state)
{
    (void)state;
    struct heard h;
    answer_rules_set_up(&p, BLOCK);
    static const enum flow_end_how hows[] = {FLOW_END_TRUNCATED, FLOW_END_COMPLETE};
    for (size_t i = 0; i < 2; i++) {
        talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
        answer(HELD, hows[i]);
        talk_hear(&p, TALK_CHAT_PLAIN, false, &h);
        assert_true(str_eq(buf_str(&h.text), STR("to ")));
        assert_true(str_eq(h.error_code, STR("GOVERNANCE_BLOCKED")));
        expect_outcome("refused");
        assert_false(path_client_has(&p, "jane"));
        heard_free(&h);
    }
    path_tear_down(&p);
}

static void test_a_block_drops_the_call(void **state)
{
    (void)state;
    answer_rules_set_up(&p, BLOCK);
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    answer(HELD CHUNK(SAY("0", ", and")) CHUNK(SAY("0", " more")), FLOW_END_COMPLETE);
    assert_int_equal(p.drops, 1);
    assert_true(p.is_closed);
    assert_false(path_client_has(&p, "more"));
    assert_true(path_client_has(&p, "HTTP/1.1 200 "));
    expect_outcome("refused");
    path_tear_down(&p);
}

static void test_the_client_goes_away(void **state)
{
    (void)state;
    answer_rules_set_up(&p, MASK);
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    path_answer(&p, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" HELD, 0);
    path_client_gone(&p);
    assert_true(p.is_done);
    assert_int_equal(p.drops, 1);
    assert_int_equal(p.outcomes, 1);
    expect_outcome("client_gone");
    assert_true(str_eq(p.outcome.response_decision, STR("allow"))); /* nothing was certain yet */
    path_tear_down(&p);
}

/* ---- what nobody can read ------------------------------------------------------------------ */

static void test_audio_in_a_stream(void **state)
{
    (void)state;
    static const char audio[] = CHUNK(SAY("0", "hi "))
        CHUNK("{\"index\":0,\"delta\":{\"audio\":{\"id\":\"a1\",\"data\":\"UklGRg==\"}}}")
            CHUNK(STOP("0")) DONE;
    struct heard h;
    answer_rules_set_up(&p, MASK); /* a rule that edits does not let pass what it cannot read */
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    answer(audio, FLOW_END_COMPLETE);
    talk_hear(&p, TALK_CHAT_PLAIN, false, &h);
    assert_true(h.has_error);
    assert_false(path_client_has(&p, "UklG"));
    expect_outcome("refused");
    heard_free(&h);
    path_tear_down(&p);
    answer_rules_set_up(&p, WARN);
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    answer(audio, FLOW_END_COMPLETE);
    expect_warned(audio, "Content that cannot be scanned: audio");
    assert_true(str_eq(p.outcome.response_decision, STR("warn")));
    path_tear_down(&p);
}

/* ---- whole ------------------------------------------------------------------------------------
 */

/* Nothing goes out before all is read; what does not fit is refused. */
static void test_a_stream_read_whole(void **state)
{
    (void)state;
    answer_rules_set_up(&p, BUFFER);
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    path_answer(&p, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" HELD, 0);
    assert_int_equal(p.client.len, 0);
    path_answer(&p, CHUNK(STOP("0")) DONE, 0);
    assert_int_equal(p.client.len, 0);
    path_answer_end(&p, FLOW_END_COMPLETE);
    expect_body(CHUNK(SAY("0", "to j***@acme.com")) CHUNK(STOP("0")) DONE);
    assert_true(path_client_has(&p, "x-governance-decision: modify\r\n"));
    /* Unchanged strings keep their events. */
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    answer(CHUNK(SAY("0", "nothing ")) CHUNK(SAY("0", "here")) CHUNK(STOP("0")) DONE,
           FLOW_END_COMPLETE);
    expect_body(CHUNK(SAY("0", "nothing ")) CHUNK(SAY("0", "here")) CHUNK(STOP("0")) DONE);
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    answer(HELD, FLOW_END_TRUNCATED);
    assert_true(path_client_has(&p, "HTTP/1.1 502 "));
    assert_false(path_client_has(&p, "jane"));
    expect_outcome("truncated");
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    answer(HELD, FLOW_END_COMPLETE); /* no [DONE] */
    assert_true(path_client_has(&p, "HTTP/1.1 502 "));
    assert_false(path_client_has(&p, "jane"));
    p.env.answer_bytes_max = sizeof(HELD);
    talk_ask(&p, TALK_CHAT_PLAIN, true, "hi");
    answer(HELD CHUNK(STOP("0")) DONE, FLOW_END_COMPLETE);
    assert_true(path_client_has(&p, "HTTP/1.1 502 "));
    assert_true(path_client_has(&p, "content_check_limit"));
    expect_outcome("refused");
    assert_int_equal(p.drops, 1);
    path_tear_down(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choices_are_apart),
        cmocka_unit_test(test_a_last_word_with_its_end),
        cmocka_unit_test(test_what_else_is_said_is_not_held),
        cmocka_unit_test(test_probabilities_are_taken_out),
        cmocka_unit_test(test_halves_of_a_pair),
        cmocka_unit_test(test_untouched_bytes),
        cmocka_unit_test(test_sequence_numbers),
        cmocka_unit_test(test_a_block_that_begins_with_text),
        cmocka_unit_test(test_translated_blocks_keep_their_order),
        cmocka_unit_test(test_held_text_goes_before_an_error),
        cmocka_unit_test(test_a_flush_may_block),
        cmocka_unit_test(test_a_block_drops_the_call),
        cmocka_unit_test(test_the_client_goes_away),
        cmocka_unit_test(test_audio_in_a_stream),
        cmocka_unit_test(test_a_stream_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
