/* SPDX-License-Identifier: Apache-2.0
 *
 * Content rules on the path: what the provider receives, what the client is told and
 * what the record says, for every operation and however the body was cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "inspected.h"

/* ---- what is sent, what is said ------------------------------------------------------ */

/* No byte of what was found in an answer of ours, nor in what is kept. */
static void expect_told_nowhere(const char *secret)
{
    assert_false(path_client_has(&p, secret));
    const struct audit_violation *v = p.decision.violations;
    for (size_t i = 0; i < p.decision.violations_count; i++) {
        const struct str texts[] = {v[i].message, v[i].what, v[i].pointer};
        for (size_t k = 0; k < 3; k++) {
            assert_true(str_find_str(texts[k], str_from(secret)) < 0);
        }
    }
    assert_true(str_find_str(p.decision.reason, str_from(secret)) < 0);
}

static void test_clean_texts_go_on_unchanged(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPERATIONS; i++) {
        const char *body = body_with(&operations[i], "hello there");
        path_post(&p, operations[i].target, body);
        assert_int_equal(p.calls, 1);
        assert_int_equal(p.turns, 0);
        assert_true(i != 0 || path_provider_has(&p, body)); /* byte for byte */
        assert_true(path_provider_has(&p, "hello there"));
        assert_true(str_eq(p.decision.decision, STR("allow")));
        assert_int_equal(p.decision.violations_count, 0);
        finish_call(&p);
    }
}

static void test_a_replacement_is_what_the_provider_gets(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPERATIONS; i++) {
        path_post(&p, operations[i].target,
                  body_with(&operations[i], "write to " PERSON " today"));
        assert_int_equal(p.calls, 1);
        assert_false(path_provider_has(&p, "jane"));
        assert_true(path_provider_has(&p, "write to [REDACTED] today"));
        expect_length_is_true();
        assert_true(str_eq(p.decision.decision, STR("modify")));
        assert_int_equal(p.decision.modifications, 1);
        assert_int_equal(p.decision.violations_count, 1);
        const struct audit_violation *v = &p.decision.violations[0];
        assert_true(str_eq(v->what, STR("email")));
        assert_true(str_eq(v->stage, STR("request")));
        assert_true(str_eq(v->effect, STR("modify")));
        assert_int_equal(v->end - v->start, sizeof(PERSON) - 1);
        assert_int_equal(v->count, 1);
        finish_call(&p);
        expect_told_nowhere("jane");
        assert_true(path_client_has(&p, "x-governance-decision: modify\r\n"));
        assert_true(path_client_has(&p, "x-governance-violations: PII detected: email\r\n"));
    }
}

static void test_a_block_sends_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPERATIONS; i++) {
        path_post(&p, operations[i].target, body_with(&operations[i], "mine is 123-45-6789, yes"));
        assert_int_equal(p.calls, 0);
        assert_int_equal(p.provider.len, 0);
        expect_accounted("block", "refused");
        expect_told_nowhere("6789");
        assert_true(path_client_has(&p, "HTTP/1.1 403 "));
        assert_true(path_client_has(&p, "\"violations\":[\"PII detected: ssn\"]"));
        assert_true(path_client_has(&p, "x-governance-decision: block\r\n"));
        assert_true(path_client_has(&p, "x-governance-policy: PII Protection\r\n"));
        assert_true(path_client_has(&p, "x-governance-violations: PII detected: ssn\r\n"));
        assert_true(path_client_has(&p, "x-should-retry: false\r\n"));
        assert_int_equal(p.decision.status, 403);
        assert_int_equal(p.decision.modifications, 0);
        assert_true(str_eq(p.decision.policy, STR("PII Protection")));
        assert_true(str_eq(p.decision.rule, STR("pii")));
        assert_true(str_eq(p.decision.rule_key, STR("ssn")));
        assert_true(str_eq(p.decision.reason, STR("PII detected: ssn")));
        assert_true(str_eq(p.decision.violations[0].severity, STR("security_event")));
    }
}

/* The same bytes for the provider, however the client's were cut. */
static void test_any_split_of_the_body_is_one_body(void **state)
{
    (void)state;
    static char whole[8192], request[8192];
    for (size_t i = 0; i < OPERATIONS; i += 3) {
        const char *body = body_with(&operations[i], "x " PERSON ", and " PERSON);
        snprintf(request, sizeof(request),
                 "POST %s HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer %s\r\n"
                 "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                 operations[i].target, p.key, strlen(body), body);
        path_request_bytes(&p, str_from(request), 0);
        size_t len = p.provider.len;
        memcpy(whole, p.provider.ptr, len);
        finish_call(&p);
        for (size_t step = 1; step < 40; step += step < 8 ? 1 : 7) {
            path_request_bytes(&p, str_from(request), step);
            assert_int_equal(p.provider.len, len);
            assert_memory_equal(p.provider.ptr, whole, len);
            assert_int_equal(p.decision.modifications, 2);
            finish_call(&p);
        }
    }
}

/* ---- S4-37..39: the documented record ---------------------------------------------- */

static void test_S4_38_pattern_matched(void **state)
{
    (void)state;
    path_post(&p, "/v1/chat/completions",
              "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"my api_key is "
              "this\"}]}");
    expect_accounted("block", "refused");
    assert_true(str_eq(p.decision.policy, STR("dev_team_restrictions")));
    assert_true(str_eq(p.decision.rule, STR("content_filter"))); /* S4-39 */
    assert_true(str_eq(p.decision.reason, STR("Pattern matched: api_key")));
    assert_true(str_eq(p.decision.violations[0].rule, STR("content_filter")));
    assert_true(str_eq(p.decision.violations[0].pointer, STR("/messages/0/content")));
    assert_int_equal(p.decision.violations[0].start, 3);
    assert_int_equal(p.decision.violations[0].end, 10);
    assert_int_equal(p.decision.policy_version, 2);
}

/* Member names are the caller's: they may hold what must not be kept. */
static void test_a_name_is_edited_and_not_recorded(void **state)
{
    (void)state;
    path_post(&p, "/v1/chat/completions",
              "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
              "\"metadata\":{\"" PERSON "\":\"" PERSON "\"}}");
    assert_int_equal(p.calls, 1);
    assert_false(path_provider_has(&p, "jane"));
    assert_int_equal(p.decision.modifications, 2);
    expect_told_nowhere("jane");
    assert_true(str_eq(p.decision.violations[0].pointer, STR("/metadata/*")));
    finish_call(&p);
}

/* ---- several policies at once --------------------------------------------------------- */

static void test_warnings_of_both_stages_in_one_order(void **state)
{
    (void)state;
    path_post(&p, "/v1/chat/completions",
              "{\"model\":\"groq/llama-3.3-70b-versatile\",\"governance_policy\":2,\"messages\":[{"
              "\"role\":\"user\",\"content\":\"about redwood and bluebird\"}]}");
    assert_int_equal(p.calls, 1);
    assert_true(str_eq(p.decision.decision, STR("warn")));
    assert_int_equal(p.decision.violations_count, 3);
    assert_true(path_provider_has(&p, "about redwood and bluebird"));
    finish_call(&p);
    assert_true(path_client_has(&p, "x-governance-decision: warn\r\n"));
    /* By priority: S0's own comes with its slot. */
    assert_true(path_client_has(&p, "Pattern matched: redwood"));
    assert_true(path_client_has(&p, "Pattern matched: bluebird"));
    assert_true(path_client_has(&p, "BAA"));
}

/* A warning, a replacement and a block: the block decides, all are told, in order. */
static void test_the_strictest_decides(void **state)
{
    (void)state;
    path_post(&p, "/v1/chat/completions",
              "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"api_key of "
              "redwood for " PERSON "\"}]}");
    expect_accounted("block", "refused");
    assert_true(path_client_has(&p, "\"violations\":[\"Pattern matched: redwood\","
                                    "\"PII detected: email\",\"Pattern matched: api_key\"]"));
    assert_true(path_client_has(&p, "x-governance-policy: dev_team_restrictions\r\n"));
    assert_true(str_eq(p.decision.policy, STR("dev_team_restrictions")));
    expect_told_nowhere("jane");
    path_post(&p, "/v1/chat/completions",
              "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"redwood is "
              "by " PERSON "\"}]}");
    assert_true(str_eq(p.decision.decision, STR("modify")));
    assert_true(str_eq(p.decision.policy, STR("PII Protection")));
    assert_true(path_provider_has(&p, "redwood is by [REDACTED]"));
    finish_call(&p);
    assert_true(path_client_has(
        &p, "x-governance-violations: Pattern matched: redwood; PII detected: email\r\n"));
}

/* ---- what cannot be read --------------------------------------------------------------- */

static void test_what_cannot_be_read_is_blocked(void **state)
{
    (void)state;
    static const char *const bodies[][2] = {
        {"/v1/chat/completions",
         "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
         "\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}}]}]}"},
        {"/v1/embeddings", "{\"model\":\"text-embedding-3-small\",\"input\":[1,2,3]}"},
        {"/v1/responses",
         "{\"model\":\"gpt-4o\",\"input\":\"hi\",\"previous_response_id\":\"resp_1\"}"},
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        path_post(&p, bodies[i][0], bodies[i][1]);
        assert_int_equal(p.calls, 0);
        expect_accounted("block", "refused");
        assert_true(path_client_has(&p, "Content that cannot be scanned: "));
    }
}

static void test_an_unknown_part_is_refused_where_a_rule_reads(void **state)
{
    (void)state;
    static const char text[] =
        "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":[{"
        "\"type\":\"hologram\",\"data\":\"xyz\"}]}]}";
    path_post(&p, "/v1/chat/completions", text);
    assert_int_equal(p.calls, 0);
    assert_true(path_client_has(&p, "HTTP/1.1 400 "));
    expect_accounted("error", "refused");
    path_tear_down(&p);
    struct policy narrow = pii; /* rules for another model do not read this one */
    narrow.match.models = (struct policy_list)LIST(claude);
    path_set_up_with(&p, governance, &narrow, 1);
    path_post(&p, "/v1/chat/completions", text);
    assert_int_equal(p.calls, 1);
    assert_true(path_provider_has(&p, "hologram"));
    finish_call(&p);
}

/* The path again, with this rule about requests alone. */
static void judge_requests_by(const struct content_rule *content)
{
    static struct policy_rule rule;
    static struct policy policy;
    rule = filter_rules[0];
    policy = filter;
    rule.effect = content->effect == CONTENT_WARN ? POLICY_WARN : POLICY_MODIFY;
    rule.stage = POLICY_REQUEST;
    rule.content = content;
    policy.rules = &rule;
    path_tear_down(&p);
    path_set_up_with(&p, governance, &policy, 1);
}

/* The decision rested on the model; an edit must not reach it. */
static void test_the_model_is_not_a_text(void **state)
{
    (void)state;
    static const struct str model[] = {STR_INIT("gpt-4o")};
    struct content_rule content = {.kind = CONTENT_TERMS,
                                   .effect = CONTENT_MODIFY,
                                   .stages = CONTENT_REQUEST,
                                   .method = SCAN_REDACT,
                                   .patterns = LIST(model)};
    judge_requests_by(&content);
    path_post(&p, "/v1/chat/completions",
              "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"are you "
              "gpt-4o?\"}]}");
    assert_int_equal(p.calls, 1);
    assert_true(path_provider_has(&p, "\"model\":\"gpt-4o\""));
    assert_true(path_provider_has(&p, "are you [REDACTED]?"));
    finish_call(&p);
}

/* More than is kept of one stage: how many there were besides is on record. */
static void test_what_is_not_recorded_is_counted(void **state)
{
    (void)state;
    static char words[CONTENT_HITS_MAX + 6][8], body[4096];
    static struct str patterns[CONTENT_HITS_MAX + 6];
    size_t at = (size_t)snprintf(body, sizeof(body), "{\"model\":\"gpt-4o\",\"messages\":[{"
                                 "\"role\":\"user\",\"content\":\"");
    for (unsigned i = 0; i < CONTENT_HITS_MAX + 6; i++) {
        snprintf(words[i], sizeof(words[i]), "word%03u", i % 1000);
        patterns[i] = str_from(words[i]);
        at += (size_t)snprintf(body + at, sizeof(body) - at, "%s ", words[i]);
    }
    snprintf(body + at, sizeof(body) - at, "\"}]}");
    struct content_rule content = {.kind = CONTENT_TERMS,
                                   .effect = CONTENT_WARN,
                                   .stages = CONTENT_REQUEST,
                                   .patterns = {patterns, CONTENT_HITS_MAX + 6}};
    judge_requests_by(&content);
    path_post(&p, "/v1/chat/completions", body);
    assert_int_equal(p.calls, 1);
    assert_true(p.decision.violations_count <= CONTENT_HITS_MAX);
    assert_int_equal(p.decision.violations_count + p.decision.violations_dropped,
                     CONTENT_HITS_MAX + 6);
    finish_call(&p);
}

/* ---- S2-54 --------------------------------------------------------------------------- */

static void test_S2_54_blocked_body(void **state)
{
    (void)state;
    struct policy config = pii;
    config.origin = POLICY_CONFIG;
    path_tear_down(&p);
    path_set_up_with(&p, governance, &config, 1);
    path_post(&p, "/v1/chat/completions", body_with(&operations[0], "it is 123-45-6789"));
    assert_true(path_client_has(&p, "HTTP/1.1 403 "));
    assert_true(path_client_has(
        &p, "\r\n\r\n{\"error\":\"Request blocked by policy\",\"code\":\"POLICY_BLOCKED\","
            "\"message\":\"Request blocked by policy: PII detected: ssn\",\"policy_evaluation\":{"
            "\"result\":\"hard_block\",\"violations\":[{\"policy_name\":\"PII Protection\","
            "\"rule\":\"pii_detection\",\"message\":\"PII detected: ssn\"}]}}"));
    assert_true(str_eq(p.decision.rule, STR("pii_detection")));
    path_post(&p, "/v1/messages", body_with(&operations[6], "it is 123-45-6789"));
    assert_true(
        path_client_has(&p, "{\"type\":\"error\",\"error\":{\"type\":\"permission_error\""));
    assert_true(path_client_has(&p, "\"code\":\"POLICY_BLOCKED\""));
}

/* ---- counters -------------------------------------------------------------------------------- */

static void test_what_was_found_is_counted(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1u << 20);
    path_tear_down(&p);
    set_up(NULL);
    path_post(&p, "/v1/chat/completions",
              body_with(&operations[0], "to " PERSON " and a@b.co and redwood"));
    finish_call(&p);
    path_post(&p, "/v1/chat/completions", body_with(&operations[0], "it is 123-45-6789"));
    flow_stats_write(&out, &p.env.stats, 1, p.catalog);
    static const char *const lines[] = {
        "portcullis_pii_detections_total{entity=\"email\",stage=\"request\"} 2\n",
        "portcullis_pii_detections_total{entity=\"ssn\",stage=\"request\"} 1\n",
        "portcullis_content_edits_total{stage=\"request\"} 2\n",
        "portcullis_content_edits_total{stage=\"response\"} 0\n",
        "portcullis_policy_decisions_total{rule_type=\"pii\",effect=\"modify\",mode=\"enforce\"} "
        "1\n",
        "portcullis_policy_decisions_total{rule_type=\"pii\",effect=\"block\",mode=\"enforce\"} "
        "1\n",
        "portcullis_policy_decisions_total{rule_type=\"terms\",effect=\"warn\",mode=\"enforce\"} "
        "1\n",
        "portcullis_policy_evaluation_seconds_count{stage=\"request\"} 2\n",
        "portcullis_policy_evaluation_seconds_count{stage=\"select\"} 2\n",
        "portcullis_policy_evaluation_seconds_bucket{stage=\"request\",le=\"+Inf\"} 2\n",
        ",decision=\"modify\"} 1\n",
        ",decision=\"block\"} 1\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (str_find_str(buf_str(&out), str_from(lines[i])) < 0) {
            fail_msg("%s is not in\n%.*s", lines[i], STR_ARG(buf_str(&out)));
        }
    }
    assert_true(str_find_str(buf_str(&out), STR("content_scanned_bytes_total{stage=\"request\"} 0"
                                                "\n")) < 0);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean_texts_go_on_unchanged),
        cmocka_unit_test(test_a_replacement_is_what_the_provider_gets),
        cmocka_unit_test(test_a_block_sends_nothing),
        cmocka_unit_test(test_any_split_of_the_body_is_one_body),
        cmocka_unit_test(test_S4_38_pattern_matched),
        cmocka_unit_test(test_a_name_is_edited_and_not_recorded),
        cmocka_unit_test(test_warnings_of_both_stages_in_one_order),
        cmocka_unit_test(test_the_strictest_decides),
        cmocka_unit_test(test_what_cannot_be_read_is_blocked),
        cmocka_unit_test(test_an_unknown_part_is_refused_where_a_rule_reads),
        cmocka_unit_test(test_what_was_found_is_counted), /* sets up anew */
        cmocka_unit_test(test_the_model_is_not_a_text),
        cmocka_unit_test(test_what_is_not_recorded_is_counted),
        cmocka_unit_test(test_S2_54_blocked_body),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
