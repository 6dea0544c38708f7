/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8 by AVX2: see utf8_wide.h. What can be wrong with two bytes in a row is a class;
 * three tables of 16 rows say which classes the halves of the first byte and the upper half of
 * the second allow, and what all three allow is so. One class is right in its place: that a
 * continuation follows another, which is so exactly for the third and fourth bytes of a
 * sequence. No memory, no state.
 */
#include "utf8_wide.h"

#if UTF8_WIDE

#include <immintrin.h>

#define WIDE __attribute__((target("avx2")))
#define BLOCK_BYTES 32

/* The classes. */
#define SHORT 0x01  /* something else where a continuation must be */
#define LONG 0x02   /* a continuation behind ASCII */
#define LOW_2 0x04  /* below U+0080 in two bytes */
#define LOW_3 0x08  /* below U+0800 in three */
#define HALF 0x10   /* a surrogate */
#define ENDS_4 0x20 /* below U+10000 in four, or F5 and above with 80..8F */
#define HIGH_4 0x40 /* above U+10FFFF with 90..BF */
#define TWICE 0x80  /* a continuation behind a continuation */
#define ANY (SHORT | LONG | TWICE)

WIDE static __m256i wrong_in(__m256i block, __m256i before);

/* Behind the last byte one of ASCII is put, which finds what is cut off there. */
WIDE bool utf8_wide(struct str s)
{
    __m256i before = _mm256_setzero_si256();
    __m256i wrong = _mm256_setzero_si256();
    size_t at = 0;
    for (; s.len - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
        __m256i block = _mm256_loadu_si256((const __m256i *)(const void *)(s.ptr + at));
        if (_mm256_movemask_epi8(_mm256_or_si256(block, before)) != 0) {
            wrong = _mm256_or_si256(wrong, wrong_in(block, before));
        }
        before = block;
    }
    char last[BLOCK_BYTES] = {0};
    if (s.len > at) {
        memcpy(last, s.ptr + at, s.len - at);
    }
    __m256i block = _mm256_loadu_si256((const __m256i *)(const void *)last);
    wrong = _mm256_or_si256(wrong, wrong_in(block, before));
    return _mm256_testz_si256(wrong, wrong) != 0;
}

WIDE static inline __m256i look_up(const unsigned char rows[16], __m256i halves)
{
    __m128i table = _mm_loadu_si128((const __m128i *)(const void *)rows);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), halves);
}

WIDE static inline __m256i upper_half(__m256i bytes)
{
    return _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0f));
}

WIDE static inline __m256i wrong_in(__m256i block, __m256i before)
{
    static const unsigned char first_upper[16] = {
        LONG,
        LONG,
        LONG,
        LONG,
        LONG,
        LONG,
        LONG,
        LONG,
        TWICE,
        TWICE,
        TWICE,
        TWICE,
        SHORT | LOW_2,
        SHORT,
        SHORT | LOW_3 | HALF,
        SHORT | ENDS_4 | HIGH_4,
    };
    static const unsigned char first_lower[16] = {
        ANY | LOW_2 | LOW_3 | ENDS_4,
        ANY | LOW_2,
        ANY,
        ANY,
        ANY | HIGH_4,
        ANY | ENDS_4 | HIGH_4,
        ANY | ENDS_4 | HIGH_4,
        ANY | ENDS_4 | HIGH_4,
        ANY | ENDS_4 | HIGH_4,
        ANY | ENDS_4 | HIGH_4,
        ANY | ENDS_4 | HIGH_4,
        ANY | ENDS_4 | HIGH_4,
        ANY | ENDS_4 | HIGH_4,
        ANY | ENDS_4 | HIGH_4 | HALF,
        ANY | ENDS_4 | HIGH_4,
        ANY | ENDS_4 | HIGH_4,
    };
    static const unsigned char second_upper[16] = {
        SHORT,
        SHORT,
        SHORT,
        SHORT,
        SHORT,
        SHORT,
        SHORT,
        SHORT,
        LONG | TWICE | LOW_2 | LOW_3 | ENDS_4,
        LONG | TWICE | LOW_2 | LOW_3 | HIGH_4,
        LONG | TWICE | LOW_2 | HALF | HIGH_4,
        LONG | TWICE | LOW_2 | HALF | HIGH_4,
        SHORT,
        SHORT,
        SHORT,
        SHORT,
    };
    /* The upper lane of what was before, the lower one of the block: then one, two and
     * three bytes back is a shift within the lanes. */
    __m256i middle = _mm256_permute2x128_si256(before, block, 0x21);
    __m256i one_back = _mm256_alignr_epi8(block, middle, 15);
    __m256i two_back = _mm256_alignr_epi8(block, middle, 14);
    __m256i three_back = _mm256_alignr_epi8(block, middle, 13);
    __m256i lower = _mm256_and_si256(one_back, _mm256_set1_epi8(0x0f));
    __m256i classes = _mm256_and_si256(
        _mm256_and_si256(look_up(first_upper, upper_half(one_back)), look_up(first_lower, lower)),
        look_up(second_upper, upper_half(block)));
    /* Top bit: two back begins three or more bytes, or three back begins four. */
    __m256i third = _mm256_subs_epu8(two_back, _mm256_set1_epi8(0xe0 - 0x80));
    __m256i fourth = _mm256_subs_epu8(three_back, _mm256_set1_epi8(0xf0 - 0x80));
    __m256i must = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)TWICE));
    return _mm256_xor_si256(classes, must);
}

#else
/* An empty translation unit is not C11. */
struct utf8_wide_is_left_out;
#endif
