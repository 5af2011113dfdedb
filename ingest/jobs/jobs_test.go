package jobs_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"lindero/embed"
	"lindero/fault"
	"lindero/ingest"
	"lindero/ingest/jobs"
	"lindero/internal/storefixture"
	"lindero/store"
	"lindero/store/postgres"
	"lindero/tenant"
)

// fakeEmbedder counts its calls and may fail.
type fakeEmbedder struct {
	mu    sync.Mutex
	calls int
	fail  func(call int, texts []string) error
}

func (f *fakeEmbedder) Profile() embed.Profile {
	return embed.Profile{Provider: "openai", Model: "fake", Dimensions: storefixture.Dimensions}
}

func (f *fakeEmbedder) Embed(_ context.Context, texts []string, _ embed.Purpose) ([][]float32, embed.Usage, error) {
	f.mu.Lock()
	f.calls++
	call := f.calls
	f.mu.Unlock()
	if f.fail != nil {
		if err := f.fail(call, texts); err != nil {
			return nil, embed.Usage{}, err
		}
	}
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = storefixture.Vector(text, storefixture.Dimensions)
	}
	return vectors, embed.Usage{}, nil
}

func config(s *postgres.Store, embedder embed.Embedder) jobs.Config {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	return jobs.Config{
		Store: s, Log: log, Pipeline: &ingest.Pipeline{Log: log},
		Embedder: func(*postgres.Handle, store.Profile) (embed.Embedder, error) { return embedder, nil },
		// Nothing is merged, and the job comes back later: one that ended would be asked for again at once.
		MergeSegments: func(context.Context, *postgres.Handle, uuid.UUID) (time.Duration, error) { return time.Hour, nil },
		PurgeTenant:   func(context.Context, tenant.ID, *postgres.Handle) error { return nil },
	}
}

// start runs workers until the test ends.
func start(tb testing.TB, cfg jobs.Config) *jobs.Jobs {
	tb.Helper()
	j, err := jobs.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	if err := j.Start(context.Background()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := j.Stop(ctx); err != nil {
			tb.Error(err)
		}
	})
	return j
}

func accept(tb testing.TB, t storefixture.Tenant, docs ...store.NewDocument) store.Operation {
	tb.Helper()
	accepted, err := t.Handle.AcceptDocuments(context.Background(), t.Collection, docs, store.AcceptOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return accepted[0].Operation
}

// wait returns the operation when it is final.
func wait(tb testing.TB, t storefixture.Tenant, op store.Operation) store.Operation {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	got, err := t.Handle.WaitOperation(ctx, op.ID)
	for fault.Is(err, fault.Unavailable) && ctx.Err() == nil { // a client asks again
		got, err = t.Handle.WaitOperation(ctx, op.ID)
	}
	if err != nil {
		tb.Fatal(err)
	}
	if !got.Status.Final() {
		tb.Fatalf("not done after three minutes: %+v", got)
	}
	return got
}

func split(prefix string, n int) []store.NewDocument {
	docs := make([]store.NewDocument, n)
	for i := range docs {
		docs[i] = storefixture.Split(fmt.Sprintf("%s%05d", prefix, i), fmt.Sprintf("text %d of %s", i, prefix), storefixture.Dimensions)
	}
	return docs
}

func TestDrainsTenantsAndKeepsUpWithNewWork(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	a, b := f.Tenant(t, storefixture.External), f.Tenant(t, storefixture.External)
	first := accept(t, a, split("before", 20)...) // enqueued before any worker runs
	start(t, config(f.Store, nil))
	if got := wait(t, a, first); got.Status != store.Succeeded || got.Done != 20 {
		t.Errorf("%+v", got)
	}
	var group sync.WaitGroup
	for _, tenant := range []storefixture.Tenant{a, b} {
		group.Go(func() {
			for i := range 20 { // each races with the end of the one before
				if got := wait(t, tenant, accept(t, tenant, split(fmt.Sprint("r", i), 3)...)); got.Status != store.Succeeded {
					t.Errorf("%+v", got)
				}
			}
		})
	}
	group.Wait()
}

func TestTextIsExtractedAndEmbedded(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	tenant := f.Tenant(t, storefixture.OpenAI)
	start(t, config(f.Store, &fakeEmbedder{}))
	titleOnly := storefixture.Text("title", "Only a title", "")
	empty := storefixture.Text("empty", "", " \n ")
	op := wait(t, tenant, accept(t, tenant, storefixture.Text("es", "Título", "El perro de la casa no está en el jardín."), titleOnly, empty))
	if op.Status != store.PartiallyFailed || op.Failed != 1 || op.Errors[0].DocumentID != "empty" || op.Errors[0].Code != "no_text" {
		t.Errorf("%+v", op)
	}
	doc, err := tenant.Handle.Document(t.Context(), "default", "es")
	if err != nil || doc.Language != "es" || doc.Chunks != 1 || doc.Status != store.Indexed {
		t.Errorf("%+v %v", doc, err)
	}
	if doc, err := tenant.Handle.Document(t.Context(), "default", "title"); err != nil || doc.Status != store.Indexed || doc.Chunks != 1 {
		t.Errorf("%+v %v", doc, err)
	}
}

func TestOutageIsRetriedWithBackoff(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	tenant := f.Tenant(t, storefixture.OpenAI)
	embedder := &fakeEmbedder{fail: func(call int, _ []string) error {
		if call <= 2 {
			return fault.New(fault.Unavailable, "the embedder is away")
		}
		return nil
	}}
	start(t, config(f.Store, embedder))
	began := time.Now()
	op := wait(t, tenant, accept(t, tenant, storefixture.Text("a", "", "some text")))
	if op.Status != store.Succeeded || time.Since(began) < 3*time.Second {
		t.Errorf("%+v after %v, want success after waits of one and two seconds", op, time.Since(began))
	}
}

func TestNewWorkDoesNotWaitForARetry(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	tenant := f.Tenant(t, storefixture.OpenAI)
	failed := make(chan struct{}, 1)
	embedder := &fakeEmbedder{fail: func(_ int, texts []string) error {
		if texts[0] != "doomed" {
			return nil
		}
		select {
		case failed <- struct{}{}:
		default:
		}
		away := fault.New(fault.Unavailable, "the embedder is away")
		away.RetryAfter = time.Hour
		return away
	}}
	start(t, config(f.Store, embedder))
	accept(t, tenant, storefixture.Text("doomed", "", "doomed"))
	<-failed
	for i := range 3 {
		if op := wait(t, tenant, accept(t, tenant, storefixture.Text(fmt.Sprint(i), "", "fine"))); op.Status != store.Succeeded {
			t.Errorf("%+v", op)
		}
	}
}

func TestPoisonFailsAlone(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	tenant := f.Tenant(t, storefixture.OpenAI)
	embedder := &fakeEmbedder{fail: func(_ int, texts []string) error {
		for _, text := range texts {
			switch text {
			case "panic":
				panic("poison")
			case "refused":
				return fault.New(fault.Upstream, "the model refuses this text")
			}
		}
		return nil
	}}
	start(t, config(f.Store, embedder))
	op := wait(t, tenant, accept(t, tenant, storefixture.Text("good", "", "good"), storefixture.Text("refused", "", "refused")))
	if op.Status != store.PartiallyFailed || op.Errors[0] != (store.OperationError{DocumentID: "refused", Code: "upstream_unavailable", Detail: "the model refuses this text"}) {
		t.Errorf("%+v", op)
	}
	op = wait(t, tenant, accept(t, tenant, storefixture.Text("good2", "", "good"), storefixture.Text("bad", "", "panic")))
	if op.Failed != 1 || op.Errors[0].DocumentID != "bad" || op.Errors[0].Code != "internal" {
		t.Errorf("%+v", op)
	}
}

func TestStopHandsWorkBack(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	tenant := f.Tenant(t, storefixture.OpenAI)
	began, release := make(chan struct{}), make(chan struct{})
	var calls atomic.Int64
	embedder := &fakeEmbedder{fail: func(int, []string) error {
		if calls.Add(1) == 1 {
			close(began)
			<-release
		}
		return nil
	}}
	cfg := config(f.Store, embedder)
	cfg.Batch = store.WorkLimit{Items: 5, Bytes: 1 << 20}
	j, err := jobs.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var docs []store.NewDocument
	for i := range 50 {
		docs = append(docs, storefixture.Text(fmt.Sprint(i), "", "text"))
	}
	op := accept(t, tenant, docs...)
	<-began
	stopped := make(chan error)
	go func() { stopped <- j.Stop(context.Background()) }()
	time.Sleep(50 * time.Millisecond) // only makes it likelier that the stop comes in the middle
	close(release)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if got, err := tenant.Handle.Operation(t.Context(), op.ID); err != nil || got.Done >= 50 {
		t.Errorf("everything was done before the stop: %+v %v", got, err)
	}
	start(t, cfg)
	if got := wait(t, tenant, op); got.Status != store.Succeeded || got.Done != 50 {
		t.Errorf("%+v", got)
	}
}

func TestOneDocumentDoesNotWaitForAnotherTenantsBulk(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	big, small := f.Tenant(t, storefixture.External), f.Tenant(t, storefixture.External)
	cfg := config(f.Store, nil)
	cfg.Workers = 1
	cfg.Batch.Items = 20 // so that the bulk takes long
	bulk := accept(t, big, split("bulk", 8000)...)
	start(t, cfg)
	op := wait(t, small, accept(t, small, split("single", 1)...))
	if op.Status != store.Succeeded {
		t.Errorf("%+v", op)
	}
	if got, err := big.Handle.Operation(t.Context(), bulk.ID); err != nil || got.Status.Final() {
		t.Errorf("the bulk was done first: %+v %v", got, err)
	}
}
