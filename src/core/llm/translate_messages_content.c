/* SPDX-License-Identifier: Apache-2.0
 *
 * The conversation of a messages request as chat messages: tool results in front
 * of a user message become tool messages, tool_use blocks become tool calls with
 * their input as a string of the same bytes, images become URLs. What is in an
 * order or of a kind that chat completions cannot show is refused. Exact or not at
 * all; nothing is kept.
 */
#include "llm_private.h"

static enum err put_message(struct llm_walk *w, yyjson_val *message, bool is_last, struct buf *b,
                            bool *is_first);
static enum err put_user(struct llm_walk *w, yyjson_val *content, struct buf *b, bool *is_first);
static enum err put_tool_result(struct llm_walk *w, yyjson_val *block, struct buf *b);
static enum err put_user_part(struct llm_walk *w, yyjson_val *block, struct buf *b);
static enum err put_text_part(struct llm_walk *w, yyjson_val *block, struct buf *b);
static enum err put_image_part(struct llm_walk *w, yyjson_val *block, struct buf *b);
static enum err put_assistant(struct llm_walk *w, yyjson_val *content, struct buf *b);
static enum err put_assistant_texts(struct llm_walk *w, yyjson_val *content, struct buf *b,
                                    size_t *ret_calls_from);
static enum err put_tool_call(struct llm_walk *w, yyjson_val *block, struct buf *b);
static void put_comma(struct buf *b, bool *is_first);

enum err llm_translate_messages_content(struct llm_walk *w, yyjson_val *messages, struct buf *b,
                                        bool *is_first)
{
    size_t i;
    size_t count;
    yyjson_val *message;
    yyjson_arr_foreach(llm_each(messages), i, count, message)
    {
        size_t mark = llm_walk_push_index(w, i);
        TRY(put_message(w, message, i + 1 == count, b, is_first));
        llm_walk_pop(w, mark);
    }
    return ERR_OK;
}

static enum err put_message(struct llm_walk *w, yyjson_val *message, bool is_last, struct buf *b,
                            bool *is_first)
{
    static const char *const allowed[] = {"role", "content", NULL};
    struct str role = json_str(json_get(message, STR("role")));
    yyjson_val *content = json_get(message, STR("content"));
    TRY(llm_only_members(w, message, allowed));
    if (LLM_IS(role, "user")) {
        (void)llm_walk_push_key(w, STR("content"));
        return put_user(w, content, b, is_first);
    }
    if (LLM_IS(role, "assistant") && !is_last) {
        (void)llm_walk_push_key(w, STR("content"));
        put_comma(b, is_first);
        return put_assistant(w, content, b);
    }
    (void)llm_walk_push_key(w, STR("role"));
    if (LLM_IS(role, "assistant")) {
        return llm_walk_unsupported(w, "A last message of the assistant asks to be continued, "
                                       "which OpenAI chat completions cannot do.");
    }
    return llm_walk_unsupported(w, "A message of this role has no exact counterpart in OpenAI "
                                   "chat completions; known: user, assistant.");
}

/* Results first, as the messages API demands too; then what the user says. */
static enum err put_user(struct llm_walk *w, yyjson_val *content, struct buf *b, bool *is_first)
{
    if (yyjson_is_str(content)) {
        put_comma(b, is_first);
        LLM_PUT(b, "{\"role\":\"user\",\"content\":");
        json_write_str(b, json_str(content));
        LLM_PUT(b, "}");
        return ERR_OK;
    }
    if (yyjson_arr_size(content) == 0) {
        return llm_walk_unsupported(w, "A user message without content has no exact counterpart "
                                       "in OpenAI chat completions.");
    }
    bool is_in_parts = false;
    size_t i;
    size_t count;
    yyjson_val *block;
    yyjson_arr_foreach(llm_each(content), i, count, block)
    {
        size_t mark = llm_walk_push_index(w, i);
        bool is_result = LLM_IS(json_str(json_get(block, STR("type"))), "tool_result");
        if (is_result && is_in_parts) {
            return llm_walk_unsupported(w, "Tool results must come before the other content of "
                                           "a user message.");
        }
        if (is_result) {
            put_comma(b, is_first);
            TRY(put_tool_result(w, block, b));
        } else {
            if (!is_in_parts) {
                put_comma(b, is_first);
                LLM_PUT(b, "{\"role\":\"user\",\"content\":[");
            } else {
                LLM_PUT(b, ",");
            }
            is_in_parts = true;
            TRY(put_user_part(w, block, b));
        }
        llm_walk_pop(w, mark);
    }
    if (is_in_parts) {
        LLM_PUT(b, "]}");
    }
    return ERR_OK;
}

static enum err put_tool_result(struct llm_walk *w, yyjson_val *block, struct buf *b)
{
    static const char *const allowed[] = {"type", "tool_use_id", "content", "is_error", NULL};
    TRY(llm_only_members(w, block, allowed));
    yyjson_val *content = json_get(block, STR("content"));
    if (json_bool(json_get(block, STR("is_error")), false)) {
        (void)llm_walk_push_key(w, STR("is_error"));
        return llm_walk_unsupported(w, "OpenAI chat completions cannot mark a tool result as an "
                                       "error; say so in its content.");
    }
    LLM_PUT(b, "{\"role\":\"tool\",\"tool_call_id\":");
    json_write_str(b, json_str(json_get(block, STR("tool_use_id"))));
    LLM_PUT(b, ",\"content\":");
    size_t mark = llm_walk_push_key(w, STR("content"));
    if (content == NULL || yyjson_is_null(content)) {
        LLM_PUT(b, "\"\"");
    } else {
        TRY(llm_translate_text_blocks(w, content, b));
    }
    llm_walk_pop(w, mark);
    LLM_PUT(b, "}");
    return ERR_OK;
}

enum err llm_translate_text_blocks(struct llm_walk *w, yyjson_val *content, struct buf *b)
{
    if (yyjson_is_str(content)) {
        json_write_str(b, json_str(content));
        return ERR_OK;
    }
    if (!yyjson_is_arr(content)) {
        return llm_walk_invalid(w, "This must be a string or an array of content blocks.");
    }
    if (yyjson_arr_size(content) == 0) {
        LLM_PUT(b, "\"\"");
        return ERR_OK;
    }
    return llm_put_items(w, content, put_text_part, b);
}

static enum err put_user_part(struct llm_walk *w, yyjson_val *block, struct buf *b)
{
    if (LLM_IS(json_str(json_get(block, STR("type"))), "image")) {
        return put_image_part(w, block, b);
    }
    return put_text_part(w, block, b);
}

static enum err put_text_part(struct llm_walk *w, yyjson_val *block, struct buf *b)
{
    static const char *const allowed[] = {"type", "text", NULL};
    struct str text = json_str(json_get(block, STR("text")));
    if (!LLM_IS(json_str(json_get(block, STR("type"))), "text") || text.ptr == NULL) {
        (void)llm_walk_push_key(w, STR("type"));
        return llm_walk_unsupported(w, "A content block of this type has no exact counterpart in "
                                       "OpenAI chat completions here.");
    }
    TRY(llm_only_members(w, block, allowed));
    LLM_PUT(b, "{\"type\":\"text\",\"text\":");
    json_write_str(b, text);
    LLM_PUT(b, "}");
    return ERR_OK;
}

static enum err put_image_part(struct llm_walk *w, yyjson_val *block, struct buf *b)
{
    static const char *const allowed[] = {"type", "source", NULL};
    yyjson_val *source = json_get(block, STR("source"));
    struct str type = json_str(json_get(source, STR("type")));
    struct str url = json_str(json_get(source, STR("url")));
    struct str data = json_str(json_get(source, STR("data")));
    struct str media = json_str(json_get(source, STR("media_type")));
    TRY(llm_only_members(w, block, allowed));
    LLM_PUT(b, "{\"type\":\"image_url\",\"image_url\":{\"url\":");
    if (LLM_IS(type, "url") && url.ptr != NULL) {
        json_write_str(b, url);
    } else if (LLM_IS(type, "base64") && data.ptr != NULL && media.ptr != NULL) {
        struct buf data_url;
        buf_init(&data_url, data.len + media.len + 64);
        LLM_PUT(&data_url, "data:");
        buf_add(&data_url, media);
        LLM_PUT(&data_url, ";base64,");
        buf_add(&data_url, data);
        json_write_str(b, buf_str(&data_url));
        enum err err = data_url.err;
        buf_fini(&data_url);
        TRY(err);
    } else {
        (void)llm_walk_push_key(w, STR("source"));
        return llm_walk_unsupported(w, "An image of this source has no exact counterpart in "
                                       "OpenAI chat completions; known: url, base64.");
    }
    LLM_PUT(b, "}}");
    return ERR_OK;
}

static enum err put_assistant(struct llm_walk *w, yyjson_val *content, struct buf *b)
{
    size_t calls_from = 0;
    size_t i;
    size_t count;
    yyjson_val *block;
    LLM_PUT(b, "{\"role\":\"assistant\",\"content\":");
    if (yyjson_is_str(content)) {
        json_write_str(b, json_str(content));
        LLM_PUT(b, "}");
        return ERR_OK;
    }
    TRY(put_assistant_texts(w, content, b, &calls_from));
    if (calls_from < yyjson_arr_size(content)) {
        LLM_PUT(b, ",\"tool_calls\":[");
        yyjson_arr_foreach(llm_each(content), i, count, block)
        {
            if (i < calls_from) {
                continue;
            }
            size_t mark = llm_walk_push_index(w, i);
            if (i > calls_from) {
                LLM_PUT(b, ",");
            }
            TRY(put_tool_call(w, block, b));
            llm_walk_pop(w, mark);
        }
        LLM_PUT(b, "]");
    }
    LLM_PUT(b, "}");
    return ERR_OK;
}

/* The text blocks in front of the first tool use; none at all is null. */
static enum err put_assistant_texts(struct llm_walk *w, yyjson_val *content, struct buf *b,
                                    size_t *ret_calls_from)
{
    size_t texts = 0;
    size_t i;
    size_t count;
    yyjson_val *block;
    yyjson_arr_foreach(llm_each(content), i, count, block)
    {
        if (LLM_IS(json_str(json_get(block, STR("type"))), "tool_use")) {
            break;
        }
        size_t mark = llm_walk_push_index(w, i);
        buf_add(b, texts == 0 ? STR("[") : STR(","));
        TRY(put_text_part(w, block, b));
        texts++;
        llm_walk_pop(w, mark);
    }
    buf_add(b, texts == 0 ? STR("null") : STR("]"));
    *ret_calls_from = texts;
    return ERR_OK;
}

static enum err put_tool_call(struct llm_walk *w, yyjson_val *block, struct buf *b)
{
    static const char *const allowed[] = {"type", "id", "name", "input", NULL};
    yyjson_val *input = llm_get_key(block, STR("input"));
    if (!LLM_IS(json_str(json_get(block, STR("type"))), "tool_use") || input == NULL) {
        (void)llm_walk_push_key(w, STR("type"));
        return llm_walk_unsupported(w, "Behind a tool use only further tool uses have an exact "
                                       "counterpart in OpenAI chat completions.");
    }
    TRY(llm_only_members(w, block, allowed));
    struct json_span span = json_span_of_member_value(&w->request->doc, input);
    LLM_PUT(b, "{\"id\":");
    json_write_str(b, json_str(json_get(block, STR("id"))));
    LLM_PUT(b, ",\"type\":\"function\",\"function\":{\"name\":");
    json_write_str(b, json_str(json_get(block, STR("name"))));
    LLM_PUT(b, ",\"arguments\":");
    json_write_str(b, str_sub(w->request->body, span.from, span.to));
    LLM_PUT(b, "}}");
    return ERR_OK;
}

static void put_comma(struct buf *b, bool *is_first)
{
    if (!*is_first) {
        LLM_PUT(b, ",");
    }
    *is_first = false;
}
