/* SPDX-License-Identifier: Apache-2.0
 *
 * listener: sockets that accept. One per worker and address (SO_REUSEPORT), so the
 * kernel spreads connections and no worker hands sockets to another.
 *
 * A descriptor shortage never spins the loop: libuv keeps a spare descriptor to
 * refuse with, and clients_max keeps well below the limit. Closing a listener takes
 * what already waits in its queue first, so that a reload or a drain resets nobody.
 */
#include "net_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static int socket_open(const struct sockaddr_storage *addr, socklen_t len, int backlog);
static enum err parse_literal(struct str host, uint16_t port, struct sockaddr_storage *ret,
                              socklen_t *ret_len, struct issue *ret_issue);
static void on_connection(uv_stream_t *server, int status);
static void on_closed(uv_handle_t *handle);

enum err net_socket_open(struct str host, uint16_t port, int backlog, int *ret_fd,
                         uint16_t *ret_port, struct issue *ret_issue)
{
    struct sockaddr_storage addr;
    socklen_t len;
    TRY(parse_literal(host, port, &addr, &len, ret_issue));
    int fd = socket_open(&addr, len, backlog);
    if (fd < 0) {
        issue_set(ret_issue, "", "cannot listen on %.*s port %u: %s", STR_ARG(host), port,
                  uv_strerror(-errno));
        return ERR_IO;
    }
    len = sizeof(addr);
    if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0) {
        close(fd);
        return ERR_IO;
    }
    *ret_port = ntohs(addr.ss_family == AF_INET ? ((struct sockaddr_in *)&addr)->sin_port
                                                : ((struct sockaddr_in6 *)&addr)->sin6_port);
    *ret_fd = fd;
    return ERR_OK;
}

enum err net_host_check(struct str host, struct issue *ret_issue)
{
    struct sockaddr_storage addr;
    socklen_t len;
    return parse_literal(host, 0, &addr, &len, ret_issue);
}

static enum err parse_literal(struct str host, uint16_t port, struct sockaddr_storage *ret,
                              socklen_t *ret_len, struct issue *ret_issue)
{
    char text[INET6_ADDRSTRLEN + 2] = "";
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
    bool has_brackets = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    struct str bare = has_brackets ? str_sub(host, 1, host.len - 1) : host;
    memset(ret, 0, sizeof(*ret));
    if (bare.len > 0 && bare.len < sizeof(text)) {
        memcpy(text, bare.ptr, bare.len);
    }
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *ret_len = sizeof(*v4);
        return ERR_OK;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *ret_len = sizeof(*v6);
        return ERR_OK;
    }
    issue_set(ret_issue, "", "\"%.*s\" is not an address: write an IPv4 or IPv6 literal such as "
              "127.0.0.1 or ::", STR_ARG(host));
    return ERR_INVALID;
}

/* -1 with errno. */
static int socket_open(const struct sockaddr_storage *addr, socklen_t len, int backlog)
{
    int on = 1;
    int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    bool is_ok = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                 setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 &&
                 bind(fd, (const struct sockaddr *)addr, len) == 0 &&
                 listen(fd, backlog) == 0;
    if (!is_ok) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

enum err net_listen(struct net *n, int fd, struct tls_server *server, unsigned tag,
                    unsigned *ret_listener)
{
    unsigned i = 0;
    while (i < NET_LISTENERS_MAX && n->listeners[i].is_used) {
        i++;
    }
    if (i == NET_LISTENERS_MAX) {
        close(fd);
        return ERR_LIMIT;
    }
    struct net_listener *l = &n->listeners[i];
    *l = (struct net_listener){.net = n, .tag = tag};
    if (uv_tcp_init(n->loop, &l->tcp) != 0) {
        close(fd);
        return ERR_MEMORY;
    }
    l->is_used = true;
    l->tcp.data = l;
    if (uv_tcp_open(&l->tcp, fd) != 0) {
        close(fd);
        net_unlisten(n, i);
        return ERR_IO;
    }
    if (uv_listen((uv_stream_t *)&l->tcp, 511, on_connection) != 0) {
        net_unlisten(n, i);
        return ERR_IO;
    }
    l->tls = server == NULL ? NULL : tls_server_ref(server);
    *ret_listener = i;
    return ERR_OK;
}

void net_listen_set_tls(struct net *n, unsigned listener, struct tls_server *server)
{
    if (listener >= NET_LISTENERS_MAX || !n->listeners[listener].is_used ||
        n->listeners[listener].is_closing) {
        return;
    }
    struct tls_server *old = n->listeners[listener].tls;
    n->listeners[listener].tls = tls_server_ref(server);
    tls_server_unref(old);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct net_listener *l = server->data;
    if (status == 0 && !l->is_closing) {
        client_accept(l, server);
    }
}

void net_unlisten(struct net *n, unsigned listener)
{
    struct net_listener *l = listener < NET_LISTENERS_MAX ? &n->listeners[listener] : NULL;
    if (l == NULL || !l->is_used || l->is_closing) {
        return;
    }
    uv_os_fd_t fd;
    if (!n->is_closing && uv_fileno((uv_handle_t *)&l->tcp, &fd) == 0) {
        for (unsigned i = 0; i < 1024; i++) {
            int waiting = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (waiting < 0) {
                break;
            }
            client_adopt(l, waiting);
        }
    }
    l->is_closing = true;
    uv_close((uv_handle_t *)&l->tcp, on_closed);
}

static void on_closed(uv_handle_t *handle)
{
    struct net_listener *l = handle->data;
    tls_server_unref(l->tls);
    l->tls = NULL;
    l->is_closing = false;
    l->is_used = false;
}
