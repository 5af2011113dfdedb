package search

import (
	"math"
	"math/rand/v2"
	"testing"

	"lindero/embed"
	"lindero/tenant/tenanttest"
)

// TestSampledQueriesAreAsFarAsStoredVectorsAreFromEachOther, in spaces of clusters that are tight, loose, or copies.
func TestSampledQueriesAreAsFarAsStoredVectorsAreFromEachOther(t *testing.T) {
	t.Parallel()
	const dimensions, chunks = 256, 400
	for spread, want := range map[float64]float64{0: mostSimilarity, .4: 1 / (1 + .4*.4), .7: 1 / (1 + .7*.7), 5: leastSimilarity} {
		random := rand.New(rand.NewPCG(1, 2))
		centre := gaussian(random, dimensions)
		id := tenanttest.New(t)
		index := newLossy(id.UUID(), 0, 0)
		index.collection.Embedding.Dimensions = dimensions
		for range chunks {
			v := gaussian(random, dimensions)
			for d := range v {
				v[d] = centre[d] + v[d]*float32(spread)
			}
			if err := embed.Normalize(v); err != nil {
				t.Fatal(err)
			}
			index.vectors = append(index.vectors, v)
		}
		m := measurement{service: newTestService(t), index: index, tenant: id, collection: "default", topK: 10}
		queries, err := m.sampled(t.Context(), index, index.collection.ID, 50)
		if err != nil || len(queries) != 50 {
			t.Fatalf("%d queries, %v", len(queries), err)
		}
		var mean float64
		for i, q := range queries {
			mean += dotted(q, index.vectors[i]) / float64(len(queries))
		}
		if math.Abs(mean-want) > .08 { // the nearest of four hundred is a little nearer than any other one
			t.Errorf("spread %v: queries are at %.3f from what they were made of, want about %.3f", spread, mean, want)
		}
	}
}

func gaussian(random *rand.Rand, dimensions int) []float32 {
	v := make([]float32, dimensions)
	for i := range v {
		v[i] = float32(random.NormFloat64() / math.Sqrt(float64(dimensions)))
	}
	return v
}

func dotted(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
