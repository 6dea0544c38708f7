/* SPDX-License-Identifier: Apache-2.0
 *
 * The control thread's half: executes waiting jobs against the database and
 * answers them. A job whose terms are being compiled by a child changed nothing and is
 * executed again when that is over. A job that asked to wait (Prefer: wait) is answered when every
 * live node enforces its epoch, or at its deadline with the name of the node that does not;
 * meanwhile the control thread goes on publishing, which is what is waited for.
 */
#include "http_private.h"

#include <stdlib.h>
#include <time.h>

#define WAIT_POLL_MS 5
#define COMPILE_MS 120000 /* then it is told to try again */
#define IDLE_MS 1000

static struct http_job *take_queue(struct http *h);
static void execute(struct http *h, struct http_job *job);
static enum err prepare_try(struct http *h, struct http_job *job);
static void place(struct http *h, struct http_job *job);
static void execute_again(struct http *h);
static bool is_waiting_over(struct http *h, struct http_job *job);
static void finish(struct http *h, struct http_job *job);
static int64_t mono_ms(void);

unsigned http_jobs_run(struct http *h)
{
    struct http_job *job = take_queue(h);
    while (job != NULL) {
        struct http_job *next = job->next;
        execute(h, job);
        place(h, job);
        job = next;
    }
    execute_again(h);
    for (struct http_job **at = &h->waiting; *at != NULL;) {
        struct http_job *waiting = *at;
        if (!is_waiting_over(h, waiting)) {
            at = &waiting->next;
            continue;
        }
        *at = waiting->next;
        finish(h, waiting);
    }
    return h->waiting != NULL ? WAIT_POLL_MS : IDLE_MS;
}

static struct http_job *take_queue(struct http *h)
{
    pthread_mutex_lock(&h->lock);
    struct http_job *list = h->queue;
    h->queue = NULL;
    h->queue_end = &h->queue;
    h->queued = 0;
    pthread_mutex_unlock(&h->lock);
    return list;
}

static void execute(struct http *h, struct http_job *job)
{
    struct compile_client *client = h->options.client;
    if (client != NULL) {
        client->owner = job->command.caller.org;
    }
    job->err = store_execute(h->options.store, &job->arena, &job->command, &job->result);
    if (client != NULL) {
        memcpy(job->key, client->key, sizeof(job->key));
        client->owner = STR_NONE;
    }
    if (job->err == ERR_OK && job->command.kind == MANAGE_POLICY_TRY) {
        job->err = prepare_try(h, job);
    }
}

/* Rendering will compile the policy's rules, with the key that the path would use. */
static enum err prepare_try(struct http *h, struct http_job *job)
{
    struct content_build *build = ARENA_NEW(&job->arena, struct content_build);
    struct sha256 *key = ARENA_NEW(&job->arena, struct sha256);
    struct str label = arena_printf(&job->arena, "content%.*s", STR_ARG(job->command.caller.org));
    if (build == NULL || key == NULL || label.ptr == NULL) {
        return ERR_MEMORY;
    }
    *build = (struct content_build){.engine = h->options.engine,
                                    .compiler = h->options.compiler,
                                    .services = h->options.services};
    *key = hmac_sha256(h->options.pepper, label);
    job->result.build = build;
    job->result.hash_key = (struct str){(const char *)key->bytes, sizeof(key->bytes)};
    return ERR_OK;
}

/* Into the list of what it waits for, or answered. */
static void place(struct http *h, struct http_job *job)
{
    if (job->err == ERR_AGAIN && h->options.client != NULL) {
        int64_t now_ms = mono_ms();
        job->deadline_ms = job->deadline_ms == 0 ? now_ms + COMPILE_MS : job->deadline_ms;
        if (now_ms < job->deadline_ms) {
            job->next = h->compiling;
            h->compiling = job;
            return;
        }
        job->err = ERR_TIMEOUT;
    }
    if (job->err == ERR_OK && job->command.wait_s != 0 && job->result.refusal.status == 0) {
        job->result.was_waited = true;
        job->deadline_ms = mono_ms() + (int64_t)job->command.wait_s * 1000;
        job->next = h->waiting;
        h->waiting = job;
    } else {
        finish(h, job);
    }
}

static void execute_again(struct http *h)
{
    struct http_job *job = h->compiling;
    h->compiling = NULL;
    while (job != NULL) {
        struct http_job *next = job->next;
        if (!compile_is_pending(h->options.client->compile, job->key) ||
            mono_ms() >= job->deadline_ms) {
            execute(h, job);
        }
        place(h, job); /* not executed: still ERR_AGAIN */
        job = next;
    }
}

/* This node first (its workers must have taken the lease), then what all nodes
 * reported. A node that stopped reporting is not waited for beyond its lease. */
static bool is_waiting_over(struct http *h, struct http_job *job)
{
    uint64_t here = worker_group_epoch_min(h->options.group), lowest;
    uint64_t pending = atomic_load(&h->options.health->pending_seq);
    here = pending != 0 && pending <= here ? pending - 1 : here;
    lowest = here;
    struct str node = STR("this node");
    if (here >= job->result.epoch) {
        struct str name;
        enum err e = store_nodes_min_epoch(h->options.store, job->command.caller.org, &job->arena,
                                           &lowest, &name);
        if (e == ERR_OK && lowest >= job->result.epoch) {
            job->result.is_everywhere = true;
            return true;
        }
        node = e == ERR_OK ? name : node;
    }
    if (mono_ms() < job->deadline_ms) {
        return false;
    }
    job->result.laggard = node;
    return true;
}

static void finish(struct http *h, struct http_job *job)
{
    struct manage_answer m;
    const struct route_catalog *catalog =
        policy_snapshot_catalog(worker_group_snapshot(h->options.group));
    manage_render(&job->arena, &job->command, job->err, &job->result, catalog, &m);
    struct flow_served served = {
        .status = m.status, .content_type = m.content_type, .body = m.body};
    for (size_t i = 0; i < m.headers_count; i++) {
        served.headers[served.headers_count++] = m.headers[i];
    }
    worker_answer(h->options.group, job->ticket, &served);
    arena_fini(&job->arena);
    free(job);
}

static int64_t mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
