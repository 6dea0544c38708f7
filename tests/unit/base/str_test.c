/* SPDX-License-Identifier: Apache-2.0
 *
 * Byte strings: every function with the empty string, with NUL bytes inside and
 * at its edges, and UTF-8 against the rows of Unicode table 3-7.
 */
#include "test.h"

static void test_comparing(void **state)
{
    (void)state;
    assert_true(str_eq(STR_NONE, STR("")));
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq(STR("model"), STR("model\0")));
    assert_true(str_eq_nocase(STR("Content-Type"), STR("content-tYPE")));
    assert_false(str_eq_nocase(STR("a["), STR("a{"))); /* differ by 0x20, not letters */
    assert_false(str_eq_nocase(STR("\xC3\x84"), STR("\xC3\xA4")));
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("a"), STR("ab")) < 0);
    assert_true(str_cmp(STR("\xFF"), STR("a")) > 0);
    assert_int_equal(str_cmp(STR_NONE, STR("")), 0);
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_true(str_starts(STR_NONE, STR("")));
    assert_false(str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_true(str_ends(STR("abc"), STR("")));
    assert_false(str_ends(STR("c"), STR("bc")));
    assert_null(str_from(NULL).ptr);
    ASSERT_STR(str_from("xy"), "xy");
}

/* Each pair of bytes at each place of a name, within eight bytes and behind them. */
static void test_comparing_every_pair(void **state)
{
    (void)state;
    char a[] = "zZaA@[`{\x7f-", b[] = "zZaA@[`{\x7f-";
    for (size_t at = 0; at < 10; at++) {
        char kept = a[at];
        for (unsigned pair = 0; pair < 65536; pair++) {
            int x = (int)(pair >> 8), y = (int)(pair & 255);
            bool is_letter = (x | 0x20) >= 'a' && (x | 0x20) <= 'z';
            a[at] = (char)x;
            b[at] = (char)y;
            if (str_eq_nocase((struct str){a, 10}, (struct str){b, 10}) !=
                (x == y || (is_letter && (x ^ y) == 0x20))) {
                fail_msg("byte %zu: %02x and %02x", at, (unsigned)x, (unsigned)y);
            }
        }
        a[at] = b[at] = kept;
    }
}

/* Lengths around eight, in memory of their own size: each byte counts. */
static void test_comparing_every_length(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 25; len++) {
        char *a = malloc(len + 1), *b = malloc(len + 1);
        assert_true(a != NULL && b != NULL);
        struct str x = {a + 1, len}, y = {b + 1, len}; /* ends where the memory ends */
        memset(a, 'k', len + 1);
        memset(b, 'K', len + 1);
        assert_true(str_eq_nocase(x, y));
        for (size_t at = 1; at <= len; at++) {
            b[at] = 'L';
            assert_false(str_eq_nocase(x, y));
            b[at] = 'k';
            assert_true(str_eq_nocase(x, y));
        }
        free(a);
        free(b);
    }
    assert_true(str_eq_nocase(STR_NONE, STR("")));
}

static void test_finding(void **state)
{
    (void)state;
    assert_int_equal(str_find(STR("a\0b"), 'b'), 2);
    assert_int_equal(str_find(STR("a\0b"), '\0'), 1);
    assert_int_equal(str_find(STR_NONE, 'a'), -1);
    assert_int_equal(str_find_str(STR("aaab"), STR("ab")), 2);
    assert_int_equal(str_find_str(STR("ab"), STR("ab")), 0);
    assert_int_equal(str_find_str(STR("ab"), STR("abc")), -1);
    assert_int_equal(str_find_str(STR("ab"), STR("")), 0);
    assert_int_equal(str_find_str(STR_NONE, STR("a")), -1);
    assert_int_equal(str_find_str(STR("xaxbxa"), STR("xb")), 2);
}

static void test_cutting(void **state)
{
    (void)state;
    ASSERT_STR(str_sub(STR("abcd"), 1, 3), "bc");
    ASSERT_STR(str_sub(STR("abcd"), 3, 99), "d");
    ASSERT_STR(str_sub(STR("abcd"), 3, 1), "");
    ASSERT_STR(str_sub(STR("abcd"), 99, 99), "");
    assert_null(str_sub(STR_NONE, 0, 3).ptr);
    ASSERT_STR(str_trim(STR(" \ta b\t "), " \t"), "a b");
    ASSERT_STR(str_trim(STR("   "), " "), "");
    ASSERT_STR(str_trim(STR_NONE, " "), "");

    struct str rest = STR("a,,b");
    ASSERT_STR(str_cut(&rest, ','), "a");
    ASSERT_STR(str_cut(&rest, ','), "");
    ASSERT_STR(str_cut(&rest, ','), "b");
    assert_null(rest.ptr);
    ASSERT_STR(str_cut(&rest, ','), "");
    struct str ends = STR("a,");
    ASSERT_STR(str_cut(&ends, ','), "a");
    assert_non_null(ends.ptr); /* an empty last piece is told from none */
    ASSERT_STR(ends, "");
}

static void test_numbers(void **state)
{
    (void)state;
    uint64_t v = 7;
    assert_int_equal(str_to_u64(STR("0"), &v), ERR_OK);
    assert_true(v == 0);
    assert_int_equal(str_to_u64(STR("18446744073709551615"), &v), ERR_OK);
    assert_true(v == UINT64_MAX);
    assert_int_equal(str_to_u64(STR("007"), &v), ERR_OK);
    assert_true(v == 7);
    assert_int_equal(str_to_u64(STR("18446744073709551616"), &v), ERR_LIMIT);
    assert_int_equal(str_to_u64(STR("99999999999999999999999"), &v), ERR_LIMIT);
    assert_int_equal(str_to_u64(STR("99999999999999999999999x"), &v), ERR_SYNTAX);
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1e2", "\xD9\xA1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(str_to_u64(str_from(bad[i]), &v), ERR_SYNTAX);
    }
    assert_int_equal(str_to_u64(STR("1\0"), &v), ERR_SYNTAX);
    assert_true(v == 7); /* refusals change nothing */
}

static void test_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "plain ascii, longer than eight",
        "\xC2\x80",
        "\xDF\xBF",
        "\xE0\xA0\x80",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80",
        "\xF4\x8F\xBF\xBF",
        "12345678\xC3\xA9",
        "1234567\xF0\x9F\x98\x80",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(str_is_utf8(str_from(good[i])));
    }
    static const char *const bad[] = {
        "\x80",
        "\xC0\xAF",
        "\xC1\xBF",
        "\xC2",
        "\xC2\x41",
        "\xE0\x9F\xBF",
        "\xE2\x82",
        "\xE2\x41\x80",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xF0\x8F\xBF\xBF",
        "\xF0\x9F\x98",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFE",
        "\xFF",
        "12345678\xFF",
        "12345678\xE2\x82",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(str_is_utf8(str_from(bad[i])));
    }
    assert_int_equal(str_utf8_step(STR_NONE), 0);
    assert_int_equal(str_utf8_step(STR("\xE2\x82\xAC"
                                       "x")),
                     3);
}

static bool is_utf8_step_by_step(struct str s)
{
    while (s.len > 0) {
        size_t step = str_utf8_step(s);
        if (step == 0) {
            return false;
        }
        s = str_sub(s, step, s.len);
    }
    return true;
}

/* Any four of the bytes that matter, where blocks of 32 meet and at the end. */
static void test_utf8_in_long_texts(void **state)
{
    (void)state;
    static const unsigned char bytes[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f,
                                          0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0,
                                          0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff};
    static const size_t places[] = {0, 29, 30, 31, 32, 61, 62, 63, 66};
    const size_t count = sizeof(bytes);
    char text[70];
    for (size_t i = 0; i < count * count * count * count; i++) {
        const char four[] = {(char)bytes[i % count], (char)bytes[i / count % count],
                             (char)bytes[i / count / count % count],
                             (char)bytes[i / count / count / count]};
        size_t at = places[i % (sizeof(places) / sizeof(places[0]))];
        memset(text, 'x', sizeof(text));
        memcpy(text + at, four, sizeof(four));
        bool is_right = is_utf8_step_by_step((struct str){four, sizeof(four)});
        /* What is behind is ASCII, so it cannot make four bytes right that were wrong. */
        assert_int_equal(str_is_utf8((struct str){text, sizeof(text)}), is_right);
        struct str cut = {text, at + 3 < 64 ? 64 : at + 3};
        assert_int_equal(str_is_utf8(cut), is_utf8_step_by_step(cut));
        struct str shorter = {text, 40};
        assert_int_equal(str_is_utf8(shorter), is_utf8_step_by_step(shorter));
    }
    for (size_t at = 0; at <= sizeof(text) - 4; at++) {
        memset(text, 'x', sizeof(text));
        memcpy(text + at, "\xf0\x9f\x98\x80", 4);
        for (size_t len = 0; len <= sizeof(text); len++) {
            struct str s = {text, len};
            assert_int_equal(str_is_utf8(s), is_utf8_step_by_step(s));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comparing),
        cmocka_unit_test(test_comparing_every_pair),
        cmocka_unit_test(test_comparing_every_length),
        cmocka_unit_test(test_finding),
        cmocka_unit_test(test_cutting),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_utf8_in_long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
