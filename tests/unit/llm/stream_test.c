/* SPDX-License-Identifier: Apache-2.0
 *
 * Translated streams, event by event, both ways: text, tool calls with growing
 * arguments, usage, finish reasons, errors in the middle, and streams that are cut
 * or out of order.
 */
#include "llm_util.h"

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define EV(name, data) "event: " name "\ndata: {\"type\":\"" name "\"" data "}\n\n"

/* ---- Anthropic upstream, OpenAI client --------------------------------------- */

#define HEAD                                                                                       \
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":17,\"model\":"  \
    "\"a/c\",\"choices\":["
#define OUT(delta, finish)                                                                         \
    HEAD "{\"index\":0,\"delta\":{" delta "},\"logprobs\":null,\"finish_reason\":" finish "}]}"    \
         "\n\n"
#define START                                                                                      \
    EV("message_start",                                                                            \
       ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"     \
       "\"c-1\",\"content\":[],\"usage\":{\"input_tokens\":10,\"output_tokens\":1}}")
#define ROLE OUT("\"role\":\"assistant\",\"content\":\"\",\"refusal\":null", "null")
#define TEXT_START                                                                                 \
    EV("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
#define TEXT(t)                                                                                    \
    EV("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" t "\"" \
                              "}")

static struct llm_relay *chat_client(struct fixture *f, const char *members)
{
    char body[300];
    snprintf(body, sizeof(body), "{\"model\":\"a/c\",\"stream\":true," HI "%s}", members);
    parse_ok(f, LLM_CHAT, body, false);
    assert_int_equal(render(f, LLM_ANTHROPIC, "c"), ERR_OK);
    f->upstream.created_unix_s = 17;
    buf_clear(&f->out);
    return llm_relay_new(&f->arena, &f->request, &f->upstream);
}

static void test_to_chat_text(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = chat_client(f, "");
    assert_int_equal(relay_stream(f, r,
                                  START EV("ping", "") TEXT_START TEXT("Hel") ": note\n\n" TEXT(
                                      "lo \\u00e9\\n") EV("content_block_stop", ",\"index\":0")
                                      EV("message_delta",
                                         ",\"delta\":{\"stop_reason\":\"max_tokens\","
                                         "\"stop_sequence\":null},\"usage\":{\"output_tokens\":7}")
                                          EV("message_stop", "") EV("ping", "")),
                     ERR_OK);
    expect_str(buf_str(&f->out), ROLE OUT("\"content\":\"Hel\"", "null") ": note\n\n" OUT(
                                     "\"content\":\"lo \xc3\xa9\\n\"", "null")
                                     OUT("", "\"length\"") "data: [DONE]\n\n");
    assert_true(llm_relay_is_complete(r));
    assert_int_equal(llm_relay_usage(r)->input_tokens, 10);
    assert_int_equal(llm_relay_usage(r)->output_tokens, 7);
    expect_str(llm_relay_finish_reason(r), "max_tokens");
    expect_str(llm_relay_upstream_model(r), "c-1");
    llm_relay_fini(r);
}

static void test_to_chat_tools(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = chat_client(f, "");
    assert_int_equal(
        relay_stream(
            f, r,
            START EV("content_block_start",
                     ",\"index\":0,\"content_block\":{\"type\":\"thinking\","
                     "\"thinking\":\"\"}") EV("content_block_delta",
                                              ",\"index\":0,\"delta\":{\"type\":\"thinking_delta\","
                                              "\"thinking\":\"hm\"}") EV("content_block_stop",
                                                                         ",\"index\":0")
                EV("content_block_start",
                   ",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t1\","
                   "\"name\":\"get\",\"input\":{}}")
                    EV("content_block_delta",
                       ",\"index\":1,\"delta\":{\"type\":\"input_json_delta\","
                       "\"partial_json\":\"\"}")
                        EV("content_block_delta",
                           ",\"index\":1,\"delta\":{\"type\":\"input_json_delta\","
                           "\"partial_json\":\"{\\\"a\\\":\"}")
                            EV("content_block_delta",
                               ",\"index\":1,\"delta\":{\"type\":\"input_json_delta\","
                               "\"partial_json\":\"1}\"}") EV("content_block_stop", ",\"index\":1")
                                EV("content_block_start",
                                   ",\"index\":2,\"content_block\":{\"type\":"
                                   "\"tool_use\",\"id\":\"t2\",\"name\":\"now\","
                                   "\"input\":{}}") EV("content_block_stop", ",\"index\":2")
                                    EV("message_delta", ",\"delta\":{\"stop_reason\":\"tool_use\"},"
                                                        "\"usage\":{\"output_tokens\":7}")
                                        EV("message_stop", "")),
        ERR_OK);
    expect_str(
        buf_str(&f->out),
        ROLE OUT("\"tool_calls\":[{\"index\":0,\"id\":\"t1\",\"type\":\"function\",\"function\":"
                 "{\"name\":\"get\",\"arguments\":\"\"}}]",
                 "null")
            OUT("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":\"}}]",
                "null") OUT("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1}\"}}]",
                            "null")
                OUT("\"tool_calls\":[{\"index\":1,\"id\":\"t2\",\"type\":\"function\",\"function\":"
                    "{\"name\":\"now\",\"arguments\":\"\"}}]",
                    "null")
                    OUT("\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"{}\"}}]",
                        "null") OUT("", "\"tool_calls\"") "data: [DONE]\n\n");
    llm_relay_fini(r);
}

/* Trap 6 the other way round: the client that asked gets its usage chunk. */
static void test_to_chat_usage_chunk(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = chat_client(f, ",\"stream_options\":{\"include_usage\":true}");
    assert_int_equal(relay_stream(f, r,
                                  START EV("message_delta",
                                           ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":"
                                           "{\"input_tokens\":10,\"cache_read_input_tokens\":4,"
                                           "\"output_tokens\":7}") EV("message_stop", "")),
                     ERR_OK);
    assert_true(str_ends(
        buf_str(&f->out),
        STR("\"finish_reason\":\"stop\"}],\"usage\":null}\n\n" HEAD
            "],\"usage\":{\"prompt_tokens\":14,\"completion_tokens\":7,\"total_tokens\":21,"
            "\"prompt_tokens_details\":{\"cached_tokens\":4},\"completion_tokens_details\":"
            "{\"reasoning_tokens\":0}}}\n\ndata: [DONE]\n\n")));
    llm_relay_fini(r);
}

static void test_to_chat_error(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = chat_client(f, "");
    assert_int_equal(relay_stream(f, r,
                                  START TEXT_START TEXT("a")
                                      EV("error", ",\"error\":{\"type\":\"overloaded_error\","
                                                  "\"message\":\"Overloaded\"}") TEXT("b")),
                     ERR_OK);
    expect_str(
        buf_str(&f->out),
        ROLE OUT(
            "\"content\":\"a\"",
            "null") "data: {\"error\":{\"message\":\"Overloaded\",\"type\":\"overloaded_error\","
                    "\"param\":null,\"code\":null}}\n\ndata: [DONE]\n\n");
    assert_true(llm_relay_saw_error(r));
    assert_false(llm_relay_is_complete(r));
    llm_relay_fini(r);
}

static void test_to_chat_disorder(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        TEXT("a"),
        START START,
        START TEXT("a"),
        START TEXT_START TEXT_START,
        START TEXT_START EV("content_block_delta", ",\"index\":1,\"delta\":{\"type\":"
                                                   "\"text_delta\",\"text\":\"x\"}"),
        START TEXT_START EV("content_block_delta", ",\"index\":0,\"delta\":{\"type\":"
                                                   "\"mystery_delta\",\"text\":\"x\"}"),
        START EV("content_block_start", ",\"index\":0,\"content_block\":{\"type\":"
                                        "\"server_tool_use\"}"),
        START EV("mystery", ""),
        START EV("message_stop", ""),
        START "data: nonsense\n\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct llm_relay *r = chat_client(f, "");
        assert_int_equal(relay_stream(f, r, bad[i]), ERR_SYNTAX);
        assert_false(llm_relay_is_complete(r));
        llm_relay_fini(r);
    }
}

/* ---- OpenAI upstream, Anthropic client ---------------------------------------- */

#define CHUNK(choices, more)                                                                       \
    "data: {\"id\":\"chatcmpl-9\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":"   \
    "\"gpt-1\",\"choices\":[" choices "]" more "}\n\n"
#define DELTA(delta) "{\"index\":0,\"delta\":{" delta "},\"finish_reason\":null}"
#define FINISH(reason) "{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}"
#define MSG_START                                                                                  \
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_9\","       \
    "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"cl\",\"content\":[],\"stop_reason\":" \
    "null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":0,\"cache_creation_input_tokens\":0," \
    "\"cache_read_input_tokens\":0,\"output_tokens\":0}}}\n\n"

static struct llm_relay *messages_client(struct fixture *f)
{
    parse_ok(f, LLM_MESSAGES, "{\"model\":\"cl\",\"max_tokens\":9,\"stream\":true," HI "}", false);
    assert_int_equal(render(f, LLM_OPENAI, "gpt"), ERR_OK);
    buf_clear(&f->out);
    return llm_relay_new(&f->arena, &f->request, &f->upstream);
}

static void test_to_messages_text_and_tools(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = messages_client(f);
    assert_int_equal(
        relay_stream(
            f, r,
            CHUNK(DELTA("\"role\":\"assistant\",\"content\":\"\""),
                  "") CHUNK(DELTA("\"content\":\"Hel\""), "") CHUNK(DELTA("\"content\":\"lo\""), "")
                CHUNK(DELTA("\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"type\":\"function\","
                            "\"function\":{\"name\":\"get\",\"arguments\":\"\"}}]"),
                      "") CHUNK(DELTA("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
                                      "\"{\\\"a\\\"\"}}]"),
                                "")
                    CHUNK(DELTA("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
                                "\":1}\"}}]"),
                          "") CHUNK(DELTA("\"tool_calls\":[{\"index\":1,\"id\":\"c2\","
                                          "\"function\":{\"name\":\"now\",\"arguments\":\"{}\"}}]"),
                                    "") CHUNK(FINISH("tool_calls"), "")
                        CHUNK("", ",\"usage\":{\"prompt_tokens\":20,"
                                  "\"completion_tokens\":5,\"total_tokens\":25,"
                                  "\"prompt_tokens_details\":{\"cached_tokens\":8}"
                                  "}") "data: [DONE]\n\ndata: [DONE]\n\n"),
        ERR_OK);
    expect_str(
        buf_str(&f->out),
        MSG_START EV("content_block_start",
                     ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
            EV("content_block_delta",
               ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
               "\"Hel\"}") EV("content_block_delta",
                              ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"lo\"}")
                EV("content_block_stop", ",\"index\":0")
                    EV("content_block_start",
                       ",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"c1\","
                       "\"name\":\"get\",\"input\":{}}")
                        EV("content_block_delta",
                           ",\"index\":1,\"delta\":{\"type\":\"input_json_delta\","
                           "\"partial_json\":\"{\\\"a\\\"\"}")
                            EV("content_block_delta",
                               ",\"index\":1,\"delta\":{\"type\":\"input_json_delta\","
                               "\"partial_json\":\":1}\"}") EV("content_block_stop", ",\"index\":1")
                                EV("content_block_start",
                                   ",\"index\":2,\"content_block\":{\"type\":\"tool_use\","
                                   "\"id\":\"c2\",\"name\":\"now\",\"input\":{}}")
                                    EV("content_block_delta",
                                       ",\"index\":2,\"delta\":{\"type\":"
                                       "\"input_json_delta\",\"partial_json\":\"{}\"}")
                                        EV("content_block_stop", ",\"index\":2")
                                            EV("message_delta",
                                               ",\"delta\":{\"stop_reason\":\"tool_use\","
                                               "\"stop_sequence\":null},\"usage\":"
                                               "{\"input_tokens\":12,"
                                               "\"cache_creation_input_tokens\":0,"
                                               "\"cache_read_input_tokens\":8,"
                                               "\"output_tokens\":5}") EV("message_stop", ""));
    assert_true(llm_relay_is_complete(r));
    assert_int_equal(llm_relay_usage(r)->input_tokens, 20);
    llm_relay_fini(r);
}

static void test_to_messages_error(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = messages_client(f);
    assert_int_equal(relay_stream(f, r,
                                  CHUNK(DELTA("\"content\":\"a\""),
                                        "") "data: {\"error\":{\"message\":\"slow down\",\"type\":"
                                            "\"requests\",\"code\":\"rate_limit_exceeded\"}}\n\n"
                                            "data: [DONE]\n\n"),
                     ERR_OK);
    assert_true(str_ends(buf_str(&f->out),
                         STR("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
                             "\"api_error\",\"message\":\"slow down\",\"code\":"
                             "\"rate_limit_exceeded\"},\"request_id\":null}\n\n")));
    assert_true(llm_relay_saw_error(r));
    assert_false(llm_relay_is_complete(r));
    llm_relay_fini(r);
}

static void test_to_messages_disorder(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "data: [DONE]\n\n",
        CHUNK(DELTA("\"content\":\"a\""), "") "data: [DONE]\n\n", /* cut before a finish reason */
        CHUNK("{\"index\":1,\"delta\":{\"content\":\"a\"}}", ""),
        CHUNK(DELTA("") "," DELTA(""), ""),
        CHUNK(DELTA("\"tool_calls\":[{\"index\":1,\"id\":\"a\",\"function\":{\"name\":\"b\"}}]"),
              ""),
        CHUNK(DELTA("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"x\"}}]"), ""),
        CHUNK(DELTA("\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"b\"}}]"),
              "") CHUNK(DELTA("\"content\":\"a\""), "")
            CHUNK(DELTA("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"x\"}}]"), ""),
        "data: {\"object\":\"x\"}\n\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct llm_relay *r = messages_client(f);
        assert_int_equal(relay_stream(f, r, bad[i]), ERR_SYNTAX);
        assert_false(llm_relay_is_complete(r));
        llm_relay_fini(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_to_chat_text),        TEST(test_to_chat_tools),
        TEST(test_to_chat_usage_chunk), TEST(test_to_chat_error),
        TEST(test_to_chat_disorder),    TEST(test_to_messages_text_and_tools),
        TEST(test_to_messages_error),   TEST(test_to_messages_disorder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
