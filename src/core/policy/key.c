/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of an API key: <prefix>_<id 12>_<secret 43>_<crc 6>, always 71 bytes.
 * The CRC32C covers everything before its underscore, so a typo is refused here
 * and a secret scanner can be sure without asking anybody. It is no secrecy.
 *
 * Pure; the dice are an argument. The secret leaves this file only in the text
 * and in the view policy_key_parse returns; nothing here prints or keeps it.
 */
#include "portcullis/policy.h"

#define PREFIX_LEN 7
#define ID_LEN 12
#define SECRET_LEN 43
#define CRC_LEN 6
#define ID_AT (PREFIX_LEN + 1)
#define SECRET_AT (ID_AT + ID_LEN + 1)
#define CRC_AT (SECRET_AT + SECRET_LEN + 1)
#define TEXT_LEN (CRC_AT + CRC_LEN)

static bool is_prefix(struct str s);
static bool is_base62(struct str s);
static void base62_of_number(uint32_t value, char *ret, size_t digits);
static void base62_of_bytes(const uint8_t *bytes, size_t len, char *ret, size_t digits);

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const char *const prefixes[] = {"pc_live", "pc_test", "sk_case", "tv_live",
                                       "tv_test", "pk_live", "pk_test"};

enum err policy_key_parse(struct str text, struct policy_key_text *ret)
{
    char crc[CRC_LEN];

    if (text.len != TEXT_LEN || text.ptr[PREFIX_LEN] != '_' || text.ptr[SECRET_AT - 1] != '_' ||
        text.ptr[CRC_AT - 1] != '_' || !is_prefix(str_sub(text, 0, PREFIX_LEN))) {
        return ERR_SYNTAX;
    }
    struct str id = str_sub(text, ID_AT, ID_AT + ID_LEN);
    struct str secret = str_sub(text, SECRET_AT, SECRET_AT + SECRET_LEN);
    if (!is_base62(id) || !is_base62(secret)) {
        return ERR_SYNTAX;
    }
    base62_of_number(crc32c(0, text.ptr, CRC_AT - 1), crc, CRC_LEN);
    if (memcmp(crc, text.ptr + CRC_AT, CRC_LEN) != 0) {
        return ERR_SYNTAX;
    }
    *ret = (struct policy_key_text){.id = id, .secret = secret};
    return ERR_OK;
}

void policy_key_format(struct buf *out, struct str prefix, const uint8_t dice[64])
{
    char id[ID_LEN];

    base62_of_bytes(dice + 32, 9, id, ID_LEN);
    policy_key_format_as(out, prefix, (struct str){id, ID_LEN}, dice);
}

void policy_key_format_as(struct buf *out, struct str prefix, struct str id,
                          const uint8_t dice[32])
{
    char text[TEXT_LEN];

    if (!is_prefix(prefix) || id.len != ID_LEN || !is_base62(id)) {
        out->err = out->err == ERR_OK ? ERR_INVALID : out->err;
        return;
    }
    memcpy(text, prefix.ptr, PREFIX_LEN);
    text[PREFIX_LEN] = '_';
    memcpy(text + ID_AT, id.ptr, ID_LEN);
    text[SECRET_AT - 1] = '_';
    base62_of_bytes(dice, 32, text + SECRET_AT, SECRET_LEN);
    text[CRC_AT - 1] = '_';
    base62_of_number(crc32c(0, text, CRC_AT - 1), text + CRC_AT, CRC_LEN);
    buf_add(out, (struct str){text, TEXT_LEN});
    bytes_wipe(text, sizeof(text));
}

static bool is_prefix(struct str s)
{
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (str_eq(s, str_from(prefixes[i]))) {
            return true;
        }
    }
    return false;
}

/* Without a jump or a look-up per character: characters of a secret are unpredictable, and
 * this is done for every request. A compiler does many of them at once. */
static bool is_base62(struct str s)
{
    unsigned char others = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        unsigned char figure = (unsigned char)(c - '0');
        unsigned char letter = (unsigned char)((c | 0x20) - 'a');
        others |= (unsigned char)(figure > 9) & (unsigned char)(letter > 25);
    }
    return others == 0;
}

static void base62_of_number(uint32_t value, char *ret, size_t digits)
{
    for (size_t i = digits; i-- > 0;) {
        ret[i] = alphabet[value % 62];
        value /= 62;
    }
}

/* Long division, so that all 256 bits of the dice count and no digit is favoured. */
static void base62_of_bytes(const uint8_t *bytes, size_t len, char *ret, size_t digits)
{
    uint8_t number[32];

    ASSERT(len <= sizeof(number));
    memcpy(number, bytes, len);
    for (size_t i = digits; i-- > 0;) {
        unsigned rest = 0;
        for (size_t k = 0; k < len; k++) {
            rest = rest << 8 | number[k];
            number[k] = (uint8_t)(rest / 62);
            rest %= 62;
        }
        ret[i] = alphabet[rest];
    }
    bytes_wipe(number, sizeof(number));
}
