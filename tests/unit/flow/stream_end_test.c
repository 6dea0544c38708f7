/* SPDX-License-Identifier: Apache-2.0
 *
 * What a provider's stream may look like and still be one: every line end, a mark in front,
 * comments, data without a blank or over several lines, the event's name before or behind it;
 * and how it may end. Of each a client reads what it would have read of the usual form, with
 * what a rule redacts, wherever the bytes were cut. Source: WHATWG HTML 9.2.6; the readers of
 * the OpenAI and Anthropic SDKs. Bad inputs 195, 196.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "answer_rules.h"
#include "answers.h"

static struct path p;

static void expect_outcome(const char *outcome)
{
    assert_true(p.is_done);
    assert_int_equal(p.decisions, 1);
    assert_int_equal(p.outcomes, 1);
    assert_true(str_eq(p.outcome.outcome, str_from(outcome)));
}

/* ---- the form of the lines ------------------------------------------------------------ */

enum form {
    USUAL,
    CRLF,
    CR,
    MIXED, /* every second line another way */
    MARK,
    CLOSE, /* no blank behind the colon */
    COMMENTS,
    NAME_BEHIND,
    LINES, /* the data over several lines, where JSON may have one */
    UNENDED, /* the last blank line is missing */
    FORMS
};

static void put_line(struct buf *to, struct str line, enum form form, size_t number)
{
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    buf_add(to, line);
    buf_add(to, str_from(ends[form == CRLF ? 1 : form == CR ? 2 : form == MIXED ? number % 2 : 0]));
}

static void put_data(struct buf *to, struct str data, enum form form, size_t *number)
{
    struct str rest = data;
    struct buf line;
    buf_init(&line, 1U << 16);
    do {
        ptrdiff_t end = form == LINES ? str_find_str(rest, STR(",\"")) : -1;
        struct str part = str_sub(rest, 0, end < 0 ? rest.len : (size_t)end + 1);
        rest = str_sub(rest, part.len, rest.len);
        buf_clear(&line);
        buf_add(&line, form == CLOSE ? STR("data:") : STR("data: "));
        buf_add(&line, part);
        put_line(to, buf_str(&line), form, (*number)++);
    } while (rest.len > 0);
    buf_fini(&line);
}

/* The same events, said in another form. */
static void reform(struct str events, enum form form, struct buf *to)
{
    size_t number = 0;
    struct str name = STR_NONE;
    buf_add(to, form == MARK ? STR("\xef\xbb\xbf") : STR(""));
    while (events.len > 0) {
        struct str line = str_cut(&events, '\n');
        if (form == COMMENTS) {
            put_line(to, STR(": ping"), form, number++);
        }
        if (form == NAME_BEHIND && str_starts(line, STR("event:"))) {
            name = line;
            continue;
        }
        if (str_starts(line, STR("data: "))) {
            put_data(to, str_sub(line, 6, line.len), form, &number);
        } else if (line.len > 0 || form != UNENDED || events.len > 0) {
            put_line(to, line, form, number++);
        }
        if (name.len > 0 && str_starts(line, STR("data:"))) {
            put_line(to, name, form, number++);
            name = STR_NONE;
        }
    }
}

static void answer(struct str bytes, size_t cut)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    path_answer(&p, head, 0);
    path_answer_bytes(&p, str_sub(bytes, 0, cut), 0);
    if (!p.is_done) {
        path_answer_bytes(&p, str_sub(bytes, cut, bytes.len), cut == 0 ? 1 : 0);
    }
    if (!p.is_done) {
        path_answer_end(&p, FLOW_END_COMPLETE);
    }
}

/* Of the terminal event only [DONE] may lack its blank line. */
static bool has_form(enum talk t, enum form form)
{
    bool has_done =
        t == TALK_CHAT_PLAIN || t == TALK_COMPLETIONS_PLAIN || t == TALK_MESSAGES_OF_CHAT;
    return form != UNENDED || has_done;
}

static void check_form(enum talk t, enum form form, const struct speech *said)
{
    struct buf usual;
    struct buf bytes;
    buf_init(&usual, 1U << 20);
    buf_init(&bytes, 1U << 20);
    talk_write(&usual, t, said);
    reform(buf_str(&usual), form, &bytes);
    for (size_t cut = 0; cut < bytes.len; cut += cut < 64 ? 1 : 7) {
        struct heard h;
        talk_ask(&p, t, true, "hi");
        answer(buf_str(&bytes), cut);
        talk_hear(&p, t, false, &h);
        if (!str_eq(buf_str(&h.text), STR("It is j***@acme.com, yes.")) || !h.is_over ||
            h.has_error || path_client_has(&p, "\xef\xbb\xbf")) {
            print_error("talk %u form %u cut %zu: %.*s\n", t, form, cut,
                        STR_ARG(buf_str(&h.text)));
            fail();
        }
        heard_free(&h);
        expect_outcome("completed");
    }
    buf_fini(&usual);
    buf_fini(&bytes);
}

static void test_forms_are_read_alike(void **state)
{
    (void)state;
    static const struct str pieces[] = {STR_INIT("It is jane"), STR_INIT(".doe@ac"),
                                        STR_INIT("me.com, y"), STR_INIT("es.")};
    const struct speech said = {.pieces = pieces, .count = COUNT(pieces)};
    for (unsigned a = 0; a < 2; a++) {
        answer_rules_set_up(&p, a == 0 ? MASK : BUFFER);
        for (unsigned t = 0; t < TALKS; t++) {
            for (unsigned form = 0; form < FORMS; form++) {
                if (has_form((enum talk)t, (enum form)form)) {
                    check_form((enum talk)t, (enum form)form, &said);
                }
            }
        }
        path_tear_down(&p);
    }
}

/* ---- how it ends ---------------------------------------------------------------------- */

/* Without its blank line [DONE] is the end nevertheless. Without it the stream is cut, whatever
 * the choices said of their end, and an error says so (product.md 2.2). */
static void test_stream_without_a_terminal_event(void **state)
{
    (void)state;
    static const char one[] = "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":"
                              "\"user\",\"content\":\"x\"}]}";
    static const struct {
        const char *events, *outcome;
    } cases[] = {
        {TALK_CHAT_DELTA TALK_CHAT_STOP "data: [DONE]\n", "completed"},
        {TALK_CHAT_DELTA TALK_CHAT_STOP "data: [DONE]", "completed"},
        {TALK_CHAT_DELTA "data:[DONE]\r\n", "completed"},
        {TALK_CHAT_DELTA TALK_CHAT_STOP, "truncated"},
        {TALK_CHAT_DELTA, "truncated"},
        {TALK_CHAT_DELTA "data: [DON", "truncated"},
        {TALK_CHAT_DELTA TALK_CHAT_STOP "data: {\"choices\":[]", "truncated"},
        {TALK_CHAT_DELTA "data: {\"x\":1}\ndata: [DONE]\n", "truncated"},
    };
    for (size_t i = 0; i < 2 * COUNT(cases); i++) {
        size_t at = i % COUNT(cases);
        answer_rules_set_up(&p, i < COUNT(cases) ? MASK : BUFFER);
        for (size_t step = 0; step < 3; step++) {
            path_post(&p, "/v1/chat/completions", one);
            path_answer_events(&p, cases[at].events, step);
            bool is_good = strcmp(cases[at].outcome, "completed") == 0;
            assert_int_equal(path_client_has(&p, "\"error\":{"), !is_good);
            assert_true(path_client_has(&p, is_good ? "[DONE]" : "\"error\""));
            expect_outcome(cases[at].outcome);
        }
        path_tear_down(&p);
    }
    /* Cut by the transport it is cut, whatever it said. */
    answer_rules_set_up(&p, MASK);
    path_post(&p, "/v1/chat/completions", one);
    path_answer(&p, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "
                    "chunked\r\n\r\n1000\r\n" TALK_CHAT_DELTA TALK_CHAT_STOP, 0);
    path_answer_end(&p, FLOW_END_TRUNCATED);
    assert_true(path_client_has(&p, "data: {\"error\":{"));
    expect_outcome("truncated");
    path_tear_down(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_are_read_alike),
        cmocka_unit_test(test_stream_without_a_terminal_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
