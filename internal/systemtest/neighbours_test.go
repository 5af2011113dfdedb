package systemtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"lindero/internal/evaldata"
	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/search/eval/beir"
	"lindero/store"
)

// TestHardNeighbours loads two sets that share most of their articles as two tenants: what one is asked comes from
// its own documents alone, and in the same order and with the same scores as when the other was not there.
func TestHardNeighbours(t *testing.T) {
	small, large := evaldata.Collection(t, "xquad_es"), evaldata.Collection(t, "squad_es")
	s := New(t)
	tenant, neighbour := s.Tenant(t, Builtin), s.Tenant(t, Builtin)
	s.Load(t, tenant, small.Documents)
	alone := rankings(t, s, tenant, small.Queries)
	s.Load(t, neighbour, large.Documents)
	beside := rankings(t, s, tenant, small.Queries)
	own := map[string]bool{}
	for _, d := range small.Documents {
		own[d.ID] = true
	}
	foreign := 0
	for i := range beside {
		for _, r := range beside[i].Results {
			if !own[r.DocumentID] {
				foreign++
			}
		}
		if !slices.EqualFunc(alone[i].Results, beside[i].Results, func(a, b search.Result) bool {
			return a.ChunkID == b.ChunkID && a.Score == b.Score
		}) {
			t.Errorf("query %q: the ranking changed when the neighbour was loaded", small.Queries[i].Text)
		}
	}
	if foreign > 0 {
		t.Errorf("%d results belong to the neighbour", foreign)
	}
	t.Logf("%d queries, %d foreign results", len(small.Queries), foreign)
}

func rankings(t *testing.T, s *System, tenant storefixture.Tenant, queries []beir.Query) []search.Response {
	t.Helper()
	answers := make([]search.Response, len(queries))
	for i, q := range queries {
		response, err := s.Search.Search(context.Background(), tenant.Handle, tenant.ID, search.Request{Query: q.Text, Include: []string{}})
		if err != nil {
			t.Fatal(err)
		}
		answers[i] = response
	}
	return answers
}

// TestHundredTenantsOnFewConnections has many tenants write and search at once over a pool that is far smaller: a
// connection that kept anything of its last tenant would show in the next one's answer.
func TestHundredTenantsOnFewConnections(t *testing.T) {
	t.Parallel()
	const tenants, rounds = 100, 5
	s := New(t)
	all := make([]storefixture.Tenant, tenants)
	for i := range all {
		all[i] = s.Tenant(t, storefixture.External)
	}
	var group sync.WaitGroup
	for i, tenant := range all {
		group.Go(func() {
			id := fmt.Sprintf("only of %d", i)
			accepted, err := tenant.Handle.AcceptDocuments(t.Context(), tenant.Collection,
				[]store.NewDocument{storefixture.Split(id, "the same words for everybody", storefixture.Dimensions)}, store.AcceptOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := tenant.Handle.WaitOperation(t.Context(), accepted[0].Operation.ID); err != nil {
				t.Error(err)
				return
			}
			for range rounds {
				response, err := s.Search.Search(t.Context(), tenant.Handle, tenant.ID, search.Request{
					Query: "words", Vector: storefixture.Vector("x", storefixture.Dimensions),
				})
				if err != nil {
					t.Error(err)
				} else if len(response.Results) != 1 || response.Results[0].DocumentID != id {
					t.Errorf("tenant %d found %+v", i, response.Results)
				}
			}
		})
	}
	group.Wait()
}
