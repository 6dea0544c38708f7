/* SPDX-License-Identifier: Apache-2.0
 *
 * The stage that undoes encodings (base64, percent, entities), for stages.c: it reads a
 * piece of one view and appends to another. State from piece to piece is in the stage.
 */
#ifndef PORTCULLIS_SCAN_DECODE_H
#define PORTCULLIS_SCAN_DECODE_H

#include "stages.h"

size_t decode_run(struct stage *st, const struct view *in, size_t from, bool is_final,
                  struct window *out);
/* The same of a quiet stage, of text without signs (stages_worth): never a difference. */
size_t decode_pass(struct stage *st, struct str text, size_t from);
extern const int8_t base64_values[128];
/* 0..63, or -1; the URL alphabet as well. */
static inline int base64_value(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte < 128 ? base64_values[byte] : -1;
}

#endif
