/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates for tests and the fake provider, made at run time with mbedTLS's
 * writer, so that neither a key nor an expiry date is ever committed and no
 * openssl program is needed. Header only: each test is one executable.
 *
 * Returns 0 or a mbedTLS error. Keys are P-256. Not for production use: serial
 * numbers are random, but nothing is recorded.
 */
#ifndef PORTCULLIS_TESTS_CERTS_H
#define PORTCULLIS_TESTS_CERTS_H

#include <arpa/inet.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define CERT_NAMES_MAX 16

struct cert_spec {
    const char *subject;     /* "CN=Test Root" */
    bool is_ca;
    const char *not_before;  /* "20240101000000"; NULL = long ago */
    const char *not_after;   /* NULL = far ahead */
    const char *names[CERT_NAMES_MAX]; /* DNS names or IPv4/IPv6 literals; NULL ends */
};

struct cert_made {
    mbedtls_pk_context key;
    char subject[128];
    char key_pem[1024];
    char cert_pem[4096];
};

static inline int cert_rng(void *ctx, unsigned char *bytes, size_t len)
{
    (void)ctx;
    return getrandom(bytes, len, 0) == (ssize_t)len ? 0 : -1;
}

static inline void cert_free(struct cert_made *c)
{
    mbedtls_pk_free(&c->key);
}

static inline int cert_names(mbedtls_x509write_cert *w, const struct cert_spec *spec)
{
    mbedtls_x509_san_list list[CERT_NAMES_MAX];
    unsigned char ips[CERT_NAMES_MAX][16];
    size_t count = 0;
    memset(list, 0, sizeof(list));
    while (count < CERT_NAMES_MAX && spec->names[count] != NULL) {
        const char *name = spec->names[count];
        mbedtls_x509_subject_alternative_name *node = &list[count].node;
        size_t ip_len = inet_pton(AF_INET, name, ips[count]) == 1 ? 4
                        : inet_pton(AF_INET6, name, ips[count]) == 1 ? 16 : 0;
        node->type = ip_len > 0 ? MBEDTLS_X509_SAN_IP_ADDRESS : MBEDTLS_X509_SAN_DNS_NAME;
        /* The writer only reads; its struct has no const. */
        union { const char *in; unsigned char *out; } text = {name};
        node->san.unstructured_name.p = ip_len > 0 ? ips[count] : text.out;
        node->san.unstructured_name.len = ip_len > 0 ? ip_len : strlen(name);
        if (count > 0) {
            list[count - 1].next = &list[count];
        }
        count++;
    }
    return count == 0 ? 0 : mbedtls_x509write_crt_set_subject_alternative_name(w, list);
}

static inline int cert_extensions(mbedtls_x509write_cert *w, const struct cert_spec *spec)
{
    int r = mbedtls_x509write_crt_set_basic_constraints(w, spec->is_ca, -1);
    if (r == 0 && spec->is_ca) {
        return mbedtls_x509write_crt_set_key_usage(w, MBEDTLS_X509_KU_KEY_CERT_SIGN);
    }
    mbedtls_asn1_sequence use;
    memset(&use, 0, sizeof(use));
    union { const char *in; unsigned char *out; } oid = {MBEDTLS_OID_SERVER_AUTH};
    use.buf.tag = MBEDTLS_ASN1_OID;
    use.buf.p = oid.out;
    use.buf.len = MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH);
    if (r == 0) {
        r = mbedtls_x509write_crt_set_ext_key_usage(w, &use);
    }
    return r != 0 ? r : cert_names(w, spec);
}

/* `issuer` NULL = self-signed. */
static inline int cert_make(const struct cert_spec *spec, struct cert_made *issuer,
                            struct cert_made *ret)
{
    mbedtls_x509write_cert w;
    unsigned char serial[16];
    memset(ret, 0, sizeof(*ret));
    mbedtls_pk_init(&ret->key);
    mbedtls_x509write_crt_init(&w);
    snprintf(ret->subject, sizeof(ret->subject), "%s", spec->subject);
    int r = mbedtls_pk_setup(&ret->key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (r == 0) {
        r = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(ret->key), cert_rng, NULL);
    }
    struct cert_made *signer = issuer != NULL ? issuer : ret;
    mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&w, &ret->key);
    mbedtls_x509write_crt_set_issuer_key(&w, &signer->key);
    cert_rng(NULL, serial, sizeof(serial));
    serial[0] &= 0x7f;
    serial[0] |= 0x01;
    const char *from = spec->not_before != NULL ? spec->not_before : "20240101000000";
    const char *to = spec->not_after != NULL ? spec->not_after : "20481231235959";
    r = r != 0 ? r : mbedtls_x509write_crt_set_subject_name(&w, spec->subject);
    r = r != 0 ? r : mbedtls_x509write_crt_set_issuer_name(&w, signer->subject);
    r = r != 0 ? r : mbedtls_x509write_crt_set_serial_raw(&w, serial, sizeof(serial));
    r = r != 0 ? r : mbedtls_x509write_crt_set_validity(&w, from, to);
    r = r != 0 ? r : cert_extensions(&w, spec);
    /* Strict readers (Python 3.13 and later) want both. */
    r = r != 0 ? r : mbedtls_x509write_crt_set_subject_key_identifier(&w);
    r = r != 0 ? r : mbedtls_x509write_crt_set_authority_key_identifier(&w);
    r = r != 0 ? r : mbedtls_x509write_crt_pem(&w, (unsigned char *)ret->cert_pem,
                                               sizeof(ret->cert_pem), cert_rng, NULL);
    r = r != 0 ? r : mbedtls_pk_write_key_pem(&ret->key, (unsigned char *)ret->key_pem,
                                              sizeof(ret->key_pem));
    mbedtls_x509write_crt_free(&w);
    return r;
}

/* Whole file, mode 0600. */
static inline int cert_write_file(const char *path, const char *text, const char *more)
{
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        return -1;
    }
    fchmod(fileno(f), 0600);
    int r = fputs(text, f) >= 0 && (more == NULL || fputs(more, f) >= 0) ? 0 : -1;
    return fclose(f) == 0 ? r : -1;
}

#endif
