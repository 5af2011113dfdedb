package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"lindero/store/postgres"
	"lindero/store/queue"
	"lindero/tenant/systemtenant"
)

// handle is the storage of the tenant that a job of ours names: every job was enqueued for its tenant by
// Lindero itself, in a transaction bound to that tenant or by an operator.
func (j *Jobs) handle(tenant uuid.UUID) *postgres.Handle {
	return j.cfg.Store.ForTenant(systemtenant.FromQueue(tenant))
}

type mergeWorker struct {
	river.WorkerDefaults[queue.MergeSegments]
	jobs *Jobs
}

// Work merges a collection's lexical segments, one turn at a time, and comes back while documents are coming in. A merge
// that was asked for meanwhile is not lost: the job ends in a transaction that looks once more.
func (w *mergeWorker) Work(ctx context.Context, job *river.Job[queue.MergeSegments]) error {
	handle, collection := w.jobs.handle(job.Args.TenantID), job.Args.CollectionID
	for {
		again, err := w.jobs.cfg.MergeSegments(ctx, handle, collection)
		if err != nil {
			return err
		}
		if again > 0 {
			return river.JobSnooze(again)
		}
		done, err := complete(ctx, w.jobs, job, func(ctx context.Context, tx pgx.Tx) (bool, error) {
			return handle.MergeDue(ctx, tx, collection)
		})
		if err != nil || done {
			return err
		}
	}
}

type sweepMergesWorker struct {
	river.WorkerDefaults[queue.SweepMerges]
	jobs *Jobs
}

// Work asks for a look at the collections whose segments no write has brought up.
func (w *sweepMergesWorker) Work(ctx context.Context, _ *river.Job[queue.SweepMerges]) error {
	_, err := w.jobs.cfg.Store.SweepMerges(ctx)
	return err
}

type purgeCollectionWorker struct {
	river.WorkerDefaults[queue.PurgeCollection]
	jobs *Jobs
}

// Timeout is generous: a large collection goes in many small transactions.
func (w *purgeCollectionWorker) Timeout(*river.Job[queue.PurgeCollection]) time.Duration {
	return purgeTimeout
}

// Work removes the rows of a deleted collection.
func (w *purgeCollectionWorker) Work(ctx context.Context, job *river.Job[queue.PurgeCollection]) error {
	return w.jobs.handle(job.Args.TenantID).PurgeCollection(ctx, job.Args.CollectionID)
}

type placeWorker struct {
	river.WorkerDefaults[queue.PlaceCollection]
	jobs *Jobs
}

// Timeout is generous: the index of a large collection is built in one step.
func (w *placeWorker) Timeout(*river.Job[queue.PlaceCollection]) time.Duration { return placeTimeout }

// Work moves a collection to where its size wants it, or comes back when it must wait: for another process that is
// moving one, for documents being indexed, for a free slot.
func (w *placeWorker) Work(ctx context.Context, job *river.Job[queue.PlaceCollection]) error {
	var again time.Duration
	led, err := w.jobs.cfg.Store.LeadPlacement(ctx, func() (err error) {
		again, err = w.jobs.handle(job.Args.TenantID).PlaceCollection(ctx, job.Args.CollectionID)
		return err
	})
	switch {
	case err != nil:
		return err
	case !led:
		return river.JobSnooze(leaderPause)
	case again > 0:
		return river.JobSnooze(again)
	}
	if w.jobs.cfg.WatchRecall == nil {
		return nil
	}
	return w.jobs.measureSoon(ctx, queue.MeasureRecall{TenantID: job.Args.TenantID, CollectionID: job.Args.CollectionID})
}

// measureSoon has a collection's recall measured: where it lies now may have an approximate index that nobody has measured.
// The job finds out. One that waits for its next turn is called; one that is running notices when the index has changed.
func (j *Jobs) measureSoon(ctx context.Context, job queue.MeasureRecall) error {
	inserted, err := j.client.Insert(ctx, job, nil)
	if err != nil || !inserted.UniqueSkippedAsDuplicate {
		return err
	}
	_, err = j.client.JobRetry(ctx, inserted.Job.ID)
	if errors.Is(err, river.ErrNotFound) {
		return nil
	}
	return err
}

type sweepWorker struct {
	river.WorkerDefaults[queue.SweepPlacements]
	jobs *Jobs
}

// Work asks for a look at the collections that no write has brought up.
func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[queue.SweepPlacements]) error {
	_, err := w.jobs.cfg.Store.SweepPlacements(ctx)
	return err
}

// sweeps are done by whichever process leads the queue, when it begins to and then now and then.
func sweeps() []*river.PeriodicJob {
	periodic := func(sweep river.JobArgs) *river.PeriodicJob {
		return river.NewPeriodicJob(river.PeriodicInterval(maintenanceSweep),
			func() (river.JobArgs, *river.InsertOpts) { return sweep, nil }, &river.PeriodicJobOpts{RunOnStart: true})
	}
	return []*river.PeriodicJob{periodic(queue.SweepPlacements{}), periodic(queue.SweepMerges{})}
}

type recallWorker struct {
	river.WorkerDefaults[queue.MeasureRecall]
	jobs *Jobs
}

// Work measures a collection's recall and comes back as long as there is something to measure.
func (w *recallWorker) Work(ctx context.Context, job *river.Job[queue.MeasureRecall]) error {
	id := systemtenant.FromQueue(job.Args.TenantID)
	again, err := w.jobs.cfg.WatchRecall(ctx, w.jobs.cfg.Store.ForTenant(id), id, job.Args.CollectionID)
	if err == nil && again > 0 {
		return river.JobSnooze(again)
	}
	return err
}

type purgeTenantWorker struct {
	river.WorkerDefaults[queue.PurgeTenant]
	jobs *Jobs
}

// Timeout is generous: a large tenant goes in many small transactions.
func (w *purgeTenantWorker) Timeout(*river.Job[queue.PurgeTenant]) time.Duration { return purgeTimeout }

// Work removes everything of a deleted tenant, once nobody is telling the vector index of it any more: a write on
// its way would make a namespace anew that was just deleted.
func (w *purgeTenantWorker) Work(ctx context.Context, job *river.Job[queue.PurgeTenant]) error {
	syncing, err := w.jobs.isSyncing(ctx, job.Args.TenantID)
	if err != nil {
		return err
	}
	if syncing {
		return river.JobSnooze(outagePause)
	}
	return w.jobs.cfg.PurgeTenant(ctx, systemtenant.FromQueue(job.Args.TenantID), w.jobs.handle(job.Args.TenantID))
}

type closeWorker struct {
	river.WorkerDefaults[queue.CloseOperation]
	jobs *Jobs
}

// Work closes an operation whose request died, or comes back later while it is alive.
func (w *closeWorker) Work(ctx context.Context, job *river.Job[queue.CloseOperation]) error {
	again, err := w.jobs.handle(job.Args.TenantID).CloseAbandoned(ctx, job.Args.OperationID)
	if err == nil && again > 0 {
		return river.JobSnooze(again)
	}
	return err
}
