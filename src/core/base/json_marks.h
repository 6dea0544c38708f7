/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of base: where strings of a JSON text begin and end, 64 bytes at a time:
 * by AVX2 where the processor has it, else by SSE2, else by words of eight bytes.
 */
#ifndef PORTCULLIS_BASE_JSON_MARKS_H
#define PORTCULLIS_BASE_JSON_MARKS_H

#include "portcullis/base.h"

/* What lies between two quotes. */
struct json_content {
    const char *from;
    const char *to; /* the closing quote */
    size_t len;     /* without escapes */
    bool has_high;  /* bytes above ASCII; whether they are UTF-8 is not looked at */
    bool has_escape;
};

/* Of a long string; shorter ones yyjson reads as fast. */
#define JSON_LONG_BYTES_MIN 128

/* The opening quote of the first long string behind `at`, which is outside of strings. NULL:
 * there is none, or it begins too near to `end`. */
const char *json_find_open(const char *at, const char *end, bool is_wide);

/* Reads on from c->from, which is set, and writes to `to` what it says. As many bytes as
 * there are from c->from to `end`, of the text, are written at the most, some of them
 * behind what is said. False: a control byte, a wrong escape, half a pair, or no end. */
bool json_read_string(struct json_content *c, const char *end, char *to, bool is_wide);

/* Looks from c->from, which is set, for the closing quote, but stops at the first escape and
 * says so. False: a control byte, or no end. */
bool json_find_close(struct json_content *c, const char *end, bool is_wide);

#endif
