package auth

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"lindero/fault"
	"lindero/tenant"
	"lindero/tenant/credential"
)

var hashKey = []byte("key of the tests")

// fakeKeys counts look-ups.
type fakeKeys struct {
	mu      sync.Mutex
	records map[string]credential.Record
	lookups int
	during  func() // runs inside a look-up, after the record was read
	err     error
}

func (f *fakeKeys) LookupKey(_ context.Context, id string) (credential.Record, error) {
	f.mu.Lock()
	f.lookups++
	r, ok := f.records[id]
	err, during := f.err, f.during
	f.mu.Unlock()
	if during != nil {
		during()
	}
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "no key")
	}
	return r, err
}

func (f *fakeKeys) DerivedKey(context.Context, string) ([]byte, error) { return hashKey, nil }

type fakeNotifications struct {
	epoch     uint64
	connected bool
	tell      func(string)
}

func (n *fakeNotifications) Epoch() (uint64, bool) { return n.epoch, n.connected }
func (n *fakeNotifications) OnKey(f func(string))  { n.tell = f }

type fixture struct {
	*Authenticator
	keys          *fakeKeys
	notifications *fakeNotifications
	id, secret    string
}

func newFixture(change func(*credential.Record)) *fixture {
	id, secret := credential.Generate()
	record := credential.Record{
		TenantID: uuid.New(), Slug: "acme", State: tenant.Active, Role: tenant.Writer, Hash: credential.Hash(hashKey, secret),
	}
	if change != nil {
		change(&record)
	}
	f := &fixture{
		keys:          &fakeKeys{records: map[string]credential.Record{id: record}},
		notifications: &fakeNotifications{epoch: 1, connected: true}, id: id, secret: secret,
	}
	f.Authenticator = New(f.keys, f.notifications, nil)
	return f
}

func (f *fixture) edit(change func(*credential.Record)) {
	f.keys.mu.Lock()
	defer f.keys.mu.Unlock()
	r := f.keys.records[f.id]
	change(&r)
	f.keys.records[f.id] = r
}

func revoke(r *credential.Record) {
	now := time.Now()
	r.RevokedAt = &now
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	f := newFixture(nil)
	p, err := f.Authenticate(t.Context(), f.secret)
	want := f.keys.records[f.id]
	if err != nil || p.Tenant.UUID() != want.TenantID || p.Slug != "acme" || p.Role != tenant.Writer || p.KeyID != f.id || p.State != tenant.Active {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestAuthenticateRefuses(t *testing.T) {
	t.Parallel()
	past := time.Now().Add(-time.Minute)
	_, foreign := credential.Generate()
	for name, c := range map[string]struct {
		change    func(*credential.Record)
		presented func(f *fixture) string
		code      fault.Code
	}{
		"unknown":      {nil, func(*fixture) string { return foreign }, fault.Unauthenticated},
		"empty":        {nil, func(*fixture) string { return "" }, fault.Unauthenticated},
		"no key":       {nil, func(*fixture) string { return "Bearer of nothing" }, fault.Unauthenticated},
		"huge":         {nil, func(f *fixture) string { return f.secret + strings.Repeat("x", 1<<20) }, fault.Unauthenticated},
		"wrong secret": {nil, func(f *fixture) string { return f.secret[:len(f.secret)-2] + "AA" }, fault.Unauthenticated},
		"another id's secret": {nil, func(f *fixture) string {
			return f.secret[:strings.LastIndex(f.secret, f.id)+len(f.id)] + foreign[len(foreign)-44:]
		}, fault.Unauthenticated},
		"revoked":   {revoke, nil, fault.Unauthenticated},
		"expired":   {func(r *credential.Record) { r.ExpiresAt = &past }, nil, fault.Unauthenticated},
		"deleting":  {func(r *credential.Record) { r.State = tenant.Deleting }, nil, fault.Unauthenticated},
		"suspended": {func(r *credential.Record) { r.State = tenant.Suspended }, nil, fault.TenantSuspended},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(c.change)
			presented := f.secret
			if c.presented != nil {
				presented = c.presented(f)
			}
			for range 2 { // also when cached
				p, err := f.Authenticate(t.Context(), presented)
				if !fault.Is(err, c.code) || p != (Principal{}) {
					t.Errorf("%+v, %v; want %s", p, err, c.code)
				}
			}
		})
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		between func(f *fixture)
		lookups int
		refused bool
	}{
		"kept":         {func(*fixture) {}, 1, false},
		"another key":  {func(f *fixture) { f.notifications.tell("someone") }, 1, false},
		"key revoked":  {func(f *fixture) { f.edit(revoke); f.notifications.tell(f.id) }, 2, true},
		"tenant":       {func(f *fixture) { f.notifications.tell(f.keys.records[f.id].TenantID.String()) }, 2, false},
		"disconnected": {func(f *fixture) { f.edit(revoke); f.notifications.connected = false }, 2, true},
		"reconnected":  {func(f *fixture) { f.edit(revoke); f.notifications.epoch++ }, 2, true},
		"too old": {func(f *fixture) {
			f.edit(revoke)
			f.now = func() time.Time { return time.Now().Add(cacheTime + time.Second) }
		}, 2, true},
		"expires meanwhile": {func(f *fixture) {
			f.now = func() time.Time { return time.Now().Add(cacheTime - time.Second) }
		}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(func(r *credential.Record) {
				if name == "expires meanwhile" {
					soon := time.Now().Add(5 * time.Second)
					r.ExpiresAt = &soon
				}
			})
			if _, err := f.Authenticate(t.Context(), f.secret); err != nil {
				t.Fatal(err)
			}
			c.between(f)
			_, err := f.Authenticate(t.Context(), f.secret)
			if (err != nil) != c.refused || f.keys.lookups != c.lookups {
				t.Errorf("%v after %d look-ups, want %d", err, f.keys.lookups, c.lookups)
			}
		})
	}
}

// TestRevocationDuringLookup has the notification arrive between the read of the row and the caching of it.
func TestRevocationDuringLookup(t *testing.T) {
	t.Parallel()
	f := newFixture(nil)
	f.keys.during = func() { f.edit(revoke); f.notifications.tell(f.id) }
	if _, err := f.Authenticate(t.Context(), f.secret); err != nil {
		t.Fatal(err)
	}
	f.keys.during = nil
	if _, err := f.Authenticate(t.Context(), f.secret); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the outdated record was cached: %v", err)
	}
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	f := newFixture(nil)
	f.keys.err = fault.Wrap(errors.New("refused"), fault.Unavailable, "away")
	if _, err := f.Authenticate(t.Context(), f.secret); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v: a good key must not be called wrong", err)
	}
}

func BenchmarkAuthenticateCached(b *testing.B) {
	f := newFixture(nil)
	for b.Loop() {
		if _, err := f.Authenticate(b.Context(), f.secret); err != nil {
			b.Fatal(err)
		}
	}
}
