package postgres_test

import (
	"testing"

	"lindero/fault"
	"lindero/internal/storefixture"
	"lindero/store"
)

// fit has the collection's index searched so wide, as if that had been measured.
func (e *env) fit(width int) {
	e.Helper()
	state, err := e.Handle.RecallState(e.ctx, e.Collection.ID)
	if err != nil {
		e.Fatal(err)
	}
	if err := e.Handle.SetEfSearch(e.ctx, state, width); err != nil {
		e.Fatal(err)
	}
	e.reread()
}

// TestWidthIsOfOneIndex sets the width that was measured on an index; when the index grows to double its size, or is
// built anew, it is forgotten, and what is measured late is refused.
func TestWidthIsOfOneIndex(t *testing.T) {
	t.Parallel()
	f := storefixture.NewPlaced(t, smallPolicy)
	e := newPlacedEnv(t, f)
	measure := func() store.RecallState {
		t.Helper()
		state, err := e.Handle.RecallState(e.ctx, e.Collection.ID)
		if err != nil {
			t.Fatal(err)
		}
		return state
	}
	e.fill(0, 50)
	e.place()
	state := measure()
	if !state.Indexed || state.Fitted || state.EfSearch < 20 || state.Chunks != 50 {
		t.Fatalf("of a new index: %+v", state)
	}
	e.fit(33)
	if now := measure(); now.Fitted || now.EfSearch != 33 || e.Collection.EfSearch != 33 {
		t.Errorf("before the measurement is kept: %+v", now)
	}
	if err := e.Handle.RecordRecall(e.ctx, e.Collection.ID, store.RecallMeasurement{Recall: .99, EfSearch: 33}); err != nil {
		t.Fatal(err)
	}
	if now := measure(); !now.Fitted {
		t.Errorf("after it was measured: %+v", now)
	}
	e.Exec(t, e.ID, `UPDATE tenants SET settings = '{"recall_objective": 0.9}'`)
	if now := measure(); now.Fitted || now.EfSearch != 33 || now.Objective != .9 {
		t.Errorf("for another objective: %+v", now)
	}
	e.Exec(t, e.ID, `UPDATE tenants SET settings = '{}'`)

	asOwner(t, e.OwnerURL, `DELETE FROM river.river_job`)
	e.fill(50, 99)
	if n := e.queuedPlacements(); n != 0 || measure().EfSearch != 33 {
		t.Errorf("%d looks at a collection that grew a little; %+v", n, measure())
	}
	e.fill(99, 101)
	if n := e.queuedPlacements(); n != 1 {
		t.Errorf("%d looks at a collection of twice the size, want 1", n)
	}
	e.place()
	if now := measure(); now.Fitted || now.Chunks != 101 || now.Slot != state.Slot {
		t.Errorf("at twice the size: %+v", now)
	}
	if err := e.Handle.SetEfSearch(e.ctx, state, 44); !fault.Is(err, fault.Conflict) {
		t.Errorf("of the smaller index: %v", err)
	}

	state = measure()
	e.fit(44)
	asOwner(t, e.OwnerURL, `UPDATE collection_placements SET forced = 'exact'`)
	e.place()
	asOwner(t, e.OwnerURL, `UPDATE collection_placements SET forced = 'hnsw'`)
	e.place()
	if now := measure(); !now.Indexed || now.Fitted {
		t.Errorf("of an index built anew: %+v", now)
	}
	if err := e.Handle.SetEfSearch(e.ctx, store.RecallState{Collection: e.ID.UUID(), Slot: state.Slot, Chunks: state.Chunks}, 44); !fault.Is(err, fault.NotFound) {
		t.Errorf("of a collection that is not there: %v", err)
	}
	if err := e.Handle.SetEfSearch(e.ctx, state, 0); !fault.Is(err, fault.Invalid) {
		t.Errorf("a width of nothing: %v", err)
	}
}
