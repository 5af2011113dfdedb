package quality

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lindero/embed"
	"lindero/embed/builtin"
	"lindero/internal/evaldata"
	"lindero/search/eval"
	"lindero/search/eval/beir"
	"lindero/search/fusion"
	"lindero/search/lexical/analysis"
)

const (
	// candidates is how many of each leg are fused.
	candidates = 200
	// cleanQueries and misspeltQueries bound the queries of a set, chosen at random with a fixed seed.
	cleanQueries, misspeltQueries = 600, 100
	// tolerance is how much nDCG@10 hybrid search may lose against lexical search alone.
	tolerance = .005
)

// TestHybridQuality holds hybrid search with the builtin embedder to its promise: as good as lexical
// search on correct queries, and clearly better where every content word is misspelt.
func TestHybridQuality(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("embeds and scans six test collections")
	}
	for _, f := range floors {
		t.Run(f.set, func(t *testing.T) {
			t.Parallel()
			h := newHybrid(t, f.set, f.language)
			random := rand.New(rand.NewPCG(1, 2))
			queries := slices.Clone(h.collection.Queries)
			random.Shuffle(len(queries), func(i, j int) { queries[i], queries[j] = queries[j], queries[i] })
			queries = queries[:min(len(queries), cleanQueries)]
			clean := h.compare(t, queries)
			t.Logf("correct:  lexical %.4f, vectors %.4f, hybrid %.4f nDCG@10", clean.lexical, clean.vectors, clean.hybrid)
			if clean.hybrid < clean.lexical-tolerance {
				t.Errorf("hybrid loses %.4f against lexical", clean.lexical-clean.hybrid)
			}
			misspelt := slices.Clone(queries[:min(len(queries), misspeltQueries)])
			for i := range misspelt {
				misspelt[i].Text = misspell(random, misspelt[i].Text)
			}
			bad := h.compare(t, misspelt)
			t.Logf("misspelt: lexical %.4f, vectors %.4f, hybrid %.4f nDCG@10; a relevant hit in the top 10 for %.0f %% and %.0f %%",
				bad.lexical, bad.vectors, bad.hybrid, 100*bad.lexicalHits, 100*bad.hybridHits)
			if bad.hybrid < 1.5*bad.lexical || bad.hybridHits < bad.lexicalHits+.1 {
				t.Errorf("hybrid does not clearly find more of the misspelt queries")
			}
		})
	}
}

type hybrid struct {
	collection *beir.Collection
	index      *Index
	embedder   embed.Embedder
	vectors    [][]float32
}

func newHybrid(t *testing.T, set, language string) *hybrid {
	t.Helper()
	h := &hybrid{collection: evaldata.Collection(t, set)}
	index, err := New(h.collection.Documents, language)
	if err != nil {
		t.Fatal(err)
	}
	embedder, err := builtin.New(0)
	if err != nil {
		t.Fatal(err)
	}
	h.index, h.embedder = index, embedder
	texts := make([]string, len(h.collection.Documents))
	for i, d := range h.collection.Documents {
		texts[i] = Text(d)
	}
	if h.vectors, _, err = embedder.Embed(context.Background(), texts, embed.Passage); err != nil {
		t.Fatal(err)
	}
	return h
}

type comparison struct{ lexical, vectors, hybrid, lexicalHits, hybridHits float64 }

func (h *hybrid) compare(t *testing.T, queries []beir.Query) comparison {
	t.Helper()
	var lexical, vectors, fused, lexicalHits, fusedHits []float64
	for _, q := range queries {
		words, known := h.index.Search(q.Text, candidates)
		near := h.nearest(t, q.Text)
		weights := fusion.WeightsFor(embed.ProviderBuiltin, known)
		both := fusion.RRF([]fusion.Leg[string]{{Weight: weights.Lexical, Keys: words}, {Weight: weights.Vector, Keys: near}}, fusion.K, cmp.Compare[string])
		ids := make([]string, len(both))
		for i, f := range both {
			ids[i] = f.Key
		}
		lexical = append(lexical, eval.NDCG(words, q.Judged, 10))
		vectors = append(vectors, eval.NDCG(near, q.Judged, 10))
		fused = append(fused, eval.NDCG(ids, q.Judged, 10))
		lexicalHits = append(lexicalHits, eval.Hit(words, q.Judged, 10))
		fusedHits = append(fusedHits, eval.Hit(ids, q.Judged, 10))
	}
	return comparison{eval.Mean(lexical), eval.Mean(vectors), eval.Mean(fused), eval.Mean(lexicalHits), eval.Mean(fusedHits)}
}

// nearest ranks the documents by exact cosine.
func (h *hybrid) nearest(t *testing.T, query string) []string {
	t.Helper()
	q, _, err := h.embedder.Embed(context.Background(), []string{query}, embed.Query)
	if err != nil {
		t.Fatal(err)
	}
	type scored struct {
		document int
		score    float32
	}
	all := make([]scored, len(h.vectors))
	for i, v := range h.vectors {
		all[i] = scored{i, dot(v, q[0])}
	}
	slices.SortFunc(all, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.document, b.document))
	})
	var ids []string
	for _, s := range all[:min(candidates, len(all))] {
		ids = append(ids, h.collection.Documents[s.document].ID)
	}
	return ids
}

func dot(a, b []float32) float32 {
	var even, odd float32
	for i := 0; i+1 < len(a); i += 2 {
		even += a[i] * b[i]
		odd += a[i+1] * b[i+1]
	}
	return even + odd
}

// misspell makes one edit inside every content word of four letters or more: two letters swapped, or one
// deleted, inserted or substituted.
func misspell(random *rand.Rand, query string) string {
	words := strings.Fields(query)
	for i, w := range words {
		letters := []rune(w)
		if len(letters) < 4 || analysis.IsStopWord(strings.ToLower(strings.Trim(w, "¿?.,"))) {
			continue
		}
		at := 1 + random.IntN(len(letters)-2)
		other := rune('a' + random.IntN(26))
		switch random.IntN(4) {
		case 0:
			letters[at], letters[at-1] = letters[at-1], letters[at]
		case 1:
			letters = slices.Delete(letters, at, at+1)
		case 2:
			letters = slices.Insert(letters, at, other)
		case 3:
			letters[at] = other
		}
		words[i] = string(letters)
	}
	return strings.Join(words, " ")
}
