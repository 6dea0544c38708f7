/* SPDX-License-Identifier: Apache-2.0
 *
 * The nth allocation inside the path fails, for every n until none is left: every
 * exchange ends, what was recorded is accounted for, and the client never takes a
 * part for the whole. Linked with --wrap=malloc; the host of the tests is spared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "answer_rules.h"
#include "recognisers.h"
#include "rules.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool is_inside_path;
static bool is_persistent; /* all further ones fail too */
static size_t countdown;   /* 0 = none fails */
static size_t failures;

static bool must_fail(void)
{
    if (!is_inside_path || countdown == 0) {
        return false;
    }
    if (countdown > 1) {
        countdown--;
        return false;
    }
    countdown = is_persistent ? 1 : 0;
    failures++;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return must_fail() ? NULL : __real_realloc(p, size);
}

static const char *const policies[] = {TALK_OPEN, TALK_WARN, NULL};
static struct path p;

static void on_inside(bool is_inside)
{
    is_inside_path = is_inside;
}

static int set_up(void **state)
{
    (void)state;
    path_set_up(&p, policies);
    p.on_inside = on_inside;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    path_tear_down(&p);
    return 0;
}

struct talk {
    const char *target, *body, *type, *answer;
    const char *content; /* stands in a whole 200 answer */
    const char *end;     /* so does the terminal event, NULL = JSON */
};

/* A fresh exchange each time: kept buffers would hide what can fail. */
static void converse(const struct talk *t, size_t step)
{
    char answer[4096];
    flow_exchange_free(p.x);
    assert_int_equal(flow_exchange_new(&p.x), ERR_OK);
    if (t->body == NULL) {
        char request[512];
        snprintf(request, sizeof(request),
                 "GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n", t->target,
                 p.key);
        path_request(&p, request, 0);
    } else {
        path_post(&p, t->target, t->body);
    }
    if (p.asks == 1 && !p.is_done) {
        recogniser_finds(&p, "person", "jane");
    }
    if (p.calls != 0 && !p.is_done) {
        snprintf(answer, sizeof(answer),
                 "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", t->type,
                 strlen(t->answer), t->answer);
        path_answer(&p, answer, step);
    }
    if (p.asks == 2 && !p.is_done) {
        recogniser_finds(&p, "person", "jane");
    }
}

static bool is_whole_answer(void)
{
    struct wire_parser parser;
    struct str in = buf_str(&p.client);
    struct wire_event ev = {WIRE_NEED_MORE, STR_NONE};
    wire_parser_init(&parser, WIRE_RESPONSE, &wire_limits_default);
    do {
        assert_int_equal(wire_parser_next(&parser, &in, &ev), ERR_OK);
    } while (ev.type != WIRE_NEED_MORE && ev.type != WIRE_END);
    wire_parser_fini(&parser);
    return ev.type == WIRE_END && in.len == 0;
}

static void expect_sane(const struct talk *t)
{
    assert_true(p.is_done);
    assert_true(p.decisions <= 1);
    assert_int_equal(p.outcomes, p.decisions);
    assert_true(p.calls <= p.decisions);
    if (!is_whole_answer() || p.is_out_lost) {
        assert_true(p.is_closed);
        return;
    }
    if (path_client_has(&p, "HTTP/1.1 200 OK\r\n") && !path_client_has(&p, "\"error\":")) {
        assert_true(path_client_has(&p, t->content));
        assert_true(t->end == NULL || path_client_has(&p, t->end));
    }
}

/* Whatever fails, what a rule replaces or blocks does not get out. */
static void expect_nothing_leaked(void)
{
    assert_false(path_provider_has(&p, "jane"));
    assert_false(path_provider_has(&p, "6789"));
    assert_false(path_client_has(&p, "jane"));
    assert_false(path_client_has(&p, "6789"));
}

static void fail_everywhere(const struct talk *t, size_t step)
{
    for (int persistent = 0; persistent < 2; persistent++) {
        for (size_t n = 1;; n++) {
            assert_true(n < 3000);
            is_persistent = persistent == 1;
            failures = 0;
            countdown = n;
            converse(t, step);
            countdown = 0;
            expect_sane(t);
            expect_nothing_leaked();
            if (failures == 0) {
                break;
            }
        }
        assert_true(path_client_has(&p, t->content)); /* the last one went through */
    }
}

static void test_chat(void **state)
{
    (void)state;
    static const struct talk json = {"/v1/chat/completions", TALK_CHAT("gpt-4o", ""),
                                     "application/json", TALK_CHAT_ANSWER, "hi there", NULL};
    static const struct talk stream = {"/v1/chat/completions", TALK_CHAT("gpt-4o", TALK_STREAM),
                                       "text/event-stream", TALK_CHAT_EVENTS, "Hello",
                                       "data: [DONE]"};
    fail_everywhere(&json, 0);
    fail_everywhere(&stream, 0);
    fail_everywhere(&stream, 61);
}

static void test_translated(void **state)
{
    (void)state;
    static const struct talk json = {"/v1/messages", TALK_MESSAGES("gpt-4o", ""),
                                     "application/json", TALK_CHAT_ANSWER, "hi there", NULL};
    static const struct talk stream = {"/v1/chat/completions",
                                       TALK_CHAT(TALK_CLAUDE, TALK_STREAM), "text/event-stream",
                                       TALK_MESSAGES_EVENTS, "Hello", "data: [DONE]"};
    fail_everywhere(&json, 0);
    fail_everywhere(&stream, 61);
}

static void test_refused_warned_and_models(void **state)
{
    (void)state;
    static const struct talk block = {"/v1/chat/completions",
                                      TALK_CHAT("deepseek/deepseek-v3.2", ""), "", "",
                                      "GOVERNANCE_BLOCKED", NULL};
    static const struct talk warned = {
        "/v1/chat/completions",
        TALK_CHAT("groq/llama-3.3-70b-versatile", ",\"governance_policy\":2"),
        "application/json", TALK_CHAT_ANSWER, "hi there", NULL};
    static const struct talk models = {"/v1/models", NULL, "", "", "openai/gpt-4o", NULL};
    fail_everywhere(&block, 0);
    fail_everywhere(&warned, 0);
    fail_everywhere(&models, 0);
}

static void test_content(void **state)
{
    (void)state;
    static const struct talk modify = {
        "/v1/chat/completions",
        "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\","
        "\"content\":\"of redwood, to " PERSON "\"}]}",
        "application/json", TALK_CHAT_ANSWER, "hi there", NULL};
    static const struct talk block = {
        "/v1/chat/completions",
        "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\","
        "\"content\":\"it is 123-45-6789 and " PERSON "\"}]}",
        "", "", "GOVERNANCE_BLOCKED", NULL};
    const struct policy all[] = {pii, filter, warn};
    path_tear_down(&p);
    path_set_up_with(&p, policies, all, 3);
    p.on_inside = on_inside;
    fail_everywhere(&modify, 0);
    assert_int_equal(p.calls, 1);
    assert_true(path_provider_has(&p, "of redwood, to [REDACTED]"));
    fail_everywhere(&block, 0);
    assert_int_equal(p.calls, 0);
}

/* No question, no answer and nothing found may be lost without a refusal. */
static void test_recognisers(void **state)
{
    (void)state;
    static const struct str person[] = {STR_INIT("person")};
    static const struct content_rule find[] = {{.kind = CONTENT_PII,
                                                 .effect = CONTENT_MODIFY,
                                                 .stages = CONTENT_REQUEST | CONTENT_RESPONSE,
                                                 .method = SCAN_REDACT,
                                                 .types = {person, 1, true}}};
    static const struct talk json = {
        "/v1/chat/completions",
        "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"I am jane\"}]}",
        "application/json",
        "{\"choices\":[{\"message\":{\"content\":\"hi jane, yes\"}}]}",
        "hi [REDACTED], yes",
        NULL};
    path_tear_down(&p);
    recognised_set_up(&p, find, 1);
    p.on_inside = on_inside;
    fail_everywhere(&json, 0);
    assert_int_equal(p.asks, 2);
    assert_true(path_provider_has(&p, "I am [REDACTED]"));
    fail_everywhere(&json, 13);
}

#define PIECE(text)                                                                                \
    TALK_CHUNK "[{\"index\":0,\"delta\":{\"content\":\"" text "\"},\"finish_reason\":null}]}\n\n"
#define PIECES                                                                                     \
    PIECE("to jane")                                                                               \
    PIECE(".doe@acme.com, and") TALK_CHUNK                                                         \
        "[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"function\":{"       \
        "\"name\":"                                                                                \
        "\"f\",\"arguments\":\"{\\\"a\\\":\\\"jane.doe@acme.com\\\"}\"}}]}}]}\n\n" TALK_CHAT_STOP  \
            TALK_DONE

/* What a rule replaces in an answer, or does not let pass, stays in, whatever fails. */
static void test_content_of_answers(void **state)
{
    (void)state;
    static const struct talk stream = {"/v1/chat/completions", TALK_CHAT("gpt-4o", TALK_STREAM),
                                       "text/event-stream",    PIECES,
                                       "j***@acme.com",        "data: [DONE]"};
    static const struct talk blocked = {"/v1/chat/completions", TALK_CHAT("gpt-4o", TALK_STREAM),
                                        "text/event-stream",    PIECES,
                                        "GOVERNANCE_BLOCKED",   NULL};
    static const struct talk json = {
        "/v1/chat/completions",
        TALK_CHAT("gpt-4o", ""),
        "application/json",
        "{\"choices\":[{\"message\":{\"content\":\"to jane.doe@acme.com, yes\"},"
        "\"logprobs\":{\"a\":\"jane\"}}]}",
        "j***@acme.com",
        NULL};
    static const struct {
        enum action action;
        const struct talk *talk;
        size_t step;
    } cases[] = {
        {MASK, &stream, 0},   {MASK, &stream, 61},  {MASK, &json, 0},
        {BUFFER, &stream, 0}, {BLOCK, &blocked, 0}, {BUFFER_BLOCK, &blocked, 61},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        path_tear_down(&p);
        answer_rules_set_up(&p, cases[i].action);
        p.on_inside = on_inside;
        fail_everywhere(cases[i].talk, cases[i].step);
    }
}

static void test_an_exchange_is_made_whole_or_not(void **state)
{
    (void)state;
    is_persistent = false;
    for (size_t n = 1;; n++) {
        struct flow_exchange *x = NULL;
        failures = 0;
        countdown = n;
        is_inside_path = true;
        enum err e = flow_exchange_new(&x);
        is_inside_path = false;
        countdown = 0;
        if (failures == 0) {
            assert_int_equal(e, ERR_OK);
            flow_exchange_free(x);
            break;
        }
        assert_int_equal(e, ERR_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chat),
        cmocka_unit_test(test_translated),
        cmocka_unit_test(test_refused_warned_and_models),
        cmocka_unit_test(test_content),
        cmocka_unit_test(test_recognisers),
        cmocka_unit_test(test_content_of_answers),
        cmocka_unit_test(test_an_exchange_is_made_whole_or_not),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
