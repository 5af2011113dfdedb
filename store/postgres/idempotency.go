package postgres

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/store"
)

const (
	// idempotencyKept is how long a first answer is replayed.
	idempotencyKept = 24 * time.Hour
	// idempotencyStale is when an unanswered first request is taken for dead. Taking it over too early does no
	// harm: documents are idempotent by their ids.
	idempotencyStale = time.Minute
)

// BeginIdempotent claims a key for a request, or returns the answer the first request of that key got.
// Errors: fault.IdempotencyMismatch when the first was another request, fault.Conflict with RetryAfter while
// it is still running. Whoever gets neither must call FinishIdempotent or AbandonIdempotent.
func (h *Handle) BeginIdempotent(ctx context.Context, key string, requestHash []byte) (*store.StoredAnswer, error) {
	var replay *store.StoredAnswer
	err := h.write(ctx, func(tx pgx.Tx) error {
		claimed, err := h.claimKey(ctx, tx, key, requestHash)
		if err != nil || claimed {
			return err
		}
		replay, err = h.answerOf(ctx, tx, key, requestHash)
		return err
	})
	return replay, err
}

// claimKey makes the key's row, or takes over one whose request died.
func (h *Handle) claimKey(ctx context.Context, tx pgx.Tx, key string, requestHash []byte) (bool, error) {
	if _, err := tx.Exec(ctx, `DELETE FROM idempotency_keys WHERE tenant_id = $1 AND created_at < now() - make_interval(secs => $2)`,
		h.id.UUID(), idempotencyKept.Seconds()); err != nil {
		return false, err
	}
	tag, err := tx.Exec(ctx, `INSERT INTO idempotency_keys AS k (tenant_id, key, request_hash) VALUES ($1, $2, $3)
		ON CONFLICT (tenant_id, key) DO UPDATE SET created_at = now()
		WHERE k.response IS NULL AND k.request_hash = $3 AND k.created_at < now() - make_interval(secs => $4)`,
		h.id.UUID(), key, requestHash, idempotencyStale.Seconds())
	return tag.RowsAffected() == 1, err
}

func (h *Handle) answerOf(ctx context.Context, tx pgx.Tx, key string, requestHash []byte) (*store.StoredAnswer, error) {
	var first []byte
	var status *int
	var answer store.StoredAnswer
	err := tx.QueryRow(ctx, `SELECT request_hash, status, response FROM idempotency_keys WHERE tenant_id = $1 AND key = $2`,
		h.id.UUID(), key).Scan(&first, &status, &answer.Body)
	switch {
	case errors.Is(err, pgx.ErrNoRows) || err == nil && status == nil && bytes.Equal(first, requestHash):
		running := fault.New(fault.Conflict, "the first request with this Idempotency-Key is still running")
		running.RetryAfter = time.Second
		return nil, running
	case err != nil:
		return nil, err
	case !bytes.Equal(first, requestHash):
		return nil, fault.New(fault.IdempotencyMismatch, "this Idempotency-Key was used with another request; use a new key")
	}
	answer.Status = *status
	return &answer, nil
}

// FinishIdempotent keeps the answer of a claimed key for 24 hours.
func (h *Handle) FinishIdempotent(ctx context.Context, key string, status int, response []byte) error {
	if response == nil {
		response = []byte{} // null would mean that the request is still running
	}
	return h.read(ctx, func(b *pgx.Batch) { // an implicit transaction of one statement
		b.Queue(`UPDATE idempotency_keys SET status = $3, response = $4 WHERE tenant_id = $1 AND key = $2`,
			h.id.UUID(), key, status, response)
	})
}

// AbandonIdempotent gives a claimed key back, for a request that failed in a way worth trying again.
func (h *Handle) AbandonIdempotent(ctx context.Context, key string) error {
	return h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`DELETE FROM idempotency_keys WHERE tenant_id = $1 AND key = $2 AND response IS NULL`, h.id.UUID(), key)
	})
}
