-- +goose Up

-- Searches name the partition that they read: planning through the partitioned table costs more than the search of a
-- small collection (docs/decisions/0009). Reading only, and every leaf has the tenant's policy, forced, as its parent
-- has; the server checks both before it serves. Writes go through the parent, as before.
-- +goose StatementBegin
DO $$
DECLARE
    leaf regclass;
BEGIN
    FOR leaf IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'public.chunk_vectors'::regclass LOOP
        EXECUTE format('GRANT SELECT ON %s TO lindero_app', leaf);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- As before (006), and a new leaf may be read.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION claim_slot(wanted_collection uuid, max_slots int)
    RETURNS int
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    claimed int;
    leaf text;
BEGIN
    PERFORM FROM public.collections
    WHERE tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid AND id = wanted_collection AND deleted_at IS NULL
    FOR SHARE; -- its deletion waits, and then finds the slot to release
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the collection does not exist' USING ERRCODE = 'no_data_found';
    END IF;
    PERFORM pg_advisory_xact_lock(5246003); -- one at a time
    SELECT slot INTO claimed FROM public.vector_slots WHERE collection_id IS NULL ORDER BY slot LIMIT 1;
    IF FOUND THEN
        UPDATE public.vector_slots SET collection_id = wanted_collection WHERE slot = claimed;
        RETURN claimed;
    END IF;
    IF (SELECT count(*) FROM public.vector_slots) >= max_slots THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(max(slot) + 1, 1000) INTO claimed FROM public.vector_slots;
    leaf := format('public.chunk_vectors_%s', claimed);
    EXECUTE format('CREATE TABLE %s (LIKE public.chunk_vectors INCLUDING STORAGE)', leaf);
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', leaf);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', leaf);
    EXECUTE format($policy$
        CREATE POLICY tenant_isolation ON %s
            USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
            WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
    $policy$, leaf);
    EXECUTE format('GRANT SELECT ON %s TO lindero_app', leaf);
    EXECUTE format('ALTER TABLE public.chunk_vectors ATTACH PARTITION %s FOR VALUES IN (%s)', leaf, claimed);
    INSERT INTO public.vector_slots (slot, collection_id) VALUES (claimed, wanted_collection);
    RETURN claimed;
END
$$;
-- +goose StatementEnd
