/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of base: is it UTF-8, 32 bytes at a time where there is AVX2. Bodies are
 * texts, and most of the world's are not ASCII.
 */
#ifndef PORTCULLIS_BASE_UTF8_WIDE_H
#define PORTCULLIS_BASE_UTF8_WIDE_H

#include "portcullis/base.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define UTF8_WIDE 1
/* As str_is_utf8, of any length, where cpu_has_avx2(). */
bool utf8_wide(struct str s);
#else
#define UTF8_WIDE 0
#endif

#endif
