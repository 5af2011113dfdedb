package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// purgeBatch is how many rows one statement of a purge removes.
const purgeBatch = 5000

// purgedTables hold a collection's rows, in the order in which they go: what refers to a row before the row.
// Vectors and work items come before them, the collection itself after.
var purgedTables = []string{
	"lexical_postings", "lexical_segments", "lexical_deleted", "chunks", "document_fields", "document_payloads",
	"documents", "collection_counters", "collection_placements", "collection_recall",
}

// PurgeCollection removes the rows of a collection that DeleteCollection has marked, in batches, and its own
// row last. It may be interrupted and repeated; a collection that is gone, or not marked, is left alone.
func (h *Handle) PurgeCollection(ctx context.Context, id uuid.UUID) error {
	at, found, err := h.findPurged(ctx, id)
	if err != nil || !found {
		return err
	}
	if err := h.purgeWork(ctx, id); err != nil {
		return err
	}
	if err := h.purgeVectors(ctx, at); err != nil {
		return err
	}
	for _, table := range purgedTables {
		if err := h.purgeRows(ctx, table, "", id); err != nil {
			return err
		}
	}
	return h.write(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM collections WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NOT NULL`, h.id.UUID(), id)
		return err
	})
}

// purgeRows empties a table of the collection. The rows are named by where they lie: within one partition that
// is unambiguous, and nothing adds rows to a deleted collection.
func (h *Handle) purgeRows(ctx context.Context, table, partition string, collection uuid.UUID) error {
	statement := fmt.Sprintf(`DELETE FROM %[1]s WHERE %[2]s tenant_id = $1 AND collection_id = $2 AND ctid = ANY (ARRAY(
		SELECT ctid FROM %[1]s WHERE %[2]s tenant_id = $1 AND collection_id = $2 LIMIT $3))`, table, partition)
	for {
		var removed int64
		err := h.write(ctx, func(tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, statement, h.id.UUID(), collection, purgeBatch)
			removed = tag.RowsAffected()
			return err
		})
		if err != nil || removed < purgeBatch {
			return err
		}
	}
}

// purgeWork removes the collection's waiting work; for its operations it is done.
func (h *Handle) purgeWork(ctx context.Context, collection uuid.UUID) error {
	for {
		counts := tally{}
		err := h.write(ctx, func(tx pgx.Tx) error {
			batch := &pgx.Batch{}
			batch.Queue(`DELETE FROM work_items WHERE tenant_id = $1 AND collection_id = $2 AND ctid = ANY (ARRAY(
				SELECT ctid FROM work_items WHERE tenant_id = $1 AND collection_id = $2 LIMIT $3))
				RETURNING operation_id`, h.id.UUID(), collection, purgeBatch).Query(counts.readDone)
			if err := tx.SendBatch(ctx, batch).Close(); err != nil {
				return err
			}
			return h.settle(ctx, tx, counts)
		})
		if err != nil || len(counts) == 0 {
			return err
		}
	}
}
