/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules about texts among the others: which combinations run, that they forbid no
 * candidate, which of them hold for a request at a candidate (scope, match, conditions,
 * overrides, locks), that they are compiled once, and how a hit becomes a violation.
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
    assert_int_equal(scan_engine_new(&b.engine), ERR_OK);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    bench_fini(&b);
    return 0;
}

#define ITEMS(...)                                                                                 \
    {                                                                                              \
        (const struct str[]){__VA_ARGS__},                                                         \
            sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str), true                   \
    }
static const struct content_rule words = {.kind = CONTENT_TERMS,
                                          .effect = CONTENT_BLOCK,
                                          .stages = CONTENT_REQUEST,
                                          .patterns = ITEMS(STR_INIT("falcon"))};
static const struct content_rule missing = {.kind = CONTENT_REQUIRED_TERMS,
                                            .effect = CONTENT_WARN,
                                            .stages = CONTENT_RESPONSE,
                                            .patterns = ITEMS(STR_INIT("disclaimer"))};
static const struct content_rule mail = {.kind = CONTENT_PII,
                                         .effect = CONTENT_MODIFY,
                                         .stages = CONTENT_REQUEST | CONTENT_RESPONSE,
                                         .method = SCAN_MASK,
                                         .types = ITEMS(STR_INIT("email"))};
static const struct content_rule typo = {.kind = CONTENT_PII,
                                         .effect = CONTENT_BLOCK,
                                         .stages = CONTENT_REQUEST,
                                         .types = ITEMS(STR_INIT("ssn"), STR_INIT("emial"))};
static const struct content_rule topics = {.kind = CONTENT_TOPICS,
                                           .effect = CONTENT_BLOCK,
                                           .stages = CONTENT_REQUEST,
                                           .topics = ITEMS(STR_INIT("weapons"))};
static const struct content_rule injection = {
    .kind = CONTENT_INJECTION, .effect = CONTENT_BLOCK, .stages = CONTENT_REQUEST};

#define ON .is_enabled = true
#define LIST_RULE PROVIDERS(POLICY_BLOCK, .stage = POLICY_SELECT)
#define WORDS(name, ...)                                                                           \
    {                                                                                              \
        .key = STR(name), .type = POLICY_TERMS, .effect = POLICY_BLOCK, .stage = POLICY_REQUEST,   \
        .content = &words, __VA_ARGS__                                                             \
    }
#define MAIL(name, ...)                                                                            \
    {                                                                                              \
        .key = STR(name), .type = POLICY_PII, .effect = POLICY_MODIFY, .stage = POLICY_BOTH,       \
        .content = &mail, __VA_ARGS__                                                              \
    }

/* The keys of the rules that hold at a candidate, in alphabetical order. */
static const char *held_at(size_t candidate)
{
    static char text[256];
    struct str keys[16];
    size_t keys_count = 0;
    const uint64_t *bits;
    assert_int_equal(policy_content_of(&b.arena, &b.facts, &b.verdict, candidate, &bits), ERR_OK);
    size_t count = content_rules_count(policy_org_content(b.org));
    for (size_t i = 0; bits != NULL && i < (count + 63) / 64 * 64; i++) {
        if ((bits[i / 64] >> (i % 64) & 1) == 0) {
            continue;
        }
        assert_true(i < count);
        struct str key =
            policy_violation_of_hit(b.org, &(struct content_hit){.rule = (unsigned)i}).rule->key;
        size_t to = keys_count++;
        for (; to > 0 && str_cmp(keys[to - 1], key) > 0; to--) {
            keys[to] = keys[to - 1];
        }
        keys[to] = key;
    }
    text[0] = '\0';
    for (size_t i = 0; i < keys_count; i++) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof(text) - at, "%s%.*s", i > 0 ? " " : "", STR_ARG(keys[i]));
    }
    return text;
}

static const char *held(const char *model, const char *environment, size_t candidate)
{
    b.facts = (struct policy_facts){.environment = str_from(environment)};
    assert_int_equal(bench_decide(&b, model), ERR_OK);
    return held_at(candidate);
}

static const struct {
    enum policy_rule_type type;
    const struct content_rule *content;
    unsigned effects; /* bits: what runs */
} runs[] = {
    {POLICY_PII, &mail, 1U << POLICY_MODIFY},
    {POLICY_TERMS, &words, 1U << POLICY_MODIFY},
    {POLICY_REQUIRED_TERMS, &missing, 0},
    {POLICY_TOPICS, &topics, 0},
    {POLICY_INJECTION, &injection, 0},
};

static void every_combination_runs_or_is_refused_by_name(void **state)
{
    (void)state;
    const unsigned plain = 1U << POLICY_INFO | 1U << POLICY_WARN | 1U << POLICY_BLOCK;
    static const enum content_effect effects[] = {
        [POLICY_WARN] = CONTENT_WARN, [POLICY_MODIFY] = CONTENT_MODIFY,
        [POLICY_BLOCK] = CONTENT_BLOCK};
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        for (unsigned e = 0; e <= POLICY_BLOCK; e++) {
            for (unsigned s = 0; s <= POLICY_BOTH; s++) {
                struct content_rule content = *runs[i].content;
                content.effect = e < POLICY_BLOCK + 1 && e != POLICY_REROUTE &&
                                         e != POLICY_THROTTLE && e != POLICY_ESCALATE
                                     ? effects[e]
                                     : CONTENT_INFO;
                content.method = SCAN_REDACT;
                struct policy p = POLICY("p", RULES({.key = STR("k"), .type = runs[i].type,
                                                     .effect = (enum policy_effect)e,
                                                     .stage = (enum policy_stage)s,
                                                     .is_enabled = true, .content = &content}));
                bool is_run =
                    ((plain | runs[i].effects) >> e & 1) != 0 && s != (unsigned)POLICY_SELECT;
                assert_int_equal(BENCH_ORG(&b, p), is_run ? ERR_OK : ERR_UNSUPPORTED);
                if (!is_run) {
                    assert_string_equal(b.issue.pointer, "/policies/0/rules/0");
                    assert_non_null(strstr(b.issue.message, policy_rule_type_name(runs[i].type)));
                }
            }
        }
    }
}

static void what_cannot_be_compiled_is_named(void **state)
{
    (void)state;
    struct policy_rule bad = {.key = STR("bad"), .type = POLICY_PII, .effect = POLICY_BLOCK,
                              .stage = POLICY_REQUEST, .is_enabled = true, .content = &typo};
    const struct policy draft = {.id = STR("d"), .status = POLICY_DRAFT};
    const struct policy_rule rules[] = {WORDS("w", ON), bad};
    const struct policy p = POLICY("p2", .rules = rules, .rules_count = 2);

    assert_int_equal(BENCH_ORG(&b, draft, POLICY("p1", RULES(MAIL("m", ON))), p), ERR_INVALID);
    assert_string_equal(b.issue.pointer, "/policies/2/rules/1/params/types/1");
    assert_non_null(strstr(b.issue.message, "p2"));
    assert_non_null(strstr(b.issue.message, "'bad'"));
    assert_non_null(strstr(b.issue.message, "did you mean \"email\""));

    struct scan_engine *engine = b.engine;
    b.engine = NULL;
    assert_int_equal(BENCH_ORG(&b, POLICY("p1", RULES(MAIL("m", ON)))), ERR_UNSUPPORTED);
    assert_int_equal(BENCH_ORG(&b, POLICY("p1", RULES(LIST_RULE))), ERR_OK);
    b.engine = engine;
    bad.content = NULL;
    assert_int_equal(BENCH_ORG(&b, POLICY("p", .rules = &bad, .rules_count = 1)), ERR_INVALID);
    bad.content = &mail;
    bad.allow = LIST(STR("openai"));
    assert_int_equal(BENCH_ORG(&b, POLICY("p", .rules = &bad, .rules_count = 1)), ERR_INVALID);
}

static void they_forbid_no_candidate(void **state)
{
    (void)state;
    assert_int_equal(BENCH_ORG(&b, POLICY("o", RULES(PROVIDERS(POLICY_BLOCK,
                                                               .block = LIST(STR("openai"))),
                                                     WORDS("w", ON), MAIL("m", ON)))),
                     ERR_OK);
    assert_int_equal(content_rules_count(policy_org_content(b.org)), 2);
    assert_string_equal(held("gpt-4o", "", 1), "m w");
    assert_int_equal(b.verdict.allowed, 2);
    assert_int_equal(b.verdict.violations_count, 1);
    assert_int_equal(b.verdict.rules_applied, 3);

    assert_int_equal(BENCH_ORG(&b, POLICY("o", RULES(LIST_RULE))), ERR_OK);
    assert_null(policy_org_content(b.org));
    assert_string_equal(held("gpt-4o", "", 0), "");
    assert_null(b.verdict.content_rules);
}

static void they_hold_where_they_say(void **state)
{
    (void)state;
    assert_int_equal(
        BENCH_ORG(&b, POLICY("o", RULES(WORDS("all", ON), MAIL("off", .is_enabled = false))),
                  POLICY("dev", .level = POLICY_ENVIRONMENT, .environment = STR("dev"),
                         RULES(WORDS("dev", ON))),
                  POLICY("azure", .match.providers = LIST(STR("azure")), RULES(MAIL("azure", ON))),
                  POLICY("mini", RULES(WORDS("mini", ON, .when.models = LIST(STR("gpt-4o-mini"))),
                                       WORDS("chat", ON, .when.endpoints = LIST(STR("chat"))),
                                       WORDS("embed", ON,
                                             .when = {.endpoints = LIST(STR("embeddings"))}))),
                  POLICY("shadow", .is_shadow = true, RULES(WORDS("shadow", ON)))),
        ERR_OK);
    assert_string_equal(held("gpt-4o", "", 0), "all chat");
    assert_string_equal(held_at(1), "all azure chat");
    assert_string_equal(held("gpt-4o", "dev", 0), "all chat dev");
    assert_string_equal(held("gpt-4o-mini", "", 0), "all chat mini");
    b.facts = (struct policy_facts){.endpoint = LLM_EMBEDDINGS, .environment = STR("test")};
    assert_int_equal(bench_decide(&b, "gpt-4o"), ERR_OK);
    assert_string_equal(held_at(0), "all embed");
}

static void overrides_and_locks(void **state)
{
    (void)state;
    const struct policy lower = POLICY("dev", .level = POLICY_ENVIRONMENT,
                                       .environment = STR("dev"),
                                       .overrides = LIST(STR("w"), STR("m")),
                                       RULES(MAIL("own", ON)));
    assert_int_equal(BENCH_ORG(&b, POLICY("o", RULES(WORDS("w", ON), MAIL("kept", ON))), lower,
                               POLICY("lock", .is_locked = true, RULES(MAIL("m", ON)))),
                     ERR_OK);
    assert_string_equal(held("gpt-4o", "", 0), "kept m w");
    assert_string_equal(held("gpt-4o", "dev", 0), "kept m own");

    /* only where the lower policy itself applies */
    struct policy azure = lower;
    azure.match.providers = LIST(STR("azure"));
    assert_int_equal(BENCH_ORG(&b, POLICY("o", RULES(WORDS("w", ON))), azure), ERR_OK);
    assert_string_equal(held("gpt-4o", "dev", 0), "w");
    assert_string_equal(held_at(1), "own");
}

/* More rules than a word, other rules among them, and rows of many blocks. */
static void many_rules(void **state)
{
    (void)state;
    enum { MANY = 700 };
    static struct policy_rule rules[2 * MANY];
    static char keys[2 * MANY][8];
    for (size_t i = 0; i < 2 * (size_t)MANY; i++) {
        const struct policy_rule word = WORDS("w", ON);
        const struct policy_rule list = LIST_RULE;
        rules[i] = i % 2 == 0 ? word : list;
        snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
        rules[i].key = str_from(keys[i]);
    }
    const struct policy p = POLICY("p", .rules = rules, .rules_count = 2 * MANY);
    assert_int_equal(BENCH_ORG(&b, p), ERR_OK);
    b.facts = (struct policy_facts){0};
    assert_int_equal(bench_decide(&b, "gpt-4o"), ERR_OK);
    const uint64_t *bits;
    assert_int_equal(policy_content_of(&b.arena, &b.facts, &b.verdict, 0, &bits), ERR_OK);
    size_t count = 0;
    for (size_t w = 0; w < (MANY + 63) / 64; w++) {
        count += (size_t)__builtin_popcountll(bits[w]);
    }
    assert_int_equal(count, MANY);
    assert_int_equal(b.verdict.rules_applied, 2 * MANY);
}

static void what_looks_for_the_same_is_shared(void **state)
{
    (void)state;
    const struct policy_rule w[] = {WORDS("w", ON)};
    struct policy p = POLICY("p", .rules = w, .rules_count = 1);
    struct policy_org_rows rows = {.id = STR("org_1"), .policies = &p, .policies_count = 1};
    struct policy_build build = {.catalog = b.catalog, .now_s = 1, .engine = b.engine};
    struct policy_org *one, *two, *three;
    assert_int_equal(policy_org_new(&rows, &build, &one, &b.issue), ERR_OK);
    build.previous = one;
    p.priority = 5;
    assert_int_equal(policy_org_new(&rows, &build, &two, &b.issue), ERR_OK);
    assert_ptr_equal(policy_org_content(one), policy_org_content(two));
    policy_org_unref(one);

    /* another effect: other rules, the same set */
    struct content_rule warns = words;
    struct policy_rule changed[] = {WORDS("w", ON)};
    warns.effect = CONTENT_WARN;
    changed[0].effect = POLICY_WARN;
    changed[0].content = &warns;
    p.rules = changed;
    build.previous = two;
    assert_int_equal(policy_org_new(&rows, &build, &three, &b.issue), ERR_OK);
    assert_ptr_not_equal(policy_org_content(two), policy_org_content(three));
    assert_ptr_equal(content_set(policy_org_content(two)), content_set(policy_org_content(three)));
    assert_true(policy_org_bytes(three) > content_bytes(policy_org_content(three)));
    policy_org_unref(two);
    assert_non_null(content_set(policy_org_content(three)));
    policy_org_unref(three);
}

static void a_hit_is_a_violation_of_its_rule(void **state)
{
    (void)state;
    assert_int_equal(BENCH_ORG(&b, POLICY("o", RULES(LIST_RULE,
                                                     WORDS("w", ON)))),
                     ERR_OK);
    struct policy_violation v = policy_violation_of_hit(
        b.org, &(struct content_hit){.rule = 0, .effect = CONTENT_WARN, .is_unscannable = true,
                                     .message = STR("Content that cannot be scanned: image")});
    assert_true(str_eq(v.policy->id, STR("o")));
    assert_true(str_eq(v.rule->key, STR("w")));
    assert_int_equal(v.effect, POLICY_WARN);
    assert_int_equal(v.provider, -1);
    assert_true(str_eq(v.message, STR("Content that cannot be scanned: image")));
    assert_null(v.rule->content); /* the row is gone */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_runs_or_is_refused_by_name),
        cmocka_unit_test(what_cannot_be_compiled_is_named),
        cmocka_unit_test(they_forbid_no_candidate),
        cmocka_unit_test(they_hold_where_they_say),
        cmocka_unit_test(overrides_and_locks),
        cmocka_unit_test(many_rules),
        cmocka_unit_test(what_looks_for_the_same_is_shared),
        cmocka_unit_test(a_hit_is_a_violation_of_its_rule),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
