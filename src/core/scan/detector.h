/* SPDX-License-Identifier: Apache-2.0
 *
 * The row of the detector table, and the tables. A detector is data: a shape
 * anchored at its first byte, a check of what matched, the words that speak for it,
 * and what to take along behind it. Tables are static; the order of rows decides ties.
 */
#ifndef PORTCULLIS_SCAN_DETECTOR_H
#define PORTCULLIS_SCAN_DETECTOR_H

#include "portcullis/scan.h"

enum detector_flags {
    D_NOCASE = 1,
    D_FREE = 2,     /* may begin in the middle of a word */
    D_NUMERIC = 4,  /* refused beside digit[.-] or [.-/]digit: a piece of a longer number */
    D_OFF = 8,      /* only when asked for by name */
    D_AT = 16,      /* has an '@' within its first 260 bytes */
    D_SUBWORD = 32, /* may begin behind an underscore: DB_PASSWORD */
    D_QUIET = 64    /* no mask tail: nothing of it may stay readable */
};

/* What follows the head and belongs to it. */
enum detector_tail {
    TAIL_NONE,
    TAIL_TOKEN,
    TAIL_VALUE,  /* to the blank or quote */
    TAIL_QUOTED, /* to the quote that ends it: value.h */
    TAIL_PLAIN,  /* without quotes, to where it ends there: value.h */
    TAIL_URL,
    TAIL_HOST,
    TAIL_BASE64,
    TAIL_PEM
};
#define TAIL_BYTES_MAX 16384U

/* CHECK_WEAK: the shape is right, the checksum is not: .35 less. */
enum check_verdict { CHECK_NO, CHECK_WEAK, CHECK_OK };

struct detector {
    const char *name;
    const char *type; /* NULL = name */
    enum scan_class class;
    enum scan_tier tier;
    unsigned flags;
    uint16_t width; /* longest head; 0 = 96 */
    enum detector_tail tail;
    /* May shorten the match through *len. NULL = nothing to check. */
    enum check_verdict (*check)(struct str s, size_t *len);
    /* Is what stands before the place (at most 80 bytes) such that a match counts? The name
     * of a variable, say. NULL = whatever stands there. */
    bool (*before)(struct str left);
    const char *context; /* words or phrases, comma-separated, lower case; NULL = none */
    const char *pattern; /* a word edge before it is implied unless D_FREE */
};

/* Rows of secrets, by what most of them have. The form says what it is; the form and a tail
 * of token characters; the form in any case; a form that needs the service's name near. */
#define SECRET_ROW(row_name, row_tier, row_flags, row_check)                                       \
    .name = row_name, .type = "api_key", .class = SCAN_SECRET, .tier = row_tier,                   \
    .flags = D_QUIET | (row_flags), .check = check_##row_check
#define SECRET(row_name, row_check, row_pattern)                                                   \
    {                                                                                              \
        SECRET_ROW(row_name, SCAN_TIER_A, 0, row_check), .pattern = row_pattern                    \
    }
#define SECRET_TAIL(row_name, row_check, row_pattern)                                              \
    {                                                                                              \
        SECRET_ROW(row_name, SCAN_TIER_A, 0, row_check), .tail = TAIL_TOKEN,                       \
        .pattern = row_pattern                                                                     \
    }
#define SECRET_NOCASE(row_name, row_check, row_pattern)                                            \
    {                                                                                              \
        SECRET_ROW(row_name, SCAN_TIER_A, D_NOCASE, row_check), .pattern = row_pattern             \
    }
#define SECRET_NEAR(row_name, row_context, row_check, row_pattern)                                 \
    {                                                                                              \
        SECRET_ROW(row_name, SCAN_TIER_C, 0, row_check), .context = row_context,                   \
        .pattern = row_pattern                                                                     \
    }

struct detector_table {
    const struct detector *rows;
    size_t count;
};

extern const struct detector detectors_core[];
extern const size_t detectors_core_count;
extern const struct detector detectors_national[];
extern const size_t detectors_national_count;
extern const struct detector detectors_world[];
extern const size_t detectors_world_count;
extern const struct detector detectors_secret[];
extern const size_t detectors_secret_count;
extern const struct detector detectors_token[];
extern const size_t detectors_token_count;
extern const struct detector detectors_near[];
extern const size_t detectors_near_count;
extern const struct detector detectors_injection[];
extern const size_t detectors_injection_count;

/* Row by index over all tables, in the order above. */
const struct detector *detector_at(size_t index);
extern const char *const class_names[SCAN_CLASSES];

#endif
