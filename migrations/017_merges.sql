-- +goose Up

-- Documents are coming in where a segment was written a moment ago, but not where segments were merged.
ALTER TABLE lexical_segments ADD COLUMN merged boolean NOT NULL DEFAULT false;

-- Which collections somebody should look at: those of more segments than are left alone, or with many deleted chunks whose
-- postings are still there. Ids of all tenants and nothing else, as in the queue. The role that looks keys up runs it, for it
-- can log in nowhere.
CREATE POLICY merge_sweep ON lexical_deleted FOR SELECT TO lindero_lookup USING (true);
GRANT SELECT (tenant_id, collection_id) ON lexical_deleted TO lindero_lookup;
-- +goose StatementBegin
CREATE FUNCTION due_merges(few_segments bigint, dead_share bigint)
    RETURNS TABLE (tenant_id uuid, collection_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT c.tenant_id, c.id
    FROM (SELECT s.tenant_id, s.collection_id, count(*) AS segments, sum(s.chunks) AS chunks
        FROM public.lexical_segments s GROUP BY s.tenant_id, s.collection_id) l
    JOIN public.collections c ON c.tenant_id = l.tenant_id AND c.id = l.collection_id
    LEFT JOIN (SELECT x.tenant_id, x.collection_id, count(*) AS chunks
        FROM public.lexical_deleted x GROUP BY x.tenant_id, x.collection_id) d
        ON d.tenant_id = l.tenant_id AND d.collection_id = l.collection_id
    WHERE c.deleted_at IS NULL AND (l.segments > few_segments OR d.chunks * dead_share >= l.chunks)
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION due_merges(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION due_merges(bigint, bigint) TO lindero_app;
GRANT CREATE ON SCHEMA public TO lindero_lookup;
ALTER FUNCTION due_merges(bigint, bigint) OWNER TO lindero_lookup;
REVOKE CREATE ON SCHEMA public FROM lindero_lookup;
