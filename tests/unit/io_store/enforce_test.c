/* SPDX-License-Identifier: Apache-2.0
 *
 * The store against a real PostgreSQL: what gateways load and hear, the
 * walls between tenants, records, and faults of the server.
 * Each test makes its own organisations, so their order does not matter.
 */
#include "harness.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- tenants
 * ---------------------------------------------------------------------------------------- */

static void tenants_do_not_see_each_other(void **state)
{
    (void)state;
    make_org("org_one");
    make_org("org_two");
    struct reply r = ask("org_one", "POST /governance", HIPAA);
    const char *id = text_of(r, "id");
    r = ask("org_one", "POST /v1/teams", "{\"name\":\"platform\"}");
    const char *team = text_of(r, "id");
    /* 404 and not 403: nothing is told (K 205). */
    assert_int_equal(ask("org_two", line_of("GET", "/governance/", id, ""), NULL).status, 404);
    assert_int_equal(
        ask("org_two", line_of("PATCH", "/governance/", id, ""), "{\"name\":\"x\"}").status, 404);
    assert_int_equal(ask("org_two", line_of("DELETE", "/governance/", id, ""), NULL).status, 404);
    assert_int_equal(ask("org_two", line_of("GET", "/v1/teams/", team, ""), NULL).status, 404);
    assert_int_equal(ask("org_two", line_of("DELETE", "/v1/teams/", team, ""), NULL).status, 404);
    assert_int_equal(ask("org_two", "GET /v1/orgs/org_one", NULL).status, 404);
    assert_string_equal(text_of(ask("org_two", "GET /v1/orgs/org_two", NULL), "id"), "org_two");
    r = ask("org_two", "GET /v1/teams", NULL);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 0);
    assert_int_equal(ask("org_two", "GET /v1/teams?org_id=org_one", NULL).status, 400);
    assert_int_equal(
        ask("org_two", "POST /v1/users", "{\"email\":\"a@b.c\",\"team\":\"platform\"}").status,
        409);
    assert_int_equal(ask("org_none", "GET /v1/teams", NULL).status, 404);
}

static const char *as_role(const char *role, const char *org, const char *statement)
{
    PGconn *c = PQconnectdb(server.owner_dsn);
    char line[512];
    snprintf(line, sizeof(line), "SET ROLE %s", role);
    PQclear(PQexec(c, line));
    PQclear(PQexec(c, "BEGIN"));
    if (org != NULL) {
        snprintf(line, sizeof(line), "SET LOCAL app.org = '%s'", org);
        PQclear(PQexec(c, line));
    }
    PGresult *r = PQexec(c, statement);
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *result = state != NULL      ? state
                         : PQntuples(r) > 0 ? PQgetvalue(r, 0, 0)
                                            : PQcmdTuples(r);
    const char *copy = arena_str(&arena, str_from(result)).ptr;
    PQclear(r);
    PQfinish(c);
    return copy;
}

/* K 209-211: even a statement without a WHERE stays inside its organisation. */
static void rows_are_walled_by_the_database(void **state)
{
    (void)state;
    static const char *const tables[] = {"orgs",           "teams",           "environments",
                                         "projects",       "users",           "api_keys",
                                         "policies",       "policy_versions", "provider_endpoints",
                                         "attestations",   "audit_decisions", "audit_outcomes",
                                         "security_events"};
    make_org("org_wall");
    ask("org_wall", "POST /v1/teams", "{\"name\":\"a\"}");
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        const char *q = arena_printf(&arena,
                                     "SELECT count(*) FROM portcullis.%s "
                                     "WHERE org_id <> 'org_wall'",
                                     tables[i])
                            .ptr;
        assert_string_equal(as_role("portcullis_gateway", "org_wall", q), "0");
        q = arena_printf(&arena, "SELECT count(*) FROM portcullis.%s", tables[i]).ptr;
        assert_string_equal(as_role("portcullis_gateway", NULL, q), "0");
    }
    assert_string_equal(as_role("portcullis_gateway", "org_wall",
                                "INSERT INTO portcullis.teams (org_id, id, name) "
                                "VALUES ('org_one', 'team_x', 'x')"),
                        "42501");
    assert_string_equal(
        as_role("portcullis_gateway", "org_wall", "UPDATE portcullis.teams SET name = 'b'"), "1");
    assert_string_equal(
        as_role("portcullis_gateway", "org_wall", "UPDATE portcullis.orgs SET is_suspended = true"),
        "42501");
    assert_string_equal(
        as_role("portcullis_gateway", "org_wall", "DELETE FROM portcullis.policy_versions"),
        "42501");
    assert_string_equal(
        as_role("portcullis_gateway", "org_wall", "DELETE FROM portcullis.audit_decisions"),
        "42501");
    assert_string_equal(as_role("portcullis_loader", NULL, "UPDATE portcullis.orgs SET name = 'x'"),
                        "42501");
    assert_string_equal(as_role("portcullis_loader", NULL,
                                "SELECT request_id FROM "
                                "portcullis.audit_decisions"),
                        "42501");
    assert_string_equal(as_role("portcullis_audit", NULL, "SELECT count(*) FROM portcullis.orgs"),
                        "42501");
    assert_string_equal(sql("SELECT count(*) FROM pg_class c JOIN pg_namespace n "
                            "ON n.oid = c.relnamespace WHERE n.nspname = 'portcullis' "
                            "AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
                            "AND NOT (c.relrowsecurity AND c.relforcerowsecurity) AND EXISTS "
                            "(SELECT FROM pg_attribute a WHERE a.attrelid = c.oid "
                            "AND a.attname = 'org_id')"),
                        "0");
}

/* ---- loading, epochs, notices
 * ---------------------------------------------------------------------------- */

static void changes_are_numbered_and_loaded(void **state)
{
    (void)state;
    make_org("org_seq");
    struct store_loaded *l = load(0);
    uint64_t before = l->epoch;
    assert_non_null(org_in(l, "org_seq"));
    store_loaded_free(l);
    l = load(before);
    assert_int_equal(l->orgs_count, 0);
    store_loaded_free(l);
    struct reply r = ask("org_seq", "POST /governance", HIPAA);
    l = load(before);
    assert_int_equal(l->orgs_count, 1); /* only the changed one */
    assert_true(str_eq(l->orgs[0].rows.id, STR("org_seq")));
    assert_int_equal(l->orgs[0].rows.policies_count, 1);
    assert_true(l->orgs[0].rows.policies[0].is_default);
    assert_true(
        str_eq(r.epoch, arena_printf(&arena, "%llu", (unsigned long long)l->orgs[0].rows.seq)));
    assert_int_equal(l->epoch, before + 1); /* one number for the whole transaction */
    store_loaded_free(l);
    /* A refused command takes no number. */
    assert_int_equal(ask("org_seq", "POST /governance", HIPAA).status, 409);
    l = load(before + 1);
    assert_int_equal(l->epoch, before + 1);
    store_loaded_free(l);
}

static void notices_are_heard_and_gaps_too(void **state)
{
    (void)state;
    make_org("org_ear");
    enum err e = store_listen_wait(store, 2000, -1);
    assert_int_equal(e, ERR_OK); /* a fresh connection: notices may have been missed */
    while (store_listen_wait(store, 50, -1) == ERR_OK) {
    }
    ask("org_ear", "POST /v1/teams", "{\"name\":\"x\"}");
    assert_int_equal(store_listen_wait(store, 5000, -1), ERR_OK);
    while (store_listen_wait(store, 50, -1) == ERR_OK) {
    }
    /* F6: the session is killed and a change falls into the gap. */
    sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query = "
        "'LISTEN portcullis' OR query = 'SELECT 1'");
    ask("org_ear", "POST /v1/teams", "{\"name\":\"y\"}");
    bool has_heard = false;
    for (int i = 0; i < 100 && !has_heard; i++) {
        has_heard = store_listen_wait(store, 200, -1) == ERR_OK;
    }
    assert_true(has_heard);
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
    while ((e = store_listen_wait(store, 5000, pipe_fds[0])) == ERR_OK) {
    }
    assert_int_equal(e, ERR_AGAIN);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void nodes_report_what_they_enforce(void **state)
{
    (void)state;
    uint64_t epoch = 0;
    struct str node;
    assert_int_equal(store_nodes_min_epoch(store, STR("org_b"), &arena, &epoch, &node),
                     ERR_NOT_FOUND);
    assert_int_equal(store_node_report(store, STR("gw-1"), 7, STR_NONE), ERR_OK);
    assert_int_equal(store_node_report(store, STR("gw-2"), 5, STR("org_a\n")), ERR_OK);
    assert_int_equal(store_nodes_min_epoch(store, STR("org_b"), &arena, &epoch, &node), ERR_OK);
    assert_int_equal(epoch, 5);
    assert_true(str_eq(node, STR("gw-2")));
    /* What it says of itself does not hold for an organisation that it could not take over. */
    assert_int_equal(store_node_report(store, STR("gw-2"), 9, STR("org_a\norg_b\n")), ERR_OK);
    assert_int_equal(store_nodes_min_epoch(store, STR("org_b"), &arena, &epoch, &node), ERR_OK);
    assert_int_equal(epoch, 0);
    assert_true(str_eq(node, STR("gw-2")));
    assert_int_equal(store_nodes_min_epoch(store, STR("org"), &arena, &epoch, &node), ERR_OK);
    assert_int_equal(epoch, 7);
    assert_int_equal(store_node_report(store, STR("gw-2"), 9, STR_NONE), ERR_OK);
    assert_int_equal(store_node_leave(store, STR("gw-2")), ERR_OK);
    assert_int_equal(store_nodes_min_epoch(store, STR("org_b"), &arena, &epoch, &node), ERR_OK);
    assert_int_equal(epoch, 7);
    assert_int_equal(store_node_leave(store, STR("gw-1")), ERR_OK);
    make_org("org_node");
    assert_int_equal(ask("org_node", "GET /v1/nodes", NULL).status, 200);
}

/* F12: what was damaged on disk disables its own organisation and no other. */
static void damaged_rows_are_not_enforced(void **state)
{
    (void)state;
    make_org("org_bad");
    make_org("org_good");
    ask("org_bad", "POST /governance", HIPAA);
    ask("org_good", "POST /governance", HIPAA);
    sql("ALTER TABLE portcullis.policy_versions DISABLE TRIGGER version_guard");
    sql("UPDATE portcullis.policy_versions SET body = replace(body, '\"block\"', '\"allow\"'), "
        "sha256 = sha256(convert_to(replace(body, '\"block\"', '\"allow\"'), 'UTF8')) "
        "WHERE org_id = 'org_bad'");
    sql("ALTER TABLE portcullis.policy_versions ENABLE TRIGGER version_guard");
    struct store_loaded *l = load(0);
    assert_int_equal(org_in(l, "org_bad")->err, ERR_CORRUPT);
    assert_true(org_in(l, "org_bad")->issue.message[0] != '\0');
    assert_int_equal(org_in(l, "org_good")->err, ERR_OK);
    store_loaded_free(l);
    /* The hash alone catches a body changed behind its back. */
    PGresult *r = PQexec(super, "UPDATE portcullis.policy_versions SET body = body || ' ' "
                                "WHERE org_id = 'org_good'");
    assert_int_not_equal(PQresultStatus(r), PGRES_COMMAND_OK);
    PQclear(r);
}

static void audit_is_listed_by_filter(void **state)
{
    (void)state;
    make_org("org_aud");
    assert_int_equal(store_audit_prepare(store), ERR_OK);
    sql("INSERT INTO portcullis.audit_decisions (org_id, day, request_id, unix_ms, decision, "
        "policy,"
        " rule, reason, user_name, environment, violations) SELECT 'org_aud', '2025-01-10',"
        " 'req_' || lpad(i::text, 26, '0'), 1736519400000 + i, CASE WHEN i % 2 = 0 THEN 'block' "
        "ELSE 'allow' END, 'dev_team_restrictions', 'content_filter', 'Pattern matched: api_key',"
        " 'dev@acme.com', 'development', CASE WHEN i % 2 = 0 THEN "
        "'[{\"severity\":\"security_event\",\"message\":\"m\"}]' ELSE '[]' END "
        "FROM generate_series(1, 10) i");
    struct reply r = ask("org_aud", "GET /v1/audit?limit=4", NULL);
    assert_int_equal(r.status, 200);
    yyjson_val *first = yyjson_arr_get_first(json_get(r.json, STR("data")));
    assert_true(str_eq(json_str(json_get(first, STR("request_id"))),
                       STR("req_00000000000000000000000010")));
    assert_true(str_eq(json_str(json_get(first, STR("user"))), STR("dev@acme.com"))); /* S4-38 */
    assert_true(str_eq(json_str(json_get(first, STR("reason"))), STR("Pattern matched: api_key")));
    const char *next = text_of(r, "next_cursor");
    r = ask("org_aud", arena_printf(&arena, "GET /v1/audit?limit=100&cursor=%s", next).ptr, NULL);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 6);
    r = ask("org_aud",
            "GET /v1/audit?decision=block&user=dev%40acme.com&environment=development"
            "&since=2025-01-10T00:00:00Z&until=2025-01-11T00:00:00Z",
            NULL);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 5);
    r = ask("org_aud", "GET /v1/audit?since=2025-01-11T00:00:00Z", NULL);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 0);
    r = ask("org_aud", "GET /v1/security-events", NULL); /* S3-6 */
    assert_int_equal(r.status, 200);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 5);
}

static const struct audit_violation email = {.policy_id = STR_INIT("pol7"),
                                             .policy = STR_INIT("PII Protection"),
                                             .rule_key = STR_INIT("pii"),
                                             .rule = STR_INIT("pii_redaction"),
                                             .effect = STR_INIT("block"),
                                             .severity = STR_INIT("security_event"),
                                             .message = STR_INIT("PII detected: email"),
                                             .policy_version = 3,
                                             .stage = STR_INIT("response"),
                                             .what = STR_INIT("email"),
                                             .pointer = STR_INIT("/choices/0/message/content"),
                                             .start = 7,
                                             .end = 20,
                                             .count = 2};

/* Both stages: places come back, an answer that was blocked is a security event. */
static void content_facts_are_shipped_and_listed(void **state)
{
    (void)state;
    struct buf a, b;
    uint64_t written, quarantined;
    struct audit_violation warn = email;
    warn.effect = STR("warn");
    warn.stage = STR("request");
    make_org("org_con");
    assert_int_equal(store_audit_prepare(store), ERR_OK);
    struct audit_decision d = {.request_id = STR("req_00000000000000000000000001"),
                               .unix_ms = 1736519400000,
                               .org = STR("org_con"),
                               .user = STR("dev@acme.com"),
                               .decision = STR("modify"),
                               .epoch = 9,
                               .violations = &warn,
                               .violations_count = 1,
                               .violations_dropped = 4,
                               .modifications = 6};
    struct audit_outcome o = {.request_id = d.request_id,
                              .unix_ms = 1736519401000,
                              .org = d.org,
                              .outcome = STR("completed"),
                              .response_decision = STR("block"),
                              .violations = &email,
                              .violations_count = 1,
                              .modifications = 1,
                              .cost_pico_usd = -1};
    buf_init(&a, 1 << 16);
    buf_init(&b, 1 << 16);
    audit_decision_write(&a, &d);
    audit_outcome_write(&b, &o);
    struct str records[] = {buf_str(&a), buf_str(&b), buf_str(&b)}; /* at least once */
    assert_int_equal(store_audit_ship(store, records, 3, &written, &quarantined), ERR_OK);
    assert_int_equal(quarantined, 0);
    struct reply r = ask("org_con", "GET /v1/audit", NULL);
    yyjson_val *row = yyjson_arr_get_first(json_get(r.json, STR("data")));
    assert_true(str_eq(json_str(json_get(row, STR("decision"))), STR("modify")));
    assert_int_equal(yyjson_get_int(json_get(row, STR("modifications"))), 6);
    assert_int_equal(yyjson_get_int(json_get(row, STR("violations_dropped"))), 4);
    yyjson_val *v = yyjson_arr_get_first(json_get(row, STR("violations")));
    assert_true(str_eq(json_str(json_get(v, STR("what"))), STR("email")));
    assert_true(str_eq(json_str(json_get(v, STR("stage"))), STR("request")));
    assert_int_equal(yyjson_get_int(json_get(v, STR("end"))), 20);
    yyjson_val *outcome = json_get(row, STR("outcome"));
    assert_true(str_eq(json_str(json_get(outcome, STR("response_decision"))), STR("block")));
    v = yyjson_arr_get_first(json_get(outcome, STR("violations")));
    assert_true(str_eq(json_str(json_get(v, STR("pointer"))), STR("/choices/0/message/content")));
    assert_int_equal(yyjson_get_int(json_get(v, STR("count"))), 2);
    r = ask("org_con", "GET /v1/security-events", NULL);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 1);
    row = yyjson_arr_get_first(json_get(r.json, STR("data")));
    assert_true(str_eq(json_str(json_get(row, STR("policy"))), STR("PII Protection")));
    assert_true(str_eq(json_str(json_get(row, STR("rule"))), STR("pii_redaction")));
    assert_true(str_eq(json_str(json_get(row, STR("reason"))), STR("PII detected: email")));
    assert_true(str_eq(json_str(json_get(row, STR("user"))), STR("dev@acme.com")));
    make_org("org_oth");
    r = ask("org_oth", "GET /v1/security-events", NULL);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 0);
    buf_fini(&a);
    buf_fini(&b);
}

/* What a worker wrote is what the tables hold: characters that COPY gives a meaning,
 * bytes no text column takes, and nothing for an empty text. Shipped twice, stored once. */
static void records_arrive_as_they_were_written(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1u << 16);
    const struct audit_violation v = {.policy = STR("a\\b\n"), .effect = STR("block")};
    struct audit_decision d = {.request_id = STR("req_ship"), .unix_ms = 1736519400123,
                               .org = STR("org_ship"), .team = STR("tab\tline\nback\\slash\rend"),
                               .project = STR("\xc3\xa9\x01"), .user = STR("nul\0byte"),
                               .path = STR("bad\xff"), .slot = -7,
                               .decision = STR("block"), .is_stream = true,
                               .request_bytes = UINT64_C(9007199254740993), .violations = &v,
                               .violations_count = 1, .has_body_sha256 = true};
    d.body_sha256.bytes[0] = 0xAB;
    audit_decision_write(&b, &d);
    size_t first = b.len;
    struct audit_outcome o = {.request_id = d.request_id, .unix_ms = d.unix_ms, .org = d.org,
                              .outcome = STR("completed"), .cost_pico_usd = -1};
    audit_outcome_write(&b, &o);
    const struct str records[] = {str_sub(buf_str(&b), 0, first),
                                  str_sub(buf_str(&b), first, b.len)};
    uint64_t written, quarantined;
    assert_int_equal(store_audit_prepare(store), ERR_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(store_audit_ship(store, records, 2, &written, &quarantined), ERR_OK);
        assert_int_equal(written, 2);
        assert_int_equal(quarantined, 0);
    }
    buf_fini(&b);
    assert_string_equal(sql("SELECT count(*) FROM portcullis.audit_decisions WHERE "
                            "org_id = 'org_ship' AND day = '2025-01-10' AND unix_ms = 1736519400123"
                            " AND team = E'tab\\tline\\nback\\\\slash\\rend' AND project = E'\u00e9"
                            "\\x01' AND user_name = 'nul?byte' AND path = 'bad?' AND slot = -7 AND "
                            "is_stream AND environment IS NULL AND request_bytes = "
                            "9007199254740993 AND body_sha256 = decode(rpad('ab', 64, '0'), 'hex') "
                            "AND (violations::json)->0->>'policy' = E'a\\\\b\\n'"),
                        "1");
    assert_string_equal(sql("SELECT count(*) FROM portcullis.audit_outcomes WHERE "
                            "org_id = 'org_ship' AND cost_pico_usd = -1 AND provider IS NULL"),
                        "1");
}

/* A byte that no text column takes is found wherever it stands, what is beside it stays. A
 * day that no date can be goes to the quarantine and holds up nobody. */
static void odd_bytes_and_days(void **state)
{
    enum { ROWS = 19 };
    (void)state;
    struct buf b[ROWS + 2];
    struct str records[ROWS + 2];
    char texts[ROWS][ROWS], id[16];
    uint64_t written, quarantined;
    for (size_t i = 0; i < ROWS + 2; i++) {
        struct audit_decision d = {.unix_ms = i == ROWS       ? -1
                                              : i == ROWS + 1 ? INT64_MAX
                                                              : 1736519400000,
                                   .decision = STR("allow")};
        if (i < ROWS) {
            memset(texts[i], 'x', sizeof(texts[i]));
            texts[i][i] = i % 2 == 0 ? '\0' : '\xff';
            d.reason = (struct str){texts[i], sizeof(texts[i])};
        }
        snprintf(id, sizeof(id), "req_odd_%02zu", i);
        d.request_id = str_from(id);
        buf_init(&b[i], 4096);
        audit_decision_write(&b[i], &d);
        records[i] = buf_str(&b[i]);
    }
    assert_int_equal(store_audit_prepare(store), ERR_OK);
    assert_int_equal(store_audit_ship(store, records, ROWS + 2, &written, &quarantined), ERR_OK);
    assert_int_equal(written, ROWS + 1);
    assert_int_equal(quarantined, 1);
    for (size_t i = 0; i < ROWS + 2; i++) {
        buf_fini(&b[i]);
    }
    assert_string_equal(sql("SELECT count(*) FROM portcullis.audit_decisions WHERE org_id = '' AND "
                            "request_id LIKE 'req_odd_%' AND reason = overlay(repeat('x', 19) "
                            "placing '?' from right(request_id, 2)::integer + 1)"),
                        "19");
    assert_string_equal(sql("SELECT day || ' ' || unix_ms FROM portcullis.audit_decisions WHERE "
                            "request_id = 'req_odd_19'"),
                        "1969-12-31 -1");
}

/* Rows that are sent in parts: all of them arrive, and a record that is none holds up nobody,
 * wherever in a part it stands and of whatever kind it says it is. */
static void many_parts_and_what_is_no_record(void **state)
{
    enum { ROWS = 60, TEXT = 4096 };
    (void)state;
    static const size_t bad[] = {0, 45, 2 * ROWS - 1};
    struct buf b[2 * ROWS];
    struct str records[2 * ROWS];
    char text[TEXT], id[20];
    uint64_t written, quarantined;
    memset(text, 'y', sizeof(text));
    for (size_t i = 0; i < 2 * ROWS; i++) {
        snprintf(id, sizeof(id), "req_part_%03zu", i / 2);
        buf_init(&b[i], 2 * TEXT);
        if (i % 2 == 0) {
            audit_decision_write(&b[i], &(struct audit_decision){.request_id = str_from(id),
                                                                 .unix_ms = 1736519400000,
                                                                 .decision = STR("allow"),
                                                                 .reason = {text, TEXT}});
        } else {
            audit_outcome_write(&b[i], &(struct audit_outcome){.request_id = str_from(id),
                                                               .unix_ms = 1736519400000,
                                                               .outcome = STR("completed"),
                                                               .finish_reason = {text, TEXT}});
        }
        records[i] = buf_str(&b[i]);
    }
    assert_int_equal(store_audit_prepare(store), ERR_OK);
    assert_int_equal(store_audit_ship(store, records + 1, 1, &written, &quarantined), ERR_OK);
    assert_int_equal(store_audit_ship(store, records, 2 * ROWS, &written, &quarantined), ERR_OK);
    assert_int_equal(written, 2 * ROWS);
    assert_int_equal(quarantined, 0);
    const char *count = "SELECT (SELECT count(*) FROM portcullis.audit_decisions WHERE request_id "
                        "LIKE 'req_part_%' AND length(reason) = 4096) || ' ' || (SELECT count(*) "
                        "FROM portcullis.audit_outcomes WHERE request_id LIKE 'req_part_%' AND "
                        "length(finish_reason) = 4096)";
    assert_string_equal(sql(count), "60 60");
    sql("DELETE FROM portcullis.audit_decisions WHERE request_id LIKE 'req_part_%'");
    sql("DELETE FROM portcullis.audit_outcomes WHERE request_id LIKE 'req_part_%'");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        records[bad[i]].len /= 2;
    }
    b[45].ptr[1] = 9; /* of no kind */
    assert_int_equal(store_audit_ship(store, records, 2 * ROWS, &written, &quarantined), ERR_OK);
    assert_int_equal(written, 2 * ROWS - 3);
    assert_int_equal(quarantined, 3);
    assert_string_equal(sql(count), "59 58");
    for (size_t i = 0; i < 2 * ROWS; i++) {
        buf_fini(&b[i]);
    }
}

/* ---- faults
 * --------------------------------------------------------------------------------------------- */

/* F4: a lock is waited for no longer than the deadline, and nothing is changed. */
static void a_locked_table_is_a_timeout(void **state)
{
    (void)state;
    make_org("org_lock");
    sql("BEGIN; LOCK TABLE portcullis.teams IN ACCESS EXCLUSIVE MODE");
    struct reply r = ask("org_lock", "POST /v1/teams", "{\"name\":\"x\"}");
    sql("ROLLBACK");
    assert_int_equal(r.status, 503);
    r = ask("org_lock", "GET /v1/teams", NULL);
    for (int i = 0; i < 100 && r.status == 503; i++) { /* the backoff of the dropped connection */
        usleep(20000);
        r = ask("org_lock", "GET /v1/teams", NULL);
    }
    assert_int_equal(r.status, 200);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 0);
}

/* F3: a frozen server answers nothing; every call still ends. */
static void a_frozen_server_is_a_timeout(void **state)
{
    (void)state;
    make_org("org_ice");
    ask("org_ice", "GET /v1/teams", NULL);
    server_signal(&server, SIGSTOP);
    struct reply r = ask("org_ice", "GET /v1/teams", NULL);
    struct store_loaded *l = NULL;
    enum err e = store_load(store, 0, &l);
    enum err heard = ERR_OK;
    for (int i = 0; i < 20 && heard == ERR_OK; i++) {
        heard = store_listen_wait(store, 1500, -1);
    }
    server_signal(&server, SIGCONT);
    assert_int_equal(r.status, 503);
    assert_int_not_equal(e, ERR_OK);
    assert_true(heard == ERR_TIMEOUT || heard == ERR_IO);
    for (int i = 0; i < 200 && r.status != 200; i++) {
        usleep(50000);
        r = ask("org_ice", "GET /v1/teams", NULL);
    }
    assert_int_equal(r.status, 200);
}

static void a_nul_is_refused_not_cut(void **state)
{
    (void)state;
    make_org("org_nul");
    struct reply r = ask("org_nul", "POST /governance", "{\"name\":\"a\\u0000b\",\"rules\":{}}");
    assert_int_equal(r.status, 400);
    r = ask("org_nul", "POST /v1/teams", "{\"name\":\"a'; DROP TABLE portcullis.teams; --\"}");
    assert_int_equal(r.status, 400);
    r = ask("org_nul", "GET /v1/audit?user=x'%20OR%201=1--", NULL);
    assert_int_equal(r.status, 200);
    assert_int_equal(yyjson_arr_size(json_get(r.json, STR("data"))), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(tenants_do_not_see_each_other, reset),
        cmocka_unit_test_setup(rows_are_walled_by_the_database, reset),
        cmocka_unit_test_setup(changes_are_numbered_and_loaded, reset),
        cmocka_unit_test_setup(notices_are_heard_and_gaps_too, reset),
        cmocka_unit_test_setup(nodes_report_what_they_enforce, reset),
        cmocka_unit_test_setup(damaged_rows_are_not_enforced, reset),
        cmocka_unit_test_setup(audit_is_listed_by_filter, reset),
        cmocka_unit_test_setup(records_arrive_as_they_were_written, reset),
        cmocka_unit_test_setup(odd_bytes_and_days, reset),
        cmocka_unit_test_setup(many_parts_and_what_is_no_record, reset),
        cmocka_unit_test_setup(content_facts_are_shipped_and_listed, reset),
        cmocka_unit_test_setup(a_locked_table_is_a_timeout, reset),
        cmocka_unit_test_setup(a_frozen_server_is_a_timeout, reset),
        cmocka_unit_test_setup(a_nul_is_refused_not_cut, reset),
    };
    if (!harness_open()) {
        return 77;
    }
    migrate();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    harness_close();
    return failed;
}
