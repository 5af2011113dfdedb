package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/store"
)

// cancelBatch is how many documents of a cancelled operation one transaction puts back.
const cancelBatch = 1000

// CodeCancelled is the error code of a document whose only version was cancelled.
const CodeCancelled = "cancelled"

// CancelOperation ends an operation and takes back its documents that are not indexed yet: those with an older
// version keep that, the others fail with CodeCancelled. An operation that has ended otherwise is
// fault.Conflict; cancelling twice is fine and finishes what an interrupted call left.
func (h *Handle) CancelOperation(ctx context.Context, id uuid.UUID) (store.Operation, error) {
	op, err := h.Operation(ctx, id)
	if err != nil {
		return op, err
	}
	if op.Status.Final() && op.Status != store.Cancelled {
		return op, fault.New(fault.Conflict, "operation %s has ended already: %s", id, op.Status)
	}
	if err := h.markCancelled(ctx, id); err != nil {
		return op, err
	}
	for {
		n, err := h.takeBack(ctx, id)
		if err != nil {
			return op, err
		}
		if n == 0 {
			return h.Operation(ctx, id)
		}
	}
}

func (h *Handle) markCancelled(ctx context.Context, id uuid.UUID) error {
	return h.write(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `WITH changed AS (
				UPDATE operations SET status = 'cancelled', accepting = false, finished_at = now()
				WHERE tenant_id = $1 AND id = $2 AND status IN ('queued', 'running') RETURNING id, finished_at)
			`+tellChanged, h.id.UUID(), id)
		if err != nil {
			return err
		}
		var ended []uuid.UUID
		if err := readEnded(&ended)(rows); err != nil {
			return err
		}
		return h.tellWebhooks(ctx, tx, ended)
	})
}

// takeBack removes a batch of an operation's items and puts their documents back to what is visible.
func (h *Handle) takeBack(ctx context.Context, operation uuid.UUID) (taken int, err error) {
	err = h.write(ctx, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(byKey)
		var found []uuid.UUID
		batch.Queue(`SELECT d.key FROM (
				SELECT collection_id, document_key FROM work_items WHERE tenant_id = $1 AND operation_id = $2 LIMIT $3) w
			JOIN documents d ON d.tenant_id = $1 AND d.collection_id = w.collection_id AND d.key = w.document_key
			ORDER BY d.id FOR UPDATE OF d`, h.id.UUID(), operation, cancelBatch).Query(func(rows pgx.Rows) error {
			var err error
			found, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
			return err
		})
		if err := tx.SendBatch(ctx, batch).Close(); err != nil || len(found) == 0 {
			return err
		}
		// The hash of the visible version is not kept: an empty one makes the next PUT count as a change.
		_, err := tx.Exec(ctx, `WITH gone AS (
				DELETE FROM work_items WHERE tenant_id = $1 AND operation_id = $2 AND document_key = ANY ($3)
				RETURNING collection_id, document_key, version),
			payloads AS (
				DELETE FROM document_payloads p USING gone g, documents d
				WHERE p.tenant_id = $1 AND p.collection_id = g.collection_id AND p.document_key = g.document_key AND p.version = g.version
					AND d.tenant_id = $1 AND d.collection_id = g.collection_id AND d.key = g.document_key AND d.version > 0)
			UPDATE documents d SET pending_version = NULL, content_hash = '', updated_at = now(),
				status = CASE WHEN d.version > 0 THEN 'indexed' ELSE 'failed' END,
				error_code = CASE WHEN d.version > 0 THEN NULL ELSE $4 END,
				error_detail = CASE WHEN d.version > 0 THEN NULL ELSE 'its operation was cancelled before it was indexed' END
			FROM gone g WHERE d.tenant_id = $1 AND d.collection_id = g.collection_id AND d.key = g.document_key
				AND d.pending_version = g.version`, h.id.UUID(), operation, found, CodeCancelled)
		taken = len(found)
		return err
	})
	return taken, err
}
