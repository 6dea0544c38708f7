/* SPDX-License-Identifier: Apache-2.0
 *
 * The spool: opening with recovery, the lanes, the append on the worker's thread,
 * stopping. A new process never appends to an old segment: what it finds is
 * sealed where its last whole record ends and queued for shipping.
 */
#include "spool_private.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static enum err recover(struct spool *s, uint64_t *ret_recovered, struct issue *issue);
static int by_name(const struct dirent **a, const struct dirent **b);
static int is_segment_name(const struct dirent *d);
static void seal_recovered(struct segment *g, uint64_t *ret_recovered);
static enum err open_next(struct spool_lane *lane);
static void free_all(struct spool *s);

enum err spool_open(const struct spool_options *options, struct spool **ret,
                    uint64_t *ret_recovered, struct issue *ret_issue)
{
    struct spool *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return ERR_MEMORY;
    }
    s->options = *options;
    s->options.dir = s->dir;
    snprintf(s->dir, sizeof(s->dir), "%s", options->dir);
    pthread_mutex_init(&s->lock, NULL);
    s->next_number = 1;
    s->lanes = calloc(options->lanes, sizeof(*s->lanes));
    if (s->lanes == NULL) {
        free_all(s);
        return ERR_MEMORY;
    }
    *ret_recovered = 0;
    enum err e = recover(s, ret_recovered, ret_issue);
    for (unsigned i = 0; i < options->lanes && e == ERR_OK; i++) {
        s->lanes[i] = (struct spool_lane){.spool = s, .index = i, .next_seq = 1};
        e = open_next(&s->lanes[i]);
        if (e != ERR_OK) {
            issue_set(ret_issue, "", "no spool segment of %zu MiB can be made in %s (%s)",
                      options->segment_bytes >> 20, s->dir,
                      e == ERR_LIMIT ? "the disk or audit.spool_mib is full" : "input/output error");
        }
    }
    if (e != ERR_OK) {
        free_all(s);
        return e;
    }
    *ret = s;
    return ERR_OK;
}

static enum err recover(struct spool *s, uint64_t *ret_recovered, struct issue *issue)
{
    struct dirent **names;
    int count = scandir(s->dir, &names, is_segment_name, by_name);
    if (count < 0) {
        issue_set(issue, "", "the spool folder %s cannot be read", s->dir);
        return ERR_IO;
    }
    enum err result = ERR_OK;
    for (int i = 0; i < count; i++) {
        char path[1024];
        struct segment *g;
        snprintf(path, sizeof(path), "%s/%s", s->dir, names[i]->d_name);
        uint64_t number = strtoull(names[i]->d_name, NULL, 16);
        s->next_number = number >= s->next_number ? number + 1 : s->next_number;
        enum err e = segment_open(path, &g);
        free(names[i]);
        if (e == ERR_OK) {
            seal_recovered(g, ret_recovered);
            segments_add(s, g);
        } else if (e == ERR_CORRUPT) {
            /* Died while making it: it never held a record. Kept under another name. */
            char aside[1040];
            snprintf(aside, sizeof(aside), "%s.bad", path);
            (void)rename(path, aside);
        } else {
            issue_set(issue, "", "the spool segment %s cannot be opened", path);
            result = e;
        }
    }
    free(names);
    return result;
}

static int is_segment_name(const struct dirent *d)
{
    return strlen(d->d_name) == 20 && strcmp(d->d_name + 16, ".seg") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void seal_recovered(struct segment *g, uint64_t *ret_recovered)
{
    struct segment_header *h = segment_header_of(g);
    size_t shipped = atomic_load(&h->shipped), at = SEGMENT_HEADER_BYTES;
    struct str record;
    while (segment_next(g, &at, &record)) {
        *ret_recovered += at > shipped ? 1 : 0;
    }
    if (shipped < SEGMENT_HEADER_BYTES || shipped > at) {
        atomic_store(&h->shipped, SEGMENT_HEADER_BYTES); /* nonsense: ship it all again */
    }
    atomic_store(&h->sealed, at);
}

struct spool_lane *spool_lane_get(struct spool *s, unsigned lane)
{
    ASSERT(lane < s->options.lanes);
    return &s->lanes[lane];
}

enum err spool_append(struct spool_lane *lane, struct str record, uint64_t *ret_seq)
{
    ASSERT(record.len > 0);
    if (record.len > SPOOL_RECORD_BYTES_MAX) {
        return ERR_LIMIT;
    }
    if (atomic_load_explicit(&lane->spool->is_failing, memory_order_relaxed)) {
        return ERR_IO;
    }
    if (lane->at + segment_frame_bytes(record.len) > lane->open->bytes) {
        TRY(open_next(lane));
    }
    lane->at = segment_append(lane->open, lane->at, record);
    *ret_seq = lane->next_seq++;
    atomic_store_explicit(&lane->appended, *ret_seq, memory_order_release);
    return ERR_OK;
}

/* Takes the segment the syncer made ready, or makes one (rare: the only system
 * calls an append can cost). */
static enum err open_next(struct spool_lane *lane)
{
    struct segment *next = atomic_exchange(&lane->spare, NULL);
    if (next == NULL) {
        TRY(segment_create(lane->spool, lane->index, &next));
    }
    next->first_seq = lane->next_seq;
    struct segment *last = lane->open;
    size_t end = lane->at;
    lane->open = next;
    lane->at = SEGMENT_HEADER_BYTES;
    segments_add(lane->spool, next);
    if (last != NULL) {
        atomic_store(&segment_header_of(last)->sealed, end);
    }
    return ERR_OK;
}

uint64_t spool_lane_synced(const struct spool_lane *lane)
{
    return atomic_load_explicit(&lane->synced, memory_order_acquire);
}

enum err spool_start(struct spool *s, spool_ship_fn *ship, void *ship_context,
                     void (*on_synced)(void *context), void *synced_context)
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
        segment_close(atomic_load(&s->lanes[i].spare), true);
    }
    while (s->segments != NULL) {
        struct segment *next = s->segments->next;
        segment_close(s->segments, false);
        s->segments = next;
    }
    pthread_mutex_destroy(&s->lock);
    free(s->lanes);
    free(s);
}

void spool_stats_read(const struct spool *s, struct spool_stats *ret)
{
    memset(ret, 0, sizeof(*ret));
    for (unsigned i = 0; i < s->options.lanes; i++) {
        ret->appended += atomic_load(&s->lanes[i].appended);
        ret->synced += atomic_load(&s->lanes[i].synced);
    }
    ret->shipped = atomic_load(&s->shipped);
    ret->bytes = s->total_bytes;
    ret->sync_failures = atomic_load(&s->sync_failures);
    ret->is_failing = atomic_load(&s->is_failing);
    uint64_t oldest = atomic_load(&s->oldest_unshipped_s), now = spool_unix_s();
    ret->oldest_unshipped_age_s = oldest != 0 && now > oldest ? now - oldest : 0;
}
