package bm25

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"lindero/search/lexical/codec"
)

// corpus is a small collection: the terms of each live or deleted chunk by ordinal.
type corpus struct {
	chunks  map[int64][]string
	deleted map[int64]bool
}

func drawCorpus(t *rapid.T) corpus {
	c := corpus{chunks: map[int64][]string{}, deleted: map[int64]bool{}}
	ordinal := int64(-1)
	for range rapid.IntRange(0, 30).Draw(t, "chunks") {
		ordinal += rapid.Int64Range(1, 700).Draw(t, "gap")
		c.chunks[ordinal] = rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}), 0, 12).Draw(t, "terms")
		c.deleted[ordinal] = rapid.IntRange(0, 3).Draw(t, "fate") == 0
	}
	return c
}

func (c corpus) ordinals() []int64 {
	var all []int64
	for o := range c.chunks {
		all = append(all, o)
	}
	slices.Sort(all)
	return all
}

func (c corpus) statistics() (s Statistics) {
	for o, terms := range c.chunks {
		if !c.deleted[o] {
			s.Chunks++
			s.Tokens += int64(len(terms))
		}
	}
	return s
}

// bruteForce scores every chunk by the formula, straight from its terms.
func (c corpus) bruteForce(query []Term, names []string, p Parameters, allowed func(int64) bool, limit int) Result {
	s := c.statistics()
	r := Result{Frequencies: make([]int, len(names))}
	scores := map[int64]float64{}
	for i, name := range names {
		for o, terms := range c.chunks {
			if !c.deleted[o] && slices.Contains(terms, name) {
				r.Frequencies[i]++
			}
		}
		df := float64(r.Frequencies[i])
		weight := math.Log(1+(float64(s.Chunks)-df+0.5)/(df+0.5)) * (p.K1 + 1) * float64(query[i].Count)
		for o, terms := range c.chunks {
			frequency := 0.0
			for _, term := range terms {
				if term == name {
					frequency++
				}
			}
			if frequency == 0 || c.deleted[o] || !allowed(o) {
				continue
			}
			slope := p.K1 * p.B * float64(s.Chunks) / float64(s.Tokens)
			length := p.K1*(1-p.B) + float64(slope*float64(len(terms)))
			scores[o] += float64(weight * frequency / (frequency + length))
		}
	}
	for o, score := range scores {
		r.Hits = append(r.Hits, Hit{o, score})
	}
	r.Matches = len(r.Hits)
	slices.SortFunc(r.Hits, func(a, b Hit) int {
		if a.Score != b.Score {
			return int(math.Copysign(1, b.Score-a.Score))
		}
		return int(a.Ordinal - b.Ordinal)
	})
	r.Hits = r.Hits[:min(limit, len(r.Hits))]
	return r
}

// segmentCount is over how many segments a corpus is spread.
const segmentCount = 3

// segments spreads the chunks over segments at random and returns each term's block in each.
func (c corpus) segments(t *rapid.T) map[string][][]byte {
	builders := make([]codec.Builder, segmentCount)
	for _, o := range c.ordinals() {
		if err := builders[rapid.IntRange(0, 2).Draw(t, "segment")].Add(o, c.chunks[o]); err != nil {
			t.Fatal(err)
		}
	}
	blocks := map[string][][]byte{}
	for i := range builders {
		for _, p := range builders[i].Build().Postings {
			if blocks[p.Term] == nil {
				blocks[p.Term] = make([][]byte, segmentCount)
			}
			blocks[p.Term][i] = p.Block
		}
	}
	return blocks
}

// TestSearchIsBruteForce: whatever the segments, the deletions, the merges and the filter, the outcome is
// that of the formula on the live chunks, to the bit.
func TestSearchIsBruteForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := drawCorpus(t)
		blocks := c.segments(t)
		var deleted, some []int64
		for _, o := range c.ordinals() {
			if c.deleted[o] {
				deleted = append(deleted, o)
			}
			if rapid.Bool().Draw(t, "allowed") {
				some = append(some, o)
			}
		}
		q := Query{
			Deleted:    codec.NewOrdinals(deleted),
			Statistics: c.statistics(),
			Parameters: Parameters{K1: rapid.Float64Range(0, 3).Draw(t, "k1"), B: rapid.Float64Range(0, 1).Draw(t, "b")},
			Limit:      rapid.IntRange(0, 12).Draw(t, "limit"),
			Count:      rapid.Bool().Draw(t, "counted"),
		}
		allowed := func(int64) bool { return true }
		if rapid.Bool().Draw(t, "filtered") {
			set := codec.NewOrdinals(some)
			q.Allowed = &set
			allowed = func(o int64) bool { return slices.Contains(some, o) }
		}
		names := rapid.Permutation([]string{"a", "b", "c", "unknown"}).Draw(t, "query")
		for range names {
			q.Terms = append(q.Terms, Term{Count: rapid.IntRange(1, 3).Draw(t, "count")})
		}
		want := c.bruteForce(q.Terms, names, q.Parameters, allowed, q.Limit)
		if !q.Count {
			want.Matches = 0
		}
		decodeAll(t, &q, names, blocks)
		requireEqual(t, q, want, "in segments")
		merged := map[string][][]byte{}
		for name := range blocks {
			merged[name] = merge(t, blocks[name], q.Deleted)
		}
		decodeAll(t, &q, names, merged)
		requireEqual(t, q, want, "merged, markers still there")
		q.Deleted = nil
		decodeAll(t, &q, names, merged)
		requireEqual(t, q, want, "merged, markers gone")
	})
}

type fataler interface{ Fatal(...any) }

// decodeAll gives a query's terms their postings.
func decodeAll(t fataler, q *Query, names []string, blocks map[string][][]byte) {
	for i, name := range names {
		q.Terms[i].Postings = nil
		for _, block := range blocks[name] {
			var postings *Postings
			if block != nil {
				var err error
				if postings, err = Decode(block); err != nil {
					t.Fatal(err)
				}
			}
			q.Terms[i].Postings = append(q.Terms[i].Postings, postings)
		}
		q.Terms[i].Frequency = Frequency(q.Terms[i].Postings, q.Deleted)
	}
}

// merge joins a term's blocks into one, if anything is left.
func merge(t *rapid.T, blocks [][]byte, deleted codec.Ordinals) [][]byte {
	var some [][]byte
	for _, block := range blocks {
		if block != nil {
			some = append(some, block)
		}
	}
	block, _, err := codec.Merge(some, deleted)
	if err != nil {
		t.Fatal(err)
	}
	return [][]byte{block}
}

func requireEqual(t interface{ Fatalf(string, ...any) }, q Query, want Result, when string) {
	got := Search(q)
	if got.Matches != want.Matches || !slices.Equal(got.Frequencies, want.Frequencies) || !slices.Equal(got.Hits, want.Hits) {
		t.Fatalf("%s: got %+v, want %+v", when, got, want)
	}
}

// TestSkippingChangesNothing searches a collection of natural word frequencies, large enough for most postings never to
// be looked at, and compares with scoring everything.
func TestSkippingChangesNothing(t *testing.T) {
	t.Parallel()
	const chunks = 6000
	random := rand.New(rand.NewPCG(3, 7))
	zipf := rand.NewZipf(random, 1.1, 8, 400)
	c := corpus{chunks: map[int64][]string{}, deleted: map[int64]bool{}}
	builders := make([]codec.Builder, segmentCount)
	var deleted []int64
	for o := range int64(chunks) {
		for range 5 + random.IntN(60) {
			c.chunks[o] = append(c.chunks[o], fmt.Sprint("w", zipf.Uint64()))
		}
		if err := builders[min(int(o/2500), segmentCount-1)].Add(o, c.chunks[o]); err != nil {
			t.Fatal(err)
		}
		if random.IntN(20) == 0 {
			c.deleted[o], deleted = true, append(deleted, o)
		}
	}
	blocks := map[string][][]byte{}
	for i := range builders {
		for _, p := range builders[i].Build().Postings {
			if blocks[p.Term] == nil {
				blocks[p.Term] = make([][]byte, segmentCount)
			}
			blocks[p.Term][i] = p.Block
		}
	}
	for n := range 40 {
		q := Query{Deleted: deleted, Statistics: c.statistics(), Parameters: Default, Limit: 1 + random.IntN(20)}
		var names []string
		for range 1 + random.IntN(8) {
			names = append(names, fmt.Sprint("w", zipf.Uint64()))
		}
		slices.Sort(names)
		names = slices.Compact(names)
		for range names {
			q.Terms = append(q.Terms, Term{Count: 1})
		}
		want := c.bruteForce(q.Terms, names, q.Parameters, func(int64) bool { return true }, q.Limit)
		want.Matches = 0
		decodeAll(t, &q, names, blocks)
		requireEqual(t, q, want, fmt.Sprint("query ", n))
	}
}

func TestCorruptBlock(t *testing.T) {
	t.Parallel()
	if _, err := Decode([]byte{1, 200}); !errors.Is(err, codec.ErrCorrupt) {
		t.Errorf("error %v", err)
	}
}

// TestBoundHolds: no posting adds more than its term's bound, and the bound is no more than the best of them needs.
func TestBoundHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var list []codec.Posting
		for o := range rapid.Int64Range(1, 40).Draw(t, "postings") {
			frequency := rapid.Uint32Range(1, 20).Draw(t, "frequency")
			list = append(list, codec.Posting{Ordinal: o, Frequency: frequency, Length: frequency + rapid.Uint32Range(0, 900).Draw(t, "rest")})
		}
		var n norms
		n.set(Default, Statistics{Chunks: 10, Tokens: rapid.Int64Range(1, 5000).Draw(t, "tokens")})
		p := &Postings{list: list, peaks: peaksOf(list)}
		bound, most := p.bound(1.5, &n), 0.0
		for _, posting := range list {
			most = max(most, n.share(1.5, posting.Frequency, posting.Length))
		}
		tight := !slices.ContainsFunc(list, func(p codec.Posting) bool { return p.Frequency > exactPeaks })
		if bound < most || (tight && bound > most*slack) {
			t.Fatalf("a bound of %v for %v at most", bound, most)
		}
	})
}

func TestKnown(t *testing.T) {
	t.Parallel()
	for want, frequencies := range map[float64][]int{1: nil, 0: {0, 0}, .5: {3, 0}, .75: {1, 1, 0, 9}} {
		if got := (Result{Frequencies: frequencies}).Known(); got != want {
			t.Errorf("%v: %v, want %v", frequencies, got, want)
		}
	}
}

// BenchmarkSearch is six terms of very different frequency among 40,000 chunks in eight segments.
func BenchmarkSearch(b *testing.B) {
	const chunks, segments = 40_000, 8
	for _, deleted := range []int{0, 400} {
		b.Run(fmt.Sprintf("deleted=%d", deleted), func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 1))
			q := Query{Parameters: Default, Limit: 10, Statistics: Statistics{Chunks: chunks, Tokens: chunks * 90}}
			for _, share := range []float64{.2, .1, .05, .02, .01, .001} {
				term := Term{Count: 1}
				for s := range segments {
					var list []codec.Posting
					for o := s * chunks / segments; o < (s+1)*chunks/segments; o++ {
						if random.Float64() < share {
							list = append(list, codec.Posting{Ordinal: int64(o), Frequency: 1 + random.Uint32N(3), Length: 60 + random.Uint32N(60)})
						}
					}
					block, err := codec.Encode(list)
					if err != nil {
						b.Fatal(err)
					}
					postings, err := Decode(block)
					if err != nil {
						b.Fatal(err)
					}
					term.Postings = append(term.Postings, postings)
				}
				q.Terms = append(q.Terms, term)
			}
			for range deleted {
				q.Deleted = append(q.Deleted, random.Int64N(chunks))
			}
			q.Deleted = codec.NewOrdinals(q.Deleted)
			for i := range q.Terms {
				q.Terms[i].Frequency = Frequency(q.Terms[i].Postings, q.Deleted)
			}
			b.ReportAllocs()
			for b.Loop() {
				Search(q)
			}
		})
	}
}
