-- +goose Up

-- What a deleted collection leaves behind is dead rows, whose pages only vacuum gives back, some time later and only from
-- a table's end, and indexes, which vacuum empties and never makes smaller. A table that a deletion has all but emptied
-- is written anew instead, which takes a moment and leaves nothing behind. That belongs to the owner; so does VACUUM,
-- which no function can run. The functions take no tenant and tell of none: they see how many rows a table has.

-- Finds a table that holds tenants' rows; to be called by the two below.
-- +goose StatementBegin
CREATE FUNCTION content_table(wanted text)
    RETURNS regclass
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    found_table regclass;
BEGIN
    SELECT c.oid INTO found_table FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relname = wanted AND c.relkind = 'r'
        AND c.relname NOT IN ('api_keys', 'tenant_receipts');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such table' USING ERRCODE = 'undefined_table';
    END IF;
    RETURN found_table;
END
$$;
-- +goose StatementEnd

-- Reports whether a table takes some pages and has so few rows left. Where that may be so, the rows are estimated
-- anew first, for what was counted before the deletion is of no use; that blocks neither reads nor writes. The running
-- count only rules out what is far from empty: sessions tell late what they did, and an estimate in between counts it twice.
-- +goose StatementBegin
CREATE FUNCTION nearly_empty(wanted text, most_rows bigint)
    RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    emptied regclass := public.content_table(wanted);
BEGIN
    IF pg_total_relation_size(emptied) < 1 << 18 OR pg_stat_get_live_tuples(emptied) > 8 * most_rows THEN
        RETURN false;
    END IF;
    EXECUTE format('ANALYZE %s', emptied);
    RETURN (SELECT reltuples BETWEEN 0 AND most_rows FROM pg_class WHERE oid = emptied);
END
$$;
-- +goose StatementEnd

-- Writes a table anew that has so few rows left, in the order of its key, and its indexes with it. Nobody reads or writes
-- it meanwhile: the caller bounds how long that, and the wait for it, may take. Rows that an older snapshot may still see
-- are kept, so the caller waits for the end of older transactions first.
-- +goose StatementBegin
CREATE FUNCTION rewrite_table(wanted text, most_rows bigint)
    RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    emptied regclass := public.content_table(wanted);
    by_key regclass;
BEGIN
    SELECT i.indexrelid INTO by_key FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    WHERE i.indrelid = emptied AND i.indisprimary AND c.reltuples BETWEEN 0 AND most_rows; -- -1: never estimated
    IF FOUND THEN
        EXECUTE format('CLUSTER %s USING %I', emptied, (SELECT relname FROM pg_class WHERE oid = by_key));
    END IF;
END
$$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION content_table(text), nearly_empty(text, bigint), rewrite_table(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nearly_empty(text, bigint), rewrite_table(text, bigint) TO lindero_app;
