/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of an API key, the first bytes of a stranger that we look at. What is
 * accepted has the one shape, and a single changed byte is refused.
 */
#include "portcullis/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct policy_key_text key;
    char changed[71];

    if (policy_key_parse(text, &key) != ERR_OK) {
        return 0;
    }
    ASSERT(size == sizeof(changed) && key.id.len == 12 && key.secret.len == 43);
    for (size_t i = 0; i < size; i++) {
        memcpy(changed, data, size);
        changed[i] = (char)(changed[i] ^ 1);
        ASSERT(policy_key_parse((struct str){changed, size}, &key) != ERR_OK);
    }
    return 0;
}
