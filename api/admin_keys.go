package api

import (
	"context"
	"net/http"

	"lindero/store"
	"lindero/tenant"
)

func (s *server) adminKeyRoutes() {
	handle(s, route{method: http.MethodGet, path: tenantsPath + "/{ref}/keys", id: "list-tenant-keys",
		summary: "List a tenant's keys"}, s.listTenantKeys)
	handleJSON(s, route{method: http.MethodPost, path: tenantsPath + "/{ref}/keys", id: "create-tenant-key", status: http.StatusCreated,
		summary: "Create a key for a tenant", doc: "The secret is in this answer and nowhere else."}, s.createTenantKey)
	handle(s, route{method: http.MethodDelete, path: tenantsPath + "/{ref}/keys/{id}", id: "revoke-tenant-key",
		summary: "Revoke a tenant's key"}, s.revokeTenantKey)
}

type tenantKeysParams struct {
	Ref string `path:"ref"`
	PageParams
}

func (s *server) listTenantKeys(ctx context.Context, in *tenantKeysParams) (*answer[page[keyView]], error) {
	fetch := func(p store.Page) (store.Listing[tenant.Key], error) { return s.cfg.Admin.Keys(ctx, in.Ref, p) }
	return list(s, listName(ctx, "platform", "keys", in.Ref), in.PageParams, fetch, viewKey)
}

func (s *server) createTenantKey(ctx context.Context, in *tenantRef, body *keyBody) (*answer[keyView], error) {
	spec, err := body.spec()
	if err != nil {
		return nil, err
	}
	return newKey(s.cfg.Admin.CreateKey(ctx, in.Ref, spec))
}

type tenantKeyPath struct {
	Ref string `path:"ref"`
	ID  string `path:"id"`
}

func (s *server) revokeTenantKey(ctx context.Context, in *tenantKeyPath) (*none, error) {
	return &none{}, s.cfg.Admin.RevokeKey(ctx, in.Ref, in.ID)
}
