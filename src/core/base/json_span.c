/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a value stands in the original text, so that an edit replaces exactly its
 * bytes and nothing else is written anew. The parser worked in place, so the start of a
 * string is known from its place in the copy and from what long strings in front of it
 * left out there. Ends are known too, or found by scanning the original, which is known
 * to be valid. Nothing is allocated. A value that is not of this document gives the
 * empty span {0, 0}. Any thread.
 */
#include "json_long.h"

static bool is_of_document(const struct json_doc *doc, const yyjson_val *v);
static const struct json_long *last_long(const struct json_doc *doc, const yyjson_val *v);
static size_t end_of_string(struct str text, size_t from);
static size_t skip_blanks(struct str text, size_t at);
static size_t end_of_value(struct str text, size_t from);
static bool is_blank(char c);

struct json_span json_span_of_string(const struct json_doc *doc, yyjson_val *string)
{
    if (!is_of_document(doc, string)) {
        return (struct json_span){0, 0};
    }
    const struct json_long *before = last_long(doc, string);
    if (before != NULL && before->value == string) {
        return (struct json_span){before->from, before->to};
    }
    size_t from = (size_t)(string->uni.str - doc->shortened) - 1;
    from += before != NULL ? before->removed : 0;
    if ((string->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_NOESC) {
        return (struct json_span){from, from + (size_t)(string->tag >> YYJSON_TAG_BIT) + 2};
    }
    return (struct json_span){from, end_of_string(doc->text, from)};
}

static bool is_of_document(const struct json_doc *doc, const yyjson_val *v)
{
    return v != NULL && v >= doc->root && v < unsafe_yyjson_get_next(doc->root) &&
           (v->tag & YYJSON_TYPE_MASK) == YYJSON_TYPE_STR;
}

/* Values lie in the order of the text: `v` itself or the last long string in front of it. */
static const struct json_long *last_long(const struct json_doc *doc, const yyjson_val *v)
{
    size_t from = 0;
    for (size_t to = doc->longs_count; from < to;) {
        size_t middle = from + (to - from) / 2;
        if (doc->longs[middle].value <= v) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from == 0 ? NULL : &doc->longs[from - 1];
}

/* `from` is the opening quote; returns what is behind the closing one. */
static size_t end_of_string(struct str text, size_t from)
{
    size_t at = from + 1;
    while (at < text.len) {
        const char *quote = memchr(text.ptr + at, '"', text.len - at);
        if (quote == NULL) {
            break;
        }
        size_t end = (size_t)(quote - text.ptr);
        size_t backslashes = 0;
        while (end - backslashes > from + 1 && text.ptr[end - backslashes - 1] == '\\') {
            backslashes++;
        }
        if (backslashes % 2 == 0) {
            return end + 1;
        }
        at = end + 1;
    }
    return text.len;
}

struct json_span json_span_of_member_value(const struct json_doc *doc, yyjson_val *key)
{
    struct json_span name = json_span_of_string(doc, key);
    if (name.to == 0) {
        return name;
    }
    size_t colon = skip_blanks(doc->text, name.to);
    size_t from = skip_blanks(doc->text, colon + 1);
    return (struct json_span){from, end_of_value(doc->text, from)};
}

static size_t skip_blanks(struct str text, size_t at)
{
    while (at < text.len && is_blank(text.ptr[at])) {
        at++;
    }
    return at < text.len ? at : text.len;
}

static size_t end_of_value(struct str text, size_t from)
{
    size_t depth = 0;
    size_t at = from;
    while (at < text.len) {
        char c = text.ptr[at];
        if (c == '"') {
            at = end_of_string(text, at);
            if (depth == 0) {
                return at;
            }
            continue;
        }
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth <= 1) {
                return depth == 1 ? at + 1 : at; /* its own end, or its parent's */
            }
            depth--;
        } else if (depth == 0 && (c == ',' || is_blank(c))) {
            return at;
        }
        at++;
    }
    return at;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct json_span json_span_of_member(const struct json_doc *doc, yyjson_val *key)
{
    struct json_span name = json_span_of_string(doc, key);
    if (name.to == 0) {
        return name;
    }
    size_t to = json_span_of_member_value(doc, key).to;
    size_t behind = skip_blanks(doc->text, to);
    if (behind < doc->text.len && doc->text.ptr[behind] == ',') {
        return (struct json_span){name.from, behind + 1};
    }
    /* The last member: the comma in front goes with it, if there is one. */
    size_t from = name.from;
    while (from > 0 && is_blank(doc->text.ptr[from - 1])) {
        from--;
    }
    bool has_comma = from > 0 && doc->text.ptr[from - 1] == ',';
    return (struct json_span){has_comma ? from - 1 : name.from, to};
}
