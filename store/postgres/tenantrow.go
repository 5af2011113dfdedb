package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"lindero/tenant"
)

// PutSettings replaces the tenant's own settings and returns the tenant as it is then.
func (h *Handle) PutSettings(ctx context.Context, settings json.RawMessage) (tenant.Tenant, error) {
	if err := tenant.ValidateSettings("body", settings); err != nil {
		return tenant.Tenant{}, err
	}
	err := h.write(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE tenants SET settings = $2, updated_at = now() WHERE id = $1 AND state <> 'deleting'`, h.id.UUID(), settings)
		return err
	})
	if err != nil {
		return tenant.Tenant{}, err
	}
	return h.Tenant(ctx)
}

// Tenant returns the handle's own tenant.
func (h *Handle) Tenant(ctx context.Context) (tenant.Tenant, error) {
	t := tenant.Tenant{ID: h.id}
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT slug, name, plan, state, settings, features, limits, metadata, region, vectors, trial_ends_at, created_at, updated_at
			FROM tenants WHERE id = $1`, h.id.UUID()).QueryRow(func(row pgx.Row) error {
			return missing(row.Scan(&t.Slug, &t.Name, &t.Plan, &t.State, &t.Settings, &t.Features, &t.Limits, &t.Metadata,
				&t.Region, &t.Vectors, &t.TrialEndsAt, &t.CreatedAt, &t.UpdatedAt), "the tenant does not exist")
		})
	})
	return t, err
}
