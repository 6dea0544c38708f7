/* SPDX-License-Identifier: Apache-2.0
 *
 * One event of a stream: the channels that end with it, whether it says anything
 * besides its pieces, surrogate pairs cut in two, and the event that carries the rest.
 */
#include "llm_util.h"

static struct llm_event seen;

static const struct llm_event *event(struct fixture *f, enum llm_endpoint e, const char *json)
{
    assert_int_equal(llm_event_read(&f->arena, e, str_from(json), &seen, &f->issue), ERR_OK);
    return &seen;
}

static struct llm_text delta(struct fixture *f, enum llm_endpoint e, const char *json)
{
    event(f, e, json);
    assert_int_equal(seen.said.texts_count, 1);
    assert_true(seen.said.texts[0].is_delta);
    return seen.said.texts[0];
}

static bool ends(const struct llm_text *t)
{
    for (size_t i = 0; i < seen.ends_count; i++) {
        if (seen.ends[i] == t->channel || seen.ends[i] == t->scope) {
            return true;
        }
    }
    return seen.ends_all;
}

#define CHOICE(n, rest) "{\"index\":" n "," rest "}"
#define CHUNK(choices) "{\"id\":\"c\",\"model\":\"m\",\"choices\":[" choices "]}"
#define CALL(n) "\"delta\":{\"tool_calls\":[{\"index\":" n ",\"function\":{\"arguments\":\"x\"}}]}"

static void test_a_choice_ends_with_its_reason(void **state)
{
    struct fixture *f = *state;
    struct llm_text first = delta(f, LLM_CHAT, CHUNK(CHOICE("0", "\"delta\":{\"content\":\"a\"}")));
    struct llm_text call = delta(f, LLM_CHAT, CHUNK(CHOICE("0", CALL("1"))));
    struct llm_text other = delta(f, LLM_CHAT, CHUNK(CHOICE("1", CALL("1"))));
    struct llm_text bare = delta(f, LLM_CHAT, CHUNK("{\"delta\":{\"content\":\"a\"}}"));
    assert_int_equal(seen.ends_count, 0);
    event(f, LLM_CHAT, CHUNK(CHOICE("0", "\"delta\":{},\"finish_reason\":\"stop\"")));
    assert_true(ends(&first));
    assert_true(ends(&call));
    assert_true(ends(&bare)); /* a choice without a number is the first */
    assert_false(ends(&other));
    event(
        f, LLM_CHAT,
        CHUNK(CHOICE("1", "\"finish_reason\":\"stop\"") "," CHOICE("0", "\"finish_reason\":null")));
    assert_false(ends(&first));
    assert_true(ends(&other));
    event(f, LLM_CHAT, "[DONE]");
    assert_true(seen.ends_all);
    event(f, LLM_CHAT, "{\"error\":{\"message\":\"no\"}}");
    assert_true(seen.ends_all);
    event(f, LLM_CHAT, CHUNK(""));
    assert_false(ends(&first));
}

static void test_a_block_ends_with_its_stop(void **state)
{
    struct fixture *f = *state;
    struct llm_text start = delta(f, LLM_MESSAGES,
                                  "{\"type\":\"content_block_start\",\"index\":0,"
                                  "\"content_block\":{\"type\":\"text\",\"text\":\"a\"}}");
    assert_false(seen.is_bare);
    struct llm_text first = delta(f, LLM_MESSAGES,
                                  "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
                                  "{\"type\":\"text_delta\",\"text\":\"a\"}}");
    assert_true(start.channel == first.channel); /* a block may begin with text */
    struct llm_text second = delta(f, LLM_MESSAGES,
                                   "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":"
                                   "{\"type\":\"input_json_delta\",\"partial_json\":\"a\"}}");
    assert_true(seen.is_bare);
    event(f, LLM_MESSAGES, "{\"type\":\"content_block_stop\",\"index\":1}");
    assert_true(ends(&second));
    assert_false(ends(&first));
    event(f, LLM_MESSAGES, "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":null}}");
    assert_false(seen.ends_all);
    event(f, LLM_MESSAGES, "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"x\"}}");
    assert_true(seen.ends_all);
    event(f, LLM_MESSAGES, "{\"type\":\"message_stop\"}");
    assert_true(seen.ends_all);
    event(f, LLM_MESSAGES,
          "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
          "\"signature_delta\",\"signature\":\"abc\"}}");
    assert_int_equal(seen.said.texts_count, 0);
    assert_false(seen.is_bare);
}

#define PLACE "\"item_id\":\"i\",\"output_index\":2,\"content_index\":1"

static void test_a_part_ends_with_its_done(void **state)
{
    struct fixture *f = *state;
    struct llm_text text = delta(f, LLM_RESPONSES,
                                 "{\"type\":\"response.output_text.delta\"," PLACE
                                 ",\"delta\":\"a\",\"logprobs\":[{\"token\":\"a\"}]}");
    assert_true(seen.is_bare);
    assert_int_equal(seen.said.drops_count, 1);
    expect_str(seen.said.drops[0].with, "[]");
    struct llm_text other = delta(f, LLM_RESPONSES,
                                  "{\"type\":\"response.output_text.delta\",\"output_index\":2,"
                                  "\"content_index\":0,\"delta\":\"a\"}");
    static const char *const done[] = {
        "{\"type\":\"response.output_text.done\"," PLACE ",\"text\":\"a\"}",
        "{\"type\":\"response.content_part.done\"," PLACE ",\"part\":{}}",
    };
    for (size_t i = 0; i < 2; i++) {
        event(f, LLM_RESPONSES, done[i]);
        assert_true(ends(&text));
        assert_false(ends(&other));
        assert_false(seen.is_bare);
    }
    event(f, LLM_RESPONSES, "{\"type\":\"response.refusal.done\"," PLACE ",\"refusal\":\"a\"}");
    assert_false(ends(&text));
    event(f, LLM_RESPONSES, "{\"type\":\"response.output_item.done\",\"output_index\":2}");
    assert_true(ends(&text));
    assert_true(ends(&other));
    event(f, LLM_RESPONSES, "{\"type\":\"response.output_item.done\",\"output_index\":1}");
    assert_false(ends(&text));
    event(f, LLM_RESPONSES, "{\"type\":\"response.incomplete\",\"sequence_number\": 12 }");
    assert_true(seen.ends_all);
    assert_int_equal(seen.sequence.to - seen.sequence.from, 2);
    struct llm_text call = delta(f, LLM_RESPONSES,
                                 "{\"type\":\"response.function_call_arguments.delta\","
                                 "\"output_index\":0,\"delta\":\"{\"}");
    event(f, LLM_RESPONSES,
          "{\"type\":\"response.function_call_arguments.done\",\"output_index\":0}");
    assert_true(ends(&call));
}

static void test_what_else_a_chunk_says(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *choice;
        bool is_bare;
    } cases[] = {
        {"\"delta\":{\"content\":\"a\"},\"finish_reason\":null", true},
        {"\"delta\":{\"content\":\"a\"},\"logprobs\":{\"content\":[{\"token\":\"a\"}]}", true},
        {"\"delta\":{\"role\":\"assistant\",\"content\":\"a\"}", false},
        {"\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"", false},
        {"\"delta\":{\"tool_calls\":[{\"index\":0,\"type\":\"function\",\"function\":"
         "{\"arguments\":\"a\"}}]}",
         true},
        {"\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":"
         "{\"arguments\":\"a\"}}]}",
         false},
        {"\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\"}}]}", false},
        {"\"delta\":{\"annotations\":[{\"url\":\"u\"}]}", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char chunk[300];
        snprintf(chunk, sizeof(chunk), "{\"id\":\"c\",\"choices\":[{\"index\":0,%s}]}",
                 cases[i].choice);
        assert_int_equal(event(f, LLM_CHAT, chunk)->is_bare, cases[i].is_bare);
    }
    assert_false(event(f, LLM_CHAT, CHUNK(""))->is_bare);
    assert_false(event(f, LLM_CHAT, "{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{}}")
                     ->is_bare);
    assert_true(
        event(f, LLM_COMPLETIONS, "{\"choices\":[{\"text\":\"a\"}],\"usage\":null}")->is_bare);
}

/* Some providers cut between the two halves of a pair. */
static void test_halves_of_pairs(void **state)
{
    struct fixture *f = *state;
    struct llm_text t = delta(f, LLM_COMPLETIONS, "{\"choices\":[{\"text\":\"a\\ud83d\"}]}");
    expect_str(t.value, "a");
    assert_int_equal(t.half_after, 0xd83d);
    assert_int_equal(t.half_before, 0);
    expect_str(seen.data, "{\"choices\":[{\"text\":\"a\\ufffd\"}]}");
    t = delta(f, LLM_COMPLETIONS, "{\"choices\":[{\"text\":\"\\uDE00b\\\\ud83d\"}]}");
    expect_str(t.value, "b\\ud83d");
    assert_int_equal(t.half_before, 0xde00);
    assert_int_equal(t.half_after, 0);
    t = delta(f, LLM_COMPLETIONS, "{\"choices\":[{\"text\":\"\\ud83d\"}]}");
    assert_int_equal(t.value.len, 0);
    assert_int_equal(t.half_after, 0xd83d);
    t = delta(f, LLM_COMPLETIONS, "{\"choices\":[{\"text\":\"\\ud83d\\ude00\"}]}");
    expect_str(t.value, "\xf0\x9f\x98\x80");
    assert_int_equal(t.half_before | t.half_after, 0);
    t = delta(f, LLM_COMPLETIONS, "{\"choices\":[{\"text\":\"a\\ude00\\ud83d\\ud83db\"}]}");
    expect_str(t.value, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                        "b");
    assert_int_equal(t.half_before | t.half_after, 0);
    assert_int_equal(
        llm_event_read(&f->arena, LLM_CHAT, STR("{\"a\":\"\\ud83g\"}"), &seen, &f->issue),
        ERR_SYNTAX);
}

static void expect_stub(struct fixture *f, const char *data, const char *pointer, const char *name,
                        const char *want)
{
    struct llm_stub stub;
    assert_int_equal(llm_event_stub(&f->arena, str_from(data), str_from(pointer), &stub), ERR_OK);
    expect_str(stub.name, name);
    struct llm_edit edits[] = {{stub.text, STR("\"REST\"")}, {stub.sequence, STR("9")}};
    buf_clear(&f->out);
    size_t count = stub.sequence.to > 0 ? 2 : 1;
    assert_int_equal(llm_edits_apply(&f->out, stub.data, edits, count), ERR_OK);
    expect_str(buf_str(&f->out), want);
}

static void test_stubs(void **state)
{
    struct fixture *f = *state;
    expect_stub(f,
                "{\"id\":\"c\",\"created\":1,\"choices\":[{\"index\":0,\"delta\":{\"content\":"
                "\"b\"}},{\"index\":1,\"delta\":{\"role\":\"assistant\",\"content\":\"a\","
                "\"tool_calls\":[{\"id\":\"x\"}]},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
                "\"usage\":{\"a\":1},\"obfuscation\":\"xx\"}",
                "/choices/1/delta/content", "",
                "{\"id\":\"c\",\"created\":1,\"choices\":[{\"index\":1,\"delta\":{\"content\":"
                "\"REST\"},\"logprobs\":null,\"finish_reason\":null}]}");
    expect_stub(
        f,
        "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"call\","
        "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}}]}",
        "/choices/0/delta/tool_calls/0/function/arguments", "",
        "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
        "\"type\":\"function\",\"function\":{\"arguments\":\"REST\"}}]}}]}");
    expect_stub(f,
                "{\"type\":\"content_block_start\",\"index\":3,\"content_block\":{\"type\":"
                "\"text\",\"text\":\"a\"}}",
                "/content_block/text", "content_block_delta",
                "{\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"text_delta\","
                "\"text\":\"REST\"}}");
    expect_stub(f,
                "{\"type\":\"response.output_text.delta\",\"sequence_number\":4," PLACE
                ",\"delta\":\"a\",\"logprobs\":[{\"token\":\"a\"}],\"obfuscation\":\"x\"}",
                "/delta", "response.output_text.delta",
                "{\"type\":\"response.output_text.delta\",\"sequence_number\":9," PLACE
                ",\"delta\":\"REST\",\"logprobs\":[]}");
    /* A piece of another string is said once only, and by nobody unread. */
    expect_stub(f,
                "{\"id\":\"c\",\"delta\":\"other\",\"text\":\"other\",\"choices\":[{\"index\":0,"
                "\"delta\":{\"content\":\"b\"}}]}",
                "/choices/0/delta/content", "",
                "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"REST\"}}]}");
    struct llm_stub stub;
    assert_int_equal(llm_event_stub(&f->arena, STR("{\"a\":[\"b\"]}"), STR("/a/1"), &stub),
                     ERR_NOT_FOUND);
    assert_int_equal(llm_event_stub(&f->arena, STR("{\"a\":\"b\"}"), STR("/c"), &stub),
                     ERR_NOT_FOUND);
}

static void test_event_write(void **state)
{
    struct fixture *f = *state;
    llm_event_write(&f->out, STR("ping"), STR("{\"a\":\n1}"));
    llm_event_write(&f->out, STR_NONE, STR("{}"));
    expect_str(buf_str(&f->out), "event: ping\ndata: {\"a\":\ndata: 1}\n\ndata: {}\n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_choice_ends_with_its_reason),
        TEST(test_a_block_ends_with_its_stop),
        TEST(test_a_part_ends_with_its_done),
        TEST(test_what_else_a_chunk_says),
        TEST(test_halves_of_pairs),
        TEST(test_stubs),
        TEST(test_event_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
