/* SPDX-License-Identifier: Apache-2.0
 *
 * The syncer: wakes every sync_interval_ms; one fdatasync per segment that grew (group
 * commit), and a spare segment per lane ahead of need. A record counts as synced only
 * after that call. A failed sync is never repeated on the same file, because the
 * kernel may have dropped the pages and would call the second one good: the lane is
 * broken, its appends are refused (the gateway then refuses requests before they are
 * sent), and rescue.c moves its unsynced records into new files.
 */
#include "spool_private.h"

#define SYNC_BATCH 16
#define SPARE_RETRY_MS 1000

static bool sync_lanes(struct spool *s);
static bool sync_lane(struct spool *s, struct spool_lane *lane);
static void make_spare(struct spool *s, struct spool_lane *lane);

void *spool_syncer_main(void *spool)
{
    struct spool *s = spool;
    for (;;) {
        bool is_last = atomic_load(&s->is_stopping);
        if (sync_lanes(s) && s->on_synced != NULL) {
            s->on_synced(s->synced_context);
        }
        if (is_last) {
            return NULL;
        }
        spool_pause_ms(s->options.sync_interval_ms != 0 ? s->options.sync_interval_ms : 5);
    }
}

static bool sync_lanes(struct spool *s)
{
    bool is_any = false;
    for (unsigned i = 0; i < s->options.lanes; i++) {
        struct spool_lane *lane = &s->lanes[i];
        if (atomic_load(&lane->is_broken)) {
            is_any = spool_lane_rescue(s, lane) || is_any;
            continue;
        }
        if (atomic_load(&lane->appended) != atomic_load(&lane->synced)) {
            is_any = sync_lane(s, lane) || is_any;
            make_spare(s, lane);
        } else if (atomic_load(&lane->is_full) || atomic_load(&s->is_unmakeable)) {
            make_spare(s, lane); /* nobody may append as long as it is said to be full */
        }
    }
    return is_any;
}

/* Records up to `target` lie in segments that are in the list by then. */
static bool sync_lane(struct spool *s, struct spool_lane *lane)
{
    uint64_t target = atomic_load_explicit(&lane->appended, memory_order_acquire), behind;
    struct segment *list[SYNC_BATCH];
    size_t count = segments_pin_unsynced(s, lane, list, SYNC_BATCH, &behind);
    bool is_bad = false;
    for (size_t i = 0; i < count; i++) {
        is_bad = s->sync_fd(list[i]->fd) != 0 || is_bad;
    }
    segments_unpin(s, list, count);
    if (is_bad) {
        atomic_fetch_add(&s->sync_failures, 1);
        atomic_store(&lane->is_broken, true);
        return false;
    }
    /* More segments than one batch: up to where the rest begins. */
    target = target < behind ? target : behind - 1;
    atomic_store(&lane->synced, target);
    return true;
}

static void make_spare(struct spool *s, struct spool_lane *lane)
{
    struct segment *g;
    if (atomic_load(&lane->spare) != NULL) {
        atomic_store(&lane->is_full, false);
        return;
    }
    if (spool_now_ms() < lane->spare_at_ms) {
        return;
    }
    if (segments_make(s, lane->index, &g) != ERR_OK) {
        /* The worker will try when it needs one, and report. */
        lane->spare_at_ms = spool_now_ms() + SPARE_RETRY_MS;
        return;
    }
    atomic_store(&lane->spare, g); /* only the syncer puts one there */
    atomic_store(&lane->is_full, false);
}
