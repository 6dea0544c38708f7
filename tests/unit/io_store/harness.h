/* SPDX-License-Identifier: Apache-2.0
 *
 * What the store's tests share: one private server, one store, the catalogue, and
 * management requests performed as io/http performs them.
 */
#ifndef PORTCULLIS_TEST_HARNESS_H
#define PORTCULLIS_TEST_HARNESS_H

#include "portcullis/store.h"

#include "server.h"

#include <libpq-fe.h>

struct reply {
    unsigned status;
    struct str body;
    yyjson_val *json;
    struct str etag, epoch;
};
struct CMUnitTest;

extern struct server server;
extern struct store *store;
extern struct route_catalog *catalog;
extern struct scan_engine *engine;
extern struct arena arena; /* reset before each test */
extern struct store_secrets secrets;
extern PGconn *super;

/* As superuser; the first value of the answer, "" without one. */
const char *sql(const char *text);
struct manage_caller caller_of(const char *org, unsigned role);
/* line: "POST /governance". */
struct reply ask_as(struct manage_caller caller, const char *line, const char *body,
                    const char *if_match);
struct reply ask(const char *org, const char *line, const char *body); /* as owner */
const char *text_of(struct reply r, const char *member);
const char *error_code(struct reply r);
const char *line_of(const char *method, const char *prefix, const char *id, const char *rest);
void make_org(const char *id);
const struct store_org *org_in(const struct store_loaded *l, const char *id);
struct store_loaded *load(uint64_t since);
void migrate(void);
int reset(void **state);
/* Exit codes for main: false = no server binaries, return 77. */
bool harness_open(void);
void harness_close(void);

#define HIPAA                                                                                      \
    "{\"name\":\"Production - HIPAA Compliant\",\"description\":\"Only HIPAA\",\"tagSlot\":1,"     \
    "\"isDefault\":true,\"rules\":{\"minimumTrustTier\":\"most_trusted\","                         \
    "\"blockChinaProviders\":true,\"requireHipaa\":true,\"requireBaa\":true,"                      \
    "\"enforcement\":\"hard_block\"}}"

#endif
