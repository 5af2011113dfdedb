package store

import (
	"time"

	"github.com/google/uuid"
)

// OperationStatus is how far an operation has come.
type OperationStatus string

// The states of an operation. The last four are final.
const (
	Queued          OperationStatus = "queued"
	Running         OperationStatus = "running"
	Succeeded       OperationStatus = "succeeded"
	PartiallyFailed OperationStatus = "partially_failed"
	OperationFailed OperationStatus = "failed"
	Cancelled       OperationStatus = "cancelled"
)

// Final reports whether the operation has ended.
func (s OperationStatus) Final() bool { return s != Queued && s != Running }

// Operation is a unit of asynchronous work that its tenant can watch.
type Operation struct {
	ID         uuid.UUID
	Kind       string // such as ingest
	Status     OperationStatus
	Total      int64 // documents in it
	Done       int64 // documents finished, failed ones included
	Failed     int64
	Errors     []OperationError // the first 100, by document id
	CreatedAt  time.Time
	StartedAt  *time.Time
	FinishedAt *time.Time
}

// OperationError is one document's failure.
type OperationError struct {
	DocumentID string `json:"document_id"`
	Code       string `json:"code"`
	Detail     string `json:"detail"`
}

// Page asks for part of a list. After is the sort key of the last row seen, empty for the first page; the API
// seals it into a cursor.
type Page struct {
	Limit int
	After string
}

// Listing is one page. Next is the sort key to go on after, empty when there is no more.
type Listing[T any] struct {
	Items []T
	Next  string
}
