package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"lindero/store"
)

// UnsentVectors returns entries that the index was not told of, in order after the given one (the zero entry: from the
// start). A tenant that is being deleted has none: its namespaces go as a whole.
func (h *Handle) UnsentVectors(ctx context.Context, after store.VectorEntry, limit int) (entries []store.VectorEntry, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(byKey)
		b.Queue(`SELECT collection_id, ordinal, run, dimensions, revision, deleted FROM vector_outbox
			WHERE tenant_id = $1 AND sent_at IS NULL AND (collection_id, ordinal, run) > ($3, $4, $5)
				AND EXISTS (SELECT FROM tenants WHERE id = $1 AND state <> 'deleting')
			ORDER BY collection_id, ordinal, run LIMIT $2`, h.id.UUID(), limit, after.Collection, after.First, after.Run).Query(func(rows pgx.Rows) error {
			entries, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e store.VectorEntry, err error) {
				return e, row.Scan(&e.Collection, &e.First, &e.Run, &e.Dimensions, &e.Revision, &e.Deleted)
			})
			return err
		})
	})
	return entries, err
}

// ReadVectors returns what is on record of the ordinals of entries of one collection, in order of First. Each ordinal
// comes once, in order; without vector or document it is a deletion.
//
// Something may have changed since the entries were read; then they have another revision, the acknowledgement of what
// is read here will not count for them, and they are read again.
func (h *Handle) ReadVectors(ctx context.Context, entries []store.VectorEntry) (reading store.VectorReading, err error) {
	if len(entries) == 0 {
		return reading, nil
	}
	wanted := wantedOf(entries)
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(byKey)
		// Before anything is read, so that a later reading, which has a larger number, knows at least as much.
		b.Queue(`SELECT nextval('vector_reads')`).QueryRow(func(row pgx.Row) error { return row.Scan(&reading.Number) })
		h.queueVectors(b, entries[0], wanted)
	})
	for i := range wanted.changes {
		c := &wanted.changes[i]
		if c.Vector == nil || c.DocumentID == "" {
			c.Deleted, c.Vector, c.DocumentID, c.Metadata = true, nil, "", nil
		}
	}
	reading.Changes = wanted.changes
	return reading, err
}

// rangeGap is how many rows in between are rather read than a new range begun.
const rangeGap = 8

// wantedVectors are the ordinals of some entries, as changes to be completed, and the ranges in which they lie.
type wantedVectors struct {
	changes     []store.VectorChange // by ordinal
	lows, highs []int64
}

func wantedOf(entries []store.VectorEntry) *wantedVectors {
	w := &wantedVectors{}
	var next int64
	for i := range entries {
		e := &entries[i]
		for n := max(next, e.First); n <= e.Last(); n++ {
			w.changes = append(w.changes, store.VectorChange{Collection: e.Collection, Ordinal: n})
			next = n + 1
		}
		if !e.Deleted {
			w.widen(e.First, e.Last())
		}
	}
	return w
}

// widen adds a range that begins no earlier than the last one.
func (w *wantedVectors) widen(low, high int64) {
	if last := len(w.highs) - 1; last >= 0 && low-w.highs[last] <= rangeGap {
		w.highs[last] = max(w.highs[last], high)
		return
	}
	w.lows, w.highs = append(w.lows, low), append(w.highs, high)
}

// at returns the change of an ordinal, nil for one that is not wanted.
func (w *wantedVectors) at(ordinal int64) *store.VectorChange {
	i, found := slices.BinarySearchFunc(w.changes, ordinal, func(c store.VectorChange, n int64) int { return cmp.Compare(c.Ordinal, n) })
	if !found {
		return nil
	}
	return &w.changes[i]
}

// queueVectors reads vectors and documents in ranges of ordinals: looking each up by itself would take several times as
// long as sending it.
func (h *Handle) queueVectors(b *pgx.Batch, of store.VectorEntry, w *wantedVectors) {
	if len(w.lows) == 0 {
		return
	}
	b.Queue(`SELECT v.ordinal, v.embedding FROM unnest($3::bigint[], $4::bigint[]) AS k (low, high)
		CROSS JOIN LATERAL (SELECT ordinal, embedding FROM chunk_vectors
			WHERE slot = (SELECT slot FROM collections WHERE tenant_id = $1 AND id = $2)
			AND tenant_id = $1 AND collection_id = $2 AND ordinal >= k.low AND ordinal <= k.high ORDER BY ordinal OFFSET 0) v`,
		h.id.UUID(), of.Collection, w.lows, w.highs).Query(func(rows pgx.Rows) error { return w.readVectors(rows, of.Dimensions) })
	b.Queue(`SELECT c.ordinal, d.id, d.metadata FROM unnest($3::bigint[], $4::bigint[]) AS k (low, high)
		CROSS JOIN LATERAL (SELECT ordinal, document_key FROM chunks WHERE tenant_id = $1 AND collection_id = $2
			AND ordinal >= k.low AND ordinal <= k.high ORDER BY ordinal OFFSET 0) c
		CROSS JOIN LATERAL (SELECT id, nullif(metadata, '{}') AS metadata FROM documents WHERE tenant_id = $1 AND collection_id = $2
			AND key >= c.document_key AND key <= c.document_key ORDER BY key OFFSET 0) d`,
		h.id.UUID(), of.Collection, w.lows, w.highs).Query(w.readDocuments)
}

// readVectors completes changes. Their values lie one after another in one allocation.
func (w *wantedVectors) readVectors(rows pgx.Rows, dimensions int) error {
	values := make([]float32, 0, len(w.changes)*dimensions)
	var ordinal int64
	for rows.Next() {
		if err := rows.Scan(&ordinal, nil); err != nil {
			return err
		}
		change := w.at(ordinal)
		if change == nil {
			continue
		}
		begin := len(values)
		var err error
		if values, err = decodeHalfVector(values, rows.RawValues()[1], rows.FieldDescriptions()[1].Format); err != nil {
			return err
		}
		change.Vector = values[begin:len(values):len(values)]
	}
	return rows.Err()
}

func (w *wantedVectors) readDocuments(rows pgx.Rows) error {
	for rows.Next() {
		var ordinal int64
		var read store.VectorChange
		if err := rows.Scan(&ordinal, &read.DocumentID, &read.Metadata); err != nil {
			return err
		}
		if change := w.at(ordinal); change != nil {
			change.DocumentID, change.Metadata = read.DocumentID, read.Metadata
		}
	}
	return rows.Err()
}
