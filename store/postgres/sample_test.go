package postgres_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"lindero/internal/storefixture"
)

func TestSampledVectorsAreTheCollectionsOwn(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	stored := map[string]bool{}
	for i := range 40 {
		e.put(fmt.Sprint(i), fmt.Sprintf("text number %d", i))
	}
	e.index()
	for _, id := range []string{"0", "17", "39"} { // both ends and a gap
		if err := e.Handle.DeleteDocument(e.ctx, e.Collection.Name, id); err != nil {
			t.Fatal(err)
		}
	}
	var all int
	e.Query(t, e.ID, `SELECT count(*) FROM chunk_vectors`, &all)
	seen := map[string]bool{}
	for range 10 {
		vectors, err := e.Handle.SampleVectors(e.ctx, e.Collection.ID, 30)
		if err != nil || len(vectors) == 0 || len(vectors) > 30 {
			t.Fatalf("%d vectors, %v", len(vectors), err)
		}
		for _, v := range vectors {
			if len(v) != storefixture.Dimensions {
				t.Fatalf("a vector of %d components", len(v))
			}
			seen[fmt.Sprint(v)] = true
		}
	}
	var texts []string
	e.Query(t, e.ID, `SELECT array_agg(embedding::text) FROM chunk_vectors`, &texts)
	for _, text := range texts {
		stored[text] = true
	}
	if len(seen) > all || len(seen) < len(stored)*3/4 {
		t.Errorf("300 draws give %d different vectors of %d", len(seen), len(stored))
	}
	none, err := e.Handle.SampleVectors(e.ctx, uuid.New(), 10)
	if err != nil || len(none) > 0 {
		t.Errorf("a collection that is not there gives %v, %v", none, err)
	}
}
