package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"

	"lindero/store"
)

// operationPoll is how often a waiter looks by itself, should a notification get lost.
const operationPoll = time.Second

// WaitOperation returns when the operation is final, or when ctx is done: then with its state of that moment
// and no error.
func (h *Handle) WaitOperation(ctx context.Context, id uuid.UUID) (store.Operation, error) {
	changed, cancel := h.store.notifications.Operation(id) // before the first look, so that no change falls between
	defer cancel()
	poll := time.NewTicker(operationPoll)
	defer poll.Stop()
	for {
		op, err := h.Operation(context.WithoutCancel(ctx), id)
		if err != nil || op.Status.Final() {
			return op, err
		}
		select {
		case <-ctx.Done():
			return op, nil
		case <-changed:
		case <-poll.C:
		}
	}
}
