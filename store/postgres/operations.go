package postgres

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"lindero/fault"
	"lindero/store"
	"lindero/store/queue"
)

// kindIngest is the kind of operations that take documents in.
const kindIngest = "ingest"

// operationColumns are what scanOperation reads, from operations o.
const operationColumns = `o.id, o.kind, o.status, o.total, o.done, o.failed, o.created_at, o.started_at, o.finished_at,
	(SELECT jsonb_agg(e) FROM (SELECT e.document_id, e.code, e.detail FROM operation_errors e
		WHERE e.tenant_id = o.tenant_id AND e.operation_id = o.id ORDER BY e.document_id LIMIT 100) e)`

func scanOperation(o *store.Operation) []any {
	return []any{&o.ID, &o.Kind, &o.Status, &o.Total, &o.Done, &o.Failed, &o.CreatedAt, &o.StartedAt, &o.FinishedAt,
		operationErrors{&o.Errors}}
}

type operationErrors struct{ into *[]store.OperationError }

// ScanText and Scan read the aggregated errors, null for none.
func (e operationErrors) Scan(value any) error {
	switch v := value.(type) {
	case string:
		return json.Unmarshal([]byte(v), e.into)
	case []byte:
		return json.Unmarshal(v, e.into)
	}
	return nil
}

// StartOperation makes an operation that takes documents until FinishAccepting. Should the process die before
// that, a job closes it after queue.AbandonedAfter without activity.
func (h *Handle) StartOperation(ctx context.Context, kind string) (store.Operation, error) {
	var op store.Operation
	err := h.write(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO operations AS o (tenant_id, id, kind, status, accepting)
			VALUES ($1, $2, $3, 'queued', true) RETURNING `+operationColumns, h.id.UUID(), uuid.New(), kind).
			Scan(scanOperation(&op)...)
		if err != nil {
			return err
		}
		_, err = h.store.jobs.InsertTx(ctx, tx, queue.CloseOperation{TenantID: h.id.UUID(), OperationID: op.ID},
			&river.InsertOpts{ScheduledAt: time.Now().Add(queue.AbandonedAfter)})
		return err
	})
	return op, err
}

// FinishAccepting says that no more documents come, and ends the operation when all are done. It may be
// called again.
func (h *Handle) FinishAccepting(ctx context.Context, id uuid.UUID) error {
	return h.write(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE operations SET accepting = false WHERE tenant_id = $1 AND id = $2`, h.id.UUID(), id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "operation %s does not exist", id)
		}
		return h.settle(ctx, tx, tally{id: {}})
	})
}

// CloseAbandoned ends the operation if it is still accepting and has been silent for queue.AbandonedAfter.
// It reports how long to wait before looking again: zero when there is no need to.
func (h *Handle) CloseAbandoned(ctx context.Context, id uuid.UUID) (time.Duration, error) {
	var silent *float64
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT max(extract(epoch FROM now() - active_at))::float8 FROM operations
			WHERE tenant_id = $1 AND id = $2 AND accepting`, h.id.UUID(), id).
			QueryRow(func(row pgx.Row) error { return row.Scan(&silent) })
	})
	if err != nil || silent == nil {
		return 0, err
	}
	if left := queue.AbandonedAfter - time.Duration(*silent*float64(time.Second)); left > 0 {
		return left, nil
	}
	return 0, h.FinishAccepting(ctx, id)
}

// Operation returns one operation with its first 100 errors.
func (h *Handle) Operation(ctx context.Context, id uuid.UUID) (store.Operation, error) {
	var op store.Operation
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT `+operationColumns+` FROM operations o WHERE tenant_id = $1 AND id = $2`, h.id.UUID(), id).
			QueryRow(func(row pgx.Row) error {
				return missing(row.Scan(scanOperation(&op)...), "operation %s does not exist", id)
			})
	})
	return op, err
}

// Operations lists operations, the newest first; status "" means all.
func (h *Handle) Operations(ctx context.Context, status store.OperationStatus, page store.Page) (store.Listing[store.Operation], error) {
	before, beforeID, err := operationCursor(page.After)
	if err != nil {
		return store.Listing[store.Operation]{}, err
	}
	var list []store.Operation
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT `+operationColumns+` FROM operations o WHERE tenant_id = $1 AND ($2 = '' OR status = $2)
			AND (created_at, id) < ($3::timestamptz, $4::uuid) ORDER BY created_at DESC, id DESC LIMIT $5`,
			h.id.UUID(), string(status), before, beforeID, page.Limit+1).Query(func(rows pgx.Rows) error {
			var err error
			list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.Operation, error) {
				var op store.Operation
				return op, row.Scan(scanOperation(&op)...)
			})
			return err
		})
	})
	return listing(list, page.Limit, func(o store.Operation) string {
		return o.CreatedAt.Format(time.RFC3339Nano) + " " + o.ID.String()
	}), err
}

// operationCursor is the sort key of the last operation seen; without one, a key above all.
func operationCursor(after string) (time.Time, uuid.UUID, error) {
	if after == "" {
		return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), uuid.Max, nil
	}
	at, id, _ := strings.Cut(after, " ")
	created, timeErr := time.Parse(time.RFC3339Nano, at)
	parsed, idErr := uuid.Parse(id)
	if timeErr != nil || idErr != nil {
		return created, parsed, fault.InvalidField("query.cursor", nil, "is not a cursor of this list")
	}
	return created, parsed, nil
}
