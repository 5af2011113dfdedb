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
	record := func(recall float64, ef int) (insufficient int, since *time.Time) {
		t.Helper()
		if err := e.Handle.RecordRecall(e.ctx, e.Collection.ID, store.RecallMeasurement{Recall: recall, Queries: 30, TopK: 10, EfSearch: ef}); err != nil {
			t.Fatal(err)
		}
		state, err := e.Handle.RecallState(e.ctx, e.Collection.ID)
		if err != nil || state.Collection != e.Collection.ID || state.Name != "default" || state.Objective != .98 || state.Indexed {
			t.Fatalf("%+v, %v", state, err)
		}
		var kept float64
		e.Query(t, e.ID, `SELECT recall, below_since FROM collection_recall`, &kept, &since)
		if kept != recall {
			t.Errorf("kept %v of %v", kept, recall)
		}
		return state.Insufficient, since
	}
	if insufficient, since := record(.99, 40); insufficient != 0 || since != nil {
		t.Errorf("enough: %d, %v", insufficient, since)
	}
	_, first := record(.9, 40)
	insufficient, second := record(.97, 60)
	if insufficient != 60 || first == nil || second == nil || !second.Equal(*first) {
		t.Errorf("too little twice: %d, since %v and %v", insufficient, first, second)
	}
	if insufficient, since := record(1, 90); insufficient != 60 || since != nil {
		t.Errorf("enough again: %d, %v", insufficient, since)
	}
	if err := e.Handle.RecordRecall(e.ctx, uuid.New(), store.RecallMeasurement{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a collection that is not there: %v", err)
	}
	if err := e.Handle.ForgetRecall(e.ctx, e.Collection.ID); err != nil {
		t.Fatal(err)
	}
	if state, err := e.Handle.RecallState(e.ctx, e.Collection.ID); err != nil || state.Insufficient != 0 {
		t.Errorf("forgotten: %+v, %v", state, err)
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
