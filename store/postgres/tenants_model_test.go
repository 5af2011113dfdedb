package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lindero/internal/storefixture"
	"lindero/search"
)

// modelWords are the only words there are, so that tenants' documents overlap as much as can be.
var modelWords = []string{"invoice", "router", "refund", "contract"}

// modelTenant is a tenant beside what its collection must hold: the text of each document by id.
type modelTenant struct {
	*env
	texts map[string]string
}

// with lists the documents that hold a word, or all of them for none.
func (m *modelTenant) with(word string) []string {
	var ids []string
	for id, text := range m.texts {
		if slices.Contains(strings.Fields(text), word) || word == "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// check searches by word and by vector: exactly the tenant's own documents are found.
func (m *modelTenant) check(t *rapid.T, service *search.Service, word string) {
	top := 100
	for _, request := range []search.Request{
		{Query: word, Mode: search.Lexical, TopK: &top},
		{Vector: []float32{1, 0, 0, 0}, Mode: search.Semantic, TopK: &top},
	} {
		response, err := service.Search(m.ctx, m.Handle, m.ID, request)
		if err != nil {
			t.Fatal(err)
		}
		want := m.with("")
		if request.Mode == search.Lexical {
			want = m.with(word)
		}
		got := idsOf(response)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%s search for %q found %v, want %v", request.Mode, word, got, want)
		}
		for _, result := range response.Results {
			if *result.Text != m.texts[result.DocumentID] {
				t.Fatalf("document %s came back with %q, want %q", result.DocumentID, *result.Text, m.texts[result.DocumentID])
			}
		}
	}
}

// TestTenantsAgainstModel lets several tenants write, replace, delete, merge and search in random order, with the same
// ids and words: each finds what a map of its own says, whatever the others do.
func TestTenantsAgainstModel(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	service := newService(t)
	rapid.Check(t, func(rt *rapid.T) {
		tenants := make([]*modelTenant, 3)
		for i := range tenants {
			tenants[i] = &modelTenant{texts: map[string]string{},
				env: &env{TB: t, Fixture: f, Tenant: f.Tenant(t, storefixture.External), ctx: t.Context()}}
		}
		for range rapid.IntRange(5, 25).Draw(rt, "steps") {
			tenant := rapid.SampledFrom(tenants).Draw(rt, "tenant")
			id := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "id")
			switch rapid.SampledFrom([]string{"put", "put", "delete", "merge", "search"}).Draw(rt, "step") {
			case "put":
				text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(modelWords), 1, 4).Draw(rt, "text"), " ")
				tenant.put(id, text)
				tenant.index()
				tenant.texts[id] = text
			case "delete":
				if _, err := tenant.Handle.DeleteDocuments(tenant.ctx, "default", []string{id}); err != nil {
					rt.Fatal(err)
				}
				delete(tenant.texts, id)
			case "merge":
				if _, err := tenant.Handle.MergeSegments(tenant.ctx, tenant.Collection.ID); err != nil {
					rt.Fatal(err)
				}
			case "search":
				tenant.check(rt, service, rapid.SampledFrom(modelWords).Draw(rt, "word"))
			}
		}
		for _, tenant := range tenants {
			tenant.check(rt, service, modelWords[0])
		}
	})
}
