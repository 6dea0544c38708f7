/* SPDX-License-Identifier: Apache-2.0
 *
 * work: long calls of exchanges (parsing a large body), done on libuv's threads while the
 * loop turns, and giving back the memory of large ones. One at a time for each loop: names
 * are resolved on the same threads, which nobody's bodies shall fill. While one runs nothing
 * here touches its exchange; what happened meanwhile (the client went away, the end of all)
 * is told when it has returned.
 */
#include "net_private.h"

static void work_next(struct net *n);
static void on_work(uv_work_t *work);
static void on_worked(uv_work_t *work, int status);

void work_add(struct net_request *r)
{
    list_add(&r->net->works, &r->turn_node);
    work_next(r->net);
}

void work_free(struct net *n, struct flow_leftover *l)
{
    if (l == NULL) {
        return;
    }
    if (n->is_closing || n->leftovers_count == NET_LEFTOVERS_MAX) {
        flow_leftover_free(l);
        return;
    }
    n->leftovers[n->leftovers_count++] = l;
    work_next(n);
}

/* Freeing first: it is short, and much memory waits for it. */
static void work_next(struct net *n)
{
    if (n->is_work_queued || n->is_closing) {
        return;
    }
    if (n->leftovers_count > 0) {
        n->freed = n->leftovers[--n->leftovers_count];
    } else if (!list_is_empty(&n->works)) {
        struct net_request *r = NET_OF(n->works.next, struct net_request, turn_node);
        list_remove(&r->turn_node);
        r->is_working = true;
        n->worked_for = r;
    } else {
        return;
    }
    n->work.data = n;
    int queued = uv_queue_work(n->loop, &n->work, on_work, on_worked);
    ASSERT(queued == 0);
    n->is_work_queued = true;
}

/* On another thread. */
static void on_work(uv_work_t *work)
{
    const struct net *n = work->data;
    if (n->worked_for != NULL) {
        flow_work(n->worked_for->x);
    }
    flow_leftover_free(n->freed);
}

static void on_worked(uv_work_t *work, int status)
{
    struct net *n = work->data;
    struct net_request *r = n->worked_for;
    (void)status;
    net_note_work(n);
    n->is_work_queued = false;
    n->worked_for = NULL;
    n->freed = NULL;
    if (r != NULL && n->is_closing) {
        r->is_working = false;
        list_add(&n->active, &r->node);
        requests_abandon(n);
    } else if (r != NULL) {
        r->is_working = false;
        request_on_turn(r);
    }
    work_next(n);
}
