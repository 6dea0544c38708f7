/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk: where we are in a document (its JSON pointer) and what texts were
 * found there. The generic descent takes EVERY string leaf and every key that is
 * not a well-known word, because policy must never miss a string in a place that
 * nobody thought of (catalogue F 126, 127, 131); the endpoint files only add what
 * they know better: roles, JSON-in-strings, and what cannot be read at all.
 *
 * It judges no text. Memory: the exchange's arena, growing by doubling. Depth is
 * bounded by the JSON parser (64).
 */
#include "llm_private.h"

static void append_path(struct llm_walk *w, const char *bytes, size_t len);
static enum err add_text(struct llm_walk *w, yyjson_val *string, bool is_json, bool is_key);
static enum err push_text(struct llm_walk *w, struct llm_text **ret);
static void take_halves(const struct llm_walk *w, struct llm_text *t);
static enum err add_number(struct llm_walk *w);
static size_t find_number(struct str text, size_t at);
static enum err out_of_room(struct llm_walk *w);
static enum err walk_base64(struct llm_walk *w, struct str key);
static bool is_sample(struct str key);
static bool is_plain_key(struct str key);
static bool is_plain_type(struct str key, yyjson_val *value);

/* Keys and type names of the APIs and of JSON Schema: they carry nothing of the
 * caller's, and editing one would change the meaning of the body. */
static const char *const plain_keys[] = {
    "type",
    "text",
    "name",
    "role",
    "content",
    "function",
    "parameters",
    "strict",
    "description",
    "required",
    "properties",
    "items",
    "enum",
    "default",
    "title",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "const",
    "format",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "additionalProperties",
    "$schema",
    "$ref",
    "$defs",
    "definitions",
    "input_schema",
    "schema",
    "json_schema",
    "cache_control",
    "ttl",
    "id",
    "effort",
    "summary",
    "include_usage",
    "include_obfuscation",
    "verbosity",
    "budget_tokens",
    "user_id",
    "temperature",
    "top_p",
    "seed",
    "stop",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "store",
    "frequency_penalty",
    "presence_penalty",
    "response_format",
    "tool_choice",
    "service_tier",
    "parallel_tool_calls",
    "reasoning_effort",
    "modalities",
    "prediction",
    "reasoning",
    "input",
    "thinking",
    "media_type",
    "filename",
    "file_id",
    "detail",
    "variables",
    "suffix",
    "echo",
    "encoding_format",
    "dimensions",
    "top_k",
    "stop_sequences",
    "status",
    "call_id",
    "tool_use_id",
    "citations",
    "signature",
    "truncation",
    "include",
    "index",
    "arguments",
    NULL,
};
static const char *const plain_types[] = {
    "object", "string",   "number", "integer",     "boolean",     "array",     "null",
    "text",   "function", "custom", "json_schema", "json_object", "ephemeral", "auto",
    "any",    "tool",     "none",   "enabled",     "disabled",    "adaptive",  NULL,
};

void llm_walk_init(struct llm_walk *w, struct arena *a, struct llm_request *r, struct issue *issue)
{
    w->arena = a;
    w->request = r;
    w->issue = issue;
    w->role = LLM_ROLE_OTHER;
    w->texts_capacity = 0;
    w->opaques_capacity = 0;
    w->is_event = false;
    w->is_delta = false;
    w->is_piece = false;
    w->channel = 0;
    w->scope = 0;
    w->halves = NULL;
    w->halves_count = 0;
    w->drops = NULL;
    w->drops_count = 0;
    w->drops_capacity = 0;
    w->is_tool_input = false;
    w->number_at = 0;
    w->counts_objects = false;
    w->object = w->objects_count = 0;
    w->path_len = 0;
    w->path[0] = '\0';
}

size_t llm_walk_push_key(struct llm_walk *w, struct str key)
{
    size_t mark = w->path_len;
    append_path(w, "/", 1);
    if (memchr(key.ptr, '~', key.len) == NULL && memchr(key.ptr, '/', key.len) == NULL) {
        size_t room = sizeof(w->path) - 1 - w->path_len;
        append_path(w, key.ptr, key.len < room ? key.len : room);
        return mark;
    }
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] == '~') {
            append_path(w, "~0", 2);
        } else if (key.ptr[i] == '/') {
            append_path(w, "~1", 2);
        } else {
            append_path(w, key.ptr + i, 1);
        }
    }
    return mark;
}

size_t llm_walk_push_index(struct llm_walk *w, size_t index)
{
    char digits[24];
    size_t mark = w->path_len;
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + index % 10);
        index /= 10;
    } while (index > 0);
    digits[--at] = '/';
    append_path(w, digits + at, sizeof(digits) - at);
    return mark;
}

void llm_walk_pop(struct llm_walk *w, size_t mark)
{
    w->path_len = mark;
}

static void append_path(struct llm_walk *w, const char *bytes, size_t len)
{
    if (w->path_len + len < sizeof(w->path)) {
        memcpy(w->path + w->path_len, bytes, len);
        w->path_len += len;
    }
}

enum err llm_walk_invalid(struct llm_walk *w, const char *sentence)
{
    w->path[w->path_len] = '\0';
    issue_set(w->issue, w->path, "%s", sentence);
    return ERR_INVALID;
}

enum err llm_walk_unsupported(struct llm_walk *w, const char *sentence)
{
    w->path[w->path_len] = '\0';
    issue_set(w->issue, w->path, "%s", sentence);
    return ERR_UNSUPPORTED;
}

enum err llm_walk_text(struct llm_walk *w, yyjson_val *string)
{
    return add_text(w, string, false, false);
}

enum err llm_walk_json_text(struct llm_walk *w, yyjson_val *string)
{
    return add_text(w, string, true, false);
}

static enum err add_text(struct llm_walk *w, yyjson_val *string, bool is_json, bool is_key)
{
    struct llm_text *t;
    if (unsafe_yyjson_get_len(string) == 0) {
        return ERR_OK;
    }
    TRY(push_text(w, &t));
    t->value = llm_key(string);
    t->span = json_span_of_string(&w->request->doc, string);
    t->is_json = is_json;
    t->is_key = is_key;
    t->scope = w->object;
    if (w->halves_count > 0) {
        take_halves(w, t);
    }
    return ERR_OK;
}

/* A text at the present place. */
static enum err push_text(struct llm_walk *w, struct llm_text **ret)
{
    struct llm_request *r = w->request;
    struct llm_text *grown = arena_grow(w->arena, r->texts, &w->texts_capacity,
                                        r->texts_count + 1, sizeof(*grown));
    if (grown == NULL) {
        return out_of_room(w);
    }
    r->texts = grown;
    struct llm_text *t = &r->texts[r->texts_count];
    *t = (struct llm_text){.pointer = arena_str(w->arena, (struct str){w->path, w->path_len}),
                           .role = w->role};
    if (t->pointer.ptr == NULL) {
        return out_of_room(w);
    }
    r->texts_count++;
    *ret = t;
    return ERR_OK;
}

static enum err out_of_room(struct llm_walk *w)
{
    issue_set(w->issue, "", "The request needs more memory than one request may use.");
    return ERR_LIMIT;
}

/* A half at either end of the string stands there as U+FFFD, three bytes. */
static void take_halves(const struct llm_walk *w, struct llm_text *t)
{
    for (size_t i = 0; i < w->halves_count; i++) {
        const struct llm_half *h = &w->halves[i];
        if (h->at == t->span.from + 1 && h->code >= 0xdc00) {
            t->half_before = h->code;
            t->value = str_sub(t->value, 3, t->value.len);
        } else if (h->at + 7 == t->span.to && h->code < 0xdc00) {
            t->half_after = h->code;
            t->value = str_sub(t->value, 0, t->value.len - 3);
        }
    }
}

/* The parser kept the number's value, not its text: that is the next number of the
 * document, because every value of a tool's input is visited in order. */
static enum err add_number(struct llm_walk *w)
{
    struct llm_text *t;
    struct str text = w->request->doc.text;
    size_t from = find_number(text, w->number_at);
    size_t to = from;
    while (to < text.len && memchr("+-.eE0123456789", text.ptr[to], 15) != NULL) {
        to++;
    }
    w->number_at = to;
    TRY(push_text(w, &t));
    t->value = str_sub(text, from, to);
    t->span = (struct json_span){from, to};
    t->is_number = true;
    return ERR_OK;
}

static size_t find_number(struct str text, size_t at)
{
    while (at < text.len && text.ptr[at] != '-' && (text.ptr[at] < '0' || text.ptr[at] > '9')) {
        if (text.ptr[at] == '"') {
            for (at++; at < text.len && text.ptr[at] != '"'; at++) {
                at += text.ptr[at] == '\\' ? 1 : 0;
            }
        }
        at++;
    }
    return at < text.len ? at : text.len;
}

/* Ids are made by providers and SDKs ("call_9x..."); scanning them yields false
 * alarms only. What does not look like one (a digit run such as a card number, a
 * sentence) is a text like any other. */
enum err llm_walk_id(struct llm_walk *w, yyjson_val *string)
{
    struct str s = json_str(string);
    bool is_id =
        s.len >= 1 && s.len <= 80 && ((s.ptr[0] | 0x20) >= 'a' && (s.ptr[0] | 0x20) <= 'z');
    for (size_t i = 0; is_id && i < s.len; i++) {
        char c = s.ptr[i];
        char lower = (char)(c | 0x20);
        is_id = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                c == '.' || c == ':';
    }
    if (is_id) {
        return ERR_OK;
    }
    return llm_walk_any(w, string);
}

enum err llm_walk_opaque(struct llm_walk *w, enum llm_unscannable_kind kind)
{
    struct llm_request *r = w->request;
    struct llm_opaque *grown = arena_grow(w->arena, r->opaques, &w->opaques_capacity,
                                          r->opaques_count + 1, sizeof(*grown));
    if (grown == NULL) {
        return out_of_room(w);
    }
    r->opaques = grown;
    struct llm_opaque *o = &r->opaques[r->opaques_count];
    o->kind = kind;
    o->pointer = arena_str(w->arena, (struct str){w->path, w->path_len});
    if (o->pointer.ptr == NULL) {
        return out_of_room(w);
    }
    r->opaques_count++;
    return ERR_OK;
}

enum err llm_walk_url(struct llm_walk *w, yyjson_val *url, enum llm_unscannable_kind kind)
{
    struct str s = json_str(url);
    if (s.ptr == NULL) {
        return llm_walk_invalid(w, "A URL must be a string.");
    }
    if (s.len >= 5 && str_eq_nocase(str_sub(s, 0, 5), STR("data:"))) {
        return llm_walk_opaque(w, kind);
    }
    TRY(llm_walk_opaque(w, LLM_OPAQUE_URL));
    return llm_walk_text(w, url);
}

enum err llm_walk_any(struct llm_walk *w, yyjson_val *v)
{
    if (yyjson_is_str(v)) {
        struct str s = llm_key(v);
        if (s.len > 64 && str_eq_nocase(str_sub(s, 0, 5), STR("data:"))) {
            TRY(llm_walk_opaque(w, LLM_OPAQUE_FILE));
        }
        return llm_walk_text(w, v);
    }
    if (w->is_tool_input && yyjson_is_num(v)) {
        return add_number(w);
    }
    if (yyjson_is_arr(v)) {
        return llm_walk_each(w, v, llm_walk_any);
    }
    if (yyjson_is_obj(v)) {
        size_t i;
        size_t count;
        yyjson_val *key;
        yyjson_val *value;
        uint64_t object = w->counts_objects ? ++w->objects_count : 0;
        yyjson_obj_foreach(llm_each(v), i, count, key, value)
        {
            w->object = object;
            TRY(!w->is_tool_input && llm_is_base64(v, llm_key(key), value)
                    ? walk_base64(w, llm_key(key))
                    : llm_walk_member(w, key, value));
        }
    }
    return ERR_OK;
}

bool llm_is_base64(yyjson_val *object, struct str key, yyjson_val *value)
{
    return LLM_IS(key, "data") && yyjson_is_str(value) &&
           LLM_IS(json_str(json_get(object, STR("type"))), "base64");
}

static enum err walk_base64(struct llm_walk *w, struct str key)
{
    size_t mark = llm_walk_push_key(w, key);
    enum err err = llm_walk_opaque(w, LLM_OPAQUE_FILE);
    llm_walk_pop(w, mark);
    return err;
}

enum err llm_walk_tool_input(struct llm_walk *w, yyjson_val *key, yyjson_val *value)
{
    w->is_tool_input = true;
    w->number_at = json_span_of_member_value(&w->request->doc, key).from;
    enum err err = llm_walk_any(w, value);
    w->is_tool_input = false;
    return err;
}

enum err llm_walk_each(struct llm_walk *w, yyjson_val *array,
                       enum err (*walk)(struct llm_walk *w, yyjson_val *item))
{
    size_t i;
    size_t count;
    yyjson_val *item;
    yyjson_arr_foreach(llm_each(array), i, count, item)
    {
        size_t mark = llm_walk_push_index(w, i);
        TRY(walk(w, item));
        llm_walk_pop(w, mark);
    }
    return ERR_OK;
}

enum err llm_walk_member(struct llm_walk *w, yyjson_val *key, yyjson_val *value)
{
    /* Well-known words are well known in the APIs, not in what a tool is called with. */
    if (!w->is_tool_input && is_plain_type(llm_key(key), value)) {
        return ERR_OK;
    }
    size_t mark = llm_walk_push_key(w, llm_key(key));
    if (w->is_tool_input || !is_plain_key(llm_key(key))) {
        TRY(add_text(w, key, false, true));
    }
    TRY(!w->is_tool_input && is_sample(llm_key(key)) ? llm_walk_tool_input(w, key, value)
                                                     : llm_walk_any(w, value));
    llm_walk_pop(w, mark);
    return ERR_OK;
}

/* The members of a schema in which values stand, as they stand in calls. */
static bool is_sample(struct str key)
{
    static const char *const names[] = {"default", "const", "enum", "examples", NULL};
    return llm_str_in(key, names);
}

static bool is_plain_key(struct str key)
{
    return llm_str_in(key, plain_keys);
}

static bool is_plain_type(struct str key, yyjson_val *value)
{
    return LLM_IS(key, "type") && yyjson_is_str(value) && llm_str_in(llm_key(value), plain_types);
}

bool llm_str_in(struct str s, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (words[i][0] == (s.len > 0 ? s.ptr[0] : '\0') && strlen(words[i]) == s.len &&
            memcmp(words[i], s.ptr, s.len) == 0) {
            return true;
        }
    }
    return false;
}
