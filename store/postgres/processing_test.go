package postgres_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/store"
)

// Documents are claimed by age and locked by id: marking them would else wait for its own batch's publication, and that
// for it.
func TestMarkProcessingLocksInTheOrderOfIDs(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.put("b", "first")
	e.put("a", "second")
	items := e.load().Items
	if len(items) != 2 || items[0].DocumentID != "b" {
		t.Fatalf("claimed %+v, want the older one first", items)
	}
	held := e.lockDocument(t, "a", "")
	defer func() { _ = held.Rollback(e.ctx) }()
	done := make(chan error, 1)
	go func() { done <- e.Handle.MarkProcessing(e.ctx, e.Collection.ID, items) }()
	e.awaitBlockedBy(t, held)
	free := e.lockDocument(t, "b", "NOWAIT")
	_ = free.Rollback(e.ctx)
	if err := held.Rollback(e.ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b"} {
		if doc, err := e.Handle.Document(e.ctx, "default", id); err != nil || doc.Status != store.Processing {
			t.Errorf("%s: %v %v", id, doc.Status, err)
		}
	}
}

// lockDocument holds a document's row until the transaction ends.
func (e *env) lockDocument(t *testing.T, id, how string) pgx.Tx {
	t.Helper()
	tx, err := e.Store.Pool().Begin(e.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = tx.Exec(e.ctx, `SELECT set_config('app.tenant_id', $1, true)`, e.ID.String()); err != nil {
		_ = tx.Rollback(e.ctx)
		t.Fatal(err)
	}
	var locked bool
	if err := tx.QueryRow(e.ctx, `SELECT true FROM documents WHERE id = $1 FOR UPDATE `+how, id).Scan(&locked); err != nil {
		_ = tx.Rollback(e.ctx) // else the pool would wait for it
		t.Fatalf("%s cannot be locked: %v", id, err)
	}
	return tx
}

func (e *env) awaitBlockedBy(t *testing.T, holder pgx.Tx) {
	t.Helper()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		var blocked bool
		err := e.Store.Pool().QueryRow(e.ctx, `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND $1 = ANY (pg_blocking_pids(pid)))`,
			int32(holder.Conn().PgConn().PID())).Scan(&blocked)
		if err != nil {
			t.Fatal(err)
		}
		if blocked {
			return
		}
	}
	t.Fatal("nobody waits for the row")
}
