/* SPDX-License-Identifier: Apache-2.0
 *
 * group: all workers of the process as the control thread sees them: making,
 * starting, listening, draining, freeing, adding up figures. Owns the workers and
 * every snapshot ever published until it is freed.
 */
#include "worker_private.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static void share_descriptors(struct worker_options *o, unsigned workers);
static enum err init_workers(struct worker_group *g);
static enum err open_sockets(struct worker_group *g, const struct worker_listen *listen,
                             struct mail **mails, uint16_t *ret_port, struct issue *ret_issue);

void worker_options_default(struct worker_options *ret)
{
    *ret = (struct worker_options){.fds_reserved = 64};
    net_options_default(&ret->net);
    ret->net.clients_max = 0; /* from the descriptor limit */
    ret->net.upstreams_max = 0;
    ret->env.node = STR("node");
    ret->env.body_bytes_max = 16u * 1024 * 1024;
    ret->env.answer_bytes_max = 16u * 1024 * 1024;
}

/* ---- making -------------------------------------------------------------------------- */

enum err worker_group_new(const struct worker_options *options, struct worker_group **ret,
                          struct issue *ret_issue)
{
    int skipped;
    unsigned count = options->workers != 0 ? options->workers : uv_available_parallelism();
    count = count > WORKER_MAX ? WORKER_MAX : count;
    if (options->append == NULL || options->serve == NULL ||
        (options->env.is_strict_record && options->synced == NULL)) {
        issue_set(ret_issue, "", "a worker group needs append, serve and, when strict, synced");
        return ERR_INVALID;
    }
    struct worker_group *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        return ERR_MEMORY;
    }
    g->options = *options;
    g->count = count;
    share_descriptors(&g->options, count);
    if (g->options.env.body_bytes_max != 0) { /* one limit, refused as early as possible */
        g->options.net.request_limits.body_bytes_max = g->options.env.body_bytes_max;
    }
    g->workers = calloc(count, sizeof(*g->workers));
    enum err e = g->workers == NULL || uv_mutex_init(&g->ca_lock) != 0
                     ? ERR_MEMORY
                     : tls_client_open(options->ca_file, &g->ca_default, &skipped, ret_issue);
    if (e == ERR_OK) {
        e = init_workers(g);
        if (e != ERR_OK) {
            issue_set(ret_issue, "", "the event loops could not be made: %s", err_name(e));
            tls_client_unref(g->ca_default);
        }
    }
    if (e != ERR_OK) {
        free(g->workers);
        free(g);
        return e;
    }
    *ret = g;
    return ERR_OK;
}

/* Each connection is one descriptor; a proxied request needs two. What the process
 * needs besides is set aside, so that a flood of clients never starves it (F22). */
static void share_descriptors(struct worker_options *o, unsigned workers)
{
    struct rlimit limit = {.rlim_cur = 1024};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t all = limit.rlim_cur > 1000000 ? 1000000 : limit.rlim_cur;
    unsigned reserved = o->fds_reserved + 16 * workers;
    unsigned each = all > reserved + 16 * workers ? (unsigned)(all - reserved) / workers : 16;
    if (o->net.clients_max == 0 || o->net.clients_max > each / 2) {
        o->net.clients_max = each / 2;
    }
    if (o->net.upstreams_max == 0 || o->net.upstreams_max > each / 2) {
        o->net.upstreams_max = each / 2;
    }
}

static enum err init_workers(struct worker_group *g)
{
    enum err e = ERR_OK;
    unsigned made = 0;
    for (unsigned i = 0; i < g->count && e == ERR_OK; i++) {
        g->stats[i] = flow_stats_new();
        e = g->stats[i] == NULL ? ERR_MEMORY : worker_init(g, i);
        made += e == ERR_OK ? 1 : 0;
    }
    if (e != ERR_OK) {
        for (unsigned i = 0; i < g->count; i++) {
            if (i < made) {
                worker_end(&g->workers[i]);
            }
            flow_stats_free(g->stats[i]);
        }
    }
    return e;
}

unsigned worker_group_count(const struct worker_group *g)
{
    return g->count;
}

enum err worker_group_start(struct worker_group *g, struct issue *ret_issue)
{
    ASSERT(!g->has_started && g->latest != NULL);
    for (unsigned i = 0; i < g->count; i++) {
        if (uv_thread_create(&g->workers[i].thread, worker_main, &g->workers[i]) == 0) {
            continue;
        }
        issue_set(ret_issue, "", "worker thread %u could not be started", i);
        for (unsigned j = 0; j < i; j++) {
            struct mail *m;
            while (mail_new(0, MAIL_DRAIN, &m) != ERR_OK) {
                (void)usleep(1000);
            }
            mail_send(&g->workers[j], m);
        }
        for (unsigned j = 0; j < i; j++) {
            uv_thread_join(&g->workers[j].thread);
        }
        return ERR_IO;
    }
    g->has_started = true;
    return ERR_OK;
}

/* ---- listeners ----------------------------------------------------------------------- */

enum err worker_group_listen(struct worker_group *g, const struct worker_listen *listen,
                             unsigned *ret_listener, uint16_t *ret_port, struct issue *ret_issue)
{
    struct mail *mails[WORKER_MAX] = {0};
    unsigned number = 0;
    while (number < LISTENERS_MAX && g->is_listener_used[number]) {
        number++;
    }
    if (number == LISTENERS_MAX) {
        issue_set(ret_issue, "", "more than %d listeners", LISTENERS_MAX);
        return ERR_LIMIT;
    }
    enum err e = open_sockets(g, listen, mails, ret_port, ret_issue);
    for (unsigned i = 0; i < g->count && mails[i] != NULL; i++) {
        if (e != ERR_OK) {
            mail_free(mails[i]);
            continue;
        }
        mails[i]->listener = number;
        mails[i]->tag = listen->tag;
        mails[i]->tls = listen->tls == NULL ? NULL : tls_server_ref(listen->tls);
        mail_send(&g->workers[i], mails[i]);
    }
    if (e == ERR_OK) {
        g->is_listener_used[number] = true;
        *ret_listener = number;
    }
    return e;
}

/* All or nothing: on an error the caller frees what was opened. */
static enum err open_sockets(struct worker_group *g, const struct worker_listen *listen,
                             struct mail **mails, uint16_t *ret_port, struct issue *ret_issue)
{
    uint16_t port = listen->port;
    for (unsigned i = 0; i < g->count; i++) {
        TRY(mail_new(0, MAIL_LISTEN, &mails[i]));
        TRY(net_socket_open(listen->host, port, listen->backlog > 0 ? listen->backlog : 511,
                            &mails[i]->fd, &port, ret_issue));
    }
    *ret_port = port;
    return ERR_OK;
}

static void tell_all(struct worker_group *g, enum mail_kind kind, unsigned listener,
                     struct tls_server *tls, uint32_t deadline_ms)
{
    for (unsigned i = 0; i < g->count; i++) {
        struct mail *m;
        while (mail_new(0, kind, &m) != ERR_OK) {
            (void)usleep(1000); /* what is asked here must not be forgotten */
        }
        m->listener = listener;
        m->tls = tls == NULL ? NULL : tls_server_ref(tls);
        m->deadline_ms = deadline_ms;
        mail_send(&g->workers[i], m);
    }
}

void group_distrust(struct worker_group *g)
{
    tell_all(g, MAIL_DISTRUST, 0, NULL, 0);
}

void worker_group_set_tls(struct worker_group *g, unsigned listener, struct tls_server *tls)
{
    ASSERT(listener < LISTENERS_MAX);
    tell_all(g, MAIL_SET_TLS, listener, tls, 0);
}

void worker_group_unlisten(struct worker_group *g, unsigned listener)
{
    ASSERT(listener < LISTENERS_MAX);
    tell_all(g, MAIL_UNLISTEN, listener, NULL, 0);
    g->is_listener_used[listener] = false;
}

/* Wakes everybody; who waits for nothing finds nothing. */
void worker_group_on_synced(void *group)
{
    struct worker_group *g = group;
    for (unsigned i = 0; i < g->count; i++) {
        struct worker *w = &g->workers[i];
        if (!net_is_anybody_waiting(w->net)) {
            continue;
        }
        uv_mutex_lock(&w->mail_lock);
        if (!w->is_closed) {
            uv_async_send(&w->wake);
        }
        uv_mutex_unlock(&w->mail_lock);
    }
}

/* ---- the end ------------------------------------------------------------------------- */

void worker_group_drain(struct worker_group *g, uint32_t deadline_ms)
{
    atomic_store_explicit(&g->is_draining, true, memory_order_release);
    tell_all(g, MAIL_DRAIN, 0, NULL, deadline_ms);
}

bool worker_group_is_draining(const struct worker_group *g)
{
    return atomic_load_explicit(&g->is_draining, memory_order_acquire);
}

bool worker_group_is_stopped(const struct worker_group *g)
{
    for (unsigned i = 0; i < g->count; i++) {
        if (!atomic_load_explicit(&g->workers[i].is_stopped, memory_order_acquire)) {
            return false;
        }
    }
    return true;
}

void worker_group_free(struct worker_group *g)
{
    if (g == NULL) {
        return;
    }
    if (g->has_started) {
        if (!worker_group_is_stopped(g)) {
            worker_group_drain(g, 0);
        }
        for (unsigned i = 0; i < g->count; i++) {
            uv_thread_join(&g->workers[i].thread);
        }
    }
    for (unsigned i = 0; i < g->count; i++) {
        worker_end(&g->workers[i]);
        flow_stats_free(g->stats[i]);
    }
    published_free_all(g);
    ca_forget(g);
    tls_client_unref(g->ca_default);
    uv_mutex_destroy(&g->ca_lock);
    free(g->workers);
    free(g);
}

/* ---- figures ------------------------------------------------------------------------- */

#define SUM(member) ret->member += atomic_load_explicit(&s->member, memory_order_relaxed)

void worker_group_stats(const struct worker_group *g, struct worker_stats *ret)
{
    *ret = (struct worker_stats){.workers = g->count, .epoch_min = worker_group_epoch_min(g)};
    for (unsigned i = 0; i < g->count; i++) {
        const struct net_stats *s = net_stats(g->workers[i].net);
        SUM(clients);
        SUM(requests_active);
        SUM(requests_waiting);
        SUM(upstreams);
        SUM(upstreams_idle);
        SUM(clients_accepted);
        SUM(clients_refused);
        SUM(clients_gone);
        SUM(requests_begun);
        SUM(requests_timed_out);
        SUM(upstreams_opened);
        SUM(upstreams_reused);
        SUM(upstreams_retried);
        SUM(upstreams_failed);
        SUM(upstreams_discarded);
        SUM(pauses);
        SUM(dns_lookups);
        SUM(dns_failures);
        SUM(dns_stale);
        SUM(records_failed);
        SUM(turns);
        uint64_t lag_us = atomic_load_explicit(&s->lag.max_us, memory_order_relaxed);
        ret->loop_lag_max_us = lag_us > ret->loop_lag_max_us ? lag_us : ret->loop_lag_max_us;
        ret->answers_dropped +=
            atomic_load_explicit(&g->workers[i].answers_dropped, memory_order_relaxed);
    }
}

const struct net_lag *worker_group_lag(const struct worker_group *g, unsigned worker)
{
    ASSERT(worker < g->count);
    return &net_stats(g->workers[worker].net)->lag;
}

struct flow_stats *const *worker_group_flow_stats(const struct worker_group *g)
{
    return g->stats;
}
