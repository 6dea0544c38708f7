/* SPDX-License-Identifier: Apache-2.0
 *
 * One TLS connection as bytes in, bytes out. mbedTLS thinks it reads and writes
 * a socket; the two BIO callbacks at the bottom read the caller's slice and
 * append to the caller's buffer, which are set for the time of one call only.
 *
 *     HANDSHAKING --verified--> OPEN --close_notify--> CLOSED
 *          \                      \
 *           +------ any error -----+--> FAILED (final; an alert may be in net_out)
 *
 * Waits only for its owner to feed it; end of the socket without close_notify
 * leaves it OPEN, so the owner knows a truncation (catalogue 187, 276).
 * Invariant: OPEN of a client means that a certificate was verified for this
 * host, now or in the handshake the resumed session stems from.
 * About 38 KB per session; one thread.
 */
#include "tls_internal.h"

#include <mbedtls/oid.h>
#include <stdlib.h>
#include <time.h>

struct tls_session {
    mbedtls_ssl_context ssl;
    enum tls_state state;
    const char *reason;
    /* client */
    struct tls_client *client;
    struct tls_host host;
    struct tls_resume *resume; /* NULL = do not resume */
    struct sha256 resume_key;
    bool is_resume_offered;
    bool is_cert_seen; /* the verify callback saw its own certificate in this handshake */
    bool is_chain_seen; /* ... any certificate of the chain */
    int64_t until_s;    /* it may be resumed before */
    bool has_no_san;
    uint32_t verify_flags;
    /* server */
    struct tls_server *server;
    /* for the time of one call */
    struct str in;
    size_t in_taken;
    struct buf *net_out;
};

enum step { STEP_DONE, STEP_AGAIN, STEP_WAIT, STEP_FATAL };

static enum err session_new(const mbedtls_ssl_config *config, struct tls_session **ret);
static enum err client_setup(struct tls_session *s, struct tls_resume *resume,
                             struct str resume_key);
static void limit_resumption(struct tls_session *s, const mbedtls_x509_crt *cert);
static int verify_peer(void *ctx, mbedtls_x509_crt *cert, int depth, uint32_t *flags);
static enum err advance(struct tls_session *s, struct buf *plain_out);
static enum err handshake(struct tls_session *s);
static enum err handshake_finish(struct tls_session *s);
static enum err read_plain(struct tls_session *s, struct buf *plain_out);
static enum step read_record(struct tls_session *s, int *ret_error);
static enum step step_of(struct tls_session *s, int result);
static void session_save(struct tls_session *s);
static enum err session_fail(struct tls_session *s, int error);
static int bio_recv(void *ctx, unsigned char *ret_bytes, size_t len);
static int bio_send(void *ctx, const unsigned char *bytes, size_t len);

#define PLAIN_PER_CALL_MAX (64u * 1024)
#define RECORD_PLAIN_MAX 16384u
#define RESUME_S_MAX 3600 /* a provider with a stolen or withdrawn key is asked again then */
#define RECORD_OVERHEAD 64u /* header, explicit nonce, content type, tag: 30 at most */

enum err tls_session_new_client(struct tls_client *c, struct str host, struct tls_resume *resume,
                                struct str resume_key, struct tls_session **ret)
{
    *ret = NULL;
    struct tls_host parsed;
    TRY(tls_host_parse(host, &parsed));
    struct tls_session *s;
    TRY(session_new(&c->config, &s));
    s->client = tls_client_ref(c);
    s->host = parsed;
    enum err err = client_setup(s, resume, resume_key);
    if (err != ERR_OK) {
        tls_session_free(s);
        return err;
    }
    *ret = s;
    return ERR_OK;
}

enum err tls_session_new_server(struct tls_server *server, struct tls_session **ret)
{
    *ret = NULL;
    struct tls_session *s;
    TRY(session_new(&server->config, &s));
    s->server = tls_server_ref(server);
    *ret = s;
    return ERR_OK;
}

void tls_session_free(struct tls_session *s)
{
    if (s == NULL) {
        return;
    }
    mbedtls_ssl_free(&s->ssl); /* wipes keys and buffers */
    tls_client_unref(s->client);
    tls_server_unref(s->server);
    bytes_wipe(s, sizeof(*s));
    free(s);
}

enum err tls_session_feed(struct tls_session *s, struct str in, size_t *ret_consumed,
                          struct buf *net_out, struct buf *plain_out)
{
    *ret_consumed = 0;
    if (s->state == TLS_FAILED) {
        return ERR_IO;
    }
    s->in = in;
    s->in_taken = 0;
    s->net_out = net_out;
    enum err err = s->state == TLS_CLOSED ? ERR_OK : advance(s, plain_out);
    /* Nothing behind a close_notify counts. */
    *ret_consumed = s->state == TLS_CLOSED ? in.len : s->in_taken;
    s->in = STR_NONE;
    s->net_out = NULL;
    return err;
}

enum err tls_session_write(struct tls_session *s, struct str plain, struct buf *net_out)
{
    if (s->state != TLS_OPEN) {
        return ERR_INVALID;
    }
    size_t records = plain.len / RECORD_PLAIN_MAX + 1;
    size_t room = net_out->bytes_max - net_out->len;
    size_t need = plain.len + records * RECORD_OVERHEAD;
    if (need < plain.len || room < need) {
        return ERR_LIMIT; /* nothing was encrypted: the caller may try again */
    }
    if (plain.len > 0 && buf_reserve(net_out, need) == NULL) {
        return net_out->err;
    }
    s->net_out = net_out;
    int r = 0;
    size_t done = 0;
    while (done < plain.len && r >= 0) {
        r = mbedtls_ssl_write(&s->ssl, (const unsigned char *)plain.ptr + done, plain.len - done);
        done += r > 0 ? (size_t)r : 0;
    }
    s->net_out = NULL;
    if (r == MBEDTLS_ERR_SSL_WANT_WRITE && done == 0) {
        return ERR_LIMIT; /* an answer of the engine itself still waits for room */
    }
    return r < 0 ? session_fail(s, r) : ERR_OK;
}

void tls_session_close(struct tls_session *s, struct buf *net_out)
{
    if (s->state != TLS_OPEN && s->state != TLS_CLOSED) {
        return;
    }
    s->net_out = net_out;
    (void)mbedtls_ssl_close_notify(&s->ssl);
    s->net_out = NULL;
}

enum tls_state tls_session_state(const struct tls_session *s)
{
    return s->state;
}

bool tls_session_was_resumed(const struct tls_session *s)
{
    bool was_open = s->state == TLS_OPEN || s->state == TLS_CLOSED;
    return was_open && s->client != NULL && !s->is_cert_seen;
}

const char *tls_session_reason(const struct tls_session *s)
{
    return s->reason;
}

bool tls_session_is_drained(const struct tls_session *s)
{
    return s->state != TLS_OPEN || mbedtls_ssl_check_pending(&s->ssl) == 0;
}

static enum err session_new(const mbedtls_ssl_config *config, struct tls_session **ret)
{
    struct tls_session *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return ERR_MEMORY;
    }
    s->state = TLS_HANDSHAKING;
    s->reason = "";
    mbedtls_ssl_init(&s->ssl);
    if (mbedtls_ssl_setup(&s->ssl, config) != 0) {
        tls_session_free(s);
        return ERR_MEMORY;
    }
    mbedtls_ssl_set_bio(&s->ssl, s, bio_send, bio_recv, NULL);
    *ret = s;
    return ERR_OK;
}

static enum err client_setup(struct tls_session *s, struct tls_resume *resume,
                             struct str resume_key)
{
    mbedtls_ssl_set_verify(&s->ssl, verify_peer, s);
    /* An address is no server name (RFC 6066 3): not sent, and verified by
     * verify_peer alone, which every handshake with a certificate goes through. */
    const char *name = s->host.ip_len > 0 ? NULL : s->host.name;
    if (mbedtls_ssl_set_hostname(&s->ssl, name) != 0) {
        return ERR_MEMORY;
    }
    if (resume == NULL || resume_key.len == 0) {
        return ERR_OK;
    }
    s->resume = resume;
    s->resume_key = tls_resume_key_of(s->client, &s->host, resume_key);
    const mbedtls_ssl_session *known =
        tls_resume_get(resume, &s->resume_key, time(NULL), &s->until_s);
    if (known != NULL) {
        int r = mbedtls_ssl_set_session(&s->ssl, known);
        s->is_resume_offered = r == 0;
        if (r != 0) {
            tls_resume_drop(resume, &s->resume_key);
        }
    }
    return ERR_OK;
}

/* Runs for every certificate of the chain, root first. What it adds to *flags
 * makes mbedTLS refuse; it never takes a flag away. */
static int verify_peer(void *ctx, mbedtls_x509_crt *cert, int depth, uint32_t *flags)
{
    struct tls_session *s = ctx;
    limit_resumption(s, cert);
    if (depth == 0) {
        s->is_cert_seen = true;
        enum tls_san san = tls_cert_names_host(cert, &s->host);
        s->has_no_san = san == TLS_SAN_ABSENT;
        if (san != TLS_SAN_MATCH) {
            *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
        }
        /* mbedTLS asks these two as well, but later, and without a flag. Every
         * suite we speak needs a signature by the server. */
        if (mbedtls_x509_crt_check_extended_key_usage(
                cert, MBEDTLS_OID_SERVER_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) != 0) {
            *flags |= MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
        }
        if (mbedtls_x509_crt_check_key_usage(cert, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) != 0) {
            *flags |= MBEDTLS_X509_BADCERT_KEY_USAGE;
        }
    }
    s->verify_flags |= *flags;
    return 0;
}

/* What is resumed keeps the limit of the session that it stems from. */
static void limit_resumption(struct tls_session *s, const mbedtls_x509_crt *cert)
{
    int64_t end = tls_cert_not_after_s(cert);
    if (!s->is_chain_seen) {
        s->is_chain_seen = true;
        s->until_s = (int64_t)time(NULL) + RESUME_S_MAX;
    }
    s->until_s = end < s->until_s ? end : s->until_s;
}

static enum err advance(struct tls_session *s, struct buf *plain_out)
{
    if (s->state == TLS_HANDSHAKING) {
        TRY(handshake(s));
    }
    return s->state == TLS_OPEN ? read_plain(s, plain_out) : ERR_OK;
}

static enum err handshake(struct tls_session *s)
{
    for (;;) {
        int r = mbedtls_ssl_handshake(&s->ssl);
        switch (step_of(s, r)) {
        case STEP_DONE:
            return handshake_finish(s);
        case STEP_AGAIN:
            break;
        case STEP_WAIT:
            return ERR_OK;
        case STEP_FATAL:
            return session_fail(s, r);
        }
    }
}

/* mbedTLS says the handshake is over. A client believes it only after asking
 * again for what REQUIRED should have refused already (section 5, rule 1). */
static enum err handshake_finish(struct tls_session *s)
{
    if (s->client != NULL) {
        if (mbedtls_ssl_get_verify_result(&s->ssl) != 0 || s->verify_flags != 0) {
            return session_fail(s, MBEDTLS_ERR_X509_CERT_VERIFY_FAILED);
        }
        if (!s->is_cert_seen && !s->is_resume_offered) {
            return session_fail(s, MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE);
        }
    }
    const char *alpn = mbedtls_ssl_get_alpn_protocol(&s->ssl);
    if (alpn != NULL && strcmp(alpn, tls_alpn_http11) != 0) {
        return session_fail(s, MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL);
    }
    s->state = TLS_OPEN;
    /* TLS 1.3 has nothing to resume before a ticket arrives. */
    if (mbedtls_ssl_get_version_number(&s->ssl) == MBEDTLS_SSL_VERSION_TLS1_2) {
        session_save(s);
    }
    return ERR_OK;
}

static enum err read_plain(struct tls_session *s, struct buf *plain_out)
{
    size_t given = 0;
    while (given < PLAIN_PER_CALL_MAX && plain_out->len < plain_out->bytes_max) {
        int error = 0;
        switch (read_record(s, &error)) {
        case STEP_DONE:
            break;
        case STEP_AGAIN:
            continue;
        case STEP_WAIT:
            return ERR_OK;
        case STEP_FATAL:
            return session_fail(s, error);
        }
        size_t size = mbedtls_ssl_get_bytes_avail(&s->ssl);
        size_t room = plain_out->bytes_max - plain_out->len;
        size = size < room ? size : room;
        char *to = buf_reserve(plain_out, size);
        if (to == NULL) {
            return plain_out->err;
        }
        int r = mbedtls_ssl_read(&s->ssl, (unsigned char *)to, size);
        if (r <= 0) {
            return session_fail(s, r);
        }
        buf_commit(plain_out, (size_t)r);
        given += (size_t)r;
    }
    return ERR_OK;
}

/* STEP_DONE: decrypted bytes are waiting inside the engine. Asking for 0 bytes
 * first tells how many, so that the caller's buffer grows by just that. */
static enum step read_record(struct tls_session *s, int *ret_error)
{
    if (mbedtls_ssl_get_bytes_avail(&s->ssl) > 0) {
        return STEP_DONE;
    }
    size_t taken_before = s->in_taken;
    int r = mbedtls_ssl_read(&s->ssl, NULL, 0);
    if (r == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        s->state = TLS_CLOSED;
        return STEP_WAIT;
    }
    *ret_error = r;
    enum step step = step_of(s, r);
    if (step != STEP_DONE || mbedtls_ssl_get_bytes_avail(&s->ssl) > 0) {
        return step;
    }
    /* No progress and no data: wait, rather than spin. */
    return s->in_taken > taken_before ? STEP_AGAIN : STEP_WAIT;
}

static enum step step_of(struct tls_session *s, int result)
{
    switch (result) {
    case 0:
        return STEP_DONE;
    case MBEDTLS_ERR_SSL_WANT_READ:
    case MBEDTLS_ERR_SSL_WANT_WRITE:
    case MBEDTLS_ERR_SSL_ASYNC_IN_PROGRESS:
    case MBEDTLS_ERR_SSL_CRYPTO_IN_PROGRESS:
        return STEP_WAIT;
    case MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET:
        session_save(s);
        return STEP_AGAIN;
    default:
        return STEP_FATAL;
    }
}

static void session_save(struct tls_session *s)
{
    if (s->resume == NULL || s->state != TLS_OPEN) {
        return;
    }
    mbedtls_ssl_session saved;
    mbedtls_ssl_session_init(&saved);
    if (mbedtls_ssl_get_session(&s->ssl, &saved) == 0) {
        tls_resume_put(s->resume, &s->resume_key, &saved, s->until_s);
    }
    mbedtls_ssl_session_free(&saved);
}

static enum err session_fail(struct tls_session *s, int error)
{
    uint32_t flags = s->verify_flags;
    if (s->state == TLS_HANDSHAKING && s->client != NULL) {
        uint32_t result = mbedtls_ssl_get_verify_result(&s->ssl);
        flags |= result == UINT32_MAX ? 0 : result;
        if (s->is_resume_offered) {
            tls_resume_drop(s->resume, &s->resume_key);
        }
    }
    s->state = TLS_FAILED;
    s->reason = tls_reason_of(error, flags, s->has_no_san);
    if (error == MBEDTLS_ERR_SSL_ALLOC_FAILED || error == MBEDTLS_ERR_X509_ALLOC_FAILED) {
        return ERR_MEMORY;
    }
    return flags != 0 ? ERR_DENIED : ERR_IO;
}

static int bio_recv(void *ctx, unsigned char *ret_bytes, size_t len)
{
    struct tls_session *s = ctx;
    size_t left = s->in.len - s->in_taken;
    if (left == 0) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    size_t size = len < left ? len : left;
    memcpy(ret_bytes, s->in.ptr + s->in_taken, size);
    s->in_taken += size;
    return (int)size;
}

static int bio_send(void *ctx, const unsigned char *bytes, size_t len)
{
    struct tls_session *s = ctx;
    struct buf *out = s->net_out;
    if (out == NULL || out->bytes_max - out->len < len) {
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    }
    buf_add(out, (struct str){(const char *)bytes, len});
    return out->err == ERR_OK ? (int)len : MBEDTLS_ERR_SSL_ALLOC_FAILED;
}
