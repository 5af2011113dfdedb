package bench

import (
	"math"
	"math/rand/v2"
)

// vectors makes the vectors of tenants' chunks and of the queries. Both are functions of their arguments alone, so
// that a run can be repeated and the truth be known without keeping the data. Vectors have unit length.
type vectors interface {
	chunk(tenant, i int) []float32
	query(tenant, i int) []float32
}

// Shape of the generated space. Like real embeddings, vectors gather in topics and spread within a topic along few
// directions: in all 768 alike, every neighbour would be about equally far, and no index could be told from another.
const (
	topics      = 128
	directions  = 24   // in which a topic spreads
	spread      = 0.8  // of a topic along them, relative to its centre's length
	noise       = 0.25 // in all directions alike
	chunkStream = 0
	queryStream = 1 << 40 // apart from every chunk's
)

// space is a mixture of topics, shared by all tenants as the space of an embedding model is.
type space struct {
	seed       uint64
	dimensions int
	centres    [topics][]float32
	bases      [topics][directions][]float32
}

func newSpace(seed uint64, dimensions int) *space {
	s := &space{seed: seed, dimensions: dimensions}
	random := rand.New(rand.NewPCG(seed, 0))
	for t := range topics {
		s.centres[t] = gaussian(random, dimensions)
		for d := range directions {
			s.bases[t][d] = gaussian(random, dimensions)
		}
	}
	return s
}

func (s *space) chunk(tenant, i int) []float32 { return s.at(tenant, chunkStream+uint64(i)) }
func (s *space) query(tenant, i int) []float32 { return s.at(tenant, queryStream+uint64(i)) }

func (s *space) at(tenant int, stream uint64) []float32 {
	random := rand.New(rand.NewPCG(s.seed+uint64(tenant)+1, stream))
	topic := random.IntN(topics)
	v := make([]float32, s.dimensions)
	copy(v, s.centres[topic])
	for d := range directions {
		add(v, float32(random.NormFloat64()*spread/math.Sqrt(directions)), s.bases[topic][d])
	}
	for i := range v {
		v[i] += float32(random.NormFloat64() * noise / math.Sqrt(float64(s.dimensions)))
	}
	return unit(v)
}

// gaussian is a random vector of about unit length.
func gaussian(random *rand.Rand, dimensions int) []float32 {
	v := make([]float32, dimensions)
	for i := range v {
		v[i] = float32(random.NormFloat64() / math.Sqrt(float64(dimensions)))
	}
	return v
}

func add(v []float32, factor float32, w []float32) {
	for i := range v {
		v[i] += factor * w[i]
	}
}

func unit(v []float32) []float32 {
	factor := float32(1 / math.Sqrt(float64(dot(v, v))))
	for i := range v {
		v[i] *= factor
	}
	return v
}

// dot sums in four lanes: the compiler does not reorder floating-point additions by itself.
func dot(v, w []float32) float32 {
	var a, b, c, d float32
	w = w[:len(v)]
	i := 0
	for ; i+4 <= len(v); i += 4 {
		a += v[i] * w[i]
		b += v[i+1] * w[i+1]
		c += v[i+2] * w[i+2]
		d += v[i+3] * w[i+3]
	}
	for ; i < len(v); i++ {
		a += v[i] * w[i]
	}
	return a + b + c + d
}
