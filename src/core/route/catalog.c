/* SPDX-License-Identifier: Apache-2.0
 *
 * The catalogue as a whole: born from two JSON texts, indexed once, then only
 * read. Parsing of the entries is in catalog_parse.c, the search in resolve.c.
 *
 * One arena holds the documents, the tables and the maps; free() is one call on
 * the control thread after the last snapshot let go.
 */
#include <stdlib.h>

#include "catalog.h"
#include "catalog_parse.h"

#define CATALOG_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define OWNERS_PREFIX_MAX 24

static enum err build(struct route_catalog *c, struct str providers_json, struct str models_json,
                      struct issue *ret_issue);
static enum err index_providers(struct route_catalog *c, struct issue *ret_issue);
static enum err index_models(struct route_catalog *c, struct issue *ret_issue);
static enum err index_model(struct route_catalog *c, unsigned model);
static bool is_own_model(const struct route_catalog *c, const struct route_model *m);
static enum err chain_add(struct route_catalog *c, struct map *by, struct str key, unsigned model);
static enum err chain_insert(struct route_catalog *c, struct chain *chain, unsigned model);
static bool comes_before(const struct route_catalog *c, unsigned a, unsigned b);

/* Who makes the models whose names begin so. The maker's own row is the first
 * candidate of an unqualified name; the others follow in provider order. */
static const struct {
    const char prefix[OWNERS_PREFIX_MAX];
    const char *slug;
} owners[] = {
    {"claude-", "anthropic"}, {"gpt-", "openai"},       {"o1", "openai"},
    {"o3", "openai"},         {"o4", "openai"},         {"chatgpt-", "openai"},
    {"codex-", "openai"},     {"text-embedding-", "openai"}, {"dall-e-", "openai"},
    {"gemini-", "google"},    {"amazon.", "bedrock"},   {"command-", "cohere"},
    {"mistral-", "mistral"},  {"ministral-", "mistral"}, {"codestral-", "mistral"},
    {"devstral-", "mistral"}, {"magistral-", "mistral"}, {"pixtral-", "mistral"},
    {"open-mi", "mistral"},   {"deepseek-", "deepseek"}, {"grok-", "xai"},
    {"sonar", "perplexity"},  {"kimi-", "moonshot"},    {"glm-", "zai"},
    {"minimax-", "minimax"},  {"MiniMax-", "minimax"},  {"qwen", "alibaba"},
    {"mimo-", "xiaomi"},      {"step-", "stepfun"},
};

enum err route_catalog_new(struct str providers_json, struct str models_json,
                           struct route_catalog **ret, struct issue *ret_issue)
{
    struct route_catalog *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        issue_set(ret_issue, "", "out of memory");
        return ERR_MEMORY;
    }
    arena_init(&c->arena, CATALOG_BYTES_MAX);
    enum err err = build(c, providers_json, models_json, ret_issue);
    if (err != ERR_OK) {
        if (err == ERR_MEMORY) {
            issue_set(ret_issue, "", "the catalogue does not fit into memory");
        }
        route_catalog_free(c);
        return err;
    }
    *ret = c;
    return ERR_OK;
}

void route_catalog_free(struct route_catalog *c)
{
    if (c == NULL) {
        return;
    }
    arena_fini(&c->arena);
    free(c);
}

size_t route_catalog_providers_count(const struct route_catalog *c)
{
    return c->providers_count;
}

const struct route_provider *route_catalog_provider(const struct route_catalog *c, unsigned index)
{
    ASSERT(index < c->providers_count);
    return &c->providers[index];
}

const struct route_provider *route_catalog_find_provider(const struct route_catalog *c,
                                                         struct str slug_or_alias)
{
    return map_get(&c->provider_by_name, slug_or_alias);
}

size_t route_catalog_models_count(const struct route_catalog *c)
{
    return c->models_count;
}

const struct route_model *route_catalog_model(const struct route_catalog *c, unsigned index)
{
    ASSERT(index < c->models_count);
    return &c->models[index];
}

static enum err build(struct route_catalog *c, struct str providers_json, struct str models_json,
                      struct issue *ret_issue)
{
    TRY(catalog_parse_providers(c, providers_json, ret_issue));
    TRY(index_providers(c, ret_issue));
    TRY(catalog_parse_models(c, models_json, ret_issue));
    return index_models(c, ret_issue);
}

static enum err index_providers(struct route_catalog *c, struct issue *ret_issue)
{
    TRY(map_init(&c->provider_by_name, &c->arena, c->providers_count * 3));
    for (size_t i = 0; i < c->providers_count; i++) {
        struct route_provider *p = &c->providers[i];
        enum err err = map_put(&c->provider_by_name, &c->arena, p->slug, p);
        for (size_t k = 0; err == ERR_OK && k < p->aliases_count; k++) {
            err = map_put(&c->provider_by_name, &c->arena, p->aliases[k], p);
        }
        if (err == ERR_CONFLICT) {
            issue_set(ret_issue, "/providers",
                      "provider '%.*s': its slug or an alias is taken by an earlier entry",
                      STR_ARG(p->slug));
            return ERR_INVALID;
        }
        TRY(err);
    }
    return ERR_OK;
}

static enum err index_models(struct route_catalog *c, struct issue *ret_issue)
{
    struct map ids;

    TRY(map_init(&ids, &c->arena, c->models_count));
    TRY(map_init(&c->by_name, &c->arena, c->models_count));
    TRY(map_init(&c->by_alias, &c->arena, 64));
    TRY(map_init(&c->by_family, &c->arena, c->models_count / 4 + 1));
    for (unsigned i = 0; i < c->models_count; i++) {
        struct route_model *m = &c->models[i];
        enum err err = map_put(&ids, &c->arena, m->id, m);
        if (err == ERR_CONFLICT) {
            issue_set(ret_issue, "/models", "model '%.*s' is listed twice", STR_ARG(m->id));
            return ERR_INVALID;
        }
        TRY(err);
        TRY(index_model(c, i));
    }
    return ERR_OK;
}

static enum err index_model(struct route_catalog *c, unsigned model)
{
    struct route_model *m = &c->models[model];

    c->is_own[model] = is_own_model(c, m);
    struct str family = family_of(m->name, &c->dates[model]);
    TRY(chain_add(c, &c->by_name, m->name, model));
    for (size_t k = 0; k < c->aliases_count[model]; k++) {
        TRY(chain_add(c, &c->by_alias, c->aliases[model][k], model));
    }
    if (family.len > 0) {
        TRY(chain_add(c, &c->by_family, family, model));
    }
    return chain_insert(c, &c->by_provider[m->provider], model);
}

static bool is_own_model(const struct route_catalog *c, const struct route_model *m)
{
    struct str slug = c->providers[m->provider].slug;
    for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
        if (str_starts(m->name, str_from(owners[i].prefix)) &&
            str_eq(slug, str_from(owners[i].slug))) {
            return true;
        }
    }
    return false;
}

static enum err chain_add(struct route_catalog *c, struct map *by, struct str key, unsigned model)
{
    struct chain *chain = map_get(by, key);
    if (chain == NULL) {
        chain = ARENA_NEW(&c->arena, struct chain);
        if (chain == NULL) {
            return ERR_MEMORY;
        }
        TRY(map_put(by, &c->arena, key, chain));
    }
    return chain_insert(c, chain, model);
}

static enum err chain_insert(struct route_catalog *c, struct chain *chain, unsigned model)
{
    struct chain_node *node = ARENA_NEW(&c->arena, struct chain_node);
    if (node == NULL) {
        return ERR_MEMORY;
    }
    struct chain_node **at = &chain->head;
    while (*at != NULL && !comes_before(c, model, (*at)->model)) {
        at = &(*at)->next;
    }
    *node = (struct chain_node){.model = model, .next = *at};
    *at = node;
    return ERR_OK;
}

/* Candidate order: the maker, then provider order, then the newest date. */
static bool comes_before(const struct route_catalog *c, unsigned a, unsigned b)
{
    if (c->is_own[a] != c->is_own[b]) {
        return c->is_own[a];
    }
    if (c->models[a].provider != c->models[b].provider) {
        return c->models[a].provider < c->models[b].provider;
    }
    return c->dates[a] > c->dates[b];
}
