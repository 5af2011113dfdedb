package jobs_test

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/internal/localpg"
	"lindero/internal/storefixture"
	"lindero/migrations"
	"lindero/store"
)

// crashFiles is how many files the crash test has: LINDERO_CRASH_FILES, or a few.
func crashFiles(tb testing.TB) int {
	given := os.Getenv("LINDERO_CRASH_FILES")
	if given == "" {
		return 160
	}
	n, err := strconv.Atoi(given)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// privateCluster is a PostgreSQL of the test's own, which it may kill. Commits reach the operating system, which
// survives.
func privateCluster(t *testing.T) (*localpg.Cluster, *storefixture.Fixture) {
	t.Helper()
	if _, err := localpg.Find(); err != nil {
		t.Skip(err)
	}
	cluster, err := localpg.Start(t.Context(), localpg.Config{Dir: t.TempDir(), Durable: true, Settings: []string{"fsync=off"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := cluster.Remove(ctx); err != nil {
			t.Error(err)
		}
	})
	owner := cluster.URL("postgres", "postgres")
	if err := migrations.Up(t.Context(), owner, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return cluster, storefixture.On(t, owner, cluster.URL("lindero_app", "postgres"), cluster.URL("lindero_platform", "postgres"))
}

// TestMixedFilesThroughCrashes ingests files of all kinds twice: undisturbed, and while worker processes and
// PostgreSQL itself are killed at random. Both give the same documents with the same chunks, byte for byte.
func TestMixedFilesThroughCrashes(t *testing.T) {
	t.Parallel()
	cluster, f := privateCluster(t)
	docs := mixedFiles(t, crashFiles(t))
	calm, stormy := structured(t, f), structured(t, f)

	began := time.Now()
	worker := startWorkerProcess(t, f.AppURL)
	takeInThroughOutages(t, calm, docs)
	want := outcome(t, f, calm, len(docs))
	kill(worker)
	t.Logf("undisturbed: %d documents in %v", len(docs), time.Since(began))

	began = time.Now()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		takeInThroughOutages(t, stormy, docs)
	}()
	kills, outages := crashKills(t), 0
	for i := range kills {
		worker := startWorkerProcess(t, f.AppURL)
		time.Sleep(time.Duration(200+rand.IntN(3000)) * time.Millisecond)
		if i%4 == 1 {
			cluster.Kill()
			outages++
			if rand.IntN(2) == 0 { // the worker lives to see it come back, or not
				if err := cluster.WaitReady(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		kill(worker)
	}
	if err := cluster.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	worker = startWorkerProcess(t, f.AppURL)
	defer kill(worker)
	<-sent
	got := outcome(t, f, stormy, len(docs))
	t.Logf("%d workers killed, PostgreSQL killed %d times: %d documents in %v", kills, outages, len(docs), time.Since(began))
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if got[id] != want[id] {
			t.Errorf("%s: %s, undisturbed %s", id, got[id], want[id])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d documents, want %d", len(got), len(want))
	}
}

// structured is a tenant whose collection is split by structure and embedded.
func structured(tb testing.TB, f *storefixture.Fixture) storefixture.Tenant {
	tb.Helper()
	tenant := f.Tenant(tb, storefixture.OpenAI)
	spec := tenant.Collection.CollectionSpec
	spec.Chunking = store.Chunking{Strategy: "structure", MaxTokens: 128}
	var err error
	if tenant.Collection, _, err = tenant.Handle.PutCollection(context.Background(), spec); err != nil {
		tb.Fatal(err)
	}
	return tenant
}

func takeInThroughOutages(tb testing.TB, t storefixture.Tenant, docs []store.NewDocument) {
	for batch := range slices.Chunk(docs, 50) {
		acceptThroughOutages(tb, t, batch)
	}
}

// outcome waits until nothing is left to do, and tells of each document what became of it and the hash of all that
// its chunks hold.
func outcome(tb testing.TB, f *storefixture.Fixture, t storefixture.Tenant, documents int) map[string]string {
	tb.Helper()
	deadline := time.Now().Add(20 * time.Minute)
	for time.Now().Before(deadline) {
		if found, done := readOutcome(tb, f, t); done && len(found) == documents {
			return found
		}
		time.Sleep(200 * time.Millisecond)
	}
	tb.Fatal("the documents are not done")
	return nil
}

func readOutcome(tb testing.TB, f *storefixture.Fixture, t storefixture.Tenant) (found map[string]string, done bool) {
	tb.Helper()
	found, done = map[string]string{}, true
	err := pgx.BeginFunc(context.Background(), f.Store.Pool(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(context.Background(), `SELECT set_config('app.tenant_id', $1, true)`, t.ID.String()); err != nil {
			return err
		}
		var waiting int
		if err := tx.QueryRow(context.Background(), `SELECT count(*) FROM work_items`).Scan(&waiting); err != nil || waiting > 0 {
			done = false
			return err
		}
		// Under row-level security the planner takes each table for one row and would loop over all of them.
		if _, err := tx.Exec(context.Background(), `SET LOCAL enable_nestloop = off`); err != nil {
			return err
		}
		// Vectors are read as searches read them, from the collection's own slot: while a collection that grew is
		// moved, copies of them lie in another. Text and vectors are told apart, so that a difference says where it is.
		rows, err := tx.Query(context.Background(), `WITH text AS MATERIALIZED (
				SELECT document_key, count(*) AS n, md5(string_agg(concat_ws('|', position, chunk_id, text, context, start_offset, end_offset,
					page, metadata, tokens), E'\n' ORDER BY position)) AS hash FROM chunks GROUP BY document_key),
			vectors AS MATERIALIZED (
				SELECT c.document_key, count(*) AS n, md5(string_agg(v.embedding::text, E'\n' ORDER BY c.position)) AS hash
				FROM chunks c JOIN collections k ON k.id = c.collection_id
				JOIN chunk_vectors v ON v.slot = k.slot AND v.collection_id = c.collection_id AND v.ordinal = c.ordinal
				GROUP BY c.document_key)
			SELECT d.id, concat_ws(' ', d.status, d.error_code, d.chunks, 'text', text.n, text.hash, 'vectors', vectors.n, vectors.hash)
			FROM documents d LEFT JOIN text ON text.document_key = d.key LEFT JOIN vectors ON vectors.document_key = d.key`)
		if err != nil {
			return err
		}
		var id, what string
		_, err = pgx.ForEachRow(rows, []any{&id, &what}, func() error {
			found[id] = what
			return nil
		})
		return err
	})
	if err != nil { // the pool's connections may date from before an outage
		tb.Logf("read the outcome: %v", err)
		return nil, false
	}
	return found, done
}
