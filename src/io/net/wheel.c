/* SPDX-License-Identifier: Apache-2.0
 *
 * wheel: the deadlines of all connections of a loop, on one 100 ms tick.
 *
 * A deadline moves with every request, so moving it must cost next to nothing: a
 * timer lies in the slot of some earlier deadline and is looked at there; only
 * then is it laid where it belongs. A deadline beyond one turn of the wheel stays
 * in its slot for another turn. Precision is one tick, never early. No memory.
 */
#include "net_private.h"

static void place(struct net_wheel *w, struct net_timer *t);

void wheel_init(struct net_wheel *w, uint64_t now_ms)
{
    for (size_t i = 0; i < NET_SLOTS; i++) {
        list_init(&w->slots[i]);
    }
    list_init(&w->ready);
    w->at_ms = now_ms - now_ms % NET_TICK_MS;
}

void wheel_timer_init(struct net_timer *t, void (*on_due)(struct net_timer *t))
{
    list_init(&t->node);
    t->due_ms = NET_NEVER;
    t->placed_ms = NET_NEVER;
    t->on_due = on_due;
}

void wheel_set(struct net_wheel *w, struct net_timer *t, uint64_t due_ms)
{
    t->due_ms = due_ms;
    if (due_ms == NET_NEVER || t->placed_ms <= due_ms) {
        return; /* looked at early enough where it lies */
    }
    place(w, t);
}

void wheel_remove(struct net_timer *t)
{
    list_remove(&t->node);
    t->due_ms = NET_NEVER;
    t->placed_ms = NET_NEVER;
}

static void place(struct net_wheel *w, struct net_timer *t)
{
    uint64_t at = t->due_ms < w->at_ms ? w->at_ms : t->due_ms;
    list_remove(&t->node);
    t->placed_ms = at;
    /* The slot after the deadline, so that a tick never comes early. */
    list_add(&w->slots[(at / NET_TICK_MS + 1) % NET_SLOTS], &t->node);
}

static void run_slot(struct net_wheel *w, struct net_list *slot, uint64_t now_ms)
{
    struct net_list due;
    list_take(&due, slot);
    while (!list_is_empty(&due)) {
        struct net_timer *t = NET_OF(due.next, struct net_timer, node);
        list_remove(&t->node);
        if (t->placed_ms > now_ms) {
            list_add(slot, &t->node); /* another turn of the wheel */
            continue;
        }
        t->placed_ms = NET_NEVER;
        if (t->due_ms == NET_NEVER) {
            continue;
        }
        if (t->due_ms > now_ms) {
            place(w, t);
            continue;
        }
        t->due_ms = NET_NEVER;
        t->on_due(t);
    }
}

void wheel_run(struct net_wheel *w, uint64_t now_ms)
{
    unsigned turns = 0;
    while (w->at_ms + NET_TICK_MS <= now_ms && turns++ < NET_SLOTS) {
        w->at_ms += NET_TICK_MS;
        run_slot(w, &w->slots[(w->at_ms / NET_TICK_MS) % NET_SLOTS], now_ms);
    }
    if (w->at_ms + NET_TICK_MS <= now_ms) {
        w->at_ms = now_ms - now_ms % NET_TICK_MS; /* asleep longer than a turn: all was seen */
    }
}

void wheel_run_ready(struct net_wheel *w)
{
    struct net_list due;
    list_take(&due, &w->ready);
    while (!list_is_empty(&due)) {
        struct net_timer *t = NET_OF(due.next, struct net_timer, node);
        list_remove(&t->node);
        t->due_ms = NET_NEVER;
        t->placed_ms = NET_NEVER;
        t->on_due(t);
    }
}
