-- SPDX-License-Identifier: Apache-2.0
DROP INDEX portcullis.audit_decisions_trace;
DROP INDEX portcullis.audit_decisions_client_id;
ALTER TABLE portcullis.audit_decisions DROP COLUMN trace_id, DROP COLUMN client_request_id;
