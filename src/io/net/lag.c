/* SPDX-License-Identifier: Apache-2.0
 *
 * lag: how long things wait for this loop. A turn of the loop begins with the first
 * event it handles and ends when it goes back to the kernel; whatever arrives
 * meanwhile waits at most that long. So every event of a turn counts once with the
 * length of the turn it was handled in, and every tick with its lateness, which also
 * sees what delays the whole thread.
 *
 * The clock is read twice a turn, no system call is made. Written by the loop's thread,
 * read by any.
 */
#include "net_private.h"

const uint32_t net_lag_bounds_us[NET_LAG_BOUNDS] = {100,   250,   500,   1000,   2500,   5000,
                                                    10000, 25000, 50000, 100000, 250000, 1000000};

void net_note_work(struct net *n)
{
    if (n->turn_events == 0) {
        n->turn_began_us = uv_hrtime() / 1000;
    }
    n->turn_events++;
}

void lag_note_end(struct net *n)
{
    if (n->turn_events > 0) {
        lag_observe(n, uv_hrtime() / 1000 - n->turn_began_us, n->turn_events);
        n->turn_events = 0;
    }
}

void lag_observe(struct net *n, uint64_t lag_us, unsigned events)
{
    struct net_lag *lag = &n->stats.lag;
    size_t i = 0;
    while (i < NET_LAG_BOUNDS && lag_us > net_lag_bounds_us[i]) {
        i++;
    }
    stat_add(&lag->buckets[i], events);
    stat_add(&lag->sum_us, lag_us * events);
    if (lag_us > atomic_load_explicit(&lag->max_us, memory_order_relaxed)) {
        atomic_store_explicit(&lag->max_us, lag_us, memory_order_relaxed);
    }
}
