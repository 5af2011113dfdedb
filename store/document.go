package store

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"lindero/store/filter"
)

// Status is how far a document's newest version has come.
type Status string

// The states of a document.
const (
	Pending    Status = "pending"
	Processing Status = "processing"
	Indexed    Status = "indexed"
	Failed     Status = "failed"
)

// Payload is what a caller sent as one document, kept as sent until a newer version takes its place.
type Payload struct {
	Title       string
	URL         string
	Language    string          // declared by the caller; empty when not
	Metadata    json.RawMessage // flat JSON object; never nil
	ContentType string          // declared or text/plain
	Body        []byte          // text or file as sent
	Parts       []Part          // the caller's own split, which is what is searched; Body may be empty then
}

// Part is one passage of a caller's own split.
type Part struct {
	Text     string          `json:"text"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// Vector has the collection's dimension, or is nil where Lindero embeds. Kept apart from the JSON.
	Vector []float32 `json:"-"`
}

// NewDocument is a document to be accepted.
type NewDocument struct {
	ID      string // the caller's
	Payload Payload
}

// Weight is about how many bytes the document takes in the queue.
func (d NewDocument) Weight() int64 {
	n := int64(len(d.Payload.Body))
	for _, part := range d.Payload.Parts {
		n += int64(len(part.Text) + len(part.Metadata) + 4*len(part.Vector))
	}
	return n
}

// Document is a document as callers see it.
type Document struct {
	ID          string
	Key         uuid.UUID // never leaves the process
	Collection  string    // its name
	Title       string
	URL         string
	Language    string
	Metadata    json.RawMessage
	ContentType string
	Bytes       int64
	ContentHash []byte // ContentHash of the newest version's payload; empty when that was cancelled
	Version     int64
	Status      Status
	Error       *DocumentError // set when Status is Failed
	Chunks      int
	CreatedAt   time.Time
	UpdatedAt   time.Time
	IndexedAt   *time.Time
}

// DocumentState is what somebody needs to know who holds a copy of a document: is it the same, and did it work?
type DocumentState struct {
	ID          string
	ContentHash []byte // as of Document
	Version     int64
	Status      Status
	Error       *DocumentError // set when Status is Failed
}

// DocumentError says why a document could not be indexed.
type DocumentError struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Accepted is the answer to a document that was taken in. From here on nothing of it is lost.
type Accepted struct {
	Document  Document
	Operation Operation // zero when Unchanged
	Created   bool      // no document of that id was there before
	Unchanged bool      // same content, metadata and title as before: no work
}

// Patch changes what needs no embedding. Nil leaves a field as it is.
type Patch struct {
	Title    *string
	URL      *string
	Metadata json.RawMessage
}

// Chunk is a passage as listed for one document.
type Chunk struct {
	ID       uuid.UUID
	Ordinal  int64 // never leaves the process
	Text     string
	Context  string
	Position Position
	Metadata json.RawMessage
}

// Position says where in the extracted text of its document a chunk lies.
type Position struct {
	Chunk int `json:"chunk"` // 0, 1, 2 …
	Start int `json:"start"` // bytes
	End   int `json:"end"`   // bytes, exclusive
	Page  int `json:"page,omitempty"`
}

// DocumentQuery asks for a page of a collection's documents, by id.
type DocumentQuery struct {
	Status Status      // empty: any
	Prefix string      // of the id; empty: any
	Filter filter.Expr // over what is listed; nil: all
	Page   Page
}
