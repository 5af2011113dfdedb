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
			return Recall{Recall: levels[at], atLeast: levels[at] - .001}
		}
		state := store.RecallState{
			EfSearch: rapid.IntRange(1, maxEfSearch).Draw(t, "ef"), Objective: rapid.Float64Range(.9, 1).Draw(t, "objective"),
			Fitted: rapid.Bool().Draw(t, "fitted"),
		}
		before := finds(state.EfSearch)
		f := fitting{state: state, ask: func(width int) (Recall, error) { return finds(width), nil }}
		width, found, err := f.fit(before)
		if err != nil || found != finds(width) {
			t.Fatalf("width %d is said to find %v; %v", width, found.Recall, err)
		}
		most := finds(maxEfSearch).Recall
		holds := func(w int) bool { return finds(w).Recall >= state.Objective }
		surely := func(w int) bool { return finds(w).atLeast >= state.Objective+margin*(1-state.Objective) }
		at := slices.IndexFunc(widths, surely)
		switch {
		case holds(state.EfSearch) && state.Fitted:
			if width != state.EfSearch {
				t.Fatalf("enough was found, and the width goes from %d to %d", state.EfSearch, width)
			}
		case holds(state.EfSearch) && (at < 0 || widths[at] >= state.EfSearch):
			if width != state.EfSearch {
				t.Fatalf("the width goes from %d to %d, which may not be enough", state.EfSearch, width)
			}
		case holds(state.EfSearch):
			if width != widths[at] {
				t.Fatalf("the width goes from %d to %d, though %d is enough", state.EfSearch, width, widths[at])
			}
		case most < state.Objective:
			if found.Recall != most && state.EfSearch < maxEfSearch {
				t.Fatalf("width %d finds %v, though %v can be found", width, found.Recall, most)
			}
		default:
			next := slices.IndexFunc(widths, func(w int) bool { return w > state.EfSearch && holds(w) })
			if width != widths[next] {
				t.Fatalf("too little found at %d, and the width becomes %d instead of %d", state.EfSearch, width, widths[next])
			}
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
