package store

import (
	"time"

	"github.com/google/uuid"
)

// RecallMeasurement is how well a collection's approximate index found what an exact scan finds.
type RecallMeasurement struct {
	Recall       float64 // 0 to 1
	Queries      int
	TopK         int
	ShortResults int     // queries for which the index found fewer than the scan
	ExactP50     float64 // milliseconds, as are the others
	ExactP95     float64
	IndexP50     float64
	IndexP95     float64
	EfSearch     int // how wide the index was searched
}

// RecallState is what a collection's next measurement starts from.
type RecallState struct {
	Collection uuid.UUID
	Name       string
	Indexed    bool    // an approximate index serves it: without one there is nothing to measure
	Slot       int     // where the index is
	Chunks     int64   // how many it had when its size was last looked at
	Objective  float64 // of its tenant
	EfSearch   int     // how wide the index is searched now
	Fitted     bool    // the width was found by measuring this index, for this objective
}

// RecallReading is one collection's last measurement as operators see it.
type RecallReading struct {
	Tenant     uuid.UUID
	Slug       string
	Collection string
	Recall     float64
	Objective  float64
	Queries    int
	EfSearch   int
	BelowSince *time.Time // nil: the objective is held
	MeasuredAt time.Time
}
