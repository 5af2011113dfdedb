package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/store"
)

// purgeVectors removes a deleted collection's vectors wherever a move may have left some. Own slots are emptied at
// once, which gives their space back to the system; rows in shared slots are deleted. An index outside the database
// is told first, from the rows that are on record. It returns the partitions of the shared slots, and notes what it has
// removed from them.
func (h *Handle) purgeVectors(ctx context.Context, at place, removed removals) (shared []string, err error) {
	if at.indexed() {
		if err := h.purgeIndexed(ctx, at); err != nil {
			return nil, err
		}
	}
	collection := at.collection
	var slots []int
	err = h.write(ctx, func(tx pgx.Tx) error {
		// Waits for the step under way and stops the next.
		if _, err := tx.Exec(ctx, `UPDATE collection_placements SET state = 'purging' WHERE tenant_id = $1 AND collection_id = $2`,
			h.id.UUID(), collection); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT DISTINCT k.slot FROM collections c
			LEFT JOIN collection_placements p ON p.tenant_id = c.tenant_id AND p.collection_id = c.id
			CROSS JOIN LATERAL (VALUES (c.slot), (p.source_slot), (p.target_slot)) k (slot)
			WHERE c.tenant_id = $1 AND c.id = $2 AND k.slot < $3`, h.id.UUID(), collection, store.FirstOwnSlot)
		if err != nil {
			return err
		}
		slots, err = pgx.CollectRows(rows, pgx.RowTo[int])
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := h.releaseSlots(ctx, collection); err != nil {
		return nil, err
	}
	for _, slot := range slots {
		leaf := slotLeaf(slot)
		if removed[leaf], err = h.purgeRows(ctx, "chunk_vectors", fmt.Sprintf("slot = %d AND", slot), collection); err != nil {
			return nil, err
		}
		shared = append(shared, leaf)
	}
	return shared, nil
}

// releaseSlots empties all slots of a deleted collection's own, once nobody can be reading them.
func (h *Handle) releaseSlots(ctx context.Context, collection uuid.UUID) error {
	var held []int
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT slots_held($1)`, collection).Query(func(rows pgx.Rows) (err error) {
			held, err = pgx.CollectRows(rows, pgx.RowTo[int])
			return err
		})
	})
	if err != nil || len(held) == 0 {
		return err
	}
	ended, err := h.olderTransactionsEnded(ctx)
	if err == nil && !ended {
		err = fault.New(fault.Unavailable, "transactions older than the deletion are still running")
	}
	for i := 0; err == nil && i < len(held); {
		err = h.write(ctx, func(tx pgx.Tx) error { return h.releaseSlot(ctx, tx, held[i], collection) })
		if lockTimedOut(err) { // an index is being built in it, or a backup reads it
			err = sleep(ctx, snapshotPause)
			continue
		}
		i++
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
