package search

import (
	"math"
	"slices"
	"time"

	"lindero/fault"
)

// MMR asks for results that differ from each other.
type MMR struct {
	Lambda *float64 `json:"lambda" minimum:"0" maximum:"1" doc:"1 chooses by relevance alone, 0 by difference alone"`
}

// maxDiversified bounds offset + top_k with mmr, and how many candidates it chooses from: each choice compares all that
// are left with the one before.
const maxDiversified = 1000

func (q *question) checkMMR(r *Request) error {
	switch {
	case r.MMR == nil:
		return nil
	case r.MMR.Lambda == nil || math.IsNaN(*r.MMR.Lambda) || *r.MMR.Lambda < 0 || *r.MMR.Lambda > 1:
		return fault.InvalidField("body.mmr.lambda", nil, "must be from 0 (difference alone) to 1 (relevance alone)")
	case q.depth() > maxDiversified:
		return fault.InvalidField("body.mmr", nil, "chooses among the best %d: offset and top_k together must not be more", maxDiversified)
	}
	q.mmr = r.MMR.Lambda
	return nil
}

// wanted is how many of the best hits are read: those that are answered, or those to choose them from.
func (q *question) wanted() int {
	if q.mmr == nil {
		return q.depth()
	}
	return min(maxDiversified, max(minCandidates, candidateFactor*q.depth()))
}

// vectors reports whether the passages' vectors are needed.
func (q *question) vectors() bool { return q.mmr != nil || q.include["vector"] }

// ExplainMMR reports how results were chosen for being different.
type ExplainMMR struct {
	Lambda     float64 `json:"lambda"`
	Candidates int     `json:"candidates"` // that were chosen from
	MS         float64 `json:"ms"`
}

// diversify chooses which hits are answered by maximal marginal relevance. What it chooses for a page stands in the
// order of the scores; what it chose for the pages before comes first.
func (r *run) diversify(hits []hit) []hit {
	if r.q.mmr == nil {
		return hits
	}
	started := time.Now()
	chosen := marginal(*r.q.mmr, r.relevance(hits), r.directions(hits), r.q.depth())
	if r.q.offset < len(chosen) {
		slices.Sort(chosen[r.q.offset:])
	}
	diverse := make([]hit, len(chosen))
	for i, n := range chosen {
		diverse[i] = hits[n]
	}
	r.explain.MMR = &ExplainMMR{Lambda: *r.q.mmr, Candidates: len(hits), MS: milliseconds(started)}
	return diverse
}

// relevance is each hit's score on the scale of similarities: cosines as they are, other scores as shares of the best.
func (r *run) relevance(hits []hit) []float64 {
	relevance, best := make([]float64, len(hits)), 1.0
	if len(hits) > 0 && r.mode() != Semantic {
		best = hits[0].score
	}
	for i, h := range hits {
		if best > 0 {
			relevance[i] = h.score / best
		}
	}
	return relevance
}

// direction is a vector of length 1 with what it can be compared to; those of different embedding profiles cannot.
type direction struct {
	profile int
	vector  []float64 // nil: like no other
}

func (r *run) directions(hits []hit) []direction {
	directions := make([]direction, len(hits))
	for i, h := range hits {
		profile := r.targets[h.target].Collection.Embedding
		same := func(t Target) bool { return t.Collection.Embedding == profile }
		directions[i] = direction{slices.IndexFunc(r.targets, same), unit(h.passage.Vector)}
	}
	return directions
}

func unit(v []float32) []float64 {
	var square float64
	for _, x := range v {
		square += float64(x) * float64(x)
	}
	if square == 0 {
		return nil
	}
	length := math.Sqrt(square)
	u := make([]float64, len(v))
	for i, x := range v {
		u[i] = float64(x) / length
	}
	return u
}

// similarity is the cosine, and 0 between what cannot be compared.
func (d direction) similarity(other direction) float64 {
	if d.profile != other.profile || len(d.vector) != len(other.vector) {
		return 0
	}
	var dot float64
	for i, x := range d.vector {
		dot += x * other.vector[i]
	}
	return dot
}

// marginal chooses n of the candidates, one after another: each time the one with the greatest
// lambda · relevance − (1 − lambda) · similarity to the most similar one chosen before, the first of equals
// (Carbonell and Goldstein, The use of MMR, SIGIR 1998). It returns their numbers in the order of choice.
func marginal(lambda float64, relevance []float64, directions []direction, n int) []int {
	n = min(n, len(relevance))
	chosen, taken := make([]int, 0, n), make([]bool, len(relevance))
	likest := make([]float64, len(relevance)) // to those chosen; nothing is chosen before the first
	for len(chosen) < n {
		best, most := -1, math.Inf(-1)
		for i, r := range relevance {
			if value := lambda*r - (1-lambda)*likest[i]; !taken[i] && value > most {
				best, most = i, value
			}
		}
		taken[best] = true
		for i := range likest {
			if taken[i] {
				continue
			}
			like := directions[i].similarity(directions[best])
			if len(chosen) == 0 || like > likest[i] {
				likest[i] = like
			}
		}
		chosen = append(chosen, best)
	}
	return chosen
}
