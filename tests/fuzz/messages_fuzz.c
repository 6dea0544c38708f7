/* SPDX-License-Identifier: Apache-2.0
 *
 * Request bodies of the messages API: reading, spans, edits and rendering.
 */
#include "llm_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_request(LLM_MESSAGES, data, size);
    return 0;
}
