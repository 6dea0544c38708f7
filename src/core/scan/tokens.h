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
/* Does [start, end) lie in a token, but for signs behind it? Then it is no finding. */
enum match_result token_covers(const struct match_input *in, size_t start, size_t end);

#endif
