/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules that modify which model is called (S2-52): they forbid like a block, and where
 * nothing else stands in the way the verdict names the model to ask for instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/support.h"

static struct bench b;

static int load(void **state)
{
    (void)state;
    bench_init(&b);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    bench_fini(&b);
    return 0;
}

static void decided(const char *model, enum policy_effect effect, const char *substitute)
{
    assert_int_equal(bench_decide(&b, model), ERR_OK);
    assert_int_equal(b.verdict.effect, effect);
    if (!str_eq(b.verdict.substitute, str_from(substitute))) {
        fail_msg("%s: %.*s", model, STR_ARG(b.verdict.substitute));
    }
}

#define SOFT                                                                                       \
    RULES(MODELS(POLICY_MODIFY, .allow = LIST(STR("gpt-4o-mini"), STR("claude-3-haiku")),          \
                 .substitute = STR("gpt-4o-mini")))

static void a_forbidden_model_has_a_substitute(void **state)
{
    (void)state;
    assert_int_equal(BENCH_ORG(&b, POLICY("soft", SOFT)), ERR_OK);
    decided("gpt-4o", POLICY_BLOCK, "gpt-4o-mini");
    assert_int_equal(b.verdict.allowed, 0);
    assert_int_equal(b.verdict.violations[0].effect, POLICY_MODIFY);
    assert_true(str_eq(b.verdict.violations[0].message, STR("Model gpt-4o is not in allow list")));
    assert_true(str_eq(b.verdict.decider->id, STR("soft")));
    assert_non_null(b.verdict.decider_rule);
    decided("gpt-4o-mini", POLICY_INFO, "");
    decided("claude-3-haiku", POLICY_INFO, "");
}

/* A block of any other rule is not softened by it. */
static void a_block_stays_a_block(void **state)
{
    (void)state;
    assert_int_equal(BENCH_ORG(&b, POLICY("soft", SOFT),
                               POLICY("hard", RULES(MODELS(POLICY_BLOCK,
                                                           .block = LIST(STR("gpt-4o")))))),
                     ERR_OK);
    decided("gpt-4o", POLICY_BLOCK, "");
    assert_true(str_eq(b.verdict.decider->id, STR("hard")));
    decided("gpt-4-turbo", POLICY_BLOCK, "gpt-4o-mini");
}

/* Of several providers only those are taken away that the list names; nothing is
 * substituted while one is left. */
static void a_provider_list_reroutes_first(void **state)
{
    (void)state;
    assert_int_equal(
        BENCH_ORG(&b, POLICY("soft", RULES(PROVIDERS(POLICY_MODIFY, .block = LIST(STR("openai"))),
                                           MODELS(POLICY_MODIFY, .allow = LIST(STR("gpt-4o")),
                                                  .substitute = STR("gpt-4o"))))),
        ERR_OK);
    decided("gpt-4o", POLICY_INFO, ""); /* azure has it too */
    assert_int_not_equal(b.verdict.allowed, 0);
    decided("openai/gpt-4o", POLICY_BLOCK, ""); /* that rule knows no model */
    decided("openai/gpt-4o-mini", POLICY_BLOCK, "gpt-4o");
}

static void two_lists_the_first_in_order_names_it(void **state)
{
    (void)state;
    assert_int_equal(
        BENCH_ORG(&b,
                  POLICY("late", .priority = 20,
                         RULES(MODELS(POLICY_MODIFY, .allow = LIST(STR("claude-3-haiku")),
                                      .substitute = STR("claude-3-haiku")))),
                  POLICY("early", .priority = 10,
                         RULES(MODELS(POLICY_MODIFY, .block = LIST(STR("gpt-4o")),
                                      .substitute = STR("gpt-4-turbo"))))),
        ERR_OK);
    decided("gpt-4o", POLICY_BLOCK, "gpt-4-turbo");
    decided("gpt-4o-mini", POLICY_BLOCK, "claude-3-haiku");
}

static void called(const char *model, const char *name, size_t overrides)
{
    assert_int_equal(bench_decide(&b, model), ERR_OK); /* resolves, and prepares the facts */
    assert_int_equal(policy_decide_call(&b.arena, &b.facts, &b.models, &b.verdict), ERR_OK);
    assert_int_equal(b.verdict.overrides_count, overrides);
    assert_true(str_eq(b.models.requested, str_from(name)));
    assert_true(str_eq(b.verdict.substituted_from,
                       overrides != 0 ? str_from(model) : STR_NONE));
}

static void a_call_goes_to_the_substitute(void **state)
{
    (void)state;
    const struct policy_violation *told[8];
    assert_int_equal(
        BENCH_ORG(&b, POLICY("soft", .priority = 1, SOFT),
                  POLICY("warns", RULES(MODELS(POLICY_WARN, .block = LIST(STR("gpt-4o-mini")))))),
        ERR_OK);
    called("gpt-4o", "gpt-4o-mini", 1);
    assert_int_equal(b.verdict.effect, POLICY_WARN);
    assert_int_not_equal(b.verdict.allowed, 0);
    assert_int_equal(b.verdict.substitute.len, 0);
    size_t count = policy_warnings_of(&b.verdict, &b.models, 0, told, 8);
    assert_int_equal(count, 2);
    assert_true(str_eq(told[0]->message, STR("Model gpt-4o is not in allow list")));
    assert_int_equal(told[0]->effect, POLICY_MODIFY);
    assert_true(str_eq(told[1]->message, STR("Model gpt-4o-mini is in block list")));
    called("claude-3-haiku", "claude-3-haiku", 0);
    assert_int_equal(policy_warnings_of(&b.verdict, &b.models, 0, told, 8), 0);
}

/* A substitute that may not be called either: the refusal is about what was asked for. */
static void a_forbidden_substitute_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(BENCH_ORG(&b, POLICY("soft", SOFT),
                               POLICY("hard", RULES(MODELS(POLICY_BLOCK,
                                                           .block = LIST(STR("gpt-4o-mini")))))),
                     ERR_OK);
    called("gpt-4o", "gpt-4o", 0);
    assert_int_equal(b.verdict.allowed, 0);
    assert_int_equal(b.verdict.effect, POLICY_BLOCK);
    assert_int_equal(b.verdict.violations_count, 1);
    assert_int_equal(
        BENCH_ORG(&b, POLICY("soft", RULES(MODELS(POLICY_MODIFY, .block = LIST(STR("gpt-4o")),
                                                  .substitute = STR("gpt-99"))))),
        ERR_OK);
    called("gpt-4o", "gpt-4o", 0);
    assert_int_equal(b.verdict.allowed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forbidden_model_has_a_substitute),
        cmocka_unit_test(a_block_stays_a_block),
        cmocka_unit_test(a_provider_list_reroutes_first),
        cmocka_unit_test(two_lists_the_first_in_order_names_it),
        cmocka_unit_test(a_call_goes_to_the_substitute),
        cmocka_unit_test(a_forbidden_substitute_changes_nothing),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
