package bench

import (
	"context"
	"slices"
)

// Recall is what a cell's answers are worth.
type Recall struct {
	// Truth is the share of the true best chunks, by brute force over the generated vectors in float32.
	Truth *float64 `json:"recall,omitempty"`
	// Exact is the same of what the service's own exact scan finds.
	Exact *float64 `json:"recall_of_exact,omitempty"`
	// Short counts answers with fewer results than there must be; Doubles those with a chunk twice.
	Short   int `json:"short"`
	Doubles int `json:"doubles"`
}

// recall asks every query of a cell once, as it is and exactly. It is not timed.
func (b *Bench) recall(ctx context.Context, c *cell) (Recall, error) {
	var r Recall
	var best, found, foundExact int
	for _, q := range c.queries {
		chunks, err := b.hits(ctx, q.subject, q.body)
		if err != nil {
			return r, err
		}
		r.judge(q, chunks)
		if q.truth == nil {
			continue
		}
		exact, err := b.hits(ctx, q.subject, q.exact)
		if err != nil {
			return r, err
		}
		best += len(q.truth.best)
		found += q.truth.found(chunks)
		foundExact += q.truth.found(exact)
	}
	if best > 0 {
		truth, exact := float64(found)/float64(best), float64(foundExact)/float64(best)
		r.Truth, r.Exact = &truth, &exact
	}
	return r, nil
}

func (r *Recall) judge(q *query, chunks []int) {
	if len(chunks) < q.expect {
		r.Short++
	}
	sorted := slices.Sorted(slices.Values(chunks))
	if len(slices.Compact(sorted)) < len(chunks) {
		r.Doubles++
	}
}
