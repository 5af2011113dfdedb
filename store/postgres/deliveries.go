package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"lindero/store"
	"lindero/store/queue"
	"lindero/tenant/credential"
)

// tellChanged ends a statement whose operations (id, finished_at) are in "changed": those who wait for them are
// notified, and those that this very transaction has ended, which finished_at shows, are returned if any webhook
// may want to hear of them. The statement plans no more than that, because most tenants have no webhook.
const tellChanged = `SELECT id, coalesce(finished_at = now(), false) AND EXISTS (SELECT FROM webhooks WHERE tenant_id = $1),
	pg_notify('lindero_operations', id::text) FROM changed`

// readEnded collects the operations that webhooks are to be told of.
func readEnded(ended *[]uuid.UUID) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var id uuid.UUID
		var tell bool
		_, err := pgx.ForEachRow(rows, []any{&id, &tell, nil}, func() error {
			if tell {
				*ended = append(*ended, id)
			}
			return nil
		})
		return err
	}
}

// tellWebhooks makes a delivery for each operation that the transaction has ended and each webhook that wants to
// hear of it. The lock keeps a webhook that is being removed from failing the foreign key, and with it the work that
// ended the operation: such a webhook is passed over.
func (h *Handle) tellWebhooks(ctx context.Context, tx pgx.Tx, ended []uuid.UUID) error {
	if len(ended) == 0 {
		return nil
	}
	tag, err := tx.Exec(ctx, `INSERT INTO webhook_deliveries (tenant_id, webhook_id, event, operation_id, ended_at, operation)
		SELECT w.tenant_id, w.id, $3, o.id, o.finished_at, jsonb_build_object('id', o.id, 'kind', o.kind, 'status', o.status,
			'total', o.total, 'done', o.done, 'failed', o.failed,
			'created_at', o.created_at, 'started_at', o.started_at, 'finished_at', o.finished_at)
		FROM operations o JOIN webhooks w ON w.tenant_id = $1 AND $3 = ANY (w.events)
		WHERE o.tenant_id = $1 AND o.id = ANY ($2)
		FOR KEY SHARE OF w
		ON CONFLICT ON CONSTRAINT webhook_deliveries_once DO NOTHING`, h.id.UUID(), ended, store.EventOperationFinished)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	return h.enqueueDelivery(ctx, tx, 0)
}

// enqueueDelivery makes sure that the tenant's deliveries are attempted after a while.
func (h *Handle) enqueueDelivery(ctx context.Context, tx pgx.Tx, after time.Duration) error {
	return h.enqueue(ctx, tx, queue.Deliver{TenantID: h.id.UUID()}, queue.Webhooks, river.PriorityDefault, after)
}

// DueDeliveries returns deliveries to be attempted now, those longest due first: at most perWebhook of each
// webhook, and none of a webhook that rests. Those in skip, which are being attempted, are left out.
func (h *Handle) DueDeliveries(ctx context.Context, perWebhook int, skip []uuid.UUID) ([]store.DueDelivery, error) {
	if skip == nil {
		skip = []uuid.UUID{} // nil would be NULL, which excludes every delivery
	}
	var due []store.DueDelivery
	var sealed [][]byte
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT d.id, w.id, w.url, w.secret, w.failing_since IS NOT NULL, d.event, d.operation, d.created_at, d.attempts,
				extract(epoch FROM now() - d.created_at)::float8
			FROM webhooks w CROSS JOIN LATERAL (
				SELECT * FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = w.id AND status = 'pending'
					AND due_at <= now() AND NOT id = ANY ($2) ORDER BY due_at LIMIT $3) d
			WHERE w.tenant_id = $1 AND (w.rest_until IS NULL OR w.rest_until <= now())
			ORDER BY d.due_at`, h.id.UUID(), skip, perWebhook).Query(func(rows pgx.Rows) error {
			var d store.DueDelivery
			var secret []byte
			var age float64
			_, err := pgx.ForEachRow(rows, []any{&d.ID, &d.WebhookID, &d.URL, &secret, &d.Failing, &d.Event, &d.Operation, &d.CreatedAt,
				&d.Attempts, &age}, func() error {
				d.Age = time.Duration(age * float64(time.Second))
				due, sealed = append(due, d), append(sealed, secret)
				secret, d = nil, store.DueDelivery{}
				return nil
			})
			return err
		})
	})
	if err != nil || len(due) == 0 {
		return nil, err
	}
	return due, h.openSecrets(ctx, due, sealed)
}

func (h *Handle) openSecrets(ctx context.Context, due []store.DueDelivery, sealed [][]byte) error {
	key, err := h.store.DerivedKey(ctx, credential.PurposeWebhooks)
	if err != nil {
		return err
	}
	for i := range due {
		// One that cannot be opened stays empty: its delivery fails where its tenant can see it.
		due[i].Secret, _ = credential.Open(key, sealed[i], h.webhookOwner(due[i].WebhookID))
	}
	return nil
}

// RescheduleDeliveries comes after the tenant's delivery job was completed in the same transaction, for the reason
// that Reschedule gives. It reports true when something is due: the caller then rolls back and goes on. What must
// rest gets its job. The transaction must be bound to no other tenant.
func (h *Handle) RescheduleDeliveries(ctx context.Context, tx pgx.Tx) (again bool, err error) {
	if h.id.IsZero() {
		return false, errNoTenant
	}
	var seconds *float64
	batch := &pgx.Batch{}
	batch.Queue(bindTenant, h.id.String())
	batch.Queue(`SELECT extract(epoch FROM min(greatest(d.due_at, w.rest_until)) - now())::float8
		FROM webhooks w CROSS JOIN LATERAL (
			SELECT due_at FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = w.id AND status = 'pending'
			ORDER BY due_at LIMIT 1) d
		WHERE w.tenant_id = $1`, h.id.UUID()).QueryRow(func(row pgx.Row) error { return row.Scan(&seconds) })
	switch err := tx.SendBatch(ctx, batch).Close(); {
	case err != nil || seconds == nil:
		return false, translate(err)
	case *seconds <= 0:
		return true, nil
	}
	return false, translate(h.enqueueDelivery(ctx, tx, time.Duration(*seconds*float64(time.Second))))
}
