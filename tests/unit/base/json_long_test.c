/* SPDX-License-Identifier: Apache-2.0
 *
 * Long strings, which the door reads itself: whatever stands in them and wherever, what
 * comes out, where strings stand and where a refusal points is what yyjson alone says of
 * the whole text (tests/support/json_same.h).
 */
#include "test.h"

#include "../../../src/core/base/json_marks.h"
#include "../../support/json_same.h"

static struct arena arena;
static struct buf text;
static uint64_t dice = 1;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)64 * 1024 * 1024);
    buf_init(&text, (size_t)16 * 1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    buf_fini(&text);
    return 0;
}

static void assert_same(struct str s)
{
    arena_reset(&arena);
    const char *wrong = json_same(&arena, s);
    if (wrong != NULL) {
        fail_msg("%s: %.*s", wrong, STR_ARG(s));
    }
}

static void add_many(char c, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_add_byte(&text, c);
    }
}

/* What is right in a string, and what is wrong. */
static const struct str pieces[] = {
    STR_INIT("\\\""),
    STR_INIT("\\\\"),
    STR_INIT("\\/"),
    STR_INIT("\\b"),
    STR_INIT("\\f"),
    STR_INIT("\\n"),
    STR_INIT("\\r"),
    STR_INIT("\\t"),
    STR_INIT("\\u0041"),
    STR_INIT("\\u0000"),
    STR_INIT("\\u00e9"),
    STR_INIT("\\u20AC"),
    STR_INIT("\\ud83d\\ude00"),
    STR_INIT("\\u00e9\\u20ac\\uFFFF\\udbff\\udfff\\n"),
    STR_INIT("\\\\\\\\\\\""),
    STR_INIT("\\ud800"),
    STR_INIT("\\ud800x"),
    STR_INIT("\\udc00"),
    STR_INIT("\\udc00\\ud800"),
    STR_INIT("\\udc00\\udc00"),
    STR_INIT("\\ud800\\u0041"),
    STR_INIT("\\ud800\\n"),
    STR_INIT("\\ud83d\\ude0"),
    STR_INIT("\\u12"),
    STR_INIT("\\u12g4"),
    STR_INIT("\\u12G4"),
    STR_INIT("\\u 123"),
    STR_INIT("\\U0041"),
    STR_INIT("\\x"),
    STR_INIT("\\'"),
    STR_INIT("\\\n"),
    STR_INIT("\\\xc3\xa9"),
    STR_INIT("\\\0"),
    STR_INIT("\0"),
    STR_INIT("\n"),
    STR_INIT("\x1f"),
    STR_INIT("\x7f"),
    STR_INIT(" "),
    STR_INIT("'"),
    STR_INIT("\xc3\xa9"),
    STR_INIT("\xe2\x82\xac"),
    STR_INIT("\xf0\x9f\x98\x80"),
    STR_INIT("\xc0\x80"),
    STR_INIT("\xc3"),
    STR_INIT("\xe2\x82"),
    STR_INIT("\xf0\x9f\x98"),
    STR_INIT("\xed\xa0\x80"),
    STR_INIT("\xe0\x9f\xbf"),
    STR_INIT("\xf0\x8f\xbf\xbf"),
    STR_INIT("\xf4\x90\x80\x80"),
    STR_INIT("\xf5\x80\x80\x80"),
    STR_INIT("\x80"),
    STR_INIT("\xff"),
    STR_INIT("\xc3\\n\xa9"),
    STR_INIT("\""),
    STR_INIT("\\"),
    STR_INIT("\",\"\":\"\",\"c\":\""),
    STR_INIT("\"x"),
    STR_INIT("\",\""),
    STR_INIT("\":\""),
};

static void test_everything_everywhere(void **state)
{
    (void)state;
    static const size_t behind[] = {0, 1, 40, 63, 200};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        for (size_t before = 0; before < 200; before++) {
            for (size_t k = 0; k < sizeof(behind) / sizeof(behind[0]); k++) {
                buf_clear(&text);
                buf_add(&text, STR("{\"a\":\""));
                add_many('x', before);
                buf_add(&text, pieces[i]);
                add_many('y', behind[k]);
                buf_add(&text, STR("\",\"b\":[\"\\u0041\",\"z\",1]}"));
                assert_same(buf_str(&text));
            }
        }
    }
}

/* What is right is read by ourselves: else all would be the same, but slow. */
static void test_taken(void **state)
{
    (void)state;
    struct json_doc doc;
    buf_clear(&text);
    buf_add(&text, STR("[\""));
    for (unsigned unit = 0; unit < 0x10000; unit += unit < 0x300 ? 1 : 0x11) {
        if (unit < 0xd800 || unit > 0xdfff) {
            buf_printf(&text, unit % 2 == 0 ? "\\u%04x" : "\\u%04X", unit);
        }
    }
    buf_add(&text,
            STR("\\\"\\\\\\/\\b\\f\\n\\r\\t\\ud800\\udc00\\uDBFF\\uDFFF\xc3\xa9\xe2\x82\xac\"]"));
    assert_int_equal(text.err, ERR_OK);
    assert_same(buf_str(&text));
    assert_int_equal(json_parse(&arena, buf_str(&text), &json_limits_default, &doc, NULL), ERR_OK);
    assert_int_equal(doc.longs_count, 1);
}

/* Whatever the text ends with. */
static void test_cut_off(void **state)
{
    (void)state;
    buf_clear(&text);
    buf_add(&text, STR("[\""));
    add_many('a', 150);
    buf_add(&text, STR("\\n\\u20ac\xe2\x82\xac\\\\\",{\""));
    add_many('k', 140);
    buf_add(&text, STR("\\\"\":\""));
    add_many('b', 130);
    buf_add(&text, STR("\"}, \"\\\\\", -1.5e3,true,null]"));
    for (size_t len = 0; len <= text.len; len++) {
        char *exact = malloc(len + 1); /* what is read behind the end is found by a sanitizer */
        assert_non_null(exact);
        memcpy(exact, text.ptr, len);
        exact = realloc(exact, len == 0 ? 1 : len);
        assert_non_null(exact);
        assert_same((struct str){exact, len});
        free(exact);
    }
}

static unsigned roll(unsigned sides)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(dice >> 33) % sides;
}

static void add_string(void)
{
    static const char *const parts[] = {"\\n",
                                        "\\\"",
                                        "\\\\",
                                        "\\u0041",
                                        "\\ud83d\\ude00",
                                        "\xc3\xa9",
                                        "\xe2\x82\xac",
                                        "\xf0\x9f\x98\x80",
                                        ",",
                                        "{[:"};
    buf_add_byte(&text, '"');
    unsigned count = roll(3) == 0 ? roll(12) : roll(3);
    for (unsigned i = 0; i < count; i++) {
        add_many((char)('a' + roll(26)), roll(2) == 0 ? roll(90) : roll(6));
        if (roll(2) == 0) {
            buf_add(&text, str_from(parts[roll(sizeof(parts) / sizeof(parts[0]))]));
        }
    }
    buf_add_byte(&text, '"');
}

/* Containers as members of each other up to `depth`. */
static void add_value(unsigned depth)
{
    unsigned kind = roll(depth > 0 ? 8 : 5);
    if (kind < 3) {
        add_string();
    } else if (kind < 5) {
        static const char *const words[] = {"0", "-1.5e10", "true", "null", "18446744073709551615"};
        buf_add(&text, str_from(words[roll(5)]));
    } else {
        bool is_object = kind == 5 || kind == 6;
        buf_add_byte(&text, is_object ? '{' : '[');
        for (unsigned i = 0, count = roll(6); i < count; i++) {
            buf_add(&text, i > 0 ? STR(" ,") : STR(""));
            if (is_object) {
                add_string();
                buf_add(&text, STR(": "));
            }
            add_value(depth - 1);
        }
        buf_add_byte(&text, is_object ? '}' : ']');
    }
}

/* As they are, and with a byte that is another, one too many or one too few. */
static void test_generated(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        buf_clear(&text);
        buf_add_byte(&text, '[');
        add_value(4);
        buf_add_byte(&text, ',');
        add_value(3);
        buf_add_byte(&text, ']');
        assert_same(buf_str(&text));
        for (unsigned k = 0; k < 6; k++) {
            static const char bytes[] = "\"\\,:]}{u\x01\x80\xe2 a0";
            size_t at = roll((unsigned)text.len);
            char was = text.ptr[at];
            char now = bytes[roll(sizeof(bytes))]; /* its NUL as well */
            text.ptr[at] = now;
            assert_same(buf_str(&text));
            text.ptr[at] = was;
            bool is_longer = roll(2) == 0;
            assert_true(buf_replace(&text, at, is_longer ? 0 : 1, (struct str){&now, is_longer}));
            assert_same(buf_str(&text));
            assert_true(buf_replace(&text, at, is_longer ? 1 : 0, (struct str){&was, !is_longer}));
        }
    }
}

/* By whatever the processor can, and by what every processor can. */
static void test_both_ways(void **state)
{
    (void)state;
    char written[2][512];
    for (unsigned i = 0; i < 20000; i++) {
        buf_clear(&text);
        add_string();
        add_many('z', roll(5));
        add_string();
        if (roll(3) == 0) {
            text.ptr[roll((unsigned)text.len)] = "\"\\\x1f\xff"[roll(4)];
        }
        size_t len = text.len < 500 ? text.len : 500;
        const char *end = text.ptr + len;
        const char *open = json_find_open(text.ptr, end, false);
        assert_ptr_equal(open, json_find_open(text.ptr, end, cpu_has_avx2()));
        struct json_content narrow = {.from = text.ptr + 1};
        struct json_content wide = {.from = text.ptr + 1};
        bool is_read = json_read_string(&narrow, end, written[0], false);
        assert_int_equal(json_read_string(&wide, end, written[1], cpu_has_avx2()), is_read);
        if (is_read) {
            assert_ptr_equal(narrow.to, wide.to);
            assert_int_equal(narrow.len, wide.len);
            assert_memory_equal(written[0], written[1], wide.len);
            assert_int_equal(narrow.has_high, wide.has_high);
            assert_int_equal(narrow.has_escape, wide.has_escape);
        }
    }
}

/* Long names are names: compared as they read, and pointed to where they are written. */
static void test_long_names(void **state)
{
    (void)state;
    struct json_doc doc;
    struct issue issue;
    for (unsigned others = 0; others < 20; others += 19) { /* few members, and many */
        buf_clear(&text);
        buf_add(&text, STR("{\"\":\""));
        add_many('v', 300);
        buf_add(&text, STR("\",\"\\u006b"));
        add_many('k', 199);
        buf_add(&text, STR("\":1,\""));
        add_many('k', 199);
        buf_add(&text, STR("l\":1"));
        for (unsigned i = 0; i < others; i++) {
            buf_add(&text, STR(",\"o"));
            buf_add_u64(&text, i);
            buf_add(&text, STR("\":\"\""));
        }
        size_t second = text.len + 1;
        buf_add(&text, STR(",\""));
        add_many('k', 200);
        buf_add(&text, STR("\":2}"));
        arena_reset(&arena);
        assert_int_equal(json_parse(&arena, buf_str(&text), &json_limits_default, &doc, &issue),
                         ERR_SYNTAX);
        assert_string_equal(issue.message, "duplicate member name; write each name once");
        assert_int_equal(issue.offset, second);
        text.ptr[second + 1] = 'K';
        assert_int_equal(json_parse(&arena, buf_str(&text), &json_limits_default, &doc, &issue),
                         ERR_OK);
        struct str name = str_sub(buf_str(&text), second + 1, second + 201);
        assert_int_equal(yyjson_get_int(json_get(doc.root, name)), 2);
    }
}

/* Of a text that is mostly a long string the copy is what memory goes to. */
static void test_memory(void **state)
{
    (void)state;
    struct json_doc doc;
    buf_clear(&text);
    buf_add(&text, STR("[\"\\n"));
    add_many('x', 1000000);
    buf_add(&text, STR("\"]"));
    arena_reset(&arena);
    assert_int_equal(json_parse(&arena, buf_str(&text), &json_limits_default, &doc, NULL), ERR_OK);
    assert_true(arena.used_bytes < text.len + 1000);
    text.ptr[text.len - 3] = '\n';
    arena_reset(&arena);
    assert_int_equal(json_parse(&arena, buf_str(&text), &json_limits_default, &doc, NULL),
                     ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_everywhere),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_generated),
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
