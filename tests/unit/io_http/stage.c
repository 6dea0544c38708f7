/* SPDX-License-Identifier: Apache-2.0
 *
 * See stage.h. The neighbours of io/http are here by their own names, so the linker takes
 * these and none of the library.
 */
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "../flow/talk.h"

struct stage s;

/* ---- the neighbours ---------------------------------------------------------- */

void worker_answer(struct worker_group *g, struct worker_ticket ticket,
                   const struct flow_served *answer)
{
    (void)g;
    assert_int_equal(ticket.worker, 7);
    s.answers++;
    s.status = answer->status;
    snprintf(s.content_type, sizeof(s.content_type), "%.*s", STR_ARG(answer->content_type));
    s.headers[0] = 0;
    for (size_t i = 0; i < answer->headers_count; i++) {
        size_t used = strlen(s.headers);
        snprintf(s.headers + used, sizeof(s.headers) - used, "%.*s: %.*s\n",
                 STR_ARG(answer->headers[i].name), STR_ARG(answer->headers[i].value));
    }
    buf_clear(&s.body);
    buf_add(&s.body, answer->body);
    buf_add_byte(&s.body, 0);
}

unsigned worker_group_count(const struct worker_group *g)
{
    (void)g;
    return 2;
}

struct flow_stats *const *worker_group_flow_stats(const struct worker_group *g)
{
    (void)g;
    return s.stats;
}

void worker_group_stats(const struct worker_group *g, struct worker_stats *ret)
{
    (void)g;
    *ret = s.workers;
}

const uint32_t net_lag_bounds_us[NET_LAG_BOUNDS] = {100, 200};

const struct net_lag *worker_group_lag(const struct worker_group *g, unsigned worker)
{
    (void)g;
    assert_true(worker < 2);
    return &s.lag[worker];
}

bool worker_group_is_draining(const struct worker_group *g)
{
    (void)g;
    return s.is_draining;
}

uint64_t worker_group_epoch_min(const struct worker_group *g)
{
    (void)g;
    return s.epoch_here;
}

const struct policy_snapshot *worker_group_snapshot(const struct worker_group *g)
{
    (void)g;
    return s.path.snapshot;
}

void spool_stats_read(const struct spool *spool, struct spool_stats *ret)
{
    (void)spool;
    *ret = s.spool;
}

enum err store_execute(struct store *store, struct arena *a, const struct manage_command *command,
                       struct manage_result *ret)
{
    (void)store;
    (void)a;
    (void)command;
    s.executes++;
    ret->epoch = s.epoch_asked;
    return s.store_err;
}

enum err store_nodes_min_epoch(struct store *store, struct str org, struct arena *a,
                               uint64_t *ret_epoch, struct str *ret_node)
{
    (void)store;
    (void)org;
    (void)a;
    s.asks++;
    *ret_epoch = s.epoch_nodes;
    *ret_node = STR("n1");
    return ERR_OK;
}

bool compile_is_pending(struct compile *c, const uint8_t key[COMPILE_KEY_BYTES])
{
    (void)c;
    (void)key;
    return s.is_compiling;
}

void compile_stats_read(struct compile *c, struct compile_stats *ret)
{
    (void)c;
    *ret = (struct compile_stats){0};
}

static void on_wake(void *context)
{
    (void)context;
    s.wakes++;
}

/* ---- the stage ---------------------------------------------------------------- */

int64_t stage_unix_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *const policies[] = {TALK_OPEN, TALK_WARN, NULL};

int stage_set_up(void **state)
{
    (void)state;
    path_set_up(&s.path, policies);
    buf_init(&s.body, 16u << 20);
    s.stats[0] = s.path.env.stats;
    s.stats[1] = flow_stats_new();
    struct http_options options = {.health = &s.health,
                                   .spool = (struct spool *)&s, /* only its address is used */
                                   .client = &s.client,
                                   .node = STR("n0"),
                                   .max_stale_ms = 3600000,
                                   .wake = on_wake};
    assert_int_equal(http_new(&options, &s.http), ERR_OK);
    return 0;
}

int stage_tear_down(void **state)
{
    (void)state;
    http_free(s.http);
    flow_stats_free(s.stats[1]);
    buf_fini(&s.body);
    path_tear_down(&s.path);
    return 0;
}

void stage_ask(enum wire_method method, const char *path)
{
    struct wire_head head = {.method = method, .path = str_from(path), .target = str_from(path)};
    struct worker_request r = {
        .ticket = {.worker = 7}, .head = &head, .snapshot = s.path.snapshot};
    s.answers = s.status = 0;
    http_serve(s.http, &r);
}

void stage_ready(void)
{
    s.is_draining = s.spool.is_failing = s.spool.is_full = false;
    s.health.is_loaded = s.health.is_database_up = true;
    s.health.is_degraded = false;
    s.health.fresh_ms = stage_unix_ms();
    s.epoch_here = s.epoch_nodes = 7;
}
