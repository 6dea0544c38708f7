/* SPDX-License-Identifier: Apache-2.0
 *
 * Content rules on answers, for every dialect, translated ones included, and every action:
 * however the text and the bytes are cut, the client gets the same; tool arguments stay
 * JSON; what was held back comes in front of the end; a block ends a stream in an error;
 * and every way out leaves one decision and one outcome.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "answer_rules.h"
#include "answers.h"

static struct path p;

/* ---- what is expected ------------------------------------------------------------------- */

struct want {
    const char *said;  /* by the provider */
    const char *heard; /* by the client, what was said before a block */
    bool is_blocked;
};

static const char text[] = "To " EMAIL ", SSN 123-45-6789; ok";
static const char json[] = "{\"to\":\"" EMAIL "\",\"card\":4111111111111111,\"n\":[1,\"x\"]}";

static struct want want_of(enum action a, bool is_tool)
{
    struct want w = {is_tool ? json : text, is_tool ? json : text, false};
    switch (a) {
    case MASK:
    case BUFFER:
        w.heard = is_tool
                      ? "{\"to\":\"j***@acme.com\",\"card\":\"************1111\",\"n\":[1,\"x\"]}"
                      : "To j***@acme.com, SSN ***-**-6789; ok";
        break;
    case REDACT:
        w.heard = is_tool ? "{\"to\":\"<EMAIL>\",\"card\":\"<CREDIT_CARD>\",\"n\":[1,\"x\"]}"
                          : "To <EMAIL>, SSN <SSN>; ok";
        break;
    case BLOCK:
        w.heard = is_tool ? "{\"to\":\"" : "To ";
        w.is_blocked = true;
        break;
    case BUFFER_BLOCK:
    case NEED:
        w.heard = "";
        w.is_blocked = true;
        break;
    case HASH:
    case PSEUDONYM:
    case WARN:
    case ACTIONS:
        break;
    }
    return w;
}

static void play(enum talk t, const struct speech *s, size_t step, struct heard *h)
{
    talk_ask(&p, t, true, "hello");
    assert_int_equal(p.calls, 1);
    talk_answer(&p, t, s, step);
    assert_true(p.is_done);
    assert_int_equal(p.decisions, 1);
    assert_int_equal(p.outcomes, 1);
    talk_hear(&p, t, s->is_tool, h);
}

static void expect(enum action a, enum talk t, const struct speech *s, size_t step,
                   const struct want *w)
{
    struct heard h;
    play(t, s, step, &h);
    bool is_whole = a == BUFFER_BLOCK || a == NEED;
    if (!str_eq(buf_str(&h.text), str_from(w->heard)) ||
        h.has_error != (w->is_blocked && !is_whole)) {
        print_error("action %d talk %d step %zu: wanted %s\ngot %.*s\n%.*s\n", (int)a, (int)t, step,
                    w->heard, STR_ARG(buf_str(&h.text)), STR_ARG(h.body));
        for (size_t i = 0; i < s->count; i++) {
            print_error("[%.*s]", STR_ARG(s->pieces[i]));
        }
        print_error("\n");
        fail();
    }
    assert_false(h.is_cut);
    assert_int_equal(h.said_after_end, 0);
    assert_false(h.repeats_differ);
    if (w->is_blocked) {
        assert_int_equal(h.status, is_whole ? 403 : 200);
        /* A stream of the OpenAI kind ends in [DONE] behind the error as well. */
        assert_false(h.is_finished);
        if (!is_whole) {
            ASSERT(str_eq(h.error_code, STR("GOVERNANCE_BLOCKED")));
            assert_true(str_find_str(h.body, STR("\"violations\":[\"PII detected: email\"]")) >= 0);
        }
        assert_true(str_eq(p.outcome.outcome, STR("refused")));
        assert_true(str_eq(p.outcome.response_decision, STR("block")));
        assert_true(str_find_str(h.body, STR("jane")) < 0);
    } else {
        assert_int_equal(h.status, 200);
        assert_true(h.is_finished);
        assert_true(h.is_over);
        assert_true(str_eq(p.outcome.outcome, STR("completed")));
        assert_int_equal(h.repeats, t != TALK_RESPONSES_PLAIN ? 0 : s->is_tool ? 3 : 4);
    }
    heard_free(&h);
}

static void cut(struct str all, const size_t *cuts, size_t count, struct str *pieces)
{
    size_t at = 0;
    for (size_t i = 0; i <= count; i++) {
        size_t to = i < count ? cuts[i] : all.len;
        pieces[i] = str_sub(all, at, to);
        at = to;
    }
}

/* Every cut and every two cuts of what is said; single bytes; and the bytes of the stream
 * in pieces of several sizes. */
static void check_cuts(enum action a, enum talk t, bool is_tool, const struct want *w)
{
    struct str all = str_from(w->said);
    static struct str pieces[512];
    size_t cuts[512];
    struct speech s = {pieces, 1, is_tool};
    pieces[0] = all;
    for (size_t step = 0; step < 12; step++) {
        expect(a, t, &s, step, w);
    }
    for (size_t i = 0; i <= all.len; i++) {
        for (size_t k = i; k <= all.len; k += is_tool ? 3 : 1) {
            size_t two[] = {i, k};
            cut(all, two, 2, pieces);
            s.count = 3;
            expect(a, t, &s, 0, w);
        }
        cuts[i] = i;
    }
    cut(all, cuts, all.len, pieces);
    s.count = all.len + 1;
    expect(a, t, &s, 0, w);
    expect(a, t, &s, 1, w);
    expect(a, t, &s, 61, w);
}

static void check_action(enum action a)
{
    answer_rules_set_up(&p, a);
    for (unsigned t = 0; t < TALKS; t++) {
        for (unsigned is_tool = 0; is_tool < 2; is_tool++) {
            if (is_tool && !talk_has_tools((enum talk)t)) {
                continue;
            }
            struct want w = want_of(a, is_tool);
            check_cuts(a, (enum talk)t, is_tool, &w);
        }
    }
    path_tear_down(&p);
}

static void test_mask(void **state)
{
    (void)state;
    check_action(MASK);
}

static void test_redact(void **state)
{
    (void)state;
    check_action(REDACT);
}

static void test_block(void **state)
{
    (void)state;
    check_action(BLOCK);
}

static void test_warn(void **state)
{
    (void)state;
    check_action(WARN);
}

static void test_read_whole(void **state)
{
    (void)state;
    check_action(BUFFER);
    check_action(BUFFER_BLOCK);
    check_action(NEED);
}

/* Its digits are not ours to know; but they are the same for every cut. */
static void test_hash(void **state)
{
    (void)state;
    answer_rules_set_up(&p, HASH);
    for (unsigned t = 0; t < TALKS; t++) {
        for (unsigned is_tool = 0; is_tool < (talk_has_tools((enum talk)t) ? 2 : 1); is_tool++) {
            struct want w = want_of(HASH, is_tool);
            struct str all = str_from(w.said);
            struct speech s = {&all, 1, is_tool};
            struct heard h;
            play((enum talk)t, &s, 0, &h);
            buf_add_byte(&h.text, '\0');
            assert_true(str_find_str(buf_str(&h.text), STR("[EMAIL:")) > 0);
            assert_true(str_find_str(buf_str(&h.text), STR("jane")) < 0);
            w.heard = h.text.ptr;
            check_cuts(HASH, (enum talk)t, is_tool, &w);
            heard_free(&h);
        }
    }
    path_tear_down(&p);
}

/* The model repeats the token; the client gets the value it sent. */
static void test_pseudonyms_come_back(void **state)
{
    (void)state;
    answer_rules_set_up(&p, PSEUDONYM);
    for (unsigned t = 0; t < TALKS; t++) {
        talk_ask(&p, (enum talk)t, true, "write to " EMAIL);
        assert_false(path_provider_has(&p, "jane"));
        struct str sent = buf_str(&p.provider);
        size_t from = (size_t)str_find_str(sent, STR("[EMAIL_"));
        struct str token = str_sub(sent, from, sent.len);
        token.len = (size_t)str_find(token, ']') + 1;
        char said[256];
        char token_text[64];
        snprintf(token_text, sizeof(token_text), "%.*s", STR_ARG(token));
        for (unsigned is_tool = 0; is_tool < (talk_has_tools((enum talk)t) ? 2 : 1); is_tool++) {
            snprintf(said, sizeof(said), is_tool ? "{\"to\":\"%s\"}" : "To %s, [EMAIL_X].",
                     token_text);
            struct str all = str_from(said);
            for (size_t i = 0; i <= all.len; i++) {
                for (size_t k = i; k <= all.len; k++) {
                    struct str pieces[3];
                    size_t two[] = {i, k};
                    struct speech s = {pieces, 3, is_tool};
                    struct heard h;
                    cut(all, two, 2, pieces);
                    if (p.is_done) {
                        talk_ask(&p, (enum talk)t, true, "write to " EMAIL);
                    }
                    talk_answer(&p, (enum talk)t, &s, 0);
                    talk_hear(&p, (enum talk)t, is_tool, &h);
                    assert_true(str_eq(buf_str(&h.text), is_tool
                                                             ? STR("{\"to\":\"" EMAIL "\"}")
                                                             : STR("To " EMAIL ", [EMAIL_X].")));
                    assert_false(h.repeats_differ);
                    assert_int_equal(h.said_after_end, 0);
                    heard_free(&h);
                }
            }
        }
    }
    path_tear_down(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_redact),
        cmocka_unit_test(test_block),
        cmocka_unit_test(test_warn),
        cmocka_unit_test(test_read_whole),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_pseudonyms_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
