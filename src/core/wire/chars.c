/* SPDX-License-Identifier: Apache-2.0
 *
 * Byte classes of HTTP and URLs, and the loops over them. One table of 256 masks
 * instead of <ctype.h>, which depends on the locale and is undefined for bytes
 * above 127. Field values, the bulk of every head, are checked eight bytes at a
 * time. Pure, no memory, any thread.
 */
#include "wire_parts.h"

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

unsigned char_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return (unsigned)(c - 'a') + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return (unsigned)(c - 'A') + 10;
    }
    return 255;
}

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

/* Does any of eight bytes need a look: below 0x20 or equal to 0x7f? Exact as a
 * yes or no for the block (Warren, Hacker's Delight, 6-1). */
static inline bool block_is_suspicious(uint64_t x)
{
    const uint64_t ones = 0x0101010101010101U;
    const uint64_t tops = 0x8080808080808080U;
    uint64_t low = (x - ones * 0x20) & ~x & tops;
    uint64_t del = x ^ (ones * 0x7f);
    return (low | ((del - ones) & ~del & tops)) != 0;
}

bool chars_are_value(struct str s)
{
    if (s.len < 8) {
        return chars_are(s, CHAR_VALUE);
    }
    /* The last block overlaps the one before instead of a loop over single bytes. */
    for (size_t i = 0; i < s.len; i += 8) {
        size_t at = i + 8 <= s.len ? i : s.len - 8;
        uint64_t block;
        memcpy(&block, s.ptr + at, 8);
        if (block_is_suspicious(block) && !chars_are((struct str){s.ptr + at, 8}, CHAR_VALUE)) {
            return false;
        }
    }
    return true;
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
