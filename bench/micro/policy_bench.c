/* SPDX-License-Identifier: Apache-2.0
 *
 * What a decision and an authentication cost: CPU time, median of batches, at 10,
 * 1,000 and 10,000 rules, over random keys and models; also how long an
 * organisation takes to build and how much memory it holds.
 *
 * Rules ask for teams, environments, projects, users, roles and tags of 64 values
 * each, half of them about providers, half about models. "clean": no rule says no.
 * "refused": one provider rule does, with its sentence. The last line is what the
 * largest costs against the smallest. Run by hand, with other numbers of rules or none:
 *     PORTCULLIS_SOURCE_ROOT=. build/bench/micro/policy_bench [RULES...]
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "portcullis/policy.h"

#define BATCHES 301
#define PER_BATCH 2000
#define KEYS 400
#define VALUES 64
#define RULES_MAX 65536

static double cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static unsigned roll(unsigned below)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 20) % below;
}

static int compare_doubles(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static struct str read_file(const char *name)
{
    char path[1024];
    const char *root = getenv("PORTCULLIS_SOURCE_ROOT");
    (void)snprintf(path, sizeof(path), "%s/src/core/route/catalog/%s", root != NULL ? root : ".",
                   name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        (void)fprintf(stderr, "cannot open %s\n", path);
        exit(2);
    }
    char *text = malloc(2 * 1024 * 1024);
    size_t len = text != NULL ? fread(text, 1, 2 * 1024 * 1024, f) : 0;
    (void)fclose(f);
    return (struct str){text, len};
}

static char words[VALUES][8];

static struct str word(void)
{
    return str_from(words[roll(VALUES)]);
}

static const struct str slugs_blocked[] = {{"minimax", 7}, {"xiaomi", 6}};
static const struct str models_blocked[] = {{"minimax/*", 9}, {"o1-pro", 6}, {"step-1", 6}};
static const struct str groq = {"groq", 4};

/* Rules that nothing in the bench violates, and optionally one that groq does. */
static void fill_rule(struct policy_rule *r, struct policy_pair *tag, unsigned number)
{
    *r = (struct policy_rule){
        .key = STR("rule"),
        .type = number % 2 == 0 ? POLICY_PROVIDER_LIST : POLICY_MODEL_LIST,
        .effect = POLICY_BLOCK,
        .is_enabled = true,
    };
    if (r->type == POLICY_PROVIDER_LIST) {
        r->block = (struct policy_list){slugs_blocked, 2, true};
    } else {
        r->block = (struct policy_list){models_blocked, 3, true};
    }
    if (roll(4) == 0) {
        *tag = (struct policy_pair){STR("class"), word()};
        r->when.tags = tag;
        r->when.tags_count = 1;
    }
}

struct load {
    struct policy *policies;
    struct policy_rule *rules;
    struct policy_pair *tags;
    struct policy_key_row *keys;
    char (*texts)[80];
    char (*ids)[16];
    struct policy_org_rows rows;
};

static void fill(struct load *l, unsigned rules)
{
    unsigned per_policy = rules < 10 ? 1 : 10, policies = rules / per_policy;

    for (unsigned i = 0; i < policies; i++) {
        struct policy *p = &l->policies[i];
        (void)snprintf(l->ids[i], sizeof(l->ids[i]), "pol%u", i);
        *p = (struct policy){.id = str_from(l->ids[i]), .status = POLICY_ACTIVE, .priority = 100};
        p->level = (enum policy_level)roll(5);
        p->team = p->level == POLICY_TEAM ? word() : STR_NONE;
        p->environment = p->level == POLICY_ENVIRONMENT || roll(4) == 0 ? word() : STR_NONE;
        p->project = p->level == POLICY_PROJECT || roll(8) == 0 ? word() : STR_NONE;
        p->user = p->level == POLICY_USER ? word() : STR_NONE;
        p->role = roll(8) == 0 ? word() : STR_NONE;
        p->rules = &l->rules[i * per_policy];
        p->rules_count = per_policy;
        for (unsigned k = 0; k < per_policy; k++) {
            fill_rule(&l->rules[i * per_policy + k], &l->tags[i * per_policy + k], k);
        }
    }
    l->rules[0] = (struct policy_rule){.key = STR("groq"), .type = POLICY_PROVIDER_LIST,
                                       .effect = POLICY_BLOCK, .is_enabled = true,
                                       .block = {&groq, 1, true}};
    l->policies[0] = (struct policy){.id = str_from(l->ids[0]), .status = POLICY_ACTIVE,
                                     .rules = l->rules, .rules_count = per_policy};
    l->rows = (struct policy_org_rows){.id = STR("org"), .policies = l->policies,
                                       .policies_count = policies, .keys = l->keys,
                                       .keys_count = KEYS};
}

static void fill_keys(struct load *l)
{
    for (unsigned k = 0; k < KEYS; k++) {
        struct policy_key_text parsed;
        uint8_t dice[64];
        struct buf out;
        for (unsigned i = 0; i < 64; i++) {
            dice[i] = (uint8_t)roll(256);
        }
        buf_init(&out, 128);
        policy_key_format(&out, STR("pc_live"), dice);
        memcpy(l->texts[k], out.ptr, out.len);
        buf_fini(&out);
        if (policy_key_parse((struct str){l->texts[k], 71}, &parsed) != ERR_OK) {
            exit(2);
        }
        struct sha256 h = hmac_sha256(STR("pepper"), parsed.secret);
        l->keys[k] = (struct policy_key_row){.id = parsed.id, .team = word(),
                                             .environment = word(), .project = word(),
                                             .user = word(), .role = word(), .may_call = true};
        memcpy(l->keys[k].secret_hmac, h.bytes, 32);
    }
}

struct target {
    const struct policy_snapshot *snapshot;
    const struct policy_org *org;
    const struct policy_principal *who[KEYS];
    struct route_resolution models[4];
    size_t models_count;
    struct arena arena;
};

static double measure_decide(struct target *t, enum policy_effect want)
{
    static double ns[BATCHES];
    const struct policy_pair tags[] = {{STR("class"), str_from(words[3])},
                                       {STR("team"), STR("none")}};

    for (unsigned b = 0; b < BATCHES; b++) {
        double begin = cpu_ns();
        for (unsigned i = 0; i < PER_BATCH; i++) {
            struct policy_verdict v;
            struct policy_facts f = {.org = t->org, .who = t->who[roll(KEYS)],
                                     .endpoint = LLM_CHAT,
                                     .models = &t->models[roll((unsigned)t->models_count)],
                                     .tags = tags, .tags_count = 2};
            if (policy_decide(&t->arena, &f, &v) != ERR_OK || v.effect != want) {
                (void)fprintf(stderr, "unexpected verdict %s\n", policy_effect_name(v.effect));
                exit(2);
            }
            arena_reset(&t->arena);
        }
        ns[b] = (cpu_ns() - begin) / PER_BATCH;
    }
    qsort(ns, BATCHES, sizeof(ns[0]), compare_doubles);
    return ns[BATCHES / 2];
}

static double measure_authenticate(const struct load *l, const struct target *t)
{
    static double ns[BATCHES];

    for (unsigned b = 0; b < BATCHES; b++) {
        double begin = cpu_ns();
        for (unsigned i = 0; i < 200; i++) {
            const struct policy_principal *who;
            struct str text = {l->texts[roll(KEYS)], 71};
            if (policy_authenticate(t->snapshot, text, STR("pepper"), 1, &who) != ERR_OK) {
                exit(2);
            }
        }
        ns[b] = (cpu_ns() - begin) / 200;
    }
    qsort(ns, BATCHES, sizeof(ns[0]), compare_doubles);
    return ns[BATCHES / 2];
}

static void resolve(struct target *t, const struct route_catalog *c, const char *const *names)
{
    t->models_count = 0;
    for (; *names != NULL; names++) {
        if (route_resolve(c, str_from(*names), &t->models[t->models_count++]) != ERR_OK) {
            exit(2);
        }
    }
}

struct cost {
    double clean_ns, refused_ns;
};

static struct cost run(struct load *l, const struct route_catalog *c, unsigned rules)
{
    static const char *const clean[] = {"gpt-4o", "claude-opus-4-5", "gpt-4o-mini",
                                        "claude-3-haiku", NULL};
    static const char *const refused[] = {"groq/openai/gpt-oss-120b", NULL};
    struct target t = {0};
    struct policy_org *org = NULL;
    struct policy_snapshot *s = NULL;
    struct issue issue;
    double build_ns[9];

    fill(l, rules);
    for (unsigned i = 0; i < 9; i++) {
        double begin = cpu_ns();
        if (policy_org_new(&l->rows, &(struct policy_build){.catalog = c, .now_s = 1}, &org,
                           &issue) != ERR_OK) {
            (void)fprintf(stderr, "%s: %s\n", issue.pointer, issue.message);
            exit(2);
        }
        build_ns[i] = cpu_ns() - begin;
        if (i < 8) {
            policy_org_unref(org);
        }
    }
    qsort(build_ns, 9, sizeof(build_ns[0]), compare_doubles);
    if (policy_snapshot_new(&org, 1, c, 1, 1, &s) != ERR_OK) {
        exit(2);
    }
    t.snapshot = s;
    t.org = org;
    arena_init(&t.arena, 1024 * 1024);
    for (unsigned k = 0; k < KEYS; k++) {
        if (policy_authenticate(s, (struct str){l->texts[k], 71}, STR("pepper"), 1, &t.who[k]) !=
            ERR_OK) {
            exit(2);
        }
    }
    resolve(&t, c, clean);
    struct cost cost = {.clean_ns = measure_decide(&t, POLICY_INFO)};
    resolve(&t, c, refused);
    cost.refused_ns = measure_decide(&t, POLICY_BLOCK);
    (void)printf("%6zu rules: decide clean %6.0f ns, refused %6.0f ns, authenticate %5.0f ns, "
                 "build %7.2f ms, index %8zu bytes, all %9zu bytes\n",
                 policy_org_rules_count(org), cost.clean_ns, cost.refused_ns,
                 measure_authenticate(l, &t), build_ns[4] / 1e6, policy_org_index_bytes(org),
                 policy_org_bytes(org));
    arena_fini(&t.arena);
    policy_snapshot_free(s);
    policy_org_unref(org);
    return cost;
}

int main(int argc, char **argv)
{
    static const unsigned usual[] = {10, 1000, 10000};
    size_t count = argc > 1 ? (size_t)argc - 1 : sizeof(usual) / sizeof(usual[0]);
    struct cost first = {0}, last = {0};

    struct route_catalog *c = NULL;
    struct issue issue;
    struct str providers = read_file("providers.json"), models = read_file("models.json");
    struct load l = {
        .policies = calloc(RULES_MAX, sizeof(struct policy)),
        .rules = calloc(RULES_MAX, sizeof(struct policy_rule)),
        .tags = calloc(RULES_MAX, sizeof(struct policy_pair)),
        .keys = calloc(KEYS, sizeof(struct policy_key_row)),
        .texts = calloc(KEYS, 80),
        .ids = calloc(RULES_MAX, 16),
    };
    double begin = cpu_ns();

    if (l.policies == NULL || l.rules == NULL || l.tags == NULL || l.keys == NULL ||
        l.texts == NULL || l.ids == NULL ||
        route_catalog_new(providers, models, &c, &issue) != ERR_OK) {
        return 2;
    }
    (void)printf("catalogue: %zu models in %.2f ms\n", route_catalog_models_count(c),
                 (cpu_ns() - begin) / 1e6);
    for (unsigned i = 0; i < VALUES; i++) {
        (void)snprintf(words[i], sizeof(words[i]), "v%u", i);
    }
    fill_keys(&l);
    for (size_t i = 0; i < count; i++) {
        unsigned long rules = argc > 1 ? strtoul(argv[i + 1], NULL, 10) : usual[i];
        if (rules < 1 || rules > RULES_MAX) {
            (void)fprintf(stderr, "RULES is 1 to %d\n", RULES_MAX);
            return 2;
        }
        last = run(&l, c, (unsigned)rules);
        first = i == 0 ? last : first;
    }
    (void)printf("last against first: clean %.2fx, refused %.2fx\n",
                 last.clean_ns / first.clean_ns, last.refused_ns / first.refused_ns);
    route_catalog_free(c);
    return 0;
}
