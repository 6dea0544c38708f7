/* SPDX-License-Identifier: Apache-2.0
 *
 * What the client called the model is what its answer calls it (product.md 2.5), whole and
 * streamed, under content rules that edit the answer too; nothing else of it changes.
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
    static char framed[2048];
    snprintf(framed, sizeof(framed),
             "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "
             "chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n",
             strlen(events), events);
    for (size_t step = 0; step < strlen(framed); step = step * 2 + 1) {
        struct heard h;
        path_post(&p, "/v1/chat/completions", TALK_CHAT(ALIAS, TALK_STREAM));
        assert_true(path_provider_has(&p, "\"model\":\"gpt-4o\""));
        path_answer(&p, framed, step);
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

static void expect_json(const char *answer, const char *wanted)
{
    static char framed[1024], length[64];
    path_post(&p, "/v1/chat/completions", TALK_CHAT(ALIAS, ""));
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

/* An answer that just fits goes on with a longer name. */
static void test_the_largest_answer(void **state)
{
    (void)state;
    path_set_up(&p, governance);
    p.env.answer_bytes_max = strlen(JSON("g", "hi"));
    expect_json(JSON("g", "hi"), JSON(ALIAS, "hi"));
    path_tear_down(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream),
        cmocka_unit_test(test_a_stream_that_a_rule_edits),
        cmocka_unit_test(test_a_whole_answer),
        cmocka_unit_test(test_the_largest_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
