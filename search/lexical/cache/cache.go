// Package cache keeps decoded postings of collections in memory between searches.
//
// What it keeps cannot be wrong, only incomplete: a segment never changes and its number is never given out again, so
// its postings of a term stay what they are for as long as the segment lives. Which segments live, and which of their
// chunks are deleted, is a Standing: each search has its own snapshot of the database confirm the one that it ranked
// by, or brings a newer one. Nothing is ever handed over without the tenant in its key.
package cache

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"

	"lindero/search/lexical/bm25"
	"lindero/search/lexical/codec"
)

// Collection names a collection among all tenants'.
type Collection struct{ Tenant, ID uuid.UUID }

// Standing is the state of a collection's lexical index in one snapshot of the database. It must not be changed.
type Standing struct {
	Segments   []int64         // those that live, in ascending order
	Newest     time.Time       // when the youngest of them was written; zero without segments
	Deleted    codec.Ordinals  // chunks deleted from them that are still in their postings
	Statistics bm25.Statistics // of the live chunks
	Languages  []string        // that their documents were analysed in, sorted
}

// idle is after what time without a search postings leave memory: those of a deleted tenant as well.
const idle = 10 * time.Minute

// standingShare is which part of the memory (one in so many) standings may take.
const standingShare = 8

// Cache is what one process keeps. It is safe for concurrent use.
type Cache struct {
	standings *otter.Cache[Collection, *Standing] // nil: nothing is kept
	entries   *otter.Cache[key, *entry]
	scope     func(Collection) Collection // what of the collection goes into keys: all of it, but in a test
}

type key struct {
	collection Collection
	term       string
}

// entry is all postings of a term, by the segments of a standing.
type entry struct {
	standing  *Standing
	postings  []*bm25.Postings // nil where the segment lacks the term
	frequency int              // among the live chunks
}

// New makes a cache of up to so many bytes; of none, it keeps nothing.
func New(bytes int) (*Cache, error) {
	c := &Cache{scope: func(c Collection) Collection { return c }}
	if bytes <= 0 {
		return c, nil
	}
	var err error
	if c.standings, err = otter.New(&otter.Options[Collection, *Standing]{
		MaximumWeight: uint64(max(bytes/standingShare, 1)), Weigher: weighStanding,
		ExpiryCalculator: otter.ExpiryAccessing[Collection, *Standing](idle),
	}); err != nil {
		return nil, err
	}
	c.entries, err = otter.New(&otter.Options[key, *entry]{
		MaximumWeight: uint64(max(bytes-bytes/standingShare, 1)), Weigher: weighEntry,
		ExpiryCalculator: otter.ExpiryAccessing[key, *entry](idle),
	})
	return c, err
}

// Bytes is about how much memory the cache takes.
func (c *Cache) Bytes() int64 {
	if c.entries == nil {
		return 0
	}
	return int64(c.entries.WeightedSize() + c.standings.WeightedSize())
}

// Close ends what runs in the background to let idle entries go.
func (c *Cache) Close() {
	if c.entries != nil {
		c.entries.StopAllGoroutines()
		c.standings.StopAllGoroutines()
	}
}

// Forget drops a collection's standing, which turned out to be over. Its postings stay: most hold for the next one.
func (c *Cache) Forget(collection Collection) {
	if c.standings != nil {
		c.standings.Invalidate(c.scope(collection))
	}
}

// overhead is what an entry costs beside its contents.
const overhead = 200

func weighStanding(_ Collection, s *Standing) uint32 {
	return uint32(overhead + 8*(len(s.Segments)+len(s.Deleted)) + 16*len(s.Languages))
}

func weighEntry(k key, e *entry) uint32 {
	size := overhead + len(k.term) + 8*len(e.postings)
	for _, p := range e.postings {
		size += p.Size()
	}
	return uint32(min(size, 1<<31))
}

// in returns the entry as of another standing; nil when it lacks one of its segments.
func (e *entry) in(s *Standing) *entry {
	if e.standing == s {
		return e
	}
	moved := &entry{standing: s, postings: make([]*bm25.Postings, len(s.Segments))}
	for i, segment := range s.Segments {
		at, ok := slices.BinarySearch(e.standing.Segments, segment)
		if !ok {
			return nil
		}
		moved.postings[i] = e.postings[at]
	}
	moved.frequency = bm25.Frequency(moved.postings, s.Deleted)
	return moved
}
