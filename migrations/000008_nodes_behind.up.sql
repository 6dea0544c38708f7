-- SPDX-License-Identifier: Apache-2.0
-- The organisations whose newest rows a gateway could not take over (they do not compile, or it
-- does not know a rule of theirs): for them it enforces less than its epoch says.
ALTER TABLE portcullis.nodes ADD COLUMN behind text[] NOT NULL DEFAULT '{}';
CREATE OR REPLACE VIEW portcullis.node_views WITH (security_invoker = true) AS
SELECT o.org_id, n.id, n.epoch, n.seen_at, n.created_at,
       n.seen_at > now() - interval '15 seconds' AS is_live,
       n.epoch >= o.policy_seq AND NOT (o.org_id = ANY (n.behind)) AS is_current
FROM portcullis.nodes n CROSS JOIN portcullis.orgs o;
