package search

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

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
	needs     int   // width that finds everything
	tried     []int // widths below the one that searches have
}

func (k *keptIndex) RecallState(context.Context, uuid.UUID) (store.RecallState, error) {
	if k.gone {
		return store.RecallState{}, fault.New(fault.NotFound, "gone")
	}
	return k.state, nil
}

func (k *keptIndex) RecordRecall(_ context.Context, _ uuid.UUID, m store.RecallMeasurement) error {
	k.recorded = append(k.recorded, m)
	if m.Recall < k.state.Objective {
		k.state.Insufficient = max(k.state.Insufficient, m.EfSearch)
	}
	return nil
}

func (k *keptIndex) ForgetRecall(context.Context, uuid.UUID) error { k.forgotten = true; return nil }

func (k *keptIndex) SetEfSearch(_ context.Context, _ uuid.UUID, ef int) error {
	k.state.EfSearch = ef
	return nil
}

func (k *keptIndex) Retrieve(ctx context.Context, plan Plan) (Snapshot, error) {
	k.hides = 10
	width := plan.Targets[0].Collection.EfSearch
	if width == 0 {
		width = k.state.EfSearch
	}
	if !plan.Targets[0].Exact && width < k.state.EfSearch {
		k.tried = append(k.tried, width)
	}
	if width >= k.needs {
		k.hides = 0
	}
	return k.lossyIndex.Retrieve(ctx, plan)
}

func TestWatchFindsTheWidthThatHoldsTheObjective(t *testing.T) {
	id := tenanttest.New(t)
	service := newTestService(t)
	k := &keptIndex{lossyIndex: newLossy(id.UUID(), 500, 0), needs: 100}
	k.state = store.RecallState{Name: "default", Indexed: true, Objective: .98, EfSearch: 40}
	for range 12 {
		again, err := service.WatchRecall(t.Context(), k, id, k.collection.ID)
		if err != nil || again <= 0 {
			t.Fatalf("come back in %v, %v", again, err)
		}
	}
	last := k.recorded[len(k.recorded)-1]
	if last.Recall != 1 || last.EfSearch < 100 || last.EfSearch > 115 {
		t.Errorf("it settled at %+v", last)
	}
	if first := k.recorded[0]; first.Recall > .95 || first.EfSearch != 40 || first.Queries != watchQueries || first.ShortResults > 0 {
		t.Errorf("it began with %+v", first)
	}
}

// TestNarrowerWidthIsTriedFirst has a width that finds everything while a narrower one does not, or does.
func TestNarrowerWidthIsTriedFirst(t *testing.T) {
	t.Parallel()
	for needs, want := range map[int]int{90: 100, 70: 80} {
		id := tenanttest.New(t)
		k := &keptIndex{lossyIndex: newLossy(id.UUID(), 500, 0), needs: needs}
		k.state = store.RecallState{Name: "default", Indexed: true, Objective: .98, EfSearch: 100}
		if _, err := newTestService(t).WatchRecall(t.Context(), k, id, k.collection.ID); err != nil {
			t.Fatal(err)
		}
		if k.state.EfSearch != want || len(k.tried) != watchQueries || k.tried[0] != 80 {
			t.Errorf("where %d is needed, %v was tried and the width is %d, want %d", needs, k.tried, k.state.EfSearch, want)
		}
		if len(k.recorded) != 1 || k.recorded[0].EfSearch != 100 {
			t.Errorf("recorded %+v, want what searches find alone", k.recorded)
		}
	}
}

func TestWatchEnds(t *testing.T) {
	t.Parallel()
	id := tenanttest.New(t)
	k := &keptIndex{lossyIndex: newLossy(id.UUID(), 10, 0), state: store.RecallState{Name: "default", Objective: .98}}
	if again, err := newTestService(t).WatchRecall(t.Context(), k, id, k.collection.ID); again != 0 || err != nil || !k.forgotten {
		t.Errorf("without an index: %v, %v", again, err)
	}
	k.gone = true
	if again, err := newTestService(t).WatchRecall(t.Context(), k, id, k.collection.ID); again != 0 || err != nil || len(k.recorded) > 0 {
		t.Errorf("gone: %v, %v", again, err)
	}
}

func TestWidthMovesTowardsTheObjective(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := store.RecallState{
			EfSearch: rapid.IntRange(1, maxEfSearch).Draw(t, "ef"), Objective: rapid.Float64Range(.5, 1).Draw(t, "objective"),
			Insufficient: rapid.IntRange(0, maxEfSearch).Draw(t, "insufficient"),
		}
		recall := rapid.Float64Range(0, 1).Draw(t, "recall")
		ef := adaptedEfSearch(s, recall)
		switch {
		case ef < 1 || ef > maxEfSearch:
			t.Fatalf("width %d", ef)
		case recall < s.Objective && ef <= s.EfSearch && s.EfSearch < maxEfSearch:
			t.Fatalf("too little found, and the width goes from %d to %d", s.EfSearch, ef)
		case recall >= s.Objective && ef > s.EfSearch:
			t.Fatalf("enough found, and the width goes from %d to %d", s.EfSearch, ef)
		case ef < s.EfSearch && ef <= s.Insufficient:
			t.Fatalf("narrowed to %d, which is known to miss the objective", ef)
		}
	})
}
