-- SPDX-License-Identifier: Apache-2.0
-- Organisations and what they decide: people, keys, policies, providers.
--
-- org_id leads every primary key, so that the schema shards by tenant. Every tenant
-- table has row-level security, enabled and forced: a row is visible only while
-- app.org names its organisation, for the table's owner too. Three roles, none of
-- which can log in; the login role of a gateway is granted them and takes one on
-- per connection:
--   portcullis_gateway  management commands; sees the organisation of app.org only
--   portcullis_loader   reads all organisations, writes nothing but the list of nodes
--   portcullis_audit    adds audit records, reads and changes nothing
--
-- One number line: every change takes the next `epoch` of the whole database under a
-- row lock held to the commit, so numbers become visible in their order. orgs.policy_seq
-- is the epoch of the organisation's last change.

DO $$
DECLARE
    r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['portcullis_gateway', 'portcullis_loader', 'portcullis_audit'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB '
                               'NOCREATEROLE NOREPLICATION', r);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this server is being migrated now
            END;
        END IF;
        IF (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = r) THEN
            RAISE EXCEPTION 'role % must have neither SUPERUSER nor BYPASSRLS', r;
        END IF;
        -- Since PostgreSQL 16 whoever creates a role may administer it but not yet take it.
        IF NOT pg_has_role(current_user, r,
                           CASE WHEN current_setting('server_version_num')::integer >= 160000
                                THEN 'SET' ELSE 'MEMBER' END) THEN
            EXECUTE format('GRANT %I TO %I', r, current_user);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA portcullis TO %I', r);
    END LOOP;
END
$$;

-- ---- the number line ------------------------------------------------------------

CREATE TABLE portcullis.epoch (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    value bigint  NOT NULL
);
INSERT INTO portcullis.epoch (value) VALUES (0);

CREATE FUNCTION portcullis.epoch_next() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
'UPDATE portcullis.epoch SET value = value + 1 RETURNING value';
REVOKE ALL ON FUNCTION portcullis.epoch_next() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION portcullis.epoch_next() TO portcullis_gateway;

-- ---- organisations and people ---------------------------------------------------

CREATE TABLE portcullis.orgs (
    org_id         text PRIMARY KEY CHECK (org_id ~ '^org_[0-9A-Za-z]{1,32}$'),
    id             text GENERATED ALWAYS AS (org_id) STORED,
    name           text NOT NULL CHECK (name <> ''),
    plan           text NOT NULL DEFAULT 'enterprise'
                   CHECK (plan IN ('starter', 'pro', 'growth', 'team', 'enterprise')),
    slot_selection text NOT NULL DEFAULT 'any'
                   CHECK (slot_selection IN ('any', 'pinned', 'stricter_only')),
    is_suspended   boolean NOT NULL DEFAULT false,
    policy_seq     bigint NOT NULL DEFAULT 0,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orgs_by_seq ON portcullis.orgs (policy_seq);

CREATE TABLE portcullis.teams (
    org_id      text NOT NULL REFERENCES portcullis.orgs,
    id          text NOT NULL,
    name        text NOT NULL,
    description text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CONSTRAINT teams_name_taken UNIQUE (org_id, name)
);
CREATE TABLE portcullis.environments (
    org_id        text NOT NULL REFERENCES portcullis.orgs,
    id            text NOT NULL,
    name          text NOT NULL,
    description   text,
    is_production boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CONSTRAINT environments_name_taken UNIQUE (org_id, name)
);
CREATE TABLE portcullis.projects (
    org_id      text NOT NULL REFERENCES portcullis.orgs,
    id          text NOT NULL,
    name        text NOT NULL,
    description text,
    team        text,
    metadata    text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CONSTRAINT projects_name_taken UNIQUE (org_id, name),
    CONSTRAINT projects_team_unknown FOREIGN KEY (org_id, team)
        REFERENCES portcullis.teams (org_id, name)
);
CREATE TABLE portcullis.users (
    org_id       text NOT NULL REFERENCES portcullis.orgs,
    id           text NOT NULL,
    email        text NOT NULL,
    name         text,
    role         text NOT NULL DEFAULT 'member'
                 CHECK (role IN ('owner', 'admin', 'member', 'auditor')),
    team         text,
    is_suspended boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CONSTRAINT users_team_unknown FOREIGN KEY (org_id, team)
        REFERENCES portcullis.teams (org_id, name)
);
CREATE UNIQUE INDEX users_email_taken ON portcullis.users (org_id, lower(email));

-- ---- keys -------------------------------------------------------------------------

-- id and secret are random; only HMAC-SHA-256(pepper, secret) is here, and the
-- pepper is not in the database.
CREATE TABLE portcullis.api_keys (
    org_id         text NOT NULL REFERENCES portcullis.orgs,
    id             text NOT NULL CHECK (id ~ '^[0-9A-Za-z]{12}$'),
    name           text NOT NULL,
    prefix         text NOT NULL DEFAULT 'pc_live',
    last4          text NOT NULL,
    secret_hmac    bytea NOT NULL CHECK (length(secret_hmac) = 32),
    previous_hmac  bytea CHECK (length(previous_hmac) = 32),
    previous_until timestamptz,
    role           text CHECK (role IN ('owner', 'admin', 'member', 'auditor')),
    scopes         text NOT NULL DEFAULT '["call"]',
    team           text,
    environment    text,
    project        text,
    user_id        text,
    slots          text,
    pinned_slot    integer CHECK (pinned_slot BETWEEN 1 AND 12),
    may_narrow     boolean NOT NULL DEFAULT false,
    models         text,
    metadata       text,
    not_before     timestamptz,
    expires_at     timestamptz,
    revoked_at     timestamptz,
    created_by     text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CHECK ((previous_hmac IS NULL) = (previous_until IS NULL)),
    CONSTRAINT api_keys_team_unknown FOREIGN KEY (org_id, team)
        REFERENCES portcullis.teams (org_id, name),
    CONSTRAINT api_keys_environment_unknown FOREIGN KEY (org_id, environment)
        REFERENCES portcullis.environments (org_id, name),
    CONSTRAINT api_keys_project_unknown FOREIGN KEY (org_id, project)
        REFERENCES portcullis.projects (org_id, name),
    CONSTRAINT api_keys_user_unknown FOREIGN KEY (org_id, user_id)
        REFERENCES portcullis.users (org_id, id)
);

-- ---- policies -----------------------------------------------------------------------

-- The columns that place a policy (status, slot, default) are authoritative; the body
-- of the active version holds the rules.
CREATE TABLE portcullis.policies (
    org_id         text NOT NULL REFERENCES portcullis.orgs,
    id             text NOT NULL CHECK (id ~ '^[0-9A-Za-z]{3,32}$'),
    name           text NOT NULL,
    origin         text NOT NULL CHECK (origin IN ('governance', 'rules', 'config',
                                                   'compliance', 'enforcement', 'native')),
    status         text NOT NULL CHECK (status IN ('draft', 'active', 'inactive', 'archived')),
    slot           integer CHECK (slot BETWEEN 1 AND 12),
    is_default     boolean NOT NULL DEFAULT false,
    priority       integer NOT NULL DEFAULT 100,
    active_version integer NOT NULL CHECK (active_version > 0),
    created_by     text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CHECK (NOT is_default OR status = 'active')
);
CREATE UNIQUE INDEX policies_slot_taken ON portcullis.policies (org_id, slot)
    WHERE slot IS NOT NULL AND status <> 'archived';
CREATE UNIQUE INDEX policies_one_default ON portcullis.policies (org_id) WHERE is_default;
CREATE UNIQUE INDEX policies_one_compliance ON portcullis.policies (org_id)
    WHERE origin = 'compliance' AND status <> 'archived';

CREATE TABLE portcullis.policy_versions (
    org_id           text NOT NULL,
    policy_id        text NOT NULL,
    version          integer NOT NULL CHECK (version > 0),
    body             text NOT NULL, -- canonical JSON, byte for byte
    sha256           bytea NOT NULL CHECK (length(sha256) = 32),
    author           text,
    note             text,
    parent           integer,
    rolled_back_from integer,
    created_at       timestamptz NOT NULL DEFAULT now(),
    activated_at     timestamptz,
    deactivated_at   timestamptz,
    PRIMARY KEY (org_id, policy_id, version),
    FOREIGN KEY (org_id, policy_id) REFERENCES portcullis.policies,
    CHECK (sha256 = sha256(convert_to(body, 'UTF8')))
);
-- The policy points at a version and the version at its policy; checked at the commit.
ALTER TABLE portcullis.policies ADD CONSTRAINT policies_version_unknown
    FOREIGN KEY (org_id, id, active_version) REFERENCES portcullis.policy_versions
    DEFERRABLE INITIALLY DEFERRED;

CREATE FUNCTION portcullis.version_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.org_id, NEW.policy_id, NEW.version, NEW.body, NEW.sha256, NEW.created_at)
               IS NOT DISTINCT FROM
           (OLD.org_id, OLD.policy_id, OLD.version, OLD.body, OLD.sha256, OLD.created_at)
           AND (NEW.author, NEW.note, NEW.parent, NEW.rolled_back_from)
               IS NOT DISTINCT FROM
           (OLD.author, OLD.note, OLD.parent, OLD.rolled_back_from) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a policy version is immutable' USING ERRCODE = 'PC409';
END
$$;
CREATE TRIGGER version_guard BEFORE UPDATE OR DELETE ON portcullis.policy_versions
    FOR EACH ROW EXECUTE FUNCTION portcullis.version_guard();

-- ---- providers ------------------------------------------------------------------------

CREATE TABLE portcullis.provider_endpoints (
    org_id             text NOT NULL REFERENCES portcullis.orgs,
    id                 text NOT NULL,
    name               text,
    provider           text NOT NULL,
    base_url           text NOT NULL,
    dialect            text NOT NULL DEFAULT 'openai' CHECK (dialect IN ('openai', 'anthropic')),
    credential         bytea, -- AES-256-GCM; bound to org, endpoint, provider, host, version
    credential_version integer NOT NULL DEFAULT 0,
    ca_file            text,
    priority           integer NOT NULL DEFAULT 100,
    is_enabled         boolean NOT NULL DEFAULT true,
    has_credential     boolean GENERATED ALWAYS AS (credential IS NOT NULL) STORED,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id)
);
CREATE TABLE portcullis.attestations (
    org_id       text NOT NULL REFERENCES portcullis.orgs,
    id           text NOT NULL,
    provider     text NOT NULL,
    attribute    text NOT NULL,
    value        boolean NOT NULL,
    valid_from   timestamptz NOT NULL DEFAULT now(),
    valid_until  timestamptz,
    who          text,
    evidence_url text,
    note         text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CONSTRAINT attestations_period CHECK (valid_until IS NULL OR valid_until > valid_from)
);

-- ---- gateways ---------------------------------------------------------------------------

CREATE TABLE portcullis.nodes (
    id         text PRIMARY KEY,
    epoch      bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
);
-- What an organisation may see of them; security_invoker keeps row-level security.
CREATE VIEW portcullis.node_views WITH (security_invoker = true) AS
SELECT o.org_id, n.id, n.epoch, n.seen_at, n.created_at,
       n.seen_at > now() - interval '15 seconds' AS is_live,
       n.epoch >= o.policy_seq AS is_current
FROM portcullis.nodes n CROSS JOIN portcullis.orgs o;

-- ---- every change gets its number and is announced ------------------------------------------

CREATE FUNCTION portcullis.org_number() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- The first change of a transaction takes the number; later ones share it.
    IF current_setting('app.numbered', true) IS DISTINCT FROM
       NEW.org_id || ':' || pg_current_xact_id()::text THEN
        NEW.policy_seq := portcullis.epoch_next();
        NEW.updated_at := now();
        PERFORM set_config('app.numbered', NEW.org_id || ':' || pg_current_xact_id()::text, true);
    ELSIF TG_OP = 'UPDATE' THEN
        NEW.policy_seq := OLD.policy_seq;
    END IF;
    RETURN NEW;
END
$$;
CREATE FUNCTION portcullis.org_announce() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- The notice says only that something changed, so losing one costs a poll (F7).
    -- app.quiet: the queue of notices is full and the write must not fail for it (F8).
    IF current_setting('app.quiet', true) IS DISTINCT FROM 'on' THEN
        PERFORM pg_notify('portcullis', NEW.org_id || ':' || NEW.policy_seq);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER org_number BEFORE INSERT OR UPDATE ON portcullis.orgs
    FOR EACH ROW EXECUTE FUNCTION portcullis.org_number();
CREATE TRIGGER org_announce AFTER INSERT OR UPDATE ON portcullis.orgs
    FOR EACH ROW EXECUTE FUNCTION portcullis.org_announce();

CREATE FUNCTION portcullis.org_touch() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    org text := CASE TG_OP WHEN 'DELETE' THEN OLD.org_id ELSE NEW.org_id END;
BEGIN
    UPDATE portcullis.orgs SET policy_seq = policy_seq WHERE org_id = org;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no organisation is selected' USING ERRCODE = 'PC403';
    END IF;
    RETURN NULL;
END
$$;
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['teams', 'environments', 'projects', 'users', 'api_keys', 'policies',
                             'policy_versions', 'provider_endpoints', 'attestations'] LOOP
        EXECUTE format('CREATE TRIGGER a_touch AFTER INSERT OR UPDATE OR DELETE ON portcullis.%I '
                       'FOR EACH ROW EXECUTE FUNCTION portcullis.org_touch()', t);
    END LOOP;
END
$$;

-- An organisation that has an owner keeps one. a_touch ran before (triggers run in the
-- order of their names) and holds the organisation's row, so two owners cannot both go.
CREATE FUNCTION portcullis.owner_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.role = 'owner' AND NOT OLD.is_suspended AND NOT EXISTS (
           SELECT FROM portcullis.users
           WHERE org_id = OLD.org_id AND role = 'owner' AND NOT is_suspended) THEN
        RAISE EXCEPTION 'the last owner of an organisation cannot be removed, suspended or given another role'
            USING ERRCODE = 'PC409';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER owner_guard AFTER UPDATE OR DELETE ON portcullis.users
    FOR EACH ROW EXECUTE FUNCTION portcullis.owner_guard();

-- ---- who may see what --------------------------------------------------------------------------

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['orgs', 'teams', 'environments', 'projects', 'users', 'api_keys',
                             'policies', 'policy_versions', 'provider_endpoints',
                             'attestations'] LOOP
        EXECUTE format('ALTER TABLE portcullis.%I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE portcullis.%I FORCE ROW LEVEL SECURITY', t);
        -- After COMMIT a SET LOCAL reads back as '', not as NULL: NULLIF.
        EXECUTE format('CREATE POLICY tenant ON portcullis.%I '
                       'USING (org_id = NULLIF(current_setting(''app.org'', true), '''')) '
                       'WITH CHECK (org_id = NULLIF(current_setting(''app.org'', true), ''''))', t);
        EXECUTE format('CREATE POLICY loader ON portcullis.%I FOR SELECT TO portcullis_loader '
                       'USING (true)', t);
        EXECUTE format('GRANT SELECT ON portcullis.%I TO portcullis_gateway, portcullis_loader', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['teams', 'environments', 'projects', 'users', 'provider_endpoints',
                             'attestations'] LOOP
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON portcullis.%I TO portcullis_gateway', t);
    END LOOP;
END
$$;
GRANT UPDATE (name, slot_selection, policy_seq, updated_at) ON portcullis.orgs
    TO portcullis_gateway;
GRANT INSERT, UPDATE ON portcullis.api_keys, portcullis.policies TO portcullis_gateway;
GRANT INSERT, UPDATE (activated_at, deactivated_at) ON portcullis.policy_versions
    TO portcullis_gateway;
GRANT SELECT ON portcullis.epoch, portcullis.nodes TO portcullis_gateway, portcullis_loader;
GRANT SELECT ON portcullis.node_views TO portcullis_gateway;
GRANT INSERT, UPDATE, DELETE ON portcullis.nodes TO portcullis_loader;
