package postgres

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lindero/fault"
	"lindero/store"
)

// retryBatch is how many failed documents one transaction puts back into the queue.
const retryBatch = 500

// RetryDocument puts a failed document back into the queue as it was sent last, with all its tries before it.
// Errors: fault.NotFound; fault.Conflict when it has not failed, or when what was sent is not kept any more;
// fault.RateLimited when the queue is full.
func (h *Handle) RetryDocument(ctx context.Context, collection, id string) (store.Accepted, error) {
	doc, err := h.Document(ctx, collection, id)
	if err != nil {
		return store.Accepted{}, err
	}
	if doc.Status != store.Failed {
		return store.Accepted{}, fault.New(fault.Conflict, "document %q has not failed: it is %s", id, doc.Status)
	}
	c, err := h.Collection(ctx, collection)
	if err != nil {
		return store.Accepted{}, err
	}
	operation := uuid.New()
	retried, err := h.requeue(ctx, c.ID, []string{id}, operation, store.AcceptOptions{})
	if err != nil {
		return store.Accepted{}, err
	}
	if retried == 0 {
		return store.Accepted{}, fault.New(fault.Conflict, "document %q has changed meanwhile, or what was sent is not kept any more; send it again", id)
	}
	if doc, err = h.Document(ctx, collection, id); err != nil {
		return store.Accepted{}, err
	}
	op, err := h.Operation(ctx, operation)
	return store.Accepted{Document: doc, Operation: op}, err
}

// RetryOperation puts the documents that failed in an operation, and are failed still, back into the queue under
// a new operation. Without any it is a fault.Conflict. After an error, such as fault.RateLimited when the queue
// is full, the call can be repeated: what it has put back is no failure any more.
func (h *Handle) RetryOperation(ctx context.Context, id uuid.UUID) (store.Operation, error) {
	if _, err := h.Operation(ctx, id); err != nil {
		return store.Operation{}, err
	}
	first, err := h.failuresOf(ctx, id, "")
	if err != nil {
		return store.Operation{}, err
	}
	for len(first.ids) == 0 && first.next != "" {
		if first, err = h.failuresOf(ctx, id, first.next); err != nil {
			return store.Operation{}, err
		}
	}
	if len(first.ids) == 0 {
		return store.Operation{}, fault.New(fault.Conflict, "operation %s has no failed documents that could be retried", id)
	}
	op, err := h.StartOperation(ctx, kindIngest)
	if err != nil {
		return op, err
	}
	err = h.retryAll(ctx, id, op.ID, first)
	if closing := h.FinishAccepting(context.WithoutCancel(ctx), op.ID); err == nil {
		err = closing
	}
	if err != nil {
		return op, err
	}
	return h.Operation(ctx, op.ID)
}

func (h *Handle) retryAll(ctx context.Context, from, into uuid.UUID, batch failures) error {
	for {
		for collection, ids := range batch.ids {
			if _, err := h.requeue(ctx, collection, ids, into, store.AcceptOptions{Operation: into, Bulk: true}); err != nil {
				return err
			}
		}
		if batch.next == "" {
			return nil
		}
		var err error
		if batch, err = h.failuresOf(ctx, from, batch.next); err != nil {
			return err
		}
	}
}

// failures are documents of an operation that are failed still, by collection, in the order of their ids. next
// is the document to go on after, empty at the end.
type failures struct {
	ids  map[uuid.UUID][]string
	next string
}

func (h *Handle) failuresOf(ctx context.Context, operation uuid.UUID, after string) (failures, error) {
	f := failures{ids: map[uuid.UUID][]string{}}
	seen, last := 0, ""
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT e.document_id, d.collection_id FROM (
				SELECT document_id, collection_id FROM operation_errors
				WHERE tenant_id = $1 AND operation_id = $2 AND document_id > $3 ORDER BY document_id LIMIT $4) e
			LEFT JOIN LATERAL (SELECT collection_id FROM documents WHERE tenant_id = $1 AND collection_id = e.collection_id
				AND id = e.document_id AND status = 'failed' AND pending_version IS NULL OFFSET 0) d ON true
			ORDER BY e.document_id`, h.id.UUID(), operation, after, retryBatch).Query(func(rows pgx.Rows) error {
			var collection *uuid.UUID
			_, err := pgx.ForEachRow(rows, []any{&last, &collection}, func() error {
				seen++
				if collection != nil {
					f.ids[*collection] = append(f.ids[*collection], last)
				}
				return nil
			})
			return err
		})
	})
	if seen == retryBatch {
		f.next = last
	}
	return f, err
}

// requeue gives failed documents of a collection, in the order of their ids, new work items for the version
// sent last, and returns how many there were. Those that are not failed any more, or whose payload is gone, are
// left alone; without any, nothing changes.
func (h *Handle) requeue(ctx context.Context, collection uuid.UUID, ids []string, operation uuid.UUID, opts store.AcceptOptions) (retried int64, err error) {
	undo, err := h.admit(ctx, int64(len(ids)), 0)
	if err != nil {
		return 0, err
	}
	errNothing := errors.New("nothing to retry")
	err = h.write(ctx, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(byKey)
		batch.Queue(`WITH found AS (
				SELECT d.key, d.last_version, octet_length(p.body) + coalesce(octet_length(p.parts), 0) + coalesce(octet_length(p.vectors), 0) AS bytes
				FROM `+each("id", "$3::text[]")+` CROSS JOIN LATERAL (
					SELECT * FROM documents WHERE tenant_id = $1 AND collection_id = $2 AND id >= k.id AND id <= k.id
					ORDER BY id FOR UPDATE OFFSET 0) d
				JOIN LATERAL (SELECT body, parts, vectors FROM document_payloads WHERE tenant_id = $1 AND collection_id = $2
					AND document_key = d.key AND version = d.last_version OFFSET 0) p ON true
				WHERE d.status = 'failed' AND d.pending_version IS NULL AND `+oneRow+`),
			pending AS (
				UPDATE documents t SET status = 'pending', pending_version = f.last_version, error_code = NULL, error_detail = NULL, updated_at = now()
				FROM found f WHERE t.tenant_id = $1 AND t.collection_id = $2 AND t.key = f.key)
			INSERT INTO work_items (tenant_id, collection_id, document_key, version, operation_id, priority, bytes)
			SELECT $1, $2, key, last_version, $4, $5, bytes FROM found`,
			h.id.UUID(), collection, ids, operation, opts.Class()).Exec(func(tag pgconn.CommandTag) error {
			retried = tag.RowsAffected()
			return nil
		})
		h.queueOperation(batch, operation, opts) // after the locks on documents, as everywhere
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		if retried == 0 {
			return errNothing
		}
		if err := h.settle(ctx, tx, tally{operation: {total: retried}}); err != nil {
			return err
		}
		return h.wakeDrain(ctx, tx, opts.Class())
	})
	if errors.Is(err, errNothing) {
		retried, err = 0, nil
	}
	undo(int64(len(ids))-retried, 0)
	return retried, err
}
