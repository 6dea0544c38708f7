/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of chat/completions: messages with their content parts, names, tool calls
 * (whose arguments are JSON inside a string) and the older function_call. The
 * check of message shapes is shared with the messages API, which has the same
 * skeleton. Content parts that are not known are refused rather than passed by a
 * content policy unread (catalogue G 137). Memory: the exchange's arena.
 */
#include "llm_private.h"

static enum err check_message(struct llm_walk *w, yyjson_val *message, size_t index);
static enum err walk_message(struct llm_walk *w, yyjson_val *message);
static enum err walk_content(struct llm_walk *w, yyjson_val *content);
static enum err walk_part(struct llm_walk *w, yyjson_val *part);
static enum err walk_part_members(struct llm_walk *w, yyjson_val *part, struct str type,
                                  bool is_media);
static enum err walk_media(struct llm_walk *w, struct str type, yyjson_val *media);
static enum err walk_tool_calls(struct llm_walk *w, yyjson_val *calls);
static enum err walk_tool_call(struct llm_walk *w, yyjson_val *call);
static enum err walk_function(struct llm_walk *w, yyjson_val *function);

enum err llm_messages_check(struct llm_walk *w, yyjson_val *messages)
{
    if (!yyjson_is_arr(messages) || yyjson_arr_size(messages) == 0) {
        return llm_walk_invalid(w, "`messages` must be a non-empty array of messages.");
    }
    size_t i;
    size_t count;
    yyjson_val *message;
    yyjson_arr_foreach(llm_each(messages), i, count, message)
    {
        TRY(check_message(w, message, i));
    }
    return ERR_OK;
}

static enum err check_message(struct llm_walk *w, yyjson_val *message, size_t index)
{
    yyjson_val *role = NULL;
    yyjson_val *content = NULL;
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    if (!yyjson_is_obj(message)) {
        (void)llm_walk_push_index(w, index);
        return llm_walk_invalid(w, "A message must be an object.");
    }
    yyjson_obj_foreach(llm_each(message), i, count, key, value)
    {
        struct str name = llm_key(key);
        if (LLM_IS(name, "role")) {
            role = value;
        } else if (LLM_IS(name, "content")) {
            content = value;
        }
    }
    if (!yyjson_is_str(role) || unsafe_yyjson_get_len(role) == 0) {
        (void)llm_walk_push_index(w, index);
        (void)llm_walk_push_key(w, STR("role"));
        return llm_walk_invalid(w, "A message must have a `role` that is a string.");
    }
    bool may_lack = w->request->endpoint == LLM_CHAT;
    bool is_absent = content == NULL || yyjson_is_null(content);
    if (is_absent ? !may_lack : !yyjson_is_str(content) && !yyjson_is_arr(content)) {
        (void)llm_walk_push_index(w, index);
        (void)llm_walk_push_key(w, STR("content"));
        return llm_walk_invalid(w, "The `content` of a message must be a string or an array.");
    }
    return ERR_OK;
}

enum llm_text_role llm_role_of(struct str role)
{
    if (LLM_IS(role, "user")) {
        return LLM_ROLE_USER;
    }
    if (LLM_IS(role, "assistant")) {
        return LLM_ROLE_ASSISTANT;
    }
    if (LLM_IS(role, "system") || LLM_IS(role, "developer")) {
        return LLM_ROLE_SYSTEM;
    }
    if (LLM_IS(role, "tool") || LLM_IS(role, "function")) {
        return LLM_ROLE_TOOL;
    }
    return LLM_ROLE_OTHER;
}

enum err llm_chat_walk(struct llm_walk *w, yyjson_val *messages)
{
    return llm_walk_each(w, messages, walk_message);
}

static enum err walk_message(struct llm_walk *w, yyjson_val *message)
{
    struct str role = json_str(json_get(message, STR("role")));
    w->role = llm_role_of(role);
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    yyjson_obj_foreach(llm_each(message), i, count, key, value)
    {
        struct str name = llm_key(key);
        size_t mark = llm_walk_push_key(w, name);
        if (LLM_IS(name, "content")) {
            TRY(walk_content(w, value));
        } else if (LLM_IS(name, "tool_calls")) {
            TRY(walk_tool_calls(w, value));
        } else if (LLM_IS(name, "function_call")) {
            TRY(walk_function(w, value));
        } else if (LLM_IS(name, "tool_call_id")) {
            TRY(llm_walk_id(w, value));
        } else if (LLM_IS(name, "audio") && !yyjson_is_null(value)) {
            TRY(llm_walk_opaque(w, LLM_OPAQUE_STORED));
            TRY(llm_walk_any(w, value));
        } else if (LLM_IS(name, "logprobs") && yyjson_is_ctn(value)) {
            TRY(llm_walk_opaque(w, LLM_OPAQUE_TOKENS));
        } else if (LLM_IS(name, "name") || LLM_IS(name, "refusal") ||
                   (LLM_IS(name, "role") && w->role == LLM_ROLE_OTHER)) {
            TRY(llm_walk_any(w, value));
        } else if (!LLM_IS(name, "role")) {
            llm_walk_pop(w, mark);
            TRY(llm_walk_member(w, key, value));
        }
        llm_walk_pop(w, mark);
    }
    return ERR_OK;
}

/* What the model is expected to say: a text, or parts like those of a message. */
enum err llm_prediction_walk(struct llm_walk *w, yyjson_val *prediction)
{
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    if (!yyjson_is_obj(prediction)) {
        return llm_walk_any(w, prediction);
    }
    yyjson_obj_foreach(llm_each(prediction), i, count, key, value)
    {
        if (LLM_IS(llm_key(key), "content")) {
            size_t mark = llm_walk_push_key(w, llm_key(key));
            TRY(walk_content(w, value));
            llm_walk_pop(w, mark);
        } else {
            TRY(llm_walk_member(w, key, value));
        }
    }
    return ERR_OK;
}

static enum err walk_content(struct llm_walk *w, yyjson_val *content)
{
    if (!yyjson_is_arr(content)) {
        return llm_walk_any(w, content);
    }
    return llm_walk_each(w, content, walk_part);
}

/* Each is the name of the member that has it as well. */
static const char *const media_types[] = {"image_url", "input_audio", "file", NULL};

static enum err walk_part(struct llm_walk *w, yyjson_val *part)
{
    static const char *const text_types[] = {"text", "refusal", "input_text", "output_text", NULL};
    struct str type = json_str(json_get(part, STR("type")));
    bool is_media = type.ptr != NULL && llm_str_in(type, media_types);
    if (!is_media && (type.ptr == NULL || !llm_str_in(type, text_types))) {
        size_t mark = llm_walk_push_key(w, STR("type"));
        enum err err = llm_walk_invalid(w, "Unknown type of content part; known: text, refusal, "
                                           "image_url, input_audio, file.");
        llm_walk_pop(w, mark);
        return err;
    }
    return walk_part_members(w, part, type, is_media);
}

/* A picture is one wherever it stands: who reads the part may go by its members. */
static enum err walk_part_members(struct llm_walk *w, yyjson_val *part, struct str type,
                                  bool is_media)
{
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    yyjson_obj_foreach(llm_each(part), i, count, key, value)
    {
        struct str name = llm_key(key);
        if (LLM_IS(name, "type")) {
            continue;
        }
        if (llm_str_in(name, media_types) && !yyjson_is_null(value)) {
            size_t mark = llm_walk_push_key(w, name);
            TRY(walk_media(w, name, value));
            llm_walk_pop(w, mark);
            is_media = is_media && !str_eq(name, type);
        } else {
            TRY(llm_walk_member(w, key, value));
        }
    }
    return is_media ? llm_walk_invalid(w, "This content part lacks the member that its type names.")
                    : ERR_OK;
}

static enum err walk_media(struct llm_walk *w, struct str type, yyjson_val *media)
{
    if (LLM_IS(type, "image_url")) {
        if (yyjson_is_str(media)) {
            return llm_walk_url(w, media, LLM_OPAQUE_IMAGE);
        }
        size_t mark = llm_walk_push_key(w, STR("url"));
        TRY(llm_walk_url(w, json_get(media, STR("url")), LLM_OPAQUE_IMAGE));
        llm_walk_pop(w, mark);
    } else if (LLM_IS(type, "input_audio")) {
        TRY(llm_walk_opaque(w, LLM_OPAQUE_AUDIO));
    } else {
        TRY(llm_walk_opaque(w, LLM_OPAQUE_FILE));
    }
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    yyjson_obj_foreach(llm_each(media), i, count, key, value)
    {
        struct str name = llm_key(key);
        /* The bytes themselves are what "opaque" means; all else is text. */
        if (!LLM_IS(name, "url") && !LLM_IS(name, "data") && !LLM_IS(name, "file_data")) {
            TRY(llm_walk_member(w, key, value));
        }
    }
    return ERR_OK;
}

static enum err walk_tool_calls(struct llm_walk *w, yyjson_val *calls)
{
    if (yyjson_is_null(calls)) {
        return ERR_OK;
    }
    if (!yyjson_is_arr(calls)) {
        return llm_walk_invalid(w, "`tool_calls` must be an array.");
    }
    return llm_walk_each(w, calls, walk_tool_call);
}

static enum err walk_tool_call(struct llm_walk *w, yyjson_val *call)
{
    if (!yyjson_is_obj(call)) {
        return llm_walk_invalid(w, "A tool call must be an object.");
    }
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    yyjson_obj_foreach(llm_each(call), i, count, key, value)
    {
        struct str name = llm_key(key);
        size_t mark = llm_walk_push_key(w, name);
        if (LLM_IS(name, "id")) {
            TRY(llm_walk_id(w, value));
        } else if (LLM_IS(name, "function")) {
            TRY(walk_function(w, value));
        } else {
            llm_walk_pop(w, mark);
            TRY(llm_walk_member(w, key, value));
        }
        llm_walk_pop(w, mark);
    }
    return ERR_OK;
}

static enum err walk_function(struct llm_walk *w, yyjson_val *function)
{
    if (yyjson_is_null(function)) {
        return ERR_OK;
    }
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    if (!yyjson_is_obj(function)) {
        return llm_walk_invalid(w, "A function call must be an object.");
    }
    yyjson_obj_foreach(llm_each(function), i, count, key, value)
    {
        struct str name = llm_key(key);
        if (LLM_IS(name, "arguments") && yyjson_is_str(value)) {
            size_t mark = llm_walk_push_key(w, name);
            TRY(llm_walk_json_text(w, value));
            llm_walk_pop(w, mark);
        } else if (LLM_IS(name, "arguments")) {
            size_t mark = llm_walk_push_key(w, name);
            TRY(llm_walk_tool_input(w, key, value));
            llm_walk_pop(w, mark);
        } else {
            TRY(llm_walk_member(w, key, value));
        }
    }
    return ERR_OK;
}
