-- +goose Up

-- As before (010), with graphs that are built wider. With pgvector's default of 64 the parts of a clustered collection were
-- joined by chance: of 40,000 chunks an index found .953 to .979 of the ten nearest at a width of 60 and .979 to .993 at
-- 100, from one build to the next; with 128 all of them at 60, for 1.6 times the time of the build
-- (docs/decisions/0006). Indexes that are there stay as they are until they are built anew.
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
        USING hnsw ((embedding::halfvec(%2$s)) halfvec_cosine_ops) WITH (ef_construction = 128)', held_slot, size);
    EXECUTE format('ANALYZE public.chunk_vectors_%s', held_slot);
END
$$;
-- +goose StatementEnd
