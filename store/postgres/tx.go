package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lindero/fault"
)

// bindTenant sets the tenant for the rest of the transaction; with no transaction open it would bind nothing.
const bindTenant = "SELECT set_config('app.tenant_id', $1, true)"

// retryAfterOutage is what clients are told to wait while the database is away.
const retryAfterOutage = 2 * time.Second

var errNoTenant = fault.New(fault.Internal, "storage was asked for without a tenant")

// read runs the queued statements as one implicit transaction in one round trip, bound to the handle's tenant.
// Results are read by the functions given to Queue(…).Query and QueryRow; the first error ends it.
// The statements see READ COMMITTED snapshots: use snapshot (search.go) where two must agree.
func (h *Handle) read(ctx context.Context, fill func(*pgx.Batch)) error {
	if h.id.IsZero() {
		return errNoTenant
	}
	batch := &pgx.Batch{}
	batch.Queue(bindTenant, h.id.String())
	fill(batch)
	return translate(h.store.pool.SendBatch(ctx, batch).Close())
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
	if !errors.As(err, &pg) { // no answer from the server: it is gone, restarting or unreachable
		return unavailable(err)
	}
	switch pg.Code[:2] {
	case "08", "53", "57": // connection, resources, shutting down
		return unavailable(err)
	case "40": // serialization failure or deadlock: safe to try again
		return unavailable(err)
	}
	if pg.Code == "23505" {
		return fault.Wrap(err, fault.Conflict, "it exists already")
	}
	return fault.Wrap(err, fault.Internal, "the database refused the statement")
}

func unavailable(err error) error {
	e := fault.Wrap(err, fault.Unavailable, "the database is not available; try again in a moment")
	e.RetryAfter = retryAfterOutage
	return e
}
