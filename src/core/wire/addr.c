/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses: from text to bytes, and which of them may be a provider's. The tables
 * are the IANA special-purpose registries plus what clouds use for metadata and
 * is not in a private range; whatever is not plainly public is refused.
 *
 * IPv6 is turned around: only 2000::/3 is given out for the world, so everything
 * else (loopback, unique local, link-local, multicast, NAT64, compatible) falls
 * without being named. Text forms other than the one strict spelling are nobody's
 * address here. Pure, no memory, any thread. Bad inputs 166-168, 180.
 */
#include "wire_parts.h"

static size_t parse_v4(struct str text, uint8_t ret_bytes[4]);
static size_t parse_v6(struct str text, uint8_t ret_bytes[16]);
static bool parse_group(struct str text, uint8_t ret_bytes[2]);
static bool is_in(const uint8_t *bytes, const uint8_t *prefix, unsigned bits);
static bool is_public_v4(const uint8_t *bytes);
static bool is_public_v6(const uint8_t *bytes);

static const struct {
    uint8_t prefix[4];
    unsigned bits;
} closed_v4[] = {
    {{0, 0, 0, 0}, 8},       {{10, 0, 0, 0}, 8},       {{100, 64, 0, 0}, 10},
    {{127, 0, 0, 0}, 8},     {{169, 254, 0, 0}, 16},   {{172, 16, 0, 0}, 12},
    {{192, 0, 0, 0}, 24},    {{192, 0, 2, 0}, 24},     {{192, 31, 196, 0}, 24},
    {{192, 52, 193, 0}, 24}, {{192, 88, 99, 0}, 24},   {{192, 168, 0, 0}, 16},
    {{192, 175, 48, 0}, 24}, {{198, 18, 0, 0}, 15},    {{198, 51, 100, 0}, 24},
    {{203, 0, 113, 0}, 24},  {{168, 63, 129, 16}, 32}, /* Azure's host services */
    {{224, 0, 0, 0}, 4},     {{240, 0, 0, 0}, 4},
};

static const struct {
    uint8_t prefix[6];
    unsigned bits;
} closed_v6[] = {
    {{0x20, 0x01, 0x00}, 23},                   /* IETF: Teredo, ORCHID, benchmarking */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},             /* documentation */
    {{0x20, 0x02}, 16},                         /* 6to4 */
    {{0x26, 0x20, 0x00, 0x4f, 0x80, 0x00}, 48}, /* AS112 */
    {{0x3f, 0xff, 0x00}, 20},                   /* documentation */
};

size_t wire_addr_parse(struct str text, uint8_t ret_bytes[16])
{
    if (str_find(text, ':') >= 0) {
        return parse_v6(text, ret_bytes);
    }
    return parse_v4(text, ret_bytes);
}

static size_t parse_v4(struct str text, uint8_t ret_bytes[4])
{
    size_t parts = 0;
    while (text.ptr != NULL && parts < 4) {
        struct str part = str_cut(&text, '.');
        if (part.len == 0 || part.len > 3 || !chars_are(part, CHAR_DIGIT) ||
            (part.len > 1 && part.ptr[0] == '0')) {
            return 0;
        }
        unsigned value = 0;
        for (size_t i = 0; i < part.len; i++) {
            value = value * 10 + (unsigned)(part.ptr[i] - '0');
        }
        if (value > 255) {
            return 0;
        }
        ret_bytes[parts++] = (uint8_t)value;
    }
    return parts == 4 && text.ptr == NULL ? 4 : 0;
}

/* RFC 4291 2.2: eight groups, one run of zero groups as "::", the last two
 * groups possibly as IPv4. */
static size_t parse_v6(struct str text, uint8_t ret_bytes[16])
{
    uint8_t bytes[18] = {0};
    size_t at = 0;
    size_t gap = SIZE_MAX; /* where "::" was, in bytes */
    if (str_starts(text, STR("::"))) {
        gap = 0;
        text = str_sub(text, 2, text.len);
        if (text.len == 0) {
            memset(ret_bytes, 0, 16);
            return 16;
        }
    }
    while (text.ptr != NULL) {
        struct str group = str_cut(&text, ':');
        if (group.len == 0) { /* the second ':' of "::" */
            if (gap != SIZE_MAX || at == 0 || text.ptr == NULL) {
                return 0;
            }
            gap = at;
            if (text.len == 0) {
                break;
            }
            continue;
        }
        if (at >= 16) {
            return 0;
        }
        if (text.ptr == NULL && str_find(group, '.') >= 0) {
            if (at > 12 || parse_v4(group, bytes + at) == 0) {
                return 0;
            }
            at += 4;
        } else if (parse_group(group, bytes + at)) {
            at += 2;
        } else {
            return 0;
        }
    }
    if (gap == SIZE_MAX ? at != 16 : at > 14) {
        return 0;
    }
    memset(ret_bytes, 0, 16);
    size_t head = gap == SIZE_MAX ? at : gap;
    memcpy(ret_bytes, bytes, head);
    memcpy(ret_bytes + 16 - (at - head), bytes + head, at - head);
    return 16;
}

static bool parse_group(struct str text, uint8_t ret_bytes[2])
{
    if (text.len == 0 || text.len > 4 || !chars_are(text, CHAR_HEX)) {
        return false;
    }
    unsigned value = 0;
    for (size_t i = 0; i < text.len; i++) {
        value = value * 16 + (unsigned)hex_value(text.ptr[i]);
    }
    ret_bytes[0] = (uint8_t)(value >> 8);
    ret_bytes[1] = (uint8_t)(value & 255);
    return true;
}

bool wire_addr_is_public(const uint8_t *bytes, size_t len)
{
    if (len == 4) {
        return is_public_v4(bytes);
    }
    return len == 16 && is_public_v6(bytes);
}

static bool is_in(const uint8_t *bytes, const uint8_t *prefix, unsigned bits)
{
    size_t whole = bits / 8;
    if (memcmp(bytes, prefix, whole) != 0) {
        return false;
    }
    unsigned rest = bits % 8;
    return rest == 0 || ((bytes[whole] ^ prefix[whole]) >> (8 - rest)) == 0;
}

static bool is_public_v4(const uint8_t *bytes)
{
    for (size_t i = 0; i < sizeof(closed_v4) / sizeof(closed_v4[0]); i++) {
        if (is_in(bytes, closed_v4[i].prefix, closed_v4[i].bits)) {
            return false;
        }
    }
    return true;
}

static bool is_public_v6(const uint8_t *bytes)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
        return is_public_v4(bytes + 12);
    }
    if ((bytes[0] & 0xe0) != 0x20) {
        return false;
    }
    for (size_t i = 0; i < sizeof(closed_v6) / sizeof(closed_v6[0]); i++) {
        if (is_in(bytes, closed_v6[i].prefix, closed_v6[i].bits)) {
            return false;
        }
    }
    return true;
}
