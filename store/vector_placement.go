package store

import "time"

// Kinds of index that an operator may ask for.
const (
	PlaceBySize = "auto"
	PlaceExact  = "exact"
	PlaceHNSW   = "hnsw"
)

// VectorPlacement is where a collection's vectors lie, for operators.
type VectorPlacement struct {
	Collection string
	Slot       int
	Dimensions int
	Chunks     int64
	EfSearch   int        // as measured; 0: not yet, and by size
	Forced     string     // PlaceExact or PlaceHNSW where an operator asked for it, PlaceBySize else
	State      string     // settled, or the step of the move under way
	Detail     string     // why it is not where it should be; empty when it is
	DueSince   *time.Time // a move is due and waits
	StartedAt  *time.Time // of the last move
	MovedAt    *time.Time // when searches last changed over
	StepAt     *time.Time // when it was last looked at
}

// Kind is the index that searches use: PlaceExact or PlaceHNSW.
func (p VectorPlacement) Kind() string {
	if p.Slot >= FirstOwnSlot {
		return PlaceHNSW
	}
	return PlaceExact
}

// VectorMove is what has to happen until a tenant's namespaces in Pinecone are as its record and its operator want them.
type VectorMove struct {
	Collections int64 // whose searches have not changed over to the tenant's backend
	Unsent      int64 // vectors that Pinecone has not been told of
	Unseen      int64 // vectors that it has taken and does not show yet
	Namespaces  int64 // that the tenant has; none is to be left when it is on pgvector
}

// Settled reports whether nothing has to happen for a tenant on the backend.
func (m VectorMove) Settled(backend string) bool {
	return m.Collections+m.Unsent+m.Unseen == 0 && (backend == Pinecone || m.Namespaces == 0)
}
