/* SPDX-License-Identifier: Apache-2.0
 *
 * One TLS connection to 127.0.0.1 through the tls room, told in one JSON line:
 * what a gateway would say about that server. For tests/system/test_tls_badcert.py;
 * blocking sockets, so it is no model for the gateway's own loop.
 *
 * usage: tls_probe PORT HOST CA_FILE
 * {"outcome":"accepted|refused","reason":"...","bytes":N,"end":"close_notify|truncated|reset"}
 * Exit status 0 whenever it could say something.
 */
#include "portcullis/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct probe {
    int fd;
    struct tls_session *session;
    struct buf net;
    struct buf plain;
    const char *end;
};

static int connect_to(const char *port);
static void converse(struct probe *p);
static bool flush(struct probe *p);
static bool feed(struct probe *p, struct str in);
static void print_outcome(const struct probe *p, bool was_open);

#define TIMEOUT_S 10

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: tls_probe PORT HOST CA_FILE\n");
        return 2;
    }
    struct probe p = {.fd = -1, .end = "none"};
    struct tls_client *client = NULL;
    struct issue issue = {0};
    int skipped = 0;
    if (tls_start() != ERR_OK || tls_client_open(argv[3], &client, &skipped, &issue) != ERR_OK) {
        fprintf(stderr, "%s\n", issue.message);
        return 1;
    }
    if (tls_session_new_client(client, str_from(argv[2]), NULL, STR_NONE, &p.session) != ERR_OK) {
        printf("{\"outcome\":\"refused\",\"reason\":\"not a host name\",\"bytes\":0,"
               "\"end\":\"none\"}\n");
        tls_client_unref(client);
        return 0;
    }
    p.fd = connect_to(argv[1]);
    if (p.fd < 0) {
        perror("connect");
        return 1;
    }
    buf_init(&p.net, 1024 * 1024);
    buf_init(&p.plain, 1024 * 1024);
    converse(&p);
    close(p.fd);
    buf_fini(&p.net);
    buf_fini(&p.plain);
    tls_session_free(p.session);
    tls_client_unref(client);
    return 0;
}

static int connect_to(const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    struct timeval timeout = {.tv_sec = TIMEOUT_S};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0 ||
        connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        return -1;
    }
    return fd;
}

static void converse(struct probe *p)
{
    char bytes[16384];
    bool was_open = false;
    bool is_going = feed(p, STR_NONE) && flush(p);
    while (is_going) {
        if (!was_open && tls_session_state(p->session) == TLS_OPEN) {
            was_open = true;
            is_going = tls_session_write(p->session, STR("GET / HTTP/1.0\r\n\r\n"), &p->net) ==
                           ERR_OK &&
                       flush(p);
        }
        ssize_t got = recv(p->fd, bytes, sizeof(bytes), 0);
        if (got <= 0) {
            p->end = got == 0 ? "truncated" : errno == ECONNRESET ? "reset" : "timeout";
            break;
        }
        is_going = feed(p, (struct str){bytes, (size_t)got}) && flush(p);
        if (tls_session_state(p->session) == TLS_CLOSED) {
            p->end = "close_notify";
            break;
        }
    }
    print_outcome(p, was_open);
}

static bool flush(struct probe *p)
{
    while (p->net.len > 0) {
        ssize_t sent = send(p->fd, p->net.ptr, p->net.len, MSG_NOSIGNAL);
        if (sent <= 0) {
            p->end = "reset";
            return false;
        }
        buf_consume(&p->net, (size_t)sent);
    }
    return true;
}

static bool feed(struct probe *p, struct str in)
{
    do {
        size_t consumed = 0;
        enum err err = tls_session_feed(p->session, in, &consumed, &p->net, &p->plain);
        if (err != ERR_OK) {
            (void)flush(p); /* the alert */
            return false;
        }
        in = str_sub(in, consumed, in.len);
    } while (in.len > 0);
    return true;
}

static void print_outcome(const struct probe *p, bool was_open)
{
    bool is_accepted = was_open && tls_session_state(p->session) != TLS_FAILED;
    printf("{\"outcome\":\"%s\",\"reason\":\"%s\",\"bytes\":%zu,\"end\":\"%s\"}\n",
           is_accepted ? "accepted" : "refused", tls_session_reason(p->session), p->plain.len,
           p->end);
}
