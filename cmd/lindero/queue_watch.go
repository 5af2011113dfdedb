package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"lindero/store/postgres"
)

// queueEvery is how often the queue is looked at.
const queueEvery = 10 * time.Second

var (
	oldestTurn = prometheus.NewDesc("lindero_queue_oldest_seconds",
		"How long the longest waiting turn has waited, by queue: single, ingest or dedicated.", []string{"queue"}, nil)
	unservedTenants = prometheus.NewDesc("lindero_queue_unserved_tenants",
		"Tenants with dedicated workers whose work waits while none of these workers runs.", nil, nil)
)

// queueWatch looks at the queue now and then, for metrics, the log and the readiness probe's warnings.
type queueWatch struct {
	store *postgres.Store
	log   *slog.Logger
	// tells is whether this process could tell Pinecone of vectors: whoever could is slow at worst.
	tells bool

	mu         sync.Mutex
	health     postgres.QueueHealth
	told       bool // that tenants are unserved
	toldUntold bool // that tenants' vectors wait for Pinecone
}

func newQueueWatch(store *postgres.Store, tells bool, log *slog.Logger) *queueWatch {
	return &queueWatch{store: store, tells: tells, log: log}
}

func (w *queueWatch) run(ctx context.Context) {
	tick := time.NewTicker(queueEvery)
	defer tick.Stop()
	for {
		w.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (w *queueWatch) look(ctx context.Context) {
	health, err := w.store.QueueHealth(ctx)
	if err != nil {
		if ctx.Err() == nil {
			w.log.Warn("the queue could not be looked at", "error", err)
		}
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tells {
		health.Untold = 0
	}
	w.health = health
	if some := health.Untold > 0; some != w.toldUntold {
		w.toldUntold = some
		if some {
			w.log.Warn("tenants on Pinecone wait for a process that has it configured; until then their searches are answered exactly from PostgreSQL. Set PINECONE_API_KEY, or move them with lindero tenant placement --vectors pgvector",
				"tenants", health.Untold)
		} else {
			w.log.Info("no tenant waits for Pinecone any more")
		}
	}
	if some := len(health.Unserved) > 0; some != w.told {
		w.told = some
		if some {
			w.log.Error("work waits for dedicated workers that do not run; start lindero worker --tenant, or give the tenants back with lindero tenant workers --shared",
				"tenants", health.Unserved)
		} else {
			w.log.Info("no work waits for dedicated workers any more")
		}
	}
}

// warnings name no tenant: anybody may read them.
func (w *queueWatch) warnings() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	if n := len(w.health.Unserved); n > 0 {
		all = append(all, fmt.Sprintf("dedicated_workers: the work of %d tenants waits for workers that do not run", n))
	}
	if n := w.health.Untold; n > 0 {
		all = append(all, fmt.Sprintf("pinecone: the vectors of %d tenants wait for a process that has Pinecone configured; searches answer from PostgreSQL", n))
	}
	return all
}

// Describe implements prometheus.Collector.
func (w *queueWatch) Describe(into chan<- *prometheus.Desc) {
	into <- oldestTurn
	into <- unservedTenants
}

// Collect implements prometheus.Collector.
func (w *queueWatch) Collect(into chan<- prometheus.Metric) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, waited := range w.health.Oldest {
		into <- prometheus.MustNewConstMetric(oldestTurn, prometheus.GaugeValue, waited.Seconds(), name)
	}
	into <- prometheus.MustNewConstMetric(unservedTenants, prometheus.GaugeValue, float64(len(w.health.Unserved)))
}

// unserved is the doctor's word on tenants whose dedicated workers are missing.
func unserved(tenants []uuid.UUID) string {
	names := make([]string, len(tenants))
	for i, id := range tenants {
		names[i] = id.String()
	}
	return "work waits for dedicated workers of " + strings.Join(names, ", ") + "; run lindero worker --tenant, or lindero tenant workers --shared"
}

// dedicatedTo resolves the tenants that the workers are started for. One that is not set to have dedicated
// workers has nothing in its queue yet: that is said, and is no error, so that workers can be started first.
func (s *server) dedicatedTo(ctx context.Context) ([]uuid.UUID, error) {
	var tenants []uuid.UUID
	for _, ref := range s.cfg.Tenants {
		id, err := s.store.TenantNamed(ctx, strings.TrimSpace(ref))
		if err != nil {
			return nil, err
		}
		tenants = append(tenants, id)
		s.cfg.Log.Info("working for one tenant alone, as far as lindero tenant workers --dedicated says so", "tenant", id, "named", ref)
	}
	return tenants, nil
}
