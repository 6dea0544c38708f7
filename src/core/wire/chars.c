/* SPDX-License-Identifier: Apache-2.0
 *
 * Byte classes of HTTP and URLs, and the loops over them. One table of 256 masks
 * instead of <ctype.h>, which depends on the locale and is undefined for bytes
 * above 127. Names and values, the bulk of every head, are looked through 16 bytes
 * at a time where there is SSE2, which every amd64 has; what is left over, and
 * every other processor, goes by the table. Pure, no memory, any thread.
 */
#include "wire_parts.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define WINDOW_BYTES 512

/* clang-format off */
/* Bits: 1 token, 2 value, 4 target, 8 path, 16 host, 32 digit, 64 hex. 16 bytes a row. */
const uint8_t char_classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    2, 15, 6, 3, 15, 7, 15, 15, 14, 14, 15, 15, 14, 31, 31, 6,
    127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 14, 6, 6, 14, 6, 6,
    14, 95, 95, 95, 95, 95, 95, 31, 31, 31, 31, 31, 31, 31, 31, 31,
    31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 6, 2, 6, 7, 31,
    7, 95, 95, 95, 95, 95, 95, 31, 31, 31, 31, 31, 31, 31, 31, 31,
    31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 6, 7, 6, 15, 0,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
};
/* clang-format on */

bool chars_are(struct str s, unsigned classes)
{
    const unsigned char *bytes = (const unsigned char *)s.ptr;
    size_t at = 0;
    /* Four that have one of the classes in common; else each by itself. */
    while (at + 4 <= s.len &&
           (char_classes[bytes[at]] & char_classes[bytes[at + 1]] & char_classes[bytes[at + 2]] &
            char_classes[bytes[at + 3]] & classes) != 0) {
        at += 4;
    }
    for (; at < s.len; at++) {
        if (!char_is(s.ptr[at], classes)) {
            return false;
        }
    }
    return true;
}

#ifdef __SSE2__
/* Which of 16 bytes are not CHAR_VALUE: one bit each. */
static inline unsigned no_value(__m128i bytes)
{
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del));
}

static inline unsigned no_target(__m128i bytes)
{
    /* Compared with their sign: below 0x21 or above 0x7f. */
    __m128i outside = _mm_cmplt_epi8(bytes, _mm_set1_epi8('!'));
    __m128i hash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('#'));
    __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    return (unsigned)_mm_movemask_epi8(
        _mm_or_si128(_mm_or_si128(outside, hash), _mm_or_si128(backslash, del)));
}

/* Neither a letter nor '-', which is all that nearly every name has. */
static inline unsigned no_name(__m128i bytes)
{
    __m128i lower = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    __m128i off = _mm_sub_epi8(lower, _mm_set1_epi8('a'));
    __m128i sign = _mm_cmpeq_epi8(_mm_max_epu8(off, _mm_set1_epi8('z' - 'a' + 1)), off);
    __m128i dash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-'));
    return (unsigned)_mm_movemask_epi8(_mm_andnot_si128(dash, sign));
}

/* How many bytes are in front of an odd one; those behind the last 16 are not looked at. */
static inline size_t run_of(struct str s, unsigned (*odd_of)(__m128i))
{
    size_t at = 0;
    for (; at + 16 <= s.len; at += 16) {
        unsigned odd = odd_of(_mm_loadu_si128((const __m128i *)(const void *)(s.ptr + at)));
        if (odd != 0) {
            return at + (unsigned)__builtin_ctz(odd);
        }
    }
    return at;
}

/* All bytes of `s`, 4 to 15, some of them more than once. */
static inline __m128i fewer_than_16(struct str s)
{
    if (s.len >= 8) {
        __m128i first = _mm_loadl_epi64((const __m128i *)(const void *)s.ptr);
        __m128i last = _mm_loadl_epi64((const __m128i *)(const void *)(s.ptr + s.len - 8));
        return _mm_unpacklo_epi64(first, last);
    }
    int first, last;
    memcpy(&first, s.ptr, 4);
    memcpy(&last, s.ptr + s.len - 4, 4);
    __m128i both = _mm_unpacklo_epi32(_mm_cvtsi32_si128(first), _mm_cvtsi32_si128(last));
    return _mm_unpacklo_epi64(both, both);
}

/* Is none of `s`, at least 4, odd? The last 16 overlap those before. */
static inline bool is_clean(struct str s, unsigned (*odd_of)(__m128i))
{
    if (s.len < 16) {
        return odd_of(fewer_than_16(s)) == 0;
    }
    const __m128i *last = (const __m128i *)(const void *)(s.ptr + s.len - 16);
    return run_of(s, odd_of) == (s.len & ~(size_t)15) && odd_of(_mm_loadu_si128(last)) == 0;
}
#endif

size_t chars_value_len(struct str s)
{
    size_t len = 0;
#ifdef __SSE2__
    len = run_of(s, no_value);
#endif
    while (len < s.len && char_is(s.ptr[len], CHAR_VALUE)) {
        len++;
    }
    return len;
}

size_t chars_token_len(struct str s)
{
    size_t len = 0;
#ifdef __SSE2__
    len = run_of(s, no_name);
#endif
    while (len < s.len && char_is(s.ptr[len], CHAR_TOKEN)) {
        len++;
    }
    return len;
}

bool chars_are_value(struct str s)
{
#ifdef __SSE2__
    if (s.len >= 4) {
        return is_clean(s, no_value);
    }
#endif
    return chars_are(s, CHAR_VALUE);
}

bool chars_are_target(struct str s)
{
#ifdef __SSE2__
    if (s.len >= 4) {
        return is_clean(s, no_target);
    }
#endif
    return chars_are(s, CHAR_TARGET);
}

bool chars_are_token(struct str s)
{
#ifdef __SSE2__
    if (s.len >= 4 && is_clean(s, no_name)) {
        return true;
    }
#endif
    return chars_are(s, CHAR_TOKEN);
}

/* libc's search is the fastest there is; in windows, because a text may have thousands of
 * CRs and no LF at all. */
size_t chars_find_line_end(struct str s)
{
    for (size_t i = 0; i < s.len; i += WINDOW_BYTES) {
        size_t len = s.len - i < WINDOW_BYTES ? s.len - i : WINDOW_BYTES;
        const char *lf = memchr(s.ptr + i, '\n', len);
        len = lf != NULL ? (size_t)(lf - s.ptr) - i : len;
        const char *cr = memchr(s.ptr + i, '\r', len);
        if (cr != NULL || lf != NULL) {
            return (size_t)((cr != NULL ? cr : lf) - s.ptr);
        }
    }
    return s.len;
}

bool chars_equal_lower(const char *s, const char *lower, size_t len)
{
    return str_eq_nocase((struct str){s, len}, (struct str){lower, len});
}

struct str chars_trim_ows(struct str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}
