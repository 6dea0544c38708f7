/* SPDX-License-Identifier: Apache-2.0
 *
 * phase: a turn of the loop goes in phases. What the sockets have is read first and kept in
 * one block of memory; then the providers' bytes are handled, then the clients'; then what
 * that brought about is sent, to the providers first. One kind of work at a time: the code
 * of a phase fits a core's instruction cache, that of a whole exchange with the kernel's
 * between does not; and receivers are woken once, not between two of our steps.
 *
 * A connection's bytes are handled in their order, and before libuv frees what was closed: it
 * runs after that (poll.c). What a flush itself brings about waits for the next turn, which
 * then comes at once. Loop thread; memory of the net.
 */
#include "net_private.h"

#define CLOCK_EVENTS 8 /* handled with one reading of the clock */

static void handle(struct net *n, bool is_upstream);
static void flush_upstreams(struct net *n);
static void flush_clients(struct net *n);

ssize_t phase_read(struct net *n, int fd, const char **ret_bytes)
{
    char *to = n->reads.bytes + n->reads.used;
    net_note_work(n);
    *ret_bytes = to;
    return socket_read(fd, to, NET_READ_BYTES);
}

void phase_add(struct net *n, struct net_poll *from, ssize_t got, const char *bytes)
{
    struct net_reads *t = &n->reads;
    t->list[t->count++] = (struct net_read){.from = from, .got = got, .bytes = bytes};
    from->reads_waiting++;
    if (got > 0) {
        t->used += ((size_t)got + 63) & ~(size_t)63; /* no line of two connections */
    }
    if (t->count == NET_READS_MAX || t->used + NET_READ_BYTES > sizeof(t->bytes)) {
        phase_handle(n);
    }
}

void phase_handle(struct net *n)
{
    if (n->reads.count == 0) {
        return;
    }
    handle(n, true);
    handle(n, false);
    n->reads.count = 0;
    n->reads.used = 0;
}

static void handle(struct net *n, bool is_upstream)
{
    unsigned handled = 0;
    for (unsigned i = 0; i < n->reads.count; i++) {
        struct net_read r = n->reads.list[i];
        if (r.from == NULL || r.from->is_upstream != is_upstream) {
            continue;
        }
        n->reads.list[i].from = NULL;
        r.from->reads_waiting--;
        if (handled++ % CLOCK_EVENTS == 0) {
            net_hold_clock(n);
        }
        if (is_upstream) {
            upstream_on_read(NET_OF(r.from, struct net_upstream, poll), r.got, r.bytes);
        } else {
            client_on_read(NET_OF(r.from, struct net_client, poll), r.got, r.bytes);
        }
    }
    net_release_clock(n);
}

void phase_flush(struct net *n)
{
    flush_upstreams(n);
    flush_clients(n);
    if (!list_is_empty(&n->flush_upstreams) || !list_is_empty(&n->flush_clients)) {
        net_wake(n);
    }
}

static void flush_upstreams(struct net *n)
{
    struct net_list all;
    list_take(&all, &n->flush_upstreams);
    while (!list_is_empty(&all)) {
        struct net_upstream *u = NET_OF(all.next, struct net_upstream, flush_node);
        list_remove(&u->flush_node);
        upstream_flush(u);
    }
}

static void flush_clients(struct net *n)
{
    struct net_list all;
    list_take(&all, &n->flush_clients);
    while (!list_is_empty(&all)) {
        struct net_client *c = NET_OF(all.next, struct net_client, flush_node);
        client_flush(c);
        if (c->state == CLIENT_FLUSH || c->is_broken) { /* nobody else waits for it */
            client_advance(c);
        }
    }
}
