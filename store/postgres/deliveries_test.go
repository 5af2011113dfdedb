package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/internal/storefixture"
	"lindero/store"
)

// TestEveryEndIsToldOnce brings operations to their ends in every way there is: each end makes one delivery for
// each webhook, with the state that the operation then has.
func TestEveryEndIsToldOnce(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(e *env) (uuid.UUID, store.OperationStatus){
		"indexed": func(e *env) (uuid.UUID, store.OperationStatus) {
			op := e.put("a", "text").Operation.ID
			e.index()
			return op, store.Succeeded
		},
		"failed": func(e *env) (uuid.UUID, store.OperationStatus) {
			op := e.put("a", "text").Operation.ID
			e.fail(e.load().Items...)
			return op, store.OperationFailed
		},
		"partly failed": func(e *env) (uuid.UUID, store.OperationStatus) {
			op := e.accept(storefixture.Split("a", "x", storefixture.Dimensions), storefixture.Split("b", "y", storefixture.Dimensions))[0].Operation.ID
			work := e.load()
			e.fail(work.Items[0])
			work.Items = work.Items[1:]
			e.publish(work)
			return op, store.PartiallyFailed
		},
		"dropped": func(e *env) (uuid.UUID, store.OperationStatus) {
			op := e.put("a", "text").Operation.ID
			if err := e.Handle.DropWork(e.ctx, e.Collection.ID, e.load().Items); err != nil {
				e.Fatal(err)
			}
			return op, store.Succeeded
		},
		"overtaken": func(e *env) (uuid.UUID, store.OperationStatus) {
			op := e.put("a", "text").Operation.ID
			e.put("a", "newer text") // its own operation goes on
			return op, store.Succeeded
		},
		"deleted": func(e *env) (uuid.UUID, store.OperationStatus) {
			op := e.put("a", "text").Operation.ID
			if err := e.Handle.DeleteDocument(e.ctx, "default", "a"); err != nil {
				e.Fatal(err)
			}
			return op, store.Succeeded
		},
		"collection purged": func(e *env) (uuid.UUID, store.OperationStatus) {
			op := e.put("a", "text").Operation.ID
			if err := e.Handle.DeleteCollection(e.ctx, "default"); err != nil {
				e.Fatal(err)
			}
			if err := e.Handle.PurgeCollection(e.ctx, e.Collection.ID); err != nil {
				e.Fatal(err)
			}
			return op, store.Succeeded
		},
		"cancelled": func(e *env) (uuid.UUID, store.OperationStatus) {
			op := e.put("a", "text").Operation.ID
			for range 2 { // cancelling twice is fine
				if _, err := e.Handle.CancelOperation(e.ctx, op); err != nil {
					e.Fatal(err)
				}
			}
			return op, store.Cancelled
		},
		"nothing accepted": func(e *env) (uuid.UUID, store.OperationStatus) {
			op := e.startOperation()
			for range 2 { // it may be called again
				if err := e.Handle.FinishAccepting(e.ctx, op); err != nil {
					e.Fatal(err)
				}
			}
			return op, store.Succeeded
		},
		"abandoned": func(e *env) (uuid.UUID, store.OperationStatus) {
			op := e.startOperation()
			e.Exec(e, e.ID, `UPDATE operations SET active_at = now() - interval '1 day'`)
			if _, err := e.Handle.CloseAbandoned(e.ctx, op); err != nil {
				e.Fatal(err)
			}
			return op, store.Succeeded
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			one, other := e.hook("https://example.com/1"), e.hook("https://example.com/2")
			op, status := end(e)
			told := map[uuid.UUID]int{}
			for _, d := range e.due() {
				if d.Operation.ID != op {
					t.Errorf("told of another: %+v", d)
					continue
				}
				told[d.WebhookID]++
				want := e.operation(op)
				if d.Operation.Status != status || want.Status != status || d.Operation.Total != want.Total || d.Operation.Failed != want.Failed ||
					!d.Operation.FinishedAt.Equal(*want.FinishedAt) || d.Event != store.EventOperationFinished {
					t.Errorf("told %+v, it is %+v", d.Operation, want)
				}
			}
			if told[one.ID] != 1 || told[other.ID] != 1 {
				t.Errorf("told %v", told)
			}
			var jobs int
			queryRow(t, e.OwnerURL, `SELECT count(*) FROM river.river_job WHERE kind = 'deliver_webhooks' AND args->>'tenant_id' = '`+e.ID.String()+`'`, &jobs)
			if jobs != 1 {
				t.Errorf("%d jobs will deliver", jobs)
			}
		})
	}
}

func (e *env) fail(items ...store.WorkItem) {
	e.Helper()
	var failures []store.Failure
	for _, item := range items {
		failures = append(failures, store.Failure{Item: item, Code: "damaged", Detail: "x"})
	}
	if err := e.Handle.FailWork(e.ctx, e.Collection.ID, failures); err != nil {
		e.Fatal(err)
	}
}

func (e *env) startOperation() uuid.UUID {
	e.Helper()
	op, err := e.Handle.StartOperation(e.ctx, "ingest")
	if err != nil {
		e.Fatal(err)
	}
	return op.ID
}

// TestEndAndDeliveryAreOneTransaction breaks the telling, by the row and by the job: the operation does not end
// without it.
func TestEndAndDeliveryAreOneTransaction(t *testing.T) {
	t.Parallel()
	for _, broken := range []struct{ table, check string }{
		{"webhook_deliveries", "false"}, {"river.river_job", "kind <> 'deliver_webhooks'"},
	} {
		t.Run(broken.table, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.hook("https://example.com")
			op := e.put("a", "text").Operation.ID
			work := e.load()
			asOwner(t, e.OwnerURL, `ALTER TABLE `+broken.table+` ADD CONSTRAINT broken CHECK (`+broken.check+`) NOT VALID`)
			if _, err := e.Handle.Publish(e.ctx, e.Collection, prepare(work.Items)); err == nil {
				t.Error("published without telling")
			}
			if _, err := e.Handle.CancelOperation(e.ctx, op); err == nil {
				t.Error("cancelled without telling")
			}
			if got := e.operation(op); got.Status.Final() || len(e.due()) != 0 {
				t.Errorf("ended without telling: %+v", got)
			}
			asOwner(t, e.OwnerURL, `ALTER TABLE `+broken.table+` DROP CONSTRAINT broken`)
			e.publish(work)
			if got := e.operation(op); got.Status != store.Succeeded || len(e.due()) != 1 {
				t.Errorf("%+v, %d to tell", got, len(e.due()))
			}
		})
	}
}

// TestOperationTakenUpAgainIsToldAgain ends one operation twice.
func TestOperationTakenUpAgainIsToldAgain(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.hook("https://example.com")
	op := e.put("a", "text").Operation.ID
	e.index()
	e.Exec(t, e.ID, `UPDATE operations SET status = 'running', finished_at = NULL`)
	if err := e.Handle.FinishAccepting(e.ctx, op); err != nil {
		t.Fatal(err)
	}
	if due := e.due(); len(due) != 2 || due[0].ID == due[1].ID {
		t.Errorf("%+v", due)
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.hook("https://example.com")
	e.put("a", "text")
	e.index()
	first := e.due()[0]
	record := func(d store.DueDelivery, o store.DeliveryOutcome) int64 {
		t.Helper()
		expired, err := e.Handle.RecordDelivery(e.ctx, d, o)
		if err != nil {
			t.Fatal(err)
		}
		return expired
	}
	failed := store.DeliveryOutcome{Code: "status", Detail: "the receiver answered 500", ResponseStatus: 500, Retry: time.Minute}
	record(first, failed)
	record(first, store.DeliveryOutcome{Delivered: true}) // of somebody who did not know of the first outcome
	w := e.hooks()[0]
	d := w.Deliveries[0]
	if w.FailingSince == nil || w.Pending != 1 || len(w.Deliveries) != 1 || d.Attempts != 1 || d.Status != store.DeliveryPending ||
		d.ErrorCode != "status" || d.ErrorDetail != failed.Detail || d.ResponseStatus != 500 || d.DueAt.Before(d.OutcomeAt.Add(59*time.Second)) {
		t.Errorf("%+v", w)
	}
	if due := e.due(); len(due) != 0 {
		t.Errorf("due already: %+v", due)
	}
	e.Exec(t, e.ID, `UPDATE webhook_deliveries SET due_at = now()`)
	if due := e.due(); len(due) != 0 {
		t.Error("the receiver gets no rest")
	}
	e.Exec(t, e.ID, `UPDATE webhooks SET rest_until = now()`)
	again := e.due()[0]
	if again.ID != first.ID || again.Attempts != 1 || !again.Failing {
		t.Errorf("%+v", again)
	}
	record(again, store.DeliveryOutcome{Delivered: true, ResponseStatus: 204})
	w = e.hooks()[0]
	if d := w.Deliveries[0]; w.FailingSince != nil || w.Pending != 0 || d.Status != store.DeliveryDelivered || d.Attempts != 2 || d.ErrorCode != "" || d.ResponseStatus != 204 {
		t.Errorf("%+v", w)
	}
	e.put("b", "text")
	e.index()
	record(e.due()[0], store.DeliveryOutcome{Code: "timeout", Detail: "x"})
	if d := e.hooks()[0].Deliveries[0]; d.Status != store.DeliveryFailed || d.ErrorCode != "timeout" || d.ResponseStatus != 0 {
		t.Errorf("given up: %+v", d)
	}
}

// TestFailingReceiverRests compares the rests with how long the receiver has been failing.
func TestFailingReceiverRests(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.hook("https://example.com")
	for since, want := range map[string]time.Duration{
		"NULL": time.Second, "now() - interval '10 seconds'": time.Second, "now() - interval '10 minutes'": 30 * time.Second, "now() - interval '9 days'": 10 * time.Minute,
	} {
		e.put(since, "text")
		e.index()
		e.Exec(t, e.ID, `UPDATE webhooks SET rest_until = NULL, failing_since = `+since)
		due := e.due()
		if _, err := e.Handle.RecordDelivery(e.ctx, due[0], store.DeliveryOutcome{Code: "status", Detail: "x"}); err != nil {
			t.Fatal(err)
		}
		var rest float64
		e.Query(t, e.ID, `SELECT extract(epoch FROM w.rest_until - max(d.outcome_at))::float8 FROM webhooks w, webhook_deliveries d GROUP BY w.rest_until`, &rest)
		if got := time.Duration(rest * float64(time.Second)); got < want || got > want+want/10 {
			t.Errorf("failing since %s it rests %v, want %v", since, got, want)
		}
		e.Exec(t, e.ID, `INSERT INTO webhook_deliveries (tenant_id, webhook_id, event, operation_id, ended_at, operation)
			SELECT tenant_id, id, 'x', gen_random_uuid(), now(), '{}' FROM webhooks`)
		if next := e.reschedule(); next > want || next < want-10*time.Second {
			t.Errorf("failing since %s the next attempt is in %v", since, next)
		}
		e.Exec(t, e.ID, `DELETE FROM webhook_deliveries`)
	}
}

// reschedule returns in how long the tenant's next turn of deliveries is.
func (e *env) reschedule() time.Duration {
	e.Helper()
	err := pgx.BeginFunc(e.ctx, e.Store.Pool(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(e.ctx, `DELETE FROM river.river_job WHERE kind = 'deliver_webhooks'`); err != nil {
			return err
		}
		again, err := e.Handle.RescheduleDeliveries(e.ctx, tx)
		if again {
			e.Error("due at once")
		}
		return err
	})
	e.must(err)
	var seconds float64
	queryRow(e, e.OwnerURL, `SELECT extract(epoch FROM scheduled_at - now())::float8 FROM river.river_job WHERE kind = 'deliver_webhooks'`, &seconds)
	return time.Duration(seconds * float64(time.Second))
}

// TestDeadReceiverCostsABoundedAmount has a receiver fail for days with many deliveries waiting: those that have
// waited for a day are given up with a failing attempt, and of the given up the newest are remembered.
func TestDeadReceiverCostsABoundedAmount(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	w := e.hook("https://example.com")
	fill := func(n int, due string) {
		e.Exec(t, e.ID, fmt.Sprintf(`INSERT INTO webhook_deliveries (tenant_id, webhook_id, event, operation_id, ended_at, operation, due_at)
			SELECT '%s', '%s', 'operation.finished', gen_random_uuid(), now(), '{}', %s FROM generate_series(1, %d)`, e.ID, w.ID, due, n))
	}
	fill(300, "now() - interval '25 hours'")
	fill(50, "now() - interval '1 hour'")
	fail := func() int64 {
		t.Helper()
		e.Exec(t, e.ID, `UPDATE webhooks SET rest_until = NULL`)
		expired, err := e.Handle.RecordDelivery(e.ctx, e.due()[0], store.DeliveryOutcome{Code: "timeout", Detail: "x", Retry: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		return expired
	}
	if expired := fail(); expired != 0 {
		t.Errorf("%d given up although the receiver has only begun to fail: it may have been we who were away", expired)
	}
	e.Exec(t, e.ID, `UPDATE webhooks SET failing_since = now() - interval '4 days'`)
	// The attempt itself waited for a day too, and is tried again; so is the one before.
	if expired := fail(); expired != 298 {
		t.Errorf("%d were given up", expired)
	}
	hook := e.hooks()[0]
	if hook.Pending != 52 || len(hook.Deliveries) != 10 || hook.Status(time.Now()) != store.WebhookBroken {
		t.Errorf("%+v", hook)
	}
	var remembered int
	e.Query(t, e.ID, `SELECT count(*) FROM webhook_deliveries WHERE status = 'failed' AND error_code = 'expired'`, &remembered)
	if remembered != 100 {
		t.Errorf("%d are remembered", remembered)
	}
	e.Exec(t, e.ID, `UPDATE webhooks SET rest_until = NULL`)
	if due, err := e.Handle.DueDeliveries(e.ctx, 3, nil); err != nil || len(due) != 3 {
		t.Errorf("%d of one webhook, %v", len(due), err)
	}
}
