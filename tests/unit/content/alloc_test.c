/* SPDX-License-Identifier: Apache-2.0
 *
 * The nth allocation fails, for every n until none is left: compiling and checking end
 * with an error that says so, leave nothing behind, and never pass a text as read.
 * Linked with --wrap=malloc; the test's own memory is spared.
 */
#include "world.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

static size_t countdown; /* 0 = none fails */
static bool has_failed;

static bool must_fail(void)
{
    if (countdown == 0 || --countdown > 0) {
        return false;
    }
    has_failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return must_fail() ? NULL : __real_realloc(p, size);
}

static struct world w;

static int load(void **state)
{
    (void)state;
    world_init(&w);
    WORLD_RULES(
        &w,
        RULE("pii", "modify", "both",
             "{\"types\":[\"email\",\"A\"],\"method\":\"pseudonym\",\"entities\":[{\"name\":"
             "\"A\",\"pattern\":\"a[0-9]+\",\"context\":[\"word\"]}],\"except\":[\"x y\"]}"),
        RULE("terms", "block", "both", "{\"patterns\":[\"falcon\",\"/b+c/\"]}"),
        RULE("required_terms", "warn", "both", "{\"patterns\":[\"please\"]}"),
        RULE("topics", "warn", "both", "{\"topics\":[\"weapons\"]}"),
        RULE("injection", "warn", "both", "{}"));
    return 0;
}

static int drop(void **state)
{
    (void)state;
    world_fini(&w);
    return 0;
}

static void test_compiling(void **state)
{
    (void)state;
    const struct content_build build = {.engine = w.engine};
    size_t failures = 0;
    for (size_t n = 1;; n++) {
        struct content *c = NULL;
        has_failed = false;
        countdown = n;
        enum err e = content_new(w.rules, 5, &build, &c, &w.issue);
        countdown = 0;
        if (!has_failed) {
            assert_int_equal(e, ERR_OK);
            content_unref(c);
            break;
        }
        /* libhs turns some of its own into "cannot be compiled". */
        assert_int_not_equal(e, ERR_OK);
        assert_null(c);
        failures++;
    }
    assert_true(failures > 10);
}

static const char body[] =
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"jane@acme.example falc\"},{"
    "\"role\":\"user\",\"content\":\"on word a12, \xc3\xa9 ZmFsY29uIGlzIGhlcmUgbm93\"},{\"role\":"
    "\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":"
    "\"f\",\"arguments\":\"{\\\"ssn\\\":\\\"bob@acme.example\\\"}\"}}]},{\"role\":\"tool\","
    "\"tool_call_id\":\"c\",\"content\":\"bombs and explosives\"}]}";

/* One check of the body with the nth allocation failing; the edited body, or NULL. */
static const char *check(const struct llm_request *r, size_t n, enum content_effect *ret_effect)
{
    const struct content_env env = {.scratch = w.scratch, .hash_key = STR("key")};
    struct content_check *k = NULL;
    struct arena a;
    const struct llm_edit *edits = NULL;
    const char *text = NULL;
    size_t count = 0;
    arena_init(&a, 1U << 24);
    countdown = n;
    enum err e = content_check_new(&a, w.content, w.applies, &env, &k);
    for (size_t i = 0; e == ERR_OK && i < r->texts_count; i++) {
        e = content_request_add(k, &r->texts[i]);
    }
    while (e == ERR_OK) {
        e = content_run(k, 64);
        if (e == ERR_OK) {
            break;
        }
        e = e == ERR_AGAIN ? ERR_OK : e;
    }
    e = e == ERR_OK ? content_edits(k, &edits, &count) : e;
    countdown = 0;
    if (e == ERR_OK) {
        buf_clear(&w.out);
        assert_int_equal(llm_edits_apply(&w.out, r->body, edits, count), ERR_OK);
        text = arena_str(&w.arena, buf_str(&w.out)).ptr;
        *ret_effect = content_effect(k, CONTENT_REQUEST);
    } else {
        assert_true(e == ERR_MEMORY || e == ERR_LIMIT);
        assert_int_equal(count, 0);
    }
    content_check_fini(k);
    arena_fini(&a);
    return text;
}

static void test_checking(void **state)
{
    (void)state;
    struct llm_request r;
    enum content_effect effect, wanted_effect;
    assert_int_equal(llm_request_parse(&w.arena, LLM_CHAT, str_from(body), true, &r, &w.issue),
                     ERR_OK);
    const char *wanted = check(&r, 0, &wanted_effect);
    assert_non_null(wanted);
    assert_int_equal(wanted_effect, CONTENT_BLOCK);
    size_t failures = 0;
    for (size_t n = 1;; n++) {
        has_failed = false;
        const char *text = check(&r, n, &effect);
        if (!has_failed) {
            break;
        }
        failures += text == NULL ? 1 : 0;
        if (text != NULL) { /* it could do without */
            assert_string_equal(text, wanted);
            assert_int_equal(effect, wanted_effect);
        }
    }
    assert_true(failures > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compiling),
        cmocka_unit_test(test_checking),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
