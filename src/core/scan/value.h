/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a value behind a name ends, by what stands around it. Pure; the answer does not
 * depend on how a stream was cut, so it says MORE until what it looks at is there.
 */
#ifndef PORTCULLIS_SCAN_VALUE_H
#define PORTCULLIS_SCAN_VALUE_H

#include "pattern.h"

#define VALUE_LEFT_BYTES 80U /* looked at in front of a value */
#define VALUE_BYTES_MAX 512U /* no value of more than 300 is taken for a secret */

/* A value in quotes: the one that stands before it ends it, with what is before that. Without
 * one, or when none ends it on its line: to the blank or any quote. */
enum match_result value_quoted_end(const struct match_input *in, size_t start, size_t *ret_end);
/* A value without quotes: to the blank; to the bracket that was open in front of it; to the
 * sign that parts it from the next pair of a query or a list. */
enum match_result value_plain_end(const struct match_input *in, size_t start, size_t *ret_end);

#endif
