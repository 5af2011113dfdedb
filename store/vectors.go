package store

import (
	"encoding/json"

	"github.com/google/uuid"
)

// Backends that can serve a collection's vector searches. The vectors themselves are kept in PostgreSQL either way.
const (
	Pgvector = "pgvector"
	Pinecone = "pinecone"
)

// VectorEntry is an entry of the outbox: of these ordinals an index outside the database must be told what is on record.
type VectorEntry struct {
	Collection uuid.UUID
	First      int64
	Run        int // how many ordinals, from First on; at most MaxRun
	Dimensions int
	Revision   int64  // an acknowledgement counts for this state of the entry only; once acknowledged, the number of the reading
	Deleted    bool   // none of them is on record any more
	Reading    int64  // with the acknowledgement: the number of the reading that was told
	Position   *int64 // with the acknowledgement: in the index's log, where the backend told it
	Visible    bool   // with the acknowledgement: reads were seen to have come that far
}

// MaxRun is how many ordinals an entry has at most.
const MaxRun = 1000

// Last is the last ordinal of the run.
func (e *VectorEntry) Last() int64 { return e.First + int64(e.Run) - 1 }

// VectorReading is what is on record of the ordinals of some entries.
type VectorReading struct {
	Number  int64 // later ones have larger numbers
	Changes []VectorChange
}

// VectorChange is what an index outside the database is told of one vector.
type VectorChange struct {
	Collection uuid.UUID
	Ordinal    int64
	Deleted    bool // the index must forget the vector; what follows is empty
	Vector     []float32
	DocumentID string
	Metadata   json.RawMessage // of the document, what filters look at: a flat object; nil when it is empty
}

// VectorKey names a vector.
type VectorKey struct {
	Collection uuid.UUID
	Ordinal    int64
}

// VectorSet names the vectors of one collection that are on record.
type VectorSet struct {
	Collection uuid.UUID
	Dimensions int
	Ordinals   []int64 // ascending
	Unsettled  []int64 // ascending: being told to the index, or just told
}
