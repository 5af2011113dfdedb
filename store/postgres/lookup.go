package postgres

import "strings"

// Writes look many rows up by their keys. The planner must do that row by row, whatever it believes of the
// tables: under row-level security it multiplies the selectivity of the tenant by itself, takes a tenant's
// share of any table for a single row, and joins by scanning all of it once per key. Three habits prevent it:
//   - the keys come from each, which it takes for one row;
//   - every look-up is a LATERAL subquery with OFFSET 0, ordered as the index it is meant to use, so that
//     another index with the same leading columns would need a sort, which byKey forbids;
//   - UPDATE and DELETE join to what was looked up by ctid.

// each unnests arrays, given as typed placeholders, as k with the named columns. It must be used with oneRow.
func each(columns string, arrays ...string) string {
	return "unnest((SELECT " + strings.Join(arrays, "), (SELECT ") + ")) WITH ORDINALITY AS k (" + columns + ", n)"
}

// oneRow is always true, and a range: the planner thinks that hardly any row of each passes.
const oneRow = "k.n BETWEEN 0 AND 2147483647"

// Look-ups of k in a collection ($2) of a tenant ($1), to be used as CROSS JOIN LATERAL (…) x.
const (
	documentByKey = `SELECT ctid, * FROM documents WHERE tenant_id = $1 AND collection_id = $2
		AND key >= k.key AND key <= k.key ORDER BY key OFFSET 0`
	documentByID = `SELECT ctid, * FROM documents WHERE tenant_id = $1 AND collection_id = $2
		AND id >= k.id AND id <= k.id ORDER BY id OFFSET 0`
	payloadsOfDocument = `SELECT ctid, version FROM document_payloads WHERE tenant_id = $1 AND collection_id = $2
		AND document_key = k.key ORDER BY version OFFSET 0`
	itemsOfDocument = `SELECT ctid, version FROM work_items WHERE tenant_id = $1 AND collection_id = $2
		AND document_key = k.key ORDER BY version OFFSET 0`
	fieldsOfDocument = `SELECT ctid FROM document_fields WHERE tenant_id = $1 AND collection_id = $2
		AND document_key = k.key ORDER BY field, n OFFSET 0`
	chunksOfDocument = `SELECT ctid FROM chunks WHERE tenant_id = $1 AND collection_id = $2
		AND document_key = k.key ORDER BY position OFFSET 0`
	chunkByOrdinal = `SELECT ctid, ordinal, tokens FROM chunks WHERE tenant_id = $1 AND collection_id = $2
		AND ordinal >= k.old AND ordinal <= k.old ORDER BY ordinal OFFSET 0`
)

// deleteFound deletes the rows of a table (alias t) that a look-up finds for k.
func deleteFound(table, keys, lookup, and string) string {
	return "DELETE FROM " + table + " t USING " + keys + " CROSS JOIN LATERAL (" + lookup + ") x WHERE t.ctid = x.ctid AND " + oneRow + and
}

// updateFound changes the rows of a table (alias t) that a look-up finds for k.
func updateFound(table, set, keys, lookup, and string) string {
	return "UPDATE " + table + " t SET " + set + " FROM " + keys + " CROSS JOIN LATERAL (" + lookup + ") x WHERE t.ctid = x.ctid AND " + oneRow + and
}
