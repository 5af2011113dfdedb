package postgres

import (
	"context"
	"encoding/json"
	"math"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/store"
	"lindero/tenant"
)

const (
	// backlogFresh is how long a count of a tenant's queue is believed, and backlogShare what part of the time
	// counting may take at most: with very long queues it is believed for longer.
	backlogFresh = 250 * time.Millisecond
	backlogShare = 20
	// backlogKept is after how long without use a tenant's count is forgotten.
	backlogKept = 10 * time.Minute
	// minReset and maxReset bound what a refused caller is told to wait.
	minReset = time.Second
	maxReset = time.Minute
)

// backlogs are what this process knows of tenants' queues. Counting is not free and a counter's row would be
// hot, so a count is believed for a moment and what this process takes in meanwhile is added to it. Several
// processes can therefore go beyond a limit by what they take in within that moment.
type backlogs struct {
	mu sync.Mutex
	of map[uuid.UUID]*backlog
}

// get is the tenant's backlog; those that were not used for long are dropped now and then.
func (b *backlogs) get(id uuid.UUID) *backlog {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of == nil {
		b.of = map[uuid.UUID]*backlog{}
	}
	found := b.of[id]
	if found == nil {
		if len(b.of) >= 1000 {
			for key, old := range b.of {
				if old.idle() {
					delete(b.of, key)
				}
			}
		}
		found = &backlog{}
		b.of[id] = found
	}
	return found
}

// backlog is one tenant's queue as last counted, with what was added since.
type backlog struct {
	mu     sync.Mutex
	queue  store.Queue
	at     time.Time // of the count
	cost   time.Duration
	perSec float64 // documents worked off a second, lately
}

func (b *backlog) idle() bool {
	if !b.mu.TryLock() {
		return false
	}
	defer b.mu.Unlock()
	return time.Since(b.at) > backlogKept
}

// admit lets documents of the given sizes in, or refuses all of them with fault.RateLimited. undo takes back what
// was let in and then not enqueued.
func (h *Handle) admit(ctx context.Context, documents, bytes int64) (undo func(documents, bytes int64), err error) {
	b := h.store.backlogs.get(h.id.UUID())
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.refresh(ctx, h, backlogFresh); err != nil {
		return nil, err
	}
	if b.full(documents, bytes) { // refuse by a count as new as can be had
		if err := b.refresh(ctx, h, backlogFresh/10); err != nil {
			return nil, err
		}
		if b.full(documents, bytes) {
			return nil, b.refusal()
		}
	}
	b.add(documents, bytes)
	return func(documents, bytes int64) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.add(-documents, -bytes)
	}, nil
}

// Queue is how full the tenant's queue is, as of a moment ago.
func (h *Handle) Queue(ctx context.Context) (store.Queue, error) {
	b := h.store.backlogs.get(h.id.UUID())
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.refresh(ctx, h, backlogFresh)
	return b.queue, err
}

func (b *backlog) full(documents, bytes int64) bool {
	q := b.queue
	if q.Documents == 0 && documents == 1 {
		return false // or a large one would never get in
	}
	return q.Documents+documents > q.LimitDocuments || q.Bytes+bytes > q.LimitBytes
}

func (b *backlog) add(documents, bytes int64) {
	b.queue.Documents = max(0, b.queue.Documents+documents)
	b.queue.Bytes = max(0, b.queue.Bytes+bytes)
}

func (b *backlog) refusal() error {
	q := b.queue
	err := fault.New(fault.RateLimited, "the queue is full: %d of %d documents, %d of %d bytes wait to be indexed; try again in a while",
		q.Documents, q.LimitDocuments, q.Bytes, q.LimitBytes)
	// A tenth of the queue is worth coming back for.
	err.RetryAfter = min(max(q.Reset/10, minReset), maxReset)
	return err
}

// refresh counts anew unless the last count is newer than fresh.
func (b *backlog) refresh(ctx context.Context, h *Handle, fresh time.Duration) error {
	now := time.Now()
	if age := now.Sub(b.at); !b.at.IsZero() && age < max(fresh, backlogShare*b.cost) {
		return nil
	}
	var q store.Queue
	var plan tenant.Plan
	var set json.RawMessage
	err := h.read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`SELECT plan, limits FROM tenants WHERE id = $1`, h.id.UUID()).QueryRow(func(row pgx.Row) error {
			return missing(row.Scan(&plan, &set), "the tenant does not exist")
		})
		batch.Queue(`SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM work_items WHERE tenant_id = $1`, h.id.UUID()).
			QueryRow(func(row pgx.Row) error { return row.Scan(&q.Documents, &q.Bytes) })
	})
	if err != nil {
		return err
	}
	limits, err := tenant.LimitsOf(plan, set)
	if err != nil {
		return err
	}
	q.LimitDocuments, q.LimitBytes = limits.QueueDocuments, limits.QueueBytes
	b.measure(q, now)
	q.Reset = b.reset(q.Documents)
	b.queue, b.at, b.cost = q, now, time.Since(now)
	return nil
}

// measure learns from two counts how fast the queue is worked off. queue holds the last count and what was added.
func (b *backlog) measure(counted store.Queue, now time.Time) {
	seconds := now.Sub(b.at).Seconds()
	if b.at.IsZero() || b.queue.Documents == 0 || seconds <= 0 {
		return
	}
	const weight = 0.3 // of the newest figure, so that one batch's end does not decide
	rate := math.Max(0, float64(b.queue.Documents-counted.Documents)/seconds)
	if b.perSec == 0 {
		b.perSec = rate
	} else {
		b.perSec += weight * (rate - b.perSec)
	}
}

// reset is how long documents will take, as fast as it went lately.
func (b *backlog) reset(documents int64) time.Duration {
	switch {
	case documents == 0:
		return 0
	case b.perSec <= 0:
		return maxReset
	}
	return min(max(time.Duration(float64(documents)/b.perSec*float64(time.Second)), minReset), maxReset)
}
