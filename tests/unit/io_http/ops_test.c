/* SPDX-License-Identifier: Apache-2.0
 *
 * What is served beside the path, without workers, spool or database: their figures
 * are literals here (the test brings its own symbols). Health says the process lives,
 * readiness follows every check, metrics are well-formed, and management requests
 * become jobs that are answered once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "../flow/path.h"
#include "../flow/talk.h"

#include "portcullis/http.h"

static struct {
    struct path path;
    struct http *http;
    struct http_health health;
    struct spool_stats spool;
    struct worker_stats workers;
    struct flow_stats *stats[2];
    bool is_draining;
    unsigned wakes, executes;
    enum err store_err;
    uint64_t epoch_here;
    uint64_t epoch_asked;      /* of the executed job */
    struct net_lag lag[2];
    unsigned answers, status;  /* what the client was told last */
    struct buf body;
    char content_type[64];
    char headers[512];         /* "name: value\n" each */
    bool is_compiling;
    struct compile_client client;
    const struct policy_principal *owner;
} s;

/* ---- the neighbours ---------------------------------------------------------- */

void worker_answer(struct worker_group *g, struct worker_ticket ticket,
                   const struct flow_served *answer)
{
    (void)g;
    assert_int_equal(ticket.worker, 7);
    s.answers++;
    s.status = answer->status;
    snprintf(s.content_type, sizeof(s.content_type), "%.*s", STR_ARG(answer->content_type));
    s.headers[0] = 0;
    for (size_t i = 0; i < answer->headers_count; i++) {
        size_t used = strlen(s.headers);
        snprintf(s.headers + used, sizeof(s.headers) - used, "%.*s: %.*s\n",
                 STR_ARG(answer->headers[i].name), STR_ARG(answer->headers[i].value));
    }
    buf_clear(&s.body);
    buf_add(&s.body, answer->body);
    buf_add_byte(&s.body, 0);
}

unsigned worker_group_count(const struct worker_group *g)
{
    (void)g;
    return 2;
}

struct flow_stats *const *worker_group_flow_stats(const struct worker_group *g)
{
    (void)g;
    return s.stats;
}

void worker_group_stats(const struct worker_group *g, struct worker_stats *ret)
{
    (void)g;
    *ret = s.workers;
}

const uint32_t net_lag_bounds_us[NET_LAG_BOUNDS] = {100, 200};

const struct net_lag *worker_group_lag(const struct worker_group *g, unsigned worker)
{
    (void)g;
    assert_true(worker < 2);
    return &s.lag[worker];
}

bool worker_group_is_draining(const struct worker_group *g)
{
    (void)g;
    return s.is_draining;
}

uint64_t worker_group_epoch_min(const struct worker_group *g)
{
    (void)g;
    return s.epoch_here;
}

const struct policy_snapshot *worker_group_snapshot(const struct worker_group *g)
{
    (void)g;
    return s.path.snapshot;
}

void spool_stats_read(const struct spool *spool, struct spool_stats *ret)
{
    (void)spool;
    *ret = s.spool;
}

enum err store_execute(struct store *store, struct arena *a, const struct manage_command *command,
                       struct manage_result *ret)
{
    (void)store;
    (void)a;
    (void)command;
    s.executes++;
    ret->epoch = s.epoch_asked;
    return s.store_err;
}

enum err store_nodes_min_epoch(struct store *store, struct str org, struct arena *a,
                               uint64_t *ret_epoch, struct str *ret_node)
{
    (void)store;
    (void)org;
    (void)a;
    *ret_epoch = s.epoch_here;
    *ret_node = STR("n1");
    return ERR_OK;
}

bool compile_is_pending(struct compile *c, const uint8_t key[COMPILE_KEY_BYTES])
{
    (void)c;
    (void)key;
    return s.is_compiling;
}

void compile_stats_read(struct compile *c, struct compile_stats *ret)
{
    (void)c;
    *ret = (struct compile_stats){0};
}

static void on_wake(void *context)
{
    (void)context;
    s.wakes++;
}

/* ---- the stage ---------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *const policies[] = {TALK_OPEN, TALK_WARN, NULL};

static int set_up(void **state)
{
    (void)state;
    path_set_up(&s.path, policies);
    buf_init(&s.body, 16u << 20);
    s.stats[0] = s.path.env.stats;
    s.stats[1] = flow_stats_new();
    struct http_options options = {.health = &s.health,
                                   .spool = (struct spool *)&s, /* only its address is used */
                                   .client = &s.client,
                                   .node = STR("n0"),
                                   .max_stale_ms = 3600000,
                                   .wake = on_wake};
    assert_int_equal(http_new(&options, &s.http), ERR_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_free(s.http);
    flow_stats_free(s.stats[1]);
    buf_fini(&s.body);
    path_tear_down(&s.path);
    return 0;
}

static void ask(enum wire_method method, const char *path)
{
    struct wire_head head = {.method = method, .path = str_from(path), .target = str_from(path)};
    struct worker_request r = {
        .ticket = {.worker = 7}, .head = &head, .snapshot = s.path.snapshot};
    s.answers = s.status = 0;
    http_serve(s.http, &r);
}

static void be_ready(void)
{
    s.is_draining = s.spool.is_failing = s.spool.is_full = false;
    s.health.is_loaded = s.health.is_database_up = true;
    s.health.is_degraded = false;
    s.health.fresh_ms = now_ms();
    s.epoch_here = 7;
}

static void expect_ready(unsigned status, const char *part)
{
    ask(WIRE_GET, "/readyz");
    assert_int_equal(s.answers, 1);
    assert_int_equal(s.status, status);
    if (strstr(s.body.ptr, part) == NULL) {
        print_error("%s\n", s.body.ptr);
    }
    assert_non_null(strstr(s.body.ptr, part));
    struct json_doc doc;
    struct issue issue;
    struct str text = str_from(s.body.ptr);
    assert_int_equal(json_parse(&s.path.arena, text, &json_limits_default, &doc, &issue), ERR_OK);
}

/* ---- the tests ------------------------------------------------------------------ */

static void test_health_knows_nothing_else(void **state)
{
    (void)state;
    s.health.is_loaded = s.health.is_database_up = false;
    s.is_draining = s.spool.is_failing = true;
    ask(WIRE_GET, "/healthz");
    assert_int_equal(s.status, 200);
    assert_string_equal(s.body.ptr, "{\"status\":\"ok\"}\n");
    assert_string_equal(s.content_type, "application/json");
}

static void test_readiness_follows_every_check(void **state)
{
    (void)state;
    be_ready();
    expect_ready(200, "{\"status\":\"ready\",\"reasons\":[],\"checks\":{\"snapshot\":\"loaded\"");
    s.health.is_database_up = false; /* the last good policies still serve */
    expect_ready(200, "\"database\":\"down\"");
    s.health.fresh_ms = now_ms() - 3600000 - 60000;
    expect_ready(503, "\"stale\":true");
    be_ready();
    s.health.is_loaded = false;
    expect_ready(503, "\"snapshot\":\"missing\"");
    be_ready();
    s.spool.is_failing = true;
    expect_ready(503, "\"audit_spool\":\"failing\"");
    expect_ready(503, "\"reasons\":[\"the disk of the audit spool fails\"]");
    be_ready();
    s.spool.is_full = true;
    expect_ready(503, "\"audit_spool\":\"full\"");
    expect_ready(503, "\"reasons\":[\"the audit spool is full");
    be_ready();
    s.health.fresh_ms = now_ms() - 3600000 - 60000; /* the path refuses, so do not come */
    expect_ready(503, "\"database\":\"up\"");
    expect_ready(503, "\"reasons\":[\"the policies are older than policy.max_stale_s\"]");
    be_ready();
    expect_ready(200, "\"reasons\":[],");
    s.health.is_loaded = false;
    s.is_draining = true;
    expect_ready(503, "\"reasons\":[\"no policies are loaded\",\"the gateway is draining\"]");
    be_ready();
    s.is_draining = true;
    expect_ready(503, "\"draining\":true");
    be_ready();
    s.health.is_degraded = true;
    expect_ready(200, "\"degraded\":true");
    be_ready();
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++) {
        count++;
    }
    return count;
}

/* product.md 4: what applies to what this version does. */
static const char *const metrics[] = {
    "portcullis_requests_total",
    "portcullis_policy_evaluation_seconds",
    "portcullis_policy_decisions_total",
    "portcullis_upstream_duration_seconds",
    "portcullis_time_to_first_token_seconds",
    "portcullis_tokens_total",
    "portcullis_cost_usd_total",
    "portcullis_policy_snapshot_version",
    "portcullis_policy_snapshot_age_seconds",
    "portcullis_policy_snapshot_rules",
    "portcullis_policy_snapshot_bytes",
    "portcullis_policy_compile_seconds",
    "portcullis_notify_received_total",
    "portcullis_notify_resync_total",
    "portcullis_audit_written_total",
    "portcullis_audit_queue_depth",
    "portcullis_audit_dropped_total",
    "portcullis_db_up",
    "portcullis_build_info",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
};

static void hold_conversations(void)
{
    char answer[2048];
    snprintf(answer, sizeof(answer),
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(TALK_CHAT_ANSWER), TALK_CHAT_ANSWER);
    path_post(&s.path, "/v1/chat/completions", TALK_CHAT("gpt-4o", ""));
    path_answer(&s.path, answer, 0);
    path_post(&s.path, "/v1/chat/completions", TALK_CHAT("deepseek/deepseek-v3.2", ""));
    path_post(&s.path, "/v1/chat/completions", TALK_CHAT("secret-model\\\"{}\\n", ""));
    assert_true(s.path.is_done);
}

static void test_metrics_are_well_formed(void **state)
{
    (void)state;
    hold_conversations();
    ask(WIRE_GET, "/metrics");
    assert_int_equal(s.status, 200);
    assert_string_equal(s.content_type, "text/plain; version=0.0.4; charset=utf-8");
    const char *text = s.body.ptr;
    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
        char line[128];
        snprintf(line, sizeof(line), "# HELP %s ", metrics[i]);
        assert_int_equal(count_of(text, line), 1);
        snprintf(line, sizeof(line), "# TYPE %s ", metrics[i]);
        assert_int_equal(count_of(text, line), 1);
    }
    assert_int_equal(count_of(text, "# HELP "), count_of(text, "# TYPE "));
    assert_null(strstr(text, "secret-model")); /* labels come from the catalogue only */
    assert_non_null(strstr(text, "portcullis_requests_total{endpoint=\"chat\",provider=\"openai\","
                                 "model=\"openai/gpt-4o\",code=\"200\",decision=\"allow\"} 1\n"));
    assert_non_null(strstr(text, "code=\"403\",decision=\"block\"} 1\n"));
    assert_non_null(strstr(text, "portcullis_tokens_total{direction=\"input\"} 5\n"));
    assert_non_null(strstr(text, "portcullis_cost_usd_total 0.000032500000\n"));
    assert_non_null(strstr(text, "le=\"0.015\"")); /* S4-2: the promised line */
}

static void test_lag_of_each_worker(void **state)
{
    (void)state;
    s.lag[1].buckets[0] = 3;
    s.lag[1].buckets[1] = 4;
    s.lag[1].buckets[NET_LAG_BOUNDS] = 5;
    s.lag[1].sum_us = 2500000;
    ask(WIRE_GET, "/metrics");
    static const char *const lines[] = {
        "portcullis_loop_lag_seconds_bucket{worker=\"1\",le=\"0.0001\"} 3\n",
        "portcullis_loop_lag_seconds_bucket{worker=\"1\",le=\"0.0002\"} 7\n",
        "portcullis_loop_lag_seconds_bucket{worker=\"1\",le=\"+Inf\"} 12\n",
        "portcullis_loop_lag_seconds_sum{worker=\"1\"} 2.5\n",
        "portcullis_loop_lag_seconds_count{worker=\"1\"} 12\n",
        "portcullis_loop_lag_seconds_count{worker=\"0\"} 0\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_non_null(strstr(s.body.ptr, lines[i]));
    }
}

/* Every line is a comment or `name{labels} number`, and a sample follows its TYPE. */
static void test_metrics_every_line(void **state)
{
    (void)state;
    ask(WIRE_GET, "/metrics");
    struct str rest = str_from(s.body.ptr), type = STR_NONE;
    assert_true(str_ends(rest, STR("\n")));
    while (rest.len != 0) {
        struct str line = str_cut(&rest, '\n');
        if (str_starts(line, STR("# TYPE "))) {
            struct str name = str_sub(line, 7, line.len);
            type = str_cut(&name, ' ');
            assert_true(str_eq(name, STR("counter")) || str_eq(name, STR("gauge")) ||
                        str_eq(name, STR("histogram")));
            continue;
        }
        if (line.ptr[0] == '#') {
            continue;
        }
        assert_true(str_starts(line, type));
        struct str value = line;
        while (str_find(value, ' ') >= 0) {
            (void)str_cut(&value, ' ');
        }
        char number[64];
        char *end;
        snprintf(number, sizeof(number), "%.*s", STR_ARG(value));
        assert_true(value.len != 0 && strtod(number, &end) >= 0 && *end == 0);
    }
}

static void test_unknown_paths_are_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {"/", "/v1/images/generations", "/metrics/", "/healthzz"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        ask(WIRE_GET, paths[i]);
        assert_int_equal(s.answers, 1);
        assert_true(s.status == 404 || s.status == 401);
    }
    assert_int_equal(s.executes, 0);
}

/* Without a key nothing of management reaches the database. */
static void test_management_needs_a_key(void **state)
{
    (void)state;
    static const char *const paths[] = {"/governance", "/v1/policies", "/v1/audit", "/v1/keys"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        ask(WIRE_GET, paths[i]);
        assert_int_equal(s.answers, 1);
        assert_int_equal(s.status, 401);
    }
    assert_int_equal(s.wakes, 0);
    (void)http_jobs_run(s.http);
    assert_int_equal(s.executes, 0);
}

/* ---- jobs: written by the owner, answered by the control thread ------------------------ */

/* A deletion by a key that may; `prefer` may be NULL. */
static void change(const char *prefer)
{
    if (s.owner == NULL) {
        const struct policy_principal *who;
        assert_int_equal(policy_authenticate(s.path.snapshot, str_from(s.path.key),
                                             s.path.env.pepper, 1000, &who),
                         ERR_OK);
        const struct policy_key_row *known = policy_principal_key(who);
        struct policy_key_row row = {.id = arena_str(&s.path.arena, known->id),
                                     .may_manage = true, .role = STR("owner")};
        memcpy(row.secret_hmac, known->secret_hmac, sizeof(row.secret_hmac));
        path_publish(&s.path, &row, 1);
        assert_int_equal(policy_authenticate(s.path.snapshot, str_from(s.path.key),
                                             s.path.env.pepper, 1000, &s.owner),
                         ERR_OK);
    }
    struct wire_head head = {.method = WIRE_DELETE, .path = STR("/v1/teams/team_1"),
                             .target = STR("/v1/teams/team_1")};
    if (prefer != NULL) {
        head.headers[0] = (struct wire_header){STR("Prefer"), str_from(prefer)};
        head.headers_count = 1;
        head.names = wire_name_bit(STR("Prefer"));
    }
    struct worker_request r = {.ticket = {.worker = 7}, .head = &head,
                               .snapshot = s.path.snapshot, .principal = s.owner};
    s.answers = s.status = 0;
    http_serve(s.http, &r);
}

static void begin_jobs(void)
{
    be_ready();
    s.is_compiling = false;
    s.store_err = ERR_OK;
    s.executes = 0;
    s.epoch_asked = 9; /* epoch_here is 7 */
}

static void expect_answer(unsigned status, const char *header, const char *part)
{
    if (s.answers != 1 || s.status != status || strstr(s.headers, header) == NULL ||
        strstr(s.body.ptr, part) == NULL) {
        fail_msg("%u answers, %u\n%s%s", s.answers, s.status, s.headers, s.body.ptr);
    }
}

static void test_a_change_waits_for_its_epoch(void **state)
{
    (void)state;
    begin_jobs();
    change("wait=30");
    assert_int_equal(http_jobs_run(s.http), 5);
    assert_int_equal(s.executes, 1);
    assert_int_equal(s.answers, 0);
    s.epoch_here = 9;
    (void)http_jobs_run(s.http);
    expect_answer(204, "preference-applied: wait\n", "");
    assert_int_equal(s.executes, 1);
}

/* It no longer takes new policies over, so the wait would be for nothing and end with the
 * connection: the change is made, and the client is told where it does not hold. */
static void test_a_stopping_gateway_answers_who_waits(void **state)
{
    (void)state;
    begin_jobs();
    change("wait=30");
    (void)http_jobs_run(s.http);
    assert_int_equal(s.answers, 0);
    s.is_draining = true;
    (void)http_jobs_run(s.http);
    expect_answer(204, "portcullis-not-enforced-by: n0\n", "");
    /* One that comes only then, too; one that is enforced everywhere says so still. */
    begin_jobs();
    s.is_draining = true;
    change("wait=30");
    (void)http_jobs_run(s.http);
    expect_answer(204, "portcullis-not-enforced-by: n0\n", "");
    begin_jobs();
    s.is_draining = true;
    s.epoch_here = 9;
    change("wait=30");
    (void)http_jobs_run(s.http);
    expect_answer(204, "preference-applied: wait\n", "");
    be_ready();
}

static void test_a_stopping_gateway_compiles_no_longer(void **state)
{
    (void)state;
    begin_jobs();
    s.store_err = ERR_AGAIN;
    s.is_compiling = true;
    change("wait=30");
    (void)http_jobs_run(s.http);
    (void)http_jobs_run(s.http);
    assert_int_equal(s.answers, 0);
    assert_int_equal(s.executes, 1);
    s.is_draining = true;
    (void)http_jobs_run(s.http);
    expect_answer(503, "retry-after: ", "\"code\":\"draining\"");
    assert_int_equal(s.executes, 1);
    begin_jobs();
    s.store_err = ERR_AGAIN;
    s.is_compiling = true;
    change(NULL);
    (void)http_jobs_run(s.http);
    s.store_err = ERR_OK;
    s.is_compiling = false;
    s.is_draining = true; /* compiled in time */
    (void)http_jobs_run(s.http);
    expect_answer(204, "portcullis-epoch: 9\n", "");
    be_ready();
}

/* Not left without a word: said why, and that nothing was changed. */
static void test_a_full_queue_is_said(void **state)
{
    (void)state;
    begin_jobs();
    for (unsigned i = 0; i < 1024; i++) {
        change(NULL);
        assert_int_equal(s.answers, 0);
    }
    change(NULL);
    expect_answer(503, "retry-after: ", "\"code\":\"busy\"");
    assert_int_equal(s.executes, 0);
    s.answers = 0;
    (void)http_jobs_run(s.http);
    assert_int_equal(s.executes, 1024);
    assert_int_equal(s.answers, 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_health_knows_nothing_else),
        cmocka_unit_test(test_readiness_follows_every_check),
        cmocka_unit_test(test_metrics_are_well_formed),
        cmocka_unit_test(test_metrics_every_line),
        cmocka_unit_test(test_lag_of_each_worker),
        cmocka_unit_test(test_unknown_paths_are_refused),
        cmocka_unit_test(test_management_needs_a_key),
        cmocka_unit_test(test_a_change_waits_for_its_epoch),
        cmocka_unit_test(test_a_stopping_gateway_answers_who_waits),
        cmocka_unit_test(test_a_stopping_gateway_compiles_no_longer),
        cmocka_unit_test(test_a_full_queue_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
