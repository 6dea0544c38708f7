/* SPDX-License-Identifier: Apache-2.0
 *
 * loop: one worker: its thread, its loop, and the hooks through which net takes
 * part in leases, records and management. The loop ends when net has drained; its
 * counters stay readable until the group is freed.
 */
#include "worker_private.h"

static void on_wake(uv_async_t *handle);
static enum err on_append(void *context, struct str record, uint64_t *ret_seq);
static uint64_t on_ask_synced(void *context);
static void on_serve(void *context, const struct net_serve *s);
static void on_drained(void *context);

static uint64_t clock_mono_us(void)
{
    return uv_hrtime() / 1000;
}

enum err worker_init(struct worker_group *g, unsigned index)
{
    struct worker *w = &g->workers[index];
    w->group = g;
    w->index = index;
    w->mail_last = &w->mail_first;
    w->env = g->options.env;
    w->env.worker = index;
    w->env.stats = g->stats[index];
    buf_init(&w->log, LOG_BYTES_MAX);
    arena_init(&w->brief, BRIEF_BYTES_MAX);
    w->env.brief = &w->brief;
    w->env.spares = &w->spares;
    w->env.request_forms = json_forms_new();
    w->env.answer_forms = json_forms_new();
    w->env.log = g->options.log != NULL ? &w->log : NULL;
    if (w->env.mono_us == NULL) {
        w->env.mono_us = clock_mono_us;
    }
    struct net_hooks hooks = {
        .context = w,
        .env = &w->env,
        .begin = lease_begin,
        .end = lease_end,
        .snapshot = lease_snapshot,
        .append = on_append,
        .synced = on_ask_synced,
        .serve = on_serve,
        .tls_client = ca_find,
        .on_drained = on_drained,
        .tick = worker_log_flush,
    };
    TRY(scan_scratch_new(&w->env.scratch));
    if (uv_mutex_init(&w->mail_lock) != 0) {
        scan_scratch_free(w->env.scratch);
        return ERR_MEMORY;
    }
    if (uv_loop_init(&w->loop) != 0) {
        uv_mutex_destroy(&w->mail_lock);
        scan_scratch_free(w->env.scratch);
        return ERR_IO;
    }
    enum err e = uv_async_init(&w->loop, &w->wake, on_wake) == 0 ? ERR_OK : ERR_IO;
    w->wake.data = w;
    if (e == ERR_OK) {
        e = net_new(&w->loop, &g->options.net, &hooks, &w->net);
        if (e != ERR_OK) {
            uv_close((uv_handle_t *)&w->wake, NULL);
        }
    }
    if (e != ERR_OK) {
        (void)uv_run(&w->loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&w->loop);
        uv_mutex_destroy(&w->mail_lock);
        scan_scratch_free(w->env.scratch);
    }
    return e;
}

void worker_main(void *worker)
{
    struct worker *w = worker;
    lease_take_inbox(w);
    mailbox_run(w);
    net_run(w->net);
    leases_release(w);
    worker_log_flush(w);
    atomic_store_explicit(&w->is_stopped, true, memory_order_release);
    if (w->group->options.on_news != NULL) {
        w->group->options.on_news(w->group->options.news_context);
    }
}

static void on_wake(uv_async_t *handle)
{
    struct worker *w = handle->data;
    net_note_work(w->net);
    lease_take_inbox(w);
    mailbox_run(w);
    if (w->env.is_strict_record) {
        net_on_synced(w->net);
    }
}

/* The loop runs dry from here on. */
static void on_drained(void *context)
{
    struct worker *w = context;
    mailbox_close(w);
    net_close(w->net);
    uv_close((uv_handle_t *)&w->wake, NULL);
}

void worker_end(struct worker *w)
{
    if (!w->is_closed) { /* never started */
        on_drained(w);
        (void)uv_run(&w->loop, UV_RUN_DEFAULT);
        leases_release(w);
    }
    net_free(w->net);
    int closed = uv_loop_close(&w->loop);
    ASSERT(closed == 0);
    uv_mutex_destroy(&w->mail_lock);
    scan_scratch_free(w->env.scratch);
    arena_fini(&w->brief);
    buf_spares_fini(&w->spares);
    json_forms_free(w->env.request_forms);
    json_forms_free(w->env.answer_forms);
    buf_fini(&w->log);
}

/* ---- hooks --------------------------------------------------------------------------- */

void worker_log_flush(void *worker)
{
    struct worker *w = worker;
    if (w->log.len > 0) {
        w->group->options.log(w->group->options.log_context, buf_str(&w->log));
        buf_clear(&w->log);
    }
}

static enum err on_append(void *context, struct str record, uint64_t *ret_seq)
{
    const struct worker *w = context;
    const struct worker_options *o = &w->group->options;
    return o->append(o->record_context, w->index, record, ret_seq);
}

static uint64_t on_ask_synced(void *context)
{
    const struct worker *w = context;
    const struct worker_options *o = &w->group->options;
    return o->synced == NULL ? 0 : o->synced(o->record_context, w->index);
}

static void on_serve(void *context, const struct net_serve *s)
{
    const struct worker *w = context;
    const struct worker_options *o = &w->group->options;
    struct worker_request request = {
        .ticket = {.worker = w->index, .net = s->ticket},
        .head = s->head,
        .body = s->body,
        .principal = s->principal,
        .request_id = s->request_id,
        .snapshot = s->snapshot,
        .scratch = lease_scratch(w, s->snapshot),
        .pepper = w->env.pepper,
        .listener_tag = s->listener_tag,
        .is_tls = s->is_tls,
        .peer = s->peer,
    };
    o->serve(o->serve_context, &request);
}
