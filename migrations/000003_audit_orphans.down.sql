-- SPDX-License-Identifier: Apache-2.0
DROP POLICY orphans_read ON portcullis.audit_decisions;
DROP POLICY orphans_write ON portcullis.audit_decisions;
DROP POLICY orphans_read ON portcullis.audit_outcomes;
DROP POLICY orphans_write ON portcullis.audit_outcomes;
DROP FUNCTION portcullis.audit_orphans_close(text, bigint);
