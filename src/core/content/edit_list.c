/* SPDX-License-Identifier: Apache-2.0
 *
 * The edits of one unit, kept apart and in order while findings come: what overlaps becomes
 * one. Short lists lie in the exchange's arena, long ones on the heap, where growing copies
 * nothing that stays behind; the queue knows them and frees them.
 */
#include <stdlib.h>

#include "run.h"

#define LARGE_LIST 4096U /* edits; longer ones are on the heap */

static enum err grow(struct content_check *k, struct edit_list *list);

enum err edit_add(struct content_check *k, struct edit_list *list, const struct scan_edit *edit)
{
    size_t at = list->count;
    while (at > 0 && list->items[at - 1].start > edit->start) {
        at--;
    }
    size_t from = at > 0 && list->items[at - 1].end > edit->start ? at - 1 : at;
    size_t to = at;
    while (to < list->count && list->items[to].start < edit->end) {
        to++;
    }
    struct scan_edit all = *edit;
    for (size_t i = from; i < to; i++) {
        const struct scan_edit *old = &list->items[i];
        all.text = i == from ? old->text : all.text;
        all.start = old->start < all.start ? old->start : all.start;
        all.end = old->end > all.end ? old->end : all.end;
    }
    if (from == to && list->count == list->capacity) {
        TRY(grow(k, list));
    }
    /* [from, to) becomes one. */
    memmove(list->items + from + 1, list->items + to, (list->count - to) * sizeof(list->items[0]));
    list->count = list->count - (to - from) + 1;
    list->items[from] = all;
    return ERR_OK;
}

static enum err grow(struct content_check *k, struct edit_list *list)
{
    size_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
    size_t bytes = list->capacity * sizeof(list->items[0]);
    bool is_large = capacity > LARGE_LIST;
    size_t findings = k->recognition != NULL ? k->recognition->all.count : k->queue->found.count;
    if (is_large && capacity < findings) {
        capacity = findings; /* of the unit under way: room for all of them, no more copies */
    }
    bool was_large = list->capacity > LARGE_LIST;
    struct scan_edit *grown =
        is_large ? realloc(was_large ? list->items : NULL, capacity * sizeof(*grown))
                 : arena_resize(k->arena, list->items, bytes, capacity * sizeof(*grown));
    if (grown == NULL) {
        return ERR_MEMORY;
    }
    if (is_large && !was_large) {
        memcpy(grown, list->items, bytes);
        list->next_large = k->queue->large;
        k->queue->large = list;
    }
    list->items = grown;
    list->capacity = capacity;
    return ERR_OK;
}

void edit_lists_free(struct queue *q)
{
    for (; q->large != NULL; q->large = q->large->next_large) {
        free(q->large->items);
        q->large->items = NULL;
    }
}
