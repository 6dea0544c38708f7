/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls to recognisers: what the check wants to know goes out as a call of its own, before
 * the decision is recorded (a request's texts) or before the answer goes on (an answer's).
 * It carries the texts and the operator's credential, nothing of the caller's but the
 * request's id. However it ends, the check is told; what follows from a failure is the
 * rules' business. Memory: heap, wiped; endpoint and head lie in the exchange's arena.
 */
#include "flow_private.h"

#include <stdlib.h>

/* The texts as JSON: one byte may become six. */
#define BODY_BYTES_MAX (7 * RECOGNISE_TEXT_BYTES_MAX)
#define TEXT_BYTES 32 /* around each of them */
#define HEAD_BYTES_MAX ((size_t)16 << 10)

struct flow_asking {
    struct buf body, answer;
    struct route_endpoint endpoint;
    uint64_t began_us;
    unsigned status;
    bool is_open, is_too_large;
};

static enum err begin(struct flow_exchange *x, const struct recognise_ask *ask,
                      const struct recognise_service *service);
static enum err write_head(struct flow_exchange *x, const struct recognise_service *service);
static enum err tell(struct flow_exchange *x, enum recognise_result result);
static enum recognise_result result_of(const struct flow_asking *a, enum flow_end_how how);

bool flow_is_asking(const struct flow_exchange *x)
{
    return x->p->asking != NULL && x->p->asking->is_open;
}

bool flow_has_question(const struct flow_exchange *x)
{
    struct recognise_ask ask;
    const struct recognise_service *service;
    return content_ask(x->p->check, &ask, &service);
}

enum err flow_ask(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct recognise_ask ask;
    const struct recognise_service *service;
    if (!content_ask(p->check, &ask, &service)) {
        return ERR_OK;
    }
    if (p->asking == NULL) {
        p->asking = calloc(1, sizeof(*p->asking));
        if (p->asking == NULL) {
            return ERR_MEMORY;
        }
        buf_init(&p->asking->body, BODY_BYTES_MAX);
        buf_init(&p->asking->answer, RECOGNISE_ANSWER_BYTES_MAX);
    }
    p->asking->began_us = p->now.mono_us;
    return recognise_is_too_much(&ask) ? tell(x, RECOGNISE_TOO_MUCH) : begin(x, &ask, service);
}

static enum err begin(struct flow_exchange *x, const struct recognise_ask *ask,
                      const struct recognise_service *service)
{
    struct flow_private *p = x->p;
    struct flow_asking *a = p->asking;
    buf_clear(&a->body);
    buf_clear(&a->answer);
    size_t bytes = 0;
    for (size_t i = 0; i < ask->texts_count; i++) {
        bytes += ask->texts[i].len + TEXT_BYTES;
    }
    (void)buf_reserve(&a->body, bytes); /* it need not grow, unless much is escaped */
    a->body.err = ERR_OK;
    recognise_request_write(&a->body, ask);
    TRY(a->body.err);
    struct str id = arena_printf(&p->arena, "recogniser %.*s", STR_ARG(service->name));
    if (id.ptr == NULL) {
        return ERR_MEMORY;
    }
    a->endpoint = (struct route_endpoint){
        .id = id, .url = service->url, .credential_id = id, .ca_file = service->ca_file};
    TRY(write_head(x, service));
    x->call.endpoint = &a->endpoint;
    x->call.body = buf_str(&a->body);
    x->call.is_stream = false;
    x->call.connect_ms = service->connect_ms;
    x->call.first_byte_ms = x->call.idle_ms = x->call.total_ms = service->total_ms;
    a->status = 0;
    a->is_too_large = false;
    a->is_open = p->is_call_open = true;
    x->want |= FLOW_WANT_CALL;
    return ERR_OK;
}

static enum err write_head(struct flow_exchange *x, const struct recognise_service *service)
{
    struct flow_private *p = x->p;
    const struct wire_url *url = &service->url;
    struct buf head;
    buf_init(&head, HEAD_BYTES_MAX);
    wire_write_request_line(&head, WIRE_POST, url->path, url->path.len == 0 ? STR("/") : STR(""),
                            url->authority);
    if (service->credential.len > 0) {
        wire_write_header(&head, service->header, service->credential);
    }
    wire_write_header(&head, STR("content-type"), STR("application/json"));
    wire_write_header(&head, STR("accept"), STR("application/json"));
    wire_write_header(&head, STR("accept-encoding"), STR("identity"));
    wire_write_header(&head, STR("user-agent"), STR("portcullis"));
    wire_write_header(&head, STR("x-request-id"),
                      (struct str){p->request_id, sizeof(p->request_id)});
    wire_write_line_u64(&head, STR("content-length: "), p->asking->body.len);
    wire_write_end(&head);
    enum err e = head.err;
    x->call.head = e == ERR_OK ? arena_str(&p->arena, buf_str(&head)) : STR_NONE;
    buf_wipe(&head);
    return e == ERR_OK && x->call.head.ptr == NULL ? ERR_MEMORY : e;
}

void flow_ask_head(struct flow_exchange *x, const struct wire_head *head)
{
    x->p->asking->status = head->status;
}

bool flow_ask_body(struct flow_exchange *x, struct str slice)
{
    struct flow_asking *a = x->p->asking;
    if (a->status != 200) {
        return false;
    }
    buf_add(&a->answer, slice);
    a->is_too_large = a->answer.err != ERR_OK;
    return a->is_too_large;
}

enum err flow_ask_end(struct flow_exchange *x, enum flow_end_how how)
{
    struct flow_asking *a = x->p->asking;
    a->is_open = x->p->is_call_open = false;
    enum err e = tell(x, result_of(a, how));
    bytes_wipe(a->body.ptr, a->body.len);
    bytes_wipe(a->answer.ptr, a->answer.len);
    return e;
}

static enum err tell(struct flow_exchange *x, enum recognise_result result)
{
    struct flow_private *p = x->p;
    const struct recognise_service *service;
    struct recognise_ask ask;
    ASSERT(content_ask(p->check, &ask, &service));
    enum err e = content_told(p->check, &result, buf_str(&p->asking->answer));
    flow_stats_asked(x, service->name.ptr, result, p->now.mono_us - p->asking->began_us);
    return e;
}

static enum recognise_result result_of(const struct flow_asking *a, enum flow_end_how how)
{
    if (a->is_too_large) {
        return RECOGNISE_TOO_LARGE;
    }
    switch (how) {
    case FLOW_END_COMPLETE:
        break;
    case FLOW_END_TRUNCATED:
        return RECOGNISE_CUT;
    case FLOW_END_REFUSED:
        return RECOGNISE_UNREACHABLE;
    case FLOW_END_TLS:
        return RECOGNISE_TLS;
    case FLOW_END_TIMEOUT:
        return RECOGNISE_TIMEOUT;
    case FLOW_END_PROTOCOL:
        return RECOGNISE_BAD_ANSWER;
    }
    return a->status == 200 ? RECOGNISE_ANSWERED : RECOGNISE_STATUS;
}

void flow_ask_free(struct flow_asking *a)
{
    if (a != NULL) {
        buf_wipe(&a->body);
        buf_wipe(&a->answer);
        free(a);
    }
}
