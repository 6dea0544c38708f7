/* SPDX-License-Identifier: Apache-2.0
 *
 * A timing loop for micro-benchmarks: CPU time of the process (wall clock says
 * little on a shared machine), best of five rounds, so that the figure is the cost
 * of the code and not of its neighbours. One line per benchmark:
 *     name                                   123.4 ns/op      4.1 B/ns
 * Numbers are for comparing two builds on one machine; no test reads them.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BENCH_ROUNDS 5
#define BENCH_ROUND_NS 100000000.0

/* Only benchmarks whose name has this in it; set it from argv[1], NULL runs all. */
static const char *bench_filter;

static inline double bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Keeps the compiler from removing work whose result nobody reads. */
static inline void bench_keep(const void *p)
{
    __asm__ volatile("" : : "r"(p) : "memory");
}

/* Runs `op(context)` often enough; `bytes` per op, or 0 for no throughput. Not in line, so
 * that a profiler can be told to look at nothing else. */
static __attribute__((noinline, unused)) void bench_run(const char *name, void (*op)(void *),
                                                        void *context, double bytes)
{
    if (bench_filter != NULL && strstr(name, bench_filter) == NULL) {
        return;
    }
    double best = 1e18;
    uint64_t times = 1;
    for (unsigned round = 0; round < BENCH_ROUNDS;) {
        double from = bench_now_ns();
        for (uint64_t i = 0; i < times; i++) {
            op(context);
        }
        double spent = bench_now_ns() - from;
        if (spent < BENCH_ROUND_NS) {
            times *= 2; /* still finding out how many fill a round */
            continue;
        }
        best = spent / (double)times < best ? spent / (double)times : best;
        round++;
    }
    if (bytes > 0) {
        printf("%-40s %10.1f ns/op %8.2f B/ns\n", name, best, bytes / best);
    } else {
        printf("%-40s %10.1f ns/op\n", name, best);
    }
}

#endif
