/* SPDX-License-Identifier: Apache-2.0
 *
 * Builds views. Look-alikes: each code point becomes what UTS #39 says it resembles.
 * Markup: tags, HTML comments and emphasis marks are taken out, so that "pass<b></b>word"
 * reads as it is shown. Decoded: runs of base64, percent escapes and entities are
 * undone, twice over; a finding there covers the encoded run. All map to the text.
 */
#include "views.h"

#include <utf8proc.h>

#define BASE64_RUN_MIN 16U
#define DECODE_DEPTH 2U

struct sink {
    struct buf *text, *from, *to;
    const struct view *source;
    bool is_different;
};

static bool is_worth_it(enum scan_views which, struct str text);
static void sink_init(struct sink *s, struct scan_scratch *scratch, const struct view *source);
static void add(struct sink *s, const char *bytes, size_t n, size_t start, size_t end);
static void add_same(struct sink *s, size_t at, size_t n);
static enum err sink_take(struct sink *s, struct view *ret);
static void make_skeleton(struct sink *s);
static void make_shown(struct sink *s);
static size_t markup_length(struct str rest);
static size_t make_decoded(struct sink *s);
static size_t decode_percent(struct sink *s, size_t at);
static size_t decode_entity(struct sink *s, size_t at);
static size_t decode_base64(struct sink *s, size_t at);
static int base64_value(char c);
static bool is_text(const char *bytes, size_t n);

enum err view_fold(struct scan_scratch *scratch, struct str text, struct view *ret)
{
    buf_clear(&scratch->text);
    buf_clear(&scratch->from);
    buf_clear(&scratch->to);
    struct fold_out out = {&scratch->text, &scratch->from, &scratch->to};
    fold_text(text, 0, true, &out);
    TRY(scratch->text.err);
    TRY(scratch->from.err);
    TRY(scratch->to.err);
    ret->text = buf_str(&scratch->text);
    ret->from = (const uint32_t *)(const void *)scratch->from.ptr;
    ret->to = (const uint32_t *)(const void *)scratch->to.ptr;
    return ERR_OK;
}

enum err view_other(struct scan_scratch *scratch, enum scan_views which, const struct view *plain,
                    struct view *ret, bool *ret_is_different)
{
    *ret_is_different = false;
    struct sink s;
    if (which == SCAN_VIEW_SKELETON ? is_ascii(plain->text) : !is_worth_it(which, plain->text)) {
        return ERR_OK; /* "1" and "l" among themselves are not worth a look either */
    }
    sink_init(&s, scratch, plain);
    if (which == SCAN_VIEW_SKELETON) {
        make_skeleton(&s);
    } else if (which == SCAN_VIEW_MARKUP) {
        make_shown(&s);
    } else {
        make_decoded(&s);
        if (s.is_different) {
            /* Once more over what came out. The copy keeps the map to the text. */
            size_t n = s.text->len;
            arena_reset(&scratch->arena);
            uint32_t *from = ARENA_ARRAY(&scratch->arena, n + 1, uint32_t);
            uint32_t *to = ARENA_ARRAY(&scratch->arena, n + 1, uint32_t);
            struct str copy = arena_str(&scratch->arena, buf_str(s.text));
            if (from != NULL && to != NULL && copy.ptr != NULL && s.from->err == ERR_OK) {
                memcpy(from, s.from->ptr, n * sizeof(*from));
                memcpy(to, s.to->ptr, n * sizeof(*to));
                struct view first = {copy, from, to};
                sink_init(&s, scratch, &first);
                make_decoded(&s);
                s.is_different = true;
            }
        }
    }
    *ret_is_different = s.is_different;
    return sink_take(&s, ret);
}

/* Most texts have nothing to take out or to undo: found out before anything is copied. */
static bool is_worth_it(enum scan_views which, struct str text)
{
    size_t run = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (which == SCAN_VIEW_DECODED) {
            run = base64_value(c) >= 0 ? run + 1 : 0;
            if (run >= BASE64_RUN_MIN || c == '%' || c == '&') {
                return true;
            }
        } else if (c == '<' || c == '`' || c == '*' || c == '~' ||
                   (c == '_' && i + 1 < text.len && text.ptr[i + 1] == '_')) {
            return true;
        }
    }
    return false;
}

static void sink_init(struct sink *s, struct scan_scratch *scratch, const struct view *source)
{
    *s = (struct sink){&scratch->text2, &scratch->from2, &scratch->to2, source, false};
    buf_clear(s->text);
    buf_clear(s->from);
    buf_clear(s->to);
}

/* `n` bytes that stand for [start, end) of the source view. */
static void add(struct sink *s, const char *bytes, size_t n, size_t start, size_t end)
{
    uint32_t from = (uint32_t)view_start(s->source, start);
    uint32_t to = (uint32_t)view_end(s->source, end);
    buf_add(s->text, (struct str){bytes, n});
    for (size_t i = 0; i < n; i++) {
        buf_add(s->from, (struct str){(const char *)&from, sizeof(from)});
        buf_add(s->to, (struct str){(const char *)&to, sizeof(to)});
    }
}

static void add_same(struct sink *s, size_t at, size_t n)
{
    for (size_t i = at; i < at + n; i++) {
        add(s, s->source->text.ptr + i, 1, i, i + 1);
    }
}

static enum err sink_take(struct sink *s, struct view *ret)
{
    TRY(s->text->err);
    TRY(s->from->err);
    TRY(s->to->err);
    ret->text = buf_str(s->text);
    ret->from = (const uint32_t *)(const void *)s->from->ptr;
    ret->to = (const uint32_t *)(const void *)s->to->ptr;
    return ERR_OK;
}

static void make_skeleton(struct sink *s)
{
    struct str text = s->source->text;
    for (size_t at = 0; at < text.len;) {
        size_t step = str_utf8_step(str_sub(text, at, at + 4));
        if (step < 2) {
            add_same(s, at, 1);
            at++;
            continue;
        }
        int32_t cp;
        utf8proc_iterate((const uint8_t *)text.ptr + at, (utf8proc_ssize_t)step, &cp);
        const char *like = skeleton_of((uint32_t)cp);
        if (like != NULL) {
            add(s, like, strlen(like), at, at + step);
            s->is_different = true;
        } else if (utf8proc_category(cp) == UTF8PROC_CATEGORY_MN) {
            s->is_different = true; /* a mark on a letter changes nothing for the eye */
        } else {
            add_same(s, at, step);
        }
        at += step;
    }
}

static void make_shown(struct sink *s)
{
    struct str text = s->source->text;
    for (size_t at = 0; at < text.len;) {
        size_t hidden = markup_length(str_sub(text, at, text.len));
        if (hidden > 0) {
            s->is_different = true;
            at += hidden;
            continue;
        }
        add_same(s, at, 1);
        at++;
    }
}

/* Bytes of the markup that the text begins with: a tag, a comment, ** __ ~~ or `. */
static size_t markup_length(struct str rest)
{
    char c = rest.ptr[0];
    if (c == '<' && rest.len > 2) {
        if (str_starts(rest, STR("<!--"))) {
            ptrdiff_t end = str_find_str(rest, STR("-->"));
            return end < 0 ? 0 : (size_t)end + 3;
        }
        char next = rest.ptr[1] == '/' ? rest.ptr[2] : rest.ptr[1];
        if ((next | 0x20) >= 'a' && (next | 0x20) <= 'z') {
            ptrdiff_t end = str_find(str_sub(rest, 0, 512), '>');
            return end < 0 ? 0 : (size_t)end + 1;
        }
        return 0;
    }
    if (rest.len > 1 && rest.ptr[1] == c && (c == '*' || c == '_' || c == '~')) {
        return 2;
    }
    return c == '`' || c == '*' ? 1 : 0;
}

static size_t make_decoded(struct sink *s)
{
    struct str text = s->source->text;
    size_t runs = 0;
    for (size_t at = 0; at < text.len;) {
        char c = text.ptr[at];
        size_t used = 0;
        bool is_start = at == 0 || base64_value(text.ptr[at - 1]) < 0;
        if (c == '%') {
            used = decode_percent(s, at);
        } else if (c == '&') {
            used = decode_entity(s, at);
        } else if (is_start && base64_value(c) >= 0) {
            used = decode_base64(s, at);
        }
        if (used == 0) {
            add_same(s, at, 1);
            used = 1;
        } else {
            s->is_different = true;
            runs++;
        }
        at += used;
    }
    return runs;
}

static size_t decode_percent(struct sink *s, size_t at)
{
    uint8_t byte;
    struct str text = s->source->text;
    if (at + 3 > text.len || hex_to(str_sub(text, at + 1, at + 3), &byte, 1) != ERR_OK) {
        return 0;
    }
    char c = (char)byte;
    add(s, &c, 1, at, at + 3);
    return 3;
}

static size_t decode_entity(struct sink *s, size_t at)
{
    static const struct {
        const char *name;
        char c;
    } named[] = {{"amp", '&'},   {"lt", '<'},     {"gt", '>'},     {"quot", '"'},
                 {"apos", '\''}, {"commat", '@'}, {"period", '.'}, {"nbsp", ' '},
                 {"colon", ':'}, {"hyphen", '-'}, {"dash", '-'},   {"sol", '/'}};
    struct str rest = str_sub(s->source->text, at + 1, at + 12);
    ptrdiff_t end = str_find(rest, ';');
    if (end < 2) {
        return 0;
    }
    struct str name = str_sub(rest, 0, (size_t)end);
    uint64_t cp = 0;
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        cp = str_eq(name, str_from(named[i].name)) ? (unsigned char)named[i].c : cp;
    }
    if (name.ptr[0] == '#' && (name.ptr[1] | 0x20) == 'x') {
        for (size_t i = 2; i < name.len; i++) {
            char c = name.ptr[i];
            unsigned low = (unsigned)(c | 0x20);
            unsigned v = c >= '0' && c <= '9' ? (unsigned)(c - '0') : low - 'a' + 10;
            cp = v < 16 ? cp * 16 + v : UINT32_MAX;
        }
    } else if (name.ptr[0] == '#' && str_to_u64(str_sub(name, 1, name.len), &cp) != ERR_OK) {
        return 0;
    }
    if (cp == 0 || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000)) {
        return 0;
    }
    uint8_t bytes[4];
    utf8proc_ssize_t n = utf8proc_encode_char((int32_t)cp, bytes);
    add(s, (const char *)bytes, (size_t)n, at, at + (size_t)end + 2);
    return (size_t)end + 2;
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* A run that decodes to readable text is replaced by it; findings cover the whole run. */
static size_t decode_base64(struct sink *s, size_t at)
{
    struct str text = s->source->text;
    size_t end = at;
    while (end < text.len && base64_value(text.ptr[end]) >= 0) {
        end++;
    }
    size_t letters = end - at;
    while (end < text.len && text.ptr[end] == '=' && end - at < letters + 2) {
        end++;
    }
    if (letters < BASE64_RUN_MIN || letters % 4 == 1) {
        return 0;
    }
    struct buf plain;
    buf_init(&plain, letters);
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = at; i < at + letters; i++) {
        bits = bits << 6 | (uint32_t)base64_value(text.ptr[i]);
        have += 6;
        if (have >= 8) {
            have -= 8;
            buf_add_byte(&plain, (char)(uint8_t)(bits >> have));
        }
    }
    bool is_readable = plain.err == ERR_OK && is_text(plain.ptr, plain.len);
    if (is_readable) {
        add(s, " ", 1, at, end);
        add(s, plain.ptr, plain.len, at, end);
        add(s, " ", 1, at, end);
    }
    buf_fini(&plain);
    return is_readable ? end - at : 0;
}

static bool is_text(const char *bytes, size_t n)
{
    size_t letters = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c < ' ' && c != '\n' && c != '\t' && c != '\r') {
            return false;
        }
        letters += is_word_byte(c) || c == ' ';
    }
    return letters * 10 >= n * 7 && str_is_utf8((struct str){bytes, n});
}
