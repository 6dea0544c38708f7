/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate before activation: what this build does not enforce is refused by
 * name, nothing is made, and the place of the mistake is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

static void refused(struct policy policy, enum err want, const char *pointer, const char *words)
{
    b.issue = (struct issue){.offset = 0};
    assert_int_equal(bench_org(&b, &(struct policy_org_rows){.policies = &policy,
                                                             .policies_count = 1}),
                     want);
    assert_null(b.org);
    assert_string_equal(b.issue.pointer, pointer);
    if (strstr(b.issue.message, words) == NULL) {
        fail_msg("message: %s", b.issue.message);
    }
}

/* A refusal names what its reader knows: the policy's and the rule's name, and the id only
 * of a policy that has one. */
static void names_are_said_in_one_format(void **state)
{
    (void)state;
    struct policy p = POLICY("CHECK", RULES({.key = STR("k"), .is_enabled = true,
                                             .type = POLICY_PROVIDER_LIST,
                                             .effect = POLICY_REROUTE}));
    const char *why = "effect 'reroute' is not enforced by this build for type 'provider_list'";
    char want[256], name[81];

    p.name = STR("Night \xc3\xa4");
    refused(p, ERR_UNSUPPORTED, "/policies/0/rules/0", why);
    snprintf(want, sizeof(want), "policy 'Night \xc3\xa4', rule 'k': %s", why);
    assert_string_equal(b.issue.message, want);
    p.id = STR("01JD0000000000000000000000");
    refused(p, ERR_UNSUPPORTED, "/policies/0/rules/0", why);
    snprintf(want, sizeof(want),
             "policy 'Night \xc3\xa4' (pol_01JD0000000000000000000000), rule 'k': %s", why);
    assert_string_equal(b.issue.message, want);
    p.slot = 13;
    refused(p, ERR_INVALID, "/policies/0/slot", "slots are 1 to 12");
    assert_null(strstr(b.issue.message, "rule"));
    p.slot = 0;
    /* 79 bytes and half a character: cut in front of it */
    memset(name, 'n', 79);
    memcpy(name + 79, "\xc3\xa4", 2);
    p.name = (struct str){name, sizeof(name)};
    refused(p, ERR_UNSUPPORTED, "/policies/0/rules/0", "nnn' (pol_");
}

#define RULE(...) RULES({.key = STR("k"), .is_enabled = true, __VA_ARGS__})
#define LISTS .type = POLICY_PROVIDER_LIST, .effect = POLICY_BLOCK
#define NEEDS_TYPE .type = POLICY_PROVIDER_REQUIREMENT, .effect = POLICY_BLOCK

static void what_does_not_run_is_refused(void **state)
{
    (void)state;
    for (unsigned t = 0; t < POLICY_RULE_TYPES_COUNT; t++) {
        struct policy p = POLICY("p1", RULE(.type = (enum policy_rule_type)t,
                                            .effect = POLICY_BLOCK));
        if (policy_rule_type_is_content((enum policy_rule_type)t)) {
            continue; /* content_test.c */
        }
        if (policy_rule_type_runs((enum policy_rule_type)t)) {
            assert_int_equal(BENCH_ORG(&b, p), ERR_OK);
            bench_drop_org(&b);
        } else {
            refused(p, ERR_UNSUPPORTED, "/policies/0/rules/0",
                    policy_rule_type_name((enum policy_rule_type)t));
            assert_non_null(strstr(b.issue.message, "p1"));
            assert_non_null(strstr(b.issue.message, "'k'"));
        }
    }
    for (unsigned e = POLICY_REROUTE; e < POLICY_BLOCK; e++) {
        refused((struct policy)POLICY("p", RULE(.type = POLICY_MODEL_LIST,
                                                .effect = (enum policy_effect)e)),
                ERR_UNSUPPORTED, "/policies/0/rules/0",
                policy_effect_name((enum policy_effect)e));
    }
    refused((struct policy)POLICY("p", RULE(LISTS, .stage = POLICY_RESPONSE)), ERR_UNSUPPORTED,
            "/policies/0/rules/0", "response");
    refused((struct policy)POLICY("p", RULE(.type = POLICY_MODEL_LIST, .effect = POLICY_BLOCK,
                                            .substitute = STR("gpt-4o-mini"))),
            ERR_INVALID, "/policies/0/rules/0", "substitute");
    refused((struct policy)POLICY("p", RULE(.type = POLICY_MODEL_LIST, .effect = POLICY_MODIFY)),
            ERR_INVALID, "/policies/0/rules/0", "substitute");
    refused((struct policy)POLICY("p", RULE(.type = POLICY_PROVIDER_REQUIREMENT,
                                            .effect = POLICY_MODIFY)),
            ERR_UNSUPPORTED, "/policies/0/rules/0", "modify");
    refused((struct policy)POLICY("p", RULE(NEEDS_TYPE, .require = 1u << 31)), ERR_UNSUPPORTED,
            "/policies/0/rules/0", "attribute");
}

static void parameters_of_another_type_are_refused(void **state)
{
    (void)state;
    refused((struct policy)POLICY("p", RULE(NEEDS_TYPE, .allow = LIST(STR("openai")))),
            ERR_INVALID, "/policies/0/rules/0", "allow");
    refused((struct policy)POLICY("p", RULE(LISTS, .min_tier = ROUTE_TIER_TRUSTED)), ERR_INVALID,
            "/policies/0/rules/0", "allow and block only");
    refused((struct policy)POLICY("p", RULE(LISTS, .block_countries = LIST(STR("CN")))),
            ERR_INVALID, "/policies/0/rules/0", "allow and block only");
}

static void values_that_mean_nothing(void **state)
{
    (void)state;
    refused((struct policy)POLICY("p", RULE(NEEDS_TYPE, .block_countries = LIST(STR("cn")))),
            ERR_INVALID, "/policies/0/rules/0", "ISO 3166");
    refused((struct policy)POLICY("p", RULE(NEEDS_TYPE, .allow_countries = LIST(STR("CHN")))),
            ERR_INVALID, "/policies/0/rules/0", "CHN");
    refused((struct policy)POLICY("p", RULE(.type = POLICY_MODEL_LIST, .effect = POLICY_BLOCK,
                                            .allow = LIST(STR("gpt-4o*")))),
            ERR_INVALID, "/policies/0/rules/0", "gpt-4o*"); /* E 95 */
    refused((struct policy)POLICY("p", RULE(.type = POLICY_MODEL_LIST, .effect = POLICY_BLOCK,
                                            .block = LIST(STR("*")))),
            ERR_INVALID, "/policies/0/rules/0", "wildcard");
    refused((struct policy)POLICY("p", .match = {.endpoints = LIST(STR("chats"))}, RULE(LISTS)),
            ERR_INVALID, "/policies/0", "chats");
    refused((struct policy)POLICY("p", .match = {.tags = &(struct policy_pair){STR(""), STR("x")},
                                                 .tags_count = 1},
                                  RULE(LISTS)),
            ERR_INVALID, "/policies/0", "tag");
    refused((struct policy)POLICY("", RULE(LISTS)), ERR_INVALID, "/policies/0/id", "id");
    refused((struct policy)POLICY("p", .org_id = STR("org_2"), RULE(LISTS)), ERR_INVALID,
            "/policies/0/org_id", "another organisation");
    refused((struct policy)POLICY("p", RULES({LISTS, .is_enabled = true})), ERR_INVALID,
            "/policies/0/rules/0", "key");
    for (unsigned level = POLICY_TEAM; level <= POLICY_KEY; level++) {
        refused((struct policy)POLICY("p", .level = (enum policy_level)level, RULE(LISTS)),
                ERR_INVALID, "/policies/0/scope", policy_level_name((enum policy_level)level));
    }
    refused((struct policy)POLICY("p", .slot = 13, .is_slot_selected = true, RULE(LISTS)),
            ERR_INVALID, "/policies/0/slot", "1 to 12");
    refused((struct policy)POLICY("p", .slot = -1, .is_slot_selected = true, RULE(LISTS)),
            ERR_INVALID, "/policies/0/slot", "1 to 12");
    refused((struct policy)POLICY("p", .slot = 3, RULE(LISTS)), ERR_INVALID, "/policies/0/slot",
            "selection");
}

static void what_does_not_run_is_not_checked(void **state)
{
    (void)state;
    const struct policy draft = {.id = STR("d"), .status = POLICY_DRAFT,
                                 RULE(.type = POLICY_PII, .effect = POLICY_MODIFY)};
    const struct policy off = POLICY("o", RULES({.key = STR("k"), .type = POLICY_PII}));
    assert_int_equal(BENCH_ORG(&b, draft, off), ERR_OK);
}

/* S0-6, S0-7 */
static void conflicts_between_policies(void **state)
{
    (void)state;
    const struct policy one = POLICY("one", .slot = 3, .is_slot_selected = true, RULE(LISTS));
    const struct policy two = POLICY("two", .slot = 3, .is_slot_selected = true, RULE(LISTS));
    const struct policy d1 =
        POLICY("d1", .is_default = true, .is_slot_selected = true, RULE(LISTS));
    const struct policy d2 =
        POLICY("d2", .is_default = true, .is_slot_selected = true, RULE(LISTS));

    assert_int_equal(BENCH_ORG(&b, one, two), ERR_CONFLICT);
    assert_non_null(strstr(b.issue.message, "slot 3"));
    assert_int_equal(BENCH_ORG(&b, d1, d2), ERR_CONFLICT);
    assert_non_null(strstr(b.issue.message, "default"));
    assert_int_equal(BENCH_ORG(&b, one, one), ERR_CONFLICT);
    assert_int_equal(BENCH_ORG(&b, one, d1), ERR_OK);
}

static void keys_endpoints_attestations(void **state)
{
    (void)state;
    struct policy_key_row key = {.id = STR("short")};
    struct route_endpoint endpoint = {.id = STR("e"), .provider = 60};
    struct route_attestation a = {2, ROUTE_BAA, true, 10, 5};

    assert_int_equal(
        bench_org(&b, &(struct policy_org_rows){.keys = &key, .keys_count = 1}), ERR_INVALID);
    key = (struct policy_key_row){.id = STR("abcdefghijkl"), .pinned_slot = 13};
    assert_int_equal(
        bench_org(&b, &(struct policy_org_rows){.keys = &key, .keys_count = 1}), ERR_INVALID);
    key = (struct policy_key_row){.id = STR("abcdefghijkl"), .slots = 1};
    assert_int_equal(
        bench_org(&b, &(struct policy_org_rows){.keys = &key, .keys_count = 1}), ERR_INVALID);
    assert_int_equal(bench_org(&b, &(struct policy_org_rows){.endpoints = &endpoint,
                                                             .endpoints_count = 1}),
                     ERR_INVALID);
    assert_int_equal(bench_org(&b, &(struct policy_org_rows){.attestations = &a,
                                                             .attestations_count = 1}),
                     ERR_INVALID);
    assert_string_equal(b.issue.pointer, "/attestations");
}

static void too_many_rules_is_a_limit(void **state)
{
    (void)state;
    struct policy_rule *rules = calloc(65537, sizeof(*rules));

    assert_non_null(rules);
    for (size_t i = 0; i < 65537; i++) {
        rules[i] = (struct policy_rule){.key = STR("k"), LISTS, .is_enabled = true};
    }
    assert_int_equal(BENCH_ORG(&b, POLICY("p", .rules = rules, .rules_count = 65537)), ERR_LIMIT);
    assert_int_equal(BENCH_ORG(&b, POLICY("p", .rules = rules, .rules_count = 65536)), ERR_OK);
    assert_int_equal(policy_org_rules_count(b.org), 65536);
    assert_int_equal(bench_decide(&b, "gpt-4o"), ERR_OK);
    assert_int_equal(b.verdict.rules_applied, 65536);
    bench_drop_org(&b);
    free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_run_is_refused),
        cmocka_unit_test(names_are_said_in_one_format),
        cmocka_unit_test(parameters_of_another_type_are_refused),
        cmocka_unit_test(values_that_mean_nothing),
        cmocka_unit_test(what_does_not_run_is_not_checked),
        cmocka_unit_test(conflicts_between_policies),
        cmocka_unit_test(keys_endpoints_attestations),
        cmocka_unit_test(too_many_rules_is_a_limit),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
