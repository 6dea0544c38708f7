/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeping the policies current: what the database says, compiled per organisation,
 * published as one immutable snapshot whose epoch is the database's. A change that
 * does not compile keeps the organisation's last good part, loudly. Control thread,
 * but for serve_ship (shipper) and serve_request (workers).
 */
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static enum err apply(struct serve *s, uint64_t since);
static void replace_org(struct serve *s, const struct store_org *o, int64_t now_s);
static enum err publish(struct serve *s, uint64_t epoch, int64_t now_s, bool is_degraded);
static enum err keep_org(struct serve *s, struct policy_org *org);
static uint64_t mono_us(void);

void serve_first_snapshot(struct serve *s)
{
    enum err e = apply(s, 0);
    if (e == ERR_OK) {
        serve_note_database(s, ERR_OK);
        return;
    }
    serve_log(s, "error", "database_unavailable", "\"at\":\"start\"");
    atomic_store(&s->health.is_degraded, true);
    if (publish(s, 0, serve_unix_ms() / 1000, true) != ERR_OK) {
        abort(); /* not even an empty snapshot: no memory to run in */
    }
    atomic_store(&s->health.is_loaded, false);
}

/* Looks for what changed since the epoch that is known. */
void serve_refresh(struct serve *s, bool is_poll)
{
    bool is_known = atomic_load(&s->health.is_loaded);
    if (is_poll) {
        atomic_fetch_add(&s->health.notify_resync, 1);
    } else {
        atomic_fetch_add(&s->health.notify_received, 1);
    }
    int64_t now_ms = serve_unix_ms();
    bool is_all = !is_known || serve_is_rebuild_due(s, now_ms);
    enum err e = apply(s, is_all ? 0 : s->epoch);
    if (e != ERR_OK) {
        serve_note_database(s, e);
        serve_log(s, "warn", "refresh_failed", "\"epoch\":%llu", (unsigned long long)s->epoch);
    }
}

static enum err apply(struct serve *s, uint64_t since)
{
    struct store_loaded *loaded;
    uint64_t from_us = mono_us();
    TRY(store_load(s->store, since, &loaded));
    if (loaded->epoch < s->epoch && since != 0) {
        /* An older copy of the database took over: what is known here may be ahead
         * of it, so everything is read again. */
        store_loaded_free(loaded);
        TRY(store_load(s->store, 0, &loaded));
        since = 0;
    }
    bool is_changed = loaded->orgs_count != 0 || loaded->epoch != s->epoch || since == 0;
    for (size_t i = 0; i < loaded->orgs_count; i++) {
        replace_org(s, &loaded->orgs[i], loaded->now_s);
    }
    enum err e = is_changed ? publish(s, loaded->epoch, loaded->now_s, false) : ERR_OK;
    uint64_t orgs = loaded->orgs_count;
    store_loaded_free(loaded);
    if (e == ERR_OK && is_changed) {
        atomic_store(&s->health.compile_us, mono_us() - from_us);
        serve_log(s, "info", "published", "\"epoch\":%llu,\"orgs_changed\":%llu,\"us\":%llu",
                  (unsigned long long)s->epoch, (unsigned long long)orgs,
                  (unsigned long long)(mono_us() - from_us));
    }
    if (e == ERR_OK) {
        worker_group_freshen(s->group, serve_unix_ms(), false);
        atomic_store(&s->health.fresh_ms, serve_unix_ms());
    }
    return e;
}

static void replace_org(struct serve *s, const struct store_org *o, int64_t now_s)
{
    struct policy_org *org = NULL;
    struct issue issue = o->issue;
    enum err e = o->err;
    if (e == ERR_OK) {
        e = policy_org_new(&o->rows, s->catalog, now_s, &org, &issue);
    }
    if (e == ERR_OK && keep_org(s, org) == ERR_OK) {
        return;
    }
    policy_org_unref(org);
    atomic_fetch_add(&s->health.publish_failures, 1);
    struct buf reason;
    buf_init(&reason, 4096);
    json_write_str(&reason, str_from(issue.message));
    serve_log(s, "error", "policy_not_compiled", "\"org\":\"%.*s\",\"reason\":%.*s",
              STR_ARG(o->rows.id), STR_ARG(buf_str(&reason)));
    buf_fini(&reason);
}

static enum err keep_org(struct serve *s, struct policy_org *org)
{
    struct str id = policy_org_id(org);
    for (size_t i = 0; i < s->orgs_count; i++) {
        if (str_eq(policy_org_id(s->orgs[i]), id)) {
            policy_org_unref(s->orgs[i]);
            s->orgs[i] = org;
            return ERR_OK;
        }
    }
    if (s->orgs_count == s->orgs_capacity) {
        size_t capacity = s->orgs_capacity != 0 ? s->orgs_capacity * 2 : 64;
        struct policy_org **more = realloc(s->orgs, capacity * sizeof(*more));
        if (more == NULL) {
            return ERR_MEMORY;
        }
        s->orgs = more;
        s->orgs_capacity = capacity;
    }
    s->orgs[s->orgs_count++] = org;
    return ERR_OK;
}

static enum err publish(struct serve *s, uint64_t epoch, int64_t now_s, bool is_degraded)
{
    struct policy_snapshot *snapshot;
    TRY(policy_snapshot_new(s->orgs, s->orgs_count, s->catalog, epoch, now_s, &snapshot));
    enum err e = worker_group_publish(s->group, snapshot, serve_unix_ms(), is_degraded);
    if (e != ERR_OK) {
        policy_snapshot_free(snapshot);
        return e;
    }
    s->epoch = epoch;
    s->rebuild_at_s = INT64_MAX;
    for (size_t i = 0; i < s->orgs_count; i++) {
        int64_t at = policy_org_expires_at(s->orgs[i]);
        s->rebuild_at_s = at < s->rebuild_at_s ? at : s->rebuild_at_s;
    }
    atomic_fetch_add(&s->health.publishes, 1);
    atomic_store(&s->health.is_loaded, true);
    atomic_store(&s->health.is_degraded, is_degraded);
    return ERR_OK;
}

void serve_note_database(struct serve *s, enum err listen_result)
{
    bool is_up = listen_result == ERR_OK || listen_result == ERR_AGAIN;
    bool was_up = atomic_exchange(&s->health.is_database_up, is_up);
    if (was_up != is_up) {
        serve_log(s, is_up ? "info" : "error", is_up ? "database_up" : "database_down",
                  "\"epoch\":%llu", (unsigned long long)s->epoch);
    }
    int64_t fresh_ms = atomic_load(&s->health.fresh_ms);
    if (listen_result == ERR_AGAIN && atomic_load(&s->health.is_loaded)) {
        /* Quiet, and the connection answered: what is enforced is current. */
        fresh_ms = serve_unix_ms();
        atomic_store(&s->health.fresh_ms, fresh_ms);
    }
    worker_group_freshen(s->group, fresh_ms, !is_up || atomic_load(&s->health.is_degraded));
}

bool serve_is_rebuild_due(const struct serve *s, int64_t now_ms)
{
    return s->rebuild_at_s != INT64_MAX && now_ms / 1000 >= s->rebuild_at_s;
}

void serve_request(void *context, const struct worker_request *request)
{
    struct serve *s = context;
    http_serve(s->http, request);
}

void serve_free(struct serve *s)
{
    for (size_t i = 0; i < s->orgs_count; i++) {
        policy_org_unref(s->orgs[i]);
    }
    free(s->orgs);
    net_exceptions_free(s->exceptions);
    route_catalog_free(s->catalog);
    buf_fini(&s->catalog_texts[0]);
    buf_fini(&s->catalog_texts[1]);
    bytes_wipe(&s->secrets, sizeof(s->secrets));
}

static uint64_t mono_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Records of the spool into the database. */
bool serve_ship(void *context, const struct spool_batch *batch)
{
    struct serve *s = context;
    uint64_t written = 0, quarantined = 0;
    enum err e =
        store_audit_ship(s->audit_store, batch->records, batch->count, &written, &quarantined);
    atomic_fetch_add(&s->health.audit_written, written);
    atomic_fetch_add(&s->health.audit_quarantined, quarantined);
    return e == ERR_OK;
}
