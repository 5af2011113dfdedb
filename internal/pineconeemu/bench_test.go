package pineconeemu

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/pinecone-io/go-pinecone/v5/pinecone"
)

const benchDimension = 768

// fill upserts n random records of benchDimension in batches of 200.
func fill(b *testing.B, conn *pinecone.IndexConnection, n int) {
	b.Helper()
	for first := 0; first < n; first += 200 {
		upsert(b, conn, randomBatch(b, first, min(200, n-first))...)
	}
}

func randomBatch(b *testing.B, first, n int) []*pinecone.Vector {
	b.Helper()
	r := rand.New(rand.NewPCG(uint64(first), 1))
	batch := make([]*pinecone.Vector, n)
	for i := range batch {
		fields := map[string]any{"collection": "11111111-2222-3333-4444-555555555555", "kind": fmt.Sprint("k", i%10), "n": float64(i)}
		batch[i] = record(b, fmt.Sprintf("r-%08d", first+i), randomVector(r, benchDimension), fields)
	}
	return batch
}

// BenchmarkQuery is a query for the best 10 through the SDK, one caller at a time.
func BenchmarkQuery(b *testing.B) {
	for _, rows := range []int{100, 2000, 10_000, 40_000} {
		_, conn := setUp(b, Config{}, benchDimension)
		fill(b, conn, rows)
		r := rand.New(rand.NewPCG(1, 2))
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			vector := randomVector(r, benchDimension)
			for b.Loop() {
				query(b, conn, vector, 10)
			}
		})
		if rows == 40_000 {
			b.Run(fmt.Sprintf("rows=%d/filter", rows), func(b *testing.B) { benchFilter(b, conn, randomVector(r, benchDimension)) })
		}
	}
}

func benchFilter(b *testing.B, conn *pinecone.IndexConnection, vector []float32) {
	filter, err := pinecone.NewMetadataFilter(map[string]any{"kind": "k3", "n": map[string]any{"$lt": 100}})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		answer, err := conn.QueryByVectorValues(b.Context(), &pinecone.QueryByVectorValuesRequest{Vector: vector, TopK: 10, MetadataFilter: filter})
		if err != nil || len(answer.Matches) != 10 {
			b.Fatalf("%d matches: %v", len(answer.Matches), err)
		}
	}
}

// BenchmarkQueryParallel is the same with GOMAXPROCS callers.
func BenchmarkQueryParallel(b *testing.B) {
	for _, rows := range []int{100, 2000} {
		_, conn := setUp(b, Config{}, benchDimension)
		fill(b, conn, rows)
		vector := randomVector(rand.New(rand.NewPCG(1, 2)), benchDimension)
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					query(b, conn, vector, 10)
				}
			})
		})
	}
}

// BenchmarkUpsert is the ceiling of ingestion through the SDK: batches of 200 records, two callers, metric records/s.
func BenchmarkUpsert(b *testing.B) {
	for _, where := range []string{"memory", "directory"} {
		b.Run(where, func(b *testing.B) {
			cfg := Config{}
			if where == "directory" {
				cfg.Dir = b.TempDir()
			}
			_, conn := setUp(b, cfg, benchDimension)
			batches := [][]*pinecone.Vector{randomBatch(b, 0, 200), randomBatch(b, 200, 200)}
			var turn atomic.Int64
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					upsert(b, conn, batches[turn.Add(1)%2]...)
				}
			})
			b.ReportMetric(float64(200*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkScan is the search alone, without the wire.
func BenchmarkScan(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	t := newTable(benchDimension)
	for i := range 40_000 {
		t.put(vector{id: fmt.Sprint(i), values: randomVector(r, benchDimension)})
	}
	vector := randomVector(r, benchDimension)
	b.SetBytes(40_000 * benchDimension * 4)
	for b.Loop() {
		t.nearest(vector, 10, everything{})
	}
}
