package postgres_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lindero/fault"
	"lindero/internal/storefixture"
	"lindero/store"
	"lindero/store/filter"
)

func pointer[T any](v T) *T { return &v }

func TestPatchReindexesTitle(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.put("a", "body")
	e.index()
	var before, after []byte
	const vector = "SELECT halfvec_send(v.embedding) FROM chunk_vectors v JOIN chunks c ON c.ordinal = v.ordinal"
	e.Query(t, e.Tenant.ID, vector, &before)
	doc, err := e.Handle.PatchDocument(e.ctx, "default", "a", store.Patch{Title: pointer("Zebra"), Metadata: json.RawMessage(`{"n":1,"tags":["x","y"]}`)})
	if err != nil || doc.Title != "Zebra" || doc.Status != store.Indexed {
		t.Fatalf("%+v %v", doc, err)
	}
	e.Query(t, e.Tenant.ID, vector, &after)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error("the vector changed")
	}
	if n := e.count("lexical_postings p JOIN lexical_segments s USING (segment_id) WHERE term = 'zebra'"); n != 1 {
		t.Errorf("%d postings of the new title", n)
	}
	if n := e.count("document_fields"); n != 3 {
		t.Errorf("%d field rows", n)
	}
	e.checkConsistent()
	// The same content with the new title and metadata is what is there now.
	same := storefixture.Split("a", "body", 4)
	same.Payload.Title, same.Payload.Metadata = "Zebra", json.RawMessage(`{ "tags": ["x","y"], "n": 1.0 }`)
	if accepted := e.accept(same)[0]; !accepted.Unchanged {
		t.Error("an identical PUT after a patch was taken for a change")
	}
	if accepted := e.put("a", "body"); accepted.Unchanged {
		t.Error("the state before the patch was taken for unchanged")
	}
}

func TestPatchWhilePendingHoldsForBothVersions(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.put("a", "old")
	e.index()
	accepted := e.put("a", "new")
	stale := e.load()
	doc, err := e.Handle.PatchDocument(e.ctx, "default", "a", store.Patch{URL: pointer("http://x"), Title: pointer("Patched")})
	if err != nil || doc.URL != "http://x" || doc.Status != store.Pending {
		t.Fatalf("%+v %v", doc, err)
	}
	if got := e.publish(stale); got.Documents != 0 {
		t.Errorf("what was prepared before the patch was published: %+v", got)
	}
	e.index()
	doc = e.document("a")
	if doc.Title != "Patched" || doc.URL != "http://x" || doc.Status != store.Indexed {
		t.Errorf("the patch was lost: %+v", doc)
	}
	if diff := cmp.Diff([]string{"new"}, e.texts("a")); diff != "" {
		t.Error(diff)
	}
	if op := e.operation(accepted.Operation.ID); op.Status != store.Succeeded {
		t.Errorf("operation %+v", op)
	}
	e.checkConsistent()
}

func TestPatchOfAbsentDocument(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	if _, err := e.Handle.PatchDocument(e.ctx, "default", "a", store.Patch{Title: pointer("x")}); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
}

func TestDeleteAndListByFilter(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, id := range []string{"a", "b", "c"} {
		e.put(id, "text")
	}
	e.index()
	expr, err := filter.Parse("filter", json.RawMessage(`{"id":{"$in":["a","c"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	list, err := e.Handle.Documents(e.ctx, "default", store.DocumentQuery{Filter: expr, Page: store.Page{Limit: 10}})
	if err != nil || len(list.Items) != 2 {
		t.Fatalf("%+v %v", list, err)
	}
	if n, err := e.Handle.DeleteDocumentsWhere(e.ctx, "default", expr); n != 2 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if n := e.count("documents"); n != 1 {
		t.Errorf("%d documents left", n)
	}
	if _, err := e.Handle.DeleteDocumentsWhere(e.ctx, "default", nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("an empty filter: %v", err)
	}
	e.checkConsistent()
}
