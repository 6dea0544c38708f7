/* SPDX-License-Identifier: Apache-2.0
 *
 * Records as rows of COPY's binary format: what the database takes with the least work on
 * both sides. The order and types of the columns are those of the staging tables in
 * audit_ship.c; a difference is refused by the database, so every batch would fail.
 *
 * A row's room is reserved at once: no text in it is longer than in its record. NUL and
 * broken UTF-8, which no text column takes, become '?'. Pure; one thread for each buffer.
 */
#include "store_private.h"

#define VIOLATIONS_BYTES_MAX (32u << 20) /* above what a record can hold */
#define DECISION_FIELDS 43
#define OUTCOME_FIELDS 35
#define FIELD_BYTES 12 /* a length and the longest number */
#define DAY_MS INT64_C(86400000)
#define DAYS_TO_2000 10957 /* where PostgreSQL's dates begin, from 1970 */

/* "PGCOPY", a signature that breaks when it is taken for text, no flags, no extension. */
static const char file_head[] = "PGCOPY\n\377\r\n\0" "\0\0\0\0" "\0\0\0\0";

static char *put_decision(char *to, const struct audit_decision *d, struct str violations);
static char *put_outcome(char *to, const struct audit_outcome *o, struct str violations);
static char *put_response(char *to, const struct audit_outcome *o, struct str violations);
static struct str violations_of(struct buf *json, const struct audit_violation *list,
                                size_t count);
static void write_violation(struct buf *json, const struct audit_violation *v);
static char *row_begin(struct buf *b, unsigned fields, size_t texts_bytes);
static void row_end(struct buf *b, const char *to);
static char *key(char *to, struct str org, int64_t unix_ms, struct str request_id);
static char *length(char *to, uint32_t v);
static char *bytes(char *to, struct str s);
static char *text(char *to, struct str s);
static bool copy_plain(char *to, struct str s);
static inline uint64_t copy_eight(char *to, const char *from);
static void clean(char *at, struct str s);
static char *int4(char *to, int64_t v);
static char *int8(char *to, int64_t v);
static char *flag(char *to, bool v);
static char *none(char *to);

void audit_rows_begin(struct buf *rows)
{
    buf_add(rows, (struct str){file_head, sizeof(file_head) - 1});
}

enum err audit_rows_add(struct arena *a, struct str record, struct buf *rows)
{
    struct audit_record r;
    TRY(audit_record_read(a, record, &r));
    bool is_decision = r.kind == AUDIT_DECISION;
    struct buf json;
    struct str violations =
        is_decision ? violations_of(&json, r.decision.violations, r.decision.violations_count)
                    : violations_of(&json, r.outcome.violations, r.outcome.violations_count);
    rows->err = rows->err == ERR_OK ? json.err : rows->err; /* half a list is none */
    char *to = row_begin(rows, is_decision ? DECISION_FIELDS : OUTCOME_FIELDS,
                         record.len + violations.len);
    if (to != NULL) {
        row_end(rows, is_decision ? put_decision(to, &r.decision, violations)
                                  : put_outcome(to, &r.outcome, violations));
    }
    buf_fini(&json);
    return ERR_OK;
}

void audit_rows_end(struct buf *rows)
{
    buf_add(rows, STR("\377\377"));
}

static char *put_decision(char *to, const struct audit_decision *d, struct str violations)
{
    const struct str names[] = {d->team,    d->environment, d->project, d->user,
                                d->user_id, d->key_id,      d->method,  d->path,
                                d->endpoint, d->decision,   d->policy,  d->policy_id,
                                d->rule,    d->rule_key,    d->reason};
    to = key(to, d->org, d->unix_ms, d->request_id);
    to = text(to, d->node);
    to = int4(to, d->worker);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        to = text(to, names[i]);
    }
    to = int8(to, d->policy_version);
    to = text(to, d->model_requested);
    to = text(to, d->model);
    to = text(to, d->provider);
    to = text(to, d->selected_policy_id);
    to = int4(to, d->slot);
    to = int8(to, (int64_t)d->epoch);
    to = int8(to, (int64_t)d->org_seq);
    to = int8(to, (int64_t)d->staleness_ms);
    to = flag(to, d->is_degraded);
    to = flag(to, d->is_stream);
    to = int4(to, d->status);
    to = int8(to, d->rules_applied);
    to = int8(to, d->eval_us);
    to = int8(to, (int64_t)d->request_bytes);
    to = d->has_body_sha256 ? bytes(to, (struct str){(const char *)d->body_sha256.bytes,
                                                     sizeof(d->body_sha256.bytes)})
                            : none(to);
    to = text(to, violations);
    to = int8(to, (int64_t)d->violations_dropped);
    to = int8(to, (int64_t)d->modifications);
    to = text(to, d->substituted_from);
    to = text(to, d->client_request_id);
    return text(to, d->trace_id);
}

static char *put_outcome(char *to, const struct audit_outcome *o, struct str violations)
{
    to = key(to, o->org, o->unix_ms, o->request_id);
    to = text(to, o->node);
    to = int4(to, o->worker);
    to = text(to, o->outcome);
    to = int4(to, o->status);
    to = int4(to, o->upstream_status);
    to = text(to, o->provider);
    to = text(to, o->model);
    to = text(to, o->upstream_request_id);
    to = text(to, o->finish_reason);
    to = int8(to, o->attempts);
    to = int8(to, (int64_t)o->input_tokens);
    to = int8(to, (int64_t)o->output_tokens);
    to = int8(to, (int64_t)o->cached_tokens);
    to = flag(to, o->has_usage);
    to = flag(to, o->is_usage_estimated);
    to = int8(to, o->cost_pico_usd);
    to = int8(to, o->duration_ms);
    to = int8(to, o->upstream_ms);
    to = int8(to, o->first_byte_ms);
    to = int8(to, (int64_t)o->response_bytes);
    return put_response(to, o, violations);
}

/* S3-6: a block by a rule of that severity is a security event, at either stage. */
static char *put_response(char *to, const struct audit_outcome *o, struct str violations)
{
    struct audit_violation who = {0};
    bool is_block = str_eq(o->response_decision, STR("block"));
    bool is_event = false;
    for (size_t i = 0; is_block && i < o->violations_count; i++) {
        const struct audit_violation *v = &o->violations[i];
        if (who.effect.len == 0 && str_eq(v->effect, STR("block"))) {
            who = *v;
        }
        is_event = is_event || str_eq(v->severity, STR("security_event"));
    }
    to = text(to, o->response_decision);
    to = text(to, who.policy);
    to = text(to, who.policy_id);
    to = int8(to, who.policy_version);
    to = text(to, who.rule);
    to = text(to, who.rule_key);
    to = text(to, who.message);
    to = text(to, violations);
    to = int8(to, (int64_t)o->violations_dropped);
    to = int8(to, (int64_t)o->modifications);
    return flag(to, is_event);
}

static struct str violations_of(struct buf *json, const struct audit_violation *list,
                                size_t count)
{
    buf_init(json, VIOLATIONS_BYTES_MAX);
    if (count == 0) {
        return STR("[]");
    }
    for (size_t i = 0; i < count; i++) {
        buf_add_byte(json, i == 0 ? '[' : ',');
        write_violation(json, &list[i]);
    }
    buf_add_byte(json, ']');
    return buf_str(json);
}

static void write_violation(struct buf *json, const struct audit_violation *v)
{
    const struct {
        const char *name;
        struct str value;
    } members[] = {{"policy", v->policy},     {"policy_id", v->policy_id},
                   {"rule", v->rule},         {"rule_key", v->rule_key},
                   {"effect", v->effect},     {"severity", v->severity},
                   {"provider", v->provider}, {"message", v->message},
                   {"stage", v->stage},       {"what", v->what},
                   {"pointer", v->pointer}};
    buf_printf(json, "{\"policy_version\":%u", (unsigned)v->policy_version);
    for (size_t k = 0; k < sizeof(members) / sizeof(members[0]); k++) {
        if (members[k].value.len != 0) {
            buf_printf(json, ",\"%s\":", members[k].name);
            json_write_str(json, members[k].value);
        }
    }
    if (v->stage.len != 0) {
        buf_printf(json, ",\"start\":%llu,\"end\":%llu,\"count\":%llu",
                   (unsigned long long)v->start, (unsigned long long)v->end,
                   (unsigned long long)v->count);
    }
    buf_add_byte(json, '}');
}

/* ---- fields ------------------------------------------------------------------------------ */

/* NULL: no room. */
static char *row_begin(struct buf *b, unsigned fields, size_t texts_bytes)
{
    char *to = buf_reserve(b, 2 + (size_t)fields * FIELD_BYTES + texts_bytes);
    if (to != NULL) {
        *to++ = 0;
        *to++ = (char)fields;
    }
    return to;
}

static void row_end(struct buf *b, const char *to)
{
    buf_commit(b, (size_t)(to - (b->ptr + b->len)));
}

/* org_id, the record's own day (UTC), request_id, unix_ms. */
static char *key(char *to, struct str org, int64_t unix_ms, struct str request_id)
{
    int64_t day = unix_ms / DAY_MS - (unix_ms % DAY_MS < 0 ? 1 : 0) - DAYS_TO_2000;
    /* The ends stand for infinity; one less is a date the database refuses. */
    day = day <= INT32_MIN ? INT32_MIN + 1 : day >= INT32_MAX ? INT32_MAX - 1 : day;
    to = org.len == 0 ? bytes(to, org) : text(to, org); /* '' and not null without one */
    to = int4(to, day);
    to = text(to, request_id);
    return int8(to, unix_ms);
}

static char *length(char *to, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) {
        to[i] = (char)(v >> (24 - 8 * i));
    }
    return to + 4;
}

static char *bytes(char *to, struct str s)
{
    to = length(to, (uint32_t)s.len);
    if (s.len > 0) {
        memcpy(to, s.ptr, s.len);
    }
    return to + s.len;
}

static char *text(char *to, struct str s)
{
    if (s.len == 0) {
        return none(to);
    }
    to = length(to, (uint32_t)s.len);
    if (!copy_plain(to, s)) {
        clean(to, s);
    }
    return to + s.len;
}

/* Copies; true: ASCII without NUL, which nearly all are. */
static bool copy_plain(char *to, struct str s)
{
    uint64_t seen = 0;
    if (s.len < sizeof(uint64_t)) {
        for (size_t i = 0; i < s.len; i++) {
            uint8_t byte = (uint8_t)s.ptr[i];
            to[i] = (char)byte;
            seen |= (uint8_t)(byte - 1) | byte;
        }
        return (seen & 0x80) == 0;
    }
    size_t last = s.len - sizeof(uint64_t); /* these eight overlap those before */
    for (size_t i = 0; i < last; i += sizeof(uint64_t)) {
        seen |= copy_eight(to + i, s.ptr + i);
    }
    seen |= copy_eight(to + last, s.ptr + last);
    return (seen & UINT64_C(0x8080808080808080)) == 0;
}

/* The high bit of x - 1 or x is set in no ASCII byte but NUL; a borrow only goes on behind a
 * NUL. */
static inline uint64_t copy_eight(char *to, const char *from)
{
    uint64_t eight;
    memcpy(&eight, from, sizeof(eight));
    memcpy(to, &eight, sizeof(eight));
    return (eight - UINT64_C(0x0101010101010101)) | eight;
}

static void clean(char *at, struct str s)
{
    bool is_utf8 = str_is_utf8(s);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        at[i] = c == 0 || (c >= 0x80 && !is_utf8) ? '?' : (char)c;
    }
}

static char *int4(char *to, int64_t v)
{
    return length(length(to, 4), (uint32_t)v);
}

static char *int8(char *to, int64_t v)
{
    to = length(length(to, 8), (uint32_t)((uint64_t)v >> 32));
    return length(to, (uint32_t)(uint64_t)v);
}

static char *flag(char *to, bool v)
{
    to = length(to, 1);
    *to = v ? 1 : 0;
    return to + 1;
}

static char *none(char *to)
{
    return length(to, UINT32_MAX);
}
