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
static struct str seal_org(struct serve *s, const struct policy_org_rows *rows);
static void publish_again(struct serve *s);
static size_t find_org(const struct serve *s, struct str id);
static bool make_room(struct serve *s);
static void drop_part(struct serve *s, size_t i);
static void *heap_of(struct str s);
static void drop_absent(struct serve *s, const struct store_loaded *loaded);
static void rebuild_due(struct serve *s, int64_t now_ms);
static enum err publish(struct serve *s, uint64_t epoch, int64_t now_s, int64_t fresh_ms);
static uint64_t mono_us(void);

void serve_first_snapshot(struct serve *s)
{
    uint64_t epoch = 0;
    int64_t fresh_ms = 0;
    if (apply(s, 0) == ERR_OK) {
        serve_note_database(s, ERR_OK);
        return;
    }
    serve_log_why(s, "error", "database_unavailable", "\"at\":\"start\"", store_error(s->store));
    s->is_behind = true;
    s->is_from_disk = true;
    bool is_loaded = serve_last_good_load(s, &epoch, &fresh_ms) == ERR_OK;
    if (publish(s, epoch, serve_unix_ms() / 1000, fresh_ms) != ERR_OK) {
        abort(); /* no memory to run in */
    }
    atomic_store(&s->health.fresh_ms, fresh_ms);
    atomic_store(&s->health.is_loaded, is_loaded);
}

/* Looks for what changed since the epoch that is known. */
void serve_refresh(struct serve *s, bool is_poll)
{
    bool is_known = atomic_load(&s->health.is_loaded);
    uint64_t before = s->epoch;
    if (!is_poll) {
        atomic_fetch_add(&s->health.notify_received, 1);
    }
    int64_t now_ms = serve_unix_ms();
    bool is_all = !is_known || s->is_from_disk || serve_is_rebuild_due(s, now_ms);
    enum err e = apply(s, is_all ? 0 : s->epoch);
    s->is_behind = e != ERR_OK;
    if (is_poll && e == ERR_OK && s->epoch != before) {
        atomic_fetch_add(&s->health.notify_resync, 1); /* nobody had told */
    }
    if (e != ERR_OK) {
        char members[40];
        snprintf(members, sizeof(members), "\"epoch\":%llu", (unsigned long long)s->epoch);
        serve_log_why(s, "warn", "refresh_failed", members, store_error(s->store));
        rebuild_due(s, now_ms);
        serve_note_database(s, e);
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
    bool was_from_disk = s->is_from_disk;
    if (since == 0) {
        serve_pending_clear(s); /* all are read again, and some may be gone */
        serve_behind_clear(s);
    }
    for (size_t i = 0; i < loaded->orgs_count; i++) {
        replace_org(s, &loaded->orgs[i], loaded->now_s);
    }
    if (since == 0) {
        drop_absent(s, loaded);
        s->is_from_disk = false;
    }
    enum err e = is_changed ? publish(s, loaded->epoch, loaded->now_s, serve_unix_ms()) : ERR_OK;
    s->is_from_disk = s->is_from_disk || (was_from_disk && e != ERR_OK);
    s->is_save_due = s->is_save_due || (e == ERR_OK && is_changed);
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
        e = serve_org_compile(s, &o->rows, now_s, &org, &issue);
    }
    if (e == ERR_AGAIN || e == ERR_IO) {
        serve_pending_put(s, &o->rows, seal_org(s, &o->rows));
        return;
    }
    serve_pending_drop(s, o->rows.id);
    if (e == ERR_OK) {
        e = serve_org_keep(s, org, seal_org(s, &o->rows));
    }
    serve_behind_set(s, o->rows.id, e != ERR_OK);
    if (e == ERR_OK) {
        return;
    }
    atomic_fetch_add(&s->health.publish_failures, 1);
    struct buf reason;
    buf_init(&reason, 4096);
    json_write_str(&reason, str_from(issue.message));
    serve_log(s, "error", "policy_not_compiled", "\"org\":\"%.*s\",\"reason\":%.*s",
              STR_ARG(o->rows.id), STR_ARG(buf_str(&reason)));
    buf_fini(&reason);
}

enum err serve_org_compile(struct serve *s, const struct policy_org_rows *rows, int64_t now_s,
                           struct policy_org **ret, struct issue *ret_issue)
{
    size_t at = find_org(s, rows->id);
    bool is_known = at < s->orgs_count && str_eq(policy_org_id(s->orgs[at]), rows->id);
    const struct policy_build build = {.catalog = s->catalog,
                                       .now_s = now_s,
                                       .engine = s->engine,
                                       .compiler = &s->compiler,
                                       .previous = is_known ? s->orgs[at] : NULL,
                                       .services = &s->config.recognisers};
    s->client.owner = rows->id;
    if (s->client.is_waiting) {
        serve_notify("EXTEND_TIMEOUT_USEC=60000000"); /* a start that compiles is not hung */
    }
    enum err e = policy_org_new(rows, &build, ret, ret_issue);
    s->client.owner = STR_NONE;
    return e;
}

/* None when it cannot be sealed: then no copy is written, rather than one without it. */
static struct str seal_org(struct serve *s, const struct policy_org_rows *rows)
{
    struct buf sealed;
    buf_init(&sealed, (size_t)128 << 20);
    if (store_org_seal(&s->secrets, rows, s->catalog, &sealed) != ERR_OK) {
        serve_log(s, "error", "organisation_not_sealed", "\"org\":\"%.*s\"", STR_ARG(rows->id));
        buf_fini(&sealed);
        return STR_NONE;
    }
    char *exact = realloc(sealed.ptr, sealed.len); /* kept long: without the slack */
    return (struct str){exact != NULL ? exact : sealed.ptr, sealed.len};
}

enum err serve_org_keep(struct serve *s, struct policy_org *org, struct str sealed)
{
    size_t at = find_org(s, policy_org_id(org));
    if (at < s->orgs_count && str_eq(policy_org_id(s->orgs[at]), policy_org_id(org))) {
        drop_part(s, at);
    } else {
        if (!make_room(s)) {
            policy_org_unref(org);
            free(heap_of(sealed));
            return ERR_MEMORY;
        }
        memmove(&s->orgs[at + 1], &s->orgs[at], (s->orgs_count - at) * sizeof(s->orgs[0]));
        memmove(&s->sealed[at + 1], &s->sealed[at], (s->orgs_count - at) * sizeof(s->sealed[0]));
        s->orgs_count++;
    }
    s->orgs[at] = org;
    s->sealed[at] = sealed;
    return ERR_OK;
}

/* Where the id is, or would be. */
static size_t find_org(const struct serve *s, struct str id)
{
    size_t from = 0, to = s->orgs_count;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (str_cmp(policy_org_id(s->orgs[mid]), id) < 0) {
            from = mid + 1;
        } else {
            to = mid;
        }
    }
    return from;
}

static bool make_room(struct serve *s)
{
    size_t need = s->orgs_count + 1;
    struct policy_org **orgs =
        list_grow(s->orgs, &s->orgs_capacity, need, SIZE_MAX, sizeof(struct policy_org *));
    s->orgs = orgs != NULL ? orgs : s->orgs;
    struct str *sealed =
        list_grow(s->sealed, &s->sealed_capacity, need, SIZE_MAX, sizeof(*sealed));
    s->sealed = sealed != NULL ? sealed : s->sealed;
    return orgs != NULL && sealed != NULL;
}

static void drop_part(struct serve *s, size_t i)
{
    policy_org_unref(s->orgs[i]);
    free(heap_of(s->sealed[i]));
}

/* The bytes are ours; a struct str only lends them read-only. */
static void *heap_of(struct str s)
{
    return (void *)(uintptr_t)s.ptr;
}

void serve_orgs_clear(struct serve *s)
{
    for (size_t i = 0; i < s->orgs_count; i++) {
        drop_part(s, i);
    }
    s->orgs_count = 0;
}

/* All of the database was read: what is not in it is gone. */
static void drop_absent(struct serve *s, const struct store_loaded *loaded)
{
    size_t kept = 0, next = 0;
    for (size_t i = 0; i < s->orgs_count; i++) {
        struct str id = policy_org_id(s->orgs[i]);
        while (next < loaded->orgs_count && str_cmp(loaded->orgs[next].rows.id, id) < 0) {
            next++; /* both are ordered bytewise */
        }
        if (next < loaded->orgs_count && str_eq(loaded->orgs[next].rows.id, id)) {
            s->orgs[kept] = s->orgs[i];
            s->sealed[kept++] = s->sealed[i];
        } else {
            drop_part(s, i);
        }
    }
    s->orgs_count = kept;
}

static enum err publish(struct serve *s, uint64_t epoch, int64_t now_s, int64_t fresh_ms)
{
    struct policy_snapshot *snapshot;
    bool is_degraded = s->is_from_disk;
    TRY(policy_snapshot_new(s->orgs, s->orgs_count, s->catalog, epoch, now_s, &snapshot));
    enum err e = worker_group_publish(s->group, snapshot, fresh_ms, is_degraded);
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
    char members[40];
    snprintf(members, sizeof(members), "\"epoch\":%llu", (unsigned long long)s->epoch);
    if (!was_up && is_up) {
        serve_log(s, "info", "database_up", "%s", members);
    } else if (was_up && !is_up) {
        serve_log_why(s, "error", "database_down", members, store_error(s->store));
    }
    int64_t fresh_ms = atomic_load(&s->health.fresh_ms);
    if (listen_result == ERR_AGAIN && atomic_load(&s->health.is_loaded) && !s->is_behind) {
        /* Quiet, and the connection answered: what is enforced is current, unless
         * something was heard before and could not be loaded. */
        fresh_ms = serve_unix_ms();
        atomic_store(&s->health.fresh_ms, fresh_ms);
    }
    worker_group_freshen(s->group, fresh_ms, !is_up || atomic_load(&s->health.is_degraded));
}

/* The database is away and an attestation has begun or ended: what is kept of the rows
 * is compiled anew, so that a fact does not outlive its date. What does not compile
 * (it did before) is taken out: its requests are refused. */
static void rebuild_due(struct serve *s, int64_t now_ms)
{
    if (!serve_is_rebuild_due(s, now_ms) || !atomic_load(&s->health.is_loaded)) {
        return;
    }
    size_t kept = 0;
    for (size_t i = 0; i < s->orgs_count; i++) {
        struct policy_org *org = s->orgs[i];
        bool is_due = policy_org_expires_at(org) <= now_ms / 1000;
        if (is_due && serve_org_rebuild(s, s->sealed[i], now_ms / 1000, &org) != ERR_OK) {
            drop_part(s, i);
            continue;
        }
        if (is_due) {
            policy_org_unref(s->orgs[i]);
        }
        s->orgs[kept] = org;
        s->sealed[kept++] = s->sealed[i];
    }
    s->orgs_count = kept;
    publish_again(s);
}

void serve_compiled(struct serve *s)
{
    if (serve_pending_retry(s)) {
        publish_again(s);
        s->is_save_due = true;
        serve_log(s, "info", "published", "\"epoch\":%llu,\"orgs_changed\":0,\"us\":0",
                  (unsigned long long)s->epoch);
    }
}

/* The parts changed, the epoch did not. */
static void publish_again(struct serve *s)
{
    int64_t now_s = serve_unix_ms() / 1000;
    if (publish(s, s->epoch, now_s, atomic_load(&s->health.fresh_ms)) != ERR_OK) {
        serve_log(s, "error", "publish_failed", "\"epoch\":%llu", (unsigned long long)s->epoch);
    }
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
    serve_orgs_clear(s);
    serve_pending_clear(s);
    buf_fini(&s->behind);
    free(s->orgs);
    free(s->sealed);
    net_exceptions_free(s->exceptions);
    scan_engine_free(s->engine);
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
