package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/store"
)

// snapshotWait is how long one call waits for older transactions of the database; snapshotPoll how often it looks.
const (
	snapshotWait = 10 * time.Second
	snapshotPoll = 20 * time.Millisecond
)

// clearSource removes the collection's vectors from where searches do not look any more.
func (h *Handle) clearSource(ctx context.Context, p placement) (string, time.Duration, error) {
	if *p.source >= store.FirstOwnSlot {
		return h.releaseSource(ctx, p)
	}
	state := clearing
	err := h.write(ctx, func(tx pgx.Tx) error {
		if err := h.lockPlacement(ctx, tx, p); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `DELETE FROM chunk_vectors WHERE slot = $1 AND tenant_id = $2 AND collection_id = $3 AND ctid = ANY (ARRAY(
			SELECT ctid FROM chunk_vectors WHERE slot = $1 AND tenant_id = $2 AND collection_id = $3 LIMIT $4))`,
			*p.source, h.id.UUID(), p.collection, purgeBatch)
		if err != nil || tag.RowsAffected() == purgeBatch {
			return err
		}
		state = settled
		return h.setState(ctx, tx, p, settleRow)
	})
	return h.steppedTo(state, err)
}

const settleRow = `state = 'settled', source_slot = NULL, target_slot = NULL, copied_to = 0, detail = ''`

// releaseSource empties a slot of the collection's own. TRUNCATE takes the rows from older snapshots too, so it waits
// for the end of every transaction that may have one.
func (h *Handle) releaseSource(ctx context.Context, p placement) (string, time.Duration, error) {
	ended, err := h.olderTransactionsEnded(ctx)
	if err != nil {
		return "", 0, err
	}
	if !ended {
		return clearing, snapshotPause, h.note(ctx, p, "older transactions are still running; the slot they may read is emptied after them")
	}
	err = h.write(ctx, func(tx pgx.Tx) error {
		if err := h.lockPlacement(ctx, tx, p); err != nil {
			return err
		}
		if err := h.releaseSlot(ctx, tx, *p.source, p.collection); err != nil {
			return err
		}
		return h.setState(ctx, tx, p, settleRow)
	})
	if lockTimedOut(err) {
		return clearing, snapshotPause, nil
	}
	return h.steppedTo(settled, err)
}

func (h *Handle) releaseSlot(ctx context.Context, tx pgx.Tx, slot int, collection uuid.UUID) error {
	if err := patientLocks(ctx, tx); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `SELECT release_slot($1, $2)`, slot, collection)
	return err
}

// openTransactions are those of clients of this database. Every transaction holds a lock on its virtual id until it
// ends, and everybody may see that, unlike what other roles' sessions do.
const openTransactions = `SELECT l.virtualtransaction FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
	WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.granted AND a.usesysid IS NOT NULL
		AND a.datid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.pid <> pg_backend_pid()`

// olderTransactionsEnded waits until every transaction that is open now has ended: what was committed before is then
// visible to all. False when that takes too long.
func (h *Handle) olderTransactionsEnded(ctx context.Context) (bool, error) {
	var older []string
	if err := h.ask(ctx, `SELECT ARRAY(`+openTransactions+`)`, &older); err != nil || len(older) == 0 {
		return err == nil, err
	}
	return awaitSnapshots(ctx, snapshotWait, func() (bool, error) {
		err := h.ask(ctx, `SELECT ARRAY(`+openTransactions+` AND l.virtualtransaction = ANY ($1))`, &older, older)
		return err == nil && len(older) == 0, err
	})
}

// awaitSnapshots looks until old snapshots have ended; false when that takes too long.
func awaitSnapshots(ctx context.Context, wait time.Duration, ended func() (bool, error)) (bool, error) {
	for until := time.Now().Add(wait); ; {
		if done, err := ended(); done || err != nil {
			return done && err == nil, err
		}
		if time.Now().After(until) {
			return false, nil
		}
		if err := sleep(ctx, snapshotPoll); err != nil {
			return false, err
		}
	}
}
