-- SPDX-License-Identifier: Apache-2.0
-- What refusals by policy look like, by key and by organisation, and how many policies
-- an organisation may keep; the second is the operator's to set. And on record, the model
-- that was asked for where a policy put another one in its place.

ALTER TABLE portcullis.orgs
    ADD COLUMN error_format text NOT NULL DEFAULT 'auto'
               CHECK (error_format IN ('auto', 'openai', 'governance', 'policy')),
    ADD COLUMN policies_max integer CHECK (policies_max >= 0);
ALTER TABLE portcullis.api_keys
    ADD COLUMN error_format text
               CHECK (error_format IN ('auto', 'openai', 'governance', 'policy'));
GRANT UPDATE (error_format, policies_max) ON portcullis.orgs TO portcullis_gateway;
ALTER TABLE portcullis.audit_decisions ADD COLUMN substituted_from text;
