/* SPDX-License-Identifier: Apache-2.0
 *
 * A complete answer of one dialect in the shape of the other: ids, text, tool
 * calls, finish reasons and usage. What the model thought is not part of a chat
 * answer and is left out; every other block without a counterpart is an error,
 * because half an answer must not look like a whole one.
 *
 * Writes into the caller's buffer, which the caller drops on an error.
 */
#include "llm_private.h"

static enum err put_texts(yyjson_val *content, struct buf *out, struct issue *issue);
static enum err put_tool_calls(yyjson_val *content, const struct json_doc *doc, struct buf *out);
static enum err put_choice(struct llm_relay *r, yyjson_val *choice, struct buf *out,
                           struct issue *issue);
static enum err put_tool_use(struct llm_relay *r, yyjson_val *call, struct buf *out,
                             struct issue *issue);

static const struct {
    struct str messages;
    struct str chat;
} reasons[] = {
    {{"end_turn", 8}, {"stop", 4}},
    {{"max_tokens", 10}, {"length", 6}},
    {{"tool_use", 8}, {"tool_calls", 10}},
    {{"refusal", 7}, {"content_filter", 14}},
    /* One way only: the first row that fits is the answer. */
    {{"stop_sequence", 13}, {"stop", 4}},
    {{"model_context_window_exceeded", 29}, {"length", 6}},
    {{"tool_use", 8}, {"function_call", 13}},
};

struct str llm_stop_to_chat(struct str stop_reason)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (str_eq(reasons[i].messages, stop_reason)) {
            return reasons[i].chat;
        }
    }
    return STR("stop");
}

struct str llm_finish_to_messages(struct str finish_reason)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (str_eq(reasons[i].chat, finish_reason)) {
            return reasons[i].messages;
        }
    }
    return STR("end_turn");
}

void llm_put_id(struct buf *b, enum llm_endpoint client, struct str upstream_id)
{
    struct str prefix = client == LLM_CHAT ? STR("chatcmpl-") : STR("msg_");
    struct str theirs = client == LLM_CHAT ? STR("msg_") : STR("chatcmpl-");
    struct buf id;
    if (str_starts(upstream_id, theirs)) {
        upstream_id = str_sub(upstream_id, theirs.len, upstream_id.len);
    }
    buf_init(&id, upstream_id.len + 16);
    buf_add(&id, prefix);
    buf_add(&id, upstream_id);
    json_write_str(b, buf_str(&id));
    buf_fini(&id);
}

enum err llm_translate_answer_to_chat(struct llm_relay *r, yyjson_val *root,
                                      const struct json_doc *doc, struct buf *out,
                                      struct issue *issue)
{
    yyjson_val *content = json_get(root, STR("content"));
    LLM_PUT(out, "{\"id\":");
    llm_put_id(out, LLM_CHAT, json_str(json_get(root, STR("id"))));
    LLM_PUT(out, ",\"object\":\"chat.completion\",\"created\":");
    buf_add_u64(out, (uint64_t)r->created_unix_s);
    LLM_PUT(out, ",\"model\":");
    json_write_str(out, r->client_model);
    LLM_PUT(out, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
    TRY(put_texts(content, out, issue));
    LLM_PUT(out, ",\"refusal\":null");
    TRY(put_tool_calls(content, doc, out));
    LLM_PUT(out, "},\"logprobs\":null,\"finish_reason\":");
    json_write_str(out, llm_stop_to_chat(r->finish_reason));
    LLM_PUT(out, "}]");
    if (r->usage.is_known) {
        LLM_PUT(out, ",\"usage\":");
        llm_usage_write_openai(out, &r->usage);
    }
    LLM_PUT(out, "}");
    return out->err;
}

/* All text blocks as one string; null when there is none. */
static enum err put_texts(yyjson_val *content, struct buf *out, struct issue *issue)
{
    struct buf text;
    enum err err = ERR_OK;
    bool has_text = false;
    size_t i;
    size_t count;
    yyjson_val *block;
    buf_init(&text, out->bytes_max);
    yyjson_arr_foreach(llm_each(content), i, count, block)
    {
        struct str type = json_str(json_get(block, STR("type")));
        if (LLM_IS(type, "text")) {
            has_text = true;
            buf_add(&text, json_str(json_get(block, STR("text"))));
        } else if (!LLM_IS(type, "tool_use") && !LLM_IS(type, "thinking") &&
                   !LLM_IS(type, "redacted_thinking")) {
            issue_set(issue, "/content",
                      "The provider's answer holds a content block that has "
                      "no counterpart in OpenAI chat completions.");
            err = ERR_SYNTAX;
        }
    }
    if (has_text) {
        json_write_str(out, buf_str(&text));
    } else {
        LLM_PUT(out, "null");
    }
    err = err == ERR_OK ? text.err : err;
    buf_fini(&text);
    return err;
}

static enum err put_tool_calls(yyjson_val *content, const struct json_doc *doc, struct buf *out)
{
    bool is_first = true;
    size_t i;
    size_t count;
    yyjson_val *block;
    yyjson_arr_foreach(llm_each(content), i, count, block)
    {
        yyjson_val *input = llm_get_key(block, STR("input"));
        if (!LLM_IS(json_str(json_get(block, STR("type"))), "tool_use")) {
            continue;
        }
        buf_add(out, is_first ? STR(",\"tool_calls\":[{\"id\":") : STR(",{\"id\":"));
        is_first = false;
        json_write_str(out, json_str(json_get(block, STR("id"))));
        LLM_PUT(out, ",\"type\":\"function\",\"function\":{\"name\":");
        json_write_str(out, json_str(json_get(block, STR("name"))));
        LLM_PUT(out, ",\"arguments\":");
        if (input == NULL) {
            LLM_PUT(out, "\"{}\"");
        } else {
            struct json_span span = json_span_of_member_value(doc, input);
            json_write_str(out, str_sub(doc->text, span.from, span.to));
        }
        LLM_PUT(out, "}}");
    }
    if (!is_first) {
        LLM_PUT(out, "]");
    }
    return out->err;
}

enum err llm_translate_answer_to_messages(struct llm_relay *r, yyjson_val *root, struct buf *out,
                                          struct issue *issue)
{
    yyjson_val *choices = json_get(root, STR("choices"));
    if (yyjson_arr_size(choices) != 1) {
        issue_set(issue, "/choices", "The provider's answer must hold exactly one choice.");
        return ERR_SYNTAX;
    }
    LLM_PUT(out, "{\"id\":");
    llm_put_id(out, LLM_MESSAGES, json_str(json_get(root, STR("id"))));
    LLM_PUT(out, ",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
    json_write_str(out, r->client_model);
    LLM_PUT(out, ",\"content\":[");
    TRY(put_choice(r, yyjson_arr_get_first(choices), out, issue));
    LLM_PUT(out, "],\"stop_reason\":");
    json_write_str(out, llm_finish_to_messages(r->finish_reason));
    LLM_PUT(out, ",\"stop_sequence\":null,\"usage\":");
    llm_usage_write_anthropic(out, &r->usage);
    LLM_PUT(out, "}");
    return out->err;
}

static enum err put_choice(struct llm_relay *r, yyjson_val *choice, struct buf *out,
                           struct issue *issue)
{
    yyjson_val *message = json_get(choice, STR("message"));
    struct str text = json_str(json_get(message, STR("content")));
    struct str refusal = json_str(json_get(message, STR("refusal")));
    bool is_first = true;
    size_t i;
    size_t count;
    yyjson_val *call;
    if (text.len == 0 && refusal.len > 0) {
        text = refusal;
        r->finish_reason = STR("content_filter");
    }
    if (text.len > 0) {
        LLM_PUT(out, "{\"type\":\"text\",\"text\":");
        json_write_str(out, text);
        LLM_PUT(out, "}");
        is_first = false;
    }
    yyjson_val *calls = json_get(message, STR("tool_calls"));
    yyjson_arr_foreach(llm_each(calls), i, count, call)
    {
        if (!is_first) {
            LLM_PUT(out, ",");
        }
        is_first = false;
        TRY(put_tool_use(r, call, out, issue));
    }
    return ERR_OK;
}

static enum err put_tool_use(struct llm_relay *r, yyjson_val *call, struct buf *out,
                             struct issue *issue)
{
    yyjson_val *function = json_get(call, STR("function"));
    struct str arguments = json_str(json_get(function, STR("arguments")));
    struct json_doc doc;
    if (arguments.len == 0) {
        arguments = STR("{}");
    }
    if (!yyjson_is_obj(function) ||
        json_parse(&r->scratch, arguments, &json_limits_default, &doc, issue) != ERR_OK ||
        !yyjson_is_obj(doc.root)) {
        issue_set(issue, "/choices/0/message/tool_calls",
                  "The provider's tool call is not a function with an object of arguments, so "
                  "it has no counterpart in the Anthropic messages API.");
        return ERR_SYNTAX;
    }
    LLM_PUT(out, "{\"type\":\"tool_use\",\"id\":");
    json_write_str(out, json_str(json_get(call, STR("id"))));
    LLM_PUT(out, ",\"name\":");
    json_write_str(out, json_str(json_get(function, STR("name"))));
    LLM_PUT(out, ",\"input\":");
    buf_add(out, str_trim(arguments, " \t\r\n"));
    LLM_PUT(out, "}");
    return ERR_OK;
}
