/* SPDX-License-Identifier: Apache-2.0
 *
 * A chat/completions stream as a messages stream, event by event:
 *
 *   first chunk      -> message_start (input tokens are not known yet: 0)
 *   content          -> content_block_start once, then text deltas
 *   tool_calls       -> a tool_use block each, arguments as input_json deltas
 *   finish_reason    -> content_block_stop
 *   usage chunk      -> noted
 *   [DONE]           -> message_delta with stop reason and ALL usage, message_stop
 *
 * Blocks of a messages stream do not overlap, so arguments for a tool call that is
 * closed already are an error. A [DONE] before any finish reason is one too: the
 * answer was cut. State is in struct llm_relay.
 */
#include "llm_private.h"

static enum err start(struct llm_relay *r, yyjson_val *root, struct buf *out);
static enum err on_text(struct llm_relay *r, struct str text, struct buf *out);
static enum err on_tool_call(struct llm_relay *r, yyjson_val *call, struct buf *out,
                             struct issue *issue);
static void open_block(struct llm_relay *r, enum llm_block_kind kind, struct buf *out);
static void close_block(struct llm_relay *r, struct buf *out);
static void put_delta(struct llm_relay *r, const char *head, struct str value, struct buf *out);
static enum err unexpected(struct issue *issue, const char *pointer, const char *sentence);

enum err llm_stream_to_messages(struct llm_relay *r, yyjson_val *root, struct buf *out,
                                struct issue *issue)
{
    yyjson_val *choices = json_get(root, STR("choices"));
    if (!yyjson_is_arr(choices) || yyjson_arr_size(choices) > 1) {
        return unexpected(issue, "/choices", "A chunk must hold at most one choice.");
    }
    if (!r->is_started) {
        TRY(start(r, root, out));
    }
    yyjson_val *choice = yyjson_arr_get_first(choices);
    if (choice == NULL) {
        return ERR_OK; /* usage, noted by the caller; or a provider's empty first chunk */
    }
    int64_t index = 0;
    if (json_get(choice, STR("index")) != NULL &&
        (!json_int(json_get(choice, STR("index")), &index) || index != 0)) {
        return unexpected(issue, "/choices/0/index", "Only choice 0 was asked for.");
    }
    yyjson_val *delta = json_get(choice, STR("delta"));
    TRY(on_text(r, json_str(json_get(delta, STR("content"))), out));
    TRY(on_text(r, json_str(json_get(delta, STR("refusal"))), out));
    size_t i;
    size_t count;
    yyjson_val *call;
    yyjson_val *calls = json_get(delta, STR("tool_calls"));
    yyjson_arr_foreach(llm_each(calls), i, count, call)
    {
        TRY(on_tool_call(r, call, out, issue));
    }
    if (r->finish_reason.ptr != NULL && !r->is_finished) {
        r->is_finished = true;
        close_block(r, out);
    }
    return out->err;
}

static enum err unexpected(struct issue *issue, const char *pointer, const char *sentence)
{
    issue_set(issue, pointer, "%s", sentence);
    return ERR_SYNTAX;
}

static enum err start(struct llm_relay *r, yyjson_val *root, struct buf *out)
{
    r->is_started = true;
    LLM_PUT(out, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":");
    llm_put_id(out, LLM_MESSAGES, json_str(json_get(root, STR("id"))));
    LLM_PUT(out, ",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
    json_write_str(out, r->client_model);
    LLM_PUT(out, ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
                 "\"usage\":{\"input_tokens\":0,\"cache_creation_input_tokens\":0,"
                 "\"cache_read_input_tokens\":0,\"output_tokens\":0}}}\n\n");
    return out->err;
}

static enum err on_text(struct llm_relay *r, struct str text, struct buf *out)
{
    if (text.len == 0) {
        return ERR_OK;
    }
    if (r->block != LLM_BLOCK_TEXT) {
        close_block(r, out);
        open_block(r, LLM_BLOCK_TEXT, out);
        LLM_PUT(out, "{\"type\":\"text\",\"text\":\"\"}}\n\n");
    }
    put_delta(r, "{\"type\":\"text_delta\",\"text\":", text, out);
    return out->err;
}

static enum err on_tool_call(struct llm_relay *r, yyjson_val *call, struct buf *out,
                             struct issue *issue)
{
    yyjson_val *function = json_get(call, STR("function"));
    struct str arguments = json_str(json_get(function, STR("arguments")));
    int64_t index;
    if (!json_int(json_get(call, STR("index")), &index)) {
        index = r->tool_index < 0 ? 0 : r->tool_index;
    }
    if (index == r->tool_index + 1) {
        struct str id = json_str(json_get(call, STR("id")));
        struct str name = json_str(json_get(function, STR("name")));
        if (id.len == 0 || name.len == 0) {
            return unexpected(issue, "/choices/0/delta/tool_calls",
                              "A tool call must begin with its id and name.");
        }
        close_block(r, out);
        r->tool_index = index;
        open_block(r, LLM_BLOCK_TOOL, out);
        LLM_PUT(out, "{\"type\":\"tool_use\",\"id\":");
        json_write_str(out, id);
        LLM_PUT(out, ",\"name\":");
        json_write_str(out, name);
        LLM_PUT(out, ",\"input\":{}}}\n\n");
    } else if (index != r->tool_index || r->block != LLM_BLOCK_TOOL) {
        return unexpected(issue, "/choices/0/delta/tool_calls",
                          "Tool calls of the provider's stream overlap or come out of order.");
    }
    if (arguments.len > 0) {
        put_delta(r, "{\"type\":\"input_json_delta\",\"partial_json\":", arguments, out);
    }
    return out->err;
}

enum err llm_stream_to_messages_end(struct llm_relay *r, struct buf *out, struct issue *issue)
{
    if (!r->is_started || !r->is_finished) {
        return unexpected(issue, "", "The provider's stream ended before the answer did.");
    }
    LLM_PUT(out, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":"
                 "{\"stop_reason\":");
    json_write_str(out, llm_finish_to_messages(r->finish_reason));
    LLM_PUT(out, ",\"stop_sequence\":null},\"usage\":");
    llm_usage_write_anthropic(out, &r->usage);
    LLM_PUT(out, "}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    r->is_complete = true;
    return out->err;
}

/* Up to and including `"content_block":`. */
static void open_block(struct llm_relay *r, enum llm_block_kind kind, struct buf *out)
{
    r->block = kind;
    r->block_index++;
    LLM_PUT(out, "event: content_block_start\n"
                 "data: {\"type\":\"content_block_start\",\"index\":");
    buf_add_u64(out, (uint64_t)r->block_index);
    LLM_PUT(out, ",\"content_block\":");
}

static void close_block(struct llm_relay *r, struct buf *out)
{
    if (r->block == LLM_BLOCK_NONE) {
        return;
    }
    r->block = LLM_BLOCK_NONE;
    LLM_PUT(out, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":");
    buf_add_u64(out, (uint64_t)r->block_index);
    LLM_PUT(out, "}\n\n");
}

static void put_delta(struct llm_relay *r, const char *head, struct str value, struct buf *out)
{
    LLM_PUT(out, "event: content_block_delta\n"
                 "data: {\"type\":\"content_block_delta\",\"index\":");
    buf_add_u64(out, (uint64_t)r->block_index);
    LLM_PUT(out, ",\"delta\":");
    buf_add(out, str_from(head));
    json_write_str(out, value);
    LLM_PUT(out, "}}\n\n");
}
