/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading JSON by the form of what came before. An application asks, and a provider answers,
 * with the same names and the same punctuation each time: where they are the same bytes,
 * the values are those of last time, and only strings and numbers are read. They are judged as
 * the parser judges them; whatever is not plainly the same form goes to the parser.
 *
 * A form outlives the documents it was learnt from: names are kept, and what no string and
 * no number says. Forms belong to one thread. A tree belongs to the arena, and its strings
 * without escapes to the text.
 */
#include "json_form.h"

#include <float.h>
#include <stdlib.h>

#include "json_long.h"
#include "json_marks.h"

#define FORMS_MAX 4U
#define REST_MAX 63U
#define DIGITS_MAX 18 /* of a number below 2^63, whatever they are */

struct json_forms {
    struct json_form *list[FORMS_MAX]; /* the one that was right last is the first */
    unsigned vain;                     /* documents in a row that had no form we know */
    unsigned rest;                     /* so many are not looked at for that */
    struct json_form forms[FORMS_MAX];
};

struct learning {
    struct json_form *form;
    const struct json_doc *doc;
    size_t at, kept; /* in the text: where we are, and up to where it is in the form */
    unsigned depth;
};

struct filling {
    struct arena *arena;
    struct str text;
    const char *end; /* of the text */
    struct json_doc *doc;
    char *to; /* for what strings with escapes say; NULL before the first */
    char *room;
    size_t room_bytes, longs_bytes;
    unsigned strings_left;
    bool is_wide;
};

static bool learn(struct learning *l, size_t count);
static bool learn_value(struct learning *l, yyjson_val *v, size_t to, bool is_name);
static bool keep(struct learning *l, size_t to);
static void skip_between(struct learning *l);
static size_t end_of_token(const struct learning *l);
static bool fill(const struct json_form *f, struct filling *r, yyjson_val *values);
static inline bool is_same(const char *a, const char *b, size_t len);
static const char *fill_string(struct filling *r, const char *at, yyjson_val *v);
static bool undo(struct filling *r, struct json_content *c, yyjson_val *v);
static const char *fill_number(const char *at, const char *end, yyjson_val *v);
static const char *fill_real(const char *at, const char *end, uint64_t whole, yyjson_val *v);

struct json_forms *json_forms_new(void)
{
    struct json_forms *f = calloc(1, sizeof(*f));
    for (unsigned i = 0; f != NULL && i < FORMS_MAX; i++) {
        f->list[i] = &f->forms[i];
    }
    return f;
}

void json_forms_free(struct json_forms *f)
{
    free(f);
}

/* What is never of the same form twice is looked at, and learnt, ever more rarely. */
enum err json_parse_like(struct json_forms *forms, struct arena *a, struct str text,
                         const struct json_limits *limits, struct json_doc *ret_doc,
                         struct issue *ret_issue)
{
    if (forms == NULL || forms->rest > 0) {
        if (forms != NULL) {
            forms->rest--;
        }
        return json_parse(a, text, limits, ret_doc, ret_issue);
    }
    for (unsigned i = 0; i < FORMS_MAX; i++) {
        struct json_form *f = forms->list[i];
        if (json_form_read(f, a, text, limits, ret_doc)) {
            memmove(forms->list + 1, forms->list, i * sizeof(f));
            forms->list[0] = f;
            forms->vain = 0;
            return ERR_OK;
        }
    }
    TRY(json_parse(a, text, limits, ret_doc, ret_issue));
    struct json_form *last = forms->list[FORMS_MAX - 1];
    memmove(forms->list + 1, forms->list, (FORMS_MAX - 1) * sizeof(last));
    forms->list[0] = last;
    (void)json_form_learn(last, ret_doc);
    forms->rest = (1U << forms->vain) - 1;
    forms->vain += forms->rest < REST_MAX ? 1 : 0;
    return ERR_OK;
}

/* ---- learning ---------------------------------------------------------------- */

bool json_form_learn(struct json_form *f, const struct json_doc *doc)
{
    size_t count = (size_t)(unsafe_yyjson_get_next(doc->root) - doc->root);
    f->len = 0;
    if (count > JSON_FORM_VALUES || !unsafe_yyjson_is_ctn(doc->root)) {
        return false;
    }
    f->values_count = (uint16_t)count;
    f->strings_count = 0;
    f->tail = 0;
    f->depth = 0;
    struct learning l = {.form = f, .doc = doc};
    bool is_learnt = learn(&l, count);
    f->tail = (uint16_t)(f->len - f->tail);
    f->len = is_learnt ? f->len : 0;
    return is_learnt;
}

static bool learn(struct learning *l, size_t count)
{
    /* The ends of the containers we are in, and what the next value of each is. */
    struct {
        const yyjson_val *end;
        bool is_object;
    } outer[JSON_DEPTH_CEILING + 1];
    unsigned depth = 0;
    bool is_name = false;
    outer[0].end = NULL;
    outer[0].is_object = false;
    for (size_t i = 0; i < count; i++) {
        yyjson_val *v = l->doc->root + i;
        while (depth > 0 && v == outer[depth].end) {
            depth--;
            is_name = outer[depth].is_object;
        }
        skip_between(l);
        size_t to = unsafe_yyjson_is_str(v) ? json_span_of_string(l->doc, v).to : end_of_token(l);
        if (!learn_value(l, v, to, is_name)) {
            return false;
        }
        l->at = to;
        if (unsafe_yyjson_is_ctn(v)) {
            depth++;
            outer[depth].end = unsafe_yyjson_get_next(v);
            outer[depth].is_object = unsafe_yyjson_is_obj(v);
            is_name = outer[depth].is_object;
            l->form->depth = depth > l->form->depth ? depth : l->form->depth;
        } else {
            is_name = outer[depth].is_object && !is_name;
        }
    }
    return keep(l, l->doc->text.len);
}

/* `v` stands from l->at to `to`. */
static bool learn_value(struct learning *l, yyjson_val *v, size_t to, bool is_name)
{
    struct json_form *f = l->form;
    yyjson_val *as = &f->values[v - l->doc->root];
    bool is_str = unsafe_yyjson_is_str(v);
    *as = *v;
    if (is_name) {
        as->uni.u64 = f->len + l->at + 1 - l->kept;
        return (v->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_NOESC;
    }
    if (!is_str && !unsafe_yyjson_is_num(v)) {
        return true;
    }
    if (!keep(l, is_str ? l->at + 1 : l->at)) {
        return false;
    }
    l->kept = is_str ? to - 1 : to;
    as->tag = is_str ? YYJSON_TYPE_STR : YYJSON_TYPE_NUM;
    as->uni.u64 = f->len;
    f->tail = f->len;
    f->strings_count = (uint16_t)(f->strings_count + (is_str ? 1 : 0));
    return true;
}

static bool keep(struct learning *l, size_t to)
{
    struct json_form *f = l->form;
    size_t len = to - l->kept;
    if (len > JSON_FORM_BYTES - f->len) {
        return false;
    }
    memcpy(f->bytes + f->len, l->doc->text.ptr + l->kept, len);
    f->len = (uint16_t)(f->len + len);
    l->kept = to;
    return true;
}

/* To where a value begins; the text is known to be valid. */
static void skip_between(struct learning *l)
{
    struct str text = l->doc->text;
    while (l->at < text.len && text.ptr[l->at] != '\0' &&
           strchr(" \t\n\r,:]}", text.ptr[l->at]) != NULL) {
        l->at++;
    }
}

/* Of a bracket, a brace, a number or a word. */
static size_t end_of_token(const struct learning *l)
{
    struct str text = l->doc->text;
    size_t at = l->at + 1;
    if (text.ptr[l->at] == '{' || text.ptr[l->at] == '[') {
        return at;
    }
    while (at < text.len && strchr(" \t\n\r,]}", text.ptr[at]) == NULL) {
        at++;
    }
    return at;
}

/* ---- reading ----------------------------------------------------------------- */

bool json_form_read(const struct json_form *f, struct arena *a, struct str text,
                    const struct json_limits *limits, struct json_doc *ret_doc)
{
    if (f->len == 0 || text.len < f->len || text.len > limits->bytes_max || text.len > INT32_MAX ||
        f->depth > limits->depth_max || f->values_count > limits->values_max ||
        memcmp(text.ptr + text.len - f->tail, f->bytes + f->len - f->tail, f->tail) != 0) {
        return false;
    }
    size_t values_bytes = f->values_count * sizeof(yyjson_val);
    struct json_doc doc = {.text = text, .copy = text.ptr, .shortened = text.ptr};
    struct filling r = {.arena = a,
                        .text = text,
                        .end = text.ptr + text.len,
                        .doc = &doc,
                        .strings_left = f->strings_count,
                        .is_wide = cpu_has_avx2()};
    doc.root = arena_alloc_raw(a, values_bytes);
    bool is_read = doc.root != NULL && fill(f, &r, doc.root);
    if (r.room != NULL) {
        arena_resize(a, r.room, r.room_bytes, is_read ? (size_t)(r.to - r.room) : 0);
    }
    if (!is_read) {
        if (doc.longs != NULL) {
            arena_resize(a, doc.longs, r.longs_bytes, 0);
        }
        arena_resize(a, doc.root, values_bytes, 0);
        return false;
    }
    *ret_doc = doc;
    return true;
}

/* The text is at least as long as the form, which is checked again behind every string and
 * number: so there are bytes to compare, and names to point to. */
static bool fill(const struct json_form *f, struct filling *r, yyjson_val *values)
{
    const char *at = r->text.ptr;
    size_t same = 0; /* bytes of the form that were passed: the next is that at `at` */
    for (size_t i = 0; i < f->values_count; i++) {
        yyjson_val *v = &values[i];
        *v = f->values[i];
        uint64_t kind = v->tag & YYJSON_TAG_MASK;
        if (kind == (YYJSON_TYPE_STR | YYJSON_SUBTYPE_NOESC)) {
            v->uni.str = at + (v->uni.u64 - same);
            continue;
        }
        if (kind != YYJSON_TYPE_STR && kind != YYJSON_TYPE_NUM) {
            continue;
        }
        size_t run = v->uni.u64 - same;
        if (!is_same(at, f->bytes + same, run)) {
            return false;
        }
        same += run;
        at += run;
        at = kind == YYJSON_TYPE_STR ? fill_string(r, at, v) : fill_number(at, r->end, v);
        if (at == NULL || (size_t)(r->end - at) < f->len - same) {
            return false;
        }
    }
    return (size_t)(r->end - at) == f->len - same; /* which is the tail */
}

/* Of the few bytes between two values: a call would cost more. */
static inline bool is_same(const char *a, const char *b, size_t len)
{
    uint64_t x, y;
    if (len >= sizeof(x)) {
        for (size_t i = 0; i + sizeof(x) < len; i += sizeof(x)) {
            memcpy(&x, a + i, sizeof(x));
            memcpy(&y, b + i, sizeof(y));
            if (x != y) {
                return false;
            }
        }
        memcpy(&x, a + len - sizeof(x), sizeof(x));
        memcpy(&y, b + len - sizeof(y), sizeof(y));
        return x == y;
    }
    char difference = 0;
    for (size_t i = 0; i < len; i++) {
        difference |= (char)(a[i] ^ b[i]);
    }
    return difference == 0;
}

/* From behind the opening quote; returns the closing one, or NULL. */
static const char *fill_string(struct filling *r, const char *at, yyjson_val *v)
{
    struct json_content c = {.from = at};
    r->strings_left--;
    if (!json_find_close(&c, r->end, r->is_wide)) {
        return NULL;
    }
    if (c.has_escape) {
        return undo(r, &c, v) ? c.to : NULL;
    }
    if (c.has_high && !str_is_utf8((struct str){c.from, c.len})) {
        return NULL;
    }
    v->tag = (uint64_t)c.len << YYJSON_TAG_BIT | YYJSON_TYPE_STR | YYJSON_SUBTYPE_NOESC;
    v->uni.str = c.from;
    return c.to;
}

/* A string with escapes is listed, because what it says is not where it stands. */
static bool undo(struct filling *r, struct json_content *c, yyjson_val *v)
{
    struct json_doc *doc = r->doc;
    if (r->room == NULL) {
        r->longs_bytes = (r->strings_left + 1) * sizeof(*doc->longs);
        r->room_bytes = (size_t)(r->end - c->from);
        doc->longs = arena_alloc_raw(r->arena, r->longs_bytes);
        r->room = doc->longs != NULL ? arena_alloc_raw(r->arena, r->room_bytes) : NULL;
        r->to = r->room;
    }
    if (r->room == NULL || !json_read_string(c, r->end, r->to, r->is_wide)) {
        return false;
    }
    size_t len = (size_t)(c->to - c->from);
    if (c->has_high && !str_is_utf8((struct str){c->from, len})) {
        return false;
    }
    doc->longs[doc->longs_count++] =
        (struct json_long){.value = v,
                           .from = (uint32_t)(c->from - 1 - r->text.ptr),
                           .to = (uint32_t)(c->to + 1 - r->text.ptr)};
    v->tag = (uint64_t)c->len << YYJSON_TAG_BIT | YYJSON_TYPE_STR | YYJSON_SUBTYPE_NONE;
    v->uni.str = r->to;
    r->to += c->len;
    return true;
}

/* Digits without a sign, few enough to be exact; returns what is behind them, or NULL. */
static const char *fill_number(const char *at, const char *end, yyjson_val *v)
{
    const char *from = at;
    uint64_t n = 0;
    const char *stop = end - at < DIGITS_MAX + 1 ? end : at + DIGITS_MAX + 1;
    for (unsigned digit; at < stop && (digit = (unsigned)(*at - '0')) <= 9; at++) {
        n = n * 10 + digit;
    }
    if (at == from || at - from > DIGITS_MAX || (*from == '0' && at - from > 1)) {
        return NULL;
    }
    if (at < end && *at == '.') {
        return fill_real(at + 1, end, n, v);
    }
    v->tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT;
    v->uni.u64 = n;
    return at;
}

/* `at` is behind the point. One division of two numbers that doubles hold exactly gives the
 * double next to the quotient. */
static const char *fill_real(const char *at, const char *end, uint64_t whole, yyjson_val *v)
{
    const uint64_t exact_max = UINT64_C(1) << 53;
    const char *from = at;
    uint64_t n = whole, scale = 1;
    while (at < end && *at >= '0' && *at <= '9' && at - from < 15 && n < exact_max / 10) {
        n = n * 10 + (uint64_t)(*at++ - '0');
        scale *= 10;
    }
    if (at == from || n > exact_max || FLT_EVAL_METHOD != 0) {
        return NULL;
    }
    v->tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL;
    v->uni.f64 = (double)n / (double)scale;
    return at;
}
