package postgres

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/store"
)

// intake is one call of AcceptDocuments as columns, distinct and sorted by id.
type intake struct {
	sent      int64 // documents in the call, repetitions included
	order     []int // for each document sent its place in the columns
	operation store.Operation
	enqueued  int64 // bytes of the payloads that wait to be indexed

	docs         []*store.NewDocument
	keys         []uuid.UUID // for documents that are new; ascending, so that their rows lie together
	ids          []string
	titles       []string
	urls         []string
	languages    []string
	metadata     []string
	contentTypes []string
	bytes        []int64
	hashes       [][]byte

	rows    map[string]store.Document
	changed []acceptedRow
}

// acceptedRow is a document that got a new version.
type acceptedRow struct {
	doc     store.Document // its Version is the new one
	visible int64
}

func newIntake(docs []store.NewDocument) *intake {
	in := &intake{sent: int64(len(docs)), order: make([]int, len(docs)), rows: make(map[string]store.Document, len(docs))}
	last := make(map[string]int, len(docs))
	for i := range docs {
		last[docs[i].ID] = i
	}
	for i := range docs {
		if last[docs[i].ID] == i {
			in.docs = append(in.docs, &docs[i])
		}
	}
	slices.SortFunc(in.docs, func(a, b *store.NewDocument) int { return strings.Compare(a.ID, b.ID) })
	place := make(map[string]int, len(in.docs))
	for i, doc := range in.docs {
		place[doc.ID] = i
		in.add(doc)
	}
	for i := range docs {
		in.order[i] = place[docs[i].ID]
	}
	return in
}

func (in *intake) add(doc *store.NewDocument) {
	p := &doc.Payload
	in.keys = append(in.keys, uuid.Must(uuid.NewV7()))
	in.ids = append(in.ids, doc.ID)
	in.titles = append(in.titles, p.Title)
	in.urls = append(in.urls, p.URL)
	in.languages = append(in.languages, p.Language)
	in.metadata = append(in.metadata, objectOrEmpty(p.Metadata))
	in.contentTypes = append(in.contentTypes, p.ContentType)
	in.bytes = append(in.bytes, size(p))
	in.hashes = append(in.hashes, store.ContentHash(*p))
}

func objectOrEmpty(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "{}"
	}
	return string(raw)
}

// size is what a document counts: the bytes of its text or file, or of its parts without one, and not vectors and
// metadata.
func size(p *store.Payload) int64 {
	n := int64(len(p.Body))
	if n > 0 {
		return n
	}
	for _, part := range p.Parts {
		n += int64(len(part.Text))
	}
	return n
}

// weight is about how many bytes the payloads will take in the queue.
func (in *intake) weight() int64 {
	var sum int64
	for _, doc := range in.docs {
		sum += doc.Weight()
	}
	return sum
}

func (in *intake) readChanged(rows pgx.Rows) error {
	for rows.Next() {
		var row acceptedRow
		if err := rows.Scan(append(scanDocument(&row.doc), &row.visible)...); err != nil {
			return err
		}
		in.changed = append(in.changed, row)
		in.rows[row.doc.ID] = row.doc
	}
	return rows.Err()
}

func (in *intake) readUnchanged(rows pgx.Rows) error {
	defer rows.Close()
	for rows.Next() {
		var doc store.Document
		if err := rows.Scan(scanDocument(&doc)...); err != nil {
			return err
		}
		in.rows[doc.ID] = doc
	}
	return rows.Err()
}

func (in *intake) unchanged() []string {
	var ids []string
	for _, id := range in.ids {
		if _, changed := in.rows[id]; !changed {
			ids = append(ids, id)
		}
	}
	return ids
}

// replaced are the changed documents that were there before, with their new and their visible versions.
func (in *intake) replaced() (keys []uuid.UUID, versions, visible []int64) {
	for _, row := range in.changed {
		if row.doc.Version > 1 {
			keys = append(keys, row.doc.Key)
			versions = append(versions, row.doc.Version)
			visible = append(visible, row.visible)
		}
	}
	return keys, versions, visible
}

// payloadColumns are the payloads of changed documents.
type payloadColumns struct {
	keys                                            []uuid.UUID
	versions                                        []int64
	titles, urls, languages, metadata, contentTypes []string
	bodies, parts, vectors                          [][]byte
	splits                                          []bool
	sizes                                           []int64 // of bodies, parts and vectors
}

func (in *intake) payloads() payloadColumns {
	var cols payloadColumns
	for _, row := range in.changed {
		at, _ := slices.BinarySearch(in.ids, row.doc.ID)
		p := &in.docs[at].Payload
		cols.keys = append(cols.keys, row.doc.Key)
		cols.versions = append(cols.versions, row.doc.Version)
		cols.titles = append(cols.titles, p.Title)
		cols.urls = append(cols.urls, p.URL)
		cols.languages = append(cols.languages, p.Language)
		cols.metadata = append(cols.metadata, objectOrEmpty(p.Metadata))
		cols.contentTypes = append(cols.contentTypes, p.ContentType)
		body, split, parts := bodyOf(p)
		cols.parts = append(cols.parts, parts)
		cols.bodies = append(cols.bodies, body)
		cols.splits = append(cols.splits, split)
		vectors := store.PackVectors(p.Parts)
		cols.vectors = append(cols.vectors, vectors)
		cols.sizes = append(cols.sizes, int64(len(body)+len(parts)+len(vectors)))
	}
	return cols
}

// bodyOf is the stored form of a payload's content: as sent, or the caller's own split as JSON. A split that came with
// a text too stands beside it.
func bodyOf(p *store.Payload) (body []byte, split bool, parts []byte) {
	if len(p.Parts) > 0 {
		parts, _ = json.Marshal(p.Parts) // strings and JSON that was parsed before
	}
	switch {
	case len(p.Body) > 0:
		return p.Body, false, parts
	case parts != nil:
		return parts, true, nil
	}
	return []byte{}, false, nil
}

// answers are in the order of the call.
func (in *intake) answers(collection string) []store.Accepted {
	changed := make(map[string]bool, len(in.changed))
	for _, row := range in.changed {
		changed[row.doc.ID] = true
	}
	answers := make([]store.Accepted, len(in.order))
	for i, at := range in.order {
		doc := in.rows[in.ids[at]]
		doc.Collection = collection
		answers[i] = store.Accepted{Document: doc, Unchanged: !changed[doc.ID]}
		if changed[doc.ID] {
			answers[i].Operation = in.operation
			answers[i].Created = doc.Version == 1
		}
	}
	return answers
}
