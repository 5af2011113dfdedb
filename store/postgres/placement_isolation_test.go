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
	var seen int
	f.Query(t, b.ID, `SELECT count(*) FROM chunk_vectors WHERE slot = 1000`, &seen)
	if seen != 0 {
		t.Errorf("without predicates B sees %d of A's vectors", seen)
	}
	if err := f.TryExec(b.ID, `SELECT count(*) FROM chunk_vectors_1000`); err == nil {
		t.Error("the leaf can be reached directly")
	}
	asOwner(t, f.OwnerURL, `ALTER TABLE chunk_vectors_1000 DISABLE ROW LEVEL SECURITY; DROP POLICY tenant_isolation ON chunk_vectors_1001;
		GRANT SELECT ON chunk_vectors_1001 TO lindero_app`)
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
