package pinecone

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"lindero/internal/pineconeemu"
	"lindero/store"
	"lindero/tenant/tenanttest"
)

// memory is a ledger of one collection whose outbox holds entries. What is on record of an ordinal is a vector, unless
// it is gone.
type memory struct {
	Ledger     // no other method is called
	dimensions int
	collection uuid.UUID
	gone       map[int64]bool

	mu      sync.Mutex
	entries []store.VectorEntry
	reading int64
	sent    []store.VectorEntry
}

func newMemory(dimensions int, entries ...store.VectorEntry) *memory {
	m := &memory{dimensions: dimensions, collection: uuid.New(), gone: map[int64]bool{}}
	for _, e := range entries {
		e.Collection, e.Dimensions, e.Revision = m.collection, dimensions, 1
		m.entries = append(m.entries, e)
	}
	return m
}

func (m *memory) NoteNamespace(context.Context, int) error { return nil }

func (m *memory) UnsentVectors(_ context.Context, after store.VectorEntry, _ int) ([]store.VectorEntry, error) {
	if after.Run > 0 {
		return nil, nil
	}
	return slices.Clone(m.entries), nil
}

func (m *memory) ReadVectors(_ context.Context, entries []store.VectorEntry) (store.VectorReading, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reading++
	reading := store.VectorReading{Number: m.reading}
	for n := entries[0].First; n <= entries[len(entries)-1].Last(); n++ {
		change := store.VectorChange{Collection: m.collection, Ordinal: n, Deleted: m.gone[n]}
		if !change.Deleted {
			change.Vector, change.DocumentID = make([]float32, m.dimensions), "document"
			change.Vector[0] = 1
		}
		reading.Changes = append(reading.Changes, change)
	}
	return reading, nil
}

func (m *memory) VectorsOnRecord(_ context.Context, entries []store.VectorEntry) (ordinals [][]int64, err error) {
	for _, e := range entries {
		var there []int64
		for n := e.First; n <= e.Last(); n++ {
			if !m.gone[n] {
				there = append(there, n)
			}
		}
		ordinals = append(ordinals, there)
	}
	return ordinals, nil
}

func (m *memory) VectorsSent(_ context.Context, entries []store.VectorEntry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent = append(m.sent, entries...)
	return nil
}

func emulated(t *testing.T, limit int) (*pineconeemu.Emulator, *Backend) {
	t.Helper()
	emulator, err := pineconeemu.Start(pineconeemu.Config{APIKey: "test", RateLimit: limit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = emulator.Close() })
	perSecond := limit
	if limit < 0 {
		perSecond = 1 << 20
	}
	backend, err := New(Config{APIKey: "test", Host: emulator.ControlURL(), RequestsPerSecond: perSecond, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = backend.Close() })
	return emulator, backend
}

// Of a vector that two parts have, Pinecone must end with what was read last, although the first part's request takes
// longer.
func TestOverlappingPartsAreToldInOrder(t *testing.T) {
	t.Parallel()
	emulator, backend := emulated(t, -1)
	ledger := newMemory(4, store.VectorEntry{First: 1, Run: store.MaxRun}, store.VectorEntry{First: 5, Run: 1})
	id := tenanttest.Of(t, uuid.New())
	emulator.Inject(pineconeemu.Fault{Method: "Upsert", Kind: pineconeemu.Slow, Delay: 200 * time.Millisecond, Times: 1})
	told, err := backend.tell(t.Context(), id, ledger, time.Now().Add(time.Minute))
	if err != nil || told != 2 || len(ledger.sent) != 2 {
		t.Fatalf("%d entries, %v; noted are %+v", told, err, ledger.sent)
	}
	for _, v := range emulator.Vectors("lindero-4", namespaceOf(id)) {
		want := 1.0
		if v.ID == recordID(id.UUID(), ledger.collection, 5) {
			want = 2
		}
		if got := v.Metadata[revisionField]; got != want {
			t.Fatalf("%s is of reading %v, want %v", v.ID, got, want)
		}
	}
}

// Nothing of a part is noted when one of its requests fails for good.
func TestPartsAreNotedAsAWhole(t *testing.T) {
	t.Parallel()
	emulator, backend := emulated(t, -1)
	ledger := newMemory(4, store.VectorEntry{First: 1, Run: store.MaxRun})
	ledger.gone[7] = true // so that there is a deletion beside the upsert
	emulator.Inject(pineconeemu.Fault{Method: "Delete", Kind: pineconeemu.Internal})
	told, err := backend.tell(t.Context(), tenanttest.Of(t, uuid.New()), ledger, time.Now().Add(time.Minute))
	if err == nil || told != 0 || len(ledger.sent) != 0 {
		t.Errorf("%d entries, %v; noted are %+v", told, err, ledger.sent)
	}
}

// The limits on bytes and on deleted records are kept to: telling more than may be sent at once takes its time.
func TestPace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gone  bool
		least time.Duration
	}{
		"bytes":   {false, 500 * time.Millisecond}, // 4.6 MB at 5 MB a second, of which 2 at once
		"deletes": {true, 900 * time.Millisecond},  // 1,500 at 500 a second, of which 1,000 at once
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, backend := emulated(t, 10)
			ledger := newMemory(768, store.VectorEntry{First: 1, Run: store.MaxRun}, store.VectorEntry{First: 1 + store.MaxRun, Run: 500})
			for n := int64(1); n <= 1500; n++ {
				ledger.gone[n] = c.gone
			}
			began := time.Now()
			if _, err := backend.tell(t.Context(), tenanttest.Of(t, uuid.New()), ledger, time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took < c.least {
				t.Errorf("1,500 vectors were told in %s", took)
			}
		})
	}
}

// Where the service tells no positions, an entry is visible when all that is on record of it is there as it was told.
func TestVisibleWithoutPositions(t *testing.T) {
	t.Parallel()
	_, backend := emulated(t, -1)
	id := tenanttest.Of(t, uuid.New())
	ledger := newMemory(4, store.VectorEntry{First: 1, Run: 3})
	s, err := backend.space(t.Context(), id, 4, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backend.tell(t.Context(), id, ledger, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	entry := func(first int64, run int, revision int64) store.VectorEntry {
		return store.VectorEntry{Collection: ledger.collection, First: first, Run: run, Revision: revision}
	}
	ledger.gone[5] = true
	for _, c := range []struct {
		what  string
		entry store.VectorEntry
		want  bool
	}{
		{"as told", entry(1, 3, 1), true},
		{"told anew since", entry(1, 3, 2), false},
		{"one not there yet", entry(1, 4, 1), false},
		{"gone from the record", entry(5, 1, 1), true},
	} {
		seen, err := s.visible(t.Context(), ledger, []store.VectorEntry{c.entry})
		if err != nil || (len(seen) == 1) != c.want {
			t.Errorf("%s: %+v, %v; want %v", c.what, seen, err, c.want)
		}
	}
}

// What an entry of several requests is noted as.
func TestSettled(t *testing.T) {
	t.Parallel()
	at := func(n int64) *int64 { return &n }
	for _, c := range []struct {
		what     string
		written  []written
		deleted  bool
		position *int64
	}{
		{"nothing written", nil, true, nil},
		{"others written", []written{{1, 9, at(3)}, {21, 30, at(4)}}, true, nil},
		{"the last counts", []written{{1, 12, at(7)}, {13, 20, at(5)}, {21, 30, at(9)}}, false, at(7)},
		{"one of unknown position", []written{{1, 12, at(7)}, {13, 20, nil}}, false, nil},
		{"unknown first", []written{{13, 20, nil}, {1, 12, at(7)}}, false, nil},
	} {
		p := &part{entries: []store.VectorEntry{{First: 10, Run: 11}}, reading: 6, written: c.written}
		got := p.settled()[0]
		same := (got.Position == nil) == (c.position == nil) && (got.Position == nil || *got.Position == *c.position)
		if got.Deleted != c.deleted || !same || got.Reading != 6 {
			t.Errorf("%s: %+v", c.what, got)
		}
	}
}
