/* SPDX-License-Identifier: Apache-2.0
 *
 * audit: the record of one exchange. Two records per request: the decision,
 * before the first upstream byte (or before the refusal), and the outcome, when
 * all is over. Builds them, serialises them for the spool, reads them back.
 *
 * Pure. A record never holds prompt text, answers, keys, tokens or matches: only
 * ids, names, counts, hashes and sentences made by policy. Views must live until
 * the write; read views live in the arena.
 *
 * GLOSSARY  kind: decision or outcome; (request_id, kind) is the idempotency key.
 * chain: each record of a lane carries the hash of the one before.
 */
#ifndef PORTCULLIS_AUDIT_H
#define PORTCULLIS_AUDIT_H

#include "portcullis/base.h"

enum audit_kind { AUDIT_DECISION = 1, AUDIT_OUTCOME = 2 };

#define AUDIT_VIOLATIONS_MAX 64 /* in one record */
struct audit_violation {
    struct str policy_id, policy, rule_key, rule, effect, severity, provider, message;
    uint32_t policy_version;
    /* Of a content rule; stage is none for the others. Never a value, only where. */
    struct str stage;   /* request, response */
    struct str what;    /* "email", the rule's own pattern, "weapons", "image" */
    struct str pointer; /* JSON pointer of the first place; none inside a stream */
    uint64_t start, end; /* of the first place, bytes of the decoded text */
    uint64_t count;      /* places */
};

/* S4-38 and product.md 1.3. Absent texts are none and come back as none. */
struct audit_decision {
    struct str request_id; /* "req_" + ULID */
    int64_t unix_ms;
    struct str node;
    uint32_t worker;
    struct str org, team, environment, project, user, user_id, key_id;
    struct str method, path, endpoint;
    struct str decision; /* allow warn modify throttle escalate block error */
    struct str policy, policy_id, rule, rule_key, reason;
    uint32_t policy_version;
    struct str model_requested, model, provider;
    struct str selected_policy_id; /* slot or default */
    int32_t slot;                  /* 0 = none */
    uint64_t epoch;                /* snapshot that decided */
    uint64_t org_seq;
    uint64_t staleness_ms;         /* age of the snapshot's last proof of freshness */
    bool is_degraded;              /* served from a last-known-good snapshot */
    bool is_stream;
    uint32_t status;               /* of a refusal; 0 when it went on */
    uint32_t rules_applied;
    uint32_t eval_us;
    uint64_t request_bytes;
    struct sha256 body_sha256;
    bool has_body_sha256;
    const struct audit_violation *violations; /* stages select and request */
    size_t violations_count;
    uint64_t violations_dropped; /* beyond what a record holds */
    uint64_t modifications;      /* places of the request that were replaced */
    struct str substituted_from; /* the model asked for, where `model` stands in its place */
    struct str client_request_id, trace_id; /* what the caller calls it; see flow/trace.c */
};

struct audit_outcome {
    struct str request_id;
    int64_t unix_ms;
    struct str node;
    uint32_t worker;
    struct str org;
    /* completed refused upstream_error truncated client_gone timeout internal_error unknown */
    struct str outcome;
    uint32_t status;          /* sent to the client; 0 = nothing was */
    uint32_t upstream_status; /* 0 = none */
    struct str provider, model, upstream_request_id, finish_reason;
    uint32_t attempts;
    uint64_t input_tokens, output_tokens, cached_tokens;
    bool has_usage, is_usage_estimated;
    int64_t cost_pico_usd; /* -1 = unknown */
    uint32_t duration_ms, upstream_ms, first_byte_ms;
    uint64_t response_bytes;
    /* allow warn modify block: what content rules did to the answer; none = not read */
    struct str response_decision;
    const struct audit_violation *violations; /* stage response */
    size_t violations_count;
    uint64_t violations_dropped, modifications;
};

struct audit_record {
    enum audit_kind kind;
    union {
        struct audit_decision decision;
        struct audit_outcome outcome;
    };
};

/* Append one record in the spool's payload format (versioned, binary; an ordinary request's
 * decision takes about 200 bytes, its outcome 150). */
void audit_decision_write(struct buf *out, const struct audit_decision *d);
void audit_outcome_write(struct buf *out, const struct audit_outcome *o);
/* The kind a record says it is, without reading the rest; 0 = it is none. */
enum audit_kind audit_record_kind(struct str bytes);
/* ERR_CORRUPT on anything not written by the above. */
MUST_USE enum err audit_record_read(struct arena *a, struct str bytes, struct audit_record *ret);
/* One JSON object as GET /v1/audit shows it: the S4-38 members first, then the rest. */
void audit_decision_write_json(struct buf *out, const struct audit_decision *d,
                               const struct audit_outcome *outcome /* NULL = none yet */);

#endif
