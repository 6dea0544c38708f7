/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters of one worker, and their sum as Prometheus text. One writer (the
 * worker's thread), any readers: relaxed atomics, no lock, no allocation per
 * request. Series are keyed by small numbers (endpoint, provider, model, status,
 * decision), so label values come from the catalogue and our own words only,
 * never from a request; what finds no room is counted under "other".
 */
#include "stats.h"

#include <stdio.h>
#include <stdlib.h>

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

static const char *const decisions[] = {"allow", "warn", "modify", "block", "error", "none"};
#define DECISIONS (sizeof(decisions) / sizeof(decisions[0]))

struct labels {
    unsigned endpoint, provider, model, status, decision;
};

static uint64_t pack(const struct labels *l);
static void unpack(uint64_t key, struct labels *ret);
static struct series *find_series(struct flow_stats *s, uint64_t key);
static const struct series *peek_series(const struct flow_stats *s, uint64_t key);
static size_t series_home(uint64_t key);
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
    stats_content_count(x, s);
    const struct flow_private *p = x->p;
    for (size_t i = 0; i < STATS_STAGES; i++) {
        if (p->content_bytes[i] != 0) {
            observe(&s->content_us[i], eval_bounds_us, EVAL_BOUNDS, p->content_us[i]);
        }
    }
}

void flow_stats_asked(struct flow_exchange *x, const char *name, enum recognise_result result,
                      uint64_t us)
{
    struct flow_stats *s = x->p->env->stats;
    if (s == NULL) {
        return;
    }
    stats_recogniser_count(s, name, result);
    if (result != RECOGNISE_TOO_MUCH) {
        observe(&s->recogniser, long_bounds_ms, LONG_BOUNDS, us / 1000);
    }
}

/* Called with the outcome: what only the end knows. */
void flow_stats_end(struct flow_exchange *x, const struct audit_outcome *o)
{
    struct flow_stats *s = x->p->env->stats;
    if (s == NULL) {
        return;
    }
    if (o->has_usage) {
        stats_add(&s->input_tokens, o->input_tokens);
        stats_add(&s->output_tokens, o->output_tokens);
        if (o->cost_pico_usd >= 0) {
            stats_add(&s->cost_pico_usd, (uint64_t)o->cost_pico_usd);
        } else {
            stats_add(&s->unpriced, 1);
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
        stats_add(&series->count, 1);
    }
    if (p->is_decided) {
        observe(&s->eval, eval_bounds_us, EVAL_BOUNDS, p->eval_us - p->content_us[0]);
    }
}

static void count_violations(struct flow_exchange *x, struct flow_stats *s)
{
    const struct flow_private *p = x->p;
    size_t count = p->is_decided ? p->verdict.violations_count : 0;
    for (size_t i = 0; i < count; i++) {
        const struct policy_violation *v = &p->verdict.violations[i];
        if (v->rule != NULL) {
            stats_add(&s->effects[v->rule->type][v->effect], 1);
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
    while (stats_read(&s->series[at].key) != 0) {
        if (stats_read(&s->series[at].key) == key) {
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

static void observe(struct histogram *h, const uint32_t *bounds, size_t count, uint64_t value)
{
    size_t i = 0;
    while (i < count && value > bounds[i]) {
        i++;
    }
    stats_add(&h->buckets[i], 1);
    stats_add(&h->sum, value);
    stats_add(&h->count, 1);
}

void flow_stats_write(struct buf *out, struct flow_stats *const *list, size_t count,
                      const struct route_catalog *catalog)
{
    write_requests(out, list, count, catalog);
    write_effects(out, list, count);
    stats_content_write(out, list, count);
    write_totals(out, list, count);
    write_histograms(out, list, count);
}

/* The same labels may stand in several workers' tables: the first that holds
 * them prints the sum of all. */
static void write_requests(struct buf *out, struct flow_stats *const *list, size_t count,
                           const struct route_catalog *catalog)
{
    buf_add(out, STR("# HELP portcullis_requests_total Requests for models, as they were answered: "
                     "code is the HTTP status, also a provider's that was passed on; decision is "
                     "error where the gateway itself could not go on.\n"
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
                    sum += stats_read(&same->count);
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
    buf_add(out, STR("# HELP portcullis_policy_decisions_total Violations of rules.\n"
                     "# TYPE portcullis_policy_decisions_total counter\n"));
    for (unsigned t = 0; t < POLICY_RULE_TYPES_COUNT; t++) {
        for (unsigned e = 0; e <= POLICY_BLOCK; e++) {
            uint64_t sum = 0;
            for (size_t w = 0; w < count; w++) {
                sum += stats_read(&list[w]->effects[t][e]);
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
        input += stats_read(&list[w]->input_tokens);
        output += stats_read(&list[w]->output_tokens);
        cost += stats_read(&list[w]->cost_pico_usd);
        unpriced += stats_read(&list[w]->unpriced);
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
        const char *name, *help, *stage; /* stage NULL: no such label */
        size_t offset, bounds_count;
        const uint32_t *bounds;
        double unit;
    } all[] = {
        {"portcullis_policy_evaluation_seconds",
         "Stage select: parsing, policies, routing; request and response: content rules, where "
         "there was text to read.", "select",
         offsetof(struct flow_stats, eval), EVAL_BOUNDS, eval_bounds_us, 1e-6},
        {"portcullis_policy_evaluation_seconds", NULL, "request",
         offsetof(struct flow_stats, content_us[0]), EVAL_BOUNDS, eval_bounds_us, 1e-6},
        {"portcullis_policy_evaluation_seconds", NULL, "response",
         offsetof(struct flow_stats, content_us[1]), EVAL_BOUNDS, eval_bounds_us, 1e-6},
        {"portcullis_upstream_duration_seconds",
         "From the call of a provider to the end of its answer.", NULL,
         offsetof(struct flow_stats, upstream), LONG_BOUNDS, long_bounds_ms, 1e-3},
        {"portcullis_time_to_first_token_seconds",
         "From the call of a provider to the head of its answer.", NULL,
         offsetof(struct flow_stats, first_byte), LONG_BOUNDS, long_bounds_ms, 1e-3},
        {"portcullis_recogniser_duration_seconds",
         "From the question to a recogniser to the end of its answer.", NULL,
         offsetof(struct flow_stats, recogniser), LONG_BOUNDS, long_bounds_ms, 1e-3},
    };
    for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
        uint64_t running = 0, sum = 0, total = 0;
        char stage[32] = "";
        if (all[k].help != NULL) {
            buf_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", all[k].name, all[k].help,
                       all[k].name);
        }
        if (all[k].stage != NULL) {
            snprintf(stage, sizeof(stage), "stage=\"%s\",", all[k].stage);
        }
        for (size_t i = 0; i <= all[k].bounds_count; i++) {
            for (size_t w = 0; w < count; w++) {
                const struct histogram *h =
                    (const void *)((const char *)list[w] + all[k].offset);
                running += stats_read(&h->buckets[i]);
                if (i == 0) {
                    sum += stats_read(&h->sum);
                    total += stats_read(&h->count);
                }
            }
            if (i < all[k].bounds_count) {
                buf_printf(out, "%s_bucket{%sle=\"%g\"} %llu\n", all[k].name, stage,
                           all[k].bounds[i] * all[k].unit, (unsigned long long)running);
            }
        }
        buf_printf(out, "%s_bucket{%sle=\"+Inf\"} %llu\n", all[k].name, stage,
                   (unsigned long long)running);
        const char *open = stage[0] != '\0' ? "{" : "", *close = stage[0] != '\0' ? "}" : "";
        int len = stage[0] != '\0' ? (int)strlen(stage) - 1 : 0; /* without the comma */
        buf_printf(out, "%s_sum%s%.*s%s %g\n%s_count%s%.*s%s %llu\n", all[k].name, open, len, stage,
                   close, (double)sum * all[k].unit, all[k].name, open, len, stage, close,
                   (unsigned long long)total);
    }
}
