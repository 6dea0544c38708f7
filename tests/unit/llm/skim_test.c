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
        assert_true(llm_skim_object(str_from(good[i]), NULL, &seen));
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
        if (llm_skim_object(str_from(bad[i]), NULL, &seen)) {
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
        assert_int_equal(llm_skim_object((struct str){text, len}, NULL, &seen), depth <= 64);
    }
}

static void test_notes(void **state)
{
    (void)state;
    struct llm_skim seen;
    assert_true(llm_skim_object(STR("{\"usage\":null,\"finish_reason\" : null,\"error\":null}"),
                                NULL, &seen));
    assert_false(seen.has_usage || seen.has_error || seen.has_finish);
    assert_true(llm_skim_object(STR("{\"x\":{\"usage\":{}},\"finish_reason\":\"stop\"}"), NULL,
                                &seen));
    assert_true(seen.has_usage && seen.has_finish && !seen.has_error);
    assert_true(llm_skim_object(STR("{\"err\\u006fr\":1}"), NULL, &seen));
    assert_true(seen.has_error);
    assert_true(llm_skim_object(STR("{\"a\":\"\\\"usage\\\":1 error\"}"), NULL, &seen));
    assert_false(seen.has_usage || seen.has_error || seen.has_finish);
}

/* Of the outer object only, and only a string. */
static void test_the_model(void **state)
{
    (void)state;
    static const struct {
        const char *text, *model;
    } cases[] = {
        {"{\"model\":\"m\"}", "\"m\""},
        {" { \"a\" : \"model\" , \"model\" : \"m\\\"n\" , \"b\":1}", "\"m\\\"n\""},
        {"{\"a\":[{\"model\":\"x\"}],\"model\":\"\"}", "\"\""},
        {"{\"model\":\"a\",\"model\":\"b\"}", "\"b\""},
        {"{\"a\":{\"model\":\"x\"}}", ""},
        {"{\"model\":null,\"a\":\"b\"}", ""},
        {"{\"model\":[\"x\"]}", ""},
        {"{\"Model\":\"x\"}", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_skim seen;
        struct str text = str_from(cases[i].text);
        assert_true(llm_skim_object(text, NULL, &seen));
        expect_str(str_sub(text, seen.model.from, seen.model.to), cases[i].model);
    }
}

/* What was read before must not change what is seen: with it and without it the same. */
static void expect_same(struct str first, struct str second)
{
    struct llm_skim_memo memo = {0};
    struct llm_skim with, without, ignored;
    (void)llm_skim_object(first, &memo, &ignored);
    bool is_good = llm_skim_object(second, NULL, &without);
    assert_int_equal(llm_skim_object(second, &memo, &with), is_good);
    if (is_good) {
        assert_memory_equal(&with, &without, sizeof(with));
        assert_true(llm_skim_object(second, &memo, &with));
        assert_memory_equal(&with, &without, sizeof(with));
    }
}

static void test_the_last_one_changes_nothing(void **state)
{
    (void)state;
    static const char *const events[] = {
        "{\"id\":\"c1\",\"choices\":[{\"delta\":{\"content\":\"You\"},\"finish_reason\":null}]}",
        "{\"id\":\"c1\",\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":null}]}",
        "{\"id\":\"c1\",\"choices\":[{\"delta\":{\"content\":\"a \\\"b\\\\\"},\"finish\":2}]}",
        "{\"id\":\"c1\",\"choices\":[{\"delta\":{\"content\":\"z\\u00fc\\u20ac\"},\"usage\":{}}]}",
        "{\"id\":\"c2\",\"choices\":[{\"delta\":{\"conten\":\"t\"},\"error\":\"finish_reason\"}]}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"t\",\"text\":\" b\"}}",
        "{\"a\":\"b\",\"c\":\"d\"}",
        "{\"a\":\"b\",\"model\":\"g\",\"c\":{\"model\":\"d\"}}",
        "{\"a\":\"bc\",\"model\":\"gh\",\"c\":{\"model\":\"d\"}}",
        "{\"model\":{\"model\":\"x\"},\"a\":\"b\"}",
        "{\"usage\":\"b\"}",
        "{\"delta\":\"b\",\"sequence_number\":12,\"x\":[1,-2.5e3]}",
        "{\"delta\":\"\",\"sequence_number\":9,\"x\":[1,-2.5e3]}",
        "{}",
        "[]",
    };
    enum { COUNT = sizeof(events) / sizeof(events[0]) };
    static const char bytes[] = {'"', '\\', 'n', 'u', '{', '}', '[', ',', ':', ' ', '1',
                                 '\n', '\0', '\x1f', '\x7f', '\xc3', '\xbc', '\x80'};
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < COUNT; j++) {
            expect_same(str_from(events[i]), str_from(events[j]));
        }
        /* One byte replaced, put in, taken out, at every place. */
        size_t len = strlen(events[i]);
        for (size_t at = 0; at <= len; at++) {
            char text[256];
            for (size_t k = 0; k < sizeof(bytes); k++) {
                memcpy(text, events[i], at);
                text[at] = bytes[k];
                memcpy(text + at + 1, events[i] + at, len - at);
                expect_same(str_from(events[i]), (struct str){text, len + 1});
                if (at < len) {
                    memcpy(text + at + 1, events[i] + at + 1, len - at - 1);
                    expect_same(str_from(events[i]), (struct str){text, len});
                }
            }
            if (at < len) {
                memcpy(text, events[i], at);
                memcpy(text + at, events[i] + at + 1, len - at - 1);
                expect_same(str_from(events[i]), (struct str){text, len - 1});
            }
            expect_same(str_from(events[i]), (struct str){events[i], at});
        }
    }
}

/* A whole stream by one memory: texts that vary together, by turns and not at all, the
 * model's name among them; what is no JSON is refused in each of them. */
static void test_texts_that_vary(void **state)
{
    (void)state;
    static const char *const values[] = {
        "a",  "bcdefghijk", "",    "\\n\\u00e9", "\xc3\xbc\xe2\x82\xac",
        "\"", "\xc3",       "\\x", "\x1f",       "b\",\"a\":\"c"};
    enum { COUNT = sizeof(values) / sizeof(values[0]) };
    struct llm_skim_memo memo = {0};
    unsigned varied = 0;
    for (size_t i = 0; i < (size_t)COUNT * COUNT * COUNT; i++) {
        size_t k = i * 389 % ((size_t)COUNT * COUNT * COUNT); /* in no order */
        char text[256];
        snprintf(text, sizeof(text),
                 "{\"id\":\"c1\",\"b\":[\"%s\"],\"model\":\"%s\",\"c\":[{\"d\":\"%s\"}],\"n\":0}",
                 values[k / COUNT % COUNT], values[k / COUNT / COUNT], values[k % COUNT]);
        struct llm_skim with, without;
        bool is_good = llm_skim_object(str_from(text), NULL, &without);
        assert_int_equal(llm_skim_object(str_from(text), &memo, &with), is_good);
        if (is_good) {
            assert_memory_equal(&with, &without, sizeof(with));
        }
        varied |= memo.varying;
    }
    assert_int_equal(varied & 14, 14);
}

static const char *a_number(size_t k, bool is_good)
{
    static const char *const good[] = {"0", "9", "10", "11", "109", "1.5", "-3e+2"};
    static const char *const other[] = {"01",   "1.", "-",     "",   "1 ",      "1a",
                                        "null", "2,", "\"1\"", "{}", "1}{\"n", "+1"};
    return is_good ? good[k % 7] : other[k % 12];
}

/* So do numbers, a text beside them; what is no number is refused in each of them. */
static void test_numbers_that_vary(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "b", "1,\\\"n\\\":2"};
    struct llm_skim_memo memo = {0};
    unsigned varied = 0, refused = 0;
    for (size_t i = 0; i < 20000; i++) {
        char text[256];
        snprintf(text, sizeof(text),
                 "{\"n\":%s,\"t\":\"%s\",\"model\":\"m\",\"a\":[7,%s],\"end\":%s}",
                 a_number(i * 389, i % 5 != 4), texts[i / 7 % 3], a_number(i / 3, i % 11 != 7),
                 a_number(i / 2, i % 13 != 9));
        struct llm_skim with, without;
        bool is_good = llm_skim_object(str_from(text), NULL, &without);
        assert_int_equal(llm_skim_object(str_from(text), &memo, &with), is_good);
        if (is_good) {
            assert_memory_equal(&with, &without, sizeof(with));
        }
        refused += is_good ? 0 : 1;
        varied |= memo.varying;
    }
    assert_int_equal(varied, 0x33); /* not the model, not 7 */
    assert_true(refused > 1000);
}

/* An event whose number counts is known by the one before: it is not kept anew. */
static void test_a_number_that_counts(void **state)
{
    (void)state;
    struct llm_skim_memo memo = {0};
    struct llm_skim seen;
    for (unsigned i = 0; i < 120; i++) {
        char text[256];
        snprintf(text, sizeof(text),
                 "{\"type\":\"response.output_text.delta\",\"delta\":\"t%u\","
                 "\"sequence_number\":%u}", i * 7, i);
        assert_true(llm_skim_object(str_from(text), &memo, &seen));
    }
    assert_int_equal(memo.varying, 6);
    assert_non_null(strstr(memo.bytes, "\"sequence_number\":0}"));
}

/* Too long to be kept, and more texts than are kept. */
static void test_large_events(void **state)
{
    (void)state;
    struct buf large;
    buf_init(&large, 4096);
    for (int texts = 10; texts < 90; texts += 10) {
        for (int i = 0; i < 3; i++) {
            buf_clear(&large);
            for (int k = 0; k < texts; k++) {
                buf_printf(&large, "%c\"k%d\":\"%d\"", k == 0 ? '{' : ',', k,
                           k == texts - 1 ? i : 7);
            }
            buf_add(&large, i == 2 ? STR("") : STR("}"));
            expect_same(STR("{\"k0\":\"7\"}"), buf_str(&large));
            struct llm_skim_memo memo = {0};
            struct llm_skim seen;
            assert_int_equal(llm_skim_object(buf_str(&large), &memo, &seen), i < 2);
            assert_int_equal(llm_skim_object(buf_str(&large), &memo, &seen), i < 2);
        }
    }
    buf_fini(&large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_accepts),         TEST(test_refuses),     TEST(test_depth),
        TEST(test_notes),           TEST(test_the_model),   TEST(test_the_last_one_changes_nothing),
        TEST(test_texts_that_vary), TEST(test_numbers_that_vary), TEST(test_a_number_that_counts),
        TEST(test_large_events)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
