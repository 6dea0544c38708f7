/* SPDX-License-Identifier: Apache-2.0
 *
 * What recognisers find, in a check: which rules need one and which are refused; the same
 * result however small the steps, and however the findings lie beside those of the scanner;
 * without an answer the rule's word, also where nobody can ask.
 */
#include "world.h"

static struct world w;

static const struct str name_types[] = {STR_INIT("person"), STR_INIT("location")};
static const struct str firm_types[] = {STR_INIT("firm")};
static const struct recognise_service list[] = {
    {.name = STR_INIT("names"), .types = name_types, .types_count = 2},
    {.name = STR_INIT("firms"), .types = firm_types, .types_count = 1}};
static const struct recognise_services services = {list, 2};

static int load(void **state)
{
    (void)state;
    world_init(&w);
    w.services = &services;
    return 0;
}

static int drop(void **state)
{
    (void)state;
    world_fini(&w);
    return 0;
}

/* ---- what is compiled ------------------------------------------------------------------ */

static const struct str email[] = {STR_INIT("email")};
static const struct str planet[] = {STR_INIT("email"), STR_INIT("planet")};
static const struct str person[] = {STR_INIT("PERSON")};
static const struct content_entity own[] = {
    {.name = STR_INIT("PERSON"), .pattern = STR_INIT("mr [a-z]+")}};
#define PII(list, ...)                                                                             \
    {                                                                                              \
        .kind = CONTENT_PII, .effect = CONTENT_BLOCK, .stages = CONTENT_REQUEST,                   \
        .types = {list, sizeof(list) / sizeof(list[0]), true}, __VA_ARGS__                         \
    }

static void expect_refused(const struct content_rule *rule, const struct recognise_services *s,
                           const char *pointer, const char *word)
{
    struct content *c = NULL;
    const struct content_build build = {.engine = w.engine, .services = s};
    assert_int_equal(content_new(&rule, 1, &build, &c, &w.issue), ERR_INVALID);
    assert_null(c);
    assert_string_equal(w.issue.pointer, pointer);
    assert_non_null(strstr(w.issue.message, word));
}

static void test_what_nobody_offers_is_refused(void **state)
{
    static const struct content_rule unknown = PII(planet, .threshold = 0);
    static const struct content_rule named = PII(person, .threshold = 0);
    static const struct content_rule idle =
        PII(email, .on_recogniser_failure = CONTENT_UNSCANNABLE_WARN);
    static const struct content_rule own_name =
        PII(person, .entities = own, .entities_count = 1,
            .on_recogniser_failure = CONTENT_UNSCANNABLE_WARN);
    (void)state;
    expect_refused(&unknown, &services, "/0/types/1", "no recogniser of this gateway offers it");
    expect_refused(&named, NULL, "/0/types/0", "no recogniser of this gateway offers it");
    expect_refused(&idle, &services, "/0/on_recogniser_failure", "no recogniser");
    expect_refused(&own_name, &services, "/0/on_recogniser_failure", "no recogniser");
}

static void test_answers_are_held_where_one_is_needed(void **state)
{
    (void)state;
    WORLD_RULES(&w, RULE("pii", "modify", "response", "{\"types\":[\"person\"]}"));
    world_check(&w);
    assert_true(content_is_buffered(w.check));
    WORLD_RULES(&w, RULE("pii", "modify", "request", "{\"types\":[\"person\"]}"),
                RULE("pii", "modify", "response", "{\"types\":[\"email\"]}"));
    world_check(&w);
    assert_false(content_is_buffered(w.check));
}

static void test_a_stream_is_never_read_without_it(void **state)
{
    struct buf out;
    const struct llm_text delta = {.value = STR("Ada"), .role = LLM_ROLE_ASSISTANT, .channel = 1};
    (void)state;
    WORLD_RULES(&w, RULE("pii", "modify", "response", "{\"types\":[\"person\"]}"));
    world_check(&w);
    buf_init(&out, 1000);
    assert_int_equal(content_feed(w.check, &delta, &out), ERR_UNSUPPORTED);
    assert_int_equal(out.len, 0);
    buf_fini(&out);
}

/* ---- a check --------------------------------------------------------------------------- */

/* Runs a request; each question is answered with what `answer` makes of the service. */
static const char *check(const char *body, const char *const answers[2])
{
    struct llm_request r;
    struct recognise_ask ask;
    const struct recognise_service *service;
    struct str text = arena_str(&w.arena, str_from(body));
    enum err e;
    assert_int_equal(llm_request_parse(&w.arena, LLM_CHAT, text, true, &r, &w.issue), ERR_OK);
    w.may_ask = true;
    world_check(&w);
    for (size_t i = 0; i < r.texts_count; i++) {
        assert_int_equal(content_request_add(w.check, &r.texts[i]), ERR_OK);
    }
    while ((e = content_run(w.check, w.step)) == ERR_AGAIN) {
        if (!content_ask(w.check, &ask, &service)) {
            continue;
        }
        const char *answer = answers[service == &list[0] ? 0 : 1];
        enum recognise_result result =
            answer != NULL ? RECOGNISE_ANSWERED : RECOGNISE_TIMEOUT;
        assert_int_equal(content_told(w.check, &result, str_from(answer)), ERR_OK);
    }
    assert_int_equal(e, ERR_OK);
    return world_edited(&w, text);
}

#define SAYS(text)                                                                                 \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]}"
#define F(type, start, end)                                                                        \
    "{\"id\":0,\"type\":\"" type "\",\"start\":" #start ",\"end\":" #end ",\"score\":0.8}"
#define ALL(list) "{\"findings\":[" list "]}"

static void test_any_step_gives_the_same(void **state)
{
    static const size_t steps[] = {1, 64, 200, 1000, 1 << 16};
    static const char *const answers[2] = {ALL(F("person", 0, 3) "," F("person", 7, 14)),
                                           ALL(F("firm", 18, 22))};
    (void)state;
    WORLD_RULES(&w,
                RULE("pii", "modify", "request",
                     "{\"types\":[\"person\",\"email\",\"firm\"],\"format\":\"<{TYPE}>\"}"),
                RULE("pii", "warn", "request", "{\"types\":[\"PERSON\",\"person\"]}"),
                RULE("pii", "warn", "request", "{\"types\":[\"person\"],\"threshold\":0.81}"));
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        w.step = steps[i];
        assert_string_equal(check(SAYS("Ada at a@b.com of Acme, who"), answers),
                            SAYS("<PERSON> at <EMAIL> of <FIRM>, who"));
        assert_string_equal(world_hits(&w, CONTENT_REQUEST),
                            "0 email x1 modify; 0 person x2 modify; 1 person x2 warn; 0 firm x1 "
                            "modify");
        assert_int_equal(content_edits_count(w.check, CONTENT_REQUEST), 3);
    }
}

/* Every place of one finding beside an address: what is left is what neither covers. */
static void test_any_overlap_covers_both(void **state)
{
    static const char text[] = "to jo@acme.com now";
    (void)state;
    WORLD_RULES(&w,
                RULE("pii", "modify", "request", "{\"types\":[\"email\"],\"method\":\"mask\"}"),
                RULE("pii", "modify", "request", "{\"types\":[\"person\"],\"format\":\"#\"}"));
    for (size_t from = 0; from < sizeof(text) - 1; from++) {
        for (size_t to = from + 1; to < sizeof(text); to++) {
            char answer[200];
            snprintf(answer, sizeof(answer),
                     "{\"findings\":[{\"id\":0,\"type\":\"person\",\"start\":%zu,\"end\":%zu,"
                     "\"score\":1}]}",
                     from, to);
            const char *const answers[2] = {answer, NULL};
            const char *edited = check(SAYS("to jo@acme.com now"), answers);
            bool meets = from < 14 && to > 3;
            char want[300];
            size_t start = meets && from > 3 ? 3 : from, end = meets && to < 14 ? 14 : to;
            if (meets) {
                snprintf(want, sizeof(want), SAYS("%.*s#%s"), (int)start, text, text + end);
            } else if (to <= 3) {
                snprintf(want, sizeof(want), SAYS("%.*s#%.*sj***@acme.com now"), (int)from, text,
                         (int)(3 - to), text + to);
            } else {
                snprintf(want, sizeof(want), SAYS("to j***@acme.com%.*s#%s"), (int)(from - 14),
                         text + 14, text + to);
            }
            assert_string_equal(edited, want);
        }
    }
}

static void test_nobody_to_ask_is_a_failure(void **state)
{
    (void)state;
    w.may_ask = false;
    WORLD_RULES(&w, RULE("pii", "modify", "request", "{\"types\":[\"person\",\"email\"]}"));
    assert_string_equal(world_say(&w, "Ada, a@b.com"), "\"Ada, [REDACTED]\"");
    assert_string_equal(world_hits(&w, CONTENT_REQUEST),
                        "0 email x1 modify; 0 recogniser names: not_asked x1 block");
    assert_int_equal(content_effect(w.check, CONTENT_REQUEST), CONTENT_BLOCK);
    WORLD_RULES(&w, RULE("pii", "warn", "request",
                         "{\"types\":[\"person\"],\"on_recogniser_failure\":\"allow\"}"));
    (void)world_say(&w, "Ada");
    assert_string_equal(world_hits(&w, CONTENT_REQUEST),
                        "0 recogniser names: not_asked x1 info");
    assert_int_equal(content_effect(w.check, CONTENT_REQUEST), CONTENT_INFO);
}

static void test_each_failure_is_its_services_and_its_rules(void **state)
{
    static const char *const answers[2] = {NULL, ALL(F("firm", 0, 4))};
    (void)state;
    WORLD_RULES(&w, RULE("pii", "block", "request", "{\"types\":[\"firm\"]}"),
                RULE("pii", "modify", "request",
                     "{\"types\":[\"person\"],\"on_recogniser_failure\":\"warn\"}"),
                RULE("pii", "modify", "request",
                     "{\"types\":[\"location\",\"person\"],\"on_recogniser_failure\":\"allow\"}"));
    (void)check(SAYS("Acme"), answers);
    assert_string_equal(world_hits(&w, CONTENT_REQUEST),
                        "1 recogniser names: timeout x1 warn; 2 recogniser names: timeout x1 info; "
                        "0 firm x1 block");
}

/* No text, no question; and a text that nobody would read is none. */
static void test_texts_that_are_not_sent(void **state)
{
    static const char *const answers[2] = {NULL, NULL};
    (void)state;
    WORLD_RULES(&w, RULE("pii", "modify", "request", "{\"types\":[\"person\"]}"));
    assert_string_equal(check(SAYS(""), answers), SAYS(""));
    assert_string_equal(world_hits(&w, CONTENT_REQUEST), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_nobody_offers_is_refused),
        cmocka_unit_test(test_answers_are_held_where_one_is_needed),
        cmocka_unit_test(test_a_stream_is_never_read_without_it),
        cmocka_unit_test(test_any_step_gives_the_same),
        cmocka_unit_test(test_any_overlap_covers_both),
        cmocka_unit_test(test_nobody_to_ask_is_a_failure),
        cmocka_unit_test(test_each_failure_is_its_services_and_its_rules),
        cmocka_unit_test(test_texts_that_are_not_sent),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
