/* SPDX-License-Identifier: Apache-2.0
 *
 * Model names as a client sends them, against a small catalogue. Whatever a name
 * resolves to must also match that same name as a policy entry: else a rule that
 * names a model could be passed by asking for it. Both ways to ask agree.
 */
#include "portcullis/route.h"

#define PROVIDER(slug, order)                                                                      \
    "{\"slug\":\"" slug "\",\"name\":\"N\",\"aliases\":[\"" slug "-alias\"],\"sort_order\":" order \
    ",\"api_style\":\"openai\"}"
#define MODEL(provider, name, aliases)                                                             \
    "{\"provider\":\"" provider "\",\"model\":\"" name "\",\"id\":\"" provider "/" name            \
    "\",\"aliases\":[" aliases "],\"kind\":\"chat\"}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static struct route_catalog *small_catalog(void);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct route_catalog *c;
    struct str name = {(const char *)data, size};
    struct route_resolution r;
    unsigned found[64];

    if (c == NULL) {
        c = small_catalog();
    }
    if (route_resolve(c, name, &r) == ERR_OK) {
        ASSERT(r.count > 0 && r.count <= ROUTE_CANDIDATES_MAX);
        for (size_t i = 0; i < r.count; i++) {
            ASSERT(route_model_matches(c, r.models[i], name));
        }
    }
    size_t count = route_entry_models(c, name, found, 64);
    ASSERT((count > 0) == route_entry_is_known(c, name));
    for (unsigned m = 0; m < route_catalog_models_count(c); m++) {
        bool is_found = false;
        for (size_t i = 0; i < count; i++) {
            is_found = is_found || found[i] == m;
        }
        ASSERT(is_found == route_model_matches(c, m, name));
    }
    return 0;
}

static struct route_catalog *small_catalog(void)
{
    static const char providers[] = "{\"format\":\"portcullis-providers/1\",\"providers\":["
        PROVIDER("a", "1") "," PROVIDER("b", "2") "]}";
    static const char models[] = "{\"format\":\"portcullis-models/1\",\"models\":["
        MODEL("b", "m", "\"m-latest\"") "," MODEL("a", "m", "") ","
        MODEL("a", "m-20240307", "") "," MODEL("a", "m-x-2024-08-06", "\"x\"") ","
        MODEL("b", "a/m", "") "," MODEL("b", "c/m-2411", "") "," MODEL("b", "a/z", "") "]}";
    struct route_catalog *c = NULL;
    struct issue issue;

    ASSERT(route_catalog_new(str_from(providers), str_from(models), &c, &issue) == ERR_OK);
    return c;
}
