/* SPDX-License-Identifier: Apache-2.0
 *
 * The path, end to end without a port: what the client and the provider see, and
 * that every way out leaves exactly one decision and one outcome.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "path.h"

#define HIPAA                                                                                      \
    "{\"name\":\"Production - HIPAA\",\"tagSlot\":1,\"rules\":{\"minimumTrustTier\":"              \
    "\"most_trusted\",\"requireHipaa\":true,\"requireBaa\":true,\"enforcement\":\"hard_block\"}}"
#define DEVELOPMENT                                                                                \
    "{\"name\":\"Development\",\"tagSlot\":2,\"rules\":{\"minimumTrustTier\":\"trusted\","         \
    "\"requireBaa\":true,\"enforcement\":\"warn\"}}"
#define STAGING "{\"name\":\"Staging\",\"tagSlot\":5,\"rules\":{\"enforcement\":\"soft_block\"}}"

static const char *const policies[] = {HIPAA, DEVELOPMENT, STAGING, NULL};
static const char chat[] =
    "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}";
static const char chat_answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: up-1\r\n"
    "Content-Length: 273\r\n\r\n"
    "{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":["
    "{"
    "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hi there\"},\"finish_reason\":"
    "\"stop\",\"logprobs\":null}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,"
    "\"total_tokens\":7},\"system_fingerprint\":\"x123456\"}";

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
    assert_true(p.is_done);
    assert_int_equal(p.decisions, 1);
    assert_int_equal(p.outcomes, 1);
    assert_true(str_eq(p.decision.decision, str_from(decision)));
    assert_true(str_eq(p.outcome.outcome, str_from(outcome)));
    assert_true(str_eq(p.decision.request_id, p.outcome.request_id));
}

/* Content-Length of the literal above, so that editing it cannot make it lie. */
static const char *with_length(const char *answer)
{
    static char text[8192];
    const char *body = strstr(answer, "\r\n\r\n") + 4;
    const char *cl = strstr(answer, "Content-Length: ");
    const char *after = strstr(cl, "\r\n");
    snprintf(text, sizeof(text), "%.*s%zu%s", (int)(cl - answer) + 16, answer, strlen(body), after);
    return text;
}

static void test_allowed_request_goes_through(void **state)
{
    (void)state;
    path_post(&p, "/v1/chat/completions", chat);
    assert_int_equal(p.calls, 1);
    assert_true(path_provider_has(&p, "POST /v1/chat/completions HTTP/1.1\r\n"));
    assert_true(path_provider_has(&p, "Host: api.openai.com\r\n"));
    assert_true(path_provider_has(&p, "authorization: Bearer provider-secret\r\n"));
    assert_true(path_provider_has(&p, "accept-encoding: identity\r\n"));
    assert_false(path_provider_has(&p, p.key));
    assert_true(path_provider_has(&p, chat)); /* byte for byte */
    path_answer(&p, with_length(chat_answer), 0);
    assert_true(path_client_has(&p, "HTTP/1.1 200 OK\r\n"));
    const char *answer_body = strstr(chat_answer, "\r\n\r\n");
    assert_true(str_ends(buf_str(&p.client), str_from(answer_body))); /* once, unchanged */
    assert_int_equal(p.outcome.response_bytes, strlen(answer_body) - 4);
    assert_true(path_client_has(&p, "x-governance-decision: allow\r\n"));
    assert_true(path_client_has(&p, "x-upstream-request-id: up-1\r\n"));
    assert_true(path_client_has(&p, "x-request-id: req_"));
    expect_accounted("allow", "completed");
    assert_false(p.is_closed);
    assert_true(str_eq(p.decision.environment, STR("development")));
    assert_true(str_eq(p.decision.user, STR("dev@acme.com")));
    assert_true(str_eq(p.decision.provider, STR("openai")));
    assert_int_equal(p.decision.epoch, 7);
    assert_int_equal(p.outcome.input_tokens, 5);
    assert_int_equal(p.outcome.cost_pico_usd, 5 * 2500000 + 2 * 10000000);
}

static void test_the_record_says_who_where_and_under_what(void **state)
{
    (void)state;
    p.is_degraded = true;
    p.stale_ms = 1234;
    p.env.worker = 3;
    p.env.hashes_body = true;
    path_post(&p, "/v1/chat/completions", chat);
    p.is_degraded = false;
    p.stale_ms = 0;
    path_answer(&p, with_length(chat_answer), 0);
    const struct audit_decision *d = &p.decision;
    const struct {
        struct str is;
        const char *wanted;
    } texts[] = {
        {d->org, "org_acme"},     {d->team, "platform"},   {d->environment, "development"},
        {d->project, "assistant"}, {d->user, "dev@acme.com"}, {d->user_id, "user_1"},
        {d->node, "n1"},          {d->method, "POST"},     {d->path, "/v1/chat/completions"},
        {d->endpoint, "chat"},    {d->provider, "openai"}, {d->decision, "allow"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(texts[i].is.len, strlen(texts[i].wanted));
        assert_memory_equal(texts[i].is.ptr, texts[i].wanted, texts[i].is.len);
    }
    assert_true(d->key_id.len == 12 && str_find_str(str_from(p.key), d->key_id) > 0);
    assert_int_equal(d->org_seq, 7);
    assert_int_equal(d->epoch, 7);
    assert_int_equal(d->worker, 3);
    assert_int_equal(d->staleness_ms, 1234);
    assert_true(d->is_degraded);
    assert_int_equal(d->request_bytes, strlen(chat));
    struct sha256 hash = sha256_of(str_from(chat));
    assert_true(d->has_body_sha256);
    assert_memory_equal(d->body_sha256.bytes, hash.bytes, sizeof(hash.bytes));
}

static void test_S0_54_hard_block_body(void **state)
{
    (void)state;
    path_post(&p, "/llm/v1/chat/completions", /* S0-41 */
              "{\"model\":\"deepseek/deepseek-v3.2\",\"messages\":[{\"role\":\"user\","
              "\"content\":\"Analyze this patient record\"}],\"governance_policy\":1}");
    assert_int_equal(p.calls, 0); /* S3-3: nothing was sent */
    assert_true(path_client_has(&p, "HTTP/1.1 403 "));
    assert_true(path_client_has(&p, "\"message\":\"Request blocked by governance policy\""));
    assert_true(path_client_has(&p, "\"type\":\"governance_blocked\""));
    assert_true(path_client_has(&p, "\"code\":\"GOVERNANCE_BLOCKED\""));
    /* S0-55, S0-56, S0-58: China before the trust tier */
    assert_true(path_client_has(
        &p, "\"violations\":[\"Provider 'deepseek' is China-based and blocked by policy\","));
    assert_true(path_client_has(
        &p, ",\"Provider 'deepseek' does not meet minimum trust tier 'most_trusted'\"]"));
    assert_true(path_client_has(&p, "x-should-retry: false\r\n"));
    assert_true(path_client_has(&p, "x-governance-decision: block\r\n"));
    assert_true(path_client_has(&p, "x-governance-policy: Production - HIPAA\r\n"));
    expect_accounted("block", "refused");
    assert_true(str_eq(p.decision.policy, STR("Production - HIPAA")));
    assert_true(str_eq(p.decision.rule, STR("provider_requirement"))); /* S4-39 */
    assert_int_equal(p.decision.status, 403);
    assert_false(p.is_closed);
}

static void test_S0_52_soft_block_fails_and_says_so(void **state)
{
    (void)state;
    path_post(&p, "/v1/chat/completions",
              "{\"model\":\"deepseek/deepseek-v3.2\",\"messages\":[{\"role\":\"user\","
              "\"content\":\"x\"}],\"governance_policy\":5}");
    assert_true(path_client_has(&p, "HTTP/1.1 403 "));
    assert_true(path_client_has(&p, "\"enforcement\":\"soft_block\""));
    expect_accounted("block", "refused");
    assert_true(str_eq(p.decision.violations[0].severity, STR("violation")));
}

static void test_S0_59_warn_proceeds_with_header(void **state)
{
    (void)state;
    path_post(&p, "/v1/chat/completions",
              "{\"model\":\"groq/llama-3.3-70b-versatile\",\"messages\":[{\"role\":\"user\","
              "\"content\":\"x\"}],\"governance_policy\":2}");
    assert_int_equal(p.calls, 1);
    /* S0-44: the member does not go upstream */
    assert_false(path_provider_has(&p, "governance_policy"));
    path_answer(&p, with_length(chat_answer), 7);
    assert_true(path_client_has(
        &p, "x-governance-violations: Provider 'groq' does not have BAA available\r\n"));
    expect_accounted("warn", "completed");
}

static void test_S0_43_unknown_slot_is_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],"
        "\"governance_policy\":9}",
        "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],"
        "\"governance_policy\":13}",
        "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],"
        "\"governance_policy\":\"1\"}"};
    for (size_t i = 0; i < 3; i++) {
        path_post(&p, "/v1/chat/completions", bodies[i]);
        assert_int_equal(p.calls, 0);
        assert_true(path_client_has(&p, "HTTP/1.1 400 "));
        assert_true(path_client_has(&p, "governance_policy_not_found"));
        expect_accounted("error", "refused");
    }
}

static void test_bad_credentials_leave_no_trace_upstream(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\n\r\n{}",
        "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer nope\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Basic %s\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"};
    for (size_t i = 0; i < 4; i++) {
        path_request(&p, heads[i], 0);
        assert_true(p.is_done);
        assert_int_equal(p.calls + p.decisions + p.outcomes, 0);
        assert_true(path_client_has(&p, "HTTP/1.1 401 "));
    }
    path_request(&p,
                 "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
                 "x-api-key: other\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
                 "{}",
                 0);
    assert_true(path_client_has(&p, "conflicting_credentials"));
    path_request(&p, "GET /v1/models?api_key=%s HTTP/1.1\r\nHost: a\r\n\r\n", 0);
    assert_true(path_client_has(&p, "key_in_query"));
}

static void test_bad_bodies_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *body, *expected;
    } cases[] = {
        {"{\"model\":\"gpt-4o\",\"model\":\"o1\",\"messages\":[]}", "invalid_json"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "/model"},
        {"{\"model\":\"no-such-model\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
         "model_not_found"},
        {"{\"model\":\"gpt-4o\",\"api_base\":\"https://evil\",\"messages\":[{\"role\":\"user\","
         "\"content\":\"x\"}]}",
         "/api_base"},
        {"[1]", "invalid"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        path_post(&p, "/v1/chat/completions", cases[i].body);
        assert_int_equal(p.calls, 0);
        assert_true(path_client_has(&p, cases[i].expected));
        expect_accounted("error", "refused");
    }
}

static void test_stream_is_relayed_event_by_event(void **state)
{
    (void)state;
    static const char body[] = "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":"
                               "\"user\",\"content\":\"x\"}]}";
    static const char events[] =
        "data: "
        "{\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\","
        "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\"finish_reason\":null}]}\n\n"
        "data: "
        "{\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\","
        "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
        "data: "
        "{\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\","
        "\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1,"
        "\"total_tokens\":4}}\n\ndata: [DONE]\n\n";
    size_t steps[] = {0, 1, 2, 7, 64};
    for (size_t i = 0; i < 5; i++) {
        path_post(&p, "/v1/chat/completions", body);
        /* product.md: usage is asked for upstream and dropped downstream */
        assert_true(path_provider_has(&p, "\"include_usage\":true"));
        path_answer_events(&p, events, steps[i]);
        assert_true(path_client_has(&p, "content-type: text/event-stream"));
        assert_true(path_client_has(&p, "\"content\":\"Hello\""));
        assert_true(path_client_has(&p, "data: [DONE]\n\n"));
        assert_false(path_client_has(&p, "\"choices\":[]"));
        expect_accounted("allow", "completed");
        assert_int_equal(p.outcome.input_tokens, 3);
        assert_true(p.decision.is_stream);
    }
}

/* The blank line behind the last event may end in a CR that nothing follows. */
static void test_stream_ends_with_a_bare_cr(void **state)
{
    (void)state;
    static const char body[] = "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":"
                               "\"user\",\"content\":\"x\"}]}";
    static const struct {
        const char *end;
        const char *outcome;
    } cases[] = {
        {"data: [DONE]\r\n\r", "completed"},
        {"data: [DONE]\n\r", "completed"},
        {"data: [DONE]\r", "completed"},
        {"data: {\"id\":\r\n\r", "upstream_error"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        path_post(&p, "/v1/chat/completions", body);
        path_answer_events(&p, cases[i].end, i % 2);
        bool is_good = strcmp(cases[i].outcome, "completed") == 0;
        assert_int_equal(path_client_has(&p, "data: {\"error\":{"), !is_good);
        assert_true(path_client_has(&p, "data: [DONE]"));
        expect_accounted("allow", cases[i].outcome);
    }
}

static void test_cut_stream_never_ends_cleanly(void **state)
{
    (void)state;
    static const char head[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        "72\r\n"
        "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"
        "\"delta\":{\"content\":\"He\"}}]}\n\n";
    static const char body[] = "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":"
                               "\"user\",\"content\":\"x\"}]}";
    path_post(&p, "/v1/chat/completions", body);
    path_answer(&p, head, 0);
    path_answer_end(&p, FLOW_END_TRUNCATED);
    assert_true(path_client_has(&p, "data: {\"error\":{"));
    assert_true(path_client_has(&p, "upstream_truncated"));
    expect_accounted("allow", "truncated");
    assert_true(p.is_closed);
}

static void test_answers_that_are_no_success(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        const char *status, *code;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi", " 502 ",
         "upstream_content_type"},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{\"",
         " 502 ", "upstream_invalid_json"},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
         "Content-Length: 2\r\n\r\n{}",
         " 502 ", "upstream_encoding"},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: identity\r\n"
         "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
         " 502 ", "upstream_encoding"},
        {"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
         " 502 ", "upstream_status"},
        {"HTTP/1.1 401 No\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
         " 502 ", "provider_authentication_failed"},
        {"HTTP/1.1 429 Slow\r\nContent-Type: application/json\r\nRetry-After: 7\r\n"
         "Content-Length: 51\r\n\r\n{\"error\":{\"message\":\"slow "
         "down\",\"type\":\"x\",\"code\":1}}",
         " 429 ", "retry-after: 7"},
        {"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", " 500 ", "error"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", " 502 ",
         "upstream_protocol"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        path_post(&p, "/v1/chat/completions", chat);
        path_answer(&p, cases[i].answer, 0);
        if (!p.is_done) {
            path_answer_end(&p, FLOW_END_TRUNCATED);
        }
        assert_true(path_client_has(&p, cases[i].status));
        assert_true(path_client_has(&p, cases[i].code));
        assert_false(path_client_has(&p, "HTTP/1.1 200"));
        assert_true(p.is_done);
        assert_int_equal(p.decisions + p.outcomes, 2);
    }
}

static void test_client_gone_at_every_state(void **state)
{
    (void)state;
    path_request(&p, "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n", 0);
    flow_on_client_gone(p.x, p.now);
    assert_int_equal(p.x->want & FLOW_WANT_DONE, FLOW_WANT_DONE);
    flow_end(p.x);
    path_post(&p, "/v1/chat/completions", chat); /* waiting for the provider */
    flow_on_client_gone(p.x, p.now);
    assert_int_equal(p.x->want & (FLOW_WANT_DROP_CALL | FLOW_WANT_RECORD),
                     FLOW_WANT_DROP_CALL | FLOW_WANT_RECORD);
    struct audit_record r;
    assert_int_equal(audit_record_read(&p.arena, buf_str(&p.x->record), &r), ERR_OK);
    assert_true(str_eq(r.outcome.outcome, STR("client_gone")));
    assert_int_equal(p.x->want & FLOW_WANT_DONE, FLOW_WANT_DONE);
    flow_end(p.x);
}

static void test_without_a_record_nothing_is_sent(void **state)
{
    (void)state;
    p.spool_is_full = true;
    path_post(&p, "/v1/chat/completions", chat);
    assert_int_equal(p.calls, 0);
    assert_true(path_client_has(&p, "HTTP/1.1 503 "));
    assert_true(path_client_has(&p, "audit_unavailable"));
    assert_true(p.is_done);
    p.spool_is_full = false;
}

static void test_models_are_filtered_by_policy(void **state)
{
    (void)state;
    path_request(&p, "GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n", 0);
    assert_true(path_client_has(&p, "\"id\":\"openai/gpt-4o\""));
    assert_true(path_client_has(&p, "\"owned_by\":\"anthropic\""));
    assert_false(path_client_has(&p, "deepseek/"));
    assert_false(path_client_has(&p, "\"id\":\"groq/")); /* no BAA under the default */
    expect_accounted("allow", "completed");
}

static void test_anthropic_errors_have_anthropic_shape(void **state)
{
    (void)state;
    path_post(&p, "/v1/messages",
              "{\"model\":\"deepseek/deepseek-v3.2\",\"max_tokens\":5,\"messages\":[{\"role\":"
              "\"user\",\"content\":\"x\"}]}");
    assert_true(
        path_client_has(&p, "{\"type\":\"error\",\"error\":{\"type\":\"permission_error\""));
    assert_true(path_client_has(&p, "\"violations\":["));
    expect_accounted("block", "refused");
}

static void test_what_is_not_the_path_is_handed_over(void **state)
{
    (void)state;
    path_request(&p, "GET /v1/audit HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n", 0);
    assert_non_null(p.x->principal);
    struct flow_served served = {
        .status = 200, .content_type = STR("application/json"), .body = STR("{}")};
    flow_on_served(p.x, &served, p.now);
    assert_true(str_ends(buf_str(&p.x->out), STR("content-length: 2\r\n\r\n{}")));
    flow_end(p.x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowed_request_goes_through),
        cmocka_unit_test(test_the_record_says_who_where_and_under_what),
        cmocka_unit_test(test_S0_54_hard_block_body),
        cmocka_unit_test(test_S0_52_soft_block_fails_and_says_so),
        cmocka_unit_test(test_S0_59_warn_proceeds_with_header),
        cmocka_unit_test(test_S0_43_unknown_slot_is_refused),
        cmocka_unit_test(test_bad_credentials_leave_no_trace_upstream),
        cmocka_unit_test(test_bad_bodies_are_named),
        cmocka_unit_test(test_stream_is_relayed_event_by_event),
        cmocka_unit_test(test_stream_ends_with_a_bare_cr),
        cmocka_unit_test(test_cut_stream_never_ends_cleanly),
        cmocka_unit_test(test_answers_that_are_no_success),
        cmocka_unit_test(test_client_gone_at_every_state),
        cmocka_unit_test(test_without_a_record_nothing_is_sent),
        cmocka_unit_test(test_models_are_filtered_by_policy),
        cmocka_unit_test(test_anthropic_errors_have_anthropic_shape),
        cmocka_unit_test(test_what_is_not_the_path_is_handed_over),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
