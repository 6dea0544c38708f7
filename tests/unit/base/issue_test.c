/* SPDX-License-Identifier: Apache-2.0
 *
 * Issues: texts are cut at characters; guesses are near or absent; errors have
 * names.
 */
#include "test.h"

static void test_cut_at_a_character(void **state)
{
    (void)state;
    struct issue issue;
    for (int pad = 0; pad < 4; pad++) {
        char text[1200] = {0};
        memset(text, 'a', (size_t)pad);
        for (int i = 0; i < 300; i++) {
            memcpy(text + strlen(text), "\xE2\x82\xAC", 3);
        }
        issue_set(&issue, text, "%s", text);
        assert_true(str_is_utf8(str_from(issue.pointer)));
        assert_true(str_is_utf8(str_from(issue.message)));
        assert_true(strlen(issue.pointer) >= sizeof(issue.pointer) - 4);
        assert_true(strlen(issue.message) >= sizeof(issue.message) - 4);
    }
    issue_set(&issue, NULL, "%d", 5);
    assert_string_equal(issue.pointer, "");
    assert_string_equal(issue.message, "5");
    assert_true(issue.offset == UINT64_MAX);
    issue_set(&issue, "/caf\xC3\xA9", "%s", "");
    assert_string_equal(issue.pointer, "/caf\xC3\xA9");
    assert_string_equal(issue.message, "");
    issue_set(NULL, "", "nobody listens");
}

static void test_did_you_mean(void **state)
{
    (void)state;
    static const char *const names[] = {"model", "messages", "max_tokens", "temperature", NULL};
    static const char *const none[] = {NULL};
    assert_string_equal(issue_did_you_mean(STR("modle"), names), "model");
    assert_string_equal(issue_did_you_mean(STR("Model"), names), "model");
    assert_string_equal(issue_did_you_mean(STR("mesages"), names), "messages");
    assert_string_equal(issue_did_you_mean(STR("maxTokens"), names), "max_tokens");
    assert_string_equal(issue_did_you_mean(STR("temprature"), names), "temperature");
    assert_null(issue_did_you_mean(STR("zzz"), names));
    assert_null(issue_did_you_mean(STR("x"), names));
    assert_null(issue_did_you_mean(STR(""), names));
    assert_null(issue_did_you_mean(STR("model"), none));
    char long_word[4096];
    memset(long_word, 'm', sizeof(long_word));
    assert_null(issue_did_you_mean((struct str){long_word, sizeof(long_word)}, names));
}

static void test_error_names(void **state)
{
    (void)state;
    for (int e = ERR_OK; e <= ERR_INTERNAL; e++) {
        assert_string_not_equal(err_name((enum err)e), "unknown");
    }
    assert_string_equal(err_name((enum err)999), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_at_a_character),
        cmocka_unit_test(test_did_you_mean),
        cmocka_unit_test(test_error_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
