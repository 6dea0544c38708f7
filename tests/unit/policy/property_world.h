/* SPDX-License-Identifier: Apache-2.0
 *
 * Random policies, keys and requests for the properties of decisions. The dice are a
 * fixed seed, so a failure repeats. A test that includes it owns all of it.
 */
#ifndef TESTS_POLICY_PROPERTY_WORLD_H
#define TESTS_POLICY_PROPERTY_WORLD_H

#include "policy/support.h"

#define KEYS_COUNT 4
#define POLICIES_MAX 100
#define POLICIES_USUAL 24
#define RULES_MAX 221

static struct bench b;
static uint64_t dice_state = 88172645463325252u;

static int load(void **state)
{
    (void)state;
    bench_init(&b);
    return scan_engine_new(&b.engine) == ERR_OK ? 0 : 1;
}

static int drop(void **state)
{
    (void)state;
    bench_fini(&b);
    return 0;
}

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

/* Costs nothing to compile. */
static const struct content_rule about_texts = {
    .kind = CONTENT_INJECTION, .effect = CONTENT_WARN, .stages = CONTENT_REQUEST};

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
    if (chance(25)) {
        r->type = POLICY_INJECTION;
        r->effect = POLICY_WARN;
        r->stage = POLICY_REQUEST;
        r->content = &about_texts;
        return;
    }
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
        unsigned target = roll(POLICIES_USUAL), key = roll(5);
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

/* Just so many rules in each policy. */
static void fill_policies(struct world *w, unsigned rules)
{
    for (size_t i = 0; i < w->rows.policies_count; i++) {
        struct policy *p = &w->policies[i];
        struct policy_rule *list = ARENA_ARRAY(&w->arena, rules, struct policy_rule);
        for (unsigned k = 0; k < rules; k++) {
            random_rule(&w->arena, &list[k], k);
        }
        p->rules = list;
        p->rules_count = rules;
    }
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

#endif
