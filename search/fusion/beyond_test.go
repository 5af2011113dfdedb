package fusion

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestRanksBeyondTheKnownOnes(t *testing.T) {
	t.Parallel()
	got := RRF([]Leg[string]{{Weight: 1, Keys: []string{"a", "b", "c"}, Beyond: []float64{7.5}}}, K, cmp.Compare[string])
	if want := []Fused[string]{{"a", 1. / 61}, {"b", 1. / 62}, {"c", 1 / 67.5}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestBeyondContinuesARanking: of scores whose ranks are known because they fall by their logarithm, a ranking's first 40
// are enough to place any other.
func TestBeyondContinuesARanking(t *testing.T) {
	t.Parallel()
	const total, known = 2000, 40
	scores := make([]float64, total)
	for i := range scores {
		scores[i] = 1 - 0.05*math.Log(float64(i+1))
	}
	for i, rank := range Beyond(scores[:known], scores[known:], total) {
		if want := float64(known + i + 1); math.Abs(rank-want) > 1e-6*want {
			t.Fatalf("the score of rank %v is placed at %v", want, rank)
		}
	}
}

// TestBeyondACluster: where the ranking's end has left a cluster behind, what lies farther off is not taken to be just
// as near because scores fell steeply at first.
func TestBeyondACluster(t *testing.T) {
	t.Parallel()
	ranking := make([]float64, 40)
	for i := range ranking {
		ranking[i] = 0.9 - 0.001*float64(i)
		if i >= 25 {
			ranking[i] = 0.2 - 0.001*float64(i)
		}
	}
	if ranks := Beyond(ranking, []float64{0.1}, 2000); ranks[0] < 100 {
		t.Errorf("a score far below the last is placed at %v", ranks[0])
	}
}

func TestBeyondKeepsOrderAndBounds(t *testing.T) {
	t.Parallel()
	descending := rapid.Custom(func(t *rapid.T) []float64 {
		scores := rapid.SliceOfN(rapid.Float64Range(-1, 1), 0, 60).Draw(t, "scores")
		slices.SortFunc(scores, func(a, b float64) int { return cmp.Compare(b, a) })
		return scores
	})
	rapid.Check(t, func(t *rapid.T) {
		all := descending.Draw(t, "all")
		known := rapid.IntRange(0, len(all)).Draw(t, "known")
		total := len(all) + rapid.IntRange(0, 5000).Draw(t, "unknown")
		previous := float64(known)
		for i, rank := range Beyond(all[:known], all[known:], total) {
			if rank < previous || rank < float64(known+i+1) || rank > float64(total) {
				t.Fatalf("score %d of %v is placed at %v after %v", i, all[known:], rank, previous)
			}
			previous = rank
		}
	})
}

func BenchmarkBeyond(b *testing.B) {
	ranking, scores := make([]float64, 40), make([]float64, 20)
	for i := range ranking {
		ranking[i] = 1 - 0.01*float64(i)
	}
	for i := range scores {
		scores[i] = 0.5 - 0.01*float64(i)
	}
	b.ReportAllocs()
	for b.Loop() {
		Beyond(ranking, scores, 2000)
	}
}
