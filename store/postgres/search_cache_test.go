package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/store"
	"lindero/store/postgres"
)

// newCacheless opens an env's database without a lexical cache.
func newCacheless(e *env) *postgres.Handle {
	e.Helper()
	s, err := postgres.Open(e.ctx, postgres.Config{URL: e.AppURL, MaxConns: 4, LexicalCache: -1})
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(s.Close)
	return s.ForTenant(e.ID)
}

// TestSearchesFromMemory writes, replaces, retitles, deletes and merges, and after each step finds with the lexical cache
// what is found without it, scores to the bit.
func TestSearchesFromMemory(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	cacheless, service := newCacheless(e), newService(t)
	random := rand.New(rand.NewPCG(5, 6))
	words := []string{"router", "invoice", "contract", "coverage", "refund"}
	fromMemory, top := 0, 100
	for step := range 80 {
		id := fmt.Sprint("d", random.IntN(12))
		switch random.IntN(6) {
		case 0, 1, 2:
			text := ""
			for range 1 + random.IntN(6) {
				text += words[random.IntN(len(words))] + " "
			}
			e.put(id, text)
			e.index()
		case 3:
			if _, err := e.Handle.DeleteDocuments(e.ctx, "default", []string{id}); err != nil {
				t.Fatal(err)
			}
		case 4:
			title := words[random.IntN(len(words))]
			_, _ = e.Handle.PatchDocument(e.ctx, "default", id, store.Patch{Title: &title}) // which may not be there
		case 5:
			if _, err := e.Handle.MergeSegments(e.ctx, e.Collection.ID); err != nil {
				t.Fatal(err)
			}
		}
		query := strings.Join(words[:1+random.IntN(len(words))], " ")
		for range 2 { // the second time all of it is in memory
			for _, request := range []search.Request{
				{Query: query, Mode: search.Lexical, TopK: &top, Explain: true},
				{Query: query, Mode: search.Hybrid, Vector: storefixture.Vector("x", storefixture.Dimensions), TopK: &top, Explain: true},
			} {
				got, err := service.Search(e.ctx, e.Handle, e.ID, request)
				if err != nil {
					t.Fatal(err)
				}
				want, err := service.Search(e.ctx, cacheless, e.ID, request)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want.Results, got.Results); diff != "" {
					t.Fatalf("step %d, %s, without and with the cache:\n%s", step, request.Mode, diff)
				}
				if diff := cmp.Diff(want.Explain.Legs, got.Explain.Legs); diff != "" {
					t.Fatalf("step %d, %s, legs without and with the cache:\n%s", step, request.Mode, diff)
				}
				if request.Mode == search.Lexical && got.Explain.RoundTrips == 1 {
					fromMemory++
				}
			}
		}
	}
	if fromMemory < 60 {
		t.Errorf("%d searches were answered from memory: the test proves little", fromMemory)
	}
}

// TestSearchesFromMemoryUnderWriters has documents replaced and segments merged all the while. Every snapshot holds the
// same number of documents of the same length, so every search must find each once, with one score for all; a ranking by
// anything but the snapshot's own segments and deletions finds more, fewer, or another score.
func TestSearchesFromMemoryUnderWriters(t *testing.T) {
	t.Parallel()
	const documents, rounds = 12, 25
	e := newEnv(t)
	for i := range documents {
		e.put(fmt.Sprint("d", i), "common first")
	}
	e.index()
	service, top := newService(t), 100
	request := search.Request{Query: "common", Mode: search.Lexical, TopK: &top}
	score := e.search(service, request).Results[0].Score

	written := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		defer close(written)
		for round := range rounds {
			for i := range 1 + round%4 {
				e.put(fmt.Sprint("d", (round+i)%documents), fmt.Sprint("common v", round))
			}
			e.index()
			if round%5 == 4 {
				if _, err := e.Handle.MergeSegments(e.ctx, e.Collection.ID); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for range 3 {
		wait.Go(func() {
			for searching := true; searching; {
				select {
				case <-written:
					searching = false // once more, when all is done
				default:
				}
				response, err := service.Search(e.ctx, e.Handle, e.ID, request)
				if err != nil {
					t.Error(err)
					return
				}
				ids := idsOf(response)
				slices.Sort(ids)
				if len(slices.Compact(ids)) != documents || len(response.Results) != documents {
					t.Errorf("found %v", ids)
					return
				}
				for _, result := range response.Results {
					if result.Score != score {
						t.Errorf("%s has a score of %v, want %v", result.DocumentID, result.Score, score)
						return
					}
				}
			}
		})
	}
	wait.Wait()
}

// TestNeighbourWithTheSameCollectionID: even where the ids of two tenants' collections, the numbers of their segments and
// the times of these coincide, each is answered from what is its own.
func TestNeighbourWithTheSameCollectionID(t *testing.T) {
	t.Parallel()
	a := newEnv(t)
	b := &env{TB: t, Fixture: a.Fixture, Tenant: a.Fixture.Tenant(t, storefixture.External), ctx: a.ctx}
	for _, table := range []string{"collection_counters", "collection_placements"} {
		asOwner(t, a.OwnerURL, fmt.Sprintf(`DELETE FROM %s WHERE tenant_id = '%s'`, table, b.ID))
	}
	asOwner(t, a.OwnerURL, fmt.Sprintf(`UPDATE collections SET id = '%s' WHERE tenant_id = '%s'`, a.Collection.ID, b.ID))
	asOwner(t, a.OwnerURL, fmt.Sprintf(`INSERT INTO collection_counters (tenant_id, collection_id) VALUES ('%s', '%s')`, b.ID, a.Collection.ID))
	b.Collection.ID = a.Collection.ID
	a.put("own", "secret harmless")
	a.index()
	b.put("own", "harmless harmless")
	b.index()
	asOwner(t, a.OwnerURL, `UPDATE lexical_segments SET created_at = '2026-01-01'`)
	service := newService(t)
	for range 2 {
		for _, word := range []string{"secret", "harmless"} {
			request := search.Request{Query: word, Mode: search.Lexical}
			if found := a.search(service, request); len(found.Results) != 1 || *found.Results[0].Text != "secret harmless" {
				t.Errorf("A, %s: %+v", word, found.Results)
			}
			found := b.search(service, request)
			if word == "secret" && (len(found.Results) > 0 || found.Explain.Legs[0].Matches > 0 || found.Explain.Legs[0].Terms[0].Chunks > 0) {
				t.Errorf("B found A's word: %+v", found)
			}
			if word == "harmless" && (len(found.Results) != 1 || *found.Results[0].Text != "harmless harmless") {
				t.Errorf("B, %s: %+v", word, found.Results)
			}
		}
	}
}
