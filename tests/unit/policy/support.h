/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests of decisions: policies as literals, an organisation made of them, and
 * one call that decides for a model name. Header only, so that each test stays
 * one file. The catalogue is the shipped one.
 */
#ifndef TESTS_POLICY_SUPPORT_H
#define TESTS_POLICY_SUPPORT_H

#include "portcullis/policy.h"
#include "route/support.h"

#define LIST(...)                                                                                  \
    ((struct policy_list){(const struct str[]){__VA_ARGS__},                                       \
                          sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str), true})
#define RULES(...)                                                                                 \
    .rules = (const struct policy_rule[]){__VA_ARGS__},                                            \
    .rules_count = sizeof((const struct policy_rule[]){__VA_ARGS__}) / sizeof(struct policy_rule)
#define NEEDS(attribute) (UINT32_C(1) << (attribute))

/* The two rules the governance dialect makes (spec: policy examples). */
#define REQUIREMENT(how, ...)                                                                      \
    {                                                                                              \
        .key = STR("requirements"), .type = POLICY_PROVIDER_REQUIREMENT, .effect = (how),          \
        .is_enabled = true, __VA_ARGS__                                                            \
    }
#define PROVIDERS(how, ...)                                                                        \
    {                                                                                              \
        .key = STR("providers"), .type = POLICY_PROVIDER_LIST, .effect = (how),                    \
        .is_enabled = true, __VA_ARGS__                                                            \
    }
#define MODELS(how, ...)                                                                           \
    {                                                                                              \
        .key = STR("models"), .type = POLICY_MODEL_LIST, .effect = (how), .is_enabled = true,      \
        __VA_ARGS__                                                                                \
    }
#define NO_CHINA .block_countries = LIST(STR("CN"))

#define POLICY(id_text, ...)                                                                       \
    {                                                                                              \
        .id = STR(id_text), .name = STR(id_text), .status = POLICY_ACTIVE, __VA_ARGS__             \
    }

/* S0's templates (S0-28 to S0-37). */
#define TEMPLATE_HIPAA                                                                             \
    RULES(REQUIREMENT(POLICY_BLOCK, .min_tier = ROUTE_TIER_MOST_TRUSTED, NO_CHINA,                 \
                      .require = NEEDS(ROUTE_HIPAA) | NEEDS(ROUTE_BAA)))
#define TEMPLATE_SOC2                                                                              \
    RULES(REQUIREMENT(POLICY_BLOCK, .min_tier = ROUTE_TIER_TRUSTED, NO_CHINA,                      \
                      .require = NEEDS(ROUTE_SOC2)))
#define TEMPLATE_EU                                                                                \
    RULES(REQUIREMENT(POLICY_BLOCK, NO_CHINA),                                                     \
          PROVIDERS(POLICY_BLOCK, .allow = LIST(STR("anthropic"), STR("mistral"),                  \
                                                STR("deepinfra"), STR("azure"))))
#define TEMPLATE_ZDR                                                                               \
    RULES(REQUIREMENT(POLICY_BLOCK, .min_tier = ROUTE_TIER_MOST_TRUSTED, NO_CHINA,                 \
                      .require = NEEDS(ROUTE_ZDR)))
#define TEMPLATE_DEVELOPMENT                                                                       \
    RULES(REQUIREMENT(POLICY_WARN, .min_tier = ROUTE_TIER_TRUSTED, NO_CHINA))
#define TEMPLATE_VENDORS                                                                           \
    RULES(REQUIREMENT(POLICY_BLOCK, NO_CHINA),                                                     \
          PROVIDERS(POLICY_BLOCK, .allow = LIST(STR("anthropic"), STR("openai"))))
/* S3: the settings page with everything on. */
#define COMPLIANCE                                                                                 \
    RULES(REQUIREMENT(POLICY_BLOCK, .require = NEEDS(ROUTE_SOC2) | NEEDS(ROUTE_GDPR) |             \
                                               NEEDS(ROUTE_NO_TRAINING) | NEEDS(ROUTE_NO_LOGGING)))

struct bench {
    struct route_catalog *catalog;
    struct scan_engine *engine; /* NULL until a test wants rules about texts */
    const struct policy_org *previous;
    struct arena arena;
    struct policy_org *org;
    struct policy_snapshot *snapshot;
    const struct policy_principal *who;
    struct route_resolution models;
    struct policy_facts facts;
    struct policy_verdict verdict;
    struct issue issue;
};

static inline void bench_init(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    b->catalog = support_catalog();
    arena_init(&b->arena, (size_t)64 * 1024 * 1024);
}

static inline void bench_drop_org(struct bench *b)
{
    policy_snapshot_free(b->snapshot);
    policy_org_unref(b->org);
    b->snapshot = NULL;
    b->org = NULL;
    b->who = NULL;
}

static inline void bench_fini(struct bench *b)
{
    bench_drop_org(b);
    arena_fini(&b->arena);
    scan_engine_free(b->engine);
    route_catalog_free(b->catalog);
}

static inline enum err bench_org(struct bench *b, struct policy_org_rows *rows)
{
    bench_drop_org(b);
    rows->id = STR("org_1");
    const struct policy_build build = {
        .catalog = b->catalog, .now_s = 1000, .engine = b->engine, .previous = b->previous};
    return policy_org_new(rows, &build, &b->org, &b->issue);
}

#define BENCH_ORG(b, ...)                                                                          \
    bench_org((b),                                                                                 \
              &(struct policy_org_rows){                                                           \
                  .policies = (const struct policy[]){__VA_ARGS__},                                \
                  .policies_count =                                                                \
                      sizeof((const struct policy[]){__VA_ARGS__}) / sizeof(struct policy),        \
              })

/* Decides for a model with b->facts as prepared; the verdict is b->verdict. */
static inline enum err bench_decide(struct bench *b, const char *model)
{
    arena_reset(&b->arena);
    if (route_resolve(b->catalog, str_from(model), &b->models) != ERR_OK) {
        return ERR_NOT_FOUND;
    }
    b->facts.org = b->org;
    b->facts.who = b->who;
    b->facts.models = &b->models;
    return policy_decide(&b->arena, &b->facts, &b->verdict);
}

#endif
