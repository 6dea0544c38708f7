-- SPDX-License-Identifier: Apache-2.0
-- What the caller calls its request (X-Request-Id, the trace of a traceparent), to be looked
-- up by. Null for most requests, so the indexes hold only what can be found by them.
ALTER TABLE portcullis.audit_decisions
    ADD COLUMN client_request_id text,
    ADD COLUMN trace_id          text;
CREATE INDEX audit_decisions_client_id ON portcullis.audit_decisions (org_id, client_request_id)
    WHERE client_request_id IS NOT NULL;
CREATE INDEX audit_decisions_trace ON portcullis.audit_decisions (org_id, trace_id)
    WHERE trace_id IS NOT NULL;
