/* SPDX-License-Identifier: Apache-2.0
 *
 * Request -> command: match the route, check who asks, read query, headers and body
 * strictly. Whatever is wrong is refused with what, where and what would be right;
 * nothing is guessed. Pure; views into the request and the arena.
 */
#include "manage_private.h"

#include <stdarg.h>
#include <stdio.h>

#define WAIT_DEFAULT_S 10
#define GRACE_MAX_S (30 * 86400)

static void list_methods(struct str path, struct manage_refusal *refusal);
static enum err find_route(const struct manage_request *r, struct manage_command *ret,
                           struct manage_captures *captures, struct manage_refusal *refusal);
static enum err check_caller(const struct manage_request *r, struct manage_command *ret,
                             struct manage_refusal *refusal);
static enum err take_captures(const struct manage_captures *captures, struct manage_command *ret,
                              struct manage_refusal *refusal);
static enum err read_prefer(const struct manage_request *r, struct manage_command *ret,
                            struct manage_refusal *refusal);
static enum err parse_body(struct codec_reader *reader, const struct manage_request *r,
                           struct manage_command *ret, struct manage_refusal *refusal);
static bool takes_body(const struct manage_route *route);
static enum err read_body(struct codec_reader *r, struct manage_command *ret);
static enum err read_policy(struct codec_reader *r, struct manage_command *ret);
static enum err read_try(struct codec_reader *r, struct manage_command *ret);
static enum err read_evaluate(struct codec_reader *r, struct manage_command *ret);
static enum err read_evaluate_request(struct codec_reader *r, struct manage_command *ret);
static enum err read_text(struct codec_reader *r, yyjson_val *v, const char *pointer,
                          struct str *ret);
static enum err read_tags(struct codec_reader *r, yyjson_val *v, struct manage_command *ret);
static bool needs_store(enum manage_kind k);

enum err manage_parse(struct arena *a, const struct manage_request *r,
                      const struct route_catalog *catalog, struct manage_command *ret,
                      struct manage_refusal *ret_refusal)
{
    struct manage_captures captures = {{STR_NONE, STR_NONE}, 0};
    struct issue issue = {.offset = UINT64_MAX};
    struct codec_reader reader = {a, catalog, &issue, r->services};
    memset(ret, 0, sizeof(*ret));
    memset(ret_refusal, 0, sizeof(*ret_refusal));
    TRY(find_route(r, ret, &captures, ret_refusal));
    TRY(check_caller(r, ret, ret_refusal));
    TRY(take_captures(&captures, ret, ret_refusal));
    TRY(manage_conditions_read(a, r, ret, ret_refusal));
    TRY(read_prefer(r, ret, ret_refusal));
    TRY(manage_filter_read(a, r->query, ret->route, &ret->filter, ret_refusal));
    TRY(manage_view_take(ret, ret_refusal));
    return parse_body(&reader, r, ret, ret_refusal);
}

/* RFC 9110 15.5.6 */
static void list_methods(struct str path, struct manage_refusal *refusal)
{
    size_t used = 0;
    for (enum wire_method m = WIRE_GET; m <= WIRE_OPTIONS; m++) {
        const struct manage_route *route;
        struct manage_captures captures;
        if (manage_route_find(m, path, &route, &captures) == ERR_OK) {
            int len = snprintf(refusal->allow + used, sizeof(refusal->allow) - used, "%s%s",
                               used == 0 ? "" : ", ", wire_method_name(m));
            used += (size_t)len;
        }
    }
}

static enum err find_route(const struct manage_request *r, struct manage_command *ret,
                           struct manage_captures *captures, struct manage_refusal *refusal)
{
    enum err e = manage_route_find(r->method, r->path, &ret->route, captures);
    if (e == ERR_UNSUPPORTED) {
        manage_refuse(refusal, 405, "method_not_allowed", "",
                      "This path does not take %s; see /openapi.json",
                      wire_method_name(r->method));
        list_methods(r->path, refusal);
        return ERR_UNSUPPORTED;
    }
    TRY(e);
    ret->kind = ret->route->kind;
    ret->view = ret->route->view;
    ret->collection = manage_collection_find(ret->route->collection);
    ret->needs_store = needs_store(ret->kind);
    return ERR_OK;
}

static bool needs_store(enum manage_kind k)
{
    return k != MANAGE_DOCUMENT && k != MANAGE_TEMPLATE_LIST && k != MANAGE_TEMPLATE_GET &&
           k != MANAGE_EVALUATE;
}

static enum err check_caller(const struct manage_request *r, struct manage_command *ret,
                             struct manage_refusal *refusal)
{
    if (ret->route->roles == 0) {
        return ERR_OK;
    }
    if (r->caller == NULL) {
        manage_refuse(refusal, 401, "invalid_api_key", "",
                      "A valid API key is needed: 'Authorization: Bearer <key>'");
        refusal->type = "authentication_error";
        return ERR_DENIED;
    }
    ret->caller = *r->caller;
    if (r->caller->is_operator) {
        return ERR_OK;
    }
    if (!r->caller->may_manage && ret->kind != MANAGE_EVALUATE) {
        manage_refuse(refusal, 403, "scope_missing", "", "This key lacks the scope 'manage'");
        refusal->type = "permission_error";
        return ERR_DENIED;
    }
    if ((r->caller->role & ret->route->roles) == 0) {
        manage_refuse(refusal, 403, "role_missing", "", "The role '%s' may not do this",
                      r->caller->role != 0 ? manage_role_name((enum manage_role)r->caller->role)
                                           : "none");
        refusal->type = "permission_error";
        return ERR_DENIED;
    }
    return ERR_OK;
}

static enum err take_captures(const struct manage_captures *captures, struct manage_command *ret,
                              struct manage_refusal *refusal)
{
    if (captures->count > 0) {
        struct str id = captures->values[0];
        ret->id = ret->collection == NULL ? manage_policy_id(id) : id;
    }
    if (captures->count > 1) {
        uint64_t version;
        if (str_to_u64(captures->values[1], &version) != ERR_OK || version == 0 ||
            version > UINT32_MAX) {
            manage_refuse(refusal, 404, "not_found", "", "Versions are numbered from 1");
            return ERR_NOT_FOUND;
        }
        ret->version = (uint32_t)version;
    }
    return ERR_OK;
}

struct str manage_policy_id(struct str id)
{
    static const char *const prefixes[] = {"gpol_", "policy_", "pol_"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (str_starts(id, str_from(prefixes[i]))) {
            return str_sub(id, strlen(prefixes[i]), id.len);
        }
    }
    return id;
}

static enum err read_prefer(const struct manage_request *r, struct manage_command *ret,
                            struct manage_refusal *refusal)
{
    struct str prefer = r->prefer;
    while (prefer.len != 0) {
        struct str value = str_trim(str_cut(&prefer, ','), " \t");
        struct str name = str_cut(&value, '=');
        uint64_t seconds = WAIT_DEFAULT_S;
        if (!str_eq_nocase(name, STR("wait"))) {
            continue; /* RFC 7240: unknown preferences are ignored */
        }
        if (value.len != 0 && (str_to_u64(value, &seconds) != ERR_OK || seconds == 0)) {
            manage_refuse(refusal, 400, "invalid_request", "Prefer",
                          "Prefer: wait=N takes whole seconds");
            return ERR_INVALID;
        }
        ret->wait_s = (unsigned)(seconds < MANAGE_WAIT_MAX_S ? seconds : MANAGE_WAIT_MAX_S);
    }
    return ERR_OK;
}

static enum err parse_body(struct codec_reader *reader, const struct manage_request *r,
                           struct manage_command *ret, struct manage_refusal *refusal)
{
    struct json_doc doc;
    if (!takes_body(ret->route)) {
        if (r->body.len != 0) {
            manage_refuse(refusal, 400, "invalid_request", "", "This request takes no body");
            return ERR_INVALID;
        }
        return ERR_OK;
    }
    struct str parameters = r->content_type;
    struct str media = str_trim(str_cut(&parameters, ';'), " \t");
    /* S1 documents a PATCH without a type; curl then says it is a form. Every call carries
     * its key in a header, so nothing rests on a browser's rules for forms. */
    bool is_untyped = ret->route->view == MANAGE_RULES &&
                      (media.len == 0 ||
                       str_eq_nocase(media, STR("application/x-www-form-urlencoded")));
    if (!is_untyped && !str_eq_nocase(media, STR("application/json")) &&
        !str_eq_nocase(media, STR("application/merge-patch+json"))) {
        manage_refuse(refusal, 415, "unsupported_media_type", "",
                      "The body must be 'Content-Type: application/json'");
        return ERR_INVALID;
    }
    enum err e = json_parse(reader->arena, r->body, &json_limits_default, &doc, reader->issue);
    if (e == ERR_OK) {
        ret->body = doc.root;
        e = read_body(reader, ret);
    }
    if (e != ERR_OK) {
        const struct issue *issue = reader->issue;
        bool has_byte = issue->offset != UINT64_MAX && issue->pointer[0] == 0 &&
                        strstr(issue->message, " at byte ") == NULL;
        char byte[40] = "";
        if (has_byte) {
            snprintf(byte, sizeof(byte), " (byte %llu)", (unsigned long long)issue->offset);
        }
        manage_refuse(refusal, e == ERR_UNSUPPORTED ? 422 : e == ERR_MEMORY ? 503 : 400,
                      e == ERR_UNSUPPORTED ? "not_enforced" : "invalid_request", issue->pointer,
                      "%s%s", issue->message, byte);
    }
    return e;
}

static bool takes_body(const struct manage_route *route)
{
    return route->request != NULL;
}

static enum err read_body(struct codec_reader *r, struct manage_command *ret)
{
    int64_t number = 0;
    switch (ret->kind) {
    case MANAGE_POLICY_CREATE:
    case MANAGE_POLICY_ASK:
        return read_policy(r, ret);
    case MANAGE_POLICY_TRY:
        return read_try(r, ret);
    case MANAGE_EVALUATE:
        return read_evaluate(r, ret);
    case MANAGE_ITEM_CREATE:
    case MANAGE_KEY_CREATE:
        return manage_item_read(r, ret->body, true, ret);
    case MANAGE_ITEM_PATCH:
        return manage_item_read(r, ret->body, false, ret);
    case MANAGE_KEY_ROTATE: {
        const struct codec_member m[] = {{.name = "grace_s", .kind = CODEC_INT, .ret = &number,
                                          .min = 0, .max = GRACE_MAX_S}};
        TRY(codec_object_read(r, ret->body, STR(""), m, 1));
        ret->grace_s = (uint32_t)number;
        return ERR_OK;
    }
    case MANAGE_VERSION_ROLLBACK: {
        const struct codec_member m[] = {{.name = "version", .kind = CODEC_INT, .ret = &number,
                                          .is_required = true, .min = 1, .max = UINT32_MAX},
                                         {.name = "note", .kind = CODEC_STR, .ret = &ret->note}};
        TRY(codec_object_read(r, ret->body, STR(""), m, 2));
        ret->version = (uint32_t)number;
        return ERR_OK;
    }
    case MANAGE_POLICY_PATCH:
    case MANAGE_DOCUMENT:
    case MANAGE_TEMPLATE_LIST:
    case MANAGE_TEMPLATE_GET:
    case MANAGE_POLICY_LIST:
    case MANAGE_POLICY_GET:
    case MANAGE_POLICY_ARCHIVE:
    case MANAGE_VERSION_LIST:
    case MANAGE_VERSION_GET:
    case MANAGE_ITEM_LIST:
    case MANAGE_ITEM_GET:
    case MANAGE_ITEM_DELETE:
    case MANAGE_KEY_REVOKE:
    case MANAGE_PROVIDER_LIST:
    case MANAGE_AUDIT_LIST:
        break;
    }
    return ERR_OK; /* a patch is read against what is stored (manage_policy_patch) */
}

static enum err read_policy(struct codec_reader *r, struct manage_command *ret)
{
    ret->has_policy = true;
    if (ret->kind == MANAGE_POLICY_ASK && ret->view == MANAGE_GOVERNANCE) {
        return codec_governance_parse_rules(r->arena, ret->body, r->catalog, &ret->policy,
                                            r->issue);
    }
    if (ret->view == MANAGE_TEMPLATE) {
        ret->view = MANAGE_CONFIG;
        return codec_config_from_template(r, ret->body, &ret->policy);
    }
    ret->view = ret->view == MANAGE_OWN ? manage_view_of_body(ret->body) : ret->view;
    const struct codec_shape *shape = manage_shape_of(ret->view);
    if (shape != NULL) {
        return codec_shape_parse(shape, r, ret->body, &ret->policy);
    }
    if (ret->view == MANAGE_GOVERNANCE) {
        return codec_governance_parse(r->arena, ret->body, r->catalog, &ret->policy, r->issue);
    }
    if (ret->view == MANAGE_COMPLIANCE) {
        return codec_compliance_parse(r->arena, ret->body, r->catalog, &ret->policy, r->issue);
    }
    return codec_native_parse(r, ret->body, &ret->policy);
}

static enum err read_try(struct codec_reader *r, struct manage_command *ret)
{
    yyjson_val *prompt = NULL, *response = NULL;
    const struct codec_member m[] = {
        {.name = "prompt", .kind = CODEC_VAL, .ret = &prompt},
        {.name = "response", .kind = CODEC_VAL, .ret = &response},
        {.name = "model", .kind = CODEC_STR, .ret = &ret->texts.model, .min = 1, .max = 256},
    };
    TRY(codec_object_read(r, ret->body, STR(""), m, sizeof(m) / sizeof(m[0])));
    TRY(read_text(r, prompt, "/prompt", &ret->texts.prompt));
    TRY(read_text(r, response, "/response", &ret->texts.response));
    if (prompt == NULL && response == NULL && ret->texts.model.len == 0) {
        issue_set(r->issue, "", "must have a prompt, a response or both");
        return ERR_INVALID;
    }
    return ERR_OK;
}

/* Either the members directly or a whole request body as "request"; and texts, for
 * content rules, as that body, as "messages" or as a bare "prompt" and "response". */
static enum err read_evaluate(struct codec_reader *r, struct manage_command *ret)
{
    yyjson_val *tags = NULL, *prompt = NULL, *response = NULL;
    const struct codec_member m[] = {
        {.name = "model", .kind = CODEC_STR, .ret = &ret->evaluate.model, .min = 1, .max = 256},
        {.name = "endpoint", .kind = CODEC_STR, .ret = &ret->evaluate.endpoint},
        {.name = "environment", .kind = CODEC_STR, .ret = &ret->evaluate.environment},
        {.name = "governance_policy", .kind = CODEC_INT, .ret = &ret->evaluate.slot, .min = 1,
         .max = 12, .ret_is_set = &ret->evaluate.has_slot},
        {.name = "tags", .kind = CODEC_VAL, .ret = &tags},
        {.name = "messages", .kind = CODEC_VAL, .ret = &ret->evaluate.messages},
        {.name = "request", .kind = CODEC_VAL, .ret = &ret->evaluate.request},
        {.name = "prompt", .kind = CODEC_VAL, .ret = &prompt},
        {.name = "response", .kind = CODEC_VAL, .ret = &response},
        {.name = "edited", .kind = CODEC_BOOL, .ret = &ret->evaluate.is_edited_wanted},
    };
    TRY(codec_object_read(r, ret->body, STR(""), m, sizeof(m) / sizeof(m[0])));
    yyjson_val *request = ret->evaluate.request;
    if ((request != NULL) + (ret->evaluate.messages != NULL) + (prompt != NULL) > 1) {
        issue_set(r->issue, "", "give one of 'request', 'messages' and 'prompt'");
        return ERR_INVALID;
    }
    TRY(read_text(r, prompt, "/prompt", &ret->evaluate.prompt));
    TRY(read_text(r, response, "/response", &ret->evaluate.response));
    if (request != NULL) {
        TRY(read_evaluate_request(r, ret));
    }
    if (ret->evaluate.model.len == 0) {
        issue_set(r->issue, "/model", "the member 'model' is required");
        return ERR_INVALID;
    }
    return tags != NULL ? read_tags(r, tags, ret) : ERR_OK;
}

/* A whole body brings its own model and slot; said beside it as well, they must be the same. */
static enum err read_evaluate_request(struct codec_reader *r, struct manage_command *ret)
{
    struct manage_evaluate *e = &ret->evaluate;
    struct str model = json_str(json_get(e->request, STR("model")));
    yyjson_val *slot = json_get(e->request, STR("governance_policy"));
    int64_t number = 0;
    if (e->model.len != 0 && !str_eq(e->model, model)) {
        issue_set(r->issue, "/model", "is not what /request/model says; give one of them");
        return ERR_INVALID;
    }
    e->model = model;
    if (slot == NULL) {
        return ERR_OK;
    }
    if (!json_int(slot, &number) || number < 1 || number > 12) {
        issue_set(r->issue, "/request/governance_policy", "must be a whole number from 1 to 12");
        return ERR_INVALID;
    }
    if (e->has_slot && e->slot != number) {
        issue_set(r->issue, "/governance_policy",
                  "is not what /request/governance_policy says; give one of them");
        return ERR_INVALID;
    }
    e->has_slot = true;
    e->slot = number;
    return ERR_OK;
}

/* A prompt is not a name: any characters. */
static enum err read_text(struct codec_reader *r, yyjson_val *v, const char *pointer,
                          struct str *ret)
{
    *ret = json_str(v);
    if (v != NULL && (ret->ptr == NULL || ret->len > CONTENT_TRIAL_BYTES_MAX)) {
        issue_set(r->issue, pointer, "must be a text of at most %u bytes",
                  CONTENT_TRIAL_BYTES_MAX);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err read_tags(struct codec_reader *r, yyjson_val *v, struct manage_command *ret)
{
    size_t count = yyjson_obj_size(v), i = 0;
    struct policy_pair *pairs = ARENA_ARRAY(r->arena, count, struct policy_pair);
    if (!yyjson_is_obj(v) || count > 16 || pairs == NULL) {
        issue_set(r->issue, "/tags", "must be an object of at most 16 strings");
        return ERR_INVALID;
    }
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&it)) != NULL; i++) {
        pairs[i] = (struct policy_pair){json_str(key), json_str(yyjson_obj_iter_get_val(key))};
        if (pairs[i].value.ptr == NULL) {
            issue_set(r->issue, "/tags", "must be an object of strings");
            return ERR_INVALID;
        }
    }
    ret->evaluate.tags = pairs;
    ret->evaluate.tags_count = count;
    return ERR_OK;
}

void manage_refuse(struct manage_refusal *r, unsigned status, const char *code, const char *param,
                   const char *format, ...)
{
    r->status = status;
    r->type = status >= 500 ? "server_error" : "invalid_request_error";
    r->code = code;
    snprintf(r->param, sizeof(r->param), "%s", param);
    va_list args;
    va_start(args, format);
    vsnprintf(r->message, sizeof(r->message), format, args);
    va_end(args);
}
