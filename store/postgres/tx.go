package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"lindero/fault"
)

// bindTenant sets the tenant for the rest of the transaction; with no transaction open it would bind nothing.
const bindTenant = "SELECT set_config('app.tenant_id', $1, true)"

// bindSearch does so for a search. $2 is how wide an approximate index is searched; it goes on beyond that width until the
// limit is reached, because what a policy, a filter or a deletion hides must not shorten the answer.
const bindSearch = "SELECT set_config('app.tenant_id', $1, true), set_config('hnsw.ef_search', $2, true)"

// planSearches is how the connections of searches plan. Their statements are written for one plan each, whatever the
// tables hold: look-ups by the key they are ordered as (lookup.go), vectors by their index. So they are planned once a
// connection, with the other ways closed, and not anew for every search, which would take as long as the search itself.
// What a closed way costs by the planner's book would set off compilation.
const planSearches = `SET plan_cache_mode = force_generic_plan; SET jit = off; SET hnsw.iterative_scan = relaxed_order;
	SET enable_sort = off; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_memoize = off`

// retryAfterOutage is what clients are told to wait while the database is away.
const retryAfterOutage = 2 * time.Second

var errNoTenant = fault.New(fault.Internal, "storage was asked for without a tenant")

// read runs the queued statements as one implicit transaction in one round trip, bound to the handle's tenant.
// Results are read by the functions given to Queue(…).Query and QueryRow; the first error ends it.
// The statements see READ COMMITTED snapshots: use snapshot (search.go) where two must agree.
func (h *Handle) read(ctx context.Context, fill func(*pgx.Batch)) error {
	return h.readOn(ctx, h.store.pool, fill)
}

// readOn is read over the connections of a pool.
func (h *Handle) readOn(ctx context.Context, pool *pgxpool.Pool, fill func(*pgx.Batch)) error {
	if h.id.IsZero() {
		return errNoTenant
	}
	batch := &pgx.Batch{}
	batch.Queue(bindTenant, h.id.String())
	fill(batch)
	return translate(pool.SendBatch(ctx, batch).Close())
}

// ask reads one value.
func (h *Handle) ask(ctx context.Context, statement string, value any, arguments ...any) error {
	return h.read(ctx, func(b *pgx.Batch) {
		b.Queue(statement, arguments...).QueryRow(func(row pgx.Row) error { return row.Scan(value) })
	})
}

// write runs fn in a transaction bound to the handle's tenant, and commits when fn returns nil. BEGIN and the
// binding share one round trip. The UUID is typed, so it can be part of the statement's text.
func (h *Handle) write(ctx context.Context, fn func(pgx.Tx) error) error {
	if h.id.IsZero() {
		return errNoTenant
	}
	options := pgx.TxOptions{BeginQuery: "BEGIN; SELECT set_config('app.tenant_id', '" + h.id.String() + "', true)"}
	return translate(pgx.BeginTxFunc(ctx, h.store.pool, options, fn))
}

// translate turns what the driver reports into the one vocabulary of errors, at this edge and nowhere else.
func translate(err error) error {
	if err == nil {
		return nil
	}
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.Wrap(err, fault.NotFound, "not found")
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return translateClientSide(err)
	}
	switch {
	case pg.Code == "57014": // statement_timeout or a cancel request
		return unavailable(err)
	case pg.Code[:2] == "08", pg.Code[:2] == "53", strings.HasPrefix(pg.Code, "57P"): // connection, resources, shutting down
		return unavailable(err)
	case pg.Code == "40001", pg.Code == "40P01": // serialization failure or deadlock: safe to try again
		return unavailable(err)
	case pg.Code == "23505":
		return fault.Wrap(err, fault.Conflict, "it exists already")
	}
	return fault.Wrap(err, fault.Internal, "the database refused the statement")
}

// translateClientSide tells a server that is gone, restarting or unreachable from a mistake of ours, such as a
// value that cannot be scanned: waiting would not mend that.
func translateClientSide(err error) error {
	var network net.Error
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &network), errors.As(err, &connect), pgconn.SafeToRetry(err), pgconn.Timeout(err),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		// The driver names these two by their text alone: a connection that broke between two statements, and a
		// pool that shuts down.
		strings.Contains(err.Error(), "conn closed"), strings.Contains(err.Error(), "closed pool"):
		return unavailable(err)
	}
	return fault.Wrap(err, fault.Internal, "the database's answer could not be used")
}

func unavailable(err error) error {
	e := fault.Wrap(err, fault.Unavailable, "the database is not available; try again in a moment")
	e.RetryAfter = retryAfterOutage
	return e
}
