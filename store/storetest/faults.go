package storetest

import (
	"lindero/fault"
	"lindero/search"
)

// testErrors: what cannot be answered is refused with a typed error, before and after there is data.
func testErrors(w *world) {
	r := w.resident()
	if found := r.ask(semantic(randomVectorOf(1), 10)); len(found.Results) != 0 {
		w.Errorf("an empty collection answers %v", ids(found))
	}
	r.write(corpus(20, 12)...)
	r.settle()
	many := 1001
	for what, request := range map[string]search.Request{
		"wrong dimension": {Vector: []float32{1, 0}, Mode: search.Semantic},
		"all zeros":       {Vector: make([]float32, Dimensions), Mode: search.Semantic},
		"too many":        {Vector: randomVectorOf(2), TopK: &many},
		"no vector":       {Query: "word", Mode: search.Semantic},
	} {
		if _, err := r.service.Search(w.Context(), r.index, r.ID, request); !fault.Is(err, fault.Invalid) {
			w.Errorf("%s: %v", what, err)
		}
	}
	missing := semantic(randomVectorOf(3), 10)
	missing.Collections = []string{"absent"}
	if _, err := r.service.Search(w.Context(), r.index, r.ID, missing); !fault.Is(err, fault.NotFound) {
		w.Errorf("a collection that does not exist: %v", err)
	}
	if found := r.ask(semantic(randomVectorOf(4), 10)); len(found.Results) != 10 {
		w.Errorf("after the refusals: %d results", len(found.Results))
	}
}
