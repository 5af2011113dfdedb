-- +goose Up

-- What a collection's approximate index finds of what an exact scan finds, as last measured in the background on the
-- tenant's own data.
CREATE TABLE collection_recall (
    tenant_id       uuid NOT NULL,
    collection_id   uuid NOT NULL,
    name            text COLLATE "C" NOT NULL,     -- the collection's, which never changes, for operators' reports
    recall          float8 NOT NULL CHECK (recall BETWEEN 0 AND 1),
    queries         int NOT NULL,
    top_k           int NOT NULL,
    short_results   int NOT NULL,                  -- queries for which the index found fewer than the scan
    exact_p50_ms    float8 NOT NULL,
    exact_p95_ms    float8 NOT NULL,
    index_p50_ms    float8 NOT NULL,
    index_p95_ms    float8 NOT NULL,
    ef_search       int NOT NULL,                  -- how wide the index was searched
    insufficient_ef int NOT NULL DEFAULT 0,        -- the widest search that missed the objective: narrowing stops above it
    below_since     timestamptz,                   -- under the tenant's objective without a break since
    measured_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, collection_id),
    FOREIGN KEY (tenant_id, collection_id) REFERENCES collections (tenant_id, id)
);
ALTER TABLE collection_recall ENABLE ROW LEVEL SECURITY;
ALTER TABLE collection_recall FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON collection_recall
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON collection_recall TO lindero_app;

-- The recall a tenant is to have, from its settings; what is no share of one counts as not set.
CREATE FUNCTION recall_objective(settings jsonb)
    RETURNS float8
    LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE WHEN jsonb_typeof(settings->'recall_objective') = 'number' THEN
        CASE WHEN (settings->>'recall_objective')::numeric > 0 AND (settings->>'recall_objective')::numeric <= 1
            THEN (settings->>'recall_objective')::float8 ELSE 0.98 END
        ELSE 0.98 END
$$;

-- Operators watch the figures of all tenants: numbers and names, no content. The role that looks keys up runs it,
-- for it can log in nowhere; the platform role itself still reads no table with tenants' rows.
CREATE POLICY recall_report ON collection_recall FOR SELECT TO lindero_lookup USING (true);
GRANT SELECT ON collection_recall TO lindero_lookup;
-- +goose StatementBegin
CREATE FUNCTION recall_report()
    RETURNS TABLE (tenant_id uuid, slug text, collection text, recall float8, objective float8, queries int, ef_search int,
        below_since timestamptz, measured_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT r.tenant_id, t.slug, r.name, r.recall, public.recall_objective(t.settings), r.queries, r.ef_search, r.below_since, r.measured_at
    FROM public.collection_recall r JOIN public.tenants t ON t.id = r.tenant_id
    WHERE t.state <> 'deleting' ORDER BY t.slug, r.name
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION recall_report() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION recall_report() TO lindero_platform;
GRANT CREATE ON SCHEMA public TO lindero_lookup;
ALTER FUNCTION recall_report() OWNER TO lindero_lookup;
REVOKE CREATE ON SCHEMA public FROM lindero_lookup;
