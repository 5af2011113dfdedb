package search

import (
	"context"
	"math"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"lindero/embed"
	"lindero/fault"
)

// Bounds of how similar a query is to the vector it is made of: copies of one vector are no reason to ask for exactly what
// is stored, nor are vectors that have nothing in common a reason to ask for nothing.
const (
	leastSimilarity = 0.5
	mostSimilarity  = 0.95
)

// sampled makes up to n queries of stored vectors: like the data, and not in it. Each is as far from the vector it is made
// of as that is from the nearest other one, which is how far people's questions are (docs/decisions/0014). Of an empty
// collection there are none.
func (m measurement) sampled(ctx context.Context, index SampledIndex, collection uuid.UUID, n int) ([][]float32, error) {
	vectors, err := index.SampleVectors(ctx, collection, n)
	if err != nil {
		return nil, err
	}
	for _, v := range vectors {
		started := time.Now()
		similarity, err := m.nearestOther(ctx, v)
		if err != nil {
			return nil, err
		}
		if err := disturb(v, similarity); err != nil {
			return nil, err
		}
		if err := pause(ctx, time.Since(started)*time.Duration(m.rest)); err != nil {
			return nil, err
		}
	}
	return vectors, nil
}

// nearestOther is the similarity of a stored vector to the nearest other one, within bounds.
func (m measurement) nearestOther(ctx context.Context, stored []float32) (float64, error) {
	found, err := m.ask(ctx, stored, 2, false, 0)
	if err != nil {
		return 0, err
	}
	if len(found.Results) < 2 { // the first is the vector itself, or a copy
		return leastSimilarity, nil
	}
	return min(max(found.Results[1].Score, leastSimilarity), mostSimilarity), nil
}

// disturb adds noise to a unit vector until about so much of it is left.
func disturb(v []float32, similarity float64) error {
	length := math.Sqrt(1/(similarity*similarity) - 1) // of noise at a right angle
	scale := length / math.Sqrt(float64(len(v)))
	for i := range v {
		v[i] += float32(rand.NormFloat64() * scale)
	}
	if err := embed.Normalize(v); err != nil {
		return fault.Wrap(err, fault.Internal, "a stored vector cannot be used")
	}
	return nil
}
