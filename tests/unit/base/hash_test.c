/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashes against published vectors (FIPS 180-4 examples, RFC 4231, RFC 3720) and
 * against themselves: CRC-32C in pieces, hash_bytes over lengths and seeds.
 */
#include "test.h"

#include <mbedtls/sha256.h>

static void assert_hex(const uint8_t bytes[32], const char *hex)
{
    char text[65] = {0};
    hex_of(bytes, 32, text);
    assert_string_equal(text, hex);
}

static void test_sha256(void **state)
{
    (void)state;
    assert_hex(sha256_of(STR("abc")).bytes,
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_hex(sha256_of(STR_NONE).bytes,
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* Whichever code runs here agrees with mbedTLS at every length around the blocks,
 * and HMAC at every length of key and message. */
static void test_sha256_every_length(void **state)
{
    (void)state;
    unsigned char data[400], want[32], pad[64 + sizeof(data)];
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (unsigned char)(i * 167 + (i >> 3));
    }
    for (size_t len = 0; len <= sizeof(data); len++) {
        assert_int_equal(mbedtls_sha256(data, len, want, 0), 0);
        struct sha256 got = sha256_of((struct str){(const char *)data, len});
        assert_memory_equal(got.bytes, want, 32);
        /* RFC 2104 by hand, with a key shorter than a block. */
        size_t key_len = len % 64;
        memset(pad, 0x36, 64);
        for (size_t i = 0; i < key_len; i++) {
            pad[i] ^= data[i];
        }
        memcpy(pad + 64, data, len);
        assert_int_equal(mbedtls_sha256(pad, 64 + len, want, 0), 0);
        memset(pad, 0x5c, 64);
        for (size_t i = 0; i < key_len; i++) {
            pad[i] ^= data[i];
        }
        memcpy(pad + 64, want, 32);
        assert_int_equal(mbedtls_sha256(pad, 96, want, 0), 0);
        got = hmac_sha256((struct str){(const char *)data, key_len},
                          (struct str){(const char *)data, len});
        assert_memory_equal(got.bytes, want, 32);
    }
}

static void test_hmac_rfc4231(void **state)
{
    (void)state;
    char key[131];
    memset(key, 0x0B, 20);
    assert_hex(hmac_sha256((struct str){key, 20}, STR("Hi There")).bytes,
               "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_hex(hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?")).bytes,
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xAA, sizeof(key)); /* longer than a block */
    assert_hex(hmac_sha256((struct str){key, sizeof(key)},
                           STR("Test Using Larger Than Block-Size Key - Hash Key First"))
                   .bytes,
               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_crc32c(void **state)
{
    (void)state;
    char zeros[32] = {0};
    assert_true(crc32c(0, "123456789", 9) == 0xE3069283);
    assert_true(crc32c(0, zeros, sizeof(zeros)) == 0x8A9136AA);
    assert_true(crc32c(0, "", 0) == 0);
    for (size_t cut = 0; cut <= 9; cut++) {
        uint32_t first = crc32c(0, "123456789", cut);
        assert_true(crc32c(first, &"123456789"[cut], 9 - cut) == 0xE3069283);
    }
}

static void test_hash_bytes(void **state)
{
    (void)state;
    char text[100];
    memset(text, 0, sizeof(text));
    uint64_t seen[100];
    for (size_t len = 0; len < sizeof(text); len++) {
        seen[len] = hash_bytes((struct str){text, len}, 0);
        assert_true(hash_bytes((struct str){text, len}, 0) == seen[len]);
        assert_true(hash_bytes((struct str){text, len}, 1) != seen[len]);
        for (size_t shorter = 0; shorter < len; shorter++) {
            assert_true(seen[shorter] != seen[len]); /* zeros of every length differ */
        }
    }
    for (size_t i = 0; i < sizeof(text); i++) {
        uint64_t before = hash_bytes((struct str){text, sizeof(text)}, 0);
        text[i] ^= 1;
        assert_true(hash_bytes((struct str){text, sizeof(text)}, 0) != before);
    }
}

static void test_hex(void **state)
{
    (void)state;
    uint8_t bytes[2] = {1, 2};
    static const char digits[] = "0123456789abcdefABCDEF", others[] = "/:@G`g \xff";
    for (size_t i = 0; i < sizeof(digits) - 1; i++) {
        assert_int_equal(hex_value(digits[i]), i < 16 ? i : i - 6);
    }
    for (size_t i = 0; i < sizeof(others); i++) { /* the NUL too */
        assert_int_equal(hex_value(others[i]), -1);
    }
    assert_int_equal(hex_to(STR("0aFf"), bytes, 2), ERR_OK);
    assert_int_equal(bytes[0], 0x0A);
    assert_int_equal(bytes[1], 0xFF);
    assert_int_equal(hex_to(STR("00"), bytes, 2), ERR_SYNTAX);
    assert_int_equal(hex_to(STR("000"), bytes, 1), ERR_SYNTAX);
    assert_int_equal(hex_to(STR("00g0"), bytes, 2), ERR_SYNTAX);
    assert_int_equal(hex_to(STR(""), bytes, 0), ERR_OK);
    assert_int_equal(bytes[0], 0x0A); /* refusals change nothing */
}

static void test_comparing_and_wiping(void **state)
{
    (void)state;
    char secret[8] = "secret!";
    assert_true(bytes_eq_ct(secret, "secret!", 8));
    assert_false(bytes_eq_ct(secret, "secret?", 8));
    assert_true(bytes_eq_ct(secret, "x", 0));
    char a[90] = "", b[90] = "";
    for (size_t i = 0; i < 90 * 8; i++) { /* each bit, with each length */
        b[i / 8] = (char)(1U << i % 8);
        for (size_t len = 0; len <= 90; len++) {
            assert_int_equal(bytes_eq_ct(a, b, len), len <= i / 8);
        }
        b[i / 8] = 0;
    }
    bytes_wipe(secret, sizeof(secret));
    assert_memory_equal(secret, "\0\0\0\0\0\0\0\0", 8);
    bytes_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256), cmocka_unit_test(test_sha256_every_length),
        cmocka_unit_test(test_hmac_rfc4231),
        cmocka_unit_test(test_crc32c), cmocka_unit_test(test_hash_bytes),
        cmocka_unit_test(test_hex),    cmocka_unit_test(test_comparing_and_wiping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
