/* SPDX-License-Identifier: Apache-2.0
 *
 * Span edits: write a body again with some byte ranges replaced and every other
 * byte untouched, so that what was checked is what is sent (catalogue D 90).
 * Overlapping edits are our mistake and are refused whole. Where they must be sorted
 * first, the copy lives on the heap for the length of the call, because the caller may
 * have no arena. Any thread.
 */
#include <stdlib.h>

#include "llm_private.h"

#define FEW_EDITS 8U
#define FRONT_BYTES_MAX 4096U /* more is copied once, with the rest behind it */

static bool is_sorted(const struct llm_edit *edits, size_t count);
static enum err apply_sorted(struct buf *out, struct str body, const struct llm_edit *edits,
                             size_t count);
static void sort_edits(struct llm_edit *edits, size_t count);
static int compare_edits(const void *left, const void *right);

enum err llm_edits_apply(struct buf *out, struct str body, const struct llm_edit *edits,
                         size_t edits_count)
{
    if (is_sorted(edits, edits_count)) { /* as they mostly are */
        return apply_sorted(out, body, edits, edits_count);
    }
    struct llm_edit *sorted = calloc(edits_count, sizeof(*sorted));
    if (sorted == NULL) {
        return ERR_MEMORY;
    }
    memcpy(sorted, edits, edits_count * sizeof(*sorted));
    sort_edits(sorted, edits_count);
    enum err err = apply_sorted(out, body, sorted, edits_count);
    free(sorted);
    return err;
}

static bool is_sorted(const struct llm_edit *edits, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (compare_edits(&edits[i - 1], &edits[i]) > 0) {
            return false;
        }
    }
    return true;
}

static enum err apply_sorted(struct buf *out, struct str body, const struct llm_edit *edits,
                             size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        struct json_span span = edits[i].span;
        if (span.from < at || span.to < span.from || span.to > body.len) {
            return ERR_INTERNAL;
        }
        buf_add(out, str_sub(body, at, span.from));
        buf_add(out, edits[i].with);
        at = span.to;
    }
    buf_add(out, str_sub(body, at, body.len));
    return out->err;
}

enum err llm_edits_apply_in(struct arena *a, struct str body, const struct llm_edit *edits,
                            size_t edits_count, struct str *ret_front, struct str *ret_rest)
{
    struct llm_edit sorted[FEW_EDITS];
    size_t at = 0, len = 0;
    ASSERT(edits_count <= FEW_EDITS);
    memcpy(sorted, edits, edits_count * sizeof(*sorted));
    sort_edits(sorted, edits_count);
    for (size_t i = 0; i < edits_count; i++) {
        struct json_span span = sorted[i].span;
        if (span.from < at || span.to < span.from || span.to > body.len) {
            return ERR_INTERNAL;
        }
        len += span.from - at + sorted[i].with.len;
        at = span.to;
    }
    bool is_front = at <= FRONT_BYTES_MAX;
    *ret_rest = is_front ? str_sub(body, at, body.len) : STR("");
    len += is_front ? 0 : body.len - at;
    char *text = arena_alloc_raw(a, len);
    if (text == NULL) {
        return ERR_LIMIT;
    }
    *ret_front = (struct str){text, len};
    at = 0;
    for (size_t i = 0; i < edits_count; i++) {
        text = str_put(text, str_sub(body, at, sorted[i].span.from));
        text = str_put(text, sorted[i].with);
        at = sorted[i].span.to;
    }
    if (!is_front) {
        str_put(text, str_sub(body, at, body.len));
    }
    return ERR_OK;
}

static void sort_edits(struct llm_edit *edits, size_t count)
{
    if (count > 1) {
        qsort(edits, count, sizeof(*edits), compare_edits);
    }
}

/* By place; an insertion (empty span) goes before a replacement that begins there. */
static int compare_edits(const void *left, const void *right)
{
    const struct llm_edit *a = left;
    const struct llm_edit *b = right;
    if (a->span.from != b->span.from) {
        return a->span.from < b->span.from ? -1 : 1;
    }
    if (a->span.to != b->span.to) {
        return a->span.to < b->span.to ? -1 : 1;
    }
    return 0;
}
