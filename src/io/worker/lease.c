/* SPDX-License-Identifier: Apache-2.0
 *
 * lease: how a snapshot travels from the control thread to the exchanges of a
 * worker and is freed when nobody reads it any more. With it comes what its content
 * rules need: the worker's scratch is grown here, where a snapshot arrives, and if it
 * cannot be, requests under this snapshot that such rules apply to are refused.
 *
 * One slot per worker: a snapshot that was not even taken when the next arrives is
 * skipped. A worker counts its exchanges per lease with plain integers; only taking
 * and letting go of a snapshot as a whole is atomic. Freeing happens on the control
 * thread, because it is long and because the worker must not wait for it.
 */
#include "worker_private.h"

#include <stdlib.h>

static void release(struct worker *w, struct published *p);
static void fit(struct worker *w, struct lease *l, const struct lease *before);

/* ---- control thread ------------------------------------------------------------- */

enum err worker_group_publish(struct worker_group *g, struct policy_snapshot *s, int64_t fresh_ms,
                              bool is_degraded)
{
    struct published *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return ERR_MEMORY;
    }
    p->snapshot = s;
    p->number = ++g->published_count;
    atomic_init(&p->holders, g->count);
    p->next = g->all;
    g->all = p;
    g->latest = p;
    for (unsigned i = 0; i < g->count; i++) {
        struct worker *w = &g->workers[i];
        struct published *skipped =
            atomic_exchange_explicit(&w->inbox, p, memory_order_acq_rel);
        if (skipped != NULL) {
            atomic_fetch_sub_explicit(&skipped->holders, 1, memory_order_acq_rel);
        }
        uv_mutex_lock(&w->mail_lock);
        if (w->is_closed) { /* its loop has ended: nobody will take it */
            if (atomic_exchange_explicit(&w->inbox, NULL, memory_order_acq_rel) != NULL) {
                atomic_fetch_sub_explicit(&p->holders, 1, memory_order_acq_rel);
            }
        } else {
            uv_async_send(&w->wake);
        }
        uv_mutex_unlock(&w->mail_lock);
    }
    worker_group_freshen(g, fresh_ms, is_degraded);
    (void)worker_group_reclaim(g);
    return ERR_OK;
}

void worker_group_freshen(struct worker_group *g, int64_t fresh_ms, bool is_degraded)
{
    atomic_store_explicit(&g->fresh_ms, fresh_ms, memory_order_relaxed);
    atomic_store_explicit(&g->is_degraded, is_degraded, memory_order_relaxed);
}

uint64_t worker_group_epoch_min(const struct worker_group *g)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < g->count; i++) {
        const struct worker *w = &g->workers[i];
        uint64_t epoch = atomic_load_explicit(&w->epoch, memory_order_acquire);
        if (!atomic_load_explicit(&w->is_stopped, memory_order_acquire) && epoch < least) {
            least = epoch;
        }
    }
    return least == UINT64_MAX ? 0 : least;
}

const struct policy_snapshot *worker_group_snapshot(const struct worker_group *g)
{
    return g->latest == NULL ? NULL : g->latest->snapshot;
}

size_t worker_group_reclaim(struct worker_group *g)
{
    size_t held = 0;
    struct published **at = &g->all;
    while (*at != NULL) {
        struct published *p = *at;
        if (p == g->latest || atomic_load_explicit(&p->holders, memory_order_acquire) > 0) {
            held += p == g->latest ? 0 : 1;
            at = &p->next;
            continue;
        }
        *at = p->next;
        policy_snapshot_free(p->snapshot);
        free(p);
    }
    return held;
}

void published_free_all(struct worker_group *g)
{
    g->latest = NULL;
    size_t held = worker_group_reclaim(g);
    ASSERT(held == 0);
}

/* ---- worker thread ----------------------------------------------------------------- */

void lease_take_inbox(struct worker *w)
{
    struct published *p = atomic_exchange_explicit(&w->inbox, NULL, memory_order_acq_rel);
    if (p == NULL) {
        return;
    }
    struct lease *l = w->spare;
    if (l != NULL) {
        w->spare = l->next;
    } else {
        l = calloc(1, sizeof(*l));
    }
    if (l == NULL) {
        /* Keeps deciding under the old one and says so by its epoch. */
        release(w, p);
        return;
    }
    *l = (struct lease){.published = p};
    struct lease *old = w->current;
    fit(w, l, old);
    w->current = l;
    if (old != NULL) {
        old->next = w->retired;
        w->retired = old;
        old->pins++;
        lease_end(w, old); /* gone at once when no exchange holds it */
    }
    atomic_store_explicit(&w->epoch, policy_snapshot_epoch(p->snapshot), memory_order_release);
    if (w->group->options.on_news != NULL) {
        w->group->options.on_news(w->group->options.news_context);
    }
}

/* What the lease before was fit for needs no look: organisations that did not change
 * are shared between snapshots. */
static void fit(struct worker *w, struct lease *l, const struct lease *before)
{
    const struct policy_snapshot *s = l->published->snapshot, *known = NULL;
    if (before != NULL && !before->is_scratch_small) {
        known = before->published->snapshot;
    }
    l->is_scratch_small = false;
    for (size_t i = 0; i < policy_snapshot_orgs_count(s); i++) {
        const struct policy_org *org = policy_snapshot_org_at(s, i);
        const struct content *content = policy_org_content(org);
        if (content == NULL ||
            (known != NULL && policy_snapshot_org(known, policy_org_id(org)) == org)) {
            continue;
        }
        if (scan_scratch_fit(w->env.scratch, content_set(content)) != ERR_OK) {
            l->is_scratch_small = true;
        }
    }
}

struct scan_scratch *lease_scratch(const struct worker *w, const struct policy_snapshot *s)
{
    for (const struct lease *l = w->retired; l != NULL; l = l->next) {
        if (l->published->snapshot == s) {
            return l->is_scratch_small ? NULL : w->env.scratch;
        }
    }
    return w->current->is_scratch_small ? NULL : w->env.scratch;
}

void *lease_begin(void *worker, struct flow_start *start)
{
    struct worker *w = worker;
    struct lease *l = w->current;
    ASSERT(l != NULL);
    l->pins++;
    start->snapshot = l->published->snapshot;
    start->snapshot_number = l->published->number;
    start->is_scratch_small = l->is_scratch_small;
    start->fresh_ms = atomic_load_explicit(&w->group->fresh_ms, memory_order_relaxed);
    start->is_degraded = atomic_load_explicit(&w->group->is_degraded, memory_order_relaxed);
    if (w->dice_left < sizeof(start->dice)) {
        /* Without dice ids could repeat: better to stop than to mix up records. */
        enum err e = tls_random(w->dice, sizeof(w->dice));
        ASSERT(e == ERR_OK);
        w->dice_left = sizeof(w->dice);
    }
    w->dice_left -= (unsigned)sizeof(start->dice);
    memcpy(start->dice, w->dice + w->dice_left, sizeof(start->dice));
    return l;
}

void lease_end(void *worker, void *lease)
{
    struct worker *w = worker;
    struct lease *l = lease;
    ASSERT(l->pins > 0);
    l->pins--;
    if (w->log.len >= LOG_BYTES) {
        worker_log_flush(w);
    }
    if (l == w->current && l->is_scratch_small) {
        fit(w, l, NULL); /* that request is over; the next one may find memory again */
    }
    if (l->pins > 0 || l == w->current) {
        return;
    }
    struct lease **at = &w->retired;
    while (*at != l) {
        at = &(*at)->next;
    }
    *at = l->next;
    release(w, l->published);
    l->next = w->spare;
    w->spare = l;
}

const struct policy_snapshot *lease_snapshot(void *worker, void *lease)
{
    (void)worker;
    const struct lease *l = lease;
    return l->published->snapshot;
}

static void release(struct worker *w, struct published *p)
{
    unsigned before = atomic_fetch_sub_explicit(&p->holders, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before == 1 && w->group->options.on_news != NULL) {
        w->group->options.on_news(w->group->options.news_context);
    }
}

void leases_release(struct worker *w)
{
    struct published *p = atomic_exchange_explicit(&w->inbox, NULL, memory_order_acq_rel);
    if (p != NULL) {
        release(w, p);
    }
    ASSERT(w->retired == NULL);
    if (w->current != NULL) {
        ASSERT(w->current->pins == 0);
        release(w, w->current->published);
        free(w->current);
        w->current = NULL;
    }
    while (w->spare != NULL) {
        struct lease *l = w->spare;
        w->spare = l->next;
        free(l);
    }
}
