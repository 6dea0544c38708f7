/* SPDX-License-Identifier: Apache-2.0
 *
 * The log line of a request, for who watches a gateway run; the record is the audit row. One
 * JSON object per request, appended to the worker's buffer at its end, however it ended: also
 * for what leaves no record (no key, not HTTP) and for management. Ids, words of our own and
 * figures only: no prompt, key, match, query, nor a path that nobody knows.
 */
#include "flow_private.h"

static bool is_wanted(const struct flow_exchange *x);
static const char *level_of(const struct flow_private *p);
static void write_who(struct flow_exchange *x, struct buf *b);
static void write_what(struct flow_exchange *x, struct buf *b);
static void write_decision(struct flow_exchange *x, struct buf *b);
static void write_figures(struct flow_exchange *x, struct buf *b);
static void member(struct buf *b, const char *name, struct str value);
static void figure(struct buf *b, const char *name, uint64_t value);

void flow_log(struct flow_exchange *x)
{
    struct buf *b = x->p->env->log;
    char time[32];
    if (b == NULL || !is_wanted(x)) {
        return;
    }
    size_t from = b->len;
    buf_add(b, STR("{\"ts\":\""));
    buf_add(b, time_rfc3339_ms(x->p->now.unix_ms, time));
    buf_printf(b, "\",\"level\":\"%s\",\"event\":\"request\",\"msg\":\"%s\"", level_of(x->p),
               x->p->outcome);
    write_who(x, b);
    write_what(x, b);
    write_decision(x, b);
    write_figures(x, b);
    buf_add(b, STR("}\n"));
    if (b->err != ERR_OK) { /* no room: this line is left out, whole */
        b->len = from;
        b->err = ERR_OK;
    }
}

static bool is_wanted(const struct flow_exchange *x)
{
    const struct flow_private *p = x->p;
    return !p->env->logs_errors_only || p->status_sent == 0 || p->status_sent >= 400 ||
           strcmp(p->outcome, "completed") != 0;
}

static const char *level_of(const struct flow_private *p)
{
    bool is_whole = strcmp(p->outcome, "completed") == 0 || strcmp(p->outcome, "refused") == 0;
    return p->status_sent >= 500 ? "error" : p->status_sent >= 400 || !is_whole ? "warn" : "info";
}

static void write_who(struct flow_exchange *x, struct buf *b)
{
    struct flow_private *p = x->p;
    member(b, "node", p->env->node);
    member(b, "request_id", (struct str){p->request_id, sizeof(p->request_id)});
    member(b, "client_request_id", p->client_request_id);
    member(b, "trace_id", p->trace_id);
    if (x->principal != NULL) {
        member(b, "org", policy_org_id(policy_principal_org(x->principal)));
        member(b, "key_id", policy_principal_key(x->principal)->id);
    }
}

static void write_what(struct flow_exchange *x, struct buf *b)
{
    struct flow_private *p = x->p;
    if (p->head == NULL) {
        return;
    }
    member(b, "method", str_from(wire_method_name(p->head->method)));
    if (p->kind == FLOW_KIND_CALL) {
        member(b, "endpoint", str_from(llm_endpoint_name(p->endpoint)));
        buf_printf(b, ",\"stream\":%s", p->is_parsed && p->request.is_stream ? "true" : "false");
    } else if (p->kind == FLOW_KIND_MODELS) {
        member(b, "endpoint", STR("models"));
    } else if (p->status_sent != 404 && p->status_sent != 401) {
        member(b, "path", str_sub(p->path, 0, 256));
    }
}

static void write_decision(struct flow_exchange *x, struct buf *b)
{
    struct flow_private *p = x->p;
    const struct policy_violation *v = p->is_decided ? flow_decider(x) : NULL;
    const char *decision = p->decision != NULL ? p->decision
                           : p->is_refused     ? p->refusal.decision
                                               : "";
    member(b, "decision", str_from(decision));
    if (v != NULL && v->policy != NULL) {
        member(b, "policy", v->policy->name);
    }
    if (v != NULL && v->rule != NULL) {
        member(b, "rule", str_from(policy_rule_type_name(v->rule->type)));
    }
    if (p->is_refused && p->called_us == 0 && p->refusal.error.code != NULL) {
        member(b, "code", str_from(p->refusal.error.code)); /* ours; a provider's may say more */
    }
    if (p->choice.model != NULL) {
        member(b, "provider", p->choice.provider->slug);
        member(b, "model", p->choice.model->id);
    }
}

static void write_figures(struct flow_exchange *x, struct buf *b)
{
    struct flow_private *p = x->p;
    figure(b, "status", p->status_sent);
    figure(b, "duration_ms", (p->now.mono_us - p->start.now.mono_us) / 1000);
    if (p->kind == FLOW_KIND_CALL) {
        figure(b, "eval_us", p->eval_us);
    }
    if (p->called_us != 0) {
        figure(b, "upstream_status", p->upstream_status);
        figure(b, "upstream_ms", (p->now.mono_us - p->called_us) / 1000);
    }
    figure(b, "bytes_in", p->request_bytes);
    figure(b, "bytes_out", p->response_bytes);
}

static void member(struct buf *b, const char *name, struct str value)
{
    if (value.len != 0) {
        buf_printf(b, ",\"%s\":", name);
        json_write_str(b, value);
    }
}

static void figure(struct buf *b, const char *name, uint64_t value)
{
    buf_printf(b, ",\"%s\":", name);
    buf_add_u64(b, value);
}
