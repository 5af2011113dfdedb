package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Platform is the operators' plane, reached with a platform key. It never returns documents.
type Platform struct{ client *Client }

// Platform returns the operators' methods of a client that was made with a platform key.
func (c *Client) Platform() Platform { return Platform{client: c} }

// TenantSpec is what a new tenant is to be.
type TenantSpec struct {
	Slug     string          `json:"slug"`
	Name     string          `json:"name"`
	Plan     string          `json:"plan,omitempty"` // trial, business or enterprise
	Region   string          `json:"region,omitempty"`
	Settings json.RawMessage `json:"settings,omitempty"` // JSON object
	Metadata json.RawMessage `json:"metadata,omitempty"` // JSON object
	// Placement chooses what serves the tenant; nil leaves it to the deployment.
	Placement *PlacementChoice `json:"placement,omitempty"`
}

// PlacementChoice is what an operator may choose of a tenant's placement.
type PlacementChoice struct {
	Vectors string `json:"vectors"` // pgvector or pinecone
}

// Placement is what serves a tenant.
type Placement struct {
	Database string `json:"database"`
	Vectors  string `json:"vectors"` // pgvector or pinecone
}

// TenantPatch changes a tenant; nil leaves a field as it is.
type TenantPatch struct {
	Name     *string         `json:"name,omitempty"`
	Plan     *string         `json:"plan,omitempty"`
	Features json.RawMessage `json:"features,omitempty"` // JSON object
	Metadata json.RawMessage `json:"metadata,omitempty"` // JSON object
}

// Limits bound what a tenant may ask of the deployment. Set with nil, a limit is its plan's.
type Limits struct {
	// IngestConcurrency is how many turns at its documents may run at once.
	IngestConcurrency *int64 `json:"ingest_concurrency,omitempty"`
	// QueueDocuments and QueueBytes bound what may wait to be indexed.
	QueueDocuments *int64 `json:"queue_documents,omitempty"`
	QueueBytes     *int64 `json:"queue_bytes,omitempty"`
}

// Tenant is one customer of the deployment.
type Tenant struct {
	ID          string          `json:"id"`
	Slug        string          `json:"slug"`
	Name        string          `json:"name"`
	Plan        string          `json:"plan"`
	State       string          `json:"state"` // trial, active, suspended or deleting
	Settings    json.RawMessage `json:"settings,omitempty"`
	Features    json.RawMessage `json:"features,omitempty"`
	Limits      Limits          `json:"limits"` // all that hold
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	Region      string          `json:"region"`
	Placement   Placement       `json:"placement"`
	TrialEndsAt *time.Time      `json:"trial_ends_at,omitempty"`
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
	// Receipt is set in the answer to a deletion that is over.
	Receipt json.RawMessage `json:"receipt,omitempty"`
}

func tenantPath(ref string) string { return "/admin/v1/tenants/" + url.PathEscape(ref) }

// CreateTenant makes a tenant. A slug in use is refused with the code conflict.
func (p Platform) CreateTenant(ctx context.Context, spec TenantSpec) (Tenant, error) {
	return p.send(ctx, http.MethodPost, "/admin/v1/tenants", spec, true)
}

// Tenant returns the tenant with this id or slug.
func (p Platform) Tenant(ctx context.Context, ref string) (Tenant, error) {
	return p.send(ctx, http.MethodGet, tenantPath(ref), nil, false)
}

// Tenants goes through the tenants; state and plan narrow unless empty.
func (p Platform) Tenants(ctx context.Context, state, plan string) iter.Seq2[Tenant, error] {
	query := url.Values{}
	if state != "" {
		query.Set("state", state)
	}
	if plan != "" {
		query.Set("plan", plan)
	}
	return list[Tenant](ctx, p.client, "/admin/v1/tenants", query)
}

// UpdateTenant changes a tenant.
func (p Platform) UpdateTenant(ctx context.Context, ref string, patch TenantPatch) (Tenant, error) {
	return p.send(ctx, http.MethodPatch, tenantPath(ref), patch, false)
}

// SetLimits replaces the limits that are set for a tenant.
func (p Platform) SetLimits(ctx context.Context, ref string, limits Limits) (Tenant, error) {
	return p.send(ctx, http.MethodPut, tenantPath(ref)+"/limits", limits, false)
}

// SuspendTenant makes every call of the tenant fail with tenant_suspended; nothing is deleted.
func (p Platform) SuspendTenant(ctx context.Context, ref string) (Tenant, error) {
	return p.send(ctx, http.MethodPost, tenantPath(ref)+"/suspend", nil, false)
}

// ActivateTenant ends a suspension.
func (p Platform) ActivateTenant(ctx context.Context, ref string) (Tenant, error) {
	return p.send(ctx, http.MethodPost, tenantPath(ref)+"/activate", nil, false)
}

// DeleteTenant starts a tenant's deletion, or reports how far it is: Receipt is set when it is over.
func (p Platform) DeleteTenant(ctx context.Context, ref string) (Tenant, error) {
	return p.send(ctx, http.MethodDelete, tenantPath(ref), nil, false)
}

// Keys goes through a tenant's keys.
func (p Platform) Keys(ctx context.Context, ref string) iter.Seq2[Key, error] {
	return list[Key](ctx, p.client, tenantPath(ref)+"/keys", nil)
}

// CreateKey makes a key of a tenant; its secret is in the answer and nowhere else.
func (p Platform) CreateKey(ctx context.Context, ref string, spec KeySpec) (Key, error) {
	return p.client.postKey(ctx, tenantPath(ref)+"/keys", spec)
}

// RevokeKey ends a tenant's key at once, in all processes.
func (p Platform) RevokeKey(ctx context.Context, ref, id string) error {
	return p.client.do(ctx, call{method: http.MethodDelete, path: tenantPath(ref) + "/keys/" + url.PathEscape(id)}, nil)
}

func (p Platform) send(ctx context.Context, method, path string, body any, once bool) (Tenant, error) {
	request := call{method: method, path: path}
	if body != nil {
		var err error
		if request, err = jsonCall(method, path, body); err != nil {
			return Tenant{}, err
		}
	}
	request.once = once
	var out Tenant
	return out, p.client.do(ctx, request, &out)
}
