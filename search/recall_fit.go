package search

import (
	"sort"

	"lindero/store"
)

// margin is how much of the way from the objective to 1 a narrower width must find to be chosen, beyond what the choice of
// queries may have added: nobody asked for it to be narrower.
const margin = 0.5

// widths are how wide an index may be searched, each a quarter wider than the one before.
var widths = func() (all []int) {
	for w := minEfSearch; w < maxEfSearch; w = (w*5 + 3) / 4 {
		all = append(all, w)
	}
	return append(all, maxEfSearch)
}()

// Bounds of how wide an index is searched.
const (
	minEfSearch = 20
	maxEfSearch = 1000
)

// fitting looks for the narrowest width that holds the objective. Nobody's search depends on a width before it has been
// asked.
type fitting struct {
	state store.RecallState
	ask   func(width int) (Recall, error) // of queries whose true answers are known
}

// fit returns the width that is to be searched and what it finds. measured is what the present width does. One that misses
// the objective is widened. One that holds it is narrowed unless it was found for this index and objective before: to look
// for a narrower one again and again would be to wait for luck.
func (f fitting) fit(measured Recall) (width int, found Recall, err error) {
	switch {
	case measured.Recall < f.state.Objective:
		return f.wider(measured)
	case !f.state.Fitted:
		return f.narrower(measured)
	}
	return f.state.EfSearch, measured, nil
}

// wider is the narrowest of the wider widths that holds the objective. Where none does, it is the narrowest of those that
// find most: beyond it, searches would only be slower.
func (f fitting) wider(measured Recall) (int, Recall, error) {
	best, found := f.state.EfSearch, measured
	for _, width := range widths {
		if width <= f.state.EfSearch {
			continue
		}
		tried, err := f.ask(width)
		if err != nil {
			return 0, Recall{}, err
		}
		if tried.Recall > found.Recall {
			best, found = width, tried
		}
		if found.Recall >= f.state.Objective {
			break
		}
	}
	return best, found, nil
}

// narrower is the narrowest width that holds the objective by a margin, or the present one.
func (f fitting) narrower(measured Recall) (int, Recall, error) {
	wanted := f.state.Objective + margin*(1-f.state.Objective)
	below := widths[:sort.SearchInts(widths, f.state.EfSearch)]
	width, found := f.state.EfSearch, measured
	var failed error
	sort.Search(len(below), func(i int) bool {
		tried, err := f.ask(below[i])
		if err != nil {
			failed = err
		}
		if err != nil || tried.atLeast < wanted {
			return false
		}
		width, found = below[i], tried
		return true
	})
	return width, found, failed
}
