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
        .substituted_from = STR("gpt-4o"),
        .client_request_id = STR("order-7"),
        .trace_id = STR("4bf92f3577b34da6a3ce929d0e0e4736"),
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
    assert_true(str_eq(r.decision.substituted_from, STR("gpt-4o")));
    assert_true(str_eq(r.decision.client_request_id, STR("order-7")));
    assert_true(str_eq(r.decision.trace_id, d.trace_id));
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
        "\"request_id\":\"req_01JABCDEFGHJKMNPQRSTVWXYZ0\",\"client_request_id\":\"order-7\","
        "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\"";
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

/* As programs up to version 4 wrote them: `texts` empty but the named one. */
static void old_texts(struct buf *b, size_t count, size_t named, struct str value)
{
    for (size_t i = 0; i < count; i++) {
        struct str s = i == named ? value : STR_NONE;
        buf_add_byte(b, (char)s.len);
        buf_add_byte(b, 0);
        buf_add(b, s);
    }
}

static void old_numbers(struct buf *b, size_t count, unsigned char first)
{
    for (size_t i = 0; i < count; i++) {
        buf_add_byte(b, (char)(first + i));
        buf_add(b, (struct str){"\0\0\0\0\0\0\0", 7});
    }
}

static void old_decision(struct buf *b, char version)
{
    buf_clear(b);
    buf_add_byte(b, version);
    buf_add_byte(b, AUDIT_DECISION);
    old_texts(b, 22, 12, STR("block"));
    old_numbers(b, 3, 40); /* unix_ms, worker, policy_version */
    buf_add(b, STR("\xff\xff\xff\xff\xff\xff\xff\xff")); /* slot */
    old_numbers(b, 3, 44); /* epoch ... staleness_ms */
    buf_add(b, (struct str){"\0\1", 2}); /* is_degraded, is_stream */
    old_numbers(b, 4, 0); /* status, rules_applied, eval_us, request_bytes */
    buf_add_byte(b, 0);   /* no hash */
    old_numbers(b, 1, 1); /* violations */
    old_texts(b, 8, 7, STR("why"));
    old_numbers(b, 1, 9);
    if (version >= 2) {
        old_texts(b, 3, 1, STR("email"));
        old_numbers(b, 3, 20); /* start, end, count */
        old_numbers(b, 2, 30); /* violations_dropped, modifications */
    }
    if (version >= 3) {
        old_texts(b, 1, 0, STR("gpt-4o"));
    }
    if (version >= 4) {
        old_texts(b, 2, 0, STR("order-7"));
    }
}

static void old_outcome(struct buf *b, char version)
{
    buf_clear(b);
    buf_add_byte(b, version);
    buf_add_byte(b, AUDIT_OUTCOME);
    old_texts(b, 8, 3, STR("completed"));
    old_numbers(b, 8, 0); /* unix_ms ... cached_tokens */
    buf_add(b, (struct str){"\1\0", 2});
    old_numbers(b, 5, 0); /* cost_pico_usd ... response_bytes */
    if (version >= 2) {
        old_texts(b, 1, 0, STR("warn"));
        old_numbers(b, 3, 0); /* violations, violations_dropped, modifications */
    }
}

/* Whole, and not cut short, and not taken for another version's. */
static void expect_read(struct buf *b, struct audit_record *r, struct arena *a, char newest_alike)
{
    char version = b->ptr[0];
    for (size_t len = 0; len < b->len; len++) {
        assert_int_equal(audit_record_read(a, str_sub(buf_str(b), 0, len), r), ERR_CORRUPT);
    }
    for (char other = 0; other < 7; other++) {
        bool is_alike = other >= version && other <= newest_alike;
        b->ptr[0] = other;
        assert_int_equal(audit_record_read(a, buf_str(b), r), is_alike ? ERR_OK : ERR_CORRUPT);
    }
    b->ptr[0] = version;
    assert_int_equal(audit_record_read(a, buf_str(b), r), ERR_OK);
}

static void test_records_of_older_versions_are_read(void **state)
{
    (void)state;
    struct buf b;
    struct arena a;
    struct audit_record r;
    buf_init(&b, 4096);
    arena_init(&a, 1 << 20);
    for (char version = 1; version <= 4; version++) {
        old_decision(&b, version);
        expect_read(&b, &r, &a, version);
        const struct audit_decision *d = &r.decision;
        assert_true(str_eq(d->decision, STR("block")));
        assert_int_equal(d->unix_ms, 40);
        assert_int_equal(d->slot, -1);
        assert_int_equal(d->staleness_ms, 46);
        assert_true(d->is_stream);
        assert_int_equal(d->request_bytes, 3);
        assert_int_equal(d->violations_count, 1);
        assert_true(str_eq(d->violations[0].message, STR("why")));
        assert_int_equal(d->violations[0].policy_version, 9);
        assert_int_equal(d->violations[0].what.len, version >= 2 ? 5 : 0);
        assert_int_equal(d->violations[0].count, version >= 2 ? 22 : 0);
        assert_int_equal(d->modifications, version >= 2 ? 31 : 0);
        assert_int_equal(d->substituted_from.len, version >= 3 ? 6 : 0);
        assert_int_equal(d->client_request_id.len, version >= 4 ? 7 : 0);
        assert_int_equal(d->trace_id.len, 0);
    }
    old_outcome(&b, 1);
    expect_read(&b, &r, &a, 1);
    assert_true(str_eq(r.outcome.outcome, STR("completed")));
    assert_int_equal(r.outcome.response_bytes, 4);
    assert_int_equal(r.outcome.response_decision.len, 0);
    old_outcome(&b, 2);
    expect_read(&b, &r, &a, 4); /* outcomes have got nothing since */
    assert_true(str_eq(r.outcome.response_decision, STR("warn")));
    assert_int_equal(r.outcome.modifications, 2);
    buf_fini(&b);
    arena_fini(&a);
}

/* The bytes themselves: what another program would have to write. */
static void test_the_bytes_of_an_outcome(void **state)
{
    (void)state;
    static const char bytes[] = "\5\2" "\5req_x\0\2oc\0\0\0\0\0" "\x80\2\0\xc8\1\0\0"
                                "\x7f\x80\1\0\1\0" "\1\0\0\0\0" "\0\0\0\0";
    struct audit_outcome o = {.request_id = STR("req_x"),
                              .org = STR("oc"),
                              .unix_ms = 128,
                              .status = 200,
                              .input_tokens = 127,
                              .output_tokens = 128,
                              .has_usage = true,
                              .cost_pico_usd = -1};
    struct buf out;
    buf_init(&out, 1 << 20);
    audit_outcome_write(&out, &o);
    assert_int_equal(out.len, sizeof(bytes) - 1);
    assert_memory_equal(out.ptr, bytes, out.len);
    buf_fini(&out);
}

static void test_numbers_have_one_spelling(void **state)
{
    (void)state;
    static const struct {
        size_t field; /* of an empty outcome each is one byte */
        const char *bytes;
        size_t len;
        bool is_good;
    } cases[] = {
        {8, "\x7f", 1, true},
        {8, "\x80\1", 2, true},
        {8, "\x80\0", 2, false}, /* longer than it need be */
        {8, "\xff\x80\0", 3, false},
        {8, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 10, true},
        {8, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\2", 10, false}, /* 65 bits */
        {8, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\0", 11, false},
        {9, "\xff\xff\xff\xff\x0f", 5, true},
        {9, "\xff\xff\xff\xff\x1f", 5, false}, /* of 32 bits */
        {16, "\1", 1, true},
        {16, "\2", 1, false}, /* neither yes nor no */
        {16, "\x80\0", 2, false},
        {0, "\x80\0", 2, false},
        {0, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 10, false},
        {24, "\x41", 1, false}, /* 65 violations */
    };
    struct audit_outcome none = {0};
    struct buf whole, out;
    struct arena a;
    struct audit_record r;
    buf_init(&whole, 4096);
    buf_init(&out, 4096);
    arena_init(&a, 1 << 20);
    audit_outcome_write(&whole, &none);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t at = 2 + cases[i].field;
        buf_clear(&out);
        buf_add(&out, str_sub(buf_str(&whole), 0, at));
        buf_add(&out, (struct str){cases[i].bytes, cases[i].len});
        buf_add(&out, str_sub(buf_str(&whole), at + 1, whole.len));
        enum err e = audit_record_read(&a, buf_str(&out), &r);
        if (e != (cases[i].is_good ? ERR_OK : ERR_CORRUPT)) {
            fail_msg("case %zu", i);
        }
    }
    buf_fini(&whole);
    buf_fini(&out);
    arena_fini(&a);
}

static void test_any_number_comes_back(void **state)
{
    (void)state;
    struct buf out;
    struct arena a;
    struct audit_record r;
    buf_init(&out, 1 << 20);
    arena_init(&a, 1 << 20);
    for (unsigned shift = 0; shift < 64; shift++) {
        for (uint64_t less = 0; less < 2; less++) {
            uint64_t v = (UINT64_C(1) << shift) - less;
            struct audit_outcome o = {.status = (uint32_t)v,
                                      .input_tokens = v,
                                      .cost_pico_usd = (int64_t)v,
                                      .unix_ms = (int64_t)~v,
                                      .response_bytes = ~v};
            struct audit_decision d = {.slot = (int32_t)(uint32_t)v, .epoch = v};
            buf_clear(&out);
            audit_outcome_write(&out, &o);
            assert_int_equal(audit_record_read(&a, buf_str(&out), &r), ERR_OK);
            assert_true(r.outcome.status == o.status && r.outcome.input_tokens == v &&
                        r.outcome.cost_pico_usd == o.cost_pico_usd &&
                        r.outcome.unix_ms == o.unix_ms && r.outcome.response_bytes == ~v);
            buf_clear(&out);
            audit_decision_write(&out, &d);
            assert_int_equal(audit_record_read(&a, buf_str(&out), &r), ERR_OK);
            assert_true(r.decision.slot == d.slot && r.decision.epoch == v);
        }
    }
    buf_fini(&out);
    arena_fini(&a);
}

static const struct audit_violation found = {.policy = STR_INIT("p"),
                                             .rule = STR_INIT("pii"),
                                             .rule_key = STR_INIT("k"),
                                             .effect = STR_INIT("modify"),
                                             .message = STR_INIT("PII detected: email"),
                                             .stage = STR_INIT("request"),
                                             .what = STR_INIT("email"),
                                             .pointer = STR_INIT("/messages/0/content"),
                                             .start = 3,
                                             .end = 15,
                                             .count = 2};

static void test_content_facts_round_trip(void **state)
{
    (void)state;
    struct audit_decision d = example(&found, 1);
    struct audit_outcome o = {.org = STR("o"),
                              .response_decision = STR("block"),
                              .violations = &found,
                              .violations_count = 1,
                              .violations_dropped = 5,
                              .modifications = 4};
    struct buf out;
    struct arena a;
    struct audit_record r;
    d.modifications = 2;
    d.violations_dropped = 1;
    buf_init(&out, 1 << 20);
    arena_init(&a, 1 << 20);
    audit_decision_write(&out, &d);
    assert_int_equal(audit_record_read(&a, buf_str(&out), &r), ERR_OK);
    assert_int_equal(r.decision.modifications, 2);
    assert_int_equal(r.decision.violations_dropped, 1);
    const struct audit_violation *v = r.decision.violations;
    assert_true(str_eq(v->stage, STR("request")) && str_eq(v->what, STR("email")));
    assert_true(str_eq(v->pointer, STR("/messages/0/content")));
    assert_int_equal(v->start, 3);
    assert_int_equal(v->end, 15);
    assert_int_equal(v->count, 2);
    buf_clear(&out);
    audit_outcome_write(&out, &o);
    for (size_t len = 0; len < out.len; len++) {
        assert_int_equal(audit_record_read(&a, str_sub(buf_str(&out), 0, len), &r), ERR_CORRUPT);
    }
    assert_int_equal(audit_record_read(&a, buf_str(&out), &r), ERR_OK);
    assert_true(str_eq(r.outcome.response_decision, STR("block")));
    assert_int_equal(r.outcome.violations_count, 1);
    assert_int_equal(r.outcome.violations_dropped, 5);
    assert_int_equal(r.outcome.modifications, 4);
    assert_true(str_eq(r.outcome.violations[0].what, STR("email")));
    buf_fini(&out);
    arena_fini(&a);
}

static void test_content_facts_in_json(void **state)
{
    (void)state;
    static const char place[] =
        "\"violations\":[{\"policy\":\"p\",\"policy_version\":0,\"rule\":\"pii\","
        "\"rule_key\":\"k\",\"effect\":\"modify\",\"message\":\"PII detected: email\","
        "\"stage\":\"request\",\"what\":\"email\","
        "\"pointer\":\"/messages/0/content\",\"start\":3,\"end\":15,\"count\":2}]";
    struct audit_decision d = example(&found, 1);
    struct audit_outcome o = {.outcome = STR("completed"), .cost_pico_usd = -1};
    struct buf out;
    buf_init(&out, 1 << 20);
    d.modifications = 2;
    audit_decision_write_json(&out, &d, &o);
    assert_true(str_find_str(buf_str(&out), STR(",\"modifications\":2,\"violations\":[")) > 0);
    assert_true(str_find_str(buf_str(&out), str_from(place)) > 0);
    assert_true(str_find_str(buf_str(&out), STR("response_decision")) < 0);
    o.response_decision = STR("block");
    o.violations = &found;
    o.violations_count = 1;
    o.violations_dropped = 7;
    buf_clear(&out);
    audit_decision_write_json(&out, &d, &o);
    assert_true(str_find_str(buf_str(&out),
                             STR(",\"response_decision\":\"block\",\"modifications\":0,"
                                 "\"violations_dropped\":7,\"violations\":[{")) > 0);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decision_round_trip),
        cmocka_unit_test(test_outcome_round_trip),
        cmocka_unit_test(test_S4_38_json_shape),
        cmocka_unit_test(test_long_text_is_cut),
        cmocka_unit_test(test_records_of_older_versions_are_read),
        cmocka_unit_test(test_the_bytes_of_an_outcome),
        cmocka_unit_test(test_numbers_have_one_spelling),
        cmocka_unit_test(test_any_number_comes_back),
        cmocka_unit_test(test_content_facts_round_trip),
        cmocka_unit_test(test_content_facts_in_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
