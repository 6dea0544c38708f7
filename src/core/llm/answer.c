/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of what a provider answers: every string leaf of a JSON answer or of one
 * stream event that can carry what the model said, with its span, so that response
 * rules and the sieve can read and edit it before it is relayed (catalogue G
 * 142-144). Growing strings are told apart by channel: choice, content block and
 * tool call each have their own, however the provider interleaves them (trap 5).
 *
 * Left out: identifiers, enumerations, padding (`obfuscation`), signatures,
 * encrypted and binary members, and what a Responses object repeats of the request.
 * Memory: the arena given.
 */
#include "llm_private.h"

static enum err collect(struct arena *a, struct str json, struct llm_walk *w,
                        struct llm_request *view, struct issue *issue);
static enum err walk_value(struct llm_walk *w, struct str key, yyjson_val *v);
static enum err walk_members(struct llm_walk *w, yyjson_val *object);
static enum err walk_string(struct llm_walk *w, struct str key, yyjson_val *string);
static uint64_t channel_of(uint64_t outer, yyjson_val *object);

/* Members of fixed vocabulary: taken only when they do not look like it. */
static const char *const name_keys[] = {
    "id",          "object",        "model",
    "type",        "role",          "status",
    "call_id",     "item_id",       "response_id",
    "tool_use_id", "finish_reason", "stop_reason",
    "phase",       "service_tier",  "system_fingerprint",
    NULL,
};
static const char *const silent_keys[] = {
    "obfuscation",
    "signature",
    "encrypted_content",
    "b64_json",
    "embedding",
    "instructions",
    "tools",
    "tool_choice",
    "metadata",
    "user",
    "prompt",
    "prompt_cache_key",
    "safety_identifier",
    "previous_response_id",
    NULL,
};
/* The strings that grow event by event. */
static const char *const growing_keys[] = {
    "content", "refusal",  "reasoning_content", "reasoning",
    "text",    "thinking", "arguments",         "partial_json",
    "delta",   "input",    "transcript",        NULL,
};

enum err llm_answer_texts(struct arena *a, struct str body, struct llm_text **ret,
                          size_t *ret_count, struct issue *ret_issue)
{
    struct llm_request view;
    struct llm_walk w;
    TRY(collect(a, body, &w, &view, ret_issue));
    TRY(walk_value(&w, STR(""), view.doc.root));
    *ret = view.texts;
    *ret_count = view.texts_count;
    return ERR_OK;
}

enum err llm_json_texts(struct arena *a, struct str json, struct llm_text **ret, size_t *ret_count,
                        struct issue *ret_issue)
{
    struct llm_request view;
    struct llm_walk w;
    memset(&view, 0, sizeof(view));
    view.body = json;
    TRY(json_parse(a, json, &json_limits_default, &view.doc, ret_issue));
    llm_walk_init(&w, a, &view, ret_issue);
    TRY(llm_walk_any(&w, view.doc.root));
    *ret = view.texts;
    *ret_count = view.texts_count;
    return ERR_OK;
}

enum err llm_event_texts(struct arena *a, enum llm_endpoint upstream, struct str data,
                         struct llm_text **ret, size_t *ret_count, struct issue *ret_issue)
{
    struct llm_request view;
    struct llm_walk w;
    *ret = NULL;
    *ret_count = 0;
    if (data.len == 0 || LLM_IS(data, "[DONE]")) {
        return ERR_OK;
    }
    TRY(collect(a, data, &w, &view, ret_issue));
    struct str type = json_str(json_get(view.doc.root, STR("type")));
    w.is_event = true;
    w.is_delta = upstream == LLM_COMPLETIONS;
    w.channel = hash_bytes(str_ends(type, STR(".delta")) ? type : STR_NONE, 1);
    TRY(walk_value(&w, STR(""), view.doc.root));
    *ret = view.texts;
    *ret_count = view.texts_count;
    return ERR_OK;
}

static enum err collect(struct arena *a, struct str json, struct llm_walk *w,
                        struct llm_request *view, struct issue *issue)
{
    memset(view, 0, sizeof(*view));
    view->body = json;
    TRY(json_parse(a, json, &json_limits_default, &view->doc, issue));
    if (!yyjson_is_obj(view->doc.root)) {
        issue_set(issue, "", "The provider's answer is not a JSON object.");
        return ERR_SYNTAX;
    }
    llm_walk_init(w, a, view, issue);
    w->role = LLM_ROLE_ASSISTANT;
    return ERR_OK;
}

static enum err walk_value(struct llm_walk *w, struct str key, yyjson_val *v)
{
    if (yyjson_is_str(v)) {
        return walk_string(w, key, v);
    }
    if (yyjson_is_obj(v)) {
        return walk_members(w, v);
    }
    size_t i;
    size_t count;
    yyjson_val *item;
    if (yyjson_is_arr(v)) {
        yyjson_arr_foreach(llm_each(v), i, count, item)
        {
            size_t mark = llm_walk_push_index(w, i);
            TRY(walk_value(w, key, item));
            llm_walk_pop(w, mark);
        }
    }
    return ERR_OK;
}

static enum err walk_members(struct llm_walk *w, yyjson_val *object)
{
    uint64_t channel = w->channel;
    bool is_delta = w->is_delta;
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    w->channel = channel_of(channel, object);
    yyjson_obj_foreach(llm_each(object), i, count, key, value)
    {
        struct str name = llm_key(key);
        if (llm_str_in(name, silent_keys)) {
            continue;
        }
        size_t mark = llm_walk_push_key(w, name);
        w->is_delta = is_delta || (w->is_event && LLM_IS(name, "delta"));
        if (LLM_IS(name, "input") && yyjson_is_obj(value)) {
            TRY(llm_walk_any(w, value)); /* a tool's input: its keys are texts too */
        } else {
            TRY(walk_value(w, name, value));
        }
        llm_walk_pop(w, mark);
    }
    w->channel = channel;
    w->is_delta = is_delta;
    return ERR_OK;
}

static enum err walk_string(struct llm_walk *w, struct str key, yyjson_val *string)
{
    if (llm_str_in(key, name_keys)) {
        return llm_walk_id(w, string);
    }
    struct llm_request *view = w->request;
    size_t before = view->texts_count;
    bool is_json =
        LLM_IS(key, "arguments") || LLM_IS(key, "partial_json") ||
        (LLM_IS(key, "delta") &&
         str_ends(json_str(json_get(view->doc.root, STR("type"))), STR("arguments.delta")));
    TRY(is_json ? llm_walk_json_text(w, string) : llm_walk_text(w, string));
    if (view->texts_count > before && w->is_delta && llm_str_in(key, growing_keys)) {
        struct llm_text *t = &view->texts[view->texts_count - 1];
        t->is_delta = true;
        t->channel = hash_bytes(key, w->channel);
    }
    return ERR_OK;
}

/* Mixes in whatever numbers say which choice, block, part or tool call this is. */
static uint64_t channel_of(uint64_t outer, yyjson_val *object)
{
    static const char *const numbers[] = {"index", "output_index", "content_index",
                                          "summary_index"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        int64_t n;
        if (json_int(json_get(object, str_from(numbers[i])), &n)) {
            outer = hash_bytes((struct str){(const char *)&n, sizeof(n)}, outer + i + 1);
        }
    }
    return outer;
}

void llm_event_write(struct buf *out, struct str name, struct str data)
{
    if (name.len > 0) {
        LLM_PUT(out, "event: ");
        buf_add(out, name);
        LLM_PUT(out, "\n");
    }
    while (data.ptr != NULL) {
        LLM_PUT(out, "data: ");
        buf_add(out, str_cut(&data, '\n'));
        LLM_PUT(out, "\n");
    }
    LLM_PUT(out, "\n");
}
