/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading long strings of a JSON text: see json_long.h. They are looked for as long as
 * there are enough of them; between them there is hardly anything to do for a byte.
 *
 * What stands outside of strings is not judged here: yyjson reads all of it and refuses a
 * backslash there, behind which quotes would be counted wrongly. What is inside is
 * judged exactly as yyjson does, and if anything is wrong yyjson reads all of it once
 * more and says so: nothing is refused here.
 */
#include "json_long.h"
#include "json_marks.h"

#define LISTED_FIRST 8U
#define VAIN_BYTES_MAX 512 /* and as much as long strings had: then no more are looked for */

static bool list(struct arena *a, struct json_doc *doc, size_t *capacity, struct json_long item);
static const char *limit_of(const struct json_doc *doc, size_t removed);
static size_t shorten(const struct json_doc *doc, char *to);

bool json_long_take(struct arena *a, struct json_doc *doc, size_t *ret_len)
{
    if (doc->text.len == 0 || doc->text.len > INT32_MAX) {
        return false;
    }
    const char *text = doc->text.ptr;
    const char *end = text + doc->text.len;
    char *copy = (char *)(uintptr_t)doc->copy;
    char *to = copy; /* never further in the copy than `open` in the text */
    size_t capacity = 0;
    size_t removed = 0;
    struct json_content c;
    bool is_wide = cpu_has_avx2();
    const char *at = text;
    const char *open;
    while ((open = json_find_open(at, limit_of(doc, removed), is_wide)) != NULL) {
        c.from = open + 1;
        if (!json_read_string(&c, end, to, is_wide)) {
            return false;
        }
        at = c.to + 1;
        size_t len = (size_t)(c.to - c.from);
        if (c.has_high && !str_is_utf8((struct str){c.from, len})) {
            return false;
        }
        removed += len;
        struct json_long item = {.from = (uint32_t)(open - text),
                                 .to = (uint32_t)(c.to + 1 - text),
                                 .said = (uint32_t)(to - copy),
                                 .removed = (uint32_t)removed,
                                 .len = (uint32_t)c.len & INT32_MAX,
                                 .is_plain = !c.has_escape};
        if (!list(a, doc, &capacity, item)) {
            return false;
        }
        to += c.len;
    }
    doc->shortened = to;
    *ret_len = shorten(doc, to);
    return true;
}

/* Up to where long strings are looked for if no other comes. */
static const char *limit_of(const struct json_doc *doc, size_t removed)
{
    size_t limit = VAIN_BYTES_MAX + 2 * removed;
    return doc->text.ptr + (limit < doc->text.len ? limit : doc->text.len);
}

/* Not by arena_grow, which clears what it gives. */
static bool list(struct arena *a, struct json_doc *doc, size_t *capacity, struct json_long item)
{
    if (doc->longs_count == *capacity) {
        size_t more = *capacity == 0 ? LISTED_FIRST : 2 * *capacity;
        struct json_long *grown =
            arena_resize(a, doc->longs, *capacity * sizeof(item), more * sizeof(item));
        if (grown == NULL) {
            return false;
        }
        doc->longs = grown;
        *capacity = more;
    }
    doc->longs[doc->longs_count++] = item;
    return true;
}

/* Returns how long it is without the padding. */
static size_t shorten(const struct json_doc *doc, char *to)
{
    char *at = to;
    size_t kept = 0;
    for (size_t i = 0; i < doc->longs_count; i++) {
        size_t len = doc->longs[i].from + 1 - kept;
        memcpy(at, doc->text.ptr + kept, len);
        at += len;
        kept = doc->longs[i].to - 1;
    }
    memcpy(at, doc->text.ptr + kept, doc->text.len - kept);
    at += doc->text.len - kept;
    memset(at, 0, YYJSON_PADDING_SIZE);
    return (size_t)(at - to);
}

void json_long_put(struct json_doc *doc, size_t count)
{
    const yyjson_val *end = doc->root + count;
    yyjson_val *v = doc->root;
    size_t removed = 0;
    for (size_t i = 0; i < doc->longs_count; i++) {
        struct json_long *l = &doc->longs[i];
        const char *empty = doc->shortened + l->from - removed + 1; /* behind its first quote */
        while (v < end && (v->uni.str != empty || (v->tag & YYJSON_TYPE_MASK) != YYJSON_TYPE_STR)) {
            v++;
        }
        ASSERT(v < end); /* every string of the text has a value, in the same order */
        removed = l->removed;
        v->tag = (uint64_t)l->len << YYJSON_TAG_BIT | YYJSON_TYPE_STR |
                 (l->is_plain ? YYJSON_SUBTYPE_NOESC : YYJSON_SUBTYPE_NONE);
        v->uni.str = doc->copy + l->said;
        l->value = v++;
    }
}
