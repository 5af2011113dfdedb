package jobs_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/internal/storefixture"
	"lindero/store"
)

// stalledAfter is far longer than the backlogs of the fairness tests take.
const stalledAfter = 30 * time.Second

// waitOrTell is wait for a backlog: one that stands still is told with what the queue, the claims and the database's
// sessions look like at that moment, which nobody can see afterwards.
func waitOrTell(tb testing.TB, f *storefixture.Fixture, t storefixture.Tenant, op store.Operation) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), stalledAfter)
	defer cancel()
	if got, err := t.Handle.WaitOperation(ctx, op.ID); err != nil || !got.Status.Final() {
		tb.Logf("stalled: %+v %v", got, err)
		tellQueue(tb, f)
	}
	wait(tb, t, op)
}

func tellQueue(tb testing.TB, f *storefixture.Fixture) {
	tb.Helper()
	conn, err := pgx.Connect(context.Background(), f.OwnerURL)
	if err != nil {
		tb.Log(err)
		return
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, sql := range []string{
		`SELECT concat_ws(' | ', 'job', id, kind, queue, state, priority, attempt, args, now() - scheduled_at, now() - attempted_at)
			FROM river.river_job WHERE state <> 'completed' ORDER BY id DESC LIMIT 20`,
		`SELECT concat_ws(' | ', 'items', 'priority ' || priority, 'lane ' || coalesce(lane::text, 'none'), 'deaths ' || deaths, count(*),
			now() - min(run_at)) FROM work_items GROUP BY priority, lane, deaths`,
		`SELECT concat_ws(' | ', 'session', pid, state, wait_event, 'blocked by ' || pg_blocking_pids(pid)::text, now() - xact_start, left(query, 200))
			FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`,
	} {
		rows, err := conn.Query(context.Background(), sql)
		if err == nil {
			var lines []string
			lines, err = pgx.CollectRows(rows, pgx.RowTo[string])
			for _, line := range lines {
				tb.Log(line)
			}
		}
		if err != nil {
			tb.Log(err)
		}
	}
}
