-- SPDX-License-Identifier: Apache-2.0
CREATE OR REPLACE VIEW portcullis.security_events WITH (security_invoker = true) AS
SELECT org_id, request_id AS id, to_timestamp(unix_ms / 1000.0) AS created_at, request_id,
       user_name AS "user", key_id, environment, project, policy, policy_id, policy_version,
       rule, rule_key, reason, provider, model_requested, status, epoch, violations
FROM portcullis.audit_decisions
WHERE is_security_event;
ALTER TABLE portcullis.audit_outcomes
    DROP COLUMN response_decision,
    DROP COLUMN policy,
    DROP COLUMN policy_id,
    DROP COLUMN policy_version,
    DROP COLUMN rule,
    DROP COLUMN rule_key,
    DROP COLUMN reason,
    DROP COLUMN violations,
    DROP COLUMN violations_dropped,
    DROP COLUMN modifications,
    DROP COLUMN is_security_event;
ALTER TABLE portcullis.audit_decisions
    DROP COLUMN violations_dropped,
    DROP COLUMN modifications;
