// Package migrations brings a database to the schema this build expects: roles and extension first
// (bootstrap.sql), then River's own tables, then the numbered steps, in that order and under one lock.
package migrations

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed *.sql
var files embed.FS

// RiverSchema is where the queue's tables lie.
const RiverSchema = "river"

// advisoryLock serialises bootstraps of one database; any number that nothing else uses.
const advisoryLock = 5_246_001

// Up migrates the database at ownerURL. The role of the URL must be able to create roles and the vector
// extension, or both must be there already; the tables end up owned by lindero_owner. Up is idempotent and
// may be run by several processes at once.
func Up(ctx context.Context, ownerURL string, log *slog.Logger) error {
	if err := bootstrap(ctx, ownerURL); err != nil {
		return fmt.Errorf("prepare roles and extension: %w", err)
	}
	config, err := pgxpool.ParseConfig(ownerURL)
	if err != nil {
		return fmt.Errorf("parse the database URL: %w", err)
	}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SET ROLE lindero_owner")
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect as the owner: %w", err)
	}
	defer pool.Close()
	if err := migrateQueue(ctx, pool); err != nil {
		return fmt.Errorf("migrate the queue's tables: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }()
	return migrateSchema(ctx, db, log)
}

func bootstrap(ctx context.Context, ownerURL string) error {
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	script, err := files.ReadFile("bootstrap.sql")
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", advisoryLock); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, string(script))
	return err // closing the connection releases the lock
}

func migrateQueue(ctx context.Context, pool *pgxpool.Pool) error {
	// River takes no lock of its own; two processes that migrate at once would trip over each other.
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", advisoryLock); err != nil {
		return err
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", advisoryLock) }()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: RiverSchema, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	// Jobs carry ids only. The platform role enqueues deletions; it has no use for more.
	_, err = conn.Exec(ctx, `
		GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA river TO lindero_app;
		GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA river TO lindero_app, lindero_platform;
		GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA river TO lindero_app, lindero_platform;
		GRANT SELECT, INSERT, UPDATE ON river.river_job TO lindero_platform;
		GRANT SELECT ON river.river_queue TO lindero_platform`)
	return err
}

func migrateSchema(ctx context.Context, db *sql.DB, log *slog.Logger) error {
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	// Steps that were written side by side do not depend on each other, and may be released in any order.
	provider, err := newProvider(db, goose.WithSessionLocker(locker), goose.WithAllowOutofOrder(true))
	if err != nil {
		return err
	}
	results, err := provider.Up(ctx)
	for _, r := range results {
		log.Info("migrated", "step", r.Source.Path, "took", r.Duration)
	}
	if err != nil {
		return fmt.Errorf("apply migrations: %w", err)
	}
	return nil
}

func newProvider(db *sql.DB, options ...goose.ProviderOption) (*goose.Provider, error) {
	return goose.NewProvider(goose.DialectPostgres, db, onlySteps{files}, options...)
}

// Steps are the numbers of the steps in this build, in order.
func Steps() ([]int64, error) {
	names, err := fs.Glob(files, "[0-9][0-9][0-9]_*.sql")
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("no migrations embedded: %w", err)
	}
	steps := make([]int64, len(names))
	for i, name := range names {
		if steps[i], err = goose.NumericComponent(name); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

// Hash identifies the embedded scripts, for a template database made from them.
func Hash() string {
	sum := sha256.New()
	names, _ := fs.Glob(files, "*.sql")
	for _, name := range names {
		content, _ := files.ReadFile(name)
		fmt.Fprintf(sum, "%s %d\n", name, len(content))
		sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}
