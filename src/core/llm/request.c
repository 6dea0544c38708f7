/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a request body: strict JSON, then ONE pass over the top-level members.
 * The table below names every member that means something to the gateway; all
 * others are the provider's business and pass through, as texts when texts are
 * wanted. Members that would send the request elsewhere than policy decided are
 * refused by name (catalogue D 87, the CVE-2024-6587 class).
 *
 * Without texts nothing is allocated besides the JSON document itself. Values are
 * never coerced (D 76, 84-86). Memory: the exchange's arena.
 */
#include "llm_private.h"

enum kind {
    K_OTHER,
    K_REFUSED,
    K_MODEL,
    K_STREAM,
    K_STREAM_OPTIONS,
    K_MESSAGES,
    K_INPUT,
    K_OUTPUT_MAX,
    K_CHOICES,
    K_SLOT,
    K_USER,
    K_TOOLS,
    K_PREDICTION,
    K_SYSTEM,
    K_STORED_REF, /* a stored prompt, answer or conversation */
    K_BACKGROUND,
    K_METADATA
};

#define ON(e) (1u << (e))
#define ON_ALL ((1u << LLM_ENDPOINTS_COUNT) - 1)
#define ON_RESPONSES (ON(LLM_RESPONSES) | ON(LLM_INPUT_TOKENS))
#define ON_MESSAGES (ON(LLM_MESSAGES) | ON(LLM_COUNT_TOKENS))

struct member {
    const char *name;
    unsigned char len;
    unsigned char kind;
    unsigned short endpoints;
};
#define MEMBER(name, kind, on)                                                                     \
    {                                                                                              \
        name, sizeof(name) - 1, kind, on                                                           \
    }

/* Ordered by length, which the look-up relies on (the test tries every row). */
static const struct member members[] = {
    MEMBER("n", K_CHOICES, ON(LLM_CHAT) | ON(LLM_COMPLETIONS)),
    MEMBER("user", K_USER, ON_ALL),
    MEMBER("model", K_MODEL, ON_ALL),
    MEMBER("input", K_INPUT, ON_RESPONSES | ON(LLM_EMBEDDINGS) | ON(LLM_MODERATIONS)),
    MEMBER("tools", K_TOOLS, ON_ALL),
    MEMBER("route", K_REFUSED, ON_ALL),
    MEMBER("proxy", K_REFUSED, ON_ALL),
    MEMBER("prompt", K_INPUT, ON(LLM_COMPLETIONS)),
    MEMBER("prompt", K_STORED_REF, ON_RESPONSES),
    MEMBER("stream", K_STREAM, ON_ALL),
    MEMBER("system", K_SYSTEM, ON_MESSAGES),
    MEMBER("models", K_REFUSED, ON_ALL),
    MEMBER("client", K_REFUSED, ON_ALL),
    MEMBER("best_of", K_CHOICES, ON(LLM_COMPLETIONS)),
    MEMBER("api_key", K_REFUSED, ON_ALL),
    MEMBER("headers", K_REFUSED, ON_ALL),
    MEMBER("api_base", K_REFUSED, ON_ALL),
    MEMBER("api_type", K_REFUSED, ON_ALL),
    MEMBER("base_url", K_REFUSED, ON_ALL),
    MEMBER("endpoint", K_REFUSED, ON_ALL),
    MEMBER("messages", K_MESSAGES, ON(LLM_CHAT) | ON_MESSAGES),
    MEMBER("metadata", K_METADATA, ON_ALL),
    MEMBER("provider", K_REFUSED, ON_ALL),
    MEMBER("fallback", K_REFUSED, ON_ALL),
    MEMBER("container", K_STORED_REF, ON_MESSAGES),
    MEMBER("fallbacks", K_REFUSED, ON_ALL),
    MEMBER("functions", K_TOOLS, ON(LLM_CHAT)),
    MEMBER("providers", K_REFUSED, ON_ALL),
    MEMBER("proxy_url", K_REFUSED, ON_ALL),
    MEMBER("background", K_BACKGROUND, ON_RESPONSES),
    MEMBER("prediction", K_PREDICTION, ON(LLM_CHAT)),
    MEMBER("max_tokens", K_OUTPUT_MAX, ON_ALL),
    MEMBER("extra_body", K_REFUSED, ON_ALL),
    MEMBER("model_list", K_REFUSED, ON_ALL),
    MEMBER("model_info", K_REFUSED, ON_ALL),
    MEMBER("mcp_servers", K_TOOLS, ON_ALL),
    MEMBER("deployments", K_REFUSED, ON_ALL),
    MEMBER("api_version", K_REFUSED, ON_ALL),
    MEMBER("extra_query", K_REFUSED, ON_ALL),
    MEMBER("num_retries", K_REFUSED, ON_ALL),
    MEMBER("http_client", K_REFUSED, ON_ALL),
    MEMBER("instructions", K_SYSTEM, ON_RESPONSES),
    MEMBER("organization", K_REFUSED, ON_ALL),
    MEMBER("conversation", K_STORED_REF, ON_RESPONSES),
    MEMBER("extra_headers", K_REFUSED, ON_ALL),
    MEMBER("deployment_id", K_REFUSED, ON_ALL),
    MEMBER("mock_response", K_REFUSED, ON_ALL),
    MEMBER("stream_options", K_STREAM_OPTIONS, ON(LLM_CHAT) | ON(LLM_COMPLETIONS)),
    MEMBER("default_headers", K_REFUSED, ON_ALL),
    MEMBER("organization_id", K_REFUSED, ON_ALL),
    MEMBER("max_output_tokens", K_OUTPUT_MAX, ON_RESPONSES),
    MEMBER("governance_policy", K_SLOT, ON_ALL),
    MEMBER("safety_identifier", K_USER, ON_ALL),
    MEMBER("web_search_options", K_TOOLS, ON(LLM_CHAT)),
    MEMBER("custom_llm_provider", K_REFUSED, ON_ALL),
    MEMBER("previous_response_id", K_STORED_REF, ON_RESPONSES),
    MEMBER("max_completion_tokens", K_OUTPUT_MAX, ON(LLM_CHAT)),
    MEMBER("context_window_fallbacks", K_REFUSED, ON_ALL),
    MEMBER("content_policy_fallbacks", K_REFUSED, ON_ALL),
};
/* Families of such members, by their beginning. */
static const char *const refused_prefixes[] = {"litellm_", "aws_",   "vertex_", "azure_",
                                               "mock_",    "proxy_", NULL};

static void begin(enum llm_endpoint e, struct str body, struct llm_request *ret);
static enum err read_members(struct arena *a, bool want_texts, struct llm_request *r,
                             struct issue *issue);
static enum kind kind_of(struct str name, enum llm_endpoint e);
static bool has_refused_prefix(struct str name);
static enum err read_member(struct llm_walk *w, yyjson_val *key, yyjson_val *value,
                            bool want_texts);
static enum err read_scalar(struct llm_walk *w, enum kind kind, yyjson_val *key, yyjson_val *value);
static enum err read_model(struct llm_walk *w, yyjson_val *value);
static enum err read_stream(struct llm_walk *w, yyjson_val *value);
static enum err read_stream_options(struct llm_walk *w, yyjson_val *value);
static enum err read_output_max(struct llm_walk *w, yyjson_val *value);
static enum err read_choices(struct llm_walk *w, yyjson_val *value);
static enum err read_content(struct llm_walk *w, enum kind kind, yyjson_val *value,
                             bool want_texts);
static enum err read_texts(struct llm_walk *w, enum kind kind, yyjson_val *key, yyjson_val *value);
static enum err check_required(struct llm_walk *w);
static enum err missing(struct llm_walk *w, const char *name, const char *sentence);

enum err llm_request_parse(struct arena *a, enum llm_endpoint e, struct str body, bool want_texts,
                           struct llm_request *ret, struct issue *ret_issue)
{
    begin(e, body, ret);
    TRY(json_parse(a, body, &json_limits_default, &ret->doc, ret_issue));
    return read_members(a, want_texts, ret, ret_issue);
}

enum err llm_request_parse_like(struct json_forms *forms, struct arena *a, enum llm_endpoint e,
                                struct str body, struct llm_request *ret, struct issue *ret_issue)
{
    begin(e, body, ret);
    TRY(json_parse_like(forms, a, body, &json_limits_default, &ret->doc, ret_issue));
    return read_members(a, false, ret, ret_issue);
}

static void begin(enum llm_endpoint e, struct str body, struct llm_request *ret)
{
    ASSERT((unsigned)e < LLM_ENDPOINTS_COUNT);
    memset(ret, 0, sizeof(*ret));
    ret->endpoint = e;
    ret->body = body;
    ret->choices = 1;
}

static enum err read_members(struct arena *a, bool want_texts, struct llm_request *r,
                             struct issue *issue)
{
    if (!yyjson_is_obj(r->doc.root)) {
        issue_set(issue, "", "The request body must be a JSON object.");
        return ERR_INVALID;
    }
    struct llm_walk w;
    llm_walk_init(&w, a, r, issue);
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    yyjson_obj_foreach(llm_each(r->doc.root), i, count, key, value)
    {
        TRY(read_member(&w, key, value, want_texts));
    }
    return check_required(&w);
}

static enum kind kind_of(struct str name, enum llm_endpoint e)
{
    const size_t count = sizeof(members) / sizeof(members[0]);
    size_t from = 0;
    for (size_t to = count; from < to;) {
        size_t middle = from + (to - from) / 2;
        if (members[middle].len < name.len) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    for (; from < count && members[from].len == name.len; from++) {
        const struct member *m = &members[from];
        if ((m->endpoints & ON(e)) != 0 && m->name[0] == name.ptr[0] &&
            memcmp(m->name, name.ptr, name.len) == 0) {
            return (enum kind)m->kind;
        }
    }
    return has_refused_prefix(name) ? K_REFUSED : K_OTHER;
}

static bool has_refused_prefix(struct str name)
{
    for (size_t i = 0; refused_prefixes[i] != NULL; i++) {
        if (name.len > 0 && name.ptr[0] == refused_prefixes[i][0] &&
            str_starts(name, str_from(refused_prefixes[i]))) {
            return true;
        }
    }
    return false;
}

static enum err read_member(struct llm_walk *w, yyjson_val *key, yyjson_val *value, bool want_texts)
{
    enum kind kind = kind_of(llm_key(key), w->request->endpoint);
    if (kind == K_OTHER && !want_texts) {
        return ERR_OK;
    }
    size_t mark = llm_walk_push_key(w, llm_key(key));
    if (kind == K_REFUSED) {
        return llm_walk_invalid(w, "This member would change where the request goes. The gateway "
                                   "decides that; leave the member out.");
    }
    TRY(read_scalar(w, kind, key, value));
    TRY(read_content(w, kind, value, want_texts));
    if (want_texts) {
        TRY(read_texts(w, kind, key, value));
    }
    llm_walk_pop(w, mark);
    return ERR_OK;
}

static enum err read_scalar(struct llm_walk *w, enum kind kind, yyjson_val *key, yyjson_val *value)
{
    struct llm_request *r = w->request;
    switch ((int)kind) {
    case K_MODEL:
        return read_model(w, value);
    case K_STREAM:
        return read_stream(w, value);
    case K_STREAM_OPTIONS:
        return read_stream_options(w, value);
    case K_OUTPUT_MAX:
        return read_output_max(w, value);
    case K_CHOICES:
        return read_choices(w, value);
    case K_SLOT:
        r->has_slot = true;
        r->is_slot_valid_type = json_int(value, &r->slot);
        r->slot_span = json_span_of_member(&r->doc, key);
        return ERR_OK;
    case K_USER:
        if (!yyjson_is_str(value) && !yyjson_is_null(value)) {
            return llm_walk_invalid(w, "This member must be a string.");
        }
        if (r->user.ptr == NULL || LLM_IS(llm_key(key), "user")) {
            r->user = json_str(value);
        }
        return ERR_OK;
    case K_METADATA:
        if (llm_endpoint_dialect(r->endpoint) == LLM_ANTHROPIC) {
            r->user = json_str(json_get(value, STR("user_id")));
        }
        return ERR_OK;
    case K_BACKGROUND:
        if (!yyjson_is_bool(value) && !yyjson_is_null(value)) {
            return llm_walk_invalid(w, "`background` must be true or false.");
        }
        r->is_stateful = r->is_stateful || json_bool(value, false);
        return ERR_OK;
    default:
        return ERR_OK;
    }
}

static enum err read_model(struct llm_walk *w, yyjson_val *value)
{
    struct llm_request *r = w->request;
    struct str model = json_str(value);
    if (model.ptr == NULL || model.len == 0) {
        return llm_walk_invalid(w, "`model` must be a non-empty string.");
    }
    bool has_controls = false;
    for (size_t i = 0; i < model.len; i++) {
        unsigned char c = (unsigned char)model.ptr[i];
        has_controls |= (c < 0x20) | (c == 0x7f);
    }
    if (has_controls) {
        return llm_walk_invalid(w, "`model` must not contain control characters.");
    }
    r->model = model;
    r->model_span = json_span_of_string(&r->doc, value);
    return ERR_OK;
}

static enum err read_stream(struct llm_walk *w, yyjson_val *value)
{
    if (!yyjson_is_bool(value) && !yyjson_is_null(value)) {
        return llm_walk_invalid(w, "`stream` must be true or false.");
    }
    w->request->is_stream = json_bool(value, false);
    if (w->request->is_stream && !llm_endpoint_has_stream(w->request->endpoint)) {
        return llm_walk_invalid(w, "The answer of this operation is never a stream.");
    }
    return ERR_OK;
}

static enum err read_stream_options(struct llm_walk *w, yyjson_val *value)
{
    if (!yyjson_is_obj(value) && !yyjson_is_null(value)) {
        return llm_walk_invalid(w, "`stream_options` must be an object.");
    }
    yyjson_val *usage = json_get(value, STR("include_usage"));
    if (usage != NULL && !yyjson_is_bool(usage) && !yyjson_is_null(usage)) {
        return llm_walk_invalid(w, "`stream_options.include_usage` must be true or false.");
    }
    w->request->wants_stream_usage = json_bool(usage, false);
    return ERR_OK;
}

static enum err read_output_max(struct llm_walk *w, yyjson_val *value)
{
    int64_t tokens;
    if (yyjson_is_null(value)) {
        return ERR_OK;
    }
    if (!json_int(value, &tokens) || tokens < 0 || tokens > LLM_OUTPUT_TOKENS_LIMIT) {
        return llm_walk_invalid(w,
                                "A number of tokens must be a whole number from 0 to 2147483647.");
    }
    /* Several may be given; what is reserved must cover whichever the provider obeys. */
    if ((uint64_t)tokens > w->request->output_tokens_max) {
        w->request->output_tokens_max = (uint64_t)tokens;
    }
    return ERR_OK;
}

static enum err read_choices(struct llm_walk *w, yyjson_val *value)
{
    int64_t choices;
    if (yyjson_is_null(value)) {
        return ERR_OK;
    }
    if (!json_int(value, &choices) || choices < 1 || choices > LLM_CHOICES_LIMIT) {
        return llm_walk_invalid(w, "This member must be a whole number from 1 to 128.");
    }
    if ((unsigned)choices > w->request->choices) {
        w->request->choices = (unsigned)choices;
    }
    return ERR_OK;
}

/* What is checked or noted whether or not texts are wanted. */
static enum err read_content(struct llm_walk *w, enum kind kind, yyjson_val *value, bool want_texts)
{
    struct llm_request *r = w->request;
    switch ((int)kind) {
    case K_MESSAGES:
        r->has_content = true;
        return llm_messages_check(w, value);
    case K_INPUT:
        r->has_content = true;
        if (r->endpoint == LLM_RESPONSES || r->endpoint == LLM_INPUT_TOKENS) {
            if (!yyjson_is_str(value) && !yyjson_is_arr(value) && !yyjson_is_null(value)) {
                return llm_walk_invalid(w, "`input` must be a string or an array of items.");
            }
            return ERR_OK;
        }
        return llm_inputs_walk(w, value, want_texts);
    case K_TOOLS:
        r->has_tools = r->has_tools || (yyjson_is_arr(value) && yyjson_arr_size(value) > 0) ||
                       yyjson_is_obj(value);
        return ERR_OK;
    case K_STORED_REF:
        if (yyjson_is_null(value)) {
            return ERR_OK;
        }
        r->is_stateful = true;
        return llm_walk_opaque(w, LLM_OPAQUE_STORED);
    default:
        return ERR_OK;
    }
}

static enum err read_texts(struct llm_walk *w, enum kind kind, yyjson_val *key, yyjson_val *value)
{
    enum err err = ERR_OK;
    w->role = LLM_ROLE_OTHER;
    switch ((int)kind) {
    case K_MODEL:
    case K_SLOT:
        break;
    case K_MESSAGES:
        err = w->request->endpoint == LLM_CHAT ? llm_chat_walk(w, value)
                                               : llm_messages_walk(w, value);
        break;
    case K_INPUT:
        if (w->request->endpoint == LLM_RESPONSES || w->request->endpoint == LLM_INPUT_TOKENS) {
            err = llm_responses_input_walk(w, value);
        }
        break;
    case K_TOOLS:
        err = llm_tools_walk(w, value);
        break;
    case K_PREDICTION:
        err = llm_prediction_walk(w, value);
        break;
    case K_SYSTEM:
        w->role = LLM_ROLE_SYSTEM;
        err = w->request->endpoint == LLM_RESPONSES || w->request->endpoint == LLM_INPUT_TOKENS
                  ? llm_walk_any(w, value)
                  : llm_blocks_walk(w, value);
        break;
    case K_OTHER: {
        /* The walk pushes the key itself, and takes an unknown one as a text. */
        struct str name = llm_key(key);
        llm_walk_pop(w, 0);
        err = llm_walk_member(w, key, value);
        (void)llm_walk_push_key(w, name);
        break;
    }
    default:
        err = llm_walk_any(w, value);
        break;
    }
    return err;
}

static enum err check_required(struct llm_walk *w)
{
    struct llm_request *r = w->request;
    if (r->model.ptr == NULL) {
        if (r->endpoint != LLM_MODERATIONS) {
            return missing(w, "model", "`model` is missing; it must be a non-empty string.");
        }
        r->model = LLM_MODERATIONS_MODEL;
    }
    if (!r->has_content) {
        if (r->endpoint == LLM_CHAT || r->endpoint == LLM_MESSAGES ||
            r->endpoint == LLM_COUNT_TOKENS) {
            return missing(w, "messages", "`messages` is missing; it must be a non-empty array.");
        }
        if (r->endpoint == LLM_EMBEDDINGS || r->endpoint == LLM_MODERATIONS) {
            return missing(w, "input", "`input` is missing.");
        }
    }
    if (r->endpoint == LLM_MESSAGES && json_get(r->doc.root, STR("max_tokens")) == NULL) {
        return missing(w, "max_tokens", "`max_tokens` is missing; it must be a whole number.");
    }
    return ERR_OK;
}

static enum err missing(struct llm_walk *w, const char *name, const char *sentence)
{
    llm_walk_pop(w, 0);
    (void)llm_walk_push_key(w, str_from(name));
    return llm_walk_invalid(w, sentence);
}
