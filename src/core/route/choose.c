/* SPDX-License-Identifier: Apache-2.0
 *
 * The choice of one candidate among those policy left over: it must be
 * reachable through an endpoint of the organisation whose dialect can carry the
 * operation. Health and preferences come later, on top of the same mask.
 *
 * It never looks at policy: a candidate whose bit is not set does not exist.
 * Pure, no memory, any thread.
 */
#include "portcullis/route.h"

static bool can_serve(enum llm_endpoint operation, const struct route_endpoint *e,
                      bool *ret_is_native);
static const struct route_endpoint *best_endpoint(unsigned provider, enum llm_endpoint operation,
                                                  const struct route_reach *reach,
                                                  bool *ret_is_native);

enum err route_choose(const struct route_catalog *c, const struct route_resolution *r,
                      uint32_t allowed, enum llm_endpoint operation,
                      const struct route_reach *reach, struct route_choice *ret)
{
    bool is_found = false;

    for (size_t i = 0; i < r->count && i < ROUTE_CANDIDATES_MAX; i++) {
        if ((allowed >> i & 1) == 0) {
            continue;
        }
        const struct route_model *m = route_catalog_model(c, r->models[i]);
        bool is_native = false;
        const struct route_endpoint *e =
            best_endpoint(m->provider, operation, reach, &is_native);
        if (e == NULL || (is_found && !is_native)) {
            continue;
        }
        *ret = (struct route_choice){
            .candidate = i,
            .model = m,
            .provider = route_catalog_provider(c, m->provider),
            .endpoint = e,
        };
        is_found = true;
        if (is_native) {
            break;
        }
    }
    return is_found ? ERR_OK : ERR_NOT_FOUND;
}

void route_narrow(const struct route_catalog *c, enum llm_endpoint operation,
                  const struct route_reach *reach, struct route_resolution *r)
{
    struct route_resolution left = *r;
    bool is_native = false;

    if (r->count < 2) {
        return;
    }
    left.count = 0;
    left.providers = 0;
    for (size_t i = 0; i < r->count && i < ROUTE_CANDIDATES_MAX; i++) {
        unsigned provider = route_catalog_model(c, r->models[i])->provider;
        if (best_endpoint(provider, operation, reach, &is_native) != NULL) {
            left.models[left.count++] = r->models[i];
            left.providers |= UINT64_C(1) << provider;
        }
    }
    if (left.count > 0) {
        *r = left;
    }
}

/* Only chat <-> messages has an exact translation; every other operation needs
 * an endpoint that speaks its own dialect. */
static bool can_serve(enum llm_endpoint operation, const struct route_endpoint *e,
                      bool *ret_is_native)
{
    *ret_is_native = e->dialect == llm_endpoint_dialect(operation);
    return *ret_is_native || operation == LLM_CHAT || operation == LLM_MESSAGES;
}

/* Native before translated, then the lower priority, then the order given. */
static const struct route_endpoint *best_endpoint(unsigned provider, enum llm_endpoint operation,
                                                  const struct route_reach *reach,
                                                  bool *ret_is_native)
{
    const struct route_endpoint *best = NULL;

    for (size_t i = 0; i < reach->count; i++) {
        const struct route_endpoint *e = &reach->endpoints[i];
        bool is_native = false;
        if (e->provider != provider || !can_serve(operation, e, &is_native)) {
            continue;
        }
        if (best == NULL || (is_native && !*ret_is_native) ||
            (is_native == *ret_is_native && e->priority < best->priority)) {
            best = e;
            *ret_is_native = is_native;
        }
    }
    return best;
}
