/* SPDX-License-Identifier: Apache-2.0
 *
 * Long calls over a large body (parsing, a JSON in it, writing it again) are work that a
 * host may have done on another thread: what comes out is the same whoever does it, small
 * bodies have none, and whoever goes away in between leaves nothing behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "inspected.h"

#define NAMES 12000

/* A tool was called with `names` addresses as names, and with `last`. */
static struct str tool_request(unsigned names, const char *last, const char *end)
{
    static char text[1u << 20], body[1u << 20];
    size_t len = (size_t)snprintf(
        body, sizeof(body),
        "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"go\"},{\"role\":"
        "\"assistant\",\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{"
        "\"name\":\"f\",\"arguments\":\"{");
    for (unsigned i = 0; i < names; i++) {
        len += (size_t)snprintf(body + len, 64, "\\\"u%u@acme.example\\\":%u,", i, i % 10);
    }
    len += (size_t)snprintf(body + len, 256,
                            "\\\"last\\\":\\\"%s\\\"}\"}}]},{\"role\":\"tool\",\"tool_call_id\":"
                            "\"call_1\",\"content\":\"fine\"}]%s",
                            last, end);
    int n = snprintf(text, sizeof(text),
                     "POST /v1/chat/completions HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer "
                     "%s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     p.key, len, body);
    assert_true(n > 0 && (size_t)n < sizeof(text));
    return (struct str){text, (size_t)n};
}

static void test_whoever_does_it(void **state)
{
    (void)state;
    struct buf first;
    char name[64];
    buf_init(&first, 4u << 20);
    for (unsigned is_left = 0; is_left < 2; is_left++) {
        p.leaves_work = is_left != 0;
        path_request_bytes(&p, tool_request(NAMES, "x", "}"), 0);
        assert_int_equal(p.calls, 1);
        assert_int_equal(p.works, 4); /* parsed, the JSON in it, edited, rendered */
        expect_length_is_true();
        assert_false(path_provider_has(&p, "acme"));
        snprintf(name, sizeof(name), "\\\"[REDACTED]_%u\\\":%u,\\\"last\\\"", NAMES,
                 (NAMES - 1) % 10);
        assert_true(path_provider_has(&p, name));
        if (!p.leaves_work) {
            buf_add(&first, buf_str(&p.provider));
        }
        assert_true(str_eq(buf_str(&first), buf_str(&p.provider)));
        finish_call(&p);
        expect_accounted("modify", "upstream_error");
    }
    p.leaves_work = false;
    buf_fini(&first);
}

static void test_small_bodies_have_none(void **state)
{
    (void)state;
    path_request_bytes(&p, tool_request(200, "x", "}"), 0);
    assert_int_equal(p.works, 0);
    assert_int_equal(p.calls, 1);
    assert_true(path_provider_has(&p, "[REDACTED]_200"));
    finish_call(&p);
}

/* What work comes to is judged on the turn. */
static void test_what_is_refused(void **state)
{
    (void)state;
    for (unsigned is_left = 0; is_left < 2; is_left++) {
        p.leaves_work = is_left != 0;
        path_request_bytes(&p, tool_request(NAMES, "x", ""), 0);
        assert_int_equal(p.works, 1);
        assert_int_equal(p.calls, 0);
        assert_true(path_client_has(&p, "HTTP/1.1 400 "));
        assert_true(path_client_has(&p, "a bracket, brace or quote is not closed"));
        path_request_bytes(&p, tool_request(NAMES, "123-45-6789", "}"), 0);
        assert_int_equal(p.works, 2);
        assert_int_equal(p.calls, 0);
        expect_accounted("block", "refused");
    }
    p.leaves_work = false;
}

static void test_whoever_goes_leaves_nothing(void **state)
{
    (void)state;
    path_request_bytes(&p, tool_request(NAMES, "x", "}"), 0);
    size_t turns = p.turns;
    finish_call(&p);
    assert_true(turns > 8);
    for (size_t i = 1; i <= turns; i += i < 3 || i + 3 > turns ? 1 : 3) {
        p.turns_max = i;
        path_request_bytes(&p, tool_request(NAMES, "x", "}"), 0);
        assert_int_equal(p.turns, i);
        assert_int_equal(p.decisions + p.calls + p.client.len, 0);
        path_client_gone(&p);
        assert_true(p.is_done);
        assert_false(flow_has_work(p.x));
        assert_int_equal(p.decisions + p.outcomes + p.calls, 0);
        path_turn(&p); /* comes too late */
    }
    p.turns_max = 0;
}

/* A large exchange leaves its memory to whoever takes it; else the next one frees it. */
static void test_what_is_left(void **state)
{
    (void)state;
    path_request_bytes(&p, tool_request(200, "x", "}"), 0);
    finish_call(&p);
    assert_null(flow_take_leftover(p.x));
    path_request_bytes(&p, tool_request(NAMES, "x", "}"), 0);
    finish_call(&p);
    struct flow_leftover *left = flow_take_leftover(p.x);
    assert_non_null(left);
    assert_null(flow_take_leftover(p.x));
    path_request_bytes(&p, tool_request(NAMES, "y", "}"), 0);
    flow_leftover_free(left); /* in the middle of another one */
    assert_int_equal(p.calls, 1);
    finish_call(&p);
    path_request_bytes(&p, tool_request(NAMES, "y", "}"), 0);
    finish_call(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whoever_does_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_small_bodies_have_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_whoever_goes_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_left, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
