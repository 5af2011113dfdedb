package search

import (
	"cmp"
	"log/slog"
	"math"
	"slices"
	"testing"

	"github.com/google/uuid"

	"lindero/search/fusion"
	"lindero/search/lexical/analysis"
	"lindero/search/lexical/bm25"
	"lindero/store"
)

// comparedRun is a run whose only target has legs that were matched by a Comparison: the index found so many of the
// candidates.
func comparedRun(tenant uuid.UUID, nearest int, candidates []Candidate, words []bm25.Hit) *run {
	collection := store.Collection{ID: uuid.New(), Chunks: 2000, CollectionSpec: store.CollectionSpec{Name: "default"}}
	found := Retrieved{Vector: candidates, Nearest: nearest, Lexical: &bm25.Result{Hits: words, Frequencies: []int{len(words)}}}
	return &run{
		service: &Service{cfg: Config{Log: slog.New(slog.DiscardHandler)}}, tenant: tenant, q: &question{},
		targets:  []Target{{Collection: collection, Vector: []float32{1}, Terms: []analysis.QueryTerm{{}}}},
		snapshot: &hostileSnapshot{found: found},
	}
}

// TestComparedHitsAreFusedByEstimatedRanks: the four nearest are ranked by their order, what was compared for its words by an
// estimate, and of the words beyond the usual depth only what the vectors brought, by its true rank.
func TestComparedHitsAreFusedByEstimatedRanks(t *testing.T) {
	t.Parallel()
	const limit = 3
	tenant := uuid.New()
	near := []float64{.9, .8, .7, .6}
	candidates := []Candidate{{tenant, 31, .3}} // out of order, as storage brings them
	for i, score := range near {
		candidates = append(candidates, Candidate{tenant, int64(i + 1), score})
	}
	candidates = append(candidates, Candidate{uuid.New(), 32, .95}, Candidate{tenant, 30, .65}) // foreign; overlooked by the index
	var words []bm25.Hit
	for i, ordinal := range []int64{31, 30, 40, 41, 42, 2} {
		words = append(words, bm25.Hit{Ordinal: ordinal, Score: 9 - float64(i)})
	}
	r := comparedRun(tenant, len(near), candidates, words)
	hits, _ := r.rank(limit)

	far := fusion.Beyond([]float64{.9, .8, .7, .65}, []float64{.6, .3}, 2000)
	rrf := func(ranks ...float64) (score float64) {
		for _, rank := range ranks {
			score += 1 / (fusion.K + rank)
		}
		return score
	}
	want := map[int64]float64{1: rrf(1), 2: rrf(2, 6), 3: rrf(3), 30: rrf(4, 2), 4: rrf(far[0]), 31: rrf(far[1], 1), 40: rrf(3)}
	if len(hits) != len(want) || !slices.IsSortedFunc(hits, func(a, b hit) int { return cmp.Compare(b.score, a.score) }) {
		t.Errorf("%d hits, want %d, in order: %v", len(hits), len(want), hits)
	}
	for _, h := range hits {
		if math.Abs(h.score-want[h.key.Ordinal]) > 1e-12 {
			t.Errorf("chunk %d has a score of %v, want %v", h.key.Ordinal, h.score, want[h.key.Ordinal])
		}
		if inVectors := h.key.Ordinal < 40; inVectors != (h.scores.Semantic != nil) {
			t.Errorf("chunk %d: similarity %v", h.key.Ordinal, h.scores.Semantic)
		}
	}
}

// TestComparisonIsForFewResults: it serves one collection, both legs, ungrouped, and up to as many results as it was measured for.
func TestComparisonIsForFewResults(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*run){
		"more results":    func(r *run) { r.q.topK++ },
		"further results": func(r *run) { r.q.offset++ },
		"by document":     func(r *run) { r.q.byDocument = true },
		"two collections": func(r *run) { r.targets = append(r.targets, r.targets[0]) },
		"words alone":     func(r *run) { r.targets[0].Vector = nil },
		"vectors alone":   func(r *run) { r.targets[0].Terms = nil },
	} {
		r := comparedRun(uuid.New(), 0, nil, nil)
		r.q.topK = comparedResults
		if r.comparison() == nil {
			t.Fatal("no comparison for a usual search")
		}
		if change(r); r.comparison() != nil {
			t.Errorf("%s: compared", name)
		}
	}
}
