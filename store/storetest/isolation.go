package storetest

import (
	"fmt"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lindero/fault"
	"lindero/search"
	"lindero/store"
)

// testIsolation has neighbours with documents of the same ids, words and vectors: none sees anything of another,
// and none can tell what the others have.
func testIsolation(w *world) {
	const tenants = 4
	docs := corpus(80, 11)
	residents := make([]*resident, tenants)
	for i := range residents {
		residents[i] = w.resident()
		residents[i].write(marked(docs, i)...)
		residents[i].settle()
	}
	request := search.Request{Query: docs[3].text, Vector: docs[3].vector, TopK: new(int), Include: []string{"text", "metadata"}}
	*request.TopK = 200
	for i, r := range residents {
		for _, mode := range []string{search.Semantic, search.Hybrid, search.Lexical} {
			request.Mode = mode
			found := r.ask(request)
			if mode != search.Lexical && len(found.Results) != len(docs) {
				w.Errorf("tenant %d, %s: %d results", i, mode, len(found.Results))
			}
			for _, result := range found.Results {
				if !strings.HasSuffix(*result.Text, fmt.Sprintf("of tenant %d", i)) {
					w.Errorf("tenant %d, %s: found %q", i, mode, *result.Text)
				}
			}
		}
	}
	testUnmoved(w, residents[0], residents[1], docs)
	testForeignCollection(w, residents[0], residents[1], docs)
}

func marked(docs []doc, tenant int) []doc {
	own := make([]doc, len(docs))
	for i, d := range docs {
		d.text += fmt.Sprintf(" of tenant %d", tenant)
		own[i] = d
	}
	return own
}

// testUnmoved: what a neighbour adds and deletes changes nothing one can observe.
func testUnmoved(w *world, one, neighbour *resident, docs []doc) {
	request := semantic(docs[9].vector, 50)
	before := one.ask(request)
	extra := make([]doc, 100)
	for i := range extra {
		extra[i] = doc{id: fmt.Sprint("extra", i), text: docs[9].text, vector: docs[9].vector}
	}
	neighbour.write(extra...)
	neighbour.settle()
	if _, err := neighbour.Handle.DeleteDocuments(w.Context(), "default", []string{docs[9].id}); err != nil {
		w.Fatal(err)
	}
	if diff := cmp.Diff(before, one.ask(request), cmpopts.IgnoreFields(search.Response{}, "TookMS")); diff != "" {
		w.Errorf("a neighbour changed the answer:\n%s", diff)
	}
}

// testForeignCollection points a tenant's storage at a neighbour's collection by its id: it is not there.
func testForeignCollection(w *world, one, neighbour *resident, docs []doc) {
	described, err := neighbour.index.CollectionsNamed(w.Context(), []string{"default"})
	if err != nil {
		w.Fatal(err)
	}
	snapshot, err := one.index.Retrieve(w.Context(), search.Plan{Passages: true, Targets: []search.Target{
		{Collection: described[0], Vector: docs[0].vector, Limit: 10},
	}})
	if err != nil {
		if !fault.Is(err, fault.NotFound) {
			w.Errorf("a neighbour's collection: %v", err)
		}
		return
	}
	defer snapshot.Close()
	if got := snapshot.Retrieved()[0]; !got.Stale || len(got.Vector) > 0 {
		w.Errorf("a neighbour's collection answers %+v", got)
	}
	if passages, err := snapshot.Hydrate(w.Context(), []search.Key{{Collection: described[0].ID, Ordinal: 1}}, true); len(passages) > 0 {
		w.Errorf("a neighbour's passages: %+v, %v", passages, err)
	}
}

func patchOf(metadata string) store.Patch { return store.Patch{Metadata: []byte(metadata)} }
