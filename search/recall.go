package search

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
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
	// perturbation is the length of the noise that makes a query of a stored unit vector: the vector is its likely
	// nearest neighbour at a cosine of about 0.9, and not the query itself.
	perturbation = 0.5
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
	if vectors == nil {
		if vectors, err = sampled(ctx, index, described[0], wanted); err != nil {
			return Recall{}, err
		}
	}
	m := measurement{service: s, index: index, tenant: id, collection: collection, topK: topK}
	return m.run(ctx, vectors[:min(wanted, len(vectors))], recallTime, 0)
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

// sampled makes queries of stored vectors: like the data, and not in it.
func sampled(ctx context.Context, index SampledIndex, c store.Collection, n int) ([][]float32, error) {
	vectors, err := index.SampleVectors(ctx, c.ID, n)
	if err != nil {
		return nil, err
	}
	if len(vectors) == 0 {
		return nil, fault.New(fault.Conflict, "collection %s has no vectors to sample queries from", c.Name)
	}
	for _, v := range vectors {
		scale := perturbation / math.Sqrt(float64(len(v)))
		for i := range v {
			v[i] += float32(rand.NormFloat64() * scale)
		}
		if err := embed.Normalize(v); err != nil {
			return nil, fault.Wrap(err, fault.Internal, "a stored vector cannot be used")
		}
	}
	return vectors, nil
}

// measurement asks the same of the index and of the exact scan.
type measurement struct {
	service    *Service
	index      Index
	tenant     tenant.ID
	collection string
	topK       int
	efSearch   int // how wide the index is searched; 0: as the collection says
}

// run asks the queries until limit is over. After each it rests for as long as the query took, times rest. The two
// ways take turns in going first, because the second finds warm pages.
func (m measurement) run(ctx context.Context, queries [][]float32, limit time.Duration, rest int) (Recall, error) {
	outcome := Recall{TopK: m.topK}
	var found, wanted int
	var exactTimes, indexTimes []float64
	for ended := time.Now().Add(limit); outcome.Queries < len(queries) && time.Now().Before(ended); outcome.Queries++ {
		started := time.Now()
		var answers [2]Response // of the index, of the scan
		for _, exact := range []bool{outcome.Queries%2 == 0, outcome.Queries%2 != 0} {
			response, err := m.ask(ctx, queries[outcome.Queries], exact)
			if err != nil {
				return Recall{}, err
			}
			if exact {
				answers[1], exactTimes = response, append(exactTimes, response.TookMS)
			} else {
				answers[0], indexTimes = response, append(indexTimes, response.TookMS)
			}
		}
		hits, best := overlap(answers[0].Results, answers[1].Results)
		found, wanted = found+hits, wanted+best
		if len(answers[0].Results) < len(answers[1].Results) {
			outcome.ShortResults++
		}
		if err := pause(ctx, time.Since(started)*time.Duration(rest)); err != nil {
			return Recall{}, err
		}
	}
	outcome.Recall = 1 // of nothing, all was found
	if wanted > 0 {
		outcome.Recall = float64(found) / float64(wanted)
	}
	outcome.ExactMS, outcome.IndexMS = percentiles(exactTimes), percentiles(indexTimes)
	return outcome, nil
}

// ask searches without a line in the log of slow searches: an exact scan is meant to take long.
func (m measurement) ask(ctx context.Context, vector []float32, exact bool) (Response, error) {
	started := time.Now()
	q, err := parse(&Request{
		Vector: vector, Collections: []string{m.collection}, TopK: &m.topK, Mode: Semantic, Exact: exact, Include: []string{},
	})
	if err != nil {
		return Response{}, err
	}
	q.efSearch = m.efSearch
	response, _, err := m.service.attempts(ctx, m.index, m.tenant, q)
	response.TookMS = milliseconds(started)
	return response, err
}

// overlap counts the exact results that the index found. Chunks as near as the last exact one are as good as it: among
// equals, the two may choose differently.
func overlap(index, exact []Result) (found, wanted int) {
	if len(exact) == 0 {
		return 0, 0
	}
	least := exact[len(exact)-1].Score
	for _, r := range index {
		if r.Score >= least {
			found++
		}
	}
	return min(found, len(exact)), len(exact)
}

func percentiles(times []float64) Percentiles {
	if len(times) == 0 {
		return Percentiles{}
	}
	slices.Sort(times)
	at := func(share float64) float64 { return times[int(share*float64(len(times)-1))] }
	return Percentiles{P50: at(.5), P95: at(.95)}
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
