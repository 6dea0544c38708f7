/* SPDX-License-Identifier: Apache-2.0
 *
 * The management API as data: every cell of roles x operations, strict reading, and the
 * document made from the same table. No database: commands are looked at, not run.
 */
#include "portcullis/manage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../support/catalog.h"

static struct arena arena;
static struct route_catalog *catalog;
static struct buf providers, models;

static int set_up(void **state)
{
    struct issue issue;
    (void)state;
    arena_init(&arena, (size_t)64 << 20);
    catalog_file_read("providers.json", &providers);
    catalog_file_read("models.json", &models);
    return route_catalog_new(buf_str(&providers), buf_str(&models), &catalog, &issue) != ERR_OK;
}

static int tear_down(void **state)
{
    (void)state;
    route_catalog_free(catalog);
    buf_fini(&providers);
    buf_fini(&models);
    arena_fini(&arena);
    return 0;
}

static enum err parse(const struct manage_caller *caller, enum wire_method method, const char *path,
                      const char *body, struct manage_command *c, struct manage_refusal *refusal)
{
    struct str rest = str_from(path);
    struct manage_request r = {.method = method,
                               .caller = caller,
                               .body = str_from(body),
                               .content_type = STR("application/json")};
    r.path = str_cut(&rest, '?');
    r.query = rest;
    return manage_parse(&arena, &r, catalog, c, refusal);
}

static struct manage_caller caller_of(unsigned role)
{
    return (struct manage_caller){
        .org = STR("org_a"), .key_id = STR("KEYKEYKEYKEY"), .role = role, .may_manage = true};
}

/* A path of the pattern: {id} -> x1, {version} -> 1. */
static const char *path_of(const char *pattern)
{
    struct buf b;
    buf_init(&b, 256);
    for (const char *p = pattern; *p != '\0'; p++) {
        if (*p == '{') {
            buf_add(&b, p[1] == 'v' || p[1] == 'n' ? STR("1") : STR("x1"));
            p = strchr(p, '}');
        } else {
            buf_add_byte(&b, *p);
        }
    }
    const char *path = arena_str(&arena, buf_str(&b)).ptr;
    buf_fini(&b);
    return path;
}

/* What each role may do, written down apart from the table (catalogue K 207): members
 * and auditors change nothing; only readers of records see records, people and keys. */
static bool may(unsigned role, const struct manage_route *r)
{
    bool is_asking = r->kind == MANAGE_EVALUATE || r->kind == MANAGE_POLICY_ASK ||
                     r->kind == MANAGE_POLICY_TRY;
    bool is_write = r->method != WIRE_GET && !is_asking;
    static const char *const private_paths[] = {"/v1/audit", "/v1/security-events",    "/v1/keys",
                                                "/v1/users", "/v1/provider-endpoints", "/v1/nodes"};
    if (r->roles == 0 || role == MANAGE_OWNER) {
        return true;
    }
    if (role == MANAGE_ADMIN) {
        return strcmp(r->pattern, "/v1/orgs/{id}") != 0 || !is_write; /* settings are the owner's */
    }
    if (is_write) {
        return false;
    }
    for (size_t i = 0; i < sizeof(private_paths) / sizeof(private_paths[0]); i++) {
        if (role == MANAGE_MEMBER && str_starts(str_from(r->pattern), str_from(private_paths[i]))) {
            return false;
        }
    }
    return role == MANAGE_MEMBER || role == MANAGE_AUDITOR;
}

static void every_role_and_operation_is_decided(void **state)
{
    (void)state;
    static const unsigned roles[] = {0, MANAGE_MEMBER, MANAGE_AUDITOR, MANAGE_ADMIN, MANAGE_OWNER};
    size_t count;
    const struct manage_route *list = manage_routes(&count);
    for (size_t i = 0; i < count; i++) {
        const struct manage_route *r = &list[i];
        for (size_t k = 0; k < sizeof(roles) / sizeof(roles[0]); k++) {
            struct manage_caller who = caller_of(roles[k]);
            struct manage_command c;
            struct manage_refusal refusal;
            enum err e = parse(&who, r->method, path_of(r->pattern),
                               r->example != NULL ? r->example : "{}", &c, &refusal);
            bool is_denied = e != ERR_OK && refusal.status == 403;
            if (is_denied == may(roles[k], r)) {
                fail_msg("%s %s as %s: %s", wire_method_name(r->method), r->pattern,
                         manage_role_name((enum manage_role)roles[k]),
                         is_denied ? "denied" : "allowed");
            }
            if (r->roles != 0) { /* nobody, and a key without the scope */
                assert_int_not_equal(
                    parse(NULL, r->method, path_of(r->pattern), "{}", &c, &refusal), ERR_OK);
                assert_int_equal(refusal.status, 401);
                who.may_manage = false;
                e = parse(&who, r->method, path_of(r->pattern), "{}", &c, &refusal);
                assert_true(r->kind == MANAGE_EVALUATE || refusal.status == 403);
            }
        }
    }
}

static void the_callers_organisation_is_the_only_one(void **state)
{
    (void)state;
    struct manage_caller who = caller_of(MANAGE_OWNER);
    struct manage_command c;
    struct manage_refusal refusal;
    assert_int_equal(parse(&who, WIRE_GET, "/governance", NULL, &c, &refusal), ERR_OK);
    assert_true(str_eq(c.caller.org, STR("org_a")));
    /* K 206: neither a parameter nor a member can name another one. */
    assert_int_not_equal(parse(&who, WIRE_GET, "/v1/teams?org_id=org_b", NULL, &c, &refusal),
                         ERR_OK);
    assert_int_equal(refusal.status, 400);
    assert_int_not_equal(
        parse(&who, WIRE_POST, "/v1/teams", "{\"name\":\"x\",\"org_id\":\"org_b\"}", &c, &refusal),
        ERR_OK);
    assert_int_equal(refusal.status, 400);
    assert_int_not_equal(parse(&who, WIRE_POST, "/governance",
                               "{\"name\":\"x\",\"orgId\":\"org_b\",\"rules\":{}}", &c, &refusal),
                         ERR_OK);
    assert_int_equal(refusal.status, 400);
}

/* C-18: a typo in a security policy is never ignored. */
static void unknown_members_are_refused_with_a_hint(void **state)
{
    (void)state;
    struct manage_caller who = caller_of(MANAGE_ADMIN);
    struct manage_command c;
    struct manage_refusal refusal;
    assert_int_not_equal(parse(&who, WIRE_POST, "/governance",
                               "{\"name\":\"x\",\"rules\":{\"requireHippa\":true}}", &c, &refusal),
                         ERR_OK);
    assert_int_equal(refusal.status, 400);
    assert_string_equal(refusal.param, "/rules/requireHippa");
    assert_non_null(strstr(refusal.message, "requireHipaa"));
    assert_int_not_equal(parse(&who, WIRE_POST, "/v1/keys",
                               "{\"name\":\"k\",\"enviroment\":\"development\"}", &c, &refusal),
                         ERR_OK);
    assert_int_equal(refusal.status, 400);
    assert_non_null(strstr(refusal.message, "environment"));
}

/* status 0: taken. */
static const struct {
    enum wire_method method;
    const char *path, *body;
    unsigned status;
} values[] = {
    {WIRE_POST, "/governance", "{\"name\":\"x\",\"tagSlot\":13,\"rules\":{}}", 400}, /* S0-6 */
    {WIRE_POST, "/governance", "{\"name\":\"x\",\"tagSlot\":1.5,\"rules\":{}}", 400},
    {WIRE_POST, "/governance", "{\"name\":\"\",\"rules\":{}}", 400},
    {WIRE_POST, "/governance", "{\"name\":\"x\"}", 400},
    {WIRE_POST, "/governance", "{\"name\":\"x\",\"name\":\"y\",\"rules\":{}}", 400},
    {WIRE_POST, "/governance", "{\"name\":\"x\",\"rules\":{}} ", 0},
    {WIRE_POST, "/governance", "{\"name\":\"x\",\"rules\":{}}x", 400},
    {WIRE_POST, "/governance", "", 400},
    {WIRE_POST, "/v1/teams", "{\"name\":\"Has Blanks\"}", 400},
    {WIRE_POST, "/v1/teams", "[]", 400},
    {WIRE_POST, "/v1/teams", "{\"name\":null}", 400},
    {WIRE_POST, "/v1/users", "{\"email\":\"nobody\"}", 400},
    {WIRE_POST, "/v1/users", "{\"email\":\"a@b.c\",\"role\":\"root\"}", 400},
    {WIRE_POST, "/v1/keys", "{\"name\":\"k\",\"scopes\":[\"everything\"]}", 400},
    {WIRE_POST, "/v1/keys", "{\"name\":\"k\",\"slots\":[0]}", 400},
    {WIRE_POST, "/v1/keys", "{\"name\":\"k\",\"secret_hmac\":\"x\"}", 400},
    {WIRE_POST, "/v1/keys/abc/rotate", "{\"grace_s\":-1}", 400},
    {WIRE_POST, "/v1/provider-endpoints",
     "{\"provider\":\"openai\",\"base_url\":\"ftp://api.openai.com\"}", 400},
    {WIRE_POST, "/v1/provider-endpoints",
     "{\"provider\":\"nobody\",\"base_url\":\"https://api.openai.com\"}", 400},
    {WIRE_POST, "/v1/provider-endpoints",
     "{\"provider\":\"openai\",\"base_url\":\"https://u:p@api.openai.com\"}", 400},
    {WIRE_POST, "/v1/provider-endpoints",
     "{\"provider\":\"openai\",\"base_url\":\"https://a.example\",\"ca_file\":\"/etc/x\"}",
     400},
    {WIRE_PATCH, "/v1/teams/team_1", "{\"name\":\"other\"}", 400},
    {WIRE_POST, "/v1/attestations",
     "{\"provider\":\"groq\",\"attribute\":\"nice\",\"value\":true}", 400},
    {WIRE_GET, "/v1/audit?limit=0", NULL, 400},
    {WIRE_GET, "/v1/audit?limit=1001", NULL, 400},
    {WIRE_GET, "/v1/audit?since=yesterday", NULL, 400},
    {WIRE_GET, "/v1/audit?client_request=x", NULL, 400},
    {WIRE_GET, "/v1/audit?user=%zz", NULL, 400},
    {WIRE_GET, "/v1/audit?sort=org", NULL, 400},
    {WIRE_GET, "/v1/audit?status=403", NULL, 400},
    {WIRE_GET, "/v1/audit?decision=blok", NULL, 400},
    {WIRE_GET, "/v1/audit?decision=", NULL, 400},
    {WIRE_GET, "/v1/audit?decision=block", NULL, 0},
    {WIRE_GET, "/v1/audit?decision=error", NULL, 0},
    {WIRE_GET, "/v1/audit?cursor=2", NULL, 400},
    {WIRE_GET, "/v1/audit?cursor=req_01M7YK791H3B9YDSW44V6VQ4Y8", NULL, 0},
    {WIRE_GET, "/v1/audit?user=a&limit=5&user=b", NULL, 400},
    {WIRE_GET, "/v1/keys?status=revoked", NULL, 400},
    {WIRE_GET, "/v1/keys?limit=5&cursor=abc", NULL, 0},
    {WIRE_GET, "/v1/policies/x1/versions?limit=1", NULL, 400},
    {WIRE_GET, "/v1/policies?limit=1&status=active&view=native", NULL, 0},
    {WIRE_GET, "/governance?view=native", NULL, 400},
    {WIRE_GET, "/api/v1/policies?limit=1", NULL, 400},
    {WIRE_GET, "/api/v1/policies?cursor=x", NULL, 400},
    {WIRE_GET, "/api/v1/policies?page=1&pageSize=2&status=all", NULL, 0},
    {WIRE_POST, "/v1/keys", "{\"name\":\"k\",\"slots\":[]}", 400},
    {WIRE_POST, "/v1/keys", "{\"name\":\"k\",\"models\":[]}", 400},
    {WIRE_POST, "/v1/keys", "{\"name\":\"k\",\"metadata\":{\"\":\"x\"}}", 400},
    {WIRE_POST, "/v1/keys", "{\"name\":\"k\",\"metadata\":{\"a\":\"\"}}", 0},
    {WIRE_POST, "/v1/keys", "{\"name\":\"k\",\"metadata\":{\"a\":1}}", 400},
    {WIRE_POST, "/v1/keys", "{\"name\":\"k\",\"not_before\":\"0000-12-31T23:59:59Z\"}", 400},
    {WIRE_POST, "/v1/keys", "{\"name\":\"k\",\"not_before\":\"0001-01-01T00:00:00Z\"}", 0},
    {WIRE_POST, "/v1/keys", "{\"name\":\"k\",\"slots\":null,\"models\":null}", 0},
    {WIRE_POST, "/v1/evaluate", "{\"model\":\"a\",\"request\":{\"model\":\"b\"}}", 400},
    {WIRE_POST, "/v1/evaluate", "{\"model\":\"a\",\"request\":{\"model\":\"a\"}}", 0},
    {WIRE_POST, "/v1/evaluate",
     "{\"governance_policy\":2,\"request\":{\"model\":\"a\",\"governance_policy\":1}}", 400},
    {WIRE_POST, "/v1/evaluate",
     "{\"governance_policy\":1,\"request\":{\"model\":\"a\",\"governance_policy\":1}}", 0},
    {WIRE_PUT, "/governance", "{}", 405},
    {WIRE_POST, "/v1/policies/x1/versions/0/activate", "", 404},
};

static void wrong_values_are_refused(void **state)
{
    (void)state;
    struct manage_caller who = caller_of(MANAGE_OWNER);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct manage_command c;
        struct manage_refusal refusal;
        enum err e = parse(&who, values[i].method, values[i].path, values[i].body, &c, &refusal);
        if ((e == ERR_OK ? 0 : refusal.status) != values[i].status) {
            fail_msg("%s %s: %u %s", values[i].path, values[i].body != NULL ? values[i].body : "",
                     refusal.status, refusal.message);
        }
        assert_string_equal(e == ERR_OK ? "" : refusal.allow,
                            values[i].status == 405 ? "GET, POST" : "");
    }
}

/* `count` items, comma-separated; "%u" in `item` is its number. */
static const char *repeat(const char *item, unsigned count)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    for (unsigned i = 0; i < count; i++) {
        struct str rest = str_from(item);
        ptrdiff_t at = str_find(rest, '#');
        buf_add(&b, i == 0 ? STR("") : STR(","));
        buf_add(&b, str_sub(rest, 0, at >= 0 ? (size_t)at : rest.len));
        if (at >= 0) {
            buf_printf(&b, "%u", i);
            buf_add(&b, str_sub(rest, (size_t)at + 1, rest.len));
        }
    }
    const char *text = arena_str(&arena, buf_str(&b)).ptr;
    buf_fini(&b);
    return text;
}

static void what_is_too_much_is_said(void **state)
{
    (void)state;
    const struct {
        const char *format, *item;
        unsigned most;
        const char *param, *part;
    } table[] = {
        {"{\"name\":\"k\",\"metadata\":{%s}}", "\"#\":\"x\"", 64, "/metadata", "64 members"},
        {"{\"name\":\"k\",\"models\":[%s]}", "\"m\"", 1000, "/models", "1000 items"},
        {"{\"name\":\"k\",\"slots\":[%s]}", "1", 1000, "/slots", "1000 items"},
    };
    struct manage_caller who = caller_of(MANAGE_OWNER);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        for (unsigned more = 0; more < 2; more++) {
            struct manage_command c;
            struct manage_refusal refusal;
            char *body = NULL;
            const char *items = repeat(table[i].item, table[i].most + more);
            size_t size = strlen(items) + 100;
            assert_non_null(body = malloc(size));
            struct str text = str_from(table[i].format);
            ptrdiff_t at = str_find(text, '%');
            snprintf(body, size, "%.*s%s%s", (int)at, text.ptr, items, text.ptr + at + 2);
            enum err e = parse(&who, WIRE_POST, "/v1/keys", body, &c, &refusal);
            assert_int_equal(e == ERR_OK, more == 0);
            if (more != 0) {
                assert_string_equal(refusal.param, table[i].param);
                assert_non_null(strstr(refusal.message, table[i].part));
            }
            free(body);
        }
    }
}

/* Texts to evaluate: one way of giving them at a time, any characters. */
static void a_typing_error_in_a_filter_gets_a_hint(void **state)
{
    (void)state;
    struct manage_caller who = caller_of(MANAGE_AUDITOR);
    struct manage_command c;
    struct manage_refusal refusal;
    assert_int_equal(parse(&who, WIRE_GET, "/v1/audit?desicion=block", NULL, &c, &refusal),
                     ERR_INVALID);
    assert_string_equal(refusal.message,
                        "Unknown query parameter 'desicion'; did you mean 'decision'?");
}

/* Taken where a version is compared, refused where none is: never passed over. */
static void a_condition_is_looked_at_or_refused(void **state)
{
    (void)state;
    static const struct {
        enum wire_method method;
        const char *path, *body;
        bool is_taken;
    } table[] = {
        {WIRE_PATCH, "/v1/policies/x1", "{}", true},
        {WIRE_DELETE, "/v1/policies/x1", "", true},
        {WIRE_PATCH, "/governance/x1", "{}", true},
        {WIRE_POST, "/v1/policies/x1/rollback", "{\"version\":1}", true},
        {WIRE_POST, "/v1/policies/x1/versions/1/activate", "", true},
        {WIRE_PUT, "/v1/compliance/policy", "{\"enabled\":false}", true},
        {WIRE_POST, "/governance", "{\"name\":\"x\",\"rules\":{}}", false},
        {WIRE_PATCH, "/v1/keys/abc", "{\"name\":\"x\"}", false},
        {WIRE_DELETE, "/v1/keys/abc", "", false},
        {WIRE_POST, "/v1/keys/abc/rotate", "{}", false},
        {WIRE_PATCH, "/v1/users/user_1", "{\"name\":\"x\"}", false},
        {WIRE_DELETE, "/v1/teams/team_1", "", false},
        {WIRE_POST, "/v1/teams", "{\"name\":\"x\"}", false},
    };
    struct manage_caller who = caller_of(MANAGE_OWNER);
    for (size_t k = 0; k < 2 * sizeof(table) / sizeof(table[0]); k++) {
        size_t i = k / 2;
        bool is_none = k % 2 == 1;
        const char *name = is_none ? "If-None-Match" : "If-Match";
        struct manage_request r = {.method = table[i].method,
                                   .path = str_from(table[i].path),
                                   .caller = &who,
                                   .body = str_from(table[i].body),
                                   .if_match = is_none ? STR_NONE : STR("\"3\""),
                                   .if_none_match = is_none ? STR("\"3\"") : STR_NONE,
                                   .content_type = STR("application/json")};
        struct manage_command c;
        struct manage_refusal refusal;
        enum err e = manage_parse(&arena, &r, catalog, &c, &refusal);
        if ((e == ERR_OK) != table[i].is_taken) {
            fail_msg("%s: %u %s", table[i].path, refusal.status, refusal.message);
        }
        if (e == ERR_OK) {
            assert_null(manage_condition_failed(&c, is_none ? 4 : 3));
            assert_string_equal(manage_condition_failed(&c, is_none ? 3 : 4), name);
        } else {
            assert_int_equal(refusal.status, 400);
            assert_string_equal(refusal.param, name);
        }
    }
}

static void texts_are_taken_for_an_evaluation(void **state)
{
    (void)state;
    struct manage_caller who = caller_of(MANAGE_MEMBER);
    struct manage_command c;
    struct manage_refusal refusal;
    assert_int_equal(parse(&who, WIRE_POST, "/v1/evaluate",
                           "{\"model\":\"gpt-4o\",\"prompt\":\"two\\nlines\",\"response\":\"\","
                           "\"edited\":true}",
                           &c, &refusal),
                     ERR_OK);
    assert_true(str_eq(c.evaluate.prompt, STR("two\nlines")));
    assert_non_null(c.evaluate.response.ptr);
    assert_true(c.evaluate.is_edited_wanted);
    assert_int_equal(parse(&who, WIRE_POST, "/v1/evaluate",
                           "{\"request\":{\"model\":\"gpt-4o\",\"messages\":[]}}", &c, &refusal),
                     ERR_OK);
    assert_non_null(c.evaluate.request);
    assert_true(str_eq(c.evaluate.model, STR("gpt-4o")));
    assert_null(c.evaluate.prompt.ptr);
    static const char *const bad[] = {
        "{\"model\":\"gpt-4o\",\"prompt\":\"a\",\"messages\":[]}",
        "{\"request\":{\"model\":\"gpt-4o\"},\"prompt\":\"a\"}",
        "{\"model\":\"gpt-4o\",\"prompt\":7}",
        "{\"model\":\"gpt-4o\",\"response\":[\"a\"]}",
        "{\"model\":\"gpt-4o\",\"edited\":\"yes\"}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(&who, WIRE_POST, "/v1/evaluate", bad[i], &c, &refusal),
                         ERR_INVALID);
        assert_int_equal(refusal.status, 400);
    }
}

static void a_secret_is_never_quoted(void **state)
{
    (void)state;
    struct manage_caller who = caller_of(MANAGE_OWNER);
    struct manage_command c;
    struct manage_refusal refusal;
    assert_int_not_equal(parse(&who, WIRE_POST, "/v1/provider-endpoints",
                               "{\"provider\":\"openai\",\"base_url\":\"https://a.example\","
                               "\"credential\":\"sk-canary with blanks\"}",
                               &c, &refusal),
                         ERR_OK);
    assert_int_equal(refusal.status, 400);
    assert_null(strstr(refusal.message, "canary"));
}

static void an_admin_is_below_an_owner(void **state)
{
    (void)state;
    struct manage_caller admin = caller_of(MANAGE_ADMIN), owner = caller_of(MANAGE_OWNER);
    struct manage_caller member = caller_of(MANAGE_MEMBER), nobody = caller_of(0);
    assert_true(manage_role_outranks(&owner, STR("owner")));
    assert_true(manage_role_outranks(&admin, STR("admin")));
    assert_false(manage_role_outranks(&admin, STR("owner")));
    assert_false(manage_role_outranks(&member, STR("member")));
    assert_false(manage_role_outranks(&nobody, STR("member")));
}

/* ---- the document ------------------------------------------------------------------------ */

static void check_refs(yyjson_val *v, yyjson_val *schemas)
{
    yyjson_val *key, *value;
    size_t i, n;
    if (yyjson_is_arr(v)) {
        yyjson_arr_foreach(v, i, n, value)
        {
            check_refs(value, schemas);
        }
    }
    if (!yyjson_is_obj(v)) {
        return;
    }
    yyjson_obj_foreach(v, i, n, key, value)
    {
        struct str prefix = STR("#/components/schemas/"), text = json_str(value);
        if (str_eq(json_str(key), STR("$ref"))) {
            assert_true(str_starts(text, prefix));
            struct str name = str_sub(text, prefix.len, text.len);
            if (json_get(schemas, name) == NULL) {
                fail_msg("no schema %.*s", STR_ARG(name));
            }
        }
        check_refs(value, schemas);
    }
}

static void the_document_has_every_operation_and_no_other(void **state)
{
    (void)state;
    struct buf out;
    struct json_doc doc;
    struct issue issue = {0};
    buf_init(&out, (size_t)4 << 20);
    manage_openapi_write(&out);
    assert_int_equal(out.err, ERR_OK);
    if (json_parse(&arena, buf_str(&out), &json_limits_default, &doc, &issue) != ERR_OK) {
        fail_msg("%s at %llu", issue.message, (unsigned long long)issue.offset);
    }
    assert_true(str_starts(json_str(json_get(doc.root, STR("openapi"))), STR("3.1")));
    yyjson_val *paths = json_get(doc.root, STR("paths"));
    size_t count, seen = 0, i, n;
    const struct manage_route *list = manage_routes(&count);
    for (size_t k = 0; k < count; k++) {
        char method[16];
        snprintf(method, sizeof(method), "%s", wire_method_name(list[k].method));
        for (char *p = method; *p != '\0'; p++) {
            *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
        }
        yyjson_val *path = json_get(paths, str_from(list[k].pattern));
        yyjson_val *operation = json_get(path, str_from(method));
        assert_true(
            str_eq(json_str(json_get(operation, STR("operationId"))), str_from(list[k].operation)));
        for (size_t m = 0; m < k; m++) {
            assert_string_not_equal(list[m].operation, list[k].operation);
        }
    }
    yyjson_val *key, *value;
    yyjson_obj_foreach(paths, i, n, key, value)
    {
        seen += manage_path_is_known(str_from(path_of(arena_str(&arena, json_str(key)).ptr)))
                    ? yyjson_obj_size(value)
                    : 0;
    }
    assert_int_equal(seen, count);
    check_refs(doc.root, json_get(json_get(doc.root, STR("components")), STR("schemas")));
    buf_fini(&out);
}

static void every_example_is_accepted(void **state)
{
    (void)state;
    size_t count;
    const struct manage_route *list = manage_routes(&count);
    struct manage_caller who = caller_of(MANAGE_OWNER);
    for (size_t i = 0; i < count; i++) {
        struct manage_command c;
        struct manage_refusal refusal;
        if (list[i].example != NULL && parse(&who, list[i].method, path_of(list[i].pattern),
                                             list[i].example, &c, &refusal) != ERR_OK) {
            fail_msg("%s: %s %s", list[i].pattern, refusal.param, refusal.message);
        }
    }
}

static void failures_answer_without_details(void **state)
{
    (void)state;
    struct manage_caller who = caller_of(MANAGE_OWNER);
    struct manage_command c;
    struct manage_refusal refusal;
    struct manage_result result = {0};
    struct manage_answer answer;
    assert_int_equal(parse(&who, WIRE_GET, "/governance", NULL, &c, &refusal), ERR_OK);
    manage_render(&arena, &c, ERR_TIMEOUT, &result, catalog, &answer);
    assert_int_equal(answer.status, 503);
    manage_render(&arena, &c, ERR_CORRUPT, &result, catalog, &answer);
    assert_int_equal(answer.status, 500);
    manage_render(&arena, &c, ERR_OK, &result, catalog, &answer);
    assert_int_equal(answer.status, 200);
    assert_true(str_eq(answer.body, STR("{\"policies\":[]}"))); /* S0-45 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_role_and_operation_is_decided),
        cmocka_unit_test(the_callers_organisation_is_the_only_one),
        cmocka_unit_test(unknown_members_are_refused_with_a_hint),
        cmocka_unit_test(wrong_values_are_refused),
        cmocka_unit_test(what_is_too_much_is_said),
        cmocka_unit_test(a_typing_error_in_a_filter_gets_a_hint),
        cmocka_unit_test(a_condition_is_looked_at_or_refused),
        cmocka_unit_test(texts_are_taken_for_an_evaluation),
        cmocka_unit_test(a_secret_is_never_quoted),
        cmocka_unit_test(an_admin_is_below_an_owner),
        cmocka_unit_test(the_document_has_every_operation_and_no_other),
        cmocka_unit_test(every_example_is_accepted),
        cmocka_unit_test(failures_answer_without_details),
    };
    return cmocka_run_group_tests_name("manage", tests, set_up, tear_down);
}
