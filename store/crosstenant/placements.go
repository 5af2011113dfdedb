package crosstenant

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/store"
	"lindero/store/postgres"
	"lindero/store/queue"
	"lindero/tenant"
)

// Placements lists where the tenant's collections lie, by name. It goes through a function: the platform role may not
// read collections.
func (p *Platform) Placements(ctx context.Context, id tenant.ID) ([]store.VectorPlacement, error) {
	rows, err := p.pool.Query(ctx, `SELECT collection, slot, dimensions, chunks, ef_search, coalesce(forced, 'auto'), state, detail,
		due_since, started_at, moved_at, step_at FROM tenant_placements($1)`, id.UUID())
	if err != nil {
		return nil, postgres.Translate(err)
	}
	placements, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s store.VectorPlacement, err error) {
		return s, row.Scan(&s.Collection, &s.Slot, &s.Dimensions, &s.Chunks, &s.EfSearch, &s.Forced, &s.State, &s.Detail,
			&s.DueSince, &s.StartedAt, &s.MovedAt, &s.StepAt)
	})
	return placements, postgres.Translate(err)
}

// VectorMove tells how far a tenant's move to or from Pinecone is; through a function too.
func (p *Platform) VectorMove(ctx context.Context, id tenant.ID) (m store.VectorMove, err error) {
	err = p.pool.QueryRow(ctx, `SELECT collections, unsent, unseen, namespaces FROM tenant_vector_move($1)`, id.UUID()).
		Scan(&m.Collections, &m.Unsent, &m.Unseen, &m.Namespaces)
	return m, postgres.Translate(err)
}

// ForcePlacement notes what the operator wants for a collection and has a worker look at it at once, in one
// transaction. A job that waits for something is called back; one that is running looks again when it is done.
func (p *Platform) ForcePlacement(ctx context.Context, id tenant.ID, collection, kind string) error {
	var wanted *string
	if kind != store.PlaceBySize {
		wanted = &kind
	}
	return p.write(ctx, func(tx pgx.Tx) error {
		var found *uuid.UUID
		if err := tx.QueryRow(ctx, `SELECT force_placement($1, $2, $3)`, id.UUID(), collection, wanted).Scan(&found); err != nil {
			return err
		}
		if found == nil {
			return fault.New(fault.NotFound, "collection %q does not exist", collection)
		}
		inserted, err := p.jobs.InsertTx(ctx, tx, queue.PlaceCollection{TenantID: id.UUID(), CollectionID: *found}, nil)
		if err != nil || !inserted.UniqueSkippedAsDuplicate {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE river.river_job SET state = 'available', scheduled_at = now()
			WHERE id = $1 AND state IN ('scheduled', 'retryable')`, inserted.Job.ID)
		return err
	})
}
