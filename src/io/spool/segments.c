/* SPDX-License-Identifier: Apache-2.0
 *
 * The segments of a spool together: their sum (bounded by bytes_max; a segment counts
 * from before it is made, so two threads cannot both take the last room), the list in
 * order of use, pins, and removal of what was shipped. Everything under the spool's
 * lock; files are made and deleted outside it.
 */
#include "spool_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static bool reserve(struct spool *s, uint64_t *ret_number);
static void give_back(struct spool *s, size_t bytes);
static void push(struct spool *s, struct segment *g);
static bool is_synced(const struct segment *g, uint32_t lane, uint64_t synced);

enum err segments_make(struct spool *s, unsigned lane, struct segment **ret)
{
    struct segment *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        return ERR_MEMORY;
    }
    if (!reserve(s, &g->number)) {
        segments_retire(s, true);
        if (!reserve(s, &g->number)) {
            free(g);
            return ERR_LIMIT;
        }
    }
    snprintf(g->path, sizeof(g->path), "%s/%016llx" SEGMENT_SUFFIX, s->dir,
             (unsigned long long)g->number);
    g->bytes = s->options.segment_bytes;
    enum err e = segment_make(g, lane);
    atomic_store(&s->is_unmakeable, e != ERR_OK);
    if (e != ERR_OK) {
        segments_unmake(s, g);
        return e;
    }
    *ret = g;
    return ERR_OK;
}

void segments_unmake(struct spool *s, struct segment *g)
{
    if (g != NULL) {
        give_back(s, g->bytes);
        segment_close(g, true);
    }
}

static bool reserve(struct spool *s, uint64_t *ret_number)
{
    pthread_mutex_lock(&s->lock);
    uint64_t total = atomic_load(&s->total_bytes);
    bool has_room = total + s->options.segment_bytes <= s->options.bytes_max;
    if (has_room) {
        atomic_store(&s->total_bytes, total + s->options.segment_bytes);
        atomic_fetch_add(&s->segments_count, 1);
        *ret_number = s->next_number++;
    }
    pthread_mutex_unlock(&s->lock);
    return has_room;
}

static void give_back(struct spool *s, size_t bytes)
{
    pthread_mutex_lock(&s->lock);
    atomic_fetch_sub(&s->total_bytes, bytes);
    atomic_fetch_sub(&s->segments_count, 1);
    pthread_mutex_unlock(&s->lock);
}

void segments_use(struct spool *s, struct segment *g, uint64_t first_seq)
{
    pthread_mutex_lock(&s->lock);
    g->first_seq = first_seq;
    segment_header_of(g)->opened = s->next_opened++;
    push(s, g);
    pthread_mutex_unlock(&s->lock);
}

void segments_recovered(struct spool *s, struct segment *g)
{
    uint64_t opened = segment_header_of(g)->opened;
    pthread_mutex_lock(&s->lock);
    s->next_opened = opened >= s->next_opened && opened < UINT64_MAX / 2 ? opened + 1
                                                                         : s->next_opened;
    atomic_fetch_add(&s->total_bytes, g->bytes);
    atomic_fetch_add(&s->segments_count, 1);
    push(s, g);
    pthread_mutex_unlock(&s->lock);
}

/* Keeps the list in order of use. Lock held. */
static void push(struct spool *s, struct segment *g)
{
    uint64_t opened = segment_header_of(g)->opened;
    struct segment **at = &s->segments;
    while (*at != NULL && segment_header_of(*at)->opened <= opened) {
        at = &(*at)->next;
    }
    g->next = *at;
    *at = g;
}

void segments_retire(struct spool *s, bool is_pressed)
{
    uint64_t now = spool_unix_s();
    struct segment *gone = NULL;
    pthread_mutex_lock(&s->lock);
    for (struct segment **at = &s->segments; *at != NULL;) {
        struct segment *g = *at;
        uint64_t shipped_s = atomic_load(&segment_header_of(g)->shipped_s);
        bool is_old = g->pins == 0 && shipped_s != 0 &&
                      (is_pressed || now >= shipped_s + s->options.keep_shipped_s);
        if (!is_old) {
            at = &g->next;
            continue;
        }
        *at = g->next;
        g->next = gone;
        gone = g;
    }
    pthread_mutex_unlock(&s->lock);
    while (gone != NULL) {
        struct segment *next = gone->next;
        segments_unmake(s, gone);
        gone = next;
    }
}

size_t segments_pin_unsynced(struct spool *s, const struct spool_lane *lane,
                             struct segment **ret, size_t max, uint64_t *ret_behind)
{
    uint64_t synced = atomic_load(&lane->synced);
    size_t count = 0;
    *ret_behind = UINT64_MAX;
    pthread_mutex_lock(&s->lock);
    for (struct segment *g = s->segments; g != NULL; g = g->next) {
        if (g->first_seq == 0 || segment_header_of(g)->lane != lane->index ||
            is_synced(g, lane->index, synced)) {
            continue;
        }
        if (count == max) {
            *ret_behind = g->first_seq;
            break;
        }
        g->pins++;
        ret[count++] = g;
    }
    pthread_mutex_unlock(&s->lock);
    return count;
}

/* A later segment of the lane that begins at or below synced + 1 says so. Lock held. */
static bool is_synced(const struct segment *g, uint32_t lane, uint64_t synced)
{
    for (const struct segment *later = g->next; later != NULL; later = later->next) {
        if (later->first_seq != 0 && segment_header_of(later)->lane == lane) {
            return later->first_seq <= synced + 1;
        }
    }
    return false;
}

void segments_unpin(struct spool *s, struct segment *const *list, size_t count)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < count; i++) {
        list[i]->pins--;
    }
    pthread_mutex_unlock(&s->lock);
}

int64_t spool_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t spool_unix_s(void)
{
    return (uint64_t)time(NULL);
}

void spool_pause_ms(unsigned ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}
