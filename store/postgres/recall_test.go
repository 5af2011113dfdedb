package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"lindero/fault"
	"lindero/store"
)

func TestRecallIsKeptAndJudged(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	record := func(recall float64) (since *time.Time) {
		t.Helper()
		if err := e.Handle.RecordRecall(e.ctx, e.Collection.ID, store.RecallMeasurement{Recall: recall, Queries: 30, TopK: 10, EfSearch: 40}); err != nil {
			t.Fatal(err)
		}
		state, err := e.Handle.RecallState(e.ctx, e.Collection.ID)
		if err != nil || state.Collection != e.Collection.ID || state.Name != "default" || state.Objective != .98 || state.Indexed || state.Fitted {
			t.Fatalf("%+v, %v", state, err)
		}
		var kept float64
		e.Query(t, e.ID, `SELECT recall, below_since FROM collection_recall`, &kept, &since)
		if kept != recall {
			t.Errorf("kept %v of %v", kept, recall)
		}
		return since
	}
	if since := record(.99); since != nil {
		t.Errorf("enough, since %v", since)
	}
	first, second := record(.9), record(.97)
	if first == nil || second == nil || !second.Equal(*first) {
		t.Errorf("too little twice: since %v and %v", first, second)
	}
	if since := record(1); since != nil {
		t.Errorf("enough again, since %v", since)
	}
	if err := e.Handle.RecordRecall(e.ctx, uuid.New(), store.RecallMeasurement{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a collection that is not there: %v", err)
	}
	if err := e.Handle.ForgetRecall(e.ctx, e.Collection.ID); err != nil {
		t.Fatal(err)
	}
	var left int
	if e.Query(t, e.ID, `SELECT count(*) FROM collection_recall`, &left); left != 0 {
		t.Errorf("%d figures are left", left)
	}
}

func TestRecallObjectiveOfSettings(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for settings, want := range map[string]float64{
		`{}`: .98, `{"recall_objective": 0.9}`: .9, `{"recall_objective": 1}`: 1, `{"recall_objective": 0}`: .98, `{"recall_objective": -1}`: .98,
		`{"recall_objective": 1e999}`: .98, `{"recall_objective": "0.5"}`: .98, `{"recall_objective": null}`: .98, `[]`: .98,
	} {
		var got float64
		e.Query(t, e.ID, `SELECT recall_objective('`+settings+`')`, &got)
		if got != want {
			t.Errorf("%s gives %v, want %v", settings, got, want)
		}
	}
}
