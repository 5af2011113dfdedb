package auth

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"lindero/tenant"
)

const (
	// useEvery is how exactly a key's last use is known: a key is written at most once in this time, however many
	// requests it makes.
	useEvery = time.Minute
	// useGather is how long uses are gathered before they are written together.
	useGather = 2 * time.Second
)

// UsesWriter writes when keys of one tenant were last used, by their ids.
type UsesWriter func(ctx context.Context, id tenant.ID, uses map[string]time.Time) error

// Uses notes when keys are used and has it written in the background, so that no request waits for it. It is safe
// for concurrent use.
type Uses struct {
	write UsesWriter
	log   *slog.Logger
	wake  chan struct{} // holds one signal: something is pending

	mu      sync.Mutex
	pending map[tenant.ID]map[string]time.Time
	noted   map[string]time.Time // keys noted in the last useEvery
}

// NewUses makes a Uses. Nothing is written before Run or Flush.
func NewUses(write UsesWriter, log *slog.Logger) *Uses {
	return &Uses{
		write: write, log: log, wake: make(chan struct{}, 1),
		pending: map[tenant.ID]map[string]time.Time{}, noted: map[string]time.Time{},
	}
}

// note remembers a use. One within useEvery of the last noted is not worth a write.
func (u *Uses) note(p Principal, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if last, ok := u.noted[p.KeyID]; ok && at.Sub(last) < useEvery {
		return
	}
	u.noted[p.KeyID] = at
	if u.pending[p.Tenant] == nil {
		u.pending[p.Tenant] = map[string]time.Time{}
	}
	u.pending[p.Tenant][p.KeyID] = at
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// Run writes what is noted until ctx is done. What is noted last is left to Flush.
func (u *Uses) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-u.wake:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(useGather):
		}
		u.Flush(ctx)
	}
}

// Flush writes what is pending now. What cannot be written is forgotten, and the key's next use noted again.
func (u *Uses) Flush(ctx context.Context) {
	for id, uses := range u.take() {
		if err := u.write(ctx, id, uses); err != nil {
			u.log.WarnContext(ctx, "the last uses of keys were not written", "tenant", id, "keys", len(uses), "error", err)
			u.forget(uses)
		}
	}
}

// take empties what is pending, and drops what is noted no longer than it counts.
func (u *Uses) take() map[tenant.ID]map[string]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := u.pending
	u.pending = map[tenant.ID]map[string]time.Time{}
	var newest time.Time
	for _, at := range u.noted {
		if at.After(newest) {
			newest = at
		}
	}
	for key, at := range u.noted {
		if newest.Sub(at) >= useEvery {
			delete(u.noted, key)
		}
	}
	return taken
}

func (u *Uses) forget(uses map[string]time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for key := range uses {
		delete(u.noted, key)
	}
}
