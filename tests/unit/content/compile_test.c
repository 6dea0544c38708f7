/* SPDX-License-Identifier: Apache-2.0
 *
 * What content_new refuses, and where it says the mistake is; what it shares; how terms
 * compiled elsewhere come in; and that the list of hits is bounded without hiding a block.
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

#define LIST(...)                                                                                  \
    {                                                                                              \
        (const struct str[]){__VA_ARGS__},                                                         \
            sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str), true                   \
    }
#define ON .effect = CONTENT_BLOCK, .stages = CONTENT_REQUEST

static const struct content_entity bad_name[] = {{.name = STR_INIT("x"), .pattern = STR_INIT("y")}};
static const struct content_entity taken[] = {
    {.name = STR_INIT("EMAIL"), .pattern = STR_INIT("y")}};
static const struct content_entity twice[] = {{.name = STR_INIT("A"), .pattern = STR_INIT("y")},
                                              {.name = STR_INIT("A"), .pattern = STR_INIT("z")}};
static const struct content_entity bad_regex[] = {
    {.name = STR_INIT("A"), .pattern = STR_INIT("y")},
    {.name = STR_INIT("B"), .pattern = STR_INIT("(?<=a)b")}};
static const struct content_entity empty_word[] = {{.name = STR_INIT("A"),
                                                    .pattern = STR_INIT("y"),
                                                    .context = LIST(STR_INIT("a"), STR_INIT(""))}};

static const struct {
    struct content_rule rule;
    enum err err;
    const char *pointer, *words;
} wrong[] = {
    {{.kind = CONTENT_PII, ON}, ERR_INVALID, "/1/types", "at least one"},
    {{.kind = CONTENT_PII, ON, .types = LIST(STR_INIT("email"), STR_INIT("emial"))},
     ERR_INVALID,
     "/1/types/1",
     "did you mean"},
    {{.kind = CONTENT_PII, ON, .entities = bad_name, .entities_count = 1},
     ERR_INVALID,
     "/1/entities/0/name",
     "A-Z"},
    {{.kind = CONTENT_PII, ON, .entities = taken, .entities_count = 1},
     ERR_INVALID,
     "/1/entities/0/name",
     "built in"},
    {{.kind = CONTENT_PII, ON, .entities = twice, .entities_count = 2},
     ERR_INVALID,
     "/1/entities/1/name",
     "one name"},
    {{.kind = CONTENT_PII, ON, .entities = bad_regex, .entities_count = 2},
     ERR_UNSUPPORTED,
     "/1/entities/1/pattern",
     "groups"},
    {{.kind = CONTENT_PII, ON, .entities = empty_word, .entities_count = 1},
     ERR_INVALID,
     "/1/entities/0/context/1",
     "1 to 64"},
    {{.kind = CONTENT_TERMS, ON}, ERR_INVALID, "/1/patterns", "at least one"},
    {{.kind = CONTENT_TERMS, ON, .patterns = LIST(STR_INIT("fine"), STR_INIT("/(a/"))},
     ERR_SYNTAX,
     "/1/patterns/1",
     ""},
    {{.kind = CONTENT_TERMS,
      ON,
      .patterns = LIST(STR_INIT("a")),
      .except = LIST(STR_INIT("b"), STR_INIT("/a*/"))},
     ERR_INVALID,
     "/1/except/1",
     "empty"},
    {{.kind = CONTENT_REQUIRED_TERMS, ON}, ERR_INVALID, "/1/patterns", "at least one"},
    {{.kind = CONTENT_TOPICS, ON}, ERR_INVALID, "/1/topics", "at least one"},
    {{.kind = CONTENT_TOPICS, ON, .topics = LIST(STR_INIT("weather"))},
     ERR_INVALID,
     "/1/topics/0",
     "no topic"},
    {{.kind = CONTENT_INJECTION, ON, .threshold = 1001}, ERR_INVALID, "/1/threshold", "at most 1"},
    {{.kind = CONTENT_INJECTION, .effect = CONTENT_BLOCK}, ERR_INVALID, "/1", "requests"},
    {{.kind = CONTENT_INJECTION, .effect = CONTENT_MODIFY, .stages = CONTENT_REQUEST},
     ERR_UNSUPPORTED,
     "/1",
     "modify"},
    {{.kind = CONTENT_TERMS,
      .effect = CONTENT_MODIFY,
      .stages = CONTENT_REQUEST,
      .patterns = LIST(STR_INIT("a"))},
     ERR_INVALID,
     "/1/method",
     "method"},
    {{.kind = CONTENT_TERMS, ON, .patterns = LIST(STR_INIT("a")), .format = STR_INIT("a\"b")},
     ERR_INVALID,
     "/1/format",
     ""},
    {{.kind = CONTENT_KINDS, ON}, ERR_UNSUPPORTED, "/1", "unknown"},
};

static void test_what_is_refused(void **state)
{
    (void)state;
    const struct content_rule good = {.kind = CONTENT_TERMS, ON, .patterns = LIST(STR("a"))};
    const struct content_build build = {.engine = w.engine};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const struct content_rule *rules[] = {&good, &wrong[i].rule};
        struct content *c = (struct content *)1;
        struct issue issue = {.message = ""};
        enum err e = content_new(rules, 2, &build, &c, &issue);
        if (e != wrong[i].err || strcmp(issue.pointer, wrong[i].pointer) != 0 ||
            strstr(issue.message, wrong[i].words) == NULL) {
            fail_msg("%zu: %s %s: %s", i, err_name(e), issue.pointer, issue.message);
        }
        assert_null(c);
    }
    struct content *none = (struct content *)1;
    assert_int_equal(content_new(NULL, 0, &build, &none, &w.issue), ERR_OK);
    assert_null(none);
    assert_null(content_set(NULL));
    assert_int_equal(content_rules_count(NULL), 0);
    assert_int_equal(content_bytes(NULL), 0);
    content_unref(NULL);
    content_check_fini(NULL);
}

struct elsewhere {
    unsigned calls;
    enum err err;
};

static enum err compile_elsewhere(void *context, struct str source, struct buf *ret_database,
                                  struct issue *ret_issue)
{
    struct elsewhere *e = context;
    e->calls++;
    if (e->err != ERR_OK) {
        issue_set(ret_issue, "", "it took too long");
        return e->err;
    }
    return scan_terms_compile(source, ret_database, ret_issue);
}

static void test_terms_compiled_elsewhere(void **state)
{
    (void)state;
    struct elsewhere place = {.err = ERR_OK};
    const struct content_compiler compiler = {compile_elsewhere, &place};
    struct content_build build = {.engine = w.engine, .compiler = &compiler};
    struct content_rule rule = {.kind = CONTENT_TERMS, ON, .patterns = LIST(STR("a1"))};
    const struct content_rule *rules[] = {&rule};
    struct content *one, *two, *three;
    assert_int_equal(content_new(rules, 1, &build, &one, &w.issue), ERR_OK);
    assert_int_equal(place.calls, 1);
    build.previous = one;
    assert_int_equal(content_new(rules, 1, &build, &two, &w.issue), ERR_OK);
    assert_ptr_equal(one, two);
    assert_int_equal(place.calls, 1);
    rule.effect = CONTENT_WARN;
    assert_int_equal(content_new(rules, 1, &build, &three, &w.issue), ERR_OK);
    assert_ptr_not_equal(one, three);
    assert_ptr_equal(content_set(one), content_set(three));
    assert_int_equal(place.calls, 1);
    content_unref(one);
    content_unref(two);
    content_unref(three);
    place.err = ERR_TIMEOUT;
    build.previous = NULL;
    assert_int_equal(content_new(rules, 1, &build, &one, &w.issue), ERR_TIMEOUT);
    assert_null(one);
}

/* Each member makes another content; order does too. */
static void test_what_is_shared(void **state)
{
    (void)state;
    struct content_rule a = {.kind = CONTENT_TERMS, ON, .patterns = LIST(STR("ab"), STR("c"))};
    struct content_rule b = {.kind = CONTENT_TERMS, ON, .patterns = LIST(STR("a"), STR("bc"))};
    const struct content_rule *ab[] = {&a, &b}, *ba[] = {&b, &a};
    struct content_build build = {.engine = w.engine};
    struct content *one, *two;
    assert_int_equal(content_new(ab, 2, &build, &one, &w.issue), ERR_OK);
    build.previous = one;
    assert_int_equal(content_new(ba, 2, &build, &two, &w.issue), ERR_OK);
    assert_ptr_not_equal(one, two);
    assert_ptr_not_equal(content_set(one), content_set(two));
    content_unref(two);
    b.threshold = 7;
    assert_int_equal(content_new(ab, 2, &build, &two, &w.issue), ERR_OK);
    assert_ptr_not_equal(one, two);
    assert_ptr_equal(content_set(one), content_set(two));
    assert_true(content_hold_bytes_max(two) >= 2);
    assert_true(content_bytes(two) > 1000);
    content_unref(one);
    content_unref(two);
}

/* A hundred rules hit; the ones that block are told. */
static void test_hits_are_bounded(void **state)
{
    (void)state;
    enum { WARNING = 60, BLOCKING = 20 };
    struct content_rule rules[WARNING + BLOCKING];
    const struct content_rule *list[WARNING + BLOCKING];
    struct str words[WARNING + BLOCKING][2];
    static char text[1U << 16], names[WARNING + BLOCKING][2][16];
    size_t len = 0;
    for (size_t i = 0; i < WARNING + BLOCKING; i++) {
        for (size_t k = 0; k < 2; k++) {
            snprintf(names[i][k], sizeof(names[i][k]), "term%zux%zu", i, k);
            words[i][k] = str_from(names[i][k]);
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s ", names[i][k]);
        }
        rules[i] = (struct content_rule){
            .kind = CONTENT_TERMS,
            .effect = i < WARNING ? CONTENT_WARN : CONTENT_BLOCK,
            .stages = CONTENT_REQUEST,
            .patterns = {words[i], 2, true},
        };
        list[i] = &rules[i];
    }
    const struct content_build build = {.engine = w.engine};
    struct content *c;
    assert_int_equal(content_new(list, WARNING + BLOCKING, &build, &c, &w.issue), ERR_OK);
    assert_int_equal(scan_scratch_fit(w.scratch, content_set(c)), ERR_OK);
    struct content_check *k;
    const uint64_t applies[2] = {UINT64_MAX, UINT64_MAX >> (128 - WARNING - BLOCKING)};
    const struct content_env env = {.scratch = w.scratch, .hash_key = STR("x")};
    assert_int_equal(content_check_new(&w.arena, c, applies, &env, &k), ERR_OK);
    struct llm_text one = {.value = {text, len}, .pointer = STR("/input")};
    assert_int_equal(content_request_add(k, &one), ERR_OK);
    assert_int_equal(content_run(k, 1U << 20), ERR_OK);
    const struct content_hit *hits;
    size_t dropped;
    size_t count = content_hits(k, CONTENT_REQUEST, &hits, &dropped);
    assert_int_equal(count, CONTENT_HITS_MAX);
    assert_int_equal(dropped, 2 * (WARNING + BLOCKING) - CONTENT_HITS_MAX);
    assert_int_equal(content_effect(k, CONTENT_REQUEST), CONTENT_BLOCK);
    bool is_told[WARNING + BLOCKING] = {false};
    for (size_t i = 0; i < count; i++) {
        is_told[hits[i].rule] = true;
    }
    for (size_t i = WARNING; i < WARNING + BLOCKING; i++) {
        assert_true(is_told[i]);
    }
    content_check_fini(k);
    content_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_terms_compiled_elsewhere),
        cmocka_unit_test(test_what_is_shared),
        cmocka_unit_test(test_hits_are_bounded),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
