/* SPDX-License-Identifier: Apache-2.0
 *
 * Which providers a policy allows: the lists the seeds write down must come out
 * exactly, in catalogue order, with the reasons they show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/support.h"

static struct route_catalog *c;
static struct arena arena;

static int load(void **state)
{
    (void)state;
    c = support_catalog();
    arena_init(&arena, (size_t)16 * 1024 * 1024);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    arena_fini(&arena);
    route_catalog_free(c);
    return 0;
}

static const struct policy_provider_answer *ask(const struct policy *p)
{
    struct policy_provider_answer *answers = NULL;
    arena_reset(&arena);
    assert_int_equal(policy_providers_of(&arena, c, &(struct route_evidence){NULL, 0, 1000}, p,
                                         &answers), ERR_OK);
    return answers;
}

static void allows(const struct policy *p, const char *want)
{
    char text[1024] = "";
    size_t at = 0;
    const struct policy_provider_answer *answers = ask(p);

    for (unsigned i = 0; i < route_catalog_providers_count(c); i++) {
        if (answers[i].is_allowed) {
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%.*s", at > 0 ? " " : "",
                                   STR_ARG(route_catalog_provider(c, i)->slug));
        }
    }
    assert_string_equal(text, want);
}

static void reason(const struct policy *p, const char *slug, const char *want)
{
    const struct policy_provider_answer *a = &ask(p)[support_provider(c, slug)];
    if (!str_eq(a->reason, str_from(want))) {
        fail_msg("%s: '%.*s', not '%s'", slug, STR_ARG(a->reason), want);
    }
}

static void s0_29_hipaa_template(void **state)
{
    (void)state;
    const struct policy p = POLICY("hipaa", TEMPLATE_HIPAA);
    allows(&p, "anthropic openai azure google bedrock cohere");
}

static void s0_31_soc2_template(void **state)
{
    (void)state;
    const struct policy p = POLICY("soc2", TEMPLATE_SOC2);
    allows(&p, "anthropic openai azure google bedrock cohere groq deepinfra fireworks together "
               "mistral");
}

static void s0_32_eu_template(void **state)
{
    (void)state;
    const struct policy p = POLICY("eu", TEMPLATE_EU);
    allows(&p, "anthropic azure deepinfra mistral");
}

static void s0_34_zdr_template(void **state)
{
    (void)state;
    const struct policy p = POLICY("zdr", TEMPLATE_ZDR);
    allows(&p, "anthropic openai azure google bedrock"); /* cohere's zdr is not known */
}

static void s0_37_approved_vendors(void **state)
{
    (void)state;
    const struct policy p = POLICY("vendors", TEMPLATE_VENDORS);
    allows(&p, "anthropic openai");
}

static void s0_35_warn_blocks_nobody_but_says_why(void **state)
{
    (void)state;
    const struct policy p = POLICY("dev", TEMPLATE_DEVELOPMENT);
    const struct policy_provider_answer *a = &ask(&p)[support_provider(c, "deepseek")];

    assert_true(a->is_allowed);
    assert_int_equal(a->reasons_count, 2);
    assert_true(str_eq(a->reason, STR("China-based provider")));
    assert_true(str_eq(a->reasons[1], STR("Below minimum trust tier")));
}

/* S0-60, S0-61, S0-64: groq is of a lower tier too, but the BAA comes first. */
static void s0_61_validate_example(void **state)
{
    (void)state;
    const struct policy p = POLICY("validate", TEMPLATE_HIPAA); /* China blocked by default, C-6 */
    const struct policy_provider_answer *groq = &ask(&p)[support_provider(c, "groq")];

    assert_false(groq->is_allowed);
    assert_int_equal(groq->reasons_count, 3);
    assert_true(str_eq(groq->messages[0], STR("Provider 'groq' does not have BAA available")));
    assert_true(str_eq(groq->messages[1], STR("Provider 'groq' is not HIPAA compliant")));
    assert_true(str_eq(groq->messages[2], STR("Provider 'groq' does not meet minimum trust tier "
                                              "'most_trusted'")));
    reason(&p, "groq", "BAA not available");
    reason(&p, "deepseek", "China-based provider");
    assert_null(ask(&p)[support_provider(c, "anthropic")].reason.ptr);
}

/* S0-64: blocklist > allowlist > China > BAA > HIPAA > ZDR > SOC 2 > tier. */
static void s0_64_precedence(void **state)
{
    (void)state;
    const struct policy p = POLICY(
        "all", RULES(REQUIREMENT(POLICY_BLOCK, .min_tier = ROUTE_TIER_MOST_TRUSTED, NO_CHINA,
                                 .require = NEEDS(ROUTE_HIPAA) | NEEDS(ROUTE_BAA) |
                                            NEEDS(ROUTE_ZDR) | NEEDS(ROUTE_SOC2)),
                     PROVIDERS(POLICY_BLOCK, .allow = LIST(STR("anthropic")),
                               .block = LIST(STR("deepseek")))));
    static const char *const want[] = {
        "In provider blocklist", "Not in provider allowlist",
        "China-based provider",  "BAA not available",
        "Not HIPAA compliant",   "Zero data retention not supported",
        "No SOC 2 Type II certification", "Below minimum trust tier"};
    const struct policy_provider_answer *a = &ask(&p)[support_provider(c, "deepseek")];

    assert_int_equal(a->reasons_count, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_true(str_eq(a->reasons[i], str_from(want[i])));
    }
}

/* S3-4 to S3-12: an unknown attribute never satisfies. */
static void s3_compliance_list(void **state)
{
    (void)state;
    const struct policy p = POLICY("compliance", COMPLIANCE);
    allows(&p, "azure google bedrock groq deepinfra cerebras perplexity");
    reason(&p, "atlascloud", "Training on prompts not ruled out"); /* trains: unknown */
    reason(&p, "fireworks", "Not GDPR compliant");                 /* gdpr: unknown */
}

static void unrated_and_unknown_fail(void **state)
{
    (void)state;
    const struct policy tier =
        POLICY("tier", RULES(REQUIREMENT(POLICY_BLOCK, .min_tier = ROUTE_TIER_SKETCHY)));
    const struct policy us =
        POLICY("us", RULES(REQUIREMENT(POLICY_BLOCK,
                                       .allow_countries = LIST(STR("FR"), STR("NL")))));
    const struct policy china = POLICY("china", RULES(REQUIREMENT(POLICY_BLOCK, NO_CHINA)));
    const struct policy france =
        POLICY("fr", RULES(REQUIREMENT(POLICY_BLOCK, .block_countries = LIST(STR("FR")))));

    allows(&tier, "anthropic openai azure google bedrock cohere groq deepinfra fireworks together "
                  "mistral deepseek");
    reason(&tier, "xai", "Below minimum trust tier");
    allows(&us, "mistral nebius");
    reason(&us, "openai", "Country not allowed");
    reason(&us, "custom", "Headquarters unknown");
    reason(&china, "custom", "Headquarters unknown");
    reason(&france, "mistral", "Based in FR");
    const struct policy_provider_answer *a = &ask(&france)[support_provider(c, "mistral")];
    assert_true(str_eq(a->messages[0], STR("Provider 'mistral' is based in FR and blocked by "
                                           "policy")));
}

/* S0-19, S0-20 */
static void lists_empty_and_both(void **state)
{
    (void)state;
    const struct policy empty = POLICY(
        "empty",
        RULES(PROVIDERS(POLICY_BLOCK, .allow = {NULL, 0, true}, .block = {NULL, 0, true})));
    const struct policy both =
        POLICY("both", RULES(PROVIDERS(POLICY_BLOCK, .allow = LIST(STR("groq"), STR("openai")),
                                       .block = LIST(STR("groq")))));
    const struct policy alias =
        POLICY("alias", RULES(PROVIDERS(POLICY_BLOCK, .allow = LIST(STR("vertex-ai")))));

    for (unsigned i = 0; i < route_catalog_providers_count(c); i++) {
        assert_true(ask(&empty)[i].is_allowed);
    }
    allows(&both, "openai");
    reason(&both, "groq", "In provider blocklist");
    allows(&alias, "google");
}

static void an_attestation_changes_the_answer(void **state)
{
    (void)state;
    const struct policy p = POLICY("hipaa", TEMPLATE_HIPAA);
    const struct route_attestation list[] = {
        {support_provider(c, "cohere"), ROUTE_BAA, false, 500, 1500},
        {support_provider(c, "cohere"), ROUTE_PCI, true, 500, 1500},
    };
    struct policy_provider_answer *a = NULL;

    assert_int_equal(policy_providers_of(&arena, c, &(struct route_evidence){list, 2, 1000}, &p,
                                         &a), ERR_OK);
    assert_false(a[support_provider(c, "cohere")].is_allowed);
    assert_int_equal(policy_providers_of(&arena, c, &(struct route_evidence){list, 2, 1500}, &p,
                                         &a), ERR_OK);
    assert_true(a[support_provider(c, "cohere")].is_allowed);
}

static void disabled_and_foreign_rules_say_nothing(void **state)
{
    (void)state;
    const struct policy p =
        POLICY("off", RULES({.key = STR("a"), .type = POLICY_PROVIDER_LIST,
                             .effect = POLICY_BLOCK, .allow = LIST(STR("openai"))},
                            {.key = STR("b"), .type = POLICY_PII, .effect = POLICY_MODIFY,
                             .is_enabled = true},
                            PROVIDERS(POLICY_BLOCK, .block = LIST(STR("groq"), STR("azure")),
                                      .when = {.providers = LIST(STR("groq"))})));
    assert_true(ask(&p)[support_provider(c, "azure")].is_allowed);
    assert_false(ask(&p)[support_provider(c, "groq")].is_allowed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s0_29_hipaa_template),
        cmocka_unit_test(s0_31_soc2_template),
        cmocka_unit_test(s0_32_eu_template),
        cmocka_unit_test(s0_34_zdr_template),
        cmocka_unit_test(s0_37_approved_vendors),
        cmocka_unit_test(s0_35_warn_blocks_nobody_but_says_why),
        cmocka_unit_test(s0_61_validate_example),
        cmocka_unit_test(s0_64_precedence),
        cmocka_unit_test(s3_compliance_list),
        cmocka_unit_test(unrated_and_unknown_fail),
        cmocka_unit_test(lists_empty_and_both),
        cmocka_unit_test(an_attestation_changes_the_answer),
        cmocka_unit_test(disabled_and_foreign_rules_say_nothing),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
