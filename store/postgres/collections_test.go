package postgres_test

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/google/uuid"

	"lindero/fault"
	"lindero/internal/storefixture"
	"lindero/store"
)

func TestPutCollection(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	put := func(spec store.CollectionSpec) (store.Collection, bool) {
		t.Helper()
		c, created, err := e.Handle.PutCollection(e.ctx, spec)
		if err != nil {
			t.Fatal(err)
		}
		return c, created
	}
	spec := store.CollectionSpec{Name: "notes", Language: "es", Embedding: storefixture.External, Metadata: json.RawMessage(`{"a":1}`)}
	c, created := put(spec)
	if !created || c.Version != 1 || c.Language != "es" || c.Chunking.Strategy != "structure" || c.Embedding != storefixture.External || c.Slot < 0 || c.Slot > 31 {
		t.Errorf("created %v: %+v", created, c)
	}
	again, created := put(spec)
	if created || again.Version != 1 || again.ID != c.ID {
		t.Errorf("again, created %v: %+v", created, again)
	}
	spec.Embedding = store.Profile{} // keeps its own
	spec.Description = "My notes"
	changed, created := put(spec)
	if created || changed.Version != 2 || changed.Description != "My notes" || changed.Embedding != storefixture.External {
		t.Errorf("changed, created %v: %+v", created, changed)
	}
	spec.Embedding = store.Profile{Provider: store.ProviderBuiltin} // no documents yet
	if builtin, _ := put(spec); builtin.Embedding.Model == "" || builtin.Embedding.Dimensions == 0 {
		t.Errorf("builtin: %+v", builtin.Embedding)
	}
	got, err := e.Handle.Collection(e.ctx, "notes")
	if err != nil || got.Description != "My notes" || len(got.Languages) != 0 {
		t.Errorf("read back %+v, %v", got, err)
	}
}

func TestEmbeddingIsFixedByDocuments(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.put("a", "text")
	spec := e.Collection.CollectionSpec
	spec.Embedding.Dimensions++
	if _, _, err := e.Handle.PutCollection(e.ctx, spec); !fault.Is(err, fault.Conflict) {
		t.Errorf("another embedding: %v", err)
	}
	spec = e.Collection.CollectionSpec
	spec.Description = "changed"
	if c, _, err := e.Handle.PutCollection(e.ctx, spec); err != nil || c.Description != "changed" {
		t.Errorf("the same embedding: %+v, %v", c, err)
	}
}

func TestPutCollectionRefuses(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for location, spec := range map[string]store.CollectionSpec{
		"path.name":                 {Name: "No Spaces"},
		"body.language":             {Name: "x", Language: "english"},
		"body.description":          {Name: "x", Description: "a\x00b"},
		"body.metadata":             {Name: "x", Metadata: json.RawMessage(`[1]`)},
		"body.embedding.provider":   {Name: "x", Embedding: store.Profile{Provider: "magic"}},
		"body.embedding.dimensions": {Name: "x", Embedding: store.Profile{Provider: store.ProviderExternal}},
		"body.embedding.model":      {Name: "x", Embedding: store.Profile{Provider: store.ProviderOpenAI, Dimensions: 3}},
		"body.embedding":            {Name: "x"}, // this store has no default
		"body.chunking.strategy":    {Name: "x", Chunking: store.Chunking{Strategy: "magic"}},
	} {
		_, _, err := e.Handle.PutCollection(e.ctx, spec)
		f, ok := err.(*fault.Error)
		if !ok || f.Code != fault.Invalid || len(f.Fields) != 1 || f.Fields[0].Location != location {
			t.Errorf("%s: got %v", location, err)
		}
	}
	if list, err := e.Handle.Collections(e.ctx, store.Page{Limit: 10}); err != nil || len(list.Items) != 1 {
		t.Errorf("refused specs left %+v, %v", list.Items, err)
	}
}

func TestPutCollectionAtOnce(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	const callers = 8
	var group sync.WaitGroup
	ids := make(chan uuid.UUID, callers)
	creations := make(chan bool, callers)
	for range callers {
		group.Go(func() {
			c, created, err := e.Handle.PutCollection(e.ctx, store.CollectionSpec{Name: "same", Embedding: storefixture.External})
			if err != nil {
				t.Error(err)
			}
			ids <- c.ID
			creations <- created
		})
	}
	group.Wait()
	close(ids)
	close(creations)
	seen := map[uuid.UUID]bool{}
	for id := range ids {
		seen[id] = true
	}
	made := 0
	for created := range creations {
		if created {
			made++
		}
	}
	if len(seen) != 1 || made != 1 {
		t.Errorf("%d collections, created %d times", len(seen), made)
	}
}

func TestCollectionsListAndDelete(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, name := range []string{"b", "a", "c"} {
		if _, _, err := e.Handle.PutCollection(e.ctx, store.CollectionSpec{Name: name, Embedding: storefixture.External}); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for after := ""; ; {
		list, err := e.Handle.Collections(e.ctx, store.Page{Limit: 2, After: after})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list.Items {
			names = append(names, c.Name)
		}
		if after = list.Next; after == "" {
			break
		}
	}
	if len(names) != 4 || names[0] != "a" || names[3] != "default" {
		t.Errorf("listed %v", names)
	}
	before, err := e.Handle.Collection(e.ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Handle.DeleteCollection(e.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if err := e.Handle.DeleteCollection(e.ctx, "a"); !fault.Is(err, fault.NotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if _, err := e.Handle.CollectionsNamed(e.ctx, []string{"b", "a"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("after the deletion: %v", err)
	}
	if fresh, created, err := e.Handle.PutCollection(e.ctx, store.CollectionSpec{Name: "a", Embedding: storefixture.External}); err != nil || !created || fresh.ID == before.ID {
		t.Errorf("the name again: %+v, %v, %v", fresh, created, err)
	}
}

func TestCollectionStats(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.put("a", "one")
	e.put("b", "two")
	e.index()
	stats, err := e.Handle.CollectionStats(e.ctx, []uuid.UUID{e.Collection.ID, uuid.New()})
	if got := stats[e.Collection.ID]; err != nil || len(stats) != 1 || got.Documents != 2 || got.Chunks != 2 || got.Bytes == 0 {
		t.Errorf("stats %+v, %v", stats, err)
	}
	if c, err := e.Handle.Collection(e.ctx, "default"); err != nil || len(c.Languages) != 1 || c.Languages[0] != "en" {
		t.Errorf("languages %v, %v", c.Languages, err)
	}
}
