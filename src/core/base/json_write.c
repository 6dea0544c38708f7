/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON going out: strings from bytes of any origin, and parsed values. Output is
 * always valid UTF-8 and valid JSON: bytes that are not UTF-8 become U+FFFD, a
 * control character becomes an escape. Doubles are written with the fewest digits
 * that read back as the same double, and keep a point or exponent so that their
 * kind survives. Nothing recurses. Memory is the buffer's.
 */
#include "portcullis/base.h"

#include <stdio.h>
#include <stdlib.h>

static size_t plain_run(struct str s, size_t from);
static bool is_plain_word(const char *p);
static void write_escape(struct buf *b, char c);
static void write_scalar(struct buf *b, yyjson_val *v);
static void write_real(struct buf *b, double value);

void json_write_str(struct buf *b, struct str s)
{
    buf_add_byte(b, '"');
    json_write_chars(b, s);
    buf_add_byte(b, '"');
}

void json_write_chars(struct buf *b, struct str s)
{
    size_t at = 0;
    while (at < s.len) {
        size_t run = plain_run(s, at);
        buf_add(b, str_sub(s, at, at + run));
        at += run;
        if (at == s.len) {
            break;
        }
        if ((unsigned char)s.ptr[at] < 0x80) {
            write_escape(b, s.ptr[at]);
        } else {
            buf_add(b, STR("\xEF\xBF\xBD"));
        }
        at++;
    }
}

bool json_is_plain(struct str s)
{
    return plain_run(s, 0) == s.len;
}

/* Bytes from `from` on that may stand as they are. */
static size_t plain_run(struct str s, size_t from)
{
    size_t at = from;
    while (at < s.len) {
        while (at + 8 <= s.len && is_plain_word(s.ptr + at)) {
            at += 8;
        }
        if (at == s.len) {
            break;
        }
        unsigned char c = (unsigned char)s.ptr[at];
        if (c < 0x20 || c == '"' || c == '\\') {
            break;
        }
        size_t step = c < 0x80 ? 1 : str_utf8_step(str_sub(s, at, s.len));
        if (step == 0) {
            break;
        }
        at += step;
    }
    return at - from;
}

/* Eight bytes of ASCII of which none is escaped; a byte is looked for as a zero among the
 * differences, for which 0x80 in each byte says yes when no byte is over 0x7f. */
static bool is_plain_word(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones * 0x80;
    uint64_t w;
    memcpy(&w, p, 8);
    uint64_t quotes = (w ^ ones * '"') - ones;
    uint64_t slashes = (w ^ ones * '\\') - ones;
    uint64_t controls = w - ones * 0x20;
    return ((w | quotes | slashes | controls) & highs) == 0;
}

static void write_escape(struct buf *b, char c)
{
    static const char names[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *name = c == '\0' ? NULL : strchr(names, c);
    if (name != NULL) {
        char escape[2] = {'\\', letters[name - names]};
        buf_add(b, (struct str){escape, 2});
    } else {
        buf_printf(b, "\\u%04x", (unsigned)(unsigned char)c);
    }
}

void json_write_val(struct buf *b, yyjson_val *v)
{
    struct level {
        yyjson_val *end;
        bool is_object;
    } levels[JSON_DEPTH_CEILING];
    unsigned depth = 0;
    bool is_key = false;
    if (v == NULL) {
        buf_add(b, STR("null"));
        return;
    }
    yyjson_val *end = unsafe_yyjson_get_next(v);
    for (yyjson_val *at = v; at < end && b->err == ERR_OK;) {
        bool is_container = unsafe_yyjson_is_ctn(at);
        if (is_container && depth == JSON_DEPTH_CEILING) {
            b->err = ERR_LIMIT;
            return;
        }
        if (is_container) {
            bool is_object = unsafe_yyjson_get_type(at) == YYJSON_TYPE_OBJ;
            buf_add_byte(b, is_object ? '{' : '[');
            levels[depth].end = unsafe_yyjson_get_next(at);
            levels[depth].is_object = is_object;
            depth++;
            at++;
            is_key = is_object;
            if (at < levels[depth - 1].end) {
                continue;
            }
        } else {
            write_scalar(b, at);
            at++;
            if (is_key) {
                buf_add_byte(b, ':');
                is_key = false;
                continue;
            }
        }
        while (depth > 0 && at >= levels[depth - 1].end) {
            depth--;
            buf_add_byte(b, levels[depth].is_object ? '}' : ']');
        }
        if (depth > 0) {
            buf_add_byte(b, ',');
            is_key = levels[depth - 1].is_object;
        }
    }
}

static void write_scalar(struct buf *b, yyjson_val *v)
{
    switch (unsafe_yyjson_get_type(v)) {
    case YYJSON_TYPE_STR:
        json_write_str(b, json_str(v));
        break;
    case YYJSON_TYPE_BOOL:
        buf_add(b, unsafe_yyjson_get_bool(v) ? STR("true") : STR("false"));
        break;
    case YYJSON_TYPE_NUM:
        if (yyjson_is_real(v)) {
            write_real(b, unsafe_yyjson_get_real(v));
        } else if (yyjson_is_uint(v)) {
            buf_add_u64(b, unsafe_yyjson_get_uint(v));
        } else {
            buf_printf(b, "%lld", (long long)unsafe_yyjson_get_sint(v));
        }
        break;
    default:
        buf_add(b, STR("null"));
        break;
    }
}

static void write_real(struct buf *b, double value)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        double again = strtod(text, NULL);
        if (memcmp(&again, &value, sizeof(value)) == 0) {
            break;
        }
    }
    if (strpbrk(text, "nN") != NULL) {
        buf_add(b, STR("null")); /* infinite or not a number: JSON has no word for it */
        return;
    }
    buf_add(b, str_from(text));
    if (strpbrk(text, ".e") == NULL) {
        buf_add(b, STR(".0"));
    }
}
