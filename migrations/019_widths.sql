-- +goose Up

-- A width is now found at once, by asking one measurement's queries at several widths, and what was known to be too narrow
-- need not be remembered. The widths so far were measured with queries that are easier than people's: they are found anew.
ALTER TABLE collection_recall
    DROP COLUMN insufficient_ef,
    ADD COLUMN objective float8; -- of the tenant when it was measured: a width is found for one; null: not yet

-- The owner is bound by the policies too, and binds no tenant here.
ALTER TABLE collections NO FORCE ROW LEVEL SECURITY;
UPDATE collections SET ef_search = 0 WHERE ef_search > 0;
ALTER TABLE collections FORCE ROW LEVEL SECURITY;
