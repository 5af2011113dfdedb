package postgres

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"lindero/fault"
)

// isolationInterval is how long a change that breaks isolation goes unnoticed at most.
const isolationInterval = time.Minute

// IsolationGuard checks wall 2 at start and then every minute. It is safe for concurrent use.
type IsolationGuard struct {
	store *Store
	log   *slog.Logger

	mu      sync.RWMutex
	report  IsolationReport
	verdict error
}

// NewIsolationGuard makes a guard that has verified nothing yet.
func NewIsolationGuard(s *Store, log *slog.Logger) *IsolationGuard {
	return &IsolationGuard{store: s, log: log, verdict: fault.New(fault.Unavailable, "tenants' isolation is not verified yet; try again in a moment")}
}

// Check looks now and returns the verdict. A database that cannot be asked changes no earlier verdict: nothing
// can leak from it meanwhile, and it is looked at again when it is back.
func (g *IsolationGuard) Check(ctx context.Context) error {
	report, err := g.store.CheckIsolation(ctx)
	if err != nil {
		return err
	}
	verdict := report.Err()
	g.mu.Lock()
	before := g.verdict
	g.report, g.verdict = report, verdict
	g.mu.Unlock()
	switch {
	case verdict != nil:
		g.log.Error("isolation is broken: no request is served", "error", verdict)
	case before != nil:
		g.log.Info("isolation verified", "role", report.Role, "postgresql", report.PostgreSQL, "pgvector", report.PgVector)
	}
	return verdict
}

// Run checks every minute until ctx is done.
func (g *IsolationGuard) Run(ctx context.Context) {
	tick := time.NewTicker(isolationInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := g.Check(ctx); err != nil && ctx.Err() == nil {
			g.log.Warn("isolation check", "error", err)
		}
	}
}

// Verified is nil when the last check found every rule kept, and else the fault to answer requests with.
func (g *IsolationGuard) Verified() error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.verdict
}

// Report is what the last check found.
func (g *IsolationGuard) Report() IsolationReport {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.report
}
