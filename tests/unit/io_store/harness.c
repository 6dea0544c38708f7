/* SPDX-License-Identifier: Apache-2.0
 *
 * See harness.h. Management requests go through manage_parse, store_execute and
 * manage_render, as in io/http, so the tests read like a client's conversation.
 * One store and one arena per program; nothing here runs on a second thread.
 */
#include "harness.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../support/catalog.h"

struct server server;
struct store *store;
struct route_catalog *catalog;
struct scan_engine *engine;
struct arena arena;
struct store_secrets secrets;
PGconn *super;
static struct buf providers, models;

/* As superuser; the first value of the answer, "" without one. */
const char *sql(const char *text)
{
    PGresult *r = PQexec(super, text);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", text, PQerrorMessage(super));
    }
    const char *value = PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "";
    const char *copy = arena_str(&arena, str_from(value)).ptr;
    PQclear(r);
    return copy;
}

struct manage_caller caller_of(const char *org, unsigned role)
{
    return (struct manage_caller){.org = str_from(org),
                                  .user = STR_NONE,
                                  .email = STR("who@acme.com"),
                                  .key_id = STR("KEYKEYKEYKEY"),
                                  .role = role,
                                  .may_manage = true};
}

struct reply ask_as(struct manage_caller caller, const char *line, const char *body,
                    const char *if_match)
{
    struct manage_request r = {.caller = &caller,
                               .body = str_from(body),
                               .content_type = STR("application/json"),
                               .if_match = str_from(if_match)};
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    struct str rest = str_from(line);
    struct str method = str_cut(&rest, ' ');
    for (int i = 0; i < 6; i++) {
        r.method = str_eq(method, str_from(methods[i])) ? (enum wire_method)i : r.method;
    }
    r.path = str_cut(&rest, '?');
    r.query = rest;
    struct manage_command c;
    struct manage_refusal refusal;
    struct manage_result result = {0};
    struct manage_answer answer;
    enum err e = manage_parse(&arena, &r, catalog, &c, &refusal);
    if (e == ERR_OK && c.needs_store) {
        e = store_execute(store, &arena, &c, &result);
        if (e != ERR_OK) {
            print_message("%s: %s (%s)\n", line, err_name(e), store_error(store));
        }
    }
    if (refusal.status != 0) {
        result.refusal = refusal;
    }
    manage_render(&arena, &c, e, &result, catalog, &answer);
    struct reply reply = {.status = answer.status, .body = answer.body};
    struct json_doc doc;
    struct issue issue;
    if (answer.body.len != 0) {
        assert_int_equal(json_parse(&arena, answer.body, &json_limits_default, &doc, &issue),
                         ERR_OK);
        reply.json = doc.root;
    }
    for (size_t i = 0; i < answer.headers_count; i++) {
        if (str_eq_nocase(answer.headers[i].name, STR("ETag"))) {
            reply.etag = answer.headers[i].value;
        }
        if (str_eq_nocase(answer.headers[i].name, STR("Portcullis-Epoch"))) {
            reply.epoch = answer.headers[i].value;
        }
    }
    return reply;
}

struct reply ask(const char *org, const char *line, const char *body)
{
    struct reply r = ask_as(caller_of(org, MANAGE_OWNER), line, body, NULL);
    return r;
}

const char *text_of(struct reply r, const char *member)
{
    struct str s = json_str(json_get(r.json, str_from(member)));
    return s.ptr != NULL ? arena_str(&arena, s).ptr : "";
}

const char *error_code(struct reply r)
{
    struct str s = json_str(json_get(json_get(r.json, STR("error")), STR("code")));
    return s.ptr != NULL ? arena_str(&arena, s).ptr : "";
}

const char *line_of(const char *method, const char *prefix, const char *id, const char *rest)
{
    return arena_printf(&arena, "%s %s%s%s", method, prefix, id, rest).ptr;
}

void make_org(const char *id)
{
    struct str ret;
    enum err e = store_org_create(store, &arena, str_from(id), STR("Acme"), &ret);
    if (e != ERR_OK) {
        fail_msg("%s", store_error(store));
    }
    assert_true(str_eq(ret, str_from(id)));
}

const struct store_org *org_in(const struct store_loaded *l, const char *id)
{
    for (size_t i = 0; i < l->orgs_count; i++) {
        if (str_eq(l->orgs[i].rows.id, str_from(id))) {
            return &l->orgs[i];
        }
    }
    return NULL;
}

struct store_loaded *load(uint64_t since)
{
    struct store_loaded *l = NULL;
    enum err e = store_load(store, since, &l);
    if (e != ERR_OK) {
        fail_msg("load: %s: %s", err_name(e), store_error(store));
    }
    return l;
}

void migrate(void)
{
    struct store_migrate_report report;
    struct issue issue = {0};
    if (store_migrate_up(store, 0, false, &report, &issue) != ERR_OK) {
        fprintf(stderr, "%s\n", issue.message);
        exit(1);
    }
}

int reset(void **state)
{
    (void)state;
    arena_reset(&arena);
    return 0;
}

bool harness_open(void)
{
    static const uint8_t master[32] = {1, 2, 3};
    struct issue issue = {0};
    if (!server_start(&server)) {
        printf("skipped: no PostgreSQL server binaries in /usr/lib/postgresql\n");
        return false;
    }
    arena_init(&arena, (size_t)256 << 20);
    catalog_file_read("providers.json", &providers);
    catalog_file_read("models.json", &models);
    store_secrets_derive(master, &secrets);
    if (scan_engine_new(&engine) != ERR_OK) {
        exit(1);
    }
    enum err e = route_catalog_new(buf_str(&providers), buf_str(&models), &catalog, &issue);
    struct store_options options = {.dsn = server.owner_dsn,
                                    .secrets = secrets,
                                    .catalog = catalog,
                                    .engine = engine,
                                    .is_operator = true,
                                    .query_ms = 1000,
                                    .load_ms = 3000,
                                    .connect_ms = 2000};
    if (e != ERR_OK || store_open(&options, &store, &issue) != ERR_OK) {
        fprintf(stderr, "%s %s\n", issue.pointer, issue.message);
        exit(1);
    }
    super = PQconnectdb(server.super_dsn);
    return true;
}

void harness_close(void)
{
    PQfinish(super);
    store_close(store);
    scan_engine_free(engine);
    route_catalog_free(catalog);
    buf_fini(&providers);
    buf_fini(&models);
    arena_fini(&arena);
    server_stop(&server);
}
