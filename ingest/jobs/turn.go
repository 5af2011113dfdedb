package jobs

import (
	"context"
	"log/slog"
	"sync"
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

const (
	// processingAfter is when documents under way are shown as processing; most batches are done before.
	processingAfter = time.Second
	// suspectShare is by how much a batch is smaller of documents that were in hand when a process died.
	suspectShare = 32
	// maxDeaths is after how many deaths of a process a document is set aside. It was one of many at the first,
	// one of some at the second and alone at the others, so that no innocent one comes so far.
	maxDeaths = 5
)

// turn is one run of a tenant's drain job. While a batch is being published, the next is prepared.
type turn struct {
	jobs     *Jobs
	handle   *postgres.Handle
	log      *slog.Logger
	owner    uuid.UUID
	tenant   string // the same, for logs
	id       store.Turn
	job      int64
	priority int
	began    time.Time
	// progressed is set by every batch.
	progressed atomic.Bool

	mu     sync.Mutex
	inHand map[*batch]struct{} // claimed and not finished
}

func (j *Jobs) newTurn(job *river.Job[queue.Drain], log *slog.Logger) *turn {
	return &turn{
		jobs: j, handle: j.handle(job.Args.TenantID), log: log, owner: job.Args.TenantID, tenant: job.Args.TenantID.String(),
		id:  store.Turn{Lane: job.Args.Lane, Queue: job.Queue, Worker: j.lease.worker},
		job: job.ID, priority: job.Priority, began: time.Now(), inHand: map[*batch]struct{}{},
	}
}

// batch is work with what became of it.
type batch struct {
	work     store.Work
	outcomes []ingest.Outcome
	err      error         // of loading
	finished chan struct{} // closed when it is published
	release  func()        // lets go of the memory it was given; nil: none
}

// end is called once, when the batch has been published or given up.
func (b *batch) end() {
	b.outcomes = nil
	if b.release != nil {
		b.release()
	}
	close(b.finished)
}

// suspect reports whether a process died with the batch's documents in hand.
func (b *batch) suspect() bool { return len(b.work.Items) > 0 && b.work.Items[0].Deaths > 0 }

// run works until nothing is due, or until it is time to rest: then it reports true.
func (t *turn) run(ctx context.Context) (rest bool, err error) {
	classes, err := t.handle.BeginTurn(ctx, t.id)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancel(ctx)
	batches := make(chan *batch)
	go t.prepareAll(ctx, classes, batches, &rest)
	for b := range batches {
		if err == nil {
			if err = b.err; err == nil {
				err = t.finish(ctx, b)
			}
			if err != nil {
				cancel() // the rest of the turn is not prepared any more
			} else {
				t.hold(b, false)
			}
		}
		b.end()
	}
	cancel()
	return rest, err
}

// prepareAll sends prepared batches until nothing is due, it is time to rest, or ctx ends. It writes rest
// before it closes the channel.
func (t *turn) prepareAll(ctx context.Context, classes []store.Class, batches chan<- *batch, rest *bool) {
	defer close(batches)
	for len(classes) > 0 && ctx.Err() == nil {
		if *rest = t.mustRest(ctx); *rest {
			return
		}
		started, beside := time.Now(), t.besideSearches()
		b := t.prepare(ctx, classes, beside)
		if b == nil {
			return
		}
		select {
		case batches <- b:
		case <-ctx.Done():
			b.end()
			return
		}
		if beside {
			<-b.finished // one thing at a time, and then a rest
			t.jobs.cfg.Neighbours.MakeWay(ctx, t.owner, time.Since(started))
		}
		if b.suspect() {
			<-b.finished // one thing at a time: the next batch is not to be in hand when this one kills the process
		}
		current, err := t.handle.TurnClasses(ctx, t.id)
		if err != nil || len(current) == 0 { // the batch that was sent reports the outage
			return
		}
		classes = current
	}
}

// besideSearches reports whether this is bulk while other tenants search.
func (t *turn) besideSearches() bool {
	return t.id.Queue != queue.Single && t.jobs.cfg.Neighbours.OthersSearch(t.owner)
}

// mustRest reports whether the turn is over: the process stops, others wait, or it has lasted very long.
func (t *turn) mustRest(ctx context.Context) bool {
	select {
	case <-t.jobs.stopping:
		return true
	default:
	}
	fair := fairTurn
	if t.id.Queue == queue.Single {
		fair = singleTurn
	}
	lasted := time.Since(t.began)
	if lasted < fair && t.id.Lane <= 0 { // a further lane makes way at once
		return false
	}
	waiting, err := t.betterWaits(ctx)
	return err != nil || waiting || lasted > maxTurn
}

// prepare claims, loads and prepares the next batch, a small one beside searches; nil when nothing is due.
func (t *turn) prepare(ctx context.Context, classes []store.Class, beside bool) *batch {
	if !beside {
		t.gather(ctx, classes)
	}
	b := &batch{finished: make(chan struct{})}
	limit := t.jobs.cfg.Batch
	if beside {
		limit.Items = min(limit.Items, besideItems)
	}
	limit.Suspects = max(1, limit.Items/suspectShare)
	b.work, b.err = t.handle.ClaimWork(ctx, t.id, classes, limit)
	if b.err != nil {
		return b
	}
	if len(b.work.Items) == 0 {
		return nil
	}
	t.hold(b, true)
	t.claimed(b.work.Items)
	t.progressed.Store(true)
	if b.work.Full && t.id.Lane >= 0 {
		t.wakeNext(ctx)
	}
	if b.work.Deleted {
		return b
	}
	if b.work.Items[0].Deaths >= maxDeaths {
		b.outcomes = failAll(b.work.Items, fault.New(fault.Crashed, "processing the document ended the worker %d times", maxDeaths))
		return b
	}
	var embedder embed.Embedder
	if profile := b.work.Collection.Embedding; profile.Provider != store.ProviderExternal {
		if embedder, b.err = t.jobs.cfg.Embedder(t.handle, profile); b.err != nil {
			b.outcomes, b.err = failAll(b.work.Items, b.err), nil
			return b
		}
	}
	if b.release, b.err = t.jobs.memory.acquire(ctx, b.work.Items); b.err != nil {
		return b
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

// claimed measures how long items waited in the queue.
func (t *turn) claimed(items []store.WorkItem) {
	histogram := queued.WithLabelValues(queue.Class(t.id.Queue))
	for _, item := range items {
		histogram.Observe(max(0, time.Since(item.Due).Seconds()))
	}
}

// wakeNext asks for one more lane where the tenant may have it: there is more than this turn can take at once.
func (t *turn) wakeNext(ctx context.Context) {
	if err := t.handle.WakeLane(ctx, t.id.Lane+1); err != nil && ctx.Err() == nil {
		t.log.WarnContext(ctx, "one more turn could not be asked for", "error", err)
	}
}

func failAll(items []store.WorkItem, err error) []ingest.Outcome {
	outcomes := make([]ingest.Outcome, len(items))
	for i := range outcomes {
		outcomes[i].Err = err
	}
	return outcomes
}

// hold notes that a batch is in hand, or no longer.
func (t *turn) hold(b *batch, held bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if held {
		t.inHand[b] = struct{}{}
	} else {
		delete(t.inHand, b)
	}
}

// releaseGrace bounds the giving back of claims when the turn was broken off.
const releaseGrace = 3 * time.Second

// release gives back what the turn did not finish. Where it fails, the next turn of the lane finds the claims.
func (t *turn) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseGrace)
	defer cancel()
	t.mu.Lock()
	defer t.mu.Unlock()
	for b := range t.inHand {
		if err := t.handle.ReleaseWork(ctx, t.id, b.work.Collection.ID, b.work.Items); err != nil {
			t.log.WarnContext(ctx, "claimed documents could not be given back; the next turn does it", "error", err)
			return
		}
	}
}
