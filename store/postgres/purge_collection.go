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

// PurgeCollection removes the rows of a collection that DeleteCollection has marked, in batches, gives back the space of
// what it has emptied, and removes the collection's own row last. It may be interrupted and repeated; a collection that is
// gone, or not marked, is left alone.
func (h *Handle) PurgeCollection(ctx context.Context, id uuid.UUID) error {
	at, found, err := h.findPurged(ctx, id)
	if err != nil || !found {
		return err
	}
	if err := h.purgeWork(ctx, id); err != nil {
		return err
	}
	removed := removals{}
	shared, err := h.purgeVectors(ctx, at, removed)
	if err != nil {
		return err
	}
	for _, table := range purgedTables {
		if removed[table], err = h.purgeRows(ctx, table, "", id); err != nil {
			return err
		}
	}
	// Through these all of it has passed, and left.
	removed["work_items"] = max(removed["work_items"], removed["documents"])
	for _, leaf := range shared {
		removed[leaf] = max(removed[leaf], removed["chunks"])
	}
	if err := h.reclaim(ctx, removed); err != nil {
		return err
	}
	return h.write(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM collections WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NOT NULL`, h.id.UUID(), id)
		return err
	})
}

// purgeRows empties a table of the collection and returns how many rows it had. The rows are named by where they lie: within
// one partition that is unambiguous, and nothing adds rows to a deleted collection.
func (h *Handle) purgeRows(ctx context.Context, table, partition string, collection uuid.UUID) (total int64, err error) {
	statement := fmt.Sprintf(`DELETE FROM %[1]s WHERE %[2]s tenant_id = $1 AND collection_id = $2 AND ctid = ANY (ARRAY(
		SELECT ctid FROM %[1]s WHERE %[2]s tenant_id = $1 AND collection_id = $2 LIMIT $3))`, table, partition)
	for {
		removed, err := h.purgeSome(ctx, statement, h.id.UUID(), collection, purgeBatch)
		total += removed
		if err != nil || removed < purgeBatch {
			return total, err
		}
	}
}

// purgeSome is one batch of a purge.
func (h *Handle) purgeSome(ctx context.Context, statement string, arguments ...any) (removed int64, err error) {
	err = h.write(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, statement, arguments...)
		if removed = tag.RowsAffected(); err != nil || removed == 0 {
			return err
		}
		_, err = tx.Exec(ctx, `SELECT pg_stat_force_next_flush()`) // how many rows are left is asked at once, see reclaim
		return err
	})
	return removed, err
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
