package jobs

import (
	"context"
	"time"

	"github.com/riverqueue/river"

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
		done, err = complete(ctx, w.jobs, job, turn.handle.RescheduleDeliveries)
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
