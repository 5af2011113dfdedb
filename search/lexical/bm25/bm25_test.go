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

// segments spreads the chunks over three segments at random and returns each term's blocks.
func (c corpus) segments(t *rapid.T) map[string][][]byte {
	builders := make([]codec.Builder, 3)
	for _, o := range c.ordinals() {
		if err := builders[rapid.IntRange(0, 2).Draw(t, "segment")].Add(o, c.chunks[o]); err != nil {
			t.Fatal(err)
		}
	}
	blocks := map[string][][]byte{}
	for i := range builders {
		for _, p := range builders[i].Build().Postings {
			blocks[p.Term] = append(blocks[p.Term], p.Block)
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
		}
		allowed := func(int64) bool { return true }
		if rapid.Bool().Draw(t, "filtered") {
			set := codec.NewOrdinals(some)
			q.Allowed = &set
			allowed = func(o int64) bool { return slices.Contains(some, o) }
		}
		names := rapid.Permutation([]string{"a", "b", "c", "unknown"}).Draw(t, "query")
		for _, name := range names {
			q.Terms = append(q.Terms, Term{Count: rapid.IntRange(1, 3).Draw(t, "count"), Blocks: blocks[name]})
		}
		want := c.bruteForce(q.Terms, names, q.Parameters, allowed, q.Limit)
		requireEqual(t, q, want, "in segments")
		mergeAll(t, &q, q.Deleted)
		requireEqual(t, q, want, "merged, markers still there")
		q.Deleted = nil
		requireEqual(t, q, want, "merged, markers gone")
	})
}

func mergeAll(t *rapid.T, q *Query, deleted codec.Ordinals) {
	for i, term := range q.Terms {
		block, _, err := codec.Merge(term.Blocks, deleted)
		if err != nil {
			t.Fatal(err)
		}
		q.Terms[i].Blocks = nil
		if block != nil {
			q.Terms[i].Blocks = [][]byte{block}
		}
	}
}

func requireEqual(t *rapid.T, q Query, want Result, when string) {
	got, err := Search(q)
	if err != nil {
		t.Fatal(err)
	}
	if got.Matches != want.Matches || !slices.Equal(got.Frequencies, want.Frequencies) || !slices.Equal(got.Hits, want.Hits) {
		t.Fatalf("%s: got %+v, want %+v", when, got, want)
	}
}

func TestCorruptBlock(t *testing.T) {
	t.Parallel()
	_, err := Search(Query{Terms: []Term{{Count: 1, Blocks: [][]byte{{1, 200}}}}, Parameters: Default, Limit: 10})
	if !errors.Is(err, codec.ErrCorrupt) {
		t.Errorf("error %v", err)
	}
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
					term.Blocks = append(term.Blocks, block)
				}
				q.Terms = append(q.Terms, term)
			}
			for range deleted {
				q.Deleted = append(q.Deleted, random.Int64N(chunks))
			}
			q.Deleted = codec.NewOrdinals(q.Deleted)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Search(q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
