/* SPDX-License-Identifier: Apache-2.0
 *
 * The syncer and the shipper. The syncer wakes every sync_interval_ms: one
 * fdatasync per lane that grew (group commit), and a spare segment per lane ahead
 * of need. A failed sync is never retried on the same file, because the kernel may
 * have dropped the pages: the spool turns failing and appends are refused (the
 * gateway then refuses requests before they are sent). The shipper walks segments
 * oldest first, hands batches on, and remembers in the segment's header how far it
 * came.
 */
#include "spool_private.h"

#include <time.h>
#include <unistd.h>

#define BATCH_RECORDS 500
#define BATCH_BYTES (1u << 20)
#define SHIP_IDLE_MS 20
#define SHIP_RETRY_MIN_MS 100
#define SHIP_RETRY_MAX_MS 3000

static bool sync_lanes(struct spool *s);
static bool sync_lane(struct spool *s, struct spool_lane *lane);
static void make_spare(struct spool *s, struct spool_lane *lane);
static bool ship_some(struct spool *s, bool *ret_is_refused);
static struct segment *oldest_unshipped(struct spool *s, size_t *ret_at);
static size_t gather(struct segment *g, size_t at, struct str *records, size_t *ret_end);
static void note_shipped(struct segment *g, size_t end);
static void pause_ms(unsigned ms);

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
        pause_ms(s->options.sync_interval_ms != 0 ? s->options.sync_interval_ms : 5);
    }
}

static bool sync_lanes(struct spool *s)
{
    bool is_any = false;
    for (unsigned i = 0; i < s->options.lanes; i++) {
        struct spool_lane *lane = &s->lanes[i];
        if (atomic_load(&lane->appended) != atomic_load(&lane->synced)) {
            is_any = sync_lane(s, lane) || is_any;
            make_spare(s, lane);
        }
    }
    return is_any;
}

/* Syncs every segment of the lane that may hold records above `synced`. */
static bool sync_lane(struct spool *s, struct spool_lane *lane)
{
    uint64_t target = atomic_load_explicit(&lane->appended, memory_order_acquire);
    uint64_t synced = atomic_load(&lane->synced);
    int fds[16];
    size_t count = 0;
    pthread_mutex_lock(&s->lock);
    for (struct segment *g = s->segments; g != NULL; g = g->next) {
        const struct segment_header *h = segment_header_of(g);
        if (h->lane != lane->index || g->first_seq == 0) {
            continue;
        }
        /* A later segment of this lane that begins at or below synced + 1 makes
         * this one fully synced already. */
        bool is_done = false;
        for (struct segment *later = g->next; later != NULL; later = later->next) {
            is_done = is_done || (segment_header_of(later)->lane == lane->index &&
                                  later->first_seq != 0 && later->first_seq <= synced + 1);
        }
        if (!is_done && count < 16) {
            fds[count++] = dup(g->fd);
        }
    }
    pthread_mutex_unlock(&s->lock);
    bool is_bad = false;
    for (size_t i = 0; i < count; i++) {
        is_bad = fds[i] < 0 || fdatasync(fds[i]) != 0 || is_bad;
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    if (is_bad) {
        atomic_fetch_add(&s->sync_failures, 1);
        atomic_store(&s->is_failing, true);
        return false;
    }
    atomic_store_explicit(&lane->synced, target, memory_order_release);
    return true;
}

static void make_spare(struct spool *s, struct spool_lane *lane)
{
    if (atomic_load(&lane->spare) != NULL) {
        return;
    }
    struct segment *g;
    if (segment_create(s, lane->index, &g) != ERR_OK) {
        return; /* the worker will try when it needs one, and report */
    }
    struct segment *expected = NULL;
    if (!atomic_compare_exchange_strong(&lane->spare, &expected, g)) {
        segment_close(g, true);
    }
}

void *spool_shipper_main(void *spool)
{
    struct spool *s = spool;
    unsigned wait_ms = SHIP_RETRY_MIN_MS;
    for (;;) {
        bool is_stopping = atomic_load(&s->is_stopping);
        bool is_refused = false;
        bool is_more = ship_some(s, &is_refused);
        if (is_stopping && (!is_more || spool_now_ms() >= atomic_load(&s->stop_at_ms))) {
            return NULL;
        }
        if (is_refused) {
            pause_ms(is_stopping ? SHIP_RETRY_MIN_MS : wait_ms);
            wait_ms = wait_ms * 2 < SHIP_RETRY_MAX_MS ? wait_ms * 2 : SHIP_RETRY_MAX_MS;
        } else {
            wait_ms = SHIP_RETRY_MIN_MS;
            if (!is_more) {
                segments_retire(s, false);
                pause_ms(SHIP_IDLE_MS);
            }
        }
    }
}

/* True while there may be more; *ret_is_refused when the receiver said later. */
static bool ship_some(struct spool *s, bool *ret_is_refused)
{
    struct str records[BATCH_RECORDS];
    size_t at, end;
    struct segment *g = oldest_unshipped(s, &at);
    if (g == NULL) {
        atomic_store(&s->oldest_unshipped_s, 0);
        return false;
    }
    size_t count = gather(g, at, records, &end);
    if (count == 0) {
        /* Sealed and nothing whole is left in it. */
        note_shipped(g, atomic_load(&segment_header_of(g)->sealed));
        return true;
    }
    struct spool_batch batch = {records, count};
    if (!s->ship(s->ship_context, &batch)) {
        if (atomic_load(&s->oldest_unshipped_s) == 0) {
            atomic_store(&s->oldest_unshipped_s, spool_unix_s());
        }
        *ret_is_refused = true;
        return true;
    }
    atomic_store(&s->oldest_unshipped_s, 0);
    atomic_fetch_add(&s->shipped, count);
    note_shipped(g, end);
    return true;
}

/* Only the shipper and pressed retirement remove segments, and neither removes one
 * that is not shipped, so the pointer stays good outside the lock. */
static struct segment *oldest_unshipped(struct spool *s, size_t *ret_at)
{
    struct segment *found = NULL;
    pthread_mutex_lock(&s->lock);
    for (struct segment *g = s->segments; g != NULL && found == NULL; g = g->next) {
        const struct segment_header *h = segment_header_of(g);
        size_t at = atomic_load(&h->shipped), probe = at;
        struct str record;
        bool is_sealed_unshipped = atomic_load(&h->sealed) != 0 && atomic_load(&h->shipped_s) == 0;
        if (is_sealed_unshipped || segment_next(g, &probe, &record)) {
            *ret_at = at;
            found = g;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

static size_t gather(struct segment *g, size_t at, struct str *records, size_t *ret_end)
{
    size_t count = 0, bytes = 0;
    while (count < BATCH_RECORDS && bytes < BATCH_BYTES &&
           segment_next(g, &at, &records[count])) {
        bytes += records[count++].len;
    }
    *ret_end = at;
    return count;
}

static void note_shipped(struct segment *g, size_t end)
{
    struct segment_header *h = segment_header_of(g);
    atomic_store(&h->shipped, end);
    size_t sealed = atomic_load(&h->sealed);
    if (sealed != 0 && end >= sealed) {
        atomic_store(&h->shipped_s, spool_unix_s());
        segment_forget_pages(g);
    }
}

static void pause_ms(unsigned ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}
