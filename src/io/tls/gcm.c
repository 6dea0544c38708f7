/* SPDX-License-Identifier: Apache-2.0
 *
 * AES-GCM for mbedTLS, done by Intel's ipsec-mb where the build has it: mbedTLS' own costs
 * 4 us per KiB, this 0.2, and a record is encrypted and decrypted for every chunk.
 *
 * mbedTLS has no hook for it at run time, but calls its own mbedtls_gcm_* through the
 * dynamic symbol table, so these definitions in the program stand before the library's.
 * All functions of mbedtls/gcm.h are here, so no context is ever seen by both. That they
 * really are the ones used is asked at the start (tls_gcm_check); a failing check is fatal.
 *
 * A context holds a pointer to the state below, in the place of the library's hash table.
 * One context, one thread; the table of functions is written once.
 */
#include "tls_internal.h"

#include <intel-ipsec-mb.h>
#include <mbedtls/constant_time.h>
#include <mbedtls/error.h>
#include <mbedtls/gcm.h>
#include <pthread.h>
#include <stdlib.h>

#define IV_BYTES 12 /* the length TLS uses and the one-call functions take */
#define TAG_BYTES_MIN 4
#define TAG_BYTES_MAX 16

/* The library's functions for one size of key. */
struct gcm_engine {
    aes_gcm_pre_t expand;
    aes_gcm_enc_dec_t crypt[2]; /* by mode: MBEDTLS_GCM_DECRYPT 0, _ENCRYPT 1 */
    aes_gcm_init_var_iv_t begin;
    aes_gcm_enc_dec_update_t add[2];
    aes_gcm_enc_dec_finalize_t end[2];
};

struct gcm_state {
    struct gcm_key_data key;
    struct gcm_context_data run;
    const struct gcm_engine *engine;
    int mode;
    /* A message in pieces: the library wants the nonce and the whole associated data at once. */
    unsigned char iv[64];
    size_t iv_len;
    bool is_begun;
};

static struct gcm_engine engines[3]; /* 128, 192, 256 bits */
static bool is_usable;
static pthread_once_t engines_once = PTHREAD_ONCE_INIT;

static void engines_find(void);
static struct gcm_state *state_of(const mbedtls_gcm_context *ctx);
static void state_set(mbedtls_gcm_context *ctx, struct gcm_state *state);
static void state_free(struct gcm_state *state);
static void state_begin(struct gcm_state *s, const unsigned char *aad, size_t len);

_Static_assert(MBEDTLS_GCM_DECRYPT == 0 && MBEDTLS_GCM_ENCRYPT == 1, "modes index tables");
_Static_assert(sizeof(((mbedtls_gcm_context *)NULL)->MBEDTLS_PRIVATE(H)) >= sizeof(void *),
               "a context has room for a pointer");

void mbedtls_gcm_init(mbedtls_gcm_context *ctx)
{
    memset(ctx, 0, sizeof(*ctx));
}

void mbedtls_gcm_free(mbedtls_gcm_context *ctx)
{
    if (ctx != NULL) {
        state_free(state_of(ctx));
        memset(ctx, 0, sizeof(*ctx));
    }
}

int mbedtls_gcm_setkey(mbedtls_gcm_context *ctx, mbedtls_cipher_id_t cipher,
                       const unsigned char *key, unsigned int keybits)
{
    pthread_once(&engines_once, engines_find);
    if (!is_usable) {
        return MBEDTLS_ERR_PLATFORM_FEATURE_UNSUPPORTED;
    }
    if (cipher != MBEDTLS_CIPHER_ID_AES || (keybits != 128 && keybits != 192 && keybits != 256)) {
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    }
    struct gcm_state *s = state_of(ctx);
    if (s == NULL) {
        size_t size = (sizeof(*s) + 63) / 64 * 64;
        s = aligned_alloc(64, size);
        if (s == NULL) {
            return MBEDTLS_ERR_CIPHER_ALLOC_FAILED;
        }
        state_set(ctx, s);
    }
    memset(s, 0, sizeof(*s));
    s->engine = &engines[(keybits - 128) / 64];
    s->engine->expand(key, &s->key);
    return 0;
}

/* lint: signature of mbedtls/gcm.h */
int mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *ctx, int mode, size_t length,
                              const unsigned char *iv, size_t iv_len, const unsigned char *add,
                              size_t add_len, const unsigned char *input, unsigned char *output,
                              size_t tag_len, unsigned char *tag)
{
    struct gcm_state *s = state_of(ctx);
    bool is_mode = mode == MBEDTLS_GCM_ENCRYPT || mode == MBEDTLS_GCM_DECRYPT;
    if (s == NULL || !is_mode || iv_len == 0 || tag_len < TAG_BYTES_MIN ||
        tag_len > TAG_BYTES_MAX) {
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    }
    if (iv_len == IV_BYTES) {
        s->engine->crypt[mode](&s->key, &s->run, output, input, length, iv, add, add_len, tag,
                               tag_len);
    } else {
        s->engine->begin(&s->key, &s->run, iv, iv_len, add, add_len);
        s->engine->add[mode](&s->key, &s->run, output, input, length);
        s->engine->end[mode](&s->key, &s->run, tag, tag_len);
    }
    return 0;
}

/* lint: signature of mbedtls/gcm.h */
int mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *ctx, size_t length, const unsigned char *iv,
                             size_t iv_len, const unsigned char *add, size_t add_len,
                             const unsigned char *tag, size_t tag_len, const unsigned char *input,
                             unsigned char *output)
{
    unsigned char made[TAG_BYTES_MAX] = {0};
    int r = mbedtls_gcm_crypt_and_tag(ctx, MBEDTLS_GCM_DECRYPT, length, iv, iv_len, add, add_len,
                                      input, output, tag_len, made);
    if (r != 0) {
        return r;
    }
    if (mbedtls_ct_memcmp(made, tag, tag_len) != 0) {
        bytes_wipe(output, length); /* nobody may use what nobody vouches for */
        return MBEDTLS_ERR_GCM_AUTH_FAILED;
    }
    return 0;
}

int mbedtls_gcm_starts(mbedtls_gcm_context *ctx, int mode, const unsigned char *iv, size_t iv_len)
{
    struct gcm_state *s = state_of(ctx);
    bool is_mode = mode == MBEDTLS_GCM_ENCRYPT || mode == MBEDTLS_GCM_DECRYPT;
    if (s == NULL || !is_mode || iv_len == 0 || iv_len > sizeof(s->iv)) {
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    }
    s->mode = mode;
    memcpy(s->iv, iv, iv_len);
    s->iv_len = iv_len;
    s->is_begun = false;
    return 0;
}

int mbedtls_gcm_update_ad(mbedtls_gcm_context *ctx, const unsigned char *add, size_t add_len)
{
    struct gcm_state *s = state_of(ctx);
    if (s == NULL || s->is_begun) {
        return MBEDTLS_ERR_GCM_BAD_INPUT; /* in one piece, before the first byte */
    }
    if (add_len > 0) {
        state_begin(s, add, add_len);
    }
    return 0;
}

int mbedtls_gcm_update(mbedtls_gcm_context *ctx, const unsigned char *input, size_t input_length,
                       unsigned char *output, size_t output_size, size_t *output_length)
{
    struct gcm_state *s = state_of(ctx);
    if (output_size < input_length) {
        return MBEDTLS_ERR_GCM_BUFFER_TOO_SMALL;
    }
    if (s == NULL) {
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    }
    state_begin(s, NULL, 0);
    s->engine->add[s->mode](&s->key, &s->run, output, input, input_length);
    *output_length = input_length;
    return 0;
}

int mbedtls_gcm_finish(mbedtls_gcm_context *ctx, unsigned char *output, size_t output_size,
                       size_t *output_length, unsigned char *tag, size_t tag_len)
{
    struct gcm_state *s = state_of(ctx);
    (void)output; /* update has given out everything */
    (void)output_size;
    *output_length = 0;
    if (s == NULL || tag_len < TAG_BYTES_MIN || tag_len > TAG_BYTES_MAX) {
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    }
    state_begin(s, NULL, 0);
    s->engine->end[s->mode](&s->key, &s->run, tag, tag_len);
    return 0;
}

/* mbedTLS' own test vectors, through the library's own calls: that they pass says the results
 * are right, and that a context has our state says whose they were. */
enum err tls_gcm_check(void)
{
    static const unsigned char key[16] = {0};
    mbedtls_cipher_context_t cipher;
    mbedtls_cipher_init(&cipher);
    const mbedtls_cipher_info_t *aes = mbedtls_cipher_info_from_type(MBEDTLS_CIPHER_AES_128_GCM);
    int r = mbedtls_cipher_setup(&cipher, aes);
    if (r == 0) {
        r = mbedtls_cipher_setkey(&cipher, key, 128, MBEDTLS_ENCRYPT);
    }
    bool is_ours = r == 0 && is_usable && cipher.MBEDTLS_PRIVATE(cipher_ctx) != NULL &&
                   state_of(cipher.MBEDTLS_PRIVATE(cipher_ctx)) != NULL &&
                   state_of(cipher.MBEDTLS_PRIVATE(cipher_ctx))->engine == &engines[0];
    mbedtls_cipher_free(&cipher);
    return is_ours && mbedtls_gcm_self_test(0) == 0 ? ERR_OK : ERR_UNSUPPORTED;
}

/* A manager is only asked for its functions, which keep nothing in it. */
static void engines_find(void)
{
    IMB_MGR *m = alloc_mb_mgr(0);
    if (m == NULL) {
        return;
    }
    IMB_ARCH arch = IMB_ARCH_NONE;
    init_mb_mgr_auto(m, &arch);
    if (arch != IMB_ARCH_NONE) {
        engines[0] = (struct gcm_engine){m->gcm128_pre,
                                         {m->gcm128_dec, m->gcm128_enc},
                                         m->gcm128_init_var_iv,
                                         {m->gcm128_dec_update, m->gcm128_enc_update},
                                         {m->gcm128_dec_finalize, m->gcm128_enc_finalize}};
        engines[1] = (struct gcm_engine){m->gcm192_pre,
                                         {m->gcm192_dec, m->gcm192_enc},
                                         m->gcm192_init_var_iv,
                                         {m->gcm192_dec_update, m->gcm192_enc_update},
                                         {m->gcm192_dec_finalize, m->gcm192_enc_finalize}};
        engines[2] = (struct gcm_engine){m->gcm256_pre,
                                         {m->gcm256_dec, m->gcm256_enc},
                                         m->gcm256_init_var_iv,
                                         {m->gcm256_dec_update, m->gcm256_enc_update},
                                         {m->gcm256_dec_finalize, m->gcm256_enc_finalize}};
        is_usable = true;
    }
    free_mb_mgr(m);
}

static struct gcm_state *state_of(const mbedtls_gcm_context *ctx)
{
    struct gcm_state *state;
    memcpy(&state, ctx->MBEDTLS_PRIVATE(H), sizeof(state));
    return state;
}

static void state_set(mbedtls_gcm_context *ctx, struct gcm_state *state)
{
    memcpy(ctx->MBEDTLS_PRIVATE(H), &state, sizeof(state));
}

static void state_free(struct gcm_state *state)
{
    if (state != NULL) {
        bytes_wipe(state, sizeof(*state));
        free(state);
    }
}

static void state_begin(struct gcm_state *s, const unsigned char *aad, size_t len)
{
    if (!s->is_begun) {
        s->engine->begin(&s->key, &s->run, s->iv, s->iv_len, aad, len);
        s->is_begun = true;
    }
}
