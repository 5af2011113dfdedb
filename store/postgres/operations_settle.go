package postgres

import (
	"bytes"
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// count is by how much an operation's counts grow. done includes failed.
type count struct{ total, done, failed int64 }

// tally collects the counts of a transaction by operation.
type tally map[uuid.UUID]count

func (t tally) add(operation uuid.UUID, c count) {
	sum := t[operation]
	t[operation] = count{total: sum.total + c.total, done: sum.done + c.done, failed: sum.failed + c.failed}
}

// readDone counts a document as done for each operation id that a statement returns.
func (t tally) readDone(rows pgx.Rows) error {
	for rows.Next() {
		var operation uuid.UUID
		if err := rows.Scan(&operation); err != nil {
			return err
		}
		t.add(operation, count{done: 1})
	}
	return rows.Err()
}

// settle adds counts to operations, lets them begin and end, and tells those who wait for them, and webhooks of
// those that ended. It comes after all locks on documents, and takes its own in the order of the ids: two
// transactions never wait for each other.
func (h *Handle) settle(ctx context.Context, tx pgx.Tx, counts tally) error {
	if len(counts) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, 0, len(counts))
	for id := range counts {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	var total, done, failed []int64
	for _, id := range ids {
		total, done, failed = append(total, counts[id].total), append(done, counts[id].done), append(failed, counts[id].failed)
	}
	var ended []uuid.UUID
	batch := &pgx.Batch{}
	batch.Queue(`SELECT FROM operations WHERE tenant_id = $1 AND id = ANY ($2) ORDER BY id FOR UPDATE`, h.id.UUID(), ids)
	batch.Queue(`WITH changed AS (
			UPDATE operations o SET
				total = o.total + k.total, done = o.done + k.done, failed = o.failed + k.failed, active_at = now(),
				started_at = CASE WHEN o.done + k.done > 0 THEN coalesce(o.started_at, now()) ELSE o.started_at END,
				status = CASE
					WHEN o.status NOT IN ('queued', 'running') THEN o.status
					WHEN o.accepting OR o.done + k.done < o.total + k.total THEN
						CASE WHEN o.done + k.done > 0 THEN 'running' ELSE o.status END
					WHEN o.failed + k.failed = 0 THEN 'succeeded'
					WHEN o.failed + k.failed >= o.total + k.total THEN 'failed'
					ELSE 'partially_failed' END,
				finished_at = CASE
					WHEN o.status NOT IN ('queued', 'running') THEN o.finished_at
					WHEN o.accepting OR o.done + k.done < o.total + k.total THEN NULL
					ELSE now() END
			FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[]) AS k (id, total, done, failed)
			WHERE o.tenant_id = $1 AND o.id = k.id
			RETURNING o.id, o.finished_at)
		`+tellChanged, h.id.UUID(), ids, total, done, failed).Query(readEnded(&ended))
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	return h.tellWebhooks(ctx, tx, ended)
}
