package postgres_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"lindero/embed"
	"lindero/embed/builtin"
	"lindero/fault"
	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/store"
	"lindero/store/filter"
)

func newService(tb testing.TB) *search.Service {
	tb.Helper()
	service, err := search.New(search.Config{
		Log: slog.New(slog.DiscardHandler),
		Embedder: func(p store.Profile) (embed.Embedder, error) {
			return builtin.New(p.Dimensions)
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return service
}

func (e *env) search(service *search.Service, request search.Request) search.Response {
	e.Helper()
	request.Explain = true
	response, err := service.Search(e.ctx, e.Handle, e.ID, request)
	if err != nil {
		e.Fatal(err)
	}
	return response
}

func idsOf(r search.Response) []string {
	ids := make([]string, len(r.Results))
	for i, result := range r.Results {
		ids[i] = result.DocumentID
	}
	return ids
}

func TestSearchModesAndRoundTrips(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.put("router", "Restart the router and wait for the green light")
	e.put("bill", "The bill arrives on the first day of the month")
	e.index()
	service := newService(t)
	vector := storefixture.Vector("The bill arrives on the first day of the month", storefixture.Dimensions)

	semantic := e.search(service, search.Request{Vector: vector, Mode: search.Semantic, Include: []string{"text", "vector"}})
	if got := idsOf(semantic); got[0] != "bill" || semantic.Results[0].Score < .999 || len(semantic.Results[0].Vector) != storefixture.Dimensions {
		t.Errorf("semantic search found %v: %+v", got, semantic.Results[0])
	}
	if semantic.Explain.RoundTrips != 1 {
		t.Errorf("a search with one leg took %d round trips, want 1", semantic.Explain.RoundTrips)
	}
	lexical := e.search(service, search.Request{Query: "restarting routers", Mode: search.Lexical, Include: []string{"text", "highlights"}})
	if got := idsOf(lexical); !cmp.Equal(got, []string{"router"}) {
		t.Fatalf("lexical search found %v", got)
	}
	if h := lexical.Results[0].Highlights; len(h) != 2 || (*lexical.Results[0].Text)[h[1].Start:h[1].End] != "router" {
		t.Errorf("highlights are %v", h)
	}
	if again := e.search(service, search.Request{Query: "restarting routers", Mode: search.Lexical}); lexical.Explain.RoundTrips != 2 || again.Explain.RoundTrips != 1 {
		t.Errorf("a lexical search took %d round trips and another time %d, want 2 and 1", lexical.Explain.RoundTrips, again.Explain.RoundTrips)
	}
	hybrid := e.search(service, search.Request{Query: "router", Vector: vector})
	if len(hybrid.Results) != 2 || hybrid.Explain.RoundTrips != 2 || hybrid.Explain.Mode != search.Hybrid {
		t.Errorf("hybrid search gave %+v, %+v", idsOf(hybrid), hybrid.Explain)
	}
}

func TestSearchRefusesWhatItCannotMean(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	service := newService(t)
	many := 1001
	for name, request := range map[string]search.Request{
		"nothing asked":         {},
		"blank":                 {Query: "  "},
		"lexical by vector":     {Vector: []float32{1, 0, 0, 0}, Mode: search.Lexical},
		"wrong dimension":       {Vector: []float32{1, 0}},
		"zero vector":           {Vector: []float32{0, 0, 0, 0}},
		"unknown mode":          {Query: "x", Mode: "fuzzy"},
		"too many":              {Query: "x", TopK: &many},
		"negative offset":       {Query: "x", Offset: -1},
		"unknown include":       {Query: "x", Include: []string{"everything"}},
		"unknown operator":      {Query: "x", Filter: json.RawMessage(`{"a":{"$regex":"b"}}`)},
		"semantic, no vector":   {Query: "x", Mode: search.Semantic},
		"a reranker":            {Query: "x", Rerank: json.RawMessage(`{}`)},
		"a name nobody may use": {Query: "x", Collections: []string{"../default"}},
	} {
		if _, err := service.Search(e.ctx, e.Handle, e.ID, request); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want %s", name, err, fault.Invalid)
		}
	}
	if _, err := service.Search(e.ctx, e.Handle, e.ID, search.Request{Query: "x", Collections: []string{"absent"}}); !fault.Is(err, fault.NotFound) {
		t.Errorf("an absent collection gives %v", err)
	}
}

// What the service remembers of a collection must not hide what came later: its first documents, other languages,
// and that it was deleted.
func TestSearchNoticesChangesOfTheCollection(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	service := newService(t)
	words := search.Request{Query: "factura", Mode: search.Lexical}
	if found := e.search(service, words); len(found.Results) != 0 {
		t.Fatalf("an empty collection answered %v", idsOf(found))
	}
	e.put("f", "la factura de enero")
	e.index()
	if found := e.search(service, words); len(found.Results) != 1 || found.Explain.Attempts != 2 {
		t.Errorf("after the first document: %v in %d attempts", idsOf(found), found.Explain.Attempts)
	}
	if err := e.Handle.DeleteDocument(e.ctx, "default", "f"); err != nil {
		t.Fatal(err)
	}
	if found := e.search(service, words); len(found.Results) != 0 {
		t.Errorf("a deleted document is still found: %v", idsOf(found))
	}
}

// The neighbour's documents, words and vectors change nothing that the tenant can observe.
func TestNeighbourChangesNothing(t *testing.T) {
	t.Parallel()
	a := newEnv(t)
	neighbour := &env{TB: t, Fixture: a.Fixture, Tenant: a.Fixture.Tenant(t, storefixture.External), ctx: a.ctx}
	for i := range 30 {
		a.put(fmt.Sprint("a", i), fmt.Sprintf("invoice number %d of the router contract", i%7))
	}
	a.index()
	service := newService(t)
	requests := []search.Request{
		{Query: "invoice 3 contract", Mode: search.Lexical},
		{Vector: storefixture.Vector("x", storefixture.Dimensions), Mode: search.Semantic},
		{Query: "router", Vector: storefixture.Vector("x", storefixture.Dimensions)},
	}
	answers := func() (all []search.Response) {
		for _, request := range requests {
			all = append(all, a.search(service, request))
		}
		return all
	}
	answers() // from now on postings are in memory, which saves a round trip
	before := answers()
	for i := range 50 {
		neighbour.put(fmt.Sprint("a", i), fmt.Sprintf("invoice number %d of the router contract", i%7))
	}
	neighbour.index()
	timings := cmpopts.IgnoreFields(search.Response{}, "TookMS")
	explained := cmpopts.IgnoreFields(search.Explain{}, "EmbedMS", "RetrieveMS", "RankMS", "HydrateMS", "Attempts")
	if diff := cmp.Diff(before, answers(), timings, explained); diff != "" {
		t.Errorf("the neighbour's documents changed the answers:\n%s", diff)
	}
}

// Merging changes no score, leaves no dead posting, and goes on until the policy is content.
func TestMergeChangesNoScore(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	service := newService(t)
	words := []string{"router", "invoice", "contract", "coverage", "refund", "line", "cancel"}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 40 {
		text := ""
		for range 1 + random.IntN(8) {
			text += words[random.IntN(len(words))] + " "
		}
		e.put(fmt.Sprint("d", i%30), text) // some replace an earlier one: dead postings
		e.index()                          // one segment each
	}
	request := search.Request{Query: "router refund cancel line", Mode: search.Lexical}
	before := e.search(service, request)
	if _, err := e.Handle.MergeSegments(e.ctx, e.Collection.ID); err != nil {
		t.Fatal(err)
	}
	after := e.search(service, request)
	if diff := cmp.Diff(before.Results, after.Results); diff != "" {
		t.Errorf("merging changed the results:\n%s", diff)
	}
	if segments := e.count("lexical_segments"); segments >= 8*3 {
		t.Errorf("%d segments are left", segments)
	}
	if dead := e.count("lexical_deleted"); dead != 0 {
		t.Errorf("%d markers of deleted chunks are left", dead)
	}
}

// What SQL finds is what the language means.
func TestFilterAgreesWithItsMeaning(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	random := rand.New(rand.NewPCG(3, 4))
	var documents []filter.Document
	for i := range 60 {
		doc := storefixture.Split(fmt.Sprintf("doc %02d", i), "text", storefixture.Dimensions)
		metadata := map[string]any{}
		for _, field := range []string{"a", "b", "c"} {
			if value := randomValue(random); value != nil {
				metadata[field] = value
			}
		}
		raw, err := json.Marshal(metadata)
		if err != nil {
			t.Fatal(err)
		}
		doc.Payload.Metadata = raw
		e.accept(doc)
		decoded := map[string]any{}
		if err := json.Unmarshal(raw, &decoded); err != nil {
			t.Fatal(err)
		}
		documents = append(documents, filter.Document{ID: doc.ID, Title: doc.Payload.Title, Metadata: decoded})
	}
	e.index()
	listed, err := e.Handle.Documents(e.ctx, "default", store.DocumentQuery{Page: store.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	for i, doc := range listed.Items {
		documents[i].CreatedAt, documents[i].UpdatedAt = doc.CreatedAt, doc.UpdatedAt
	}
	// The same documents, accepted and not yet indexed.
	waiting := newEnv(t)
	for i, doc := range documents {
		accepted := storefixture.Split(doc.ID, "text", storefixture.Dimensions)
		accepted.Payload.Title = doc.Title
		accepted.Payload.Metadata = listed.Items[i].Metadata
		waiting.accept(accepted)
	}
	service := newService(t)
	top := 100
	rapid.Check(t, func(t *rapid.T) {
		raw, err := json.Marshal(drawFilter(t, 3))
		if err != nil {
			t.Fatal(err)
		}
		expr, err := filter.Parse("filter", raw)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := range documents {
			if filter.Match(expr, &documents[i]) {
				want = append(want, documents[i].ID)
			}
		}
		for _, request := range []search.Request{
			{Vector: []float32{1, 0, 0, 0}, Mode: search.Semantic, Filter: raw, TopK: &top},
			{Query: "text", Mode: search.Lexical, Filter: raw, TopK: &top},
		} {
			response, err := service.Search(e.ctx, e.Handle, e.ID, request)
			if err != nil {
				t.Fatal(err)
			}
			got := idsOf(response)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("%s %s found %v, want %v", request.Mode, raw, got, want)
			}
		}
		for _, handle := range []*env{e, waiting} {
			list, err := handle.Handle.Documents(e.ctx, "default", store.DocumentQuery{Filter: expr, Page: store.Page{Limit: 100}})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, doc := range list.Items {
				got = append(got, doc.ID)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s lists %v, want %v (waiting: %v)", raw, got, want, handle == waiting)
			}
		}
	})
}

var sampleTexts = []string{"red", "blue", "", "ñandú"}

func randomValue(random *rand.Rand) any {
	switch random.IntN(6) {
	case 0:
		return sampleTexts[random.IntN(len(sampleTexts))]
	case 1:
		return random.IntN(3)
	case 2:
		return random.IntN(2) == 0
	case 3:
		return sampleTexts[:random.IntN(3)]
	case 4:
		return "1" // a string that looks like a number
	}
	return nil
}

func drawFilter(t *rapid.T, depth int) map[string]any {
	if depth > 0 && rapid.Bool().Draw(t, "nested") {
		parts := make([]any, rapid.IntRange(1, 3).Draw(t, "parts"))
		for i := range parts {
			parts[i] = drawFilter(t, depth-1)
		}
		switch operator := rapid.SampledFrom([]string{"$and", "$or", "$not"}).Draw(t, "operator"); operator {
		case "$not":
			return map[string]any{operator: parts[0]}
		default:
			return map[string]any{operator: parts}
		}
	}
	if rapid.IntRange(0, 9).Draw(t, "own") == 0 {
		return map[string]any{"$id": map[string]any{"$gt": "doc 30"}, "$created_at": map[string]any{"$lte": time.Now().Add(time.Hour)}}
	}
	field := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "field")
	scalars := []any{"red", "blue", "", "1", "ñandú", 0, 1, 2, true, false}
	ordered := []any{"blue", "1", 0, 1}
	conditions := map[string]*rapid.Generator[any]{
		"$eq": rapid.SampledFrom(scalars), "$ne": rapid.SampledFrom(scalars),
		"$gt": rapid.SampledFrom(ordered), "$gte": rapid.SampledFrom(ordered), "$lt": rapid.SampledFrom(ordered), "$lte": rapid.SampledFrom(ordered),
		"$in": rapid.Map(rapid.SliceOfN(rapid.SampledFrom(scalars), 0, 4), func(v []any) any { return v }),
		"$nin": rapid.Map(rapid.SliceOfN(rapid.SampledFrom(scalars), 0, 4), func(v []any) any {
			return v
		}),
		"$exists": rapid.Map(rapid.Bool(), func(v bool) any { return v }),
	}
	operators := map[string]any{}
	for range rapid.IntRange(1, 2).Draw(t, "conditions") {
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(conditions))).Draw(t, "name")
		operators[name] = conditions[name].Draw(t, "value")
		if rapid.IntRange(0, 4).Draw(t, "not") == 0 {
			operators = map[string]any{"$not": operators}
		}
	}
	return map[string]any{field: operators}
}
