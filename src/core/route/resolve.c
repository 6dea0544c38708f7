/* SPDX-License-Identifier: Apache-2.0
 *
 * Model string -> candidates, and policy entry -> models. One order for both
 * (product page 2.5): provider/model, exact name, alias, family without date;
 * the first step that finds anything ends the search.
 *
 * Bytes are compared exactly: no trimming, no case folding, no wildcard in a
 * request (bad inputs E 92-97). A look-up costs at most a handful of hashes.
 * Read-only, any thread. What policy forbids is not known here.
 */
#include "catalog.h"

#define NAME_BYTES_MAX 256 /* longest catalogue name is 56; longer cannot match */

static bool split_provider(const struct route_catalog *c, struct str s,
                           const struct route_provider **ret_provider, struct str *ret_rest);
static void take(const struct route_catalog *c, const struct map *by, struct str key,
                 int provider, struct route_resolution *ret);
static size_t collect(const struct route_catalog *c, struct str key, int provider, unsigned *ret,
                      size_t max);
static size_t add_chain(const struct route_catalog *c, const struct chain *chain, int provider,
                        unsigned *ret, size_t count, size_t max);
static bool answers_to(const struct route_catalog *c, const struct route_model *m, struct str name);

enum err route_resolve(const struct route_catalog *c, struct str model,
                       struct route_resolution *ret)
{
    const struct route_provider *p;
    struct str rest;

    *ret = (struct route_resolution){.requested = model};
    if (model.len == 0 || model.len > NAME_BYTES_MAX) {
        return ERR_NOT_FOUND;
    }
    if (split_provider(c, model, &p, &rest)) {
        take(c, &c->by_name, rest, (int)p->index, ret);
        take(c, &c->by_alias, rest, (int)p->index, ret);
        take(c, &c->by_family, rest, (int)p->index, ret);
        ret->is_pinned = ret->count > 0;
        ret->pinned_provider = ret->is_pinned ? p->index : 0;
        /* Some names contain a slash themselves ("openai/gpt-oss-120b" is what
         * groq calls it): where the provider has no such model, the whole
         * string may still be an exact name, and nothing less. */
        take(c, &c->by_name, model, -1, ret);
    } else {
        take(c, &c->by_name, model, -1, ret);
        take(c, &c->by_alias, model, -1, ret);
        take(c, &c->by_family, model, -1, ret);
    }
    return ret->count > 0 ? ERR_OK : ERR_NOT_FOUND;
}

size_t route_entry_models(const struct route_catalog *c, struct str entry, unsigned *ret,
                          size_t max)
{
    const struct route_provider *p;
    struct str rest;

    if (entry.len == 0 || entry.len > NAME_BYTES_MAX) {
        return 0;
    }
    if (split_provider(c, entry, &p, &rest)) {
        if (str_eq(rest, STR("*"))) {
            return add_chain(c, &c->by_provider[p->index], -1, ret, 0, max);
        }
        size_t count = collect(c, rest, (int)p->index, ret, max);
        return count > 0 ? count : add_chain(c, map_get(&c->by_name, entry), -1, ret, 0, max);
    }
    return collect(c, entry, -1, ret, max);
}

bool route_model_matches(const struct route_catalog *c, unsigned model, struct str entry)
{
    const struct route_model *m = route_catalog_model(c, model);
    const struct route_provider *p;
    struct str rest;
    unsigned one;

    if (!split_provider(c, entry, &p, &rest)) {
        return answers_to(c, m, entry);
    }
    if (str_eq(rest, STR("*"))) {
        return p->index == m->provider;
    }
    if (collect(c, rest, (int)p->index, &one, 1) > 0) {
        return p->index == m->provider && answers_to(c, m, rest);
    }
    return str_eq(entry, m->name);
}

bool route_entry_is_known(const struct route_catalog *c, struct str entry)
{
    unsigned one;
    return route_entry_models(c, entry, &one, 1) > 0;
}

/* At the first slash, and only when the left part is a provider: the slash of
 * "meta-llama/Llama-3.3-70B-Instruct" belongs to the name. */
static bool split_provider(const struct route_catalog *c, struct str s,
                           const struct route_provider **ret_provider, struct str *ret_rest)
{
    ptrdiff_t slash = str_find(s, '/');
    if (slash <= 0) {
        return false;
    }
    *ret_provider = route_catalog_find_provider(c, str_sub(s, 0, (size_t)slash));
    *ret_rest = str_sub(s, (size_t)slash + 1, s.len);
    return *ret_provider != NULL;
}

/* One step of the search: nothing when an earlier step found something. Per
 * provider one candidate, the first of the chain (for a family the newest). */
static void take(const struct route_catalog *c, const struct map *by, struct str key,
                 int provider, struct route_resolution *ret)
{
    if (ret->count > 0) {
        return;
    }
    const struct chain *chain = map_get(by, key);
    for (const struct chain_node *n = chain != NULL ? chain->head : NULL;
         n != NULL && ret->count < ROUTE_CANDIDATES_MAX; n = n->next) {
        unsigned of = c->models[n->model].provider;
        if ((provider >= 0 && of != (unsigned)provider) || (ret->providers >> of & 1) != 0) {
            continue;
        }
        ret->models[ret->count++] = n->model;
        ret->providers |= UINT64_C(1) << of;
    }
}

/* An entry of a policy means every model that answers to it, by any of its
 * names: blocking "gpt-4o" blocks "gpt-4o-2024-08-06" too. */
static size_t collect(const struct route_catalog *c, struct str key, int provider, unsigned *ret,
                      size_t max)
{
    size_t count = add_chain(c, map_get(&c->by_name, key), provider, ret, 0, max);
    count = add_chain(c, map_get(&c->by_alias, key), provider, ret, count, max);
    return add_chain(c, map_get(&c->by_family, key), provider, ret, count, max);
}

static size_t add_chain(const struct route_catalog *c, const struct chain *chain, int provider,
                        unsigned *ret, size_t count, size_t max)
{
    for (const struct chain_node *n = chain != NULL ? chain->head : NULL; n != NULL && count < max;
         n = n->next) {
        if (provider < 0 || c->models[n->model].provider == (unsigned)provider) {
            ret[count++] = n->model;
        }
    }
    return count;
}

static bool answers_to(const struct route_catalog *c, const struct route_model *m, struct str name)
{
    uint32_t date;

    if (str_eq(name, m->name)) {
        return true;
    }
    for (size_t i = 0; i < c->aliases_count[m->index]; i++) {
        if (str_eq(name, c->aliases[m->index][i])) {
            return true;
        }
    }
    struct str family = family_of(m->name, &date);
    return family.len > 0 && str_eq(name, family);
}
