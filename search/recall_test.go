package search

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/uuid"

	"lindero/fault"
	"lindero/store"
	"lindero/tenant/tenanttest"
)

// lossyIndex holds vectors and, unless asked exactly, hides those whose ordinal is a multiple of hides.
type lossyIndex struct {
	*hostileIndex
	tenant  uuid.UUID
	vectors [][]float32
	hides   int
	cut     bool // hidden ones shorten the answer, as an index that gives up early does
}

func (i *lossyIndex) SampleVectors(_ context.Context, _ uuid.UUID, n int) ([][]float32, error) {
	var sample [][]float32
	for _, v := range i.vectors[:min(n, len(i.vectors))] {
		sample = append(sample, slices.Clone(v))
	}
	return sample, nil
}

func (i *lossyIndex) Retrieve(_ context.Context, plan Plan) (Snapshot, error) {
	target := plan.Targets[0]
	var all []Candidate
	for n, v := range i.vectors {
		score := dotted(v, target.Vector)
		all = append(all, Candidate{Tenant: i.tenant, Ordinal: int64(n), Score: score})
	}
	slices.SortFunc(all, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Ordinal, b.Ordinal))
	})
	hidden := func(c Candidate) bool { return !target.Exact && i.hides > 0 && int(c.Ordinal)%i.hides == 0 }
	if i.cut {
		all = all[:min(target.Limit, len(all))]
	}
	all = slices.DeleteFunc(all, hidden)
	i.candidates = all[:min(target.Limit, len(all))]
	for n := range i.vectors {
		i.passages[int64(n)] = Passage{DocumentID: fmt.Sprint(n)}
	}
	return i.hostileIndex.Retrieve(context.Background(), plan)
}

func newLossy(id uuid.UUID, n, hides int) *lossyIndex {
	index := &lossyIndex{hostileIndex: newHostile(), tenant: id, hides: hides}
	index.passages = map[int64]Passage{}
	for i := range n {
		angle := 2 * math.Pi * float64(i) / float64(n)
		index.vectors = append(index.vectors, []float32{float32(math.Cos(angle)), float32(math.Sin(angle))})
	}
	return index
}

func TestRecallIsWhatTheIndexFindsOfTheExactScan(t *testing.T) {
	t.Parallel()
	id := tenanttest.New(t)
	ten, hundred := 10, 100
	for _, c := range []struct {
		hides int
		cut   bool
		want  float64
		short int
	}{{0, false, 1, 0}, {10, false, .9, 0}, {2, false, .5, 0}, {2, true, .5, 100}} {
		index := newLossy(id.UUID(), 1000, c.hides)
		index.cut = c.cut
		got, err := newTestService(t).Recall(t.Context(), index, id, "default", RecallRequest{TopK: &ten, Queries: &hundred})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got.Recall-c.want) > .02 || got.ShortResults != c.short || got.Queries != 100 || got.TopK != 10 {
			t.Errorf("hiding every %d (cut %v) gives %+v, want %v", c.hides, c.cut, got, c.want)
		}
	}
}

func TestEquallyNearChunksCountAlike(t *testing.T) {
	t.Parallel()
	id := tenanttest.New(t)
	index := newLossy(id.UUID(), 4, 0)
	for range 50 { // many copies of one vector: which of them an answer holds is nobody's merit
		index.vectors = append(index.vectors, index.vectors[0])
	}
	index.hides = 2
	got, err := newTestService(t).Recall(t.Context(), index, id, "default", RecallRequest{Vectors: [][]float32{{3, 0}}})
	if err != nil || got.Recall != 1 || got.Queries != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRecallRefusesWhatItCannotMeasure(t *testing.T) {
	t.Parallel()
	id := tenanttest.New(t)
	number := func(n int) *int { return &n }
	for name, r := range map[string]RecallRequest{
		"no queries": {Queries: number(0)}, "too many": {Queries: number(1001)}, "top_k": {TopK: number(1001)}, "no top_k": {TopK: number(0)},
		"no vectors": {Vectors: [][]float32{}}, "wrong size": {Vectors: [][]float32{{1, 2, 3}}}, "zero": {Vectors: [][]float32{{0, 0}}},
	} {
		if _, err := newTestService(t).Recall(t.Context(), newLossy(id.UUID(), 10, 0), id, "default", r); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty := newLossy(id.UUID(), 0, 0)
	empty.collection.Embedding.Provider = store.ProviderBuiltin
	if _, err := newTestService(t).Recall(t.Context(), empty, id, "default", RecallRequest{}); !fault.Is(err, fault.Conflict) {
		t.Errorf("an empty collection: %v", err)
	}
}
