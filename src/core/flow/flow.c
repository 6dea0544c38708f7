/* SPDX-License-Identifier: Apache-2.0
 *
 * The path of a proxied request, as events in and wants out.
 *
 *   step          when                         does                           file
 *   receive       head complete                route, credentials, headers    request.c
 *   authenticate  with receive                 key -> principal               request.c
 *   parse         body complete                JSON -> neutral view           request.c
 *                 a large one as flow_work
 *   resolve       then                         model -> candidates            admit.c
 *   admit         then                         facts -> verdict               admit.c
 *   choose        then                         verdict -> target              admit.c
 *   inspect       then, in turns               texts -> edits, or a refusal   inspect.c
 *                 a rule needs a recogniser    it is asked about the texts    ask.c
 *   record        decision made                decision record -> spool       account.c
 *   call          decision stored              bytes for the provider         call.c
 *   relay         provider answers             answer -> client bytes         relay.c
 *                 with content rules           its texts -> edits, a refusal  inspect_answer.c,
 *                                              event by event, or all at once inspect_stream.c,
 *                                                                             inspect_events.c
 *   refuse        any step said no             error in the caller's dialect  refuse.c
 *   account       all is over                  outcome record -> spool        account.c
 *
 * account is reached on every way out. Nothing reaches a provider before its
 * decision is stored; nothing is said to the client about a decision before that
 * either. One thread; memory as flow_private.h says.
 */
#include "flow_private.h"

#include <stdlib.h>

#define ARENA_BYTES_MAX (64u * 1024 * 1024)
#define ARENA_BYTES_PER_BODY_BYTE 4 /* besides: a body is copied when it is changed */
#define OUT_BYTES_MAX (64u * 1024 * 1024)
#define RECORD_BYTES_MAX (256u * 1024)
#define CALL_HEAD_BYTES_MAX (256u * 1024)
#define OUTCOME_BYTES 4096
#define BODY_BYTES_MAX_DEFAULT (16u * 1024 * 1024)
#define BODY_KEEP_BYTES (64u * 1024) /* a larger buffer is given back after use */
#define LEFTOVER_BYTES_MIN (4u * 1024 * 1024)
#define CLEARED_FROM offsetof(struct flow_private, env) /* between two exchanges */
#define CLEARED_TO offsetof(struct flow_private, tags)

struct flow_leftover {
    struct arena arena;
    struct buf bufs[3];
};

static void decide_and_record(struct flow_exchange *x);
static void parsed(struct flow_exchange *x);
static void told(struct flow_exchange *x, enum flow_end_how how);
static void inspect_and_record(struct flow_exchange *x);
static void answer_locally(struct flow_exchange *x);
static void settle(struct flow_exchange *x);
static void leave(struct flow_private *p);
static void trim(struct buf *b);

enum err flow_exchange_new(struct flow_exchange **ret)
{
    struct flow_exchange *x = calloc(1, sizeof(*x));
    struct flow_private *p = calloc(1, sizeof(*p));
    if (x == NULL || p == NULL) {
        free(x);
        free(p);
        return ERR_MEMORY;
    }
    x->p = p;
    arena_init(&p->arena, ARENA_BYTES_MAX);
    buf_init(&p->body, BODY_BYTES_MAX_DEFAULT);
    buf_init(&p->edited, BODY_BYTES_MAX_DEFAULT);
    buf_init(&p->answer, BODY_BYTES_MAX_DEFAULT);
    buf_init(&p->call_head, CALL_HEAD_BYTES_MAX);
    buf_init(&x->out, OUT_BYTES_MAX);
    buf_init(&x->record, RECORD_BYTES_MAX);
    /* Room for an outcome is there from the start: whatever else fails, it is written. */
    if (buf_reserve(&x->record, OUTCOME_BYTES) == NULL) {
        flow_exchange_free(x);
        return ERR_MEMORY;
    }
    *ret = x;
    return ERR_OK;
}

void flow_exchange_free(struct flow_exchange *x)
{
    if (x == NULL) {
        return;
    }
    llm_relay_fini(x->p->relay);
    if (x->p->has_sse) {
        sse_parser_fini(&x->p->sse);
    }
    content_check_fini(x->p->check);
    flow_ask_free(x->p->asking);
    flow_stream_free(x->p->stream);
    flow_leftover_free(x->p->leftover);
    arena_fini(&x->p->arena);
    buf_fini(&x->p->body);
    buf_fini(&x->p->edited);
    buf_fini(&x->p->answer);
    buf_wipe(&x->p->call_head);
    buf_fini(&x->out);
    buf_fini(&x->record);
    free(x->p);
    free(x);
}

void flow_begin(struct flow_exchange *x, const struct flow_env *env, const struct flow_start *s)
{
    struct flow_private *p = x->p;
    ASSERT(p->state == FLOW_IDLE);
    flow_leftover_free(flow_take_leftover(x));
    p->env = env;
    p->start = *s;
    p->now = s->now;
    p->body.bytes_max = env->body_bytes_max != 0 ? env->body_bytes_max : BODY_BYTES_MAX_DEFAULT;
    p->answer.bytes_max =
        env->answer_bytes_max != 0 ? env->answer_bytes_max : BODY_BYTES_MAX_DEFAULT;
    memcpy(p->request_id, "req_", 4);
    ulid_of((uint64_t)s->now.unix_ms, s->dice, p->request_id + 4);
    x->request_id = (struct str){p->request_id, sizeof(p->request_id)};
    p->is_keep_alive = !s->is_draining;
    p->outcome = "completed";
    p->state = FLOW_READING;
}

void flow_on_head(struct flow_exchange *x, const struct wire_head *head, struct flow_now now)
{
    struct flow_private *p = x->p;
    ASSERT(p->state == FLOW_READING && p->head == NULL);
    p->now = now;
    p->head = head;
    p->is_http10 = head->is_http10;
    p->is_keep_alive = p->is_keep_alive && head->is_keep_alive;
    flow_step_receive(x);
    if (p->is_refused) {
        /* The body is not read: what follows on this connection is unknown. */
        p->refusal.must_close = head->is_chunked || head->content_length > 0;
        settle(x);
        return;
    }
    if (head->content_length > BODY_KEEP_BYTES && x->principal != NULL) {
        /* All at once: growing would copy what has come. Not for whoever says a number. */
        (void)buf_reserve(&p->body, (size_t)head->content_length);
    }
    x->want |= FLOW_WANT_BODY;
}

void flow_on_body(struct flow_exchange *x, struct str slice)
{
    struct flow_private *p = x->p;
    if (p->state == FLOW_READING && !p->is_refused) {
        buf_add(&p->body, slice);
    }
}

void flow_on_request_end(struct flow_exchange *x, struct flow_now now)
{
    struct flow_private *p = x->p;
    if (p->state != FLOW_READING) {
        return;
    }
    p->now = now;
    p->request_bytes = p->body.len;
    if (p->body.err != ERR_OK) {
        flow_refuse(x, 413, "invalid_request_error", "request_too_large",
                    "The request body is larger than %zu bytes", p->body.bytes_max);
        p->refusal.must_close = true;
        settle(x);
        return;
    }
    if (p->kind == FLOW_KIND_SERVE) {
        p->state = FLOW_SERVING;
        x->served_head = *p->head;
        x->served_head.state = NULL; /* it goes to another thread */
        x->served_body = buf_str(&p->body);
        x->want |= FLOW_WANT_SERVE;
        return;
    }
    decide_and_record(x);
}

static void decide_and_record(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    p->from_us = flow_clock_us(x);
    p->arena.bytes_max = ARENA_BYTES_MAX + ARENA_BYTES_PER_BODY_BYTE * p->body.len;
    if (p->kind == FLOW_KIND_MODELS) {
        flow_step_models(x);
        p->eval_us = flow_take_us(x);
        settle(x);
        return;
    }
    p->state = FLOW_INSPECTING;
    flow_do_work(x, p->body.len, flow_parse, parsed);
}

static void parsed(struct flow_exchange *x)
{
    flow_step_parse(x);
    if (!x->p->is_refused) {
        flow_step_admit(x);
    }
    inspect_and_record(x);
}

void flow_do_work(struct flow_exchange *x, size_t bytes, void (*work)(struct flow_exchange *x),
                  void (*then)(struct flow_exchange *x))
{
    if (bytes > FLOW_WORK_BYTES) {
        x->p->work = work;
        x->p->then = then;
        x->want |= FLOW_WANT_TURN;
        return;
    }
    work(x);
    then(x);
}

bool flow_put_off(struct flow_exchange *x, bool is_long, void (*work)(struct flow_exchange *x))
{
    if (is_long) {
        x->p->work = work;
    } else {
        work(x);
    }
    return is_long;
}

bool flow_has_work(const struct flow_exchange *x)
{
    return x->p->work != NULL;
}

void flow_work(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    void (*work)(struct flow_exchange *x) = p->work;
    uint64_t from_us = flow_clock_us(x);
    p->work = NULL;
    work(x);
    p->work_us += (uint32_t)(flow_clock_us(x) - from_us);
}

uint32_t flow_take_us(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    uint64_t now_us = flow_clock_us(x);
    uint32_t us = p->work_us + (uint32_t)(now_us - p->from_us);
    p->work_us = 0;
    p->from_us = now_us;
    return us;
}

static void inspect_and_record(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    p->content_us[0] += p->check != NULL && flow_is_inspecting(x) ? p->work_us : 0;
    if (!p->is_refused) {
        flow_step_inspect(x);
    }
    bool must_wait = flow_is_inspecting(x);
    if (!p->is_refused && !must_wait && !p->is_rendered) {
        p->is_rendered = true;
        must_wait = flow_put_off(x, p->body.len > FLOW_WORK_BYTES, flow_render);
    }
    if (!p->is_refused && !must_wait) {
        flow_step_call(x);
    }
    p->eval_us += flow_take_us(x);
    if (must_wait && flow_is_asking(x)) {
        p->state = FLOW_ASKING;
        return;
    }
    if (must_wait) {
        p->state = FLOW_INSPECTING;
        x->want |= FLOW_WANT_TURN;
        return;
    }
    settle(x);
}

/* What was decided is stored first; without a principal there is nothing to
 * store it under, and the refusal goes out at once. */
static void settle(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    if (x->principal == NULL || p->kind == FLOW_KIND_SERVE) {
        answer_locally(x);
        flow_stats_count(x, p->refusal.decision);
        flow_finish(x);
        return;
    }
    flow_record_decision(x);
    p->state = FLOW_DECIDED;
    if (x->record.err != ERR_OK) {
        flow_on_recorded(x, x->record.err, p->now); /* half a record is none */
        return;
    }
    x->want |= FLOW_WANT_RECORD;
}

void flow_on_turn(struct flow_exchange *x, struct flow_now now)
{
    void (*then)(struct flow_exchange *x) = x->p->then;
    if (x->p->env == NULL) {
        return; /* the exchange has ended meanwhile */
    }
    if (flow_has_work(x)) {
        flow_work(x);
    }
    x->p->then = NULL;
    x->p->from_us = flow_clock_us(x);
    if (then != NULL) {
        x->p->now = now;
        then(x);
    } else if (x->p->state == FLOW_INSPECTING) {
        x->p->now = now;
        inspect_and_record(x);
    } else if (x->p->state == FLOW_RELAYING && x->p->is_answer_waiting) {
        x->p->now = now;
        flow_inspect_turn(x, ERR_OK);
    }
}

void flow_on_recorded(struct flow_exchange *x, enum err e, struct flow_now now)
{
    struct flow_private *p = x->p;
    p->now = now;
    if (p->state != FLOW_DECIDED) {
        return; /* the client went away meanwhile */
    }
    p->is_recorded = e == ERR_OK;
    if (e != ERR_OK) {
        bool must_close = p->is_refused && p->refusal.must_close;
        p->is_refused = false;
        flow_refuse(x, 503, "server_error", "audit_unavailable",
                    "The decision could not be recorded, so the request was not sent");
        p->refusal.retry_after_s = 5;
        p->refusal.must_close = must_close;
        answer_locally(x);
        flow_stats_count(x, p->refusal.decision);
        flow_finish(x);
        return;
    }
    if (p->is_refused || p->kind != FLOW_KIND_CALL) {
        p->outcome = p->is_refused ? "refused" : "completed";
        answer_locally(x);
        flow_record_outcome(x);
        return;
    }
    p->state = FLOW_CALLING;
    p->called_us = now.mono_us;
    p->is_call_open = true;
    x->want |= FLOW_WANT_CALL;
}

static void answer_locally(struct flow_exchange *x)
{
    if (x->p->is_refused) {
        flow_write_refusal(x);
    } else {
        flow_write_local(x);
    }
}

void flow_on_bad_request(struct flow_exchange *x, unsigned status, const char *reason,
                         struct flow_now now)
{
    struct flow_private *p = x->p;
    if (p->state != FLOW_READING) {
        return;
    }
    p->now = now;
    p->is_refused = false;
    flow_refuse(x, status, "invalid_request_error", "bad_request", "%s", reason);
    p->refusal.must_close = true;
    settle(x);
}

void flow_on_upstream_head(struct flow_exchange *x, const struct wire_head *head,
                           struct flow_now now)
{
    if (flow_is_asking(x)) {
        flow_ask_head(x, head);
    } else if (x->p->state == FLOW_CALLING) {
        x->p->now = now;
        flow_relay_head(x, head);
    }
}

void flow_on_upstream_body(struct flow_exchange *x, struct str slice, struct flow_now now)
{
    if (flow_is_asking(x)) {
        x->p->now = now;
        if (flow_ask_body(x, slice)) {
            x->want |= FLOW_WANT_DROP_CALL;
            told(x, FLOW_END_COMPLETE);
        }
    } else if (x->p->state == FLOW_RELAYING) {
        x->p->now = now;
        flow_relay_body(x, slice);
    }
}

void flow_on_upstream_end(struct flow_exchange *x, enum flow_end_how how, const char *reason,
                          struct flow_now now)
{
    struct flow_private *p = x->p;
    if (flow_is_asking(x)) {
        p->now = now;
        told(x, how);
    } else if (p->state == FLOW_CALLING || p->state == FLOW_RELAYING) {
        p->now = now;
        p->is_call_open = false;
        flow_relay_end(x, how, reason);
    }
}

/* A recogniser's call is over: on with the texts. */
static void told(struct flow_exchange *x, enum flow_end_how how)
{
    x->p->from_us = flow_clock_us(x);
    enum err e = flow_ask_end(x, how);
    if (x->p->state != FLOW_ASKING) {
        flow_inspect_turn(x, e);
        return;
    }
    flow_inspect_told(x, e);
    inspect_and_record(x);
}

void flow_on_served(struct flow_exchange *x, const struct flow_served *answer, struct flow_now now)
{
    struct flow_private *p = x->p;
    if (p->state != FLOW_SERVING) {
        return;
    }
    p->now = now;
    wire_write_status_line(&x->out, answer->status);
    p->status_sent = answer->status;
    flow_write_common_headers(x, &x->out);
    if (answer->content_type.len != 0) {
        wire_write_header(&x->out, STR("content-type"), answer->content_type);
    }
    for (size_t i = 0; i < answer->headers_count; i++) {
        wire_write_header(&x->out, answer->headers[i].name, answer->headers[i].value);
    }
    if (answer->status != 204) {
        wire_write_line_u64(&x->out, STR("content-length: "), answer->body.len);
    }
    wire_write_end(&x->out);
    if (answer->status != 204 && p->head->method != WIRE_HEAD_METHOD) {
        buf_add(&x->out, answer->body);
        p->response_bytes = answer->body.len;
    }
    flow_finish(x);
}

void flow_on_client_gone(struct flow_exchange *x, struct flow_now now)
{
    struct flow_private *p = x->p;
    p->now = now;
    buf_clear(&x->out);
    x->out_rest = STR_NONE;
    p->is_keep_alive = false;
    if (p->is_call_open) {
        bool is_wanted_only = (x->want & FLOW_WANT_CALL) != 0; /* then there is none to drop */
        p->is_call_open = false;
        x->want &= ~(unsigned)FLOW_WANT_CALL;
        x->want |= is_wanted_only ? 0 : FLOW_WANT_DROP_CALL;
    }
    switch (p->state) {
    case FLOW_IDLE:
    case FLOW_ENDED:
        return;
    case FLOW_DECIDED:
        /* On its way to the spool: to be accounted for. Not taken yet: nothing follows
         * from the decision any more, so there is none. */
        p->is_recorded = (x->want & FLOW_WANT_RECORD) == 0;
        x->want &= ~(unsigned)FLOW_WANT_RECORD;
        break;
    case FLOW_READING:
    case FLOW_INSPECTING:
    case FLOW_ASKING:
    case FLOW_SERVING:
    case FLOW_CALLING:
    case FLOW_RELAYING:
        break;
    }
    p->outcome = "client_gone";
    if (p->is_recorded) {
        flow_record_outcome(x);
    } else {
        flow_finish(x);
    }
}

void flow_finish(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    if (p->state == FLOW_ENDED) {
        return;
    }
    p->state = FLOW_ENDED;
    p->work = p->then = NULL;
    flow_log(x);
    x->want |= FLOW_WANT_DONE;
    if (x->out.err != ERR_OK) {
        p->is_keep_alive = false; /* half an answer: nothing may follow it */
    }
    if (!flow_is_keep_alive(x)) {
        x->want |= FLOW_WANT_CLOSE;
    }
}

bool flow_is_keep_alive(const struct flow_exchange *x)
{
    return x->out.err == ERR_OK && x->p->is_keep_alive &&
           !(x->p->is_refused && x->p->refusal.must_close);
}

void flow_end(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    llm_relay_fini(p->relay);
    if (p->has_sse) {
        sse_parser_fini(&p->sse);
    }
    content_check_fini(p->check);
    flow_ask_free(p->asking);
    flow_stream_free(p->stream);
    leave(p);
    arena_reset(&p->arena);
    buf_give_spare(p->env->spares, &p->answer);
    struct buf *bufs[] = {&p->body, &p->edited, &p->call_head, &x->out, &x->record};
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++) {
        buf_clear(bufs[i]);
        trim(bufs[i]);
    }
    memset((char *)p + CLEARED_FROM, 0, CLEARED_TO - CLEARED_FROM);
    x->want = 0;
    x->principal = NULL;
    memset(&x->call, 0, sizeof(x->call));
    x->served_body = STR_NONE;
    x->out_rest = STR_NONE;
}

/* Much memory is set aside instead of being given back here. */
static void leave(struct flow_private *p)
{
    struct buf *bufs[] = {&p->body, &p->edited, &p->answer};
    size_t bytes = p->arena.taken_bytes;
    for (size_t i = 0; i < 3; i++) {
        bytes += bufs[i]->capacity;
    }
    struct flow_leftover *l = bytes > LEFTOVER_BYTES_MIN ? malloc(sizeof(*l)) : NULL;
    if (l == NULL) {
        return;
    }
    l->arena = p->arena;
    arena_init(&p->arena, l->arena.bytes_max);
    for (size_t i = 0; i < 3; i++) {
        l->bufs[i] = *bufs[i];
        buf_init(bufs[i], l->bufs[i].bytes_max);
    }
    p->leftover = l;
}

struct flow_leftover *flow_take_leftover(struct flow_exchange *x)
{
    struct flow_leftover *l = x->p->leftover;
    x->p->leftover = NULL;
    return l;
}

void flow_leftover_free(struct flow_leftover *l)
{
    if (l != NULL) {
        arena_fini(&l->arena);
        for (size_t i = 0; i < 3; i++) {
            buf_fini(&l->bufs[i]);
        }
        free(l);
    }
}

static void trim(struct buf *b)
{
    if (b->capacity > BODY_KEEP_BYTES) {
        size_t bytes_max = b->bytes_max;
        buf_fini(b);
        buf_init(b, bytes_max);
    }
}
