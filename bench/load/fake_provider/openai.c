/* SPDX-License-Identifier: Apache-2.0
 *
 * /v1/chat/completions and /v1/completions: JSON and stream, n choices, tool
 * calls with arguments in fragments, the usage chunk only when asked for.
 */
#include "fake.h"

static void chat_json(const struct view *v, struct buf *b);
static void chat_stream(const struct view *v, struct reply *r);
static void chat_tool_deltas(const struct view *v, struct reply *r);
static void chunk_open(const struct view *v, struct buf *b);
static void chunk_close(const struct view *v, struct reply *r, bool has_usage);
static void chunk_delta(const struct view *v, struct reply *r, unsigned choice, const char *delta);
static void choice_text(const struct view *v, struct buf *b, unsigned choice);
static void usage_json(const struct view *v, struct buf *b);
static void stream_end(const struct view *v, struct reply *r);

void answer_chat(const struct view *v, struct reply *r)
{
    if (v->is_stream) {
        chat_stream(v, r);
    } else {
        chat_json(v, &r->body);
    }
}

static void chat_json(const struct view *v, struct buf *b)
{
    bool is_tool = v->tool.len > 0;
    buf_printf(b, "{\"id\":\"chatcmpl-fake-%06llu\",\"object\":\"chat.completion\","
               "\"created\":1700000000,\"model\":", (unsigned long long)v->number);
    json_write_str(b, v->model);
    buf_add(b, STR(",\"choices\":["));
    for (unsigned i = 0; i < v->choices; i++) {
        buf_printf(b, "%s{\"index\":%u,\"message\":{\"role\":\"assistant\",\"content\":",
                   i > 0 ? "," : "", i);
        if (is_tool) {
            buf_printf(b, "null,\"tool_calls\":[{\"id\":\"call_fake_%u\",\"type\":\"function\","
                       "\"function\":{\"name\":", i);
            json_write_str(b, v->tool);
            buf_add(b, STR(",\"arguments\":"));
            json_write_str(b, v->tool_args);
            buf_add(b, STR("}}]"));
        } else {
            choice_text(v, b, i);
        }
        buf_printf(b, ",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,"
                   "\"finish_reason\":\"%s\"}", is_tool ? "tool_calls" : "stop");
    }
    buf_add(b, STR("],"));
    if (!v->marks.has_no_usage) {
        usage_json(v, b);
        buf_add_byte(b, ',');
    }
    buf_add(b, STR("\"service_tier\":\"default\",\"system_fingerprint\":\"fp_fake\"}"));
}

static void choice_text(const struct view *v, struct buf *b, unsigned choice)
{
    json_write_str(b, v->text);
    if (choice > 0) { /* the others differ, so that mixing them up shows */
        b->len--;
        buf_printf(b, " (choice %u)\"", choice);
    }
}

static void chat_stream(const struct view *v, struct reply *r)
{
    if (v->tool.len > 0) {
        chat_tool_deltas(v, r);
    } else {
        for (unsigned i = 0; i < v->choices; i++) {
            chunk_delta(v, r, i, "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}");
        }
        for (size_t w = 0; w < v->words_count; w++) {
            if (is_midstream_error_due(v, w)) {
                buf_add(&r->body, STR("data: "));
                error_json(&r->body, v, 500, STR("The server had an error"), "server_error");
                buf_add(&r->body, STR("\n\n"));
                reply_piece_end(r);
                return;
            }
            for (unsigned i = 0; i < v->choices; i++) {
                chunk_open(v, &r->body);
                buf_printf(&r->body, "{\"index\":%u,\"delta\":{\"content\":", i);
                json_write_str(&r->body, v->words[w]);
                buf_add(&r->body, STR("},\"logprobs\":null,\"finish_reason\":null}"));
                chunk_close(v, r, false);
            }
        }
        for (unsigned i = 1; i < v->choices; i++) {
            char delta[64];
            snprintf(delta, sizeof(delta), "{\"content\":\" (choice %u)\"}", i);
            chunk_delta(v, r, i, delta);
        }
    }
    for (unsigned i = 0; i < v->choices; i++) {
        chunk_open(v, &r->body);
        buf_printf(&r->body, "{\"index\":%u,\"delta\":{},\"logprobs\":null,"
                   "\"finish_reason\":\"%s\"}", i, v->tool.len > 0 ? "tool_calls" : "stop");
        chunk_close(v, r, false);
    }
    stream_end(v, r);
}

static void chat_tool_deltas(const struct view *v, struct reply *r)
{
    for (unsigned i = 0; i < v->choices; i++) {
        chunk_open(v, &r->body);
        buf_printf(&r->body, "{\"index\":%u,\"delta\":{\"role\":\"assistant\",\"content\":null,"
                   "\"tool_calls\":[{\"index\":0,\"id\":\"call_fake_%u\",\"type\":\"function\","
                   "\"function\":{\"name\":", i, i);
        json_write_str(&r->body, v->tool);
        buf_add(&r->body, STR(",\"arguments\":\"\"}}]},\"finish_reason\":null}"));
        chunk_close(v, r, false);
    }
    for (size_t at = 0; at < v->tool_args.len; at += args_piece(v, at).len) {
        for (unsigned i = 0; i < v->choices; i++) {
            chunk_open(v, &r->body);
            buf_printf(&r->body, "{\"index\":%u,\"delta\":{\"tool_calls\":[{\"index\":0,"
                       "\"function\":{\"arguments\":", i);
            json_write_str(&r->body, args_piece(v, at));
            buf_add(&r->body, STR("}}]},\"finish_reason\":null}"));
            chunk_close(v, r, false);
        }
    }
}

static void chunk_open(const struct view *v, struct buf *b)
{
    buf_printf(b, "data: {\"id\":\"chatcmpl-fake-%06llu\",\"object\":\"chat.completion.chunk\","
               "\"created\":1700000000,\"model\":", (unsigned long long)v->number);
    json_write_str(b, v->model);
    buf_add(b, STR(",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_fake\","
                   "\"choices\":["));
}

static void chunk_close(const struct view *v, struct reply *r, bool has_usage)
{
    buf_add_byte(&r->body, ']');
    if (has_usage) {
        buf_add_byte(&r->body, ',');
        usage_json(v, &r->body);
    } else if (v->wants_usage) {
        buf_add(&r->body, STR(",\"usage\":null"));
    }
    buf_add(&r->body, STR("}\n\n"));
    reply_piece_end(r);
}

static void chunk_delta(const struct view *v, struct reply *r, unsigned choice, const char *delta)
{
    chunk_open(v, &r->body);
    buf_printf(&r->body, "{\"index\":%u,\"delta\":%s,\"logprobs\":null,\"finish_reason\":null}",
               choice, delta);
    chunk_close(v, r, false);
}

static void stream_end(const struct view *v, struct reply *r)
{
    if (v->wants_usage && !v->marks.has_no_usage) {
        chunk_open(v, &r->body);
        chunk_close(v, r, true);
    }
    if (!v->marks.has_no_done) {
        buf_add(&r->body, STR("data: [DONE]\n\n"));
        reply_piece_end(r);
    }
}

static void usage_json(const struct view *v, struct buf *b)
{
    buf_printf(b, "\"usage\":{\"prompt_tokens\":%llu,\"completion_tokens\":%llu,"
               "\"total_tokens\":%llu,\"prompt_tokens_details\":{\"cached_tokens\":0,"
               "\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0,"
               "\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
               "\"rejected_prediction_tokens\":0}}",
               (unsigned long long)v->tokens_in, (unsigned long long)v->tokens_out,
               (unsigned long long)(v->tokens_in + v->tokens_out));
}

void answer_completions(const struct view *v, struct reply *r)
{
    struct buf *b = &r->body;
    size_t pieces = v->is_stream ? v->words_count + 1 : 1;
    for (size_t w = 0; w < pieces; w++) {
        bool is_last = w + 1 == pieces;
        buf_printf(b, "%s{\"id\":\"cmpl-fake-%06llu\",\"object\":\"text_completion\","
                   "\"created\":1700000000,\"model\":", v->is_stream ? "data: " : "",
                   (unsigned long long)v->number);
        json_write_str(b, v->model);
        buf_add(b, STR(",\"choices\":[{\"text\":"));
        json_write_str(b, !v->is_stream ? v->text : is_last ? STR("") : v->words[w]);
        buf_printf(b, ",\"index\":0,\"logprobs\":null,\"finish_reason\":%s}]",
                   is_last ? "\"stop\"" : "null");
        if (is_last && !v->marks.has_no_usage && (!v->is_stream || v->wants_usage)) {
            buf_add_byte(b, ',');
            usage_json(v, b);
        }
        buf_add(b, v->is_stream ? STR("}\n\n") : STR("}"));
        reply_piece_end(r);
    }
    if (v->is_stream && !v->marks.has_no_done) {
        buf_add(b, STR("data: [DONE]\n\n"));
        reply_piece_end(r);
    }
}
