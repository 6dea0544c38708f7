/* SPDX-License-Identifier: Apache-2.0
 *
 * What is served beside the path, without workers, spool or database: for the tests of io/http
 * their figures are literals in `s`, and what a client was told last stands there too.
 */
#ifndef PORTCULLIS_TEST_STAGE_H
#define PORTCULLIS_TEST_STAGE_H

#include "../flow/path.h"

#include "portcullis/http.h"

struct stage {
    struct path path;
    struct http *http;
    struct http_health health;
    struct spool_stats spool;
    struct worker_stats workers;
    struct flow_stats *stats[2];
    bool is_draining;
    unsigned wakes, executes, asks; /* asks: which nodes enforce what */
    enum err store_err;
    uint64_t epoch_here, epoch_nodes;
    uint64_t epoch_asked;      /* of the executed job */
    struct net_lag lag[2];
    unsigned answers, status;  /* what the client was told last */
    struct buf body;
    char content_type[64];
    char headers[512];         /* "name: value\n" each */
    bool is_compiling;
    struct compile_client client;
    const struct policy_principal *owner;
};
extern struct stage s;

int stage_set_up(void **state);
int stage_tear_down(void **state);
int64_t stage_unix_ms(void);
/* Everything is up, and epoch 7 in force everywhere. */
void stage_ready(void);
/* A request without a key. */
void stage_ask(enum wire_method method, const char *path);

#endif
