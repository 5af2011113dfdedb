package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"lindero/store"
)

// UnsentVectors returns changes that the index was not told of, in order after the given one, all of one dimension. A
// tenant that is being deleted has none: its namespaces go as a whole.
//
// The entries are read first, then what belongs to them, in ranges: looking each vector up by itself would take several
// times as long as sending it. Something may have changed in between; then the entry has another revision, the
// acknowledgement of what was read will not count for it, and it is read again.
func (h *Handle) UnsentVectors(ctx context.Context, after store.VectorKey, limit int) (changes []store.VectorChange, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(byKey)
		b.Queue(`SELECT collection_id, ordinal, dimensions, revision, deleted FROM vector_outbox
			WHERE tenant_id = $1 AND sent_at IS NULL AND (collection_id, ordinal) > ($3, $4)
				AND EXISTS (SELECT FROM tenants WHERE id = $1 AND state <> 'deleting')
			ORDER BY collection_id, ordinal LIMIT $2`, h.id.UUID(), limit, after.Collection, after.Ordinal).Query(func(rows pgx.Rows) error {
			changes, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c store.VectorChange, err error) {
				return c, row.Scan(&c.Collection, &c.Ordinal, &c.Dimensions, &c.Revision, &c.Deleted)
			})
			return err
		})
	})
	if err != nil || len(changes) == 0 {
		return nil, err
	}
	changes = ofOneDimension(changes)
	return changes, h.readUnsent(ctx, changes)
}

// ofOneDimension is the first of the changes, as far as they share a dimension.
func ofOneDimension(changes []store.VectorChange) []store.VectorChange {
	for i := range changes {
		if changes[i].Dimensions != changes[0].Dimensions {
			return changes[:i]
		}
	}
	return changes
}

// readUnsent completes changes with vector and document; without either the change is a deletion.
func (h *Handle) readUnsent(ctx context.Context, changes []store.VectorChange) error {
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(byKey)
		for rest := changes; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n].Collection == rest[0].Collection {
				n++
			}
			h.queueUnsent(b, rest[:n])
			rest = rest[n:]
		}
	})
	for i := range changes {
		c := &changes[i]
		if c.Vector == nil || c.DocumentID == "" {
			c.Deleted, c.Vector, c.DocumentID, c.Metadata = true, nil, "", nil
		}
	}
	return err
}

// rangeGap is how many rows in between are rather read than a new range begun.
const rangeGap = 8

// queueUnsent reads vectors and documents of the changes of one collection.
func (h *Handle) queueUnsent(b *pgx.Batch, changes []store.VectorChange) {
	var lows, highs []int64
	at := make(map[int64]int, len(changes))
	for i := range changes {
		ordinal := changes[i].Ordinal
		if changes[i].Deleted {
			continue
		}
		at[ordinal] = i
		if last := len(highs) - 1; last >= 0 && ordinal-highs[last] <= rangeGap {
			highs[last] = ordinal
			continue
		}
		lows, highs = append(lows, ordinal), append(highs, ordinal)
	}
	if len(lows) == 0 {
		return
	}
	b.Queue(`SELECT v.ordinal, v.embedding FROM unnest($3::bigint[], $4::bigint[]) AS k (low, high)
		CROSS JOIN LATERAL (SELECT ordinal, embedding FROM chunk_vectors
			WHERE slot = (SELECT slot FROM collections WHERE tenant_id = $1 AND id = $2)
			AND tenant_id = $1 AND collection_id = $2 AND ordinal >= k.low AND ordinal <= k.high ORDER BY ordinal OFFSET 0) v`,
		h.id.UUID(), changes[0].Collection, lows, highs).Query(func(rows pgx.Rows) error { return readVectors(rows, changes, at) })
	b.Queue(`SELECT c.ordinal, d.id, d.metadata FROM unnest($3::bigint[], $4::bigint[]) AS k (low, high)
		CROSS JOIN LATERAL (SELECT ordinal, document_key FROM chunks WHERE tenant_id = $1 AND collection_id = $2
			AND ordinal >= k.low AND ordinal <= k.high ORDER BY ordinal OFFSET 0) c
		CROSS JOIN LATERAL (SELECT id, metadata FROM documents WHERE tenant_id = $1 AND collection_id = $2
			AND key >= c.document_key AND key <= c.document_key ORDER BY key OFFSET 0) d`,
		h.id.UUID(), changes[0].Collection, lows, highs).Query(func(rows pgx.Rows) error { return readDocuments(rows, changes, at) })
}

// readVectors puts vectors into the changes that want them, found by ordinal. Their values lie one after another in one
// allocation.
func readVectors(rows pgx.Rows, changes []store.VectorChange, at map[int64]int) error {
	dimensions := changes[0].Dimensions
	values := make([]float32, 0, len(at)*dimensions)
	var ordinal int64
	for rows.Next() {
		if err := rows.Scan(&ordinal, nil); err != nil {
			return err
		}
		i, wanted := at[ordinal]
		if !wanted {
			continue
		}
		begin := len(values)
		var err error
		if values, err = decodeHalfVector(values, rows.RawValues()[1], rows.FieldDescriptions()[1].Format); err != nil {
			return err
		}
		changes[i].Vector = values[begin:len(values):len(values)]
	}
	return rows.Err()
}

// readDocuments puts documents into the changes of their chunks, found by ordinal.
func readDocuments(rows pgx.Rows, changes []store.VectorChange, at map[int64]int) error {
	var ordinal int64
	var id string
	var metadata json.RawMessage
	for rows.Next() {
		metadata = nil // or it would be read over the last one's
		if err := rows.Scan(&ordinal, &id, &metadata); err != nil {
			return err
		}
		if i, wanted := at[ordinal]; wanted {
			changes[i].DocumentID, changes[i].Metadata = id, metadata
		}
	}
	return rows.Err()
}
