/* SPDX-License-Identifier: Apache-2.0
 *
 * What every unit test includes: cmocka with the headers it wants in front, and
 * comparison of struct str with a literal. Nothing else belongs here; a helper
 * of one room stands in that room's test. It has no door and owns nothing.
 */
#ifndef PORTCULLIS_TEST_H
#define PORTCULLIS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "portcullis/base.h"

/* `s` (struct str) holds exactly the bytes of `literal`. */
#define ASSERT_STR(s, literal)                                                                     \
    do {                                                                                           \
        struct str test_str_ = (s);                                                                \
        assert_int_equal(test_str_.len, sizeof(literal) - 1);                                      \
        if (sizeof(literal) > 1) {                                                                 \
            assert_memory_equal(test_str_.ptr, literal, sizeof(literal) - 1);                      \
        }                                                                                          \
    } while (0)

#endif
