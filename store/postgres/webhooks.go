package postgres

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/store"
	"lindero/tenant/credential"
)

const (
	// webhookSeed keeps these advisory locks apart from others of the database.
	webhookSeed = 5_246_004
	// shownDeliveries is how many outcomes a webhook is listed with.
	shownDeliveries = 10
	// countedPending bounds the count of waiting deliveries, which a dead receiver may let grow.
	countedPending = 1000
	// secretBytes of a secret made here: as many as the hash has.
	secretBytes = 32
)

// CreateWebhook makes a webhook and returns it with its secret, which no later call returns. Errors:
// fault.Invalid, and fault.Conflict when the tenant has store.MaxWebhooks.
func (h *Handle) CreateWebhook(ctx context.Context, spec store.WebhookSpec) (store.Webhook, string, error) {
	if err := spec.Validate(); err != nil {
		return store.Webhook{}, "", err
	}
	if spec.Secret == "" {
		spec.Secret = newWebhookSecret()
	}
	id, err := uuid.NewV7()
	if err != nil {
		return store.Webhook{}, "", err
	}
	sealed, err := h.sealWebhook(ctx, id, spec.Secret)
	if err != nil {
		return store.Webhook{}, "", err
	}
	w := store.Webhook{ID: id, URL: spec.URL, Events: spec.Events}
	err = h.write(ctx, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		// Two requests at once must not both find room for one more.
		batch.Queue(`SELECT pg_advisory_xact_lock(hashtextextended($1, $2))`, h.id.String(), webhookSeed)
		batch.Queue(`INSERT INTO webhooks (tenant_id, id, url, events, secret) SELECT $1, $2, $3, $4, $5
			WHERE (SELECT count(*) FROM webhooks WHERE tenant_id = $1) < $6 RETURNING created_at`,
			h.id.UUID(), id, spec.URL, spec.Events, sealed, store.MaxWebhooks).QueryRow(func(row pgx.Row) error {
			err := row.Scan(&w.CreatedAt)
			if errors.Is(err, pgx.ErrNoRows) {
				return fault.New(fault.Conflict, "the tenant has %d webhooks already; remove one first", store.MaxWebhooks)
			}
			return err
		})
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return store.Webhook{}, "", err
	}
	return w, spec.Secret, nil
}

func newWebhookSecret() string {
	random := make([]byte, secretBytes)
	_, _ = rand.Read(random) // never fails
	return "whsec_" + base64.RawURLEncoding.EncodeToString(random)
}

func (h *Handle) sealWebhook(ctx context.Context, webhook uuid.UUID, secret string) ([]byte, error) {
	key, err := h.store.DerivedKey(ctx, credential.PurposeWebhooks)
	if err != nil {
		return nil, err
	}
	return credential.Seal(key, secret, h.webhookOwner(webhook))
}

// webhookOwner binds a sealed secret to its row.
func (h *Handle) webhookOwner(webhook uuid.UUID) string {
	return h.id.String() + "/" + webhook.String()
}

// Webhooks lists the tenant's webhooks in the order of their creation, each with its last outcomes.
func (h *Handle) Webhooks(ctx context.Context, page store.Page) (store.Listing[store.Webhook], error) {
	after := uuid.Nil
	if page.After != "" {
		var err error
		if after, err = uuid.Parse(page.After); err != nil {
			return store.Listing[store.Webhook]{}, fault.InvalidField("query.cursor", nil, "is not a cursor of this list")
		}
	}
	var found []store.Webhook
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT w.id, w.url, w.events, w.failing_since, w.created_at,
				(SELECT count(*) FROM (SELECT FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = w.id
					AND status = 'pending' LIMIT $4) p),
				(SELECT jsonb_agg(d) FROM (SELECT id, event, operation_id, status, attempts, coalesce(response_status, 0) AS response_status,
						coalesce(error_code, '') AS error_code, coalesce(error_detail, '') AS error_detail, created_at, outcome_at, due_at
					FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = w.id AND outcome_at IS NOT NULL
					ORDER BY outcome_at DESC LIMIT $5) d)
			FROM webhooks w WHERE w.tenant_id = $1 AND w.id > $2 ORDER BY w.id LIMIT $3`,
			h.id.UUID(), after, page.Limit+1, countedPending, shownDeliveries).Query(func(rows pgx.Rows) (err error) {
			found, err = pgx.CollectRows(rows, scanWebhook)
			return err
		})
	})
	return listing(found, page.Limit, func(w store.Webhook) string { return w.ID.String() }), err
}

func scanWebhook(row pgx.CollectableRow) (store.Webhook, error) {
	var w store.Webhook
	var deliveries []byte
	if err := row.Scan(&w.ID, &w.URL, &w.Events, &w.FailingSince, &w.CreatedAt, &w.Pending, &deliveries); err != nil {
		return w, err
	}
	if deliveries == nil { // jsonb_agg of no rows
		return w, nil
	}
	return w, json.Unmarshal(deliveries, &w.Deliveries)
}

// DeleteWebhook removes a webhook with its deliveries. One that is being attempted may still arrive.
func (h *Handle) DeleteWebhook(ctx context.Context, id uuid.UUID) error {
	return h.write(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM webhooks WHERE tenant_id = $1 AND id = $2`, h.id.UUID(), id)
		if err == nil && tag.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "webhook %s does not exist", id)
		}
		return err
	})
}
