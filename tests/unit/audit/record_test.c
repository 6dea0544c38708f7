/* SPDX-License-Identifier: Apache-2.0
 *
 * The spool payload: what is written is read back, field for field; anything
 * else is ERR_CORRUPT. And the documented audit shape (S4-38, S4-39).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "portcullis/audit.h"

static struct audit_decision example(const struct audit_violation *violations, size_t count)
{
    return (struct audit_decision){
        .request_id = STR("req_01JABCDEFGHJKMNPQRSTVWXYZ0"),
        .unix_ms = 1736937000000,
        .node = STR("n1"),
        .worker = 3,
        .org = STR("org_acme"),
        .environment = STR("development"),
        .user = STR("dev@acme.com"),
        .decision = STR("block"),
        .policy = STR("dev_team_restrictions"),
        .rule = STR("model_list"),
        .reason = STR("Model gpt-4o is not in allow list"),
        .policy_version = 7,
        .slot = -1,
        .epoch = 42,
        .is_stream = true,
        .status = 403,
        .has_body_sha256 = true,
        .body_sha256 = {{1, 2, 3}},
        .violations = violations,
        .violations_count = count,
    };
}

static void test_decision_round_trip(void **state)
{
    (void)state;
    struct audit_violation v[2] = {{.policy = STR("a"), .message = STR("m1"), .policy_version = 9},
                                   {.rule = STR("provider_list"), .effect = STR("warn")}};
    struct audit_decision d = example(v, 2);
    struct buf out;
    struct arena a;
    struct audit_record r;
    buf_init(&out, 1 << 20);
    arena_init(&a, 1 << 20);
    audit_decision_write(&out, &d);
    assert_int_equal(out.err, ERR_OK);
    assert_int_equal(audit_record_read(&a, buf_str(&out), &r), ERR_OK);
    assert_int_equal(r.kind, AUDIT_DECISION);
    assert_true(str_eq(r.decision.reason, d.reason));
    assert_int_equal(r.decision.slot, -1);
    assert_int_equal(r.decision.epoch, 42);
    assert_true(r.decision.is_stream);
    assert_false(r.decision.is_degraded);
    assert_memory_equal(r.decision.body_sha256.bytes, d.body_sha256.bytes, 32);
    assert_int_equal(r.decision.violations_count, 2);
    assert_true(str_eq(r.decision.violations[0].message, STR("m1")));
    assert_int_equal(r.decision.violations[0].policy_version, 9);
    assert_true(str_eq(r.decision.violations[1].effect, STR("warn")));
    /* Every shorter prefix and one byte more is refused. */
    for (size_t len = 0; len < out.len; len++) {
        assert_int_equal(audit_record_read(&a, str_sub(buf_str(&out), 0, len), &r), ERR_CORRUPT);
    }
    buf_add_byte(&out, 0);
    assert_int_equal(audit_record_read(&a, buf_str(&out), &r), ERR_CORRUPT);
    buf_fini(&out);
    arena_fini(&a);
}

static void test_outcome_round_trip(void **state)
{
    (void)state;
    struct audit_outcome o = {.request_id = STR("req_x"),
                              .org = STR("org_acme"),
                              .outcome = STR("completed"),
                              .status = 200,
                              .input_tokens = 12,
                              .has_usage = true,
                              .cost_pico_usd = -1};
    struct buf out;
    struct arena a;
    struct audit_record r;
    buf_init(&out, 1 << 20);
    arena_init(&a, 1 << 20);
    audit_outcome_write(&out, &o);
    assert_int_equal(audit_record_read(&a, buf_str(&out), &r), ERR_OK);
    assert_int_equal(r.kind, AUDIT_OUTCOME);
    assert_true(str_eq(r.outcome.outcome, STR("completed")));
    assert_int_equal(r.outcome.cost_pico_usd, -1);
    assert_int_equal(r.outcome.input_tokens, 12);
    buf_fini(&out);
    arena_fini(&a);
}

static void test_S4_38_json_shape(void **state)
{
    (void)state;
    struct audit_decision d = example(NULL, 0);
    struct buf out;
    buf_init(&out, 1 << 20);
    audit_decision_write_json(&out, &d, NULL);
    static const char expected[] =
        "{\"decision\":\"block\",\"policy\":\"dev_team_restrictions\",\"rule\":\"model_list\","
        "\"reason\":\"Model gpt-4o is not in allow list\",\"user\":\"dev@acme.com\","
        "\"environment\":\"development\",\"timestamp\":\"2025-01-15T10:30:00.000Z\","
        "\"request_id\":\"req_01JABCDEFGHJKMNPQRSTVWXYZ0\"";
    assert_true(str_starts(buf_str(&out), str_from(expected)));
    assert_true(str_ends(buf_str(&out), STR("\"violations\":[]}")));
    buf_fini(&out);
}

static void test_long_text_is_cut(void **state)
{
    (void)state;
    static char big[9000];
    memset(big, 'x', sizeof(big));
    struct audit_decision d = example(NULL, 0);
    d.reason = (struct str){big, sizeof(big)};
    struct buf out;
    struct arena a;
    struct audit_record r;
    buf_init(&out, 1 << 20);
    arena_init(&a, 1 << 20);
    audit_decision_write(&out, &d);
    assert_int_equal(audit_record_read(&a, buf_str(&out), &r), ERR_OK);
    assert_int_equal(r.decision.reason.len, 4096);
    buf_fini(&out);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decision_round_trip),
        cmocka_unit_test(test_outcome_round_trip),
        cmocka_unit_test(test_S4_38_json_shape),
        cmocka_unit_test(test_long_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
