/* SPDX-License-Identifier: Apache-2.0
 *
 * The protocol with an external recogniser: what is sent, byte for byte; characters
 * counted into bytes; and every way in which an answer can be wrong refuses all of it.
 */
#include "test.h"

#include "portcullis/recognise.h"

#include <stdio.h>
#include <stdlib.h>

static const struct str types[] = {STR_INIT("person"), STR_INIT("location")};
static const struct str texts[] = {STR_INIT("Ada met Jos\xc3\xa9 in \xe6\x9d\xb1\xe4\xba\xac"),
                                   STR_INIT("say \"hi\"\n"), STR_INIT("\xf0\x9f\x98\x80 Bob")};
static const struct recognise_ask ask = {types, 2, texts, 3};

struct answer {
    struct arena arena;
    struct recognise_finding *list;
    size_t count;
    struct issue issue;
};

static enum err read(struct answer *a, const char *text)
{
    memset(a, 0, sizeof(*a));
    arena_init(&a->arena, 64U << 20);
    return recognise_answer_read(&a->arena, str_from(text), &ask, &a->list, &a->count, &a->issue);
}

static void assert_finding(const struct answer *a, size_t i, const char *text, unsigned type)
{
    const struct recognise_finding *f = &a->list[i];
    struct str found = str_sub(texts[f->text], f->start, f->end);
    assert_true(i < a->count);
    assert_int_equal(f->type, type);
    assert_int_equal(found.len, strlen(text));
    assert_memory_equal(found.ptr, text, found.len);
}

static void test_types(void **state)
{
    static const char *const good[] = {"person", "a", "street_address2"};
    static const char *const bad[] = {"", "Person", "2person", "_x", "a-b", "a b", "\xc3\xa9"};
    char longest[66];
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(recognise_type_is_valid(str_from(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(recognise_type_is_valid(str_from(bad[i])));
    }
    memset(longest, 'x', sizeof(longest));
    assert_true(recognise_type_is_valid((struct str){longest, 64}));
    assert_false(recognise_type_is_valid((struct str){longest, 65}));
}

static void test_who_offers_a_type(void **state)
{
    static const struct str places[] = {STR_INIT("street_address")};
    static const struct recognise_service list[] = {{.types = types, .types_count = 2},
                                                    {.types = places, .types_count = 1}};
    static const struct recognise_services all = {list, 2};
    static const char *const known[] = {"street_address", "STREET_ADDRESS", "Street-Address",
                                        "street address"};
    static const char *const unknown[] = {"", "streetaddress", "street_addres", "street.address",
                                          "street_address2"};
    size_t service = 9, type = 9;
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        assert_true(recognise_find(&all, str_from(known[i]), &service, &type));
        assert_int_equal(service, 1);
        assert_int_equal(type, 0);
        assert_false(recognise_find(NULL, str_from(known[i]), &service, &type));
        assert_true(recognise_type_is_name(str_from(known[i])));
    }
    assert_true(recognise_find(&all, STR("LOCATION"), &service, &type));
    assert_int_equal(service * 10 + type, 1);
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        assert_false(recognise_find(&all, str_from(unknown[i]), &service, &type));
    }
    static const char *const never[] = {"", "9a", "-a", "a.b", "\xc3\x89mile", " a"};
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        assert_false(recognise_type_is_name(str_from(never[i])));
    }
}

static void test_results_have_names(void **state)
{
    (void)state;
    for (unsigned r = 0; r < RECOGNISE_RESULTS; r++) {
        const char *name = recognise_result_name((enum recognise_result)r);
        assert_true(recognise_type_is_valid(str_from(name))); /* fit for a label */
        for (unsigned k = 0; k < r; k++) {
            assert_string_not_equal(name, recognise_result_name((enum recognise_result)k));
        }
    }
}

static void test_request(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    recognise_request_write(&out, &ask);
    ASSERT_STR(buf_str(&out),
               "{\"types\":[\"person\",\"location\"],\"texts\":["
               "{\"id\":0,\"text\":\"Ada met Jos\xc3\xa9 in \xe6\x9d\xb1\xe4\xba\xac\"},"
               "{\"id\":1,\"text\":\"say \\\"hi\\\"\\n\"},"
               "{\"id\":2,\"text\":\"\xf0\x9f\x98\x80 Bob\"}]}");
    buf_fini(&out);
}

static void test_bounds_of_a_request(void **state)
{
    struct str *many = calloc(RECOGNISE_TEXTS_MAX + 1, sizeof(*many));
    char *big = calloc(1, RECOGNISE_TEXT_BYTES_MAX);
    (void)state;
    assert_true(many != NULL && big != NULL);
    struct recognise_ask a = {types, 2, many, RECOGNISE_TEXTS_MAX};
    assert_false(recognise_is_too_much(&a));
    a.texts_count++;
    assert_true(recognise_is_too_much(&a));
    a.texts_count = 2;
    many[0] = (struct str){big, RECOGNISE_TEXT_BYTES_MAX};
    assert_false(recognise_is_too_much(&a));
    many[1] = (struct str){big, 1};
    assert_true(recognise_is_too_much(&a));
    free(many);
    free(big);
}

static void test_characters_become_bytes(void **state)
{
    struct answer a;
    (void)state;
    assert_int_equal(read(&a,
                          "{\"findings\":["
                          "{\"id\":2,\"type\":\"person\",\"start\":2,\"end\":5,\"score\":1},"
                          "{\"id\":0,\"type\":\"location\",\"start\":16,\"end\":18,\"score\":0.5},"
                          "{\"id\":0,\"type\":\"person\",\"start\":8,\"end\":12,\"score\":0.8765},"
                          "{\"id\":0,\"type\":\"person\",\"start\":0,\"end\":12,\"score\":0},"
                          "{\"id\":0,\"type\":\"person\",\"start\":0,\"end\":3,\"score\":1.0}]}"),
                     ERR_OK);
    assert_int_equal(a.count, 5);
    assert_finding(&a, 0, "Ada met Jos\xc3\xa9", 0);
    assert_finding(&a, 1, "Ada", 0);
    assert_finding(&a, 2, "Jos\xc3\xa9", 0);
    assert_finding(&a, 3, "\xe6\x9d\xb1\xe4\xba\xac", 1);
    assert_finding(&a, 4, "Bob", 0);
    assert_int_equal(a.list[0].score, 0);
    assert_int_equal(a.list[1].score, 1000);
    assert_int_equal(a.list[2].score, 877);
    assert_int_equal(a.list[4].text, 2);
    arena_fini(&a.arena);
}

/* Every place of a text in which characters of one to four bytes meet in all ways. */
static void test_any_place_of_any_characters(void **state)
{
    static const char text[] = "ab\xc3\xa9\xe6\x9d\xb1z\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
                               "0123456789abcdef\xc3\xa9\xc3\xa9\xe4\xba\xacqrstuvwx"
                               "\xf0\x9f\x98\x80";
    const struct str one[] = {{text, sizeof(text) - 1}};
    const struct recognise_ask about = {types, 2, one, 1};
    size_t borders[64], count = 0;
    (void)state;
    for (size_t i = 0; i <= sizeof(text) - 1; i++) {
        if (i == sizeof(text) - 1 || ((unsigned char)text[i] & 0xc0) != 0x80) {
            borders[count++] = i;
        }
    }
    for (size_t start = 0; start < count; start++) {
        for (size_t end = start + 1; end < count; end++) {
            char body[200];
            struct answer a = {.count = 0};
            snprintf(body, sizeof(body),
                     "{\"findings\":[{\"id\":0,\"type\":\"person\",\"start\":%zu,\"end\":%zu,"
                     "\"score\":1}]}",
                     start, end);
            arena_init(&a.arena, 1U << 20);
            assert_int_equal(recognise_answer_read(&a.arena, str_from(body), &about, &a.list,
                                                   &a.count, &a.issue),
                             ERR_OK);
            assert_int_equal(a.list[0].start, borders[start]);
            assert_int_equal(a.list[0].end, borders[end]);
            arena_fini(&a.arena);
        }
    }
}

static void test_nothing_found_and_unknown_members(void **state)
{
    struct answer a;
    (void)state;
    assert_int_equal(read(&a, "{\"findings\":[]}"), ERR_OK);
    assert_int_equal(a.count, 0);
    arena_fini(&a.arena);
    assert_int_equal(read(&a, "{\"model\":{\"n\":[1]},\"findings\":[{\"id\":0,\"type\":\"person\","
                              "\"start\":0,\"end\":3,\"score\":1,\"text\":\"Ada\"}]}"),
                     ERR_OK);
    assert_int_equal(a.count, 1);
    arena_fini(&a.arena);
}

static void test_wrong_answers(void **state)
{
#define ONE(members) "{\"findings\":[{" members "}]}"
    static const struct {
        const char *text;
        enum err err;
        const char *pointer;
    } rows[] = {
        {"", ERR_SYNTAX, ""},
        {"[]", ERR_INVALID, "/findings"},
        {"null", ERR_INVALID, "/findings"},
        {"{}", ERR_INVALID, "/findings"},
        {"{\"findings\":null}", ERR_INVALID, "/findings"},
        {"{\"findings\":{}}", ERR_INVALID, "/findings"},
        {"{\"findings\":[]} x", ERR_SYNTAX, ""},
        {"{\"findings\":[],\"findings\":[]}", ERR_SYNTAX, "/findings"},
        {"{\"findings\":[1]}", ERR_INVALID, "/findings/0"},
        {ONE("\"type\":\"person\",\"start\":0,\"end\":3,\"score\":1"), ERR_INVALID, "/findings/0"},
        {ONE("\"id\":3,\"type\":\"person\",\"start\":0,\"end\":3,\"score\":1"), ERR_INVALID,
         "/findings/0"},
        {ONE("\"id\":-1,\"type\":\"person\",\"start\":0,\"end\":3,\"score\":1"), ERR_INVALID,
         "/findings/0"},
        {ONE("\"id\":\"0\",\"type\":\"person\",\"start\":0,\"end\":3,\"score\":1"), ERR_INVALID,
         "/findings/0"},
        {ONE("\"id\":0,\"type\":\"email\",\"start\":0,\"end\":3,\"score\":1"), ERR_INVALID,
         "/findings/0"},
        {ONE("\"id\":0,\"type\":\"Person\",\"start\":0,\"end\":3,\"score\":1"), ERR_INVALID,
         "/findings/0"},
        {ONE("\"id\":0,\"start\":0,\"end\":3,\"score\":1"), ERR_INVALID, "/findings/0"},
        {ONE("\"id\":0,\"type\":\"person\",\"start\":3,\"end\":3,\"score\":1"), ERR_INVALID,
         "/findings/0"},
        {ONE("\"id\":0,\"type\":\"person\",\"start\":-1,\"end\":3,\"score\":1"), ERR_INVALID,
         "/findings/0"},
        {ONE("\"id\":0,\"type\":\"person\",\"start\":0.5,\"end\":3,\"score\":1"), ERR_INVALID,
         "/findings/0"},
        {ONE("\"id\":0,\"type\":\"person\",\"start\":0,\"score\":1"), ERR_INVALID, "/findings/0"},
        /* 18 characters in 23 bytes: a byte offset is not a character offset */
        {ONE("\"id\":0,\"type\":\"person\",\"start\":0,\"end\":19,\"score\":1"), ERR_INVALID,
         "/findings"},
        {ONE("\"id\":0,\"type\":\"person\",\"start\":0,\"end\":99,\"score\":1"), ERR_INVALID,
         "/findings/0"},
        {ONE("\"id\":0,\"type\":\"person\",\"start\":0,\"end\":9223372036854775808,\"score\":1"),
         ERR_INVALID, "/findings/0"},
        {ONE("\"id\":0,\"type\":\"person\",\"start\":0,\"end\":3"), ERR_INVALID, "/findings/0"},
        {ONE("\"id\":0,\"type\":\"person\",\"start\":0,\"end\":3,\"score\":\"1\""), ERR_INVALID,
         "/findings/0"},
        {ONE("\"id\":0,\"type\":\"person\",\"start\":0,\"end\":3,\"score\":1.01"), ERR_INVALID,
         "/findings/0"},
        {ONE("\"id\":0,\"type\":\"person\",\"start\":0,\"end\":3,\"score\":-0.1"), ERR_INVALID,
         "/findings/0"},
        {ONE("\"id\":0,\"type\":\"person\",\"start\":0,\"end\":3,\"score\":true"), ERR_INVALID,
         "/findings/0"},
        {"{\"findings\":[{\"id\":0,\"type\":\"person\",\"start\":0,\"end\":3,\"score\":1},"
         "{\"id\":7,\"type\":\"person\",\"start\":0,\"end\":3,\"score\":1}]}",
         ERR_INVALID, "/findings/1"},
        {"{\"findings\":[],\"x\":[[[[[[[[[[1]]]]]]]]]]}", ERR_LIMIT, NULL},
    };
#undef ONE
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct answer a;
        enum err e = read(&a, rows[i].text);
        if (e != rows[i].err ||
            (rows[i].pointer != NULL && strcmp(a.issue.pointer, rows[i].pointer) != 0)) {
            fail_msg("row %zu: %s at '%s'", i, err_name(e), a.issue.pointer);
        }
        assert_int_equal(a.count, 0);
        assert_null(strstr(a.issue.message, "Ada"));
        arena_fini(&a.arena);
    }
}

static void test_too_many_findings(void **state)
{
    struct buf out;
    struct answer a;
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        buf_init(&out, RECOGNISE_ANSWER_BYTES_MAX);
        buf_add(&out, STR("{\"findings\":["));
        for (size_t i = 0; i < RECOGNISE_FINDINGS_MAX + over; i++) {
            buf_printf(&out, "%s{\"id\":0,\"type\":\"person\",\"start\":0,\"end\":3,\"score\":1}",
                       i > 0 ? "," : "");
        }
        buf_add(&out, STR("]}"));
        buf_add_byte(&out, '\0');
        assert_int_equal(out.err, ERR_OK);
        assert_int_equal(read(&a, out.ptr), over == 0 ? ERR_OK : ERR_LIMIT);
        arena_fini(&a.arena);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_who_offers_a_type),
        cmocka_unit_test(test_results_have_names),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_bounds_of_a_request),
        cmocka_unit_test(test_characters_become_bytes),
        cmocka_unit_test(test_any_place_of_any_characters),
        cmocka_unit_test(test_nothing_found_and_unknown_members),
        cmocka_unit_test(test_wrong_answers),
        cmocka_unit_test(test_too_many_findings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
