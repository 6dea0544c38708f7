/* SPDX-License-Identifier: Apache-2.0
 *
 * The copy on disk of what is enforced, for a start without database: <state>/snapshot,
 * sealed with a key of the installation, and <state>/snapshot.time, which says until
 * when that was current. Known keys then work and unknown ones do not, within the bound
 * policy.max_stale_s counted from that time. A file that is damaged, forged or of
 * another master key is refused as a whole: the gateway then starts with nothing and is
 * not ready. Control thread; writing never delays a request.
 */
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_BYTES_MAX ((size_t)4 << 30)
#define ROWS_BYTES_MAX ((size_t)64 << 20)
#define LIST_BYTES_MAX ((size_t)256 << 20)
#define SAVE_EVERY_MS 5000
#define TIME_EVERY_MS 5000
/* A large copy is written less often: at most this part of the time is spent on it. */
#define SAVE_SHARE 20
/* A file from the future means the clock went back: how old it is cannot be known. */
#define CLOCK_SLACK_MS 60000

static enum err take_file(struct serve *s, struct str bytes, struct store_snapshot *ret);
static enum err take_orgs(struct serve *s, const struct store_snapshot *file);
static enum err org_of(struct serve *s, struct str sealed, int64_t now_s, struct policy_org **ret);
static int64_t fresh_until(struct serve *s, const struct store_snapshot *file);
static bool is_whole(const struct serve *s);
static void save_snapshot(struct serve *s, int64_t now_ms);
static void save_time(struct serve *s, int64_t now_ms);
static void time_path(const struct serve *s, char ret_path[640]);

enum err serve_last_good_load(struct serve *s, uint64_t *ret_epoch, int64_t *ret_fresh_ms)
{
    struct buf bytes;
    struct store_snapshot file = {0};
    buf_init(&bytes, FILE_BYTES_MAX);
    enum err e = spool_file_load(s->snapshot_path, &bytes);
    if (e == ERR_OK) {
        e = take_file(s, buf_str(&bytes), &file);
    }
    buf_fini(&bytes);
    if (e != ERR_OK) {
        serve_orgs_clear(s);
        serve_log(s, e == ERR_NOT_FOUND ? "warn" : "error", "snapshot_file_refused",
                  "\"reason\":\"%s\"", err_name(e));
        return e;
    }
    *ret_epoch = file.epoch;
    *ret_fresh_ms = fresh_until(s, &file);
    serve_log(s, "warn", "snapshot_file_used", "\"epoch\":%llu,\"orgs\":%llu,\"age_s\":%lld",
              (unsigned long long)file.epoch, (unsigned long long)s->orgs_count,
              (long long)(serve_unix_ms() - *ret_fresh_ms) / 1000);
    return ERR_OK;
}

/* Of *ret only the numbers outlive the call. */
static enum err take_file(struct serve *s, struct str bytes, struct store_snapshot *ret)
{
    struct arena a;
    arena_init(&a, LIST_BYTES_MAX);
    enum err e = store_snapshot_read(&s->secrets, &a, bytes, ret);
    if (e == ERR_OK) {
        e = take_orgs(s, ret);
        memcpy(s->saved_name, bytes.ptr + bytes.len - sizeof(s->saved_name),
               sizeof(s->saved_name));
    }
    ret->orgs = NULL;
    arena_fini(&a);
    return e;
}

static enum err take_orgs(struct serve *s, const struct store_snapshot *file)
{
    int64_t now_s = serve_unix_ms() / 1000;
    for (size_t i = 0; i < file->orgs_count; i++) {
        struct policy_org *org;
        struct str sealed = file->orgs[i];
        enum err e = org_of(s, sealed, now_s, &org);
        if (e == ERR_CORRUPT || e == ERR_MEMORY) {
            return e;
        }
        if (e != ERR_OK) {
            continue; /* whole, but this build cannot enforce it: its keys are unknown */
        }
        char *copy = malloc(sealed.len);
        if (copy == NULL) {
            policy_org_unref(org);
            return ERR_MEMORY;
        }
        memcpy(copy, sealed.ptr, sealed.len);
        TRY(serve_org_keep(s, org, (struct str){copy, sealed.len}));
    }
    return ERR_OK;
}

enum err serve_org_rebuild(struct serve *s, struct str sealed, int64_t now_s,
                           struct policy_org **ret)
{
    return sealed.ptr != NULL ? org_of(s, sealed, now_s, ret) : ERR_NOT_FOUND;
}

/* ERR_CORRUPT: not sealed by us. Else what compiling says. */
static enum err org_of(struct serve *s, struct str sealed, int64_t now_s, struct policy_org **ret)
{
    struct buf plain;
    struct arena a;
    struct policy_org_rows rows;
    struct issue issue = {.offset = UINT64_MAX};
    buf_init(&plain, ROWS_BYTES_MAX + 1);
    arena_init(&a, (size_t)1 << 30);
    enum err e = store_org_unseal(&s->secrets, sealed, &plain);
    if (e == ERR_OK) {
        e = store_org_rows_read(&a, buf_str(&plain), s->catalog, &rows, &issue);
    }
    if (e == ERR_OK) {
        e = serve_org_compile(s, &rows, now_s, ret, &issue);
    }
    if (e != ERR_OK) {
        serve_log(s, "error", "organisation_not_restored", "\"reason\":\"%s\"", err_name(e));
    }
    arena_fini(&a);
    if (plain.ptr != NULL) {
        bytes_wipe(plain.ptr, plain.len);
    }
    buf_fini(&plain);
    return e;
}

/* The later of what the file and the file of its time say; 0 when it lies ahead. */
static int64_t fresh_until(struct serve *s, const struct store_snapshot *file)
{
    char path[640];
    struct buf bytes;
    int64_t fresh_ms = file->fresh_ms, later_ms = 0;
    time_path(s, path);
    buf_init(&bytes, 4096);
    if (spool_file_load(path, &bytes) == ERR_OK &&
        store_snapshot_time_read(&s->secrets, (struct str){s->saved_name, sizeof(s->saved_name)},
                                 buf_str(&bytes), &later_ms) == ERR_OK) {
        fresh_ms = later_ms > fresh_ms ? later_ms : fresh_ms;
    }
    buf_fini(&bytes);
    return fresh_ms <= serve_unix_ms() + CLOCK_SLACK_MS ? fresh_ms : 0;
}

void serve_last_good_save(struct serve *s, bool is_last)
{
    int64_t now_ms = serve_unix_ms();
    if (!atomic_load(&s->health.is_loaded) || s->is_from_disk) {
        return; /* nothing that the database said in this run */
    }
    if (s->is_save_due && (is_last || now_ms >= s->save_at_ms)) {
        save_snapshot(s, now_ms);
    }
    int64_t fresh_ms = atomic_load(&s->health.fresh_ms);
    if (!s->is_save_due && (is_last ? fresh_ms > s->time_saved_ms
                                    : fresh_ms >= s->time_saved_ms + TIME_EVERY_MS)) {
        save_time(s, fresh_ms);
    }
}

static void save_snapshot(struct serve *s, int64_t now_ms)
{
    struct store_snapshot file = {.epoch = s->epoch,
                                  .fresh_ms = atomic_load(&s->health.fresh_ms),
                                  .orgs = s->sealed,
                                  .orgs_count = s->orgs_count};
    struct buf bytes;
    buf_init(&bytes, FILE_BYTES_MAX);
    enum err e = is_whole(s) ? store_snapshot_write(&s->secrets, &file, &bytes) : ERR_INVALID;
    if (e == ERR_OK) {
        e = spool_file_save(s->snapshot_path, buf_str(&bytes));
    }
    int64_t spent_ms = serve_unix_ms() - now_ms, pause_ms = spent_ms * SAVE_SHARE;
    s->save_at_ms = now_ms + (pause_ms > SAVE_EVERY_MS ? pause_ms : SAVE_EVERY_MS);
    if (e == ERR_OK) {
        memcpy(s->saved_name, bytes.ptr + bytes.len - sizeof(s->saved_name),
               sizeof(s->saved_name));
        s->is_save_due = false;
        s->time_saved_ms = file.fresh_ms;
        serve_log(s, "debug", "snapshot_file_written", "\"epoch\":%llu,\"bytes\":%llu",
                  (unsigned long long)s->epoch, (unsigned long long)bytes.len);
    } else {
        serve_log(s, "error", "snapshot_file_not_written", "\"reason\":\"%s\"", err_name(e));
    }
    buf_fini(&bytes);
}

static bool is_whole(const struct serve *s)
{
    for (size_t i = 0; i < s->orgs_count; i++) {
        if (s->sealed[i].ptr == NULL) {
            return false;
        }
    }
    return true;
}

static void save_time(struct serve *s, int64_t fresh_ms)
{
    char path[640];
    struct buf bytes;
    time_path(s, path);
    buf_init(&bytes, 4096);
    enum err e = store_snapshot_time_write(
        &s->secrets, (struct str){s->saved_name, sizeof(s->saved_name)}, fresh_ms, &bytes);
    if (e == ERR_OK) {
        e = spool_file_save(path, buf_str(&bytes));
    }
    if (e != ERR_OK) {
        serve_log(s, "warn", "snapshot_time_not_written", "\"reason\":\"%s\"", err_name(e));
    }
    s->time_saved_ms = fresh_ms; /* a failure is tried again with the next one */
    buf_fini(&bytes);
}

static void time_path(const struct serve *s, char ret_path[640])
{
    snprintf(ret_path, 640, "%s.time", s->snapshot_path);
}
