/* SPDX-License-Identifier: Apache-2.0
 *
 * What one spool_append costs the worker that calls it, while the syncer and the
 * shipper run: mean over all, and the distribution of wall-clock time of each call
 * (a segment's change, a page fault and a preempted thread are in it). A record is
 * about 400 bytes; 1 KiB and 4 KiB are shown beside it. Prints; checks nothing.
 */
#include "portcullis/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define APPENDS 400000

static bool take(void *context, const struct spool_batch *batch);
static void run(const char *dir, size_t record_bytes, unsigned pause_every);
static void remove_segments(const char *dir);
static uint64_t now_ns(void);
static int by_size(const void *a, const void *b);

int main(int argc, char **argv)
{
    char dir[256];
    snprintf(dir, sizeof(dir), "%s/portcullis_bench_XXXXXX", argc > 1 ? argv[1] : "/tmp");
    if (mkdtemp(dir) == NULL) {
        fprintf(stderr, "spool_bench [FOLDER]: cannot make %s\n", dir);
        return 1;
    }
    printf("%-10s %10s %8s %8s %8s %10s\n", "bytes", "mean ns", "p50", "p99", "p99.9", "max");
    run(dir, 400, 50);
    run(dir, 1024, 50);
    run(dir, 4096, 50);
    rmdir(dir);
    return 0;
}

/* `pause_every` appends a moment's pause, so that the syncer's ticks fall between them
 * as they do under load. */
static void run(const char *dir, size_t record_bytes, unsigned pause_every)
{
    struct spool_options o = {.dir = dir, .lanes = 1, .segment_bytes = (size_t)64 << 20,
                              .bytes_max = (size_t)4 << 30, .sync_interval_ms = 5};
    struct issue issue;
    struct spool *s;
    uint64_t recovered, seq, total = 0;
    static uint32_t spent[APPENDS];
    static char record[8192];
    memset(record, 'r', sizeof(record));
    if (spool_open(&o, &s, &recovered, &issue) != ERR_OK ||
        spool_start(s, take, NULL, NULL, NULL) != ERR_OK) {
        fprintf(stderr, "spool: %s\n", issue.message);
        exit(1);
    }
    struct spool_lane *lane = spool_lane_get(s, 0);
    for (size_t i = 0; i < APPENDS; i++) {
        uint64_t from = now_ns();
        if (spool_append(lane, (struct str){record, record_bytes}, &seq) != ERR_OK) {
            fprintf(stderr, "append refused\n");
            exit(1);
        }
        uint64_t ns = now_ns() - from;
        spent[i] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
        total += ns;
        if (i % pause_every == 0) {
            usleep(100);
        }
    }
    spool_stop(s, 10000);
    remove_segments(dir);
    qsort(spent, APPENDS, sizeof(spent[0]), by_size);
    printf("%-10zu %10.1f %8u %8u %8u %10u\n", record_bytes, (double)total / APPENDS,
           spent[APPENDS / 2], spent[APPENDS / 100 * 99], spent[APPENDS / 1000 * 999],
           spent[APPENDS - 1]);
}

static bool take(void *context, const struct spool_batch *batch)
{
    (void)context;
    (void)batch;
    return true;
}

static void remove_segments(const char *dir)
{
    char path[400];
    for (unsigned number = 1; number < 200; number++) {
        snprintf(path, sizeof(path), "%s/%016x.seg", dir, number);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/lock", dir);
    unlink(path);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}
