/* SPDX-License-Identifier: Apache-2.0
 *
 * Which answer: authentication, model and marks first, then the endpoint. Also
 * the errors of both dialects, and the endpoints that are one object only.
 */
#include "fake.h"

static bool is_authenticated(const struct wire_head *head);
static const char *openai_type(unsigned status);
static const char *anthropic_type(unsigned status);
static void embedding_json(struct reply *r, struct str text, size_t index, size_t dimensions,
                           bool is_base64);
static void model_json(const struct view *v, struct buf *b, struct str id);
static void answer_endpoint(struct arena *a, const struct view *v, struct reply *r);

static const char *const models[] = {
    "gpt-4o", "gpt-4o-mini", "gpt-4-turbo", "gpt-5", "text-embedding-3-small",
    "omni-moderation-latest", "claude-sonnet-4-20250514", "claude-3-haiku-20240307",
};

void answer(struct arena *a, const struct wire_head *head, const struct view *v, struct reply *r)
{
    r->status = 200;
    r->content_type = "application/json";
    if (!is_authenticated(head)) {
        reply_error(r, v, 401, STR("Incorrect API key provided"), "invalid_api_key");
    } else if (v->marks.status >= 300) {
        reply_error(r, v, v->marks.status, STR("This failure was asked for"), "fake_failure");
    } else if (v->endpoint == EP_MODELS) {
        answer_models(v, r);
    } else if (v->endpoint == EP_UNKNOWN || head->method != WIRE_POST) {
        reply_error(r, v, 404, STR("Unknown request URL"), "unknown_url");
    } else if (v->root == NULL) {
        reply_error(r, v, 400, STR("We could not parse the JSON body of your request"),
                    "invalid_json");
    } else if (str_starts(v->model, STR("no-such-model")) || v->model.len == 0) {
        reply_error(r, v, 404, STR("The model does not exist"), "model_not_found");
    } else {
        answer_endpoint(a, v, r);
    }
    reply_header(r, v->is_anthropic ? "request-id" : "x-request-id", v->request_id);
    if (r->status == 429) {
        uint64_t ms = v->marks.retry_after_ms > 0 ? v->marks.retry_after_ms : 5;
        reply_header(r, "retry-after-ms", arena_printf(a, "%llu", (unsigned long long)ms));
        reply_header(r, "retry-after",
                     arena_printf(a, "%llu", (unsigned long long)((ms + 999) / 1000)));
    }
}

static void answer_endpoint(struct arena *a, const struct view *v, struct reply *r)
{
    bool can_stream = v->endpoint == EP_CHAT || v->endpoint == EP_COMPLETIONS ||
                      v->endpoint == EP_RESPONSES || v->endpoint == EP_MESSAGES;
    if (v->is_stream && can_stream) {
        r->is_stream = true;
        r->content_type = "text/event-stream; charset=utf-8";
    }
    switch (v->endpoint) {
    case EP_CHAT:
        answer_chat(v, r);
        break;
    case EP_COMPLETIONS:
        answer_completions(v, r);
        break;
    case EP_RESPONSES:
        answer_responses(v, r);
        break;
    case EP_MESSAGES:
        answer_messages(v, r);
        break;
    case EP_EMBEDDINGS:
        answer_embeddings(a, v, r);
        break;
    case EP_MODERATIONS:
        answer_moderations(v, r);
        break;
    case EP_COUNT_TOKENS:
    case EP_INPUT_TOKENS:
        answer_count_tokens(v, r);
        break;
    case EP_MODELS:
    case EP_UNKNOWN:
    case EP_COUNT:
        break;
    }
}

/* Any key will do, unless it says that it is bad. */
static bool is_authenticated(const struct wire_head *head)
{
    struct str bearer = wire_header_get(head, "authorization");
    struct str key = wire_header_get(head, "x-api-key");
    key = key.len > 0 ? key : wire_header_get(head, "api-key");
    struct str bad = STR("bad-key");
    bool is_bad = str_find_str(bearer, bad) >= 0 || str_find_str(key, bad) >= 0;
    return !is_bad && (bearer.len > 7 || key.len > 0);
}

bool is_midstream_error_due(const struct view *v, size_t word)
{
    return v->marks.has_midstream_error && word == v->words_count / 2;
}

void reply_error(struct reply *r, const struct view *v, unsigned status, struct str message,
                 const char *code)
{
    buf_clear(&r->body);
    buf_clear(&r->ends);
    r->status = status;
    r->is_stream = false;
    r->content_type = "application/json";
    error_json(&r->body, v, status, message, code);
}

void error_json(struct buf *out, const struct view *v, unsigned status, struct str message,
                const char *code)
{
    if (v->is_anthropic) {
        buf_printf(out, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":",
                   anthropic_type(status));
        json_write_str(out, message);
        buf_printf(out, "},\"request_id\":\"%.*s\"}", STR_ARG(v->request_id));
        return;
    }
    buf_add(out, STR("{\"error\":{\"message\":"));
    json_write_str(out, message);
    buf_printf(out, ",\"type\":\"%s\",\"param\":null,\"code\":\"%s\"}}", openai_type(status), code);
}

static const char *openai_type(unsigned status)
{
    switch (status) {
    case 401:
        return "authentication_error";
    case 403:
        return "permission_error";
    case 429:
        return "rate_limit_error";
    default:
        return status >= 500 ? "server_error" : "invalid_request_error";
    }
}

static const char *anthropic_type(unsigned status)
{
    switch (status) {
    case 401:
        return "authentication_error";
    case 403:
        return "permission_error";
    case 404:
        return "not_found_error";
    case 413:
        return "request_too_large";
    case 429:
        return "rate_limit_error";
    case 529:
        return "overloaded_error";
    default:
        return status >= 500 ? "api_error" : "invalid_request_error";
    }
}

#define DIMENSIONS_DEFAULT 16
#define DIMENSIONS_MAX 4096

void answer_embeddings(struct arena *a, const struct view *v, struct reply *r)
{
    yyjson_val *input = json_get(v->root, STR("input"));
    yyjson_val *first = yyjson_arr_get_first(input);
    bool is_list = yyjson_is_arr(input) && !yyjson_is_num(first);
    bool is_base64 = str_eq(json_str(json_get(v->root, STR("encoding_format"))), STR("base64"));
    int64_t dimensions = DIMENSIONS_DEFAULT;
    if (!json_int(json_get(v->root, STR("dimensions")), &dimensions) || dimensions < 1 ||
        dimensions > DIMENSIONS_MAX) {
        dimensions = DIMENSIONS_DEFAULT;
    }
    size_t count = is_list ? yyjson_arr_size(input) : 1;
    (void)a;
    buf_add(&r->body, STR("{\"object\":\"list\",\"data\":["));
    for (size_t i = 0; i < count; i++) {
        struct str text = json_str(is_list ? yyjson_arr_get(input, i) : input);
        buf_add(&r->body, i > 0 ? STR(",") : STR(""));
        embedding_json(r, text, i, (size_t)dimensions, is_base64);
    }
    buf_add(&r->body, STR("],\"model\":"));
    json_write_str(&r->body, v->model);
    buf_printf(&r->body, ",\"usage\":{\"prompt_tokens\":%llu,\"total_tokens\":%llu}}",
               (unsigned long long)v->tokens_in, (unsigned long long)v->tokens_in);
}

/* Multiples of 1/64, so that both encodings give exactly the same numbers. */
static void embedding_json(struct reply *r, struct str text, size_t index, size_t dimensions,
                           bool is_base64)
{
    float values[DIMENSIONS_MAX];
    for (size_t i = 0; i < dimensions; i++) {
        values[i] = ((float)(hash_bytes(text, i + 1) % 129) - 64.0f) / 64.0f;
    }
    buf_printf(&r->body, "{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", index);
    if (is_base64) {
        uint8_t bytes[sizeof(values)];
        memcpy(bytes, values, dimensions * sizeof(float));
        buf_add_byte(&r->body, '"');
        base64_write(&r->body, bytes, dimensions * sizeof(float));
        buf_add(&r->body, STR("\"}"));
        return;
    }
    for (size_t i = 0; i < dimensions; i++) {
        buf_printf(&r->body, "%c%.6f", i == 0 ? '[' : ',', (double)values[i]);
    }
    buf_add(&r->body, STR("]}"));
}

void answer_moderations(const struct view *v, struct reply *r)
{
    static const char *const categories[] = {
        "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit",
        "illicit/violent", "self-harm", "self-harm/instructions", "self-harm/intent", "sexual",
        "sexual/minors", "violence", "violence/graphic",
    };
    size_t count = sizeof(categories) / sizeof(categories[0]);
    struct buf *b = &r->body;
    buf_printf(b, "{\"id\":\"modr-fake-%06llu\",\"model\":", (unsigned long long)v->number);
    json_write_str(b, v->model);
    buf_add(b, STR(",\"results\":[{\"flagged\":false,\"categories\":{"));
    for (size_t i = 0; i < count; i++) {
        buf_printf(b, "%s\"%s\":false", i > 0 ? "," : "", categories[i]);
    }
    buf_add(b, STR("},\"category_scores\":{"));
    for (size_t i = 0; i < count; i++) {
        buf_printf(b, "%s\"%s\":0.0", i > 0 ? "," : "", categories[i]);
    }
    buf_add(b, STR("},\"category_applied_input_types\":{"));
    for (size_t i = 0; i < count; i++) {
        buf_printf(b, "%s\"%s\":[\"text\"]", i > 0 ? "," : "", categories[i]);
    }
    buf_add(b, STR("}}]}"));
}

void answer_models(const struct view *v, struct reply *r)
{
    size_t count = sizeof(models) / sizeof(models[0]);
    ptrdiff_t at = str_find_str(v->path, STR("/models/"));
    if (at >= 0) {
        struct str id = str_sub(v->path, (size_t)at + 8, v->path.len);
        for (size_t i = 0; i < count; i++) {
            if (str_eq(id, str_from(models[i]))) {
                model_json(v, &r->body, id);
                return;
            }
        }
        reply_error(r, v, 404, STR("The model does not exist"), "model_not_found");
        return;
    }
    buf_add(&r->body, STR("{\"object\":\"list\",\"data\":["));
    for (size_t i = 0; i < count; i++) {
        buf_add(&r->body, i > 0 ? STR(",") : STR(""));
        model_json(v, &r->body, str_from(models[i]));
    }
    buf_printf(&r->body, "],\"has_more\":false,\"first_id\":\"%s\",\"last_id\":\"%s\"}", models[0],
               models[count - 1]);
}

static void model_json(const struct view *v, struct buf *b, struct str id)
{
    if (v->is_anthropic) {
        buf_printf(b, "{\"type\":\"model\",\"id\":\"%.*s\",\"display_name\":\"%.*s\","
                   "\"created_at\":\"2025-01-01T00:00:00Z\"}", STR_ARG(id), STR_ARG(id));
        return;
    }
    buf_printf(b, "{\"id\":\"%.*s\",\"object\":\"model\",\"created\":1700000000,"
               "\"owned_by\":\"fake\"}", STR_ARG(id));
}
