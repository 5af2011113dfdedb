// Package bm25 ranks chunks by exact Okapi BM25 over posting blocks (package codec):
//
//	score(q, d) = Σ qf(t) · idf(t) · f·(k1+1) / (f + k1·(1 − b + b·|d|/avg)),   idf(t) = ln(1 + (N − df + ½)/(df + ½))
//
// (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009; the idf with 1+ inside, so never
// negative, as Lucene has it.) Sums run in the order of the query's terms, so equal input gives bit-equal
// scores however the postings lie in segments.
//
// What cannot be among the best is not scored: terms whose postings together cannot lift a chunk over the worst of the
// best so far are looked up only for chunks that others have lifted far enough (MaxScore: Turtle and Flood, "Query
// evaluation: strategies and optimizations", 1995). Bounds are rounded up, and what passes them is scored by the
// formula, in order, so that this changes no bit of the outcome.
package bm25

import (
	"math"

	"lindero/search/lexical/codec"
)

// Parameters are BM25's constants: K1 ≥ 0 says how fast repetitions of a term saturate, B in [0, 1] how
// much a chunk's length counts.
type Parameters struct{ K1, B float64 }

// Default suits the evaluation sets best as one pair; see docs/decisions/0002.
var Default = Parameters{K1: 1.2, B: 0.75}

// Statistics are a collection's totals over its live chunks: those deleted but not yet merged away are
// already subtracted.
type Statistics struct {
	Chunks int64
	Tokens int64 // the sum of the chunks' lengths in terms
}

// Term is one distinct term of a query.
type Term struct {
	// Count is how often the query has the term (≥ 1); its share of the score is multiplied by it.
	Count int
	// Postings has the term's postings in each of the collection's segments, in the same order for all terms of a
	// query; nil where a segment lacks the term. A chunk lies in one segment.
	Postings []*Postings
	// Frequency is the term's document frequency among the live chunks: Frequency(Postings, Deleted).
	Frequency int
}

// Query is what Search needs of the collection and of the search.
type Query struct {
	// Terms are the distinct terms of the query in the fixed order of analysis.QueryTerms, those that the
	// collection lacks included.
	Terms []Term
	// Deleted chunks count nowhere: neither as hits nor in any term's document frequency.
	Deleted codec.Ordinals
	// Allowed narrows the hits before the best are taken, and changes no score; nil allows all.
	Allowed    *codec.Ordinals
	Statistics Statistics
	Parameters Parameters
	Limit      int // how many hits to return at most; ≥ 0
	// Count asks for the number of matches, which means looking at all of them.
	Count bool
}

// Hit is one chunk with its score (> 0).
type Hit struct {
	Ordinal int64
	Score   float64
}

// Result is the outcome of Search.
type Result struct {
	Hits    []Hit // by descending score, then ascending ordinal
	Matches int   // live, allowed chunks with at least one term; only with Query.Count
	// Frequencies has each term's document frequency among the live chunks, in the order of Query.Terms;
	// 0 is a term unknown to the collection.
	Frequencies []int
}

// Known is the share (0…1) of the query's terms that occur in the collection, 1 for a query without terms.
func (r Result) Known() float64 {
	if len(r.Frequencies) == 0 {
		return 1
	}
	known := 0
	for _, frequency := range r.Frequencies {
		if frequency > 0 {
			known++
		}
	}
	return float64(known) / float64(len(r.Frequencies))
}

// Search ranks the collection's chunks for a query.
func Search(q Query) Result {
	s := scratches.Get().(*searcher)
	defer s.release()
	s.begin(&q)
	result := Result{Frequencies: make([]int, len(q.Terms))}
	segments := 0
	for i, term := range q.Terms {
		result.Frequencies[i] = term.Frequency
		segments = max(segments, len(term.Postings))
	}
	for segment := range segments {
		s.searchSegment(segment)
	}
	result.Hits = s.best.sorted()
	if q.Count {
		result.Matches = s.matches
	}
	return result
}

// idf tolerates statistics that lag behind the postings: it stays positive and finite.
func idf(chunks int64, frequency int) float64 {
	missing := max(float64(chunks-int64(frequency)), 0)
	return math.Log(1 + (missing+0.5)/(float64(frequency)+0.5))
}

// norms computes k1·(1 − b + b·|d|/avg), with a table for the usual lengths.
type norms struct {
	flat, slope float64
	table       [512]float64
}

func (n *norms) set(p Parameters, s Statistics) {
	n.flat, n.slope = p.K1*(1-p.B), 0
	if s.Tokens > 0 {
		n.slope = p.K1 * p.B * float64(s.Chunks) / float64(s.Tokens)
	}
	for length := range n.table {
		n.table[length] = n.compute(uint32(length))
	}
}

// compute converts explicitly so that no compiler may fuse the product and the sum: scores must be the
// same bits on every machine.
func (n *norms) compute(length uint32) float64 { return n.flat + float64(n.slope*float64(length)) }

func (n *norms) of(length uint32) float64 {
	if int(length) < len(n.table) {
		return n.table[length]
	}
	return n.compute(length)
}

// share is what a term of a weight adds to the score of a chunk.
func (n *norms) share(weight float64, frequency, length uint32) float64 {
	f := float64(frequency)
	return float64(weight * f / (f + n.of(length)))
}
