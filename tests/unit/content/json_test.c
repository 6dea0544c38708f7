/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts that are JSON: their strings, names and numbers are read with the name they stand
 * under, and what comes out is JSON of the same structure. Names of the body itself too.
 */
#include "world.h"

static struct world w;

static int load(void **state)
{
    (void)state;
    world_init(&w);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    world_fini(&w);
    return 0;
}

/* The arguments of one tool call, as they come back, without the quotes of the body. */
static const char *call(const char *arguments)
{
    static const char head[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\","
                               "\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{"
                               "\"name\":\"f\",\"arguments\":";
    static const char tail[] = "}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"ok\"}"
                               "]}";
    struct buf body;
    struct json_doc doc;
    buf_init(&body, 1U << 20);
    buf_add(&body, STR(head));
    json_write_str(&body, str_from(arguments));
    buf_add(&body, STR(tail));
    buf_add_byte(&body, '\0');
    const char *edited = world_request(&w, LLM_CHAT, body.ptr);
    buf_fini(&body);
    struct str text =
        str_sub(str_from(edited), sizeof(head) - 1, strlen(edited) - (sizeof(tail) - 1));
    assert_int_equal(json_parse(&w.arena, text, &json_limits_default, &doc, &w.issue), ERR_OK);
    return arena_str(&w.arena, json_str(doc.root)).ptr;
}

static const struct {
    const char *arguments, *edited; /* NULL = the same */
} cases[] = {
    {"{\"to\":\"jane@acme.example\",\"n\":5}", "{\"to\":\"[EMAIL]\",\"n\":5}"},
    /* escapes hide nothing, and what is not touched stays as it was written */
    {"{ \"to\" : \"jane\\u0040acme.example\\n\\\"x\\\"\" , \"k\\u0041\":[1.50,true] }",
     "{ \"to\" : \"[EMAIL]\\n\\\"x\\\"\" , \"k\\u0041\":[1.50,true] }"},
    {"{\"jane@acme.example\":{\"x\":[\"a\",\"bob@acme.example\"]}}",
     "{\"[EMAIL]\":{\"x\":[\"a\",\"[EMAIL]\"]}}"},
    /* a number that holds a finding becomes a string */
    {"{\"card\":4111111111111111,\"n\":4111111111111112}",
     "{\"card\":\"[CREDIT_CARD]\",\"n\":4111111111111112}"},
    {"[378282246310005]", "[\"[CREDIT_CARD]\"]"},
    /* the name is context */
    {"{\"ssn\":\"123456789\",\"count\":\"123456789\"}", "{\"ssn\":\"[SSN_NO_DASH]\",\"count\":"
                                                        "\"123456789\"}"},
    {"{\"ssn\":[\"123456789\",{\"0\":123456789}]}",
     "{\"ssn\":[\"[SSN_NO_DASH]\",{\"0\":\"[SSN_NO_DASH]\"}]}"},
    {"{\"ssn\":1,\"count\":123456789}", NULL},
    /* what is not JSON is a text */
    {"to: jane@acme.example", "to: [EMAIL]"},
    {"{\"to\":\"jane@acme.example\"", "{\"to\":\"[EMAIL]\""},
    {"{}", NULL},
    {"\"jane@acme.example\"", "\"[EMAIL]\""},
    {"", NULL},
};

static void test_arguments_stay_json(void **state)
{
    (void)state;
    WORLD_RULES(&w, RULE("pii", "modify", "both",
                         "{\"types\":[\"email\",\"credit_card\",\"ssn_no_dash\"],\"format\":"
                         "\"[{TYPE}]\"}"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(call(cases[i].arguments),
                            cases[i].edited != NULL ? cases[i].edited : cases[i].arguments);
    }
}

static void test_terms_in_arguments(void **state)
{
    (void)state;
    WORLD_RULES(&w, RULE("terms", "modify", "both",
                         "{\"patterns\":[\"ssn: x\",\"falcon\",\"1234\"],\"method\":\"mask\"}"));
    /* nothing begins in the name it stands under */
    assert_string_equal(call("{\"ssn\":\"x\",\"falcon\":\"falcon 1\",\"n\":[1234,12345]}"),
                        "{\"ssn\":\"x\",\"********\":\"******** 1\",\"n\":[\"********\",12345]}");
    const struct content_hit *hits;
    size_t dropped;
    assert_int_equal(content_hits(w.check, CONTENT_REQUEST, &hits, &dropped), 2);
    assert_int_equal(hits[0].count, 2);
}

/* Of a body, names are data too; two that become equal are told apart. */
static void test_names_of_the_body(void **state)
{
    (void)state;
    WORLD_RULES(&w, RULE("pii", "modify", "both", "{\"types\":[\"email\"],\"format\":\"#\"}"));
    assert_string_equal(
        world_request(
            &w, LLM_CHAT,
            "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],"
            "\"metadata\":{\"a@acme.example\":\"1\",\"b@acme.example\":\"c@acme.example\"}"
            "}"),
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],"
        "\"metadata\":{\"#\":\"1\",\"#_2\":\"#\"}}");
}

static void test_numbers_of_a_tool_input(void **state)
{
    (void)state;
    WORLD_RULES(&w,
                RULE("pii", "modify", "both", "{\"types\":[\"credit_card\"],\"format\":\"#\"}"));
    assert_string_equal(
        world_request(
            &w, LLM_MESSAGES,
            "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":"
            "\"x\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":"
            "\"t1\",\"name\":\"pay\",\"input\":{\"card\":4111111111111111}}]},{\"role\":"
            "\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\","
            "\"content\":\"4111111111111111\"}]}]}"),
        "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":"
        "\"x\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":"
        "\"t1\",\"name\":\"pay\",\"input\":{\"card\":\"#\"}}]},{\"role\":"
        "\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\","
        "\"content\":\"#\"}]}]}");
}

/* An answer of JSON: text, arguments, and tokens of the request inside both. */
static void test_answers(void **state)
{
    (void)state;
    char body[600], want[600];
    WORLD_RULES(
        &w, RULE("pii", "modify", "request", "{\"types\":[\"email\"],\"method\":\"pseudonym\"}"),
        RULE("pii", "modify", "response", "{\"types\":[\"ssn\"],\"format\":\"#\"}"));
    const char *said = world_say(&w, "\"a\\b\"@acme.example or jane@acme.example");
    const char *token = strstr(said, "[EMAIL_");
    assert_non_null(token);
    struct str t = str_sub(str_from(token), 0, (size_t)(strchr(token, ']') - token) + 1);
    snprintf(body, sizeof(body),
             "{\"choices\":[{\"message\":{\"content\":\"%.*s 123-45-6789 [x]\",\"tool_calls\":[{"
             "\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
             "\"{\\\"to\\\":\\\"%.*s\\\",\\\"n\\\":1}\"}}]}}]}",
             STR_ARG(t), STR_ARG(t));
    const char *mail = strstr(said, " or ") != NULL ? "jane@acme.example" : "";
    snprintf(want, sizeof(want),
             "{\"choices\":[{\"message\":{\"content\":\"%s # [x]\",\"tool_calls\":[{"
             "\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
             "\"{\\\"to\\\":\\\"%s\\\",\\\"n\\\":1}\"}}]}}]}",
             mail, mail);
    assert_string_equal(world_answer(&w, body), want);
    assert_int_equal(content_edits_count(w.check, CONTENT_RESPONSE), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments_stay_json),
        cmocka_unit_test(test_terms_in_arguments),
        cmocka_unit_test(test_names_of_the_body),
        cmocka_unit_test(test_numbers_of_a_tool_input),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
