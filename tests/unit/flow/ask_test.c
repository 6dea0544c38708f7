/* SPDX-License-Identifier: Apache-2.0
 *
 * Recognisers on the path: what they are asked and what the provider gets then; each way in
 * which asking can fail and each effect of it; nothing of a name in what is told or kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "recognisers.h"

static struct path p;

static const struct str person[] = {STR_INIT("PERSON")};
static const struct str both[] = {STR_INIT("email"), STR_INIT("person")};
static const struct str firm[] = {STR_INIT("Organisation")};
#define LIST(items) {items, sizeof(items) / sizeof(items[0]), true}
#define REDACTS(list)                                                                              \
    {.kind = CONTENT_PII, .effect = CONTENT_MODIFY, .stages = CONTENT_REQUEST,                     \
     .method = SCAN_REDACT, .format = STR_INIT("<{TYPE}>"), .types = LIST(list)}

static int tear_down(void **state)
{
    (void)state;
    path_tear_down(&p);
    return 0;
}

static int set_up_redact(void **state)
{
    static const struct content_rule rules[] = {REDACTS(both)};
    (void)state;
    recognised_set_up(&p, rules, 1);
    return 0;
}

#define CHAT(text)                                                                                 \
    "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]}"
static void chat(const char *body)
{
    path_post(&p, "/v1/chat/completions", body);
}

static void finish_call(void)
{
    if (!p.is_done) {
        path_answer_end(&p, FLOW_END_REFUSED);
    }
    assert_int_equal(p.outcomes, p.decisions);
}

/* ---- what is asked, what becomes of it ------------------------------------------------- */

static void test_one_question_before_the_record(void **state)
{
    (void)state;
    chat(CHAT("Ada wrote to jo@acme.com"));
    assert_int_equal(p.asks, 1);
    assert_int_equal(p.calls, 0);
    assert_int_equal(p.decisions, 0);
    assert_int_equal(p.client.len, 0);
    assert_int_equal(p.x->call.connect_ms, 100);
    assert_int_equal(p.x->call.first_byte_ms, 700);
    assert_int_equal(p.x->call.idle_ms, 700);
    assert_int_equal(p.x->call.total_ms, 700);
    struct str asked = buf_str(&p.asked);
    assert_true(str_starts(asked, STR("POST /v1/find HTTP/1.1\r\nHost: ner.example\r\n"
                                      "authorization: Bearer recogniser-secret\r\n")));
    assert_true(str_ends(asked, STR("\r\ncontent-length: 73\r\n\r\n"
                                    "{\"types\":[\"person\"],\"texts\":[{\"id\":0,\"text\":"
                                    "\"Ada wrote to jo@acme.com\"}]}")));
    assert_true(str_find_str(asked, str_from(p.key)) < 0);
    assert_true(str_find_str(asked, STR("provider-secret")) < 0);

    recogniser_says(&p, 200, FINDINGS(FOUND(0, "person", 0, 3)), 0);
    assert_int_equal(p.asks, 1);
    assert_int_equal(p.calls, 1);
    assert_int_equal(p.decisions, 1);
    assert_true(path_provider_has(&p, "\"<PERSON> wrote to <EMAIL>\""));
    assert_false(path_provider_has(&p, "recogniser-secret"));
    assert_true(str_eq(p.decision.decision, STR("modify")));
    assert_int_equal(p.decision.modifications, 2);
    assert_int_equal(p.decision.violations_count, 2);
    const struct audit_violation *v = &p.decision.violations[1];
    assert_true(str_eq(v->what, STR("person")));
    assert_true(str_eq(v->message, STR("PII detected: person")));
    assert_true(str_eq(v->pointer, STR("/messages/0/content")));
    assert_int_equal(v->start, 0);
    assert_int_equal(v->end, 3);
    finish_call();
}

static void test_any_split_of_the_answer(void **state)
{
    (void)state;
    for (size_t step = 1; step < 200; step += step < 20 ? 1 : 37) {
        chat(CHAT("Ada and \xc3\x89mile"));
        recogniser_says(&p, 200,
                        FINDINGS(FOUND(0, "person", 8, 13) "," FOUND(0, "person", 0, 3)), step);
        assert_int_equal(p.calls, 1);
        assert_true(path_provider_has(&p, "\"<PERSON> and <PERSON>\""));
        finish_call();
    }
}

static void test_what_overlaps_is_one_place(void **state)
{
    (void)state;
    chat(CHAT("to Ada ada@acme.com, Ada"));
    recogniser_says(&p, 200,
                    FINDINGS(FOUND(0, "person", 3, 10) "," FOUND(0, "person", 21, 24)), 0);
    assert_true(path_provider_has(&p, "\"to <PERSON>, <PERSON>\""));
    assert_false(path_provider_has(&p, "acme"));
    assert_int_equal(p.decision.modifications, 2);
    finish_call();
}

static void test_arguments_stay_json_and_names_are_not_sent(void **state)
{
    (void)state;
    chat("{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
         "\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
         "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"secret_name\\\":\\\"Ada L\\\","
         "\\\"n\\\":77}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"ok\"}]}");
    assert_int_equal(p.asks, 1);
    struct str asked = buf_str(&p.asked);
    ptrdiff_t at = str_find_str(asked, STR("\"text\":\"Ada L\""));
    assert_true(at > 0);
    assert_true(str_find_str(asked, STR("secret_name")) < 0);
    assert_true(str_find_str(asked, STR("77")) < 0 ||
                str_find_str(asked, STR("\"text\":\"77\"")) < 0);
    char body[256];
    unsigned id = (unsigned)(asked.ptr[at - 2] - '0'); /* {"id":N,"text":"Ada L"} */
    snprintf(body, sizeof(body),
             "{\"findings\":[{\"id\":%u,\"type\":\"person\",\"start\":0,\"end\":5,"
             "\"score\":1}]}",
             id);
    recogniser_says(&p, 200, body, 0);
    assert_true(path_provider_has(&p, "{\\\"secret_name\\\":\\\"<PERSON>\\\",\\\"n\\\":77}"));
    finish_call();
}

static void test_a_low_score_is_no_finding(void **state)
{
    (void)state;
    chat(CHAT("Ada"));
    recogniser_says(&p, 200,
                    "{\"findings\":[{\"id\":0,\"type\":\"person\",\"start\":0,\"end\":3,"
                    "\"score\":0.59}]}",
                    0);
    assert_int_equal(p.calls, 1);
    assert_true(path_provider_has(&p, CHAT("Ada")));
    assert_true(str_eq(p.decision.decision, STR("allow")));
    finish_call();
}

static void test_exceptions_hold_for_what_was_recognised(void **state)
{
    static const struct str except[] = {STR_INIT("Ada Bank")};
    static const struct content_rule rules[] = {
        {.kind = CONTENT_PII, .effect = CONTENT_MODIFY, .stages = CONTENT_REQUEST,
         .method = SCAN_REDACT, .types = LIST(person), .except = LIST(except)}};
    (void)state;
    recognised_set_up(&p, rules, 1);
    chat(CHAT("Ada Bank or Ada"));
    recogniser_says(&p, 200,
                    FINDINGS(FOUND(0, "person", 0, 3) "," FOUND(0, "person", 12, 15)), 0);
    assert_true(path_provider_has(&p, "\"Ada Bank or [REDACTED]\""));
    finish_call();
}

static void test_two_recognisers_are_asked_after_each_other(void **state)
{
    static const struct content_rule rules[] = {
        REDACTS(person), REDACTS(firm),
        {.kind = CONTENT_PII, .effect = CONTENT_WARN, .stages = CONTENT_REQUEST,
         .types = LIST(person)}};
    (void)state;
    recognised_set_up(&p, rules, 3);
    chat(CHAT("Ada of Acme"));
    assert_int_equal(p.asks, 1);
    recogniser_says(&p, 200, FINDINGS(FOUND(0, "person", 0, 3)), 0);
    assert_int_equal(p.asks, 2);
    assert_int_equal(p.calls, 0);
    assert_true(str_starts(buf_str(&p.asked),
                           STR("POST / HTTP/1.1\r\nHost: 127.0.0.1:8088\r\ncontent-type:")));
    recogniser_says(&p, 200, FINDINGS(FOUND(0, "organisation", 7, 11)), 0);
    assert_int_equal(p.calls, 1);
    assert_true(path_provider_has(&p, "\"<PERSON> of <ORGANISATION>\""));
    assert_int_equal(p.decision.modifications, 2);
    assert_int_equal(p.decision.violations_count, 3);
    finish_call();
}

static void test_a_block_by_what_was_recognised(void **state)
{
    static const struct content_rule rules[] = {
        {.kind = CONTENT_PII, .effect = CONTENT_BLOCK, .stages = CONTENT_REQUEST,
         .types = LIST(person)}};
    (void)state;
    recognised_set_up(&p, rules, 1);
    chat(CHAT("I am Ada"));
    recogniser_says(&p, 200, FINDINGS(FOUND(0, "person", 5, 8)), 0);
    assert_int_equal(p.calls, 0);
    assert_true(p.is_done);
    assert_true(path_client_has(&p, "HTTP/1.1 403 "));
    assert_true(path_client_has(&p, "\"violations\":[\"PII detected: person\"]"));
    assert_false(path_client_has(&p, "Ada"));
    assert_true(str_eq(p.decision.decision, STR("block")));
}

/* Nobody need see what will not be sent, or what no rule wants looked at. */
static void test_nothing_is_asked_for_nothing(void **state)
{
    static const struct str number[] = {STR_INIT("ssn")};
    static const struct content_rule rules[] = {
        REDACTS(person),
        {.kind = CONTENT_PII, .effect = CONTENT_BLOCK, .stages = CONTENT_REQUEST,
         .types = LIST(number)}};
    (void)state;
    recognised_set_up(&p, rules, 2);
    chat(CHAT("Ada has 123-45-6789"));
    assert_int_equal(p.asks, 0);
    assert_true(path_client_has(&p, "HTTP/1.1 403 "));
    path_tear_down(&p);
    static const struct content_rule responses[] = {
        {.kind = CONTENT_PII, .effect = CONTENT_MODIFY, .stages = CONTENT_RESPONSE,
         .method = SCAN_MASK, .types = LIST(person)}};
    recognised_set_up(&p, responses, 1);
    chat(CHAT("Ada"));
    assert_int_equal(p.asks, 0);
    assert_int_equal(p.calls, 1);
    finish_call();
}

/* ---- failure ----------------------------------------------------------------------------- */

struct failure {
    const char *name;
    unsigned status;
    const char *body;      /* NULL: ends as `how` says */
    enum flow_end_how how;
};

static const struct failure failures[] = {
    {"unreachable", 0, NULL, FLOW_END_REFUSED},
    {"tls", 0, NULL, FLOW_END_TLS},
    {"timeout", 0, NULL, FLOW_END_TIMEOUT},
    {"cut", 0, NULL, FLOW_END_TRUNCATED},
    {"bad_answer", 0, NULL, FLOW_END_PROTOCOL},
    {"status", 500, "{\"findings\":[]}", FLOW_END_COMPLETE},
    {"status", 204, "", FLOW_END_COMPLETE},
    {"bad_answer", 200, "", FLOW_END_COMPLETE},
    {"bad_answer", 200, "{\"findings\":[", FLOW_END_COMPLETE},
    {"bad_answer", 200, "{\"found\":[]}", FLOW_END_COMPLETE},
    {"bad_answer", 200, FINDINGS(FOUND(0, "person", 5, 9)), FLOW_END_COMPLETE},
    {"bad_answer", 200, FINDINGS(FOUND(0, "person", 3, 3)), FLOW_END_COMPLETE},
    {"bad_answer", 200, FINDINGS(FOUND(1, "person", 0, 3)), FLOW_END_COMPLETE},
    {"bad_answer", 200, FINDINGS(FOUND(0, "location", 0, 3)), FLOW_END_COMPLETE},
};
#define FAILURES (sizeof(failures) / sizeof(failures[0]))

static void fail_as(const struct failure *f)
{
    chat(CHAT("I am Ada"));
    assert_int_equal(p.asks, 1);
    if (f->body != NULL) {
        recogniser_says(&p, f->status, f->body, 0);
    } else {
        path_answer_end(&p, f->how);
    }
}

static const struct audit_violation *failure_told(const char *name, const char *effect)
{
    char what[64], message[128];
    snprintf(what, sizeof(what), "recogniser names: %s", name);
    snprintf(message, sizeof(message), "Content that cannot be scanned: %s", what);
    assert_int_equal(p.decision.violations_count, 1);
    const struct audit_violation *v = &p.decision.violations[0];
    assert_true(str_eq(v->what, str_from(what)));
    assert_true(str_eq(v->message, str_from(message)));
    assert_true(str_eq(v->effect, str_from(effect)));
    return v;
}

static void test_no_answer_blocks_unless_the_rule_says_otherwise(void **state)
{
    static struct content_rule rules[] = {REDACTS(person)};
    static const struct {
        enum content_unscannable on_failure;
        const char *effect, *decision;
    } cases[] = {
        {CONTENT_UNSCANNABLE_DEFAULT, "block", "block"},
        {CONTENT_UNSCANNABLE_BLOCK, "block", "block"},
        {CONTENT_UNSCANNABLE_WARN, "warn", "warn"},
        {CONTENT_UNSCANNABLE_ALLOW, "info", "allow"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rules[0].on_recogniser_failure = cases[i].on_failure;
        recognised_set_up(&p, rules, 1);
        for (size_t k = 0; k < FAILURES; k++) {
            fail_as(&failures[k]);
            bool is_block = i < 2;
            assert_int_equal(p.calls, is_block ? 0 : 1);
            assert_true(str_eq(p.decision.decision, str_from(cases[i].decision)));
            (void)failure_told(failures[k].name, cases[i].effect);
            assert_true(is_block || path_provider_has(&p, CHAT("I am Ada")));
            finish_call();
            assert_int_equal(path_client_has(&p, "HTTP/1.1 403 "), is_block);
            assert_false(path_client_has(&p, "Ada"));
            assert_false(path_client_has(&p, "recogniser-secret"));
            assert_int_equal(path_client_has(&p, "x-governance-violations: Content that cannot"),
                             i < 3);
        }
        if (i < 3) {
            path_tear_down(&p);
        }
    }
}

/* One recogniser that is away does not undo what the other one and the scanner found. */
static void test_the_rest_is_still_replaced(void **state)
{
    static const struct str three[] = {STR_INIT("email"), STR_INIT("person"),
                                       STR_INIT("organisation")};
    static const struct content_rule rules[] = {
        {.kind = CONTENT_PII, .effect = CONTENT_MODIFY, .stages = CONTENT_REQUEST,
         .method = SCAN_REDACT, .types = LIST(three),
         .on_recogniser_failure = CONTENT_UNSCANNABLE_WARN}};
    (void)state;
    recognised_set_up(&p, rules, 1);
    chat(CHAT("Ada of Acme, ada@acme.com"));
    path_answer_end(&p, FLOW_END_TIMEOUT);
    recogniser_says(&p, 200, FINDINGS(FOUND(0, "organisation", 7, 11)), 0);
    assert_int_equal(p.calls, 1);
    assert_true(path_provider_has(&p, "\"Ada of [REDACTED], [REDACTED]\""));
    assert_true(str_eq(p.decision.decision, STR("modify")));
    assert_int_equal(p.decision.violations_count, 3);
    finish_call();
}

static void test_an_answer_too_large_is_given_up(void **state)
{
    static char body[1 << 16];
    (void)state;
    memset(body, ' ', sizeof(body));
    chat(CHAT("I am Ada"));
    path_answer(&p, "HTTP/1.1 200 X\r\nContent-Type: application/json\r\n"
                    "Content-Length: 9000000\r\n\r\n",
                0);
    for (size_t sent = 0; !p.is_done; sent += sizeof(body)) {
        assert_true(sent <= RECOGNISE_ANSWER_BYTES_MAX);
        path_answer_bytes(&p, (struct str){body, sizeof(body)}, 0);
    }
    assert_int_equal(p.drops, 1);
    assert_int_equal(p.calls, 0);
    (void)failure_told("answer_too_large", "block");
}

static void test_too_much_text_is_not_asked_about(void **state)
{
    struct buf body, request;
    (void)state;
    buf_init(&body, 16u << 20);
    buf_init(&request, 16u << 20);
    buf_add(&body, STR("{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\""));
    for (size_t i = 0; i < RECOGNISE_TEXT_BYTES_MAX / 8; i++) {
        buf_add(&body, STR("ab cd ef"));
    }
    buf_add(&body, STR("g\"}]}"));
    buf_printf(&request,
               "POST /v1/chat/completions HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer %s\r\n"
               "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
               p.key, body.len);
    buf_move(&request, &body);
    path_request_bytes(&p, buf_str(&request), 0);
    assert_int_equal(p.asks, 0);
    assert_int_equal(p.calls, 0);
    (void)failure_told("too_much", "block");
    buf_fini(&body);
    buf_fini(&request);
}

static void test_the_client_goes_while_we_ask(void **state)
{
    (void)state;
    chat(CHAT("I am Ada"));
    path_client_gone(&p);
    assert_int_equal(p.drops, 1);
    assert_int_equal(p.decisions, 0);
    assert_int_equal(p.outcomes, 0);
    assert_true(p.is_done);
    chat(CHAT("I am Ada"));
    recogniser_says(&p, 200, FINDINGS(""), 0); /* the next exchange is not disturbed */
    assert_int_equal(p.calls, 1);
    finish_call();
}

static void leave_before_the_call(bool is_inside)
{
    if (!is_inside && (p.x->want & FLOW_WANT_CALL) != 0) {
        flow_on_client_gone(p.x, p.now);
    }
}

/* A call that nobody has opened yet is not opened for somebody who is gone. */
static void test_the_client_goes_before_we_ask(void **state)
{
    (void)state;
    p.on_inside = leave_before_the_call;
    chat(CHAT("I am Ada"));
    assert_int_equal(p.asks, 0);
    assert_int_equal(p.drops, 0);
    assert_true(p.is_done);
}

static void test_metrics(void **state)
{
    struct buf out;
    (void)state;
    chat(CHAT("I am Ada"));
    p.now.mono_us += 20000;
    recogniser_says(&p, 200, FINDINGS(FOUND(0, "person", 5, 8)), 0);
    finish_call();
    chat(CHAT("I am Ada"));
    path_answer_end(&p, FLOW_END_TIMEOUT);
    buf_init(&out, 1u << 20);
    flow_stats_write(&out, &p.env.stats, 1, p.catalog);
    static const char *const wanted[] = {
        "portcullis_recogniser_calls_total{recogniser=\"names\",result=\"answered\"} 1\n",
        "portcullis_recogniser_calls_total{recogniser=\"names\",result=\"timeout\"} 1\n",
        "portcullis_recogniser_duration_seconds_bucket{le=\"0.01\"} 1\n",
        "portcullis_recogniser_duration_seconds_bucket{le=\"0.025\"} 2\n",
        "portcullis_recogniser_duration_seconds_count 2\n",
        "portcullis_pii_detections_total{entity=\"custom\",stage=\"request\"} 1\n",
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (str_find_str(buf_str(&out), str_from(wanted[i])) < 0) {
            print_error("no %s", wanted[i]);
            fail();
        }
    }
    /* Two workers are summed, and printed once. */
    struct flow_stats *const workers[] = {p.env.stats, p.env.stats};
    static const struct str once =
        STR_INIT("portcullis_recogniser_calls_total{recogniser=\"names\",result=\"timeout\"} 2\n");
    buf_clear(&out);
    flow_stats_write(&out, workers, 2, p.catalog);
    ptrdiff_t at = str_find_str(buf_str(&out), once);
    assert_true(at >= 0);
    struct str rest = str_sub(buf_str(&out), (size_t)at + once.len, out.len);
    assert_true(str_find_str(rest, STR("portcullis_recogniser_calls_total{")) < 0);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_question_before_the_record, set_up_redact,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_any_split_of_the_answer, set_up_redact, tear_down),
        cmocka_unit_test_setup_teardown(test_what_overlaps_is_one_place, set_up_redact, tear_down),
        cmocka_unit_test_setup_teardown(test_arguments_stay_json_and_names_are_not_sent,
                                        set_up_redact, tear_down),
        cmocka_unit_test_setup_teardown(test_a_low_score_is_no_finding, set_up_redact, tear_down),
        cmocka_unit_test_teardown(test_exceptions_hold_for_what_was_recognised, tear_down),
        cmocka_unit_test_teardown(test_two_recognisers_are_asked_after_each_other, tear_down),
        cmocka_unit_test_teardown(test_a_block_by_what_was_recognised, tear_down),
        cmocka_unit_test_teardown(test_nothing_is_asked_for_nothing, tear_down),
        cmocka_unit_test_teardown(test_no_answer_blocks_unless_the_rule_says_otherwise, tear_down),
        cmocka_unit_test_teardown(test_the_rest_is_still_replaced, tear_down),
        cmocka_unit_test_setup_teardown(test_an_answer_too_large_is_given_up, set_up_redact,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_too_much_text_is_not_asked_about, set_up_redact,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_client_goes_while_we_ask, set_up_redact,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_client_goes_before_we_ask, set_up_redact,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_metrics, set_up_redact, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
