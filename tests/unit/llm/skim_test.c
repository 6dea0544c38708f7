/* SPDX-License-Identifier: Apache-2.0
 *
 * The one-pass recogniser against the real JSON reader: whatever it takes, the
 * reader takes too (duplicate names and lone surrogates apart, which pass unread).
 */
#include "../../../src/core/llm/llm_private.h"
#include "llm_util.h"

static void test_accepts(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{}",
        " { } ",
        "{\"a\":[]}",
        "{\"a\":[{}],\"b\":{\"c\":[[],[1,2]]}}",
        "{\"a\":-0.5e+10,\"b\":true,\"c\":false,\"d\":null,\"e\":0}",
        "{\"a\":\"\\u00e9\\n\\\\\\\"\\/\",\"\xc3\xa9\":\"\xf0\x9f\x98\x80\"}",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct llm_skim seen;
        assert_true(llm_skim_object(str_from(good[i]), &seen));
    }
}

static void test_refuses(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "",
        " ",
        "[]",
        "1",
        "\"a\"",
        "null",
        "{",
        "}",
        "{}{}",
        "{}x",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":[1,]}",
        "{\"a\":[,]}",
        "{\"a\":1]",
        "{\"a\":[1}",
        "{a:1}",
        "{\"a\":tru}",
        "{\"a\":nul",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":1e}",
        "{\"a\":-}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u12",
        "{\"a\":\"",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{'a':1}",
        "{\"a\":NaN}",
        "{\"a\":[]]}",
        "{\"a\":{}}}",
        "<html>",
        "{\"a\":\"b\"} trailing",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct llm_skim seen;
        struct json_doc doc;
        if (llm_skim_object(str_from(bad[i]), &seen)) {
            print_error("taken: %s\n", bad[i]);
            fail();
        }
        enum err err =
            json_parse(&f->arena, str_from(bad[i]), &json_limits_default, &doc, &f->issue);
        assert_true(err != ERR_OK || !yyjson_is_obj(doc.root));
    }
}

static void test_depth(void **state)
{
    (void)state;
    char text[300];
    for (int depth = 62; depth <= 66; depth++) {
        size_t len = 0;
        memcpy(text, "{\"a\":", 5);
        len = 5;
        memset(text + len, '[', (size_t)depth - 1);
        len += (size_t)depth - 1;
        memset(text + len, ']', (size_t)depth - 1);
        len += (size_t)depth - 1;
        text[len++] = '}';
        struct llm_skim seen;
        assert_int_equal(llm_skim_object((struct str){text, len}, &seen), depth <= 64);
    }
}

static void test_notes(void **state)
{
    (void)state;
    struct llm_skim seen;
    assert_true(
        llm_skim_object(STR("{\"usage\":null,\"finish_reason\" : null,\"error\":null}"), &seen));
    assert_false(seen.has_usage || seen.has_error || seen.has_finish);
    assert_true(llm_skim_object(STR("{\"x\":{\"usage\":{}},\"finish_reason\":\"stop\"}"), &seen));
    assert_true(seen.has_usage && seen.has_finish && !seen.has_error);
    assert_true(llm_skim_object(STR("{\"err\\u006fr\":1}"), &seen));
    assert_true(seen.has_error);
    assert_true(llm_skim_object(STR("{\"a\":\"\\\"usage\\\":1 error\"}"), &seen));
    assert_false(seen.has_usage || seen.has_error || seen.has_finish);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_accepts), TEST(test_refuses), TEST(test_depth),
                                       TEST(test_notes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
