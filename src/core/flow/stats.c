/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters of one worker, and their sum as Prometheus text. One writer (the
 * worker's thread), any readers: relaxed atomics, no lock, no allocation per
 * request. Series are keyed by small numbers (endpoint, provider, model, status,
 * decision), so label values come from the catalogue and our own words only,
 * never from a request; what finds no room is counted under "other".
 */
#include "flow_private.h"

#include <stdatomic.h>
#include <stdlib.h>

#define SERIES_MAX 4096 /* power of two */
#define SERIES_USED_MAX 3072
#define MODEL_OTHER 0xffffu
#define PROVIDER_NONE 0xffu
#define ENDPOINT_MODELS LLM_ENDPOINTS_COUNT

/* Upper bounds in microseconds; the 15 ms line is the documented promise (S4-2). */
static const uint32_t eval_bounds_us[] = {5,   10,   25,   50,   100,   250,  500,
                                          1000, 2500, 5000, 10000, 15000, 25000, 50000};
static const uint32_t long_bounds_ms[] = {1,    5,    10,   25,    50,    100,   250,
                                          500, 1000, 2500, 5000, 10000, 30000, 60000};
#define EVAL_BOUNDS (sizeof(eval_bounds_us) / sizeof(eval_bounds_us[0]))
#define LONG_BOUNDS (sizeof(long_bounds_ms) / sizeof(long_bounds_ms[0]))

static const char *const decisions[] = {"allow", "warn", "block", "error", "none"};
#define DECISIONS (sizeof(decisions) / sizeof(decisions[0]))

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
    _Atomic uint64_t input_tokens, output_tokens, cost_pico_usd, unpriced;
    struct histogram eval, upstream, first_byte;
};

struct labels {
    unsigned endpoint, provider, model, status, decision;
};

static uint64_t pack(const struct labels *l);
static void unpack(uint64_t key, struct labels *ret);
static struct series *find_series(struct flow_stats *s, uint64_t key);
static const struct series *peek_series(const struct flow_stats *s, uint64_t key);
static size_t series_home(uint64_t key);
static void add(_Atomic uint64_t *counter, uint64_t by);
static void observe(struct histogram *h, const uint32_t *bounds, size_t count, uint64_t value);
static void count_request(struct flow_exchange *x, struct flow_stats *s, const char *decision);
static void count_violations(struct flow_exchange *x, struct flow_stats *s);
static void write_requests(struct buf *out, struct flow_stats *const *list, size_t count,
                           const struct route_catalog *catalog);
static void write_effects(struct buf *out, struct flow_stats *const *list, size_t count);
static void write_totals(struct buf *out, struct flow_stats *const *list, size_t count);
static void write_histograms(struct buf *out, struct flow_stats *const *list, size_t count);

struct flow_stats *flow_stats_new(void)
{
    return calloc(1, sizeof(struct flow_stats));
}

void flow_stats_free(struct flow_stats *s)
{
    free(s);
}

/* Called once per exchange at its end (account), or when refused without a record. */
void flow_stats_count(struct flow_exchange *x, const char *decision)
{
    struct flow_stats *s = x->p->env->stats;
    if (s == NULL) {
        return;
    }
    count_request(x, s, decision != NULL ? decision : "none");
    count_violations(x, s);
}

/* Called with the outcome: what only the end knows. */
void flow_stats_end(struct flow_exchange *x, const struct audit_outcome *o)
{
    struct flow_stats *s = x->p->env->stats;
    if (s == NULL) {
        return;
    }
    if (o->has_usage) {
        add(&s->input_tokens, o->input_tokens);
        add(&s->output_tokens, o->output_tokens);
        if (o->cost_pico_usd >= 0) {
            add(&s->cost_pico_usd, (uint64_t)o->cost_pico_usd);
        } else {
            add(&s->unpriced, 1);
        }
    }
    if (x->p->called_us != 0) {
        observe(&s->upstream, long_bounds_ms, LONG_BOUNDS, o->upstream_ms);
    }
    if (x->p->first_byte_us != 0) {
        observe(&s->first_byte, long_bounds_ms, LONG_BOUNDS, o->first_byte_ms);
    }
}

static void count_request(struct flow_exchange *x, struct flow_stats *s, const char *decision)
{
    struct flow_private *p = x->p;
    struct labels l = {
        .endpoint = p->kind == FLOW_KIND_CALL ? (unsigned)p->endpoint : ENDPOINT_MODELS,
        .provider = p->choice.provider != NULL ? p->choice.provider->index : PROVIDER_NONE,
        .model = p->choice.model != NULL ? p->choice.model->index : MODEL_OTHER,
        .status = p->status_sent,
    };
    while (l.decision < DECISIONS - 1 && strcmp(decisions[l.decision], decision) != 0) {
        l.decision++;
    }
    struct series *series = find_series(s, pack(&l));
    if (series == NULL) {
        l.model = MODEL_OTHER;
        l.provider = PROVIDER_NONE;
        series = find_series(s, pack(&l));
    }
    if (series != NULL) {
        add(&series->count, 1);
    }
    if (p->is_decided) {
        observe(&s->eval, eval_bounds_us, EVAL_BOUNDS, p->eval_us);
    }
}

static void count_violations(struct flow_exchange *x, struct flow_stats *s)
{
    const struct flow_private *p = x->p;
    size_t count = p->is_decided ? p->verdict.violations_count : 0;
    for (size_t i = 0; i < count; i++) {
        const struct policy_violation *v = &p->verdict.violations[i];
        if (v->rule != NULL) {
            add(&s->effects[v->rule->type][v->effect], 1);
        }
    }
}

static uint64_t pack(const struct labels *l)
{
    return 1 + ((uint64_t)l->endpoint | (uint64_t)l->provider << 8 | (uint64_t)l->model << 16 |
                (uint64_t)l->status << 32 | (uint64_t)l->decision << 48);
}

static void unpack(uint64_t key, struct labels *ret)
{
    key--;
    *ret = (struct labels){.endpoint = key & 0xff,
                           .provider = key >> 8 & 0xff,
                           .model = key >> 16 & 0xffff,
                           .status = key >> 32 & 0xffff,
                           .decision = key >> 48 & 0xff};
}

static struct series *find_series(struct flow_stats *s, uint64_t key)
{
    size_t at = series_home(key);
    while (atomic_load_explicit(&s->series[at].key, memory_order_relaxed) != 0) {
        if (atomic_load_explicit(&s->series[at].key, memory_order_relaxed) == key) {
            return &s->series[at];
        }
        at = (at + 1) & (SERIES_MAX - 1);
    }
    if (s->used >= SERIES_USED_MAX) {
        return NULL;
    }
    s->used++;
    atomic_store_explicit(&s->series[at].key, key, memory_order_release);
    return &s->series[at];
}

static const struct series *peek_series(const struct flow_stats *s, uint64_t key)
{
    size_t at = series_home(key);
    uint64_t have;
    while ((have = atomic_load_explicit(&s->series[at].key, memory_order_acquire)) != 0) {
        if (have == key) {
            return &s->series[at];
        }
        at = (at + 1) & (SERIES_MAX - 1);
    }
    return NULL;
}

static size_t series_home(uint64_t key)
{
    return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 40) & (SERIES_MAX - 1);
}

/* One writer, so load and store suffice: no locked instruction on the path. */
static void add(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

static void observe(struct histogram *h, const uint32_t *bounds, size_t count, uint64_t value)
{
    size_t i = 0;
    while (i < count && value > bounds[i]) {
        i++;
    }
    add(&h->buckets[i], 1);
    add(&h->sum, value);
    add(&h->count, 1);
}

void flow_stats_write(struct buf *out, struct flow_stats *const *list, size_t count,
                      const struct route_catalog *catalog)
{
    write_requests(out, list, count, catalog);
    write_effects(out, list, count);
    write_totals(out, list, count);
    write_histograms(out, list, count);
}

/* The same labels may stand in several workers' tables: the first that holds
 * them prints the sum of all. */
static void write_requests(struct buf *out, struct flow_stats *const *list, size_t count,
                           const struct route_catalog *catalog)
{
    buf_add(out, STR("# HELP portcullis_requests_total Requests answered on the data plane.\n"
                     "# TYPE portcullis_requests_total counter\n"));
    for (size_t w = 0; w < count; w++) {
        for (size_t i = 0; i < SERIES_MAX; i++) {
            uint64_t key = atomic_load_explicit(&list[w]->series[i].key, memory_order_acquire);
            uint64_t sum = 0;
            bool is_first = key != 0;
            for (size_t v = 0; v < count && key != 0; v++) {
                const struct series *same = peek_series(list[v], key);
                if (same != NULL) {
                    is_first = is_first && v >= w;
                    sum += atomic_load_explicit(&same->count, memory_order_relaxed);
                }
            }
            if (!is_first) {
                continue;
            }
            struct labels l;
            unpack(key, &l);
            struct str provider = l.provider == PROVIDER_NONE
                                      ? STR("none")
                                      : route_catalog_provider(catalog, l.provider)->slug;
            struct str model = l.model == MODEL_OTHER ? STR("other")
                                                      : route_catalog_model(catalog, l.model)->id;
            buf_printf(out,
                       "portcullis_requests_total{endpoint=\"%s\",provider=\"%.*s\",model=\"%.*s\","
                       "code=\"%u\",decision=\"%s\"} %llu\n",
                       l.endpoint == ENDPOINT_MODELS
                           ? "models"
                           : llm_endpoint_name((enum llm_endpoint)l.endpoint),
                       STR_ARG(provider), STR_ARG(model), l.status, decisions[l.decision],
                       (unsigned long long)sum);
        }
    }
}

static void write_effects(struct buf *out, struct flow_stats *const *list, size_t count)
{
    buf_add(out, STR("# HELP portcullis_policy_decisions_total Rule violations by effect.\n"
                     "# TYPE portcullis_policy_decisions_total counter\n"));
    for (unsigned t = 0; t < POLICY_RULE_TYPES_COUNT; t++) {
        for (unsigned e = 0; e <= POLICY_BLOCK; e++) {
            uint64_t sum = 0;
            for (size_t w = 0; w < count; w++) {
                sum += atomic_load_explicit(&list[w]->effects[t][e], memory_order_relaxed);
            }
            if (sum != 0) {
                buf_printf(out,
                           "portcullis_policy_decisions_total{rule_type=\"%s\",effect=\"%s\","
                           "mode=\"enforce\"} %llu\n",
                           policy_rule_type_name((enum policy_rule_type)t),
                           policy_effect_name((enum policy_effect)e), (unsigned long long)sum);
            }
        }
    }
}

static void write_totals(struct buf *out, struct flow_stats *const *list, size_t count)
{
    uint64_t input = 0, output = 0, cost = 0, unpriced = 0;
    for (size_t w = 0; w < count; w++) {
        input += atomic_load_explicit(&list[w]->input_tokens, memory_order_relaxed);
        output += atomic_load_explicit(&list[w]->output_tokens, memory_order_relaxed);
        cost += atomic_load_explicit(&list[w]->cost_pico_usd, memory_order_relaxed);
        unpriced += atomic_load_explicit(&list[w]->unpriced, memory_order_relaxed);
    }
    buf_printf(out,
               "# HELP portcullis_tokens_total Tokens as the providers reported them.\n"
               "# TYPE portcullis_tokens_total counter\n"
               "portcullis_tokens_total{direction=\"input\"} %llu\n"
               "portcullis_tokens_total{direction=\"output\"} %llu\n",
               (unsigned long long)input, (unsigned long long)output);
    buf_printf(out,
               "# HELP portcullis_cost_usd_total Cost of priced requests in US dollars.\n"
               "# TYPE portcullis_cost_usd_total counter\n"
               "portcullis_cost_usd_total %llu.%012llu\n",
               (unsigned long long)(cost / 1000000000000u),
               (unsigned long long)(cost % 1000000000000u));
    buf_printf(out,
               "# HELP portcullis_unpriced_requests_total Requests whose price is not known.\n"
               "# TYPE portcullis_unpriced_requests_total counter\n"
               "portcullis_unpriced_requests_total %llu\n",
               (unsigned long long)unpriced);
}

static void write_histograms(struct buf *out, struct flow_stats *const *list, size_t count)
{
    static const struct {
        const char *name, *help;
        size_t offset, bounds_count;
        const uint32_t *bounds;
        double unit;
    } all[] = {
        {"portcullis_policy_evaluation_seconds", "Parse, policy evaluation and routing.",
         offsetof(struct flow_stats, eval), EVAL_BOUNDS, eval_bounds_us, 1e-6},
        {"portcullis_upstream_duration_seconds", "From the call to the end of the answer.",
         offsetof(struct flow_stats, upstream), LONG_BOUNDS, long_bounds_ms, 1e-3},
        {"portcullis_time_to_first_token_seconds", "From the call to the answer's head.",
         offsetof(struct flow_stats, first_byte), LONG_BOUNDS, long_bounds_ms, 1e-3},
    };
    for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
        uint64_t running = 0, sum = 0, total = 0;
        buf_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", all[k].name, all[k].help,
                   all[k].name);
        for (size_t i = 0; i <= all[k].bounds_count; i++) {
            for (size_t w = 0; w < count; w++) {
                const struct histogram *h =
                    (const void *)((const char *)list[w] + all[k].offset);
                running += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
                if (i == 0) {
                    sum += atomic_load_explicit(&h->sum, memory_order_relaxed);
                    total += atomic_load_explicit(&h->count, memory_order_relaxed);
                }
            }
            if (i < all[k].bounds_count) {
                buf_printf(out, "%s_bucket{le=\"%g\"} %llu\n", all[k].name,
                           all[k].bounds[i] * all[k].unit, (unsigned long long)running);
            }
        }
        buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %g\n%s_count %llu\n", all[k].name,
                   (unsigned long long)running, all[k].name, (double)sum * all[k].unit,
                   all[k].name, (unsigned long long)total);
    }
}
