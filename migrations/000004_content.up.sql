-- SPDX-License-Identifier: Apache-2.0
-- What content rules found in requests and answers and what they replaced. New columns
-- with constant defaults only: no table is rewritten, however many records there are.

ALTER TABLE portcullis.audit_decisions
    ADD COLUMN violations_dropped bigint NOT NULL DEFAULT 0,
    ADD COLUMN modifications      bigint NOT NULL DEFAULT 0;

-- An answer can be blocked after its request was allowed: then the outcome names who
-- did it, as the decision does for a request. response_decision is null where no content
-- rule read the answer. is_security_event is set by who writes the record.
ALTER TABLE portcullis.audit_outcomes
    ADD COLUMN response_decision  text,
    ADD COLUMN policy             text,
    ADD COLUMN policy_id          text,
    ADD COLUMN policy_version     bigint NOT NULL DEFAULT 0,
    ADD COLUMN rule               text,
    ADD COLUMN rule_key           text,
    ADD COLUMN reason             text,
    ADD COLUMN violations         text NOT NULL DEFAULT '[]',
    ADD COLUMN violations_dropped bigint NOT NULL DEFAULT 0,
    ADD COLUMN modifications      bigint NOT NULL DEFAULT 0,
    ADD COLUMN is_security_event  boolean NOT NULL DEFAULT false;
CREATE INDEX audit_outcomes_security ON portcullis.audit_outcomes (org_id, request_id DESC)
    WHERE is_security_event;

-- A request is blocked before its answer or after, never both: ids stay unique.
CREATE OR REPLACE VIEW portcullis.security_events WITH (security_invoker = true) AS
SELECT org_id, request_id AS id, to_timestamp(unix_ms / 1000.0) AS created_at, request_id,
       user_name AS "user", key_id, environment, project, policy, policy_id, policy_version,
       rule, rule_key, reason, provider, model_requested, status, epoch, violations
FROM portcullis.audit_decisions
WHERE is_security_event
UNION ALL
SELECT o.org_id, o.request_id, to_timestamp(o.unix_ms / 1000.0), o.request_id,
       d.user_name, d.key_id, d.environment, d.project, o.policy, o.policy_id,
       o.policy_version, o.rule, o.rule_key, o.reason, o.provider, d.model_requested,
       o.status, COALESCE(d.epoch, 0), o.violations
FROM portcullis.audit_outcomes o
LEFT JOIN portcullis.audit_decisions d
       ON d.org_id = o.org_id AND d.request_id = o.request_id AND d.day BETWEEN o.day - 1 AND o.day
WHERE o.is_security_event;
