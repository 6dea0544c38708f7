/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: a request to the management API. Whatever it is, it becomes a command that
 * its role may give, or a refusal that says why; the refusal, and what was accepted shown as
 * if it had been stored, are JSON.
 *
 * Input: "ROLE METHOD TARGET", a line with Prefer, a line with If-Match (of a request with a
 * query also If-None-Match), then the body. Empty lines are headers that are not there.
 * ROLE: member, auditor, admin or owner; caller is a key without the scope to manage,
 * operator the command line, anything else nobody.
 */
#include "portcullis/manage.h"

#define PROVIDER(slug, order)                                                                      \
    "{\"slug\":\"" slug "\",\"name\":\"N\",\"aliases\":[],\"sort_order\":" order                   \
    ",\"api_style\":\"openai\"}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct route_catalog *small_catalog(void)
{
    static const char providers[] = "{\"format\":\"portcullis-providers/1\",\"providers\":["
        PROVIDER("openai", "1") "," PROVIDER("groq", "2") "]}";
    static const char models[] =
        "{\"format\":\"portcullis-models/1\",\"models\":[{\"provider\":\"openai\",\"model\":"
        "\"gpt-4o\",\"id\":\"openai/gpt-4o\",\"aliases\":[],\"kind\":\"chat\"}]}";
    struct route_catalog *c = NULL;
    struct issue issue;

    ASSERT(route_catalog_new(str_from(providers), str_from(models), &c, &issue) == ERR_OK);
    return c;
}

static bool read_caller(struct str word, struct manage_caller *ret)
{
    static const enum manage_role roles[] = {MANAGE_MEMBER, MANAGE_AUDITOR, MANAGE_ADMIN,
                                             MANAGE_OWNER};
    *ret = (struct manage_caller){.org = STR("org_a"), .user = STR("user_1"),
                                  .email = STR("a@b.c"), .key_id = STR("KEYKEYKEYKEY")};
    ret->is_operator = str_eq(word, STR("operator"));
    ret->may_manage = !str_eq(word, STR("caller"));
    ret->role = ret->may_manage ? 0 : MANAGE_OWNER;
    for (size_t i = 0; i < 4; i++) {
        if (str_eq(word, str_from(manage_role_name(roles[i])))) {
            ret->role = roles[i];
        }
    }
    return ret->is_operator || ret->role != 0;
}

static bool read_request(struct str *rest, struct manage_request *ret)
{
    struct str line = str_cut(rest, '\n');
    struct str word = str_cut(&line, ' ');
    for (unsigned m = WIRE_GET; m <= WIRE_OPTIONS; m++) {
        if (str_eq(word, str_from(wire_method_name((enum wire_method)m)))) {
            ret->method = (enum wire_method)m;
            ret->path = str_cut(&line, '?');
            ret->query = line;
            ret->prefer = str_cut(rest, '\n');
            ret->if_match = str_cut(rest, '\n');
            ret->if_match = ret->if_match.len != 0 ? ret->if_match : STR_NONE;
            ret->if_none_match = ret->query.len != 0 ? ret->if_match : STR_NONE;
            ret->body = *rest;
            ret->content_type = STR("application/json");
            return true;
        }
    }
    return false;
}

static void check_answer(struct arena *a, const struct manage_command *c, enum err err,
                         const struct manage_refusal *refusal, const struct route_catalog *catalog)
{
    struct manage_result result = {.refusal = *refusal};
    struct manage_answer answer;
    struct json_doc doc;
    struct issue issue;
    manage_render(a, c, err, &result, catalog, &answer);
    ASSERT(answer.status == refusal->status || answer.status == 503);
    ASSERT(json_parse(a, answer.body, &json_limits_default, &doc, &issue) == ERR_OK);
}

/* What a new thing or policy looks like once it is stored. */
static void check_shown(struct arena *a, struct manage_command *c,
                        const struct route_catalog *catalog)
{
    struct manage_row row = {.id = STR("x_1"), .created_at = STR("2025-01-10T14:30:00Z")};
    struct manage_result result = {.epoch = 1, .now_s = 1};
    struct manage_answer answer;
    struct json_doc doc;
    struct issue issue;
    if (c->kind == MANAGE_POLICY_CREATE) {
        c->policy.id = STR("01ABC");
        c->policy.org_id = STR("org_a");
        result.policies = &c->policy;
        result.policies_count = 1;
    } else if (c->kind == MANAGE_ITEM_CREATE || c->kind == MANAGE_KEY_CREATE) {
        for (size_t i = 0; i < c->collection->fields_count; i++) {
            row.values[i] = c->values[i].text;
        }
        result.rows = &row;
        result.rows_count = 1;
    } else if (c->needs_store) {
        return;
    }
    manage_render(a, c, ERR_OK, &result, catalog, &answer);
    ASSERT(answer.status < 300 || answer.status == 404);
    ASSERT(str_starts(answer.content_type, STR("text/")) || answer.body.len == 0 ||
           json_parse(a, answer.body, &json_limits_default, &doc, &issue) == ERR_OK);
}

static void check_command(const struct manage_command *c)
{
    ASSERT(c->route != NULL && c->wait_s <= MANAGE_WAIT_MAX_S);
    ASSERT(c->route->roles == 0 || c->caller.is_operator ||
           (c->route->roles & c->caller.role) != 0);
    ASSERT(c->caller.may_manage || c->route->roles == 0 || c->kind == MANAGE_EVALUATE);
    ASSERT(c->filter.limit <= MANAGE_LIMIT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct route_catalog *catalog;
    struct str rest = {(const char *)data, size};
    struct manage_request request = {0};
    struct manage_caller caller;
    struct manage_command command;
    struct manage_refusal refusal;
    struct arena a;

    if (catalog == NULL) {
        catalog = small_catalog();
    }
    struct str first = str_cut(&rest, ' ');
    request.caller = read_caller(first, &caller) ? &caller : NULL;
    if (!read_request(&rest, &request)) {
        return 0;
    }
    arena_init(&a, (size_t)64 << 20);
    enum err err = manage_parse(&a, &request, catalog, &command, &refusal);
    if (err == ERR_OK) {
        check_command(&command);
        check_shown(&a, &command, catalog);
    } else if (refusal.status == 0) {
        ASSERT(err == ERR_NOT_FOUND && !manage_path_is_known(request.path));
    } else {
        ASSERT(refusal.status >= 400 && refusal.code[0] != 0 && refusal.message[0] != 0);
        check_answer(&a, &command, err, &refusal, catalog);
    }
    arena_fini(&a);
    return 0;
}
