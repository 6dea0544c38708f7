/* SPDX-License-Identifier: Apache-2.0
 *
 * Long work in slices: an exchange that wants a turn gets one slice for each turn of
 * the loop, several take turns, others are answered meanwhile, and whoever goes away
 * or is cut in the middle is accounted for.
 */
#include "stage.h"

#define TURN_REQUEST(mark) "POST /turn HTTP/1.1\r\nHost: gw\r\nContent-Length: 1\r\n\r\n" mark

static struct inbox in;

static void work_goes_on_until_it_is_done(void **state)
{
    (void)state;
    stage_init();
    fake.turns = 20;
    stage_open(NULL);
    int fd = stage_connect();
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR(TURN_REQUEST("a")));
    int provider = provider_accept();
    provider_answer(provider);
    stage_expect(fd, &in, "fine");
    assert_string_equal(fake.turn_log, "aaaaaaaaaaaaaaaaaaaa");
    assert_int_equal(net_stats(stage.net)->turns, 20);
    /* The connection carries another one. */
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR(ECHO_REQUEST));
    stage_expect(fd, &in, "\r\n\r\nabc");
    assert_int_equal(net_stats(stage.net)->turns, 20);
    close(provider);
    close(fd);
    stage_close();
}

/* Nobody is served twice before everybody was served once. */
static void slices_go_round(void **state)
{
    (void)state;
    stage_init();
    fake.turns = 30;
    stage_open(NULL);
    int a = stage_connect(), b = stage_connect(), c = stage_connect();
    stage_send(a, STR(TURN_REQUEST("a")));
    stage_send(b, STR(TURN_REQUEST("b")));
    stage_send(c, STR(TURN_REQUEST("c")));
    stage_until(strlen(fake.turn_log) == 90);
    const char *all = strstr(fake.turn_log, "abc"); /* from where all three are there */
    all = all != NULL ? all : strstr(fake.turn_log, "acb");
    assert_non_null(all);
    size_t together = strlen(all) / 2 / 3 * 3;
    assert_true(together >= 30);
    for (size_t i = 3; i < together; i++) {
        assert_int_equal(all[i], all[i - 3]);
    }
    close(a);
    close(b);
    close(c);
    stage_close();
}

/* Far more slices than the other request needs turns of the loop. */
static void others_are_answered_meanwhile(void **state)
{
    (void)state;
    stage_init();
    fake.turns = 1000000;
    stage_open(NULL);
    int fd = stage_connect();
    stage_send(fd, STR(TURN_REQUEST("a")));
    stage_until(net_stats(stage.net)->turns > 3);
    stage_expect_echo();
    assert_int_equal(net_stats(stage.net)->requests_active, 1);
    assert_true(net_stats(stage.net)->turns < 1000000);
    reset_socket(fd);
    stage_until(net_stats(stage.net)->requests_active == 0);
    stage_close();
}

static void a_client_that_goes_ends_its_work(void **state)
{
    (void)state;
    stage_init();
    fake.turns = 1000000;
    stage_open(NULL);
    int fd = stage_connect(), other = stage_connect();
    stage_send(fd, STR(TURN_REQUEST("a")));
    stage_send(other, STR(TURN_REQUEST("b")));
    stage_until(strchr(fake.turn_log, 'a') != NULL && strchr(fake.turn_log, 'b') != NULL);
    reset_socket(fd);
    stage_until(fake.gone == 1);
    uint64_t before = net_stats(stage.net)->turns;
    stage_until(net_stats(stage.net)->turns > before + 3); /* the other goes on */
    assert_int_equal(stage.records, 0);                    /* nothing was decided */
    assert_int_equal(fake.calls, 0);
    reset_socket(other);
    stage_until(net_stats(stage.net)->requests_active == 0);
    before = net_stats(stage.net)->turns;
    stage_turn();
    assert_int_equal(net_stats(stage.net)->turns, before);
    stage_close();
}

/* F25: what is under way may finish; what does not by the deadline is ended. */
static void a_drain_waits_and_then_cuts(void **state)
{
    (void)state;
    stage_init();
    fake.turns = 3;
    stage_open(NULL);
    int fd = stage_connect();
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR(TURN_REQUEST("a")));
    stage_until(fake.turn_log[0] != '\0');
    fake.turns = 1000000;
    int endless = stage_connect();
    stage_send(endless, STR(TURN_REQUEST("z")));
    stage_until(strchr(fake.turn_log, 'z') != NULL);
    net_drain(stage.net, 500);
    int provider = provider_accept();
    provider_answer(provider);
    stage_expect(fd, &in, "fine");
    stage_until(stage.is_drained);
    assert_int_equal(fake.gone, 1);
    close(provider);
    close(fd);
    close(endless);
    stage_close();
}

/* A loop that is closed in the middle ends the exchange. */
static void a_close_ends_it(void **state)
{
    (void)state;
    stage_init();
    fake.turns = 1000000;
    stage_open(NULL);
    int fd = stage_connect();
    stage_send(fd, STR(TURN_REQUEST("a")));
    stage_until(fake.turn_log[0] != '\0');
    stage_close();
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_goes_on_until_it_is_done),
        cmocka_unit_test(slices_go_round),
        cmocka_unit_test(others_are_answered_meanwhile),
        cmocka_unit_test(a_client_that_goes_ends_its_work),
        cmocka_unit_test(a_drain_waits_and_then_cuts),
        cmocka_unit_test(a_close_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
