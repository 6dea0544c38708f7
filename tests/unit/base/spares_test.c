/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that goes from buffer to buffer: last given first taken, never what a buffer may
 * not have, never more than there is room for.
 */
#include "portcullis/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void filled(struct buf *b, size_t bytes)
{
    buf_init(b, 1u << 20);
    assert_non_null(buf_reserve(b, bytes));
    buf_add(b, STR("abc"));
}

static void test_last_given_first_taken(void **state)
{
    static struct buf_spares s;
    struct buf a, b;
    (void)state;
    filled(&a, 1000);
    filled(&b, 1000);
    char *of_a = a.ptr, *of_b = b.ptr;
    b.err = ERR_LIMIT;
    buf_give_spare(&s, &a);
    buf_give_spare(&s, &b);
    assert_null(a.ptr);
    assert_int_equal(b.len + b.capacity, 0);
    assert_int_equal(b.err, ERR_OK);
    assert_int_equal(b.bytes_max, 1u << 20);
    buf_take_spare(&s, &a);
    buf_take_spare(&s, &b);
    assert_ptr_equal(a.ptr, of_b);
    assert_ptr_equal(b.ptr, of_a);
    assert_int_equal(a.len, 0);
    buf_add(&a, STR("de"));
    assert_true(str_eq(buf_str(&a), STR("de")));
    assert_ptr_equal(a.ptr, of_b);
    assert_int_equal(s.count, 0);
    buf_take_spare(&s, &a); /* has memory: keeps it */
    assert_true(str_eq(buf_str(&a), STR("de")));
    buf_give_spare(&s, &a);
    buf_take_spare(&s, &b);
    assert_int_equal(s.count, 1); /* b had its own */
    buf_fini(&b);
    buf_spares_fini(&s);
    assert_int_equal(s.count, 0);
}

static void test_what_is_not_kept(void **state)
{
    static struct buf_spares s;
    struct buf b;
    (void)state;
    filled(&b, 40000); /* too large */
    buf_give_spare(&s, &b);
    assert_null(b.ptr);
    assert_int_equal(s.count, 0);
    for (unsigned i = 0; i <= BUF_SPARES_MAX; i++) {
        filled(&b, 10);
        buf_give_spare(&s, &b);
        assert_null(b.ptr);
    }
    assert_int_equal(s.count, BUF_SPARES_MAX);
    buf_give_spare(&s, &b); /* has none */
    assert_int_equal(s.count, BUF_SPARES_MAX);
    buf_init(&b, 100); /* may not have so much */
    buf_take_spare(&s, &b);
    assert_null(b.ptr);
    assert_int_equal(s.count, BUF_SPARES_MAX);
    buf_spares_fini(&s);
}

static void test_without_spares(void **state)
{
    struct buf b;
    (void)state;
    filled(&b, 10);
    buf_give_spare(NULL, &b);
    assert_null(b.ptr);
    buf_take_spare(NULL, &b);
    assert_null(b.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_given_first_taken),
        cmocka_unit_test(test_what_is_not_kept),
        cmocka_unit_test(test_without_spares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
