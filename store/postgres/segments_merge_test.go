package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/internal/storefixture"
	"lindero/store"
)

// segments publishes so many batches of one document each.
func (e *env) segments(prefix string, n int) {
	e.Helper()
	for i := range n {
		e.put(fmt.Sprint(prefix, i), fmt.Sprint("common text ", prefix, i))
		e.index()
	}
}

func (e *env) merge() (again time.Duration) {
	e.Helper()
	again, err := e.Handle.MergeSegments(e.ctx, e.Collection.ID)
	if err != nil {
		e.Fatal(err)
	}
	return again
}

// queuedMerges counts the tenant's jobs and forgets them.
func (e *env) queuedMerges() (n int) {
	e.Helper()
	queryRow(e, e.OwnerURL, `WITH gone AS (DELETE FROM river.river_job WHERE kind = 'merge_segments' AND args->>'tenant_id' = '`+
		e.ID.String()+`' RETURNING 1) SELECT count(*) FROM gone`, &n)
	return n
}

// TestMergesAreAskedFor by whatever makes segments or dead postings, once there are some, and not before.
func TestMergesAreAskedFor(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.segments("a", 3)
	if n := e.queuedMerges(); n != 0 {
		t.Errorf("%d jobs for three segments", n)
	}
	e.segments("b", 2)
	if n := e.queuedMerges(); n != 1 {
		t.Errorf("%d jobs for five segments", n)
	}
	title := "another"
	if _, err := e.Handle.PatchDocument(e.ctx, "default", "a0", store.Patch{Title: &title}); err != nil {
		t.Fatal(err)
	}
	if n := e.queuedMerges(); n != 1 {
		t.Errorf("%d jobs when a title makes one more", n)
	}
	if again := e.merge(); again != 0 || e.count("lexical_segments") != 1 {
		t.Fatalf("again in %v, %d segments", again, e.count("lexical_segments"))
	}
	if _, err := e.Handle.DeleteDocuments(e.ctx, "default", []string{"a0", "a1"}); err != nil {
		t.Fatal(err)
	}
	if n := e.queuedMerges(); n != 1 {
		t.Errorf("%d jobs when two of five documents are dead", n)
	}
	e.merge()
	if dead, postings := e.count("lexical_deleted"), e.count("lexical_postings WHERE term = 'another'"); dead != 0 || postings != 0 {
		t.Errorf("%d markers and %d dead postings are left in a single segment", dead, postings)
	}
	if n := e.count("lexical_segments WHERE merged AND chunks = 3"); n != 1 {
		t.Errorf("%d segments of three chunks", n)
	}
	e.checkConsistent()
}

// TestMergesWaitForQuiet: what is still growing is left alone, and merged when it has not grown for a while.
func TestMergesWaitForQuiet(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	f.MergeQuiet = time.Hour
	e := &env{TB: t, Fixture: f, Tenant: f.Tenant(t, storefixture.External), ctx: t.Context()}
	e.Handle = f.Open(t).ForTenant(e.ID)
	e.segments("a", 6)
	if again := e.merge(); again <= 0 || e.count("lexical_segments") != 6 {
		t.Errorf("right after a publication: again in %v, %d segments", again, e.count("lexical_segments"))
	}
	e.segments("b", 26)
	if again := e.merge(); again != 0 || e.count("lexical_segments") != 1 {
		t.Errorf("thirty-two segments: again in %v, %d are left", again, e.count("lexical_segments"))
	}
	e.segments("c", 5)
	asOwner(t, e.OwnerURL, `UPDATE lexical_segments SET created_at = now() - interval '1 day' WHERE NOT merged`)
	if again := e.merge(); again != 0 || e.count("lexical_segments") != 1 {
		t.Errorf("when it is quiet: again in %v, %d segments", again, e.count("lexical_segments"))
	}
	e.checkConsistent()
}

// TestBrokenMergeChangesNothing ends a merge's connection when it has rewritten the postings and not yet said so.
func TestBrokenMergeChangesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.segments("a", 6)
	before := e.count("lexical_postings")
	holder, err := pgx.Connect(e.ctx, e.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Close(e.ctx) }()
	tx, err := holder.Begin(e.ctx)
	if err != nil {
		t.Fatal(err)
	}
	// The merge waits for these rows when it removes what it has rewritten.
	if _, err := tx.Exec(e.ctx, `SELECT FROM lexical_segments FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := e.Handle.MergeSegments(e.ctx, e.Collection.ID)
		failed <- err
	}()
	e.awaitBlockedBy(t, tx)
	if _, err := tx.Exec(e.ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))`); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil {
		t.Error("the merge did not notice")
	}
	if err := tx.Rollback(e.ctx); err != nil {
		t.Fatal(err)
	}
	if segments, postings := e.count("lexical_segments"), e.count("lexical_postings"); segments != 6 || postings != before {
		t.Errorf("%d segments and %d postings, want 6 and %d", segments, postings, before)
	}
	if again := e.merge(); again != 0 || e.count("lexical_segments") != 1 {
		t.Errorf("afterwards: again in %v, %d segments", again, e.count("lexical_segments"))
	}
	e.checkConsistent()
}

// TestSweepFindsWhatToMerge has collections whose jobs are lost, as by an earlier version of the policy.
func TestSweepFindsWhatToMerge(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	many, few, dead, gone := newPlacedEnv(t, f), newPlacedEnv(t, f), newPlacedEnv(t, f), newPlacedEnv(t, f)
	many.segments("a", 5)
	few.segments("a", 3)
	dead.fill(0, 8)
	dead.drop(0, 3)
	gone.segments("a", 5)
	if err := gone.Handle.DeleteCollection(t.Context(), "default"); err != nil {
		t.Fatal(err)
	}
	asOwner(t, f.OwnerURL, `DELETE FROM river.river_job`)
	found := func() int {
		t.Helper()
		n, err := f.Store.SweepMerges(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := found(); n != 2 {
		t.Errorf("%d found, want the one with many segments and the one with dead postings", n)
	}
	for name, e := range map[string]*env{"many": many, "dead": dead} {
		if n := e.queuedMerges(); n != 1 {
			t.Errorf("%s: %d jobs", name, n)
		}
		e.merge()
	}
	if n := found(); n != 0 || few.queuedMerges() != 0 || gone.queuedMerges() != 0 {
		t.Errorf("%d found when all are merged", n)
	}
	if gone.merge(); gone.count("lexical_segments") != 5 {
		t.Error("the segments of a deleted collection were merged")
	}
}
