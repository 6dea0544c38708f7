/* SPDX-License-Identifier: Apache-2.0
 *
 * What a spool finds when it opens: after kill -9, after a file was cut anywhere, after
 * bits flipped. Records that were whole come again, each at least once; what is torn
 * or damaged is dropped and nothing else.
 */
#include "box.h"

#include <signal.h>
#include <sys/mman.h>

#define CRASH_RECORDS 3000

/* The child appends, says how far it came, and is killed at once. */
static unsigned crash_after_appends(const struct box *b, bool is_syncing)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct box mine = *b;
        struct receiver r = {.lock = PTHREAD_MUTEX_INITIALIZER, .is_refusing = true};
        if (box_open(&mine, 2) != ERR_OK ||
            (is_syncing && spool_start(mine.spool, receiver_ship, &r, NULL, NULL) != ERR_OK)) {
            _exit(3);
        }
        for (unsigned i = 1; i <= CRASH_RECORDS * 4; i++) {
            char text[256];
            uint64_t seq;
            struct str record = box_record(text, sizeof(text), 1, i);
            if (spool_append(spool_lane_get(mine.spool, 1), record, &seq) != ERR_OK ||
                write(ends[1], &i, sizeof(i)) != sizeof(i)) {
                _exit(4);
            }
        }
        kill(getpid(), SIGKILL);
    }
    close(ends[1]);
    unsigned last = 0, said;
    while (read(ends[0], &said, sizeof(said)) == sizeof(said)) {
        last = said;
        if (last == CRASH_RECORDS) {
            kill(child, SIGKILL);
        }
    }
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return last;
}

static void check_crash(bool is_syncing)
{
    static unsigned times[CRASH_RECORDS * 5];
    struct box b;
    struct receiver r;
    box_init(&b);
    receiver_init(&r);
    unsigned last = crash_after_appends(&b, is_syncing);
    assert_true(last >= CRASH_RECORDS);
    assert_int_equal(box_open(&b, 1), ERR_OK); /* fewer lanes than before: no matter */
    assert_true(b.recovered == last || b.recovered == last + 1);
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    assert_int_equal(box_append(&b, 0, 1), 1);
    box_stop(&b, BOX_WAIT_MS);
    receiver_tally(&r, 1, times, CRASH_RECORDS * 5);
    for (unsigned i = 1; i <= last; i++) {
        assert_int_equal(times[i], 1);
    }
    receiver_fini(&r);
    box_fini(&b);
}

static void survives_kill_without_threads(void **state)
{
    (void)state;
    check_crash(false);
}

static void survives_kill_while_syncing(void **state)
{
    (void)state;
    check_crash(true);
}

/* Shipped, but killed before that was noted: everything comes again. */
static void ships_again_when_not_noted(void **state)
{
    (void)state;
    struct box b;
    struct receiver r;
    unsigned times[51];
    char names[4][32], path[700];
    box_init(&b);
    receiver_init(&r);
    assert_int_equal(box_open(&b, 1), ERR_OK);
    for (unsigned i = 1; i <= 50; i++) {
        box_append(&b, 0, i);
    }
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    BOX_WAIT_FOR(receiver_count(&r) == 50);
    box_stop(&b, BOX_WAIT_MS);
    assert_int_equal(box_segments(&b, names, 4), 1);
    snprintf(path, sizeof(path), "%s/%s", b.dir, names[0]);
    struct segment *g;
    assert_int_equal(segment_open(path, 0, &g), ERR_OK);
    /* As the header stood after the 20th: the batch behind it was on its way. */
    size_t at = SEGMENT_HEADER_BYTES;
    struct str record;
    for (unsigned i = 1; i <= 20; i++) {
        assert_true(segment_next(g, &at, &record));
    }
    segment_set_shipped(g, at);
    segment_close(g, false);
    assert_int_equal(box_open(&b, 1), ERR_OK);
    assert_int_equal(b.recovered, 30);
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    box_stop(&b, BOX_WAIT_MS);
    receiver_tally(&r, 0, times, 51);
    for (unsigned i = 1; i <= 50; i++) {
        assert_int_equal(times[i], i <= 20 ? 1 : 2);
    }
    assert_int_equal(box_open(&b, 1), ERR_OK); /* now all is noted */
    assert_int_equal(b.recovered, 0);
    receiver_fini(&r);
    box_fini(&b);
}

/* A small segment as a file in memory, written once and damaged in many ways. */
struct sample {
    char *bytes; /* whole file */
    size_t size, end;
    size_t starts[64]; /* of each frame; starts[count] = end */
    unsigned count;
    char path[64];
    int fd;
};

static void sample_init(struct sample *m)
{
    struct segment g = {.fd = -1, .number = 9};
    m->size = 2048;
    m->count = 12;
    m->bytes = calloc(1, m->size);
    assert_non_null(m->bytes);
    struct segment_header *h = (struct segment_header *)(void *)m->bytes;
    g.map = m->bytes;
    g.bytes = m->size;
    *h = (struct segment_header){.magic = SEGMENT_MAGIC, .number = 9, .lane = 0};
    uint64_t fields[3] = {h->magic, h->number, h->lane};
    h->crc = crc32c(0, fields, sizeof(fields));
    segment_set_shipped(&g, SEGMENT_HEADER_BYTES);
    size_t at = SEGMENT_HEADER_BYTES;
    for (unsigned i = 0; i < m->count; i++) {
        char text[256];
        m->starts[i] = at;
        at = segment_append(&g, at, box_record(text, sizeof(text), 0, i + 1));
    }
    m->starts[m->count] = m->end = at;
    assert_true(m->end < m->size);
    m->fd = memfd_create("segment", MFD_CLOEXEC);
    assert_true(m->fd >= 0);
    snprintf(m->path, sizeof(m->path), "/proc/self/fd/%d", m->fd);
}

static void sample_fini(struct sample *m)
{
    close(m->fd);
    free(m->bytes);
}

/* Puts `bytes` in the file, reads it as recovery does; bit i = record i + 1 came. */
static enum err sample_read(struct sample *m, const char *bytes, size_t size, uint64_t *ret_seen,
                            uint64_t *ret_damaged)
{
    struct segment *g;
    *ret_seen = *ret_damaged = 0;
    assert_int_equal(ftruncate(m->fd, 0), 0);
    assert_int_equal(pwrite(m->fd, bytes, size, 0), (ssize_t)size);
    TRY(segment_open(m->path, 9, &g));
    size_t at = SEGMENT_HEADER_BYTES;
    struct str record;
    while (segment_next_whole(g, &at, g->bytes, &record, ret_damaged)) {
        unsigned found = 0;
        for (unsigned i = 0; i < m->count; i++) {
            char text[256];
            if (str_eq(record, box_record(text, sizeof(text), 0, i + 1))) {
                found = i + 1;
            }
        }
        assert_int_not_equal(found, 0); /* only what was written, unchanged */
        assert_int_equal(*ret_seen >> (found - 1), 0); /* once, in order */
        *ret_seen |= UINT64_C(1) << (found - 1);
    }
    segment_close(g, false);
    return ERR_OK;
}

/* Power loss: everything behind `cut` was not written (or the file is shorter). */
static void torn_at_every_offset(void **state)
{
    (void)state;
    struct sample m;
    sample_init(&m);
    char *copy = malloc(m.size);
    assert_non_null(copy);
    for (size_t cut = SEGMENT_HEADER_BYTES; cut <= m.end; cut++) {
        uint64_t whole = 0, seen, damaged;
        for (unsigned i = 0; i < m.count; i++) {
            char text[256];
            size_t last = m.starts[i] + sizeof(struct frame_header) +
                          box_record(text, sizeof(text), 0, i + 1).len;
            whole |= last <= cut ? UINT64_C(1) << i : 0;
        }
        memcpy(copy, m.bytes, cut);
        memset(copy + cut, 0, m.size - cut);
        assert_int_equal(sample_read(&m, copy, m.size, &seen, &damaged), ERR_OK);
        assert_int_equal(seen, whole);
        assert_int_equal(damaged, 0); /* a torn tail is no damage */
        assert_int_equal(sample_read(&m, m.bytes, cut, &seen, &damaged), ERR_OK);
        assert_int_equal(seen, whole);
    }
    free(copy);
    sample_fini(&m);
}

/* One flipped bit anywhere costs at most the record it is in. */
static void every_bit_flip_is_detected(void **state)
{
    (void)state;
    struct sample m;
    sample_init(&m);
    uint64_t all = (UINT64_C(1) << m.count) - 1;
    for (size_t bit = 0; bit < m.end * 8; bit++) {
        uint64_t seen, damaged, hit = 0;
        size_t byte = bit / 8;
        for (unsigned i = 0; i < m.count; i++) {
            char text[256];
            size_t last = m.starts[i] + sizeof(struct frame_header) +
                          box_record(text, sizeof(text), 0, i + 1).len;
            hit |= byte >= m.starts[i] && byte < last ? UINT64_C(1) << i : 0;
        }
        m.bytes[byte] = (char)(m.bytes[byte] ^ (1 << bit % 8));
        assert_int_equal(sample_read(&m, m.bytes, m.size, &seen, &damaged), ERR_OK);
        m.bytes[byte] = (char)(m.bytes[byte] ^ (1 << bit % 8));
        assert_int_equal(seen, all & ~hit);
        assert_true(damaged <= 1);
    }
    sample_fini(&m);
}

/* Pages are written in any order: a hole in the middle keeps what is behind it. */
static void a_hole_costs_only_what_it_covers(void **state)
{
    (void)state;
    struct sample m;
    sample_init(&m);
    char *copy = malloc(m.size);
    assert_non_null(copy);
    for (unsigned from = 0; from < m.count; from++) {
        for (unsigned to = from + 1; to <= m.count; to++) {
            uint64_t seen, damaged, expected = 0;
            memcpy(copy, m.bytes, m.size);
            memset(copy + m.starts[from], 0, m.starts[to] - m.starts[from]);
            for (unsigned i = 0; i < m.count; i++) {
                expected |= i < from || i >= to ? UINT64_C(1) << i : 0;
            }
            assert_int_equal(sample_read(&m, copy, m.size, &seen, &damaged), ERR_OK);
            assert_int_equal(seen, expected);
            assert_int_equal(damaged, to < m.count ? 1 : 0);
        }
    }
    free(copy);
    sample_fini(&m);
}

static void foreign_bytes_are_no_segment(void **state)
{
    (void)state;
    struct sample m;
    struct segment *g;
    uint64_t seen, damaged;
    sample_init(&m);
    assert_int_equal(sample_read(&m, m.bytes, SEGMENT_HEADER_BYTES - 1, &seen, &damaged),
                     ERR_CORRUPT);
    memset(m.bytes, 'x', SEGMENT_HEADER_BYTES); /* the frames prove it all the same */
    assert_int_equal(sample_read(&m, m.bytes, m.size, &seen, &damaged), ERR_OK);
    assert_int_equal(seen, (1 << m.count) - 1);
    memset(m.bytes, 'x', m.size);
    assert_int_equal(sample_read(&m, m.bytes, m.size, &seen, &damaged), ERR_CORRUPT);
    memset(m.bytes, 0, m.size);
    assert_int_equal(sample_read(&m, m.bytes, m.size, &seen, &damaged), ERR_CORRUPT);
    assert_int_equal(segment_open("/nonexistent", 9, &g), ERR_IO);
    sample_fini(&m);
}

/* Frames of another segment's number (a block that was reused) are not records. */
static void frames_of_another_number_are_none(void **state)
{
    (void)state;
    struct sample m;
    struct segment *g;
    sample_init(&m);
    assert_int_equal(pwrite(m.fd, m.bytes, m.size, 0), (ssize_t)m.size);
    assert_int_equal(segment_open(m.path, 10, &g), ERR_CORRUPT);
    sample_fini(&m);
}

/* Each of `count` records of lane 0 is shipped now, once. */
static void check_shipped(struct box *b, unsigned count)
{
    unsigned times[32];
    struct receiver r;
    receiver_init(&r);
    assert_int_equal(spool_start(b->spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    box_stop(b, BOX_WAIT_MS);
    assert_int_equal(receiver_count(&r), count);
    receiver_tally(&r, 0, times, 32);
    for (unsigned i = 1; i <= count; i++) {
        assert_int_equal(times[i], 1);
    }
    receiver_fini(&r);
}

/* The one segment of a spool that was stopped with ten records, none of them shipped. */
static struct segment *record_ten(struct box *b)
{
    char names[4][32], path[700];
    struct segment *g;
    box_init(b);
    assert_int_equal(box_open(b, 1), ERR_OK);
    for (unsigned n = 1; n <= 10; n++) {
        box_append(b, 0, n);
    }
    box_stop(b, 0);
    assert_int_equal(box_segments(b, names, 4), 1);
    snprintf(path, sizeof(path), "%s/%s", b->dir, names[0]);
    assert_int_equal(segment_open(path, 0, &g), ERR_OK);
    return g;
}

/* Nonsense in the header's progress is never believed against the frames. */
static void a_false_progress_ships_again(void **state)
{
    (void)state;
    static const struct {
        uint64_t shipped, shipped_not, expected;
    } cases[] = {
        {0, ~UINT64_C(0), 10},          /* nothing */
        {65, ~UINT64_C(65), 10},        /* between frames */
        {UINT64_MAX, 0, 10},            /* beyond the end */
        {64, 0, 10},                    /* the two differ */
        {UINT64_MAX, ~UINT64_C(64), 10}, /* the smaller counts */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct box b;
        struct segment *g = record_ten(&b);
        atomic_store(&segment_header_of(g)->shipped, cases[i].shipped);
        atomic_store(&segment_header_of(g)->shipped_not, cases[i].shipped_not);
        atomic_store(&segment_header_of(g)->shipped_s, 1);
        segment_close(g, false);
        assert_int_equal(box_open(&b, 1), ERR_OK);
        assert_int_equal(b.recovered, cases[i].expected);
        check_shipped(&b, cases[i].expected);
        box_fini(&b);
    }
}

/* Cut off between the two words that say how far it is shipped: the smaller counts. */
static void a_torn_progress_ships_again(void **state)
{
    (void)state;
    for (unsigned is_first = 0; is_first < 3; is_first++) {
        struct box b;
        struct segment *g = record_ten(&b);
        struct str record;
        uint64_t damaged = 0;
        size_t end = SEGMENT_HEADER_BYTES;
        while (segment_next_whole(g, &end, g->bytes, &record, &damaged)) {
        }
        uint64_t begin = SEGMENT_HEADER_BYTES;
        atomic_store(&segment_header_of(g)->shipped, is_first == 1 ? begin : end);
        atomic_store(&segment_header_of(g)->shipped_not, is_first == 0 ? ~begin : ~(uint64_t)end);
        segment_close(g, false);
        assert_int_equal(box_open(&b, 1), ERR_OK);
        assert_int_equal(b.recovered, is_first == 2 ? 0 : 10); /* 2: both say all */
        check_shipped(&b, is_first == 2 ? 0 : 10);
        box_fini(&b);
    }
}

/* What was half made is put aside, a spare never used removed, names not ours left. */
static void clears_up(void **state)
{
    (void)state;
    struct box b;
    char names[8][32], path[700];
    box_init(&b);
    static const char *const files[] = {"00000000000000a0.seg", "notes.txt", "zz.seg"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", b.dir, files[i]);
        close(open(path, O_CREAT | O_WRONLY, 0600));
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(box_open(&b, 2), ERR_OK);
        assert_int_equal(box_segments(&b, names, 8), 2); /* no heap of empty ones */
        box_stop(&b, 0);
    }
    assert_true(strcmp(names[0], "00000000000000a0.seg") > 0); /* numbers never come twice */
    snprintf(path, sizeof(path), "%s/00000000000000a0.seg.bad", b.dir);
    assert_int_equal(access(path, F_OK), 0);
    snprintf(path, sizeof(path), "%s/notes.txt", b.dir);
    assert_int_equal(access(path, F_OK), 0);
    box_fini(&b);
}

/* A damaged record in the middle is counted and stepped over when it is shipped. */
static void damage_is_counted_on_shipping(void **state)
{
    (void)state;
    struct box b;
    struct receiver r;
    struct spool_stats stats;
    unsigned times[11];
    struct segment *g = record_ten(&b);
    receiver_init(&r);
    g->map[SEGMENT_HEADER_BYTES + sizeof(struct frame_header) + 3] ^= 1; /* in the first */
    segment_close(g, false);
    assert_int_equal(box_open(&b, 1), ERR_OK);
    assert_int_equal(b.recovered, 9);
    spool_stats_read(b.spool, &stats);
    assert_int_equal(stats.recovered_left, 9);
    assert_int_equal(spool_start(b.spool, receiver_ship, &r, NULL, NULL), ERR_OK);
    BOX_WAIT_FOR(receiver_count(&r) == 9);
    BOX_WAIT_FOR((spool_stats_read(b.spool, &stats), stats.damaged == 1));
    BOX_WAIT_FOR((spool_stats_read(b.spool, &stats), stats.recovered_left == 0));
    box_stop(&b, BOX_WAIT_MS);
    receiver_tally(&r, 0, times, 11);
    for (unsigned n = 1; n <= 10; n++) {
        assert_int_equal(times[n], n == 1 ? 0 : 1);
    }
    receiver_fini(&r);
    box_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_kill_without_threads),
        cmocka_unit_test(survives_kill_while_syncing),
        cmocka_unit_test(ships_again_when_not_noted),
        cmocka_unit_test(torn_at_every_offset),
        cmocka_unit_test(every_bit_flip_is_detected),
        cmocka_unit_test(a_hole_costs_only_what_it_covers),
        cmocka_unit_test(foreign_bytes_are_no_segment),
        cmocka_unit_test(frames_of_another_number_are_none),
        cmocka_unit_test(a_false_progress_ships_again),
        cmocka_unit_test(a_torn_progress_ships_again),
        cmocka_unit_test(clears_up),
        cmocka_unit_test(damage_is_counted_on_shipping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
