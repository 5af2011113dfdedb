package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/store/queue"
)

// LockServed says, for as long as the session lasts, that workers dedicated to the tenant ($1) are there. Any
// number of processes may hold it. The seed keeps the lock apart from others of the database.
const LockServed = `SELECT pg_advisory_lock_shared(hashtextextended($1::text, 5246004))`

// lockUnserved succeeds when nobody holds LockServed.
const lockUnserved = `SELECT pg_try_advisory_xact_lock(hashtextextended($1::text, 5246004))`

// unservedAfter is how long work of a tenant with dedicated workers waits before their absence is reported: a
// restart takes less.
const unservedAfter = 5 * time.Second

// QueueHealth is what waits to be worked on, of all tenants. It holds ids and times, nothing of what is in the
// documents.
type QueueHealth struct {
	// Oldest is how long the longest waiting turn has waited, by class of queue: single, ingest, dedicated.
	Oldest map[string]time.Duration
	// Unserved are tenants with dedicated workers whose work waits while none of these workers runs. It stays in
	// the queue until one does, or until the tenant is given back to the shared pool.
	Unserved []uuid.UUID
	// Untold is how many tenants have waited for long to be told to the vector index outside the database, or to
	// leave it. Where such an index is configured, few ever do.
	Untold int
}

// QueueHealth looks at what waits in the queue.
func (s *Store) QueueHealth(ctx context.Context) (QueueHealth, error) {
	health := QueueHealth{Oldest: map[string]time.Duration{queue.Single: 0, queue.Ingest: 0, queue.ClassDedicated: 0}}
	rows, err := s.pool.Query(ctx, `SELECT queue, extract(epoch FROM now() - min(scheduled_at))::float8 FROM river.river_job
		WHERE state = 'available' AND kind = 'drain' AND scheduled_at <= now() GROUP BY queue`)
	if err != nil {
		return health, translate(err)
	}
	type waiting struct {
		Queue   string
		Seconds float64
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[waiting])
	if err != nil {
		return health, translate(err)
	}
	for _, w := range found {
		waited := time.Duration(w.Seconds * float64(time.Second))
		class := queue.Class(w.Queue)
		health.Oldest[class] = max(health.Oldest[class], waited)
		tenant, dedicated := queue.TenantOf(w.Queue)
		if !dedicated || waited < unservedAfter {
			continue
		}
		var unserved bool
		if err := s.pool.QueryRow(ctx, lockUnserved, tenant.String()).Scan(&unserved); err != nil {
			return health, translate(err)
		}
		if unserved {
			health.Unserved = append(health.Unserved, tenant)
		}
	}
	err = s.pool.QueryRow(ctx, `SELECT count(*) FROM river.river_job WHERE state = 'available' AND kind = 'sync_vectors'
		AND scheduled_at <= now() - make_interval(secs => $1)`, unservedAfter.Seconds()).Scan(&health.Untold)
	return health, translate(err)
}

// TenantNamed is the id of the tenant that an operator means by an id or a slug, for workers to be dedicated to
// it. It gives access to nothing.
func (s *Store) TenantNamed(ctx context.Context, ref string) (uuid.UUID, error) {
	var id *uuid.UUID
	if err := s.pool.QueryRow(ctx, `SELECT lookup_tenant($1)`, ref).Scan(&id); err != nil {
		return uuid.Nil, translate(err)
	}
	if id == nil {
		return uuid.Nil, fault.New(fault.NotFound, "tenant %q does not exist", ref)
	}
	return *id, nil
}
