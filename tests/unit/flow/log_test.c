/* SPDX-License-Identifier: Apache-2.0
 *
 * The log line of a request: one for every way a request may end, JSON whatever the caller
 * calls things, and nothing in it that is not an id, a word of ours or a figure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rules.h"

static struct path p;
static struct buf lines;
static const char *const governance[] = {TALK_OPEN, NULL};

static int open_path(void **state)
{
    (void)state;
    buf_init(&lines, 1u << 20);
    path_set_up_with(&p, governance, &pii, 1);
    p.env.log = &lines;
    return 0;
}

static int close_path(void **state)
{
    (void)state;
    path_tear_down(&p);
    buf_fini(&lines);
    return 0;
}

static void answer(const char *body)
{
    static char text[2048];
    snprintf(text, sizeof(text),
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(body), body);
    path_answer(&p, text, 0);
    assert_true(p.is_done);
}

/* Exactly one line since the last call; its member as text. */
static struct json_doc doc;
static void take_line(void)
{
    struct issue issue;
    static char copy[4096];
    assert_true(lines.len > 0 && lines.len < sizeof(copy));
    assert_int_equal(lines.ptr[lines.len - 1], '\n');
    assert_null(memchr(lines.ptr, '\n', lines.len - 1));
    memcpy(copy, lines.ptr, lines.len);
    copy[lines.len] = 0;
    buf_clear(&lines);
    enum err e = json_parse(&p.arena, str_from(copy), &json_limits_default, &doc, &issue);
    if (e != ERR_OK) {
        fail_msg("%s: %s", issue.message, copy);
    }
    assert_null(strstr(copy, "hello"));
    assert_null(strstr(copy, "jane"));
    assert_null(strstr(copy, p.key));
    assert_null(strstr(copy, "123-45"));
}

static void expect(const char *name, const char *value)
{
    struct str got = json_str(json_get(doc.root, str_from(name)));
    if (!str_eq(got, str_from(value))) {
        fail_msg("%s is %.*s, not %s", name, STR_ARG(got), value);
    }
}

static void expect_figure(const char *name, int64_t value)
{
    int64_t got = -1;
    assert_true(json_int(json_get(doc.root, str_from(name)), &got));
    assert_int_equal(got, value);
}

static void test_an_answered_request(void **state)
{
    (void)state;
    const char *body = TALK_CHAT("gpt-4o", "");
    path_post(&p, "/v1/chat/completions", body);
    assert_int_equal(lines.len, 0);
    answer(TALK_CHAT_ANSWER);
    take_line();
    expect("level", "info");
    expect("event", "request");
    expect("msg", "completed");
    expect("method", "POST");
    expect("endpoint", "chat");
    expect("decision", "allow");
    expect("provider", "openai");
    expect("model", "openai/gpt-4o");
    expect_figure("status", 200);
    expect_figure("upstream_status", 200);
    expect_figure("bytes_in", (int64_t)strlen(body));
    expect_figure("bytes_out", (int64_t)strlen(TALK_CHAT_ANSWER));
    assert_true(str_eq(json_str(json_get(doc.root, STR("request_id"))), p.decision.request_id));
    assert_true(str_eq(json_str(json_get(doc.root, STR("org"))), p.decision.org));
    assert_true(str_eq(json_str(json_get(doc.root, STR("key_id"))), p.decision.key_id));
    assert_true(json_get(doc.root, STR("eval_us")) != NULL);
    assert_null(json_get(doc.root, STR("policy")));
}

static void test_a_block_names_policy_and_rule(void **state)
{
    (void)state;
    path_post(&p, "/v1/chat/completions",
              "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"jane, "
              "123-45-6789\"}]}");
    take_line();
    expect("level", "warn");
    expect("msg", "refused");
    expect("decision", "block");
    expect("policy", "PII Protection");
    expect("rule", "pii");
    expect("code", "GOVERNANCE_BLOCKED");
    expect_figure("status", 403);
    assert_null(json_get(doc.root, STR("upstream_ms")));
}

static void test_what_leaves_no_record(void **state)
{
    (void)state;
    path_request(&p, "GET /v1/models HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\"\\b\r\n\r\n", 0);
    take_line();
    expect("code", "missing_api_key");
    expect("client_request_id", "a\"\\b");
    expect("endpoint", "models");
    expect_figure("status", 401);
    assert_null(json_get(doc.root, STR("org")));
    path_request(&p, "GET /v1/models\r\n\r\n", 0);
    take_line();
    expect("code", "bad_request");
    expect_figure("status", 400);
    p.spool_is_full = true;
    path_post(&p, "/v1/chat/completions", TALK_CHAT("gpt-4o", ""));
    take_line();
    expect("level", "error");
    expect("code", "audit_unavailable");
    expect_figure("status", 503);
}

static void test_other_ends(void **state)
{
    (void)state;
    path_post(&p, "/v1/chat/completions", TALK_CHAT("gpt-4o", ""));
    path_client_gone(&p);
    take_line();
    expect("msg", "client_gone");
    expect("level", "warn");
    expect_figure("status", 0);
    path_post(&p, "/v1/chat/completions", TALK_CHAT("gpt-4o", ""));
    path_answer(
        &p,
        "HTTP/1.1 400 No\r\nContent-Type: application/json\r\nContent-Length: 66\r\n\r\n"
        "{\"error\":{\"message\":\"hello jane\",\"type\":\"x\",\"code\":\"hello\",\"x\":1 }}",
        0);
    take_line(); /* what a provider says is not ours to log */
    expect("msg", "upstream_error");
    expect_figure("status", 400);
    expect_figure("upstream_status", 400);
}

static void test_only_errors(void **state)
{
    (void)state;
    p.env.logs_errors_only = true;
    path_post(&p, "/v1/chat/completions", TALK_CHAT("gpt-4o", ""));
    answer(TALK_CHAT_ANSWER);
    assert_int_equal(lines.len, 0);
    path_post(&p, "/v1/chat/completions", TALK_CHAT("no-such", ""));
    take_line();
    expect("code", "model_not_found");
}

/* A line that does not fit is left out, and the next one is whole. */
static void test_no_room(void **state)
{
    (void)state;
    lines.bytes_max = 100;
    path_request(&p, "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n", 0);
    assert_int_equal(lines.len, 0);
    lines.bytes_max = 1u << 20;
    path_request(&p, "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n", 0);
    take_line();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_answered_request, open_path, close_path),
        cmocka_unit_test_setup_teardown(test_a_block_names_policy_and_rule, open_path, close_path),
        cmocka_unit_test_setup_teardown(test_what_leaves_no_record, open_path, close_path),
        cmocka_unit_test_setup_teardown(test_other_ends, open_path, close_path),
        cmocka_unit_test_setup_teardown(test_only_errors, open_path, close_path),
        cmocka_unit_test_setup_teardown(test_no_room, open_path, close_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
