/* SPDX-License-Identifier: Apache-2.0
 *
 * Organisations whose terms are being compiled by a child: their last good part stays in
 * force, everybody else's changes go on, and this node does not say that it enforces
 * what it does not. When the child is done the newest rows are compiled again, which
 * then takes no time. Control thread.
 */
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>

#define RETRY_MS 2000 /* when no child could be started */

struct serve_pending {
    struct serve_pending *next;
    char org[64];
    struct str sealed; /* heap */
    uint64_t seq;
    uint8_t key[COMPILE_KEY_BYTES];
    int64_t retry_ms; /* not before */
};

static bool retry(struct serve *s, struct serve_pending *p);
static void note_lowest(struct serve *s);
static void entry_free(struct serve_pending *p);

void serve_pending_put(struct serve *s, const struct policy_org_rows *rows, struct str sealed)
{
    struct serve_pending *p = calloc(1, sizeof(*p));
    serve_pending_drop(s, rows->id);
    if (p == NULL || sealed.ptr == NULL || rows->id.len >= sizeof(p->org)) {
        free(p);
        free((void *)(uintptr_t)sealed.ptr);
        atomic_fetch_add(&s->health.publish_failures, 1);
        serve_behind_set(s, rows->id, true);
        serve_log(s, "error", "policy_not_compiled", "\"org\":\"%.*s\",\"reason\":\"no memory\"",
                  STR_ARG(rows->id));
        return;
    }
    memcpy(p->org, rows->id.ptr, rows->id.len);
    memcpy(p->key, s->client.key, sizeof(p->key));
    p->sealed = sealed;
    p->seq = rows->seq;
    p->next = s->pending;
    s->pending = p;
    note_lowest(s);
    serve_log(s, "info", "policy_compiling", "\"org\":\"%s\",\"epoch\":%llu", p->org,
              (unsigned long long)p->seq);
}

void serve_pending_drop(struct serve *s, struct str org)
{
    for (struct serve_pending **at = &s->pending; *at != NULL; at = &(*at)->next) {
        struct serve_pending *p = *at;
        if (str_eq(str_from(p->org), org)) {
            *at = p->next;
            entry_free(p);
            break;
        }
    }
    note_lowest(s);
}

bool serve_pending_retry(struct serve *s)
{
    bool is_changed = false;
    for (struct serve_pending **at = &s->pending; *at != NULL;) {
        struct serve_pending *p = *at;
        uint64_t failures = atomic_load(&s->health.publish_failures);
        if (compile_is_pending(s->compile, p->key) || serve_unix_ms() < p->retry_ms) {
            at = &p->next;
            continue;
        }
        if (retry(s, p)) {
            is_changed = is_changed || atomic_load(&s->health.publish_failures) == failures;
            *at = p->next;
            entry_free(p);
        } else {
            at = &p->next;
        }
    }
    note_lowest(s);
    return is_changed;
}

/* True: it is over, in one way or the other. */
static bool retry(struct serve *s, struct serve_pending *p)
{
    struct policy_org *org = NULL;
    enum err e = serve_org_rebuild(s, p->sealed, serve_unix_ms() / 1000, &org);
    if (e == ERR_AGAIN || e == ERR_IO) {
        memcpy(p->key, s->client.key, sizeof(p->key));
        p->retry_ms = e == ERR_IO ? serve_unix_ms() + RETRY_MS : 0;
        return false;
    }
    if (e == ERR_OK) {
        e = serve_org_keep(s, org, p->sealed);
        p->sealed = STR_NONE;
    }
    serve_behind_set(s, str_from(p->org), e != ERR_OK);
    if (e != ERR_OK) {
        atomic_fetch_add(&s->health.publish_failures, 1);
    }
    return true;
}

/* Below it everything is enforced, as far as this goes. */
static void note_lowest(struct serve *s)
{
    uint64_t lowest = 0;
    for (const struct serve_pending *p = s->pending; p != NULL; p = p->next) {
        lowest = lowest == 0 || p->seq < lowest ? p->seq : lowest;
    }
    atomic_store(&s->health.pending_seq, lowest);
}

void serve_pending_clear(struct serve *s)
{
    while (s->pending != NULL) {
        struct serve_pending *p = s->pending;
        s->pending = p->next;
        entry_free(p);
    }
    note_lowest(s);
}

static void entry_free(struct serve_pending *p)
{
    free((void *)(uintptr_t)p->sealed.ptr);
    free(p);
}
