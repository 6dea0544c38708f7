/* SPDX-License-Identifier: Apache-2.0
 *
 * Server-sent events: every line ending and mix of them, comments, marks, several
 * data lines, cut streams, limits; in every cut. Bad inputs 195-197.
 */
#include "wire_test.h"

static enum err take_events(struct sse_parser *p, struct buf *out, struct buf *raw)
{
    struct sse_event ev;
    enum err err;
    while ((err = sse_parser_next(p, &ev)) == ERR_OK) {
        buf_printf(out, "[%.*s|%.*s|%s%s%s]", STR_ARG(ev.name), STR_ARG(ev.data),
                   ev.is_comment_only ? "c" : "", ev.has_unknown_fields ? "u" : "",
                   ev.data.ptr == NULL && !ev.is_comment_only ? "n" : "");
        buf_add(raw, ev.raw);
    }
    return err;
}

/* "[name|data|flags]" per event, flags c = comment only, u = unknown fields, n = no
 * data line; "<" where the end of the stream settles something; then "+N" for N pending
 * bytes. Checks that raw adds up to the stream, and that nothing is read of a piece whose
 * events are all out. */
static char *play_events(struct str bytes, size_t cut, size_t limit)
{
    struct sse_parser p;
    struct buf out;
    struct buf raw;
    buf_init(&out, 1024 * 1024);
    buf_init(&raw, 1024 * 1024);
    sse_parser_init(&p, limit);
    size_t step = cut == SIZE_MAX ? 1 : cut == 0 ? bytes.len : cut;
    enum err err = ERR_AGAIN;
    for (size_t at = 0; at < bytes.len && err == ERR_AGAIN;) {
        struct str slice = str_sub(bytes, at, at + step);
        char *piece = malloc(slice.len);
        assert_non_null(piece);
        memcpy(piece, slice.ptr, slice.len);
        sse_parser_feed(&p, (struct str){piece, slice.len});
        at += step;
        step = cut == SIZE_MAX ? 1 : bytes.len;
        err = take_events(&p, &out, &raw);
        memset(piece, '!', slice.len);
        free(piece);
    }
    if (err == ERR_AGAIN) {
        assert_true(str_eq(buf_str(&raw), str_sub(bytes, 0, raw.len)));
        assert_int_equal(raw.len + sse_parser_pending_bytes(&p), bytes.len);
        if (sse_parser_end(&p)) {
            buf_add_byte(&out, '<');
            assert_int_equal(take_events(&p, &out, &raw), ERR_AGAIN);
        }
        if (sse_parser_pending_bytes(&p) > 0) {
            buf_printf(&out, "+%zu", sse_parser_pending_bytes(&p));
        }
    } else {
        buf_add(&out, str_from(err_name(err)));
    }
    buf_add_byte(&out, '\0');
    buf_fini(&raw);
    sse_parser_fini(&p);
    return out.ptr;
}

static void expect_events(struct str bytes, const char *events)
{
    for (size_t cut = 0; cut <= bytes.len; cut++) {
        char *got = play_events(bytes, cut == bytes.len ? SIZE_MAX : cut, 4096);
        assert_string_equal(got, events);
        free(got);
    }
}

static void test_line_endings(void **unused)
{
    (void)unused;
    expect_events(STR("data: a\n\ndata: b\n\n"), "[|a|][|b|]");
    expect_events(STR("data: a\r\n\r\ndata: b\r\n\r\n"), "[|a|][|b|]");
    expect_events(STR("data: a\r\rdata: b\r\r"), "[|a|][|b|]");
    expect_events(STR("data: a\n\r\ndata: b\r\n\ndata: c\r\n\rdata: d\n\n"),
                  "[|a|][|b|][|c|][|d|]");
    expect_events(STR("data: a\r\r\ndata: b\r\r\ndata: c\n\n"), "[|a|][|b|][|c|]");
    expect_events(STR("data: a\rdata: b\ndata: c\r\n\n"), "[|a\nb\nc|]");
    /* The CR of a blank line behind LF may be half of a CRLF: known at the end of the stream. */
    expect_events(STR("data: a\n\r"), "<[|a|]");
    expect_events(STR("data: a\r\n\r"), "<[|a|]");
    expect_events(STR("\xEF\xBB\xBF\n\r"), "[||c]<[||c]");
    expect_events(STR("data: a\n\ndata: b\r"), "[|a|]<+9");
    expect_events(STR("data: a\r\rdata: b\n"), "[|a|]+8");
    expect_events(STR("data: a\n\n\r"), "[|a|]<[||c]");
    expect_events(STR("data: a\r\r\r"), "[|a|]<[||c]");
}

static void test_fields(void **unused)
{
    (void)unused;
    expect_events(STR("data:a\n\ndata:  b\n\n"), "[|a|][| b|]");
    expect_events(STR("event: x\ndata: 1\ndata\ndata:\ndata: 2\n\n"), "[x|1\n\n\n2|]");
    expect_events(STR("event: x\nevent: y\nid: 1\nretry: 5\ndata: a\n\n"), "[y|a|]");
    expect_events(STR("event: ping\n\n"), "[ping||n]");
    expect_events(STR("data:\n\n"), "[||]");
    expect_events(STR(": hello\n\n:\n: x\n\ndata: a\n: c\n\n"), "[||c][||c][|a|]");
    expect_events(STR("\n\n\r\ndata: a\n\n"), "[||c][||c][||c][|a|]");
    expect_events(STR("Data: a\nfoo\n\n"), "[||un]");
    expect_events(STR("data : a\n\n"), "[||un]");
    expect_events(STR("data: a:b: c\n\n"), "[|a:b: c|]");
    expect_events(STR("data: \xc3\xa9\xf0\x9f\x98\x80\n\n"), "[|\xc3\xa9\xf0\x9f\x98\x80|]");
}

static void test_mark(void **unused)
{
    (void)unused;
    expect_events(STR("\xEF\xBB\xBF"
                      "data: a\n\ndata: b\n\n"),
                  "[|a|][|b|]");
    expect_events(STR("\xEF\xBB\xBF\n"
                      "data: a\n\n"),
                  "[||c][|a|]");
    expect_events(STR("\xEF\xBB"
                      "data: a\n\n"),
                  "[||un]");
    expect_events(STR("data: a\n\n\xEF\xBB\xBF"
                      "data: b\n\n"),
                  "[|a|][||un]");
    expect_events(STR("\xEF\xBB"), "+2");
}

static void test_cut(void **unused)
{
    (void)unused;
    expect_events(STR(""), "");
    expect_events(STR("data: a\n\ndata: b\n"), "[|a|]+8");
    expect_events(STR("data: a"), "+7");
    expect_events(STR("data: [DONE]\n\n"), "[|[DONE]|]");
}

static void test_limit(void **unused)
{
    (void)unused;
    const struct str streams[] = {STR("data: a\n\ndata: 0123456789012345\n\n"),
                                  STR("data: a\n\ndata: 0123456789012345")};
    for (size_t i = 0; i < 2; i++) {
        for (size_t cut = 0; cut <= streams[i].len; cut++) {
            char *got = play_events(streams[i], cut == streams[i].len ? SIZE_MAX : cut, 20);
            assert_string_equal(got, "[|a|]limit");
            free(got);
        }
    }
    char *got = play_events(STR("data: 012345678901\n\n"), 0, 20);
    assert_string_equal(got, "[|012345678901|]");
    free(got);
    sse_parser_fini(NULL);
}

/* Lines about as long as what is searched at once, with every ending, CRs in front of the
 * LF included. */
static void test_long_lines(void **unused)
{
    (void)unused;
    static const char *const endings[] = {"\n", "\r", "\r\n"};
    char stream[2200], want[2200];
    for (size_t len = 500; len < 1040; len += len == 520 ? 490 : 1) {
        for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
            char text[1100];
            memset(text, 'x', len);
            text[len] = '\0';
            snprintf(stream, sizeof(stream), "data: %s%sdata: b%s%sdata: c\n\n", text, endings[i],
                     endings[i], endings[i]);
            snprintf(want, sizeof(want), "[|%s\nb|][|c|]", text);
            size_t cuts[] = {0, 7, len, 511, 512, 513, SIZE_MAX};
            for (size_t k = 0; k < sizeof(cuts) / sizeof(cuts[0]); k++) {
                char *got = play_events(str_from(stream), cuts[k], 4096);
                assert_string_equal(got, want);
                free(got);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_endings), cmocka_unit_test(test_fields),
        cmocka_unit_test(test_mark),         cmocka_unit_test(test_cut),
        cmocka_unit_test(test_limit),        cmocka_unit_test(test_long_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
