package search

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"lindero/store"
)

// TestFittedWidthIsTheNarrowestThatHolds draws how recall grows with the width, and compares with looking at every width.
func TestFittedWidthIsTheNarrowestThatHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		levels := rapid.SliceOfN(rapid.Float64Range(.9, 1), len(widths)+1, len(widths)+1).Draw(t, "levels")
		slices.Sort(levels) // a wider search finds no less
		finds := func(width int) Recall {
			at, _ := slices.BinarySearch(widths, width)
			return Recall{Recall: levels[at]}
		}
		state := store.RecallState{
			EfSearch: rapid.IntRange(1, maxEfSearch).Draw(t, "ef"), Objective: rapid.Float64Range(.9, 1).Draw(t, "objective"),
			Fitted: rapid.Bool().Draw(t, "fitted"),
		}
		before := finds(state.EfSearch)
		f := fitting{state: state, ask: func(width int) (Recall, error) { return finds(width), nil }}
		width, found, err := f.fit(before)
		if err != nil || found.Recall < before.Recall && found.Recall < f.reach(margin) {
			t.Fatalf("width %d finds %v, before it was %v; %v", width, found.Recall, before.Recall, err)
		}
		if width != state.EfSearch && found != finds(width) {
			t.Fatalf("width %d is said to find %v", width, found.Recall)
		}
		holds := func(w int) bool { return finds(w).Recall >= f.reach(margin) }
		if at := slices.IndexFunc(widths, holds); at >= 0 && !state.Fitted && width > widths[at] && width != state.EfSearch {
			t.Fatalf("width %d, though %d is enough", width, widths[at])
		}
		if state.Fitted && before.Recall >= state.Objective && width > state.EfSearch {
			t.Fatalf("enough was found, and the width goes from %d to %d", state.EfSearch, width)
		}
		if before.Recall < state.Objective && holds(maxEfSearch) && !holds(width) {
			t.Fatalf("too little found at %d and at %d, though %d is enough", state.EfSearch, width, maxEfSearch)
		}
	})
}

func TestFittingEndsWithTheFirstError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, recall := range []float64{.5, 1} {
		f := fitting{state: store.RecallState{EfSearch: 64, Objective: .98}, ask: func(int) (Recall, error) { return Recall{}, broken }}
		if _, _, err := f.fit(Recall{Recall: recall}); !errors.Is(err, broken) {
			t.Errorf("from a recall of %v: %v", recall, err)
		}
	}
}
