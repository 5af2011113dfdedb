package postgres

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"lindero/store"
)

func TestRunsOf(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ordinals := rapid.SliceOf(rapid.Int64Range(1, 40)).Draw(t, "ordinals")
		if rapid.Bool().Draw(t, "long") {
			for n := range int64(2500) {
				ordinals = append(ordinals, 20+n)
			}
		}
		var covered []int64
		firsts, runs := runsOf(ordinals)
		for i, first := range firsts {
			if runs[i] < 1 || runs[i] > store.MaxRun {
				t.Fatalf("a run of %d", runs[i])
			}
			for n := range int64(runs[i]) {
				covered = append(covered, first+n)
			}
		}
		if want := slices.Compact(slices.Sorted(slices.Values(ordinals))); !slices.Equal(covered, want) {
			t.Fatalf("the runs cover %v, want %v", covered, want)
		}
		for i := 1; i < len(firsts); i++ {
			if firsts[i] == firsts[i-1]+int64(runs[i-1]) && runs[i-1] < store.MaxRun {
				t.Fatalf("the runs from %d and %d are one", firsts[i-1], firsts[i])
			}
		}
	})
}
