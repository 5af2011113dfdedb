package systemtest

import (
	"fmt"
	"testing"
	"time"

	"lindero/internal/evaldata"
	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/search/eval/beir"
	"lindero/store"
	"lindero/store/postgres"
)

// A collection that grows large gets an index, and from then on its recall is measured without anybody asking; at once
// again when it has doubled.
func TestRecallOfAPromotedCollectionIsWatched(t *testing.T) {
	t.Parallel()
	s := NewPlaced(t, postgres.PlacementPolicy{PromoteAt: 60, DemoteAt: 30})
	tenant := s.Tenant(t, Builtin)
	s.Load(t, tenant, boxes(0, 120))
	first := s.awaitFitted(t, tenant, 120)
	var recall float64
	var queries, ef, waiting int
	s.Query(t, tenant.ID, `SELECT recall, queries, ef_search FROM collection_recall`, &recall, &queries, &ef)
	if recall < .95 || queries < 10 || ef != first {
		t.Errorf("recall %v of %d queries with ef_search %d; searches have %d", recall, queries, ef, first)
	}
	for deadline := time.Now().Add(time.Minute); waiting == 0 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		s.Query(t, tenant.ID, `SELECT count(*) FROM river.river_job WHERE kind = 'measure_recall' AND state = 'scheduled'`, &waiting)
	}
	if waiting != 1 {
		t.Error("no next measurement is planned")
	}
	s.Load(t, tenant, boxes(120, 260))
	s.awaitFitted(t, tenant, 260)
}

func boxes(from, to int) (documents []beir.Document) {
	for i := from; i < to; i++ {
		documents = append(documents, beir.Document{ID: fmt.Sprint(i), Text: fmt.Sprintf("note %d of box %d on shelf %d in room %d", i, i%11, i%7, i%3)})
	}
	return documents
}

// awaitFitted returns how wide the tenant's index is searched, when that has been measured on so many chunks.
func (s *System) awaitFitted(t *testing.T, tenant storefixture.Tenant, chunks int) (ef int) {
	t.Helper()
	var size, kept int // the figure is kept after the width
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		s.Query(t, tenant.ID, `SELECT ef_search, indexed_chunks, (SELECT count(*) FROM collection_recall) FROM collections`, &ef, &size, &kept)
		if ef > 0 && size >= chunks && kept > 0 {
			return ef
		}
	}
	t.Fatalf("the recall was not measured: ef_search %d at %d chunks, want %d chunks; %d figures", ef, size, chunks, kept)
	return 0
}

// TestRealQuestionsFindWhatTheObjectiveSays: the width is fitted with queries made of stored vectors, and holds for
// people's questions too.
func TestRealQuestionsFindWhatTheObjectiveSays(t *testing.T) {
	base, questions := evaldata.Vectors(t, "vec_bge768", "base.fvecs"), evaldata.Vectors(t, "vec_bge768", "query.fvecs")
	s := New(t)
	tenant := s.Tenant(t, store.Profile{Provider: store.ProviderExternal, Dimensions: len(base[0])})
	documents := make([]store.NewDocument, len(base))
	for i, vector := range base {
		documents[i] = storefixture.Split(fmt.Sprint(i), fmt.Sprint("passage ", i), len(vector))
		documents[i].Payload.Parts[0].Vector = vector
	}
	s.Index(t, tenant, documents)
	ef := s.awaitFitted(t, tenant, len(base))
	measured, err := s.Search.Recall(t.Context(), tenant.Handle, tenant.ID, "default", search.RecallRequest{Vectors: questions})
	if err != nil {
		t.Fatal(err)
	}
	var objective float64
	s.Query(t, tenant.ID, `SELECT recall_objective(settings) FROM tenants`, &objective)
	t.Logf("%d passages, %d questions: recall %.4f with ef_search %d, objective %v", len(base), measured.Queries, measured.Recall, ef, objective)
	if measured.Recall < objective || measured.Queries < len(questions)/2 {
		t.Errorf("recall %.4f of %d questions, want %v", measured.Recall, measured.Queries, objective)
	}
}
