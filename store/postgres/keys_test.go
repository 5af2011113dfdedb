package postgres_test

import (
	"testing"
	"time"

	"lindero/internal/storefixture"
	"lindero/tenant"
)

// TestKeysUsed keeps the latest use, and does not wait for a key that somebody else is writing.
func TestKeysUsed(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	acme := f.Tenant(t, storefixture.External)
	h := f.Store.ForTenant(acme.ID)
	ctx := t.Context()
	key, _, err := h.CreateKey(ctx, tenant.KeySpec{Name: "k", Role: tenant.Reader})
	if err != nil {
		t.Fatal(err)
	}
	used := func(at time.Time) *time.Time {
		t.Helper()
		if err := h.KeysUsed(ctx, map[string]time.Time{key.ID: at, "nobodyskey": at}); err != nil {
			t.Fatal(err)
		}
		keys, err := h.Keys(ctx, firstPage)
		if err != nil || len(keys.Items) != 1 {
			t.Fatalf("%+v, %v", keys, err)
		}
		return keys.Items[0].LastUsedAt
	}
	later := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{later, later.Add(-time.Hour)} {
		if got := used(at); got == nil || !got.Equal(later) {
			t.Errorf("after a use at %s: %v", at, got)
		}
	}
	tx, err := f.Store.Pool().Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := tx.Exec(ctx, "SELECT set_config('app.tenant_id', $1, true)", acme.ID.String()); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "SELECT FROM api_keys WHERE id = $1 FOR UPDATE", key.ID); err != nil {
		t.Fatal(err)
	}
	if got := used(later.Add(time.Hour)); got == nil || !got.Equal(later) {
		t.Errorf("while the key is locked: %v", got)
	}
}
