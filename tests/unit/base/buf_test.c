/* SPDX-License-Identifier: Apache-2.0
 *
 * Buffers: the maximum is exact, the first error sticks and stops everything
 * behind it, moving keeps the bytes wherever they do not fit.
 */
#include "test.h"

static void test_maximum_is_exact(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    assert_null(b.ptr);
    for (int i = 0; i < 1000; i++) {
        buf_add_byte(&b, 'x');
    }
    assert_int_equal(b.err, ERR_OK);
    assert_int_equal(b.len, 1000);
    assert_true(b.capacity <= 1000);
    buf_add_byte(&b, 'y');
    assert_int_equal(b.err, ERR_LIMIT);
    assert_int_equal(b.len, 1000);
    buf_consume(&b, 500);
    buf_add(&b, STR("z")); /* the error sticks even where there is room */
    assert_int_equal(b.len, 500);
    buf_clear(&b);
    buf_add(&b, STR("z"));
    ASSERT_STR(buf_str(&b), "z");
    buf_wipe(&b); /* gone like buf_fini: it can be filled again, up to the same maximum */
    assert_null(b.ptr);
    assert_int_equal(b.bytes_max, 1000);
    buf_add(&b, STR("w"));
    ASSERT_STR(buf_str(&b), "w");
    buf_fini(&b);
    buf_fini(NULL);
    buf_wipe(NULL);
}

static void test_zero_maximum(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    buf_add(&b, STR(""));
    assert_int_equal(b.err, ERR_OK);
    buf_add(&b, STR("a"));
    assert_int_equal(b.err, ERR_LIMIT);
    buf_fini(&b);
}

static void test_parts(void **state)
{
    (void)state;
    static const struct str parts[] = {STR_INIT("ab"), {NULL, 0}, STR_INIT("cde")};
    struct buf b;
    buf_init(&b, 9);
    buf_add_parts(&b, parts, 0);
    buf_add_parts(&b, parts, 3);
    ASSERT_STR(buf_str(&b), "abcde");
    buf_add_parts(&b, parts, 3);
    assert_int_equal(b.err, ERR_LIMIT);
    ASSERT_STR(buf_str(&b), "abcde");
    buf_fini(&b);
}

static void test_printing(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 5000);
    buf_add_u64(&b, 0);
    buf_add_byte(&b, ' ');
    buf_add_u64(&b, UINT64_MAX);
    buf_printf(&b, " %s=%d", "a", -1);
    ASSERT_STR(buf_str(&b), "0 18446744073709551615 a=-1");
    buf_clear(&b);
    buf_printf(&b, "%4000d", 5);
    assert_int_equal(b.len, 4000);
    buf_clear(&b);
    buf_printf(&b, "%5000d", 5); /* no room is needed for the NUL */
    assert_int_equal(b.err, ERR_OK);
    buf_printf(&b, "%d", 5);
    assert_int_equal(b.err, ERR_LIMIT);
    buf_fini(&b);
}

static void test_reserve_and_commit(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 64);
    memcpy(buf_reserve(&b, 3), "abc", 3);
    assert_int_equal(b.len, 0);
    buf_commit(&b, 2);
    ASSERT_STR(buf_str(&b), "ab");
    assert_non_null(buf_reserve(&b, 62));
    assert_null(buf_reserve(&b, 63));
    assert_int_equal(b.err, ERR_LIMIT);
    buf_clear(&b);
    assert_null(buf_reserve(&b, SIZE_MAX));
    buf_fini(&b);
}

static void test_consume(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 64);
    buf_add(&b, STR("hello"));
    buf_consume(&b, 0);
    buf_consume(&b, 2);
    ASSERT_STR(buf_str(&b), "llo");
    buf_consume(&b, 3);
    assert_int_equal(b.len, 0);
    buf_fini(&b);
}

static void test_moving(void **state)
{
    (void)state;
    struct buf a;
    struct buf b;
    buf_init(&a, 1000);
    buf_init(&b, 1000);
    buf_add(&b, STR("two"));
    const char *memory = b.ptr;
    buf_move(&a, &b);
    assert_ptr_equal(a.ptr, memory);
    assert_int_equal(b.len, 0);
    buf_add(&b, STR("three"));
    buf_move(&a, &b);
    ASSERT_STR(buf_str(&a), "twothree");
    assert_int_equal(b.len, 0);

    struct buf small;
    buf_init(&small, 4);
    buf_move(&small, &a);
    assert_int_equal(small.err, ERR_LIMIT);
    ASSERT_STR(buf_str(&a), "twothree");
    buf_move(&b, &small); /* an error travels on */
    assert_int_equal(b.err, ERR_LIMIT);
    buf_fini(&a);
    buf_fini(&b);
    buf_fini(&small);
}

static void test_replacing(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_true(buf_replace(&b, 0, 0, STR("")));
    buf_add(&b, STR("abcdef"));
    assert_true(buf_replace(&b, 2, 2, STR("XYZ")));
    ASSERT_STR(buf_str(&b), "abXYZef");
    assert_true(buf_replace(&b, 0, 5, STR("")));
    ASSERT_STR(buf_str(&b), "ef");
    assert_true(buf_replace(&b, 2, 0, STR("gh")));
    assert_true(buf_replace(&b, 0, 0, STR("abcd")));
    ASSERT_STR(buf_str(&b), "abcdefgh");
    assert_true(buf_replace(&b, 7, 1, STR("GHI"))); /* the maximum is exact */
    ASSERT_STR(buf_str(&b), "abcdefgGHI");
    assert_false(buf_replace(&b, 3, 1, STR("12")));
    ASSERT_STR(buf_str(&b), "abcdefgGHI");
    assert_int_equal(b.err, ERR_OK);
    assert_true(buf_replace(&b, 3, 2, STR("12")));
    ASSERT_STR(buf_str(&b), "abc12fgGHI");
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maximum_is_exact), cmocka_unit_test(test_zero_maximum),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_printing),         cmocka_unit_test(test_reserve_and_commit),
        cmocka_unit_test(test_consume),          cmocka_unit_test(test_moving),
        cmocka_unit_test(test_replacing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
