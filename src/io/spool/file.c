/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole files that must be there entirely or not at all: written beside, synced,
 * renamed, the folder synced; read back only when their CRC trailer fits. The CRC is
 * against accidents; who must not believe a forger seals the bytes as well.
 */
#include "spool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRAILER_MAGIC UINT32_C(0x50435331)

struct trailer {
    uint32_t magic, crc;
    uint64_t length;
};

static enum err write_all(int fd, const void *data, size_t len);
static void sync_parent(const char *path);
static enum err read_file(int fd, struct buf *out);
static enum err read_all(int fd, char *at, size_t len);

enum err spool_file_save(const char *path, struct str bytes)
{
    char temporary[1024];
    if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary)) {
        return ERR_LIMIT;
    }
    struct trailer t = {TRAILER_MAGIC, crc32c(0, bytes.ptr, bytes.len), bytes.len};
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return ERR_IO;
    }
    bool is_bad = write_all(fd, bytes.ptr, bytes.len) != ERR_OK ||
                  write_all(fd, &t, sizeof(t)) != ERR_OK || fsync(fd) != 0;
    is_bad = close(fd) != 0 || is_bad;
    if (is_bad || rename(temporary, path) != 0) {
        unlink(temporary);
        return ERR_IO;
    }
    sync_parent(path);
    return ERR_OK;
}

enum err spool_file_load(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    }
    size_t from = out->len;
    enum err e = read_file(fd, out);
    close(fd);
    if (e != ERR_OK) {
        out->len = from;
    }
    return e;
}

static enum err read_file(int fd, struct buf *out)
{
    struct stat st;
    struct trailer t;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return ERR_IO;
    }
    if (st.st_size < (off_t)sizeof(t)) {
        return ERR_CORRUPT;
    }
    size_t size = (size_t)st.st_size;
    char *at = buf_reserve(out, size);
    if (at == NULL) {
        return out->err;
    }
    TRY(read_all(fd, at, size));
    size -= sizeof(t);
    memcpy(&t, at + size, sizeof(t));
    if (t.magic != TRAILER_MAGIC || t.length != size || t.crc != crc32c(0, at, size)) {
        return ERR_CORRUPT;
    }
    buf_commit(out, size);
    return ERR_OK;
}

static enum err read_all(int fd, char *at, size_t len)
{
    while (len > 0) {
        ssize_t n = read(fd, at, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0 ? ERR_CORRUPT : ERR_IO;
        }
        at += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

static enum err write_all(int fd, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return ERR_IO;
        }
        at += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

static void sync_parent(const char *path)
{
    char copy[1024];
    snprintf(copy, sizeof(copy), "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}
