package jobs

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"lindero/store/postgres"
	"lindero/store/queue"
	"lindero/tenant/systemtenant"
)

const (
	// syncTurn is how long one tenant's vectors are told of before others get their turn.
	syncTurn = 5 * time.Second
	// forgetAfter is when the entries of a settled outbox can go.
	forgetAfter = postgres.KeepVisible + 10*time.Second
)

type syncWorker struct {
	river.WorkerDefaults[queue.SyncVectors]
	jobs *Jobs
}

// Work is one turn of a tenant. Errors never use up the job's attempts: the index may be away for long, and the
// outbox keeps what it must be told.
func (w *syncWorker) Work(ctx context.Context, job *river.Job[queue.SyncVectors]) error {
	log := w.jobs.cfg.Log.With("tenant", job.Args.TenantID)
	h := w.jobs.handle(job.Args.TenantID)
	settled, err := w.jobs.cfg.SyncVectors(ctx, systemtenant.FromQueue(job.Args.TenantID), h, time.Now().Add(syncTurn))
	if err != nil {
		if ctx.Err() == nil {
			log.WarnContext(ctx, "the vector index could not be brought up to date; trying again", "error", err)
		}
		return river.JobSnooze(outagePause)
	}
	if settled {
		settled, err = complete(ctx, w.jobs, job, func(ctx context.Context, tx pgx.Tx) (bool, error) {
			return w.reschedule(ctx, tx, h, job.Args.TenantID)
		})
	}
	if err != nil {
		log.WarnContext(ctx, "the vector index's work could not be completed; trying again", "error", err)
		return river.JobSnooze(outagePause)
	}
	if !settled {
		return river.JobSnooze(0)
	}
	return nil
}

// reschedule reports whether there is work again, and if not has the settled entries forgotten in a while.
func (w *syncWorker) reschedule(ctx context.Context, tx pgx.Tx, h *postgres.Handle, tenant uuid.UUID) (again bool, err error) {
	if again, err = h.VectorsUnsettled(ctx, tx); err != nil || again {
		return again, err
	}
	_, err = w.jobs.client.InsertTx(ctx, tx, queue.ForgetVectors{TenantID: tenant}, &river.InsertOpts{ScheduledAt: time.Now().Add(forgetAfter)})
	return false, err
}

type forgetWorker struct {
	river.WorkerDefaults[queue.ForgetVectors]
	jobs *Jobs
}

// Work removes what is settled, and comes back for what was settled too lately.
func (w *forgetWorker) Work(ctx context.Context, job *river.Job[queue.ForgetVectors]) error {
	left, err := w.jobs.handle(job.Args.TenantID).ForgetVisible(ctx)
	if err == nil && left > 0 {
		return river.JobSnooze(forgetAfter)
	}
	return err
}

// isSyncing reports whether some process is telling the vector index of the tenant's vectors now.
func (j *Jobs) isSyncing(ctx context.Context, tenant uuid.UUID) (running bool, err error) {
	err = j.cfg.Store.Pool().QueryRow(ctx, `SELECT EXISTS (SELECT FROM river.river_job
		WHERE kind = 'sync_vectors' AND state = 'running' AND args->>'tenant_id' = $1)`, tenant.String()).Scan(&running)
	return running, err
}
