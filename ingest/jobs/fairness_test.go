package jobs_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"lindero/ingest"
	"lindero/ingest/jobs"
	"lindero/internal/storefixture"
	"lindero/store"
)

// asOwner changes what only operators may, past row-level security.
func asOwner(tb testing.TB, f *storefixture.Fixture, sql string, args ...any) {
	tb.Helper()
	conn, err := pgx.Connect(context.Background(), f.OwnerURL)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(context.Background(), sql, args...); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
}

func acceptBulk(tb testing.TB, t storefixture.Tenant, docs ...store.NewDocument) store.Operation {
	tb.Helper()
	accepted, err := t.Handle.AcceptDocuments(context.Background(), t.Collection, docs, store.AcceptOptions{Bulk: true})
	if err != nil {
		tb.Fatal(err)
	}
	return accepted[0].Operation
}

// TestTurnsOfATenantAreBounded has two processes with room for more turns than the tenant may have: it gets all it
// may have, never more, and no document is worked on twice.
func TestTurnsOfATenantAreBounded(t *testing.T) {
	t.Parallel()
	const turns, documents = 3, 400
	f := storefixture.New(t)
	tenant := f.Tenant(t, storefixture.OpenAI)
	asOwner(t, f, `UPDATE tenants SET limits = $2 WHERE id = $1`, tenant.ID.UUID(), fmt.Sprintf(`{"ingest_concurrency": %d}`, turns))
	var mu sync.Mutex
	seen := map[string]int{}
	most := 0
	together := make(chan struct{})
	embedder := &fakeEmbedder{fail: func(_ int, texts []string) error {
		var running int
		if err := f.Store.Pool().QueryRow(context.Background(), `SELECT count(*) FROM river.river_job WHERE kind = 'drain' AND state = 'running'`).Scan(&running); err != nil {
			return err
		}
		mu.Lock()
		for _, text := range texts {
			seen[text]++
		}
		if most = max(most, running); most == turns {
			select {
			case <-together:
			default:
				close(together)
			}
		}
		mu.Unlock()
		select { // the first ones wait for each other, so that all turns are under way at once
		case <-together:
		case <-time.After(5 * time.Second):
		}
		return nil
	}}
	cfg := config(f.Store, embedder)
	cfg.Workers, cfg.Batch = 4, store.WorkLimit{Items: 10, Bytes: 1 << 20}
	cfg.Pipeline = &ingest.Pipeline{Log: cfg.Log, Parallel: 1}
	var docs []store.NewDocument
	for i := range documents {
		docs = append(docs, storefixture.Text(fmt.Sprintf("%03d", i), "", fmt.Sprintf("text number %d", i)))
	}
	bulk, single := acceptBulk(t, tenant, docs...), accept(t, tenant, storefixture.Text("single", "", "a text by itself"))
	start(t, cfg)
	start(t, cfg)
	for _, op := range []store.Operation{bulk, single} {
		if got := wait(t, tenant, op); got.Status != store.Succeeded {
			t.Errorf("%+v", got)
		}
	}
	if most != turns {
		t.Errorf("%d turns at once, want %d", most, turns)
	}
	if len(seen) != documents+1 {
		t.Errorf("%d texts were worked on, want %d", len(seen), documents+1)
	}
	for text, times := range seen {
		if times != 1 {
			t.Errorf("%q was worked on %d times", text, times)
		}
	}
}

// TestSingleDocumentOvertakesBulk holds for a tenant with one turn at once, whose bulk makes way, and with two.
func TestSingleDocumentOvertakesBulk(t *testing.T) {
	t.Parallel()
	for turns := 1; turns <= 2; turns++ {
		t.Run(strconv.Itoa(turns), func(t *testing.T) {
			t.Parallel()
			f := storefixture.New(t)
			tenant := f.Tenant(t, storefixture.External)
			asOwner(t, f, `UPDATE tenants SET limits = jsonb_build_object('ingest_concurrency', $2::int) WHERE id = $1`, tenant.ID.UUID(), turns)
			cfg := config(f.Store, nil)
			cfg.Workers, cfg.Batch.Items = 1, 20 // so that the bulk takes long
			bulk := acceptBulk(t, tenant, split("bulk", 4000)...)
			start(t, cfg)
			for i := range 3 {
				if op := wait(t, tenant, accept(t, tenant, split(fmt.Sprint("single", i), 1)...)); op.Status != store.Succeeded {
					t.Errorf("%+v", op)
				}
			}
			if got, err := tenant.Handle.Operation(t.Context(), bulk.ID); err != nil || got.Status.Final() {
				t.Errorf("the bulk was done first: %+v %v", got, err)
			}
		})
	}
}

// dedicate sets the tenant apart, as an operator does, before it has any work.
func dedicate(tb testing.TB, f *storefixture.Fixture, t storefixture.Tenant) {
	tb.Helper()
	asOwner(tb, f, `UPDATE tenants SET features = '{"dedicated_workers": true}' WHERE id = $1`, t.ID.UUID())
}

// TestDedicatedTenantIsLeftAlone by the shared pool, whose absence of workers for it is reported, and which loses
// nothing of it.
func TestDedicatedTenantIsLeftAlone(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	apart, other := f.Tenant(t, storefixture.External), f.Tenant(t, storefixture.External)
	// A job that was enqueued before the tenant was set apart is handed over, not worked off.
	early := acceptBulk(t, apart, split("early", 3)...)
	dedicate(t, f, apart)
	start(t, config(f.Store, nil))
	op := accept(t, apart, split("d", 10)...)
	if got := wait(t, other, accept(t, other, split("d", 10)...)); got.Status != store.Succeeded {
		t.Errorf("%+v", got)
	}
	asOwner(t, f, `UPDATE river.river_job SET scheduled_at = now() - interval '1 minute' WHERE state = 'available' AND queue LIKE 'tenant%'`)
	health, err := f.Store.QueueHealth(t.Context())
	if err != nil || !slices.Contains(health.Unserved, apart.ID.UUID()) || health.Oldest["dedicated"] < time.Minute {
		t.Errorf("%+v %v", health, err)
	}
	if got, err := apart.Handle.Operation(t.Context(), op.ID); err != nil || got.Done > 0 {
		t.Errorf("the shared pool did it: %+v %v", got, err)
	}
	cfg := config(f.Store, nil)
	cfg.Tenants = append(cfg.Tenants, apart.ID.UUID())
	start(t, cfg)
	for _, waiting := range []store.Operation{op, early} {
		if got := wait(t, apart, waiting); got.Status != store.Succeeded {
			t.Errorf("%+v", got)
		}
	}
	if health, err := f.Store.QueueHealth(t.Context()); err != nil || len(health.Unserved) > 0 {
		t.Errorf("%+v %v", health, err)
	}
}

// figures is how many documents the fairness figures queue in front: LINDERO_FAIRNESS_DOCUMENTS, or a few.
func figures(tb testing.TB) (documents int, asked bool) {
	given := os.Getenv("LINDERO_FAIRNESS_DOCUMENTS")
	if given == "" {
		return 3000, false
	}
	n, err := strconv.Atoi(given)
	if err != nil {
		tb.Fatal(err)
	}
	return n, true
}

// timeOfTen is the median time from the first call to the end of ten documents sent one by one.
func timeOfTen(tb testing.TB, t storefixture.Tenant, prefix string, runs int) time.Duration {
	var times []time.Duration
	for run := range runs {
		docs := split(fmt.Sprintf("%s-%d-", prefix, run), 10)
		began := time.Now()
		var operations []store.Operation
		for _, doc := range docs {
			operations = append(operations, accept(tb, t, doc))
		}
		for _, op := range operations {
			if got := wait(tb, t, op); got.Status != store.Succeeded {
				tb.Errorf("%+v", got)
			}
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// TestFairness queues many documents of tenant A and then ten of B, which are to be done in at most three times the
// time that they take alone. The bound is held where the figure is asked for: a machine that does other work, too,
// makes both times random.
func TestFairness(t *testing.T) {
	documents, asked := figures(t)
	f := storefixture.New(t)
	a, b := f.Tenant(t, storefixture.External), f.Tenant(t, storefixture.External)
	start(t, config(f.Store, nil))
	timeOfTen(t, b, "warm", 1)
	alone := timeOfTen(t, b, "alone", 5)
	var bulk store.Operation
	for from := 0; from < documents; from += 1000 {
		bulk = acceptBulk(t, a, split(fmt.Sprintf("bulk%d-", from), min(1000, documents-from))...)
	}
	beside := timeOfTen(t, b, "beside", 1)
	if got, err := a.Handle.Operation(t.Context(), bulk.ID); err != nil || (asked && got.Status.Final()) {
		t.Errorf("A was done before B: %+v %v", got, err)
	}
	ratio := float64(beside) / float64(alone)
	t.Logf("ten documents alone %v, beside %d of another tenant %v: %.1f times", alone, documents, beside, ratio)
	if asked && ratio > 3 {
		t.Errorf("%.1f times, want at most 3", ratio)
	}
	waitOrTell(t, f, a, bulk)
}

// TestDedicatedWaitsBriefly measures how long the work of a tenant with dedicated workers lies in the queue while
// the shared pool is busy with another's.
func TestDedicatedWaitsBriefly(t *testing.T) {
	documents, asked := figures(t)
	f := storefixture.New(t)
	a, b := f.Tenant(t, storefixture.External), f.Tenant(t, storefixture.External)
	dedicate(t, f, b)
	start(t, config(f.Store, nil))
	cfg := config(f.Store, nil)
	cfg.Tenants = append(cfg.Tenants, b.ID.UUID())
	start(t, cfg)
	timeOfTen(t, b, "warm", 1)
	before := waits(t)
	var bulk store.Operation
	for from := 0; from < documents; from += 1000 {
		bulk = acceptBulk(t, a, split(fmt.Sprintf("bulk%d-", from), min(1000, documents-from))...)
	}
	for i := range 20 {
		op := accept(t, b, split(fmt.Sprintf("d%d-", i), 10)...)
		if got := wait(t, b, op); got.Status != store.Succeeded {
			t.Errorf("%+v", got)
		}
	}
	now := waits(t)
	total, within := now.total-before.total, now.within-before.within
	t.Logf("%d documents of the dedicated tenant; %d waited at most 100 ms, on average %.0f ms", total, within,
		1000*(now.seconds-before.seconds)/float64(total))
	if total != 200 {
		t.Errorf("%d documents were measured", total)
	}
	if asked && within < total {
		t.Errorf("%d waited longer than 100 ms", total-within)
	}
	waitOrTell(t, f, a, bulk)
}

// waited is what the metric of dedicated queues has counted.
type waited struct {
	total, within uint64 // within: at most 100 ms
	seconds       float64
}

func waits(tb testing.TB) (w waited) {
	tb.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(jobs.Collectors()...)
	families, err := registry.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "lindero_ingest_queue_seconds" {
			continue
		}
		for _, metric := range family.GetMetric() {
			if metric.GetLabel()[0].GetValue() != "dedicated" {
				continue
			}
			histogram := metric.GetHistogram()
			w.total, w.seconds = histogram.GetSampleCount(), histogram.GetSampleSum()
			for _, bucket := range histogram.GetBucket() {
				if bucket.GetUpperBound() == 0.1 {
					w.within = bucket.GetCumulativeCount()
				}
			}
		}
	}
	return w
}
