/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own answers: refusals in the caller's dialect and the model list. A refusal
 * is first noted (flow_refuse) and written only when its decision is stored.
 * Policy blocks are always 403 with x-should-retry: false, because 409, 202 and
 * 429 make SDKs retry or take it for success (product.md 2.3); the
 * X-Governance-* headers carry the reason whatever the body's shape (C-4).
 */
#include "flow_private.h"

#include <stdarg.h>
#include <stdio.h>

#define HEADER_BYTES_MAX 2048
#define MESSAGE_BYTES_MAX 4096

static const char *verdict_message(struct flow_exchange *x);
static void write_governance_headers(struct flow_exchange *x, struct buf *out);
static void write_violations_of_block(struct flow_exchange *x, struct buf *out);
static void refuse_by_policy(struct flow_exchange *x, const char *message,
                             const struct policy_violation *const *list, size_t count);
static enum policy_error_format body_format(const struct flow_exchange *x,
                                            const struct policy_violation *decider);
static void write_policy_blocked(struct flow_exchange *x, struct buf *out,
                                 const struct policy_violation *const *list, size_t count);
static struct str whole_message(struct flow_exchange *x,
                                const struct policy_violation *const *list, size_t count);
static enum llm_dialect client_dialect(const struct flow_exchange *x);

static enum llm_dialect client_dialect(const struct flow_exchange *x)
{
    const struct flow_private *p = x->p;
    if (p->kind == FLOW_KIND_CALL) {
        return llm_endpoint_dialect(p->endpoint);
    }
    bool is_anthropic =
        p->head != NULL && wire_header_get(p->head, "anthropic-version").ptr != NULL;
    return is_anthropic ? LLM_ANTHROPIC : LLM_OPENAI;
}

void flow_refuse(struct flow_exchange *x, unsigned status, const char *type, const char *code,
                 const char *format, ...)
{
    struct flow_private *p = x->p;
    if (p->is_refused) {
        return; /* the first reason is the one to tell */
    }
    char text[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    size_t used = len < 0 ? 0 : (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
    struct str message = arena_str(&p->arena, (struct str){text, used});
    p->refusal = (struct flow_refusal){
        .error = {.status = status,
                  .type = type,
                  .code = code,
                  .message = message.ptr != NULL ? message : STR("The request was refused")},
        .decision = "error",
    };
    p->is_refused = true;
}

void flow_refuse_issue(struct flow_exchange *x, enum err e, const struct issue *issue)
{
    unsigned status = 400;
    const char *code = "invalid_request";
    switch (e) {
    case ERR_LIMIT:
        code = "limit_exceeded";
        break;
    case ERR_MEMORY:
        status = 503;
        code = "out_of_memory";
        break;
    case ERR_SYNTAX:
        code = "invalid_json";
        break;
    case ERR_UNSUPPORTED:
        code = "unsupported_parameter";
        break;
    case ERR_INTERNAL:
        status = 500;
        code = "internal_error";
        break;
    case ERR_OK:
    case ERR_INVALID:
    case ERR_NOT_FOUND:
    case ERR_CONFLICT:
    case ERR_STALE:
    case ERR_DENIED:
    case ERR_AGAIN:
    case ERR_IO:
    case ERR_TIMEOUT:
    case ERR_CORRUPT:
        break;
    }
    bool is_said = strstr(issue->message, " at byte ") != NULL;
    if (issue->offset != UINT64_MAX && e == ERR_SYNTAX && !is_said) {
        flow_refuse(x, status, "invalid_request_error", code, "%s (byte %llu)", issue->message,
                    (unsigned long long)issue->offset);
    } else {
        flow_refuse(x, status, status >= 500 ? "server_error" : "invalid_request_error", code,
                    "%s", issue->message);
    }
    if (issue->pointer[0] != '\0') { /* the whole body is no member to name */
        x->p->refusal.error.param = arena_str(&x->p->arena, str_from(issue->pointer));
    }
}

/* S0-51..S0-58, S3-14, S3-26. */
void flow_refuse_verdict(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    const struct policy_violation *list[POLICY_VIOLATIONS_MAX];
    size_t count = p->verdict.violations_count;
    for (size_t i = 0; i < count; i++) {
        list[i] = &p->verdict.violations[i];
    }
    refuse_by_policy(x, verdict_message(x), list, count);
}

/* The same body for a text that a content rule does not let pass: what the client is told
 * is every violation that counts here, and the first one that blocks decides. */
void flow_refuse_content(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    p->is_content_block = true;
    refuse_by_policy(x, "Request blocked by governance policy", p->warnings, p->warnings_count);
}

static void refuse_by_policy(struct flow_exchange *x, const char *message,
                             const struct policy_violation *const *list, size_t count)
{
    struct flow_private *p = x->p;
    flow_refuse(x, 403, "governance_blocked", "GOVERNANCE_BLOCKED", "%s", message);
    p->refusal.decision = "block";
    p->refusal.is_policy = true;
    const struct policy_violation *decider = flow_decider(x);
    enum policy_error_format format = body_format(x, decider);
    struct buf text;
    if (format == POLICY_ERROR_OPENAI) {
        p->refusal.error.message = whole_message(x, list, count);
        return;
    }
    buf_init(&text, 64u * 1024);
    if (format == POLICY_ERROR_POLICY) {
        write_policy_blocked(x, &text, list, count);
        p->refusal.body = text.err == ERR_OK ? arena_str(&p->arena, buf_str(&text)) : STR_NONE;
    }
    buf_clear(&text);
    struct policy_verdict told = {.decider_rule = decider != NULL ? decider->rule : NULL};
    told.violations = ARENA_ARRAY(&p->arena, count, struct policy_violation);
    for (size_t i = 0; told.violations != NULL && i < count; i++) {
        told.violations[told.violations_count++] = *list[i];
    }
    codec_write_violations(&text, &told);
    if (text.err == ERR_OK) {
        p->refusal.error.extra = arena_str(&p->arena, buf_str(&text));
    }
    buf_fini(&text);
}

/* C-4 */
static enum policy_error_format body_format(const struct flow_exchange *x,
                                            const struct policy_violation *decider)
{
    if (decider == NULL || x->p->error_format > POLICY_ERROR_AUTO) {
        return decider == NULL ? POLICY_ERROR_GOVERNANCE : x->p->error_format;
    }
    bool is_config = decider->policy != NULL && decider->policy->origin == POLICY_CONFIG;
    return is_config ? POLICY_ERROR_POLICY : POLICY_ERROR_GOVERNANCE;
}

/* For a body without a member of its own for them: as many reasons as fit. */
static struct str whole_message(struct flow_exchange *x,
                                const struct policy_violation *const *list, size_t count)
{
    struct str message = x->p->refusal.error.message;
    size_t len = message.len;
    for (size_t i = 0; i < count && len + list[i]->message.len + 2 <= MESSAGE_BYTES_MAX; i++) {
        message = arena_printf(&x->p->arena, "%.*s%s%.*s", STR_ARG(message), i == 0 ? ": " : "; ",
                               STR_ARG(list[i]->message));
        len = message.len;
    }
    return message.ptr != NULL ? message : x->p->refusal.error.message;
}

/* S2-54, S2-55: its own body, and the violation that decided comes first. */
static void write_policy_blocked(struct flow_exchange *x, struct buf *out,
                                 const struct policy_violation *const *list, size_t count)
{
    struct flow_private *p = x->p;
    const struct policy_violation *sorted[FLOW_REPORTED_MAX];
    const struct policy_violation *decider = flow_decider(x);
    size_t used = 0;
    sorted[used++] = decider;
    for (size_t i = 0; i < count; i++) {
        if (list[i] != decider) {
            sorted[used++] = list[i];
        }
    }
    codec_write_policy_blocked(out, client_dialect(x), sorted, used,
                               (struct str){p->request_id, sizeof(p->request_id)});
}

const struct policy_violation *flow_decider(const struct flow_exchange *x)
{
    const struct flow_private *p = x->p;
    const struct policy_violation *first = NULL;
    if (p->is_refused && p->refusal.is_policy && !p->is_content_block) {
        for (size_t i = 0; i < p->verdict.violations_count && first == NULL; i++) {
            const struct policy_violation *v = &p->verdict.violations[i];
            first = v->effect == p->verdict.effect ? v : NULL;
        }
        return first;
    }
    for (size_t i = 0; i < p->warnings_count; i++) {
        if (first == NULL || p->warnings[i]->effect > first->effect) {
            first = p->warnings[i];
        }
    }
    return first;
}

static const char *verdict_message(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    const struct policy *decider = p->verdict.decider;
    if (decider == NULL || decider->origin != POLICY_COMPLIANCE) {
        return "Request blocked by governance policy";
    }
    struct str model = p->request.model;
    if (p->models.is_pinned) {
        (void)str_cut(&model, '/');
    }
    struct str text = arena_printf(
        &p->arena,
        "This request was blocked by your organization's provider compliance policy. No available "
        "provider for %.*s meets the required certifications.",
        STR_ARG(model));
    return text.ptr != NULL ? text.ptr : "Request blocked by provider compliance policy";
}

void flow_write_common_headers(struct flow_exchange *x, struct buf *out)
{
    struct flow_private *p = x->p;
    struct str id = {p->request_id, sizeof(p->request_id)};
    wire_write_line(out, STR("x-request-id: "), id);
    wire_write_line(out, STR("request-id: "), id);
    if (!flow_is_keep_alive(x)) {
        wire_write_header(out, STR("connection"), STR("close"));
    } else if (p->is_http10) {
        wire_write_header(out, STR("connection"), STR("keep-alive"));
    }
    if (p->is_decided) {
        write_governance_headers(x, out);
    }
}

static void write_governance_headers(struct flow_exchange *x, struct buf *out)
{
    struct flow_private *p = x->p;
    bool is_block = p->is_refused && p->refusal.is_policy;
    const struct policy_violation *decider = flow_decider(x);
    wire_write_line(out, STR("x-governance-decision: "),
                      is_block                             ? STR("block")
                      : p->is_refused && p->called_us == 0 ? STR("error") /* as on record */
                      : decider == NULL                    ? STR("allow")
                                        : str_from(policy_effect_name(decider->effect)));
    wire_write_line_u64(out, STR("portcullis-epoch: "), policy_snapshot_epoch(p->start.snapshot));
    struct buf value;
    buf_init(&value, HEADER_BYTES_MAX);
    if (decider != NULL && decider->policy != NULL) {
        /* Policy names may hold any character; percent-encoding is the codec's. */
        struct policy_violation name = {.message = decider->policy->name};
        const struct policy_violation *list[1] = {&name};
        codec_write_violations_header(&value, list, 1);
        wire_write_header(out, STR("x-governance-policy"), buf_str(&value));
        buf_clear(&value);
    }
    if (is_block && !p->is_content_block) {
        write_violations_of_block(x, &value);
    } else if (decider != NULL) {
        codec_write_violations_header(&value, p->warnings, p->warnings_count);
    }
    if (value.len != 0) {
        wire_write_header(out, STR("x-governance-violations"), buf_str(&value));
    }
    buf_fini(&value);
}

static void write_violations_of_block(struct flow_exchange *x, struct buf *out)
{
    struct flow_private *p = x->p;
    const struct policy_violation *list[FLOW_WARNINGS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < p->verdict.violations_count && count < FLOW_WARNINGS_MAX; i++) {
        list[count++] = &p->verdict.violations[i];
    }
    codec_write_violations_header(out, list, count);
}

void flow_write_refusal(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct flow_refusal *r = &p->refusal;
    r->error.request_id = (struct str){p->request_id, sizeof(p->request_id)};
    buf_clear(&p->answer);
    if (r->body.len != 0) {
        buf_add(&p->answer, r->body);
    } else {
        llm_error_write(&p->answer, client_dialect(x), &r->error);
    }
    size_t from = x->out.len;
    wire_write_status_line(&x->out, r->error.status);
    flow_write_common_headers(x, &x->out);
    wire_write_header(&x->out, STR("content-type"), STR("application/json"));
    if (r->is_policy || (r->error.status < 500 && r->error.status != 429)) {
        wire_write_header(&x->out, STR("x-should-retry"), STR("false"));
    }
    if (r->error.status == 401) {
        wire_write_header(&x->out, STR("www-authenticate"), STR("Bearer"));
    }
    if (r->allow != NULL) {
        wire_write_header(&x->out, STR("allow"), str_from(r->allow));
    }
    if (r->retry_after_s != 0) {
        wire_write_line_u64(&x->out, STR("retry-after: "), r->retry_after_s);
    }
    wire_write_line_u64(&x->out, STR("content-length: "), p->answer.len);
    wire_write_end(&x->out);
    if (p->head == NULL || p->head->method != WIRE_HEAD_METHOD) {
        buf_add(&x->out, buf_str(&p->answer));
    }
    p->status_sent = r->error.status;
    p->is_head_sent = true;
    p->response_bytes += x->out.len - from;
}

/* GET /v1/models: the answer is in p->local_body. */
void flow_write_local(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    wire_write_status_line(&x->out, 200);
    flow_write_common_headers(x, &x->out);
    wire_write_header(&x->out, STR("content-type"), STR("application/json"));
    wire_write_line_u64(&x->out, STR("content-length: "), p->local_body.len);
    wire_write_end(&x->out);
    if (p->head->method != WIRE_HEAD_METHOD) {
        buf_add(&x->out, p->local_body);
        p->response_bytes += p->local_body.len;
    }
    p->status_sent = 200;
    p->is_head_sent = true;
}
