-- +goose Up

-- Tenants. Platform table: its key is the tenant itself, so it has no tenant_id.
CREATE TABLE tenants (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    slug          text COLLATE "C" NOT NULL,
    name          text NOT NULL,
    plan          text NOT NULL CHECK (plan IN ('trial', 'business', 'enterprise')),
    state         text NOT NULL CHECK (state IN ('trial', 'active', 'suspended', 'deleting')),
    settings      jsonb NOT NULL DEFAULT '{}',
    features      jsonb NOT NULL DEFAULT '{}',
    limits        jsonb NOT NULL DEFAULT '{}',
    metadata      jsonb NOT NULL DEFAULT '{}',
    region        text NOT NULL DEFAULT '',
    trial_ends_at timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
-- A slug is free again as soon as its tenant's deletion begins; ids are never used twice.
CREATE UNIQUE INDEX tenants_slug ON tenants (slug) WHERE state <> 'deleting';
CREATE INDEX tenants_created ON tenants (created_at, id);

-- API keys. The secret is not here, only its keyed hash.
CREATE TABLE api_keys (
    tenant_id    uuid NOT NULL REFERENCES tenants (id),
    id           text COLLATE "C" NOT NULL,
    name         text NOT NULL,
    role         text NOT NULL CHECK (role IN ('reader', 'writer', 'admin')),
    hash         bytea NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
-- The one look-up made before a tenant is known, so it cannot lead with the tenant (DESIGN §3, exceptions).
CREATE UNIQUE INDEX api_keys_id ON api_keys (id);

-- What proves a deletion. It outlives its tenant, so it refers to nothing.
CREATE TABLE tenant_receipts (
    tenant_id  uuid PRIMARY KEY,
    slug       text COLLATE "C" NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now(),
    removed    jsonb NOT NULL,
    verified   boolean NOT NULL
);
CREATE INDEX tenant_receipts_slug ON tenant_receipts (slug, deleted_at);

-- Keys the hashes of API keys and the seals of cursors. One row, made here, shared by all processes;
-- LINDERO_SECRET is mixed in where the operator wants the database alone not to suffice.
CREATE TABLE server_secret (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    secret   bytea NOT NULL
);
INSERT INTO server_secret (secret)
SELECT sha256(convert_to(string_agg(gen_random_uuid()::text, ''), 'UTF8')) FROM generate_series(1, 4);

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
ALTER TABLE tenant_receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_receipts FORCE ROW LEVEL SECURITY;

-- The subselect makes the setting an init plan: read once a query, not once a row. Unset means no rows.
CREATE POLICY tenant_isolation ON tenants
    USING (id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid));
CREATE POLICY tenant_isolation ON api_keys
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid));
CREATE POLICY tenant_isolation ON tenant_receipts
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid));

-- Operators see tenants, keys and receipts of all, and nothing else.
CREATE POLICY platform ON tenants TO lindero_platform USING (true) WITH CHECK (true);
CREATE POLICY platform ON api_keys TO lindero_platform USING (true) WITH CHECK (true);
CREATE POLICY platform ON tenant_receipts TO lindero_platform USING (true) WITH CHECK (true);
CREATE POLICY key_lookup ON tenants FOR SELECT TO lindero_lookup USING (true);
CREATE POLICY key_lookup ON api_keys FOR SELECT TO lindero_lookup USING (true);

GRANT SELECT ON tenants, server_secret, goose_db_version TO lindero_app;
GRANT SELECT, INSERT, UPDATE ON api_keys TO lindero_app;
GRANT SELECT, INSERT, UPDATE ON tenants, api_keys TO lindero_platform;
GRANT SELECT ON tenant_receipts, server_secret TO lindero_platform;
GRANT SELECT ON tenants, api_keys TO lindero_lookup;

-- Finds a key by its public id, whoever it belongs to: the caller proves the secret against the hash before
-- it uses anything else of the row.
CREATE FUNCTION lookup_key(key_id text)
    RETURNS TABLE (tenant_id uuid, slug text, state text, role text, hash bytea, expires_at timestamptz, revoked_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT k.tenant_id, t.slug, t.state, k.role, k.hash, k.expires_at, k.revoked_at
    FROM public.api_keys k JOIN public.tenants t ON t.id = k.tenant_id
    WHERE k.id = key_id
$$;
REVOKE ALL ON FUNCTION lookup_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lookup_key(text) TO lindero_app;
-- A role can be given a function only while it may create in the schema.
GRANT CREATE ON SCHEMA public TO lindero_lookup;
ALTER FUNCTION lookup_key(text) OWNER TO lindero_lookup;
REVOKE CREATE ON SCHEMA public FROM lindero_lookup;
