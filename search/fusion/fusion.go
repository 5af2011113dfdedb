// Package fusion joins the rankings of several retrieval legs into one by weighted reciprocal rank fusion
// (Cormack, Clarke and Büttcher, SIGIR 2009): score(d) = Σ weight / (k + rank). Ranks, unlike scores, can
// be compared between legs. It is pure and deterministic.
package fusion

import "slices"

// K is the constant of the formula that the paper found to suit most collections.
const K = 60

// Leg is one ranking, best first, no key twice, and how much it counts (weight ≥ 0).
type Leg[Key comparable] struct {
	Weight float64
	Keys   []Key
	// Beyond has ranks of the last so many of the keys, where these are not known by the keys' order; see Beyond.
	Beyond []float64
}

// rank is what stands for the i-th key's place, from 1 on.
func (l *Leg[Key]) rank(i int) float64 {
	if at := i - (len(l.Keys) - len(l.Beyond)); at >= 0 {
		return l.Beyond[at]
	}
	return float64(i + 1)
}

// Fused is one key with its score.
type Fused[Key comparable] struct {
	Key   Key
	Score float64
}

// RRF fuses legs, best first; equal scores go by compare, which must order keys totally. A leg of weight
// 0 contributes nothing, not even its keys. k is positive, usually K.
func RRF[Key comparable](legs []Leg[Key], k int, compare func(a, b Key) int) []Fused[Key] {
	total := 0
	for _, leg := range legs {
		total += len(leg.Keys)
	}
	fused := make([]Fused[Key], 0, total)
	places := make(map[Key]int32, total)
	for _, leg := range legs {
		if leg.Weight <= 0 {
			continue
		}
		for i, key := range leg.Keys {
			at, seen := places[key]
			if !seen {
				at = int32(len(fused))
				places[key] = at
				fused = append(fused, Fused[Key]{Key: key})
			}
			fused[at].Score += leg.Weight / (float64(k) + leg.rank(i))
		}
	}
	slices.SortFunc(fused, func(a, b Fused[Key]) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return compare(a.Key, b.Key)
	})
	return fused
}
