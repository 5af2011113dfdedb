package search

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"

	"lindero/embed"
	"lindero/fault"
	"lindero/search/admission"
	"lindero/store"
	"lindero/tenant"
)

// Config is what a Service needs.
type Config struct {
	// Embedder makes query embeddings of a profile; it is not asked for external ones.
	Embedder func(profile store.Profile) (embed.Embedder, error)
	Log      *slog.Logger
	// SlowSearch is from when on a search is logged with its explanation; 0: never.
	SlowSearch time.Duration
	// SlowSearchText logs the words of slow searches too, which are the tenant's.
	SlowSearchText bool
	// Searches is how many run at once in this process, shared out between tenants; 0: as many as come. It should fit
	// the processors of the database: where more run, none is faster, and a tenant with many slows down all.
	Searches int
}

// Service answers searches of any tenant. What it keeps between requests is keyed by tenant first.
type Service struct {
	cfg        Config
	described  *otter.Cache[collectionKey, store.Collection]
	embeddings *otter.Cache[embeddingKey, []float32]
	gate       *admission.Gate
}

type collectionKey struct {
	tenant uuid.UUID
	name   string
}

// Bounds of the caches, over all tenants.
const (
	maxDescribed  = 20_000
	maxEmbeddings = 10_000 // 30 MB of 768-d vectors
	embeddingLife = 10 * time.Minute
)

// New makes a service.
func New(cfg Config) (*Service, error) {
	described, err := otter.New(&otter.Options[collectionKey, store.Collection]{
		MaximumSize: maxDescribed, ExpiryCalculator: otter.ExpiryWriting[collectionKey, store.Collection](describedFor),
	})
	if err != nil {
		return nil, err
	}
	embeddings, err := otter.New(&otter.Options[embeddingKey, []float32]{
		MaximumSize: maxEmbeddings, ExpiryCalculator: otter.ExpiryWriting[embeddingKey, []float32](embeddingLife),
	})
	if err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, described: described, embeddings: embeddings, gate: admission.New(cfg.Searches)}, nil
}

// Gate is what searches pass, for the work that makes way for them.
func (s *Service) Gate() *admission.Gate { return s.gate }

// maxAttempts bounds how often one search is repeated because a collection changes under it.
const maxAttempts = 4

// errOutdated repeats a search with fresh descriptions.
var errOutdated = errors.New("the collection has changed since it was described")

// Search answers one request of the tenant that index is bound to. Errors are of the fault vocabulary.
func (s *Service) Search(ctx context.Context, index Index, id tenant.ID, request Request) (Response, error) {
	started := time.Now()
	q, err := parse(&request)
	if err != nil {
		return Response{}, err
	}
	response, last, err := s.attempts(ctx, index, id, q)
	response.TookMS = milliseconds(started)
	s.logSlow(ctx, last, time.Since(started), err)
	return response, err
}

// attempts repeats a search that its collection changed under, and returns the last attempt beside its answer.
func (s *Service) attempts(ctx context.Context, index Index, id tenant.ID, q *question) (Response, *run, error) {
	for attempt := 1; ; attempt++ {
		run := &run{service: s, index: index, tenant: id.UUID(), q: q, explain: Explain{Attempts: attempt}}
		response, err := run.answer(ctx, attempt > 1)
		switch {
		case errors.Is(err, errOutdated) && attempt < maxAttempts:
			repeatedSearches.Inc()
		case errors.Is(err, errOutdated):
			return Response{}, run, fault.Wrap(err, fault.Unavailable, "the collection is changing too fast; try again in a moment")
		default:
			return response, run, err
		}
	}
}

// describe returns the collections named, from the cache unless fresh ones are wanted.
func (s *Service) describe(ctx context.Context, index Index, id uuid.UUID, names []string, fresh bool) ([]store.Collection, error) {
	collections := make([]store.Collection, len(names))
	known := !fresh
	for i := 0; known && i < len(names); i++ {
		collections[i], known = s.described.GetIfPresent(collectionKey{id, names[i]})
	}
	if known {
		return collections, nil
	}
	collections, err := index.CollectionsNamed(ctx, names)
	if err != nil {
		return nil, err
	}
	for _, c := range collections {
		s.described.Set(collectionKey{id, c.Name}, c)
	}
	return collections, nil
}

func milliseconds(since time.Time) float64 {
	return float64(time.Since(since).Microseconds()) / 1000
}
