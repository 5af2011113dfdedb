// Package systemtest puts storage, workers and search together on a real database, for tests that ask the whole
// system rather than a part: does what goes in as documents come out of searches as it should?
package systemtest

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"lindero/embed"
	"lindero/embed/builtin"
	"lindero/ingest"
	"lindero/ingest/jobs"
	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/search/eval/beir"
	"lindero/store"
	"lindero/store/postgres"
	"lindero/tenant"
)

// Builtin is the profile of the builtin embedder as a new tenant gets it.
var Builtin = store.Profile{Provider: store.ProviderBuiltin, Model: builtin.Model, Dimensions: builtin.DefaultDimensions}

// System is one running Lindero without HTTP.
type System struct {
	*storefixture.Fixture
	Search *search.Service
}

// New starts the workers on a database of the test's own and stops them at its end.
func New(tb testing.TB) *System {
	tb.Helper()
	return NewPlaced(tb, postgres.PlacementPolicy{})
}

// NewPlaced is New with a rule for placing collections.
func NewPlaced(tb testing.TB, policy postgres.PlacementPolicy) *System {
	tb.Helper()
	s := &System{Fixture: storefixture.NewPlaced(tb, policy)}
	log := slog.New(slog.DiscardHandler)
	embedder := func(p store.Profile) (embed.Embedder, error) { return builtin.New(p.Dimensions) }
	var err error
	if s.Search, err = search.New(search.Config{Embedder: embedder, Log: log}); err != nil {
		tb.Fatal(err)
	}
	workers, err := jobs.New(jobs.Config{
		Store: s.Store, Log: log, Pipeline: &ingest.Pipeline{Log: log},
		Embedder: func(_ *postgres.Handle, p store.Profile) (embed.Embedder, error) { return embedder(p) },
		MergeSegments: func(ctx context.Context, h *postgres.Handle, collection uuid.UUID) (time.Duration, error) {
			return h.MergeSegments(ctx, collection)
		},
		WatchRecall: func(ctx context.Context, h *postgres.Handle, id tenant.ID, collection uuid.UUID) (time.Duration, error) {
			return s.Search.WatchRecall(ctx, h, id, collection)
		},
		PurgeTenant: func(ctx context.Context, _ tenant.ID, h *postgres.Handle) error { return h.PurgeTenant(ctx) },
	})
	if err != nil {
		tb.Fatal(err)
	}
	if err := workers.Start(context.Background()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := workers.Stop(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Load indexes a test collection as one document a passage and returns when all of it can be found. An entry
// without title and text, as cranfield has two, is no document.
func (s *System) Load(tb testing.TB, t storefixture.Tenant, documents []beir.Document) {
	tb.Helper()
	var docs []store.NewDocument
	for _, d := range documents {
		if d.Title != "" || d.Text != "" {
			docs = append(docs, storefixture.Text(d.ID, d.Title, d.Text))
		}
	}
	s.Index(tb, t, docs)
}

// Index returns when all of the documents can be found.
func (s *System) Index(tb testing.TB, t storefixture.Tenant, docs []store.NewDocument) {
	tb.Helper()
	for batch := range slices.Chunk(docs, 1000) {
		accepted, err := t.Handle.AcceptDocuments(context.Background(), t.Collection, batch, store.AcceptOptions{Bulk: true})
		if err != nil {
			tb.Fatal(err)
		}
		operation, err := t.Handle.WaitOperation(context.Background(), accepted[0].Operation.ID)
		if err != nil || operation.Status != store.Succeeded {
			tb.Fatalf("indexing ended as %+v, %v", operation, err)
		}
	}
}

// IDs searches and returns the documents found, best first.
func (s *System) IDs(tb testing.TB, t storefixture.Tenant, request search.Request) []string {
	tb.Helper()
	response, err := s.Search.Search(context.Background(), t.Handle, t.ID, request)
	if err != nil {
		tb.Fatal(err)
	}
	ids := make([]string, len(response.Results))
	for i, result := range response.Results {
		ids[i] = result.DocumentID
	}
	return ids
}
