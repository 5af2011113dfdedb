package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"lindero/fault"
	"lindero/store/queue"
)

const (
	// fairTurn is how long a turn lasts while others wait, and singleTurn one at single documents.
	fairTurn   = 1500 * time.Millisecond
	singleTurn = 250 * time.Millisecond
	// maxTurn is how long it lasts at most, far below jobTimeout.
	maxTurn = time.Minute
	// outagePause is the wait after an error that concerns more than one document.
	outagePause = time.Second
)

type drainWorker struct {
	river.WorkerDefaults[queue.Drain]
	jobs *Jobs
}

// Work is one turn of a tenant. Errors never use up the job's attempts: what may be given up is a document,
// never the tenant's queue.
func (w *drainWorker) Work(ctx context.Context, job *river.Job[queue.Drain]) error {
	log := w.jobs.cfg.Log.With("tenant", job.Args.TenantID)
	turn := w.jobs.newTurn(job, log)
	defer turn.release(ctx)
	for {
		switch rest, err := turn.run(ctx); {
		case ctx.Err() != nil || rest:
			return river.JobSnooze(0)
		case err != nil:
			log.WarnContext(ctx, "a tenant's work was interrupted; trying again", "error", err)
			return river.JobSnooze(pause(err))
		}
		done, err := complete(ctx, w.jobs, job, func(ctx context.Context, tx pgx.Tx) (bool, error) {
			return turn.handle.Reschedule(ctx, tx, turn.id)
		})
		if err != nil {
			if ctx.Err() == nil {
				log.WarnContext(ctx, "a tenant's work could not be completed; trying again", "error", err)
			}
			return river.JobSnooze(outagePause)
		}
		if done {
			return nil
		}
		if !turn.progressed.Swap(false) { // items that are due and cannot be loaded must not keep a core busy
			return river.JobSnooze(outagePause)
		}
	}
}

func pause(err error) time.Duration {
	var known *fault.Error
	if errors.As(err, &known) && known.RetryAfter > outagePause {
		return known.RetryAfter
	}
	return outagePause
}

// complete ends a job of which there is one, unless there is work for it again: reschedule says so. The order
// matters: completing locks the job's row, so whoever enqueues work either committed before, and is seen, or waits
// and then finds no running job.
func complete[T river.JobArgs](ctx context.Context, j *Jobs, job *river.Job[T], reschedule func(context.Context, pgx.Tx) (again bool, err error)) (bool, error) {
	errWork := errors.New("there is work")
	err := pgx.BeginFunc(ctx, j.cfg.Store.Pool(), func(tx pgx.Tx) error {
		if _, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job); err != nil {
			return err
		}
		again, err := reschedule(ctx, tx)
		if err == nil && again {
			return errWork
		}
		return err
	})
	if errors.Is(err, errWork) {
		return false, nil
	}
	return err == nil, err
}

// betterWaits reports whether a job waits for the turn's workers that should have them now: another tenant's, or
// a more urgent one of the same. Further bulk lanes never push others out.
func (t *turn) betterWaits(ctx context.Context) (waiting bool, err error) {
	err = t.jobs.cfg.Store.Pool().QueryRow(ctx, `SELECT EXISTS (SELECT FROM river.river_job
		WHERE state = 'available' AND queue = $1 AND scheduled_at <= now() AND id <> $2
			AND (args->>'tenant_id' <> $3 AND priority <= $4 OR priority < $4))`,
		t.id.Queue, t.job, t.tenant, t.priority).Scan(&waiting)
	return waiting, err
}
