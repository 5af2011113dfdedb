package api

import (
	"context"
	"encoding/json"
	"net/http"

	"lindero/store"
	"lindero/tenant"
	"lindero/tenant/admin"
)

type tenantBody struct {
	Slug     string          `json:"slug" pattern:"^[a-z0-9][a-z0-9-]{1,62}$" doc:"Not www, api, admin, app, static or docs"`
	Name     string          `json:"name,omitempty" maxLength:"200" doc:"The slug when left out"`
	Plan     tenant.Plan     `json:"plan,omitempty" enum:"trial,business,enterprise" doc:"trial when left out"`
	Settings json.RawMessage `json:"settings,omitempty" doc:"JSON object"`
	Features json.RawMessage `json:"features,omitempty" doc:"JSON object; dedicated_workers: true leaves its documents to workers started for it"`
	Metadata json.RawMessage `json:"metadata,omitempty" doc:"JSON object"`
	Region   string          `json:"region,omitempty"`

	Placement *placementChoice `json:"placement,omitempty" doc:"Chooses what serves the tenant; the deployment does when left out"`
}

// placementChoice is what an operator may choose of a new tenant's placement.
type placementChoice struct {
	Vectors string `json:"vectors,omitempty" enum:"pgvector,pinecone" doc:"What serves its vector searches"`
}

type tenantPatch struct {
	Name     *string         `json:"name,omitempty" minLength:"1" maxLength:"200"`
	Plan     *tenant.Plan    `json:"plan,omitempty" enum:"trial,business,enterprise"`
	Region   *string         `json:"region,omitempty"`
	Features json.RawMessage `json:"features,omitempty" doc:"JSON object"`
	Metadata json.RawMessage `json:"metadata,omitempty" doc:"JSON object"`
}

// limitsBody names the limits that are set; the others are the plan's.
type limitsBody struct {
	IngestConcurrency *int64 `json:"ingest_concurrency,omitempty" minimum:"1" maximum:"64" doc:"Turns at the tenant's documents at once, in all processes; of two or more, one is kept for single documents"`
	QueueDocuments    *int64 `json:"queue_documents,omitempty" minimum:"1" doc:"Documents that may wait to be indexed"`
	QueueBytes        *int64 `json:"queue_bytes,omitempty" minimum:"1" doc:"Bytes of theirs"`
}

type tenantRef struct {
	Ref string `path:"ref" doc:"Id or slug of the tenant"`
}

type deletionView struct {
	*TenantView
	Receipt *tenant.Receipt `json:"receipt,omitempty" doc:"Proof that the data is gone; the tenant's own fields are gone too then"`
}

const tenantsPath = "/admin/v1/tenants"

func (s *server) adminRoutes() {
	handleJSON(s, route{method: http.MethodPost, path: tenantsPath, id: "create-tenant", status: http.StatusCreated,
		summary: "Create a tenant"}, s.createTenant)
	handle(s, route{method: http.MethodGet, path: tenantsPath, id: "list-tenants", summary: "List tenants"}, s.listTenants)
	handle(s, route{method: http.MethodGet, path: tenantsPath + "/{ref}", id: "get-tenant", summary: "Get a tenant"},
		s.tenantCall(s.cfg.Admin.Get))
	handleJSON(s, route{method: http.MethodPatch, path: tenantsPath + "/{ref}", id: "patch-tenant", summary: "Change a tenant"}, s.patchTenant)
	handle(s, route{method: http.MethodDelete, path: tenantsPath + "/{ref}", id: "delete-tenant", also: []int{http.StatusAccepted},
		summary: "Delete a tenant and everything of it", doc: "202 while it is running, 200 with a receipt when it is over. Asking again does no harm."}, s.deleteTenant)
	handleJSON(s, route{method: http.MethodPut, path: tenantsPath + "/{ref}/limits", id: "put-tenant-limits", summary: "Set a tenant's limits",
		doc: "Replaces those that were set; what is left out is the plan's. The answer has all that hold."}, s.putLimits)
	handleJSON(s, route{method: http.MethodPut, path: tenantsPath + "/{ref}/settings", id: "put-tenant-settings", summary: "Replace a tenant's settings",
		doc: "recall_objective is the recall that its approximate indexes are held to; others are the operator's own."}, s.putSettings)
	handle(s, route{method: http.MethodPost, path: tenantsPath + "/{ref}/suspend", id: "suspend-tenant",
		summary: "Suspend a tenant", doc: "Its keys answer 403 tenant_suspended."}, s.tenantCall(s.cfg.Admin.Suspend))
	handle(s, route{method: http.MethodPost, path: tenantsPath + "/{ref}/activate", id: "activate-tenant",
		summary: "Activate a tenant"}, s.tenantCall(s.cfg.Admin.Activate))
	handle(s, route{method: http.MethodGet, path: "/admin/v1/plans", id: "list-plans", summary: "List the plans with their limits"}, s.listPlans)
	handle(s, route{method: http.MethodGet, path: "/admin/v1/alerts", id: "list-alerts",
		summary: "List what an operator should look at", doc: "An alert is there as long as what it says is so."}, s.listAlerts)
	s.adminKeyRoutes()
	s.adminPlacementRoutes()
}

// tenantCall answers with the tenant that a call by reference gives.
func (s *server) tenantCall(call func(context.Context, string) (tenant.Tenant, error)) func(context.Context, *tenantRef) (*answer[TenantView], error) {
	return func(ctx context.Context, in *tenantRef) (*answer[TenantView], error) {
		return oneTenant(call(ctx, in.Ref))
	}
}

func oneTenant(t tenant.Tenant, err error) (*answer[TenantView], error) {
	if err != nil {
		return nil, err
	}
	return &answer[TenantView]{Body: viewTenant(t)}, nil
}

func (s *server) createTenant(ctx context.Context, _ *none, body *tenantBody) (*answer[TenantView], error) {
	spec := admin.Spec{
		Slug: body.Slug, Name: body.Name, Plan: body.Plan, Region: body.Region,
		Settings: body.Settings, Features: body.Features, Metadata: body.Metadata,
	}
	if body.Placement != nil {
		spec.Vectors = body.Placement.Vectors
	}
	return oneTenant(s.cfg.Admin.Create(ctx, spec))
}

func (s *server) patchTenant(ctx context.Context, in *tenantRef, body *tenantPatch) (*answer[TenantView], error) {
	return oneTenant(s.cfg.Admin.Update(ctx, in.Ref, admin.Patch{
		Name: body.Name, Plan: body.Plan, Region: body.Region, Features: body.Features, Metadata: body.Metadata,
	}))
}

// planView is a plan as an operator chooses from.
type planView struct {
	Name   tenant.Plan   `json:"name" enum:"trial,business,enterprise"`
	Limits tenant.Limits `json:"limits" doc:"Of a tenant that none were set for"`
}

func (s *server) listPlans(context.Context, *none) (*answer[page[planView]], error) {
	var plans []planView
	for _, plan := range tenant.Plans() {
		limits, err := tenant.LimitsOf(plan, nil)
		if err != nil {
			return nil, err
		}
		plans = append(plans, planView{plan, limits})
	}
	return &answer[page[planView]]{Body: page[planView]{Data: plans}}, nil
}

func (s *server) listAlerts(ctx context.Context, _ *none) (*answer[page[admin.Alert]], error) {
	alerts, err := s.cfg.Admin.Alerts(ctx)
	if err != nil {
		return nil, err
	}
	return &answer[page[admin.Alert]]{Body: page[admin.Alert]{Data: alerts}}, nil
}

func (s *server) putLimits(ctx context.Context, in *tenantRef, body *limitsBody) (*answer[TenantView], error) {
	set, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return oneTenant(s.cfg.Admin.SetLimits(ctx, in.Ref, set))
}

func (s *server) putSettings(ctx context.Context, in *tenantRef, body *json.RawMessage) (*answer[TenantView], error) {
	return oneTenant(s.cfg.Admin.Update(ctx, in.Ref, admin.Patch{Settings: *body}))
}

type listTenantsParams struct {
	State string `query:"state" enum:"trial,active,suspended,deleting"`
	Plan  string `query:"plan" enum:"trial,business,enterprise"`
	PageParams
}

func (s *server) listTenants(ctx context.Context, in *listTenantsParams) (*answer[page[TenantView]], error) {
	narrow := admin.Filter{State: tenant.State(in.State), Plan: tenant.Plan(in.Plan)}
	fetch := func(p store.Page) (store.Listing[tenant.Tenant], error) { return s.cfg.Admin.List(ctx, narrow, p) }
	return list(s, listName(ctx, "platform", "tenants", in.State, in.Plan), in.PageParams, fetch, viewTenant)
}

func (s *server) deleteTenant(ctx context.Context, in *tenantRef) (*answer[deletionView], error) {
	deletion, err := s.cfg.Admin.Delete(ctx, in.Ref)
	if err != nil {
		return nil, err
	}
	out := &answer[deletionView]{Body: deletionView{Receipt: deletion.Receipt}}
	if deletion.Receipt == nil {
		out.Status = http.StatusAccepted
	}
	if deletion.Tenant != nil {
		view := viewTenant(*deletion.Tenant)
		out.Body.TenantView = &view
	}
	return out, nil
}
