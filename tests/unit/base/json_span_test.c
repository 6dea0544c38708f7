/* SPDX-License-Identifier: Apache-2.0
 *
 * Spans point into the original text, whatever escapes stand in or before the
 * value, and a member that is cut out leaves an object.
 */
#include "test.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct json_doc parse(struct str text)
{
    struct json_doc doc;
    assert_int_equal(json_parse(&arena, text, &json_limits_default, &doc, NULL), ERR_OK);
    return doc;
}

static struct str raw(const struct json_doc *doc, struct json_span span)
{
    return str_sub(doc->text, span.from, span.to);
}

static yyjson_val *key_named(yyjson_val *object, struct str name)
{
    size_t index;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    yyjson_obj_foreach(object, index, count, key, value)
    {
        (void)value;
        if (str_eq(json_str(key), name)) {
            return key;
        }
    }
    return NULL;
}

static void test_strings_with_escapes(void **state)
{
    (void)state;
    struct json_doc doc =
        parse(STR("[\"\\u0041\\\\\",\"\",\"a\\\"b\",\"\\\\\\\\\", \"\\ud83d\\ude00\"]"));
    ASSERT_STR(raw(&doc, json_span_of_string(&doc, yyjson_arr_get(doc.root, 0))),
               "\"\\u0041\\\\\"");
    ASSERT_STR(raw(&doc, json_span_of_string(&doc, yyjson_arr_get(doc.root, 1))), "\"\"");
    ASSERT_STR(raw(&doc, json_span_of_string(&doc, yyjson_arr_get(doc.root, 2))), "\"a\\\"b\"");
    ASSERT_STR(raw(&doc, json_span_of_string(&doc, yyjson_arr_get(doc.root, 3))), "\"\\\\\\\\\"");
    ASSERT_STR(raw(&doc, json_span_of_string(&doc, yyjson_arr_get(doc.root, 4))),
               "\"\\ud83d\\ude00\"");
}

static void test_not_of_the_document(void **state)
{
    (void)state;
    struct json_doc doc = parse(STR("[1,\"a\"]"));
    struct json_doc other = parse(STR("\"a\""));
    assert_int_equal(json_span_of_string(&doc, yyjson_arr_get(doc.root, 0)).to, 0);
    assert_int_equal(json_span_of_string(&doc, NULL).to, 0);
    assert_int_equal(json_span_of_string(&doc, other.root).to, 0);
    assert_int_equal(json_span_of_member(&doc, NULL).to, 0);
    assert_int_equal(json_span_of_member_value(&doc, doc.root).to, 0);
}

static void test_member_values(void **state)
{
    (void)state;
    struct json_doc doc = parse(STR("{\"a\" : [1,{\"x\":\"]}\"}] ,\"b\":-1.5e3,\"c\":true\n,"
                                    "\"d\":{},\"e\":\"s\\\"\",\"f\":null}"));
    static const struct {
        struct str name;
        struct str value;
    } rows[] = {
        {STR_INIT("a"), STR_INIT("[1,{\"x\":\"]}\"}]")},
        {STR_INIT("b"), STR_INIT("-1.5e3")},
        {STR_INIT("c"), STR_INIT("true")},
        {STR_INIT("d"), STR_INIT("{}")},
        {STR_INIT("e"), STR_INIT("\"s\\\"\"")},
        {STR_INIT("f"), STR_INIT("null")},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        yyjson_val *key = key_named(doc.root, rows[i].name);
        assert_true(str_eq(raw(&doc, json_span_of_member_value(&doc, key)), rows[i].value));
    }
}

static void test_cutting_a_member(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        struct str rest;
    } rows[] = {
        {STR_INIT("{\"x\":1}"), STR_INIT("{}")},
        {STR_INIT("{ \"x\" : 1 }"), STR_INIT("{  }")},
        {STR_INIT("{\"x\":1,\"b\":2}"), STR_INIT("{\"b\":2}")},
        {STR_INIT("{\"a\":0 , \"x\":[1,2] }"), STR_INIT("{\"a\":0  }")},
        {STR_INIT("{\"a\":0,\"x\":\",}\" ,\"b\":2}"), STR_INIT("{\"a\":0,\"b\":2}")},
        {STR_INIT("{\"a\":\"x\",\"\\u0078\":{\"x\":1}}"), STR_INIT("{\"a\":\"x\"}")},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json_doc doc = parse(rows[i].text);
        struct json_span span = json_span_of_member(&doc, key_named(doc.root, STR("x")));
        struct buf b;
        buf_init(&b, 1000);
        buf_add(&b, str_sub(doc.text, 0, span.from));
        buf_add(&b, str_sub(doc.text, span.to, doc.text.len));
        assert_true(str_eq(buf_str(&b), rows[i].rest));
        parse(buf_str(&b));
        buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings_with_escapes),
        cmocka_unit_test(test_not_of_the_document),
        cmocka_unit_test(test_member_values),
        cmocka_unit_test(test_cutting_a_member),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
