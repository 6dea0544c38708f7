/* SPDX-License-Identifier: Apache-2.0
 *
 * Two properties over random policies, keys and requests. First: the bitmap
 * index decides as a plain loop over all rules does (the loop is written here, on
 * its own, and is test code only), for candidates and for the rules about texts that
 * hold at each of them. Second: a policy added without an override
 * never allows what was refused before.
 *
 * The dice are a fixed seed, so a failure repeats; the message names its number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/property_world.h"

/* ---- the plain loop ----------------------------------------------------------- */

struct asked {
    const struct world *w;
    const struct policy_key_row *key; /* NULL = nobody */
    const struct policy *selected[2];
    size_t selected_count;
    bool is_refused; /* slot unknown */
};

static bool in_words(const struct policy_list *list, struct str word)
{
    for (size_t i = 0; i < list->count; i++) {
        if (str_eq(list->items[i], word)) {
            return true;
        }
    }
    return false;
}

static bool in_providers(const struct policy_list *list, unsigned provider)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct route_provider *p = route_catalog_find_provider(b.catalog, list->items[i]);
        if (p != NULL && p->index == provider) {
            return true;
        }
    }
    return false;
}

static bool in_models(const struct policy_list *list, unsigned model)
{
    for (size_t i = 0; i < list->count; i++) {
        if (route_model_matches(b.catalog, model, list->items[i])) {
            return true;
        }
    }
    return false;
}

static bool share_pair(const struct policy_pair *x, size_t x_count, const struct policy_pair *y,
                       size_t y_count)
{
    for (size_t i = 0; i < x_count; i++) {
        for (size_t k = 0; k < y_count; k++) {
            if (str_eq(x[i].name, y[k].name) && str_eq(x[i].value, y[k].value)) {
                return true;
            }
        }
    }
    return x_count == 0;
}

static bool word_holds(struct str asked, struct str has)
{
    return asked.len == 0 || str_eq(asked, has);
}

/* What concerns the request, without providers and models. */
static bool match_holds(const struct asked *q, const struct policy_match *m)
{
    const struct policy_key_row none = {0}, *key = q->key != NULL ? q->key : &none;
    if (m->endpoints.count > 0 &&
        !in_words(&m->endpoints, str_from(llm_endpoint_name(b.facts.endpoint)))) {
        return false;
    }
    if (m->roles.count > 0 && (key->role.len == 0 || !in_words(&m->roles, key->role))) {
        return false;
    }
    return share_pair(m->tags, m->tags_count, b.facts.tags, b.facts.tags_count) &&
           share_pair(m->metadata, m->metadata_count, key->metadata, key->metadata_count);
}

static bool policy_holds(const struct asked *q, const struct policy *p)
{
    const struct policy_key_row none = {0}, *key = q->key != NULL ? q->key : &none;

    if (p->status != POLICY_ACTIVE || p->is_shadow) {
        return false;
    }
    bool is_on = !p->is_slot_selected;
    for (size_t i = 0; i < q->selected_count; i++) {
        is_on = is_on || q->selected[i] == p;
    }
    bool may_narrow = q->key == NULL || (q->key->may_narrow && key->environment.len == 0);
    bool in_environment = word_holds(p->environment, key->environment) ||
                          (may_narrow && word_holds(p->environment, b.facts.environment));
    return is_on && in_environment && word_holds(p->team, key->team) &&
           word_holds(p->project, key->project) && word_holds(p->user, key->user) &&
           word_holds(p->key, key->id) && word_holds(p->role, key->role) &&
           match_holds(q, &p->match);
}

static bool on_candidate(const struct policy_match *m, unsigned provider, unsigned model)
{
    return (m->providers.count == 0 || in_providers(&m->providers, provider)) &&
           (m->models.count == 0 || in_models(&m->models, model));
}

static bool says_no(const struct policy_rule *r, unsigned provider, unsigned model)
{
    const struct route_posture *p = &route_catalog_provider(b.catalog, provider)->posture;
    struct str country = str_from(p->country);

    if (r->type == POLICY_INJECTION) {
        return false;
    }
    if (r->type == POLICY_PROVIDER_LIST) {
        return in_providers(&r->block, provider) ||
               (r->allow.count > 0 && !in_providers(&r->allow, provider));
    }
    if (r->type == POLICY_MODEL_LIST) {
        return in_models(&r->block, model) ||
               (r->allow.count > 0 && !in_models(&r->allow, model));
    }
    if (p->tier < r->min_tier) {
        return true;
    }
    for (unsigned a = 0; a < ROUTE_ATTRIBUTES_COUNT; a++) {
        if ((r->require & NEEDS(a)) != 0 && p->facts[a] != ROUTE_YES) {
            return true;
        }
    }
    if (r->block_countries.count > 0 &&
        (country.len == 0 || in_words(&r->block_countries, country))) {
        return true;
    }
    return r->allow_countries.count > 0 && !in_words(&r->allow_countries, country);
}

static bool is_named(const struct policy_list *overrides, const struct policy *p,
                     const struct policy_rule *r)
{
    char both[64];
    (void)snprintf(both, sizeof(both), "%.*s:%.*s", STR_ARG(p->id), STR_ARG(r->key));
    return in_words(overrides, p->id) || in_words(overrides, r->key) ||
           in_words(overrides, str_from(both));
}

static bool is_replaced(const struct asked *q, const struct policy *p,
                        const struct policy_rule *r, unsigned provider, unsigned model)
{
    for (size_t i = 0; !p->is_locked && i < q->w->rows.policies_count; i++) {
        const struct policy *lower = &q->w->policies[i];
        if (lower->level > p->level && is_named(&lower->overrides, p, r) &&
            policy_holds(q, lower) && on_candidate(&lower->match, provider, model)) {
            return true;
        }
    }
    return false;
}

static void select_by_hand(struct asked *q)
{
    const struct policy *slots[4] = {NULL}, *fallback = NULL;

    for (size_t i = 0; i < q->w->rows.policies_count; i++) {
        const struct policy *p = &q->w->policies[i];
        if (p->status == POLICY_ACTIVE && !p->is_shadow && p->is_slot_selected) {
            slots[p->slot] = p;
            fallback = p->is_default ? p : fallback;
        }
    }
    bool is_strict = q->w->rows.slot_selection == POLICY_SLOT_STRICTER_ONLY;
    if (fallback != NULL && (!b.facts.has_slot || is_strict)) {
        q->selected[q->selected_count++] = fallback;
    }
    if (b.facts.has_slot) {
        q->is_refused = slots[b.facts.slot] == NULL || b.facts.slot == 0;
        q->selected[q->selected_count++] = slots[b.facts.slot];
    }
}

static void decide_by_hand(const struct world *w, unsigned key, uint32_t *ret_allowed,
                           uint32_t *ret_warned, size_t *ret_applied)
{
    struct asked q = {.w = w, .key = key < KEYS_COUNT ? &w->keys[key] : NULL};
    uint32_t blocked = 0, warned = 0;

    *ret_allowed = *ret_warned = 0;
    *ret_applied = 0;
    select_by_hand(&q);
    if (q.is_refused) {
        return;
    }
    for (size_t i = 0; i < w->rows.policies_count; i++) {
        const struct policy *p = &w->policies[i];
        if (!policy_holds(&q, p)) {
            continue;
        }
        for (size_t k = 0; k < p->rules_count; k++) {
            const struct policy_rule *r = &p->rules[k];
            if (!r->is_enabled || !match_holds(&q, &r->when)) {
                continue;
            }
            ++*ret_applied;
            for (size_t c = 0; c < b.models.count; c++) {
                unsigned model = b.models.models[c];
                unsigned provider = route_catalog_model(b.catalog, model)->provider;
                if (on_candidate(&p->match, provider, model) &&
                    on_candidate(&r->when, provider, model) && says_no(r, provider, model) &&
                    !is_replaced(&q, p, r, provider, model)) {
                    blocked |= r->effect == POLICY_BLOCK ? UINT32_C(1) << c : 0;
                    warned |= r->effect == POLICY_WARN ? UINT32_C(1) << c : 0;
                }
            }
        }
    }
    for (size_t c = 0; c < b.models.count; c++) {
        if (q.key != NULL && q.key->models.count > 0 &&
            !in_models(&q.key->models, b.models.models[c])) {
            blocked |= UINT32_C(1) << c;
        }
    }
    *ret_allowed = ((UINT32_C(1) << b.models.count) - 1) & ~blocked;
    *ret_warned = warned & *ret_allowed;
}

static size_t content_by_hand(const struct world *w, unsigned key, size_t candidate,
                              bool held[POLICIES_MAX][RULES_MAX])
{
    struct asked q = {.w = w, .key = key < KEYS_COUNT ? &w->keys[key] : NULL};
    unsigned model = b.models.models[candidate];
    unsigned provider = route_catalog_model(b.catalog, model)->provider;
    size_t count = 0;

    memset(held, 0, sizeof(bool) * POLICIES_MAX * RULES_MAX);
    select_by_hand(&q);
    for (size_t i = 0; !q.is_refused && i < w->rows.policies_count; i++) {
        const struct policy *p = &w->policies[i];
        for (size_t k = 0; k < p->rules_count && policy_holds(&q, p); k++) {
            const struct policy_rule *r = &p->rules[k];
            held[i][k] = r->type == POLICY_INJECTION && r->is_enabled &&
                         match_holds(&q, &r->when) && on_candidate(&p->match, provider, model) &&
                         on_candidate(&r->when, provider, model) &&
                         !is_replaced(&q, p, r, provider, model);
            count += held[i][k] ? 1 : 0;
        }
    }
    return count;
}

/* ---- the properties -------------------------------------------------------------- */

/* Every candidate's rules about texts: the same ones, no more and no fewer. */
static void compare_content(const struct world *w, unsigned world, unsigned key)
{
    static bool held[POLICIES_MAX][RULES_MAX];
    for (size_t c = 0; c < b.models.count; c++) {
        const uint64_t *bits;
        size_t wanted = content_by_hand(w, key, c, held), found = 0;
        assert_int_equal(policy_content_of(&b.arena, &b.facts, &b.verdict, c, &bits), ERR_OK);
        size_t words = (content_rules_count(policy_org_content(b.org)) + 63) / 64;
        for (size_t i = 0; bits != NULL && i < words * 64; i++) {
            if ((bits[i / 64] >> (i % 64) & 1) == 0) {
                continue;
            }
            struct policy_violation v =
                policy_violation_of_hit(b.org, &(struct content_hit){.rule = (unsigned)i});
            uint64_t number;
            assert_int_equal(str_to_u64(str_sub(v.policy->id, 3, v.policy->id.len), &number),
                             ERR_OK);
            assert_true(held[number][v.rule - v.policy->rules]);
            found++;
        }
        if (found != wanted) {
            fail_msg("world %u: %zu rules about texts, loop %zu", world, found, wanted);
        }
    }
}

static void compare(struct world *w, unsigned world, unsigned decisions)
{
    for (unsigned i = 0; i < decisions; i++) {
        unsigned key = roll(KEYS_COUNT + 1);
        uint32_t allowed, warned;
        size_t applied;
        struct arena facts;

        arena_init(&facts, 65536);
        random_facts(&facts);
        b.who = key < KEYS_COUNT ? w->who[key] : NULL;
        assert_int_equal(bench_decide(&b, requests[roll(COUNT(requests))]), ERR_OK);
        decide_by_hand(w, key, &allowed, &warned, &applied);
        if (b.verdict.allowed != allowed || b.verdict.warned != warned ||
            b.verdict.rules_applied != applied ||
            (b.verdict.effect == POLICY_BLOCK) != (allowed == 0)) {
            fail_msg("world %u, decision %u: index %x/%x/%zu, loop %x/%x/%zu", world, i,
                     b.verdict.allowed, b.verdict.warned, b.verdict.rules_applied, allowed,
                     warned, applied);
        }
        compare_content(w, world, key);
        arena_fini(&facts);
    }
}

static void the_index_decides_as_a_loop_does(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof(*w));

    arena_init(&w->arena, (size_t)64 * 1024 * 1024);
    for (unsigned world = 0; world < 400; world++) {
        bool is_large = world % 20 == 19; /* long rows: values become short lists */
        random_world(w, 1 + roll(POLICIES_USUAL), is_large ? 220 : 8);
        open_world(w);
        compare(w, world, 250);
    }
    arena_fini(&w->arena);
    free(w);
}

static void the_index_decides_as_a_loop_does_at_every_size(void **state)
{
    (void)state;
    static const struct {
        unsigned policies, rules_each, worlds;
    } sizes[] = {{5, 2, 40}, {20, 5, 40}, {50, 20, 12}, {100, 100, 6}};
    struct world *w = calloc(1, sizeof(*w));

    arena_init(&w->arena, (size_t)64 * 1024 * 1024);
    for (unsigned i = 0; i < COUNT(sizes); i++) {
        for (unsigned world = 0; world < sizes[i].worlds; world++) {
            random_world(w, sizes[i].policies, 0);
            fill_policies(w, sizes[i].rules_each);
            open_world(w);
            compare(w, sizes[i].policies * 1000 + world, 60);
        }
    }
    arena_fini(&w->arena);
    free(w);
}

static void adding_a_policy_never_allows(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof(*w));

    arena_init(&w->arena, (size_t)64 * 1024 * 1024);
    for (unsigned round = 0; round < 10000; round++) {
        unsigned count = 1 + roll(6), key = roll(KEYS_COUNT + 1);
        const char *request = requests[roll(COUNT(requests))];

        random_world(w, count, 4);
        random_policy(&w->arena, &w->policies[count], count, 4);
        random_facts(&w->arena);
        open_world(w);
        b.who = key < KEYS_COUNT ? w->who[key] : NULL;
        assert_int_equal(bench_decide(&b, request), ERR_OK);
        uint32_t before = b.verdict.allowed;
        w->rows.policies_count++;
        open_world(w);
        b.who = key < KEYS_COUNT ? w->who[key] : NULL;
        assert_int_equal(bench_decide(&b, request), ERR_OK);
        if ((b.verdict.allowed & ~before) != 0) {
            fail_msg("round %u: %x became %x", round, before, b.verdict.allowed);
        }
    }
    arena_fini(&w->arena);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_decides_as_a_loop_does),
        cmocka_unit_test(the_index_decides_as_a_loop_does_at_every_size),
        cmocka_unit_test(adding_a_policy_never_allows),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
