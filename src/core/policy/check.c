/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate before activation: nothing is shown active that does not run. A rule
 * type, effect, stage or parameter this build does not enforce refuses the whole
 * organisation's change, and the caller keeps the last good part.
 *
 * Shadow policies and disabled rules are not checked: they do not run. Reads the
 * rows only. Control thread.
 */
#include <stdarg.h>
#include <stdio.h>

#include "org.h"

#define LIST_ITEMS_MAX 4096
#define ID_BYTES 26U
#define LEVELS_COUNT (POLICY_KEY + 1)

struct check {
    const struct policy_org_rows *rows;
    const struct route_catalog *catalog;
    struct issue *issue;
    const struct policy *policy;
    const struct policy_rule *rule; /* NULL: it is about the policy */
    size_t index;
};

static enum err check_policy(struct check *c);
static enum err check_scope(struct check *c);
static enum err check_slot(struct check *c);
static enum err check_match(struct check *c, const struct policy_match *m, const char *where);
static enum err check_pairs(struct check *c, const struct policy_pair *pairs, size_t count);
static enum err check_rule(struct check *c, size_t rule);
static enum err check_content(struct check *c, const struct policy_rule *r, const char *where);
static enum err check_requirement(struct check *c, const struct policy_rule *r, const char *where);
static enum err check_lists(struct check *c, const struct policy_rule *r, const char *where);
static enum err check_models(struct check *c, const struct policy_list *list, const char *where);
static enum err check_countries(struct check *c, const struct policy_list *list, const char *where);
static enum err check_together(const struct policy_org_rows *rows, struct issue *issue);
static enum err check_keys(const struct policy_org_rows *rows, struct issue *issue);
static enum err check_reach(const struct policy_org_rows *rows, const struct route_catalog *catalog,
                            struct issue *issue);
static enum err refuse(struct check *c, enum err err, const char *where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static int cut(struct str s, size_t max);

bool policy_is_running(const struct policy *p)
{
    return p->status == POLICY_ACTIVE && !p->is_shadow;
}

enum err org_check(const struct policy_org_rows *rows, const struct route_catalog *catalog,
                   struct issue *ret_issue)
{
    struct check c = {.rows = rows, .catalog = catalog, .issue = ret_issue};

    if (rows->id.len == 0) {
        issue_set(ret_issue, "/id", "the organisation has no id");
        return ERR_INVALID;
    }
    for (c.index = 0; c.index < rows->policies_count; c.index++) {
        c.policy = &rows->policies[c.index];
        if (policy_is_running(c.policy)) {
            TRY(check_policy(&c));
        }
    }
    TRY(check_together(rows, ret_issue));
    TRY(check_keys(rows, ret_issue));
    return check_reach(rows, catalog, ret_issue);
}

static enum err check_policy(struct check *c)
{
    const struct policy *p = c->policy;

    if (p->id.len == 0) {
        return refuse(c, ERR_INVALID, "/id", "has no id");
    }
    if (p->org_id.len != 0 && !str_eq(p->org_id, c->rows->id)) {
        return refuse(c, ERR_INVALID, "/org_id", "belongs to another organisation");
    }
    TRY(check_scope(c));
    TRY(check_slot(c));
    TRY(check_match(c, &p->match, ""));
    for (size_t i = 0; i < p->rules_count; i++) {
        if (p->rules[i].is_enabled) {
            c->rule = &p->rules[i];
            TRY(check_rule(c, i));
        }
    }
    c->rule = NULL;
    return ERR_OK;
}

static enum err check_scope(struct check *c)
{
    const struct policy *p = c->policy;
    const struct str by_level[LEVELS_COUNT] = {
        [POLICY_ORG] = STR("org"),
        [POLICY_TEAM] = p->team,
        [POLICY_ENVIRONMENT] = p->environment,
        [POLICY_PROJECT] = p->project,
        [POLICY_USER] = p->user,
        [POLICY_KEY] = p->key,
    };

    if ((unsigned)p->level >= LEVELS_COUNT) {
        return refuse(c, ERR_INVALID, "/scope/level", "has an unknown level");
    }
    if (by_level[p->level].len == 0) {
        return refuse(c, ERR_INVALID, "/scope", "has level '%s' but does not name the %s",
                      policy_level_name(p->level), policy_level_name(p->level));
    }
    return ERR_OK;
}

static enum err check_slot(struct check *c)
{
    const struct policy *p = c->policy;
    if (p->slot < 0 || p->slot >= SLOTS_COUNT) {
        return refuse(c, ERR_INVALID, "/slot", "has slot %d; slots are 1 to 12", p->slot);
    }
    if (p->slot != 0 && !p->is_slot_selected) {
        return refuse(c, ERR_INVALID, "/slot",
                      "has a slot but selection 'always'; a slot needs selection 'slot'");
    }
    return ERR_OK;
}

static enum err check_match(struct check *c, const struct policy_match *m, const char *where)
{
    for (size_t i = 0; i < m->endpoints.count; i++) {
        unsigned e = 0;
        while (e < LLM_ENDPOINTS_COUNT &&
               !str_eq(m->endpoints.items[i], str_from(llm_endpoint_name((enum llm_endpoint)e)))) {
            e++;
        }
        if (e == LLM_ENDPOINTS_COUNT) {
            return refuse(c, ERR_INVALID, where, "asks for an endpoint that does not exist: '%.*s'",
                          STR_ARG(m->endpoints.items[i]));
        }
    }
    TRY(check_models(c, &m->models, where));
    TRY(check_pairs(c, m->tags, m->tags_count));
    return check_pairs(c, m->metadata, m->metadata_count);
}

static enum err check_pairs(struct check *c, const struct policy_pair *pairs, size_t count)
{
    char buf[INDEX_PAIR_BYTES_MAX];
    for (size_t i = 0; i < count; i++) {
        if (pairs[i].name.len == 0 || index_pair_key(&pairs[i], buf).ptr == NULL) {
            return refuse(c, ERR_INVALID, "",
                          "asks for a tag or metadata pair that is empty or longer than %d bytes",
                          INDEX_PAIR_BYTES_MAX - 2);
        }
    }
    return ERR_OK;
}

static enum err check_rule(struct check *c, size_t rule)
{
    const struct policy_rule *r = &c->policy->rules[rule];
    char where[64];

    (void)snprintf(where, sizeof(where), "/rules/%zu", rule);
    if (r->key.len == 0) {
        return refuse(c, ERR_INVALID, where, "has no key");
    }
    if (!policy_rule_type_runs(r->type)) {
        return refuse(c, ERR_UNSUPPORTED, where, "type '%s' is not enforced by this build",
                      policy_rule_type_name(r->type));
    }
    if (policy_rule_type_is_content(r->type)) {
        return check_content(c, r, where);
    }
    bool may_modify = r->type != POLICY_PROVIDER_REQUIREMENT;
    if (r->effect != POLICY_BLOCK && r->effect != POLICY_WARN && r->effect != POLICY_INFO &&
        !(r->effect == POLICY_MODIFY && may_modify)) {
        return refuse(c, ERR_UNSUPPORTED, where,
                      "effect '%s' is not enforced by this build for type '%s'",
                      policy_effect_name(r->effect), policy_rule_type_name(r->type));
    }
    if (r->stage != POLICY_SELECT) {
        return refuse(c, ERR_UNSUPPORTED, where, "type '%s' runs at stage 'select' only, not '%s'",
                      policy_rule_type_name(r->type), policy_stage_name(r->stage));
    }
    bool wants_substitute = r->type == POLICY_MODEL_LIST && r->effect == POLICY_MODIFY;
    if (wants_substitute != (r->substitute.len != 0)) {
        return refuse(c, ERR_INVALID, where,
                      "a model list with the effect 'modify' names in 'substitute' "
                      "the model that is used instead, any other rule does not");
    }
    TRY(check_match(c, &r->when, where));
    return r->type == POLICY_PROVIDER_REQUIREMENT ? check_requirement(c, r, where)
                                                  : check_lists(c, r, where);
}

static enum err check_content(struct check *c, const struct policy_rule *r, const char *where)
{
    bool may_modify = r->type == POLICY_PII || r->type == POLICY_TERMS;

    if (r->effect != POLICY_BLOCK && r->effect != POLICY_WARN && r->effect != POLICY_INFO &&
        !(r->effect == POLICY_MODIFY && may_modify)) {
        return refuse(c, ERR_UNSUPPORTED, where,
                      "effect '%s' is not enforced by this build for type '%s'",
                      policy_effect_name(r->effect), policy_rule_type_name(r->type));
    }
    if (r->stage != POLICY_REQUEST && r->stage != POLICY_RESPONSE && r->stage != POLICY_BOTH) {
        return refuse(c, ERR_UNSUPPORTED, where,
                      "type '%s' runs at stage 'request', 'response' or 'both', "
                      "not '%s'",
                      policy_rule_type_name(r->type), policy_stage_name(r->stage));
    }
    if (r->content == NULL) {
        return refuse(c, ERR_INVALID, where, "has no params");
    }
    if (r->min_tier != ROUTE_TIER_UNRATED || r->require != 0 || r->substitute.len != 0 ||
        r->block_countries.count + r->allow_countries.count + r->allow.count + r->block.count > 0) {
        return refuse(c, ERR_INVALID, where,
                      "a rule about texts says nothing of providers or models");
    }
    return check_match(c, &r->when, where);
}

static enum err check_requirement(struct check *c, const struct policy_rule *r, const char *where)
{
    if (r->allow.count > 0 || r->block.count > 0) {
        return refuse(c, ERR_INVALID, where, "a requirement takes no allow or block");
    }
    if ((r->require >> ROUTE_ATTRIBUTES_COUNT) != 0 ||
        (unsigned)r->min_tier > ROUTE_TIER_MOST_TRUSTED) {
        return refuse(c, ERR_UNSUPPORTED, where, "an attribute or tier is unknown to this build");
    }
    TRY(check_countries(c, &r->block_countries, where));
    return check_countries(c, &r->allow_countries, where);
}

static enum err check_lists(struct check *c, const struct policy_rule *r, const char *where)
{
    if (r->min_tier != ROUTE_TIER_UNRATED || r->require != 0 || r->block_countries.count > 0 ||
        r->allow_countries.count > 0) {
        return refuse(c, ERR_INVALID, where, "a list takes allow and block only");
    }
    if (r->allow.count > LIST_ITEMS_MAX || r->block.count > LIST_ITEMS_MAX) {
        return refuse(c, ERR_LIMIT, where, "more than %d entries in a list", LIST_ITEMS_MAX);
    }
    if (r->type == POLICY_PROVIDER_LIST) {
        return ERR_OK;
    }
    TRY(check_models(c, &r->allow, where));
    return check_models(c, &r->block, where);
}

/* 'provider/' followed by a star is the only wildcard: anything else with a star
 * would look like a pattern and match nothing (bad input E 95). */
static enum err check_models(struct check *c, const struct policy_list *list, const char *where)
{
    for (size_t i = 0; i < list->count; i++) {
        struct str entry = list->items[i];
        if (entry.len == 0) {
            return refuse(c, ERR_INVALID, where, "has an empty model name");
        }
        ptrdiff_t star = str_find(entry, '*');
        if (star >= 0 &&
            ((size_t)star != entry.len - 1 || star < 2 || entry.ptr[star - 1] != '/')) {
            return refuse(c, ERR_INVALID, where,
                          "model entry '%.*s': the only wildcard is 'provider/*'", STR_ARG(entry));
        }
    }
    return ERR_OK;
}

static enum err check_countries(struct check *c, const struct policy_list *list, const char *where)
{
    for (size_t i = 0; i < list->count; i++) {
        struct str s = list->items[i];
        if (s.len != 2 || s.ptr[0] < 'A' || s.ptr[0] > 'Z' || s.ptr[1] < 'A' || s.ptr[1] > 'Z') {
            return refuse(c, ERR_INVALID, where,
                          "country '%.*s' is not two capital letters (ISO 3166-1)", STR_ARG(s));
        }
    }
    return ERR_OK;
}

/* What no single policy can see: ids, slots and the one default (S0-6, S0-7). */
static enum err check_together(const struct policy_org_rows *rows, struct issue *issue)
{
    const struct policy *slots[SLOTS_COUNT] = {NULL};
    const struct policy *fallback = NULL;
    struct arena scratch;
    struct map ids;

    arena_init(&scratch, (size_t)64 * 1024 * 1024);
    enum err err = map_init(&ids, &scratch, rows->policies_count);
    for (size_t i = 0; err == ERR_OK && i < rows->policies_count; i++) {
        const struct policy *p = &rows->policies[i];
        if (!policy_is_running(p)) {
            continue;
        }
        err = map_put(&ids, &scratch, p->id, slots);
        if (err == ERR_CONFLICT) {
            issue_set(issue, "/policies", "policy 'pol_%.*s' is given twice", STR_ARG(p->id));
        }
        if (err == ERR_OK && p->is_slot_selected && p->slot != 0) {
            if (slots[p->slot] != NULL) {
                issue_set(issue, "/policies", "slot %d is taken by policy '%.*s' and by '%.*s'",
                          p->slot, cut(slots[p->slot]->name, 80), slots[p->slot]->name.ptr,
                          cut(p->name, 80), p->name.ptr);
                err = ERR_CONFLICT;
            }
            slots[p->slot] = p;
        }
        if (err == ERR_OK && p->is_slot_selected && p->is_default) {
            if (fallback != NULL) {
                issue_set(issue, "/policies", "policies '%.*s' and '%.*s' are both the default",
                          cut(fallback->name, 80), fallback->name.ptr, cut(p->name, 80),
                          p->name.ptr);
                err = ERR_CONFLICT;
            }
            fallback = p;
        }
    }
    arena_fini(&scratch);
    return err;
}

static enum err check_keys(const struct policy_org_rows *rows, struct issue *issue)
{
    for (size_t i = 0; i < rows->keys_count; i++) {
        const struct policy_key_row *k = &rows->keys[i];
        if (k->id.len != 12) {
            issue_set(issue, "/keys", "key id '%.*s' is not 12 characters", STR_ARG(k->id));
            return ERR_INVALID;
        }
        if (k->pinned_slot < 0 || k->pinned_slot >= SLOTS_COUNT || (k->slots & 0xe001) != 0) {
            issue_set(issue, "/keys", "key '%.*s': slots are 1 to 12", STR_ARG(k->id));
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

static enum err check_reach(const struct policy_org_rows *rows, const struct route_catalog *catalog,
                            struct issue *issue)
{
    size_t providers = route_catalog_providers_count(catalog);

    for (size_t i = 0; i < rows->endpoints_count; i++) {
        if (rows->endpoints[i].provider >= providers) {
            issue_set(issue, "/endpoints", "endpoint '%.*s' has no provider of the catalogue",
                      STR_ARG(rows->endpoints[i].id));
            return ERR_INVALID;
        }
    }
    for (size_t i = 0; i < rows->attestations_count; i++) {
        const struct route_attestation *a = &rows->attestations[i];
        if (a->provider >= providers || (unsigned)a->attribute >= ROUTE_ATTRIBUTES_COUNT ||
            (a->valid_until_s != 0 && a->valid_until_s < a->valid_from_s)) {
            issue_set(issue, "/attestations",
                      "attestation %zu: unknown provider or attribute, or it ends before it begins",
                      i);
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

static enum err refuse(struct check *c, enum err err, const char *where, const char *format, ...)
{
    char pointer[128], what[256];
    va_list args;

    (void)snprintf(pointer, sizeof(pointer), "/policies/%zu%s", c->index, where);
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    org_issue_set(c->issue, pointer, c->policy, c->rule, what);
    return err;
}

/* An id is said when it is one: a policy that is not stored yet has only its name. */
void org_issue_set(struct issue *issue, const char *pointer, const struct policy *p,
                   const struct policy_rule *rule, const char *what)
{
    char id[40] = "", key[80] = "";

    if (p->id.len == ID_BYTES) {
        (void)snprintf(id, sizeof(id), " (pol_%.*s)", STR_ARG(p->id));
    }
    if (rule != NULL && rule->key.len != 0) {
        (void)snprintf(key, sizeof(key), ", rule '%.*s'", cut(rule->key, 60), rule->key.ptr);
    }
    issue_set(issue, pointer, "policy '%.*s'%s%s: %s", cut(p->name, 80), p->name.ptr, id, key,
              what);
}

/* At most max bytes, and whole characters. */
static int cut(struct str s, size_t max)
{
    size_t len = s.len > max ? max : s.len;
    while (len < s.len && len > 0 && ((unsigned char)s.ptr[len] & 0xC0) == 0x80) {
        len--;
    }
    return (int)len;
}
