/* SPDX-License-Identifier: Apache-2.0
 *
 * Arenas: alignment and zeroing, the cap as a refusal and not an end, reset with
 * reuse, resizing in place, lists that grow, and overflowing sizes.
 */
#include "test.h"

static void test_zeroed_and_aligned(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1024 * 1024);
    for (size_t size = 0; size < 100; size++) {
        char *p = arena_alloc(&a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(p[i], 0);
        }
        memset(p, 0xAA, size);
    }
    arena_reset(&a);
    char *again = arena_alloc(&a, 64);
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(again[i], 0);
    }
    assert_ptr_not_equal(arena_alloc(&a, 0), arena_alloc(&a, 0));
    arena_fini(&a);
    arena_fini(NULL);
}

static void test_cap_refuses(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 10000);
    assert_non_null(arena_alloc(&a, 5000));
    assert_null(arena_alloc(&a, 9000));
    assert_true(a.is_exhausted);
    assert_true(a.taken_bytes <= 10000);
    assert_non_null(arena_alloc(&a, 100)); /* small ones still fit */
    assert_true(a.is_exhausted);
    arena_reset(&a);
    assert_false(a.is_exhausted);
    assert_int_equal(a.used_bytes, 0);
    assert_non_null(arena_alloc(&a, 5000));
    arena_fini(&a);

    arena_init(&a, 0);
    assert_null(arena_alloc(&a, 1));
    arena_fini(&a);
    arena_init(&a, 40);
    assert_non_null(arena_alloc(&a, 16));
    assert_null(arena_alloc(&a, 16));
    arena_fini(&a);
}

static void test_sizes_that_overflow(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, SIZE_MAX);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 20));
    assert_null(arena_array(&a, SIZE_MAX / 2, 3));
    assert_null(arena_array(&a, (size_t)1 << 33, (size_t)1 << 33));
    assert_non_null(arena_array(&a, 0, 8));
    arena_fini(&a);
}

static void test_reset_keeps_one_block(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 16 * 1024 * 1024);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++) {
            assert_non_null(arena_alloc(&a, 1000));
        }
        assert_non_null(arena_alloc(&a, 3 * 1024 * 1024));
        arena_reset(&a);
        assert_true(a.taken_bytes <= 64 * 1024);
    }
    arena_fini(&a);
}

static void test_resize(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64 * 1024);
    char *p = arena_alloc_raw(&a, 100);
    memcpy(p, "0123456789", 10);
    assert_ptr_equal(arena_resize(&a, p, 100, 1000), p);
    assert_ptr_equal(arena_resize(&a, p, 1000, 10), p);
    char *q = arena_alloc(&a, 1);
    char *moved = arena_resize(&a, p, 10, 500);
    assert_ptr_not_equal(moved, p);
    assert_memory_equal(moved, "0123456789", 10);
    assert_ptr_equal(arena_resize(&a, q, 1, 1), q);
    assert_null(arena_resize(&a, moved, 500, 1024 * 1024));
    assert_memory_equal(moved, "0123456789", 10);
    assert_non_null(arena_resize(&a, moved, 500, 0)); /* given back */
    assert_ptr_equal(arena_alloc(&a, 16), moved);
    assert_non_null(arena_resize(&a, NULL, 0, 32));
    arena_fini(&a);
}

static void test_a_list_grows(void **state)
{
    (void)state;
    struct arena a;
    size_t capacity = 0;
    arena_init(&a, 1024 * 1024);
    uint32_t *list = arena_grow(&a, NULL, &capacity, 1, sizeof(*list));
    assert_int_equal(capacity, 8);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(list[i], 0);
        list[i] = i;
    }
    assert_ptr_equal(arena_grow(&a, list, &capacity, 8, sizeof(*list)), list);
    memset(arena_alloc(&a, 64), 0xAA, 64); /* it is not the last any more: it moves */
    uint32_t *moved = arena_grow(&a, list, &capacity, 9, sizeof(*list));
    assert_ptr_not_equal(moved, list);
    assert_int_equal(capacity, 16);
    assert_int_equal(moved[7], 7);
    assert_int_equal(moved[8] | moved[15], 0);
    moved = arena_grow(&a, moved, &capacity, 1000, sizeof(*list));
    assert_int_equal(capacity, 1000);
    assert_int_equal(moved[7], 7);
    assert_int_equal(moved[8] | moved[999], 0);
    assert_null(arena_grow(&a, moved, &capacity, SIZE_MAX / 2, sizeof(*list)));
    assert_true(a.is_exhausted);
    assert_null(arena_grow(&a, moved, &capacity, 1024 * 1024, sizeof(*list)));
    assert_int_equal(capacity, 1000);
    assert_int_equal(moved[7], 7);
    arena_fini(&a);
}

static void test_strings(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 16 * 1024);
    struct str s = arena_str(&a, STR("a\0b"));
    ASSERT_STR(s, "a\0b");
    assert_int_equal(s.ptr[3], '\0');
    assert_non_null(arena_str(&a, STR_NONE).ptr);
    ASSERT_STR(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    ASSERT_STR(arena_printf(&a, "%s", ""), "");
    assert_null(arena_printf(&a, "%*d", 20000, 1).ptr);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_and_aligned),
        cmocka_unit_test(test_cap_refuses),
        cmocka_unit_test(test_sizes_that_overflow),
        cmocka_unit_test(test_reset_keeps_one_block),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_a_list_grows),
        cmocka_unit_test(test_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
