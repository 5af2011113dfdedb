package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/store"
	"lindero/store/postgres"
)

// newComparedEnv is a collection in a slot of its own whose chunks are of a few words each.
func newComparedEnv(t *testing.T) (e *env, words func() string) {
	t.Helper()
	const chunks = 1200
	f := storefixture.NewPlaced(t, postgres.PlacementPolicy{PromoteAt: 1000})
	e = newPlacedEnv(t, f)
	random := rand.New(rand.NewPCG(7, 8))
	words = func() string {
		var b strings.Builder
		for range 6 {
			fmt.Fprintf(&b, "w%d ", random.IntN(60))
		}
		return b.String()
	}
	docs := make([]store.NewDocument, chunks)
	for i := range docs {
		docs[i] = storefixture.Split(fmt.Sprint("d", i), words(), storefixture.Dimensions)
	}
	for batch := range slices.Chunk(docs, 1000) {
		e.accept(batch...)
		e.index()
	}
	e.place()
	if !e.Collection.Indexed() {
		t.Fatalf("the collection is in slot %d", e.Collection.Slot)
	}
	e.fit(28)
	return e, words
}

// TestComparedSearches: a hybrid search that compares instead of asking the index for more finds the same whether its words
// come from memory, from the database, or from a memory that a deletion has outdated; what is best by words brings its
// similarity; and it is as near to what complete rankings give as a search with a hundred candidates of each leg.
func TestComparedSearches(t *testing.T) {
	t.Parallel()
	e, words := newComparedEnv(t)
	cacheless, service := newCacheless(e), newService(t)
	compared, uncompared := 0, 0
	for n := range 40 {
		text := words()
		request := search.Request{Query: text, Vector: storefixture.Vector(text, storefixture.Dimensions), Explain: true}
		warm := e.search(service, request)
		if again := e.search(service, request); again.Explain.RoundTrips != 2 {
			t.Errorf("a search from memory took %d round trips", again.Explain.RoundTrips)
		}
		if n%8 == 7 { // not by this handle's hand: its memory is outdated
			if _, err := cacheless.DeleteDocuments(e.ctx, "default", []string{warm.Results[0].DocumentID}); err != nil {
				t.Fatal(err)
			}
			warm = e.search(service, request)
		}
		cold, err := service.Search(e.ctx, cacheless, e.ID, request)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(cold.Results, warm.Results); diff != "" || cold.Explain.RoundTrips != 3 {
			t.Fatalf("search %d, without the cache (%d round trips) and with it:\n%s", n, cold.Explain.RoundTrips, diff)
		}
		for _, result := range warm.Results {
			if result.Scores.Semantic == nil {
				t.Errorf("search %d: %s has no similarity: %+v", n, result.DocumentID, result.Scores)
			}
		}
		top := func(k int) []string { // of a search for more results, which does not compare
			request.TopK = &k
			return idsOf(e.search(service, request))[:10]
		}
		complete := top(1000)
		compared += shared(idsOf(warm), complete)
		uncompared += shared(top(25), complete)
	}
	t.Logf("of the results of complete rankings, comparing finds %d and a hundred candidates of each leg %d", compared, uncompared)
	if compared < uncompared {
		t.Errorf("of the results of complete rankings, comparing finds %d and a hundred candidates of each leg %d", compared, uncompared)
	}
}

// shared counts what is in both.
func shared(a, b []string) (n int) {
	for _, id := range a {
		if slices.Contains(b, id) {
			n++
		}
	}
	return n
}
