/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of the Responses API: `input` as a string or a list of items (messages,
 * tool calls and their outputs, reasoning, references to what the provider has
 * stored). References are recorded as opaque: their text is not in this request
 * (product 2.1 `stateful`). Unknown item and part types are refused rather than
 * passed by a content policy unread. Memory: the exchange's arena.
 */
#include "llm_private.h"

static enum err walk_item(struct llm_walk *w, yyjson_val *item);
static bool is_result(struct str name);
static enum err check_item_type(struct llm_walk *w, struct str type);
static enum err walk_item_member(struct llm_walk *w, struct str type, yyjson_val *key,
                                 yyjson_val *value);
static enum err walk_parts(struct llm_walk *w, yyjson_val *parts);
static enum err walk_part_or_thing(struct llm_walk *w, yyjson_val *part);
static enum err walk_part(struct llm_walk *w, yyjson_val *part);
static enum err walk_bytes(struct llm_walk *w, enum llm_unscannable_kind kind,
                           yyjson_val *value);
static enum llm_text_role role_of_item(struct str type, yyjson_val *item);

static const char *const item_types[] = {
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "reasoning",
    "item_reference",
    "compaction",
    "file_search_call",
    "web_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "computer_call",
    "computer_call_output",
    "local_shell_call",
    "local_shell_call_output",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "mcp_call",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
    NULL,
};
static const char *const part_types[] = {
    "input_text",          "output_text", "text",       "refusal",     "summary_text",
    "reasoning_text",      "input_image", "input_file", "input_audio", "output_image",
    "computer_screenshot", NULL,
};

enum err llm_responses_input_walk(struct llm_walk *w, yyjson_val *input)
{
    w->role = LLM_ROLE_USER;
    if (!yyjson_is_arr(input)) {
        return llm_walk_any(w, input);
    }
    return llm_walk_each(w, input, walk_item);
}

static enum err walk_item(struct llm_walk *w, yyjson_val *item)
{
    if (!yyjson_is_obj(item)) {
        return llm_walk_invalid(w, "An input item must be an object.");
    }
    struct str type = json_str(json_get(item, STR("type")));
    if (type.ptr == NULL && json_get(item, STR("role")) != NULL) {
        type = STR("message");
    }
    TRY(check_item_type(w, type));
    w->role = role_of_item(type, item);
    if (LLM_IS(type, "item_reference")) {
        w->request->is_stateful = true;
        TRY(llm_walk_opaque(w, LLM_OPAQUE_STORED));
    }
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    enum llm_text_role role = w->role;
    yyjson_obj_foreach(llm_each(item), i, count, key, value)
    {
        w->role = is_result(llm_key(key)) ? LLM_ROLE_TOOL : role;
        TRY(walk_item_member(w, type, key, value));
    }
    return ERR_OK;
}

/* The members of a call in which a tool at the provider says what it found, or what it is. */
static bool is_result(struct str name)
{
    static const char *const names[] = {"output", "outputs", "results", "error", "tools", NULL};
    return llm_str_in(name, names);
}

static enum err check_item_type(struct llm_walk *w, struct str type)
{
    if (type.ptr != NULL && llm_str_in(type, item_types)) {
        return ERR_OK;
    }
    size_t mark = llm_walk_push_key(w, STR("type"));
    enum err err = llm_walk_invalid(w, "Unknown type of input item; known: message, "
                                       "function_call, function_call_output, reasoning, "
                                       "item_reference and the built-in tools' calls.");
    llm_walk_pop(w, mark);
    return err;
}

static enum llm_text_role role_of_item(struct str type, yyjson_val *item)
{
    if (LLM_IS(type, "message")) {
        return llm_role_of(json_str(json_get(item, STR("role"))));
    }
    return str_ends(type, STR("_output")) ? LLM_ROLE_TOOL : LLM_ROLE_ASSISTANT;
}

static enum err walk_item_member(struct llm_walk *w, struct str type, yyjson_val *key,
                                 yyjson_val *value)
{
    struct str name = llm_key(key);
    if (LLM_IS(name, "type") || (LLM_IS(name, "role") && w->role != LLM_ROLE_OTHER)) {
        return ERR_OK;
    }
    size_t mark = llm_walk_push_key(w, name);
    enum err err;
    if (LLM_IS(name, "content") || LLM_IS(name, "summary") || LLM_IS(name, "output")) {
        err = walk_parts(w, value);
    } else if (LLM_IS(name, "arguments") && yyjson_is_str(value)) {
        err = llm_walk_json_text(w, value);
    } else if (LLM_IS(name, "arguments")) {
        err = llm_walk_tool_input(w, key, value);
    } else if (LLM_IS(name, "id") || LLM_IS(name, "call_id")) {
        err = llm_walk_id(w, value);
    } else if (LLM_IS(name, "encrypted_content") && yyjson_is_str(value)) {
        err = llm_walk_opaque(w, LLM_OPAQUE_STORED);
    } else if (LLM_IS(type, "image_generation_call") && LLM_IS(name, "result") &&
               yyjson_is_str(value)) {
        err = llm_walk_opaque(w, LLM_OPAQUE_IMAGE);
    } else {
        llm_walk_pop(w, mark);
        err = llm_walk_member(w, key, value);
    }
    llm_walk_pop(w, mark);
    return err;
}

/* A string, one part (a screenshot), parts, or a tool's own list of things. */
static enum err walk_parts(struct llm_walk *w, yyjson_val *parts)
{
    if (yyjson_is_obj(parts)) {
        return walk_part(w, parts);
    }
    if (!yyjson_is_arr(parts)) {
        return llm_walk_any(w, parts);
    }
    return llm_walk_each(w, parts, walk_part_or_thing);
}

static enum err walk_part_or_thing(struct llm_walk *w, yyjson_val *part)
{
    bool is_thing = json_get(part, STR("type")) == NULL && w->role == LLM_ROLE_TOOL;
    return is_thing ? llm_walk_any(w, part) : walk_part(w, part);
}

static enum err walk_part(struct llm_walk *w, yyjson_val *part)
{
    struct str type = json_str(json_get(part, STR("type")));
    if (type.ptr == NULL || !llm_str_in(type, part_types)) {
        size_t mark = llm_walk_push_key(w, STR("type"));
        enum err err = llm_walk_invalid(w, "Unknown type of content part; known: input_text, "
                                           "output_text, refusal, input_image, input_file, "
                                           "input_audio, summary_text, reasoning_text.");
        llm_walk_pop(w, mark);
        return err;
    }
    enum llm_unscannable_kind kind = LLM_OPAQUE_IMAGE;
    if (LLM_IS(type, "input_file")) {
        kind = LLM_OPAQUE_FILE;
    } else if (LLM_IS(type, "input_audio")) {
        kind = LLM_OPAQUE_AUDIO;
    }
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    yyjson_obj_foreach(llm_each(part), i, count, key, value)
    {
        struct str name = llm_key(key);
        size_t mark = llm_walk_push_key(w, name);
        bool is_url = LLM_IS(name, "image_url") || LLM_IS(name, "file_url");
        if (is_url && yyjson_is_str(value)) {
            TRY(llm_walk_url(w, value, kind));
        } else if (LLM_IS(name, "file_id") || LLM_IS(name, "file_data") ||
                   LLM_IS(name, "input_audio")) {
            TRY(walk_bytes(w, kind, value));
        } else if (LLM_IS(name, "logprobs")) {
            /* The text again, in pieces that no rule can read. */
            if (yyjson_arr_size(value) > 0 || yyjson_is_obj(value)) {
                TRY(llm_walk_opaque(w, LLM_OPAQUE_TOKENS));
            }
        } else if (!LLM_IS(name, "type")) {
            llm_walk_pop(w, mark);
            TRY(llm_walk_member(w, key, value));
        }
        llm_walk_pop(w, mark);
    }
    return ERR_OK;
}

/* The bytes themselves are what "opaque" means; what is said of them is text. */
static enum err walk_bytes(struct llm_walk *w, enum llm_unscannable_kind kind, yyjson_val *value)
{
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *member;
    if (yyjson_is_null(value)) {
        return ERR_OK;
    }
    TRY(llm_walk_opaque(w, kind));
    if (!yyjson_is_obj(value)) {
        return yyjson_is_str(value) ? ERR_OK : llm_walk_any(w, value);
    }
    yyjson_obj_foreach(llm_each(value), i, count, key, member)
    {
        if (!LLM_IS(llm_key(key), "data")) {
            TRY(llm_walk_member(w, key, member));
        }
    }
    return ERR_OK;
}
