/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts and terms of the scan benchmark: clean prompts and lists of words, made from a
 * number, the same on every machine.
 */
#ifndef BENCH_TEXTS_H
#define BENCH_TEXTS_H

#include <stddef.h>
#include <stdint.h>

#define TERM_BYTES 64U

/* `bytes` bytes of clean prompt, no NUL behind it. */
void texts_clean(uint64_t seed, char *ret, size_t bytes);
/* The term of this number. */
void texts_term(size_t index, char ret[TERM_BYTES]);

#endif
