// Package auth proves who is asking: it turns a credential into a Principal. The tenant comes from the
// credential alone.
package auth

import (
	"context"
	"crypto/sha256"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"

	"lindero/fault"
	"lindero/tenant"
	"lindero/tenant/credential"
	"lindero/tenant/internal/identity"
)

const (
	// cacheTime bounds how long a key is taken as it was read. Revocations are told and drop the entry at once, and while
	// telling is not assured nothing is cached; so this is for what nobody tells, such as a row changed by hand.
	cacheTime = time.Minute
	cacheSize = 50_000 // some 15 MB
)

// Principal is who a proven credential speaks for.
type Principal struct {
	Tenant tenant.ID
	Slug   string
	State  tenant.State
	Role   tenant.Role
	KeyID  string
}

// Keys finds keys. LookupKey returns fault.NotFound for an unknown id; DerivedKey returns the key of the hashes.
type Keys interface {
	LookupKey(ctx context.Context, id string) (credential.Record, error)
	DerivedKey(ctx context.Context, purpose string) ([]byte, error)
}

// Notifications tells of revocations. Epoch grows with every new connection: what was learnt in an earlier one
// may be outdated. OnKey's function gets a key's id, or a tenant's UUID for all its keys.
type Notifications interface {
	Epoch() (epoch uint64, connected bool)
	OnKey(f func(id string))
}

// Authenticator checks credentials. It is safe for concurrent use.
type Authenticator struct {
	keys          Keys
	notifications Notifications
	cache         *otter.Cache[[sha256.Size]byte, entry] // by hash of the credential: no secret stays in memory
	uses          *Uses
	// revocations counts what was dropped, so that a look-up begun before a revocation is not cached after it.
	revocations atomic.Uint64
	now         func() time.Time
}

type entry struct {
	record credential.Record
	keyID  string
	epoch  uint64
	until  time.Time
}

// New makes an Authenticator. uses is told of keys that are used; nil: nobody is.
func New(keys Keys, notifications Notifications, uses *Uses) *Authenticator {
	a := &Authenticator{
		keys: keys, notifications: notifications, uses: uses, now: time.Now,
		cache: otter.Must(&otter.Options[[sha256.Size]byte, entry]{MaximumSize: cacheSize}),
	}
	notifications.OnKey(a.revoked)
	return a
}

// Authenticate returns the principal of an API key. A malformed, unknown, wrong, expired or revoked one is
// fault.Unauthenticated, all with the same words; a suspended tenant's is fault.TenantSuspended.
func (a *Authenticator) Authenticate(ctx context.Context, presented string) (Principal, error) {
	keyID, ok := credential.KeyID(presented)
	if !ok {
		return Principal{}, refused()
	}
	sum := sha256.Sum256([]byte(presented))
	epoch, connected := a.notifications.Epoch()
	if connected {
		if known, ok := a.cache.GetIfPresent(sum); ok && known.epoch == epoch && a.now().Before(known.until) {
			return a.admit(known)
		}
	}
	before := a.revocations.Load()
	record, err := a.prove(ctx, keyID, presented)
	if err != nil {
		return Principal{}, err
	}
	found := entry{record: record, keyID: keyID, epoch: epoch, until: a.now().Add(cacheTime)}
	if connected {
		a.cache.Set(sum, found)
		// Looked at after the entry is in, so that a revocation either drops the entry itself or is seen here.
		if a.revocations.Load() != before {
			a.cache.Invalidate(sum)
		}
	}
	p, err := a.admit(found)
	// A key in use is proven anew whenever its entry runs out, so what the cache answers need not be noted.
	if err == nil && a.uses != nil {
		a.uses.note(p, a.now())
	}
	return p, err
}

// prove looks the key up and checks the secret. An unknown id costs the same comparison as a known one.
func (a *Authenticator) prove(ctx context.Context, keyID, presented string) (credential.Record, error) {
	hashKey, err := a.keys.DerivedKey(ctx, credential.PurposeAPIKeys)
	if err != nil {
		return credential.Record{}, err
	}
	record, err := a.keys.LookupKey(ctx, keyID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return credential.Record{}, err
	}
	if matches := credential.Matches(hashKey, presented, record.Hash); err != nil || !matches {
		return credential.Record{}, refused()
	}
	return record, nil
}

// admit applies what can change without the key changing: the clock and the tenant's state.
func (a *Authenticator) admit(e entry) (Principal, error) {
	r := e.record
	switch {
	case r.RevokedAt != nil, r.ExpiresAt != nil && !a.now().Before(*r.ExpiresAt), r.State == tenant.Deleting:
		return Principal{}, refused()
	case r.State == tenant.Suspended:
		return Principal{}, fault.New(fault.TenantSuspended, "the tenant is suspended; ask the operator of this service")
	}
	return Principal{Tenant: identity.Mint(r.TenantID), Slug: r.Slug, State: r.State, Role: r.Role, KeyID: e.keyID}, nil
}

// revoked drops what is known of a key, or of all keys of a tenant.
func (a *Authenticator) revoked(id string) {
	a.revocations.Add(1)
	tenantID, err := uuid.Parse(id)
	for sum, e := range a.cache.All() {
		if e.keyID == id || err == nil && e.record.TenantID == tenantID {
			a.cache.Invalidate(sum)
		}
	}
}

func refused() error {
	return fault.New(fault.Unauthenticated, "the API key is missing or not valid")
}
