package pineconeemu

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestNearestAgreesWithSorting compares the search with sorting everything by a cosine computed in float64.
func TestNearestAgreesWithSorting(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
		dimension := rapid.SampledFrom([]int{1, 3, 8, 17, 768}).Draw(r, "dimension")
		rows := rapid.SampledFrom([]int{0, 1, 50, 600, 3000}).Draw(r, "rows")
		k := rapid.IntRange(1, 700).Draw(r, "k")
		tbl := newTable(dimension)
		for i := range rows {
			tbl.put(vector{id: fmt.Sprint(i), values: randomVector(random, dimension)})
		}
		for range rapid.IntRange(0, rows).Draw(r, "removed") {
			tbl.remove(fmt.Sprint(random.IntN(rows)))
		}
		query := randomVector(random, dimension)
		got := tbl.nearest(query, k, everything{})
		want := sortedScores(tbl, query)
		if len(got) != min(k, tbl.len()) {
			r.Fatalf("%d results of %d", len(got), tbl.len())
		}
		for i, g := range got {
			exact := cosine(query, tbl.values(g.row))
			if math.Abs(exact-float64(g.score)) > 1e-5 || math.Abs(exact-want[i]) > 1e-5 {
				r.Fatalf("place %d: score %v, cosine %v, should be %v", i, g.score, exact, want[i])
			}
			if i > 0 && tbl.compare(got[i-1], g) >= 0 {
				r.Fatalf("places %d and %d are out of order", i-1, i)
			}
		}
	})
}

func sortedScores(t *table, query []float32) []float64 {
	var scores []float64
	for row := range t.len() {
		scores = append(scores, cosine(query, t.values(row)))
	}
	slices.SortFunc(scores, func(a, b float64) int { return cmp.Compare(b, a) })
	return scores
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func TestTiesAreInOrderOfID(t *testing.T) {
	t.Parallel()
	tbl := newTable(2)
	for _, id := range []string{"d", "a", "c", "b"} {
		tbl.put(vector{id: id, values: []float32{1, 1}})
	}
	var ids []string
	for _, r := range tbl.nearest([]float32{1, 0}, 3, everything{}) {
		ids = append(ids, tbl.ids[r.row])
	}
	if !slices.Equal(ids, []string{"a", "b", "c"}) {
		t.Errorf("order %v", ids)
	}
}
