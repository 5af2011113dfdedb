package postgres_test

import (
	"math"
	"math/rand/v2"
	"sync"
)

// Shape of the vectors of benchmarks: topics with a few directions each, as embeddings of real text have. Uniform ones
// would all be equally far from each other, and no index would be any good.
const (
	topics          = 100
	topicDirections = 24
)

var topicCentres sync.Map // dimensions → [][]float32

// clustered is a unit vector near one of the topics' centres.
func clustered(random *rand.Rand, dimensions int) []float32 {
	made, _ := topicCentres.LoadOrStore(dimensions, sync.OnceValue(func() [][]float32 { return newTopics(dimensions) }))
	vectors := made.(func() [][]float32)()
	topic := random.IntN(topics) * (1 + topicDirections)
	v := append([]float32(nil), vectors[topic]...)
	for d := 1; d <= topicDirections; d++ {
		factor := float32(random.NormFloat64() * 0.16)
		for i, x := range vectors[topic+d] {
			v[i] += factor * x
		}
	}
	return normalised(v, random, 0.25)
}

func newTopics(dimensions int) [][]float32 {
	random := rand.New(rand.NewPCG(3, 4))
	vectors := make([][]float32, topics*(1+topicDirections))
	for i := range vectors {
		vectors[i] = normalised(make([]float32, dimensions), random, 1)
	}
	return vectors
}

// normalised adds noise of about that length in all directions and scales to unit length.
func normalised(v []float32, random *rand.Rand, noise float64) []float32 {
	sum := 0.0
	for i := range v {
		v[i] += float32(random.NormFloat64() * noise / math.Sqrt(float64(len(v))))
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}
