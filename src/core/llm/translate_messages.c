/* SPDX-License-Identifier: Apache-2.0
 *
 * A messages request as a chat/completions request, exactly or not at all. What
 * chat completions cannot say (thinking, cache control, documents, server tools,
 * top_k, a prefilled answer) is refused with its pointer (ERR_UNSUPPORTED). The
 * conversation itself is in translate_messages_content.c.
 * Writes into the caller's buffer; nothing is kept.
 */
#include "llm_private.h"

#define CHAT_STOPS_MAX 4

static enum err check_members(struct llm_walk *w);
static void put_limit(struct llm_walk *w, struct str model, struct buf *b);
static enum err put_system(struct llm_walk *w, struct buf *b, bool *is_first);
static void put_sampling(struct llm_walk *w, struct buf *b);
static enum err put_stops(struct llm_walk *w, struct buf *b);
static enum err put_user(struct llm_walk *w, struct buf *b);
static enum err put_tool(struct llm_walk *w, yyjson_val *tool, struct buf *b);
static enum err put_tool_choice(struct llm_walk *w, struct buf *b);

enum err llm_translate_messages_request(struct llm_walk *w, struct str upstream_model,
                                        struct buf *b)
{
    yyjson_val *messages = json_get(w->request->doc.root, STR("messages"));
    bool is_first = true;
    TRY(check_members(w));
    LLM_PUT(b, "{\"model\":");
    json_write_str(b, upstream_model);
    put_limit(w, upstream_model, b);
    LLM_PUT(b, ",\"messages\":[");
    TRY(put_system(w, b, &is_first));
    size_t mark = llm_walk_push_key(w, STR("messages"));
    TRY(llm_translate_messages_content(w, messages, b, &is_first));
    llm_walk_pop(w, mark);
    LLM_PUT(b, "]");
    TRY(llm_put_tools(w, put_tool, b));
    TRY(put_tool_choice(w, b));
    put_sampling(w, b);
    TRY(put_stops(w, b));
    if (w->request->is_stream) {
        LLM_PUT(b, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    }
    TRY(put_user(w, b));
    LLM_PUT(b, "}");
    return b->err;
}

static enum err check_members(struct llm_walk *w)
{
    static const char *const handled[] = {
        "model",    "messages",          "max_tokens", "system", "temperature",
        "top_p",    "stop_sequences",    "stream",     "tools",  "tool_choice",
        "metadata", "governance_policy", NULL,
    };
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    yyjson_obj_foreach(llm_each(w->request->doc.root), i, count, key, value)
    {
        struct str name = llm_key(key);
        struct str type = json_str(json_get(value, STR("type")));
        bool is_neutral = yyjson_is_null(value) || llm_str_in(name, handled) ||
                          (LLM_IS(name, "thinking") && LLM_IS(type, "disabled")) ||
                          (LLM_IS(name, "service_tier") && LLM_IS(json_str(value), "auto"));
        if (!is_neutral) {
            (void)llm_walk_push_key(w, name);
            return llm_walk_unsupported(
                w, "This member has no exact counterpart in OpenAI chat completions; leave it "
                   "out or choose a provider that speaks the Anthropic messages API.");
        }
    }
    return ERR_OK;
}

/* OpenAI's own models refuse the older name; many compatible servers know no other. */
static void put_limit(struct llm_walk *w, struct str model, struct buf *b)
{
    bool is_openai =
        str_starts(model, STR("gpt-")) || str_starts(model, STR("chatgpt-")) ||
        (model.len >= 2 && model.ptr[0] == 'o' && model.ptr[1] >= '0' && model.ptr[1] <= '9');
    if (is_openai) {
        LLM_PUT(b, ",\"max_completion_tokens\":");
    } else {
        LLM_PUT(b, ",\"max_tokens\":");
    }
    buf_add_u64(b, w->request->output_tokens_max);
}

static enum err put_system(struct llm_walk *w, struct buf *b, bool *is_first)
{
    yyjson_val *system = json_get(w->request->doc.root, STR("system"));
    if (system == NULL || yyjson_is_null(system) ||
        (yyjson_is_arr(system) && yyjson_arr_size(system) == 0)) {
        return ERR_OK;
    }
    size_t mark = llm_walk_push_key(w, STR("system"));
    LLM_PUT(b, "{\"role\":\"system\",\"content\":");
    TRY(llm_translate_text_blocks(w, system, b));
    LLM_PUT(b, "}");
    *is_first = false;
    llm_walk_pop(w, mark);
    return ERR_OK;
}

static void put_sampling(struct llm_walk *w, struct buf *b)
{
    static const char *const names[] = {"temperature", "top_p"};
    const struct json_doc *doc = &w->request->doc;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bool is_first = false;
        yyjson_val *key = llm_get_key(doc->root, str_from(names[i]));
        if (key != NULL && !yyjson_is_null(yyjson_obj_iter_get_val(key))) {
            llm_put_key(b, &is_first, names[i]);
            llm_put_raw(b, doc, key);
        }
    }
}

static enum err put_stops(struct llm_walk *w, struct buf *b)
{
    const struct json_doc *doc = &w->request->doc;
    yyjson_val *key = llm_get_key(doc->root, STR("stop_sequences"));
    yyjson_val *stops = key == NULL ? NULL : yyjson_obj_iter_get_val(key);
    if (stops == NULL || yyjson_is_null(stops) || yyjson_arr_size(stops) == 0) {
        return ERR_OK;
    }
    if (yyjson_arr_size(stops) > CHAT_STOPS_MAX) {
        (void)llm_walk_push_key(w, STR("stop_sequences"));
        return llm_walk_unsupported(w, "The provider takes at most 4 stop sequences.");
    }
    LLM_PUT(b, ",\"stop\":");
    llm_put_raw(b, doc, key);
    return ERR_OK;
}

static enum err put_user(struct llm_walk *w, struct buf *b)
{
    static const char *const allowed[] = {"user_id", NULL};
    size_t mark = llm_walk_push_key(w, STR("metadata"));
    TRY(llm_only_members(w, json_get(w->request->doc.root, STR("metadata")), allowed));
    if (w->request->user.len > 0) {
        LLM_PUT(b, ",\"user\":");
        json_write_str(b, w->request->user);
    }
    llm_walk_pop(w, mark);
    return ERR_OK;
}

static enum err put_tool(struct llm_walk *w, yyjson_val *tool, struct buf *b)
{
    static const char *const allowed[] = {"type",         "name",   "description",
                                          "input_schema", "strict", NULL};
    struct str type = json_str(json_get(tool, STR("type")));
    struct str description = json_str(json_get(tool, STR("description")));
    yyjson_val *schema = llm_get_key(tool, STR("input_schema"));
    if (!yyjson_is_obj(tool) || (type.ptr != NULL && !LLM_IS(type, "custom"))) {
        (void)llm_walk_push_key(w, STR("type"));
        return llm_walk_unsupported(w, "Tools that the provider itself runs have no exact "
                                       "counterpart in OpenAI chat completions.");
    }
    TRY(llm_only_members(w, tool, allowed));
    LLM_PUT(b, "{\"type\":\"function\",\"function\":{\"name\":");
    json_write_str(b, json_str(json_get(tool, STR("name"))));
    if (description.ptr != NULL) {
        LLM_PUT(b, ",\"description\":");
        json_write_str(b, description);
    }
    if (schema != NULL) {
        LLM_PUT(b, ",\"parameters\":");
        llm_put_raw(b, &w->request->doc, schema);
    }
    if (json_bool(json_get(tool, STR("strict")), false)) {
        LLM_PUT(b, ",\"strict\":true");
    }
    LLM_PUT(b, "}}");
    return ERR_OK;
}

static enum err put_tool_choice(struct llm_walk *w, struct buf *b)
{
    static const char *const allowed[] = {"type", "name", "disable_parallel_tool_use", NULL};
    yyjson_val *choice = json_get(w->request->doc.root, STR("tool_choice"));
    struct str type = json_str(json_get(choice, STR("type")));
    struct str name = json_str(json_get(choice, STR("name")));
    if (choice == NULL || yyjson_is_null(choice)) {
        return ERR_OK;
    }
    size_t mark = llm_walk_push_key(w, STR("tool_choice"));
    TRY(llm_only_members(w, choice, allowed));
    LLM_PUT(b, ",\"tool_choice\":");
    if (LLM_IS(type, "auto") || LLM_IS(type, "none")) {
        json_write_str(b, type);
    } else if (LLM_IS(type, "any")) {
        LLM_PUT(b, "\"required\"");
    } else if (LLM_IS(type, "tool") && name.len > 0) {
        LLM_PUT(b, "{\"type\":\"function\",\"function\":{\"name\":");
        json_write_str(b, name);
        LLM_PUT(b, "}}");
    } else {
        return llm_walk_unsupported(w, "This choice of tools has no exact counterpart in OpenAI "
                                       "chat completions; known: auto, any, tool, none.");
    }
    if (json_bool(json_get(choice, STR("disable_parallel_tool_use")), false)) {
        LLM_PUT(b, ",\"parallel_tool_calls\":false");
    }
    llm_walk_pop(w, mark);
    return ERR_OK;
}
