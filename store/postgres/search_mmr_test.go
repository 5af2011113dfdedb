package postgres_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/store"
)

// TestMMRPrefersWhatDiffers searches among copies of the best passage and one other passage that fits less.
func TestMMRPrefersWhatDiffers(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	part := func(id string, vector ...float32) store.NewDocument {
		return store.NewDocument{ID: id, Payload: store.Payload{
			Metadata: []byte(`{}`), ContentType: "text/plain", Parts: []store.Part{{Text: "invoice", Vector: vector}},
		}}
	}
	for i := range 5 {
		e.accept(part(fmt.Sprintf("copy-%d", i), 1, .1+.0001*float32(i), 0, 0))
	}
	e.accept(part("other", .8, -.6, 0, 0))
	e.index()
	service := newService(t)
	two, lambda, relevance := 2, .5, 1.0
	request := search.Request{Vector: []float32{1, .1, 0, 0}, Mode: search.Semantic, TopK: &two}
	plain := e.search(service, request)
	if got := idsOf(plain); slices.Contains(got, "other") || plain.Explain.MMR != nil {
		t.Fatalf("without mmr: %v, %+v", got, plain.Explain.MMR)
	}
	request.MMR = &search.MMR{Lambda: &relevance}
	if got := e.search(service, request); !cmp.Equal(idsOf(got), idsOf(plain)) {
		t.Errorf("with lambda 1: %v, want %v", idsOf(got), idsOf(plain))
	}
	request.MMR = &search.MMR{Lambda: &lambda}
	for _, mode := range []string{search.Semantic, search.Hybrid, search.Lexical} {
		request.Mode = mode
		if mode != search.Semantic {
			request.Query = "invoice"
		}
		diverse := e.search(service, request)
		if got := idsOf(diverse); len(got) != 2 || !slices.Contains(got, "other") {
			t.Errorf("%s: chose %v", mode, got)
			continue
		}
		if first, second := diverse.Results[0], diverse.Results[1]; first.Score < second.Score || first.Vector != nil {
			t.Errorf("%s: scores %v and %v, vector %v", mode, first.Score, second.Score, first.Vector)
		}
		if m := diverse.Explain.MMR; m == nil || m.Candidates != 6 || m.Lambda != .5 {
			t.Errorf("%s: explained as %+v", mode, m)
		}
	}
}

// TestMMRPagesAreDisjoint walks through all of a ranking by offset.
func TestMMRPagesAreDisjoint(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for i := range 9 {
		e.put(fmt.Sprintf("d%d", i), fmt.Sprintf("router %d %d", i, i*i))
	}
	e.index()
	service := newService(t)
	two, lambda := 2, .3
	seen := map[string]bool{}
	for offset := 0; offset < 10; offset += two {
		page := e.search(service, search.Request{
			Query: "router", Vector: storefixture.Vector("router", storefixture.Dimensions), TopK: &two, Offset: offset,
			MMR: &search.MMR{Lambda: &lambda}, GroupBy: "document",
		})
		if want := min(two, 9-offset); len(page.Results) != want {
			t.Errorf("page at %d has %d results, want %d", offset, len(page.Results), want)
		}
		for _, id := range idsOf(page) {
			if seen[id] {
				t.Errorf("%s comes twice", id)
			}
			seen[id] = true
		}
	}
}
