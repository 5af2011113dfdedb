package jobs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"lindero/store/postgres"
)

const (
	// leaseSeed keeps these advisory locks apart from others of the database.
	leaseSeed = 5_246_002
	// sweepEvery is how soon the jobs of a killed process are found.
	sweepEvery = time.Second
	// restartGrace is how long after a restart of PostgreSQL, which ends all locks, living processes have to
	// take theirs again before they count as dead.
	restartGrace = 10 * time.Second
)

// lease tells living processes from dead ones. While a process lives, a connection of its own holds an
// advisory lock on the name under which it takes jobs; PostgreSQL lets go of it the moment the process is
// gone. Whoever can take the lock of another's name knows that it is dead, and gives its jobs back to the
// queue. River alone would wait for as long as the longest job may take.
//
// Behind a pooler in transaction mode the lock outlives the process; then River's own rescue applies.
type lease struct {
	river.MiddlewareDefaults
	id     string
	worker uuid.UUID // the same, as work items carry it
	pool   *pgxpool.Pool
	log    *slog.Logger
	// tenants are those that this process is dedicated to: a shared lock for each says that somebody serves it.
	tenants []uuid.UUID

	conn   *pgx.Conn // only used by the goroutine of run, after start
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	working map[int64]bool
}

func newLease(pool *pgxpool.Pool, log *slog.Logger, tenants []uuid.UUID) *lease {
	worker := uuid.New()
	return &lease{id: "lindero-" + worker.String(), worker: worker, pool: pool, log: log, tenants: tenants, working: map[int64]bool{}}
}

// Work implements river's middleware: it keeps track of the jobs this process is really at.
func (l *lease) Work(ctx context.Context, job *rivertype.JobRow, work func(context.Context) error) error {
	l.track(job.ID, true)
	defer l.track(job.ID, false)
	return work(ctx)
}

func (l *lease) track(job int64, working bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if working {
		l.working[job] = true
	} else {
		delete(l.working, job)
	}
}

// start takes the lock and begins to look after the others.
func (l *lease) start(ctx context.Context) error {
	if err := l.acquire(ctx); err != nil {
		return err
	}
	ctx, l.cancel = context.WithCancel(ctx)
	l.done = make(chan struct{})
	go l.run(ctx)
	return nil
}

// stop lets go of the lock.
func (l *lease) stop() {
	l.cancel()
	<-l.done
}

func (l *lease) run(ctx context.Context) {
	defer close(l.done)
	defer l.release()
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		if err := l.tend(ctx); err != nil && ctx.Err() == nil {
			l.log.WarnContext(ctx, "the workers' lease could not be tended; trying again", "error", err)
			l.release()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// tend keeps the lock, and gives back what the dead have left.
func (l *lease) tend(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, restartGrace)
	defer cancel()
	if l.conn == nil {
		if err := l.acquire(ctx); err != nil {
			return err
		}
	}
	return l.sweep(ctx)
}

// acquire opens a connection outside the pool, whose connections come and go.
func (l *lease) acquire(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, l.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	// A machine that vanished keeps its lock until the server notices; have it ask.
	_, err = conn.Exec(ctx, `SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3`)
	if err == nil {
		_, err = conn.Exec(ctx, `SELECT pg_advisory_lock(hashtextextended($1, $2))`, l.id, leaseSeed)
	}
	for _, tenant := range l.tenants {
		if err == nil {
			_, err = conn.Exec(ctx, postgres.LockServed, tenant.String())
		}
	}
	if err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return err
	}
	l.conn = conn
	return nil
}

func (l *lease) release() {
	if l.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = l.conn.Close(ctx) // the connection may be broken already
	l.conn = nil
}

// sweep makes running jobs of dead processes available again. Jobs count their attempts up to a bound, which
// keeps the queue from ever giving up. What they had claimed tells the next turn that the process died at it.
func (l *lease) sweep(ctx context.Context) error {
	rows, err := l.conn.Query(ctx, `SELECT DISTINCT attempted_by[array_upper(attempted_by, 1)] FROM river.river_job
		WHERE state = 'running' AND pg_postmaster_start_time() < now() - make_interval(secs => $1)`, restartGrace.Seconds())
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == l.id {
			err = l.sweepOwn(ctx)
		} else {
			err = l.sweepOf(ctx, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *lease) sweepOf(ctx context.Context, name string) error {
	return pgx.BeginFunc(ctx, l.conn, func(tx pgx.Tx) error {
		var dead bool
		if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended($1, $2))`, name, leaseSeed).Scan(&dead); err != nil || !dead {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE river.river_job SET state = 'available', scheduled_at = now(), attempt = least(attempt, $2)
			WHERE state = 'running' AND attempted_by[array_upper(attempted_by, 1)] = $1`, name, maxCountedAttempts)
		if err == nil && tag.RowsAffected() > 0 {
			l.log.InfoContext(ctx, "jobs of a process that died go on", "jobs", tag.RowsAffected(), "process", name)
		}
		return err
	})
}

// sweepOwn finds jobs that this process has finished without being able to say so, during an outage.
func (l *lease) sweepOwn(ctx context.Context) error {
	l.mu.Lock()
	working := make([]int64, 0, len(l.working))
	for id := range l.working {
		working = append(working, id)
	}
	l.mu.Unlock()
	// The grace covers a job that was fetched and has not begun, and one whose end is being written.
	_, err := l.conn.Exec(ctx, `UPDATE river.river_job SET state = 'available', scheduled_at = now(), attempt = least(attempt, $3)
		WHERE state = 'running' AND attempted_by[array_upper(attempted_by, 1)] = $1 AND NOT id = ANY ($2)
			AND attempted_at < now() - make_interval(secs => $4)`, l.id, working, maxCountedAttempts, ownGrace.Seconds())
	return err
}

// ownGrace is longer than River takes to give up writing a job's end.
const ownGrace = 2 * time.Minute

// maxCountedAttempts is far below the number of attempts after which the queue gives up.
const maxCountedAttempts = 20
