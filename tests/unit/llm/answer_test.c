/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of answers and of stream events: which strings, which channel, and that
 * nothing the model says is missed (catalogue G 142-144, trap 5).
 */
#include "llm_util.h"

struct want {
    const char *pointer;
    const char *value;
    char flag; /* 'j' JSON, 'k' key, 'n' number, 'd' delta, 'D' delta of JSON, 0 */
};

static struct llm_event seen;
static struct llm_text *texts;
static size_t texts_count;

static void expect(const char *json, const struct want *want, size_t count)
{
    for (size_t i = 0; i < texts_count; i++) {
        const struct llm_text *t = &texts[i];
        if (i >= count) {
            print_error("unexpected: %.*s = %.*s\n", STR_ARG(t->pointer), STR_ARG(t->value));
            continue;
        }
        expect_str(t->pointer, want[i].pointer);
        expect_str(t->value, want[i].value);
        assert_int_equal(t->is_json, want[i].flag == 'j' || want[i].flag == 'D');
        assert_int_equal(t->is_key, want[i].flag == 'k');
        assert_int_equal(t->is_delta, want[i].flag == 'd' || want[i].flag == 'D');
        assert_int_equal(t->role, LLM_ROLE_ASSISTANT);
        assert_int_equal(t->is_number, want[i].flag == 'n');
        if (want[i].flag == 'n') {
            assert_memory_equal(json + t->span.from, want[i].value, t->value.len);
            continue;
        }
        assert_int_equal(json[t->span.from], '"');
        assert_int_equal(json[t->span.to - 1], '"');
    }
    assert_int_equal(texts_count, count);
}
#define EXPECT(json, ...)                                                                          \
    do {                                                                                           \
        const struct want want_[] = {__VA_ARGS__};                                                 \
        expect(json, want_, sizeof(want_) / sizeof(want_[0]));                                     \
    } while (0)

static void answer(struct fixture *f, const char *json)
{
    assert_int_equal(llm_answer_read(&f->arena, str_from(json), &seen.said, &f->issue), ERR_OK);
    texts = seen.said.texts;
    texts_count = seen.said.texts_count;
}

static void event(struct fixture *f, enum llm_endpoint e, const char *json)
{
    assert_int_equal(llm_event_read(&f->arena, e, str_from(json), &seen, &f->issue), ERR_OK);
    texts = seen.said.texts;
    texts_count = seen.said.texts_count;
}

static void test_answers(void **state)
{
    struct fixture *f = *state;
    const char *chat =
        "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"model\":\"gpt-4o\",\"choices\":"
        "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"one\","
        "\"reasoning_content\":\"why\",\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\","
        "\"function\":{\"name\":\"fn\",\"arguments\":\"{}\"}}],\"annotations\":[{\"type\":"
        "\"url_citation\",\"url_citation\":{\"url\":\"https://e\",\"title\":\"T\"}}]},\"logprobs\":"
        "{\"content\":[{\"token\":\"on\"}]},\"finish_reason\":\"stop\"},{\"index\":1,\"message\":"
        "{\"content\":\"two\"}}],\"usage\":{},\"system_fingerprint\":\"fp_1\"}";
    answer(f, chat);
    EXPECT(chat, {"/choices/0/message/content", "one", 0},
           {"/choices/0/message/reasoning_content", "why", 0},
           {"/choices/0/message/tool_calls/0/function/name", "fn", 0},
           {"/choices/0/message/tool_calls/0/function/arguments", "{}", 'j'},
           {"/choices/0/message/annotations/0/url_citation/url", "https://e", 0},
           {"/choices/0/message/annotations/0/url_citation/title", "T", 0},
           {"/choices/1/message/content", "two", 0});
    assert_int_equal(seen.said.drops_count, 1); /* pieces of the text that nobody can read */
    assert_int_equal(llm_edits_apply(&f->out, str_from(chat), seen.said.drops, 1), ERR_OK);
    assert_true(str_find_str(buf_str(&f->out), STR("\"logprobs\":null,\"finish_reason\"")) > 0);
    const char *messages =
        "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":"
        "\"thinking\",\"thinking\":\"hm\",\"signature\":\"c2ln\"},{\"type\":\"text\",\"text\":"
        "\"hi\"},{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"fn\",\"input\":{\"ssn\":\"1\","
        "\"type\":[\"a \\\" 7\",-1.5e3,[true,42]]}}],"
        "\"stop_reason\":\"a b\"}";
    answer(f, messages);
    EXPECT(messages, {"/content/0/thinking", "hm", 0}, {"/content/1/text", "hi", 0},
           {"/content/2/name", "fn", 0}, {"/content/2/input/ssn", "ssn", 'k'},
           {"/content/2/input/ssn", "1", 0}, {"/content/2/input/type", "type", 'k'},
           {"/content/2/input/type/0", "a \" 7", 0}, {"/content/2/input/type/1", "-1.5e3", 'n'},
           {"/content/2/input/type/2/1", "42", 'n'}, {"/stop_reason", "a b", 0});
    const char *responses =
        "{\"object\":\"response\",\"status\":\"completed\",\"instructions\":\"mine\",\"tools\":"
        "[{\"name\":\"x\"}],\"output\":[{\"type\":\"message\",\"content\":[{\"type\":"
        "\"output_text\",\"text\":\"hi\"}]},{\"type\":\"function_call\",\"arguments\":\"{}\"}]}";
    answer(f, responses);
    EXPECT(responses, {"/output/0/content/0/text", "hi", 0}, {"/output/1/arguments", "{}", 'j'});
    /* Only the answer itself repeats the request; the same names deeper down are its own. */
    const char *deeper =
        "{\"object\":\"response\",\"user\":\"mine\",\"output\":[{\"type\":\"web_search_call\","
        "\"action\":{\"query\":\"q r\",\"user\":\"s t\"}},{\"type\":\"mcp_list_tools\",\"tools\":"
        "[{\"description\":\"u v\"}],\"encrypted_content\":\"gAAA\"}]}";
    answer(f, deeper);
    EXPECT(deeper, {"/output/0/action/query", "q r", 0}, {"/output/0/action/user", "s t", 0},
           {"/output/1/tools/0/description", "u v", 0});
    assert_int_equal(llm_answer_read(&f->arena, STR("[1]"), &seen.said, &f->issue), ERR_SYNTAX);
}

static uint64_t only_channel(void)
{
    assert_int_equal(texts_count, 1);
    assert_true(texts[0].is_delta);
    return texts[0].channel;
}

/* Trap 5: interleaved choices and tool calls are told apart by their index, not by
 * their place in the chunk. */
static void test_chat_channels(void **state)
{
    struct fixture *f = *state;
    const char *chunk = "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
                        "\"content\":\"a\"}},{\"index\":1,\"delta\":{\"content\":\"b\"}}],"
                        "\"obfuscation\":\"xyz\"}";
    event(f, LLM_CHAT, chunk);
    EXPECT(chunk, {"/choices/0/delta/content", "a", 'd'}, {"/choices/1/delta/content", "b", 'd'});
    uint64_t first = texts[0].channel;
    uint64_t second = texts[1].channel;
    assert_true(first != second);
    event(f, LLM_CHAT, "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"c\"}}]}");
    assert_true(only_channel() == second);
    event(f, LLM_CHAT, "{\"choices\":[{\"index\":0,\"delta\":{\"refusal\":\"c\"}}]}");
    assert_true(only_channel() != first);
    event(f, LLM_CHAT,
          "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
          "\"function\":{\"arguments\":\"x\"}}]}}]}");
    uint64_t tool0 = only_channel();
    assert_true(texts[0].is_json);
    event(f, LLM_CHAT,
          "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":1,"
          "\"function\":{\"arguments\":\"x\"}}]}}]}");
    assert_true(only_channel() != tool0);
    const char *named = "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":"
                        "\"call_1\",\"function\":{\"name\":\"fn\",\"arguments\":\"\"}}]}}]}";
    event(f, LLM_CHAT, named);
    EXPECT(named, {"/choices/0/delta/tool_calls/0/function/name", "fn", 0});
    event(f, LLM_COMPLETIONS, "{\"choices\":[{\"index\":0,\"text\":\"x\"}]}");
    (void)only_channel();
    event(f, LLM_CHAT, "[DONE]");
    assert_int_equal(texts_count, 0);
}

static void test_messages_channels(void **state)
{
    struct fixture *f = *state;
    event(f, LLM_MESSAGES,
          "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
          "\"text_delta\",\"text\":\"a\"}}");
    uint64_t block0 = only_channel();
    event(f, LLM_MESSAGES,
          "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
          "\"text_delta\",\"text\":\"a\"}}");
    assert_true(only_channel() != block0);
    event(f, LLM_MESSAGES,
          "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
          "\"input_json_delta\",\"partial_json\":\"{\"}}");
    assert_true(only_channel() != block0);
    assert_true(texts[0].is_json);
    event(f, LLM_MESSAGES, "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}");
    assert_int_equal(texts_count, 0);
}

/* The text comes as deltas and then whole, four times over. */
static void test_responses_channels(void **state)
{
    struct fixture *f = *state;
    event(f, LLM_RESPONSES,
          "{\"type\":\"response.output_text.delta\",\"item_id\":\"msg_1\","
          "\"output_index\":0,\"content_index\":0,\"delta\":\"a\"}");
    uint64_t text = only_channel();
    event(f, LLM_RESPONSES,
          "{\"type\":\"response.output_text.delta\",\"item_id\":\"msg_1\","
          "\"output_index\":0,\"content_index\":1,\"delta\":\"a\"}");
    assert_true(only_channel() != text);
    event(f, LLM_RESPONSES,
          "{\"type\":\"response.function_call_arguments.delta\",\"output_index\":"
          "0,\"content_index\":0,\"delta\":\"a\"}");
    assert_true(only_channel() != text);
    assert_true(texts[0].is_json);
    const char *done = "{\"type\":\"response.output_text.done\",\"output_index\":0,"
                       "\"content_index\":0,\"text\":\"ab\"}";
    event(f, LLM_RESPONSES, done);
    EXPECT(done, {"/text", "ab", 0});
    const char *completed = "{\"type\":\"response.completed\",\"response\":{\"text\":{\"format\":"
                            "{\"type\":\"text\"}},\"output\":[{\"content\":[{\"text\":\"ab\"}]}]}}";
    event(f, LLM_RESPONSES, completed);
    EXPECT(completed, {"/response/output/0/content/0/text", "ab", 0});
}

/* F 128: JSON in a string, decoded one more level, edited and written back. */
static void test_json_texts(void **state)
{
    struct fixture *f = *state;
    const char *json = "{\"q\": \"pass\\u0077ord\", \"n\":[1,\"x\"]}";
    assert_int_equal(llm_json_texts(&f->arena, str_from(json), &texts, &texts_count, &f->issue),
                     ERR_OK);
    assert_int_equal(texts_count, 5);
    assert_true(texts[0].is_key);
    expect_str(texts[0].value, "q");
    expect_str(texts[1].value, "password");
    expect_str(texts[1].pointer, "/q");
    expect_str(texts[3].value, "1");
    assert_true(texts[3].is_number);
    expect_str(texts[4].pointer, "/n/1");
    struct llm_edit edits[] = {{texts[1].span, STR("\"[X]\"")}, {texts[3].span, STR("\"[N]\"")}};
    assert_int_equal(llm_edits_apply(&f->out, str_from(json), edits, 2), ERR_OK);
    expect_str(buf_str(&f->out), "{\"q\": \"[X]\", \"n\":[\"[N]\",\"x\"]}");
    assert_int_equal(llm_json_texts(&f->arena, STR(" -12 "), &texts, &texts_count, &f->issue),
                     ERR_OK);
    assert_int_equal(texts_count, 1);
    expect_str(texts[0].value, "-12");
    assert_int_equal(llm_json_texts(&f->arena, STR("{\"a\":"), &texts, &texts_count, &f->issue),
                     ERR_SYNTAX);
}

/* What a model made that is no text. */
static void test_opaques(void **state)
{
    struct fixture *f = *state;
    answer(f, "{\"choices\":[{\"message\":{\"audio\":{\"id\":\"a1\",\"data\":\"UklG\","
              "\"transcript\":\"hi\"},\"images\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
              "\"data:image/png;base64,iVBO\"}}]}}]}");
    assert_int_equal(seen.said.opaques_count, 2);
    assert_int_equal(seen.said.opaques[0].kind, LLM_OPAQUE_AUDIO);
    expect_str(seen.said.opaques[0].pointer, "/choices/0/message/audio/data");
    assert_int_equal(seen.said.opaques[1].kind, LLM_OPAQUE_IMAGE);
    assert_int_equal(texts_count, 1);
    expect_str(texts[0].value, "hi");
    event(f, LLM_RESPONSES, "{\"type\":\"response.audio.delta\",\"delta\":\"UklG\"}");
    assert_int_equal(texts_count, 0);
    assert_int_equal(seen.said.opaques_count, 1);
}

/* Pictures and files stand in answers as base64: nobody reads them, and they are told. */
static void test_bytes_of_files(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *json, *pointer;
        enum llm_unscannable_kind kind;
    } files[] = {
        {"{\"output\":[{\"type\":\"image_generation_call\",\"result\":\"iVBORw0K\"}]}",
         "/output/0/result", LLM_OPAQUE_IMAGE},
        {"{\"content\":[{\"type\":\"web_fetch_tool_result\",\"content\":{\"content\":{\"source\":"
         "{\"type\":\"base64\",\"data\":\"JVBERi0x\"}}}}]}",
         "/content/0/content/content/source/data", LLM_OPAQUE_FILE},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        answer(f, files[i].json);
        assert_int_equal(seen.said.opaques_count, 1);
        assert_int_equal(seen.said.opaques[0].kind, files[i].kind);
        expect_str(seen.said.opaques[0].pointer, files[i].pointer);
        assert_int_equal(texts_count, 0);
    }
    event(f, LLM_RESPONSES,
          "{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"image_generation_call\","
          "\"result\":\"iVBORw0K\"}}");
    assert_int_equal(seen.said.opaques_count, 1);
}

/* Whatever a provider calls a channel: a text of a chat's delta itself is a piece. */
static void test_channels_nobody_knows(void **state)
{
    struct fixture *f = *state;
    const char *chunk = "{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
                        "\"thoughts\":\"jane.\",\"more\":{\"title\":\"T\"}}}]}";
    event(f, LLM_CHAT, chunk);
    EXPECT(chunk, {"/choices/0/delta/thoughts", "jane.", 'd'},
           {"/choices/0/delta/more/title", "T", 0});
    const char *stop = "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"stop_sequence\","
                       "\"stop_sequence\":\"the end\"}}";
    event(f, LLM_MESSAGES, stop);
    EXPECT(stop, {"/delta/stop_sequence", "the end", 0});
}

/* What a tool is called with counts with its names and numbers, in a string or not. */
static void test_inputs_that_are_objects(void **state)
{
    struct fixture *f = *state;
    const char *call = "{\"choices\":[{\"message\":{\"tool_calls\":[{\"function\":{\"arguments\":"
                       "{\"card\":4111}}}]}}]}";
    answer(f, call);
    EXPECT(call, {"/choices/0/message/tool_calls/0/function/arguments/card", "card", 'k'},
           {"/choices/0/message/tool_calls/0/function/arguments/card", "4111", 'n'});
    const char *shell = "{\"output\":[{\"type\":\"local_shell_call\",\"action\":{\"env\":{\"TO\":"
                        "\"me\"}}}]}";
    answer(f, shell);
    EXPECT(shell, {"/output/0/action/env/TO", "TO", 'k'}, {"/output/0/action/env/TO", "me", 0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answers),           TEST(test_chat_channels),
        TEST(test_messages_channels), TEST(test_responses_channels),
        TEST(test_json_texts),        TEST(test_opaques),
        TEST(test_bytes_of_files),
        TEST(test_channels_nobody_knows),
        TEST(test_inputs_that_are_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
