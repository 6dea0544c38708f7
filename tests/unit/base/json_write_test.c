/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing: strings of any bytes come out as valid JSON, values come out without
 * blanks and with the kind of number they had.
 */
#include "test.h"

static void assert_written(struct str s, const char *expected)
{
    struct buf b;
    buf_init(&b, 1000);
    json_write_str(&b, s);
    assert_int_equal(b.err, ERR_OK);
    assert_int_equal(b.len, strlen(expected));
    assert_memory_equal(b.ptr, expected, b.len);
    buf_fini(&b);
}

static void test_strings(void **state)
{
    (void)state;
    assert_written(STR_NONE, "\"\"");
    assert_written(STR("plain"), "\"plain\"");
    assert_written(STR("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    assert_written(STR("a\0b\x1F\x7F"), "\"a\\u0000b\\u001f\x7F\"");
    assert_written(STR("\xC3\xA9\xF0\x9F\x98\x80"), "\"\xC3\xA9\xF0\x9F\x98\x80\"");
    assert_written(STR("a\xFFz"), "\"a\xEF\xBF\xBDz\"");
    assert_written(STR("\xE2\x82"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    assert_written(STR("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    assert_written(STR("</script>/"), "\"</script>/\"");
    assert_true(json_is_plain(STR_NONE));
    assert_true(json_is_plain(STR("\xC3\xA9")));
    assert_false(json_is_plain(STR("a\xFFz")));
}

/* Eight bytes are looked at as one: whatever stands wherever in them is written as it is
 * when it stands alone. */
static void test_any_byte_at_any_place(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 0x80; c++) {
        struct buf alone;
        char one = (char)c;
        buf_init(&alone, 100);
        json_write_str(&alone, (struct str){&one, 1});
        for (size_t at = 0; at < 17; at++) {
            char text[17], want[64];
            struct buf b;
            memset(text, '~', sizeof(text));
            text[at] = one;
            int len = snprintf(want, sizeof(want), "\"%.*s%.*s%.*s\"", (int)at,
                               "~~~~~~~~~~~~~~~~~", (int)alone.len - 2, alone.ptr + 1,
                               (int)(16 - at), "~~~~~~~~~~~~~~~~~");
            buf_init(&b, 200);
            json_write_str(&b, (struct str){text, sizeof(text)});
            assert_int_equal(b.len, len);
            assert_memory_equal(b.ptr, want, b.len);
            assert_int_equal(json_is_plain((struct str){text, sizeof(text)}), alone.len == 3);
            buf_fini(&b);
        }
        buf_fini(&alone);
    }
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        struct str written;
    } rows[] = {
        {STR_INIT(" { \"a\" : [ ] , \"b\" : { } } "), STR_INIT("{\"a\":[],\"b\":{}}")},
        {STR_INIT("[[],[[]],{\"a\":[{}]},1]"), STR_INIT("[[],[[]],{\"a\":[{}]},1]")},
        {STR_INIT("[true,false,null]"), STR_INIT("[true,false,null]")},
        {STR_INIT("[0,-1,18446744073709551615,-9223372036854775808]"),
         STR_INIT("[0,-1,18446744073709551615,-9223372036854775808]")},
        {STR_INIT("[1.0,0.1,1e100,-2.5E-7,1e2,0.30000000000000004]"),
         STR_INIT("[1.0,0.1,1e+100,-2.5e-07,100.0,0.30000000000000004]")},
        {STR_INIT("\"\\u0041\\/\""), STR_INIT("\"A/\"")},
        {STR_INIT("7"), STR_INIT("7")},
        {STR_INIT("{\"\\u0022\":\"\\u0000\"}"), STR_INIT("{\"\\\"\":\"\\u0000\"}")},
    };
    struct arena a;
    arena_init(&a, 1024 * 1024);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json_doc doc;
        struct buf b;
        buf_init(&b, 1000);
        assert_int_equal(json_parse(&a, rows[i].text, &json_limits_default, &doc, NULL), ERR_OK);
        json_write_val(&b, doc.root);
        assert_true(str_eq(buf_str(&b), rows[i].written));
        buf_fini(&b);
    }
    arena_fini(&a);
}

static void test_part_of_a_document(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1024 * 1024);
    struct json_doc doc;
    struct buf b;
    buf_init(&b, 100);
    assert_int_equal(
        json_parse(&a, STR("{\"a\":{\"b\":[1,2]},\"c\":3}"), &json_limits_default, &doc, NULL),
        ERR_OK);
    json_write_val(&b, json_get(doc.root, STR("a")));
    ASSERT_STR(buf_str(&b), "{\"b\":[1,2]}");
    buf_clear(&b);
    json_write_val(&b, NULL);
    ASSERT_STR(buf_str(&b), "null");
    buf_fini(&b);
    buf_init(&b, 5);
    json_write_val(&b, doc.root);
    assert_int_equal(b.err, ERR_LIMIT);
    buf_fini(&b);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_any_byte_at_any_place),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_part_of_a_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
