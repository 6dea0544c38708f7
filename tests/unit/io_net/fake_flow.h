/* SPDX-License-Identifier: Apache-2.0
 *
 * A flow in miniature, with flow's own symbols: what the net and worker tests host.
 * The path of the request says what it does:
 *   /call    body -> record -> call the endpoint below -> relay chunked
 *   /echo    answers the body           /serve   not the path (management)
 *   /refuse  403 before the body        /turn    works for fake.turns turns, then as /call
 *   /work    one long call for any thread, over when fake.is_held is not; then as /call
 *   anything else: 404
 * Counters below say what net told it. One thread at a time per exchange.
 */
#ifndef PORTCULLIS_TESTS_FAKE_FLOW_H
#define PORTCULLIS_TESTS_FAKE_FLOW_H

#include "portcullis/flow.h"

#include <stdatomic.h>
#include <uv.h>
#include <stdio.h>
#include <stdlib.h>

struct flow_private {
    const struct wire_head *head;
    struct buf body, call_head;
    unsigned turns_left;
    bool has_work;
    bool is_working, leaves;
    bool is_keep_alive, is_begun, is_relaying, is_call_open, is_accounting, is_over, is_decided;
};

static struct fake {
    struct route_endpoint endpoint;
    struct flow_call deadlines;
    bool is_call_fallback; /* a failed call is tried once more */
    size_t body_bytes_max;
    unsigned turns;
    char turn_log[256]; /* first byte of the body of each exchange that had a turn, in order */
    uv_thread_t loop_thread;
    _Atomic bool is_held;
    _Atomic unsigned working, worked, worked_on_loop;
    bool leaves; /* every exchange leaves memory */
    _Atomic unsigned left, freed, freed_on_loop;
    char work_log[256]; /* as turn_log; of one loop at a time */
    _Atomic unsigned begun, ended, gone, calls, bad, served;
    _Atomic uint64_t number; /* of the last one's snapshot */
    _Atomic unsigned small; /* exchanges that began with a scratch that is too small */
    _Atomic unsigned ends[6]; /* by enum flow_end_how */
    char reason[256];
} fake = {.deadlines = {.connect_ms = 3000, .first_byte_ms = 5000, .idle_ms = 5000,
                        .total_ms = 20000}};

static inline void fake_head(struct flow_exchange *x, unsigned status, size_t body_bytes)
{
    wire_write_status_line(&x->out, status);
    wire_write_line_u64(&x->out, STR("content-length: "), body_bytes);
    if (!x->p->is_keep_alive) {
        wire_write_header(&x->out, STR("connection"), STR("close"));
    }
    wire_write_end(&x->out);
}

static inline void fake_answer(struct flow_exchange *x, unsigned status, struct str body)
{
    fake_head(x, status, body.len);
    buf_add(&x->out, body);
}

static inline void fake_finish(struct flow_exchange *x)
{
    x->p->is_over = true;
    x->want |= FLOW_WANT_DONE | (x->p->is_keep_alive ? 0 : FLOW_WANT_CLOSE);
}

static inline void fake_account(struct flow_exchange *x)
{
    x->p->is_accounting = true;
    buf_add(&x->record, STR("outcome"));
    x->want |= FLOW_WANT_RECORD;
}

enum err flow_exchange_new(struct flow_exchange **ret)
{
    struct flow_exchange *x = calloc(1, sizeof(*x));
    x->p = calloc(1, sizeof(*x->p));
    buf_init(&x->out, 64u << 20);
    buf_init(&x->record, 4096);
    buf_init(&x->p->body, 64u << 20);
    buf_init(&x->p->call_head, 4096);
    *ret = x;
    return ERR_OK;
}

void flow_exchange_free(struct flow_exchange *x)
{
    buf_fini(&x->out);
    buf_fini(&x->record);
    buf_fini(&x->p->body);
    buf_fini(&x->p->call_head);
    free(x->p);
    free(x);
}

void flow_begin(struct flow_exchange *x, const struct flow_env *env, const struct flow_start *s)
{
    (void)env;
    ASSERT(!x->p->is_begun);
    x->p->is_begun = true;
    x->p->is_keep_alive = !s->is_draining;
    fake.begun++;
    fake.number = s->snapshot_number;
    fake.small += s->is_scratch_small ? 1 : 0;
}

static inline bool fake_is(struct flow_exchange *x, const char *path)
{
    return x->p->head != NULL && str_eq(x->p->head->path, str_from(path));
}

void flow_on_head(struct flow_exchange *x, const struct wire_head *head, struct flow_now now)
{
    (void)now;
    x->p->head = head;
    x->p->is_keep_alive = x->p->is_keep_alive && head->is_keep_alive;
    if (fake_is(x, "/refuse")) {
        x->p->is_keep_alive = x->p->is_keep_alive && head->content_length == 0;
        fake_answer(x, 403, STR("no"));
        fake_finish(x);
        return;
    }
    x->want |= FLOW_WANT_BODY;
}

void flow_on_body(struct flow_exchange *x, struct str slice)
{
    ASSERT(x->p->is_begun);
    buf_add(&x->p->body, slice);
}

static inline void fake_decide(struct flow_exchange *x)
{
    x->p->is_decided = true;
    buf_add(&x->record, STR("decision"));
    x->want |= FLOW_WANT_RECORD;
}

void flow_on_request_end(struct flow_exchange *x, struct flow_now now)
{
    (void)now;
    if (fake_is(x, "/work")) {
        x->p->has_work = true;
        x->p->turns_left = 1;
        x->want |= FLOW_WANT_TURN;
    } else if (fake_is(x, "/turn") && fake.turns > 0) {
        x->p->turns_left = fake.turns;
        x->want |= FLOW_WANT_TURN;
    } else if (fake_is(x, "/call") || fake_is(x, "/turn")) {
        fake_decide(x);
    } else if (fake_is(x, "/serve")) {
        x->served_head = *x->p->head;
        x->served_body = buf_str(&x->p->body);
        x->want |= FLOW_WANT_SERVE;
    } else {
        fake_head(x, fake_is(x, "/echo") ? 200 : 404, x->p->body.len);
        x->out_rest = buf_str(&x->p->body);
        fake_finish(x);
    }
}

bool flow_has_work(const struct flow_exchange *x)
{
    return x->p->has_work;
}

void flow_work(struct flow_exchange *x)
{
    uv_thread_t self = uv_thread_self();
    ASSERT(x->p->has_work && x->p->is_begun);
    x->p->is_working = true;
    fake.worked_on_loop += uv_thread_equal(&self, &fake.loop_thread) != 0 ? 1 : 0;
    fake.working++;
    while (fake.is_held) {
        uv_sleep(1);
    }
    fake.work_log[strlen(fake.work_log)] = x->p->body.len > 0 ? x->p->body.ptr[0] : '-';
    x->p->has_work = false;
    fake.working--;
    fake.worked++;
    x->p->is_working = false;
}

void flow_on_turn(struct flow_exchange *x, struct flow_now now)
{
    (void)now;
    ASSERT(x->p->is_begun && x->p->turns_left > 0 && !x->p->is_working && !x->p->has_work);
    size_t len = strlen(fake.turn_log);
    if (len + 1 < sizeof(fake.turn_log)) {
        fake.turn_log[len] = x->p->body.len > 0 ? x->p->body.ptr[0] : '-';
    }
    x->p->turns_left--;
    if (x->p->turns_left > 0) {
        x->want |= FLOW_WANT_TURN;
    } else {
        fake_decide(x);
    }
}

void flow_on_bad_request(struct flow_exchange *x, unsigned status, const char *reason,
                         struct flow_now now)
{
    (void)now;
    fake.bad++;
    x->p->is_keep_alive = false;
    fake_answer(x, status, str_from(reason));
    fake_finish(x);
}

static inline void fake_call(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    buf_clear(&p->call_head);
    wire_write_request_line(&p->call_head, WIRE_POST, STR(""), STR("/v1/x"), STR("fake"));
    wire_write_line_u64(&p->call_head, STR("content-length: "), p->body.len);
    wire_write_end(&p->call_head);
    x->call = fake.deadlines;
    x->call.endpoint = &fake.endpoint;
    x->call.head = buf_str(&p->call_head);
    x->call.body = buf_str(&p->body);
    p->is_call_open = true;
    fake.calls++;
    x->want |= FLOW_WANT_CALL;
}

void flow_on_recorded(struct flow_exchange *x, enum err e, struct flow_now now)
{
    (void)now;
    if (x->p->is_accounting) {
        if (!x->p->is_over) {
            fake_finish(x);
        }
        return;
    }
    if (e != ERR_OK) {
        fake_answer(x, 503, STR("audit_unavailable"));
        fake_finish(x);
        return;
    }
    fake_call(x);
}

void flow_on_upstream_head(struct flow_exchange *x, const struct wire_head *head,
                           struct flow_now now)
{
    (void)now;
    x->p->is_relaying = true;
    wire_write_status_line(&x->out, head->status);
    wire_write_header(&x->out, STR("transfer-encoding"), STR("chunked"));
    wire_write_end(&x->out);
}

void flow_on_upstream_body(struct flow_exchange *x, struct str slice, struct flow_now now)
{
    (void)now;
    wire_write_chunk(&x->out, slice);
}

void flow_on_upstream_end(struct flow_exchange *x, enum flow_end_how how, const char *reason,
                          struct flow_now now)
{
    (void)now;
    x->p->is_call_open = false;
    fake.ends[how]++;
    snprintf(fake.reason, sizeof(fake.reason), "%s", reason);
    if (how == FLOW_END_COMPLETE) {
        wire_write_last_chunk(&x->out);
    } else if (fake.is_call_fallback && !x->p->is_relaying) {
        fake.is_call_fallback = false;
        fake_call(x);
        return;
    } else if (x->p->is_relaying) {
        wire_write_chunk(&x->out, STR("event: error\n\n"));
        x->p->is_keep_alive = false;
    } else {
        fake_answer(x, 502, str_from(reason));
    }
    fake_account(x);
}

void flow_on_served(struct flow_exchange *x, const struct flow_served *answer, struct flow_now now)
{
    (void)now;
    fake.served++;
    fake_answer(x, answer->status, answer->body);
    fake_finish(x);
}

void flow_on_client_gone(struct flow_exchange *x, struct flow_now now)
{
    (void)now;
    ASSERT(!x->p->is_working);
    fake.gone++;
    buf_clear(&x->out);
    x->out_rest = STR_NONE;
    x->p->is_keep_alive = false;
    if (x->p->is_call_open) {
        x->p->is_call_open = false;
        x->want |= FLOW_WANT_DROP_CALL;
    }
    if (x->p->is_decided && !x->p->is_accounting) {
        fake_account(x);
    } else {
        fake_finish(x);
    }
}

void flow_end(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    ASSERT(p->is_begun && !p->is_working);
    fake.ended++;
    struct buf body = p->body, call_head = p->call_head;
    buf_clear(&body);
    buf_clear(&call_head);
    *p = (struct flow_private){.body = body, .call_head = call_head, .leaves = fake.leaves};
    x->want = 0;
    buf_clear(&x->out);
    x->out_rest = STR_NONE;
    buf_clear(&x->record);
}

struct flow_leftover {
    char *bytes;
};

struct flow_leftover *flow_take_leftover(struct flow_exchange *x)
{
    struct flow_leftover *l = NULL;
    if (x->p->leaves) {
        l = malloc(sizeof(*l));
        l->bytes = malloc(1u << 20);
        fake.left++;
    }
    x->p->leaves = false;
    return l;
}

void flow_leftover_free(struct flow_leftover *l)
{
    if (l != NULL) {
        uv_thread_t self = uv_thread_self();
        fake.freed++;
        fake.freed_on_loop += uv_thread_equal(&self, &fake.loop_thread) != 0 ? 1 : 0;
        free(l->bytes);
        free(l);
    }
}

bool flow_is_keep_alive(const struct flow_exchange *x)
{
    return x->p->is_keep_alive;
}

struct flow_stats *flow_stats_new(void)
{
    return calloc(1, 8);
}

void flow_stats_free(struct flow_stats *s)
{
    free(s);
}

#endif
