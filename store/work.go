package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"
)

// WorkLimit bounds one batch of work.
type WorkLimit struct {
	Items int
	Bytes int64 // of payloads; the first item is taken however large it is
	// Suspects is Items for what was in hand when a worker died; what was so more than once is taken alone.
	Suspects int
	// Indexed is Items in a collection with an index of its own, where each vector takes some milliseconds: nobody can
	// interrupt a batch that is being published. Zero is no less than elsewhere.
	Indexed int
}

// Work is a batch of documents to be indexed, all of one collection.
type Work struct {
	Collection Collection
	Deleted    bool // the collection is going away: drop the items
	Full       bool // as many as were asked for: there may be more
	Items      []WorkItem
}

// WorkItem is one version of a document that waits to be indexed.
type WorkItem struct {
	Key        uuid.UUID
	Version    int64
	Operation  uuid.UUID
	DocumentID string
	Attempts   int       // how often it was tried in vain
	Deaths     int       // how often a worker died with it in hand
	Due        time.Time // since when it could have been worked on
	Payload    Payload
}

// Prepared is an item ready to be published.
type Prepared struct {
	Item     WorkItem
	Title    string
	Language string // it was analysed in; empty when unknown
	Metadata json.RawMessage
	Passages []Passage // at least one
}

// Passage is a chunk in the making.
type Passage struct {
	Text     string
	Context  string // heading path
	Start    int    // bytes into the extracted text
	End      int
	Page     int // 0: none
	Metadata json.RawMessage
	Terms    []string  // of the lexical index, repetitions included
	Vector   []float32 // unit length
}

// Failure sets an item aside.
type Failure struct {
	Item   WorkItem
	Code   string
	Detail string
}

// Published counts what a publication made visible.
type Published struct {
	Documents int
	Chunks    int
	Outdated  int // items that a newer version, a deletion or a cancellation overtook
}

// IndexedText is what the lexical index and the embedder see of a passage.
func IndexedText(title, context, text string) string {
	parts := make([]string, 0, 3)
	for _, part := range []string{title, context, text} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "\n")
}

// ChunkID is the same for the same passage, whenever and wherever it is indexed: a hash of the collection's
// name, the document's id, the position and the text.
func ChunkID(collection, documentID string, position int, text string) uuid.UUID {
	sum := sha256.New()
	writeString(sum, collection)
	writeString(sum, documentID)
	var number [8]byte
	binary.LittleEndian.PutUint64(number[:], uint64(position))
	sum.Write(number[:])
	writeString(sum, text)
	return uuid.UUID(sum.Sum(nil)[:16])
}
