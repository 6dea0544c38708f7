/* SPDX-License-Identifier: Apache-2.0
 *
 * One segment file: preallocated (so a full disk shows when it is made, not when
 * a page is touched), mapped shared (so a record survives the process the moment
 * it is copied), framed with a CRC that covers the segment's number (so bytes of
 * a reused block never pass for a record). The length is stored last, with
 * release: a reader that sees it sees the payload.
 *
 * What the system does for a page of the map, when it is touched first, costs more than
 * the records in it: so memory is had for a block of pages at once, before it is needed.
 */
#include "spool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What looking behind damage may cost: bytes run through the CRC. */
#define SALVAGE_BYTES_MAX ((size_t)1 << 30)
#define BLOCK_BYTES ((size_t)128 * 1024)

static enum err map_file(struct segment *g);
static bool take_header(struct segment *g, uint64_t number);
static void make_present(struct segment *g, size_t end);
static void sync_folder_of(const char *path);
static bool is_frame(const struct segment *g, size_t at, size_t *ret_length, size_t *ret_cost);
static uint32_t header_crc(const struct segment_header *h);
static uint32_t frame_crc(uint64_t number, struct str record);

enum err segment_make(struct segment *g, unsigned lane)
{
    g->fd = open(g->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (g->fd < 0) {
        return errno == ENOSPC ? ERR_LIMIT : ERR_IO;
    }
    int failed = posix_fallocate(g->fd, 0, (off_t)g->bytes);
    if (failed != 0) {
        return failed == ENOSPC ? ERR_LIMIT : ERR_IO;
    }
    TRY(map_file(g));
    make_present(g, SEGMENT_HEADER_BYTES);
    struct segment_header *h = segment_header_of(g);
    h->magic = SEGMENT_MAGIC;
    h->number = g->number;
    h->lane = lane;
    h->crc = header_crc(h);
    segment_set_shipped(g, SEGMENT_HEADER_BYTES);
    if (fsync(g->fd) != 0) {
        return ERR_IO;
    }
    sync_folder_of(g->path);
    return ERR_OK;
}

enum err segment_open(const char *path, uint64_t number, struct segment **ret)
{
    struct segment *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        return ERR_MEMORY;
    }
    g->fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat st;
    if (g->fd < 0 || fstat(g->fd, &st) != 0 ||
        snprintf(g->path, sizeof(g->path), "%s", path) >= (int)sizeof(g->path)) {
        segment_close(g, false);
        return ERR_IO;
    }
    if (st.st_size < SEGMENT_HEADER_BYTES) {
        segment_close(g, false);
        return ERR_CORRUPT;
    }
    g->bytes = (size_t)st.st_size;
    g->present = g->bytes; /* nothing is appended to it any more */
    enum err e = map_file(g);
    if (e == ERR_OK && !take_header(g, number)) {
        e = ERR_CORRUPT;
    }
    if (e != ERR_OK) {
        segment_close(g, false);
        return e;
    }
    *ret = g;
    return ERR_OK;
}

/* The frames prove the number; a header that does not fit them is written anew, with
 * nothing shipped. */
static bool take_header(struct segment *g, uint64_t number)
{
    struct segment_header *h = segment_header_of(g);
    bool is_whole = h->magic == SEGMENT_MAGIC && h->crc == header_crc(h);
    if (is_whole && (number == 0 || number == h->number)) {
        g->number = h->number;
        return true;
    }
    size_t at = SEGMENT_HEADER_BYTES;
    struct str record;
    uint64_t damaged = 0;
    g->number = number;
    if (number == 0 || !segment_next_whole(g, &at, g->bytes, &record, &damaged)) {
        return false;
    }
    memset((void *)h, 0, sizeof(*h));
    h->magic = SEGMENT_MAGIC;
    h->number = number;
    h->crc = header_crc(h);
    segment_set_shipped(g, SEGMENT_HEADER_BYTES);
    return true;
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

void segment_set_shipped(struct segment *g, size_t end)
{
    struct segment_header *h = segment_header_of(g);
    atomic_store(&h->shipped, end);
    atomic_store(&h->shipped_not, ~(uint64_t)end);
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
    if (at + segment_frame_bytes(record.len) > g->present) {
        make_present(g, at + segment_frame_bytes(record.len));
    }
    struct frame_header *f = (struct frame_header *)(void *)(g->map + at);
    memcpy(g->map + at + sizeof(*f), record.ptr, record.len);
    f->crc = frame_crc(g->number, record);
    atomic_store_explicit(&f->length, (uint32_t)record.len, memory_order_release);
    return at + segment_frame_bytes(record.len);
}

/* Zeros over zeros, in one write, get one large piece of the system's cache for the block
 * and not 32 pages; then all of it is mapped for writing. A means to be quick only: where
 * it fails, the pages come one by one when they are touched. */
static void make_present(struct segment *g, size_t end)
{
    static char zeros[BLOCK_BYTES]; /* never written; const would be 128 KiB of the program */
    while (g->present < end) {
        size_t left = g->bytes - g->present;
        size_t bytes = left < BLOCK_BYTES ? left : BLOCK_BYTES;
        ssize_t n = pwrite(g->fd, zeros, bytes, (off_t)g->present);
        (void)n;
#ifdef MADV_POPULATE_WRITE
        (void)madvise(g->map + g->present, bytes, MADV_POPULATE_WRITE);
#endif
        g->present += bytes;
    }
}

bool segment_next(const struct segment *g, size_t *at, struct str *ret_record)
{
    size_t length, cost = 0;
    if (!is_frame(g, *at, &length, &cost)) {
        return false;
    }
    *ret_record = (struct str){g->map + *at + sizeof(struct frame_header), length};
    *at += segment_frame_bytes(length);
    return true;
}

/* A frame may start at any multiple of 8, so behind damage each is tried: the damaged
 * frame's own length cannot be believed. Mostly the length there is impossible and
 * nothing is read; the worst case is bounded. */
bool segment_next_whole(const struct segment *g, size_t *at, size_t end, struct str *ret_record,
                        uint64_t *ret_damaged)
{
    size_t length, cost = 0, from = *at;
    while (from < end && cost < SALVAGE_BYTES_MAX && !is_frame(g, from, &length, &cost)) {
        from += 8;
    }
    if (from >= end || cost >= SALVAGE_BYTES_MAX) {
        return false;
    }
    *ret_damaged += from != *at ? 1 : 0;
    *ret_record = (struct str){g->map + from + sizeof(struct frame_header), length};
    *at = from + segment_frame_bytes(length);
    return true;
}

static bool is_frame(const struct segment *g, size_t at, size_t *ret_length, size_t *ret_cost)
{
    if (at + sizeof(struct frame_header) > g->bytes) {
        return false;
    }
    const struct frame_header *f = (const struct frame_header *)(const void *)(g->map + at);
    size_t length = atomic_load_explicit(&f->length, memory_order_acquire);
    if (length == 0 || length > SPOOL_RECORD_BYTES_MAX ||
        at + sizeof(*f) + length > g->bytes) {
        return false;
    }
    *ret_length = length;
    *ret_cost += length;
    return f->crc == frame_crc(g->number, (struct str){g->map + at + sizeof(*f), length});
}

/* A file whose name is not on disk is not on disk. */
static void sync_folder_of(const char *path)
{
    char folder[512];
    snprintf(folder, sizeof(folder), "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}
