package jobs_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"lindero/internal/storefixture"
	"lindero/store"
)

// searchers are neighbours that search all the time.
type searchers struct {
	mu    sync.Mutex
	rests map[uuid.UUID]int
}

func (s *searchers) OthersSearch(uuid.UUID) bool { return true }

func (s *searchers) MakeWay(_ context.Context, tenant uuid.UUID, worked time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if worked > 0 {
		s.rests[tenant]++
	}
}

// TestBulkMakesWayForSearches has bulk and a single document indexed beside tenants that search.
func TestBulkMakesWayForSearches(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	bulk, single := f.Tenant(t, storefixture.External), f.Tenant(t, storefixture.External)
	accepted, err := bulk.Handle.AcceptDocuments(t.Context(), bulk.Collection, split("b", 600), store.AcceptOptions{Bulk: true})
	if err != nil {
		t.Fatal(err)
	}
	one := accept(t, single, split("s", 1)...)
	beside := &searchers{rests: map[uuid.UUID]int{}}
	cfg := config(f.Store, nil)
	cfg.Neighbours = beside
	start(t, cfg)
	if op := wait(t, bulk, accepted[0].Operation); op.Status != store.Succeeded || op.Done != 600 {
		t.Errorf("bulk: %+v", op)
	}
	if op := wait(t, single, one); op.Status != store.Succeeded || op.Done != 1 {
		t.Errorf("single: %+v", op)
	}
	beside.mu.Lock()
	defer beside.mu.Unlock()
	// Of three batches of at most 256, the last one's rest may still be to come.
	if beside.rests[bulk.ID.UUID()] < 2 || beside.rests[single.ID.UUID()] != 0 {
		t.Errorf("bulk rested %d times, the single document %d", beside.rests[bulk.ID.UUID()], beside.rests[single.ID.UUID()])
	}
}
