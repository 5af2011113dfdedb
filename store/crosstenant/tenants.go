package crosstenant

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lindero/fault"
	"lindero/store"
	"lindero/store/postgres"
	"lindero/store/queue"
	"lindero/tenant"
	"lindero/tenant/admin"
	"lindero/tenant/systemtenant"
)

const tenantColumns = `id, slug, name, plan, state, settings, features, limits, metadata, region, vectors, trial_ends_at, created_at, updated_at`

func scanTenant(row pgx.CollectableRow) (tenant.Tenant, error) {
	var t tenant.Tenant
	var key uuid.UUID
	err := row.Scan(&key, &t.Slug, &t.Name, &t.Plan, &t.State, &t.Settings, &t.Features, &t.Limits, &t.Metadata,
		&t.Region, &t.Vectors, &t.TrialEndsAt, &t.CreatedAt, &t.UpdatedAt)
	t.ID = systemtenant.FromOperator(key) // this row answers an operator's query
	return t, err
}

// byRef finds a tenant by id ($2) or by the slug ($1) of one that is not being deleted.
const byRef = `(id = (SELECT t.id FROM tenants t WHERE t.id = $2 OR (t.slug = $1 AND t.state <> 'deleting')
	ORDER BY t.id = $2 DESC LIMIT 1))`

// byRefDeleting finds also by the slug of one being deleted, when no other has it.
const byRefDeleting = `(id = (SELECT t.id FROM tenants t WHERE t.id = $2 OR t.slug = $1
	ORDER BY t.id = $2 DESC, t.state = 'deleting', t.updated_at DESC LIMIT 1))`

// id is the UUID that ref may be; a zero one is nobody's.
func id(ref string) uuid.UUID {
	parsed, err := uuid.Parse(ref)
	if err != nil {
		return uuid.Nil
	}
	return parsed
}

// CreateTenant makes the tenant and its default collection in one step and one round trip.
func (p *Platform) CreateTenant(ctx context.Context, n admin.NewTenant) (tenant.Tenant, error) {
	var created tenant.Tenant
	batch := &pgx.Batch{}
	batch.Queue(`SELECT create_tenant($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		n.Slug, n.Name, n.Plan, n.State, n.Settings, n.Features, n.Metadata, n.Region, n.TrialEndsAt,
		n.Embedding.Provider, n.Embedding.Model, n.Embedding.Dimensions, n.Chunking, n.Vectors)
	batch.Queue(`SELECT `+tenantColumns+` FROM tenants WHERE slug = $1 AND state <> 'deleting'`, n.Slug).Query(func(rows pgx.Rows) (err error) {
		created, err = one(rows, n.Slug, scanTenant)
		return err
	})
	err := p.pool.SendBatch(ctx, batch).Close()
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.ConstraintName == "tenants_slug" {
		return created, fault.Wrap(err, fault.Conflict, "the slug %q is taken", n.Slug)
	}
	return created, postgres.Translate(err)
}

// Tenant finds a tenant that is not gone, by id or slug.
func (p *Platform) Tenant(ctx context.Context, ref string) (tenant.Tenant, error) {
	rows, err := p.pool.Query(ctx, `SELECT `+tenantColumns+` FROM tenants WHERE `+byRef, ref, id(ref))
	if err != nil {
		return tenant.Tenant{}, postgres.Translate(err)
	}
	t, err := one(rows, ref, scanTenant)
	return t, postgres.Translate(err)
}

// Tenants lists tenants in the order of their creation.
func (p *Platform) Tenants(ctx context.Context, f admin.Filter, page store.Page) (store.Listing[tenant.Tenant], error) {
	after, afterID, err := parseCursor(page.After)
	if err != nil {
		return store.Listing[tenant.Tenant]{}, err
	}
	rows, err := p.pool.Query(ctx, `SELECT `+tenantColumns+` FROM tenants
		WHERE (created_at, id) > ($1::timestamptz, $2::uuid) AND ($3 = '' OR state = $3) AND ($4 = '' OR plan = $4)
		ORDER BY created_at, id LIMIT $5`, after, afterID, string(f.State), string(f.Plan), page.Limit+1)
	if err != nil {
		return store.Listing[tenant.Tenant]{}, postgres.Translate(err)
	}
	found, err := pgx.CollectRows(rows, scanTenant)
	return postgres.Listing(found, page.Limit, cursor), postgres.Translate(err)
}

// UpdateTenant changes what the patch names. Where that moves the tenant's work to other workers, its waiting
// jobs move along.
func (p *Platform) UpdateTenant(ctx context.Context, ref string, patch admin.Patch) (tenant.Tenant, error) {
	var t tenant.Tenant
	err := p.write(ctx, func(tx pgx.Tx) error {
		if patch.Places() {
			if err := lockPlacement(ctx, tx, ref); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, `UPDATE tenants SET name = coalesce($3, name), plan = coalesce($4, plan), region = coalesce($5, region),
				settings = coalesce($6, settings), features = coalesce($7, features), metadata = coalesce($8, metadata),
				limits = coalesce($9, limits), updated_at = now()
			WHERE state <> 'deleting' AND `+byRef+` RETURNING `+tenantColumns,
			ref, id(ref), patch.Name, patch.Plan, patch.Region, patch.Settings, patch.Features, patch.Metadata, patch.Limits)
		if err != nil {
			return err
		}
		if t, err = one(rows, ref, scanTenant); err != nil || !patch.Places() {
			return err
		}
		placement, err := postgres.PlacementOf(t.Plan, t.Limits, t.Features)
		if err != nil {
			return err
		}
		return postgres.MoveJobs(ctx, tx, t.ID.UUID(), placement)
	})
	return t, err
}

// lockPlacement keeps others from enqueueing work for the tenant by a placement that is about to change.
func lockPlacement(ctx context.Context, tx pgx.Tx, ref string) error {
	var found string
	err := tx.QueryRow(ctx, `SELECT id::text FROM tenants WHERE state <> 'deleting' AND `+byRef, ref, id(ref)).Scan(&found)
	if errors.Is(err, pgx.ErrNoRows) {
		return noTenant(ref)
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, postgres.LockPlacementExclusive, found)
	return err
}

// SetState moves the tenant to a state and tells all processes with the commit. A tenant being deleted stays so.
// For tenant.Active the state is that of the plan: a trial goes on as a trial.
func (p *Platform) SetState(ctx context.Context, ref string, state tenant.State) (tenant.Tenant, error) {
	var t tenant.Tenant
	err := p.write(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `UPDATE tenants
			SET state = CASE WHEN $3 = 'active' AND plan = 'trial' THEN 'trial' ELSE $3 END, updated_at = now()
			WHERE state <> 'deleting' AND `+byRef+` RETURNING `+tenantColumns, ref, id(ref), string(state))
		if err != nil {
			return err
		}
		if t, err = one(rows, ref, scanTenant); err != nil {
			return err
		}
		return tellTenant(ctx, tx, t.ID)
	})
	return t, err
}

// SetVectors notes the backend that is to serve the tenant's vector searches, and enqueues the work.
func (p *Platform) SetVectors(ctx context.Context, ref, backend string) (tenant.Tenant, error) {
	var t tenant.Tenant
	err := p.write(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `UPDATE tenants SET vectors = $3, updated_at = now()
			WHERE state <> 'deleting' AND `+byRef+` RETURNING `+tenantColumns, ref, id(ref), backend)
		if err != nil {
			return err
		}
		if t, err = one(rows, ref, scanTenant); err != nil {
			return err
		}
		_, err = p.jobs.InsertTx(ctx, tx, queue.SyncVectors{TenantID: t.ID.UUID()}, nil)
		return err
	})
	return t, err
}

func tellTenant(ctx context.Context, tx pgx.Tx, id tenant.ID) error {
	_, err := tx.Exec(ctx, `SELECT pg_notify('lindero_tenants', $1)`, id.String())
	return err
}

// DeleteTenant begins the deletion: state, keys and the job that removes everything, in one transaction. Asked
// again it changes nothing. The slug is free at once.
func (p *Platform) DeleteTenant(ctx context.Context, ref string) (tenant.Tenant, error) {
	var t tenant.Tenant
	err := p.write(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `UPDATE tenants SET updated_at = CASE state WHEN 'deleting' THEN updated_at ELSE now() END, state = 'deleting'
			WHERE `+byRefDeleting+` RETURNING `+tenantColumns, ref, id(ref))
		if err != nil {
			return err
		}
		if t, err = one(rows, ref, scanTenant); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE api_keys SET revoked_at = now() WHERE tenant_id = $1 AND revoked_at IS NULL`, t.ID.UUID()); err != nil {
			return err
		}
		if err := tellTenant(ctx, tx, t.ID); err != nil {
			return err
		}
		_, err = p.jobs.InsertTx(ctx, tx, queue.PurgeTenant{TenantID: t.ID.UUID()}, nil)
		return err
	})
	return t, err
}

// Receipt returns the proof of a deletion, by the tenant's id or, for the last one deleted, by its slug.
func (p *Platform) Receipt(ctx context.Context, ref string) (tenant.Receipt, error) {
	rows, err := p.pool.Query(ctx, `SELECT tenant_id::text, slug, deleted_at, removed, verified FROM tenant_receipts
		WHERE tenant_id = $2 OR slug = $1 ORDER BY tenant_id = $2 DESC, deleted_at DESC LIMIT 1`, ref, id(ref))
	if err != nil {
		return tenant.Receipt{}, postgres.Translate(err)
	}
	r, err := one(rows, ref, func(row pgx.CollectableRow) (r tenant.Receipt, err error) {
		return r, row.Scan(&r.TenantID, &r.Slug, &r.DeletedAt, &r.Removed, &r.Verified)
	})
	return r, postgres.Translate(err)
}

func cursor(t tenant.Tenant) string {
	return t.CreatedAt.UTC().Format(time.RFC3339Nano) + " " + t.ID.String()
}

func parseCursor(after string) (time.Time, uuid.UUID, error) {
	if after == "" {
		return time.Time{}, uuid.Nil, nil
	}
	at, id, _ := strings.Cut(after, " ")
	created, timeErr := time.Parse(time.RFC3339Nano, at)
	parsed, idErr := uuid.Parse(id)
	if timeErr == nil && idErr == nil {
		return created, parsed, nil
	}
	return time.Time{}, uuid.Nil, fault.InvalidField("query.cursor", nil, "is not a cursor of this list")
}
