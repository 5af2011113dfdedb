package bm25

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"sync"

	"lindero/search/lexical/codec"
)

// window is how many ordinals are scored at a time: their sums fit into the processor's first cache.
const window = 2048

// searcher is the state of one search, reused by later ones.
type searcher struct {
	q       *Query
	norms   norms
	weights []float64 // by term
	best    best
	matches int

	// Of the segment in hand.
	cursors []cursor            // of the terms that it has, in the order of the query
	order   []int               // the cursors, the one with the lowest bound first
	bounds  []float64           // of the first so many of order together
	skipped int                 // how many of order are only looked up
	deleted codec.Ordinals      // those at or above where the walk is
	allowed []codec.Posting     // memory for cursors' lists
	sums    [window]float64     // what the terms that are not skipped add up to, by ordinal less the window's first
	found   [window / 64]uint64 // a bit for each of sums that is not zero
}

// cursor is a walk along one term's postings in a segment.
type cursor struct {
	list    []codec.Posting // those allowed
	weight  float64
	bound   float64
	skipped bool
	first   int // of the window in hand
	next    int // after the window in hand
}

var scratches = sync.Pool{New: func() any { return new(searcher) }}

func (s *searcher) begin(q *Query) {
	s.q, s.matches = q, 0
	s.norms.set(q.Parameters, q.Statistics)
	s.best.begin(q.Limit)
	s.weights = s.weights[:0]
	for _, term := range q.Terms {
		s.weights = append(s.weights, idf(q.Statistics.Chunks, term.Frequency)*(q.Parameters.K1+1)*float64(term.Count))
	}
}

// release gives the searcher back without what it points to.
func (s *searcher) release() {
	clear(s.cursors[:cap(s.cursors)])
	s.q, s.deleted = nil, nil
	if cap(s.allowed) > maxKept {
		s.allowed = nil
	}
	scratches.Put(s)
}

// maxKept bounds the postings' memory that an idle searcher keeps: 1 MB.
const maxKept = 1 << 16

// searchSegment offers the segment's chunks to the best so far.
func (s *searcher) searchSegment(segment int) {
	s.openSegment(segment)
	for {
		s.skipMore()
		start, ok := s.nextOrdinal()
		if !ok {
			return
		}
		s.addWindow(start)
		s.collect(start)
	}
}

func (s *searcher) openSegment(segment int) {
	s.cursors, s.order, s.bounds, s.skipped = s.cursors[:0], s.order[:0], s.bounds[:0], 0
	s.deleted, s.allowed = s.q.Deleted, s.allowed[:0]
	for i := range s.q.Terms {
		term := &s.q.Terms[i]
		if segment >= len(term.Postings) || term.Postings[segment] == nil {
			continue
		}
		postings := term.Postings[segment]
		list := postings.list
		if s.q.Allowed != nil {
			begin := len(s.allowed)
			s.allowed = s.q.Allowed.AppendOnly(s.allowed, list)
			list = s.allowed[begin:len(s.allowed):len(s.allowed)]
		}
		s.order = append(s.order, len(s.cursors))
		s.cursors = append(s.cursors, cursor{list: list, weight: s.weights[i], bound: postings.bound(s.weights[i], &s.norms)})
	}
	slices.SortFunc(s.order, func(a, b int) int { return cmp.Compare(s.cursors[a].bound, s.cursors[b].bound) })
	sum := 0.0
	for _, at := range s.order {
		sum += s.cursors[at].bound
		s.bounds = append(s.bounds, sum)
	}
}

// skipMore takes out of the walk what cannot by itself make a chunk one of the best.
func (s *searcher) skipMore() {
	for !s.q.Count && s.skipped < len(s.order) && s.bounds[s.skipped] < s.best.threshold() {
		s.cursors[s.order[s.skipped]].skipped = true
		s.skipped++
	}
}

// nextOrdinal is where the walk goes on.
func (s *searcher) nextOrdinal() (next int64, ok bool) {
	next = math.MaxInt64
	for i := range s.cursors {
		if c := &s.cursors[i]; !c.skipped && c.next < len(c.list) {
			next, ok = min(next, c.list[c.next].Ordinal), true
		}
	}
	return next, ok
}

// addWindow adds up what the terms give to the chunks of a window, in the order of the query.
func (s *searcher) addWindow(start int64) {
	for i := range s.cursors {
		c := &s.cursors[i]
		if c.skipped {
			continue
		}
		at := c.next
		c.first = at
		for ; at < len(c.list); at++ {
			p := &c.list[at]
			offset := p.Ordinal - start
			if offset >= window {
				break
			}
			s.sums[offset] += s.norms.share(c.weight, p.Frequency, p.Length)
			s.found[offset/64] |= 1 << (offset % 64)
		}
		c.next = at
	}
}

// collect takes the window's sums and considers those that may still become one of the best.
func (s *searcher) collect(start int64) {
	least := s.least(s.skipped)
	for word, set := range s.found {
		s.found[word] = 0
		for ; set != 0; set &= set - 1 {
			i := word*64 + bits.TrailingZeros64(set)
			sum := s.sums[i]
			s.sums[i] = 0
			if (sum < least && !s.q.Count) || s.isDeleted(start+int64(i)) {
				continue
			}
			s.matches++
			if sum >= least && s.consider(start+int64(i), sum) {
				least = s.least(s.skipped)
			}
		}
	}
}

// isDeleted is asked of ascending ordinals.
func (s *searcher) isDeleted(ordinal int64) bool {
	s.deleted = s.deleted.From(ordinal)
	return len(s.deleted) > 0 && s.deleted[0] == ordinal
}

// least is what a sum must have reached when the first so many of order are still to be added.
func (s *searcher) least(missing int) float64 {
	least := s.best.threshold()
	if missing > 0 {
		least -= s.bounds[missing-1]
	}
	return least / slack
}

// consider looks up what the skipped terms add, for as long as that may suffice, and reports whether the chunk has
// become one of the best.
func (s *searcher) consider(ordinal int64, sum float64) bool {
	if s.skipped == 0 {
		return s.best.offer(Hit{ordinal, sum})
	}
	for missing := s.skipped; missing > 0; missing-- {
		c := &s.cursors[s.order[missing-1]]
		if p := c.at(ordinal, &c.next); p != nil {
			sum += s.norms.share(c.weight, p.Frequency, p.Length)
		}
		if sum < s.least(missing-1) {
			return false
		}
	}
	return s.best.offer(Hit{ordinal, s.score(ordinal)})
}

// score adds the terms up in the order of the query: sums are not the same in another.
func (s *searcher) score(ordinal int64) (score float64) {
	for i := range s.cursors {
		c := &s.cursors[i]
		from := &c.first
		if c.skipped {
			from = &c.next
		}
		if p := c.at(ordinal, from); p != nil {
			score += s.norms.share(c.weight, p.Frequency, p.Length)
		}
	}
	return score
}

// at returns the posting of an ordinal, or nil, and moves position, which is not beyond it, there.
func (c *cursor) at(ordinal int64, position *int) *codec.Posting {
	*position += codec.Seek(c.list[*position:], ordinal)
	if *position < len(c.list) && c.list[*position].Ordinal == ordinal {
		return &c.list[*position]
	}
	return nil
}
