/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of base: SHA-256 of two strings in a row on processors with the SHA
 * extensions. mbedTLS has no such code for x86, and a request pays four blocks
 * for its key alone.
 */
#ifndef PORTCULLIS_BASE_SHA256_X86_H
#define PORTCULLIS_BASE_SHA256_X86_H

#include "portcullis/base.h"

#if defined(__x86_64__) && !defined(__clang__)
#define SHA256_X86 1
/* True when this processor can. */
bool sha256_x86_is_here(void);
/* FIPS 180-4 over first || second. */
void sha256_x86(struct str first, struct str second, uint8_t ret_bytes[32]);
#else
#define SHA256_X86 0
#endif

#endif
