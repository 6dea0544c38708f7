/* SPDX-License-Identifier: Apache-2.0
 *
 * dns: names to addresses, never blocking the loop. getaddrinfo runs in libuv's
 * thread pool; answers are kept for dns_ttl_ms, and for dns_stale_ms longer while
 * a new lookup runs or fails (F33).
 *
 * One lookup per name at a time; all who wait for it share it. Who waits has its own
 * deadline (the call's connect deadline), so a resolver that hangs holds a thread of
 * the pool and nothing else. Addresses are checked by the caller on every connect,
 * not when they are kept. Loop thread; bounded number of names.
 */
#include "net_private.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

#define NAMES_MAX 4096
#define FAILURE_MS 1000 /* a failed lookup is not repeated within this */

struct net_name {
    uv_getaddrinfo_t request;
    struct net_name *next; /* same bucket */
    struct net *net;
    struct net_list waiters;
    struct net_addr addrs[NET_ADDRS_MAX];
    size_t count;
    uint64_t fetched_ms, failed_ms, used_ms;
    bool is_pending;
    size_t host_len;
    char host[]; /* NUL-terminated */
};

static struct net_name *name_get(struct net *n, struct str host);
static void evict(struct net *n);
static enum err start(struct net_name *name);
static void on_addresses(uv_getaddrinfo_t *request, int status, struct addrinfo *list);
static void keep(struct net_name *name, const struct addrinfo *list);

/* Address literals need no lookup. */
static bool parse_literal(struct str host, struct net_addr *ret)
{
    char text[64];
    if (host.len >= sizeof(text)) {
        return false;
    }
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (uv_inet_pton(AF_INET, text, ret->bytes) == 0) {
        ret->len = 4;
        return true;
    }
    ret->len = 16;
    return uv_inet_pton(AF_INET6, text, ret->bytes) == 0;
}

enum err dns_resolve(struct net_upstream *u, struct str host, const struct net_addr **ret_addrs,
                     size_t *ret_count)
{
    static _Thread_local struct net_addr literal; /* "valid until the next turn" */
    struct net *n = u->net;
    uint64_t now = net_ms(n);
    if (parse_literal(host, &literal)) {
        *ret_addrs = &literal;
        *ret_count = 1;
        return ERR_OK;
    }
    struct net_name *name = name_get(n, host);
    if (name == NULL) {
        return ERR_MEMORY;
    }
    name->used_ms = now;
    *ret_addrs = name->addrs;
    *ret_count = name->count;
    uint64_t age = now - name->fetched_ms;
    if (name->count > 0 && age <= n->options.dns_ttl_ms) {
        return ERR_OK;
    }
    bool has_failed = name->failed_ms != 0 && now - name->failed_ms < FAILURE_MS;
    if (!name->is_pending && !has_failed) {
        TRY(start(name));
    }
    if (name->count > 0 && age <= (uint64_t)n->options.dns_ttl_ms + n->options.dns_stale_ms) {
        stat_add(&n->stats.dns_stale, 1);
        return ERR_OK;
    }
    if (!name->is_pending) {
        return ERR_IO;
    }
    list_add(&name->waiters, &u->name_node);
    uint64_t due = now + n->options.dns_ms;
    if (due < u->phase_due_ms) {
        u->phase_due_ms = due; /* connecting has the call's own deadline afterwards */
        upstream_arm(u);
    }
    return ERR_AGAIN;
}

static struct net_name *name_get(struct net *n, struct str host)
{
    struct net_name **bucket = &n->names[hash_bytes(host, 0) % NET_BUCKETS];
    for (struct net_name *name = *bucket; name != NULL; name = name->next) {
        if (str_eq((struct str){name->host, name->host_len}, host)) {
            return name;
        }
    }
    if (n->names_count >= NAMES_MAX) {
        evict(n);
    }
    struct net_name *name = n->names_count >= NAMES_MAX ? NULL
                                                        : calloc(1, sizeof(*name) + host.len + 1);
    if (name == NULL) {
        return NULL;
    }
    name->net = n;
    name->request.data = name;
    name->host_len = host.len;
    memcpy(name->host, host.ptr, host.len);
    list_init(&name->waiters);
    name->next = *bucket;
    *bucket = name;
    n->names_count++;
    return name;
}

/* Frees the name nobody asked for the longest. Rare, so a scan is good enough. */
static void evict(struct net *n)
{
    struct net_name **oldest = NULL;
    for (size_t i = 0; i < NET_BUCKETS; i++) {
        for (struct net_name **at = &n->names[i]; *at != NULL; at = &(*at)->next) {
            if (!(*at)->is_pending && (oldest == NULL || (*at)->used_ms < (*oldest)->used_ms)) {
                oldest = at;
            }
        }
    }
    if (oldest != NULL) {
        struct net_name *name = *oldest;
        *oldest = name->next;
        n->names_count--;
        free(name);
    }
}

static enum err start(struct net_name *name)
{
    struct net *n = name->net;
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_ADDRCONFIG};
    if (n->is_closing || uv_getaddrinfo(n->loop, &name->request, on_addresses, name->host, NULL,
                                        &hints) != 0) {
        return ERR_IO;
    }
    name->is_pending = true;
    stat_add(&n->stats.dns_lookups, 1);
    return ERR_OK;
}

static void on_addresses(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct net_name *name = request->data;
    struct net *n = name->net;
    struct net_list waiters;
    name->is_pending = false;
    if (status == 0) {
        keep(name, list);
        uv_freeaddrinfo(list);
    }
    if (status != 0 || name->count == 0) {
        name->failed_ms = net_ms(n);
        stat_add(&n->stats.dns_failures, 1);
    } else {
        name->failed_ms = 0;
    }
    list_take(&waiters, &name->waiters);
    while (!list_is_empty(&waiters)) {
        struct net_upstream *u = NET_OF(waiters.next, struct net_upstream, name_node);
        const struct flow_call *call = &u->request->x->call;
        list_remove(&u->name_node);
        if (call->connect_ms > 0) {
            u->phase_due_ms = net_ms(n) + call->connect_ms;
            upstream_arm(u);
        }
        upstream_on_names(u, name->addrs, status == 0 ? name->count : 0);
    }
}

static void keep(struct net_name *name, const struct addrinfo *list)
{
    name->count = 0;
    for (const struct addrinfo *a = list; a != NULL && name->count < NET_ADDRS_MAX;
         a = a->ai_next) {
        struct net_addr *to = &name->addrs[name->count];
        if (a->ai_family == AF_INET) {
            const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)a->ai_addr;
            memcpy(to->bytes, &v4->sin_addr, 4);
            to->len = 4;
            name->count++;
        } else if (a->ai_family == AF_INET6) {
            const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)a->ai_addr;
            memcpy(to->bytes, &v6->sin6_addr, 16);
            to->len = 16;
            name->count++;
        }
    }
    name->fetched_ms = net_ms(name->net);
}

void dns_cancel(struct net *n)
{
    for (size_t i = 0; i < NET_BUCKETS; i++) {
        for (struct net_name *name = n->names[i]; name != NULL; name = name->next) {
            if (name->is_pending) {
                (void)uv_cancel((uv_req_t *)&name->request);
            }
        }
    }
}

void dns_free(struct net *n)
{
    for (size_t i = 0; i < NET_BUCKETS; i++) {
        while (n->names[i] != NULL) {
            struct net_name *name = n->names[i];
            ASSERT(!name->is_pending);
            n->names[i] = name->next;
            free(name);
        }
    }
}
