package crosstenant_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/internal/pgtest"
	"lindero/store"
	"lindero/store/crosstenant"
	"lindero/store/postgres"
	"lindero/tenant"
	"lindero/tenant/admin"
	"lindero/tenant/auth"
)

var external = store.Profile{Provider: store.ProviderExternal, Dimensions: 3}

type fixture struct {
	db       *pgtest.DB
	platform *crosstenant.Platform
	store    *postgres.Store
	*admin.Service
}

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	ctx := context.Background()
	f := &fixture{db: pgtest.New(tb)}
	var err error
	if f.platform, err = crosstenant.Open(ctx, crosstenant.Config{URL: f.db.PlatformURL(), MaxConns: 4, Secret: "s"}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(f.platform.Close)
	if f.store, err = postgres.Open(ctx, postgres.Config{URL: f.db.AppURL(), MaxConns: 4, Secret: "s"}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(f.store.Close)
	f.Service = admin.New(admin.Config{Platform: f.platform, DefaultEmbedding: external})
	return f
}

func (f *fixture) create(tb testing.TB, slug string) tenant.Tenant {
	tb.Helper()
	t, err := f.Create(context.Background(), admin.Spec{Slug: slug, Plan: tenant.PlanBusiness})
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func TestTenantLife(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	made := f.create(t, "acme")
	if made.State != tenant.Active || made.Name != "acme" || made.ID.IsZero() {
		t.Errorf("made %+v", made)
	}
	if c, err := f.store.ForTenant(made.ID).Collection(ctx, "default"); err != nil || c.Embedding != external {
		t.Errorf("default collection %+v, %v", c, err)
	}
	if _, err := f.Create(ctx, admin.Spec{Slug: "acme"}); !fault.Is(err, fault.Conflict) {
		t.Errorf("the slug twice: %v", err)
	}
	name := "Acme & Co"
	for _, ref := range []string{"acme", made.ID.String()} {
		if got, err := f.Update(ctx, ref, admin.Patch{Name: &name}); err != nil || got.Name != name || got.ID != made.ID || got.Plan != tenant.PlanBusiness {
			t.Errorf("%s: %+v, %v", ref, got, err)
		}
		if got, err := f.Suspend(ctx, ref); err != nil || got.State != tenant.Suspended {
			t.Errorf("%s: %+v, %v", ref, got, err)
		}
		if got, err := f.Activate(ctx, ref); err != nil || got.State != tenant.Active {
			t.Errorf("%s: %+v, %v", ref, got, err)
		}
	}
	if _, err := f.Get(ctx, "nobody"); !fault.Is(err, fault.NotFound) {
		t.Errorf("nobody: %v", err)
	}
	trial, err := f.Create(ctx, admin.Spec{Slug: "trial"})
	if err != nil || trial.State != tenant.Trial || trial.TrialEndsAt == nil {
		t.Errorf("trial %+v, %v", trial, err)
	}
	if got, err := f.Activate(ctx, "trial"); err != nil || got.State != tenant.Trial {
		t.Errorf("activated trial %+v, %v", got, err)
	}
}

func TestTenantsListed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var want []string
	for i := range 5 {
		want = append(want, f.create(t, fmt.Sprintf("tenant-%d", i)).Slug)
	}
	if _, err := f.Suspend(t.Context(), "tenant-1"); err != nil {
		t.Fatal(err)
	}
	slugs := func(filter admin.Filter) (got []string) {
		for after := ""; ; {
			list, err := f.List(t.Context(), filter, store.Page{Limit: 2, After: after})
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range list.Items {
				got = append(got, x.Slug)
			}
			if after = list.Next; after == "" {
				return got
			}
		}
	}
	if got := slugs(admin.Filter{}); !slices.Equal(got, want) {
		t.Errorf("all: %v", got)
	}
	if got := slugs(admin.Filter{State: tenant.Suspended}); !slices.Equal(got, want[1:2]) {
		t.Errorf("suspended: %v", got)
	}
	if got := slugs(admin.Filter{Plan: tenant.PlanTrial}); len(got) != 0 {
		t.Errorf("trials: %v", got)
	}
	if _, err := f.List(t.Context(), admin.Filter{}, store.Page{Limit: 2, After: "forged"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("forged cursor: %v", err)
	}
}

func TestDeletionAndReceipt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	gone := f.create(t, "acme")
	for range 2 { // idempotent, also by the slug
		d, err := f.Delete(ctx, "acme")
		if err != nil || d.Tenant == nil || d.Tenant.ID != gone.ID || d.Tenant.State != tenant.Deleting || d.Receipt != nil {
			t.Fatalf("deletion %+v, %v", d, err)
		}
	}
	fresh := f.create(t, "acme") // the slug is free at once
	if fresh.ID == gone.ID {
		t.Error("the id was used again")
	}
	if _, _, err := f.CreateKey(ctx, gone.ID.String(), tenant.KeySpec{Name: "k", Role: tenant.Reader}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a key for a tenant on its way out: %v", err)
	}
	if err := f.store.ForTenant(gone.ID).PurgeTenant(ctx); err != nil {
		t.Fatal(err)
	}
	d, err := f.Delete(ctx, gone.ID.String())
	if err != nil || d.Receipt == nil || !d.Receipt.Verified || d.Receipt.Slug != "acme" || d.Receipt.Removed["collections"] != 1 {
		t.Errorf("receipt %+v, %v", d.Receipt, err)
	}
	if _, err := f.Get(ctx, gone.ID.String()); !fault.Is(err, fault.NotFound) {
		t.Errorf("the deleted tenant: %v", err)
	}
	if got, err := f.Get(ctx, "acme"); err != nil || got.ID != fresh.ID {
		t.Errorf("the new tenant: %+v, %v", got, err)
	}
}

// TestKeysAcrossProcesses revokes through the platform what another process has cached.
func TestKeysAcrossProcesses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	acme := f.create(t, "acme")
	awaitConnected(t, f.store.Notifications())
	authenticator := auth.New(f.store, f.store.Notifications(), nil)
	admit := func(secret string) fault.Code {
		_, err := authenticator.Authenticate(ctx, secret)
		return fault.CodeOf(err)
	}
	become := func(what, secret string, want fault.Code) {
		t.Helper()
		deadline := time.Now().Add(5 * time.Second) // below the cache's ten
		for admit(secret) != want {
			if time.Now().After(deadline) {
				t.Fatalf("%s: still %q, want %q", what, admit(secret), want)
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
	key, secret, err := f.CreateKey(ctx, "acme", tenant.KeySpec{Name: "laptop", Role: tenant.Writer})
	if err != nil {
		t.Fatal(err)
	}
	p, err := authenticator.Authenticate(ctx, secret)
	if err != nil || p.Tenant != acme.ID || p.Role != tenant.Writer || p.KeyID != key.ID {
		t.Fatalf("%+v, %v", p, err)
	}
	_, second, err := f.store.ForTenant(acme.ID).CreateKey(ctx, tenant.KeySpec{Name: "own", Role: tenant.Admin})
	if err != nil || admit(second) != "" {
		t.Fatalf("the tenant's own key: %v, %q", err, admit(second))
	}
	if _, err := f.Suspend(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	become("suspended", secret, fault.TenantSuspended)
	if _, err := f.Activate(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	become("active again", secret, "")
	if err := f.RevokeKey(ctx, "acme", key.ID); err != nil {
		t.Fatal(err)
	}
	become("revoked", secret, fault.Unauthenticated)
	become("the other key", second, "")
	if _, err := f.Delete(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	become("deleted", second, fault.Unauthenticated)
	if err := f.RevokeKey(ctx, acme.ID.String(), "none"); !fault.Is(err, fault.NotFound) {
		t.Errorf("revoked a key that nobody has: %v", err)
	}
}

func awaitConnected(tb testing.TB, n *postgres.Notifications) {
	tb.Helper()
	for deadline := time.Now().Add(20 * time.Second); !n.Connected(); {
		if time.Now().After(deadline) {
			tb.Fatal("no connection for notifications")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestPlatformRoleReadsNoContent asks PostgreSQL itself.
func TestPlatformRoleReadsNoContent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme := f.create(t, "acme")
	conn, err := pgx.Connect(t.Context(), f.db.PlatformURL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, table := range postgres.TenantTables {
		for _, sql := range []string{
			"SELECT count(*) FROM " + table,
			"SELECT set_config('app.tenant_id', '" + acme.ID.String() + "', false); SELECT count(*) FROM " + table,
		} {
			if _, err := conn.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "42501") {
				t.Errorf("%s: %v, want permission denied", sql, err)
			}
		}
	}
	for _, url := range []string{f.db.AppURL(), f.db.OwnerURL()} {
		if p, err := crosstenant.Open(t.Context(), crosstenant.Config{URL: url}); err == nil {
			p.Close()
			t.Errorf("%s was accepted for the platform", url)
		}
	}
}

func BenchmarkCreateTenant(b *testing.B) {
	f := newFixture(b)
	n := 0
	for b.Loop() {
		n++
		f.create(b, fmt.Sprintf("tenant-%d", n))
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tenants/s")
}
