/* SPDX-License-Identifier: Apache-2.0
 *
 * Misbehaviour on demand, as text that survives a gateway: "[[fake:status=429]]"
 * anywhere in the last user message or the model name, or a model suffix
 * "--fake-status-429" where brackets will not do. Several may be combined.
 * Unknown marks are ignored, so that a typing error shows as a normal answer.
 */
#include "fake.h"

static uint64_t number_or(struct str s, uint64_t fallback);
static bool mark_timing(struct marks *m, struct str key, struct str value);
static bool mark_body(struct arena *a, struct marks *m, struct str key, struct str value);
static bool mark_stream(struct marks *m, struct str key, struct str value);
static enum fake_framing framing_of(struct str value);

static const struct str opening = {"[[fake:", 7};
static const struct str suffix = {"--fake-", 7};

void marks_read(struct arena *a, struct str text, struct marks *marks)
{
    struct str rest = text;
    ptrdiff_t at = str_find_str(rest, opening);
    while (at >= 0) {
        rest = str_sub(rest, (size_t)at + opening.len, rest.len);
        ptrdiff_t end = str_find_str(rest, STR("]]"));
        if (end < 0) {
            return;
        }
        marks_read_one(a, str_sub(rest, 0, (size_t)end), marks);
        rest = str_sub(rest, (size_t)end + 2, rest.len);
        at = str_find_str(rest, opening);
    }
    at = str_find_str(text, suffix);
    if (at >= 0 && str_find(text, ' ') < 0) { /* a model name, not prose */
        struct str pair = arena_str(a, str_sub(text, (size_t)at + suffix.len, text.len));
        struct str value = pair;
        struct str key = str_cut(&value, '-');
        marks_read_one(a, arena_printf(a, value.len > 0 ? "%.*s=%.*s" : "%.*s%.*s", STR_ARG(key),
                                       (int)value.len, value.len > 0 ? value.ptr : ""), marks);
    }
}

void marks_read_one(struct arena *a, struct str pair, struct marks *m)
{
    struct str value = pair;
    struct str key = str_cut(&value, '=');
    m->is_any = true;
    if (!mark_timing(m, key, value) && !mark_body(a, m, key, value)) {
        (void)mark_stream(m, key, value);
    }
}

struct str marks_strip(struct arena *a, struct str text)
{
    if (str_find_str(text, opening) < 0) {
        return text;
    }
    char *to = arena_alloc(a, text.len + 1);
    size_t len = 0;
    ptrdiff_t at;
    while (to != NULL && (at = str_find_str(text, opening)) >= 0) {
        memcpy(to + len, text.ptr, (size_t)at);
        len += (size_t)at;
        text = str_sub(text, (size_t)at, text.len);
        ptrdiff_t end = str_find_str(text, STR("]]"));
        text = end < 0 ? STR_NONE : str_sub(text, (size_t)end + 2, text.len);
    }
    if (to == NULL) {
        return STR_NONE;
    }
    if (text.len > 0) {
        memcpy(to + len, text.ptr, text.len);
    }
    return str_trim((struct str){to, len + text.len}, " \n");
}

static bool mark_timing(struct marks *m, struct str key, struct str value)
{
    if (str_eq(key, STR("delay"))) {
        m->delay_ms = number_or(value, 1000);
    } else if (str_eq(key, STR("drip"))) {
        m->drip_ms = number_or(value, 10);
    } else if (str_eq(key, STR("silence"))) {
        m->is_silent = true;
    } else if (str_eq(key, STR("reset"))) {
        m->cut = CUT_RESET;
        m->cut_at = number_or(value, 0);
    } else if (str_eq(key, STR("fin"))) {
        m->cut = CUT_FIN;
        m->cut_at = number_or(value, 0);
    } else if (str_eq(key, STR("split"))) {
        m->split = number_or(value, 1);
    } else if (str_eq(key, STR("retryafter"))) {
        m->retry_after_ms = number_or(value, 1000);
    } else {
        return false;
    }
    return true;
}

static bool mark_body(struct arena *a, struct marks *m, struct str key, struct str value)
{
    if (str_eq(key, STR("status"))) {
        m->status = (unsigned)number_or(value, 500);
    } else if (str_eq(key, STR("badjson"))) {
        m->is_bad_json = true;
    } else if (str_eq(key, STR("html"))) {
        m->html_status = (unsigned)number_or(value, 502);
    } else if (str_eq(key, STR("badframing"))) {
        m->framing = framing_of(value);
    } else if (str_eq(key, STR("gzip"))) {
        m->is_gzip = true;
    } else if (str_eq(key, STR("hugeheader"))) {
        m->huge_header = number_or(value, 100000);
    } else if (str_eq(key, STR("redirect"))) {
        m->is_redirect = true;
    } else if (str_eq(key, STR("raw"))) {
        m->raw = base64_decode(a, value);
    } else if (str_eq(key, STR("say"))) {
        m->say = base64_decode(a, value);
    } else if (str_eq(key, STR("args"))) {
        m->args = base64_decode(a, value);
    } else {
        return false;
    }
    return true;
}

static bool mark_stream(struct marks *m, struct str key, struct str value)
{
    if (str_eq(key, STR("nodone"))) {
        m->has_no_done = true;
    } else if (str_eq(key, STR("midstreamerror"))) {
        m->has_midstream_error = true;
    } else if (str_eq(key, STR("chunks"))) {
        m->chunks = number_or(value, 100);
    } else if (str_eq(key, STR("pieces"))) {
        m->pieces = number_or(value, 1);
    } else if (str_eq(key, STR("nousage"))) {
        m->has_no_usage = true;
    } else if (str_eq(key, STR("usage"))) {
        struct str in = str_cut(&value, ':');
        m->has_usage = true;
        m->usage_in = number_or(in, 0);
        m->usage_out = number_or(value, 0);
    } else {
        return false;
    }
    return true;
}

static enum fake_framing framing_of(struct str value)
{
    if (str_eq(value, STR("tecl"))) {
        return FRAMING_TE_CL;
    }
    if (str_eq(value, STR("dupcl"))) {
        return FRAMING_TWO_CL;
    }
    return str_eq(value, STR("obsfold")) ? FRAMING_OBS_FOLD : FRAMING_SURPLUS;
}

static uint64_t number_or(struct str s, uint64_t fallback)
{
    uint64_t value = 0;
    return str_to_u64(s, &value) == ERR_OK ? value : fallback;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct str base64_decode(struct arena *a, struct str text)
{
    char *to = arena_alloc(a, text.len + 1);
    size_t len = 0;
    uint32_t bits = 0;
    unsigned bits_count = 0;
    for (size_t i = 0; to != NULL && i < text.len && text.ptr[i] != '='; i++) {
        const char *digit = strchr(base64_digits, text.ptr[i]);
        if (digit == NULL || *digit == '\0') {
            return STR_NONE;
        }
        bits = (bits << 6 | (uint32_t)(digit - base64_digits)) & 0xffffff;
        bits_count += 6;
        if (bits_count >= 8) {
            bits_count -= 8;
            to[len++] = (char)(bits >> bits_count);
        }
    }
    return to == NULL ? STR_NONE : (struct str){to, len};
}

void base64_write(struct buf *out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i += 3) {
        uint32_t bits = (uint32_t)bytes[i] << 16;
        bits |= i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0;
        bits |= i + 2 < len ? bytes[i + 2] : 0;
        buf_add_byte(out, base64_digits[bits >> 18]);
        buf_add_byte(out, base64_digits[bits >> 12 & 63]);
        buf_add_byte(out, i + 1 < len ? base64_digits[bits >> 6 & 63] : '=');
        buf_add_byte(out, i + 2 < len ? base64_digits[bits & 63] : '=');
    }
}
