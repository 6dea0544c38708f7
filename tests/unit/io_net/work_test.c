/* SPDX-License-Identifier: Apache-2.0
 *
 * Long calls on another thread: the loop serves others meanwhile, one is done at a time,
 * and nobody touches an exchange that is at work: a client that goes, a drain that ends
 * and a loop that closes wait until the call has returned. The fake flow aborts otherwise.
 */
#include "stage.h"

#define WORK_REQUEST(mark) "POST /work HTTP/1.1\r\nHost: gw\r\nContent-Length: 1\r\n\r\n" mark

static struct inbox in;

/* Returns the client whose exchange is at work until is_held is taken back. */
static int open_at_work(void)
{
    stage_init();
    fake.is_held = true;
    stage_open(NULL);
    int fd = stage_connect();
    stage_send(fd, STR(WORK_REQUEST("a")));
    stage_until(fake.working == 1);
    return fd;
}

static void a_call_is_done_elsewhere(void **state)
{
    (void)state;
    int fd = open_at_work();
    stage_expect_echo(); /* others are answered */
    assert_int_equal(fake.worked, 0);
    assert_int_equal(net_stats(stage.net)->turns, 0);
    fake.is_held = false;
    int provider = provider_accept();
    provider_answer(provider);
    memset(&in, 0, sizeof(in));
    stage_expect(fd, &in, "fine");
    assert_int_equal(fake.worked, 1);
    assert_int_equal(fake.worked_on_loop, 0);
    assert_int_equal(net_stats(stage.net)->turns, 1);
    close(provider);
    close(fd);
    stage_close();
}

static void one_at_a_time(void **state)
{
    (void)state;
    int a = open_at_work(), b = stage_connect(), c = stage_connect();
    stage_send(b, STR(WORK_REQUEST("b")));
    stage_until(net_stats(stage.net)->requests_active == 2);
    stage_send(c, STR(WORK_REQUEST("c")));
    stage_until(net_stats(stage.net)->requests_active == 3);
    for (int i = 0; i < 5; i++) {
        stage_turn();
        assert_int_equal(fake.working, 1);
    }
    reset_socket(b); /* it waits in the queue: nothing is done for it */
    stage_until(fake.gone == 1);
    fake.is_held = false;
    stage_until(fake.worked == 2);
    assert_string_equal(fake.work_log, "ac");
    assert_int_equal(fake.worked_on_loop, 0);
    close(a);
    close(c);
    stage_until(net_stats(stage.net)->requests_active == 0);
    stage_close();
}

static void a_client_that_goes_waits_for_the_call(void **state)
{
    (void)state;
    int fd = open_at_work();
    reset_socket(fd);
    stage_until(net_stats(stage.net)->clients == 0);
    stage_expect_echo();
    assert_int_equal(fake.gone, 0);
    assert_int_equal(net_stats(stage.net)->requests_active, 1);
    fake.is_held = false;
    stage_until(fake.gone == 1);
    assert_int_equal(net_stats(stage.net)->turns, 0); /* it does not go on */
    assert_int_equal(stage.records + fake.calls, 0);
    stage_until(net_stats(stage.net)->requests_active == 0);
    stage_close();
}

static void a_drain_waits_for_the_call(void **state)
{
    (void)state;
    int fd = open_at_work();
    net_drain(stage.net, 1);
    stage_until(net_stats(stage.net)->clients == 0); /* cut: the deadline passed */
    assert_false(stage.is_drained);
    assert_int_equal(fake.ended, 0);
    fake.is_held = false;
    stage_until(stage.is_drained);
    assert_int_equal(fake.gone, 1);
    close(fd);
    stage_close();
}

static void let_go(void *unused)
{
    (void)unused;
    uv_sleep(20);
    fake.is_held = false;
}

/* stage_close expects that every exchange has ended and given back its pin. */
static void a_close_waits_for_the_call(void **state)
{
    (void)state;
    uv_thread_t thread;
    int fd = open_at_work(), other = stage_connect();
    stage_send(other, STR(WORK_REQUEST("b"))); /* never begun */
    stage_until(net_stats(stage.net)->requests_active == 2);
    assert_int_equal(uv_thread_create(&thread, let_go, NULL), 0);
    stage_close();
    assert_int_equal(uv_thread_join(&thread), 0);
    assert_string_equal(fake.work_log, "a");
    close(fd);
    close(other);
}

/* What large exchanges leave is freed elsewhere, at the end wherever. */
static void what_is_left_is_freed_elsewhere(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    fake.leaves = true;
    for (unsigned i = 1; i <= 3; i++) {
        stage_expect_echo();
        stage_until(fake.freed == i);
    }
    assert_int_equal(fake.freed_on_loop, 0);
    fake.is_held = true;
    int fd = stage_connect();
    stage_send(fd, STR(WORK_REQUEST("a")));
    stage_until(fake.working == 1);
    for (unsigned i = 0; i < 6; i++) { /* four may wait for the call */
        stage_expect_echo();
    }
    stage_until(fake.left == 9);
    assert_int_equal(fake.freed_on_loop, 2);
    assert_int_equal(fake.freed, 5);
    fake.is_held = false;
    stage_until(fake.freed == 9);
    assert_int_equal(fake.freed_on_loop, 2);
    close(fd);
    stage_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_done_elsewhere),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(a_client_that_goes_waits_for_the_call),
        cmocka_unit_test(a_drain_waits_for_the_call),
        cmocka_unit_test(a_close_waits_for_the_call),
        cmocka_unit_test(what_is_left_is_freed_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
