/* SPDX-License-Identifier: Apache-2.0
 *
 * What is read of every request, and what is refused whether or not texts are
 * wanted: catalogue D 67-76, 84-88, E 104.
 */
#include "llm_util.h"

#define CHAT(members)                                                                              \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]" members "}"

static void test_chat_members(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_CHAT,
             "{\"model\": \"gpt-4o\", \"messages\": [{\"role\":\"user\",\"content\":\"hi\"}],"
             "\"stream\":true,\"stream_options\":{\"include_usage\":true},\"max_tokens\":100,"
             "\"n\":2,\"user\":\"u1\",\"tools\":[{\"type\":\"function\",\"function\":"
             "{\"name\":\"f\"}}],\"governance_policy\":3}",
             false);
    const struct llm_request *r = &f->request;
    expect_str(r->model, "gpt-4o");
    expect_str(str_sub(r->body, r->model_span.from, r->model_span.to), "\"gpt-4o\"");
    assert_true(r->is_stream);
    assert_true(r->wants_stream_usage);
    assert_int_equal(r->output_tokens_max, 100);
    assert_int_equal(r->choices, 2);
    expect_str(r->user, "u1");
    assert_true(r->has_tools);
    assert_true(r->has_slot);
    assert_true(r->is_slot_valid_type);
    assert_int_equal(r->slot, 3);
    expect_str(str_sub(r->body, r->slot_span.from, r->slot_span.to), ",\"governance_policy\":3");
    assert_int_equal(r->texts_count, 0);
    assert_false(r->is_stateful);
}

static void test_defaults(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_CHAT, CHAT(""), false);
    assert_false(f->request.is_stream);
    assert_false(f->request.has_slot);
    assert_false(f->request.has_tools);
    assert_int_equal(f->request.choices, 1);
    assert_int_equal(f->request.output_tokens_max, 0);
    parse_ok(f, LLM_CHAT, CHAT(",\"stream\":null,\"max_tokens\":null,\"n\":null,\"tools\":[]"),
             false);
    assert_false(f->request.has_tools);
}

static void test_slot_types(void **state)
{
    struct fixture *f = *state;
    static const char *const wrong[] = {"\"1\"", "1.0", "null", "[1]", "1e0", "true"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char body[200];
        snprintf(body, sizeof(body), CHAT(",\"governance_policy\":%s"), wrong[i]);
        parse_ok(f, LLM_CHAT, body, false);
        assert_true(f->request.has_slot);
        assert_false(f->request.is_slot_valid_type);
    }
    parse_ok(f, LLM_CHAT, CHAT(",\"governance_policy\":-7"), false);
    assert_true(f->request.is_slot_valid_type);
    assert_int_equal(f->request.slot, -7);
}

static void test_output_limits(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_CHAT, CHAT(",\"max_tokens\":10,\"max_completion_tokens\":20"), false);
    assert_int_equal(f->request.output_tokens_max, 20);
    parse_ok(f, LLM_CHAT, CHAT(",\"max_tokens\":2147483647"), false);
    parse_ok(f, LLM_RESPONSES, "{\"model\":\"m\",\"input\":\"x\",\"max_output_tokens\":7}", false);
    assert_int_equal(f->request.output_tokens_max, 7);
    parse_ok(f, LLM_COMPLETIONS, "{\"model\":\"m\",\"prompt\":\"x\",\"n\":2,\"best_of\":5}", false);
    assert_int_equal(f->request.choices, 5);
}

/* D 76: what is checked is what is sent. */
static void test_numbers_are_exact(void **state)
{
    struct fixture *f = *state;
    static const char *const wrong[] = {"1e400",      "99999999999999999999",
                                        "2147483648", "4294967297",
                                        "1.5",        "\"100\"",
                                        "-1",         "1e2",
                                        "1.0",        "true"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char body[200];
        snprintf(body, sizeof(body), CHAT(",\"max_tokens\":%s"), wrong[i]);
        enum err err = parse(f, LLM_CHAT, body, false);
        assert_true(err == ERR_INVALID || err == ERR_SYNTAX);
    }
    parse_bad(f, LLM_CHAT, CHAT(",\"n\":0"), ERR_INVALID, "/n");
    parse_bad(f, LLM_CHAT, CHAT(",\"n\":129"), ERR_INVALID, "/n");
    parse_bad(f, LLM_CHAT, CHAT(",\"n\":1.0"), ERR_INVALID, "/n");
    parse_bad(f, LLM_CHAT, CHAT(",\"max_completion_tokens\":-1"), ERR_INVALID,
              "/max_completion_tokens");
}

/* D 84-86. */
static void test_wrong_shapes(void **state)
{
    struct fixture *f = *state;
    parse_bad(f, LLM_CHAT, "[]", ERR_INVALID, "");
    parse_bad(f, LLM_CHAT, "\"x\"", ERR_INVALID, "");
    parse_bad(f, LLM_CHAT, "null", ERR_INVALID, "");
    parse_bad(f, LLM_CHAT, "{}", ERR_INVALID, "/model");
    parse_bad(f, LLM_CHAT, "{\"model\":\"m\"}", ERR_INVALID, "/messages");
    parse_bad(f, LLM_CHAT, CHAT(",\"stream\":\"true\""), ERR_INVALID, "/stream");
    parse_bad(f, LLM_CHAT, CHAT(",\"stream\":1"), ERR_INVALID, "/stream");
    static const enum llm_endpoint never[] = {LLM_EMBEDDINGS, LLM_MODERATIONS, LLM_INPUT_TOKENS};
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        parse_bad(f, never[i], "{\"model\":\"m\",\"input\":\"x\",\"stream\":true}", ERR_INVALID,
                  "/stream");
        parse_ok(f, never[i], "{\"model\":\"m\",\"input\":\"x\",\"stream\":false}", false);
    }
    parse_bad(f, LLM_COUNT_TOKENS, CHAT(",\"stream\":true"), ERR_INVALID, "/stream");
    parse_bad(f, LLM_CHAT, CHAT(",\"stream_options\":[]"), ERR_INVALID, "/stream_options");
    parse_bad(f, LLM_CHAT, CHAT(",\"user\":5"), ERR_INVALID, "/user");
    static const char *const models[] = {"123", "null",          "\"\"",     "[\"a\",\"b\"]",
                                         "{}",  "\"a\\u0000b\"", "\"a\\n\"", "\"a\\u007f\""};
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        char body[200];
        snprintf(body, sizeof(body),
                 "{\"model\":%s,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", models[i]);
        parse_bad(f, LLM_CHAT, body, ERR_INVALID, "/model");
    }
}

static void test_wrong_messages(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *messages;
        const char *pointer;
    } bad[] = {
        {"\"hi\"", "/messages"},
        {"[]", "/messages"},
        {"{}", "/messages"},
        {"null", "/messages"},
        {"[\"hi\"]", "/messages/0"},
        {"[{\"content\":\"x\"}]", "/messages/0/role"},
        {"[{\"role\":1,\"content\":\"x\"}]", "/messages/0/role"},
        {"[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"\",\"content\":\"x\"}]",
         "/messages/1/role"},
        {"[{\"role\":\"user\",\"content\":5}]", "/messages/0/content"},
        {"[{\"role\":\"user\",\"content\":{}}]", "/messages/0/content"},
        {"[{\"role\":\"user\",\"content\":true}]", "/messages/0/content"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char body[300];
        snprintf(body, sizeof(body), "{\"model\":\"m\",\"messages\":%s}", bad[i].messages);
        parse_bad(f, LLM_CHAT, body, ERR_INVALID, bad[i].pointer);
        snprintf(body, sizeof(body), "{\"model\":\"m\",\"max_tokens\":1,\"messages\":%s}",
                 bad[i].messages);
        parse_bad(f, LLM_MESSAGES, body, ERR_INVALID, bad[i].pointer);
    }
    parse_ok(f, LLM_CHAT,
             "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\","
             "\"content\":null,\"tool_calls\":[]}]}",
             false);
    parse_bad(f, LLM_MESSAGES,
              "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":"
              "\"user\",\"content\":null}]}",
              ERR_INVALID, "/messages/0/content");
    parse_bad(f, LLM_MESSAGES,
              "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
              "\"content\":\"x\"}]}",
              ERR_INVALID, "/max_tokens");
    parse_ok(f, LLM_COUNT_TOKENS,
             "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
             "\"content\":\"x\"}]}",
             true);
}

/* D 67-74: the strict reader is really in front. */
static void test_differentials(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "{\"model\":\"allowed\",\"model\":\"banned\"}",
        "{\"model\":\"allowed\",\"mod\\u0065l\":\"banned\"}",
        CHAT(",\"x\":{\"stream\":1,\"stream\":2}"),
        "{\"model\\u0000\":\"banned\",\"model\":\"a\"}",
        CHAT("") "{}",
        "\xef\xbb\xbf" CHAT(""),
        "{\"model\":\"a\",}",
        "",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(f, LLM_CHAT, bad[i], false), ERR_SYNTAX);
    }
    /* D 70: another case is another member, and passes. */
    parse_ok(f, LLM_CHAT, CHAT(",\"Model\":\"banned\""), false);
    expect_str(f->request.model, "m");
}

/* D 87. */
static void test_redirecting_members(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"api_base",
                                        "base_url",
                                        "extra_body",
                                        "extra_headers",
                                        "deployment_id",
                                        "fallbacks",
                                        "mock_response",
                                        "api_key",
                                        "organization",
                                        "custom_llm_provider",
                                        "api_version",
                                        "models",
                                        "provider",
                                        "route",
                                        "litellm_params",
                                        "aws_access_key_id",
                                        "vertex_project",
                                        "azure_ad_token",
                                        "mock_timeout",
                                        "model_list",
                                        "context_window_fallbacks",
                                        "headers",
                                        "proxy",
                                        "client",
                                        "api_type",
                                        "endpoint",
                                        "fallback",
                                        "providers",
                                        "proxy_url",
                                        "model_info",
                                        "deployments",
                                        "extra_query",
                                        "num_retries",
                                        "http_client",
                                        "default_headers",
                                        "organization_id",
                                        "content_policy_fallbacks"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char body[300];
        char pointer[64];
        snprintf(pointer, sizeof(pointer), "/%s", names[i]);
        snprintf(body, sizeof(body), CHAT(",\"%s\":\"x\""), names[i]);
        parse_bad(f, LLM_CHAT, body, ERR_INVALID, pointer);
        snprintf(body, sizeof(body), "{\"model\":\"m\",\"input\":\"x\",\"%s\":null}", names[i]);
        parse_bad(f, LLM_EMBEDDINGS, body, ERR_INVALID, pointer);
        parse_bad(f, LLM_RESPONSES, body, ERR_INVALID, pointer);
    }
    /* D 88, and members nobody knows. */
    parse_ok(f, LLM_CHAT, CHAT(",\"__proto__\":{\"model\":\"banned\"},\"constructor\":1"), false);
    expect_str(f->request.model, "m");
}

static void test_stateful(void **state)
{
    struct fixture *f = *state;
    static const char *const yes[] = {"\"previous_response_id\":\"resp_1\"",
                                      "\"conversation\":\"conv_1\"", "\"background\":true",
                                      "\"prompt\":{\"id\":\"pmpt_1\"}"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        char body[200];
        snprintf(body, sizeof(body), "{\"model\":\"m\",\"input\":\"x\",%s}", yes[i]);
        parse_ok(f, LLM_RESPONSES, body, false);
        assert_true(f->request.is_stateful);
        assert_int_equal(f->request.opaques_count, i == 2 ? 0 : 1);
    }
    parse_ok(f, LLM_RESPONSES,
             "{\"model\":\"m\",\"input\":\"x\",\"background\":false,"
             "\"previous_response_id\":null}",
             false);
    assert_false(f->request.is_stateful);
    parse_bad(f, LLM_RESPONSES, "{\"model\":\"m\",\"background\":\"no\"}", ERR_INVALID,
              "/background");
    parse_bad(f, LLM_RESPONSES, "{\"model\":\"m\",\"input\":5}", ERR_INVALID, "/input");
}

/* G 148, 149: recorded, not refused; with and without texts. */
static void test_token_arrays(void **state)
{
    struct fixture *f = *state;
    for (int texts = 0; texts < 2; texts++) {
        parse_ok(f, LLM_COMPLETIONS, "{\"model\":\"m\",\"prompt\":[15496,995]}", texts == 1);
        assert_int_equal(f->request.opaques_count, 1);
        assert_int_equal(f->request.opaques[0].kind, LLM_OPAQUE_TOKENS);
        expect_str(f->request.opaques[0].pointer, "/prompt");
        parse_ok(f, LLM_EMBEDDINGS, "{\"model\":\"m\",\"input\":[[1,2],[3]]}", texts == 1);
        assert_int_equal(f->request.opaques_count, 2);
        expect_str(f->request.opaques[1].pointer, "/input/1");
        parse_ok(f, LLM_EMBEDDINGS, "{\"model\":\"m\",\"input\":[\"a\",[1]]}", texts == 1);
        assert_int_equal(f->request.opaques_count, 1);
        assert_int_equal(f->request.texts_count, texts);
    }
    parse_bad(f, LLM_EMBEDDINGS, "{\"model\":\"m\",\"input\":[1,\"a\"]}", ERR_INVALID, "/input/1");
    parse_bad(f, LLM_EMBEDDINGS, "{\"model\":\"m\",\"input\":[\"a\",1]}", ERR_INVALID, "/input/1");
    parse_bad(f, LLM_EMBEDDINGS, "{\"model\":\"m\",\"input\":[[\"a\"]]}", ERR_INVALID, "/input/0");
    parse_bad(f, LLM_EMBEDDINGS, "{\"model\":\"m\",\"input\":[]}", ERR_INVALID, "/input");
    parse_bad(f, LLM_EMBEDDINGS, "{\"model\":\"m\",\"input\":5}", ERR_INVALID, "/input");
    parse_bad(f, LLM_EMBEDDINGS, "{\"model\":\"m\"}", ERR_INVALID, "/input");
    parse_bad(f, LLM_COMPLETIONS, "{\"model\":\"m\",\"prompt\":[{}]}", ERR_INVALID, "/prompt/0");
}

static void test_moderation_default_model(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_MODERATIONS, "{\"input\":\"x\"}", true);
    expect_str(f->request.model, "omni-moderation-latest");
    assert_int_equal(f->request.model_span.to, 0);
    parse_bad(f, LLM_EMBEDDINGS, "{\"input\":\"x\"}", ERR_INVALID, "/model");
}

static void test_messages_user(void **state)
{
    struct fixture *f = *state;
    parse_ok(f, LLM_MESSAGES,
             "{\"model\":\"m\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\","
             "\"content\":\"x\"}],\"metadata\":{\"user_id\":\"u-7\"}}",
             false);
    expect_str(f->request.user, "u-7");
}

static void test_memory_limit(void **state)
{
    (void)state;
    struct arena small;
    struct llm_request r;
    struct issue issue;
    arena_init(&small, 4096);
    struct buf body;
    buf_init(&body, 1u << 20);
    buf_add(&body, STR("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}"));
    for (int i = 0; i < 1000; i++) {
        buf_add(&body, STR(",{\"role\":\"user\",\"content\":\"x\"}"));
    }
    buf_add(&body, STR("]}"));
    enum err err = llm_request_parse(&small, LLM_CHAT, buf_str(&body), true, &r, &issue);
    assert_true(err == ERR_LIMIT || err == ERR_MEMORY);
    arena_fini(&small);
    buf_fini(&body);
}

static void test_endpoints(void **state)
{
    (void)state;
    for (unsigned e = 0; e < LLM_ENDPOINTS_COUNT; e++) {
        struct str path = llm_endpoint_upstream_path((enum llm_endpoint)e);
        assert_int_equal(path.len, strlen(path.ptr));
        assert_int_equal(path.ptr[0], '/');
        bool is_anthropic = llm_endpoint_dialect((enum llm_endpoint)e) == LLM_ANTHROPIC;
        assert_int_equal(is_anthropic, str_starts(path, STR("/v1/")));
        assert_non_null(llm_endpoint_name((enum llm_endpoint)e));
    }
    assert_string_equal(llm_endpoint_name(LLM_CHAT), "chat");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_chat_members),        TEST(test_defaults),
        TEST(test_slot_types),          TEST(test_output_limits),
        TEST(test_numbers_are_exact),   TEST(test_wrong_shapes),
        TEST(test_wrong_messages),      TEST(test_differentials),
        TEST(test_redirecting_members), TEST(test_stateful),
        TEST(test_token_arrays),        TEST(test_moderation_default_model),
        TEST(test_messages_user),       TEST(test_memory_limit),
        TEST(test_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
