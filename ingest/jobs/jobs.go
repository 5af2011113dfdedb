// Package jobs works the queue off: it drains tenants' documents through the ingest pipeline, tells their webhooks,
// merges lexical segments and removes what was deleted. Any number of processes may run it on one database; what a killed one
// was doing is taken up by another, or by itself when it is back, within seconds.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"lindero/embed"
	"lindero/ingest"
	"lindero/migrations"
	"lindero/store"
	"lindero/store/postgres"
	"lindero/store/queue"
	"lindero/tenant"
	"lindero/webhook"
)

// Config is what Jobs need. All fields without a default are required.
type Config struct {
	Store    *postgres.Store
	Pipeline *ingest.Pipeline
	Log      *slog.Logger
	// Embedder makes the embedder of a profile for one tenant. It is not asked for external profiles.
	Embedder func(h *postgres.Handle, profile store.Profile) (embed.Embedder, error)
	// MergeSegments merges the lexical segments of a tenant's collection and says when to come back; zero: not again.
	MergeSegments func(ctx context.Context, h *postgres.Handle, collection uuid.UUID) (again time.Duration, err error)
	// WatchRecall measures the recall of a collection of tenant id and says when to come back; zero: not again. Nil:
	// recall is not watched.
	WatchRecall func(ctx context.Context, h *postgres.Handle, id tenant.ID, collection uuid.UUID) (again time.Duration, err error)
	// Webhooks sends webhook deliveries; nil: to public addresses only.
	Webhooks *webhook.Sender
	// WebhookTenants is how many tenants are delivered to at once; 0 means 32.
	WebhookTenants int
	// PurgeTenant removes everything of a tenant that is being deleted. It is repeated until it succeeds.
	PurgeTenant func(ctx context.Context, id tenant.ID, h *postgres.Handle) error
	// SyncVectors brings the index outside the database up to date with a tenant's record, until the time is up;
	// settled says that nothing is left. Nil leaves this work to processes that have such an index.
	SyncVectors func(ctx context.Context, id tenant.ID, h *postgres.Handle, until time.Time) (settled bool, err error)
	// Workers is how many turns at bulk, and how many at single documents, this process takes at once; 0 means two.
	Workers int
	// Tenants are those whose dedicated workers these are: nothing else is done. Empty: the shared pool, which
	// leaves tenants with dedicated workers alone.
	Tenants []uuid.UUID
	// Neighbours are the tenants whose searches bulk makes way for; nil: it does not.
	Neighbours ingest.Neighbours
	// Batch bounds one publication; zero means 2,048 documents, 256 where they go into an index, and 16 MiB.
	Batch store.WorkLimit
}

const (
	defaultWorkers     = 2
	maintenanceWorkers = 2
	vectorWorkers      = 4 // they mostly wait for the network
	// jobTimeout is far above a turn of the drain (maxTurn): only a hang reaches it.
	jobTimeout = 15 * time.Minute
	// purgeTimeout is how long one try of removing a tenant or a collection may take.
	purgeTimeout = time.Hour
	// placeTimeout is how long one try of moving a collection may take.
	placeTimeout = 6 * time.Hour
	// maintenanceSweep is how often collections are looked for that should be placed or merged.
	maintenanceSweep = 5 * time.Minute
	// leaderPause is the wait while another process moves a collection.
	leaderPause = 5 * time.Second
	// keepCompleted bounds the queue's table; finished jobs say nothing that metrics do not.
	keepCompleted = time.Hour
)

// besideItems is how many documents a batch of bulk has at most while other tenants search: they wait for it to be over.
const besideItems = 256

// defaultBatch is large, because the larger a lexical segment the less it costs, and small enough for a turn
// to last a fraction of a second; into an index of vectors that takes fewer.
var defaultBatch = store.WorkLimit{Items: 2048, Bytes: 16 << 20, Indexed: 256}

// Jobs runs the workers of one process. Make it with New; Start and Stop it once.
type Jobs struct {
	cfg      Config
	client   *river.Client[pgx.Tx]
	lease    *lease
	memory   *memory
	stopping chan struct{}
	stopOnce sync.Once
}

// New prepares the workers; nothing runs before Start.
func New(cfg Config) (*Jobs, error) {
	if cfg.Store == nil || cfg.Pipeline == nil || cfg.Log == nil || cfg.Embedder == nil || cfg.MergeSegments == nil || cfg.PurgeTenant == nil {
		return nil, errors.New("jobs: Store, Pipeline, Log, Embedder, MergeSegments and PurgeTenant are required")
	}
	if cfg.Workers <= 0 {
		cfg.Workers = defaultWorkers
	}
	if cfg.Batch.Items <= 0 {
		cfg.Batch.Items = defaultBatch.Items
	}
	if cfg.Batch.Indexed <= 0 {
		cfg.Batch.Indexed = defaultBatch.Indexed
	}
	if cfg.Batch.Bytes <= 0 {
		cfg.Batch.Bytes = defaultBatch.Bytes
	}
	if cfg.Neighbours == nil {
		cfg.Neighbours = ingest.Alone{}
	}
	if cfg.WebhookTenants <= 0 {
		cfg.WebhookTenants = defaultWebhookTenants
	}
	if cfg.Webhooks == nil {
		cfg.Webhooks = webhook.NewSender(webhook.Config{})
	}
	j := &Jobs{cfg: cfg, memory: newMemory(), stopping: make(chan struct{})}
	j.lease = newLease(cfg.Store.Pool(), cfg.Log, cfg.Tenants)
	client, err := river.NewClient(riverpgxv5.New(cfg.Store.Pool()), j.riverConfig())
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	j.client = client
	return j, nil
}

func (j *Jobs) riverConfig() *river.Config {
	workers := river.NewWorkers()
	river.AddWorker(workers, &drainWorker{jobs: j})
	river.AddWorker(workers, &mergeWorker{jobs: j})
	river.AddWorker(workers, &purgeCollectionWorker{jobs: j})
	river.AddWorker(workers, &purgeTenantWorker{jobs: j})
	river.AddWorker(workers, &placeWorker{jobs: j})
	river.AddWorker(workers, &sweepWorker{jobs: j})
	river.AddWorker(workers, &sweepMergesWorker{jobs: j})
	if j.cfg.WatchRecall != nil {
		river.AddWorker(workers, &recallWorker{jobs: j})
	}
	river.AddWorker(workers, &closeWorker{jobs: j})
	river.AddWorker(workers, newDeliverWorker(j))
	river.AddWorker(workers, &syncWorker{jobs: j})
	river.AddWorker(workers, &forgetWorker{jobs: j})
	return &river.Config{
		ID:                          j.lease.id,
		Schema:                      migrations.RiverSchema,
		Logger:                      slog.New(quiet{j.cfg.Log.Handler()}),
		Queues:                      j.queues(),
		Workers:                     workers,
		Middleware:                  []rivertype.Middleware{j.lease},
		FetchCooldown:               j.fetchCooldown(),
		FetchPollInterval:           500 * time.Millisecond,
		JobTimeout:                  jobTimeout,
		RescueStuckJobsAfter:        jobTimeout + 5*time.Minute,
		CompletedJobRetentionPeriod: keepCompleted,
		RetryPolicy:                 retryPolicy{},
		PeriodicJobs:                sweeps(),
		// REINDEX needs the owner of the tables, which the server's role is not.
		ReindexerIndexNames: []string{},
	}
}

// queues are what this process works off, each with workers of its own.
func (j *Jobs) queues() map[string]river.QueueConfig {
	if len(j.cfg.Tenants) > 0 {
		queues := map[string]river.QueueConfig{}
		for _, tenant := range j.cfg.Tenants {
			queues[queue.Dedicated(tenant)] = river.QueueConfig{MaxWorkers: j.cfg.Workers}
		}
		return queues
	}
	queues := map[string]river.QueueConfig{
		queue.Single:      {MaxWorkers: j.cfg.Workers},
		queue.Ingest:      {MaxWorkers: j.cfg.Workers},
		queue.Maintenance: {MaxWorkers: maintenanceWorkers},
		queue.Merges:      {MaxWorkers: 1}, // a merge takes a processor: one collection at a time, each in its turn
		queue.Webhooks:    {MaxWorkers: j.cfg.WebhookTenants},
		queue.Placement:   {MaxWorkers: 1}, // LeadPlacement lets one at a time through anyway
	}
	if j.cfg.WatchRecall != nil {
		queues[queue.Recall] = river.QueueConfig{MaxWorkers: 1} // it is a background figure: one collection at a time
	}
	if j.cfg.SyncVectors != nil {
		queues[queue.Vectors] = river.QueueConfig{MaxWorkers: vectorWorkers}
	}
	return queues
}

// fetchCooldown is the least time between two looks at a queue. Few ask dedicated workers, who are to be quick.
func (j *Jobs) fetchCooldown() time.Duration {
	if len(j.cfg.Tenants) > 0 {
		return 5 * time.Millisecond
	}
	return 20 * time.Millisecond
}

// Start begins to work. Cancelling ctx does not stop it; Stop does.
func (j *Jobs) Start(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	if err := j.lease.start(ctx); err != nil {
		return fmt.Errorf("start the workers: %w", err)
	}
	if err := j.client.Start(ctx); err != nil {
		j.lease.stop()
		return fmt.Errorf("start the workers: %w", err)
	}
	return nil
}

// Stop finishes the batches under way and hands unfinished jobs back to the queue. When ctx ends first, the
// batches are broken off; they will be done again.
func (j *Jobs) Stop(ctx context.Context) error {
	j.stopOnce.Do(func() { close(j.stopping) })
	defer j.lease.stop()
	if err := j.client.Stop(ctx); err == nil {
		return nil
	}
	// Handing back needs the database for a moment longer.
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := j.client.StopAndCancel(grace); err != nil {
		return fmt.Errorf("stop the workers: %w", err)
	}
	return nil
}

// retryPolicy backs off from one second to queue.MaxBackoff.
type retryPolicy struct{}

// NextRetry implements river.ClientRetryPolicy.
func (retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(backoff(len(job.Errors)))
}

// backoff is the wait after the given number of failures.
func backoff(failures int) time.Duration {
	return min(time.Second<<min(failures, 10), queue.MaxBackoff)
}
