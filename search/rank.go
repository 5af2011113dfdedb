package search

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"

	"lindero/search/fusion"
	"lindero/search/lexical/bm25"
	"lindero/store"
)

// hit is a candidate on its way into the answer.
type hit struct {
	key     Key
	target  int // which collection, for names
	score   float64
	scores  Scores
	passage *Passage // nil before it is read; a pointer, because most candidates never get that far
}

// leg is the ranking of one kind over all collections that can be compared.
type leg struct {
	hits   []hit
	beyond []float64 // ranks of the last so many hits, where a Comparison left some out before them
}

// rank turns what the legs found into one ranking.
func (r *run) rank(limit int) (hits []hit, exhausted bool) {
	lexical, known, full := r.rankLexical(limit)
	vectors, fullVectors := r.rankVectors(limit)
	exhausted = !full && !fullVectors
	if !r.fused() {
		hits = lexical.hits
		for _, l := range vectors {
			hits = append(hits, l.hits...)
		}
		sortHits(hits)
		return hits, exhausted
	}
	return r.fuse(lexical, vectors, known), exhausted
}

// rankLexical merges by score what each collection found by its own statistics. known is the share of the query's
// terms that the best-knowing collection has.
func (r *run) rankLexical(limit int) (ranking leg, known float64, full bool) {
	for i, found := range r.snapshot.Retrieved() {
		if found.Lexical == nil {
			continue
		}
		result := found.Lexical
		known = max(known, result.Known())
		full = full || len(result.Hits) >= limit
		var deeper []int64
		if len(result.Hits) > limit {
			deeper = ordinalsOf(found.Vector)
		}
		ranking.hits = slices.Grow(ranking.hits, min(len(result.Hits), limit+len(deeper)))
		for n := range result.Hits {
			h := &result.Hits[n] // the score is pointed to: a copy would be an allocation for each
			if n >= limit {
				if _, ok := slices.BinarySearch(deeper, h.Ordinal); !ok {
					continue
				}
				ranking.beyond = append(ranking.beyond, float64(n+1))
			}
			ranking.hits = append(ranking.hits, hit{key: r.key(i, h.Ordinal), target: i, score: h.Score, scores: Scores{Lexical: &h.Score}})
		}
		r.explainLexical(i, result)
	}
	sortHits(ranking.hits)
	return ranking, known, full
}

// ordinalsOf are the ordinals of candidates, sorted: of what a Comparison's lexical leg brings beyond the usual depth, only
// what the vector leg has, too, can become a result.
func ordinalsOf(candidates []Candidate) []int64 {
	ordinals := make([]int64, len(candidates))
	for i, c := range candidates {
		ordinals[i] = c.Ordinal
	}
	slices.Sort(ordinals)
	return ordinals
}

// rankVectors makes one ranking for each embedding profile: similarities of different models do not compare.
func (r *run) rankVectors(limit int) (legs []leg, full bool) {
	var profiles []store.Profile
	for i, found := range r.snapshot.Retrieved() {
		if r.targets[i].Vector == nil {
			continue
		}
		full = full || len(found.Vector) >= limit
		profile := r.targets[i].Collection.Embedding
		at := slices.Index(profiles, profile)
		if at < 0 {
			at, profiles, legs = len(profiles), append(profiles, profile), append(legs, leg{})
		}
		before, candidates := len(legs[at].hits), r.own(i, found.Vector)
		legs[at].hits = slices.Grow(legs[at].hits, len(candidates))
		for n := range candidates {
			c := &candidates[n]
			if !math.IsNaN(c.Score) && !math.IsInf(c.Score, 0) {
				legs[at].hits = append(legs[at].hits, hit{key: r.key(i, c.Ordinal), target: i, score: c.Score, scores: Scores{Semantic: &c.Score}})
			}
		}
		r.explain.Legs = append(r.explain.Legs, ExplainLeg{
			Collection: r.targets[i].Collection.Name, Kind: Semantic, Candidates: len(legs[at].hits) - before,
		})
	}
	for i := range legs {
		sortHits(legs[i].hits)
		legs[i].placeCompared(r.snapshot.Retrieved()[0].Nearest, r.targets[0].Collection.Chunks)
	}
	return legs, full
}

// placeCompared estimates the ranks of the hits that a Comparison brought: as many as the index found are the nearest, be
// they from it or not, and the others lie somewhere beyond them in a collection of so many chunks.
func (l *leg) placeCompared(nearest int, chunks int64) {
	if nearest == 0 || nearest >= len(l.hits) {
		return
	}
	scores := make([]float64, len(l.hits))
	for i, h := range l.hits {
		scores[i] = h.score
	}
	l.beyond = fusion.Beyond(scores[:nearest], scores[nearest:], int(chunks))
}

// own is the first half of wall 4: candidates that their backend says belong to somebody else go no further.
func (r *run) own(target int, candidates []Candidate) []Candidate {
	foreign := func(c Candidate) bool { return c.Tenant != r.tenant }
	first := slices.IndexFunc(candidates, foreign)
	if first < 0 {
		return candidates
	}
	own := slices.DeleteFunc(slices.Clone(candidates), foreign)
	rejectedCandidates.Add(float64(len(candidates) - len(own)))
	r.service.cfg.Log.Error("a backend proposed other tenants' candidates; they were dropped", "tenant", r.tenant,
		"claimed", candidates[first].Tenant, "count", len(candidates)-len(own), "collection", r.targets[target].Collection.ID)
	return own
}

func (r *run) key(target int, ordinal int64) Key {
	return Key{Collection: r.targets[target].Collection.ID, Ordinal: ordinal}
}

// fuse joins the rankings by reciprocal rank.
func (r *run) fuse(lexical leg, vectors []leg, known float64) []hit {
	var weights fusion.Weights
	total := len(lexical.hits)
	for _, v := range vectors {
		total += len(v.hits)
	}
	all := candidates{hits: make([]hit, 0, total), places: make(map[Key]int32, total)}
	legs := make([]fusion.Leg[int32], 0, len(vectors)+1)
	for _, v := range vectors {
		weights = fusion.WeightsFor(r.targets[v.targetOr(0)].Collection.Embedding.Provider, known)
		legs = append(legs, fusion.Leg[int32]{Weight: weights.Vector, Keys: all.add(v.hits), Beyond: v.beyond})
	}
	legs = append(legs, fusion.Leg[int32]{Weight: weights.Lexical, Keys: all.add(lexical.hits), Beyond: lexical.beyond})
	r.explain.Weights = &Weights{Lexical: weights.Lexical, Semantic: weights.Vector}
	fused := fusion.RRF(legs, fusion.K, all.compare)
	hits := make([]hit, len(fused))
	for i, f := range fused {
		hits[i] = all.hits[f.Key]
		hits[i].score = f.Score
	}
	return hits
}

// targetOr is the collection of the leg's best hit, for its provider; a leg without hits has no weight to find.
func (l leg) targetOr(none int) int {
	if len(l.hits) == 0 {
		return none
	}
	return l.hits[0].target
}

// candidates are the different hits of all legs, numbered: numbers are cheaper to join than keys.
type candidates struct {
	hits   []hit
	places map[Key]int32 // in hits
}

// add notes what a leg says of its hits and returns their numbers, in the leg's order.
func (c *candidates) add(hits []hit) []int32 {
	numbers := make([]int32, len(hits))
	for i, h := range hits {
		at, seen := c.places[h.key]
		if !seen {
			at = int32(len(c.hits))
			c.places[h.key] = at
			c.hits = append(c.hits, h)
		}
		numbers[i] = at
		scores := &c.hits[at].scores
		scores.Semantic = cmp.Or(h.scores.Semantic, scores.Semantic)
		scores.Lexical = cmp.Or(h.scores.Lexical, scores.Lexical)
	}
	return numbers
}

// compare breaks ties between equal scores: by the order in which the collections were named, then by ordinal.
func (c *candidates) compare(a, b int32) int {
	x, y := &c.hits[a], &c.hits[b]
	return cmp.Or(cmp.Compare(x.target, y.target), cmp.Compare(x.key.Ordinal, y.key.Ordinal), bytes.Compare(x.key.Collection[:], y.key.Collection[:]))
}

func sortHits(hits []hit) {
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.target, b.target), cmp.Compare(a.key.Ordinal, b.key.Ordinal))
	})
}

func (r *run) explainLexical(target int, result *bm25.Result) {
	explained := ExplainLeg{
		Collection: r.targets[target].Collection.Name, Kind: Lexical, Candidates: len(result.Hits), Matches: result.Matches,
	}
	for i, term := range r.targets[target].Terms {
		explained.Terms = append(explained.Terms, ExplainTerm{Term: term.Term, Chunks: result.Frequencies[i]})
	}
	r.explain.Legs = append(r.explain.Legs, explained)
}

// String names a key in logs and failures.
func (k Key) String() string { return fmt.Sprintf("%s/%d", k.Collection, k.Ordinal) }
