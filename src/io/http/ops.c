/* SPDX-License-Identifier: Apache-2.0
 *
 * /healthz, /readyz and /metrics. healthz says the process answers and nothing
 * else, so that a database outage restarts no pod; readyz says whether requests
 * should come here and lists every check; metrics is Prometheus text. Runs on a
 * worker's thread; reads figures only.
 */
#include "http_private.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void);
static void write_snapshot(struct buf *b, const struct http *h, const struct policy_snapshot *s);
static void write_workers(struct buf *b, const struct http *h);
static void write_spool(struct buf *b, const struct http *h);
static void write_control(struct buf *b, const struct http *h);
static void write_certificate(struct buf *b, const struct http *h);
static void write_compile(struct buf *b, const struct http *h);
static void write_lag(struct buf *b, const struct http *h);
static void write_process(struct buf *b);
static void gauge(struct buf *b, const char *name, const char *help, uint64_t value);
static void counter(struct buf *b, const char *name, const char *help, uint64_t value);

void http_ops_health(struct http_reply *r)
{
    r->status = 200;
    buf_add(&r->body, STR("{\"status\":\"ok\"}\n"));
}

void http_ops_ready(const struct http *h, struct http_reply *r)
{
    const struct http_health *health = h->options.health;
    struct spool_stats spool = {0};
    if (h->options.spool != NULL) {
        spool_stats_read(h->options.spool, &spool);
    }
    int64_t age_ms = now_ms() - atomic_load(&health->fresh_ms);
    bool is_loaded = atomic_load(&health->is_loaded);
    bool is_up = atomic_load(&health->is_database_up);
    bool is_fresh = h->options.max_stale_ms == 0 || age_ms <= h->options.max_stale_ms;
    bool is_draining = worker_group_is_draining(h->options.group);
    const struct {
        bool is_so;
        const char *words;
    } reasons[] = {
        {!is_loaded, "no policies are loaded"},
        {is_loaded && !is_fresh, "the policies are older than policy.max_stale_s"},
        {spool.is_failing, "the disk of the audit spool fails"},
        {spool.is_full && !spool.is_failing, "the audit spool is full: the database does not take "
                                             "records, or audit.spool_mib is small"},
        {is_draining, "the gateway is draining"},
    };
    struct buf list;
    buf_init(&list, 1024);
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].is_so) {
            buf_printf(&list, "%s\"%s\"", list.len == 0 ? "" : ",", reasons[i].words);
        }
    }
    r->status = list.len == 0 ? 200 : 503;
    buf_printf(
        &r->body,
        "{\"status\":\"%s\",\"reasons\":[%.*s],\"checks\":{\"snapshot\":\"%s\",\"database\":\"%s\","
        "\"staleness_ms\":%lld,\"stale\":%s,\"audit_spool\":\"%s\",\"draining\":%s,"
        "\"degraded\":%s,\"epoch\":%llu}}\n",
        r->status == 200 ? "ready" : "not ready", STR_ARG(buf_str(&list)),
        is_loaded ? "loaded" : "missing", is_up ? "up" : "down",
        (long long)(age_ms > 0 ? age_ms : 0), is_fresh ? "false" : "true",
        spool.is_failing ? "failing"
        : spool.is_full  ? "full"
                         : "ok",
        is_draining ? "true" : "false", atomic_load(&health->is_degraded) ? "true" : "false",
        (unsigned long long)worker_group_epoch_min(h->options.group));
    buf_fini(&list);
}

void http_ops_metrics(const struct http *h, const struct policy_snapshot *s, struct http_reply *r)
{
    r->status = 200;
    r->content_type = STR("text/plain; version=0.0.4; charset=utf-8");
    flow_stats_write(&r->body, worker_group_flow_stats(h->options.group),
                     worker_group_count(h->options.group), policy_snapshot_catalog(s));
    write_snapshot(&r->body, h, s);
    write_workers(&r->body, h);
    write_spool(&r->body, h);
    write_control(&r->body, h);
    write_certificate(&r->body, h);
    write_compile(&r->body, h);
    write_process(&r->body);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void write_snapshot(struct buf *b, const struct http *h, const struct policy_snapshot *s)
{
    uint64_t rules = 0, bytes = 0;
    for (size_t i = 0; i < policy_snapshot_orgs_count(s); i++) {
        rules += policy_org_rules_count(policy_snapshot_org_at(s, i));
        bytes += policy_org_bytes(policy_snapshot_org_at(s, i));
    }
    int64_t age_ms = now_ms() - atomic_load(&h->options.health->fresh_ms);
    gauge(b, "portcullis_policy_snapshot_version",
          "Epoch that is enforced; equal on all gateways but for moments.",
          policy_snapshot_epoch(s));
    gauge(b, "portcullis_policy_snapshot_age_seconds",
          "Time since the policies were last known to be current.",
          age_ms > 0 ? (uint64_t)age_ms / 1000 : 0);
    gauge(b, "portcullis_policy_snapshot_orgs", "Organisations whose policies are in force.",
          policy_snapshot_orgs_count(s));
    gauge(b, "portcullis_policy_snapshot_rules", "Rules in force.", rules);
    gauge(b, "portcullis_policy_snapshot_bytes", "Memory of the policies in force.", bytes);
}

static void write_workers(struct buf *b, const struct http *h)
{
    struct worker_stats w;
    worker_group_stats(h->options.group, &w);
    gauge(b, "portcullis_workers", "Event loops.", w.workers);
    gauge(b, "portcullis_client_connections", "Open client connections.", w.clients);
    gauge(b, "portcullis_requests_active", "Requests begun and not ended.", w.requests_active);
    gauge(b, "portcullis_requests_waiting_for_sync",
          "Requests waiting for the disk to hold their record.", w.requests_waiting);
    gauge(b, "portcullis_upstream_connections", "Open provider connections.", w.upstreams);
    gauge(b, "portcullis_upstream_connections_idle", "Provider connections kept for the next call.",
          w.upstreams_idle);
    counter(b, "portcullis_client_connections_accepted_total", "Client connections accepted.",
            w.clients_accepted);
    counter(b, "portcullis_client_connections_refused_total",
            "Client connections refused at a limit.", w.clients_refused);
    counter(b, "portcullis_clients_gone_total", "Clients that went away inside a request.",
            w.clients_gone);
    counter(b, "portcullis_requests_begun_total", "Requests whose first byte arrived.",
            w.requests_begun);
    counter(b, "portcullis_requests_timed_out_total",
            "Requests ended by the deadline for head, body or reading the answer.",
            w.requests_timed_out);
    counter(b, "portcullis_upstream_connections_opened_total", "Provider connections opened.",
            w.upstreams_opened);
    counter(b, "portcullis_upstream_connections_reused_total", "Calls over a kept connection.",
            w.upstreams_reused);
    counter(b, "portcullis_upstream_retries_total",
            "Calls made again because the kept connection was dead.", w.upstreams_retried);
    counter(b, "portcullis_upstream_failures_total",
            "Calls that failed: connecting, TLS, deadlines, protocol.", w.upstreams_failed);
    counter(b, "portcullis_loop_turns_total",
            "Slices of long work that were put off to the next turn of a loop.", w.turns);
    counter(b, "portcullis_dns_lookups_total", "Lookups of names.", w.dns_lookups);
    counter(b, "portcullis_dns_failures_total", "Lookups of names that failed.", w.dns_failures);
    buf_printf(b,
               "# HELP portcullis_loop_lag_max_seconds Longest time that an event waited for its "
               "loop since the start.\n"
               "# TYPE portcullis_loop_lag_max_seconds gauge\nportcullis_loop_lag_max_seconds %g\n",
               (double)w.loop_lag_max_us / 1e6);
    write_lag(b, h);
}

static void write_lag(struct buf *b, const struct http *h)
{
    buf_add(b, STR("# HELP portcullis_loop_lag_seconds How long events waited for their loop.\n"
                   "# TYPE portcullis_loop_lag_seconds histogram\n"));
    for (unsigned w = 0; w < worker_group_count(h->options.group); w++) {
        const struct net_lag *lag = worker_group_lag(h->options.group, w);
        uint64_t running = 0;
        for (size_t i = 0; i <= NET_LAG_BOUNDS; i++) {
            running += atomic_load_explicit(&lag->buckets[i], memory_order_relaxed);
            if (i < NET_LAG_BOUNDS) {
                buf_printf(b, "portcullis_loop_lag_seconds_bucket{worker=\"%u\",le=\"%g\"} %llu\n",
                           w, net_lag_bounds_us[i] / 1e6, (unsigned long long)running);
            }
        }
        uint64_t sum_us = atomic_load_explicit(&lag->sum_us, memory_order_relaxed);
        buf_printf(b,
                   "portcullis_loop_lag_seconds_bucket{worker=\"%u\",le=\"+Inf\"} %llu\n"
                   "portcullis_loop_lag_seconds_sum{worker=\"%u\"} %g\n"
                   "portcullis_loop_lag_seconds_count{worker=\"%u\"} %llu\n",
                   w, (unsigned long long)running, w, (double)sum_us / 1e6, w,
                   (unsigned long long)running);
    }
}

static void write_spool(struct buf *b, const struct http *h)
{
    const struct http_health *health = h->options.health;
    struct spool_stats s = {0};
    if (h->options.spool != NULL) {
        spool_stats_read(h->options.spool, &s);
    }
    counter(b, "portcullis_audit_appended_total", "Records appended to the spool.", s.appended);
    counter(b, "portcullis_audit_written_total", "Records stored in the database.",
            atomic_load(&health->audit_written));
    counter(b, "portcullis_audit_quarantined_total", "Records the database refused.",
            atomic_load(&health->audit_quarantined));
    counter(b, "portcullis_audit_dropped_total", "Records dropped: 0 by design.", 0);
    counter(b, "portcullis_log_dropped_bytes_total",
            "Bytes of request lines that the reader of the log was too slow for.",
            atomic_load(&health->log_dropped));
    gauge(b, "portcullis_audit_queue_depth",
          "Records in the spool that are not in the database yet.",
          s.appended > s.shipped ? s.appended - s.shipped : 0);
    gauge(b, "portcullis_audit_spool_bytes",
          "Size of the spool's files, room for the next records included.", s.bytes);
    counter(b, "portcullis_audit_sync_failures_total", "Failures of the disk to take the spool.",
            s.sync_failures);
    gauge(b, "portcullis_audit_oldest_unshipped_seconds",
          "Age of the oldest record that is not in the database yet.", s.oldest_unshipped_age_s);
}

static void write_control(struct buf *b, const struct http *h)
{
    const struct http_health *health = h->options.health;
    gauge(b, "portcullis_db_up", "1 when the database answers.",
          atomic_load(&health->is_database_up) ? 1 : 0);
    gauge(b, "portcullis_degraded",
          "1 when the policies come from the copy on disk and were not confirmed.",
          atomic_load(&health->is_degraded) ? 1 : 0);
    counter(b, "portcullis_notify_received_total", "Policy change notifications.",
            atomic_load(&health->notify_received));
    counter(b, "portcullis_notify_resync_total",
            "Comparisons with the database that found a change nobody told of.",
            atomic_load(&health->notify_resync));
    counter(b, "portcullis_policy_publishes_total", "Changes taken over.",
            atomic_load(&health->publishes));
    counter(b, "portcullis_policy_publish_failures_total",
            "Changes that did not compile; the last good policies stay.",
            atomic_load(&health->publish_failures));
    gauge(b, "portcullis_policy_orgs_behind",
          "Organisations whose newest policies this gateway could not take over; 0 in health.",
          atomic_load(&health->orgs_behind));
    buf_printf(b,
               "# HELP portcullis_policy_compile_seconds Time to load and compile the last "
               "change.\n"
               "# TYPE portcullis_policy_compile_seconds gauge\n"
               "portcullis_policy_compile_seconds %g\n",
               (double)atomic_load(&health->compile_us) / 1e6);
    buf_add(b, STR("# HELP portcullis_build_info The version of the program.\n"
                   "# TYPE portcullis_build_info gauge\n"
                   "portcullis_build_info{version=\"" PORTCULLIS_VERSION "\"} 1\n"));
}

/* No sample without a TLS listener: 0 would be a certificate that expired long ago. */
static void write_certificate(struct buf *b, const struct http *h)
{
    int64_t not_after_s = atomic_load(&h->options.health->certificate_not_after_s);
    buf_add(b, STR("# HELP portcullis_tls_certificate_expiry_timestamp_seconds When the first "
                   "certificate of the TLS listener's chain expires.\n"
                   "# TYPE portcullis_tls_certificate_expiry_timestamp_seconds gauge\n"));
    if (not_after_s != 0) {
        buf_printf(b, "portcullis_tls_certificate_expiry_timestamp_seconds %lld\n",
                   (long long)not_after_s);
    }
}

/* Term lists, and the children that compile them. */
static void write_compile(struct buf *b, const struct http *h)
{
    struct compile_stats s = {0};
    if (h->options.client != NULL) {
        compile_stats_read(h->options.client->compile, &s);
    }
    counter(b, "portcullis_terms_compiled_total", "Term lists compiled by a child process.",
            s.compiled);
    counter(b, "portcullis_terms_refused_total",
            "Term lists that could not be compiled within the limits.", s.failed);
    gauge(b, "portcullis_terms_compiling", "Term lists that wait or are being compiled.",
          s.waiting + s.running);
    counter(b, "portcullis_terms_cache_hits_total", "Compiled lists that were found on disk.",
            s.cache_hits);
    counter(b, "portcullis_terms_cache_misses_total", "Compiled lists that were not found on disk.",
            s.cache_misses);
    counter(b, "portcullis_terms_cache_refused_total",
            "Files of compiled lists that failed their check and were removed.", s.cache_refused);
    gauge(b, "portcullis_terms_compile_memory_max_bytes",
          "Most memory that compiling a list took since the start.", s.memory_bytes_max);
    buf_printf(b,
               "# HELP portcullis_terms_compile_seconds_total Time of compiling all lists.\n"
               "# TYPE portcullis_terms_compile_seconds_total counter\n"
               "portcullis_terms_compile_seconds_total %g\n"
               "# HELP portcullis_terms_compile_max_seconds Longest time that compiling a list "
               "took since the start.\n"
               "# TYPE portcullis_terms_compile_max_seconds gauge\n"
               "portcullis_terms_compile_max_seconds %g\n",
               (double)s.wall_us / 1e6, (double)s.wall_us_max / 1e6);
}

static void write_process(struct buf *b)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f != NULL) {
        if (fscanf(f, "%*u %lu", &pages) != 1) {
            pages = 0;
        }
        fclose(f);
    }
    struct timespec cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    gauge(b, "process_resident_memory_bytes", "Memory of the process.",
          pages * (uint64_t)sysconf(_SC_PAGESIZE));
    buf_printf(b,
               "# HELP process_cpu_seconds_total CPU time of the process.\n"
               "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %lld.%06ld\n",
               (long long)cpu.tv_sec, cpu.tv_nsec / 1000);
}

static void gauge(struct buf *b, const char *name, const char *help, uint64_t value)
{
    buf_printf(b, "# HELP %s %s\n# TYPE %s gauge\n%s %llu\n", name, help, name, name,
               (unsigned long long)value);
}

static void counter(struct buf *b, const char *name, const char *help, uint64_t value)
{
    buf_printf(b, "# HELP %s %s\n# TYPE %s counter\n%s %llu\n", name, help, name, name,
               (unsigned long long)value);
}
