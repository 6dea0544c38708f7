/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of compile share: why a list was refused, the frames between parent
 * and child, one run of a child, the files of the cache. compile.c is the queue,
 * spawn.c the parent's side of a child, child.c the child, cache.c the disk.
 */
#ifndef PORTCULLIS_COMPILE_PRIVATE_H
#define PORTCULLIS_COMPILE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "portcullis/compile.h"

#define COMPILE_SOURCE_BYTES_MAX ((size_t)64 << 20)

enum compile_why {
    COMPILE_OK,
    COMPILE_INVALID,  /* the compiler says no */
    COMPILE_MATCHES,  /* a text can match too many terms at once; detail: how many, where */
    COMPILE_GIVEN_UP, /* the scanner cannot read a text of the term at `place` */
    COMPILE_DATABASE, /* the result is too big; detail: bytes */
    COMPILE_MEMORY,
    COMPILE_WHYS_OF_CHILD, /* from here on only the parent says so */
    COMPILE_CPU = COMPILE_WHYS_OF_CHILD,
    COMPILE_WALL,
    COMPILE_CRASH,   /* detail: the signal */
    COMPILE_GARBAGE, /* no answer, or none that fits its check */
    COMPILE_SPAWN,   /* no child could be started; passes */
    COMPILE_STOPPED  /* the room closes; passes */
};
struct compile_outcome {
    enum compile_why why;
    uint64_t detail, place, bound; /* see enum compile_why; place: number of the literal */
    uint64_t cpu_us, wall_us, memory_bytes;
};

/* ---- frames: host byte order, one machine ----------------------------------------- */

#define COMPILE_REQUEST_MAGIC UINT32_C(0x51434350)
#define COMPILE_REPLY_MAGIC UINT32_C(0x52434350)

struct compile_request_head {
    uint32_t magic, crc; /* of the source */
    uint64_t length;
};
struct compile_reply_head {
    uint32_t magic, why;
    uint64_t detail, place, bound, length;
    uint32_t crc;      /* of the database */
    uint32_t head_crc; /* of what stands before */
};
uint32_t compile_reply_crc(const struct compile_reply_head *head);
/* Takes a whole reply apart; ret_database is a view. False: it does not fit its check. */
bool compile_reply_read(struct str bytes, struct compile_outcome *ret, struct str *ret_database);

/* ---- one list ------------------------------------------------------------------------ */

/* Compiles and probes here. Used by the child, and for short lists. */
void compile_here(struct str source, size_t database_bytes_max, struct buf *ret_database,
                  struct compile_outcome *ret);
/* In a child. ret_database gets the result when ret->why is COMPILE_OK. */
void compile_in_child(const struct compile_options *options, const _Atomic bool *is_stopping,
                      struct str source, struct buf *ret_database, struct compile_outcome *ret);
/* The sentence; returns the error that goes with it. */
enum err compile_say(const struct compile_outcome *outcome, const struct compile_limits *limits,
                     struct str source, struct issue *ret_issue);

/* ---- cache ------------------------------------------------------------------------------- */

void compile_key_of(struct str source, uint8_t ret[COMPILE_KEY_BYTES]);
/* ERR_NOT_FOUND; ERR_CORRUPT: it was removed. A file that is used is young again. */
MUST_USE enum err compile_cache_load(const char *dir, const uint8_t key[COMPILE_KEY_BYTES],
                                     struct buf *ret_database);
MUST_USE enum err compile_cache_save(const char *dir, const uint8_t key[COMPILE_KEY_BYTES],
                                     struct str database);
/* Removes what is too old, then the longest unused until the rest is small enough. */
void compile_cache_prune(const char *dir, uint64_t bytes_max, unsigned days_max);

#endif
