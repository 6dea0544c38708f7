/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests: what is accepted, and everything of the bad inputs 1-36 and 45-46 that
 * the wire room has to refuse. Every stream is also played in every cut (26).
 */
#include "wire_test.h"

static const struct play request = {.kind = WIRE_REQUEST};

#define HOST "Host: gw.test\r\n"
#define POST "POST /v1/chat/completions HTTP/1.1\r\n" HOST
#define HEAD_OF_POST "head(POST /v1/chat/completions) "

struct stream_case {
    struct str bytes;
    const char *transcript;
};
#define CASE(bytes, transcript)                                                                    \
    {                                                                                              \
        {(bytes), sizeof(bytes) - 1}, (transcript)                                                 \
    }

static void expect_all(const struct stream_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        expect(&request, cases[i].bytes, cases[i].transcript);
    }
}
#define EXPECT_ALL(cases) expect_all((cases), sizeof(cases) / sizeof((cases)[0]))

static void test_accepted(void **unused)
{
    (void)unused;
    static const struct stream_case cases[] = {
        CASE(POST "Content-Length: 5\r\n\r\nhello", HEAD_OF_POST "body(hello) end "),
        CASE(POST "Content-Length:\t5\r\n\r\nhello", HEAD_OF_POST "body(hello) end "),
        CASE(POST "Content-Length: 5 \t \r\n\r\nhello", HEAD_OF_POST "body(hello) end "),
        CASE(POST "Content-Length: 0\r\n\r\n", HEAD_OF_POST "end "),
        CASE(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n",
             HEAD_OF_POST "body(hello0123456789) end "),
        CASE(POST "TRANSFER-ENCODING:\tCHUNKED\t\r\n\r\n1\r\nx\r\n0\r\n\r\n",
             HEAD_OF_POST "body(x) end "),
        CASE(POST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n00000002\r\nbc\r\n1;x\r\nd\r\n"
                  "0\r\nX: y\r\n\r\n",
             HEAD_OF_POST "body(abcd) end "),
        CASE(POST "Transfer-Encoding: chunked\r\n\r\n5;a;b=c;d=\"e f\"\r\nhello\r\n0;z\r\n\r\n",
             HEAD_OF_POST "body(hello) end "),
        CASE("GET / HTTP/1.1\r\n" HOST "\r\nGET /b HTTP/1.1\r\n" HOST "\r\n",
             "head(GET /) end head(GET /b) end "),
        CASE("GET / HTTP/1.0\r\n\r\n", "head(GET /) end "),
        CASE("GET /x?a=b?c&d=%zz|\" HTTP/1.1\r\n" HOST "\r\n", "head(GET /x?a=b?c&d=%zz|\") end "),
        CASE("HEAD / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "head(HEAD /) end "),
        CASE("OPTIONS / HTTP/1.1\r\nhost:a_b.c:1\r\n\r\n", "head(OPTIONS /) end "),
        CASE("PUT / HTTP/1.1\r\n" HOST "X-Empty:\r\nX-Obs: \xc3\xa9\r\n\r\n", "head(PUT /) end "),
        CASE("PATCH / HTTP/1.1\r\n" HOST "\r\n", "head(PATCH /) end "),
        CASE("DELETE / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab",
             "head(DELETE /) body(ab) end "),
        /* One empty line in front, as RFC 9112 2.2 has it. */
        CASE("\r\nGET / HTTP/1.1\r\n" HOST "\r\n", "head(GET /) end "),
        CASE(POST "Content-Length: 1\r\n\r\na\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
             HEAD_OF_POST "body(a) end head(GET /) end "),
        /* 28: absolute-form with the authority of Host. */
        CASE("GET http://GW.test/a?b HTTP/1.1\r\n" HOST "\r\n", "head(GET /a?b) end "),
        CASE("GET https://gw.test HTTP/1.1\r\n" HOST "\r\n", "head(GET /) end "),
        /* 16: the alias is a field like any other. 33: Upgrade is ignored. */
        CASE(POST "Content_Length: 9\r\nTransfer_Encoding: chunked\r\n\r\n", HEAD_OF_POST "end "),
        CASE("GET / HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
             "HTTP2-Settings: AAMA\r\n\r\n",
             "head(GET /) end "),
        CASE(POST "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi",
             HEAD_OF_POST "body(hi) end ")};
    EXPECT_ALL(cases);
}

/* Bad inputs 1-8. */
static void test_refuses_framing(void **unused)
{
    (void)unused;
    static const char *const fields[] = {
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
        "Transfer-Encoding:\r\nContent-Length: 5\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: ,chunked\r\n",
        "Transfer-Encoding: chunked,\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\ncontent-length: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5e0\r\n",
        "Content-Length: 5.0\r\n",
        "Content-Length: 1_0\r\n",
        "Content-Length: \"5\"\r\n",
        "Content-Length: 4 2\r\n",
        "Content-Length:\r\n",
        "Content-Length: 18446744073709551617\r\n",
        "Content-Length: 9223372036854775808\r\n",
        "Content-Length: 0013\r\n",
        "Content-Length: 00\r\n"};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char bytes[512];
        int len = snprintf(bytes, sizeof(bytes),
                           POST "%s\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n", fields[i]);
        expect(&request, (struct str){bytes, (size_t)len}, "error(syntax,400)");
    }
    expect(&request, STR("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
           "error(syntax,400)");
}

/* Bad inputs 9-15, 17, 18, 27. */
static void test_refuses_fields(void **unused)
{
    (void)unused;
    const struct str fields[] = {
        STR("X: a\rTransfer-Encoding: chunked\r\n"),
        STR("x:\rTransfer-Encoding: chunked\r\n"),
        STR("X: a\r\r\n"),
        STR("Foo: bar\r\n Content-Length: 38\r\n"),
        STR("Foo: bar\r\n\tbaz\r\n"),
        STR(" Foo: bar\r\n"),
        STR("Content-Length : 5\r\n"),
        STR("Content-Length\t: 5\r\n"),
        STR(": x\r\n"),
        STR("no colon\r\n"),
        STR("nocolon\r\n"),
        STR("Transf\x82r-Encoding: chunked\r\n"),
        STR("Transfer Encoding: chunked\r\n"),
        STR("Content-Length\x85: 5\r\n"),
        STR("Na(me: x\r\n"),
        STR("X: a\n"),
        STR("X: a\0b\r\n"),
        STR("X\0: a\r\n"),
        STR("X: a\ab\r\n"),
        STR("X: a\vb\r\n"),
        STR("X: 0123456789\x7f\r\n"),
        STR("Host: other\r\n"),
        STR("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"),
        STR("X-Api-Key: a\r\nx-api-key: a\r\n"),
        STR("Content-Type: text/plain\r\nContent-Type: application/json\r\n")};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char bytes[512] = POST;
        size_t len = sizeof(POST) - 1;
        memcpy(bytes + len, fields[i].ptr, fields[i].len);
        len += fields[i].len;
        memcpy(bytes + len, "\r\n", 2);
        expect(&request, (struct str){bytes, len + 2}, "error(syntax,400)");
    }
    static const char *const hosts[] = {"a@b",  "a,b", "",    "a b",    "a:",  "a:x", "a:123456",
                                        "[::1", "[]",  "[x]", "[::1]8", ":80", "a/b", "a\xc3\xa9"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        char bytes[128];
        int len = snprintf(bytes, sizeof(bytes), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i]);
        expect(&request, (struct str){bytes, (size_t)len}, "error(syntax,400)");
    }
    expect(&request, STR("GET / HTTP/1.1\r\n\r\n"), "error(syntax,400)");
}

/* Bad inputs 28-30, 35. A bad request line is refused although no head follows. */
static void test_refuses_request_lines(void **unused)
{
    (void)unused;
    static const struct stream_case cases[] = {
        CASE("GET  / HTTP/1.1\r\n", "error(syntax,400)"),
        CASE("GET /  HTTP/1.1\r\n", "error(syntax,400)"),
        CASE("GET / HTTP/1.1 \r\n", "error(syntax,400)"),
        CASE(" GET / HTTP/1.1\r\n", "error(syntax,400)"),
        CASE("GET\t/ HTTP/1.1\r\n", "error(syntax,400)"),
        CASE("GET /\r\n", "error(syntax,400)"),
        CASE("GET / HTTP/1.1\n", "error(syntax,400)"),
        CASE("\nGET / HTTP/1.1\r\n", "error(syntax,400)"),
        CASE("\r\n\r\nGET / HTTP/1.1\r\n", "error(syntax,400)"),
        CASE("\rGET / HTTP/1.1\r\n", "error(syntax,400)"),
        CASE("GET / HTTP/1.2\r\n", "error(unsupported,505)"),
        CASE("GET / HTTP/2.0\r\n", "error(unsupported,505)"),
        CASE("PRI * HTTP/2.0\r\n", "error(unsupported,505)"),
        CASE("GET / HTTP/0.9\r\n", "error(unsupported,505)"),
        CASE("GET / http/1.1\r\n", "error(syntax,400)"),
        CASE("GET / HTTP/1.10\r\n", "error(syntax,400)"),
        CASE("GET / HTTP/01.1\r\n", "error(syntax,400)"),
        CASE("GET / HTTX/1.1\r\n", "error(syntax,400)"),
        CASE("TRACE / HTTP/1.1\r\n", "error(unsupported,405)"),
        CASE("CONNECT x:443 HTTP/1.1\r\n", "error(unsupported,405)"),
        CASE("BREW / HTTP/1.1\r\n", "error(unsupported,501)"),
        CASE("get / HTTP/1.1\r\n", "error(unsupported,501)"),
        CASE("G@T / HTTP/1.1\r\n", "error(syntax,400)"),
        CASE("GET * HTTP/1.1\r\n", "error(syntax,400)"),
        CASE("GET x HTTP/1.1\r\n", "error(syntax,400)"),
        CASE("GET ftp://gw.test/ HTTP/1.1\r\n", "error(syntax,400)"),
        CASE("GET /a#b HTTP/1.1\r\n", "error(syntax,400)"),
        CASE("GET /a\\b HTTP/1.1\r\n", "error(syntax,400)"),
        CASE("GET /a\x80 HTTP/1.1\r\n", "error(syntax,400)"),
        CASE("\x16\x03\x01", "error(syntax,400)"),
        CASE("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "error(invalid,404)"),
        CASE("GET http://other/ HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET http://u@gw.test/ HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET http:///a HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET http://gw.test?a HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET http://gw.test/../a HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET /v1/../admin HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET //admin HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET /%2e%2e/admin HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET /v1/chat;x=1 HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET /v1/models/%2Fa HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET /v1/models/a%2F%2Fb HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET /v1/models/a%2F..%2Fb HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET /v1/models/..%2F..%2Fadmin HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET /v1/models/a%2F.. HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET /v1/models/a%252Fb HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET /v1/models/a%2fb HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET /v1/models%2Fb HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET /v1%2Fmodels/b HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET /v1/keys/a%2Fb HTTP/1.1\r\n" HOST "\r\n", "error(syntax,400)"),
        CASE("GET /a%00 HTTP/1.1\r\n" HOST "\r\n", "error(invalid,404)"),
        CASE("GET /a%0d%0aX: HTTP/1.1\r\n" HOST "\r\n", "error(invalid,404)")};
    EXPECT_ALL(cases);
}

/* Bad inputs 17, 19, 21, 23, 25. */
static void test_refuses_chunks(void **unused)
{
    (void)unused;
    const struct str bodies[] = {STR("5;\r\nhello\r\n0\r\n\r\n"),
                                 STR("5;\nhello\r\n0\r\n\r\n"),
                                 STR("0x5\r\nhello\r\n"),
                                 STR("+5\r\nhello\r\n"),
                                 STR("-5\r\nhello\r\n"),
                                 STR("5_0\r\n"),
                                 STR(" 5\r\nhello\r\n"),
                                 STR("5 \r\nhello\r\n"),
                                 STR("FFFFFFFFFFFFFFFFF\r\n"),
                                 STR("000000005\r\nhello\r\n"),
                                 STR("\r\n"),
                                 STR(";a\r\n"),
                                 STR("5;a\rb\r\nhello"),
                                 STR("5\n"),
                                 STR("5\r5"),
                                 STR("g\r\n"),
                                 STR("5;a=\r\n"),
                                 STR("5;a=\"b\r\n"),
                                 STR("5;a=\"b\\\"\"\r\n"),
                                 STR("5;a=\"b\"c\r\n"),
                                 STR("5; a\r\n"),
                                 STR("5;a =b\r\n"),
                                 STR("5;=b\r\n"),
                                 STR("5;a=\"\x01\"\r\n"),
                                 STR("5.0\r\n"),
                                 STR("0\r\nX : y\r\n"),
                                 STR("0\r\n X: y\r\n"),
                                 STR("0\r\n: y\r\n"),
                                 STR("0\r\nX\r\n"),
                                 STR("0\r\nX: y\n"),
                                 STR("0\r\nX: a\rb\r\n"),
                                 STR("0\r\nX: a\x00\r\n"),
                                 STR("0\r\n\n"),
                                 STR("0\r\n\rX"),
                                 STR("0\r\nX: y\r\n folded\r\n\r\n")};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        char bytes[256] = POST "Transfer-Encoding: chunked\r\n\r\n";
        size_t len = strlen(bytes);
        memcpy(bytes + len, bodies[i].ptr, bodies[i].len);
        expect(&request, (struct str){bytes, len + bodies[i].len},
               HEAD_OF_POST "error(syntax,400)");
        memcpy(bytes + len, "3\r\nabc\r\n", 8); /* the same behind a chunk */
        memcpy(bytes + len + 8, bodies[i].ptr, bodies[i].len);
        expect(&request, (struct str){bytes, len + 8 + bodies[i].len},
               HEAD_OF_POST "body(abc) error(syntax,400)");
    }
    static const struct stream_case cases[] = {
        CASE(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n",
             HEAD_OF_POST "body(hello) error(syntax,400)"),
        CASE(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n",
             HEAD_OF_POST "body(hello) error(syntax,400)"),
        /* 23: trailers are read and dropped. */
        CASE(POST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nHost: evil\r\n"
                  "Authorization: Bearer x\r\nX:\r\n\r\n",
             HEAD_OF_POST "body(a) end "),
        /* 25: the good one is delivered, the bad one is not. */
        CASE(POST "Content-Length: 1\r\n\r\na" POST
                  "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
             HEAD_OF_POST "body(a) end error(syntax,400)")};
    EXPECT_ALL(cases);
}

/* 22 and every other cut: incomplete is never complete, and finish says so. */
static void test_cut_requests(void **unused)
{
    (void)unused;
    const struct str whole[] = {
        STR(POST "Content-Length: 5\r\n\r\nhello"),
        STR(POST "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n"),
        STR("GET / HTTP/1.0\r\n\r\n")};
    struct play finished = {.kind = WIRE_REQUEST, .is_finished = true};
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        for (size_t len = 1; len < whole[i].len; len++) {
            char *got = play_cut(&finished, str_sub(whole[i], 0, len), 0);
            assert_null(strstr(got, "end "));
            assert_non_null(strstr(got, "cut"));
            free(got);
        }
    }
    expect(&finished, STR(""), "");
    expect(&finished, STR("\r\n"), "");
    expect(&finished, STR("\r"), "cut");
    expect(&finished, STR("GET / HTTP/1.1\r\n" HOST "\r\n"), "head(GET /) end ");
}

/* Bad inputs 20, 36, 45, 46. */
static void test_limits(void **unused)
{
    (void)unused;
    static const struct wire_limits small = {
        .head_bytes_max = 200, .target_bytes_max = 20, .body_bytes_max = 5};
    struct play how = {.kind = WIRE_REQUEST, .limits = &small};
    expect(&how, STR("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"),
           "head(POST /) body(hello) end ");
    expect(&how, STR("POST / HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\n"), "error(limit,413)");
    expect(&how, STR("POST / HTTP/1.1\r\n" HOST "Content-Length: 10737418240\r\n\r\n"),
           "error(limit,413)");
    expect(&how,
           STR("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"
               "3\r\ncde\r\n0\r\n\r\n"),
           "head(POST /) body(abcde) end ");
    expect(&how,
           STR("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"
               "4\r\n"),
           "head(POST /) body(ab) error(limit,413)");
    expect(&how, STR("GET /0123456789012345678 HTTP/1.1\r\n" HOST "\r\n"),
           "head(GET /0123456789012345678) end ");
    expect(&how, STR("GET /01234567890123456789 HTTP/1.1\r\n" HOST "\r\n"), "error(limit,414)");
    char bytes[4096] = "GET / HTTP/1.1\r\nX: ";
    size_t len = strlen(bytes);
    memset(bytes + len, 'a', 300);
    expect(&how, (struct str){bytes, len + 300}, "error(limit,431)");
    memcpy(bytes + len + 300, "\r\n\r\n", 4);
    expect(&how, (struct str){bytes, len + 304}, "error(limit,431)");

    struct buf many;
    buf_init(&many, 1024 * 1024);
    buf_add(&many, STR(POST));
    for (unsigned i = 0; i < 99; i++) {
        buf_printf(&many, "X-%u: a\r\n", i);
    }
    size_t hundred = many.len;
    buf_add(&many, STR("\r\n"));
    expect(&request, buf_str(&many), HEAD_OF_POST "end ");
    many.len = hundred;
    buf_add(&many, STR("X: 101\r\n\r\n"));
    expect(&request, buf_str(&many), "error(limit,431)");
    buf_clear(&many);
    buf_add(&many, STR(POST "Transfer-Encoding: chunked\r\n\r\n5;a="));
    for (unsigned i = 0; i < 1100; i++) {
        buf_add_byte(&many, 'a');
    }
    expect(&request, buf_str(&many), HEAD_OF_POST "error(limit,400)");
    buf_fini(&many);
}

/* Is a head good with this field line, in one input and byte by byte? */
static bool is_read(struct str line)
{
    struct buf b;
    buf_init(&b, 4096);
    buf_add(&b, STR("GET / HTTP/1.1\r\n" HOST));
    buf_add(&b, line);
    buf_add(&b, STR("\r\n\r\n"));
    char *whole = play_cut(&request, buf_str(&b), 0);
    char *single = play_cut(&request, buf_str(&b), SIZE_MAX);
    assert_string_equal(whole, single);
    bool is_good = strcmp(whole, "head(GET /) end ") == 0;
    assert_true(is_good || strcmp(whole, "error(syntax,400)") == 0);
    free(whole);
    free(single);
    buf_fini(&b);
    return is_good;
}

/* Each byte at each place of names and values of lengths around the width that is looked
 * at in one step: RFC 9110's token, and visible bytes, blank and tab. */
static void test_every_byte_of_a_field(void **unused)
{
    (void)unused;
    static const size_t lengths[] = {1, 2, 14, 15, 16, 17, 18, 33};
    const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t len = lengths[i / 2];
        bool is_name = i % 2 == 0;
        for (size_t at = 0; at < len; at += len == 33 ? 4 : 1) {
            for (int c = 0; c < 256; c++) {
                char line[80];
                int line_len = snprintf(line, sizeof(line), "%.*s: %.*s", is_name ? (int)len : 1,
                                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", is_name ? 1 : (int)len,
                                        "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv");
                line[is_name ? at : 3 + at] = (char)c;
                int letter = c | 0x20;
                bool is_token = (c >= '0' && c <= '9') || (letter >= 'a' && letter <= 'z') ||
                                (c != 0 && strchr(others, c) != NULL);
                bool is_wanted = is_name ? is_token || (c == ':' && at > 0)
                                         : c == '\t' || (c >= ' ' && c != 0x7f);
                if (is_read((struct str){line, (size_t)line_len}) != is_wanted) {
                    fail_msg("%s, byte %zu of %zu: %02x", is_name ? "name" : "value", at, len,
                             (unsigned)c);
                }
            }
        }
    }
}

static void test_head_values(void **unused)
{
    (void)unused;
    struct wire_parser p;
    struct wire_event ev;
    struct str in =
        STR("POST /v1/x?stream=1 HTTP/1.1\r\nHost: gw.test:8443\r\nExpect: 100-Continue\r\n"
            "Accept: a\r\nAccept:  b c \r\nAuthorization: Bearer k\r\n"
            "Connection: keep-alive, Authorization\r\nContent-Length: 3\r\n\r\nabcGET");
    wire_parser_init(&p, WIRE_REQUEST, &wire_limits_default);
    assert_true(wire_parser_is_idle(&p));
    assert_int_equal(wire_parser_next(&p, &in, &ev), ERR_OK);
    assert_int_equal(ev.type, WIRE_HEAD);
    assert_false(wire_parser_is_idle(&p));
    assert_int_equal(p.head->method, WIRE_POST);
    assert_true(str_eq(p.head->path, STR("/v1/x")));
    assert_true(str_eq(p.head->query, STR("stream=1")));
    assert_true(str_eq(p.head->host, STR("gw.test:8443")));
    assert_int_equal(p.head->headers_count, 7);
    assert_int_equal(wire_header_count(p.head, "ACCEPT"), 2);
    assert_true(wire_header_is_repeated(p.head, "accept"));
    assert_false(wire_header_is_repeated(p.head, "authorization"));
    assert_false(wire_header_is_repeated(p.head, "x-none"));
    assert_true(str_eq(wire_header_get(p.head, "accept"), STR("a")));
    assert_true(str_eq(p.head->headers[3].value, STR("b c")));
    /* 34: a nominated field stays. */
    assert_true(str_eq(wire_header_get(p.head, "authorization"), STR("Bearer k")));
    assert_null(wire_header_get(p.head, "x-none").ptr);
    assert_true(p.head->has_content_length && p.head->content_length == 3);
    assert_true(p.head->is_keep_alive && p.head->expects_continue);
    assert_false(p.head->is_chunked || p.head->is_http10);
    assert_int_equal(wire_parser_next(&p, &in, &ev), ERR_OK);
    assert_int_equal(ev.type, WIRE_BODY);
    wire_parser_idle(&p); /* does nothing inside a message */
    assert_non_null(p.state);
    assert_int_equal(wire_parser_next(&p, &in, &ev), ERR_OK);
    assert_int_equal(ev.type, WIRE_END);
    assert_int_equal(in.len, 3);
    assert_non_null(p.head); /* valid until the next message */
    wire_parser_idle(&p);
    assert_null(p.state);
    assert_null(p.head);
    wire_parser_fini(&p);
    wire_parser_fini(NULL);
}

/* 32: other expectations; 1.0 ignores it. Close: what follows is swallowed. */
/* SDKs write the slash in a model's name so. */
static void test_slash_in_a_name(void **unused)
{
    (void)unused;
    static const char *const paths[] = {"/v1/models/a%2Fb", "/llm/v1/models/a%2Fb%2Fc",
                                        "/v1/models/a%2F", "/v1/models/a/b%2Fc.d"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct wire_parser p;
        struct wire_event ev;
        char bytes[128];
        int len = snprintf(bytes, sizeof(bytes), "GET %s HTTP/1.1\r\n" HOST "\r\n", paths[i]);
        struct str in = {bytes, (size_t)len};
        wire_parser_init(&p, WIRE_REQUEST, &wire_limits_default);
        assert_int_equal(wire_parser_next(&p, &in, &ev), ERR_OK);
        assert_int_equal(ev.type, WIRE_HEAD);
        assert_true(str_eq(p.head->path, str_from(paths[i])));
        wire_parser_fini(&p);
    }
}

static void test_expect_and_close(void **unused)
{
    (void)unused;
    expect(&request, STR(POST "Expect: 200-maybe\r\n\r\n"), "error(unsupported,417)");
    expect(&request, STR(POST "Expect:\r\n\r\n"), "error(unsupported,417)");
    expect(&request, STR("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), "head(GET /) end ");
    expect(&request,
           STR("GET / HTTP/1.1\r\n" HOST "Connection: x, Close\r\n\r\nGET /b HTTP/1.1\r\n"),
           "head(GET /) end ");
    expect(&request, STR("GET / HTTP/1.0\r\n\r\nnonsense"), "head(GET /) end ");
    expect(&request, STR("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n"),
           "head(GET /) end head(GET /b) end ");
}

/* An error sticks, whatever comes next. */
static void test_errors_stick(void **unused)
{
    (void)unused;
    struct wire_parser p;
    struct wire_event ev;
    bool is_complete;
    struct str in = STR("GET / HTTP/1.1\n");
    wire_parser_init(&p, WIRE_REQUEST, &wire_limits_default);
    assert_int_equal(wire_parser_next(&p, &in, &ev), ERR_SYNTAX);
    in = STR("GET / HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(wire_parser_next(&p, &in, &ev), ERR_SYNTAX);
    wire_parser_idle(&p);
    assert_int_equal(wire_parser_next(&p, &in, &ev), ERR_SYNTAX);
    assert_int_equal(wire_parser_finish(&p, &is_complete), ERR_SYNTAX);
    wire_parser_fini(&p);
}

/* 24: a hundred in one segment come out in order. */
static void test_pipeline(void **unused)
{
    (void)unused;
    struct buf many;
    struct buf wanted;
    buf_init(&many, 1024 * 1024);
    buf_init(&wanted, 1024 * 1024);
    for (unsigned i = 0; i < 100; i++) {
        buf_printf(&many, "POST /%u HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi", i);
        buf_printf(&wanted, "head(POST /%u) body(hi) end ", i);
    }
    buf_add_byte(&wanted, '\0');
    expect(&request, buf_str(&many), wanted.ptr);
    buf_fini(&many);
    buf_fini(&wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),         cmocka_unit_test(test_refuses_framing),
        cmocka_unit_test(test_refuses_fields),   cmocka_unit_test(test_refuses_request_lines),
        cmocka_unit_test(test_refuses_chunks),   cmocka_unit_test(test_cut_requests),
        cmocka_unit_test(test_limits),           cmocka_unit_test(test_every_byte_of_a_field),
        cmocka_unit_test(test_head_values),      cmocka_unit_test(test_slash_in_a_name),
        cmocka_unit_test(test_expect_and_close), cmocka_unit_test(test_errors_stick),
        cmocka_unit_test(test_pipeline)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
