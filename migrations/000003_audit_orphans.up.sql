-- SPDX-License-Identifier: Apache-2.0
-- A decision whose process died before its outcome: the outcome is unknown, and says so.
-- SECURITY DEFINER because the audit role may add but not read; FORCE row-level security
-- binds the owner too, so the function reads under a policy of its own.

CREATE FUNCTION portcullis.audit_orphans_close(of_node text, before_ms bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    closed bigint := 0;
BEGIN
    PERFORM set_config('app.orphans', 'on', true);
    -- A process does not outlive its gateway by days: what is older was closed before.
    INSERT INTO portcullis.audit_outcomes (org_id, day, request_id, unix_ms, node, worker, outcome)
    SELECT d.org_id, d.day, d.request_id, d.unix_ms, d.node, d.worker, 'unknown'
    FROM portcullis.audit_decisions d
    WHERE d.node = of_node AND d.unix_ms < before_ms AND d.unix_ms > before_ms - 2 * 86400000
      AND d.day >= (to_timestamp(before_ms / 1000.0) AT TIME ZONE 'UTC')::date - 2
      AND NOT EXISTS (SELECT FROM portcullis.audit_outcomes o
                      WHERE o.org_id = d.org_id AND o.request_id = d.request_id)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS closed = ROW_COUNT;
    PERFORM set_config('app.orphans', '', true);
    RETURN closed;
END
$$;
REVOKE ALL ON FUNCTION portcullis.audit_orphans_close(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION portcullis.audit_orphans_close(text, bigint) TO portcullis_audit;

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['audit_decisions', 'audit_outcomes'] LOOP
        EXECUTE format('CREATE POLICY orphans_read ON portcullis.%I FOR SELECT TO %I '
                       'USING (current_setting(''app.orphans'', true) = ''on'')', t, current_user);
        EXECUTE format('CREATE POLICY orphans_write ON portcullis.%I FOR INSERT TO %I '
                       'WITH CHECK (current_setting(''app.orphans'', true) = ''on'')', t,
                       current_user);
    END LOOP;
END
$$;
