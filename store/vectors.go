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

// VectorChange is one difference between the vectors on record and what an index outside the database was told.
type VectorChange struct {
	Collection uuid.UUID
	Ordinal    int64
	Dimensions int
	Revision   int64  // of the entry: an acknowledgement counts for this state of it only
	Deleted    bool   // the index must forget the vector; what follows is empty
	Position   *int64 // in the index's log, where the backend told it on acknowledging
	Visible    bool   // with the acknowledgement: reads were seen to have come that far
	Vector     []float32
	DocumentID string
	Metadata   json.RawMessage // of the document, what filters look at; a flat object
}

// VectorKey is where in the order of changes one stands.
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
