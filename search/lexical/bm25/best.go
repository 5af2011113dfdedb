package bm25

import (
	"math"
	"slices"
)

// best keeps the limit best hits: a heap whose first element is the first to go.
type best struct {
	hits  []Hit
	limit int
}

func (b *best) begin(limit int) { b.hits, b.limit = b.hits[:0], limit }

// threshold is the score below which a hit is not wanted.
func (b *best) threshold() float64 {
	switch {
	case b.limit == 0:
		return math.Inf(1)
	case len(b.hits) < b.limit:
		return 0
	}
	return b.hits[0].Score
}

// offer takes a hit if it is one of the best.
func (b *best) offer(hit Hit) bool {
	switch {
	case len(b.hits) < b.limit:
		b.hits = append(b.hits, hit)
		b.up(len(b.hits) - 1)
		return true
	case b.limit > 0 && compare(hit, b.hits[0]) < 0:
		b.hits[0] = hit
		b.down()
		return true
	}
	return false
}

// up restores the heap after a hit was put at its end.
func (b *best) up(at int) {
	for at > 0 {
		parent := (at - 1) / 2
		if compare(b.hits[at], b.hits[parent]) <= 0 {
			return
		}
		b.hits[at], b.hits[parent] = b.hits[parent], b.hits[at]
		at = parent
	}
}

// down restores the heap after its first hit was replaced.
func (b *best) down() {
	for at := 0; ; {
		worst := at
		for child := 2*at + 1; child <= 2*at+2 && child < len(b.hits); child++ {
			if compare(b.hits[child], b.hits[worst]) > 0 {
				worst = child
			}
		}
		if worst == at {
			return
		}
		b.hits[at], b.hits[worst] = b.hits[worst], b.hits[at]
		at = worst
	}
}

// sorted returns the hits, best first.
func (b *best) sorted() []Hit {
	hits := append([]Hit(nil), b.hits...) // none is nil, however the memory was used before: equal input gives equal output
	slices.SortFunc(hits, compare)
	return hits
}

// compare puts the better hit first; equal scores go by ordinal.
func compare(a, b Hit) int {
	switch {
	case a.Score > b.Score:
		return -1
	case a.Score < b.Score:
		return 1
	case a.Ordinal < b.Ordinal:
		return -1
	case a.Ordinal > b.Ordinal:
		return 1
	}
	return 0
}
