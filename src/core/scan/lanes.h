/* SPDX-License-Identifier: Apache-2.0
 *
 * 64 bytes of a text at once, one bit each: where a word or a sign begins, what would look
 * different in another view. A processor with AVX2 looks 32 bytes up in one step, one with
 * SSE2 compares 16, others go byte by byte: all give the same bits. Pure: the caller says
 * what the processor can do.
 */
#ifndef PORTCULLIS_SCAN_LANES_H
#define PORTCULLIS_SCAN_LANES_H

#include <stdbool.h>
#include <stdint.h>

#define LANES 64U

struct lanes_starts {
    uint64_t starts; /* of a word, also behind an underscore; or a sign that rows begin with */
    uint64_t tokens; /* is_token_byte */
};

/* What is not plain: see stages_worth. */
struct lanes_signs {
    uint64_t base64, underscores, marks, escapes, high;
    uint64_t backslashes, us; /* an escape where one is behind the other */
};

/* is_wide: cpu_has_avx2() */
/* *is_after_word: does the byte before text belong to a word? Kept up to date. */
struct lanes_starts lanes_starts_of(const char *text, bool is_wide, bool *is_after_word);
/* What `count` masks of MASK_WORDS words have in common; false: nothing. */
bool lanes_meet(const uint64_t *const *masks, unsigned count, bool is_wide, uint64_t *ret);
struct lanes_signs lanes_signs_of(const char *text); /* wide only */

bool is_special(unsigned char b); /* a sign that rows begin with */

#endif
