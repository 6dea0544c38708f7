/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps receive, authenticate and parse: which operation is this, whose key is
 * it, what do its headers select, what does its body say. Everything that can be
 * refused without the body is refused before the body is read. Credentials are
 * taken from four headers because the SDKs differ (product.md 2.4); two that
 * disagree are refused, never ranked.
 */
#include "flow_private.h"

static void route(struct flow_exchange *x);
static struct str model_name(struct flow_exchange *x, struct str path);
static void check_method(struct flow_exchange *x);
static bool authenticate(struct flow_exchange *x, bool is_required);
static enum err find_principal(struct flow_exchange *x, struct str key);
static bool take_credential(struct flow_exchange *x, struct str *ret_key);
static bool has_key_in_query(struct str query);
static void read_selectors(struct flow_exchange *x);
static bool is_said_twice(struct flow_exchange *x, const char *const *names, size_t count);
static void read_error_format(struct flow_exchange *x);
static bool read_tags(struct flow_exchange *x, struct str text);
static void check_content_headers(struct flow_exchange *x);
static bool is_json_in_utf8(struct str type);
static enum err parse(struct flow_exchange *x, struct issue *ret_issue);
static enum err parse_like(struct flow_exchange *x, struct str body, struct issue *ret_issue);

static const struct {
    const char *path;
    enum llm_endpoint endpoint;
} operations[] = {
    {"/v1/chat/completions", LLM_CHAT},
    {"/v1/completions", LLM_COMPLETIONS},
    {"/v1/responses", LLM_RESPONSES},
    {"/v1/messages", LLM_MESSAGES},
    {"/v1/embeddings", LLM_EMBEDDINGS},
    {"/v1/moderations", LLM_MODERATIONS},
    {"/v1/messages/count_tokens", LLM_COUNT_TOKENS},
    {"/v1/responses/input_tokens", LLM_INPUT_TOKENS},
};

void flow_step_receive(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    flow_read_trace(x);
    route(x);
    if (p->kind == FLOW_KIND_SERVE) {
        (void)authenticate(x, false);
        p->is_refused = false;
        return;
    }
    if (!authenticate(x, true)) {
        return;
    }
    check_method(x);
    if (p->is_refused) {
        return;
    }
    if (!policy_principal_key(x->principal)->may_call) {
        flow_refuse(x, 403, "permission_error", "scope_missing",
                    "This key is not allowed to call models; it lacks the scope 'call'");
        return;
    }
    if (p->env->stale_refuse_ms != 0 &&
        p->start.now.unix_ms - p->start.fresh_ms > p->env->stale_refuse_ms) {
        flow_refuse(x, 503, "server_error", "policy_stale",
                    "Policies could not be refreshed for too long; requests are refused until "
                    "they can be");
        return;
    }
    read_selectors(x);
    if (!p->is_refused && p->kind == FLOW_KIND_CALL) {
        check_content_headers(x);
    }
}

/* /llm/v1/... and /v1/... are the same routes (S0-41). What is not an operation
 * understood here goes to io/http, which answers 404 for what it does not know. */
static void route(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct str path = p->head->path;
    if (str_starts(path, STR("/llm/v1/"))) {
        path = str_sub(path, 4, path.len);
    }
    p->path = path;
    p->kind = FLOW_KIND_SERVE;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (!str_eq(path, str_from(operations[i].path))) {
            continue;
        }
        p->kind = FLOW_KIND_CALL;
        p->endpoint = operations[i].endpoint;
        return;
    }
    bool is_model = str_starts(path, STR("/v1/models/"));
    if (is_model || str_eq(path, STR("/v1/models"))) {
        p->kind = FLOW_KIND_MODELS;
        p->model_path = is_model ? model_name(x, path) : STR_NONE;
    }
}

/* SDKs write its '/' as %2F; nothing else in it may be escaped that has a spelling of its own. */
static struct str model_name(struct flow_exchange *x, struct str path)
{
    struct str name = str_sub(path, sizeof("/v1/models/") - 1, path.len);
    char *bytes = arena_alloc_raw(&x->p->arena, name.len);
    size_t len = 0;
    for (size_t i = 0; bytes != NULL && i < name.len; i++) {
        bool is_slash = str_starts(str_sub(name, i, name.len), STR("%2F"));
        bytes[len++] = is_slash ? '/' : name.ptr[i];
        i += is_slash ? 2 : 0;
    }
    return bytes != NULL ? (struct str){bytes, len} : name;
}

/* Behind authentication: who has no key learns nothing, and who has one leaves a record. */
static void check_method(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    enum wire_method method = p->head->method;
    bool is_models = p->kind == FLOW_KIND_MODELS;
    if (is_models ? method != WIRE_GET && method != WIRE_HEAD_METHOD : method != WIRE_POST) {
        flow_refuse(x, 405, "invalid_request_error", "method_not_allowed", "This takes %s",
                    is_models ? "GET" : "POST");
        p->refusal.allow = is_models ? "GET, HEAD" : "POST";
    }
}

static bool authenticate(struct flow_exchange *x, bool is_required)
{
    struct str key;
    if (!take_credential(x, &key)) {
        return false;
    }
    if (key.len == 0) {
        if (is_required) {
            flow_refuse(x, 401, "authentication_error", "missing_api_key",
                        "No API key was sent; use 'Authorization: Bearer <key>' or 'x-api-key'");
        }
        return false;
    }
    if (find_principal(x, key) == ERR_OK) {
        return true;
    }
    x->principal = NULL;
    flow_refuse(x, 401, "authentication_error", "invalid_api_key", "The API key is not valid");
    return false;
}

/* The same bytes as in the head before, under the same snapshot: whose they are is known.
 * What time changes is asked each time; of two secrets only a look tells which one it was. */
static enum err find_principal(struct flow_exchange *x, struct str key)
{
    struct flow_private *p = x->p;
    const uint64_t number = p->start.snapshot_number;
    const struct wire_note *known = wire_head_noted(p->head, key);
    const int64_t now_s = p->now.unix_ms / 1000;
    if (known != NULL && known->number == number && number != 0) {
        x->principal = known->what;
        return policy_principal_state(x->principal, now_s);
    }
    TRY(policy_authenticate(p->start.snapshot, key, p->env->pepper, now_s, &x->principal));
    if (number != 0 && !policy_principal_key(x->principal)->has_previous) {
        wire_head_note(p->head, key, (struct wire_note){number, x->principal});
    }
    return ERR_OK;
}

static bool take_credential(struct flow_exchange *x, struct str *ret_key)
{
    struct flow_private *p = x->p;
    static const char *const plain[] = {"x-api-key", "api-key", "x-goog-api-key"};
    *ret_key = STR_NONE;
    if (is_said_twice(x, plain, 3)) {
        return false;
    }
    if (has_key_in_query(p->head->query)) {
        flow_refuse(x, 400, "invalid_request_error", "key_in_query",
                    "API keys are not accepted in the URL; send a header");
        return false;
    }
    struct str bearer = wire_header_get(p->head, "authorization");
    if (bearer.ptr != NULL) {
        struct str rest = bearer;
        struct str scheme = str_cut(&rest, ' ');
        if (!str_eq_nocase(scheme, STR("bearer")) || rest.len == 0) {
            flow_refuse(x, 401, "authentication_error", "invalid_authorization",
                        "The Authorization header must be 'Bearer <key>'");
            return false;
        }
        *ret_key = rest;
    }
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        struct str value = wire_header_get(p->head, plain[i]);
        if (value.len == 0) {
            continue;
        }
        if (ret_key->len != 0 && !str_eq(*ret_key, value)) {
            flow_refuse(x, 400, "invalid_request_error", "conflicting_credentials",
                        "Two different API keys were sent; send one");
            return false;
        }
        *ret_key = value;
    }
    return true;
}

static bool has_key_in_query(struct str query)
{
    static const char *const names[] = {"api_key", "api-key",      "apikey",
                                        "key",     "access_token", "token"};
    while (query.len != 0) {
        struct str pair = str_cut(&query, '&');
        struct str name = str_cut(&pair, '=');
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (str_eq_nocase(name, str_from(names[i]))) {
                return true;
            }
        }
    }
    return false;
}

/* Headers that select: slot, environment, tags. They narrow, never widen. */
static void read_selectors(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    static const char *const names[] = {"x-governance-policy", "x-environment",
                                        "x-governance-tags"};
    if (is_said_twice(x, names, 3)) {
        return;
    }
    struct str slot = wire_header_get(p->head, "x-governance-policy");
    if (slot.ptr != NULL) {
        uint64_t value;
        if (str_to_u64(slot, &value) != ERR_OK || value < 1 || value > 12) {
            flow_refuse(x, 400, "invalid_request_error", "governance_policy_not_found",
                        "X-Governance-Policy must be a slot number from 1 to 12");
            return;
        }
        p->has_header_slot = true;
        p->header_slot = (int64_t)value;
    }
    struct str environment = wire_header_get(p->head, "x-environment");
    if (!policy_may_enter(x->principal, environment)) {
        flow_refuse(x, 403, "permission_error", "environment_not_allowed",
                    "This key may not select an environment with X-Environment");
        return;
    }
    p->environment = environment;
    read_error_format(x);
    struct str tags = wire_header_get(p->head, "x-governance-tags");
    if (tags.ptr != NULL && !read_tags(x, tags)) {
        flow_refuse(x, 400, "invalid_request_error", "invalid_tags",
                    "X-Governance-Tags must be at most %d pairs 'name=value' separated by commas",
                    FLOW_TAGS_MAX);
    }
}

/* Of two values one would be ignored, and the caller could not tell which. */
static bool is_said_twice(struct flow_exchange *x, const char *const *names, size_t count)
{
    const struct wire_head *head = x->p->head;
    for (size_t i = 0; i < count; i++) {
        if (wire_header_is_repeated(head, names[i])) {
            flow_refuse(x, 400, "invalid_request_error", "repeated_header",
                        "The header %s may come once", names[i]);
            return true;
        }
    }
    return false;
}

static void read_error_format(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct str format = wire_header_get(p->head, "x-error-format");
    p->error_format = policy_principal_error_format(x->principal);
    if (format.ptr == NULL) {
        return;
    }
    p->error_format = policy_error_format_of(format);
    if (p->error_format <= POLICY_ERROR_AUTO ||
        wire_header_is_repeated(p->head, "x-error-format")) {
        flow_refuse(x, 400, "invalid_request_error", "invalid_error_format",
                    "X-Error-Format must be one of openai, governance, policy");
    }
}

static bool read_tags(struct flow_exchange *x, struct str text)
{
    struct flow_private *p = x->p;
    while (text.len != 0) {
        struct str value = str_trim(str_cut(&text, ','), " \t");
        if (str_find(value, '=') < 0 || p->tags_count == FLOW_TAGS_MAX) {
            return false;
        }
        struct str name = str_cut(&value, '=');
        if (name.len == 0) {
            return false;
        }
        p->tags[p->tags_count++] = (struct policy_pair){name, value};
    }
    return true;
}

static void check_content_headers(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct str encoding = wire_header_get(p->head, "content-encoding");
    if (wire_header_is_repeated(p->head, "content-encoding") ||
        (encoding.len != 0 && !str_eq_nocase(encoding, STR("identity")))) {
        flow_refuse(x, 415, "invalid_request_error", "unsupported_content_encoding",
                    "Compressed request bodies cannot be inspected; send the body as it is");
        return;
    }
    if (!is_json_in_utf8(wire_header_get(p->head, "content-type")) ||
        wire_header_is_repeated(p->head, "content-type")) {
        flow_refuse(x, 415, "invalid_request_error", "unsupported_media_type",
                    "The request body must be 'Content-Type: application/json' in UTF-8");
        return;
    }
    if (p->head->has_content_length && p->head->content_length > p->body.bytes_max) {
        flow_refuse(x, 413, "invalid_request_error", "request_too_large",
                    "The request body is larger than %zu bytes", p->body.bytes_max);
    }
}

/* Of the parameters only charset means something; what looks like one in a quoted string
 * counts as well. */
static bool is_json_in_utf8(struct str type)
{
    if (str_eq(type, STR("application/json"))) {
        return true; /* as nearly all say it */
    }
    if (!str_eq_nocase(str_trim(str_cut(&type, ';'), " \t"), STR("application/json"))) {
        return false;
    }
    while (type.ptr != NULL) {
        struct str value = str_trim(str_cut(&type, ';'), " \t");
        struct str name = str_trim(str_cut(&value, '='), " \t");
        if (str_eq_nocase(name, STR("charset")) && !str_eq_nocase(value, STR("utf-8")) &&
            !str_eq_nocase(value, STR("\"utf-8\"")) && !str_eq_nocase(value, STR("utf8"))) {
            return false;
        }
    }
    return true;
}

/* Once, and with its texts only where the organisation has content rules at all. What
 * cannot be listed (an unknown kind of part) is refused only if one of them applies. */
static enum err parse(struct flow_exchange *x, struct issue *ret_issue)
{
    struct flow_private *p = x->p;
    struct str body = buf_str(&p->body);
    bool want_texts = policy_org_content(policy_principal_org(x->principal)) != NULL;
    if (!want_texts) {
        return parse_like(x, body, ret_issue);
    }
    enum err e = llm_request_parse(&p->arena, p->endpoint, body, true, &p->request, ret_issue);
    if (e != ERR_INVALID && e != ERR_UNSUPPORTED) {
        return e;
    }
    struct issue *why = ARENA_NEW(&p->arena, struct issue);
    if (why == NULL) {
        return ERR_MEMORY;
    }
    *why = *ret_issue;
    p->texts_issue = why;
    p->texts_err = e;
    return llm_request_parse(&p->arena, p->endpoint, body, false, &p->request, ret_issue);
}

/* The model is still asked for when the body's memory serves for the answer. */
static enum err parse_like(struct flow_exchange *x, struct str body, struct issue *ret_issue)
{
    struct flow_private *p = x->p;
    struct json_forms *forms = body.len <= FLOW_WORK_BYTES ? p->env->request_forms : NULL;
    TRY(llm_request_parse_like(forms, &p->arena, p->endpoint, body, &p->request, ret_issue));
    if (forms != NULL && p->request.model.ptr != NULL) {
        p->request.model = arena_str(&p->arena, p->request.model);
        return p->request.model.ptr != NULL ? ERR_OK : ERR_LIMIT;
    }
    return ERR_OK;
}

void flow_parse(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    p->work_err = parse(x, &p->issue);
    if (p->env->hashes_body) {
        p->body_sha256 = sha256_of(buf_str(&p->body));
    }
}

void flow_step_parse(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    if (p->work_err != ERR_OK) {
        flow_refuse_issue(x, p->work_err, &p->issue);
        return;
    }
    p->is_parsed = true;
    const struct llm_request *r = &p->request;
    if (r->has_slot && (!r->is_slot_valid_type || r->slot < 1 || r->slot > 12)) {
        flow_refuse(x, 400, "invalid_request_error", "governance_policy_not_found",
                    "governance_policy must be a slot number from 1 to 12");
        p->refusal.error.param = STR("/governance_policy");
        return;
    }
    if (r->has_slot && p->has_header_slot && r->slot != p->header_slot) {
        flow_refuse(x, 400, "invalid_request_error", "governance_policy_conflict",
                    "governance_policy and X-Governance-Policy select different slots");
        p->refusal.error.param = STR("/governance_policy");
    }
}
