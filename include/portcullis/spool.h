/* SPDX-License-Identifier: Apache-2.0
 *
 * spool: the durable local log of audit records, and the file that holds the
 * last-known-good snapshot. The only files Portcullis writes.
 *
 * One lane per worker: preallocated segments mapped MAP_SHARED, so that an append
 * is a copy plus one atomic store (no lock; two system calls for each 128 KiB, which
 * have the system set memory aside for many records at once) and survives kill -9
 * at once. Two threads of its own: the syncer makes records survive power loss too
 * (group commit over all lanes), the shipper sends them onward in order; apart,
 * because a frozen database must not hold up a sync. A record is framed
 * `length | crc32c | payload`; recovery drops only a torn tail (and, where the disk
 * damaged one, that record, not those behind it). How far a segment was shipped
 * stands in its own header; shipping is at-least-once, so the receiver must be
 * idempotent.
 *
 * GLOSSARY  lane: one worker's sequence of records. segment: one file of a lane.
 * sealed: no record will be appended any more. shipped: stored elsewhere for good.
 *
 * Threads: spool_append by the lane's worker only; the rest as each says.
 */
#ifndef PORTCULLIS_SPOOL_H
#define PORTCULLIS_SPOOL_H

#include "portcullis/base.h"

#define SPOOL_RECORD_BYTES_MAX (256 * 1024)
#define SPOOL_SEGMENT_BYTES_MIN (SPOOL_RECORD_BYTES_MAX + 4096)

struct spool;
struct spool_lane;

struct spool_options {
    const char *dir;           /* must exist and be writable; 0700; one process at a time */
    unsigned lanes;            /* workers */
    size_t segment_bytes;      /* 64 MiB; preallocated, so a full disk shows here */
    size_t bytes_max;          /* of all segments kept; reached = ERR_LIMIT on append */
    unsigned sync_interval_ms; /* group commit: at most this long, 5 */
    unsigned keep_shipped_s;   /* shipped segments are kept this long, 3600 */
};

/* Takes one batch in order; true = all of it is stored (or quarantined) for good,
 * false = try again later (the same records come again). Shipper thread. */
struct spool_batch {
    const struct str *records;
    size_t count;
};

/* Opens, recovers what an earlier process left (torn tails cut, unshipped records
 * queued for shipping). *ret_recovered = records found unshipped. ERR_CONFLICT: another
 * process has this folder; ERR_LIMIT: no room for a first segment per lane. */
MUST_USE enum err spool_open(const struct spool_options *options, struct spool **ret,
                             uint64_t *ret_recovered, struct issue *ret_issue);
/* Starts both threads. `on_synced` is called on the syncer after each sync (may be
 * NULL); it must only signal (uv_async_send). Blocks all signals in them. */
MUST_USE enum err spool_start(struct spool *s,
                              bool (*ship)(void *context, const struct spool_batch *batch),
                              void *ship_context, void (*on_synced)(void *context),
                              void *synced_context);
/* Syncs, ships what it can within `timeout_ms`, joins the threads, closes and frees.
 * No append may follow. NULL ok. */
void spool_stop(struct spool *s, unsigned timeout_ms);

struct spool_lane *spool_lane_get(struct spool *s, unsigned lane);
/* Mostly no system call, see above. ERR_LIMIT: spool or disk full; ERR_IO: a sync or
 * the making of a segment failed (both: refuse the request, audit_unavailable; both
 * pass by themselves when there is room again, or the disk works again). *ret_seq
 * orders records within the lane, from 1. */
MUST_USE enum err spool_append(struct spool_lane *lane, struct str record, uint64_t *ret_seq);
/* Highest sequence of the lane known to be on disk: fdatasync returned after it was
 * written. Any thread. Sequentially consistent: who first says (so too) that it waits,
 * then asks here, is either answered or found by on_synced. */
uint64_t spool_lane_synced(const struct spool_lane *lane);

struct spool_stats {
    uint64_t appended, synced, shipped, bytes, segments, sync_failures;
    uint64_t recovered_left; /* of *ret_recovered, not yet shipped */
    uint64_t damaged;        /* stretches that failed their CRC and were stepped over */
    uint64_t oldest_unshipped_age_s;
    bool is_failing; /* a lane's sync failed, or the last segment could not be made */
    bool is_full;    /* a lane refused a record for want of a segment and has none yet */
};
void spool_stats_read(const struct spool *s, struct spool_stats *ret); /* any thread */

/* Whole-file write: temporary, fsync, rename, fsync of the folder. One writer per path. */
MUST_USE enum err spool_file_save(const char *path, struct str bytes);
/* Appends a file saved above to `out` (ERR_LIMIT beyond its limit); ERR_NOT_FOUND,
 * ERR_CORRUPT (its CRC trailer fails; nothing is appended). */
MUST_USE enum err spool_file_load(const char *path, struct buf *out);

#endif
