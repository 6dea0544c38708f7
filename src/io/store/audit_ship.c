/* SPDX-License-Identifier: Apache-2.0
 *
 * Spool records into the audit tables: one COPY per kind and batch into a staging
 * table, then one INSERT that skips what is stored already, because shipping is
 * at-least-once. A record the database refuses must not hold up the queue for ever:
 * then each record of the batch goes alone, and the refused one to the quarantine.
 *
 * Shipper thread, on a store of its own, role portcullis_audit.
 */
#include "store_private.h"

#define ROWS_BYTES_MAX (64u << 20)
#define ARENA_BYTES_MAX (64u << 20)
#define VIOLATIONS_BYTES_MAX (32u << 20) /* above what a record can hold */
#define SHIP_MS 10000

#define DECISION_COLUMNS                                                                           \
    "org_id, day, request_id, unix_ms, node, worker, team, environment, project, "                 \
    "user_name, user_id, key_id, method, path, endpoint, decision, policy, policy_id, "            \
    "rule, rule_key, reason, policy_version, model_requested, model, provider, "                   \
    "selected_policy_id, slot, epoch, org_seq, staleness_ms, is_degraded, is_stream, "             \
    "status, rules_applied, eval_us, request_bytes, body_sha256, violations, "                     \
    "violations_dropped, modifications, substituted_from, client_request_id, trace_id"
#define DECISION_TYPES                                                                             \
    "org_id text, day date, request_id text, unix_ms bigint, node text, worker "                   \
    "integer, team text, environment text, project text, user_name text, user_id "                 \
    "text, key_id text, method text, path text, endpoint text, decision text, policy "             \
    "text, policy_id text, rule text, rule_key text, reason text, policy_version "                 \
    "bigint, model_requested text, model text, provider text, selected_policy_id "                 \
    "text, slot integer, epoch bigint, org_seq bigint, staleness_ms bigint, "                      \
    "is_degraded boolean, is_stream boolean, status integer, rules_applied bigint, "               \
    "eval_us bigint, request_bytes bigint, body_sha256 bytea, violations text, "                   \
    "violations_dropped bigint, modifications bigint, substituted_from text, "                     \
    "client_request_id text, trace_id text"
#define OUTCOME_COLUMNS \
    "org_id, day, request_id, unix_ms, node, worker, outcome, status, "  \
    "upstream_status, provider, model, upstream_request_id, finish_reason, attempts, "  \
    "input_tokens, output_tokens, cached_tokens, has_usage, is_usage_estimated, "  \
    "cost_pico_usd, duration_ms, upstream_ms, first_byte_ms, response_bytes, "  \
    "response_decision, policy, policy_id, policy_version, rule, rule_key, reason, "  \
    "violations, violations_dropped, modifications, is_security_event"
#define OUTCOME_TYPES \
    "org_id text, day date, request_id text, unix_ms bigint, node text, worker "  \
    "integer, outcome text, status integer, upstream_status integer, provider text, "  \
    "model text, upstream_request_id text, finish_reason text, attempts bigint, "  \
    "input_tokens bigint, output_tokens bigint, cached_tokens bigint, has_usage "  \
    "boolean, is_usage_estimated boolean, cost_pico_usd bigint, duration_ms bigint, "  \
    "upstream_ms bigint, first_byte_ms bigint, response_bytes bigint, "  \
    "response_decision text, policy text, policy_id text, policy_version bigint, rule "  \
    "text, rule_key text, reason text, violations text, violations_dropped bigint, "  \
    "modifications bigint, is_security_event boolean"

/* Staged first: COPY does not work on a table with row-level security, and an
 * INSERT can skip what an earlier try has stored. */
static const char stage_begin[] =
    "BEGIN; CREATE TEMP TABLE IF NOT EXISTS stage_decisions (" DECISION_TYPES
    ") ON COMMIT DELETE ROWS; CREATE TEMP TABLE IF NOT EXISTS stage_outcomes (" OUTCOME_TYPES
    ") ON COMMIT DELETE ROWS";
static const char copy_decisions[] =
    "COPY pg_temp.stage_decisions (" DECISION_COLUMNS ") FROM STDIN";
static const char copy_outcomes[] = "COPY pg_temp.stage_outcomes (" OUTCOME_COLUMNS ") FROM STDIN";
static const char stage_end[] =
    "INSERT INTO portcullis.audit_decisions (" DECISION_COLUMNS ") SELECT " DECISION_COLUMNS
    " FROM pg_temp.stage_decisions ON CONFLICT DO NOTHING; "
    "INSERT INTO portcullis.audit_outcomes (" OUTCOME_COLUMNS ") SELECT " OUTCOME_COLUMNS
    " FROM pg_temp.stage_outcomes ON CONFLICT DO NOTHING; COMMIT";

static enum err ship_batch(struct store *s, const struct str *records, size_t count,
                           int64_t deadline_ms);
static enum err ship_one(struct store *s, struct str record, bool *ret_is_quarantined);
static enum err quarantine(struct store *s, struct str record, const char *why);
static bool add_record(struct arena *a, struct str record, struct buf *decisions,
                       struct buf *outcomes);
static void add_decision(struct buf *b, const struct audit_decision *d);
static void add_violations(struct buf *b, const struct audit_violation *list, size_t count);
static void write_violation(struct buf *json, const struct audit_violation *v);
static void add_response(struct buf *b, const struct audit_outcome *o);
static void add_outcome(struct buf *b, const struct audit_outcome *o);
static void text(struct buf *b, struct str s);
static void escaped(struct buf *b, struct str s);
static bool is_plain(struct str s);
static void number(struct buf *b, int64_t v);
static void flag(struct buf *b, bool v);
static void key(struct buf *b, struct str org, int64_t unix_ms, struct str request_id);
static void end_row(struct buf *b);

enum err store_audit_ship(struct store *s, const struct str *records, size_t count,
                          uint64_t *ret_written, uint64_t *ret_quarantined)
{
    *ret_written = *ret_quarantined = 0;
    enum err e = ship_batch(s, records, count, store_mono_ms() + SHIP_MS);
    if (e == ERR_OK) {
        *ret_written = count;
        return ERR_OK;
    }
    if (e == ERR_IO || e == ERR_TIMEOUT || e == ERR_MEMORY) {
        return e;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_quarantined = false;
        TRY(ship_one(s, records[i], &is_quarantined));
        *ret_quarantined += is_quarantined ? 1 : 0;
        *ret_written += is_quarantined ? 0 : 1;
    }
    return ERR_OK;
}

static enum err ship_batch(struct store *s, const struct str *records, size_t count,
                           int64_t deadline_ms)
{
    struct arena a;
    struct buf decisions, outcomes;
    arena_init(&a, ARENA_BYTES_MAX);
    buf_init(&decisions, ROWS_BYTES_MAX);
    buf_init(&outcomes, ROWS_BYTES_MAX);
    enum err e = ERR_OK;
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        e = add_record(&a, records[i], &decisions, &outcomes) ? ERR_OK : ERR_CORRUPT;
        arena_reset(&a);
    }
    if (e == ERR_OK && (decisions.err != ERR_OK || outcomes.err != ERR_OK)) {
        e = ERR_MEMORY;
    }
    if (e == ERR_OK) {
        e = store_simple_run(s, STORE_AUDIT, stage_begin, deadline_ms);
    }
    bool has_begun = e == ERR_OK;
    if (e == ERR_OK && decisions.len != 0) {
        e = store_copy_run(s, STORE_AUDIT, copy_decisions, buf_str(&decisions), deadline_ms);
    }
    if (e == ERR_OK && outcomes.len != 0) {
        e = store_copy_run(s, STORE_AUDIT, copy_outcomes, buf_str(&outcomes), deadline_ms);
    }
    if (has_begun && e == ERR_OK) {
        e = store_simple_run(s, STORE_AUDIT, stage_end, deadline_ms);
    }
    if (has_begun && e != ERR_OK && s->conns[STORE_AUDIT].pg != NULL &&
               store_simple_run(s, STORE_AUDIT, "ROLLBACK", deadline_ms) != ERR_OK) {
        e = ERR_IO;
    }
    buf_fini(&decisions);
    buf_fini(&outcomes);
    arena_fini(&a);
    return e;
}

static enum err ship_one(struct store *s, struct str record, bool *ret_is_quarantined)
{
    enum err e = ship_batch(s, &record, 1, store_mono_ms() + SHIP_MS);
    if (e == ERR_OK || e == ERR_IO || e == ERR_TIMEOUT || e == ERR_MEMORY) {
        return e;
    }
    *ret_is_quarantined = true;
    return quarantine(s, record, err_name(e));
}

static enum err quarantine(struct store *s, struct str record, const char *why)
{
    PGresult *r = NULL;
    struct store_query q = {
        "INSERT INTO portcullis.audit_quarantine (record, error) VALUES ($1, $2)",
        {{record, true}, STORE_P(str_from(why))},
        2};
    enum err e = store_query_run(s, STORE_AUDIT, &q, store_mono_ms() + SHIP_MS, &r);
    PQclear(r);
    return e;
}

enum err store_audit_close_orphans(struct store *s, struct str node, int64_t before_ms)
{
    PGresult *r = NULL;
    struct arena a;
    arena_init(&a, 65536);
    struct store_query q = {
        "SELECT portcullis.audit_orphans_close($1, $2::bigint)",
        {STORE_P(node), STORE_P(store_text_u64(&a, (uint64_t)before_ms))},
        2};
    enum err e = store_query_run(s, STORE_AUDIT, &q, store_mono_ms() + SHIP_MS, &r);
    PQclear(r);
    arena_fini(&a);
    return e;
}

/* ---- records as rows of COPY's text format -------------------------------------- */

static bool add_record(struct arena *a, struct str record, struct buf *decisions,
                       struct buf *outcomes)
{
    struct audit_record r;
    if (audit_record_read(a, record, &r) != ERR_OK) {
        return false;
    }
    if (r.kind == AUDIT_DECISION) {
        add_decision(decisions, &r.decision);
    } else {
        add_outcome(outcomes, &r.outcome);
    }
    return true;
}

static void add_decision(struct buf *b, const struct audit_decision *d)
{
    key(b, d->org, d->unix_ms, d->request_id);
    text(b, d->node);
    number(b, d->worker);
    const struct str texts[] = {d->team,   d->environment, d->project,  d->user,
                                d->user_id, d->key_id,      d->method,   d->path,
                                d->endpoint, d->decision,   d->policy,   d->policy_id,
                                d->rule,   d->rule_key,    d->reason};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        text(b, texts[i]);
    }
    number(b, d->policy_version);
    text(b, d->model_requested);
    text(b, d->model);
    text(b, d->provider);
    text(b, d->selected_policy_id);
    const int64_t numbers[] = {d->slot, (int64_t)d->epoch, (int64_t)d->org_seq,
                               (int64_t)d->staleness_ms};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        number(b, numbers[i]);
    }
    flag(b, d->is_degraded);
    flag(b, d->is_stream);
    number(b, d->status);
    number(b, d->rules_applied);
    number(b, d->eval_us);
    number(b, (int64_t)d->request_bytes);
    if (d->has_body_sha256) {
        char hex[64];
        hex_of(d->body_sha256.bytes, sizeof(d->body_sha256.bytes), hex);
        buf_add(b, STR("\\\\x"));
        buf_add(b, (struct str){hex, sizeof(hex)});
        buf_add_byte(b, '\t');
    } else {
        buf_add(b, STR("\\N\t"));
    }
    add_violations(b, d->violations, d->violations_count);
    number(b, (int64_t)d->violations_dropped);
    number(b, (int64_t)d->modifications);
    text(b, d->substituted_from);
    text(b, d->client_request_id);
    text(b, d->trace_id);
    end_row(b);
}

static void add_violations(struct buf *b, const struct audit_violation *list, size_t count)
{
    if (count == 0) {
        buf_add(b, STR("[]\t"));
        return;
    }
    struct buf json;
    buf_init(&json, VIOLATIONS_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        buf_add_byte(&json, i == 0 ? '[' : ',');
        write_violation(&json, &list[i]);
    }
    buf_add_byte(&json, ']');
    b->err = b->err == ERR_OK ? json.err : b->err; /* half a list is none */
    escaped(b, buf_str(&json));
    buf_add_byte(b, '\t');
    buf_fini(&json);
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

static void add_outcome(struct buf *b, const struct audit_outcome *o)
{
    key(b, o->org, o->unix_ms, o->request_id);
    text(b, o->node);
    number(b, o->worker);
    text(b, o->outcome);
    number(b, o->status);
    number(b, o->upstream_status);
    text(b, o->provider);
    text(b, o->model);
    text(b, o->upstream_request_id);
    text(b, o->finish_reason);
    number(b, o->attempts);
    number(b, (int64_t)o->input_tokens);
    number(b, (int64_t)o->output_tokens);
    number(b, (int64_t)o->cached_tokens);
    flag(b, o->has_usage);
    flag(b, o->is_usage_estimated);
    number(b, o->cost_pico_usd);
    number(b, o->duration_ms);
    number(b, o->upstream_ms);
    number(b, o->first_byte_ms);
    number(b, (int64_t)o->response_bytes);
    add_response(b, o);
    end_row(b);
}

/* S3-6: a block by a rule of that severity is a security event, at either stage. */
static void add_response(struct buf *b, const struct audit_outcome *o)
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
    text(b, o->response_decision);
    text(b, who.policy);
    text(b, who.policy_id);
    number(b, who.policy_version);
    text(b, who.rule);
    text(b, who.rule_key);
    text(b, who.message);
    add_violations(b, o->violations, o->violations_count);
    number(b, (int64_t)o->violations_dropped);
    number(b, (int64_t)o->modifications);
    flag(b, is_event);
}

/* org_id, the record's own day (UTC), request_id, unix_ms. */
static void key(struct buf *b, struct str org, int64_t unix_ms, struct str request_id)
{
    char time[32];
    escaped(b, org); /* '' and not null for a request without organisation */
    buf_add_byte(b, '\t');
    buf_add(b, str_sub(time_rfc3339(unix_ms / 1000, time), 0, 10));
    buf_add_byte(b, '\t');
    text(b, request_id);
    number(b, unix_ms);
}

static void text(struct buf *b, struct str s)
{
    if (s.len == 0) {
        buf_add(b, STR("\\N\t"));
        return;
    }
    if (!is_plain(s)) {
        escaped(b, s);
        buf_add_byte(b, '\t');
        return;
    }
    char *to = buf_reserve(b, s.len + 1);
    if (to != NULL) {
        memcpy(to, s.ptr, s.len);
        to[s.len] = '\t';
        buf_commit(b, s.len + 1);
    }
}

/* COPY's escapes; NUL and broken UTF-8, which no text column takes, become '?'. */
static void escaped(struct buf *b, struct str s)
{
    if (is_plain(s)) {
        buf_add(b, s);
        return;
    }
    char *start = buf_reserve(b, 2 * s.len), *at = start;
    if (start == NULL) {
        return;
    }
    bool is_utf8 = str_is_utf8(s);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        char letter = c == '\\'   ? '\\'
                      : c == '\t' ? 't'
                      : c == '\n' ? 'n'
                      : c == '\r' ? 'r'
                                  : '\0';
        if (letter != '\0') {
            *at++ = '\\';
            *at++ = letter;
        } else {
            *at++ = c == 0 || (c >= 0x80 && !is_utf8) ? '?' : (char)c;
        }
    }
    buf_commit(b, (size_t)(at - start));
}

/* ASCII without controls and backslashes: nearly all texts. */
static bool is_plain(struct str s)
{
    unsigned odd = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        odd |= (unsigned)(c < 0x20) | (unsigned)(c >= 0x80) | (unsigned)(c == '\\');
    }
    return odd == 0;
}

static void number(struct buf *b, int64_t v)
{
    char digits[24];
    size_t first = sizeof(digits) - 1;
    uint64_t left = v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v;
    char *to = buf_reserve(b, sizeof(digits));
    if (to == NULL) {
        return;
    }
    if (v >= 0 && v < 10) { /* most columns of most rows */
        to[0] = (char)('0' + v);
        to[1] = '\t';
        buf_commit(b, 2);
        return;
    }
    digits[first] = '\t';
    do {
        digits[--first] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (v < 0) {
        digits[--first] = '-';
    }
    memcpy(to, digits + first, sizeof(digits) - first);
    buf_commit(b, sizeof(digits) - first);
}

static void flag(struct buf *b, bool v)
{
    buf_add(b, v ? STR("t\t") : STR("f\t"));
}

/* Every column brought its tab; the last one becomes the end of the row. */
static void end_row(struct buf *b)
{
    if (b->err == ERR_OK) {
        b->ptr[b->len - 1] = '\n';
    }
}
