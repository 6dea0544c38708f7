/* SPDX-License-Identifier: Apache-2.0
 *
 * The spool: opening, the lanes, the append on the worker's thread, stopping. What an
 * earlier process left is recover.c's; a lane always begins with a new segment. One
 * process per folder: a second one would seal the segments of the first.
 */
#include "spool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

static enum err open_all(struct spool *s, uint64_t *ret_recovered, struct issue *issue);
static enum err lock_folder(struct spool *s, struct issue *issue);
static enum err append(struct spool_lane *lane, struct str record, uint64_t *ret_seq);
static enum err open_next(struct spool_lane *lane);
static void free_all(struct spool *s);

enum err spool_open(const struct spool_options *options, struct spool **ret,
                    uint64_t *ret_recovered, struct issue *ret_issue)
{
    ASSERT(options->lanes > 0);
    struct spool *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return ERR_MEMORY;
    }
    s->options = *options;
    s->lock_fd = -1;
    s->sync_fd = fdatasync;
    s->next_number = 1;
    s->next_opened = 1;
    pthread_mutex_init(&s->lock, NULL);
    *ret_recovered = 0;
    enum err e = ERR_MEMORY;
    size_t bytes = options->lanes * sizeof(*s->lanes);
    s->lanes = aligned_alloc(SPOOL_CACHE_LINE, bytes);
    if (s->lanes != NULL) {
        memset((void *)s->lanes, 0, bytes);
        e = open_all(s, ret_recovered, ret_issue);
    }
    if (e != ERR_OK) {
        free_all(s);
        return e;
    }
    *ret = s;
    return ERR_OK;
}

static enum err open_all(struct spool *s, uint64_t *ret_recovered, struct issue *issue)
{
    const struct spool_options *o = &s->options;
    if (o->segment_bytes % 8 != 0 || o->segment_bytes < SPOOL_SEGMENT_BYTES_MIN) {
        issue_set(issue, "", "a spool segment must be a multiple of 8 and at least %u bytes",
                  SPOOL_SEGMENT_BYTES_MIN);
        return ERR_INVALID;
    }
    TRY(lock_folder(s, issue));
    TRY(spool_recover(s, ret_recovered, issue));
    for (unsigned i = 0; i < o->lanes; i++) {
        struct spool_lane *lane = &s->lanes[i];
        lane->spool = s;
        lane->index = i;
        lane->next_seq = 1;
        enum err e = open_next(lane);
        if (e != ERR_OK) {
            issue_set(issue, "", "no spool segment of %zu KiB can be made in %s (%s)",
                      o->segment_bytes >> 10, s->dir,
                      e == ERR_LIMIT ? "the disk or audit.spool_mib is full"
                                     : "input/output error");
            return e;
        }
    }
    return ERR_OK;
}

static enum err lock_folder(struct spool *s, struct issue *issue)
{
    char path[450];
    size_t limit = sizeof(s->dir);
    size_t length = (size_t)snprintf(s->dir, limit, "%s", s->options.dir);
    s->options.dir = s->dir;
    if (length >= limit) {
        issue_set(issue, "", "the name of the spool folder has more than %zu bytes", limit - 1);
        return ERR_LIMIT;
    }
    snprintf(path, sizeof(path), "%s/lock", s->dir);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0) {
        issue_set(issue, "", "the spool folder %s cannot be written", s->dir);
        return ERR_IO;
    }
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        issue_set(issue, "", "another process uses the spool folder %s", s->dir);
        return errno == EWOULDBLOCK ? ERR_CONFLICT : ERR_IO;
    }
    return ERR_OK;
}

struct spool_lane *spool_lane_get(struct spool *s, unsigned lane)
{
    ASSERT(lane < s->options.lanes);
    return &s->lanes[lane];
}

/* is_busy before is_broken, both in one total order: the syncer sets is_broken and then
 * looks at is_busy, so it never shares the lane with an append. */
enum err spool_append(struct spool_lane *lane, struct str record, uint64_t *ret_seq)
{
    ASSERT(record.len > 0);
    if (record.len > SPOOL_RECORD_BYTES_MAX) {
        return ERR_LIMIT;
    }
    atomic_store(&lane->is_busy, true);
    enum err e = atomic_load(&lane->is_broken) ? ERR_IO : append(lane, record, ret_seq);
    atomic_store_explicit(&lane->is_busy, false, memory_order_release);
    return e;
}

static enum err append(struct spool_lane *lane, struct str record, uint64_t *ret_seq)
{
    if (lane->at + segment_frame_bytes(record.len) > lane->open->bytes) {
        TRY(open_next(lane));
    }
    lane->at = segment_append(lane->open, lane->at, record);
    *ret_seq = lane->next_seq++;
    atomic_store_explicit(&lane->appended, *ret_seq, memory_order_release);
    return ERR_OK;
}

/* Takes the segment the syncer made ready, or makes one (rare, and dear: an append waits for
 * the disk; after a failure not at once again). */
static enum err open_next(struct spool_lane *lane)
{
    struct spool *s = lane->spool;
    struct segment *next = atomic_exchange(&lane->spare, NULL);
    if (next == NULL) {
        if (lane->retry_at_ms != 0 && spool_now_ms() < lane->retry_at_ms) {
            return ERR_LIMIT;
        }
        enum err e = segments_make(s, lane->index, &next);
        lane->retry_at_ms = e == ERR_OK ? 0 : spool_now_ms() + SPOOL_RETRY_MS;
        atomic_store(&lane->is_full, e != ERR_OK);
        TRY(e);
    }
    struct segment *last = lane->open;
    size_t end = lane->at;
    segments_use(s, next, lane->next_seq);
    lane->open = next;
    lane->at = SEGMENT_HEADER_BYTES;
    if (last != NULL) {
        atomic_store(&segment_header_of(last)->sealed, end);
    }
    return ERR_OK;
}

uint64_t spool_lane_synced(const struct spool_lane *lane)
{
    return atomic_load(&lane->synced); /* total order: see the door */
}

enum err spool_start(struct spool *s,
                     bool (*ship)(void *context, const struct spool_batch *batch),
                     void *ship_context, void (*on_synced)(void *context), void *synced_context)
{
    s->ship = ship;
    s->ship_context = ship_context;
    s->on_synced = on_synced;
    s->synced_context = synced_context;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool has_syncer = pthread_create(&s->syncer, NULL, spool_syncer_main, s) == 0;
    bool has_shipper = has_syncer && pthread_create(&s->shipper, NULL, spool_shipper_main, s) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (has_syncer && !has_shipper) {
        atomic_store(&s->is_stopping, true);
        pthread_join(s->syncer, NULL);
    }
    s->is_started = has_shipper;
    return has_shipper ? ERR_OK : ERR_MEMORY;
}

void spool_stop(struct spool *s, unsigned timeout_ms)
{
    if (s == NULL) {
        return;
    }
    atomic_store(&s->stop_at_ms, spool_now_ms() + timeout_ms);
    atomic_store(&s->is_stopping, true);
    if (s->is_started) {
        pthread_join(s->syncer, NULL);
        pthread_join(s->shipper, NULL);
    }
    free_all(s);
}

static void free_all(struct spool *s)
{
    for (unsigned i = 0; s->lanes != NULL && i < s->options.lanes; i++) {
        segments_unmake(s, atomic_load(&s->lanes[i].spare));
    }
    while (s->segments != NULL) {
        struct segment *next = s->segments->next;
        segment_close(s->segments, false);
        s->segments = next;
    }
    if (s->lock_fd >= 0) {
        close(s->lock_fd);
    }
    pthread_mutex_destroy(&s->lock);
    free(s->lanes);
    free(s);
}

void spool_stats_read(const struct spool *s, struct spool_stats *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->is_failing = atomic_load(&s->is_unmakeable);
    for (unsigned i = 0; i < s->options.lanes; i++) {
        ret->appended += atomic_load(&s->lanes[i].appended);
        ret->synced += atomic_load(&s->lanes[i].synced);
        ret->is_failing = ret->is_failing || atomic_load(&s->lanes[i].is_broken);
        ret->is_full = ret->is_full || atomic_load(&s->lanes[i].is_full);
    }
    ret->shipped = atomic_load(&s->shipped);
    ret->bytes = atomic_load(&s->total_bytes);
    ret->segments = atomic_load(&s->segments_count);
    ret->sync_failures = atomic_load(&s->sync_failures);
    ret->recovered_left = atomic_load(&s->recovered_left);
    ret->damaged = atomic_load(&s->damaged);
    uint64_t oldest = atomic_load(&s->oldest_unshipped_s), now = spool_unix_s();
    ret->oldest_unshipped_age_s = oldest != 0 && now > oldest ? now - oldest : 0;
}
