/* SPDX-License-Identifier: Apache-2.0
 *
 * Two properties over random policies, keys and requests. First: the bitmap
 * index decides as a plain loop over all rules does (the loop is written here, on
 * its own, and is test code only). Second: a policy added without an override
 * never allows what was refused before.
 *
 * The dice are a fixed seed, so a failure repeats; the message names its number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/support.h"

#define KEYS_COUNT 4
#define POLICIES_MAX 24

static struct bench b;
static uint64_t dice_state = 88172645463325252u;

static unsigned roll(unsigned below)
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return (unsigned)(dice_state >> 20) % below;
}

static bool chance(unsigned percent)
{
    return roll(100) < percent;
}

/* ---- random inputs --------------------------------------------------------- */

static const char *const teams[] = {"t0", "t1", "t2"};
static const char *const environments[] = {"dev", "prod"};
static const char *const projects[] = {"p0", "p1", "p2", "p3"};
static const char *const users[] = {"u0", "u1", "u2"};
static const char *const roles[] = {"r0", "r1"};
static const char *const slugs[] = {"anthropic", "openai", "azure", "google", "groq",
                                    "mistral", "deepseek", "vertex", "no-such", "custom"};
static const char *const entries[] = {"gpt-4o", "gpt-4o-mini", "openai/*", "azure/*", "o3",
                                      "claude-3-haiku", "deepseek/deepseek-v3.2", "no-such",
                                      "mistral-nemo", "groq/*", "claude-opus-4-5"};
static const char *const requests[] = {"gpt-4o", "gpt-4o-mini", "claude-3-haiku", "o3",
                                       "deepseek-v3.2", "deepseek/deepseek-v3.2",
                                       "openai/gpt-oss-120b", "mistral-nemo",
                                       "claude-opus-4-5", "azure/gpt-4o", "gemini-2.5-pro"};
static const char *const countries[] = {"CN", "US", "FR", "CA"};
static const char *const endpoints[] = {"chat", "messages", "embeddings"};
static const struct {
    const char *name, *value;
} pairs[] = {{"a", "1"}, {"a", "2"}, {"b", "1"}, {"class", "phi"}};
#define COUNT(x) (unsigned)(sizeof(x) / sizeof((x)[0]))
#define PICK(x) str_from((x)[roll(COUNT(x))])

static struct policy_list random_list(struct arena *a, const char *const *words, unsigned count)
{
    struct policy_list list = {.is_set = true, .count = 1 + roll(3)};
    struct str *items = ARENA_ARRAY(a, list.count, struct str);
    for (size_t i = 0; i < list.count; i++) {
        items[i] = str_from(words[roll(count)]);
    }
    list.items = items;
    return list;
}

static const struct policy_pair *random_pairs(struct arena *a, size_t *ret_count)
{
    *ret_count = 1 + roll(2);
    struct policy_pair *list = ARENA_ARRAY(a, *ret_count, struct policy_pair);
    for (size_t i = 0; i < *ret_count; i++) {
        unsigned n = roll(COUNT(pairs));
        list[i] = (struct policy_pair){str_from(pairs[n].name), str_from(pairs[n].value)};
        if (chance(50)) { /* rare values: few rules ask for them */
            list[i] = (struct policy_pair){STR("rare"), arena_printf(a, "%u", roll(40))};
        }
    }
    return list;
}

static void random_match(struct arena *a, struct policy_match *m, unsigned percent)
{
    if (chance(percent)) {
        m->providers = random_list(a, slugs, COUNT(slugs));
    }
    if (chance(percent)) {
        m->models = random_list(a, entries, COUNT(entries));
    }
    if (chance(percent)) {
        m->endpoints = random_list(a, endpoints, COUNT(endpoints));
    }
    if (chance(percent)) {
        m->roles = random_list(a, roles, COUNT(roles));
    }
    if (chance(percent)) {
        m->tags = random_pairs(a, &m->tags_count);
    }
    if (chance(percent)) {
        m->metadata = random_pairs(a, &m->metadata_count);
    }
}

static void random_rule(struct arena *a, struct policy_rule *r, unsigned number)
{
    static const enum policy_effect effects[] = {POLICY_BLOCK, POLICY_BLOCK, POLICY_WARN,
                                                 POLICY_INFO};
    *r = (struct policy_rule){
        .key = arena_printf(a, "k%u", number % 5),
        .type = (enum policy_rule_type)roll(3),
        .effect = effects[roll(4)],
        .is_enabled = chance(95),
    };
    random_match(a, &r->when, 12);
    if (r->type == POLICY_PROVIDER_REQUIREMENT) {
        r->min_tier = chance(30) ? (enum route_tier)roll(4) : ROUTE_TIER_UNRATED;
        r->require = chance(50) ? NEEDS(roll(ROUTE_ATTRIBUTES_COUNT)) : 0;
        if (chance(30)) {
            r->block_countries = random_list(a, countries, COUNT(countries));
        }
        if (chance(10)) {
            r->allow_countries = random_list(a, countries, COUNT(countries));
        }
        return;
    }
    bool is_provider = r->type == POLICY_PROVIDER_LIST;
    const char *const *words = is_provider ? slugs : entries;
    unsigned count = is_provider ? COUNT(slugs) : COUNT(entries);
    if (chance(40)) {
        r->allow = random_list(a, words, count);
    }
    if (chance(60)) {
        r->block = random_list(a, words, count);
    }
}

static void random_policy(struct arena *a, struct policy *p, unsigned number, unsigned rules_max)
{
    *p = (struct policy){
        .id = arena_printf(a, "pol%u", number),
        .status = chance(95) ? POLICY_ACTIVE : POLICY_DRAFT,
        .is_shadow = chance(5),
        .level = (enum policy_level)roll(6),
        .priority = (int)roll(3),
        .is_locked = chance(15),
    };
    p->team = p->level == POLICY_TEAM || chance(8) ? PICK(teams) : STR_NONE;
    p->environment =
        p->level == POLICY_ENVIRONMENT || chance(8) ? PICK(environments) : STR_NONE;
    p->project = p->level == POLICY_PROJECT || chance(8) ? PICK(projects) : STR_NONE;
    p->user = p->level == POLICY_USER || chance(5) ? PICK(users) : STR_NONE;
    p->key = p->level == POLICY_KEY ? STR("000000000000") : STR_NONE;
    p->role = chance(8) ? PICK(roles) : STR_NONE;
    random_match(a, &p->match, 6);
    p->rules_count = roll(rules_max + 1);
    struct policy_rule *rules = ARENA_ARRAY(a, p->rules_count, struct policy_rule);
    for (unsigned i = 0; i < p->rules_count; i++) {
        random_rule(a, &rules[i], i);
    }
    p->rules = rules;
}

static void random_override(struct arena *a, struct policy *p)
{
    struct str *items = ARENA_ARRAY(a, 2, struct str);
    for (unsigned i = 0; i < 2; i++) {
        unsigned target = roll(POLICIES_MAX), key = roll(5);
        items[i] = chance(30)   ? arena_printf(a, "pol%u", target)
                   : chance(50) ? arena_printf(a, "k%u", key)
                                : arena_printf(a, "pol%u:k%u", target, key);
    }
    p->overrides = (struct policy_list){items, 2, true};
}

struct world {
    struct arena arena;
    struct policy policies[POLICIES_MAX];
    struct policy_key_row keys[KEYS_COUNT];
    char texts[KEYS_COUNT][80];
    struct policy_org_rows rows;
    const struct policy_principal *who[KEYS_COUNT + 1]; /* the last: nobody */
};

static void random_keys(struct world *w)
{
    for (unsigned k = 0; k < KEYS_COUNT; k++) {
        struct policy_key_text parsed;
        uint8_t dice[64] = {(uint8_t)k, 9};
        struct buf out;
        dice[40] = (uint8_t)k; /* the key of number 0 has the id 000000000000 */
        buf_init(&out, 128);
        policy_key_format(&out, STR("pc_test"), dice);
        memcpy(w->texts[k], out.ptr, 71);
        buf_fini(&out);
        assert_int_equal(policy_key_parse((struct str){w->texts[k], 71}, &parsed), ERR_OK);
        struct policy_key_row *row = &w->keys[k];
        *row = (struct policy_key_row){
            .id = parsed.id,
            .team = chance(70) ? PICK(teams) : STR_NONE,
            .environment = chance(60) ? PICK(environments) : STR_NONE,
            .project = chance(70) ? PICK(projects) : STR_NONE,
            .user = chance(70) ? PICK(users) : STR_NONE,
            .role = chance(70) ? PICK(roles) : STR_NONE,
            .may_narrow = chance(50),
        };
        if (chance(20)) {
            row->models = random_list(&w->arena, entries, COUNT(entries));
        }
        if (chance(50)) {
            row->metadata = random_pairs(&w->arena, &row->metadata_count);
        }
        struct sha256 h = hmac_sha256(STR("x"), parsed.secret);
        memcpy(row->secret_hmac, h.bytes, 32);
    }
}

static void random_world(struct world *w, unsigned policies, unsigned rules_max)
{
    arena_reset(&w->arena);
    for (unsigned i = 0; i < policies; i++) {
        random_policy(&w->arena, &w->policies[i], i, rules_max);
        if (chance(25)) {
            random_override(&w->arena, &w->policies[i]);
        }
    }
    for (unsigned s = 0; s < 3 && s < policies; s++) { /* slots 1, 2 and the default */
        struct policy *p = &w->policies[s];
        p->is_slot_selected = chance(60);
        p->slot = p->is_slot_selected && s < 2 ? (int)s + 1 : 0;
        p->is_default = p->is_slot_selected && s == 2;
    }
    random_keys(w);
    w->rows = (struct policy_org_rows){
        .policies = w->policies,
        .policies_count = policies,
        .keys = w->keys,
        .keys_count = KEYS_COUNT,
        .slot_selection = chance(50) ? POLICY_SLOT_ANY : POLICY_SLOT_STRICTER_ONLY,
    };
}

static void open_world(struct world *w)
{
    if (bench_org(&b, &w->rows) != ERR_OK) {
        fail_msg("%s: %s", b.issue.pointer, b.issue.message);
    }
    assert_int_equal(policy_snapshot_new(&b.org, 1, b.catalog, 1, 1, &b.snapshot), ERR_OK);
    for (unsigned k = 0; k < KEYS_COUNT; k++) {
        assert_int_equal(policy_authenticate(b.snapshot, (struct str){w->texts[k], 71}, STR("x"),
                                             1, &w->who[k]),
                         ERR_OK);
    }
}

static void random_facts(struct arena *a)
{
    static const enum llm_endpoint operations[] = {LLM_CHAT, LLM_MESSAGES, LLM_EMBEDDINGS,
                                                   LLM_RESPONSES};
    b.facts = (struct policy_facts){
        .endpoint = operations[roll(4)],
        .has_slot = chance(20),
        .slot = 1 + roll(3),
        .environment = chance(30) ? PICK(environments) : STR_NONE,
    };
    if (chance(60)) {
        b.facts.tags = random_pairs(a, &b.facts.tags_count);
    }
}

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
    bool may_narrow = q->key == NULL || q->key->may_narrow;
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

/* ---- the properties -------------------------------------------------------------- */

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
        random_world(w, 1 + roll(POLICIES_MAX), is_large ? 220 : 8);
        open_world(w);
        compare(w, world, 250);
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
        cmocka_unit_test(adding_a_policy_never_allows),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
