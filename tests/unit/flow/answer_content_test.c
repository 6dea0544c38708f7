/* SPDX-License-Identifier: Apache-2.0
 *
 * Content rules on JSON answers, for every dialect: what the client gets, what it is told
 * and what the record says; a block lets nothing of the answer out; long answers are read
 * in turns of the loop; what nobody can read is judged by the rule.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "answer_rules.h"
#include "answers.h"

static struct path p;

static const char text[] = "To " EMAIL ", SSN 123-45-6789; ok";
static const char json[] = "{\"to\":\"" EMAIL "\",\"card\":4111111111111111,\"n\":[1,\"x\"]}";

static void ask(enum talk t, const char *said, bool is_tool)
{
    struct str piece = str_from(said);
    struct speech s = {&piece, 1, is_tool};
    talk_ask(&p, t, false, "hello");
    assert_int_equal(p.calls, 1);
    talk_answer_json(&p, t, &s);
    assert_true(p.is_done);
    assert_int_equal(p.decisions, 1);
    assert_int_equal(p.outcomes, 1);
}

/* The JSON the client gets is sound, and says `text` where the dialect says it. */
static void expect_said(enum talk t, bool is_tool, const char *said)
{
    static const char *const places[TALKS][2] = {
        [TALK_CHAT_PLAIN] = {"/choices/0/message/content",
                             "/choices/0/message/tool_calls/0/function/arguments"},
        [TALK_COMPLETIONS_PLAIN] = {"/choices/0/text", NULL},
        [TALK_RESPONSES_PLAIN] = {"/output/0/content/0/text", "/output/0/arguments"},
        [TALK_MESSAGES_PLAIN] = {"/content/0/text", "/content/0/input"},
        [TALK_CHAT_OF_MESSAGES] = {"/choices/0/message/content",
                                   "/choices/0/message/tool_calls/0/function/arguments"},
        [TALK_MESSAGES_OF_CHAT] = {"/content/0/text", "/content/0/input"},
    };
    struct heard h;
    struct json_doc doc;
    struct issue issue;
    talk_hear(&p, t, is_tool, &h);
    assert_int_equal(h.status, 200);
    assert_int_equal(json_parse(&h.arena, h.body, &json_limits_default, &doc, &issue), ERR_OK);
    yyjson_val *v = yyjson_ptr_get(doc.root, places[t][is_tool ? 1 : 0]);
    struct str got = json_str(v);
    struct buf written;
    buf_init(&written, 1u << 20);
    if (yyjson_is_obj(v)) {
        json_write_val(&written, v);
        got = buf_str(&written);
    }
    if (!str_eq(got, str_from(said))) {
        print_error("talk %d wanted %s\ngot %.*s\n", (int)t, said, STR_ARG(h.body));
        fail();
    }
    buf_fini(&written);
    heard_free(&h);
}

static void check(enum action a, const char *wanted_text, const char *wanted_json)
{
    answer_rules_set_up(&p, a);
    for (unsigned t = 0; t < TALKS; t++) {
        for (unsigned is_tool = 0; is_tool < (talk_has_tools((enum talk)t) ? 2 : 1); is_tool++) {
            ask((enum talk)t, is_tool ? json : text, is_tool);
            expect_said((enum talk)t, is_tool, is_tool ? wanted_json : wanted_text);
            assert_true(str_eq(p.outcome.outcome, STR("completed")));
            bool is_edited = a != WARN;
            assert_true(path_client_has(&p, is_edited ? "x-governance-decision: modify\r\n"
                                                      : "x-governance-decision: warn\r\n"));
            assert_true(path_client_has(&p, "x-governance-violations: PII detected: email"));
            assert_true(
                str_eq(p.outcome.response_decision, is_edited ? STR("modify") : STR("warn")));
            assert_int_equal(p.outcome.modifications, is_edited ? 2 : 0);
            assert_int_equal(p.outcome.violations_count, 2);
            assert_true(str_eq(p.outcome.violations[0].what, STR("email")));
            assert_true(str_eq(p.outcome.violations[0].stage, STR("response")));
        }
    }
    path_tear_down(&p);
}

static void test_what_the_client_gets(void **state)
{
    (void)state;
    check(MASK, "To j***@acme.com, SSN ***-**-6789; ok",
          "{\"to\":\"j***@acme.com\",\"card\":\"************1111\",\"n\":[1,\"x\"]}");
    check(REDACT, "To <EMAIL>, SSN <SSN>; ok",
          "{\"to\":\"<EMAIL>\",\"card\":\"<CREDIT_CARD>\",\"n\":[1,\"x\"]}");
    check(BUFFER, "To j***@acme.com, SSN ***-**-6789; ok",
          "{\"to\":\"j***@acme.com\",\"card\":\"************1111\",\"n\":[1,\"x\"]}");
    check(WARN, text, json);
}

static void test_a_block_lets_nothing_out(void **state)
{
    (void)state;
    static const enum action actions[] = {BLOCK, BUFFER_BLOCK, NEED};
    for (size_t i = 0; i < COUNT(actions); i++) {
        answer_rules_set_up(&p, actions[i]);
        for (unsigned t = 0; t < TALKS; t++) {
            ask((enum talk)t, text, false);
            assert_true(path_client_has(&p, "HTTP/1.1 403 "));
            assert_true(path_client_has(&p, "x-should-retry: false\r\n"));
            assert_true(path_client_has(&p, "x-governance-decision: block\r\n"));
            assert_true(path_client_has(&p, "GOVERNANCE_BLOCKED"));
            assert_true(path_client_has(&p, actions[i] == NEED ? "Required term missing: bluebird"
                                                               : "PII detected: email"));
            assert_false(path_client_has(&p, "jane"));
            assert_false(path_client_has(&p, "6789"));
            assert_true(str_eq(p.outcome.outcome, STR("refused")));
            assert_true(str_eq(p.outcome.response_decision, STR("block")));
            assert_int_equal(p.outcome.status, 403);
            assert_int_equal(p.outcome.upstream_status, 200);
            assert_false(p.is_closed); /* the answer was read to its end */
            assert_true(str_eq(p.decision.decision, STR("allow")));
        }
        path_tear_down(&p);
    }
}

static void test_what_is_required_is_there(void **state)
{
    (void)state;
    answer_rules_set_up(&p, NEED);
    for (unsigned t = 0; t < TALKS; t++) {
        ask((enum talk)t, "this is bluebird.", false);
        expect_said((enum talk)t, false, "this is bluebird.");
    }
    path_tear_down(&p);
}

static void test_pseudonyms_come_back(void **state)
{
    (void)state;
    answer_rules_set_up(&p, PSEUDONYM);
    for (unsigned t = 0; t < TALKS; t++) {
        for (unsigned is_tool = 0; is_tool < (talk_has_tools((enum talk)t) ? 2 : 1); is_tool++) {
            talk_ask(&p, (enum talk)t, false, "write to " EMAIL);
            struct str sent = buf_str(&p.provider);
            assert_false(path_provider_has(&p, "jane"));
            struct str token = str_sub(sent, (size_t)str_find_str(sent, STR("[EMAIL_")), sent.len);
            token.len = (size_t)str_find(token, ']') + 1;
            struct str plain[] = {STR("To "), token, STR(".")};
            struct str call[] = {STR("{\"to\":\""), token, STR("\"}")};
            struct speech s = {is_tool ? call : plain, 3, is_tool};
            talk_answer_json(&p, (enum talk)t, &s);
            expect_said((enum talk)t, is_tool,
                        is_tool ? "{\"to\":\"" EMAIL "\"}" : "To " EMAIL ".");
        }
    }
    path_tear_down(&p);
}

static void answer(const char *body)
{
    char all[4096];
    snprintf(all, sizeof(all),
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(body), body);
    talk_ask(&p, TALK_CHAT_PLAIN, false, "hello");
    path_answer(&p, all, 0);
    assert_true(p.is_done);
}

/* What no rule touches is not written anew: blanks, escapes, members nobody knows. */
static void test_the_rest_stays_as_it_is(void **state)
{
    (void)state;
    answer_rules_set_up(&p, MASK);
    answer(
        "{ \"id\":\"c\",\"x\":1.50,\"choices\":[{\"message\":{\"content\" "
        ":\"\\u006aane.doe@acme.com\","
        "\"refusal\":null},\"logprobs\":{\"content\":[{\"token\":\"jane\"}]},\"finish_reason\":"
        "\"stop\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7} }");
    assert_true(path_client_has(
        &p, "\r\n\r\n{ \"id\":\"c\",\"x\":1.50,\"choices\":[{\"message\":{\"content\" "
            ":\"j***@acme.com\","
            "\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{"
            "\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7} }"));
    assert_int_equal(p.outcome.output_tokens, 2);
    /* Probabilities go even when the text stays: nobody has read them. */
    answer("{\"choices\":[{\"message\":{\"content\":\"hi\"},\"logprobs\":{\"content\":[]}}]}");
    assert_true(path_client_has(
        &p, "{\"choices\":[{\"message\":{\"content\":\"hi\"},\"logprobs\":null}]}"));
    path_tear_down(&p);
    static const char clean[] =
        "{\"choices\":[{\"message\":{\"content\":\"jane.doe@acme.com\"},\"logprobs\":{\"a\":1}}]}";
    answer_rules_set_up(&p, WARN);
    answer(clean);
    assert_true(path_client_has(&p, clean));
    path_tear_down(&p);
}

static void test_what_nobody_can_read(void **state)
{
    (void)state;
    static const char audio[] = "{\"choices\":[{\"message\":{\"content\":null,\"audio\":{\"id\":"
                                "\"a\",\"data\":\"UklGRg==\","
                                "\"transcript\":\"hi\"}}}]}";
    answer_rules_set_up(&p, MASK);
    answer(audio);
    assert_true(path_client_has(&p, "HTTP/1.1 403 "));
    assert_false(path_client_has(&p, "UklG"));
    path_tear_down(&p);
    answer_rules_set_up(&p, WARN);
    answer(audio);
    assert_true(path_client_has(&p, audio));
    assert_true(path_client_has(&p, "x-governance-decision: warn\r\n"));
    path_tear_down(&p);
}

static void test_what_is_no_answer(void **state)
{
    (void)state;
    answer_rules_set_up(&p, MASK);
    answer("[1]");
    assert_true(path_client_has(&p, "HTTP/1.1 502 "));
    assert_true(str_eq(p.outcome.outcome, STR("upstream_error")));
    answer("{\"a\":");
    assert_true(path_client_has(&p, "HTTP/1.1 502 "));
    answer("{\"object\":\"list\"}");
    assert_true(path_client_has(&p, "HTTP/1.1 502 "));
    path_tear_down(&p);
}

/* A long answer lets the loop turn; nothing of it is out before it is read. Its long calls
 * are work, and whoever does that, the same comes out. */
static void test_long_answers_are_read_in_turns(void **state)
{
    (void)state;
    struct buf long_text;
    static const char line[] = "all quiet here, and nobody is named in this line at all. ";
    buf_init(&long_text, 4u << 20);
    while (long_text.len < (1u << 20)) {
        buf_add(&long_text, str_from(line));
    }
    buf_add(&long_text, STR(EMAIL));
    struct str whole = buf_str(&long_text);
    struct str pieces[] = {str_sub(whole, 0, 500000), str_sub(whole, 500000, whole.len)};
    struct speech s = {pieces, 2, false};
    size_t len = 0;
    for (unsigned i = 0; i < 4; i++) {
        bool is_stream = i >= 2;
        answer_rules_set_up(&p, BUFFER);
        p.leaves_work = i % 2 != 0;
        talk_ask(&p, TALK_CHAT_PLAIN, is_stream, "hello");
        if (is_stream) {
            talk_answer(&p, TALK_CHAT_PLAIN, &s, 60000);
        } else {
            talk_answer_json(&p, TALK_CHAT_PLAIN, &s);
        }
        assert_true(p.is_done);
        assert_true(p.turns > 4);
        assert_int_equal(p.works, 3); /* read, edited, relayed */
        assert_true(i % 2 == 0 || p.client.len == len);
        len = p.client.len;
        assert_true(path_client_has(&p, "HTTP/1.1 200 "));
        assert_true(path_client_has(&p, "at all. j***@acme.com"));
        assert_false(path_client_has(&p, "jane"));
        path_tear_down(&p);
    }
    buf_fini(&long_text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_client_gets),
        cmocka_unit_test(test_a_block_lets_nothing_out),
        cmocka_unit_test(test_what_is_required_is_there),
        cmocka_unit_test(test_pseudonyms_come_back),
        cmocka_unit_test(test_the_rest_stays_as_it_is),
        cmocka_unit_test(test_what_nobody_can_read),
        cmocka_unit_test(test_what_is_no_answer),
        cmocka_unit_test(test_long_answers_are_read_in_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
