package postgres

import (
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/store"
	"lindero/store/queue"
	"lindero/tenant"
)

// selectPlacement reads what placementOf needs; readClasses and readPlacement take its rows.
const selectPlacement = `SELECT plan, limits, features FROM tenants WHERE id = $1`

// lockPlacement keeps a tenant's placement ($1) as it is until the commit: whoever enqueues by it holds it
// shared, whoever changes it moves the waiting jobs under LockPlacementExclusive. A job could else end up in a
// queue that nobody serves any more. It must come before the placement is read. The seed keeps the lock apart
// from others of the database.
const lockPlacement = `SELECT pg_advisory_xact_lock_shared(hashtextextended($1::text, 5246003))`

// LockPlacementExclusive is lockPlacement for whoever changes the placement ($1 is the tenant's id).
const LockPlacementExclusive = `SELECT pg_advisory_xact_lock(hashtextextended($1::text, 5246003))`

// PlacementOf is how a tenant's work is placed, from the columns of its row.
func PlacementOf(plan tenant.Plan, limits, features json.RawMessage) (store.Placement, error) {
	bounds, err := tenant.LimitsOf(plan, limits)
	if err != nil {
		return store.Placement{}, err
	}
	dedicated, err := tenant.DedicatedWorkers(features)
	if err != nil {
		return store.Placement{}, fault.Wrap(err, fault.Internal, "the tenant's features cannot be read")
	}
	return store.Placement{Turns: max(1, bounds.IngestConcurrency), Dedicated: dedicated}, nil
}

// readPlacement takes the rows of selectPlacement: one, or none when the tenant has just been purged.
func readPlacement(into **store.Placement) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		defer rows.Close()
		for rows.Next() {
			var plan tenant.Plan
			var limits, features json.RawMessage
			if err := rows.Scan(&plan, &limits, &features); err != nil {
				return err
			}
			p, err := PlacementOf(plan, limits, features)
			if err != nil {
				return err
			}
			*into = &p
		}
		return rows.Err()
	}
}

func readClasses(turn store.Turn, into *[]store.Class) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var p *store.Placement
		if err := readPlacement(&p)(rows); err != nil || p == nil {
			return err
		}
		*into = classesOf(*p, turn)
		return nil
	}
}

// classesOf are the classes that a turn may take. A turn in another's queue, or in a lane beyond the limit, may
// take nothing: it only hands over. Where a tenant may have a single turn, that one takes both classes, but none
// but singles as long as it runs on the workers kept for these.
func classesOf(p store.Placement, turn store.Turn) []store.Class {
	if p.Dedicated != (queue.Class(turn.Queue) == queue.ClassDedicated) || turn.Lane >= p.BulkLanes() {
		return nil
	}
	switch {
	case turn.Lane == queue.SingleLane && p.Turns > 1:
		return []store.Class{store.Single}
	case turn.Lane == queue.SingleLane:
		return nil
	case p.Turns > 1:
		return []store.Class{store.Bulk}
	case turn.Queue == queue.Single:
		return []store.Class{store.Single}
	}
	return []store.Class{store.Single, store.Bulk}
}

// drainFor is the job, and the queue it waits in, that works off a class of the tenant's items.
func drainFor(p store.Placement, id uuid.UUID, class store.Class) (job queue.Drain, name string, priority int) {
	job = queue.Drain{TenantID: id}
	if class == store.Single && p.Turns > 1 {
		job.Lane = queue.SingleLane
	}
	opts := job.InsertOpts()
	name, priority = opts.Queue, opts.Priority
	if class == store.Single {
		name, priority = queue.Single, 1
	}
	if p.Dedicated {
		name = queue.Dedicated(id)
	}
	return job, name, priority
}
