package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lindero/store"
)

const (
	copyBatch    = 2000 // vectors one transaction brings over
	indexedBatch = 200  // the same where each goes into an index
	// closeEnough is how few changes are left to the transaction that flips, which makes publishers wait.
	closeEnough = 50
	// catchUpFor is how long one call runs after writers that are faster than the index.
	catchUpFor = 5 * time.Minute
)

// lockPlacement holds the placement's row for the step's transaction; errOvertaken when it is not in that move and
// state any more.
func (h *Handle) lockPlacement(ctx context.Context, tx pgx.Tx, p placement) error {
	var there bool
	err := tx.QueryRow(ctx, `SELECT true FROM collection_placements WHERE tenant_id = $1 AND collection_id = $2
		AND state = $3 AND source_slot = $4 AND target_slot = $5 FOR UPDATE`, h.id.UUID(), p.collection, p.state, *p.source, *p.target).Scan(&there)
	if errors.Is(err, pgx.ErrNoRows) {
		return errOvertaken
	}
	return err
}

// setState moves the locked placement on.
func (h *Handle) setState(ctx context.Context, tx pgx.Tx, p placement, set string) error {
	_, err := tx.Exec(ctx, `UPDATE collection_placements SET `+set+`, step_at = now() WHERE tenant_id = $1 AND collection_id = $2`,
		h.id.UUID(), p.collection)
	return err
}

// copyVectors brings one batch over. Publishers write to the source as before; what a batch has passed by already is
// left to catching up.
func (h *Handle) copyVectors(ctx context.Context, p placement) (string, time.Duration, error) {
	state := copying
	err := h.write(ctx, func(tx pgx.Tx) error {
		if err := h.lockPlacement(ctx, tx, p); err != nil {
			return err
		}
		var last *int64
		var copied int
		err := tx.QueryRow(ctx, `WITH batch AS MATERIALIZED (
				SELECT ordinal, embedding FROM chunk_vectors
				WHERE slot = $1 AND tenant_id = $3 AND collection_id = $4 AND ordinal > $5 ORDER BY ordinal LIMIT $6),
			copied AS (INSERT INTO chunk_vectors (slot, tenant_id, collection_id, ordinal, embedding)
				SELECT $2, $3, $4, ordinal, embedding FROM batch ON CONFLICT DO NOTHING)
			SELECT max(ordinal), count(*) FROM batch`, *p.source, *p.target, h.id.UUID(), p.collection, p.copiedTo, copyBatch).Scan(&last, &copied)
		if err != nil {
			return err
		}
		if copied == copyBatch { // a smaller batch is the last: under steady writes there would always be another
			_, err := tx.Exec(ctx, `UPDATE collection_placements SET copied_to = $3, step_at = now()
				WHERE tenant_id = $1 AND collection_id = $2`, h.id.UUID(), p.collection, last)
			return err
		}
		state = catchingUp
		if *p.target >= store.FirstOwnSlot {
			state = indexing
		}
		return h.setState(ctx, tx, p, `state = '`+state+`'`)
	})
	return h.steppedTo(state, err)
}

// indexSlot builds the target's index. The row is not locked meanwhile, for a build takes long; if the collection is
// deleted, its purge waits for the build's locks.
func (h *Handle) indexSlot(ctx context.Context, p placement) (string, time.Duration, error) {
	chunks, _, err := h.collectionSize(ctx, p.collection)
	if err != nil {
		return "", 0, err
	}
	memory := h.store.placement.buildMemory(chunks, p.dimensions)
	err = h.write(ctx, func(tx pgx.Tx) error {
		if err := endWithClient(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `SELECT build_slot_index($1, $2, $3)`, *p.target, p.collection, memory)
		return err
	})
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "P0002" || pg.Code == "55000") { // deleted, or released by its purge
		return h.steppedTo(indexing, errOvertaken)
	}
	if err != nil {
		return "", 0, err
	}
	err = h.write(ctx, func(tx pgx.Tx) error {
		if err := h.lockPlacement(ctx, tx, p); err != nil {
			return err
		}
		return h.setState(ctx, tx, p, `state = 'catching_up'`)
	})
	return h.steppedTo(catchingUp, err)
}

// endWithClient has the transaction's statements end soon after this process, were it killed: whoever takes the move up
// would else build the same index beside the one that nobody waits for any more. Not every system can tell; there the
// statement is undone and the build goes on.
func endWithClient(ctx context.Context, tx pgx.Tx) error {
	err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SET LOCAL client_connection_check_interval = '1s'`)
		return err
	})
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "22023" {
		return nil
	}
	return err
}

// catchUp brings over what was written and deleted during the copy, until so little is left that publishers can wait
// for the rest, and then flips.
func (h *Handle) catchUp(ctx context.Context, p placement) (string, time.Duration, error) {
	batch := copyBatch
	if *p.target >= store.FirstOwnSlot {
		batch = indexedBatch
	}
	for started := time.Now(); time.Since(started) < catchUpFor; {
		var changed int64
		err := h.write(ctx, func(tx pgx.Tx) (err error) {
			if err := h.lockPlacement(ctx, tx, p); err != nil {
				return err
			}
			changed, err = h.bringOver(ctx, tx, p, batch)
			return err
		})
		if err != nil {
			return h.steppedTo(catchingUp, err)
		}
		if changed <= closeEnough {
			return h.flip(ctx, p)
		}
	}
	return catchingUp, loadPause, h.note(ctx, p, "documents are indexed faster than the index grows; the collection is scanned exactly meanwhile")
}

// bringOver makes the target equal to the source, at most so many rows in each direction, and returns how many it
// changed. The planner takes a collection for a few rows and would look each one up; without nested loops it reads both
// sides once.
func (h *Handle) bringOver(ctx context.Context, tx pgx.Tx, p placement, batch int) (int64, error) {
	if _, err := tx.Exec(ctx, `SET LOCAL enable_nestloop = off`); err != nil {
		return 0, err
	}
	arguments := []any{*p.source, *p.target, h.id.UUID(), p.collection, batch}
	added, err := tx.Exec(ctx, `INSERT INTO chunk_vectors (slot, tenant_id, collection_id, ordinal, embedding)
		SELECT $2, $3, $4, s.ordinal, s.embedding FROM chunk_vectors s
		WHERE s.slot = $1 AND s.tenant_id = $3 AND s.collection_id = $4 AND NOT EXISTS (SELECT FROM chunk_vectors t
			WHERE t.slot = $2 AND t.tenant_id = $3 AND t.collection_id = $4 AND t.ordinal = s.ordinal)
		LIMIT $5 ON CONFLICT DO NOTHING`, arguments...)
	if err != nil {
		return 0, err
	}
	removed, err := tx.Exec(ctx, `DELETE FROM chunk_vectors d WHERE d.slot = $2 AND d.tenant_id = $3 AND d.collection_id = $4
		AND d.ordinal = ANY (ARRAY(SELECT t.ordinal FROM chunk_vectors t
			WHERE t.slot = $2 AND t.tenant_id = $3 AND t.collection_id = $4 AND NOT EXISTS (SELECT FROM chunk_vectors s
				WHERE s.slot = $1 AND s.tenant_id = $3 AND s.collection_id = $4 AND s.ordinal = t.ordinal)
			LIMIT $5))`, arguments...)
	return added.RowsAffected() + removed.RowsAffected(), err
}

// errFarBehind: too much is left for one transaction.
var errFarBehind = errors.New("too much changed meanwhile")

// flip brings the rest over and has searches look in the target, in one transaction. Publishers and deletions hold the
// collection's row FOR SHARE until they commit, so none is between reading the slot and writing to it.
func (h *Handle) flip(ctx context.Context, p placement) (string, time.Duration, error) {
	err := h.write(ctx, func(tx pgx.Tx) error {
		if err := patientLocks(ctx, tx); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `SELECT FROM collections WHERE tenant_id = $1 AND id = $2 AND slot = $3 AND deleted_at IS NULL
			FOR NO KEY UPDATE`, h.id.UUID(), p.collection, *p.source)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return errOvertaken
		}
		if err := h.lockPlacement(ctx, tx, p); err != nil {
			return err
		}
		left, err := h.bringOver(ctx, tx, p, 10*closeEnough)
		if err != nil {
			return err
		}
		if left >= 10*closeEnough {
			return errFarBehind
		}
		_, err = tx.Exec(ctx, `UPDATE collections SET slot = $3, version = version + 1, ef_search = 0,
				indexed_chunks = CASE WHEN $3::int >= $4::int THEN `+countChunks+` ELSE 0 END
			WHERE tenant_id = $1 AND id = $2`, h.id.UUID(), p.collection, *p.target, store.FirstOwnSlot)
		if err != nil {
			return err
		}
		return h.setState(ctx, tx, p, `state = 'clearing', moved_at = now(), detail = ''`)
	})
	if errors.Is(err, errFarBehind) || lockTimedOut(err) {
		return catchingUp, 0, nil
	}
	if err == nil {
		observeMove(*p.source, *p.target)
	}
	return h.steppedTo(clearing, err)
}

// lockTimedOut reports that a lock was not to be had in time.
func lockTimedOut(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "55P03"
}

// note says what a move waits for.
func (h *Handle) note(ctx context.Context, p placement, detail string) error {
	return h.write(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE collection_placements SET detail = $3, step_at = now()
			WHERE tenant_id = $1 AND collection_id = $2 AND state = $4`, h.id.UUID(), p.collection, detail, p.state)
		return err
	})
}
