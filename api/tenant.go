package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"lindero/tenant"
)

type TenantView struct {
	ID          string          `json:"id"`
	Slug        string          `json:"slug"`
	Name        string          `json:"name"`
	Plan        tenant.Plan     `json:"plan" enum:"trial,business,enterprise"`
	State       tenant.State    `json:"state" enum:"trial,active,suspended,deleting"`
	Settings    json.RawMessage `json:"settings"`
	Features    json.RawMessage `json:"features"`
	Limits      tenant.Limits   `json:"limits" doc:"All that hold: the plan's, where none were set"`
	Metadata    json.RawMessage `json:"metadata"`
	Region      string          `json:"region"`
	Placement   placementView   `json:"placement"`
	TrialEndsAt *time.Time      `json:"trial_ends_at,omitempty"`
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
}

// placementView says what serves a tenant. All tenants lie in the deployment's own database.
type placementView struct {
	Database string `json:"database"`
	Vectors  string `json:"vectors" enum:"pgvector,pinecone"`
}

func viewTenant(t tenant.Tenant) TenantView {
	limits, _ := tenant.LimitsOf(t.Plan, t.Limits) // validated before they were stored
	return TenantView{
		ID: t.ID.String(), Slug: t.Slug, Name: t.Name, Plan: t.Plan, State: t.State, Settings: object(t.Settings),
		Features: object(t.Features), Limits: limits, Metadata: object(t.Metadata), Region: t.Region,
		Placement:   placementView{Database: "default", Vectors: t.Vectors},
		TrialEndsAt: t.TrialEndsAt, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
	}
}

func (s *server) tenantRoutes() {
	handle(s, route{method: http.MethodGet, path: "/v1/tenant", id: "get-own-tenant", role: tenant.Reader,
		summary: "Get the tenant the key belongs to"}, s.getOwnTenant)
	handleJSON(s, route{method: http.MethodPut, path: "/v1/tenant/settings", id: "put-own-settings", role: tenant.Admin,
		summary: "Replace the tenant's settings",
		doc:     "recall_objective is the recall that approximate indexes are held to; others are your own. The answer is the tenant."}, s.putOwnSettings)
}

func (s *server) getOwnTenant(ctx context.Context, _ *none) (*answer[TenantView], error) {
	t, err := s.storage(ctx).Tenant(ctx)
	if err != nil {
		return nil, err
	}
	return &answer[TenantView]{Body: viewTenant(t)}, nil
}

func (s *server) putOwnSettings(ctx context.Context, _ *none, body *json.RawMessage) (*answer[TenantView], error) {
	return oneTenant(s.storage(ctx).PutSettings(ctx, *body))
}
