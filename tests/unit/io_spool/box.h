/* SPDX-License-Identifier: Apache-2.0
 *
 * What the spool's tests share: a folder of their own under TMPDIR that is removed
 * with all it holds, a receiver that keeps what was shipped (and can be told to
 * refuse), and records whose text says lane and number. Waiting is for a condition
 * with a generous bound; no test asserts how long anything took.
 */
#ifndef PORTCULLIS_TEST_SPOOL_BOX_H
#define PORTCULLIS_TEST_SPOOL_BOX_H

#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../src/io/spool/spool_private.h"

#define BOX_WAIT_MS 60000
#define BOX_SEGMENT (SPOOL_SEGMENT_BYTES_MIN + 4096)

struct box {
    char dir[300];
    struct spool *spool;
    uint64_t recovered;
    struct issue issue;
};

/* Keeps a copy of every record taken. */
struct receiver {
    pthread_mutex_t lock;
    struct buf bytes; /* u32 length, payload, and so on */
    size_t count;
    unsigned refusals;   /* refuse this many batches first */
    bool is_refusing;    /* refuse all */
    size_t refused;      /* batches refused so far */
};

static inline void box_init(struct box *b)
{
    const char *tmp = getenv("TMPDIR");
    memset(b, 0, sizeof(*b));
    snprintf(b->dir, sizeof(b->dir), "%s/portcullis_spool_XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(b->dir));
}

static inline void box_remove_files(const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL) {
        char path[700];
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.') {
            unlink(path);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
}

static inline void box_fini(struct box *b)
{
    spool_stop(b->spool, 0);
    box_remove_files(b->dir);
    rmdir(b->dir);
}

static inline struct spool_options box_options(const struct box *b, unsigned lanes)
{
    return (struct spool_options){.dir = b->dir,
                                  .lanes = lanes,
                                  .segment_bytes = BOX_SEGMENT,
                                  .bytes_max = (size_t)256 * BOX_SEGMENT,
                                  .sync_interval_ms = 1,
                                  .keep_shipped_s = 3600};
}

static inline enum err box_open(struct box *b, unsigned lanes)
{
    struct spool_options o = box_options(b, lanes);
    return spool_open(&o, &b->spool, &b->recovered, &b->issue);
}

static inline void box_stop(struct box *b, unsigned timeout_ms)
{
    spool_stop(b->spool, timeout_ms);
    b->spool = NULL;
}

/* Names of the segment files, in order; the caller frees nothing. */
static inline size_t box_segments(const struct box *b, char names[][32], size_t max)
{
    struct dirent **list;
    size_t count = 0;
    int n = scandir(b->dir, &list, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (strstr(list[i]->d_name, ".seg") != NULL && strlen(list[i]->d_name) == 20 &&
            count < max) {
            snprintf(names[count++], 32, "%.31s", list[i]->d_name);
        }
        free(list[i]);
    }
    free(list);
    return count;
}

static inline struct str box_record(char *text, size_t size, unsigned lane, unsigned number)
{
    int n = snprintf(text, size, "lane %u record %u %0*u", lane, number, (int)(number % 97) + 1, 7);
    return (struct str){text, (size_t)n};
}

static inline uint64_t box_append(struct box *b, unsigned lane, unsigned number)
{
    char text[256];
    uint64_t seq = 0;
    struct str record = box_record(text, sizeof(text), lane, number);
    assert_int_equal(spool_append(spool_lane_get(b->spool, lane), record, &seq), ERR_OK);
    return seq;
}

static inline void receiver_init(struct receiver *r)
{
    memset(r, 0, sizeof(*r));
    pthread_mutex_init(&r->lock, NULL);
    buf_init(&r->bytes, (size_t)256 << 20);
}

static inline void receiver_fini(struct receiver *r)
{
    pthread_mutex_destroy(&r->lock);
    buf_fini(&r->bytes);
}

static inline bool receiver_ship(void *context, const struct spool_batch *batch)
{
    struct receiver *r = context;
    pthread_mutex_lock(&r->lock);
    bool is_refused = r->is_refusing || r->refusals > 0;
    if (is_refused) {
        r->refusals -= r->refusals > 0 ? 1 : 0;
        r->refused++;
    } else {
        for (size_t i = 0; i < batch->count; i++) {
            uint32_t length = (uint32_t)batch->records[i].len;
            buf_add(&r->bytes, (struct str){(const char *)&length, sizeof(length)});
            buf_add(&r->bytes, batch->records[i]);
        }
        r->count += batch->count;
    }
    pthread_mutex_unlock(&r->lock);
    return !is_refused;
}

static inline size_t receiver_count(struct receiver *r)
{
    pthread_mutex_lock(&r->lock);
    size_t count = r->count;
    pthread_mutex_unlock(&r->lock);
    return count;
}

static inline void receiver_set_refusing(struct receiver *r, bool is_refusing)
{
    pthread_mutex_lock(&r->lock);
    r->is_refusing = is_refusing;
    pthread_mutex_unlock(&r->lock);
}

static inline size_t receiver_refused(struct receiver *r)
{
    pthread_mutex_lock(&r->lock);
    size_t count = r->refused;
    pthread_mutex_unlock(&r->lock);
    return count;
}

/* The record at *at; false at the end. Shipping must have ended. */
static inline bool receiver_next(const struct receiver *r, size_t *at, struct str *ret)
{
    uint32_t length;
    if (*at >= r->bytes.len) {
        return false;
    }
    memcpy(&length, r->bytes.ptr + *at, sizeof(length));
    *ret = (struct str){r->bytes.ptr + *at + sizeof(length), length};
    *at += sizeof(length) + length;
    return true;
}

/* How often each record of the lane came, and that the first comings are in order. */
static inline void receiver_tally(const struct receiver *r, unsigned lane, unsigned *times,
                                  unsigned max)
{
    struct str record;
    unsigned highest = 0;
    memset(times, 0, max * sizeof(*times));
    for (size_t at = 0; receiver_next(r, &at, &record);) {
        char text[256], expected[256];
        unsigned from, number;
        assert_true(record.len < sizeof(text));
        memcpy(text, record.ptr, record.len);
        text[record.len] = '\0';
        assert_int_equal(sscanf(text, "lane %u record %u ", &from, &number), 2);
        struct str whole = box_record(expected, sizeof(expected), from, number);
        assert_true(str_eq(whole, record)); /* exactly the bytes */
        if (from != lane) {
            continue;
        }
        assert_true(number >= 1 && number < max);
        if (times[number]++ == 0) {
            assert_true(number > highest);
            highest = number;
        }
    }
}

#define BOX_WAIT_FOR(condition)                                                                    \
    do {                                                                                           \
        int64_t until_ = spool_now_ms() + BOX_WAIT_MS;                                             \
        while (!(condition) && spool_now_ms() < until_) {                                          \
            spool_pause_ms(1);                                                                     \
        }                                                                                          \
        assert_true(condition);                                                                    \
    } while (0)

#endif
