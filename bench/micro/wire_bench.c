/* SPDX-License-Identifier: Apache-2.0
 *
 * What the wire room costs per message: heads as real SDKs send them, answers of
 * providers, chunked bodies, server-sent events, the writing of a head. Links core
 * alone. The budget of the whole path is 5 us of our code per request; a head of
 * 500 bytes with 17 fields may take 1 us of it.
 */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"
#include "portcullis/wire.h"

#define FIELDS_OF_SDK                                                                              \
    "Host: gateway.example.com\r\nAccept: application/json\r\nAccept-Encoding: gzip, deflate\r\n"  \
    "Connection: keep-alive\r\nContent-Type: application/json\r\n"                                 \
    "User-Agent: Client/Python 1.40.0\r\nX-Client-Lang: python\r\n"                                \
    "X-Client-Package-Version: 1.40.0\r\nX-Client-OS: Linux\r\nX-Client-Arch: x64\r\n"             \
    "X-Client-Runtime: CPython\r\nX-Client-Runtime-Version: 3.12.4\r\n"                            \
    "Authorization: Bearer gw_live_0123456789ab_0123456789abcdef\r\nX-Client-Async: false\r\n"     \
    "x-client-retry-count: 0\r\nX-Request-Id: 01J\r\n"

struct parse {
    struct wire_parser parser;
    struct str bytes;
    bool is_idle_between;
};

static void op_parse(void *context);
static void op_sse(void *context);
static void op_write_head(void *context);
static void op_path(void *context);

int main(int argc, char **argv)
{
    bench_filter = argc > 1 ? argv[1] : NULL;
    struct parse request = {.bytes = STR("POST /v1/chat/completions HTTP/1.1\r\n" FIELDS_OF_SDK
                                         "Content-Length: 0\r\n\r\n")};
    wire_parser_init(&request.parser, WIRE_REQUEST, &wire_limits_default);
    bench_run("request head, 17 fields", op_parse, &request, (double)request.bytes.len);
    request.is_idle_between = true;
    bench_run("request head, state freed between", op_parse, &request, (double)request.bytes.len);
    wire_parser_fini(&request.parser);

    struct parse small = {.bytes = STR("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")};
    wire_parser_init(&small.parser, WIRE_REQUEST, &wire_limits_default);
    bench_run("request head, 1 field", op_parse, &small, (double)small.bytes.len);
    wire_parser_fini(&small.parser);

    struct parse chunked = {
        .bytes = STR("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n"
                     "2e\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\r\n"
                     "2e\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"ho\"}}]}\r\n"
                     "2e\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"he\"}}]}\r\n"
                     "2e\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"ha\"}}]}\r\n0\r\n\r\n")};
    wire_parser_init(&chunked.parser, WIRE_RESPONSE, &wire_limits_default);
    bench_run("response, 4 chunks", op_parse, &chunked, (double)chunked.bytes.len);
    wire_parser_fini(&chunked.parser);

    struct sse_parser sse;
    sse_parser_init(&sse, 1024 * 1024);
    bench_run("server-sent event, 200 bytes", op_sse, &sse, 200);
    sse_parser_fini(&sse);

    struct buf out;
    buf_init(&out, 4096);
    bench_run("write a head of 6 fields", op_write_head, &out, 0);
    buf_fini(&out);
    bench_run("judge a path", op_path, NULL, 0);
    return 0;
}

static void op_parse(void *context)
{
    struct parse *parse = context;
    struct str in = parse->bytes;
    struct wire_event event = {.type = WIRE_HEAD};
    while (event.type != WIRE_END) {
        ASSERT(wire_parser_next(&parse->parser, &in, &event) == ERR_OK);
        ASSERT(event.type != WIRE_NEED_MORE);
    }
    if (parse->is_idle_between) {
        wire_parser_idle(&parse->parser);
    }
}

static void op_sse(void *context)
{
    static const char text[] =
        "data: {\"id\":\"chatcmpl-0123456789\",\"object\":\"chat.completion.chunk\",\"created\":"
        "1700000000,\"model\":\"model-name-2024-01-01\",\"choices\":[{\"index\":0,\"delta\":"
        "{\"content\":\" wor\"},\"finish_reason\":null}]}\n\n";
    struct sse_parser *sse = context;
    struct sse_event event;
    sse_parser_feed(sse, STR(text));
    ASSERT(sse_parser_next(sse, &event) == ERR_OK);
    bench_keep(event.data.ptr);
    ASSERT(sse_parser_next(sse, &event) == ERR_AGAIN);
}

static void op_write_head(void *context)
{
    struct buf *out = context;
    buf_clear(out);
    wire_write_request_line(out, WIRE_POST, STR("/v1"), STR("/chat/completions"),
                            STR("api.example.com"));
    wire_write_header(out, STR("Authorization"), STR("Bearer 0123456789abcdef0123456789abcdef"));
    wire_write_header(out, STR("Content-Type"), STR("application/json"));
    wire_write_header(out, STR("Accept"), STR("text/event-stream"));
    wire_write_header(out, STR("Accept-Encoding"), STR("identity"));
    wire_write_line_u64(out, STR("Content-Length: "), 1234);
    wire_write_end(out);
    ASSERT(out->err == ERR_OK);
}

static void op_path(void *context)
{
    (void)context;
    ASSERT(wire_path_is_canonical(STR("/v1/chat/completions")));
}
