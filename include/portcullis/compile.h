/* SPDX-License-Identifier: Apache-2.0
 *
 * compile: term lists of tenants become databases of libhs in a child process that may
 * be killed: a list of 2.5 MB was measured to take 23 s of CPU and 690 MB. Results are
 * kept on disk by content; the same list is never compiled twice on a machine.
 *
 * The child is this same program (`portcullis compile-terms`) with an empty environment
 * and limits on CPU, memory, files and time; what it prints is not believed, what it
 * returns is framed and checked. A few short literals are compiled where they are asked
 * for: that takes milliseconds, and starting a process takes as long.
 *
 * GLOSSARY  source: scan_terms_source(), a byte-stable list. key: SHA-256 over source,
 * platform and format. owner: the organisation, for fairness: of one owner at most one
 * child runs at a time. client: who asks, on whose behalf.
 *
 * Threads: compile_terms and the rest from any thread; one thread per child of its own.
 *
 * EXAMPLE
 *     struct compile_client client = {.compile = c, .owner = org_id};
 *     struct content_compiler compiler = {compile_terms, &client};
 *     e = policy_org_new(rows, &(struct policy_build){.compiler = &compiler, ...}, ...);
 *     if (e == ERR_AGAIN) keep the last good part; when on_done was called and
 *         !compile_is_pending(c, client.key): try again.
 */
#ifndef PORTCULLIS_COMPILE_H
#define PORTCULLIS_COMPILE_H

#include "portcullis/base.h"
#include "portcullis/content.h"

#define COMPILE_CHILDREN_MAX 8U

struct compile_limits {
    unsigned cpu_s;        /* of one child */
    unsigned wall_s;       /* then it is killed */
    unsigned memory_mib;   /* its address space */
    unsigned database_mib; /* of the result */
};
struct compile_options {
    const char *program;   /* NULL = this very program */
    const char *cache_dir; /* made when it is absent; NULL = nothing is kept on disk */
    uint64_t cache_bytes_max;
    unsigned cache_days_max; /* not used for so long: removed; 0 = only by size */
    struct compile_limits limits;
    unsigned children;     /* at once, 1 .. COMPILE_CHILDREN_MAX */
    /* Something was compiled or refused. Called by a thread of this room, may be NULL;
     * must only signal. */
    void (*on_done)(void *context);
    void *context;
};
/* 10 s, 30 s, 512 MiB, 32 MiB; 512 MiB and 30 days of cache; two children. */
void compile_options_default(struct compile_options *ret);

struct compile;

/* Copies options and their texts, starts the threads. ERR_IO: the cache's folder. */
MUST_USE enum err compile_open(const struct compile_options *options, struct compile **ret,
                               struct issue *ret_issue);
/* Kills children, ends the threads. Nobody may wait in compile_terms. NULL is allowed. */
void compile_close(struct compile *c);

#define COMPILE_KEY_BYTES 32U
struct compile_client {
    struct compile *compile;
    struct str owner;   /* borrowed for the call */
    bool is_waiting;    /* compile_terms waits for the child instead of ERR_AGAIN */
    uint8_t key[COMPILE_KEY_BYTES]; /* out: of what was last asked for */
};
/* content_compiler.compile; the context is a struct compile_client. ERR_AGAIN: it is
 * being compiled. ERR_LIMIT: a bound was hit, ERR_INVALID: it cannot be compiled; the
 * issue's message is a sentence with the reason and the cost, its pointer "". These are
 * remembered for ten minutes. ERR_IO: no child could be run; ask again. ERR_MEMORY. */
MUST_USE enum err compile_terms(void *client, struct str source, struct buf *ret_database,
                                struct issue *ret_issue);
/* Asked for and neither compiled nor refused yet. */
bool compile_is_pending(struct compile *c, const uint8_t key[COMPILE_KEY_BYTES]);

struct compile_stats {
    uint64_t compiled, failed;         /* by children */
    uint64_t compiled_here;            /* short lists */
    uint64_t cache_hits, cache_misses; /* of the disk */
    uint64_t cache_refused;            /* files that failed their check and were removed */
    uint64_t waiting, running;
    uint64_t cpu_us, wall_us;          /* of all children */
    uint64_t wall_us_max, memory_bytes_max; /* of any child */
};
void compile_stats_read(struct compile *c, struct compile_stats *ret);

/* The child: `compile-terms CPU_S MEMORY_MIB DATABASE_MIB`, source on fd 0, result on
 * fd 1. Lowers its own limits first. Exit code 0 when it gave an answer. */
int compile_child_main(int argc, char **argv);

#endif
