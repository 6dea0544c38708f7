/* SPDX-License-Identifier: Apache-2.0
 *
 * The conversation of a chat/completions request as that of a messages request:
 * system messages in front become `system`, tool messages become tool results of
 * one user message, tool calls become tool_use blocks with their arguments as an
 * object, images keep their URL or their base64 data. Exact or refused, like the
 * rest of the translation (translate_chat.c). Nothing is kept.
 */
#include "llm_private.h"

static enum err put_message(struct llm_walk *w, yyjson_val *message, bool is_last, struct buf *b);
static enum err put_assistant(struct llm_walk *w, yyjson_val *message, struct buf *b);
static enum err put_tool_use(struct llm_walk *w, yyjson_val *call, struct buf *b);
static enum err put_arguments(struct llm_walk *w, yyjson_val *arguments, struct buf *b);
static enum err put_tool_result(struct llm_walk *w, yyjson_val *message, struct buf *b);
static enum err put_content(struct llm_walk *w, yyjson_val *content, bool may_have_images,
                            struct buf *b);
static enum err put_part(struct llm_walk *w, yyjson_val *part, bool may_have_images, bool *is_first,
                         struct buf *b);
static enum err put_image(struct llm_walk *w, yyjson_val *image, struct buf *b);

/* The system messages at the beginning become `system`: text blocks, in order. One
 * that comes later changes the conversation at its place, which `system` cannot. */
enum err llm_translate_chat_system(struct llm_walk *w, yyjson_val *messages, struct buf *b,
                                   size_t *ret_next)
{
    static const char *const allowed[] = {"role", "content", NULL};
    bool is_first = true;
    size_t i;
    size_t count;
    yyjson_val *message;
    yyjson_arr_foreach(llm_each(messages), i, count, message)
    {
        if (llm_role_of(json_str(json_get(message, STR("role")))) != LLM_ROLE_SYSTEM) {
            break;
        }
        size_t mark = llm_walk_push_index(w, i);
        TRY(llm_only_members(w, message, allowed));
        yyjson_val *content = json_get(message, STR("content"));
        if (i == 0) {
            LLM_PUT(b, ",\"system\":[");
        }
        (void)llm_walk_push_key(w, STR("content"));
        if (yyjson_is_str(content)) {
            buf_add(b, is_first ? STR("{\"type\":\"text\",\"text\":")
                                : STR(",{\"type\":\"text\",\"text\":"));
            json_write_str(b, json_str(content));
            LLM_PUT(b, "}");
            is_first = false;
        } else {
            size_t k;
            size_t parts;
            yyjson_val *part;
            yyjson_arr_foreach(llm_each(content), k, parts, part)
            {
                size_t inner = llm_walk_push_index(w, k);
                TRY(put_part(w, part, false, &is_first, b));
                llm_walk_pop(w, inner);
            }
        }
        llm_walk_pop(w, mark);
        *ret_next = i + 1;
    }
    if (*ret_next > 0) {
        LLM_PUT(b, "]");
    }
    return ERR_OK;
}

enum err llm_translate_chat_messages(struct llm_walk *w, yyjson_val *messages, size_t next,
                                     struct buf *b)
{
    bool is_in_results = false;
    bool is_first = true;
    size_t i;
    size_t count;
    yyjson_val *message;
    LLM_PUT(b, ",\"messages\":[");
    yyjson_arr_foreach(llm_each(messages), i, count, message)
    {
        if (i < next) {
            continue;
        }
        size_t mark = llm_walk_push_index(w, i);
        bool is_result = LLM_IS(json_str(json_get(message, STR("role"))), "tool");
        if (is_in_results && !is_result) {
            LLM_PUT(b, "]}");
        }
        if (!is_first) {
            LLM_PUT(b, ",");
        }
        is_first = false;
        if (is_result) {
            if (!is_in_results) {
                LLM_PUT(b, "{\"role\":\"user\",\"content\":[");
            }
            TRY(put_tool_result(w, message, b));
        } else {
            TRY(put_message(w, message, i + 1 == count, b));
        }
        is_in_results = is_result;
        llm_walk_pop(w, mark);
    }
    if (is_in_results) {
        LLM_PUT(b, "]}");
    }
    LLM_PUT(b, "]");
    if (is_first) {
        return llm_walk_unsupported(w, "The provider needs a message besides system messages.");
    }
    return ERR_OK;
}

static enum err put_message(struct llm_walk *w, yyjson_val *message, bool is_last, struct buf *b)
{
    static const char *const allowed[] = {"role", "content", NULL};
    struct str role = json_str(json_get(message, STR("role")));
    if (LLM_IS(role, "user")) {
        TRY(llm_only_members(w, message, allowed));
        LLM_PUT(b, "{\"role\":\"user\",\"content\":");
        size_t mark = llm_walk_push_key(w, STR("content"));
        TRY(put_content(w, json_get(message, STR("content")), true, b));
        llm_walk_pop(w, mark);
        LLM_PUT(b, "}");
        return ERR_OK;
    }
    size_t mark = llm_walk_push_key(w, STR("role"));
    if (!LLM_IS(role, "assistant")) {
        return llm_walk_unsupported(
            w, llm_role_of(role) == LLM_ROLE_SYSTEM
                   ? "A system message behind other messages has no exact counterpart in the "
                     "Anthropic messages API; put it first."
                   : "A message of this role has no exact counterpart in the Anthropic "
                     "messages API; known: system, developer, user, assistant, tool.");
    }
    if (is_last) {
        return llm_walk_unsupported(w, "With this provider a last message of the assistant would "
                                       "be continued; end with a user or tool message.");
    }
    llm_walk_pop(w, mark);
    return put_assistant(w, message, b);
}

static enum err put_assistant(struct llm_walk *w, yyjson_val *message, struct buf *b)
{
    static const char *const allowed[] = {"role", "content", "tool_calls", NULL};
    TRY(llm_only_members(w, message, allowed));
    yyjson_val *content = json_get(message, STR("content"));
    yyjson_val *calls = json_get(message, STR("tool_calls"));
    LLM_PUT(b, "{\"role\":\"assistant\",\"content\":");
    if (!yyjson_is_arr(calls) || yyjson_arr_size(calls) == 0) {
        size_t mark = llm_walk_push_key(w, STR("content"));
        TRY(put_content(w, content, false, b));
        llm_walk_pop(w, mark);
        LLM_PUT(b, "}");
        return ERR_OK;
    }
    bool is_first = true;
    size_t i;
    size_t count;
    yyjson_val *item;
    LLM_PUT(b, "[");
    if (yyjson_is_str(content) && unsafe_yyjson_get_len(content) > 0) {
        LLM_PUT(b, "{\"type\":\"text\",\"text\":");
        json_write_str(b, json_str(content));
        LLM_PUT(b, "}");
        is_first = false;
    } else if (yyjson_is_arr(content)) {
        size_t mark = llm_walk_push_key(w, STR("content"));
        yyjson_arr_foreach(llm_each(content), i, count, item)
        {
            size_t inner = llm_walk_push_index(w, i);
            TRY(put_part(w, item, false, &is_first, b));
            llm_walk_pop(w, inner);
        }
        llm_walk_pop(w, mark);
    }
    size_t mark = llm_walk_push_key(w, STR("tool_calls"));
    yyjson_arr_foreach(llm_each(calls), i, count, item)
    {
        size_t inner = llm_walk_push_index(w, i);
        if (!is_first) {
            LLM_PUT(b, ",");
        }
        is_first = false;
        TRY(put_tool_use(w, item, b));
        llm_walk_pop(w, inner);
    }
    llm_walk_pop(w, mark);
    LLM_PUT(b, "]}");
    return ERR_OK;
}

static enum err put_tool_use(struct llm_walk *w, yyjson_val *call, struct buf *b)
{
    static const char *const allowed[] = {"id", "type", "function", "index", NULL};
    static const char *const allowed_inside[] = {"name", "arguments", NULL};
    yyjson_val *function = json_get(call, STR("function"));
    struct str id = json_str(json_get(call, STR("id")));
    struct str name = json_str(json_get(function, STR("name")));
    TRY(llm_only_members(w, call, allowed));
    if (!yyjson_is_obj(function) || id.len == 0 || name.len == 0) {
        return llm_walk_unsupported(w, "Only calls of functions, with an id and a name, have a "
                                       "counterpart in the Anthropic messages API.");
    }
    size_t mark = llm_walk_push_key(w, STR("function"));
    TRY(llm_only_members(w, function, allowed_inside));
    LLM_PUT(b, "{\"type\":\"tool_use\",\"id\":");
    json_write_str(b, id);
    LLM_PUT(b, ",\"name\":");
    json_write_str(b, name);
    LLM_PUT(b, ",\"input\":");
    (void)llm_walk_push_key(w, STR("arguments"));
    TRY(put_arguments(w, json_get(function, STR("arguments")), b));
    llm_walk_pop(w, mark);
    LLM_PUT(b, "}");
    return ERR_OK;
}

/* The string's own bytes go on when they are an object; none means no arguments. */
static enum err put_arguments(struct llm_walk *w, yyjson_val *arguments, struct buf *b)
{
    struct json_doc doc;
    struct issue ignored;
    struct str text = json_str(arguments);
    if (text.ptr != NULL && text.len == 0) {
        LLM_PUT(b, "{}");
        return ERR_OK;
    }
    if (text.ptr == NULL ||
        json_parse(w->arena, text, &json_limits_default, &doc, &ignored) != ERR_OK ||
        !yyjson_is_obj(doc.root)) {
        return llm_walk_unsupported(w, "The arguments of a tool call must be a JSON object to be "
                                       "translated for this provider.");
    }
    buf_add(b, str_trim(text, " \t\r\n"));
    return ERR_OK;
}

static enum err put_tool_result(struct llm_walk *w, yyjson_val *message, struct buf *b)
{
    static const char *const allowed[] = {"role", "content", "tool_call_id", NULL};
    struct str id = json_str(json_get(message, STR("tool_call_id")));
    TRY(llm_only_members(w, message, allowed));
    if (id.len == 0) {
        (void)llm_walk_push_key(w, STR("tool_call_id"));
        return llm_walk_invalid(w, "A tool message needs the `tool_call_id` it answers.");
    }
    LLM_PUT(b, "{\"type\":\"tool_result\",\"tool_use_id\":");
    json_write_str(b, id);
    LLM_PUT(b, ",\"content\":");
    size_t mark = llm_walk_push_key(w, STR("content"));
    TRY(put_content(w, json_get(message, STR("content")), false, b));
    llm_walk_pop(w, mark);
    LLM_PUT(b, "}");
    return ERR_OK;
}

static enum err put_content(struct llm_walk *w, yyjson_val *content, bool may_have_images,
                            struct buf *b)
{
    if (yyjson_is_str(content)) {
        json_write_str(b, json_str(content));
        return ERR_OK;
    }
    if (!yyjson_is_arr(content)) {
        return llm_walk_unsupported(w, "A message without content has no counterpart in the "
                                       "Anthropic messages API.");
    }
    bool is_first = true;
    size_t i;
    size_t count;
    yyjson_val *part;
    LLM_PUT(b, "[");
    yyjson_arr_foreach(llm_each(content), i, count, part)
    {
        size_t mark = llm_walk_push_index(w, i);
        TRY(put_part(w, part, may_have_images, &is_first, b));
        llm_walk_pop(w, mark);
    }
    LLM_PUT(b, "]");
    return ERR_OK;
}

static enum err put_part(struct llm_walk *w, yyjson_val *part, bool may_have_images, bool *is_first,
                         struct buf *b)
{
    static const char *const text_members[] = {"type", "text", NULL};
    static const char *const image_members[] = {"type", "image_url", NULL};
    struct str type = json_str(json_get(part, STR("type")));
    struct str text = json_str(json_get(part, STR("text")));
    if (!*is_first) {
        LLM_PUT(b, ",");
    }
    *is_first = false;
    if (LLM_IS(type, "text") && text.ptr != NULL) {
        TRY(llm_only_members(w, part, text_members));
        LLM_PUT(b, "{\"type\":\"text\",\"text\":");
        json_write_str(b, text);
        LLM_PUT(b, "}");
        return ERR_OK;
    }
    if (LLM_IS(type, "image_url") && may_have_images) {
        TRY(llm_only_members(w, part, image_members));
        size_t mark = llm_walk_push_key(w, STR("image_url"));
        TRY(put_image(w, json_get(part, STR("image_url")), b));
        llm_walk_pop(w, mark);
        return ERR_OK;
    }
    (void)llm_walk_push_key(w, STR("type"));
    return llm_walk_unsupported(w, "A content part of this type has no exact counterpart in the "
                                   "Anthropic messages API here.");
}

static enum err put_image(struct llm_walk *w, yyjson_val *image, struct buf *b)
{
    static const char *const allowed[] = {"url", "detail", NULL};
    static const char *const media[] = {"image/png", "image/jpeg", "image/gif", "image/webp", NULL};
    struct str url = json_str(json_get(image, STR("url")));
    struct str detail = json_str(json_get(image, STR("detail")));
    TRY(llm_only_members(w, image, allowed));
    if (detail.ptr != NULL && !LLM_IS(detail, "auto")) {
        (void)llm_walk_push_key(w, STR("detail"));
        return llm_walk_unsupported(w, "The provider knows no image detail besides auto.");
    }
    if (str_starts(url, STR("https://")) || str_starts(url, STR("http://"))) {
        LLM_PUT(b, "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":");
        json_write_str(b, url);
        LLM_PUT(b, "}}");
        return ERR_OK;
    }
    struct str rest = str_starts(url, STR("data:")) ? str_sub(url, 5, url.len) : STR_NONE;
    struct str head = str_cut(&rest, ',');
    bool is_base64 = str_ends(head, STR(";base64"));
    struct str type = is_base64 ? str_sub(head, 0, head.len - 7) : STR_NONE;
    if (rest.len == 0 || type.ptr == NULL || !llm_str_in(type, media)) {
        (void)llm_walk_push_key(w, STR("url"));
        return llm_walk_unsupported(w, "The provider takes images as an http(s) URL or as base64 "
                                       "data of PNG, JPEG, GIF or WebP.");
    }
    LLM_PUT(b, "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":");
    json_write_str(b, type);
    LLM_PUT(b, ",\"data\":");
    json_write_str(b, rest);
    LLM_PUT(b, "}}");
    return ERR_OK;
}
