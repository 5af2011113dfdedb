package systemtest

import (
	"fmt"
	"testing"
	"time"

	"lindero/search/eval/beir"
	"lindero/store/postgres"
)

// A collection that grows large gets an index, and from then on its recall is measured without anybody asking.
func TestRecallOfAPromotedCollectionIsWatched(t *testing.T) {
	t.Parallel()
	s := NewPlaced(t, postgres.PlacementPolicy{PromoteAt: 60, DemoteAt: 30})
	tenant := s.Tenant(t, Builtin)
	var documents []beir.Document
	for i := range 120 {
		documents = append(documents, beir.Document{ID: fmt.Sprint(i), Text: fmt.Sprintf("note %d of box %d on shelf %d in room %d", i, i%11, i%7, i%3)})
	}
	s.Load(t, tenant, documents)
	var measured int
	for deadline := time.Now().Add(time.Minute); measured == 0 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		s.Query(t, tenant.ID, `SELECT count(*) FROM collection_recall`, &measured)
	}
	if measured != 1 {
		t.Fatal("the recall was not measured")
	}
	var recall float64
	var queries, ef, waiting int
	s.Query(t, tenant.ID, `SELECT recall, queries, ef_search FROM collection_recall`, &recall, &queries, &ef)
	if recall < .95 || queries < 10 || ef < 20 {
		t.Errorf("recall %v of %d queries with ef_search %d", recall, queries, ef)
	}
	for deadline := time.Now().Add(20 * time.Second); waiting == 0 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		s.Query(t, tenant.ID, `SELECT count(*) FROM river.river_job WHERE kind = 'measure_recall' AND state = 'scheduled'`, &waiting)
	}
	if waiting != 1 {
		t.Error("no next measurement is planned")
	}
}
