-- SPDX-License-Identifier: Apache-2.0
-- The record of every exchange: a decision, and later its outcome.
--
-- Partitioned by day (UTC), so that old days leave by DROP. The default partitions take
-- what has no day of its own yet: a missing partition never stops a record. The day is
-- made from the record's own time, so (org_id, day, request_id) is the idempotency key
-- of a kind. org_id is '' for a request that never authenticated. Texts may hold any
-- UTF-8 but NUL; violations is JSON text, not jsonb, because jsonb refuses \u0000.

CREATE TABLE portcullis.audit_decisions (
    org_id             text NOT NULL,
    day                date NOT NULL,
    request_id         text NOT NULL,
    unix_ms            bigint NOT NULL,
    node               text,
    worker             integer NOT NULL DEFAULT 0,
    team               text,
    environment        text,
    project            text,
    user_name          text,
    user_id            text,
    key_id             text,
    method             text,
    path               text,
    endpoint           text,
    decision           text NOT NULL,
    policy             text,
    policy_id          text,
    rule               text,
    rule_key           text,
    reason             text,
    policy_version     bigint NOT NULL DEFAULT 0,
    model_requested    text,
    model              text,
    provider           text,
    selected_policy_id text,
    slot               integer NOT NULL DEFAULT 0,
    epoch              bigint NOT NULL DEFAULT 0,
    org_seq            bigint NOT NULL DEFAULT 0,
    staleness_ms       bigint NOT NULL DEFAULT 0,
    is_degraded        boolean NOT NULL DEFAULT false,
    is_stream          boolean NOT NULL DEFAULT false,
    status             integer NOT NULL DEFAULT 0,
    rules_applied      bigint NOT NULL DEFAULT 0,
    eval_us            bigint NOT NULL DEFAULT 0,
    request_bytes      bigint NOT NULL DEFAULT 0,
    body_sha256        bytea,
    violations         text NOT NULL DEFAULT '[]',
    -- S3-6: a block by a rule of that severity. A quote inside a JSON string is
    -- escaped, so the text cannot be forged from within a name.
    is_security_event  boolean GENERATED ALWAYS AS
        (decision = 'block' AND position('"severity":"security_event"' IN violations) > 0) STORED,
    PRIMARY KEY (org_id, day, request_id)
) PARTITION BY RANGE (day);
CREATE TABLE portcullis.audit_decisions_default PARTITION OF portcullis.audit_decisions DEFAULT;
CREATE INDEX audit_decisions_by_time ON portcullis.audit_decisions (org_id, request_id DESC);
CREATE INDEX audit_decisions_security ON portcullis.audit_decisions (org_id, request_id DESC)
    WHERE is_security_event;

CREATE TABLE portcullis.audit_outcomes (
    org_id              text NOT NULL,
    day                 date NOT NULL,
    request_id          text NOT NULL,
    unix_ms             bigint NOT NULL,
    node                text,
    worker              integer NOT NULL DEFAULT 0,
    outcome             text NOT NULL,
    status              integer NOT NULL DEFAULT 0,
    upstream_status     integer NOT NULL DEFAULT 0,
    provider            text,
    model               text,
    upstream_request_id text,
    finish_reason       text,
    attempts            bigint NOT NULL DEFAULT 0,
    input_tokens        bigint NOT NULL DEFAULT 0,
    output_tokens       bigint NOT NULL DEFAULT 0,
    cached_tokens       bigint NOT NULL DEFAULT 0,
    has_usage           boolean NOT NULL DEFAULT false,
    is_usage_estimated  boolean NOT NULL DEFAULT false,
    cost_pico_usd       bigint NOT NULL DEFAULT -1,
    duration_ms         bigint NOT NULL DEFAULT 0,
    upstream_ms         bigint NOT NULL DEFAULT 0,
    first_byte_ms       bigint NOT NULL DEFAULT 0,
    response_bytes      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, day, request_id)
) PARTITION BY RANGE (day);
CREATE TABLE portcullis.audit_outcomes_default PARTITION OF portcullis.audit_outcomes DEFAULT;
-- An outcome can fall on the day after its decision.
CREATE INDEX audit_outcomes_by_request ON portcullis.audit_outcomes (org_id, request_id);

-- Records the tables refused: kept as they were, so that the queue goes on.
CREATE TABLE portcullis.audit_quarantine (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now(),
    record      bytea NOT NULL,
    error       text NOT NULL
);

-- S3-6: what was rejected and why, for review.
CREATE VIEW portcullis.security_events WITH (security_invoker = true) AS
SELECT org_id, request_id AS id, to_timestamp(unix_ms / 1000.0) AS created_at, request_id,
       user_name AS "user", key_id, environment, project, policy, policy_id, policy_version,
       rule, rule_key, reason, provider, model_requested, status, epoch, violations
FROM portcullis.audit_decisions
WHERE is_security_event;

-- Makes the partitions from yesterday to `days` ahead; called daily by every gateway.
CREATE FUNCTION portcullis.audit_partitions_ensure(days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made integer := 0;
    d date;
    t text;
    part text;
BEGIN
    PERFORM pg_advisory_xact_lock(7306087245);
    FOR i IN -1 .. LEAST(GREATEST(days, 0), 31) LOOP
        d := (now() AT TIME ZONE 'UTC')::date + i;
        FOREACH t IN ARRAY ARRAY['audit_decisions', 'audit_outcomes'] LOOP
            part := t || '_' || to_char(d, 'YYYYMMDD');
            CONTINUE WHEN to_regclass('portcullis.' || part) IS NOT NULL;
            BEGIN
                EXECUTE format('CREATE TABLE portcullis.%I PARTITION OF portcullis.%I '
                               'FOR VALUES FROM (%L) TO (%L)', part, t, d, d + 1);
                made := made + 1;
            EXCEPTION WHEN check_violation THEN
                NULL; -- rows of that day lie in the default partition: they stay there
            END;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION portcullis.audit_partitions_ensure(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION portcullis.audit_partitions_ensure(integer) TO portcullis_audit;

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['audit_decisions', 'audit_outcomes'] LOOP
        EXECUTE format('ALTER TABLE portcullis.%I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE portcullis.%I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON portcullis.%I FOR SELECT '
                       'USING (org_id = NULLIF(current_setting(''app.org'', true), ''''))', t);
        EXECUTE format('CREATE POLICY writer ON portcullis.%I FOR INSERT TO portcullis_audit '
                       'WITH CHECK (true)', t);
        EXECUTE format('GRANT SELECT ON portcullis.%I TO portcullis_gateway', t);
        EXECUTE format('GRANT INSERT ON portcullis.%I TO portcullis_audit', t);
    END LOOP;
END
$$;
GRANT INSERT ON portcullis.audit_quarantine TO portcullis_audit;
GRANT SELECT ON portcullis.security_events TO portcullis_gateway;
