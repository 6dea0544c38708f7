/* SPDX-License-Identifier: Apache-2.0
 *
 * Step call: the bytes for the provider. The head is written here from an
 * allow-list; nothing a client sent as a header passes on unless named below, so
 * no credential, cookie or hop-by-hop field of a client can reach a provider. The
 * body is the original with span edits, or an exact translation; what was edited at its
 * front goes with the head, so that the long rest is sent from where it was read.
 */
#include "flow_private.h"

#define CONNECT_MS 3000
#define FIRST_BYTE_MS 60000
#define IDLE_MS 30000
#define TOTAL_MS 600000

static void write_head(struct flow_exchange *x, struct buf *b);
static void write_auth(struct flow_exchange *x, struct buf *b);
static void write_passed(struct flow_exchange *x, struct buf *b);

void flow_render(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    p->work_err = llm_request_render(&p->arena, &p->request, p->choice.endpoint->dialect,
                                     p->choice.model->upstream_name, &p->upstream, &p->issue);
}

void flow_step_call(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    const struct route_endpoint *endpoint = p->choice.endpoint;
    if (p->work_err != ERR_OK) {
        flow_refuse_issue(x, p->work_err, &p->issue);
        return;
    }
    p->upstream.created_unix_s = p->now.unix_ms / 1000;
    if (p->verdict.substituted_from.len != 0) {
        p->upstream.called = p->choice.model->id;
    }
    write_head(x, &p->call_head);
    p->relay = llm_relay_new(&p->arena, &p->request, &p->upstream);
    if (p->relay == NULL || p->call_head.err != ERR_OK || p->arena.is_exhausted) {
        flow_refuse(x, 503, "server_error", "out_of_memory",
                    "The request could not be prepared");
        return;
    }
    _Static_assert(LLM_SMALL_ANSWER_BYTES <= FLOW_WORK_BYTES, "brief is of the loop's thread");
    llm_relay_lend(p->relay, p->env->brief, p->env->answer_forms);
    x->call = (struct flow_call){.endpoint = endpoint,
                                 .head = buf_str(&p->call_head),
                                 .body = p->upstream.body,
                                 .is_stream = p->request.is_stream,
                                 .connect_ms = CONNECT_MS,
                                 .first_byte_ms = FIRST_BYTE_MS,
                                 .idle_ms = IDLE_MS,
                                 .total_ms = TOTAL_MS};
}

static void write_head(struct flow_exchange *x, struct buf *b)
{
    struct flow_private *p = x->p;
    ASSERT(x->out.len == 0); /* nothing is said to the client before the record */
    const struct wire_url *url = &p->choice.endpoint->url;
    wire_write_request_line(b, WIRE_POST, url->path, p->upstream.path, url->authority);
    write_auth(x, b);
    /* The same for all, so in one piece. Answers are read here: they must come uncompressed. */
    buf_add(b, STR("content-type: application/json\r\n"
                   "accept-encoding: identity\r\n"
                   "user-agent: portcullis\r\n"));
    buf_add(b, p->request.is_stream ? STR("accept: text/event-stream\r\n")
                                    : STR("accept: application/json\r\n"));
    wire_write_line(b, STR("x-request-id: "), (struct str){p->request_id, sizeof(p->request_id)});
    write_passed(x, b);
    wire_write_line_u64(b, STR("content-length: "),
                        p->upstream.front.len + p->upstream.body.len);
    wire_write_end(b);
    buf_add(b, p->upstream.front);
}

static void write_auth(struct flow_exchange *x, struct buf *b)
{
    struct flow_private *p = x->p;
    struct str credential = p->choice.endpoint->credential;
    if (credential.len == 0) {
        return;
    }
    if (p->upstream.dialect == LLM_ANTHROPIC) {
        wire_write_line(b, STR("x-api-key: "), credential);
    } else {
        wire_write_line(b, STR("authorization: Bearer "), credential);
    }
}

/* Version headers of the API the provider speaks, and the caller's trace, so that a span of
 * the provider's hangs where the caller's traces are; nothing else. The caller's own request
 * id stays here: the provider is given ours, by which both are found. */
static void write_passed(struct flow_exchange *x, struct buf *b)
{
    struct flow_private *p = x->p;
    bool is_anthropic = p->upstream.dialect == LLM_ANTHROPIC;
    const char *beta_name = is_anthropic ? "anthropic-beta" : "openai-beta";
    struct str beta = wire_header_get(p->head, beta_name);
    if (beta.len != 0) {
        wire_write_header(b, str_from(beta_name), beta);
    }
    if (p->traceparent.len != 0) {
        wire_write_header(b, STR("traceparent"), p->traceparent);
    }
    if (p->tracestate.len != 0) {
        wire_write_header(b, STR("tracestate"), p->tracestate);
    }
    if (is_anthropic) {
        struct str version = wire_header_get(p->head, "anthropic-version");
        wire_write_header(b, STR("anthropic-version"),
                          version.len != 0 ? version : STR("2023-06-01"));
    }
}
