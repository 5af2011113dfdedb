package search

import (
	"context"
	"time"

	"github.com/google/uuid"

	"lindero/embed"
	"lindero/fault"
	"lindero/store"
	"lindero/tenant"
)

// SampledIndex is an index whose recall can be measured on the tenant's own data.
type SampledIndex interface {
	Index
	// SampleVectors draws up to n of a collection's stored vectors; none from an empty collection.
	SampleVectors(ctx context.Context, collection uuid.UUID, n int) ([][]float32, error)
}

// RecallRequest asks how well a collection's index finds what an exact scan finds.
type RecallRequest struct {
	Queries *int        `json:"queries,omitempty"` // 100; with vectors: all of them
	TopK    *int        `json:"top_k,omitempty"`   // 10
	Vectors [][]float32 `json:"vectors,omitempty"` // queries of the caller's own in place of sampled ones
}

// Recall is the outcome of a measurement.
type Recall struct {
	Recall       float64     `json:"recall"`  // share of the exact scan's results that the index found, 0 to 1
	Queries      int         `json:"queries"` // fewer than asked for when the collection is small or time ran out
	TopK         int         `json:"top_k"`
	ExactMS      Percentiles `json:"exact_ms"`
	IndexMS      Percentiles `json:"index_ms"`
	ShortResults int         `json:"short_results"` // queries for which the index found fewer than the exact scan

	atLeast float64 // recall less what the choice of queries may have added
}

// Percentiles of a number of durations, in milliseconds.
type Percentiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

// Bounds of a measurement.
const (
	defaultRecallQueries = 100
	maxRecallQueries     = 1000
	// recallTime ends a measurement that a large collection makes long.
	recallTime = 45 * time.Second
)

// Recall compares the collection's index with the exact scan, query by query.
func (s *Service) Recall(ctx context.Context, index SampledIndex, id tenant.ID, collection string, request RecallRequest) (Recall, error) {
	wanted, topK, err := request.bounds()
	if err != nil {
		return Recall{}, err
	}
	described, err := s.describe(ctx, index, id.UUID(), []string{collection}, false)
	if err != nil {
		return Recall{}, err
	}
	vectors, err := request.queries(described[0])
	if err != nil {
		return Recall{}, err
	}
	m := measurement{service: s, index: index, tenant: id, collection: collection, topK: topK}
	if vectors == nil {
		if vectors, err = m.sampled(ctx, index, described[0].ID, wanted); err != nil {
			return Recall{}, err
		}
		if len(vectors) == 0 {
			return Recall{}, fault.New(fault.Conflict, "collection %s has no vectors to sample queries from", collection)
		}
	}
	measured, _, err := m.run(ctx, vectors[:min(wanted, len(vectors))], recallTime)
	return measured, err
}

func (r RecallRequest) bounds() (queries, topK int, err error) {
	queries, topK = defaultRecallQueries, defaultTopK
	if r.Vectors != nil {
		queries = len(r.Vectors)
	}
	if r.Queries != nil {
		queries = *r.Queries
	}
	if r.TopK != nil {
		topK = *r.TopK
	}
	switch {
	case r.Vectors != nil && (len(r.Vectors) == 0 || len(r.Vectors) > maxRecallQueries):
		return 0, 0, fault.InvalidField("body.vectors", nil, "must be 1 to %d vectors", maxRecallQueries)
	case queries < 1 || queries > maxRecallQueries:
		return 0, 0, fault.InvalidField("body.queries", queries, "must be from 1 to %d", maxRecallQueries)
	case topK < 1 || topK > maxTopK:
		return 0, 0, fault.InvalidField("body.top_k", topK, "must be from 1 to %d", maxTopK)
	}
	return queries, topK, nil
}

// queries are the caller's own vectors, checked; nil when there are none.
func (r RecallRequest) queries(c store.Collection) (vectors [][]float32, err error) {
	for _, v := range r.Vectors {
		if len(v) != c.Embedding.Dimensions {
			return nil, fault.InvalidField("body.vectors", nil, "has a vector of %d components; collection %s has vectors of %d",
				len(v), c.Name, c.Embedding.Dimensions)
		}
		if err := embed.Normalize(v); err != nil {
			return nil, fault.InvalidField("body.vectors", nil, "%s", err)
		}
		vectors = append(vectors, v)
	}
	return vectors, nil
}
