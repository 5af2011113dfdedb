package store

import (
	"time"

	"github.com/google/uuid"
)

// Class is which of a tenant's documents go first.
type Class int16

// The classes of work: single documents, and small calls, before bulk.
const (
	Single Class = 0
	Bulk   Class = 1
)

// Placement says how many turns a tenant's work may have at once and who takes them.
type Placement struct {
	Turns     int  // at least 1
	Dedicated bool // workers of the tenant's own; the shared pool leaves its documents alone
}

// BulkLanes is how many turns bulk may have: where there are two or more, one is kept for single documents.
func (p Placement) BulkLanes() int { return max(1, p.Turns-1) }

// Turn is one turn at a tenant's work, in whose name items are claimed.
type Turn struct {
	Lane   int
	Queue  string    // its job came from
	Worker uuid.UUID // the process
}

// Queue is how full a tenant's queue is.
type Queue struct {
	LimitDocuments, LimitBytes int64
	Documents, Bytes           int64 // waiting, or being worked on
	// Reset is about how long it takes to work off what is there, as fast as it went lately.
	Reset time.Duration
}

// Room is how many of documents with the given sizes the queue has room for. One document always fits into an
// empty queue.
func (q Queue) Room(sizes []int64) int {
	documents, bytes := q.Documents, q.Bytes
	for n, size := range sizes {
		if documents > 0 && (documents+1 > q.LimitDocuments || bytes+size > q.LimitBytes) {
			return n
		}
		documents, bytes = documents+1, bytes+size
	}
	return len(sizes)
}

// Remaining is how many more documents the limit of documents leaves.
func (q Queue) Remaining() int64 { return max(0, q.LimitDocuments-q.Documents) }
