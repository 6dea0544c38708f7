/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts and opaque places of every operation: product 2.1, catalogue F 125-128,
 * 131, G 136, 137, 141, 148-150. Every text's span must be its exact bytes in the
 * body, quotes included.
 */
#include "llm_util.h"

struct want {
    const char *pointer;
    const char *value;
    enum llm_text_role role;
    char flag; /* 'j' JSON inside, 'k' key, 'n' number, 0 */
};

/* All texts, in order, and the invariant of spans. */
static void expect_texts(struct fixture *f, const struct want *want, size_t count)
{
    const struct llm_request *r = &f->request;
    for (size_t i = 0; i < r->texts_count; i++) {
        const struct llm_text *t = &r->texts[i];
        struct str raw = str_sub(r->body, t->span.from, t->span.to);
        struct json_doc doc;
        assert_int_equal(json_parse(&f->arena, raw, &json_limits_default, &doc, &f->issue), ERR_OK);
        assert_true(str_eq(t->is_number ? raw : json_str(doc.root), t->value));
        assert_true(!t->is_number || yyjson_is_num(doc.root));
        if (i >= count) {
            print_error("unexpected: %.*s = %.*s\n", STR_ARG(t->pointer), STR_ARG(t->value));
            continue;
        }
        expect_str(t->pointer, want[i].pointer);
        expect_str(t->value, want[i].value);
        assert_int_equal(t->role, want[i].role);
        assert_int_equal(t->is_json, want[i].flag == 'j');
        assert_int_equal(t->is_key, want[i].flag == 'k');
        assert_int_equal(t->is_number, want[i].flag == 'n');
    }
    assert_int_equal(r->texts_count, count);
}
#define EXPECT(...)                                                                                \
    do {                                                                                           \
        const struct want want_[] = {__VA_ARGS__};                                                 \
        expect_texts(f, want_, sizeof(want_) / sizeof(want_[0]));                                  \
    } while (0)

static void test_chat_messages(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_CHAT,
             "{\"model\":\"m\", \"messages\" : ["
             "{\"role\":\"system\",\"content\":\"be good\"},"
             "{\"role\":\"developer\",\"content\":\"dev\"},"
             "{\"role\":\"user\",\"name\":\"Ann\",\"content\":[{\"type\":\"text\",\"text\":"
             "\"p\\u0061ss\\n\"},{\"type\":\"text\",\"text\":\"word\"}]},"
             "{\"role\":\"assistant\",\"content\":null,\"refusal\":\"no\",\"tool_calls\":[{\"id\":"
             "\"call_9aZ\",\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":"
             "\"{\\\"q\\\":\\\"pass\\\\u0077ord\\\"}\"}}]},"
             "{\"role\":\"tool\",\"tool_call_id\":\"call_9aZ\",\"content\":\"found\"},"
             "{\"role\":\"assistant\",\"content\":\"\",\"function_call\":{\"name\":\"old\","
             "\"arguments\":\"{}\"}}]}",
             true);
    EXPECT({"/messages/0/content", "be good", LLM_ROLE_SYSTEM, 0},
           {"/messages/1/content", "dev", LLM_ROLE_SYSTEM, 0},
           {"/messages/2/name", "Ann", LLM_ROLE_USER, 0},
           {"/messages/2/content/0/text", "pass\n", LLM_ROLE_USER, 0},
           {"/messages/2/content/1/text", "word", LLM_ROLE_USER, 0},
           {"/messages/3/refusal", "no", LLM_ROLE_ASSISTANT, 0},
           {"/messages/3/tool_calls/0/function/name", "look", LLM_ROLE_ASSISTANT, 0},
           {"/messages/3/tool_calls/0/function/arguments", "{\"q\":\"pass\\u0077ord\"}",
            LLM_ROLE_ASSISTANT, 'j'},
           {"/messages/4/content", "found", LLM_ROLE_TOOL, 0},
           {"/messages/5/function_call/name", "old", LLM_ROLE_ASSISTANT, 0},
           {"/messages/5/function_call/arguments", "{}", LLM_ROLE_ASSISTANT, 'j'});
    expect_str(str_sub(f->request.body, f->request.texts[3].span.from, f->request.texts[3].span.to),
               "\"p\\u0061ss\\n\"");
}

/* F 126, 127, 131: names, schemas with their keys, metadata, stop, prediction. */
static void test_chat_other_members(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_CHAT,
             "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],"
             "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"fn\",\"description\":"
             "\"does\",\"parameters\":{\"type\":\"object\",\"properties\":{\"password\":{\"type\":"
             "\"string\",\"enum\":[\"e1\"],\"description\":\"secret\"}}}}}],"
             "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"sch\","
             "\"schema\":{\"title\":\"tt\"}}},"
             "\"prediction\":{\"type\":\"content\",\"content\":\"pre\"},"
             "\"metadata\":{\"cust/omer~\":\"c\"},\"stop\":[\"END\"],\"user\":\"u\","
             "\"invented\":{\"k\":[\"v\"]}}",
             true);
    EXPECT({"/messages/0/content", "x", LLM_ROLE_USER, 0},
           {"/tools/0/function/name", "fn", LLM_ROLE_OTHER, 0},
           {"/tools/0/function/description", "does", LLM_ROLE_OTHER, 0},
           {"/tools/0/function/parameters/properties/password", "password", LLM_ROLE_OTHER, 'k'},
           {"/tools/0/function/parameters/properties/password/enum/0", "e1", LLM_ROLE_OTHER, 0},
           {"/tools/0/function/parameters/properties/password/description", "secret",
            LLM_ROLE_OTHER, 0},

           {"/response_format/json_schema/name", "sch", LLM_ROLE_OTHER, 0},
           {"/response_format/json_schema/schema/title", "tt", LLM_ROLE_OTHER, 0},

           {"/prediction/type", "content", LLM_ROLE_OTHER, 0},
           {"/prediction/content", "pre", LLM_ROLE_OTHER, 0},
           {"/metadata/cust~1omer~0", "cust/omer~", LLM_ROLE_OTHER, 'k'},
           {"/metadata/cust~1omer~0", "c", LLM_ROLE_OTHER, 0},

           {"/stop/0", "END", LLM_ROLE_OTHER, 0}, {"/user", "u", LLM_ROLE_OTHER, 0},
           {"/invented", "invented", LLM_ROLE_OTHER, 'k'},
           {"/invented/k", "k", LLM_ROLE_OTHER, 'k'}, {"/invented/k/0", "v", LLM_ROLE_OTHER, 0});
}

/* G 136, 137. */
static void test_chat_media(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_CHAT,
             "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":["
             "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}},"
             "{\"type\":\"image_url\",\"image_url\":{\"url\":\"http://10.0.0.1/x\"}},"
             "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\",\"format\":\"wav\"}},"
             "{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\",\"filename\":\"my pay.pdf\"}}"
             "]}]}",
             true);
    assert_int_equal(f->request.opaques_count, 4);
    assert_int_equal(f->request.opaques[0].kind, LLM_OPAQUE_IMAGE);
    expect_str(f->request.opaques[0].pointer, "/messages/0/content/0/image_url/url");
    assert_int_equal(f->request.opaques[1].kind, LLM_OPAQUE_URL);
    assert_int_equal(f->request.opaques[2].kind, LLM_OPAQUE_AUDIO);
    assert_int_equal(f->request.opaques[3].kind, LLM_OPAQUE_FILE);
    EXPECT({"/messages/0/content/1/image_url/url", "http://10.0.0.1/x", LLM_ROLE_USER, 0},
           {"/messages/0/content/2/input_audio/format", "wav", LLM_ROLE_USER, 0},

           {"/messages/0/content/3/file/file_id", "file-1", LLM_ROLE_USER, 0},

           {"/messages/0/content/3/file/filename", "my pay.pdf", LLM_ROLE_USER, 0});
}

static void test_unknown_parts_are_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum llm_endpoint e;
        const char *body;
        const char *pointer;
    } bad[] = {
        {LLM_CHAT,
         "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"video\"}]}]}",
         "/messages/0/content/0/type"},
        {LLM_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[\"x\"]}]}",
         "/messages/0/content/0/type"},
        {LLM_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{}]}]}",
         "/messages/0/content/0/type"},
        {LLM_CHAT,
         "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":\"x\","
         "\"tool_calls\":{}}]}",
         "/messages/0/tool_calls"},
        {LLM_CHAT,
         "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
         "\"image_url\":{}}]}]}",
         "/messages/0/content/0/image_url/url"},
        {LLM_MESSAGES,
         "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":"
         "[{\"type\":\"hologram\"}]}]}",
         "/messages/0/content/0/type"},
        {LLM_MESSAGES,
         "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":"
         "[{\"type\":\"document\",\"source\":{\"type\":\"tape\"}}]}]}",
         "/messages/0/content/0/source/type"},
        {LLM_MESSAGES,
         "{\"model\":\"m\",\"max_tokens\":1,\"system\":5,\"messages\":[{\"role\":\"user\","
         "\"content\":\"x\"}]}",
         "/system"},
        {LLM_RESPONSES, "{\"model\":\"m\",\"input\":[{\"type\":\"telepathy\"}]}", "/input/0/type"},
        {LLM_RESPONSES, "{\"model\":\"m\",\"input\":[\"x\"]}", "/input/0"},
        {LLM_RESPONSES,
         "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"smell\"}]}]}",
         "/input/0/content/0/type"},
        {LLM_MODERATIONS, "{\"input\":[{\"type\":\"video\"}]}", "/input/0/type"},
        {LLM_CHAT,
         "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
         "\"input_audio\",\"audio\":{\"data\":\"AAAA\"}}]}]}",
         "/messages/0/content/0"},
        {LLM_CHAT,
         "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],"
         "\"prediction\":{\"content\":[{\"type\":\"smell\"}]}}",
         "/prediction/content/0/type"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(f, bad[i].e, bad[i].body, true), ERR_INVALID);
        assert_string_equal(f->issue.pointer, bad[i].pointer);
    }
}

/* F 125: prefill, thinking, tool results, documents of the messages API. */
static void test_messages_blocks(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_MESSAGES,
             "{\"model\":\"m\",\"max_tokens\":5,\"system\":[{\"type\":\"text\",\"text\":\"sys\","
             "\"cache_control\":{\"type\":\"ephemeral\"}}],\"messages\":["
             "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"},"
             "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
             "\"data\":\"AAAA\"}},{\"type\":\"document\",\"title\":\"T\",\"source\":{\"type\":"
             "\"text\",\"media_type\":\"text/plain\",\"data\":\"doc text\"}}]},"
             "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hmm\","
             "\"signature\":\"c2ln\"},{\"type\":\"redacted_thinking\",\"data\":\"eA==\"},"
             "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"get\",\"input\":"
             "{\"password\":\"x\",\"n\":1}}]},"
             "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":"
             "\"4111 1111\",\"content\":[{\"type\":\"text\",\"text\":\"res\"}]}]},"
             "{\"role\":\"assistant\",\"content\":\"prefill\"}]}",
             true);
    EXPECT({"/system/0/text", "sys", LLM_ROLE_SYSTEM, 0},
           {"/messages/0/content/0/text", "hi", LLM_ROLE_USER, 0},

           {"/messages/0/content/1/source/media_type", "image/png", LLM_ROLE_USER, 0},
           {"/messages/0/content/2/title", "T", LLM_ROLE_USER, 0},

           {"/messages/0/content/2/source/media_type", "text/plain", LLM_ROLE_USER, 0},
           {"/messages/0/content/2/source/data", "doc text", LLM_ROLE_USER, 0},

           {"/messages/1/content/0/thinking", "hmm", LLM_ROLE_ASSISTANT, 0},
           {"/messages/1/content/2/name", "get", LLM_ROLE_ASSISTANT, 0},

           {"/messages/1/content/2/input/password", "password", LLM_ROLE_ASSISTANT, 'k'},
           {"/messages/1/content/2/input/password", "x", LLM_ROLE_ASSISTANT, 0},
           {"/messages/1/content/2/input/n", "n", LLM_ROLE_ASSISTANT, 'k'},
           {"/messages/1/content/2/input/n", "1", LLM_ROLE_ASSISTANT, 'n'},
           {"/messages/2/content/0/tool_use_id", "4111 1111", LLM_ROLE_TOOL, 0},
           {"/messages/2/content/0/content/0/text", "res", LLM_ROLE_TOOL, 0},
           {"/messages/3/content", "prefill", LLM_ROLE_ASSISTANT, 0});
    assert_int_equal(f->request.opaques_count, 2);
    assert_int_equal(f->request.opaques[0].kind, LLM_OPAQUE_IMAGE);
    assert_int_equal(f->request.opaques[1].kind, LLM_OPAQUE_STORED);
}

static void test_responses_items(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_RESPONSES, "{\"model\":\"m\",\"input\":\"plain\",\"instructions\":\"ins\"}",
             true);
    EXPECT({"/input", "plain", LLM_ROLE_USER, 0}, {"/instructions", "ins", LLM_ROLE_SYSTEM, 0});
    parse_ok(f, LLM_RESPONSES,
             "{\"model\":\"m\",\"input\":["
             "{\"role\":\"system\",\"content\":\"sys\"},"
             "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\","
             "\"text\":\"hi\"},{\"type\":\"input_image\",\"image_url\":\"https://e.com/a\"},"
             "{\"type\":\"input_file\",\"file_data\":\"AAAA\",\"filename\":\"f.pdf\"}]},"
             "{\"type\":\"function_call\",\"call_id\":\"call_1\",\"name\":\"fn\",\"arguments\":"
             "\"{\\\"a\\\":1}\"},"
             "{\"type\":\"function_call_output\",\"call_id\":\"call_1\",\"output\":\"out\"},"
             "{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{\"type\":\"summary_text\","
             "\"text\":\"sum\"}],\"encrypted_content\":\"gAAA\"},"
             "{\"type\":\"item_reference\",\"id\":\"msg_1\"}]}",
             true);
    EXPECT({"/input/0/content", "sys", LLM_ROLE_SYSTEM, 0},
           {"/input/1/content/0/text", "hi", LLM_ROLE_USER, 0},
           {"/input/1/content/1/image_url", "https://e.com/a", LLM_ROLE_USER, 0},

           {"/input/1/content/2/filename", "f.pdf", LLM_ROLE_USER, 0},
           {"/input/2/name", "fn", LLM_ROLE_ASSISTANT, 0},
           {"/input/2/arguments", "{\"a\":1}", LLM_ROLE_ASSISTANT, 'j'},
           {"/input/3/output", "out", LLM_ROLE_TOOL, 0},
           {"/input/4/summary/0/text", "sum", LLM_ROLE_ASSISTANT, 0});
    assert_int_equal(f->request.opaques_count, 4);
    assert_int_equal(f->request.opaques[0].kind, LLM_OPAQUE_URL);
    assert_int_equal(f->request.opaques[1].kind, LLM_OPAQUE_FILE);
    assert_int_equal(f->request.opaques[2].kind, LLM_OPAQUE_STORED);
    assert_int_equal(f->request.opaques[3].kind, LLM_OPAQUE_STORED);
    assert_true(f->request.is_stateful);
}

/* What a tool at the provider brought comes from outside, though the model called it. */
static void test_results_of_the_provider_s_tools(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_RESPONSES,
             "{\"model\":\"m\",\"input\":["
             "{\"type\":\"mcp_call\",\"name\":\"f\",\"arguments\":\"{}\",\"output\":\"out\","
             "\"error\":\"bad\"},"
             "{\"type\":\"code_interpreter_call\",\"code\":\"1\",\"outputs\":[{\"logs\":\"log\"}]},"
             "{\"type\":\"file_search_call\",\"queries\":[\"q\"],\"results\":[{\"text\":\"t\"}]}]}",
             true);
    EXPECT({"/input/0/name", "f", LLM_ROLE_ASSISTANT, 0},
           {"/input/0/arguments", "{}", LLM_ROLE_ASSISTANT, 'j'},
           {"/input/0/output", "out", LLM_ROLE_TOOL, 0},
           {"/input/0/error", "error", LLM_ROLE_TOOL, 'k'},
           {"/input/0/error", "bad", LLM_ROLE_TOOL, 0},
           {"/input/1/code", "code", LLM_ROLE_ASSISTANT, 'k'},
           {"/input/1/code", "1", LLM_ROLE_ASSISTANT, 0},
           {"/input/1/outputs", "outputs", LLM_ROLE_TOOL, 'k'},
           {"/input/1/outputs/0/logs", "logs", LLM_ROLE_TOOL, 'k'},
           {"/input/1/outputs/0/logs", "log", LLM_ROLE_TOOL, 0},
           {"/input/2/queries", "queries", LLM_ROLE_ASSISTANT, 'k'},
           {"/input/2/queries/0", "q", LLM_ROLE_ASSISTANT, 0},
           {"/input/2/results", "results", LLM_ROLE_TOOL, 'k'},
           {"/input/2/results/0/text", "t", LLM_ROLE_TOOL, 0});
}

/* G 150: what a stored prompt is filled with is here, the prompt is not. */
static void test_responses_prompt_variables(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_RESPONSES,
             "{\"model\":\"m\",\"prompt\":{\"id\":\"p1\",\"variables\":{\"name\":\"Ann\"}}}", true);
    EXPECT({"/prompt/id", "p1", LLM_ROLE_OTHER, 0},

           {"/prompt/variables/name", "Ann", LLM_ROLE_OTHER, 0});
    assert_int_equal(f->request.opaques_count, 1);
    expect_str(f->request.opaques[0].pointer, "/prompt");
}

static void test_inputs(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_COMPLETIONS, "{\"model\":\"m\",\"prompt\":[\"a\",\"b\"],\"suffix\":\"s\"}",
             true);
    EXPECT({"/prompt/0", "a", LLM_ROLE_USER, 0}, {"/prompt/1", "b", LLM_ROLE_USER, 0},
           {"/suffix", "s", LLM_ROLE_OTHER, 0});
    parse_ok(f, LLM_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"emb\"}", true);
    EXPECT({"/input", "emb", LLM_ROLE_USER, 0});
    parse_ok(f, LLM_EMBEDDINGS,
             "{\"model\":\"m\",\"input\":[{\"type\":\"text\",\"text\":\"a\",\"my key\":1}]}", true);
    EXPECT({"/input/0/text", "a", LLM_ROLE_USER, 0},
           {"/input/0/my key", "my key", LLM_ROLE_USER, 'k'});
    parse_ok(f, LLM_MODERATIONS,
             "{\"input\":[{\"type\":\"text\",\"text\":\"bad\"},{\"type\":\"image_url\","
             "\"image_url\":{\"url\":\"data:image/png;base64,AA\"}}]}",
             true);
    EXPECT({"/input/0/text", "bad", LLM_ROLE_USER, 0});
    assert_int_equal(f->request.opaques_count, 1);
}

/* Editing one text leaves every other byte alone (D 90, 91). */
static void test_edit_a_text(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_CHAT,
             "{ \"model\":\"m\" ,\"messages\":[{\"role\":\"user\",\"content\":\"my p\\u0061ss\"}],"
             "\"seed\":1e3}",
             true);
    struct llm_edit edit = {f->request.texts[0].span, STR("\"my [X]\"")};
    assert_int_equal(llm_edits_apply(&f->out, f->request.body, &edit, 1), ERR_OK);
    expect_str(buf_str(&f->out),
               "{ \"model\":\"m\" ,\"messages\":[{\"role\":\"user\",\"content\":\"my [X]\"}],"
               "\"seed\":1e3}");
}

/* An id that is not one is a text. */
static void test_ids(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_CHAT,
             "{\"model\":\"m\",\"messages\":[{\"role\":\"tool\",\"tool_call_id\":"
             "\"123-45-6789\",\"content\":\"\"},{\"role\":\"tool\",\"tool_call_id\":"
             "\"my secret\",\"content\":\"\"},{\"role\":\"narrator\",\"content\":\"x\"}]}",
             true);
    EXPECT({"/messages/0/tool_call_id", "123-45-6789", LLM_ROLE_TOOL, 0},
           {"/messages/1/tool_call_id", "my secret", LLM_ROLE_TOOL, 0},
           {"/messages/2/role", "narrator", LLM_ROLE_OTHER, 0},
           {"/messages/2/content", "x", LLM_ROLE_OTHER, 0});
}

/* What a text repeats in pieces, what is stored at the provider, and bytes of files: each is
 * told as what nobody can read, wherever it stands. */
static void expect_opaque(struct fixture *f, enum llm_endpoint e, const char *body,
                          enum llm_unscannable_kind kind, const char *pointer)
{
    parse_ok(f, e, body, true);
    assert_int_equal(f->request.opaques_count, 1);
    assert_int_equal(f->request.opaques[0].kind, kind);
    expect_str(f->request.opaques[0].pointer, pointer);
}

static void test_what_nobody_can_read(void **state)
{
    struct fixture *f = *state;
    expect_opaque(f, LLM_CHAT,
                  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
                  "\"text\",\"text\":\"a\",\"image_url\":{\"url\":\"https://e.com/x\"}}]}]}",
                  LLM_OPAQUE_URL, "/messages/0/content/0/image_url/url");
    expect_opaque(f, LLM_CHAT,
                  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
                  "\"prediction\":{\"type\":\"content\",\"content\":[{\"type\":\"input_audio\","
                  "\"input_audio\":{\"data\":\"AAAA\"}}]}}",
                  LLM_OPAQUE_AUDIO, "/prediction/content/0/input_audio");
    expect_opaque(f, LLM_CHAT,
                  "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":\"a\","
                  "\"logprobs\":{\"content\":[{\"token\":\"a\"}]}}]}",
                  LLM_OPAQUE_TOKENS, "/messages/0/logprobs");
    expect_opaque(f, LLM_RESPONSES,
                  "{\"model\":\"m\",\"input\":[{\"role\":\"assistant\",\"content\":[{\"type\":"
                  "\"output_text\",\"text\":\"a\",\"logprobs\":[{\"token\":\"a\"}]}]}]}",
                  LLM_OPAQUE_TOKENS, "/input/0/content/0/logprobs");
    parse_ok(f, LLM_RESPONSES,
             "{\"model\":\"m\",\"input\":[{\"role\":\"assistant\",\"content\":[{\"type\":"
             "\"output_text\",\"text\":\"a\",\"logprobs\":[]}]}],\"tools\":[{\"type\":"
             "\"file_search\",\"vector_store_ids\":[]},{\"type\":\"code_interpreter\","
             "\"container\":{\"type\":\"auto\",\"file_ids\":[]}}]}",
             true);
    assert_int_equal(f->request.opaques_count, 0); /* there are none */
    static const struct {
        const char *tool, *pointer;
    } stored[] = {
        {"{\"type\":\"file_search\",\"vector_store_ids\":[\"vs_1\"]}",
         "/tools/0/vector_store_ids"},
        {"{\"type\":\"code_interpreter\",\"container\":\"cntr_1\"}", "/tools/0/container"},
        {"{\"type\":\"code_interpreter\",\"container\":{\"type\":\"auto\",\"file_ids\":"
         "[\"file-1\"]}}",
         "/tools/0/container"},
        {"{\"type\":\"shell\",\"environment\":{\"type\":\"container_reference\","
         "\"container_id\":\"c\"}}",
         "/tools/0/environment"},
    };
    for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++) {
        char body[512];
        snprintf(body, sizeof(body), "{\"model\":\"m\",\"input\":\"a\",\"tools\":[%s]}",
                 stored[i].tool);
        expect_opaque(f, LLM_RESPONSES, body, LLM_OPAQUE_STORED, stored[i].pointer);
    }
    expect_opaque(f, LLM_RESPONSES,
                  "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":"
                  "\"input_audio\",\"input_audio\":{\"data\":\"AAAA\",\"format\":\"wav\"}}]}]}",
                  LLM_OPAQUE_AUDIO, "/input/0/content/0/input_audio");
    EXPECT({"/input/0/content/0/input_audio/format", "wav", LLM_ROLE_USER, 0});
    expect_opaque(f, LLM_EMBEDDINGS,
                  "{\"model\":\"m\",\"input\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
                  "\"https://e.com/x\",\"detail\":\"low\"}}]}",
                  LLM_OPAQUE_URL, "/input/0/image_url");
    EXPECT({"/input/0/image_url", "https://e.com/x", LLM_ROLE_USER, 0},
           {"/input/0/image_url/detail", "low", LLM_ROLE_USER, 0});
    expect_opaque(f, LLM_MESSAGES,
                  "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"assistant\","
                  "\"content\":[{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"t\","
                  "\"content\":[{\"type\":\"web_search_result\",\"title\":\"T\","
                  "\"encrypted_content\":\"xx\"}]}]}]}",
                  LLM_OPAQUE_STORED, "/messages/0/content/0/content/0/encrypted_content");
    expect_opaque(f, LLM_MESSAGES,
                  "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"assistant\","
                  "\"content\":[{\"type\":\"web_fetch_tool_result\",\"tool_use_id\":\"t\","
                  "\"content\":{\"type\":\"web_fetch_result\",\"content\":{\"type\":\"document\","
                  "\"source\":{\"type\":\"base64\",\"data\":\"AAAA\"}}}}]}]}",
                  LLM_OPAQUE_FILE, "/messages/0/content/0/content/content/source/data");
}

/* Calls whose arguments are an object are calls like any other: names and numbers count;
 * so do examples of calls. */
static void test_arguments_that_are_objects(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_CHAT,
             "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":"
             "\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":{\"name\":"
             "41}}}]}]}",
             true);
    EXPECT({"/messages/0/tool_calls/0/function/name", "f", LLM_ROLE_ASSISTANT, 0},
           {"/messages/0/tool_calls/0/function/arguments/name", "name", LLM_ROLE_ASSISTANT, 'k'},
           {"/messages/0/tool_calls/0/function/arguments/name", "41", LLM_ROLE_ASSISTANT, 'n'});
    parse_ok(f, LLM_RESPONSES,
             "{\"model\":\"m\",\"input\":[{\"type\":\"function_call\",\"call_id\":\"c\","
             "\"arguments\":{\"n\":41}}]}",
             true);
    EXPECT({"/input/0/arguments/n", "n", LLM_ROLE_ASSISTANT, 'k'},
           {"/input/0/arguments/n", "41", LLM_ROLE_ASSISTANT, 'n'});
    parse_ok(f, LLM_MESSAGES,
             "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":"
             "\"a\"}],\"tools\":[{\"name\":\"f\",\"input_examples\":[{\"id\":41}]}]}",
             true);
    EXPECT({"/messages/0/content", "a", LLM_ROLE_USER, 0},
           {"/tools/0/name", "f", LLM_ROLE_OTHER, 0},
           {"/tools/0/input_examples/0/id", "id", LLM_ROLE_OTHER, 'k'},
           {"/tools/0/input_examples/0/id", "41", LLM_ROLE_OTHER, 'n'});
    parse_ok(f, LLM_CHAT,
             "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
             "\"tools\":[{\"type\":\"function\",\"function\":{\"parameters\":{"
             "\"properties\":{\"to\":{\"maximum\":9,\"enum\":[41,-4.2e1],"
             "\"default\":{\"type\":43}}}}}}],\"seed\":44}",
             true);
    EXPECT({"/messages/0/content", "a", LLM_ROLE_USER, 0},
           {"/tools/0/function/parameters/properties/to", "to", LLM_ROLE_OTHER, 'k'},
           {"/tools/0/function/parameters/properties/to/enum/0", "41", LLM_ROLE_OTHER, 'n'},
           {"/tools/0/function/parameters/properties/to/enum/1", "-4.2e1", LLM_ROLE_OTHER, 'n'},
           {"/tools/0/function/parameters/properties/to/default/type", "type", LLM_ROLE_OTHER,
            'k'},
           {"/tools/0/function/parameters/properties/to/default/type", "43", LLM_ROLE_OTHER, 'n'});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_chat_messages),
        TEST(test_chat_other_members),
        TEST(test_chat_media),
        TEST(test_unknown_parts_are_refused),
        TEST(test_messages_blocks),
        TEST(test_responses_items),
        TEST(test_results_of_the_provider_s_tools),
        TEST(test_responses_prompt_variables),
        TEST(test_inputs),
        TEST(test_edit_a_text),
        TEST(test_ids),
        TEST(test_what_nobody_can_read),
        TEST(test_arguments_that_are_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
