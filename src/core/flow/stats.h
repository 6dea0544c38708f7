/* SPDX-License-Identifier: Apache-2.0
 *
 * The counters of one worker, for the files that count and write them. One writer (the
 * worker's thread), any readers: relaxed atomics. Only files of this room include it.
 */
#ifndef PORTCULLIS_FLOW_STATS_H
#define PORTCULLIS_FLOW_STATS_H

#include "flow_private.h"

#include <stdatomic.h>

#define SERIES_MAX 4096  /* power of two */
#define STATS_STAGES 2   /* of content rules: request, response */
#define ENTITY_CUSTOM SCAN_DETECTORS_MAX /* an organisation's own types are counted as one */

struct series {
    _Atomic uint64_t key; /* 0 = free; else packed labels + 1 */
    _Atomic uint64_t count;
};

struct histogram {
    _Atomic uint64_t buckets[16];
    _Atomic uint64_t sum;
    _Atomic uint64_t count;
};

struct flow_stats {
    struct series series[SERIES_MAX];
    size_t used;
    _Atomic uint64_t effects[POLICY_RULE_TYPES_COUNT][POLICY_BLOCK + 1];
    _Atomic uint64_t entities[ENTITY_CUSTOM + 1][STATS_STAGES]; /* by a type's first detector */
    _Atomic uint64_t scanned_bytes[STATS_STAGES], edits[STATS_STAGES];
    _Atomic uint64_t input_tokens, output_tokens, cost_pico_usd, unpriced;
    /* By the order in which they were asked first; the names live as long as the process. */
    struct {
        _Atomic(const char *) name;
        _Atomic uint64_t results[RECOGNISE_RESULTS];
    } recognisers[RECOGNISE_SERVICES_MAX];
    struct histogram eval, content_us[STATS_STAGES], upstream, first_byte, recogniser;
};

/* One writer, so load and store suffice: no locked instruction on the path. */
static inline void stats_add(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
                          memory_order_relaxed);
}
static inline uint64_t stats_read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* stats_content.c */
void stats_content_count(struct flow_exchange *x, struct flow_stats *s);
void stats_recogniser_count(struct flow_stats *s, const char *name, enum recognise_result result);
void stats_content_write(struct buf *out, struct flow_stats *const *list, size_t count);

#endif
