package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// unpublish removes what searches see of documents: chunks, vectors and fields; the lexical index gets a
// marker for each chunk. The documents' rows must be locked, and the collection's place read under a lock.
func (h *Handle) unpublish(ctx context.Context, tx pgx.Tx, at place, keys []uuid.UUID) error {
	if len(keys) == 0 {
		return nil
	}
	var ordinals []int64
	batch := &pgx.Batch{}
	batch.Queue(`WITH gone AS (`+deleteFound("chunks", each("key", "$3::uuid[]"), chunksOfDocument, ` RETURNING t.ordinal, t.tokens`)+`)
		INSERT INTO lexical_deleted (tenant_id, collection_id, ordinal, tokens)
		SELECT $1, $2, ordinal, tokens FROM gone RETURNING ordinal`, h.id.UUID(), at.collection, keys).
		Query(func(rows pgx.Rows) error {
			var err error
			ordinals, err = pgx.CollectRows(rows, pgx.RowTo[int64])
			return err
		})
	batch.Queue(deleteFound("document_fields", each("key", "$3::uuid[]"), fieldsOfDocument, ""), h.id.UUID(), at.collection, keys)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil || len(ordinals) == 0 {
		return err
	}
	batch = &pgx.Batch{}
	batch.Queue(deleteVectors, at.slot, h.id.UUID(), at.collection, ordinals)
	h.queueOutbox(batch, at, ordinals, true)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	return h.askSync(ctx, tx, at)
}

// deleteVectors names the slot as a parameter, so that planning touches one partition, in which a ctid is
// unambiguous.
var deleteVectors = `DELETE FROM chunk_vectors t USING ` + each("ordinal", "$4::bigint[]") + ` CROSS JOIN LATERAL (` +
	vectorOf + `) x WHERE t.slot = $1 AND t.ctid = x.ctid AND ` + oneRow

// vectorOf looks k.ordinal up in a slot ($1) of a tenant ($2) and collection ($3).
const vectorOf = `SELECT ctid, embedding FROM chunk_vectors
	WHERE slot = $1 AND tenant_id = $2 AND collection_id = $3 AND ordinal = k.ordinal OFFSET 0`
