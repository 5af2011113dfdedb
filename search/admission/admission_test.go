package admission

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"lindero/fault"
)

// enter must succeed at once.
func enter(t *testing.T, g *Gate, tenant uuid.UUID) func() {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	leave, err := g.Enter(ctx, tenant)
	if err != nil {
		t.Fatalf("not admitted at once: %v", err)
	}
	return leave
}

// full reports that a search of the tenant would have to wait.
func full(t *testing.T, g *Gate, tenant uuid.UUID) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	leave, err := g.Enter(ctx, tenant)
	if err == nil {
		leave()
	}
	return err != nil
}

func TestATenantAloneHasAllSlots(t *testing.T) {
	t.Parallel()
	g, a := New(3), uuid.New()
	for range 3 {
		defer enter(t, g, a)()
	}
	if !full(t, g, a) {
		t.Error("a fourth search was admitted to three slots")
	}
}

func TestAQuietTenantFindsRoomBesideALoudOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, loud, quiet := New(4), uuid.New(), uuid.New()
		enter(t, g, quiet)() // it has searched a moment ago, and will again
		first, second := enter(t, g, loud), enter(t, g, loud)
		var waiting sync.WaitGroup
		order := make(chan int, 3)
		for n := range 3 {
			waiting.Go(func() {
				leave, err := g.Enter(t.Context(), loud)
				if err != nil {
					t.Error(err)
					return
				}
				order <- n
				time.Sleep(memory / 10)
				leave()
			})
		}
		synctest.Wait()
		first() // three are waiting: now it is a loud one, and has room for a single search
		synctest.Wait()
		if len(order) != 0 {
			t.Error("the loud tenant took more than its part")
		}
		enter(t, g, quiet)()
		second()
		synctest.Wait()
		if len(order) != 1 {
			t.Errorf("%d of the loud tenant's searches run when it has room for one", len(order))
		}
		waiting.Wait()
		time.Sleep(memory) // the quiet one has gone
		for range 4 {
			defer enter(t, g, loud)()
		}
	})
}

// TestTurns has the searches of two tenants wait, many of one and one of another, and sees who comes first.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, loud, quiet := New(1), uuid.New(), uuid.New()
		leave := enter(t, g, loud)
		var order []uuid.UUID
		var group sync.WaitGroup
		wait := func(tenant uuid.UUID) {
			group.Go(func() {
				leave, err := g.Enter(t.Context(), tenant)
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, tenant) // there is one slot
				leave()
			})
			synctest.Wait()
		}
		for range 5 {
			wait(loud)
		}
		wait(quiet)
		leave()
		group.Wait()
		if len(order) != 6 || order[0] != quiet {
			t.Errorf("the quiet tenant came behind the loud one's queue: %v", order)
		}
	})
}

func TestTooManyAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, loud, quiet := New(1), uuid.New(), uuid.New()
		leave := enter(t, g, loud)
		ctx, cancel := context.WithCancel(t.Context())
		var gone atomic.Int64
		for range maxWaiting {
			go func() {
				if _, err := g.Enter(ctx, loud); errors.Is(err, context.Canceled) {
					gone.Add(1)
				}
			}()
		}
		synctest.Wait()
		var refused *fault.Error
		if _, err := g.Enter(t.Context(), loud); !errors.As(err, &refused) || refused.Code != fault.RateLimited || refused.RetryAfter <= 0 {
			t.Errorf("beyond the bound: %v", err)
		}
		if !full(t, g, quiet) { // waits, and is not refused
			t.Error("admitted to a slot that is taken")
		}
		cancel()
		synctest.Wait()
		if gone.Load() != maxWaiting {
			t.Errorf("%d of %d gave up", gone.Load(), maxWaiting)
		}
		leave()
		enter(t, g, loud)()
	})
}

// TestNothingIsLost has tenants come, give up and go at random. There are never more running than slots, and in the end
// all slots are free and nothing is remembered.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		slots, searches := rapid.IntRange(1, 5).Draw(r, "slots"), rapid.IntRange(1, 60).Draw(r, "searches")
		tenants := []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
		type plan struct{ tenant, patience, lasts int }
		plans := make([]plan, searches)
		for i := range plans {
			plans[i] = plan{rapid.IntRange(0, 2).Draw(r, "tenant"), rapid.IntRange(1, 20).Draw(r, "patience"), rapid.IntRange(0, 10).Draw(r, "lasts")}
		}
		synctest.Test(t, func(t *testing.T) {
			g := New(slots)
			var running, most atomic.Int64
			for _, p := range plans {
				go func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(p.patience)*10*time.Millisecond)
					defer cancel()
					leave, err := g.Enter(ctx, tenants[p.tenant])
					if err != nil {
						return
					}
					if n := running.Add(1); n > most.Load() {
						most.Store(n)
					}
					time.Sleep(time.Duration(p.lasts) * 10 * time.Millisecond)
					running.Add(-1)
					leave()
				}()
			}
			synctest.Wait()
			time.Sleep(time.Minute)
			synctest.Wait()
			if most.Load() > int64(slots) || g.running != 0 || g.waiting != 0 {
				t.Errorf("%d at once in %d slots; %d running and %d waiting at the end", most.Load(), slots, g.running, g.waiting)
			}
			enter(t, g, uuid.New())()
			if len(g.tenants) != 1 || g.recent.Len() != 1 {
				t.Errorf("%d tenants are remembered", len(g.tenants))
			}
		})
	})
}

func BenchmarkEnter(b *testing.B) {
	g, tenant := New(4), uuid.New()
	b.ReportAllocs()
	for b.Loop() {
		leave, err := g.Enter(b.Context(), tenant)
		if err != nil {
			b.Fatal(err)
		}
		leave()
	}
}
