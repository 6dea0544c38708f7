/* SPDX-License-Identifier: Apache-2.0
 *
 * Strict reading of the two catalogue files. A misspelt compliance fact would
 * read as "unknown" and quietly change who is allowed, so an unknown member or a
 * wrong type refuses the whole file and says where.
 *
 * Prices become integers here (pico-USD per token), the only place where a
 * floating point number of money is touched. Control thread.
 */
#include <math.h>
#include <stdio.h>

#include "catalog_parse.h"

#define USD_PER_MTOK_MAX 1e6 /* far above any price; 10^12 pico-USD still fits */
#define MODELS_MAX 100000

/* Where we are, for the issue. */
struct reader {
    struct arena *arena;
    struct issue *issue;
    const char *list;
    size_t index;
};

static enum err open_list(const struct reader *r, struct str text, struct str format,
                          struct json_doc *ret_doc, yyjson_val **ret_list);
static enum err refuse(const struct reader *r, const char *member, const char *message);
static enum err check_members(const struct reader *r, yyjson_val *entry,
                              const char *const *names);
static enum err read_provider(const struct reader *r, yyjson_val *entry, struct route_provider *p);
static enum err read_posture(const struct reader *r, yyjson_val *entry, struct route_posture *p);
static enum err read_soc2(const struct reader *r, yyjson_val *entry, struct route_posture *p);
static enum err read_country(const struct reader *r, yyjson_val *entry, struct route_posture *p);
static enum err read_model(const struct reader *r, struct route_catalog *c, yyjson_val *entry,
                           struct route_model *m);
static enum err read_str(const struct reader *r, yyjson_val *entry, const char *member,
                         bool is_required, struct str *ret);
static enum err read_list(const struct reader *r, yyjson_val *entry, const char *member,
                          const struct str **ret, size_t *ret_count);
static enum err read_fact(const struct reader *r, yyjson_val *entry, const char *member,
                          bool is_negated, enum route_fact *ret);
static enum err read_price(const struct reader *r, yyjson_val *entry, const char *member,
                           int64_t *ret);
static enum err read_tokens(const struct reader *r, yyjson_val *entry, const char *member,
                            uint64_t *ret);

static const char *const provider_members[] = {
    "slug",      "name",       "aliases", "sort_order",        "headquarters", "trust_tier",
    "soc2",      "soc2_type",  "iso27001", "gdpr",             "hipaa",        "baa",
    "zdr",       "zdr_basis",  "pci",     "trains_on_prompts", "logs_prompts", "retention",
    "eu_region", "base_url",   "auth_style", "api_style",      "extra_api",    "sources",
    "notes",     "conflicts",  NULL,
};
static const char *const model_members[] = {
    "provider", "model", "id", "aliases", "name", "kind", "input_usd_per_mtok",
    "output_usd_per_mtok", "cache_read_usd_per_mtok", "cache_write_usd_per_mtok",
    "context_window", "max_output", "input_modalities", "tool_call", "structured_output",
    "release_date", "source", "cross_check", "status", "tiers", "reasoning_usd_per_mtok",
    "upstream_model", NULL,
};
static const char *const model_kinds[] = {"chat",  "embedding",  "audio",
                                          "image", "moderation", NULL};

enum err catalog_parse_providers(struct route_catalog *c, struct str text, struct issue *ret_issue)
{
    yyjson_val *list, *entry;
    yyjson_arr_iter it;
    struct reader r = {.arena = &c->arena, .issue = ret_issue, .list = "providers"};
    int64_t last_order = INT64_MIN;

    TRY(open_list(&r, text, STR("portcullis-providers/1"), &c->providers_doc, &list));
    size_t count = yyjson_arr_size(list);
    if (count > ROUTE_PROVIDERS_MAX) {
        issue_set(ret_issue, "/providers", "%zu providers; at most %d are supported", count,
                  ROUTE_PROVIDERS_MAX);
        return ERR_LIMIT;
    }
    c->providers = ARENA_ARRAY(&c->arena, count, struct route_provider);
    if (c->providers == NULL) {
        return ERR_MEMORY;
    }
    yyjson_arr_iter_init(list, &it);
    while ((entry = yyjson_arr_iter_next(&it)) != NULL) {
        struct route_provider *p = &c->providers[r.index];
        int64_t order;
        TRY(check_members(&r, entry, provider_members));
        if (!json_int(json_get(entry, STR("sort_order")), &order) || order <= last_order) {
            return refuse(&r, "sort_order",
                          "must be a whole number above that of the entry before");
        }
        last_order = order;
        p->index = (unsigned)r.index;
        TRY(read_provider(&r, entry, p));
        r.index++;
    }
    c->providers_count = r.index;
    return ERR_OK;
}

enum err catalog_parse_models(struct route_catalog *c, struct str text, struct issue *ret_issue)
{
    yyjson_val *list, *entry;
    yyjson_arr_iter it;
    struct reader r = {.arena = &c->arena, .issue = ret_issue, .list = "models"};

    TRY(open_list(&r, text, STR("portcullis-models/1"), &c->models_doc, &list));
    size_t count = yyjson_arr_size(list);
    if (count > MODELS_MAX) {
        issue_set(ret_issue, "/models", "%zu models; at most %d are supported", count, MODELS_MAX);
        return ERR_LIMIT;
    }
    c->models = ARENA_ARRAY(&c->arena, count, struct route_model);
    c->aliases = ARENA_ARRAY(&c->arena, count, const struct str *);
    c->aliases_count = ARENA_ARRAY(&c->arena, count, size_t);
    c->dates = ARENA_ARRAY(&c->arena, count, uint32_t);
    c->is_own = ARENA_ARRAY(&c->arena, count, bool);
    if (c->models == NULL || c->aliases == NULL || c->aliases_count == NULL || c->dates == NULL ||
        c->is_own == NULL) {
        return ERR_MEMORY;
    }
    yyjson_arr_iter_init(list, &it);
    while ((entry = yyjson_arr_iter_next(&it)) != NULL) {
        c->models[r.index].index = (unsigned)r.index;
        TRY(check_members(&r, entry, model_members));
        TRY(read_model(&r, c, entry, &c->models[r.index]));
        r.index++;
    }
    c->models_count = r.index;
    return ERR_OK;
}

static enum err open_list(const struct reader *r, struct str text, struct str format,
                          struct json_doc *ret_doc, yyjson_val **ret_list)
{
    const struct json_limits limits = {
        .bytes_max = (size_t)64 * 1024 * 1024,
        .depth_max = 16,
        .values_max = 8 * 1000 * 1000,
    };
    TRY(json_parse(r->arena, text, &limits, ret_doc, r->issue));
    if (!str_eq(json_str(json_get(ret_doc->root, STR("format"))), format)) {
        issue_set(r->issue, "/format", "must be \"%.*s\"", STR_ARG(format));
        return ERR_INVALID;
    }
    *ret_list = json_get(ret_doc->root, str_from(r->list));
    if (!yyjson_is_arr(*ret_list)) {
        issue_set(r->issue, "", "member \"%s\" is missing or not an array", r->list);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err refuse(const struct reader *r, const char *member, const char *message)
{
    char pointer[128];
    (void)snprintf(pointer, sizeof(pointer), "/%s/%zu%s%s", r->list, r->index,
                   member[0] != '\0' ? "/" : "", member);
    issue_set(r->issue, pointer, "%s", message);
    return ERR_INVALID;
}

static enum err check_members(const struct reader *r, yyjson_val *entry, const char *const *names)
{
    yyjson_obj_iter it;
    yyjson_val *key;

    if (!yyjson_is_obj(entry)) {
        return refuse(r, "", "must be an object");
    }
    yyjson_obj_iter_init(entry, &it);
    while ((key = yyjson_obj_iter_next(&it)) != NULL) {
        size_t i = 0;
        while (names[i] != NULL && !str_eq(json_str(key), str_from(names[i]))) {
            i++;
        }
        if (names[i] == NULL) {
            const char *near = issue_did_you_mean(json_str(key), names);
            char message[160];
            (void)snprintf(message, sizeof(message), "unknown member '%.*s'%s%s%s",
                           (int)(json_str(key).len > 60 ? 60 : json_str(key).len),
                           json_str(key).ptr, near != NULL ? "; did you mean '" : "",
                           near != NULL ? near : "", near != NULL ? "'?" : "");
            return refuse(r, "", message);
        }
    }
    return ERR_OK;
}

static enum err read_provider(const struct reader *r, yyjson_val *entry, struct route_provider *p)
{
    struct str style;
    const struct str *extra;
    size_t extra_count;

    p->source = entry;
    TRY(read_str(r, entry, "slug", true, &p->slug));
    if (str_find(p->slug, '/') >= 0) {
        return refuse(r, "slug", "must not contain '/': model names are split there");
    }
    TRY(read_str(r, entry, "name", true, &p->name));
    TRY(read_str(r, entry, "base_url", false, &p->base_url));
    TRY(read_str(r, entry, "zdr_basis", false, &p->zdr_basis));
    TRY(read_list(r, entry, "aliases", &p->aliases, &p->aliases_count));
    TRY(read_str(r, entry, "api_style", true, &style));
    TRY(read_list(r, entry, "extra_api", &extra, &extra_count));
    p->dialect = str_eq(style, STR("anthropic-messages")) ? LLM_ANTHROPIC : LLM_OPENAI;
    p->is_dialect_supported = p->dialect == LLM_ANTHROPIC || str_eq(style, STR("openai")) ||
                              str_eq(style, STR("openai-azure")) ||
                              str_eq(style, STR("openai+gemini"));
    for (size_t i = 0; i < extra_count; i++) {
        p->also_speaks_openai =
            p->also_speaks_openai || str_starts(extra[i], STR("openai-compatible"));
    }
    return read_posture(r, entry, &p->posture);
}

static enum err read_posture(const struct reader *r, yyjson_val *entry, struct route_posture *p)
{
    struct str tier;
    static const struct {
        const char *member;
        enum route_attribute attribute;
        bool is_negated;
    } plain[] = {
        {"iso27001", ROUTE_ISO27001, false}, {"gdpr", ROUTE_GDPR, false},
        {"hipaa", ROUTE_HIPAA, false},       {"baa", ROUTE_BAA, false},
        {"zdr", ROUTE_ZDR, false},           {"pci", ROUTE_PCI, false},
        {"eu_region", ROUTE_EU_REGION, false},
        {"trains_on_prompts", ROUTE_NO_TRAINING, true},
        {"logs_prompts", ROUTE_NO_LOGGING, true},
    };

    TRY(read_str(r, entry, "trust_tier", false, &tier));
    p->tier = ROUTE_TIER_UNRATED;
    if (tier.len > 0 && route_tier_parse(tier, &p->tier) != ERR_OK) {
        return refuse(r, "trust_tier", "must be most_trusted, trusted, sketchy or null");
    }
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        TRY(read_fact(r, entry, plain[i].member, plain[i].is_negated,
                      &p->facts[plain[i].attribute]));
    }
    TRY(read_soc2(r, entry, p));
    return read_country(r, entry, p);
}

/* soc2 = true means Type II (C-10) unless soc2_type says 1. */
static enum err read_soc2(const struct reader *r, yyjson_val *entry, struct route_posture *p)
{
    yyjson_val *type = json_get(entry, STR("soc2_type"));
    int64_t number = 0;
    enum route_fact soc2;

    TRY(read_fact(r, entry, "soc2", false, &soc2));
    if (type != NULL && !yyjson_is_null(type) &&
        (!json_int(type, &number) || number < 1 || number > 2)) {
        return refuse(r, "soc2_type", "must be 1, 2 or null");
    }
    p->facts[ROUTE_SOC2] = number == 1 && soc2 == ROUTE_YES ? ROUTE_NO : soc2;
    p->facts[ROUTE_SOC2_ANY] = soc2 == ROUTE_YES || number == 1 ? ROUTE_YES : soc2;
    enum route_fact iso = p->facts[ROUTE_ISO27001];
    enum route_fact type2 = p->facts[ROUTE_SOC2];
    p->facts[ROUTE_SOC2_OR_ISO27001] =
        type2 == ROUTE_YES || iso == ROUTE_YES ? ROUTE_YES
        : type2 == ROUTE_NO && iso == ROUTE_NO ? ROUTE_NO
                                               : ROUTE_UNKNOWN;
    return ERR_OK;
}

static enum err read_country(const struct reader *r, yyjson_val *entry, struct route_posture *p)
{
    struct str country;
    TRY(read_str(r, entry, "headquarters", false, &country));
    if (country.len == 0) {
        return ERR_OK;
    }
    if (country.len != 2 || country.ptr[0] < 'A' || country.ptr[0] > 'Z' ||
        country.ptr[1] < 'A' || country.ptr[1] > 'Z') {
        return refuse(r, "headquarters", "must be two capital letters (ISO 3166-1) or null");
    }
    memcpy(p->country, country.ptr, 2);
    return ERR_OK;
}

static enum err read_model(const struct reader *r, struct route_catalog *c, yyjson_val *entry,
                           struct route_model *m)
{
    struct str provider, display;

    m->source = entry;
    TRY(read_str(r, entry, "provider", true, &provider));
    const struct route_provider *p = route_catalog_find_provider(c, provider);
    if (p == NULL || !str_eq(p->slug, provider)) {
        return refuse(r, "provider", "is not the slug of a provider in the catalogue");
    }
    m->provider = p->index;
    TRY(read_str(r, entry, "model", true, &m->name));
    TRY(read_str(r, entry, "id", true, &m->id));
    if (m->id.len != provider.len + 1 + m->name.len || !str_starts(m->id, provider) ||
        m->id.ptr[provider.len] != '/' || !str_ends(m->id, m->name)) {
        return refuse(r, "id", "must be provider, '/', model");
    }
    TRY(read_str(r, entry, "name", false, &display));
    TRY(read_str(r, entry, "upstream_model", false, &m->upstream_name));
    if (m->upstream_name.len == 0) {
        m->upstream_name = m->name;
    }
    TRY(read_str(r, entry, "kind", true, &m->kind));
    size_t kind = 0;
    while (model_kinds[kind] != NULL && !str_eq(m->kind, str_from(model_kinds[kind]))) {
        kind++;
    }
    if (model_kinds[kind] == NULL) {
        return refuse(r, "kind", "must be chat, embedding, audio, image or moderation");
    }
    TRY(read_list(r, entry, "aliases", &c->aliases[m->index], &c->aliases_count[m->index]));
    TRY(read_tokens(r, entry, "context_window", &m->context_tokens));
    TRY(read_tokens(r, entry, "max_output", &m->output_tokens_max));
    TRY(read_price(r, entry, "input_usd_per_mtok", &m->input_price));
    TRY(read_price(r, entry, "output_usd_per_mtok", &m->output_price));
    TRY(read_price(r, entry, "cache_read_usd_per_mtok", &m->cache_read_price));
    return read_price(r, entry, "cache_write_usd_per_mtok", &m->cache_write_price);
}

static enum err read_str(const struct reader *r, yyjson_val *entry, const char *member,
                         bool is_required, struct str *ret)
{
    yyjson_val *v = json_get(entry, str_from(member));
    *ret = STR_NONE;
    if (v == NULL || yyjson_is_null(v)) {
        return is_required ? refuse(r, member, "is required") : ERR_OK;
    }
    *ret = json_str(v);
    if (!yyjson_is_str(v) || ret->len == 0) {
        return refuse(r, member, "must be a string that is not empty");
    }
    return ERR_OK;
}

static enum err read_list(const struct reader *r, yyjson_val *entry, const char *member,
                          const struct str **ret, size_t *ret_count)
{
    yyjson_val *v = json_get(entry, str_from(member));
    yyjson_val *item;
    yyjson_arr_iter it;
    size_t i = 0;

    *ret = NULL;
    *ret_count = 0;
    if (v == NULL || yyjson_is_null(v)) {
        return ERR_OK;
    }
    if (!yyjson_is_arr(v)) {
        return refuse(r, member, "must be an array of strings");
    }
    struct str *items = ARENA_ARRAY(r->arena, yyjson_arr_size(v), struct str);
    if (items == NULL) {
        return ERR_MEMORY;
    }
    yyjson_arr_iter_init(v, &it);
    while ((item = yyjson_arr_iter_next(&it)) != NULL) {
        items[i] = json_str(item);
        if (items[i].len == 0) {
            return refuse(r, member, "must be an array of strings that are not empty");
        }
        i++;
    }
    *ret = items;
    *ret_count = i;
    return ERR_OK;
}

static enum err read_fact(const struct reader *r, yyjson_val *entry, const char *member,
                          bool is_negated, enum route_fact *ret)
{
    yyjson_val *v = json_get(entry, str_from(member));
    *ret = ROUTE_UNKNOWN;
    if (v == NULL || yyjson_is_null(v)) {
        return ERR_OK;
    }
    if (!yyjson_is_bool(v)) {
        return refuse(r, member, "must be true, false or null (unknown)");
    }
    *ret = json_bool(v, false) != is_negated ? ROUTE_YES : ROUTE_NO;
    return ERR_OK;
}

static enum err read_price(const struct reader *r, yyjson_val *entry, const char *member,
                           int64_t *ret)
{
    yyjson_val *v = json_get(entry, str_from(member));
    *ret = -1;
    if (v == NULL || yyjson_is_null(v)) {
        return ERR_OK;
    }
    double usd = yyjson_get_num(v);
    if (!yyjson_is_num(v) || !(usd >= 0) || usd > USD_PER_MTOK_MAX) {
        return refuse(r, member, "must be USD per million tokens, at least 0, or null (unknown)");
    }
    *ret = llround(usd * 1e6);
    return ERR_OK;
}

static enum err read_tokens(const struct reader *r, yyjson_val *entry, const char *member,
                            uint64_t *ret)
{
    yyjson_val *v = json_get(entry, str_from(member));
    int64_t number;
    *ret = 0;
    if (v == NULL || yyjson_is_null(v)) {
        return ERR_OK;
    }
    if (!json_int(v, &number) || number < 0) {
        return refuse(r, member, "must be a whole number of tokens or null (unknown)");
    }
    *ret = (uint64_t)number;
    return ERR_OK;
}
