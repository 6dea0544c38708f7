/* SPDX-License-Identifier: Apache-2.0
 *
 * A sync that fails: the lane refuses, nothing is called synced that is not, the file
 * that failed is never synced again, and when new files can be synced the unsynced
 * records are in them, every record once or (if it was shipped already) twice.
 */
#include "box.h"

#include <errno.h>

/* What the fake disk does; one test at a time. */
static _Atomic int fail_left;           /* this many calls fail */
static _Atomic uint64_t failed[64];     /* numbers of the segments that failed once */
static _Atomic unsigned failed_count, repeated;

static int sync_or_fail(int fd)
{
    struct segment_header h;
    unsigned count = atomic_load(&failed_count);
    ASSERT(pread(fd, &h, sizeof(h), 0) == sizeof(h));
    for (unsigned i = 0; i < count && i < 64; i++) {
        if (atomic_load(&failed[i]) == h.number) {
            atomic_fetch_add(&repeated, 1);
        }
    }
    if (atomic_load(&fail_left) > 0) {
        atomic_fetch_sub(&fail_left, 1);
        atomic_store(&failed[count % 64], h.number);
        atomic_fetch_add(&failed_count, 1);
        errno = EIO;
        return -1;
    }
    return fdatasync(fd);
}

static void disk_init(struct box *b, int failures)
{
    atomic_store(&fail_left, failures);
    atomic_store(&failed_count, 0);
    atomic_store(&repeated, 0);
    b->spool->sync_fd = sync_or_fail;
}

static void check_all(struct receiver *r, unsigned last)
{
    static unsigned times[50000];
    receiver_tally(r, 0, times, 50000);
    for (unsigned i = 1; i <= last; i++) {
        assert_true(times[i] >= 1 && times[i] <= 2);
    }
    assert_int_equal(times[last + 1], 0);
}

static unsigned append_until_refused(struct box *b, unsigned next)
{
    int64_t until = spool_now_ms() + BOX_WAIT_MS;
    for (; spool_now_ms() < until; next++) {
        char text[256];
        uint64_t seq;
        struct str record = box_record(text, sizeof(text), 0, next);
        enum err e = spool_append(spool_lane_get(b->spool, 0), record, &seq);
        if (e != ERR_OK) {
            assert_int_equal(e, ERR_IO);
            return next;
        }
        assert_int_equal(seq, next);
        if (next % 50 == 0) {
            spool_pause_ms(1);
        }
    }
    return 0;
}

static void append_when_rescued(struct box *b, unsigned number)
{
    char text[256];
    uint64_t seq = 0;
    struct str record = box_record(text, sizeof(text), 0, number);
    BOX_WAIT_FOR(seq != 0 || spool_append(spool_lane_get(b->spool, 0), record, &seq) == ERR_OK);
    assert_int_equal(seq, number);
}

static void check_rescue(int failures, bool is_refusing)
{
    struct box b;
    struct receiver r;
    struct spool_stats stats;
    box_init(&b);
    receiver_init(&r);
    r.is_refusing = is_refusing;
    assert_int_equal(box_open(&b, 1), ERR_OK);
    disk_init(&b, 0);
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    for (unsigned i = 1; i <= 10; i++) {
        box_append(&b, 0, i);
    }
    struct spool_lane *lane = spool_lane_get(b.spool, 0);
    BOX_WAIT_FOR(spool_lane_synced(lane) == 10);
    atomic_store(&fail_left, failures);
    unsigned next = append_until_refused(&b, 11);
    assert_true(next > 11);
    append_when_rescued(&b, next);
    for (unsigned i = 1; i <= 500; i++) {
        box_append(&b, 0, next + i);
    }
    BOX_WAIT_FOR(spool_lane_synced(lane) == next + 500);
    spool_stats_read(b.spool, &stats);
    assert_true(stats.sync_failures >= 1);
    assert_false(stats.is_failing);
    receiver_set_refusing(&r, false);
    BOX_WAIT_FOR((spool_stats_read(b.spool, &stats), stats.shipped >= next + 500));
    box_stop(&b, BOX_WAIT_MS);
    check_all(&r, next + 500);
    assert_int_equal(atomic_load(&repeated), 0);
    receiver_fini(&r);
    box_fini(&b);
}

static void one_failed_sync_is_rescued(void **state)
{
    (void)state;
    check_rescue(1, true);
}

static void rescue_while_shipping_may_send_twice(void **state)
{
    (void)state;
    check_rescue(1, false);
}

/* The syncs of the first rescue fail too; the one after that works. */
static void a_rescue_that_fails_is_tried_again(void **state)
{
    (void)state;
    check_rescue(2, true);
}

/* Unsynced records in several segments: each gets its copy, in order. */
static void rescues_several_segments(void **state)
{
    (void)state;
    struct box b;
    struct receiver r;
    box_init(&b);
    receiver_init(&r);
    assert_int_equal(box_open(&b, 1), ERR_OK);
    disk_init(&b, 1);
    for (unsigned i = 1; i <= 10000; i++) {
        box_append(&b, 0, i); /* no syncer yet: four segments or so */
    }
    assert_true(atomic_load(&b.spool->segments_count) >= 3);
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    BOX_WAIT_FOR(spool_lane_synced(spool_lane_get(b.spool, 0)) == 10000);
    append_when_rescued(&b, 10001);
    box_stop(&b, BOX_WAIT_MS);
    check_all(&r, 10001);
    receiver_fini(&r);
    box_fini(&b);
}

/* A crash after the rescue finds the old segments and the new ones. */
static void recovery_after_a_rescue_has_everything(void **state)
{
    (void)state;
    struct box b;
    struct receiver r;
    box_init(&b);
    receiver_init(&r);
    r.is_refusing = true;
    assert_int_equal(box_open(&b, 1), ERR_OK);
    disk_init(&b, 1);
    for (unsigned i = 1; i <= 100; i++) {
        box_append(&b, 0, i);
    }
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    BOX_WAIT_FOR(spool_lane_synced(spool_lane_get(b.spool, 0)) == 100);
    append_when_rescued(&b, 101);
    box_stop(&b, 0);
    r.is_refusing = false;
    assert_int_equal(box_open(&b, 1), ERR_OK);
    assert_true(b.recovered >= 101);
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    box_stop(&b, BOX_WAIT_MS);
    check_all(&r, 101);
    receiver_fini(&r);
    box_fini(&b);
}

/* A disk that stays broken: refused, reported, never called synced; restart has all. */
static void a_disk_that_stays_broken_refuses(void **state)
{
    (void)state;
    struct box b;
    struct receiver r;
    struct spool_stats stats;
    box_init(&b);
    receiver_init(&r);
    r.is_refusing = true;
    assert_int_equal(box_open(&b, 1), ERR_OK);
    disk_init(&b, 1000000);
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    unsigned next = append_until_refused(&b, 1);
    BOX_WAIT_FOR((spool_stats_read(b.spool, &stats), stats.sync_failures >= 2));
    assert_true(stats.is_failing);
    assert_int_equal(stats.synced, 0);
    assert_int_equal(spool_lane_synced(spool_lane_get(b.spool, 0)), 0);
    box_stop(&b, 0);
    r.is_refusing = false;
    assert_int_equal(box_open(&b, 1), ERR_OK);
    assert_int_equal(b.recovered, next - 1);
    receiver_fini(&r);
    box_fini(&b);
}

/* More segments than one sync takes at once: none is called synced unsynced. */
static void many_unsynced_segments_are_all_synced(void **state)
{
    (void)state;
    struct box b;
    struct receiver r;
    box_init(&b);
    receiver_init(&r);
    assert_int_equal(box_open(&b, 1), ERR_OK);
    static char large[200000];
    memset(large, 'x', sizeof(large));
    uint64_t seq;
    for (unsigned i = 1; i <= 40; i++) {
        struct str record = {large, sizeof(large)};
        assert_int_equal(spool_append(spool_lane_get(b.spool, 0), record, &seq), ERR_OK);
    }
    struct segment *list[64];
    uint64_t behind;
    struct spool_lane *lane = spool_lane_get(b.spool, 0);
    size_t count = segments_pin_unsynced(b.spool, lane, list, 16, &behind);
    assert_int_equal(count, 16);
    assert_int_equal(behind, 17);
    segments_unpin(b.spool, list, count);
    atomic_store(&lane->synced, 16);
    count = segments_pin_unsynced(b.spool, lane, list, 64, &behind);
    assert_int_equal(count, 24);
    assert_int_equal(list[0]->first_seq, 17);
    assert_int_equal(behind, UINT64_MAX);
    segments_unpin(b.spool, list, count);
    atomic_store(&lane->synced, 0);
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    BOX_WAIT_FOR(spool_lane_synced(lane) == 40);
    box_stop(&b, BOX_WAIT_MS);
    assert_int_equal(r.count, 40);
    receiver_fini(&r);
    box_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_failed_sync_is_rescued),
        cmocka_unit_test(rescue_while_shipping_may_send_twice),
        cmocka_unit_test(a_rescue_that_fails_is_tried_again),
        cmocka_unit_test(rescues_several_segments),
        cmocka_unit_test(recovery_after_a_rescue_has_everything),
        cmocka_unit_test(a_disk_that_stays_broken_refuses),
        cmocka_unit_test(many_unsynced_segments_are_all_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
