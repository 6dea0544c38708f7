/* SPDX-License-Identifier: Apache-2.0
 *
 * Translations of requests and JSON answers, both ways: golden bodies, and the
 * pointer of everything that has no exact counterpart.
 */
#include "llm_util.h"

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static void test_chat_smallest(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_CHAT, "{\"model\":\"c\"," HI "}", false);
    render_as(f, LLM_ANTHROPIC, "claude-x",
              "{\"model\":\"claude-x\",\"max_tokens\":4096,\"messages\":"
              "[{\"role\":\"user\",\"content\":\"hi\"}]}");
    expect_str(f->upstream.path, "/v1/messages");
    assert_true(f->upstream.is_translated);
    assert_int_equal(f->upstream.endpoint, LLM_MESSAGES);
}

static void test_chat_full(void **state)
{
    struct fixture *f = *state;
    parse_ok(
        f, LLM_CHAT,
        "{\"governance_policy\":1,\"model\":\"c\",\"max_completion_tokens\":9,\"temperature\":0.70,"
        "\"top_p\":1,\"stop\":\"END\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
        "\"user\":\"u\",\"n\":1,\"logprobs\":false,\"frequency_penalty\":0,\"presence_penalty\":0."
        "0,"
        "\"logit_bias\":{},\"response_format\":{\"type\":\"text\"},\"seed\":null,\"metadata\":{},"
        "\"store\":false,\"modalities\":[\"text\"],\"service_tier\":\"auto\","
        "\"parallel_tool_calls\":false,\"tool_choice\":\"required\",\"tools\":[{\"type\":"
        "\"function\",\"function\":{\"name\":\"get\",\"description\":\"d\",\"parameters\":{ "
        "\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}},\"strict\":true}},"
        "{\"type\":\"function\",\"function\":{\"name\":\"none\"}}],\"messages\":["
        "{\"role\":\"system\",\"content\":\"s1\"},{\"role\":\"developer\",\"content\":[{\"type\":"
        "\"text\",\"text\":\"s2\"}]},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"see\"},{\"type\":"
        "\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,iVBO\",\"detail\":\"auto\"}},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://e.com/a.png\"}}]},"
        "{\"role\":\"assistant\",\"content\":\"ok\",\"tool_calls\":[{\"id\":\"c1\",\"type\":"
        "\"function\",\"function\":{\"name\":\"get\",\"arguments\":\" {\\\"a\\\": 1.0}\"}},{\"id\":"
        "\"c2\",\"type\":\"function\",\"function\":{\"name\":\"none\",\"arguments\":\"\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"r1\"},"
        "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":[{\"type\":\"text\",\"text\":"
        "\"r2\"}]},"
        "{\"role\":\"user\",\"content\":\"go on\"}]}",
        false);
    render_as(
        f, LLM_ANTHROPIC, "claude-x",
        "{\"model\":\"claude-x\",\"max_tokens\":9,"
        "\"system\":[{\"type\":\"text\",\"text\":\"s1\"},{\"type\":\"text\",\"text\":\"s2\"}],"
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"see\"},"
        "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
        "\"data\":\"iVBO\"}},{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":"
        "\"https://e.com/a.png\"}}]},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"ok\"},{\"type\":"
        "\"tool_use\",\"id\":\"c1\",\"name\":\"get\",\"input\":{\"a\": 1.0}},{\"type\":"
        "\"tool_use\",\"id\":\"c2\",\"name\":\"none\",\"input\":{}}]},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c1\","
        "\"content\":\"r1\"},{\"type\":\"tool_result\",\"tool_use_id\":\"c2\",\"content\":"
        "[{\"type\":\"text\",\"text\":\"r2\"}]}]},"
        "{\"role\":\"user\",\"content\":\"go on\"}],"
        "\"tools\":[{\"name\":\"get\",\"description\":\"d\",\"input_schema\":{ \"type\":"
        "\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}},\"strict\":true},{\"name\":"
        "\"none\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}],"
        "\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":true},"
        "\"temperature\":0.70,\"top_p\":1,\"stop_sequences\":[\"END\"],\"stream\":true,"
        "\"metadata\":{\"user_id\":\"u\"}}");
    assert_false(f->upstream.usage_was_added);
}

static void test_chat_refusals(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *members;
        const char *pointer;
    } bad[] = {
        {HI ",\"n\":2", "/n"},
        {HI ",\"logprobs\":true", "/logprobs"},
        {HI ",\"top_logprobs\":3", "/top_logprobs"},
        {HI ",\"logit_bias\":{\"5\":1}", "/logit_bias"},
        {HI ",\"response_format\":{\"type\":\"json_object\"}", "/response_format"},
        {HI ",\"response_format\":{\"type\":\"json_schema\"}", "/response_format"},
        {HI ",\"modalities\":[\"text\",\"audio\"]", "/modalities"},
        {HI ",\"audio\":{\"voice\":\"x\"}", "/audio"},
        {HI ",\"seed\":1", "/seed"},
        {HI ",\"frequency_penalty\":0.1", "/frequency_penalty"},
        {HI ",\"presence_penalty\":-1", "/presence_penalty"},
        {HI ",\"service_tier\":\"flex\"", "/service_tier"},
        {HI ",\"temperature\":1.1", "/temperature"},
        {HI ",\"reasoning_effort\":\"low\"", "/reasoning_effort"},
        {HI ",\"metadata\":{\"a\":\"b\"}", "/metadata"},
        {HI ",\"store\":true", "/store"},
        {HI ",\"invented\":1", "/invented"},
        {HI ",\"max_tokens\":1,\"max_completion_tokens\":2", "/max_tokens"},
        {HI ",\"stream_options\":{\"include_obfuscation\":true}",
         "/stream_options/include_obfuscation"},
        {HI ",\"tools\":[{\"type\":\"custom\",\"custom\":{}}]", "/tools/0/type"},
        {HI ",\"tool_choice\":{\"type\":\"allowed_tools\"}", "/tool_choice"},
        {"\"messages\":[{\"role\":\"system\",\"content\":\"x\"}]", "/messages"},
        {"\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"system\",\"content\":"
         "\"x\"}]",
         "/messages/1/role"},
        {"\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\","
         "\"content\":\"x\"}]",
         "/messages/1/role"},
        {"\"messages\":[{\"role\":\"function\",\"name\":\"f\",\"content\":\"x\"}]",
         "/messages/0/role"},
        {"\"messages\":[{\"role\":\"user\",\"name\":\"Ann\",\"content\":\"x\"}]",
         "/messages/0/name"},
        {"\"messages\":[{\"role\":\"user\",\"content\":null}]", "/messages/0/content"},
        {"\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}]",
         "/messages/0/content/0/type"},
        {"\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
         "{\"url\":\"https://e.com\",\"detail\":\"high\"}}]}]",
         "/messages/0/content/0/image_url/detail"},
        {"\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
         "{\"url\":\"data:image/tiff;base64,AA\"}}]}]",
         "/messages/0/content/0/image_url/url"},
        {"\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"function\":"
         "{\"name\":\"f\",\"arguments\":\"[1]\"}}]},{\"role\":\"user\",\"content\":\"x\"}]",
         "/messages/0/tool_calls/0/function/arguments"},
        {"\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"type\":"
         "\"custom\",\"custom\":{}}]},{\"role\":\"user\",\"content\":\"x\"}]",
         "/messages/0/tool_calls/0/custom"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char body[600];
        snprintf(body, sizeof(body), "{\"model\":\"c\",%s}", bad[i].members);
        parse_ok(f, LLM_CHAT, body, false);
        enum err err = render(f, LLM_ANTHROPIC, "claude");
        if (err != ERR_UNSUPPORTED || strcmp(f->issue.pointer, bad[i].pointer) != 0) {
            print_error("%s at '%s' (%s) for %s\n", err_name(err), f->issue.pointer,
                        f->issue.message, body);
            fail();
        }
    }
}

static void test_tool_choices(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *chat;
        const char *messages;
    } cases[] = {
        {"\"auto\"", "{\"type\":\"auto\"}"},
        {"\"none\"", "{\"type\":\"none\"}"},
        {"\"required\"", "{\"type\":\"any\"}"},
        {"{\"type\":\"function\",\"function\":{\"name\":\"f\"}}",
         "{\"type\":\"tool\",\"name\":\"f\"}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[400];
        char want[400];
        snprintf(body, sizeof(body), "{\"model\":\"c\"," HI ",\"tool_choice\":%s}", cases[i].chat);
        snprintf(want, sizeof(want),
                 "{\"model\":\"c\",\"max_tokens\":4096," HI ",\"tool_choice\":%s}",
                 cases[i].messages);
        parse_ok(f, LLM_CHAT, body, false);
        render_as(f, LLM_ANTHROPIC, "c", want);
        snprintf(body, sizeof(body), "{\"model\":\"c\",\"max_tokens\":3," HI ",\"tool_choice\":%s}",
                 cases[i].messages);
        snprintf(want, sizeof(want), "{\"model\":\"c\",\"max_tokens\":3," HI ",\"tool_choice\":%s}",
                 cases[i].chat);
        parse_ok(f, LLM_MESSAGES, body, false);
        render_as(f, LLM_OPENAI, "c", want);
    }
}

static void test_messages_full(void **state)
{
    struct fixture *f = *state;
    parse_ok(
        f, LLM_MESSAGES,
        "{\"model\":\"c\",\"max_tokens\":9,\"system\":\"sys\",\"temperature\":0.5,\"top_p\":0.9,"
        "\"stop_sequences\":[\"A\",\"B\"],\"stream\":true,\"metadata\":{\"user_id\":\"u\"},"
        "\"thinking\":{\"type\":\"disabled\"},\"service_tier\":\"auto\",\"tools\":[{\"name\":"
        "\"get\",\"description\":\"d\",\"input_schema\":{\"type\":\"object\"}}],\"tool_choice\":"
        "{\"type\":\"auto\",\"disable_parallel_tool_use\":true},\"messages\":["
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"see\"},{\"type\":\"image\","
        "\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"iVBO\"}},"
        "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://e.com/a\"}}]},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"ok\"},{\"type\":"
        "\"tool_use\",\"id\":\"t1\",\"name\":\"get\",\"input\":{\"a\": \"b\"}},{\"type\":"
        "\"tool_use\",\"id\":\"t2\",\"name\":\"get\",\"input\":{}}]},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\","
        "\"content\":\"r1\"},{\"type\":\"tool_result\",\"tool_use_id\":\"t2\"},{\"type\":\"text\","
        "\"text\":\"go\"}]},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t3\",\"name\":"
        "\"get\",\"input\":{}}]},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t3\","
        "\"content\":[{\"type\":\"text\",\"text\":\"r3\"}],\"is_error\":false}]}]}",
        false);
    render_as(
        f, LLM_OPENAI, "gpt-4o",
        "{\"model\":\"gpt-4o\",\"max_completion_tokens\":9,\"messages\":["
        "{\"role\":\"system\",\"content\":\"sys\"},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"see\"},{\"type\":"
        "\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,iVBO\"}},{\"type\":"
        "\"image_url\",\"image_url\":{\"url\":\"https://e.com/a\"}}]},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"ok\"}],\"tool_calls\":"
        "[{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"get\",\"arguments\":"
        "\"{\\\"a\\\": \\\"b\\\"}\"}},{\"id\":\"t2\",\"type\":\"function\",\"function\":{\"name\":"
        "\"get\",\"arguments\":\"{}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"t1\",\"content\":\"r1\"},"
        "{\"role\":\"tool\",\"tool_call_id\":\"t2\",\"content\":\"\"},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"go\"}]},"
        "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"t3\",\"type\":"
        "\"function\",\"function\":{\"name\":\"get\",\"arguments\":\"{}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"t3\",\"content\":[{\"type\":\"text\",\"text\":"
        "\"r3\"}]}],"
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get\",\"description\":\"d\","
        "\"parameters\":{\"type\":\"object\"}}}],\"tool_choice\":\"auto\","
        "\"parallel_tool_calls\":false,\"temperature\":0.5,\"top_p\":0.9,\"stop\":[\"A\",\"B\"],"
        "\"stream\":true,\"stream_options\":{\"include_usage\":true},\"user\":\"u\"}");
    expect_str(f->upstream.path, "/chat/completions");
}

static void test_messages_refusals(void **state)
{
    struct fixture *f = *state;
#define USER(blocks) "\"messages\":[{\"role\":\"user\",\"content\":[" blocks "]}]"
    static const struct {
        const char *members;
        const char *pointer;
    } bad[] = {
        {HI ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}", "/thinking"},
        {HI ",\"top_k\":5", "/top_k"},
        {HI ",\"service_tier\":\"standard_only\"", "/service_tier"},
        {HI ",\"container\":\"c\"", "/container"},
        {HI ",\"mcp_servers\":[]", "/mcp_servers"},
        {HI ",\"output_config\":{}", "/output_config"},
        {HI ",\"metadata\":{\"other\":1}", "/metadata/other"},
        {HI ",\"stop_sequences\":[\"1\",\"2\",\"3\",\"4\",\"5\"]", "/stop_sequences"},
        {HI ",\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]",
         "/tools/0/type"},
        {HI ",\"tools\":[{\"name\":\"x\",\"input_schema\":{},\"cache_control\":{}}]",
         "/tools/0/cache_control"},
        {HI ",\"system\":[{\"type\":\"text\",\"text\":\"x\",\"cache_control\":{}}]",
         "/system/0/cache_control"},
        {USER(""), "/messages/0/content"},
        {USER("{\"type\":\"document\",\"source\":{}}"), "/messages/0/content/0/type"},
        {USER("{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"tool_result\",\"tool_use_id\":"
              "\"t\"}"),
         "/messages/0/content/1"},
        {USER("{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"is_error\":true}"),
         "/messages/0/content/0/is_error"},
        {USER(
             "{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":[{\"type\":\"image\"}]}"),
         "/messages/0/content/0/content/0/type"},
        {USER("{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}"),
         "/messages/0/content/0/source"},
        {"\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\","
         "\"content\":\"prefill\"}]",
         "/messages/1/role"},
        {"\"messages\":[{\"role\":\"system\",\"content\":\"x\"}]", "/messages/0/role"},
        {"\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":"
         "\"x\"}]},{\"role\":\"user\",\"content\":\"x\"}]",
         "/messages/0/content/0/type"},
        {"\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"a\","
         "\"name\":\"b\",\"input\":{}},{\"type\":\"text\",\"text\":\"x\"}]},{\"role\":\"user\","
         "\"content\":\"x\"}]",
         "/messages/0/content/1/type"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char body[600];
        snprintf(body, sizeof(body), "{\"model\":\"c\",\"max_tokens\":5,%s}", bad[i].members);
        parse_ok(f, LLM_MESSAGES, body, false);
        enum err err = render(f, LLM_OPENAI, "gpt");
        if (err != ERR_UNSUPPORTED || strcmp(f->issue.pointer, bad[i].pointer) != 0) {
            print_error("%s at '%s' (%s) for %s\n", err_name(err), f->issue.pointer,
                        f->issue.message, body);
            fail();
        }
    }
}

static void relay_json_as(struct fixture *f, const char *answer, const char *want)
{
    f->upstream.created_unix_s = 1700000000;
    struct llm_relay *r = llm_relay_new(&f->arena, &f->request, &f->upstream);
    enum err err = llm_relay_json(r, str_from(answer), &f->out, &f->issue);
    if (want == NULL) {
        assert_int_equal(err, ERR_SYNTAX);
        assert_int_equal(f->out.len, 0);
    } else {
        if (err != ERR_OK) {
            print_error("%s at %s\n", f->issue.message, f->issue.pointer);
        }
        assert_int_equal(err, ERR_OK);
        expect_str(buf_str(&f->out), want);
        assert_true(llm_relay_is_complete(r));
    }
    buf_clear(&f->out);
    llm_relay_fini(r);
}

static void test_answer_to_chat(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_CHAT, "{\"model\":\"anthropic/c\"," HI "}", false);
    assert_int_equal(render(f, LLM_ANTHROPIC, "c"), ERR_OK);
    relay_json_as(
        f,
        "{\"id\":\"msg_01\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"c-2\","
        "\"content\":[{\"type\":\"thinking\",\"thinking\":\"h\",\"signature\":\"s\"},{\"type\":"
        "\"text\",\"text\":\"Hel\"},{\"type\":\"text\",\"text\":\"lo\"},{\"type\":\"tool_use\","
        "\"id\":\"toolu_1\",\"name\":\"get\",\"input\":{\"a\": [1.50]}}],\"stop_reason\":"
        "\"tool_use\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":10,"
        "\"cache_creation_input_tokens\":3,\"cache_read_input_tokens\":5,\"output_tokens\":7}}",
        "{\"id\":\"chatcmpl-01\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":"
        "\"anthropic/c\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
        "\"Hello\",\"refusal\":null,\"tool_calls\":[{\"id\":\"toolu_1\",\"type\":\"function\","
        "\"function\":{\"name\":\"get\",\"arguments\":\"{\\\"a\\\": [1.50]}\"}}]},\"logprobs\":"
        "null,\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":18,"
        "\"completion_tokens\":7,\"total_tokens\":25,\"prompt_tokens_details\":{\"cached_tokens\":"
        "5},\"completion_tokens_details\":{\"reasoning_tokens\":0}}}");
    relay_json_as(f,
                  "{\"id\":\"x\",\"type\":\"message\",\"content\":[],\"stop_reason\":\"end_turn\"}",
                  "{\"id\":\"chatcmpl-x\",\"object\":\"chat.completion\",\"created\":1700000000,"
                  "\"model\":\"anthropic/c\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
                  "\"assistant\",\"content\":null,\"refusal\":null},\"logprobs\":null,"
                  "\"finish_reason\":\"stop\"}]}");
    relay_json_as(f, "{\"type\":\"message\",\"content\":[{\"type\":\"server_tool_use\"}]}", NULL);
}

static void test_answer_to_messages(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_MESSAGES, "{\"model\":\"cl\",\"max_tokens\":5," HI "}", false);
    assert_int_equal(render(f, LLM_OPENAI, "gpt-4o"), ERR_OK);
    relay_json_as(
        f,
        "{\"id\":\"chatcmpl-9\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"gpt-4o-"
        "1\","
        "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hi\","
        "\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"get\","
        "\"arguments\":\"{\\\"a\\\":1}\"}},{\"id\":\"call_2\",\"type\":\"function\",\"function\":"
        "{\"name\":\"get\",\"arguments\":\"\"}}]},\"finish_reason\":\"tool_calls\"}],\"usage\":"
        "{\"prompt_tokens\":20,\"completion_tokens\":4,\"total_tokens\":24,"
        "\"prompt_tokens_details\":{\"cached_tokens\":8}}}",
        "{\"id\":\"msg_9\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"cl\","
        "\"content\":"
        "[{\"type\":\"text\",\"text\":\"Hi\"},{\"type\":\"tool_use\",\"id\":\"call_1\",\"name\":"
        "\"get\",\"input\":{\"a\":1}},{\"type\":\"tool_use\",\"id\":\"call_2\",\"name\":\"get\","
        "\"input\":{}}],\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":"
        "{\"input_tokens\":12,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":8,"
        "\"output_tokens\":4}}");
    relay_json_as(f,
                  "{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"I won't\"},"
                  "\"finish_reason\":\"stop\"}]}",
                  "{\"id\":\"msg_\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"cl\","
                  "\"content\":[{\"type\":\"text\",\"text\":\"I won't\"}],\"stop_reason\":"
                  "\"refusal\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":0,"
                  "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
                  "\"output_tokens\":0}}");
    relay_json_as(f, "{\"choices\":[{\"message\":{}},{\"message\":{}}]}", NULL);
    relay_json_as(
        f,
        "{\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":"
        "\"b\",\"arguments\":\"{broken\"}}]}}]}",
        NULL);
}

static void test_finish_reasons(void **state)
{
    struct fixture *f = *state;
    static const char *const pairs[][2] = {
        {"stop", "end_turn"},          {"length", "max_tokens"},      {"tool_calls", "tool_use"},
        {"function_call", "tool_use"}, {"content_filter", "refusal"}, {"odd", "end_turn"}};
    parse_ok(f, LLM_MESSAGES, "{\"model\":\"cl\",\"max_tokens\":5," HI "}", false);
    assert_int_equal(render(f, LLM_OPENAI, "g"), ERR_OK);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char answer[200];
        char want[100];
        struct llm_relay *r = llm_relay_new(&f->arena, &f->request, &f->upstream);
        snprintf(answer, sizeof(answer),
                 "{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"%s\"}]}",
                 pairs[i][0]);
        snprintf(want, sizeof(want), "\"stop_reason\":\"%s\"", pairs[i][1]);
        assert_int_equal(llm_relay_json(r, str_from(answer), &f->out, &f->issue), ERR_OK);
        assert_true(str_find_str(buf_str(&f->out), str_from(want)) > 0);
        expect_str(llm_relay_finish_reason(r), pairs[i][0]);
        buf_clear(&f->out);
        llm_relay_fini(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_chat_smallest),  TEST(test_chat_full),          TEST(test_chat_refusals),
        TEST(test_tool_choices),   TEST(test_messages_full),      TEST(test_messages_refusals),
        TEST(test_answer_to_chat), TEST(test_answer_to_messages), TEST(test_finish_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
