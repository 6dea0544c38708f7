/* SPDX-License-Identifier: Apache-2.0
 *
 * poll: which connections have something to read, and a turn of the loop. Connections are in
 * an epoll of our own, edge-triggered; libuv's own epoll is one more member of it, and libuv
 * runs when that has something or a timer is due: accepting, connecting, waiting for room,
 * timers, names and threads are its.
 *
 * libuv's way is level-triggered: the kernel looks twice at each socket it tells of, and each
 * event passes several calls. Told once means: what a read may have left is asked for again.
 * Loop thread; owns the descriptor of the epoll, nothing of the connections.
 */
#include "net_private.h"

#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MAX 256 /* in one turn; the others are told in the next */
/* PRI: at the mark of urgent data a read ends early. */
#define WANTED (EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET)
#define IS_MORE (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)

static void on_event(struct net *n, struct net_poll *p, uint32_t told);

enum err poll_open(struct net *n)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    n->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (n->poll_fd < 0) {
        return ERR_IO;
    }
    if (epoll_ctl(n->poll_fd, EPOLL_CTL_ADD, uv_backend_fd(n->loop), &event) != 0) {
        close(n->poll_fd);
        return ERR_IO;
    }
    return ERR_OK;
}

void poll_close(struct net *n)
{
    close(n->poll_fd);
}

static bool control(struct net *n, struct net_poll *p, int how)
{
    struct epoll_event event = {.events = WANTED, .data.ptr = p};
    return epoll_ctl(n->poll_fd, how, p->fd, &event) == 0;
}

bool poll_start(struct net *n, struct net_poll *p, const uv_tcp_t *tcp)
{
    ASSERT(!p->is_reading);
    p->is_reading = uv_fileno((const uv_handle_t *)tcp, &p->fd) == 0 &&
                    control(n, p, EPOLL_CTL_ADD);
    return p->is_reading;
}

void poll_stop(struct net *n, struct net_poll *p)
{
    if (p->is_reading) {
        p->is_reading = false;
        (void)control(n, p, EPOLL_CTL_DEL);
    }
}

void net_run(struct net *n)
{
    while (uv_loop_alive(n->loop)) {
        net_turn(n, true);
    }
}

void net_turn(struct net *n, bool may_wait)
{
    struct epoll_event events[EVENTS_MAX];
    int timeout = may_wait ? uv_backend_timeout(n->loop) : 0;
    int count = epoll_wait(n->poll_fd, events, EVENTS_MAX, timeout);
    bool is_loop_told = false;
    uv_update_time(n->loop);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL) {
            is_loop_told = true;
        } else {
            on_event(n, events[i].data.ptr, events[i].events);
        }
    }
    phase_handle(n);
    phase_flush(n);
    if (is_loop_told || uv_backend_timeout(n->loop) == 0) {
        (void)uv_run(n->loop, UV_RUN_NOWAIT);
        phase_flush(n);
    }
    lag_note_end(n);
}

/* The memory of a connection closed earlier in this turn is still there: libuv frees it when
 * it runs. */
static void on_event(struct net *n, struct net_poll *p, uint32_t told)
{
    const char *bytes;
    if (!p->is_reading) {
        return;
    }
    ssize_t got = phase_read(n, p->fd, &bytes);
    if (got < 0) {
        poll_stop(n, p);
    } else if (got > 0 && (got == NET_READ_BYTES || (told & IS_MORE) != 0)) {
        (void)control(n, p, EPOLL_CTL_MOD); /* asks the kernel to look once more */
    }
    if (got != 0) {
        phase_add(n, p, got, bytes);
    }
}
