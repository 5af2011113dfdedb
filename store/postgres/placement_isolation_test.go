package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"lindero/internal/storefixture"
	"lindero/search"
)

// TestOwnSlotsAreIsolated points a neighbour's handle at a promoted collection, with predicates and without, and then
// breaks the leaves' protection for the self-check to notice.
func TestOwnSlotsAreIsolated(t *testing.T) {
	t.Parallel()
	f := storefixture.NewPlaced(t, smallPolicy)
	a, b := newPlacedEnv(t, f), newPlacedEnv(t, f)
	a.fill(0, 50)
	a.place()
	b.fill(0, 50)
	b.place()
	if !a.Collection.Indexed() || !b.Collection.Indexed() {
		t.Fatalf("slots %d and %d", a.Collection.Slot, b.Collection.Slot)
	}
	ask := func(as *env, exact bool) (found int) {
		t.Helper()
		target := search.Target{Collection: a.Collection, Vector: storefixture.Vector("q", storefixture.Dimensions), Limit: 5, Exact: exact}
		snapshot, err := as.Handle.Retrieve(as.ctx, search.Plan{Targets: []search.Target{target}})
		if err != nil {
			t.Fatal(err)
		}
		defer snapshot.Close()
		return len(snapshot.Retrieved()[0].Vector)
	}
	for _, exact := range []bool{false, true} {
		if ask(a, exact) != 5 || ask(b, exact) != 0 {
			t.Errorf("exact %t: A finds %d of its own, B %d of A's", exact, ask(a, exact), ask(b, exact))
		}
	}
	seen := func(as *env, table string) (n int) {
		t.Helper()
		f.Query(t, as.ID, `SELECT count(*) FROM `+table+` WHERE slot = 1000`, &n)
		return n
	}
	if n := seen(b, "chunk_vectors"); n != 0 {
		t.Errorf("without predicates B sees %d of A's vectors", n)
	}
	// Searches name the leaf: its own policy is what binds them then.
	if a, b := seen(a, "chunk_vectors_1000"), seen(b, "chunk_vectors_1000"); a != 50 || b != 0 {
		t.Errorf("of the leaf itself A sees %d and B %d", a, b)
	}
	for _, write := range []string{`DELETE FROM chunk_vectors_1000`, `INSERT INTO chunk_vectors_1000 SELECT * FROM chunk_vectors_1000`} {
		if err := f.TryExec(a.ID, write); err == nil {
			t.Errorf("the leaf can be written directly: %s", write)
		}
	}
	asOwner(t, f.OwnerURL, `ALTER TABLE chunk_vectors_1000 DISABLE ROW LEVEL SECURITY; DROP POLICY tenant_isolation ON chunk_vectors_1001;
		GRANT INSERT ON chunk_vectors_1001 TO lindero_app`)
	if n := seen(b, "chunk_vectors_1000"); n != 50 {
		t.Errorf("with the wall gone B sees %d of A's vectors: what did the test show?", n)
	}
	if ask(b, true) != 0 || ask(b, false) != 0 {
		t.Error("with the wall gone the predicates of a search do not hold by themselves")
	}
	names, details := brokenChecks(t, f.Store)
	for _, check := range []string{"row_level_security", "tenant_policy", "grants"} {
		if !slices.Contains(names, check) {
			t.Errorf("the self-check does not notice %s: %s", check, details)
		}
	}
	if !strings.Contains(details, "chunk_vectors_1000") || !strings.Contains(details, "chunk_vectors_1001") {
		t.Errorf("the leaves are not named: %s", details)
	}
}
