/* SPDX-License-Identifier: Apache-2.0
 *
 * Undoes percent escapes, character entities, the \uXXXX of JSON in a text (with as many
 * backslashes as JSON in JSON gives it), and base64.
 * What a run of base64 says is read when it is readable; a finding there covers the run.
 * Long runs are undone in blocks, each for itself, so that a megabyte of an image costs no
 * more than its bytes. A run of a stream waits for its end only while it may say something:
 * most words do not after two or three letters.
 */
#include "decode.h"

#include <utf8proc.h>

#define RUN_MIN 16U
#define BLOCK 4096U /* a multiple of 4 */
#define ENTITY_BYTES_MAX 12U
#define SLASHES_MAX 4U
#define ESCAPE_BYTES_MAX (2 * (SLASHES_MAX + 5))
#define LOOK_LETTERS_MAX 4000U /* the last bytes of a block may be half a code point */
#define LOOK_LETTERS 64U       /* up to here each piece is looked at; then at each doubling */

/* By ASCII: + and - are 62, / and _ are 63. */
const int8_t base64_values[128] = {
    /* clang-format off */
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 62, -1, 62, -1, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -1, -1, -1,
    -1,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, -1, -1, -1, -1, 63,
    -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, -1, -1, -1, -1, -1,
    /* clang-format on */
};

/* A run of base64, or a block of a long one. */
struct block {
    size_t letters, end; /* end: behind the padding */
    bool is_continued;
    char plain[BLOCK / 4 * 3];
    size_t plain_len;
};

static bool read_letters(struct stage *st, const struct view *in, size_t *at, size_t *copied,
                         bool is_final, struct window *out);
static bool go_by(struct stage *st, struct str text, size_t *at);
static bool says_nothing(struct stage *st, struct str letters);
static bool is_beginning(struct str bytes);
static bool has_control(const char *bytes, size_t count);
static bool is_open(struct str rest);
static bool is_open_unicode(struct str rest);
static size_t slashes_of(struct str rest);
static size_t undo_escape(struct str rest, char *ret_bytes, size_t *ret_len);
static size_t undo_percent(struct str rest, char *ret_bytes, size_t *ret_len);
static size_t undo_entity(struct str rest, char *ret_bytes, size_t *ret_len);
static size_t undo_unicode(struct str rest, char *ret_bytes, size_t *ret_len);
static bool unicode_at(struct str rest, size_t at, uint32_t *ret);
static bool find_block(const struct stage *st, struct str text, size_t at, bool is_final,
                       struct block *ret);
static bool undo_block(const struct stage *st, struct str text, size_t at, struct block *b);
static bool is_text(struct str bytes, bool is_begun, bool is_continued);

size_t decode_run(struct stage *st, const struct view *in, size_t from, bool is_final,
                  struct window *out)
{
    struct str text = in->text;
    size_t copied = from;
    size_t at = from;
    while (at < text.len) {
        char c = text.ptr[at];
        char bytes[4];
        size_t n = 0;
        if (base64_value(c) >= 0) {
            st->waiting = at == from ? st->waiting : 0;
            if (!read_letters(st, in, &at, &copied, is_final, out)) {
                break;
            }
            continue;
        }
        st->is_inside_run = false;
        st->passed = st->looked = st->waiting = 0;
        if (c != '%' && c != '&' && c != '\\') {
            at++;
            continue;
        }
        struct str rest = str_sub(text, at, at + ESCAPE_BYTES_MAX);
        if (!is_final && is_open(rest)) {
            break;
        }
        size_t used = undo_escape(rest, bytes, &n);
        if (used > 0 && out == NULL) {
            st->differs = true;
            return at;
        }
        if (used > 0) {
            st->changed_to = view_end(in, at + used);
            window_copy(out, in, copied, at);
            window_add(out, (struct str){bytes, n}, view_start(in, at), st->changed_to);
            copied = at + used;
        }
        at += used > 0 ? used : 1;
    }
    window_copy(out, in, copied, at);
    return at;
}

/* A run, its next block, or what there is of one that says nothing. False: what comes may
 * belong to it, or (quiet) it would be changed. */
static bool read_letters(struct stage *st, const struct view *in, size_t *at, size_t *copied,
                         bool is_final, struct window *out)
{
    struct block b;
    if (st->passed > 0 && go_by(st, in->text, at)) {
        return true;
    }
    if (!find_block(st, in->text, *at, is_final, &b)) {
        struct str letters = str_sub(in->text, *at, *at + b.letters);
        bool is_known = b.end == *at + b.letters && says_nothing(st, letters);
        st->passed = is_known ? (uint16_t)b.letters : 0;
        st->waiting = is_known ? 0 : (uint16_t)b.letters;
        *at += is_known ? b.letters : 0;
        return is_known;
    }
    bool is_undone = undo_block(st, in->text, *at, &b);
    if (is_undone && out == NULL) {
        st->differs = true;
        return false;
    }
    if (is_undone) {
        size_t start = view_start(in, *at);
        size_t end = view_end(in, b.end);
        window_copy(out, in, *copied, *at);
        window_add(out, st->is_inside_run && st->was_decoded ? STR("") : STR(" "), start, end);
        window_add(out, (struct str){b.plain, b.plain_len}, start, end);
        window_add(out, b.is_continued ? STR("") : STR(" "), start, end);
        *copied = b.end;
        st->changed_to = end;
    }
    st->is_inside_run = b.is_continued;
    st->was_decoded = is_undone;
    st->looked = st->waiting = 0;
    *at = b.end;
    return true;
}

/* Goes on in a block that says nothing. False: it is over, and another one begins here. */
static bool go_by(struct stage *st, struct str text, size_t *at)
{
    size_t from = *at;
    while (*at < text.len && st->passed < BLOCK && base64_value(text.ptr[*at]) >= 0) {
        ++*at;
        st->passed++;
    }
    if (*at > from) {
        return true;
    }
    st->passed = 0;
    st->is_inside_run = true;
    st->was_decoded = false;
    return false;
}

/* Is the block that begins with these letters not undone, whatever they go on with? What
 * undo_block says no to. */
static bool says_nothing(struct stage *st, struct str letters)
{
    char bytes[LOOK_LETTERS_MAX / 4 * 3];
    size_t most = letters.len < LOOK_LETTERS_MAX ? letters.len : LOOK_LETTERS_MAX;
    size_t count = 0;
    uint32_t bits = 0;
    if (most > LOOK_LETTERS && most < 2U * st->looked) {
        return false; /* not worth looking again yet */
    }
    for (size_t i = 0; i < most; i++) {
        bits = bits << 6 | (uint32_t)base64_value(letters.ptr[i]);
        if (i % 4 != 0) {
            bytes[count++] = (char)(bits >> (6 - 2 * (i % 4)));
        }
    }
    st->looked = (uint16_t)most;
    struct str whole = {bytes, count};
    for (unsigned i = 0; i < 3 && st->is_inside_run && whole.len > 0; i++) {
        bool is_rest = ((unsigned char)whole.ptr[0] & 0xc0) == 0x80;
        whole = str_sub(whole, is_rest ? 1 : 0, whole.len);
    }
    bool is_out = has_control(bytes, count) || !is_beginning(whole);
    st->looked = is_out ? 0 : st->looked;
    return is_out;
}

static bool has_control(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c < ' ' && c != '\n' && c != '\t' && c != '\r') {
            return true;
        }
    }
    return false;
}

/* Of a text in UTF-8? */
static bool is_beginning(struct str bytes)
{
    while (bytes.len > 0) {
        size_t step = str_utf8_step(bytes);
        if (step > 0) {
            bytes = str_sub(bytes, step, bytes.len);
            continue;
        }
        unsigned char lead = (unsigned char)bytes.ptr[0];
        size_t wanted = lead < 0xc2 || lead > 0xf4 ? 0 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        for (size_t i = 1; i < bytes.len && i < wanted; i++) {
            wanted = ((unsigned char)bytes.ptr[i] & 0xc0) == 0x80 ? wanted : 0;
        }
        return bytes.len < wanted;
    }
    return true;
}

size_t decode_pass(struct stage *st, struct str text, size_t from)
{
    size_t at = from;
    if (st->is_inside_run || st->passed > 0) {
        const struct view in = {.text = text};
        while (at < text.len && st->passed > 0 && base64_value(text.ptr[at]) >= 0) {
            if (!go_by(st, text, &at)) {
                return decode_run(st, &in, at, false, NULL);
            }
        }
        if (at == text.len) {
            return at;
        }
        if (st->passed == 0) {
            return decode_run(st, &in, at, false, NULL);
        }
        st->passed = 0;
        st->is_inside_run = false;
    }
    size_t run = text.len;
    while (run > at && base64_value(text.ptr[run - 1]) >= 0) {
        run--;
    }
    if (run != from) {
        st->looked = st->waiting = 0; /* those were of another one */
    }
    if (run == text.len) {
        for (unsigned n = 0; n < SLASHES_MAX && run > at && text.ptr[run - 1] == '\\'; n++) {
            run--;
        }
        return run;
    }
    if (!says_nothing(st, str_sub(text, run, text.len))) {
        return run;
    }
    st->passed = (uint16_t)(text.len - run);
    st->waiting = 0;
    return text.len;
}

/* May more text make an escape of what begins with %, & or a backslash? */
static bool is_open(struct str rest)
{
    if (rest.ptr[0] == '%') {
        return rest.len == 1 || (rest.len == 2 && hex_value(rest.ptr[1]) >= 0);
    }
    if (rest.ptr[0] == '\\') {
        return is_open_unicode(rest);
    }
    for (size_t i = 1; i < rest.len && i < ENTITY_BYTES_MAX; i++) {
        char c = rest.ptr[i];
        bool is_inside = is_word_byte((unsigned char)c) || c == '#';
        if (!is_inside) {
            return false; /* ; or what stands in no entity */
        }
    }
    return rest.len < ENTITY_BYTES_MAX;
}

/* A second one may make a pair of it. */
static bool is_open_unicode(struct str rest)
{
    size_t slashes = slashes_of(rest);
    size_t length = slashes + 5;
    for (size_t i = slashes; i < rest.len && i < 2 * length; i++) {
        size_t part = i % length;
        char c = rest.ptr[i];
        bool is_good = part < slashes ? c == '\\' : part == slashes ? c == 'u' : hex_value(c) >= 0;
        if (!is_good) {
            return false;
        }
    }
    bool is_high = rest.len >= slashes + 3 && (rest.ptr[slashes + 1] | 0x20) == 'd' &&
                   strchr("89abAB", rest.ptr[slashes + 2]) != NULL;
    return rest.len < length || (rest.len < 2 * length && is_high);
}

/* JSON in a string of JSON doubles them. */
static size_t slashes_of(struct str rest)
{
    size_t n = 1;
    while (n < rest.len && n < SLASHES_MAX && rest.ptr[n] == '\\') {
        n++;
    }
    return n;
}

static size_t undo_escape(struct str rest, char *ret_bytes, size_t *ret_len)
{
    return rest.ptr[0] == '%'   ? undo_percent(rest, ret_bytes, ret_len)
           : rest.ptr[0] == '&' ? undo_entity(rest, ret_bytes, ret_len)
                                : undo_unicode(rest, ret_bytes, ret_len);
}

/* One escape, or the two of a surrogate pair; half of one stays as it is written. */
static size_t undo_unicode(struct str rest, char *ret_bytes, size_t *ret_len)
{
    uint32_t code;
    uint32_t low;
    size_t slashes = slashes_of(rest);
    size_t used = slashes + 5;
    if (!unicode_at(rest, slashes - 1, &code) || code == 0) {
        return 0;
    }
    struct str next = str_sub(rest, used, rest.len);
    bool has_next = next.len > 0 && next.ptr[0] == '\\' && slashes_of(next) == slashes;
    if (code >= 0xd800 && code < 0xdc00 && has_next && unicode_at(next, slashes - 1, &low) &&
        low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        used *= 2;
    }
    if (code >= 0xd800 && code < 0xe000) {
        return 0;
    }
    *ret_len = str_utf8_of(code, ret_bytes);
    return used;
}

static bool unicode_at(struct str rest, size_t at, uint32_t *ret)
{
    uint8_t bytes[2];
    if (rest.len < at + 6 || rest.ptr[at] != '\\' || rest.ptr[at + 1] != 'u' ||
        hex_to(str_sub(rest, at + 2, at + 6), bytes, 2) != ERR_OK) {
        return false;
    }
    *ret = (uint32_t)bytes[0] << 8 | bytes[1];
    return true;
}

static size_t undo_percent(struct str rest, char *ret_bytes, size_t *ret_len)
{
    uint8_t byte;
    if (rest.len < 3 || hex_to(str_sub(rest, 1, 3), &byte, 1) != ERR_OK) {
        return 0;
    }
    ret_bytes[0] = (char)byte;
    *ret_len = 1;
    return 3;
}

static size_t undo_entity(struct str rest, char *ret_bytes, size_t *ret_len)
{
    static const struct {
        const char *name;
        char c;
    } named[] = {{"amp", '&'},   {"lt", '<'},     {"gt", '>'},     {"quot", '"'},
                 {"apos", '\''}, {"commat", '@'}, {"period", '.'}, {"nbsp", ' '},
                 {"colon", ':'}, {"hyphen", '-'}, {"dash", '-'},   {"sol", '/'}};
    ptrdiff_t end = str_find(str_sub(rest, 0, ENTITY_BYTES_MAX), ';');
    if (end < 3) {
        return 0;
    }
    struct str name = str_sub(rest, 1, (size_t)end);
    uint64_t cp = 0;
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        cp = str_eq(name, str_from(named[i].name)) ? (unsigned char)named[i].c : cp;
    }
    if (name.ptr[0] == '#' && (name.ptr[1] | 0x20) == 'x') {
        for (size_t i = 2; i < name.len; i++) {
            int v = hex_value(name.ptr[i]);
            cp = v >= 0 && cp < UINT32_MAX ? cp * 16 + (unsigned)v : UINT32_MAX;
        }
    } else if (name.ptr[0] == '#' && str_to_u64(str_sub(name, 1, name.len), &cp) != ERR_OK) {
        return 0;
    }
    if (cp == 0 || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000)) {
        return 0;
    }
    *ret_len = (size_t)utf8proc_encode_char((int32_t)cp, (uint8_t *)ret_bytes);
    return (size_t)end + 1;
}

/* The run from `at` on, or its first block. False: what comes may belong to it. */
static bool find_block(const struct stage *st, struct str text, size_t at, bool is_final,
                       struct block *ret)
{
    size_t end = at + st->waiting;
    while (end < text.len && end - at <= BLOCK && base64_value(text.ptr[end]) >= 0) {
        end++;
    }
    ret->is_continued = end - at > BLOCK;
    ret->letters = ret->is_continued ? BLOCK : end - at;
    ret->end = at + ret->letters;
    if (ret->is_continued) {
        return true;
    }
    while (ret->end < text.len && text.ptr[ret->end] == '=' && ret->end < end + 2) {
        ret->end++;
    }
    return is_final || ret->end == end + 2 || ret->end < text.len;
}

static bool undo_block(const struct stage *st, struct str text, size_t at, struct block *b)
{
    size_t least = st->is_inside_run ? 2 : RUN_MIN;
    if (b->letters < least || b->letters % 4 == 1) {
        return false;
    }
    uint32_t bits = 0;
    unsigned have = 0;
    b->plain_len = 0;
    for (size_t i = at; i < at + b->letters; i++) {
        bits = bits << 6 | (uint32_t)base64_value(text.ptr[i]);
        have += 6;
        if (have >= 8) {
            have -= 8;
            unsigned char c = (unsigned char)(bits >> have);
            if (c < ' ' && c != '\n' && c != '\t' && c != '\r') {
                return false; /* mostly so, and then soon */
            }
            b->plain[b->plain_len++] = (char)c;
        }
    }
    return is_text((struct str){b->plain, b->plain_len}, st->is_inside_run, b->is_continued);
}

/* Letters of any script and blanks, or as much of them as JSON has and another encoding, and
 * UTF-8; a block may begin or end inside of a code point. */
static bool is_text(struct str bytes, bool is_begun, bool is_continued)
{
    size_t letters = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        letters += is_word_byte(c) || c == ' ' || c >= 0x80;
    }
    if (letters * 10 < bytes.len * 4) {
        return false;
    }
    struct str whole = bytes;
    for (unsigned i = 0; i < 3 && is_begun && whole.len > 0; i++) {
        bool is_rest = ((unsigned char)whole.ptr[0] & 0xc0) == 0x80;
        whole = str_sub(whole, is_rest ? 1 : 0, whole.len);
    }
    for (unsigned i = 0; i < 4 && is_continued && !str_is_utf8(whole); i++) {
        whole.len -= whole.len > 0 ? 1 : 0;
    }
    return str_is_utf8(whole);
}
