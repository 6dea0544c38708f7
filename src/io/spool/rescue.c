/* SPDX-License-Identifier: Apache-2.0
 *
 * After a failed sync: the records of a lane that are not known to be on disk are
 * copied, from memory, into new segments on files that never failed, those are synced,
 * and only then the lane takes appends again. The old segments end before the copied
 * records. Making and syncing the new files is the probe that the disk works; while it
 * fails the lane stays broken and this is tried again, at most once a second. Nothing
 * is changed before everything has succeeded. Syncer thread, which owns the lane here.
 */
#include "spool_private.h"

#include <stdlib.h>

#define RESCUE_RETRY_MS 1000
#define RESCUE_SEGMENTS_MAX 64

struct rescue {
    struct spool *s;
    struct spool_lane *lane;
    uint64_t synced;
    size_t count;
    struct segment *old[RESCUE_SEGMENTS_MAX]; /* pinned */
    size_t old_end[RESCUE_SEGMENTS_MAX];      /* where its synced records end */
    struct segment *new[RESCUE_SEGMENTS_MAX];
    uint64_t new_first[RESCUE_SEGMENTS_MAX];
    size_t new_end; /* of the last one */
};

static void wait_for_worker(struct spool_lane *lane);
static bool copy_all(struct rescue *r);
static bool copy_one(struct rescue *r, size_t i, uint64_t *seq);
static void commit(struct rescue *r);

bool spool_lane_rescue(struct spool *s, struct spool_lane *lane)
{
    if (spool_now_ms() < lane->rescue_at_ms) {
        return false;
    }
    lane->rescue_at_ms = spool_now_ms() + RESCUE_RETRY_MS;
    struct rescue *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return false;
    }
    wait_for_worker(lane);
    uint64_t behind;
    r->s = s;
    r->lane = lane;
    r->synced = atomic_load(&lane->synced);
    r->count = segments_pin_unsynced(s, lane, r->old, RESCUE_SEGMENTS_MAX, &behind);
    bool is_done = r->count > 0 && behind == UINT64_MAX && copy_all(r);
    if (is_done) {
        commit(r);
    } else {
        atomic_fetch_add(&s->sync_failures, 1);
        for (size_t i = 0; i < r->count; i++) {
            segments_unmake(s, r->new[i]);
        }
    }
    segments_unpin(s, r->old, r->count);
    free(r);
    if (is_done) {
        lane->rescue_at_ms = 0;
        atomic_store(&lane->is_broken, false);
    }
    return is_done;
}

/* is_broken is set: an append that began before ends soon, none begins any more. */
static void wait_for_worker(struct spool_lane *lane)
{
    while (atomic_load(&lane->is_busy)) {
        spool_pause_ms(1);
    }
}

static bool copy_all(struct rescue *r)
{
    uint64_t seq = r->old[0]->first_seq;
    for (size_t i = 0; i < r->count; i++) {
        if (segments_make(r->s, r->lane->index, &r->new[i]) != ERR_OK || !copy_one(r, i, &seq) ||
            r->s->sync_fd(r->new[i]->fd) != 0) {
            return false;
        }
    }
    /* A record that cannot be read back was never promised to be synced; it must not
     * be called so now either, so the lane then stays broken. */
    return seq == atomic_load(&r->lane->appended) + 1;
}

static bool copy_one(struct rescue *r, size_t i, uint64_t *seq)
{
    struct segment *old = r->old[i];
    if (*seq != old->first_seq) {
        return false;
    }
    size_t from = SEGMENT_HEADER_BYTES, to = SEGMENT_HEADER_BYTES;
    struct str record;
    r->old_end[i] = from;
    r->new_first[i] = *seq > r->synced ? *seq : r->synced + 1;
    while (segment_next(old, &from, &record)) {
        if (*seq > r->synced) {
            to = segment_append(r->new[i], to, record);
        } else {
            r->old_end[i] = from;
        }
        (*seq)++;
    }
    r->new_end = to;
    return true;
}

static void commit(struct rescue *r)
{
    struct spool_lane *lane = r->lane;
    for (size_t i = 0; i < r->count; i++) {
        segments_use(r->s, r->new[i], r->new_first[i]);
        if (i + 1 < r->count) {
            /* Only the last one takes appends. */
            size_t at = SEGMENT_HEADER_BYTES;
            struct str record;
            while (segment_next(r->new[i], &at, &record)) {
            }
            atomic_store(&segment_header_of(r->new[i])->sealed, at);
        }
    }
    pthread_mutex_lock(&r->s->lock);
    for (size_t i = 0; i < r->count; i++) {
        r->old[i]->first_seq = 0;
        atomic_store(&segment_header_of(r->old[i])->sealed, r->old_end[i]);
    }
    pthread_mutex_unlock(&r->s->lock);
    lane->open = r->new[r->count - 1];
    lane->at = r->new_end;
    atomic_store(&lane->synced, atomic_load(&lane->appended));
}
