// Package crosstenant is the one place that reads and writes rows of more than one tenant: tenants, keys and
// deletion receipts, for operators. It connects as the platform role, whose policies and grants cover those
// tables and no documents. The name is meant to be searched for: only tenant/admin's wiring may import it.
package crosstenant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"lindero/fault"
	"lindero/migrations"
	"lindero/store/postgres"
)

// Config is what a Platform needs. URL is required.
type Config struct {
	URL      string // of the role lindero_platform
	MaxConns int32  // 0: pgx's default
	Secret   string // the same LINDERO_SECRET as the Store's
}

// Platform is the operators' storage. It is safe for concurrent use.
type Platform struct {
	pool           *pgxpool.Pool
	jobs           *river.Client[pgx.Tx] // enqueues deletions
	operatorSecret string
}

// Open connects. It fails when the server cannot be reached within ten seconds, and refuses a role that could
// read tenants' content.
func Open(ctx context.Context, cfg Config) (*Platform, error) {
	config, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, errors.New("the platform database URL cannot be parsed; it looks like postgres://lindero_platform:password@host:5432/lindero")
	}
	if cfg.MaxConns > 0 {
		config.MaxConns = cfg.MaxConns
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL as the platform role: %w", err)
	}
	p := &Platform{pool: pool, operatorSecret: cfg.Secret}
	if err := p.prepare(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return p, nil
}

func (p *Platform) prepare(ctx context.Context) error {
	checking, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var role string
	var readsContent bool
	err := p.pool.QueryRow(checking, `SELECT current_user, rolsuper OR rolbypassrls
			OR EXISTS (SELECT FROM pg_class WHERE relname = ANY($1) AND relnamespace = 'public'::regnamespace
				AND has_table_privilege(current_user, oid, 'SELECT'))
		FROM pg_roles WHERE rolname = current_user`, postgres.TenantTables).Scan(&role, &readsContent)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL as the platform role: %w", err)
	}
	if readsContent {
		return fmt.Errorf("the platform database URL connects as %s, which can read tenants' content; use the role lindero_platform", role)
	}
	p.jobs, err = river.NewClient(riverpgxv5.New(p.pool), &river.Config{Schema: migrations.RiverSchema, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("open the queue: %w", err)
	}
	return nil
}

// Close waits for running statements and closes the pool.
func (p *Platform) Close() { p.pool.Close() }

// Ping asks the database for a sign of life.
func (p *Platform) Ping(ctx context.Context) error { return postgres.Translate(p.pool.Ping(ctx)) }

func (p *Platform) write(ctx context.Context, fn func(pgx.Tx) error) error {
	return postgres.Translate(pgx.BeginFunc(ctx, p.pool, fn))
}

// one is the only row; none is a fault.NotFound about the tenant that ref names.
func one[T any](rows pgx.Rows, ref string, scan pgx.RowToFunc[T]) (T, error) {
	value, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return value, noTenant(ref)
	}
	return value, err
}

func noTenant(ref string) error { return fault.New(fault.NotFound, "tenant %q does not exist", ref) }
