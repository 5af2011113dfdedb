package postgres_test

import (
	"testing"

	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/store"
	"lindero/store/postgres"
)

// TestSweepFindsWhatNoWriteBroughtUp has a large collection without a job, as from before there were slots, and a move
// that nobody has taken up.
func TestSweepFindsWhatNoWriteBroughtUp(t *testing.T) {
	t.Parallel()
	f := storefixture.NewPlaced(t, smallPolicy)
	large, small, lost := newPlacedEnv(t, f), newPlacedEnv(t, f), newPlacedEnv(t, f)
	large.fill(0, 60)
	small.fill(0, 30)
	lost.fill(0, 60)
	if _, _, err := postgres.PlaceStep(lost.Handle, lost.ctx, lost.Collection.ID); err != nil {
		t.Fatal(err)
	}
	asOwner(t, f.OwnerURL, `DELETE FROM river.river_job`)
	if n := sweep(t, f); n != 1 || large.queuedPlacements() != 1 {
		t.Errorf("%d found, want the large collection alone", n)
	}
	asOwner(t, f.OwnerURL, `UPDATE collection_placements SET step_at = now() - interval '2 hours'`)
	if n := sweep(t, f); n != 2 || lost.queuedPlacements() != 1 {
		t.Errorf("%d found, want the lost move too", n)
	}
	large.place()
	lost.place()
	if n := sweep(t, f); n != 0 || small.queuedPlacements() != 0 {
		t.Errorf("%d found when all are placed", n)
	}
}

func sweep(t *testing.T, f *storefixture.Fixture) int {
	t.Helper()
	n, err := f.Store.SweepPlacements(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestIndexWithManyDeadIsRebuilt deletes half of an indexed collection: the rest moves to a slot with a fresh index.
func TestIndexWithManyDeadIsRebuilt(t *testing.T) {
	t.Parallel()
	f := storefixture.NewPlaced(t, postgres.PlacementPolicy{PromoteAt: 500, DemoteAt: 100, MaxSlots: 2})
	e := newPlacedEnv(t, f)
	e.fill(0, 3000)
	e.place()
	first := e.Collection.Slot
	e.drop(0, 400)                    // few even when counted twice: the session that deleted may tell of it after ANALYZE has counted
	asOwner(t, f.OwnerURL, `ANALYZE`) // which counts the dead at once
	if n := sweep(t, f); n != 0 {
		t.Errorf("%d found where few are dead", n)
	}
	e.drop(400, 1600)
	asOwner(t, f.OwnerURL, `ANALYZE`)
	if n := sweep(t, f); n != 1 {
		t.Errorf("%d found where half are dead", n)
	}
	e.place()
	if e.Collection.Slot == first || e.Collection.Slot < store.FirstOwnSlot || e.Collection.Chunks != 1400 {
		t.Errorf("slot %d after %d, %d chunks", e.Collection.Slot, first, e.Collection.Chunks)
	}
	e.checkPlaced()
	if found := e.search(newService(t), search.Request{Vector: storefixture.Vector("q", storefixture.Dimensions), Mode: search.Semantic}); len(found.Results) != 10 {
		t.Errorf("%d results", len(found.Results))
	}
	e.place()
	if n := sweep(t, f); n != 0 {
		t.Errorf("%d found after the rebuild", n)
	}
}
