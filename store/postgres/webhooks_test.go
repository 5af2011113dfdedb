package postgres_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"lindero/fault"
	"lindero/internal/storefixture"
	"lindero/store"
	"lindero/store/postgres"
)

func hookSpec(url string) store.WebhookSpec {
	return store.WebhookSpec{URL: url, Events: []string{store.EventOperationFinished}}
}

func (e *env) hook(url string) store.Webhook {
	e.Helper()
	w, _, err := e.Handle.CreateWebhook(e.ctx, hookSpec(url))
	if err != nil {
		e.Fatal(err)
	}
	return w
}

func (e *env) hooks() []store.Webhook {
	e.Helper()
	list, err := e.Handle.Webhooks(e.ctx, firstPage)
	if err != nil {
		e.Fatal(err)
	}
	return list.Items
}

func (e *env) due() []store.DueDelivery {
	e.Helper()
	due, err := e.Handle.DueDeliveries(e.ctx, 1000, nil)
	if err != nil {
		e.Fatal(err)
	}
	return due
}

func TestWebhooksAreMadeListedAndRemoved(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, bad := range []store.WebhookSpec{{}, hookSpec("ftp://example.com"), {URL: "https://example.com"}} {
		if _, _, err := e.Handle.CreateWebhook(e.ctx, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	own := hookSpec("https://example.com/own")
	own.Secret = "a-secret-of-their-own"
	_, secret, err := e.Handle.CreateWebhook(e.ctx, own)
	if err != nil || secret != own.Secret {
		t.Errorf("%q, %v", secret, err)
	}
	_, one, err := e.Handle.CreateWebhook(e.ctx, hookSpec("https://example.com/2"))
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := e.Handle.CreateWebhook(e.ctx, hookSpec("https://example.com/3"))
	if err != nil || one == other || len(one) < 40 {
		t.Errorf("secrets %q and %q, %v", one, other, err)
	}
	page, err := e.Handle.Webhooks(e.ctx, store.Page{Limit: 2})
	if err != nil || len(page.Items) != 2 || page.Items[0].URL != own.URL || page.Next == "" {
		t.Fatalf("%+v, %v", page, err)
	}
	rest, err := e.Handle.Webhooks(e.ctx, store.Page{Limit: 2, After: page.Next})
	if err != nil || len(rest.Items) != 1 || rest.Items[0].URL != "https://example.com/3" || rest.Next != "" {
		t.Errorf("%+v, %v", rest, err)
	}
	if _, err := e.Handle.Webhooks(e.ctx, store.Page{Limit: 2, After: "x"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("another list's cursor: %v", err)
	}
	for i, want := range []fault.Code{"", fault.NotFound} {
		if err := e.Handle.DeleteWebhook(e.ctx, rest.Items[0].ID); fault.CodeOf(err) != want {
			t.Errorf("removal %d: %v", i, err)
		}
	}
	if left := e.hooks(); len(left) != 2 {
		t.Errorf("%+v", left)
	}
}

func TestWebhookLimitHoldsAgainstRequestsAtOnce(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	neighbour := e.Fixture.Tenant(t, storefixture.External)
	const tries = store.MaxWebhooks + 10
	codes := make(chan fault.Code, tries)
	var group sync.WaitGroup
	for i := range tries {
		group.Go(func() {
			_, _, err := e.Handle.CreateWebhook(e.ctx, hookSpec(fmt.Sprint("https://example.com/", i)))
			codes <- fault.CodeOf(err)
		})
	}
	group.Wait()
	close(codes)
	got := map[fault.Code]int{}
	for code := range codes {
		got[code]++
	}
	if got[""] != store.MaxWebhooks || got[fault.Conflict] != 10 || len(e.hooks()) != store.MaxWebhooks {
		t.Errorf("%v", got)
	}
	if _, _, err := neighbour.Handle.CreateWebhook(e.ctx, hookSpec("https://example.com")); err != nil {
		t.Errorf("a neighbour's limit is shared: %v", err)
	}
}

// TestWebhookSecretIsSealed looks for the secret in the database, and moves its sealed form about.
func TestWebhookSecretIsSealed(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	_, secret, err := e.Handle.CreateWebhook(e.ctx, hookSpec("https://example.com/1"))
	if err != nil {
		t.Fatal(err)
	}
	e.put("a", "text")
	e.index()
	if due := e.due(); len(due) != 1 || due[0].Secret != secret {
		t.Fatalf("%+v", due)
	}
	var row string
	queryRow(t, e.OwnerURL, `SELECT w::text FROM webhooks w`, &row)
	if strings.Contains(row, secret) || strings.Contains(row, fmt.Sprintf("%x", secret)) {
		t.Error("the secret stands in the row")
	}
	elsewhere, err := postgres.Open(t.Context(), postgres.Config{URL: e.AppURL, MaxConns: 1, Secret: "of another operator"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(elsewhere.Close)
	if due, err := elsewhere.ForTenant(e.ID).DueDeliveries(e.ctx, 1, nil); err != nil || len(due) != 1 || due[0].Secret != "" {
		t.Errorf("with another LINDERO_SECRET: %+v, %v", due, err)
	}
	e.hook("https://example.com/2")
	e.Exec(t, e.ID, `UPDATE webhooks SET secret = (SELECT secret FROM webhooks WHERE url LIKE '%1') WHERE url LIKE '%2'`)
	e.put("b", "text")
	e.index()
	for _, d := range e.due() {
		if (d.URL == "https://example.com/1") != (d.Secret == secret) {
			t.Errorf("a secret copied to another webhook opens as %q", d.Secret)
		}
	}
}

func TestRemovedWebhookTakesItsDeliveriesAlong(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	w := e.hook("https://example.com")
	e.put("a", "text")
	e.index()
	due := e.due()
	if err := e.Handle.DeleteWebhook(e.ctx, w.ID); err != nil {
		t.Fatal(err)
	}
	if expired, err := e.Handle.RecordDelivery(e.ctx, due[0], store.DeliveryOutcome{Delivered: true}); err != nil || expired != 0 {
		t.Errorf("the outcome of an attempt under way: %v", err)
	}
	var left int
	e.Query(t, e.ID, `SELECT count(*) FROM webhook_deliveries`, &left)
	if left != 0 || len(e.due()) != 0 {
		t.Errorf("%d deliveries are left", left)
	}
}

// TestRemovalNeverFailsTheWork removes webhooks while operations end: none of the work may fail for it.
func TestRemovalNeverFailsTheWork(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	stop := make(chan struct{})
	var group sync.WaitGroup
	for i := range 3 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				w, _, err := e.Handle.CreateWebhook(e.ctx, hookSpec(fmt.Sprint("https://example.com/", i)))
				if err != nil {
					t.Error(err)
					return
				}
				if err := e.Handle.DeleteWebhook(e.ctx, w.ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 100 {
		op, err := e.Handle.StartOperation(e.ctx, "ingest")
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Handle.FinishAccepting(e.ctx, op.ID); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	group.Wait()
	var ended int
	e.Query(t, e.ID, `SELECT count(*) FROM operations WHERE status = 'succeeded'`, &ended)
	if ended != 100 {
		t.Errorf("%d operations ended", ended)
	}
	if err := e.Handle.DeleteWebhook(e.ctx, uuid.New()); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown one: %v", err)
	}
}
