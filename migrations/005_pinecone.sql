-- +goose Up

-- Which backend serves a tenant's vectors: what new collections get, and what the tenant's sync job brings the
-- existing ones to.
ALTER TABLE tenants ADD COLUMN vectors text NOT NULL DEFAULT 'pgvector' CHECK (vectors IN ('pgvector', 'pinecone'));
-- Which backend a collection's searches go to. Its rows in chunk_vectors stay the record either way, so that
-- exact scans, moves between backends and repairs never need an embedding made anew.
ALTER TABLE collections ADD COLUMN backend text NOT NULL DEFAULT 'pgvector' CHECK (backend IN ('pgvector', 'pinecone'));

-- What Pinecone has not been told yet, written in the transaction that changes chunk_vectors: the difference
-- between the record and the index. A row that is not a deletion also stands for vectors that a search must scan
-- itself: from the commit until they are visible in Pinecone, and a little longer for searches that asked
-- Pinecone before. No foreign key: deletions outlive their collection.
CREATE TABLE vector_outbox (
    tenant_id     uuid NOT NULL,
    collection_id uuid NOT NULL,
    ordinal       bigint NOT NULL,
    dimensions    int NOT NULL,                 -- there is one index a dimension
    deleted       boolean NOT NULL,
    revision      bigint NOT NULL DEFAULT 1,    -- grows when the row changes: what was sent was an older state then
    sent_at       timestamptz,                  -- acknowledged
    position      bigint,                       -- where in the index's log the write stands, if the backend told
    visible_at    timestamptz NOT NULL DEFAULT 'infinity', -- seen by a read
    PRIMARY KEY (tenant_id, collection_id, ordinal)
);
CREATE INDEX vector_outbox_unsent ON vector_outbox (tenant_id, collection_id, ordinal) WHERE sent_at IS NULL;
-- For searches: what was not visible yet when they asked Pinecone.
CREATE INDEX vector_outbox_pending ON vector_outbox (tenant_id, collection_id, visible_at) WHERE NOT deleted;

-- The namespaces a tenant has, one an index, noted before the first write to each: what must be gone when the
-- tenant is deleted or leaves Pinecone.
CREATE TABLE vector_namespaces (
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    dimensions int NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, dimensions)
);

-- +goose StatementBegin
DO $$
DECLARE
    tbl text;
BEGIN
    FOREACH tbl IN ARRAY ARRAY['vector_outbox', 'vector_namespaces'] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tbl);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tbl);
        EXECUTE format($policy$
            CREATE POLICY tenant_isolation ON %s
                USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
                WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
        $policy$, tbl);
    END LOOP;
END
$$;
-- +goose StatementEnd
GRANT SELECT, INSERT, UPDATE, DELETE ON vector_outbox TO lindero_app;
GRANT SELECT, INSERT, DELETE ON vector_namespaces TO lindero_app;

-- The tenant's backend is chosen with the tenant, so that its default collection is made for it.
DROP FUNCTION create_tenant(text, text, text, text, jsonb, jsonb, jsonb, text, timestamptz, text, text, int, jsonb);
-- +goose StatementBegin
CREATE FUNCTION create_tenant(
    new_slug text, new_name text, new_plan text, new_state text, new_settings jsonb, new_features jsonb,
    new_metadata jsonb, new_region text, new_trial_ends_at timestamptz,
    default_provider text, default_model text, default_dimensions int, default_chunking jsonb,
    new_vectors text DEFAULT 'pgvector')
    RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    new_id uuid := gen_random_uuid();
    new_collection uuid := gen_random_uuid();
    before text := coalesce(current_setting('app.tenant_id', true), '');
BEGIN
    PERFORM set_config('app.tenant_id', new_id::text, true);
    INSERT INTO public.tenants (id, slug, name, plan, state, settings, features, metadata, region, trial_ends_at, vectors)
    VALUES (new_id, new_slug, new_name, new_plan, new_state, new_settings, new_features, new_metadata, new_region, new_trial_ends_at, new_vectors);
    INSERT INTO public.collections (tenant_id, id, name, provider, model, dimensions, chunking, slot, backend)
    VALUES (new_id, new_collection, 'default', default_provider, default_model, default_dimensions, default_chunking,
            abs(hashtext(new_collection::text) % 32), new_vectors);
    INSERT INTO public.collection_counters (tenant_id, collection_id) VALUES (new_id, new_collection);
    PERFORM set_config('app.tenant_id', before, true);
    RETURN new_id;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION create_tenant(text, text, text, text, jsonb, jsonb, jsonb, text, timestamptz, text, text, int, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION create_tenant(text, text, text, text, jsonb, jsonb, jsonb, text, timestamptz, text, text, int, jsonb, text) TO lindero_platform;
