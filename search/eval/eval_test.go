package eval

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func near(t *testing.T, name string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-12 {
		t.Errorf("%s: %v, want %v", name, got, want)
	}
}

func TestMeasures(t *testing.T) {
	t.Parallel()
	judged := Judgements{"a": 3, "b": 1, "c": 0, "d": 2, "e": -1}
	ranking := []string{"c", "a", "x", "b", "e", "d"}
	ideal := 3/math.Log2(2) + 2/math.Log2(3) + 1/math.Log2(4)
	near(t, "nDCG@4", NDCG(ranking, judged, 4), (3/math.Log2(3)+1/math.Log2(5))/ideal)
	near(t, "nDCG@1", NDCG(ranking, judged, 1), 0)
	near(t, "nDCG of the ideal", NDCG([]string{"a", "d", "b"}, judged, 10), 1)
	near(t, "nDCG@2 of the ideal", NDCG([]string{"a", "d"}, judged, 2), 1)
	near(t, "Recall@2", Recall(ranking, judged, 2), 1./3)
	near(t, "Recall@100", Recall(ranking, judged, 100), 1)
	near(t, "reciprocal rank", ReciprocalRank(ranking, judged, 10), .5)
	near(t, "reciprocal rank, too deep", ReciprocalRank(ranking, judged, 1), 0)
	near(t, "hit", Hit(ranking, judged, 2), 1)
	near(t, "no hit", Hit(ranking, judged, 1), 0)
	near(t, "overlap", Overlap([]string{"x", "a"}, []string{"a", "b"}), .5)
	near(t, "overlap with nothing", Overlap(nil, nil), 1)
	near(t, "mean", Mean([]float64{1, 2}), 1.5)
	near(t, "mean of nothing", Mean(nil), 0)
	near(t, "nothing relevant", NDCG(ranking, nil, 10)+Recall(ranking, nil, 10), 0)
}

func TestMeasuresStayInRange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
		ranking := rapid.SliceOfDistinct(ids, rapid.ID[string]).Draw(t, "ranking")
		judged := Judgements(rapid.MapOf(ids, rapid.IntRange(-1, 4)).Draw(t, "judged"))
		k := rapid.IntRange(0, 8).Draw(t, "k")
		for name, v := range map[string]float64{"nDCG": NDCG(ranking, judged, k), "recall": Recall(ranking, judged, k), "rank": ReciprocalRank(ranking, judged, k)} {
			if v < 0 || v > 1+1e-12 || math.IsNaN(v) {
				t.Fatalf("%s is %v", name, v)
			}
		}
	})
}
