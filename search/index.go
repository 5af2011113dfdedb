// Package search answers queries: it parses and validates a request, embeds the query, asks storage for the
// candidates of each leg, ranks and fuses them, and reads the passages back under the tenant's own rights. It knows
// no database; Index is what it needs of one.
package search

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"lindero/search/lexical/analysis"
	"lindero/search/lexical/bm25"
	"lindero/store"
	"lindero/store/filter"
)

// Index is one tenant's storage as a search sees it. It is bound to the tenant: no method takes one.
type Index interface {
	// CollectionsNamed describes collections in the order of names. A missing one is fault.NotFound.
	CollectionsNamed(ctx context.Context, names []string) ([]store.Collection, error)
	// Retrieve runs the legs of all targets in one snapshot and one round trip. The caller closes the
	// snapshot on every path. A target whose collection has changed since it was described is Stale, and
	// its legs are empty.
	Retrieve(ctx context.Context, plan Plan) (Snapshot, error)
}

// Snapshot is one consistent view of the tenant's data.
type Snapshot interface {
	// Retrieved has one entry a target, in their order.
	Retrieved() []Retrieved
	// Hydrate reads passages by key; what is not the tenant's, or gone, is missing from the answer. With
	// vectors, each passage brings its own. It may be called once.
	Hydrate(ctx context.Context, keys []Key, vectors bool) (map[Key]*Passage, error)
	// Close ends the snapshot. It may be called more than once.
	Close()
	// RoundTrips counts the exchanges with the database so far, for explain and tests.
	RoundTrips() int
}

// Plan is what one search asks of storage.
type Plan struct {
	Targets []Target
	Filter  filter.Expr // narrows every leg before ranking; nil allows all
	// Passages asks for the passages of the candidates in the same round trip, where that can be done. Allowed for a
	// single target with one leg; with a lexical one, without Filter and Vectors.
	Passages bool
	Count    bool // count the matches of lexical legs, which is not free
	Vectors  bool // with Passages: bring the vectors as well
}

// Target is one collection with the legs to run on it.
type Target struct {
	Collection store.Collection
	Vector     []float32            // unit length; nil: no vector leg
	Terms      []analysis.QueryTerm // empty: no lexical leg
	Limit      int                  // candidates of each leg
	Exact      bool                 // scan exactly even where there is an approximate index
	Proposed   *Proposal            // nil: the database ranks by itself
	Comparison *Comparison          // with both legs, of the only target; nil: each leg brings Limit
}

// Comparison lets a vector leg that asks an approximate index bring fewer candidates than Limit, which is what a fused
// search costs most by, and has it look at those that the lexical leg ranks best instead. It has no meaning where no index is
// asked, under a filter, and where recall needs the index searched wide anyway.
type Comparison struct {
	Nearest int // candidates that the index brings
	Words   int // candidates of the lexical leg, for the ranks of those
	Best    int // how many of the lexical leg's best are compared with the vector in any case
}

// Proposal is what an index outside the database found for a target's vector. The database scores the proposed
// chunks itself, together with those the index cannot know yet.
type Proposal struct {
	Ordinals []int64
	Asked    time.Time // just before the index was asked
}

// Retrieved is what the legs of one target found.
type Retrieved struct {
	Stale     bool         // the collection is gone or has changed
	Languages []string     // of its documents, sorted, as the snapshot sees them; only with a lexical leg
	Vector    []Candidate  // in no order, none twice
	Nearest   int          // how many of Vector an index brought under a Comparison; 0: there was none
	Lexical   *bm25.Result // nil without a lexical leg
	// Unavailable says that the index which the vector leg needs could not be asked; Vector is empty then.
	Unavailable error
}

// Candidate is a chunk that a vector backend proposes. Tenant is whom the backend claims it belongs to.
type Candidate struct {
	Tenant  uuid.UUID
	Ordinal int64
	Score   float64 // cosine similarity
}

// Key names a chunk among all of one tenant's.
type Key struct {
	Collection uuid.UUID
	Ordinal    int64
}

// Passage is a chunk with what its document says of it.
type Passage struct {
	DocumentKey   uuid.UUID
	DocumentID    string
	ChunkID       uuid.UUID
	Title         string
	URL           string
	Language      string
	Text          string
	Metadata      json.RawMessage // of the document
	ChunkMetadata json.RawMessage // of the caller's own split; nil without
	Position      store.Position
	Vector        []float32
}

// describedFor bounds how long a collection's description is used without being read again. It is checked in
// every search's own snapshot, so an old one costs a repetition, never a wrong answer.
const describedFor = time.Minute
