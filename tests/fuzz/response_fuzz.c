/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: a stream of HTTP/1.1 responses through the parser. See http_fuzz.h for
 * what is checked; the sanitizers check the rest.
 */
#include "http_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_stream(WIRE_RESPONSE, data, size);
}
