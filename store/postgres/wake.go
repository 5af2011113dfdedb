package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"lindero/migrations"
	"lindero/store"
	"lindero/store/queue"
)

// wakeDrain makes sure that a turn for the class runs after this transaction. It comes last: a unique insert
// holds the lock on the job's row until the commit.
func (h *Handle) wakeDrain(ctx context.Context, tx pgx.Tx, class store.Class) error {
	p, err := h.lockedPlacement(ctx, tx)
	if err != nil || p == nil {
		return err
	}
	return h.wake(ctx, tx, *p, class, 0)
}

// lockedPlacement is the tenant's placement, kept as it is until the commit; nil when the tenant is gone.
func (h *Handle) lockedPlacement(ctx context.Context, tx pgx.Tx) (p *store.Placement, err error) {
	batch := &pgx.Batch{}
	batch.Queue(lockPlacement, h.id.String())
	batch.Queue(selectPlacement, h.id.UUID()).Query(readPlacement(&p))
	return p, tx.SendBatch(ctx, batch).Close()
}

// wake enqueues the class's job to run after a while.
func (h *Handle) wake(ctx context.Context, tx pgx.Tx, p store.Placement, class store.Class, after time.Duration) error {
	job, name, priority := drainFor(p, h.id.UUID(), class)
	return h.enqueue(ctx, tx, job, name, priority, after)
}

// enqueue makes sure that a unique job runs after a while. One that waits already is called forward.
func (h *Handle) enqueue(ctx context.Context, tx pgx.Tx, job river.JobArgs, name string, priority int, after time.Duration) error {
	opts := &river.InsertOpts{Queue: name, Priority: priority}
	at := time.Now().Add(after)
	if after > 0 {
		opts.ScheduledAt = at
	}
	result, err := h.store.jobs.InsertTx(ctx, tx, job, opts)
	switch {
	case err != nil:
		return err
	case !result.UniqueSkippedAsDuplicate && after <= 0:
		return tellQueue(ctx, tx, name)
	case !result.UniqueSkippedAsDuplicate:
		// Available in the future rather than scheduled: needs nobody to move it on when the time has come.
		_, err = tx.Exec(ctx, `UPDATE river.river_job SET state = 'available' WHERE id = $1`, result.Job.ID)
		return err
	case result.Job.State == rivertype.JobStateRunning, !result.Job.ScheduledAt.After(at) && result.Job.Priority <= priority:
		return nil // it looks again before it ends, or comes soon enough
	}
	_, err = tx.Exec(ctx, `UPDATE river.river_job SET state = 'available', queue = $2, priority = $3,
			scheduled_at = least(scheduled_at, now() + make_interval(secs => $4))
		WHERE id = $1 AND state IN ('available', 'scheduled', 'retryable')`, result.Job.ID, name, priority, after.Seconds())
	if err != nil {
		return err
	}
	return tellQueue(ctx, tx, name)
}

// tellQueue wakes the workers of a queue when the transaction commits. River does so itself, but not for a queue
// that the same process has told a moment ago, and then the work would wait for the next poll.
func tellQueue(ctx context.Context, tx pgx.Tx, name string) error {
	_, err := tx.Exec(ctx, `SELECT pg_notify($1, json_build_object('queue', $2::text)::text)`, migrations.RiverSchema+".river_insert", name)
	return err
}

// WakeLane asks for one more turn at the tenant's bulk, in the given lane, because an earlier lane found more
// than it could take at once.
func (h *Handle) WakeLane(ctx context.Context, lane int) error {
	return h.write(ctx, func(tx pgx.Tx) error {
		p, err := h.lockedPlacement(ctx, tx)
		if err != nil || p == nil || lane >= p.BulkLanes() {
			return err
		}
		job := queue.Drain{TenantID: h.id.UUID(), Lane: lane}
		name := queue.Ingest
		if p.Dedicated {
			name = queue.Dedicated(h.id.UUID())
		}
		result, err := h.store.jobs.InsertTx(ctx, tx, job, &river.InsertOpts{Queue: name})
		if err != nil || result.UniqueSkippedAsDuplicate {
			return err
		}
		return tellQueue(ctx, tx, name)
	})
}

// Reschedule comes after the turn's job was completed in the same transaction, which holds the lock on the
// job's row: whoever enqueues work either committed before, and is seen here, or waits and then finds no running
// job. It reports true when the turn has work that is due: the caller then rolls back and goes on. Work that
// must rest, or that is another turn's, gets its job. The transaction must be bound to no other tenant.
func (h *Handle) Reschedule(ctx context.Context, tx pgx.Tx, turn store.Turn) (again bool, err error) {
	if h.id.IsZero() {
		return false, errNoTenant
	}
	var p *store.Placement
	var due [2]*float64 // by class
	batch := &pgx.Batch{}
	batch.Queue(bindTenant, h.id.String())
	batch.Queue(lockPlacement, h.id.String())
	batch.Queue(selectPlacement, h.id.UUID()).Query(readPlacement(&p))
	batch.Queue(`SELECT extract(epoch FROM (SELECT min(run_at) FROM work_items WHERE tenant_id = $1 AND priority = 0 AND lane IS NULL) - now())::float8,
		extract(epoch FROM (SELECT min(run_at) FROM work_items WHERE tenant_id = $1 AND priority = 1 AND lane IS NULL) - now())::float8`, h.id.UUID()).
		QueryRow(func(row pgx.Row) error { return row.Scan(&due[store.Single], &due[store.Bulk]) })
	if err := tx.SendBatch(ctx, batch).Close(); err != nil || p == nil {
		return false, translate(err)
	}
	for _, class := range classesOf(*p, turn) {
		if seconds := due[class]; seconds != nil && *seconds <= 0 {
			return true, nil
		}
	}
	for class, seconds := range due {
		if seconds == nil {
			continue
		}
		after := max(0, time.Duration(*seconds*float64(time.Second)))
		if err := h.handOver(ctx, tx, turn, *p, store.Class(class), after); err != nil {
			return false, translate(err)
		}
	}
	return false, nil
}

// handOver sees to it that the class's job runs after a while. Another lane's row is touched only where its job
// waits for later: two turns that end at once must not wait for each other's rows.
func (h *Handle) handOver(ctx context.Context, tx pgx.Tx, turn store.Turn, p store.Placement, class store.Class, after time.Duration) error {
	job, _, _ := drainFor(p, h.id.UUID(), class)
	if job.Lane == turn.Lane {
		return h.wake(ctx, tx, p, class, after)
	}
	var served bool
	err := tx.QueryRow(ctx, `SELECT true FROM river.river_job WHERE kind = 'drain' AND args @> $1
			AND (state = 'running' OR (state IN ('available', 'scheduled', 'retryable')
				AND scheduled_at <= now() + make_interval(secs => $2))) LIMIT 1`, job, after.Seconds()).Scan(&served)
	if err == nil || !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	return h.wake(ctx, tx, p, class, after)
}

// MoveJobs puts a tenant's waiting jobs into the queues of its placement. It runs in the transaction that
// changes the placement, after LockPlacementExclusive.
func MoveJobs(ctx context.Context, tx pgx.Tx, id uuid.UUID, p store.Placement) error {
	_, err := tx.Exec(ctx, `UPDATE river.river_job SET queue = CASE
			WHEN $2 THEN $3 WHEN (args->>'lane')::int = $4 THEN $5 ELSE $6 END
		WHERE kind = 'drain' AND args @> jsonb_build_object('tenant_id', $1::text) AND state IN ('available', 'scheduled', 'retryable')`,
		id.String(), p.Dedicated, queue.Dedicated(id), queue.SingleLane, queue.Single, queue.Ingest)
	if err != nil {
		return err
	}
	for _, name := range []string{queue.Dedicated(id), queue.Single, queue.Ingest} {
		if err := tellQueue(ctx, tx, name); err != nil {
			return err
		}
	}
	return nil
}
