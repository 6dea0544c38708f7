/* SPDX-License-Identifier: Apache-2.0
 *
 * A record as the JSON that GET /v1/audit answers: the documented members first
 * (S4-38, S4-39: `rule` is the rule type, `policy` the policy name), then the
 * context an auditor needs. Absent texts are omitted, never null, except the
 * documented eight. Pure.
 */
#include "portcullis/audit.h"

#include <stdio.h>

static void write_documented(struct buf *out, const struct audit_decision *d);
static void write_context(struct buf *out, const struct audit_decision *d);
static void write_violations(struct buf *out, const struct audit_violation *list, size_t count);
static void write_place(struct buf *out, const struct audit_violation *v);
static void write_outcome(struct buf *out, const struct audit_outcome *o);
static void member_str(struct buf *out, const char *name, struct str value);
static void member_id(struct buf *out, const char *name, struct str core);
static void member_u64(struct buf *out, const char *name, uint64_t value);
static void member_dropped(struct buf *out, uint64_t count);

void audit_decision_write_json(struct buf *out, const struct audit_decision *d,
                               const struct audit_outcome *outcome)
{
    write_documented(out, d);
    write_context(out, d);
    member_dropped(out, d->violations_dropped);
    buf_add(out, STR(",\"violations\":"));
    write_violations(out, d->violations, d->violations_count);
    if (outcome != NULL) {
        write_outcome(out, outcome);
    }
    buf_add_byte(out, '}');
}

static void write_documented(struct buf *out, const struct audit_decision *d)
{
    const struct {
        const char *name;
        struct str value;
    } members[] = {{"decision", d->decision}, {"policy", d->policy},
                   {"rule", d->rule},         {"reason", d->reason},
                   {"user", d->user},         {"environment", d->environment}};
    buf_add_byte(out, '{');
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        buf_printf(out, "\"%s\":", members[i].name);
        if (members[i].value.len == 0) {
            buf_add(out, STR("null"));
        } else {
            json_write_str(out, members[i].value);
        }
        buf_add_byte(out, ',');
    }
    char time[32];
    buf_add(out, STR("\"timestamp\":"));
    json_write_str(out, time_rfc3339_ms(d->unix_ms, time));
    buf_add(out, STR(",\"request_id\":"));
    json_write_str(out, d->request_id);
}

static void write_context(struct buf *out, const struct audit_decision *d)
{
    member_str(out, "client_request_id", d->client_request_id);
    member_str(out, "trace_id", d->trace_id);
    member_id(out, "policy_id", d->policy_id);
    if (d->policy_version != 0) {
        member_u64(out, "policy_version", d->policy_version);
    }
    member_str(out, "rule_key", d->rule_key);
    member_str(out, "org", d->org);
    member_str(out, "team", d->team);
    member_str(out, "project", d->project);
    member_str(out, "user_id", d->user_id);
    member_str(out, "key_id", d->key_id);
    member_str(out, "method", d->method);
    member_str(out, "path", d->path);
    member_str(out, "endpoint", d->endpoint);
    member_str(out, "model_requested", d->model_requested);
    member_str(out, "model", d->model);
    member_str(out, "substituted_from", d->substituted_from);
    member_str(out, "provider", d->provider);
    member_id(out, "selected_policy_id", d->selected_policy_id);
    if (d->slot != 0) {
        buf_printf(out, ",\"slot\":%d", (int)d->slot);
    }
    member_u64(out, "epoch", d->epoch);
    member_u64(out, "org_seq", d->org_seq);
    member_u64(out, "staleness_ms", d->staleness_ms);
    buf_printf(out, ",\"degraded\":%s,\"stream\":%s", d->is_degraded ? "true" : "false",
               d->is_stream ? "true" : "false");
    member_u64(out, "status", d->status);
    member_u64(out, "rules_applied", d->rules_applied);
    member_u64(out, "eval_us", d->eval_us);
    member_u64(out, "request_bytes", d->request_bytes);
    if (d->has_body_sha256) {
        char hex[64];
        hex_of(d->body_sha256.bytes, sizeof(d->body_sha256.bytes), hex);
        member_str(out, "body_sha256", (struct str){hex, sizeof(hex)});
    }
    member_str(out, "node", d->node);
    member_u64(out, "modifications", d->modifications);
}

static void write_violations(struct buf *out, const struct audit_violation *list, size_t count)
{
    buf_add_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        const struct audit_violation *v = &list[i];
        buf_add(out, i == 0 ? STR("{\"policy\":") : STR(",{\"policy\":"));
        json_write_str(out, v->policy);
        member_id(out, "policy_id", v->policy_id);
        member_u64(out, "policy_version", v->policy_version);
        member_str(out, "rule", v->rule);
        member_str(out, "rule_key", v->rule_key);
        member_str(out, "effect", v->effect);
        member_str(out, "severity", v->severity);
        member_str(out, "provider", v->provider);
        member_str(out, "message", v->message);
        if (v->stage.len != 0) {
            write_place(out, v);
        }
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
}

/* Where a content rule found something, never what it was. */
static void write_place(struct buf *out, const struct audit_violation *v)
{
    member_str(out, "stage", v->stage);
    member_str(out, "what", v->what);
    member_str(out, "pointer", v->pointer);
    member_u64(out, "start", v->start);
    member_u64(out, "end", v->end);
    member_u64(out, "count", v->count);
}

static void write_outcome(struct buf *out, const struct audit_outcome *o)
{
    char time[32];
    buf_add(out, STR(",\"outcome\":{\"result\":"));
    json_write_str(out, o->outcome);
    member_str(out, "timestamp", time_rfc3339_ms(o->unix_ms, time));
    member_u64(out, "status", o->status);
    if (o->upstream_status != 0) {
        member_u64(out, "upstream_status", o->upstream_status);
    }
    member_str(out, "provider", o->provider);
    member_str(out, "model", o->model);
    member_str(out, "upstream_request_id", o->upstream_request_id);
    member_str(out, "finish_reason", o->finish_reason);
    member_u64(out, "attempts", o->attempts);
    if (o->has_usage) {
        member_u64(out, "input_tokens", o->input_tokens);
        member_u64(out, "output_tokens", o->output_tokens);
        member_u64(out, "cached_tokens", o->cached_tokens);
        buf_printf(out, ",\"usage_estimated\":%s", o->is_usage_estimated ? "true" : "false");
    }
    if (o->cost_pico_usd >= 0) {
        buf_printf(out, ",\"cost_usd\":%lld.%012lld", (long long)(o->cost_pico_usd / 1000000000000),
                   (long long)(o->cost_pico_usd % 1000000000000));
    }
    member_u64(out, "duration_ms", o->duration_ms);
    member_u64(out, "upstream_ms", o->upstream_ms);
    member_u64(out, "first_byte_ms", o->first_byte_ms);
    member_u64(out, "response_bytes", o->response_bytes);
    if (o->response_decision.len != 0) {
        member_str(out, "response_decision", o->response_decision);
        member_u64(out, "modifications", o->modifications);
        member_dropped(out, o->violations_dropped);
        buf_add(out, STR(",\"violations\":"));
        write_violations(out, o->violations, o->violations_count);
    }
    buf_add_byte(out, '}');
}

static void member_str(struct buf *out, const char *name, struct str value)
{
    if (value.len == 0) {
        return;
    }
    buf_printf(out, ",\"%s\":", name);
    json_write_str(out, value);
}

/* Records hold the bare id; the API shows it as everywhere else (C-17). */
static void member_id(struct buf *out, const char *name, struct str core)
{
    char id[80];
    if (core.len != 0) {
        int len = snprintf(id, sizeof(id), "pol_%.*s", STR_ARG(str_sub(core, 0, 64)));
        buf_printf(out, ",\"%s\":", name);
        json_write_str(out, (struct str){id, (size_t)len}); /* the spool may be damaged */
    }
}

static void member_u64(struct buf *out, const char *name, uint64_t value)
{
    buf_printf(out, ",\"%s\":", name);
    buf_add_u64(out, value);
}

static void member_dropped(struct buf *out, uint64_t count)
{
    if (count != 0) {
        member_u64(out, "violations_dropped", count);
    }
}
