package postgres_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lindero/fault"
	"lindero/internal/storefixture"
	"lindero/store"
)

func TestDocumentStatesAreOfTheNewestVersion(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.put("a", "first text")
	e.put("b", "other text")
	e.index()
	sent := storefixture.Split("a", "second text", storefixture.Dimensions)
	e.accept(sent)
	states, err := e.Handle.DocumentStates(e.ctx, "default", []string{"b", "nobody", "a", "b"})
	if err != nil || len(states) != 2 || states[0].ID != "a" || states[1].ID != "b" {
		t.Fatalf("%+v, %v", states, err)
	}
	if s := states[0]; s.Status != store.Pending || s.Version != a.Document.Version+1 || !bytes.Equal(s.ContentHash, store.ContentHash(sent.Payload)) {
		t.Errorf("the document that waits: %+v", s)
	}
	if s := states[1]; s.Status != store.Indexed || s.Error != nil || s.Version != 1 {
		t.Errorf("the indexed document: %+v", s)
	}
	doc, err := e.Handle.Document(e.ctx, "default", "a")
	if err != nil || !bytes.Equal(doc.ContentHash, states[0].ContentHash) {
		t.Errorf("the document itself says %x, %v", doc.ContentHash, err)
	}
	if _, err := e.Handle.DocumentStates(e.ctx, "nobody", []string{"a"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a collection that does not exist gives %v", err)
	}
}

// TestPrefixesOfIDs compares the database's range with what a prefix is, over ids that lie close together, as those
// at the ends of the planes do.
func TestPrefixesOfIDs(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	parts := []string{"a", "b", "/", "ä", "\ud7ff", "\ue000", "\U0010ffff", "\U0001f600"}
	var ids []string
	for _, x := range parts {
		ids = append(ids, x)
		for _, y := range parts {
			ids = append(ids, x+y)
		}
	}
	docs := make([]store.NewDocument, len(ids))
	for i, id := range ids {
		docs[i] = storefixture.Text(id, "", "text")
	}
	e.accept(docs...)
	rapid.Check(t, func(rt *rapid.T) {
		prefix := rapid.StringOfN(rapid.SampledFrom([]rune(strings.Join(parts, ""))), 0, 2, -1).Draw(rt, "prefix")
		listing, err := e.Handle.Documents(e.ctx, "default", store.DocumentQuery{Prefix: prefix, Page: store.Page{Limit: 1000}})
		if err != nil {
			rt.Fatal(err)
		}
		var got, want []string
		for _, d := range listing.Items {
			got = append(got, d.ID)
		}
		for _, id := range ids {
			if strings.HasPrefix(id, prefix) {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			rt.Fatalf("prefix %q lists %q, want %q", prefix, got, want)
		}
	})
}
