/* SPDX-License-Identifier: Apache-2.0
 *
 * The parent's side of one child: starts it with nothing but two pipes, feeds it,
 * reads at most what a database may be, and kills it when its time is up. How it ended
 * is asked of the kernel, not of the child. Blocks its thread; never on a loop.
 *
 *   START --> FEED+READ --(end of its output)--> LEAVE --> reaped
 *               |  wall time, room closes          |  wall time
 *               +------------- KILL ---------------+
 */
#include "compile_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 100 /* how often a closing room is looked for */
#define REPLY_SLACK 4096

struct child {
    pid_t pid;
    int to, from; /* -1 = closed */
    int64_t until_ms;
    const _Atomic bool *is_stopping;
    struct compile_request_head head;
    struct str source;
    size_t written; /* of head and source */
    struct buf *out;
};

static bool start(struct child *c, const struct compile_options *options);
static bool start_with(struct child *c, char *const *argv, const char *program, int to, int from);
static bool exchange(struct child *c, struct compile_outcome *ret);
static bool feed(struct child *c);
static int take(struct child *c);
static void leave(struct child *c, bool is_killed, struct compile_outcome *ret);
static void judge(int status, struct compile_outcome *ret);
static bool is_over(const struct child *c, struct compile_outcome *ret);
static void close_fd(int *fd);
static int64_t mono_us(void);

void compile_in_child(const struct compile_options *options, const _Atomic bool *is_stopping,
                      struct str source, struct buf *ret_database, struct compile_outcome *ret)
{
    struct buf out;
    int64_t from_us = mono_us();
    *ret = (struct compile_outcome){.why = COMPILE_SPAWN};
    buf_init(&out, ((size_t)options->limits.database_mib << 20) + REPLY_SLACK);
    struct child c = {.to = -1,
                      .from = -1,
                      .until_ms = from_us / 1000 + (int64_t)options->limits.wall_s * 1000,
                      .is_stopping = is_stopping,
                      .head = {.magic = COMPILE_REQUEST_MAGIC,
                               .crc = crc32c(0, source.ptr, source.len),
                               .length = source.len},
                      .source = source,
                      .out = &out};
    if (start(&c, options)) {
        ret->why = COMPILE_OK;
        bool is_good = exchange(&c, ret);
        close_fd(&c.to);
        close_fd(&c.from);
        leave(&c, !is_good, ret);
    }
    struct str database = STR_NONE;
    if (ret->why == COMPILE_OK && !compile_reply_read(buf_str(&out), ret, &database)) {
        ret->why = COMPILE_GARBAGE;
    }
    if (ret->why == COMPILE_OK) {
        buf_add(ret_database, database);
        ret->why = ret_database->err == ERR_OK ? COMPILE_OK : COMPILE_SPAWN;
    }
    ret->wall_us = (uint64_t)(mono_us() - from_us);
    buf_fini(&out);
}

static bool start(struct child *c, const struct compile_options *options)
{
    char cpu[16], memory[16], database[16], name[] = "portcullis", verb[] = "compile-terms";
    int to[2] = {-1, -1}, from[2] = {-1, -1};
    snprintf(cpu, sizeof(cpu), "%u", options->limits.cpu_s);
    snprintf(memory, sizeof(memory), "%u", options->limits.memory_mib);
    snprintf(database, sizeof(database), "%u", options->limits.database_mib);
    char *argv[] = {name, verb, cpu, memory, database, NULL};
    bool is_good =
        pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0 &&
        fcntl(to[1], F_SETFL, O_NONBLOCK) == 0 && fcntl(from[0], F_SETFL, O_NONBLOCK) == 0 &&
        start_with(c, argv, options->program != NULL ? options->program : "/proc/self/exe", to[0],
                   from[1]);
    close_fd(&to[0]);
    close_fd(&from[1]);
    c->to = to[1];
    c->from = from[0];
    if (!is_good) {
        close_fd(&c->to);
        close_fd(&c->from);
    }
    return is_good;
}

static bool start_with(struct child *c, char *const *argv, const char *program, int to, int from)
{
    char *const empty[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return false;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return false;
    }
    bool is_good = posix_spawn_file_actions_adddup2(&actions, to, 0) == 0 &&
                   posix_spawn_file_actions_adddup2(&actions, from, 1) == 0 &&
                   posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) == 0 &&
                   posix_spawn_file_actions_addclosefrom_np(&actions, 3) == 0 &&
                   posix_spawnattr_setsigmask(&attributes, &none) == 0 &&
                   posix_spawnattr_setsigdefault(&attributes, &all) == 0 &&
                   posix_spawnattr_setflags(&attributes,
                                            POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0 &&
                   posix_spawn(&c->pid, program, &actions, &attributes, argv, empty) == 0;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return is_good;
}

/* Until the child has closed its output. False: kill it; ret->why says why. */
static bool exchange(struct child *c, struct compile_outcome *ret)
{
    for (;;) {
        struct pollfd fds[] = {{c->from, POLLIN, 0}, {c->to, POLLOUT, 0}};
        if (is_over(c, ret)) {
            return false;
        }
        if (poll(fds, 2, LOOK_MS) < 0 && errno != EINTR) {
            ret->why = COMPILE_SPAWN;
            return false;
        }
        if (fds[1].revents != 0 && !feed(c)) {
            close_fd(&c->to); /* all is given, or it does not want more */
        }
        int got = fds[0].revents != 0 ? take(c) : 1;
        if (got < 0) {
            ret->why = c->out->err == ERR_MEMORY ? COMPILE_SPAWN : COMPILE_GARBAGE;
            return false;
        }
        if (got == 0) {
            return true;
        }
    }
}

static bool feed(struct child *c)
{
    struct str head = {(const char *)&c->head, sizeof(c->head)};
    bool is_head = c->written < head.len;
    struct str rest = is_head ? str_sub(head, c->written, head.len)
                              : str_sub(c->source, c->written - head.len, c->source.len);
    ssize_t n = rest.len != 0 ? write(c->to, rest.ptr, rest.len) : 0;
    if (n < 0) {
        return errno == EINTR || errno == EAGAIN;
    }
    c->written += (size_t)n;
    return c->written < head.len + c->source.len;
}

/* 1 = more may come, 0 = the end, -1 = more than it may be, or no memory. */
static int take(struct child *c)
{
    char part[65536];
    ssize_t n = read(c->from, part, sizeof(part));
    if (n < 0) {
        return errno == EINTR || errno == EAGAIN ? 1 : 0;
    }
    buf_add(c->out, (struct str){part, (size_t)n});
    if (c->out->err != ERR_OK) {
        return -1;
    }
    return n > 0 ? 1 : 0;
}

/* Waits for the end of a child that is ending, or makes it end. */
static void leave(struct child *c, bool is_killed, struct compile_outcome *ret)
{
    struct rusage usage;
    int status = 0;
    pid_t got = 0;
    memset(&usage, 0, sizeof(usage));
    while (!is_killed && (got = wait4(c->pid, &status, WNOHANG, &usage)) == 0) {
        struct timespec pause = {0, 1000000};
        is_killed = is_over(c, ret);
        nanosleep(&pause, NULL);
    }
    if (is_killed) {
        kill(c->pid, SIGKILL);
        while ((got = wait4(c->pid, &status, 0, &usage)) < 0 && errno == EINTR) {
        }
    }
    ret->cpu_us = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000U +
                  (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    ret->memory_bytes = (uint64_t)usage.ru_maxrss << 10;
    if (got == c->pid && !is_killed) {
        judge(status, ret);
    }
}

static void judge(int status, struct compile_outcome *ret)
{
    if (WIFSIGNALED(status)) {
        int signal_number = WTERMSIG(status);
        ret->why = signal_number == SIGXCPU ? COMPILE_CPU : COMPILE_CRASH;
        ret->detail = (uint64_t)signal_number;
    } else if (WEXITSTATUS(status) == 127) {
        ret->why = COMPILE_SPAWN; /* nothing was executed */
    } else if (WEXITSTATUS(status) != 0) {
        ret->why = COMPILE_GARBAGE;
    }
}

static bool is_over(const struct child *c, struct compile_outcome *ret)
{
    if (atomic_load(c->is_stopping)) {
        ret->why = COMPILE_STOPPED;
        return true;
    }
    if (mono_us() / 1000 >= c->until_ms) {
        ret->why = COMPILE_WALL;
        return true;
    }
    return false;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static int64_t mono_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
