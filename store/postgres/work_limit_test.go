package postgres_test

import (
	"testing"

	"lindero/internal/storefixture"
	"lindero/store"
)

// TestBatchesForAnIndexAreSmaller claims work of a collection before and after it has an index of its own.
func TestBatchesForAnIndexAreSmaller(t *testing.T) {
	t.Parallel()
	e := newPlacedEnv(t, storefixture.NewPlaced(t, smallPolicy))
	claim := func(limit store.WorkLimit) store.Work {
		work, err := e.Handle.ClaimWork(e.ctx, turn, allClasses, limit)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Handle.ReleaseWork(e.ctx, turn, e.Collection.ID, work.Items); err != nil {
			t.Fatal(err)
		}
		return work
	}
	limit := store.WorkLimit{Items: 20, Bytes: 1 << 30, Suspects: 1, Indexed: 5}
	next := 100
	for _, indexed := range []bool{false, true} {
		want := limit.Items
		if indexed {
			want = limit.Indexed
			e.index()
			e.fill(30, 80)
			e.place()
		}
		e.accept(bulky(next, next+30)...)
		next += 30
		if work := claim(limit); len(work.Items) != want || !work.Full {
			t.Errorf("indexed %t: %d items, full %t; want %d", indexed, len(work.Items), work.Full, want)
		}
		if work := claim(store.WorkLimit{Items: 20, Bytes: 1 << 30, Suspects: 1}); len(work.Items) != 20 || !work.Full {
			t.Errorf("indexed %t, without a smaller limit: %d items, full %t", indexed, len(work.Items), work.Full)
		}
	}
}
