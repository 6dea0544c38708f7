/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/evaluate with texts: it says what the path would do, where, and what the
 * texts would become; nothing is sent and nothing is counted. The path itself is asked
 * the same in the same test, so the two cannot drift apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../../src/io/http/http_private.h"
#include "../flow/rules.h"

static struct path p;
static struct arena arena;
static const struct policy_principal *principal;
static const char *const governance[] = {TALK_OPEN, TALK_WARN, NULL};

static int set_up(void **state)
{
    (void)state;
    const struct policy all[] = {pii, filter, warn};
    path_set_up_with(&p, governance, all, 3);
    arena_init(&arena, 64u << 20);
    assert_int_equal(policy_authenticate(p.snapshot, str_from(p.key), p.env.pepper, 1000,
                                         &principal),
                     ERR_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    path_tear_down(&p);
    return 0;
}

static unsigned status;

/* The answer's root; the status above. */
static yyjson_val *ask_with(const char *body, struct scan_scratch *scratch)
{
    struct manage_caller caller = manage_caller_of(principal);
    struct manage_request m = {.method = WIRE_POST,
                               .path = STR("/v1/evaluate"),
                               .body = str_from(body),
                               .content_type = STR("application/json"),
                               .caller = &caller};
    struct manage_command command;
    struct manage_refusal refusal = {0};
    struct manage_answer answer;
    struct worker_request request = {.principal = principal,
                                     .snapshot = p.snapshot,
                                     .scratch = scratch,
                                     .pepper = p.env.pepper};
    struct json_doc doc;
    struct issue issue;
    arena_reset(&arena);
    enum err e = manage_parse(&arena, &m, p.catalog, &command, &refusal);
    if (e != ERR_OK) {
        fail_msg("%s: %s", refusal.param, refusal.message);
    }
    http_evaluate(&request, &command, &arena, &answer);
    status = answer.status;
    assert_int_equal(json_parse(&arena, answer.body, &json_limits_default, &doc, &issue), ERR_OK);
    return doc.root;
}

static yyjson_val *ask(const char *body)
{
    return ask_with(body, p.env.scratch);
}

static bool is(yyjson_val *object, const char *member, const char *value)
{
    return str_eq(json_str(json_get(object, str_from(member))), str_from(value));
}

static int64_t number(yyjson_val *object, const char *member)
{
    int64_t value = -1;
    (void)json_int(json_get(object, str_from(member)), &value);
    return value;
}

static void test_a_prompt_is_read(void **state)
{
    (void)state;
    yyjson_val *r = ask("{\"model\":\"gpt-4o\",\"prompt\":\"hi \\n" PERSON "\",\"edited\":true}");
    assert_int_equal(status, 200);
    assert_true(is(r, "decision", "modify") && is(r, "stage", "request"));
    assert_true(is(r, "policy", "PII Protection") && is(r, "rule", "pii"));
    assert_int_equal(number(r, "modifications"), 1);
    assert_true(is(json_get(r, STR("edited")), "prompt", "hi \n[REDACTED]"));
    yyjson_val *v = yyjson_arr_get_first(json_get(r, STR("violations")));
    assert_true(is(v, "pointer", "/prompt") && is(v, "what", "email") && is(v, "stage", "request"));
    assert_int_equal(number(v, "start"), 4);
    assert_int_equal(number(v, "end"), 4 + (int)sizeof(PERSON) - 1);
    r = ask("{\"model\":\"gpt-4o\",\"prompt\":\"hello\",\"edited\":true}");
    assert_true(is(r, "decision", "allow"));
    assert_true(is(json_get(r, STR("edited")), "prompt", "hello"));
    r = ask("{\"model\":\"gpt-4o\",\"prompt\":\"" PERSON "\"}");
    assert_null(json_get(r, STR("edited"))); /* only when asked for */
    assert_int_equal(number(r, "modifications"), 1);
}

/* As on the path: what it would refuse is not evaluated as if it were not said. */
static void test_an_environment_that_the_path_refuses(void **state)
{
    (void)state;
    yyjson_val *r = ask("{\"model\":\"gpt-4o\",\"environment\":\"production\"}");
    assert_int_equal(status, 403);
    assert_true(is(json_get(r, STR("error")), "code", "environment_not_allowed"));
    assert_true(is(json_get(r, STR("error")), "param", "/environment"));
    (void)ask("{\"model\":\"gpt-4o\",\"environment\":\"development\"}");
    assert_int_equal(status, 200);
}

static void test_an_answer_is_read(void **state)
{
    (void)state;
    yyjson_val *r = ask("{\"model\":\"gpt-4o\",\"prompt\":\"hello\",\"response\":\"the api_key\"}");
    assert_int_equal(status, 200);
    assert_true(is(r, "decision", "block") && is(r, "stage", "response"));
    assert_true(is(r, "reason", "Pattern matched: api_key"));
    yyjson_val *v = yyjson_arr_get_first(json_get(r, STR("violations")));
    assert_true(is(v, "pointer", "/response"));
    r = ask("{\"model\":\"gpt-4o\",\"response\":\"" PERSON "\",\"edited\":true}");
    assert_true(is(r, "decision", "allow")); /* that rule reads requests */
    assert_true(is(json_get(r, STR("edited")), "response", PERSON));
}

/* What the path sends is what is shown. */
static void test_a_whole_request_is_what_the_path_sends(void **state)
{
    (void)state;
    static const char *const texts[] = {"hello there", "write to " PERSON, "it is 123-45-6789",
                                        "about redwood"};
    static const char *const names[] = {"chat", "chat", "chat", "completions", "responses",
                                        "responses", "messages", "messages", "embeddings",
                                        "moderations", "count_tokens", "input_tokens"};
    static char body[8192], sent[8192];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
            const char *request = body_with(&operations[i], texts[t]);
            path_post(&p, operations[i].target, request);
            struct str head = buf_str(&p.provider);
            ptrdiff_t end = str_find_str(head, STR("\r\n\r\n"));
            snprintf(sent, sizeof(sent), "%.*s",
                     STR_ARG(str_sub(head, end < 0 ? head.len : (size_t)end + 4, head.len)));
            char decision[16];
            snprintf(decision, sizeof(decision), "%.*s", STR_ARG(p.decision.decision));
            finish_call(&p);
            snprintf(body, sizeof(body), "{\"endpoint\":\"%s\",\"edited\":true,\"request\":%s}",
                     names[i], request);
            yyjson_val *r = ask(body);
            assert_int_equal(status, 200);
            assert_true(is(r, "decision", decision));
            bool is_translated = i == 2; /* shown as the caller wrote it */
            if (sent[0] != '\0' && !is_translated) {
                struct buf shown;
                struct json_doc doc;
                struct issue issue;
                buf_init(&shown, 1u << 20);
                json_write_val(&shown, json_get(json_get(r, STR("edited")), STR("request")));
                assert_int_equal(json_parse(&arena, str_from(sent), &json_limits_default, &doc,
                                            &issue),
                                 ERR_OK);
                assert_true(yyjson_is_obj(doc.root));
                const char *text = t == 1 ? "write to [REDACTED]" : texts[t];
                assert_true(str_find_str(buf_str(&shown), str_from(text)) > 0);
                assert_non_null(strstr(sent, text));
                buf_fini(&shown);
            }
        }
    }
}

static void test_messages_are_read(void **state)
{
    (void)state;
    yyjson_val *r = ask("{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\","
                        "\"content\":\"it is 123-45-6789\"}]}");
    assert_true(is(r, "decision", "block") && is(r, "rule_key", "ssn"));
    yyjson_val *v = yyjson_arr_get_first(json_get(r, STR("violations")));
    assert_true(is(v, "pointer", "/messages/0/content"));
    (void)ask("{\"model\":\"gpt-4o\",\"messages\":[]}");
    assert_int_equal(status, 400); /* as the path would */
}

static void test_without_texts_nothing_is_read(void **state)
{
    (void)state;
    yyjson_val *r = ask_with("{\"model\":\"gpt-4o\"}", NULL);
    assert_int_equal(status, 200);
    assert_true(is(r, "decision", "allow"));
    assert_null(json_get(r, STR("modifications")));
    (void)ask_with("{\"model\":\"gpt-4o\",\"prompt\":\"hello\"}", NULL);
    assert_int_equal(status, 503); /* never a guess */
}

static void test_too_much_is_not_read(void **state)
{
    (void)state;
    static char body[CONTENT_TRIAL_BYTES_MAX + 1024];
    int used = snprintf(body, sizeof(body), "{\"model\":\"gpt-4o\",\"prompt\":\"");
    memset(body + used, 'x', CONTENT_TRIAL_BYTES_MAX);
    snprintf(body + used + CONTENT_TRIAL_BYTES_MAX, 8, "\"}");
    (void)ask(body);
    assert_int_equal(status, 413);
}

static void test_nothing_is_counted(void **state)
{
    (void)state;
    struct buf before, after;
    buf_init(&before, 1u << 20);
    buf_init(&after, 1u << 20);
    flow_stats_write(&before, &p.env.stats, 1, p.catalog);
    (void)ask("{\"model\":\"gpt-4o\",\"prompt\":\"" PERSON " api_key\",\"response\":\"api_key\"}");
    flow_stats_write(&after, &p.env.stats, 1, p.catalog);
    assert_true(str_eq(buf_str(&before), buf_str(&after)));
    buf_fini(&before);
    buf_fini(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_prompt_is_read),
        cmocka_unit_test(test_an_environment_that_the_path_refuses),
        cmocka_unit_test(test_an_answer_is_read),
        cmocka_unit_test(test_a_whole_request_is_what_the_path_sends),
        cmocka_unit_test(test_messages_are_read),
        cmocka_unit_test(test_without_texts_nothing_is_read),
        cmocka_unit_test(test_too_much_is_not_read),
        cmocka_unit_test(test_nothing_is_counted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
