/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: a segment file as recovery finds it. The first byte chooses: even, the
 * bytes are the file; odd, they are pieces that become records, and what is left flips
 * bits of the file. Reading must stay inside, end, go forward, and give only records
 * that were written; those in front of the first change must all come.
 */
#include "../../src/io/spool/spool_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_BYTES 8192
#define RECORDS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct made {
    char bytes[FILE_BYTES];
    struct str records[RECORDS_MAX]; /* in the input */
    size_t ends[RECORDS_MAX];
    size_t count, first_change;
};

static void put_file(const void *bytes, size_t size, char path[64], int *ret_fd)
{
    *ret_fd = memfd_create("segment", MFD_CLOEXEC);
    ASSERT(*ret_fd >= 0 && write(*ret_fd, bytes, size) == (ssize_t)size);
    snprintf(path, 64, "/proc/self/fd/%d", *ret_fd);
}

/* Length byte, payload; a zero ends the records, then pairs (offset, bits). */
static void make(struct made *m, struct str in)
{
    struct segment g = {.map = m->bytes, .bytes = FILE_BYTES, .fd = -1, .number = 5};
    struct segment_header *h = (struct segment_header *)(void *)m->bytes;
    memset(m, 0, sizeof(*m));
    h->magic = SEGMENT_MAGIC;
    h->number = g.number;
    uint64_t fields[3] = {h->magic, h->number, h->lane};
    h->crc = crc32c(0, fields, sizeof(fields));
    segment_set_shipped(&g, SEGMENT_HEADER_BYTES);
    size_t at = SEGMENT_HEADER_BYTES, used = 0;
    while (used < in.len && m->count < RECORDS_MAX) {
        size_t length = (uint8_t)in.ptr[used++];
        length = length < in.len - used ? length : in.len - used;
        if (length == 0 || at + segment_frame_bytes(length) > FILE_BYTES) {
            break;
        }
        m->records[m->count] = (struct str){in.ptr + used, length};
        at = segment_append(&g, at, m->records[m->count]);
        m->ends[m->count++] = at;
        used += length;
    }
    m->first_change = FILE_BYTES;
    for (; used + 3 <= in.len; used += 3) {
        size_t offset = SEGMENT_HEADER_BYTES +
                        (((uint8_t)in.ptr[used] << 8 | (uint8_t)in.ptr[used + 1]) %
                         (FILE_BYTES - SEGMENT_HEADER_BYTES));
        m->bytes[offset] = (char)(m->bytes[offset] ^ in.ptr[used + 2]);
        if (in.ptr[used + 2] != 0 && offset < m->first_change) {
            m->first_change = offset;
        }
    }
}

static void read_all(const struct segment *g, const struct made *m)
{
    size_t at = SEGMENT_HEADER_BYTES, next = 0;
    uint64_t damaged = 0;
    struct str record;
    for (;;) {
        size_t before = at;
        if (!segment_next_whole(g, &at, g->bytes, &record, &damaged)) {
            break;
        }
        ASSERT(at > before && at % 8 == 0);
        ASSERT(record.ptr >= g->map + SEGMENT_HEADER_BYTES + sizeof(struct frame_header));
        ASSERT(record.ptr + record.len <= g->map + g->bytes);
        if (m == NULL) {
            continue;
        }
        while (next < m->count && !str_eq(m->records[next], record)) {
            ASSERT(m->ends[next] > m->first_change); /* whole, but it did not come */
            next++;
        }
        /* Changed bytes could only make another record by forging its CRC. */
        ASSERT(next++ < m->count || m->first_change < FILE_BYTES);
    }
    while (m != NULL && next < m->count) {
        ASSERT(m->ends[next++] > m->first_change);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct made m;
    char path[64];
    int fd;
    struct segment *g;
    if (size < 1 || size > FILE_BYTES) {
        return 0;
    }
    struct str rest = {(const char *)data + 1, size - 1};
    bool is_made = data[0] % 2 == 1;
    if (is_made) {
        make(&m, rest);
        put_file(m.bytes, FILE_BYTES, path, &fd);
    } else {
        put_file(rest.ptr, rest.len, path, &fd);
    }
    enum err e = segment_open(path, 5, &g);
    ASSERT(e == ERR_OK || (e == ERR_CORRUPT && !is_made));
    if (e == ERR_OK) {
        read_all(g, is_made ? &m : NULL);
        segment_close(g, false);
    }
    close(fd);
    return 0;
}
