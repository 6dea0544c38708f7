/* SPDX-License-Identifier: Apache-2.0
 *
 * work: long calls of exchanges (parsing a large body), done on libuv's threads while the
 * loop turns. One at a time for each loop: names are resolved on the same threads, which
 * nobody's bodies shall fill. While one runs nothing here touches its exchange; what
 * happened meanwhile (the client went away, the end of all) is told when it has returned.
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

static void work_next(struct net *n)
{
    if (n->worked_for != NULL || list_is_empty(&n->works)) {
        return;
    }
    struct net_request *r = NET_OF(n->works.next, struct net_request, turn_node);
    list_remove(&r->turn_node);
    r->is_working = true;
    n->worked_for = r;
    n->work.data = n;
    int queued = uv_queue_work(n->loop, &n->work, on_work, on_worked);
    ASSERT(queued == 0);
}

/* On another thread. */
static void on_work(uv_work_t *work)
{
    const struct net *n = work->data;
    flow_work(n->worked_for->x);
}

static void on_worked(uv_work_t *work, int status)
{
    struct net *n = work->data;
    struct net_request *r = n->worked_for;
    (void)status;
    net_note_work(n);
    n->worked_for = NULL;
    r->is_working = false;
    if (n->is_closing) {
        list_add(&n->active, &r->node);
        requests_abandon(n);
        return;
    }
    request_on_turn(r);
    work_next(n);
}
