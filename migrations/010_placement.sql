-- +goose Up

-- A filter gives some hundred documents whose ordinals are looked up one by one. By one column the descent compares a
-- third of what it does by the unique index, and tenant and collection are there for the policy and the predicates:
-- no chunk is read.
CREATE INDEX chunks_document_key ON chunks (document_key) INCLUDE (ordinal, tenant_id, collection_id);

-- As before (006), and vacuum comes to the leaf late: it repairs an index of vectors entry by entry, which takes longer
-- than the index that is built anew in another slot when many vectors are dead.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION build_slot_index(held_slot int, holder uuid, memory_kb int)
    RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    size int;
BEGIN
    SELECT dimensions INTO size FROM public.collections
    WHERE tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid AND id = holder AND deleted_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the collection does not exist' USING ERRCODE = 'no_data_found';
    END IF;
    PERFORM FROM public.vector_slots WHERE slot = held_slot AND collection_id = holder FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the collection does not hold the slot' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    PERFORM set_config('maintenance_work_mem', memory_kb::text || 'kB', true);
    -- CVE-2026-3172: parallel builds are unsafe before pgvector 0.8.2.
    IF (SELECT string_to_array(regexp_replace(extversion, '[^0-9.].*', ''), '.')::int[] < ARRAY[0, 8, 2]
        FROM pg_extension WHERE extname = 'vector') THEN
        PERFORM set_config('max_parallel_maintenance_workers', '0', true);
    END IF;
    EXECUTE format('ALTER TABLE public.chunk_vectors_%s SET (autovacuum_vacuum_scale_factor = 0.5)', held_slot);
    EXECUTE format('CREATE INDEX IF NOT EXISTS chunk_vectors_%1$s_hnsw ON public.chunk_vectors_%1$s
        USING hnsw ((embedding::halfvec(%2$s)) halfvec_cosine_ops)', held_slot, size);
    EXECUTE format('ANALYZE public.chunk_vectors_%s', held_slot);
END
$$;
-- +goose StatementEnd

-- Which collections somebody should look at: large ones without an index, indexes with many dead vectors, and moves that
-- nobody has taken up for an hour. Ids of all tenants and nothing else, as in the queue. The role that looks keys up runs
-- it, for it can log in nowhere.
CREATE POLICY placement_sweep ON collections FOR SELECT TO lindero_lookup USING (true);
CREATE POLICY placement_sweep ON collection_placements FOR SELECT TO lindero_lookup USING (true);
CREATE POLICY placement_sweep ON lexical_segments FOR SELECT TO lindero_lookup USING (true);
GRANT SELECT (tenant_id, id, slot, backend, deleted_at) ON collections TO lindero_lookup;
GRANT SELECT (tenant_id, collection_id, state, forced, due_since, step_at) ON collection_placements TO lindero_lookup;
GRANT SELECT (tenant_id, collection_id, chunks) ON lexical_segments TO lindero_lookup;
-- +goose StatementBegin
CREATE FUNCTION due_placements(promote_at bigint, dead_share float8, dead_vectors bigint)
    RETURNS TABLE (tenant_id uuid, collection_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH sizes AS (
        SELECT s.tenant_id, s.collection_id FROM public.lexical_segments s GROUP BY s.tenant_id, s.collection_id HAVING sum(s.chunks) >= promote_at)
    SELECT c.tenant_id, c.id
    FROM public.collections c
    LEFT JOIN public.collection_placements p ON p.tenant_id = c.tenant_id AND p.collection_id = c.id
    LEFT JOIN sizes ON sizes.tenant_id = c.tenant_id AND sizes.collection_id = c.id
    LEFT JOIN LATERAL (SELECT to_regclass('public.chunk_vectors_' || c.slot) AS oid WHERE c.slot >= 1000) leaf ON true
    WHERE c.deleted_at IS NULL AND CASE
        WHEN coalesce(p.state, 'settled') <> 'settled' OR p.due_since IS NOT NULL THEN p.step_at < now() - interval '1 hour'
        WHEN c.slot < 1000 THEN sizes.collection_id IS NOT NULL AND c.backend = 'pgvector' AND p.forced IS DISTINCT FROM 'exact'
        ELSE pg_stat_get_dead_tuples(leaf.oid) >= greatest(dead_vectors, dead_share * (pg_stat_get_dead_tuples(leaf.oid) + pg_stat_get_live_tuples(leaf.oid)))
    END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION due_placements(bigint, float8, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION due_placements(bigint, float8, bigint) TO lindero_app;
GRANT CREATE ON SCHEMA public TO lindero_lookup;
ALTER FUNCTION due_placements(bigint, float8, bigint) OWNER TO lindero_lookup;
REVOKE CREATE ON SCHEMA public FROM lindero_lookup;
