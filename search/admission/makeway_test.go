package admission

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

func TestOthersSearch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, a, b := New(0), uuid.New(), uuid.New()
		want := func(when string, besideA, besideB bool) {
			t.Helper()
			if g.OthersSearch(a) != besideA || g.OthersSearch(b) != besideB {
				t.Errorf("%s: beside A %t, beside B %t", when, g.OthersSearch(a), g.OthersSearch(b))
			}
		}
		want("nobody has searched", false, false)
		enter(t, g, a)()
		want("A has", false, true)
		enter(t, g, b)()
		want("both have", true, true)
		for range 3 {
			time.Sleep(activeFor / 2)
			enter(t, g, b)()
		}
		want("only B goes on", true, false)
		time.Sleep(activeFor)
		want("silence", false, false)
	})
}

func TestBulkMakesWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, loader, searcher := New(0), uuid.New(), uuid.New()
		rest := func(ctx context.Context, worked time.Duration) time.Duration {
			started := time.Now()
			g.MakeWay(ctx, loader, worked)
			return time.Since(started)
		}
		searching, stop := context.WithCancel(t.Context())
		search := func() {
			for searching.Err() == nil {
				enter(t, g, searcher)()
				time.Sleep(activeFor / 2)
			}
		}
		enter(t, g, loader)()
		if took := rest(t.Context(), time.Second); took != 0 {
			t.Errorf("rested %s with nobody else there", took)
		}
		go search()
		synctest.Wait()
		if took := rest(t.Context(), 10*time.Millisecond); took != restFactor*10*time.Millisecond {
			t.Errorf("rested %s after 10 ms of work", took)
		}
		if took := rest(t.Context(), time.Hour); took != maxRest {
			t.Errorf("rested %s after long work", took)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if took := rest(gone, time.Hour); took != 0 {
			t.Errorf("rested %s for a caller that had gone", took)
		}
		stop()
		if took := rest(t.Context(), time.Hour); took > activeFor+restStep {
			t.Errorf("rested %s when the others had stopped", took)
		}
	})
}
