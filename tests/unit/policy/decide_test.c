/* SPDX-License-Identifier: Apache-2.0
 *
 * The decision on the seeds' own examples, and every condition a rule can have:
 * scope, tags, metadata, endpoint, provider, model. Keys come out of a snapshot
 * by authentication, as in the path.
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

static void decided(const char *model, enum policy_effect effect, uint32_t allowed)
{
    assert_int_equal(bench_decide(&b, model), ERR_OK);
    assert_int_equal(b.verdict.effect, effect);
    assert_int_equal(b.verdict.allowed, allowed);
}

static void message(size_t i, const char *want)
{
    assert_true(i < b.verdict.violations_count);
    if (!str_eq(b.verdict.violations[i].message, str_from(want))) {
        fail_msg("violation %zu: '%.*s'", i, STR_ARG(b.verdict.violations[i].message));
    }
}

/* A key of the organisation, found through the snapshot as in the path. */
static void as_key(struct policy_org_rows *rows, const struct policy_key_row *key)
{
    char text[128];
    struct buf out;
    uint8_t dice[64] = {7};
    struct policy_key_text parsed;
    struct policy_key_row row = *key;

    buf_init(&out, sizeof(text));
    policy_key_format(&out, STR("pc_live"), dice);
    assert_int_equal(policy_key_parse(buf_str(&out), &parsed), ERR_OK);
    struct sha256 h = hmac_sha256(STR("pepper"), parsed.secret);
    memcpy(row.secret_hmac, h.bytes, 32);
    row.id = parsed.id;
    rows->keys = &row;
    rows->keys_count = 1;
    assert_int_equal(bench_org(&b, rows), ERR_OK);
    assert_int_equal(policy_snapshot_new(&b.org, 1, b.catalog, 7, 1000, &b.snapshot), ERR_OK);
    assert_int_equal(policy_authenticate(b.snapshot, buf_str(&out), STR("pepper"), 1000, &b.who),
                     ERR_OK);
    buf_fini(&out);
}

#define AS_KEY(key_row, ...)                                                                       \
    as_key(&(struct policy_org_rows){.policies = (const struct policy[]){__VA_ARGS__},             \
                                     .policies_count = sizeof((const struct policy[]){             \
                                                           __VA_ARGS__}) /                         \
                                                       sizeof(struct policy)},                     \
           &(struct policy_key_row)key_row)
#define ROW(...) {.may_call = true, __VA_ARGS__}

static void no_policy_allows(void **state)
{
    (void)state;
    assert_int_equal(bench_org(&b, &(struct policy_org_rows){0}), ERR_OK);
    decided("gpt-4o", POLICY_INFO, 3);
    assert_int_equal(b.verdict.rules_applied, 0);
    assert_int_equal(b.verdict.violations_count, 0);
    assert_null(b.verdict.decider);
}

static void no_candidate_is_refused(void **state)
{
    (void)state;
    assert_int_equal(bench_org(&b, &(struct policy_org_rows){0}), ERR_OK);
    b.models = (struct route_resolution){0};
    b.facts = (struct policy_facts){.org = b.org, .models = &b.models};
    assert_int_equal(policy_decide(&b.arena, &b.facts, &b.verdict), ERR_OK);
    assert_int_equal(b.verdict.effect, POLICY_BLOCK);
    b.facts.models = NULL;
    assert_int_equal(policy_decide(&b.arena, &b.facts, &b.verdict), ERR_OK);
    assert_int_equal(b.verdict.effect, POLICY_BLOCK);
}

/* S0-54 to S0-58: both sentences, China first. */
static void s0_54_hard_block(void **state)
{
    (void)state;
    assert_int_equal(
        BENCH_ORG(&b, POLICY("p", RULES(REQUIREMENT(POLICY_BLOCK, NO_CHINA,
                                                    .min_tier = ROUTE_TIER_MOST_TRUSTED)))),
        ERR_OK);
    decided("deepseek/deepseek-v3.2", POLICY_BLOCK, 0);
    assert_int_equal(b.verdict.violations_count, 2);
    message(0, "Provider 'deepseek' is China-based and blocked by policy");
    message(1, "Provider 'deepseek' does not meet minimum trust tier 'most_trusted'");
    assert_true(str_eq(b.verdict.decider->id, STR("p")));
    assert_true(str_eq(b.verdict.decider_rule->key, STR("requirements")));
    assert_int_equal(b.verdict.rules_applied, 1);
}

/* S0-59 */
static void s0_59_warn_goes_through(void **state)
{
    (void)state;
    const struct policy_violation *w[4];

    assert_int_equal(
        BENCH_ORG(&b, POLICY("p", RULES(REQUIREMENT(POLICY_WARN, .require = NEEDS(ROUTE_BAA))))),
        ERR_OK);
    decided("groq/openai/gpt-oss-120b", POLICY_WARN, 1);
    assert_int_equal(b.verdict.warned, 1);
    assert_int_equal(policy_warnings_of(&b.verdict, &b.models, 0, w, 4), 1);
    assert_true(str_eq(w[0]->message, STR("Provider 'groq' does not have BAA available")));
    assert_int_equal(policy_warnings_of(&b.verdict, &b.models, 1, w, 4), 0);
    assert_int_equal(policy_warnings_of(&b.verdict, &b.models, 0, w, 0), 0);
    decided("gpt-4o", POLICY_INFO, 3);
}

static void info_only_records(void **state)
{
    (void)state;
    assert_int_equal(
        BENCH_ORG(&b, POLICY("p", RULES(REQUIREMENT(POLICY_INFO, .require = NEEDS(ROUTE_BAA))))),
        ERR_OK);
    decided("groq/openai/gpt-oss-120b", POLICY_INFO, 1);
    assert_int_equal(b.verdict.violations_count, 1);
    assert_int_equal(b.verdict.warned, 0);
    assert_null(b.verdict.decider);
}

/* S3-2, S3-3: automatic routing drops the provider, a pinned request is refused. */
static void s3_2_removed_from_routing_and_s3_3_pinned(void **state)
{
    (void)state;
    assert_int_equal(BENCH_ORG(&b, POLICY("p", RULES(REQUIREMENT(POLICY_BLOCK, NO_CHINA)))),
                     ERR_OK);
    decided("deepseek-v3.2", POLICY_INFO, 2); /* azure is left */
    assert_int_equal(b.verdict.violations_count, 1);
    assert_int_equal(b.verdict.violations[0].candidates, 1);
    decided("deepseek/deepseek-v3.2", POLICY_BLOCK, 0);
    decided("azure/deepseek-v3.2", POLICY_INFO, 1); /* served, not made, in China counts */
}

/* S2-54, S4-36: model lists by id, alias, family. */
static void s4_36_model_access(void **state)
{
    (void)state;
    assert_int_equal(
        BENCH_ORG(&b, POLICY("p", RULES(MODELS(POLICY_BLOCK,
                                               .allow = LIST(STR("gpt-4o-mini"),
                                                             STR("claude-3-haiku")))))),
        ERR_OK);
    decided("gpt-4o-mini", POLICY_INFO, 3);
    decided("claude-3-haiku-20240307", POLICY_INFO, 1);
    decided("claude-3-haiku", POLICY_INFO, 1);
    decided("gpt-4o", POLICY_BLOCK, 0);
    assert_int_equal(b.verdict.violations_count, 1); /* one, for both providers */
    assert_int_equal(b.verdict.violations[0].candidates, 3);
    assert_int_equal(b.verdict.violations[0].provider, -1);
    message(0, "Model gpt-4o is not in allow list");
}

static void model_block_lists(void **state)
{
    (void)state;
    assert_int_equal(
        BENCH_ORG(&b, POLICY("p", RULES(MODELS(POLICY_BLOCK,
                                               .block = LIST(STR("gpt-4o"), STR("azure/*")))))),
        ERR_OK);
    decided("gpt-4o", POLICY_BLOCK, 0);
    decided("gpt-4o-2024-08-06", POLICY_BLOCK, 0);
    message(0, "Model gpt-4o-2024-08-06 is in block list");
    decided("gpt-4o-mini", POLICY_INFO, 1); /* azure's copy is gone */
    decided("claude-3-haiku", POLICY_INFO, 1);
}

/* S2-56 */
static void s2_56_provider_list_of_the_config_dialect(void **state)
{
    (void)state;
    assert_int_equal(
        BENCH_ORG(&b, POLICY("Google Only", .origin = POLICY_CONFIG,
                             RULES(PROVIDERS(POLICY_BLOCK, .allow = LIST(STR("google")))))),
        ERR_OK);
    decided("openai/gpt-4o-mini", POLICY_BLOCK, 0);
    message(0, "Provider openai is not in allow list");
}

/* 1.2 (5): priority decides what is reported first; key lists come before all. */
static void priority_orders_the_report(void **state)
{
    (void)state;
    const struct policy policies[] = {
        POLICY("late", .priority = 200, RULES(PROVIDERS(POLICY_BLOCK,
                                                        .block = LIST(STR("openai"))))),
        POLICY("early", .priority = 10, RULES(MODELS(POLICY_WARN, .block = LIST(STR("gpt-4o"))))),
        POLICY("middle", .priority = 20,
               RULES(REQUIREMENT(POLICY_BLOCK, .require = NEEDS(ROUTE_NO_LOGGING)))),
    };
    assert_int_equal(bench_org(&b, &(struct policy_org_rows){.policies = policies,
                                                             .policies_count = 3}),
                     ERR_OK);
    decided("openai/gpt-4o", POLICY_BLOCK, 0);
    assert_int_equal(b.verdict.violations_count, 3);
    message(0, "Model openai/gpt-4o is in block list");
    message(1, "Provider 'openai' does not rule out prompt logging");
    message(2, "Provider 'openai' is in the provider blocklist");
    assert_true(str_eq(b.verdict.decider->id, STR("middle"))); /* first that blocks */
}

static void drafts_shadows_and_disabled_rules_do_nothing(void **state)
{
    (void)state;
    const struct policy policies[] = {
        {.id = STR("draft"), .status = POLICY_DRAFT,
         RULES(PROVIDERS(POLICY_BLOCK, .block = LIST(STR("openai"))))},
        POLICY("shadow", .is_shadow = true,
               RULES(PROVIDERS(POLICY_BLOCK, .block = LIST(STR("openai"))))),
        POLICY("off", RULES({.key = STR("k"), .type = POLICY_PROVIDER_LIST,
                             .effect = POLICY_BLOCK, .block = LIST(STR("openai"))})),
    };
    assert_int_equal(bench_org(&b, &(struct policy_org_rows){.policies = policies,
                                                             .policies_count = 3}),
                     ERR_OK);
    decided("openai/gpt-4o", POLICY_INFO, 1);
    assert_int_equal(policy_org_rules_count(b.org), 0);
}

#define BLOCKS_OPENAI RULES(PROVIDERS(POLICY_BLOCK, .block = LIST(STR("openai"))))

static void in_scope(const struct policy *policy, size_t number, bool is_blocked)
{
    const struct policy_pair tags[] = {{STR("other"), STR("x")}, {STR("class"), STR("phi")}};
    const struct policy_pair metadata = {STR("cost"), STR("42")};
    struct policy_org_rows rows = {.policies = policy, .policies_count = 1};

    as_key(&rows, &(struct policy_key_row)ROW(.team = STR("red"), .environment = STR("prod"),
                                              .project = STR("p1"), .user = STR("ann"),
                                              .role = STR("engineer"), .metadata = &metadata,
                                              .metadata_count = 1));
    b.facts = (struct policy_facts){.endpoint = LLM_CHAT, .tags = tags, .tags_count = 2};
    assert_int_equal(bench_decide(&b, "openai/gpt-4o"), ERR_OK);
    if ((b.verdict.effect == POLICY_BLOCK) != is_blocked) {
        fail_msg("case %zu", number);
    }
    b.who = NULL;
    b.facts = (struct policy_facts){0};
}

/* S4-6, S4-21, S4-29: the scope chain of the key. */
static void scopes(void **state)
{
    (void)state;
    const struct {
        struct policy policy;
        bool is_blocked;
    } cases[] = {
        {POLICY("t", .level = POLICY_TEAM, .team = STR("red"), BLOCKS_OPENAI), true},
        {POLICY("t", .level = POLICY_TEAM, .team = STR("blue"), BLOCKS_OPENAI), false},
        {POLICY("e", .level = POLICY_ENVIRONMENT, .environment = STR("prod"), BLOCKS_OPENAI),
         true},
        {POLICY("e", .level = POLICY_ENVIRONMENT, .environment = STR("dev"), BLOCKS_OPENAI),
         false},
        {POLICY("e", .level = POLICY_ENVIRONMENT, .environment = STR("prod"),
                .team = STR("blue"), BLOCKS_OPENAI),
         false},
        {POLICY("p", .level = POLICY_PROJECT, .project = STR("p1"), BLOCKS_OPENAI), true},
        {POLICY("p", .level = POLICY_PROJECT, .project = STR("p2"), BLOCKS_OPENAI), false},
        {POLICY("u", .level = POLICY_USER, .user = STR("ann"), BLOCKS_OPENAI), true},
        {POLICY("u", .level = POLICY_USER, .user = STR("bob"), BLOCKS_OPENAI), false},
        {POLICY("k", .level = POLICY_KEY, .key = STR("000000000000"), BLOCKS_OPENAI), true},
        {POLICY("k", .level = POLICY_KEY, .key = STR("zzzzzzzzzzzz"), BLOCKS_OPENAI), false},
        {POLICY("r", .role = STR("engineer"), BLOCKS_OPENAI), true},
        {POLICY("r", .role = STR("intern"), BLOCKS_OPENAI), false},
        {POLICY("r", .match = {.roles = LIST(STR("intern"), STR("engineer"))}, BLOCKS_OPENAI),
         true},
        {POLICY("r", .role = STR("engineer"), .match = {.roles = LIST(STR("intern"))},
                BLOCKS_OPENAI),
         false},
        {POLICY("d", .match = {.endpoints = LIST(STR("chat"))}, BLOCKS_OPENAI), true},
        {POLICY("d", .match = {.endpoints = LIST(STR("embeddings"))}, BLOCKS_OPENAI), false},
        {POLICY("g", .match = {.tags = &(const struct policy_pair){STR("class"), STR("phi")},
                               .tags_count = 1},
                BLOCKS_OPENAI),
         true},
        {POLICY("g", .match = {.tags = &(const struct policy_pair){STR("class"), STR("ph")},
                               .tags_count = 1},
                BLOCKS_OPENAI),
         false},
        {POLICY("g", .match = {.tags = &(const struct policy_pair){STR("clas"), STR("sphi")},
                               .tags_count = 1},
                BLOCKS_OPENAI),
         false},
        {POLICY("m", .match = {.metadata = &(const struct policy_pair){STR("cost"), STR("42")},
                               .metadata_count = 1},
                BLOCKS_OPENAI),
         true},
        {POLICY("m", .match = {.metadata = &(const struct policy_pair){STR("cost"), STR("43")},
                               .metadata_count = 1},
                BLOCKS_OPENAI),
         false},
        {POLICY("v", .match = {.providers = LIST(STR("openai"))}, BLOCKS_OPENAI), true},
        {POLICY("v", .match = {.providers = LIST(STR("azure"))}, BLOCKS_OPENAI), false},
        {POLICY("w", .match = {.models = LIST(STR("gpt-4o"))}, BLOCKS_OPENAI), true},
        {POLICY("w", .match = {.models = LIST(STR("o3"))}, BLOCKS_OPENAI), false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        in_scope(&cases[i].policy, i, cases[i].is_blocked);
    }
}

static void the_header_only_narrows(void **state)
{
    (void)state;
    const struct policy prod = POLICY("e", .level = POLICY_ENVIRONMENT,
                                      .environment = STR("prod"), BLOCKS_OPENAI);
    const struct policy dev = POLICY("d", .level = POLICY_ENVIRONMENT, .environment = STR("dev"),
                                     RULES(PROVIDERS(POLICY_BLOCK, .block = LIST(STR("azure")))));

    b.facts = (struct policy_facts){.environment = STR("dev")};
    AS_KEY(ROW(.environment = STR("prod"), .may_narrow = true), prod, dev);
    decided("gpt-4o", POLICY_INFO, 2); /* bound to one: its rules, as without the header */
    assert_false(policy_may_enter(b.who, STR("dev")));
    assert_true(policy_may_enter(b.who, STR("prod")) && policy_may_enter(b.who, STR_NONE));
    AS_KEY(ROW(.environment = STR("prod")), prod, dev);
    decided("gpt-4o", POLICY_INFO, 2); /* may not: the header is nothing */
    AS_KEY(ROW(.may_narrow = true), prod, dev);
    decided("gpt-4o", POLICY_INFO, 1);
    assert_true(policy_may_enter(b.who, STR("dev")));
    b.who = NULL; /* validation: the header stands alone */
    decided("gpt-4o", POLICY_INFO, 1);
    b.facts = (struct policy_facts){0};
    decided("gpt-4o", POLICY_INFO, 3);
}

static void conditions_across(void **state)
{
    (void)state;
    /* a provider list for one model, a model list for one provider */
    assert_int_equal(
        BENCH_ORG(&b, POLICY("p", RULES(PROVIDERS(POLICY_BLOCK, .allow = LIST(STR("azure")),
                                                  .when = {.models = LIST(STR("gpt-4o"))}),
                                        MODELS(POLICY_BLOCK, .allow = LIST(STR("o3")),
                                               .when = {.providers = LIST(STR("openai"))})))),
        ERR_OK);
    decided("gpt-4o", POLICY_INFO, 2);
    decided("azure/gpt-4o", POLICY_INFO, 1);
    decided("gpt-4o-mini", POLICY_INFO, 2); /* openai only with o3 */
    decided("o3", POLICY_INFO, 3);
    decided("anthropic/claude-3-haiku", POLICY_INFO, 1);
    /* policy and rule condition must both hold */
    assert_int_equal(
        BENCH_ORG(&b, POLICY("p", .match = {.models = LIST(STR("gpt-4o"), STR("o3"))},
                             RULES(MODELS(POLICY_BLOCK, .block = LIST(STR("openai/*")),
                                          .when = {.models = LIST(STR("gpt-4o"),
                                                                  STR("gpt-4o-mini"))})))),
        ERR_OK);
    decided("openai/gpt-4o", POLICY_BLOCK, 0);
    decided("openai/gpt-4o-mini", POLICY_INFO, 1);
    decided("openai/o3", POLICY_INFO, 1);
}

static void tags_on_policy_and_rule_must_both_hold(void **state)
{
    (void)state;
    const struct policy_pair a = {STR("a"), STR("1")}, z = {STR("z"), STR("9")};
    const struct policy_pair both[] = {a, z};

    assert_int_equal(
        BENCH_ORG(&b, POLICY("p", .match = {.tags = &a, .tags_count = 1},
                             RULES(PROVIDERS(POLICY_BLOCK, .block = LIST(STR("openai")),
                                             .when = {.tags = &z, .tags_count = 1})))),
        ERR_OK);
    b.facts = (struct policy_facts){.tags = both, .tags_count = 2};
    decided("openai/gpt-4o", POLICY_BLOCK, 0);
    b.facts.tags_count = 1;
    decided("openai/gpt-4o", POLICY_INFO, 1);
    b.facts = (struct policy_facts){0};
}

static void the_keys_own_models(void **state)
{
    (void)state;
    AS_KEY(ROW(.models = LIST(STR("gpt-4o"), STR("anthropic/*"))),
           POLICY("p", RULES(PROVIDERS(POLICY_BLOCK, .block = LIST(STR("groq"))))));
    decided("gpt-4o", POLICY_INFO, 3);
    decided("claude-3-haiku", POLICY_INFO, 1);
    decided("gpt-4o-mini", POLICY_BLOCK, 0);
    message(0, "Model gpt-4o-mini is not allowed for this key");
    assert_null(b.verdict.decider);
    assert_null(b.verdict.decider_rule);
    assert_null(b.verdict.violations[0].policy);
    assert_int_equal(b.verdict.violations[0].effect, POLICY_BLOCK);
    AS_KEY(ROW(.models = {NULL, 0, true}),
           POLICY("p", RULES(PROVIDERS(POLICY_BLOCK, .block = LIST(STR("groq"))))));
    decided("gpt-4o-mini", POLICY_INFO, 3); /* empty = no restriction */
    AS_KEY(ROW(.models = LIST(STR("no-such-model"))),
           POLICY("p", RULES(PROVIDERS(POLICY_BLOCK, .block = LIST(STR("groq"))))));
    decided("gpt-4o-mini", POLICY_BLOCK, 0);
}

static void many_violations_are_bounded(void **state)
{
    (void)state;
    static struct policy_rule rules[1000];
    static char keys[1000][8];
    const struct policy_list openai = LIST(STR("openai"));

    for (size_t i = 0; i < 1000; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
        rules[i] = (struct policy_rule){
            .key = str_from(keys[i]),
            .type = POLICY_PROVIDER_LIST,
            .effect = i == 999 ? POLICY_BLOCK : POLICY_WARN,
            .is_enabled = true,
            .block = openai,
        };
    }
    assert_int_equal(BENCH_ORG(&b, POLICY("p", .rules = rules, .rules_count = 1000)), ERR_OK);
    decided("openai/gpt-4o", POLICY_BLOCK, 0); /* the last of them blocks */
    assert_int_equal(b.verdict.violations_count, POLICY_VIOLATIONS_MAX);
    assert_int_equal(b.verdict.violations_dropped, 1000 - POLICY_VIOLATIONS_MAX);
    assert_int_equal(b.verdict.rules_applied, 1000);
    assert_true(str_eq(b.verdict.decider->id, STR("p"))); /* and it is on the list */
    assert_int_equal(b.verdict.decider_rule->effect, POLICY_BLOCK);
}

static void attestations_have_their_time(void **state)
{
    (void)state;
    const struct policy p =
        POLICY("p", RULES(REQUIREMENT(POLICY_BLOCK, .require = NEEDS(ROUTE_BAA))));
    const struct route_attestation a = {support_provider(b.catalog, "groq"), ROUTE_BAA, true, 900,
                                        2000};

    assert_int_equal(bench_org(&b, &(struct policy_org_rows){.policies = &p,
                                                             .policies_count = 1,
                                                             .attestations = &a,
                                                             .attestations_count = 1}),
                     ERR_OK);
    decided("groq/openai/gpt-oss-120b", POLICY_INFO, 1);
    assert_int_equal(policy_org_expires_at(b.org), 2000);
    assert_int_equal(BENCH_ORG(&b, p), ERR_OK);
    decided("groq/openai/gpt-oss-120b", POLICY_BLOCK, 0);
    assert_int_equal(policy_org_expires_at(b.org), INT64_MAX);
}

/* However little memory there is: a refusal by error or an answer, never less. */
static void memory_may_run_out(void **state)
{
    (void)state;
    assert_int_equal(
        BENCH_ORG(&b, POLICY("p", RULES(REQUIREMENT(POLICY_BLOCK, NO_CHINA,
                                                    .min_tier = ROUTE_TIER_MOST_TRUSTED)))),
        ERR_OK);
    assert_int_equal(bench_decide(&b, "deepseek/deepseek-v3.2"), ERR_OK);
    bool has_failed = false, has_answered = false;
    for (size_t cap = 0; cap < 16384; cap += 16) {
        struct arena small;
        arena_init(&small, cap);
        enum err err = policy_decide(&small, &b.facts, &b.verdict);
        has_failed = has_failed || err == ERR_MEMORY;
        has_answered = has_answered || err == ERR_OK;
        assert_true(err == ERR_MEMORY ||
                    (err == ERR_OK && b.verdict.allowed == 0 && b.verdict.violations_count == 2));
        arena_fini(&small);
    }
    assert_true(has_failed && has_answered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_policy_allows),
        cmocka_unit_test(no_candidate_is_refused),
        cmocka_unit_test(s0_54_hard_block),
        cmocka_unit_test(s0_59_warn_goes_through),
        cmocka_unit_test(info_only_records),
        cmocka_unit_test(s3_2_removed_from_routing_and_s3_3_pinned),
        cmocka_unit_test(s4_36_model_access),
        cmocka_unit_test(model_block_lists),
        cmocka_unit_test(s2_56_provider_list_of_the_config_dialect),
        cmocka_unit_test(priority_orders_the_report),
        cmocka_unit_test(drafts_shadows_and_disabled_rules_do_nothing),
        cmocka_unit_test(scopes),
        cmocka_unit_test(the_header_only_narrows),
        cmocka_unit_test(conditions_across),
        cmocka_unit_test(tags_on_policy_and_rule_must_both_hold),
        cmocka_unit_test(the_keys_own_models),
        cmocka_unit_test(many_violations_are_bounded),
        cmocka_unit_test(attestations_have_their_time),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
