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
	EfSearch   int        // as set; 0: by size
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
