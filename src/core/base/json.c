/* SPDX-License-Identifier: Apache-2.0
 *
 * The one door for JSON that strangers wrote. yyjson parses in place on a copy in
 * the arena, without the long strings, which json_long.c reads; a second pass over its flat
 * array of values refuses what parsers are known to disagree about (duplicate and
 * NUL-bearing keys) and what costs too much (depth, count). Nothing recurses, nothing is
 * quadratic: keys of large objects are sorted, because a hash can be flooded and a sort
 * cannot. Memory is the arena's alone. One thread per arena.
 */
#include "json_long.h"

#define KEYS_PAIRWISE_MAX 16U

const struct json_limits json_limits_default = {
    .bytes_max = (size_t)16 * 1024 * 1024,
    .depth_max = 64,
    .values_max = 1000000,
};

/* What yyjson may take. The first request is an estimate from the length of the
 * text; only growing says that there really are so many values. */
struct allowance {
    struct arena *arena;
    size_t growth_bytes_max;
    bool is_refused;
    void *values; /* the last block given out, to shrink it afterwards */
    size_t values_bytes;
};

/* The containers around the value that is looked at, outermost first. */
struct walk {
    struct arena *arena;
    const struct json_doc *doc;
    const struct json_limits *limits;
    struct issue *issue;
    struct walk_frame {
        yyjson_val *container;
        yyjson_val *end;
        uint64_t seen; /* of few names: see check_key */
        bool has_keys, is_few;
    } frames[JSON_DEPTH_CEILING];
    unsigned depth;
};

static bool read_shortened(struct arena *a, const struct json_limits *limits, struct json_doc *doc,
                           size_t *ret_count);
static enum err read_whole(struct arena *a, const struct json_limits *limits, struct json_doc *doc,
                           struct issue *issue, size_t *ret_count);
static enum err read_values(struct arena *a, const struct json_limits *limits, struct json_doc *doc,
                            size_t len, struct issue *issue, size_t *ret_count);
static void *allowance_take(void *context, size_t size);
static void *allowance_grow(void *context, void *p, size_t old_size, size_t size);
static void allowance_free(void *context, void *p);
static enum err refuse_size(const struct allowance *allowance, const struct json_limits *limits,
                            struct issue *issue);
static enum err refuse_syntax(struct str text, const yyjson_read_err *error, struct issue *issue);
static const char *describe(yyjson_read_code code);
static enum err walk_values(struct walk *w, size_t count);
static enum err enter(struct walk *w, yyjson_val *container, unsigned depth_max);
static enum err check_key(struct walk *w, struct walk_frame *frame, const yyjson_val *key);
static uint64_t name_bit(const char *name, size_t len);
static bool is_among(yyjson_val *object, const yyjson_val *key);
static enum err check_many_keys(struct walk *w, yyjson_val *object, size_t count);
static void sort_keys(yyjson_val **keys, yyjson_val **scratch, size_t count);
static int compare_keys(const yyjson_val *a, const yyjson_val *b);
static enum err refuse_key(struct walk *w, const yyjson_val *key, const char *message);
static void add_step(struct buf *pointer, const struct walk_frame *frame, const yyjson_val *target);
static void add_key(struct buf *pointer, const yyjson_val *key);

enum err json_parse(struct arena *a, struct str text, const struct json_limits *limits,
                    struct json_doc *ret_doc, struct issue *ret_issue)
{
    struct issue ignored;
    struct issue *issue = ret_issue == NULL ? &ignored : ret_issue;
    if (text.len > limits->bytes_max) {
        issue_set(issue, "", "the document has %zu bytes; at most %zu are taken", text.len,
                  limits->bytes_max);
        return ERR_LIMIT;
    }
    char *copy = arena_alloc_raw(a, text.len + YYJSON_PADDING_SIZE);
    if (copy == NULL) {
        issue_set(issue, "", "the document needs more memory than one request may have");
        return ERR_LIMIT;
    }
    struct json_doc doc = {.text = text, .copy = copy, .shortened = copy};
    size_t count = 0;
    if (!read_shortened(a, limits, &doc, &count)) {
        TRY(read_whole(a, limits, &doc, issue, &count));
    }
    struct walk w; /* not cleared: frames enough for the ceiling; `depth` says what counts */
    w.arena = a;
    w.doc = &doc;
    w.limits = limits;
    w.issue = issue;
    w.depth = 0;
    TRY(walk_values(&w, count));
    *ret_doc = doc;
    return ERR_OK;
}

/* False, whatever is wrong: what that is and where, only the whole text can say. */
static bool read_shortened(struct arena *a, const struct json_limits *limits, struct json_doc *doc,
                           size_t *ret_count)
{
    struct issue ignored;
    size_t len;
    if (!json_long_take(a, doc, &len) ||
        read_values(a, limits, doc, len, &ignored, ret_count) != ERR_OK) {
        return false;
    }
    json_long_put(doc, *ret_count);
    return true;
}

static enum err read_whole(struct arena *a, const struct json_limits *limits, struct json_doc *doc,
                           struct issue *issue, size_t *ret_count)
{
    char *copy = (char *)(uintptr_t)doc->copy;
    doc->shortened = copy;
    doc->longs = NULL;
    doc->longs_count = 0;
    if (doc->text.len > 0) {
        memcpy(copy, doc->text.ptr, doc->text.len);
    }
    memset(copy + doc->text.len, 0, YYJSON_PADDING_SIZE);
    return read_values(a, limits, doc, doc->text.len, issue, ret_count);
}

/* The `len` bytes at doc->shortened. */
static enum err read_values(struct arena *a, const struct json_limits *limits, struct json_doc *doc,
                            size_t len, struct issue *issue, size_t *ret_count)
{
    size_t values_max = limits->values_max < SIZE_MAX / 32 ? limits->values_max : SIZE_MAX / 32;
    struct allowance allowance = {
        .arena = a,
        /* yyjson grows by half, so a block may be half empty; and it has a header. */
        .growth_bytes_max = values_max * 24 + 1024,
    };
    yyjson_alc alc = {allowance_take, allowance_grow, allowance_free, &allowance};
    yyjson_read_err error = {0};
    char *text = (char *)(uintptr_t)doc->shortened;
    yyjson_doc *values =
        len == 0 ? NULL : yyjson_read_opts(text, len, YYJSON_READ_INSITU, &alc, &error);
    if (values == NULL) {
        arena_resize(a, allowance.values, allowance.values_bytes, 0);
        return error.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION
                   ? refuse_size(&allowance, limits, issue)
                   : refuse_syntax(doc->text, &error, issue);
    }
    doc->root = yyjson_doc_get_root(values);
    *ret_count = yyjson_doc_get_val_count(values);
    if (*ret_count > limits->values_max) {
        issue_set(issue, "", "the document has %zu values; at most %zu are taken", *ret_count,
                  limits->values_max);
        return ERR_LIMIT;
    }
    size_t used_bytes = (size_t)((char *)(doc->root + *ret_count) - (char *)allowance.values);
    arena_resize(a, allowance.values, allowance.values_bytes, used_bytes);
    return ERR_OK;
}

static void *allowance_take(void *context, size_t size)
{
    struct allowance *allowance = context;
    allowance->values = arena_alloc_raw(allowance->arena, size);
    allowance->values_bytes = size;
    return allowance->values;
}

static void *allowance_grow(void *context, void *p, size_t old_size, size_t size)
{
    struct allowance *allowance = context;
    if (size > old_size && size > allowance->growth_bytes_max) {
        allowance->is_refused = true;
        return NULL;
    }
    void *moved = arena_resize(allowance->arena, p, old_size, size);
    if (moved != NULL) {
        allowance->values = moved;
        allowance->values_bytes = size;
    }
    return moved;
}

static void allowance_free(void *context, void *p)
{
    (void)context; /* the arena forgets everything at once */
    (void)p;
}

static enum err refuse_size(const struct allowance *allowance, const struct json_limits *limits,
                            struct issue *issue)
{
    if (allowance->is_refused) {
        issue_set(issue, "", "the document has too many values; at most %zu are taken",
                  limits->values_max);
    } else {
        issue_set(issue, "", "the document needs more memory than one request may have");
    }
    return ERR_LIMIT;
}

static enum err refuse_syntax(struct str text, const yyjson_read_err *error, struct issue *issue)
{
    if (text.len == 0) {
        issue_set(issue, "", "the document is empty; send one JSON value");
        issue->offset = 0;
        return ERR_SYNTAX;
    }
    if (str_starts(text, STR("\xEF\xBB\xBF"))) {
        issue_set(issue, "",
                  "the document starts with a byte order mark; send UTF-8 without one (RFC 8259, "
                  "section 8.1)");
        issue->offset = 0;
        return ERR_SYNTAX;
    }
    issue_set(issue, "", "not JSON at byte %zu: %s", error->pos, describe(error->code));
    issue->offset = error->pos;
    return ERR_SYNTAX;
}

static const char *describe(yyjson_read_code code)
{
    /* Not static and not a switch: the library's codes are variables to the compiler. */
    const struct {
        yyjson_read_code code;
        const char *text;
    } texts[] = {
        {YYJSON_READ_ERROR_EMPTY_CONTENT, "there is no value, only blanks; send one JSON value"},
        {YYJSON_READ_ERROR_UNEXPECTED_CONTENT,
         "something follows the value; send exactly one JSON value"},
        {YYJSON_READ_ERROR_UNEXPECTED_END,
         "the document ends too early; a bracket, brace or quote is not closed"},
        {YYJSON_READ_ERROR_UNEXPECTED_CHARACTER,
         "this character cannot stand here; comments, single quotes and trailing commas are not "
         "JSON"},
        {YYJSON_READ_ERROR_JSON_STRUCTURE,
         "a comma, colon, bracket or brace is missing or in the wrong place"},
        {YYJSON_READ_ERROR_INVALID_NUMBER,
         "not a number JSON allows; write digits without leading zeros, within the range of a "
         "double"},
        {YYJSON_READ_ERROR_INVALID_STRING,
         "not a string JSON allows; control characters and quotes need an escape, the text must "
         "be UTF-8 and surrogates must come in pairs"},
        {YYJSON_READ_ERROR_LITERAL, "only true, false and null are words of JSON"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].code == code) {
            return texts[i].text;
        }
    }
    return "expected a JSON value (RFC 8259)";
}

/* yyjson keeps all values in one array in the order of the text, a name in front of what it
 * names; a container says where the first value behind it stands. */
static enum err walk_values(struct walk *w, size_t count)
{
    unsigned depth_max = w->limits->depth_max;
    if (depth_max > JSON_DEPTH_CEILING) {
        depth_max = JSON_DEPTH_CEILING;
    }
    yyjson_val *v = w->doc->root;
    yyjson_val *end = v + count;
    struct walk_frame *frame = NULL; /* the innermost */
    while (v < end) {
        if (frame != NULL && frame->has_keys) {
            TRY(check_key(w, frame, v));
            v++;
        }
        if (unsafe_yyjson_is_ctn(v)) {
            TRY(enter(w, v, depth_max));
            frame = &w->frames[w->depth - 1];
        }
        v++;
        while (frame != NULL && v == frame->end) {
            w->depth--;
            frame = w->depth > 0 ? frame - 1 : NULL;
        }
    }
    return ERR_OK;
}

static enum err enter(struct walk *w, yyjson_val *container, unsigned depth_max)
{
    if (w->depth == depth_max) {
        issue_set(w->issue, "", "nested too deeply; at most %u levels are taken", depth_max);
        return ERR_LIMIT;
    }
    struct walk_frame *frame = &w->frames[w->depth++];
    size_t count = unsafe_yyjson_get_len(container);
    frame->container = container;
    frame->end = unsafe_yyjson_get_next(container);
    frame->seen = 0;
    frame->is_few = count <= KEYS_PAIRWISE_MAX;
    frame->has_keys = count > 0 && unsafe_yyjson_get_type(container) == YYJSON_TYPE_OBJ;
    return frame->has_keys && !frame->is_few ? check_many_keys(w, container, count) : ERR_OK;
}

/* One bit of 64 for each name that was seen: only where it is set can a name be there
 * twice, so hardly any two are compared. What a name does to the bits costs nothing but
 * time, and no more of it than comparing all pairs of a few. Only an escape can have put
 * NUL into a name, and the parser says where there was none. */
static enum err check_key(struct walk *w, struct walk_frame *frame, const yyjson_val *key)
{
    size_t len = (size_t)(key->tag >> YYJSON_TAG_BIT);
    bool is_plain = (key->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_NOESC;
    if (!is_plain && len > 0 && memchr(key->uni.str, '\0', len) != NULL) {
        return refuse_key(w, key, "a member name contains NUL; remove \\u0000 from the name");
    }
    uint64_t bit = name_bit(key->uni.str, len);
    if (frame->is_few && (frame->seen & bit) != 0 && is_among(frame->container, key)) {
        return refuse_key(w, key, "duplicate member name; write each name once");
    }
    frame->seen |= bit;
    return ERR_OK;
}

/* An empty name has its NUL there. */
static uint64_t name_bit(const char *name, size_t len)
{
    unsigned char first = (unsigned char)name[0];
    unsigned char last = (unsigned char)name[len == 0 ? 0 : len - 1];
    return (uint64_t)1 << ((first + 5U * last + 11U * (unsigned)len) & 63);
}

/* Is the name of `key` that of an earlier member? */
static bool is_among(yyjson_val *object, const yyjson_val *key)
{
    size_t len = (size_t)(key->tag >> YYJSON_TAG_BIT);
    yyjson_val *earlier = unsafe_yyjson_get_first(object);
    while (earlier < key) {
        if (unsafe_yyjson_get_len(earlier) == len &&
            memcmp(earlier->uni.str, key->uni.str, len) == 0) {
            return true;
        }
        earlier = unsafe_yyjson_get_next(earlier + 1);
    }
    return false;
}

static enum err check_many_keys(struct walk *w, yyjson_val *object, size_t count)
{
    size_t scratch_bytes = 2 * count * sizeof(yyjson_val *);
    yyjson_val **keys = arena_alloc_raw(w->arena, scratch_bytes);
    if (keys == NULL) {
        issue_set(w->issue, "", "the document needs more memory than one request may have");
        return ERR_LIMIT;
    }
    yyjson_val *key = unsafe_yyjson_get_first(object);
    for (size_t i = 0; i < count; i++) {
        keys[i] = key;
        key = unsafe_yyjson_get_next(key + 1);
    }
    sort_keys(keys, keys + count, count);
    const yyjson_val *duplicate = NULL;
    for (size_t i = 1; i < count; i++) {
        if (compare_keys(keys[i - 1], keys[i]) == 0 && (duplicate == NULL || keys[i] < duplicate)) {
            duplicate = keys[i]; /* the sort is stable: the later of the two */
        }
    }
    arena_resize(w->arena, keys, scratch_bytes, 0);
    return duplicate == NULL
               ? ERR_OK
               : refuse_key(w, duplicate, "duplicate member name; write each name once");
}

/* Merge sort from the bottom up: n log n whatever the keys are, and stable. */
static void sort_keys(yyjson_val **keys, yyjson_val **scratch, size_t count)
{
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t from = 0; from + width < count; from += 2 * width) {
            size_t to = from + 2 * width < count ? from + 2 * width : count;
            size_t left = from;
            size_t right = from + width;
            if (compare_keys(keys[right - 1], keys[right]) <= 0) {
                continue;
            }
            for (size_t i = from; i < to; i++) {
                bool is_left = right == to ||
                               (left < from + width && compare_keys(keys[left], keys[right]) <= 0);
                scratch[i] = is_left ? keys[left++] : keys[right++];
            }
            memcpy(keys + from, scratch + from, (to - from) * sizeof(keys[0]));
        }
    }
}

/* By length first: that alone decides most pairs. */
static int compare_keys(const yyjson_val *a, const yyjson_val *b)
{
    size_t a_len = (size_t)(a->tag >> YYJSON_TAG_BIT);
    size_t b_len = (size_t)(b->tag >> YYJSON_TAG_BIT);
    if (a_len != b_len) {
        return a_len < b_len ? -1 : 1;
    }
    return a_len == 0 ? 0 : memcmp(a->uni.str, b->uni.str, a_len);
}

static enum err refuse_key(struct walk *w, const yyjson_val *key, const char *message)
{
    struct buf pointer;
    buf_init(&pointer, sizeof(w->issue->pointer) - 1);
    for (unsigned i = 0; i < w->depth; i++) {
        const yyjson_val *inner = i + 1 < w->depth ? w->frames[i + 1].container : key;
        add_step(&pointer, &w->frames[i], inner);
    }
    buf_add_byte(&pointer, '\0');
    /* What does not fit is not said at all: half a pointer would point elsewhere. */
    issue_set(w->issue, pointer.err == ERR_OK ? pointer.ptr : "", "%s", message);
    w->issue->offset = json_span_of_string(w->doc, (yyjson_val *)(uintptr_t)key).from;
    buf_fini(&pointer);
    return ERR_SYNTAX;
}

/* Adds the name or index of the member of `frame` that is or holds `target`. */
static void add_step(struct buf *pointer, const struct walk_frame *frame, const yyjson_val *target)
{
    bool is_object = unsafe_yyjson_get_type(frame->container) == YYJSON_TYPE_OBJ;
    yyjson_val *at = unsafe_yyjson_get_first(frame->container);
    uint64_t index = 0;
    while (at < frame->end) {
        yyjson_val *next = unsafe_yyjson_get_next(is_object ? at + 1 : at);
        if (target < next) {
            break;
        }
        at = next;
        index++;
    }
    buf_add_byte(pointer, '/');
    if (is_object) {
        add_key(pointer, at);
    } else {
        buf_add_u64(pointer, index);
    }
}

/* RFC 6901 spelling; control characters, which no C string and no log wants, as "?". */
static void add_key(struct buf *pointer, const yyjson_val *key)
{
    size_t len = (size_t)(key->tag >> YYJSON_TAG_BIT);
    for (size_t i = 0; i < len; i++) {
        char c = key->uni.str[i];
        if (c == '~' || c == '/') {
            buf_add(pointer, c == '~' ? STR("~0") : STR("~1"));
        } else {
            buf_add_byte(pointer, (unsigned char)c < 0x20 || c == 0x7F ? '?' : c);
        }
    }
}

yyjson_val *json_get(yyjson_val *object, struct str key)
{
    return key.ptr == NULL ? NULL : yyjson_obj_getn(object, key.ptr, key.len);
}

struct str json_str(yyjson_val *v)
{
    return yyjson_is_str(v) ? (struct str){v->uni.str, unsafe_yyjson_get_len(v)} : STR_NONE;
}

bool json_bool(yyjson_val *v, bool fallback)
{
    return yyjson_is_bool(v) ? unsafe_yyjson_get_bool(v) : fallback;
}

bool json_int(yyjson_val *v, int64_t *ret_value)
{
    if (!yyjson_is_int(v) || (yyjson_is_uint(v) && unsafe_yyjson_get_uint(v) > INT64_MAX)) {
        return false;
    }
    *ret_value = unsafe_yyjson_get_sint(v);
    return true;
}
