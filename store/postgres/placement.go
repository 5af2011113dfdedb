package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/store"
	"lindero/store/queue"
)

// States of a placement, see migrations/006_slots.sql.
const (
	settled    = "settled"
	copying    = "copying"
	indexing   = "indexing"
	catchingUp = "catching_up"
	clearing   = "clearing"
)

// How long to wait before a move is looked at again.
const (
	loadPause     = 5 * time.Second  // documents of the collection are being indexed
	capPause      = 10 * time.Minute // all own slots are taken
	snapshotPause = 2 * time.Second  // older transactions are still running
	// patience is how long documents being indexed put a move off.
	patience = 2 * time.Minute
)

// placement is where a collection's vectors lie and how far a move has come.
type placement struct {
	place   // of the collection: where searches look
	deleted bool

	state    string
	source   *int
	target   *int
	copiedTo int64
	forced   *string
	dueSince *time.Time
}

// PlaceCollection brings a collection's vectors to where its size, or an operator, wants them: among the small ones,
// scanned exactly, or to a slot of their own with an index. It goes step by step, each in its own transaction, and
// goes on where an earlier call was broken off; searches and writes go on all the while. again, when it is positive,
// is when to call it again: something must be waited for.
func (h *Handle) PlaceCollection(ctx context.Context, collection uuid.UUID) (again time.Duration, err error) {
	for {
		state, again, err := h.placeStep(ctx, collection)
		if err != nil || again > 0 || state == settled {
			return again, err
		}
	}
}

// placeStep takes one step and returns the state after it.
func (h *Handle) placeStep(ctx context.Context, collection uuid.UUID) (state string, again time.Duration, err error) {
	p, err := h.placement(ctx, collection)
	if fault.Is(err, fault.NotFound) || (err == nil && p.deleted) {
		return settled, 0, nil // the purge releases what it holds
	}
	if err != nil {
		return "", 0, err
	}
	started := time.Now()
	defer func() { observeStep(p.state, started, err) }()
	switch p.state {
	case copying:
		return h.copyVectors(ctx, p)
	case indexing:
		return h.indexSlot(ctx, p)
	case catchingUp:
		return h.catchUp(ctx, p)
	case clearing:
		return h.clearSource(ctx, p)
	}
	return h.decidePlacement(ctx, p)
}

// placement reads the row; a collection without one is settled.
func (h *Handle) placement(ctx context.Context, collection uuid.UUID) (placement, error) {
	p := placement{place: place{collection: collection}}
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT c.slot, c.backend, c.dimensions, c.indexed_chunks, c.deleted_at IS NOT NULL, coalesce(p.state, 'settled'),
				p.source_slot, p.target_slot, coalesce(p.copied_to, 0), p.forced, p.due_since
			FROM collections c LEFT JOIN collection_placements p ON p.tenant_id = c.tenant_id AND p.collection_id = c.id
			WHERE c.tenant_id = $1 AND c.id = $2`, h.id.UUID(), collection).QueryRow(func(row pgx.Row) error {
			return row.Scan(&p.slot, &p.backend, &p.dimensions, &p.measured, &p.deleted, &p.state, &p.source, &p.target, &p.copiedTo, &p.forced, &p.dueSince)
		})
	})
	return p, err
}

// decidePlacement begins a move when one is due.
func (h *Handle) decidePlacement(ctx context.Context, p placement) (string, time.Duration, error) {
	chunks, loading, err := h.collectionSize(ctx, p.collection)
	if err != nil {
		return "", 0, err
	}
	wanted := h.store.placement.wantsIndex(p.place, chunks)
	if p.forced != nil {
		wanted = *p.forced == "hnsw"
	}
	switch indexed := p.slot >= store.FirstOwnSlot; {
	case wanted && indexed:
		return h.rebuild(ctx, p, chunks, loading)
	case !wanted && !indexed:
		return settled, 0, h.settlePlacement(ctx, p, chunks)
	case !wanted:
		return h.beginMove(ctx, p, func(context.Context, pgx.Tx) (*int, error) {
			target := sharedSlot(p.collection)
			return &target, nil
		})
	case loading && p.forced == nil && (p.dueSince == nil || time.Since(*p.dueSince) < patience):
		return settled, loadPause, h.putOff(ctx, p, "documents are being indexed")
	}
	state, again, err := h.beginMove(ctx, p, h.claimSlot(p.collection))
	if errors.Is(err, errNoSlot) {
		capReached.Inc()
		return settled, capPause, h.putOff(ctx, p, fmt.Sprintf(
			"all %d slots of their own are taken, so the collection is scanned exactly; raise LINDERO_MAX_SLOTS, or demote or delete another", h.store.placement.MaxSlots))
	}
	return state, again, err
}

// claimSlot takes a slot of its own for a collection; nil when there is none.
func (h *Handle) claimSlot(collection uuid.UUID) func(context.Context, pgx.Tx) (*int, error) {
	return func(ctx context.Context, tx pgx.Tx) (target *int, err error) {
		return target, tx.QueryRow(ctx, `SELECT claim_slot($1, $2)`, collection, h.store.placement.MaxSlots).Scan(&target)
	}
}

// errNoSlot: all own slots are taken.
var errNoSlot = errors.New("no slot is free")

// collectionSize counts the collection's chunks, and tells whether more are on their way or seem to be.
func (h *Handle) collectionSize(ctx context.Context, collection uuid.UUID) (chunks int64, loading bool, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT `+countChunks+`, EXISTS (SELECT FROM work_items w
				WHERE w.tenant_id = $1 AND w.collection_id = $2 AND w.run_at <= now())
			OR EXISTS (SELECT FROM lexical_segments s WHERE s.tenant_id = $1 AND s.collection_id = $2
				AND NOT s.merged AND s.created_at > now() - make_interval(secs => $3))`, h.id.UUID(), collection, h.store.placement.Quiet.Seconds()).
			QueryRow(func(row pgx.Row) error { return row.Scan(&chunks, &loading) })
	})
	return chunks, loading, err
}

// countChunks is the number of live chunks of collection $2 of tenant $1, from few rows.
const countChunks = `(SELECT coalesce(sum(s.chunks), 0)::bigint FROM lexical_segments s WHERE s.tenant_id = $1 AND s.collection_id = $2)
	- (SELECT count(*) FROM lexical_deleted d WHERE d.tenant_id = $1 AND d.collection_id = $2)`

// settlePlacement notes that the collection lies where it should, and how large it is. What was measured on an index half
// as large says little of it.
func (h *Handle) settlePlacement(ctx context.Context, p placement, chunks int64) error {
	return h.write(ctx, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(`UPDATE collection_placements SET due_since = NULL, detail = '', step_at = now()
			WHERE tenant_id = $1 AND collection_id = $2 AND state = 'settled'`, h.id.UUID(), p.collection)
		if p.slot >= store.FirstOwnSlot {
			batch.Queue(`UPDATE collections SET indexed_chunks = $3, ef_search = CASE WHEN $4 THEN 0 ELSE ef_search END
				WHERE tenant_id = $1 AND id = $2 AND indexed_chunks <> $3`, h.id.UUID(), p.collection, chunks, p.outgrown(chunks))
		}
		return tx.SendBatch(ctx, batch).Close()
	})
}

// putOff notes that a move is due and why it waits.
func (h *Handle) putOff(ctx context.Context, p placement, detail string) error {
	return h.write(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO collection_placements AS p (tenant_id, collection_id, state, due_since, detail)
			VALUES ($1, $2, 'settled', now(), $3)
			ON CONFLICT (tenant_id, collection_id) DO UPDATE
			SET due_since = coalesce(p.due_since, now()), detail = excluded.detail, step_at = now() WHERE p.state = 'settled'`,
			h.id.UUID(), p.collection, detail)
		return err
	})
}

// beginMove takes the target and writes down the move, in one transaction: a slot is never held without a row that
// says so.
func (h *Handle) beginMove(ctx context.Context, p placement, target func(context.Context, pgx.Tx) (*int, error)) (string, time.Duration, error) {
	err := h.write(ctx, func(tx pgx.Tx) error {
		if err := patientLocks(ctx, tx); err != nil {
			return err
		}
		slot, err := target(ctx, tx)
		if err != nil {
			return err
		}
		if slot == nil {
			return errNoSlot
		}
		tag, err := tx.Exec(ctx, `INSERT INTO collection_placements AS p (tenant_id, collection_id, state, source_slot, target_slot, started_at)
			SELECT c.tenant_id, c.id, 'copying', c.slot, $3, now() FROM collections c
			WHERE c.tenant_id = $1 AND c.id = $2 AND c.slot = $4 AND c.deleted_at IS NULL
			ON CONFLICT (tenant_id, collection_id) DO UPDATE
			SET state = 'copying', source_slot = excluded.source_slot, target_slot = excluded.target_slot, copied_to = 0,
				due_since = NULL, detail = '', started_at = now(), step_at = now() WHERE p.state = 'settled'`,
			h.id.UUID(), p.collection, *slot, p.slot)
		if err == nil && tag.RowsAffected() == 0 {
			return errOvertaken
		}
		return err
	})
	return h.steppedTo(copying, err)
}

// errOvertaken: another process took the step, or the collection was deleted meanwhile. Nothing was changed.
var errOvertaken = errors.New("the placement has changed meanwhile")

// steppedTo is the outcome of a step: an overtaken one is repeated from what is there now.
func (h *Handle) steppedTo(state string, err error) (string, time.Duration, error) {
	if errors.Is(err, errOvertaken) {
		return state, 0, nil
	}
	return state, 0, err
}

// patientLocks bounds the wait for a lock: whoever queues behind a step that waits would wait with it.
func patientLocks(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '2s'`)
	return err
}

// considerPlacement asks for a look at a collection with so many chunks when its size calls for a move, or its index has
// outgrown what was measured on it. A move that is under way, or waits for something, has its job already.
func (h *Handle) considerPlacement(ctx context.Context, tx pgx.Tx, at place, chunks int64) error {
	if h.store.placement.wantsIndex(at, chunks) == (at.slot >= store.FirstOwnSlot) && !at.outgrown(chunks) {
		return nil
	}
	_, err := h.store.jobs.InsertTx(ctx, tx, queue.PlaceCollection{TenantID: h.id.UUID(), CollectionID: at.collection}, nil)
	return err
}

// SetEfSearch says how wide the collection's approximate index is searched, 1 to 1,000, as measured on the index that was
// there when the state was read: fault.Conflict when the collection has another now or has grown by much, fault.NotFound
// when it is gone. Searches follow within a minute.
func (h *Handle) SetEfSearch(ctx context.Context, was store.RecallState, ef int) error {
	if ef < 1 || ef > maxEfSearch {
		return fault.InvalidField("ef_search", ef, "must be between 1 and %d", maxEfSearch)
	}
	return h.write(ctx, func(tx pgx.Tx) error {
		var same bool
		err := tx.QueryRow(ctx, `UPDATE collections SET ef_search = CASE WHEN slot = $3 AND indexed_chunks = $4 THEN $5 ELSE ef_search END
			WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL RETURNING slot = $3 AND indexed_chunks = $4`,
			h.id.UUID(), was.Collection, was.Slot, was.Chunks, ef).Scan(&same)
		if err == nil && !same {
			return fault.New(fault.Conflict, "the collection's index has changed meanwhile")
		}
		return missing(err, "the collection does not exist")
	})
}
