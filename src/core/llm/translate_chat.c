/* SPDX-License-Identifier: Apache-2.0
 *
 * A chat/completions request as a messages request, exactly or not at all. Whatever
 * the messages API cannot say is refused with its pointer (ERR_UNSUPPORTED), unless
 * the member says what is the case anyway (n of 1, penalties of 0, null).
 *
 * `max_tokens` is required there and optional here: without one, 4096 is sent
 * (LLM_DEFAULT_MAX_TOKENS), the one figure this file invents. Writes into the
 * caller's buffer; nothing is kept.
 */
#include "llm_private.h"

/* When a member may be left out of the translation. */
enum neutral { HANDLED, NEVER, IF_FALSE, IF_ONE, IF_ZERO, IF_EMPTY, IF_AUTO, IF_TEXT };

static const struct {
    const char *name;
    enum neutral neutral;
} chat_members[] = {
    {"model", HANDLED},
    {"messages", HANDLED},
    {"max_tokens", HANDLED},
    {"max_completion_tokens", HANDLED},
    {"temperature", HANDLED},
    {"top_p", HANDLED},
    {"stop", HANDLED},
    {"stream", HANDLED},
    {"stream_options", HANDLED},
    {"tools", HANDLED},
    {"tool_choice", HANDLED},
    {"parallel_tool_calls", HANDLED},
    {"user", HANDLED},
    {"governance_policy", HANDLED},
    {"n", IF_ONE},
    {"logprobs", IF_FALSE},
    {"top_logprobs", NEVER},
    {"logit_bias", IF_EMPTY},
    {"frequency_penalty", IF_ZERO},
    {"presence_penalty", IF_ZERO},
    {"response_format", IF_TEXT},
    {"modalities", IF_TEXT},
    {"service_tier", IF_AUTO},
    {"metadata", IF_EMPTY},
    {"store", IF_FALSE},
};

static enum err check_members(struct llm_walk *w);
static bool is_neutral(enum neutral how, yyjson_val *v);
static bool is_text_only(yyjson_val *v);
static enum err put_limits(struct llm_walk *w, struct buf *b);
static enum err put_sampling(struct llm_walk *w, struct buf *b);
static enum err put_stop(struct llm_walk *w, yyjson_val *stop, struct buf *b);
static enum err put_tool(struct llm_walk *w, yyjson_val *tool, struct buf *b);
static enum err put_tool_choice(struct llm_walk *w, struct buf *b);

enum err llm_translate_chat_request(struct llm_walk *w, struct str upstream_model, struct buf *b)
{
    yyjson_val *root = w->request->doc.root;
    yyjson_val *messages = json_get(root, STR("messages"));
    size_t next = 0;
    TRY(check_members(w));
    LLM_PUT(b, "{\"model\":");
    json_write_str(b, upstream_model);
    TRY(put_limits(w, b));
    size_t mark = llm_walk_push_key(w, STR("messages"));
    TRY(llm_translate_chat_system(w, messages, b, &next));
    TRY(llm_translate_chat_messages(w, messages, next, b));
    llm_walk_pop(w, mark);
    TRY(llm_put_tools(w, put_tool, b));
    TRY(put_tool_choice(w, b));
    TRY(put_sampling(w, b));
    if (w->request->is_stream) {
        LLM_PUT(b, ",\"stream\":true");
    }
    struct str user = json_str(json_get(root, STR("user")));
    if (user.len > 0) {
        LLM_PUT(b, ",\"metadata\":{\"user_id\":");
        json_write_str(b, user);
        LLM_PUT(b, "}");
    }
    LLM_PUT(b, "}");
    return b->err;
}

static enum err check_members(struct llm_walk *w)
{
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    yyjson_obj_foreach(llm_each(w->request->doc.root), i, count, key, value)
    {
        enum neutral how = NEVER;
        for (size_t k = 0; k < sizeof(chat_members) / sizeof(chat_members[0]); k++) {
            if (str_eq(llm_key(key), str_from(chat_members[k].name))) {
                how = chat_members[k].neutral;
            }
        }
        if (!is_neutral(how, value)) {
            (void)llm_walk_push_key(w, llm_key(key));
            return llm_walk_unsupported(
                w, "This member has no exact counterpart in the Anthropic messages API; leave "
                   "it out or choose a provider that speaks the OpenAI API.");
        }
    }
    yyjson_val *options = json_get(w->request->doc.root, STR("stream_options"));
    if (json_bool(json_get(options, STR("include_obfuscation")), false)) {
        (void)llm_walk_push_key(w, STR("stream_options"));
        (void)llm_walk_push_key(w, STR("include_obfuscation"));
        return llm_walk_unsupported(w, "Obfuscation is not available from this provider.");
    }
    return ERR_OK;
}

static bool is_neutral(enum neutral how, yyjson_val *v)
{
    if (yyjson_is_null(v)) {
        return true;
    }
    switch (how) {
    case HANDLED:
        return true;
    case NEVER:
        return false;
    case IF_FALSE:
        return yyjson_is_false(v);
    case IF_ONE:
        return yyjson_is_uint(v) && yyjson_get_uint(v) == 1;
    case IF_ZERO:
        return yyjson_is_num(v) && yyjson_get_num(v) == 0;
    case IF_EMPTY:
        return yyjson_is_obj(v) && yyjson_obj_size(v) == 0;
    case IF_AUTO:
        return LLM_IS(json_str(v), "auto");
    case IF_TEXT:
        return is_text_only(v);
    }
    return false;
}

/* response_format {"type":"text"} or modalities ["text"]. */
static bool is_text_only(yyjson_val *v)
{
    if (yyjson_is_arr(v)) {
        return yyjson_arr_size(v) == 1 && LLM_IS(json_str(yyjson_arr_get_first(v)), "text");
    }
    return LLM_IS(json_str(json_get(v, STR("type"))), "text");
}

static enum err put_limits(struct llm_walk *w, struct buf *b)
{
    yyjson_val *root = w->request->doc.root;
    int64_t old = -1;
    int64_t new = -1;
    bool has_old = json_int(json_get(root, STR("max_tokens")), &old);
    bool has_new = json_int(json_get(root, STR("max_completion_tokens")), &new);
    if (has_old && has_new && old != new) {
        (void)llm_walk_push_key(w, STR("max_tokens"));
        return llm_walk_unsupported(
            w, "`max_tokens` and `max_completion_tokens` differ; the provider has one limit.");
    }
    LLM_PUT(b, ",\"max_tokens\":");
    buf_add_u64(b, has_new ? (uint64_t) new : has_old ? (uint64_t)old : LLM_DEFAULT_MAX_TOKENS);
    return ERR_OK;
}

static enum err put_sampling(struct llm_walk *w, struct buf *b)
{
    const struct json_doc *doc = &w->request->doc;
    yyjson_val *temperature = llm_get_key(doc->root, STR("temperature"));
    yyjson_val *top_p = llm_get_key(doc->root, STR("top_p"));
    if (temperature != NULL && !yyjson_is_null(yyjson_obj_iter_get_val(temperature))) {
        yyjson_val *v = yyjson_obj_iter_get_val(temperature);
        if (!yyjson_is_num(v) || yyjson_get_num(v) > 1 || yyjson_get_num(v) < 0) {
            (void)llm_walk_push_key(w, STR("temperature"));
            return llm_walk_unsupported(
                w, "The provider takes a temperature from 0 to 1; choose one in that range.");
        }
        LLM_PUT(b, ",\"temperature\":");
        llm_put_raw(b, doc, temperature);
    }
    if (top_p != NULL && !yyjson_is_null(yyjson_obj_iter_get_val(top_p))) {
        LLM_PUT(b, ",\"top_p\":");
        llm_put_raw(b, doc, top_p);
    }
    return put_stop(w, json_get(doc->root, STR("stop")), b);
}

static enum err put_stop(struct llm_walk *w, yyjson_val *stop, struct buf *b)
{
    if (stop == NULL || yyjson_is_null(stop)) {
        return ERR_OK;
    }
    if (yyjson_is_str(stop)) {
        LLM_PUT(b, ",\"stop_sequences\":[");
        json_write_str(b, json_str(stop));
        LLM_PUT(b, "]");
        return ERR_OK;
    }
    size_t i;
    size_t count;
    yyjson_val *item;
    size_t mark = llm_walk_push_key(w, STR("stop"));
    if (!yyjson_is_arr(stop)) {
        return llm_walk_invalid(w, "`stop` must be a string or an array of strings.");
    }
    LLM_PUT(b, ",\"stop_sequences\":[");
    yyjson_arr_foreach(llm_each(stop), i, count, item)
    {
        if (!yyjson_is_str(item)) {
            (void)llm_walk_push_index(w, i);
            return llm_walk_invalid(w, "A stop sequence must be a string.");
        }
        if (i > 0) {
            LLM_PUT(b, ",");
        }
        json_write_str(b, json_str(item));
    }
    LLM_PUT(b, "]");
    llm_walk_pop(w, mark);
    return ERR_OK;
}

static enum err put_tool(struct llm_walk *w, yyjson_val *tool, struct buf *b)
{
    static const char *const allowed[] = {"type", "function", NULL};
    static const char *const inside[] = {"name", "description", "parameters", "strict", NULL};
    yyjson_val *function = json_get(tool, STR("function"));
    if (!LLM_IS(json_str(json_get(tool, STR("type"))), "function") || !yyjson_is_obj(function)) {
        (void)llm_walk_push_key(w, STR("type"));
        return llm_walk_unsupported(w, "Only tools of type function have an exact counterpart in "
                                       "the Anthropic messages API.");
    }
    TRY(llm_only_members(w, tool, allowed));
    size_t mark = llm_walk_push_key(w, STR("function"));
    TRY(llm_only_members(w, function, inside));
    yyjson_val *parameters = llm_get_key(function, STR("parameters"));
    struct str description = json_str(json_get(function, STR("description")));
    LLM_PUT(b, "{\"name\":");
    json_write_str(b, json_str(json_get(function, STR("name"))));
    if (description.ptr != NULL) {
        LLM_PUT(b, ",\"description\":");
        json_write_str(b, description);
    }
    LLM_PUT(b, ",\"input_schema\":");
    if (parameters != NULL && yyjson_is_obj(yyjson_obj_iter_get_val(parameters))) {
        llm_put_raw(b, &w->request->doc, parameters);
    } else {
        LLM_PUT(b, "{\"type\":\"object\",\"properties\":{}}");
    }
    if (json_bool(json_get(function, STR("strict")), false)) {
        LLM_PUT(b, ",\"strict\":true");
    }
    LLM_PUT(b, "}");
    llm_walk_pop(w, mark);
    return ERR_OK;
}

static enum err put_tool_choice(struct llm_walk *w, struct buf *b)
{
    yyjson_val *root = w->request->doc.root;
    yyjson_val *choice = json_get(root, STR("tool_choice"));
    struct str word = json_str(choice);
    struct str name = json_str(json_get(json_get(choice, STR("function")), STR("name")));
    yyjson_val *tools = json_get(root, STR("tools"));
    bool is_single = yyjson_is_arr(tools) && yyjson_arr_size(tools) > 0 &&
                     !json_bool(json_get(root, STR("parallel_tool_calls")), true);
    bool is_absent = choice == NULL || yyjson_is_null(choice);
    if (is_absent && !is_single) {
        return ERR_OK;
    }
    LLM_PUT(b, ",\"tool_choice\":");
    if (is_absent || LLM_IS(word, "auto")) {
        LLM_PUT(b, "{\"type\":\"auto\"");
    } else if (LLM_IS(word, "none")) {
        LLM_PUT(b, "{\"type\":\"none\"");
        is_single = false;
    } else if (LLM_IS(word, "required")) {
        LLM_PUT(b, "{\"type\":\"any\"");
    } else if (LLM_IS(json_str(json_get(choice, STR("type"))), "function") && name.len > 0) {
        LLM_PUT(b, "{\"type\":\"tool\",\"name\":");
        json_write_str(b, name);
    } else {
        (void)llm_walk_push_key(w, STR("tool_choice"));
        return llm_walk_unsupported(w, "This choice of tools has no exact counterpart in the "
                                       "Anthropic messages API; known: auto, none, required, or "
                                       "one function.");
    }
    buf_add(b, is_single ? STR(",\"disable_parallel_tool_use\":true}") : STR("}"));
    return ERR_OK;
}
