/* SPDX-License-Identifier: Apache-2.0
 *
 * The map: growth from nothing, keys with NUL bytes and the empty key, conflict
 * instead of replacement, and an arena that has no more room.
 */
#include "test.h"

static void test_many_keys(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 4 * 1024 * 1024);
    struct map m;
    assert_int_equal(map_init(&m, &a, 0), ERR_OK);
    assert_null(map_get(&m, STR("k")));
    static int values[5000];
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(map_put(&m, &a, arena_printf(&a, "key-%d", i), &values[i]), ERR_OK);
    }
    assert_int_equal(m.count, 5000);
    for (int i = 0; i < 5000; i++) {
        assert_ptr_equal(map_get(&m, arena_printf(&a, "key-%d", i)), &values[i]);
    }
    assert_null(map_get(&m, STR("key-5000")));
    assert_null(map_get(&m, STR("key-")));
    arena_fini(&a);
}

static void test_odd_keys(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64 * 1024);
    struct map m;
    int one;
    int two;
    int three;
    assert_int_equal(map_init(&m, &a, 3), ERR_OK);
    assert_int_equal(map_put(&m, &a, STR(""), &one), ERR_OK);
    assert_int_equal(map_put(&m, &a, STR("model"), &two), ERR_OK);
    assert_int_equal(map_put(&m, &a, STR("model\0"), &three), ERR_OK);
    assert_int_equal(map_put(&m, &a, STR("model"), &one), ERR_CONFLICT);
    assert_int_equal(map_put(&m, &a, STR_NONE, &two), ERR_CONFLICT);
    assert_ptr_equal(map_get(&m, STR("model")), &two);
    assert_ptr_equal(map_get(&m, STR("model\0")), &three);
    assert_ptr_equal(map_get(&m, STR_NONE), &one);
    assert_null(map_get(&m, STR("Model")));
    arena_fini(&a);
}

static void test_no_room(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1024);
    struct map m;
    assert_int_equal(map_init(&m, &a, 1000), ERR_LIMIT);
    assert_int_equal(map_init(&m, &a, SIZE_MAX), ERR_LIMIT);
    assert_int_equal(map_init(&m, &a, 6), ERR_OK);
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(map_put(&m, &a, str_from(keys[i]), &m), ERR_OK);
    }
    assert_non_null(arena_alloc(&a, 512));
    assert_int_equal(map_put(&m, &a, STR("g"), &m), ERR_LIMIT);
    assert_ptr_equal(map_get(&m, STR("f")), &m); /* what was there is there */
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_odd_keys),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
