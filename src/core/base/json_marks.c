/* SPDX-License-Identifier: Apache-2.0
 *
 * Quotes, backslashes, control bytes and bytes above ASCII of a JSON text as bits, one
 * for each of 64 bytes: see json_marks.h. The same loops are compiled for both ways to
 * find them. Pure, no memory, any thread.
 */
#include "json_marks.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAS_WIDE 1
#include <immintrin.h>
#define WIDE __attribute__((target("avx2")))
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

#define BLOCK_BYTES 64
#define CHUNK_BYTES 16
#define SAME_LOOP static inline __attribute__((always_inline))

struct marks {
    uint64_t quotes, slashes, lows, highs;
};

/* Where a string is read and its meaning written. */
struct reading {
    const char *from;
    const char *end; /* of the text */
    char *to;
    bool is_wrong;
};

static const char *find_open_narrow(const char *at, const char *end);
static bool read_string_narrow(struct json_content *c, const char *end, char *to);
static bool find_close_narrow(struct json_content *c, const char *end);
SAME_LOOP bool pass_plain(struct reading *r, bool is_wide);
SAME_LOOP bool read_marked(struct reading *r, struct json_content *c, const struct marks *m);
SAME_LOOP void copy_run(struct reading *r, const char *until);
SAME_LOOP bool undo_escape(struct reading *r);
static bool undo_units(const char **ret_from, const char *end, char **ret_to);
static bool read_unit(const char *from, const char *end, uint32_t *ret_unit);
static bool is_plain_narrow(const char *block);
static struct marks marks_narrow(const char *block);

#ifdef HAS_WIDE
/* Where it is no plain ASCII, or a quote, a backslash or a control byte. */
WIDE static inline __m256i stops_wide(__m256i bytes)
{
    __m256i quote = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"'));
    __m256i slash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'));
    /* Compared with their sign: bytes above ASCII are below it as well. */
    __m256i other = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), bytes);
    return _mm256_or_si256(_mm256_or_si256(quote, slash), other);
}

WIDE static inline bool copy_plain_wide(char *to, const char *block)
{
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)block);
    __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(block + 32));
    _mm256_storeu_si256((__m256i *)(void *)to, a);
    _mm256_storeu_si256((__m256i *)(void *)(to + 32), b);
    __m256i any = _mm256_or_si256(stops_wide(a), stops_wide(b));
    return _mm256_testz_si256(any, any) != 0;
}

WIDE static inline uint64_t bits_wide(__m256i first, __m256i second)
{
    return (uint64_t)(uint32_t)_mm256_movemask_epi8(second) << 32 |
           (uint32_t)_mm256_movemask_epi8(first);
}

WIDE static inline struct marks marks_wide(const char *block)
{
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)block);
    __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(block + 32));
    __m256i quote = _mm256_set1_epi8('"');
    __m256i slash = _mm256_set1_epi8('\\');
    __m256i low = _mm256_set1_epi8(0x1f);
    return (struct marks){
        .quotes = bits_wide(_mm256_cmpeq_epi8(a, quote), _mm256_cmpeq_epi8(b, quote)),
        .slashes = bits_wide(_mm256_cmpeq_epi8(a, slash), _mm256_cmpeq_epi8(b, slash)),
        .lows = bits_wide(_mm256_cmpeq_epi8(_mm256_min_epu8(a, low), a),
                          _mm256_cmpeq_epi8(_mm256_min_epu8(b, low), b)),
        .highs = bits_wide(a, b),
    };
}
#endif

SAME_LOOP bool copy_plain(char *to, const char *block, bool is_wide)
{
#ifdef HAS_WIDE
    if (is_wide) {
        return copy_plain_wide(to, block);
    }
#endif
    (void)is_wide;
    memcpy(to, block, BLOCK_BYTES);
    return is_plain_narrow(block);
}

SAME_LOOP struct marks marks_of(const char *block, bool is_wide)
{
#ifdef HAS_WIDE
    if (is_wide) {
        return marks_wide(block);
    }
#endif
    (void)is_wide;
    return marks_narrow(block);
}

/* Those that are not escaped. *ret_next: behind the block, and one byte more if that is. */
SAME_LOOP uint64_t quotes_of(const char *block, bool is_wide, const char **ret_next)
{
    struct marks m = marks_of(block, is_wide);
    unsigned i = 0;
    while (m.slashes != 0) {
        i = (unsigned)__builtin_ctzll(m.slashes);
        m.quotes &= ~(UINT64_C(2) << i);
        m.slashes &= ~(UINT64_C(3) << i); /* one that is escaped itself escapes nothing */
    }
    *ret_next = block + BLOCK_BYTES + (i == BLOCK_BYTES - 1 ? 1 : 0);
    return m.quotes;
}

SAME_LOOP const char *find_open(const char *at, const char *end, bool is_wide)
{
    const char *next;
    while (end - at > JSON_LONG_BYTES_MIN + 2) {
        uint64_t quotes = quotes_of(at, is_wide, &next);
        if (__builtin_parityll(quotes) == 0) {
            at += BLOCK_BYTES;
            continue;
        }
        const char *open = at + 63 - __builtin_clzll(quotes);
        if (end - open <= JSON_LONG_BYTES_MIN + 2) {
            return NULL;
        }
        at = open + 1;
        quotes = quotes_of(at, is_wide, &next);
        if (quotes == 0) {
            at = next;
            quotes = quotes_of(at, is_wide, &next);
        }
        if (quotes == 0) {
            return open;
        }
        at += __builtin_ctzll(quotes) + 1;
    }
    return NULL;
}

/* Block by block. What is written stays behind what is read, so where there are 64 bytes to
 * read there is room to write as many. */
SAME_LOOP bool read_string(struct json_content *c, const char *end, char *to, bool is_wide)
{
    struct reading r = {.from = c->from, .end = end, .to = to};
    while (r.from < end) {
        const char *block = r.from;
        char last[BLOCK_BYTES];
        if (end - r.from < BLOCK_BYTES) {
            memset(last, 0, sizeof(last)); /* a control byte: nothing is read beyond it */
            memcpy(last, r.from, (size_t)(end - r.from));
            block = last;
        } else if (pass_plain(&r, is_wide)) {
            continue;
        }
        struct marks m = marks_of(block, is_wide);
        if (read_marked(&r, c, &m)) {
            c->to = r.from;
            c->len = (size_t)(r.to - to);
            return true;
        }
        if (r.is_wrong) {
            return false;
        }
    }
    return false;
}

/* Blocks without marks; false: there was none. */
SAME_LOOP bool pass_plain(struct reading *r, bool is_wide)
{
    const char *from = r->from;
    const char *end = r->end;
    char *to = r->to;
    while (end - from >= BLOCK_BYTES && copy_plain(to, from, is_wide)) {
        from += BLOCK_BYTES;
        to += BLOCK_BYTES;
    }
    bool is_any = from > r->from;
    r->from = from;
    r->to = to;
    return is_any;
}

/* The block at r->from; true at the end of the string. */
SAME_LOOP bool read_marked(struct reading *r, struct json_content *c, const struct marks *m)
{
    const char *block = r->from;
    for (uint64_t stops = m->quotes | m->slashes | m->lows; stops != 0;) {
        unsigned i = (unsigned)__builtin_ctzll(stops);
        copy_run(r, block + i);
        if ((m->slashes >> i & 1) == 0) {
            c->has_high |= (m->highs & ((UINT64_C(1) << i) - 1)) != 0;
            r->is_wrong = (m->quotes >> i & 1) == 0;
            return !r->is_wrong;
        }
        c->has_escape = true;
        if (!undo_escape(r)) {
            r->is_wrong = true;
            return false;
        }
        size_t next = (size_t)(r->from - block);
        stops = next < BLOCK_BYTES ? stops & ~UINT64_C(0) << next : 0;
    }
    c->has_high |= m->highs != 0;
    if (r->from - block < BLOCK_BYTES) {
        copy_run(r, block + BLOCK_BYTES);
    }
    return false;
}

/* At most a block. */
SAME_LOOP void copy_run(struct reading *r, const char *until)
{
    size_t run = (size_t)(until - r->from);
    if (r->end - r->from < BLOCK_BYTES) {
        memcpy(r->to, r->from, run);
    } else {
        for (size_t i = 0; i < run; i += CHUNK_BYTES) {
            memcpy(r->to + i, r->from + i, CHUNK_BYTES);
        }
    }
    r->from += run;
    r->to += run;
}

/* RFC 8259, section 7. */
SAME_LOOP bool undo_escape(struct reading *r)
{
    static const char undone[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                     ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    char c = r->end - r->from < 2 ? 0 : undone[(unsigned char)r->from[1]];
    if (c != 0) {
        *r->to++ = c;
        r->from += 2;
        return true;
    }
    return undo_units(&r->from, r->end, &r->to);
}

/* As many as there are of \u and four digits; false: none, or half a pair. */
static bool undo_units(const char **ret_from, const char *end, char **ret_to)
{
    const char *from = *ret_from;
    char *to = *ret_to;
    uint32_t code, low;
    while (read_unit(from, end, &code)) {
        from += 6;
        if (code >= 0xd800 && code <= 0xdfff) {
            if (code >= 0xdc00 || !read_unit(from, end, &low) || low < 0xdc00 || low > 0xdfff) {
                return false;
            }
            from += 6;
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        to += str_utf8_of(code, to);
    }
    bool is_any = from > *ret_from;
    *ret_from = from;
    *ret_to = to;
    return is_any;
}

static inline bool read_unit(const char *from, const char *end, uint32_t *ret_unit)
{
    /* A digit's value, and a bit that says it is one. */
    static const unsigned char digits[256] = {
        ['0'] = 16, ['1'] = 17, ['2'] = 18, ['3'] = 19, ['4'] = 20, ['5'] = 21,
        ['6'] = 22, ['7'] = 23, ['8'] = 24, ['9'] = 25, ['a'] = 26, ['b'] = 27,
        ['c'] = 28, ['d'] = 29, ['e'] = 30, ['f'] = 31, ['A'] = 26, ['B'] = 27,
        ['C'] = 28, ['D'] = 29, ['E'] = 30, ['F'] = 31};
    if (end - from < 6 || from[0] != '\\' || from[1] != 'u') {
        return false;
    }
    const unsigned char *p = (const unsigned char *)from + 2;
    unsigned a = digits[p[0]], b = digits[p[1]], c = digits[p[2]], d = digits[p[3]];
    *ret_unit = (a & 15) << 12 | (b & 15) << 8 | (c & 15) << 4 | (d & 15);
    return (a & b & c & d & 16) != 0;
}

/* From `at`, up to which all was plain. */
SAME_LOOP bool find_close(struct json_content *c, const char *at, const char *end, bool is_wide)
{
    for (;; at += BLOCK_BYTES) {
        const char *block = at;
        char last[BLOCK_BYTES];
        if (end - at < BLOCK_BYTES) {
            memset(last, 0, sizeof(last)); /* a control byte */
            memcpy(last, at, (size_t)(end - at));
            block = last;
        }
        struct marks m = marks_of(block, is_wide);
        uint64_t stops = m.quotes | m.slashes | m.lows;
        if (stops != 0) {
            unsigned i = (unsigned)__builtin_ctzll(stops);
            c->has_high |= (m.highs & ((UINT64_C(1) << i) - 1)) != 0;
            c->has_escape = (m.slashes >> i & 1) != 0;
            c->to = at + i;
            c->len = (size_t)(c->to - c->from);
            return (m.lows >> i & 1) == 0;
        }
        c->has_high |= m.highs != 0;
    }
}

#ifdef HAS_WIDE
/* The quote comes first in most strings: then nothing else has to be told apart. */
WIDE static bool find_close_wide(struct json_content *c, const char *end)
{
    const char *at = c->from;
    for (; end - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
        __m256i first = _mm256_loadu_si256((const __m256i *)(const void *)at);
        __m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(at + 32));
        uint64_t stops = bits_wide(stops_wide(first), stops_wide(second));
        if (stops == 0) {
            continue;
        }
        c->to = at + __builtin_ctzll(stops);
        c->len = (size_t)(c->to - c->from);
        if (*c->to == '"') {
            return true;
        }
        break;
    }
    return find_close(c, at, end, true);
}

WIDE static const char *find_open_wide(const char *at, const char *end)
{
    return find_open(at, end, true);
}

WIDE static bool read_string_wide(struct json_content *c, const char *end, char *to)
{
    return read_string(c, end, to, true);
}
#endif

static bool find_close_narrow(struct json_content *c, const char *end)
{
    return find_close(c, c->from, end, false);
}

static const char *find_open_narrow(const char *at, const char *end)
{
    return find_open(at, end, false);
}

static bool read_string_narrow(struct json_content *c, const char *end, char *to)
{
    return read_string(c, end, to, false);
}

const char *json_find_open(const char *at, const char *end, bool is_wide)
{
#ifdef HAS_WIDE
    if (is_wide) {
        return find_open_wide(at, end);
    }
#endif
    (void)is_wide;
    return find_open_narrow(at, end);
}

bool json_read_string(struct json_content *c, const char *end, char *to, bool is_wide)
{
    c->to = c->from;
    c->len = 0;
    c->has_high = c->has_escape = false;
#ifdef HAS_WIDE
    if (is_wide) {
        return read_string_wide(c, end, to);
    }
#endif
    (void)is_wide;
    return read_string_narrow(c, end, to);
}

bool json_find_close(struct json_content *c, const char *end, bool is_wide)
{
    c->has_high = c->has_escape = false;
#ifdef HAS_WIDE
    if (is_wide) {
        return find_close_wide(c, end);
    }
#endif
    (void)is_wide;
    return find_close_narrow(c, end);
}

#ifdef __SSE2__
static inline __m128i load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static bool is_plain_narrow(const char *block)
{
    __m128i any = _mm_setzero_si128();
    for (unsigned i = 0; i < 4; i++) {
        __m128i b = load(block + 16 * i);
        __m128i quote = _mm_cmpeq_epi8(b, _mm_set1_epi8('"'));
        __m128i slash = _mm_cmpeq_epi8(b, _mm_set1_epi8('\\'));
        /* Compared with their sign: bytes above ASCII are below it as well. */
        __m128i other = _mm_cmplt_epi8(b, _mm_set1_epi8(0x20));
        any = _mm_or_si128(any, _mm_or_si128(_mm_or_si128(quote, slash), other));
    }
    return _mm_movemask_epi8(any) == 0;
}

static struct marks marks_narrow(const char *block)
{
    struct marks m = {0};
    for (unsigned i = 0; i < 4; i++) {
        __m128i b = load(block + 16 * i);
        __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(b, _mm_set1_epi8(0x1f)), b);
        int quotes = _mm_movemask_epi8(_mm_cmpeq_epi8(b, _mm_set1_epi8('"')));
        int slashes = _mm_movemask_epi8(_mm_cmpeq_epi8(b, _mm_set1_epi8('\\')));
        m.quotes |= (uint64_t)(unsigned)quotes << 16 * i;
        m.slashes |= (uint64_t)(unsigned)slashes << 16 * i;
        m.lows |= (uint64_t)(unsigned)_mm_movemask_epi8(low) << 16 * i;
        m.highs |= (uint64_t)(unsigned)_mm_movemask_epi8(b) << 16 * i;
    }
    return m;
}
#elif defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ONES UINT64_C(0x0101010101010101)
#define SEVENS (ONES * 0x7f)

static inline uint64_t load(const char *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof(v));
    return v;
}

/* The top bit of each byte that is `c`: nothing carries from one byte into the next. */
static inline uint64_t equal(uint64_t v, unsigned char c)
{
    v ^= ONES * c;
    return ~(((v & SEVENS) + SEVENS) | v | SEVENS);
}

/* The same of each that is below 0x20. */
static inline uint64_t below_blank(uint64_t v)
{
    return ~(((v & SEVENS) + ONES * (0x80 - 0x20)) | v | SEVENS);
}

static bool is_plain_narrow(const char *block)
{
    uint64_t any = 0;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t v = load(block + 8 * i);
        any |= equal(v, '"') | equal(v, '\\') | below_blank(v) | (v & ~SEVENS);
    }
    return any == 0;
}

/* Top bits side by side. */
static inline uint64_t gather(uint64_t tops)
{
    return (tops >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

static struct marks marks_narrow(const char *block)
{
    struct marks m = {0};
    for (unsigned i = 0; i < 8; i++) {
        uint64_t v = load(block + 8 * i);
        m.quotes |= gather(equal(v, '"')) << 8 * i;
        m.slashes |= gather(equal(v, '\\')) << 8 * i;
        m.lows |= gather(below_blank(v)) << 8 * i;
        m.highs |= gather(v & ~SEVENS) << 8 * i;
    }
    return m;
}
#else
static bool is_plain_narrow(const char *block)
{
    (void)block;
    return false;
}

static struct marks marks_narrow(const char *block)
{
    struct marks m = {0};
    for (unsigned i = 0; i < BLOCK_BYTES; i++) {
        unsigned char c = (unsigned char)block[i];
        m.quotes |= (uint64_t)(c == '"') << i;
        m.slashes |= (uint64_t)(c == '\\') << i;
        m.lows |= (uint64_t)(c < 0x20) << i;
        m.highs |= (uint64_t)(c >= 0x80) << i;
    }
    return m;
}
#endif
