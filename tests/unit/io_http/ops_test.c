/* SPDX-License-Identifier: Apache-2.0
 *
 * What is served beside the path: health says the process lives, readiness follows every
 * check, metrics are well-formed, and nothing of management is reached without a key.
 */
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "../flow/talk.h"

static void expect_ready(unsigned status, const char *part)
{
    stage_ask(WIRE_GET, "/readyz");
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
    stage_ask(WIRE_GET, "/healthz");
    assert_int_equal(s.status, 200);
    assert_string_equal(s.body.ptr, "{\"status\":\"ok\"}\n");
    assert_string_equal(s.content_type, "application/json");
}

static void test_readiness_follows_every_check(void **state)
{
    (void)state;
    stage_ready();
    expect_ready(200, "{\"status\":\"ready\",\"reasons\":[],\"checks\":{\"snapshot\":\"loaded\"");
    s.health.is_database_up = false; /* the last good policies still serve */
    expect_ready(200, "\"database\":\"down\"");
    s.health.fresh_ms = stage_unix_ms() - 3600000 - 60000;
    expect_ready(503, "\"stale\":true");
    stage_ready();
    s.health.is_loaded = false;
    expect_ready(503, "\"snapshot\":\"missing\"");
    stage_ready();
    s.spool.is_failing = true;
    expect_ready(503, "\"audit_spool\":\"failing\"");
    expect_ready(503, "\"reasons\":[\"the disk of the audit spool fails\"]");
    stage_ready();
    s.spool.is_full = true;
    expect_ready(503, "\"audit_spool\":\"full\"");
    expect_ready(503, "\"reasons\":[\"the audit spool is full");
    stage_ready();
    s.health.fresh_ms = stage_unix_ms() - 3600000 - 60000; /* the path refuses, so do not come */
    expect_ready(503, "\"database\":\"up\"");
    expect_ready(503, "\"reasons\":[\"the policies are older than policy.max_stale_s\"]");
    stage_ready();
    expect_ready(200, "\"reasons\":[],");
    s.health.is_loaded = false;
    s.is_draining = true;
    expect_ready(503, "\"reasons\":[\"no policies are loaded\",\"the gateway is draining\"]");
    stage_ready();
    s.is_draining = true;
    expect_ready(503, "\"draining\":true");
    stage_ready();
    s.health.is_degraded = true;
    expect_ready(200, "\"degraded\":true");
    stage_ready();
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
    stage_ask(WIRE_GET, "/metrics");
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
    stage_ask(WIRE_GET, "/metrics");
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
    stage_ask(WIRE_GET, "/metrics");
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
        stage_ask(WIRE_GET, paths[i]);
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
        stage_ask(WIRE_GET, paths[i]);
        assert_int_equal(s.answers, 1);
        assert_int_equal(s.status, 401);
    }
    assert_int_equal(s.wakes, 0);
    (void)http_jobs_run(s.http);
    assert_int_equal(s.executes, 0);
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
    };
    return cmocka_run_group_tests(tests, stage_set_up, stage_tear_down);
}
