/* SPDX-License-Identifier: Apache-2.0
 *
 * What a request costs to read (2 KB and 32 KB chat bodies of many short messages, with and
 * without texts, beside the bare JSON parse; that of one long message, too), to render and
 * to translate, and what one streamed event costs to relay. `llm_bench [part of a name]`.
 */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"
#include "portcullis/llm.h"

struct bench {
    struct arena arena;
    struct str body;
    struct llm_request request;
    struct llm_upstream upstream;
    struct llm_relay *relay;
    struct sse_event event;
    struct buf out;
    struct issue issue;
};

static const char request_body[] =
    "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
static const char delta_event[] =
    "data: {\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\","
    "\"created\":1741569952,\"model\":\"gpt-4o-2024-08-06\",\"service_tier\":\"default\","
    "\"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":[{\"index\":0,\"delta\":{\"content\":"
    "\" word\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n";
static const char anthropic_event[] =
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
    "{\"type\":\"text_delta\",\"text\":\" word and another\"}}\n\n";

static void make_body(struct buf *b, size_t bytes);
static void make_long_body(struct buf *b, size_t bytes);
static void op_json(void *context);
static void op_parse(void *context);
static void op_texts(void *context);
static void op_render(void *context);
static void op_translate(void *context);
static void op_event(void *context);
static void prepare_event(struct bench *b, enum llm_endpoint e, const char *body,
                          enum llm_dialect upstream, const char *event);

int main(int argc, char **argv)
{
    static struct bench b;
    static const size_t sizes[] = {2048, 32768};
    bench_filter = argc > 1 ? argv[1] : NULL;
    arena_init(&b.arena, 64u * 1024 * 1024);
    buf_init(&b.out, 1u << 24);
    for (size_t i = 0; i < 2; i++) {
        struct buf body;
        char name[64];
        buf_init(&body, 1u << 20);
        make_body(&body, sizes[i]);
        b.body = buf_str(&body);
        snprintf(name, sizeof(name), "json_parse %zu", sizes[i]);
        bench_run(name, op_json, &b, (double)body.len);
        snprintf(name, sizeof(name), "llm_request_parse %zu", sizes[i]);
        bench_run(name, op_parse, &b, (double)body.len);
        snprintf(name, sizeof(name), "llm_request_parse texts %zu", sizes[i]);
        bench_run(name, op_texts, &b, (double)body.len);
        snprintf(name, sizeof(name), "parse and render same %zu", sizes[i]);
        bench_run(name, op_render, &b, (double)body.len);
        snprintf(name, sizeof(name), "parse and translate %zu", sizes[i]);
        bench_run(name, op_translate, &b, (double)body.len);
        make_long_body(&body, sizes[i]);
        b.body = buf_str(&body);
        snprintf(name, sizeof(name), "json_parse one long text %zu", sizes[i]);
        bench_run(name, op_json, &b, (double)body.len);
        buf_fini(&body);
    }
    prepare_event(&b, LLM_CHAT, request_body, LLM_OPENAI, delta_event);
    bench_run("relay chat delta", op_event, &b, (double)b.event.data.len);
    prepare_event(&b, LLM_MESSAGES,
                  "{\"model\":\"m\",\"max_tokens\":5,\"stream\":true,\"messages\":[{\"role\":"
                  "\"user\",\"content\":\"x\"}]}",
                  LLM_ANTHROPIC, anthropic_event);
    bench_run("relay messages delta", op_event, &b, (double)b.event.data.len);
    prepare_event(&b, LLM_CHAT, request_body, LLM_ANTHROPIC, anthropic_event);
    bench_run("relay messages delta to chat", op_event, &b, (double)b.event.data.len);
    buf_fini(&b.out);
    arena_fini(&b.arena);
    return 0;
}

static void make_body(struct buf *b, size_t bytes)
{
    buf_add(b, STR("{\"model\":\"gpt-4o-mini\",\"temperature\":0.7,\"max_tokens\":512,\"messages\":"
                   "[{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"}"));
    while (b->len + 300 < bytes) {
        buf_add(b, STR(",{\"role\":\"user\",\"content\":\"Tell me about the history of bridges in "
                       "this region, and why the third one was rebuilt.\\nKeep it short.\"},"
                       "{\"role\":\"assistant\",\"content\":\"The first bridge was built of wood; "
                       "it burned. The second was stone.\"}"));
    }
    buf_add(b, STR(",{\"role\":\"user\",\"content\":\"Go on.\"}],\"user\":\"u-1\","
                   "\"governance_policy\":1}"));
}

/* As most are: one question, with what it is about. */
static void make_long_body(struct buf *b, size_t bytes)
{
    buf_clear(b);
    buf_add(b, STR("{\"model\":\"gpt-4o-mini\",\"messages\":"
                   "[{\"role\":\"user\",\"content\":\""));
    while (b->len + 140 < bytes) {
        buf_add(b, STR("The bridge was built of wood and burned, the second was of stone, and "
                       "\\\"so it stands\\\", as the chronicle says.\\n"));
    }
    buf_add(b, STR("\"}]}"));
}

static void op_json(void *context)
{
    struct bench *b = context;
    struct json_doc doc;
    arena_reset(&b->arena);
    ASSERT(json_parse(&b->arena, b->body, &json_limits_default, &doc, &b->issue) == ERR_OK);
    bench_keep(&doc);
}

static void op_parse(void *context)
{
    struct bench *b = context;
    arena_reset(&b->arena);
    ASSERT(llm_request_parse(&b->arena, LLM_CHAT, b->body, false, &b->request, &b->issue) ==
           ERR_OK);
    bench_keep(&b->request);
}

static void op_texts(void *context)
{
    struct bench *b = context;
    arena_reset(&b->arena);
    ASSERT(llm_request_parse(&b->arena, LLM_CHAT, b->body, true, &b->request, &b->issue) == ERR_OK);
    bench_keep(&b->request);
}

static void op_render(void *context)
{
    struct bench *b = context;
    op_parse(context);
    ASSERT(llm_request_render(&b->arena, &b->request, LLM_OPENAI, STR("gpt-4o"), &b->upstream,
                              &b->issue) == ERR_OK);
    bench_keep(&b->upstream);
}

static void op_translate(void *context)
{
    struct bench *b = context;
    op_parse(context);
    ASSERT(llm_request_render(&b->arena, &b->request, LLM_ANTHROPIC, STR("claude"), &b->upstream,
                              &b->issue) == ERR_OK);
    bench_keep(&b->upstream);
}

static void op_event(void *context)
{
    struct bench *b = context;
    buf_clear(&b->out);
    ASSERT(llm_relay_event(b->relay, &b->event, &b->out, &b->issue) == ERR_OK);
    bench_keep(&b->out);
}

/* The relay has seen the beginning already, as in the middle of a stream. */
static void prepare_event(struct bench *b, enum llm_endpoint e, const char *body,
                          enum llm_dialect upstream, const char *event)
{
    static const char begin[] =
        "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"c\"}}";
    static const char open[] = "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":"
                               "{\"type\":\"text\",\"text\":\"\"}}";
    llm_relay_fini(b->relay);
    arena_reset(&b->arena);
    ASSERT(llm_request_parse(&b->arena, e, str_from(body), false, &b->request, &b->issue) ==
           ERR_OK);
    ASSERT(llm_request_render(&b->arena, &b->request, upstream, STR("m"), &b->upstream,
                              &b->issue) == ERR_OK);
    b->relay = llm_relay_new(&b->arena, &b->request, &b->upstream);
    ASSERT(b->relay != NULL);
    if (upstream == LLM_ANTHROPIC) {
        b->event = (struct sse_event){
            .name = STR("message_start"), .data = str_from(begin), .raw = str_from(begin)};
        op_event(b);
        b->event = (struct sse_event){
            .name = STR("content_block_start"), .data = str_from(open), .raw = str_from(open)};
        op_event(b);
    }
    struct str raw = str_from(event);
    ptrdiff_t at = str_find_str(raw, STR("data: "));
    b->event.name = upstream == LLM_ANTHROPIC ? STR("content_block_delta") : STR_NONE;
    b->event.data = str_sub(raw, (size_t)at + 6, raw.len - 2);
    b->event.raw = raw;
    op_event(b);
}
