/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors in every dialect: as an answer, as the last events of a stream that has
 * begun, and read from what a provider sent. Shapes are those that the SDKs were
 * measured to understand (product 2.2, 2.3); a cut stream must never look complete.
 * What a provider says about itself may hold a credential (catalogue J 199: "the
 * key sk-... is wrong"), so anything that looks like one is cut out on reading.
 *
 * Memory: the caller's buffer; the exchange's arena for what is read.
 */
#include "llm_private.h"

#define MESSAGE_BYTES_MAX 1024
#define NAME_BYTES_MAX 64

static const char *anthropic_type(const struct llm_error *e);
static void write_openai(struct buf *out, const struct llm_error *e);
static void write_anthropic(struct buf *out, const struct llm_error *e);
static void write_members(struct buf *out, const struct llm_error *e);
static void write_name(struct buf *out, const char *name);
static void write_opt(struct buf *out, struct str s);
static yyjson_val *find_error(yyjson_val *root);
static const char *read_name(struct arena *a, yyjson_val *v);
static struct str clean_message(struct arena *a, struct str message);
static bool is_token_byte(char c);
static bool is_credential(struct str token);
static unsigned status_of_type(const char *type);

static const char *const anthropic_types[] = {
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "overloaded_error",
    "billing_error",
    "timeout_error",
    NULL,
};

void llm_error_write(struct buf *out, enum llm_dialect d, const struct llm_error *e)
{
    if (d == LLM_ANTHROPIC) {
        write_anthropic(out, e);
    } else {
        write_openai(out, e);
    }
}

void llm_error_write_event(struct buf *out, enum llm_endpoint client_endpoint,
                           const struct llm_error *e)
{
    if (llm_endpoint_dialect(client_endpoint) == LLM_ANTHROPIC) {
        LLM_PUT(out, "event: error\ndata: ");
        write_anthropic(out, e);
        LLM_PUT(out, "\n\n");
        return;
    }
    if (client_endpoint == LLM_RESPONSES) {
        /* The documented event is taken for an ordinary one by openai-node; the
         * `error` member beside it makes every SDK raise. */
        LLM_PUT(out, "event: error\ndata: {\"type\":\"error\",\"code\":");
        write_name(out, e->code);
        LLM_PUT(out, ",\"message\":");
        json_write_str(out, e->message);
        LLM_PUT(out, ",\"param\":");
        write_opt(out, e->param);
        LLM_PUT(out, ",\"sequence_number\":");
        buf_add_u64(out, e->sequence_number);
        LLM_PUT(out, ",\"error\":");
        write_members(out, e);
        LLM_PUT(out, "}\n\n");
        return;
    }
    LLM_PUT(out, "data: ");
    write_openai(out, e);
    LLM_PUT(out, "\n\ndata: [DONE]\n\n");
}

static void write_openai(struct buf *out, const struct llm_error *e)
{
    LLM_PUT(out, "{\"error\":");
    write_members(out, e);
    LLM_PUT(out, "}");
}

static void write_members(struct buf *out, const struct llm_error *e)
{
    LLM_PUT(out, "{\"message\":");
    json_write_str(out, e->message);
    LLM_PUT(out, ",\"type\":");
    json_write_str(out, str_from(e->type != NULL ? e->type : "api_error"));
    LLM_PUT(out, ",\"param\":");
    write_opt(out, e->param);
    LLM_PUT(out, ",\"code\":");
    write_name(out, e->code);
    buf_add(out, e->extra);
    LLM_PUT(out, "}");
}

static void write_anthropic(struct buf *out, const struct llm_error *e)
{
    const char *type = anthropic_type(e);
    const char *code = e->code;
    if (code == NULL && e->type != NULL && strcmp(type, e->type) != 0) {
        code = e->type; /* so that the reason survives the smaller vocabulary */
    }
    LLM_PUT(out, "{\"type\":\"error\",\"error\":{\"type\":");
    json_write_str(out, str_from(type));
    LLM_PUT(out, ",\"message\":");
    json_write_str(out, e->message);
    if (code != NULL) {
        LLM_PUT(out, ",\"code\":");
        write_name(out, code);
    }
    if (e->param.ptr != NULL) {
        LLM_PUT(out, ",\"param\":");
        write_opt(out, e->param);
    }
    buf_add(out, e->extra);
    LLM_PUT(out, "},\"request_id\":");
    write_opt(out, e->request_id);
    LLM_PUT(out, "}");
}

static const char *anthropic_type(const struct llm_error *e)
{
    /* What OpenAI calls an invalid request is "not found" here when it is 404. */
    if (e->status != 404 && e->type != NULL && llm_str_in(str_from(e->type), anthropic_types)) {
        return e->type;
    }
    switch (e->status) {
    case 401:
        return "authentication_error";
    case 402:
        return "billing_error";
    case 403:
        return "permission_error";
    case 404:
        return "not_found_error";
    case 413:
        return "request_too_large";
    case 429:
        return "rate_limit_error";
    case 503:
    case 529:
        return "overloaded_error";
    case 408:
    case 504:
        return "timeout_error";
    default:
        return e->status >= 400 && e->status < 500 ? "invalid_request_error" : "api_error";
    }
}

static void write_name(struct buf *out, const char *name)
{
    write_opt(out, str_from(name));
}

static void write_opt(struct buf *out, struct str s)
{
    if (s.ptr == NULL) {
        LLM_PUT(out, "null");
    } else {
        json_write_str(out, s);
    }
}

enum err llm_error_from_upstream(struct arena *a, enum llm_dialect upstream, unsigned status,
                                 struct str body, struct llm_error *ret)
{
    struct json_doc doc;
    struct issue issue;
    memset(ret, 0, sizeof(*ret));
    ret->status = status;
    yyjson_val *error = NULL;
    if (body.len > 0 && json_parse(a, body, &json_limits_default, &doc, &issue) == ERR_OK) {
        error = find_error(doc.root);
    }
    struct str message = json_str(error);
    if (yyjson_is_obj(error)) {
        message = json_str(json_get(error, STR("message")));
        ret->type = read_name(a, json_get(error, STR("type")));
        ret->code = read_name(a, json_get(error, STR("code")));
        ret->param = str_from(read_name(a, json_get(error, STR("param"))));
    }
    if (ret->type == NULL || strcmp(ret->type, "error") == 0) {
        ret->type = upstream == LLM_ANTHROPIC       ? anthropic_type(ret)
                    : status == 429                 ? "rate_limit_error"
                    : status >= 400 && status < 500 ? "invalid_request_error"
                                                    : "api_error";
    }
    if (status == 0 || status == 200) {
        ret->status = status_of_type(ret->type); /* an error inside a stream has none */
    }
    if (message.ptr == NULL || message.len == 0) {
        ret->message = STR("The provider reported an error without saying what it was.");
        return ERR_OK;
    }
    ret->message = clean_message(a, message);
    return ret->message.ptr == NULL ? ERR_LIMIT : ERR_OK;
}

/* {"error":{...}}, {"error":"..."}, {"response":{"error":{...}}} of response.failed,
 * {"message":...} and {"detail":...} of the rest of the world. */
static yyjson_val *find_error(yyjson_val *root)
{
    yyjson_val *error = json_get(root, STR("error"));
    if (yyjson_is_obj(error) || yyjson_is_str(error)) {
        return error;
    }
    error = json_get(json_get(root, STR("response")), STR("error"));
    if (yyjson_is_obj(error)) {
        return error;
    }
    if (yyjson_is_str(json_get(root, STR("message")))) {
        return root;
    }
    return json_get(root, STR("detail"));
}

/* Identifiers only: nothing with a blank or a quote becomes a type or a code. */
static const char *read_name(struct arena *a, yyjson_val *v)
{
    int64_t number;
    if (json_int(v, &number)) {
        return arena_printf(a, "%lld", (long long)number).ptr;
    }
    struct str s = json_str(v);
    if (s.len == 0 || s.len > NAME_BYTES_MAX || is_credential(s)) {
        return NULL;
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!is_token_byte(c) && c != '[' && c != ']' && c != '/') {
            return NULL;
        }
    }
    return arena_str(a, s).ptr;
}

static struct str clean_message(struct arena *a, struct str message)
{
    struct buf b;
    buf_init(&b, MESSAGE_BYTES_MAX * 4);
    size_t at = 0;
    bool is_after_bearer = false;
    while (at < message.len && b.len < MESSAGE_BYTES_MAX) {
        size_t from = at;
        while (at < message.len && is_token_byte(message.ptr[at])) {
            at++;
        }
        struct str token = str_sub(message, from, at);
        if (token.len == 0) {
            /* A run of other bytes; whole, so that no UTF-8 sequence is cut. */
            while (at < message.len && !is_token_byte(message.ptr[at]) &&
                   at - from < MESSAGE_BYTES_MAX) {
                at++;
            }
            buf_add(&b, str_sub(message, from, at));
            continue;
        }
        if (is_after_bearer || is_credential(token)) {
            LLM_PUT(&b, "[redacted]");
        } else {
            buf_add(&b, str_sub(token, 0, MESSAGE_BYTES_MAX));
        }
        is_after_bearer = str_eq_nocase(token, STR("bearer"));
    }
    struct str kept = arena_str(a, buf_str(&b));
    buf_fini(&b);
    return kept;
}

static bool is_token_byte(char c)
{
    char lower = (char)(c | 0x20);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '*' || c == '+' || c == '=' || c == '~';
}

/* Known beginnings, masked keys ("sk-ab***yz"), and long runs that mix letters and
 * digits. Model names and dates consist of short runs, so they stay. */
static bool is_credential(struct str token)
{
    static const char *const beginnings[] = {
        "sk-",  "sk_",  "pk-",  "pk_", "rk_",    "gsk_", "xai-", "AIza",  "hf_", "ghp_", "eyJ",
        "AKIA", "ASIA", "ya29", "gw_", "nvapi-", "r8_",  "key-", "pplx-", "fw_", "tgp_", NULL};
    if (token.len >= 7) {
        for (size_t i = 0; beginnings[i] != NULL; i++) {
            if (str_starts(token, str_from(beginnings[i]))) {
                return true;
            }
        }
    }
    if (str_starts(token, STR("req_")) || str_starts(token, STR("msg_"))) {
        return false;
    }
    size_t run = 0;
    bool has_letter = false;
    bool has_digit = false;
    for (size_t i = 0; i < token.len; i++) {
        char c = token.ptr[i];
        char lower = (char)(c | 0x20);
        bool is_letter = lower >= 'a' && lower <= 'z';
        bool is_digit = c >= '0' && c <= '9';
        if (c == '*' && token.len > 3 && token.len > i + 1 && i > 0) {
            return true;
        }
        run = is_letter || is_digit ? run + 1 : 0;
        has_letter = (has_letter || is_letter) && run > 0;
        has_digit = (has_digit || is_digit) && run > 0;
        if (run >= 20 && has_letter && has_digit) {
            return true;
        }
    }
    return false;
}

static unsigned status_of_type(const char *type)
{
    static const struct {
        const char *type;
        unsigned status;
    } known[] = {
        {"invalid_request_error", 400}, {"authentication_error", 401}, {"billing_error", 402},
        {"permission_error", 403},      {"not_found_error", 404},      {"request_too_large", 413},
        {"rate_limit_error", 429},      {"rate_limit_exceeded", 429},  {"insufficient_quota", 429},
        {"timeout_error", 504},         {"overloaded_error", 529},     {"api_error", 500},
        {"server_error", 500},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].type, type) == 0) {
            return known[i].status;
        }
    }
    return 502;
}
