package postgres_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/store"
	"lindero/store/postgres"
)

// A collection with an index answers every filter with as many results as an exact scan, with none that does not match,
// and hardly overlooks any, whichever of the three ways it takes.
func TestFiltersOnAnIndex(t *testing.T) {
	t.Parallel()
	const chunks = 1200
	f := storefixture.NewPlaced(t, postgres.PlacementPolicy{PromoteAt: 1000})
	e := newPlacedEnv(t, f)
	docs := make([]store.NewDocument, chunks)
	for i := range docs {
		docs[i] = storefixture.Split(fmt.Sprint("d", i), fmt.Sprint("text ", i), storefixture.Dimensions)
		docs[i].Payload.Metadata = json.RawMessage(fmt.Sprintf(
			`{"even":%t,"percent":%d,"tag":"t%d","tags":["t%d","t%d"],"rare":%t}`, i%2 == 0, i%100, i%10, i%10, i%7, i%400 == 3))
		if i == 77 {
			docs[i].Payload.Metadata = json.RawMessage(`{}`)
		}
	}
	for batch := range slices.Chunk(docs, 1000) {
		e.accept(batch...)
		e.index()
	}
	e.place()
	asOwner(t, e.OwnerURL, `ANALYZE`)
	if !e.Collection.Indexed() {
		t.Fatalf("the collection is in slot %d", e.Collection.Slot)
	}
	service := newService(t)
	common, wanted := 0, 0
	for _, filter := range []string{
		`{"even":true}`, `{"rare":true}`, `{"percent":7}`, `{"percent":{"$lt":50}}`, `{"percent":{"$gte":99}}`, `{"percent":{"$in":[1,2,3]}}`,
		`{"tag":"t3"}`, `{"tags":"t3"}`, `{"tags":{"$in":["t3","t4"]}}`, `{"tag":"absent"}`, `{"percent":{"$in":[]}}`, `{"tag":{"$exists":true}}`,
		`{"tag":{"$exists":false}}`, `{"percent":{"$ne":7}}`, `{"$id":"d77"}`, `{"$id":{"$in":["d1","d2","nobody"]}}`, `{"$id":{"$gt":"d9"}}`,
		`{"even":true,"rare":true}`, `{"even":true,"percent":4}`, `{"percent":{"$lt":50},"tag":{"$in":["t1","t2"]},"tags":"t5"}`,
		`{"$or":[{"percent":7},{"rare":true}]}`, `{"$or":[{"percent":7},{"$not":{"even":true}}]}`, `{"$not":{"rare":false}}`,
		`{"$and":[{"$or":[{"tag":"t1"},{"tag":"t2"}]},{"percent":{"$gt":90}}]}`, `{"$title":{"$gt":"Title of d5"},"even":false}`, `{}`,
	} {
		most := 1000
		all := idsOf(e.search(service, search.Request{
			Vector: storefixture.Vector("all", storefixture.Dimensions), Mode: search.Semantic, Filter: json.RawMessage(filter), TopK: &most,
		}))
		if byWords := idsOf(e.search(service, search.Request{ // every document has the word
			Query: "text", Mode: search.Lexical, Filter: json.RawMessage(filter), TopK: &most,
		})); len(all) < most {
			slices.Sort(byWords)
			if sorted := slices.Sorted(slices.Values(all)); !slices.Equal(byWords, sorted) {
				t.Errorf("%s: %d found by the word, %d by vectors", filter, len(byWords), len(all))
			}
		}
		for _, topK := range []int{3, 40} {
			request := search.Request{
				Vector: storefixture.Vector(filter, storefixture.Dimensions), Mode: search.Semantic, Filter: json.RawMessage(filter), TopK: &topK,
			}
			found := idsOf(e.search(service, request))
			request.Exact = true
			exact := idsOf(e.search(service, request))
			slices.Sort(found)
			if len(slices.Compact(found)) != len(exact) {
				t.Errorf("%s, top %d: %d different of %d results, exactly %d", filter, topK, len(slices.Compact(found)), len(found), len(exact))
			}
			for _, id := range found {
				if len(all) < most && !slices.Contains(all, id) {
					t.Errorf("%s, top %d: %s does not match", filter, topK, id)
				}
			}
			wanted += len(exact)
			for _, id := range exact {
				if slices.Contains(found, id) {
					common++
				}
			}
		}
	}
	if common*100 < wanted*95 {
		t.Errorf("%d of %d found", common, wanted)
	}
}

// A patched document is found by what it says now, at the ordinals that it has now; so is one of several passages, by
// each of them, and one without any is not.
func TestFiltersFollowPatches(t *testing.T) {
	t.Parallel()
	f := storefixture.NewPlaced(t, smallPolicy)
	e := newPlacedEnv(t, f)
	e.fill(0, 60)
	long := storefixture.Split("long", "first", storefixture.Dimensions)
	for _, text := range []string{"second", "third"} {
		long.Payload.Parts = append(long.Payload.Parts, store.Part{Text: text, Vector: storefixture.Vector(text, storefixture.Dimensions)})
	}
	long.Payload.Metadata = json.RawMessage(`{"kind":"long"}`)
	e.accept(long)
	e.index()
	e.place()
	service := newService(t)
	found := func(filter string) int {
		t.Helper()
		return len(e.search(service, search.Request{
			Vector: storefixture.Vector("q", storefixture.Dimensions), Mode: search.Semantic, Filter: json.RawMessage(filter),
		}).Results)
	}
	patch := func(p store.Patch) {
		t.Helper()
		if _, err := e.Handle.PatchDocument(e.ctx, "default", "long", p); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(when, filter string, want int) {
		t.Helper()
		if n := found(filter); n != want {
			t.Errorf("%s: %s finds %d passages, want %d", when, filter, n, want)
		}
	}
	expect("published", `{"kind":"long"}`, 3)
	expect("published", `{"$id":{"$in":["long","nobody"]}}`, 3)
	patch(store.Patch{Title: pointer("Another")})
	expect("another title", `{"kind":"long"}`, 3)
	patch(store.Patch{Metadata: json.RawMessage(`{"kind":"longer"}`)})
	expect("other metadata", `{"kind":"long"}`, 0)
	expect("other metadata", `{"kind":"longer"}`, 3)
	patch(store.Patch{Title: pointer("A third"), Metadata: json.RawMessage(`{"kind":"longest"}`)})
	expect("both", `{"kind":"longest"}`, 3)
	long.Payload.Parts = long.Payload.Parts[:2]
	e.accept(long)
	e.index()
	expect("published again", `{"kind":"longest"}`, 0)
	expect("published again", `{"kind":"long"}`, 2)
	e.checkConsistent()
}
