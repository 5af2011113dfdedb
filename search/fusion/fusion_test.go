package fusion

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestRRF(t *testing.T) {
	t.Parallel()
	got := RRF([]Leg[string]{{Weight: 2, Keys: []string{"a", "b"}}, {Weight: 1, Keys: []string{"c", "b"}}, {Weight: 0, Keys: []string{"z"}}}, 60, cmp.Compare[string])
	want := []Fused[string]{{"b", 2./62 + 1./62}, {"a", 2. / 61}, {"c", 1. / 61}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if empty := RRF(nil, K, cmp.Compare[int]); len(empty) != 0 {
		t.Errorf("fused nothing to %v", empty)
	}
}

func TestTiesGoByKey(t *testing.T) {
	t.Parallel()
	got := RRF([]Leg[int]{{Weight: 1, Keys: []int{9}}, {Weight: 1, Keys: []int{3}}, {Weight: 1, Keys: []int{5}}}, K, cmp.Compare[int])
	if got[0].Key != 3 || got[1].Key != 5 || got[2].Key != 9 {
		t.Errorf("order %v", got)
	}
}

// TestRRFIsTheFormula compares with a direct computation, and checks that each key comes once, in order.
func TestRRFIsTheFormula(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		legs := make([]Leg[int], rapid.IntRange(0, 3).Draw(t, "legs"))
		for i := range legs {
			legs[i].Weight = rapid.Float64Range(0.01, 5).Draw(t, "weight")
			legs[i].Keys = rapid.SliceOfDistinct(rapid.IntRange(0, 20), rapid.ID[int]).Draw(t, "keys")
		}
		seen := map[int]bool{}
		got := RRF(legs, K, cmp.Compare[int])
		for i, f := range got {
			score := 0.0
			for _, leg := range legs {
				if rank := slices.Index(leg.Keys, f.Key) + 1; rank > 0 {
					score += leg.Weight / float64(K+rank)
				}
			}
			if f.Score != score || seen[f.Key] {
				t.Fatalf("%v: want a score of %v, seen before: %v", f, score, seen[f.Key])
			}
			seen[f.Key] = true
			if i > 0 && (got[i-1].Score < f.Score || got[i-1].Score == f.Score && got[i-1].Key > f.Key) {
				t.Fatalf("%v before %v", got[i-1], f)
			}
		}
		for _, leg := range legs {
			for _, key := range leg.Keys {
				if !seen[key] {
					t.Fatalf("key %d was lost", key)
				}
			}
		}
	})
}

func TestWeights(t *testing.T) {
	t.Parallel()
	if w := WeightsFor("openai", 0); w != (Weights{1, 1}) {
		t.Errorf("openai: %v", w)
	}
	previous := -1.0
	for _, known := range []float64{2, 1, .7, .5, .2, 0, -1} {
		w := WeightsFor("builtin", known)
		if w.Lexical != 1 || w.Vector <= 0 || w.Vector < previous {
			t.Errorf("builtin, %v known: %v after %v", known, w, previous)
		}
		previous = w.Vector
	}
	if known, unknown := WeightsFor("builtin", 1).Vector, WeightsFor("builtin", 0).Vector; known > .05 || unknown < 1 {
		t.Errorf("vectors weigh %v for a known and %v for an unknown query", known, unknown)
	}
}

func BenchmarkRRF(b *testing.B) {
	legs := []Leg[int64]{{Weight: 1}, {Weight: 1}}
	for i := range int64(200) {
		legs[0].Keys = append(legs[0].Keys, i)
		legs[1].Keys = append(legs[1].Keys, i*7%400)
	}
	b.ReportAllocs()
	for b.Loop() {
		RRF(legs, K, cmp.Compare[int64])
	}
}
