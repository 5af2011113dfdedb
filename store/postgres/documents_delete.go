package postgres

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/fault"
)

// deleteBatch is how many documents one transaction deletes.
const deleteBatch = 1000

// DeleteDocument removes a document. When it returns, no search finds it, and a version of it that is being
// indexed can no longer be published.
func (h *Handle) DeleteDocument(ctx context.Context, collection, id string) error {
	n, err := h.DeleteDocuments(ctx, collection, []string{id})
	if err == nil && n == 0 {
		return fault.New(fault.NotFound, "document %q does not exist in collection %s", id, collection)
	}
	return err
}

// DeleteDocuments removes those of the documents that are there and returns their number. Many go in several
// transactions; after an error the call can be repeated.
func (h *Handle) DeleteDocuments(ctx context.Context, collection string, ids []string) (int64, error) {
	sorted := slices.Clone(ids)
	slices.Sort(sorted) // the order in which every transaction locks documents
	var deleted int64
	for batch := range slices.Chunk(slices.Compact(sorted), deleteBatch) {
		n, err := h.deleteBatch(ctx, collection, batch)
		deleted += n
		if err != nil {
			return deleted, err
		}
	}
	return deleted, nil
}

func (h *Handle) deleteBatch(ctx context.Context, collection string, ids []string) (deleted int64, err error) {
	err = h.write(ctx, func(tx pgx.Tx) error {
		var at place
		var keys []uuid.UUID
		batch := &pgx.Batch{}
		batch.Queue(byKey)
		batch.Queue(`SELECT `+placeColumns+` FROM collections WHERE tenant_id = $1 AND name = $2 AND deleted_at IS NULL FOR SHARE`,
			h.id.UUID(), collection).QueryRow(func(row pgx.Row) error {
			return missing(at.scan(row), "collection %s does not exist", collection)
		})
		batch.Queue(`SELECT d.key FROM `+each("id", "$3::text[]")+` CROSS JOIN LATERAL (
				SELECT key FROM documents
				WHERE tenant_id = $1 AND id >= k.id AND id <= k.id AND collection_id = (
					SELECT id FROM collections WHERE tenant_id = $1 AND name = $2 AND deleted_at IS NULL)
				ORDER BY id FOR UPDATE OFFSET 0) d WHERE `+oneRow+` ORDER BY k.n`, h.id.UUID(), collection, ids).Query(func(rows pgx.Rows) error {
			var err error
			keys, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
			return err
		})
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		deleted = int64(len(keys))
		return h.deleteLocked(ctx, tx, at, keys)
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}

// deleteLocked removes documents whose rows this transaction has locked. Their waiting work counts as done.
func (h *Handle) deleteLocked(ctx context.Context, tx pgx.Tx, at place, keys []uuid.UUID) error {
	if len(keys) == 0 {
		return nil
	}
	if err := h.unpublish(ctx, tx, at, keys); err != nil {
		return err
	}
	counts := tally{}
	batch := &pgx.Batch{}
	batch.Queue(deleteFound("work_items", each("key", "$3::uuid[]"), itemsOfDocument, ` RETURNING t.operation_id`),
		h.id.UUID(), at.collection, keys).Query(counts.readDone)
	batch.Queue(deleteFound("document_payloads", each("key", "$3::uuid[]"), payloadsOfDocument, ""), h.id.UUID(), at.collection, keys)
	batch.Queue(deleteFound("documents", each("key", "$3::uuid[]"), documentByKey, ""), h.id.UUID(), at.collection, keys)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if err := h.settle(ctx, tx, counts); err != nil {
		return err
	}
	return h.considerUpkeep(ctx, tx, at)
}
