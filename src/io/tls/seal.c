/* SPDX-License-Identifier: Apache-2.0
 *
 * AES-256-GCM for secrets at rest, and the system's randomness. The nonce is 96
 * random bits: one key may seal some 2^32 secrets, far beyond what an
 * installation stores. The associated data is given by the caller and binds a
 * sealed value to its row. No state; any thread.
 */
#include "tls_internal.h"

#include <errno.h>
#include <mbedtls/gcm.h>
#include <sys/random.h>

#define NONCE_BYTES 12
#define TAG_BYTES 16
#define PLAIN_BYTES_MAX (64u * 1024 * 1024)

enum err tls_random(uint8_t *ret_bytes, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t got = getrandom(ret_bytes + done, len - done, 0);
        if (got < 0 && errno != EINTR) {
            return ERR_IO;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return ERR_OK;
}

int tls_rng(void *ctx, unsigned char *ret_bytes, size_t len)
{
    (void)ctx;
    return tls_random(ret_bytes, len) == ERR_OK ? 0 : MBEDTLS_ERR_SSL_NO_RNG;
}

enum err tls_seal(const uint8_t key[32], struct str aad, struct str plain, struct buf *out)
{
    if (plain.len > PLAIN_BYTES_MAX) {
        return ERR_LIMIT;
    }
    uint8_t *at = (uint8_t *)buf_reserve(out, NONCE_BYTES + plain.len + TAG_BYTES);
    if (at == NULL) {
        return out->err;
    }
    TRY(tls_random(at, NONCE_BYTES));
    mbedtls_gcm_context gcm;
    mbedtls_gcm_init(&gcm);
    int r = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 256);
    if (r == 0) {
        r = mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, plain.len, at, NONCE_BYTES,
                                      (const uint8_t *)aad.ptr, aad.len,
                                      (const uint8_t *)plain.ptr, at + NONCE_BYTES, TAG_BYTES,
                                      at + NONCE_BYTES + plain.len);
    }
    mbedtls_gcm_free(&gcm);
    if (r != 0) {
        return ERR_INTERNAL;
    }
    buf_commit(out, NONCE_BYTES + plain.len + TAG_BYTES);
    return ERR_OK;
}

enum err tls_open_sealed(const uint8_t key[32], struct str aad, struct str sealed,
                         struct buf *out)
{
    if (sealed.len < NONCE_BYTES + TAG_BYTES) {
        return ERR_CORRUPT;
    }
    size_t plain_len = sealed.len - NONCE_BYTES - TAG_BYTES;
    if (plain_len > PLAIN_BYTES_MAX) {
        return ERR_LIMIT;
    }
    /* One byte more, so that an empty secret has an address too. */
    uint8_t *at = (uint8_t *)buf_reserve(out, plain_len + 1);
    if (at == NULL) {
        return out->err;
    }
    const uint8_t *in = (const uint8_t *)sealed.ptr;
    mbedtls_gcm_context gcm;
    mbedtls_gcm_init(&gcm);
    int r = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 256);
    if (r == 0) {
        r = mbedtls_gcm_auth_decrypt(&gcm, plain_len, in, NONCE_BYTES, (const uint8_t *)aad.ptr,
                                     aad.len, in + NONCE_BYTES + plain_len, TAG_BYTES,
                                     in + NONCE_BYTES, at);
    }
    mbedtls_gcm_free(&gcm);
    if (r != 0) {
        bytes_wipe(at, plain_len);
        return ERR_CORRUPT;
    }
    buf_commit(out, plain_len);
    return ERR_OK;
}
