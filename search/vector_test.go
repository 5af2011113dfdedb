package search

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestVectorReadsWhatJSONReads(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.Float32()).Draw(t, "vector")
		encoded, err := json.MarshalIndent(want, "", rapid.SampledFrom([]string{"", " ", "\t"}).Draw(t, "indent"))
		if err != nil {
			t.Skip("not representable in JSON")
		}
		var got Vector
		if err := json.Unmarshal(encoded, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, []float32(got)); len(want) > 0 && diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestVectorRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`"text"`, `{}`, `[1,"2"]`, `[[1]]`, `[null]`, `[1e39]`, `[true]`, `1`} {
		var v Vector
		if err := json.Unmarshal([]byte(text), &v); err == nil {
			t.Errorf("%s was read as %v", text, v)
		}
	}
}

func benchmarkVector[T any](b *testing.B) {
	vector := make([]float32, 768)
	for i := range vector {
		vector[i] = rand.Float32()*2 - 1
	}
	encoded, err := json.Marshal(vector)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var got T
		if err := json.Unmarshal(encoded, &got); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVector(b *testing.B) {
	b.Run("own", benchmarkVector[Vector])
	b.Run("encoding-json", benchmarkVector[[]float32])
}
