package postgres_test

import (
	"slices"
	"testing"

	"lindero/store/postgres"
)

// TestPredicatesHoldAlone takes row-level security away (wall 2): the explicit predicates of every method
// (wall 3) must keep tenants apart by themselves.
func TestPredicatesHoldAlone(t *testing.T) {
	t.Parallel()
	for method, call := range isolationCases {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			n := newNeighbours(t)
			for _, table := range slices.Concat(postgres.TenantTables, []string{"tenants", "api_keys"}) {
				asOwner(t, n.a.OwnerURL, `ALTER TABLE `+table+` DISABLE ROW LEVEL SECURITY`)
			}
			before := n.fingerprint(t)
			result, err := call(n, n.b.Handle)
			if what := n.leaked(t, result); what != "" {
				t.Errorf("B was given A's %s: %+v", what, result)
			}
			if after := n.fingerprint(t); after != before {
				t.Errorf("B changed rows of A (%v):\n%s\n%s", err, before, after)
			}
		})
	}
}

// TestPoliciesHoldAlone leaves the predicates away (wall 3): row-level security must keep tenants apart by
// itself, for reads and for writes.
func TestPoliciesHoldAlone(t *testing.T) {
	t.Parallel()
	n := newNeighbours(t)
	before := n.fingerprint(t)
	for _, table := range postgres.TenantTables {
		var foreign, all int
		n.b.Query(t, n.b.ID, `SELECT count(*) FILTER (WHERE tenant_id <> '`+n.b.ID.String()+`'), count(*) FROM `+table, &foreign, &all)
		if foreign > 0 {
			t.Errorf("B reads %d rows of others in %s", foreign, table)
		}
		if !slices.Contains([]string{"chunk_vectors", "embedding_cache", "vector_namespaces"}, table) { // no grant to update these
			n.b.Exec(t, n.b.ID, `UPDATE `+table+` SET tenant_id = tenant_id`)
		}
	}
	n.b.Exec(t, n.b.ID, `DELETE FROM chunk_vectors; DELETE FROM embedding_cache; DELETE FROM lexical_postings; DELETE FROM vector_outbox; DELETE FROM work_items`)
	if after := n.fingerprint(t); after != before {
		t.Errorf("B changed rows of A:\n%s\n%s", before, after)
	}
	for _, statement := range []string{
		`INSERT INTO lexical_deleted (tenant_id, collection_id, ordinal, tokens) VALUES ('` + n.a.ID.String() + `', '` + n.a.Collection.ID.String() + `', 1, 1)`,
		`UPDATE documents SET tenant_id = '` + n.a.ID.String() + `'`,
	} {
		if err := n.b.TryExec(n.b.ID, statement); err == nil {
			t.Errorf("B could %s", statement)
		}
	}
}
