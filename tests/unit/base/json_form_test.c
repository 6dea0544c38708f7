/* SPDX-License-Identifier: Apache-2.0
 *
 * Forms of documents: what of other strings and numbers is read by the form of an earlier
 * document, that this is what the parser says of it (tests/support/json_same.h), that all
 * else goes to the parser, and that no form keeps what a string said.
 */
#include "test.h"

#include <stdlib.h>

#include "../../support/json_same.h"

static struct arena arena;
static struct buf text;
static struct json_form form;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)64 * 1024 * 1024);
    buf_init(&text, (size_t)1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    buf_fini(&text);
    return 0;
}

static bool learn(struct str s)
{
    struct json_doc doc;
    arena_reset(&arena);
    assert_int_equal(json_parse(&arena, s, &json_limits_default, &doc, NULL), ERR_OK);
    return json_form_learn(&form, &doc);
}

/* Whether the form reads it; and then the same as the parser. In memory of its own, so that
 * a sanitizer finds what is read behind its end. */
static bool is_read(struct str s)
{
    bool ret;
    char *exact = malloc(s.len == 0 ? 1 : s.len);
    assert_non_null(exact);
    memcpy(exact, s.ptr, s.len);
    arena_reset(&arena);
    const char *wrong = json_same_form(&arena, &form, (struct str){exact, s.len}, &ret);
    free(exact);
    assert_true(ret || arena.used_bytes == 0);
    if (wrong != NULL) {
        fail_msg("%s: %.*s", wrong, STR_ARG(s));
    }
    return ret;
}

#define ASK(model, tokens, said)                                                                   \
    "{\"model\": \"" model "\",\"max_tokens\":" tokens ",\"stream\":false,\"x\":{},"               \
    "\"messages\":[{\"role\":\"user\",\n\"content\":\"" said "\"}]}"

static void test_other_strings_and_numbers(void **state)
{
    (void)state;
    assert_true(learn(STR(ASK("m", "5", "hello"))));
    assert_true(is_read(STR(ASK("m", "5", "hello"))));
    assert_true(is_read(STR(ASK("", "0", ""))));
    assert_true(is_read(STR(ASK("m\xc3\xa9\xf0\x9f\x98\x80", "4096", "x"))));
    assert_true(is_read(STR(ASK("\\u00e9\\n", "999999999999999999", "\\ud83d\\ude00 \\\"x\\\" "))));
    assert_true(is_read(STR(ASK("\\\\", "0.5", "\\\\\\\""))));
    static const struct str others[] = {
        STR_INIT(ASK("m", "-5", "x")),      STR_INIT(ASK("m", "05", "x")),
        STR_INIT(ASK("m", "5 ", "x")),      STR_INIT(ASK("m", "", "x")),
        STR_INIT(ASK("m", "null", "x")),    STR_INIT(ASK("m", "\"5\"", "x")),
        STR_INIT(ASK("m", "1e5", "x")),     STR_INIT(ASK("m", "1.", "x")),
        STR_INIT(ASK("m", ".5", "x")),      STR_INIT(ASK("m", "9999999999999999999", "x")),
        STR_INIT(ASK("m\n", "5", "x")),     STR_INIT(ASK("m", "5", "\x1f")),
        STR_INIT(ASK("m", "5", "\xc3")),    STR_INIT(ASK("\xff", "5", "x")),
        STR_INIT(ASK("m", "5", "\\ud83d")), STR_INIT(ASK("m", "5", "\\x \xff")),
        STR_INIT(ASK("m", "5", "\\n\xc3")), STR_INIT(ASK("m", "5", "\\")),
        STR_INIT(ASK("m", "5", "\"")),      STR_INIT(ASK("m", "5", "x\",\"y\":\"z")),
        STR_INIT("{\"model\": \"m\"}"),     STR_INIT(""),
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(is_read(others[i]));
    }
}

/* Names, words, blanks and brackets are of the form: any byte of them that is another, is
 * missing or is one too many. */
static void test_every_byte(void **state)
{
    (void)state;
    static const char bytes[] = "\"\\,:]}{[ 0e.-a\x01\x80\xe2";
    const struct str a = STR(ASK("m\\n", "5.25", "h\xc3\xa9llo, you"));
    const struct str b = STR(ASK("gpt", "17", "hi"));
    for (size_t at = 0; at <= b.len; at++) {
        for (size_t i = 0; i < sizeof(bytes); i++) { /* its NUL as well */
            assert_true(learn(a));
            buf_clear(&text);
            buf_add(&text, b);
            assert_true(buf_replace(&text, at, 0, (struct str){&bytes[i], 1}));
            (void)is_read(buf_str(&text));
            if (at < b.len) {
                assert_true(buf_replace(&text, at, 2, (struct str){&bytes[i], 1}));
                (void)is_read(buf_str(&text));
            }
        }
        (void)is_read(str_sub(b, 0, at));
        (void)is_read(str_sub(b, at, b.len));
    }
}

/* Across all places in blocks of 64 bytes, and short of the end. */
static void test_every_length(void **state)
{
    (void)state;
    static const char *const inner[] = {"", "\\n", "\xe2\x82\xac", "\\u20ac\xe2\x82\xac", "\x1f"};
    assert_true(learn(STR("[\"a\",{\"k\":\"b\"}]")));
    for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
        for (size_t before = 0; before <= 300; before++) {
            buf_clear(&text);
            buf_add(&text, STR("[\""));
            for (size_t k = 0; k < before; k++) {
                buf_add_byte(&text, 'x');
            }
            buf_add(&text, str_from(inner[i]));
            buf_add(&text, STR("yyy\",{\"k\":\""));
            buf_add(&text, str_from(inner[i]));
            buf_add(&text, STR("\"}]"));
            assert_int_equal(is_read(buf_str(&text)), i < 4);
        }
    }
}

static void test_numbers(void **state)
{
    (void)state;
    static const char *const numbers[] = {
        "0",
        "1",
        "10",
        "123456789012345678",
        "0.0",
        "0.1",
        "0.7",
        "1.0",
        "3.14",
        "0.3",
        "99.9",
        "0.000000000000001",
        "123456.789012345",
        "900719925474099.1",
        "9007199254740993.1",
        "900719925474099.25",
        "0.30000000000000004",
        "1.7976931348623157",
        "5.00000000000000000000",
        "-0",
        "-1",
        "1e2",
        "1E+2",
        "0.5e-3",
        "18446744073709551615",
        "12345678901234567890123",
        "00",
        "0x1",
        "1..2",
        "0.",
    };
    assert_true(learn(STR("{\"n\":7}")));
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        buf_clear(&text);
        buf_printf(&text, "{\"n\":%s}", numbers[i]);
        assert_true(is_read(buf_str(&text)) == (i < 13));
    }
    for (unsigned whole = 0; whole < 40; whole++) {
        for (unsigned part = 0; part < 1000; part += 7) {
            buf_clear(&text);
            buf_printf(&text, "{\"n\":%u.%03u}", whole * 7919, part);
            assert_true(is_read(buf_str(&text)));
        }
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct json_doc doc;
    const struct str s = STR("{\"a\":[[\"b\\n\",1]]}");
    assert_true(learn(s));
    const struct json_limits enough = {s.len, 3, 6};
    const struct json_limits too_small[] = {{s.len - 1, 3, 6}, {s.len, 2, 6}, {s.len, 3, 5}};
    assert_int_equal(json_parse(&arena, s, &enough, &doc, NULL), ERR_OK);
    assert_true(json_form_read(&form, &arena, s, &enough, &doc));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(json_parse(&arena, s, &too_small[i], &doc, NULL), ERR_LIMIT);
        assert_false(json_form_read(&form, &arena, s, &too_small[i], &doc));
    }
    /* Without memory for the values, the list or what strings say. */
    for (size_t bytes = 0; bytes < 2; bytes++) {
        struct arena none;
        arena_init(&none, bytes);
        assert_false(json_form_read(&form, &none, s, &enough, &doc));
        arena_fini(&none);
    }
}

static void test_not_learnt(void **state)
{
    (void)state;
    assert_false(learn(STR("1")));
    assert_false(learn(STR("\"a\"")));
    assert_false(learn(STR("{\"\\u0061\":1}")));
    assert_false(is_read(STR("{\"a\":1}")));
    buf_clear(&text);
    buf_add(&text, STR("[0"));
    for (unsigned i = 0; i < JSON_FORM_VALUES - 2; i++) {
        buf_add(&text, STR(",0"));
    }
    buf_add(&text, STR("]"));
    assert_true(learn(buf_str(&text)));
    assert_true(is_read(buf_str(&text)));
    assert_true(buf_replace(&text, 1, 0, STR("1,")));
    assert_false(learn(buf_str(&text)));
    for (size_t len = JSON_FORM_BYTES - 5; len <= JSON_FORM_BYTES - 4; len++) {
        buf_clear(&text);
        buf_add(&text, STR("{\""));
        for (size_t i = 0; i < len; i++) {
            buf_add_byte(&text, 'n');
        }
        buf_add(&text, STR("\":0}"));
        assert_int_equal(learn(buf_str(&text)), len == JSON_FORM_BYTES - 5);
        assert_int_equal(is_read(buf_str(&text)), len == JSON_FORM_BYTES - 5);
    }
}

/* It lives longer than the request. */
static void test_keeps_no_contents(void **state)
{
    (void)state;
    memset(&form, 0, sizeof(form));
    assert_true(learn(STR("{\"name\":\"SECRET\",\"n\":[123456789,\"SECRET\\n\",0.123456789]}")));
    const char *all = (const char *)&form;
    const uint64_t number = 123456789;
    for (size_t i = 0; i + 8 <= sizeof(form); i++) {
        assert_memory_not_equal(all + i, "SECRE", 5);
        assert_memory_not_equal(all + i, "12345", 5);
        assert_memory_not_equal(all + i, &number, sizeof(number));
    }
    assert_int_equal(str_find_str((struct str){form.bytes, form.len}, STR("name")), 2);
}

/* Through the door: several forms at once, what is refused, and what is never the same. */
static void test_door(void **state)
{
    (void)state;
    struct json_doc doc;
    struct issue issue;
    struct json_forms *forms = json_forms_new();
    assert_non_null(forms);
    static const struct str kinds[] = {
        STR_INIT("{\"a\":\"x\"}"),
        STR_INIT("{\"a\":[\"x\"]}"),
        STR_INIT("{\"b\":1}"),
    };
    unsigned known = 0;
    for (unsigned i = 0; i < 300; i++) {
        struct str s = kinds[i % 3];
        assert_int_equal(json_parse_like(forms, &arena, s, &json_limits_default, &doc, &issue),
                         ERR_OK);
        known += doc.shortened == s.ptr;
        assert_int_equal(
            json_parse_like(forms, &arena, STR("{\"a\":\"x}"), &json_limits_default, &doc, &issue),
            ERR_SYNTAX);
        assert_int_equal(issue.offset, 8);
    }
    assert_true(known > 280);
    for (unsigned i = 0; i < 3000; i++) { /* then hardly anything is looked at */
        buf_clear(&text);
        buf_printf(&text, "{\"n%u\":1}", i);
        assert_int_equal(
            json_parse_like(forms, &arena, buf_str(&text), &json_limits_default, &doc, &issue),
            ERR_OK);
        assert_true(doc.shortened != text.ptr);
    }
    known = 0;
    for (unsigned i = 0; i < 130; i++) { /* but enough to find out when that changes */
        assert_int_equal(
            json_parse_like(forms, &arena, kinds[0], &json_limits_default, &doc, &issue), ERR_OK);
        known += doc.shortened == kinds[0].ptr;
    }
    assert_true(known > 0);
    assert_int_equal(json_parse_like(NULL, &arena, kinds[0], &json_limits_default, &doc, NULL),
                     ERR_OK);
    json_forms_free(forms);
    json_forms_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_strings_and_numbers),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_not_learnt),
        cmocka_unit_test(test_keeps_no_contents),
        cmocka_unit_test(test_door),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
