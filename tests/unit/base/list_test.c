/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists on the heap: room for what is needed and twice as much each time, up to the bound
 * exactly; a refusal leaves list and capacity as they were.
 */
#include "test.h"

#include <stdlib.h>

static void test_room_doubles_up_to_the_bound(void **state)
{
    (void)state;
    size_t capacity = 0;
    uint64_t *list = list_grow(NULL, &capacity, 1, 1000, sizeof(*list));
    assert_non_null(list);
    assert_int_equal(capacity, 128); /* a kilobyte */
    for (size_t i = 0; i < 128; i++) {
        list[i] = i;
    }
    assert_ptr_equal(list_grow(list, &capacity, 128, 1000, sizeof(*list)), list);
    assert_int_equal(capacity, 128);
    list = list_grow(list, &capacity, 129, 1000, sizeof(*list));
    assert_non_null(list);
    assert_int_equal(capacity, 256);
    for (size_t i = 0; i < 128; i++) {
        assert_int_equal(list[i], i);
    }
    list = list_grow(list, &capacity, 900, 1000, sizeof(*list));
    assert_int_equal(capacity, 900);
    list = list_grow(list, &capacity, 1000, 1000, sizeof(*list));
    assert_int_equal(capacity, 1000);
    assert_null(list_grow(list, &capacity, 1001, 1000, sizeof(*list)));
    assert_int_equal(capacity, 1000);
    assert_int_equal(list[127], 127);
    free(list);
}

static void test_large_items_begin_with_four(void **state)
{
    (void)state;
    struct large {
        char bytes[3000];
    };
    size_t capacity = 0;
    struct large *list = list_grow(NULL, &capacity, 1, SIZE_MAX, sizeof(*list));
    assert_non_null(list);
    assert_int_equal(capacity, 4);
    free(list);
    capacity = 0;
    list = list_grow(NULL, &capacity, 1, 2, sizeof(*list));
    assert_non_null(list);
    assert_int_equal(capacity, 2);
    free(list);
}

static void test_more_than_there_can_be_is_refused(void **state)
{
    (void)state;
    size_t capacity = 0;
    assert_null(list_grow(NULL, &capacity, 1, 0, 8));
    assert_null(list_grow(NULL, &capacity, SIZE_MAX / 4, SIZE_MAX, 8));
    assert_int_equal(capacity, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_doubles_up_to_the_bound),
        cmocka_unit_test(test_large_items_begin_with_four),
        cmocka_unit_test(test_more_than_there_can_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
