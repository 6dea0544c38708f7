/* SPDX-License-Identifier: Apache-2.0
 *
 * The OpenAPI 3.1 document and llms.txt, both made from the route table and the
 * field lists, so that they say what the program does. Pure.
 */
#include "manage_private.h"

static void write_paths(struct buf *out);
static void write_operation(struct buf *out, const struct manage_route *r);
static void write_examples(struct buf *out, const struct manage_route *r);
static void write_parameters(struct buf *out, const struct manage_route *r);
static void write_schemas(struct buf *out);
static void write_collection_schema(struct buf *out, const char *name, const struct manage_route *r,
                                    bool is_request);
static bool is_written_before(const char *name, const struct manage_route *end, bool is_request);
static const char *method_name(enum wire_method m);

void manage_openapi_write(struct buf *out)
{
    buf_add(out, STR("{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Portcullis management API\","
                     "\"version\":\"" PORTCULLIS_VERSION "\",\"description\":\"Made from "
                     "the route table of the running program.\"},\"security\":["
                     "{\"bearer\":[]}],\"paths\":{"));
    write_paths(out);
    buf_add(out, STR("},\"components\":{\"securitySchemes\":{\"bearer\":{\"type\":\"http\","
                     "\"scheme\":\"bearer\"}},\"schemas\":{\"Error\":{\"type\":\"object\","
                     "\"properties\":{\"error\":{\"type\":\"object\",\"properties\":{"
                     "\"message\":{\"type\":\"string\"},\"type\":{\"type\":\"string\"},"
                     "\"param\":{\"type\":[\"string\",\"null\"]},"
                     "\"code\":{\"type\":[\"string\",\"null\"]}}}}}"));
    write_schemas(out);
    buf_add(out, STR("}}}"));
}

static void write_paths(struct buf *out)
{
    size_t count;
    const struct manage_route *routes = manage_routes(&count);
    for (size_t i = 0; i < count; i++) {
        bool is_first_of_path = true;
        for (size_t k = 0; k < i; k++) {
            is_first_of_path =
                is_first_of_path && strcmp(routes[k].pattern, routes[i].pattern) != 0;
        }
        if (!is_first_of_path) {
            continue;
        }
        buf_printf(out, "%s\"%s\":{", i == 0 ? "" : ",", routes[i].pattern);
        bool is_first = true;
        for (size_t k = i; k < count; k++) {
            if (strcmp(routes[k].pattern, routes[i].pattern) == 0) {
                buf_add(out, is_first ? STR("") : STR(","));
                write_operation(out, &routes[k]);
                is_first = false;
            }
        }
        buf_add_byte(out, '}');
    }
}

static void write_operation(struct buf *out, const struct manage_route *r)
{
    buf_printf(out, "\"%s\":{\"operationId\":\"%s\",\"summary\":", method_name(r->method),
               r->operation);
    json_write_str(out, str_from(r->summary));
    if (r->items != NULL) {
        buf_printf(out, ",\"x-items\":\"%s\"", r->items);
    }
    if (r->roles == 0) {
        buf_add(out, STR(",\"security\":[]"));
    } else {
        buf_add(out, STR(",\"x-roles\":["));
        bool is_first = true;
        for (unsigned bit = 1; bit <= MANAGE_OWNER; bit <<= 1) {
            if ((r->roles & bit) != 0) {
                buf_printf(out, "%s\"%s\"", is_first ? "" : ",",
                           manage_role_name((enum manage_role)bit));
                is_first = false;
            }
        }
        buf_add_byte(out, ']');
    }
    write_parameters(out, r);
    if (r->request != NULL) {
        buf_printf(out,
                   ",\"requestBody\":{\"required\":true,\"content\":{\"application/json\":{"
                   "\"schema\":{\"$ref\":\"#/components/schemas/%s\"}",
                   r->request);
        write_examples(out, r);
        buf_add(out, STR("}}}"));
    }
    buf_printf(out, ",\"responses\":{\"%u\":{\"description\":\"Success\"", r->status);
    if (r->response != NULL) {
        buf_printf(out,
                   ",\"content\":{\"application/json\":{\"schema\":{\"$ref\":"
                   "\"#/components/schemas/%s\"}}}",
                   r->response);
    }
    buf_add(out, STR("},\"default\":{\"description\":\"Refused\",\"content\":{"
                     "\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/Error\"}}}}"
                     "}}"));
}

static void write_examples(struct buf *out, const struct manage_route *r)
{
    if (r->more_examples == NULL) {
        buf_printf(out, "%s%s", r->example != NULL ? ",\"example\":" : "",
                   r->example != NULL ? r->example : "");
        return;
    }
    buf_printf(out, ",\"examples\":{\"canonical\":{\"value\":%s}", r->example);
    for (const struct manage_example *e = r->more_examples; e->name != NULL; e++) {
        buf_printf(out, ",\"%s\":{\"value\":%s}", e->name, e->body);
    }
    buf_add_byte(out, '}');
}

static void write_parameters(struct buf *out, const struct manage_route *r)
{
    buf_add(out, STR(",\"parameters\":["));
    bool is_first = true;
    for (const char *p = r->pattern; (p = strchr(p, '{')) != NULL; p++) {
        size_t len = strcspn(p + 1, "}");
        buf_printf(out,
                   "%s{\"name\":\"%.*s\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":"
                   "\"string\"}}",
                   is_first ? "" : ",", (int)len, p + 1);
        is_first = false;
    }
    const char *const *names = manage_query_names(r);
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        buf_printf(out, "%s{\"name\":\"%s\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}}",
                   is_first ? "" : ",", names[i]);
        is_first = false;
    }
    buf_add_byte(out, ']');
}

/* Collections have full schemas; policy shapes are described by their dialect. */
static void write_schemas(struct buf *out)
{
    size_t count;
    const struct manage_route *routes = manage_routes(&count);
    for (size_t i = 0; i < count; i++) {
        const char *names[2] = {routes[i].request, routes[i].response};
        for (int k = 0; k < 2; k++) {
            if (names[k] == NULL || is_written_before(names[k], &routes[i], k == 1)) {
                continue;
            }
            buf_printf(out, ",\"%s\":", names[k]);
            write_collection_schema(out, names[k], &routes[i], k == 0);
        }
    }
}

static bool is_written_before(const char *name, const struct manage_route *end, bool is_response)
{
    size_t count;
    for (const struct manage_route *r = manage_routes(&count); r < end; r++) {
        if ((r->request != NULL && strcmp(r->request, name) == 0) ||
            (r->response != NULL && strcmp(r->response, name) == 0)) {
            return true;
        }
    }
    return is_response && end->request != NULL && strcmp(end->request, name) == 0;
}

static void write_collection_schema(struct buf *out, const char *name, const struct manage_route *r,
                                    bool is_request)
{
    const struct manage_collection *c = manage_collection_find(r->collection);
    bool is_list = !is_request && r->kind == MANAGE_ITEM_LIST;
    bool is_item_request = r->kind == MANAGE_ITEM_CREATE || r->kind == MANAGE_KEY_CREATE ||
                           r->kind == MANAGE_ITEM_PATCH;
    (void)name;
    if (c == NULL || is_list || (is_request && !is_item_request)) {
        buf_add(out, STR("{\"type\":\"object\"}"));
        return;
    }
    buf_add(out, STR("{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"));
    bool is_first = true;
    for (size_t i = 0; i < c->fields_count; i++) {
        const struct manage_field *f = &c->fields[i];
        bool is_shown = is_request
                            ? (f->flags & MANAGE_READ_ONLY) == 0 &&
                                  (r->kind != MANAGE_ITEM_PATCH || (f->flags & MANAGE_FIXED) == 0)
                            : f->type != MANAGE_SECRET;
        bool is_hidden = (f->flags & MANAGE_OPERATOR) != 0 &&
                         (is_request || (f->flags & MANAGE_VISIBLE) == 0);
        if (!is_shown || is_hidden) {
            continue;
        }
        buf_printf(out, "%s\"%s\":{\"type\":\"%s\"", is_first ? "" : ",", f->member,
                   manage_field_json_type(f->type));
        is_first = false;
        for (size_t k = 0; f->words != NULL && f->words[k] != NULL; k++) {
            buf_printf(out, "%s\"%s\"%s", k == 0 ? ",\"enum\":[" : ",", f->words[k],
                       f->words[k + 1] == NULL ? "]" : "");
        }
        buf_add_byte(out, '}');
    }
    if (!is_request) {
        buf_printf(out, "%s\"id\":{\"type\":\"string\"},\"created_at\":{\"type\":\"string\"}",
                   is_first ? "" : ",");
    }
    buf_add(out, STR("}}"));
}

static const char *method_name(enum wire_method m)
{
    switch (m) {
    case WIRE_GET:
        return "get";
    case WIRE_HEAD_METHOD:
        return "head";
    case WIRE_POST:
        return "post";
    case WIRE_PUT:
        return "put";
    case WIRE_PATCH:
        return "patch";
    case WIRE_DELETE:
        return "delete";
    case WIRE_OPTIONS:
        break;
    }
    return "options";
}

void manage_llms_write(struct buf *out)
{
    size_t count;
    const struct manage_route *routes = manage_routes(&count);
    buf_add(out,
            STR("# Portcullis\n\n> AI governance gateway: policies decide which requests reach "
                "which provider, and every decision is recorded.\n\n## Data plane\n\n"
                "- POST /v1/chat/completions, /v1/completions, /v1/responses, /v1/messages, "
                "/v1/embeddings, /v1/moderations\n- GET /v1/models\n\n## Management\n\n"));
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "- %s %s: %s\n", wire_method_name(routes[i].method), routes[i].pattern,
                   routes[i].summary);
    }
    buf_add(out, STR("\n## Reference\n\n- [OpenAPI](/openapi.json)\n"));
}
