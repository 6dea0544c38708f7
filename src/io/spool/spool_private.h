/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the spool share: the segment on disk and in memory, the lane,
 * the spool. A segment's header and frames are mapped; offsets count from the
 * file's start. Integers on disk are host order: a spool never leaves its machine.
 *
 * Who touches what: a lane's open segment belongs to its worker, except while the
 * syncer rescues it (is_broken set and is_busy seen false). The list of segments,
 * pins, first_seq and the numbers are guarded by `lock`. A segment leaves the list
 * only when all of it is shipped and nobody pins it; only the shipper marks shipped.
 */
#ifndef PORTCULLIS_SPOOL_PRIVATE_H
#define PORTCULLIS_SPOOL_PRIVATE_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "portcullis/spool.h"

#define SEGMENT_MAGIC UINT64_C(0x314c4f4f50534350) /* "PCSPOOL1" */
#define SEGMENT_HEADER_BYTES 64
#define SEGMENT_SUFFIX ".seg"
#define SPOOL_CACHE_LINE 64
/* After a failure to make a segment it is not tried again for this long. */
#define SPOOL_RETRY_MS 100

/* The first bytes of a segment file. What changes later is not under the CRC; it is
 * checked against the frames on recovery, and in doubt everything is shipped again. */
struct segment_header {
    uint64_t magic;
    uint64_t number;            /* unique in the folder, rising */
    uint32_t lane, crc;         /* crc32c of magic, number, lane */
    _Atomic uint64_t shipped;   /* offset up to which records are stored elsewhere */
    _Atomic uint64_t shipped_s; /* unix seconds when all of it was, 0 = not yet */
    _Atomic uint64_t sealed;    /* end offset once sealed, 0 = open */
    _Atomic uint64_t shipped_not; /* ~shipped: a flipped bit is seen */
    uint64_t opened;            /* order in which segments came into use */
};
_Static_assert(sizeof(struct segment_header) == SEGMENT_HEADER_BYTES, "on-disk layout");

/* Before each payload; frames start at multiples of 8. length 0 = nothing yet. */
struct frame_header {
    _Atomic uint32_t length;
    uint32_t crc; /* crc32c of segment number, length, payload */
};

struct segment {
    struct segment *next; /* of the same owner list, in order of use */
    char *map;
    size_t bytes;
    size_t present; /* up to here the map is backed by memory; no frame lies behind it */
    int fd;
    unsigned pins;        /* > 0: not to be removed */
    bool is_recovered;    /* of an earlier process */
    uint64_t number;
    uint64_t first_seq;   /* of its first record in this run; 0 = nothing to sync */
    char path[512];
};

struct spool_lane {
    alignas(SPOOL_CACHE_LINE) struct spool *spool;
    unsigned index;
    /* worker only (or the syncer, during a rescue) */
    struct segment *open;
    size_t at;           /* next frame's offset */
    uint64_t next_seq;   /* of the next record */
    int64_t retry_at_ms; /* no segment is made before */
    /* shared */
    alignas(SPOOL_CACHE_LINE) _Atomic uint64_t appended; /* highest sequence; 0 = none */
    _Atomic uint64_t synced;
    _Atomic(struct segment *) spare; /* made ready by the syncer */
    _Atomic bool is_busy;            /* the worker is appending */
    _Atomic bool is_broken;          /* a sync failed: appends are refused until rescued */
    _Atomic bool is_full;            /* an append found no segment; until there is one */
    /* syncer only */
    int64_t spare_at_ms, rescue_at_ms; /* not tried before */
};

struct spool {
    struct spool_options options;
    char dir[400];
    int lock_fd; /* held by flock: one process per folder */
    struct spool_lane *lanes;
    pthread_mutex_t lock;
    struct segment *segments; /* all in use or unshipped, in order of use */
    uint64_t next_number, next_opened;
    _Atomic uint64_t total_bytes, segments_count; /* changed under lock; spares included */
    pthread_t syncer, shipper;
    bool is_started;
    _Atomic bool is_stopping;
    _Atomic int64_t stop_at_ms;
    _Atomic bool is_unmakeable; /* the last segment could not be made: disk, not limit */
    _Atomic uint64_t shipped, sync_failures, damaged, oldest_unshipped_s;
    _Atomic uint64_t recovered_left;
    int (*sync_fd)(int fd); /* fdatasync; tests put failures here before spool_start */
    bool (*ship)(void *context, const struct spool_batch *batch);
    void *ship_context;
    uint32_t last_lane; /* shipper: lanes take turns */
    void (*on_synced)(void *context);
    void *synced_context;
};

/* segment.c: one file */
/* `path` names the file; a number of 0 takes the one in its header. A damaged header
 * is rebuilt from `number` when a frame proves it. ERR_CORRUPT: no segment. */
MUST_USE enum err segment_open(const char *path, uint64_t number, struct segment **ret);
/* Makes, preallocates, maps and syncs the file g->path of g->bytes with g->number. */
MUST_USE enum err segment_make(struct segment *g, unsigned lane);
void segment_close(struct segment *g, bool is_removed);
/* A shipped segment is kept but not read any more: gives its memory back. */
void segment_forget_pages(struct segment *g);
struct segment_header *segment_header_of(const struct segment *g);
/* Writes a frame at `at`; the caller has checked that it fits. Returns the next offset. */
size_t segment_append(struct segment *g, size_t at, struct str record);
/* The record at *at, advancing it; false at the end or at a torn frame. */
bool segment_next(const struct segment *g, size_t *at, struct str *ret_record);
/* As segment_next, but looks behind damage for the next whole frame below `end`.
 * *ret_damaged is raised by one for each stretch that was stepped over. For segments
 * to which nothing is appended any more. */
bool segment_next_whole(const struct segment *g, size_t *at, size_t end, struct str *ret_record,
                        uint64_t *ret_damaged);
size_t segment_frame_bytes(size_t record_bytes);
void segment_set_shipped(struct segment *g, size_t end);

/* segments.c: the list and the sum of them */
/* ERR_LIMIT: bytes_max; ERR_IO: the disk. Not yet in the list, but counted. */
MUST_USE enum err segments_make(struct spool *s, unsigned lane, struct segment **ret);
/* Closes and removes one that never came into the list. */
void segments_unmake(struct spool *s, struct segment *g);
void segments_use(struct spool *s, struct segment *g, uint64_t first_seq);
void segments_recovered(struct spool *s, struct segment *g);
/* Deletes what was shipped long enough ago (or any shipped, when `is_pressed`). */
void segments_retire(struct spool *s, bool is_pressed);
void segments_unpin(struct spool *s, struct segment *const *list, size_t count);
/* Pins up to `max` segments of the lane that may hold records above `synced`, in order;
 * *ret_behind = the first sequence behind them, UINT64_MAX when they are all. */
size_t segments_pin_unsynced(struct spool *s, const struct spool_lane *lane,
                             struct segment **ret, size_t max, uint64_t *ret_behind);
int64_t spool_now_ms(void); /* monotonic */
uint64_t spool_unix_s(void);
void spool_pause_ms(unsigned ms);

/* recover.c: what an earlier process left becomes sealed segments of the list */
MUST_USE enum err spool_recover(struct spool *s, uint64_t *ret_recovered, struct issue *issue);

/* sync.c, rescue.c, ship.c */
void *spool_syncer_main(void *spool);
/* New segments for the lane's unsynced records; true = it takes appends again. */
bool spool_lane_rescue(struct spool *s, struct spool_lane *lane);
void *spool_shipper_main(void *spool);

#endif
