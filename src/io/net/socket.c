/* SPDX-License-Identifier: Apache-2.0
 *
 * socket: the bytes of a connection, by recv and send. libuv says when there are some and
 * waits for room; its own read and write go through the kernel's files, and its writing
 * through a queue: a twentieth of the CPU time of a stream's piece in bench/load.
 *
 * Loop thread. Sockets are libuv's and do not block; nothing is owned here.
 */
#include "net_private.h"

#include <errno.h>
#include <sys/socket.h>

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf);

bool socket_read_start(uv_tcp_t *tcp, uv_read_cb on_ready, int *ret_fd)
{
    return uv_fileno((const uv_handle_t *)tcp, ret_fd) == 0 &&
           uv_read_start((uv_stream_t *)tcp, on_alloc, on_ready) == 0;
}

/* Without memory libuv reads nothing and tells UV_ENOBUFS. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    (void)handle;
    (void)suggested;
    *ret_buf = uv_buf_init(NULL, 0);
}

ssize_t socket_read(int fd, char *to, size_t capacity)
{
    ssize_t got = recv(fd, to, capacity, 0);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : uv_translate_sys_error(errno);
    }
    return got == 0 ? UV_EOF : got;
}

ssize_t socket_write(int fd, struct str first, struct str second)
{
    struct iovec parts[2] = {{(char *)(uintptr_t)first.ptr, first.len},
                             {(char *)(uintptr_t)second.ptr, second.len}};
    struct msghdr both = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t wrote = second.len == 0 ? send(fd, first.ptr, first.len, MSG_NOSIGNAL)
                                    : sendmsg(fd, &both, MSG_NOSIGNAL);
    if (wrote >= 0) {
        return wrote;
    }
    bool is_full = errno == EAGAIN || errno == EINTR || errno == ENOBUFS;
    return is_full ? 0 : uv_translate_sys_error(errno);
}
