-- SPDX-License-Identifier: Apache-2.0
DROP VIEW portcullis.security_events;
DROP TABLE portcullis.audit_quarantine, portcullis.audit_outcomes, portcullis.audit_decisions;
DROP FUNCTION portcullis.audit_partitions_ensure(integer);
