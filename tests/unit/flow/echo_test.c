/* SPDX-License-Identifier: Apache-2.0
 *
 * What the client called the model is what its answer calls it (product.md 2.5), whole and
 * streamed, under content rules that edit the answer too; nothing else of it changes. What
 * it called its request (2.4) goes on record, if it is short and printable, and its trace
 * to the provider.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "answer_rules.h"
#include "answers.h"

static struct path p;

#define ALIAS "openai/gpt-4o"
#define CHUNK(model, rest)                                                                         \
    "data: {\"id\":\"c\",\"model\":\"" model "\",\"choices\":[{\"index\":0," rest "}]}\n\n"
#define SAY(text) "\"delta\":{\"content\":\"" text "\"}"
#define STOP "\"delta\":{},\"finish_reason\":\"stop\""
#define DONE "data: [DONE]\n\n"
#define STREAM(model, text)                                                                        \
    CHUNK(model, SAY("It is: ")) CHUNK(model, SAY("to, ")) text CHUNK(model, STOP)                 \
    DONE

static void expect_stream(const char *events, const char *wanted)
{
    for (size_t step = 0; step < 2 * strlen(events); step = step * 2 + 1) {
        struct heard h;
        path_post(&p, "/v1/chat/completions", TALK_CHAT(ALIAS, TALK_STREAM));
        assert_true(path_provider_has(&p, "\"model\":\"gpt-4o\""));
        path_answer_events(&p, events, step);
        assert_true(p.is_done);
        talk_hear(&p, TALK_CHAT_PLAIN, false, &h);
        if (!str_eq(h.body, str_from(wanted))) {
            fail_msg("wanted %s\ngot    %.*s\n", wanted, STR_ARG(h.body));
        }
        heard_free(&h);
        assert_false(path_client_has(&p, "x-gateway-model"));
    }
}

static void test_a_stream(void **state)
{
    (void)state;
    path_set_up(&p, governance);
    expect_stream(STREAM("gpt-4o-2024-08-06", CHUNK("gpt-4o-2024-08-06", SAY("gpt-4o"))),
                  STREAM(ALIAS, CHUNK(ALIAS, SAY("gpt-4o"))));
    path_tear_down(&p);
}

static void test_a_stream_that_a_rule_edits(void **state)
{
    (void)state;
    answer_rules_set_up(&p, MASK);
    expect_stream(STREAM("gpt-4o-2024-08-06", CHUNK("gpt-4o-2024-08-06", SAY("jane@acme.com"))),
                  STREAM(ALIAS, CHUNK(ALIAS, SAY("j***@acme.com"))));
    path_tear_down(&p);
    answer_rules_set_up(&p, BUFFER); /* its text goes out as one */
    expect_stream(STREAM("gpt-4o-2024-08-06", CHUNK("gpt-4o-2024-08-06", SAY("jane@acme.com"))),
                  CHUNK(ALIAS, SAY("It is: to, j***@acme.com")) CHUNK(ALIAS, STOP) DONE);
    path_tear_down(&p);
}

#define JSON(model, text)                                                                          \
    "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"" text           \
    "\"},\"finish_reason\":\"stop\"}],\"model\":\"" model "\",\"x\":[1 , 2]}"

static void answer_json(const char *answer, const char *wanted);

static void expect_json(const char *answer, const char *wanted)
{
    path_post(&p, "/v1/chat/completions", TALK_CHAT(ALIAS, ""));
    answer_json(answer, wanted);
}

static void answer_json(const char *answer, const char *wanted)
{
    static char framed[4096], length[64];
    snprintf(framed, sizeof(framed),
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(answer), answer);
    path_answer(&p, framed, 3);
    assert_true(p.is_done);
    assert_true(str_ends(buf_str(&p.client), str_from(wanted)));
    snprintf(length, sizeof(length), "content-length: %zu\r\n", strlen(wanted));
    assert_true(path_client_has(&p, length));
    assert_int_equal(p.outcome.response_bytes, strlen(wanted));
}

static void test_a_whole_answer(void **state)
{
    (void)state;
    path_set_up(&p, governance);
    expect_json(JSON("gpt-4o-2024-08-06", "hi"), JSON(ALIAS, "hi"));
    expect_json(JSON("g", "hi"), JSON(ALIAS, "hi"));
    path_tear_down(&p);
    answer_rules_set_up(&p, MASK);
    expect_json(JSON("gpt-4o-2024-08-06", "jane@acme.com"), JSON(ALIAS, "j***@acme.com"));
    path_tear_down(&p);
}

/* However much stands in front of the name: what is near goes with the head, what is far is
 * edited where it is. */
static void test_the_name_stands_anywhere(void **state)
{
    (void)state;
    static char answer[3072], wanted[3072];
    path_set_up(&p, governance);
    for (int pad = 900; pad < 1100; pad += 7) {
        snprintf(answer, sizeof(answer), "{\"pad\":\"%0*d\",%s", pad, 7, JSON("gpt", "hi") + 1);
        snprintf(wanted, sizeof(wanted), "{\"pad\":\"%0*d\",%s", pad, 7, JSON(ALIAS, "hi") + 1);
        expect_json(answer, wanted);
    }
    path_tear_down(&p);
}

/* An answer that just fits goes on with a longer name. */
static void test_the_largest_answer(void **state)
{
    (void)state;
    path_set_up(&p, governance);
    p.env.answer_bytes_max = strlen(JSON("g", "hi"));
    expect_json(JSON("g", "hi"), JSON(ALIAS, "hi"));
    path_tear_down(&p);
}

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00-" TRACE "-00f067aa0ba902b7-01"
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void ask_with(const char *fields)
{
    static char text[4096];
    const char *body = TALK_CHAT("gpt-4o", "");
    snprintf(text, sizeof(text),
             "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %%s\r\n"
             "%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             fields, strlen(body), body);
    path_request(&p, text, 0);
    assert_int_equal(p.calls, 1);
    assert_true(path_provider_has(&p, "\r\nx-request-id: req_"));
    answer_json(JSON("gpt-4o", "hi"), JSON("gpt-4o", "hi"));
}

static void test_the_callers_ids(void **state)
{
    (void)state;
    static const struct {
        const char *fields, *id, *trace, *sent;
    } cases[] = {
        {"", "", "", ""},
        {"X-Request-Id: order-7/a\r\n", "order-7/a", "", ""},
        {"x-request-id: " A64 A64 "\r\n", A64 A64, "", ""},
        {"traceparent: " PARENT "\r\n", "", TRACE, "\r\ntraceparent: " PARENT "\r\n"},
        {"traceparent: " PARENT "\r\ntracestate: a=1, b=2\r\n", "", TRACE,
         "\r\ntraceparent: " PARENT "\r\ntracestate: a=1, b=2\r\n"},
        {"traceparent: 01-" TRACE "-00f067aa0ba902b7-01-more\r\n", "", TRACE,
         "\r\ntraceparent: 01-" TRACE "-00f067aa0ba902b7-01-more\r\n"},
        /* What is not as it should be is as if it were not there. */
        {"X-Request-Id: " A64 A64 "a\r\n", "", "", ""},
        {"X-Request-Id: a b\r\n", "", "", ""},
        {"X-Request-Id: a\xc3\xa9\r\n", "", "", ""},
        {"X-Request-Id: a\r\nX-Request-Id: b\r\n", "", "", ""},
        {"X-Request-Id: \r\n", "", "", ""},
        {"tracestate: a=1\r\n", "", "", ""},
        {"traceparent: " PARENT "-\r\n", "", "", ""},
        {"traceparent: ff-" TRACE "-00f067aa0ba902b7-01\r\n", "", "", ""},
        {"traceparent: 00-" TRACE "-0000000000000000-01\r\n", "", "", ""},
        {"traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01\r\n", "", "", ""},
        {"traceparent: 00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01\r\n", "", "", ""},
        {"traceparent: 00-" TRACE "_00f067aa0ba902b7-01\r\n", "", "", ""},
        {"traceparent: 00-" TRACE "-00f067aa0ba902b7-0g\r\n", "", "", ""},
        {"traceparent: 00-" TRACE "-00f067aa0ba902b7-0\r\n", "", "", ""},
        {"traceparent: 01-" TRACE "-00f067aa0ba902b7-01x\r\n", "", "", ""},
        {"traceparent: " PARENT "\r\ntraceparent: " PARENT "\r\n", "", "", ""},
    };
    path_set_up(&p, governance);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ask_with(cases[i].fields);
        assert_true(str_eq(p.decision.client_request_id, str_from(cases[i].id)));
        assert_true(str_eq(p.decision.trace_id, str_from(cases[i].trace)));
        assert_true(path_provider_has(&p, cases[i].sent));
        assert_int_equal(path_provider_has(&p, "\r\ntrace"), cases[i].sent[0] != 0);
        assert_false(path_provider_has(&p, "order-7"));
        assert_true(path_client_has(&p, "\r\nx-request-id: req_"));
    }
    path_tear_down(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream),        cmocka_unit_test(test_a_stream_that_a_rule_edits),
        cmocka_unit_test(test_a_whole_answer),
        cmocka_unit_test(test_the_name_stands_anywhere),  cmocka_unit_test(test_the_largest_answer),
        cmocka_unit_test(test_the_callers_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
