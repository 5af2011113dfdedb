package postgres_test

import (
	"testing"

	"github.com/google/uuid"

	"lindero/internal/storefixture"
	"lindero/store"
)

func TestGathersOnlyWhileAStreamSends(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	op, err := e.Handle.StartOperation(e.ctx, "ingest")
	if err != nil {
		t.Fatal(err)
	}
	accept := func(operation uuid.UUID, bulk bool, ids ...string) {
		t.Helper()
		var docs []store.NewDocument
		for _, id := range ids {
			docs = append(docs, storefixture.Split(id, "text", storefixture.Dimensions))
		}
		if _, err := e.Handle.AcceptDocuments(e.ctx, e.Collection, docs, store.AcceptOptions{Operation: operation, Bulk: bulk}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, from int, batch store.WorkLimit, want bool) {
		t.Helper()
		if got, err := e.Handle.Gathers(e.ctx, from, batch); err != nil || got != want {
			t.Errorf("%s: %v (%v), want %v", what, got, err, want)
		}
	}
	room := store.WorkLimit{Items: 10, Bytes: 1 << 20}
	want("nothing is due", 1, room, false)
	accept(op.ID, true, "a", "b", "c")
	want("three came and more may come", 3, room, true)
	want("too few to wait for", 4, room, false)
	want("enough documents", 1, store.WorkLimit{Items: 3, Bytes: 1 << 20}, false)
	want("enough bytes", 1, store.WorkLimit{Items: 10, Bytes: 10}, false)
	accept(uuid.Nil, false, "single")
	want("a single document does not wait", 1, room, false)
	e.index()
	accept(op.ID, true, "d", "e", "f")
	want("more came", 3, room, true)
	if err := e.Handle.FinishAccepting(e.ctx, op.ID); err != nil {
		t.Fatal(err)
	}
	want("the stream has ended", 3, room, false)
}

func TestGathersNotForASilentStream(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	op, err := e.Handle.StartOperation(e.ctx, "ingest")
	if err != nil {
		t.Fatal(err)
	}
	docs := []store.NewDocument{storefixture.Split("a", "text", storefixture.Dimensions)}
	if _, err := e.Handle.AcceptDocuments(e.ctx, e.Collection, docs, store.AcceptOptions{Operation: op.ID, Bulk: true}); err != nil {
		t.Fatal(err)
	}
	asOwner(t, e.OwnerURL, `UPDATE operations SET active_at = now() - interval '2 seconds' WHERE id = '`+op.ID.String()+`'`)
	if more, err := e.Handle.Gathers(e.ctx, 1, store.WorkLimit{Items: 10, Bytes: 1 << 20}); more || err != nil {
		t.Errorf("it is waited for (%v)", err)
	}
}
