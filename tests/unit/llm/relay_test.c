/* SPDX-License-Identifier: Apache-2.0
 *
 * Same-dialect relaying: bytes unchanged but for the usage chunk nobody asked for
 * and errors; what is observed on the way; what is never passed (product 2.2,
 * traps 5 and 6, catalogue G 143, 147, J 195, 198, 200, 201).
 */
#include "llm_util.h"

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define CHUNK(choices, usage)                                                                      \
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":"            \
    "\"gpt-4o-2024\",\"choices\":[" choices "]" usage "}\n\n"
#define DELTA(text) "{\"index\":0,\"delta\":{\"content\":\"" text "\"},\"finish_reason\":null}"
#define CHAT_BODY "{\"model\":\"gpt-4o-2024\",\"stream\":true," HI "}"
#define STOP "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}"
#define USAGE ",\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":2,\"total_tokens\":12}"

static struct llm_relay *relay_for(struct fixture *f, enum llm_endpoint e, const char *body)
{
    parse_ok(f, e, body, false);
    assert_int_equal(render(f, llm_endpoint_dialect(e), "m"), ERR_OK);
    struct llm_relay *r = llm_relay_new(&f->arena, &f->request, &f->upstream);
    assert_non_null(r);
    buf_clear(&f->out);
    return r;
}

static void test_chat_stream(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = relay_for(f, LLM_CHAT, CHAT_BODY);
    const char *shown = CHUNK(DELTA(""), "")
        CHUNK(DELTA("He said \\\"usage\\\""),
              "") ": keepalive\n\n" CHUNK(STOP, ",\"usage\":null") "data: [DONE]\n\n";
    struct buf in;
    buf_init(&in, 100000);
    buf_add(&in,
            STR(CHUNK(DELTA(""), "") CHUNK(DELTA("He said \\\"usage\\\""),
                                           "") ": keepalive\n\n" CHUNK(STOP, ",\"usage\":null")
                    CHUNK("", USAGE) "data: [DONE]\n\ndata: {\"late\":1}\n\ndata: [DONE]\n\n"));
    buf_add_byte(&in, '\0');
    assert_int_equal(relay_stream(f, r, in.ptr), ERR_OK);
    expect_str(buf_str(&f->out), shown);
    assert_true(llm_relay_is_complete(r));
    assert_false(llm_relay_saw_error(r));
    expect_str(llm_relay_upstream_model(r), "gpt-4o-2024");
    expect_str(llm_relay_finish_reason(r), "stop");
    assert_true(llm_relay_usage(r)->is_known);
    assert_int_equal(llm_relay_usage(r)->input_tokens, 10);
    assert_int_equal(llm_relay_usage(r)->output_tokens, 2);
    buf_fini(&in);
    llm_relay_fini(r);
}

static void test_usage_chunk_asked_for(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = relay_for(f, LLM_CHAT,
                                    "{\"model\":\"gpt-4o-2024\",\"stream\":true,\"stream_options\":"
                                    "{\"include_usage\":true}," HI "}");
    const char *all = CHUNK(DELTA("a"), "") CHUNK(STOP, "") CHUNK("", USAGE) "data: [DONE]\r\n\r\n";
    assert_int_equal(relay_stream(f, r, all), ERR_OK);
    expect_str(buf_str(&f->out), all);
    llm_relay_fini(r);
}

/* Lines that nobody has read do not go out beside the end; a byte order mark in front of one
 * hides nothing. */
static void test_lines_beside_the_end(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = relay_for(f, LLM_CHAT, CHAT_BODY);
    const char *all = CHUNK(DELTA("a"), "") "\xef\xbb\xbf" "data: {\"secret\":1}\ndata: [DONE]\n\n";
    assert_int_equal(relay_stream(f, r, all), ERR_OK);
    expect_str(buf_str(&f->out), CHUNK(DELTA("a"), "") "data: [DONE]\n\n");
    llm_relay_fini(r);
}

static void test_cut_stream_is_not_complete(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = relay_for(f, LLM_CHAT, CHAT_BODY);
    assert_int_equal(relay_stream(f, r, CHUNK(DELTA("a"), "") CHUNK(STOP, "")), ERR_OK);
    assert_false(llm_relay_is_complete(r));
    assert_false(llm_relay_usage(r)->is_known);
    llm_relay_fini(r);
}

/* G 147: an event that cannot be read is not an event that was fine. */
static void test_unreadable_events(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "data: hello\n\n",
        "data: <html>\n\n",
        "data: [1]\n\n",
        "data: {\"a\":1\n\n",
        "data: [DONE] \n\n",
        "data: \"[DONE]\"\n\n",
        "data: null\n\n",
        "data: {}{}\n\n",
        "data: {\"choices\":[],}\n\n",
        "data: {\"model\":\"a\",\"model\":\"b\"}\n\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct llm_relay *r = relay_for(f, LLM_CHAT, CHAT_BODY);
        assert_int_equal(relay_stream(f, r, bad[i]), ERR_SYNTAX);
        assert_int_equal(f->out.len, 0);
        assert_false(llm_relay_is_complete(r));
        llm_relay_fini(r);
    }
}

/* J 199: the provider's error is told, its secrets are not, and the end is an error. */
static void test_chat_error_event(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = relay_for(f, LLM_CHAT, CHAT_BODY);
    assert_int_equal(
        relay_stream(
            f, r,
            CHUNK(DELTA("a"),
                  "") "data: {\"error\":{\"message\":\"bad key sk-abcdefghijkl\","
                      "\"type\":\"server_error\",\"param\":null,\"code\":\"boom\"}}\n\n" CHUNK(
                          DELTA("never"), "") "data: [DONE]\n\n"),
        ERR_OK);
    expect_str(
        buf_str(&f->out),
        CHUNK(DELTA("a"),
              "") "data: {\"error\":{\"message\":\"bad key [redacted]\",\"type\":\"server_error\","
                  "\"param\":null,\"code\":\"boom\"}}\n\ndata: [DONE]\n\n");
    assert_true(llm_relay_saw_error(r));
    assert_false(llm_relay_is_complete(r));
    llm_relay_fini(r);
}

/* The type alone says it, too; of what stands in a choice it says something else. */
static void test_chat_error_by_type(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = relay_for(f, LLM_CHAT, CHAT_BODY);
    assert_int_equal(
        relay_stream(f, r,
                     CHUNK(DELTA("a"), "") CHUNK(
                         "{\"index\":0,\"delta\":{\"tool_calls\":[{\"type\":\"error\"}]}}", "")
                         CHUNK(DELTA("b"), ",\"type\":\"chunk\"") "data: {\"type\":\"error\","
                                                                  "\"message\":\"boom\"}\n\n"
                                                                  "data: [DONE]\n\n"),
        ERR_OK);
    assert_true(llm_relay_saw_error(r));
    assert_false(llm_relay_is_complete(r));
    assert_int_equal(llm_relay_next_sequence(r), 4);
    llm_relay_fini(r);
}

static void test_wrong_usage_is_unknown(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = relay_for(f, LLM_CHAT, CHAT_BODY);
    assert_int_equal(
        relay_stream(f, r,
                     CHUNK(STOP, ",\"usage\":{\"prompt_tokens\":-5}")
                         CHUNK("", ",\"usage\":{\"prompt_tokens\":\"9\"}") "data: [DONE]\n\n"),
        ERR_OK);
    assert_false(llm_relay_usage(r)->is_known);
    assert_true(llm_relay_is_complete(r));
    llm_relay_fini(r);
}

#define EV(name, data) "event: " name "\ndata: {\"type\":\"" name "\"" data "}\n\n"

static const char messages_stream[] = EV(
    "message_start", ",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-1\",\"usage\":"
                     "{\"input_tokens\":10,\"cache_read_input_tokens\":5,\"output_tokens\":1}}")
    EV("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
        EV("ping", "") EV("content_block_delta",
                          ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}")
            EV("content_block_stop", ",\"index\":0")
                EV("message_delta",
                   ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":15}")
                    EV("message_stop", "");

#define MESSAGES_BODY "{\"model\":\"claude-1\",\"max_tokens\":9,\"stream\":true," HI "}"

static void test_messages_stream(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = relay_for(f, LLM_MESSAGES, MESSAGES_BODY);
    assert_int_equal(relay_stream(f, r, messages_stream), ERR_OK);
    expect_str(buf_str(&f->out), messages_stream);
    assert_true(llm_relay_is_complete(r));
    expect_str(llm_relay_upstream_model(r), "claude-1");
    expect_str(llm_relay_finish_reason(r), "end_turn");
    assert_true(llm_relay_usage(r)->is_known);
    assert_int_equal(llm_relay_usage(r)->input_tokens, 15);
    assert_int_equal(llm_relay_usage(r)->cached_tokens, 5);
    assert_int_equal(llm_relay_usage(r)->output_tokens, 15);
    llm_relay_fini(r);
}

static void test_messages_without_event_lines(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = relay_for(f, LLM_MESSAGES, MESSAGES_BODY);
    assert_int_equal(relay_stream(f, r, "data: {\"type\":\"message_stop\"}\n\n"), ERR_OK);
    expect_str(buf_str(&f->out), "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    assert_true(llm_relay_is_complete(r));
    llm_relay_fini(r);
}

static void test_messages_error(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = relay_for(f, LLM_MESSAGES, MESSAGES_BODY);
    assert_int_equal(relay_stream(f, r,
                                  EV("ping", "")
                                      EV("error", ",\"error\":{\"type\":\"overloaded_error\","
                                                  "\"message\":\"Overloaded\"}")
                                          EV("message_stop", "")),
                     ERR_OK);
    expect_str(buf_str(&f->out),
               EV("ping", "") "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
                              "\"overloaded_error\",\"message\":\"Overloaded\"},\"request_id\":"
                              "null}\n\n");
    assert_true(llm_relay_saw_error(r));
    assert_false(llm_relay_is_complete(r));
    llm_relay_fini(r);
}

#define RESPONSES_BODY "{\"model\":\"gpt-5-1\",\"stream\":true,\"input\":\"x\"}"

static void test_responses_stream(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = relay_for(f, LLM_RESPONSES, RESPONSES_BODY);
    static const char stream[] =
        EV("response.created", ",\"sequence_number\":0,\"response\":{\"model\":\"gpt-5-1\","
                               "\"error\":null,\"usage\":null}")
            EV("response.output_text.delta", ",\"sequence_number\":1,\"delta\":\"Hi\"")
                EV("response.output_text.done", ",\"sequence_number\":2,\"text\":\"Hi\"")
                    EV("response.completed",
                       ",\"sequence_number\":3,\"response\":{\"model\":\"gpt-5-1\","
                       "\"status\":\"completed\",\"error\":null,\"output\":[],\"usage\":"
                       "{\"input_tokens\":7,\"output_tokens\":3,\"output_tokens_details\":"
                       "{\"reasoning_tokens\":1}}}");
    assert_int_equal(relay_stream(f, r, stream), ERR_OK);
    expect_str(buf_str(&f->out), stream);
    assert_true(llm_relay_is_complete(r));
    assert_int_equal(llm_relay_next_sequence(r), 4);
    expect_str(llm_relay_upstream_model(r), "gpt-5-1");
    expect_str(llm_relay_finish_reason(r), "completed");
    assert_int_equal(llm_relay_usage(r)->reasoning_tokens, 1);
    llm_relay_fini(r);
}

static void test_responses_incomplete_and_failed(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = relay_for(f, LLM_RESPONSES, RESPONSES_BODY);
    assert_int_equal(relay_stream(f, r,
                                  EV("response.incomplete",
                                     ",\"response\":{\"status\":\"incomplete\","
                                     "\"incomplete_details\":{\"reason\":\"max_output_tokens\"}}")),
                     ERR_OK);
    assert_true(llm_relay_is_complete(r));
    expect_str(llm_relay_finish_reason(r), "max_output_tokens");
    llm_relay_fini(r);
    r = relay_for(f, LLM_RESPONSES, RESPONSES_BODY);
    const char *failed = EV("response.failed", ",\"response\":{\"status\":\"failed\",\"error\":"
                                               "{\"code\":\"server_error\",\"message\":\"oops\"}}");
    assert_int_equal(relay_stream(f, r, failed), ERR_OK);
    expect_str(buf_str(&f->out), failed);
    assert_true(llm_relay_saw_error(r));
    assert_false(llm_relay_is_complete(r));
    llm_relay_fini(r);
    r = relay_for(f, LLM_RESPONSES, RESPONSES_BODY);
    assert_int_equal(
        relay_stream(f, r,
                     EV("response.failed", ",\"response\":{\"error\":{\"code\":\"server_error\","
                                           "\"message\":\"key sk-aaaaaaaaaaaa\"}}")),
        ERR_OK);
    expect_str(
        buf_str(&f->out),
        "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"key "
        "[redacted]\",\"param\":null,\"sequence_number\":0,\"error\":{\"message\":\"key "
        "[redacted]\",\"type\":\"api_error\",\"param\":null,\"code\":\"server_error\"}}\n\n");
    llm_relay_fini(r);
}

static void expect_json(struct fixture *f, enum llm_endpoint e, const char *body,
                        const char *answer, enum err want)
{
    struct llm_relay *r = relay_for(f, e, body);
    enum err err = llm_relay_json(r, str_from(answer), &f->out, &f->issue);
    if (err != want) {
        print_error("%s (%s) for %s\n", err_name(err), f->issue.message, answer);
    }
    assert_int_equal(err, want);
    expect_str(buf_str(&f->out), want == ERR_OK ? answer : "");
    assert_int_equal(llm_relay_is_complete(r), want == ERR_OK);
    llm_relay_fini(r);
}

/* J 198: status 200 does not make it an answer. */
static void test_json_kinds(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum llm_endpoint e;
        const char *body;
        const char *good;
    } cases[] = {
        {LLM_CHAT, "{\"model\":\"m\"," HI "}",
         "{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}"},
        {LLM_COMPLETIONS, "{\"model\":\"m\",\"prompt\":\"x\"}", "{\"choices\":[{\"text\":\"x\"}]}"},
        {LLM_RESPONSES, "{\"model\":\"m\",\"input\":\"x\"}",
         "{\"object\":\"response\",\"output\":[],\"error\":null}"},
        {LLM_MESSAGES, "{\"model\":\"m\",\"max_tokens\":1," HI "}",
         "{\"type\":\"message\",\"content\":[]}"},
        {LLM_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"x\"}", "{\"data\":[{\"embedding\":[]}]}"},
        {LLM_MODERATIONS, "{\"input\":\"x\"}", "{\"results\":[]}"},
        {LLM_COUNT_TOKENS, "{\"model\":\"m\"," HI "}", "{\"input_tokens\":5}"},
        {LLM_INPUT_TOKENS, "{\"model\":\"m\",\"input\":\"x\"}",
         "{\"object\":\"response.input_tokens\",\"input_tokens\":5}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_json(f, cases[i].e, cases[i].body, cases[i].good, ERR_OK);
        expect_json(f, cases[i].e, cases[i].body, "{}", ERR_SYNTAX);
        expect_json(f, cases[i].e, cases[i].body, "[]", ERR_SYNTAX);
        expect_json(f, cases[i].e, cases[i].body, "", ERR_SYNTAX);
        expect_json(f, cases[i].e, cases[i].body, "<html></html>", ERR_SYNTAX);
        expect_json(f, cases[i].e, cases[i].body, "{\"error\":{\"message\":\"x\"}}", ERR_SYNTAX);
        expect_json(f, cases[i].e, cases[i].body, "{\"choices\":5,\"content\":5,\"output\":{}}",
                    ERR_SYNTAX);
    }
    expect_json(f, LLM_CHAT, cases[0].body, "{\"choices\":[]}", ERR_SYNTAX);
    expect_json(f, LLM_CHAT, cases[0].body, "{\"choices\":[{}]}", ERR_SYNTAX);
}

/* An answer with an error beside it is none. A response has a place for its own, unless what
 * stands there must not leave. */
static void test_json_with_an_error(void **state)
{
    struct fixture *f = *state;
#define CHAT_WITH(error) "{\"choices\":[{\"message\":{\"content\":\"x\"}}],\"error\":" error "}"
#define RESPONSE_WITH(error) "{\"status\":\"failed\",\"output\":[],\"error\":" error "}"
    static const char chat[] = "{\"model\":\"m\"," HI "}";
    static const char response[] = "{\"model\":\"m\",\"input\":\"x\"}";
    expect_json(f, LLM_CHAT, chat, CHAT_WITH("null"), ERR_OK);
    expect_json(f, LLM_CHAT, chat, CHAT_WITH("{\"message\":\"boom\",\"code\":500}"), ERR_SYNTAX);
    expect_json(f, LLM_CHAT, chat, CHAT_WITH("\"boom\""), ERR_SYNTAX);
    expect_json(f, LLM_EMBEDDINGS, response, "{\"data\":[],\"error\":{\"message\":\"x\"}}",
                ERR_SYNTAX);
    expect_json(f, LLM_RESPONSES, response,
                RESPONSE_WITH("{\"code\":\"server_error\",\"message\":\"oops\"}"), ERR_OK);
    expect_json(f, LLM_RESPONSES, response,
                RESPONSE_WITH("{\"message\":\"bad key sk-abcdefghijkl\"}"), ERR_SYNTAX);
    expect_json(f, LLM_RESPONSES, response, RESPONSE_WITH("\"bad key sk-abcdefghijkl\""),
                ERR_SYNTAX);
    struct llm_relay *r = relay_for(f, LLM_RESPONSES, response);
    assert_int_equal(
        llm_relay_json(r, STR(RESPONSE_WITH("{\"message\":\"oops\"}")), NULL, &f->issue), ERR_OK);
    assert_true(llm_relay_saw_error(r));
    llm_relay_fini(r);
}

static void test_json_is_observed(void **state)
{
    struct fixture *f = *state;
    const struct str answer =
        STR("{\"model\":\"other\",\"choices\":[{\"message\":{},\"finish_reason\":"
            "\"length\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}");
    struct llm_relay *r = relay_for(f, LLM_CHAT, "{\"model\":\"m\"," HI "}");
    assert_int_equal(llm_relay_json(r, answer, &f->out, &f->issue), ERR_OK);
    expect_str(llm_relay_upstream_model(r), "other");
    expect_str(llm_relay_finish_reason(r), "length");
    assert_int_equal(llm_relay_usage(r)->output_tokens, 4);
    llm_relay_fini(r);
    /* The same from a tree in lent memory, which then is somebody else's. */
    struct arena lent;
    arena_init(&lent, 1u << 20);
    r = relay_for(f, LLM_CHAT, "{\"model\":\"m\"," HI "}");
    llm_relay_lend(r, &lent, NULL);
    assert_int_equal(llm_relay_json(r, answer, &f->out, &f->issue), ERR_OK);
    assert_true(lent.used_bytes > 0);
    arena_fini(&lent);
    expect_str(llm_relay_upstream_model(r), "other");
    expect_str(llm_relay_finish_reason(r), "length");
    assert_int_equal(llm_relay_model_edit(r)->span.from, 9);
    expect_str(llm_relay_model_edit(r)->with, "\"m\"");
    assert_int_equal(llm_relay_usage(r)->output_tokens, 4);
    llm_relay_fini(r);
    r = relay_for(f, LLM_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"x\"}");
    assert_int_equal(llm_relay_json(r,
                                    STR("{\"data\":[],\"usage\":{\"prompt_tokens\":8,"
                                        "\"total_tokens\":8}}"),
                                    &f->out, &f->issue),
                     ERR_OK);
    assert_int_equal(llm_relay_usage(r)->input_tokens, 8);
    llm_relay_fini(r);
    /* Looked at, and not copied. */
    r = relay_for(f, LLM_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"x\"}");
    struct str same = STR("{\"data\":[],\"usage\":{\"prompt_tokens\":9,\"total_tokens\":9}}");
    assert_int_equal(llm_relay_json(r, STR("{\"data\":5}"), NULL, &f->issue), ERR_SYNTAX);
    assert_false(llm_relay_is_complete(r));
    assert_int_equal(llm_relay_json(r, same, NULL, &f->issue), ERR_OK);
    assert_true(llm_relay_is_complete(r));
    assert_int_equal(llm_relay_usage(r)->input_tokens, 9);
    llm_relay_fini(r);
}

/* product.md 2.5: the client reads its own string for the model, wherever it stands. */
static void expect_echo(struct fixture *f, enum llm_endpoint e, const char *body,
                        const char *stream, const char *want)
{
    struct llm_relay *r = relay_for(f, e, body);
    assert_int_equal(relay_stream(f, r, stream), ERR_OK);
    expect_str(buf_str(&f->out), want);
    llm_relay_fini(r);
}

#define NAMED(name, rest) "data: {\"model\":" name ",\"choices\":[" rest "]}\n\n"

static void test_the_model_is_called_as_the_client_called_it(void **state)
{
    struct fixture *f = *state;
    const char *chat = "{\"model\":\"openai\\/gpt-4o\",\"stream\":true," HI "}";
    /* Every chunk, escapes as the client wrote them; another place of the name, none, null. */
    expect_echo(
        f, LLM_CHAT, chat,
        NAMED("\"gpt-4o\"", DELTA("a")) NAMED("\"gpt-4o\"", DELTA("gpt-4o"))
            NAMED("\"gpt-4o-mini\"", DELTA("c")) "data: {\"choices\":[" DELTA(
                "d") "],\"model\" : \"gpt-4o\" }\n\n"
                     "data: {\"choices\":[" DELTA("model") "]}\n\n" NAMED("null", DELTA("e"))
                         NAMED("\"\"", STOP) "data: [DONE]\n\n",
        NAMED("\"openai\\/gpt-4o\"", DELTA("a")) NAMED("\"openai\\/gpt-4o\"", DELTA("gpt-4o"))
            NAMED("\"openai\\/gpt-4o\"", DELTA("c")) "data: {\"choices\":[" DELTA(
                "d") "],\"model\" : "
                     "\"openai\\/gpt-4o\" }\n\n"
                     "data: {\"choices\":[" DELTA("model") "]}\n\n" NAMED("null", DELTA("e"))
                         NAMED("\"openai\\/gpt-4o\"", STOP) "data: [DONE]\n\n");
    /* Names inside the answer are the answer's; an event that is written anew. */
    expect_echo(
        f, LLM_CHAT, CHAT_BODY,
        "x: 1\ndata: {\"a\":{\"model\":\"b\"},\r\ndata: \"model\":\"b\",\"choices\":[]}\n\n"
        "data: {\"a\":[{\"model\":\"b\"}],\"choices\":[]}\n\n",
        "data: {\"a\":{\"model\":\"b\"},\ndata: \"model\":\"gpt-4o-2024\",\"choices\":[]}\n\n"
        "data: {\"a\":[{\"model\":\"b\"}],\"choices\":[]}\n\n");
    expect_echo(f, LLM_COMPLETIONS, "{\"model\":\"m\",\"stream\":true,\"prompt\":\"x\"}",
                NAMED("\"n\"", "{\"text\":\"a\"}"), NAMED("\"m\"", "{\"text\":\"a\"}"));
    expect_echo(f, LLM_MESSAGES, MESSAGES_BODY,
                EV("message_start", ",\"model\":\"x\",\"message\":{\"model\":\"claude-1-2025\"}")
                    EV("content_block_delta", ",\"model\":\"x\",\"message\":{\"model\":\"y\"}"),
                EV("message_start", ",\"model\":\"x\",\"message\":{\"model\":\"claude-1\"}")
                    EV("content_block_delta", ",\"model\":\"x\",\"message\":{\"model\":\"y\"}"));
    expect_echo(f, LLM_RESPONSES, RESPONSES_BODY,
                EV("response.created", ",\"response\":{\"model\":\"gpt-5-1-a\"}")
                    EV("response.in_progress", ",\"response\":{\"model\":\"gpt-5-1-a\"}")
                        EV("response.output_text.delta", ",\"delta\":\"gpt-5-1-a\"")
                            EV("response.completed", ",\"response\":{\"output\":[],"
                                                     "\"model\":\"gpt-5-1-a\"}"),
                EV("response.created", ",\"response\":{\"model\":\"gpt-5-1\"}")
                    EV("response.in_progress", ",\"response\":{\"model\":\"gpt-5-1\"}")
                        EV("response.output_text.delta", ",\"delta\":\"gpt-5-1-a\"")
                            EV("response.completed", ",\"response\":{\"output\":[],"
                                                     "\"model\":\"gpt-5-1\"}"));
}

/* An event whose bytes were edited before: only its data holds. */
static void test_the_model_in_an_edited_event(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = relay_for(f, LLM_CHAT, CHAT_BODY);
    struct sse_event ev = {.data = STR("{\"model\":\"b\",\"choices\":[]}"),
                           .raw = STR("data: {\"model\":\"b\",\"choices\":[]}\n\n")};
    for (int i = 0; i < 3; i++) {
        buf_clear(&f->out);
        assert_int_equal(llm_relay_event(r, &ev, &f->out, &f->issue), ERR_OK);
        expect_str(buf_str(&f->out), "data: {\"model\":\"gpt-4o-2024\",\"choices\":[]}\n\n");
    }
    llm_relay_fini(r);
}

static void test_the_model_of_a_json_answer(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum llm_endpoint e;
        const char *body, *answer, *want;
    } cases[] = {
        {LLM_CHAT, "{\"model\":\"a\"," HI "}",
         "{\"choices\":[{\"message\":{\"model\":\"b\"}}], \"model\": \"b\"}",
         "{\"choices\":[{\"message\":{\"model\":\"b\"}}], \"model\": \"a\"}"},
        {LLM_RESPONSES, "{\"model\":\"a\",\"input\":\"x\"}", "{\"model\":\"b\",\"output\":[]}",
         "{\"model\":\"a\",\"output\":[]}"},
        {LLM_MESSAGES, "{\"model\":\"longer\",\"max_tokens\":1," HI "}",
         "{\"model\":\"b\",\"type\":\"message\",\"content\":[]}",
         "{\"model\":\"longer\",\"type\":\"message\",\"content\":[]}"},
        {LLM_EMBEDDINGS, "{\"model\":\"a\",\"input\":\"x\"}", "{\"data\":[],\"model\":\"b\"}",
         "{\"data\":[],\"model\":\"a\"}"},
        {LLM_MODERATIONS, "{\"model\":\"a\",\"input\":\"x\"}", "{\"results\":[],\"model\":\"b\"}",
         "{\"results\":[],\"model\":\"a\"}"},
        /* Nothing was asked for by name; the same name, escaped otherwise; no string. */
        {LLM_MODERATIONS, "{\"input\":\"x\"}", "{\"results\":[],\"model\":\"b\"}",
         "{\"results\":[],\"model\":\"b\"}"},
        {LLM_EMBEDDINGS, "{\"model\":\"a/b\",\"input\":\"x\"}", "{\"data\":[],\"model\":\"a\\/b\"}",
         "{\"data\":[],\"model\":\"a\\/b\"}"},
        {LLM_EMBEDDINGS, "{\"model\":\"a\",\"input\":\"x\"}", "{\"data\":[],\"model\":{}}",
         "{\"data\":[],\"model\":{}}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_relay *r = relay_for(f, cases[i].e, cases[i].body);
        struct str answer = str_from(cases[i].answer);
        assert_int_equal(llm_relay_json(r, answer, &f->out, &f->issue), ERR_OK);
        expect_str(buf_str(&f->out), cases[i].want);
        assert_int_equal(llm_relay_model_edit(r) != NULL,
                         strcmp(cases[i].answer, cases[i].want) != 0);
        llm_relay_fini(r);
    }
    /* Another model was called: its name is what there is to read. */
    parse_ok(f, LLM_CHAT, CHAT_BODY, false);
    assert_int_equal(render(f, LLM_OPENAI, "x"), ERR_OK);
    f->upstream.called = STR("x");
    struct llm_relay *r = llm_relay_new(&f->arena, &f->request, &f->upstream);
    buf_clear(&f->out);
    assert_int_equal(relay_stream(f, r, NAMED("\"x\"", STOP)), ERR_OK);
    expect_str(buf_str(&f->out), NAMED("\"x\"", STOP));
    llm_relay_fini(r);
}

/* The LF of a CR LF may come a packet later, behind the end of the stream. */
static void test_end_split_in_crlf(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = relay_for(f, LLM_CHAT, CHAT_BODY);
    struct sse_parser p;
    struct sse_event ev;
    static const char *const pieces[] = {"data: [DONE]\r\n\r", "\n"};
    sse_parser_init(&p, 1u << 20);
    for (size_t i = 0; i < 2; i++) {
        sse_parser_feed(&p, str_from(pieces[i]));
        while (sse_parser_next(&p, &ev) == ERR_OK) {
            assert_int_equal(llm_relay_event(r, &ev, &f->out, &f->issue), ERR_OK);
        }
    }
    expect_str(buf_str(&f->out), "data: [DONE]\r\n\r\n");
    assert_true(llm_relay_is_complete(r));
    sse_parser_fini(&p);
    llm_relay_fini(r);
}

/* What nobody has read does not go on: unknown lines, and names chat has not. */
static void test_odd_lines_are_left_out(void **state)
{
    struct fixture *f = *state;
    struct llm_relay *r = relay_for(f, LLM_CHAT, CHAT_BODY);
    assert_int_equal(
        relay_stream(f, r,
                     "event: chunk\ndata: {\"model\":\"gpt-4o-2024\",\"choices\":[]}\n\n"
                     "secret: x\ndata: {\"choices\":[]}\n\n"
                     "event: lonely\n\n"),
        ERR_OK);
    expect_str(buf_str(&f->out),
               "data: {\"model\":\"gpt-4o-2024\",\"choices\":[]}\n\ndata: {\"choices\":[]}\n\n");
    llm_relay_fini(r);
    r = relay_for(f, LLM_MESSAGES, MESSAGES_BODY);
    assert_int_equal(relay_stream(f, r, "event: ping\nsecret: x\ndata: {\"type\":\"ping\"}\n\n"),
                     ERR_OK);
    expect_str(buf_str(&f->out), EV("ping", ""));
    llm_relay_fini(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_chat_stream),
        TEST(test_usage_chunk_asked_for),
        TEST(test_lines_beside_the_end),
        TEST(test_cut_stream_is_not_complete),
        TEST(test_unreadable_events),
        TEST(test_chat_error_event),
        TEST(test_chat_error_by_type),
        TEST(test_wrong_usage_is_unknown),
        TEST(test_messages_stream),
        TEST(test_messages_without_event_lines),
        TEST(test_messages_error),
        TEST(test_responses_stream),
        TEST(test_responses_incomplete_and_failed),
        TEST(test_end_split_in_crlf),
        TEST(test_odd_lines_are_left_out),
        TEST(test_json_kinds),
        TEST(test_json_with_an_error),
        TEST(test_the_model_is_called_as_the_client_called_it),
        TEST(test_the_model_in_an_edited_event),
        TEST(test_the_model_of_a_json_answer),
        TEST(test_json_is_observed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
