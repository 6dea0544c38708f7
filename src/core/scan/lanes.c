/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes by the dozen: see lanes.h. The wide way takes a byte apart into its halves, looks
 * both up in registers and keeps the classes that both allow; each class is all pairs of
 * some low and some high halves. No memory, no state.
 */
#include "scan_private.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAS_WIDE 1
#include <immintrin.h>
#define WIDE __attribute__((target("avx2")))
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

static struct lanes_starts starts_from(uint64_t word, uint64_t under, uint64_t special,
                                       const char *text, bool *is_after_word);

bool is_special(unsigned char b)
{
    return b == '+' || b == '(' || b == '-' || b == '@' || b == ':' || b == '?' || b == '&' ||
           b == '=' || b == '>' || b == ',' || b == '|' || b == '$';
}

static struct lanes_starts starts_from(uint64_t word, uint64_t under, uint64_t special,
                                       const char *text, bool *is_after_word)
{
    uint64_t before = (word & ~under) << 1;
    before |= *is_after_word && text[-1] != '_' ? 1 : 0;
    *is_after_word = (word >> 63) != 0;
    return (struct lanes_starts){.starts = (word & ~before) | special};
}

#ifdef HAS_WIDE
/* Of both tables the first three bits: letters in columns 4 and 6, in 5 and 7, digits. */
#define IN_WORD 0x07
/* of_starts: $ & ( + , - and : = > ?; then + - . / */
#define IN_SPECIAL 0x18
#define IN_TOKEN 0x20
static const uint8_t of_starts[2][16] = {
    {0x06, 0x07, 0x07, 0x07, 0x0f, 0x07, 0x0f, 0x07,
     0x0f, 0x07, 0x13, 0x29, 0x09, 0x39, 0x31, 0x31},
    {0x00, 0x00, 0x28, 0x14, 0x01, 0x02, 0x01, 0x02},
};
/* of_signs: + - / then % & then * < ~ */
#define IN_BASE64 0x0f
#define IN_ESCAPE 0x10
#define IN_MARK 0xe0
static const uint8_t of_signs[2][16] = {
    {0x06, 0x07, 0x07, 0x07, 0x07, 0x17, 0x17, 0x07,
     0x07, 0x07, 0x23, 0x09, 0x41, 0x09, 0x81, 0x09},
    {0x00, 0x00, 0x38, 0x44, 0x01, 0x02, 0x01, 0x82},
};

WIDE static inline __m256i both(const uint8_t half[16])
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)half));
}

WIDE static inline __m256i load(const char *text)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)text);
}

WIDE static inline __m256i classes_of(__m256i b, __m256i low, __m256i high)
{
    const __m256i nibble = _mm256_set1_epi8(0x0f);
    __m256i by_low = _mm256_shuffle_epi8(low, _mm256_and_si256(b, nibble));
    __m256i by_high = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(b, 4), nibble));
    return _mm256_and_si256(by_low, by_high);
}

/* Bit per byte that is in any of the classes. */
WIDE static inline uint32_t in_any(__m256i classes, int wanted)
{
    __m256i kept = _mm256_and_si256(classes, _mm256_set1_epi8((char)wanted));
    return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(kept, _mm256_setzero_si256()));
}

WIDE static inline uint32_t equal(__m256i b, char c)
{
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, _mm256_set1_epi8(c)));
}

WIDE static struct lanes_starts wide_starts_of(const char *text, bool *is_after_word)
{
    uint64_t word = 0;
    uint64_t under = 0;
    uint64_t special = 0;
    uint64_t token = 0;
    for (unsigned i = 0; i < 2; i++) {
        __m256i b = load(text + 32 * i);
        __m256i c = classes_of(b, both(of_starts[0]), both(of_starts[1]));
        uint32_t line = equal(b, '_');
        uint32_t all = in_any(c, IN_WORD) | line;
        word |= (uint64_t)all << 32 * i;
        under |= (uint64_t)line << 32 * i;
        special |= (uint64_t)(in_any(c, IN_SPECIAL) | equal(b, '@') | equal(b, '|')) << 32 * i;
        token |= (uint64_t)(in_any(c, IN_TOKEN) | all) << 32 * i;
    }
    struct lanes_starts s = starts_from(word, under, special, text, is_after_word);
    s.tokens = token;
    return s;
}

WIDE static bool wide_meet(const uint64_t *const *masks, unsigned count, uint64_t *ret)
{
    __m256i any = _mm256_setzero_si256();
    uint64_t rest = 0;
    unsigned w = 0;
    for (; w + 4 <= MASK_WORDS; w += 4) {
        __m256i all = load((const char *)(masks[0] + w));
        for (unsigned k = 1; k < count; k++) {
            all = _mm256_and_si256(all, load((const char *)(masks[k] + w)));
        }
        _mm256_storeu_si256((__m256i *)(void *)(ret + w), all);
        any = _mm256_or_si256(any, all);
    }
    for (; w < MASK_WORDS; w++) {
        ret[w] = masks[0][w];
        for (unsigned k = 1; k < count; k++) {
            ret[w] &= masks[k][w];
        }
        rest |= ret[w];
    }
    return rest != 0 || _mm256_testz_si256(any, any) == 0;
}

WIDE static struct lanes_signs wide_signs_of(const char *text)
{
    struct lanes_signs s = {0};
    for (unsigned i = 0; i < 2; i++) {
        __m256i b = load(text + 32 * i);
        __m256i c = classes_of(b, both(of_signs[0]), both(of_signs[1]));
        uint32_t line = equal(b, '_');
        s.underscores |= (uint64_t)line << 32 * i;
        s.base64 |= (uint64_t)(in_any(c, IN_BASE64) | line) << 32 * i;
        s.marks |= (uint64_t)(in_any(c, IN_MARK) | equal(b, '`')) << 32 * i;
        s.escapes |= (uint64_t)in_any(c, IN_ESCAPE) << 32 * i;
        s.backslashes |= (uint64_t)equal(b, '\\') << 32 * i;
        s.us |= (uint64_t)equal(b, 'u') << 32 * i;
        s.high |= (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32 * i;
    }
    return s;
}
#endif

#ifdef __SSE2__
static struct lanes_starts narrow_starts_of(const char *text, bool *is_after_word)
{
    uint64_t word = 0;
    uint64_t tokens = 0;
    uint64_t under = 0;
    uint64_t special = 0;
    for (unsigned i = 0; i < 4; i++) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(text + 16 * i));
        __m128i low = _mm_or_si128(b, _mm_set1_epi8(0x20));
        /* x in [a, a + n) as unsigned: min(x - a, n - 1) == x - a */
        __m128i letter = _mm_sub_epi8(low, _mm_set1_epi8('a'));
        __m128i digit = _mm_sub_epi8(b, _mm_set1_epi8('0'));
        letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter);
        digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
        __m128i line = _mm_cmpeq_epi8(b, _mm_set1_epi8('_'));
        __m128i all = _mm_or_si128(_mm_or_si128(letter, digit), line);
        static const char signs[] = "(@:?&=>,|$";
        __m128i odd = _mm_or_si128(_mm_cmpeq_epi8(b, _mm_set1_epi8('+')),
                                   _mm_cmpeq_epi8(b, _mm_set1_epi8('-')));
        __m128i token = _mm_or_si128(all, odd);
        for (unsigned k = 0; k < sizeof(signs) - 1; k++) {
            odd = _mm_or_si128(odd, _mm_cmpeq_epi8(b, _mm_set1_epi8(signs[k])));
        }
        token = _mm_or_si128(token, _mm_cmpeq_epi8(b, _mm_set1_epi8('.')));
        token = _mm_or_si128(token, _mm_cmpeq_epi8(b, _mm_set1_epi8('/')));
        word |= (uint64_t)(uint16_t)_mm_movemask_epi8(all) << (16 * i);
        tokens |= (uint64_t)(uint16_t)_mm_movemask_epi8(token) << (16 * i);
        under |= (uint64_t)(uint16_t)_mm_movemask_epi8(line) << (16 * i);
        special |= (uint64_t)(uint16_t)_mm_movemask_epi8(odd) << (16 * i);
    }
    struct lanes_starts s = starts_from(word, under, special, text, is_after_word);
    s.tokens = tokens;
    return s;
}
#else
static struct lanes_starts narrow_starts_of(const char *text, bool *is_after_word)
{
    uint64_t word = 0;
    uint64_t tokens = 0;
    uint64_t under = 0;
    uint64_t special = 0;
    for (unsigned i = 0; i < LANES; i++) {
        unsigned char b = (unsigned char)text[i];
        word |= (uint64_t)is_word_byte(b) << i;
        tokens |= (uint64_t)is_token_byte(b) << i;
        under |= (uint64_t)(b == '_') << i;
        special |= (uint64_t)is_special(b) << i;
    }
    struct lanes_starts s = starts_from(word, under, special, text, is_after_word);
    s.tokens = tokens;
    return s;
}
#endif

struct lanes_starts lanes_starts_of(const char *text, bool is_wide, bool *is_after_word)
{
#ifdef HAS_WIDE
    if (is_wide) {
        return wide_starts_of(text, is_after_word);
    }
#endif
    (void)is_wide;
    return narrow_starts_of(text, is_after_word);
}

bool lanes_meet(const uint64_t *const *masks, unsigned count, bool is_wide, uint64_t *ret)
{
#ifdef HAS_WIDE
    if (is_wide) {
        return wide_meet(masks, count, ret);
    }
#endif
    (void)is_wide;
    uint64_t any = 0;
    for (unsigned w = 0; w < MASK_WORDS; w++) {
        uint64_t all = masks[0][w];
        for (unsigned k = 1; k < count; k++) {
            all &= masks[k][w];
        }
        ret[w] = all;
        any |= all;
    }
    return any != 0;
}

struct lanes_signs lanes_signs_of(const char *text)
{
#ifdef HAS_WIDE
    return wide_signs_of(text);
#else
    (void)text;
    return (struct lanes_signs){0};
#endif
}
