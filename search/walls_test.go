package search

import (
	"context"
	"log/slog"
	"math"
	"testing"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"lindero/fault"
	"lindero/search/lexical/bm25"
	"lindero/store"
	"lindero/tenant/tenanttest"
)

// hostileIndex proposes whatever it was given, as a broken or malicious backend might.
type hostileIndex struct {
	collection store.Collection
	candidates []Candidate
	passages   map[int64]Passage
	asked      []Key
	stale      int // so many times it says that the collection has changed
}

func (i *hostileIndex) CollectionsNamed(context.Context, []string) ([]store.Collection, error) {
	return []store.Collection{i.collection}, nil
}

func (i *hostileIndex) Retrieve(_ context.Context, plan Plan) (Snapshot, error) {
	found := Retrieved{Vector: i.candidates, Stale: i.stale > 0}
	if len(plan.Targets[0].Terms) > 0 {
		found.Lexical = &bm25.Result{Frequencies: make([]int, len(plan.Targets[0].Terms))}
		found.Languages = i.collection.Languages
	}
	i.stale--
	return &hostileSnapshot{index: i, found: found}, nil
}

type hostileSnapshot struct {
	index *hostileIndex
	found Retrieved
}

func (s *hostileSnapshot) Retrieved() []Retrieved { return []Retrieved{s.found} }
func (s *hostileSnapshot) Close()                 {}
func (s *hostileSnapshot) RoundTrips() int        { return 1 }

func (s *hostileSnapshot) Hydrate(_ context.Context, keys []Key, _ bool) (map[Key]*Passage, error) {
	s.index.asked = keys
	passages := map[Key]*Passage{}
	for _, key := range keys {
		if p, ok := s.index.passages[key.Ordinal]; ok {
			passages[key] = &p
		}
	}
	return passages, nil
}

func newHostile() *hostileIndex {
	return &hostileIndex{collection: store.Collection{
		ID: uuid.New(), Version: 1, Languages: []string{"en"},
		CollectionSpec: store.CollectionSpec{Name: "default", Language: store.LanguageAuto, Embedding: store.Profile{Provider: store.ProviderExternal, Dimensions: 2}},
	}}
}

func newTestService(t *testing.T) *Service {
	t.Helper()
	s, err := New(Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Wall 4: what a backend says belongs to somebody else is not even asked for, and is counted; what cannot be read
// under the tenant's rights is left out, and counted apart.
func TestForeignCandidatesNeverReachAnAnswer(t *testing.T) {
	id := tenanttest.New(t)
	index := newHostile()
	index.candidates = []Candidate{
		{Tenant: uuid.New(), Ordinal: 1, Score: .99},
		{Tenant: id.UUID(), Ordinal: 2, Score: .9},
		{Tenant: id.UUID(), Ordinal: 3, Score: math.NaN()},
		{Tenant: id.UUID(), Ordinal: 4, Score: .8}, // claimed to be the tenant's, but not readable
		{Tenant: uuid.Nil, Ordinal: 5, Score: .7},
	}
	index.passages = map[int64]Passage{
		1: {DocumentID: "foreign"}, 2: {DocumentID: "own"}, 3: {DocumentID: "nan"}, 5: {DocumentID: "nobody's"},
	}
	rejected, stale := testutil.ToFloat64(rejectedCandidates), testutil.ToFloat64(staleCandidates)
	response, err := newTestService(t).Search(t.Context(), index, id, Request{Vector: []float32{1, 0}, Mode: Semantic})
	if err != nil {
		t.Fatal(err)
	}
	if len(response.Results) != 1 || response.Results[0].DocumentID != "own" {
		t.Errorf("the answer is %+v", response.Results)
	}
	for _, key := range index.asked {
		if key.Ordinal == 1 || key.Ordinal == 5 {
			t.Errorf("a foreign candidate was read: %v", key)
		}
	}
	if got := testutil.ToFloat64(rejectedCandidates) - rejected; got != 2 {
		t.Errorf("%v candidates were counted as rejected, want 2", got)
	}
	if got := testutil.ToFloat64(staleCandidates) - stale; got != 1 {
		t.Errorf("%v candidates were counted as stale, want 1", got)
	}
}

func TestOutdatedDescriptionIsReadAgain(t *testing.T) {
	t.Parallel()
	id := tenanttest.New(t)
	index := newHostile()
	index.stale = 2
	response, err := newTestService(t).Search(t.Context(), index, id, Request{Vector: []float32{1, 0}, Explain: true})
	if err != nil || response.Explain.Attempts != 3 {
		t.Errorf("%v after %+v", err, response.Explain)
	}
	index.stale = 100
	if _, err := newTestService(t).Search(t.Context(), index, id, Request{Vector: []float32{1, 0}}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a collection that never stands still gives %v", err)
	}
}

func TestExternalCollectionWithoutVector(t *testing.T) {
	t.Parallel()
	id := tenanttest.New(t)
	response, err := newTestService(t).Search(t.Context(), newHostile(), id, Request{Query: "words", Explain: true})
	if err != nil || len(response.Warnings) != 1 || response.Warnings[0].Code != "no_query_vector" || response.Explain.Mode != Lexical {
		t.Errorf("%v, %+v", err, response)
	}
}
