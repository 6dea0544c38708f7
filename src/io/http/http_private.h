/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of http share: a reply under construction and the jobs that wait
 * for the control thread.
 */
#ifndef PORTCULLIS_HTTP_PRIVATE_H
#define PORTCULLIS_HTTP_PRIVATE_H

#include <pthread.h>

#include "portcullis/http.h"

#define HTTP_REPLY_BYTES_MAX (64u << 20)
#define HTTP_JOB_ARENA_BYTES_MAX (64u << 20)
#define HTTP_JOBS_MAX 1024 /* waiting; more is 503 */

struct http_reply {
    unsigned status;
    struct str content_type;
    struct buf body;
};

/* One management request, with copies of all it needs. */
struct http_job {
    struct http_job *next;
    struct arena arena;
    struct worker_ticket ticket;
    struct manage_command command;
    struct manage_result result;
    enum err err;
    int64_t came_ms;     /* monotonic */
    int64_t deadline_ms; /* of the wait, monotonic */
    uint8_t key[COMPILE_KEY_BYTES]; /* what is being compiled for it */
};

struct http {
    struct http_options options;
    pthread_mutex_t lock;
    struct http_job *queue, **queue_end; /* from workers, under the lock */
    size_t queued;
    struct http_job *waiting;   /* executed, for their epoch; control thread only */
    struct http_job *compiling; /* to be executed again; control thread only */
};

/* jobs.c */
int64_t http_mono_ms(void);
/* ops.c */
void http_ops_health(struct http_reply *r);
void http_ops_ready(const struct http *h, struct http_reply *r);
void http_ops_metrics(const struct http *h, const struct policy_snapshot *s, struct http_reply *r);
/* evaluate.c: POST /v1/evaluate, by the path's own decision function. */
void http_evaluate(const struct worker_request *request, const struct manage_command *command,
                   struct arena *a, struct manage_answer *ret);

#endif
