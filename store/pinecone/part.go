package pinecone

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	sdk "github.com/pinecone-io/go-pinecone/v5/pinecone"

	"lindero/store"
)

// part is what is read, told and acknowledged together: entries of one collection, in order.
type part struct {
	space            *space
	entries          []store.VectorEntry
	reading          int64
	recorder         *recorder
	upserts, deletes []store.VectorChange

	open    atomic.Int32 // requests that are not answered yet, and one while they are being made
	mu      sync.Mutex
	written []written
}

// written is where the upsert of the ordinals from low to high stands in the index's log, where the service tells.
type written struct {
	low, high int64
	position  *int64
}

func newPart(s *space, entries []store.VectorEntry, reading store.VectorReading) *part {
	isDeleted := func(c store.VectorChange) bool { return c.Deleted }
	p := &part{space: s, entries: entries, reading: reading.Number, recorder: newRecorder(s.tenant, entries[0].Collection, reading.Number)}
	p.deletes = slices.DeleteFunc(slices.Clone(reading.Changes), func(c store.VectorChange) bool { return !c.Deleted })
	p.upserts = slices.DeleteFunc(reading.Changes, isDeleted)
	return p
}

// begins reports whether the part has ordinals up to the given one, or might have.
func (p *part) begins(reached store.VectorKey) bool {
	return p.entries[0].Collection == reached.Collection && p.entries[0].First <= reached.Ordinal
}

// end is the last ordinal of the part, or of those of its collection before it, whose last one is given.
func (p *part) end(reached store.VectorKey) store.VectorKey {
	if p.entries[0].Collection != reached.Collection {
		reached = store.VectorKey{Collection: p.entries[0].Collection}
	}
	for i := range p.entries {
		reached.Ordinal = max(reached.Ordinal, p.entries[i].Last())
	}
	return reached
}

// send begins the requests of the part. done is called when all are acknowledged.
func (p *part) send(ctx context.Context, begin func(request func() error), done func() error) error {
	p.open.Store(1)
	request := func(call func() error) {
		p.open.Add(1)
		begin(func() error {
			if err := call(); err != nil {
				return err
			}
			return p.answered(done)
		})
	}
	for upserts := p.upserts; len(upserts) > 0; {
		records, bytes, err := p.nextRequest(upserts)
		if err != nil {
			return err
		}
		told := written{low: upserts[0].Ordinal, high: upserts[len(records)-1].Ordinal}
		request(func() (err error) {
			if told.position, err = p.space.upsert(ctx, records, bytes); err == nil {
				p.wrote(told)
			}
			return err
		})
		upserts = upserts[len(records):]
	}
	for ids := range slices.Chunk(p.deletedIDs(), maxIDs) {
		request(func() error { return p.space.delete(ctx, ids) })
	}
	return p.answered(done)
}

func (p *part) deletedIDs() []string {
	ids := make([]string, len(p.deletes))
	for i, c := range p.deletes {
		ids[i] = p.recorder.id(c.Ordinal)
	}
	return ids
}

func (p *part) wrote(w written) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.written = append(p.written, w)
}

func (p *part) answered(done func() error) error {
	if p.open.Add(-1) > 0 {
		return nil
	}
	return done()
}

// nextRequest are the first of the changes as records, as many as one request takes, and how many bytes they are.
func (p *part) nextRequest(changes []store.VectorChange) (records []*sdk.Vector, bytes int, err error) {
	records = make([]*sdk.Vector, 0, min(len(changes), maxRecords))
	for i := range changes[:min(len(changes), maxRecords)] {
		record, size, err := p.recorder.record(&changes[i])
		if err != nil {
			return nil, 0, err
		}
		if i > 0 && bytes+size > maxBytes {
			break
		}
		records, bytes = append(records, record), bytes+size
	}
	return records, bytes, nil
}

// settled returns the entries as they are to be noted: an entry of which nothing was written is a deletion, one that was
// written by several requests stands where the last of them does.
func (p *part) settled() []store.VectorEntry {
	for i := range p.entries {
		e := &p.entries[i]
		e.Reading, e.Deleted = p.reading, true
		for _, w := range p.written {
			if w.high < e.First || w.low > e.Last() {
				continue
			}
			if e.Deleted || w.position == nil || (e.Position != nil && *w.position > *e.Position) {
				e.Position = w.position
			}
			e.Deleted = false
		}
	}
	return p.entries
}
