/* SPDX-License-Identifier: Apache-2.0
 *
 * Canonical paths: the one spelling passes, every other one does not; and as a
 * property over all bytes, none has two spellings that both pass. Bad input 35.
 * Links core alone.
 */
#include "wire_test.h"

static void test_canonical(void **unused)
{
    (void)unused;
    static const char *const paths[] = {"/",        "/v1/chat/completions",
                                        "/v1/",     "/a.b/..c/.d/e..",
                                        "/V1/Chat", "/a-b_c~d",
                                        "/a:b@c",   "/a!$&'()*+,=",
                                        "/%20",     "/%C3%A9",
                                        "/%22",     "/%25",
                                        "/%25x",    "/%7B%7D",
                                        "/...",     "/a%20b/c"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_true(wire_path_is_canonical(str_from(paths[i])));
    }
}

static void test_not_canonical(void **unused)
{
    (void)unused;
    const struct str paths[] = {
        STR(""),         STR("a"),      STR("*"),          STR("//"),      STR("//admin"),
        STR("/a//b"),    STR("/."),     STR("/.."),        STR("/a/../b"), STR("/a/."),
        STR("/a/.."),    STR("/./a"),   STR("/%2e%2e/a"),  STR("/%2E"),    STR("/a%2fb"),
        STR("/a%2Fb"),   STR("/a%5cb"), STR("/a\\b"),      STR("/a;b"),    STR("/a%3Bb"),
        STR("/%61dmin"), STR("/%41"),   STR("/%30"),       STR("/%2D"),    STR("/%7E"),
        STR("/%3F"),     STR("/%23"),   STR("/%3A"),       STR("/%40"),    STR("/%2B"),
        STR("/%26"),     STR("/%3D"),   STR("/%5B"),       STR("/%21"),    STR("/%00"),
        STR("/%0d%0a"),  STR("/%1F"),   STR("/%7F"),       STR("/%c3%a9"), STR("/%"),
        STR("/%4"),      STR("/%zz"),   STR("/%2561dmin"), STR("/%252e"),  STR("/a b"),
        STR("/a\tb"),    STR("/a\0b"),  STR("/\xc3\xa9"),  STR("/\x7f"),   STR("/a?b"),
        STR("/a#b"),     STR("/\""),    STR("/<"),         STR("/["),      STR("/{x}"),
        STR("/|"),       STR("/^"),     STR("/`")};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (wire_path_is_canonical(paths[i])) {
            fail_msg("%.*s", STR_ARG(paths[i]));
        }
    }
    assert_false(wire_path_is_canonical(STR_NONE));
}

/* Property: no byte has two canonical spellings in a segment. */
static void test_one_spelling_per_byte(void **unused)
{
    (void)unused;
    for (unsigned byte = 0; byte < 256; byte++) {
        char raw[4] = {'/', 'a', (char)byte, 'b'};
        unsigned spellings = wire_path_is_canonical((struct str){raw, 4}) && byte != '/' ? 1 : 0;
        for (size_t i = 0; i < 2; i++) {
            char escaped[8];
            int len = i == 0 ? snprintf(escaped, sizeof(escaped), "/a%%%02Xb", byte)
                             : snprintf(escaped, sizeof(escaped), "/a%%%02xb", byte);
            bool is_same = i == 1 && byte % 16 < 10 && byte / 16 < 10;
            if (!is_same && wire_path_is_canonical((struct str){escaped, (size_t)len})) {
                spellings++;
            }
        }
        assert_true(spellings <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_canonical),
                                       cmocka_unit_test(test_not_canonical),
                                       cmocka_unit_test(test_one_spelling_per_byte)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
