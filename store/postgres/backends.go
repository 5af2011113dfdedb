package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/store"
)

// AlignBackend brings the tenant's collections to the backend that its operator chose, one a transaction, and
// returns that backend. A collection that goes to an index outside the database has all its vectors noted for it:
// searches answer from the record until the index has them. Coming back needs nothing but the switch.
func (h *Handle) AlignBackend(ctx context.Context) (backend string, err error) {
	for {
		var moved bool
		err := h.write(ctx, func(tx pgx.Tx) error {
			batch := &pgx.Batch{}
			batch.Queue(`SELECT vectors FROM tenants WHERE id = $1`, h.id.UUID()).QueryRow(func(row pgx.Row) error {
				return missing(row.Scan(&backend), "the tenant does not exist")
			})
			var at place
			batch.Queue(`UPDATE collections SET backend = (SELECT vectors FROM tenants WHERE id = $1), version = version + 1
				WHERE tenant_id = $1 AND id = (SELECT c.id FROM collections c JOIN tenants t ON t.id = c.tenant_id
					WHERE c.tenant_id = $1 AND c.deleted_at IS NULL AND c.backend <> t.vectors ORDER BY c.id LIMIT 1)
				RETURNING `+placeColumns, h.id.UUID()).Query(func(rows pgx.Rows) error {
				for rows.Next() {
					if err := at.scan(rows); err != nil {
						return err
					}
					moved = true
				}
				return rows.Err()
			})
			batch.Queue(clearOutbox, h.id.UUID())
			if err := tx.SendBatch(ctx, batch).Close(); err != nil || !moved || !at.indexed() {
				return err
			}
			return h.noteAllVectors(ctx, tx, at)
		})
		if err != nil || !moved {
			return backend, err
		}
	}
}

// clearOutbox forgets what was to be told of: the namespaces go as a whole.
const clearOutbox = `DELETE FROM vector_outbox WHERE tenant_id = $1 AND EXISTS (SELECT FROM tenants WHERE id = $1 AND vectors = 'pgvector')`

// noteAllVectors fills the outbox of a collection that has just come to an index outside the database.
func (h *Handle) noteAllVectors(ctx context.Context, tx pgx.Tx, at place) error {
	_, err := tx.Exec(ctx, changeOutboxOf(`SELECT ordinal FROM chunk_vectors WHERE slot = $3 AND tenant_id = $1 AND collection_id = $2`, `$4`, `false`),
		h.id.UUID(), at.collection, at.slot, at.dimensions)
	return err
}

// VectorNamespaces returns the dimensions of the indexes in which the tenant has a namespace.
func (h *Handle) VectorNamespaces(ctx context.Context) (dimensions []int, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT dimensions FROM vector_namespaces WHERE tenant_id = $1 AND gone_at IS NULL ORDER BY dimensions`, h.id.UUID()).Query(func(rows pgx.Rows) error {
			dimensions, err = pgx.CollectRows(rows, pgx.RowTo[int])
			return err
		})
	})
	return dimensions, err
}

// NoteNamespace notes a namespace before anything is written to it.
func (h *Handle) NoteNamespace(ctx context.Context, dimensions int) error {
	return h.write(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO vector_namespaces AS n (tenant_id, dimensions) VALUES ($1, $2)
			ON CONFLICT (tenant_id, dimensions) DO UPDATE SET gone_at = NULL WHERE n.gone_at IS NOT NULL`, h.id.UUID(), dimensions)
		return err
	})
}

// NamespaceGone notes that a namespace was deleted and seen to be gone. The row stays for the tenant's receipt.
func (h *Handle) NamespaceGone(ctx context.Context, dimensions int) error {
	return h.write(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE vector_namespaces SET gone_at = now() WHERE tenant_id = $1 AND dimensions = $2 AND gone_at IS NULL`, h.id.UUID(), dimensions)
		return err
	})
}

// IndexedVectors returns the vectors on record that the index outside the database must hold by now, by
// collection, and beside them those that are still on the way.
func (h *Handle) IndexedVectors(ctx context.Context) (sets []store.VectorSet, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		const noted = `SELECT generate_series(o.ordinal, o.ordinal + o.run - 1) FROM vector_outbox o WHERE o.tenant_id = $1 AND o.collection_id = c.id`
		b.Queue(`SELECT c.id, c.dimensions,
				ARRAY(SELECT v.ordinal FROM chunk_vectors v WHERE v.slot = c.slot AND v.tenant_id = $1 AND v.collection_id = c.id
					EXCEPT `+noted+` AND o.visible_at = 'infinity' ORDER BY 1),
				ARRAY(SELECT DISTINCT n FROM (`+noted+`) o (n) ORDER BY n)
			FROM collections c WHERE c.tenant_id = $1 AND c.backend = $2 AND c.deleted_at IS NULL ORDER BY c.id`,
			h.id.UUID(), store.Pinecone).Query(func(rows pgx.Rows) error {
			sets, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (s store.VectorSet, err error) {
				return s, row.Scan(&s.Collection, &s.Dimensions, &s.Ordinals, &s.Unsettled)
			})
			return err
		})
	})
	return sets, err
}

// RepairVectors notes that the index lacks vectors, or holds some that are not on record; the outbox brings it
// right. What has changed meanwhile decides itself when it is sent.
func (h *Handle) RepairVectors(ctx context.Context, wrong store.VectorSet) error {
	at := place{collection: wrong.Collection, backend: store.Pinecone, dimensions: wrong.Dimensions}
	return h.write(ctx, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		h.queueOutbox(batch, at, wrong.Ordinals, false)
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		return h.askSync(ctx, tx, at)
	})
}

// purgeIndexed removes a collection's vectors and notes their deletion for the index outside the database.
func (h *Handle) purgeIndexed(ctx context.Context, at place) error {
	for {
		var removed int64
		err := h.write(ctx, func(tx pgx.Tx) error {
			err := tx.QueryRow(ctx, `WITH gone AS (DELETE FROM chunk_vectors WHERE slot = $3 AND tenant_id = $1 AND collection_id = $2
					AND ctid = ANY (ARRAY(SELECT ctid FROM chunk_vectors WHERE slot = $3 AND tenant_id = $1 AND collection_id = $2 LIMIT $5))
					RETURNING ordinal), noted AS (`+changeOutboxOf(`SELECT ordinal FROM gone`, `$4`, `true`)+`)
				SELECT count(*) FROM gone`,
				h.id.UUID(), at.collection, at.slot, at.dimensions, purgeBatch).Scan(&removed)
			if err != nil || removed == 0 {
				return err
			}
			return h.askSync(ctx, tx, at)
		})
		if err != nil || removed < purgeBatch {
			return err
		}
	}
}

// findPurged returns the place of a collection that DeleteCollection has marked.
func (h *Handle) findPurged(ctx context.Context, id uuid.UUID) (at place, found bool, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT `+placeColumns+` FROM collections WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NOT NULL`, h.id.UUID(), id).
			Query(func(rows pgx.Rows) error {
				for rows.Next() {
					found = true
					if err := at.scan(rows); err != nil {
						return err
					}
				}
				return rows.Err()
			})
	})
	return at, found, err
}
