/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines of requests on their way to stdout. Workers must not wait for whoever reads
 * there, so a thread of its own writes: a worker hands its lines over under a lock that is
 * held for a copy, and when the reader is so slow that the buffer is full, lines are dropped
 * and counted. They are a view of what the audit record holds; nothing is lost with them.
 */
#include "serve.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define WAITING_BYTES_MAX (8u << 20)
#define PATIENCE_MS 2000

struct request_log {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct buf waiting; /* under the lock */
    bool is_ending;     /* under the lock */
    _Atomic uint64_t *dropped;
    pthread_mutex_t *output; /* one writer at a time, or lines mix */
};

static void *run(void *context);
static bool take(struct request_log *l, struct buf *ret);
static size_t piece_of(struct str lines);

enum err request_log_start(_Atomic uint64_t *dropped, pthread_mutex_t *output,
                           struct request_log **ret)
{
    struct request_log *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        return ERR_MEMORY;
    }
    l->dropped = dropped;
    l->output = output;
    buf_init(&l->waiting, WAITING_BYTES_MAX);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->news, NULL);
    if (pthread_create(&l->thread, NULL, run, l) != 0) {
        free(l);
        return ERR_MEMORY;
    }
    *ret = l;
    return ERR_OK;
}

void request_log_add(void *log, struct str lines)
{
    struct request_log *l = log;
    pthread_mutex_lock(&l->lock);
    buf_add(&l->waiting, lines);
    if (l->waiting.err != ERR_OK) { /* what stands in it is whole lines */
        l->waiting.err = ERR_OK;
        atomic_fetch_add(l->dropped, lines.len);
    }
    pthread_cond_signal(&l->news);
    pthread_mutex_unlock(&l->lock);
}

void request_log_stop(struct request_log *l)
{
    if (l == NULL) {
        return;
    }
    pthread_mutex_lock(&l->lock);
    l->is_ending = true;
    pthread_cond_signal(&l->news);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    buf_fini(&l->waiting);
    pthread_cond_destroy(&l->news);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static void *run(void *context)
{
    struct request_log *l = context;
    struct buf lines;
    buf_init(&lines, WAITING_BYTES_MAX);
    while (take(l, &lines)) {
        pthread_mutex_lock(l->output);
        size_t left = request_log_write(buf_str(&lines));
        pthread_mutex_unlock(l->output);
        atomic_fetch_add(l->dropped, left);
        buf_clear(&lines);
    }
    buf_fini(&lines);
    return NULL;
}

/* False: it is over, and all was taken. */
static bool take(struct request_log *l, struct buf *ret)
{
    pthread_mutex_lock(&l->lock);
    while (l->waiting.len == 0 && !l->is_ending) {
        pthread_cond_wait(&l->news, &l->lock);
    }
    buf_move(ret, &l->waiting);
    pthread_mutex_unlock(&l->lock);
    return ret->len > 0;
}

/* Pieces that a pipe takes at once or not at all, each of whole lines: who does not read for
 * PATIENCE_MS gets no half line, and stops neither a drain nor the control thread. */
size_t request_log_write(struct str bytes)
{
    while (bytes.len > 0) {
        struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
        int ready = poll(&p, 1, PATIENCE_MS);
        ssize_t n = ready > 0 ? write(STDOUT_FILENO, bytes.ptr, piece_of(bytes)) : -1;
        if (n > 0) {
            bytes = str_sub(bytes, (size_t)n, bytes.len);
        } else if (ready == 0 || (errno != EINTR && errno != EAGAIN)) {
            break;
        }
    }
    return bytes.len;
}

static size_t piece_of(struct str lines)
{
    size_t len = lines.len < PIPE_BUF ? lines.len : PIPE_BUF;
    while (len > 0 && lines.ptr[len - 1] != '\n') {
        len--;
    }
    return len > 0 ? len : lines.len < PIPE_BUF ? lines.len : PIPE_BUF; /* a longer line */
}
