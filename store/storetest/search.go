package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/google/go-cmp/cmp"

	"lindero/search"
)

// leastRecall is what a backend must find of the truth; an approximate index may miss a little.
const leastRecall = .98

// testSearch compares vector searches with brute force, at every depth.
func testSearch(w *world) {
	r := w.resident()
	docs := corpus(600, 1)
	r.write(docs...)
	r.settle()
	random := rand.New(rand.NewPCG(2, 3))
	for i := range 25 {
		vector := randomVector(random, docs[random.IntN(len(docs))].vector)
		for _, topK := range []int{1, 10, 100, 700} {
			w.agree(fmt.Sprintf("query %d, top %d", i, topK), r.ask(semantic(vector, topK)), nearest(docs, vector, nil), vector, topK, leastRecall)
		}
	}
	testOffsets(r, docs)
	testExact(r, docs)
}

// testOffsets: pages of a ranking are its parts.
func testOffsets(r *resident, docs []doc) {
	vector := docs[5].vector
	whole := ids(r.ask(semantic(vector, 40)))
	var paged []string
	for offset := 0; offset < 40; offset += 10 {
		request := semantic(vector, 10)
		request.Offset = offset
		paged = append(paged, ids(r.ask(request))...)
	}
	if diff := cmp.Diff(whole, paged); diff != "" {
		r.Errorf("pages differ from the whole:\n%s", diff)
	}
}

// testExact: exact searches find everything, whatever the backend.
func testExact(r *resident, docs []doc) {
	for i := range 10 {
		request := semantic(docs[i*11].vector, 20)
		request.Exact = true
		r.agree("exact", r.ask(request), nearest(docs, docs[i*11].vector, nil), docs[i*11].vector, 20, 1)
	}
}

// testModes: every mode answers from what was written, with text and metadata read back.
func testModes(w *world) {
	r := w.resident()
	docs := corpus(120, 4)
	r.write(docs...)
	r.settle()
	topK := 5
	vector := docs[7].vector
	for _, mode := range []string{search.Semantic, search.Hybrid} {
		found := r.ask(search.Request{Query: docs[7].text, Vector: vector, Mode: mode, TopK: &topK, Include: []string{"text", "metadata", "vector"}})
		if len(found.Results) != topK || found.Results[0].DocumentID != docs[7].id || *found.Results[0].Text != docs[7].text ||
			len(found.Results[0].Vector) != Dimensions || len(found.Results[0].Metadata) < 10 {
			w.Errorf("%s: %+v", mode, found.Results)
		}
		if len(found.Warnings) != 0 {
			w.Errorf("%s: warnings %+v", mode, found.Warnings)
		}
	}
	lexical := r.ask(search.Request{Query: "number 7", Mode: search.Lexical, TopK: &topK})
	if !slices.Contains(ids(lexical), docs[7].id) {
		w.Errorf("lexical: %v", ids(lexical))
	}
	grouped := r.ask(search.Request{Vector: vector, Mode: search.Semantic, TopK: &topK, GroupBy: "document"})
	if len(grouped.Results) != topK {
		w.Errorf("grouped: %v", ids(grouped))
	}
}

// testVersions: a new version takes the place of the old one, at once and once.
func testVersions(w *world) {
	r := w.resident()
	docs := corpus(60, 5)
	r.write(docs...)
	r.settle()
	moved := docs[3]
	moved.vector, moved.text = randomVector(rand.New(rand.NewPCG(6, 6)), nil), "rewritten"
	r.write(moved) // not settled: the answer must be right all the same
	docs[3] = moved
	for _, vector := range [][]float32{moved.vector, docs[4].vector} {
		w.agree("after a new version", r.ask(semantic(vector, 60)), nearest(docs, vector, nil), vector, 60, 1)
	}
	r.settle()
	w.agree("and settled", r.ask(semantic(moved.vector, 60)), nearest(docs, moved.vector, nil), moved.vector, 60, 1)
	if _, err := r.Handle.Collection(context.Background(), "default"); err != nil {
		w.Error(err)
	}
}
