/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters of content rules: what was found by type, how much was read, how much was
 * replaced, at either stage. The types are those of the scanner's table, so the series
 * are bounded; what an organisation defined itself is counted as "custom".
 */
#include "stats.h"

static void count_stage(struct flow_exchange *x, struct flow_stats *s, enum content_stage stage);
static size_t entity_of(const char *type);
static void write_by_stage(struct buf *out, const char *name, const char *help,
                           const uint64_t *values);

static void write_recognisers(struct buf *out, struct flow_stats *const *list, size_t count);
static const char *recogniser_at(struct flow_stats *const *list, size_t at);

static const char *const stages[STATS_STAGES] = {"request", "response"};

void stats_content_count(struct flow_exchange *x, struct flow_stats *s)
{
    if (x->p->check != NULL) {
        count_stage(x, s, CONTENT_REQUEST);
        count_stage(x, s, CONTENT_RESPONSE);
    }
}

static void count_stage(struct flow_exchange *x, struct flow_stats *s, enum content_stage stage)
{
    const struct flow_private *p = x->p;
    size_t at = stage == CONTENT_REQUEST ? 0 : 1, dropped;
    const char *const *types;
    const uint64_t *counts;
    const struct content_hit *hits;
    size_t count = content_entities(p->check, stage, &types, &counts);
    for (size_t i = 0; i < count; i++) {
        stats_add(&s->entities[entity_of(types[i])][at], counts[i]);
    }
    count = content_hits(p->check, stage, &hits, &dropped);
    for (size_t i = 0; i < count; i++) {
        struct policy_violation v = policy_violation_of_hit(p->facts.org, &hits[i]);
        stats_add(&s->effects[v.rule->type][v.effect], 1);
    }
    stats_add(&s->scanned_bytes[at], p->content_bytes[at]);
    stats_add(&s->edits[at], flow_edits_count(x, stage));
}

/* Only for what was found, so a walk through the table will do. */
static size_t entity_of(const char *type)
{
    for (size_t i = 0; i < scan_detectors_count(); i++) {
        if (strcmp(scan_detector_info(i).type, type) == 0) {
            return i;
        }
    }
    return ENTITY_CUSTOM;
}

void stats_content_write(struct buf *out, struct flow_stats *const *list, size_t count)
{
    uint64_t bytes[STATS_STAGES] = {0}, edits[STATS_STAGES] = {0};
    buf_add(out, STR("# HELP portcullis_pii_detections_total Places found by content rules; an "
                     "organisation's own types and those of recognisers are custom.\n"
                     "# TYPE portcullis_pii_detections_total counter\n"));
    for (size_t at = 0; at < STATS_STAGES; at++) {
        for (size_t i = 0; i <= ENTITY_CUSTOM; i++) {
            uint64_t sum = 0;
            for (size_t w = 0; w < count; w++) {
                sum += stats_read(&list[w]->entities[i][at]);
            }
            if (sum != 0) {
                buf_printf(out,
                           "portcullis_pii_detections_total{entity=\"%s\",stage=\"%s\"} %llu\n",
                           i == ENTITY_CUSTOM ? "custom" : scan_detector_info(i).type, stages[at],
                           (unsigned long long)sum);
            }
        }
        for (size_t w = 0; w < count; w++) {
            bytes[at] += stats_read(&list[w]->scanned_bytes[at]);
            edits[at] += stats_read(&list[w]->edits[at]);
        }
    }
    write_by_stage(out, "portcullis_content_scanned_bytes_total",
                   "Text that content rules read.", bytes);
    write_by_stage(out, "portcullis_content_edits_total", "Places that content rules replaced.",
                   edits);
    write_recognisers(out, list, count);
}

void stats_recogniser_count(struct flow_stats *s, const char *name, enum recognise_result result)
{
    for (size_t i = 0; i < RECOGNISE_SERVICES_MAX; i++) {
        const char *known = atomic_load_explicit(&s->recognisers[i].name, memory_order_relaxed);
        if (known == NULL) {
            atomic_store_explicit(&s->recognisers[i].name, name, memory_order_release);
        }
        if (known == NULL || strcmp(known, name) == 0) {
            stats_add(&s->recognisers[i].results[result], 1);
            return;
        }
    }
}

/* Each worker has asked them in an order of its own: the first that knows a name prints it. */
static void write_recognisers(struct buf *out, struct flow_stats *const *list, size_t count)
{
    buf_add(out, STR("# HELP portcullis_recogniser_calls_total Questions to recognisers.\n"
                     "# TYPE portcullis_recogniser_calls_total counter\n"));
    for (size_t at = 0; at < count * RECOGNISE_SERVICES_MAX; at++) {
        const char *name = recogniser_at(list, at);
        uint64_t sums[RECOGNISE_RESULTS] = {0};
        bool is_first = name != NULL;
        for (size_t k = 0; is_first && k < count * RECOGNISE_SERVICES_MAX; k++) {
            const char *same = recogniser_at(list, k);
            if (same == NULL || strcmp(same, name) != 0) {
                continue;
            }
            is_first = k >= at;
            for (unsigned r = 0; r < RECOGNISE_RESULTS; r++) {
                sums[r] += stats_read(&list[k / RECOGNISE_SERVICES_MAX]
                                           ->recognisers[k % RECOGNISE_SERVICES_MAX]
                                           .results[r]);
            }
        }
        for (unsigned r = 0; is_first && r < RECOGNISE_RESULTS; r++) {
            if (sums[r] != 0) {
                buf_printf(out,
                           "portcullis_recogniser_calls_total{recogniser=\"%s\",result=\"%s\"} "
                           "%llu\n",
                           name, recognise_result_name((enum recognise_result)r),
                           (unsigned long long)sums[r]);
            }
        }
    }
}

static const char *recogniser_at(struct flow_stats *const *list, size_t at)
{
    return atomic_load_explicit(&list[at / RECOGNISE_SERVICES_MAX]
                                     ->recognisers[at % RECOGNISE_SERVICES_MAX]
                                     .name,
                                memory_order_acquire);
}

static void write_by_stage(struct buf *out, const char *name, const char *help,
                           const uint64_t *values)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n", name, help, name);
    for (size_t at = 0; at < STATS_STAGES; at++) {
        buf_printf(out, "%s{stage=\"%s\"} %llu\n", name, stages[at],
                   (unsigned long long)values[at]);
    }
}
