/* SPDX-License-Identifier: Apache-2.0
 *
 * Providers' streams and bodies as literals with holes, and clients that read by the
 * dialects' own rules. Test code: what is not as it should be ends the test.
 */
#include "answers.h"

#include <stdio.h>

#include "talk.h"

static const struct {
    const char *target;
    const char *model;
    const char *members; /* behind the model and the stream member, up to the prompt */
    const char *end;
} clients[TALKS] = {
    [TALK_CHAT_PLAIN] = {"/v1/chat/completions", "gpt-4o",
                         "\"messages\":[{\"role\":\"user\",\"content\":\"", "\"}]}"},
    [TALK_COMPLETIONS_PLAIN] = {"/v1/completions", "gpt-3.5-turbo-instruct", "\"prompt\":\"",
                                "\"}"},
    [TALK_RESPONSES_PLAIN] = {"/v1/responses", "gpt-4o", "\"input\":\"", "\"}"},
    [TALK_MESSAGES_PLAIN] = {"/v1/messages", TALK_CLAUDE,
                             "\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"",
                             "\"}]}"},
    [TALK_CHAT_OF_MESSAGES] = {"/v1/chat/completions", TALK_CLAUDE,
                               "\"messages\":[{\"role\":\"user\",\"content\":\"", "\"}]}"},
    [TALK_MESSAGES_OF_CHAT] = {"/v1/messages", "gpt-4o",
                               "\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"",
                               "\"}]}"},
};

static bool is_messages_upstream(enum talk t)
{
    return t == TALK_MESSAGES_PLAIN || t == TALK_CHAT_OF_MESSAGES;
}

static bool is_messages_client(enum talk t)
{
    return t == TALK_MESSAGES_PLAIN || t == TALK_MESSAGES_OF_CHAT;
}

bool talk_has_tools(enum talk t)
{
    return t != TALK_COMPLETIONS_PLAIN;
}

void talk_ask(struct path *p, enum talk t, bool is_stream, const char *prompt)
{
    char body[4096];
    snprintf(body, sizeof(body), "{\"model\":\"%s\",%s%s%s%s", clients[t].model,
             is_stream ? "\"stream\":true," : "", clients[t].members, prompt, clients[t].end);
    path_post(p, clients[t].target, body);
}

/* ---- what providers say ------------------------------------------------------------- */

static void put(struct buf *b, const char *text)
{
    buf_add(b, str_from(text));
}

static void put_event(struct buf *b, const char *name, const char *before, struct str text,
                      const char *after)
{
    if (name != NULL) {
        buf_printf(b, "event: %s\n", name);
    }
    put(b, "data: ");
    put(b, before);
    if (text.ptr != NULL) {
        json_write_str(b, text);
    }
    put(b, after);
    put(b, "\n\n");
}

#define CHAT_HEAD                                                                                  \
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":"         \
    "\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":"
#define CHAT_TAIL ",\"logprobs\":null,\"finish_reason\":null}]}"

static void write_chat(struct buf *b, const struct speech *s)
{
    put_event(b, NULL, CHAT_HEAD "{\"role\":\"assistant\",\"content\":\"\"}" CHAT_TAIL, STR_NONE,
              "");
    if (s->is_tool) {
        put_event(b, NULL,
                  CHAT_HEAD "{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":\"function\","
                            "\"function\":{\"name\":\"send\",\"arguments\":\"\"}}]}" CHAT_TAIL,
                  STR_NONE, "");
    }
    for (size_t i = 0; i < s->count; i++) {
        if (s->is_tool) {
            put_event(b, NULL,
                      CHAT_HEAD "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":",
                      s->pieces[i], "}}]}" CHAT_TAIL);
        } else {
            put_event(b, NULL, CHAT_HEAD "{\"content\":", s->pieces[i], "}" CHAT_TAIL);
        }
    }
    put_event(b, NULL, CHAT_HEAD "{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}", STR_NONE,
              "");
    put_event(b, NULL,
              "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":"
              "\"gpt-4o\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1,"
              "\"total_tokens\":4}}",
              STR_NONE, "");
    put(b, TALK_DONE);
}

static void write_completions(struct buf *b, const struct speech *s)
{
    for (size_t i = 0; i < s->count; i++) {
        put_event(b, NULL,
                  "{\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"created\":1,\"model\":\"g\","
                  "\"choices\":[{\"text\":",
                  s->pieces[i], ",\"index\":0,\"logprobs\":null,\"finish_reason\":null}]}");
    }
    put_event(
        b, NULL,
        "{\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"created\":1,\"model\":\"g\","
        "\"choices\":[{\"text\":\"\",\"index\":0,\"logprobs\":null,\"finish_reason\":\"stop\"}]}",
        STR_NONE, "");
    put(b, TALK_DONE);
}

static void write_messages(struct buf *b, const struct speech *s)
{
    put_event(
        b, "message_start",
        "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":"
        "\"assistant\",\"model\":\"claude\",\"content\":[],\"stop_reason\":null,"
        "\"stop_sequence\":null,\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}",
        STR_NONE, "");
    put_event(b, "content_block_start",
              s->is_tool
                  ? "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
                    "\"tool_use\",\"id\":\"toolu_1\",\"name\":\"send\",\"input\":{}}}"
                  : "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
                    "\"text\",\"text\":\"\"}}",
              STR_NONE, "");
    put_event(b, "ping", "{\"type\":\"ping\"}", STR_NONE, "");
    for (size_t i = 0; i < s->count; i++) {
        put_event(b, "content_block_delta",
                  s->is_tool ? "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
                               "\"input_json_delta\",\"partial_json\":"
                             : "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
                               "\"text_delta\",\"text\":",
                  s->pieces[i], "}}");
    }
    put_event(b, "content_block_stop", "{\"type\":\"content_block_stop\",\"index\":0}", STR_NONE,
              "");
    put_event(
        b, "message_delta",
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":"
        "null},\"usage\":{\"output_tokens\":2}}",
        STR_NONE, "");
    put_event(b, "message_stop", "{\"type\":\"message_stop\"}", STR_NONE, "");
}

static void put_response(struct buf *b, const char *type, unsigned number, const char *members,
                         struct str text, const char *after)
{
    char before[512];
    snprintf(before, sizeof(before), "{\"type\":\"%s\",\"sequence_number\":%u%s", type, number,
             members);
    put_event(b, type, before, text, after);
}

#define TEXT_PLACE ",\"item_id\":\"item_1\",\"output_index\":0,\"content_index\":0"
#define CALL_PLACE ",\"item_id\":\"item_1\",\"output_index\":0"
#define RESPONSE ",\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"model\":\"gpt-4o\","

/* The text comes in pieces and then whole, four times over. */
static void write_responses(struct buf *b, const struct speech *s)
{
    struct buf whole;
    unsigned n = 0;
    buf_init(&whole, 1u << 20);
    for (size_t i = 0; i < s->count; i++) {
        buf_add(&whole, s->pieces[i]);
    }
    struct str all = buf_str(&whole);
    put_response(b, "response.created", n++, RESPONSE "\"status\":\"in_progress\",\"output\":[]}}",
                 STR_NONE, "");
    if (s->is_tool) {
        put_response(b, "response.output_item.added", n++,
                     ",\"output_index\":0,\"item\":{\"id\":\"item_1\",\"type\":\"function_call\","
                     "\"call_id\":\"call_1\",\"name\":\"send\",\"arguments\":\"\"}}",
                     STR_NONE, "");
        for (size_t i = 0; i < s->count; i++) {
            put_response(b, "response.function_call_arguments.delta", n++,
                         CALL_PLACE ",\"delta\":", s->pieces[i], "}");
        }
        put_response(b, "response.function_call_arguments.done", n++,
                     CALL_PLACE ",\"arguments\":", all, "}");
        put_response(b, "response.output_item.done", n++,
                     ",\"output_index\":0,\"item\":{\"id\":\"item_1\",\"type\":\"function_call\","
                     "\"call_id\":\"call_1\",\"name\":\"send\",\"arguments\":",
                     all, "}}");
        put_response(b, "response.completed", n++,
                     RESPONSE "\"status\":\"completed\",\"output\":[{\"type\":\"function_call\","
                              "\"call_id\":\"call_1\",\"name\":\"send\",\"arguments\":",
                     all,
                     "}],\"usage\":{\"input_tokens\":3,\"output_tokens\":1,\"total_tokens\":4}}}");
        buf_fini(&whole);
        return;
    }
    put_response(b, "response.output_item.added", n++,
                 ",\"output_index\":0,\"item\":{\"id\":\"item_1\",\"type\":\"message\",\"role\":"
                 "\"assistant\",\"content\":[]}}",
                 STR_NONE, "");
    put_response(b, "response.content_part.added", n++,
                 TEXT_PLACE
                 ",\"part\":{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[]}}",
                 STR_NONE, "");
    for (size_t i = 0; i < s->count; i++) {
        put_response(b, "response.output_text.delta", n++, TEXT_PLACE ",\"delta\":", s->pieces[i],
                     ",\"logprobs\":[]}");
    }
    put_response(b, "response.output_text.done", n++, TEXT_PLACE ",\"text\":", all, "}");
    put_response(b, "response.content_part.done", n++,
                 TEXT_PLACE ",\"part\":{\"type\":\"output_text\",\"text\":", all,
                 ",\"annotations\":[]}}");
    put_response(b, "response.output_item.done", n++,
                 ",\"output_index\":0,\"item\":{\"id\":\"item_1\",\"type\":\"message\",\"role\":"
                 "\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":",
                 all, "}]}}");
    put_response(b, "response.completed", n++,
                 RESPONSE "\"status\":\"completed\",\"output\":[{\"type\":\"message\",\"role\":"
                          "\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":",
                 all,
                 "}]}],\"usage\":{\"input_tokens\":3,\"output_tokens\":1,\"total_tokens\":4}}}");
    buf_fini(&whole);
}

void talk_write(struct buf *out, enum talk t, const struct speech *s)
{
    if (is_messages_upstream(t)) {
        write_messages(out, s);
    } else if (t == TALK_RESPONSES_PLAIN) {
        write_responses(out, s);
    } else if (t == TALK_COMPLETIONS_PLAIN) {
        write_completions(out, s);
    } else {
        write_chat(out, s);
    }
}

void talk_answer(struct path *p, enum talk t, const struct speech *s, size_t step)
{
    struct buf body;
    struct buf all;
    buf_init(&body, 16u << 20);
    buf_init(&all, 16u << 20);
    talk_write(&body, t, s);
    buf_printf(&all,
               "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %zu\r\n\r\n",
               body.len);
    buf_add(&all, buf_str(&body));
    ASSERT(all.err == ERR_OK && body.err == ERR_OK);
    path_answer_bytes(p, buf_str(&all), step);
    buf_fini(&body);
    buf_fini(&all);
}

void talk_answer_json(struct path *p, enum talk t, const struct speech *s)
{
    struct buf body;
    struct buf text;
    struct buf all;
    buf_init(&body, 16u << 20);
    buf_init(&text, 16u << 20);
    buf_init(&all, 16u << 20);
    for (size_t i = 0; i < s->count; i++) {
        buf_add(&text, s->pieces[i]);
    }
    struct {
        const char *before, *after;
    } parts = {"", ""};
    if (is_messages_upstream(t)) {
        parts.before = s->is_tool ? TALK_MESSAGE
                           "\"content\":[{\"type\":\"tool_use\",\"id\":\"t1\","
                           "\"name\":\"send\",\"input\":"
                                  : TALK_MESSAGE "\"content\":[{\"type\":\"text\",\"text\":";
        parts.after = "}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":"
                      "{\"input_tokens\":5,\"output_tokens\":2}}";
    } else if (t == TALK_RESPONSES_PLAIN) {
        parts.before =
            s->is_tool
                ? "{\"id\":\"r\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"g\","
                  "\"output\":[{\"type\":\"function_call\",\"name\":\"send\",\"arguments\":"
                : "{\"id\":\"r\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"g\","
                  "\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\","
                  "\"text\":";
        parts.after = s->is_tool ? "}]}" : "}]}]}";
    } else if (t == TALK_COMPLETIONS_PLAIN) {
        parts.before = "{\"id\":\"c\",\"object\":\"text_completion\",\"model\":\"g\",\"choices\":"
                       "[{\"index\":0,\"text\":";
        parts.after = ",\"finish_reason\":\"stop\"}]}";
    } else {
        parts.before = s->is_tool ? "{\"id\":\"c\",\"object\":\"chat.completion\",\"model\":\"g\","
                                    "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                                    "\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":"
                                    "\"function\",\"function\":{\"name\":\"send\",\"arguments\":"
                                  : "{\"id\":\"c\",\"object\":\"chat.completion\",\"model\":\"g\","
                                    "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                                    "\"content\":";
        parts.after = s->is_tool
                          ? "}}]},\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":"
                            "1,\"completion_tokens\":1,\"total_tokens\":2}}"
                          : "},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,"
                            "\"completion_tokens\":1,\"total_tokens\":2}}";
    }
    put(&body, parts.before);
    if (s->is_tool && is_messages_upstream(t)) {
        buf_add(&body, buf_str(&text));
    } else {
        json_write_str(&body, buf_str(&text));
    }
    put(&body, parts.after);
    buf_printf(&all,
               "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
               body.len);
    buf_add(&all, buf_str(&body));
    ASSERT(all.err == ERR_OK && body.err == ERR_OK);
    path_answer_bytes(p, buf_str(&all), 0);
    buf_fini(&body);
    buf_fini(&text);
    buf_fini(&all);
}

/* ---- what clients hear ------------------------------------------------------------------ */

static void hear_body(struct path *p, struct heard *h)
{
    struct wire_parser parser;
    struct wire_event ev = {WIRE_NEED_MORE, STR_NONE};
    struct str in = buf_str(&p->client);
    struct buf body;
    buf_init(&body, 64u << 20);
    wire_parser_init(&parser, WIRE_RESPONSE, &wire_limits_default);
    h->is_cut = true;
    do {
        ASSERT(wire_parser_next(&parser, &in, &ev) == ERR_OK);
        if (ev.type == WIRE_HEAD) {
            h->status = parser.head->status;
        } else if (ev.type == WIRE_BODY) {
            buf_add(&body, ev.body);
        } else if (ev.type == WIRE_END) {
            h->is_cut = false;
        }
    } while (ev.type != WIRE_NEED_MORE && ev.type != WIRE_END);
    h->body = arena_str(&h->arena, buf_str(&body));
    wire_parser_fini(&parser);
    buf_fini(&body);
}

static yyjson_val *at(yyjson_val *v, const char *path)
{
    return yyjson_ptr_get(v, path);
}

static void say(struct heard *h, yyjson_val *text)
{
    struct str s = json_str(text);
    h->said_after_end += s.len > 0 && h->is_finished;
    buf_add(&h->text, s);
}

static void repeat(struct heard *h, yyjson_val *text)
{
    if (yyjson_is_str(text) && yyjson_get_len(text) > 0) {
        h->repeats++;
        h->repeats_differ = h->repeats_differ || !str_eq(json_str(text), buf_str(&h->text));
    }
}

static void hear_chunk(struct heard *h, yyjson_val *root, bool is_tool)
{
    yyjson_val *choice = at(root, "/choices/0");
    say(h, at(choice, is_tool ? "/delta/tool_calls/0/function/arguments" : "/delta/content"));
    say(h, is_tool ? NULL : at(choice, "/text"));
    h->is_finished = h->is_finished || yyjson_is_str(at(choice, "/finish_reason"));
}

static void hear_message(struct heard *h, yyjson_val *root, bool is_tool)
{
    struct str type = json_str(at(root, "/type"));
    say(h, at(root, is_tool ? "/delta/partial_json" : "/delta/text"));
    h->is_finished = h->is_finished || str_eq(type, STR("content_block_stop"));
    h->is_over = h->is_over || str_eq(type, STR("message_stop"));
}

static void hear_response(struct heard *h, yyjson_val *root, bool is_tool)
{
    struct str type = json_str(at(root, "/type"));
    if (str_ends(type, STR(".delta"))) {
        say(h, at(root, "/delta"));
    }
    repeat(h, at(root, is_tool ? "/arguments" : "/text"));
    repeat(h, at(root, "/part/text"));
    repeat(h, at(root, is_tool ? "/item/arguments" : "/item/content/0/text"));
    repeat(h, at(root,
                 is_tool ? "/response/output/0/arguments" : "/response/output/0/content/0/text"));
    h->is_finished = h->is_finished || str_ends(type, STR(".done"));
    h->is_over = h->is_over || str_eq(type, STR("response.completed"));
}

void talk_hear(struct path *p, enum talk t, bool is_tool, struct heard *h)
{
    struct sse_parser sse;
    struct sse_event ev;
    memset(h, 0, sizeof(*h));
    arena_init(&h->arena, 256u << 20);
    buf_init(&h->text, 16u << 20);
    hear_body(p, h);
    sse_parser_init(&sse, 16u << 20);
    sse_parser_feed(&sse, h->body);
    while (h->status == 200 && sse_parser_next(&sse, &ev) == ERR_OK) {
        struct json_doc doc;
        struct issue issue;
        if (ev.is_comment_only) {
            continue;
        }
        ASSERT(!h->is_over); /* nothing follows the end */
        if (str_eq(ev.data, STR("[DONE]"))) {
            h->is_over = true;
            continue;
        }
        ASSERT(json_parse(&h->arena, ev.data, &json_limits_default, &doc, &issue) == ERR_OK);
        h->events++;
        if (yyjson_is_obj(at(doc.root, "/error"))) {
            h->has_error = true;
            h->error_code = arena_str(&h->arena, json_str(at(doc.root, "/error/code")));
        } else if (is_messages_client(t)) {
            ASSERT(ev.name.len > 0);
            hear_message(h, doc.root, is_tool);
        } else if (t == TALK_RESPONSES_PLAIN) {
            hear_response(h, doc.root, is_tool);
        } else {
            hear_chunk(h, doc.root, is_tool);
        }
    }
    sse_parser_fini(&sse);
}

void heard_free(struct heard *h)
{
    buf_fini(&h->text);
    arena_fini(&h->arena);
}
