/* SPDX-License-Identifier: Apache-2.0
 *
 * Every member that the management API lets somebody change reaches what the gateways load, or
 * stands in the list of those that are there for people. Members come from the route table and
 * the field lists: a new one that nobody reads fails here.
 */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ORG "org_members"

/* For people only: no decision rests on them. is_production is asked when a question is put
 * (S0-36), not loaded. */
static const char *const for_people[] = {
    "teams.description",
    "environments.description",
    "environments.is_production",
    "projects.description",
    "users.name",
    "provider-endpoints.name",
    "attestations.evidence_url",
    "attestations.note",
};

/* Something else than what the member is without being set. */
static const struct {
    const char *member, *value;
} values[] = {
    {"projects.team", "\"red\""},
    {"users.team", "\"blue\""},
    {"keys.team", "\"red\""},
    {"keys.environment", "\"one\""},
    {"keys.project", "\"p\""},
    {"keys.pinned_slot", "2"},
    {"keys.slots", "[1,2,3]"},
    {"keys.scopes", "[\"manage\"]"},
    {"keys.models", "[\"gpt-4o\"]"},
    {"keys.metadata", "{\"of\":\"the key\"}"}, /* not the project's */
    {"keys.not_before", "\"2031-01-01T00:00:00Z\""},
    {"keys.expires_at", "\"2032-01-01T00:00:00Z\""},
    {"attestations.valid_from", "\"2031-01-01T00:00:00Z\""},
    {"attestations.valid_until", "\"2032-01-01T00:00:00Z\""},
    {"attestations.value", "false"},
    {"provider-endpoints.base_url", "\"https://api.openai.com/v2\""},
    {"provider-endpoints.is_enabled", "false"},
};

static bool is_for_people(const char *member)
{
    for (size_t i = 0; i < sizeof(for_people) / sizeof(for_people[0]); i++) {
        if (strcmp(for_people[i], member) == 0) {
            return true;
        }
    }
    return false;
}

static const char *value_of(const char *member, const struct manage_field *f, const char *user)
{
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (strcmp(values[i].member, member) == 0) {
            return values[i].value;
        }
    }
    size_t last = 0;
    switch (f->type) {
    case MANAGE_WORD:
        while (f->words[last + 1] != NULL) {
            last++;
        }
        return arena_printf(&arena, "\"%s\"", f->words[last]).ptr;
    case MANAGE_TEXT:
        return f->refers != NULL ? arena_printf(&arena, "\"%s\"", user).ptr : "\"another text\"";
    case MANAGE_LONG_TEXT:
    case MANAGE_SECRET:
        return "\"another-text\"";
    case MANAGE_EMAIL:
        return "\"another@acme.com\"";
    case MANAGE_INT:
        return "7";
    case MANAGE_BOOL:
        return "true";
    case MANAGE_STRINGS:
        return "{\"another\":\"text\"}";
    case MANAGE_NAME:
    case MANAGE_TIME:
    case MANAGE_PROVIDER:
    case MANAGE_URL:
    case MANAGE_TEXT_LIST:
    case MANAGE_SLOT_LIST:
        break;
    }
    fail_msg("%s: give it a value in the table above", member);
    return NULL;
}

/* All that a gateway loads of the organisation, but for the number of the last change. */
static struct str loaded(void)
{
    struct store_loaded *l = load(0);
    const struct store_org *o = org_in(l, ORG);
    struct policy_org_rows rows = o->rows;
    struct buf b;
    assert_int_equal(o->err, ERR_OK);
    rows.seq = 0;
    buf_init(&b, 1u << 20);
    assert_int_equal(store_org_rows_write(&b, &rows, catalog), ERR_OK);
    struct str copy = arena_str(&arena, buf_str(&b));
    buf_fini(&b);
    store_loaded_free(l);
    return copy;
}

static const char *made(const char *line, const char *body)
{
    struct reply r = ask(ORG, line, body);
    if (r.status != 201) {
        fail_msg("%s %s: %u %.*s", line, body, r.status, STR_ARG(r.body));
    }
    return text_of(r, "id");
}

struct world {
    const char *user, *id; /* of the item under change */
};

/* One item of each collection; the user and the project have a key, or nobody would ask them. */
static void fill(struct world *w)
{
    make_org(ORG);
    made("POST /v1/teams", "{\"name\":\"red\"}");
    made("POST /v1/teams", "{\"name\":\"blue\"}");
    made("POST /v1/environments", "{\"name\":\"one\"}");
    made("POST /v1/projects", "{\"name\":\"p\"}");
    w->user = made("POST /v1/users", "{\"email\":\"a@acme.com\"}");
    made("POST /v1/keys", arena_printf(&arena, "{\"name\":\"bound\",\"user_id\":\"%s\",\"project\":"
                                               "\"p\"}",
                                       w->user)
                              .ptr);
    made("POST /v1/provider-endpoints",
         "{\"provider\":\"openai\",\"base_url\":\"https://api.openai.com/v1\"}");
    made("POST /v1/attestations",
         "{\"provider\":\"groq\",\"attribute\":\"baa\",\"value\":true}");
}

static const char *first_id(const char *path)
{
    struct reply r = ask(ORG, arena_printf(&arena, "GET %s", path).ptr, NULL);
    yyjson_val *first = yyjson_arr_get_first(json_get(r.json, STR("data")));
    return arena_str(&arena, json_str(json_get(first, STR("id")))).ptr;
}

static void change(const struct manage_route *r, const struct manage_field *f,
                   const struct world *w)
{
    const char *member =
        arena_printf(&arena, "%s.%s", r->collection, f->member).ptr;
    const char *body =
        arena_printf(&arena, "{\"%s\":%s}", f->member, value_of(member, f, w->user)).ptr;
    struct str path = str_from(r->pattern);
    struct str parent = str_sub(path, 0, path.len - strlen("/{id}"));
    const char *line = arena_printf(&arena, "PATCH %.*s/%s", STR_ARG(parent), w->id).ptr;
    struct str before = loaded();
    struct reply reply = ask(ORG, line, body);
    if (reply.status != 200) {
        fail_msg("%s %s: %u %.*s", line, body, reply.status, STR_ARG(reply.body));
    }
    bool is_seen = !str_eq(before, loaded());
    if (is_seen == is_for_people(member)) {
        fail_msg("%s is %s", member,
                 is_seen ? "loaded: strike it from the list" : "stored, and no gateway reads it");
    }
}

static void every_member_reaches_the_gateways(void **state)
{
    (void)state;
    size_t count, tried = 0;
    const struct manage_route *routes = manage_routes(&count);
    struct world w;
    fill(&w);
    for (size_t i = 0; i < count; i++) {
        const struct manage_collection *c = manage_collection_find(routes[i].collection);
        if (routes[i].kind != MANAGE_ITEM_PATCH) {
            continue;
        }
        struct str path = str_from(routes[i].pattern);
        struct str parent = str_sub(path, 0, path.len - strlen("/{id}"));
        /* A key of its own: the bound one has what its user and project say. */
        w.id = strcmp(routes[i].collection, "keys") == 0
                   ? made("POST /v1/keys", "{\"name\":\"free\"}")
                   : first_id(arena_str(&arena, parent).ptr);
        for (size_t k = 0; k < c->fields_count; k++) {
            const unsigned not_changed = MANAGE_READ_ONLY | MANAGE_FIXED | MANAGE_OPERATOR;
            if ((c->fields[k].flags & not_changed) == 0) {
                change(&routes[i], &c->fields[k], &w);
                tried++;
            }
        }
    }
    assert_true(tried > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_member_reaches_the_gateways, reset),
    };
    if (!harness_open()) {
        return 77;
    }
    migrate();
    int failed = cmocka_run_group_tests_name("members", tests, NULL, NULL);
    harness_close();
    return failed;
}
