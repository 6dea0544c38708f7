/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON door: one row for every input that JSON parsers are known to disagree
 * about, one for every way to make a parser work too much, and what a refusal
 * says. Inputs are literals; the larger ones are made here.
 */
#include "test.h"

#include <stdlib.h>

static struct arena arena;
static struct issue issue;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)256 * 1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static enum err parse(struct str text, struct json_doc *doc)
{
    memset(&issue, 0, sizeof(issue));
    return json_parse(&arena, text, &json_limits_default, doc, &issue);
}

struct refusal {
    struct str text;
    const char *pointer;
    const char *says; /* part of the message */
    uint64_t offset;
};

static void assert_refusals(const struct refusal *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct json_doc doc = {0};
        assert_int_equal(parse(rows[i].text, &doc), ERR_SYNTAX);
        assert_null(doc.root);
        assert_string_equal(issue.pointer, rows[i].pointer);
        assert_non_null(strstr(issue.message, rows[i].says));
        assert_int_equal(issue.offset, rows[i].offset);
    }
}

/* D67-D69, D71: whichever parser stands behind us, it sees one value for a name. */
static void test_names_that_parsers_disagree_about(void **state)
{
    (void)state;
    const struct refusal rows[] = {
        {STR("{\"model\":\"allowed\",\"model\":\"banned\"}"), "/model", "duplicate", 19},
        {STR("{\"model\":\"allowed\",\"mod\\u0065l\":\"banned\"}"), "/model", "duplicate", 19},
        {STR("{\"messages\":[{},{\"content\":\"a\",\"content\":\"b\"}]}"), "/messages/1/content",
         "duplicate", 31},
        {STR("{\"tools\":[{\"function\":{\"name\":\"a\",\"name\":\"b\"}}]}"),
         "/tools/0/function/name", "duplicate", 34},
        {STR("{\"stream\":true,\"stream\":true}"), "/stream", "duplicate", 15},
        {STR("{\"a/b\":{\"~\":1,\"~\":2}}"), "/a~1b/~0", "duplicate", 14},
        {STR("{\"\":1,\"\":1}"), "/", "duplicate", 6},
        {STR("{\"model\\u0000\":\"banned\",\"model\":\"allowed\"}"), "/model?", "NUL", 1},
    };
    assert_refusals(rows, sizeof(rows) / sizeof(rows[0]));
}

/* D73-D79: bytes that lenient parsers let through. */
static void test_bytes_that_parsers_disagree_about(void **state)
{
    (void)state;
    const struct refusal rows[] = {
        {STR("{}{}"), "", "follows", 2},
        {STR("{\"a\":1}\0{\"a\":2}"), "", "follows", 7},
        {STR("\xEF\xBB\xBF{}"), "", "byte order mark", 0},
        {STR("{\0\"\0a\0"), "", "byte 1", 1},
        {STR(""), "", "empty", 0},
        {STR("[-01]"), "", "number", 2},
        {STR("[\"a\nb\"]"), "", "string", 3},
        {STR("[\"\xC1\xA1\"]"), "", "string", 2},
        {STR("[\"\xED\xA0\x80\"]"), "", "string", 2},
        {STR("[\"\xFF\"]"), "", "string", 2},
    };
    assert_refusals(rows, sizeof(rows) / sizeof(rows[0]));
    struct json_doc doc;
    static const char *const lenient[] = {
        "{} // x",
        "{'a':1}",
        "[1,]",
        "{\"a\":1,}",
        "[NaN]",
        "[Infinity]",
        "[+1]",
        "[.5]",
        "[0x10]",
        "[1e400]",
        "[\"\\ud800\"]",
        "[\"\\udc00\\ud800\"]",
        "[\"\\ud800\\ud800\"]",
        "[1.]",
        "[1e]",
    };
    for (size_t i = 0; i < sizeof(lenient) / sizeof(lenient[0]); i++) {
        assert_int_equal(parse(str_from(lenient[i]), &doc), ERR_SYNTAX);
        assert_true(issue.offset <= strlen(lenient[i]));
        assert_true(issue.message[0] != '\0');
    }
}

/* D70, D72, D88: accepted, and read without case folding or cutting at NUL. */
static void test_exact_names_and_values(void **state)
{
    (void)state;
    struct json_doc doc;
    assert_int_equal(parse(STR("{\"Model\":\"banned\",\"model\":\"allowed\"}"), &doc), ERR_OK);
    ASSERT_STR(json_str(json_get(doc.root, STR("model"))), "allowed");
    assert_null(json_get(doc.root, STR("MODEL")));
    assert_int_equal(parse(STR("{\"model\":\"allowed\\u0000banned\"}"), &doc), ERR_OK);
    ASSERT_STR(json_str(json_get(doc.root, STR("model"))), "allowed\0banned");
    assert_int_equal(parse(STR("{\"__proto__\":{\"model\":\"banned\"}}"), &doc), ERR_OK);
    assert_null(json_get(doc.root, STR("model")));
}

/* D76: what is read as a whole number was written as one. */
static void test_whole_numbers(void **state)
{
    (void)state;
    struct json_doc doc;
    int64_t v = 42;
    assert_int_equal(
        parse(STR("[0,-0,4294967297,-1,9223372036854775807,-9223372036854775808]"), &doc), ERR_OK);
    static const int64_t expected[] = {0, 0, 4294967297, -1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < 6; i++) {
        assert_true(json_int(yyjson_arr_get(doc.root, i), &v));
        assert_true(v == expected[i]);
    }
    v = 42;
    assert_int_equal(parse(STR("[1.0,1e2,1.5,\"100\",true,null,9223372036854775808,"
                               "99999999999999999999,-9223372036854775809]"),
                           &doc),
                     ERR_OK);
    for (size_t i = 0; i < 9; i++) {
        assert_false(json_int(yyjson_arr_get(doc.root, i), &v));
    }
    assert_true(v == 42);
}

static void test_reads_take_anything(void **state)
{
    (void)state;
    struct json_doc doc;
    int64_t v;
    assert_int_equal(parse(STR("{\"s\":\"x\",\"b\":false,\"a\":[],\"e\":\"\"}"), &doc), ERR_OK);
    assert_null(json_get(NULL, STR("a")));
    assert_null(json_get(doc.root, STR_NONE));
    assert_null(json_get(json_get(doc.root, STR("a")), STR("x")));
    assert_null(json_str(NULL).ptr);
    assert_null(json_str(doc.root).ptr);
    assert_non_null(json_str(json_get(doc.root, STR("e"))).ptr); /* empty is not absent */
    assert_true(json_bool(NULL, true));
    assert_false(json_bool(json_get(doc.root, STR("b")), true));
    assert_true(json_bool(json_get(doc.root, STR("s")), true));
    assert_false(json_int(NULL, &v));
}

/* D80: depth is a limit, not a stack. */
static void test_depth(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1024 * 1024);
    struct json_doc doc;
    for (int i = 0; i < 65; i++) {
        buf_add_byte(&b, '[');
    }
    for (int i = 0; i < 65; i++) {
        buf_add_byte(&b, ']');
    }
    assert_int_equal(parse(buf_str(&b), &doc), ERR_LIMIT);
    assert_non_null(strstr(issue.message, "64 levels"));
    assert_int_equal(parse(str_sub(buf_str(&b), 1, 129), &doc), ERR_OK);

    struct json_limits none = {.bytes_max = 100, .depth_max = 0, .values_max = 10};
    assert_int_equal(json_parse(&arena, STR("1"), &none, &doc, NULL), ERR_OK);
    assert_int_equal(json_parse(&arena, STR("[]"), &none, &doc, NULL), ERR_LIMIT);

    struct json_limits deep = {.bytes_max = 10000, .depth_max = 100000, .values_max = 10000};
    buf_clear(&b);
    for (int i = 0; i < 300; i++) {
        buf_add_byte(&b, '[');
    }
    for (int i = 0; i < 300; i++) {
        buf_add_byte(&b, ']');
    }
    assert_int_equal(json_parse(&arena, buf_str(&b), &deep, &doc, &issue), ERR_LIMIT);
    buf_clear(&b);
    for (int i = 0; i < 100000; i++) {
        buf_add(&b, STR("["));
    }
    assert_int_equal(parse(buf_str(&b), &doc), ERR_SYNTAX);
    buf_clear(&b);
    for (int i = 0; i < 100000; i++) {
        buf_add(&b, STR("{\"a\":"));
    }
    assert_int_equal(parse(buf_str(&b), &doc), ERR_SYNTAX);
    buf_fini(&b);
}

/* D81: width is a limit by count, also where the text is small. */
static void test_width(void **state)
{
    (void)state;
    struct json_doc doc;
    struct json_limits five = {.bytes_max = 100, .depth_max = 10, .values_max = 5};
    assert_int_equal(json_parse(&arena, STR("[1,2,3,4]"), &five, &doc, NULL), ERR_OK);
    assert_int_equal(json_parse(&arena, STR("[1,2,3,4,5]"), &five, &doc, &issue), ERR_LIMIT);
    assert_non_null(strstr(issue.message, "6 values"));

    struct buf b;
    buf_init(&b, 16 * 1024 * 1024);
    buf_add_byte(&b, '[');
    for (int i = 0; i < 3000000; i++) {
        buf_add(&b, STR("1,"));
    }
    buf_add(&b, STR("1]"));
    assert_int_equal(parse(buf_str(&b), &doc), ERR_LIMIT);
    assert_non_null(strstr(issue.message, "values"));
    buf_fini(&b);
}

static void test_bytes(void **state)
{
    (void)state;
    struct json_doc doc;
    struct json_limits limits = {.bytes_max = 4, .depth_max = 10, .values_max = 5};
    assert_int_equal(json_parse(&arena, STR("[12]"), &limits, &doc, NULL), ERR_OK);
    assert_int_equal(json_parse(&arena, STR("[123]"), &limits, &doc, &issue), ERR_LIMIT);
    assert_non_null(strstr(issue.message, "5 bytes; at most 4"));

    /* An arena that is too small is a limit, too. */
    struct arena small;
    arena_init(&small, 128);
    assert_int_equal(json_parse(&small, STR("[1,2,3]"), &json_limits_default, &doc, &issue),
                     ERR_LIMIT);
    assert_non_null(strstr(issue.message, "memory"));
    arena_fini(&small);
}

/* D82: many names cost n log n whatever they are; the first duplicate in the text is
 * named. */
static void test_objects_with_many_names(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 16 * 1024 * 1024);
    struct json_doc doc;
    for (int names = 1; names < 40; names++) {
        for (int twice = -1; twice < names; twice += 1 + names / 4) {
            buf_clear(&b);
            buf_add_byte(&b, '{');
            for (int i = 0; i < names; i++) {
                buf_printf(&b, "\"%d\":[{}],", i * 7919 % 1000);
            }
            uint64_t offset = b.len;
            buf_printf(&b, "\"%d\":0}", twice < 0 ? -1 : twice * 7919 % 1000);
            assert_int_equal(parse(buf_str(&b), &doc), twice < 0 ? ERR_OK : ERR_SYNTAX);
            if (twice >= 0) {
                assert_true(issue.offset == offset);
            }
        }
    }
    buf_clear(&b);
    buf_add_byte(&b, '{');
    for (int i = 0; i < 300000; i++) {
        buf_printf(&b, "\"%06x\":1,", (unsigned)((i * 2654435761U) & 0xFFFFFF));
    }
    buf_add(&b, STR("\"x\":1}"));
    assert_int_equal(parse(buf_str(&b), &doc), ERR_OK);
    buf_fini(&b);
}

static void test_long_pointer_is_left_out(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10000);
    struct json_doc doc;
    buf_add(&b, STR("{\""));
    for (int i = 0; i < 300; i++) {
        buf_add_byte(&b, 'k');
    }
    buf_add(&b, STR("\":{\"a\":1,\"a\":2}}"));
    assert_int_equal(parse(buf_str(&b), &doc), ERR_SYNTAX);
    assert_string_equal(issue.pointer, "");
    assert_true(issue.offset == 311);
    buf_fini(&b);
}

/* The copy gives back what the estimate took too much of. */
static void test_memory_is_in_proportion(void **state)
{
    (void)state;
    size_t len = 1024 * 1024;
    char *text = malloc(len);
    memset(text, 'a', len);
    text[0] = '"';
    text[len - 1] = '"';
    struct json_doc doc;
    size_t before = arena.used_bytes;
    assert_int_equal(parse((struct str){text, len}, &doc), ERR_OK);
    assert_true(arena.used_bytes - before < len + 1024);
    assert_int_equal(json_str(doc.root).len, len - 2);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_that_parsers_disagree_about),
        cmocka_unit_test(test_bytes_that_parsers_disagree_about),
        cmocka_unit_test(test_exact_names_and_values),
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_reads_take_anything),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_objects_with_many_names),
        cmocka_unit_test(test_long_pointer_is_left_out),
        cmocka_unit_test(test_memory_is_in_proportion),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
