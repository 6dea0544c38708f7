/* SPDX-License-Identifier: Apache-2.0
 *
 * Request bodies of the messages API: reading with and without
 * texts, exact spans, edits that leave the body JSON, and rendering in both dialects
 * to something that our own reader takes again (llm_fuzz.h).
 */
#include "llm_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_request(LLM_MESSAGES, data, size);
    return 0;
}
