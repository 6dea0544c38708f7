/* SPDX-License-Identifier: Apache-2.0
 *
 * The running spool: order and bytes, lanes and threads, rollover, refusal and retry,
 * the bound, folders that cannot be used, a disk that is full.
 */
#include "box.h"

#include <sys/mount.h>

static void ships_in_order_exactly_the_bytes(void **state)
{
    (void)state;
    struct box b;
    struct receiver r;
    unsigned times[2001];
    box_init(&b);
    receiver_init(&r);
    assert_int_equal(box_open(&b, 2), ERR_OK);
    assert_int_equal(b.recovered, 0);
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    for (unsigned i = 1; i <= 2000; i++) {
        assert_int_equal(box_append(&b, 0, i), i);
        assert_int_equal(box_append(&b, 1, i), i);
    }
    BOX_WAIT_FOR(spool_lane_synced(spool_lane_get(b.spool, 1)) == 2000);
    box_stop(&b, BOX_WAIT_MS);
    assert_int_equal(r.count, 4000);
    for (unsigned lane = 0; lane < 2; lane++) {
        receiver_tally(&r, lane, times, 2001);
        for (unsigned i = 1; i <= 2000; i++) {
            assert_int_equal(times[i], 1);
        }
    }
    receiver_fini(&r);
    box_fini(&b);
}

static void takes_any_bytes_up_to_the_largest(void **state)
{
    (void)state;
    static char large[SPOOL_RECORD_BYTES_MAX + 1];
    struct box b;
    struct receiver r;
    uint64_t seq;
    box_init(&b);
    receiver_init(&r);
    assert_int_equal(box_open(&b, 1), ERR_OK);
    struct spool_lane *lane = spool_lane_get(b.spool, 0);
    for (size_t i = 0; i < sizeof(large); i++) {
        large[i] = (char)(i % 256 == 17 ? 0 : i * 31);
    }
    const size_t sizes[] = {1, 7, 8, 9, 4096, SPOOL_RECORD_BYTES_MAX};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(spool_append(lane, (struct str){large, sizes[i]}, &seq), ERR_OK);
    }
    assert_int_equal(spool_append(lane, (struct str){large, sizeof(large)}, &seq), ERR_LIMIT);
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    box_stop(&b, BOX_WAIT_MS);
    assert_int_equal(r.count, 6);
    size_t at = 0;
    struct str record;
    for (size_t i = 0; receiver_next(&r, &at, &record); i++) {
        assert_int_equal(record.len, sizes[i]);
        assert_memory_equal(record.ptr, large, sizes[i]);
    }
    receiver_fini(&r);
    box_fini(&b);
}

static void nothing_is_synced_before_the_sync(void **state)
{
    (void)state;
    struct box b;
    struct receiver r;
    box_init(&b);
    receiver_init(&r);
    assert_int_equal(box_open(&b, 1), ERR_OK);
    assert_int_equal(box_append(&b, 0, 1), 1);
    assert_int_equal(spool_lane_synced(spool_lane_get(b.spool, 0)), 0);
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    BOX_WAIT_FOR(spool_lane_synced(spool_lane_get(b.spool, 0)) == 1);
    box_stop(&b, BOX_WAIT_MS);
    receiver_fini(&r);
    box_fini(&b);
}

struct writer {
    struct box *box;
    unsigned lane, count;
};

static void *write_records(void *context)
{
    struct writer *w = context;
    for (unsigned i = 1; i <= w->count; i++) {
        char text[256];
        uint64_t seq;
        struct str record = box_record(text, sizeof(text), w->lane, i);
        enum err e;
        while ((e = spool_append(spool_lane_get(w->box->spool, w->lane), record, &seq)) ==
               ERR_LIMIT) {
            spool_pause_ms(1); /* full until something was shipped */
        }
        ASSERT(e == ERR_OK && seq == i);
    }
    return NULL;
}

/* Segments roll over many times, in a spool that is always nearly full. */
static void many_lanes_and_threads_roll_over(void **state)
{
    (void)state;
    enum { LANES = 4, RECORDS = 20000 };
    static unsigned times[RECORDS + 1];
    struct box b;
    struct receiver r;
    struct writer writers[LANES];
    pthread_t threads[LANES];
    struct spool_stats stats;
    box_init(&b);
    receiver_init(&r);
    struct spool_options o = box_options(&b, LANES);
    o.bytes_max = (size_t)(3 * LANES) * BOX_SEGMENT;
    assert_int_equal(spool_open(&o, &b.spool, &b.recovered, &b.issue), ERR_OK);
    r.refusals = 2;
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    for (unsigned i = 0; i < LANES; i++) {
        writers[i] = (struct writer){&b, i, RECORDS};
        assert_int_equal(pthread_create(&threads[i], NULL, write_records, &writers[i]), 0);
    }
    for (unsigned i = 0; i < 50; i++) {
        spool_stats_read(b.spool, &stats); /* any thread, at any time */
        assert_true(stats.bytes <= o.bytes_max);
        spool_pause_ms(1);
    }
    for (unsigned i = 0; i < LANES; i++) {
        pthread_join(threads[i], NULL);
    }
    BOX_WAIT_FOR(receiver_count(&r) == LANES * RECORDS);
    spool_stats_read(b.spool, &stats);
    assert_int_equal(stats.appended, LANES * RECORDS);
    assert_true(stats.segments >= LANES && stats.segments * BOX_SEGMENT == stats.bytes);
    box_stop(&b, BOX_WAIT_MS);
    for (unsigned lane = 0; lane < LANES; lane++) {
        receiver_tally(&r, lane, times, RECORDS + 1);
        for (unsigned i = 1; i <= RECORDS; i++) {
            assert_int_equal(times[i], 1);
        }
    }
    receiver_fini(&r);
    box_fini(&b);
}

static void refusal_is_retried_and_ages(void **state)
{
    (void)state;
    struct box b;
    struct receiver r;
    struct spool_stats stats;
    unsigned times[101];
    box_init(&b);
    receiver_init(&r);
    r.is_refusing = true;
    assert_int_equal(box_open(&b, 1), ERR_OK);
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    for (unsigned i = 1; i <= 100; i++) {
        box_append(&b, 0, i);
    }
    BOX_WAIT_FOR(receiver_refused(&r) >= 3);
    spool_stats_read(b.spool, &stats);
    assert_int_equal(stats.shipped, 0);
    assert_true(atomic_load(&b.spool->oldest_unshipped_s) != 0);
    receiver_set_refusing(&r, false);
    BOX_WAIT_FOR(receiver_count(&r) == 100);
    BOX_WAIT_FOR(atomic_load(&b.spool->oldest_unshipped_s) == 0);
    box_stop(&b, BOX_WAIT_MS);
    receiver_tally(&r, 0, times, 101);
    for (unsigned i = 1; i <= 100; i++) {
        assert_int_equal(times[i], 1);
    }
    receiver_fini(&r);
    box_fini(&b);
}

/* A receiver that never says yes holds up neither syncing nor stopping. */
static void stops_while_refused_and_ships_next_time(void **state)
{
    (void)state;
    struct box b;
    struct receiver r;
    unsigned times[11];
    box_init(&b);
    receiver_init(&r);
    r.is_refusing = true;
    assert_int_equal(box_open(&b, 1), ERR_OK);
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    for (unsigned i = 1; i <= 10; i++) {
        box_append(&b, 0, i);
    }
    BOX_WAIT_FOR(spool_lane_synced(spool_lane_get(b.spool, 0)) == 10);
    box_stop(&b, 100);
    assert_int_equal(r.count, 0);
    r.is_refusing = false;
    assert_int_equal(box_open(&b, 1), ERR_OK);
    assert_int_equal(b.recovered, 10);
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    box_stop(&b, BOX_WAIT_MS);
    receiver_tally(&r, 0, times, 11);
    for (unsigned i = 1; i <= 10; i++) {
        assert_int_equal(times[i], 1);
    }
    receiver_fini(&r);
    box_fini(&b);
}

static unsigned fill(struct box *b, unsigned from, enum err *ret_err)
{
    for (;; from++) {
        char text[256];
        uint64_t seq;
        struct str record = box_record(text, sizeof(text), 0, from);
        *ret_err = spool_append(spool_lane_get(b->spool, 0), record, &seq);
        if (*ret_err != ERR_OK) {
            return from;
        }
    }
}

static void full_spool_refuses_until_shipped(void **state)
{
    (void)state;
    static unsigned times[100000];
    struct box b;
    struct receiver r;
    enum err e;
    box_init(&b);
    receiver_init(&r);
    r.is_refusing = true;
    struct spool_options o = box_options(&b, 1);
    o.bytes_max = (size_t)3 * BOX_SEGMENT + 100;
    assert_int_equal(spool_open(&o, &b.spool, &b.recovered, &b.issue), ERR_OK);
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    unsigned next = fill(&b, 1, &e);
    assert_int_equal(e, ERR_LIMIT);
    assert_true(next > 1000);
    struct spool_stats stats;
    spool_stats_read(b.spool, &stats);
    assert_true(stats.bytes <= o.bytes_max);
    assert_false(stats.is_failing); /* full is not broken */
    assert_true(stats.is_full);
    receiver_set_refusing(&r, false);
    /* Nothing is appended meanwhile: who is not sent requests because it is full must
     * still learn that it is not full any more. */
    BOX_WAIT_FOR((spool_stats_read(b.spool, &stats), !stats.is_full));
    char text[256];
    uint64_t seq = 0;
    struct str record = box_record(text, sizeof(text), 0, next);
    BOX_WAIT_FOR(seq != 0 || spool_append(spool_lane_get(b.spool, 0), record, &seq) == ERR_OK);
    assert_int_equal(seq, next);
    box_stop(&b, BOX_WAIT_MS);
    receiver_tally(&r, 0, times, 100000);
    for (unsigned i = 1; i <= next; i++) {
        assert_int_equal(times[i], 1);
    }
    receiver_fini(&r);
    box_fini(&b);
}

static void refuses_what_cannot_work(void **state)
{
    (void)state;
    struct box b, second;
    box_init(&b);
    struct spool_options o = box_options(&b, 2);
    o.bytes_max = BOX_SEGMENT;
    assert_int_equal(spool_open(&o, &b.spool, &b.recovered, &b.issue), ERR_LIMIT);
    assert_non_null(strstr(b.issue.message, "audit.spool_mib"));
    o = box_options(&b, 1);
    o.segment_bytes = 65536;
    assert_int_equal(spool_open(&o, &b.spool, &b.recovered, &b.issue), ERR_INVALID);
    o = box_options(&b, 1);
    o.dir = "/nonexistent/spool";
    assert_int_equal(spool_open(&o, &b.spool, &b.recovered, &b.issue), ERR_IO);
    assert_non_null(strstr(b.issue.message, "/nonexistent/spool"));
    assert_null(b.spool);
    assert_int_equal(box_open(&b, 1), ERR_OK);
    second = b;
    assert_int_equal(box_open(&second, 1), ERR_CONFLICT);
    box_fini(&b);
}

static void refuses_a_folder_it_cannot_write(void **state)
{
    (void)state;
    struct box b;
    int status;
    box_init(&b);
    assert_int_equal(chmod(b.dir, 0555), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* root writes anywhere, so not as root */
        bool is_plain = geteuid() != 0 || setuid(65534) == 0;
        _exit(is_plain && box_open(&b, 1) == ERR_IO && b.spool == NULL &&
              strstr(b.issue.message, "cannot be written") != NULL ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    chmod(b.dir, 0700);
    box_fini(&b);
}

/* Needs a file system of its own: root only. */
static void full_disk_refuses_and_recovers(void **state)
{
    (void)state;
    static unsigned times[100000];
    struct box b;
    struct receiver r;
    struct spool_stats stats;
    char options[64], ballast[320];
    enum err e;
    box_init(&b);
    snprintf(options, sizeof(options), "size=%u", 4 * BOX_SEGMENT);
    if (geteuid() != 0 || mount("tmpfs", b.dir, "tmpfs", 0, options) != 0) {
        box_fini(&b);
        skip();
    }
    receiver_init(&r);
    assert_int_equal(box_open(&b, 1), ERR_OK);
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    box_append(&b, 0, 1);
    BOX_WAIT_FOR(atomic_load(&spool_lane_get(b.spool, 0)->spare) != NULL);
    snprintf(ballast, sizeof(ballast), "%s/ballast", b.dir);
    int fd = open(ballast, O_CREAT | O_WRONLY, 0600);
    assert_int_not_equal(posix_fallocate(fd, 0, 3 * BOX_SEGMENT), 0);
    assert_int_equal(posix_fallocate(fd, 0, 2 * BOX_SEGMENT - 65536), 0);
    close(fd);
    unsigned next = fill(&b, 2, &e);
    assert_int_equal(e, ERR_LIMIT);
    BOX_WAIT_FOR((spool_stats_read(b.spool, &stats), stats.is_failing));
    unlink(ballast);
    BOX_WAIT_FOR((spool_stats_read(b.spool, &stats), !stats.is_failing));
    char text[256];
    uint64_t seq = 0;
    struct str record = box_record(text, sizeof(text), 0, next);
    BOX_WAIT_FOR(seq != 0 || spool_append(spool_lane_get(b.spool, 0), record, &seq) == ERR_OK);
    BOX_WAIT_FOR((spool_stats_read(b.spool, &stats), !stats.is_failing));
    box_stop(&b, BOX_WAIT_MS);
    receiver_tally(&r, 0, times, 100000);
    for (unsigned i = 1; i <= next; i++) {
        assert_int_equal(times[i], 1);
    }
    receiver_fini(&r);
    umount(b.dir);
    box_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ships_in_order_exactly_the_bytes),
        cmocka_unit_test(takes_any_bytes_up_to_the_largest),
        cmocka_unit_test(nothing_is_synced_before_the_sync),
        cmocka_unit_test(many_lanes_and_threads_roll_over),
        cmocka_unit_test(refusal_is_retried_and_ages),
        cmocka_unit_test(stops_while_refused_and_ships_next_time),
        cmocka_unit_test(full_spool_refuses_until_shipped),
        cmocka_unit_test(refuses_what_cannot_work),
        cmocka_unit_test(refuses_a_folder_it_cannot_write),
        cmocka_unit_test(full_disk_refuses_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
