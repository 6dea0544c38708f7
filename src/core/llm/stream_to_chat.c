/* SPDX-License-Identifier: Apache-2.0
 *
 * A messages stream as a chat/completions stream, event by event:
 *
 *   message_start        -> a chunk with the role
 *   content_block_start  -> nothing (text), or a chunk that opens a tool call
 *   content_block_delta  -> a chunk with text or a fragment of arguments
 *   content_block_stop   -> nothing, or "{}" for a tool call without arguments
 *   message_delta        -> a chunk with the finish reason; usage is noted
 *   message_stop         -> the usage chunk if the client asked, then [DONE]
 *   ping, thinking       -> nothing
 *
 * Anything else is an error: an event that is not understood may be content. State
 * is in struct llm_relay; strings that outlive an event go to the exchange's arena.
 */
#include "llm_private.h"

static enum err on_start(struct llm_relay *r, yyjson_val *root, struct buf *out);
static enum err on_block_start(struct llm_relay *r, yyjson_val *root, struct buf *out,
                               struct issue *issue);
static enum err on_block_delta(struct llm_relay *r, yyjson_val *root, struct buf *out,
                               struct issue *issue);
static enum err on_block_stop(struct llm_relay *r, struct buf *out);
static enum err on_message_delta(struct llm_relay *r, struct buf *out);
static enum err on_stop(struct llm_relay *r, struct buf *out);
static void open_chunk(struct llm_relay *r, struct buf *out);
static void open_delta(struct llm_relay *r, struct buf *out);
static void close_delta(struct llm_relay *r, struct buf *out, struct str finish_reason);
static void close_chunk(struct llm_relay *r, struct buf *out);
static void put_arguments(struct llm_relay *r, struct buf *out, struct str fragment);
static enum err unexpected(struct issue *issue, const char *sentence);

enum err llm_stream_to_chat(struct llm_relay *r, yyjson_val *root, struct buf *out,
                            struct issue *issue)
{
    struct str type = json_str(json_get(root, STR("type")));
    if (LLM_IS(type, "ping")) {
        return ERR_OK;
    }
    if (LLM_IS(type, "message_start")) {
        return r->is_started ? unexpected(issue, "A second message_start.")
                             : on_start(r, root, out);
    }
    if (!r->is_started) {
        return unexpected(issue, "The provider's stream does not begin with message_start.");
    }
    if (LLM_IS(type, "content_block_start")) {
        return on_block_start(r, root, out, issue);
    }
    if (LLM_IS(type, "content_block_delta")) {
        return on_block_delta(r, root, out, issue);
    }
    if (LLM_IS(type, "content_block_stop")) {
        return on_block_stop(r, out);
    }
    if (LLM_IS(type, "message_delta")) {
        return on_message_delta(r, out);
    }
    if (LLM_IS(type, "message_stop")) {
        return r->is_finished ? on_stop(r, out)
                              : unexpected(issue, "The answer ended without a stop reason.");
    }
    return unexpected(issue, "An event of this type cannot be translated.");
}

static enum err unexpected(struct issue *issue, const char *sentence)
{
    issue_set(issue, "/type", "%s", sentence);
    return ERR_SYNTAX;
}

static enum err on_start(struct llm_relay *r, yyjson_val *root, struct buf *out)
{
    r->is_started = true;
    r->id = arena_str(r->arena, json_str(json_get(json_get(root, STR("message")), STR("id"))));
    if (r->id.ptr == NULL) {
        return ERR_LIMIT;
    }
    open_delta(r, out);
    LLM_PUT(out, "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null");
    close_delta(r, out, STR_NONE);
    return out->err;
}

static enum err on_block_start(struct llm_relay *r, yyjson_val *root, struct buf *out,
                               struct issue *issue)
{
    yyjson_val *block = json_get(root, STR("content_block"));
    struct str type = json_str(json_get(block, STR("type")));
    if (r->block != LLM_BLOCK_NONE || !json_int(json_get(root, STR("index")), &r->block_index)) {
        return unexpected(issue, "A content block begins before the last one ended.");
    }
    r->block_has_input = false;
    if (LLM_IS(type, "text")) {
        r->block = LLM_BLOCK_TEXT;
        struct str text = json_str(json_get(block, STR("text")));
        if (text.len > 0) {
            open_delta(r, out);
            LLM_PUT(out, "\"content\":");
            json_write_str(out, text);
            close_delta(r, out, STR_NONE);
        }
        return out->err;
    }
    if (LLM_IS(type, "thinking") || LLM_IS(type, "redacted_thinking")) {
        r->block = LLM_BLOCK_HIDDEN;
        return ERR_OK;
    }
    if (!LLM_IS(type, "tool_use")) {
        return unexpected(issue, "A content block of this type cannot be translated.");
    }
    r->block = LLM_BLOCK_TOOL;
    r->tool_index++;
    open_delta(r, out);
    LLM_PUT(out, "\"tool_calls\":[{\"index\":");
    buf_add_u64(out, (uint64_t)r->tool_index);
    LLM_PUT(out, ",\"id\":");
    json_write_str(out, json_str(json_get(block, STR("id"))));
    LLM_PUT(out, ",\"type\":\"function\",\"function\":{\"name\":");
    json_write_str(out, json_str(json_get(block, STR("name"))));
    LLM_PUT(out, ",\"arguments\":\"\"}}]");
    close_delta(r, out, STR_NONE);
    return out->err;
}

static enum err on_block_delta(struct llm_relay *r, yyjson_val *root, struct buf *out,
                               struct issue *issue)
{
    yyjson_val *delta = json_get(root, STR("delta"));
    struct str type = json_str(json_get(delta, STR("type")));
    int64_t index;
    if (r->block == LLM_BLOCK_NONE || !json_int(json_get(root, STR("index")), &index) ||
        index != r->block_index) {
        return unexpected(issue, "A delta belongs to no open content block.");
    }
    if (r->block == LLM_BLOCK_HIDDEN) {
        return ERR_OK;
    }
    if (LLM_IS(type, "text_delta") && r->block == LLM_BLOCK_TEXT) {
        open_delta(r, out);
        LLM_PUT(out, "\"content\":");
        json_write_str(out, json_str(json_get(delta, STR("text"))));
        close_delta(r, out, STR_NONE);
        return out->err;
    }
    if (LLM_IS(type, "input_json_delta") && r->block == LLM_BLOCK_TOOL) {
        struct str fragment = json_str(json_get(delta, STR("partial_json")));
        if (fragment.len > 0) {
            r->block_has_input = true;
            put_arguments(r, out, fragment);
        }
        return out->err;
    }
    return unexpected(issue, "A delta of this type cannot be translated.");
}

static enum err on_block_stop(struct llm_relay *r, struct buf *out)
{
    if (r->block == LLM_BLOCK_TOOL && !r->block_has_input) {
        put_arguments(r, out, STR("{}"));
    }
    r->block = LLM_BLOCK_NONE;
    return out->err;
}

static enum err on_message_delta(struct llm_relay *r, struct buf *out)
{
    if (r->finish_reason.ptr != NULL && !r->is_finished) {
        r->is_finished = true;
        open_delta(r, out);
        close_delta(r, out, llm_stop_to_chat(r->finish_reason));
    }
    return out->err;
}

static enum err on_stop(struct llm_relay *r, struct buf *out)
{
    if (r->wants_usage && r->usage.is_known) {
        open_chunk(r, out);
        LLM_PUT(out, "\"choices\":[],\"usage\":");
        llm_usage_write_openai(out, &r->usage);
        LLM_PUT(out, "}\n\n");
    }
    LLM_PUT(out, "data: [DONE]\n\n");
    r->is_complete = true;
    return out->err;
}

static void open_chunk(struct llm_relay *r, struct buf *out)
{
    LLM_PUT(out, "data: {\"id\":");
    llm_put_id(out, LLM_CHAT, r->id);
    LLM_PUT(out, ",\"object\":\"chat.completion.chunk\",\"created\":");
    buf_add_u64(out, (uint64_t)r->created_unix_s);
    LLM_PUT(out, ",\"model\":");
    json_write_str(out, r->client_model);
    LLM_PUT(out, ",");
}

static void open_delta(struct llm_relay *r, struct buf *out)
{
    open_chunk(r, out);
    LLM_PUT(out, "\"choices\":[{\"index\":0,\"delta\":{");
}

static void close_delta(struct llm_relay *r, struct buf *out, struct str finish_reason)
{
    LLM_PUT(out, "},\"logprobs\":null,\"finish_reason\":");
    if (finish_reason.ptr == NULL) {
        LLM_PUT(out, "null");
    } else {
        json_write_str(out, finish_reason);
    }
    LLM_PUT(out, "}]");
    close_chunk(r, out);
}

static void close_chunk(struct llm_relay *r, struct buf *out)
{
    if (r->wants_usage) {
        LLM_PUT(out, ",\"usage\":null");
    }
    LLM_PUT(out, "}\n\n");
}

static void put_arguments(struct llm_relay *r, struct buf *out, struct str fragment)
{
    open_delta(r, out);
    LLM_PUT(out, "\"tool_calls\":[{\"index\":");
    buf_add_u64(out, (uint64_t)r->tool_index);
    LLM_PUT(out, ",\"function\":{\"arguments\":");
    json_write_str(out, fragment);
    LLM_PUT(out, "}}]");
    close_delta(r, out, STR_NONE);
}
