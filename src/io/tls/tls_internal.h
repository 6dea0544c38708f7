/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the tls room share: the two context types, the resumption
 * cache's put and get, name checks, and the sentence for a failure. Nothing
 * outside src/io/tls may include this.
 *
 * Contexts are immutable after open; the cache belongs to one thread.
 */
#ifndef PORTCULLIS_TLS_INTERNAL_H
#define PORTCULLIS_TLS_INTERNAL_H

#include "portcullis/tls.h"

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>

#define TLS_HOST_BYTES_MAX 253

struct tls_client {
    int refs; /* atomic */
    uint8_t id[16]; /* which CA set: part of every resumption key */
    mbedtls_x509_crt cas;
    mbedtls_ssl_config config;
};

struct tls_server {
    int refs; /* atomic */
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    mbedtls_ssl_ticket_context tickets;
    mbedtls_ssl_config config;
};

/* f_rng of every config: the kernel's generator. No state of ours, so nothing to
 * lock between threads and nothing to duplicate over fork. */
int tls_rng(void *ctx, unsigned char *ret_bytes, size_t len);

/* The only ALPN name offered and accepted. */
extern const char tls_alpn_http11[];

/* ---- names (name.c, pure) ---- */

struct tls_host {
    char name[TLS_HOST_BYTES_MAX + 1]; /* lower case, no trailing dot, NUL-terminated */
    size_t name_len;
    uint8_t ip[16];
    size_t ip_len; /* 0, 4 or 16 */
};
/* ERR_INVALID: empty, too long, not LDH labels, numeric but no IPv4 address. */
MUST_USE enum err tls_host_parse(struct str text, struct tls_host *ret_host);
enum tls_san { TLS_SAN_MATCH, TLS_SAN_OTHER, TLS_SAN_ABSENT };
/* Looks at subjectAltName only; a common name is never a host name here. */
enum tls_san tls_cert_names_host(const mbedtls_x509_crt *cert, const struct tls_host *host);
/* Unix seconds. */
int64_t tls_cert_not_after_s(const mbedtls_x509_crt *cert);

/* ---- resumption cache (resume.c) ---- */

struct sha256 tls_resume_key_of(const struct tls_client *c, const struct tls_host *host,
                                struct str resume_key);
/* Takes over the content of *session (left empty), which is good until then. */
void tls_resume_put(struct tls_resume *r, const struct sha256 *key, mbedtls_ssl_session *session,
                    int64_t until_s);
/* NULL when absent or no longer good; valid until the next put or drop. */
const mbedtls_ssl_session *tls_resume_get(struct tls_resume *r, const struct sha256 *key,
                                          int64_t now_s, int64_t *ret_until_s);
void tls_resume_drop(struct tls_resume *r, const struct sha256 *key);

/* ---- AES-GCM (gcm.c; only in builds with ipsec-mb) ---- */

/* Are mbedTLS' calls answered by gcm.c, and rightly? ERR_UNSUPPORTED if not, or if the
 * processor lacks what ipsec-mb needs. About 0.2 ms, once per process. */
MUST_USE enum err tls_gcm_check(void);

/* ---- sentences (reason.c) ---- */

/* `flags`: what certificate verification found, 0 when it found nothing. */
const char *tls_reason_of(int mbedtls_error, uint32_t flags, bool has_no_san);

#endif
