/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the spool share: the segment on disk and in memory, the lane,
 * the spool. A segment's header and frames are mapped; offsets count from the
 * file's start. Integers on disk are host order: a spool never leaves its machine.
 */
#ifndef PORTCULLIS_SPOOL_PRIVATE_H
#define PORTCULLIS_SPOOL_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "portcullis/spool.h"

#define SEGMENT_MAGIC UINT64_C(0x314c4f4f50534350) /* "PCSPOOL1" */
#define SEGMENT_HEADER_BYTES 64
#define SEGMENTS_MAX 8192

/* The first bytes of a segment file. */
struct segment_header {
    uint64_t magic;
    uint64_t number;           /* unique in the folder, rising */
    uint32_t lane, crc;        /* crc32c of magic, number, lane */
    _Atomic uint64_t shipped;  /* offset up to which records are stored elsewhere */
    _Atomic uint64_t shipped_s; /* unix seconds when all of it was, 0 = not yet */
    _Atomic uint64_t sealed;   /* end offset once sealed, 0 = open */
    uint64_t reserved[2];
};
_Static_assert(sizeof(struct segment_header) == SEGMENT_HEADER_BYTES, "on-disk layout");

/* Before each payload; frames start at multiples of 8. length 0 = nothing yet. */
struct frame_header {
    _Atomic uint32_t length;
    uint32_t crc; /* crc32c of segment number, length, payload */
};

struct segment {
    struct segment *next; /* of the same owner list, oldest first */
    char *map;
    size_t bytes;
    int fd;
    uint64_t number;
    uint64_t created_s;
    char path[512];
    uint64_t first_seq; /* sequence of its first record in this run */
};

struct spool_lane {
    struct spool *spool;
    unsigned index;
    /* worker only */
    struct segment *open;
    size_t at;         /* next frame's offset */
    uint64_t next_seq; /* of the next record */
    /* shared */
    _Atomic uint64_t appended, synced; /* highest sequence; 0 = none */
    _Atomic(struct segment *) spare;   /* made ready by the syncer */
};

struct spool {
    struct spool_options options;
    char dir[400];
    struct spool_lane *lanes;
    pthread_mutex_t lock;     /* the segment list and next_number */
    struct segment *segments; /* all known, oldest first, recovered ones included */
    uint64_t next_number;
    uint64_t total_bytes;
    pthread_t syncer, shipper;
    bool is_started;
    _Atomic bool is_stopping;
    _Atomic int64_t stop_at_ms;
    _Atomic bool is_failing;
    _Atomic uint64_t shipped, sync_failures, oldest_unshipped_s;
    spool_ship_fn *ship;
    void *ship_context;
    void (*on_synced)(void *context);
    void *synced_context;
};

/* segment.c */
MUST_USE enum err segment_create(struct spool *s, unsigned lane, struct segment **ret);
MUST_USE enum err segment_open(const char *path, struct segment **ret);
void segment_close(struct segment *g, bool is_removed);
/* A shipped segment is kept but not read any more: gives its memory back. */
void segment_forget_pages(struct segment *g);
struct segment_header *segment_header_of(const struct segment *g);
/* Writes a frame at `at`; the caller has checked that it fits. Returns the next offset. */
size_t segment_append(struct segment *g, size_t at, struct str record);
/* The record at *at, advancing it; false at the end or at a torn frame. */
bool segment_next(const struct segment *g, size_t *at, struct str *ret_record);
size_t segment_frame_bytes(size_t record_bytes);
/* Adds to / takes from the list under the lock. */
void segments_add(struct spool *s, struct segment *g);
/* Deletes what was shipped long enough ago (or any shipped, when `is_pressed`). */
void segments_retire(struct spool *s, bool is_pressed);
int64_t spool_now_ms(void);      /* monotonic */
uint64_t spool_unix_s(void);

/* threads.c */
void *spool_syncer_main(void *spool);
void *spool_shipper_main(void *spool);

#endif
