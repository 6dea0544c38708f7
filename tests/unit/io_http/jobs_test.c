/* SPDX-License-Identifier: Apache-2.0
 *
 * Management requests as jobs of the control thread: each is answered once, in time, and with
 * what became of it, also by a gateway that stops.
 */
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

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
    stage_ready();
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
    assert_int_equal(s.answers, 0);
    s.epoch_nodes = 9;
    (void)http_jobs_run(s.http);
    expect_answer(204, "preference-applied: wait\n", "");
    assert_int_equal(s.executes, 1);
}

/* However many wait: they are answered by the thread that publishes what they wait for. */
static void test_the_nodes_are_asked_once_for_all_who_wait(void **state)
{
    (void)state;
    begin_jobs();
    for (unsigned i = 0; i < 500; i++) {
        change("wait=30");
    }
    s.epoch_here = 9;
    s.asks = 0;
    (void)http_jobs_run(s.http);
    assert_int_equal(s.asks, 1);
    assert_int_equal(s.answers, 0);
    s.epoch_nodes = 9;
    (void)http_jobs_run(s.http);
    assert_int_equal(s.asks, 2);
    assert_int_equal(s.answers, 500);
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
    s.epoch_here = s.epoch_nodes = 9;
    change("wait=30");
    (void)http_jobs_run(s.http);
    expect_answer(204, "preference-applied: wait\n", "");
    stage_ready();
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
    stage_ready();
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
        cmocka_unit_test(test_a_change_waits_for_its_epoch),
        cmocka_unit_test(test_the_nodes_are_asked_once_for_all_who_wait),
        cmocka_unit_test(test_a_stopping_gateway_answers_who_waits),
        cmocka_unit_test(test_a_stopping_gateway_compiles_no_longer),
        cmocka_unit_test(test_a_full_queue_is_said),
    };
    return cmocka_run_group_tests_name("jobs", tests, stage_set_up, stage_tear_down);
}
