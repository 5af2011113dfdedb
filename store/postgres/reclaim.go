package postgres

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// reclaimShare is how small a part of what was removed may be left in a table that is written anew, and reclaimRows
	// how many rows at most, because nobody can use it meanwhile.
	reclaimShare = 4
	reclaimRows  = 10_000
	// reclaimFor is how long a purge tries, and reclaimPause the rest between: something reads the table, or vacuum has
	// come to it, which makes it smaller too. As long it waits at most for transactions that are older, before.
	reclaimFor   = 30 * time.Second
	reclaimPause = time.Second
	// countsLag is how late a session may tell of the rows that it has added and removed, with a little more, and
	// reclaimLarge how many rows must have been removed from a table that seems full for it to be looked at until then.
	countsLag    = 12 * time.Second
	reclaimLarge = 10_000
)

// reclaimBounds are of one rewriting: how long it waits for the table, for whoever comes then waits behind it, and how
// long it keeps the table.
const reclaimBounds = `SELECT set_config('lock_timeout', '20ms', true), set_config('statement_timeout', '500ms', true)`

// removals counts rows removed by table, as a partition where a table has them.
type removals map[string]int64

// reclaim gives back to the system the space of tables that a purge has all but emptied. It is of no consequence where
// it does not come to it, in a table with many rows of others above all: there PostgreSQL uses the space again.
func (h *Handle) reclaim(ctx context.Context, removed removals) error {
	started, seen := time.Now(), false
	for waiting := slices.Collect(maps.Keys(removed)); ; {
		emptied, full, err := h.nearlyEmpty(ctx, waiting, removed)
		if err != nil {
			return err
		}
		if !seen && len(emptied) > 0 { // what an older snapshot may see would be written anew too
			if seen, err = h.deletionsSeen(ctx); err != nil || !seen {
				return err
			}
			started = time.Now() // the time to try in begins here
		}
		if waiting, err = h.rewrite(ctx, emptied, removed); err != nil {
			return err
		}
		if time.Since(started) < countsLag {
			waiting = append(waiting, full...)
		}
		if len(waiting) == 0 || time.Since(started) > reclaimFor {
			return nil
		}
		if err := sleep(ctx, reclaimPause); err != nil {
			return err
		}
	}
}

// deletionsSeen waits until no snapshot can see what has been removed by now: a new one reaches back to the oldest
// transaction that is writing, in any database, and every open transaction may have an older one. False when that takes
// too long.
func (h *Handle) deletionsSeen(ctx context.Context) (bool, error) {
	var last string
	if err := h.ask(ctx, `SELECT pg_snapshot_xmax(pg_current_snapshot())::text`, &last); err != nil {
		return false, err
	}
	ended, err := awaitSnapshots(ctx, reclaimFor, func() (ended bool, err error) {
		err = h.ask(ctx, `SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8`, &ended, last)
		return ended, err
	})
	if err != nil || !ended {
		return false, err
	}
	return h.olderTransactionsEnded(ctx)
}

// nearlyEmpty finds the tables that are worth it, the largest deletion first, and those that seem to be full, although
// much was removed from them.
func (h *Handle) nearlyEmpty(ctx context.Context, tables []string, removed removals) (emptied, full []string, err error) {
	slices.SortFunc(tables, func(a, b string) int { return cmp.Compare(removed[b], removed[a]) })
	for _, table := range tables {
		var few bool
		if err := h.ask(ctx, `SELECT nearly_empty($1, $2)`, &few, table, rowsLeft(removed[table])); err != nil {
			return nil, nil, err
		}
		switch {
		case few:
			emptied = append(emptied, table)
		case removed[table] >= reclaimLarge:
			full = append(full, table)
		}
	}
	return emptied, full, nil
}

// rewrite writes tables anew and returns those that were in use.
func (h *Handle) rewrite(ctx context.Context, tables []string, removed removals) (busy []string, err error) {
	for _, table := range tables {
		err := h.write(ctx, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, reclaimBounds); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `SELECT rewrite_table($1, $2)`, table, rowsLeft(removed[table]))
			return err
		})
		var pg *pgconn.PgError
		switch {
		case errors.As(err, &pg) && (pg.Code == "55P03" || pg.Code == "57014"): // not to be had in time, or not done in time
			busy = append(busy, table)
		case err != nil:
			return nil, err
		}
	}
	return busy, nil
}

// rowsLeft is how many rows a table may have left from which so many were removed.
func rowsLeft(removed int64) int64 { return min(removed/reclaimShare, reclaimRows) }
