/* SPDX-License-Identifier: Apache-2.0
 *
 * What bench/scan reads: prompts without a finding, and megabytes of one kind each, made
 * to be hard on one part of the scanner. Always the same bytes. No memory of its own.
 */
#ifndef PORTCULLIS_BENCH_TEXTS_H
#define PORTCULLIS_BENCH_TEXTS_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "portcullis/base.h"

static const char *const text_kinds[] = {
    "clean prose", "clean prose in Cyrillic", "only e-mail addresses", "only short addresses",
    "base64",      "digits",                  "numbers",               "markup"};
#define TEXT_KINDS (sizeof(text_kinds) / sizeof(text_kinds[0]))

/* What a tool is called with: JSON, each hard on one part of its way. */
static const char *const json_kinds[] = {
    "JSON, members with short values", "JSON, names that are addresses",
    "JSON, short strings",             "JSON, numbers",
    "JSON, objects in objects",        "JSON, one string full of escapes"};
#define JSON_KINDS (sizeof(json_kinds) / sizeof(json_kinds[0]))
#define JSON_NAMES 1U /* the one that is numbered when all become equal */

static const char text_clean[] =
    "Could you help me plan a week in the mountains? We are four adults and two children, and we "
    "would like to walk for three or four hours a day, not more. The cabin has a small kitchen, so "
    "simple meals are fine; one of us does not eat meat. Last year we spent about 900 in total and "
    "the weather was mixed: two days of rain, then sun. Please write a plan day by day, with what "
    "to pack, and add a list of things that are easy to forget (charger, cards, torch). Thanks! ";
static const char text_cyrillic[] =
    "Помогите, пожалуйста, составить план недели в горах. Нас четверо взрослых и двое детей, и мы "
    "хотели бы ходить пешком не больше трёх или четырёх часов в день. В домике есть маленькая "
    "кухня, так что простая еда подойдёт. В прошлом году погода была разной: два дня шёл дождь. ";

static inline uint64_t text_roll(uint64_t *dice)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return *dice;
}

/* One line or so of a kind; returns its bytes. */
static inline size_t text_piece(size_t kind, size_t line, uint64_t *dice, char ret[640])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned long long r = text_roll(dice);
    switch (kind) {
    case 0:
        return (size_t)snprintf(ret, 640, "%s", text_clean);
    case 1:
        return (size_t)snprintf(ret, 640, "%s", text_cyrillic);
    case 2:
        return (size_t)snprintf(ret, 640, "user%zu@example.com\n", line);
    case 3:
        return (size_t)snprintf(ret, 640, "%zu@a.io ", line % 10);
    case 4:
        for (size_t i = 0; i < 76; i++) {
            ret[i] = letters[text_roll(dice) % 64];
        }
        ret[76] = '\n';
        return 77;
    case 5:
        for (size_t i = 0; i < 64; i++) {
            ret[i] = (char)('0' + text_roll(dice) % 10);
        }
        return 64;
    case 6:
        return (size_t)snprintf(ret, 640, "%03llu-%02llu-%04llu %llu, ", r % 1000, r / 1000 % 100,
                                r / 100000 % 10000, r >> 32);
    default:
        return (size_t)snprintf(ret, 640, "<p>some <b>bo</b>ld words &amp; a %%20 %llu</p>\n",
                                r % 1000);
    }
}

static inline void text_fill(size_t kind, char *ret, size_t len)
{
    char piece[640];
    uint64_t dice = 88172645463325252U;
    for (size_t at = 0, line = 0; at < len; line++) {
        size_t n = text_piece(kind, line, &dice, piece);
        n = n < len - at ? n : len - at;
        memcpy(ret + at, piece, n);
        at += n;
    }
    while (len > 0 && kind == 1 && ((unsigned char)ret[len - 1] & 0x80) != 0) {
        ret[--len] = ' '; /* no half letter */
    }
}

/* The next piece of a JSON of a kind, with the comma in front of it. */
static inline size_t json_piece(size_t kind, size_t line, uint64_t *dice, char ret[640])
{
    unsigned long long r = text_roll(dice);
    const char *comma = line > 0 ? "," : "";
    switch (kind) {
    case 0:
        return (size_t)snprintf(ret, 640, "%s\"item%llu_%zu\":\"walk for %llu hours\"", comma,
                                r % 100, line, r % 7);
    case 1:
        return (size_t)snprintf(ret, 640, "%s\"%zu@abc.io\":%llu", comma, line, r % 10);
    case 2:
        return (size_t)snprintf(ret, 640, "%s\"%c\"", comma, (char)('a' + r % 26));
    case 3:
        return (size_t)snprintf(ret, 640, "%s%llu.%llu", comma, r % 1000, r % 7);
    case 4: {
        size_t n = (size_t)snprintf(ret, 640, "%s", comma);
        for (size_t i = 0; i < 48; i++) {
            n += (size_t)snprintf(ret + n, 640 - n, "{\"a%llu\":", r % 10);
        }
        n += (size_t)snprintf(ret + n, 640 - n, "\"x\"");
        memset(ret + n, '}', 48);
        return n + 48;
    }
    default:
        return (size_t)snprintf(ret, 640, "\\n\\u00e9\\\"\\ud83d\\ude00x");
    }
}

/* Returns its bytes, at most `len`. */
static inline size_t json_fill(size_t kind, char *ret, size_t len)
{
    static const char *const ends[JSON_KINDS] = {"{}", "{}", "[]", "[]", "[]", "\"\""};
    char piece[640];
    uint64_t dice = 88172645463325252U;
    size_t at = 0;
    ret[at++] = ends[kind][0];
    for (size_t line = 0;; line++) {
        size_t n = json_piece(kind, line, &dice, piece);
        if (at + n + 1 > len) {
            break;
        }
        memcpy(ret + at, piece, n);
        at += n;
    }
    ret[at++] = ends[kind][1];
    return at;
}

#endif
