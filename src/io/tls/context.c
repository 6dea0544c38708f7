/* SPDX-License-Identifier: Apache-2.0
 *
 * Contexts: what every session of one kind shares. All choices about protocol
 * versions, suites, groups and verification are made in this file and nowhere
 * else; there is no way to ask for less (catalogue 265-280).
 *
 * The CA store is parsed once (4.7 ms for a system's) and shared by reference.
 * Debian builds mbedTLS with pthread mutexes, so sharing a config between
 * threads is sound. No revocation checking: mbedTLS has no OCSP.
 */
#include "tls_internal.h"

#include <mbedtls/version.h>
#include <psa/crypto.h>
#include <stdlib.h>

static enum err parse_cas(mbedtls_x509_crt *cas, const char *ca_file, int *ret_skipped,
                          struct issue *ret_issue);
static enum err client_config(struct tls_client *c);
static enum err server_config(struct tls_server *s);
static enum err parse_identity(struct tls_server *s, const char *chain_file, const char *key_file,
                               struct issue *ret_issue);
static int config_common(mbedtls_ssl_config *config, int endpoint);

const char tls_alpn_http11[] = "http/1.1";

/* mbedTLS keeps the pointers, so all of these are static. */
static const char *alpn_names[] = {tls_alpn_http11, NULL};

static const int cipher_suites[] = {
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    0,
};

static const uint16_t groups[] = {
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};

/* mbedTLS 3.6 cannot check RSA-PSS in a TLS 1.2 key exchange, although TLS 1.3
 * makes it offer PSS: with PKCS#1 named first, a TLS 1.2 server that follows the
 * client's order works (TLS 1.3 passes over PKCS#1). Out of reach: a server of TLS 1.2
 * alone with an RSA key alone that insists on its own order and prefers PSS. */
static const uint16_t signatures[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
    MBEDTLS_TLS1_3_SIG_NONE,
};

/* Where distributions keep the system store; the first that exists is taken. */
static const char *const system_stores[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
};

#define TICKET_LIFETIME_S 86400

enum err tls_start(void)
{
    /* 3.5 checks IP names, 3.6 gives TLS 1.3 resumption; older ones do not refuse
     * a handshake without a host name. */
    if (mbedtls_version_get_number() < 0x03060000) {
        return ERR_UNSUPPORTED;
    }
    if (psa_crypto_init() != PSA_SUCCESS) {
        return ERR_INTERNAL;
    }
#ifdef HAVE_IPSEC_MB
    return tls_gcm_check();
#else
    return ERR_OK;
#endif
}

enum err tls_client_open(const char *ca_file, struct tls_client **ret, int *ret_skipped,
                         struct issue *ret_issue)
{
    *ret = NULL;
    *ret_skipped = 0;
    struct tls_client *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return ERR_MEMORY;
    }
    c->refs = 1;
    mbedtls_x509_crt_init(&c->cas);
    mbedtls_ssl_config_init(&c->config);
    enum err err = parse_cas(&c->cas, ca_file, ret_skipped, ret_issue);
    if (err == ERR_OK) {
        err = tls_random(c->id, sizeof(c->id));
    }
    if (err == ERR_OK) {
        err = client_config(c);
    }
    if (err != ERR_OK) {
        tls_client_unref(c);
        return err;
    }
    *ret = c;
    return ERR_OK;
}

struct tls_client *tls_client_ref(struct tls_client *c)
{
    __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
    return c;
}

void tls_client_unref(struct tls_client *c)
{
    if (c == NULL || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) > 0) {
        return;
    }
    mbedtls_ssl_config_free(&c->config);
    mbedtls_x509_crt_free(&c->cas);
    free(c);
}

enum err tls_server_open(const char *cert_chain_file, const char *key_file,
                         struct tls_server **ret, struct issue *ret_issue)
{
    *ret = NULL;
    struct tls_server *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return ERR_MEMORY;
    }
    s->refs = 1;
    mbedtls_x509_crt_init(&s->chain);
    mbedtls_pk_init(&s->key);
    mbedtls_ssl_ticket_init(&s->tickets);
    mbedtls_ssl_config_init(&s->config);
    enum err err = parse_identity(s, cert_chain_file, key_file, ret_issue);
    if (err == ERR_OK) {
        err = server_config(s);
    }
    if (err != ERR_OK) {
        tls_server_unref(s);
        return err;
    }
    *ret = s;
    return ERR_OK;
}

struct tls_server *tls_server_ref(struct tls_server *s)
{
    __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
    return s;
}

void tls_server_unref(struct tls_server *s)
{
    if (s == NULL || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0) {
        return;
    }
    mbedtls_ssl_config_free(&s->config);
    mbedtls_ssl_ticket_free(&s->tickets);
    mbedtls_pk_free(&s->key);
    mbedtls_x509_crt_free(&s->chain);
    free(s);
}

int64_t tls_server_not_after_s(const struct tls_server *s)
{
    int64_t first = INT64_MAX;
    for (const mbedtls_x509_crt *c = &s->chain; c != NULL; c = c->next) {
        int64_t end = tls_cert_not_after_s(c);
        first = end < first ? end : first;
    }
    return first;
}

static enum err parse_cas(mbedtls_x509_crt *cas, const char *ca_file, int *ret_skipped,
                          struct issue *ret_issue)
{
    bool is_system = ca_file == NULL || ca_file[0] == '\0';
    size_t files_count = is_system ? sizeof(system_stores) / sizeof(system_stores[0]) : 1;
    for (size_t i = 0; i < files_count; i++) {
        const char *file = is_system ? system_stores[i] : ca_file;
        int r = mbedtls_x509_crt_parse_file(cas, file);
        if (r == MBEDTLS_ERR_X509_ALLOC_FAILED) {
            return ERR_MEMORY;
        }
        /* A positive answer counts the certificates that were left out. */
        if (r >= 0 && cas->version != 0) {
            *ret_skipped = r;
            return ERR_OK;
        }
    }
    issue_set(ret_issue, "", "no CA certificate could be read from %s; a PEM file with at least "
              "one is needed", is_system ? "the system's store" : ca_file);
    return ERR_NOT_FOUND;
}

static enum err client_config(struct tls_client *c)
{
    mbedtls_ssl_config *config = &c->config;
    int r = config_common(config, MBEDTLS_SSL_IS_CLIENT);
    if (r != 0) {
        return r == MBEDTLS_ERR_SSL_ALLOC_FAILED ? ERR_MEMORY : ERR_INTERNAL;
    }
    mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(config, &c->cas, NULL);
    mbedtls_ssl_conf_session_tickets(config, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
    return ERR_OK;
}

static enum err server_config(struct tls_server *s)
{
    mbedtls_ssl_config *config = &s->config;
    int r = config_common(config, MBEDTLS_SSL_IS_SERVER);
    if (r == 0) {
        r = mbedtls_ssl_conf_own_cert(config, &s->chain, &s->key);
    }
    if (r == 0) {
        r = mbedtls_ssl_ticket_setup(&s->tickets, tls_rng, NULL, MBEDTLS_CIPHER_AES_256_GCM,
                                     TICKET_LIFETIME_S);
    }
    if (r != 0) {
        return r == MBEDTLS_ERR_SSL_ALLOC_FAILED ? ERR_MEMORY : ERR_INTERNAL;
    }
    mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_NONE); /* no client certificates */
    mbedtls_ssl_conf_session_tickets_cb(config, mbedtls_ssl_ticket_write,
                                        mbedtls_ssl_ticket_parse, &s->tickets);
    return ERR_OK;
}

static int config_common(mbedtls_ssl_config *config, int endpoint)
{
    int r = mbedtls_ssl_config_defaults(config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                        MBEDTLS_SSL_PRESET_DEFAULT);
    if (r != 0) {
        return r;
    }
    mbedtls_ssl_conf_rng(config, tls_rng, NULL);
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_ciphersuites(config, cipher_suites);
    mbedtls_ssl_conf_groups(config, groups);
    mbedtls_ssl_conf_sig_algs(config, signatures);
    /* No PSK without an ephemeral exchange, also on resumption. */
    mbedtls_ssl_conf_tls13_key_exchange_modes(config,
                                              MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
    mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    mbedtls_ssl_conf_legacy_renegotiation(config, MBEDTLS_SSL_LEGACY_NO_RENEGOTIATION);
    return mbedtls_ssl_conf_alpn_protocols(config, alpn_names);
}

static enum err parse_identity(struct tls_server *s, const char *chain_file, const char *key_file,
                               struct issue *ret_issue)
{
    int r = mbedtls_x509_crt_parse_file(&s->chain, chain_file);
    if (r != 0 || s->chain.version == 0) {
        issue_set(ret_issue, "", "certificate chain %s cannot be read; PEM, own certificate "
                  "first, is needed", chain_file);
        return r == MBEDTLS_ERR_X509_ALLOC_FAILED ? ERR_MEMORY : ERR_NOT_FOUND;
    }
    r = mbedtls_pk_parse_keyfile(&s->key, key_file, NULL, tls_rng, NULL);
    if (r != 0) {
        issue_set(ret_issue, "", "private key %s cannot be read; unencrypted PEM is needed",
                  key_file);
        return ERR_NOT_FOUND;
    }
    if (mbedtls_pk_check_pair(&s->chain.pk, &s->key, tls_rng, NULL) != 0) {
        issue_set(ret_issue, "", "private key %s does not belong to the first certificate of %s",
                  key_file, chain_file);
        return ERR_INVALID;
    }
    return ERR_OK;
}
