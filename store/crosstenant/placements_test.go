package crosstenant_test

import (
	"testing"

	"lindero/fault"
	"lindero/internal/storefixture"
	"lindero/store"
	"lindero/store/crosstenant"
	"lindero/store/postgres"
)

// The operator's view and wish concern the named tenant's collections only, and reach the worker.
func TestPlacements(t *testing.T) {
	t.Parallel()
	f := storefixture.NewPlaced(t, postgres.PlacementPolicy{PromoteAt: 10})
	a, b := f.Tenant(t, storefixture.External), f.Tenant(t, storefixture.External)
	platform, err := crosstenant.Open(t.Context(), crosstenant.Config{URL: f.PlatformURL, MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(platform.Close)
	look := func() store.VectorPlacement {
		t.Helper()
		found, err := platform.Placements(t.Context(), a.ID)
		if err != nil || len(found) != 1 {
			t.Fatalf("placements: %+v, %v", found, err)
		}
		return found[0]
	}
	if p := look(); p.Collection != "default" || p.Kind() != store.PlaceExact || p.Forced != store.PlaceBySize || p.State != "settled" {
		t.Errorf("at first: %+v", p)
	}
	for _, kind := range []string{store.PlaceHNSW, store.PlaceExact, store.PlaceHNSW} {
		if err := platform.ForcePlacement(t.Context(), a.ID, "default", kind); err != nil {
			t.Fatal(err)
		}
		if again, err := a.Handle.PlaceCollection(t.Context(), a.Collection.ID); err != nil || again > 0 {
			t.Fatalf("again in %v, %v", again, err)
		}
		if p := look(); p.Kind() != kind || p.Forced != kind || p.MovedAt == nil || p.State != "settled" {
			t.Errorf("forced to %s: %+v", kind, p)
		}
	}
	if err := platform.ForcePlacement(t.Context(), a.ID, "default", store.PlaceBySize); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Handle.PlaceCollection(t.Context(), a.Collection.ID); err != nil {
		t.Fatal(err)
	}
	if p := look(); p.Kind() != store.PlaceExact || p.Forced != store.PlaceBySize {
		t.Errorf("left to its size: %+v", p)
	}
	var jobs, others int
	f.Query(t, b.ID, `SELECT count(*) FROM collection_placements`, &others)
	f.Query(t, a.ID, `SELECT count(*) FROM river.river_job WHERE kind = 'place_collection'`, &jobs)
	if others != 0 || jobs != 1 {
		t.Errorf("%d placements of the neighbour, %d jobs; want 0 and 1", others, jobs)
	}
	if err := platform.ForcePlacement(t.Context(), a.ID, "absent", store.PlaceHNSW); !fault.Is(err, fault.NotFound) {
		t.Errorf("an absent collection: %v", err)
	}
}
