/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_provider: an OpenAI and an Anthropic for tests and benchmarks.
 *
 * usage: fake_provider --dir D [--port N] [--plain-port N] [--cert KIND]...
 *                      [--drip MS] [--delay MS] [--bench]
 * KIND: wrong-host, expired, self-signed: one more TLS listener each, with a
 * certificate a client must refuse.
 *
 * Makes D/ca.crt and D/server.crt unless present, listens on 127.0.0.1 (port 0 =
 * any) and prints one JSON line when ready. Ends on SIGTERM or SIGINT.
 */
#include "../../../tests/support/certs.h"
#include "fake.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LISTENERS_MAX 8

struct options {
    const char *dir;
    int port;
    int plain_port;
    const char *certs[LISTENERS_MAX];
    size_t certs_count;
    uint64_t drip_ms;
    uint64_t delay_ms;
    bool is_bench;
};

static bool options_read(int argc, char **argv, struct options *ret);
static int make_identities(const struct options *o);
static int make_identity(const struct options *o, const char *name, const struct cert_spec *spec,
                         struct cert_made *issuer);
static struct tls_server *open_identity(const struct options *o, const char *name);
static int listen_all(const struct options *o, struct server *server, struct listener *listeners);
static void on_signal(uv_signal_t *handle, int number);

int main(int argc, char **argv)
{
    static struct server server;
    static struct listener listeners[LISTENERS_MAX + 2];
    struct options o;
    if (!options_read(argc, argv, &o)) {
        fprintf(stderr, "usage: fake_provider --dir D [--port N] [--plain-port N] [--cert "
                "wrong-host|expired|self-signed]... [--drip MS] [--delay MS] [--bench]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    if (tls_start() != ERR_OK || make_identities(&o) != 0) {
        fprintf(stderr, "cannot make certificates in %s\n", o.dir);
        return 1;
    }
    server.loop = uv_default_loop();
    server.is_bench = o.is_bench;
    server.drip_ms = o.drip_ms;
    server.delay_ms = o.delay_ms;
    buf_init(&server.seen.json, BODY_BYTES_MAX);
    for (size_t i = 0; i < EP_COUNT; i++) {
        plan_init(&server.cached[i][0]);
        plan_init(&server.cached[i][1]);
    }
    if (listen_all(&o, &server, listeners) != 0) {
        return 1;
    }
    uv_signal_t term;
    uv_signal_t interrupt;
    uv_signal_init(server.loop, &term);
    uv_signal_init(server.loop, &interrupt);
    uv_signal_start(&term, on_signal, SIGTERM);
    uv_signal_start(&interrupt, on_signal, SIGINT);
    uv_run(server.loop, UV_RUN_DEFAULT);
    return 0;
}

static bool options_read(int argc, char **argv, struct options *ret)
{
    memset(ret, 0, sizeof(*ret));
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--bench") == 0) {
            ret->is_bench = true;
            continue;
        }
        if (++i == argc) {
            return false;
        }
        uint64_t number = 0;
        bool is_number = str_to_u64(str_from(argv[i]), &number) == ERR_OK;
        if (strcmp(name, "--dir") == 0) {
            ret->dir = argv[i];
        } else if (strcmp(name, "--port") == 0 && is_number) {
            ret->port = (int)number;
        } else if (strcmp(name, "--plain-port") == 0 && is_number) {
            ret->plain_port = (int)number;
        } else if (strcmp(name, "--drip") == 0 && is_number) {
            ret->drip_ms = number;
        } else if (strcmp(name, "--delay") == 0 && is_number) {
            ret->delay_ms = number;
        } else if (strcmp(name, "--cert") == 0 && ret->certs_count < LISTENERS_MAX) {
            ret->certs[ret->certs_count++] = argv[i];
        } else {
            return false;
        }
    }
    return ret->dir != NULL;
}

static int make_identities(const struct options *o)
{
    static const struct cert_spec ca_spec = {.subject = "CN=Fake Provider CA", .is_ca = true};
    static const struct cert_spec good = {
        .subject = "CN=fake provider",
        .names = {"localhost", "127.0.0.1", "api.openai.test", "api.anthropic.test",
                  "api.groq.test", "api.mistral.test", "*.provider.test"},
    };
    static const struct cert_spec wrong_host = {
        .subject = "CN=localhost", .names = {"other.test"}};
    static const struct cert_spec expired = {
        .subject = "CN=fake provider", .names = {"localhost", "127.0.0.1"},
        .not_before = "20190101000000", .not_after = "20200101000000"};
    char path[512];
    snprintf(path, sizeof(path), "%s/server.crt", o->dir);
    if (access(path, R_OK) == 0) {
        return 0;
    }
    struct cert_made ca;
    int r = cert_make(&ca_spec, NULL, &ca);
    r = r != 0 ? r : make_identity(o, "wrong-host", &wrong_host, &ca);
    r = r != 0 ? r : make_identity(o, "expired", &expired, &ca);
    r = r != 0 ? r : make_identity(o, "self-signed", &good, NULL);
    snprintf(path, sizeof(path), "%s/ca.crt", o->dir);
    r = r != 0 ? r : cert_write_file(path, ca.cert_pem, NULL);
    r = r != 0 ? r : make_identity(o, "server", &good, &ca); /* last: says that all are there */
    cert_free(&ca);
    return r;
}

static int make_identity(const struct options *o, const char *name, const struct cert_spec *spec,
                         struct cert_made *issuer)
{
    char path[512];
    struct cert_made made;
    int r = cert_make(spec, issuer, &made);
    snprintf(path, sizeof(path), "%s/%s.key", o->dir, name);
    r = r != 0 ? r : cert_write_file(path, made.key_pem, NULL);
    snprintf(path, sizeof(path), "%s/%s.crt", o->dir, name);
    r = r != 0 ? r : cert_write_file(path, made.cert_pem, NULL);
    cert_free(&made);
    return r;
}

static struct tls_server *open_identity(const struct options *o, const char *name)
{
    char crt[512];
    char key[512];
    struct tls_server *tls = NULL;
    struct issue issue = {0};
    snprintf(crt, sizeof(crt), "%s/%s.crt", o->dir, name);
    snprintf(key, sizeof(key), "%s/%s.key", o->dir, name);
    if (tls_server_open(crt, key, &tls, &issue) != ERR_OK) {
        fprintf(stderr, "%s\n", issue.message);
    }
    return tls;
}

static int listen_all(const struct options *o, struct server *server, struct listener *listeners)
{
    struct tls_server *good = open_identity(o, "server");
    if (good == NULL || listener_open(&listeners[0], server, good, o->port) != 0 ||
        listener_open(&listeners[1], server, NULL, o->plain_port) != 0) {
        fprintf(stderr, "cannot listen on 127.0.0.1:%d or %d\n", o->port, o->plain_port);
        return 1;
    }
    struct buf line;
    buf_init(&line, 4096);
    buf_printf(&line, "{\"event\":\"ready\",\"tls_port\":%d,\"plain_port\":%d,\"cert_ports\":{",
               listeners[0].port, listeners[1].port);
    for (size_t i = 0; i < o->certs_count; i++) {
        struct tls_server *bad = open_identity(o, o->certs[i]);
        struct listener *l = &listeners[i + 2];
        if (bad == NULL || listener_open(l, server, bad, 0) != 0) {
            buf_fini(&line);
            return 1;
        }
        buf_printf(&line, "%s\"%s\":%d", i > 0 ? "," : "", o->certs[i], l->port);
    }
    buf_printf(&line, "},\"pid\":%d}\n", (int)getpid());
    fwrite(line.ptr, 1, line.len, stdout);
    fflush(stdout);
    buf_fini(&line);
    return 0;
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    uv_stop(handle->loop);
}
