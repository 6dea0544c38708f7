/* SPDX-License-Identifier: Apache-2.0
 *
 * How long things waited for the loop is counted: once for each event, in the bucket
 * of the turn it was handled in, and a turn that took long is seen as such.
 */
#include "stage.h"

#include <time.h>

#define BLOCK_MS 30
#define ABOVE_25_MS 8 /* the first bucket whose events waited longer */

static uint64_t waited(size_t first_bucket)
{
    const struct net_lag *lag = &net_stats(stage.net)->lag;
    uint64_t count = 0;
    for (size_t i = first_bucket; i <= NET_LAG_BOUNDS; i++) {
        count += lag->buckets[i];
    }
    return count;
}

static void every_event_is_counted(void **state)
{
    static struct inbox in;
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    uint64_t before = waited(0);
    for (unsigned i = 0; i < 3; i++) {
        memset(&in, 0, sizeof(in));
        stage_send(fd, STR("POST /echo HTTP/1.1\r\nHost: gw\r\nContent-Length: 3\r\n\r\nabc"));
        stage_expect(fd, &in, "\r\n\r\nabc");
    }
    stage_turn(); /* a turn is counted when it is over */
    assert_true(waited(0) >= before + 3);
    close(fd);
    stage_close();
}

static void a_long_turn_is_seen(void **state)
{
    struct timespec block = {.tv_nsec = BLOCK_MS * 1000000L};
    (void)state;
    stage_init();
    stage_open(NULL);
    assert_int_equal(net_lag_bounds_us[ABOVE_25_MS - 1], 25000);
    stage_turn();
    uint64_t before = waited(ABOVE_25_MS);
    net_note_work(stage.net);
    net_note_work(stage.net); /* another event of the same turn */
    nanosleep(&block, NULL);
    stage_turn();
    assert_true(waited(ABOVE_25_MS) >= before + 2);
    assert_true(net_stats(stage.net)->lag.max_us >= BLOCK_MS * 1000);
    assert_true(net_stats(stage.net)->lag.sum_us >= 2 * BLOCK_MS * 1000);
    stage_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_is_counted),
        cmocka_unit_test(a_long_turn_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
