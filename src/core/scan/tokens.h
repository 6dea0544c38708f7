/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens for the other files of the room: writing one, and the shape by which text that
 * holds one is left alone. Pure; what a token stands for is in struct scan_tokens.
 */
#ifndef PORTCULLIS_SCAN_TOKENS_H
#define PORTCULLIS_SCAN_TOKENS_H

#include "pattern.h"
#include "portcullis/scan.h"

/* Writes [TYPE_CODE] for the value, and remembers it when keys->tokens is set. */
void token_write(struct scan_keys *keys, const char *type, struct str value, struct buf *out);
void tokens_add(struct scan_tokens *t, struct str token, struct str value);
/* Between the brackets. */
bool is_code_byte(unsigned char c);
/* Bytes of the token-shaped text that `rest` begins with, or 0; may become one when more
 * text comes. */
size_t token_length(struct str rest, bool is_final, bool *ret_may_become);
/* Does [start, end) lie in a token, but for signs behind it? Then it is no finding. */
enum match_result token_covers(const struct match_input *in, size_t start, size_t end);

#endif
