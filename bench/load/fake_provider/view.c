/* SPDX-License-Identifier: Apache-2.0
 *
 * What an answer depends on: endpoint, model, stream, the last user text, tools,
 * the wish for JSON. Reads every dialect leniently (this is the provider's side;
 * strictness is the gateway's). The answer's text is made here too, so that all
 * dialects say the same: "You said: ..." of the last user text.
 */
#include "fake.h"

static void read_messages(struct view *v, yyjson_val *messages, struct str *ret_user,
                          struct str *ret_tool_result);
static struct str text_of(yyjson_val *content);
static struct str joined_text(yyjson_val *parts);
static void pick_tool(struct arena *a, struct view *v, struct str user);
static struct str object_for_schema(struct arena *a, yyjson_val *schema, struct str text);
static yyjson_val *wanted_schema(const struct view *v, bool *ret_wants_json);
static void cut_words(struct arena *a, struct view *v);
static size_t piece_len(struct str rest, size_t bytes);
static uint64_t count_words(struct str s);
static uint64_t count_all_strings(yyjson_val *v, unsigned depth);

static const struct {
    const char *end;
    enum endpoint endpoint;
} paths[] = {
    {"/chat/completions", EP_CHAT},
    {"/completions", EP_COMPLETIONS},
    {"/responses/input_tokens", EP_INPUT_TOKENS},
    {"/responses", EP_RESPONSES},
    {"/embeddings", EP_EMBEDDINGS},
    {"/moderations", EP_MODERATIONS},
    {"/messages/count_tokens", EP_COUNT_TOKENS},
    {"/messages", EP_MESSAGES},
    {"/models", EP_MODELS},
};

enum endpoint endpoint_of(struct str path)
{
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (str_ends(path, str_from(paths[i].end))) {
            return paths[i].endpoint;
        }
    }
    return str_find_str(path, STR("/models/")) >= 0 ? EP_MODELS : EP_UNKNOWN;
}

void view_read(struct arena *a, const struct wire_head *head, struct str body, struct view *v)
{
    struct json_doc doc;
    struct issue issue;
    v->path = head->path;
    v->endpoint = endpoint_of(head->path);
    v->is_anthropic = v->endpoint == EP_MESSAGES || v->endpoint == EP_COUNT_TOKENS ||
                      wire_header_count(head, "anthropic-version") > 0;
    v->choices = 1;
    v->request_id = arena_printf(a, "req_fake_%06llu", (unsigned long long)v->number);
    if (body.len > 0 && json_parse(a, body, &json_limits_default, &doc, &issue) == ERR_OK) {
        v->root = doc.root;
    }
    v->model = json_str(json_get(v->root, STR("model")));
    v->is_stream = json_bool(json_get(v->root, STR("stream")), false);
    v->wants_usage = json_bool(
        json_get(json_get(v->root, STR("stream_options")), STR("include_usage")), false);
    int64_t n = 0;
    if (json_int(json_get(v->root, STR("n")), &n) && n >= 1 && n <= 16) {
        v->choices = (unsigned)n;
    }
    struct str user = STR_NONE;
    struct str tool_result = STR_NONE;
    yyjson_val *input = json_get(v->root, STR("input"));
    yyjson_val *prompt = json_get(v->root, STR("prompt"));
    read_messages(v, json_get(v->root, STR("messages")), &user, &tool_result);
    if (yyjson_is_arr(input)) {
        read_messages(v, input, &user, &tool_result);
    }
    user = user.ptr == NULL && input != NULL ? text_of(input) : user;
    user = user.ptr == NULL && prompt != NULL ? text_of(prompt) : user;
    marks_read(a, v->model, &v->marks);
    marks_read(a, user, &v->marks);
    user = marks_strip(a, user);
    bool wants_json = false;
    yyjson_val *schema = wanted_schema(v, &wants_json);
    if (v->marks.args.ptr != NULL) {
        pick_tool(a, v, STR("call the tool"));
        v->tool_args = v->marks.args;
    } else if (v->marks.say.ptr != NULL) {
        v->text = v->marks.say;
    } else if (tool_result.ptr != NULL) {
        v->text = arena_printf(a, "The tool said: %.*s", STR_ARG(tool_result));
    } else if (wants_json) {
        v->text = object_for_schema(a, schema, user);
    } else {
        v->text = arena_printf(a, "You said: %.*s", (int)user.len, user.len > 0 ? user.ptr : "");
        pick_tool(a, v, user);
    }
    cut_words(a, v);
    v->tokens_in = v->marks.has_usage ? v->marks.usage_in : count_all_strings(v->root, 0);
    v->tokens_out = v->marks.has_usage ? v->marks.usage_out
                                       : count_words(v->tool.len > 0 ? v->tool_args : v->text);
}

/* The last user text; a tool result behind it is what the model answers to. */
static void read_messages(struct view *v, yyjson_val *messages, struct str *ret_user,
                          struct str *ret_tool_result)
{
    size_t i;
    size_t max;
    yyjson_val *m;
    (void)v;
    yyjson_arr_foreach(messages, i, max, m) {
        struct str role = json_str(json_get(m, STR("role")));
        struct str type = json_str(json_get(m, STR("type")));
        yyjson_val *content = json_get(m, STR("content"));
        yyjson_val *first = yyjson_arr_get_first(content);
        if (str_eq(role, STR("tool")) || str_eq(type, STR("function_call_output"))) {
            *ret_tool_result = text_of(content != NULL ? content : json_get(m, STR("output")));
        } else if (str_eq(json_str(json_get(first, STR("type"))), STR("tool_result"))) {
            *ret_tool_result = text_of(json_get(first, STR("content")));
        } else if (str_eq(role, STR("user"))) {
            *ret_user = text_of(content);
            *ret_tool_result = STR_NONE;
        }
    }
}

/* A string, or the last text among the parts. "" rather than none: it was there. */
static struct str text_of(yyjson_val *content)
{
    struct str text = yyjson_is_arr(content) ? joined_text(content) : json_str(content);
    return text.ptr == NULL ? STR("") : text;
}

static struct str joined_text(yyjson_val *parts)
{
    size_t i;
    size_t max;
    yyjson_val *part;
    struct str text = STR_NONE;
    yyjson_arr_foreach(parts, i, max, part) {
        struct str t = yyjson_is_str(part) ? json_str(part) : json_str(json_get(part, STR("text")));
        text = t.ptr != NULL ? t : text;
    }
    return text;
}

static void pick_tool(struct arena *a, struct view *v, struct str user)
{
    yyjson_val *tool = yyjson_arr_get_first(json_get(v->root, STR("tools")));
    if (tool == NULL || str_find_str(user, STR("call the tool")) < 0) {
        return;
    }
    yyjson_val *function = json_get(tool, STR("function"));
    function = function != NULL ? function : tool;
    yyjson_val *schema = json_get(function, STR("parameters"));
    schema = schema != NULL ? schema : json_get(function, STR("input_schema"));
    v->tool = json_str(json_get(function, STR("name")));
    v->tool_args = object_for_schema(a, schema, user);
}

/* An object with every property the schema names, filled deterministically. */
static struct str object_for_schema(struct arena *a, yyjson_val *schema, struct str text)
{
    struct buf b;
    size_t i;
    size_t max;
    yyjson_val *key;
    yyjson_val *property;
    buf_init(&b, 1024 * 1024);
    buf_add_byte(&b, '{');
    yyjson_val *properties = json_get(schema, STR("properties"));
    yyjson_obj_foreach(properties, i, max, key, property) {
        struct str type = json_str(json_get(property, STR("type")));
        yyjson_val *choice = yyjson_arr_get_first(json_get(property, STR("enum")));
        buf_add(&b, i > 0 ? STR(",") : STR(""));
        json_write_str(&b, json_str(key));
        buf_add_byte(&b, ':');
        if (choice != NULL) {
            json_write_val(&b, choice);
        } else if (str_eq(type, STR("integer")) || str_eq(type, STR("number"))) {
            buf_add(&b, STR("7"));
        } else if (str_eq(type, STR("boolean"))) {
            buf_add(&b, STR("true"));
        } else if (str_eq(type, STR("array"))) {
            buf_add(&b, STR("[]"));
        } else if (str_eq(type, STR("object"))) {
            buf_add(&b, STR("{}"));
        } else {
            json_write_str(&b, text);
        }
    }
    if (properties == NULL) {
        buf_add(&b, STR("\"text\":"));
        json_write_str(&b, text);
    }
    buf_add_byte(&b, '}');
    struct str object = arena_str(a, buf_str(&b));
    buf_fini(&b);
    return object;
}

static yyjson_val *wanted_schema(const struct view *v, bool *ret_wants_json)
{
    yyjson_val *format = json_get(v->root, STR("response_format"));
    format = format != NULL ? format : json_get(json_get(v->root, STR("text")), STR("format"));
    struct str type = json_str(json_get(format, STR("type")));
    *ret_wants_json = str_starts(type, STR("json_"));
    yyjson_val *named = json_get(format, STR("json_schema"));
    return json_get(named != NULL ? named : format, STR("schema"));
}

/* Deltas: a word with the blank in front of it. chunks=N: exactly N of them. pieces=N: N
 * bytes each. */
static void cut_words(struct arena *a, struct view *v)
{
    size_t max = v->marks.chunks > 0 ? (size_t)v->marks.chunks : v->text.len + 1;
    max = max > 100000 ? 100000 : max;
    v->words = ARENA_ARRAY(a, max + 1, struct str);
    if (v->words == NULL) {
        return;
    }
    struct str rest = v->text;
    while (rest.len > 0 && v->words_count < max) {
        size_t len = 1;
        bool is_last = v->words_count + 1 == max;
        while (len < rest.len && (is_last || rest.ptr[len] != ' ')) {
            len++;
        }
        len = v->marks.pieces > 0 ? piece_len(rest, (size_t)v->marks.pieces) : len;
        v->words[v->words_count++] = str_sub(rest, 0, len);
        rest = str_sub(rest, len, rest.len);
    }
    if (v->marks.chunks == 0) {
        return;
    }
    struct buf all;
    buf_init(&all, BODY_BYTES_MAX);
    buf_add(&all, v->text);
    while (v->words_count < max) {
        v->words[v->words_count++] = STR(" more");
        buf_add(&all, STR(" more"));
    }
    v->text = arena_str(a, buf_str(&all));
    buf_fini(&all);
}

static size_t piece_len(struct str rest, size_t bytes)
{
    while (bytes < rest.len && ((unsigned char)rest.ptr[bytes] & 0xc0) == 0x80) {
        bytes++;
    }
    return bytes < rest.len ? bytes : rest.len;
}

#define ARGS_PER_DELTA 7

struct str args_piece(const struct view *v, size_t at)
{
    struct str rest = str_sub(v->tool_args, at, v->tool_args.len);
    size_t bytes = v->marks.pieces > 0 ? (size_t)v->marks.pieces : ARGS_PER_DELTA;
    return str_sub(rest, 0, piece_len(rest, bytes));
}

static uint64_t count_words(struct str s)
{
    uint64_t count = 0;
    bool is_in_word = false;
    for (size_t i = 0; i < s.len; i++) {
        bool is_blank = s.ptr[i] == ' ' || s.ptr[i] == '\n';
        count += !is_blank && !is_in_word;
        is_in_word = !is_blank;
    }
    return count;
}

static uint64_t count_all_strings(yyjson_val *v, unsigned depth)
{
    uint64_t count = yyjson_is_str(v) ? count_words(json_str(v)) : 0;
    size_t i;
    size_t max;
    yyjson_val *key;
    yyjson_val *item;
    if (depth > 32) {
        return 0;
    }
    yyjson_arr_foreach(v, i, max, item) {
        count += count_all_strings(item, depth + 1);
    }
    yyjson_obj_foreach(v, i, max, key, item) {
        count += count_all_strings(item, depth + 1);
    }
    return count;
}
