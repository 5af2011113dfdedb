package storetest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"lindero/store/filter"
)

// filterSamples are filters of every operator, with what each backend finds hard: negations, missing fields,
// mixed types, order of texts.
var filterSamples = []string{
	`{"kind":"bill"}`,
	`{"kind":{"$ne":"bill"}}`,
	`{"half":true}`,
	`{"half":{"$eq":false},"kind":{"$in":["map","letter"]}}`,
	`{"n":{"$gte":100,"$lt":180}}`,
	`{"n":{"$in":[1,2,3,500]}}`,
	`{"tags":"harbour"}`,
	`{"tags":{"$nin":["harbour","violin"]}}`,
	`{"rare":{"$exists":true}}`,
	`{"rare":{"$exists":false},"n":{"$gt":300}}`,
	`{"rare":{"$gt":"r2"}}`,
	`{"$or":[{"kind":"map"},{"n":{"$lt":10}}]}`,
	`{"$and":[{"$or":[{"rare":"r0"},{"rare":"r5"}]},{"half":true}]}`,
	`{"$not":{"kind":"map"}}`,
	`{"$not":{"$or":[{"kind":"map"},{"tags":"copper"}]}}`,
	`{"$or":[{"$not":{"half":true}},{"needle":"yes"}]}`,
	`{"$id":"doc-00042"}`,
	`{"$id":{"$in":["doc-00001","doc-00002","doc-09999"]}}`,
	`{"n":"7"}`,
	`{"kind":{"$in":["bill",3,true]}}`,
	`{"nowhere":1}`,
	`{"nowhere":{"$ne":1}}`,
	`{"tags":{"$in":[]}}`,
}

// maxMetadata is the contract's limit, in bytes of JSON.
const maxMetadata = 40 << 10

// testFilters compares filtered searches with the meaning of the language: all that match and nothing else.
func testFilters(w *world) {
	r := w.resident()
	docs := corpus(550, 7)
	r.write(docs...)
	r.settle()
	random := rand.New(rand.NewPCG(8, 9))
	for _, raw := range filterSamples {
		expr, err := filter.Parse("filter", json.RawMessage(raw))
		if err != nil {
			w.Fatalf("%s: %v", raw, err)
		}
		vector := randomVector(random, docs[random.IntN(len(docs))].vector)
		for _, topK := range []int{10, 300} {
			request := semantic(vector, topK)
			request.Filter = json.RawMessage(raw)
			truth := nearest(docs, vector, func(d *doc) bool { return d.matches(expr) })
			w.agree(fmt.Sprintf("%s, top %d", raw, topK), r.ask(request), truth, vector, topK, leastRecall)
		}
	}
}

// testRareMatches: however few documents match and however far from the query they are, they come back.
func testRareMatches(w *world) {
	r := w.resident()
	docs := corpus(2500, 10)
	r.write(docs...)
	r.settle()
	for _, raw := range []string{`{"needle":"yes"}`, `{"$not":{"needle":{"$exists":false}}}`, `{"n":{"$gte":2490}}`, `{"rare":{"$lt":"r1"}}`} {
		expr, err := filter.Parse("filter", json.RawMessage(raw))
		if err != nil {
			w.Fatal(err)
		}
		for i := range 6 {
			vector := docs[i*401].vector
			request := semantic(vector, 10)
			request.Filter = json.RawMessage(raw)
			truth := nearest(docs, vector, func(d *doc) bool { return d.matches(expr) })
			w.agree(raw, r.ask(request), truth, vector, 10, leastRecall)
		}
	}
	// A patch changes what a filter finds at once, without a new vector.
	_, err := r.Handle.PatchDocument(r.Context(), "default", docs[0].id, patchOf(`{"needle":"new"}`))
	r.must(err)
	for _, when := range []string{"at once", "and settled"} {
		request := semantic(docs[9].vector, 10)
		request.Filter = json.RawMessage(`{"needle":"new"}`)
		if got := ids(r.ask(request)); len(got) != 1 || got[0] != docs[0].id {
			w.Errorf("%s after a patch: %v", when, got)
		}
		r.settle()
	}
}

// testLargeMetadata: a document may have as much metadata as the contract allows, which a backend may not, in one long
// text or in many short fields, and is filtered by all of it.
func testLargeMetadata(w *world) {
	r := w.resident()
	docs := corpus(60, 12)
	docs[3].metadata = map[string]any{"long": strings.Repeat("ñ", maxMetadata/2-100), "size": "long"}
	docs[4].metadata = map[string]any{"size": "many"}
	for i := range (maxMetadata - 100) / len(`"k1234":1,`) {
		docs[4].metadata[fmt.Sprint("k", i)] = float64(i % 10)
	}
	docs[5].metadata = map[string]any{"list": slices.Repeat([]any{"a"}, maxMetadata/4-100), "size": "list"}
	r.write(docs...)
	r.settle()
	for raw, want := range map[string]doc{`{"size":"long"}`: docs[3], `{"k7":7,"size":"many"}`: docs[4], `{"list":"a"}`: docs[5]} {
		request := semantic(docs[20].vector, 10)
		request.Filter = json.RawMessage(raw)
		if got := ids(r.ask(request)); len(got) != 1 || got[0] != want.id {
			w.Errorf("%s finds %v, want %s", raw, got, want.id)
		}
	}
}
