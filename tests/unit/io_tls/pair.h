/* SPDX-License-Identifier: Apache-2.0
 *
 * A client and a server session joined by two buffers, with certificates made
 * for the run: what the tls tests stand on. No socket, no clock.
 */
#ifndef PORTCULLIS_TESTS_TLS_PAIR_H
#define PORTCULLIS_TESTS_TLS_PAIR_H

#include "../../support/certs.h"

#include "portcullis/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define NET_MAX (1024 * 1024)

struct world {
    char dir[64];
    char ca_file[96];
    struct cert_made ca;
    struct tls_client *client;
};

struct side {
    struct tls_session *session;
    struct buf net;   /* towards the peer */
    struct buf plain; /* received */
    enum err err;     /* first failure of a feed */
};

struct pair {
    struct side c;
    struct side s;
};

static inline void world_open(struct world *w)
{
    memset(w, 0, sizeof(*w));
    snprintf(w->dir, sizeof(w->dir), "/tmp/portcullis-tls-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->ca_file, sizeof(w->ca_file), "%s/ca.crt", w->dir);
    struct cert_spec root = {.subject = "CN=Test Root", .is_ca = true};
    assert_int_equal(cert_make(&root, NULL, &w->ca), 0);
    assert_int_equal(cert_write_file(w->ca_file, w->ca.cert_pem, NULL), 0);
    int skipped = -1;
    struct issue issue;
    assert_int_equal(tls_client_open(w->ca_file, &w->client, &skipped, &issue), ERR_OK);
    assert_int_equal(skipped, 0);
}

static inline void world_close(struct world *w)
{
    tls_client_unref(w->client);
    cert_free(&w->ca);
    unlink(w->ca_file);
    rmdir(w->dir);
}

/* `issuer` NULL = self-signed. The files live only for the time of the call. */
static inline struct tls_server *world_server(struct world *w, const struct cert_spec *spec,
                                              struct cert_made *issuer)
{
    struct cert_made made;
    char crt[96];
    char key[96];
    snprintf(crt, sizeof(crt), "%s/server.crt", w->dir);
    snprintf(key, sizeof(key), "%s/server.key", w->dir);
    assert_int_equal(cert_make(spec, issuer, &made), 0);
    assert_int_equal(cert_write_file(crt, made.cert_pem, NULL), 0);
    assert_int_equal(cert_write_file(key, made.key_pem, NULL), 0);
    cert_free(&made);
    struct tls_server *server = NULL;
    struct issue issue = {0};
    enum err err = tls_server_open(crt, key, &server, &issue);
    assert_string_equal(issue.message, "");
    assert_int_equal(err, ERR_OK);
    unlink(crt);
    unlink(key);
    return server;
}

static inline void side_init(struct side *side)
{
    memset(side, 0, sizeof(*side));
    buf_init(&side->net, NET_MAX);
    buf_init(&side->plain, NET_MAX);
}

static inline void side_fini(struct side *side)
{
    tls_session_free(side->session);
    buf_fini(&side->net);
    buf_fini(&side->plain);
}

static inline void pair_open(struct pair *p, struct world *w, struct tls_server *server,
                             const char *host, struct tls_resume *resume, const char *key)
{
    side_init(&p->c);
    side_init(&p->s);
    assert_int_equal(tls_session_new_client(w->client, str_from(host), resume, str_from(key),
                                            &p->c.session), ERR_OK);
    assert_int_equal(tls_session_new_server(server, &p->s.session), ERR_OK);
}

static inline void pair_close(struct pair *p)
{
    side_fini(&p->c);
    side_fini(&p->s);
}

/* Feeds at most `chunk` bytes of `from`'s output to `to`; says whether any moved. */
static inline bool side_feed(struct side *from, struct side *to, size_t chunk)
{
    size_t size = from->net.len < chunk ? from->net.len : chunk;
    size_t consumed = 0;
    size_t net_before = to->net.len;
    enum err err = tls_session_feed(to->session, str_sub(buf_str(&from->net), 0, size), &consumed,
                                    &to->net, &to->plain);
    if (err != ERR_OK && to->err == ERR_OK) {
        to->err = err;
    }
    if (err != ERR_OK) {
        consumed = size; /* a failed side reads no more */
    }
    buf_consume(&from->net, consumed);
    return consumed > 0 || to->net.len > net_before;
}

/* Until nothing moves. Both directions take turns. */
static inline void pair_pump(struct pair *p, size_t chunk)
{
    bool is_moving = true;
    for (int i = 0; is_moving && i < 200000; i++) {
        is_moving = side_feed(&p->s, &p->c, chunk);
        is_moving = side_feed(&p->c, &p->s, chunk) || is_moving;
    }
    assert_false(is_moving);
}

static inline bool pair_is_open(const struct pair *p)
{
    return tls_session_state(p->c.session) == TLS_OPEN &&
           tls_session_state(p->s.session) == TLS_OPEN;
}

#endif
