-- +goose Up

-- A namespace that was deleted and seen to be gone stays on record until the tenant goes, whose receipt counts it.
ALTER TABLE vector_namespaces ADD COLUMN gone_at timestamptz;
GRANT UPDATE (gone_at) ON vector_namespaces TO lindero_app;

-- What is left to do until a tenant's namespaces are as its record and its operator want them: numbers for operators,
-- no content.
-- +goose StatementBegin
CREATE FUNCTION tenant_vector_move(wanted_tenant uuid)
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
        (SELECT count(*) FROM public.vector_outbox o WHERE o.tenant_id = wanted_tenant AND o.sent_at IS NULL),
        (SELECT count(*) FROM public.vector_outbox o WHERE o.tenant_id = wanted_tenant AND o.sent_at IS NOT NULL
            AND o.visible_at = 'infinity' AND NOT o.deleted),
        (SELECT count(*) FROM public.vector_namespaces n WHERE n.tenant_id = wanted_tenant AND n.gone_at IS NULL);
    PERFORM set_config('app.tenant_id', before, true);
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION tenant_vector_move(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenant_vector_move(uuid) TO lindero_platform;
