/* SPDX-License-Identifier: Apache-2.0
 *
 * The answer of POST /governance/validate (S0-60..S0-65): which providers a rule
 * set would allow, from the same rule evaluation the path uses. Pure.
 */
#include "codec_private.h"

#include <stdio.h>

static void warn_unknown(struct buf *out, size_t from, const struct route_catalog *catalog,
                         const struct policy_list *list);
static void write_warning(struct buf *out, size_t from, const char *text);

void codec_governance_write_validation(struct buf *out, const struct route_catalog *catalog,
                                       const struct policy *p,
                                       const struct policy_provider_answer *answers,
                                       bool is_production)
{
    size_t count = route_catalog_providers_count(catalog), allowed = 0;
    for (size_t i = 0; i < count; i++) {
        allowed += answers[i].is_allowed ? 1 : 0;
    }
    buf_printf(out, "{\"valid\":%s,\"allowedProviders\":[", allowed != 0 ? "true" : "false");
    codec_write_allowed(out, catalog, answers);
    buf_add(out, STR("],\"blockedProviders\":["));
    codec_write_blocked(out, catalog, answers);
    buf_add(out, STR("],\"warnings\":["));
    size_t from = out->len;
    if (is_production && p->rules_count != 0 && p->rules[0].effect == POLICY_WARN) {
        write_warning(out, from,
                      "Use 'warn' enforcement only in development; production should use "
                      "'hard_block'"); /* S0-36 */
    }
    if (allowed == 0) {
        write_warning(out, from, "No provider satisfies these rules: every request would be "
                                 "blocked");
    }
    for (size_t i = 0; i < p->rules_count; i++) {
        const struct policy_rule *rule = &p->rules[i];
        if ((rule->allow.is_set && rule->allow.count == 0) ||
            (rule->block.is_set && rule->block.count == 0)) {
            write_warning(out, from, "An empty provider list restricts nothing"); /* S0-19 */
        }
        warn_unknown(out, from, catalog, &rule->allow);
        warn_unknown(out, from, catalog, &rule->block);
    }
    buf_add(out, STR("]}"));
}

/* S0-65: a slug the catalogue does not know can neither be allowed nor blocked. */
static void warn_unknown(struct buf *out, size_t from, const struct route_catalog *catalog,
                         const struct policy_list *list)
{
    char text[160];
    for (size_t i = 0; i < list->count; i++) {
        struct str slug = list->items[i];
        if (route_catalog_find_provider(catalog, slug) == NULL) {
            snprintf(text, sizeof(text), "The provider '%.*s' is not in the catalogue",
                     (int)(slug.len < 64 ? slug.len : 64), slug.ptr);
            write_warning(out, from, text);
        }
    }
}

static void write_warning(struct buf *out, size_t from, const char *text)
{
    if (out->len != from) {
        buf_add_byte(out, ',');
    }
    json_write_str(out, str_from(text));
}
