package bm25

import (
	"container/heap"
	"slices"

	"lindero/search/lexical/codec"
)

// Pages of scores: ordinals are dense, so that a page of them is an array, but need not start at zero.
const (
	pageBits = 10
	pageSize = 1 << pageBits
)

type page struct {
	number int64
	scores [pageSize]float64 // 0: the chunk holds none of the terms
}

// scores adds up the chunks' scores. The zero value is empty.
type scores struct {
	pages map[int64]*page
	free  []*page
}

// add adds one term's share to the chunks of postings, which are in ascending order of ordinal.
func (s *scores) add(postings []codec.Posting, weight float64, norms *norms) {
	var current *page
	for _, p := range postings {
		if number := p.Ordinal >> pageBits; current == nil || number != current.number {
			current = s.page(number)
		}
		frequency := float64(p.Frequency)
		current.scores[p.Ordinal&(pageSize-1)] += float64(weight * frequency / (frequency + norms.of(p.Length)))
	}
}

func (s *scores) page(number int64) *page {
	if p := s.pages[number]; p != nil {
		return p
	}
	if s.pages == nil {
		s.pages = map[int64]*page{}
	}
	var p *page
	if last := len(s.free) - 1; last >= 0 {
		p, s.free = s.free[last], s.free[:last]
	} else {
		p = new(page)
	}
	p.number = number
	s.pages[number] = p
	return p
}

// best returns the limit best chunks, best first, and the number of all that have a score.
func (s *scores) best(limit int) (hits []Hit, matches int) {
	worst := make(worstFirst, 0, min(limit, pageSize))
	for _, p := range s.pages {
		for i, score := range p.scores {
			if score == 0 {
				continue
			}
			matches++
			hit := Hit{Ordinal: p.number<<pageBits | int64(i), Score: score}
			switch {
			case len(worst) < limit:
				heap.Push(&worst, hit)
			case limit > 0 && compare(hit, worst[0]) < 0:
				worst[0] = hit
				heap.Fix(&worst, 0)
			}
		}
	}
	slices.SortFunc(worst, compare)
	return worst, matches
}

// reset empties the scores and keeps a bounded number of pages for reuse.
func (s *scores) reset() {
	const keep = 256 // 2 MB
	for _, p := range s.pages {
		if len(s.free) == keep {
			break
		}
		p.scores = [pageSize]float64{}
		s.free = append(s.free, p)
	}
	clear(s.pages)
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

// worstFirst is a heap whose first element is the first to go.
type worstFirst []Hit

func (h worstFirst) Len() int           { return len(h) }
func (h worstFirst) Less(i, j int) bool { return compare(h[i], h[j]) > 0 }
func (h worstFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *worstFirst) Push(hit any)      { *h = append(*h, hit.(Hit)) }

// Pop is heap.Interface's; Search never shrinks the heap.
func (h *worstFirst) Pop() any {
	last := len(*h) - 1
	hit := (*h)[last]
	*h = (*h)[:last]
	return hit
}
