package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// unpublish removes what searches see of documents: chunks, vectors and fields; the lexical index gets a
// marker for each chunk. The documents' rows must be locked, and the collection's slot read under a lock.
func (h *Handle) unpublish(ctx context.Context, tx pgx.Tx, collection uuid.UUID, slot int, keys []uuid.UUID) error {
	if len(keys) == 0 {
		return nil
	}
	var ordinals []int64
	batch := &pgx.Batch{}
	batch.Queue(`WITH gone AS (
			DELETE FROM chunks c USING unnest($3::uuid[]) AS k (key)
			WHERE c.tenant_id = $1 AND c.collection_id = $2 AND c.document_key = k.key
			RETURNING c.ordinal, c.tokens)
		INSERT INTO lexical_deleted (tenant_id, collection_id, ordinal, tokens)
		SELECT $1, $2, ordinal, tokens FROM gone RETURNING ordinal`, h.id.UUID(), collection, keys).
		Query(func(rows pgx.Rows) error {
			var err error
			ordinals, err = pgx.CollectRows(rows, pgx.RowTo[int64])
			return err
		})
	batch.Queue(`DELETE FROM document_fields f USING unnest($3::uuid[]) AS k (key)
		WHERE f.tenant_id = $1 AND f.collection_id = $2 AND f.document_key = k.key`, h.id.UUID(), collection, keys)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil || len(ordinals) == 0 {
		return err
	}
	_, err := tx.Exec(ctx, deleteVectors, slot, h.id.UUID(), collection, ordinals)
	return err
}

// deleteVectors names the slot as a parameter, so that planning touches one partition.
const deleteVectors = `DELETE FROM chunk_vectors v USING unnest($4::bigint[]) AS k (ordinal)
	WHERE v.slot = $1 AND v.tenant_id = $2 AND v.collection_id = $3 AND v.ordinal = k.ordinal`
