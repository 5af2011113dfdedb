// Package tenanttest makes tenant IDs for tests; it cannot be called without a testing.TB.
package tenanttest

import (
	"testing"

	"github.com/google/uuid"

	"lindero/tenant"
	"lindero/tenant/internal/identity"
)

// New is a fresh tenant ID that no row belongs to yet.
func New(tb testing.TB) tenant.ID {
	tb.Helper()
	return identity.Mint(uuid.New())
}

// Of is the tenant ID of a UUID that a test knows.
func Of(tb testing.TB, id uuid.UUID) tenant.ID {
	tb.Helper()
	return identity.Mint(id)
}
