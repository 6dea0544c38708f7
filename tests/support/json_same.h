/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON door against the parser behind it: yyjson alone, given the whole text, must
 * accept what json_parse accepts and say the same, value by value and bit by bit; what it
 * refuses must be refused at the same byte. Only names that are there twice or have NUL in
 * them, nesting and size are refused by the door alone. And every string stands in the text
 * where its span says. What the form of a document says of it, and of
 * others, must be the same once more.
 */
#ifndef PORTCULLIS_TESTS_JSON_SAME_H
#define PORTCULLIS_TESTS_JSON_SAME_H

#include <stdlib.h>

#include "../../src/core/base/json_form.h"
#include "portcullis/base.h"

/* NULL, or what is not the same. */
static inline const char *json_same_spans(const struct json_doc *doc, size_t count)
{
    size_t behind = 0;
    for (yyjson_val *v = doc->root; v < doc->root + count; v++) {
        if (!yyjson_is_str(v)) {
            continue;
        }
        struct json_span span = json_span_of_string(doc, v);
        if (span.from < behind || span.to <= span.from || span.to > doc->text.len) {
            return "a span is not behind the one before";
        }
        behind = span.to;
        yyjson_doc *alone = yyjson_read(doc->text.ptr + span.from, span.to - span.from, 0);
        bool is_same = alone != NULL && yyjson_equals(yyjson_doc_get_root(alone), v);
        yyjson_doc_free(alone);
        if (!is_same) {
            return "a span is not that of its string";
        }
    }
    return NULL;
}

static inline const char *json_same_values(const yyjson_val *a, const yyjson_val *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i].tag != b[i].tag) {
            return "a value's type, subtype or length differs";
        }
        bool is_str = (a[i].tag & YYJSON_TYPE_MASK) == YYJSON_TYPE_STR;
        size_t len = (size_t)(a[i].tag >> YYJSON_TAG_BIT);
        if (is_str ? len > 0 && memcmp(a[i].uni.str, b[i].uni.str, len) != 0
                   : (a[i].tag & YYJSON_TYPE_MASK) >= YYJSON_TYPE_NUM &&
                         a[i].uni.u64 != b[i].uni.u64) {
            return "a value differs";
        }
    }
    return NULL;
}

/* The text read by the form of another, or of its own: NULL, or what is not the same. */
static inline const char *json_same_form(struct arena *a, const struct json_form *form,
                                         struct str text, bool *ret_is_read)
{
    struct json_doc doc, formed;
    *ret_is_read = json_form_read(form, a, text, &json_limits_default, &formed);
    if (!*ret_is_read) {
        return NULL;
    }
    if (json_parse(a, text, &json_limits_default, &doc, NULL) != ERR_OK) {
        return "accepted by the form alone";
    }
    size_t count = (size_t)(unsafe_yyjson_get_next(doc.root) - doc.root);
    if ((size_t)(unsafe_yyjson_get_next(formed.root) - formed.root) != count) {
        return "not as many values by the form";
    }
    const char *wrong = json_same_values(formed.root, doc.root, count);
    for (size_t i = 0; wrong == NULL && i < count; i++) {
        struct json_span one = json_span_of_string(&doc, doc.root + i);
        struct json_span other = json_span_of_string(&formed, formed.root + i);
        wrong = one.from != other.from || one.to != other.to ? "another span by the form" : NULL;
    }
    return wrong;
}

/* By its own form, which needs only numbers that are simple. */
static inline const char *json_same_own_form(struct arena *a, const struct json_doc *doc)
{
    struct json_form *form = malloc(sizeof(*form));
    ASSERT(form != NULL);
    bool is_read = false, is_simple = true;
    const char *wrong = NULL;
    if (json_form_learn(form, doc)) {
        wrong = json_same_form(a, form, doc->text, &is_read);
        for (yyjson_val *v = doc->root; v < unsafe_yyjson_get_next(doc->root); v++) {
            is_simple = is_simple && (!yyjson_is_num(v) ||
                                      (yyjson_is_uint(v) && yyjson_get_uint(v) < 1000000000));
        }
        wrong = wrong == NULL && is_simple && !is_read ? "not of its own form" : wrong;
    }
    free(form);
    return wrong;
}

static inline const char *json_same(struct arena *a, struct str text)
{
    struct json_doc doc;
    struct issue issue;
    yyjson_read_err error = {0};
    char *copy = malloc(text.len + YYJSON_PADDING_SIZE);
    ASSERT(copy != NULL);
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    yyjson_doc *plain = text.len == 0 ? NULL : yyjson_read_opts(copy, text.len, 0, NULL, &error);
    enum err err = json_parse(a, text, &json_limits_default, &doc, &issue);
    const char *wrong = NULL;
    if (plain == NULL) {
        bool has_mark = str_starts(text, STR("\xEF\xBB\xBF"));
        if (err != ERR_SYNTAX) {
            wrong = "accepted by the door alone";
        } else if (issue.offset != (has_mark ? 0 : error.pos)) {
            wrong = "refused at another byte";
        }
    } else if (err == ERR_OK) {
        size_t count = yyjson_doc_get_val_count(plain);
        size_t read = (size_t)(unsafe_yyjson_get_next(doc.root) - doc.root);
        wrong = read != count ? "not as many values"
                              : json_same_values(doc.root, yyjson_doc_get_root(plain), count);
        wrong = wrong == NULL ? json_same_spans(&doc, count) : wrong;
        wrong = wrong == NULL ? json_same_own_form(a, &doc) : wrong;
    } else if (err == ERR_SYNTAX && strstr(issue.message, "duplicate member name") == NULL &&
               strstr(issue.message, "contains NUL") == NULL) {
        wrong = "refused by the door alone";
    }
    yyjson_doc_free(plain);
    free(copy);
    return wrong;
}

#endif
