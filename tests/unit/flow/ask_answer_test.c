/* SPDX-License-Identifier: Apache-2.0
 *
 * Recognisers and answers: JSON and streams of every dialect are read whole, asked about
 * once, and go on as the rule says; a stream's client gets nothing before that; no answer of
 * the recogniser lets none of the provider's out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "answers.h"
#include "recognisers.h"

static struct path p;

static const struct str person[] = {STR_INIT("email"), STR_INIT("person")};
static const struct content_rule masks[] = {{.kind = CONTENT_PII,
                                             .effect = CONTENT_MODIFY,
                                             .stages = CONTENT_RESPONSE,
                                             .method = SCAN_REDACT,
                                             .types = {person, 2, true}}};
static const struct str pieces[] = {STR_INIT("From Ad"), STR_INIT("a, ad"),
                                    STR_INIT("a@acme.com"), STR_INIT(" to all")};
static const struct speech text = {pieces, 4, false};
static const struct str parts[] = {STR_INIT("{\"to\":\"Ad"), STR_INIT("a\",\"n\":1}")};
static const struct speech arguments = {parts, 2, true};

static int set_up(void **state)
{
    (void)state;
    recognised_set_up(&p, masks, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    path_tear_down(&p);
    return 0;
}

static void ask(enum talk t, const struct speech *s, bool is_stream, size_t step)
{
    talk_ask(&p, t, is_stream, "hello");
    assert_int_equal(p.asks, 0);
    assert_int_equal(p.calls, 1);
    if (is_stream) {
        talk_answer(&p, t, s, step);
    } else {
        talk_answer_json(&p, t, s);
    }
    assert_int_equal(p.asks, 1);
    assert_false(p.is_done);
    assert_int_equal(p.client.len, 0); /* nothing is out before we know */
}

static void expect_heard(enum talk t, const struct speech *s, bool is_stream, const char *wanted)
{
    struct heard h;
    assert_true(p.is_done);
    assert_int_equal(p.outcomes, 1);
    assert_true(str_eq(p.outcome.outcome, STR("completed")));
    assert_true(str_eq(p.outcome.response_decision, STR("modify")));
    talk_hear(&p, t, s->is_tool, &h);
    assert_int_equal(h.status, 200);
    if (is_stream) {
        assert_true(h.is_over && h.is_finished && !h.has_error && !h.repeats_differ);
        assert_true(str_eq(buf_str(&h.text), str_from(wanted)));
    }
    assert_false(path_client_has(&p, "Ada"));
    assert_false(path_client_has(&p, "ada@"));
    assert_true(path_client_has(&p, "[REDACTED]"));
    heard_free(&h);
}

static void test_every_dialect(void **state)
{
    (void)state;
    for (unsigned t = 0; t < TALKS; t++) {
        for (unsigned is_stream = 0; is_stream < 2; is_stream++) {
            ask((enum talk)t, &text, is_stream == 1, is_stream == 1 ? 7 : 0);
            recogniser_finds(&p, "person", "Ada");
            expect_heard((enum talk)t, &text, is_stream == 1,
                         "From [REDACTED], [REDACTED] to all");
            if (talk_has_tools((enum talk)t)) {
                ask((enum talk)t, &arguments, is_stream == 1, 0);
                recogniser_finds(&p, "person", "Ada");
                expect_heard((enum talk)t, &arguments, is_stream == 1,
                             "{\"to\":\"[REDACTED]\",\"n\":1}");
            }
        }
    }
}

static void test_no_answer_lets_nothing_out(void **state)
{
    (void)state;
    for (unsigned t = 0; t < TALKS; t++) {
        for (unsigned is_stream = 0; is_stream < 2; is_stream++) {
            ask((enum talk)t, &text, is_stream == 1, 0);
            path_answer_end(&p, FLOW_END_TIMEOUT);
            assert_true(p.is_done);
            assert_false(path_client_has(&p, "From"));
            assert_true(path_client_has(&p, "HTTP/1.1 403 "));
            assert_true(str_eq(p.outcome.outcome, STR("refused")));
            assert_true(str_eq(p.outcome.response_decision, STR("block")));
            assert_int_equal(p.outcome.violations_count, 2); /* the address as well */
            assert_true(str_eq(p.outcome.violations[0].what, STR("email")));
            assert_true(str_eq(p.outcome.violations[1].what, STR("recogniser names: timeout")));
        }
    }
}

static void test_both_stages_ask_once_each(void **state)
{
    static const struct content_rule rules[] = {{.kind = CONTENT_PII,
                                                 .effect = CONTENT_MODIFY,
                                                 .stages = CONTENT_REQUEST | CONTENT_RESPONSE,
                                                 .method = SCAN_PSEUDONYM,
                                                 .types = {person, 2, true}}};
    (void)state;
    recognised_set_up(&p, rules, 1);
    talk_ask(&p, TALK_CHAT_PLAIN, true, "tell Ada");
    assert_int_equal(p.asks, 1);
    recogniser_finds(&p, "person", "Ada");
    assert_int_equal(p.calls, 1);
    assert_false(path_provider_has(&p, "Ada"));
    struct str sent = buf_str(&p.provider);
    ptrdiff_t at = str_find_str(sent, STR("[PERSON_"));
    assert_true(at > 0);
    struct str token = str_sub(sent, (size_t)at, (size_t)at + 21);
    assert_int_equal(token.ptr[20], ']');
    /* The provider says the token and a name of its own: one is undone, one is not. */
    char said[64];
    snprintf(said, sizeof(said), "%.*s and Bob", STR_ARG(token));
    const struct str piece[] = {str_from(said)};
    const struct speech s = {piece, 1, false};
    talk_answer(&p, TALK_CHAT_PLAIN, &s, 5);
    assert_int_equal(p.asks, 2);
    recogniser_finds(&p, "person", "Bob");
    assert_true(p.is_done);
    struct heard h;
    talk_hear(&p, TALK_CHAT_PLAIN, false, &h);
    assert_true(str_starts(buf_str(&h.text), STR("Ada and [PERSON_")));
    assert_false(path_client_has(&p, "Bob"));
    heard_free(&h);
}

static void test_the_client_goes_while_we_ask(void **state)
{
    (void)state;
    for (unsigned is_stream = 0; is_stream < 2; is_stream++) {
        ask(TALK_CHAT_PLAIN, &text, is_stream == 1, 0);
        path_client_gone(&p);
        assert_int_equal(p.drops, 1);
        assert_true(p.is_done);
        assert_int_equal(p.outcomes, 1);
        assert_true(str_eq(p.outcome.outcome, STR("client_gone")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_dialect, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_answer_lets_nothing_out, set_up, tear_down),
        cmocka_unit_test_teardown(test_both_stages_ask_once_each, tear_down),
        cmocka_unit_test_setup_teardown(test_the_client_goes_while_we_ask, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
