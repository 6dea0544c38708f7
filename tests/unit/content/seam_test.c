/* SPDX-License-Identifier: Apache-2.0
 *
 * What is split over parts of a message or over messages of one role is found joined, and
 * nothing is taken for split that was whole. Windows of a long conversation give what one
 * window would.
 */
#include "world.h"

static struct world w;

static int load(void **state)
{
    (void)state;
    world_init(&w);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    world_fini(&w);
    return 0;
}

#define PARTS(...)                                                                                 \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[" __VA_ARGS__ "]}]}"
#define PART(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define MESSAGES(...) "{\"model\":\"m\",\"messages\":[" __VA_ARGS__ "]}"
#define SAID(role, text) "{\"role\":\"" role "\",\"content\":\"" text "\"}"

static const struct {
    const char *body, *edited, *hits;
} cases[] = {
    /* over two parts, three parts, and messages with others between */
    {PARTS(PART("mail jane.doe@ac") "," PART("me.example now")),
     PARTS(PART("mail [EMAIL]") "," PART(" now")), "0 email x1 modify"},
    {PARTS(PART("card 4111 11") "," PART("11 1111 ") "," PART("1111 ok")),
     PARTS(PART("card [CREDIT_CARD]") "," PART("[REDACTED]") "," PART(" ok")),
     "0 credit_card x1 modify"},
    {MESSAGES(SAID("user", "my ssn is 123-45") "," SAID("assistant", "go on") "," SAID("user",
                                                                                       "-6789.")),
     MESSAGES(SAID("user", "my ssn is [SSN]") "," SAID("assistant", "go on") "," SAID("user", ".")),
     "0 ssn x1 modify"},
    {PARTS(PART("pass") "," PART("word")), PARTS(PART("[TERM]") "," PART("[REDACTED]")),
     "1 password x1 modify"},
    /* not of one role */
    {MESSAGES(SAID("user", "123-45") "," SAID("assistant", "-6789") "," SAID("user", "x")), NULL,
     ""},
    /* what was found in one text alone does not grow over the seam */
    {PARTS(PART("mail bob@acme.example") "," PART("Please go")),
     PARTS(PART("mail [EMAIL]") "," PART("Please go")), "0 email x1 modify"},
    {PARTS(PART("x") "," PART("y 123-45-6789")), PARTS(PART("x") "," PART("y [SSN]")),
     "0 ssn x1 modify"},
    /* whole words only */
    {PARTS(PART("the pass") "," PART("words")), NULL, ""},
    /* an exception covers it */
    {PARTS(PART("mail help@ac") "," PART("me.example now")), NULL, ""},
};

static void test_what_crosses_a_seam(void **state)
{
    (void)state;
    WORLD_RULES(
        &w,
        RULE("pii", "modify", "both",
             "{\"types\":[\"email\",\"credit_card\",\"ssn\"],\"format\":\"[{TYPE}]\","
             "\"except\":[\"help@acme.example\"]}"),
        RULE("terms", "modify", "both", "{\"patterns\":[\"password\"],\"format\":\"[{TYPE}]\"}"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *edited = world_request(&w, LLM_CHAT, cases[i].body);
        assert_string_equal(edited, cases[i].edited != NULL ? cases[i].edited : cases[i].body);
        assert_string_equal(world_hits(&w, CONTENT_REQUEST), cases[i].hits);
    }
}

static void test_the_place_is_in_the_first_text(void **state)
{
    (void)state;
    const struct content_hit *hits;
    size_t dropped;
    WORLD_RULES(&w, RULE("pii", "block", "both", "{\"types\":[\"ssn\"]}"));
    world_request(
        &w, LLM_CHAT,
        MESSAGES(SAID("user", "hi") "," SAID("user", "id 123-") "," SAID("user", "45-6789")));
    assert_int_equal(content_hits(w.check, CONTENT_REQUEST, &hits, &dropped), 1);
    assert_true(str_eq(hits[0].pointer, STR("/messages/1/content")));
    assert_int_equal(hits[0].start, 3);
    assert_int_equal(content_effect(w.check, CONTENT_REQUEST), CONTENT_BLOCK);
}

/* Only the ends of long texts are joined, and nothing is found over what lies between. */
static void test_long_texts(void **state)
{
    (void)state;
    static char body[8000];
    char filler[1500];
    WORLD_RULES(&w, RULE("pii", "modify", "both", "{\"types\":[\"ssn\"]}"),
                RULE("terms", "block", "both", "{\"patterns\":[\"/a[^z]{0,8}b/\"]}"));
    memset(filler, 'w', sizeof(filler));
    for (size_t i = 5; i < sizeof(filler); i += 6) {
        filler[i] = ' ';
    }
    filler[sizeof(filler) - 1] = '\0';
    snprintf(body, sizeof(body),
             MESSAGES(SAID("user", "%s 123-4") "," SAID("user", "5-6789 %s 123-4") "," SAID("user",
                                                                                            "%s")),
             filler, filler, filler);
    const char *edited = world_request(&w, LLM_CHAT, body);
    assert_non_null(strstr(edited, "w [REDACTED]\"}"));
    assert_non_null(strstr(edited, "\"content\":\" w"));
    assert_string_equal(world_hits(&w, CONTENT_REQUEST), "0 ssn x1 modify");
    snprintf(body, sizeof(body),
             MESSAGES(SAID("user", "x") "," SAID("user", "%.256s a %s b %.256s")), filler, filler,
             filler);
    world_request(&w, LLM_CHAT, body);
    assert_int_equal(content_effect(w.check, CONTENT_REQUEST), CONTENT_INFO);
}

/* A thousand seams, one of them crossed, at every place of the windows. */
static void test_windows_overlap(void **state)
{
    (void)state;
    WORLD_RULES(&w, RULE("pii", "modify", "both", "{\"types\":[\"ssn\"],\"format\":\"#\"}"));
    for (size_t at = 0; at < 1200; at += 37) {
        struct buf body;
        buf_init(&body, 1U << 20);
        buf_add(&body, STR("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":["));
        for (size_t i = 0; i < 1200; i++) {
            /* texts of 1 to 90 bytes */
            buf_printf(&body, "%s{\"type\":\"text\",\"text\":\"%s%.*s%s\"}", i > 0 ? "," : "",
                       i == at + 1 ? "-6789 " : "", (int)(1 + i * 7 % 90),
                       "some words that mean nothing at all, and a few more of them, to fill the "
                       "place up to the end",
                       i == at ? " 123-45" : "");
        }
        buf_add(&body, STR("]}]}"));
        buf_add_byte(&body, '\0');
        const char *edited = world_request(&w, LLM_CHAT, body.ptr);
        assert_string_equal(world_hits(&w, CONTENT_REQUEST),
                            at + 1 < 1200 ? "0 ssn x1 modify" : "");
        assert_int_equal(strlen(edited), body.len - 1 - (at + 1 < 1200 ? 10 : 0));
        buf_fini(&body);
    }
}

static void test_answers_are_not_joined(void **state)
{
    (void)state;
    static const char body[] =
        "{\"choices\":[{\"message\":{\"content\":\"it is 123-45\"}},{\"message\":{\"content\":"
        "\"-6789, and 123-45-6780\"}}]}";
    WORLD_RULES(&w, RULE("pii", "modify", "both", "{\"types\":[\"ssn\"],\"format\":\"#\"}"));
    world_check(&w);
    assert_string_equal(world_answer(&w, body),
                        "{\"choices\":[{\"message\":{\"content\":\"it is 123-45\"}},{"
                        "\"message\":{\"content\":\"-6789, and #\"}}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_crosses_a_seam),
        cmocka_unit_test(test_the_place_is_in_the_first_text),
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_windows_overlap),
        cmocka_unit_test(test_answers_are_not_joined),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
