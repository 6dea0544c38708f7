/* SPDX-License-Identifier: Apache-2.0
 *
 * portcullis healthcheck: asks /readyz of a gateway and says why it is not ready. For a
 * container's health check, so it needs no other program, no database and no key; where
 * to ask it reads from the same settings as `serve`. Never waits longer than 2 s for a step.
 */
#include "cli.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define WAIT_S 2

struct place {
    char host[64], port[8];
};

static bool is_place(const char *text, struct place *ret);
static bool is_place_in(const char *file, struct place *ret);
static struct addrinfo *address_of(const struct place *p);
static bool ask(const struct addrinfo *to, char *ret_answer, size_t size);

int cli_healthcheck(int argc, char **argv)
{
    struct place place = {{0}, {0}};
    char answer[2048] = "";
    bool has_file = argc == 3 && strcmp(argv[1], "-c") == 0;
    if (argc == 1 || has_file) {
        if (!is_place_in(has_file ? argv[2] : NULL, &place)) {
            return 1;
        }
    } else if (argc != 2 || !is_place(argv[1], &place)) {
        return cli_usage(argv[0]);
    }
    struct addrinfo *to = address_of(&place);
    if (to == NULL) {
        fprintf(stderr, "portcullis: healthcheck: '%s' is not an address\n", place.host);
        return cli_usage(argv[0]);
    }
    bool is_good = ask(to, answer, sizeof(answer));
    freeaddrinfo(to);
    if (!is_good) {
        const char *why = answer[0] == '\0' ? strerror(errno) : answer;
        const char *reasons = strstr(answer, "\"reasons\":[");
        why = reasons != NULL ? reasons + strlen("\"reasons\":[") : why;
        fprintf(stderr, "portcullis: not ready: http://%s:%s/readyz: %.*s\n", place.host,
                place.port, (int)strcspn(why, reasons != NULL ? "]" : "\r\n"), why);
    }
    return is_good ? 0 : 1;
}

/* HOST:PORT, or [v6]:PORT. */
static bool is_place(const char *text, struct place *ret)
{
    unsigned port;
    char rest;
    if (sscanf(text, "[%63[^]]]:%5u%c", ret->host, &port, &rest) != 2 &&
        sscanf(text, "%63[^:]:%5u%c", ret->host, &port, &rest) != 2) {
        return false;
    }
    snprintf(ret->port, sizeof(ret->port), "%u", port);
    return port > 0 && port <= 65535;
}

/* A listener at every address is asked at the loopback's. */
static bool is_place_in(const char *file, struct place *ret)
{
    struct config c;
    struct issue issue = {.offset = UINT64_MAX};
    enum err e = config_load(&c, file, 0, NULL, 0, &issue);
    if (e != ERR_OK) {
        cli_print_issue("healthcheck", e, &issue);
    } else {
        struct str host = config_is_anywhere(c.listen_host)
                              ? STR("127.0.0.1")
                              : str_trim(str_from(c.listen_host), "[]");
        snprintf(ret->host, sizeof(ret->host), "%.*s", STR_ARG(host));
        snprintf(ret->port, sizeof(ret->port), "%lld", (long long)c.listen_port);
    }
    config_free(&c);
    return e == ERR_OK;
}

static struct addrinfo *address_of(const struct place *p)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    const char *host = strcmp(p->host, "localhost") == 0 ? "127.0.0.1" : p->host;
    return getaddrinfo(host, p->port, &hints, &list) == 0 ? list : NULL;
}

static bool ask(const struct addrinfo *to, char *ret_answer, size_t size)
{
    static const char request[] =
        "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct timeval limit = {.tv_sec = WAIT_S};
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_sent = fd >= 0 &&
                   setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
                   setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
                   connect(fd, to->ai_addr, to->ai_addrlen) == 0 &&
                   write(fd, request, sizeof(request) - 1) == (ssize_t)sizeof(request) - 1;
    size_t got = 0;
    for (ssize_t n = 1; is_sent && n > 0 && got < size - 1; got += n > 0 ? (size_t)n : 0) {
        n = read(fd, ret_answer + got, size - 1 - got);
    }
    ret_answer[got] = '\0';
    int why = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = why;
    return is_sent && strncmp(ret_answer, "HTTP/1.1 200", 12) == 0;
}
