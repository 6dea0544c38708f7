/* SPDX-License-Identifier: Apache-2.0
 *
 * The shipper: hands batches to the receiver, in order within a lane, lanes taking
 * turns so that a busy one does not hold up the others; and remembers in the segment's
 * header how far it came, after the receiver said yes. A crash in between sends a
 * batch again, so delivery is at least once. Refusals are retried with growing pauses.
 * Damage in a sealed segment is stepped over and counted. Shipper thread.
 */
#include "spool_private.h"

#define BATCH_RECORDS 3000
#define BATCH_BYTES (1u << 20)
#define SHIP_IDLE_MS 20
/* After a full load the next one is waited for a little longer: a transaction costs the
 * same for 50 records as for 500. */
#define SHIP_LOADED_MS 100
#define SHIP_LOADED_RECORDS 100
#define SHIP_RETRY_MIN_MS 100
#define SHIP_RETRY_MAX_MS 3000

static bool ship_some(struct spool *s, bool *ret_is_refused, size_t *ret_count);
static bool ship_from(struct spool *s, struct segment *g, size_t *ret_count);
static struct segment *choose(struct spool *s);
static bool has_more(const struct segment *g);
static size_t gather(const struct segment *g, struct str *records, size_t *ret_end,
                     uint64_t *ret_damaged);
static void note_shipped(struct segment *g, size_t end);
static void wait_a_while(struct spool *s, unsigned ms);

void *spool_shipper_main(void *spool)
{
    struct spool *s = spool;
    unsigned wait_ms = SHIP_RETRY_MIN_MS;
    size_t count = 0; /* since the last pause */
    for (;;) {
        bool is_stopping = atomic_load(&s->is_stopping);
        bool is_refused = false;
        bool is_more = ship_some(s, &is_refused, &count);
        if (is_stopping && (!is_more || spool_now_ms() >= atomic_load(&s->stop_at_ms))) {
            return NULL;
        }
        if (is_refused) {
            wait_a_while(s, wait_ms);
            wait_ms = wait_ms * 2 < SHIP_RETRY_MAX_MS ? wait_ms * 2 : SHIP_RETRY_MAX_MS;
        } else {
            wait_ms = SHIP_RETRY_MIN_MS;
            if (!is_more) {
                segments_retire(s, false);
                wait_a_while(s, count < SHIP_LOADED_RECORDS ? SHIP_IDLE_MS : SHIP_LOADED_MS);
                count = 0;
            }
        }
    }
}

/* A stop must not wait for the end of a long pause. */
static void wait_a_while(struct spool *s, unsigned ms)
{
    bool was_stopping = atomic_load(&s->is_stopping);
    ms = was_stopping ? SHIP_RETRY_MIN_MS : ms;
    for (unsigned done = 0; done < ms; done += SHIP_IDLE_MS) {
        spool_pause_ms(SHIP_IDLE_MS);
        if (atomic_load(&s->is_stopping) != was_stopping) {
            return;
        }
    }
}

/* True while there may be more; *ret_is_refused when the receiver said later. */
static bool ship_some(struct spool *s, bool *ret_is_refused, size_t *ret_count)
{
    struct segment *g = choose(s);
    if (g == NULL) {
        atomic_store(&s->oldest_unshipped_s, 0);
        return false;
    }
    *ret_is_refused = !ship_from(s, g, ret_count);
    segments_unpin(s, &g, 1);
    return true;
}

/* False: the receiver said later. */
static bool ship_from(struct spool *s, struct segment *g, size_t *ret_count)
{
    struct str records[BATCH_RECORDS];
    size_t end;
    uint64_t damaged;
    size_t count = gather(g, records, &end, &damaged);
    struct spool_batch batch = {records, count};
    if (count != 0 && !s->ship(s->ship_context, &batch)) {
        if (atomic_load(&s->oldest_unshipped_s) == 0) {
            atomic_store(&s->oldest_unshipped_s, spool_unix_s());
        }
        return false;
    }
    atomic_store(&s->oldest_unshipped_s, 0);
    atomic_fetch_add(&s->shipped, count);
    *ret_count += count;
    atomic_fetch_add(&s->damaged, damaged);
    if (g->is_recovered) {
        atomic_fetch_sub(&s->recovered_left, count);
    }
    note_shipped(g, end);
    s->last_lane = segment_header_of(g)->lane;
    return true;
}

/* The first segment with something in it, of the lane that comes next after the last
 * one, pinned: once it is marked as shipped, a worker short of room may remove it. */
static struct segment *choose(struct spool *s)
{
    struct segment *best = NULL;
    uint32_t best_turn = 0;
    pthread_mutex_lock(&s->lock);
    for (struct segment *g = s->segments; g != NULL; g = g->next) {
        uint32_t turn = segment_header_of(g)->lane - s->last_lane - 1;
        if ((best == NULL || turn < best_turn) && has_more(g)) {
            best = g;
            best_turn = turn;
        }
    }
    if (best != NULL) {
        best->pins++;
    }
    pthread_mutex_unlock(&s->lock);
    return best;
}

static bool has_more(const struct segment *g)
{
    const struct segment_header *h = segment_header_of(g);
    size_t at = atomic_load(&h->shipped);
    struct str record;
    if (atomic_load(&h->sealed) != 0) {
        return atomic_load(&h->shipped_s) == 0;
    }
    return segment_next(g, &at, &record);
}

/* *ret_end: behind the last record taken; when none is left, the segment's end. */
static size_t gather(const struct segment *g, struct str *records, size_t *ret_end,
                     uint64_t *ret_damaged)
{
    const struct segment_header *h = segment_header_of(g);
    size_t count = 0, bytes = 0, at = atomic_load(&h->shipped);
    size_t sealed = atomic_load(&h->sealed);
    bool is_more = true;
    *ret_damaged = 0;
    while (is_more && count < BATCH_RECORDS && bytes < BATCH_BYTES) {
        is_more = sealed != 0 ? segment_next_whole(g, &at, sealed, &records[count], ret_damaged)
                              : segment_next(g, &at, &records[count]);
        if (is_more) {
            bytes += records[count++].len;
        }
    }
    *ret_damaged += sealed != 0 && !is_more && at < sealed ? 1 : 0;
    *ret_end = sealed != 0 && !is_more && at < sealed ? sealed : at;
    return count;
}

static void note_shipped(struct segment *g, size_t end)
{
    struct segment_header *h = segment_header_of(g);
    segment_set_shipped(g, end);
    size_t sealed = atomic_load(&h->sealed);
    if (sealed != 0 && end >= sealed) {
        atomic_store(&h->shipped_s, spool_unix_s());
        segment_forget_pages(g);
    }
}
