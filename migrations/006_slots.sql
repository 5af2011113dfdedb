-- +goose Up

-- How an approximate index of the collection is asked. Neither changes what a search may find, so version does
-- not grow with them.
ALTER TABLE collections
    ADD ef_search      int    NOT NULL DEFAULT 0 CHECK (ef_search BETWEEN 0 AND 1000), -- 0: by size
    ADD indexed_chunks bigint NOT NULL DEFAULT 0; -- size when it was last looked at

-- Under a filter, matching documents are turned into ordinals without reading the passages, and a filter by true or
-- false is found without reading all documents that have the field.
CREATE UNIQUE INDEX chunks_document ON chunks (tenant_id, collection_id, document_key, position) INCLUDE (ordinal);
DROP INDEX chunks_position;
ALTER INDEX chunks_document RENAME TO chunks_position;
CREATE INDEX document_fields_bool ON document_fields (tenant_id, collection_id, field, bool_value, document_key)
    WHERE bool_value IS NOT NULL;

-- Where a collection's vectors are to lie, and how far a move has come. Each step of a move changes this row in
-- its own transaction, so that a crash between any two resumes at the second:
--   settled      no move under way
--   copying      source → target in batches, up to the ordinal copied_to, while both serve as before
--   indexing     the index of the target is built
--   catching_up  what was written and deleted meanwhile is brought over, then collections.slot is flipped
--   clearing     the source still has its rows: for older snapshots, then for nobody
--   purging      the collection is deleted, and everything it holds is released
CREATE TABLE collection_placements (
    tenant_id     uuid NOT NULL,
    collection_id uuid NOT NULL,
    state         text NOT NULL CHECK (state IN ('settled', 'copying', 'indexing', 'catching_up', 'clearing', 'purging')),
    source_slot   int,
    target_slot   int,
    copied_to     bigint NOT NULL DEFAULT 0,
    forced        text CHECK (forced IN ('exact', 'hnsw')), -- by an operator; null: by size
    due_since     timestamptz, -- a move is due and waits; detail says for what
    detail        text NOT NULL DEFAULT '',
    started_at    timestamptz, -- of the move under way, or of the last one
    moved_at      timestamptz, -- when the last move was flipped
    step_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, collection_id),
    FOREIGN KEY (tenant_id, collection_id) REFERENCES collections (tenant_id, id),
    CHECK (state IN ('settled', 'purging') OR (source_slot IS NOT NULL AND target_slot IS NOT NULL))
);
ALTER TABLE collection_placements ENABLE ROW LEVEL SECURITY;
ALTER TABLE collection_placements FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON collection_placements
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON collection_placements TO lindero_app;

-- Own slots: which there are, and which collection holds each (null: free). Without a tenant, because a free slot
-- has none and taking one must see those of all; nobody but the functions below may read it.
CREATE TABLE vector_slots (
    slot          int PRIMARY KEY CHECK (slot >= 1000),
    collection_id uuid
);
CREATE INDEX vector_slots_collection ON vector_slots (collection_id);

-- Takes an own slot for a collection of the bound tenant, a free one or a new one; null when there are max_slots
-- already and none is free. A new leaf is attached empty: that takes a lock that blocks neither reads nor writes,
-- and scans nothing. The leaf is then filled as the slot of a collection that nobody looks for there yet.
-- +goose StatementBegin
CREATE FUNCTION claim_slot(wanted_collection uuid, max_slots int)
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
    EXECUTE format('ALTER TABLE public.chunk_vectors ATTACH PARTITION %s FOR VALUES IN (%s)', leaf, claimed);
    INSERT INTO public.vector_slots (slot, collection_id) VALUES (claimed, wanted_collection);
    RETURN claimed;
END
$$;
-- +goose StatementEnd

-- Builds the index of a slot that a collection of the bound tenant holds, for that collection's dimensions, and
-- refreshes the planner's statistics. Does nothing when the index is there. The slot cannot be released meanwhile.
-- +goose StatementBegin
CREATE FUNCTION build_slot_index(held_slot int, holder uuid, memory_kb int)
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
    EXECUTE format('CREATE INDEX IF NOT EXISTS chunk_vectors_%1$s_hnsw ON public.chunk_vectors_%1$s
        USING hnsw ((embedding::halfvec(%2$s)) halfvec_cosine_ops)', held_slot, size);
    EXECUTE format('ANALYZE public.chunk_vectors_%s', held_slot);
END
$$;
-- +goose StatementEnd

-- Empties a slot that a collection of the bound tenant holds and gives it back. Refused while searches look for
-- the collection there. TRUNCATE is not transactional towards older snapshots: the caller waits for their end first.
-- +goose StatementBegin
CREATE FUNCTION release_slot(held_slot int, holder uuid)
    RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    serves boolean;
BEGIN
    SELECT slot = held_slot AND deleted_at IS NULL INTO serves FROM public.collections
    WHERE tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid AND id = holder
    FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the collection does not exist' USING ERRCODE = 'no_data_found';
    END IF;
    IF serves THEN
        RAISE EXCEPTION 'the slot is in use' USING ERRCODE = 'object_in_use';
    END IF;
    PERFORM FROM public.vector_slots WHERE slot = held_slot AND collection_id = holder FOR UPDATE;
    IF NOT FOUND THEN
        RETURN; -- released before
    END IF;
    EXECUTE format('TRUNCATE public.chunk_vectors_%s', held_slot);
    EXECUTE format('DROP INDEX IF EXISTS public.chunk_vectors_%s_hnsw', held_slot);
    UPDATE public.vector_slots SET collection_id = NULL WHERE slot = held_slot;
END
$$;
-- +goose StatementEnd

-- Which own slots a collection of the bound tenant holds.
-- +goose StatementBegin
CREATE FUNCTION slots_held(holder uuid)
    RETURNS SETOF int
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT s.slot FROM public.vector_slots s JOIN public.collections c ON c.id = s.collection_id
    WHERE s.collection_id = holder AND c.tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid
    ORDER BY s.slot
$$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION claim_slot(uuid, int), build_slot_index(int, uuid, int), release_slot(int, uuid), slots_held(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_slot(uuid, int), build_slot_index(int, uuid, int), release_slot(int, uuid), slots_held(uuid) TO lindero_app;

-- Operators see where a tenant's collections lie and may say where: names, sizes and states, no content.
-- +goose StatementBegin
CREATE FUNCTION tenant_placements(wanted_tenant uuid)
    RETURNS TABLE (collection text, slot int, dimensions int, chunks bigint, ef_search int, forced text, state text,
        detail text, due_since timestamptz, started_at timestamptz, moved_at timestamptz, step_at timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    before text := coalesce(current_setting('app.tenant_id', true), '');
BEGIN
    PERFORM set_config('app.tenant_id', wanted_tenant::text, true);
    RETURN QUERY SELECT c.name, c.slot, c.dimensions,
        coalesce((SELECT sum(s.chunks) FROM public.lexical_segments s WHERE s.tenant_id = c.tenant_id AND s.collection_id = c.id), 0)::bigint
            - (SELECT count(*) FROM public.lexical_deleted d WHERE d.tenant_id = c.tenant_id AND d.collection_id = c.id),
        c.ef_search, p.forced, coalesce(p.state, 'settled'), coalesce(p.detail, ''), p.due_since, p.started_at, p.moved_at, p.step_at
    FROM public.collections c
    LEFT JOIN public.collection_placements p ON p.tenant_id = c.tenant_id AND p.collection_id = c.id
    WHERE c.tenant_id = wanted_tenant AND c.deleted_at IS NULL ORDER BY c.name;
    PERFORM set_config('app.tenant_id', before, true);
END
$$;
-- +goose StatementEnd

-- Sets what an operator wants for a collection (null: by size) and returns its id, null when there is no such
-- collection.
-- +goose StatementBegin
CREATE FUNCTION force_placement(wanted_tenant uuid, wanted_collection text, wanted text)
    RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    before text := coalesce(current_setting('app.tenant_id', true), '');
    found_id uuid;
BEGIN
    PERFORM set_config('app.tenant_id', wanted_tenant::text, true);
    SELECT id INTO found_id FROM public.collections
    WHERE tenant_id = wanted_tenant AND name = wanted_collection AND deleted_at IS NULL FOR KEY SHARE;
    IF FOUND THEN
        INSERT INTO public.collection_placements AS p (tenant_id, collection_id, state, forced)
        VALUES (wanted_tenant, found_id, 'settled', wanted)
        ON CONFLICT (tenant_id, collection_id) DO UPDATE SET forced = excluded.forced, due_since = NULL;
    END IF;
    PERFORM set_config('app.tenant_id', before, true);
    RETURN found_id;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION tenant_placements(uuid), force_placement(uuid, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenant_placements(uuid), force_placement(uuid, text, text) TO lindero_platform;
