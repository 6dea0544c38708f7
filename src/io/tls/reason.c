/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a session failed, as one static sentence. Two tables: what certificate
 * verification found (the first flag of the table wins, most telling first), and
 * mbedTLS error codes. Sentences never quote anything the peer sent. Pure.
 */
#include "tls_internal.h"

#include <mbedtls/error.h>

struct sentence {
    int64_t code;
    const char *text;
};

static const char no_san_text[] = "certificate names no host (no subjectAltName)";

static const struct sentence flag_sentences[] = {
    {MBEDTLS_X509_BADCERT_EXPIRED, "certificate has expired"},
    {MBEDTLS_X509_BADCERT_FUTURE, "certificate is not yet valid"},
    {MBEDTLS_X509_BADCERT_NOT_TRUSTED, "certificate is not signed by a trusted authority"},
    {MBEDTLS_X509_BADCERT_CN_MISMATCH, "certificate is for another host name"},
    {MBEDTLS_X509_BADCERT_REVOKED, "certificate has been revoked"},
    {MBEDTLS_X509_BADCERT_BAD_KEY, "certificate has a key that is too weak or of another kind"},
    {MBEDTLS_X509_BADCERT_BAD_MD, "certificate is signed with an unaccepted hash"},
    {MBEDTLS_X509_BADCERT_BAD_PK, "certificate is signed with an unaccepted algorithm"},
    {MBEDTLS_X509_BADCERT_KEY_USAGE, "certificate is not meant for this use (keyUsage)"},
    {MBEDTLS_X509_BADCERT_EXT_KEY_USAGE, "certificate is not meant for a server (extKeyUsage)"},
    {MBEDTLS_X509_BADCERT_NS_CERT_TYPE, "certificate is not meant for a server (nsCertType)"},
    {MBEDTLS_X509_BADCERT_MISSING, "the server sent no certificate"},
};

static const struct sentence error_sentences[] = {
    {MBEDTLS_ERR_SSL_CERTIFICATE_VERIFICATION_WITHOUT_HOSTNAME, "no host name to verify"},
    {MBEDTLS_ERR_SSL_CONN_EOF, "the peer closed during the handshake"},
    {MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY, "the peer closed during the handshake"},
    {MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE, "the peer refused with a fatal alert"},
    {MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION, "no TLS version in common (1.2 or 1.3 is needed)"},
    {MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE, "no cipher suite, group or signature in common"},
    {MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL, "no application protocol in common (http/1.1)"},
    {MBEDTLS_ERR_SSL_BAD_CERTIFICATE, "certificate cannot be read or is not acceptable"},
    {MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE, "the server sent no certificate"},
    {MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION, "the peer sent an extension nobody asked for"},
    {MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER, "the peer broke the protocol (illegal parameter)"},
    {MBEDTLS_ERR_SSL_DECODE_ERROR, "the peer broke the protocol (message cannot be decoded)"},
    {MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE, "the peer broke the protocol (unexpected message)"},
    {MBEDTLS_ERR_SSL_UNEXPECTED_RECORD, "the peer broke the protocol (unexpected record)"},
    {MBEDTLS_ERR_SSL_INVALID_RECORD, "the peer does not speak TLS or sent a damaged record"},
    {MBEDTLS_ERR_SSL_INVALID_MAC, "a record was changed on its way"},
    {MBEDTLS_ERR_SSL_ALLOC_FAILED, "out of memory"},
};

const char *tls_reason_of(int mbedtls_error, uint32_t flags, bool has_no_san)
{
    for (size_t i = 0; i < sizeof(flag_sentences) / sizeof(flag_sentences[0]); i++) {
        if ((flags & (uint32_t)flag_sentences[i].code) != 0) {
            bool is_name = flag_sentences[i].code == MBEDTLS_X509_BADCERT_CN_MISMATCH;
            return is_name && has_no_san ? no_san_text : flag_sentences[i].text;
        }
    }
    if (flags != 0) {
        return "certificate is not acceptable";
    }
    /* X.509 parse errors carry a low-level code in their low seven bits. */
    int high = -(-mbedtls_error & 0x7F80);
    for (size_t i = 0; i < sizeof(error_sentences) / sizeof(error_sentences[0]); i++) {
        if (mbedtls_error == error_sentences[i].code || high == error_sentences[i].code) {
            return error_sentences[i].text;
        }
    }
    if (high <= MBEDTLS_ERR_X509_FEATURE_UNAVAILABLE && high >= MBEDTLS_ERR_X509_FATAL_ERROR) {
        return "certificate cannot be read or is not acceptable";
    }
    return "the TLS handshake or a record failed";
}
