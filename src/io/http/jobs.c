/* SPDX-License-Identifier: Apache-2.0
 *
 * The control thread's half: executes waiting jobs against the database and
 * answers them. A job whose terms are being compiled by a child changed nothing and is
 * executed again when that is over. A job that asked to wait (Prefer: wait) is answered when every
 * live node enforces its epoch, or at its deadline with the name of the node that does not;
 * meanwhile the control thread goes on publishing, which is what is waited for.
 *
 * Who asks hears what became of it: nothing is executed so late that its answer would find the
 * client sent away, and a gateway that stops, which takes over no policies any more, answers
 * at once what it has done.
 */
#include "http_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WAIT_POLL_MS 5
/* After it came nothing is begun any more: with the longest wait behind it the answer still
 * comes before the client is told that it took too long (90 s). */
#define BEGIN_MS 50000
#define IDLE_MS 1000

/* How far all nodes are for an organisation: asked once a round, not once for each who waits,
 * because the thread that asks is the one that publishes. */
struct reach {
    char org[64]; /* "" = not asked yet */
    bool is_known;
    uint64_t epoch;
    char node[256];
};

static struct http_job *take_queue(struct http *h);
static void execute(struct http *h, struct http_job *job);
static enum err prepare_try(struct http *h, struct http_job *job);
static void refuse(struct http_job *job, const char *code, const char *why);
static void place(struct http *h, struct http_job *job);
static void execute_again(struct http *h);
static bool is_waiting_over(struct http *h, struct http_job *job, struct reach *reach);
static void ask_nodes(struct http *h, struct http_job *job, struct reach *reach);
static void finish(struct http *h, struct http_job *job);

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
    struct reach reach = {.org = ""};
    for (struct http_job **at = &h->waiting; *at != NULL;) {
        struct http_job *waiting = *at;
        if (!is_waiting_over(h, waiting, &reach)) {
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
    if (http_mono_ms() >= job->came_ms + BEGIN_MS) {
        refuse(job, "busy",
               job->err == ERR_AGAIN ? "The terms of the policy are still being compiled"
                                     : "The request waited too long for the database");
        return;
    }
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

/* Of a job that was not executed, or whose transaction was given up. */
static void refuse(struct http_job *job, const char *code, const char *why)
{
    manage_refuse(&job->result.refusal, 503, code, "", "%s; nothing was changed, try again", why);
    job->err = ERR_OK;
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
        if (!worker_group_is_draining(h->options.group)) {
            job->next = h->compiling;
            h->compiling = job;
            return;
        }
        refuse(job, "draining", "This gateway is stopping, and compiles terms no longer");
    }
    if (job->err == ERR_OK && job->command.wait_s != 0 && job->result.refusal.status == 0) {
        job->result.was_waited = true;
        job->deadline_ms = http_mono_ms() + (int64_t)job->command.wait_s * 1000;
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
            http_mono_ms() >= job->came_ms + BEGIN_MS) {
            execute(h, job);
        }
        place(h, job); /* not executed: still ERR_AGAIN */
        job = next;
    }
}

/* This node first (its workers must have taken the lease), then what all nodes
 * reported. A node that stopped reporting is not waited for beyond its lease; one that
 * stops would wait for itself in vain, until its drain cuts the connection. */
static bool is_waiting_over(struct http *h, struct http_job *job, struct reach *reach)
{
    uint64_t here = worker_group_epoch_min(h->options.group);
    uint64_t pending = atomic_load(&h->options.health->pending_seq);
    here = pending != 0 && pending <= here ? pending - 1 : here;
    struct str node = h->options.node;
    if (here >= job->result.epoch) {
        ask_nodes(h, job, reach);
        if (reach->is_known && reach->epoch >= job->result.epoch) {
            job->result.is_everywhere = true;
            return true;
        }
        node = reach->is_known ? str_from(reach->node) : node;
    }
    if (http_mono_ms() < job->deadline_ms && !worker_group_is_draining(h->options.group)) {
        return false;
    }
    job->result.laggard = arena_str(&job->arena, node);
    return true;
}

static void ask_nodes(struct http *h, struct http_job *job, struct reach *reach)
{
    struct str org = job->command.caller.org, name = STR("");
    if (org.len != 0 && str_eq(org, str_from(reach->org))) {
        return;
    }
    reach->is_known = store_nodes_min_epoch(h->options.store, org, &job->arena, &reach->epoch,
                                            &name) == ERR_OK;
    snprintf(reach->org, sizeof(reach->org), "%.*s", STR_ARG(org));
    snprintf(reach->node, sizeof(reach->node), "%.*s", STR_ARG(name));
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

int64_t http_mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
