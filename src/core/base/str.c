/* SPDX-License-Identifier: Apache-2.0
 *
 * Borrowed byte strings. Nothing here allocates or needs a terminating NUL; all
 * functions take STR_NONE as an empty string. Comparison without case is ASCII
 * only, because protocol words are ASCII and locales are state. Any thread.
 */
#include "portcullis/base.h"
#include "utf8_wide.h"

#define UTF8_WIDE_BYTES_MIN 64

static uint64_t fewer_than_8(struct str s);
static bool is_same_but_case(uint64_t x, uint64_t y);
static bool is_one_of(char c, const char *bytes);
static size_t step_of_four(const char *at);
static bool is_continuation(unsigned char c);

struct str str_from(const char *z)
{
    return z == NULL ? STR_NONE : (struct str){z, strlen(z)};
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len) {
        return false;
    }
    if (a.len < 8) {
        return is_same_but_case(fewer_than_8(a), fewer_than_8(b));
    }
    /* The last eight overlap those before instead of a loop over single bytes. */
    for (size_t i = 0; i < a.len; i += 8) {
        size_t at = i + 8 <= a.len ? i : a.len - 8;
        uint64_t x, y;
        memcpy(&x, a.ptr + at, sizeof(x));
        memcpy(&y, b.ptr + at, sizeof(y));
        if (x != y && !is_same_but_case(x, y)) {
            return false;
        }
    }
    return true;
}

/* All bytes of `s`, some of them twice. */
static uint64_t fewer_than_8(struct str s)
{
    if (s.len >= 4) {
        uint32_t first, last;
        memcpy(&first, s.ptr, sizeof(first));
        memcpy(&last, s.ptr + s.len - sizeof(last), sizeof(last));
        return (uint64_t)first << 32 | last;
    }
    uint64_t x = 0;
    for (size_t i = 0; i < s.len; i++) {
        x = x << 8 | (unsigned char)s.ptr[i];
    }
    return x;
}

/* Do eight bytes differ in nothing but bit 0x20 of letters? Adding to seven bits of a byte
 * sets its eighth where the sum passes 127: at or above 'a', and above 'z'. */
static bool is_same_but_case(uint64_t x, uint64_t y)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t differ = x ^ y;
    uint64_t low = (x | ones * 0x20) & ones * 0x7f;
    uint64_t is_letter = (low + ones * (0x80 - 'a')) & ~(low + ones * (0x7f - 'z')) & ~x;
    return (differ & ~(ones * 0x20)) == 0 && (differ << 2 & ~is_letter) == 0;
}

int str_cmp(struct str a, struct str b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared == 0 ? 0 : memcmp(a.ptr, b.ptr, shared);
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq((struct str){s.ptr, prefix.len}, prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_sub(s, s.len - suffix.len, s.len), suffix);
}

ptrdiff_t str_find(struct str s, char c)
{
    const char *at = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);
    return at == NULL ? -1 : at - s.ptr;
}

ptrdiff_t str_find_str(struct str s, struct str needle)
{
    if (needle.len == 0) {
        return 0;
    }
    size_t from = 0;
    while (s.len - from >= needle.len) {
        /* Only starts that leave room for the whole needle are looked at. */
        size_t starts = s.len - from - needle.len + 1;
        const char *at = memchr(s.ptr + from, needle.ptr[0], starts);
        if (at == NULL) {
            return -1;
        }
        if (memcmp(at, needle.ptr, needle.len) == 0) {
            return at - s.ptr;
        }
        from = (size_t)(at - s.ptr) + 1;
    }
    return -1;
}

struct str str_sub(struct str s, size_t from, size_t to)
{
    if (s.ptr == NULL) {
        return STR_NONE;
    }
    if (to > s.len) {
        to = s.len;
    }
    if (from > to) {
        from = to;
    }
    return (struct str){s.ptr + from, to - from};
}

struct str str_trim(struct str s, const char *bytes)
{
    while (s.len > 0 && is_one_of(s.ptr[0], bytes)) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_one_of(s.ptr[s.len - 1], bytes)) {
        s.len--;
    }
    return s;
}

/* Of a few: a loop is shorter than the call of one. */
static bool is_one_of(char c, const char *bytes)
{
    while (*bytes != '\0' && *bytes != c) {
        bytes++;
    }
    return *bytes != '\0';
}

struct str str_cut(struct str *s, char sep)
{
    struct str all = *s;
    ptrdiff_t at = str_find(all, sep);
    if (at < 0) {
        *s = STR_NONE;
        return all;
    }
    *s = str_sub(all, (size_t)at + 1, all.len);
    return str_sub(all, 0, (size_t)at);
}

enum err str_to_u64(struct str s, uint64_t *ret_value)
{
    if (s.len == 0) {
        return ERR_SYNTAX;
    }
    uint64_t value = 0;
    bool is_over = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return ERR_SYNTAX;
        }
        uint64_t digit = (uint64_t)(s.ptr[i] - '0');
        /* Goes on when too large: a later non-digit makes it a syntax error. */
        is_over = is_over || value > (UINT64_MAX - digit) / 10;
        value = is_over ? 0 : value * 10 + digit;
    }
    if (is_over) {
        return ERR_LIMIT;
    }
    *ret_value = value;
    return ERR_OK;
}

bool str_is_utf8(struct str s)
{
#if UTF8_WIDE
    if (s.len >= UTF8_WIDE_BYTES_MIN && cpu_has_avx2()) {
        return utf8_wide(s);
    }
#endif
    size_t i = 0;
    while (i < s.len) {
        uint64_t eight;
        size_t step = 0;
        if (s.len - i >= sizeof(eight)) {
            memcpy(&eight, s.ptr + i, sizeof(eight));
            step = (eight & UINT64_C(0x8080808080808080)) == 0 ? sizeof(eight)
                                                               : step_of_four(s.ptr + i);
        }
        step = step > 0 ? step : str_utf8_step((struct str){s.ptr + i, s.len - i});
        if (step == 0) {
            return false;
        }
        i += step;
    }
    return true;
}

/* As str_utf8_step for what is one, two or three bytes and certainly right; else 0. The
 * four bytes are one number, so a few masks decide. */
static size_t step_of_four(const char *at)
{
    const unsigned char *p = (const unsigned char *)at;
    uint32_t v = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    if (v < 0x80000000) {
        return 1;
    }
    uint32_t second = v & 0x0f200000; /* of three: neither an overlong nor a surrogate */
    if ((v & 0xf0c0c000) == 0xe0808000 && second != 0 && second != 0x0d200000) {
        return 3;
    }
    return (v & 0xe0c00000) == 0xc0800000 && (v & 0x1e000000) != 0 ? 2 : 0;
}

/* Unicode 15, table 3-7: the second byte is narrowed after E0, ED, F0 and F4. */
size_t str_utf8_step(struct str s)
{
    if (s.len == 0) {
        return 0;
    }
    const unsigned char *p = (const unsigned char *)s.ptr;
    if (p[0] < 0x80) {
        return 1;
    }
    if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        return s.len >= 2 && is_continuation(p[1]) ? 2 : 0;
    }
    if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        if (s.len < 3 || !is_continuation(p[1]) || !is_continuation(p[2])) {
            return 0;
        }
        bool is_overlong = p[0] == 0xE0 && p[1] < 0xA0;
        bool is_surrogate = p[0] == 0xED && p[1] > 0x9F;
        return is_overlong || is_surrogate ? 0 : 3;
    }
    if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        if (s.len < 4 || !is_continuation(p[1]) || !is_continuation(p[2]) ||
            !is_continuation(p[3])) {
            return 0;
        }
        bool is_overlong = p[0] == 0xF0 && p[1] < 0x90;
        bool is_beyond = p[0] == 0xF4 && p[1] > 0x8F;
        return is_overlong || is_beyond ? 0 : 4;
    }
    return 0;
}

static bool is_continuation(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

size_t str_utf8_of(uint32_t code, char ret_bytes[4])
{
    if (code < 0x80) {
        ret_bytes[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        ret_bytes[0] = (char)(0xc0 | code >> 6);
        ret_bytes[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        ret_bytes[0] = (char)(0xe0 | code >> 12);
        ret_bytes[1] = (char)(0x80 | (code >> 6 & 0x3f));
        ret_bytes[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    ret_bytes[0] = (char)(0xf0 | code >> 18);
    ret_bytes[1] = (char)(0x80 | (code >> 12 & 0x3f));
    ret_bytes[2] = (char)(0x80 | (code >> 6 & 0x3f));
    ret_bytes[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}
