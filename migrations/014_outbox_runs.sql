-- +goose Up

-- What is written together is told, acknowledged and forgotten together: an entry of the outbox stands for a run of
-- consecutive ordinals. With an entry each, noting the acknowledgements of a bulk load took longer than sending it. Runs
-- may overlap: what is told of an ordinal is what is on record when it is read, whichever entry names it.
ALTER TABLE vector_outbox
    ADD COLUMN run int NOT NULL DEFAULT 1 CHECK (run BETWEEN 1 AND 1000), -- how many, from ordinal on
    DROP CONSTRAINT vector_outbox_pkey,
    ADD PRIMARY KEY (tenant_id, collection_id, ordinal, run);
DROP INDEX vector_outbox_unsent;
CREATE INDEX vector_outbox_unsent ON vector_outbox (tenant_id, collection_id, ordinal, run) WHERE sent_at IS NULL;

-- Every reading of vectors that are to be told has a number, which goes with the records. An acknowledged entry takes
-- the number of its reading as its revision: whoever finds a record of that reading, or of a later one, sees the entry's
-- change. Revisions of entries so far begin at 1 and grow with each change of one vector; the numbers begin beyond them.
CREATE SEQUENCE vector_reads START 1000000;
GRANT USAGE ON SEQUENCE vector_reads TO lindero_app;

-- As before (008), in vectors.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION tenant_vector_move(wanted_tenant uuid)
    RETURNS TABLE (collections bigint, unsent bigint, unseen bigint, namespaces bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    before text := coalesce(current_setting('app.tenant_id', true), '');
BEGIN
    PERFORM set_config('app.tenant_id', wanted_tenant::text, true);
    RETURN QUERY SELECT
        (SELECT count(*) FROM public.collections c JOIN public.tenants t ON t.id = c.tenant_id
            WHERE c.tenant_id = wanted_tenant AND c.deleted_at IS NULL AND c.backend <> t.vectors),
        (SELECT coalesce(sum(o.run), 0) FROM public.vector_outbox o WHERE o.tenant_id = wanted_tenant AND o.sent_at IS NULL),
        (SELECT coalesce(sum(o.run), 0) FROM public.vector_outbox o WHERE o.tenant_id = wanted_tenant AND o.sent_at IS NOT NULL
            AND o.visible_at = 'infinity' AND NOT o.deleted),
        (SELECT count(*) FROM public.vector_namespaces n WHERE n.tenant_id = wanted_tenant AND n.gone_at IS NULL);
    PERFORM set_config('app.tenant_id', before, true);
END
$$;
-- +goose StatementEnd
