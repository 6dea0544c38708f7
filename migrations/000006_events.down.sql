-- SPDX-License-Identifier: Apache-2.0
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
