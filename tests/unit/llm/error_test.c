/* SPDX-License-Identifier: Apache-2.0
 *
 * Error shapes of product 2.3, as answers and inside streams, and what is made of a
 * provider's own errors (catalogue J 199: no credential leaves).
 */
#include "llm_util.h"

static struct llm_error blocked(void)
{
    return (struct llm_error){.status = 403,
                              .type = "governance_blocked",
                              .code = "GOVERNANCE_BLOCKED",
                              .message = STR("Blocked by \"rule\"."),
                              .extra = STR(",\"violations\":[]"),
                              .request_id = STR("req_1")};
}

static void test_answers(void **state)
{
    struct fixture *f = *state;
    struct llm_error e = blocked();
    llm_error_write(&f->out, LLM_OPENAI, &e);
    expect_str(buf_str(&f->out),
               "{\"error\":{\"message\":\"Blocked by \\\"rule\\\".\",\"type\":"
               "\"governance_blocked\",\"param\":null,\"code\":\"GOVERNANCE_BLOCKED\","
               "\"violations\":[]}}");
    buf_clear(&f->out);
    llm_error_write(&f->out, LLM_ANTHROPIC, &e);
    expect_str(buf_str(&f->out),
               "{\"type\":\"error\",\"error\":{\"type\":\"permission_error\",\"message\":\"Blocked "
               "by \\\"rule\\\".\",\"code\":\"GOVERNANCE_BLOCKED\",\"violations\":[]},"
               "\"request_id\":\"req_1\"}");
    buf_clear(&f->out);
    struct llm_error plain = {.status = 400,
                              .type = "invalid_request_error",
                              .message = STR("Bad."),
                              .param = STR("/model")};
    llm_error_write(&f->out, LLM_OPENAI, &plain);
    expect_str(buf_str(&f->out), "{\"error\":{\"message\":\"Bad.\",\"type\":"
                                 "\"invalid_request_error\",\"param\":\"/model\",\"code\":null}}");
    buf_clear(&f->out);
    llm_error_write(&f->out, LLM_ANTHROPIC, &plain);
    expect_str(buf_str(&f->out),
               "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":"
               "\"Bad.\",\"param\":\"/model\"},\"request_id\":null}");
}

static void test_anthropic_vocabulary(void **state)
{
    struct fixture *f = *state;
    static const struct {
        unsigned status;
        const char *type;
        const char *want;
    } cases[] = {
        {400, "x", "invalid_request_error"},
        {401, "x", "authentication_error"},
        {402, "x", "billing_error"},
        {403, "x", "permission_error"},
        {404, "x", "not_found_error"},
        {409, "x", "invalid_request_error"},
        {413, "x", "request_too_large"},
        {429, "insufficient_quota", "rate_limit_error"},
        {500, "x", "api_error"},
        {502, "x", "api_error"},
        {503, "x", "overloaded_error"},
        {504, "x", "timeout_error"},
        {529, "x", "overloaded_error"},
        {500, "rate_limit_error", "rate_limit_error"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char want[100];
        struct llm_error e = {
            .status = cases[i].status, .type = cases[i].type, .message = STR("m")};
        snprintf(want, sizeof(want), "{\"type\":\"error\",\"error\":{\"type\":\"%s\",",
                 cases[i].want);
        llm_error_write(&f->out, LLM_ANTHROPIC, &e);
        assert_true(str_starts(buf_str(&f->out), str_from(want)));
        /* The reason is not lost in the smaller vocabulary. */
        assert_int_equal(strcmp(cases[i].type, cases[i].want) != 0,
                         str_find_str(buf_str(&f->out), STR("\"code\":")) > 0);
        buf_clear(&f->out);
    }
}

static void test_events(void **state)
{
    struct fixture *f = *state;
    struct llm_error e = blocked();
    e.sequence_number = 12;
    llm_error_write_event(&f->out, LLM_CHAT, &e);
    expect_str(buf_str(&f->out),
               "data: {\"error\":{\"message\":\"Blocked by \\\"rule\\\".\",\"type\":"
               "\"governance_blocked\",\"param\":null,\"code\":\"GOVERNANCE_BLOCKED\","
               "\"violations\":[]}}\n\ndata: [DONE]\n\n");
    buf_clear(&f->out);
    llm_error_write_event(&f->out, LLM_RESPONSES, &e);
    expect_str(buf_str(&f->out),
               "event: error\ndata: {\"type\":\"error\",\"code\":\"GOVERNANCE_BLOCKED\","
               "\"message\":\"Blocked by \\\"rule\\\".\",\"param\":null,\"sequence_number\":12,"
               "\"error\":{\"message\":\"Blocked by \\\"rule\\\".\",\"type\":"
               "\"governance_blocked\",\"param\":null,\"code\":\"GOVERNANCE_BLOCKED\","
               "\"violations\":[]}}\n\n");
    buf_clear(&f->out);
    llm_error_write_event(&f->out, LLM_MESSAGES, &e);
    expect_str(buf_str(&f->out),
               "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"permission_error\","
               "\"message\":\"Blocked by \\\"rule\\\".\",\"code\":\"GOVERNANCE_BLOCKED\","
               "\"violations\":[]},\"request_id\":\"req_1\"}\n\n");
}

static struct llm_error read_error(struct fixture *f, enum llm_dialect d, unsigned status,
                                   const char *body)
{
    struct llm_error e;
    assert_int_equal(llm_error_from_upstream(&f->arena, d, status, str_from(body), &e), ERR_OK);
    return e;
}

static void test_from_upstream(void **state)
{
    struct fixture *f = *state;
    struct llm_error e =
        read_error(f, LLM_OPENAI, 404,
                   "{\"error\":{\"message\":\"The model `claude-3-5-sonnet-20241022` does not "
                   "exist\",\"type\":\"invalid_request_error\",\"param\":\"model\",\"code\":"
                   "\"model_not_found\"}}");
    assert_int_equal(e.status, 404);
    assert_string_equal(e.type, "invalid_request_error");
    assert_string_equal(e.code, "model_not_found");
    expect_str(e.param, "model");
    expect_str(e.message, "The model `claude-3-5-sonnet-20241022` does not exist");
    e = read_error(f, LLM_ANTHROPIC, 529,
                   "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":"
                   "\"Overloaded\"},\"request_id\":\"req_x\"}");
    assert_string_equal(e.type, "overloaded_error");
    assert_null(e.code);
    expect_str(e.message, "Overloaded");
    e = read_error(f, LLM_OPENAI, 400, "{\"error\":{\"message\":\"m\",\"code\":400}}");
    assert_string_equal(e.code, "400");
    e = read_error(f, LLM_OPENAI, 500, "{\"error\":\"broken\"}");
    expect_str(e.message, "broken");
    assert_string_equal(e.type, "api_error");
    e = read_error(f, LLM_OPENAI, 422, "{\"message\":\"m2\",\"type\":\"a type\"}");
    expect_str(e.message, "m2");
    assert_string_equal(e.type, "invalid_request_error");
    e = read_error(f, LLM_OPENAI, 422, "{\"detail\":\"m3\"}");
    expect_str(e.message, "m3");
    e = read_error(f, LLM_ANTHROPIC, 401, "<html>no</html>");
    assert_string_equal(e.type, "authentication_error");
    expect_str(e.message, "The provider reported an error without saying what it was.");
    e = read_error(f, LLM_OPENAI, 429, "");
    assert_string_equal(e.type, "rate_limit_error");
}

static void test_credentials_are_cut_out(void **state)
{
    struct fixture *f = *state;
    static const char *const cases[][2] = {
        {"Incorrect API key provided: sk-proj-abc***xyz. You can find",
         "Incorrect API key provided: [redacted] You can find"},
        {"key 'gsk_Ab12Cd34' is bad", "key '[redacted]' is bad"},
        {"Authorization: Bearer abc.def failed", "Authorization: Bearer [redacted] failed"},
        {"token eyJhbGciOi.eyJz.sig", "token [redacted]"},
        {"id 0123456789abcdef0123456789abcdef", "id [redacted]"},
        {"ab*****yz rejected", "[redacted] rejected"},
        {"gpt-4o-2024-08-06 for 4f1c2a9e-1111-2222-3333-444455556666 in req_011CSHoEeqs5C35K2UUqR7",
         "gpt-4o-2024-08-06 for 4f1c2a9e-1111-2222-3333-444455556666 in "
         "req_011CSHoEeqs5C35K2UUqR7"},
        {"Gr\xc3\xbc\xc3\x9f"
         "e an sk-12345678",
         "Gr\xc3\xbc\xc3\x9f"
         "e an [redacted]"},
        {"max_tokens: 5 > 4*2", "max_tokens: 5 > 4*2"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[400];
        snprintf(body, sizeof(body), "{\"error\":{\"message\":\"%s\"}}", cases[i][0]);
        expect_str(read_error(f, LLM_OPENAI, 401, body).message, cases[i][1]);
    }
    struct llm_error e = read_error(f, LLM_OPENAI, 401,
                                    "{\"error\":{\"message\":\"m\",\"code\":\"sk-12345678901\","
                                    "\"type\":\"x\\\"y\",\"param\":\"sk-12345678901\"}}");
    assert_null(e.code);
    assert_null(e.param.ptr);
    assert_string_equal(e.type, "invalid_request_error");
}

static void test_long_messages_are_cut(void **state)
{
    struct fixture *f = *state;
    static char body[9000];
    size_t len = (size_t)snprintf(body, sizeof(body), "{\"error\":{\"message\":\"");
    while (len < 8000) {
        len += (size_t)snprintf(body + len, sizeof(body) - len, "w\xc3\xb6rd ");
    }
    snprintf(body + len, sizeof(body) - len, "\"}}");
    struct str message = read_error(f, LLM_OPENAI, 500, body).message;
    assert_true(message.len <= 2048);
    assert_true(str_is_utf8(message));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answers),
        TEST(test_anthropic_vocabulary),
        TEST(test_events),
        TEST(test_from_upstream),
        TEST(test_credentials_are_cut_out),
        TEST(test_long_messages_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
