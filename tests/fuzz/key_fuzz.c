/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of an API key, the first bytes of a stranger that we look at. What is
 * accepted has the one shape, and a single changed byte is refused. The bytes also serve
 * as dice: the key made of them is accepted as what it was made of.
 */
#include "portcullis/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_made(const uint8_t *data, size_t size)
{
    uint8_t dice[64] = {0};
    struct policy_key_text key, again;
    struct buf out, rotated;

    memcpy(dice, data, size < sizeof(dice) ? size : sizeof(dice));
    buf_init(&out, 128);
    buf_init(&rotated, 128);
    policy_key_format(&out, STR("pc_live"), dice);
    ASSERT(policy_key_parse(buf_str(&out), &key) == ERR_OK);
    dice[0] ^= 1;
    policy_key_format_as(&rotated, STR("pc_test"), key.id, dice);
    ASSERT(policy_key_parse(buf_str(&rotated), &again) == ERR_OK);
    ASSERT(str_eq(again.id, key.id) && !str_eq(again.secret, key.secret));
    buf_fini(&rotated);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct policy_key_text key;
    char changed[71];

    if (size > 0) {
        check_made(data, size);
    }
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
