/* SPDX-License-Identifier: Apache-2.0
 *
 * Step relay: the provider's answer becomes the client's. An answer is taken for
 * a success only when its status is 200, its type is what was asked for, it is
 * not compressed, it parses, and it ended properly; everything else becomes an
 * error in the caller's dialect: a whole one while nothing was sent, an event in
 * the stream afterwards. A stream is never ended cleanly unless its terminal
 * event was seen. Where a content rule looks at answers, they are read on the way
 * (inspect_answer.c, inspect_stream.c); where none does, nothing of that is touched.
 */
#include "flow_private.h"

#define EVENT_BYTES_MAX (1u << 20)
#define ERROR_BODY_BYTES_MAX (64u * 1024)
#define RETRY_AFTER_S_MAX 3600
#define FRONT_BYTES_MAX 1024

static void refuse_upstream(struct flow_exchange *x, unsigned status, const char *code,
                            const char *message);
static bool is_answer_acceptable(struct flow_exchange *x, const struct wire_head *head);
static bool is_answer_read(const struct flow_private *p);
static void begin_stream(struct flow_exchange *x);
static void relay_json(struct flow_exchange *x);
static void name_model(struct flow_private *p);
static void write_answer(struct flow_exchange *x);
static void json_relayed(struct flow_exchange *x);
static void relay_events(struct flow_exchange *x);
static void end_events(struct flow_exchange *x, enum err e);
static void end_error_answer(struct flow_exchange *x);
static void end_stream(struct flow_exchange *x);
static bool is_done_line(struct str rest);
static bool flush_stream(struct flow_exchange *x);
static void drop_call(struct flow_exchange *x);
static void end_in_error(struct flow_exchange *x, struct llm_error *error);
static void end_body(struct flow_exchange *x);
static const char *how_code(enum flow_end_how how, unsigned *ret_status);
static uint32_t retry_after_of(const struct wire_head *head);

void flow_relay_head(struct flow_exchange *x, const struct wire_head *head)
{
    struct flow_private *p = x->p;
    p->first_byte_us = p->now.mono_us;
    p->upstream_status = head->status;
    p->state = FLOW_RELAYING;
    struct str id = wire_header_get(head, "x-request-id");
    id = id.len != 0 ? id : wire_header_get(head, "request-id");
    p->upstream_request_id = arena_str(&p->arena, str_sub(id, 0, 128));
    if (head->status != 200) {
        p->is_upstream_error = true;
        p->upstream_retry_after_s = retry_after_of(head);
        return;
    }
    if (!is_answer_acceptable(x, head)) {
        return;
    }
    if (p->is_upstream_stream) {
        begin_stream(x);
    }
}

/* By content rules, or because tokens of the request are to become values again. */
static bool is_answer_read(const struct flow_private *p)
{
    return p->check != NULL && (content_is_wanted(p->check, CONTENT_RESPONSE) ||
                                content_alters(p->check, CONTENT_RESPONSE));
}

static void begin_stream(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    sse_parser_init(&p->sse, EVENT_BYTES_MAX);
    p->has_sse = true;
    if (is_answer_read(p) && !flow_stream_new(x)) {
        flow_relay_fail_check(x, ERR_MEMORY);
        return;
    }
    if (p->stream == NULL || !content_is_buffered(p->check)) {
        flow_relay_begin(x);
    }
    if (x->out.err != ERR_OK) {
        flow_relay_fail(x, 502, "stream_too_large", "The answer could not be buffered");
    }
}

/* A captive portal's 200 text/html must not be taken for an answer. */
static bool is_answer_acceptable(struct flow_exchange *x, const struct wire_head *head)
{
    struct flow_private *p = x->p;
    struct str encoding = wire_header_get(head, "content-encoding");
    if (wire_header_is_repeated(head, "content-encoding") ||
        (encoding.len != 0 && !str_eq_nocase(encoding, STR("identity")))) {
        refuse_upstream(x, 502, "upstream_encoding",
                        "The provider sent a compressed answer, which cannot be inspected");
        return false;
    }
    struct str type = wire_header_get(head, "content-type");
    bool is_json = str_eq(type, STR("application/json")); /* as nearly all say it */
    p->is_upstream_stream = false;
    if (!is_json) {
        struct str media = str_trim(str_cut(&type, ';'), " \t");
        p->is_upstream_stream = str_eq_nocase(media, STR("text/event-stream"));
        is_json = str_eq_nocase(media, STR("application/json"));
    }
    if (p->request.is_stream ? !p->is_upstream_stream : !is_json) {
        refuse_upstream(x, 502, "upstream_content_type",
                        "The provider's answer is not of the type that was asked for");
        return false;
    }
    return true;
}

static uint32_t retry_after_of(const struct wire_head *head)
{
    uint64_t seconds;
    if (str_to_u64(wire_header_get(head, "retry-after"), &seconds) != ERR_OK) {
        return 0;
    }
    return (uint32_t)(seconds < RETRY_AFTER_S_MAX ? seconds : RETRY_AFTER_S_MAX);
}

void flow_relay_body(struct flow_exchange *x, struct str slice)
{
    struct flow_private *p = x->p;
    if (p->is_upstream_error) {
        struct str part = str_sub(slice, 0, ERROR_BODY_BYTES_MAX - p->answer.len);
        buf_add(&p->answer, part);
        return;
    }
    buf_take_spare(p->env->spares, &p->answer);
    if (!p->is_upstream_stream) {
        buf_add(&p->answer, slice);
        if (p->answer.err != ERR_OK) {
            flow_relay_fail(x, 502, "upstream_too_large", "The provider's answer is too large");
        }
        return;
    }
    sse_parser_feed(&p->sse, slice);
    relay_events(x);
    buf_give_spare(p->env->spares, &p->answer);
}

static void relay_events(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct sse_event event;
    struct issue issue;
    enum err e;
    enum err relayed = ERR_OK;
    buf_clear(&p->answer);
    while (relayed == ERR_OK && (e = sse_parser_next(&p->sse, &event)) == ERR_OK) {
        size_t from = p->answer.len;
        relayed = p->stream != NULL ? flow_stream_event(x, &event)
                                    : llm_relay_event(p->relay, &event, &p->answer, &issue);
        flow_evaluation_events(x, from);
    }
    if (relayed != ERR_OK) {
        end_events(x, relayed);
        return;
    }
    if (p->answer.err != ERR_OK) {
        /* Events are lost: what is left must not look like the whole answer. */
        flow_relay_fail(x, 502, "upstream_too_large", "The provider's answer is too large");
        return;
    }
    flow_relay_write(x, buf_str(&p->answer));
    if (e != ERR_AGAIN) {
        if (flush_stream(x)) {
            flow_relay_fail(x, 502, "upstream_invalid_event",
                            "The provider sent an event that is too large");
        }
    } else if (x->out.err != ERR_OK) {
        flow_relay_fail(x, 502, "stream_too_large", "The answer could not be buffered");
    }
}

/* An event was not passed on: what came before it is. */
static void end_events(struct flow_exchange *x, enum err e)
{
    struct flow_private *p = x->p;
    if (p->answer.err == ERR_OK) { /* whole events only: half a line hides the next */
        flow_relay_write(x, buf_str(&p->answer));
    }
    if (e == ERR_DENIED) {
        flow_relay_block(x);
    } else if (e != ERR_SYNTAX && p->stream != NULL) {
        flow_relay_fail_check(x, e);
    } else if (flush_stream(x)) {
        flow_relay_fail(x, 502, "upstream_invalid_event",
                        "The provider sent an event that is not valid");
    }
}

/* What content rules hold back goes out before the stream ends in an error. False: one of
 * them has ended it. */
static bool flush_stream(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    if (p->stream == NULL || !p->is_head_sent || llm_relay_is_complete(p->relay) ||
        llm_relay_saw_error(p->relay)) {
        return true;
    }
    buf_clear(&p->answer);
    enum err e = flow_stream_flush(x);
    if (p->answer.err == ERR_OK) {
        flow_relay_write(x, buf_str(&p->answer));
    }
    if (e == ERR_DENIED) {
        flow_relay_block(x);
        return false;
    }
    return true;
}

void flow_relay_end(struct flow_exchange *x, enum flow_end_how how, const char *reason)
{
    struct flow_private *p = x->p;
    if (how != FLOW_END_COMPLETE) {
        unsigned status;
        const char *code = how_code(how, &status);
        p->outcome = llm_relay_saw_error(p->relay) ? "upstream_error"
                     : how == FLOW_END_TIMEOUT     ? "timeout"
                     : p->first_byte_us != 0       ? "truncated"
                                                   : "upstream_error";
        (void)reason; /* for the host's log; a client is not told about addresses */
        if (!flush_stream(x)) {
            return;
        }
        flow_relay_fail(
            x, status, code,
            how == FLOW_END_TIMEOUT   ? "The provider did not answer in time"
            : how == FLOW_END_TLS     ? "The provider's TLS certificate could not be verified"
            : how == FLOW_END_REFUSED ? "The provider could not be reached"
                                      : "The provider's answer was cut or is not valid HTTP");
        return;
    }
    if (p->is_upstream_error) {
        end_error_answer(x);
    } else if (p->is_upstream_stream) {
        end_stream(x);
    } else if (is_answer_read(p)) {
        flow_inspect_json(x);
    } else {
        flow_relay_json(x);
    }
}

static const char *how_code(enum flow_end_how how, unsigned *ret_status)
{
    *ret_status = 502;
    switch (how) {
    case FLOW_END_TIMEOUT:
        *ret_status = 504;
        return "upstream_timeout";
    case FLOW_END_TLS:
        return "upstream_tls";
    case FLOW_END_REFUSED:
        return "upstream_unreachable";
    case FLOW_END_TRUNCATED:
        return "upstream_truncated";
    case FLOW_END_PROTOCOL:
        return "upstream_protocol";
    case FLOW_END_COMPLETE:
        break;
    }
    return "upstream_error";
}

/* The provider's own refusal. Its 401 and 403 are about OUR credential: passing
 * them on would tell the developer to fix a key that is fine. */
static void end_error_answer(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    p->outcome = "upstream_error";
    if (p->upstream_status == 401 || p->upstream_status == 403) {
        flow_relay_fail(x, 502, "provider_authentication_failed",
                        "The provider refused the organisation's credential");
        return;
    }
    if (p->upstream_status < 400) {
        flow_relay_fail(x, 502, "upstream_status",
                        "The provider answered with a status that is not allowed");
        return;
    }
    struct llm_error error;
    if (llm_error_from_upstream(&p->arena, p->upstream.dialect, p->upstream_status,
                                buf_str(&p->answer), &error) != ERR_OK) {
        flow_relay_fail(x, p->upstream_status, "upstream_error", "The provider reported an error");
        return;
    }
    p->is_refused = true;
    p->refusal = (struct flow_refusal){
        .error = error, .decision = "error", .retry_after_s = p->upstream_retry_after_s};
    flow_write_refusal(x);
    flow_record_outcome(x);
}

void flow_relay_json(struct flow_exchange *x)
{
    flow_do_work(x, x->p->answer.len, relay_json, json_relayed);
}

static void relay_json(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    bool is_same = !p->upstream.is_translated;
    /* The request has been answered: its body's memory serves for another answer. */
    struct buf *body = &p->body;
    buf_clear(body);
    body->bytes_max = p->answer.bytes_max;
    p->work_err = llm_relay_json(p->relay, buf_str(&p->answer), is_same ? NULL : body, &p->issue);
    p->work_err = p->work_err == ERR_OK ? body->err : p->work_err;
    if (p->work_err == ERR_OK && !is_same) {
        buf_clear(&p->answer);
        buf_move(&p->answer, body);
    } else if (p->work_err == ERR_OK) {
        name_model(p);
    }
}

/* As the client called it. Mostly near the beginning: then what is in front goes with our
 * head, and the long rest stays where it is. What does not fit is an error of the buffer. */
static void name_model(struct flow_private *p)
{
    const struct llm_edit *model = llm_relay_model_edit(p->relay);
    if (model == NULL) {
        return;
    }
    if (model->span.from <= FRONT_BYTES_MAX) {
        p->front = model;
        return;
    }
    p->answer.bytes_max += model->with.len;
    if (!buf_replace(&p->answer, model->span.from, model->span.to - model->span.from,
                     model->with)) {
        p->answer.err = ERR_LIMIT;
    }
}

static void json_relayed(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    if (p->work_err != ERR_OK) {
        p->outcome = "upstream_error";
        flow_relay_fail(x, 502, "upstream_invalid_json", "The provider's answer is not valid");
        return;
    }
    if (p->answer.err != ERR_OK) {
        flow_relay_fail(x, 502, "upstream_too_large", "The provider's answer is too large");
        return;
    }
    flow_evaluation_json(x);
    flow_relay_begin(x);
    p->outcome = llm_relay_saw_error(p->relay) ? "upstream_error" : "completed";
    flow_record_outcome(x);
}

static void end_stream(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    if (sse_parser_end(&p->sse)) {
        p->outcome = "upstream_error"; /* if the last event is none */
        relay_events(x);
    }
    struct str rest = sse_parser_pending(&p->sse);
    if (p->state == FLOW_RELAYING && is_done_line(rest)) {
        sse_parser_feed(&p->sse, STR("\n\n"));
        relay_events(x);
    }
    if (p->state != FLOW_RELAYING) {
        return; /* its last event ended it */
    }
    if (p->stream != NULL && content_is_buffered(p->check)) {
        flow_inspect_events(x);
    } else {
        flow_relay_end_events(x);
    }
}

/* The terminal event without its blank line, or without any line end. No reader takes an
 * event like that, but this one says nothing that could be cut. */
static bool is_done_line(struct str rest)
{
    while (rest.len > 0 && (rest.ptr[rest.len - 1] == '\n' || rest.ptr[rest.len - 1] == '\r')) {
        rest.len--;
    }
    return str_eq(rest, STR("data: [DONE]")) || str_eq(rest, STR("data:[DONE]"));
}

void flow_relay_end_events(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    if (!llm_relay_is_complete(p->relay) && !llm_relay_saw_error(p->relay)) {
        if (flush_stream(x)) {
            p->outcome = "truncated";
            flow_relay_fail(x, 502, "upstream_truncated",
                            "The provider's stream ended before it was complete");
        }
        return;
    }
    end_body(x);
    p->outcome = llm_relay_saw_error(p->relay) ? "upstream_error" : "completed";
    flow_record_outcome(x);
}

/* Status line and fields of a success; the body follows whole (JSON) or in parts. */
void flow_relay_begin(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    wire_write_status_line(&x->out, 200);
    flow_write_common_headers(x, &x->out);
    if (p->upstream_request_id.len != 0) {
        wire_write_line(&x->out, STR("x-upstream-request-id: "), p->upstream_request_id);
    }
    wire_write_line(&x->out, STR("x-portcullis-provider: "), p->choice.provider->slug);
    if (p->verdict.substituted_from.len != 0) { /* S2-52, product.md 2.5 */
        wire_write_header(&x->out, STR("x-gateway-model"), p->choice.model->id);
    }
    if (p->is_upstream_stream) {
        wire_write_header(&x->out, STR("content-type"), STR("text/event-stream; charset=utf-8"));
        wire_write_header(&x->out, STR("cache-control"), STR("no-cache"));
        if (p->is_http10) {
            p->is_keep_alive = false; /* the close ends the body */
        } else {
            wire_write_header(&x->out, STR("transfer-encoding"), STR("chunked"));
        }
        wire_write_end(&x->out);
    } else {
        buf_add(&x->out, STR("content-type: application/json\r\n"));
        write_answer(x);
    }
    p->is_head_sent = true;
    p->status_sent = 200;
}

/* A JSON answer, with the model named as name_model left it. */
static void write_answer(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct str rest = buf_str(&p->answer), front = STR(""), name = STR("");
    if (p->front != NULL) {
        front = str_sub(rest, 0, p->front->span.from);
        name = p->front->with;
        rest = str_sub(rest, p->front->span.to, rest.len);
    }
    size_t bytes = front.len + name.len + rest.len;
    wire_write_line_u64(&x->out, STR("content-length: "), bytes);
    wire_write_end(&x->out);
    buf_add(&x->out, front);
    buf_add(&x->out, name);
    x->out_rest = rest;
    p->response_bytes += bytes;
}

void flow_relay_write(struct flow_exchange *x, struct str bytes)
{
    struct flow_private *p = x->p;
    if (bytes.len == 0) {
        return;
    }
    p->response_bytes += bytes.len;
    if (p->is_http10) {
        buf_add(&x->out, bytes);
    } else {
        wire_write_chunk(&x->out, bytes);
    }
}

static void end_body(struct flow_exchange *x)
{
    if (!x->p->is_http10) {
        wire_write_last_chunk(&x->out);
    }
}

static void refuse_upstream(struct flow_exchange *x, unsigned status, const char *code,
                            const char *message)
{
    x->p->outcome = "upstream_error";
    flow_relay_fail(x, status, code, message);
}

/* The answer cannot go on. Drops the call if it is still open. */
void flow_relay_fail(struct flow_exchange *x, unsigned status, const char *code,
                     const char *message)
{
    struct flow_private *p = x->p;
    if (p->state != FLOW_RELAYING && p->state != FLOW_CALLING) {
        return;
    }
    if (p->is_call_open) {
        p->outcome = "upstream_error";
    }
    drop_call(x);
    if (!p->is_head_sent) {
        flow_refuse(x, status, "api_error", code, "%s", message);
        p->refusal.retry_after_s = status == 502 || status == 504 ? 0 : p->upstream_retry_after_s;
        flow_write_refusal(x);
        flow_record_outcome(x);
        return;
    }
    struct llm_error error = {.status = status,
                              .type = "api_error",
                              .code = code,
                              .message = str_from(message),
                              .request_id = {p->request_id, sizeof(p->request_id)}};
    end_in_error(x, &error);
    flow_record_outcome(x);
}

/* A content rule does not let the answer pass: nothing of it that has not gone out will. */
void flow_relay_block(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    drop_call(x);
    p->outcome = "refused";
    flow_inspect_report(x);
    flow_refuse_content(x);
    if (!p->is_head_sent) {
        flow_write_refusal(x);
    } else {
        p->refusal.error.request_id = (struct str){p->request_id, sizeof(p->request_id)};
        end_in_error(x, &p->refusal.error);
    }
    flow_record_outcome(x);
}

/* The content rules could not be asked, so the answer does not pass. */
void flow_relay_fail_check(struct flow_exchange *x, enum err e)
{
    struct flow_private *p = x->p;
    bool is_large = e == ERR_LIMIT || p->arena.is_exhausted;
    drop_call(x);
    p->outcome = "refused";
    flow_relay_fail(x, e == ERR_MEMORY && !is_large ? 503 : 502,
                    is_large          ? "content_check_limit"
                    : e == ERR_MEMORY ? "out_of_memory"
                                      : "content_check_unavailable",
                    is_large ? "The answer is too large or too dense to be checked by the content "
                               "rules"
                             : "The content rules could not be evaluated on the answer");
}

static void drop_call(struct flow_exchange *x)
{
    if (x->p->is_call_open) {
        x->p->is_call_open = false;
        x->want |= FLOW_WANT_DROP_CALL;
    }
}

/* The stream has begun. Behind its terminal event nothing may follow, not even an
 * error; then, and when the error cannot be told, only the missing last chunk says
 * that the answer was cut. */
static void end_in_error(struct flow_exchange *x, struct llm_error *error)
{
    struct flow_private *p = x->p;
    p->is_keep_alive = false;
    if (llm_relay_is_complete(p->relay)) {
        return;
    }
    if (!llm_relay_saw_error(p->relay)) {
        error->sequence_number = llm_relay_next_sequence(p->relay);
        buf_clear(&p->answer);
        llm_error_write_event(&p->answer, p->endpoint, error);
        if (p->answer.err != ERR_OK) {
            return;
        }
        flow_relay_write(x, buf_str(&p->answer));
    }
    end_body(x);
}
