package jobs_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"lindero/client"
	"lindero/ingest/jobs"
	"lindero/internal/storefixture"
	"lindero/store"
	"lindero/store/postgres"
	"lindero/webhook"
)

// received is a request at a receiver.
type received struct {
	header http.Header
	body   []byte
}

// receiver is a real HTTP server that keeps what it gets. answer decides on the status, or hangs.
type receiver struct {
	url   string
	posts chan received
}

func newReceiver(tb testing.TB, answer func(n int, r *http.Request) int) *receiver {
	tb.Helper()
	r := &receiver{posts: make(chan received, 10_000)}
	var mu sync.Mutex
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		mu.Lock()
		n++
		nth := n
		mu.Unlock()
		r.posts <- received{request.Header, body}
		if answer != nil {
			w.WriteHeader(answer(nth, request))
		}
	}))
	tb.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// next is the next post; it fails the test when none comes.
func (r *receiver) next(tb testing.TB) received {
	tb.Helper()
	select {
	case post := <-r.posts:
		return post
	case <-time.After(time.Minute):
		tb.Fatal("no delivery came")
		return received{}
	}
}

// toThisMachine delivers to receivers on loopback addresses.
func toThisMachine(timeout time.Duration) *webhook.Sender {
	return webhook.NewSender(webhook.Config{Policy: webhook.Policy{Allow: webhook.Loopback}, Timeout: timeout})
}

func withWebhooks(s *postgres.Store, timeout time.Duration) jobs.Config {
	cfg := config(s, nil)
	cfg.Webhooks = toThisMachine(timeout)
	return cfg
}

func hook(tb testing.TB, t storefixture.Tenant, url string) (id uuid.UUID, secret string) {
	tb.Helper()
	w, secret, err := t.Handle.CreateWebhook(context.Background(), store.WebhookSpec{URL: url, Events: []string{store.EventOperationFinished}})
	if err != nil {
		tb.Fatal(err)
	}
	return w.ID, secret
}

// outcomes waits until the tenant's only webhook has what ok wants to see.
func outcomes(tb testing.TB, t storefixture.Tenant, ok func(store.Webhook) bool) store.Webhook {
	tb.Helper()
	var last store.Webhook
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		list, err := t.Handle.Webhooks(context.Background(), store.Page{Limit: 10})
		if err != nil {
			tb.Fatal(err)
		}
		if last = list.Items[0]; ok(last) {
			return last
		}
	}
	tb.Fatalf("the webhook stays %+v", last)
	return last
}

func TestOperationsAreToldOnceEach(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	a, b := f.Tenant(t, storefixture.External), f.Tenant(t, storefixture.External)
	toA, toB := newReceiver(t, nil), newReceiver(t, nil)
	_, secretA := hook(t, a, toA.url)
	_, secretB := hook(t, b, toB.url)
	start(t, withWebhooks(f.Store, 0))
	const operations = 20
	want := map[string]bool{}
	for i := range operations {
		want[wait(t, a, accept(t, a, split(fmt.Sprint("a", i), 2)...)).ID.String()] = true
	}
	ids := map[string]bool{}
	for range operations {
		post := toA.next(t)
		event, err := client.VerifyWebhook(secretA, post.header, post.body, 0)
		if err != nil {
			t.Fatal(err)
		}
		op := event.Operation
		if !want[op.ID] || op.Status != "succeeded" || op.Counts.Total != 2 || op.Counts.Done != 2 || op.FinishedAt == nil {
			t.Errorf("told of %+v", op)
		}
		delete(want, op.ID)
		if id := post.header.Get(client.WebhookDeliveryHeader); id != event.ID || ids[id] || event.Event != client.EventOperationFinished {
			t.Errorf("delivery %q is %+v", id, event)
		}
		ids[event.ID] = true
		if _, err := client.VerifyWebhook(secretB, post.header, post.body, 0); err == nil {
			t.Error("another tenant's secret opens the delivery")
		}
	}
	hooked := outcomes(t, a, func(w store.Webhook) bool { return w.Pending == 0 })
	if len(hooked.Deliveries) != 10 || hooked.FailingSince != nil || hooked.Deliveries[0].Status != store.DeliveryDelivered || hooked.Deliveries[0].ResponseStatus != 200 {
		t.Errorf("%+v", hooked)
	}
	wait(t, b, accept(t, b, split("b", 1)...))
	toB.next(t)
	if len(toA.posts) != 0 || len(toB.posts) != 0 {
		t.Errorf("%d more for A, %d more for B", len(toA.posts), len(toB.posts))
	}
}

func TestFailedDeliveryIsTriedAgain(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	tenant := f.Tenant(t, storefixture.External)
	to := newReceiver(t, func(n int, _ *http.Request) int { return map[bool]int{true: 503, false: 204}[n <= 2] })
	hook(t, tenant, to.url)
	start(t, withWebhooks(f.Store, 0))
	wait(t, tenant, accept(t, tenant, split("d", 1)...))
	first := to.next(t)
	failing := outcomes(t, tenant, func(w store.Webhook) bool { return len(w.Deliveries) == 1 })
	d := failing.Deliveries[0]
	if wait := d.DueAt.Sub(d.OutcomeAt); d.Status != store.DeliveryPending || d.Attempts != 1 || d.ErrorCode != "status" || d.ResponseStatus != 503 ||
		failing.FailingSince == nil || wait < time.Second || wait > 7*time.Second {
		t.Errorf("%+v, due in %v", failing, wait)
	}
	for attempts := 1; attempts <= 2; attempts++ { // the clock moves on; by itself, too, where this takes long
		outcomes(t, tenant, func(w store.Webhook) bool { return w.Deliveries[0].Attempts >= attempts })
		hurry(t, f, tenant)
		if again := to.next(t); again.header.Get(client.WebhookDeliveryHeader) != first.header.Get(client.WebhookDeliveryHeader) || string(again.body) != string(first.body) {
			t.Errorf("another delivery came: %s", again.body)
		}
	}
	healed := outcomes(t, tenant, func(w store.Webhook) bool { return w.Pending == 0 })
	if healed.FailingSince != nil || healed.Deliveries[0].Attempts != 3 || healed.Deliveries[0].ErrorCode != "" {
		t.Errorf("%+v", healed)
	}
}

// hurry lets the time of all that waits come, in the rows and in the queue.
func hurry(tb testing.TB, f *storefixture.Fixture, t storefixture.Tenant) {
	tb.Helper()
	f.Exec(tb, t.ID, `UPDATE webhook_deliveries SET due_at = now() WHERE status = 'pending'`)
	f.Exec(tb, t.ID, `UPDATE webhooks SET rest_until = NULL`)
	f.Exec(tb, t.ID, `UPDATE river.river_job SET scheduled_at = now() WHERE kind = 'deliver_webhooks' AND state IN ('available', 'scheduled')`)
}

// TestSlowReceiversDelayNobody has one tenant's receivers hang with many deliveries waiting: the tenant's own
// ingestion, its other webhook and another tenant's webhook go on as if nothing were.
func TestSlowReceiversDelayNobody(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	slow, quick := f.Tenant(t, storefixture.External), f.Tenant(t, storefixture.External)
	release := make(chan struct{})
	hangs := newReceiver(t, func(_ int, r *http.Request) int {
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return 200
	})
	own, other := newReceiver(t, nil), newReceiver(t, nil)
	hook(t, slow, hangs.url)
	start(t, withWebhooks(f.Store, 10*time.Minute)) // longer than all that follows: who is delivered to is not waiting for it
	t.Cleanup(func() { close(release) })            // before the workers stop, which wait for attempts under way
	for i := range 20 {
		wait(t, slow, accept(t, slow, split(fmt.Sprint("s", i), 1)...))
	}
	hangs.next(t)
	hook(t, slow, own.url)
	hook(t, quick, other.url)
	began := time.Now()
	wait(t, slow, accept(t, slow, split("own", 1)...))
	wait(t, quick, accept(t, quick, split("other", 1)...))
	own.next(t)
	other.next(t)
	t.Logf("beside a hanging receiver deliveries took %v", time.Since(began))
	if n := len(hangs.posts); n > 3 {
		t.Errorf("%d more attempts at once at a receiver that hangs", n)
	}
}

// TestKilledBetweenEndAndDelivery kills the worker process while the receiver holds an attempt, and once between
// the end of operations and their delivery: in the end each is told, and repetitions carry the same id.
func TestKilledBetweenEndAndDelivery(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	tenant := f.Tenant(t, storefixture.External)
	release := make(chan struct{})
	to := newReceiver(t, func(_ int, r *http.Request) int {
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return 200
	})
	letGo := sync.OnceFunc(func() { close(release) })
	t.Cleanup(letGo)
	_, secret := hook(t, tenant, to.url)
	worker := startWorkerProcess(t, f.AppURL)
	defer func() { kill(worker) }()
	ids := map[string]string{} // delivery by operation
	note := func(post received) {
		t.Helper()
		event, err := client.VerifyWebhook(secret, post.header, post.body, 0)
		if err != nil {
			t.Fatal(err)
		}
		if before, known := ids[event.Operation.ID]; known && before != event.ID {
			t.Errorf("operation %s is told by two deliveries", event.Operation.ID)
		}
		ids[event.Operation.ID] = event.ID
	}
	operations := []store.Operation{wait(t, tenant, accept(t, tenant, split("a", 1)...))}
	note(to.next(t)) // the attempt is under way
	kill(worker)
	// With no worker, operations still end: cancelled ones and empty ones.
	for i := range 5 {
		op := accept(t, tenant, split(fmt.Sprint("c", i), 1)...)
		cancelled, err := tenant.Handle.CancelOperation(t.Context(), op.ID)
		if err != nil {
			t.Fatal(err)
		}
		operations = append(operations, cancelled)
	}
	letGo()
	worker = startWorkerProcess(t, f.AppURL)
	outcomes(t, tenant, func(w store.Webhook) bool { return w.Pending == 0 })
	for len(to.posts) > 0 {
		note(to.next(t))
	}
	for _, op := range operations {
		if ids[op.ID.String()] == "" {
			t.Errorf("the end of %s (%s) was not told", op.ID, op.Status)
		}
	}
	if len(ids) != len(operations) {
		t.Errorf("%d operations were told of, want %d", len(ids), len(operations))
	}
	var rows, delivered int
	f.Query(t, tenant.ID, `SELECT count(*), count(*) FILTER (WHERE status = 'delivered') FROM webhook_deliveries`, &rows, &delivered)
	if rows != len(operations) || delivered != rows {
		t.Errorf("%d deliveries, %d delivered", rows, delivered)
	}
}

// TestKilledAtRandomTellsEachEnd kills worker processes at random moments while operations end; every end is told
// by exactly one delivery, however often it is attempted.
func TestKilledAtRandomTellsEachEnd(t *testing.T) {
	t.Parallel()
	const operations = 60
	f := storefixture.New(t)
	tenant := f.Tenant(t, storefixture.External)
	to := newReceiver(t, nil)
	_, secret := hook(t, tenant, to.url)
	want := map[string]bool{}
	for i := range operations {
		want[accept(t, tenant, split(fmt.Sprintf("k%02d-", i), 1)...).ID.String()] = true
	}
	for range crashKills(t) {
		worker := startWorkerProcess(t, f.AppURL)
		time.Sleep(time.Duration(200+rand.IntN(400)) * time.Millisecond)
		kill(worker)
	}
	worker := startWorkerProcess(t, f.AppURL)
	defer kill(worker)
	told := map[string]string{}
	for len(told) < operations {
		post := to.next(t)
		event, err := client.VerifyWebhook(secret, post.header, post.body, 0)
		if err != nil {
			t.Fatal(err)
		}
		if before := told[event.Operation.ID]; before != "" && before != event.ID || !want[event.Operation.ID] {
			t.Errorf("%+v is told by %q too", event, before)
		}
		told[event.Operation.ID] = event.ID
	}
	outcomes(t, tenant, func(w store.Webhook) bool { return w.Pending == 0 && w.FailingSince == nil })
	var rows int
	f.Query(t, tenant.ID, `SELECT count(*) FROM webhook_deliveries WHERE status = 'delivered'`, &rows)
	if rows != operations {
		t.Errorf("%d deliveries for %d operations", rows, operations)
	}
}

// TestTenantsTakeTurns has one tenant's backlog at a slow receiver wait while one tenant only is delivered to at a
// time: another's single delivery comes long before the backlog is done.
func TestTenantsTakeTurns(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	big, small := f.Tenant(t, storefixture.External), f.Tenant(t, storefixture.External)
	slow := newReceiver(t, func(int, *http.Request) int { time.Sleep(50 * time.Millisecond); return 200 })
	quick := newReceiver(t, nil)
	w, _ := hook(t, big, slow.url)
	hook(t, small, quick.url)
	f.Exec(t, big.ID, fmt.Sprintf(`INSERT INTO webhook_deliveries (tenant_id, webhook_id, event, operation_id, ended_at, operation)
		SELECT '%s', '%s', 'operation.finished', gen_random_uuid(), now(), jsonb_build_object('id', gen_random_uuid(),
			'created_at', now(), 'finished_at', now()) FROM generate_series(1, 2000)`, big.ID, w))
	cfg := withWebhooks(f.Store, 0)
	cfg.WebhookTenants = 1
	start(t, cfg)
	for range 2 {
		wait(t, big, accept(t, big, split(uuid.NewString(), 1)...))
	}
	slow.next(t)
	began := time.Now()
	wait(t, small, accept(t, small, split("single", 1)...))
	quick.next(t)
	left := outcomes(t, big, func(store.Webhook) bool { return true }).Pending
	t.Logf("another tenant's delivery came after %v, with %d or more left of the backlog", time.Since(began), left)
	if left < 500 {
		t.Errorf("only %d are left of the backlog", left)
	}
}
