/* SPDX-License-Identifier: Apache-2.0
 *
 * The edges of the path: old clients, selecting headers, limits, what the worker's
 * state makes of a request, every operation once, and answers that go wrong late.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "path.h"
#include "talk.h"

static const char *const policies[] = {TALK_OPEN, TALK_WARN, NULL};
static const char chat[] = TALK_CHAT("gpt-4o", "");
static const char stream[] = TALK_CHAT("gpt-4o", TALK_STREAM);
static struct path p;

static int set_up(void **state)
{
    (void)state;
    path_set_up(&p, policies);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    path_tear_down(&p);
    return 0;
}

static void expect_accounted(const char *decision, const char *outcome)
{
    if (p.decisions != 1 || p.outcomes != 1 || !str_eq(p.outcome.outcome, str_from(outcome))) {
        print_error("%zu %zu %.*s\n%.*s\n", p.decisions, p.outcomes, STR_ARG(p.outcome.outcome),
                    STR_ARG(buf_str(&p.client)));
    }
    assert_true(p.is_done);
    assert_int_equal(p.decisions, 1);
    assert_int_equal(p.outcomes, 1);
    assert_true(str_eq(p.decision.decision, str_from(decision)));
    assert_true(str_eq(p.outcome.outcome, str_from(outcome)));
}

/* Limits are read when buffers grow: the exchange starts without any. */
static void set_limits(size_t body_bytes_max, size_t answer_bytes_max)
{
    p.env.body_bytes_max = body_bytes_max;
    p.env.answer_bytes_max = answer_bytes_max;
    flow_exchange_free(p.x);
    assert_int_equal(flow_exchange_new(&p.x), ERR_OK);
}

/* `fields` each end in CR LF. */
static void post_as(const char *version, const char *fields, const char *body)
{
    char text[32768];
    snprintf(text, sizeof(text),
             "POST /v1/chat/completions %s\r\nHost: a\r\nAuthorization: Bearer %s\r\n%s"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             version, p.key, fields, strlen(body), body);
    path_request(&p, text, 0);
}

static void answer(const char *type, const char *body)
{
    char text[65536];
    snprintf(text, sizeof(text),
             "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", type,
             strlen(body), body);
    path_answer(&p, text, 0);
}

#define JSON "application/json"
#define SSE "text/event-stream"

static void test_http10_client_gets_no_chunks(void **state)
{
    (void)state;
    post_as("HTTP/1.0", "", stream);
    answer(SSE, TALK_CHAT_EVENTS);
    assert_false(path_client_has(&p, "transfer-encoding"));
    assert_true(path_client_has(&p, "connection: close\r\n"));
    assert_true(path_client_has(&p, "\r\n\r\ndata: {"));
    assert_true(str_ends(buf_str(&p.client), STR("data: [DONE]\n\n")));
    assert_true(p.is_closed);
    expect_accounted("allow", "completed");
    post_as("HTTP/1.0", "Connection: keep-alive\r\n", chat);
    answer(JSON, TALK_CHAT_ANSWER);
    assert_true(path_client_has(&p, "connection: keep-alive\r\n"));
    assert_false(p.is_closed);
    post_as("HTTP/1.0", "Connection: keep-alive\r\n", stream);
    answer(SSE, TALK_CHAT_EVENTS);
    assert_true(p.is_closed); /* only the close can end it */
}

/* A number costs nothing to say: room for a body is made before it comes for keys alone. */
static void test_no_room_for_a_body_announced_without_key(void **state)
{
    (void)state;
    struct mallinfo2 before = mallinfo2();
    path_request(&p, "POST /v1/policies HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\nx",
                 0);
    struct mallinfo2 after = mallinfo2();
    assert_false(p.is_done); /* it waits for the rest */
    assert_true(after.uordblks + after.hblkhd < before.uordblks + before.hblkhd + 1000000);
    path_client_gone(&p);
}

/* Of two values one would win without anybody knowing which. */
static void test_fields_that_may_come_once(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "X-Governance-Policy: 2\r\nX-Governance-Policy: 2\r\n",
        "X-Governance-Tags: a=b\r\nx-governance-tags: c=d\r\n",
        "X-Environment: \r\nX-Environment: a\r\n",
        "api-key: a\r\nApi-Key: a\r\n",
        "x-goog-api-key: \r\nx-goog-api-key: a\r\n",
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        post_as("HTTP/1.1", fields[i], TALK_CHAT("gpt-4o", ""));
        assert_int_equal(p.calls, 0);
        assert_true(path_client_has(&p, "HTTP/1.1 400 "));
        assert_true(path_client_has(&p, "\"code\":\"repeated_header\""));
    }
}

static void test_HEAD_of_the_model_list(void **state)
{
    (void)state;
    path_request(&p, "HEAD /v1/models HTTP/1.1\r\nHost: a\r\nx-api-key: %s\r\n\r\n", 0);
    assert_true(str_ends(buf_str(&p.client), STR("\r\n\r\n")));
    assert_false(path_client_has(&p, "content-length: 0\r\n"));
    expect_accounted("allow", "completed");
    assert_int_equal(p.outcome.response_bytes, 0);
    path_request(&p, "HEAD /v1/models/nope HTTP/1.1\r\nHost: a\r\nx-api-key: %s\r\n\r\n", 0);
    assert_true(path_client_has(&p, "HTTP/1.1 404 "));
    assert_true(str_ends(buf_str(&p.client), STR("\r\n\r\n")));
    path_request(&p, "DELETE /v1/models HTTP/1.1\r\nHost: a\r\nx-api-key: %s\r\n\r\n", 0);
    assert_true(path_client_has(&p, "HTTP/1.1 405 "));
    assert_true(path_client_has(&p, "\r\nallow: GET, HEAD\r\n"));
    expect_accounted("error", "refused");
    path_request(&p, "DELETE /v1/models HTTP/1.1\r\nHost: a\r\n\r\n", 0);
    assert_true(path_client_has(&p, "HTTP/1.1 401 ")); /* who has no key learns nothing */
    assert_int_equal(p.decisions + p.outcomes, 0);
    path_request(&p,
                 "GET /v1/models/claude-sonnet-4-5 HTTP/1.1\r\nHost: a\r\nx-api-key: %s\r\n"
                 "anthropic-version: 2023-06-01\r\n\r\n",
                 0);
    assert_true(path_client_has(&p, "\"type\":\"model\""));
    /* As SDKs write what the list says. */
    path_request(&p, "GET /v1/models/openai%2Fgpt-4o HTTP/1.1\r\nHost: a\r\nx-api-key: %s\r\n\r\n",
                 0);
    assert_true(path_client_has(&p, "HTTP/1.1 200 "));
    assert_true(path_client_has(&p, "gpt-4o"));
    path_request(&p, "GET /v1/models/openai%2Fnope HTTP/1.1\r\nHost: a\r\nx-api-key: %s\r\n\r\n",
                 0);
    assert_true(path_client_has(&p, "HTTP/1.1 404 "));
}

static void test_slot_by_header(void **state)
{
    (void)state;
    static const char groq[] = TALK_CHAT("groq/llama-3.3-70b-versatile", "");
    post_as("HTTP/1.1", "X-Governance-Policy: 2\r\n", groq);
    answer(JSON, TALK_CHAT_ANSWER);
    assert_true(path_client_has(&p, "x-governance-violations: Provider 'groq' does not have BAA"));
    expect_accounted("warn", "completed");
    assert_int_equal(p.decision.slot, 2);
    static const struct {
        const char *field, *code;
    } bad[] = {{"X-Governance-Policy: 0\r\n", "governance_policy_not_found"},
               {"X-Governance-Policy: 13\r\n", "governance_policy_not_found"},
               {"X-Governance-Policy: two\r\n", "governance_policy_not_found"},
               {"X-Governance-Policy: \r\n", "governance_policy_not_found"},
               {"X-Governance-Policy: 7\r\n", "governance_policy_not_found"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        post_as("HTTP/1.1", bad[i].field, chat); /* S0-43 */
        assert_true(path_client_has(&p, "HTTP/1.1 400 "));
        assert_true(path_client_has(&p, bad[i].code));
        assert_int_equal(p.calls, 0);
        expect_accounted("error", "refused");
    }
    path_request(&p,
                 "GET /v1/models HTTP/1.1\r\nHost: a\r\nx-api-key: %s\r\n"
                 "X-Governance-Policy: 7\r\n\r\n",
                 0);
    assert_true(path_client_has(&p, "governance_policy_not_found"));
    assert_false(path_client_has(&p, "x-governance-decision: allow"));
    expect_accounted("error", "refused");
    post_as("HTTP/1.1", "X-Governance-Policy: 9\r\n", chat); /* decided, and not allowed */
    assert_true(path_client_has(&p, "x-governance-decision: error\r\n"));
    post_as("HTTP/1.1", "", "{\"model\":");
    assert_true(path_client_has(&p, "{\"error\":{\"message\":\"not JSON at byte 9: "));
    assert_false(path_client_has(&p, "(byte 9)"));
    assert_true(path_client_has(&p, "\"param\":null,\"code\":\"invalid_json\""));
    post_as("HTTP/1.1", "X-Governance-Policy: 2\r\n",
            TALK_CHAT("gpt-4o", ",\"governance_policy\":1"));
    assert_true(path_client_has(&p, "governance_policy_conflict"));
    post_as("HTTP/1.1", "X-Governance-Policy: 2\r\n",
            TALK_CHAT("gpt-4o", ",\"governance_policy\":2"));
    assert_int_equal(p.calls, 1);
    path_client_gone(&p);
}

static void test_environment_narrows_only_where_allowed(void **state)
{
    (void)state;
    post_as("HTTP/1.1", "X-Environment: production\r\n", chat);
    assert_true(path_client_has(&p, "environment_not_allowed"));
    expect_accounted("error", "refused");
    post_as("HTTP/1.1", "X-Environment: development\r\n", chat); /* its own */
    assert_int_equal(p.calls, 1);
    path_client_gone(&p);
    path_tear_down(&p);
    path_set_up_as(&p, policies, NULL, true);
    post_as("HTTP/1.1", "X-Environment: production\r\n", chat);
    assert_int_equal(p.calls, 1);
    answer(JSON, TALK_CHAT_ANSWER);
    expect_accounted("allow", "completed");
    assert_true(str_eq(p.decision.environment, STR("production")));
    path_tear_down(&p);
    path_set_up_as(&p, policies, NULL, false);
    post_as("HTTP/1.1", "X-Environment: production\r\n", chat);
    assert_true(path_client_has(&p, "HTTP/1.1 403 "));
    path_tear_down(&p);
    path_set_up(&p, policies);
}

static void test_tags_header(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        bool is_good;
    } cases[] = {{"X-Governance-Tags: team=a, cost-center = 7 ,x=\r\n", true},
                 {"X-Governance-Tags: a\r\n", false},
                 {"X-Governance-Tags: =a\r\n", false},
                 {"X-Governance-Tags: a=1,,b=2\r\n", false},
                 {"X-Governance-Tags: a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1,k=1,l=1,m=1,n=1,"
                  "o=1,p=1\r\n",
                  true},
                 {"X-Governance-Tags: a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1,k=1,l=1,m=1,n=1,"
                  "o=1,p=1,q=1\r\n",
                  false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        post_as("HTTP/1.1", cases[i].field, chat);
        assert_int_equal(p.calls, cases[i].is_good);
        if (cases[i].is_good) {
            path_client_gone(&p);
        } else {
            assert_true(path_client_has(&p, "invalid_tags"));
        }
    }
}

static void test_F13_stale_policies_refuse(void **state)
{
    (void)state;
    p.env.stale_refuse_ms = 60000;
    p.stale_ms = 60001;
    post_as("HTTP/1.1", "", chat);
    assert_true(path_client_has(&p, "HTTP/1.1 503 "));
    assert_true(path_client_has(&p, "policy_stale"));
    expect_accounted("error", "refused");
    assert_int_equal(p.decision.staleness_ms, 60001);
    p.stale_ms = 60000;
    post_as("HTTP/1.1", "", chat);
    assert_int_equal(p.calls, 1);
    path_client_gone(&p);
    p.env.stale_refuse_ms = 0;
    p.stale_ms = 0;
}

static void test_draining_closes_after_the_answer(void **state)
{
    (void)state;
    p.is_draining = true;
    post_as("HTTP/1.1", "", chat);
    answer(JSON, TALK_CHAT_ANSWER);
    assert_true(path_client_has(&p, "connection: close\r\n"));
    assert_true(p.is_closed);
    expect_accounted("allow", "completed");
    p.is_draining = false;
}

static void test_body_over_the_limit(void **state)
{
    (void)state;
    set_limits(40, 0);
    post_as("HTTP/1.1", "", chat); /* declared: refused before it is read */
    assert_true(path_client_has(&p, "HTTP/1.1 413 "));
    assert_true(p.is_closed);
    expect_accounted("error", "refused");
    path_request(&p,
                 "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
                 "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "20\r\n{                              }\r\n20\r\n"
                 "                                \r\n0\r\n\r\n",
                 0);
    assert_true(path_client_has(&p, "request_too_large"));
    assert_true(p.is_closed);
    expect_accounted("error", "refused");
    set_limits(0, 0);
    p.spool_is_full = true; /* the body is unread whatever else is wrong */
    post_as("HTTP/1.1", "Content-Encoding: gzip\r\n", chat);
    assert_true(path_client_has(&p, "audit_unavailable"));
    assert_true(p.is_closed);
    p.spool_is_full = false;
}

static void test_every_operation_once(void **state)
{
    (void)state;
    static const struct {
        const char *target, *body, *upstream, *answer, *shown;
    } cases[] = {
        {"/v1/responses", "{\"model\":\"gpt-4o\",\"input\":\"hi\"}", "POST /v1/responses HTTP",
         "{\"id\":\"r1\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"gpt-4o\","
         "\"output\":[],\"usage\":{\"input_tokens\":5,\"output_tokens\":2,\"total_tokens\":7}}",
         "\"object\":\"response\""},
        {"/v1/completions", "{\"model\":\"gpt-4o\",\"prompt\":\"hi\"}", "POST /v1/completions HTTP",
         "{\"id\":\"c\",\"object\":\"text_completion\",\"created\":1,\"model\":\"gpt-4o\","
         "\"choices\":[{\"text\":\"y\",\"index\":0,\"finish_reason\":\"stop\",\"logprobs\":null}],"
         "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}}",
         "text_completion"},
        {"/v1/embeddings", "{\"model\":\"text-embedding-3-small\",\"input\":\"hi\"}",
         "POST /v1/embeddings HTTP",
         "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[0.5]}"
         "],\"model\":\"m\",\"usage\":{\"prompt_tokens\":5,\"total_tokens\":5}}",
         "\"embedding\":[0.5]"},
        {"/v1/messages", TALK_MESSAGES(TALK_CLAUDE, ""), "POST /v1/messages HTTP",
         TALK_MESSAGES_ANSWER, "\"type\":\"message\""},
        {"/llm/v1/chat/completions", TALK_CHAT("gpt-4o", ""), "POST /v1/chat/completions HTTP",
         TALK_CHAT_ANSWER, "chat.completion"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        path_post(&p, cases[i].target, cases[i].body);
        assert_true(path_provider_has(&p, cases[i].upstream));
        answer(JSON, cases[i].answer);
        assert_true(path_client_has(&p, cases[i].shown));
        expect_accounted("allow", "completed");
        assert_int_equal(p.outcome.input_tokens, 5);
        path_post(&p, cases[i].target, "{}");
        assert_true(path_client_has(&p, "HTTP/1.1 400 "));
        expect_accounted("error", "refused");
    }
    path_request(&p, "GET /v1/embeddings HTTP/1.1\r\nHost: a\r\nx-api-key: %s\r\n\r\n", 0);
    assert_true(path_client_has(&p, "HTTP/1.1 405 "));
    assert_true(path_client_has(&p, "\r\nallow: POST\r\n"));
    expect_accounted("error", "refused");
}

static void test_translation_shows_in_both_directions(void **state)
{
    (void)state;
    path_post(&p, "/v1/chat/completions", TALK_CHAT(TALK_CLAUDE, ""));
    assert_true(path_provider_has(&p, "POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\n"));
    assert_true(path_provider_has(&p, "x-api-key: provider-secret\r\n"));
    assert_false(path_provider_has(&p, "authorization"));
    assert_true(path_provider_has(&p, "anthropic-version: 2023-06-01\r\n"));
    assert_true(path_provider_has(&p, "\"max_tokens\":4096"));
    answer(JSON, TALK_MESSAGES_ANSWER);
    assert_true(path_client_has(&p, "\"object\":\"chat.completion\""));
    assert_true(path_client_has(&p, "\"finish_reason\":\"stop\""));
    assert_true(path_client_has(&p, "\"completion_tokens\":2"));
    expect_accounted("allow", "completed");
    assert_true(str_eq(p.decision.provider, STR("anthropic")));
    path_post(&p, "/v1/messages", TALK_MESSAGES("gpt-4o", ""));
    assert_true(path_provider_has(&p, "POST /v1/chat/completions HTTP/1.1\r\n"));
    assert_true(path_provider_has(&p, "authorization: Bearer provider-secret\r\n"));
    assert_false(path_provider_has(&p, "anthropic-version"));
    answer(JSON, TALK_CHAT_ANSWER);
    assert_true(path_client_has(&p, "\"stop_reason\":\"end_turn\""));
    assert_true(path_client_has(&p, "\"output_tokens\":2"));
    expect_accounted("allow", "completed");
    /* What has no exact counterpart is refused by name and nothing is sent. */
    path_post(&p, "/v1/chat/completions", TALK_CHAT(TALK_CLAUDE, ",\"logprobs\":true"));
    assert_true(path_client_has(&p, "unsupported_parameter"));
    assert_true(path_client_has(&p, "\"param\":\"/logprobs\""));
    assert_int_equal(p.calls, 0);
}

static size_t count_of(const char *text)
{
    struct str rest = buf_str(&p.client);
    size_t count = 0;
    for (ptrdiff_t at; (at = str_find_str(rest, str_from(text))) >= 0; count++) {
        rest = str_sub(rest, (size_t)at + 1, rest.len);
    }
    return count;
}

/* J 195, J 199: the provider's error is told once, and nothing follows it. */
static void test_error_event_of_the_provider(void **state)
{
    (void)state;
    static const char error[] =
        "data: {\"error\":{\"message\":\"overloaded, key sk-abcdefghijklmnopqrstuvwxyz\","
        "\"type\":\"server_error\",\"code\":null}}\n\n";
    char events[4096];
    snprintf(events, sizeof(events), "%s%s%s%s", TALK_CHAT_DELTA, error, TALK_CHAT_STOP, TALK_DONE);
    path_post(&p, "/v1/chat/completions", stream);
    answer(SSE, events);
    assert_int_equal(count_of("\"error\":{"), 1);
    assert_false(path_client_has(&p, "sk-abc"));
    assert_false(path_client_has(&p, "\"finish_reason\":\"stop\""));
    expect_accounted("allow", "upstream_error");
    path_post(&p, "/v1/chat/completions", stream);
    snprintf(events, sizeof(events),
             "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked"
             "\r\n\r\n%zx\r\n%s\r\n",
             strlen(error), error);
    path_answer(&p, events, 0);
    path_answer_end(&p, FLOW_END_TRUNCATED);
    assert_int_equal(count_of("\"error\":{"), 1);
    expect_accounted("allow", "upstream_error");
}

static void test_events_that_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"data: {\"choices\":\n\n", "data: hello\n\n",
                                      "data: [1]\n\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char events[2048];
        snprintf(events, sizeof(events), "%s%s%s", TALK_CHAT_DELTA, bad[i], TALK_DONE);
        path_post(&p, "/v1/chat/completions", stream);
        answer(SSE, events);
        assert_true(path_client_has(&p, "Hello"));
        assert_true(path_client_has(&p, "upstream_invalid_event"));
        assert_int_equal(p.drops, 1);
        expect_accounted("allow", "upstream_error");
    }
}

static void test_answer_too_large(void **state)
{
    (void)state;
    static char text[2000], events[4000];
    memset(text, 'x', 1500);
    set_limits(0, 1000);
    path_post(&p, "/v1/chat/completions", chat);
    answer(JSON, text);
    assert_true(path_client_has(&p, "HTTP/1.1 502 "));
    assert_true(path_client_has(&p, "upstream_too_large"));
    assert_int_equal(p.drops, 1);
    expect_accounted("allow", "upstream_error");
    /* A stream that cannot be buffered loses events: it must not end well. */
    snprintf(events, sizeof(events),
             TALK_CHUNK "[{\"index\":0,\"delta\":{\"content\":\"%s\"}}]}\n\n" TALK_CHAT_EVENTS,
             text);
    path_post(&p, "/v1/chat/completions", stream);
    answer(SSE, events);
    assert_true(path_client_has(&p, "\"error\":{"));
    assert_false(path_client_has(&p, "Hello"));
    assert_true(p.is_closed);
    expect_accounted("allow", "upstream_error");
    path_request(&p, "GET /v1/models HTTP/1.1\r\nHost: a\r\nx-api-key: %s\r\n\r\n", 0);
    assert_true(path_client_has(&p, "HTTP/1.1 503 "));
    expect_accounted("error", "refused");
    set_limits(0, 0);
}

static void test_usage_absent_or_impossible(void **state)
{
    (void)state;
    static const struct {
        const char *usage;
        bool is_known;
    } cases[] = {
        {"", false},
        {",\"usage\":null", false},
        {",\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":2,\"total_tokens\":1}", false},
        {",\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}", true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[1024];
        snprintf(body, sizeof(body),
                 "{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"gpt-4o\","
                 "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"x\"},"
                 "\"finish_reason\":\"stop\"}]%s}",
                 cases[i].usage);
        path_post(&p, "/v1/chat/completions", chat);
        answer(JSON, body);
        expect_accounted("allow", "completed");
        assert_int_equal(p.outcome.has_usage, cases[i].is_known);
        assert_int_equal(p.outcome.cost_pico_usd, cases[i].is_known ? 32500000 : -1);
    }
}

static void test_long_words_of_a_provider_do_not_break_the_record(void **state)
{
    (void)state;
    static char body[30001], text[60000], id[4000];
    memset(id, 'i', sizeof(id) - 1);
    memset(body, 'f', 30000);
    body[30000] = 0;
    static char json[40000];
    snprintf(json, sizeof(json),
             "{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"gpt-4o\","
             "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"x\"},"
             "\"finish_reason\":\"%s\"}]}",
             body);
    snprintf(text, sizeof(text),
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: %s\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             id, strlen(json), json);
    path_post(&p, "/v1/chat/completions", chat);
    path_answer(&p, text, 0);
    expect_accounted("allow", "completed");
    assert_true(p.outcome.upstream_request_id.len <= 128);
    assert_true(p.outcome.finish_reason.len < 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http10_client_gets_no_chunks),
        cmocka_unit_test(test_no_room_for_a_body_announced_without_key),
        cmocka_unit_test(test_fields_that_may_come_once),
        cmocka_unit_test(test_HEAD_of_the_model_list),
        cmocka_unit_test(test_slot_by_header),
        cmocka_unit_test(test_environment_narrows_only_where_allowed),
        cmocka_unit_test(test_tags_header),
        cmocka_unit_test(test_F13_stale_policies_refuse),
        cmocka_unit_test(test_draining_closes_after_the_answer),
        cmocka_unit_test(test_body_over_the_limit),
        cmocka_unit_test(test_every_operation_once),
        cmocka_unit_test(test_translation_shows_in_both_directions),
        cmocka_unit_test(test_error_event_of_the_provider),
        cmocka_unit_test(test_events_that_are_none),
        cmocka_unit_test(test_answer_too_large),
        cmocka_unit_test(test_usage_absent_or_impossible),
        cmocka_unit_test(test_long_words_of_a_provider_do_not_break_the_record),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
