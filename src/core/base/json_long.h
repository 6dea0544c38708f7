/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of base: long strings of a JSON text, which we read ourselves, so that
 * yyjson, which goes byte by byte, is given little more than the structure. Of
 * most requests and answers they are nearly everything.
 */
#ifndef PORTCULLIS_BASE_JSON_LONG_H
#define PORTCULLIS_BASE_JSON_LONG_H

#include "portcullis/base.h"

/* A long string: yyjson sees "" in its place. Offsets fit because no text of 2 GiB or
 * more is taken apart. */
struct json_long {
    yyjson_val *value;     /* its string; NULL until json_long_put */
    uint32_t from, to;     /* in the original, quotes included */
    uint32_t said;         /* where in the copy what it says begins */
    uint32_t removed;      /* bytes that yyjson does not see, this string's and all before */
    uint32_t len : 31;     /* of what it says */
    uint32_t is_plain : 1; /* without escapes: what yyjson says by a subtype */
};

/* Writes doc->text into doc->copy, which has room for it and yyjson's padding: first what
 * long strings say, then, at doc->shortened and *ret_len bytes long, the text with nothing
 * between their quotes, and that padding. doc->longs lists them, in the arena.
 * False: something about one of them is wrong, or there is no memory to list them; then
 * the copy is of no use, and the parser has to read the whole text. */
bool json_long_take(struct arena *a, struct json_doc *doc, size_t *ret_len);

/* The `count` values of doc->root were read from the shortened text: gives long strings
 * to those that have "" for them. */
void json_long_put(struct json_doc *doc, size_t count);

#endif
