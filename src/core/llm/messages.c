/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of the messages API: system, and messages whose content is a string or
 * typed blocks: text, thinking, tool use (input is an object: keys and values are
 * texts), tool results, documents, search results, images. Blocks that are not
 * known are refused rather than passed by a content policy unread (catalogue
 * G 137, 147). Memory: the exchange's arena.
 */
#include "llm_private.h"

static enum err walk_message(struct llm_walk *w, yyjson_val *message);
static enum err walk_block(struct llm_walk *w, yyjson_val *block);
static enum err walk_block_member(struct llm_walk *w, struct str type, yyjson_val *key,
                                  yyjson_val *value);
static enum err walk_results(struct llm_walk *w, yyjson_val *results);
static enum err walk_result(struct llm_walk *w, yyjson_val *result);
static enum err walk_source(struct llm_walk *w, struct str block_type, yyjson_val *source);
static enum err walk_source_member(struct llm_walk *w, struct str source_type,
                                   enum llm_unscannable_kind kind, yyjson_val *key,
                                   yyjson_val *value);

static const char *const block_types[] = {
    "text",
    "thinking",
    "redacted_thinking",
    "image",
    "document",
    "search_result",
    "tool_use",
    "tool_result",
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "tool_reference",
    "mcp_tool_use",
    "mcp_tool_result",
    "container_upload",
    "compaction",
    NULL,
};

enum err llm_messages_walk(struct llm_walk *w, yyjson_val *messages)
{
    return llm_walk_each(w, messages, walk_message);
}

static enum err walk_message(struct llm_walk *w, yyjson_val *message)
{
    w->role = llm_role_of(json_str(json_get(message, STR("role"))));
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    yyjson_obj_foreach(llm_each(message), i, count, key, value)
    {
        struct str name = llm_key(key);
        if (LLM_IS(name, "content")) {
            size_t mark = llm_walk_push_key(w, name);
            TRY(llm_blocks_walk(w, value));
            llm_walk_pop(w, mark);
        } else if (!LLM_IS(name, "role") || w->role == LLM_ROLE_OTHER) {
            TRY(llm_walk_member(w, key, value));
        }
    }
    return ERR_OK;
}

enum err llm_blocks_walk(struct llm_walk *w, yyjson_val *content)
{
    if (yyjson_is_str(content)) {
        return llm_walk_text(w, content);
    }
    if (yyjson_is_null(content)) {
        return ERR_OK;
    }
    if (!yyjson_is_arr(content)) {
        return llm_walk_invalid(w, "This must be a string or an array of content blocks.");
    }
    return llm_walk_each(w, content, walk_block);
}

static enum err walk_block(struct llm_walk *w, yyjson_val *block)
{
    struct str type = json_str(json_get(block, STR("type")));
    if (type.ptr == NULL || !llm_str_in(type, block_types)) {
        size_t mark = llm_walk_push_key(w, STR("type"));
        enum err err = llm_walk_invalid(w, "Unknown type of content block; known: text, image, "
                                           "document, tool_use, tool_result, thinking, "
                                           "search_result and the server tools'.");
        llm_walk_pop(w, mark);
        return err;
    }
    enum llm_text_role role = w->role;
    if (str_ends(type, STR("tool_result"))) {
        w->role = LLM_ROLE_TOOL;
    }
    if (LLM_IS(type, "redacted_thinking") || LLM_IS(type, "container_upload")) {
        TRY(llm_walk_opaque(w, LLM_OPAQUE_STORED));
    }
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    yyjson_obj_foreach(llm_each(block), i, count, key, value)
    {
        TRY(walk_block_member(w, type, key, value));
    }
    w->role = role;
    return ERR_OK;
}

static enum err walk_block_member(struct llm_walk *w, struct str type, yyjson_val *key,
                                  yyjson_val *value)
{
    struct str name = llm_key(key);
    bool is_secretive = (LLM_IS(type, "thinking") && LLM_IS(name, "signature")) ||
                        (LLM_IS(type, "redacted_thinking") && LLM_IS(name, "data"));
    if (LLM_IS(name, "type") || is_secretive) {
        return ERR_OK;
    }
    bool has_blocks = LLM_IS(type, "tool_result") || LLM_IS(type, "search_result") ||
                      LLM_IS(type, "mcp_tool_result");
    if (LLM_IS(name, "content") && has_blocks) {
        size_t mark = llm_walk_push_key(w, name);
        TRY(llm_blocks_walk(w, value));
        llm_walk_pop(w, mark);
        return ERR_OK;
    }
    if (LLM_IS(name, "source") && (LLM_IS(type, "image") || LLM_IS(type, "document"))) {
        size_t mark = llm_walk_push_key(w, name);
        TRY(walk_source(w, type, value));
        llm_walk_pop(w, mark);
        return ERR_OK;
    }
    if (LLM_IS(name, "id") || LLM_IS(name, "tool_use_id")) {
        size_t mark = llm_walk_push_key(w, name);
        TRY(llm_walk_id(w, value));
        llm_walk_pop(w, mark);
        return ERR_OK;
    }
    if (LLM_IS(name, "input") && str_ends(type, STR("tool_use"))) {
        size_t mark = llm_walk_push_key(w, name);
        TRY(llm_walk_tool_input(w, key, value));
        llm_walk_pop(w, mark);
        return ERR_OK;
    }
    if (LLM_IS(name, "content") && str_ends(type, STR("_tool_result"))) {
        size_t mark = llm_walk_push_key(w, name);
        TRY(walk_results(w, value));
        llm_walk_pop(w, mark);
        return ERR_OK;
    }
    return llm_walk_member(w, key, value);
}

/* What a tool at the provider found. What it keeps to itself nobody has read. */
static enum err walk_results(struct llm_walk *w, yyjson_val *results)
{
    return yyjson_is_arr(results) ? llm_walk_each(w, results, walk_result)
                                  : llm_walk_any(w, results);
}

static enum err walk_result(struct llm_walk *w, yyjson_val *result)
{
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    if (!yyjson_is_obj(result)) {
        return llm_walk_any(w, result);
    }
    yyjson_obj_foreach(llm_each(result), i, count, key, value)
    {
        if (LLM_IS(llm_key(key), "encrypted_content") && yyjson_is_str(value)) {
            size_t mark = llm_walk_push_key(w, llm_key(key));
            TRY(llm_walk_opaque(w, LLM_OPAQUE_STORED));
            llm_walk_pop(w, mark);
        } else {
            TRY(llm_walk_member(w, key, value));
        }
    }
    return ERR_OK;
}

static enum err walk_source(struct llm_walk *w, struct str block_type, yyjson_val *source)
{
    static const char *const source_types[] = {"base64", "url", "file", "text", "content", NULL};
    enum llm_unscannable_kind kind =
        LLM_IS(block_type, "image") ? LLM_OPAQUE_IMAGE : LLM_OPAQUE_FILE;
    struct str type = json_str(json_get(source, STR("type")));
    if (type.ptr == NULL || !llm_str_in(type, source_types)) {
        size_t mark = llm_walk_push_key(w, STR("type"));
        enum err err =
            llm_walk_invalid(w, "Unknown type of source; known: base64, url, file, text, content.");
        llm_walk_pop(w, mark);
        return err;
    }
    if (LLM_IS(type, "base64") || LLM_IS(type, "file")) {
        TRY(llm_walk_opaque(w, kind));
    }
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    yyjson_obj_foreach(llm_each(source), i, count, key, value)
    {
        TRY(walk_source_member(w, type, kind, key, value));
    }
    return ERR_OK;
}

static enum err walk_source_member(struct llm_walk *w, struct str source_type,
                                   enum llm_unscannable_kind kind, yyjson_val *key,
                                   yyjson_val *value)
{
    struct str name = llm_key(key);
    if (LLM_IS(name, "type") || (LLM_IS(source_type, "base64") && LLM_IS(name, "data"))) {
        return ERR_OK;
    }
    size_t mark = llm_walk_push_key(w, name);
    if (LLM_IS(name, "url")) {
        TRY(llm_walk_url(w, value, kind));
    } else if (LLM_IS(source_type, "content") && LLM_IS(name, "content")) {
        TRY(llm_blocks_walk(w, value));
    } else if (LLM_IS(name, "data")) {
        TRY(llm_walk_any(w, value));
    } else {
        llm_walk_pop(w, mark);
        TRY(llm_walk_member(w, key, value));
    }
    llm_walk_pop(w, mark);
    return ERR_OK;
}
