package jobs

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"lindero/embed"
	"lindero/fault"
	"lindero/ingest"
	"lindero/store"
	"lindero/store/postgres"
	"lindero/store/queue"
)

// processingAfter is when documents under way are shown as processing; most batches are done before.
const processingAfter = 500 * time.Millisecond

// turn is one run of a tenant's drain job. While a batch is being published, the next is prepared.
type turn struct {
	jobs   *Jobs
	handle *postgres.Handle
	log    *slog.Logger
	tenant string
	job    int64
	began  time.Time
	// limit is the size of a batch. It is smaller the more often in a row the process died at this tenant's
	// work, down to single documents, and grows again with success.
	limit atomic.Int64
	// progressed is set by every batch.
	progressed atomic.Bool
}

// shrink is by which factor a batch is smaller after each death.
const shrink = 8

func (j *Jobs) newTurn(job *river.Job[queue.Drain], log *slog.Logger) *turn {
	t := &turn{
		jobs: j, handle: j.handle(job.Args.TenantID), log: log, tenant: job.Args.TenantID.String(), job: job.ID,
		began: time.Now(),
	}
	limit := j.cfg.Batch.Items
	for deaths := job.Attempt - 1; deaths > 0 && limit > 1; deaths-- {
		limit = max(1, limit/shrink)
	}
	t.limit.Store(int64(limit))
	return t
}

// batch is work with what became of it.
type batch struct {
	work     store.Work
	outcomes []ingest.Outcome
	err      error         // of loading
	finished chan struct{} // closed when it is published
}

// run works until nothing is due, or until it is time to rest: then it reports true.
func (t *turn) run(ctx context.Context) (rest bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	batches := make(chan *batch)
	go t.prepareAll(ctx, batches, &rest)
	for b := range batches {
		if err == nil {
			if err = b.err; err == nil {
				err = t.finish(ctx, b)
			}
			if err != nil {
				cancel() // the rest of the turn is not prepared any more
			}
		}
		close(b.finished)
	}
	cancel()
	return rest, err
}

// prepareAll sends prepared batches until nothing is due, it is time to rest, or ctx ends. It writes rest
// before it closes the channel.
func (t *turn) prepareAll(ctx context.Context, batches chan<- *batch, rest *bool) {
	defer close(batches)
	var before *batch
	for ctx.Err() == nil {
		if *rest = t.mustRest(ctx); *rest {
			return
		}
		var skip []uuid.UUID // of the batch that is being published meanwhile
		if before != nil {
			if t.careful() {
				<-before.finished // careful: one thing at a time
			}
			skip = keysOf(before.work.Items)
		}
		b := t.prepare(ctx, skip)
		if b == nil {
			return
		}
		select {
		case batches <- b:
		case <-ctx.Done():
			return
		}
		before = b
	}
}

// careful reports whether batches are small because the process died at earlier ones.
func (t *turn) careful() bool { return int(t.limit.Load()) < t.jobs.cfg.Batch.Items }

// succeeded lets batches grow again.
func (t *turn) succeeded() {
	if t.careful() {
		t.limit.Store(min(t.limit.Load()*shrink, int64(t.jobs.cfg.Batch.Items)))
	}
}

func keysOf(items []store.WorkItem) []uuid.UUID {
	keys := make([]uuid.UUID, len(items))
	for i, item := range items {
		keys[i] = item.Key
	}
	return keys
}

// mustRest reports whether the turn is over: the process stops, others wait, or it has lasted very long.
func (t *turn) mustRest(ctx context.Context) bool {
	select {
	case <-t.jobs.stopping:
		return true
	default:
	}
	lasted := time.Since(t.began)
	if lasted < fairTurn {
		return false
	}
	waiting, err := t.jobs.othersWait(ctx, t.job)
	return err != nil || waiting || lasted > maxTurn
}

// prepare loads and prepares the next batch; nil when nothing is due.
func (t *turn) prepare(ctx context.Context, skip []uuid.UUID) *batch {
	b := &batch{finished: make(chan struct{})}
	limit := int(t.limit.Load())
	b.work, b.err = t.handle.NextWork(ctx, store.WorkLimit{Items: limit, Bytes: t.jobs.cfg.Batch.Bytes}, skip)
	if b.err != nil {
		return b
	}
	if len(b.work.Items) == 0 {
		return nil
	}
	t.progressed.Store(true)
	if b.work.Deleted {
		return b
	}
	if limit == 1 {
		if b.outcomes, b.err = t.countFirst(ctx, b.work); b.err != nil || b.outcomes != nil {
			return b
		}
	}
	var embedder embed.Embedder
	if profile := b.work.Collection.Embedding; profile.Provider != store.ProviderExternal {
		if embedder, b.err = t.jobs.cfg.Embedder(t.handle, profile); b.err != nil {
			b.outcomes, b.err = failAll(b.work.Items, b.err), nil
			return b
		}
	}
	mark := time.AfterFunc(processingAfter, func() {
		if err := t.handle.MarkProcessing(ctx, b.work.Collection.ID, b.work.Items); err != nil && ctx.Err() == nil {
			t.log.WarnContext(ctx, "documents could not be marked as processing", "error", err)
		}
	})
	defer mark.Stop()
	b.outcomes = t.jobs.cfg.Pipeline.Prepare(ctx, b.work.Collection, embedder, b.work.Items)
	return b
}

func failAll(items []store.WorkItem, err error) []ingest.Outcome {
	outcomes := make([]ingest.Outcome, len(items))
	for i := range outcomes {
		outcomes[i].Err = err
	}
	return outcomes
}

// countFirst counts the try of a single document before it begins: one that kills the process leaves a trace,
// and is set aside in the end by the outcome returned.
func (t *turn) countFirst(ctx context.Context, work store.Work) ([]ingest.Outcome, error) {
	if work.Items[0].Attempts >= maxTries {
		return failAll(work.Items, fault.New(fault.Internal, "processing the document stopped the worker repeatedly")), nil
	}
	return nil, t.handle.RetryWork(ctx, work.Collection.ID, work.Items, 0)
}
