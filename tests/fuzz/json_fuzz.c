/* SPDX-License-Identifier: Apache-2.0
 *
 * Feeds any bytes to the JSON door and checks what other rooms rest on: a
 * refusal names a place inside the input; of an accepted document every string's
 * span stands between quotes in the original, what json_write_val writes is
 * accepted again and writes the same, and cutting a member out leaves JSON. What
 * the parser behind the door says of the whole text must be the same; so that short
 * inputs are about long strings too, it is asked once more with some bytes drawn out.
 */
#include "../support/json_same.h"
#include "portcullis/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_drawn_out(struct arena *a, struct str text);
static void check_changed(struct arena *a, const struct json_doc *doc);
static void check_document(struct arena *a, const struct json_doc *doc);
static void check_strings(const struct json_doc *doc);
static void check_members(struct arena *a, const struct json_doc *doc);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    arena_init(&a, (size_t)64 * 1024 * 1024);
    struct json_doc doc;
    struct issue issue;
    struct str text = {(const char *)data, size};
    enum err err = json_parse(&a, text, &json_limits_default, &doc, &issue);
    if (err == ERR_OK) {
        ASSERT(str_is_utf8(text));
        check_document(&a, &doc);
        check_changed(&a, &doc);
    } else {
        ASSERT(err == ERR_SYNTAX || err == ERR_LIMIT);
        ASSERT(issue.message[0] != '\0');
        ASSERT(issue.offset == UINT64_MAX || issue.offset <= size);
    }
    ASSERT(json_same(&a, text) == NULL);
    arena_fini(&a);
    arena_init(&a, (size_t)64 * 1024 * 1024);
    check_drawn_out(&a, text);
    arena_fini(&a);
    return 0;
}

/* "~" becomes 61 bytes, "^" 130, "`" 6, all plain. */
static void check_drawn_out(struct arena *a, struct str text)
{
    struct buf b;
    buf_init(&b, (size_t)1024 * 1024);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        for (unsigned n = c == '~' ? 61 : c == '^' ? 130 : c == '`' ? 6 : 1; n > 0; n--) {
            buf_add_byte(&b, c);
        }
    }
    ASSERT(b.err != ERR_OK || json_same(a, buf_str(&b)) == NULL);
    buf_fini(&b);
}

/* What has one byte more, one less or another than the form was learnt from. */
static void check_changed(struct arena *a, const struct json_doc *doc)
{
    static const char bytes[] = "\"\\,:]}{[0.e-19 nt\x01\x80\xe2xu";
    struct json_form *form = malloc(sizeof(*form));
    struct buf b;
    buf_init(&b, doc->text.len + 1);
    ASSERT(form != NULL);
    bool is_read = false, is_known = doc->text.len < 4096 && json_form_learn(form, doc);
    uint64_t dice = hash_bytes(doc->text, 0);
    for (unsigned i = 0; is_known && i < 32; i++) {
        dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t at = (size_t)(dice >> 33) % doc->text.len;
        char now = bytes[(dice >> 28) % (sizeof(bytes) - 1)];
        bool is_longer = (dice >> 27 & 1) != 0;
        buf_clear(&b);
        buf_add(&b, doc->text);
        ASSERT(buf_replace(&b, at, is_longer ? 0 : 1, (struct str){&now, i % 3 != 0 || is_longer}));
        ASSERT(json_same_form(a, form, buf_str(&b), &is_read) == NULL);
    }
    buf_fini(&b);
    free(form);
}

static void check_document(struct arena *a, const struct json_doc *doc)
{
    check_strings(doc);
    check_members(a, doc);
    struct buf once;
    struct buf twice;
    buf_init(&once, (size_t)16 * 1024 * 1024);
    buf_init(&twice, (size_t)16 * 1024 * 1024);
    json_write_val(&once, doc->root);
    struct json_doc again;
    ASSERT(once.err == ERR_OK);
    ASSERT(json_parse(a, buf_str(&once), &json_limits_default, &again, NULL) == ERR_OK);
    json_write_val(&twice, again.root);
    ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
    buf_fini(&once);
    buf_fini(&twice);
}

static void check_strings(const struct json_doc *doc)
{
    /* Values lie in one array, in the order of the text. */
    const yyjson_val *end = unsafe_yyjson_get_next(doc->root);
    for (yyjson_val *v = doc->root; v < end; v++) {
        if (!yyjson_is_str(v)) {
            continue;
        }
        struct json_span span = json_span_of_string(doc, v);
        ASSERT(span.to <= doc->text.len && span.to >= span.from + 2);
        ASSERT(doc->text.ptr[span.from] == '"' && doc->text.ptr[span.to - 1] == '"');
        ASSERT(span.to - span.from - 2 >= json_str(v).len);
    }
}

static void check_members(struct arena *a, const struct json_doc *doc)
{
    if (!yyjson_is_obj(doc->root)) {
        return;
    }
    size_t index;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    yyjson_obj_foreach(doc->root, index, count, key, value)
    {
        if (index >= 8) {
            break; /* enough; every cut parses the document again */
        }
        struct json_span cut = json_span_of_member(doc, key);
        struct json_span raw = json_span_of_member_value(doc, key);
        ASSERT(cut.from < raw.from && raw.from < raw.to && raw.to <= cut.to);
        struct buf rest;
        buf_init(&rest, doc->text.len);
        buf_add(&rest, str_sub(doc->text, 0, cut.from));
        buf_add(&rest, str_sub(doc->text, cut.to, doc->text.len));
        struct json_doc without;
        ASSERT(json_parse(a, buf_str(&rest), &json_limits_default, &without, NULL) == ERR_OK);
        ASSERT(yyjson_obj_size(without.root) == count - 1);
        struct json_doc alone;
        ASSERT(json_parse(a, str_sub(doc->text, raw.from, raw.to), &json_limits_default, &alone,
                          NULL) == ERR_OK);
        ASSERT(yyjson_equals(alone.root, value));
        buf_fini(&rest);
    }
}
