package cache

import (
	"slices"

	"lindero/search/lexical/bm25"
)

// View is what the cache knows for one search. It is for one goroutine.
type View struct {
	cache      *Cache
	collection Collection
	terms      []string
	entries    []*entry // nil: unknown
	// Standing is what Terms is by; nil when none is known.
	Standing *Standing
	complete bool
}

// View looks the terms of a search up.
func (c *Cache) View(collection Collection, terms []string) *View {
	v := &View{cache: c, collection: c.scope(collection), terms: terms, entries: make([]*entry, len(terms))}
	if c.entries == nil {
		return v
	}
	v.Standing, _ = c.standings.GetIfPresent(v.collection)
	v.complete = v.Standing != nil
	missing := 0
	for i, term := range terms {
		v.entries[i], _ = c.entries.GetIfPresent(key{v.collection, term})
		if !v.renew(i) {
			v.complete = false
			missing++
		}
	}
	misses.Add(float64(missing))
	hits.Add(float64(len(terms) - missing))
	return v
}

// renew brings an entry to the view's standing, if it can.
func (v *View) renew(i int) bool {
	if v.entries[i] == nil || v.Standing == nil {
		return false
	}
	renewed := v.entries[i].in(v.Standing)
	if renewed == nil {
		return false
	}
	v.keep(i, renewed)
	return true
}

func (v *View) keep(i int, e *entry) {
	if v.entries[i] != e && v.cache.entries != nil {
		v.cache.entries.Set(key{v.collection, v.terms[i]}, e)
	}
	v.entries[i] = e
}

// Complete reports whether the view has all postings of its terms by its standing, which is to be confirmed.
func (v *View) Complete() bool { return v.complete }

// Held tells what need not be read again, should the standing be over: of which terms the postings in which segments.
func (v *View) Held() (terms []bool, segments []int64) {
	terms = make([]bool, len(v.entries))
	first := true
	for i, e := range v.entries {
		if e == nil {
			continue
		}
		terms[i] = true
		if first {
			segments, first = slices.Clone(e.standing.Segments), false
			continue
		}
		segments = slices.DeleteFunc(segments, func(segment int64) bool {
			_, ok := slices.BinarySearch(e.standing.Segments, segment)
			return !ok
		})
	}
	if segments == nil {
		segments = []int64{}
	}
	return terms, segments
}

// Fetched are postings read from the database: of the view's n-th term in a segment.
type Fetched struct {
	Term     int
	Segment  int64
	Postings *bm25.Postings
}

// Complement makes the view complete by a standing and by what the same snapshot had beyond Held.
func (v *View) Complement(standing *Standing, fetched []Fetched) {
	entries := make([]*entry, len(v.terms))
	for i, old := range v.entries {
		entries[i] = &entry{standing: standing, postings: make([]*bm25.Postings, len(standing.Segments))}
		for at, segment := range standing.Segments {
			if old == nil {
				break
			}
			if from, ok := slices.BinarySearch(old.standing.Segments, segment); ok {
				entries[i].postings[at] = old.postings[from]
			}
		}
	}
	for _, f := range fetched {
		if at, ok := slices.BinarySearch(standing.Segments, f.Segment); ok {
			entries[f.Term].postings[at] = f.Postings
		}
	}
	for i, e := range entries {
		e.frequency = bm25.Frequency(e.postings, standing.Deleted)
		v.keep(i, e)
	}
	if v.cache.standings != nil {
		v.cache.standings.Set(v.collection, standing)
	}
	v.Standing, v.complete = standing, true
}

// Query puts the view's postings into a query, whose terms are the view's and carry their counts already.
func (v *View) Query(q *bm25.Query) {
	q.Deleted, q.Statistics = v.Standing.Deleted, v.Standing.Statistics
	for i, e := range v.entries {
		q.Terms[i].Postings, q.Terms[i].Frequency = e.postings, e.frequency
	}
}
