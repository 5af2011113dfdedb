package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"lindero/store/postgres"
	"lindero/store/queue"
)

const (
	// defaultWebhookTenants may be large, because receivers are waited for, not worked on: it takes as many tenants
	// with receivers that hang to delay another.
	defaultWebhookTenants = 32
	// webhookStorage is how many of them may use the database at once, so that a storm of deliveries leaves
	// connections to everything else.
	webhookStorage = 4
	// longWait is how long another tenant's deliveries wait before a turn ends for their sake. While there is room
	// for more tenants none waits as long.
	longWait = 2 * time.Second
	// longestDeliveries is how long a turn goes on beginning attempts. Those under way are waited for.
	longestDeliveries = time.Minute
)

type deliverWorker struct {
	river.WorkerDefaults[queue.Deliver]
	jobs    *Jobs
	storage chan struct{} // holds one token for each use of the database
}

func newDeliverWorker(j *Jobs) *deliverWorker {
	return &deliverWorker{jobs: j, storage: make(chan struct{}, webhookStorage)}
}

// Work is one turn of a tenant. Errors never use up the job's attempts: what may be given up is a delivery.
func (w *deliverWorker) Work(ctx context.Context, job *river.Job[queue.Deliver]) error {
	log := w.jobs.cfg.Log.With("tenant", job.Args.TenantID)
	turn := newDeliveryTurn(w, job, log)
	rest, err := turn.run(ctx)
	switch {
	case ctx.Err() != nil || rest:
		return river.JobSnooze(0)
	case err != nil:
		log.WarnContext(ctx, "a tenant's webhook deliveries were interrupted; trying again", "error", err)
		return river.JobSnooze(pause(err))
	}
	var done bool
	err = w.using(ctx, func() (err error) {
		done, err = w.complete(ctx, job, turn.handle)
		return err
	})
	switch {
	case err != nil && ctx.Err() == nil:
		log.WarnContext(ctx, "a tenant's webhook deliveries could not be completed; trying again", "error", err)
		return river.JobSnooze(outagePause)
	case done:
		return nil
	case turn.attempted == 0: // what is due and cannot be loaded must not keep a core busy
		return river.JobSnooze(outagePause)
	}
	return river.JobSnooze(0)
}

// using runs fn with the right to use the database.
func (w *deliverWorker) using(ctx context.Context, fn func() error) error {
	select {
	case w.storage <- struct{}{}:
		defer func() { <-w.storage }()
		return fn()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// complete ends the job unless there is something due again; see drainWorker.complete for why in this order. What
// must rest gets a job of its own in the future; whoever makes a delivery calls that back.
func (w *deliverWorker) complete(ctx context.Context, job *river.Job[queue.Deliver], h *postgres.Handle) (bool, error) {
	errDue := errors.New("there is something due")
	err := pgx.BeginFunc(ctx, w.jobs.cfg.Store.Pool(), func(tx pgx.Tx) error {
		if _, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job); err != nil {
			return err
		}
		due, err := h.NextDelivery(ctx, tx)
		switch {
		case err != nil || due == nil:
			return err
		case *due <= 0:
			return errDue
		}
		later, err := w.jobs.client.InsertTx(ctx, tx, job.Args, &river.InsertOpts{ScheduledAt: time.Now().Add(*due)})
		if err != nil {
			return err
		}
		// Available in the future rather than scheduled: needs nobody to move it on when the time has come.
		_, err = tx.Exec(ctx, `UPDATE river.river_job SET state = 'available' WHERE id = $1`, later.Job.ID)
		return err
	})
	if errors.Is(err, errDue) {
		return false, nil
	}
	return err == nil, err
}

// mustRest reports whether a turn that began then is over: the process stops, others have waited, or it has lasted
// very long.
func (w *deliverWorker) mustRest(ctx context.Context, job int64, began time.Time) bool {
	select {
	case <-w.jobs.stopping:
		return true
	default:
	}
	lasted := time.Since(began)
	if lasted < longWait {
		return false
	}
	var waiting bool
	err := w.using(ctx, func() error {
		return w.jobs.cfg.Store.Pool().QueryRow(ctx, `SELECT EXISTS (SELECT FROM river.river_job
			WHERE state = 'available' AND queue = $1 AND scheduled_at <= now() - make_interval(secs => $2) AND id <> $3)`,
			queue.Webhooks, longWait.Seconds(), job).Scan(&waiting)
	})
	return err != nil || waiting || lasted > longestDeliveries
}
