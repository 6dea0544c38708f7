/* SPDX-License-Identifier: Apache-2.0
 *
 * What one request on a connection leaves to the next: whose key it was, and the decision.
 * Who answered shows by the pepper: with another one every key that is looked up is wrong.
 * Whatever must refuse refuses on the very next request, and a record made from what was
 * remembered is byte for byte the one of a fresh exchange.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "path.h"
#include "talk.h"

#define HEAD "GET /v1/models HTTP/1.1\r\nHost: gw\r\n"
#define BEARER "Authorization: Bearer "

static struct path p;
static char keys[3][80]; /* the texts of three keys; [2]: the first's id, another secret */
static struct policy_key_row rows[3];

static void make_key(unsigned n)
{
    uint8_t dice[64];
    struct policy_key_text parsed;
    struct buf text;
    memset(dice, (int)n + 5, sizeof(dice));
    buf_init(&text, 128);
    if (n == 2) {
        policy_key_format_as(&text, STR("pc_live"), rows[0].id, dice);
    } else {
        policy_key_format(&text, STR("pc_live"), dice);
    }
    snprintf(keys[n], sizeof(keys[n]), "%.*s", STR_ARG(buf_str(&text)));
    assert_int_equal(policy_key_parse(str_from(keys[n]), &parsed), ERR_OK);
    rows[n] = (struct policy_key_row){.id = parsed.id, .name = STR("k"), .may_call = true};
    struct sha256 mac = hmac_sha256(p.env.pepper, parsed.secret);
    memcpy(rows[n].secret_hmac, mac.bytes, sizeof(mac.bytes));
    buf_fini(&text);
}

static int set_up(void **state)
{
    (void)state;
    path_set_up(&p, NULL);
    for (unsigned n = 0; n < 3; n++) {
        make_key(n);
    }
    p.is_one_connection = true;
    path_publish(&p, rows, 2);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    path_tear_down(&p);
    return 0;
}

/* 0: let in; else the status of the refusal. */
static unsigned say(const char *head)
{
    unsigned status = 0;
    path_request_bytes(&p, str_from(head), 0);
    assert_true(p.is_done);
    assert_int_equal(sscanf(p.client.ptr, "HTTP/1.1 %u ", &status), 1);
    assert_int_equal(p.decisions, status == 200 ? 1 : 0);
    return status == 200 ? 0 : status;
}

static unsigned with_key(unsigned n)
{
    char text[256];
    snprintf(text, sizeof(text), HEAD BEARER "%s\r\n\r\n", keys[n]);
    unsigned status = say(text);
    if (status == 0) {
        assert_true(str_eq(p.decision.key_id, rows[n].id));
    }
    return status;
}

/* Is the key let in without being looked up? */
static bool is_remembered(unsigned n)
{
    struct str pepper = p.env.pepper;
    p.env.pepper = STR("another pepper");
    unsigned status = with_key(n);
    p.env.pepper = pepper;
    assert_true(status == 0 || status == 401);
    return status == 0;
}

static void test_the_same_key_is_looked_up_once(void **state)
{
    (void)state;
    assert_false(is_remembered(0)); /* the first time: hashed, and wrong */
    assert_int_equal(with_key(0), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(is_remembered(0));
    }
    p.is_one_connection = false;
    assert_false(is_remembered(0));
    p.is_one_connection = true;
    assert_int_equal(with_key(0), 0);
    assert_true(is_remembered(0));
    p.snapshot_number = 0; /* a host that does not number them */
    assert_false(is_remembered(0));
    assert_int_equal(with_key(0), 0);
    assert_false(is_remembered(0));
}

static void test_another_key_is_another_one(void **state)
{
    (void)state;
    assert_int_equal(with_key(0), 0);
    assert_false(is_remembered(1)); /* of the same length, in the same place */
    assert_false(is_remembered(0)); /* nor is what was noted before */
    assert_int_equal(with_key(1), 0);
    assert_true(is_remembered(1));
    assert_false(is_remembered(0));
    assert_int_equal(with_key(2), 401); /* the id is good, the secret is not */
    assert_int_equal(with_key(0), 0);
    assert_int_equal(with_key(2), 401);
    assert_false(is_remembered(0));
}

/* Any change of any byte of the key, behind a good one. */
static void test_a_changed_key_is_refused(void **state)
{
    (void)state;
    char text[256], good[80];
    memcpy(good, keys[0], sizeof(good));
    for (size_t at = 0; at < strlen(good); at++) {
        assert_int_equal(with_key(0), 0);
        snprintf(text, sizeof(text), HEAD BEARER "%s\r\n\r\n", good);
        text[strlen(HEAD BEARER) + at] ^= 1;
        assert_int_equal(say(text), 401);
        assert_int_equal(say(text), 401);
    }
    for (size_t len = 1; len < strlen(good); len += 7) {
        assert_int_equal(with_key(0), 0);
        snprintf(text, sizeof(text), HEAD BEARER "%.*s\r\n\r\n", (int)len, good);
        assert_int_equal(say(text), 401);
        snprintf(text, sizeof(text), HEAD BEARER "%s%.*s\r\n\r\n", good, (int)len, good);
        assert_int_equal(say(text), 401);
    }
}

static void test_no_key_and_two_keys(void **state)
{
    (void)state;
    char text[512];
    assert_int_equal(with_key(0), 0);
    assert_int_equal(say(HEAD "\r\n"), 401);
    assert_false(is_remembered(0));
    assert_int_equal(with_key(0), 0);
    /* the line of before, and another key behind it */
    snprintf(text, sizeof(text), HEAD BEARER "%s\r\nX-Api-Key: %s\r\n\r\n", keys[0], keys[1]);
    assert_int_equal(say(text), 400);
    snprintf(text, sizeof(text), HEAD BEARER "%s\r\nX-Api-Key: %s\r\n\r\n", keys[0], keys[2]);
    assert_int_equal(say(text), 400);
    /* the key of before as what is no key */
    snprintf(text, sizeof(text), HEAD "X-Authorization: %s\r\n\r\n", keys[0]);
    assert_int_equal(with_key(0), 0);
    assert_int_equal(say(text), 401);
    snprintf(text, sizeof(text), HEAD "Authorization: Basic %s\r\n\r\n", keys[0]);
    assert_int_equal(with_key(0), 0);
    assert_int_equal(say(text), 401);
    /* the same one twice is one */
    snprintf(text, sizeof(text), HEAD BEARER "%s\r\nX-Api-Key: %s\r\n\r\n", keys[0], keys[0]);
    assert_int_equal(say(text), 0);
    assert_int_equal(say(text), 0);
    snprintf(text, sizeof(text), HEAD BEARER "%s\r\nX-Api-Key: %s\r\n\r\n", keys[0], keys[2]);
    assert_int_equal(say(text), 400);
}

static void test_a_snapshot_revokes_on_the_next_request(void **state)
{
    (void)state;
    assert_int_equal(with_key(0), 0);
    path_publish(&p, rows, 2); /* nothing changed */
    assert_false(is_remembered(0));
    assert_int_equal(with_key(0), 0);
    assert_true(is_remembered(0));
    struct policy_key_row revoked[] = {rows[0], rows[1]};
    revoked[0].is_revoked = true;
    path_publish(&p, revoked, 2);
    assert_int_equal(with_key(0), 401);
    assert_int_equal(with_key(0), 401);
    path_publish(&p, rows, 2);
    assert_int_equal(with_key(0), 0);
    path_publish(&p, rows + 1, 1); /* it is gone */
    assert_int_equal(with_key(0), 401);
    assert_int_equal(with_key(1), 0);
}

static void test_a_key_expires_between_two_requests(void **state)
{
    (void)state;
    int64_t now_s = p.now.unix_ms / 1000;
    struct policy_key_row row = rows[0];
    row.expires_at_s = now_s + 1;
    path_publish(&p, &row, 1);
    assert_int_equal(with_key(0), 0);
    assert_true(is_remembered(0));
    p.now.unix_ms += 1000;
    assert_int_equal(with_key(0), 401);
    assert_false(is_remembered(0));
    row.expires_at_s = 0;
    row.not_before_s = now_s + 1;
    path_publish(&p, &row, 1);
    assert_int_equal(with_key(0), 0);
    assert_true(is_remembered(0));
    p.now.unix_ms -= 1000; /* a clock that was set back */
    assert_int_equal(with_key(0), 401);
}

static void test_the_grace_of_a_rotated_key_ends(void **state)
{
    (void)state;
    struct policy_key_row row = rows[2];
    row.id = rows[0].id;
    row.has_previous = true;
    memcpy(row.previous_hmac, rows[0].secret_hmac, sizeof(row.previous_hmac));
    row.previous_until_s = p.now.unix_ms / 1000 + 1;
    assert_int_equal(with_key(0), 0);
    path_publish(&p, &row, 1);
    assert_int_equal(with_key(0), 0);
    assert_false(is_remembered(0)); /* of two secrets neither is */
    assert_int_equal(with_key(0), 0);
    p.now.unix_ms += 1000;
    assert_int_equal(with_key(0), 401);
    assert_int_equal(with_key(2), 0);
}

/* ---- decisions ----------------------------------------------------------------------- */

/* The decision record of a chat request, as bytes. */
static struct str record_of(const char *model, const char *more, struct buf *b)
{
    char body[256], text[1024];
    snprintf(body, sizeof(body), "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\","
                                 "\"content\":\"hello\"}]}", model);
    snprintf(text, sizeof(text), "POST /v1/chat/completions HTTP/1.1\r\nHost: gw\r\n" BEARER
             "%s\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n%s", p.key,
             more, strlen(body), body);
    path_request_bytes(&p, str_from(text), 0);
    assert_int_equal(p.decisions, 1);
    if (!p.is_done) {
        path_client_gone(&p);
    }
    buf_clear(b);
    audit_decision_write(b, &p.decision);
    assert_int_equal(b->err, ERR_OK);
    return buf_str(b);
}

static const char *const governance[] = {
    "{\"name\":\"Trust\",\"tagSlot\":1,\"rules\":{\"minimumTrustTier\":\"trusted\","
    "\"enforcement\":\"hard_block\"}}",
    TALK_WARN, NULL};

static void test_records_of_remembered_decisions(void **state)
{
    (void)state;
    static const struct {
        const char *model, *more;
    } asked[] = {
        {"gpt-4o", ""},
        {"gpt-4o", ""},
        {"openai/gpt-4o", ""},
        {"gpt-4o", "X-Governance-Policy: 2\r\n"},
        {"gpt-4o", "X-Governance-Policy: 2\r\n"},
        {"gpt-4o", "X-Governance-Policy: 1\r\n"},
        {"gpt-4o", "X-Governance-Policy: 1\r\n"},
        {"gpt-4o", "X-Governance-Policy: 9\r\n"},
        {"gpt-4o", "X-Governance-Tags: a=b\r\n"},
        {"claude-sonnet-4-5", ""},
        {"claude-sonnet-4-5", ""},
        {"deepseek/deepseek-v3.2", ""},
        {"gpt-4o", ""},
        {"no-such-model", ""},
        {"gpt-4o", ""},
    };
    struct buf one, other;
    struct path fresh;
    buf_init(&one, 1u << 16);
    buf_init(&other, 1u << 16);
    path_tear_down(&p);
    path_set_up(&fresh, governance);
    path_set_up(&p, governance);
    p.is_one_connection = true;
    p.snapshot_number = 1;
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        struct str with = record_of(asked[i].model, asked[i].more, &one);
        struct path kept = p;
        p = fresh;
        p.now = kept.now;
        struct str without = record_of(asked[i].model, asked[i].more, &other);
        fresh = p;
        p = kept;
        assert_true(with.len > 100);
        assert_true(str_eq(with, without));
    }
    path_tear_down(&fresh);
    buf_fini(&one);
    buf_fini(&other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_same_key_is_looked_up_once),
        TEST(test_another_key_is_another_one),
        TEST(test_a_changed_key_is_refused),
        TEST(test_no_key_and_two_keys),
        TEST(test_a_snapshot_revokes_on_the_next_request),
        TEST(test_a_key_expires_between_two_requests),
        TEST(test_the_grace_of_a_rotated_key_ends),
        TEST(test_records_of_remembered_decisions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
