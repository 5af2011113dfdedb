package migrations_test

import (
	"testing"

	"lindero/internal/pgtest"
	"lindero/migrations"
)

// Step 13 tells the fields of documents that are there which ordinals their chunks have.
func TestFieldsGetTheirOrdinals(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	// What the step has done is undone; the tables are as large databases have them before it.
	exec(t, db.OwnerURL(), `
		DELETE FROM goose_db_version WHERE version_id = 13;
		ALTER TABLE document_fields DROP COLUMN first_ordinal, DROP COLUMN chunks;
		CREATE INDEX document_fields_text ON document_fields (text_value);
		CREATE INDEX document_fields_float ON document_fields (float_value);
		CREATE INDEX document_fields_bool ON document_fields (bool_value);
		CREATE INDEX chunks_document_key ON chunks (document_key);
		WITH ids AS (SELECT n, gen_random_uuid() AS id FROM generate_series(1, 4) AS n), -- 1 and 2 tenants, 3 a collection and 4 a document of both
		chunk AS (INSERT INTO chunks (tenant_id, collection_id, ordinal, document_key, position, chunk_id, text, context, start_offset, end_offset, tokens)
			SELECT t.id, c.id, t.n * 100 + k, d.id, k, gen_random_uuid(), 'x', '', 0, 1, 1
			FROM ids t, ids c, ids d, generate_series(0, t.n) AS k WHERE t.n <= 2 AND c.n = 3 AND d.n = 4)
		INSERT INTO document_fields (tenant_id, collection_id, document_key, field, n, float_value)
			SELECT t.id, c.id, d.id, field, 0, t.n FROM ids t, ids c, ids d, unnest(ARRAY['a', 'b']) AS field WHERE t.n <= 2 AND c.n = 3 AND d.n >= 3`)
	if err := migrations.Up(t.Context(), db.OwnerURL(), quiet); err != nil {
		t.Fatal(err)
	}
	const want = "1: 0+0 0+0 100+2 100+2; 2: 0+0 0+0 200+3 200+3" // half of the fields are of a document without chunks
	got := value[string](t, db.OwnerURL(), `SELECT string_agg(t.n || ': ' || t.runs, '; ' ORDER BY t.n) FROM (
		SELECT float_value AS n, string_agg(first_ordinal || '+' || chunks, ' ' ORDER BY first_ordinal) AS runs FROM document_fields GROUP BY 1) t`)
	if got != want {
		t.Errorf("fields have the runs %q, want %q", got, want)
	}
	if forced := value[bool](t, db.OwnerURL(), `SELECT bool_and(relforcerowsecurity) FROM pg_class WHERE relname IN ('document_fields', 'chunks')`); !forced {
		t.Error("row-level security is not forced any more")
	}
}
