/* SPDX-License-Identifier: Apache-2.0
 *
 * Inheritance and overrides (S4-31, S4-40; product page 1.2): a lower policy
 * replaces a higher unlocked rule only when it says so; locked is locked.
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

#define BLOCKS(slug) RULES(PROVIDERS(POLICY_BLOCK, .block = LIST(STR(slug))))
#define DEV .level = POLICY_ENVIRONMENT, .environment = STR("dev")

static void allowed(const char *model, const char *environment, uint32_t want)
{
    b.facts = (struct policy_facts){.environment = str_from(environment)};
    assert_int_equal(bench_decide(&b, model), ERR_OK);
    assert_int_equal(b.verdict.allowed, want);
}

static void lower_policies_only_tighten_by_default(void **state)
{
    (void)state;
    /* same key, same type, lower level: still no override without saying so */
    assert_int_equal(
        BENCH_ORG(&b, POLICY("org", BLOCKS("openai")), POLICY("dev", DEV, BLOCKS("azure"))),
        ERR_OK);
    allowed("gpt-4o", "", 2);
    allowed("gpt-4o", "dev", 0);
}

static void three_ways_to_name_a_rule(void **state)
{
    (void)state;
    const struct policy_list names[] = {LIST(STR("org")), LIST(STR("providers")),
                                        LIST(STR("org:providers")), LIST(STR("gpol_org"))};

    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(BENCH_ORG(&b, POLICY("org", BLOCKS("openai")),
                                   POLICY("dev", DEV, .overrides = names[i], BLOCKS("azure"))),
                         ERR_OK);
        allowed("gpt-4o", "", 2);
        allowed("gpt-4o", "dev", 1); /* azure instead of openai */
    }
}

static void names_that_hit_nothing(void **state)
{
    (void)state;
    const struct policy_list names[] = {LIST(STR("orga")), LIST(STR("org:models")),
                                        LIST(STR("other:providers")), LIST(STR("pol_orga"))};

    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(BENCH_ORG(&b, POLICY("org", BLOCKS("openai")),
                                   POLICY("dev", DEV, .overrides = names[i], BLOCKS("azure"))),
                         ERR_OK);
        allowed("gpt-4o", "dev", 0);
    }
}

static void locked_rules_can_only_be_tightened(void **state)
{
    (void)state;
    assert_int_equal(
        BENCH_ORG(&b, POLICY("org", .is_locked = true, BLOCKS("openai")),
                  POLICY("dev", DEV, .overrides = LIST(STR("org"), STR("providers")),
                         BLOCKS("azure"))),
        ERR_OK);
    allowed("gpt-4o", "dev", 0);
}

static void never_upwards_nor_sideways(void **state)
{
    (void)state;
    assert_int_equal(BENCH_ORG(&b, POLICY("dev", DEV, BLOCKS("openai")),
                               POLICY("org", .overrides = LIST(STR("dev")), BLOCKS("azure"))),
                     ERR_OK);
    allowed("gpt-4o", "dev", 0);
    assert_int_equal(BENCH_ORG(&b, POLICY("a", BLOCKS("openai")),
                               POLICY("b", .overrides = LIST(STR("a")), BLOCKS("azure"))),
                     ERR_OK);
    allowed("gpt-4o", "", 0);
}

static void an_override_applies_where_its_policy_does(void **state)
{
    (void)state;
    /* only for chat, only for the provider it matches, only when not a shadow */
    assert_int_equal(BENCH_ORG(&b, POLICY("org", RULES(PROVIDERS(POLICY_BLOCK,
                                                  .block = LIST(STR("openai"), STR("azure"))))),
                               POLICY("dev", DEV, .overrides = LIST(STR("org")),
                                      .match = {.providers = LIST(STR("azure"))})),
                     ERR_OK);
    allowed("gpt-4o", "dev", 2);
    allowed("gpt-4o", "", 0);
    assert_int_equal(BENCH_ORG(&b, POLICY("org", BLOCKS("openai")),
                               POLICY("dev", DEV, .overrides = LIST(STR("org")),
                                      .match = {.models = LIST(STR("gpt-4o"))})),
                     ERR_OK);
    allowed("openai/gpt-4o", "dev", 1);
    allowed("openai/gpt-4o-mini", "dev", 0);
    assert_int_equal(BENCH_ORG(&b, POLICY("org", BLOCKS("openai")),
                               POLICY("dev", DEV, .overrides = LIST(STR("org")),
                                      .match = {.endpoints = LIST(STR("embeddings"))})),
                     ERR_OK);
    allowed("openai/gpt-4o", "dev", 0);
    assert_int_equal(BENCH_ORG(&b, POLICY("org", BLOCKS("openai")),
                               POLICY("dev", DEV, .is_shadow = true,
                                      .overrides = LIST(STR("org")))),
                     ERR_OK);
    allowed("openai/gpt-4o", "dev", 0);
}

static void one_rule_of_several(void **state)
{
    (void)state;
    assert_int_equal(
        BENCH_ORG(&b, POLICY("org", RULES(PROVIDERS(POLICY_BLOCK, .block = LIST(STR("openai"))),
                                          MODELS(POLICY_BLOCK, .block = LIST(STR("o3"))))),
                  POLICY("dev", DEV, .overrides = LIST(STR("org:models")))),
        ERR_OK);
    allowed("o3", "dev", 2);
    allowed("o3", "", 0);
}

/* Naming a policy replaces its rules, not what it overrode itself. */
static void a_chain_of_overrides(void **state)
{
    (void)state;
    assert_int_equal(
        BENCH_ORG(&b, POLICY("org", BLOCKS("openai")),
                  POLICY("dev", DEV, .overrides = LIST(STR("org")), BLOCKS("azure")),
                  POLICY("proj", .level = POLICY_PROJECT, .project = STR("p"),
                         .overrides = LIST(STR("dev")))),
        ERR_OK);
    allowed("gpt-4o", "dev", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lower_policies_only_tighten_by_default),
        cmocka_unit_test(three_ways_to_name_a_rule),
        cmocka_unit_test(names_that_hit_nothing),
        cmocka_unit_test(locked_rules_can_only_be_tightened),
        cmocka_unit_test(never_upwards_nor_sideways),
        cmocka_unit_test(an_override_applies_where_its_policy_does),
        cmocka_unit_test(one_rule_of_several),
        cmocka_unit_test(a_chain_of_overrides),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
