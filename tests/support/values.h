/* SPDX-License-Identifier: Apache-2.0
 *
 * The shape of a JSON document, for tests of edits: an edit may change strings, never how
 * many values there are.
 */
#ifndef PORTCULLIS_TEST_VALUES_H
#define PORTCULLIS_TEST_VALUES_H

#include "portcullis/base.h"

static inline size_t count_values(yyjson_val *v)
{
    size_t n = 1;
    size_t i;
    size_t max;
    yyjson_val *key;
    yyjson_val *item;
    if (yyjson_is_arr(v)) {
        yyjson_arr_foreach(v, i, max, item)
        {
            n += count_values(item);
        }
    } else if (yyjson_is_obj(v)) {
        yyjson_obj_foreach(v, i, max, key, item)
        {
            n += count_values(item);
        }
    }
    return n;
}

#endif
