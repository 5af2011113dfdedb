package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lindero/store"
)

const (
	// keptOutcomes is how many ended deliveries of a webhook are remembered.
	keptOutcomes = 100
	// expireAfter is how long a delivery waits for its turn at a receiver that takes nothing, before it is given up
	// like one whose attempts are used up: else what a dead receiver cannot take would grow without bound.
	expireAfter = 24 * time.Hour
	// expireBatch bounds how many are given up in one transaction.
	expireBatch = 1000
)

// RecordDelivery writes down how an attempt ended, and lets a webhook rest whose receiver failed: a twentieth of
// the time it has been failing for, at least a second and at most ten minutes. It returns how many other deliveries
// of the webhook were given up with it, because they have waited for a day and the receiver takes nothing. The
// outcome of a delivery that is gone, or that somebody else attempted meanwhile, changes nothing.
func (h *Handle) RecordDelivery(ctx context.Context, d store.DueDelivery, o store.DeliveryOutcome) (expired int64, err error) {
	err = h.write(ctx, func(tx pgx.Tx) error {
		// The webhook first, as a deletion locks them, or the two could wait for each other.
		var failingFor float64
		err := tx.QueryRow(ctx, `SELECT coalesce(extract(epoch FROM now() - failing_since)::float8, 0) FROM webhooks
			WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`, h.id.UUID(), d.WebhookID).Scan(&failingFor)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		recorded, err := h.recordOutcome(ctx, tx, d, o)
		if err != nil || !recorded {
			return err
		}
		batch := &pgx.Batch{}
		h.queueWebhookState(batch, d.WebhookID, o.Delivered)
		if !o.Delivered && failingFor > expireAfter.Seconds() {
			h.queueExpire(batch, d.WebhookID, &expired)
		}
		h.queueForget(batch, d.WebhookID)
		return tx.SendBatch(ctx, batch).Close()
	})
	return expired, err
}

func (h *Handle) recordOutcome(ctx context.Context, tx pgx.Tx, d store.DueDelivery, o store.DeliveryOutcome) (bool, error) {
	status := store.DeliveryPending
	switch {
	case o.Delivered:
		status = store.DeliveryDelivered
	case o.Retry <= 0:
		status = store.DeliveryFailed
	}
	tag, err := tx.Exec(ctx, `UPDATE webhook_deliveries SET attempts = attempts + 1, status = $4, due_at = now() + make_interval(secs => $5),
			response_status = NULLIF($6::int, 0), error_code = NULLIF($7, ''), error_detail = NULLIF($8, ''), outcome_at = now()
		WHERE tenant_id = $1 AND id = $2 AND attempts = $3 AND status = 'pending'`,
		h.id.UUID(), d.ID, d.Attempts, string(status), o.Retry.Seconds(), o.ResponseStatus, o.Code, o.Detail)
	return tag.RowsAffected() == 1, err
}

func (h *Handle) queueWebhookState(batch *pgx.Batch, webhook uuid.UUID, delivered bool) {
	if delivered {
		batch.Queue(`UPDATE webhooks SET failing_since = NULL, rest_until = NULL
			WHERE tenant_id = $1 AND id = $2 AND failing_since IS NOT NULL`, h.id.UUID(), webhook)
		return
	}
	batch.Queue(`UPDATE webhooks SET failing_since = coalesce(failing_since, now()), rest_until = now() +
			least(greatest((now() - failing_since) / 20, interval '1 second'), interval '10 minutes')
		WHERE tenant_id = $1 AND id = $2`, h.id.UUID(), webhook)
}

func (h *Handle) queueExpire(batch *pgx.Batch, webhook uuid.UUID, expired *int64) {
	batch.Queue(`UPDATE webhook_deliveries t SET status = 'failed', outcome_at = now(), error_code = 'expired',
			error_detail = 'the receiver took no deliveries for a day'
		FROM (SELECT ctid FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2 AND status = 'pending'
			AND due_at < now() - make_interval(secs => $3) ORDER BY due_at LIMIT $4) x
		WHERE t.tenant_id = $1 AND t.ctid = x.ctid`, h.id.UUID(), webhook, expireAfter.Seconds(), expireBatch).
		Exec(func(tag pgconn.CommandTag) error {
			*expired = tag.RowsAffected()
			return nil
		})
}

// queueForget removes the ended deliveries of a webhook beyond the newest ones.
func (h *Handle) queueForget(batch *pgx.Batch, webhook uuid.UUID) {
	batch.Queue(`DELETE FROM webhook_deliveries t
		USING (SELECT ctid FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2 AND outcome_at IS NOT NULL
			AND status <> 'pending' ORDER BY outcome_at DESC OFFSET $3) x
		WHERE t.tenant_id = $1 AND t.ctid = x.ctid`, h.id.UUID(), webhook, keptOutcomes)
}
