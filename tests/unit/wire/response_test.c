/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of providers: framing, what has no body, 1xx, what may be pooled, and
 * what is refused: bad inputs 159, 163, 186, 188-194. Every stream in every cut.
 */
#include "wire_test.h"

static const struct play response = {
    .kind = WIRE_RESPONSE, .is_finished = true, .stops_at_end = true};

static void test_accepted(void **unused)
{
    (void)unused;
    const struct {
        struct str bytes;
        const char *transcript;
    } cases[] = {
        {STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), "head(200) body(hi) end "},
        {STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
         "head(200) body(hi) end "},
        {STR("HTTP/1.1 301\r\nContent-Length: 0\r\n\r\n"), "head(301) end "},
        {STR("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"), "head(200) end "},
        {STR("HTTP/1.1 500 Oriëntatie\r\nContent-Length: 0\r\n\r\n"), "head(500) end "},
        {STR("HTTP/1.1 200 OK\r\nX-_$: a\r\nServer:\tb \r\nContent-Length: 0\r\n\r\n"),
         "head(200) end "},
        /* 193: no framing means until the end; then it is complete. */
        {STR("HTTP/1.0 200 OK\r\n\r\nabc"), "head(200) body(abc) end "},
        {STR("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK"), "head(200) body(HTTP/1.1 200 OK) end "},
        {STR("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc"), "head(200) body(abc) end "},
        /* 191: no body, whatever the fields say. */
        {STR("HTTP/1.1 204 No Content\r\n\r\n"), "head(204) end "},
        {STR("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"), "head(204) end "},
        {STR("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"), "head(304) end "},
        {STR("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"), "head(304) end "},
        /* 190: informational answers are skipped. */
        {STR("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
             "HTTP/1.1 199 x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
         "head(200) body(hi) end "},
        {STR("HTTP/1.1 200 OK\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: "
             "2\r\n\r\nhi"),
         "head(200) body(hi) end "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect(&response, cases[i].bytes, cases[i].transcript);
    }
}

static void test_refused(void **unused)
{
    (void)unused;
    const struct str refused[] = {
        STR("HTTP/1.1 000 x\r\n"),
        STR("HTTP/1.1 99 x\r\n"),
        STR("HTTP/1.1 1000 x\r\n"),
        STR("HTTP/1.1 600 x\r\n"),
        STR("HTTP/1.1  200 OK\r\n"),
        STR("HTTP/1.1 200  OK\r\n"),
        STR("HTTP/1.1\t200 OK\r\n"),
        STR("HTTP/1.1 2 0 OK\r\n"),
        STR("HTTP/1.1 20x OK\r\n"),
        STR("HTTP/1.1 200OK\r\n"),
        STR("HTTP/01.1 200 OK\r\n"),
        STR("HTTP/2.0 200 OK\r\n"),
        STR("RTSP/1.1 200 OK\r\n"),
        STR("HTTPER/1.1 200 OK\r\n"),
        STR("\r\nHTTP/1.1 200 OK\r\n"),
        STR("HTTP/1.1 200 OK\n"),
        STR("HTTP/1.1 200 O\x01K\r\n"),
        STR("HTTP/1.1 200 O\rK\r\n"),
        STR("hello\r\n"),
        STR("\n"),
        STR("HTTP/1.1 200 OK\r\nX: a\n\r\n"),
        STR("HTTP/1.1 200 OK\r\nX: a\0b\r\n"),
        STR("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n"),
        STR("HTTP/1.1 200 OK\r\n X: a\r\n"),
        STR("HTTP/1.1 200 OK\r\nX : a\r\n"),
        STR("HTTP/1.1 200 OK\r\n: a\r\n"),
        STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"),
        STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi"),
        STR("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nhi"),
        STR("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi"),
        STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, deflate\r\n\r\n"),
        STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"),
        STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
        STR("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        STR("HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\nhi"),
        STR("HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n"),
        STR("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nraw")};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        char *got = play(&response, refused[i]);
        bool is_refused =
            strcmp(got, "error(syntax,502)") == 0 || strcmp(got, "error(unsupported,502)") == 0;
        if (!is_refused) {
            fail_msg("%s: %.*s", got, STR_ARG(refused[i]));
        }
        free(got);
    }
    expect(&response, STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n25  \r\n"),
           "head(200) error(syntax,502)");
    expect(&response, STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhiX"),
           "head(200) body(hi) error(syntax,502)");
}

/* 186: whatever is cut is never success. */
static void test_cut(void **unused)
{
    (void)unused;
    const struct str whole[] = {
        STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n"),
        STR("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")};
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        for (size_t len = 1; len < whole[i].len; len++) {
            char *got = play_cut(&response, str_sub(whole[i], 0, len), 0);
            assert_null(strstr(got, "end "));
            assert_non_null(strstr(got, "cut"));
            free(got);
        }
    }
    expect(&response, STR(""), "");
}

static void test_limits(void **unused)
{
    (void)unused;
    static const struct wire_limits small = {
        .head_bytes_max = 100, .target_bytes_max = 20, .body_bytes_max = 5, .informational_max = 2};
    struct play how = response;
    how.limits = &small;
    expect(&how, STR("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"), "error(limit,502)");
    expect(&how, STR("HTTP/1.1 200 OK\r\n\r\n12345"), "head(200) body(12345) end ");
    char *got = play_cut(&how, STR("HTTP/1.1 200 OK\r\n\r\n123456"), 0);
    assert_string_equal(got, "head(200) error(limit,502)");
    free(got);
    expect(&how, STR("HTTP/1.1 102 x\r\n\r\nHTTP/1.1 102 x\r\n\r\nHTTP/1.1 204 x\r\n\r\n"),
           "head(204) end ");
    expect(&how, STR("HTTP/1.1 102 x\r\n\r\nHTTP/1.1 102 x\r\n\r\nHTTP/1.1 102 x\r\n\r\n"),
           "error(limit,502)");
    char bytes[256];
    memset(bytes, 'a', sizeof(bytes));
    expect(&how, (struct str){bytes, sizeof(bytes)}, "error(limit,502)");
    how.is_head_request = true;
    expect(&how, STR("HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n"), "head(200) end ");
}

/* 188, 189, 191, 193: what may go back into the pool. */
static void test_reusable(void **unused)
{
    (void)unused;
    const struct {
        struct str bytes;
        bool is_head_request;
        bool is_reusable;
    } cases[] = {
        {STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), false, true},
        {STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), false, true},
        {STR("HTTP/1.1 204 No Content\r\n\r\n"), false, true},
        {STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"), true, true},
        {STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiEXTRA"), false, false},
        {STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi\n"), false, false},
        {STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"), false, false},
        {STR("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"), false, false},
        {STR("HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi"), false,
         false},
        {STR("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"), false, false},
        {STR("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"), false, false},
        {STR("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n"), false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wire_parser p;
        struct wire_event ev = {.type = WIRE_NEED_MORE};
        struct str in = cases[i].bytes;
        wire_parser_init(&p, WIRE_RESPONSE, &wire_limits_default);
        p.is_head_request = cases[i].is_head_request;
        while (ev.type != WIRE_END) {
            assert_int_equal(wire_parser_next(&p, &in, &ev), ERR_OK);
        }
        assert_int_equal(wire_parser_is_reusable(&p), cases[i].is_reusable);
        wire_parser_idle(&p);
        assert_int_equal(wire_parser_is_reusable(&p), cases[i].is_reusable);
        struct str unsolicited = STR("H");
        assert_int_equal(wire_parser_next(&p, &unsolicited, &ev), ERR_OK);
        assert_false(wire_parser_is_reusable(&p));
        wire_parser_fini(&p);
    }
}

/* A skipped 1xx is the beginning of an answer: not idle, and the count stays. */
static void test_informational_is_not_idle(void **unused)
{
    (void)unused;
    struct wire_parser p;
    struct wire_event ev;
    bool is_complete;
    wire_parser_init(&p, WIRE_RESPONSE, &wire_limits_default);
    for (unsigned i = 0; i < 10; i++) {
        struct str in = STR("HTTP/1.1 103 Early Hints\r\n\r\n");
        assert_int_equal(wire_parser_next(&p, &in, &ev), ERR_OK);
        assert_int_equal(ev.type, WIRE_NEED_MORE);
        assert_false(wire_parser_is_idle(&p));
        wire_parser_idle(&p);
    }
    struct str in = STR("HTTP/1.1 103 Early Hints\r\n\r\n");
    assert_int_equal(wire_parser_next(&p, &in, &ev), ERR_LIMIT);
    wire_parser_fini(&p);
    wire_parser_init(&p, WIRE_RESPONSE, &wire_limits_default);
    in = STR("HTTP/1.1 103 Early Hints\r\n\r\n");
    assert_int_equal(wire_parser_next(&p, &in, &ev), ERR_OK);
    assert_int_equal(wire_parser_finish(&p, &is_complete), ERR_CORRUPT);
    wire_parser_fini(&p);
}

/* Bytes behind an answer that announced close are not silently dropped. */
static void test_surplus_behind_close(void **unused)
{
    (void)unused;
    char *got = play_cut(&response,
                         STR("HTTP/1.1 200 No content\r\nContent-Length: 5\r\n"
                             "Connection: close\r\n\r\nhelloworld"),
                         0);
    assert_string_equal(got, "head(200) body(hello) error(syntax,502)");
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_accepted),
                                       cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_cut),
                                       cmocka_unit_test(test_limits),
                                       cmocka_unit_test(test_reusable),
                                       cmocka_unit_test(test_surplus_behind_close),
                                       cmocka_unit_test(test_informational_is_not_idle)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
