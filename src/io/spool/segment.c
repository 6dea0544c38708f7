/* SPDX-License-Identifier: Apache-2.0
 *
 * One segment file: preallocated (so a full disk shows when it is made, not when
 * a page is touched), mapped shared (so a record survives the process the moment
 * it is copied), framed with a CRC that covers the segment's number (so bytes of
 * a reused block never pass for a record). The length is stored last, with
 * release: a reader that sees it sees the payload.
 */
#include "spool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static enum err map_file(struct segment *g);
static uint32_t header_crc(const struct segment_header *h);
static uint32_t frame_crc(uint64_t number, struct str record);
static void sync_dir(const char *dir);

enum err segment_create(struct spool *s, unsigned lane, struct segment **ret)
{
    struct segment *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        return ERR_MEMORY;
    }
    pthread_mutex_lock(&s->lock);
    bool is_full = s->total_bytes + s->options.segment_bytes > s->options.bytes_max;
    g->number = s->next_number++;
    pthread_mutex_unlock(&s->lock);
    if (is_full) {
        segments_retire(s, true);
        pthread_mutex_lock(&s->lock);
        is_full = s->total_bytes + s->options.segment_bytes > s->options.bytes_max;
        pthread_mutex_unlock(&s->lock);
    }
    if (is_full) {
        free(g);
        return ERR_LIMIT;
    }
    snprintf(g->path, sizeof(g->path), "%s/%016llx.seg", s->dir, (unsigned long long)g->number);
    g->bytes = s->options.segment_bytes;
    g->created_s = spool_unix_s();
    g->fd = open(g->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int failed = g->fd < 0 ? errno : posix_fallocate(g->fd, 0, (off_t)g->bytes);
    if (failed != 0 || map_file(g) != ERR_OK) {
        segment_close(g, g->fd >= 0);
        atomic_store(&s->is_failing, true);
        return failed == ENOSPC ? ERR_LIMIT : ERR_IO;
    }
    struct segment_header *h = segment_header_of(g);
    h->magic = SEGMENT_MAGIC;
    h->number = g->number;
    h->lane = lane;
    h->crc = header_crc(h);
    atomic_store(&h->shipped, SEGMENT_HEADER_BYTES);
    if (fsync(g->fd) != 0) {
        segment_close(g, true);
        atomic_store(&s->is_failing, true);
        return ERR_IO;
    }
    sync_dir(s->dir);
    *ret = g;
    return ERR_OK;
}

enum err segment_open(const char *path, struct segment **ret)
{
    struct segment *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        return ERR_MEMORY;
    }
    snprintf(g->path, sizeof(g->path), "%s", path);
    g->fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat st;
    if (g->fd < 0 || fstat(g->fd, &st) != 0 || st.st_size < SEGMENT_HEADER_BYTES) {
        segment_close(g, false);
        return ERR_CORRUPT;
    }
    g->bytes = (size_t)st.st_size;
    g->created_s = (uint64_t)st.st_mtime;
    if (map_file(g) != ERR_OK) {
        segment_close(g, false);
        return ERR_IO;
    }
    const struct segment_header *h = segment_header_of(g);
    if (h->magic != SEGMENT_MAGIC || h->crc != header_crc(h)) {
        segment_close(g, false);
        return ERR_CORRUPT;
    }
    g->number = h->number;
    *ret = g;
    return ERR_OK;
}

static enum err map_file(struct segment *g)
{
    void *map = mmap(NULL, g->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, g->fd, 0);
    if (map == MAP_FAILED) {
        return ERR_IO;
    }
    g->map = map;
    /* Records hold names and ids of tenants: not for core dumps. */
    (void)madvise(map, g->bytes, MADV_DONTDUMP);
    return ERR_OK;
}

void segment_close(struct segment *g, bool is_removed)
{
    if (g == NULL) {
        return;
    }
    if (g->map != NULL) {
        munmap(g->map, g->bytes);
    }
    if (g->fd >= 0) {
        close(g->fd);
    }
    if (is_removed) {
        unlink(g->path);
    }
    free(g);
}

void segment_forget_pages(struct segment *g)
{
    (void)madvise(g->map, g->bytes, MADV_DONTNEED);
    (void)posix_fadvise(g->fd, 0, 0, POSIX_FADV_DONTNEED);
}

struct segment_header *segment_header_of(const struct segment *g)
{
    return (struct segment_header *)(void *)g->map;
}

static uint32_t header_crc(const struct segment_header *h)
{
    uint64_t fields[3] = {h->magic, h->number, h->lane};
    return crc32c(0, fields, sizeof(fields));
}

static uint32_t frame_crc(uint64_t number, struct str record)
{
    uint64_t fields[2] = {number, record.len};
    return crc32c(crc32c(0, fields, sizeof(fields)), record.ptr, record.len);
}

size_t segment_frame_bytes(size_t record_bytes)
{
    return (sizeof(struct frame_header) + record_bytes + 7) & ~(size_t)7;
}

size_t segment_append(struct segment *g, size_t at, struct str record)
{
    struct frame_header *f = (struct frame_header *)(void *)(g->map + at);
    memcpy(g->map + at + sizeof(*f), record.ptr, record.len);
    f->crc = frame_crc(g->number, record);
    atomic_store_explicit(&f->length, (uint32_t)record.len, memory_order_release);
    return at + segment_frame_bytes(record.len);
}

bool segment_next(const struct segment *g, size_t *at, struct str *ret_record)
{
    if (*at + sizeof(struct frame_header) > g->bytes) {
        return false;
    }
    const struct frame_header *f = (const struct frame_header *)(const void *)(g->map + *at);
    size_t length = atomic_load_explicit(&f->length, memory_order_acquire);
    if (length == 0 || length > SPOOL_RECORD_BYTES_MAX ||
        *at + segment_frame_bytes(length) > g->bytes) {
        return false;
    }
    struct str record = {g->map + *at + sizeof(*f), length};
    if (f->crc != frame_crc(g->number, record)) {
        return false;
    }
    *at += segment_frame_bytes(length);
    *ret_record = record;
    return true;
}

void segments_add(struct spool *s, struct segment *g)
{
    pthread_mutex_lock(&s->lock);
    struct segment **at = &s->segments;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = g;
    s->total_bytes += g->bytes;
    pthread_mutex_unlock(&s->lock);
}

void segments_retire(struct spool *s, bool is_pressed)
{
    uint64_t now = spool_unix_s();
    struct segment *gone = NULL;
    pthread_mutex_lock(&s->lock);
    for (struct segment **at = &s->segments; *at != NULL;) {
        struct segment *g = *at;
        uint64_t shipped_s = atomic_load(&segment_header_of(g)->shipped_s);
        bool is_old = shipped_s != 0 &&
                      (is_pressed || now >= shipped_s + s->options.keep_shipped_s);
        if (!is_old) {
            at = &g->next;
            continue;
        }
        *at = g->next;
        s->total_bytes -= g->bytes;
        g->next = gone;
        gone = g;
    }
    pthread_mutex_unlock(&s->lock);
    while (gone != NULL) {
        struct segment *next = gone->next;
        segment_close(gone, true);
        gone = next;
    }
}

static void sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

int64_t spool_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t spool_unix_s(void)
{
    return (uint64_t)time(NULL);
}
