package search

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"lindero/fault"
	"lindero/store"
	"lindero/tenant/tenanttest"
)

// keptIndex is a lossy index that keeps its recall and is less lossy the wider it is searched.
type keptIndex struct {
	*lossyIndex
	state     store.RecallState
	recorded  []store.RecallMeasurement
	forgotten bool
	gone      bool
	moved     bool        // the index is another than the one that is measured
	needs     int         // width that finds everything
	asked     map[int]int // searches by width
}

func newKept(id uuid.UUID, needs int, state store.RecallState) *keptIndex {
	k := &keptIndex{lossyIndex: newLossy(id, 500, 0), needs: needs, state: state, asked: map[int]int{}}
	k.state.Name, k.state.Indexed, k.state.Collection = "default", true, k.collection.ID
	return k
}

func (k *keptIndex) RecallState(context.Context, uuid.UUID) (store.RecallState, error) {
	if k.gone {
		return store.RecallState{}, fault.New(fault.NotFound, "gone")
	}
	return k.state, nil
}

func (k *keptIndex) RecordRecall(_ context.Context, _ uuid.UUID, m store.RecallMeasurement) error {
	k.recorded = append(k.recorded, m)
	return nil
}

func (k *keptIndex) ForgetRecall(context.Context, uuid.UUID) error { k.forgotten = true; return nil }

func (k *keptIndex) SetEfSearch(_ context.Context, was store.RecallState, ef int) error {
	if k.moved {
		return fault.New(fault.Conflict, "another index")
	}
	k.state.EfSearch, k.state.Fitted = ef, true
	return nil
}

func (k *keptIndex) Retrieve(ctx context.Context, plan Plan) (Snapshot, error) {
	k.hides = 10
	width := plan.Targets[0].Collection.EfSearch
	if width == 0 {
		width = k.state.EfSearch
	}
	if !plan.Targets[0].Exact {
		k.asked[width]++
	}
	if width >= k.needs {
		k.hides = 0
	}
	return k.lossyIndex.Retrieve(ctx, plan)
}

// TestWatchFindsTheNarrowestWidth measures an index from its default width, or from one that was found before, once.
func TestWatchFindsTheNarrowestWidth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state   store.RecallState
		needs   int
		want    int
		queries int
	}{
		"new, too narrow":             {store.RecallState{EfSearch: 64}, 90, 99, thorough},
		"new, wider than needed":      {store.RecallState{EfSearch: 64}, 30, 32, thorough},
		"new, as wide as needed":      {store.RecallState{EfSearch: 64}, 64, 64, thorough},
		"new, the narrowest there is": {store.RecallState{EfSearch: 64}, 1, 20, thorough},
		"found before, too narrow":    {store.RecallState{EfSearch: 40, Fitted: true}, 90, 99, thorough},
		"found before":                {store.RecallState{EfSearch: 99, Fitted: true}, 30, 99, glance},
		"nothing helps":               {store.RecallState{EfSearch: 40, Fitted: true}, 5000, 40, thorough},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // the watch rests most of the time
			id := tenanttest.New(t)
			c.state.Objective = .98
			k := newKept(id.UUID(), c.needs, c.state)
			again, err := newTestService(t).WatchRecall(t.Context(), k, id, k.collection.ID)
			if err != nil || again < watchEvery/2 {
				t.Fatalf("come back in %v, %v", again, err)
			}
			if k.state.EfSearch != c.want || !k.state.Fitted {
				t.Errorf("the width is %d, want %d; asked: %v", k.state.EfSearch, c.want, k.asked)
			}
			if len(k.recorded) != 1 || k.recorded[0].EfSearch != c.want || k.recorded[0].Queries != c.queries ||
				(k.recorded[0].Recall == 1) != (c.needs <= c.want) {
				t.Errorf("recorded %+v, want what searches find from now on", k.recorded)
			}
		})
	}
}

// TestIndexThatHasMovedIsMeasuredAgain: what was found of the one before says nothing.
func TestIndexThatHasMovedIsMeasuredAgain(t *testing.T) {
	t.Parallel()
	id := tenanttest.New(t)
	k := newKept(id.UUID(), 30, store.RecallState{EfSearch: 64, Objective: .98})
	k.moved = true
	again, err := newTestService(t).WatchRecall(t.Context(), k, id, k.collection.ID)
	if again != watchAgain || err != nil || len(k.recorded) > 0 {
		t.Errorf("come back in %v, %v; recorded %+v", again, err, k.recorded)
	}
}

func TestWatchEnds(t *testing.T) {
	t.Parallel()
	id := tenanttest.New(t)
	k := newKept(id.UUID(), 1, store.RecallState{Objective: .98})
	k.state.Indexed = false
	if again, err := newTestService(t).WatchRecall(t.Context(), k, id, k.collection.ID); again != 0 || err != nil || !k.forgotten {
		t.Errorf("without an index: %v, %v", again, err)
	}
	k.gone = true
	if again, err := newTestService(t).WatchRecall(t.Context(), k, id, k.collection.ID); again != 0 || err != nil || len(k.recorded) > 0 {
		t.Errorf("gone: %v, %v", again, err)
	}
}

func TestWatchLeavesAnEmptyCollectionAlone(t *testing.T) {
	t.Parallel()
	id := tenanttest.New(t)
	k := newKept(id.UUID(), 1, store.RecallState{Objective: .98, EfSearch: 64})
	k.vectors = nil
	again, err := newTestService(t).WatchRecall(t.Context(), k, id, k.collection.ID)
	if again < watchEvery/2 || err != nil || len(k.recorded) > 0 || k.state.Fitted {
		t.Errorf("come back in %v, %v; %+v", again, err, k)
	}
}
