/* SPDX-License-Identifier: Apache-2.0
 *
 * Anthropic's /v1/messages: JSON and stream with ping, tool_use with its input in
 * fragments; and /v1/messages/count_tokens.
 */
#include "fake.h"

static void message_json(const struct view *v, struct buf *b);
static void message_head(const struct view *v, struct buf *b);
static void message_stream(const struct view *v, struct reply *r);
static bool block_deltas(const struct view *v, struct reply *r);
static void event_open(struct buf *b, const char *type);
static void event_close(struct reply *r);

void answer_messages(const struct view *v, struct reply *r)
{
    if (v->is_stream) {
        message_stream(v, r);
    } else {
        message_json(v, &r->body);
    }
}

void answer_count_tokens(const struct view *v, struct reply *r)
{
    buf_printf(&r->body, v->is_anthropic ? "{\"input_tokens\":%llu}"
               : "{\"object\":\"response.input_tokens\",\"input_tokens\":%llu}",
               (unsigned long long)v->tokens_in);
}

static void message_json(const struct view *v, struct buf *b)
{
    message_head(v, b);
    if (v->tool.len > 0) {
        buf_add(b, STR("{\"type\":\"tool_use\",\"id\":\"toolu_fake_0\",\"name\":"));
        json_write_str(b, v->tool);
        buf_add(b, STR(",\"input\":"));
        buf_add(b, v->tool_args);
        buf_add(b, STR("}],\"stop_reason\":\"tool_use\""));
    } else {
        buf_add(b, STR("{\"type\":\"text\",\"text\":"));
        json_write_str(b, v->text);
        buf_add(b, STR("}],\"stop_reason\":\"end_turn\""));
    }
    buf_printf(b, ",\"stop_sequence\":null,\"usage\":{\"input_tokens\":%llu,"
               "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
               "\"output_tokens\":%llu,\"service_tier\":\"standard\"}}",
               (unsigned long long)v->tokens_in, (unsigned long long)v->tokens_out);
}

static void message_head(const struct view *v, struct buf *b)
{
    buf_printf(b, "{\"id\":\"msg_fake_%06llu\",\"type\":\"message\",\"role\":\"assistant\","
               "\"model\":", (unsigned long long)v->number);
    json_write_str(b, v->model);
    buf_add(b, STR(",\"content\":["));
}

static void message_stream(const struct view *v, struct reply *r)
{
    struct buf *b = &r->body;
    event_open(b, "message_start");
    buf_add(b, STR(",\"message\":"));
    message_head(v, b);
    buf_printf(b, "],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":%llu,"
               "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
               "\"output_tokens\":1,\"service_tier\":\"standard\"}}",
               (unsigned long long)v->tokens_in);
    event_close(r);
    event_open(b, "content_block_start");
    if (v->tool.len > 0) {
        buf_add(b, STR(",\"index\":0,\"content_block\":{\"type\":\"tool_use\","
                       "\"id\":\"toolu_fake_0\",\"name\":"));
        json_write_str(b, v->tool);
        buf_add(b, STR(",\"input\":{}}"));
    } else {
        buf_add(b, STR(",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}"));
    }
    event_close(r);
    event_open(b, "ping");
    event_close(r);
    if (!block_deltas(v, r)) {
        return;
    }
    event_open(b, "content_block_stop");
    buf_add(b, STR(",\"index\":0"));
    event_close(r);
    event_open(b, "message_delta");
    buf_printf(b, ",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null},"
               "\"usage\":{\"output_tokens\":%llu}", v->tool.len > 0 ? "tool_use" : "end_turn",
               (unsigned long long)v->tokens_out);
    event_close(r);
    if (!v->marks.has_no_done) {
        event_open(b, "message_stop");
        event_close(r);
    }
}

/* False: ended in an error event, as ordered. */
static bool block_deltas(const struct view *v, struct reply *r)
{
    struct buf *b = &r->body;
    for (size_t at = 0; v->tool.len > 0 && at < v->tool_args.len; at += args_piece(v, at).len) {
        event_open(b, "content_block_delta");
        buf_add(b, STR(",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":"));
        json_write_str(b, args_piece(v, at));
        buf_add_byte(b, '}');
        event_close(r);
    }
    for (size_t w = 0; v->tool.len == 0 && w < v->words_count; w++) {
        if (is_midstream_error_due(v, w)) {
            buf_add(b, STR("event: error\ndata: "));
            error_json(b, v, 529, STR("Overloaded"), "overloaded_error");
            buf_add(b, STR("\n\n"));
            reply_piece_end(r);
            return false;
        }
        event_open(b, "content_block_delta");
        buf_add(b, STR(",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"));
        json_write_str(b, v->words[w]);
        buf_add_byte(b, '}');
        event_close(r);
    }
    return true;
}

static void event_open(struct buf *b, const char *type)
{
    buf_printf(b, "event: %s\ndata: {\"type\":\"%s\"", type, type);
}

static void event_close(struct reply *r)
{
    buf_add(&r->body, STR("}\n\n"));
    reply_piece_end(r);
}
