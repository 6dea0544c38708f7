/* SPDX-License-Identifier: Apache-2.0
 *
 * pool: idle connections to providers, kept for the next call.
 *
 * The key is (credential, host, port, tls, CA set): a connection is never shared
 * between credentials, so a desync of one could at worst meet its own tenant. The
 * newest idle connection is taken first; the oldest die of their deadline. A pool
 * exists while a connection uses it and owns copies of its strings, because the
 * endpoint it was made for lives in a snapshot that may go. Loop thread.
 */
#include "net_private.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t hash_endpoint(const struct route_endpoint *e);
static bool is_for(const struct net_pool *p, const struct route_endpoint *e);
static struct net_pool *pool_new(const struct route_endpoint *e, uint64_t hash);

struct net_pool *pool_get(struct net *n, const struct route_endpoint *e)
{
    uint64_t hash = hash_endpoint(e);
    struct net_pool **bucket = &n->pools[hash % NET_BUCKETS];
    for (struct net_pool *p = *bucket; p != NULL; p = p->next) {
        if (p->hash == hash && is_for(p, e)) {
            p->users++;
            return p;
        }
    }
    struct net_pool *p = pool_new(e, hash);
    if (p != NULL) {
        p->users = 1;
        p->next = *bucket;
        *bucket = p;
    }
    return p;
}

static uint64_t hash_endpoint(const struct route_endpoint *e)
{
    uint64_t h = hash_bytes(e->credential_id, e->url.port * 2u + (e->url.is_tls ? 1 : 0));
    h = hash_bytes(e->url.host, h);
    return e->ca_file.len == 0 ? h : hash_bytes(e->ca_file, h);
}

static bool is_for(const struct net_pool *p, const struct route_endpoint *e)
{
    return str_eq(p->credential_id, e->credential_id) && str_eq(p->url.host, e->url.host) &&
           p->url.port == e->url.port && p->url.is_tls == e->url.is_tls &&
           str_eq(p->ca_file, e->ca_file);
}

static struct str copy(char **at, struct str s)
{
    struct str ret = {*at, s.len};
    if (s.len > 0) {
        memcpy(*at, s.ptr, s.len);
    }
    *at += s.len;
    return ret;
}

static struct net_pool *pool_new(const struct route_endpoint *e, uint64_t hash)
{
    char port[8];
    int digits = snprintf(port, sizeof(port), "%u", e->url.port);
    size_t all = e->credential_id.len + e->url.host.len + e->ca_file.len;
    struct net_pool *p = calloc(1, sizeof(*p) + 2 * all + (size_t)digits + 4);
    if (p == NULL) {
        return NULL;
    }
    char *at = p->text;
    p->hash = hash;
    list_init(&p->idle);
    p->url = e->url;
    p->url.host = copy(&at, e->url.host);
    p->url.path = STR_NONE;
    p->url.authority = STR_NONE;
    p->credential_id = copy(&at, e->credential_id);
    p->ca_file = copy(&at, e->ca_file);
    /* The key of sessions to resume; a NUL cannot be part of any of its members. */
    p->key.ptr = at;
    (void)copy(&at, e->url.host);
    *at++ = '\0';
    (void)copy(&at, (struct str){port, (size_t)digits});
    *at++ = '\0';
    (void)copy(&at, e->ca_file);
    *at++ = '\0';
    (void)copy(&at, e->credential_id);
    p->key.len = (size_t)(at - p->key.ptr);
    return p;
}

void pool_unuse(struct net *n, struct net_pool *p)
{
    ASSERT(p->users > 0);
    p->users--;
    if (p->users > 0) {
        return;
    }
    struct net_pool **at = &n->pools[p->hash % NET_BUCKETS];
    while (*at != p) {
        at = &(*at)->next;
    }
    *at = p->next;
    free(p);
}

struct net_upstream *pool_take(struct net_pool *p)
{
    if (list_is_empty(&p->idle)) {
        return NULL;
    }
    struct net_upstream *u = NET_OF(p->idle.prev, struct net_upstream, pool_node);
    pool_forget(u);
    return u;
}

bool pool_keep(struct net_upstream *u)
{
    struct net *n = u->net;
    struct net_pool *p = u->pool;
    if (p->idle_count >= n->options.upstream_key_max ||
        atomic_load_explicit(&n->stats.upstreams_idle, memory_order_relaxed) >=
            n->options.upstream_idle_max) {
        return false;
    }
    list_add(&p->idle, &u->pool_node);
    p->idle_count++;
    stat_add(&n->stats.upstreams_idle, 1);
    return true;
}

void pool_forget(struct net_upstream *u)
{
    list_remove(&u->pool_node);
    u->pool->idle_count--;
    stat_sub(&u->net->stats.upstreams_idle, 1);
}
