package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"lindero/store/queue"
)

// When an index is built anew: so many of its vectors are dead, and at least so many that it is worth the work. Each dead
// one is still looked at by searches, and removing it from the index takes longer than building another.
const (
	deadInIndex = 0.25
	fewestDead  = 1000
)

// rebuild moves a collection whose index has many dead vectors to another slot of its own, as a promotion does, and leaves
// it where it is otherwise. Without a free slot it stays too: searches are slower and not wrong.
func (h *Handle) rebuild(ctx context.Context, p placement, chunks int64, loading bool) (string, time.Duration, error) {
	due, err := h.manyDead(ctx, p.slot)
	if err != nil {
		return "", 0, err
	}
	if due && !loading {
		state, again, err := h.beginMove(ctx, p, h.claimSlot(p.collection))
		if !errors.Is(err, errNoSlot) {
			return state, again, err
		}
		capReached.Inc()
	}
	return settled, 0, h.settlePlacement(ctx, p, chunks)
}

// manyDead reports whether a slot holds as many dead vectors as PostgreSQL's statistics say it may not.
func (h *Handle) manyDead(ctx context.Context, slot int) (many bool, err error) {
	err = h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT coalesce(pg_stat_get_dead_tuples(l.oid) >= greatest($2, $3 * (pg_stat_get_dead_tuples(l.oid) + pg_stat_get_live_tuples(l.oid))), false)
			FROM (SELECT to_regclass($1) AS oid) l`, "public."+slotLeaf(slot), float64(fewestDead), deadInIndex).
			QueryRow(func(row pgx.Row) error { return row.Scan(&many) })
	})
	return many, err
}

// SweepPlacements asks for a look at every collection that no write has asked for: those that were large before there
// were slots, indexes with many dead vectors, and moves whose job was lost. It returns how many it found.
func (s *Store) SweepPlacements(ctx context.Context) (int, error) {
	return sweep[queue.PlaceCollection](ctx, s, `SELECT tenant_id, collection_id FROM due_placements($1, $2, $3)`, s.placement.PromoteAt, deadInIndex, fewestDead)
}

// sweep enqueues a job for each row that a statement finds, and returns how many there are. The statement gives a job's
// arguments; no tenant is bound, so it can find rows through functions for that purpose only.
func sweep[T river.JobArgs](ctx context.Context, s *Store, statement string, arguments ...any) (int, error) {
	rows, err := s.pool.Query(ctx, statement, arguments...)
	if err != nil {
		return 0, translate(err)
	}
	due, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	if err != nil {
		return 0, translate(err)
	}
	for _, job := range due {
		if _, err := s.jobs.Insert(ctx, job, nil); err != nil {
			return 0, translate(err)
		}
	}
	return len(due), nil
}
