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

#define ARENA_BYTES_MAX (64u << 20)
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

/* Staged first: COPY does not work on a table with row-level security, and an INSERT can skip
 * what an earlier try has stored. In one go: each answer that is waited for lets the worker
 * and us push each other's memory out of the processor's cache once more. */
static const char ship[] =
    "BEGIN; CREATE TEMP TABLE IF NOT EXISTS stage_decisions (" DECISION_TYPES
    ") ON COMMIT DELETE ROWS; CREATE TEMP TABLE IF NOT EXISTS stage_outcomes (" OUTCOME_TYPES
    ") ON COMMIT DELETE ROWS; "
    "COPY pg_temp.stage_decisions FROM STDIN (FORMAT binary); "
    "COPY pg_temp.stage_outcomes FROM STDIN (FORMAT binary); "
    "INSERT INTO portcullis.audit_decisions (" DECISION_COLUMNS
    ") SELECT * FROM pg_temp.stage_decisions ON CONFLICT DO NOTHING; "
    "INSERT INTO portcullis.audit_outcomes (" OUTCOME_COLUMNS
    ") SELECT * FROM pg_temp.stage_outcomes ON CONFLICT DO NOTHING; COMMIT";

/* The records of one kind among those of a batch. */
struct rows {
    struct store_source source; /* first: next_rows is given it */
    struct arena *arena;
    const struct str *records;
    size_t count, at;
    enum audit_kind kind;
    bool is_begun, is_ended;
};

static enum err ship_batch(struct store *s, const struct str *records, size_t count,
                           int64_t deadline_ms);
static enum err next_rows(struct store_source *source, struct buf *part);
static enum err ship_one(struct store *s, struct str record, bool *ret_is_quarantined);
static enum err quarantine(struct store *s, struct str record, const char *why);

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
    arena_init(&a, ARENA_BYTES_MAX);
    struct rows decisions = {{next_rows}, &a, records, count, .kind = AUDIT_DECISION};
    struct rows outcomes = {{next_rows}, &a, records, count, .kind = AUDIT_OUTCOME};
    struct store_source *const sources[] = {&decisions.source, &outcomes.source};
    enum err e = store_copy_run(s, STORE_AUDIT, ship, sources, 2, deadline_ms);
    arena_fini(&a);
    if (e != ERR_OK && s->conns[STORE_AUDIT].pg != NULL &&
        store_simple_run(s, STORE_AUDIT, "ROLLBACK", deadline_ms) != ERR_OK) {
        e = ERR_IO;
    }
    return e;
}

/* What is of no kind is met, and refused, among the decisions. */
static enum err next_rows(struct store_source *source, struct buf *part)
{
    struct rows *r = (struct rows *)(void *)source;
    if (!r->is_begun) {
        r->is_begun = true;
        audit_rows_begin(part);
    }
    while (r->at < r->count && part->len < STORE_PART_BYTES) {
        struct str record = r->records[r->at++];
        bool is_outcome = audit_record_kind(record) == AUDIT_OUTCOME;
        if (is_outcome == (r->kind == AUDIT_OUTCOME)) {
            TRY(audit_rows_add(r->arena, record, part));
            arena_reset(r->arena);
        }
    }
    if (r->at == r->count && !r->is_ended) {
        r->is_ended = true;
        audit_rows_end(part);
    }
    return part->err == ERR_OK ? ERR_OK : ERR_MEMORY;
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
