/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows -> the organisation's own memory. The loader's rows are views into a
 * database result that is gone a moment later, so every string is copied.
 *
 * Secrets (provider credentials, key hashes) are remembered so that the last
 * unref can wipe them. Control thread; ERR_MEMORY or ERR_LIMIT only.
 */
#include "org.h"

static enum err copy_policy(struct arena *a, const struct policy *from, struct policy *to);
static enum err copy_rules(struct arena *a, const struct policy_rule *from, size_t count,
                           const struct policy_rule **ret);
static enum err copy_match(struct arena *a, const struct policy_match *from,
                           struct policy_match *to);
static enum err copy_list(struct arena *a, const struct policy_list *from,
                          struct policy_list *to);
static enum err copy_pairs(struct arena *a, const struct policy_pair *from, size_t count,
                           const struct policy_pair **ret);
static enum err copy_str(struct arena *a, struct str from, struct str *to);
static enum err copy_key(struct policy_org *o, const struct policy_key_row *from,
                         struct policy_key_row *to);
static enum err copy_endpoint(struct policy_org *o, const struct route_endpoint *from,
                              struct route_endpoint *to);
static enum err copy_secret(struct policy_org *o, struct str from, struct str *to);

enum err org_copy(struct policy_org *o, const struct policy_org_rows *rows)
{
    struct arena *a = &o->arena;

    TRY(copy_str(a, rows->id, &o->id));
    TRY(copy_str(a, rows->name, &o->name));
    o->seq = rows->seq;
    o->is_suspended = rows->is_suspended;
    o->slot_selection = rows->slot_selection;
    o->error_format = rows->error_format;
    o->policies = ARENA_ARRAY(a, rows->policies_count, struct policy);
    o->principals = ARENA_ARRAY(a, rows->keys_count, struct policy_principal);
    o->endpoints = ARENA_ARRAY(a, rows->endpoints_count, struct route_endpoint);
    o->secrets = ARENA_ARRAY(a, rows->endpoints_count + rows->keys_count, struct org_secret);
    if (o->policies == NULL || o->principals == NULL || o->endpoints == NULL ||
        o->secrets == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < rows->policies_count; i++) {
        if (policy_is_running(&rows->policies[i])) {
            TRY(copy_policy(a, &rows->policies[i], &o->policies[o->policies_count++]));
        }
    }
    for (size_t i = 0; i < rows->keys_count; i++) {
        struct policy_principal *p = &o->principals[o->principals_count++];
        p->org = o;
        TRY(copy_key(o, &rows->keys[i], &p->row));
    }
    for (size_t i = 0; i < rows->endpoints_count; i++) {
        TRY(copy_endpoint(o, &rows->endpoints[i], &o->endpoints[o->endpoints_count++]));
    }
    return ERR_OK;
}

static enum err copy_policy(struct arena *a, const struct policy *from, struct policy *to)
{
    *to = *from;
    TRY(copy_str(a, from->id, &to->id));
    TRY(copy_str(a, from->org_id, &to->org_id));
    TRY(copy_str(a, from->name, &to->name));
    TRY(copy_str(a, from->description, &to->description));
    TRY(copy_str(a, from->team, &to->team));
    TRY(copy_str(a, from->environment, &to->environment));
    TRY(copy_str(a, from->project, &to->project));
    TRY(copy_str(a, from->user, &to->user));
    TRY(copy_str(a, from->key, &to->key));
    TRY(copy_str(a, from->role, &to->role));
    TRY(copy_str(a, from->policy_type, &to->policy_type));
    TRY(copy_str(a, from->template_slug, &to->template_slug));
    TRY(copy_str(a, from->created_by, &to->created_by));
    TRY(copy_match(a, &from->match, &to->match));
    TRY(copy_list(a, &from->overrides, &to->overrides));
    return copy_rules(a, from->rules, from->rules_count, &to->rules);
}

static enum err copy_rules(struct arena *a, const struct policy_rule *from, size_t count,
                           const struct policy_rule **ret)
{
    struct policy_rule *to = ARENA_ARRAY(a, count, struct policy_rule);

    if (to == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        to[i] = from[i]; /* content as well, until the organisation is built */
        to[i].params = NULL;
        TRY(copy_str(a, from[i].key, &to[i].key));
        TRY(copy_str(a, from[i].source_word, &to[i].source_word));
        TRY(copy_str(a, from[i].substitute, &to[i].substitute));
        TRY(copy_match(a, &from[i].when, &to[i].when));
        TRY(copy_list(a, &from[i].block_countries, &to[i].block_countries));
        TRY(copy_list(a, &from[i].allow_countries, &to[i].allow_countries));
        TRY(copy_list(a, &from[i].allow, &to[i].allow));
        TRY(copy_list(a, &from[i].block, &to[i].block));
    }
    *ret = to;
    return ERR_OK;
}

static enum err copy_match(struct arena *a, const struct policy_match *from,
                           struct policy_match *to)
{
    *to = *from;
    TRY(copy_list(a, &from->providers, &to->providers));
    TRY(copy_list(a, &from->models, &to->models));
    TRY(copy_list(a, &from->endpoints, &to->endpoints));
    TRY(copy_list(a, &from->roles, &to->roles));
    TRY(copy_pairs(a, from->tags, from->tags_count, &to->tags));
    return copy_pairs(a, from->metadata, from->metadata_count, &to->metadata);
}

static enum err copy_list(struct arena *a, const struct policy_list *from, struct policy_list *to)
{
    *to = (struct policy_list){.is_set = from->is_set};
    if (from->count == 0) {
        return ERR_OK;
    }
    struct str *items = ARENA_ARRAY(a, from->count, struct str);
    if (items == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < from->count; i++) {
        TRY(copy_str(a, from->items[i], &items[i]));
    }
    to->items = items;
    to->count = from->count;
    return ERR_OK;
}

static enum err copy_pairs(struct arena *a, const struct policy_pair *from, size_t count,
                           const struct policy_pair **ret)
{
    *ret = NULL;
    if (count == 0) {
        return ERR_OK;
    }
    struct policy_pair *to = ARENA_ARRAY(a, count, struct policy_pair);
    if (to == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        TRY(copy_str(a, from[i].name, &to[i].name));
        TRY(copy_str(a, from[i].value, &to[i].value));
    }
    *ret = to;
    return ERR_OK;
}

static enum err copy_str(struct arena *a, struct str from, struct str *to)
{
    *to = STR_NONE;
    if (from.ptr == NULL) {
        return ERR_OK;
    }
    *to = arena_str(a, from);
    return to->ptr != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err copy_key(struct policy_org *o, const struct policy_key_row *from,
                         struct policy_key_row *to)
{
    struct arena *a = &o->arena;

    *to = *from;
    o->secrets[o->secrets_count++] = (struct org_secret){to, sizeof(*to)};
    TRY(copy_str(a, from->id, &to->id));
    TRY(copy_str(a, from->name, &to->name));
    TRY(copy_str(a, from->team, &to->team));
    TRY(copy_str(a, from->environment, &to->environment));
    TRY(copy_str(a, from->project, &to->project));
    TRY(copy_str(a, from->user, &to->user));
    TRY(copy_str(a, from->role, &to->role));
    TRY(copy_str(a, from->user_email, &to->user_email));
    TRY(copy_list(a, &from->models, &to->models));
    return copy_pairs(a, from->metadata, from->metadata_count, &to->metadata);
}

static enum err copy_endpoint(struct policy_org *o, const struct route_endpoint *from,
                              struct route_endpoint *to)
{
    struct arena *a = &o->arena;

    *to = *from;
    TRY(copy_str(a, from->id, &to->id));
    TRY(copy_str(a, from->base_url, &to->base_url));
    TRY(copy_str(a, from->url.host, &to->url.host));
    TRY(copy_str(a, from->url.path, &to->url.path));
    TRY(copy_str(a, from->url.authority, &to->url.authority));
    TRY(copy_str(a, from->credential_id, &to->credential_id));
    TRY(copy_str(a, from->ca_file, &to->ca_file));
    return copy_secret(o, from->credential, &to->credential);
}

static enum err copy_secret(struct policy_org *o, struct str from, struct str *to)
{
    *to = STR_NONE;
    if (from.len == 0) {
        return ERR_OK;
    }
    char *bytes = arena_alloc(&o->arena, from.len + 1);
    if (bytes == NULL) {
        return ERR_MEMORY;
    }
    memcpy(bytes, from.ptr, from.len);
    o->secrets[o->secrets_count++] = (struct org_secret){bytes, from.len};
    *to = (struct str){bytes, from.len};
    return ERR_OK;
}
