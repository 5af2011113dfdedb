package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"lindero/tenant"
)

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
