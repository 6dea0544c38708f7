-- SPDX-License-Identifier: Apache-2.0
-- The roles stay: they belong to the server, and another database may use them.
DROP VIEW portcullis.node_views;
DROP TABLE portcullis.nodes, portcullis.attestations, portcullis.provider_endpoints,
    portcullis.policy_versions, portcullis.policies, portcullis.api_keys, portcullis.users,
    portcullis.projects, portcullis.environments, portcullis.teams, portcullis.orgs,
    portcullis.epoch;
DROP FUNCTION portcullis.owner_guard(), portcullis.org_touch(), portcullis.org_announce(),
    portcullis.org_number(), portcullis.version_guard(), portcullis.epoch_next();
