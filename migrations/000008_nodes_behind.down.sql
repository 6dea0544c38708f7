-- SPDX-License-Identifier: Apache-2.0
CREATE OR REPLACE VIEW portcullis.node_views WITH (security_invoker = true) AS
SELECT o.org_id, n.id, n.epoch, n.seen_at, n.created_at,
       n.seen_at > now() - interval '15 seconds' AS is_live,
       n.epoch >= o.policy_seq AS is_current
FROM portcullis.nodes n CROSS JOIN portcullis.orgs o;
ALTER TABLE portcullis.nodes DROP COLUMN behind;
