package api

import (
	"context"
	"net/http"
	"time"

	"lindero/store"
	"lindero/tenant"
)

type keyView struct {
	ID         string      `json:"id"`
	Key        string      `json:"key,omitempty" doc:"The secret; shown this once"`
	Name       string      `json:"name"`
	Role       tenant.Role `json:"role" enum:"reader,writer,admin"`
	ExpiresAt  *time.Time  `json:"expires_at,omitempty"`
	RevokedAt  *time.Time  `json:"revoked_at,omitempty"`
	LastUsedAt *time.Time  `json:"last_used_at,omitempty"`
	CreatedAt  time.Time   `json:"created_at"`
}

func viewKey(k tenant.Key) keyView {
	return keyView{ID: k.ID, Name: k.Name, Role: k.Role, ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt, LastUsedAt: k.LastUsedAt, CreatedAt: k.CreatedAt}
}

type keyBody struct {
	Name      string      `json:"name" minLength:"1" maxLength:"200"`
	Role      tenant.Role `json:"role" enum:"reader,writer,admin"`
	ExpiresAt *time.Time  `json:"expires_at,omitempty" doc:"Never when left out"`
}

func (b *keyBody) spec() (tenant.KeySpec, error) {
	spec := tenant.KeySpec{Name: b.Name, Role: b.Role, ExpiresAt: b.ExpiresAt}
	return spec, spec.Validate(time.Now())
}

type keyPath struct {
	ID string `path:"id"`
}

func (s *server) keyRoutes() {
	handle(s, route{method: http.MethodGet, path: "/v1/keys", id: "list-keys", role: tenant.Admin, summary: "List keys"}, s.listKeys)
	handleJSON(s, route{method: http.MethodPost, path: "/v1/keys", id: "create-key", role: tenant.Admin, status: http.StatusCreated,
		summary: "Create a key", doc: "The secret is in this answer and nowhere else."}, s.createKey)
	handle(s, route{method: http.MethodDelete, path: "/v1/keys/{id}", id: "revoke-key", role: tenant.Admin,
		summary: "Revoke a key", doc: "It opens nothing any more, on any server, when the answer is out."}, s.revokeKey)
	handle(s, route{method: http.MethodPost, path: "/v1/keys/{id}/rotate", id: "rotate-key", role: tenant.Admin,
		summary: "Give a key a new secret", doc: "The old secret opens nothing any more."}, s.rotateKey)
}

func (s *server) listKeys(ctx context.Context, in *PageParams) (*answer[page[keyView]], error) {
	st := s.storage(ctx)
	return list(s, listName(ctx, "keys"), *in, func(p store.Page) (store.Listing[tenant.Key], error) { return st.Keys(ctx, p) }, viewKey)
}

func (s *server) createKey(ctx context.Context, _ *none, body *keyBody) (*answer[keyView], error) {
	spec, err := body.spec()
	if err != nil {
		return nil, err
	}
	return newKey(s.storage(ctx).CreateKey(ctx, spec))
}

// newKey answers with a key and its secret.
func newKey(k tenant.Key, secret string, err error) (*answer[keyView], error) {
	if err != nil {
		return nil, err
	}
	view := viewKey(k)
	view.Key = secret
	return &answer[keyView]{Body: view}, nil
}

func (s *server) revokeKey(ctx context.Context, in *keyPath) (*none, error) {
	return &none{}, s.storage(ctx).RevokeKey(ctx, in.ID)
}

func (s *server) rotateKey(ctx context.Context, in *keyPath) (*answer[keyView], error) {
	return newKey(s.storage(ctx).RotateKey(ctx, in.ID))
}
