/* SPDX-License-Identifier: Apache-2.0
 *
 * AES-GCM under mbedTLS: that mbedTLS' own calls end in gcm.c, known answers for every size of
 * key, pieces as the whole, and what must be refused.
 */
#include "../../../src/io/tls/tls_internal.h"

#include <mbedtls/cipher.h>
#include <mbedtls/gcm.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define MESSAGE_MAX 4096

static void the_program_is_asked_and_not_the_library(void **state)
{
    (void)state;
    assert_int_equal(tls_gcm_check(), ERR_OK);
}

/* An empty message and 16 zero bytes under the zero key: the first two cases of every list of
 * GCM vectors, for 128, 192 and 256 bits. */
static void known_answers(void **state)
{
    (void)state;
    static const struct {
        unsigned bits;
        const char *tag_of_none;
        const char *cipher;
        const char *tag;
    } known[] = {
        {128, "\x58\xe2\xfc\xce\xfa\x7e\x30\x61\x36\x7f\x1d\x57\xa4\xe7\x45\x5a",
         "\x03\x88\xda\xce\x60\xb6\xa3\x92\xf3\x28\xc2\xb9\x71\xb2\xfe\x78",
         "\xab\x6e\x47\xd4\x2c\xec\x13\xbd\xf5\x3a\x67\xb2\x12\x57\xbd\xdf"},
        {192, "\xcd\x33\xb2\x8a\xc7\x73\xf7\x4b\xa0\x0e\xd1\xf3\x12\x57\x24\x35",
         "\x98\xe7\x24\x7c\x07\xf0\xfe\x41\x1c\x26\x7e\x43\x84\xb0\xf6\x00",
         "\x2f\xf5\x8d\x80\x03\x39\x27\xab\x8e\xf4\xd4\x58\x75\x14\xf0\xfb"},
        {256, "\x53\x0f\x8a\xfb\xc7\x45\x36\xb9\xa9\x63\xb4\xf1\xc4\xcb\x73\x8b",
         "\xce\xa7\x40\x3d\x4d\x60\x6b\x6e\x07\x4e\xc5\xd3\xba\xf3\x9d\x18",
         "\xd0\xd1\xc8\xa7\x99\x99\x6b\xf0\x26\x5b\x98\xb5\xd4\x8a\xb9\x19"},
    };
    static const unsigned char zero[32] = {0};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        mbedtls_gcm_context gcm;
        mbedtls_gcm_init(&gcm);
        assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, zero, known[i].bits), 0);
        unsigned char out[16], tag[16];
        assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, 0, zero, 12, NULL, 0,
                                                   NULL, NULL, 16, tag), 0);
        assert_memory_equal(tag, known[i].tag_of_none, 16);
        assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, 16, zero, 12, NULL,
                                                   0, zero, out, 16, tag), 0);
        assert_memory_equal(out, known[i].cipher, 16);
        assert_memory_equal(tag, known[i].tag, 16);
        mbedtls_gcm_free(&gcm);
    }
}

static void fill(unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (unsigned char)(i * 7 + i / 251);
    }
}

/* Every length over a few blocks and some long ones, in place as a record is decrypted. */
static void round_trips_in_place(void **state)
{
    (void)state;
    unsigned char plain[MESSAGE_MAX], text[MESSAGE_MAX], tag[16];
    fill(plain, sizeof(plain));
    mbedtls_gcm_context gcm;
    mbedtls_gcm_init(&gcm);
    assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, plain, 256), 0);
    for (size_t len = 0; len <= MESSAGE_MAX; len += len < 300 ? 1 : 119) {
        memcpy(text, plain, len);
        assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, len, plain, 12, plain,
                                                   13, text, text, 16, tag), 0);
        assert_true(len < 16 || memcmp(text, plain, len) != 0);
        assert_int_equal(mbedtls_gcm_auth_decrypt(&gcm, len, plain, 12, plain, 13, tag, 16, text,
                                                  text), 0);
        assert_memory_equal(text, plain, len);
    }
    mbedtls_gcm_free(&gcm);
}

/* A nonce of another length goes another way in the code: any split gives the whole. */
static void pieces_are_the_whole(void **state)
{
    (void)state;
    unsigned char plain[200], whole[200], parts[200], tag[16], tag_of_parts[16];
    fill(plain, sizeof(plain));
    mbedtls_gcm_context gcm;
    mbedtls_gcm_init(&gcm);
    assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, plain, 128), 0);
    static const size_t nonces[] = {12, 8, 33};
    for (size_t n = 0; n < 3; n++) {
        assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, 200, plain, nonces[n],
                                                   plain, 20, plain, whole, 16, tag), 0);
        for (size_t cut = 0; cut <= 200; cut++) {
            size_t got = 0, rest = 0;
            assert_int_equal(mbedtls_gcm_starts(&gcm, MBEDTLS_GCM_ENCRYPT, plain, nonces[n]), 0);
            assert_int_equal(mbedtls_gcm_update_ad(&gcm, plain, 20), 0);
            assert_int_equal(mbedtls_gcm_update(&gcm, plain, cut, parts, 200, &got), 0);
            assert_int_equal(mbedtls_gcm_update(&gcm, plain + cut, 200 - cut, parts + got,
                                                200 - got, &rest), 0);
            assert_int_equal(got + rest, 200);
            assert_int_equal(mbedtls_gcm_finish(&gcm, NULL, 0, &rest, tag_of_parts, 16), 0);
            assert_memory_equal(parts, whole, 200);
            assert_memory_equal(tag_of_parts, tag, 16);
        }
    }
    mbedtls_gcm_free(&gcm);
}

/* Text, tag, nonce or associated data with one bit changed: refused, and nothing of it left. */
static void any_change_is_refused(void **state)
{
    (void)state;
    unsigned char sent[12 + 13 + 40 + 16], text[40];
    static const unsigned char none[40] = {0};
    mbedtls_gcm_context gcm;
    fill(sent, sizeof(sent));
    mbedtls_gcm_init(&gcm);
    assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, sent, 128), 0);
    assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, 40, sent, 12, sent + 12,
                                               13, sent + 25, sent + 25, 16, sent + 65), 0);
    for (size_t bit = 0; bit < sizeof(sent) * 8; bit++) {
        sent[bit / 8] ^= (unsigned char)(1 << bit % 8);
        memset(text, 'x', sizeof(text));
        assert_int_equal(mbedtls_gcm_auth_decrypt(&gcm, 40, sent, 12, sent + 12, 13, sent + 65, 16,
                                                  sent + 25, text), MBEDTLS_ERR_GCM_AUTH_FAILED);
        assert_memory_equal(text, none, sizeof(text));
        sent[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_int_equal(mbedtls_gcm_auth_decrypt(&gcm, 40, sent, 12, sent + 12, 13, sent + 65, 16,
                                              sent + 25, text), 0);
    mbedtls_gcm_free(&gcm);
}

static void bad_use_is_refused(void **state)
{
    (void)state;
    unsigned char bytes[64] = {0}, tag[16];
    size_t got;
    mbedtls_gcm_context gcm;
    mbedtls_gcm_init(&gcm);
    /* Without a key. */
    assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, 1, 16, bytes, 12, NULL, 0, bytes, bytes, 16,
                                               tag), MBEDTLS_ERR_GCM_BAD_INPUT);
    assert_int_equal(mbedtls_gcm_starts(&gcm, 1, bytes, 12), MBEDTLS_ERR_GCM_BAD_INPUT);
    assert_int_equal(mbedtls_gcm_update(&gcm, bytes, 1, bytes, 1, &got),
                     MBEDTLS_ERR_GCM_BAD_INPUT);
    assert_int_equal(mbedtls_gcm_finish(&gcm, NULL, 0, &got, tag, 16), MBEDTLS_ERR_GCM_BAD_INPUT);
    static const unsigned sizes[] = {0, 8, 127, 129, 320};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, bytes, sizes[i]),
                         MBEDTLS_ERR_GCM_BAD_INPUT);
    }
    assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_CAMELLIA, bytes, 128),
                     MBEDTLS_ERR_GCM_BAD_INPUT);
    assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, bytes, 128), 0);
    /* No nonce, a tag too short to say anything or longer than there is, no such mode. */
    assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, 1, 16, bytes, 0, NULL, 0, bytes, bytes, 16,
                                               tag), MBEDTLS_ERR_GCM_BAD_INPUT);
    assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, 1, 16, bytes, 12, NULL, 0, bytes, bytes, 3,
                                               tag), MBEDTLS_ERR_GCM_BAD_INPUT);
    assert_int_equal(mbedtls_gcm_auth_decrypt(&gcm, 16, bytes, 12, NULL, 0, tag, 17, bytes, bytes),
                     MBEDTLS_ERR_GCM_BAD_INPUT);
    assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, 2, 16, bytes, 12, NULL, 0, bytes, bytes, 16,
                                               tag), MBEDTLS_ERR_GCM_BAD_INPUT);
    /* Pieces into too small a room; associated data behind text. */
    assert_int_equal(mbedtls_gcm_starts(&gcm, 1, bytes, 12), 0);
    assert_int_equal(mbedtls_gcm_update(&gcm, bytes, 16, bytes, 15, &got),
                     MBEDTLS_ERR_GCM_BUFFER_TOO_SMALL);
    assert_int_equal(mbedtls_gcm_update(&gcm, bytes, 16, bytes, 16, &got), 0);
    assert_int_equal(mbedtls_gcm_update_ad(&gcm, bytes, 1), MBEDTLS_ERR_GCM_BAD_INPUT);
    mbedtls_gcm_free(&gcm);
    mbedtls_gcm_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_program_is_asked_and_not_the_library),
        cmocka_unit_test(known_answers),
        cmocka_unit_test(round_trips_in_place),
        cmocka_unit_test(pieces_are_the_whole),
        cmocka_unit_test(any_change_is_refused),
        cmocka_unit_test(bad_use_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
