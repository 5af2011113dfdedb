package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"lindero/fault"
	"lindero/tenant"
)

// credential is the key a request carries, from one of the two headers.
func credential(r *http.Request) (string, error) {
	var found []string
	for _, value := range r.Header.Values("Authorization") {
		scheme, key, _ := strings.Cut(value, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", fault.New(fault.Unauthenticated, "send the key as Authorization: Bearer <key>")
		}
		found = append(found, strings.TrimSpace(key))
	}
	found = append(found, r.Header.Values("X-API-Key")...)
	switch {
	case len(found) == 0 || found[0] == "":
		return "", fault.New(fault.Unauthenticated, "a key is required: Authorization: Bearer <key>")
	case len(found) > 1:
		return "", fault.New(fault.Unauthenticated, "send one credential, not %d", len(found))
	}
	return found[0], nil
}

// tenantAuth lets a request through whose key belongs to a tenant and allows role.
func (s *server) tenantAuth(role tenant.Role) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		ex := exchangeOf(ctx.Context())
		if err := s.admit(ex, role); err != nil {
			fail(ex, err)
			return
		}
		next(ctx)
	}
}

func (s *server) admit(ex *exchange, role tenant.Role) error {
	if err := s.cfg.IsolationVerified(); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the service is not serving at the moment; try again later")
	}
	key, err := credential(ex.request)
	if err != nil {
		return err
	}
	p, err := s.cfg.Authenticator.Authenticate(ex.request.Context(), key)
	if err != nil {
		return err
	}
	ex.principal = p
	if err := sameTenant(ex.request, p.Tenant, p.Slug); err != nil {
		return err
	}
	if !p.Role.Allows(role) {
		return fault.New(fault.Forbidden, "this needs a key of role %s; yours is %s", role, p.Role)
	}
	return nil
}

// sameTenant refuses a request that names another tenant than its credential proves. The header grants nothing.
func sameTenant(r *http.Request, id tenant.ID, slug string) error {
	for _, named := range r.Header.Values("X-Tenant-ID") {
		if named != slug && !strings.EqualFold(named, id.String()) {
			return fault.New(fault.TenantMismatch, "X-Tenant-ID names another tenant than the credential")
		}
	}
	return nil
}

func hashKeys(keys []string) [][32]byte {
	var hashes [][32]byte
	for _, key := range keys {
		if key != "" {
			hashes = append(hashes, sha256.Sum256([]byte(key)))
		}
	}
	return hashes
}

// platformAuth lets a request with a platform key through.
func (s *server) platformAuth(ctx huma.Context, next func(huma.Context)) {
	ex := exchangeOf(ctx.Context())
	if err := s.admitOperator(ex); err != nil {
		fail(ex, err)
		return
	}
	next(ctx)
}

func (s *server) admitOperator(ex *exchange) error {
	key, err := credential(ex.request)
	if err != nil {
		return err
	}
	// Hashing first makes the comparison's time independent of the keys' lengths and contents.
	sum, found := sha256.Sum256([]byte(key)), 0
	for _, admin := range s.admins {
		found |= subtle.ConstantTimeCompare(sum[:], admin[:])
	}
	if found == 1 {
		return nil
	}
	if _, err := s.cfg.Authenticator.Authenticate(ex.request.Context(), key); err == nil {
		return fault.New(fault.Forbidden, "a tenant's key does not open the platform's side")
	}
	return fault.New(fault.Unauthenticated, "the platform key is not valid")
}
