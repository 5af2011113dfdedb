package auth

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"lindero/tenant"
	"lindero/tenant/internal/identity"
)

// written collects what a Uses writes, one entry a call.
type written struct {
	calls []map[string]time.Time
	err   error
}

func (w *written) write(_ context.Context, _ tenant.ID, uses map[string]time.Time) error {
	if w.err == nil {
		w.calls = append(w.calls, uses)
	}
	return w.err
}

func (w *written) keys() (keys []string) {
	for _, call := range w.calls {
		keys = append(keys, slices.Sorted(maps.Keys(call))...)
	}
	return keys
}

func newUses(w *written) *Uses { return NewUses(w.write, slog.New(slog.DiscardHandler)) }

func TestUsesAreWrittenTogetherAndOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &written{}
		u := newUses(w)
		ctx, stop := context.WithCancel(t.Context())
		go u.Run(ctx)
		acme, start := identity.Mint(uuid.New()), time.Now()
		for range 1000 {
			u.note(Principal{Tenant: acme, KeyID: "one"}, time.Now())
			u.note(Principal{Tenant: acme, KeyID: "two"}, time.Now())
		}
		synctest.Wait()
		if len(w.calls) != 0 {
			t.Error("a use was written at once")
		}
		for range 59 {
			time.Sleep(time.Second)
			u.note(Principal{Tenant: acme, KeyID: "one"}, time.Now())
		}
		synctest.Wait()
		if len(w.calls) != 1 || len(w.calls[0]) != 2 || !w.calls[0]["one"].Equal(start) {
			t.Errorf("in the first minute: %v", w.calls)
		}
		time.Sleep(time.Second)
		u.note(Principal{Tenant: acme, KeyID: "one"}, time.Now())
		time.Sleep(2 * useGather)
		synctest.Wait()
		if len(w.calls) != 2 || !w.calls[1]["one"].Equal(start.Add(useEvery)) {
			t.Errorf("in the second minute: %v", w.calls)
		}
		stop()
		synctest.Wait()
	})
}

func TestUsesArePerTenantAndFlushed(t *testing.T) {
	t.Parallel()
	w := &written{err: errors.New("away")}
	u := newUses(w)
	now := time.Now()
	note := func() {
		u.note(Principal{Tenant: identity.Mint(uuid.New()), KeyID: "a"}, now)
		u.note(Principal{Tenant: identity.Mint(uuid.New()), KeyID: "b"}, now)
	}
	note()
	u.Flush(t.Context())
	if w.err = nil; len(w.calls) != 0 {
		t.Fatal("written while storage was away")
	}
	note() // noted again, although within the minute: the first was not written
	u.Flush(t.Context())
	u.Flush(t.Context())
	if got := w.keys(); len(w.calls) != 2 || !slices.Contains(got, "a") || !slices.Contains(got, "b") {
		t.Errorf("written: %v", w.calls)
	}
	u.note(Principal{KeyID: "later"}, now.Add(2*useEvery))
	u.Flush(t.Context())
	if len(u.noted) != 1 {
		t.Errorf("%d keys are still remembered", len(u.noted))
	}
}

// TestUseIsOfWhoIsAdmitted leaves out the refused, and what the cache answers.
func TestUseIsOfWhoIsAdmitted(t *testing.T) {
	t.Parallel()
	w := &written{}
	f := newFixture(nil)
	f.uses = newUses(w)
	authenticate := func() {
		_, _ = f.Authenticate(t.Context(), f.secret)
		_, _ = f.Authenticate(t.Context(), f.secret[:len(f.secret)-2]+"AA")
		f.uses.Flush(t.Context())
	}
	authenticate()
	authenticate()
	if len(w.calls) != 1 || w.keys()[0] != f.id {
		t.Errorf("written: %v", w.calls)
	}
	f.edit(revoke)
	f.now = func() time.Time { return time.Now().Add(time.Hour) }
	if authenticate(); len(w.calls) != 1 {
		t.Error("a revoked key counts as used")
	}
}
