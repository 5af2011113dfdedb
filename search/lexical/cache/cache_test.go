package cache

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"lindero/search/lexical/bm25"
	"lindero/search/lexical/codec"
)

// index is one tenant's lexical index as the database has it.
type index struct {
	next     int64                       // ordinal
	number   int64                       // of the next segment
	segments map[int64]map[string][]byte // blocks by term
	chunks   map[int64]map[int64]int64   // by segment: ordinals with their lengths, those in postings
	deleted  map[int64]int64             // ordinal to length
}

func newIndex() *index {
	return &index{segments: map[int64]map[string][]byte{}, chunks: map[int64]map[int64]int64{}, deleted: map[int64]int64{}}
}

func (x *index) publish(t fataler, chunks ...[]string) {
	var b codec.Builder
	held := map[int64]int64{}
	for _, terms := range chunks {
		if err := b.Add(x.next, terms); err != nil {
			t.Fatal(err)
		}
		held[x.next] = int64(len(terms))
		x.next++
	}
	blocks := map[string][]byte{}
	for _, p := range b.Build().Postings {
		blocks[p.Term] = p.Block
	}
	x.segments[x.number], x.chunks[x.number] = blocks, held
	x.number++
}

func (x *index) live() (ordinals []int64) {
	for _, held := range x.chunks {
		for ordinal := range held {
			if _, gone := x.deleted[ordinal]; !gone {
				ordinals = append(ordinals, ordinal)
			}
		}
	}
	slices.Sort(ordinals)
	return ordinals
}

func (x *index) remove(ordinal int64) {
	for _, held := range x.chunks {
		if length, ok := held[ordinal]; ok {
			x.deleted[ordinal] = length
		}
	}
}

// merge makes one segment of several and drops what is deleted from them.
func (x *index) merge(t fataler, numbers []int64) {
	joined, held := map[string][][]byte{}, map[int64]int64{}
	for _, number := range numbers {
		for term, block := range x.segments[number] {
			joined[term] = append(joined[term], block)
		}
		maps.Copy(held, x.chunks[number])
		delete(x.segments, number)
		delete(x.chunks, number)
	}
	deleted := codec.NewOrdinals(slices.Collect(maps.Keys(x.deleted)))
	merged := map[string][]byte{}
	for term, blocks := range joined {
		block, _, err := codec.Merge(blocks, deleted)
		if err != nil {
			t.Fatal(err)
		}
		if block != nil {
			merged[term] = block
		}
	}
	for ordinal := range held {
		if _, gone := x.deleted[ordinal]; gone {
			delete(held, ordinal)
			delete(x.deleted, ordinal)
		}
	}
	if len(held) > 0 {
		x.segments[x.number], x.chunks[x.number] = merged, held
	}
	x.number++
}

func (x *index) standing() *Standing {
	s := &Standing{Segments: slices.Sorted(maps.Keys(x.segments)), Deleted: codec.NewOrdinals(slices.Collect(maps.Keys(x.deleted)))}
	for _, held := range x.chunks {
		for ordinal, length := range held {
			if _, gone := x.deleted[ordinal]; !gone {
				s.Statistics.Chunks++
				s.Statistics.Tokens += length
			}
		}
	}
	if n := len(s.Segments); n > 0 {
		s.Newest = time.Unix(s.Segments[n-1], 0)
	}
	return s
}

type fataler interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

// fetch reads what a view does not hold.
func (x *index) fetch(t fataler, v *View) (fetched []Fetched) {
	terms, segments := v.Held()
	for n, term := range v.terms {
		for number, blocks := range x.segments {
			if blocks[term] == nil || (terms[n] && slices.Contains(segments, number)) {
				continue
			}
			postings, err := bm25.Decode(blocks[term])
			if err != nil {
				t.Fatal(err)
			}
			fetched = append(fetched, Fetched{n, number, postings})
		}
	}
	return fetched
}

// search does as the store does: what a complete view says counts if its standing is the database's, by the numbers of
// segments and of markers alone.
func (x *index) search(t fataler, c *Cache, collection Collection, terms []string) (result bm25.Result, fromMemory bool) {
	v, now := c.View(collection, terms), x.standing()
	switch {
	case !v.Complete():
		v.Complement(now, x.fetch(t, v))
	case !slices.Equal(v.Standing.Segments, now.Segments) || len(v.Standing.Deleted) != len(now.Deleted):
		v.Complement(now, x.fetch(t, v))
	default:
		fromMemory = true
		if !slices.Equal(v.Standing.Deleted, now.Deleted) {
			t.Fatalf("as many markers but others: %v for %v", v.Standing.Deleted, now.Deleted)
		}
	}
	q := bm25.Query{Terms: make([]bm25.Term, len(terms)), Parameters: bm25.Default, Limit: 20}
	for i := range q.Terms {
		q.Terms[i].Count = 1
	}
	v.Query(&q)
	return bm25.Search(q), fromMemory
}

func newCache(t fataler, bytes int) *Cache {
	c, err := New(bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCacheIsNeverWrong writes, deletes, merges and searches in random order in the indexes of two tenants whose
// collections even share an id: a search with the cache finds what one without it finds, to the bit.
func TestCacheIsNeverWrong(t *testing.T) {
	t.Parallel()
	words := []string{"a", "b", "c", "d"}
	used := 0
	rapid.Check(t, func(t *rapid.T) {
		cached := newCache(t, rapid.SampledFrom([]int{1 << 20, 4000}).Draw(t, "bytes"))
		defer cached.Close()
		none := newCache(t, 0)
		collections := []Collection{{Tenant: uuid.UUID{1}, ID: uuid.UUID{7}}, {Tenant: uuid.UUID{2}, ID: uuid.UUID{7}}}
		indexes := []*index{newIndex(), newIndex()}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			at := rapid.IntRange(0, 1).Draw(t, "tenant")
			x := indexes[at]
			switch rapid.SampledFrom([]string{"publish", "delete", "merge", "search", "search", "search"}).Draw(t, "step") {
			case "publish":
				x.publish(t, rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom(words), 0, 5), 1, 4).Draw(t, "chunks")...)
			case "delete":
				if live := x.live(); len(live) > 0 {
					x.remove(rapid.SampledFrom(live).Draw(t, "ordinal"))
				}
			case "merge":
				if numbers := slices.Sorted(maps.Keys(x.segments)); len(numbers) > 0 {
					x.merge(t, rapid.Permutation(numbers).Draw(t, "segments")[:rapid.IntRange(1, len(numbers)).Draw(t, "count")])
				}
			case "search":
				terms := rapid.SliceOfNDistinct(rapid.SampledFrom(append(words, "unknown")), 1, 4, rapid.ID[string]).Draw(t, "terms")
				got, fromMemory := x.search(t, cached, collections[at], terms)
				want, _ := x.search(t, none, collections[at], terms)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("tenant %d, %v (from memory: %v), without and with the cache:\n%s", at, terms, fromMemory, diff)
				}
				if fromMemory {
					used++
				}
			}
		}
	})
	if used == 0 {
		t.Error("nothing was ever found in memory: the test proves nothing")
	}
}

// leaks reports whether a tenant finds its neighbour's chunks, where ids, numbers and times all coincide.
func leaks(t *testing.T, c *Cache) bool {
	t.Helper()
	own, neighbour := newIndex(), newIndex()
	own.publish(t, []string{"harmless"})
	neighbour.publish(t, []string{"secret"})
	neighbour.search(t, c, Collection{Tenant: uuid.UUID{2}, ID: uuid.UUID{7}}, []string{"secret"})
	result, _ := own.search(t, c, Collection{Tenant: uuid.UUID{1}, ID: uuid.UUID{7}}, []string{"secret"})
	return len(result.Hits) > 0 || result.Known() > 0
}

// TestTenantIsInTheKey: tenants see nothing of each other, and would, were the tenant left out of the key.
func TestTenantIsInTheKey(t *testing.T) {
	t.Parallel()
	c := newCache(t, 1<<20)
	defer c.Close()
	if leaks(t, c) {
		t.Error("a tenant found what is its neighbour's")
	}
	blind := newCache(t, 1<<20)
	defer blind.Close()
	blind.scope = func(c Collection) Collection { return Collection{ID: c.ID} }
	if !leaks(t, blind) {
		t.Error("without the tenant in its keys the cache leaks nothing: this test notices nothing")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	const bytes = 100_000
	c := newCache(t, bytes)
	defer c.Close()
	x := newIndex()
	for i := range 400 {
		x.publish(t, []string{"common", fmt.Sprint("w", i)})
	}
	for i := range 400 {
		x.search(t, c, Collection{Tenant: uuid.UUID{1}, ID: uuid.UUID{byte(i), byte(i / 256)}}, []string{"common", fmt.Sprint("w", i)})
	}
	c.entries.CleanUp()
	c.standings.CleanUp()
	if got := c.Bytes(); got == 0 || got > bytes {
		t.Errorf("%d bytes are kept of at most %d", got, bytes)
	}
}

func BenchmarkView(b *testing.B) {
	c, err := New(1 << 20)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	x, terms := newIndex(), []string{"a", "b", "c", "d", "e", "f"}
	x.publish(b, terms)
	collection := Collection{Tenant: uuid.UUID{1}, ID: uuid.UUID{7}}
	x.search(b, c, collection, terms)
	b.ReportAllocs()
	for b.Loop() {
		if !c.View(collection, terms).Complete() {
			b.Fatal("not in memory")
		}
	}
}
