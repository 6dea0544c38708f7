/* SPDX-License-Identifier: Apache-2.0
 *
 * /v1/responses: JSON, and the stream with its full sequence of events, in which
 * the text comes as deltas and then four times as a whole. A function call
 * streams its arguments. The stream ends with response.completed, not [DONE].
 */
#include "fake.h"

struct stream {
    const struct view *v;
    struct reply *r;
    unsigned sequence;
};

static void response_json(const struct view *v, struct buf *b, const char *status);
static void item_json(const struct view *v, struct buf *b, bool is_done);
static void part_json(const struct view *v, struct buf *b, bool is_done);
static void response_stream(const struct view *v, struct reply *r);
static bool text_events(struct stream *s);
static void tool_events(struct stream *s);
static struct buf *event_open(struct stream *s, const char *type);
static void event_close(struct stream *s);
static void event_response(struct stream *s, const char *type, const char *status);
static void event_item(struct stream *s, const char *type, bool is_done);

#define AT_ITEM ",\"item_id\":\"item_fake\",\"output_index\":0"
#define AT_PART AT_ITEM ",\"content_index\":0"

void answer_responses(const struct view *v, struct reply *r)
{
    if (v->is_stream) {
        response_stream(v, r);
    } else {
        response_json(v, &r->body, "completed");
    }
}

static void response_json(const struct view *v, struct buf *b, const char *status)
{
    bool is_done = strcmp(status, "completed") == 0;
    buf_printf(b, "{\"id\":\"resp_fake_%06llu\",\"object\":\"response\",\"created_at\":1700000000,"
               "\"status\":\"%s\",\"background\":false,\"error\":null,\"incomplete_details\":null,"
               "\"instructions\":null,\"max_output_tokens\":null,\"model\":",
               (unsigned long long)v->number, status);
    json_write_str(b, v->model);
    buf_add(b, STR(",\"output\":["));
    if (is_done) {
        item_json(v, b, true);
    }
    buf_add(b, STR("],\"parallel_tool_calls\":true,\"previous_response_id\":null,"
                   "\"reasoning\":{\"effort\":null,\"summary\":null},\"store\":true,"
                   "\"temperature\":1.0,\"text\":{\"format\":{\"type\":\"text\"}},"
                   "\"tool_choice\":\"auto\",\"tools\":[],\"top_p\":1.0,"
                   "\"truncation\":\"disabled\",\"usage\":"));
    if (is_done && !v->marks.has_no_usage) {
        buf_printf(b, "{\"input_tokens\":%llu,\"input_tokens_details\":{\"cached_tokens\":0},"
                   "\"output_tokens\":%llu,\"output_tokens_details\":{\"reasoning_tokens\":0},"
                   "\"total_tokens\":%llu}", (unsigned long long)v->tokens_in,
                   (unsigned long long)v->tokens_out,
                   (unsigned long long)(v->tokens_in + v->tokens_out));
    } else {
        buf_add(b, STR("null"));
    }
    buf_add(b, STR(",\"user\":null,\"metadata\":{}}"));
}

static void item_json(const struct view *v, struct buf *b, bool is_done)
{
    const char *status = is_done ? "completed" : "in_progress";
    if (v->tool.len > 0) {
        buf_printf(b, "{\"type\":\"function_call\",\"id\":\"item_fake\","
                   "\"call_id\":\"call_fake_0\",\"status\":\"%s\",\"name\":", status);
        json_write_str(b, v->tool);
        buf_add(b, STR(",\"arguments\":"));
        json_write_str(b, is_done ? v->tool_args : STR(""));
        buf_add_byte(b, '}');
        return;
    }
    buf_printf(b, "{\"type\":\"message\",\"id\":\"item_fake\",\"status\":\"%s\","
               "\"role\":\"assistant\",\"content\":[", status);
    if (is_done) {
        part_json(v, b, true);
    }
    buf_add(b, STR("]}"));
}

static void part_json(const struct view *v, struct buf *b, bool is_done)
{
    buf_add(b, STR("{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":"));
    json_write_str(b, is_done ? v->text : STR(""));
    buf_add_byte(b, '}');
}

static void response_stream(const struct view *v, struct reply *r)
{
    struct stream s = {.v = v, .r = r};
    event_response(&s, "response.created", "in_progress");
    event_response(&s, "response.in_progress", "in_progress");
    event_item(&s, "response.output_item.added", false);
    if (v->tool.len > 0) {
        tool_events(&s);
    } else if (!text_events(&s)) {
        return;
    }
    event_item(&s, "response.output_item.done", true);
    if (!v->marks.has_no_done) {
        event_response(&s, "response.completed", "completed");
    }
}

/* False: ended in an error event, as ordered. */
static bool text_events(struct stream *s)
{
    const struct view *v = s->v;
    struct buf *b = event_open(s, "response.content_part.added");
    buf_add(b, STR(AT_PART ",\"part\":"));
    part_json(v, b, false);
    event_close(s);
    for (size_t w = 0; w < v->words_count; w++) {
        if (is_midstream_error_due(v, w)) {
            b = event_open(s, "error");
            buf_add(b, STR(",\"code\":\"server_error\",\"message\":\"The server had an error\","
                           "\"param\":null"));
            event_close(s);
            return false;
        }
        b = event_open(s, "response.output_text.delta");
        buf_add(b, STR(AT_PART ",\"logprobs\":[],\"delta\":"));
        json_write_str(b, v->words[w]);
        event_close(s);
    }
    b = event_open(s, "response.output_text.done");
    buf_add(b, STR(AT_PART ",\"logprobs\":[],\"text\":"));
    json_write_str(b, v->text);
    event_close(s);
    b = event_open(s, "response.content_part.done");
    buf_add(b, STR(AT_PART ",\"part\":"));
    part_json(v, b, true);
    event_close(s);
    return true;
}

static void tool_events(struct stream *s)
{
    const struct view *v = s->v;
    for (size_t at = 0; at < v->tool_args.len; at += args_piece(v, at).len) {
        struct buf *b = event_open(s, "response.function_call_arguments.delta");
        buf_add(b, STR(AT_ITEM ",\"delta\":"));
        json_write_str(b, args_piece(v, at));
        event_close(s);
    }
    struct buf *b = event_open(s, "response.function_call_arguments.done");
    buf_add(b, STR(AT_ITEM ",\"name\":"));
    json_write_str(b, v->tool);
    buf_add(b, STR(",\"arguments\":"));
    json_write_str(b, v->tool_args);
    event_close(s);
}

static struct buf *event_open(struct stream *s, const char *type)
{
    buf_printf(&s->r->body, "event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%u", type, type,
               s->sequence++);
    return &s->r->body;
}

static void event_close(struct stream *s)
{
    buf_add(&s->r->body, STR("}\n\n"));
    reply_piece_end(s->r);
}

static void event_response(struct stream *s, const char *type, const char *status)
{
    struct buf *b = event_open(s, type);
    buf_add(b, STR(",\"response\":"));
    response_json(s->v, b, status);
    event_close(s);
}

static void event_item(struct stream *s, const char *type, bool is_done)
{
    struct buf *b = event_open(s, type);
    buf_add(b, STR(",\"output_index\":0,\"item\":"));
    item_json(s->v, b, is_done);
    event_close(s);
}
