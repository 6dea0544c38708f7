/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes to a provider of the caller's own dialect: the caller's bytes with the
 * slot cut out, the model renamed and the usage chunk asked for; nothing else.
 */
#include "llm_util.h"

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]"

static void test_untouched(void **state)
{
    struct fixture *f = *state;
    const char *body = "{ \"model\" : \"m\",\n" MESSAGES ", \"seed\": 1.50e1 }";
    parse_ok(f, LLM_CHAT, body, false);
    render_as(f, LLM_OPENAI, "m", body);
    assert_ptr_equal(f->upstream.body.ptr, body);
    expect_str(f->upstream.path, "/chat/completions");
    assert_false(f->upstream.is_translated);
    assert_false(f->upstream.usage_was_added);
    assert_int_equal(f->upstream.endpoint, LLM_CHAT);
}

static void test_slot_and_model(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_CHAT, "{\"governance_policy\": 2, \"model\":\"a/m\"," MESSAGES "}", false);
    render_as(f, LLM_OPENAI, "m\"1", "{ \"model\":\"m\\\"1\"," MESSAGES "}");
    parse_ok(f, LLM_CHAT, "{\"model\":\"a/m\"," MESSAGES ",\"governance_policy\":2}", false);
    render_as(f, LLM_OPENAI, "a/m", "{\"model\":\"a/m\"," MESSAGES "}");
    parse_ok(f, LLM_CHAT, "{\"model\":\"a/m\",\"governance_policy\":null," MESSAGES "}", false);
    render_as(f, LLM_OPENAI, "a/m", "{\"model\":\"a/m\"," MESSAGES "}");
}

/* What is sent from the body's own place, and what is not: an edit behind much is copied. */
static void test_the_rest_is_not_copied(void **state)
{
    struct fixture *f = *state;
    const char *near = "{\"model\":\"a/m\"," MESSAGES "}";
    static char body[5000], want[5000];
    parse_ok(f, LLM_CHAT, near, false);
    render_as(f, LLM_OPENAI, "m", "{\"model\":\"m\"," MESSAGES "}");
    expect_str(f->upstream.front, "{\"model\":\"m");
    assert_ptr_equal(f->upstream.body.ptr, near + strlen("{\"model\":\"a/m"));
    for (int to = 4096; to <= 4097; to++) { /* the end of the edit */
        int digits = to - (int)strlen("{\"user\":\"\",\"model\":\"a/m");
        snprintf(body, sizeof(body), "{\"user\":\"%0*d\",\"model\":\"a/m\"," MESSAGES "}", digits,
                 7);
        snprintf(want, sizeof(want), "{\"user\":\"%0*d\",\"model\":\"n\"," MESSAGES "}", digits,
                 7);
        parse_ok(f, LLM_CHAT, body, false);
        render_as(f, LLM_OPENAI, "n", want);
        assert_int_equal(f->upstream.body.len == 0, to == 4097);
    }
}

/* Trap 6: asked for upstream, not shown downstream. */
static void test_usage_is_asked_for(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *before;
        const char *after;
    } cases[] = {
        {"{\"stream\":true,\"model\":\"m\"," MESSAGES "}",
         "{\"stream_options\":{\"include_usage\":true},\"stream\":true,\"model\":\"m\"," MESSAGES
         "}"},
        {"{\"governance_policy\":1,\"stream\":true,\"model\":\"m\"," MESSAGES "}",
         "{\"stream_options\":{\"include_usage\":true},\"stream\":true,\"model\":\"m\"," MESSAGES
         "}"},
        {"{\"stream\":true,\"stream_options\":{},\"model\":\"m\"," MESSAGES "}",
         "{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"model\":\"m\"," MESSAGES
         "}"},
        {"{\"stream\":true,\"stream_options\":null,\"model\":\"m\"," MESSAGES "}",
         "{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"model\":\"m\"," MESSAGES
         "}"},
        {"{\"stream\":true,\"stream_options\":{ \"include_usage\" : false "
         "},\"model\":\"m\"," MESSAGES "}",
         "{\"stream\":true,\"stream_options\":{ \"include_usage\" : true "
         "},\"model\":\"m\"," MESSAGES "}"},
        {"{\"stream\":true,\"stream_options\":{\"include_obfuscation\":false},\"model\":"
         "\"m\"," MESSAGES "}",
         "{\"stream\":true,\"stream_options\":{\"include_usage\":true,\"include_obfuscation\":"
         "false},\"model\":\"m\"," MESSAGES "}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        parse_ok(f, LLM_CHAT, cases[i].before, false);
        render_as(f, LLM_OPENAI, "m", cases[i].after);
        assert_true(f->upstream.usage_was_added);
    }
    const char *asked =
        "{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"model\":\"m\"," MESSAGES
        "}";
    parse_ok(f, LLM_CHAT, asked, false);
    render_as(f, LLM_OPENAI, "m", asked);
    assert_false(f->upstream.usage_was_added);
    parse_ok(f, LLM_COMPLETIONS, "{\"stream\":true,\"model\":\"m\",\"prompt\":\"x\"}", false);
    assert_int_equal(render(f, LLM_OPENAI, "m"), ERR_OK);
    assert_true(f->upstream.usage_was_added);
    const char *responses = "{\"stream\":true,\"model\":\"m\",\"input\":\"x\"}";
    parse_ok(f, LLM_RESPONSES, responses, false);
    render_as(f, LLM_OPENAI, "m", responses);
    assert_false(f->upstream.usage_was_added);
}

static void test_moderation_without_model(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_MODERATIONS, "{\"input\":\"x\"}", false);
    render_as(f, LLM_OPENAI, "omni-moderation-latest", "{\"input\":\"x\"}");
    render_as(f, LLM_OPENAI, "other", "{\"model\":\"other\",\"input\":\"x\"}");
    render_as(f, LLM_OPENAI, "o\n", "{\"model\":\"o\\n\",\"input\":\"x\"}");
}

static void test_untranslatable_operations(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"x\"}", false);
    assert_int_equal(render(f, LLM_ANTHROPIC, "m"), ERR_UNSUPPORTED);
    parse_ok(f, LLM_RESPONSES, "{\"model\":\"m\",\"input\":\"x\"}", false);
    assert_int_equal(render(f, LLM_ANTHROPIC, "m"), ERR_UNSUPPORTED);
    parse_ok(f, LLM_COUNT_TOKENS, "{\"model\":\"m\"," MESSAGES "}", false);
    assert_int_equal(render(f, LLM_OPENAI, "m"), ERR_UNSUPPORTED);
    assert_non_null(strstr(f->issue.message, "count_tokens"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_untouched),
        TEST(test_slot_and_model),
        TEST(test_the_rest_is_not_copied),
        TEST(test_usage_is_asked_for),
        TEST(test_moderation_without_model),
        TEST(test_untranslatable_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
