/* SPDX-License-Identifier: Apache-2.0
 *
 * Usage of every dialect in the one normal form of product 2.6, and figures that
 * lie (catalogue J 200).
 */
#include "../../../src/core/llm/llm_private.h"
#include "llm_util.h"

static bool usage_of(struct fixture *f, enum llm_endpoint e, const char *json,
                     struct llm_usage *ret)
{
    struct json_doc doc;
    assert_int_equal(json_parse(&f->arena, str_from(json), &json_limits_default, &doc, &f->issue),
                     ERR_OK);
    memset(ret, 0, sizeof(*ret));
    return llm_usage_read(e, doc.root, ret);
}

static void test_openai_includes_cached(void **state)
{
    struct llm_usage u;
    assert_true(usage_of(*state, LLM_CHAT,
                         "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,"
                         "\"prompt_tokens_details\":{\"cached_tokens\":60,\"audio_tokens\":0},"
                         "\"completion_tokens_details\":{\"reasoning_tokens\":5}}",
                         &u));
    assert_true(u.is_known);
    assert_false(u.is_estimated);
    assert_int_equal(u.input_tokens, 100);
    assert_int_equal(u.cached_tokens, 60);
    assert_int_equal(u.output_tokens, 20);
    assert_int_equal(u.reasoning_tokens, 5);
    assert_true(usage_of(*state, LLM_EMBEDDINGS, "{\"prompt_tokens\":8,\"total_tokens\":8}", &u));
    assert_int_equal(u.input_tokens, 8);
    assert_int_equal(u.output_tokens, 0);
}

static void test_responses(void **state)
{
    struct llm_usage u;
    assert_true(usage_of(*state, LLM_RESPONSES,
                         "{\"input_tokens\":10,\"input_tokens_details\":{\"cached_tokens\":4,"
                         "\"cache_write_tokens\":2},\"output_tokens\":3,"
                         "\"output_tokens_details\":{\"reasoning_tokens\":1},\"total_tokens\":13}",
                         &u));
    assert_int_equal(u.input_tokens, 10);
    assert_int_equal(u.cached_tokens, 4);
    assert_int_equal(u.cache_write_tokens, 2);
    assert_int_equal(u.reasoning_tokens, 1);
}

static void test_anthropic_excludes_cached(void **state)
{
    struct llm_usage u;
    assert_true(usage_of(*state, LLM_MESSAGES,
                         "{\"input_tokens\":10,\"cache_creation_input_tokens\":3,"
                         "\"cache_read_input_tokens\":5,\"output_tokens\":7,"
                         "\"output_tokens_details\":{\"thinking_tokens\":2},"
                         "\"server_tool_use\":null}",
                         &u));
    assert_int_equal(u.input_tokens, 18);
    assert_int_equal(u.cached_tokens, 5);
    assert_int_equal(u.cache_write_tokens, 3);
    assert_int_equal(u.output_tokens, 7);
    assert_int_equal(u.reasoning_tokens, 2);
}

static void test_lies_are_unknown(void **state)
{
    struct llm_usage u;
    static const char *const bad[] = {
        "{}",
        "[]",
        "null",
        "{\"prompt_tokens\":-1,\"completion_tokens\":1}",
        "{\"prompt_tokens\":1,\"completion_tokens\":-1}",
        "{\"prompt_tokens\":1000000000000000000,\"completion_tokens\":1}",
        "{\"prompt_tokens\":\"5\",\"completion_tokens\":1}",
        "{\"prompt_tokens\":1.5,\"completion_tokens\":1}",
        "{\"prompt_tokens\":null,\"completion_tokens\":1}",
        "{\"prompt_tokens\":1,\"completion_tokens\":1,\"prompt_tokens_details\":"
        "{\"cached_tokens\":2}}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(usage_of(*state, LLM_CHAT, bad[i], &u));
        assert_false(u.is_known);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_openai_includes_cached), TEST(test_responses),
                                       TEST(test_anthropic_excludes_cached),
                                       TEST(test_lies_are_unknown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
