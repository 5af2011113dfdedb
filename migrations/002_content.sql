-- +goose Up

-- A collection owns the embedding profile, the language and the chunking of its documents.
-- version grows with every change that a search or an ingestion must not overlook.
CREATE TABLE collections (
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    id          uuid NOT NULL DEFAULT gen_random_uuid(),
    name        text COLLATE "C" NOT NULL,
    description text NOT NULL DEFAULT '',
    language    text NOT NULL DEFAULT 'auto',
    provider    text NOT NULL CHECK (provider IN ('builtin', 'openai', 'external')),
    model       text NOT NULL DEFAULT '',
    dimensions  int  NOT NULL CHECK (dimensions BETWEEN 1 AND 4000),
    chunking    jsonb NOT NULL,
    metadata    jsonb NOT NULL DEFAULT '{}',
    slot        int NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz, -- out of every search; its rows are being purged
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX collections_name ON collections (tenant_id, name) WHERE deleted_at IS NULL;

-- Next free ordinal and segment. Taken in ranges outside the ingest transaction, so that ingestion never
-- queues behind this row; gaps are fine.
CREATE TABLE collection_counters (
    tenant_id     uuid NOT NULL,
    collection_id uuid NOT NULL,
    next_ordinal  bigint NOT NULL DEFAULT 1,
    next_segment  bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, collection_id),
    FOREIGN KEY (tenant_id, collection_id) REFERENCES collections (tenant_id, id) ON DELETE CASCADE
);

-- A document as callers see it. version is the one that searches see (0: none yet); pending_version is the
-- newest one accepted and not yet indexed or failed. Ingestion is fenced by it.
CREATE TABLE documents (
    tenant_id       uuid NOT NULL,
    collection_id   uuid NOT NULL,
    key             uuid NOT NULL DEFAULT gen_random_uuid(), -- short stand-in for the caller's id
    id              text COLLATE "C" NOT NULL,
    title           text NOT NULL DEFAULT '',
    url             text NOT NULL DEFAULT '',
    language        text NOT NULL DEFAULT '',
    metadata        jsonb NOT NULL DEFAULT '{}',
    content_type    text NOT NULL DEFAULT '',
    bytes           bigint NOT NULL DEFAULT 0,
    content_hash    bytea NOT NULL, -- of everything the caller sent, empty for none; equal means unchanged
    version         bigint NOT NULL DEFAULT 0,
    pending_version bigint,
    last_version    bigint NOT NULL DEFAULT 1, -- the newest version number given out
    status          text NOT NULL CHECK (status IN ('pending', 'processing', 'indexed', 'failed')),
    error_code      text,
    error_detail    text,
    chunks          int NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    indexed_at      timestamptz,
    PRIMARY KEY (tenant_id, collection_id, key),
    FOREIGN KEY (tenant_id, collection_id) REFERENCES collections (tenant_id, id)
);
CREATE UNIQUE INDEX documents_id ON documents (tenant_id, collection_id, id);

-- What the caller sent, until a newer version takes its place: ingestion starts from here after any crash.
CREATE TABLE document_payloads (
    tenant_id     uuid NOT NULL,
    collection_id uuid NOT NULL,
    document_key  uuid NOT NULL,
    version       bigint NOT NULL,
    title         text NOT NULL,
    url           text NOT NULL,
    language      text NOT NULL,
    metadata      jsonb NOT NULL,
    content_type  text NOT NULL,
    body          bytea NOT NULL, -- the text or file as sent; for a caller's own split a JSON array of {text, metadata}
    split         boolean NOT NULL DEFAULT false, -- body is the caller's own split
    vectors       bytea,          -- float32 little endian, one after another, one a part; null when none were sent
    PRIMARY KEY (tenant_id, collection_id, document_key, version)
);
ALTER TABLE document_payloads ALTER COLUMN vectors SET STORAGE EXTERNAL; -- floats do not compress

-- Filterable metadata. jsonb, numeric and array operators are not leakproof, so under RLS no index would serve
-- them; comparisons of text, float8 and boolean are. One row a value, several for an array; at most one of the
-- three values is set, and none for an empty array. Texts above 1000 bytes are kept as a prefix and a hash (store/postgres/fields.go).
CREATE TABLE document_fields (
    tenant_id     uuid NOT NULL,
    collection_id uuid NOT NULL,
    document_key  uuid NOT NULL,
    field         text COLLATE "C" NOT NULL,
    n             smallint NOT NULL,
    text_value    text COLLATE "C",
    float_value   float8,
    bool_value    boolean,
    PRIMARY KEY (tenant_id, collection_id, document_key, field, n)
);
CREATE INDEX document_fields_text ON document_fields (tenant_id, collection_id, field, text_value, document_key);
CREATE INDEX document_fields_float ON document_fields (tenant_id, collection_id, field, float_value, document_key)
    WHERE float_value IS NOT NULL;

-- Passages. The ordinal is the short key that vectors and postings carry.
CREATE TABLE chunks (
    tenant_id     uuid NOT NULL,
    collection_id uuid NOT NULL,
    ordinal       bigint NOT NULL,
    document_key  uuid NOT NULL,
    position      int NOT NULL,          -- 0, 1, 2 … in the document
    chunk_id      uuid NOT NULL,         -- derived from collection name, document id, position and text
    text          text NOT NULL,
    context       text NOT NULL,         -- heading path; indexed and embedded with the text
    start_offset  int NOT NULL,          -- bytes into the extracted text
    end_offset    int NOT NULL,
    page          int NOT NULL DEFAULT 0, -- 0: the format has no pages
    metadata      jsonb,                 -- of the caller's own split
    tokens        int NOT NULL,          -- terms in the lexical index
    PRIMARY KEY (tenant_id, collection_id, ordinal)
);
CREATE UNIQUE INDEX chunks_position ON chunks (tenant_id, collection_id, document_key, position);

-- Vectors, narrow and insert-only (a row is never updated). Slots 0…31 are shared by small collections and
-- scanned exactly; slots from 1000 on hold one collection each and carry an index. The slot leads the key
-- because it is the partition key (DESIGN §3, exceptions). No foreign key: attaching a partition would block
-- all writes to chunks. No DEFAULT partition: attaching beside one scans it.
CREATE TABLE chunk_vectors (
    slot          int NOT NULL,
    tenant_id     uuid NOT NULL,
    collection_id uuid NOT NULL,
    ordinal       bigint NOT NULL,
    embedding     halfvec NOT NULL,
    PRIMARY KEY (slot, tenant_id, collection_id, ordinal)
) PARTITION BY LIST (slot);
ALTER TABLE chunk_vectors ALTER COLUMN embedding SET STORAGE PLAIN; -- never a detour through TOAST

-- +goose StatementBegin
DO $$
BEGIN
    FOR slot IN 0..31 LOOP
        EXECUTE format('CREATE TABLE chunk_vectors_%s PARTITION OF chunk_vectors FOR VALUES IN (%s)', slot, slot);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- Embeddings this tenant has paid for already, by profile and text.
CREATE TABLE embedding_cache (
    tenant_id  uuid NOT NULL REFERENCES tenants (id), -- or a late write would outlive its tenant
    profile    text COLLATE "C" NOT NULL, -- provider, model and dimensions
    text_hash  bytea NOT NULL,            -- sha256
    embedding  halfvec NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, profile, text_hash)
);

-- Lexical index. A segment is written by one ingest transaction and never changed; merging replaces several
-- by one. N and average length are summed over segments: no hot counter row.
CREATE TABLE lexical_segments (
    tenant_id     uuid NOT NULL,
    collection_id uuid NOT NULL,
    segment_id    bigint NOT NULL,
    chunks        int NOT NULL,
    tokens        bigint NOT NULL,
    languages     text[] NOT NULL, -- languages its documents were analysed in
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, collection_id, segment_id)
);
CREATE TABLE lexical_postings (
    tenant_id     uuid NOT NULL,
    collection_id uuid NOT NULL,
    term          text COLLATE "C" NOT NULL,
    segment_id    bigint NOT NULL,
    postings      bytea NOT NULL, -- search/lexical/codec
    PRIMARY KEY (tenant_id, collection_id, term, segment_id)
);
ALTER TABLE lexical_postings ALTER COLUMN postings SET STORAGE EXTERNAL; -- packed already
-- A merge reads whole segments.
CREATE INDEX lexical_postings_segment ON lexical_postings (tenant_id, collection_id, segment_id);

-- Ordinals deleted since their segment was written: dropped before ranking and left out of every statistic,
-- so a merge, which removes postings and marker together, changes no score.
CREATE TABLE lexical_deleted (
    tenant_id     uuid NOT NULL,
    collection_id uuid NOT NULL,
    ordinal       bigint NOT NULL,
    tokens        int NOT NULL,
    PRIMARY KEY (tenant_id, collection_id, ordinal)
);

-- Asynchronous work as the caller sees it.
CREATE TABLE operations (
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    id          uuid NOT NULL DEFAULT gen_random_uuid(),
    kind        text NOT NULL,
    status      text NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'partially_failed', 'failed', 'cancelled')),
    total       bigint NOT NULL DEFAULT 0,
    done        bigint NOT NULL DEFAULT 0,
    failed      bigint NOT NULL DEFAULT 0,
    accepting   boolean NOT NULL DEFAULT false, -- its request is still sending documents: not finished before it ends
    active_at   timestamptz NOT NULL DEFAULT now(), -- last change; one that stays accepting without any was abandoned
    created_at  timestamptz NOT NULL DEFAULT now(),
    started_at  timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX operations_created ON operations (tenant_id, created_at, id);
CREATE TABLE operation_errors (
    tenant_id    uuid NOT NULL,
    operation_id uuid NOT NULL,
    document_id  text COLLATE "C" NOT NULL,
    code         text NOT NULL,
    detail       text NOT NULL,
    PRIMARY KEY (tenant_id, operation_id, document_id),
    FOREIGN KEY (tenant_id, operation_id) REFERENCES operations (tenant_id, id) ON DELETE CASCADE
);

-- What a tenant's drain job works off. Rows go in the transaction that publishes or fails their version.
CREATE TABLE work_items (
    tenant_id     uuid NOT NULL,
    collection_id uuid NOT NULL,
    document_key  uuid NOT NULL,
    version       bigint NOT NULL,
    operation_id  uuid NOT NULL,
    priority      smallint NOT NULL DEFAULT 1, -- 0 before 1: single documents go before bulk
    attempts      int NOT NULL DEFAULT 0,
    run_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, collection_id, document_key, version)
);
CREATE INDEX work_items_next ON work_items (tenant_id, priority, run_at);
CREATE INDEX work_items_operation ON work_items (tenant_id, operation_id);

-- First answers of requests with an Idempotency-Key, for 24 hours. response is null while the first runs.
CREATE TABLE idempotency_keys (
    tenant_id    uuid NOT NULL REFERENCES tenants (id),
    key          text COLLATE "C" NOT NULL,
    request_hash bytea NOT NULL,
    status       int,
    response     bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (tenant_id, created_at); -- expiry

-- Wall 2 on every table with a tenant_id, partition leaves included.
-- +goose StatementBegin
DO $$
DECLARE
    tbl regclass;
BEGIN
    FOR tbl IN
        SELECT a.attrelid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE a.attname = 'tenant_id' AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
          AND NOT c.relrowsecurity
    LOOP
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

-- No grant on a partition leaf (they are reached through the parent), and none to the platform role.
GRANT SELECT, INSERT, UPDATE, DELETE ON
    collections, collection_counters, documents, document_payloads, document_fields, chunks,
    lexical_segments, lexical_postings, lexical_deleted,
    operations, operation_errors, work_items, idempotency_keys TO lindero_app;
GRANT SELECT, INSERT, DELETE ON chunk_vectors, embedding_cache TO lindero_app;

-- Creates a tenant with its default collection in one step. The platform role cannot write collections;
-- this function does it for it, as the new tenant.
-- +goose StatementBegin
CREATE FUNCTION create_tenant(
    new_slug text, new_name text, new_plan text, new_state text, new_settings jsonb, new_features jsonb,
    new_metadata jsonb, new_region text, new_trial_ends_at timestamptz,
    default_provider text, default_model text, default_dimensions int, default_chunking jsonb)
    RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    new_id uuid := gen_random_uuid();
    new_collection uuid := gen_random_uuid();
    before text := coalesce(current_setting('app.tenant_id', true), '');
BEGIN
    PERFORM set_config('app.tenant_id', new_id::text, true);
    INSERT INTO public.tenants (id, slug, name, plan, state, settings, features, metadata, region, trial_ends_at)
    VALUES (new_id, new_slug, new_name, new_plan, new_state, new_settings, new_features, new_metadata, new_region, new_trial_ends_at);
    INSERT INTO public.collections (tenant_id, id, name, provider, model, dimensions, chunking, slot)
    VALUES (new_id, new_collection, 'default', default_provider, default_model, default_dimensions, default_chunking,
            abs(hashtext(new_collection::text) % 32));
    INSERT INTO public.collection_counters (tenant_id, collection_id) VALUES (new_id, new_collection);
    PERFORM set_config('app.tenant_id', before, true);
    RETURN new_id;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION create_tenant(text, text, text, text, jsonb, jsonb, jsonb, text, timestamptz, text, text, int, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION create_tenant(text, text, text, text, jsonb, jsonb, jsonb, text, timestamptz, text, text, int, jsonb) TO lindero_platform;

-- Ends the deletion of the tenant that the caller is bound to, and of no other: it takes no tenant. Refused
-- unless the tenant is being deleted; a row left anywhere keeps the tenant and fails the call.
-- +goose StatementBegin
CREATE FUNCTION finish_tenant_deletion(removed_rows jsonb)
    RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    gone uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
    gone_slug text;
    tbl regclass;
    left_over boolean;
BEGIN
    SELECT slug INTO gone_slug FROM public.tenants WHERE id = gone AND state = 'deleting' FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the tenant is not being deleted' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    FOR tbl IN
        SELECT a.attrelid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE a.attname = 'tenant_id' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND c.relnamespace = 'public'::regnamespace
          AND c.relname NOT IN ('api_keys', 'tenant_receipts')
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE tenant_id = $1)', tbl) INTO left_over USING gone;
        IF left_over THEN
            RAISE EXCEPTION 'rows are left in %', tbl USING ERRCODE = 'object_in_use';
        END IF;
    END LOOP;
    DELETE FROM public.api_keys WHERE tenant_id = gone;
    DELETE FROM public.tenants WHERE id = gone;
    INSERT INTO public.tenant_receipts (tenant_id, slug, removed, verified) VALUES (gone, gone_slug, removed_rows, true);
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION finish_tenant_deletion(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION finish_tenant_deletion(jsonb) TO lindero_app;
