/* SPDX-License-Identifier: Apache-2.0
 *
 * A small regular-expression compiler and an anchored matcher that also says when
 * more text could change its answer. libhs cannot say that, and it is what a stream
 * needs. The syntax is the common subset: classes, groups, alternation, greedy
 * repeats, \b, and \K ("the match begins here"). Bytes, not code points. A compiled
 * program is immutable; matching allocates nothing and has a budget of steps.
 */
#ifndef PORTCULLIS_SCAN_PATTERN_H
#define PORTCULLIS_SCAN_PATTERN_H

#include "portcullis/base.h"

#define PATTERN_PREFIX 6U /* offsets whose possible bytes are computed */
#define PATTERN_STEPS_MAX 40000U
#define PATTERN_STEPS_QUICK 600U /* then the plain program takes over */
#define PATTERN_INSTS_MAX 4000U
#define PATTERN_PLAIN_MAX 2000U /* of a plain program */

struct byte_set {
    uint64_t bits[4];
};

static inline bool byte_set_has(const struct byte_set *s, unsigned char c)
{
    return (s->bits[c >> 6] >> (c & 63) & 1) != 0;
}

static inline bool is_word_byte(unsigned char c)
{
    return (unsigned)(c | 0x20) - 'a' < 26 || (unsigned)c - '0' < 10 || c == '_';
}

enum pattern_op { OP_SET, OP_RUN, OP_SPLIT, OP_JUMP, OP_WORD_EDGE, OP_KEEP, OP_MATCH };

struct pattern_inst {
    uint8_t op;
    bool is_possessive; /* OP_RUN: giving back can never help */
    uint16_t set;       /* OP_SET, OP_RUN; OP_SPLIT: first bytes of the way `to` */
    uint16_t to, other; /* OP_SPLIT, OP_JUMP; `to` is tried first */
    uint16_t min, max;  /* OP_RUN; max UINT16_MAX = open; OP_SPLIT: min as set, for `other` */
};

/* What every match holds one of, in lower case, and how far behind the match's beginning
 * it may begin. count = 0: nothing is known. */
#define PATTERN_FACTORS_MAX 32U
struct pattern_factors {
    const struct str *items;
    size_t count;
    size_t before_min, before_max; /* SIZE_MAX = open */
    bool is_at_word;               /* what stands before it is no word byte */
};

struct pattern {
    struct pattern_inst *insts;
    size_t insts_count;
    struct byte_set *sets;
    size_t sets_count;
    struct byte_set prefix[PATTERN_PREFIX]; /* bytes possible at offset 0.. */
    size_t width_min;
    size_t width_max;      /* SIZE_MAX = open */
    struct pattern *plain; /* with limits.is_linear */
    struct pattern_factors factors;
};

/* Limits for what strangers write; 0 = none. */
struct pattern_limits {
    unsigned repeat_max;
    size_t width_max;
    bool is_linear; /* also a program for pattern_match_linear */
};

#define PATTERN_ANY UINT16_MAX /* OP_SPLIT: no set; any byte, or none at all, may follow */

/* The program lives in the arena. ERR_SYNTAX, ERR_UNSUPPORTED or ERR_LIMIT with a
 * sentence and the byte offset in the issue; ERR_MEMORY. */
MUST_USE enum err pattern_compile(struct arena *a, struct str source, bool is_nocase,
                                  const struct pattern_limits *limits, struct pattern *ret,
                                  struct issue *issue);

/* pattern_analyse.c. The index of an equal set, added if need be; UINT16_MAX = full. */
uint16_t pattern_set_index(struct pattern *p, const struct byte_set *s);
void pattern_analyse(struct pattern *p);

enum match_result { MATCH_NO, MATCH_YES, MATCH_MORE, MATCH_EXHAUSTED };

/* What is looked at: bytes before `from` of a stream are known in text as well. */
struct match_input {
    const char *text;
    size_t len;
    bool is_final; /* nothing follows text[len - 1] */
    size_t steps;  /* of the programs: what the matching cost so far */
    bool is_cut;   /* the width ended a way that might have gone on */
};

/* The longest match that begins at `from` and is at most `width_max` bytes long.
 * MATCH_MORE: bytes behind the end could change the answer. EXHAUSTED: after
 * PATTERN_STEPS_MAX steps, and only when there is no plain program to go on with. */
enum match_result pattern_match(const struct pattern *p, struct match_input *in, size_t from,
                                size_t width_max, size_t *ret_start, size_t *ret_end);
/* The same by the plain program, all ways at once: width times instructions at the most. */
enum match_result pattern_match_linear(const struct pattern *plain, struct match_input *in,
                                       size_t from, size_t width_max, size_t *ret_start,
                                       size_t *ret_end);

#endif
