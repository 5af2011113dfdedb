package storetest

import (
	"fmt"
	"math/rand/v2"

	"lindero/search"
	"lindero/store"
)

func randomVectorOf(seed uint64) []float32 { return randomVector(rand.New(rand.NewPCG(seed, 99)), nil) }

// testDeletion: what is deleted is out of every search at once, and what is left is all there; then the whole
// collection, then the tenant.
func testDeletion(w *world) {
	r := w.resident()
	docs := corpus(400, 13)
	r.write(docs...)
	r.settle()
	var gone []string
	var left []doc
	for i, d := range docs {
		if i%10 == 0 {
			left = append(left, d)
		} else {
			gone = append(gone, d.id)
		}
	}
	n, err := r.Handle.DeleteDocuments(w.Context(), "default", gone)
	if err != nil || n != int64(len(gone)) {
		w.Fatalf("deleted %d of %d: %v", n, len(gone), err)
	}
	for _, when := range []string{"at once", "and settled"} {
		for i := range 5 {
			vector := docs[i*31].vector
			for _, topK := range []int{5, 30, 100} {
				w.agree(fmt.Sprintf("%s, top %d", when, topK), r.ask(semantic(vector, topK)), nearest(left, vector, nil), vector, topK, leastRecall)
			}
		}
		r.settle()
	}
	testCollectionDeletion(r, docs)
	w.backend.Leave(w, r.Tenant)
}

// testCollectionDeletion: a collection made anew under the same name has nothing of the old one.
func testCollectionDeletion(r *resident, docs []doc) {
	old := r.Collection
	r.must(r.Handle.DeleteCollection(r.Context(), "default"))
	c, _, err := r.Handle.PutCollection(r.Context(), store.CollectionSpec{
		Name: "default", Embedding: old.Embedding, Chunking: store.Chunking{Strategy: "none"},
	})
	r.must(err)
	r.Collection = c
	if found := r.ask(semantic(docs[0].vector, 50)); len(found.Results) != 0 {
		r.Errorf("a new collection holds %v of the old one", ids(found))
	}
	r.must(r.Handle.PurgeCollection(r.Context(), old.ID))
	r.write(docs[1])
	r.settle()
	if found := ids(r.ask(semantic(docs[0].vector, 50))); len(found) != 1 || found[0] != docs[1].id {
		r.Errorf("a new collection with one document answers %v", found)
	}
}

// found is the set of documents in an answer; a document twice is an error.
func (r *resident) found(response search.Response) map[string]bool {
	seen := map[string]bool{}
	for _, id := range ids(response) {
		if seen[id] {
			r.Errorf("%s is there twice", id)
		}
		seen[id] = true
	}
	return seen
}
