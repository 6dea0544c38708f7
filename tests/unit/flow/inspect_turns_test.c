/* SPDX-License-Identifier: Apache-2.0
 *
 * A large prompt is read in turns of the loop: nothing is decided before the last one,
 * whoever goes away in between leaves nothing behind; and a check that could not run
 * never passes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "inspected.h"

#define LARGE (600 * 1024)

/* A body of LARGE bytes of prose with one address near its end. */
static struct str large_request(const char *needle)
{
    static char text[LARGE + 4096];
    static const char words[] = "the quick brown fox jumps over the lazy dog and goes home ";
    int used = snprintf(text, sizeof(text),
                        "POST /v1/chat/completions HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer "
                        "%s\r\nContent-Type: application/json\r\nTransfer-Encoding: "
                        "chunked\r\n\r\n",
                        p.key);
    char *body = text + used + 7; /* behind the chunk's size */
    size_t len = (size_t)snprintf(body, LARGE,
                                  "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\","
                                  "\"content\":\"");
    while (len < LARGE) {
        memcpy(body + len, words, sizeof(words) - 1);
        len += sizeof(words) - 1;
    }
    len += (size_t)snprintf(body + len, 512, "%s.\"}]}", needle);
    char size[32];
    int size_len = snprintf(size, sizeof(size), "%05zx\r\n", len);
    assert_int_equal(size_len, 7);
    memcpy(text + used, size, 7);
    memcpy(body + len, "\r\n0\r\n\r\n", 7);
    return (struct str){text, (size_t)used + 7 + len + 7};
}

static void test_a_large_prompt_is_read_in_turns(void **state)
{
    (void)state;
    path_request_bytes(&p, large_request("by " PERSON), 0);
    assert_true(p.turns >= 5);
    assert_int_equal(p.calls, 1);
    assert_false(path_provider_has(&p, "jane"));
    assert_true(path_provider_has(&p, "goes home by [REDACTED]."));
    expect_length_is_true();
    finish_call(&p);
    path_request_bytes(&p, large_request("with 123-45-6789"), 0);
    assert_true(p.turns >= 5);
    assert_int_equal(p.calls, 0);
    expect_accounted("block", "refused");
    path_request_bytes(&p, large_request("as it was"), 0);
    assert_int_equal(p.calls, 1);
    assert_true(path_provider_has(&p, "goes home as it was."));
    finish_call(&p);
}

static void test_nothing_is_decided_before_the_last_turn(void **state)
{
    (void)state;
    path_request_bytes(&p, large_request("by " PERSON), 0);
    size_t turns = p.turns;
    assert_true(turns >= 5);
    finish_call(&p);
    for (size_t i = 1; i <= turns; i++) {
        p.turns_max = i;
        path_request_bytes(&p, large_request("by " PERSON), 0);
        assert_int_equal(p.turns, i);
        assert_int_equal(p.decisions + p.calls + p.client.len, 0);
        if (i % 2 == 0) {
            path_client_gone(&p);
            assert_true(p.is_done);
            assert_int_equal(p.decisions + p.outcomes + p.calls, 0);
            continue;
        }
        path_turn(&p);
        assert_int_equal(p.calls, 1);
        assert_false(path_provider_has(&p, "jane"));
        finish_call(&p);
        expect_accounted("modify", "upstream_error");
    }
    p.turns_max = 0;
    path_post(&p, "/v1/chat/completions", TALK_CHAT("gpt-4o", "")); /* nothing is left behind */
    assert_int_equal(p.calls, 1);
    finish_call(&p);
    path_turn(&p); /* a turn that comes too late is nobody's */
}

static uint64_t slow_us;
static uint64_t slow_clock(void)
{
    slow_us += 400;
    return slow_us;
}

/* Where time passes quickly even a small prompt is read in turns, to the same end. */
static void test_a_slice_is_bounded_by_time(void **state)
{
    (void)state;
    static char whole[64 * 1024], body[48 * 1024];
    int len = snprintf(body, sizeof(body),
                       "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\","
                       "\"content\":\"by " PERSON " ");
    while (len < 30000) {
        len += snprintf(body + len, sizeof(body) - (size_t)len, "and so it goes on ");
    }
    snprintf(body + len, sizeof(body) - (size_t)len, "to " PERSON "\"}]}");
    path_post(&p, "/v1/chat/completions", body);
    assert_int_equal(p.turns, 0);
    size_t sent = p.provider.len;
    memcpy(whole, p.provider.ptr, sent);
    finish_call(&p);
    p.env.mono_us = slow_clock;
    path_post(&p, "/v1/chat/completions", body);
    p.env.mono_us = NULL;
    assert_true(p.turns >= 1);
    assert_int_equal(p.provider.len, sent);
    assert_memory_equal(p.provider.ptr, whole, sent);
    assert_int_equal(p.decision.modifications, 2);
    assert_true(p.decision.eval_us >= 400 * 2 * p.turns); /* all slices count */
    finish_call(&p);
}

/* ---- fail closed --------------------------------------------------------------------------- */

static void test_without_a_scratch_nothing_passes(void **state)
{
    (void)state;
    struct scan_scratch *scratch = p.env.scratch;
    for (int i = 0; i < 2; i++) {
        p.env.scratch = i == 0 ? NULL : scratch;
        p.is_scratch_small = i == 1;
        path_post(&p, "/v1/chat/completions", TALK_CHAT("gpt-4o", ""));
        assert_int_equal(p.calls, 0);
        assert_true(path_client_has(&p, "HTTP/1.1 503 "));
        assert_true(path_client_has(&p, "content_check_unavailable"));
        expect_accounted("error", "refused");
    }
    p.is_scratch_small = false;
    path_request(&p, "GET /v1/models HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer %s\r\n\r\n", 0);
    assert_true(path_client_has(&p, "HTTP/1.1 200 OK\r\n")); /* has no text */
    path_tear_down(&p);
    path_set_up(&p, governance); /* no content rules: no scratch is needed */
    scratch = p.env.scratch;
    p.env.scratch = NULL;
    path_post(&p, "/v1/chat/completions", TALK_CHAT("gpt-4o", ""));
    assert_int_equal(p.calls, 1);
    finish_call(&p);
    p.env.scratch = scratch;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_large_prompt_is_read_in_turns),
        cmocka_unit_test(test_nothing_is_decided_before_the_last_turn),
        cmocka_unit_test(test_a_slice_is_bounded_by_time),
        cmocka_unit_test(test_without_a_scratch_nothing_passes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
