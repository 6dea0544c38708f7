/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing heads and chunks: the bytes, and that nothing splits a head (154, 159).
 * What is written must be what our own parser reads.
 */
#include "wire_test.h"

static void test_request_bytes(void **unused)
{
    (void)unused;
    struct buf b;
    buf_init(&b, 4096);
    wire_write_request_line(&b, WIRE_POST, STR("/v1"), STR("/x?y=z"), STR("api.example.com:8443"));
    wire_write_header(&b, STR("Accept"), STR("a\tb \xc3\xa9"));
    wire_write_header(&b, STR("X-Empty"), STR_NONE);
    wire_write_line_u64(&b, STR("Content-Length: "), 0);
    wire_write_end(&b);
    assert_int_equal(b.err, ERR_OK);
    assert_true(str_eq(buf_str(&b), STR("POST /v1/x?y=z HTTP/1.1\r\nHost: api.example.com:8443\r\n"
                                        "Accept: a\tb \xc3\xa9\r\nX-Empty: \r\n"
                                        "Content-Length: 0\r\n\r\n")));
    struct play how = {.kind = WIRE_REQUEST};
    expect(&how, buf_str(&b), "head(POST /v1/x?y=z) end ");
    buf_fini(&b);
}

static void test_response_bytes(void **unused)
{
    (void)unused;
    struct buf b;
    buf_init(&b, 4096);
    wire_write_status_line(&b, 200);
    wire_write_header(&b, STR("Transfer-Encoding"), STR("chunked"));
    wire_write_end(&b);
    wire_write_chunk(&b, STR("hello"));
    wire_write_chunk(&b, STR(""));
    wire_write_chunk(&b, STR("0123456789abcdefg"));
    wire_write_last_chunk(&b);
    assert_true(str_eq(buf_str(&b),
                       STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
                           "11\r\n0123456789abcdefg\r\n0\r\n\r\n")));
    struct play how = {.kind = WIRE_RESPONSE, .is_finished = true};
    expect(&how, buf_str(&b), "head(200) body(hello0123456789abcdefg) end ");
    buf_clear(&b);
    wire_write_status_line(&b, 299);
    assert_true(str_eq(buf_str(&b), STR("HTTP/1.1 299 Unknown\r\n")));
    assert_string_equal(wire_status_text(431), "Request Header Fields Too Large");
    buf_fini(&b);
}

static void test_nothing_splits(void **unused)
{
    (void)unused;
    const struct str bad_values[] = {STR("a\r\nX: y"), STR("a\nb"), STR("a\rb"),
                                     STR("a\0b"),      STR("\x01"), STR("012345678\x7f"),
                                     STR("01234567\n")};
    const struct str bad_names[] = {STR(""),      STR("a b"),  STR("a:"),
                                    STR("a\r\n"), STR("\xc3"), STR("a\0")};
    const struct str bad_targets[] = {STR(""),           STR("a"),    STR("*"),    STR("/a b"),
                                      STR("/a\r\nX: y"), STR("/a#b"), STR("/\xc3")};
    const struct str bad_hosts[] = {STR(""), STR("a b"), STR("a\r\nX: y"), STR("a/b"), STR("a@b")};
    struct buf b;
    buf_init(&b, 4096);
    for (size_t i = 0; i < sizeof(bad_values) / sizeof(bad_values[0]); i++) {
        buf_clear(&b);
        wire_write_header(&b, STR("X"), bad_values[i]);
        assert_int_equal(b.err, ERR_INVALID);
        assert_int_equal(b.len, 0);
    }
    for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
        buf_clear(&b);
        wire_write_header(&b, bad_names[i], STR("v"));
        assert_int_equal(b.err, ERR_INVALID);
        assert_int_equal(b.len, 0);
    }
    for (size_t i = 0; i < sizeof(bad_targets) / sizeof(bad_targets[0]); i++) {
        buf_clear(&b);
        wire_write_request_line(&b, WIRE_GET, bad_targets[i], STR(""), STR("h"));
        assert_int_equal(b.err, ERR_INVALID);
        assert_int_equal(b.len, 0);
    }
    for (size_t i = 0; i < sizeof(bad_hosts) / sizeof(bad_hosts[0]); i++) {
        buf_clear(&b);
        wire_write_request_line(&b, WIRE_GET, STR("/"), STR(""), bad_hosts[i]);
        assert_int_equal(b.err, ERR_INVALID);
    }
    buf_clear(&b);
    wire_write_status_line(&b, 99);
    assert_int_equal(b.err, ERR_INVALID);
    buf_clear(&b);
    wire_write_status_line(&b, 600);
    assert_int_equal(b.err, ERR_INVALID);
    buf_fini(&b);
}

enum place { IN_NAME, IN_VALUE, IN_PREFIX, IN_PATH };

static bool belongs(enum place place, int c, size_t at)
{
    const char others[] = "!#$%&'*+-.^_`|~";
    int letter = c | 0x20;
    switch (place) {
    case IN_NAME: /* RFC 9110's token and nothing else */
        return (c >= '0' && c <= '9') || (letter >= 'a' && letter <= 'z') ||
               (c != 0 && strchr(others, c) != NULL);
    case IN_VALUE:
        return c == '\t' || (c >= ' ' && c != 0x7f);
    case IN_PREFIX:
        return at == 0 ? c == '/' : c > ' ' && c < 0x7f && c != '#' && c != '\\';
    case IN_PATH:
        return c > ' ' && c < 0x7f && c != '#' && c != '\\';
    }
    return false;
}

static void write_at(struct buf *b, enum place place, struct str text)
{
    if (place == IN_NAME) {
        wire_write_header(b, text, STR("v"));
    } else if (place == IN_VALUE) {
        wire_write_header(b, STR("X"), text);
    } else if (place == IN_PREFIX) {
        wire_write_request_line(b, WIRE_GET, text, STR(""), STR("h"));
    } else {
        wire_write_request_line(b, WIRE_GET, STR("/"), text, STR("h"));
    }
}

/* Each byte at each place of texts of all lengths around the widths that are looked at in
 * one step, in memory of their own size. */
static void test_every_byte_at_every_place(void **unused)
{
    (void)unused;
    struct buf b;
    buf_init(&b, 4096);
    for (size_t len = 1; len <= 34; len++) {
        char *text = malloc(len);
        assert_non_null(text);
        for (unsigned place = IN_NAME; place <= IN_PATH; place++) {
            for (size_t at = 0; at < len; at++) {
                for (int c = 0; c < 256; c++) {
                    memset(text, 'a', len);
                    text[0] = place == IN_PREFIX ? '/' : 'a';
                    text[at] = (char)c;
                    buf_clear(&b);
                    write_at(&b, (enum place)place, (struct str){text, len});
                    bool is_written = b.err == ERR_OK;
                    if (is_written != belongs((enum place)place, c, at) ||
                        (b.len > 0) != is_written) {
                        fail_msg("place %u, byte %zu of %zu: %02x", place, at, len, (unsigned)c);
                    }
                }
            }
        }
        free(text);
    }
    buf_fini(&b);
}

static void test_error_sticks(void **unused)
{
    (void)unused;
    struct buf b;
    buf_init(&b, 16);
    wire_write_status_line(&b, 200);
    assert_int_equal(b.err, ERR_LIMIT);
    wire_write_header(&b, STR("X"), STR("\n"));
    assert_int_equal(b.err, ERR_LIMIT);
    buf_fini(&b);
}

static void test_methods(void **unused)
{
    (void)unused;
    assert_string_equal(wire_method_name(WIRE_GET), "GET");
    assert_string_equal(wire_method_name(WIRE_HEAD_METHOD), "HEAD");
    assert_string_equal(wire_method_name(WIRE_OPTIONS), "OPTIONS");
}

/* A line of which only the value is looked at, and numbers. */
static void test_lines(void **unused)
{
    (void)unused;
    struct buf b;
    buf_init(&b, 80);
    wire_write_line(&b, STR("authorization: Bearer "), STR("sk-1"));
    wire_write_line(&b, STR("x: "), STR(""));
    wire_write_line_u64(&b, STR("n: "), UINT64_MAX);
    assert_int_equal(b.err, ERR_OK);
    assert_true(str_eq(buf_str(&b), STR("authorization: Bearer sk-1\r\nx: \r\n"
                                        "n: 18446744073709551615\r\n")));
    size_t before = b.len;
    wire_write_line(&b, STR("x: "), STR("0123456789012345678901234567890"));
    assert_int_equal(b.err, ERR_LIMIT);
    assert_int_equal(b.len, before); /* a whole line or nothing */
    const struct str bad[] = {STR_INIT("a\r\nb: c"), STR_INIT("a\nb"), STR_INIT("\x7f")};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        buf_clear(&b);
        wire_write_line(&b, STR("x: "), bad[i]);
        assert_int_equal(b.err, ERR_INVALID);
        assert_int_equal(b.len, 0);
    }
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_request_bytes), cmocka_unit_test(test_response_bytes),
        cmocka_unit_test(test_nothing_splits), cmocka_unit_test(test_every_byte_at_every_place),
        cmocka_unit_test(test_error_sticks),
        cmocka_unit_test(test_methods)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
