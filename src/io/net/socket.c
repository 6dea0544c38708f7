/* SPDX-License-Identifier: Apache-2.0
 *
 * socket: the bytes of a connection, by recv and send. libuv waits for room when there is
 * none; its own read and write go through the kernel's files, and its writing through a
 * queue: a twentieth of the CPU time of a stream's piece in bench/load.
 *
 * Loop thread. Sockets are libuv's and do not block; nothing is owned here.
 */
#include "net_private.h"

#include <errno.h>
#include <sys/socket.h>

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
