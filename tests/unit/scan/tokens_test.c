/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens: the same for a value under one key, of a shape that no detector takes for
 * data, and undone byte for byte in texts and in streams, however those are cut. And
 * what is written in place of a value is safe inside of a JSON string.
 */
#include "scan_test.h"
#include <stdlib.h>

static struct scan_world w;
static struct scan_tokens tokens;
static struct buf out;

static void set_up(const char *types)
{
    scan_world_init(&w, types, NULL, 0);
    w.action = (struct scan_action){.kind = SCAN_PSEUDONYM};
    scan_tokens_init(&tokens, 1U << 20);
    w.keys.tokens = &tokens;
    buf_init(&out, 1U << 20);
}

static void tear_down(void)
{
    buf_fini(&out);
    scan_tokens_fini(&tokens);
    scan_world_free(&w);
}

static void rewrite(const char *text)
{
    buf_clear(&out);
    scan_world_redact(&w, str_from(text), SCAN_VIEW_FOLD, &out);
}

static void restore(struct str text, bool is_json, struct buf *ret)
{
    struct scan_restorer r;
    scan_restorer_init(&r, &tokens, is_json);
    assert_int_equal(scan_restorer_feed(&r, text, ret), ERR_OK);
    assert_int_equal(scan_restorer_close(&r, ret), ERR_OK);
}

static void test_same_value_same_token(void **state)
{
    (void)state;
    set_up("email,ssn");
    rewrite("a@b.com c@d.com a@b.com 123-45-6789");
    struct str text = buf_str(&out);
    assert_int_equal(text.len, 3 * 20 + 18 + 3);
    assert_true(str_starts(text, STR("[EMAIL_")));
    assert_memory_equal(text.ptr, text.ptr + 42, 20);
    assert_memory_not_equal(text.ptr, text.ptr + 21, 20);
    assert_true(str_starts(str_sub(text, 63, text.len), STR("[SSN_")));
    assert_int_equal(tokens.count, 3);
    /* In another request, on another node: the same. Under another key: another. */
    char first[20];
    memcpy(first, text.ptr, sizeof(first));
    w.keys.tokens = NULL;
    rewrite("a@b.com");
    assert_memory_equal(out.ptr, first, sizeof(first));
    w.keys.hash_key = STR("another");
    rewrite("a@b.com");
    assert_memory_not_equal(out.ptr, first, sizeof(first));
    tear_down();
}

/* At least four of the twelve characters are letters, whatever the value. */
static void test_codes_are_no_numbers(void **state)
{
    (void)state;
    set_up("email");
    for (unsigned i = 0; i < 3000; i++) {
        char text[64];
        snprintf(text, sizeof(text), "user%u@example.com", i);
        rewrite(text);
        assert_int_equal(out.len, 20);
        unsigned letters = 0;
        for (size_t k = 7; k < 19; k++) {
            letters += out.ptr[k] >= 'A';
            assert_non_null(strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", out.ptr[k]));
        }
        assert_true(letters >= 4);
    }
    assert_int_equal(tokens.count, 3000);
    tear_down();
}

static void test_tokens_are_no_findings(void **state)
{
    (void)state;
    static const struct scan_term terms[] = {
        {.text = STR_INIT("mail"), .id = 1, .is_substring = true},
        {.text = STR_INIT("/[0-9A-Z]{5}/c"), .id = 2}};
    scan_world_init(&w, "all", terms, 2);
    static const char *const clean[] = {
        "password: [PASSWORD_7K2MQ4ZT9B1C]", "password=[PASSWORD_7K2MQ4ZT9B1C], and",
        "[EMAIL_7K2MQ4ZT9B1C][EMAIL_7K2MQ4ZT9B1C]", "x[EMAIL_7K2MQ4ZT9B1C]x"};
    for (size_t i = 0; i < sizeof(clean) / sizeof(clean[0]); i++) {
        scan_world_scan(&w, str_from(clean[i]), SCAN_VIEW_FOLD);
        assert_int_equal(w.found.count, 0);
    }
    /* Of the shape, but for one thing. */
    static const char *const others[] = {"[EMAIL_123456789012]", "[EMAIL_7K2MQ4ZT9B1]",
                                         "[EMAIL_7K2MQ4ZT9B1U]", "(EMAIL_7K2MQ4ZT9B1C)",
                                         "[EMAIL7K2MQ4ZT9B1C]",  "[EMAIL_7K2MQ4ZT9B1C",
                                         "[_7K2MQ4ZT9B1C] mail"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        scan_world_scan(&w, str_from(others[i]), SCAN_VIEW_FOLD);
        assert_true(w.found.count > 0);
    }
    scan_world_free(&w);
}

static void test_restoring(void **state)
{
    (void)state;
    set_up("email");
    rewrite("jane@example.com bob@example.com");
    char text[256];
    int n = snprintf(text, sizeof(text), "Dear %.20s, [EMAIL_0000000000AB] and [[%.20s]] %.10s[",
                     out.ptr, out.ptr + 21, out.ptr);
    struct str whole = {text, (size_t)n};
    static const char wanted[] =
        "Dear jane@example.com, [EMAIL_0000000000AB] and [[bob@example.com]] ";
    struct buf got;
    buf_init(&got, 4096);
    restore(whole, false, &got);
    assert_memory_equal(got.ptr, wanted, sizeof(wanted) - 1);
    assert_int_equal(got.len, sizeof(wanted) - 1 + 11);
    struct buf again;
    buf_init(&again, 4096);
    for (size_t a = 0; a <= whole.len; a++) {
        for (size_t b = a; b <= whole.len; b++) {
            struct scan_restorer r;
            buf_clear(&again);
            scan_restorer_init(&r, &tokens, false);
            assert_int_equal(scan_restorer_feed(&r, str_sub(whole, 0, a), &again), ERR_OK);
            assert_int_equal(scan_restorer_feed(&r, str_sub(whole, a, b), &again), ERR_OK);
            assert_int_equal(scan_restorer_feed(&r, str_sub(whole, b, whole.len), &again), ERR_OK);
            assert_int_equal(scan_restorer_close(&r, &again), ERR_OK);
            assert_true(str_eq(buf_str(&got), buf_str(&again)));
        }
    }
    /* Byte by byte, nothing is held that no token begins with. */
    struct scan_restorer r;
    buf_clear(&again);
    scan_restorer_init(&r, &tokens, false);
    /* Nothing came out of the scan yet: no bytes, and no address either. */
    assert_int_equal(scan_restorer_feed(&r, STR_NONE, &again), ERR_OK);
    for (size_t i = 0; i < whole.len; i++) {
        assert_int_equal(scan_restorer_feed(&r, str_sub(whole, i, i + 1), &again), ERR_OK);
        bool is_plain = i < 5 || (i > 34 && i < 44);
        assert_true(!is_plain || r.held_len == 0);
    }
    buf_fini(&got);
    buf_fini(&again);
    tear_down();
}

/* A value with quotes goes back into raw JSON escaped. */
static void test_restoring_in_json(void **state)
{
    (void)state;
    set_up("");
    static const struct scan_term terms[] = {{.text = STR_INIT("/say \"x\"/"), .id = 1}};
    scan_world_free(&w);
    scan_world_init(&w, "", terms, 1);
    w.action = (struct scan_action){.kind = SCAN_PSEUDONYM};
    w.keys.tokens = &tokens;
    rewrite("say \"x\"");
    struct buf got;
    buf_init(&got, 4096);
    restore(buf_str(&out), true, &got);
    ASSERT_STR(buf_str(&got), "say \\\"x\\\"");
    buf_clear(&got);
    restore(buf_str(&out), false, &got);
    ASSERT_STR(buf_str(&got), "say \"x\"");
    buf_fini(&got);
    tear_down();
}

/* When it is full, further values are hidden all the same. */
static void test_full(void **state)
{
    (void)state;
    set_up("email");
    scan_tokens_fini(&tokens);
    scan_tokens_init(&tokens, 100);
    rewrite("jane@example.com bob@example.com eve@example.com");
    assert_true(tokens.is_full);
    assert_int_equal(tokens.count, 2);
    assert_int_equal(out.len, 62);
    assert_int_equal(str_find(buf_str(&out), '@'), -1);
    tear_down();
}

static void test_formats(void **state)
{
    (void)state;
    struct issue issue;
    assert_int_equal(scan_format_check(STR("<{TYPE} {N}>"), &issue), ERR_OK);
    assert_int_equal(scan_format_check(STR(""), &issue), ERR_OK);
    static const char *const bad[] = {"a\"b", "a\\b", "a\nb", "\x7f", "\xff"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(scan_format_check(str_from(bad[i]), &issue), ERR_INVALID);
    }
    char large[201];
    memset(large, 'x', sizeof(large));
    assert_int_equal(scan_format_check((struct str){large, 200}, &issue), ERR_OK);
    assert_int_equal(scan_format_check((struct str){large, 201}, &issue), ERR_INVALID);
}

/* Whatever the action and however the value looks in the text, the replacement has
 * nothing that ends a JSON string; and of findings that overlap nothing stays. */
static void test_replacements_are_safe(void **state)
{
    (void)state;
    static const enum scan_action_kind kinds[] = {SCAN_MASK, SCAN_REDACT, SCAN_HASH,
                                                  SCAN_PSEUDONYM};
    static const char *const texts[] = {"jane<a href=\"x\\y\">@example.com",
                                        "123<b \"\n\">-45-6789", "1\"2\\3",
                                        "jane@x.123-45-6789.com"};
    static const struct scan_term terms[] = {{.text = STR_INIT("/1\"2\\\\3/"), .id = 1}};
    scan_world_init(&w, "default", terms, 1);
    buf_init(&out, 4096);
    for (size_t k = 0; k < 4; k++) {
        for (size_t i = 0; i < 4; i++) {
            w.action =
                (struct scan_action){.kind = kinds[k], .format = STR("{TYPE}{N}\"\\{LAST4}")};
            buf_clear(&out);
            scan_world_redact(&w, str_from(texts[i]), SCAN_VIEW_ALL, &out);
            assert_false(str_eq(buf_str(&out), str_from(texts[i])));
            for (size_t n = 0; n < out.len; n++) {
                assert_true(out.ptr[n] != '"' && out.ptr[n] != '\\' && out.ptr[n] >= ' ');
            }
            assert_int_equal(str_find_str(buf_str(&out), STR("123-45")), -1);
        }
    }
    buf_fini(&out);
    scan_world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_value_same_token),
        cmocka_unit_test(test_codes_are_no_numbers),
        cmocka_unit_test(test_tokens_are_no_findings),
        cmocka_unit_test(test_restoring),
        cmocka_unit_test(test_restoring_in_json),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_replacements_are_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
