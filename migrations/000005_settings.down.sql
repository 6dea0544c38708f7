-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE portcullis.audit_decisions DROP COLUMN substituted_from;
ALTER TABLE portcullis.api_keys DROP COLUMN error_format;
ALTER TABLE portcullis.orgs DROP COLUMN policies_max, DROP COLUMN error_format;
