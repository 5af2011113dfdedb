package bench

import (
	"context"
	"math/rand/v2"
	"time"
)

// Many is what a great number of small tenants costs.
type Many struct {
	Tenants int        `json:"tenants"`
	Chunks  int        `json:"chunks_each"`
	Created float64    `json:"tenants_created_per_second,omitempty"` // absent where an earlier run has made some
	Loaded  float64    `json:"tenants_loaded_per_second,omitempty"`
	Few     Population `json:"few"`
	All     Population `json:"all"`
	Ratio   float64    `json:"p95_ratio"` // of searches again
	After   Memory     `json:"memory"`
	Start   *float64   `json:"start_to_ready_seconds,omitempty"`
}

// Population is hybrid searches by one client among a number of tenants, each in another than the one before.
type Population struct {
	Tenants int         `json:"tenants"`
	First   Percentiles `json:"first_search_ms"` // in each tenant
	Again   Percentiles `json:"again_ms"`
}

// Sizes of the comparison.
const (
	fewTenants = 100
	manyChunks = 20
	// So that the 95th percentile stands on fifty searches.
	manySearches = 1000
)

// Many makes n tenants of 20 chunks and compares searches among them with those among the first hundred.
func (b *Bench) Many(ctx context.Context, n int) (*Many, error) {
	few := min(fewTenants, n)
	result := &Many{Tenants: n, Chunks: manyChunks}
	first, err := b.makeMany(ctx, few, result)
	if err != nil {
		return nil, err
	}
	if result.Few, err = b.searchMany(ctx, first); err != nil {
		return nil, err
	}
	rest, err := b.makeMany(ctx, n-few, result)
	if err != nil {
		return nil, err
	}
	if result.All, err = b.searchMany(ctx, append(first, rest...)); err != nil {
		return nil, err
	}
	result.Ratio = result.All.Again.P95 / result.Few.Again.P95
	result.After = b.memory(ctx)
	if b.cfg.Deployment.Restart != nil {
		b.progress("restarting the server")
		took, err := b.cfg.Deployment.Restart(ctx)
		if err != nil {
			return nil, err
		}
		seconds := took.Seconds()
		result.Start = &seconds
	}
	return result, nil
}

// makeMany makes and loads n tenants and notes the rates, of the larger number when called again. Those of an earlier run
// of the same name count for no rate.
func (b *Bench) makeMany(ctx context.Context, n int, result *Many) ([]*subject, error) {
	if n == 0 {
		return nil, nil
	}
	b.progress("making %d tenants", n)
	started, found := time.Now(), b.found.Load()
	subjects, err := b.createTenants(ctx, n, manyChunks)
	if err != nil {
		return nil, err
	}
	fresh := b.found.Load() == found
	if fresh {
		result.Created = float64(n) / time.Since(started).Seconds()
	}
	b.progress("loading %d tenants", n)
	started = time.Now()
	err = b.parallel(ctx, n, setUpSmall, func(ctx context.Context, i int) error {
		if err := b.open(ctx, subjects[i]); err != nil {
			return err
		}
		return b.load(ctx, subjects[i], nil)
	})
	if fresh {
		result.Loaded = float64(n) / time.Since(started).Seconds()
	}
	return subjects, err
}

// searchMany asks one question in each of a thousand tenants at most, drawn from all, and the same questions again:
// the first answers are from cold caches, the second from warm ones.
func (b *Bench) searchMany(ctx context.Context, subjects []*subject) (p Population, err error) {
	b.progress("searching in %d tenants", len(subjects))
	random := rand.New(rand.NewPCG(b.cfg.Seed, uint64(len(subjects))))
	hybrid := &cell{kind: kindHybrid, below: shares}
	for i, at := range random.Perm(len(subjects))[:min(manySearches, len(subjects))] {
		s := subjects[at]
		text := termsOf(words(b.cfg.Seed, s.number, random.IntN(s.chunks), b.cfg.Words), random)
		hybrid.queries = append(hybrid.queries, b.query(hybrid, s, b.vectors.query(s.number, i), text))
	}
	ask := b.byHTTP()
	first, again := newLatencies(), newLatencies()
	for i := range len(hybrid.queries) + manySearches {
		took, err := ask(ctx, hybrid.queries[i%len(hybrid.queries)])
		if err != nil {
			return p, err
		}
		if i < len(hybrid.queries) {
			first.add(took)
		} else {
			again.add(took)
		}
	}
	return Population{Tenants: len(subjects), First: first.percentiles(), Again: again.percentiles()}, nil
}
