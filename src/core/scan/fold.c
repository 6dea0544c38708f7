/* SPDX-License-Identifier: Apache-2.0
 *
 * The folded view: compatibility decomposition, default-ignorable code points left
 * out, dashes and digits of other scripts made ASCII, case folded for all but ASCII
 * letters (shapes of identifiers mind their case; terms fold ASCII themselves). Code
 * point by code point, without composition: so a stream folds to the same bytes however
 * it is cut, and every byte knows where it came from. Bad UTF-8 stands for itself.
 */
#include "stages.h"

#include <utf8proc.h>

#define EXPANSION_MAX 32 /* code points; U+FDFA has 18 */
#define CODE_POINT_BYTES_MAX 512U

static size_t step_of(struct str rest, bool is_final, bool *ret_is_cut);
static bool is_changed(struct str bytes, struct window *ret);
static void fold_code_point(int32_t cp, size_t from, size_t to, struct window *w);
static int32_t fold_letter(int32_t cp);
static int32_t ascii_like(int32_t cp);
static void emit(int32_t cp, size_t from, size_t to, struct window *w);

bool is_ascii(struct str s)
{
    uint64_t all = 0;
    size_t i = 0;
    for (; i + 32 <= s.len; i += 32) {
        uint64_t w[4];
        memcpy(w, s.ptr + i, sizeof(w));
        all |= w[0] | w[1] | w[2] | w[3];
    }
    for (; i < s.len; i++) {
        all |= (unsigned char)s.ptr[i];
    }
    return (all & UINT64_C(0x8080808080808080)) == 0;
}

size_t ascii_run(struct str s)
{
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t w;
        memcpy(&w, s.ptr + i, sizeof(w));
        if ((w & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
    }
    while (i < s.len && (unsigned char)s.ptr[i] < 0x80) {
        i++;
    }
    return i;
}

size_t fold_text(struct str text, size_t base, bool is_final, struct window *w)
{
    size_t at = 0;
    while (at < text.len) {
        size_t from = base + at;
        size_t run = ascii_run(str_sub(text, at, text.len));
        if (run > 0) {
            window_add(w, str_sub(text, at, at + run), from, 0);
            at += run;
            continue;
        }
        bool is_cut;
        size_t step = step_of(str_sub(text, at, text.len), is_final, &is_cut);
        if (is_cut) {
            break;
        }
        if (step == 0) {
            window_add(w, str_sub(text, at, at + 1), from, 0);
            at++;
            continue;
        }
        int32_t cp;
        utf8proc_iterate((const uint8_t *)text.ptr + at, (utf8proc_ssize_t)step, &cp);
        fold_code_point(cp, from, from + step, w);
        at += step;
    }
    return at;
}

size_t fold_view(struct stage *st, const struct view *in, size_t from, bool is_final,
                 struct window *out)
{
    struct str text = in->text;
    size_t copied = from;
    size_t at = from;
    struct window folded; /* one code point, without a map */
    window_init(&folded, 0);
    folded.text.bytes_max = CODE_POINT_BYTES_MAX;
    while (at < text.len) {
        bool is_cut = false;
        at += ascii_run(str_sub(text, at, text.len));
        size_t step = at < text.len ? step_of(str_sub(text, at, text.len), is_final, &is_cut) : 0;
        if (at == text.len || is_cut) {
            break;
        }
        struct str bytes = str_sub(text, at, at + step);
        if (step > 0 && is_changed(bytes, &folded)) {
            size_t start;
            view_span(in, at, at + step, &start, &st->changed_to);
            window_copy(out, in, copied, at);
            window_add(out, buf_str(&folded.text), start, st->changed_to);
            copied = at + step;
        }
        at += step > 0 ? step : 1;
    }
    window_copy(out, in, copied, at);
    out->text.err = out->text.err == ERR_OK ? folded.text.err : out->text.err;
    window_fini(&folded);
    return at;
}

/* Is the folded form of a code point another one? */
static bool is_changed(struct str bytes, struct window *ret)
{
    int32_t cp;
    utf8proc_iterate((const uint8_t *)bytes.ptr, (utf8proc_ssize_t)bytes.len, &cp);
    if (fold_letter(cp) == cp) {
        return false;
    }
    window_clear(ret);
    fold_code_point(cp, 0, 1, ret);
    return !str_eq(buf_str(&ret->text), bytes);
}

/* Bytes of the sequence; 0 = not UTF-8. Cut: more bytes could still make it one. */
static size_t step_of(struct str rest, bool is_final, bool *ret_is_cut)
{
    *ret_is_cut = false;
    size_t step = str_utf8_step(rest);
    if (step != 0 || is_final || rest.len >= 4) {
        return step;
    }
    unsigned char lead = (unsigned char)rest.ptr[0];
    size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    bool is_lead = lead >= 0xc2 && lead <= 0xf4 && rest.len < wanted;
    for (size_t i = 1; i < rest.len; i++) {
        is_lead = is_lead && ((unsigned char)rest.ptr[i] & 0xc0) == 0x80;
    }
    *ret_is_cut = is_lead;
    return 0;
}

static void fold_code_point(int32_t cp, size_t from, size_t to, struct window *w)
{
    int32_t like = fold_letter(cp);
    like = like != 0 ? like : ascii_like(cp);
    if (like != 0) {
        emit(like, from, to, w);
        return;
    }
    int32_t parts[EXPANSION_MAX];
    int last = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char(
        cp, parts, EXPANSION_MAX, UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_IGNORE, &last);
    if (n < 0 || n > EXPANSION_MAX) {
        emit(cp, from, to, w);
        return;
    }
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        int32_t folded[4];
        like = ascii_like(parts[i]);
        if (parts[i] < 0x80 || like != 0) {
            emit(like != 0 ? like : parts[i], from, to, w);
            continue;
        }
        last = 0;
        utf8proc_ssize_t m = utf8proc_decompose_char(parts[i], folded, 4, UTF8PROC_CASEFOLD, &last);
        if (m <= 0 || m > 4) {
            emit(parts[i], from, to, w);
            continue;
        }
        for (utf8proc_ssize_t k = 0; k < m; k++) {
            emit(folded[k], from, to, w);
        }
    }
}

/* Letters of which the library would say that they fold to one letter: asking it is most
 * of the time that such a text takes. Of all scripts the usual ones. 0 = ask. */
static int32_t fold_letter(int32_t cp)
{
    if (cp >= 0x0430 && cp <= 0x044f) {
        return cp != 0x0439 ? cp : 0; /* Cyrillic, small */
    }
    if (cp >= 0x0410 && cp <= 0x042f) {
        return cp != 0x0419 ? cp + 0x20 : 0;
    }
    bool is_han = cp >= 0x3400 && cp <= 0x9fff;
    bool is_greek = cp >= 0x03b1 && cp <= 0x03c9 && cp != 0x03c2;
    bool is_hebrew = cp >= 0x05d0 && cp <= 0x05ea;
    bool is_arabic = (cp >= 0x0627 && cp <= 0x063a) || (cp >= 0x0641 && cp <= 0x064a);
    return is_han || is_greek || is_hebrew || is_arabic ? cp : 0;
}

/* Dashes, spaces and digits that people take for the ASCII ones; 0 = none. */
static int32_t ascii_like(int32_t cp)
{
    if ((cp >= 0x2010 && cp <= 0x2015) || cp == 0x2212 || cp == 0xfe58) {
        return '-';
    }
    static const int32_t zeros[] = {0x0660, 0x06f0, 0x0966, 0x09e6, 0x0e50};
    for (size_t i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++) {
        if (cp >= zeros[i] && cp <= zeros[i] + 9) {
            return '0' + (cp - zeros[i]);
        }
    }
    return 0;
}

static void emit(int32_t cp, size_t from, size_t to, struct window *w)
{
    uint8_t bytes[4];
    utf8proc_ssize_t n = utf8proc_encode_char(cp, bytes);
    window_add(w, (struct str){(const char *)bytes, (size_t)n}, from, to);
}

struct str fold_word(struct arena *a, struct str text)
{
    struct window w;
    window_init(&w, 0);
    w.text.bytes_max = 64 * text.len + 1;
    fold_text(text, 0, true, &w);
    struct str folded = w.text.err == ERR_OK ? arena_str(a, buf_str(&w.text)) : STR_NONE;
    window_fini(&w);
    return folded;
}
