/* SPDX-License-Identifier: Apache-2.0
 *
 * Request bodies of completions, embeddings, moderations and the token counters:
 * one input is tried as each of them.
 */
#include "llm_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_request(LLM_COMPLETIONS, data, size);
    fuzz_request(LLM_EMBEDDINGS, data, size);
    fuzz_request(LLM_MODERATIONS, data, size);
    fuzz_request(LLM_COUNT_TOKENS, data, size);
    fuzz_request(LLM_INPUT_TOKENS, data, size);
    return 0;
}
