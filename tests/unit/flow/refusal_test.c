/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client is told when the path refuses or a provider fails: the status and the code of
 * the developers' guide, request by request. Refused before the call, nothing is sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rules.h"

static struct path p;
static const char *const governance[] = {TALK_OPEN, TALK_WARN, NULL};
static const char chat[] = TALK_CHAT("gpt-4o", "");

static int set_up(void **state)
{
    (void)state;
    path_set_up(&p, governance);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    path_tear_down(&p);
    return 0;
}

static void expect(unsigned status, const char *code)
{
    char line[64], member[96];
    snprintf(line, sizeof(line), "HTTP/1.1 %u ", status);
    snprintf(member, sizeof(member), "\"code\":\"%s\"", code);
    if (!path_client_has(&p, line) || !path_client_has(&p, member)) {
        fail_msg("%u %s\nnot in\n%.*s", status, code, STR_ARG(buf_str(&p.client)));
    }
}

#define KEY "Authorization: Bearer %s\r\n"
#define TYPE "Content-Type: application/json\r\n"

static void test_before_the_call(void **state)
{
    (void)state;
    static const struct {
        const char *line, *fields, *body;
        unsigned status;
        const char *code;
    } cases[] = {
        {"POST /v1/chat/completions", TYPE, chat, 401, "missing_api_key"},
        {"POST /v1/chat/completions", "Authorization: Basic %s\r\n" TYPE, chat, 401,
         "invalid_authorization"},
        {"POST /v1/chat/completions", "Authorization: Bearer pc_live_no\r\n" TYPE, chat, 401,
         "invalid_api_key"},
        {"POST /v1/chat/completions?api_key=x", KEY TYPE, chat, 400, "key_in_query"},
        {"POST /v1/chat/completions", KEY "x-api-key: other\r\n" TYPE, chat, 400,
         "conflicting_credentials"},
        {"GET /v1/chat/completions", KEY TYPE, chat, 405, "method_not_allowed"},
        {"POST /v1/models", KEY TYPE, chat, 405, "method_not_allowed"},
        {"POST /v1/chat/completions", KEY "Content-Type: text/plain\r\n", chat, 415,
         "unsupported_media_type"},
        {"POST /v1/chat/completions", KEY "Content-Type: application/json; charset=latin1\r\n",
         chat, 415, "unsupported_media_type"},
        {"POST /v1/chat/completions", KEY TYPE "Content-Encoding: gzip\r\n", chat, 415,
         "unsupported_content_encoding"},
        {"POST /v1/chat/completions",
         KEY TYPE "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n", chat, 415,
         "unsupported_content_encoding"},
        {"POST /v1/chat/completions", KEY TYPE "X-Governance-Tags: =\r\n", chat, 400,
         "invalid_tags"},
        {"POST /v1/chat/completions", KEY TYPE "X-Error-Format: xml\r\n", chat, 400,
         "invalid_error_format"},
        {"POST /v1/chat/completions", KEY TYPE "X-Environment: production\r\n", chat, 403,
         "environment_not_allowed"},
        {"POST /v1/chat/completions", KEY TYPE "X-Governance-Policy: 9\r\n", chat, 400,
         "governance_policy_not_found"},
        {"POST /v1/chat/completions", KEY TYPE "X-Governance-Policy: 2\r\n",
         TALK_CHAT("gpt-4o", ",\"governance_policy\":1"), 400, "governance_policy_conflict"},
        {"POST /v1/chat/completions", KEY TYPE, "{", 400, "invalid_json"},
        {"POST /v1/chat/completions", KEY TYPE, TALK_CHAT("no-such-model", ""), 404,
         "model_not_found"},
        {"POST /v1/chat/completions", KEY TYPE, TALK_CHAT("mistral/codestral-latest", ""), 404,
         "provider_not_configured"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[4096];
        snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n%s",
                 cases[i].line, cases[i].fields, strlen(cases[i].body), cases[i].body);
        path_request(&p, text, 0);
        assert_int_equal(p.calls, 0);
        expect(cases[i].status, cases[i].code);
    }
}

/* JSON has no parameters, so only one that says another character set matters. */
static void test_media_types(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        bool is_taken;
    } cases[] = {
        {"application/json", true},
        {"Application/JSON ; Charset=UTF-8", true},
        {"application/json;charset=\"utf-8\"", true},
        {"application/json; charset=utf8", true},
        {"application/json;", true},
        {"application/json;charset=utf-8;", true},
        {"application/json; version=1", true},
        {"application/json; version=1; charset=utf-8", true},
        {"application/json; charset=utf-16", false},
        {"application/json; version=1; charset=utf-16", false},
        {"application/json; charset=utf-8; charset=utf-16", false},
        {"application/json; x=\"; charset=utf-16\"", false},
        {"application/json; charset=", false},
        {"application/json; charset=\"\"", false},
        {"application/json; charset=\"utf-8", false},
        {"application/json; charset = utf-8", false},
        {"application/json; charset", false},
        {"application/json, text/plain", false},
        {"application/vnd.api+json", false},
        {"text/json", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[4096];
        snprintf(text, sizeof(text),
                 "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n" KEY
                 "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
                 "%s", cases[i].type, strlen(chat), chat);
        path_request(&p, text, 0);
        assert_int_equal(p.calls, cases[i].is_taken ? 1 : 0);
        if (cases[i].is_taken) {
            path_answer_end(&p, FLOW_END_TIMEOUT);
        } else {
            expect(415, "unsupported_media_type");
        }
    }
}

static void test_when_the_provider_fails(void **state)
{
    (void)state;
    static const struct {
        enum flow_end_how how;
        unsigned status;
        const char *code;
    } cases[] = {
        {FLOW_END_TIMEOUT, 504, "upstream_timeout"},
        {FLOW_END_TLS, 502, "upstream_tls"},
        {FLOW_END_REFUSED, 502, "upstream_unreachable"},
        {FLOW_END_TRUNCATED, 502, "upstream_truncated"},
        {FLOW_END_PROTOCOL, 502, "upstream_protocol"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        path_post(&p, "/v1/chat/completions", chat);
        assert_int_equal(p.calls, 1);
        path_answer_end(&p, cases[i].how);
        expect(cases[i].status, cases[i].code);
        assert_int_equal(p.outcomes, 1);
    }
    for (unsigned status = 401; status <= 403; status += 2) {
        char text[256];
        snprintf(text, sizeof(text), "HTTP/1.1 %u No\r\nContent-Type: application/json\r\n"
                 "Content-Length: 2\r\n\r\n{}", status);
        path_post(&p, "/v1/chat/completions", chat);
        path_answer(&p, text, 0);
        expect(502, "provider_authentication_failed");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_before_the_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_media_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_when_the_provider_fails, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
