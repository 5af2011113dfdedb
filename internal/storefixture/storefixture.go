// Package storefixture makes tenants and documents for tests that run on a real database.
package storefixture

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/internal/pgtest"
	"lindero/store"
	"lindero/store/postgres"
	"lindero/tenant"
	"lindero/tenant/tenanttest"
)

// Dimensions of the vectors that External documents carry by default.
const Dimensions = 4

// Profiles for collections.
var (
	External = store.Profile{Provider: store.ProviderExternal, Dimensions: Dimensions}
	OpenAI   = store.Profile{Provider: store.ProviderOpenAI, Model: "fake", Dimensions: Dimensions}
)

// Fixture is a database with an open store.
type Fixture struct {
	AppURL      string
	OwnerURL    string // of the cluster's superuser
	PlatformURL string
	Store       *postgres.Store
	// MergeQuiet is of the stores opened from now on; 0: segments are merged without waiting for quiet.
	MergeQuiet time.Duration

	placement postgres.PlacementPolicy
}

// New makes a database of its own for the test and opens it as the restricted role.
func New(tb testing.TB) *Fixture {
	tb.Helper()
	return NewPlaced(tb, postgres.PlacementPolicy{})
}

// NewPlaced is New with a placement policy, for collections that are large with few documents. Unless it says
// otherwise, a promotion waits for nothing.
func NewPlaced(tb testing.TB, policy postgres.PlacementPolicy) *Fixture {
	tb.Helper()
	if policy.Quiet == 0 {
		policy.Quiet = time.Nanosecond
	}
	db := pgtest.New(tb)
	f := &Fixture{AppURL: db.AppURL(), OwnerURL: db.OwnerURL(), PlatformURL: db.PlatformURL(), placement: policy}
	f.Store = f.Open(tb)
	return f
}

// On opens a migrated database that the test has made itself, by the URLs of its three roles.
func On(tb testing.TB, owner, app, platform string) *Fixture {
	tb.Helper()
	f := &Fixture{AppURL: app, OwnerURL: owner, PlatformURL: platform}
	f.Store = f.Open(tb)
	return f
}

// Open opens the database once more, with connections of its own.
func (f *Fixture) Open(tb testing.TB) *postgres.Store {
	tb.Helper()
	return f.OpenAs(tb, "")
}

// OpenAs is Open with a name by which the connections can be told from others in the database.
func (f *Fixture) OpenAs(tb testing.TB, application string) *postgres.Store {
	tb.Helper()
	s, err := postgres.Open(context.Background(), postgres.Config{
		URL: f.AppURL + "&application_name=" + url.QueryEscape(application), MaxConns: 8, Placement: f.placement,
		MergeQuiet: max(f.MergeQuiet, time.Nanosecond), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

// Tenant is a tenant with its default collection.
type Tenant struct {
	ID         tenant.ID
	Handle     *postgres.Handle
	Collection store.Collection
}

// Tenant makes a tenant whose default collection has the given profile and keeps documents whole.
func (f *Fixture) Tenant(tb testing.TB, profile store.Profile) Tenant {
	tb.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, f.PlatformURL)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var id uuid.UUID
	err = conn.QueryRow(ctx, `SELECT create_tenant($1, 'Test', 'business', 'active', '{}', '{}', '{}', '', NULL, $2, $3, $4, '{"strategy":"none"}')`,
		"t"+uuid.NewString()[:8], profile.Provider, profile.Model, profile.Dimensions).Scan(&id)
	if err != nil {
		tb.Fatal(err)
	}
	t := Tenant{ID: tenanttest.Of(tb, id)}
	t.Handle = f.Store.ForTenant(t.ID)
	t.Collection = store.Collection{CollectionSpec: store.CollectionSpec{
		Name: "default", Language: store.LanguageAuto, Embedding: profile, Chunking: store.Chunking{Strategy: "none"},
	}}
	f.Query(tb, t.ID, `SELECT id, slot, version FROM collections WHERE name = 'default'`, &t.Collection.ID, &t.Collection.Slot, &t.Collection.Version)
	return t
}

// Query reads one row as the tenant, under row-level security.
func (f *Fixture) Query(tb testing.TB, id tenant.ID, sql string, into ...any) {
	tb.Helper()
	ctx := context.Background()
	err := pgx.BeginFunc(ctx, f.Store.Pool(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT set_config('app.tenant_id', $1, true)`, id.String()); err != nil {
			return err
		}
		return tx.QueryRow(ctx, sql).Scan(into...)
	})
	if err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
}

// Exec changes rows as the tenant.
func (f *Fixture) Exec(tb testing.TB, id tenant.ID, sql string) {
	tb.Helper()
	if err := f.TryExec(id, sql); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
}

// TryExec is Exec where the database's refusal is of interest.
func (f *Fixture) TryExec(id tenant.ID, sql string) error {
	ctx := context.Background()
	return pgx.BeginFunc(ctx, f.Store.Pool(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT set_config('app.tenant_id', $1, true)`, id.String()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sql)
		return err
	})
}

// Text is a document of plain text.
func Text(id, title, text string) store.NewDocument {
	return store.NewDocument{ID: id, Payload: store.Payload{
		Title: title, ContentType: "text/plain", Body: []byte(text), Metadata: json.RawMessage(`{}`),
	}}
}

// Split is a document of one passage with a vector of the given dimensions, the same for the same text.
func Split(id, text string, dimensions int) store.NewDocument {
	return store.NewDocument{ID: id, Payload: store.Payload{
		Title: "Title of " + id, ContentType: "application/json", Metadata: json.RawMessage(fmt.Sprintf(`{"id":%q}`, id)),
		Parts: []store.Part{{Text: text, Vector: Vector(text, dimensions)}},
	}}
}

// Vector is made of a text without meaning anything.
func Vector(text string, dimensions int) []float32 {
	var seed [32]byte
	copy(seed[:], text)
	random := rand.New(rand.NewChaCha8(seed))
	v := make([]float32, dimensions)
	for i := range v {
		v[i] = random.Float32()*2 - 1
	}
	v[0]++ // never all zeros
	return v
}
