// Package storetest is the one suite that every way to serve vector searches passes: the tables all collections
// share, a collection's own partition, Pinecone. It asks the questions of the HTTP contract through the search
// service and knows no backend.
package storetest

import (
	"log/slog"
	"testing"

	"lindero/embed"
	"lindero/embed/builtin"
	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/store"
)

// Dimensions of the suite's vectors.
const Dimensions = 32

// Backend is one way to serve vector searches, in one database.
type Backend interface {
	// Index is a tenant's storage as searches see it.
	Index(t storefixture.Tenant) search.Index
	// Settle puts the tenant's collections where the backend serves them from, and returns when it has taken in all
	// that was written before.
	Settle(tb testing.TB, t storefixture.Tenant)
	// Leave removes what the backend keeps of the tenant outside the database.
	Leave(tb testing.TB, t storefixture.Tenant)
}

// Open makes a backend for a database.
type Open func(tb testing.TB, f *storefixture.Fixture) Backend

// world is a database with a backend and a search service.
type world struct {
	testing.TB
	*storefixture.Fixture
	backend Backend
	service *search.Service
}

func newWorld(tb testing.TB, open Open) *world {
	tb.Helper()
	f := storefixture.New(tb)
	service, err := search.New(search.Config{
		Log:      slog.New(slog.DiscardHandler),
		Embedder: func(p store.Profile) (embed.Embedder, error) { return builtin.New(p.Dimensions) },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return &world{TB: tb, Fixture: f, backend: open(tb, f), service: service}
}

// resident is a tenant of the world.
type resident struct {
	*world
	storefixture.Tenant
	index search.Index
}

func (w *world) resident() *resident {
	w.Helper()
	t := w.Fixture.Tenant(w, store.Profile{Provider: store.ProviderExternal, Dimensions: Dimensions})
	w.backend.Settle(w, t)
	return &resident{world: w, Tenant: t, index: w.backend.Index(t)}
}

func (r *resident) settle() {
	r.Helper()
	r.backend.Settle(r, r.Tenant)
}

func (r *resident) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// ask searches as the tenant.
func (r *resident) ask(request search.Request) search.Response {
	r.Helper()
	response, err := r.service.Search(r.Context(), r.index, r.ID, request)
	r.must(err)
	return response
}

// cases are the suite.
var cases = map[string]func(*world){
	"search":      testSearch,
	"modes":       testModes,
	"filters":     testFilters,
	"exactness":   testRareMatches,
	"metadata":    testLargeMetadata,
	"isolation":   testIsolation,
	"errors":      testErrors,
	"concurrency": testConcurrency,
	"deletion":    testDeletion,
	"versions":    testVersions,
}

// Run has a backend pass the suite. ended is told of each case when it is over.
func Run(t *testing.T, open Open, ended func(name string, passed bool)) {
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() { ended(name, !t.Failed()) })
			test(newWorld(t, open))
		})
	}
}
