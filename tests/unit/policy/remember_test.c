/* SPDX-License-Identifier: Apache-2.0
 *
 * The decision that is remembered. Over random policies and requests it is the one that
 * would be made afresh; any fact that differs, and any verdict that says more than yes, is
 * decided again. What is remembered is marked in between, so that it shows who answered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/property_world.h"

#define MARK 1000000 /* no world has so many rules */

static struct policy_memory memory;

/* b.facts for a model, asked through the memory. True: it was remembered. */
static bool ask(const char *model, uint64_t snapshot)
{
    assert_int_equal(route_resolve(b.catalog, str_from(model), &b.models), ERR_OK);
    b.facts.models = &b.models;
    memory.verdict.rules_applied += MARK;
    assert_int_equal(policy_decide_call_again(&b.arena, &b.facts, &b.models, snapshot, &memory,
                                              &b.verdict),
                     ERR_OK);
    bool is_remembered = b.verdict.rules_applied >= MARK;
    b.verdict.rules_applied -= is_remembered ? MARK : 0;
    memory.verdict.rules_applied -= is_remembered ? MARK : 0;
    return is_remembered;
}

/* The verdict is the one made without a memory, and so are the models that are left. */
static void expect_fresh_verdict(const char *model)
{
    struct policy_verdict fresh;
    struct route_resolution models;
    struct policy_facts facts = b.facts;
    assert_int_equal(route_resolve(b.catalog, str_from(model), &models), ERR_OK);
    facts.models = &models;
    assert_int_equal(policy_decide_call(&b.arena, &facts, &models, &fresh), ERR_OK);
    assert_int_equal(models.count, b.models.count);
    assert_memory_equal(models.models, b.models.models, models.count * sizeof(models.models[0]));
    assert_true(str_eq(models.requested, b.models.requested));
    assert_int_equal(fresh.effect, b.verdict.effect);
    assert_int_equal(fresh.allowed, b.verdict.allowed);
    assert_int_equal(fresh.warned, b.verdict.warned);
    assert_int_equal(fresh.is_slot_unknown, b.verdict.is_slot_unknown);
    assert_int_equal(fresh.is_slot_denied, b.verdict.is_slot_denied);
    assert_int_equal(fresh.rules_applied, b.verdict.rules_applied);
    assert_int_equal(fresh.violations_count, b.verdict.violations_count);
    assert_int_equal(fresh.violations_dropped, b.verdict.violations_dropped);
    assert_int_equal(fresh.overrides_count, b.verdict.overrides_count);
    assert_ptr_equal(fresh.selected, b.verdict.selected);
    assert_ptr_equal(fresh.decider, b.verdict.decider);
    assert_ptr_equal(fresh.decider_rule, b.verdict.decider_rule);
    assert_int_equal(fresh.content_rules != NULL, b.verdict.content_rules != NULL);
    assert_true(str_eq(fresh.substitute, b.verdict.substitute));
    assert_true(str_eq(fresh.substituted_from, b.verdict.substituted_from));
}

static void what_is_remembered_is_what_would_be_decided(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof(*w));
    size_t remembered = 0, decided = 0;

    arena_init(&w->arena, (size_t)64 * 1024 * 1024);
    memory = (struct policy_memory){0};
    for (unsigned world = 0; world < 300; world++) {
        random_world(w, 1 + roll(POLICIES_USUAL), 4);
        if (world % 10 == 9) {
            fill_policies(w, 5);
        }
        open_world(w);
        unsigned key = 0, request = 0;
        for (unsigned i = 0; i < 120; i++) {
            struct arena facts;
            arena_init(&facts, 65536);
            arena_reset(&b.arena);
            if (i == 0 || chance(30)) {
                random_facts(&facts);
            } else {
                b.facts.tags_count = 0; /* theirs are gone */
                b.facts.environment = STR_NONE;
            }
            key = chance(20) ? roll(KEYS_COUNT + 1) : key;
            request = chance(20) ? roll(COUNT(requests)) : request;
            b.facts.org = b.org;
            b.facts.who = key < KEYS_COUNT ? w->who[key] : NULL;
            bool is_remembered = ask(requests[request], world + 1);
            remembered += is_remembered ? 1 : 0;
            decided += is_remembered ? 0 : 1;
            expect_fresh_verdict(requests[request]);
            arena_fini(&facts);
        }
    }
    assert_true(remembered > 1000 && decided > 1000);
    arena_fini(&w->arena);
    free(w);
}

static void every_other_fact_is_decided_afresh(void **state)
{
    (void)state;
    static const struct policy_pair tag = {STR_INIT("a"), STR_INIT("b")};
    assert_int_equal(
        BENCH_ORG(&b, POLICY("one", RULES(MODELS(POLICY_BLOCK, .block = LIST(STR("o3"))))),
                  POLICY("slot", .is_slot_selected = true, .slot = 3,
                         RULES(MODELS(POLICY_BLOCK, .block = LIST(STR("gpt-4o-mini"))))),
                  POLICY("home", .is_slot_selected = true, .slot = 4, .is_default = true,
                         RULES(MODELS(POLICY_BLOCK, .block = LIST(STR("gpt-4-turbo")))))),
        ERR_OK);
    struct policy_facts usual = {.org = b.org, .endpoint = LLM_CHAT};
    struct policy_facts others[8];
    for (size_t i = 0; i < 8; i++) {
        others[i] = usual;
    }
    others[0].endpoint = LLM_MESSAGES;
    others[1].has_slot = true;
    others[1].slot = 3;
    others[2] = others[1];
    others[2].slot = 4;
    others[3].tags = &tag;
    others[3].tags_count = 1;
    others[4].environment = STR("dev");
    others[5].has_slot = true; /* there is no slot 0 */
    others[6].slot = 3;
    memory = (struct policy_memory){0};
    for (size_t i = 0; i < 7; i++) {
        b.facts = usual;
        (void)ask("gpt-4o", 1);
        assert_true(ask("gpt-4o", 1));
        b.facts = others[i];
        assert_false(ask("gpt-4o", 1));
        expect_fresh_verdict("gpt-4o");
        assert_int_equal(ask("gpt-4o", 1), i <= 2 || i == 6);
    }
    b.facts = usual;
    (void)ask("gpt-4o", 1);
    assert_false(ask("gpt-4o-mini", 1));
    assert_false(ask("gpt-4o", 1));
    assert_false(ask("openai/gpt-4o", 1)); /* pinned: it could be the same list */
    assert_true(ask("openai/gpt-4o", 1));
    assert_false(ask("openai/gpt-4o", 2)); /* another snapshot, though all pointers are alike */
    assert_true(ask("openai/gpt-4o", 2));
    assert_false(ask("openai/gpt-4o", 0)); /* no number: neither used nor kept */
    assert_false(ask("openai/gpt-4o", 0));
    assert_false(ask("openai/gpt-4o", 2));
    assert_true(ask("openai/gpt-4o", 2));
}

/* What says more than yes: its texts are of the request that was decided. */
static void only_a_plain_yes_is_kept(void **state)
{
    (void)state;
    assert_int_equal(
        BENCH_ORG(&b,
                  POLICY("p", RULES(MODELS(POLICY_BLOCK, .block = LIST(STR("o3"))),
                                    MODELS(POLICY_WARN, .block = LIST(STR("gpt-4o-mini"))),
                                    MODELS(POLICY_INFO, .block = LIST(STR("gpt-4-turbo"))),
                                    MODELS(POLICY_MODIFY, .block = LIST(STR("claude-3-haiku")),
                                           .substitute = STR("gpt-4o"))))),
        ERR_OK);
    static const char *const more[] = {"o3", "gpt-4o-mini", "gpt-4-turbo", "claude-3-haiku"};
    b.facts = (struct policy_facts){.org = b.org, .endpoint = LLM_CHAT};
    memory = (struct policy_memory){0};
    for (size_t i = 0; i < COUNT(more); i++) {
        (void)ask("gpt-4o", 1);
        assert_true(ask("gpt-4o", 1));
        assert_false(ask(more[i], 1));
        assert_true(b.verdict.violations_count > 0);
        expect_fresh_verdict(more[i]);
        assert_false(ask(more[i], 1));
        assert_false(ask("gpt-4o", 1)); /* nor is what was there before */
    }
    assert_int_equal(BENCH_ORG(&b, POLICY("p", RULES({.key = STR("i"), .type = POLICY_INJECTION,
                                                      .effect = POLICY_WARN,
                                                      .is_enabled = true,
                                                      .stage = POLICY_REQUEST,
                                                      .content = &about_texts}))),
                     ERR_OK);
    b.facts.org = b.org;
    for (size_t i = 0; i < 3; i++) {
        assert_false(ask("gpt-4o", 2));
        assert_non_null(b.verdict.content_rules);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_remembered_is_what_would_be_decided),
        cmocka_unit_test(every_other_fact_is_decided_afresh),
        cmocka_unit_test(only_a_plain_yes_is_kept),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
