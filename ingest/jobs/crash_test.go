package jobs_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/ingest/jobs"
	"lindero/internal/storefixture"
	"lindero/store"
	"lindero/store/postgres"
)

// workerEnv makes the test binary run as a worker process on the database it names, until it is killed.
const workerEnv = "LINDERO_TEST_CRASH_WORKER"

func TestMain(m *testing.M) {
	if url := os.Getenv(workerEnv); url != "" {
		if err := workUntilKilled(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func workUntilKilled(url string) error {
	ctx := context.Background()
	s, err := postgres.Open(ctx, postgres.Config{URL: url, MaxConns: 8, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	cfg := config(s, &fakeEmbedder{fail: dieOfKiller})
	cfg.Webhooks = toThisMachine(0)
	cfg.Log = slog.New(slog.DiscardHandler)
	cfg.Batch = store.WorkLimit{Items: 100, Bytes: 1 << 20} // so that kills hit batches in every stage
	j, err := jobs.New(cfg)
	if err != nil {
		return err
	}
	if err := j.Start(ctx); err != nil {
		return err
	}
	select {}
}

// killer is a text at which a worker process dies as one does that runs out of memory.
const killer = "a text that kills whoever reads it"

func dieOfKiller(_ int, texts []string) error {
	if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, killer) }) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return nil
}

func startWorkerProcess(tb testing.TB, url string) *exec.Cmd {
	tb.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), workerEnv+"="+url)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	return cmd
}

// kill ends a process as a power cut would.
func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill() // it may be gone already
	_ = cmd.Wait()
}

// crashKills is how often the worker is killed: LINDERO_CRASH_KILLS, or a few.
func crashKills(tb testing.TB) int {
	given := os.Getenv("LINDERO_CRASH_KILLS")
	if given == "" {
		return 8
	}
	n, err := strconv.Atoi(given)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// TestKilledAtRandom kills the worker process at random moments of an ingestion of 2,000 documents, and now
// and then cuts every connection to the database, as its restart does. In the end every document is indexed
// once.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	const documents = 2000
	f := storefixture.New(t)
	tenant := f.Tenant(t, storefixture.External)
	kills := crashKills(t)

	operations := make(chan store.Operation, documents)
	go func() {
		defer close(operations)
		for from := 0; from < documents; from += 50 {
			operations <- acceptThroughOutages(t, tenant, split(fmt.Sprintf("b%02d-", from/50), 50))
		}
	}()
	for i := range kills {
		worker := startWorkerProcess(t, f.AppURL)
		time.Sleep(time.Duration(100+rand.IntN(500)) * time.Millisecond)
		if i%4 == 3 {
			cutConnections(t, f)
		}
		kill(worker)
	}
	worker := startWorkerProcess(t, f.AppURL)
	defer kill(worker)
	for op := range operations {
		if got := waitThroughOutages(t, tenant, op); got.Status != store.Succeeded {
			t.Errorf("%+v", got)
		}
	}
	checkIndexedOnce(t, f, tenant, documents)
}

// acceptThroughOutages does what a client does: it repeats a call that was answered with 503.
func acceptThroughOutages(tb testing.TB, t storefixture.Tenant, docs []store.NewDocument) store.Operation {
	var first store.Operation
	for {
		accepted, err := t.Handle.AcceptDocuments(context.Background(), t.Collection, docs, store.AcceptOptions{Bulk: true})
		switch {
		case err == nil && accepted[0].Unchanged: // the call before was done, only its answer was lost
			return first
		case err == nil:
			return accepted[0].Operation
		case !fault.Is(err, fault.Unavailable):
			tb.Errorf("accept: %v", err)
			return first
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func waitThroughOutages(tb testing.TB, t storefixture.Tenant, op store.Operation) store.Operation {
	tb.Helper()
	if op.ID == (store.Operation{}).ID { // its answer was lost
		return store.Operation{Status: store.Succeeded}
	}
	return wait(tb, t, op)
}

// cutConnections ends every session on the test's database.
func cutConnections(tb testing.TB, f *storefixture.Fixture) {
	tb.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, f.OwnerURL)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
		tb.Fatal(err)
	}
}

func checkIndexedOnce(tb testing.TB, f *storefixture.Fixture, t storefixture.Tenant, documents int) {
	tb.Helper()
	for what, want := range map[string]int{
		"documents WHERE status = 'indexed' AND pending_version IS NULL": documents,
		"documents WHERE status <> 'indexed'":                            0,
		"(SELECT DISTINCT document_key FROM chunks) c":                   documents,
		"chunks":        documents,
		"chunk_vectors": documents,
		"chunks c JOIN chunk_vectors v USING (ordinal)": documents,
		"work_items":        0,
		"document_payloads": documents,
		"(SELECT sum(chunks) FROM lexical_segments HAVING sum(chunks) - (SELECT count(*) FROM lexical_deleted) = " + strconv.Itoa(documents) + ") s": 1,
	} {
		var got int
		f.Query(tb, t.ID, "SELECT count(*) FROM "+what, &got)
		if got != want {
			tb.Errorf("%d %s, want %d", got, what, want)
		}
	}
}

// TestKilledWorkerIsReplacedWithinSeconds is the time that matters after a crash: River alone would wait for
// the longest a job may take.
func TestKilledWorkerIsReplacedWithinSeconds(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	tenant := f.Tenant(t, storefixture.External)
	op := accept(t, tenant, split("d", 20_000)...)
	worker := startWorkerProcess(t, f.AppURL)
	defer func() { kill(worker) }()
	for { // until it is in the middle of the work
		got, err := tenant.Handle.Operation(t.Context(), op.ID)
		if err != nil || got.Status.Final() {
			t.Fatalf("the worker was not caught in the middle: %+v %v", got, err)
		}
		if got.Done > 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	kill(worker)
	before, err := tenant.Handle.Operation(t.Context(), op.ID)
	if err != nil {
		t.Fatal(err)
	}
	worker = startWorkerProcess(t, f.AppURL)
	began := time.Now()
	for {
		got, err := tenant.Handle.Operation(t.Context(), op.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Done > before.Done {
			break
		}
		if time.Since(began) > time.Minute { // far less than River would wait, far more than a process takes to start
			t.Fatalf("no progress %v after the restart: %+v", time.Since(began), got)
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("went on %v after the restart", time.Since(began))
}

// TestKillerIsSetAside has a document kill the worker process each time it is in hand. It is set aside after a
// bounded number of deaths; whatever was in the same batch is indexed.
func TestKillerIsSetAside(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	tenant := f.Tenant(t, storefixture.OpenAI)
	var docs []store.NewDocument
	for i := range 60 {
		docs = append(docs, storefixture.Text(fmt.Sprintf("good%02d", i), "", fmt.Sprintf("innocent text %d", i)))
	}
	docs = append(docs, storefixture.Text("killer", "", killer))
	op := acceptBulk(t, tenant, docs...)
	deaths := workThroughDeaths(t, f, tenant, op)
	got := wait(t, tenant, op)
	if got.Status != store.PartiallyFailed || got.Done != 61 || got.Failed != 1 ||
		got.Errors[0].DocumentID != "killer" || got.Errors[0].Code != string(fault.Crashed) {
		t.Errorf("%+v", got)
	}
	if deaths < 1 || deaths > 5 {
		t.Errorf("the process died %d times, want at most 5", deaths)
	}
	// On request it starts anew, with all its tries before it.
	if _, err := tenant.Handle.RetryDocument(t.Context(), "default", "killer"); err != nil {
		t.Fatal(err)
	}
	var left int
	f.Query(t, tenant.ID, `SELECT deaths FROM work_items`, &left)
	if left != 0 {
		t.Errorf("retried with %d deaths", left)
	}
}

// workThroughDeaths runs a worker process, and a new one whenever it dies, until the operation is final.
func workThroughDeaths(tb testing.TB, f *storefixture.Fixture, t storefixture.Tenant, op store.Operation) (deaths int) {
	tb.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		wait(tb, t, op)
	}()
	for {
		worker := startWorkerProcess(tb, f.AppURL)
		died := make(chan struct{})
		go func() {
			defer close(died)
			_ = worker.Wait()
		}()
		select {
		case <-done:
			_ = worker.Process.Kill()
			<-died
			return deaths
		case <-died:
			deaths++
		}
	}
}
