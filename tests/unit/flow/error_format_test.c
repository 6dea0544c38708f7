/* SPDX-License-Identifier: Apache-2.0
 *
 * Which body a refusal by policy has (C-4): the blocking policy's dialect decides, a
 * setting of the organisation or the key before it, X-Error-Format before that; on
 * Anthropic routes always what that SDK reads, with the members of the chosen body.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rules.h"

static struct path p;
static const char *const governance[] = {TALK_OPEN, NULL};

static const struct str mini[] = {STR_INIT("gpt-4o-mini")};
static const struct policy_rule lists[] = {
    {.key = STR_INIT("models"),
     .type = POLICY_MODEL_LIST,
     .effect = POLICY_BLOCK,
     .severity = POLICY_VIOLATION,
     .stage = POLICY_SELECT,
     .is_enabled = true,
     .allow = LIST(mini)},
};
static const struct policy google = {.id = STR_INIT("google"),
                                     .name = STR_INIT("Google Only"),
                                     .origin = POLICY_CONFIG,
                                     .status = POLICY_ACTIVE,
                                     .version = 1,
                                     .rules = lists,
                                     .rules_count = 1};

#define S0                                                                                         \
    "{\"error\":{\"message\":\"Request blocked by governance policy\",\"type\":"                   \
    "\"governance_blocked\",\"param\":null,\"code\":\"GOVERNANCE_BLOCKED\",\"violations\":["
#define S2                                                                                         \
    "{\"error\":\"Request blocked by policy\",\"code\":\"POLICY_BLOCKED\",\"message\":"            \
    "\"Request blocked by policy: "
#define PLAIN "{\"error\":{\"message\":\"Request blocked by governance policy: "
#define PLAIN_END                                                                                  \
    "\",\"type\":\"governance_blocked\",\"param\":null,\"code\":\"GOVERNANCE_BLOCKED\"}}"

static void post(const char *target, const char *header, const char *body)
{
    char text[4096];
    snprintf(text, sizeof(text),
             "POST %s HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer %s\r\n%s"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             target, p.key, header, strlen(body), body);
    path_request(&p, text, 0);
}

static void expect(const char *part)
{
    if (!path_client_has(&p, part)) {
        fail_msg("%s\nnot in\n%.*s", part, STR_ARG(buf_str(&p.client)));
    }
}

static void open_with(const struct policy *one, enum policy_error_format org,
                      enum policy_error_format key)
{
    path_set_up_formats(&p, governance, one, org, key);
}

#define MODEL "Model gpt-4o is not in allow list"
static const char *const chat = TALK_CHAT("gpt-4o", "");

static void test_C_4_the_header_decides(void **state)
{
    (void)state;
    open_with(&google, POLICY_ERROR_UNSET, POLICY_ERROR_UNSET);
    static const struct {
        const char *header, *body;
    } cases[] = {
        {"", "\r\n\r\n" S2 MODEL "\",\"policy_evaluation\":{\"result\":\"hard_block\","},
        {"X-Error-Format: policy\r\n", "\r\n\r\n" S2 MODEL "\","},
        {"X-Error-Format: governance\r\n", "\r\n\r\n" S0 "\"" MODEL "\"]}}"},
        {"x-error-format: openai\r\n", "\r\n\r\n" PLAIN MODEL PLAIN_END},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        post("/v1/chat/completions", cases[i].header, chat);
        expect("HTTP/1.1 403 ");
        expect(cases[i].body);
        expect("x-governance-violations: " MODEL "\r\n");
        expect("x-governance-policy: Google Only\r\n");
        expect("x-should-retry: false\r\n");
        assert_int_equal(p.calls, 0);
        assert_true(str_eq(p.decision.decision, STR("block")));
        assert_true(str_eq(p.decision.reason, STR(MODEL)));
    }
}

/* A policy in any other words answers in S0's, unless S2's are asked for. */
static void test_C_4_a_governance_policy_in_other_words(void **state)
{
    (void)state;
    open_with(NULL, POLICY_ERROR_UNSET, POLICY_ERROR_UNSET);
    static const char *const body = TALK_CHAT("deepseek/deepseek-chat", "");
    post("/v1/chat/completions", "", body);
    expect("\r\n\r\n" S0 "\"Provider 'deepseek' is China-based and blocked by policy\",");
    post("/v1/chat/completions", "X-Error-Format: policy\r\n", body);
    expect("\r\n\r\n" S2 "Provider 'deepseek' is China-based and blocked by policy\",");
    expect("\"policy_evaluation\":{\"result\":\"hard_block\",\"violations\":[{\"policy_name\":"
           "\"Default\"");
    post("/v1/chat/completions", "X-Error-Format: openai\r\n", body);
    /* every reason, because there is no other member to read them from */
    expect("\r\n\r\n" PLAIN "Provider 'deepseek' is China-based and blocked by policy; Provider "
           "'deepseek' does not meet minimum trust tier 'trusted'" PLAIN_END);
}

/* The SDK reads type and error, whatever else there is. */
static void test_C_4_anthropic_routes(void **state)
{
    (void)state;
    open_with(&google, POLICY_ERROR_UNSET, POLICY_ERROR_OPENAI);
    static const char *const body = TALK_MESSAGES(TALK_CLAUDE, "");
    static const struct {
        const char *header, *part;
    } cases[] = {
        {"X-Error-Format: policy\r\n", "\"policy_evaluation\":{\"result\":\"hard_block\""},
        {"X-Error-Format: governance\r\n", "\"violations\":[\"Model "},
        {"", "\"message\":\"Request blocked by governance policy: Model "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        post("/v1/messages", cases[i].header, body);
        expect("HTTP/1.1 403 ");
        expect("\r\n\r\n{\"type\":\"error\",\"error\":{\"type\":\"permission_error\",\"message\":");
        expect(cases[i].part);
        expect("\"request_id\":\"req_");
    }
}

static void test_C_4_settings(void **state)
{
    (void)state;
    open_with(&google, POLICY_ERROR_GOVERNANCE, POLICY_ERROR_UNSET);
    post("/v1/chat/completions", "", chat);
    expect("\r\n\r\n" S0);
    post("/v1/chat/completions", "X-Error-Format: policy\r\n", chat); /* the header wins */
    expect("\r\n\r\n" S2);
    path_tear_down(&p);
    open_with(&google, POLICY_ERROR_GOVERNANCE, POLICY_ERROR_OPENAI); /* the key's wins */
    post("/v1/chat/completions", "", chat);
    expect("\r\n\r\n" PLAIN);
    path_tear_down(&p);
    open_with(&google, POLICY_ERROR_GOVERNANCE, POLICY_ERROR_AUTO);
    post("/v1/chat/completions", "", chat);
    expect("\r\n\r\n" S2);
}

/* Content rules block by the same rules, and a key's own list has no policy at all. */
static void test_C_4_texts(void **state)
{
    (void)state;
    open_with(&pii, POLICY_ERROR_UNSET, POLICY_ERROR_UNSET);
    post("/v1/chat/completions", "X-Error-Format: policy\r\n",
         body_with(&operations[0], "it is 123-45-6789"));
    expect("\r\n\r\n" S2 "PII detected: ssn\",\"policy_evaluation\":{\"result\":\"hard_block\","
           "\"violations\":[{\"policy_name\":\"PII Protection\",\"rule\":\"pii\",");
    post("/v1/chat/completions", "X-Error-Format: openai\r\n",
         body_with(&operations[0], "it is 123-45-6789"));
    expect("\r\n\r\n" PLAIN "PII detected: ssn" PLAIN_END);
}

static void test_C_4_an_unknown_format_is_refused(void **state)
{
    (void)state;
    open_with(&google, POLICY_ERROR_UNSET, POLICY_ERROR_UNSET);
    static const char *const bad[] = {
        "X-Error-Format: json\r\n", "X-Error-Format: \r\n", "X-Error-Format: auto\r\n",
        "X-Error-Format: openai, policy\r\n",
        "X-Error-Format: openai\r\nX-Error-Format: policy\r\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        post("/v1/chat/completions", bad[i], chat);
        expect("HTTP/1.1 400 ");
        expect("\"code\":\"invalid_error_format\"");
        expect("X-Error-Format must be one of openai, governance, policy");
        assert_int_equal(p.calls, 0);
    }
}

static int close_path(void **state)
{
    (void)state;
    path_tear_down(&p);
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, close_path)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C_4_the_header_decides), TEST(test_C_4_a_governance_policy_in_other_words),
        TEST(test_C_4_anthropic_routes),   TEST(test_C_4_settings),
        TEST(test_C_4_texts),              TEST(test_C_4_an_unknown_format_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
