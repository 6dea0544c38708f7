/* SPDX-License-Identifier: Apache-2.0
 *
 * A provider that dies after every single byte of its answer, in every way it can:
 * each time exactly one decision and one outcome, an error the client cannot miss,
 * and never the clean end of something that was cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "path.h"
#include "talk.h"

static const char *const policies[] = {TALK_OPEN, TALK_WARN, NULL};
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

static const struct conversation {
    const char *target, *body;
    const char *type;    /* of the answer */
    const char *answer;  /* its body */
    const char *content; /* what a whole answer shows the client */
    const char *end;     /* the terminal event in the client's dialect, NULL = JSON */
} talks[] = {
    {"/v1/chat/completions", TALK_CHAT("gpt-4o", ""), "application/json", TALK_CHAT_ANSWER,
     "hi there", NULL},
    {"/v1/chat/completions", TALK_CHAT("gpt-4o", TALK_STREAM), "text/event-stream",
     TALK_CHAT_EVENTS, "Hello", "data: [DONE]\n\n"},
    {"/v1/messages", TALK_MESSAGES(TALK_CLAUDE, ""), "application/json", TALK_MESSAGES_ANSWER,
     "hi there", NULL},
    {"/v1/messages", TALK_MESSAGES(TALK_CLAUDE, TALK_STREAM), "text/event-stream",
     TALK_MESSAGES_EVENTS, "Hello", "\"type\":\"message_stop\""},
    /* translated, either way */
    {"/v1/chat/completions", TALK_CHAT(TALK_CLAUDE, ""), "application/json",
     TALK_MESSAGES_ANSWER, "hi there", NULL},
    {"/v1/chat/completions", TALK_CHAT(TALK_CLAUDE, TALK_STREAM), "text/event-stream",
     TALK_MESSAGES_EVENTS, "Hello", "data: [DONE]\n\n"},
    {"/v1/messages", TALK_MESSAGES("gpt-4o", ""), "application/json", TALK_CHAT_ANSWER,
     "hi there", NULL},
    {"/v1/messages", TALK_MESSAGES("gpt-4o", TALK_STREAM), "text/event-stream", TALK_CHAT_EVENTS,
     "Hello", "\"type\":\"message_stop\""},
};
#define TALKS (sizeof(talks) / sizeof(talks[0]))

enum framing { BY_LENGTH, BY_CHUNKS, BY_CLOSE, FRAMINGS };

static struct str frame(const struct conversation *t, enum framing framing)
{
    static char text[8192];
    size_t len = strlen(t->answer), half = len / 2;
    int used = 0;
    switch (framing) {
    case BY_LENGTH:
        used = snprintf(text, sizeof(text),
                        "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
                        t->type, len, t->answer);
        break;
    case BY_CHUNKS:
        used = snprintf(text, sizeof(text),
                        "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "%zx\r\n%.*s\r\n%zx\r\n%s\r\n0\r\n\r\n",
                        t->type, half, (int)half, t->answer, len - half, t->answer + half);
        break;
    case BY_CLOSE:
    case FRAMINGS:
        used = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n%s",
                        t->type, t->answer);
        break;
    }
    return (struct str){text, (size_t)used};
}

static void expect_accounted_once(void)
{
    assert_true(p.is_done);
    assert_int_equal(p.calls, 1);
    assert_int_equal(p.decisions, 1);
    assert_int_equal(p.outcomes, 1);
    assert_true(str_eq(p.decision.request_id, p.outcome.request_id));
}

static void expect_whole(const struct conversation *t)
{
    expect_accounted_once();
    assert_true(path_client_has(&p, "HTTP/1.1 200 OK\r\n"));
    assert_true(path_client_has(&p, t->content));
    assert_true(str_eq(p.outcome.outcome, STR("completed")));
    if (t->end != NULL) {
        assert_true(path_client_has(&p, t->end));
        assert_true(str_ends(buf_str(&p.client), STR("\r\n0\r\n\r\n")));
    }
}

/* What was cut shows as an error, or ends without the last chunk. */
static void expect_cut(const struct conversation *t)
{
    expect_accounted_once();
    assert_false(str_eq(p.outcome.outcome, STR("completed")));
    if (!path_client_has(&p, "HTTP/1.1 200 OK\r\n")) {
        assert_true(path_client_has(&p, "HTTP/1.1 50"));
        assert_true(path_client_has(&p, "\"error\":{"));
        return;
    }
    assert_non_null(t->end); /* JSON is never begun before it is whole */
    assert_true(p.is_closed);
    struct str got = buf_str(&p.client);
    ptrdiff_t error = str_find_str(got, STR("\"error\":{"));
    ptrdiff_t end = str_find_str(got, str_from(t->end));
    /* An error may be followed by what makes SDKs stop reading, never the other way. */
    assert_true(error < 0 || end < 0 || error < end);
    assert_true(error >= 0 || !str_ends(got, STR("\r\n0\r\n\r\n")));
}

static void cut_everywhere(const struct conversation *t, enum framing framing,
                           enum flow_end_how how)
{
    struct str whole = frame(t, framing);
    for (size_t k = 0; k < whole.len; k++) {
        path_post(&p, t->target, t->body);
        path_answer_bytes(&p, str_sub(whole, 0, k), 0);
        if (p.is_done) { /* told to be bad before it was cut */
            fail_msg("ended after %zu bytes of %zu", k, whole.len);
        }
        path_answer_end(&p, how);
        expect_cut(t);
    }
}

static void test_whole_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < TALKS; i++) {
        for (int f = 0; f < FRAMINGS; f++) {
            static const size_t steps[] = {0, 1, 3, 64};
            for (size_t s = 0; s < 4; s++) {
                path_post(&p, talks[i].target, talks[i].body);
                path_answer_bytes(&p, frame(&talks[i], (enum framing)f), steps[s]);
                if (f == BY_CLOSE) {
                    path_answer_end(&p, FLOW_END_COMPLETE);
                }
                expect_whole(&talks[i]);
                assert_int_equal(p.outcome.upstream_status, 200);
                assert_true(p.outcome.has_usage);
            }
        }
    }
}

static void test_J_186_cut_after_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < TALKS; i++) {
        for (int f = 0; f < FRAMINGS; f++) {
            cut_everywhere(&talks[i], (enum framing)f, FLOW_END_TRUNCATED);
        }
    }
}

static void test_every_end_after_every_byte(void **state)
{
    (void)state;
    static const enum flow_end_how ways[] = {FLOW_END_TIMEOUT, FLOW_END_PROTOCOL, FLOW_END_TLS,
                                             FLOW_END_REFUSED};
    for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
        cut_everywhere(&talks[w % 2], BY_CHUNKS, ways[w]);
    }
}

/* Without a length the provider's close looks like an end: the content must tell. */
static void test_early_close_is_no_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < TALKS; i++) {
        struct str whole = frame(&talks[i], BY_CLOSE);
        size_t head = (size_t)str_find_str(whole, STR("\r\n\r\n")) + 4;
        for (size_t k = head; k < whole.len; k++) {
            path_post(&p, talks[i].target, talks[i].body);
            path_answer_bytes(&p, str_sub(whole, 0, k), 0);
            path_answer_end(&p, FLOW_END_COMPLETE);
            expect_accounted_once();
            bool has_end = talks[i].end != NULL && path_client_has(&p, talks[i].end);
            if (!has_end || !str_eq(p.outcome.outcome, STR("completed"))) {
                expect_cut(&talks[i]);
            }
        }
    }
}

static void test_client_gone_after_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct str whole = frame(&talks[i], BY_CHUNKS);
        for (size_t k = 0; k < whole.len; k++) {
            path_post(&p, talks[i].target, talks[i].body);
            path_answer_bytes(&p, str_sub(whole, 0, k), 0);
            path_client_gone(&p);
            expect_accounted_once();
            assert_true(str_eq(p.outcome.outcome, STR("client_gone")));
            assert_int_equal(p.drops, 1);
            assert_true(p.is_closed);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_answers),
        cmocka_unit_test(test_J_186_cut_after_every_byte),
        cmocka_unit_test(test_every_end_after_every_byte),
        cmocka_unit_test(test_early_close_is_no_end),
        cmocka_unit_test(test_client_gone_after_every_byte),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
