/* SPDX-License-Identifier: Apache-2.0
 *
 * The child: lowers its own limits before it reads a byte, compiles one list, looks at
 * what scanning with it would cost, and answers in a frame. It holds no secret: its
 * environment is empty and no descriptor but 0, 1 and 2 is open. Under a sanitizer,
 * which wants terabytes of address space and opens files at exit, those two limits are
 * left out. Frames are here as well: both ends use them.
 */
#include "compile_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITISED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITISED 1
#endif
#endif
#ifndef IS_SANITISED
#define IS_SANITISED 0
#endif

#define NICE 10 /* requests go first */

static bool set_limits(unsigned cpu_s, unsigned memory_mib);
static bool set_limit(int what, rlim_t soft, rlim_t hard);
static bool read_all(int fd, void *to, size_t len);
static bool write_all(int fd, const void *from, size_t len);
static bool read_source(struct buf *ret);
static bool reply(const struct compile_outcome *outcome, struct str database);

int compile_child_main(int argc, char **argv)
{
    uint64_t n[3];
    for (int i = 0; i < 3; i++) {
        if (argc != 4 || str_to_u64(str_from(argv[i + 1]), &n[i]) != ERR_OK || n[i] == 0 ||
            n[i] > 1U << 20) {
            return 2;
        }
    }
    struct buf source, database;
    struct compile_outcome outcome = {0};
    if (!set_limits((unsigned)n[0], (unsigned)n[1])) {
        return 1;
    }
    buf_init(&source, COMPILE_SOURCE_BYTES_MAX);
    buf_init(&database, ((size_t)n[2] << 20) + 4096);
    bool is_good = read_source(&source);
    if (is_good) {
        compile_here(buf_str(&source), (size_t)n[2] << 20, &database, &outcome);
        is_good = reply(&outcome, buf_str(&database));
    }
    buf_fini(&source);
    buf_fini(&database);
    return is_good ? 0 : 1;
}

static bool set_limits(unsigned cpu_s, unsigned memory_mib)
{
    rlim_t memory = (rlim_t)memory_mib << 20;
    (void)prctl(PR_SET_PDEATHSIG, 9);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    (void)close_range(3, ~0U, 0);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && set_limit(RLIMIT_CORE, 0, 0) &&
           set_limit(RLIMIT_FSIZE, 0, 0) && set_limit(RLIMIT_CPU, cpu_s, cpu_s + 1) &&
           (IS_SANITISED ||
            (set_limit(RLIMIT_AS, memory, memory) && set_limit(RLIMIT_NOFILE, 3, 3)));
}

static bool set_limit(int what, rlim_t soft, rlim_t hard)
{
    struct rlimit now, want = {soft, hard};
    if (getrlimit((__rlimit_resource_t)what, &now) != 0) {
        return false;
    }
    want.rlim_max = now.rlim_max < hard ? now.rlim_max : hard;
    want.rlim_cur = want.rlim_max < soft ? want.rlim_max : soft;
    return setrlimit((__rlimit_resource_t)what, &want) == 0;
}

static bool read_source(struct buf *ret)
{
    struct compile_request_head head;
    if (!read_all(0, &head, sizeof(head)) || head.magic != COMPILE_REQUEST_MAGIC ||
        head.length > COMPILE_SOURCE_BYTES_MAX) {
        return false;
    }
    char *at = buf_reserve(ret, (size_t)head.length);
    if (at == NULL || !read_all(0, at, (size_t)head.length)) {
        return false;
    }
    buf_commit(ret, (size_t)head.length);
    return crc32c(0, ret->ptr, ret->len) == head.crc;
}

static bool reply(const struct compile_outcome *outcome, struct str database)
{
    struct compile_reply_head head = {.magic = COMPILE_REPLY_MAGIC,
                                      .why = outcome->why,
                                      .detail = outcome->detail,
                                      .place = outcome->place,
                                      .bound = outcome->bound};
    if (outcome->why == COMPILE_OK) {
        head.length = database.len;
        head.crc = crc32c(0, database.ptr, database.len);
    }
    head.head_crc = compile_reply_crc(&head);
    return write_all(1, &head, sizeof(head)) && write_all(1, database.ptr, (size_t)head.length);
}

static bool read_all(int fd, void *to, size_t len)
{
    char *at = to;
    while (len > 0) {
        ssize_t n = read(fd, at, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool write_all(int fd, const void *from, size_t len)
{
    const char *at = from;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

void compile_here(struct str source, size_t database_bytes_max, struct buf *ret_database,
                  struct compile_outcome *ret)
{
    struct issue issue = {.message = ""};
    struct scan_terms_cost cost = {0};
    enum err e = scan_terms_compile(source, ret_database, &issue);
    if (e == ERR_OK && ret_database->len > database_bytes_max) {
        e = ERR_LIMIT;
    }
    if (e == ERR_OK) {
        e = scan_terms_probe(source, buf_str(ret_database), &cost);
    }
    if (e == ERR_OK) {
        ret->why = cost.is_given_up    ? COMPILE_GIVEN_UP
                   : cost.is_too_dense ? COMPILE_MATCHES
                                       : COMPILE_OK;
        ret->detail = cost.per_kib;
        ret->place = cost.literal;
        ret->bound = cost.per_kib_max;
    } else if (e == ERR_LIMIT) {
        ret->why = COMPILE_DATABASE;
        ret->detail = ret_database->len;
    } else {
        ret->why = e == ERR_MEMORY ? COMPILE_MEMORY : COMPILE_INVALID;
    }
}

uint32_t compile_reply_crc(const struct compile_reply_head *head)
{
    return crc32c(0, head, offsetof(struct compile_reply_head, head_crc));
}

bool compile_reply_read(struct str bytes, struct compile_outcome *ret, struct str *ret_database)
{
    struct compile_reply_head head;
    if (bytes.len < sizeof(head)) {
        return false;
    }
    memcpy(&head, bytes.ptr, sizeof(head));
    struct str rest = str_sub(bytes, sizeof(head), bytes.len);
    bool is_good = head.magic == COMPILE_REPLY_MAGIC && head.head_crc == compile_reply_crc(&head) &&
                   head.why < COMPILE_WHYS_OF_CHILD && head.length == rest.len &&
                   (head.why == COMPILE_OK) == (rest.len > 0) &&
                   (rest.len == 0 || head.crc == crc32c(0, rest.ptr, rest.len));
    if (is_good) {
        ret->why = (enum compile_why)head.why;
        ret->detail = head.detail;
        ret->place = head.place;
        ret->bound = head.bound;
        *ret_database = rest;
    }
    return is_good;
}
