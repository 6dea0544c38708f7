/* SPDX-License-Identifier: Apache-2.0
 *
 * A list on the heap that grows: to twice its room, from about a kilobyte, up to a bound
 * that its owner states. What it holds stays the owner's to free. Lists that live as long
 * as an arena grow there (arena_grow).
 */
#include <portcullis/base.h>

#include <stdlib.h>

#define FIRST_BYTES 1024U
#define FIRST_ITEMS 4U

void *list_grow(void *items, size_t *capacity, size_t need, size_t items_max, size_t item_size)
{
    if (need <= *capacity) {
        return items;
    }
    size_t first = FIRST_BYTES / item_size;
    size_t more = *capacity == 0 ? (first > FIRST_ITEMS ? first : FIRST_ITEMS) : 2 * *capacity;
    more = more < need ? need : more;
    more = more > items_max ? items_max : more;
    if (more < need || more > SIZE_MAX / item_size) {
        return NULL;
    }
    void *grown = realloc(items, more * item_size);
    if (grown != NULL) {
        *capacity = more;
    }
    return grown;
}
