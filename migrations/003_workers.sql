-- +goose Up

-- Several turns of one tenant may work at once. A turn claims its items before it begins with them: lane says
-- which of the tenant's turns has the item (null: none), worker which process it ran in. A claim that a process
-- leaves behind when it dies is the trace by which deaths counts how often an item was in hand at such a moment:
-- the attempt is on record before the work begins.
-- bytes is the size of the stored payload, so that neither a batch nor the queue's limit needs to look there.
ALTER TABLE work_items
    ADD COLUMN bytes  bigint NOT NULL DEFAULT 0,
    ADD COLUMN lane   smallint,
    ADD COLUMN worker uuid,
    ADD COLUMN deaths smallint NOT NULL DEFAULT 0;
-- Claiming updates no indexed column: with room on the page it touches no index.
ALTER TABLE work_items SET (fillfactor = 60);

-- Retrying an operation's failures must know where the documents are. Null on rows from before: those can be
-- retried one by one.
ALTER TABLE operation_errors ADD COLUMN collection_id uuid;

-- FORCE binds the owner too: without this the update would see nothing.
ALTER TABLE work_items NO FORCE ROW LEVEL SECURITY;
ALTER TABLE document_payloads NO FORCE ROW LEVEL SECURITY;
UPDATE work_items w SET bytes = octet_length(p.body) + coalesce(octet_length(p.vectors), 0)
FROM document_payloads p
WHERE p.tenant_id = w.tenant_id AND p.collection_id = w.collection_id AND p.document_key = w.document_key AND p.version = w.version;
ALTER TABLE work_items FORCE ROW LEVEL SECURITY;
ALTER TABLE document_payloads FORCE ROW LEVEL SECURITY;

-- Which tenant an operator means who starts workers for it. Answers with the id alone: who runs workers holds
-- the restricted role and no platform key.
CREATE FUNCTION lookup_tenant(ref text)
    RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT id FROM public.tenants WHERE state <> 'deleting' AND (slug = ref OR id::text = ref) ORDER BY id::text = ref DESC LIMIT 1
$$;
REVOKE ALL ON FUNCTION lookup_tenant(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lookup_tenant(text) TO lindero_app;
GRANT CREATE ON SCHEMA public TO lindero_lookup;
ALTER FUNCTION lookup_tenant(text) OWNER TO lindero_lookup;
REVOKE CREATE ON SCHEMA public FROM lindero_lookup;
