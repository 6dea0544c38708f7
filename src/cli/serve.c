/* SPDX-License-Identifier: Apache-2.0
 *
 * portcullis serve: puts the rooms together and is the control thread. Start order:
 * settings, catalogue, spool (recovering what an earlier process left), snapshot
 * (database, else the copy on disk), workers, readiness. Then it waits for changes,
 * publishes, does management jobs, and reports what this node enforces, until a
 * signal; then it drains, ships what it can and leaves.
 *
 * SIGTERM, SIGINT: drain. SIGHUP: read CA certificates and the listener's
 * certificate again. Handlers only write to an eventfd.
 */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "config.h"

#define TAG_MAIN 0
#define TAG_ADMIN 1
#define REPORT_MS 2000
#define STOP_SHIP_MS 5000
#define PREPARE_MS 3600000
#define LOCK_TRIES 150 /* of 100 ms */

static int wake_fd = -1;                         /* the one thing a signal handler can reach */
static volatile sig_atomic_t saw_stop, saw_reload;

static enum err start(struct serve *s, struct issue *issue);
static void size_threads(const struct config *c);
static enum err start_state(struct serve *s, struct issue *issue);
static enum err start_compile(struct serve *s, struct issue *issue);
static enum err lock_state(struct serve *s, struct issue *issue);
static enum err name_node(struct serve *s);
static enum err start_workers(struct serve *s, struct issue *issue);
static enum err listen_all(struct serve *s, struct issue *issue);
static void run(struct serve *s);
static void close_orphans(struct serve *s);
static void prepare_partitions(struct serve *s, int64_t now_ms);
static void reload(struct serve *s);
static void note_certificate(struct serve *s, const struct tls_server *tls);
static void stop(struct serve *s, int status);
static void on_signal(int number);
static void set_signals(void);
static void wake(void *context);
static void drain_wakeups(void);
static enum err append(void *context, unsigned worker, struct str record, uint64_t *ret_seq);
static uint64_t synced(void *context, unsigned worker);
static uint64_t mono_us(void);
static void harden_process(void);

int cli_serve(int argc, char **argv)
{
    static struct serve s; /* large; one per process */
    struct issue issue = {.offset = UINT64_MAX};
    const char *file = NULL;
    int from = 1;
    if (argc > 2 && strcmp(argv[1], "-c") == 0) {
        file = argv[2];
        from = 3;
    }
    if (!config_flags_check(argc, argv, from, &issue)) {
        cli_print_issue("serve", ERR_INVALID, &issue);
        return cli_usage(argv[0]);
    }
    harden_process();
    enum err e = config_load(&s.config, file, argc, argv, from, &issue);
    if (e != ERR_OK) {
        cli_print_issue("cannot start", e, &issue);
        config_free(&s.config);
        return 1;
    }
    e = start(&s, &issue);
    if (e != ERR_OK) {
        cli_print_issue("cannot start", e, &issue);
        stop(&s, 1);
        return 1;
    }
    run(&s);
    stop(&s, 0);
    return 0;
}

/* Prompts and keys are in memory: no core dump may carry them away. */
static void harden_process(void)
{
    struct rlimit none = {0, 0}, files;
    (void)setrlimit(RLIMIT_CORE, &none);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    signal(SIGPIPE, SIG_IGN);
}

static enum err start(struct serve *s, struct issue *issue)
{
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0) {
        return ERR_IO;
    }
    set_signals();
    enum err e = tls_start();
    if (e != ERR_OK) {
        issue_set(issue, "", "TLS cannot work here: mbedTLS is older than 3.6, or its AES-GCM is "
                             "not answered by ipsec-mb, which needs a processor with AES");
        return e;
    }
    TRY(config_check(&s->config, &s->exceptions, issue));
    size_threads(&s->config);
    TRY(cli_load_secrets(&s->config, &s->secrets, issue));
    TRY(cli_load_catalog(&s->config, s->catalog_texts, &s->catalog, issue));
    TRY(scan_engine_new(&s->engine));
    TRY(start_state(s, issue));
    TRY(start_compile(s, issue));
    struct store_options store = {.dsn = s->config.database_url,
                                  .secrets = s->secrets,
                                  .catalog = s->catalog,
                                  .engine = s->engine,
                                  .compiler = &s->store_compiler,
                                  .services = &s->config.recognisers,
                                  .query_ms = 2000,
                                  .load_ms = 30000,
                                  .connect_ms = 3000};
    TRY(store_open(&store, &s->store, issue));
    TRY(store_open(&store, &s->audit_store, issue));
    TRY(start_workers(s, issue));
    s->client.is_waiting = true; /* no loop turns yet */
    serve_first_snapshot(s);
    s->client.is_waiting = false;
    TRY(worker_group_start(s->group, issue));
    TRY(spool_start(s->spool, serve_ship, s, worker_group_on_synced, s->group));
    TRY(listen_all(s, issue));
    serve_log(s, "info", "ready",
              "\"port\":%u,\"tls_port\":%u,\"admin_port\":%u,\"workers\":%u,\"epoch\":%llu,"
              "\"degraded\":%s",
              (unsigned)s->port, (unsigned)s->tls_port, (unsigned)s->admin_port,
              worker_group_count(s->group), (unsigned long long)s->epoch,
              atomic_load(&s->health.is_degraded) ? "true" : "false");
    serve_notify("READY=1");
    return ERR_OK;
}

/* libuv's threads, 4 unless it is told, of which names get half: each loop asks for a name
 * itself, so one that hangs would take two of two loops, and no other could be asked for. */
static void size_threads(const struct config *c)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", 2 * config_workers(c) + 4);
    setenv("UV_THREADPOOL_SIZE", text, 0); /* before the first thread */
}

static enum err start_state(struct serve *s, struct issue *issue)
{
    const struct config *c = &s->config;
    bool is_strict = strcmp(c->audit_durability, "strict") == 0;
    snprintf(s->spool_dir, sizeof(s->spool_dir), "%s/spool", c->state_dir);
    snprintf(s->snapshot_path, sizeof(s->snapshot_path), "%s/snapshot", c->state_dir);
    if ((mkdir(c->state_dir, 0700) != 0 && errno != EEXIST) ||
        (mkdir(s->spool_dir, 0700) != 0 && errno != EEXIST)) {
        issue_set(issue, "state_dir", "the folder %s cannot be made: %s", c->state_dir,
                  strerror(errno));
        return ERR_IO;
    }
    TRY(lock_state(s, issue));
    TRY(name_node(s));
    s->workers = config_workers(c);
    struct spool_options spool = {.dir = s->spool_dir,
                                  .lanes = s->workers,
                                  .segment_bytes = (size_t)c->audit_segment_mib << 20,
                                  .bytes_max = (size_t)c->audit_spool_mib << 20,
                                  .sync_interval_ms = is_strict ? 5 : 100,
                                  .keep_shipped_s = (unsigned)c->audit_keep_shipped_s};
    TRY(spool_open(&spool, &s->spool, &s->recovered, issue));
    s->is_strict = is_strict;
    s->started_ms = serve_unix_ms();
    if (s->recovered != 0) {
        serve_log(s, "info", "spool_recovered", "\"records\":%llu",
                  (unsigned long long)s->recovered);
    }
    return ERR_OK;
}

/* Children of this process; two clients, because each remembers what it asked for. */
static enum err start_compile(struct serve *s, struct issue *issue)
{
    char dir[700];
    struct compile_options options;
    cli_compile_options(&s->config, &options);
    snprintf(dir, sizeof(dir), "%s/compiled", s->config.state_dir);
    options.cache_bytes_max = (uint64_t)s->config.policy_compile_cache_mib << 20;
    options.cache_dir = options.cache_bytes_max != 0 ? dir : NULL;
    options.on_done = wake;
    TRY(compile_open(&options, &s->compile, issue));
    s->client = s->store_client = (struct compile_client){.compile = s->compile};
    s->compiler = (struct content_compiler){compile_terms, &s->client};
    s->store_compiler = (struct content_compiler){compile_terms, &s->store_client};
    return ERR_OK;
}

/* One process per state folder: two would recover each other's spool. One that is
 * just leaving (a restart) is waited for. */
static enum err lock_state(struct serve *s, struct issue *issue)
{
    char path[700];
    snprintf(path, sizeof(path), "%s/lock", s->config.state_dir);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (int i = 0; s->lock_fd >= 0 && i < LOCK_TRIES; i++) {
        if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0) {
            return ERR_OK;
        }
        struct timespec t = {0, 100000000};
        nanosleep(&t, NULL);
    }
    issue_set(issue, "state_dir", "another gateway uses %s", s->config.state_dir);
    return ERR_CONFLICT;
}

/* The state folder carries the node's name: two gateways of one host, each with its
 * own folder, are two nodes, and a restart is the same node again. */
static enum err name_node(struct serve *s)
{
    char path[700], host[128] = "node";
    uint8_t dice[4];
    char hex[8];
    struct buf name;
    if (s->config.node[0] != 0) {
        snprintf(s->node, sizeof(s->node), "%s", s->config.node);
        return ERR_OK;
    }
    snprintf(path, sizeof(path), "%s/node", s->config.state_dir);
    buf_init(&name, sizeof(s->node) - 1);
    enum err e = spool_file_load(path, &name);
    if (e != ERR_OK) {
        buf_clear(&name);
        (void)gethostname(host, sizeof(host) - 1);
        TRY(tls_random(dice, sizeof(dice)));
        hex_of(dice, sizeof(dice), hex);
        buf_printf(&name, "%s-%.*s", host, (int)sizeof(hex), hex);
        e = spool_file_save(path, buf_str(&name));
    }
    snprintf(s->node, sizeof(s->node), "%.*s", STR_ARG(buf_str(&name)));
    buf_fini(&name);
    return e;
}

static enum err start_workers(struct serve *s, struct issue *issue)
{
    const struct config *c = &s->config;
    struct worker_options o;
    worker_options_default(&o);
    o.workers = s->workers;
    o.net.exceptions = s->exceptions;
    o.net.clients_max = (uint32_t)c->limits_clients;
    o.net.request_limits.body_bytes_max = (uint64_t)c->limits_body_mib << 20;
    o.ca_file = c->upstream_ca_file;
    /* What is not set here keeps its default: the limit of an answer is one. */
    o.env.pepper = (struct str){(const char *)s->secrets.pepper, sizeof(s->secrets.pepper)};
    o.env.node = str_from(s->node);
    o.env.is_strict_record = s->is_strict;
    o.env.body_bytes_max = (size_t)c->limits_body_mib << 20;
    o.env.stale_refuse_ms = c->policy_max_stale_s * 1000;
    o.env.hashes_body = c->audit_hash_body;
    o.env.mono_us = mono_us;
    if (strcmp(c->log_requests, "none") != 0) {
        TRY(request_log_start(&s->health.log_dropped, &serve_output, &s->request_log));
        o.log = request_log_add;
        o.log_context = s->request_log;
        o.env.logs_errors_only = strcmp(c->log_requests, "errors") == 0;
    }
    o.append = append;
    o.synced = synced;
    o.record_context = s;
    o.on_news = wake;
    o.serve = serve_request;
    o.serve_context = s;
    TRY(config_in_setting("upstream.ca_file", worker_group_new(&o, &s->group, issue), issue));
    struct http_options http = {.health = &s->health,
                                .group = s->group,
                                .spool = s->spool,
                                .store = s->store,
                                .client = &s->store_client,
                                .exceptions = s->exceptions,
                                .engine = s->engine,
                                .compiler = &s->store_compiler,
                                .services = &s->config.recognisers,
                                .pepper = {(const char *)s->secrets.pepper,
                                           sizeof(s->secrets.pepper)},
                                .node = str_from(s->node),
                                .max_stale_ms = c->policy_max_stale_s * 1000,
                                .has_admin_listener = c->admin_port >= 0,
                                .admin_tag = TAG_ADMIN,
                                .wake = wake};
    return http_new(&http, &s->http);
}

static enum err listen_all(struct serve *s, struct issue *issue)
{
    const struct config *c = &s->config;
    struct worker_listen l = {.host = str_from(c->listen_host),
                              .port = (uint16_t)c->listen_port,
                              .backlog = (int)c->listen_backlog,
                              .tag = TAG_MAIN};
    unsigned id;
    TRY(config_in_setting("listen", worker_group_listen(s->group, &l, &id, &s->port, issue),
                          issue));
    if (c->tls_port >= 0) {
        TRY(config_in_setting(
            "tls", tls_server_open(c->tls_certificate, c->tls_key, &l.tls, issue), issue));
        l.host = str_from(c->tls_host);
        l.port = (uint16_t)c->tls_port;
        enum err e = worker_group_listen(s->group, &l, &s->tls_listener, &s->tls_port, issue);
        note_certificate(s, l.tls);
        tls_server_unref(l.tls);
        TRY(config_in_setting("tls", e, issue));
        s->has_tls_listener = true;
        l.tls = NULL;
    }
    if (c->admin_port >= 0) {
        l.host = str_from(c->admin_host);
        l.port = (uint16_t)c->admin_port;
        l.tag = TAG_ADMIN;
        enum err e = worker_group_listen(s->group, &l, &id, &s->admin_port, issue);
        TRY(config_in_setting("admin", e, issue));
    }
    return ERR_OK;
}

static void run(struct serve *s)
{
    int64_t polled_ms = serve_unix_ms(), reported_ms = 0;
    while (!saw_stop) {
        unsigned wait_ms = http_jobs_run(s->http);
        enum err e = store_listen_wait(s->store, wait_ms, wake_fd);
        drain_wakeups();
        serve_compiled(s);
        int64_t now_ms = serve_unix_ms();
        serve_note_database(s, e);
        bool is_poll_due = now_ms - polled_ms >= s->config.policy_poll_s * 1000;
        if (e == ERR_OK || (e == ERR_AGAIN && is_poll_due) || serve_is_rebuild_due(s, now_ms)) {
            serve_refresh(s, e != ERR_OK);
            polled_ms = now_ms;
            reported_ms = 0;
        }
        if (saw_reload) {
            saw_reload = 0;
            reload(s);
        }
        (void)worker_group_reclaim(s->group);
        close_orphans(s);
        prepare_partitions(s, now_ms);
        uint64_t enforced = worker_group_epoch_min(s->group);
        uint64_t pending = atomic_load(&s->health.pending_seq);
        enforced = pending != 0 && pending <= enforced ? pending - 1 : enforced;
        if ((enforced != s->reported_epoch || s->is_report_due ||
             now_ms - reported_ms >= REPORT_MS) &&
            atomic_load(&s->health.is_database_up)) {
            if (store_node_report(s->store, str_from(s->node), enforced, buf_str(&s->behind)) ==
                ERR_OK) {
                s->reported_epoch = enforced;
                s->is_report_due = false;
            }
            reported_ms = now_ms;
        }
        serve_last_good_save(s, false);
    }
}

/* Decisions an earlier process of this node left without an outcome: known only
 * once everything it had spooled is in the database. */
static void close_orphans(struct serve *s)
{
    struct spool_stats stats;
    if (s->has_closed_orphans || !atomic_load(&s->health.is_database_up)) {
        return;
    }
    spool_stats_read(s->spool, &stats);
    if (stats.recovered_left == 0 &&
        store_audit_close_orphans(s->store, str_from(s->node), s->started_ms) == ERR_OK) {
        s->has_closed_orphans = true;
    }
}

/* The days ahead get their partitions; without one a record still finds the default. */
static void prepare_partitions(struct serve *s, int64_t now_ms)
{
    if (now_ms - s->prepared_ms < PREPARE_MS || !atomic_load(&s->health.is_database_up)) {
        return;
    }
    if (store_audit_prepare(s->store) != ERR_OK) {
        serve_log_why(s, "warn", "partitions_not_prepared", "", store_error(s->store));
    }
    s->prepared_ms = now_ms;
}

/* All or nothing: a certificate that cannot be read changes no CA either. */
static void reload(struct serve *s)
{
    struct issue issue = {.offset = UINT64_MAX};
    struct tls_server *tls = NULL;
    const char *what = "listener certificate";
    enum err e = ERR_OK;
    serve_notify("RELOADING=1");
    if (s->has_tls_listener) {
        e = tls_server_open(s->config.tls_certificate, s->config.tls_key, &tls, &issue);
    }
    if (e == ERR_OK) {
        what = "CA certificates of recognisers";
        e = config_recognisers_check(&s->config, s->exceptions, &issue);
    }
    if (e == ERR_OK) {
        what = "CA certificates";
        e = worker_group_reload_ca(s->group, &issue);
    }
    if (e == ERR_OK) {
        if (tls != NULL) {
            worker_group_set_tls(s->group, s->tls_listener, tls);
            note_certificate(s, tls);
        }
        serve_log(s, "info", "reloaded", "\"epoch\":%llu", (unsigned long long)s->epoch);
    } else {
        char members[64];
        snprintf(members, sizeof(members), "\"what\":\"%s\"", what);
        serve_log_why(s, "error", "reload_failed", members, issue.message);
    }
    tls_server_unref(tls);
    serve_notify("READY=1");
}

/* One that has expired is served: refusing to start would help nobody. */
static void note_certificate(struct serve *s, const struct tls_server *tls)
{
    char text[32];
    int64_t not_after_s = tls_server_not_after_s(tls);
    atomic_store(&s->health.certificate_not_after_s, not_after_s);
    if (not_after_s * 1000 <= serve_unix_ms()) {
        struct str end = time_rfc3339_ms(not_after_s * 1000, text);
        serve_log(s, "error", "certificate_expired", "\"what\":\"listener certificate\","
                  "\"not_after\":\"%.*s\"", STR_ARG(end));
    }
}

static void stop(struct serve *s, int status)
{
    char message[80];
    long long wait_s = s->config.drain_s + 2 * STOP_SHIP_MS / 1000;
    snprintf(message, sizeof(message), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld", wait_s * 1000000);
    serve_notify(message);
    if (s->group != NULL) {
        serve_log(s, "info", "draining", "\"deadline_s\":%lld", (long long)s->config.drain_s);
        worker_group_drain(s->group, (uint32_t)s->config.drain_s * 1000);
        while (s->http != NULL && !worker_group_is_stopped(s->group)) {
            (void)http_jobs_run(s->http);
            struct timespec t = {0, 20000000};
            nanosleep(&t, NULL);
        }
    }
    serve_last_good_save(s, true);
    if (s->store != NULL && atomic_load(&s->health.is_database_up)) {
        if (store_node_leave(s->store, str_from(s->node)) != ERR_OK) {
            serve_log_why(s, "warn", "node_not_left", "", store_error(s->store));
        }
    }
    /* The loops have ended, so nothing is appended; the syncer may still wake the group. */
    spool_stop(s->spool, STOP_SHIP_MS);
    worker_group_free(s->group);
    request_log_stop(s->request_log);
    http_free(s->http);
    store_close(s->store);
    store_close(s->audit_store);
    compile_close(s->compile);
    serve_free(s);
    if (s->node[0] != '\0') { /* else it was not up, and why is said */
        serve_log(s, "info", "stopped", "\"exit\":%d", status);
    }
    config_free(&s->config);
}

static void set_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    sigemptyset(&a.sa_mask);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
}

static void on_signal(int number)
{
    int saved = errno;
    if (number == SIGHUP) {
        saw_reload = 1;
    } else {
        saw_stop = 1;
    }
    wake(NULL);
    errno = saved;
}

static void wake(void *context)
{
    (void)context;
    uint64_t one = 1;
    ssize_t n = write(wake_fd, &one, sizeof(one));
    (void)n; /* full = already awake */
}

static void drain_wakeups(void)
{
    uint64_t count;
    ssize_t n = read(wake_fd, &count, sizeof(count));
    (void)n; /* nonblocking: empty is fine */
}

static enum err append(void *context, unsigned worker, struct str record, uint64_t *ret_seq)
{
    struct serve *s = context;
    return spool_append(spool_lane_get(s->spool, worker), record, ret_seq);
}

static uint64_t synced(void *context, unsigned worker)
{
    struct serve *s = context;
    return spool_lane_synced(spool_lane_get(s->spool, worker));
}

static uint64_t mono_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}
