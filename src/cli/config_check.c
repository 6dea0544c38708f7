/* SPDX-License-Identifier: Apache-2.0
 *
 * What no single setting shows: addresses to listen on, two listeners on one port, a
 * spool without room for the workers, certificates and exceptions that cannot be read.
 * Asked by `config check` and by every start, before anything is made or opened;
 * connects to nothing.
 */
#include "config.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define NODE_BYTES_MAX 128

static enum err check_listeners(const struct config *c, struct issue *issue);
static bool is_same_place(const char *a, const char *b);
static enum err check_node(const struct config *c, struct issue *issue);
static enum err check_spool(const struct config *c, struct issue *issue);
static enum err check_certificates(const struct config *c, struct issue *issue);

enum err config_check(const struct config *c, struct net_exceptions **ret_exceptions,
                      struct issue *ret_issue)
{
    TRY(check_listeners(c, ret_issue));
    TRY(check_node(c, ret_issue));
    TRY(check_spool(c, ret_issue));
    enum err e = net_exceptions_new(str_from(c->upstream_exceptions), ret_exceptions, ret_issue);
    TRY(config_in_setting("upstream.exceptions", e, ret_issue));
    TRY(config_recognisers_check(c, *ret_exceptions, ret_issue));
    return check_certificates(c, ret_issue);
}

/* The kernel gives one port to several sockets of ours (SO_REUSEPORT) and spreads
 * connections over them: a request for management would find the other listener. */
static enum err check_listeners(const struct config *c, struct issue *issue)
{
    const struct {
        const char *name, *host;
        int64_t port;
    } all[] = {
        {"listen", c->listen_host, c->listen_port},
        {"tls", c->tls_host, c->tls_port},
        {"admin", c->admin_host, c->admin_port},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        char name[16];
        snprintf(name, sizeof(name), "%s.host", all[i].name);
        TRY(config_in_setting(name, net_host_check(str_from(all[i].host), issue), issue));
        for (size_t k = 0; k < i; k++) {
            if (all[i].port > 0 && all[i].port == all[k].port &&
                is_same_place(all[i].host, all[k].host)) {
                snprintf(name, sizeof(name), "%s.port", all[i].name);
                issue_set(issue, name, "%lld is the port of another listener (%s.port); each "
                          "needs its own", (long long)all[i].port, all[k].name);
                return ERR_INVALID;
            }
        }
    }
    return ERR_OK;
}

static bool is_same_place(const char *a, const char *b)
{
    return config_is_anywhere(a) || config_is_anywhere(b) || strcmp(a, b) == 0;
}

bool config_is_anywhere(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 || strcmp(host, "[::]") == 0;
}

/* It stands in every line of the log, in the database and in a field of answers. */
static enum err check_node(const struct config *c, struct issue *issue)
{
    static const char others[] = "._:-";
    size_t len = strlen(c->node);
    bool is_good = len <= NODE_BYTES_MAX;
    for (size_t i = 0; is_good && i < len; i++) {
        char b = c->node[i];
        is_good = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
                  strchr(others, b) != NULL;
    }
    if (!is_good) {
        issue_set(issue, "node", "must be letters, digits and . _ : - alone, at most %d bytes",
                  NODE_BYTES_MAX);
    }
    return is_good ? ERR_OK : ERR_INVALID;
}

static enum err check_spool(const struct config *c, struct issue *issue)
{
    int64_t least = c->audit_segment_mib * config_workers(c);
    if (c->audit_spool_mib >= least) {
        return ERR_OK;
    }
    issue_set(issue, "audit.spool_mib",
              "must be at least %lld: a segment of audit.segment_mib for each of %u workers",
              (long long)least, config_workers(c));
    return ERR_INVALID;
}

unsigned config_workers(const struct config *c)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return c->workers > 0 ? (unsigned)c->workers : cores > 0 ? (unsigned)cores : 1;
}

static enum err check_certificates(const struct config *c, struct issue *issue)
{
    struct tls_client *client = NULL;
    struct tls_server *server = NULL;
    const char *ca_file = c->upstream_ca_file[0] != '\0' ? c->upstream_ca_file : NULL;
    int skipped;
    enum err e = tls_client_open(ca_file, &client, &skipped, issue);
    TRY(config_in_setting("upstream.ca_file", e, issue));
    tls_client_unref(client);
    if (c->tls_port < 0) {
        return ERR_OK;
    }
    if (c->tls_certificate[0] == '\0' || c->tls_key[0] == '\0') {
        issue_set(issue, "tls", "tls.port needs tls.certificate and tls.key, two PEM files");
        return ERR_INVALID;
    }
    e = tls_server_open(c->tls_certificate, c->tls_key, &server, issue);
    TRY(config_in_setting("tls", e, issue));
    tls_server_unref(server);
    return ERR_OK;
}

void config_warn(const struct config *c)
{
    struct tls_client *client = NULL;
    struct tls_server *server = NULL;
    struct issue issue;
    char text[32];
    int skipped = 0;
    if (c->upstream_ca_file[0] != '\0' &&
        tls_client_open(c->upstream_ca_file, &client, &skipped, &issue) == ERR_OK && skipped > 0) {
        fprintf(stderr, "portcullis: warning: upstream.ca_file: %d of the certificates in %s "
                "cannot be read and do not count\n", skipped, c->upstream_ca_file);
    }
    tls_client_unref(client);
    if (c->tls_port >= 0 &&
        tls_server_open(c->tls_certificate, c->tls_key, &server, &issue) == ERR_OK &&
        tls_server_not_after_s(server) <= (int64_t)time(NULL)) {
        struct str end = time_rfc3339_ms(tls_server_not_after_s(server) * 1000, text);
        fprintf(stderr, "portcullis: warning: tls.certificate: a certificate in %s has expired at "
                "%.*s\n", c->tls_certificate, STR_ARG(end));
    }
    tls_server_unref(server);
}

enum err config_in_setting(const char *name, enum err e, struct issue *issue)
{
    if (e != ERR_OK && issue->message[0] != '\0' && issue->pointer[0] == '\0') {
        snprintf(issue->pointer, sizeof(issue->pointer), "%s", name);
    }
    return e;
}
