/* SPDX-License-Identifier: Apache-2.0
 *
 * Hearing of changes. The notice says nothing but "look"; what is true is read by
 * store_load, so a lost, doubled or reordered notice costs at most a poll (F6, F7).
 *
 *   CLOSED --connect, LISTEN--> FRESH (load now: notices may have been missed)
 *   FRESH --> QUIET --notice--> ERR_OK; every second a heartbeat in QUIET, because a
 *   frozen server keeps its connection open and silent (F3).
 *
 * The session is never inside a transaction: an idle one would let the server's queue
 * of notices fill up and fail every writer's commit (F8).
 */
#include "store_private.h"

#include <poll.h>

#define HEARTBEAT_MS 1000
#define HEARTBEAT_ANSWER_MS 500

static enum err listen_open(struct store *s, unsigned timeout_ms, int wake_fd);
static bool take_notices(struct store *s);
static enum err heartbeat(struct store *s);
static void sleep_backoff(const struct store *s, int64_t until_ms, int wake_fd);

enum err store_listen_wait(struct store *s, unsigned timeout_ms, int wake_fd)
{
    int64_t deadline = store_mono_ms() + timeout_ms;
    struct store_conn *c = &s->conns[STORE_LISTENER];
    if (c->pg == NULL) {
        return listen_open(s, timeout_ms, wake_fd);
    }
    for (;;) {
        if (take_notices(s)) {
            return ERR_OK;
        }
        int64_t now = store_mono_ms();
        int64_t until = s->heartbeat_at_ms < deadline ? s->heartbeat_at_ms : deadline;
        int ready = store_conn_wait(c->pg, false, wake_fd, until);
        if ((ready & 1) != 0 && PQconsumeInput(c->pg) != 1) {
            store_conn_close(s, STORE_LISTENER);
            store_error_set(s, "the listening connection was lost");
            return ERR_IO;
        }
        if (take_notices(s)) {
            return ERR_OK;
        }
        if ((ready & 2) != 0) {
            return ERR_AGAIN;
        }
        now = store_mono_ms();
        if (now >= s->heartbeat_at_ms) {
            TRY(heartbeat(s));
        } else if (now >= deadline) {
            return ERR_AGAIN;
        }
        if (now >= deadline) {
            return take_notices(s) ? ERR_OK : ERR_AGAIN;
        }
    }
}

static enum err listen_open(struct store *s, unsigned timeout_ms, int wake_fd)
{
    int64_t until = store_mono_ms() + timeout_ms;
    enum err e = store_conn_open(s, STORE_LISTENER);
    if (e == ERR_OK) {
        e = store_simple_run(s, STORE_LISTENER, "LISTEN portcullis",
                             store_mono_ms() + s->options.connect_ms);
    }
    if (e != ERR_OK) {
        sleep_backoff(s, until, wake_fd);
        return e == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_IO;
    }
    s->heartbeat_at_ms = store_mono_ms() + HEARTBEAT_MS;
    return ERR_OK;
}

static bool take_notices(struct store *s)
{
    bool has_any = false;
    PGnotify *n;
    while ((n = PQnotifies(s->conns[STORE_LISTENER].pg)) != NULL) {
        PQfreemem(n);
        has_any = true;
    }
    return has_any;
}

/* The answer is also what brings notices along when the socket stayed silent. */
static enum err heartbeat(struct store *s)
{
    s->heartbeat_at_ms = store_mono_ms() + HEARTBEAT_MS;
    enum err e = store_simple_run(s, STORE_LISTENER, "SELECT 1",
                                  store_mono_ms() + HEARTBEAT_ANSWER_MS);
    if (e != ERR_OK) {
        store_conn_close(s, STORE_LISTENER);
        return e == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_IO;
    }
    return ERR_OK;
}

static void sleep_backoff(const struct store *s, int64_t until_ms, int wake_fd)
{
    int64_t retry = s->conns[STORE_LISTENER].retry_at_ms;
    int64_t wake_at = retry < until_ms ? retry : until_ms;
    int64_t left = wake_at - store_mono_ms();
    struct pollfd fd = {wake_fd, POLLIN, 0};
    (void)poll(&fd, wake_fd >= 0 ? 1 : 0, left < 0 ? 0 : (int)left);
}
