/* SPDX-License-Identifier: Apache-2.0
 *
 * tls: mbedTLS 3.6 as bytes-in/bytes-out. No sockets here: whoever owns the
 * socket feeds ciphertext and sends what comes out, so that another engine can
 * go underneath and a test needs no port.
 *
 * TLS 1.2 and 1.3 only, ECDHE with AEAD suites, no renegotiation, ALPN http/1.1,
 * peer verification REQUIRED and the host name mandatory: a client session
 * cannot be made without one. Contexts (tls_client, tls_server) are immutable
 * after open and shared by reference between workers; sessions belong to one
 * connection on one thread. The resumption cache belongs to one worker.
 *
 * GLOSSARY  net bytes: ciphertext. plain bytes: application data. truncated:
 * the peer closed without close_notify.
 */
#ifndef PORTCULLIS_TLS_H
#define PORTCULLIS_TLS_H

#include "portcullis/base.h"

struct tls_client; /* CA store, suites; reference-counted, atomic */
struct tls_server; /* certificate chain and key; reference-counted, atomic */
struct tls_resume; /* cache of sessions to resume, per worker, bounded */
struct tls_session;

/* psa_crypto_init and the like; once per process before any thread.
 * ERR_UNSUPPORTED: mbedTLS older than 3.6, or AES-GCM that does not do what it should. */
MUST_USE enum err tls_start(void);

/* `ca_file` NULL or "" = the system store. ERR_NOT_FOUND when no certificate
 * could be read; *ret_skipped counts unreadable ones. */
MUST_USE enum err tls_client_open(const char *ca_file, struct tls_client **ret, int *ret_skipped,
                                  struct issue *ret_issue);
struct tls_client *tls_client_ref(struct tls_client *c);
void tls_client_unref(struct tls_client *c); /* NULL ok */
MUST_USE enum err tls_server_open(const char *cert_chain_file, const char *key_file,
                                  struct tls_server **ret, struct issue *ret_issue);
struct tls_server *tls_server_ref(struct tls_server *s);
void tls_server_unref(struct tls_server *s);
/* Unix seconds when the first certificate of its chain expires. */
int64_t tls_server_not_after_s(const struct tls_server *s);

MUST_USE enum err tls_resume_new(size_t entries_max, struct tls_resume **ret);
void tls_resume_free(struct tls_resume *r);

/* A session is resumed for an hour at most after the certificate was looked at, and not
 * after any certificate of its chain has expired.
 *
 * `host`: the name to verify and to send as SNI (IP literals are verified as IP
 * SANs and not sent). `resume_key`: (host, port, CA set, tenant credential), so
 * that no tenant resumes another's session; none = do not resume. `resume` must
 * outlive the session. ERR_INVALID: not a host name (empty, not LDH, numeric but
 * no address); one trailing dot is cut off. */
MUST_USE enum err tls_session_new_client(struct tls_client *c, struct str host,
                                         struct tls_resume *resume, struct str resume_key,
                                         struct tls_session **ret);
MUST_USE enum err tls_session_new_server(struct tls_server *s, struct tls_session **ret);
void tls_session_free(struct tls_session *s); /* wipes; NULL ok */

enum tls_state {
    TLS_HANDSHAKING,
    TLS_OPEN,      /* verified; application data may pass */
    TLS_CLOSED,    /* close_notify received */
    TLS_FAILED     /* see tls_session_reason */
};
/* Takes ciphertext (may be empty, to start), appends ciphertext to send to
 * `net_out` and decrypted data to `plain_out`. Consumes all of `in` unless
 * plain_out is at its limit (then *ret_consumed < in.len and call again later).
 * Bounded work per call: at most ~64 KiB of plain bytes; with more, *ret_consumed
 * < in.len or !tls_session_is_drained: call again. Without room in `net_out` the
 * engine waits and goes on in the next call. ERR_DENIED: the certificate was
 * refused; ERR_IO: handshake or record broken; ERR_MEMORY; all final, and an alert
 * to send may be in `net_out`. */
MUST_USE enum err tls_session_feed(struct tls_session *s, struct str in, size_t *ret_consumed,
                                   struct buf *net_out, struct buf *plain_out);
/* Encrypts; only in TLS_OPEN (else ERR_INVALID). Takes all or fails; ERR_LIMIT (no
 * room in `net_out`: bytes, and 64 per 16 KiB, are needed) has changed nothing. */
MUST_USE enum err tls_session_write(struct tls_session *s, struct str plain, struct buf *net_out);
/* Appends close_notify; best effort. */
void tls_session_close(struct tls_session *s, struct buf *net_out);
enum tls_state tls_session_state(const struct tls_session *s);
/* Client only; a server session says false. */
bool tls_session_was_resumed(const struct tls_session *s);
/* Static sentence for logs and the error body: "certificate is for another host
 * name", "certificate has expired" ...; "" when nothing failed. */
const char *tls_session_reason(const struct tls_session *s);
/* Is all decrypted data handed out (nothing buffered inside the engine)? */
bool tls_session_is_drained(const struct tls_session *s);

/* AES-256-GCM for secrets at rest. `sealed` = nonce(12) | ciphertext | tag(16);
 * `aad` binds it to its row (org|provider|host|version) so a copied row will
 * not open. nonce comes from the system's randomness. */
MUST_USE enum err tls_seal(const uint8_t key[32], struct str aad, struct str plain,
                           struct buf *out);
MUST_USE enum err tls_open_sealed(const uint8_t key[32], struct str aad, struct str sealed,
                                  struct buf *out);
/* Cryptographic randomness for ids and keys; thread-safe. */
MUST_USE enum err tls_random(uint8_t *ret_bytes, size_t len);

#endif
